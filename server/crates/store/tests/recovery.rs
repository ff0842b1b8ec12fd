//! Starting again after kills, power cuts, damage, and in directories that are not ours.
mod common;

use common::*;
use remora_store::disk::{Access, Disk};
use remora_store::sim_disk::{PowerCut, SimDisk};
use remora_store::{FlushMode, OpenError, ReadStatus, Store, StoreConfig};

fn fill(store: &Store, count: usize) {
    for number in 0..count {
        let queue = store.queue(if number % 3 == 0 { "U" } else { "T" }, 0);
        let properties = properties("TagA", &format!("key-{number}"));
        append_with(store, &queue, &body(number), &properties).expect("appended");
    }
}

fn expected(topic: &str, count: usize) -> Vec<Vec<u8>> {
    (0..count).filter(|number| (number % 3 == 0) == (topic == "U")).map(body).collect()
}

fn assert_filled(store: &Store, count: usize) {
    for topic in ["T", "U"] {
        assert_eq!(bodies(store, &store.queue(topic, 0), 0), expected(topic, count), "{topic}");
    }
    store.catch_up_index().expect("indexed");
    for number in (0..count).step_by(7) {
        let topic = if number % 3 == 0 { "U" } else { "T" };
        let key = format!("key-{number}");
        let found = store.query_by_key(topic, &key, 10, 0, i64::MAX).expect("queried");
        assert_eq!(found.len(), 1, "{key}");
    }
}

#[test]
fn killed_store_has_everything_after_restart() {
    for count in [1, 40, 400] {
        let (bench, disk) = Bench::sim(FlushMode::Async);
        let (store, _) = bench.open();
        fill(&store, count / 2);
        store.catch_up_index().expect("indexed");
        store.checkpoint().expect("checkpoint");
        for number in count / 2..count {
            let queue = store.queue(if number % 3 == 0 { "U" } else { "T" }, 0);
            let properties = properties("TagA", &format!("key-{number}"));
            append_with(&store, &queue, &body(number), &properties).expect("appended");
        }
        let (store, report) = bench.with_disk(&kill(&disk)).open();
        assert!(!report.clean_stop && !report.queues_rebuilt);
        assert_eq!(report.truncated_bytes, 0);
        assert_filled(&store, count);
        let next = append(&store, &store.queue("T", 0), b"next").expect("appended");
        assert_eq!(next.queue_offset, expected("T", count).len() as u64);
    }
}

#[test]
fn copied_directory_of_a_running_store_opens_and_has_everything() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let bench = Bench::files(root.path(), FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 100);
    store.checkpoint().expect("checkpoint");
    fill(&store, 3);
    let copy = tempfile::tempdir().expect("a temporary directory");
    copy_tree(root.path(), copy.path());
    let copied = Bench::files(copy.path(), FlushMode::Async);
    let (copied, report) = copied.open();
    assert!(!report.clean_stop);
    assert_eq!(copied.queue_offset_max(&copied.queue("T", 0)), 68);
    assert_eq!(copied.queue_offset_max(&copied.queue("U", 0)), 35);
}

fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

#[test]
fn clean_stop_is_found_again_and_reads_only_the_tail() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 200);
    store.close();
    let (store, report) = bench.open();
    assert!(report.clean_stop && !report.queues_rebuilt);
    assert_filled(&store, 200);
}

