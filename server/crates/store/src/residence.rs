//! Whether records can be read without waiting for the disk.
use std::ops::Range;

use crate::commit_log::CommitLog;
use crate::segment::Segment;

/// Bytes asked about at once, at most, unless one record is larger. Chosen: the question costs as
/// much as reading a record or two, and as much again for every 64 pages or so.
const PROBED_BYTES_MAX: u64 = 1 << 20;

/// How far the disk is asked to read ahead of a record that is not in memory. Chosen: some
/// milliseconds of a slow disk, and hundreds of pulls.
const READ_AHEAD_BYTES: u64 = 4 << 20;

/// What was written last, as a part of a segment, is taken to be in memory. Chosen: 64 MiB of a
/// file of Apache's size; asking at every pull at the end of a queue would cost more than it says.
const NEWEST_PART: u64 = 16;

/// May a read wait for the disk?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waiting {
    ForDisk,
    Never,
}

/// What is known of the log's bytes during one read.
#[derive(Debug)]
pub(crate) struct Residence {
    waiting: Waiting,
    /// Bytes from here on are in memory.
    newest_from: u64,
    /// These are, or have been asked for.
    known: Range<u64>,
}

impl Residence {
    pub(crate) fn new(log: &CommitLog, waiting: Waiting) -> Self {
        let newest_bytes = log.segments.segment_bytes / NEWEST_PART;
        let newest_from = log.committed().saturating_sub(newest_bytes).max(log.opened_at());
        Self { waiting, newest_from, known: 0..0 }
    }

    /// True if the bytes of `segment` may be read now. What lies between them and `later_end` is
    /// asked about with them.
    pub(crate) fn admits(&mut self, segment: &Segment, bytes: Range<u64>, later_end: u64) -> bool {
        if bytes.start >= self.newest_from || self.knows(&bytes) {
            return true;
        }
        let at = bytes.start - segment.start;
        let up_to = |most: u64| (bytes.end - bytes.start).max(most).min(segment.bytes - at);
        let probed_bytes = later_end.saturating_sub(bytes.start).min(PROBED_BYTES_MAX);
        match segment.file.resident(at, up_to(probed_bytes)) {
            Ok(resident_bytes) => self.known = bytes.start..bytes.start + resident_bytes,
            // Nobody can say: read it and see.
            Err(_) => return true,
        }
        if self.knows(&bytes) || self.waiting == Waiting::Never {
            return self.knows(&bytes);
        }
        let ahead_bytes = up_to(READ_AHEAD_BYTES);
        if let Err(error) = segment.file.read_ahead(at, ahead_bytes) {
            tracing::debug!(path = segment.path, %error, "no read-ahead");
        }
        self.known = bytes.start..bytes.start + ahead_bytes;
        true
    }

    fn knows(&self, bytes: &Range<u64>) -> bool {
        self.known.start <= bytes.start && bytes.end <= self.known.end
    }
}
