//! The files of the commit log: contiguous, all of one size, named by their start offset.
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};

use crate::disk::{Access, Disk, DiskFile};
use crate::due_syncs::{DueSync, DueSyncs};
use crate::store::OpenError;

pub(crate) const COMMIT_LOG_DIR: &str = "commitlog";

/// Apache's file names: 20 decimal digits.
pub(crate) fn file_name(start: u64) -> String {
    format!("{start:020}")
}

/// The start offset that a file name says, if it is such a name.
pub(crate) fn start_of(name: &str) -> Option<u64> {
    let digits = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten()
}

/// One file of the log.
#[derive(Debug)]
pub(crate) struct Segment {
    pub start: u64,
    pub bytes: u64,
    pub path: String,
    pub file: Arc<dyn DiskFile>,
}

impl Segment {
    /// One past the last physical offset.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes
    }

    pub(crate) fn contains(&self, physical_offset: u64) -> bool {
        (self.start..self.end()).contains(&physical_offset)
    }

    /// The whole file, to cut slices from: only of bytes below the committed offset, unless nobody
    /// writes (recovery).
    pub(crate) fn view(&self) -> io::Result<Bytes> {
        self.file.slice(0, usize::try_from(self.bytes).map_err(io::Error::other)?)
    }
}

/// All files of the log.
#[derive(Debug)]
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    pub segment_bytes: u64,
    /// What makes new files durable, and what the start left to be made durable.
    pub due_syncs: DueSyncs,
    list: RwLock<VecDeque<Arc<Segment>>>,
    /// Held while a file is added, so that one is not made twice.
    creating: Mutex<()>,
    first_start: AtomicU64,
    /// One past the last byte of the newest file.
    end: AtomicU64,
}

impl Segments {
    /// Opens the files that are there. Their size wins over `segment_bytes`.
    ///
    /// `unflushed_from`: from here on nothing was known to be flushed, so that the newest file may
    /// be one that a power cut left unfinished.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        unflushed_from: u64,
    ) -> Result<Self, OpenError> {
        let mut found = log_files(disk.as_ref())?;
        finish_or_drop_last(disk.as_ref(), &mut found, segment_bytes, unflushed_from)?;
        let segment_bytes = found.first().map_or(segment_bytes, |(_, bytes)| *bytes);
        let mut list = VecDeque::with_capacity(found.len());
        let mut expected_start = None;
        for (start, bytes) in found {
            let path = path_of(start);
            let shown = disk.display(&path);
            if bytes != segment_bytes {
                let (path, expected_bytes) = (shown, segment_bytes);
                return Err(OpenError::SegmentSize { path, bytes, expected_bytes });
            }
            if let Some(end) = expected_start.filter(|end| *end != start) {
                let before = path_of(end - segment_bytes);
                return Err(OpenError::Hole { path: disk.display(&before), end, next: start });
            }
            let file = disk
                .open(&path, Access::Write)
                .map_err(|source| OpenError::Io { path: shown.clone(), source })?;
            list.push_back(Arc::new(Segment { start, bytes, path, file }));
            expected_start = Some(start + segment_bytes);
        }
        let first_start = AtomicU64::new(list.front().map_or(0, |first| first.start));
        let end = AtomicU64::new(list.back().map_or(0, |last| last.end()));
        let (list, creating) = (RwLock::new(list), Mutex::new(()));
        let due_syncs = DueSyncs::new(disk.clone());
        Ok(Self { disk, segment_bytes, due_syncs, list, creating, first_start, end })
    }

    /// Start of the oldest file.
    pub(crate) fn first_start(&self) -> u64 {
        self.first_start.load(Ordering::Acquire)
    }

    /// One past the last physical offset that the files have room for; 0 without a file.
    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.list.read().iter().cloned().collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.list.read().len()
    }

    pub(crate) fn containing(&self, physical_offset: u64) -> Option<Arc<Segment>> {
        let list = self.list.read();
        let first = list.front()?.start;
        let index = physical_offset.checked_sub(first)? / self.segment_bytes;
        list.get(usize::try_from(index).ok()?).cloned()
    }

    /// Files that hold some of `from..to`.
    pub(crate) fn overlapping(&self, from: u64, to: u64) -> Vec<Arc<Segment>> {
        let list = self.list.read();
        list.iter().filter(|one| one.start < to && one.end() > from).cloned().collect()
    }

    /// The file that contains `physical_offset`, made if it is the next one.
    pub(crate) fn ensure(&self, physical_offset: u64) -> io::Result<Arc<Segment>> {
        if let Some(segment) = self.containing(physical_offset) {
            return Ok(segment);
        }
        let _one_at_a_time = self.creating.lock();
        if let Some(segment) = self.containing(physical_offset) {
            return Ok(segment);
        }
        let last_end = self.list.read().back().map(|last| last.end());
        let start = last_end.unwrap_or(physical_offset - physical_offset % self.segment_bytes);
        let segment = Arc::new(self.create(start)?);
        let mut list = self.list.write();
        if list.is_empty() {
            self.first_start.store(start, Ordering::Release);
        }
        self.end.store(segment.end(), Ordering::Release);
        list.push_back(segment.clone());
        Ok(segment)
    }

    /// Space is reserved before a byte is written, so that a full disk is found here. The disk is
    /// not waited for: see `due_syncs`.
    fn create(&self, start: u64) -> io::Result<Segment> {
        // Of two files that a power cut finds unfinished, the newer might be there and the older
        // not. The one before was made half a file ago: its syncs are done, or nearly.
        self.due_syncs.settle_below(start)?;
        let is_first = self.disk.entry(COMMIT_LOG_DIR)?.is_none();
        self.disk.create_dir_unsynced(COMMIT_LOG_DIR)?;
        let path = path_of(start);
        let file = self.disk.open(&path, Access::CreateUnsynced)?;
        if let Err(error) = file.allocate(0, self.segment_bytes) {
            let _gone_or_removed_at_next_start = self.disk.remove(&path);
            return Err(error);
        }
        if is_first {
            self.due_syncs.note(start, DueSync::Dir(""));
        }
        self.due_syncs.note(start, DueSync::File(file.clone()));
        self.due_syncs.note(start, DueSync::Dir(COMMIT_LOG_DIR));
        Ok(Segment { start, bytes: self.segment_bytes, path, file })
    }

    /// Removes the oldest file. Slices that were handed out stay valid.
    pub(crate) fn remove_first(&self) -> io::Result<()> {
        let (first, next_start) = {
            let mut list = self.list.write();
            let Some(first) = list.pop_front() else { return Ok(()) };
            let next_start = list.front().map_or(first.end(), |next| next.start);
            self.first_start.store(next_start, Ordering::Release);
            (first, next_start)
        };
        tracing::info!(path = first.path, next_start, "removed a commit log file");
        self.disk.remove(&first.path)
    }

    /// Removes the files that start at or after `physical_offset` (recovery).
    pub(crate) fn remove_from(&self, physical_offset: u64) -> io::Result<()> {
        let mut list = self.list.write();
        while let Some(last) = list.back().filter(|last| last.start >= physical_offset) {
            self.disk.remove(&last.path)?;
            list.pop_back();
        }
        self.end.store(list.back().map_or(0, |last| last.end()), Ordering::Release);
        Ok(())
    }
}

