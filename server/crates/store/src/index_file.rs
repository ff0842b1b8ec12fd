//! One index file: hash slots and chained entries, in Apache's layout (protocol-facts E.4).
//!
//! Written through a map of which every range was allocated first, so that a full disk is an error
//! of `put` and not a signal. One writer; it and the readers meet at the lock around this value.
use std::io;
use std::sync::Arc;

use crate::disk::{Access, Disk, DiskFile, Region};
use crate::index_feed::Key;

pub(crate) const INDEX_DIR: &str = "index";
const HEADER_BYTES: usize = 40;
const SLOT_BYTES: usize = 4;
const ENTRY_BYTES: usize = 20;
/// Entries are allocated in steps of this size.
const ALLOCATE_STEP_BYTES: u64 = 1 << 20;

/// Slots and entries of a file. Entry 0 is never used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IndexGeometry {
    pub slots: u32,
    pub entries: u32,
}

impl IndexGeometry {
    /// Apache's: 420,000,040 bytes.
    pub const APACHE: Self = Self { slots: 5_000_000, entries: 20_000_000 };

    pub(crate) fn file_bytes(self) -> u64 {
        HEADER_BYTES as u64
            + u64::from(self.slots) * SLOT_BYTES as u64
            + u64::from(self.entries) * ENTRY_BYTES as u64
    }

    /// The geometry of a file of this size with four entries a slot, as Apache's defaults have.
    pub(crate) fn of_file_bytes(bytes: u64) -> Option<Self> {
        let per_slot = (SLOT_BYTES + 4 * ENTRY_BYTES) as u64;
        let rest = bytes.checked_sub(HEADER_BYTES as u64).filter(|rest| rest % per_slot == 0)?;
        let slots = u32::try_from(rest / per_slot).ok().filter(|slots| *slots > 0)?;
        Some(Self { slots, entries: slots.checked_mul(4)? })
    }
}

/// What a file says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct IndexHeader {
    pub begin_timestamp_ms: i64,
    pub end_timestamp_ms: i64,
    pub begin_physical_offset: u64,
    pub end_physical_offset: u64,
    pub used_slots: u32,
    /// Number of the next entry; starts at 1.
    pub count: u32,
}

/// One file.
pub(crate) struct IndexFile {
    pub name: String,
    pub file: Arc<dyn DiskFile>,
    geometry: IndexGeometry,
    region: Box<dyn Region>,
    header: IndexHeader,
    /// Bytes from the start that are surely allocated.
    allocated_bytes: u64,
}

