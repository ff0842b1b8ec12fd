//! The files of one consume queue: 20-byte entries, opened when needed, made when first written.
//!
//! Files have their full size from the start (sparse): Apache refuses others. They are read and
//! written by pread and pwrite, so a full disk is an error and not a signal.
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::disk::{Access, Disk, DiskFile};
use crate::segment::{file_name, start_of};

pub(crate) const ENTRY_BYTES: u64 = 20;
/// Size field of the entries that fill a file before the queue's first one.
const BLANK_SIZE: u32 = 0x7FFF_FFFF;
/// Entries are blanked in pieces of this many.
const BLANK_CHUNK: u64 = 4_096;

/// Where a message of a queue is, and what a filter sees of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueEntry {
    pub physical_offset: u64,
    pub record_bytes: u32,
    pub tags_code: i64,
}

impl QueueEntry {
    pub(crate) const BLANK: Self =
        Self { physical_offset: 0, record_bytes: BLANK_SIZE, tags_code: 0 };

    /// One past the record's last byte.
    pub fn end(&self) -> u64 {
        self.physical_offset + u64::from(self.record_bytes)
    }

    /// Fills a place before the queue's first message.
    pub fn is_blank(&self) -> bool {
        self.record_bytes == BLANK_SIZE && self.physical_offset == 0
    }

    pub(crate) fn to_bytes(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.physical_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.record_bytes.to_be_bytes());
        bytes[12..].copy_from_slice(&self.tags_code.to_be_bytes());
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; 20]) -> Self {
        let [p0, p1, p2, p3, p4, p5, p6, p7, s0, s1, s2, s3, t @ ..] = *bytes;
        Self {
            physical_offset: u64::from_be_bytes([p0, p1, p2, p3, p4, p5, p6, p7]),
            record_bytes: u32::from_be_bytes([s0, s1, s2, s3]),
            tags_code: i64::from_be_bytes(t),
        }
    }

    /// True if Java would take it: both numbers positive in its signed types.
    fn is_plausible(&self) -> bool {
        self.record_bytes > 0
            && self.record_bytes <= BLANK_SIZE
            && i64::try_from(self.physical_offset).is_ok()
    }
}

/// What all queues share.
#[derive(Debug)]
pub(crate) struct QueueDisk {
    pub disk: Arc<dyn Disk>,
    pub file_bytes: u64,
    /// File handles kept open by all queues together.
    pub open_files: AtomicUsize,
    pub open_files_max: usize,
}

/// The files of one queue.
#[derive(Debug)]
pub(crate) struct QueueFiles {
    shared: Arc<QueueDisk>,
    dir: String,
    /// Start offsets in bytes, ascending.
    starts: Vec<u64>,
    /// The file used last stays open while the budget allows.
    cached: Option<(u64, Arc<dyn DiskFile>)>,
    /// Starts of files written since the last sync.
    unsynced: Vec<u64>,
    /// Names were added that no directory sync covers yet.
    names_unsynced: bool,
}

impl QueueFiles {
    pub(crate) fn new(shared: Arc<QueueDisk>, dir: String) -> Self {
        Self {
            shared,
            dir,
            starts: Vec::new(),
            cached: None,
            unsynced: Vec::new(),
            names_unsynced: false,
        }
    }

    pub(crate) fn dir(&self) -> &str {
        &self.dir
    }

