//! The log: records in the order they came, in files of one size.
//!
//! Invariants: bytes below `committed` never change; a batch is in the log whole or not at all;
//! store timestamps never decrease; a failed write acknowledged nothing and leaves nothing sound
//! behind.
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use remora_protocol::record;

use crate::append::{AppendBatch, AppendError, Appended};
use crate::clock::Clock;
use crate::disk::is_no_space;
use crate::index_feed::IndexFeed;
use crate::lock::Lock;
use crate::log_ahead::LogAhead;
use crate::queue_registry::QueueRegistry;
use crate::segment::{Segment, Segments};
use crate::status::Status;

/// A record fits a segment only if a blank of this size still fits behind it.
const BLANK_BYTES: u64 = record::BLANK_BYTES as u64;
/// How far apart the record boundaries are that a start verifies from.
const MARK_BYTES: u64 = 1 << 20;

/// The log of a store.
#[derive(Debug)]
pub(crate) struct CommitLog {
    pub segments: Segments,
    status: Arc<Status>,
    clock: Arc<dyn Clock>,
    writer: Lock<Writer>,
    /// One past the last byte that readers may see.
    committed: AtomicU64,
    /// Where it ended at the start.
    opened_at: u64,
    ahead: LogAhead,
}

#[derive(Debug)]
struct Writer {
    position: u64,
    last_store_timestamp_ms: i64,
    /// The segment written last.
    segment: Option<Arc<Segment>>,
    /// What failed writes may have left behind, to be zeroed before the next one.
    dirty: Vec<Dirty>,
    marks: Marks,
}

/// Two record boundaries near the log's end, at least `MARK_BYTES` apart where it is long enough.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks([u64; 2]);

impl Marks {
    pub(crate) fn new(older: u64, newer: u64) -> Self {
        Self([older, newer])
    }

    /// The log goes on from `boundary`, which ends a record.
    pub(crate) fn pass(&mut self, boundary: u64) {
        let [_, newer] = self.0;
        if boundary.saturating_sub(newer) >= MARK_BYTES {
            self.0 = [newer, boundary];
        }
    }

