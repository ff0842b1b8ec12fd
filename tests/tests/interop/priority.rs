//! Messages with a priority: the broker puts them into the queue of it, and pops begin with the
//! highest.

use remora_tests::{Target, interop};
use serde_json::{Value, json};

use crate::common::{producer, send, texts, topic, topic_with};
use crate::pops::Taker;

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_java_message_with_a_priority_goes_to_the_queue_of_it_or_to_the_last_one() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 4);
    let of = |priority: i32| json!({ "body": format!("p{priority}"), "priority": priority });
    let messages: Value = [2, 0, 9, 3, 1].map(of).into_iter().collect();
    // Named to go elsewhere: the priority decides.
    let sent = send(java, &producer, &topic, &messages, &json!({ "queue": 1 }));
    let queues: Vec<i64> = sent.iter().filter_map(|sent| sent["queue"].as_i64()).collect();
    assert_eq!(queues, [2, 0, 3, 3, 1]);
    let mut received: Vec<(String, i64)> = crate::common::drain(java, &target, &topic)
        .iter()
        .map(|m| {
            (m["body"].as_str().unwrap_or_default().to_owned(), m["queue"].as_i64().unwrap_or(-1))
        })
        .collect();
    received.sort();
    let expected = [("p0", 0), ("p1", 1), ("p2", 2), ("p3", 3), ("p9", 3)];
    assert_eq!(received, expected.map(|(body, queue)| (body.to_owned(), queue)));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_messages_of_a_topic_for_priorities_are_popped_from_the_highest_down() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic_with(java, &target, 4, &json!({ "+message.type": "PRIORITY" }));
    let of = |priority: i32| json!({ "body": format!("p{priority}"), "priority": priority });
    let messages: Value = [0, 2, 1, 3, 0, 1, 3, 2].map(of).into_iter().collect();
    send(java, &producer, &topic, &messages, &json!({}));
    let taker = Taker::new(java, &target, &topic);
    let mut bodies = Vec::new();
    while bodies.len() < 8 {
        let taken = taker.take(&json!({ "count": 1, "pollMs": 10_000 }));
        bodies.extend(texts(&taken, "body"));
    }
    assert_eq!(bodies, ["p3", "p3", "p2", "p2", "p1", "p1", "p0", "p0"]);
}
