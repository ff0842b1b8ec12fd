//! The hold against a model: every pull leaves once, and only for a reason.
use proptest::collection::vec;
use proptest::prelude::*;
use remora_broker::pull_hold::{Parked, PullHold, QueueKey, WantsTag};

/// Its number, and the one tag code it wants.
#[derive(Debug)]
struct Pull(usize, i64);

impl WantsTag for Pull {
    fn wants(&self, tags_code: i64) -> bool {
        self.1 == tags_code
    }
}

#[derive(Clone, Debug)]
enum Step {
    Park { queue: usize, connection_id: u64, queue_offset: u64, deadline_ms: i64, tag: i64 },
    Arrived { queue: usize, queue_offset_max: u64, tags: Vec<i64> },
    Grown { queue: usize, queue_offset_max: u64 },
    Expire { now_ms: i64 },
    Closed { connection_id: u64 },
    Released { queue: usize },
    ReleasedIf { queue: usize, tag: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let park = (0..3_usize, 0..3_u64, 0..4_u64, 0..8_i64, 0..3_i64);
    prop_oneof![
        4 => park.prop_map(|(queue, connection_id, queue_offset, deadline_ms, tag)| {
            Step::Park { queue, connection_id, queue_offset, deadline_ms, tag }
        }),
        2 => (0..3_usize, 0..5_u64, vec(0..3_i64, 0..3)).prop_map(
            |(queue, queue_offset_max, tags)| Step::Arrived { queue, queue_offset_max, tags }
        ),
        1 => (0..3_usize, 0..5_u64)
            .prop_map(|(queue, queue_offset_max)| Step::Grown { queue, queue_offset_max }),
        1 => (0..8_i64).prop_map(|now_ms| Step::Expire { now_ms }),
        1 => (0..3_u64).prop_map(|connection_id| Step::Closed { connection_id }),
        1 => (0..3_usize).prop_map(|queue| Step::Released { queue }),
        1 => (0..3_usize, 0..3_i64).prop_map(|(queue, tag)| Step::ReleasedIf { queue, tag }),
    ]
}

/// Whether a step takes this pull, which wants this tag code.
type Takes = Box<dyn Fn(&Parked<()>, i64) -> bool>;

/// Does the step; returns what it should have taken.
fn take(hold: &mut PullHold<Pull>, step: Step, taken: &mut Vec<Parked<Pull>>) -> Takes {
    match step {
        Step::Park { .. } => Box::new(|_, _| false),
        Step::Arrived { queue, queue_offset_max, tags } => {
            hold.arrived(QueueKey(queue), queue_offset_max, &tags, taken);
            Box::new(move |pull, tag| {
                pull.key.0 == queue && pull.queue_offset < queue_offset_max && tags.contains(&tag)
            })
        }
        Step::Grown { queue, queue_offset_max } => {
            hold.grown(QueueKey(queue), queue_offset_max, taken);
            Box::new(move |pull, _| pull.key.0 == queue && pull.queue_offset < queue_offset_max)
        }
        Step::Expire { now_ms } => {
            hold.expire(now_ms, taken);
            Box::new(move |pull, _| pull.deadline_ms <= now_ms)
        }
        Step::Closed { connection_id } => {
            hold.closed(connection_id, taken);
            Box::new(move |pull, _| pull.connection_id == connection_id)
        }
        Step::Released { queue } => {
            hold.released(QueueKey(queue), taken);
            Box::new(move |pull, _| pull.key.0 == queue)
        }
        Step::ReleasedIf { queue, tag } => {
            hold.released_if(QueueKey(queue), taken, |pull| pull.1 == tag);
            Box::new(move |pull, wanted| pull.key.0 == queue && wanted == tag)
        }
    }
}

proptest! {
    #[test]
    fn every_pull_leaves_once_and_for_a_reason(steps in vec(step(), 0..60)) {
        let mut hold = PullHold::new(12);
        // By number: what was parked and has not left.
        let mut model: Vec<(usize, Parked<()>, i64)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            if let Step::Park { queue, connection_id, queue_offset, deadline_ms, tag } = step {
                let key = QueueKey(queue);
                let room = model.len() < 12;
                if room {
                    let payload = ();
                    let pull = Parked { key, connection_id, queue_offset, deadline_ms, payload };
                    model.push((number, pull, tag));
                }
                let payload = Pull(number, tag);
                let pull = Parked { key, connection_id, queue_offset, deadline_ms, payload };
                prop_assert_eq!(hold.park(pull).is_ok(), room);
            } else {
                let mut taken = Vec::new();
                let wanted = take(&mut hold, step, &mut taken);
                let mut taken: Vec<usize> = taken.iter().map(|pull| pull.payload.0).collect();
                taken.sort_unstable();
                let expected: Vec<usize> = model
                    .extract_if(.., |(_, pull, tag)| wanted(pull, *tag))
                    .map(|(number, ..)| number)
                    .collect();
                prop_assert_eq!(taken, expected);
            }
            prop_assert_eq!(hold.len(), model.len());
            let next = model.iter().map(|(_, pull, _)| pull.deadline_ms).min();
            prop_assert_eq!(hold.next_deadline_ms(), next);
            for queue in 0..3 {
                let waits = model.iter().any(|(_, pull, _)| pull.key.0 == queue);
                prop_assert_eq!(hold.waits_for(QueueKey(queue)), waits);
            }
        }
        let mut rest = Vec::new();
        hold.release_all(&mut rest);
        let mut rest: Vec<usize> = rest.iter().map(|pull| pull.payload.0).collect();
        rest.sort_unstable();
        let left: Vec<usize> = model.iter().map(|(number, ..)| *number).collect();
        prop_assert_eq!(rest, left);
        prop_assert!(hold.is_empty());
    }
}
