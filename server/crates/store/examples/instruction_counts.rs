//! A fixed amount of appends, to be counted and not timed: turns of 32 single messages to 8 queues.
//!
//! `valgrind --tool=callgrind --toggle-collect='*append_turns*' …/append_instructions [turns]`
//! counts the appending thread; with `--separate-threads=yes` instead, the index's thread as well.
use std::net::SocketAddr;

use remora_protocol::record::Draft;
use remora_store::{AppendBatch, AppendError, FlushMode, QueueRef, Store, StoreConfig};

const MESSAGES_PER_TURN: usize = 32;
/// The body, and the properties that official clients and the broker add.
const BODY: [u8; 128] = [b'x'; 128];
const PROPERTIES: &[u8] = b"UNIQ_KEY\x017F00000100002A139A3C000000000000\x02WAIT\x01true\x02\
    TAGS\x01TagA\x02CLUSTER\x01DefaultCluster\x02";
/// Where the unique key's last eight digits stand.
const DIGITS_AT: usize = 33;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let turns = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let root = tempfile::tempdir()?;
    let (store, _) = Store::open(StoreConfig {
        root: root.path().to_owned(),
        flush: FlushMode::Async,
        flush_interval_ms: 3_600_000,
        commit_log_segment_bytes: 256 << 20,
        consume_queue_file_bytes: 6_000_000,
        retention_ms: u64::MAX,
        retention_bytes: 0,
        delete_when: "04".to_owned(),
        disk_used_percent_max: 0,
        disk_used_percent_refuse: 0,
        message_index: true,
        queue_tails_bytes_max: 1 << 30,
    })?;
    let queues: Vec<QueueRef> =
        (0..8).map(|queue_id| store.queue("BenchmarkTest", queue_id)).collect();
    let mut batch = AppendBatch::new();
    append_turns(&store, &queues, &mut batch, turns)?;
    store.catch_up_index()?;
    println!("{}", turns * MESSAGES_PER_TURN);
    Ok(())
}

#[inline(never)]
fn append_turns(
    store: &Store,
    queues: &[QueueRef],
    batch: &mut AppendBatch,
    turns: usize,
) -> Result<(), AppendError> {
    let host = SocketAddr::from(([127, 0, 0, 1], 10_911));
    let mut properties = PROPERTIES.to_vec();
    for turn in 0..turns {
        batch.clear();
        for message in 0..MESSAGES_PER_TURN {
            let number = (turn * MESSAGES_PER_TURN + message) as u64;
            if let Some(place) = properties.get_mut(DIGITS_AT..DIGITS_AT + 8) {
                place.copy_from_slice(&number.to_be_bytes().map(|byte| b'A' + byte % 16));
            }
            let Some(queue) = queues.get(message % queues.len()) else { break };
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
                body: &BODY,
                properties: &properties,
            };
            batch.push(queue, &draft);
        }
        store.append(batch)?;
    }
    Ok(())
}
