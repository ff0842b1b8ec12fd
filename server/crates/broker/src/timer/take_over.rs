//! Going on where Apache's broker ended: its timer wheel is not read. What it had delivered follows
//! from the time that its `timercheck` has, what waits from the queue of timer messages.
//!
//! What it delivered in the last second before a kill comes again, as it would from itself.
use std::collections::HashMap;

use ahash::RandomState;
use remora_protocol::properties::{self, name};
use remora_protocol::{record, record_crc};
use remora_store::dispatch::APACHE_PRECISION_MS;

use super::core::{Timer, TimerError};

impl Timer {
    /// Takes in the queue from `queue_min` on. Of a message that Apache's broker had stored again,
    /// because it waits for longer than its wheel is, only the newest record counts.
    pub(super) fn take_over(&mut self, apache_read_ms: i64) -> Result<(), TimerError> {
        let mut known: HashMap<(i64, Vec<u8>), u64, RandomState> = HashMap::default();
        loop {
            let entries = self.entries(self.queue_read, usize::MAX)?;
            if entries.is_empty() {
                break;
            }
            self.queue_read += entries.len() as u64;
            for entry in &entries {
                let Some(entry) = self.timer_entry(entry) else { continue };
                let Some(bytes) = self.bytes_at(entry.physical_offset)? else { continue };
                let Ok(found) = record::decode(&bytes) else { continue };
                let is_ours = record_crc::carries_crc(found.properties);
                let after_ms = if is_ours { 0 } else { APACHE_PRECISION_MS };
                if entry.due_ms < apache_read_ms.saturating_add(after_ms) {
                    continue;
                }
                let property = |name| properties::find(found.properties, name).unwrap_or_default();
                let id = property(name::UNIQ_KEY);
                if !entry.deletes && !id.is_empty() {
                    let id = format!("{}+{id}", property(name::REAL_TOPIC)).into_bytes();
                    let before = known.insert((entry.due_ms, id), entry.physical_offset);
                    let is_again = !property(name::TIMER_ROLL_TIMES).is_empty();
                    self.done.extend(before.filter(|_| is_again));
                }
                self.pending.insert(entry);
            }
            if self.pending.wants_run(self.queue_read) {
                self.pending.write_run(self.queue_read)?;
            }
        }
        let waiting = self.pending.count();
        tracing::info!(waiting, "timer messages of Apache RocketMQ taken over");
        Ok(())
    }
}
