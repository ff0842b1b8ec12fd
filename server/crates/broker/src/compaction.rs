//! Compaction topics (attribute `cleanup.policy=COMPACTION`): of each key the last message counts.
//!
//! Apache writes what is left into a second log. Here there is none: pulls and pops leave out what
//! a later message with the same keys has replaced, as told by a table of the newest message of
//! each key, made from the queue itself when it is first read. A message is replaced, or deleted by
//! one without a body, once `remora.compaction.lag.ms` are over: consumers that are less behind see
//! every message, as in Apache before its next round.
//!
//! Retention leaves the log on from the oldest message that counts (`keep_values`).
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ahash::{AHashMap, RandomState};
use parking_lot::Mutex;
use remora_protocol::properties::{self, name};
use remora_protocol::record::{self, Record};
use remora_store::read::ReadError;
use remora_store::{
    Boundary, QueueRef, ReadLimits, ReadOutcome, ReadStatus, Selects, Store, Waiting,
};

use crate::broker::Broker;
use crate::pull::RECORDS_SCANNED_MAX;
use crate::quota::AttributeError;
use crate::time;
use crate::topic_table::Topic;

const CLEANUP_POLICY: &str = "cleanup.policy";
const LAG_MS: &str = "remora.compaction.lag.ms";

/// As often as Apache compacts.
const LAG_MS_DEFAULT: i64 = 15 * 60 * 1_000;

/// Keys remembered of a queue: 40 MiB. Messages of further ones are all given.
const KEYS_MAX: usize = 1 << 20;

/// Records looked at in one go. Chosen: about 1 ms of a shard's time.
const PORTION: u32 = 2_000;

/// Time between two looks at what retention must leave.
const KEEP_PERIOD: Duration = Duration::from_secs(30);

/// The newest message of each key, of the part of a queue that may be compacted. Pure.
#[derive(Debug, Default)]
pub(crate) struct NewestOfKeys {
    /// One past the last queue offset that was looked at.
    end: u64,
    /// Physical offset of the last message that was looked at.
    last_physical_offset: u64,
    newest: AHashMap<u64, Newest>,
    hasher: RandomState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Newest {
    queue_offset: u64,
    physical_offset: u64,
}

impl NewestOfKeys {
    /// Takes the next message of the queue in.
    fn put(&mut self, keys: &str, message: Newest) {
        self.last_physical_offset = message.physical_offset;
        let hash = self.hasher.hash_one(keys);
        if self.newest.len() < KEYS_MAX || self.newest.contains_key(&hash) {
            self.newest.insert(hash, message);
        }
    }

    /// Whether a message still counts. One without a body deletes its key, and is then not wanted
    /// itself.
    fn is_current(&self, keys: &str, queue_offset: u64, has_body: bool) -> bool {
        if queue_offset >= self.end {
            return true;
        }
        let newest = self.newest.get(&self.hasher.hash_one(keys));
        has_body && newest.is_none_or(|newest| newest.queue_offset <= queue_offset)
    }

    /// Where the log must stay from: the oldest message that counts. Those not looked at yet come
    /// after the last one that was.
    fn needed_from(&self) -> u64 {
        let oldest = self.newest.values().map(|newest| newest.physical_offset).min();
        oldest.unwrap_or(self.last_physical_offset).min(self.last_physical_offset)
    }
}

/// The compaction of one topic.
#[derive(Debug)]
pub(crate) struct Compaction {
    lag_ms: i64,
    /// By queue id.
    queues: Mutex<BTreeMap<i32, Arc<Mutex<NewestOfKeys>>>>,
}

impl Compaction {
    /// `None` for other topics. What the one before knows stays known.
    pub fn of(
        attributes: &BTreeMap<String, String>,
        before: Option<&Self>,
    ) -> Result<Option<Self>, AttributeError> {
        match attributes.get(CLEANUP_POLICY).map(String::as_str) {
            None | Some("DELETE") => return Ok(None),
            Some("COMPACTION") => {}
            Some(other) => {
                return Err(AttributeError {
                    name: CLEANUP_POLICY,
                    value: other.to_owned(),
                    expected: "DELETE or COMPACTION",
                });
            }
        }
        let lag_ms = match attributes.get(LAG_MS) {
            None => LAG_MS_DEFAULT,
            Some(text) => {
                text.parse().ok().filter(|lag_ms| *lag_ms >= 0).ok_or_else(|| AttributeError {
                    name: LAG_MS,
                    value: text.clone(),
                    expected: "a whole number of milliseconds, 0 or more",
                })?
            }
        };
        let queues = before.map(|before| before.queues.lock().clone()).unwrap_or_default();
        Ok(Some(Self { lag_ms, queues: Mutex::new(queues) }))
    }

