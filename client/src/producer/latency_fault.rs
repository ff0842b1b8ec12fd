//! Which brokers to keep away from for a while: slow ones and dead ones. Pure; time is passed in.
use std::collections::HashMap;
use std::sync::Arc;

/// The shortest latency that counts as a fault, in ms.
pub(super) const SLOW_MS: u64 = 550;
/// A latency of at least the first keeps a broker out for the second, in ms. Java's table.
const LATENCY_TO_PENALTY_MS: [(u64, u64); 5] =
    [(15_000, 30_000), (5_000, 10_000), (3_000, 6_000), (1_800, 5_000), (SLOW_MS, 2_000)];
/// What a failed attempt counts as, in ms. Java: 10,000.
const FAILURE_LATENCY_MS: u64 = 10_000;

/// How an attempt to send ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The broker answered, whatever it said.
    Answered,
    /// The broker answered that it cannot take messages now.
    Refused,
    /// No connection, or no answer in time.
    Unreachable,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Fault {
    avoided_until_ms: u64,
    reachable: bool,
}

/// Brokers with a recent fault. Brokers without one are not in it, so it is nearly always empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LatencyFaults {
    faults: HashMap<Arc<str>, Fault>,
}

impl LatencyFaults {
    /// Notes how an attempt ended after `latency_ms`.
    pub fn record(
        &mut self,
        broker_name: &Arc<str>,
        latency_ms: u64,
        outcome: Outcome,
        now_ms: u64,
    ) {
        let counted_ms = match outcome {
            Outcome::Answered => latency_ms,
            Outcome::Refused | Outcome::Unreachable => latency_ms.max(FAILURE_LATENCY_MS),
        };
        let penalty_ms = LATENCY_TO_PENALTY_MS
            .iter()
            .find(|(at_least_ms, _)| counted_ms >= *at_least_ms)
            .map(|(_, penalty_ms)| *penalty_ms);
        match penalty_ms {
            Some(penalty_ms) => {
                let fault = Fault {
                    avoided_until_ms: now_ms.saturating_add(penalty_ms),
                    reachable: outcome != Outcome::Unreachable,
                };
                self.faults.insert(Arc::clone(broker_name), fault);
            }
            // One quick answer does not clear a penalty (a broker at its limit answers some), but
            // it shows that the broker can be reached.
            None => match self.faults.get_mut(broker_name) {
                Some(fault) if fault.avoided_until_ms <= now_ms => {
                    self.faults.remove(broker_name);
                }
                Some(fault) => fault.reachable = true,
                None => {}
            },
        }
    }

    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    fn is_available(&self, broker_name: &str, now_ms: u64) -> bool {
        self.faults.get(broker_name).is_none_or(|fault| fault.avoided_until_ms <= now_ms)
    }

    fn is_reachable(&self, broker_name: &str) -> bool {
        self.faults.get(broker_name).is_none_or(|fault| fault.reachable)
    }

    /// Chooses a queue, round robin from `turn`: of an available broker that is none of `tried`;
    /// else of a reachable one that is not; else of any other broker; else any. `None` only without
    /// queues.
    pub fn choose<'q, Q>(
        &self,
        queues: &'q [Q],
        broker: impl Fn(&Q) -> &Arc<str>,
        turn: usize,
        tried: &[Arc<str>],
        now_ms: u64,
    ) -> Option<&'q Q> {
        if tried.is_empty() && self.is_empty() {
            return queues.get(turn.checked_rem(queues.len())?);
        }
        let untried = |queue: &Q| !tried.contains(broker(queue));
        let available = |queue: &Q| self.is_available(broker(queue), now_ms);
        let reachable = |queue: &Q| self.is_reachable(broker(queue));
        in_turn(queues, turn, |queue| untried(queue) && available(queue))
            .or_else(|| in_turn(queues, turn, |queue| untried(queue) && reachable(queue)))
            .or_else(|| in_turn(queues, turn, untried))
            .or_else(|| in_turn(queues, turn, |_| true))
    }
}

/// Round robin among the queues that fit, so that those next to an avoided one get no more.
fn in_turn<Q>(queues: &[Q], turn: usize, fits: impl Fn(&Q) -> bool) -> Option<&Q> {
    let fitting = queues.iter().filter(|queue| fits(queue)).count();
    queues.iter().filter(|queue| fits(queue)).nth(turn.checked_rem(fitting)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::MessageQueue;

    fn name(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn queues() -> Vec<MessageQueue> {
        ["a", "a", "b", "b"]
            .iter()
            .zip([0, 1, 0, 1])
            .map(|(broker, id)| MessageQueue::new("T", *broker, id))
            .collect()
    }

    fn chosen(
        faults: &LatencyFaults,
        turns: std::ops::Range<usize>,
        tried: &[&str],
        now: u64,
    ) -> String {
        let queues = queues();
        let tried: Vec<Arc<str>> = tried.iter().map(|broker| name(broker)).collect();
        turns
            .filter_map(|turn| {
                faults.choose(&queues, |queue| &queue.broker_name, turn, &tried, now)
            })
            .map(|queue| format!("{}{} ", queue.broker_name, queue.queue_id))
            .collect()
    }

    #[test]
    fn without_faults_every_queue_gets_its_turn() {
        assert_eq!(chosen(&LatencyFaults::default(), 0..5, &[], 0), "a0 a1 b0 b1 a0 ");
    }

    #[test]
    fn a_retry_goes_to_another_broker_and_to_the_same_if_there_is_none() {
        let faults = LatencyFaults::default();
        assert_eq!(chosen(&faults, 0..4, &["a"], 0), "b0 b1 b0 b1 ");
        assert_eq!(chosen(&faults, 0..2, &["a", "b"], 0), "a0 a1 ");
    }

    #[test]
    fn a_slow_broker_is_avoided_until_its_penalty_is_over() {
        let mut faults = LatencyFaults::default();
        faults.record(&name("a"), 549, Outcome::Answered, 1_000);
        assert!(faults.is_empty());
        faults.record(&name("a"), 550, Outcome::Answered, 1_000);
        assert_eq!(chosen(&faults, 0..1, &[], 2_999), "b0 ");
        assert_eq!(chosen(&faults, 0..1, &[], 3_000), "a0 ");
        faults.record(&name("a"), 1, Outcome::Answered, 3_000);
        assert!(faults.is_empty());
    }

    #[test]
    fn when_all_are_avoided_a_reachable_one_is_preferred() {
        let mut faults = LatencyFaults::default();
        faults.record(&name("a"), 5, Outcome::Unreachable, 0);
        faults.record(&name("b"), 5, Outcome::Refused, 0);
        assert_eq!(chosen(&faults, 0..3, &[], 1), "b0 b1 b0 ");
        assert_eq!(chosen(&faults, 0..1, &["b"], 1), "a0 ", "better than giving up");
    }

    #[test]
    fn no_queues_no_choice() {
        assert_eq!(LatencyFaults::default().choose(&[], |name| name, 3, &[], 0), None);
    }
}
