//! Counters that many threads add to without sharing a cache line.
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Chosen: at least the IO shards of the machines that we measure on; a power of two.
const CELL_COUNT: usize = 16;

static NEXT_CELL: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static CELL: Cell<usize> = Cell::new(NEXT_CELL.fetch_add(1, Ordering::Relaxed) % CELL_COUNT);
}

/// The calling thread's number among the cells.
pub(crate) fn cell_index() -> usize {
    CELL.with(Cell::get)
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Padded(AtomicU64);

/// A total that only grows.
#[derive(Debug, Default)]
pub struct Counter {
    cells: [Padded; CELL_COUNT],
}

impl Counter {
    pub fn add(&self, count: u64) {
        if let Some(padded) = self.cells.get(cell_index()) {
            padded.0.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub fn total(&self) -> u64 {
        self.cells.iter().map(|padded| padded.0.load(Ordering::Relaxed)).sum()
    }
}
