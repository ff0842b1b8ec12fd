//! Transactional messages of the official clients: committed, rolled back, asked about, over
//! restarts of producers and of the broker.

use std::collections::BTreeSet;

use remora_tests::{
    Driver, Stream, Target,
    clock::{Deadline, PATIENCE},
    http, interop,
    target::{Options, unique},
};
use serde_json::{Value, json};

use crate::common::{drain, producer, sorted_texts, texts, topic};

/// A broker of its own, which asks soon and often.
#[track_caller]
fn eager() -> Target {
    Target::fresh(&Options {
        remora_args: [
            "--set",
            "transaction.first_check_ms=300",
            "--set",
            "transaction.check_interval_ms=2000",
        ]
        .map(str::to_owned)
        .into(),
        ..Options::default()
    })
}

/// A producer with a listener; gives its stream of checks.
#[track_caller]
fn start(driver: &Driver, target: &Target, name: &str, group: &str, topic: &str) -> Stream {
    let args = json!({
        "producer": name, "group": group, "nameserver": target.nameserver(), "topic": topic,
    });
    let stream = driver.call("transaction.start", &args);
    stream.expect("started");
    stream
}

#[track_caller]
fn stop(driver: &Driver, name: &str) {
    driver.ask("transaction.stop", &json!({ "producer": name }));
}

/// `(body, state after the local transaction, answer to a check)`.
#[track_caller]
fn send(driver: &Driver, name: &str, topic: &str, messages: &[(&str, &str, &str)]) -> Vec<Value> {
    let messages: Value = messages
        .iter()
        .map(|(body, execute, check)| {
            json!({ "body": body, "props": { "execute": execute, "check": check } })
        })
        .collect();
    let args = json!({ "producer": name, "topic": topic, "messages": messages });
    driver.call("transaction.send", &args).all("sent")
}

/// Waits until so many half messages wait for their end, by the broker's own figure.
#[track_caller]
fn until_pending(target: &Target, count: u32) {
    let deadline = Deadline::after(PATIENCE);
    loop {
        let (_, page) = http::get(&target.http(), "/metrics").unwrap_or_default();
        let line = page.lines().find(|line| line.starts_with("remora_transactions_pending{"));
        let pending = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        if pending == Some(f64::from(count)) {
            return;
        }
        assert!(!deadline.left().is_zero(), "{pending:?} half messages wait, not {count}");
    }
}

/// Changes a setting of the running broker by Apache's name.
#[track_caller]
fn configure(java: &Driver, target: &Target, key: &str, value: &str) {
    let (broker, nameserver) = (target.broker(), target.nameserver());
    let args = ["updateBrokerConfig", "-b", &broker, "-k", key, "-v", value, "-n", &nameserver];
    let printed = java.ask("mqadmin", &json!({ "args": args }));
    let printed = printed["stdout"].as_str().unwrap_or_default();
    assert!(printed.contains("success"), "{printed}");
}

/// What was sent comes once if it was committed, by the producer or by the answer to a check.
#[track_caller]
fn commits_rolls_back_and_answers_checks(driver: &Driver) {
    let (java, target) = (interop::java(), eager());
    let topic = topic(java, &producer(java, &target, &json!({})), 2);
    let name = unique("tx");
    let checks = start(driver, &target, &name, &unique("tg"), &topic);
    let messages = [
        ("committed", "commit", "rollback"),
        ("rolled back", "rollback", "commit"),
        ("committed when asked", "unknown", "commit"),
        ("rolled back when asked", "unknown", "rollback"),
    ];
    let sent = send(driver, &name, &topic, &messages);
    assert_eq!(sent.len(), 4);
    until_pending(&target, 0);
    stop(driver, &name);
    let asked = checks.all("checked");
    let bodies: BTreeSet<String> = texts(&asked, "body").into_iter().collect();
    let expected = ["committed when asked", "rolled back when asked"].map(str::to_owned);
    assert_eq!(bodies, expected.into());
    assert!(asked.iter().all(|message| message["topic"] == json!(topic)), "{asked:?}");
    let received = drain(java, &target, &topic);
    assert_eq!(sorted_texts(&received, "body"), ["committed", "committed when asked"]);
    for message in &received {
        let props = &message["props"];
        let gone = ["REAL_TOPIC", "REAL_QID", "TRAN_MSG"];
        assert!(gone.iter().all(|name| props[*name].is_null()), "{message}");
    }
}

