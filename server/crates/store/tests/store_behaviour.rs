//! Append, read, filter, search and query on both disks.
mod common;

use common::*;
use remora_protocol::java_hash;
use remora_protocol::record::{self, Draft};
use remora_protocol::sys_flag;
use remora_store::store::IndexGeometry;
use remora_store::{
    AppendBatch, AppendError, Appended, Boundary, FlushMode, ReadLimits, ReadStatus, Store, Waiting,
};

/// Runs a behaviour on the simulated and the real disk, with both flush modes.
fn on_all(behaviour: impl Fn(&Bench)) {
    for flush in [FlushMode::Async, FlushMode::Sync] {
        behaviour(&Bench::sim(flush).0);
        let root = tempfile::tempdir().expect("a temporary directory");
        behaviour(&Bench::files(root.path(), flush));
    }
}

#[test]
fn appended_messages_are_read_in_order_from_their_queue() {
    on_all(|bench| {
        let (store, report) = bench.open();
        assert!(report.clean_stop);
        let queues = [store.queue("T", 0), store.queue("T", 1), store.queue("U", 0)];
        for number in 0..300 {
            append(&store, &queues[number % 3], &body(number)).expect("appended");
        }
        store.flush().expect("flushed");
        for (index, queue) in queues.iter().enumerate() {
            let expected: Vec<_> = (0..300).filter(|n| n % 3 == index).map(body).collect();
            assert_eq!(bodies(&store, queue, 0), expected);
            assert_eq!((store.queue_offset_min(queue), store.queue_offset_max(queue)), (0, 100));
        }
        // The same from files instead of memory.
        store.checkpoint().expect("written out");
        assert_eq!(bodies(&store, &queues[1], 40).len(), 60);
        assert_eq!(read(&store, &queues[1], 97).message_count, 3);
    });
}

#[test]
fn two_batches_keep_their_order_and_get_consecutive_offsets() {
    on_all(|bench| {
        let (store, _) = bench.open();
        let (first, second) = (store.queue("T", 0), store.queue("T", 1));
        let mut batch = AppendBatch::new();
        for round in 0..2_u64 {
            batch.clear();
            for number in 0..4 {
                let queue = if number == 3 { &second } else { &first };
                batch.push(queue, &draft(queue, &body(number), b""));
            }
            let end = store.append(&mut batch).expect("appended");
            let offsets: Vec<u64> = batch.appended().iter().map(|one| one.queue_offset).collect();
            assert_eq!(offsets, [3 * round, 3 * round + 1, 3 * round + 2, round]);
            let mut at = batch.appended()[0].physical_offset;
            for one in batch.appended() {
                assert_eq!(one.physical_offset, at);
                at += u64::from(one.record_bytes);
            }
            assert_eq!(at, end);
        }
    });
}

#[test]
fn neighbours_come_as_one_slice_and_small_ones_are_copied_together() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let (queue, other) = (store.queue("T", 0), store.queue("T", 1));
    let (small, large) = (vec![1; 100], vec![2; 3_000]);
    let runs = [vec![&large], vec![&small], vec![&small], vec![&large, &small], vec![&small]];
    for run in &runs {
        for body in run {
            append(&store, &queue, body).expect("appended");
        }
        append(&store, &other, b"between").expect("appended");
    }
    let outcome = read(&store, &queue, 0);
    let slices: Vec<_> = outcome.slices.iter().map(|slice| bodies_in(slice)).collect();
    let expected = [
        vec![large.clone()],
        vec![small.clone(), small.clone()],
        vec![large, small.clone()],
        vec![small],
    ];
    assert_eq!(slices, expected);
    assert_eq!((outcome.status, outcome.message_count), (ReadStatus::Found, 6));
    let bytes: usize = outcome.slices.iter().map(|slice| slice.len()).sum();
    assert_eq!(usize::try_from(outcome.bytes), Ok(bytes));
}

