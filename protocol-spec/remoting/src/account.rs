//! What one connection has in the accounts of the budget.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::budget::{
    Budget, Class, IN_FLIGHT_BYTES, IN_FLIGHT_STEP, OverBudget, Reserved, STEP_BYTES,
};
use crate::connection::ConnLimits;

/// Unwritten answers past which nothing more is read from a peer while memory is full.
const OUTBOUND_BYTES_WHEN_FULL: usize = 4096;

/// Queued answers past which a peer that takes none is closed while memory is full. Chosen: 5,000
/// answers to sends.
const PUSHED_BYTES_WHEN_FULL: usize = 1 << 20;

/// Requests in flight past which nothing more is read from a peer while memory is full.
const IN_FLIGHT_WHEN_FULL: usize = 16;

/// Buffers below a step are part of what the open connection is accounted with.
#[derive(Debug)]
pub(crate) struct ConnAccount {
    budget: Arc<Budget>,
    inbound_bytes: AtomicUsize,
    outbound_bytes: AtomicUsize,
    /// Of the server's side: the open connection itself.
    _open: Option<Reserved>,
}

impl ConnAccount {
    pub(crate) fn new(budget: Arc<Budget>, open: Option<Reserved>) -> Self {
        Self {
            budget,
            inbound_bytes: AtomicUsize::new(0),
            outbound_bytes: AtomicUsize::new(0),
            _open: open,
        }
    }

    /// The limits of a connection, lower while memory is full, so that peers that take their
    /// answers are served on and others hold no more.
    pub(crate) fn limits(&self, limits: ConnLimits) -> ConnLimits {
        let mut now = limits;
        if self.budget.is_full(Class::Outbound) {
            now.outbound_bytes_max = now.outbound_bytes_max.min(OUTBOUND_BYTES_WHEN_FULL);
        }
        if self.budget.is_full(Class::InFlight) {
            now.in_flight_max = now.in_flight_max.min(IN_FLIGHT_WHEN_FULL);
        }
        now
    }

    /// Bytes queued past which a peer that is owed more is closed. Lower while memory is full, but
    /// above what the answers to one group commit are.
    pub(crate) fn pushed_bytes_max(&self, limits: ConnLimits) -> usize {
        let most_bytes = limits.outbound_bytes_max.saturating_mul(2);
        if self.budget.is_full(Class::Outbound) {
            most_bytes.min(PUSHED_BYTES_WHEN_FULL)
        } else {
            most_bytes
        }
    }

    /// A half received frame holds `bytes` now.
    pub(crate) fn inbound(&self, bytes: usize) {
        set(&self.budget, Class::Inbound, &self.inbound_bytes, bytes);
    }

    pub(crate) fn is_inbound_full(&self) -> bool {
        self.budget.is_full(Class::Inbound)
    }

    /// Asks whether a half received frame may hold `bytes`.
    pub(crate) fn grow_inbound(&self, bytes: usize) -> Result<(), OverBudget> {
        let is_bytes = in_steps(bytes);
        let was_bytes = self.inbound_bytes.load(Ordering::Relaxed);
        if is_bytes <= was_bytes && !self.is_inbound_full() {
            return Ok(());
        }
        // Only the connection's task changes it.
        self.budget.reserve(Class::Inbound, is_bytes.saturating_sub(was_bytes))?;
        self.inbound_bytes.fetch_max(is_bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Answers that are queued hold `bytes` now.
    pub(crate) fn outbound(&self, bytes: usize) {
        set(&self.budget, Class::Outbound, &self.outbound_bytes, bytes);
    }

    /// The number of requests in flight went from `was` to `is`.
    pub(crate) fn in_flight(&self, was: usize, is: usize) {
        let bytes = |count: usize| count / IN_FLIGHT_STEP * (IN_FLIGHT_STEP * IN_FLIGHT_BYTES);
        self.budget.change(Class::InFlight, bytes(was), bytes(is));
    }

    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }
}

fn in_steps(bytes: usize) -> usize {
    bytes / STEP_BYTES * STEP_BYTES
}

/// Two threads may set at once: each moves the account from what it replaced, so that the sum stays
/// right whichever comes last.
fn set(budget: &Budget, class: Class, account: &AtomicUsize, bytes: usize) {
    let is_bytes = in_steps(bytes);
    if account.load(Ordering::Relaxed) != is_bytes {
        let was_bytes = account.swap(is_bytes, Ordering::Relaxed);
        budget.change(class, was_bytes, is_bytes);
    }
}

impl Drop for ConnAccount {
    fn drop(&mut self) {
        self.inbound(0);
        self.outbound(0);
    }
}
