//! One frame: int32 length, int32 header word (serialize type, header length), header, body.
use bytes::{BufMut, Bytes, BytesMut};

use crate::code::Language;
use crate::fields::{EncodeHeader, Fields};
use crate::header_memo::HeaderMemo;
pub use crate::peek::{Peek, peek};
use crate::text::Text;
use crate::{binary_header, json_header};

/// Bytes before the header: total length and header word.
pub const PREFIX_BYTES: usize = 8;

/// The header word has 24 bits for the header's length.
const HEADER_BYTES_CEILING: usize = 0xFF_FFFF;

/// How a header is written: the high byte of the header word.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SerializeType {
    Json,
    Binary,
}

/// The `flag` word: bit 0 response, bit 1 one-way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Flags(pub i32);

impl Flags {
    pub const REQUEST: Self = Self(0);
    pub const RESPONSE: Self = Self(1);
    pub const ONEWAY: Self = Self(2);

    pub fn is_response(self) -> bool {
        self.0 & 1 != 0
    }

    pub fn is_oneway(self) -> bool {
        self.0 & 2 != 0
    }
}

/// Limits checked on the length fields, before anything is allocated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameLimits {
    /// Largest `total length` field. Apache: 16 777 216.
    pub frame_bytes_max: u32,
    /// Largest header. Chosen: 1 MiB would hold any properties twice over.
    pub header_bytes_max: u32,
}

impl FrameLimits {
    /// What the format itself allows: for frames that have passed other limits already.
    pub const FORMAT: Self =
        Self { frame_bytes_max: i32::MAX.unsigned_abs(), header_bytes_max: 0xFF_FFFF };
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self { frame_bytes_max: 16 * 1024 * 1024, header_bytes_max: 1024 * 1024 }
    }
}

/// A decoded frame that borrows from the read buffer.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    pub serialize: SerializeType,
    /// Request code, or response code when `flags.is_response()`. The truncated codes of the binary
    /// header (3442 …) are already mapped back to the real ones (200050 …) for requests.
    pub code: i32,
    pub language: Language,
    pub version: i32,
    pub opaque: i32,
    pub flags: Flags,
    pub remark: Option<Text<'a>>,
    pub fields: Fields<'a>,
    pub body: &'a [u8],
    /// The frame as it came, length field included: what `to_owned_frame` copies.
    pub raw: &'a [u8],
}

impl<'a> Frame<'a> {
    /// A place to decode into.
    pub const EMPTY: Frame<'static> = Frame {
        serialize: SerializeType::Json,
        code: 0,
        language: Language::JAVA,
        version: 0,
        opaque: 0,
        flags: Flags::REQUEST,
        remark: None,
        fields: Fields::NONE,
        body: &[],
        raw: &[],
    };

    pub(crate) fn set_header(&mut self, parts: &HeaderParts<'a>) {
        self.code = parts.code;
        self.language = parts.language;
        self.version = parts.version;
        self.opaque = parts.opaque;
        self.flags = parts.flags;
        self.remark = parts.remark;
        self.fields = parts.fields;
    }

    /// Copies the frame, for handlers that outlive the read buffer.
    pub fn to_owned_frame(self) -> OwnedFrame {
        OwnedFrame {
            raw: Bytes::copy_from_slice(self.raw),
            body_at: self.raw.len() - self.body.len(),
        }
    }
}

/// A frame with its own bytes, syntax already checked.
#[derive(Clone, Debug)]
pub struct OwnedFrame {
    raw: Bytes,
    body_at: usize,
}

impl OwnedFrame {
    /// Takes bytes that hold exactly one frame. `Ok(None)` where they hold less or more.
    pub fn from_bytes(raw: Bytes, limits: &FrameLimits) -> Result<Option<Self>, FrameError> {
        let body_bytes = match decode(&raw, limits)? {
            Decoded::Complete { frame, frame_bytes } if frame_bytes == raw.len() => {
                frame.body.len()
            }
            _ => return Ok(None),
        };
        let body_at = raw.len() - body_bytes;
        Ok(Some(Self { raw, body_at }))
    }

    /// Decodes again: cheap beside what a slow-lane handler does.
    pub fn view(&self) -> Frame<'_> {
        match decode(&self.raw, &FrameLimits::FORMAT) {
            Ok(Decoded::Complete { frame, .. }) => frame,
            // Decoding depends on the bytes alone, and both constructors have decoded these.
            Ok(Decoded::Incomplete { .. }) | Err(_) => {
                unreachable!("a frame that was decoded once does not decode again")
            }
        }
    }

    /// The body, sharing the frame's bytes.
    pub fn body(&self) -> Bytes {
        self.raw.slice(self.body_at..)
    }

    /// The whole frame, length field included, sharing its bytes.
    pub fn raw(&self) -> Bytes {
        self.raw.clone()
    }
}

