//! What a start looks for in the log: messages that were delivered after the checkpoint.
//!
//! Nothing is looked for where nothing may wait. What may wait was not delivered before it was
//! stored, nor before the first delivery after the checkpoint, which is noted: not durably, since
//! without the note a start only looks further back.
use remora_protocol::names;
use remora_protocol::properties::{self, name};
use remora_protocol::record::Record;
use remora_store::AppendBatch;
use remora_store::meta_log::Durability;

use super::core::{Timer, TimerError};
use crate::log_search::{Search, search_log};

impl Timer {
    /// From where on the log may have deliveries of what seems to wait; `None` where nothing does.
    pub fn search_from(&mut self) -> Result<Option<u64>, TimerError> {
        let mut oldest = self.pending.physical_min();
        if let Some(entry) = self.entries(self.queue_read, 1)?.first() {
            oldest = oldest.min(entry.physical_offset);
        }
        for level in &mut self.levels {
            if let Some(head) = level.head(&self.setup.store)? {
                oldest = oldest.min(head.physical_offset);
            }
        }
        Ok((oldest != u64::MAX).then(|| self.saved.search_from().max(oldest)))
    }

    /// Takes a record that was stored after the checkpoint.
    pub fn look_at(&mut self, record: &Record<'_>) {
        let from = properties::find(record.properties, name::DELAYED_FROM);
        let Some(from) = from.and_then(|from| from.parse().ok()) else { return };
        self.done.insert(from);
        self.has_delivered = true;
        if record.topic != names::TIMER_TOPIC {
            self.clock_ms = self.clock_ms.max(record.store_timestamp_ms);
        }
    }

    /// Searches the log for itself alone.
    pub(super) fn search(&mut self) -> Result<u64, TimerError> {
        let store = self.setup.store.clone();
        let from = self.search_from()?;
        let mut each = |record: &Record<'_>| self.look_at(record);
        Ok(search_log(&store, &mut [from.map(|from| Search { from, each: &mut each })])?)
    }

    /// Log bytes that a start would search now.
    pub(super) fn unsearched_bytes(&self) -> u64 {
        let log_end = self.setup.store.log_status().physical_offset_max;
        log_end.saturating_sub(self.saved.search_from())
    }

    /// Stores what is delivered, or stored again.
    pub(super) fn append(&mut self, batch: &mut AppendBatch) -> Result<(), TimerError> {
        if !self.has_delivered && self.unsearched_bytes() >= self.setup.search_bytes_max {
            self.saved.search_from = self.setup.store.log_status().physical_offset_max;
            self.saved.write(&self.setup.meta, Durability::PageCache)?;
        }
        self.has_delivered = true;
        Ok(self.setup.store.append(batch).map(drop)?)
    }
}
