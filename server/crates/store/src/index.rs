//! The key index: follows the log in the background, answers queries at any time.
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use remora_protocol::record::{self, Entry, Record};

use crate::clock::Clock;
use crate::commit_log::CommitLog;
use crate::disk::Disk;
use crate::dispatch::{Dispatch, index_hash, topic_hash};
use crate::index_feed::{Fed, IndexFeed, Key};
use crate::index_file::{INDEX_DIR, IndexFile, IndexGeometry};
use crate::segment::Segment;

/// Keys that are put under one lock: a query waits no longer than they take, about 0.1 ms.
const KEYS_AT_ONCE: usize = 512;

/// How far the index was at one instant; kept in the checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct IndexMark {
    /// Newest file, empty if there was none.
    pub name: String,
    /// Its count field.
    pub count: u32,
    /// All records below are indexed.
    pub cursor: u64,
    /// Store timestamp of the newest indexed record.
    pub timestamp_ms: i64,
}

/// What is known of the index when the store opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Resume {
    /// Stopped cleanly at this mark by us.
    At(IndexMark),
    /// Crashed; durable up to this mark.
    Restore(IndexMark),
    /// Another broker's. After a crash, files with newer entries than this are not trusted.
    Foreign { trusted_until_ms: Option<i64> },
}

type SharedFile = Arc<RwLock<IndexFile>>;

/// All index files.
#[derive(Debug)]
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    geometry: IndexGeometry,
    /// Oldest first.
    files: RwLock<Vec<SharedFile>>,
    cursor: AtomicU64,
    /// A file whose slots have to be rebuilt before anything is added.
    restore: Mutex<Option<(SharedFile, u32, i64)>>,
    /// Filled by appends.
    pub feed: IndexFeed,
    /// Taken from the feed and not indexed yet.
    taken: Mutex<Fed>,
}

