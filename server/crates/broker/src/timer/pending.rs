//! All timer messages that wait: the newest in memory, the others in sorted runs on disk.
//!
//! Memory and work go with what is due, not with what waits: of a run only the block with its next
//! entry is in memory. Runs are derived from the timers' queue and hold for the queue offsets in
//! their names; what no run has is read from the queue, 20 bytes a message.
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;
use std::sync::Arc;

use remora_store::disk::Disk;

use super::entry::{END, Key, TimerEntry};
use super::run::{RUN_DIR, Run, queue_offsets_of};

/// Entries of a run, about, and most of those in memory. Chosen: 1.5 MB a file.
pub(crate) const RUN_ENTRIES_MAX: usize = 65_536;

#[derive(Debug)]
pub(crate) struct Pending {
    disk: Arc<dyn Disk>,
    /// Those in no run, and some that are in one as well.
    near: BTreeMap<Key, TimerEntry>,
    near_deletes: u64,
    /// Queue offset after the newest run's.
    near_from: u64,
    /// In the order of the queue.
    runs: Vec<Run>,
    last_taken: Option<Key>,
    run_entries_max: usize,
}

impl Pending {
    /// Opens the runs that a checkpoint vouches for: everything before `before` at queue offsets
    /// below `queue_read` was delivered. Gives the stretches of the queue that no run has, from
    /// `queue_min` on.
    pub fn open(
        disk: Arc<dyn Disk>,
        queue_min: u64,
        queue_read: u64,
        before: Key,
        run_entries_max: usize,
    ) -> io::Result<(Self, Vec<(u64, u64)>)> {
        let mut names: Vec<(u64, Reverse<u64>, String)> = Vec::new();
        for entry in disk.list(RUN_DIR)? {
            let path = format!("{RUN_DIR}/{}", entry.name);
            match queue_offsets_of(&entry.name) {
                Some((from, to)) if to <= queue_read => names.push((from, Reverse(to), path)),
                _ => disk.remove(&path)?,
            }
        }
        names.sort();
        let (mut runs, mut gaps, mut covered) = (Vec::new(), Vec::new(), queue_min);
        for (from, Reverse(to), path) in names {
            // Part of a newer run, or of removed records only.
            let opened = if to <= covered { None } else { open_run(disk.as_ref(), &path, before)? };
            let Some(run) = opened else {
                disk.remove(&path)?;
                continue;
            };
            if from > covered {
                gaps.push((covered, from));
            }
            covered = to;
            runs.push(run);
        }
        if covered < queue_read {
            gaps.push((covered, queue_read));
        }
        let pending = Self {
            disk,
            near: BTreeMap::new(),
            near_deletes: 0,
            near_from: covered,
            runs,
            last_taken: None,
            run_entries_max,
        };
        Ok((pending, gaps))
    }

    pub fn insert(&mut self, entry: TimerEntry) {
        // Given back after a failure: not a second time, then.
        if self.last_taken == Some(entry.key()) {
            self.last_taken = None;
        }
        if self.near.insert(entry.key(), entry).is_none() {
            self.near_deletes += u64::from(entry.deletes);
        }
    }

    /// How many wait, about: some may be in memory and in a run.
    pub fn count(&self) -> u64 {
        self.near.len() as u64 + self.runs.iter().map(Run::pending).sum::<u64>()
    }

    #[cfg(test)]
    pub fn near_count(&self) -> usize {
        self.near.len()
    }

    #[cfg(test)]
    pub fn run_count(&self) -> usize {
        self.runs.len()
    }

    pub fn near_from(&self) -> u64 {
        self.near_from
    }

    #[cfg(test)]
    pub fn blocks_read(&self) -> u64 {
        self.runs.iter().map(|run| run.blocks_read).sum()
    }

    /// Whether any waiting one may withdraw another.
    pub fn has_deletes(&self) -> bool {
        self.near_deletes > 0 || self.runs.iter().any(|run| run.deletes > 0 && run.pending() > 0)
    }

