//! How long a store of some size takes to open and close.
//!
//! `open_times DIR fill MIB QUEUES [1 = die without a stop]` appends that much, `open_times DIR
//! open` opens and closes what is there.
use std::net::SocketAddr;
use std::time::Instant;

use remora_protocol::record::Draft;
use remora_store::{AppendBatch, FlushMode, ReadLimits, Store, StoreConfig};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let number =
        |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let began = Instant::now();
    let (store, report) = Store::open(StoreConfig {
        root: arguments.get(1).ok_or("a directory is missing")?.into(),
        flush: FlushMode::Async,
        flush_interval_ms: 500,
        commit_log_segment_bytes: 1 << 30,
        consume_queue_file_bytes: 6_000_000,
        retention_ms: u64::MAX,
        retention_bytes: 0,
        delete_when: "04".to_owned(),
        disk_used_percent_max: 0,
        disk_used_percent_refuse: 95,
        message_index: true,
        queue_tails_bytes_max: 1 << 30,
    })?;
    println!("opened in {:.1?}: {report:?}", began.elapsed());
    if arguments.get(2).is_some_and(|what| what == "fill") {
        let began = Instant::now();
        fill(&store, number(3) << 20, number(4).max(1))?;
        println!("filled in {:.1?}", began.elapsed());
        if number(5) == 1 {
            std::process::abort();
        }
    }
    read_some(&store)?;
    let began = Instant::now();
    store.close();
    println!("closed in {:.1?}", began.elapsed());
    Ok(())
}

fn fill(store: &Store, bytes: u64, queues: u64) -> Result<(), Box<dyn std::error::Error>> {
    let host = SocketAddr::from(([127, 0, 0, 1], 10_911));
    let queue = |number: u64| {
        let queue_id = i32::try_from(number % 8).unwrap_or(0);
        store.queue(&format!("topic-{}", number / 8), queue_id)
    };
    let queues: Vec<_> = (0..queues).map(queue).collect();
    let body = [b'x'; 4_096];
    let mut batch = AppendBatch::new();
    // A record for each queue at least.
    let records = (bytes / 4_300).max(queues.len() as u64);
    for (number, queue) in (0..records).zip(queues.iter().cycle()) {
        let properties = format!("UNIQ_KEY\u{1}7F00000100002A139A3C{number:012X}\u{2}");
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
        if batch.len() == 32 || number + 1 == records {
            store.append(&mut batch)?;
            batch.clear();
        }
    }
    Ok(())
}

/// The oldest and the newest messages of one queue.
fn read_some(store: &Store) -> Result<(), Box<dyn std::error::Error>> {
    let limits = ReadLimits { messages_max: 32, bytes_max: 4 << 20, entries_scanned_max: 10_000 };
    let queue = store.queue("topic-0", 0);
    let (min, max) = (store.queue_offset_min(&queue), store.queue_offset_max(&queue));
    for from in [min, max.saturating_sub(32).max(min)] {
        let began = Instant::now();
        let outcome = store.read(&queue, from, limits, &mut |_| true)?;
        println!("read {} messages from {from} in {:.1?}", outcome.message_count, began.elapsed());
    }
    Ok(())
}
