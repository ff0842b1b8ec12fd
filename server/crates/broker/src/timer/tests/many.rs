//! A week of a million timer messages: what a start reads of them, and that all come, once, none
//! early.
use std::sync::Arc;

use remora_protocol::properties::{self, name};
use remora_protocol::record;
use remora_store::clock::{Clock, ManualClock};
use remora_store::disk::Disk;
use remora_store::store::IndexGeometry;
use remora_store::{AppendBatch, Environment, FileDisk, MetaLog, ReadLimits, Store, StoreConfig};

use super::{HOUR_MS, LEVELS_MS, NOW_MS, config, draft};
use crate::delay::{Delay, waiting};
use crate::timer::core::{Timer, TimerSetup};

const COUNT: u32 = 1_000_000;
const WEEK_MS: i64 = 7 * 24 * HOUR_MS;
/// Runs of 65,536.
const RUNS: u64 = 15;

/// All over the week, in no order.
fn due_ms(number: u32) -> i64 {
    NOW_MS + 1 + i64::from(number) * 7_919 % i64::from(COUNT) * WEEK_MS / i64::from(COUNT)
}

/// A store in files, and its timer.
struct Place {
    config: StoreConfig,
    clock: Arc<ManualClock>,
    disk: FileDisk,
}

impl Place {
    /// Gives what the start read of the log as well.
    fn open(&self) -> (Arc<Store>, Timer, u64) {
        let environment = Environment {
            disk: self.disk.share(),
            clock: self.clock.clone(),
            boot_id: "boot".to_owned(),
            index_geometry: IndexGeometry { slots: 64, entries: 256 },
        };
        let (store, _) = Store::open_in(&self.config, environment).unwrap();
        let store = Arc::new(store);
        let meta = MetaLog::open(self.disk.share().as_ref(), "config/meta.log").unwrap();
        let setup = TimerSetup::new(store.clone(), Arc::new(meta), LEVELS_MS.to_vec());
        let mut timer = Timer::open(setup, self.clock.now_ms()).unwrap();
        let searched = timer.search().unwrap();
        (store, timer, searched)
    }
}

fn send_all(store: &Store) {
    let queue = store.queue("rmq_sys_wheel_timer", 0);
    let mut batch = AppendBatch::new();
    for number in 0..COUNT {
        let form = waiting("T", 0, b"", Delay::Until { due_ms: due_ms(number) });
        let body = number.to_be_bytes();
        let draft = draft(form.topic, 0, &body, &form.properties);
        batch.push(&queue, &draft);
        if batch.len() == 10_000 {
            store.append(&mut batch).unwrap();
            batch.clear();
        }
    }
    assert!(batch.is_empty(), "all are sent");
}

/// What came, and how far it was looked at.
struct Came {
    times: Vec<u8>,
    queue_offset_next: u64,
}

impl Came {
    /// Looks at what is new: nothing came before its time.
    fn look(&mut self, store: &Store, now_ms: i64) {
        let limits =
            ReadLimits { messages_max: 1_000, bytes_max: u32::MAX, entries_scanned_max: 100_000 };
        let queue = store.queue("T", 0);
        loop {
            let next = self.queue_offset_next;
            let outcome = store.read(&queue, next, limits, &mut |_: i64| true).unwrap();
            for slice in &outcome.slices {
                let mut rest = &slice[..];
                while !rest.is_empty() {
                    let one = record::decode(rest).unwrap();
                    let number = u32::from_be_bytes(one.body.try_into().unwrap());
                    self.times[number as usize] += 1;
                    let due = properties::find(one.properties, name::TIMER_OUT_MS).unwrap();
                    assert_eq!(due, due_ms(number).to_string());
                    assert!(due_ms(number) <= one.store_timestamp_ms, "{number} came early");
                    assert!(due_ms(number) <= now_ms, "{number} came early");
                    rest = &rest[usize::try_from(one.total_bytes).unwrap()..];
                }
            }
            self.queue_offset_next = outcome.queue_offset_next;
            if self.queue_offset_next == next {
                return;
            }
        }
    }
}

#[test]
fn a_week_of_a_million_is_opened_by_reading_what_is_due_and_comes_whole_and_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.commit_log_segment_bytes = 64 << 20;
    config.consume_queue_file_bytes = 6_000_000;
    let disk = FileDisk::new(dir.path());
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let place = Place { config, clock: clock.clone(), disk };
    let (store, mut timer, _) = place.open();
    send_all(&store);
    timer.pass(NOW_MS, &|_, _, _| None).unwrap();
    timer.save(NOW_MS).unwrap();
    assert_eq!(timer.pending().run_count() as u64, RUNS);
    assert!(timer.pending().near_count() < 65_536);
    drop((timer, store));

    let (mut store, mut timer, searched) = place.open();
    assert_eq!(timer.pending().count(), u64::from(COUNT));
    let entries = timer.counts().entries_read_at_start;
    assert!(entries < 65_536, "{entries} queue entries were read");
    assert_eq!(searched, 0);
    // A head and a search each.
    assert!(timer.pending().blocks_read() < RUNS * 12, "{}", timer.pending().blocks_read());

    let mut came = Came { times: vec![0; COUNT as usize], queue_offset_next: 0 };
    for hour in 1..=7 * 24 {
        clock.advance(HOUR_MS);
        let now_ms = clock.now_ms();
        let resolve = |topic: &str, queue_id: i32, _: u64| Some(store.queue(topic, queue_id));
        timer.pass(now_ms, &resolve).unwrap();
        came.look(&store, now_ms);
        if hour % 10 == 0 {
            timer.save(now_ms).unwrap();
        }
        if hour % 36 == 0 {
            // What came since the checkpoint is found in the log.
            drop((timer, store));
            let searched;
            (store, timer, searched) = place.open();
            assert!(searched <= u64::from(COUNT) / 168 * 9, "{searched} records were searched");
        }
    }
    assert!(came.times.iter().all(|times| *times == 1), "one is lost, or came twice");
    assert_eq!(timer.next_due_ms().unwrap(), None);
}
