//! The order in which a pop goes about its queues: pure, the draw comes from outside.
use std::collections::BTreeMap;

use crate::quota::AttributeError;

/// How many of a group's 100 pops of a topic for PRIORITY messages begin with the highest priority;
/// 0 to 100.
const PRIORITY_FACTOR: &str = "priority.factor";

/// Apache's.
const PRIORITY_FACTOR_DEFAULT: u64 = 100;

/// Draws are below this.
const DRAWS: u64 = 100;

/// The order of one pop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Course {
    pub retries_first: bool,
    pub queues: QueueOrder,
}

/// The order of a topic's queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum QueueOrder {
    /// From this one (modulo their count) on, and round to the one before it.
    From(u64),
    /// From the last queue, which has the highest priority, to the first.
    HighestFirst,
}

impl Course {
    /// Of the pop that comes as number `turn`. `priority_factor`: where it may go by priority. One
    /// that does has the retries last, as Apache's where nothing else is set.
    pub fn of(turn: u64, priority_factor: Option<u64>, from_retry_percent: u32) -> Self {
        // 37 and 100 have no common divisor: the share is even over any run of pops.
        let draw = turn.wrapping_mul(37) % DRAWS;
        if priority_factor.is_some_and(|factor| draw < factor) {
            return Self { retries_first: false, queues: QueueOrder::HighestFirst };
        }
        let retries_first = draw < u64::from(from_retry_percent);
        Self { retries_first, queues: QueueOrder::From(turn) }
    }
}

impl QueueOrder {
    /// The ids of `count` queues.
    pub fn ids(self, count: i32) -> impl Iterator<Item = i32> {
        let count = count.max(0);
        let divisor = u64::try_from(count.max(1)).unwrap_or(1);
        let first = match self {
            Self::From(turn) => i32::try_from(turn % divisor).unwrap_or(0),
            Self::HighestFirst => 0,
        };
        let highest_first = self == Self::HighestFirst;
        (first..count)
            .chain(0..first)
            .map(move |queue_id| if highest_first { count - 1 - queue_id } else { queue_id })
    }
}

/// Refuses a group's attribute that is no share.
pub(crate) fn check_priority_factor(
    attributes: &BTreeMap<String, String>,
) -> Result<(), AttributeError> {
    parse(attributes).map(|_| ())
}

/// A group's share; one that is none came from a file, and is as if it were not there.
pub(super) fn priority_factor(attributes: &BTreeMap<String, String>) -> u64 {
    parse(attributes).unwrap_or(PRIORITY_FACTOR_DEFAULT)
}

fn parse(attributes: &BTreeMap<String, String>) -> Result<u64, AttributeError> {
    let Some(value) = attributes.get(PRIORITY_FACTOR) else { return Ok(PRIORITY_FACTOR_DEFAULT) };
    let factor = value.parse().ok().filter(|factor| *factor <= DRAWS);
    factor.ok_or_else(|| AttributeError {
        name: PRIORITY_FACTOR,
        value: value.clone(),
        expected: "a whole number from 0 to 100",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(order: QueueOrder, count: i32) -> Vec<i32> {
        order.ids(count).collect()
    }

    #[test]
    fn queues_are_gone_round_from_each_in_turn_or_from_the_highest_priority_down() {
        assert_eq!(ids(QueueOrder::From(0), 4), [0, 1, 2, 3]);
        assert_eq!(ids(QueueOrder::From(6), 4), [2, 3, 0, 1]);
        assert_eq!(ids(QueueOrder::HighestFirst, 4), [3, 2, 1, 0]);
        assert_eq!(ids(QueueOrder::HighestFirst, 0), [] as [i32; 0]);
        assert_eq!(ids(QueueOrder::From(7), 0), [] as [i32; 0]);
    }

    #[test]
    fn of_any_hundred_pops_as_many_as_the_factor_says_go_by_priority() {
        for (factor, from) in [(0, 0), (1, 7), (50, 1_000), (100, 3)] {
            let by_priority = (from..from + 100)
                .map(|turn| Course::of(turn, Some(factor), 20))
                .filter(|course| course.queues == QueueOrder::HighestFirst);
            assert_eq!(by_priority.count() as u64, factor);
        }
    }

    #[test]
    fn a_pop_by_priority_has_the_retries_last_and_another_as_often_first_as_is_set() {
        let first = |factor: Option<u64>| {
            let courses = (0..100).map(|turn| Course::of(turn, factor, 20));
            courses.filter(|course| course.retries_first).count()
        };
        assert_eq!(
            (first(None), first(Some(0)), first(Some(5)), first(Some(100))),
            (20, 20, 15, 0)
        );
    }

    #[test]
    fn factor_is_a_share_of_a_hundred_and_by_default_all() {
        let of = |value: &str| [(PRIORITY_FACTOR.to_owned(), value.to_owned())].into();
        assert_eq!(priority_factor(&BTreeMap::new()), 100);
        assert_eq!((priority_factor(&of("30")), priority_factor(&of("some"))), (30, 100));
        assert!(
            check_priority_factor(&of("0")).is_ok() && check_priority_factor(&of("100")).is_ok()
        );
        for value in ["101", "-1", "some", ""] {
            let error = check_priority_factor(&of(value)).unwrap_err();
            assert_eq!((error.name, error.value.as_str()), (PRIORITY_FACTOR, value));
        }
    }
}
