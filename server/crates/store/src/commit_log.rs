//! The log: records in the order they came, in files of one size.
//!
//! Invariants: bytes below `committed` never change; a batch is in the log whole or not at all;
//! store timestamps never decrease; a failed write acknowledged nothing and leaves nothing sound
//! behind.
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use remora_protocol::record;

use crate::append::{AppendBatch, AppendError, Appended};
use crate::clock::Clock;
use crate::disk::is_no_space;
use crate::queue_files::QueueEntry;
use crate::queue_registry::QueueRegistry;
use crate::segment::{Segment, Segments};
use crate::status::Status;

/// A record fits a segment only if a blank of this size still fits behind it.
const BLANK_BYTES: u64 = record::BLANK_BYTES as u64;
/// How far apart the record boundaries are that a clean start verifies from.
const MARK_BYTES: u64 = 1 << 20;

/// The log of a store.
#[derive(Debug)]
pub(crate) struct CommitLog {
    pub segments: Segments,
    status: Arc<Status>,
    clock: Arc<dyn Clock>,
    writer: Mutex<Writer>,
    /// One past the last byte that readers may see.
    committed: AtomicU64,
}

#[derive(Debug)]
struct Writer {
    position: u64,
    last_store_timestamp_ms: i64,
    /// What failed writes may have left behind, to be zeroed before the next one.
    dirty: Vec<Dirty>,
    /// Two record boundaries, at least `MARK_BYTES` apart where the log is long enough.
    marks: [u64; 2],
}

#[derive(Debug)]
struct Dirty {
    segment: Arc<Segment>,
    from: u64,
    to: u64,
}

/// A batch reaches a segment's end before this byte of it.
struct Roll {
    batch_byte: usize,
    /// Where the blank goes.
    position: u64,
    remaining: u64,
}

/// What an append covered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    pub start: u64,
    pub end: u64,
}

/// A state of the log taken at one instant under the append lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LogEnd {
    pub end: u64,
    /// A record boundary about one MiB before the end.
    pub tail_from: u64,
    pub last_store_timestamp_ms: i64,
}

impl CommitLog {
    /// A log whose recovered content ends at `end`.
    pub(crate) fn new(
        segments: Segments,
        status: Arc<Status>,
        clock: Arc<dyn Clock>,
        end: LogEnd,
    ) -> Self {
        let writer = Writer {
            position: end.end,
            last_store_timestamp_ms: end.last_store_timestamp_ms,
            dirty: Vec::new(),
            marks: [end.tail_from, end.end],
        };
        let committed = AtomicU64::new(end.end);
        Self { segments, status, clock, writer: Mutex::new(writer), committed }
    }

    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    pub(crate) fn min(&self) -> u64 {
        self.segments.first_start()
    }

    pub(crate) fn end(&self) -> LogEnd {
        let writer = self.writer.lock();
        LogEnd {
            end: writer.position,
            tail_from: writer.marks[0],
            last_store_timestamp_ms: writer.last_store_timestamp_ms,
        }
    }

    /// True while the file after the newest one in use should be made.
    pub(crate) fn wants_next_segment(&self) -> bool {
        let reach = self.committed() + self.segments.segment_bytes / 2;
        self.segments.containing(reach).is_none()
    }

    /// Appends a batch in order: places, seals, writes, then queue entries. All or nothing.
    pub(crate) fn append(
        &self,
        batch: &mut AppendBatch,
        queues: &QueueRegistry,
    ) -> Result<Span, AppendError> {
        self.check_sizes(batch)?;
        let mut writer = self.writer.lock();
        self.status.check()?;
        self.clean(&mut writer)?;
        let start = writer.position;
        let store_timestamp_ms = self.clock.now_ms().max(writer.last_store_timestamp_ms);
        let (end, rolls) = place(batch, start, self.segments.segment_bytes, store_timestamp_ms);
        if let Err(error) = self.write(&mut writer, &batch.bytes, &rolls) {
            batch.staged.iter().filter(|one| one.queue_entry.is_some()).for_each(|one| {
                one.queue.release();
            });
            batch.appended.clear();
            return Err(self.refuse(&error));
        }
        writer.position = end;
        writer.last_store_timestamp_ms = store_timestamp_ms;
        if end - writer.marks[1] >= MARK_BYTES {
            writer.marks = [writer.marks[1], start];
        }
        self.committed.store(end, Ordering::Release);
        // Still under the lock: entries of one queue are pushed in the order of their offsets.
        push_entries(batch, queues);
        Ok(Span { start, end })
    }

