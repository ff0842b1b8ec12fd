//! What the connections of one load count, and the sum of it.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Latencies above this are recorded as this.
const LATENCY_NS_MAX: u64 = 120_000_000_000;

/// Counters of one connection. Its own loop writes, the progress line reads.
#[derive(Debug)]
pub struct ConnectionStats {
    pub messages: AtomicU64,
    pub bytes: AtomicU64,
    pub refused: AtomicU64,
    latency_ns: Mutex<Histogram<u64>>,
    last_refusal: Mutex<Option<String>>,
}

impl Default for ConnectionStats {
    fn default() -> Self {
        Self {
            messages: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            latency_ns: Mutex::new(histogram()),
            last_refusal: Mutex::new(None),
        }
    }
}

/// An empty latency histogram: nanoseconds, two digits after the first.
pub fn histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1_000, LATENCY_NS_MAX, 3) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("the bounds are constants that the histogram accepts"),
    }
}

impl ConnectionStats {
    /// Adds the answers of one read.
    pub fn answered(&self, messages: u64, bytes: u64, latencies_ns: &[u64]) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut histogram = self.latency_ns.lock();
        for latency_ns in latencies_ns {
            histogram.saturating_record(*latency_ns);
        }
    }

    pub fn refused(&self, code: i32, remark: &str) {
        if self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            *self.last_refusal.lock() = Some(format!("code {code}: {remark}"));
        }
    }

    /// Forgets what the warm-up counted.
    pub fn reset(&self) {
        self.messages.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.refused.store(0, Ordering::Relaxed);
        self.latency_ns.lock().reset();
    }
}

/// All connections of a load.
#[derive(Clone, Debug)]
pub struct LoadStats {
    pub connections: Arc<[Arc<ConnectionStats>]>,
}

impl LoadStats {
    pub fn new(connections: usize) -> Self {
        Self { connections: (0..connections).map(|_| Arc::default()).collect() }
    }

    pub fn messages(&self) -> u64 {
        self.connections.iter().map(|c| c.messages.load(Ordering::Relaxed)).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.connections.iter().map(|c| c.bytes.load(Ordering::Relaxed)).sum()
    }

    pub fn refused(&self) -> u64 {
        self.connections.iter().map(|c| c.refused.load(Ordering::Relaxed)).sum()
    }

    /// The first refusal that any connection saw.
    pub fn first_refusal(&self) -> Option<String> {
        self.connections.iter().find_map(|c| c.last_refusal.lock().clone())
    }

    pub fn latency_ns(&self) -> Histogram<u64> {
        let mut sum = histogram();
        for connection in self.connections.iter() {
            // Same bounds on both sides: adding cannot fail.
            let _same_bounds = sum.add(&*connection.latency_ns.lock());
        }
        sum
    }

    pub fn reset(&self) {
        for connection in self.connections.iter() {
            connection.reset();
        }
    }
}
