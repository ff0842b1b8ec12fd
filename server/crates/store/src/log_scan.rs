//! Reading the log's records and a queue's entries in order, while they are written: for those who
//! derive something from them.
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::record::{self, Entry, Record};

use crate::disk::Disk;
use crate::queue_files::QueueEntry;
use crate::read::{ReadError, io_error};
use crate::recovery::checked;
use crate::store::{Parts, QueueRef, Store};

impl Store {
    /// Queue entries from `queue_offset` on, as many as there are and fit; none past the newest
    /// visible message. Those of removed records may be among them.
    pub fn queue_entries(
        &self,
        queue: &QueueRef,
        queue_offset: u64,
        out: &mut [QueueEntry],
    ) -> Result<usize, ReadError> {
        let queue = self.live(queue);
        let window = self.parts.try_window(&queue)?;
        let shown = window.max.saturating_sub(queue_offset.max(window.min));
        let count = usize::try_from(shown).unwrap_or(usize::MAX).min(out.len());
        let out = out.get_mut(..count).unwrap_or_default();
        queue.queue.entries(queue_offset, out).map_err(io_error("a consume queue"))
    }

    /// Gives every record of the log from `physical_offset` (the boundary of a record, or the
    /// log's begin if that is later) to its committed end, checked and in order: to find at the
    /// start what was appended after a checkpoint. A corrupt record is logged and stepped over.
    ///
    /// Returns the end reached; an error where nothing says how long a damaged record is.
    pub fn records_from(
        &self,
        physical_offset: u64,
        each: &mut dyn FnMut(&Record<'_>, u64),
    ) -> Result<u64, ReadError> {
        self.parts.records_from(physical_offset, each)
    }

    /// The store's directory, for files that are derived from the log.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.parts.disk
    }

    /// The clock that store timestamps come from, milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.parts.clock.now_ms()
    }
}

impl Parts {
    /// See `Store::records_from`.
    fn records_from(
        &self,
        physical_offset: u64,
        each: &mut dyn FnMut(&Record<'_>, u64),
    ) -> Result<u64, ReadError> {
        let mut at = physical_offset.max(self.log.min());
        let committed = self.log.committed();
        while at < committed {
            let Some(segment) = self.log.segments.containing(at) else { break };
            let view = segment.view().map_err(io_error("the commit log"))?;
            let end = segment.end().min(committed);
            at = self.records_of(&view, segment.start, at..end, each)?;
            if at >= end {
                continue;
            }
            // The rest of the segment is blank.
            at = segment.end();
        }
        Ok(at.min(committed))
    }

    /// Records of one segment; ends early at its blank.
    fn records_of(
        &self,
        view: &Bytes,
        segment_start: u64,
        range: std::ops::Range<u64>,
        each: &mut dyn FnMut(&Record<'_>, u64),
    ) -> Result<u64, ReadError> {
        let mut at = range.start;
        while at < range.end {
            let start = usize::try_from(at - segment_start).unwrap_or(usize::MAX);
            let input = view.get(start..).unwrap_or_default();
            let corrupt = |cause| ReadError::Corrupt { physical_offset: at, cause };
            let total_bytes = match record::entry(input).map_err(corrupt)? {
                Entry::Record { total_bytes } => total_bytes,
                Entry::Blank { .. } => return Ok(at),
            };
            match checked(input, at, self.crc_from) {
                Ok(found) => each(&found, at),
                Err(cause) => {
                    tracing::error!(physical_offset = at, %cause, "a stored record is corrupt");
                }
            }
            at += u64::from(total_bytes);
        }
        Ok(at)
    }
}
