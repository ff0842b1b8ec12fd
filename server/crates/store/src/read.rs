//! Reading a queue: entries to slices of the log.
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::record::{self, Entry, RecordError};

use crate::consume_queue::Window;
use crate::dispatch::Dispatch;
use crate::queue_files::QueueEntry;
use crate::recovery::checked;
use crate::residence::{Residence, Waiting};
use crate::segment::Segment;
use crate::served;
use crate::store::{Parts, QueueRef};

/// Entries looked at in one go, at most; one pread where they are not in memory. Chosen: 6 KiB, and
/// four for the largest reply of small messages.
const ENTRIES_AT_ONCE: usize = 256;

/// Limits of one reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadLimits {
    pub messages_max: u32,
    /// The first message is given even if it is larger.
    pub bytes_max: u32,
    /// How many queue entries may be looked at before giving up (filters that match little).
    pub entries_scanned_max: u32,
}

/// Which messages of a queue a reader wants.
pub trait Selects {
    /// Decides by what the queue entry has of a message.
    fn entry(&mut self, tags_code: i64) -> bool;

    /// Decides on a record that passed its checks, and whose entry did.
    fn record(&mut self, _record: &[u8]) -> bool {
        true
    }
}

impl<F: FnMut(i64) -> bool> Selects for F {
    fn entry(&mut self, tags_code: i64) -> bool {
        self(tags_code)
    }
}

/// What a read found; names follow protocol-facts D.4 (store outcome).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadStatus {
    Found,
    /// Entries were there, the filter took none: go on at `next_queue_offset`.
    NoMatched,
    /// The queue has never had a message.
    NoMessageInQueue,
    /// Exactly at the end: wait, or answer PULL_NOT_FOUND.
    OffsetAtEnd,
    OffsetTooLarge,
    OffsetTooSmall,
    /// The first message is not in memory, and the read was not to wait for the disk.
    NotInMemory,
}

#[derive(Clone, Debug)]
pub struct ReadOutcome {
    pub status: ReadStatus,
    /// Whole records as stored, CRC-checked; neighbours in the log are one slice, as are small ones
    /// that were copied together.
    pub slices: Vec<Bytes>,
    pub message_count: u32,
    pub bytes: u32,
    pub queue_offset_next: u64,
    pub queue_offset_min: u64,
    /// One past the newest visible message.
    pub queue_offset_max: u64,
    /// The first record that was stepped over because it is not what was stored.
    pub corrupt: Option<CorruptRecord>,
}

/// A record that failed its checks on the way to a consumer. It is never served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CorruptRecord {
    pub queue_offset: u64,
    pub physical_offset: u64,
    pub cause: RecordError,
}

/// Which neighbour `offset_by_time` takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Boundary {
    Lower,
    Upper,
}

/// A message that could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    #[error("physical offset {physical_offset} is outside {min}..{max}")]
    OutsideLog { physical_offset: u64, min: u64, max: u64 },
    #[error("record at physical offset {physical_offset} is corrupt: {cause}")]
    Corrupt { physical_offset: u64, cause: RecordError },
    #[error("reading {what}: {kind}")]
    Io { what: &'static str, kind: io::ErrorKind },
}

/// Runs up to this size are copied together: cheaper than a slice each, which the threads that read
/// one segment would count references for. Chosen: the same as small bodies on their way out.
const COPIED_BYTES_MAX: usize = 2048;

/// Collects records, joining neighbours.
#[derive(Default)]
struct Gathered {
    slices: Vec<Bytes>,
    /// Small runs, behind the last slice.
    copied: Vec<u8>,
    message_count: u32,
    bytes: u32,
    /// The segment read last, and its view.
    view: Option<(Arc<Segment>, Bytes)>,
    /// Start and end of the run that is not in `slices` yet, in the view.
    run: Option<(usize, usize)>,
}

impl Gathered {
    /// Whether one more record would be more than a reply holds.
    fn is_full(&self, entry: &QueueEntry, limits: ReadLimits) -> bool {
        let bytes = self.bytes.saturating_add(entry.record_bytes);
        self.message_count >= limits.messages_max
            || (self.message_count > 0 && bytes > limits.bytes_max)
    }

