//! Store directories change hands: Apache's broker writes one, ours goes on with it, and back
//! again.

use remora_tests::{Driver, Kind, Options, Target, interop, target::unique};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{
    assert_offsets_without_gap, drain, numbered, numbered_bodies, only, producer, send, sorted,
    sorted_texts, topic,
};

/// What a message is, whoever serves it.
const CONTENT: [&str; 12] = [
    "topic",
    "queue",
    "offset",
    "body",
    "tags",
    "keys",
    "flag",
    "msgId",
    "bornTimestamp",
    "storeTimestamp",
    "physicalOffset",
    "reconsume",
];

fn contents(messages: &[Value]) -> Vec<String> {
    sorted(messages.iter().map(|message| only(message, &CONTENT).to_string()).collect())
}

fn tagged(prefix: &str, count: usize) -> Value {
    (0..count)
        .map(|n| json!({ "body": format!("{prefix}-{n}"), "tags": "T", "keys": format!("{prefix}-key-{n}") }))
        .collect()
}

/// Lets a push consumer of the group take `count` messages, and nothing else.
#[track_caller]
fn consume(java: &Driver, target: &Target, group: &str, topic: &str, count: usize) -> Vec<String> {
    let consumer = unique("push");
    let args = json!({
        "consumer": consumer, "group": group, "nameserver": target.nameserver(), "topic": topic,
    });
    let stream = java.call("push", &args);
    stream.expect("started");
    let received = stream.take("received", count);
    java.ask("push.stop", &json!({ "consumer": consumer }));
    assert_eq!(stream.all("received"), Vec::<Value>::new());
    sorted_texts(&received, "body")
}

/// A directory that Apache's broker wrote, and what it held.
struct Written {
    dir: TempDir,
    orders: String,
    events: String,
    group: String,
    messages: Vec<Value>,
}

/// How the server that wrote a directory ended.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Stopped,
    Killed,
}

