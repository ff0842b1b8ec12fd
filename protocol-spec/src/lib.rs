//! The Remoting protocol without IO: frames, headers, bodies and the stored record.
//!
//! No tokio, no files, no clock: bytes in, values out. Read `frame.rs` first, then `fields.rs`,
//! `generated/` (made from `schema/`), `record.rs`.
pub mod code;
pub mod fields;
pub mod frame;
pub mod record;
pub mod text;

pub use code::{Language, RequestCode, ResponseCode};
pub use fields::{EncodeHeader, FieldWriter, Fields, HeaderError, RequestHeader};
pub use frame::{Decoded, Flags, Frame, FrameError, FrameLimits, Head, OwnedFrame, SerializeType};
pub use text::Text;
