//! The store as the broker sees it.
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::thread::JoinHandle;

use bytes::Bytes;
use parking_lot::Mutex;
use remora_protocol::record::RecordError;

use crate::append::{AppendBatch, AppendError};
use crate::clock::Clock;
use crate::commit_log::{CommitLog, Followers, Span};
use crate::consume_queue::ConsumeQueue;
use crate::disk::{Disk, LockGuard};
use crate::flush::Flusher;
use crate::index::Index;
use crate::open;
use crate::queue_registry::QueueRegistry;
use crate::queue_tails::QueueTails;
use crate::queue_writer::QueueWriter;
use crate::read::{Boundary, ReadError, ReadLimits, ReadOutcome, Selects};
use crate::residence::Waiting;
use crate::retention::{Retention, RetentionRules};
use crate::signal::Signal;
use crate::status::Status;

pub use crate::index_file::IndexGeometry;
pub use crate::open::Environment;

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
    /// Hours of the day ("04", "04;16") as in Apache's deleteWhen, but in UTC.
    pub delete_when: String,
    /// At this use of the disk the oldest segments are removed whatever their age. 0 = never.
    pub disk_used_percent_max: u8,
    /// At this use of the disk appends are refused. 0 = never.
    pub disk_used_percent_refuse: u8,
    pub message_index: bool,
    /// Memory for queue entries that are not in their files yet; past it appends are refused.
    pub queue_tails_bytes_max: u64,
    /// How much of the commit log's newest part stays in the page cache.
    pub commit_log_cached_bytes_max: u64,
}

/// A queue of a topic: shared, cheap to clone, resolved once per topic route.
#[derive(Clone, Debug)]
pub struct QueueRef {
    pub topic: Arc<str>,
    pub queue_id: i32,
    pub(crate) queue: Arc<ConsumeQueue>,
}

impl QueueRef {
    pub(crate) fn new(queue: Arc<ConsumeQueue>) -> Self {
        Self { topic: queue.topic.clone(), queue_id: queue.queue_id, queue }
    }

    /// Has arrivals of this queue told to the listener from now on. Whoever watches and then looks
    /// at the queue's end (behind a sequentially consistent fence) misses none.
    pub fn watch(&self) {
        self.queue.set_watched(true);
    }

    /// Arrivals need not be told any more.
    pub fn unwatch(&self) {
        self.queue.set_watched(false);
    }

    /// Equal for references to one queue, different for others: a map key.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.queue).addr()
    }
}

/// What opening found: one log line and `/readyz` tell it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecoveryReport {
    pub clean_stop: bool,
    pub segments: usize,
    pub records_checked: u64,
    pub bytes_checked: u64,
    /// Bytes after the last sound record that were dropped: a torn tail.
    pub truncated_bytes: u64,
    /// Queues were built again from the whole log.
    pub queues_rebuilt: bool,
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
        "{path} has {bytes} bytes, the other commit log files have {expected_bytes}; all must have one size: restore the file from a replica or a backup"
    )]
    SegmentSize { path: String, bytes: u64, expected_bytes: u64 },
    #[error(
        "{path}: record at physical offset {physical_offset} is corrupt ({cause}) and sound records follow it; restore the file from a replica or a backup"
    )]
    Corrupt { path: String, physical_offset: u64, cause: RecordError },
    #[error(
        "{path}: the log was on disk up to {durable_offset}, but no sound record is at {physical_offset} ({cause}); restore the file from a replica or a backup"
    )]
    LostTail { path: String, physical_offset: u64, durable_offset: u64, cause: RecordError },
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
}

/// Told about new messages of watched queues, and maybe of others, once they may be shown: after
/// the append under async flush, after the fdatasync under sync flush.
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
///
/// Dropping it closes it.
#[derive(Debug)]
pub struct Store {
    pub(crate) parts: Arc<Parts>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Released last.
    lock: Mutex<Option<LockGuard>>,
}