#[test]
fn restart_does_not_read_what_lies_before_the_tail() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let mut bench = Bench::files(root.path(), FlushMode::Async);
    bench.config = StoreConfig {
        commit_log_segment_bytes: 64 << 20,
        consume_queue_file_bytes: 6_000_000,
        message_index: false,
        ..bench.config
    };
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let mut batch = remora_store::AppendBatch::new();
    let count: u64 = 2_000_000;
    for round in 0..count / 1_000 {
        batch.clear();
        for _ in 0..1_000 {
            batch.push(&queue, &draft(&queue, b"0123456789", b""));
        }
        store.append(&mut batch).expect("appended");
        if round == 1_900 {
            store.checkpoint().expect("checkpoint");
        }
    }
    let killed = tempfile::tempdir().expect("a temporary directory");
    store.flush().expect("flushed");
    copy_tree(root.path(), killed.path());
    store.close();
    drop(store);
    let (store, report) = bench.open();
    assert!(report.clean_stop);
    // Two marks of one MiB and a batch each, at 150 bytes a record.
    assert!(report.records_checked < 20_000, "{report:?}");
    assert_eq!(store.queue_offset_max(&store.queue("T", 0)), count);
    drop(store);
    let after_kill =
        Bench { config: bench.config, ..Bench::files(killed.path(), FlushMode::Async) };
    let (store, report) = after_kill.open();
    assert!(!report.clean_stop);
    assert!(report.records_checked < 120_000, "{report:?}");
    let queue = store.queue("T", 0);
    assert_eq!(store.queue_offset_max(&queue), count);
    assert_eq!(read(&store, &queue, count - 3).message_count, 3);
}

/// The disk of a killed store with ten messages in the log and no checkpoint, and where each
/// begins.
fn ten_messages() -> (Bench, SimDisk, Vec<usize>, usize) {
    let (mut bench, disk) = Bench::sim(FlushMode::Async);
    bench.config.message_index = false;
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let mut starts = Vec::new();
    for number in 0..10 {
        let place = append(&store, &queue, &body(number)).expect("appended");
        starts.push(usize::try_from(place.physical_offset).expect("small"));
    }
    let end = usize::try_from(store.log_status().physical_offset_max).expect("small");
    (bench, kill(&disk), starts, end)
}

#[test]
fn torn_tail_at_every_byte_leaves_exactly_the_whole_records() {
    let (bench, killed, starts, end) = ten_messages();
    let whole = killed.content(FIRST_SEGMENT).expect("a file");
    let cuts = (starts[8]..end).flat_map(|cut| [0_u8, 0xAA, 0x20].map(|fill| (fill, cut)));
    for (fill_with, cut) in cuts {
        let mut torn = whole.clone();
        torn[cut..end].fill(fill_with);
        let disk = kill(&killed);
        let kept = if cut < starts[9] { 8 } else { 9 };
        let dropped = torn[starts[kept]..].iter().rposition(|byte| *byte != 0);
        let truncated_bytes = dropped.map_or(0, |last| last as u64 + 1);
        disk.put(FIRST_SEGMENT, torn);
        let (store, report) = bench.with_disk(&disk).open();
        let expected: Vec<_> = (0..kept).map(body).collect();
        let queue = store.queue("T", 0);
        assert_eq!(bodies(&store, &queue, 0), expected, "cut at {cut} with {fill_with:#x}");
        assert_eq!(report.truncated_bytes, truncated_bytes, "cut at {cut} with {fill_with:#x}");
        // The place is clean: what is appended is found again.
        append(&store, &queue, b"after").expect("appended");
        let (store, _) = bench.with_disk(&kill(&disk)).open();
        let queue = store.queue("T", 0);
        assert_eq!(bodies(&store, &queue, kept as u64), [b"after".to_vec()]);
    }
}

#[test]
fn flipped_bit_in_any_byte_of_the_log_is_found() {
    let (bench, killed, starts, end) = ten_messages();
    for byte in starts[3]..end {
        let disk = kill(&killed);
        assert!(disk.flip_bit(FIRST_SEGMENT, byte, u8::try_from(byte % 8).expect("a bit")));
        let record = starts.iter().rposition(|start| *start <= byte).expect("in a record");
        match bench.with_disk(&disk).try_open() {
            // Sound records follow and the page cache survived: damage.
            Err(OpenError::Corrupt { physical_offset, .. }) => {
                assert_eq!(usize::try_from(physical_offset), Ok(starts[record]));
                assert!(record < 9);
            }
            // The last record cannot be told from a torn write.
            Ok((store, report)) => {
                assert_eq!(record, 9, "byte {byte}");
                assert!(report.truncated_bytes > 0);
                let expected: Vec<_> = (0..9).map(body).collect();
                assert_eq!(bodies(&store, &store.queue("T", 0), 0), expected);
            }
            Err(other) => panic!("byte {byte}: {other}"),
        }
    }
}

