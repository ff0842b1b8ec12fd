//! A consume queue: which records belong to a queue of a topic, in order.
//!
//! The newest entries are in memory (`Tail`) until the queue writer puts them into files, in runs,
//! once the log holds their records durably: queue files therefore never name a record that a power
//! cut can take back. Readers look in the tail first.
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::dispatch::topic_hash;
use crate::lock::Lock;
use crate::queue_files::{ENTRY_BYTES, QueueDisk, QueueEntry, QueueFiles, read_entries};

/// Entries that one write takes from the tail: 80 KB.
const WRITE_RUN: usize = 4_096;

/// One queue. Offsets in it count messages.
#[derive(Debug)]
pub struct ConsumeQueue {
    pub(crate) topic: Arc<str>,
    pub(crate) queue_id: i32,
    /// See `dispatch::topic_hash`.
    pub(crate) topic_hash: i32,
    /// The offset of the next message. Changed under the append lock only.
    next: AtomicU64,
    tail: Lock<Tail>,
    files: Mutex<QueueFiles>,
    loaded: AtomicBool,
    deleted: AtomicBool,
    /// In the queue writer's list already.
    listed: AtomicBool,
    /// Arrivals are told to the listener.
    watched: AtomicBool,
}

#[derive(Debug, Default)]
struct Tail {
    /// Queue offset of the first entry here; older ones are in files.
    base: u64,
    entries: VecDeque<QueueEntry>,
    /// Lowest readable offset, valid while the log begins at `min_for`.
    min: u64,
    min_for: Option<u64>,
}

/// Lowest and one past the highest readable queue offset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    pub min: u64,
    pub max: u64,
}

impl ConsumeQueue {
    pub(crate) fn new(topic: Arc<str>, queue_id: i32, shared: Arc<QueueDisk>, dir: String) -> Self {
        Self {
            topic_hash: topic_hash(&topic),
            topic,
            queue_id,
            next: AtomicU64::new(0),
            tail: Lock::new(Tail::default()),
            files: Mutex::new(QueueFiles::new(shared, dir)),
            loaded: AtomicBool::new(false),
            deleted: AtomicBool::new(false),
            listed: AtomicBool::new(false),
            watched: AtomicBool::new(false),
        }
    }

    /// Finds the end of the queue in its files, once. Entries whose record begins at or after
    /// `bound` do not count; with `Stale::Cut` their bytes are made zero.
    pub(crate) fn load(&self, bound: u64, stale: Stale) -> io::Result<()> {
        if self.loaded.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut files = self.files.lock();
        if self.loaded.load(Ordering::Acquire) {
            return Ok(());
        }
        files.load()?;
        let next = files.end_below(bound)?;
        if stale == Stale::Cut && files.count() > 0 {
            files.cut(next)?;
        }
        // Loading is rare work for many queues: keep no handle.
        files.close();
        self.next.store(next, Ordering::Release);
        self.tail.lock().base = next;
        self.loaded.store(true, Ordering::Release);
        Ok(())
    }

    pub(crate) fn next(&self) -> u64 {
        self.next.load(Ordering::Acquire)
    }

    /// Adds the entries of the next queue offsets. Only under the append lock. True if the queue
    /// has to be put on the writer's list.
    pub(crate) fn push(&self, entries: impl Iterator<Item = QueueEntry>) -> bool {
        let count = {
            let mut tail = self.tail.lock();
            let before = tail.entries.len();
            tail.entries.extend(entries);
            (tail.entries.len() - before) as u64
        };
        self.next.store(self.next() + count, Ordering::Release);
        !self.listed.load(Ordering::Relaxed) && !self.listed.swap(true, Ordering::AcqRel)
    }

    /// Adds the entry of a record read from the log again. The queue must be loaded.
    pub(crate) fn replay(&self, queue_offset: u64, entry: QueueEntry) -> io::Result<Replayed> {
        let next = self.next();
        if queue_offset < next {
            let mut there = [QueueEntry::default()];
            self.entries(queue_offset, &mut there)?;
            if there == [entry] {
                return Ok(Replayed::AlreadyThere);
            }
            // The topic was deleted and made again: its offsets started over.
            self.reset(queue_offset)?;
        } else if queue_offset > next {
            if next > 0 || self.files.lock().count() > 0 {
                return Ok(Replayed::Gap);
            }
            self.tail.lock().base = queue_offset;
        }
        self.next.store(queue_offset, Ordering::Release);
        Ok(if self.push(std::iter::once(entry)) { Replayed::List } else { Replayed::Added })
    }

