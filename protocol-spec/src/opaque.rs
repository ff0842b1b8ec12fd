//! Finding the opaque in a frame's bytes without decoding it: to answer a frame that is refused,
//! and to send one prepared frame many times.
use crate::binary_header;
use crate::frame::PREFIX_BYTES;

/// Looks no further than this into a header that may not even be one. Chosen: past the properties
/// of any usual send.
const PEEK_BYTES_MAX: usize = 64 * 1024;

/// The opaque of a frame that may be malformed or incomplete, where it can be made out. Lets a
/// server say why it closes.
pub fn peek_opaque(frame: &[u8]) -> Option<i32> {
    let slot = opaque_slot(frame.get(..PEEK_BYTES_MAX).unwrap_or(frame))?;
    let bytes = frame.get(slot.at..slot.at + slot.bytes)?;
    match slot.form {
        Form::Binary => Some(i32::from_be_bytes(bytes.try_into().ok()?)),
        Form::Digits => str::from_utf8(bytes).ok()?.parse().ok(),
    }
}

/// Where the opaque stands in a frame, so that a prepared frame can be sent under many numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpaqueSlot {
    at: usize,
    bytes: usize,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Binary,
    Digits,
}

impl OpaqueSlot {
    /// Writes `opaque` into a frame of the same shape. False, with nothing written, where the
    /// number has not as many digits as the one in the JSON header: prepare such frames with an
    /// opaque of 1 000 000 000 and count up from there.
    #[must_use]
    pub fn patch(self, frame: &mut [u8], opaque: i32) -> bool {
        let mut digits = itoa::Buffer::new();
        let binary;
        let value = match self.form {
            Form::Binary => {
                binary = opaque.to_be_bytes();
                &binary
            }
            Form::Digits => digits.format(opaque).as_bytes(),
        };
        match frame.get_mut(self.at..self.at + self.bytes) {
            Some(place) if place.len() == value.len() => {
                place.copy_from_slice(value);
                true
            }
            _ => false,
        }
    }
}

/// Finds the opaque of the frame at the start of `frame`, length field included.
pub fn opaque_slot(frame: &[u8]) -> Option<OpaqueSlot> {
    match frame.get(4)? {
        1 => Some(OpaqueSlot {
            at: PREFIX_BYTES + binary_header::OPAQUE_AT,
            bytes: 4,
            form: Form::Binary,
        }),
        0 => json_slot(frame),
        _ => None,
    }
}

/// The first `"opaque":` with a number after it. Text inside a value has its quotes escaped and a
/// field of that name has a string after it, so only the key itself matches.
fn json_slot(frame: &[u8]) -> Option<OpaqueSlot> {
    const KEY: &[u8] = b"\"opaque\"";
    let mut from = PREFIX_BYTES;
    loop {
        let rest = frame.get(from..)?;
        let found = rest.windows(KEY.len()).position(|window| window == KEY)?;
        from += found + KEY.len();
        let after_key = frame.get(from..)?;
        let Some(after_colon) = after_key.trim_ascii_start().strip_prefix(b":") else { continue };
        let value = after_colon.trim_ascii_start();
        let bytes = value.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        if bytes > 0 {
            return Some(OpaqueSlot { at: frame.len() - value.len(), bytes, form: Form::Digits });
        }
    }
}
