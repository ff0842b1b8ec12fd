//! How long single appends take at a steady rate, while segments roll, flushes and checkpoints run.
//!
//! `append_latency [appends a second] [seconds] [segment MiB] [body bytes] [1 = sync flush]`:
//! prints percentiles without the time that the thread waited for a core, and each append over a
//! millisecond. On a busy machine that wait is what a plain clock shows.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use remora_protocol::record::Draft;
use remora_store::{AppendBatch, FlushMode, Store, StoreConfig};

const MESSAGES_PER_APPEND: u64 = 8;

fn argument(index: usize, default: u64) -> u64 {
    std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (rate, seconds) = (argument(1, 5_000).max(1), argument(2, 20));
    let (segment_mib, body_bytes) = (argument(3, 64), argument(4, 1_024));
    let root = PathBuf::from(format!("append-latency-{}", std::process::id()));
    let (store, _) = Store::open(StoreConfig {
        root: root.clone(),
        flush: if argument(5, 0) == 1 { FlushMode::Sync } else { FlushMode::Async },
        flush_interval_ms: 500,
        commit_log_segment_bytes: segment_mib << 20,
        consume_queue_file_bytes: 6_000_000,
        retention_ms: u64::MAX,
        retention_bytes: (segment_mib << 20) * 8,
        delete_when: "04".to_owned(),
        disk_used_percent_max: 0,
        disk_used_percent_refuse: 95,
        message_index: true,
        queue_tails_bytes_max: 1 << 30,
    })?;
    let host = SocketAddr::from(([127, 0, 0, 1], 10_911));
    let queues: Vec<_> = (0..8).map(|queue_id| store.queue("T", queue_id)).collect();
    let body = vec![b'x'; usize::try_from(body_bytes)?];
    let mut batch = AppendBatch::new();
    let mut taken_us = Vec::new();
    let began = Instant::now();
    for number in 0..rate * seconds {
        let due = Duration::from_nanos(1_000_000_000 / rate * number);
        while let Some(early) = due.checked_sub(began.elapsed()) {
            std::thread::sleep(early);
        }
        batch.clear();
        for (message, queue) in (0..MESSAGES_PER_APPEND).zip(queues.iter().cycle()) {
            let key = number * MESSAGES_PER_APPEND + message;
            let properties = format!("UNIQ_KEY\u{1}7F00000100002A139A3C{key:012X}\u{2}");
            let draft = Draft {
                topic: &queue.topic,
                queue_id: queue.queue_id,
                flag: 0,
                sys_flag: 0,
                born_timestamp_ms: 0,
                born_host: host,
                store_host: host,
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                body: &body,
                properties: properties.as_bytes(),
            };
            batch.push(queue, &draft);
        }
        let (start, waited_ns) = (Instant::now(), core_wait_ns()?);
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
