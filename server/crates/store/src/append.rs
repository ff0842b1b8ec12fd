//! A batch of records, encoded outside the append lock.
use std::sync::Arc;

use remora_protocol::names::TIMER_TOPIC;
use remora_protocol::record::Draft;

use crate::consume_queue::ConsumeQueue;
use crate::dispatch::{Dispatch, Named, TagsCode, UniqueHash, dispatch, index_hash};
use crate::index_feed::Key;
use crate::queue_files::QueueEntry;
use crate::store::{Arrival, QueueRef};

/// Queues that a cleared batch keeps: of a batch that comes back to them no reference count
/// changes.
const KEPT_QUEUES_MAX: usize = 16;

/// The records of one connection turn. Reuse it: `clear` keeps the buffers.
#[derive(Debug, Default)]
pub struct AppendBatch {
    /// Encoded records, one after the other.
    pub(crate) bytes: Vec<u8>,
    pub(crate) staged: Vec<Staged>,
    /// Queues of the staged records, each once; some may have none.
    pub(crate) queues: Vec<BatchQueue>,
    /// What the index gets, in the order of the records.
    keys: Vec<StagedKey>,
    unique_hash: UniqueHash,
    pub(crate) appended: Vec<Appended>,
    pub(crate) record_bytes_max: u32,
}

/// One record of a batch before it has a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Staged {
    /// Place in `AppendBatch::queues`.
    queue: usize,
    pub record_bytes: u32,
    pub queue_entry: Option<TagsCode>,
    /// The next record of the batch with an entry in the same queue.
    next_of_queue: Option<u32>,
}

/// A queue that grows with a batch.
#[derive(Debug)]
pub(crate) struct BatchQueue {
    pub queue: Arc<ConsumeQueue>,
    /// The first and the newest record of the batch with an entry in it.
    records: Option<(u32, u32)>,
    /// The offset of the queue's next record, while records are placed.
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct StagedKey {
    record: usize,
    hash: u32,
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
    #[error(
        "{waiting} queue entries wait in memory to be written, the limit is {entries_max} (store.queue_tails_bytes_max): the disk is slower than the senders; try again later"
    )]
    QueuesBehind { waiting: usize, entries_max: usize },
    #[error("the store failed and takes no more writes: {reason}")]
    Failed { reason: String },
    #[error("the store is closed")]
    Closed,
}

