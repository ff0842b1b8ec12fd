//! What is in flight, step by step and against a model: no message is ever lost.
use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use remora_broker::pop::flight::{
    Due, Flight, HandleState, InFlight, Overtaken, PopOrder, Start, Taken,
};

const FREE: PopOrder<'static> = PopOrder::Free;
const MAX: usize = 100;

fn ordered(attempt_id: &str) -> PopOrder<'_> {
    PopOrder::Ordered { attempt_id }
}

fn start(flight: &mut Flight, order: PopOrder<'_>, now_ms: i64) -> (u64, u64) {
    match flight.begin(order, now_ms, MAX) {
        Start::From { queue_offset, version, .. } => (queue_offset, version),
        other => panic!("{other:?}"),
    }
}

/// Pops `offsets` at `now_ms` for 100 ms, having read up to `next`.
fn pop(
    flight: &mut Flight,
    order: PopOrder<'_>,
    now_ms: i64,
    offsets: &[u64],
    next: u64,
) -> Vec<u32> {
    let (from, version) = start(flight, order, now_ms);
    let taken = Taken {
        version,
        from,
        next,
        queue_offsets: offsets,
        pop_time_ms: now_ms,
        visible_ms: now_ms + 100,
        order,
    };
    flight.take(&taken).unwrap()
}

fn done(pop_time_ms: i64) -> HandleState {
    let visible_ms = pop_time_ms + 100;
    HandleState::Done(InFlight { pop_time_ms, visible_ms, redelivered: 0 })
}

#[test]
fn floor_is_the_lowest_message_that_is_not_settled() {
    let mut flight = Flight::at(10);
    pop(&mut flight, FREE, 0, &[10, 11, 12], 13);
    assert_eq!((flight.floor(), flight.popped_to()), (10, 13));
    assert_eq!(flight.ack(11, 0), done(0));
    assert_eq!(flight.floor(), 10);
    assert_eq!(flight.ack(10, 0), done(0));
    assert_eq!(flight.floor(), 12);
    assert_eq!(flight.ack(12, 0), done(0));
    assert_eq!((flight.floor(), flight.in_flight_count()), (13, 0));
}

#[test]
fn what_the_filter_leaves_out_is_settled() {
    let mut flight = Flight::at(0);
    pop(&mut flight, FREE, 0, &[], 5);
    assert_eq!(flight.floor(), 5);
    pop(&mut flight, FREE, 0, &[7], 9);
    assert_eq!((flight.floor(), flight.popped_to()), (7, 9));
}

#[test]
fn two_pops_of_one_queue_at_once_get_different_messages() {
    let mut flight = Flight::at(0);
    let (from, version) = start(&mut flight, FREE, 0);
    pop(&mut flight, FREE, 0, &[0, 1], 2);
    let late = Taken {
        version,
        from,
        next: 2,
        queue_offsets: &[0, 1],
        pop_time_ms: 0,
        visible_ms: 100,
        order: FREE,
    };
    assert_eq!(flight.take(&late), Err(Overtaken));
    assert_eq!(start(&mut flight, FREE, 0).0, 2);
}

#[test]
fn only_the_newest_handle_of_a_message_in_flight_does_anything() {
    let mut flight = Flight::at(0);
    pop(&mut flight, FREE, 50, &[0, 1], 2);
    assert_eq!(flight.ack(0, 49), HandleState::Stale { pop_time_ms: 50 });
    assert_eq!(flight.ack(2, 50), HandleState::NotInFlight);
    let changed = InFlight { pop_time_ms: 60, visible_ms: 500, redelivered: 0 };
    assert_eq!(flight.change(0, 50, 60, 500), HandleState::Done(changed));
    assert_eq!(flight.ack(0, 50), HandleState::Stale { pop_time_ms: 60 });
    assert_eq!(flight.ack(0, 60), HandleState::Done(changed));
    assert_eq!(flight.ack(0, 60), HandleState::Settled);
    assert_eq!(flight.change(0, 60, 70, 500), HandleState::Settled);
    assert_eq!(flight.floor(), 1);
}

