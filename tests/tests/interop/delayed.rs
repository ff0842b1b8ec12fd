//! Delayed messages: levels, times to the millisecond, recall.

use std::collections::BTreeMap;

use remora_tests::{Options, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{producer, push, sorted_texts, stop_push, topic};

const LEVELS_MS: [i64; 2] = [1_000, 5_000];

fn number(event: &Value, field: &str) -> i64 {
    event[field].as_i64().unwrap_or(-1)
}

fn due_ms(event: &Value) -> Option<i64> {
    event["props"]["TIMER_OUT_MS"].as_str()?.parse().ok()
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_gets_each_delayed_message_once_and_not_before_its_time() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let consumer = unique("push");
    let received = push(java, &target, &consumer, &topic, &json!({}));
    let messages = json!([
        { "body": "level 1", "level": 1, "keys": "k1", "tags": "a" },
        { "body": "level 2", "level": 2 },
        { "body": "both", "level": 1, "delayMs": 1 },
        { "body": "seconds", "delaySec": 3 },
        { "body": "third", "deliverInMs": 3_007 },
        { "body": "first", "deliverInMs": 3_001 },
        { "body": "second", "deliverInMs": 3_002 },
        { "body": "millis", "delayMs": 1_234, "keys": "k2", "tags": "b" },
        { "body": "at once", "deliverInMs": -1_000 },
    ]);
    let args = json!({ "producer": producer, "topic": topic, "messages": messages });
    let sent = java.call("timer.send", &args).all("sent");
    let ids: Vec<&Value> = sent.iter().map(|event| &event["msgId"]).collect();

    let events = received.take("received", ids.len());
    let mut bodies = sorted_texts(&messages.as_array().unwrap().clone(), "body");
    bodies.sort();
    assert_eq!(sorted_texts(&events, "body"), bodies);
    let by_body: BTreeMap<&str, &Value> =
        events.iter().map(|event| (event["body"].as_str().unwrap_or_default(), event)).collect();
    for (index, message) in messages.as_array().into_iter().flatten().enumerate() {
        let event = by_body[message["body"].as_str().unwrap_or_default()];
        assert_eq!(&event["msgId"], ids[index]);
        for field in ["keys", "tags"] {
            assert_eq!(event[field], message[field], "{event}");
        }
        let stored_ms = number(event, "storeTimestamp");
        let (born_ms, level) = (number(event, "bornTimestamp"), message["level"].as_u64());
        if let Some(level) = level.and_then(|level| LEVELS_MS.get(usize::try_from(level).ok()? - 1))
        {
            assert!(stored_ms >= born_ms + level, "{event}");
            assert_eq!(due_ms(event), None);
        } else if message["body"] != "at once" {
            assert!(stored_ms >= due_ms(event).unwrap(), "{event}");
        }
    }
    let millis = by_body["millis"];
    let after_ms = due_ms(millis).unwrap() - number(millis, "bornTimestamp");
    assert!(after_ms >= 1_234, "{after_ms}");
    // As they are due, to the millisecond.
    let mut timed: Vec<&Value> =
        ["third", "second", "first"].iter().map(|body| by_body[body]).collect();
    timed.sort_by_key(|event| number(event, "offset"));
    let dues: Vec<i64> = timed.iter().filter_map(|event| due_ms(event)).collect();
    assert_eq!([dues[1] - dues[0], dues[2] - dues[0]], [1, 6]);
    stop_push(java, &consumer);
    assert_eq!(received.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_recalls_a_message_that_waits_and_hears_of_one_that_does_not() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let messages =
        json!([{ "body": "later", "delaySec": 3_600 }, { "body": "level", "level": 18 }]);
    let args = json!({ "producer": producer, "topic": topic, "messages": messages });
    let sent = java.call("timer.send", &args).all("sent");
    let (waiting, level) = (&sent[0], &sent[1]);
    assert_eq!(level["recallHandle"], Value::Null);
    let args = json!({ "producer": producer, "topic": topic, "handle": waiting["recallHandle"] });
    assert_eq!(java.ask("timer.recall", &args)["msgId"], waiting["msgId"]);
    let failure = java.call("timer.recall", &args).failure().to_string();
    assert!(failure.contains("CODE: 22") && failure.contains("waits"), "{failure}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn what_waits_when_the_server_is_killed_comes_once_and_not_before_its_time() {
    let (java, target) = (interop::java(), Target::fresh(&Options::default()));
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    // Some are due before the kill, some while the server is away, some after it.
    let messages: Value = (0..60)
        .map(|number| match number % 3 {
            0 => json!({ "body": format!("m-{number}"), "level": 1 }),
            _ => json!({ "body": format!("m-{number}"), "deliverInMs": 100 + number * 100 }),
        })
        .collect();
    let args = json!({ "producer": producer, "topic": topic, "messages": messages });
    let sent = java.call("timer.send", &args).all("sent");
    assert_eq!(sent.len(), 60);
    target.kill();
    target.start();
    let consumer = unique("push");
    let received = push(java, &target, &consumer, &topic, &json!({}));
    let events = received.take("received", sent.len());
    let mut bodies: Vec<String> = (0..60).map(|number| format!("m-{number}")).collect();
    bodies.sort();
    assert_eq!(sorted_texts(&events, "body"), bodies);
    for event in &events {
        let stored_ms = number(event, "storeTimestamp");
        let due_ms = due_ms(event).unwrap_or(number(event, "bornTimestamp") + LEVELS_MS[0]);
        assert!(stored_ms >= due_ms, "{event}");
    }
    stop_push(java, &consumer);
    assert_eq!(received.all("received"), Vec::<Value>::new());
}
