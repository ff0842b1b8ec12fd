//! The only place of this crate that reads a clock.
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Wall clock, milliseconds since 1970: for timestamps that are stored or shown.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Milliseconds since the first call in this process, never going back: for deadlines and expiry.
pub fn tick_ms() -> i64 {
    i64::try_from(START.elapsed().as_millis()).unwrap_or(i64::MAX)
}

/// The clock for durations.
pub fn instant() -> Instant {
    Instant::now()
}

/// The instant at which `tick_ms` will be `tick`.
pub fn instant_at(tick: i64) -> Instant {
    *START + Duration::from_millis(u64::try_from(tick).unwrap_or(0))
}
