//! What the handlers of transactions share.
use parking_lot::Mutex;
use remora_config::Settings;

use crate::counter::Counter;
use crate::transaction_state::SavedState;
use crate::transaction_table::{Decision, Rules, TransactionTable};

/// Half messages, and what was done about them.
#[derive(Debug, Default)]
pub struct Transactions {
    /// Locked briefly, and never over a call into the store.
    pub table: Mutex<TransactionTable>,
    pub counts: TransactionCounts,
    /// Locked while it is written.
    pub(crate) saved: Mutex<SavedState>,
}

/// Totals since the start.
#[derive(Debug, Default)]
pub struct TransactionCounts {
    pub begun: Counter,
    pub committed: Counter,
    pub rolled_back: Counter,
    pub given_up: Counter,
    /// Requests 39 that were sent.
    pub checks_sent: Counter,
    /// Checks that found no producer of the group connected.
    pub checks_unasked: Counter,
}

impl TransactionCounts {
    pub(crate) fn of(&self, decision: Decision) -> &Counter {
        match decision {
            Decision::Commit => &self.committed,
            Decision::Rollback => &self.rolled_back,
            Decision::GiveUp => &self.given_up,
        }
    }
}

/// A reading, for /metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TransactionFigures {
    pub pending: usize,
    /// 0 where none waits.
    pub oldest_age_ms: u64,
    pub begun: u64,
    pub committed: u64,
    pub rolled_back: u64,
    pub given_up: u64,
    pub checks_sent: u64,
    pub checks_unasked: u64,
}

impl Transactions {
    pub(crate) fn figures(&self, wall_ms: i64) -> TransactionFigures {
        let (pending, oldest_ms) = {
            let table = self.table.lock();
            (table.len(), table.oldest().map(|half| half.stored_ms))
        };
        let counts = &self.counts;
        TransactionFigures {
            pending,
            oldest_age_ms: oldest_ms.map_or(0, |stored_ms| age_ms(wall_ms, stored_ms)),
            begun: counts.begun.total(),
            committed: counts.committed.total(),
            rolled_back: counts.rolled_back.total(),
            given_up: counts.given_up.total(),
            checks_sent: counts.checks_sent.total(),
            checks_unasked: counts.checks_unasked.total(),
        }
    }
}

pub(crate) fn age_ms(wall_ms: i64, stored_ms: i64) -> u64 {
    u64::try_from(wall_ms.saturating_sub(stored_ms)).unwrap_or(0)
}

pub(crate) fn rules(settings: &Settings) -> Rules {
    let ms = |setting: u64| i64::try_from(setting).unwrap_or(i64::MAX);
    Rules {
        first_check_ms: ms(settings.transaction_first_check_ms),
        check_interval_ms: ms(settings.transaction_check_interval_ms),
        checks_max: settings.transaction_checks_max,
        pending_max: settings.transaction_pending_max,
    }
}
