//! A batch of records, encoded outside the append lock.
use std::sync::Arc;

use remora_protocol::record::Draft;

use crate::consume_queue::ConsumeQueue;
use crate::dispatch::{TagsCode, dispatch};
use crate::store::QueueRef;

/// The records of one connection turn. Reuse it: `clear` keeps the buffers.
#[derive(Debug, Default)]
pub struct AppendBatch {
    /// Encoded records, one after the other.
    pub(crate) bytes: Vec<u8>,
    pub(crate) staged: Vec<Staged>,
    pub(crate) appended: Vec<Appended>,
}

/// One record of a batch before it has a place.
#[derive(Clone, Debug)]
pub(crate) struct Staged {
    pub queue: Arc<ConsumeQueue>,
    pub record_bytes: u32,
    pub queue_entry: Option<TagsCode>,
}

/// Where a record went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appended {
    pub physical_offset: u64,
    /// 0 for records that are in no queue (half messages, rollbacks).
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

    /// Encodes a record for `queue`. Lengths were checked by the caller (`Draft::encode` panics on
    /// those that fit no field); records of 2 GiB and more are not taken.
    pub fn push(&mut self, queue: &QueueRef, draft: &Draft<'_>) {
        let before = self.bytes.len();
        draft.encode(&mut self.bytes);
        let record_bytes = u32::try_from(self.bytes.len() - before).unwrap_or(u32::MAX);
        let queue_entry = dispatch(draft.topic, draft.sys_flag, draft.properties).queue_entry;
        self.staged.push(Staged { queue: queue.queue.clone(), record_bytes, queue_entry });
    }

    pub fn len(&self) -> usize {
        self.staged.len()
    }

    /// Bytes that the batch takes in the log.
    pub fn encoded_bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    /// One entry per pushed record, in order, after `Store::append` succeeded.
    pub fn appended(&self) -> &[Appended] {
        &self.appended
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.staged.clear();
        self.appended.clear();
    }
}