/// What the start of a buffer holds.
#[derive(Debug)]
pub enum Decoded<'a> {
    /// Nothing complete yet; at least this many bytes in all are needed.
    Incomplete { need_bytes: usize },
    /// One frame, and how many bytes it took.
    Complete { frame: Frame<'a>, frame_bytes: usize },
}

/// Why a peer's bytes are not a frame. The connection cannot go on after it; `peek_opaque` finds
/// out whom to tell before it is closed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    #[error("frame length {length} is outside 4..={frame_bytes_max} bytes")]
    Length { length: i64, frame_bytes_max: u32 },
    #[error(
        "frame length {length} is outside 4..={frame_bytes_max} bytes: \
         the peer seems to speak {protocol}, not Remoting"
    )]
    Foreign { length: i64, frame_bytes_max: u32, protocol: &'static str },
    #[error("header length {length} is larger than {limit} bytes (the frame, or the limit)")]
    HeaderLength { length: u32, limit: u32 },
    #[error("unknown serialize type {0}: 0 is JSON, 1 is ROCKETMQ")]
    SerializeType(u8),
    #[error("header is not valid: {reason} at byte {at}")]
    Header { reason: &'static str, at: usize },
}

/// What both forms of a header say.
pub(crate) struct HeaderParts<'a> {
    pub code: i32,
    pub language: Language,
    pub version: i32,
    pub opaque: i32,
    pub flags: Flags,
    pub remark: Option<Text<'a>>,
    pub fields: Fields<'a>,
}

/// Decodes the frame at the start of `input`. Wrong lengths are errors as soon as the four bytes
/// that say so are there, before the rest has come.
pub fn decode<'a>(input: &'a [u8], limits: &FrameLimits) -> Result<Decoded<'a>, FrameError> {
    let mut frame = Frame::EMPTY;
    let arrived = decode_by(&mut frame, input, limits, |header, frame| {
        frame.set_header(&json_header::decode(header)?);
        Ok(())
    })?;
    Ok(match arrived {
        Arrived::Part { need_bytes } => Decoded::Incomplete { need_bytes },
        Arrived::Whole { frame_bytes } => Decoded::Complete { frame, frame_bytes },
    })
}

/// How much of a frame has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrived {
    /// Nothing complete yet; at least this many bytes in all are needed.
    Part { need_bytes: usize },
    /// One frame, and how many bytes it took.
    Whole { frame_bytes: usize },
}

/// As `decode`, for a reader of many frames: into a `frame` that is used again, because moving one
/// costs as much as reading its header, and faster where `memo` has met the header's shape before.
/// What `frame` holds is the same where a whole one has arrived, and nothing in particular
/// otherwise.
pub fn decode_into<'a>(
    frame: &mut Frame<'a>,
    input: &'a [u8],
    limits: &FrameLimits,
    memo: &mut HeaderMemo,
) -> Result<Arrived, FrameError> {
    decode_by(frame, input, limits, |header, frame| memo.decode(header, frame))
}

#[inline]
fn decode_by<'a>(
    frame: &mut Frame<'a>,
    input: &'a [u8],
    limits: &FrameLimits,
    decode_json: impl FnOnce(&'a [u8], &mut Frame<'a>) -> Result<(), FrameError>,
) -> Result<Arrived, FrameError> {
    match measure(input, limits)? {
        Measured::Incomplete { need_bytes } => Ok(Arrived::Part { need_bytes }),
        Measured::Whole { serialize, header, body, raw } => {
            match serialize {
                SerializeType::Json => decode_json(header, frame)?,
                SerializeType::Binary => frame.set_header(&binary_header::decode(header)?),
            }
            (frame.serialize, frame.body, frame.raw) = (serialize, body, raw);
            Ok(Arrived::Whole { frame_bytes: raw.len() })
        }
    }
}

/// The parts of a frame whose header has not been looked into.
pub(crate) enum Measured<'a> {
    Incomplete { need_bytes: usize },
    Whole { serialize: SerializeType, header: &'a [u8], body: &'a [u8], raw: &'a [u8] },
}

/// Checks the lengths of the frame at the start of `input` and cuts it up.
#[inline]
pub(crate) fn measure<'a>(
    input: &'a [u8],
    limits: &FrameLimits,
) -> Result<Measured<'a>, FrameError> {
    let Some((length_bytes, rest)) = input.split_first_chunk::<4>() else {
        return Ok(Measured::Incomplete { need_bytes: 4 });
    };
    let length = frame_length(*length_bytes, limits)?;
    let frame_bytes = 4 + to_usize(length);
    let Some((word, _)) = rest.split_first_chunk::<4>() else {
        return Ok(Measured::Incomplete { need_bytes: frame_bytes });
    };
    let (serialize, header_bytes) = header_word(*word, length, limits)?;
    let Some(raw) = input.get(..frame_bytes) else {
        return Ok(Measured::Incomplete { need_bytes: frame_bytes });
    };
    // `header_word` has checked that the header ends inside the frame.
    let (header, body) =
        raw.get(PREFIX_BYTES..).unwrap_or(&[]).split_at_checked(header_bytes).unwrap_or_default();
    Ok(Measured::Whole { serialize, header, body, raw })
}