    /// Where the next start verifies from.
    pub(crate) fn tail_from(self) -> u64 {
        let [older, _] = self.0;
        older
    }
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

/// What grows with the log, in its order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followers<'a> {
    pub queues: &'a QueueRegistry,
    /// Absent where no index is kept.
    pub index: Option<&'a IndexFeed>,
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
            segment: None,
            dirty: Vec::new(),
            marks: Marks::new(end.tail_from, end.end),
        };
        let committed = AtomicU64::new(end.end);
        let ahead = LogAhead::new(end.end, segments.segment_bytes);
        let (writer, opened_at) = (Lock::new(writer), end.end);
        Self { segments, status, clock, writer, committed, opened_at, ahead }
    }

    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    pub(crate) fn opened_at(&self) -> u64 {
        self.opened_at
    }

    pub(crate) fn min(&self) -> u64 {
        self.segments.first_start()
    }

    pub(crate) fn end(&self) -> LogEnd {
        let writer = self.writer.lock();
        LogEnd {
            end: writer.position,
            tail_from: writer.marks.tail_from(),
            last_store_timestamp_ms: writer.last_store_timestamp_ms,
        }
    }

    /// Whether somebody has the append lock just now.
    pub(crate) fn is_appending(&self) -> bool {
        self.writer.is_taken()
    }

    /// True while the file after the newest one in use should be made.
    pub(crate) fn wants_next_segment(&self) -> bool {
        self.committed() + self.segments.segment_bytes / 2 >= self.segments.end()
    }

    /// True while `write_ahead` has something to do.
    pub(crate) fn wants_ahead(&self) -> bool {
        self.ahead.is_wanted(self.committed())
    }

    /// Makes the next pages of the log ready to be written; true if there are more. Off the append
    /// path, see `log_ahead`.
    pub(crate) fn write_ahead(&self, zeros: &[u8]) -> io::Result<bool> {
        let writer = self.writer.lock();
        let Some(piece) = self.ahead.next_piece(writer.position, &self.segments) else {
            return Ok(false);
        };
        // Before the append lock is given back: an append that reaches the piece waits for it.
        let writing = self.ahead.begin(&piece);
        drop(writer);
        writing.write(&piece, zeros)?;
        Ok(true)
    }

    /// Appends a batch in order: places, seals, writes, then queue entries. All or nothing.
    pub(crate) fn append(
        &self,
        batch: &mut AppendBatch,
        followers: Followers<'_>,
    ) -> Result<Span, AppendError> {
        self.check_size(batch)?;
        let now_ms = self.clock.now_ms();
        let mut writer = self.writer.lock();
        self.status.check()?;
        self.clean(&mut writer)?;
        let start = writer.position;
        let store_timestamp_ms = now_ms.max(writer.last_store_timestamp_ms);
        let (end, rolls) = place(batch, start, self.segments.segment_bytes, store_timestamp_ms);
        self.ahead.wait_below(end);
        if let Err(error) = self.write(&mut writer, &batch.bytes, &rolls) {
            batch.appended.clear();
            return Err(self.refuse(&error));
        }
        writer.position = end;
        writer.last_store_timestamp_ms = store_timestamp_ms;
        writer.marks.pass(end);
        self.committed.store(end, Ordering::Release);
        // Still under the lock: entries of one queue are pushed in the order of their offsets.
        for (queue, entries) in batch.grown() {
            if queue.push(entries) {
                followers.queues.list(queue);
            }
        }
        if let Some(index) = followers.index {
            index.push(start, end, batch.index_keys());
        }
        Ok(Span { start, end })
    }

    /// Largest record that one segment takes.
    pub(crate) fn record_bytes_max(&self) -> u64 {
        let segment_bytes = self.segments.segment_bytes.saturating_sub(BLANK_BYTES);
        segment_bytes.min(i32::MAX.unsigned_abs().into())
    }

    fn check_size(&self, batch: &AppendBatch) -> Result<(), AppendError> {
        let record_bytes_max = self.record_bytes_max();
        if u64::from(batch.record_bytes_max) <= record_bytes_max {
            return Ok(());
        }
        Err(AppendError::TooLarge {
            record_bytes: usize::try_from(batch.record_bytes_max).unwrap_or(usize::MAX),
            record_bytes_max: usize::try_from(record_bytes_max).unwrap_or(usize::MAX),
        })
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
        self.write_run(writer, position, bytes.get(written..).unwrap_or_default())
    }

    fn write_run(&self, writer: &mut Writer, position: u64, run: &[u8]) -> io::Result<()> {
        if run.is_empty() {
            return Ok(());
        }
        let end = position + run.len() as u64;
        let result = self.writable(writer, position).and_then(|segment| {
            debug_assert!(end <= segment.end(), "a run crosses the end of its segment");
            segment.file.write_at(position - segment.start, run)
        });
        if result.is_err() {
            // This run and those of the batch before it.
            self.mark_dirty(writer, end);
        }
        result
    }

    /// The segment that holds `position`, made if it is the next one.
    fn writable<'w>(&self, writer: &'w mut Writer, position: u64) -> io::Result<&'w Arc<Segment>> {
        let segment = match writer.segment.take().filter(|one| one.contains(position)) {
            Some(segment) => segment,
            None => self.segments.ensure(position)?,
        };
        Ok(writer.segment.insert(segment))
    }

    /// Notes that anything may stand between the log's end and `end`.
    fn mark_dirty(&self, writer: &mut Writer, end: u64) {
        let start = writer.position;
        for segment in self.segments.overlapping(start, end) {
            let (from, to) = (start.max(segment.start), end.min(segment.end()));
            writer.dirty.push(Dirty { segment, from, to });
        }
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
    batch.begin_places();
    let AppendBatch { bytes, staged, queues, appended, .. } = batch;
    let mut rolls = Vec::new();
    let mut position = start;
    let mut remaining = segment_bytes - start % segment_bytes;
    let mut batch_byte = 0;
    let mut rest = bytes.as_mut_slice();
    for staged in staged.iter() {
        let record_bytes = u64::from(staged.record_bytes);
        if record_bytes + BLANK_BYTES > remaining {
            rolls.push(Roll { batch_byte, position, remaining });
            position += remaining;
            remaining = segment_bytes;
        }
        let length = usize::try_from(staged.record_bytes).unwrap_or(usize::MAX).min(rest.len());
        let (sealed, after) = rest.split_at_mut(length);
        let queue_offset = AppendBatch::next_queue_offset(queues, staged);
        let (wire_queue_offset, wire_position) =
            (queue_offset.cast_signed(), position.cast_signed());
        record::seal(sealed, wire_queue_offset, wire_position, store_timestamp_ms);
        appended.push(Appended {
            physical_offset: position,
            queue_offset,
            record_bytes: staged.record_bytes,
            store_timestamp_ms,
        });
        rest = after;
        batch_byte += length;
        position += record_bytes;
        remaining -= record_bytes;
    }
    (position, rolls)
}
