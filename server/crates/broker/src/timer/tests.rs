//! The core on a simulated disk: nothing early, lost or twice, wherever it is cut off.
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use remora_protocol::properties::{self, name};
use remora_protocol::record::{self, Draft};
use remora_store::clock::{Clock, ManualClock};
use remora_store::disk::Disk;
use remora_store::sim_disk::{Fault, FaultPlan, PowerCut, SimDisk, SplitMix};
use remora_store::store::IndexGeometry;
use remora_store::{
    AppendBatch, AppendError, Environment, FileDisk, FlushMode, MetaLog, OpenError, ReadLimits,
    Store, StoreConfig,
};

use super::core::{Timer, TimerError, TimerSetup};
use super::withdraw::{Wanted, Withdrawn};
use crate::delay::{Delay, waiting};

const NOW_MS: i64 = 1_763_793_360_000;
const LEVELS_MS: [u64; 3] = [1_000, 5_000, 10_000];
const HOUR_MS: i64 = 3_600_000;

fn host() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 10_911))
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
        let setup = TimerSetup { store: store.clone(), meta, level_delays_ms, run_entries_max };
        let timer = Timer::open(setup, clock.now_ms())?;
        let (disk, clock) = (disk.clone(), clock.clone());
        Ok(Self { disk, clock, boot, run_entries_max, store, timer })
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

    /// Durable when it returns.
    fn send(&self, id: &str, delay: Delay) -> Result<(), Failed> {
        let mut raw = Vec::new();
        properties::append(&mut raw, name::UNIQ_KEY, id);
        let form = waiting("T", 0, &raw, delay);
        let queue = self.store.queue(form.topic, form.queue_id);
        let draft = Draft {
            topic: form.topic,
            queue_id: form.queue_id,
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms: NOW_MS,
            born_host: host(),
            store_host: host(),
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: id.as_bytes(),
            properties: &form.properties,
        };
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

/// Due times of what should come, by id.
type Expected = BTreeMap<String, i64>;

fn assert_delivered(bench: &Bench, expected: &Expected, seed: u64) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (id, stored_ms) in bench.delivered() {
        let due_ms = expected.get(&id).copied();
        let due_ms = due_ms.unwrap_or_else(|| panic!("seed {seed}: '{id}' was withdrawn"));
        assert!(stored_ms >= due_ms, "seed {seed}: '{id}' came {} ms early", due_ms - stored_ms);
        *count.entry(id).or_default() += 1;
    }
    let once: BTreeMap<String, usize> = expected.keys().map(|id| (id.clone(), 1)).collect();
    assert_eq!(count, once, "seed {seed}");
}

/// One random life: sends, withdrawals, moves, passes, checkpoints, old records stored again, kills
/// and power cuts.
fn live(seed: u64) {
    let mut random = SplitMix(seed);
    let mut bench = Bench::new(5);
    let mut expected = Expected::new();
    for step in 0..80 {
        let now_ms = bench.clock.now_ms();
        let id = format!("{step}");
        let chosen = usize::try_from(random.below(expected.len().max(1) as u64)).unwrap();
        let chosen = expected.iter().nth(chosen).map(|(id, due_ms)| (id.clone(), *due_ms));
        let is_timer = |id: &str| !id.starts_with('L');
        match random.below(14) {
            0..=3 => {
                let due_ms = now_ms + 1 + i64::try_from(random.below(40)).unwrap() * 100;
                bench.at(&id, due_ms);
                expected.insert(id, due_ms);
            }
            4 => {
                let level = usize::try_from(random.below(3)).unwrap();
                let id = format!("L{step}");
                bench.send(&id, Delay::Level(level + 1)).unwrap();
                expected.insert(id, now_ms + i64::try_from(LEVELS_MS[level]).unwrap());
            }
            5 => {
                if let Some((id, due_ms)) = chosen.filter(|(id, _)| is_timer(id)) {
                    match bench.withdraw(&id, due_ms) {
                        Withdrawn::Yes => drop(expected.remove(&id)),
                        Withdrawn::Due { .. } => assert!(due_ms <= now_ms, "seed {seed}"),
                        Withdrawn::Unknown => panic!("seed {seed}: '{id}' was not found"),
                    }
                }
            }
            6 => {
                if let Some((id, due_ms)) = chosen.filter(|(id, due)| is_timer(id) && *due > now_ms)
                {
                    let to_ms = now_ms + 1 + i64::try_from(random.below(40)).unwrap() * 100;
                    assert_eq!(bench.move_to(&id, due_ms, to_ms), Withdrawn::Yes, "seed {seed}");
                    expected.insert(id, to_ms);
                }
            }
            7..=8 => bench.clock.advance(i64::try_from(random.below(900)).unwrap()),
            9..=10 => bench.pass().unwrap(),
            11 => {
                bench.pass().unwrap();
                bench.save();
            }
            12 => {
                let below = random.below(bench.store.log_status().physical_offset_max + 1);
                bench.roll(below);
                if random.coin() {
                    bench.pass().unwrap();
                    bench.save();
                }
            }
            _ => {
                let cut = match random.below(3) {
                    0 => PowerCut::KeepAll,
                    1 => PowerCut::LoseUnsynced,
                    _ => PowerCut::TearUnsynced { seed: random.next_u64() },
                };
                bench = bench.crash(cut);
            }
        }
    }
    bench.clock.advance(20_000);
    bench.pass().unwrap();
    assert_delivered(&bench, &expected, seed);
    let mut bench = bench.crash(PowerCut::KeepAll);
    bench.pass().unwrap();
    assert_delivered(&bench, &expected, seed);
}

