//! The official Java pull consumers and look-ups.

use remora_tests::{Driver, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    assert_offsets_without_gap, numbered, numbered_bodies, only, producer, pull_consumer, send,
    sorted, sorted_texts, texts, topic, with,
};

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn pull_reads_from_any_offset_and_says_where_the_queue_begins_and_ends() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    send(java, &producer, &topic, &numbered("pull", 50), &json!({}));
    let consumer = pull_consumer(java, &target);
    let pull = |offset: i64, count: i64| {
        let args =
            json!({ "consumer": consumer, "topic": topic, "offset": offset, "count": count });
        let mut events = java.run("pull", &args);
        let done = events.pop().unwrap_or_default();
        (texts(&events, "body"), only(&done, &["status", "next", "min", "max"]))
    };
    let (all, empty) = (numbered_bodies("pull", 50), Vec::<String>::new());
    let found = |next: i64| json!({ "status": "FOUND", "next": next, "min": 0, "max": 50 });

    assert_eq!(pull(0, 10), (all[..10].to_vec(), found(10)));
    assert_eq!(pull(45, 32), (all[45..].to_vec(), found(50)));
    let at_end = json!({ "status": "NO_NEW_MSG", "next": 50, "min": 0, "max": 50 });
    assert_eq!(pull(50, 32), (empty.clone(), at_end));
    // Beyond the end: the client is told where to go on.
    let beyond = json!({ "status": "OFFSET_ILLEGAL", "next": 50, "min": 0, "max": 50 });
    assert_eq!(pull(1000, 32), (empty, beyond));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn pull_at_the_end_is_held_until_a_message_comes() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let consumer = pull_consumer(java, &target);
    let args = json!({ "consumer": consumer, "topic": topic, "offset": 0, "block": true });
    let held = java.call("pull", &args);
    send(java, &producer, &topic, &numbered("woken", 1), &json!({}));
    let events = held.to_end();
    assert_eq!(texts(&events, "body").first().map(String::as_str), Some("woken-0"));
    assert_eq!(events.last().map(|done| done["status"].clone()), Some(json!("FOUND")));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn pull_with_tags_skips_what_does_not_match() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    let messages: Value = (0..60)
        .map(|n| json!({ "body": format!("m-{n}"), "tags": format!("T{}", n % 3) }))
        .collect();
    send(java, &producer, &topic, &messages, &json!({}));
    let consumer = pull_consumer(java, &target);
    let args = json!({ "consumer": consumer, "topic": topic, "tags": "T0 || T2" });
    let received = java.call("pull.drain", &args).all("received");
    let expected = (0..60).filter(|n| n % 3 != 1).map(|n| format!("m-{n}")).collect();
    assert_eq!(sorted_texts(&received, "body"), sorted(expected));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_committed_offset_is_read_back_and_an_unknown_one_is_absent() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    send(java, &producer, &topic, &numbered("commit", 20), &json!({}));
    let consumer = pull_consumer(java, &target);
    let queue = |queue: i64, more: Value| {
        with(json!({ "consumer": consumer, "topic": topic, "queue": queue }), &more)
    };
    // The first pull makes the group known to the broker.
    java.ask("pull", &queue(1, json!({ "offset": 0 })));
    java.ask("pull.commit", &queue(1, json!({ "offset": 7 })));
    assert_eq!(java.ask("pull.committed", &queue(1, json!({})))["offset"], 7);
    java.ask("pull.commit", &queue(1, json!({ "offset": 3 })));
    assert_eq!(java.ask("pull.committed", &queue(1, json!({})))["offset"], 3);
}

