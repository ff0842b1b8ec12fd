//! The deciding part: what is due now, stored where it belongs, exactly once over any crash.
//!
//! A delivered record names the record that it came from (`DELAYED_FROM`). The checkpoint is taken
//! when everything due was delivered and the log flushed; at the start the log behind it is looked
//! through for what was delivered since (`search.rs`), if anything may still wait. Time comes in as
//! a parameter and never goes back here, as store timestamps do not: after the clock was set back
//! nothing is delivered before it has caught up.
use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use ahash::RandomState;
use remora_protocol::names;
use remora_store::dispatch::TimerCode;
use remora_store::meta_log::{Durability, MetaError};
use remora_store::read::ReadError;
use remora_store::{AppendError, MetaLog, QueueEntry, QueueRef, Store};

use super::checkpoint::Checkpoint;
use super::deliver::Group;
use super::entry::{END, Key, TimerEntry};
use super::levels::Level;
use super::pending::{Pending, RUN_ENTRIES_MAX};

/// Reason under which the store keeps records of waiting messages.
pub(crate) const KEEPER: &str = "timers";
/// Queue entries that are read at once.
const ENTRIES_AT_ONCE: usize = 4_096;
/// Chosen: a start reads so much of the log in addition, in well under a second.
const SEARCH_BYTES_MAX: u64 = 64 << 20;
/// Chosen: as often as consumer offsets, about.
const MS_BETWEEN_CHECKPOINTS: i64 = 3_000;

/// Why a pass did not do all there was to do. The next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum TimerError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("timers: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Meta(#[from] MetaError),
}

/// The queue that a topic and a queue id mean now, if the topic is there: for a message of so many
/// bytes.
pub(crate) type Resolve<'r> = dyn Fn(&str, i32, u64) -> Option<QueueRef> + 'r;

/// What a timer works with.
#[derive(Clone, Debug)]
pub(crate) struct TimerSetup {
    pub store: Arc<Store>,
    pub meta: Arc<MetaLog>,
    /// Of the levels 1, 2, …
    pub level_delays_ms: Vec<u64>,
    pub run_entries_max: usize,
    /// What a start may have to search of the log behind a checkpoint, about.
    pub search_bytes_max: u64,
}

/// Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct TimerCounts {
    pub delivered: u64,
    /// How much after their times those were, in all.
    pub late_ms: u64,
    /// Withdrawn ones that were due and not delivered.
    pub withdrawn: u64,
    /// Messages that could not be delivered: of deleted topics, or damaged.
    pub dropped: u64,
    /// Stored again, so that old parts of the log could go.
    pub stored_again: u64,
    /// Queue entries read at the start.
    pub entries_read_at_start: u64,
}

#[derive(Debug)]
pub(crate) struct Timer {
    pub(super) setup: TimerSetup,
    pub(super) levels: Vec<Level>,
    pub(super) queue: QueueRef,
    /// Next offset of `queue`.
    pub(super) queue_read: u64,
    pub(super) pending: Pending,
    /// Delivered or stored again already: physical offsets.
    pub(super) done: HashSet<u64, RandomState>,
    /// Which of those due at one time are withdrawn.
    pub(super) group: Option<Group>,
    pub(super) clock_ms: i64,
    pub(super) counts: TimerCounts,
    pub(super) saved: Checkpoint,
    saved_at_ms: i64,
    /// Something may have been delivered or stored again since the checkpoint.
    pub(super) has_delivered: bool,
}

