//! Consumption in order: one owner a queue, also after members of the group came and went.

use std::collections::{BTreeMap, BTreeSet};

use remora_tests::{Driver, Stream, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{numbered, owned_queues, producer, push, send, stop_push, topic};

const QUEUES: usize = 4;
const OF_EACH_QUEUE: usize = 50;

/// Sends the next messages of each queue.
#[track_caller]
fn send_to_each(java: &Driver, producer: &str, topic: &str) {
    for queue in 0..QUEUES {
        let messages = numbered(&format!("q{queue}"), OF_EACH_QUEUE);
        send(java, producer, topic, &messages, &json!({ "queue": queue }));
    }
}

/// Takes what one round sent to these queues: each queue's messages in its order.
#[track_caller]
fn take_round(stream: &Stream, queues: &BTreeSet<i64>, round: usize) {
    let mut given: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for event in stream.take("received", queues.len() * OF_EACH_QUEUE) {
        let number = |field: &str| event[field].as_i64().unwrap_or(-1);
        given.entry(number("queue")).or_default().push(number("offset"));
    }
    let offsets = |round: usize| i64::try_from(round * OF_EACH_QUEUE).unwrap_or(0);
    let expected: Vec<i64> = (offsets(round)..offsets(round + 1)).collect();
    let expected = queues.iter().map(|queue| (*queue, expected.clone())).collect();
    assert_eq!(given, expected, "round {round}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn every_queue_is_consumed_in_order_by_one_member_of_a_group_that_grows_and_shrinks() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, QUEUES);
    let group = json!({ "group": unique("cg"), "orderly": true });
    let (first, second) = (unique("push"), unique("push"));

    let first_stream = push(java, &target, &first, &topic, &group);
    let all = owned_queues(java, &first, &topic, QUEUES);
    send_to_each(java, &producer, &topic);
    take_round(&first_stream, &all, 0);

    let second_stream = push(java, &target, &second, &topic, &group);
    let of_second = owned_queues(java, &second, &topic, QUEUES / 2);
    let of_first = owned_queues(java, &first, &topic, QUEUES / 2);
    assert!(of_first.is_disjoint(&of_second), "{of_first:?} {of_second:?}");
    send_to_each(java, &producer, &topic);
    take_round(&first_stream, &of_first, 1);
    take_round(&second_stream, &of_second, 1);

    stop_push(java, &first);
    assert_eq!(owned_queues(java, &second, &topic, QUEUES), all);
    send_to_each(java, &producer, &topic);
    take_round(&second_stream, &all, 2);
    stop_push(java, &second);
    for stream in [first_stream, second_stream] {
        assert_eq!(stream.all("received"), Vec::<Value>::new());
    }
}
