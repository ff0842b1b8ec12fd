//! Random lives, and a fault at every operation of the disk.
use std::collections::BTreeMap;
use std::sync::Arc;

use remora_store::clock::{Clock, ManualClock};
use remora_store::sim_disk::{Fault, FaultPlan, PowerCut, SimDisk, SplitMix};

use super::{Bench, LEVELS_MS, NOW_MS};
use crate::delay::Delay;
use crate::timer::withdraw::Withdrawn;

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
        match random.below(15) {
            14 => bench.plain(usize::try_from(random.below(20)).unwrap()),
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
