//! What those need who derive something from the log: records kept from retention, and the log read
//! again in order.
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Bench, FIRST_SEGMENT, SEGMENT_BYTES, append, body};
use remora_store::{FlushMode, QueueEntry};

/// A store with four segments that are older than retention.
fn old_segments() -> (Bench, remora_store::Store) {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    for _ in 0..9 {
        append(&store, &queue, &[1; 7_000]).expect("appended");
    }
    bench.clock.advance(100 * 3_600_000);
    append(&store, &queue, b"new").expect("appended");
    (bench, store)
}

#[test]
fn retention_stops_at_what_is_kept_asks_for_it_and_goes_on_when_it_is_let_go() {
    let (_, store) = old_segments();
    let asked = Arc::new(AtomicU64::new(0));
    let told = asked.clone();
    store.keep_from("test", SEGMENT_BYTES + 5);
    store.keep_from("other", 3 * SEGMENT_BYTES);
    store.on_retention_wanted(Arc::new(move |below| told.store(below, Ordering::SeqCst)));
    assert_eq!(store.expire_now(), 1);
    assert_eq!(store.log_status().physical_offset_min, SEGMENT_BYTES);
    assert_eq!(asked.load(Ordering::SeqCst), 4 * SEGMENT_BYTES);
    assert_eq!(store.retention_wanted(), 4 * SEGMENT_BYTES);
    assert_eq!(store.expire_now(), 0);
    store.keep_from("test", u64::MAX);
    assert_eq!(store.expire_now(), 2);
    store.keep_from("other", u64::MAX);
    assert_eq!(store.expire_now(), 1);
}

#[test]
fn whoever_is_asked_may_let_go_at_once() {
    let (_, store) = old_segments();
    let store = Arc::new(store);
    store.keep_from("test", 0);
    let asked = Arc::downgrade(&store);
    store.on_retention_wanted(Arc::new(move |below| {
        asked.upgrade().expect("open").keep_from("test", below);
    }));
    assert_eq!(store.expire_now(), 4);
}

#[test]
fn records_are_read_again_from_any_boundary_over_segments_and_a_corrupt_one_is_stepped_over() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let places: Vec<u64> = (0..300)
        .map(|number| append(&store, &queue, &body(number)).expect("appended").physical_offset)
        .collect();
    let end = store.log_status().physical_offset_max;
    assert!(end > 2 * SEGMENT_BYTES, "the test needs several segments");
    let read = |store: &remora_store::Store, from: usize| {
        let mut found = Vec::new();
        let reached = store.records_from(places[from], &mut |record, at| {
            found.push((at, record.body.to_vec()));
        });
        assert_eq!(reached, Ok(end));
        found
    };
    let expected: Vec<_> = places.iter().copied().zip((0..300).map(body)).collect();
    assert_eq!(read(&store, 0), expected);
    assert_eq!(read(&store, 117), expected[117..]);
    assert_eq!(store.records_from(end, &mut |_, _| panic!("nothing is there")), Ok(end));
    // In the body of the second record.
    let at = usize::try_from(places[2]).expect("small") - 60;
    assert!(disk.flip_bit(FIRST_SEGMENT, at, 0));
    let mut left = expected;
    left.remove(1);
    assert_eq!(read(&store, 0), left);
}

#[test]
fn queue_entries_are_those_that_may_be_shown() {
    let (bench, disk) = Bench::sim(FlushMode::Sync);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    // Else the flush thread may have shown it before it is looked for.
    disk.hold_syncs();
    let first = append(&store, &queue, b"1").expect("appended");
    let mut entries = [QueueEntry::default(); 4];
    assert_eq!(store.queue_entries(&queue, 0, &mut entries), Ok(0));
    disk.release_syncs();
    store.flush().expect("flushed");
    assert_eq!(store.queue_entries(&queue, 0, &mut entries), Ok(1));
    assert_eq!(entries[0].physical_offset, first.physical_offset);
    assert_eq!(store.queue_entries(&queue, 1, &mut entries), Ok(0));
}
