//! The official Java producer in all its manners.

use remora_tests::{Kind, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    assert_offsets_without_gap, drain, numbered, numbered_bodies, only, producer, send, sorted,
    sorted_texts, texts, topic, user_properties, with,
};

const PLACE: [&str; 4] = ["msgId", "topic", "queue", "offset"];

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn sync_send_stores_each_message_as_it_was_and_where_the_answer_says() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 4);
    let messages: Value = (0..40)
        .map(|n| {
            json!({
                "body": format!("body {n} \u{e4}\u{6f22}\u{5b57} \n\"quoted\""),
                "tags": format!("tag-{}", n % 3),
                "keys": format!("key-{n} all"),
                "flag": n,
                "props": { "colour": "blue", "number": n.to_string() },
            })
        })
        .collect();

    let mut sent = send(java, &producer, &topic, &messages, &json!({}));
    let stored = drain(java, &target, &topic);

    assert!(sent.iter().all(|answer| answer["status"] == "SEND_OK"), "{sent:?}");
    let expected: Vec<Value> = sent
        .iter()
        .zip(messages.as_array().into_iter().flatten())
        .map(|(answer, message)| with(only(answer, &PLACE), message))
        .collect();
    let mut got: Vec<Value> = stored
        .iter()
        .map(|message| {
            let content = only(message, &["body", "tags", "keys", "flag"]);
            let content = with(content, &json!({ "props": user_properties(message) }));
            with(only(message, &PLACE), &content)
        })
        .collect();
    got.sort_by_key(|message| message["flag"].as_i64());
    assert_eq!(got, expected);
    assert_offsets_without_gap(&stored);
    // The producer goes round the queues: ten each.
    sent.sort_by_key(|answer| (answer["queue"].as_i64(), answer["offset"].as_i64()));
    let places: Vec<_> = sent.iter().map(|s| (s["queue"].as_i64(), s["offset"].as_i64())).collect();
    let all: Vec<_> = (0..4).flat_map(|q| (0..10).map(move |o| (Some(q), Some(o)))).collect();
    assert_eq!(places, all);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn async_sends_are_all_answered_and_stored_once() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 4);

    let sent =
        send(java, &producer, &topic, &numbered("async", 500), &json!({ "manner": "async" }));
    let stored = drain(java, &target, &topic);

    assert_eq!(sorted_texts(&stored, "body"), sorted(numbered_bodies("async", 500)));
    assert_offsets_without_gap(&stored);
    let place = |event: &Value| only(event, &PLACE).to_string();
    assert_eq!(
        sorted(stored.iter().map(place).collect()),
        sorted(sent.iter().map(place).collect())
    );
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn oneway_sends_to_one_queue_arrive_in_order() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    let consumer = unique("lite");
    java.ask(
        "lite",
        &json!({ "consumer": consumer, "group": unique("cg"), "nameserver": target.nameserver() }),
    );
    java.ask("lite.assign", &json!({ "consumer": consumer, "topic": topic, "queues": [1] }));
    java.ask(
        "lite.seek",
        &json!({ "consumer": consumer, "topic": topic, "queue": 1, "to": "begin" }),
    );

    let manner = json!({ "manner": "oneway", "queue": 1 });
    send(java, &producer, &topic, &numbered("oneway", 100), &manner);

    let poll = java.call("lite.poll", &json!({ "consumer": consumer, "count": 100 }));
    let received = poll.all("received");
    java.ask("lite.stop", &json!({ "consumer": consumer }));
    if target.kind() == Kind::Apache {
        // Its thread pool overtakes itself: all there, in some order.
        let bodies = sorted_texts(&received, "body");
        assert_eq!(bodies, sorted(numbered_bodies("oneway", 100)));
    } else {
        assert_eq!(texts(&received, "body"), numbered_bodies("oneway", 100));
    }
    assert_offsets_without_gap(&received);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn batch_send_gives_its_messages_neighbouring_offsets_and_ids_of_their_own() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    send(java, &producer, &topic, &numbered("before", 3), &json!({}));
    let messages: Value = (0..32)
        .map(|n| json!({ "body": format!("batch-{n}"), "tags": "B", "keys": format!("k{n}") }))
        .collect();

    let sent = send(java, &producer, &topic, &messages, &json!({ "manner": "batch" }));
    let stored = drain(java, &target, &topic);

    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["offset"], 3);
    let batch = &stored[3..];
    assert_eq!(texts(batch, "body"), numbered_bodies("batch", 32));
    assert_eq!(texts(batch, "keys"), (0..32).map(|n| format!("k{n}")).collect::<Vec<_>>());
    assert_eq!(texts(batch, "msgId").join(","), sent[0]["msgId"]);
    assert_eq!(sent[0]["offsetMsgId"].as_str().map(|ids| ids.split(',').count()), Some(32));
    assert_offsets_without_gap(&stored);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn large_bodies_come_back_whole_compressed_by_the_client_or_not() {
    const BODY_BYTES: usize = 1024 * 1024;
    let (java, target) = (interop::java(), Target::shared());
    let body: Vec<u8> = (b'a'..=b'z').cycle().take(BODY_BYTES).collect();
    let crc = crc32fast::hash(&body);
    for (compress_over_bytes, compressed) in [(4096, true), (8 * 1024 * 1024, false)] {
        let producer =
            producer(java, &target, &json!({ "compressOverBytes": compress_over_bytes }));
        let topic = topic(java, &producer, 1);
        send(java, &producer, &topic, &json!([{ "bodyBytes": BODY_BYTES }]), &json!({}));
        let stored = drain(java, &target, &topic);
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0]["bodyBytes"], BODY_BYTES);
        assert_eq!(stored[0]["bodyCrc"], crc);
        let stored_bytes = stored[0]["storeBytes"].as_u64().unwrap_or_default();
        assert_eq!(stored_bytes < 64 * 1024, compressed, "{stored_bytes} bytes stored");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn the_vip_channel_takes_sends() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({ "vip": true }));
    let topic = topic(java, &producer, 1);
    send(java, &producer, &topic, &numbered("vip", 5), &json!({}));
    assert_eq!(texts(&drain(java, &target, &topic), "body"), numbered_bodies("vip", 5));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_topic_that_does_not_exist_is_created_by_the_first_send() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = unique("auto");
    let sent = send(java, &producer, &topic, &numbered("auto", 8), &json!({}));
    assert_eq!(sent.len(), 8);
    let stored = drain(java, &target, &topic);
    assert_eq!(sorted_texts(&stored, "body"), sorted(numbered_bodies("auto", 8)));
    // The producer asks for 4 queues, fewer than the template's 8.
    let queues = java.ask("producer.queues", &json!({ "producer": producer, "topic": topic }));
    assert_eq!(queues["queues"], json!([0, 1, 2, 3]));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_client_that_writes_binary_headers_sends_and_pulls() {
    let target = Target::shared();
    let java = interop::java_with(&["-Drocketmq.serialize.type=ROCKETMQ"]);
    let producer = producer(&java, &target, &json!({}));
    let topic = topic(&java, &producer, 1);
    let sent = send(&java, &producer, &topic, &numbered("binary", 10), &json!({}));
    let offsets: Vec<_> = sent.iter().map(|answer| answer["offset"].as_i64()).collect();
    assert_eq!(offsets, (0..10).map(Some).collect::<Vec<_>>());
    assert_eq!(texts(&drain(&java, &target, &topic), "body"), numbered_bodies("binary", 10));
}