    /// Whether a record of the segment entered may be read now. Others up to `last_end` are likely
    /// to be asked about after it.
    fn is_admitted(&self, entry: &QueueEntry, last_end: u64, residence: &mut Residence) -> bool {
        let Some((segment, _)) = self.view.as_ref() else { return true };
        let end = entry.end().min(segment.end());
        residence.admits(segment, entry.physical_offset..end, last_end)
    }

    fn close_run(&mut self) {
        let (Some((start, end)), Some((_, view))) = (self.run.take(), self.view.as_ref()) else {
            return;
        };
        if end - start > COPIED_BYTES_MAX {
            let slice = view.slice(start..end);
            self.close_copied();
            self.slices.push(slice);
        } else {
            self.copied.extend_from_slice(view.get(start..end).unwrap_or_default());
        }
    }

    fn close_copied(&mut self) {
        if !self.copied.is_empty() {
            self.slices.push(Bytes::from(std::mem::take(&mut self.copied)));
        }
    }

    /// All records, in order.
    fn into_slices(mut self) -> Vec<Bytes> {
        match (self.run.take(), self.view.as_ref()) {
            // One run is the rule at the end of a queue: nothing to join it with.
            (Some((start, end)), Some((_, view)))
                if self.slices.is_empty() && self.copied.is_empty() =>
            {
                self.slices.push(view.slice(start..end));
            }
            (run, _) => {
                self.run = run;
                self.close_run();
                self.close_copied();
            }
        }
        self.slices
    }
}

impl Parts {
    pub(crate) fn read(
        &self,
        queue: &QueueRef,
        queue_offset: u64,
        limits: ReadLimits,
        wanted: &mut dyn Selects,
        waiting: Waiting,
    ) -> Result<ReadOutcome, ReadError> {
        let window = self.try_window(queue)?;
        let mut outcome = ReadOutcome {
            status: ReadStatus::NoMatched,
            slices: Vec::new(),
            message_count: 0,
            bytes: 0,
            queue_offset_next: queue_offset,
            queue_offset_min: window.min,
            queue_offset_max: window.max,
            corrupt: None,
        };
        let (status, next) = match window {
            Window { max: 0, .. } => (ReadStatus::NoMessageInQueue, 0),
            Window { min, .. } if queue_offset < min => (ReadStatus::OffsetTooSmall, min),
            Window { max, .. } if queue_offset == max => (ReadStatus::OffsetAtEnd, max),
            Window { max, .. } if queue_offset > max => (ReadStatus::OffsetTooLarge, max),
            Window { .. } => {
                let residence = Residence::new(&self.log, waiting);
                self.gather(queue, limits, wanted, residence, &mut outcome)?;
                return Ok(outcome);
            }
        };
        outcome.status = status;
        outcome.queue_offset_next = next;
        Ok(outcome)
    }

