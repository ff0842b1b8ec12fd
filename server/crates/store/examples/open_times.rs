//! How long a store of some size takes to open and close.
//!
//! `open_times DIR fill MIB QUEUES [1 = die without a stop]` appends that much, `open_times DIR
//! open` opens and closes what is there.
use remora_store::{AppendBatch, ReadLimits, Store};

mod common;
use common::{Properties, config, draft, now};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let number =
        |at: usize| arguments.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let began = now();
    let root = arguments.get(1).ok_or("a directory is missing")?;
    let (store, report) = Store::open(config(root.into()))?;
    println!("opened in {:.1?}: {report:?}", began.elapsed());
    if arguments.get(2).is_some_and(|what| what == "fill") {
        let began = now();
        fill(&store, number(3) << 20, number(4).max(1))?;
        println!("filled in {:.1?}", began.elapsed());
        if number(5) == 1 {
            std::process::abort();
        }
    }
    read_some(&store)?;
    let began = now();
    store.close();
    println!("closed in {:.1?}", began.elapsed());
    Ok(())
}

fn fill(store: &Store, bytes: u64, queues: u64) -> Result<(), Box<dyn std::error::Error>> {
    let queue = |number: u64| {
        let queue_id = i32::try_from(number % 8).unwrap_or(0);
        store.queue(&format!("topic-{}", number / 8), queue_id)
    };
    let queues: Vec<_> = (0..queues).map(queue).collect();
    let body = [b'x'; 4_096];
    let mut batch = AppendBatch::new();
    let mut properties = Properties::default();
    // A record for each queue at least.
    let records = (bytes / 4_300).max(queues.len() as u64);
    for (number, queue) in (0..records).zip(queues.iter().cycle()) {
        batch.push(queue, &draft(queue, &body, properties.of(number)));
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
        let began = now();
        let outcome = store.read(&queue, from, limits, &mut |_| true)?;
        println!("read {} messages from {from} in {:.1?}", outcome.message_count, began.elapsed());
    }
    Ok(())
}
