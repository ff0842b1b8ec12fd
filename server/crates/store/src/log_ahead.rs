//! Zeros written over the pages that the log will need next, by a background thread.
//!
//! A `pwrite` into pages that are in the page cache costs a quarter of one that has to make them:
//! pages made by one large write are large folios, and they are made outside the append lock.
//! Measured with batches of 10 KiB (ns a record of 334 bytes): 240 in the append and 45 in the
//! flush without; 70 in the append, 65 here and 20 in the flush with it. The space is allocated
//! before, and what is there is zeros already, so that a crash at any point changes nothing.
//!
//! The zeros must never meet a record. A piece begins past the log's end as seen under the append
//! lock, and an append that reaches a piece while it is being written waits for it.
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};

use crate::lock::Lock;
use crate::segment::{Segment, Segments};

/// Bytes of one write. Chosen: larger folios make small appends dearer, as each of their blocks is
/// looked at; smaller ones are more work for the same bytes.
pub(crate) const PIECE_BYTES: usize = 128 << 10;
/// How far pages are made ahead of the log's end, at most. Chosen: 12 ms of a million records a
/// second, and little enough to be written to disk twice when a flush comes in between.
const AHEAD_BYTES_MAX: u64 = 4 << 20;
/// The thread is woken once one part in this many of that is used.
const AHEAD_STEPS: u64 = 4;
/// No piece is being written.
const NOWHERE: u64 = u64::MAX;

/// How far the log's next pages are made.
#[derive(Debug)]
pub(crate) struct LogAhead {
    /// 0 where segments are too small for it.
    ahead_bytes: u64,
    /// Pages below are made, or were not when the log came there.
    made: AtomicU64,
    /// Where the piece begins that is being written. Changed to a place under the append lock only.
    writing_from: AtomicU64,
    /// Held while a piece is written.
    writing: Lock<()>,
}

/// A part of one segment.
#[derive(Debug)]
pub(crate) struct Piece {
    segment: Arc<Segment>,
    from: u64,
    to: u64,
}

/// The right to write a piece.
pub(crate) struct Writing<'a> {
    ahead: &'a LogAhead,
    _held: MutexGuard<'a, ()>,
}

impl LogAhead {
    /// The pages right behind `log_end` are left as they are: a store that takes nothing writes
    /// nothing.
    pub(crate) fn new(log_end: u64, segment_bytes: u64) -> Self {
        // The next segment is made when half of one is left.
        let room = AHEAD_BYTES_MAX.min(segment_bytes / 4);
        let ahead_bytes = if room < PIECE_BYTES as u64 { 0 } else { room };
        let (made, writing_from) = (AtomicU64::new(log_end + ahead_bytes), AtomicU64::new(NOWHERE));
        Self { ahead_bytes, made, writing_from, writing: Lock::new(()) }
    }

    pub(crate) fn is_wanted(&self, log_end: u64) -> bool {
        let wanted = log_end + self.ahead_bytes - self.ahead_bytes / AHEAD_STEPS;
        self.ahead_bytes > 0 && self.made.load(Ordering::Relaxed) < wanted
    }

    /// The next piece to write. `log_end`: taken under the append lock, which is still held.
    pub(crate) fn next_piece(&self, log_end: u64, segments: &Segments) -> Option<Piece> {
        let piece_bytes = PIECE_BYTES as u64;
        let made = self.made.load(Ordering::Relaxed);
        let from = if made > log_end {
            made
        } else {
            // Pieces begin at their multiples in the file, as folios do. The page with the log's
            // end is left alone.
            let in_segment = log_end % segments.segment_bytes;
            log_end - in_segment + (in_segment + 1).next_multiple_of(piece_bytes)
        };
        let segment = segments.containing(from)?;
        let to = segment.end().min(from + piece_bytes - (from - segment.start) % piece_bytes);
        (from < log_end + self.ahead_bytes).then_some(Piece { segment, from, to })
    }

    /// Call under the append lock.
    pub(crate) fn begin(&self, piece: &Piece) -> Writing<'_> {
        // Free: the thread that writes pieces is one, and appends take it under the append lock.
        let held = self.writing.lock();
        self.writing_from.store(piece.from, Ordering::Relaxed);
        Writing { ahead: self, _held: held }
    }

    /// Returns once no piece is being written below `end`. Call under the append lock, under which
    /// no piece begins.
    pub(crate) fn wait_below(&self, end: u64) {
        if self.writing_from.load(Ordering::Acquire) < end {
            drop(self.writing.lock());
        }
    }
}

impl Writing<'_> {
    pub(crate) fn write(self, piece: &Piece, zeros: &[u8]) -> io::Result<()> {
        let length = usize::try_from(piece.to - piece.from).unwrap_or(usize::MAX);
        let zeros = zeros.get(..length).unwrap_or(zeros);
        let offset = piece.from - piece.segment.start;
        let written = piece.segment.file.write_at(offset, zeros);
        // Also after a failure: nothing is gained by trying again, the append will tell.
        self.ahead.made.store(piece.to, Ordering::Relaxed);
        self.ahead.writing_from.store(NOWHERE, Ordering::Release);
        written
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::disk::Disk;
    use crate::sim_disk::SimDisk;

    const SEGMENT_BYTES: u64 = 1 << 20;

    fn segments() -> Segments {
        let segments = Segments::open(SimDisk::new().share(), SEGMENT_BYTES, 0).expect("opened");
        segments.ensure(0).expect("made");
        segments
    }

    #[test]
    fn pieces_lie_past_the_end_and_go_on_from_each_other() {
        let segments = segments();
        let ahead = LogAhead::new(0, SEGMENT_BYTES);
        let zeros = vec![0; PIECE_BYTES];
        let pieces = |log_end| {
            let mut places = Vec::new();
            while let Some(piece) = ahead.next_piece(log_end, &segments) {
                places.push((piece.from, piece.to));
                ahead.begin(&piece).write(&piece, &zeros).expect("written");
            }
            places
        };
        let kib = |number: u64| number << 10;
        assert!(!ahead.is_wanted(0) && pieces(0).is_empty(), "nothing before the first append");
        assert!(ahead.is_wanted(kib(65)));
        assert_eq!(pieces(kib(65)), [(kib(256), kib(384))]);
        // The log overtook the pages that were made.
        assert_eq!(pieces(kib(500)), [(kib(512), kib(640)), (kib(640), kib(768))]);
        // The next segment is not there yet.
        assert_eq!(pieces(kib(1_000)), []);
    }

    #[test]
    fn append_that_reaches_a_piece_waits_until_it_is_written() {
        let segments = segments();
        let ahead = LogAhead::new(0, SEGMENT_BYTES);
        let written = AtomicBool::new(false);
        let piece = ahead.next_piece(100_000, &segments).expect("a piece");
        let writing = ahead.begin(&piece);
        ahead.wait_below(piece.from);
        std::thread::scope(|scope| {
            let (ahead, written, reached) = (&ahead, &written, piece.from + 1);
            let waiting = scope.spawn(move || {
                ahead.wait_below(reached);
                written.load(Ordering::SeqCst)
            });
            written.store(true, Ordering::SeqCst);
            writing.write(&piece, &vec![0; PIECE_BYTES]).expect("written");
            assert!(waiting.join().expect("joined"), "it did not wait");
        });
    }
}
