//! The one place of this crate that reads a clock.
use std::time::{Instant, SystemTime};

/// Time that never goes back: for durations.
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Wall clock, for people.
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
