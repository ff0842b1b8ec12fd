//! A run: timer messages of a stretch of their queue, sorted by due time, in a file.
//!
//! Written once, whole. Its name says which offsets of the timers' queue it stands for. Blocks of
//! 4 KiB with a CRC each follow a head block, so that the next entry, and the first one after any
//! time, are found without reading the rest.
use std::io;
use std::sync::Arc;

use remora_store::disk::{Access, Disk, DiskFile, read_exact_at, write_file_atomic};

use super::entry::{ENTRY_BYTES, Key, TimerEntry};

/// Directory of the runs.
pub(crate) const RUN_DIR: &str = "timers";

const BLOCK_BYTES: usize = 4096;
/// Entries of a block; the CRC is at its end.
const BLOCK_ENTRIES: usize = 170;
const MAGIC: &[u8; 8] = b"RMRTIME1";

/// An open run.
#[derive(Debug)]
pub(crate) struct Run {
    pub path: String,
    /// It has all timer messages at these queue offsets that were pending when it was written.
    pub queue_from: u64,
    pub queue_to: u64,
    /// No record of an entry is before it.
    pub physical_min: u64,
    /// Entries that withdraw others.
    pub deletes: u64,
    count: u64,
    /// Index of the first entry that is still pending.
    next: u64,
    file: Arc<dyn DiskFile>,
    block: Option<(u64, Vec<TimerEntry>)>,
    /// Blocks read so far.
    pub blocks_read: u64,
}

fn path_of(queue_from: u64, queue_to: u64) -> String {
    format!("{RUN_DIR}/{queue_from:020}-{queue_to:020}")
}

/// The queue offsets that a file name stands for.
pub(crate) fn queue_offsets_of(name: &str) -> Option<(u64, u64)> {
    let (from, to) = name.split_once('-')?;
    let number = |text: &str| (text.len() == 20).then(|| text.parse().ok()).flatten();
    Some((number(from)?, number(to)?))
}

fn damaged(path: &str, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{path}: {what}"))
}

fn sealed(mut block: Vec<u8>) -> Vec<u8> {
    block.resize(BLOCK_BYTES - 4, 0);
    let crc = crc32fast::hash(&block);
    block.extend_from_slice(&crc.to_be_bytes());
    block
}

fn be_u64(bytes: &[u8], at: usize) -> u64 {
    let word = bytes.get(at..at + 8).and_then(|word| word.try_into().ok());
    word.map_or(0, u64::from_be_bytes)
}

impl Run {
    /// Writes a run, durably, in place of one of the same offsets. `entries` in order of their
    /// keys.
    pub fn write(
        disk: &dyn Disk,
        queue_from: u64,
        queue_to: u64,
        entries: &[TimerEntry],
    ) -> io::Result<Self> {
        debug_assert!(entries.is_sorted_by_key(TimerEntry::key), "a run is sorted");
        let physical_min = entries.iter().map(|entry| entry.physical_offset).min();
        let deletes = entries.iter().filter(|entry| entry.deletes).count() as u64;
        let mut head = MAGIC.to_vec();
        let count = entries.len() as u64;
        for number in [queue_from, queue_to, count, physical_min.unwrap_or(u64::MAX), deletes] {
            head.extend_from_slice(&number.to_be_bytes());
        }
        let mut bytes = sealed(head);
        for block in entries.chunks(BLOCK_ENTRIES) {
            bytes.extend(sealed(block.iter().flat_map(|entry| entry.to_bytes()).collect()));
        }
        disk.create_dir(RUN_DIR)?;
        let path = path_of(queue_from, queue_to);
        write_file_atomic(disk, &path, &bytes)?;
        Self::open(disk, path)
    }

    pub fn open(disk: &dyn Disk, path: String) -> io::Result<Self> {
        let file = disk.open(&path, Access::Read)?;
        let head = read_block(file.as_ref(), 0, &path)?;
        if !head.starts_with(MAGIC) {
            return Err(damaged(&path, "its head is not a run's"));
        }
        let number = |index: usize| be_u64(&head, 8 + index * 8);
        Ok(Self {
            queue_from: number(0),
            queue_to: number(1),
            count: number(2),
            physical_min: number(3),
            deletes: number(4),
            next: 0,
            file,
            path,
            block: None,
            blocks_read: 1,
        })
    }

    /// How many entries are still pending.
    pub fn pending(&self) -> u64 {
        self.count - self.next
    }

    /// The next entry.
    pub fn peek(&mut self) -> io::Result<Option<TimerEntry>> {
        self.entry(self.next)
    }

    pub fn advance(&mut self) {
        self.next = (self.next + 1).min(self.count);
    }

    /// Takes what is before `key` for delivered.
    pub fn seek(&mut self, key: Key) -> io::Result<()> {
        self.next = self.first_from(key)?;
        Ok(())
    }

    /// Index of the first entry that is not before `key`.
    pub fn first_from(&mut self, key: Key) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let before = self.entry(middle)?.is_some_and(|entry| entry.key() < key);
            if before { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// Pending entries from `key` on, as long as `take` says so.
    pub fn each_from(
        &mut self,
        key: Key,
        mut take: impl FnMut(TimerEntry) -> bool,
    ) -> io::Result<()> {
        let mut index = self.first_from(key)?.max(self.next);
        while let Some(entry) = self.entry(index)? {
            if !take(entry) {
                break;
            }
            index += 1;
        }
        Ok(())
    }

    fn entry(&mut self, index: u64) -> io::Result<Option<TimerEntry>> {
        if index >= self.count {
            return Ok(None);
        }
        let number = index / BLOCK_ENTRIES as u64;
        let place = usize::try_from(index % BLOCK_ENTRIES as u64).unwrap_or(0);
        if self.block.as_ref().is_none_or(|(known, _)| *known != number) {
            let bytes = read_block(self.file.as_ref(), number + 1, &self.path)?;
            self.blocks_read += 1;
            let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
            let entries = entries.iter().map(TimerEntry::from_bytes).collect();
            self.block = Some((number, entries));
        }
        Ok(self.block.as_ref().and_then(|(_, entries)| entries.get(place).copied()))
    }
}

fn read_block(file: &dyn DiskFile, number: u64, path: &str) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; BLOCK_BYTES];
    read_exact_at(file, number * BLOCK_BYTES as u64, &mut bytes).map_err(|error| {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => damaged(path, "it is too short"),
            _ => error,
        }
    })?;
    let crc = bytes.split_off(BLOCK_BYTES - 4);
    if crc != crc32fast::hash(&bytes).to_be_bytes() {
        return Err(damaged(path, "checksum"));
    }
    Ok(bytes)
}
