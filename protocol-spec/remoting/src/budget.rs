//! The memory that connections may hold together. What is over it is refused or not read; nothing
//! grows past it.
//!
//! Holders account a buffer when it grows or shrinks by a step, never a message: the hot path,
//! whose buffers belong to the thread, does not come here at all. Hence one counter a class,
//! without cells for threads.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use remora_protocol::ResponseCode;

use crate::service::Refusal;

/// Buffers are accounted in steps of this. Chosen: what a connection holds below it is part of what
/// an open connection is accounted with.
pub(crate) const STEP_BYTES: usize = 4096;

/// An open connection: its task, socket registration and what is below a step in its buffers.
/// Measured: an idle one holds 1.1 to 3 KiB.
pub(crate) const CONNECTION_BYTES: usize = 4096;

/// Requests in flight are accounted in steps of so many.
pub(crate) const IN_FLIGHT_STEP: usize = 64;

/// A request that waits for its answer: responder, and the answer held for a flush. Chosen: an
/// answer of 200 bytes, its ticket, and the entry in a table.
pub(crate) const IN_FLIGHT_BYTES: usize = 512;

macro_rules! classes {
    ($($(#[$doc:meta])* $class:ident, $name:literal, $what:literal, $percent:literal;)*) => {
        /// Kinds of buffers.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Class {
            $($(#[$doc])* $class,)*
        }

        impl Class {
            /// Every class.
            pub const ALL: &[Self] = &[$(Self::$class),*];

            /// The label of its metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$class => $name,)* }
            }

            /// What a refusal calls it.
            fn what(self) -> &'static str {
                match self { $(Self::$class => $what,)* }
            }

            /// Its share of the whole. Together they are more than all, as they seldom meet.
            fn percent(self) -> usize {
                match self { $(Self::$class => $percent,)* }
            }
        }
    };
}

classes! {
    /// Open connections, idle ones too.
    Connections, "connections", "open connections", 75;
    /// Frames of which a part has come.
    Inbound, "inbound", "half received frames", 50;
    /// Answers that peers have not taken yet.
    Outbound, "outbound", "answers not read by their clients", 50;
    /// Requests that wait for a flush, a message or the slow lane.
    InFlight, "in_flight", "requests waiting for their answer", 25;
    /// Copies of requests for the slow lane.
    SlowLane, "slow_lane", "admin requests", 25;
}

/// Accounts of one process (or of one client, without limits). Sums are exact, in steps; reads of
/// several are not one moment's.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: usize,
    full: FullFlags,
    accounts: [Account; Class::ALL.len()],
}

/// A bit a class: it or the whole is at its limit. Read at every turn and seldom changed, so on a
/// cache line of its own. Kept up by who changes an account.
#[derive(Debug, Default)]
#[repr(align(64))]
struct FullFlags(AtomicUsize);

#[derive(Debug, Default)]
#[repr(align(64))]
struct Account {
    used_bytes: AtomicUsize,
    refused: AtomicUsize,
}

/// One class of a budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    pub class: Class,
    pub used_bytes: usize,
    pub limit_bytes: usize,
    /// Requests refused and frames skipped because of it.
    pub refused: usize,
}

/// Why something was not taken on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{what} hold {used_bytes} bytes of memory and {wanted_bytes} more were asked for, the limit is \
     {limit_bytes} (--memory-limit); try again later"
)]
pub struct OverBudget {
    what: &'static str,
    pub used_bytes: usize,
    pub wanted_bytes: usize,
    pub limit_bytes: usize,
}

impl From<OverBudget> for Refusal {
    fn from(over: OverBudget) -> Self {
        Self::new(ResponseCode::SYSTEM_BUSY, over.to_string())
    }
}

