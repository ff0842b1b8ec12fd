//! Topics for one type of message: the attribute `message.type`, set by mqadmin and by the Java
//! client.

use remora_tests::{Kind, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    drain, numbered, numbered_bodies, producer, send, sorted_texts, topic_with, with,
};
use crate::mqadmin::mqadmin;

const REFUSED: i32 = 13;

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn topic_of_one_type_refuses_javas_messages_of_another_and_says_why() {
    let (java, target) = (interop::java(), Target::shared());
    if target.kind() == Kind::Apache {
        // Its brokers only keep the attribute.
        return;
    }
    let producer = producer(java, &target, &json!({}));
    let plain = numbered("plain", 2);
    let delayed = json!([{ "body": "later", "delayLevel": 1 }]);
    let refused = |topic: &str, messages: &Value, manner: &str| {
        let args = json!({
            "producer": producer, "topic": topic, "messages": messages, "manner": manner,
        });
        let failure = java.call("send", &args).failure();
        assert_eq!(
            (&failure["class"], &failure["code"]),
            (&json!("MQBrokerException"), &json!(REFUSED))
        );
        failure["message"].as_str().unwrap_or_default().to_owned()
    };
    for (message_type, wrong, was) in [
        ("NORMAL", &delayed, "DELAY"),
        ("FIFO", &delayed, "DELAY"),
        ("DELAY", &plain, "NORMAL"),
        ("TRANSACTION", &plain, "NORMAL"),
    ] {
        let topic = topic_with(java, &target, 1, &json!({ "+message.type": message_type }));
        let remark = refused(&topic, wrong, "sync");
        let says = format!("'{topic}' is for {message_type} messages");
        assert!(remark.contains(&says) && remark.contains(&format!("is {was}")), "{remark}");
        if was == "NORMAL" {
            refused(&topic, wrong, "batch");
        }
        assert_eq!(drain(java, &target, &topic), Vec::<Value>::new());
    }
    let fifo = topic_with(java, &target, 1, &json!({ "+message.type": "FIFO" }));
    send(java, &producer, &fifo, &plain, &json!({ "queue": 0 }));
    assert_eq!(sorted_texts(&drain(java, &target, &fifo), "body"), numbered_bodies("plain", 2));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn type_set_by_mqadmin_is_shown_and_taken_away_again() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let (topic, broker) = (unique("typed"), target.broker());
    let update = |attributes: &str| {
        let place = ["updateTopic", "-b", &broker, "-t", &topic, "-r", "1", "-w", "1"];
        mqadmin(java, &target, &[&place[..], &["-a", attributes]].concat())
    };
    update("+message.type=DELAY");
    let shown = mqadmin(java, &target, &["topicList"]);
    assert!(shown.contains(&topic), "{shown}");
    if target.kind() == Kind::Remora {
        let args = json!({
            "producer": producer, "topic": topic, "messages": numbered("plain", 1),
        });
        assert_eq!(java.call("send", &args).failure()["code"], REFUSED);
    }
    update("-message.type");
    send(java, &producer, &topic, &numbered("plain", 1), &json!({}));
    assert_eq!(sorted_texts(&drain(java, &target, &topic), "body"), ["plain-0"]);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn topic_for_transactions_takes_them_and_one_for_normal_messages_does_not() {
    let (java, target) = (interop::java(), Target::shared());
    let topic = topic_with(java, &target, 1, &json!({ "+message.type": "TRANSACTION" }));
    let normal = topic_with(java, &target, 1, &json!({ "+message.type": "NORMAL" }));
    let name = unique("transactions");
    let start = json!({
        "producer": name, "group": unique("pg"), "nameserver": target.nameserver(), "topic": topic,
    });
    let started = java.call("transaction.start", &start);
    started.expect("started");
    let args = json!({
        "producer": name, "topic": topic,
        "messages": [{ "body": "half", "props": { "execute": "commit" } }],
    });
    java.ask("transaction.send", &args);
    if target.kind() == Kind::Remora {
        let failure =
            java.call("transaction.send", &with(args, &json!({ "topic": normal }))).failure();
        let trace = failure["trace"].as_str().unwrap_or_default();
        assert!(trace.contains("is for NORMAL messages"), "{trace}");
    }
    java.ask("transaction.stop", &json!({ "producer": name }));
    let consumer = crate::common::pull_consumer(java, &target);
    let pull = json!({ "consumer": consumer, "topic": topic, "offset": 0, "block": true });
    let received = java.call("pull", &pull).all("received");
    assert_eq!(sorted_texts(&received, "body"), ["half"]);
    java.ask("pull.stop", &json!({ "consumer": consumer }));
}