    /// The next one to be delivered; `END` where none waits.
    pub fn next_key(&mut self) -> io::Result<Key> {
        let mut next = self.near.keys().next().copied().unwrap_or(END);
        for run in &mut self.runs {
            if let Some(entry) = run.peek()? {
                next = next.min(entry.key());
            }
        }
        Ok(next)
    }

    /// Takes up to `count_max` that are due, in order.
    pub fn take_due(&mut self, now_ms: i64, count_max: usize) -> io::Result<Vec<TimerEntry>> {
        let mut heads = BinaryHeap::new();
        for (index, run) in self.runs.iter_mut().enumerate() {
            if let Some(entry) = run.peek()?.filter(|entry| entry.due_ms <= now_ms) {
                heads.push(Reverse((entry.key(), index)));
            }
        }
        let mut taken: Vec<TimerEntry> = Vec::new();
        while taken.len() < count_max {
            let near = self.near.first_key_value().map(|(key, _)| *key);
            let near = near.filter(|(due_ms, _)| *due_ms <= now_ms);
            let head = heads.peek().map(|Reverse((key, index))| (*key, *index));
            let entry = match (near, head) {
                (Some(near), head) if head.is_none_or(|(key, _)| near <= key) => {
                    self.remove_near(near)
                }
                (_, Some((_, index))) => {
                    heads.pop();
                    self.take_from_run(index, now_ms, &mut heads)?
                }
                (_, None) => break,
            };
            let Some(entry) = entry else { continue };
            if self.last_taken != Some(entry.key()) {
                self.last_taken = Some(entry.key());
                taken.push(entry);
            }
        }
        Ok(taken)
    }

    fn take_from_run(
        &mut self,
        index: usize,
        now_ms: i64,
        heads: &mut BinaryHeap<Reverse<(Key, usize)>>,
    ) -> io::Result<Option<TimerEntry>> {
        let Some(run) = self.runs.get_mut(index) else { return Ok(None) };
        let entry = run.peek()?;
        run.advance();
        if let Some(next) = run.peek()?.filter(|next| next.due_ms <= now_ms) {
            heads.push(Reverse((next.key(), index)));
        }
        Ok(entry)
    }

    fn remove_near(&mut self, key: Key) -> Option<TimerEntry> {
        let entry = self.near.remove(&key)?;
        self.near_deletes -= u64::from(entry.deletes);
        Some(entry)
    }

