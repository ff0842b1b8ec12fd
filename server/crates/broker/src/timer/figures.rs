//! What /metrics tells of delayed messages.
use super::core::{Timer, TimerCounts, TimerError};

/// A reading, as of the last pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TimerFigures {
    /// Messages with times that wait, about.
    pub waiting_timers: u64,
    /// Messages with delay levels that wait.
    pub waiting_levels: u64,
    /// When the next one is due, wall clock.
    pub next_due_ms: Option<i64>,
    /// Since the start, as all that follow.
    pub delivered: u64,
    /// How much after their times those were, in all.
    pub late_ms: u64,
    /// Withdrawn ones whose time came.
    pub withdrawn: u64,
    /// Lost with their topics, or damaged.
    pub dropped: u64,
    /// So that old parts of the log could go.
    pub stored_again: u64,
}

impl TimerFigures {
    /// For how long the next one has been due.
    pub fn overdue_ms(&self, wall_ms: i64) -> u64 {
        let overdue_ms = self.next_due_ms.map_or(0, |due_ms| wall_ms.saturating_sub(due_ms));
        u64::try_from(overdue_ms).unwrap_or(0)
    }
}

impl Timer {
    pub fn figures(&mut self) -> Result<TimerFigures, TimerError> {
        let waiting_levels = self.levels.iter().map(|level| {
            self.setup.store.queue_offset_max(&level.queue).saturating_sub(level.next)
        });
        let waiting_levels = waiting_levels.sum();
        let next_due_ms = self.next_due_ms()?;
        let waiting_timers = self.pending.count();
        let TimerCounts { delivered, late_ms, withdrawn, dropped, stored_again, .. } = self.counts;
        Ok(TimerFigures {
            waiting_timers,
            waiting_levels,
            next_due_ms,
            delivered,
            late_ms,
            withdrawn,
            dropped,
            stored_again,
        })
    }
}
