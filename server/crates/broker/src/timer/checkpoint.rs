//! Up to where delayed messages have been delivered.
use remora_store::MetaLog;
use remora_store::meta_log::{Durability, MetaError};
use serde::{Deserialize, Serialize};

use super::entry::Key;
use crate::meta;

const KEY: &str = "timer/checkpoint";

/// True of the log below `log_end`, which is on disk: what was delivered after it is found in the
/// log behind it. An older one is as true, and takes longer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub log_end: u64,
    /// Nothing was delivered between `log_end` and here, if the log is as long.
    #[serde(default)]
    pub search_from: u64,
    /// Next offset of the timers' queue.
    pub queue_read: u64,
    /// Of the timer messages at lower offsets, those before this were delivered and no others, but
    /// for `done`.
    pub before: Key,
    /// No record below this physical offset waits: what was there was delivered, or stored again.
    #[serde(default)]
    pub kept_from: u64,
    /// Next offset of the queue of each level.
    pub levels: Vec<u64>,
    /// Physical offsets of messages that were delivered, or stored again, and not come by yet.
    pub done: Vec<u64>,
    /// The latest time at which was delivered: does not go back.
    pub clock_ms: i64,
}

impl Checkpoint {
    pub fn read(meta: &MetaLog) -> Option<Self> {
        let json = meta.value(KEY)?;
        match serde_json::from_slice(&json) {
            Ok(found) => Some(found),
            Err(error) => {
                // The log says it as well, if it is read from its begin.
                tracing::error!(%error, "the timers' checkpoint cannot be read");
                None
            }
        }
    }

    /// From where on the log may have deliveries that the checkpoint does not know of.
    pub fn search_from(&self) -> u64 {
        self.search_from.max(self.log_end)
    }

    /// The change that has levels go on where another broker ended.
    pub fn with_levels(meta: &MetaLog, levels: Vec<u64>) -> meta::Change {
        let found = Self::read(meta);
        let before = (i64::MIN, 0);
        let checkpoint = found.unwrap_or_else(|| Self { before, ..Self::default() });
        (KEY.to_owned(), Some(meta::to_json(&Self { levels, ..checkpoint })))
    }

    pub fn write(&self, meta: &MetaLog, durability: Durability) -> Result<(), MetaError> {
        meta.put(&[(KEY.to_owned(), Some(meta::to_json(self)))], durability)
    }
}