#[test]
fn records_out_of_memory_are_left_to_a_read_that_may_wait() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    for number in 0..12 {
        append(&store, &queue, &[number; 1_000]).expect("appended");
    }
    append(&store, &queue, b"the last").expect("appended");
    let in_memory = |queue_offset| {
        let read = store.read_as(&queue, queue_offset, LIMITS, &mut |_| true, Waiting::Never);
        let outcome = read.expect("read");
        (outcome.status, outcome.message_count, outcome.queue_offset_next)
    };
    assert_eq!(in_memory(0), (ReadStatus::Found, 13, 13));
    // All but the first page: it ends in the fourth record.
    disk.evict(FIRST_SEGMENT, 4_096);
    assert_eq!(in_memory(0), (ReadStatus::Found, 3, 3));
    assert_eq!(in_memory(3), (ReadStatus::NotInMemory, 0, 3));
    // What was written last is there whatever the disk says.
    assert_eq!(in_memory(12), (ReadStatus::Found, 1, 13));
    assert_eq!(bodies(&store, &queue, 3).len(), 10);
    // The read that waited had the disk read ahead.
    assert_eq!(in_memory(3), (ReadStatus::Found, 10, 13));
    // After a start nothing is taken to be in memory.
    drop(store);
    let (store, _) = bench.open();
    disk.evict(FIRST_SEGMENT, 0);
    let queue = store.queue("T", 0);
    let read = store.read_as(&queue, 12, LIMITS, &mut |_| true, Waiting::Never);
    assert_eq!(read.expect("read").status, ReadStatus::NotInMemory);
}

#[test]
fn reads_stop_at_each_limit() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let mut size = 0;
    for number in 0..10 {
        size = append(&store, &queue, &body(number)).expect("appended").record_bytes;
    }
    let get = |messages_max, bytes_max, entries_scanned_max| {
        let limits = ReadLimits { messages_max, bytes_max, entries_scanned_max };
        let outcome = store.read(&queue, 0, limits, &mut |_| true).expect("read");
        (outcome.message_count, outcome.queue_offset_next)
    };
    assert_eq!(get(4, u32::MAX, 100), (4, 4));
    assert_eq!(get(100, 3 * size, 100), (3, 3));
    assert_eq!(get(100, 1, 100), (1, 1), "the first message comes however large it is");
    assert_eq!(get(100, u32::MAX, 6), (6, 6));
    assert_eq!(get(100, u32::MAX, 100), (10, 10));
}

#[test]
fn filter_sees_tag_codes_and_says_where_to_go_on() {
    on_all(|bench| {
        let (store, _) = bench.open();
        let queue = store.queue("T", 0);
        for number in 0..20 {
            let tag = if number % 5 == 0 { "Rare" } else { "Common" };
            append_with(&store, &queue, &body(number), &properties(tag, "k")).expect("appended");
        }
        store.flush().expect("flushed");
        let rare = java_hash::tags_code(b"Rare");
        let outcome = store.read(&queue, 0, LIMITS, &mut |code| code == rare).expect("read");
        let found: Vec<_> = outcome.slices.iter().flat_map(|slice| bodies_in(slice)).collect();
        assert_eq!(found, [body(0), body(5), body(10), body(15)]);
        assert_eq!(outcome.queue_offset_next, 20);
        let none = store.read(&queue, 3, LIMITS, &mut |_| false).expect("read");
        assert_eq!((none.status, none.queue_offset_next), (ReadStatus::NoMatched, 20));
    });
}

#[test]
fn offsets_outside_the_queue_are_told_apart() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    assert_eq!(read(&store, &queue, 0).status, ReadStatus::NoMessageInQueue);
    assert!(store.existing_queue("T", 0).is_none());
    append(&store, &queue, b"x").expect("appended");
    assert!(store.existing_queue("T", 0).is_some());
    assert_eq!(read(&store, &queue, 1).status, ReadStatus::OffsetAtEnd);
    let beyond = read(&store, &queue, 7);
    assert_eq!((beyond.status, beyond.queue_offset_next), (ReadStatus::OffsetTooLarge, 1));
    assert_eq!(store.queues(), [("T".into(), 0)]);
}