impl Index {
    /// Opens the files that are there and decides where to go on.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        geometry: IndexGeometry,
        resume: &Resume,
        log_min: u64,
    ) -> io::Result<Self> {
        let mut files = open_files(disk.as_ref(), geometry)?;
        let mut restore = None;
        let cursor = match resume {
            Resume::At(mark) | Resume::Restore(mark) => {
                let present = files.iter().any(|file| file.name == mark.name);
                remove_where(disk.as_ref(), &mut files, |file| {
                    !present && !mark.name.is_empty() || file.name > mark.name
                })?;
                if present && matches!(resume, Resume::Restore(_)) {
                    restore = Some((mark.count, mark.timestamp_ms));
                }
                if present || mark.name.is_empty() { mark.cursor } else { log_min }
            }
            Resume::Foreign { trusted_until_ms } => {
                remove_where(disk.as_ref(), &mut files, |file| {
                    trusted_until_ms.is_some_and(|until| file.header().end_timestamp_ms > until)
                })?;
                let newest = files.last().filter(|file| file.header().count > 1);
                newest.map_or(log_min, |file| file.header().end_physical_offset)
            }
        };
        let files: Vec<SharedFile> =
            files.into_iter().map(|file| Arc::new(RwLock::new(file))).collect();
        let restore = files.last().cloned().zip(restore);
        let restore = restore.map(|(file, (count, timestamp_ms))| (file, count, timestamp_ms));
        Ok(Self {
            disk: disk.clone(),
            clock,
            geometry,
            files: RwLock::new(files),
            cursor: AtomicU64::new(cursor.max(log_min)),
            restore: Mutex::new(restore),
            feed: IndexFeed::default(),
            taken: Mutex::new(Fed::default()),
        })
    }

    /// All records below this are indexed.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor.load(Ordering::Acquire)
    }

    /// Indexes some records from the cursor on; true if there are more. Call on one thread.
    pub(crate) fn build(&self, log: &CommitLog) -> io::Result<bool> {
        self.finish_restore()?;
        let committed = log.committed();
        let cursor = self.cursor().max(log.min());
        if cursor >= committed {
            return Ok(false);
        }
        let mut taken = self.taken.lock();
        if taken.end <= cursor {
            taken.clear();
            self.feed.take(&mut taken);
        }
        if (taken.start..taken.end).contains(&cursor) {
            self.put_taken(&taken, cursor)?;
            return Ok(true);
        }
        // The log is read up to what was taken, or its end.
        let end = if taken.start > cursor { committed.min(taken.start) } else { committed };
        let Some(segment) = log.segments.containing(cursor) else { return Ok(false) };
        let view = segment.view()?;
        let (keys, next) = keys_from(&segment, &view, cursor, end);
        self.put(&keys, next)?;
        Ok(next < committed)
    }

    /// Indexes the taken keys from `cursor` on.
    fn put_taken(&self, taken: &Fed, cursor: u64) -> io::Result<()> {
        let from = taken.keys.partition_point(|key| key.physical_offset < cursor);
        let mut keys = taken.keys.get(from..).unwrap_or_default();
        while let Some((now, later)) = keys.split_at_checked(KEYS_AT_ONCE) {
            let next = later.first().map_or(taken.end, |key| key.physical_offset);
            self.put(now, next)?;
            keys = later;
        }
        self.put(keys, taken.end)
    }

    fn finish_restore(&self) -> io::Result<()> {
        let mut restore = self.restore.lock();
        if let Some((file, count, timestamp_ms)) = restore.as_ref() {
            file.write().restore(*count, *timestamp_ms)?;
        }
        *restore = None;
        Ok(())
    }

    fn put(&self, keys: &[Key], next: u64) -> io::Result<()> {
        let mut keys = keys;
        loop {
            let file = match self.files.read().last() {
                Some(file) if !file.read().is_full() => Some(file.clone()),
                _ => None,
            };
            let file = match file {
                Some(file) => file,
                None if keys.is_empty() => {
                    self.cursor.store(next, Ordering::Release);
                    return Ok(());
                }
                None => self.roll()?,
            };
            let mut file = file.write();
            let count = file.put(keys)?;
            keys = keys.get(count..).unwrap_or_default();
            // Under the file's lock, so that a mark has a count and a cursor that agree.
            let reached = keys.first().map_or(next, |key| key.physical_offset);
            self.cursor.store(reached, Ordering::Release);
            if keys.is_empty() {
                return Ok(());
            }
        }
    }

    /// Seals the newest file and begins the next.
    fn roll(&self) -> io::Result<SharedFile> {
        let newest = self.files.read().last().cloned();
        let mut name = self.clock_name();
        if let Some(newest) = newest {
            let file = {
                let mut newest = newest.write();
                newest.publish()?;
                name = name.max(following(&newest.name));
                newest.file.clone()
            };
            file.sync()?;
        }
        let made = IndexFile::create(self.disk.as_ref(), &name, self.geometry)?;
        let made = Arc::new(RwLock::new(made));
        self.files.write().push(made.clone());
        Ok(made)
    }

    fn clock_name(&self) -> String {
        time_name(self.clock.now_ms())
    }

    /// Makes what is indexed now durable and says how far that is.
    pub(crate) fn sync(&self) -> io::Result<IndexMark> {
        if self.restore.lock().is_some() {
            // Not touched yet: the former mark stays the right one.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let Some(newest) = self.files.read().last().cloned() else {
            return Ok(IndexMark { cursor: self.cursor(), ..IndexMark::default() });
        };
        let (mark, file) = {
            let mut newest = newest.write();
            newest.publish()?;
            let header = newest.header();
            let mark = IndexMark {
                name: newest.name.clone(),
                count: header.count,
                cursor: self.cursor(),
                timestamp_ms: header.end_timestamp_ms,
            };
            (mark, newest.file.clone())
        };
        file.sync()?;
        Ok(mark)
    }

    /// Records that may have the key, newest first, until `wanted` says stop. Hashes collide and
    /// records are indexed twice after a crash: the caller looks at the record.
    pub(crate) fn find(
        &self,
        topic: &str,
        key: &str,
        begin_ms: i64,
        end_ms: i64,
        wanted: &mut dyn FnMut(u64) -> bool,
    ) {
        let hash = index_hash(topic_hash(topic), key.as_bytes());
        let files: Vec<SharedFile> = self.files.read().iter().rev().cloned().collect();
        let mut go_on = true;
        for file in files {
            let mut found = Vec::new();
            {
                let file = file.read();
                if file.overlaps(begin_ms, end_ms) {
                    file.find(hash, begin_ms, end_ms, &mut |physical_offset| {
                        found.push(physical_offset);
                        true
                    });
                }
            }
            for physical_offset in found {
                go_on = go_on && wanted(physical_offset);
            }
            if !go_on {
                return;
            }
        }
    }

    /// Removes files that name only records older than the log; the newest one stays.
    pub(crate) fn expire(&self, log_min: u64) -> io::Result<usize> {
        let mut removed = 0;
        loop {
            let name = {
                let mut files = self.files.write();
                let expired = files.len() > 1
                    && files
                        .first()
                        .is_some_and(|file| file.read().header().end_physical_offset < log_min);
                if !expired {
                    return Ok(removed);
                }
                files.remove(0).read().name.clone()
            };
            self.disk.remove(&format!("{INDEX_DIR}/{name}"))?;
            removed += 1;
        }
    }
}

