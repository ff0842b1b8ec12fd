//! Apache's mqadmin, unmodified: each command runs and prints what is so.

mod broker;
mod every_command;
mod groups;
mod measure;
mod messages;
mod offsets;
mod refused;
mod settings;
mod topics;

use remora_tests::{Driver, Target, target::unique};
use serde_json::{Value, json};

use crate::common::{producer, send, topic};

/// One mqadmin command; gives what it printed.
#[track_caller]
pub fn mqadmin(java: &Driver, target: &Target, args: &[&str]) -> String {
    let answer = run(java, target, args, &Value::Null);
    assert_eq!(answer["stderr"], "", "{args:?} printed {}", answer["stdout"]);
    answer["stdout"].as_str().unwrap_or_default().to_owned()
}

/// One that has no end, until it has printed `until`.
#[track_caller]
fn mqadmin_until(java: &Driver, target: &Target, args: &[&str], until: &str) -> String {
    let answer = run(java, target, args, &json!(until));
    answer["stdout"].as_str().unwrap_or_default().to_owned()
}

/// One that fails; gives what it said why.
#[track_caller]
fn mqadmin_fails(java: &Driver, target: &Target, args: &[&str]) -> String {
    let answer = run(java, target, args, &Value::Null);
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    format!("{}{}", text("stdout"), text("stderr"))
}

#[track_caller]
fn run(java: &Driver, target: &Target, args: &[&str], until: &Value) -> Value {
    let mut args = args.to_vec();
    let nameserver = target.nameserver();
    args.extend(["-n", &nameserver]);
    java.ask("mqadmin", &json!({ "args": args, "until": until }))
}

/// The printed lines as words, without headings and empty lines.
pub fn rows(printed: &str) -> Vec<Vec<&str>> {
    printed
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// The value of `name : value` or `name = value`.
fn value_of<'a>(printed: &'a str, name: &str) -> Option<&'a str> {
    printed.lines().find_map(|line| {
        let (found, value) = line.split_once([':', '='])?;
        (found.trim() == name).then_some(value.trim())
    })
}

fn broker_name(java: &Driver, target: &Target) -> String {
    let printed = mqadmin(java, target, &["clusterList"]);
    rows(&printed)[0][1].to_owned()
}

/// A topic with `count` messages of the keys `key-0`, `key-1`, …; gives the producer, the topic and
/// the answers.
fn filled(
    java: &Driver,
    target: &Target,
    queues: usize,
    count: usize,
) -> (String, String, Vec<Value>) {
    let producer = producer(java, target, &json!({ "group": unique("pg") }));
    let topic = topic(java, &producer, queues);
    let messages: Value = (0..count)
        .map(|n| json!({ "body": format!("body-{n}"), "tags": "T", "keys": format!("key-{n}") }))
        .collect();
    let sent = send(java, &producer, &topic, &messages, &json!({}));
    (producer, topic, sent)
}