impl Default for Budget {
    /// Without limits: it counts only.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Budget {
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, full: FullFlags::default(), accounts: Default::default() }
    }

    /// The whole.
    pub fn limit_bytes(&self) -> usize {
        self.limit_bytes
    }

    pub fn used_bytes(&self) -> usize {
        self.accounts.iter().map(|account| account.used_bytes.load(Ordering::Relaxed)).sum()
    }

    pub fn usage(&self, class: Class) -> Usage {
        let account = self.account(class);
        Usage {
            class,
            used_bytes: account.used_bytes.load(Ordering::Relaxed),
            limit_bytes: self.limit_of(class),
            refused: account.refused.load(Ordering::Relaxed),
        }
    }

    /// Whether nothing more of a class should be taken on: one load.
    pub(crate) fn is_full(&self, class: Class) -> bool {
        self.full.0.load(Ordering::Relaxed) & bit(class) != 0
    }

    /// Accounts what can be refused, or says why it must be.
    pub(crate) fn reserve(&self, class: Class, bytes: usize) -> Result<(), OverBudget> {
        let account = self.account(class);
        let used_bytes = account.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        let limit_bytes = self.limit_of(class);
        let whole_bytes = self.used_bytes();
        let over_class = used_bytes.saturating_add(bytes) > limit_bytes;
        if !over_class && whole_bytes <= self.limit_bytes {
            self.note_full();
            return Ok(());
        }
        account.used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        account.refused.fetch_add(1, Ordering::Relaxed);
        self.note_full();
        Err(if over_class {
            OverBudget { what: class.what(), used_bytes, wanted_bytes: bytes, limit_bytes }
        } else {
            OverBudget {
                what: "all connections together",
                used_bytes: whole_bytes.saturating_sub(bytes),
                wanted_bytes: bytes,
                limit_bytes: self.limit_bytes,
            }
        })
    }

    /// Accounts what is there already.
    pub(crate) fn add(&self, class: Class, bytes: usize) {
        self.account(class).used_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.note_full();
    }

    pub(crate) fn sub(&self, class: Class, bytes: usize) {
        self.account(class).used_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.note_full();
    }

    /// Moves one holder's account from what it was to what it is.
    pub(crate) fn change(&self, class: Class, was_bytes: usize, is_bytes: usize) {
        if is_bytes > was_bytes {
            self.add(class, is_bytes - was_bytes);
        } else if is_bytes < was_bytes {
            self.sub(class, was_bytes - is_bytes);
        }
    }

    /// Keeps the flags up. Two that change accounts at once may leave one behind; the shards' ticks
    /// set it right.
    pub(crate) fn note_full(&self) {
        if self.limit_bytes == usize::MAX {
            return;
        }
        let whole = self.used_bytes() >= self.limit_bytes;
        let used_bytes = |class| self.account(class).used_bytes.load(Ordering::Relaxed);
        let is_full = |class: &Class| whole || used_bytes(*class) >= self.limit_of(*class);
        let full = Class::ALL.iter().filter(|class| is_full(class)).map(|class| bit(*class)).sum();
        if self.full.0.load(Ordering::Relaxed) != full {
            self.full.0.store(full, Ordering::Relaxed);
        }
    }

    fn limit_of(&self, class: Class) -> usize {
        self.limit_bytes / 100 * class.percent()
    }

    #[expect(clippy::indexing_slicing, reason = "one account a class")]
    fn account(&self, class: Class) -> &Account {
        &self.accounts[class as usize]
    }
}

fn bit(class: Class) -> usize {
    1 << class as usize
}

/// Bytes of one holder that were reserved; given back when dropped.
#[derive(Debug)]
pub struct Reserved {
    budget: Arc<Budget>,
    class: Class,
    bytes: usize,
}

impl Reserved {
    pub(crate) fn new(
        budget: &Arc<Budget>,
        class: Class,
        bytes: usize,
    ) -> Result<Self, OverBudget> {
        budget.reserve(class, bytes)?;
        Ok(Self { budget: Arc::clone(budget), class, bytes })
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.sub(self.class, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_past_its_share_is_refused_with_the_figures() {
        let budget = Arc::new(Budget::new(1000));
        let held = Reserved::new(&budget, Class::SlowLane, 200).unwrap();
        let refused = Refusal::from(budget.reserve(Class::SlowLane, 100).unwrap_err());
        assert_eq!(
            (refused.code, refused.remark.as_str()),
            (
                ResponseCode::SYSTEM_BUSY,
                "admin requests hold 200 bytes of memory and 100 more were asked for, the limit \
                 is 250 (--memory-limit); try again later"
            )
        );
        let usage =
            |used_bytes| Usage { class: Class::SlowLane, used_bytes, limit_bytes: 250, refused: 1 };
        assert_eq!(budget.usage(Class::SlowLane), usage(200));
        drop(held);
        assert_eq!(budget.usage(Class::SlowLane), usage(0));
    }

    #[test]
    fn whole_is_a_limit_too_and_frees_every_class() {
        let budget = Budget::new(1000);
        budget.add(Class::Inbound, 400);
        budget.add(Class::Outbound, 400);
        assert!(!budget.is_full(Class::SlowLane));
        budget.add(Class::Connections, 200);
        assert!(budget.is_full(Class::SlowLane));
        assert!(budget.reserve(Class::SlowLane, 1).is_err());
        budget.change(Class::Outbound, 400, 100);
        assert!(!budget.is_full(Class::SlowLane));
        assert_eq!(budget.reserve(Class::SlowLane, 1), Ok(()));
        assert_eq!(budget.used_bytes(), 701);
    }

    #[test]
    fn without_a_limit_nothing_is_full() {
        let budget = Budget::default();
        budget.add(Class::Outbound, usize::MAX / 4);
        assert!(!budget.is_full(Class::Outbound));
        assert_eq!(budget.reserve(Class::Outbound, 1), Ok(()));
    }
}
