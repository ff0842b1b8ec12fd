//! Moving the offsets of groups.

use remora_tests::{Driver, Target, interop, target::unique};
use serde_json::json;

use super::{broker_name, filled, mqadmin, mqadmin_fails, rows};
use crate::common::{push, stop_push};

/// A group that has consumed `count` messages of the one queue of a topic, and left.
fn consumed(java: &Driver, target: &Target, count: usize) -> (String, String) {
    let (_, topic, _) = filled(java, target, 1, count);
    let (group, consumer) = (unique("cg"), unique("push"));
    let stream = push(java, target, &consumer, &topic, &json!({ "group": group }));
    stream.take("received", count);
    stop_push(java, &consumer);
    (topic, group)
}

/// What the group has consumed of the topic's one queue.
fn consumer_offset(java: &Driver, target: &Target, group: &str, topic: &str) -> String {
    let progress = mqadmin(java, target, &["consumerProgress", "-g", group, "-t", topic]);
    let row = rows(&progress).into_iter().find(|row| row[0] == topic);
    row.and_then(|row| row.get(4).map(ToString::to_string)).unwrap_or(progress)
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn offsets_are_reset_skipped_and_cloned() {
    let (java, target) = (interop::java(), Target::shared());
    let (topic, group) = consumed(java, &target, 5);
    let name = broker_name(java, &target);
    let offset = || consumer_offset(java, &target, &group, &topic);
    assert_eq!(offset(), "5");

    let to_start = ["resetOffsetByTime", "-g", &group, "-t", &topic, "-s", "0"];
    let reset = mqadmin(java, &target, &to_start);
    assert!(rows(&reset).contains(&vec![&name, "0", "0"]), "{reset}");
    assert_eq!(offset(), "0");

    let broker = target.broker();
    let one_queue =
        ["resetOffsetByTime", "-g", &group, "-t", &topic, "-s", "0", "-b", &broker, "-q", "0"];
    let to_third = [&one_queue[..], &["-o", "3"]].concat();
    let reset = mqadmin(java, &target, &to_third);
    assert!(reset.contains("reset consumer offset to 3"), "{reset}");
    assert_eq!(offset(), "3");
    let beyond = [&one_queue[..], &["-o", "77"]].concat();
    let refused = mqadmin_fails(java, &target, &beyond);
    assert!(refused.contains("field 'offset' is 77"), "{refused}");
    assert!(refused.contains(&format!("of topic '{topic}' has 0 to 5")), "{refused}");

    let skip = ["skipAccumulatedMessage", "-g", &group, "-t", &topic];
    let skipped = mqadmin(java, &target, &skip);
    assert!(rows(&skipped).contains(&vec![&name, "0", "5"]), "{skipped}");
    assert_eq!(offset(), "5");

    let (_, other) = consumed(java, &target, 1);
    let clone = ["cloneGroupOffset", "-s", &group, "-d", &other, "-t", &topic, "-o", "true"];
    let cloned = mqadmin(java, &target, &clone);
    let expected = format!(
        "clone group offset success. srcGroup[{group}], destGroup=[{other}], topic[{topic}]"
    );
    assert_eq!(cloned, expected);
    assert_eq!(consumer_offset(java, &target, &other, &topic), "5");
    let missing = ["cloneGroupOffset", "-s", "nobody", "-d", &other, "-t", &topic, "-o", "true"];
    let refused = mqadmin_fails(java, &target, &missing);
    assert!(refused.contains("topic: %RETRY%nobody"), "{refused}");
}