    pub(crate) fn shared(&self) -> &QueueDisk {
        &self.shared
    }

    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }

    /// Index of the first entry that the files could hold.
    pub(crate) fn first_index(&self) -> Option<u64> {
        self.starts.first().map(|start| start / ENTRY_BYTES)
    }

    /// Reads the directory. A file of another size is an error of kind `InvalidData`; an empty last
    /// one, left by a crash, is removed.
    pub(crate) fn load(&mut self) -> io::Result<()> {
        self.starts.clear();
        let entries = self.shared.disk.list(&self.dir)?;
        let files: Vec<_> = entries
            .into_iter()
            .filter(|entry| !entry.is_dir)
            .filter_map(|entry| Some((start_of(&entry.name)?, entry.bytes)))
            .collect();
        for (start, bytes) in files {
            if bytes == 0 {
                self.shared.disk.remove(&self.path(start))?;
                continue;
            }
            if bytes != self.shared.file_bytes {
                let path = self.shared.disk.display(&self.path(start));
                let expected = self.shared.file_bytes;
                let text = format!("{path} has {bytes} bytes, the other queue files {expected}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            self.starts.push(start);
        }
        Ok(())
    }

    /// One past the last entry that is there and lies below `bound` in the log. Entries below
    /// `bound` must be contiguous.
    pub(crate) fn end_below(&mut self, bound: u64) -> io::Result<u64> {
        let per_file = self.shared.file_bytes / ENTRY_BYTES;
        for start in self.starts.clone().into_iter().rev() {
            let file = self.file(start)?;
            let below = |entry: &QueueEntry| {
                entry.is_plausible() && (entry.is_blank() || entry.physical_offset < bound)
            };
            let (mut low, mut high) = (0, per_file);
            while low < high {
                let middle = low + (high - low) / 2;
                let entry = read_entry(file.as_ref(), middle * ENTRY_BYTES)?;
                if entry.as_ref().is_some_and(below) { low = middle + 1 } else { high = middle }
            }
            if low > 0 {
                return Ok(start / ENTRY_BYTES + low);
            }
        }
        Ok(self.first_index().unwrap_or(0))
    }

    /// Reads entries from `index` on, as many as fit and lie in one file.
    pub(crate) fn read(&mut self, index: u64, out: &mut [QueueEntry]) -> io::Result<usize> {
        match self.reader(index)? {
            Some((file, position)) => read_entries(file.as_ref(), position, out),
            None => Ok(0),
        }
    }

    /// The file and the position in it of entry `index`, to be read without this lock.
    pub(crate) fn reader(&mut self, index: u64) -> io::Result<Option<(Arc<dyn DiskFile>, u64)>> {
        let at = index * ENTRY_BYTES;
        let start = at - at % self.shared.file_bytes;
        if self.starts.binary_search(&start).is_err() {
            return Ok(None);
        }
        Ok(Some((self.file(start)?, at - start)))
    }

    /// Writes encoded entries from `index` on, making files as needed. A queue whose first file
    /// begins before `index` is blanked up to there.
    pub(crate) fn write(&mut self, index: u64, mut bytes: &[u8]) -> io::Result<()> {
        let mut at = index * ENTRY_BYTES;
        while !bytes.is_empty() {
            let start = at - at % self.shared.file_bytes;
            let room = usize::try_from(start + self.shared.file_bytes - at).unwrap_or(usize::MAX);
            let (run, rest) = bytes.split_at(room.min(bytes.len()));
            let file = self.file_for_write(start, at)?;
            if !self.unsynced.contains(&start) {
                self.unsynced.push(start);
            }
            file.write_at(at - start, run)?;
            at += run.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    fn file_for_write(&mut self, start: u64, at: u64) -> io::Result<Arc<dyn DiskFile>> {
        if self.starts.binary_search(&start).is_ok() {
            return self.file(start);
        }
        self.shared.disk.create_dir_unsynced(&self.dir)?;
        let path = self.path(start);
        let file = self.shared.disk.open(&path, Access::CreateUnsynced)?;
        if file.len() != self.shared.file_bytes {
            file.set_len(self.shared.file_bytes)?;
        }
        if self.starts.is_empty() && at > start {
            fill_blank(file.as_ref(), (at - start) / ENTRY_BYTES)?;
        }
        let place = self.starts.partition_point(|one| *one < start);
        self.starts.insert(place, start);
        self.names_unsynced = true;
        self.keep(start, &file);
        Ok(file)
    }

    /// Forgets everything from entry `index` on; the bytes become zero.
    pub(crate) fn cut(&mut self, index: u64) -> io::Result<()> {
        let at = index * ENTRY_BYTES;
        while let Some(&start) = self.starts.last().filter(|start| **start >= at) {
            self.close();
            self.shared.disk.remove(&self.path(start))?;
            self.starts.pop();
        }
        let Some(&start) = self.starts.last() else { return Ok(()) };
        if at >= start + self.shared.file_bytes {
            return Ok(());
        }
        let file = self.file(start)?;
        if file.next_data(at - start)?.is_some() {
            // Shortening and growing leaves a sparse zero tail.
            file.set_len(at - start)?;
            file.set_len(self.shared.file_bytes)?;
        }
        Ok(())
    }

    /// Removes files of which all entries are below `index`, but never the last one.
    pub(crate) fn remove_below(&mut self, index: u64) -> io::Result<usize> {
        let mut removed = 0;
        while let [first, next, ..] = *self.starts.as_slice() {
            if next > index * ENTRY_BYTES {
                break;
            }
            self.close();
            self.shared.disk.remove(&self.path(first))?;
            self.starts.remove(0);
            removed += 1;
        }
        Ok(removed)
    }

    /// Closes the cached handle.
    pub(crate) fn close(&mut self) {
        if self.cached.take().is_some() {
            self.shared.open_files.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Makes what was written durable, names first.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        if self.names_unsynced {
            let mut dir = self.dir.as_str();
            while !dir.is_empty() {
                self.shared.disk.sync_dir(dir)?;
                dir = dir.rsplit_once('/').map_or("", |(parent, _)| parent);
            }
        }
        for start in self.unsynced.clone() {
            if self.starts.contains(&start) {
                self.file(start)?.sync()?;
            }
        }
        self.all_synced();
        Ok(())
    }

    /// A sync of the whole disk covered everything.
    pub(crate) fn all_synced(&mut self) {
        self.unsynced.clear();
        self.names_unsynced = false;
    }

    fn path(&self, start: u64) -> String {
        format!("{}/{}", self.dir, file_name(start))
    }

    fn file(&mut self, start: u64) -> io::Result<Arc<dyn DiskFile>> {
        if let Some((_, file)) = self.cached.as_ref().filter(|(cached, _)| *cached == start) {
            return Ok(file.clone());
        }
        let file = self.shared.disk.open(&self.path(start), Access::Write)?;
        self.keep(start, &file);
        Ok(file)
    }

    fn keep(&mut self, start: u64, file: &Arc<dyn DiskFile>) {
        self.close();
        let open = self.shared.open_files.fetch_add(1, Ordering::Relaxed);
        if open < self.shared.open_files_max {
            self.cached = Some((start, file.clone()));
        } else {
            self.shared.open_files.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for QueueFiles {
    fn drop(&mut self) {
        self.close();
    }
}

fn fill_blank(file: &dyn DiskFile, count: u64) -> io::Result<()> {
    let chunk: Vec<u8> = QueueEntry::BLANK
        .to_bytes()
        .repeat(usize::try_from(count.min(BLANK_CHUNK)).map_err(io::Error::other)?);
    let (mut position, end) = (0, count * ENTRY_BYTES);
    while position < end {
        let run = usize::try_from(end - position).map_err(io::Error::other)?.min(chunk.len());
        file.write_at(position, chunk.get(..run).unwrap_or_default())?;
        position += run as u64;
    }
    Ok(())
}

fn read_entry(file: &dyn DiskFile, position: u64) -> io::Result<Option<QueueEntry>> {
    let mut bytes = [0; 20];
    let read = file.read_at(position, &mut bytes)?;
    Ok((read == bytes.len()).then(|| QueueEntry::from_bytes(&bytes)))
}

/// Reads whole entries from `position` on, in one pread; fewer at the end of the file.
pub(crate) fn read_entries(
    file: &dyn DiskFile,
    position: u64,
    out: &mut [QueueEntry],
) -> io::Result<usize> {
    let mut bytes = vec![0; out.len() * 20];
    let read = file.read_at(position, &mut bytes)?;
    let (entries, _) = bytes.get(..read).unwrap_or_default().as_chunks::<20>();
    for (to, from) in out.iter_mut().zip(entries) {
        *to = QueueEntry::from_bytes(from);
    }
    Ok(entries.len())
}
