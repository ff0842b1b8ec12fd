//! The coarse timer: everything that waits too long is found by looking, not by a timer a message.
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use crate::clock::millis;
use crate::connection::{Connection, Ending};
use crate::counters::count;

/// Longest time to write what is queued once a connection closes. Chosen: a peer that reads at all
/// takes 16 MiB in it.
const CLOSING_MS_MAX: u64 = 5_000;

/// Longest wait for the peer's FIN after ours.
const LINGER_MS_MAX: u64 = 1_000;

/// Memory that only a busy connection needs is given back after this.
const BUSY_MS: u64 = 1_000;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Timings {
    /// 0 = no limit.
    pub partial_frame_ms: u64,
    /// 0 = no limit.
    pub idle_ms: u64,
}

impl Timings {
    /// How often to sweep: often enough for the shorter limit, at least every 100 ms for the
    /// timeouts of requests.
    pub(crate) fn tick(&self) -> Duration {
        let limits = [self.partial_frame_ms, self.idle_ms];
        let shortest_ms = limits.into_iter().filter(|&ms| ms > 0).min().unwrap_or(u64::MAX);
        Duration::from_millis((shortest_ms / 4).clamp(5, 100))
    }

    pub(crate) fn new(partial_frame: Duration, idle: Duration) -> Self {
        Self { partial_frame_ms: millis(partial_frame), idle_ms: millis(idle) }
    }
}

/// Ends what is overdue on one connection; true where it was busy in the last second.
pub(crate) fn sweep(conn: &Connection, now_ms: u64, timings: &Timings) -> bool {
    let mut wakers = Vec::new();
    conn.pending().expire(now_ms, &mut wakers);
    wakers.into_iter().for_each(Waker::wake);

    let counters = &conn.counters;
    let stamps = &conn.stamps;
    let since = |stamp: &AtomicU64| match stamp.load(Ordering::Relaxed) {
        0 => 0,
        stamp_ms => now_ms.saturating_sub(stamp_ms),
    };
    if since(&stamps.fin_ms) > LINGER_MS_MAX || since(&stamps.closing_ms) > CLOSING_MS_MAX {
        conn.end(Ending::Kill("closed, the peer does not close"));
        return false;
    }
    if timings.partial_frame_ms > 0 && since(&stamps.partial_ms) > timings.partial_frame_ms {
        stamps.partial_ms.store(0, Ordering::Relaxed);
        count(&counters.partial_frame_timeouts, 1);
        tracing::warn!(
            peer = %conn.peer,
            limit_ms = timings.partial_frame_ms,
            "half a frame came and no more, closing the connection"
        );
        conn.close("half a frame came and no more");
        return false;
    }
    let inactive_ms = since(&stamps.active_ms);
    if timings.idle_ms > 0 && inactive_ms > timings.idle_ms && !conn.is_closed() {
        count(&counters.idle_timeouts, 1);
        conn.close("idle");
    } else if (BUSY_MS..2 * BUSY_MS).contains(&inactive_ms) {
        conn.shrink();
    }
    inactive_ms < BUSY_MS
}
