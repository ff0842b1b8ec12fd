//! Compressed bodies between official clients and ours, by every algorithm, both ways.

use std::time::Duration;

use remora_client::{Compression, Message, Producer, PullConsumer};
use remora_protocol::record;
use remora_tests::wire::{self, Wire};
use remora_tests::{Driver, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{drain, producer, push, send, stop_push};
use crate::go_client;

/// Far over what is compressed, and more than one read.
const BODY_BYTES: usize = 300_000;
const COMPRESSED: i32 = 1;

/// The type's name in Java, ours, and its bits in sysFlag (`0x700`).
const TYPES: [(&str, Compression, i32); 3] = [
    ("LZ4", Compression::Lz4, 1 << 8),
    ("ZSTD", Compression::Zstd, 2 << 8),
    ("ZLIB", Compression::Zlib, 3 << 8),
];

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap_or_else(|cause| panic!("no runtime: {cause}"))
}

/// As the Java program makes it.
fn body(bytes: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(bytes).collect()
}

/// Everything of a topic's first queue, through our client: bodies, and whether one is still
/// compressed.
fn pulled(target: &Target, topic: &str, count: i32) -> Vec<(Vec<u8>, bool)> {
    runtime().block_on(async {
        let reader = PullConsumer::builder(unique("rust")).nameserver(target.nameserver());
        let reader = reader.start().await.unwrap_or_else(|cause| panic!("{cause}"));
        let queues = reader.queues(topic).await.unwrap_or_else(|cause| panic!("{cause}"));
        let pulled = reader.pull(&queues[0], 0, count, Duration::from_secs(2)).await;
        let pulled = pulled.unwrap_or_else(|cause| panic!("{cause}"));
        reader.shutdown().await;
        let content = |m: &remora_client::MessageView| (m.body().to_vec(), m.is_compressed());
        pulled.messages.iter().map(content).collect()
    })
}

fn sent_by_ours(target: &Target, topic: &str, kind: Compression, bodies: &[Vec<u8>]) {
    runtime().block_on(async {
        let producer =
            Producer::builder(unique("rust")).nameserver(target.nameserver()).compression(kind);
        let producer = producer.start().await.unwrap_or_else(|cause| panic!("{cause}"));
        for body in bodies {
            let sent = producer.send(Message::new(topic, body.clone())).await;
            sent.unwrap_or_else(|cause| panic!("{cause}"));
        }
        producer.shutdown().await;
    });
}

/// The compression's bits in the sysFlag of each record as it is stored: Java's consumers clear
/// them in part.
#[track_caller]
fn stored_bits(target: &Target, topic: &str) -> Vec<i32> {
    let fields = json!({
        "consumerGroup": unique("cg"), "topic": topic, "queueId": "0", "queueOffset": "0",
        "maxMsgNums": "32", "sysFlag": "4", "commitOffset": "0", "suspendTimeoutMillis": "0",
        "subscription": "*", "subVersion": "0", "expressionType": "TAG",
    });
    let reply = Wire::connect(&target.broker()).ask(11, &fields, &[]);
    let mut rest = &reply.body[..];
    let mut bits = Vec::new();
    while let Ok(record) = record::decode(rest) {
        bits.push(record.sys_flag & 0x701);
        rest = &rest[record.total_bytes as usize..];
    }
    bits
}