#[test]
fn segments_roll_with_a_blank_and_no_record_crosses_files() {
    on_all(|bench| {
        let (store, _) = bench.open();
        let queue = store.queue("T", 0);
        let large = vec![7; 5_000];
        let mut batch = AppendBatch::new();
        for _ in 0..10 {
            batch.push(&queue, &draft(&queue, &large, b""));
        }
        store.append(&mut batch).expect("appended");
        let places: Vec<Appended> = batch.appended().to_vec();
        for one in &places {
            let last = one.physical_offset + u64::from(one.record_bytes) - 1;
            assert_eq!(one.physical_offset / SEGMENT_BYTES, last / SEGMENT_BYTES);
        }
        assert!(places[9].physical_offset > 2 * SEGMENT_BYTES);
        store.flush().expect("flushed");
        assert!(places.iter().all(|one| store.message_at(one.physical_offset).is_ok()));
        assert!(store.message_at(places[1].physical_offset + 1).is_err());
        assert_eq!(bodies(&store, &queue, 0), vec![large; 10]);
        store.close();
        let (store, report) = bench.open();
        assert!(report.clean_stop && report.truncated_bytes == 0);
        assert_eq!(bodies(&store, &store.queue("T", 0), 0).len(), 10);
    });
}

#[test]
fn record_larger_than_a_segment_is_refused_and_nothing_of_its_batch_is_stored() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let mut batch = AppendBatch::new();
    batch.push(&queue, &draft(&queue, b"small", b""));
    batch.push(&queue, &draft(&queue, &vec![0; 20_000], b""));
    let refused = store.append(&mut batch);
    let record_bytes_max = usize::try_from(SEGMENT_BYTES).expect("fits") - 8;
    let Err(AppendError::TooLarge { record_bytes_max: told, .. }) = refused else {
        panic!("not refused as too large: {refused:?}");
    };
    assert_eq!(told, record_bytes_max);
    assert_eq!(store.queue_offset_max(&queue), 0);
}

#[test]
fn time_search_finds_both_boundaries() {
    on_all(|bench| {
        let (store, _) = bench.open();
        let queue = store.queue("T", 0);
        // Store times: 0 0 0 10 10 30, from NOW_MS.
        for at in [0, 0, 0, 10, 10, 30] {
            bench.clock.set(NOW_MS + at);
            append(&store, &queue, b"x").expect("appended");
        }
        store.flush().expect("flushed");
        let at = |ms, boundary| store.offset_by_time(&queue, NOW_MS + ms, boundary);
        let lower: Vec<u64> =
            [-5, 0, 5, 10, 20, 30, 31].into_iter().map(|ms| at(ms, Boundary::Lower)).collect();
        assert_eq!(lower, [0, 0, 3, 3, 5, 5, 6]);
        let upper: Vec<u64> =
            [-5, 0, 5, 10, 20, 30, 31].into_iter().map(|ms| at(ms, Boundary::Upper)).collect();
        assert_eq!(upper, [0, 2, 2, 4, 4, 5, 5]);
        assert_eq!(store.store_time_at(&queue, 3), Some(NOW_MS + 10));
        assert_eq!(store.store_time_at(&queue, 6), None);
    });
}

#[test]
fn store_timestamps_never_decrease_when_the_clock_does() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    append(&store, &queue, b"x").expect("appended");
    bench.clock.set(NOW_MS - 86_400_000);
    assert_eq!(append(&store, &queue, b"y").expect("appended").store_timestamp_ms, NOW_MS);
    store.close();
    let (store, _) = bench.open();
    let later = append(&store, &store.queue("T", 0), b"z").expect("appended");
    assert_eq!(later.store_timestamp_ms, NOW_MS, "nor over a restart");
}

