//! What the connections of one load count, and the sum of it.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Latencies above this are recorded as this.
const LATENCY_NS_MAX: u64 = 120_000_000_000;

/// Counters of one connection. Its own loop writes, the progress line reads.
#[derive(Debug)]
pub struct ConnectionStats {
    pub messages: AtomicU64,
    connected: AtomicBool,
    /// As `messages`, those of the warm-up included.
    messages_ever: AtomicU64,
    pub bytes: AtomicU64,
    pub refused: AtomicU64,
    /// Requests whose answer had not come when the load gave up waiting.
    pub unanswered: AtomicU64,
    /// Shared by the connections of one thread: a histogram is 200 KiB, and connections are many.
    latency_ns: Arc<Mutex<Histogram<u64>>>,
    first_refusal: Mutex<Option<String>>,
}

/// An empty latency histogram: nanoseconds, in steps of 512 ns and three digits.
pub fn histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1_000, LATENCY_NS_MAX, 3) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("the bounds are constants that the histogram accepts"),
    }
}

/// Latencies of one read, equal ones counted together.
#[derive(Debug, Default)]
pub struct Latencies {
    runs: Vec<(u64, u64)>,
}

impl Latencies {
    #[inline]
    pub fn push(&mut self, latency_ns: u64) {
        match self.runs.last_mut() {
            Some((last_ns, count)) if *last_ns == latency_ns => *count += 1,
            _ => self.runs.push((latency_ns, 1)),
        }
    }
}

impl ConnectionStats {
    fn new(latency_ns: Arc<Mutex<Histogram<u64>>>) -> Self {
        Self {
            messages: AtomicU64::new(0),
            connected: AtomicBool::new(false),
            messages_ever: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            latency_ns,
            first_refusal: Mutex::new(None),
        }
    }

    /// The connection is up.
    pub fn connected(&self) {
        self.connected.store(true, Ordering::Relaxed);
    }

    /// Adds the answers of one read, and empties `latencies`.
    pub fn answered(&self, messages: u64, bytes: u64, latencies: &mut Latencies) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
        self.messages_ever.fetch_add(messages, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut histogram = self.latency_ns.lock();
        for (latency_ns, count) in latencies.runs.drain(..) {
            histogram.saturating_record_n(latency_ns, count);
        }
    }

    pub fn refused(&self, code: i32, remark: &str) {
        if self.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            *self.first_refusal.lock() = Some(format!("code {code}: {remark}"));
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
    histograms: Arc<[Arc<Mutex<Histogram<u64>>>]>,
}

impl LoadStats {
    /// Connection n runs on thread n modulo `threads`.
    pub fn new(connections: usize, threads: usize) -> Self {
        let histograms: Arc<[_]> =
            (0..threads.max(1)).map(|_| Arc::new(Mutex::new(histogram()))).collect();
        let shared = histograms.iter().cycle().take(connections);
        let connections = shared.map(|h| Arc::new(ConnectionStats::new(h.clone()))).collect();
        Self { connections, histograms }
    }

    /// Whether every connection is up.
    pub fn all_connected(&self) -> bool {
        self.connections.iter().all(|c| c.connected.load(Ordering::Relaxed))
    }

    pub fn messages(&self) -> u64 {
        self.connections.iter().map(|c| c.messages.load(Ordering::Relaxed)).sum()
    }

    pub fn messages_ever(&self) -> u64 {
        self.connections.iter().map(|c| c.messages_ever.load(Ordering::Relaxed)).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.connections.iter().map(|c| c.bytes.load(Ordering::Relaxed)).sum()
    }

    pub fn refused(&self) -> u64 {
        self.connections.iter().map(|c| c.refused.load(Ordering::Relaxed)).sum()
    }

    pub fn unanswered(&self) -> u64 {
        self.connections.iter().map(|c| c.unanswered.load(Ordering::Relaxed)).sum()
    }

    /// The first refusal that any connection saw.
    pub fn first_refusal(&self) -> Option<String> {
        self.connections.iter().find_map(|c| c.first_refusal.lock().clone())
    }

    pub fn latency_ns(&self) -> Histogram<u64> {
        let mut sum = histogram();
        for latency_ns in self.histograms.iter() {
            // Same bounds on both sides: adding cannot fail.
            let _same_bounds = sum.add(&*latency_ns.lock());
        }
        sum
    }

    pub fn reset(&self) {
        for connection in self.connections.iter() {
            connection.reset();
        }
    }
}