#[test]
fn damage_below_the_checkpoint_is_refused_even_after_a_power_cut() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 20);
    store.checkpoint().expect("checkpoint");
    fill(&store, 5);
    for cut in [PowerCut::LoseUnsynced, PowerCut::KeepAll] {
        let found = disk.crash(cut);
        assert!(found.flip_bit(FIRST_SEGMENT, 300, 3));
        let opened = bench.after_reboot().with_disk(&found).try_open();
        let Err(OpenError::LostTail { physical_offset, .. }) = opened else {
            panic!("opened a damaged store");
        };
        assert!(physical_offset <= 300);
    }
}

#[test]
fn power_cut_beyond_the_checkpoint_loses_a_suffix_and_reports_it() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 30);
    store.checkpoint().expect("checkpoint");
    fill(&store, 30);
    for seed in 0..200 {
        let found = disk.crash(PowerCut::TearUnsynced { seed });
        let (store, _) = bench.after_reboot().with_disk(&found).open();
        for topic in ["T", "U"] {
            let mut all = expected(topic, 30);
            all.extend(expected(topic, 30));
            let kept = bodies(&store, &store.queue(topic, 0), 0);
            assert!(kept.len() >= expected(topic, 30).len(), "seed {seed}");
            assert_eq!(kept, all[..kept.len()], "seed {seed}");
        }
    }
}

#[test]
fn sync_flush_loses_nothing_acknowledged_in_a_power_cut() {
    for seed in 0..60_u64 {
        let (bench, disk) = Bench::sim(FlushMode::Sync);
        let (store, _) = bench.open();
        let queue = store.queue("T", 0);
        let (done, finished) = std::sync::mpsc::channel();
        let mut acknowledged = 0;
        for number in 0..12 + usize::try_from(seed).expect("small") {
            append(&store, &queue, &body(number)).expect("appended");
            if number % 4 == 3 {
                let done = done.clone();
                let end = store.log_status().physical_offset_max;
                store.when_flushed(end, Box::new(move |result| done.send(result).expect("heard")));
                finished.recv().expect("called").expect("flushed");
                acknowledged = number + 1;
            }
            if number == 9 && seed % 2 == 0 {
                store.checkpoint().expect("checkpoint");
                acknowledged = number + 1;
            }
        }
        let shown = bodies(&store, &queue, 0).len();
        let cut = match seed % 3 {
            0 => PowerCut::LoseUnsynced,
            _ => PowerCut::TearUnsynced { seed },
        };
        let found = disk.crash(cut);
        let (store, _) = bench.after_reboot().with_disk(&found).open();
        let queue = store.queue("T", 0);
        store.flush().expect("flushed");
        let kept = bodies(&store, &queue, 0);
        assert!(kept.len() >= acknowledged.max(shown), "seed {seed}: {} kept", kept.len());
        let expected: Vec<_> = (0..kept.len()).map(body).collect();
        assert_eq!(kept, expected, "seed {seed}");
    }
}