#[test]
fn key_query_finds_unique_keys_and_words_newest_first() {
    on_all(|bench| {
        let (store, _) = bench.open();
        let queue = store.queue("T", 0);
        // More keys than one index file takes, so that files roll.
        for number in 0..400 {
            bench.clock.set(NOW_MS + 1_000 * i64::try_from(number).expect("small"));
            let properties = format!(
                "KEYS\u{1}order-{number} group-{}\u{2}UNIQ_KEY\u{1}U{number}\u{2}",
                number % 100
            );
            append_with(&store, &queue, &body(number), properties.as_bytes()).expect("appended");
        }
        store.flush().expect("flushed");
        store.catch_up_index().expect("indexed");
        let query = |key: &str, max, begin, end| -> Vec<Vec<u8>> {
            let found = store.query_by_key("T", key, max, begin, end).expect("queried");
            found.iter().flat_map(|slice| bodies_in(slice)).collect()
        };
        assert_eq!(query("U7", 32, 0, i64::MAX), [body(7)]);
        assert_eq!(query("order-399", 32, 0, i64::MAX), [body(399)]);
        let all = [body(342), body(242), body(142), body(42)];
        assert_eq!(query("group-42", 32, 0, i64::MAX), all);
        assert_eq!(query("group-42", 2, 0, i64::MAX), all[..2]);
        assert_eq!(query("group-42", 32, NOW_MS + 142_000, NOW_MS + 242_000), all[1..3]);
        assert_eq!(query("nobody", 32, 0, i64::MAX), Vec::<Vec<u8>>::new());
        assert_eq!(store.query_by_key("U", "U7", 32, 0, i64::MAX).expect("queried").len(), 0);
        store.close();
        let (store, _) = bench.open();
        assert_eq!(store.query_by_key("T", "U7", 32, 0, i64::MAX).expect("queried").len(), 1);
    });
}

#[test]
fn half_messages_are_in_the_log_and_in_no_queue() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let mut batch = AppendBatch::new();
    let plain = draft(&queue, b"half", b"");
    batch.push(&queue, &Draft { sys_flag: sys_flag::TRANSACTION_PREPARED, ..plain });
    batch.push(&queue, &Draft { sys_flag: sys_flag::TRANSACTION_COMMIT, body: b"done", ..plain });
    store.append(&mut batch).expect("appended");
    assert_eq!(bodies(&store, &queue, 0), [b"done".to_vec()]);
    let half = store.message_at(batch.appended()[0].physical_offset).expect("in the log");
    assert_eq!(record::decode(&half).expect("sound").body, b"half");
}

#[test]
fn sync_flush_shows_nothing_that_is_not_flushed() {
    let (bench, _) = Bench::sim(FlushMode::Sync);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let (done, finished) = std::sync::mpsc::channel();
    for number in 0..5 {
        append(&store, &queue, &body(number)).expect("appended");
        let done = done.clone();
        let end = store.log_status().physical_offset_max;
        store.when_flushed(end, Box::new(move |result| done.send(result).expect("received")));
        finished.recv().expect("called").expect("flushed");
        let status = store.log_status();
        assert!(status.flushed_offset >= end);
        assert_eq!(store.queue_offset_max(&queue), number as u64 + 1);
    }
}

#[test]
fn deleted_topic_starts_over_and_old_references_follow() {
    on_all(|bench| {
        let (store, _) = bench.open();
        let queue = store.queue("T", 0);
        for number in 0..60 {
            append(&store, &queue, &body(number)).expect("appended");
        }
        store.checkpoint().expect("written out");
        store.delete_topic("T");
        assert_eq!(store.queues(), []);
        let again = append(&store, &queue, b"again").expect("appended");
        assert_eq!(again.queue_offset, 0);
        store.flush().expect("flushed");
        assert_eq!(bodies(&store, &store.queue("T", 0), 0), [b"again".to_vec()]);
        assert_eq!(bodies(&store, &queue, 0), [b"again".to_vec()]);
        assert_eq!(store.queue_offset_max(&queue), 1);
        store.close();
        let (store, _) = bench.open();
        assert_eq!(bodies(&store, &store.queue("T", 0), 0), [b"again".to_vec()]);
    });
}