impl Timer {
    /// Finds what may wait: a checkpoint, runs, and what the queue has beyond them. What was
    /// delivered since is for a search of the log to say (`search_from`).
    pub fn open(setup: TimerSetup, now_ms: i64) -> Result<Self, TimerError> {
        let store = setup.store.clone();
        store.keep_from(KEEPER, 0);
        let queue = store.queue(names::TIMER_TOPIC, 0);
        let found = Checkpoint::read(&setup.meta);
        let mut saved = found
            .clone()
            .unwrap_or_else(|| Checkpoint { before: (i64::MIN, 0), ..Checkpoint::default() });
        if saved.search_from > store.log_status().physical_offset_max {
            // A power cut took what was there, and the log grows past it again.
            saved.search_from = saved.log_end;
            saved.write(&setup.meta, Durability::Disk)?;
        }
        if saved.apache_read_ms.is_some() {
            // Runs are of what waited before.
            (saved.queue_read, saved.before) = (0, (i64::MIN, 0));
        }
        // Messages may wait at levels that the table has no more: they count as its last.
        let used =
            store.queues().into_iter().filter(|(topic, _)| **topic == *names::SCHEDULE_TOPIC);
        let used = used.filter_map(|(_, queue_id)| usize::try_from(queue_id).ok()).max();
        let delays_ms = &setup.level_delays_ms;
        let count = delays_ms.len().max(used.map_or(0, |queue_id| queue_id + 1));
        let levels = (1..=count).map(|number| {
            let next = saved.levels.get(number - 1).copied().unwrap_or(0);
            let delay_ms = delays_ms.get(number - 1).or(delays_ms.last()).copied().unwrap_or(0);
            Level::new(&store, number, delay_ms, next)
        });
        let levels: Vec<Level> = levels.collect();
        let queue_min = store.queue_offset_min(&queue);
        let queue_read = saved.queue_read.max(queue_min);
        let run_entries_max = setup.run_entries_max;
        let (pending, gaps) = Pending::open(
            store.disk().clone(),
            queue_min,
            saved.queue_read,
            saved.before,
            run_entries_max,
        )?;
        let mut timer = Self {
            levels,
            queue,
            queue_read,
            pending,
            done: saved.done.iter().copied().collect(),
            group: None,
            clock_ms: saved.clock_ms,
            counts: TimerCounts::default(),
            saved,
            saved_at_ms: now_ms,
            has_delivered: false,
            setup,
        };
        for (from, to) in gaps {
            timer.read_gap(from.max(queue_min), to)?;
        }
        if let Some(apache_read_ms) = timer.saved.apache_read_ms {
            timer.take_over(apache_read_ms)?;
        }
        if found.is_none() && timer.search_from()?.is_none() {
            // There is nothing to write down.
            timer.saved.before = END;
            timer.saved.levels = timer.level_offsets();
        }
        Ok(timer)
    }

    /// What runs would have: all that is not delivered of a stretch of the queue.
    fn read_gap(&mut self, from: u64, to: u64) -> Result<(), TimerError> {
        let (before, kept_from) = (self.saved.before, self.saved.kept_from);
        let mut at = from;
        while at < to {
            let entries = self.entries(at, usize::try_from(to - at).unwrap_or(usize::MAX))?;
            if entries.is_empty() {
                break;
            }
            at += entries.len() as u64;
            self.counts.entries_read_at_start += entries.len() as u64;
            for entry in entries {
                if let Some(entry) = self.timer_entry(&entry)
                    && entry.key() >= before
                    && entry.physical_offset >= kept_from
                {
                    self.pending.insert(entry);
                }
            }
        }
        Ok(())
    }

    pub(super) fn entries(
        &self,
        queue_offset: u64,
        count_max: usize,
    ) -> Result<Vec<QueueEntry>, ReadError> {
        let mut entries = vec![QueueEntry::default(); count_max.min(ENTRIES_AT_ONCE)];
        let count = self.setup.store.queue_entries(&self.queue, queue_offset, &mut entries)?;
        entries.truncate(count);
        Ok(entries)
    }

    /// What a queue entry says; of one that another broker wrote, what the record says.
    pub(super) fn timer_entry(&self, entry: &QueueEntry) -> Option<TimerEntry> {
        if entry.is_blank() {
            return None;
        }
        let code = TimerCode::of(entry.tags_code).or_else(|| {
            let bytes = self.setup.store.message_at(entry.physical_offset).ok()?;
            TimerCode::of_stored(remora_protocol::record::decode(&bytes).ok()?.properties)
        });
        if code.is_none() {
            let physical_offset = entry.physical_offset;
            tracing::error!(physical_offset, "a timer message has no time and is not delivered");
        }
        code.map(|code| TimerEntry::of(entry, code))
    }

    /// Takes in what the timers' queue has got. Runs are written as it grows.
    pub(super) fn take_in(&mut self) -> Result<(), TimerError> {
        loop {
            let entries = self.entries(self.queue_read, usize::MAX)?;
            if entries.is_empty() {
                let min = self.setup.store.queue_offset_min(&self.queue);
                if min <= self.queue_read {
                    return Ok(());
                }
                self.queue_read = min;
                continue;
            }
            self.group = None;
            for entry in &entries {
                if let Some(entry) = self.timer_entry(entry) {
                    self.pending.insert(entry);
                }
            }
            self.queue_read += entries.len() as u64;
            if self.pending.wants_run(self.queue_read) {
                self.pending.write_run(self.queue_read)?;
            }
        }
    }

    /// When the next message is due; `None` where none waits.
    pub fn next_due_ms(&mut self) -> Result<Option<i64>, TimerError> {
        let mut next = self.pending.next_key()?;
        for level in &mut self.levels {
            if let Some(head) = level.head(&self.setup.store)? {
                next = next.min((head.due_ms, head.physical_offset));
            }
        }
        Ok((next != END).then_some(next.0))
    }

