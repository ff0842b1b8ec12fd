//! Messages that listeners refuse: delivered again, so often, then dead letters.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use remora_tests::{Driver, Stream, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{drain, numbered, producer, push, send, stop_push, topic};
use crate::go_client;

/// How often each body was delivered again, in the order of the deliveries.
fn deliveries(events: &[Value]) -> BTreeMap<String, Vec<i64>> {
    let mut deliveries: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for event in events {
        let body = event["body"].as_str().unwrap_or_default().to_owned();
        deliveries.entry(body).or_default().push(event["reconsume"].as_i64().unwrap_or(-1));
    }
    deliveries
}

fn each(bodies: &[&str], times: &[i64]) -> BTreeMap<String, Vec<i64>> {
    bodies.iter().map(|body| ((*body).to_owned(), times.to_vec())).collect()
}

/// Takes the deliveries of three messages, all of the topic that they were sent to.
#[track_caller]
fn deliveries_of_three(stream: &Stream, topic: &str, count: usize) -> BTreeMap<String, Vec<i64>> {
    let events = stream.take("received", count);
    for event in &events {
        assert_eq!(event["topic"], topic, "{event}");
    }
    deliveries(&events)
}

/// Far above what any step takes: reaching it is a failure, not a measurement.
const PATIENCE: Duration = Duration::from_secs(60);

const BODIES: [&str; 3] = ["retry-0", "retry-1", "retry-2"];

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn message_that_is_refused_twice_comes_three_times_to_its_group_alone() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    let (refusing, content) = (unique("push"), unique("push"));
    let refuses = json!({ "group": unique("cg"), "failures": 2, "delayLevel": 1 });
    let refused = push(java, &target, &refusing, &topic, &refuses);
    let once = push(java, &target, &content, &topic, &json!({}));

    let sent = send(java, &producer, &topic, &numbered("retry", 3), &json!({}));
    let events = refused.take("received", 9);
    assert_eq!(deliveries(&events), each(&BODIES, &[0, 1, 2]));
    assert_eq!(deliveries_of_three(&once, &topic, 3), each(&BODIES, &[0]));
    for event in &events {
        let first = sent.iter().find(|sent| sent["msgId"] == event["msgId"]);
        let first = first.unwrap_or_else(|| panic!("{event} has another id than what was sent"));
        assert_eq!(event["topic"], *topic, "{event}");
        if event["reconsume"] != 0 {
            assert_eq!(event["props"]["ORIGIN_MESSAGE_ID"], first["offsetMsgId"], "{event}");
        }
    }
    for name in [&refusing, &content] {
        stop_push(java, name);
    }
    for stream in [refused, once] {
        assert_eq!(stream.all("received"), Vec::<Value>::new());
    }
}

/// Refuses always, twice delivered again at most; gives the dead letters.
#[track_caller]
fn dead_letters(driver: &Driver, target: &Target, producer: &str, topic: &str) -> Vec<Value> {
    let (consumer, group) = (unique("push"), unique("cg"));
    let refuses =
        json!({ "group": group, "failures": 1_000, "delayLevel": 1, "maxReconsumeTimes": 2 });
    let stream = push(driver, target, &consumer, topic, &refuses);
    send(interop::java(), producer, topic, &numbered("retry", 3), &json!({}));
    assert_eq!(deliveries_of_three(&stream, topic, 9), each(&BODIES, &[0, 1, 2]));

    stop_push(driver, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
    letters_of(target, &group, 3)
}

/// Waits for the dead letters: the last is sent back a moment after it was received.
#[track_caller]
pub fn letters_of(target: &Target, group: &str, count: usize) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let letters = drain(interop::java(), target, &format!("%DLQ%{group}"));
        if letters.len() >= count {
            return letters;
        }
        assert!(started.elapsed() < PATIENCE, "{count} dead letters expected: {letters:?}");
    }
}

#[track_caller]
fn assert_dead(letters: &[Value], topic: &str) {
    assert_eq!(deliveries(letters), each(&BODIES, &[3]));
    for letter in letters {
        assert_eq!(letter["props"]["RETRY_TOPIC"], topic, "{letter}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn message_refused_too_often_is_a_dead_letter_of_its_group() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    assert_dead(&dead_letters(java, &target, &producer, &topic), &topic);
}

#[test]
#[cfg_attr(any(no_java, no_go), ignore = "skipped: no JDK, Maven or Go")]
fn go_listeners_get_refused_messages_again_until_they_are_dead_letters() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = go_client::topic(interop::go(), &target, 2);
    assert_dead(&dead_letters(interop::go(), &target, &producer, &topic), &topic);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn orderly_listener_gets_a_refused_message_again_in_place_and_gives_it_up_after_its_limit() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let (consumer, group) = (unique("push"), unique("cg"));
    let refuses =
        json!({ "group": group, "orderly": true, "failures": 1_000, "maxReconsumeTimes": 2 });
    let stream = push(java, &target, &consumer, &topic, &refuses);
    send(java, &producer, &topic, &numbered("retry", 3), &json!({ "queue": 0 }));
    let received: Vec<(String, i64)> = stream
        .take("received", 9)
        .iter()
        .map(|event| (event["body"].to_string(), event["reconsume"].as_i64().unwrap_or(-1)))
        .collect();
    let expected: Vec<(String, i64)> = BODIES
        .iter()
        .flat_map(|body| (0..3).map(move |times| (format!("\"{body}\""), times)))
        .collect();
    assert_eq!(received, expected);
    stop_push(java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
    let letters = letters_of(&target, &group, 3);
    let bodies: BTreeSet<&str> =
        letters.iter().map(|letter| letter["body"].as_str().unwrap_or_default()).collect();
    assert_eq!((letters.len(), bodies), (3, BTreeSet::from(BODIES)));
}
