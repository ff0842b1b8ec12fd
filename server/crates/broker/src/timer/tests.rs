//! The core on a simulated disk: nothing early, lost or twice, wherever it is cut off.
mod many;
mod seeds;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use remora_protocol::properties::{self, name};
use remora_protocol::record::{self, Draft};
use remora_store::clock::{Clock, ManualClock};
use remora_store::disk::Disk;
use remora_store::meta_log::Durability;
use remora_store::sim_disk::{PowerCut, SimDisk};
use remora_store::store::IndexGeometry;
use remora_store::{
    AppendBatch, AppendError, Environment, FlushMode, MetaLog, OpenError, ReadLimits, Store,
    StoreConfig,
};

use super::checkpoint::Checkpoint;
use super::core::{Timer, TimerError, TimerSetup};
use super::withdraw::{Wanted, Withdrawn};
use crate::delay::{Delay, waiting};

const NOW_MS: i64 = 1_763_793_360_000;
const LEVELS_MS: [u64; 3] = [1_000, 5_000, 10_000];
const HOUR_MS: i64 = 3_600_000;
/// A few records.
const SEARCH_BYTES_MAX: u64 = 2_000;

fn host() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 10_911))
}

fn draft<'d>(topic: &'d str, queue_id: i32, body: &'d [u8], properties: &'d [u8]) -> Draft<'d> {
    Draft {
        topic,
        queue_id,
        flag: 0,
        sys_flag: 0,
        born_timestamp_ms: NOW_MS,
        born_host: host(),
        store_host: host(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body,
        properties,
    }
}

fn config() -> StoreConfig {
    StoreConfig {
        root: PathBuf::from("unused"),
        flush: FlushMode::Async,
        flush_interval_ms: 3_600_000,
        commit_log_segment_bytes: 16 * 1024,
        consume_queue_file_bytes: 20_000,
        retention_ms: 72 * 3_600_000,
        retention_bytes: 0,
        delete_when: "04".to_owned(),
        disk_used_percent_max: 0,
        disk_used_percent_refuse: 0,
        message_index: false,
        queue_tails_bytes_max: 1 << 30,
        commit_log_cached_bytes_max: 1 << 30,
    }
}

