//! Errors of the disk at every operation, and disks that are full.
mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use parking_lot::Mutex;
use remora_store::sim_disk::{Fault, FaultPlan, PowerCut, SimDisk};
use remora_store::store::{Arrival, ArrivalListener};
use remora_store::{AppendBatch, AppendError, FlushMode, RetentionRules};

/// Appends in batches of three, flushing and checkpointing now and then; returns how many messages
/// of one queue were acknowledged (flushed) before the store refused. Batches that are refused for
/// want of space are tried once more.
fn run_script(bench: &Bench) -> usize {
    let Ok((store, _)) = bench.try_open() else { return 0 };
    let queue = store.queue("T", 0);
    let mut batch = AppendBatch::new();
    let mut number = 0;
    let mut acknowledged = 0;
    for round in 0..12 {
        batch.clear();
        for _ in 0..3 {
            let body = [body(number).as_slice(), &[b' '; 1_500]].concat();
            batch.push(&queue, &draft(&queue, &body, b""));
            number += 1;
        }
        let appended = store.append(&mut batch).or_else(|_| store.append(&mut batch));
        if appended.is_err() {
            number -= 3;
            continue;
        }
        if round % 2 == 1 && store.flush().is_ok() {
            acknowledged = number;
        }
        if round % 5 == 4 && store.checkpoint().is_ok() {
            acknowledged = number;
        }
    }
    acknowledged
}

fn kept_numbers(bench: &Bench, disk: &SimDisk) -> Vec<Vec<u8>> {
    let (store, _) = bench.after_reboot().with_disk(disk).open();
    store.flush().expect("flushed");
    let queue = store.queue("T", 0);
    let mut kept = bodies(&store, &queue, 0);
    for body in &mut kept {
        body.truncate(body.len() - 1_500);
    }
    // And the store works.
    append(&store, &queue, b"on").expect("appended");
    kept
}

#[test]
fn failing_each_single_operation_loses_nothing_acknowledged() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    run_script(&bench);
    let ops = disk.ops();
    assert!(ops > 60, "the script does little: {ops} operations");
    for fault in [Fault::Eio, Fault::NoSpace] {
        for op in 1..=ops {
            for plan in [FaultPlan::Once { op, fault }, FaultPlan::From { op, fault }] {
                let (bench, disk) = Bench::sim(FlushMode::Async);
                disk.plan(plan);
                let acknowledged = run_script(&bench);
                disk.plan(FaultPlan::None);
                for cut in [PowerCut::LoseUnsynced, PowerCut::TearUnsynced { seed: op }] {
                    let kept = kept_numbers(&bench, &disk.crash(cut));
                    assert!(kept.len() >= acknowledged, "{plan:?} {cut:?}: {}", kept.len());
                    let expected: Vec<_> = (0..kept.len()).map(body).collect();
                    assert_eq!(kept, expected, "{plan:?} {cut:?}");
                }
            }
        }
    }
}

#[test]
fn failed_sync_is_final_and_everyone_who_waits_is_told() {
    let (bench, disk) = Bench::sim(FlushMode::Sync);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    append(&store, &queue, b"first").expect("appended");
    store.flush().expect("flushed");
    disk.plan(FaultPlan::SyncFrom { op: 0 });
    let answers = Arc::new(Mutex::new(Vec::new()));
    let (done, finished) = std::sync::mpsc::channel();
    for _ in 0..3 {
        let Ok(_) = append(&store, &queue, b"lost") else { break };
        let end = store.log_status().physical_offset_max;
        let (answers, done) = (answers.clone(), done.clone());
        store.when_flushed(
            end,
            Box::new(move |result| {
                answers.lock().push(result);
                done.send(()).expect("heard");
            }),
        );
    }
    finished.recv().expect("called");
    disk.plan(FaultPlan::None);
    assert!(matches!(append(&store, &queue, b"x"), Err(AppendError::Failed { .. })));
    assert!(store.flush().is_err(), "a later sync that would work is not tried");
    assert!(answers.lock().iter().all(|one| matches!(one, Err(AppendError::Failed { .. }))));
    assert_eq!(store.queue_offset_max(&queue), 1, "nothing unflushed is shown");
    drop(store);
    assert!(disk.content("abort").is_some(), "the next start recovers");
}

