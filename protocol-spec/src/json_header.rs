//! The JSON header: eight known keys in any order, `extFields` flat.
use bytes::{BufMut, BytesMut};

use crate::code::Language;
use crate::fields::{EncodeHeader, FieldWriter, Fields};
use crate::frame::{Flags, FrameError, Head, HeaderParts, SerializeType};
use crate::json_scan::{Malformed, Scanner, Value};
use crate::json_write;
use crate::text::Text;

pub(crate) fn decode(header: &[u8]) -> Result<HeaderParts<'_>, FrameError> {
    let text = str::from_utf8(header).map_err(|error| FrameError::Header {
        reason: "the header is not UTF-8",
        at: error.valid_up_to(),
    })?;
    scan(text).map_err(|Malformed { reason, at }| FrameError::Header { reason, at })
}

/// Keys that are absent or null keep zero, as in Apache's bean.
fn scan(text: &str) -> Result<HeaderParts<'_>, Malformed> {
    let mut scanner = Scanner::new(text);
    let mut parts = HeaderParts {
        code: 0,
        language: Language::JAVA,
        version: 0,
        opaque: 0,
        flags: Flags::default(),
        remark: None,
        fields: Fields::NONE,
    };
    if !scanner.take(b'{') {
        return scanner.fail("the header is not a JSON object");
    }
    if !scanner.take(b'}') {
        loop {
            let key = scanner.key()?;
            member(&mut scanner, key, &mut parts)?;
            if !scanner.another_member()? {
                break;
            }
        }
    }
    if scanner.peek_token().is_some() {
        return scanner.fail("text follows the header's object");
    }
    Ok(parts)
}

fn member<'a>(
    scanner: &mut Scanner<'a>,
    key: Text<'a>,
    parts: &mut HeaderParts<'a>,
) -> Result<(), Malformed> {
    // Escapes in a key are legal and never seen: worth an allocation when it comes.
    let owned;
    let name = match key.as_plain() {
        Some(plain) => plain,
        None => {
            owned = key.to_str();
            &owned
        }
    };
    match name {
        "code" => parts.code = int(scanner)?,
        "flag" => parts.flags = Flags(int(scanner)?),
        "opaque" => parts.opaque = int(scanner)?,
        "version" => parts.version = int(scanner)?,
        "language" => parts.language = language(scanner)?,
        "extFields" => parts.fields = Fields::scan_json(scanner)?,
        "remark" => {
            parts.remark = match scanner.value()? {
                Value::Null => None,
                Value::String(text) => Some(text),
                Value::Other(text) => Some(Text::plain(text)),
            }
        }
        // The type byte of the frame says the serialize type; the rest is unknown.
        _ => {
            scanner.value()?;
        }
    }
    Ok(())
}

/// An int32, quoted or not; null reads as 0.
fn int(scanner: &mut Scanner<'_>) -> Result<i32, Malformed> {
    scanner.peek_token();
    let at = scanner.at();
    let digits = match scanner.value()? {
        Value::Null => return Ok(0),
        Value::String(text) => text.as_plain(),
        Value::Other(digits) => Some(digits),
    };
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or(Malformed { reason: "an int32 is expected", at })
}

/// A name; fastjson also reads an enum's number.
fn language(scanner: &mut Scanner<'_>) -> Result<Language, Malformed> {
    Ok(match scanner.value()? {
        Value::Null => Language::JAVA,
        Value::String(name) => name.as_plain().map_or(Language::OTHER, Language::from_name),
        Value::Other(number) => number.parse().map_or(Language::OTHER, Language),
    })
}

/// Appends a header with its keys in the order fastjson gives them, which is the alphabet's.
pub(crate) fn encode(out: &mut BytesMut, head: &Head<'_>, header: &(impl EncodeHeader + ?Sized)) {
    let mut digits = itoa::Buffer::new();
    out.put_slice(b"{\"code\":");
    out.put_slice(digits.format(head.code).as_bytes());
    let before_fields = out.len();
    out.put_slice(b",\"extFields\":{");
    let fields_at = out.len();
    header.encode(&mut FieldWriter::new(out, SerializeType::Json));
    if out.len() == fields_at {
        out.truncate(before_fields);
    } else {
        out.put_u8(b'}');
    }
    out.put_slice(b",\"flag\":");
    out.put_slice(digits.format(head.flags.0).as_bytes());
    out.put_slice(b",\"language\":\"");
    out.put_slice(head.language.name().as_bytes());
    out.put_slice(b"\",\"opaque\":");
    out.put_slice(digits.format(head.opaque).as_bytes());
    if let Some(remark) = head.remark {
        out.put_slice(b",\"remark\":\"");
        json_write::escape(out, remark);
        out.put_u8(b'"');
    }
    out.put_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    out.put_slice(digits.format(head.version).as_bytes());
    out.put_u8(b'}');
}
