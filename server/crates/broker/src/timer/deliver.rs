//! A pass: what is due is read, restored and stored where it belongs, many at a time.
use std::collections::HashMap;

use ahash::RandomState;
use remora_protocol::properties::name;
use remora_protocol::record::{self, Record};
use remora_store::AppendBatch;
use remora_store::read::ReadError;

use super::core::{Resolve, Timer, TimerError};
use super::entry::TimerEntry;
use crate::own_messages::OwnMessage;

/// Timer messages looked at for one append.
const ENTRIES_AT_ONCE: usize = 1_024;
/// Chosen: an append of this size is full.
const BATCH_BYTES: usize = 4 << 20;

/// Those due at one time that withdraw others.
#[derive(Debug, Default)]
pub(super) struct Group {
    due_ms: i64,
    /// By what is withdrawn: where the newest record that does it was first stored.
    withdrawn: HashMap<String, u64, RandomState>,
}

/// What became of a message that was due.
enum Outcome {
    Staged,
    /// There is nothing to deliver.
    Nothing,
    /// The batch is full: it comes with the next one.
    Full,
}

impl Timer {
    /// Delivers everything that is due. After an error the next pass goes on where this one ended.
    pub fn pass(&mut self, now_ms: i64, resolve: &Resolve<'_>) -> Result<(), TimerError> {
        let now_ms = self.clock(now_ms);
        self.take_in()?;
        let mut batch = AppendBatch::new();
        while self.deliver_levels(now_ms, resolve, &mut batch)? {}
        while self.deliver_timers(now_ms, resolve, &mut batch)? {}
        Ok(())
    }

    /// One append of messages with levels. False once none is due.
    fn deliver_levels(
        &mut self,
        now_ms: i64,
        resolve: &Resolve<'_>,
        batch: &mut AppendBatch,
    ) -> Result<bool, TimerError> {
        batch.clear();
        let (mut delivered, mut late_ms) = (Vec::new(), 0);
        let mut is_full = false;
        for index in 0..self.levels.len() {
            let mut taken: Vec<u64> = Vec::new();
            let before = self.levels.get(index).map_or(0, |level| level.next);
            while let Some(level) = self.levels.get_mut(index) {
                let head = level.head(&self.setup.store)?.filter(|head| head.due_ms <= now_ms);
                let Some(head) = head else { break };
                match self.stage(head.physical_offset, resolve, batch)? {
                    Outcome::Full => {
                        is_full = true;
                        break;
                    }
                    Outcome::Staged => late_ms += head.due_ms.abs_diff(now_ms),
                    Outcome::Nothing => {}
                }
                taken.push(head.physical_offset);
                if let Some(level) = self.levels.get_mut(index) {
                    level.advance();
                }
            }
            if !taken.is_empty() {
                delivered.push((index, before, taken));
            }
            if is_full {
                break;
            }
        }
        if !batch.is_empty()
            && let Err(error) = self.append(batch)
        {
            for (index, before, _) in delivered {
                if let Some(level) = self.levels.get_mut(index) {
                    level.go_back_to(before);
                }
            }
            return Err(error);
        }
        self.counts.delivered += batch.len() as u64;
        self.counts.late_ms += late_ms;
        for physical_offset in delivered.iter().flat_map(|(_, _, taken)| taken) {
            self.done.remove(physical_offset);
        }
        Ok(is_full)
    }

    /// One append of messages with times. False once none is due.
    fn deliver_timers(
        &mut self,
        now_ms: i64,
        resolve: &Resolve<'_>,
        batch: &mut AppendBatch,
    ) -> Result<bool, TimerError> {
        batch.clear();
        let due = self.pending.take_due(now_ms, ENTRIES_AT_ONCE)?;
        let staged = self.stage_timers(&due, resolve, batch);
        let appended = staged.and_then(|count| {
            if !batch.is_empty() {
                self.append(batch)?;
            }
            Ok(count)
        });
        let count = *appended.as_ref().unwrap_or(&0);
        // Withdrawn ones are few, and count as well.
        let late_ms: u64 = due.iter().take(count).map(|entry| entry.due_ms.abs_diff(now_ms)).sum();
        // What was not delivered waits on.
        for entry in due.get(count..).unwrap_or_default() {
            self.pending.insert(*entry);
        }
        appended?;
        self.counts.delivered += batch.len() as u64;
        self.counts.late_ms += late_ms;
        for entry in due.get(..count).unwrap_or_default() {
            self.done.remove(&entry.physical_offset);
        }
        Ok(!due.is_empty())
    }

    /// Stages what is due, in order, until the batch is full; gives how many were looked at.
    fn stage_timers(
        &mut self,
        due: &[TimerEntry],
        resolve: &Resolve<'_>,
        batch: &mut AppendBatch,
    ) -> Result<usize, TimerError> {
        let has_deletes = self.pending.has_deletes() || due.iter().any(|entry| entry.deletes);
        for (index, entry) in due.iter().enumerate() {
            if has_deletes && self.is_withdrawn(entry, due)? {
                self.counts.withdrawn += u64::from(!entry.deletes);
                continue;
            }
            if let Outcome::Full = self.stage(entry.physical_offset, resolve, batch)? {
                return Ok(index);
            }
        }
        Ok(due.len())
    }