/// The checked length: what follows the length field, at least the header word.
fn frame_length(bytes: [u8; 4], limits: &FrameLimits) -> Result<u32, FrameError> {
    let frame_bytes_max = limits.frame_bytes_max;
    let length = i32::from_be_bytes(bytes);
    if let Ok(length) = u32::try_from(length)
        && (4..=frame_bytes_max).contains(&length)
    {
        return Ok(length);
    }
    let length = i64::from(length);
    Err(match foreign_protocol(bytes) {
        Some(protocol) => FrameError::Foreign { length, frame_bytes_max, protocol },
        None => FrameError::Length { length, frame_bytes_max },
    })
}

/// Other protocols that people point at this port by mistake.
fn foreign_protocol(first: [u8; 4]) -> Option<&'static str> {
    match &first {
        b"GET " | b"POST" | b"PUT " | b"HEAD" | b"OPTI" | b"DELE" => Some("HTTP"),
        b"PRI " => Some("HTTP/2 or gRPC"),
        b"PROX" | [0x0D, 0x0A, 0x0D, 0x0A] => Some("the PROXY protocol"),
        [0x16, 3, _, _] => Some("TLS"),
        b"SSH-" => Some("SSH"),
        _ => None,
    }
}

/// Serialize type and checked header length.
fn header_word(
    word: [u8; 4],
    frame_length: u32,
    limits: &FrameLimits,
) -> Result<(SerializeType, usize), FrameError> {
    let [kind, high, middle, low] = word;
    let serialize = match kind {
        0 => SerializeType::Json,
        1 => SerializeType::Binary,
        other => return Err(FrameError::SerializeType(other)),
    };
    let length = u32::from_be_bytes([0, high, middle, low]);
    let limit = (frame_length - 4).min(limits.header_bytes_max);
    if length > limit {
        return Err(FrameError::HeaderLength { length, limit });
    }
    Ok((serialize, to_usize(length)))
}

fn to_usize(length: u32) -> usize {
    // Only 16-bit targets could fail, and a frame would not fit there anyway.
    usize::try_from(length).unwrap_or(usize::MAX - 4)
}

/// The fixed part of a header to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Head<'a> {
    pub serialize: SerializeType,
    pub code: i32,
    pub language: Language,
    pub version: i32,
    pub opaque: i32,
    pub flags: Flags,
    pub remark: Option<&'a str>,
}

/// Appends length and header of a frame whose body has `body_bytes`; the caller appends (or sends
/// as separate slices) exactly that many bytes after it.
///
/// Panics when the header is over 16 MiB or the frame over 2 GiB, which the format cannot say:
/// remarks and fields that repeat what a peer sent are bounded by `FrameLimits` on the way in.
pub fn encode_head(
    out: &mut BytesMut,
    head: &Head<'_>,
    header: &(impl EncodeHeader + ?Sized),
    body_bytes: usize,
) {
    if body_bytes == 0 && header.encode_frame(out, head) {
        return;
    }
    // Room for a usual reply, so that the writes below rarely grow the buffer.
    out.reserve(256);
    let start = out.len();
    out.put_u64(0);
    match head.serialize {
        SerializeType::Json => json_header::encode(out, head, header),
        SerializeType::Binary => binary_header::encode(out, head, header),
    }
    put_prefix(out, start, head.serialize, body_bytes);
}

/// Writes the lengths of the frame that begins at `start`, whose header ends `out`.
pub(crate) fn put_prefix(
    out: &mut BytesMut,
    start: usize,
    serialize: SerializeType,
    body_bytes: usize,
) {
    let kind = match serialize {
        SerializeType::Json => 0,
        SerializeType::Binary => 1,
    };
    let header_bytes = out.len() - start - PREFIX_BYTES;
    assert!(header_bytes <= HEADER_BYTES_CEILING, "a header of {header_bytes} bytes");
    let length = i32::try_from(4 + header_bytes + body_bytes);
    let (Ok(length), Ok(word)) = (length, u32::try_from(header_bytes)) else {
        panic!("a frame with a body of {body_bytes} bytes");
    };
    let prefix = u64::from(length.unsigned_abs()) << 32 | kind << 24 | u64::from(word);
    if let Some(place) = out.get_mut(start..start + PREFIX_BYTES) {
        place.copy_from_slice(&prefix.to_be_bytes());
    }
}
