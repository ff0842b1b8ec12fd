//! Strings of a JSON header, written straight into the frame.
use bytes::{BufMut, BytesMut};

use crate::text::Text;

/// Appends a number.
#[inline(never)]
pub(crate) fn int(out: &mut BytesMut, number: i64) {
    if let Ok(digit @ 0..=9) = u8::try_from(number) {
        return out.put_u8(b'0' + digit);
    }
    out.put_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a value as it came; what has no escapes yet gets those that it needs.
pub(crate) fn text(out: &mut BytesMut, value: Text<'_>) {
    match value.as_escaped() {
        Some(escaped) => out.put_slice(escaped.as_bytes()),
        None => escape(out, &value.to_str()),
    }
}

/// Appends `text` escaped, without quotes around it. Text without `"`, `\` and control characters
/// (names, numbers, nearly all values) is one copy.
#[inline(never)]
pub(crate) fn escape(out: &mut BytesMut, text: &str) {
    if is_plain(text.as_bytes()) {
        out.put_slice(text.as_bytes());
    } else {
        escape_runs(out, text.as_bytes());
    }
}

#[inline(never)]
fn escape_runs(out: &mut BytesMut, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| needs_escape(byte)) {
        let (run, after) = rest.split_at(at);
        out.put_slice(run);
        if let Some((&byte, after)) = after.split_first() {
            escape_byte(out, byte);
            rest = after;
        }
    }
    out.put_slice(rest);
}

/// True where no byte needs an escape; false is only a hint. Eight bytes a step, the last ones
/// perhaps twice.
#[inline]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk::<8>() else {
        return !text.iter().any(|&byte| needs_escape(byte));
    };
    let (chunks, _) = text.as_chunks::<8>();
    let suspects = chunks.iter().fold(suspects(last), |all, chunk| all | suspects(chunk));
    suspects & 0x8080_8080_8080_8080 == 0
}

/// The highest bit of a byte of `chunk` that may need an escape is set.
#[inline]
fn suspects(chunk: &[u8; 8]) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(*chunk);
    // Below 0x20, a quote, a backslash: what turns negative, and was not before.
    let control = word.wrapping_sub(LOW * 0x20);
    let quote = (word ^ (LOW * 0x22)).wrapping_sub(LOW);
    let backslash = (word ^ (LOW * 0x5C)).wrapping_sub(LOW);
    (control | quote | backslash) & !word
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape_byte(out: &mut BytesMut, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.put_slice(b"\\u00");
            out.put_u8(HEX[usize::from(byte >> 4)]);
            out.put_u8(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.put_slice(&[b'\\', short]);
}
