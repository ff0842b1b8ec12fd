//! Batches in every form that official clients make, consumed message by message.

use std::collections::BTreeSet;

use remora_tests::{Driver, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    assert_offsets_without_gap, drain, only, producer, push, send, sorted, sorted_texts, stop_push,
    texts, topic,
};
use crate::go_client;

const COUNT: usize = 24;

/// Messages with a tag and a key of their own each.
fn keyed(prefix: &str) -> Value {
    (0..COUNT)
        .map(|n| json!({ "body": format!("{prefix}-{n}"), "tags": "B", "keys": format!("{prefix}-key-{n}") }))
        .collect()
}

fn keyed_bodies(prefix: &str) -> Vec<String> {
    sorted((0..COUNT).map(|n| format!("{prefix}-{n}")).collect())
}

/// Asserts that each message is found by its key, alone, and by both its ids.
#[track_caller]
fn assert_found(java: &Driver, producer: &str, topic: &str, messages: &[Value]) {
    let last = messages.last().unwrap_or(&Value::Null);
    let wait = json!({ "producer": producer, "topic": topic, "key": last["keys"], "atLeast": 1 });
    java.ask("queryByKey", &wait);
    let place = |message: &Value| only(message, &["msgId", "queue", "offset", "body", "keys"]);
    for message in messages {
        let key = message["keys"].as_str().unwrap_or_default().trim();
        let by_key = json!({ "producer": producer, "topic": topic, "key": key, "atLeast": 1 });
        let found = java.call("queryByKey", &by_key).all("received");
        assert_eq!(found.iter().map(place).collect::<Vec<_>>(), [place(message)]);
        let by_id = json!({ "producer": producer, "topic": topic, "msgId": message["msgId"] });
        let found = java.ask("viewMessage", &by_id);
        assert_eq!(place(&found["message"]), place(message));
    }
}

/// Everything in the topic, as a push consumer gets it: each message alone and once.
#[track_caller]
fn consumed(java: &Driver, target: &Target, topic: &str, count: usize) -> Vec<Value> {
    let consumer = unique("push");
    let stream = push(java, target, &consumer, topic, &json!({}));
    let received = stream.take("received", count);
    stop_push(java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
    received
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn javas_batches_of_every_manner_are_consumed_one_by_one_and_found_by_key_and_id() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    for (op, more) in [
        ("send", json!({ "manner": "batch", "queue": 1 })),
        ("batch.async", json!({})),
        ("batch.oneway", json!({})),
    ] {
        let topic = topic(java, &producer, 2);
        let mut args = json!({ "producer": producer, "topic": topic, "messages": keyed(op) });
        if let (Some(args), Some(more)) = (args.as_object_mut(), more.as_object()) {
            args.extend(more.clone());
        }
        let sent = java.call(op, &args).all("sent");
        let received = consumed(java, &target, &topic, COUNT);
        assert_eq!(sorted_texts(&received, "body"), keyed_bodies(op));
        let ids: BTreeSet<String> = texts(&received, "msgId").into_iter().collect();
        assert_eq!(ids.len(), COUNT);
        let stored = drain(java, &target, &topic);
        assert_offsets_without_gap(&stored);
        // In one queue, in their order.
        assert_eq!(
            texts(&stored, "body"),
            texts(keyed(op).as_array().map_or(&[], Vec::as_slice), "body")
        );
        if op == "batch.oneway" {
            assert_eq!(sent, Vec::<Value>::new());
        } else {
            assert_eq!(texts(&sent, "msgId"), [texts(&stored, "msgId").join(",")]);
            assert_eq!((&sent[0]["queue"], &sent[0]["offset"]), (&stored[0]["queue"], &json!(0)));
            let offset_ids = sent[0]["offsetMsgId"].as_str().unwrap_or_default().split(',');
            let by_offset_id: Vec<Value> = offset_ids
                .map(|id| {
                    let args = json!({ "producer": producer, "topic": topic, "msgId": id });
                    java.ask("viewMessage", &args)["message"]["body"].clone()
                })
                .collect();
            assert_eq!(by_offset_id, stored.iter().map(|m| m["body"].clone()).collect::<Vec<_>>());
        }
        assert_found(java, &producer, &topic, &stored);
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn javas_producer_that_gathers_batches_tells_each_caller_its_own_place() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    let args = json!({ "producer": producer, "topic": topic, "messages": keyed("gathered") });
    let sent = java.call("batch.gathered", &args).all("sent");
    let stored = drain(java, &target, &topic);
    assert_eq!(sorted_texts(&stored, "body"), keyed_bodies("gathered"));
    assert_offsets_without_gap(&stored);
    let place = |event: &Value| only(event, &["msgId", "queue", "offset"]).to_string();
    assert_eq!(
        sorted(sent.iter().map(place).collect()),
        sorted(stored.iter().map(place).collect())
    );
    assert_found(java, &producer, &topic, &stored);
    let received = consumed(java, &target, &topic, COUNT);
    assert_eq!(sorted_texts(&received, "body"), keyed_bodies("gathered"));
}

#[test]
#[cfg_attr(any(no_java, no_go), ignore = "skipped: no JDK, Maven or Go")]
fn gos_batch_is_found_by_key_and_id_and_consumed_by_java_one_by_one() {
    let (java, go, target) = (interop::java(), interop::go(), Target::shared());
    let (sender, topic) = (go_client::producer(go, &target), go_client::topic(go, &target, 1));
    send(go, &sender, &topic, &keyed("go"), &json!({ "manner": "batch" }));
    let stored = drain(java, &target, &topic);
    assert_eq!(texts(&stored, "body"), (0..COUNT).map(|n| format!("go-{n}")).collect::<Vec<_>>());
    assert_offsets_without_gap(&stored);
    let producer = producer(java, &target, &json!({}));
    assert_found(java, &producer, &topic, &stored);
    assert_eq!(sorted_texts(&consumed(java, &target, &topic, COUNT), "body"), keyed_bodies("go"));
    go.ask("producer.stop", &json!({ "producer": sender }));
}

/// Apache keeps a batch to a topic of batch queues whole and its clients take it apart; here every
/// topic has plain queues, and consumers get the same.
#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn batch_to_a_topic_of_batch_queues_is_consumed_one_by_one() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = unique("batchcq");
    let create = json!({
        "nameserver": target.nameserver(), "topic": topic,
        "attributes": { "+queue.type": "BatchCQ" },
    });
    java.ask("topic.create", &create);
    send(java, &producer, &topic, &keyed("inner"), &json!({ "manner": "batch" }));
    let received = consumed(java, &target, &topic, COUNT);
    assert_eq!(sorted_texts(&received, "body"), keyed_bodies("inner"));
}