#[test]
fn flipped_bits_in_queue_index_and_checkpoint_serve_no_wrong_message() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 60);
    store.close();
    drop(store);
    let mut paths = disk.paths();
    paths.retain(|path| {
        path.starts_with("consumequeue") || path.starts_with("index") || path == "checkpoint"
    });
    assert!(paths.len() >= 4);
    for path in paths {
        let bytes = disk.content(&path).expect("a file").len();
        for byte in (0..bytes).step_by(if bytes > 2_000 { 97 } else { 3 }) {
            let found = kill(&disk);
            found.flip_bit(&path, byte, u8::try_from(byte % 8).expect("a bit"));
            let (store, _) = bench.with_disk(&found).open();
            for topic in ["T", "U"] {
                let queue = store.queue(topic, 0);
                let mut next = 0;
                loop {
                    let outcome = read(&store, &queue, next);
                    for body in outcome.slices.iter().flat_map(|slice| bodies_in(slice)) {
                        assert!(expected(topic, 60).contains(&body), "{path} byte {byte}");
                    }
                    if outcome.queue_offset_next == next {
                        break;
                    }
                    next = outcome.queue_offset_next;
                }
            }
            for number in [0, 1, 59] {
                let topic = if number % 3 == 0 { "U" } else { "T" };
                let key = format!("key-{number}");
                let hits = store.query_by_key(topic, &key, 10, 0, i64::MAX).expect("queried");
                assert!(hits.iter().flat_map(|hit| bodies_in(hit)).all(|hit| hit == body(number)));
            }
        }
    }
}

#[test]
fn corrupt_record_is_stepped_over_and_named() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let mut places = Vec::new();
    for number in 0..5 {
        places.push(append(&store, &queue, &body(number)).expect("appended"));
    }
    let damaged = places[2].physical_offset;
    assert!(disk.flip_bit(FIRST_SEGMENT, usize::try_from(damaged).expect("small") + 100, 1));
    let outcome = read(&store, &queue, 0);
    let found: Vec<_> = outcome.slices.iter().flat_map(|slice| bodies_in(slice)).collect();
    assert_eq!(found, [body(0), body(1), body(3), body(4)]);
    let corrupt = outcome.corrupt.expect("named");
    assert_eq!((corrupt.queue_offset, corrupt.physical_offset), (2, damaged));
    assert_eq!((outcome.status, outcome.queue_offset_next), (ReadStatus::Found, 5));
    assert!(store.message_at(damaged).is_err());
}

#[test]
fn missing_file_in_the_middle_is_a_hole() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 400);
    store.close();
    let log: Vec<String> =
        disk.paths().into_iter().filter(|path| path.starts_with("commitlog")).collect();
    assert!(log.len() >= 4);
    disk.remove(&log[1]).expect("removed");
    let Err(OpenError::Hole { end, next, .. }) = bench.try_open() else { panic!("opened") };
    assert_eq!((end, next), (SEGMENT_BYTES, 2 * SEGMENT_BYTES));
}

#[test]
fn missing_newest_files_are_noticed() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 400);
    store.close();
    for path in disk.paths().iter().filter(|path| path.starts_with("commitlog")).skip(2) {
        disk.remove(path).expect("removed");
    }
    assert!(matches!(bench.try_open(), Err(OpenError::LostTail { .. })));
}

#[test]
fn file_of_another_size_is_named() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 400);
    store.close();
    let second = format!("commitlog/{SEGMENT_BYTES:020}");
    disk.put(&second, vec![1; 100]);
    let Err(OpenError::SegmentSize { bytes, expected_bytes, path }) = bench.try_open() else {
        panic!("opened")
    };
    assert_eq!((bytes, expected_bytes), (100, SEGMENT_BYTES));
    assert!(path.ends_with(&second));
}

#[test]
fn sizes_of_existing_files_win_over_the_settings() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 200);
    store.close();
    drop(store);
    let mut other = bench;
    other.config.commit_log_segment_bytes = 1 << 20;
    other.config.consume_queue_file_bytes = 6_000_000;
    let (store, _) = other.open();
    assert_filled(&store, 200);
    fill(&store, 1);
    assert_eq!(store.log_status().log_bytes % SEGMENT_BYTES, 0);
}

#[test]
fn lost_queue_files_are_built_again_from_the_log() {
    for clean in [true, false] {
        let (bench, disk) = Bench::sim(FlushMode::Async);
        let (store, _) = bench.open();
        fill(&store, 300);
        store.checkpoint().expect("checkpoint");
        if clean {
            store.close();
        }
        let found = kill(&disk);
        found.remove_dir("consumequeue").expect("removed");
        found.remove_dir("index").expect("removed");
        let (store, report) = bench.with_disk(&found).open();
        assert!(report.queues_rebuilt);
        assert_filled(&store, 300);
    }
}