#[test]
fn full_disk_refuses_rolls_back_and_takes_appends_again() {
    let (bench, disk) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    append(&store, &queue, &body(0)).expect("appended");
    let before = store.log_status().physical_offset_max;
    disk.plan(FaultPlan::SpaceFrom { op: 0 });
    for _ in 0..3 {
        let mut batch = AppendBatch::new();
        for _ in 0..5 {
            batch.push(&queue, &draft(&queue, &[1; 500], b""));
        }
        assert!(matches!(store.append(&mut batch), Err(AppendError::DiskFull { .. })));
        assert!(batch.appended().is_empty());
    }
    assert_eq!(store.log_status().physical_offset_max, before);
    assert_eq!(bodies(&store, &queue, 0), [body(0)], "reads go on");
    disk.plan(FaultPlan::None);
    let next = append(&store, &queue, &body(1)).expect("space is back");
    assert_eq!((next.physical_offset, next.queue_offset), (before, 1));
    let (store, report) = bench.with_disk(&kill(&disk)).open();
    assert_eq!(report.truncated_bytes, 0, "the refused batches left nothing behind");
    assert_eq!(bodies(&store, &store.queue("T", 0), 0), [body(0), body(1)]);
}

#[test]
fn use_of_the_disk_over_the_limit_refuses_with_the_figures() {
    let (mut bench, disk) = Bench::sim(FlushMode::Async);
    disk.set_used_percent(95);
    bench.config.disk_used_percent_refuse = 90;
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    let Err(AppendError::DiskFull { used_percent, limit_percent, .. }) =
        append(&store, &queue, b"x")
    else {
        panic!("appended to a full disk")
    };
    assert_eq!((used_percent, limit_percent), (95, 90));
    let mut rules = RetentionRules::from(&bench.config);
    rules.disk_used_percent_refuse = 97;
    store.set_retention(rules);
    append(&store, &queue, b"x").expect("the limit was raised");
}

#[test]
fn full_disk_removes_the_oldest_segment_although_it_is_young() {
    let (mut bench, disk) = Bench::sim(FlushMode::Async);
    disk.set_used_percent(86);
    bench.config.disk_used_percent_max = 85;
    let (store, _) = bench.open();
    let queue = store.queue("T", 0);
    for _ in 0..12 {
        append(&store, &queue, &[1; 6_000]).expect("appended");
    }
    assert_eq!(store.expire_now(), 1);
    assert_eq!(store.expire_now(), 1);
    assert_eq!(store.log_status().physical_offset_min, 2 * SEGMENT_BYTES);
    assert!(store.queue_offset_min(&queue) > 0);
}

/// Counts announced messages and notes how far they were flushed.
#[derive(Default)]
struct Heard {
    messages: AtomicUsize,
    arrivals: Mutex<Vec<(u64, Vec<i64>)>>,
    changed: parking_lot::Condvar,
}

impl ArrivalListener for Heard {
    fn arrived(&self, arrivals: &[Arrival]) {
        let mut heard = self.arrivals.lock();
        for arrival in arrivals {
            self.messages.fetch_add(arrival.tags_codes.len(), Ordering::SeqCst);
            heard.push((arrival.queue_offset_max, arrival.tags_codes.clone()));
        }
        self.changed.notify_all();
    }
}

