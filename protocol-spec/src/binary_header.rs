//! The ROCKETMQ (binary) header: a fixed part of 21 bytes with two strings in it.
use bytes::{BufMut, BytesMut};
use nom::multi::length_data;
use nom::number::complete::{be_i16, be_i32, be_u8, be_u32};
use nom::{IResult, Parser};

use crate::code::{Language, restore_truncated};
use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields};
use crate::frame::{Flags, FrameError, Head, HeaderParts, SerializeType};
use crate::text::Text;

/// Position of the opaque in the header.
pub(crate) const OPAQUE_AT: usize = 5;

type Parts<'a> = (i16, u8, i16, i32, i32, &'a [u8], &'a [u8]);

fn parts(header: &[u8]) -> IResult<&[u8], Parts<'_>> {
    (
        be_i16,              // code
        be_u8,               // language
        be_i16,              // version
        be_i32,              // opaque
        be_i32,              // flag
        length_data(be_u32), // remark
        length_data(be_u32), // extFields
    )
        .parse(header)
}

pub(crate) fn decode(header: &[u8]) -> Result<HeaderParts<'_>, FrameError> {
    let refuse = |reason| FrameError::Header { reason, at: 0 };
    let (rest, (code, language, version, opaque, flag, remark, fields)) =
        parts(header).map_err(|_| refuse("a field ends after the header"))?;
    if !rest.is_empty() {
        return Err(refuse("bytes are left after extFields"));
    }
    let remark = str::from_utf8(remark).map_err(|_| refuse("remark is not UTF-8"))?;
    let fields = Fields::check_binary(fields)
        .ok_or_else(|| refuse("an entry of extFields is cut short or not UTF-8"))?;
    let flags = Flags(flag);
    let code = i32::from(code);
    Ok(HeaderParts {
        code: if flags.is_response() { code } else { restore_truncated(code) },
        language: Language(language),
        version: i32::from(version),
        opaque,
        flags,
        remark: if remark.is_empty() { None } else { Some(Text::plain(remark)) },
        fields,
    })
}

/// Appends a header. Code and version lose their high bits, as Apache's do.
pub(crate) fn encode(out: &mut BytesMut, head: &Head<'_>, header: &(impl EncodeHeader + ?Sized)) {
    let remark = head.remark.unwrap_or("");
    out.put_slice(&low_16_bits(head.code));
    out.put_u8(head.language.0);
    out.put_slice(&low_16_bits(head.version));
    out.put_i32(head.opaque);
    out.put_i32(head.flags.0);
    out.put_slice(&length(remark.len()));
    out.put_slice(remark.as_bytes());
    let length_at = out.len();
    out.put_i32(0);
    header.encode(&mut FieldWriter::new(out, SerializeType::Binary));
    let fields_bytes = out.len() - length_at - 4;
    if let Some(place) = out.get_mut(length_at..length_at + 4) {
        place.copy_from_slice(&length(fields_bytes));
    }
}

fn low_16_bits(value: i32) -> [u8; 2] {
    let [_, _, high, low] = value.to_be_bytes();
    [high, low]
}

/// A length of our own making; `encode_head` bounds the header as a whole.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes()
}
