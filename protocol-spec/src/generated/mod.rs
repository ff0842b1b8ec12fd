// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Codes, headers and request markers, made from the schema.
mod codes;
pub mod header;
pub(crate) mod hot;
pub mod request;
mod responses;
mod table;

pub use responses::RETRY_ELSEWHERE;
pub use table::ALL;
