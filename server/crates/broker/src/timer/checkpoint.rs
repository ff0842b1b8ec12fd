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
    /// Apache's broker has run since: it delivered what was due before this, and no others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apache_read_ms: Option<i64>,
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

    /// The change that has us go on where Apache's broker ended: with the next offset of each
    /// level, and the time before which it delivered all timer messages.
    pub fn taken_over(
        meta: &MetaLog,
        levels: Option<Vec<u64>>,
        apache_read_ms: Option<i64>,
    ) -> meta::Change {
        let before = (i64::MIN, 0);
        let mut checkpoint = Self::read(meta).unwrap_or_else(|| Self { before, ..Self::default() });
        checkpoint.levels = levels.unwrap_or(checkpoint.levels);
        checkpoint.apache_read_ms = apache_read_ms.or(checkpoint.apache_read_ms);
        (KEY.to_owned(), Some(meta::to_json(&checkpoint)))
    }

    pub fn write(&self, meta: &MetaLog, durability: Durability) -> Result<(), MetaError> {
        meta.put(&[(KEY.to_owned(), Some(meta::to_json(self)))], durability)
    }
}
