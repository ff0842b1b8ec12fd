//! Queues change hands while a backlog is consumed: three times, in order, and once only.

use std::{collections::BTreeMap, sync::Arc};

use remora_tests::{
    Driver, Stream, Target, interop,
    target::{Options, unique},
};
use serde_json::{Value, json};

use crate::common::{numbered, owned_queues, producer, push_with, send, stop_push, topic, with};

const QUEUES: usize = 6;

/// One message in one listener: between `begin` and `end` of the members' common clock.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Consumed {
    begin: i64,
    end: i64,
    offset: i64,
    by: String,
}

/// A group of Java consumers in one program, and what its members were given.
struct Group<'j> {
    java: &'j Driver,
    target: Arc<Target>,
    producer: String,
    topic: String,
    args: Value,
    members: Vec<(String, Stream)>,
    left: Vec<Stream>,
    /// What was taken from streams before their end.
    seen: Vec<Value>,
}

impl<'j> Group<'j> {
    /// A topic with `of_each_queue` messages in each queue, and a group without members.
    #[track_caller]
    fn with_backlog(java: &'j Driver, of_each_queue: usize, more: &Value) -> Self {
        Self::with_backlog_at(Target::shared(), java, of_each_queue, more)
    }

    #[track_caller]
    fn with_backlog_at(
        target: Arc<Target>,
        java: &'j Driver,
        of_each_queue: usize,
        more: &Value,
    ) -> Self {
        let producer = producer(java, &target, &json!({}));
        let topic = topic(java, &producer, QUEUES);
        let args = with(json!({ "group": unique("cg"), "gate": unique("gate") }), more);
        let (members, left, seen) = (Vec::new(), Vec::new(), Vec::new());
        let group = Self { java, target, producer, topic, args, members, left, seen };
        group.send_to_each(of_each_queue);
        group
    }

    #[track_caller]
    fn send_to_each(&self, count: usize) {
        for queue in 0..QUEUES {
            let messages = numbered(&format!("q{queue}"), count);
            send(self.java, &self.producer, &self.topic, &messages, &json!({ "queue": queue }));
        }
    }

    #[track_caller]
    fn join(&mut self) {
        let name = unique("member");
        let stream = push_with(self.java, "ordered", &self.target, &name, &self.topic, &self.args);
        self.members.push((name, stream));
    }

    /// Waits until the newest member is in the midst of it.
    #[track_caller]
    fn newest_consumes(&mut self) {
        let first = self.members.last().map(|(_, stream)| stream.expect("consumed"));
        self.seen.extend(first);
    }

    /// The oldest member shuts down.
    #[track_caller]
    fn leave(&mut self) {
        let (name, stream) = self.members.remove(0);
        stop_push(self.java, &name);
        self.left.push(stream);
    }

    /// Waits until every member has its share.
    #[track_caller]
    fn settle(&self) {
        for (name, _) in &self.members {
            owned_queues(self.java, name, &self.topic, QUEUES / self.members.len());
        }
    }

    /// Lets messages below this offset be consumed.
    #[track_caller]
    fn allow(&self, below: usize) {
        self.java.ask("ordered.gate", &json!({ "gate": self.args["gate"], "below": below }));
    }

    /// Waits until all that was allowed is consumed, and no message is in a listener.
    #[track_caller]
    fn quiet(&self, below: usize) {
        let names: Vec<&str> = self.members.iter().map(|(name, _)| name.as_str()).collect();
        let args = json!({
            "consumers": names, "topic": self.topic, "below": below, "queues": QUEUES,
        });
        self.java.ask("ordered.quiet", &args);
    }

    /// Ends all members; what each queue's messages went through, in the order they began.
    #[track_caller]
    fn end(mut self) -> BTreeMap<i64, Vec<Consumed>> {
        while !self.members.is_empty() {
            self.leave();
        }
        let mut queues: BTreeMap<i64, Vec<Consumed>> = BTreeMap::new();
        let rest = self.left.iter().flat_map(|stream| stream.all("consumed"));
        for event in self.seen.into_iter().chain(rest) {
            let number = |field: &str| event[field].as_i64().unwrap_or(-1);
            queues.entry(number("queue")).or_default().push(Consumed {
                begin: number("begin"),
                end: number("end"),
                offset: number("offset"),
                by: event["consumer"].as_str().unwrap_or_default().to_owned(),
            });
        }
        queues.values_mut().for_each(|queue| queue.sort_by_key(|each| each.begin));
        queues
    }
}

