//! The official Go client: long field names (code 10), its own way to acknowledge, array keys.

use std::collections::BTreeSet;

use remora_tests::{Driver, Stream, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    assert_offsets_without_gap, numbered, numbered_bodies, only, send, sorted, sorted_texts, texts,
    user_properties, with,
};

const TAGS: [&str; 3] = ["A", "B", "C"];

#[track_caller]
pub fn producer(go: &Driver, target: &Target) -> String {
    let name = unique("go-producer");
    let args =
        json!({ "producer": name, "group": unique("pg"), "nameserver": target.nameserver() });
    go.ask("producer", &args);
    name
}

/// A new topic, made by the client's admin.
#[track_caller]
pub fn topic(go: &Driver, target: &Target, queues: usize) -> String {
    let topic = unique("go-topic");
    admin(go, target, "createTopic", &topic, queues);
    topic
}

#[track_caller]
fn admin(go: &Driver, target: &Target, op: &str, topic: &str, queues: usize) -> Value {
    let servers = json!({ "nameserver": target.nameserver(), "broker": target.broker() });
    go.ask(op, &with(servers, &json!({ "topic": topic, "queues": queues })))
}

#[track_caller]
pub fn push(go: &Driver, target: &Target, consumer: &str, topic: &str, more: &Value) -> Stream {
    let args = json!({
        "consumer": consumer, "group": unique("cg"), "nameserver": target.nameserver(), "topic": topic,
        "tags": "*",
    });
    let stream = go.call("push", &with(args, more));
    stream.expect("started");
    stream
}

#[test]
#[cfg_attr(no_go, ignore = "skipped: no Go")]
fn go_sends_in_every_manner_and_a_push_consumer_receives_all_as_sent() {
    let (go, target) = (interop::go(), Target::shared());
    let producer = producer(go, &target);
    let topic = topic(go, &target, 2);
    let messages: Value = (0..20)
        .map(|n| {
            json!({
                "body": format!("sync-{n} \u{e4}\u{6f22}"), "tags": "S", "keys": format!("k{n} all"),
                "props": { "colour": "blue" },
            })
        })
        .collect();

    let mut sent = send(go, &producer, &topic, &messages, &json!({}));
    let asynchronous = json!({ "manner": "async" });
    sent.extend(send(go, &producer, &topic, &numbered("async", 50), &asynchronous));
    let batch = send(go, &producer, &topic, &numbered("batch", 10), &json!({ "manner": "batch" }));
    send(go, &producer, &topic, &numbered("oneway", 20), &json!({ "manner": "oneway" }));
    assert!(sent.iter().chain(&batch).all(|answer| answer["status"] == 0), "{sent:?} {batch:?}");

    let consumer = unique("go-push");
    let stream = push(go, &target, &consumer, &topic, &json!({}));
    let received = stream.take("received", 100);
    go.ask("push.stop", &json!({ "consumer": consumer }));
    assert_eq!(stream.all("received"), Vec::<Value>::new());

    let mut expected: Vec<String> = texts(messages.as_array().map_or(&[], Vec::as_slice), "body");
    for (prefix, count) in [("async", 50), ("batch", 10), ("oneway", 20)] {
        expected.extend(numbered_bodies(prefix, count));
    }
    assert_eq!(sorted_texts(&received, "body"), sorted(expected));
    let places = |events: &[Value]| -> BTreeSet<String> {
        events.iter().map(|event| only(event, &["queue", "offset", "msgId"]).to_string()).collect()
    };
    let (sent_places, received_places) = (places(&sent), places(&received));
    assert_eq!(sent_places.len(), 70);
    assert!(sent_places.is_subset(&received_places), "{sent_places:?} {received_places:?}");
    for message in received.iter().filter(|message| message["tags"] == "S") {
        assert_eq!(user_properties(message), json!({ "colour": "blue" }));
        let number = message["body"].as_str().and_then(|body| body.split(['-', ' ']).nth(1));
        assert_eq!(
            message["keys"].as_str().map(str::trim),
            number.map(|n| format!("k{n} all")).as_deref()
        );
    }
    go.ask("producer.stop", &json!({ "producer": producer }));
}

#[test]
#[cfg_attr(no_go, ignore = "skipped: no Go")]
fn go_push_consumers_filter_by_tag_and_broadcast() {
    let (go, target) = (interop::go(), Target::shared());
    let producer = producer(go, &target);
    let topic = topic(go, &target, 2);
    let group = unique("cg");
    let broadcast = json!({ "group": group, "model": "BROADCASTING" });
    let tagged = json!({ "tags": "A || B" });
    let names = [unique("go-push"), unique("go-push"), unique("go-push")];
    let streams = [
        push(go, &target, &names[0], &topic, &broadcast),
        push(go, &target, &names[1], &topic, &broadcast),
        push(go, &target, &names[2], &topic, &tagged),
    ];
    let messages: Value =
        (0..30).map(|n| json!({ "body": format!("m-{n}"), "tags": TAGS[n % 3] })).collect();
    send(go, &producer, &topic, &messages, &json!({}));

    let all = sorted(numbered_bodies("m", 30));
    let tagged: Vec<String> = (0..30).filter(|n| n % 3 != 2).map(|n| format!("m-{n}")).collect();
    for (stream, expected) in streams.iter().zip([all.clone(), all, sorted(tagged)]) {
        assert_eq!(sorted_texts(&stream.take("received", expected.len()), "body"), expected);
    }
    for (name, stream) in names.iter().zip(&streams) {
        go.ask("push.stop", &json!({ "consumer": name }));
        assert_eq!(stream.all("received"), Vec::<Value>::new());
    }
}

#[test]
#[cfg_attr(no_go, ignore = "skipped: no Go")]
fn go_pulls_one_queue_from_an_offset_in_order() {
    let (go, target) = (interop::go(), Target::shared());
    let producer = producer(go, &target);
    let topic = topic(go, &target, 1);
    send(go, &producer, &topic, &numbered("pull", 40), &json!({}));
    let pull = |offset: usize| {
        let args = json!({
            "consumer": unique("go-pull"), "group": unique("cg"), "nameserver": target.nameserver(),
            "topic": topic, "tags": "*", "queue": 0, "offset": offset, "count": 40 - offset,
        });
        go.call("pull", &args).all("received")
    };
    let from_start = pull(0);
    assert_eq!(texts(&from_start, "body"), numbered_bodies("pull", 40));
    assert_offsets_without_gap(&from_start);
    assert_eq!(texts(&pull(25), "body"), numbered_bodies("pull", 40)[25..]);
}

#[test]
#[cfg_attr(no_go, ignore = "skipped: no Go")]
fn go_admin_creates_lists_and_deletes_topics() {
    let (go, target) = (interop::go(), Target::shared());
    let topic = topic(go, &target, 3);
    let listed = |topic: &str| {
        let answer = admin(go, &target, "listTopics", "", 0);
        let names = answer["topics"].as_array().cloned().unwrap_or_default();
        names.contains(&json!(topic))
    };
    assert!(listed(&topic));
    admin(go, &target, "deleteTopic", &topic, 0);
    assert!(!listed(&topic));
}