    /// Whether another one withdraws this one, or it is one that withdraws others. `due`: those
    /// taken out together with it.
    pub(super) fn is_withdrawn(
        &mut self,
        entry: &TimerEntry,
        due: &[TimerEntry],
    ) -> Result<bool, TimerError> {
        if self.group.as_ref().is_none_or(|group| group.due_ms != entry.due_ms) {
            let mut deletes: Vec<_> = self.pending.at(entry.due_ms)?;
            deletes.extend(due.iter().filter(|other| other.due_ms == entry.due_ms));
            deletes.retain(|other| other.deletes);
            self.group = Some(self.group_of(entry.due_ms, &deletes)?);
        }
        // Of all that are due then, before the first of them is gone.
        if entry.deletes {
            return Ok(true);
        }
        let Some(group) = self.group.as_ref().filter(|group| !group.withdrawn.is_empty()) else {
            return Ok(false);
        };
        let Some(bytes) = self.bytes_at(entry.physical_offset)? else { return Ok(false) };
        let Ok(found) = record::decode(&bytes) else { return Ok(false) };
        let is_withdrawn = delete_keys(&found).iter().any(|key| {
            let withdrawn_at = group.withdrawn.get(key);
            withdrawn_at.is_some_and(|at| first_stored(&found, entry.physical_offset) < *at)
        });
        Ok(is_withdrawn)
    }

    /// Reads what these withdraw.
    pub(super) fn group_of(
        &self,
        due_ms: i64,
        deletes: &[TimerEntry],
    ) -> Result<Group, TimerError> {
        let mut group = Group { due_ms, ..Group::default() };
        for entry in deletes {
            let Some(bytes) = self.bytes_at(entry.physical_offset)? else { continue };
            let Ok(found) = record::decode(&bytes) else { continue };
            let key = remora_protocol::properties::find(found.properties, name::TIMER_DEL_UNIQKEY);
            let Some(key) = key else { continue };
            let at = first_stored(&found, entry.physical_offset);
            let known = group.withdrawn.entry(key.to_owned()).or_insert(at);
            *known = (*known).max(at);
        }
        Ok(group)
    }

    /// A record by its place; `None` where it cannot be had, which is logged.
    pub(super) fn bytes_at(
        &self,
        physical_offset: u64,
    ) -> Result<Option<bytes::Bytes>, TimerError> {
        match self.setup.store.message_at(physical_offset) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error @ ReadError::Io { .. }) => Err(error.into()),
            Err(error) => {
                tracing::error!(physical_offset, %error, "a delayed message is lost");
                Ok(None)
            }
        }
    }

    fn stage(
        &mut self,
        physical_offset: u64,
        resolve: &Resolve<'_>,
        batch: &mut AppendBatch,
    ) -> Result<Outcome, TimerError> {
        if self.done.contains(&physical_offset) {
            return Ok(Outcome::Nothing);
        }
        let Some(bytes) = self.bytes_at(physical_offset)? else {
            self.counts.dropped += 1;
            return Ok(Outcome::Nothing);
        };
        if !batch.is_empty() && batch.encoded_bytes() + bytes.len() > BATCH_BYTES {
            return Ok(Outcome::Full);
        }
        let Ok(found) = record::decode(&bytes) else { return Ok(Outcome::Nothing) };
        let mut message = OwnMessage::of(&found);
        let place = message.property(name::REAL_TOPIC).and_then(|topic| {
            let queue_id = message.property(name::REAL_QID)?.parse().ok()?;
            resolve(topic, queue_id, bytes.len() as u64)
        });
        let Some(queue) = place else {
            self.counts.dropped += 1;
            let topic = message.property(name::REAL_TOPIC).unwrap_or_default();
            tracing::warn!(topic, physical_offset, "a delayed message's topic is gone, so is it");
            return Ok(Outcome::Nothing);
        };
        message.topic = (&*queue.topic).into();
        message.queue_id = queue.queue_id;
        // The properties stay, those of its place and time too: so does Apache in effect.
        message.remove(&[name::TIMER_FIRST]);
        message.set(name::DELAYED_FROM, itoa::Buffer::new().format(physical_offset));
        batch.push(&queue, &message.draft(found.store_host));
        Ok(Outcome::Staged)
    }
}

/// What would withdraw this message: Apache's form, and the id alone.
pub(super) fn delete_keys(found: &Record<'_>) -> [String; 2] {
    let property =
        |name| remora_protocol::properties::find(found.properties, name).unwrap_or_default();
    let id = property(name::UNIQ_KEY);
    [delete_key(property(name::REAL_TOPIC), id), id.to_owned()]
}

/// Apache's name of what is withdrawn.
pub(super) fn delete_key(topic: &str, id: &str) -> String {
    format!("{topic}+{id}")
}

/// Where a message was stored for the first time: one that withdraws others means older ones.
pub(super) fn first_stored(found: &Record<'_>, physical_offset: u64) -> u64 {
    let first = remora_protocol::properties::find(found.properties, name::TIMER_FIRST);
    first.and_then(|first| first.parse().ok()).unwrap_or(physical_offset)
}