/// What is stored: one body compressed by this type, one as it is.
#[track_caller]
fn assert_stored(java: &Driver, target: &Target, topic: &str, bits: i32) {
    let stored = drain(java, target, topic);
    assert_eq!(stored_bits(target, topic), [COMPRESSED | bits, 0]);
    for (message, bytes) in stored.iter().zip([BODY_BYTES, 4095]) {
        assert_eq!(message["bodyBytes"], bytes);
        assert_eq!(message["bodyCrc"], crc32fast::hash(&body(bytes)));
    }
    let stored_bytes = stored[0]["storeBytes"].as_u64().unwrap_or(u64::MAX);
    assert!(stored_bytes < 20_000, "{stored_bytes}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn our_client_reads_what_java_compressed_by_every_type() {
    let (java, target) = (interop::java(), Target::shared());
    for (name, _, bits) in TYPES {
        let producer = producer(java, &target, &json!({ "compressType": name }));
        let topic = unique("packed");
        wire::create_topic(&target.broker(), &topic, 1);
        let messages = json!([{ "bodyBytes": BODY_BYTES }, { "bodyBytes": 4095 }]);
        send(java, &producer, &topic, &messages, &json!({}));
        assert_stored(java, &target, &topic, bits);
        let expected = [(body(BODY_BYTES), false), (body(4095), false)];
        assert!(pulled(&target, &topic, 2) == expected, "{name}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_reads_what_our_client_compressed_by_every_type() {
    let (java, target) = (interop::java(), Target::shared());
    for (_, kind, bits) in TYPES {
        let topic = unique("packed");
        wire::create_topic(&target.broker(), &topic, 1);
        sent_by_ours(&target, &topic, kind, &[body(BODY_BYTES), body(4095)]);
        assert_stored(java, &target, &topic, bits);
        let consumer = unique("push");
        let stream = push(java, &target, &consumer, &topic, &json!({}));
        let received = stream.take("received", 2);
        stop_push(java, &consumer);
        let mut bytes: Vec<_> = received.iter().map(|m| m["bodyBytes"].as_u64()).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, [Some(4095), Some(BODY_BYTES as u64)]);
    }
}

#[test]
#[cfg_attr(any(no_java, no_go), ignore = "skipped: no JDK, Maven or Go")]
fn go_compresses_by_zlib_and_reads_the_same_of_java_and_us() {
    let (java, go, target) = (interop::java(), interop::go(), Target::shared());
    let topic = go_client::topic(go, &target, 1);
    let (go_sender, java_sender) =
        (go_client::producer(go, &target), producer(java, &target, &json!({})));
    let text = String::from_utf8(body(BODY_BYTES)).unwrap_or_default();
    let messages = json!([{ "body": text }, { "body": &text[..4095] }]);
    send(go, &go_sender, &topic, &messages, &json!({}));
    // Go names no type: of old that means zlib.
    assert_eq!(stored_bits(&target, &topic), [COMPRESSED, 0]);
    let expected = [(body(BODY_BYTES), false), (body(4095), false)];
    assert!(pulled(&target, &topic, 2) == expected);

    send(java, &java_sender, &topic, &json!([{ "bodyBytes": BODY_BYTES }]), &json!({}));
    sent_by_ours(&target, &topic, Compression::Zlib, &[body(BODY_BYTES)]);
    let pull = json!({
        "consumer": unique("go-pull"), "group": unique("cg"), "nameserver": target.nameserver(),
        "topic": topic, "tags": "*", "queue": 0, "offset": 0, "count": 4,
    });
    let received = go.call("pull", &pull).all("received");
    let read = |n: usize, expected: &str| received[n]["body"].as_str() == Some(expected);
    assert!(read(0, &text) && read(1, &text[..4095]) && read(2, &text) && read(3, &text));
    go.ask("producer.stop", &json!({ "producer": go_sender }));
}

#[test]
#[cfg_attr(any(no_java, no_node), ignore = "skipped: no JDK, Maven, Node.js or npm")]
fn node_compresses_by_zlib_and_reads_the_same_of_java_and_us() {
    let (java, node, target) = (interop::java(), interop::node(), Target::shared());
    let (topic, sender, consumer) = (unique("node"), unique("node-producer"), unique("node-push"));
    wire::create_topic(&target.broker(), &topic, 1);
    let base = json!({ "nameserver": target.nameserver(), "group": unique("pg") });
    node.ask("producer", &crate::common::with(base.clone(), &json!({ "producer": sender })));
    let text = String::from_utf8(body(BODY_BYTES)).unwrap_or_default();
    send(node, &sender, &topic, &json!([{ "body": text }]), &json!({}));
    let java_sender = producer(java, &target, &json!({}));
    send(java, &java_sender, &topic, &json!([{ "bodyBytes": BODY_BYTES }]), &json!({}));
    sent_by_ours(&target, &topic, Compression::Zlib, &[body(BODY_BYTES)]);

    // Nor does Node.
    assert_eq!(
        stored_bits(&target, &topic),
        [COMPRESSED, COMPRESSED | 3 << 8, COMPRESSED | 3 << 8]
    );
    let crcs: Vec<Value> =
        drain(java, &target, &topic).iter().map(|m| m["bodyCrc"].clone()).collect();
    assert_eq!(crcs, vec![json!(crc32fast::hash(text.as_bytes())); 3]);
    let subscribed = json!({ "consumer": consumer, "topic": topic, "group": unique("cg") });
    let stream = node.call("push", &crate::common::with(base, &subscribed));
    stream.expect("started");
    let received = stream.take("received", 3);
    assert!(received.iter().all(|m| m["body"].as_str() == Some(&text)));
    node.ask("stop", &json!({ "name": consumer }));
    node.ask("stop", &json!({ "name": sender }));
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}
