//! Strings of a JSON header, written straight into the frame.
use bytes::{BufMut, BytesMut};

/// Appends `text` escaped, without quotes around it. Text without `"`, `\` and control characters
/// (names, numbers, nearly all values) is one copy.
pub(crate) fn escape(out: &mut BytesMut, text: &str) {
    let mut rest = text.as_bytes();
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