/// Each half message is decided once, whatever state a kill finds it in.
#[track_caller]
fn survives_kills_in_every_state(driver: &Driver, rounds: usize) {
    let (java, target) = (interop::java(), eager());
    let topic = topic(java, &producer(java, &target, &json!({})), 1);
    let mut expected = Vec::new();
    for round in 0..rounds {
        let group = unique("tg");
        let name = unique("tx");
        let of = |what: &str| format!("{what} {round}");
        let (paid, cancelled, asked) = (of("paid"), of("cancelled"), of("asked"));
        start(driver, &target, &name, &group, &topic);
        let messages =
            [(paid.as_str(), "commit", "rollback"), (cancelled.as_str(), "rollback", "commit")];
        send(driver, &name, &topic, &messages);
        until_pending(&target, 0);
        // Nobody answers for it before the kill.
        send(driver, &name, &topic, &[(&asked, "unknown", "commit")]);
        stop(driver, &name);
        target.kill();
        target.start();
        let name = unique("tx");
        start(driver, &target, &name, &group, &topic);
        // Go's heartbeats go to brokers that it has sent to.
        let after = of("after");
        send(driver, &name, &topic, &[(&after, "commit", "rollback")]);
        until_pending(&target, 0);
        stop(driver, &name);
        expected.extend([paid, asked, after]);
        let mut received = texts(&drain(java, &target, &topic), "body");
        received.sort();
        expected.sort();
        assert_eq!(received, expected, "round {round}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_commits_rolls_back_and_answers_checks() {
    commits_rolls_back_and_answers_checks(interop::java());
}

#[test]
#[cfg_attr(any(no_go, no_java), ignore = "skipped: no Go, JDK or Maven")]
fn go_commits_rolls_back_and_answers_checks() {
    commits_rolls_back_and_answers_checks(interop::go());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_transactions_survive_kills_of_the_broker_in_every_state() {
    survives_kills_in_every_state(interop::java(), 3);
}

#[test]
#[cfg_attr(any(no_go, no_java), ignore = "skipped: no Go, JDK or Maven")]
fn go_transactions_survive_kills_of_the_broker_in_every_state() {
    survives_kills_in_every_state(interop::go(), 1);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn another_instance_of_the_group_answers_for_a_producer_that_is_gone() {
    let (java, target) = (interop::java(), Target::fresh(&Options::default()));
    configure(java, &target, "transactionTimeOut", "3600000");
    let topic = topic(java, &producer(java, &target, &json!({})), 1);
    let (group, first, second) = (unique("tg"), unique("tx"), unique("tx"));
    start(java, &target, &first, &group, &topic);
    send(java, &first, &topic, &[("left behind", "unknown", "commit")]);
    stop(java, &first);
    until_pending(&target, 1);
    let checks = start(java, &target, &second, &group, &topic);
    configure(java, &target, "transactionTimeOut", "100");
    let asked = checks.take("checked", 1);
    assert_eq!(texts(&asked, "body"), ["left behind"]);
    until_pending(&target, 0);
    assert_eq!(texts(&drain(java, &target, &topic), "body"), ["left behind"]);
    stop(java, &second);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn after_fifteen_checks_a_half_message_goes_to_the_topic_of_those_given_up() {
    let (java, target) = (interop::java(), Target::fresh(&Options::default()));
    configure(java, &target, "transactionTimeOut", "50");
    configure(java, &target, "transactionCheckInterval", "50");
    let topic = topic(java, &producer(java, &target, &json!({})), 1);
    let name = unique("tx");
    let checks = start(java, &target, &name, &unique("tg"), &topic);
    send(java, &name, &topic, &[("never known", "unknown", "unknown")]);
    let asked = checks.take("checked", 15);
    let times: Vec<&Value> =
        asked.iter().map(|message| &message["props"]["TRANSACTION_CHECK_TIMES"]).collect();
    let expected: Vec<String> = (1..=15).map(|time: u32| time.to_string()).collect();
    assert_eq!(json!(times), json!(expected));
    until_pending(&target, 0);
    assert_eq!(drain(java, &target, &topic), Vec::<Value>::new());
    let given_up = drain(java, &target, "TRANS_CHECK_MAX_TIME_TOPIC");
    assert_eq!(texts(&given_up, "body"), ["never known"]);
    assert_eq!(given_up[0]["props"]["TRANSACTION_CHECK_TIMES"], "15");
    assert_eq!(given_up[0]["props"]["REAL_TOPIC"], json!(topic));
    stop(java, &name);
}