#[test]
fn random_lives_lose_nothing_and_deliver_nothing_early_or_twice() {
    (0..300).for_each(live);
}

/// Sends, passes and checkpoints until something fails; what was acknowledged, and what may have
/// been stored.
fn script(disk: &SimDisk, clock: &Arc<ManualClock>) -> (Expected, Expected) {
    let (mut sure, mut tried) = (Expected::new(), Expected::new());
    let Ok(mut bench) = Bench::open(disk, clock, 0, 3) else { return (sure, tried) };
    for step in 0..14_i64 {
        let due_ms = clock.now_ms() + 50 + (step * 37) % 90;
        let id = format!("{step}");
        tried.insert(id.clone(), due_ms);
        if bench.send(&id, Delay::Until { due_ms }).is_err() {
            break;
        }
        sure.insert(id, due_ms);
        clock.advance(15);
        let now_ms = clock.now_ms();
        if bench.pass().is_err() || step % 3 == 2 && bench.timer.save(now_ms).is_err() {
            break;
        }
    }
    (sure, tried)
}

#[test]
fn whatever_operation_of_the_disk_is_the_last_nothing_is_lost_or_comes_twice() {
    let counted = SimDisk::new();
    script(&counted, &Arc::new(ManualClock::at(NOW_MS)));
    let total = counted.ops();
    assert!(total > 60, "{total}");
    for op in 1..=total {
        let disk = SimDisk::new();
        disk.plan(FaultPlan::From { op, fault: Fault::Eio });
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let (sure, tried) = script(&disk, &clock);
        let cut = match op % 3 {
            0 => PowerCut::KeepAll,
            1 => PowerCut::LoseUnsynced,
            _ => PowerCut::TearUnsynced { seed: op },
        };
        let found = disk.crash(cut);
        let mut bench = Bench::open(&found, &clock, 1, 3).unwrap();
        clock.advance(1_000);
        bench.pass().unwrap();
        let came = bench.ids();
        let mut expected = sure;
        for (id, due_ms) in tried {
            if came.contains(&id) {
                expected.insert(id, due_ms);
            }
        }
        assert_delivered(&bench, &expected, op);
    }
}

#[test]
fn many_that_wait_are_opened_and_delivered_by_reading_what_is_due() {
    const COUNT: i64 = 200_000;
    const EACH_MS: i64 = 3_024;
    let mut config = config();
    config.commit_log_segment_bytes = 64 << 20;
    config.consume_queue_file_bytes = 6_000_000;
    let clock = Arc::new(ManualClock::at(NOW_MS));
    let dir = tempfile::tempdir().unwrap();
    let disk = FileDisk::new(dir.path());
    let environment = || Environment {
        disk: disk.share(),
        clock: clock.clone(),
        boot_id: "boot".to_owned(),
        index_geometry: IndexGeometry { slots: 64, entries: 256 },
    };
    let open = || {
        let (store, _) = Store::open_in(&config, environment()).unwrap();
        let store = Arc::new(store);
        let meta = MetaLog::open(disk.share().as_ref(), "config/meta.log").unwrap();
        let setup = TimerSetup::new(store.clone(), Arc::new(meta), LEVELS_MS.to_vec());
        (store, Timer::open(setup, clock.now_ms()).unwrap())
    };
    let (store, mut timer) = open();
    let queue = store.queue("rmq_sys_wheel_timer", 0);
    let mut batch = AppendBatch::new();
    // All over the week, in no order.
    for number in 0..COUNT {
        let due_ms = NOW_MS + 1 + (number * 7_919 % COUNT) * EACH_MS;
        let form = waiting("T", 0, b"", Delay::Until { due_ms });
        batch.push(
            &queue,
            &Draft {
                topic: form.topic,
                queue_id: 0,
                flag: 0,
                sys_flag: 0,
                born_timestamp_ms: NOW_MS,
                born_host: host(),
                store_host: host(),
                reconsume_times: 0,
                prepared_transaction_offset: 0,
                body: b"x",
                properties: &form.properties,
            },
        );
        if batch.len() == 10_000 {
            store.append(&mut batch).unwrap();
            batch.clear();
        }
    }
    timer.pass(NOW_MS, &|_, _, _| None).unwrap();
    timer.save(NOW_MS).unwrap();
    assert_eq!(timer.pending().run_count(), 3);
    assert!(timer.pending().near_count() < 65_536);

    drop((timer, store));
    let (store, mut timer) = open();
    assert_eq!(timer.pending().count(), COUNT.unsigned_abs());
    let counts = timer.counts();
    assert!(counts.entries_read_at_start < 65_536, "{counts:?}");
    assert_eq!(counts.records_read_at_start, 0);
    // A head and a search each.
    assert!(timer.pending().blocks_read() < 3 * 12, "{}", timer.pending().blocks_read());
    clock.advance(1_000 * EACH_MS);
    let resolve = |topic: &str, queue_id: i32, _: u64| Some(store.queue(topic, queue_id));
    timer.pass(clock.now_ms(), &resolve).unwrap();
    assert_eq!(store.queue_offset_max(&store.queue("T", 0)), 1_000);
    assert!(timer.pending().blocks_read() < 3 * 20, "{}", timer.pending().blocks_read());
}
