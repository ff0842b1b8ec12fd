//! The Remoting protocol without IO: frames, headers, bodies and the stored record.
//!
//! No tokio, no files, no clock: bytes in, values out. Read `frame.rs` first, then `fields.rs`,
//! `generated/` (made from `schema/`), `record.rs`.
pub mod batch;
mod binary_header;
pub mod body;
pub mod code;
pub mod digits;
mod field_order;
mod field_value;
mod field_writer;
pub mod fields;
mod find_byte;
pub mod frame;
mod frame_template;
#[rustfmt::skip]
#[expect(clippy::single_match, reason = "headers with one field are generated like the others")]
mod generated;
mod header_memo;
pub mod java_hash;
mod json_header;
mod json_scan;
mod json_write;
pub mod lenient_json;
pub mod message_id;
pub mod names;
pub mod opaque;
mod peek;
pub mod pop_handle;
pub mod properties;
mod quotes;
pub mod recall_handle;
pub mod record;
pub mod record_crc;
pub mod schema;
pub mod send_template;
pub mod shapes;
mod spans;
pub mod sys_flag;
pub mod text;

pub use code::{Language, RequestCode, ResponseCode};
pub use field_writer::{EncodedFields, FieldWriter};
pub use fields::{EncodeHeader, Fields, HeaderError, RequestHeader};
pub use find_byte::find_byte;
pub use frame::{Decoded, Flags, Frame, FrameError, FrameLimits, Head, OwnedFrame, SerializeType};
pub use frame_template::{Changing, FrameTemplate, Place};
pub use generated::{RETRY_ELSEWHERE, header, request};
pub use header_memo::HeaderMemo;
pub use text::Text;