    fn newest(&self, queue: &QueueRef) -> Arc<Mutex<NewestOfKeys>> {
        self.queues.lock().entry(queue.queue_id).or_default().clone()
    }

    /// As the store reads, without what was replaced; `None` as of `read`.
    #[cold]
    pub fn read_current(
        &self,
        store: &Store,
        queue: &QueueRef,
        queue_offset: u64,
        limits: ReadLimits,
        wanted: &mut dyn Selects,
        waiting: Waiting,
    ) -> Option<Result<ReadOutcome, ReadError>> {
        let entries_scanned_max = limits.entries_scanned_max.min(RECORDS_SCANNED_MAX);
        let limits = ReadLimits { entries_scanned_max, ..limits };
        self.read(store, queue, waiting, |newest| {
            let mut current = Current { wanted, newest };
            store.read_as(queue, queue_offset, limits, &mut current, waiting)
        })
    }

    /// Gives a reader what it may see of a queue, once all that may be compacted was looked at.
    /// `None`: that has to be done where it keeps nobody waiting (`Waiting::ForDisk`).
    fn read<T>(
        &self,
        store: &Store,
        queue: &QueueRef,
        waiting: Waiting,
        read: impl FnOnce(&NewestOfKeys) -> T,
    ) -> Option<T> {
        let newest = self.newest(queue);
        let mut newest = match waiting {
            Waiting::Never => newest.try_lock()?,
            Waiting::ForDisk => newest.lock(),
        };
        self.catch_up(store, queue, &mut newest, waiting).then(|| read(&newest))
    }

    /// Looks at the messages that have become old enough; false if it had to stop before the last.
    fn catch_up(
        &self,
        store: &Store,
        queue: &QueueRef,
        newest: &mut NewestOfKeys,
        waiting: Waiting,
    ) -> bool {
        let horizon = match self.lag_ms {
            0 => store.queue_offset_max(queue),
            lag_ms => store.offset_by_time(queue, time::wall_ms() - lag_ms, Boundary::Lower),
        };
        newest.end = newest.end.max(store.queue_offset_min(queue));
        while newest.end < horizon {
            let left = u32::try_from(horizon - newest.end).unwrap_or(u32::MAX);
            let limits = ReadLimits {
                messages_max: PORTION,
                bytes_max: u32::MAX,
                entries_scanned_max: left.min(PORTION),
            };
            let mut taking = Taking(newest);
            let read = store.read_as(queue, taking.0.end, limits, &mut taking, waiting);
            let Ok(outcome) = read else { return true };
            let stuck = outcome.queue_offset_next <= newest.end;
            newest.end = newest.end.max(outcome.queue_offset_next);
            if outcome.status == ReadStatus::NotInMemory || waiting == Waiting::Never {
                return newest.end >= horizon;
            }
            if stuck {
                return true;
            }
        }
        true
    }
}

/// Takes messages into the table, and none out of the log.
struct Taking<'a>(&'a mut NewestOfKeys);

impl Selects for Taking<'_> {
    fn entry(&mut self, _tags_code: i64) -> bool {
        true
    }

    fn record(&mut self, record: &[u8]) -> bool {
        if let Ok(record) = record::decode(record)
            && let (Some(queue_offset), Some(physical_offset)) = places(&record)
        {
            self.0.put(keys(&record), Newest { queue_offset, physical_offset });
        }
        false
    }
}

/// What a consumer wants and still counts.
struct Current<'a> {
    wanted: &'a mut dyn Selects,
    newest: &'a NewestOfKeys,
}

impl Selects for Current<'_> {
    fn entry(&mut self, tags_code: i64) -> bool {
        self.wanted.entry(tags_code)
    }

    fn record(&mut self, bytes: &[u8]) -> bool {
        self.wanted.record(bytes)
            && record::decode(bytes).is_ok_and(|record| {
                let has_body = !record.body.is_empty();
                let queue_offset = u64::try_from(record.queue_offset).unwrap_or(u64::MAX);
                self.newest.is_current(keys(&record), queue_offset, has_body)
            })
    }
}

fn keys<'a>(record: &Record<'a>) -> &'a str {
    properties::find(record.properties, name::KEYS).unwrap_or_default()
}