#[test]
fn message_is_due_when_its_time_is_over_and_settled_when_it_was_moved() {
    let mut flight = Flight::at(0);
    pop(&mut flight, FREE, 0, &[0, 1], 2);
    flight.change(1, 0, 10, 400);
    assert_eq!(flight.next_due_ms(), Some(100));
    assert_eq!(flight.due(99, 10), (vec![], false));
    let due = Due { queue_offset: 0, pop_time_ms: 0 };
    assert_eq!(flight.due(100, 10), (vec![due], false));
    flight.postpone(due, 300);
    assert_eq!((flight.next_due_ms(), flight.floor()), (Some(300), 0));
    flight.settle(due);
    assert_eq!((flight.next_due_ms(), flight.floor()), (Some(400), 1));
}

#[test]
fn acknowledgement_during_the_move_wins() {
    let mut flight = Flight::at(0);
    pop(&mut flight, FREE, 0, &[0], 1);
    let due = flight.due(100, 10).0[0];
    flight.change(0, 0, 100, 900);
    flight.settle(due);
    assert_eq!((flight.floor(), flight.in_flight_count()), (0, 1));
}

#[test]
fn nothing_is_popped_while_too_much_is_in_flight() {
    let mut flight = Flight::at(0);
    pop(&mut flight, FREE, 0, &[0, 1, 2], 3);
    assert_eq!(flight.begin(FREE, 0, 3), Start::Full { in_flight: 3 });
    flight.ack(1, 0);
    let one = Start::From { queue_offset: 3, count_max: 1, version: 1 };
    assert_eq!(flight.begin(FREE, 0, 3), one);
}

#[test]
fn ordered_pop_waits_for_all_of_the_last_one_and_then_begins_where_it_failed() {
    let mut flight = Flight::at(0);
    assert_eq!(pop(&mut flight, ordered(""), 0, &[0, 1, 2], 3), [0, 0, 0]);
    let blocked = Start::Blocked { until_ms: 100 };
    assert_eq!(flight.begin(ordered("other"), 50, MAX), blocked);
    flight.ack(0, 0);
    flight.ack(2, 0);
    assert_eq!(flight.begin(ordered("other"), 50, MAX), blocked);
    assert_eq!(flight.due(100, 10), (vec![], true));
    assert_eq!(flight.due(100, 10), (vec![], false));
    // 1 again, 2 is settled, 3 is new.
    assert_eq!(start(&mut flight, ordered("other"), 100).0, 1);
    assert!(flight.is_settled(2) && !flight.is_settled(1) && !flight.is_settled(3));
    assert_eq!(pop(&mut flight, ordered("other"), 100, &[1, 3], 4), [1, 0]);
    flight.ack(1, 100);
    flight.ack(3, 100);
    assert_eq!(start(&mut flight, ordered("third"), 100).0, 4);
}

#[test]
fn ordered_pop_whose_answer_was_lost_is_given_the_same_again() {
    let mut flight = Flight::at(0);
    pop(&mut flight, ordered("a"), 0, &[0, 1], 2);
    assert_eq!(pop(&mut flight, ordered("a"), 10, &[0, 1], 2), [0, 0]);
    assert_eq!(flight.ack(0, 0), HandleState::Stale { pop_time_ms: 10 });
}

#[test]
fn changed_invisible_time_of_an_ordered_message_keeps_its_handle() {
    let mut flight = Flight::at(0);
    pop(&mut flight, ordered(""), 0, &[0], 1);
    let changed = InFlight { pop_time_ms: 0, visible_ms: 900, redelivered: 0 };
    assert_eq!(flight.change(0, 0, 10, 900), HandleState::Done(changed));
    assert_eq!(flight.begin(ordered(""), 800, MAX), Start::Blocked { until_ms: 900 });
    assert_eq!(flight.ack(0, 0), HandleState::Done(changed));
}

#[test]
fn ordered_messages_are_moved_once_the_group_consumes_freely() {
    let mut flight = Flight::at(0);
    pop(&mut flight, ordered(""), 0, &[0, 1], 2);
    assert_eq!(flight.due(200, 10), (vec![], true));
    pop(&mut flight, FREE, 200, &[2], 3);
    let due = |queue_offset| Due { queue_offset, pop_time_ms: 0 };
    assert_eq!(flight.due(200, 10), (vec![due(0), due(1)], false));
}

#[test]
fn offset_set_by_somebody_else_is_where_the_group_goes_on() {
    let mut flight = Flight::at(0);
    pop(&mut flight, FREE, 0, &[0, 1, 2, 3], 4);
    flight.reset(2);
    assert_eq!((flight.floor(), flight.in_flight_count(), flight.popped_to()), (2, 2, 4));
    flight.reset(1);
    assert_eq!((flight.floor(), flight.in_flight_count(), flight.popped_to()), (1, 0, 1));
    flight.reset(90);
    assert_eq!((flight.floor(), flight.popped_to(), flight.next_due_ms()), (90, 90, None));
}

