//! Workloads whose instructions per operation `tests/instruction-counts.json` bounds.
//!
//! `instruction_counts` names them; `instruction_counts NAME OPERATIONS` runs one. Counted by
//! `cargo run --release -p remora-tests --bin instruction-counts`.
use remora_store::{AppendBatch, QueueRef, Store, StoreConfig};

mod common;
use common::{Properties, config, draft};

type Workload = fn(operations: u64);

const WORKLOADS: [(&str, Workload); 1] = [("append-indexed", append_indexed)];

const MESSAGES_PER_TURN: u64 = 32;

fn main() {
    let mut args = std::env::args().skip(1);
    let Some(wanted) = args.next() else {
        return WORKLOADS.iter().for_each(|(name, _)| println!("{name}"));
    };
    let operations = args.next().and_then(|count| count.parse().ok()).expect("how many");
    let (_, run) = WORKLOADS.iter().find(|(name, _)| *name == wanted).expect("a known workload");
    run(operations);
}

/// A single message to one of 8 queues in turns of 32, until it is in the key index.
fn append_indexed(operations: u64) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let (store, _) = Store::open(StoreConfig {
        flush_interval_ms: 3_600_000,
        commit_log_segment_bytes: 256 << 20,
        disk_used_percent_refuse: 0,
        ..config(root.path().to_owned())
    })
    .expect("opened");
    let queues: Vec<QueueRef> =
        (0..8).map(|queue_id| store.queue("BenchmarkTest", queue_id)).collect();
    let (mut batch, mut properties) = (AppendBatch::new(), Properties::default());
    for turn in 0..operations / MESSAGES_PER_TURN {
        batch.clear();
        for (number, queue) in (0..MESSAGES_PER_TURN).zip(queues.iter().cycle()) {
            let properties = properties.of(turn * MESSAGES_PER_TURN + number);
            batch.push(queue, &draft(queue, &[b'x'; 128], properties));
        }
        store.append(&mut batch).expect("appended");
    }
    store.catch_up_index().expect("indexed");
}