#[test]
fn arrivals_are_announced_once_shown_with_tag_codes() {
    for flush in [FlushMode::Async, FlushMode::Sync] {
        let (bench, _) = Bench::sim(flush);
        let (store, _) = bench.open();
        let heard = Arc::new(Heard::default());
        store.set_arrival_listener(heard.clone());
        let (one, two) = (store.queue("T", 0), store.queue("T", 1));
        one.watch();
        two.watch();
        let mut batch = AppendBatch::new();
        for number in 0..5 {
            let queue = if number == 2 { &two } else { &one };
            batch.push(queue, &draft(queue, b"x", &properties("TagA", "k")));
        }
        store.append(&mut batch).expect("appended");
        let mut arrivals = heard.arrivals.lock();
        while heard.messages.load(Ordering::SeqCst) < 5 {
            heard.changed.wait(&mut arrivals);
        }
        let tag = 2_598_919;
        assert_eq!(*arrivals, [(4, vec![tag; 4]), (1, vec![tag])]);
        drop(arrivals);
        assert_eq!(store.queue_offset_max(&one), 4);
    }
}

#[test]
fn arrivals_are_announced_while_somebody_watches() {
    let (bench, _) = Bench::sim(FlushMode::Async);
    let (store, _) = bench.open();
    let heard = Arc::new(Heard::default());
    store.set_arrival_listener(heard.clone());
    let queue = store.queue("T", 0);
    append(&store, &queue, b"before").expect("appended");
    queue.watch();
    append(&store, &queue, b"while").expect("appended");
    queue.unwatch();
    append(&store, &queue, b"after").expect("appended");
    let ends: Vec<u64> = heard.arrivals.lock().iter().map(|(end, _)| *end).collect();
    assert_eq!(ends, [2]);
}

#[test]
fn appends_of_several_threads_keep_each_queue_whole() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let mut bench = Bench::files(root.path(), FlushMode::Async);
    bench.config.commit_log_segment_bytes = 256 * 1024;
    let (store, _) = bench.open();
    let threads: i32 = 4;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let store = &store;
            scope.spawn(move || {
                let queues = [store.queue("T", thread), store.queue("shared", 0)];
                let mut batch = AppendBatch::new();
                for round in 0..200 {
                    batch.clear();
                    for queue in &queues {
                        batch.push(queue, &draft(queue, &body(round), b""));
                    }
                    store.append(&mut batch).expect("appended");
                    if round % 50 == 0 {
                        store.checkpoint().expect("checkpoint");
                    }
                }
            });
        }
    });
    let check = |store: &remora_store::Store| {
        for thread in 0..threads {
            let expected: Vec<_> = (0..200).map(body).collect();
            assert_eq!(bodies(store, &store.queue("T", thread), 0), expected);
        }
        assert_eq!(bodies(store, &store.queue("shared", 0), 0).len(), 800);
    };
    check(&store);
    store.close();
    drop(store);
    check(&bench.open().0);
}

#[test]
fn zeros_written_ahead_of_the_log_never_meet_a_record() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let (sim, disk) = Bench::sim(FlushMode::Async);
    for mut bench in [Bench::files(root.path(), FlushMode::Async), sim] {
        // Large enough for pages to be made ahead, and so small that appends catch up with that.
        bench.config.commit_log_segment_bytes = 1 << 20;
        let (store, _) = bench.open();
        let letters = |thread: u8| {
            (0..900_u16).map(move |number| b'a' + (number.to_be_bytes()[1] % 20 + thread))
        };
        let bodies_of = |thread: u8| letters(thread).map(|letter| vec![letter; 3_000]);
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let store = &store;
                scope.spawn(move || {
                    let queue = store.queue("T", i32::from(thread));
                    for body in bodies_of(thread) {
                        append(store, &queue, &body).expect("appended");
                    }
                });
            }
        });
        let check = |store: &remora_store::Store| {
            for thread in 0..3 {
                let queue = store.queue("T", i32::from(thread));
                assert!(bodies_of(thread).eq(bodies(store, &queue, 0)));
            }
        };
        check(&store);
        store.close();
        drop(store);
        check(&bench.open().0);
    }
    assert!(disk.paths().len() > 8, "several segments");
}