/// What the store's threads share.
#[derive(Debug)]
pub(crate) struct Parts {
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    pub flush: FlushMode,
    pub message_index: bool,
    pub status: Arc<Status>,
    pub log: Arc<CommitLog>,
    pub queues: Arc<QueueRegistry>,
    pub flusher: Arc<Flusher>,
    pub index: Arc<Index>,
    /// Held by the one who adds to the index.
    pub index_building: Mutex<()>,
    /// Records from here on must carry `__CRC32#`.
    pub crc_from: u64,
    pub queue_writer: QueueWriter,
    pub queue_tails: QueueTails,
    pub commit_log_cached_bytes_max: u64,
    pub retention: Retention,
    /// Wakes the thread that makes the next segment.
    pub allocate: Signal,
    pub index_work: Signal,
}

impl Parts {
    /// Up to where records may be shown. Under sync flush nothing that a power cut could take back.
    pub(crate) fn visible(&self) -> u64 {
        match self.flush {
            FlushMode::Async => u64::MAX,
            FlushMode::Sync => self.flusher.flushed(),
        }
    }
}

impl Store {
    /// Opens a directory of the real disk, with the machine's clock.
    #[expect(clippy::needless_pass_by_value, reason = "the broker has no more use for it")]
    pub fn open(config: StoreConfig) -> Result<(Self, RecoveryReport), OpenError> {
        let environment = Environment::of_machine(&config.root);
        Self::open_in(&config, environment)
    }

    /// Opens a store on any disk and clock.
    pub fn open_in(
        config: &StoreConfig,
        environment: Environment,
    ) -> Result<(Self, RecoveryReport), OpenError> {
        let opened = open::open(config, environment)?;
        let threads = opened.start_threads(config)?;
        let (threads, lock) = (Mutex::new(threads), Mutex::new(Some(opened.lock)));
        Ok((Self { parts: opened.parts, threads, lock }, opened.report))
    }

    pub fn set_arrival_listener(&self, listener: Arc<dyn ArrivalListener>) {
        self.parts.flusher.set_listener(listener);
    }

    /// The queue, made if new. If its files cannot be read the store fails (and says so on append).
    pub fn queue(&self, topic: &str, queue_id: i32) -> QueueRef {
        match self.parts.queues.queue(topic, queue_id) {
            Ok(queue) => QueueRef::new(queue),
            Err(error) => {
                self.parts
                    .status
                    .fail(&format!("reading consume queue {topic}/{queue_id}: {error}"));
                QueueRef::new(self.parts.queues.unloaded(topic, queue_id))
            }
        }
    }

    /// The queue if it has ever had a message.
    pub fn existing_queue(&self, topic: &str, queue_id: i32) -> Option<QueueRef> {
        let queue = self.parts.queues.existing(topic, queue_id).ok()??;
        (queue.next() > 0).then(|| QueueRef::new(queue))
    }

    /// Every (topic, queue id) with a consume queue.
    pub fn queues(&self) -> Vec<(Arc<str>, i32)> {
        self.parts.queues.names()
    }

    /// Largest record that fits a segment; a batch with a larger one is refused whole.
    pub fn record_bytes_max(&self) -> u64 {
        self.parts.log.record_bytes_max()
    }

    /// Appends a batch under one lock, in order. All or nothing. `Appended` are in the batch.
    /// Returns the physical offset that must be flushed for the batch to be durable.
    pub fn append(&self, batch: &mut AppendBatch) -> Result<u64, AppendError> {
        let parts = &self.parts;
        if batch.is_empty() {
            parts.status.check()?;
            return Ok(parts.log.committed());
        }
        parts.queue_tails.admit()?;
        self.resolve_deleted(batch)?;
        let index = parts.message_index.then_some(&parts.index.feed);
        let span = parts.log.append(batch, Followers { queues: &parts.queues, index })?;
        if parts.queue_tails.add(batch.len()) {
            parts.queue_writer.signal.notify();
        }
        self.announce(batch, span);
        if parts.log.wants_next_segment() || parts.log.wants_ahead() {
            parts.allocate.notify();
        }
        if parts.message_index {
            parts.index_work.notify();
        }
        Ok(span.end)
    }

