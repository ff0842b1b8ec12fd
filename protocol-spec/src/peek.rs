//! What a load generator must know of a frame, read from the ends of its header.
use crate::binary_header;
use crate::code::restore_truncated;
use crate::digits;
use crate::frame::{
    Decoded, Flags, FrameError, FrameLimits, Measured, SerializeType, decode, measure,
};

/// A frame's length and the three facts that match an answer to its request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peek {
    /// Bytes of the whole frame, length field included.
    pub frame_bytes: usize,
    /// Request code, or response code when `is_response`.
    pub code: i32,
    pub opaque: i32,
    pub is_response: bool,
    pub serialize: SerializeType,
}

/// Reads code and opaque of the frame at the start of `input` without decoding the fields; `None`
/// where it is not complete yet.
///
/// A JSON header in fastjson's order is read from both ends and its middle is not looked at, so
/// bytes that `decode` would refuse may pass, and a key that comes twice is not noticed. Any other
/// header is decoded. For tools that trust their peer; a server decodes.
pub fn peek(input: &[u8], limits: &FrameLimits) -> Result<Option<Peek>, FrameError> {
    let Measured::Whole { serialize, header, raw, .. } = measure(input, limits)? else {
        return Ok(None);
    };
    let ends = match serialize {
        SerializeType::Json => json_ends(header),
        SerializeType::Binary => binary_ends(header),
    };
    let (code, opaque, flags) = match ends {
        Some(ends) => ends,
        None => match decode(input, limits)? {
            Decoded::Complete { frame, .. } => (frame.code, frame.opaque, frame.flags),
            Decoded::Incomplete { .. } => return Ok(None),
        },
    };
    let is_response = flags.is_response();
    Ok(Some(Peek { frame_bytes: raw.len(), code, opaque, is_response, serialize }))
}

fn binary_ends(header: &[u8]) -> Option<(i32, i32, Flags)> {
    let code = i32::from(i16::from_be_bytes(*header.first_chunk()?));
    let (opaque, rest) = header.get(binary_header::OPAQUE_AT..)?.split_first_chunk::<4>()?;
    let flags = Flags(i32::from_be_bytes(*rest.first_chunk()?));
    let code = if flags.is_response() { code } else { restore_truncated(code) };
    Some((code, i32::from_be_bytes(*opaque), flags))
}

/// The start has `{"code":…`; the end has `,"flag":…,"language":"…","opaque":…`, a remark or none,
/// and `,"serializeTypeCurrentRPC":"JSON","version":…}`.
/// Text inside a value has its quotes escaped, so `,"` with a key after it is one of the header's.
fn json_ends(header: &[u8]) -> Option<(i32, i32, Flags)> {
    let code = leading_int(header.strip_prefix(b"{\"code\":")?)?;
    let (rest, _version) = trailing_int(header.strip_suffix(b"}")?)?;
    let rest = rest.strip_suffix(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":")?;
    let rest = match rest.strip_suffix(b"\"") {
        Some(rest) => before_text(rest)?.strip_suffix(b",\"remark\":")?,
        None => rest,
    };
    let (rest, opaque) = trailing_int(rest)?;
    let language_end = rest.strip_suffix(b"\",\"opaque\":")?;
    let (rest, flag) = trailing_int(before_text(language_end)?.strip_suffix(b",\"language\":")?)?;
    rest.ends_with(b",\"flag\":").then_some((code, opaque, Flags(flag)))
}

/// What stands before the opening quote of the string that `rest` ends with; `None` where it has
/// an escaped quote.
fn before_text(rest: &[u8]) -> Option<&[u8]> {
    let quote = rest.iter().rposition(|&byte| byte == b'"')?;
    let before = rest.get(..quote)?;
    (before.last() != Some(&b'\\')).then_some(before)
}

/// The int32 that `text` starts with, up to a comma or brace; without a sign.
fn leading_int(text: &[u8]) -> Option<i32> {
    let (number, rest) = digits::leading(text)?;
    i32::try_from(number).ok().filter(|_| matches!(rest.first(), Some(b',' | b'}')))
}

/// The int32 that `text` ends with, and what stands before it; without a sign.
fn trailing_int(text: &[u8]) -> Option<(&[u8], i32)> {
    let digits = text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, digits) = text.split_at(text.len() - digits);
    Some((rest, i32::try_from(digits::unsigned(digits)?).ok()?))
}
