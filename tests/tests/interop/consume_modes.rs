//! How a group consumes as administrators set and see it: request modes that outlive restarts, and
//! the statistics of messages that it does not consume.

use remora_tests::{Options, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    numbered, numbered_bodies, producer, push, send, sorted, sorted_texts, stop_push, topic,
};
use crate::mqadmin::mqadmin;
use crate::retry::letters_of;

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn request_mode_set_by_mqadmin_is_that_of_java_consumers_also_after_a_kill() {
    let java = interop::java();
    let target = Target::fresh(&Options::default());
    let producer = producer(java, &target, &json!({ "retries": 10 }));
    let topic = topic(java, &producer, 2);
    let (group, broker) = (unique("cg"), target.broker());
    mqadmin(java, &target, &["updateSubGroup", "-g", &group, "-b", &broker]);
    let set = ["setConsumeMode", "-t", &topic, "-g", &group, "-m", "POP", "-q", "1"];
    mqadmin(java, &target, &[&set[..], &["-b", &broker]].concat());
    // There is no second store of pop records to export.
    let exported = mqadmin(java, &target, &["exportPopRecord", "-b", &broker]);
    assert!(exported.contains("in-flight messages are in its metadata log"), "{exported}");

    target.kill();
    target.start();

    let consumer = unique("push");
    let popping = json!({ "group": group, "clientRebalance": false });
    let stream = push(java, &target, &consumer, &topic, &popping);
    send(java, &producer, &topic, &numbered("popped", 20), &json!({}));
    let received = stream.take("received", 20);
    assert_eq!(sorted_texts(&received, "body"), sorted(numbered_bodies("popped", 20)));
    assert!(received.iter().all(|m| m["props"]["POP_CK"].is_string()), "{received:?}");
    stop_push(java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn messages_sent_back_and_given_up_are_counted_for_topic_and_group() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    let (consumer, group) = (unique("push"), unique("cg"));
    let refuses =
        json!({ "group": group, "failures": 1_000, "delayLevel": 1, "maxReconsumeTimes": 1 });
    let stream = push(java, &target, &consumer, &topic, &refuses);
    send(java, &producer, &topic, &numbered("refused", 3), &json!({}));
    stream.take("received", 6);
    assert_eq!(letters_of(&target, &group, 3).len(), 3);
    stop_push(java, &consumer);

    let counted = |name: &str| {
        let args = json!({
            "nameserver": target.nameserver(), "broker": target.broker(), "name": name,
            "key": format!("{topic}@{group}"),
        });
        java.ask("statistic", &args)["hour"].clone()
    };
    // Three sent back to come again, three to be given up.
    assert_eq!([counted("SNDBCK_PUT_NUMS"), counted("DLQ_PUT_NUMS")], [json!(6), json!(3)]);
}