fn places(record: &Record<'_>) -> (Option<u64>, Option<u64>) {
    (u64::try_from(record.queue_offset).ok(), u64::try_from(record.physical_offset).ok())
}

/// Has retention leave everything until it is known what counts.
pub(crate) fn keep_everything(broker: &Broker) {
    if broker.topics.all().values().any(|topic| compaction(topic).is_some()) {
        broker.store.keep_from("compaction", 0);
    }
}

/// Has retention leave what counts, until the stop. A value that is never replaced keeps the whole
/// log after it: storing it again at the end would need an append on condition that no newer one
/// has come meanwhile.
pub(crate) async fn keep_values(broker: Arc<Broker>) {
    loop {
        let looking = broker.clone();
        let looked = tokio::task::spawn_blocking(move || keep_what_counts(&looking));
        if let Err(error) = looked.await {
            tracing::error!(%error, "looking at compaction topics failed");
        }
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(KEEP_PERIOD) => {}
        }
    }
}

fn keep_what_counts(broker: &Broker) {
    let mut needed_from = u64::MAX;
    for topic in broker.topics.all().values() {
        let Some(compaction) = compaction(topic) else { continue };
        for queue_id in 0..i32::try_from(topic.queue_count()).unwrap_or(0) {
            let Some(queue) = broker.store.existing_queue(&topic.name, queue_id) else { continue };
            let from = compaction.read(&broker.store, &queue, Waiting::ForDisk, |newest| {
                let is_empty = broker.store.queue_offset_max(&queue) == 0;
                if is_empty { u64::MAX } else { newest.needed_from() }
            });
            needed_from = needed_from.min(from.unwrap_or(0));
        }
    }
    broker.store.keep_from("compaction", needed_from);
}

/// How a topic is compacted; `None` of nearly all.
pub(crate) fn compaction(topic: &Topic) -> Option<&Compaction> {
    topic.rules.as_ref()?.compaction.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(messages: &[&str]) -> NewestOfKeys {
        let mut newest = NewestOfKeys::default();
        for (keys, queue_offset) in messages.iter().zip(0..) {
            newest.put(keys, Newest { queue_offset, physical_offset: 1_000 + queue_offset });
            newest.end = queue_offset + 1;
        }
        newest
    }

    #[test]
    fn only_the_newest_message_of_a_key_counts() {
        let newest = of(&["a", "b", "a", "c", "b"]);
        let counting: Vec<u64> = ["a", "b", "a", "c", "b"]
            .iter()
            .zip(0..)
            .filter(|(keys, queue_offset)| newest.is_current(keys, *queue_offset, true))
            .map(|(_, queue_offset)| queue_offset)
            .collect();
        assert_eq!(counting, [2, 3, 4]);
    }

    #[test]
    fn what_was_not_looked_at_yet_counts_whatever_its_key() {
        let newest = of(&["a", "a"]);
        assert!(newest.is_current("a", 2, true) && newest.is_current("a", 3, false));
    }

    #[test]
    fn a_message_without_a_body_deletes_its_key_and_is_not_given() {
        let newest = of(&["a", "a"]);
        assert!(!newest.is_current("a", 0, true) && !newest.is_current("a", 1, false));
    }

    #[test]
    fn the_log_is_needed_from_the_oldest_message_that_counts() {
        assert_eq!(of(&["a", "b", "a", "b"]).needed_from(), 1_002);
        assert_eq!(of(&["a", "b", "b", "b"]).needed_from(), 1_000);
        assert_eq!(of(&[]).needed_from(), 0);
    }

    #[test]
    fn policy_and_lag_come_from_the_attributes() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Compaction::of(&pairs.collect(), None).map(|found| found.map(|found| found.lag_ms))
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[(CLEANUP_POLICY, "DELETE")]), Ok(None));
        assert_eq!(of(&[(CLEANUP_POLICY, "COMPACTION")]), Ok(Some(900_000)));
        assert_eq!(of(&[(CLEANUP_POLICY, "COMPACTION"), (LAG_MS, "0")]), Ok(Some(0)));
        assert_eq!(of(&[(CLEANUP_POLICY, "SHRED")]).unwrap_err().name, CLEANUP_POLICY);
        assert_eq!(of(&[(CLEANUP_POLICY, "COMPACTION"), (LAG_MS, "-1")]).unwrap_err().name, LAG_MS);
    }
}