/// What went wrong while opening or working.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Meta(#[from] remora_store::meta_log::MetaError),
    #[error(transparent)]
    Timer(#[from] TimerError),
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// A store and its timer.
struct Bench {
    disk: SimDisk,
    clock: Arc<ManualClock>,
    boot: u32,
    run_entries_max: usize,
    store: Arc<Store>,
    timer: Timer,
    /// Records that the start read.
    searched: u64,
}

impl Bench {
    fn open(
        disk: &SimDisk,
        clock: &Arc<ManualClock>,
        boot: u32,
        run_entries_max: usize,
    ) -> Result<Self, Failed> {
        let environment = Environment {
            disk: disk.share(),
            clock: clock.clone(),
            boot_id: format!("boot-{boot}"),
            index_geometry: IndexGeometry { slots: 64, entries: 256 },
        };
        let (store, _) = Store::open_in(&config(), environment)?;
        let store = Arc::new(store);
        let meta = Arc::new(MetaLog::open(disk.share().as_ref(), "config/meta.log")?);
        let level_delays_ms = LEVELS_MS.to_vec();
        let search_bytes_max = SEARCH_BYTES_MAX;
        let setup = TimerSetup {
            store: store.clone(),
            meta,
            level_delays_ms,
            run_entries_max,
            search_bytes_max,
        };
        let mut timer = Timer::open(setup, clock.now_ms())?;
        let searched = timer.search()?;
        let (disk, clock) = (disk.clone(), clock.clone());
        Ok(Self { disk, clock, boot, run_entries_max, store, timer, searched })
    }

    fn new(run_entries_max: usize) -> Self {
        let clock = Arc::new(ManualClock::at(NOW_MS));
        Self::open(&SimDisk::new(), &clock, 0, run_entries_max).unwrap()
    }

    /// The process is killed, or the power goes, and it starts again.
    fn crash(self, cut: PowerCut) -> Self {
        let disk = self.disk.crash(cut);
        let boot = self.boot + u32::from(cut != PowerCut::KeepAll);
        Self::open(&disk, &self.clock, boot, self.run_entries_max).unwrap()
    }

    /// Other messages; not durable.
    fn plain(&self, count: usize) {
        let queue = self.store.queue("P", 0);
        for _ in 0..count {
            let mut batch = AppendBatch::new();
            batch.push(&queue, &draft("P", 0, &[b'p'; 200], b""));
            self.store.append(&mut batch).unwrap();
        }
    }

    /// What the task does.
    fn work(&mut self) {
        self.pass().unwrap();
        let now_ms = self.clock.now_ms();
        if self.timer.wants_save(now_ms).unwrap() {
            self.timer.save(now_ms).unwrap();
        }
    }

    /// What was written down, and flushed for it, so far.
    fn written_down(&self) -> Option<Vec<u8>> {
        self.disk.content("config/meta.log")
    }

    /// Durable when it returns.
    fn send(&self, id: &str, delay: Delay) -> Result<(), Failed> {
        let mut raw = Vec::new();
        properties::append(&mut raw, name::UNIQ_KEY, id);
        self.send_raw(id, &raw, delay)
    }

    fn send_raw(&self, id: &str, raw: &[u8], delay: Delay) -> Result<(), Failed> {
        let form = waiting("T", 0, raw, delay);
        let queue = self.store.queue(form.topic, form.queue_id);
        let draft = draft(form.topic, form.queue_id, id.as_bytes(), &form.properties);
        let mut batch = AppendBatch::new();
        batch.push(&queue, &draft);
        self.store.append(&mut batch)?;
        self.store.flush()?;
        Ok(())
    }

    fn at(&self, id: &str, due_ms: i64) {
        self.send(id, Delay::Until { due_ms }).unwrap();
    }

    fn pass(&mut self) -> Result<(), TimerError> {
        let store = self.store.clone();
        self.timer
            .pass(self.clock.now_ms(), &|topic, queue_id, _| Some(store.queue(topic, queue_id)))
    }

    fn save(&mut self) {
        self.timer.save(self.clock.now_ms()).unwrap();
    }

    fn withdraw(&mut self, id: &str, due_ms: i64) -> Withdrawn {
        let wanted = Wanted { topic: "T", unique_id: id, due_ms };
        let outcome = self.timer.withdraw(wanted, self.clock.now_ms(), host()).unwrap();
        self.store.flush().unwrap();
        outcome
    }

    fn move_to(&mut self, id: &str, due_ms: i64, to_ms: i64) -> Withdrawn {
        let wanted = Wanted { topic: "T", unique_id: id, due_ms };
        let outcome = self.timer.move_to(wanted, to_ms, self.clock.now_ms(), host()).unwrap();
        self.store.flush().unwrap();
        outcome
    }

    fn roll(&mut self, below: u64) {
        while self.timer.roll(below, self.clock.now_ms()).unwrap() {
            self.pass().unwrap();
        }
    }

    /// What came to the topic: ids and store times, in order.
    fn delivered(&self) -> Vec<(String, i64)> {
        let queue = self.store.queue("T", 0);
        let limits =
            ReadLimits { messages_max: 1_000, bytes_max: u32::MAX, entries_scanned_max: 100_000 };
        let (mut next, mut found) = (0, Vec::new());
        loop {
            let outcome = self.store.read(&queue, next, limits, &mut |_: i64| true).unwrap();
            for slice in &outcome.slices {
                let mut rest = &slice[..];
                while !rest.is_empty() {
                    let one = record::decode(rest).unwrap();
                    let id = String::from_utf8(one.body.to_vec()).unwrap();
                    found.push((id, one.store_timestamp_ms));
                    rest = &rest[usize::try_from(one.total_bytes).unwrap()..];
                }
            }
            if outcome.queue_offset_next == next {
                return found;
            }
            next = outcome.queue_offset_next;
        }
    }

    fn ids(&self) -> Vec<String> {
        self.delivered().into_iter().map(|(id, _)| id).collect()
    }
}

#[test]
fn due_ones_come_in_the_order_of_their_times_and_then_of_storing() {
    let mut bench = Bench::new(4);
    for (id, after_ms) in [("c", 30), ("a", 10), ("d", 30), ("b", 20), ("e", 40), ("z", 90_000)] {
        bench.at(id, NOW_MS + after_ms);
    }
    bench.pass().unwrap();
    assert_eq!((bench.timer.pending().run_count(), bench.ids()), (1, vec![]));
    bench.clock.advance(39);
    bench.pass().unwrap();
    assert_eq!(bench.ids(), ["a", "b", "c", "d"]);
    assert_eq!(bench.timer.next_due_ms().unwrap(), Some(NOW_MS + 40));
    bench.clock.advance(1);
    bench.pass().unwrap();
    assert_eq!(bench.ids(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn delivered_ones_are_found_in_the_log_after_a_kill() {
    let mut bench = Bench::new(4);
    bench.at("a", NOW_MS + 10);
    bench.at("b", NOW_MS + 20);
    bench.send("level", Delay::Level(1)).unwrap();
    bench.send("level 2", Delay::Level(1)).unwrap();
    bench.pass().unwrap();
    bench.save();
    bench.clock.advance(1_000);
    bench.pass().unwrap();
    let expected = ["level", "level 2", "a", "b"];
    assert_eq!(bench.ids(), expected);
    let mut bench = bench.crash(PowerCut::KeepAll);
    bench.pass().unwrap();
    assert_eq!(bench.ids(), expected);
    // Nothing of it was on disk.
    let mut bench = bench.crash(PowerCut::LoseUnsynced);
    bench.pass().unwrap();
    assert_eq!(bench.ids(), expected);
}

#[test]
fn where_nothing_waits_the_log_is_neither_flushed_nor_searched_however_long_it_is() {
    let mut bench = Bench::new(4);
    let before = bench.written_down();
    bench.plain(200);
    bench.clock.advance(60_000);
    bench.work();
    assert_eq!(bench.written_down(), before);
    let mut bench = bench.crash(PowerCut::KeepAll);
    assert_eq!((bench.searched, bench.written_down()), (0, before));
    // Nor where messages have waited.
    bench.at("a", bench.clock.now_ms() + 10);
    bench.send("level", Delay::Level(1)).unwrap();
    bench.work();
    bench.clock.advance(4_000);
    bench.work();
    assert_eq!(bench.ids(), ["level", "a"]);
    let before = bench.written_down();
    bench.plain(200);
    bench.clock.advance(60_000);
    bench.work();
    assert_eq!(bench.written_down(), before);
    let mut bench = bench.crash(PowerCut::KeepAll);
    assert_eq!(bench.searched, 0);
    bench.work();
    assert_eq!(bench.ids(), ["level", "a"]);
}

#[test]
fn behind_a_long_log_only_what_came_since_the_first_delivery_is_searched() {
    for cut in [PowerCut::KeepAll, PowerCut::LoseUnsynced, PowerCut::TearUnsynced { seed: 7 }] {
        let mut bench = Bench::new(4);
        for (id, after_ms) in [("a", 10_000), ("b", 10_001), ("week", 604_800_000)] {
            bench.at(id, NOW_MS + after_ms);
        }
        bench.work();
        bench.save();
        bench.plain(200);
        let before = bench.written_down();
        bench.clock.advance(5_000);
        bench.work();
        assert_eq!(bench.written_down(), before, "nothing has changed");
        bench.clock.advance(5_000);
        bench.pass().unwrap();
        bench.plain(3);
        let mut bench = bench.crash(cut);
        let expected = if cut == PowerCut::KeepAll { 0..=4 } else { 0..=204 };
        assert!(expected.contains(&bench.searched), "{cut:?}: {}", bench.searched);
        bench.clock.advance(1);
        bench.work();
        bench.plain(200);
        let mut bench = bench.crash(PowerCut::KeepAll);
        bench.work();
        assert_eq!(bench.ids(), ["a", "b"], "{cut:?}");
    }
}

#[test]
fn withdrawn_ones_do_not_come_and_a_second_try_says_so() {
    let mut bench = Bench::new(4);
    let due_ms = NOW_MS + 100;
    for id in ["a", "b", "c", "d"] {
        bench.at(id, due_ms);
    }
    assert_eq!(bench.withdraw("b", due_ms), Withdrawn::Yes);
    assert_eq!(bench.withdraw("b", due_ms), Withdrawn::Unknown);
    assert_eq!(bench.withdraw("x", due_ms), Withdrawn::Unknown);
    assert_eq!(bench.move_to("c", due_ms, due_ms + 100), Withdrawn::Yes);
    assert_eq!(bench.move_to("c", due_ms, due_ms + 100), Withdrawn::Unknown);
    // There and back: only what was stored before a withdrawal is withdrawn by it.
    assert_eq!(bench.move_to("d", due_ms, due_ms + 1), Withdrawn::Yes);
    assert_eq!(bench.move_to("d", due_ms + 1, due_ms), Withdrawn::Yes);
    let mut bench = bench.crash(PowerCut::KeepAll);
    bench.clock.advance(100);
    bench.pass().unwrap();
    assert_eq!(bench.ids(), ["a", "d"]);
    assert_eq!(bench.withdraw("a", due_ms), Withdrawn::Due { now_ms: due_ms });
    bench.clock.advance(100);
    bench.pass().unwrap();
    assert_eq!(bench.ids(), ["a", "d", "c"]);
}

#[test]
fn what_waits_longer_than_the_log_is_kept_is_stored_again_and_comes_once() {
    let mut bench = Bench::new(4);
    let due_ms = NOW_MS + 200 * HOUR_MS;
    for id in 0..10 {
        bench.at(&format!("{id}"), due_ms + id);
    }
    assert_eq!(bench.withdraw("3", due_ms + 3), Withdrawn::Yes);
    bench.send("level", Delay::Level(3)).unwrap();
    bench.pass().unwrap();
    bench.save();
    // Other messages fill segments, which become old.
    for number in 0..60 {
        bench.send(&"x".repeat(900 + number), Delay::Until { due_ms: NOW_MS + 1 }).unwrap();
    }
    bench.clock.advance(1);
    bench.pass().unwrap();
    let others = bench.ids().len();
    bench.clock.set(NOW_MS + 100 * HOUR_MS);
    bench.send("new", Delay::Until { due_ms: NOW_MS + 101 * HOUR_MS }).unwrap();
    bench.save();
    assert_eq!(bench.store.expire_now(), 0);
    let wanted = bench.store.retention_wanted();
    assert!(wanted >= 3 * 16 * 1024 && bench.timer.keeps(wanted));
    bench.roll(wanted);
    bench.save();
    assert!(!bench.timer.keeps(wanted));
    assert!(bench.store.expire_now() >= 3);
    let mut bench = bench.crash(PowerCut::KeepAll);
    let left = bench.ids().len();
    assert!(left < others, "the test needs old messages to have gone");
    bench.clock.set(due_ms + 10);
    bench.pass().unwrap();
    let expected = ["new", "0", "1", "2", "4", "5", "6", "7", "8", "9"];
    let found = bench.ids();
    assert_eq!(found[left..].iter().filter(|id| *id != "level").collect::<Vec<_>>(), expected);
    assert_eq!(found.iter().filter(|id| *id == "level").count(), 1);
}

#[test]
fn where_apaches_broker_ended_what_it_delivered_or_stored_again_comes_once() {
    let bench = Bench::new(4);
    let week = Delay::Until { due_ms: NOW_MS + 168 * HOUR_MS };
    bench.at("delivered", NOW_MS + 1_499);
    bench.at("waits", NOW_MS + 1_500);
    bench.send("week", week).unwrap();
    bench.send("another", week).unwrap();
    for times in ["1", "2"] {
        let mut raw = Vec::new();
        properties::append(&mut raw, name::UNIQ_KEY, "week");
        properties::append(&mut raw, name::TIMER_ROLL_TIMES, times);
        bench.send_raw("week", &raw, week).unwrap();
    }
    let disk = bench.disk.crash(PowerCut::KeepAll);
    let meta = MetaLog::open(disk.share().as_ref(), "config/meta.log").unwrap();
    let change = Checkpoint::taken_over(&meta, None, Some(NOW_MS + 1_500));
    meta.put(&[change], Durability::Disk).unwrap();
    drop(meta);
    let mut bench = Bench::open(&disk, &bench.clock, 0, 4).unwrap();
    bench.clock.advance(2_000);
    bench.pass().unwrap();
    assert_eq!(bench.ids(), ["waits"]);
    // Before and after it is written down that this is known.
    let mut bench = bench.crash(PowerCut::KeepAll);
    bench.work();
    bench.save();
    let mut bench = bench.crash(PowerCut::KeepAll);
    bench.clock.advance(168 * HOUR_MS);
    bench.work();
    assert_eq!(bench.ids(), ["waits", "another", "week"]);
    assert_eq!(bench.timer.next_due_ms().unwrap(), None);
}

#[test]
fn damaged_run_is_made_again_from_the_queue() {
    let mut bench = Bench::new(4);
    for id in 0..9 {
        bench.at(&format!("{id}"), NOW_MS + 10 + id);
    }
    bench.pass().unwrap();
    bench.save();
    let disk = bench.disk.crash(PowerCut::KeepAll);
    let runs: Vec<String> =
        disk.paths().into_iter().filter(|path| path.starts_with("timers/")).collect();
    assert!(!runs.is_empty());
    for run in &runs {
        assert!(disk.flip_bit(run, 4_100, 1));
    }
    let mut bench = Bench::open(&disk, &bench.clock, 0, 4).unwrap();
    bench.clock.advance(100);
    if let Err(TimerError::Io(_)) = bench.pass() {
        bench.timer.reopen(bench.clock.now_ms()).unwrap();
        bench.pass().unwrap();
    }
    assert_eq!(bench.ids(), ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
}
