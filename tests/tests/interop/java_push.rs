//! The official Java push consumer: sharing, broadcasting, tags, offsets.

use std::collections::BTreeSet;

use remora_tests::{Driver, Options, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    numbered, numbered_bodies, owned_queues, producer, push, send, sorted, sorted_texts, stop_push,
    texts, topic, with,
};

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn two_consumers_of_a_group_share_the_queues_and_one_takes_over_when_the_other_leaves() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 4);
    let group = json!({ "group": unique("cg") });
    let (first, second) = (unique("push"), unique("push"));

    let first_stream = push(java, &target, &first, &topic, &group);
    assert_eq!(owned_queues(java, &first, &topic, 4), BTreeSet::from([0, 1, 2, 3]));
    let second_stream = push(java, &target, &second, &topic, &group);
    // The notice of a changed group makes the first let go; without it this would wait for its 20 s
    // round.
    let of_second = owned_queues(java, &second, &topic, 2);
    let of_first = owned_queues(java, &first, &topic, 2);
    assert!(of_first.is_disjoint(&of_second), "{of_first:?} {of_second:?}");

    send(java, &producer, &topic, &numbered("shared", 40), &json!({}));
    let by_first = first_stream.take("received", 20);
    let by_second = second_stream.take("received", 20);
    let both: Vec<Value> = by_first.iter().chain(&by_second).cloned().collect();
    assert_eq!(sorted_texts(&both, "body"), sorted(numbered_bodies("shared", 40)));
    for (events, owned) in [(&by_first, &of_first), (&by_second, &of_second)] {
        let queues: BTreeSet<_> = events.iter().filter_map(|each| each["queue"].as_i64()).collect();
        assert_eq!(&queues, owned);
    }

    stop_push(java, &second);
    assert_eq!(owned_queues(java, &first, &topic, 4), BTreeSet::from([0, 1, 2, 3]));
    send(java, &producer, &topic, &numbered("alone", 40), &json!({}));
    let alone = first_stream.take("received", 40);
    assert_eq!(sorted_texts(&alone, "body"), sorted(numbered_bodies("alone", 40)));
    stop_push(java, &first);
    assert_eq!(first_stream.all("received"), Vec::<Value>::new());
    assert_eq!(second_stream.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn every_consumer_of_a_broadcasting_group_receives_everything() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 4);
    let group = json!({ "group": unique("cg"), "model": "BROADCASTING" });
    let consumers = [unique("push"), unique("push")];
    let streams = consumers.each_ref().map(|name| push(java, &target, name, &topic, &group));
    for name in &consumers {
        owned_queues(java, name, &topic, 4);
    }

    send(java, &producer, &topic, &numbered("broadcast", 40), &json!({}));

    for (name, stream) in consumers.iter().zip(&streams) {
        let received = stream.take("received", 40);
        assert_eq!(sorted_texts(&received, "body"), sorted(numbered_bodies("broadcast", 40)));
        stop_push(java, name);
        assert_eq!(stream.all("received"), Vec::<Value>::new());
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_tag_expression_lets_only_its_tags_through_in_order() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    // "Aa" and "BB" have the same hash code in Java: the broker's filter cannot tell them apart,
    // the client does.
    let tags = ["A", "B", "C", "Aa", "BB"];
    let messages: Value = (0..50)
        .map(|n| json!({ "body": format!("{}-{n}", tags[n % 5]), "tags": tags[n % 5] }))
        .collect();
    send(java, &producer, &topic, &messages, &json!({}));

    let consumer = unique("push");
    let orderly_enough = json!({ "tags": "A || Aa" });
    let stream = push(java, &target, &consumer, &topic, &orderly_enough);
    let received = stream.take("received", 20);
    stop_push(java, &consumer);

    let expected: Vec<String> = (0..50)
        .filter(|n| [0, 3].contains(&(n % 5)))
        .map(|n| format!("{}-{n}", tags[n % 5]))
        .collect();
    assert_eq!(sorted_texts(&received, "body"), sorted(expected));
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_group_goes_on_exactly_where_it_was_after_the_server_was_stopped() {
    let java = interop::java();
    let target = Target::fresh(&Options::default());
    let producer = producer(java, &target, &json!({ "retries": 10 }));
    let topic = topic(java, &producer, 4);
    let group = json!({ "group": unique("cg") });
    for round in ["first", "second", "third"] {
        send(java, &producer, &topic, &numbered(round, 20), &json!({}));
        let consumer = unique("push");
        let stream = push(java, &target, &consumer, &topic, &group);
        let received = stream.take("received", 20);
        assert_eq!(sorted_texts(&received, "body"), sorted(numbered_bodies(round, 20)), "{round}");
        // Its shutdown stores the offsets with the broker.
        stop_push(java, &consumer);
        assert_eq!(stream.all("received"), Vec::<Value>::new());
        committed_reaches(java, &target, &group, &topic, &received);
        target.stop();
        target.start();
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_group_misses_nothing_after_the_server_was_killed() {
    let java = interop::java();
    let target = Target::fresh(&Options { sync_flush: true, ..Options::default() });
    let producer = producer(java, &target, &json!({ "retries": 10 }));
    let topic = topic(java, &producer, 4);
    let group = json!({ "group": unique("cg") });
    let mut sent = Vec::new();
    for round in ["first", "second", "third"] {
        send(java, &producer, &topic, &numbered(round, 20), &json!({}));
        let wanted = sorted(numbered_bodies(round, 20));
        sent.extend(wanted.clone());
        let consumer = unique("push");
        let stream = push(java, &target, &consumer, &topic, &group);
        // Offsets are written behind: after a kill the last seconds may come again, but nothing is
        // skipped.
        let (mut fresh, mut again) = (Vec::new(), Vec::new());
        while fresh.len() < 20 {
            let message = stream.expect("received");
            let body = message["body"].as_str().unwrap_or_default().to_owned();
            if wanted.contains(&body) { fresh.push(body) } else { again.push(body) }
        }
        assert_eq!(sorted(fresh), wanted);
        assert!(again.iter().all(|body| sent.contains(body)), "{again:?}");
        stop_push(java, &consumer);
        target.kill();
        target.start();
    }
}

/// Waits until the broker has the offsets past `received`.
#[track_caller]
fn committed_reaches(
    java: &Driver,
    target: &Target,
    group: &Value,
    topic: &str,
    received: &[Value],
) {
    let consumer = unique("puller");
    let args = with(json!({ "consumer": consumer, "nameserver": target.nameserver() }), group);
    java.ask("pull.start", &args);
    for queue in 0..4 {
        let past = received
            .iter()
            .filter(|message| message["queue"] == queue)
            .filter_map(|message| Some(message["offset"].as_i64()? + 1))
            .max();
        let committed = java.ask(
            "pull.committed",
            &json!({ "consumer": consumer, "topic": topic, "queue": queue, "atLeast": past.unwrap_or(-1) }),
        );
        assert_eq!(committed["offset"].as_i64(), past);
    }
    java.ask("pull.stop", &json!({ "consumer": consumer }));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_running_consumer_finds_the_server_again_after_a_restart() {
    let java = interop::java();
    let target = Target::fresh(&Options { sync_flush: true, ..Options::default() });
    let producer = producer(java, &target, &json!({ "retries": 10 }));
    let topic = topic(java, &producer, 1);
    let consumer = unique("push");
    let stream = push(java, &target, &consumer, &topic, &json!({}));
    send(java, &producer, &topic, &numbered("before", 5), &json!({}));
    assert_eq!(texts(&stream.take("received", 5), "offset").len(), 5);

    target.kill();
    target.start();

    send(java, &producer, &topic, &numbered("after", 5), &json!({}));
    // What was consumed but not yet committed may come again; what is new comes once.
    let mut after = Vec::new();
    while after.len() < 5 {
        let message = stream.expect("received");
        if message["body"].as_str().is_some_and(|body| body.starts_with("after")) {
            after.push(message);
        }
    }
    assert_eq!(sorted_texts(&after, "body"), numbered_bodies("after", 5));
    stop_push(java, &consumer);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn clients_of_one_namespace_reach_each_other_and_nobody_else() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({ "namespace": "blue" }));
    let topic = unique("spaced");
    send(java, &producer, &topic, &numbered("blue", 8), &json!({}));
    let consumer = unique("push");
    let stream = push(java, &target, &consumer, &topic, &json!({ "namespace": "blue" }));
    let received = stream.take("received", 8);
    stop_push(java, &consumer);
    assert_eq!(sorted_texts(&received, "body"), numbered_bodies("blue", 8));
    // The client strips the namespace from what it hands over.
    assert!(received.iter().all(|message| message["topic"] == topic.as_str()), "{received:?}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_new_group_that_starts_at_the_end_sees_only_what_comes_later() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    // A queue whose first message is at hand is read from its start by any new group (Apache's rule
    // for new queues); a first group's offset shows the ordinary case.
    send(java, &producer, &topic, &numbered("old", 5), &json!({}));
    let consumer = unique("push");
    let from = json!({ "from": "CONSUME_FROM_LAST_OFFSET" });
    let stream = push(java, &target, &consumer, &topic, &from);
    let received = stream.take("received", 5);
    assert_eq!(sorted_texts(&received, "body"), numbered_bodies("old", 5));
    stop_push(java, &consumer);
}