    fn gather(
        &self,
        queue: &QueueRef,
        limits: ReadLimits,
        wanted: &mut dyn Selects,
        mut residence: Residence,
        outcome: &mut ReadOutcome,
    ) -> Result<(), ReadError> {
        let mut gathered = Gathered::default();
        // As many as the reply may need; more where a filter leaves some out.
        let reply_count = usize::try_from(limits.messages_max).unwrap_or(usize::MAX);
        let mut at_once = reply_count.clamp(1, ENTRIES_AT_ONCE);
        let mut entries = Vec::new();
        let mut next = outcome.queue_offset_next;
        let scan_end = next.saturating_add(u64::from(limits.entries_scanned_max.max(1)));
        let end = outcome.queue_offset_max.min(scan_end);
        'queue: while next < end && gathered.message_count < limits.messages_max {
            let asked = usize::try_from(end - next).unwrap_or(usize::MAX).min(at_once);
            at_once = ENTRIES_AT_ONCE;
            entries.resize(asked, QueueEntry::default());
            let count =
                queue.queue.entries(next, &mut entries).map_err(io_error("a consume queue"))?;
            entries.truncate(count);
            let Some(last_end) = entries.last().map(QueueEntry::end) else { break };
            for entry in &entries {
                if entry.is_blank() || !wanted.entry(entry.tags_code) {
                    next += 1;
                    continue;
                }
                if gathered.is_full(entry, limits) {
                    break 'queue;
                }
                if !self.enter_segment(entry, &mut gathered)? {
                    next += 1;
                    continue;
                }
                if !gathered.is_admitted(entry, last_end, &mut residence) {
                    if gathered.message_count == 0 {
                        outcome.status = ReadStatus::NotInMemory;
                    }
                    break 'queue;
                }
                self.take_record(queue, next, entry, wanted, &mut gathered, &mut outcome.corrupt);
                next += 1;
            }
        }
        outcome.queue_offset_next = next;
        outcome.message_count = gathered.message_count;
        outcome.bytes = gathered.bytes;
        outcome.slices = gathered.into_slices();
        if outcome.message_count > 0 {
            outcome.status = ReadStatus::Found;
        }
        Ok(())
    }

    /// Gets the view of the segment that a record is in. False where retention removed it
    /// meanwhile.
    fn enter_segment(
        &self,
        entry: &QueueEntry,
        gathered: &mut Gathered,
    ) -> Result<bool, ReadError> {
        let physical_offset = entry.physical_offset;
        if gathered.view.as_ref().is_some_and(|(segment, _)| segment.contains(physical_offset)) {
            return Ok(true);
        }
        gathered.close_run();
        let Some(segment) = self.log.segments.containing(physical_offset) else {
            return Ok(false);
        };
        gathered.view = match segment.view() {
            Ok(view) => Some((segment, view)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(io_error("the commit log")(error)),
        };
        Ok(gathered.view.is_some())
    }

    /// Adds one record of the segment entered, or notes why not.
    fn take_record(
        &self,
        queue: &QueueRef,
        queue_offset: u64,
        entry: &QueueEntry,
        wanted: &mut dyn Selects,
        gathered: &mut Gathered,
        corrupt: &mut Option<CorruptRecord>,
    ) {
        let physical_offset = entry.physical_offset;
        let Some((segment, view)) = gathered.view.as_ref() else { return };
        let start = usize::try_from(physical_offset - segment.start).unwrap_or(usize::MAX);
        let length = usize::try_from(entry.record_bytes).unwrap_or(usize::MAX);
        let end = start.saturating_add(length);
        let checked = match view.get(start..end) {
            Some(bytes) => {
                served::check(bytes, queue, queue_offset, physical_offset, self.crc_from)
                    .map(|()| wanted.record(bytes))
            }
            None => Err(RecordError::Truncated { need_bytes: entry.record_bytes, have_bytes: 0 }),
        };
        match checked {
            Ok(true) => {}
            // The run ends by itself at the next record that is taken.
            Ok(false) => return,
            Err(cause) => {
                gathered.close_run();
                self.report_corrupt(queue, queue_offset, physical_offset, &cause);
                corrupt.get_or_insert(CorruptRecord { queue_offset, physical_offset, cause });
                return;
            }
        }
        gathered.message_count += 1;
        gathered.bytes = gathered.bytes.saturating_add(entry.record_bytes);
        match &mut gathered.run {
            Some((_, run_end)) if *run_end == start => *run_end = end,
            _ => {
                gathered.close_run();
                gathered.run = Some((start, end));
            }
        }
    }

    fn report_corrupt(
        &self,
        queue: &QueueRef,
        queue_offset: u64,
        physical_offset: u64,
        cause: &RecordError,
    ) {
        tracing::error!(
            topic = &*queue.topic,
            queue_id = queue.queue_id,
            queue_offset,
            physical_offset,
            %cause,
            "a stored record is corrupt and is not served"
        );
    }

    pub(crate) fn message_at(&self, physical_offset: u64) -> Result<Bytes, ReadError> {
        let (min, max) = (self.log.min(), self.log.committed().min(self.visible()));
        let outside = || ReadError::OutsideLog { physical_offset, min, max };
        if !(min..max).contains(&physical_offset) {
            return Err(outside());
        }
        let segment = self.log.segments.containing(physical_offset).ok_or_else(outside)?;
        let view = segment.view().map_err(io_error("the commit log"))?;
        let start = usize::try_from(physical_offset - segment.start).unwrap_or(usize::MAX);
        let input = view.get(start..).unwrap_or_default();
        let corrupt = |cause| ReadError::Corrupt { physical_offset, cause };
        let length = match record::entry(input).map_err(corrupt)? {
            Entry::Record { total_bytes } => usize::try_from(total_bytes).unwrap_or(usize::MAX),
            Entry::Blank { .. } => return Err(corrupt(RecordError::Magic(record::MAGIC_BLANK))),
        };
        let found = checked(input, physical_offset, self.crc_from).map_err(corrupt)?;
        if physical_offset + u64::from(found.total_bytes) > max {
            return Err(outside());
        }
        Ok(view.slice(start..start + length))
    }

    pub(crate) fn try_window(&self, queue: &QueueRef) -> Result<Window, ReadError> {
        queue.queue.window(self.log.min(), self.visible()).map_err(io_error("a consume queue"))
    }

    /// As `try_window`; a queue that cannot be read shows nothing.
    pub(crate) fn window(&self, queue: &QueueRef) -> Window {
        self.try_window(queue).unwrap_or_else(|error| {
            tracing::error!(topic = &*queue.topic, queue_id = queue.queue_id, %error);
            Window { min: 0, max: 0 }
        })
    }

    pub(crate) fn store_time_at(&self, queue: &QueueRef, queue_offset: u64) -> Option<i64> {
        let window = self.window(queue);
        if !(window.min..window.max).contains(&queue_offset) {
            return None;
        }
        self.entry_store_time(queue, queue_offset)
    }

    fn entry_store_time(&self, queue: &QueueRef, queue_offset: u64) -> Option<i64> {
        let mut entry = [QueueEntry::default()];
        if queue.queue.entries(queue_offset, &mut entry).ok()? == 0 {
            return None;
        }
        let [entry] = entry;
        if entry.is_blank() {
            return None;
        }
        self.record_store_time(entry.physical_offset)
    }

    /// Store timestamp of the record at a physical offset, unchecked.
    pub(crate) fn record_store_time(&self, physical_offset: u64) -> Option<i64> {
        let segment = self.log.segments.containing(physical_offset)?;
        let view = segment.view().ok()?;
        let start = usize::try_from(physical_offset - segment.start).ok()?;
        Some(record::decode(view.get(start..)?).ok()?.store_timestamp_ms)
    }

    pub(crate) fn earliest_store_timestamp_ms(&self) -> i64 {
        let min = self.log.min();
        if min >= self.log.committed() {
            return -1;
        }
        self.record_store_time(min).unwrap_or(-1)
    }

    pub(crate) fn offset_by_time(
        &self,
        queue: &QueueRef,
        timestamp_ms: i64,
        boundary: Boundary,
    ) -> u64 {
        let window = self.window(queue);
        // Lower looks for the first that is not older, Upper for the first that is newer.
        let before = |stored_ms: i64| match boundary {
            Boundary::Lower => stored_ms < timestamp_ms,
            Boundary::Upper => stored_ms <= timestamp_ms,
        };
        let (mut low, mut high) = (window.min, window.max);
        while low < high {
            let middle = low + (high - low) / 2;
            // What cannot be read was removed or never there: both lie before.
            if self.entry_store_time(queue, middle).is_none_or(before) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        match boundary {
            Boundary::Lower => low,
            Boundary::Upper => low.saturating_sub(1).max(window.min),
        }
    }

    pub(crate) fn query_by_key(
        &self,
        topic: &str,
        key: &str,
        max: usize,
        begin_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<Bytes>, ReadError> {
        let mut found: Vec<(u64, Bytes)> = Vec::new();
        self.index.find(topic, key, begin_ms, end_ms, &mut |physical_offset| {
            if found.len() >= max {
                return false;
            }
            if found.iter().any(|(known, _)| *known == physical_offset) {
                return true;
            }
            if let Ok(bytes) = self.message_at(physical_offset)
                && is_asked_for(&bytes, topic, key, begin_ms, end_ms)
            {
                found.push((physical_offset, bytes));
            }
            found.len() < max
        });
        Ok(found.into_iter().map(|(_, bytes)| bytes).collect())
    }
}

fn is_asked_for(bytes: &[u8], topic: &str, key: &str, begin_ms: i64, end_ms: i64) -> bool {
    let Ok(found) = record::decode(bytes) else { return false };
    found.topic == topic
        && (begin_ms..=end_ms).contains(&found.store_timestamp_ms)
        && Dispatch::of(found.topic, found.sys_flag, found.properties)
            .keys
            .iter()
            .any(|one| one == key.as_bytes())
}

pub(crate) fn io_error(what: &'static str) -> impl Fn(io::Error) -> ReadError {
    move |error| ReadError::Io { what, kind: error.kind() }
}
