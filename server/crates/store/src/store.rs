//! The store as the broker sees it.
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::append::{AppendBatch, AppendError};
use crate::read::{Boundary, ReadError, ReadLimits, ReadOutcome};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushMode {
    Async,
    Sync,
}

/// Settings; sizes of existing files are detected from the files and win.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub root: PathBuf,
    pub flush: FlushMode,
    pub flush_interval_ms: u64,
    pub commit_log_segment_bytes: u64,
    pub consume_queue_file_bytes: u64,
    pub retention_ms: u64,
    /// 0 = no limit by size.
    pub retention_bytes: u64,
    /// Hour of the day ("04") as in Apache's deleteWhen.
    pub delete_when: String,
    pub disk_used_percent_max: u8,
    pub disk_used_percent_refuse: u8,
    pub message_index: bool,
}

/// A queue of a topic: shared, cheap to clone, resolved once per topic route.
#[derive(Clone, Debug)]
pub struct QueueRef {
    pub topic: Arc<str>,
    pub queue_id: i32,
    // The implementer adds: Arc of the consume queue.
}

/// What opening found: one log line and `/readyz` tell it.
#[derive(Clone, Debug, Default)]
pub struct RecoveryReport {
    pub clean_stop: bool,
    pub segments: usize,
    pub records_checked: u64,
    pub bytes_checked: u64,
    pub truncated_bytes: u64,
    pub elapsed_ms: u64,
}

/// Why a directory was not opened. Each says where and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} is locked by another process{owner}; stop it or choose another --data-dir")]
    Locked { path: String, owner: String },
    #[error("{path} was written in another format ({format}): {instructions}")]
    Format { path: String, format: &'static str, instructions: &'static str },
    #[error(
        "commit log has a hole: {path} ends at {end}, the next file starts at {next}; restore the missing file"
    )]
    Hole { path: String, end: u64, next: u64 },
    #[error(
        "{path}: record at physical offset {physical_offset} is corrupt ({cause}) and sound records follow it; restore the file from a replica or a backup"
    )]
    Corrupt { path: String, physical_offset: u64, cause: remora_protocol::record::RecordError },
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
}

/// Told about new messages once they may be shown: after the append under async flush, after the
/// fdatasync under sync flush.
pub trait ArrivalListener: Send + Sync + 'static {
    /// Queues that grew, each once, with the tag codes and the new end.
    fn arrived(&self, arrivals: &[Arrival]);
}

#[derive(Clone, Debug)]
pub struct Arrival {
    pub queue: QueueRef,
    /// One past the newest visible message.
    pub queue_offset_max: u64,
    pub tags_codes: Vec<i64>,
}

/// CommitLog, queues and index of one directory. Share it in an `Arc`.
#[derive(Debug)]
pub struct Store {
    _private: (),
}

impl Store {
    pub fn open(config: StoreConfig) -> Result<(Self, RecoveryReport), OpenError> {
        let _ = config;
        unimplemented!()
    }

    pub fn set_arrival_listener(&self, listener: Arc<dyn ArrivalListener>) {
        let _ = listener;
        unimplemented!()
    }

    /// The queue, made if new.
    pub fn queue(&self, topic: &str, queue_id: i32) -> QueueRef {
        let _ = (topic, queue_id);
        unimplemented!()
    }

    /// The queue if it has ever had a message.
    pub fn existing_queue(&self, topic: &str, queue_id: i32) -> Option<QueueRef> {
        let _ = (topic, queue_id);
        unimplemented!()
    }

    /// Every (topic, queue id) with a consume queue.
    pub fn queues(&self) -> Vec<(Arc<str>, i32)> {
        unimplemented!()
    }

    /// Appends a batch under one lock, in order. All or nothing. `Appended` are in the batch.
    /// Returns the physical offset that must be flushed for the batch to be durable.
    pub fn append(&self, batch: &mut AppendBatch) -> Result<u64, AppendError> {
        let _ = batch;
        unimplemented!()
    }

    /// Calls `then` once everything below `physical_offset` is on disk (Ok) or the store failed
    /// (Err). At once if it already is. Group commit: one fdatasync for all that wait.
    pub fn when_flushed(
        &self,
        physical_offset: u64,
        then: Box<dyn FnOnce(Result<(), AppendError>) + Send>,
    ) {
        let _ = (physical_offset, then);
        unimplemented!()
    }

    /// Reads a queue from `queue_offset`; `matches` sees each entry's tag code.
    pub fn read(
        &self,
        queue: &QueueRef,
        queue_offset: u64,
        limits: ReadLimits,
        matches: &mut dyn FnMut(i64) -> bool,
    ) -> Result<ReadOutcome, ReadError> {
        let _ = (queue, queue_offset, limits, matches);
        unimplemented!()
    }

    /// One record by its physical offset, CRC-checked.
    pub fn message_at(&self, physical_offset: u64) -> Result<Bytes, ReadError> {
        let _ = physical_offset;
        unimplemented!()
    }

    pub fn queue_offset_min(&self, queue: &QueueRef) -> u64 {
        let _ = queue;
        unimplemented!()
    }

    /// One past the newest visible message.
    pub fn queue_offset_max(&self, queue: &QueueRef) -> u64 {
        let _ = queue;
        unimplemented!()
    }

    /// Queue offset whose store timestamp is at `timestamp_ms`, by binary search.
    pub fn offset_by_time(&self, queue: &QueueRef, timestamp_ms: i64, boundary: Boundary) -> u64 {
        let _ = (queue, timestamp_ms, boundary);
        unimplemented!()
    }

    /// Store timestamp of the message at `queue_offset`.
    pub fn store_time_at(&self, queue: &QueueRef, queue_offset: u64) -> Option<i64> {
        let _ = (queue, queue_offset);
        unimplemented!()
    }

    /// Records with this key (UNIQ_KEY or a word of KEYS), newest first, between the times.
    pub fn query_by_key(
        &self,
        topic: &str,
        key: &str,
        max: usize,
        begin_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<Bytes>, ReadError> {
        let _ = (topic, key, max, begin_ms, end_ms);
        unimplemented!()
    }

    /// Drops a topic's queues (the log keeps the bytes until retention).
    pub fn delete_topic(&self, topic: &str) {
        let _ = topic;
        unimplemented!()
    }

    /// Physical offsets: oldest kept byte, end of log, flushed up to; and bytes on disk.
    pub fn log_status(&self) -> LogStatus {
        unimplemented!()
    }

    /// Removes expired segments now (code 329 and the timer).
    pub fn expire_now(&self) -> usize {
        unimplemented!()
    }

    /// Flushes everything, writes the checkpoint, removes `abort`, pads files as Apache expects.
    pub fn close(&self) {
        unimplemented!()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LogStatus {
    pub physical_offset_min: u64,
    pub physical_offset_max: u64,
    pub flushed_offset: u64,
    pub dispatched_offset: u64,
    pub disk_used_percent: u8,
    pub earliest_store_timestamp_ms: i64,
}
