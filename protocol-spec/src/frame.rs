//! One frame: int32 length, int32 header word (serialize type, header length), header, body.
use bytes::{Bytes, BytesMut};

use crate::code::Language;
use crate::fields::{EncodeHeader, Fields};
use crate::text::Text;

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

impl Frame<'_> {
    /// Copies the frame, for handlers that outlive the read buffer.
    pub fn to_owned_frame(&self) -> OwnedFrame {
        OwnedFrame { raw: Bytes::copy_from_slice(self.raw) }
    }
}

/// A frame with its own bytes, syntax already checked.
#[derive(Clone, Debug)]
pub struct OwnedFrame {
    raw: Bytes,
}

impl OwnedFrame {
    /// Decodes again: cheap beside what a slow-lane handler does.
    pub fn view(&self) -> Frame<'_> {
        let _ = &self.raw;
        unimplemented!()
    }

    /// The body, sharing the frame's bytes.
    pub fn body(&self) -> Bytes {
        unimplemented!()
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

/// Why a peer's bytes are not a frame. The connection cannot go on after it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    #[error("frame length {length} is outside 4..={frame_bytes_max} bytes")]
    Length { length: i64, frame_bytes_max: u32 },
    #[error("header length {length} is larger than {limit} bytes (the frame, or the limit)")]
    HeaderLength { length: u32, limit: u32 },
    #[error("unknown serialize type {0}: 0 is JSON, 1 is ROCKETMQ")]
    SerializeType(u8),
    #[error("header is not valid: {reason} at byte {at}")]
    Header { reason: &'static str, at: usize },
}

/// Decodes the frame at the start of `input`.
pub fn decode<'a>(input: &'a [u8], limits: &FrameLimits) -> Result<Decoded<'a>, FrameError> {
    let _ = (input, limits);
    unimplemented!()
}

/// The fixed part of a header to write.
#[derive(Clone, Copy, Debug)]
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
pub fn encode_head(
    out: &mut BytesMut,
    head: &Head<'_>,
    header: &(impl EncodeHeader + ?Sized),
    body_bytes: usize,
) {
    let _ = (out, head, body_bytes);
    let _ = header;
    unimplemented!()
}
