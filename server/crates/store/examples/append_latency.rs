//! How long single appends take at a steady rate, while segments roll, flushes and checkpoints run.
//!
//! `append_latency [appends a second] [seconds] [segment MiB] [body bytes] [1 = sync flush]`:
//! prints percentiles without the time that the thread waited for a core, and each append over a
//! millisecond. On a busy machine that wait is what a plain clock shows.
use std::path::PathBuf;
use std::time::Duration;

use remora_store::{AppendBatch, FlushMode, Store, StoreConfig};

mod common;
use common::{Properties, config, draft, now};

const MESSAGES_PER_APPEND: u64 = 8;

fn argument(index: usize, default: u64) -> u64 {
    std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (rate, seconds) = (argument(1, 5_000).max(1), argument(2, 20));
    let (segment_mib, body_bytes) = (argument(3, 64), argument(4, 1_024));
    let root = PathBuf::from(format!("append-latency-{}", std::process::id()));
    let (store, _) = Store::open(StoreConfig {
        flush: if argument(5, 0) == 1 { FlushMode::Sync } else { FlushMode::Async },
        commit_log_segment_bytes: segment_mib << 20,
        retention_bytes: (segment_mib << 20) * 8,
        ..config(root.clone())
    })?;
    let queues: Vec<_> = (0..8).map(|queue_id| store.queue("T", queue_id)).collect();
    let body = vec![b'x'; usize::try_from(body_bytes)?];
    let mut batch = AppendBatch::new();
    let mut properties = Properties::default();
    let mut taken_us = Vec::new();
    let began = now();
    for number in 0..rate * seconds {
        let due = Duration::from_nanos(1_000_000_000 / rate * number);
        while let Some(early) = due.checked_sub(began.elapsed()) {
            std::thread::sleep(early);
        }
        batch.clear();
        for (message, queue) in (0..MESSAGES_PER_APPEND).zip(queues.iter().cycle()) {
            let properties = properties.of(number * MESSAGES_PER_APPEND + message);
            batch.push(queue, &draft(queue, &body, properties));
        }
        let (start, waited_ns) = (now(), core_wait_ns()?);
        store.append(&mut batch)?;
        let waited = Duration::from_nanos(core_wait_ns()?.saturating_sub(waited_ns));
        let us = u64::try_from(start.elapsed().saturating_sub(waited).as_micros())?;
        taken_us.push(us);
        if us > 1_000 {
            let at_ms = (start - began).as_millis();
            let place = batch.appended().first().map_or(0, |one| one.physical_offset);
            println!(
                "{us:>7} us at {at_ms:>6} ms, {:>4} MiB of a segment",
                (place >> 20) % segment_mib
            );
        }
    }
    taken_us.sort_unstable();
    // Of ten thousand.
    let at = |part: usize| {
        let place = taken_us.len() * part / 10_000;
        taken_us.get(place.min(taken_us.len() - 1)).copied().unwrap_or(0)
    };
    println!(
        "{} appends: p50 {} us, p99 {} us, p99.9 {} us, p99.99 {} us, max {} us",
        taken_us.len(),
        at(5_000),
        at(9_900),
        at(9_990),
        at(9_999),
        at(10_000)
    );
    store.close();
    std::fs::remove_dir_all(root)?;
    Ok(())
}

/// Nanoseconds that this thread was ready to run and had no core.
fn core_wait_ns() -> Result<u64, Box<dyn std::error::Error>> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(times.split_whitespace().nth(1).unwrap_or_default().parse()?)
}
