//! The stored record: the commit log's entry, and the body of a pull reply.
//!
//! Layout as in spec chapter 3. Offsets of the fields that the store fills in are fixed, so a
//! record is encoded outside the append lock and sealed inside it.
use std::net::SocketAddr;

/// V1 records have a one-byte topic length, V2 (topic over 127 bytes) a two-byte one.
pub const MAGIC_V1: u32 = 0xDAA3_20A7;
pub const MAGIC_V2: u32 = 0xDAA3_20AB;
/// Fills the tail of a segment: int32 remaining size, int32 this.
pub const MAGIC_BLANK: u32 = 0xCBD4_3194;

/// Why bytes are not a sound record.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    #[error("record needs {need_bytes} bytes, {have_bytes} are there")]
    Truncated { need_bytes: u32, have_bytes: u32 },
    #[error("magic {0:#010x} is not a record's")]
    Magic(u32),
    #[error("field '{field}' with length {length} does not fit the record")]
    FieldLength { field: &'static str, length: i64 },
    #[error("body crc is {computed:#010x}, the record says {stored:#010x}")]
    BodyCrc { stored: u32, computed: u32 },
    #[error("record crc is {computed:#010x}, property __CRC32# says {stored:#010x}")]
    RecordCrc { stored: u32, computed: u32 },
}

/// A record that borrows its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    pub total_bytes: u32,
    pub body_crc: u32,
    pub queue_id: i32,
    pub flag: i32,
    pub queue_offset: i64,
    pub physical_offset: i64,
    pub sys_flag: i32,
    pub born_timestamp_ms: i64,
    pub born_host: SocketAddr,
    pub store_timestamp_ms: i64,
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    pub body: &'a [u8],
    pub topic: &'a str,
    /// `name \x01 value \x02` …, as stored, the CRC property included.
    pub properties: &'a [u8],
}

/// Decodes one record at the start of `input` without checking CRCs (see `verify`).
pub fn decode(input: &[u8]) -> Result<Record<'_>, RecordError> {
    let _ = input;
    unimplemented!()
}

/// Checks the body CRC, and the whole-record CRC where the record carries `__CRC32#`.
pub fn verify(record: &[u8]) -> Result<(), RecordError> {
    let _ = record;
    unimplemented!()
}

/// A record before the store has given it a place.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub topic: &'a str,
    pub queue_id: i32,
    pub flag: i32,
    /// Host bits (16, 32) are set by `encode` from the addresses.
    pub sys_flag: i32,
    pub born_timestamp_ms: i64,
    pub born_host: SocketAddr,
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    pub body: &'a [u8],
    /// Serialized properties without the CRC property, which `encode` adds room for.
    pub properties: &'a [u8],
}

impl Draft<'_> {
    /// Size on disk, the 20 bytes of `__CRC32#` included.
    pub fn encoded_bytes(&self) -> usize {
        unimplemented!()
    }

    /// Appends the record with zeros where `seal` writes. Lengths must have been checked: topic ≤
    /// 255, properties ≤ 32 767 with the CRC property.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let _ = out;
        unimplemented!()
    }
}

/// Writes queue offset, physical offset and store timestamp into an encoded record, then its CRC.
pub fn seal(record: &mut [u8], queue_offset: i64, physical_offset: i64, store_timestamp_ms: i64) {
    let _ = (record, queue_offset, physical_offset, store_timestamp_ms);
    unimplemented!()
}
