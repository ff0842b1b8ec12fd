//! Request-reply: the right answer to each question, whoever asks and whoever replies.

use remora_tests::{Driver, Stream, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{numbered, producer, sorted, sorted_texts, stop_push, texts, topic, with};
use crate::go_client;

const QUESTIONS: usize = 5;

/// A consumer that answers every question of the topic.
#[track_caller]
fn replier(driver: &Driver, target: &Target, consumer: &str, topic: &str) -> Stream {
    let args = json!({
        "consumer": consumer, "group": unique("cg"), "nameserver": target.nameserver(),
        "topic": topic, "tags": "*",
    });
    let stream = driver.call("replier", &args);
    stream.expect("started");
    stream
}

/// Asks `prefix-0`, `prefix-1`, … and checks each answer.
#[track_caller]
fn ask(asker: &Driver, producer: &str, topic: &str, prefix: &str, more: &Value) -> Vec<String> {
    let questions = numbered(prefix, QUESTIONS);
    let args = json!({ "producer": producer, "topic": topic, "messages": questions });
    let replies = asker.call("request", &with(args, more)).all("replied");
    assert_eq!(replies.len(), QUESTIONS);
    for (number, reply) in replies.iter().enumerate() {
        let question = format!("{prefix}-{number}");
        assert_eq!(reply["question"], question);
        assert_eq!(reply["body"], format!("re: {question}"));
        assert_eq!(reply["props"]["CORRELATION_ID"], reply["asked"], "{reply}");
        assert_eq!(reply["topic"], "DefaultCluster_REPLY_TOPIC");
        assert_eq!(reply["props"]["MSG_TYPE"], "reply");
        assert!(reply["props"]["PUSH_REPLY_TIME"].is_string(), "{reply}");
    }
    sorted(texts(&replies, "asked"))
}

/// What the replier was told of its answers.
#[track_caller]
fn answered(stream: &Stream, count: usize) -> Vec<String> {
    // Its threads hear of their answers in any order.
    sorted_texts(&stream.take("sent", count), "correlation")
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_asks_and_java_answers_in_sync_and_async_form() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    let consumer = unique("replier");
    let stream = replier(java, &target, &consumer, &topic);
    for manner in ["sync", "async"] {
        let asked = ask(java, &producer, &topic, manner, &json!({ "manner": manner }));
        assert_eq!(answered(&stream, QUESTIONS), asked);
    }
    let long = json!([{ "body": "long ".repeat(1_000) }]);
    let args = json!({ "producer": producer, "topic": topic, "messages": long });
    let reply = java.call("request", &args).expect("replied");
    assert_eq!(reply["body"], format!("re: {}", "long ".repeat(1_000)), "compressed both ways");
    java.ask("replier.stop", &json!({ "consumer": consumer }));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_java_question_that_nobody_answers_times_out() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    for manner in ["sync", "async"] {
        let args = json!({
            "producer": producer, "topic": topic, "messages": numbered("alone", 1),
            "replyTimeoutMs": 3_000, "manner": manner,
        });
        let failure = java.call("request", &args).failure();
        let trace = failure["trace"].as_str().unwrap_or_default();
        assert!(trace.contains("RequestTimeoutException"), "{failure}");
    }
}

#[test]
#[cfg_attr(any(no_java, no_go), ignore = "skipped: no JDK, Maven or Go")]
fn go_asks_java_and_java_asks_go() {
    let (java, go, target) = (interop::java(), interop::go(), Target::shared());
    let java_producer = producer(java, &target, &json!({}));
    let go_producer = go_client::producer(go, &target);

    let to_java = topic(java, &java_producer, 2);
    let java_replier = unique("replier");
    let stream = replier(java, &target, &java_replier, &to_java);
    let asked = ask(go, &go_producer, &to_java, "go", &json!({}));
    assert_eq!(answered(&stream, QUESTIONS), asked);
    java.ask("replier.stop", &json!({ "consumer": java_replier }));

    let to_go = topic(java, &java_producer, 2);
    let go_replier = unique("go-replier");
    let stream = replier(go, &target, &go_replier, &to_go);
    let asked = ask(java, &java_producer, &to_go, "java", &json!({}));
    assert_eq!(answered(&stream, QUESTIONS), asked);
    stop_push(go, &go_replier);
}
