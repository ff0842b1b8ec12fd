//! The JSON header: eight known keys in any order, `extFields` flat.
use bytes::{BufMut, BytesMut};

use crate::code::Language;
use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields};
use crate::frame::{Flags, FrameError, Head, HeaderParts, SerializeType};
use crate::json_scan::{Malformed, Scanner, Stopped, Value};
use crate::json_write;
use crate::text::Text;

pub(crate) fn decode(header: &[u8]) -> Result<HeaderParts<'_>, FrameError> {
    let text = str::from_utf8(header).map_err(|error| FrameError::Header {
        reason: "the header is not UTF-8",
        at: error.valid_up_to(),
    })?;
    let mut scanner = Scanner::new(text);
    scan(&mut scanner).map_err(|Stopped| {
        let Malformed { reason, at } = scanner.malformed();
        FrameError::Header { reason, at }
    })
}

/// Keys that are absent or null keep zero, as in Apache's bean.
fn scan<'a>(scanner: &mut Scanner<'a>) -> Result<HeaderParts<'a>, Stopped> {
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
        return scanner.stop("the header is not a JSON object");
    }
    if !scanner.take(b'}') {
        loop {
            let (key, escaped) = scanner.key()?;
            if escaped {
                // Legal, and never seen: worth an allocation when it comes.
                member(scanner, &Text::escaped(key).to_str(), &mut parts)?;
            } else {
                member(scanner, key, &mut parts)?;
            }
            if !scanner.another_member()? {
                break;
            }
        }
    }
    if scanner.token().is_some() {
        return scanner.stop("text follows the header's object");
    }
    Ok(parts)
}

fn member<'a>(
    scanner: &mut Scanner<'a>,
    key: &str,
    parts: &mut HeaderParts<'a>,
) -> Result<(), Stopped> {
    match key {
        "code" => parts.code = int(scanner)?,
        "flag" => parts.flags = Flags(int(scanner)?),
        "opaque" => parts.opaque = int(scanner)?,
        "version" => parts.version = int(scanner)?,
        "language" => parts.language = language(scanner)?,
        "extFields" => parts.fields = Fields::scan_json(scanner)?,
        "remark" => {
            parts.remark = scanner.raw_value()?.map(|(text, escaped)| Text::new(text, escaped));
        }
        // The type byte of the frame says the serialize type; the rest is unknown.
        _ => scanner.skip_value()?,
    }
    Ok(())
}

/// An int32, quoted or not; null reads as 0.
#[inline]
fn int(scanner: &mut Scanner<'_>) -> Result<i32, Stopped> {
    match scanner.short_int() {
        Some(number) => Ok(number),
        None => any_int(scanner),
    }
}

#[inline(never)]
fn any_int(scanner: &mut Scanner<'_>) -> Result<i32, Stopped> {
    scanner.token();
    let at = scanner.at();
    let digits = match scanner.value()? {
        Value::Null => return Ok(0),
        Value::String(text) => text.as_plain(),
        Value::Other(digits) => Some(digits),
    };
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(number) => Ok(number),
        None => scanner.stop_at(at, "an int32 is expected"),
    }
}

/// A name; fastjson also reads an enum's number.
fn language(scanner: &mut Scanner<'_>) -> Result<Language, Stopped> {
    Ok(match scanner.value()? {
        Value::Null => Language::JAVA,
        Value::String(name) => name.as_plain().map_or(Language::OTHER, Language::from_name),
        Value::Other(number) => number.parse().map_or(Language::OTHER, Language),
    })
}

/// Appends a header with its keys in the order fastjson gives them, which is the alphabet's. What
/// nearly all answers share is copied whole.
pub(crate) fn encode(out: &mut BytesMut, head: &Head<'_>, header: &(impl EncodeHeader + ?Sized)) {
    out.put_slice(b"{\"code\":");
    json_write::int(out, i64::from(head.code));
    let before_fields = out.len();
    out.put_slice(b",\"extFields\"");
    let fields_at = out.len();
    header.encode(&mut FieldWriter::new(out, SerializeType::Json));
    if out.len() == fields_at {
        out.truncate(before_fields);
    } else {
        if let Some(place) = out.get_mut(fields_at..fields_at + 2) {
            place.copy_from_slice(b":{");
        }
        out.put_slice(b"\"}");
    }
    if (head.flags, head.language) == (Flags::RESPONSE, Language::JAVA) {
        out.put_slice(b",\"flag\":1,\"language\":\"JAVA\",\"opaque\":");
    } else {
        out.put_slice(b",\"flag\":");
        json_write::int(out, i64::from(head.flags.0));
        out.put_slice(b",\"language\":\"");
        out.put_slice(head.language.name().as_bytes());
        out.put_slice(b"\",\"opaque\":");
    }
    json_write::int(out, i64::from(head.opaque));
    if let Some(remark) = head.remark {
        out.put_slice(b",\"remark\":\"");
        json_write::escape(out, remark);
        out.put_u8(b'"');
    }
    out.put_slice(b",\"serializeTypeCurrentRPC\":\"JSON\",\"version\":");
    json_write::int(out, i64::from(head.version));
    out.put_u8(b'}');
}