fn all_offsets(of_each_queue: usize) -> Vec<i64> {
    (0..i64::try_from(of_each_queue).unwrap_or(0)).collect()
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_backlog_is_consumed_in_order_through_three_rebalances_without_a_duplicate() {
    const STEP: usize = 30;
    let mut group = Group::with_backlog(interop::java(), 4 * STEP, &json!({}));
    let changes: [fn(&mut Group<'_>); 4] =
        [|group| group.join(), |group| group.join(), |group| group.join(), |group| group.leave()];
    for (round, change) in changes.into_iter().enumerate() {
        change(&mut group);
        group.settle();
        group.allow((round + 1) * STEP);
        group.quiet((round + 1) * STEP);
    }
    let consumed = group.end();
    let offsets: BTreeMap<i64, Vec<i64>> = consumed
        .iter()
        .map(|(queue, messages)| (*queue, messages.iter().map(|each| each.offset).collect()))
        .collect();
    let expected: BTreeMap<i64, Vec<i64>> =
        (0..).take(QUEUES).map(|queue| (queue, all_offsets(4 * STEP))).collect();
    assert_eq!(offsets, expected);
    for (queue, messages) in consumed {
        let overlap = messages.windows(2).find(|pair| pair[0].end > pair[1].begin);
        assert_eq!(overlap, None, "two at a time in queue {queue}");
    }
}

/// What is wrong with the order of a queue. Java's consumer drops the result of a listener whose
/// queue was taken away meanwhile (ConsumeMessageOrderlyService#processConsumeResult): the message
/// that was in it, and no other, is given to the next owner again.
fn disorder(messages: &[Consumed]) -> Option<String> {
    let mut next = 0;
    for (at, each) in messages.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| messages.get(before));
        let is_again =
            before.is_some_and(|before| before.by != each.by && before.offset == each.offset);
        if before.is_some_and(|before| before.end > each.begin) {
            return Some(format!("two at a time: {before:?}, {each:?}"));
        }
        if each.offset != next && !is_again {
            return Some(format!("{next} was next: {before:?}, {each:?}"));
        }
        next = each.offset + 1;
    }
    None
}

/// Every queue, up to this offset.
#[track_caller]
fn assert_consumed_in_order(consumed: &BTreeMap<i64, Vec<Consumed>>, last: i64) {
    let wrong: BTreeMap<i64, String> = consumed
        .iter()
        .filter_map(|(queue, messages)| Some((*queue, disorder(messages)?)))
        .collect();
    assert_eq!(wrong, BTreeMap::new());
    let ends: Vec<i64> = consumed.values().filter_map(|queue| Some(queue.last()?.offset)).collect();
    assert_eq!(ends, [last; QUEUES]);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn queues_taken_away_in_mid_backlog_are_consumed_on_in_order() {
    const OF_EACH_QUEUE: usize = 250;
    let work = json!({ "workMs": 20 });
    let mut group = Group::with_backlog(interop::java(), OF_EACH_QUEUE, &work);
    group.allow(OF_EACH_QUEUE);
    for _ in 0..3 {
        group.join();
        group.newest_consumes();
    }
    group.leave();
    group.quiet(OF_EACH_QUEUE);
    assert_consumed_in_order(&group.end(), 249);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn members_consume_on_in_order_when_the_broker_was_killed_and_came_back() {
    const OF_EACH_QUEUE: usize = 250;
    let target = Arc::new(Target::fresh(&Options { sync_flush: true, ..Options::default() }));
    let work = json!({ "workMs": 20 });
    let mut group = Group::with_backlog_at(target.clone(), interop::java(), OF_EACH_QUEUE, &work);
    (0..3).for_each(|_| group.join());
    group.settle();
    group.allow(OF_EACH_QUEUE);
    group.newest_consumes();
    target.kill();
    target.start();
    group.quiet(OF_EACH_QUEUE);
    assert_consumed_in_order(&group.end(), 249);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn concurrent_consumers_take_over_what_was_consumed_without_a_duplicate() {
    const STEP: usize = 20;
    let concurrent = json!({ "concurrent": true });
    let mut group = Group::with_backlog(interop::java(), STEP, &concurrent);
    // Each time all is consumed and nothing of it committed for sure: clients commit every 5 s. A
    // newcomer has asked before the others give their queues back and commit (LateHandOver).
    let changes: [fn(&mut Group<'_>); 4] =
        [|group| group.join(), |group| group.join(), |group| group.join(), |group| group.leave()];
    for (round, change) in changes.into_iter().enumerate() {
        change(&mut group);
        group.settle();
        if round > 0 {
            group.send_to_each(STEP);
        }
        group.quiet((round + 1) * STEP);
    }
    let consumed = group.end();
    let offsets: BTreeMap<i64, Vec<i64>> = consumed
        .into_iter()
        .map(|(queue, messages)| {
            let mut offsets: Vec<i64> = messages.iter().map(|each| each.offset).collect();
            offsets.sort_unstable();
            (queue, offsets)
        })
        .collect();
    let expected: BTreeMap<i64, Vec<i64>> =
        (0..).take(QUEUES).map(|queue| (queue, all_offsets(4 * STEP))).collect();
    assert_eq!(offsets, expected);
}