/// A lite pull consumer; gives its name.
#[track_caller]
fn lite(java: &Driver, target: &Target, more: &Value) -> String {
    let name = unique("lite");
    let args =
        json!({ "consumer": name, "group": unique("cg"), "nameserver": target.nameserver() });
    java.ask("lite", &with(args, more));
    name
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn lite_pull_by_subscription_receives_everything_and_its_commit_is_kept() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    send(java, &producer, &topic, &numbered("lite", 40), &json!({}));
    let group = unique("cg");
    let subscription = json!({ "group": group, "topic": topic });

    let consumer = lite(java, &target, &subscription);
    let poll = java.call("lite.poll", &json!({ "consumer": consumer, "count": 40 }));
    let received = poll.all("received");
    assert_eq!(sorted_texts(&received, "body"), sorted(numbered_bodies("lite", 40)));
    java.ask("lite.commit", &json!({ "consumer": consumer }));
    java.ask("lite.stop", &json!({ "consumer": consumer }));

    send(java, &producer, &topic, &numbered("more", 10), &json!({}));
    let consumer = lite(java, &target, &subscription);
    let poll = java.call("lite.poll", &json!({ "consumer": consumer, "count": 10 }));
    let received = poll.all("received");
    java.ask("lite.stop", &json!({ "consumer": consumer }));
    assert_eq!(sorted_texts(&received, "body"), numbered_bodies("more", 10));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn lite_pull_by_assignment_seeks_to_begin_offset_time_and_end() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    let queue = json!({ "queue": 1 });
    send(java, &producer, &topic, &numbered("old", 10), &queue);
    let consumer = lite(java, &target, &json!({}));
    java.ask("lite.assign", &json!({ "consumer": consumer, "topic": topic, "queues": [1] }));
    let seek = |to: Value| {
        java.ask(
            "lite.seek",
            &with(json!({ "consumer": consumer, "topic": topic, "queue": 1 }), &to),
        )
    };
    let poll = |count: usize| {
        let stream = java.call("lite.poll", &json!({ "consumer": consumer, "count": count }));
        stream.all("received")
    };
    let mut all = numbered_bodies("old", 10);

    seek(json!({ "to": "begin" }));
    let from_begin = poll(10);
    assert_eq!(texts(&from_begin, "body"), all);
    assert_offsets_without_gap(&from_begin);

    seek(json!({ "to": "offset", "offset": 6 }));
    assert_eq!(texts(&poll(4), "body"), all[6..]);

    // The time at which message 3 was stored leads to the first message stored at that time.
    let timestamp = &from_begin[3]["storeTimestamp"];
    let first = from_begin.iter().position(|message| &message["storeTimestamp"] == timestamp);
    seek(json!({ "to": "timestamp", "timestamp": timestamp }));
    let first = first.unwrap_or_default();
    assert_eq!(texts(&poll(10 - first), "body"), all[first..]);

    seek(json!({ "to": "end" }));
    send(java, &producer, &topic, &numbered("new", 3), &queue);
    all.extend(numbered_bodies("new", 3));
    assert_eq!(texts(&poll(3), "body"), all[10..]);
    java.ask("lite.stop", &json!({ "consumer": consumer }));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn messages_are_found_by_each_of_their_keys_and_by_both_their_ids() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 2);
    let messages: Value = (0..6)
        .map(|n| json!({ "body": format!("q-{n}"), "keys": format!("even-{} order-{n}", n % 2 == 0) }))
        .collect();
    let sent = send(java, &producer, &topic, &messages, &json!({}));

    let by_key = |key: &str, count: usize| {
        // The index is written behind the log: asked again until it is there.
        let args = json!({ "producer": producer, "topic": topic, "key": key, "atLeast": count });
        sorted_texts(&java.call("queryByKey", &args).all("received"), "body")
    };
    assert_eq!(by_key("order-3", 1), ["q-3"]);
    assert_eq!(by_key("even-true", 3), ["q-0", "q-2", "q-4"]);

    for (n, answer) in sent.iter().enumerate() {
        for id in [&answer["offsetMsgId"], &answer["msgId"]] {
            let args = json!({ "producer": producer, "topic": topic, "msgId": id });
            let found = java.ask("viewMessage", &args);
            assert_eq!(found["message"]["body"], format!("q-{n}"), "{id}");
            assert_eq!(found["message"]["msgId"], answer["msgId"]);
        }
    }
    let unknown = json!({ "producer": producer, "topic": topic, "key": "no-such-key" });
    let failure = java.call("queryByKey", &unknown).failure();
    assert_eq!(failure["class"], "MQClientException", "{failure}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn offsets_by_place_and_by_time() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let ask = |timestamp: i64| {
        let args = json!({ "producer": producer, "topic": topic, "timestamp": timestamp });
        only(&java.ask("offsets", &args), &["min", "max", "at"])
    };
    assert_eq!(ask(0), json!({ "min": 0, "max": 0, "at": 0 }));
    send(java, &producer, &topic, &numbered("time", 9), &json!({}));
    assert_eq!(ask(0), json!({ "min": 0, "max": 9, "at": 0 }));
    assert_eq!(ask(i64::from(i32::MAX) * 10_000), json!({ "min": 0, "max": 9, "at": 9 }));
}
