//! What the tests of all official clients share.

use std::collections::{BTreeMap, BTreeSet};

use remora_tests::{Driver, Stream, Target, target::unique};
use serde_json::{Map, Value, json};

/// `base` with the fields of `more` added.
pub fn with(mut base: Value, more: &Value) -> Value {
    if let (Some(base), Some(more)) = (base.as_object_mut(), more.as_object()) {
        base.extend(more.clone());
    }
    base
}

/// A Java producer; gives its name.
#[track_caller]
pub fn producer(java: &Driver, target: &Target, more: &Value) -> String {
    let name = unique("producer");
    let args =
        json!({ "producer": name, "group": unique("pg"), "nameserver": target.nameserver() });
    java.ask("producer", &with(args, more));
    name
}

/// A new topic, made by the client's own `createTopic`.
#[track_caller]
pub fn topic(java: &Driver, producer: &str, queues: usize) -> String {
    let topic = unique("topic");
    java.ask("createTopic", &json!({ "producer": producer, "topic": topic, "queues": queues }));
    topic
}

/// A topic with these attributes, made with Java's administrative calls.
#[track_caller]
pub fn topic_with(java: &Driver, target: &Target, queues: usize, attributes: &Value) -> String {
    let topic = unique("topic");
    let args = json!({
        "nameserver": target.nameserver(), "topic": topic, "queues": queues,
        "attributes": attributes,
    });
    java.ask("topic.create", &args);
    topic
}

/// Sends and gives the `sent` events.
#[track_caller]
pub fn send(
    driver: &Driver,
    producer: &str,
    topic: &str,
    messages: &Value,
    more: &Value,
) -> Vec<Value> {
    let args = json!({ "producer": producer, "topic": topic, "messages": messages });
    driver.call("send", &with(args, more)).all("sent")
}

/// `count` messages with the bodies `prefix-0`, `prefix-1`, …
pub fn numbered(prefix: &str, count: usize) -> Value {
    (0..count).map(|number| json!({ "body": format!("{prefix}-{number}") })).collect()
}

/// The bodies that [`numbered`] gives.
pub fn numbered_bodies(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

/// A Java pull consumer; gives its name.
#[track_caller]
pub fn pull_consumer(java: &Driver, target: &Target) -> String {
    let name = unique("puller");
    let args =
        json!({ "consumer": name, "group": unique("cg"), "nameserver": target.nameserver() });
    java.ask("pull.start", &args);
    name
}

/// Starts a push consumer and waits until it runs.
#[track_caller]
pub fn push(driver: &Driver, target: &Target, consumer: &str, topic: &str, more: &Value) -> Stream {
    push_with(driver, "push", target, consumer, topic, more)
}

/// The same by another operation of the driver.
#[track_caller]
pub fn push_with(
    driver: &Driver,
    op: &str,
    target: &Target,
    consumer: &str,
    topic: &str,
    more: &Value,
) -> Stream {
    let args = json!({
        "consumer": consumer, "group": unique("cg"), "nameserver": target.nameserver(), "topic": topic,
    });
    let stream = driver.call(op, &with(args, more));
    stream.expect("started");
    stream
}

/// Waits until a Java push consumer has so many queues; gives them.
#[track_caller]
pub fn owned_queues(java: &Driver, consumer: &str, topic: &str, count: usize) -> BTreeSet<i64> {
    let args = json!({ "consumer": consumer, "topic": topic, "count": count });
    let answer = java.ask("push.queues", &args);
    answer["queues"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect()
}

#[track_caller]
pub fn stop_push(driver: &Driver, consumer: &str) {
    driver.ask("push.stop", &json!({ "consumer": consumer }));
}

/// Everything that the topic holds, through the Java pull consumer, queue by queue.
#[track_caller]
pub fn drain(java: &Driver, target: &Target, topic: &str) -> Vec<Value> {
    let consumer = pull_consumer(java, target);
    let stream = java.call("pull.drain", &json!({ "consumer": consumer, "topic": topic }));
    let messages = stream.all("received");
    java.ask("pull.stop", &json!({ "consumer": consumer }));
    messages
}

/// One field of each event, as text.
pub fn texts(events: &[Value], field: &str) -> Vec<String> {
    events.iter().map(|event| event[field].as_str().unwrap_or_default().to_owned()).collect()
}

/// The same, sorted: for what comes from several queues.
pub fn sorted_texts(events: &[Value], field: &str) -> Vec<String> {
    let mut texts = texts(events, field);
    texts.sort();
    texts
}

/// Sorted copy of names.
pub fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// Only these fields of an event.
pub fn only(event: &Value, fields: &[&str]) -> Value {
    let picked: Map<_, _> =
        fields.iter().map(|field| ((*field).to_owned(), event[*field].clone())).collect();
    picked.into()
}

/// The properties that the application set, without those of the client and the broker.
pub fn user_properties(message: &Value) -> Value {
    const SYSTEM: [&str; 13] = [
        "UNIQ_KEY",
        "WAIT",
        "CLUSTER",
        "TAGS",
        "KEYS",
        "MIN_OFFSET",
        "MAX_OFFSET",
        "CONSUME_START_TIME",
        "MSG_REGION",
        "TRACE_ON",
        "INSTANCE_ID",
        "__CRC32#",
        "DELAY",
    ];
    let all = message["props"].as_object().cloned().unwrap_or_default();
    let own: Map<_, _> =
        all.into_iter().filter(|(name, _)| !SYSTEM.contains(&name.as_str())).collect();
    own.into()
}

/// Asserts that the queue offsets of each queue are 0, 1, 2, … in the order of the events.
#[track_caller]
pub fn assert_offsets_without_gap(messages: &[Value]) {
    let mut next: BTreeMap<i64, i64> = BTreeMap::new();
    for message in messages {
        let expected = next.entry(message["queue"].as_i64().unwrap_or(-1)).or_default();
        assert_eq!(message["offset"].as_i64(), Some(*expected), "{message}");
        *expected += 1;
    }
}
