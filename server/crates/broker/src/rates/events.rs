//! What becomes of messages that a group does not consume: counted one by one, as they are few.
use ahash::AHashMap;

use super::{Sample, Series};
use crate::group_queues;

/// Statistics kept. Chosen: some megabytes.
const KEYS_MAX: usize = 10_000;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A message was sent back, to be delivered again or as a dead letter.
    SentBack,
    /// It became a dead letter.
    Dead,
}

/// Events by `topic@group`.
#[derive(Debug, Default)]
pub(super) struct Events {
    series: AHashMap<(Event, String), Series>,
}

impl Events {
    pub fn count(&mut self, event: Event, topic: &str, group: &str, now_ms: i64) {
        let key = (event, group_queues::key_of(topic, group));
        if !self.series.contains_key(&key) && self.series.len() >= KEYS_MAX {
            return;
        }
        let born = Sample { at_ms: now_ms, ..Sample::default() };
        let latest = &mut self.series.entry(key).or_insert_with(|| Series::from(born)).latest;
        *latest = Sample { at_ms: now_ms, sum: latest.sum + 1, times: latest.times + 1 };
    }

    /// Lets time pass: every 10 s.
    pub fn take(&mut self, now_ms: i64) {
        for series in self.series.values_mut() {
            series.take(Sample { at_ms: now_ms, ..series.latest });
        }
    }

    pub fn of(&self, event: Event, key: &str) -> Option<&Series> {
        self.series.get(&(event, key.to_owned()))
    }
}