#[test]
fn snapshot_brings_back_the_same_flight() {
    let mut flight = Flight::at(7);
    pop(&mut flight, FREE, 5, &[7, 8, 9, 12], 20);
    flight.ack(8, 5);
    flight.change(9, 5, 6, 77);
    let json = serde_json::to_string(&flight.snapshot()).unwrap();
    let expected = r#"{"to":20,"in":[{"p":5,"v":105,"q":[[7,1]]},{"p":6,"v":77,"q":[[9,1]]},{"p":5,"v":105,"q":[[12,1]]}]}"#;
    assert_eq!(json, expected);
    let restored = Flight::restore(serde_json::from_str(&json).unwrap(), MAX);
    assert_eq!(restored.snapshot(), flight.snapshot());
    assert_eq!((restored.floor(), restored.next_due_ms()), (7, Some(77)));
    let fewer = Flight::restore(flight.snapshot(), 2);
    assert_eq!((fewer.floor(), fewer.popped_to(), fewer.in_flight_count()), (7, 12, 2));
}

#[test]
fn damaged_snapshot_only_has_messages_popped_again() {
    let json = r#"{"to":9,"in":[{"p":5,"v":105,"q":[[3,18446744073709551615]]}]}"#;
    let restored = Flight::restore(serde_json::from_str(json).unwrap(), MAX);
    assert_eq!((restored.floor(), restored.popped_to(), restored.in_flight_count()), (3, 9, 6));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append { count: u64 },
    Pop { count: u64, visible_after_ms: i64, attempt: Option<u8> },
    Ack { handle: usize },
    Forge { queue_offset: u64, pop_time_ms: i64 },
    Change { handle: usize, visible_after_ms: i64 },
    Pass { ms: i64 },
    Revive { stored: bool },
    Persist,
    Stop,
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    let attempt = prop_oneof![6 => Just(None), 1 => (0..3_u8).prop_map(Some)];
    prop_oneof![
        2 => (1..6_u64).prop_map(|count| Step::Append { count }),
        4 => (1..5_u64, 1..40_i64, attempt).prop_map(|(count, visible_after_ms, attempt)| {
            Step::Pop { count, visible_after_ms, attempt }
        }),
        5 => (0..64_usize).prop_map(|handle| Step::Ack { handle }),
        1 => (0..40_u64, 0..200_i64)
            .prop_map(|(queue_offset, pop_time_ms)| Step::Forge { queue_offset, pop_time_ms }),
        1 => (0..64_usize, 1..40_i64)
            .prop_map(|(handle, visible_after_ms)| Step::Change { handle, visible_after_ms }),
        3 => (1..30_i64).prop_map(|ms| Step::Pass { ms }),
        2 => any::<bool>().prop_map(|stored| Step::Revive { stored }),
        1 => Just(Step::Persist),
        1 => Just(Step::Stop),
        1 => Just(Step::Kill),
    ]
}

/// The world around a flight.
struct Model {
    flight: Flight,
    queue_offset_max: u64,
    now_ms: i64,
    /// Every handle given out: queue offset, pop time.
    handles: Vec<(u64, i64)>,
    acked: BTreeSet<u64>,
    moved: BTreeSet<u64>,
    /// What the metadata log has: the snapshot, and the group's offset.
    kept: (String, u64),
}

