//! The crate's one reading of the clock: milliseconds, as fresh as the last tick.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since it was made, moved by whoever sweeps its connections. Reading it on every
/// frame costs a load, where a clock call would cost more than decoding.
#[derive(Debug)]
pub(crate) struct CoarseClock {
    start: Instant,
    now_ms: AtomicU64,
    tick_ms: u64,
}

impl CoarseClock {
    pub(crate) fn new(tick: Duration) -> Self {
        // From 1, so that 0 can mean "not set" in the stamps taken from it.
        Self { start: Instant::now(), now_ms: AtomicU64::new(1), tick_ms: millis(tick) }
    }

    /// Reads the real clock; what it returns is what `now_ms` says until the next tick.
    pub(crate) fn tick(&self) -> u64 {
        let now_ms = millis(self.start.elapsed()).saturating_add(1);
        self.now_ms.store(now_ms, Ordering::Relaxed);
        now_ms
    }

    /// Late by up to one tick.
    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// When `timeout` from now is surely over.
    pub(crate) fn deadline_ms(&self, timeout: Duration) -> u64 {
        self.now_ms().saturating_add(self.tick_ms).saturating_add(millis(timeout))
    }
}

/// Measures how long handlers take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start or the last lap.
    pub(crate) fn lap(&mut self) -> u64 {
        let now = Instant::now();
        let elapsed = now.duration_since(self.0);
        self.0 = now;
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Wall clock, milliseconds since 1970.
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