    /// The queue that a reference means now: another one once the topic was deleted.
    pub(crate) fn live<'a>(&self, queue: &'a QueueRef) -> Cow<'a, QueueRef> {
        if queue.queue.is_deleted() {
            Cow::Owned(self.queue(&queue.topic, queue.queue_id))
        } else {
            Cow::Borrowed(queue)
        }
    }

    /// References to queues of a topic deleted since: the messages go to new queues.
    fn resolve_deleted(&self, batch: &mut AppendBatch) -> Result<(), AppendError> {
        batch.replace_deleted(|queue| {
            let (topic, queue_id) = (&queue.topic, queue.queue_id);
            self.parts.queues.queue(topic, queue_id).map_err(|error| AppendError::Failed {
                reason: format!("queue {topic}/{queue_id}: {error}"),
            })
        })
    }

    fn announce(&self, batch: &AppendBatch, span: Span) {
        let flusher = &self.parts.flusher;
        match self.parts.flush {
            // Whether a queue is watched is known when its messages may be shown.
            FlushMode::Sync => flusher.request(span.end, batch.arrivals(|_| true)),
            FlushMode::Async => {
                // See `QueueRef::watch`: the queues' new ends are published.
                fence(Ordering::SeqCst);
                let arrivals = batch.arrivals(ConsumeQueue::is_watched);
                if !arrivals.is_empty()
                    && let Some(listener) = flusher.listener()
                {
                    listener.arrived(&arrivals);
                }
            }
        }
    }

    /// Calls `then` once everything below `physical_offset` is on disk (Ok) or the store failed
    /// (Err). At once if it already is. Group commit: one fdatasync for all that wait.
    pub fn when_flushed(
        &self,
        physical_offset: u64,
        then: Box<dyn FnOnce(Result<(), AppendError>) + Send>,
    ) {
        self.parts.flusher.when_flushed(physical_offset, then);
    }

    /// Whether an append is under way just now.
    pub fn is_appending(&self) -> bool {
        self.parts.log.is_appending()
    }

    /// The end of the log, and where that which is on disk ends.
    pub fn progress(&self) -> (u64, u64) {
        (self.parts.log.committed(), self.parts.flusher.flushed())
    }

    /// Flushes everything appended so far and returns the physical offset reached.
    pub fn flush(&self) -> Result<u64, AppendError> {
        self.parts.flusher.flush()
    }

    /// Writes queues and index out and the checkpoint; background work does it every few seconds.
    pub fn checkpoint(&self) -> std::io::Result<()> {
        self.parts.checkpoint()
    }

    /// Waits until the key index has everything that was appended before.
    pub fn catch_up_index(&self) -> std::io::Result<()> {
        self.parts.catch_up_index()
    }

    /// Reads a queue from `queue_offset`; `matches` sees each entry's tag code.
    ///
    /// A record whose CRC is wrong is never served: it is stepped over, and `ReadOutcome::corrupt`
    /// says where it is.
    pub fn read(
        &self,
        queue: &QueueRef,
        queue_offset: u64,
        limits: ReadLimits,
        wanted: &mut dyn Selects,
    ) -> Result<ReadOutcome, ReadError> {
        self.read_as(queue, queue_offset, limits, wanted, Waiting::ForDisk)
    }

    /// As `read`, which waits for the disk where records are not in memory. With `Waiting::Never`
    /// what is in memory is given, and where that is nothing, `ReadStatus::NotInMemory`: then read
    /// on a thread that may wait, which has the disk read ahead for those to come.
    pub fn read_as(
        &self,
        queue: &QueueRef,
        queue_offset: u64,
        limits: ReadLimits,
        wanted: &mut dyn Selects,
        waiting: Waiting,
    ) -> Result<ReadOutcome, ReadError> {
        self.parts.read(&self.live(queue), queue_offset, limits, wanted, waiting)
    }

    /// One record by its physical offset, CRC-checked.
    pub fn message_at(&self, physical_offset: u64) -> Result<Bytes, ReadError> {
        self.parts.message_at(physical_offset)
    }

    pub fn queue_offset_min(&self, queue: &QueueRef) -> u64 {
        self.parts.window(&self.live(queue)).min
    }

    /// One past the newest visible message.
    pub fn queue_offset_max(&self, queue: &QueueRef) -> u64 {
        self.parts.window(&self.live(queue)).max
    }

    /// Queue offset whose store timestamp is at `timestamp_ms`, by binary search.
    ///
    /// Lower: the first message stored at that time or later, the end if none. Upper: the last one
    /// stored at that time or before, the oldest if none.
    pub fn offset_by_time(&self, queue: &QueueRef, timestamp_ms: i64, boundary: Boundary) -> u64 {
        self.parts.offset_by_time(&self.live(queue), timestamp_ms, boundary)
    }

    /// Store timestamp of the message at `queue_offset`.
    pub fn store_time_at(&self, queue: &QueueRef, queue_offset: u64) -> Option<i64> {
        self.parts.store_time_at(&self.live(queue), queue_offset)
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
        self.parts.query_by_key(topic, key, max, begin_ms, end_ms)
    }

    /// Drops a topic's queues (the log keeps the bytes until retention).
    pub fn delete_topic(&self, topic: &str) {
        if let Err(error) = self.parts.queues.delete_topic(topic) {
            tracing::error!(topic, %error, "a deleted topic's queue files are left behind");
        }
    }

    /// Physical offsets: oldest kept byte, end of log, flushed up to; and bytes on disk.
    pub fn log_status(&self) -> LogStatus {
        let parts = &self.parts;
        LogStatus {
            physical_offset_min: parts.log.min(),
            physical_offset_max: parts.log.committed(),
            flushed_offset: parts.flusher.flushed(),
            dispatched_offset: parts.log.committed(),
            indexed_offset: parts.index.cursor(),
            log_bytes: parts.log.segments.count() as u64 * parts.log.segments.segment_bytes,
            disk_used_percent: parts.status.disk_used_percent(),
            earliest_store_timestamp_ms: parts.earliest_store_timestamp_ms(),
            queue_tails_bytes: parts.queue_tails.bytes(),
        }
    }

    /// Changes retention and disk limits while running.
    pub fn set_retention(&self, rules: RetentionRules) {
        self.parts.status.set_disk_used_percent_refuse(rules.disk_used_percent_refuse);
        self.parts.retention.set_rules(rules);
    }

    /// Removes expired segments now (code 329 and the timer); returns how many.
    pub fn expire_now(&self) -> usize {
        self.parts.expire(crate::retention::Occasion::Asked)
    }

    /// Why the store takes no more writes, if it does not.
    pub fn failure(&self) -> Option<AppendError> {
        self.parts.status.failure()
    }

    /// Flushes everything, writes the checkpoint, removes `abort`. All files have the sizes that
    /// Apache expects. After a failure `abort` stays: the next start recovers.
    pub fn close(&self) {
        if !self.parts.status.close() {
            return;
        }
        self.parts.stop_threads();
        let threads: Vec<_> = self.threads.lock().drain(..).collect();
        for thread in threads {
            // The last reference may be dropped by what the flush thread calls; it cannot wait
            // for itself.
            if thread.thread().id() == std::thread::current().id() {
                continue;
            }
            if thread.join().is_err() {
                self.parts.status.fail("a thread of the store panicked");
            }
        }
        if let Err(error) = self.parts.close() {
            tracing::error!(%error, "the store was not stopped cleanly; the next start recovers it");
        }
        self.lock.lock().take();
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LogStatus {
    pub physical_offset_min: u64,
    pub physical_offset_max: u64,
    pub flushed_offset: u64,
    /// Queue entries exist for all records below.
    pub dispatched_offset: u64,
    /// The key index has all records below.
    pub indexed_offset: u64,
    /// What the commit log takes on disk.
    pub log_bytes: u64,
    pub disk_used_percent: u8,
    pub earliest_store_timestamp_ms: i64,
    /// Memory of queue entries that are not in their files yet.
    pub queue_tails_bytes: u64,
}
