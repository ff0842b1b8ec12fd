//! A batch of records, encoded outside the append lock.
use remora_protocol::record::Draft;

use crate::store::QueueRef;

/// The records of one connection turn. Reuse it: `clear` keeps the buffer.
#[derive(Debug, Default)]
pub struct AppendBatch {
    // The implementer adds: encoded bytes, per record (queue, length, born in one call or another),
    // results after the append.
    appended: Vec<Appended>,
}

/// Where a record went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    pub physical_offset: u64,
    pub queue_offset: u64,
    pub record_bytes: u32,
    pub store_timestamp_ms: i64,
}

/// Why nothing of a batch was appended.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppendError {
    #[error(
        "record of {record_bytes} bytes is larger than {record_bytes_max}, what one segment takes"
    )]
    TooLarge { record_bytes: usize, record_bytes_max: usize },
    #[error(
        "disk is full: {used_percent} % of the disk of {path} used, writes stop at {limit_percent} %; free space or raise diskSpaceWarningLevelRatio"
    )]
    DiskFull { path: String, used_percent: u8, limit_percent: u8 },
    #[error("the store failed and takes no more writes: {reason}")]
    Failed { reason: String },
    #[error("the store is closed")]
    Closed,
}

impl AppendBatch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes a record for `queue`. Lengths were checked by the caller.
    pub fn push(&mut self, queue: &QueueRef, draft: &Draft<'_>) {
        let _ = (queue, draft);
        unimplemented!()
    }

    pub fn len(&self) -> usize {
        unimplemented!()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One entry per pushed record, in order, after `Store::append` succeeded.
    pub fn appended(&self) -> &[Appended] {
        &self.appended
    }

    pub fn clear(&mut self) {
        unimplemented!()
    }
}