#[test]
fn lost_files_of_one_queue_are_noticed_when_the_log_is_replayed() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 300);
    store.checkpoint().expect("checkpoint");
    fill(&store, 3);
    let found = kill(&disk);
    let second_file = "consumequeue/T/0/00000000000000003000";
    assert!(found.content(second_file).is_some());
    found.remove(second_file).expect("removed");
    let (store, report) = bench.with_disk(&found).open();
    assert!(report.queues_rebuilt);
    assert_eq!(store.queue_offset_max(&store.queue("T", 0)), 202);
    assert_eq!(bodies(&store, &store.queue("T", 0), 0)[..200], expected("T", 300)[..]);
}

#[test]
fn queue_that_starts_beyond_zero_has_its_head_blanked() {
    let (mut bench, disk) = Bench::sim(FlushMode::Async);
    bench.config.retention_ms = 1_000;
    let (store, _) = bench.open();
    fill(&store, 400);
    store.checkpoint().expect("checkpoint");
    bench.clock.advance(10_000);
    append(&store, &store.queue("T", 0), b"later").expect("appended");
    assert!(store.expire_now() > 0);
    let min = store.queue_offset_min(&store.queue("T", 0));
    assert!(min > 50 && min % 50 != 0, "the test needs a queue that begins inside a file: {min}");
    store.close();
    let found = kill(&disk);
    found.remove_dir("consumequeue").expect("removed");
    let (store, report) = bench.with_disk(&found).open();
    assert!(report.queues_rebuilt);
    let queue = store.queue("T", 0);
    assert_eq!(store.queue_offset_min(&queue), min);
    assert_eq!(read(&store, &queue, 0).status, ReadStatus::OffsetTooSmall);
    store.close();
    let file = format!("consumequeue/T/0/{:020}", min * 20 / 1_000 * 1_000);
    let content = found.content(&file).expect("the first file");
    let blank = [[0_u8; 8].as_slice(), &[0x7F, 0xFF, 0xFF, 0xFF], &[0; 8]].concat();
    let first = usize::try_from(min % 50).expect("small") * 20;
    assert_eq!(content[..first], blank.repeat(first / 20));
    assert_ne!(content[first..first + 20], blank);
    let (store, _) = bench.with_disk(&found).open();
    assert_eq!(store.queue_offset_min(&store.queue("T", 0)), min);
}

#[test]
fn expired_segments_take_their_queue_and_index_files_with_them() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let (sim, _) = Bench::sim(FlushMode::Async);
    for mut bench in [sim, Bench::files(root.path(), FlushMode::Async)] {
        bench.config.retention_ms = 3_600_000;
        let (store, _) = bench.open();
        fill(&store, 900);
        store.catch_up_index().expect("indexed");
        store.checkpoint().expect("checkpoint");
        let queue = store.queue("T", 0);
        let slice = read(&store, &queue, 0).slices[0].clone();
        let index_files = bench.disk.list("index").expect("listed").len();
        bench.clock.advance(3_600_000 + 1_000);
        for _ in 0..2 {
            append(&store, &queue, &[9; 12_000]).expect("appended");
        }
        let removed = store.expire_now();
        assert!(removed >= 8, "{removed}");
        let status = store.log_status();
        assert_eq!(status.physical_offset_min, removed as u64 * SEGMENT_BYTES);
        let min = store.queue_offset_min(&queue);
        assert!(min > 500);
        assert_eq!(read(&store, &queue, min - 1).status, ReadStatus::OffsetTooSmall);
        assert!(!bodies(&store, &queue, min).is_empty());
        assert!(bench.disk.list("consumequeue/T/0").expect("listed").len() <= 3);
        assert!(bench.disk.list("index").expect("listed").len() < index_files);
        // What a reader holds outlives the file.
        assert_eq!(bodies_in(&slice)[0], body(1));
        store.close();
        drop(store);
        let (store, _) = bench.open();
        assert_eq!(store.queue_offset_min(&store.queue("T", 0)), min);
    }
}

