//! How many queue entries are in memory alone, and how many there may be.
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::append::AppendError;

/// An entry in a tail, whose buffer may be twice as large as what is in it.
const ENTRY_MEMORY_BYTES: usize = 48;

/// Counted at every append; recounted by each pass of the queue writer, so that what deleted queues
/// took with them is not counted for ever.
#[derive(Debug)]
pub(crate) struct QueueTails {
    entries_max: usize,
    /// Left by the latest pass.
    left: AtomicUsize,
    /// Appended since that pass began.
    since: AtomicUsize,
}

impl QueueTails {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self {
            entries_max: (bytes_max / ENTRY_MEMORY_BYTES).max(1),
            left: AtomicUsize::new(0),
            since: AtomicUsize::new(0),
        }
    }

    /// Refuses an append while there are too many: the disk is slower than the senders.
    pub(crate) fn admit(&self) -> Result<(), AppendError> {
        let waiting = self.waiting();
        if waiting < self.entries_max {
            return Ok(());
        }
        Err(AppendError::QueuesBehind { waiting, entries_max: self.entries_max })
    }

    /// Counts appended entries; true where the queue writer should not wait for its time.
    pub(crate) fn add(&self, count: usize) -> bool {
        self.since.fetch_add(count, Ordering::Relaxed);
        self.are_long()
    }

    /// Half of what may be.
    pub(crate) fn are_long(&self) -> bool {
        self.waiting() >= self.entries_max / 2
    }

    /// Begins a pass; give what it returns to `end_pass`.
    pub(crate) fn begin_pass(&self) -> usize {
        self.since.load(Ordering::Relaxed)
    }

    /// What the pass left in memory; what came meanwhile may be counted twice until the next.
    pub(crate) fn end_pass(&self, before: usize, left: usize) {
        self.left.store(left, Ordering::Relaxed);
        self.since.fetch_sub(before, Ordering::Relaxed);
    }

    /// Entries in memory alone.
    pub(crate) fn waiting(&self) -> usize {
        self.left.load(Ordering::Relaxed).saturating_add(self.since.load(Ordering::Relaxed))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.waiting().saturating_mul(ENTRY_MEMORY_BYTES) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_are_refused_until_a_pass_has_written_entries_out() {
        let tails = QueueTails::new(100 * 48);
        assert!(!tails.add(49));
        assert!(tails.add(1), "half of them: the writer is woken");
        assert_eq!(tails.admit(), Ok(()));
        tails.add(60);
        let behind = AppendError::QueuesBehind { waiting: 110, entries_max: 100 };
        assert_eq!(tails.admit(), Err(behind));
        let before = tails.begin_pass();
        tails.add(5);
        tails.end_pass(before, 20);
        assert_eq!((tails.waiting(), tails.bytes(), tails.admit()), (25, 25 * 48, Ok(())));
    }
}