    /// Fills offsets up to `queue_offset` with blanks: the log has no records for them.
    pub(crate) fn fill_to(&self, queue_offset: u64) {
        let mut tail = self.tail.lock();
        for _ in self.next()..queue_offset {
            tail.entries.push_back(QueueEntry::BLANK);
        }
        self.next.store(queue_offset, Ordering::Release);
    }

    fn reset(&self, queue_offset: u64) -> io::Result<()> {
        let mut files = self.files.lock();
        let mut tail = self.tail.lock();
        if queue_offset >= tail.base {
            let keep = usize::try_from(queue_offset - tail.base).unwrap_or(usize::MAX);
            tail.entries.truncate(keep);
        } else {
            tail.entries.clear();
            tail.base = queue_offset;
            files.cut(queue_offset)?;
        }
        tail.min_for = None;
        Ok(())
    }

    /// Drops entries of records at or past `end` (recovery).
    pub(crate) fn cut_past(&self, end: u64) -> io::Result<()> {
        let keep = {
            let mut files = self.files.lock();
            let tail = self.tail.lock();
            let in_tail = tail.entries.partition_point(|one| one.is_blank() || one.end() <= end);
            if in_tail > 0 || files.count() == 0 {
                tail.base + in_tail as u64
            } else {
                tail.base.min(files.end_below(end)?)
            }
        };
        if keep < self.next() {
            self.reset(keep)?;
            self.next.store(keep, Ordering::Release);
        }
        self.close_files();
        Ok(())
    }

    /// What may be read, given where the log begins and up to where its records may be shown.
    pub(crate) fn window(&self, log_min: u64, visible: u64) -> io::Result<Window> {
        let (max, known_min) = {
            let tail = self.tail.lock();
            let shown = |entry: &QueueEntry| entry.is_blank() || entry.end() <= visible;
            // Mostly everything is shown; only sync flush has a hidden end.
            let in_tail = match tail.entries.back() {
                Some(newest) if !shown(newest) => tail.entries.partition_point(shown),
                _ => tail.entries.len(),
            };
            let max = tail.base + in_tail as u64;
            (max, (tail.min_for == Some(log_min)).then_some(tail.min))
        };
        let min = match known_min {
            Some(min) => min,
            None => self.find_min(log_min)?,
        };
        Ok(Window { min: min.min(max), max })
    }