impl Model {
    fn step(&mut self, step: Step) {
        match step {
            Step::Append { count } => self.queue_offset_max += count,
            Step::Pop { count, visible_after_ms, attempt } => {
                let name = attempt.map(|attempt| attempt.to_string());
                self.pop(count, visible_after_ms, name.as_deref());
            }
            Step::Ack { handle } => {
                let Some((queue_offset, pop_time_ms)) = self.handle(handle) else { return };
                if let HandleState::Done(_) = self.flight.ack(queue_offset, pop_time_ms) {
                    self.acked.insert(queue_offset);
                }
            }
            Step::Forge { queue_offset, pop_time_ms } => {
                if !self.handles.contains(&(queue_offset, pop_time_ms)) {
                    let state = self.flight.ack(queue_offset, pop_time_ms);
                    assert!(!matches!(state, HandleState::Done(_)), "{state:?}");
                }
            }
            Step::Change { handle, visible_after_ms } => {
                let Some((queue_offset, pop_time_ms)) = self.handle(handle) else { return };
                let (now_ms, visible_ms) = (self.now_ms, self.now_ms + visible_after_ms);
                let state = self.flight.change(queue_offset, pop_time_ms, now_ms, visible_ms);
                if let HandleState::Done(changed) = state {
                    self.handles.push((queue_offset, changed.pop_time_ms));
                }
            }
            Step::Pass { ms } => self.now_ms += ms,
            Step::Revive { stored } => {
                for due in self.flight.due(self.now_ms, 3).0 {
                    if stored {
                        self.moved.insert(due.queue_offset);
                        self.flight.settle(due);
                    } else {
                        self.flight.postpone(due, self.now_ms + 1);
                    }
                }
            }
            Step::Persist => self.persist(),
            Step::Stop => {
                self.persist();
                self.restart();
            }
            Step::Kill => self.restart(),
        }
    }

    fn handle(&self, handle: usize) -> Option<(u64, i64)> {
        let at = self.handles.len().checked_sub(1 + handle)?;
        self.handles.get(at).copied()
    }

    fn pop(&mut self, count: u64, visible_after_ms: i64, attempt: Option<&str>) {
        let order = attempt.map_or(FREE, ordered);
        let Start::From { queue_offset: from, count_max, version } =
            self.flight.begin(order, self.now_ms, 8)
        else {
            return;
        };
        let count = usize::try_from(count).unwrap().min(count_max);
        let is_again = |offset: &u64| attempt.is_none() || !self.flight.is_settled(*offset);
        let all = from..self.queue_offset_max;
        let offsets: Vec<u64> = all.filter(is_again).take(count).collect();
        let Some(last) = offsets.last() else { return };
        let taken = Taken {
            version,
            from,
            next: last + 1,
            queue_offsets: &offsets,
            pop_time_ms: self.now_ms,
            visible_ms: self.now_ms + visible_after_ms,
            order,
        };
        self.flight.take(&taken).unwrap();
        self.handles.extend(offsets.iter().map(|offset| (*offset, self.now_ms)));
        // No two pops are in the same millisecond: then a handle names one of them.
        self.now_ms += 1;
    }

    fn persist(&mut self) {
        let snapshot = serde_json::to_string(&self.flight.snapshot()).unwrap();
        self.kept = (snapshot, self.flight.floor());
    }

    fn restart(&mut self) {
        let (snapshot, committed) = &self.kept;
        self.flight = Flight::restore(serde_json::from_str(snapshot).unwrap(), 8);
        self.flight.reset(*committed);
    }

    /// What was popped is in flight, or somebody has it.
    fn check(&self) {
        assert!(self.flight.floor() <= self.flight.popped_to());
        for queue_offset in 0..self.flight.popped_to() {
            let had = self.acked.contains(&queue_offset) || self.moved.contains(&queue_offset);
            let lost = self.flight.is_settled(queue_offset) && !had;
            assert!(!lost, "message {queue_offset} is lost: {:?}", self.flight);
        }
        assert!(self.flight.in_flight_count() <= 8 + 4, "{:?}", self.flight);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn every_message_is_acknowledged_in_flight_or_in_the_retry_topic(steps in vec(step(), 0..120)) {
        let mut model = Model {
            flight: Flight::at(0),
            queue_offset_max: 0,
            now_ms: 1,
            handles: Vec::new(),
            acked: BTreeSet::new(),
            moved: BTreeSet::new(),
            kept: (serde_json::to_string(&Flight::at(0).snapshot()).unwrap(), 0),
        };
        for step in steps {
            model.step(step);
            model.check();
        }
        // Time goes by, nobody acknowledges: the rest comes to the retry topic.
        model.pop(8, 1, None);
        for _ in 0..200 {
            model.now_ms += 100;
            model.step(Step::Revive { stored: true });
            model.pop(8, 1, None);
            model.check();
        }
        let had: BTreeMap<u64, bool> = (0..model.queue_offset_max)
            .map(|offset| (offset, model.acked.contains(&offset) || model.moved.contains(&offset)))
            .collect();
        prop_assert!(had.values().all(|had| *had), "{had:?}");
    }
}
