//! Buffers that a thread's connections share. A connection needs one only while its task runs, so
//! ten thousand idle ones need none.
use std::cell::{Cell, RefCell};

use crate::outgoing::Outgoing;

/// What one read can bring. Chosen: some 500 sends of 128 bytes, and a batch that fits the L2
/// cache.
pub(crate) const READ_BYTES: usize = 128 * 1024;

/// A write buffer that has grown past this is not kept.
const SPARE_BYTES_MAX: usize = 64 * 1024;

/// Write buffers that a thread keeps. Chosen: under sync flush every busy connection has one.
const SPARES_MAX: usize = 32;

thread_local! {
    static READ: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    static SPARES: RefCell<Vec<Outgoing>> = const { RefCell::new(Vec::new()) };
}

/// The thread's read buffer. Give it back.
pub(crate) fn take_read_buffer() -> Box<[u8]> {
    READ.take().unwrap_or_else(|| vec![0; READ_BYTES].into_boxed_slice())
}

pub(crate) fn give_read_buffer(buffer: Box<[u8]>) {
    READ.set(Some(buffer));
}

/// An empty queue, with a warm buffer where the thread has one.
pub(crate) fn take_outgoing() -> Outgoing {
    SPARES.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Takes back a queue that is empty.
pub(crate) fn give_outgoing(outgoing: Outgoing) {
    let capacity_bytes = outgoing.capacity_bytes();
    if capacity_bytes > 0 && capacity_bytes <= SPARE_BYTES_MAX {
        SPARES.with_borrow_mut(|spares| {
            if spares.len() < SPARES_MAX {
                spares.push(outgoing);
            }
        });
    }
}