#[test]
fn locked_directory_names_its_holder() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let bench = Bench::files(root.path(), FlushMode::Async);
    let (store, _) = bench.open();
    let Err(OpenError::Locked { owner, .. }) = bench.try_open() else { panic!("opened twice") };
    assert_eq!(owner, format!(" (pid {})", std::process::id()));
    store.close();
    bench.open();
}

#[test]
fn directories_of_other_formats_are_refused_with_instructions() {
    let refused = |path: &str, content: Vec<u8>| -> String {
        let (bench, disk) = Bench::sim(FlushMode::Async);
        if let Some((dir, _)) = path.rsplit_once('/') {
            disk.create_dir(dir).expect("made");
        }
        disk.put(path, content);
        match bench.try_open() {
            Err(OpenError::Format { format, instructions, .. }) => {
                format!("{format}: {instructions}")
            }
            other => panic!("{path}: {other:?}"),
        }
    };
    assert!(refused("consumequeue/CURRENT", vec![1]).contains("RocksDB consume queue"));
    assert!(refused("config/topics/MANIFEST-000004", vec![1]).contains("rocksDBConfigToJson"));
    assert!(refused("dledger-n0/data/00000000000000000000", vec![1]).contains("DLedger"));
    let mut entry = vec![0; 4_096];
    entry[52..56].copy_from_slice(&0xDAA3_20A7_u32.to_be_bytes());
    assert!(refused(FIRST_SEGMENT, entry).contains("48-byte DLedger header"));
}

#[test]
fn files_have_the_sizes_that_apache_expects_after_a_clean_stop() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let mut bench = Bench::files(root.path(), FlushMode::Async);
    bench.config.consume_queue_file_bytes = 6_000_000;
    bench.config.commit_log_segment_bytes = 1 << 20;
    let mut environment = bench.environment();
    environment.index_geometry = remora_store::store::IndexGeometry::APACHE;
    let (store, _) = Store::open_in(&bench.config, environment).expect("opened");
    fill(&store, 50);
    store.close();
    let size = |path: &str| bench.disk.entry(path).expect("looked").expect("there").bytes;
    assert_eq!(size(FIRST_SEGMENT), 1 << 20);
    assert_eq!(size("consumequeue/T/0/00000000000000000000"), 6_000_000);
    assert_eq!(size("checkpoint"), 4_096);
    let index = bench.disk.list("index").expect("listed");
    assert_eq!((index.len(), index[0].bytes), (1, 420_000_040));
    assert!(bench.disk.entry("abort").expect("looked").is_none());
}

/// Makes what we wrote look as if Apache's broker had: no part of ours in the checkpoint, another
/// abort.
fn as_apache_left_it(disk: &SimDisk, clean: bool, physic_ms: i64) {
    let mut checkpoint = vec![0; 4_096];
    for (number, place) in [physic_ms, physic_ms, physic_ms].iter().zip(checkpoint.chunks_mut(8)) {
        place.copy_from_slice(&number.to_be_bytes());
    }
    disk.put("checkpoint", checkpoint);
    if clean {
        if disk.content("abort").is_some() {
            disk.remove("abort").expect("removed");
        }
    } else {
        disk.put("abort", b"".to_vec());
    }
}