/// The keys of some records from `cursor` on, and the offset after them.
fn keys_from(segment: &Segment, view: &Bytes, cursor: u64, committed: u64) -> (Vec<Key>, u64) {
    let mut keys = Vec::with_capacity(KEYS_AT_ONCE);
    let mut position = cursor;
    let end = committed.min(segment.end());
    while position < end && keys.len() < KEYS_AT_ONCE {
        let at = usize::try_from(position - segment.start).unwrap_or(usize::MAX);
        let input = view.get(at..).unwrap_or_default();
        match record::entry(input) {
            Ok(Entry::Record { total_bytes }) => {
                // A record that rotted since it was checked is left out, not fatal.
                if let Ok(record) = record::decode(input) {
                    push_keys(&mut keys, &record, position);
                }
                position += u64::from(total_bytes);
            }
            // A blank, or damage of the length itself: go on with the next file.
            Ok(Entry::Blank { .. }) | Err(_) => position = segment.end(),
        }
    }
    (keys, position.min(committed.max(cursor)))
}

fn push_keys(keys: &mut Vec<Key>, record: &Record<'_>, physical_offset: u64) {
    let found = Dispatch::of(record.topic, record.sys_flag, record.properties).keys;
    let topic_hash = topic_hash(record.topic);
    keys.extend(found.iter().map(|key| Key {
        hash: index_hash(topic_hash, key),
        physical_offset,
        store_timestamp_ms: record.store_timestamp_ms,
    }));
}

fn open_files(disk: &dyn Disk, geometry: IndexGeometry) -> io::Result<Vec<IndexFile>> {
    let mut files = Vec::new();
    for entry in disk.list(INDEX_DIR)?.into_iter().filter(|entry| !entry.is_dir) {
        if !entry.name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        if entry.bytes == 0 {
            // Left by a crash between making it and giving it its size.
            disk.remove(&format!("{INDEX_DIR}/{}", entry.name))?;
            continue;
        }
        let found = if entry.bytes == geometry.file_bytes() {
            Some(geometry)
        } else {
            IndexGeometry::of_file_bytes(entry.bytes)
        };
        match found {
            Some(found) => files.push(IndexFile::open(disk, &entry.name, found)?),
            None => tracing::warn!(
                name = entry.name,
                bytes = entry.bytes,
                "an index file of unknown geometry is left alone and not searched"
            ),
        }
    }
    Ok(files)
}

fn remove_where(
    disk: &dyn Disk,
    files: &mut Vec<IndexFile>,
    unwanted: impl Fn(&IndexFile) -> bool,
) -> io::Result<()> {
    for file in files.extract_if(.., |file| unwanted(file)) {
        tracing::info!(name = file.name, "dropped an index file that is newer than the checkpoint");
        disk.remove(&format!("{INDEX_DIR}/{}", file.name))?;
    }
    Ok(())
}

/// The name after `name`, should the clock not have moved on.
fn following(name: &str) -> String {
    let next = name.parse::<u64>().unwrap_or(0).saturating_add(1);
    format!("{next:017}")
}

/// yyyyMMddHHmmssSSS, in UTC. (Apache uses local time; only the order of names matters.)
fn time_name(now_ms: i64) -> String {
    let now_ms = now_ms.max(0);
    let (days, ms_of_day) = (now_ms / 86_400_000, now_ms % 86_400_000);
    // Civil date from days since 1970 (Howard Hinnant's algorithm, eras of 400 years).
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (seconds, ms) = (ms_of_day / 1_000, ms_of_day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_the_time_of_their_making() {
        assert_eq!(time_name(0), "19700101000000000");
        assert_eq!(time_name(951_782_399_999), "20000228235959999");
        assert_eq!(time_name(951_868_799_001), "20000229235959001");
        assert_eq!(time_name(1_763_793_360_123), "20251122063600123");
        assert_eq!(following("20251122063600999"), "20251122063601000");
    }
}
