//! Quotas, as administrators set them and unmodified clients meet them.

use remora_tests::{Target, interop, target::unique};
use serde_json::json;

use crate::common::{numbered, producer, push, send, stop_push, texts};
use crate::mqadmin::mqadmin;

/// Bytes a second that one message uses up for minutes, and more than any test sends.
const LOW: u64 = 1;
const HIGH: u64 = 1_000_000_000;

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_java_producer_over_quota_is_told_why_within_its_time_out_and_goes_on_when_it_may() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({ "timeoutMs": 3_000 }));
    let (topic, broker) = (unique("metered"), target.broker());
    let set = |quota: u64| {
        let attribute = format!("+remora.quota.in.bytes={quota}");
        let args = ["updateTopic", "-b", &broker, "-t", &topic, "-r", "1", "-w", "1"];
        let args = [&args[..], &["-a", &attribute]].concat();
        let printed = mqadmin(java, &target, &args);
        assert!(printed.contains("success"), "{printed}");
    };
    set(LOW);
    send(java, &producer, &topic, &numbered("first", 1), &json!({}));
    let more = json!({ "producer": producer, "topic": topic, "messages": numbered("over", 1) });
    let failure = java.call("send", &more).failure();
    let trace = failure["trace"].as_str().unwrap_or_default();
    let parts = ["MQBrokerException", "CODE: 2 ", "remora.quota.in.bytes", "send again in"];
    let missing: Vec<&str> = parts.into_iter().filter(|part| !trace.contains(part)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "{failure}");
    set(HIGH);
    assert_eq!(send(java, &producer, &topic, &numbered("then", 1), &json!({})).len(), 1);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_java_consumer_over_quota_waits_and_gets_everything_in_the_end() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let (topic, group, broker) = (unique("metered"), unique("cg"), target.broker());
    let args = ["updateTopic", "-b", &broker, "-t", &topic, "-r", "1", "-w", "1"];
    mqadmin(java, &target, &args);
    let args = ["updateSubGroup", "-b", &broker, "-g", &group, "--attributes"];
    let printed = mqadmin(java, &target, &[&args[..], &["+remora.quota.out.messages=2"]].concat());
    assert!(printed.contains("success"), "{printed}");
    let consumer = unique("push");
    let stream = push(java, &target, &consumer, &topic, &json!({ "group": group }));
    send(java, &producer, &topic, &numbered("m", 6), &json!({}));
    let mut bodies = texts(&stream.take("received", 6), "body");
    bodies.sort();
    assert_eq!(bodies, crate::common::numbered_bodies("m", 6));
    stop_push(java, &consumer);
}
