//! The one place where the tests read a clock: to give up waiting, never to judge speed.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long any awaited event may take before a test gives up. Generous: two busy cores, cold JVMs.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A moment after which waiting is given up.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `patience` from now.
    pub fn after(patience: Duration) -> Self {
        Self(Instant::now() + patience)
    }

    /// What is left, zero when over.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Measures how long something took, for reports.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Wall clock in milliseconds since 1970, as messages carry it.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