#[test]
fn directory_of_another_broker_opens_after_its_clean_stop_and_after_its_crash() {
    for (clean, physic_ms) in [(true, NOW_MS), (false, NOW_MS), (false, 0)] {
        let (bench, disk) = Bench::sim(FlushMode::Async);
        let (store, _) = bench.open();
        for number in 0..300 {
            bench.clock.set(NOW_MS - 30_000 + 100 * i64::try_from(number).expect("small"));
            let queue = store.queue(if number % 3 == 0 { "U" } else { "T" }, 0);
            let properties = properties("TagA", &format!("key-{number}"));
            append_with(&store, &queue, &body(number), &properties).expect("appended");
        }
        store.close();
        let found = kill(&disk);
        as_apache_left_it(&found, clean, physic_ms);
        let (store, report) = bench.with_disk(&found).open();
        assert_eq!(report.clean_stop, clean);
        assert_filled(&store, 300);
        if clean {
            assert!(report.records_checked < 10, "{report:?}");
        } else if physic_ms > 0 {
            assert!(report.records_checked < 200, "{report:?}");
        }
        store.close();
        let (store, report) = bench.with_disk(&found).open();
        assert!(report.clean_stop, "and is ours from then on");
        assert_filled(&store, 300);
    }
}

#[test]
fn queue_entries_beyond_the_log_of_another_broker_are_cut() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 30);
    store.close();
    let found = kill(&disk);
    // The power cut took the last records, their queue entries had been written.
    let mut log = found.content(FIRST_SEGMENT).expect("a file");
    let place = store.log_status().physical_offset_max;
    let end = usize::try_from(place).expect("small");
    log[end - 700..].fill(0);
    found.put(FIRST_SEGMENT, log);
    as_apache_left_it(&found, false, NOW_MS - 60_000);
    let (store, report) = bench.with_disk(&found).open();
    assert!(report.truncated_bytes > 0);
    for topic in ["T", "U"] {
        let kept = bodies(&store, &store.queue(topic, 0), 0);
        assert!(kept.len() < expected(topic, 30).len());
        assert_eq!(kept, expected(topic, 30)[..kept.len()]);
        append(&store, &store.queue(topic, 0), b"next").expect("appended");
        assert_eq!(bodies(&store, &store.queue(topic, 0), kept.len() as u64), [b"next".to_vec()]);
    }
}

#[test]
fn empty_and_unfinished_newest_files_are_dropped() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    fill(&store, 10);
    store.close();
    let found = kill(&disk);
    found.put(&format!("commitlog/{:020}", 2 * SEGMENT_BYTES), Vec::new());
    let (store, _) = bench.with_disk(&found).open();
    assert_filled(&store, 10);
    let file = disk.open(FIRST_SEGMENT, Access::Read).expect("there");
    assert_eq!(file.len(), SEGMENT_BYTES);
}

#[test]
fn index_is_complete_after_a_kill_at_any_point_between_hand_over_and_index() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let mut kills = Vec::new();
    for round in 0..12_usize {
        for number in round * 10..(round + 1) * 10 {
            let queue = store.queue(if number % 3 == 0 { "U" } else { "T" }, 0);
            let properties = properties("TagA", &format!("key-{number}"));
            append_with(&store, &queue, &body(number), &properties).expect("appended");
        }
        // The index may have none, some or all of these keys; the checkpoint fewer.
        match round % 4 {
            1 => store.catch_up_index().expect("indexed"),
            3 => store.checkpoint().expect("checkpoint"),
            _ => {}
        }
        kills.push(((round + 1) * 10, kill(&disk)));
    }
    for (count, found) in kills {
        let (store, _) = bench.with_disk(&found).open();
        assert_filled(&store, count);
    }
}

#[test]
fn what_a_start_reads_does_not_grow_over_many_kills() {
    let (mut bench, mut disk) = Bench::sim(FlushMode::Async);
    bench.config.commit_log_segment_bytes = 1 << 20;
    let body = [b'x'; 10_000];
    for round in 0..40_u64 {
        let (store, report) = bench.with_disk(&disk).open();
        // Two times the distance of the marks and what was appended since the checkpoint.
        assert!(report.bytes_checked < (2 << 20) + 300_000, "round {round}: {report:?}");
        // As the queue writer does as its first thing.
        store.checkpoint().expect("checkpoint");
        let queue = store.queue("T", 0);
        assert_eq!(store.queue_offset_max(&queue), 20 * round);
        for _ in 0..20 {
            append(&store, &queue, &body).expect("appended");
        }
        disk = kill(&disk);
    }
}
