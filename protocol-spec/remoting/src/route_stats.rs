//! Per-code counters: one cell a thread, so that IO shards do not contend.
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::counters::count;

/// Threads beyond share cells. Chosen: shards and slow-lane threads of a small machine.
const CELLS: usize = 8;

thread_local! {
    static CELL: Cell<usize> = Cell::new(next_cell());
}

fn next_cell() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) % CELLS
}

/// What one request code has cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RouteCounts {
    pub code: i32,
    pub name: &'static str,
    pub requests: u64,
    /// Time in the handler, summed. What an inline handler leaves to the end of its turn (the
    /// broker's append) is not in it.
    pub handler_ns: u64,
    /// Handlers that panicked.
    pub panics: u64,
}

#[derive(Debug, Default)]
pub(crate) struct RouteStats {
    cells: [RouteCell; CELLS],
}

/// A cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct RouteCell {
    requests: AtomicU64,
    handler_ns: AtomicU64,
    panics: AtomicU64,
}

impl RouteStats {
    pub(crate) fn add(&self, requests: u64, handler_ns: u64) {
        let cell = self.cell();
        count(&cell.requests, requests);
        count(&cell.handler_ns, handler_ns);
    }

    pub(crate) fn add_panic(&self) {
        count(&self.cell().panics, 1);
    }

    fn cell(&self) -> &RouteCell {
        let [first, ..] = &self.cells;
        self.cells.get(CELL.get()).unwrap_or(first)
    }

    pub(crate) fn read(&self, code: i32, name: &'static str) -> RouteCounts {
        let sum = |field: fn(&RouteCell) -> &AtomicU64| {
            self.cells.iter().map(|cell| field(cell).load(Ordering::Relaxed)).sum()
        };
        RouteCounts {
            code,
            name,
            requests: sum(|cell| &cell.requests),
            handler_ns: sum(|cell| &cell.handler_ns),
            panics: sum(|cell| &cell.panics),
        }
    }
}