impl AppendBatch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes a record for `queue`, whose topic the draft names. Lengths were checked by the
    /// caller (`Draft::encode` panics on those that fit no field); records of 2 GiB and more are
    /// not taken.
    pub fn push(&mut self, queue: &QueueRef, draft: &Draft<'_>) {
        self.stage(queue, draft, Dispatch::of(draft.topic, draft.sys_flag, draft.properties));
    }

    /// As `push`, where the properties have been looked through already. Not for timer messages.
    pub fn push_named(&mut self, queue: &QueueRef, draft: &Draft<'_>, named: Named<'_>) {
        debug_assert_eq!(named, Named::of(draft.properties), "what the properties say");
        debug_assert_ne!(draft.topic, TIMER_TOPIC, "its time is among the properties");
        self.stage(queue, draft, dispatch(draft.topic, draft.sys_flag, named));
    }

    #[inline]
    fn stage(&mut self, queue: &QueueRef, draft: &Draft<'_>, found: Dispatch<'_>) {
        debug_assert_eq!(*draft.topic, *queue.topic, "a record of another topic");
        let before = self.bytes.len();
        draft.encode(&mut self.bytes);
        let record_bytes = u32::try_from(self.bytes.len() - before).unwrap_or(u32::MAX);
        self.record_bytes_max = self.record_bytes_max.max(record_bytes);
        let (record, topic_hash) = (self.staged.len(), queue.queue.topic_hash);
        let uniq_key = found.keys.uniq_key();
        if !uniq_key.is_empty() {
            let hash = self.unique_hash.of(topic_hash, uniq_key);
            self.keys.push(StagedKey { record, hash });
        }
        found.keys.words().for_each(|key| {
            self.keys.push(StagedKey { record, hash: index_hash(topic_hash, key) });
        });
        let queue = self.place_of(&queue.queue);
        let queue_entry = found.queue_entry;
        self.staged.push(Staged { queue, record_bytes, queue_entry, next_of_queue: None });
        if queue_entry.is_some() {
            self.link(queue, record);
        }
    }

    /// The queue's place in `queues`.
    fn place_of(&mut self, queue: &Arc<ConsumeQueue>) -> usize {
        let is_it = |one: &BatchQueue| Arc::ptr_eq(&one.queue, queue);
        // Senders take their queues in turn.
        let next = self.staged.last().map_or(0, |staged| staged.queue + 1);
        if self.queues.get(next).is_some_and(is_it) {
            return next;
        }
        self.queues.iter().position(is_it).unwrap_or_else(|| {
            self.queues.push(BatchQueue { queue: queue.clone(), records: None, next: 0 });
            self.queues.len() - 1
        })
    }

    /// Appends a record to those of its queue.
    fn link(&mut self, queue: usize, record: usize) {
        let Ok(record) = u32::try_from(record) else { panic!("a batch of {record} records") };
        let Some(queue) = self.queues.get_mut(queue) else { return };
        let first = match queue.records {
            None => record,
            Some((first, newest)) => {
                if let Some(newest) = self.staged.get_mut(newest as usize) {
                    newest.next_of_queue = Some(record);
                }
                first
            }
        };
        queue.records = Some((first, record));
    }

    /// Queues of topics deleted since they were referred to give way to `live` ones.
    pub(crate) fn replace_deleted<E>(
        &mut self,
        live: impl Fn(&ConsumeQueue) -> Result<Arc<ConsumeQueue>, E>,
    ) -> Result<(), E> {
        let is_deleted = |one: &BatchQueue| one.records.is_some() && one.queue.is_deleted();
        if !self.queues.iter().any(is_deleted) {
            return Ok(());
        }
        // A live one may be in the batch already, so that all records are linked again.
        let former = std::mem::take(&mut self.queues);
        let mut places = Vec::with_capacity(former.len());
        for BatchQueue { queue, .. } in former {
            let queue = if queue.is_deleted() { live(&queue)? } else { queue };
            places.push(self.place_of(&queue));
        }
        for record in 0..self.staged.len() {
            let Some(staged) = self.staged.get_mut(record) else { break };
            staged.queue = places.get(staged.queue).copied().unwrap_or(0);
            staged.next_of_queue = None;
            let (queue, queued) = (staged.queue, staged.queue_entry.is_some());
            if queued {
                self.link(queue, record);
            }
        }
        Ok(())
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
        self.keys.clear();
        self.appended.clear();
        self.record_bytes_max = 0;
        if self.queues.len() > KEPT_QUEUES_MAX {
            self.queues.clear();
        }
        self.queues.iter_mut().for_each(|one| one.records = None);
    }

    /// Begins giving places: queue offsets count on from the queues' ends. Under the append lock.
    pub(crate) fn begin_places(&mut self) {
        self.appended.clear();
        for one in self.queues.iter_mut().filter(|one| one.records.is_some()) {
            one.next = one.queue.next();
        }
    }

    /// The offset of the next staged record in its queue, which the batch alone knows of yet.
    pub(crate) fn next_queue_offset(queues: &mut [BatchQueue], staged: &Staged) -> u64 {
        let Some(queue) = queues.get_mut(staged.queue).filter(|_| staged.queue_entry.is_some())
        else {
            return 0;
        };
        queue.next += 1;
        queue.next - 1
    }

    /// The queues that grew, with their new entries. After the places are given.
    pub(crate) fn grown(
        &self,
    ) -> impl Iterator<Item = (&Arc<ConsumeQueue>, impl Iterator<Item = QueueEntry>)> {
        self.queues.iter().filter_map(|one| {
            let (first, _) = one.records?;
            Some((&one.queue, self.entries(first)))
        })
    }

    fn entries(&self, first: u32) -> impl Iterator<Item = QueueEntry> {
        let mut next = Some(first);
        std::iter::from_fn(move || {
            let record = next? as usize;
            let (staged, appended) = (self.staged.get(record)?, self.appended.get(record)?);
            next = staged.next_of_queue;
            Some(QueueEntry {
                physical_offset: appended.physical_offset,
                record_bytes: appended.record_bytes,
                tags_code: staged.queue_entry?.value(appended.store_timestamp_ms),
            })
        })
    }

    /// What the index gets, in the order of the log. After the places are given.
    pub(crate) fn index_keys(&self) -> impl ExactSizeIterator<Item = Key> {
        self.keys.iter().map(|key| {
            let appended = self.appended.get(key.record);
            debug_assert!(appended.is_some(), "a key of a record without a place");
            Key {
                hash: key.hash,
                physical_offset: appended.map_or(0, |appended| appended.physical_offset),
                store_timestamp_ms: appended.map_or(0, |appended| appended.store_timestamp_ms),
            }
        })
    }

    /// The queues that grew, those that `of` takes, for those who wait for messages.
    pub(crate) fn arrivals(&self, of: impl Fn(&ConsumeQueue) -> bool) -> Vec<Arrival> {
        let grown = self.queues.iter().filter_map(|one| {
            let (first, newest) = one.records.filter(|_| of(&one.queue))?;
            let newest = self.appended.get(newest as usize)?;
            Some(Arrival {
                queue: QueueRef::new(one.queue.clone()),
                queue_offset_max: newest.queue_offset + 1,
                tags_codes: self.entries(first).map(|entry| entry.tags_code).collect(),
            })
        });
        grown.collect()
    }
}
