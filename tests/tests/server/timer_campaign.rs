//! A slice of the timer campaign; `timer-campaign` is the whole, a million over a week.

use remora_tests::{
    remora,
    timer_campaign::{self, Plan},
};

#[test]
fn timers_that_wait_over_a_kill_all_wait_on_and_those_due_meanwhile_come_once_and_not_early() {
    let plan = Plan {
        binary: remora::binary(),
        timers: 20_000,
        span_ms: 7 * 24 * 3_600_000,
        due_soon: 500,
        connections: 2,
        window: 256,
    };
    let outcome = timer_campaign::run(&plan).unwrap();
    assert_eq!((outcome.waiting, outcome.delivered), (20_000, 500));
    assert!(outcome.delivered_before_the_kill < 500, "the kill came too late");
}