    /// Largest record that one segment takes.
    pub(crate) fn record_bytes_max(&self) -> u64 {
        let segment_bytes = self.segments.segment_bytes.saturating_sub(BLANK_BYTES);
        segment_bytes.min(i32::MAX.unsigned_abs().into())
    }

    fn check_sizes(&self, batch: &AppendBatch) -> Result<(), AppendError> {
        let record_bytes_max = self.record_bytes_max();
        match batch.staged.iter().find(|one| u64::from(one.record_bytes) > record_bytes_max) {
            None => Ok(()),
            Some(one) => Err(AppendError::TooLarge {
                record_bytes: usize::try_from(one.record_bytes).unwrap_or(usize::MAX),
                record_bytes_max: usize::try_from(record_bytes_max).unwrap_or(usize::MAX),
            }),
        }
    }

    /// Zeroes what failed writes left, so that no whole record of a refused batch is ever found.
    fn clean(&self, writer: &mut Writer) -> Result<(), AppendError> {
        while let Some(dirty) = writer.dirty.last() {
            let offset = dirty.from - dirty.segment.start;
            dirty
                .segment
                .file
                .zero(offset, dirty.to - dirty.from)
                .map_err(|error| self.refuse(&error))?;
            writer.dirty.pop();
        }
        Ok(())
    }

    fn refuse(&self, error: &io::Error) -> AppendError {
        if is_no_space(error) {
            return self.status.no_space();
        }
        self.status.fail(&format!("writing the commit log: {error}"));
        self.status.failure().unwrap_or(AppendError::Closed)
    }

    /// One write for the batch, and one more for each segment end in it.
    fn write(&self, writer: &mut Writer, bytes: &[u8], rolls: &[Roll]) -> io::Result<()> {
        let mut written = 0;
        let mut position = writer.position;
        for roll in rolls {
            let run = bytes.get(written..roll.batch_byte).unwrap_or_default();
            self.write_run(writer, position, run)?;
            let remaining = u32::try_from(roll.remaining).map_err(io::Error::other)?;
            self.write_run(writer, roll.position, &record::blank(remaining))?;
            written = roll.batch_byte;
            position = roll.position + roll.remaining;
        }
        self.write_run(writer, position, bytes.get(written..).unwrap_or_default())?;
        writer.dirty.clear();
        Ok(())
    }

    fn write_run(&self, writer: &mut Writer, position: u64, run: &[u8]) -> io::Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        let segment = self.segments.ensure(position)?;
        let offset = position - segment.start;
        // Counted as dirty until the whole batch is in.
        let to = position + run.len() as u64;
        debug_assert!(to <= segment.end(), "a run crosses the end of its segment");
        writer.dirty.push(Dirty { segment: segment.clone(), from: position, to });
        segment.file.write_at(offset, run)
    }
}

/// Gives every record its place, offsets and CRC. Returns the end and where segments end in
/// between.
fn place(
    batch: &mut AppendBatch,
    start: u64,
    segment_bytes: u64,
    store_timestamp_ms: i64,
) -> (u64, Vec<Roll>) {
    let mut rolls = Vec::new();
    let mut position = start;
    let mut batch_byte = 0;
    let mut rest = batch.bytes.as_mut_slice();
    batch.appended.clear();
    for staged in &batch.staged {
        let record_bytes = u64::from(staged.record_bytes);
        let remaining = segment_bytes - position % segment_bytes;
        if record_bytes + BLANK_BYTES > remaining {
            rolls.push(Roll { batch_byte, position, remaining });
            position += remaining;
        }
        let length = usize::try_from(staged.record_bytes).unwrap_or(usize::MAX).min(rest.len());
        let (sealed, after) = rest.split_at_mut(length);
        let queue_offset = if staged.queue_entry.is_some() { staged.queue.reserve() } else { 0 };
        let (wire_queue_offset, wire_position) =
            (queue_offset.cast_signed(), position.cast_signed());
        record::seal(sealed, wire_queue_offset, wire_position, store_timestamp_ms);
        batch.appended.push(Appended {
            physical_offset: position,
            queue_offset,
            record_bytes: staged.record_bytes,
            store_timestamp_ms,
        });
        rest = after;
        batch_byte += length;
        position += record_bytes;
    }
    (position, rolls)
}

fn push_entries(batch: &AppendBatch, queues: &QueueRegistry) {
    for (staged, appended) in batch.staged.iter().zip(&batch.appended) {
        let Some(code) = staged.queue_entry else { continue };
        let entry = QueueEntry {
            physical_offset: appended.physical_offset,
            record_bytes: appended.record_bytes,
            tags_code: code.value(appended.store_timestamp_ms),
        };
        if staged.queue.push(entry) {
            queues.list(&staged.queue);
        }
    }
}