    /// Those that are due at exactly this time, in order.
    pub fn at(&mut self, due_ms: i64) -> io::Result<Vec<TimerEntry>> {
        let (from, to) = ((due_ms, 0), (due_ms, u64::MAX));
        let mut found: Vec<_> = self.near.range(from..=to).map(|(_, entry)| *entry).collect();
        for run in &mut self.runs {
            run.each_from(from, |entry| {
                let is_it = entry.due_ms == due_ms;
                found.extend(is_it.then_some(entry));
                is_it
            })?;
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Up to `count_max` from `key` on, in order: for listing.
    pub fn from(&mut self, key: Key, count_max: usize) -> io::Result<Vec<TimerEntry>> {
        let near = self.near.range(key..).take(count_max);
        let mut found: Vec<_> = near.map(|(_, entry)| *entry).collect();
        for run in &mut self.runs {
            let mut left = count_max;
            run.each_from(key, |entry| {
                if left == 0 {
                    return false;
                }
                left -= 1;
                found.push(entry);
                true
            })?;
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(count_max);
        Ok(found)
    }

    /// Whether so much is in memory, or so much of the queue is in no run, that a run should be
    /// written.
    pub fn wants_run(&self, queue_read: u64) -> bool {
        // Chosen: 2.5 MB of the queue to be read again at a start.
        let unwritten = queue_read.saturating_sub(self.near_from);
        self.near.len() >= self.run_entries_max || unwritten >= 2 * self.run_entries_max as u64
    }

    /// Writes what is in memory as a run that stands for the queue up to `queue_read`. It counts
    /// once a checkpoint says that the queue was read so far.
    pub fn write_run(&mut self, queue_read: u64) -> io::Result<()> {
        if queue_read <= self.near_from {
            return Ok(());
        }
        let entries: Vec<_> = self.near.values().copied().collect();
        let run = Run::write(self.disk.as_ref(), self.near_from, queue_read, &entries)?;
        self.runs.push(run);
        self.near.clear();
        self.near_deletes = 0;
        self.near_from = queue_read;
        Ok(())
    }

    /// Makes one run of neighbours that have become small. Right after a checkpoint: what was
    /// delivered is then known to be.
    pub fn join_small_runs(&mut self) -> io::Result<()> {
        let mut index = 0;
        while let (Some(first), Some(second)) = (self.runs.get(index), self.runs.get(index + 1)) {
            let is_small = first.pending() + second.pending() <= self.run_entries_max as u64;
            if !is_small || first.queue_to != second.queue_from {
                index += 1;
                continue;
            }
            let (from, to) = (first.queue_from, second.queue_to);
            let mut entries = Vec::new();
            for run in self.runs.iter_mut().skip(index).take(2) {
                run.each_from((i64::MIN, 0), |entry| {
                    entries.push(entry);
                    true
                })?;
            }
            entries.sort_unstable();
            entries.dedup();
            let joined = Run::write(self.disk.as_ref(), from, to, &entries)?;
            for old in self.runs.splice(index..index + 2, [joined]) {
                self.disk.remove(&old.path)?;
            }
        }
        Ok(())
    }

    /// Removes the files of damaged runs: what they had is read from the queue when opened again.
    pub fn remove_damaged(&mut self) -> io::Result<()> {
        for run in &mut self.runs {
            if let Err(error) = run.each_from((i64::MIN, 0), |_| true) {
                tracing::error!(%error, "a run of timer messages is damaged and made again");
                self.disk.remove(&run.path)?;
            }
        }
        Ok(())
    }

    /// The lowest physical offset that a waiting message may have; `u64::MAX` where none waits.
    pub fn physical_min(&self) -> u64 {
        let near = self.near.keys().map(|(_, physical_offset)| *physical_offset).min();
        let runs = self.runs.iter().filter(|run| run.pending() > 0).map(|run| run.physical_min);
        runs.chain(near).min().unwrap_or(u64::MAX)
    }

    /// Up to `count_max` whose records are below `physical_offset`.
    pub fn below(
        &mut self,
        physical_offset: u64,
        count_max: usize,
        mut wanted: impl FnMut(&TimerEntry) -> bool,
    ) -> io::Result<Vec<TimerEntry>> {
        let mut is_below =
            |entry: &TimerEntry| entry.physical_offset < physical_offset && wanted(entry);
        let near = self.near.values().filter(|entry| is_below(entry));
        let mut found: Vec<_> = near.take(count_max).copied().collect();
        for run in self.runs.iter_mut().filter(|run| run.physical_min < physical_offset) {
            if found.len() >= count_max {
                break;
            }
            run.each_from((i64::MIN, 0), |entry| {
                found.extend(is_below(&entry).then_some(entry));
                found.len() < count_max
            })?;
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Forgets all whose records are below `physical_offset`: they were stored again.
    pub fn forget_below(&mut self, physical_offset: u64) -> io::Result<()> {
        self.near.retain(|(_, at), _| *at >= physical_offset);
        self.near_deletes = self.near.values().filter(|entry| entry.deletes).count() as u64;
        for run in self.runs.iter_mut().filter(|run| run.physical_min < physical_offset) {
            let mut kept = Vec::new();
            run.each_from((i64::MIN, 0), |entry| {
                kept.extend((entry.physical_offset >= physical_offset).then_some(entry));
                true
            })?;
            *run = Run::write(self.disk.as_ref(), run.queue_from, run.queue_to, &kept)?;
        }
        Ok(())
    }
}

/// A damaged run is as good as none: what it had is read from the queue.
fn open_run(disk: &dyn Disk, path: &str, before: Key) -> io::Result<Option<Run>> {
    let opened = Run::open(disk, path.to_owned()).and_then(|mut run| {
        run.seek(before)?;
        Ok(run)
    });
    match opened {
        Ok(run) => Ok(Some(run)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            tracing::error!(%error, "a run of timer messages is damaged and made again");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
