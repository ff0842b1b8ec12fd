//! Workloads whose instructions per operation `tests/instruction-counts.json` bounds: see
//! `workloads`.
use std::path::Path;

use remora_protocol::java_hash::tags_code;
use remora_store::{AppendBatch, QueueRef, ReadLimits, Selects, Store, StoreConfig, Waiting};

mod common;
use common::{Properties, config, draft};

#[path = "../../../../protocol-spec/examples/workloads/mod.rs"]
mod workloads;
use workloads::Workload;

const WORKLOADS: [(&str, Workload); 4] = [
    ("append-indexed", append_indexed),
    ("pull-reply", pull_reply),
    ("pull-scattered", pull_scattered),
    ("tag-filter", tag_filter),
];

const MESSAGES_PER_TURN: u64 = 32;
const QUEUES: usize = 8;
/// Messages of each queue in the workloads that read: few, as what other threads of the store do
/// while it is filled is not the same every time.
const BACKLOG: u64 = 512;

fn main() {
    workloads::run(&WORKLOADS);
}

/// A single message to one of the queues in turns of 32, until it is in the key index.
fn append_indexed(operations: u64) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let store = open(StoreConfig { message_index: true, ..settings(root.path()) });
    let queues = queues(&store);
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

/// A pull from a backlog that lies in the log in runs of 32 records, as batches leave it.
fn pull_reply(pulls: u64) {
    pull(pulls, MESSAGES_PER_TURN, &mut |_| true);
}

/// A pull from a backlog whose records each lie between those of other queues.
fn pull_scattered(pulls: u64) {
    pull(pulls, 1, &mut |_| true);
}

/// A pull from a backlog of which one tag in eight is wanted.
fn tag_filter(pulls: u64) {
    let wanted = tags_code(b"TagC");
    pull(pulls, MESSAGES_PER_TURN, &mut |tags_code| tags_code == wanted);
}

/// Each gives 32 messages.
fn pull(pulls: u64, run: u64, wanted: &mut dyn Selects) {
    let root = tempfile::tempdir().expect("a temporary directory");
    fill(&open(settings(root.path())), run);
    // Entries are in files then, and the disk is asked about records.
    let store = open(settings(root.path()));
    let queues = queues(&store);
    let limits = ReadLimits { messages_max: 32, bytes_max: 256 << 10, entries_scanned_max: 16_000 };
    let mut next = [0; QUEUES];
    for (_, at) in (0..pulls).zip((0..QUEUES).cycle()) {
        let read = store.read_as(&queues[at], next[at], limits, wanted, Waiting::Never);
        let outcome = read.expect("read");
        assert_eq!(outcome.message_count, 32);
        let left = BACKLOG - outcome.queue_offset_next;
        next[at] = if left < 32 * 8 { 0 } else { outcome.queue_offset_next };
    }
}

/// `BACKLOG` messages to each queue, `run` of one before the next gets some.
fn fill(store: &Store, run: u64) {
    let queues = queues(store);
    let (mut batch, mut properties) = (AppendBatch::new(), Properties::default());
    for number in (0..BACKLOG).step_by(usize::try_from(run).expect("small")) {
        batch.clear();
        for queue in &queues {
            for number in number..number + run {
                let letter = b'A' + u8::try_from(number % 8).expect("small");
                let properties = properties.tagged(number, letter);
                batch.push(queue, &draft(queue, &[b'x'; 128], properties));
            }
        }
        store.append(&mut batch).expect("appended");
    }
    store.close();
}

/// Nothing that runs by time.
fn settings(root: &Path) -> StoreConfig {
    StoreConfig {
        flush_interval_ms: 3_600_000,
        commit_log_segment_bytes: 256 << 20,
        disk_used_percent_refuse: 0,
        message_index: false,
        ..config(root.to_owned())
    }
}

fn open(config: StoreConfig) -> Store {
    Store::open(config).expect("opened").0
}

fn queues(store: &Store) -> Vec<QueueRef> {
    (0..QUEUES)
        .map(|queue_id| store.queue("BenchmarkTest", i32::try_from(queue_id).expect("small")))
        .collect()
}
