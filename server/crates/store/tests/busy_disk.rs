//! A disk that is busy with the writes of others: who waits for it, and what a power cut may find.
mod common;

use common::*;
use remora_store::sim_disk::{PowerCut, SimDisk, SplitMix};
use remora_store::{FlushMode, Store};

/// Bodies that fill a segment with ten of them.
fn large_body(number: usize) -> Vec<u8> {
    [body(number).as_slice(), &[b' '; 1_400]].concat()
}

fn append_numbers(store: &Store, numbers: std::ops::Range<usize>) {
    let queue = store.queue("T", 0);
    for number in numbers {
        append(store, &queue, &large_body(number)).expect("appended");
    }
}

/// Asserts that the messages from 0 on are there, at least `count_min` of them.
fn assert_prefix(store: &Store, count_min: usize, hint: &str) -> usize {
    let kept = bodies(store, &store.queue("T", 0), 0);
    assert!(kept.len() >= count_min, "{hint}: {} of {count_min} kept", kept.len());
    let expected: Vec<_> = (0..kept.len()).map(large_body).collect();
    assert_eq!(kept, expected, "{hint}");
    kept.len()
}

#[test]
fn start_and_first_messages_wait_for_no_sync() {
    for flush in [FlushMode::Async, FlushMode::Sync] {
        let (bench, disk) = Bench::sim(flush);
        disk.hold_syncs();
        let (store, _) = bench.open();
        append_numbers(&store, 0..5);
        let (answer, answered) = std::sync::mpsc::channel();
        let end = store.log_status().physical_offset_max;
        store.when_flushed(end, Box::new(move |result| answer.send(result).expect("heard")));
        assert!(answered.try_recv().is_err(), "nothing is flushed yet");
        let killed = kill(&disk);
        killed.hold_syncs();
        let after_kill = bench.with_disk(&killed);
        if flush == FlushMode::Async {
            let (again, report) = after_kill.open();
            assert_eq!((report.clean_stop, report.records_checked), (false, 5));
            assert_prefix(&again, 5, "after a kill");
            append_numbers(&again, 5..7);
            killed.release_syncs();
        }
        disk.release_syncs();
        answered.recv().expect("answered").expect("flushed");
        let found = disk.crash(PowerCut::LoseUnsynced);
        let (store, _) = bench.after_reboot().with_disk(&found).open();
        store.flush().expect("flushed");
        assert_prefix(&store, 5, "what was flushed");
    }
}

#[test]
fn start_after_a_clean_stop_waits_for_no_sync() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    append_numbers(&store, 0..25);
    store.close();
    disk.hold_syncs();
    let (store, report) = bench.open();
    assert!(report.clean_stop);
    append_numbers(&store, 25..28);
    disk.release_syncs();
    assert_prefix(&store, 28, "all");
}

#[test]
fn power_cut_at_any_time_of_a_new_store_keeps_a_prefix_with_all_that_was_flushed() {
    for seed in 0..150 {
        for flush in [FlushMode::Async, FlushMode::Sync] {
            let mut random = SplitMix(seed);
            let (bench, disk) = Bench::sim(flush);
            if random.coin() {
                disk.hold_syncs();
            }
            let (store, _) = bench.open();
            // Without syncs one segment is all there may be.
            let count = usize::try_from(random.below(10)).expect("small");
            append_numbers(&store, 0..count);
            let mut flushed = 0;
            if random.coin() {
                disk.release_syncs();
                store.flush().expect("flushed");
                append_numbers(&store, count..count + 25);
                flushed = count;
            }
            assert_survives(&bench, &disk, flushed, seed);
        }
    }
}

#[test]
fn power_cut_at_any_time_after_a_clean_start_keeps_a_prefix_with_all_that_was_flushed() {
    for seed in 0..150 {
        let mut random = SplitMix(seed);
        let (bench, disk) = Bench::sim(FlushMode::Async);
        let (store, _) = bench.open();
        append_numbers(&store, 0..15);
        store.close();
        drop(store);
        // What stands behind the end of the log was written before, and is overwritten in place.
        disk.hold_syncs();
        let (store, _) = bench.open();
        append_numbers(&store, 15..16 + usize::try_from(random.below(5)).expect("small"));
        assert_survives(&bench, &disk, 15, seed);
    }
}

/// The store opens after a power cut, has what was flushed, takes messages, and opens again.
fn assert_survives(bench: &Bench, disk: &SimDisk, flushed: usize, seed: u64) {
    let cuts = [PowerCut::LoseUnsynced, PowerCut::TearUnsynced { seed }];
    let found = cuts.map(|cut| (cut, disk.crash(cut)));
    // The store that was cut off closes behind a failing assertion too.
    disk.release_syncs();
    for (cut, found) in found {
        let hint = format!("seed {seed}, {cut:?}");
        let bench = bench.after_reboot().with_disk(&found);
        let (store, _) = bench.open();
        store.flush().expect("flushed");
        let kept = assert_prefix(&store, flushed, &hint);
        append_numbers(&store, kept..kept + 12);
        store.flush().expect("flushed");
        let again = found.crash(PowerCut::TearUnsynced { seed });
        let (store, _) = bench.with_disk(&again).open();
        store.flush().expect("flushed");
        assert_prefix(&store, kept + 12, &hint);
    }
}
