//! The one place of this crate that reads a clock.
use std::time::{Instant, SystemTime};

/// Time that never goes back: for durations.
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970.
pub(crate) fn wall_ms() -> i64 {
    let since = wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Wall clock, for people.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
