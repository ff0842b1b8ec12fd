//! Compaction topics: of each key the last message counts.

use remora_tests::{Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{drain, producer, push, send, stop_push, texts};
use crate::mqadmin::mqadmin;

const KEYS: usize = 4;
const ROUNDS: usize = 5;

fn bodies(rounds: std::ops::Range<usize>) -> Vec<String> {
    rounds.flat_map(|round| (0..KEYS).map(move |key| format!("{round}-of-{key}"))).collect()
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn who_reads_along_sees_every_update_and_who_comes_later_each_keys_last() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let (topic, broker) = (unique("compacted"), target.broker());
    let set = |attributes: &str| {
        let args = ["updateTopic", "-b", &broker, "-t", &topic, "-r", "1", "-w", "1"];
        let printed = mqadmin(java, &target, &[&args[..], &["-a", attributes]].concat());
        assert!(printed.contains("success"), "{printed}");
    };
    set("+cleanup.policy=COMPACTION");
    let consumer = unique("push");
    let along = push(java, &target, &consumer, &topic, &json!({}));
    let messages: Value = (0..ROUNDS)
        .flat_map(|round| (0..KEYS).map(move |key| (round, key)))
        .map(|(round, key)| {
            json!({ "body": format!("{round}-of-{key}"), "keys": format!("key-{key}") })
        })
        .collect();
    send(java, &producer, &topic, &messages, &json!({}));
    let mut seen = texts(&along.take("received", KEYS * ROUNDS), "body");
    seen.sort();
    assert_eq!(seen, bodies(0..ROUNDS));
    stop_push(java, &consumer);

    // Everything may be compacted at once: no need to wait a quarter of an hour.
    set("+remora.compaction.lag.ms=0");
    let left = drain(java, &target, &topic);
    assert_eq!(texts(&left, "body"), bodies(ROUNDS - 1..ROUNDS));

    let keyless = json!([{ "body": "without a key" }]);
    let args = json!({ "producer": producer, "topic": topic, "messages": keyless });
    let failure = java.call("send", &args).failure();
    let trace = failure["trace"].as_str().unwrap_or_default();
    assert!(trace.contains("CODE: 13 ") && trace.contains("KEYS"), "{failure}");
}