impl std::fmt::Debug for IndexFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexFile")
            .field("name", &self.name)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl IndexFile {
    /// Makes a file of full size with its slots allocated.
    pub(crate) fn create(disk: &dyn Disk, name: &str, geometry: IndexGeometry) -> io::Result<Self> {
        disk.create_dir(INDEX_DIR)?;
        let path = format!("{INDEX_DIR}/{name}");
        let file = disk.open(&path, Access::Create)?;
        let allocated_bytes = HEADER_BYTES as u64 + u64::from(geometry.slots) * SLOT_BYTES as u64;
        let sized = file.set_len(geometry.file_bytes());
        if let Err(error) = sized.and_then(|()| file.allocate(0, allocated_bytes)) {
            let _tried_again_under_another_name = disk.remove(&path);
            return Err(error);
        }
        let region = file.region(region_bytes(geometry)?)?;
        let header = IndexHeader { count: 1, ..IndexHeader::default() };
        let name = name.to_owned();
        let mut made = Self { name, file, geometry, region, header, allocated_bytes };
        made.write_header();
        Ok(made)
    }

    /// Opens a file of a known geometry.
    pub(crate) fn open(disk: &dyn Disk, name: &str, geometry: IndexGeometry) -> io::Result<Self> {
        let file = disk.open(&format!("{INDEX_DIR}/{name}"), Access::Write)?;
        let region = file.region(region_bytes(geometry)?)?;
        // What exists may be sparse (Apache's files are), so everything is allocated again as used.
        let (header, name) = (IndexHeader::default(), name.to_owned());
        let mut opened = Self { name, file, geometry, region, header, allocated_bytes: 0 };
        opened.header = opened.read_header();
        Ok(opened)
    }

    pub(crate) fn header(&self) -> IndexHeader {
        self.header
    }

    pub(crate) fn is_full(&self) -> bool {
        self.header.count >= self.geometry.entries
    }

    /// Adds entries; returns how many the file had room for.
    pub(crate) fn put(&mut self, keys: &[Key]) -> io::Result<usize> {
        let room = self.geometry.entries.saturating_sub(self.header.count) as usize;
        let keys = keys.get(..room).unwrap_or(keys);
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(0) };
        let count = u32::try_from(keys.len()).map_err(io::Error::other)?;
        let number = self.header.count;
        let (begin, end) = (self.entry_at(number), self.entry_at(number + count));
        self.reserve(end)?;
        if number == 1 {
            self.header.begin_timestamp_ms = first.store_timestamp_ms;
            self.header.begin_physical_offset = first.physical_offset;
        }
        let (slots, entries_at) = (self.geometry.slots, self.entry_at(0));
        let (header, entries) =
            self.region.as_mut().as_mut().split_at_mut_checked(entries_at).unwrap_or_default();
        let slots_of =
            header.get_mut(HEADER_BYTES..).unwrap_or_default().as_chunks_mut::<SLOT_BYTES>().0;
        let place = entries.get_mut(begin - entries_at..end - entries_at).unwrap_or_default();
        let places = place.as_chunks_mut::<ENTRY_BYTES>().0;
        let begin_timestamp_ms = self.header.begin_timestamp_ms;
        for ((key, entry), number) in keys.iter().zip(places).zip(number..) {
            let Some(slot) = slots_of.get_mut((key.hash % slots) as usize) else { continue };
            let previous = u32::from_be_bytes(*slot);
            let previous = if previous < number { previous } else { 0 };
            *entry = encode_entry(key, begin_timestamp_ms, previous);
            *slot = number.to_be_bytes();
            self.header.used_slots += u32::from(previous == 0);
        }
        self.header.count = number + count;
        self.header.end_timestamp_ms = last.store_timestamp_ms;
        self.header.end_physical_offset = last.physical_offset;
        Ok(keys.len())
    }

    /// Physical offsets of entries with this hash between the times, newest first, into `found`.
    pub(crate) fn find(
        &self,
        hash: u32,
        begin_ms: i64,
        end_ms: i64,
        found: &mut dyn FnMut(u64) -> bool,
    ) {
        let mut number = self.u32_at(self.slot_at(hash));
        while number > 0 && number < self.header.count {
            let at = self.entry_at(number);
            let seconds = i64::from(self.u32_at(at + 12));
            let stored_ms = self.header.begin_timestamp_ms.saturating_add(seconds * 1_000);
            // The stored time is cut to seconds: the last one begins up to a second before.
            let in_time = stored_ms.saturating_add(1_000) > begin_ms && stored_ms <= end_ms;
            if in_time && self.u32_at(at) == hash && !found(self.u64_at(at + 4)) {
                return;
            }
            let previous = self.u32_at(at + 16);
            // Chains go to older entries only; anything else is damage.
            if previous >= number || stored_ms.saturating_add(1_000) <= begin_ms {
                return;
            }
            number = previous;
        }
    }

    /// True if entries of the time span can be in here.
    pub(crate) fn overlaps(&self, begin_ms: i64, end_ms: i64) -> bool {
        self.header.count > 1
            && self.header.begin_timestamp_ms <= end_ms
            && self.header.end_timestamp_ms >= begin_ms
    }

    /// Takes the file back to its first `count - 1` entries and rebuilds the slots from them: after
    /// a crash, slots may name entries that never became durable.
    pub(crate) fn restore(&mut self, count: u32, end_timestamp_ms: i64) -> io::Result<()> {
        let count = count.clamp(1, self.geometry.entries);
        self.reserve(self.entry_at(0))?;
        let slots_end = self.entry_at(0);
        if let Some(slots) = self.region.as_mut().as_mut().get_mut(HEADER_BYTES..slots_end) {
            slots.fill(0);
        }
        self.header.used_slots = 0;
        for number in 1..count {
            let slot_at = self.slot_at(self.u32_at(self.entry_at(number)));
            self.header.used_slots += u32::from(self.u32_at(slot_at) == 0);
            self.put_bytes(slot_at, &number.to_be_bytes());
        }
        self.header.count = count;
        if count > 1 {
            self.header.begin_physical_offset = self.u64_at(self.entry_at(1) + 4);
            self.header.end_physical_offset = self.u64_at(self.entry_at(count - 1) + 4);
            self.header.end_timestamp_ms = end_timestamp_ms;
        }
        self.publish()
    }

    /// Makes header and entries visible to a sync of `file`.
    pub(crate) fn publish(&mut self) -> io::Result<()> {
        self.reserve(HEADER_BYTES)?;
        self.write_header();
        self.region.publish()
    }

    fn reserve(&mut self, end: usize) -> io::Result<()> {
        let end = end as u64;
        if end <= self.allocated_bytes {
            return Ok(());
        }
        let file_bytes = self.geometry.file_bytes();
        let to = (end + ALLOCATE_STEP_BYTES).min(file_bytes);
        self.file.allocate(self.allocated_bytes, to - self.allocated_bytes)?;
        self.allocated_bytes = to;
        Ok(())
    }

    fn slot_at(&self, hash: u32) -> usize {
        HEADER_BYTES + (hash % self.geometry.slots) as usize * SLOT_BYTES
    }

    fn entry_at(&self, number: u32) -> usize {
        HEADER_BYTES + self.geometry.slots as usize * SLOT_BYTES + number as usize * ENTRY_BYTES
    }

    fn u32_at(&self, at: usize) -> u32 {
        let bytes = self.region.as_ref().as_ref().get(at..at + 4);
        bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
    }

    fn u64_at(&self, at: usize) -> u64 {
        let bytes = self.region.as_ref().as_ref().get(at..at + 8);
        bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
    }

    fn put_bytes(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.region.as_mut().as_mut().get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn read_header(&self) -> IndexHeader {
        let count = self.u32_at(36).clamp(1, self.geometry.entries);
        IndexHeader {
            begin_timestamp_ms: self.u64_at(0).cast_signed(),
            end_timestamp_ms: self.u64_at(8).cast_signed(),
            begin_physical_offset: self.u64_at(16),
            end_physical_offset: self.u64_at(24),
            used_slots: self.u32_at(32),
            count,
        }
    }

    fn write_header(&mut self) {
        let header = self.header;
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&header.begin_timestamp_ms.to_be_bytes());
        bytes[8..16].copy_from_slice(&header.end_timestamp_ms.to_be_bytes());
        bytes[16..24].copy_from_slice(&header.begin_physical_offset.to_be_bytes());
        bytes[24..32].copy_from_slice(&header.end_physical_offset.to_be_bytes());
        bytes[32..36].copy_from_slice(&header.used_slots.to_be_bytes());
        bytes[36..].copy_from_slice(&header.count.to_be_bytes());
        self.put_bytes(0, &bytes);
    }
}

fn encode_entry(key: &Key, begin_timestamp_ms: i64, previous: u32) -> [u8; ENTRY_BYTES] {
    let seconds = (key.store_timestamp_ms - begin_timestamp_ms).max(0) / 1_000;
    let seconds = u32::try_from(seconds.min(i64::from(i32::MAX))).unwrap_or(0);
    let mut entry = [0; ENTRY_BYTES];
    entry[..4].copy_from_slice(&key.hash.to_be_bytes());
    entry[4..12].copy_from_slice(&key.physical_offset.to_be_bytes());
    entry[12..16].copy_from_slice(&seconds.to_be_bytes());
    entry[16..].copy_from_slice(&previous.to_be_bytes());
    entry
}

fn region_bytes(geometry: IndexGeometry) -> io::Result<usize> {
    usize::try_from(geometry.file_bytes()).map_err(io::Error::other)
}