    /// Whether a checkpoint would spare the next start work. Where nothing has changed it would
    /// not, however long the log is.
    pub fn wants_save(&mut self, now_ms: i64) -> Result<bool, TimerError> {
        if !self.has_changed()? {
            return Ok(false);
        }
        let since_ms = now_ms.saturating_sub(self.saved_at_ms);
        Ok(self.pending.near_from() > self.saved.queue_read
            || !(0..MS_BETWEEN_CHECKPOINTS).contains(&since_ms)
            || self.unsearched_bytes() >= self.setup.search_bytes_max)
    }

    fn has_changed(&mut self) -> Result<bool, TimerError> {
        Ok(self.pending.next_key()? != self.saved.before
            || self.level_offsets() != self.saved.levels
            || self.queue_read != self.saved.queue_read)
    }

    /// When `wants_save` may say so next, if anything has changed.
    pub fn save_due_ms(&mut self) -> Result<Option<i64>, TimerError> {
        Ok(self.has_changed()?.then(|| self.saved_at_ms.saturating_add(MS_BETWEEN_CHECKPOINTS)))
    }

    pub fn level_offsets(&self) -> Vec<u64> {
        self.levels.iter().map(|level| level.next).collect()
    }

    /// Writes a checkpoint. False, and nothing is written, where something due has not been
    /// delivered: the next pass does that.
    pub fn save(&mut self, now_ms: i64) -> Result<bool, TimerError> {
        let before = self.pending.next_key()?;
        // Later ones may have been delivered, and a checkpoint would not know of them.
        if before.0 <= self.clock_ms {
            return Ok(false);
        }
        let log_end = self.setup.store.flush()?;
        let log_min = self.setup.store.log_status().physical_offset_min;
        self.done.retain(|physical_offset| *physical_offset >= log_min);
        let mut done: Vec<u64> = self.done.iter().copied().collect();
        done.sort_unstable();
        let mut kept_from = self.pending.physical_min().min(log_end);
        for level in &mut self.levels {
            if let Some(head) = level.head(&self.setup.store)? {
                kept_from = kept_from.min(head.physical_offset);
            }
        }
        let checkpoint = Checkpoint {
            log_end,
            search_from: log_end,
            kept_from,
            queue_read: self.queue_read,
            before,
            levels: self.level_offsets(),
            done,
            clock_ms: self.clock_ms,
            apache_read_ms: None,
        };
        checkpoint.write(&self.setup.meta, Durability::Disk)?;
        self.saved = checkpoint;
        self.has_delivered = false;
        self.saved_at_ms = now_ms;
        self.pending.join_small_runs()?;
        self.setup.store.keep_from(KEEPER, kept_from);
        Ok(true)
    }

    /// Whether records below are kept for messages that wait.
    pub fn keeps(&self, physical_offset: u64) -> bool {
        self.saved.kept_from < physical_offset
    }

    /// Waiting messages from `key` on, in order of their times; those with levels not.
    pub fn list(&mut self, key: Key, count_max: usize) -> Result<Vec<TimerEntry>, TimerError> {
        self.take_in()?;
        Ok(self.pending.from(key, count_max)?)
    }

    /// Begins again from the checkpoint, after a run was found to be damaged.
    pub fn reopen(&mut self, now_ms: i64) -> Result<(), TimerError> {
        self.pending.remove_damaged()?;
        let counts = self.counts;
        let mut again = Self::open(self.setup.clone(), now_ms)?;
        again.search()?;
        *self = Self { counts, ..again };
        Ok(())
    }

    /// Never goes back.
    pub fn clock(&mut self, now_ms: i64) -> i64 {
        self.clock_ms = self.clock_ms.max(now_ms);
        self.clock_ms
    }

    /// Next offset of the timers' queue.
    pub fn queue_read(&self) -> u64 {
        self.queue_read
    }

    #[cfg(test)]
    pub fn counts(&self) -> TimerCounts {
        self.counts
    }

    pub fn pending(&self) -> &Pending {
        &self.pending
    }
}

impl TimerSetup {
    pub fn new(store: Arc<Store>, meta: Arc<MetaLog>, level_delays_ms: Vec<u64>) -> Self {
        let (run_entries_max, search_bytes_max) = (RUN_ENTRIES_MAX, SEARCH_BYTES_MAX);
        Self { store, meta, level_delays_ms, run_entries_max, search_bytes_max }
    }
}
