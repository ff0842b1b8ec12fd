//! A slice of the kill -9 campaign; `kill-campaign --rounds 100` is the whole.

use remora_tests::{
    campaign::{self, Plan},
    remora,
};

fn slice(flush: &str, seed: u64) -> Plan {
    Plan {
        binary: remora::binary(),
        rounds: 6,
        seed,
        flush: flush.to_owned(),
        connections: 4,
        window: 32,
        acks_max: 1500,
    }
}

#[track_caller]
fn run(plan: &Plan) {
    let mut acknowledged = 0;
    let outcome = campaign::run(plan, |_, round| acknowledged += round.acknowledged);
    assert_eq!(outcome, Ok(()), "{plan:?}");
    assert!(acknowledged > u64::from(plan.rounds), "only {acknowledged} acknowledged: no load");
}

#[test]
fn nothing_acknowledged_is_lost_by_kills_under_load_with_sync_flush() {
    run(&slice("sync", 1));
}

#[test]
fn nothing_acknowledged_is_lost_by_kills_under_load_with_async_flush() {
    // What the kernel was given survives the death of the process; only a power cut would take it.
    run(&slice("async", 2));
}
