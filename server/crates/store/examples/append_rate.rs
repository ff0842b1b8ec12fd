//! Appends from several threads as fast as the store takes them, then reads everything back.
//!
//! `cargo run --release -p remora-store --example append_rate -- [threads] [seconds] [batch] [body
//! bytes] [1 = index] [queues a thread]`
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use remora_store::{AppendBatch, ReadLimits, Store, StoreConfig};

mod common;
use common::{Properties, config, draft, now};

fn argument(index: usize, default: u64) -> u64 {
    std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (threads, seconds) = (argument(1, 2), argument(2, 3));
    let (batch_count, body_bytes) = (argument(3, 32), argument(4, 60));
    let (message_index, queue_count) = (argument(5, 0) == 1, argument(6, 1).max(1));
    let root = PathBuf::from(format!("append-rate-{}", std::process::id()));
    let (store, report) = Store::open(StoreConfig { message_index, ..config(root.clone()) })?;
    println!("opened in {} ms", report.elapsed_ms);
    let appended = AtomicU64::new(0);
    let began = now();
    let cpu_began = cpu_time();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (store, appended) = (&store, &appended);
            scope.spawn(move || {
                let work = Work { thread, seconds, batch_count, body_bytes, queue_count };
                append_until(store, &work, began, appended);
            });
        }
    });
    let elapsed = began.elapsed();
    let cpu = cpu_time() - cpu_began;
    let count = appended.load(Ordering::Relaxed);
    println!(
        "appended {count} records in {elapsed:.2?}: {:.2} M/s, {:.0} ns of CPU each, all threads",
        count as f64 / elapsed.as_secs_f64() / 1e6,
        cpu.as_secs_f64() * 1e9 / count as f64
    );
    print_threads(count)?;
    read_all(&store)?;
    let began = now();
    store.close();
    println!("closed in {:.2?}", began.elapsed());
    std::fs::remove_dir_all(root)?;
    Ok(())
}

struct Work {
    thread: u64,
    seconds: u64,
    batch_count: u64,
    body_bytes: u64,
    queue_count: u64,
}

fn append_until(store: &Store, work: &Work, began: Instant, appended: &AtomicU64) {
    let queue = |number: u64| {
        let topic = format!("bench-{}-{}", work.thread, number / 8);
        store.queue(&topic, i32::try_from(number % 8).unwrap_or(0))
    };
    let queues: Vec<_> = (0..work.queue_count).map(queue).collect();
    let body = vec![b'x'; usize::try_from(work.body_bytes).unwrap_or(0)];
    let mut batch = AppendBatch::new();
    let mut properties = Properties::default();
    let mut number = 0_u64;
    while began.elapsed() < Duration::from_secs(work.seconds) {
        batch.clear();
        for _ in 0..work.batch_count {
            number += 1;
            let queue = &queues[usize::try_from(number % work.queue_count).unwrap_or(0)];
            batch.push(queue, &draft(queue, &body, properties.of(number)));
        }
        if let Err(error) = store.append(&mut batch) {
            println!("refused: {error}");
            return;
        }
        appended.fetch_add(work.batch_count, Ordering::Relaxed);
    }
}

fn read_all(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let limits = ReadLimits { messages_max: 32, bytes_max: 4 << 20, entries_scanned_max: 10_000 };
    let (began, cpu_began) = (now(), cpu_time());
    let (mut count, mut bytes) = (0_u64, 0_u64);
    for (topic, queue_id) in store.queues() {
        let queue = store.queue(&topic, queue_id);
        let mut next = 0;
        loop {
            let outcome = store.read(&queue, next, limits, &mut |_| true)?;
            if outcome.queue_offset_next == next {
                break;
            }
            next = outcome.queue_offset_next;
            count += u64::from(outcome.message_count);
            bytes += u64::from(outcome.bytes);
        }
    }
    let (elapsed, cpu) = (began.elapsed(), cpu_time() - cpu_began);
    println!(
        "read {count} records in pulls of 32 in {elapsed:.2?}: {:.2} GB/s, {:.3} us of CPU each",
        bytes as f64 / elapsed.as_secs_f64() / 1e9,
        cpu.as_secs_f64() * 1e6 / count as f64
    );
    Ok(())
}

/// CPU that the store's own threads took for each record.
fn print_threads(count: u64) -> Result<(), Box<dyn std::error::Error>> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        let name = std::fs::read_to_string(task.join("comm"))?;
        let times = std::fs::read_to_string(task.join("schedstat"))?;
        let cpu_ns: f64 = times.split(' ').next().unwrap_or_default().parse()?;
        println!("  {}: {:.1} ns each", name.trim(), cpu_ns / count as f64);
    }
    Ok(())
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