fn path_of(start: u64) -> String {
    format!("{COMMIT_LOG_DIR}/{}", file_name(start))
}

fn log_files(disk: &dyn Disk) -> Result<Vec<(u64, u64)>, OpenError> {
    let entries = disk
        .list(COMMIT_LOG_DIR)
        .map_err(|source| OpenError::Io { path: disk.display(COMMIT_LOG_DIR), source })?;
    let files = entries.into_iter().filter(|entry| !entry.is_dir);
    Ok(files.filter_map(|entry| Some((start_of(&entry.name)?, entry.bytes))).collect())
}

/// The newest file is published before its size is durable. A power cut may leave it short: without
/// data it is dropped and made again, with data it gets its size, unless something of it was known
/// to be flushed (then so was its size, and a short file is damage).
fn finish_or_drop_last(
    disk: &dyn Disk,
    found: &mut Vec<(u64, u64)>,
    segment_bytes: u64,
    unflushed_from: u64,
) -> Result<(), OpenError> {
    let Some(&(start, bytes)) = found.last() else { return Ok(()) };
    let is_unflushed = start >= unflushed_from;
    let expected = match found.first() {
        Some(&(first, first_bytes)) if first != start => first_bytes,
        _ if is_unflushed => segment_bytes,
        _ => 0,
    };
    if bytes != 0 && (expected == 0 || bytes >= expected) {
        return Ok(());
    }
    let path = path_of(start);
    let io_error = |source| OpenError::Io { path: disk.display(&path), source };
    let file = disk.open(&path, Access::Write).map_err(io_error)?;
    if file.next_data(0).map_err(io_error)?.is_none() {
        drop(file);
        disk.remove(&path).map_err(io_error)?;
        found.pop();
    } else if is_unflushed {
        tracing::warn!(path, bytes, expected, "a power cut left a commit log file short");
        file.allocate(0, expected).and_then(|()| file.sync()).map_err(io_error)?;
        if let Some((_, found_bytes)) = found.last_mut() {
            *found_bytes = expected;
        }
    }
    Ok(())
}
