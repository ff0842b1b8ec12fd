//! Where groups begin that are new to a topic, and offsets found by time.

use remora_tests::{Driver, Options, Stream, Target, clock, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    drain, numbered, numbered_bodies, owned_queues, producer, push, send, stop_push, texts, topic,
};
use crate::go_client;

/// No queue counts as so young that a new group must not miss anything of it.
fn without_young_queues() -> Target {
    Target::fresh(&Options {
        remora_args: ["--set", "group.young_queue_percent=0"].map(str::to_owned).into(),
        apache_config: json!({ "accessMessageInMemoryMaxRatio": 0 }),
        ..Options::default()
    })
}

fn wait_until(wall_ms: u64) {
    while clock::wall_ms() < wall_ms {
        std::hint::spin_loop();
    }
}

/// Three old messages, and three that were sent in a later second; gives that second, in ms.
#[track_caller]
fn old_and_new(java: &Driver, producer: &str, topic: &str) -> i64 {
    send(java, producer, topic, &numbered("old", 3), &json!({}));
    let second_ms = (clock::wall_ms() / 1_000 + 1) * 1_000;
    wait_until(second_ms);
    send(java, producer, topic, &numbered("new", 3), &json!({}));
    i64::try_from(second_ms).unwrap_or(i64::MAX)
}

/// The bodies of these lots of three, in order.
fn lots(prefixes: &[&str]) -> Vec<String> {
    prefixes.iter().flat_map(|prefix| numbered_bodies(prefix, 3)).collect()
}

/// Takes what is to come; after the stop there was nothing else.
#[track_caller]
fn receives(driver: &Driver, (consumer, stream): (String, Stream), expected: &[String]) {
    let received = stream.take("received", expected.len());
    assert_eq!(texts(&received, "body"), expected);
    stop_push(driver, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_groups_begin_at_the_first_message_the_last_or_a_time() {
    let (java, target) = (interop::java(), without_young_queues());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let second_ms = old_and_new(java, &producer, &topic);
    let begin = |from: &str| {
        let consumer = unique("push");
        let more = json!({ "from": from, "fromMs": second_ms, "orderly": true });
        let stream = push(java, &target, &consumer, &topic, &more);
        owned_queues(java, &consumer, &topic, 1);
        (consumer, stream)
    };
    let first = begin("CONSUME_FROM_FIRST_OFFSET");
    let last = begin("CONSUME_FROM_LAST_OFFSET");
    let at_time = begin("CONSUME_FROM_TIMESTAMP");
    send(java, &producer, &topic, &numbered("later", 3), &json!({}));
    receives(java, first, &lots(&["old", "new", "later"]));
    receives(java, last, &lots(&["later"]));
    receives(java, at_time, &lots(&["new", "later"]));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_group_that_asks_for_the_last_misses_nothing_of_a_young_queue() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    send(java, &producer, &topic, &numbered("old", 3), &json!({}));
    let consumer = unique("push");
    let last = json!({ "from": "CONSUME_FROM_LAST_OFFSET", "orderly": true });
    let stream = push(java, &target, &consumer, &topic, &last);
    receives(java, (consumer, stream), &lots(&["old"]));
}

#[test]
#[cfg_attr(any(no_java, no_go), ignore = "skipped: no JDK or Maven, or no Go")]
fn go_groups_begin_at_the_first_message_the_last_or_a_time() {
    let (java, go, target) = (interop::java(), interop::go(), without_young_queues());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let second_ms = old_and_new(java, &producer, &topic);
    let begin = |from: &str, pulled: i64| {
        let (consumer, group) = (unique("go-push"), unique("cg"));
        let more = json!({ "group": group, "from": from, "fromMs": second_ms });
        let stream = go_client::push(go, &target, &consumer, &topic, &more);
        let asked = json!({
            "nameserver": target.nameserver(), "group": group, "topic": topic, "offset": pulled,
        });
        java.ask("replay.pulled", &asked);
        (consumer, stream)
    };
    let first = begin("first", 6);
    let last = begin("last", 6);
    let at_time = begin("timestamp", 6);
    send(java, &producer, &topic, &numbered("later", 3), &json!({}));
    for ((consumer, stream), expected) in [
        (first, lots(&["later", "new", "old"])),
        (last, lots(&["later"])),
        (at_time, lots(&["later", "new"])),
    ] {
        // Its listener takes messages of one queue in no order.
        let received = stream.take("received", expected.len());
        assert_eq!(crate::common::sorted_texts(&received, "body"), expected);
        go.ask("push.stop", &json!({ "consumer": consumer }));
        assert_eq!(stream.all("received"), Vec::<Value>::new());
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn offsets_are_found_by_time_to_the_millisecond_at_both_ends_of_equal_times() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    // A batch is stored at one time.
    let batch = |prefix: &str| {
        send(java, &producer, &topic, &numbered(prefix, 3), &json!({ "manner": "batch" }));
        wait_until(clock::wall_ms() + 3);
    };
    batch("first");
    batch("second");
    let stored = drain(java, &target, &topic);
    let times: Vec<i64> =
        stored.iter().filter_map(|message| message["storeTimestamp"].as_i64()).collect();
    let (first, second) = (times[0], times[3]);
    assert_eq!(times, [first, first, first, second, second, second]);
    assert!(second - first >= 3, "{times:?}");

    let search = |boundary: &str| {
        let times = [0, first - 1, first, first + 1, second - 1, second, second + 1];
        let asked = json!({
            "producer": producer, "topic": topic, "boundary": boundary, "times": times,
        });
        java.ask("replay.search", &asked)["offsets"].clone()
    };
    assert_eq!(search("LOWER"), json!([0, 0, 0, 3, 3, 3, 6]));
    assert_eq!(search("UPPER"), json!([0, 0, 2, 2, 2, 5, 5]));
}