    /// The first entry whose record the log still has.
    fn find_min(&self, log_min: u64) -> io::Result<u64> {
        let first_in_files = self.files.lock().first_index();
        let (base, next) = {
            let tail = self.tail.lock();
            (tail.base, tail.base + tail.entries.len() as u64)
        };
        let (mut low, mut high) = (first_in_files.unwrap_or(base), next);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut entry = [QueueEntry::default()];
            let read = self.entries(middle, &mut entry)?;
            let [entry] = entry;
            let kept = read == 1 && !entry.is_blank() && entry.physical_offset >= log_min;
            if kept { high = middle } else { low = middle + 1 }
        }
        let mut tail = self.tail.lock();
        // An empty queue has no first entry yet, so nothing is remembered.
        tail.min_for = (next > low).then_some(log_min);
        tail.min = low;
        Ok(low)
    }

    /// Reads entries from `index` on; fewer than asked at a file's end or the queue's.
    pub(crate) fn entries(&self, index: u64, out: &mut [QueueEntry]) -> io::Result<usize> {
        if let Some(count) = self.entries_in_tail(index, out) {
            return Ok(count);
        }
        let Some((file, position)) = self.files.lock().reader(index)? else {
            // The tail was written out, or the file removed, since the first look.
            return Ok(self.entries_in_tail(index, out).unwrap_or(0));
        };
        let base = self.tail.lock().base;
        let below_base = usize::try_from(base.saturating_sub(index)).unwrap_or(usize::MAX);
        let wanted = out.len().min(below_base);
        read_entries(file.as_ref(), position, out.get_mut(..wanted).unwrap_or_default())
    }

    /// None if `index` is older than the tail.
    fn entries_in_tail(&self, index: u64, out: &mut [QueueEntry]) -> Option<usize> {
        let tail = self.tail.lock();
        let from = usize::try_from(index.checked_sub(tail.base)?).ok()?;
        let count = tail.entries.len().saturating_sub(from).min(out.len());
        for (to, entry) in out.iter_mut().zip(tail.entries.iter().skip(from)) {
            *to = *entry;
        }
        Some(count)
    }

    /// How many entries wait for the queue writer.
    pub(crate) fn waiting(&self) -> usize {
        self.tail.lock().entries.len()
    }

    /// Writes entries of records below `durable` to the files; `sync` makes them durable.
    pub(crate) fn write_out(&self, durable: u64) -> io::Result<()> {
        let mut run = Vec::new();
        loop {
            // The files' lock is held over both steps: `reset` and `load` see whole states.
            let mut files = self.files.lock();
            if self.deleted.load(Ordering::Acquire) {
                return Ok(());
            }
            run.clear();
            let base = {
                let tail = self.tail.lock();
                let durable_entries = tail
                    .entries
                    .iter()
                    .take(WRITE_RUN)
                    .take_while(|entry| entry.is_blank() || entry.end() <= durable);
                durable_entries.for_each(|entry| run.extend_from_slice(&entry.to_bytes()));
                tail.base
            };
            if run.is_empty() {
                return Ok(());
            }
            files.write(base, &run)?;
            let mut tail = self.tail.lock();
            let written = run.len() / 20;
            tail.entries.drain(..written);
            tail.base += written as u64;
            if tail.entries.is_empty() {
                // 80,000 idle queues must not keep their buffers.
                tail.entries.shrink_to(32);
            }
        }
    }

    /// Takes the queue off the writer's list; true if it has to go back because entries wait.
    pub(crate) fn unlist(&self) -> bool {
        self.listed.store(false, Ordering::Release);
        self.waiting() > 0 && !self.listed.swap(true, Ordering::AcqRel)
    }

    /// Makes what `write_out` wrote durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut files = self.files.lock();
        if self.is_deleted() { Ok(()) } else { files.sync() }
    }

    /// A sync of the whole disk covered the files.
    pub(crate) fn all_synced(&self) {
        self.files.lock().all_synced();
    }

    pub(crate) fn close_files(&self) {
        self.files.lock().close();
    }

    /// Removes files that hold only records older than the log.
    pub(crate) fn expire(&self, log_min: u64) -> io::Result<usize> {
        let mut files = self.files.lock();
        if !self.loaded.load(Ordering::Acquire) {
            files.load()?;
        }
        if files.count() < 2 {
            return Ok(0);
        }
        // Whole files are judged by their successor's first entry.
        let mut removable = 0;
        let per_file = files.shared().file_bytes / ENTRY_BYTES;
        let Some(first) = files.first_index() else { return Ok(0) };
        for number in 1..files.count() as u64 {
            let index = first + number * per_file;
            let mut entry = [QueueEntry::default()];
            let read = files.read(index, &mut entry)?;
            let [entry] = entry;
            if read == 0 || entry.record_bytes == 0 || entry.physical_offset > log_min {
                break;
            }
            removable = index;
        }
        let removed = files.remove_below(removable)?;
        self.tail.lock().min_for = None;
        Ok(removed)
    }

    /// Marks the queue as gone and removes its files; references that are left write nothing.
    pub(crate) fn delete(&self) -> io::Result<()> {
        let mut files = self.files.lock();
        self.deleted.store(true, Ordering::Release);
        files.close();
        let (disk, dir) = (files.shared().disk.share(), files.dir().to_owned());
        drop(files);
        let mut tail = self.tail.lock();
        tail.entries.clear();
        tail.min_for = None;
        drop(tail);
        disk.remove_dir(&dir)
    }

    pub(crate) fn set_watched(&self, watched: bool) {
        self.watched.store(watched, Ordering::SeqCst);
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::SeqCst)
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }
}

/// What to do with entries past the end that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stale {
    /// There are none: files never name records that are not durable.
    None,
    /// Another broker or a repair may have left some.
    Cut,
}

