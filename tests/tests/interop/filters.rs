//! SQL92 conditions on properties, through the official clients that know them.

use remora_tests::{Driver, Stream, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{producer, push, send, sorted, sorted_texts, stop_push, topic, with};
use crate::go_client;

const COLOURS: [&str; 3] = ["red", "green", "it's blue"];

/// Message `n` has the number n, a price of n and a half, one of three colours, and an owner if n
/// is even.
fn messages(numbers: std::ops::Range<usize>) -> Value {
    let message = |n: usize| {
        let colour = COLOURS[n % 3];
        let props = json!({ "number": n.to_string(), "price": format!("{n}.5"), "colour": colour });
        let owner = if n.is_multiple_of(2) { json!({ "owner": "true" }) } else { json!({}) };
        json!({ "body": format!("m-{n}"), "props": with(props, &owner) })
    };
    numbers.map(message).collect()
}

type Passes = fn(usize) -> bool;

/// Conditions, and which of the messages 0 to 29 they are true of.
fn matrix() -> Vec<(&'static str, Passes)> {
    vec![
        ("number > 20", |n| n > 20),
        ("number >= 20 AND price < 25", |n| (20..25).contains(&n)),
        ("number BETWEEN 5 AND 7", |n| (5..=7).contains(&n)),
        ("number NOT BETWEEN 2 AND 28", |n| !(2..=28).contains(&n)),
        ("colour = 'red'", |n| n % 3 == 0),
        ("colour <> 'red'", |n| n % 3 != 0),
        ("colour IN ('red', 'it''s blue')", |n| n % 3 != 1),
        ("colour NOT IN ('red', 'green')", |n| n % 3 == 2),
        ("owner IS NULL", |n| n % 2 == 1),
        ("owner IS NOT NULL AND number < 10", |n| n % 2 == 0 && n < 10),
        ("owner = TRUE", |n| n % 2 == 0),
        ("colour CONTAINS 'ee'", |n| n % 3 == 1),
        ("colour STARTSWITH 'it'", |n| n % 3 == 2),
        ("colour NOT ENDSWITH 'd'", |n| n % 3 != 0),
        ("NOT (colour = 'red' OR number > 9)", |n| n % 3 != 0 && n <= 9),
        ("(number = 3 OR number = 4) AND colour = 'green'", |n| n == 4),
    ]
}

fn expected(numbers: std::ops::Range<usize>, passes: Passes) -> Vec<String> {
    sorted(numbers.filter(|n| passes(*n)).map(|n| format!("m-{n}")).collect())
}

/// Every condition has a group of its own, which gets what the topic holds and what comes.
#[track_caller]
fn every_condition_passes_its_messages(
    driver: &Driver,
    target: &Target,
    producer: &str,
    topic: &str,
) {
    send(driver, producer, topic, &messages(0..15), &json!({}));
    let start = |sql: &str| {
        let consumer = unique("push");
        let stream = push(driver, target, &consumer, topic, &json!({ "sql": sql }));
        (consumer, stream)
    };
    let consumers: Vec<(String, Stream)> = matrix().iter().map(|(sql, _)| start(sql)).collect();
    send(driver, producer, topic, &messages(15..30), &json!({}));
    for ((sql, passes), (consumer, stream)) in matrix().into_iter().zip(consumers) {
        let expected = expected(0..30, passes);
        assert_eq!(
            sorted_texts(&stream.take("received", expected.len()), "body"),
            expected,
            "{sql}"
        );
        stop_push(driver, &consumer);
        assert_eq!(stream.all("received"), Vec::<Value>::new(), "{sql}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_push_consumers_receive_what_their_condition_is_true_of() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 4);
    every_condition_passes_its_messages(java, &target, &producer, &topic);
}

#[test]
#[cfg_attr(no_go, ignore = "skipped: no Go")]
fn go_push_consumers_receive_what_their_condition_is_true_of() {
    let (go, target) = (interop::go(), Target::shared());
    let producer = go_client::producer(go, &target);
    let topic = go_client::topic(go, &target, 2);
    every_condition_passes_its_messages(go, &target, &producer, &topic);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_is_told_at_start_up_where_a_condition_is_wrong() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let args = json!({
        "consumer": unique("push"), "group": unique("cg"), "nameserver": target.nameserver(),
        "topic": topic, "sql": "price > > 3",
    });
    let failure = java.call("push", &args).failure();
    let said = failure.to_string();
    assert!(said.contains("character 9") && said.contains("'> 3'"), "{said}");
}
