//! Messages that wait longer than the log is kept: stored again, so that its old part can go.
//!
//! Apache's broker lets them wait no longer than two days before it does this to all; here only
//! those are stored again that retention has come to.
use remora_protocol::properties::name;
use remora_protocol::record;
use remora_store::AppendBatch;

use super::core::{Timer, TimerError};
use super::deliver::first_stored;
use crate::delay::{self, Delay};
use crate::own_messages::OwnMessage;

/// Messages of one append.
const ENTRIES_AT_ONCE: usize = 1_024;
/// Chosen: an append of this size is full.
const BATCH_BYTES: usize = 4 << 20;

impl Timer {
    /// Stores some again of those whose records are below `physical_offset`. True if there may be
    /// more; once false nothing below is needed any more, which the next checkpoint says.
    pub fn roll(&mut self, physical_offset: u64, now_ms: i64) -> Result<bool, TimerError> {
        self.take_in()?;
        let mut batch = AppendBatch::new();
        let more = self.roll_levels(physical_offset, &mut batch)?;
        if more || !batch.is_empty() {
            return Ok(true);
        }
        let done = &self.done;
        let unrolled = |entry: &super::entry::TimerEntry| !done.contains(&entry.physical_offset);
        let found = self.pending.below(physical_offset, ENTRIES_AT_ONCE, unrolled)?;
        let mut rolled = Vec::new();
        for entry in &found {
            if batch.encoded_bytes() > BATCH_BYTES {
                break;
            }
            self.stage_again(entry.physical_offset, entry.due_ms, &mut batch)?;
            rolled.push(entry.physical_offset);
        }
        if !batch.is_empty() {
            self.append(&mut batch)?;
            self.counts.stored_again += batch.len() as u64;
        }
        let more = !rolled.is_empty();
        self.done.extend(rolled);
        if !more {
            // Runs lose what came since the checkpoint, too: it must be known to have.
            if !self.save(now_ms)? {
                return Ok(true);
            }
            self.pending.forget_below(physical_offset)?;
            self.done.retain(|done| *done >= physical_offset);
        }
        Ok(more)
    }

    /// Those with levels get the time at which they are due.
    fn roll_levels(
        &mut self,
        physical_offset: u64,
        batch: &mut AppendBatch,
    ) -> Result<bool, TimerError> {
        let starts = self.level_offsets();
        'levels: for index in 0..self.levels.len() {
            while let Some(level) = self.levels.get_mut(index) {
                let head = level.head(&self.setup.store)?;
                let head = head.filter(|head| head.physical_offset < physical_offset);
                let Some(head) = head else { break };
                if batch.encoded_bytes() > BATCH_BYTES || batch.len() >= ENTRIES_AT_ONCE {
                    break 'levels;
                }
                if !self.done.remove(&head.physical_offset) {
                    self.stage_again(head.physical_offset, head.due_ms, batch)?;
                }
                if let Some(level) = self.levels.get_mut(index) {
                    level.advance();
                }
            }
        }
        if batch.is_empty() {
            return Ok(false);
        }
        if let Err(error) = self.append(batch) {
            for (level, start) in self.levels.iter_mut().zip(starts) {
                level.go_back_to(start);
            }
            return Err(error);
        }
        self.counts.stored_again += batch.len() as u64;
        Ok(true)
    }

    fn stage_again(
        &mut self,
        physical_offset: u64,
        due_ms: i64,
        batch: &mut AppendBatch,
    ) -> Result<(), TimerError> {
        let Some(bytes) = self.bytes_at(physical_offset)? else {
            self.counts.dropped += 1;
            return Ok(());
        };
        let Ok(found) = record::decode(&bytes) else { return Ok(()) };
        let mut message = OwnMessage::of(&found);
        let property = |name| remora_protocol::properties::find(found.properties, name);
        let (Some(topic), Some(queue_id)) =
            (property(name::REAL_TOPIC), property(name::REAL_QID).and_then(|id| id.parse().ok()))
        else {
            return Ok(());
        };
        let waiting = delay::waiting(topic, queue_id, &message.properties, Delay::Until { due_ms });
        message.topic = waiting.topic.into();
        message.queue_id = waiting.queue_id;
        message.properties = waiting.properties;
        let first = first_stored(&found, physical_offset);
        let times = property(name::TIMER_ROLL_TIMES).and_then(|times| times.parse::<u32>().ok());
        message.set(name::TIMER_ROLL_TIMES, &times.map_or(1, |times| times + 1).to_string());
        message.set(name::TIMER_FIRST, &first.to_string());
        message.set(name::DELAYED_FROM, &physical_offset.to_string());
        batch.push(&self.queue, &message.draft(found.store_host));
        Ok(())
    }
}
