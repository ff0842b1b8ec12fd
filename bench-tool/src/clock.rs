//! The only reader of time in the bench.
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<Instant> = OnceLock::new();

/// Nanoseconds since the first call in this process.
pub fn now_ns() -> u64 {
    let start = START.get_or_init(Instant::now);
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Wall clock in milliseconds, for `bornTimestamp`.
pub fn wall_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// A number that tells this run's messages from an earlier run's.
pub fn run_id() -> u32 {
    let ms = u32::try_from(wall_ms() & 0xFFFF_FFFF).unwrap_or(0);
    ms ^ std::process::id().rotate_left(16)
}
