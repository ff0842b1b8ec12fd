//! The metadata log: what was promised survives power cuts, damage is named.
use std::collections::BTreeMap;

use remora_store::MetaLog;
use remora_store::disk::Disk;
use remora_store::meta_log::{Durability, MetaError};
use remora_store::sim_disk::{Fault, FaultPlan, PowerCut, SimDisk, SplitMix};

const PATH: &str = "config/meta.log";

fn put(log: &MetaLog, key: &str, value: &str, durability: Durability) {
    let change = (key.to_owned(), Some(value.as_bytes().to_vec()));
    log.put(&[change], durability).expect("put");
}

fn text(entries: &BTreeMap<String, Vec<u8>>) -> String {
    let shown =
        entries.iter().map(|(key, value)| format!("{key}={}", String::from_utf8_lossy(value)));
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn changes_are_there_after_opening_again() {
    let disk = SimDisk::new();
    let log = MetaLog::open(&disk, PATH).expect("opened");
    put(&log, "a", "1", Durability::PageCache);
    put(&log, "b", "2", Durability::Disk);
    log.put(&[("a".to_owned(), None), ("c".to_owned(), Some(vec![]))], Durability::Disk)
        .expect("put");
    assert_eq!(text(&log.current()), "b=2 c=");
    assert_eq!((log.value("b"), log.value("a")), (Some(b"2".to_vec()), None));
    let again = MetaLog::open(&disk, PATH).expect("opened");
    assert_eq!((text(again.entries()).as_str(), again.dropped_bytes()), ("b=2 c=", 0));
}

#[test]
fn power_cut_keeps_durable_puts_and_each_put_whole() {
    for seed in 0..300 {
        let mut random = SplitMix(seed);
        let disk = SimDisk::new();
        let log = MetaLog::open(&disk, PATH).expect("opened");
        let mut states = vec![text(&log.current())];
        let mut durable = 0;
        for number in 0..1 + random.below(20) {
            let durability =
                if random.below(4) == 0 { Durability::Disk } else { Durability::PageCache };
            let change = |key: &str| {
                let value =
                    format!("{number}-{}", "x".repeat(usize::try_from(seed).expect("small")));
                (key.to_owned(), Some(value.into_bytes()))
            };
            log.put(&[change("one"), change("two")], durability).expect("put");
            states.push(text(&log.current()));
            if durability == Durability::Disk {
                durable = states.len() - 1;
            }
        }
        let found = disk.crash(PowerCut::TearUnsynced { seed });
        let again = MetaLog::open(&found, PATH).expect("opened");
        let kept = text(again.entries());
        let place = states.iter().position(|state| *state == kept);
        assert!(place.is_some_and(|place| place >= durable), "seed {seed}: {kept}");
        put(&again, "three", "3", Durability::Disk);
        let after = MetaLog::open(&found.crash(PowerCut::LoseUnsynced), PATH).expect("opened");
        assert_eq!(after.value("three"), Some(b"3".to_vec()), "seed {seed}");
    }
}

#[test]
fn damage_of_durable_records_is_named_with_its_place() {
    let disk = SimDisk::new();
    let log = MetaLog::open(&disk, PATH).expect("opened");
    put(&log, "a", "1", Durability::Disk);
    let second = disk.content(PATH).expect("there").len();
    put(&log, "b", "2", Durability::Disk);
    let third = disk.content(PATH).expect("there").len();
    put(&log, "c", "3", Durability::Disk);
    let end = disk.content(PATH).expect("there").len();
    for byte in 8..end {
        let found = disk.crash(PowerCut::KeepAll);
        found.flip_bit(PATH, byte, 5);
        match MetaLog::open(&found, PATH) {
            Err(MetaError::Damaged { at, .. }) => {
                assert!(byte < third);
                assert_eq!(at, if byte < second { 8 } else { second as u64 });
            }
            // Nothing behind the last one says that it was on disk.
            Ok(log) => {
                assert!(byte >= third);
                assert_eq!(text(log.entries()), "a=1 b=2");
            }
            Err(other) => panic!("byte {byte}: {other}"),
        }
    }
}

#[test]
fn compaction_keeps_the_contents_and_bounds_the_file() {
    let disk = SimDisk::new();
    let log = MetaLog::open(&disk, PATH).expect("opened");
    for round in 0..2_000 {
        put(&log, &format!("group-{}", round % 10), &"v".repeat(500), Durability::PageCache);
        assert!(disk.content(PATH).expect("there").len() < 400_000);
    }
    put(&log, "last", "1", Durability::Disk);
    let again = MetaLog::open(&disk.crash(PowerCut::LoseUnsynced), PATH).expect("opened");
    assert_eq!(again.entries(), &log.current());
    assert_eq!(again.entries().len(), 11);
}

#[test]
fn failing_each_operation_keeps_what_was_durable() {
    let script = |disk: &SimDisk| -> usize {
        let Ok(log) = MetaLog::open(disk, PATH) else { return 0 };
        let mut durable = 0;
        for number in 0..400 {
            let change = ("key".to_owned(), Some(format!("{number:>2000}").into_bytes()));
            if log.put(&[change], Durability::Disk).is_ok() {
                durable = number + 1;
            }
        }
        durable
    };
    let counted = SimDisk::new();
    script(&counted);
    for op in (1..=counted.ops()).step_by(7) {
        for fault in [Fault::Eio, Fault::NoSpace] {
            let disk = SimDisk::new();
            disk.plan(FaultPlan::Once { op, fault });
            let durable = script(&disk);
            let found = disk.crash(PowerCut::TearUnsynced { seed: op });
            let log = MetaLog::open(&found, PATH).expect("opened");
            let value = log.value("key").map_or(0, |value| {
                String::from_utf8_lossy(&value).trim().parse::<usize>().expect("a number") + 1
            });
            assert!(value >= durable, "op {op} {fault:?}: {value} < {durable}");
        }
    }
}

#[test]
fn foreign_file_is_not_taken_for_a_log() {
    let disk = SimDisk::new();
    disk.create_dir("config").expect("made");
    disk.put(PATH, b"{\"topicConfigTable\":{}}".to_vec());
    assert!(matches!(MetaLog::open(&disk, PATH), Err(MetaError::Damaged { at: 0, .. })));
}

#[test]
fn opening_and_putting_into_the_page_cache_wait_for_no_sync() {
    let disk = SimDisk::new();
    disk.hold_syncs();
    let log = MetaLog::open(&disk, PATH).expect("opened");
    put(&log, "a", "1", Durability::PageCache);
    let killed = disk.crash(PowerCut::KeepAll);
    killed.hold_syncs();
    let again = MetaLog::open(&killed, PATH).expect("opened");
    assert_eq!(text(again.entries()), "a=1");
    assert!(again.wants_sync(), "what was read is not on disk yet");
    assert_eq!(disk.crash(PowerCut::LoseUnsynced).content(PATH), None);
    for (disk, log) in [(&disk, &log), (&killed, &again)] {
        disk.release_syncs();
        log.sync().expect("synced");
        assert!(!log.wants_sync());
        let found = disk.crash(PowerCut::LoseUnsynced);
        assert_eq!(text(MetaLog::open(&found, PATH).expect("opened").entries()), "a=1");
    }
}