/// What became of a replayed entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Replayed {
    Added,
    /// Added; the queue has to be put on the writer's list.
    List,
    AlreadyThere,
    /// Entries before it are missing: the queues have to be built again from the whole log.
    Gap,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::disk::Disk;
    use crate::sim_disk::SimDisk;

    const FILE_BYTES: u64 = 200;

    fn queue(disk: &SimDisk) -> ConsumeQueue {
        let shared = QueueDisk {
            disk: disk.share(),
            file_bytes: FILE_BYTES,
            open_files: AtomicUsize::new(0),
            open_files_max: 1,
        };
        let queue = ConsumeQueue::new("T".into(), 0, Arc::new(shared), "consumequeue/T/0".into());
        queue.load(u64::MAX, Stale::None).expect("loaded");
        queue
    }

    fn entry(number: u64) -> QueueEntry {
        let tags_code = number.cast_signed();
        QueueEntry { physical_offset: number * 100, record_bytes: 100, tags_code }
    }

    fn push(queue: &ConsumeQueue, count: u64) {
        let next = queue.next();
        queue.push((next..next + count).map(entry));
    }

    fn all(queue: &ConsumeQueue) -> Vec<QueueEntry> {
        let mut found = Vec::new();
        let mut chunk = [QueueEntry::default(); 7];
        loop {
            let count = queue.entries(found.len() as u64, &mut chunk).expect("read");
            if count == 0 {
                return found;
            }
            found.extend_from_slice(&chunk[..count]);
        }
    }

    #[test]
    fn entries_of_records_that_are_not_durable_stay_in_memory() {
        let disk = SimDisk::new();
        let first = queue(&disk);
        push(&first, 25);
        first.write_out(1_250).expect("written");
        assert_eq!(first.waiting(), 13);
        assert_eq!(all(&first), (0..25).map(entry).collect::<Vec<_>>());
        // Another one finds exactly the durable ones in the files.
        assert_eq!(queue(&disk).next(), 12);
        first.write_out(u64::MAX).expect("written");
        assert_eq!((first.waiting(), queue(&disk).next()), (0, 25));
        assert_eq!(all(&first), (0..25).map(entry).collect::<Vec<_>>());
    }

    #[test]
    fn hidden_entries_end_the_window() {
        let disk = SimDisk::new();
        let queue = queue(&disk);
        push(&queue, 10);
        let window = |log_min, visible| queue.window(log_min, visible).expect("a window");
        assert_eq!(window(0, 500), Window { min: 0, max: 5 });
        assert_eq!(window(0, 599), Window { min: 0, max: 5 });
        assert_eq!(window(250, u64::MAX), Window { min: 3, max: 10 });
        assert_eq!(window(5_000, u64::MAX), Window { min: 10, max: 10 });
    }

    #[test]
    fn offsets_that_start_over_replace_the_former_entries() {
        let disk = SimDisk::new();
        let first = queue(&disk);
        push(&first, 25);
        first.write_out(1_500).expect("written");
        let again = QueueEntry { physical_offset: 9_000, ..entry(3) };
        assert_eq!(first.replay(3, again).expect("replayed"), Replayed::Added);
        let expected = [entry(0), entry(1), entry(2), again];
        assert_eq!(all(&first), expected);
        first.write_out(u64::MAX).expect("written");
        assert_eq!(all(&queue(&disk)), expected);
    }

    #[test]
    fn stale_entries_past_the_bound_are_cut_when_asked() {
        let disk = SimDisk::new();
        let first = queue(&disk);
        push(&first, 25);
        first.write_out(u64::MAX).expect("written");
        let shared = QueueDisk {
            disk: disk.share(),
            file_bytes: FILE_BYTES,
            open_files: AtomicUsize::new(0),
            open_files_max: 1,
        };
        let second = ConsumeQueue::new("T".into(), 0, Arc::new(shared), "consumequeue/T/0".into());
        second.load(1_700, Stale::Cut).expect("loaded");
        assert_eq!(all(&second), (0..17).map(entry).collect::<Vec<_>>());
        assert_eq!(queue(&disk).next(), 17, "their bytes are zero");
    }
}