/// 60 messages of one topic, of which a group has consumed the first 40, and 10 of another.
#[track_caller]
fn written_by_apache(java: &Driver, end: End) -> Written {
    let dir = TempDir::new().unwrap_or_else(|cause| panic!("no temporary folder: {cause}"));
    // Flushed before the answer, so that a kill loses nothing that was acknowledged.
    let options = Options { sync_flush: true, ..Options::default() };
    let apache = Target::at(Kind::Apache, dir, &options);
    let producer = producer(java, &apache, &json!({}));
    let (orders, events) = (topic(java, &producer, 4), topic(java, &producer, 1));
    let group = unique("cg");
    send(java, &producer, &orders, &tagged("first", 40), &json!({}));
    assert_eq!(consume(java, &apache, &group, &orders, 40), sorted(numbered_bodies("first", 40)));
    send(java, &producer, &orders, &tagged("second", 20), &json!({}));
    send(java, &producer, &events, &tagged("event", 10), &json!({ "manner": "batch" }));
    let mut messages = drain(java, &apache, &orders);
    messages.extend(drain(java, &apache, &events));
    java.ask("producer.stop", &json!({ "producer": producer }));
    if end == End::Killed {
        apache.kill();
    }
    Written { dir: apache.into_dir(), orders, events, group, messages }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_store_of_apaches_is_taken_over_in_place_and_given_back() {
    let java = interop::java();
    let written = written_by_apache(java, End::Stopped);
    let Written { dir, orders, events, group, messages } = written;
    assert_eq!(messages.len(), 70);

    let ours = Target::at(Kind::chosen(), dir, &Options::default());
    let mut served = drain(java, &ours, &orders);
    assert_offsets_without_gap(&served);
    served.extend(drain(java, &ours, &events));
    assert_eq!(contents(&served), contents(&messages));
    // The group goes on after the 40 that it consumed under Apache.
    assert_eq!(consume(java, &ours, &group, &orders, 20), sorted(numbered_bodies("second", 20)));
    let producer = producer(java, &ours, &json!({}));
    let queues = java.ask("producer.queues", &json!({ "producer": producer, "topic": orders }));
    assert_eq!(queues["queues"], json!([0, 1, 2, 3]));
    for key in ["first-key-7", "event-key-3"] {
        let topic = if key.starts_with("event") { &events } else { &orders };
        let args = json!({ "producer": producer, "topic": topic, "key": key, "atLeast": 1 });
        let found = java.call("queryByKey", &args).all("received");
        assert_eq!(sorted_texts(&found, "keys"), [key]);
    }
    send(java, &producer, &orders, &tagged("third", 16), &json!({}));
    let fresh = topic(java, &producer, 2);
    send(java, &producer, &fresh, &numbered("fresh", 6), &json!({}));
    let expected: Vec<Value> =
        [&orders, &events, &fresh].iter().flat_map(|topic| drain(java, &ours, topic)).collect();
    assert_eq!(expected.len(), 92);
    java.ask("producer.stop", &json!({ "producer": producer }));

    let apache = Target::at(Kind::Apache, ours.into_dir(), &Options::default());
    let again: Vec<Value> =
        [&orders, &events, &fresh].iter().flat_map(|topic| drain(java, &apache, topic)).collect();
    assert_eq!(contents(&again), contents(&expected));
    assert_eq!(consume(java, &apache, &group, &orders, 16), sorted(numbered_bodies("third", 16)));
    let producer = crate::common::producer(java, &apache, &json!({}));
    let sent = send(java, &producer, &fresh, &numbered("last", 1), &json!({ "queue": 0 }));
    assert_eq!(sent[0]["offset"], 3);
    let args = json!({ "producer": producer, "topic": orders, "key": "third-key-5", "atLeast": 1 });
    let found = java.call("queryByKey", &args).all("received");
    assert_eq!(sorted_texts(&found, "keys"), ["third-key-5"]);
    java.ask("producer.stop", &json!({ "producer": producer }));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_store_whose_apache_broker_was_killed_is_recovered_whole() {
    let java = interop::java();
    let Written { dir, orders, events, messages, .. } = written_by_apache(java, End::Killed);
    let ours = Target::at(Kind::chosen(), dir, &Options::default());
    let mut served = drain(java, &ours, &orders);
    assert_offsets_without_gap(&served);
    served.extend(drain(java, &ours, &events));
    assert_eq!(contents(&served), contents(&messages));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn timers_of_apaches_wait_on_and_what_it_delivered_does_not_come_again() {
    let java = interop::java();
    let dir = TempDir::new().unwrap_or_else(|cause| panic!("no temporary folder: {cause}"));
    let options = Options { sync_flush: true, ..Options::default() };
    let apache = Target::at(Kind::Apache, dir, &options);
    let producer = producer(java, &apache, &json!({}));
    let (topic, group) = (topic(java, &producer, 1), unique("cg"));
    let messages = json!([
        { "body": "before", "deliverInMs": 1_500 },
        { "body": "after", "deliverInMs": 20_000 },
        { "body": "after too", "deliverInMs": 20_999 },
        { "body": "level", "level": 4 },
    ]);
    let args = json!({ "producer": producer, "topic": topic, "messages": messages });
    java.call("timer.send", &args).all("sent");
    assert_eq!(consume(java, &apache, &group, &topic, 1), ["before"]);
    java.ask("producer.stop", &json!({ "producer": producer }));

    let ours = Target::at(Kind::chosen(), apache.into_dir(), &Options::default());
    let after = ["after", "after too", "level"];
    assert_eq!(consume(java, &ours, &group, &topic, 3), after);
    for event in drain(java, &ours, &topic) {
        let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
        if let Some(asked_ms) = number(&event["props"]["TIMER_DELIVER_MS"]) {
            let stored_ms = event["storeTimestamp"].as_i64().unwrap_or_default();
            assert!(stored_ms >= asked_ms, "{} ms early: {event}", asked_ms - stored_ms);
        }
    }
}