#[test]
fn closed_store_refuses_appends() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    store.close();
    assert_eq!(append(&store, &queue, b"x"), Err(AppendError::Closed));
}

#[test]
fn store_dropped_by_its_own_flush_callback_closes() {
    let (bench, disk) = Bench::sim(FlushMode::Sync);
    let (store, _) = bench.open();
    let store = std::sync::Arc::new(store);
    let queue = store.queue("T", 0);
    append(&store, &queue, b"x").expect("appended");
    let end = store.log_status().physical_offset_max;
    let (done, finished) = std::sync::mpsc::channel();
    let kept = store.clone();
    store.when_flushed(
        end,
        Box::new(move |_| {
            drop(kept);
            done.send(()).expect("heard");
        }),
    );
    drop(store);
    finished.recv().expect("called");
    // Either drop was the last; both leave a directory that opens.
    let (store, _) = bench.with_disk(&kill(&disk)).open();
    assert_eq!(bodies(&store, &store.queue("T", 0), 0), [b"x".to_vec()]);
}

#[test]
fn keys_that_the_index_thread_had_no_room_for_are_found_all_the_same() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let mut bench = bench;
    bench.config.commit_log_segment_bytes = 1 << 20;
    let mut environment = bench.environment();
    environment.index_geometry = IndexGeometry { slots: 65_536, entries: 262_144 };
    let (store, _) = Store::open_in(&bench.config, environment).expect("opened");
    let queue = store.queue("T", 0);
    // More keys in one batch than may wait for the index.
    let words: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
    let many = format!("KEYS\u{1}{}\u{2}", words.join(" "));
    let one = |key: &str| format!("KEYS\u{1}{key}\u{2}");
    let mut batch = AppendBatch::new();
    for properties in [one("before"), many.clone(), one("between")] {
        append_with(&store, &queue, b"x", properties.as_bytes()).expect("appended");
    }
    for _ in 0..14 {
        batch.push(&queue, &draft(&queue, b"x", many.as_bytes()));
    }
    batch.push(&queue, &draft(&queue, b"x", one("last").as_bytes()));
    store.append(&mut batch).expect("appended");
    append_with(&store, &queue, b"x", one("after").as_bytes()).expect("appended");
    store.catch_up_index().expect("indexed");
    for (key, count) in [("before", 1), ("between", 1), ("4999", 15), ("last", 1), ("after", 1)] {
        let found = store.query_by_key("T", key, 32, 0, i64::MAX).expect("queried");
        assert_eq!(found.len(), count, "key {key}");
    }
    assert_eq!(store.log_status().indexed_offset, store.log_status().physical_offset_max);
}

#[test]
fn records_for_a_deleted_topic_and_its_successor_share_one_queue() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let (former, other) = (store.queue("T", 0), store.queue("U", 0));
    append(&store, &former, b"gone").expect("appended");
    store.delete_topic("T");
    let successor = store.queue("T", 0);
    let mut batch = AppendBatch::new();
    for round in 0..2 {
        batch.clear();
        for (number, queue) in [&former, &other, &successor, &former, &other].iter().enumerate() {
            batch.push(queue, &draft(queue, &body(5 * round + number), b""));
        }
        store.append(&mut batch).expect("appended");
        let offsets: Vec<_> = batch.appended().iter().map(|one| one.queue_offset).collect();
        let (t, u) = (3 * round as u64, 2 * round as u64);
        assert_eq!(offsets, [t, u, t + 1, t + 2, u + 1]);
    }
    let numbered = |numbers: &[usize]| numbers.iter().map(|one| body(*one)).collect::<Vec<_>>();
    assert_eq!(bodies(&store, &successor, 0), numbered(&[0, 2, 3, 5, 7, 8]));
    assert_eq!(bodies(&store, &other, 0), numbered(&[1, 4, 6, 9]));
}
