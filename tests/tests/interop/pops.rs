//! POP: messages taken for a time, by the push consumer that has the broker assign its queues, and
//! request by request.

use std::collections::BTreeSet;

use remora_tests::{
    Driver, Target, interop,
    target::{Options, unique},
};
use serde_json::{Value, json};

use crate::common::{
    numbered, numbered_bodies, producer, pull_consumer, push, send, sorted, sorted_texts,
    stop_push, texts, topic, with,
};

/// A group that takes messages of a topic by hand.
pub struct Taker<'j> {
    java: &'j Driver,
    base: Value,
}

impl<'j> Taker<'j> {
    pub fn new(java: &'j Driver, target: &Target, topic: &str) -> Self {
        let consumer = pull_consumer(java, target);
        let base = json!({
            "consumer": consumer, "broker": target.broker(), "group": unique("cg"), "topic": topic,
        });
        Self { java, base }
    }

    #[track_caller]
    pub fn take(&self, more: &Value) -> Vec<Value> {
        self.java.call("pop.take", &with(self.base.clone(), more)).all("received")
    }

    #[track_caller]
    fn ask(&self, op: &str, more: &Value) -> Value {
        self.java.ask(op, &with(self.base.clone(), more))
    }

    /// The status that the client makes of the answer.
    #[track_caller]
    fn ack(&self, message: &Value) -> Value {
        self.ask("pop.ack", &json!({ "handle": message["handle"] }))["status"].clone()
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn push_consumer_that_pops_is_given_every_message_of_a_topic_once() {
    let java = interop::java();
    let target = Target::fresh(&Options::default());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 4);
    let group = unique("cg");
    for args in [
        vec!["updateSubGroup", "-g", &group],
        vec!["setConsumeMode", "-t", &topic, "-g", &group, "-m", "POP", "-q", "0"],
    ] {
        let (broker, nameserver) = (target.broker(), target.nameserver());
        let args = [args, vec!["-b", &broker, "-n", &nameserver]].concat();
        java.ask("mqadmin", &json!({ "args": args }));
    }
    let popping = json!({ "group": group, "clientRebalance": false });
    let consumer = unique("push");
    let stream = push(java, &target, &consumer, &topic, &popping);
    send(java, &producer, &topic, &numbered("popped", 60), &json!({}));

    let received = stream.take("received", 60);
    assert_eq!(sorted_texts(&received, "body"), sorted(numbered_bodies("popped", 60)));
    for message in &received {
        assert!(message["props"]["POP_CK"].is_string(), "{message}");
        assert_eq!(message["topic"], json!(topic));
    }
    stop_push(java, &consumer);
    assert_eq!(stream.all("received"), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn messages_of_a_consumer_that_died_come_back_and_acknowledged_ones_do_not() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    send(java, &producer, &topic, &numbered("m", 4), &json!({}));
    let taker = Taker::new(java, &target, &topic);

    let first = taker.take(&json!({}));
    assert_eq!(texts(&first, "body"), numbered_bodies("m", 4));
    assert_eq!(taker.ack(&first[0]), "OK");
    let handles: Vec<&Value> = first[1..3].iter().map(|message| &message["handle"]).collect();
    assert_eq!(taker.ask("pop.ackAll", &json!({ "handles": handles }))["status"], "OK");
    let later = json!({ "handle": first[3]["handle"], "invisibleMs": 600_000 });
    let changed = taker.ask("pop.change", &later);
    assert_eq!(changed["status"], "OK");

    // Its consumer dies at once.
    send(java, &producer, &topic, &numbered("lost", 2), &json!({}));
    let lost = taker.take(&json!({ "invisibleMs": 1 }));
    assert_eq!(texts(&lost, "body"), numbered_bodies("lost", 2));
    let mut again = Vec::new();
    while again.len() < 2 {
        again.extend(taker.take(&json!({ "pollMs": 10_000 })));
    }
    assert_eq!(sorted_texts(&again, "body"), ["lost-0", "lost-1"]);
    for message in &again {
        assert_eq!((&message["reconsume"], &message["topic"]), (&json!(1), &json!(topic)));
        assert!(message["props"]["1ST_POP_TIME"].is_string(), "{message}");
        assert_eq!(taker.ack(message), "OK");
    }
    assert_eq!(taker.ack(&changed), "OK");
    assert_eq!(taker.ack(&first[3]), "OK", "acknowledged already");
    assert_eq!(taker.take(&json!({})), Vec::<Value>::new());
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn a_group_in_order_is_given_the_next_messages_once_it_acknowledged() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({}));
    let topic = topic(java, &producer, 1);
    send(java, &producer, &topic, &numbered("m", 3), &json!({}));
    let taker = Taker::new(java, &target, &topic);
    let ordered = json!({ "order": true, "count": 2 });

    let first = taker.take(&ordered);
    assert_eq!(texts(&first, "body"), ["m-0", "m-1"]);
    assert_eq!(taker.take(&ordered), Vec::<Value>::new());
    assert_eq!(taker.ack(&first[0]), "OK");
    // The other one failed: visible at once, and delivered with its count before what follows.
    let now = json!({ "handle": first[1]["handle"], "invisibleMs": 0 });
    assert_eq!(taker.ask("pop.change", &now)["status"], "OK");
    let second = taker.take(&with(ordered, &json!({ "pollMs": 10_000 })));
    assert_eq!(texts(&second, "body"), ["m-1", "m-2"]);
    assert_eq!([&second[0]["reconsume"], &second[1]["reconsume"]], [&json!(1), &json!(0)]);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn nothing_that_was_popped_is_lost_when_the_server_is_killed() {
    let java = interop::java();
    let target = Target::fresh(&Options::default());
    let producer = producer(java, &target, &json!({ "retries": 10 }));
    let topic = topic(java, &producer, 4);
    send(java, &producer, &topic, &numbered("m", 40), &json!({}));
    let taker = Taker::new(java, &target, &topic);
    let mut popped = Vec::new();
    while popped.len() < 20 {
        popped.extend(taker.take(&json!({ "count": 5, "invisibleMs": 2_000 })));
    }
    let acked: Vec<&Value> = popped.iter().take(8).collect();
    acked.iter().for_each(|message| assert_eq!(taker.ack(message), "OK"));
    let acked: BTreeSet<String> =
        acked.iter().filter_map(|message| message["body"].as_str().map(str::to_owned)).collect();

    target.kill();
    target.start();

    // Its invisible time is over for whatever was written down as in flight.
    let all: BTreeSet<String> = numbered_bodies("m", 40).into_iter().collect();
    let wanted: BTreeSet<&String> = all.difference(&acked).collect();
    let mut given = BTreeSet::new();
    while !wanted.iter().all(|body| given.contains(*body)) {
        for message in taker.take(&json!({ "pollMs": 10_000 })) {
            assert_eq!(taker.ack(&message), "OK");
            given.insert(message["body"].as_str().unwrap_or_default().to_owned());
        }
    }
    assert!(given.is_subset(&all), "{given:?}");
}
