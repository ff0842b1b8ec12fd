//! Message traces: what official clients write about the messages they send and consume.

use remora_tests::{Driver, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{
    numbered, only, producer, pull_consumer, push, send, stop_push, texts, topic, with,
};
use crate::go_client;
use crate::mqadmin::{mqadmin, rows};

/// The records about these messages, sorted by message and kind.
#[track_caller]
fn records(target: &Target, trace_topic: &str, ids: &[String], count: usize) -> Vec<Value> {
    let java = interop::java();
    let consumer = pull_consumer(java, target);
    let args = json!({ "consumer": consumer, "topic": trace_topic, "ids": ids, "count": count });
    let mut records = java.call("traces", &args).all("traced");
    java.ask("pull.stop", &json!({ "consumer": consumer }));
    records.sort_by_key(|record| {
        let id = ids.iter().position(|id| record["msgId"] == *id.as_str());
        (id, record["type"].to_string())
    });
    for record in &records {
        assert!(record["costMs"].as_i64().is_some_and(|cost| (0..60_000).contains(&cost)));
        let found_by = record["foundBy"].as_str().unwrap_or_default();
        assert!(record["msgId"].as_str().is_some_and(|id| found_by.contains(id)), "{record}");
    }
    records
}

/// What mqadmin shows of a message: the first word of each line and the last.
#[track_caller]
fn shown(java: &Driver, target: &Target, trace_topic: &str, id: &str) -> Vec<[String; 3]> {
    let show = ["queryMsgTraceById", "-i", id, "-t", trace_topic];
    let printed = mqadmin(java, target, &show);
    let row = |row: Vec<&str>| [row[0], row[1], row[row.len() - 1]].map(str::to_owned);
    let mut rows: Vec<_> = rows(&printed).into_iter().map(row).collect();
    rows.sort();
    rows
}

/// Producer and consumer of the official Java client, their traces in `trace_topic`.
#[track_caller]
fn java_traces(trace_topic: &str, setting: &str) {
    let (java, target) = (interop::java(), Target::shared());
    let (producers, consumers) = (unique("pg"), unique("cg"));
    let traced = json!({ "traces": setting });
    let producer = producer(java, &target, &with(traced.clone(), &json!({ "group": producers })));
    let topic = topic(java, &producer, 1);
    // The message that a client sends as its first may come before the broker knows of it.
    let warm_up = send(java, &producer, &topic, &numbered("first", 1), &json!({}));
    records(&target, trace_topic, &texts(&warm_up, "msgId"), 1);
    let messages: Value = (0..3)
        .map(|n| json!({ "body": format!("body-{n}"), "tags": "T", "keys": format!("k{n}") }))
        .collect();
    let sent = send(java, &producer, &topic, &messages, &json!({}));
    let consumer = unique("push");
    let once_refused = json!({ "group": consumers, "failures": 1, "delayLevel": 1 });
    let stream = push(java, &target, &consumer, &topic, &with(traced, &once_refused));
    let received = stream.take("received", 8);
    assert!(received.iter().all(|message| message["topic"] == *topic), "{received:?}");

    let ids = texts(&sent, "msgId");
    let found = records(&target, trace_topic, &ids, 15);
    assert_eq!(found.len(), 15, "{found:?}");
    for (n, of_message) in found.chunks(5).enumerate() {
        let about = |record: &Value| only(record, &["type", "msgId", "keys", "success"]);
        let is = |kind: &str, success: bool| json!({ "type": kind, "msgId": ids[n], "keys": format!("k{n}"), "success": success });
        let mut got: Vec<Value> = of_message.iter().map(about).collect();
        got.sort_by_key(|record| (record["type"].to_string(), record["success"] == true));
        // A record of what comes before has no outcome yet.
        let expected =
            [("Pub", true), ("SubAfter", false), ("SubAfter", true), ("SubBefore", true)];
        let expected = expected.map(|(kind, success)| is(kind, success));
        assert_eq!(got[..4], expected);
        assert_eq!(got[4], expected[3]);
        let published = json!({
            "region": "DefaultRegion", "group": producers, "topic": topic, "tags": "T",
            "storeHost": target.broker(), "bodyBytes": 6, "offsetMsgId": sent[n]["offsetMsgId"],
        });
        let fields = ["region", "group", "topic", "tags", "storeHost", "bodyBytes", "offsetMsgId"];
        assert_eq!(only(&of_message[0], &fields), published);
        let mut before: Vec<Value> = of_message[3..]
            .iter()
            .map(|record| only(record, &["region", "group", "retries"]))
            .collect();
        before.sort_by_key(|record| record["retries"].as_i64());
        let expected = [0, 1].map(
            |retries| json!({ "region": "DefaultRegion", "group": consumers, "retries": retries }),
        );
        assert_eq!(before, expected);
    }

    // The index is written behind the log.
    let key = json!({ "producer": producer, "topic": trace_topic, "key": ids[2], "atLeast": 3 });
    java.ask("queryByKey", &key);
    let row = |kind: &str, group: &str, end: &str| [kind, group, end].map(str::to_owned);
    assert_eq!(
        shown(java, &target, trace_topic, &ids[2]),
        [
            row("Pub", &producers, "success"),
            row("Sub", &consumers, "failed"),
            row("Sub", &consumers, "success"),
        ]
    );
    stop_push(java, &consumer);
    java.ask("producer.stop", &json!({ "producer": producer }));
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_clients_write_traces_of_what_is_sent_refused_and_consumed() {
    java_traces("RMQ_SYS_TRACE_TOPIC", "");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_clients_write_traces_into_a_topic_of_their_own() {
    let own = unique("traces");
    java_traces(&own, &own);
}

#[test]
#[cfg_attr(any(no_java, no_go), ignore = "skipped: no JDK, Maven or Go")]
fn go_clients_write_traces_that_javas_tools_read() {
    let (java, go, target) = (interop::java(), interop::go(), Target::shared());
    // This client writes no traces into a topic that is not there.
    let (topic, trace_topic) = (go_client::topic(go, &target, 1), go_client::topic(go, &target, 1));
    let (producers, consumers) = (unique("pg"), unique("cg"));
    let traced = json!({ "traces": trace_topic, "nameserver": target.nameserver() });
    let producer = unique("go-producer");
    let started = json!({ "producer": producer, "group": producers });
    go.ask("producer", &with(traced.clone(), &started));
    let consumer = unique("go-push");
    let consuming = with(traced, &json!({ "group": consumers, "tags": "*" }));
    let stream = push(go, &target, &consumer, &topic, &consuming);
    let messages: Value = (0..3)
        .map(|n| json!({ "body": format!("body-{n}"), "tags": "T", "keys": format!("k{n}") }))
        .collect();
    let sent = send(go, &producer, &topic, &messages, &json!({}));
    stream.take("received", 3);

    let ids = texts(&sent, "msgId");
    let found = records(&target, &trace_topic, &ids, 9);
    let fields = ["type", "group", "msgId", "success"];
    let got: Vec<Value> = found.iter().map(|record| only(record, &fields)).collect();
    let expected: Vec<Value> = ids
        .iter()
        .flat_map(|id| {
            [("Pub", &producers), ("SubAfter", &consumers), ("SubBefore", &consumers)].map(
                |(kind, group)| {
                    json!({ "type": kind, "group": group, "msgId": id, "success": true })
                },
            )
        })
        .collect();
    assert_eq!(got, expected);
    for (record, sent) in found.iter().step_by(3).zip(&sent) {
        let of_send = json!({
            "region": "DefaultRegion", "topic": topic, "tags": "T", "bodyBytes": 6,
            "storeHost": target.broker(), "offsetMsgId": sent["offsetMsgId"],
        });
        let fields = ["region", "topic", "tags", "bodyBytes", "storeHost", "offsetMsgId"];
        assert_eq!(only(record, &fields), of_send);
    }
    let reader = crate::common::producer(java, &target, &json!({}));
    let key = json!({ "producer": reader, "topic": trace_topic, "key": ids[2], "atLeast": 2 });
    java.ask("queryByKey", &key);
    let rows = shown(java, &target, &trace_topic, &ids[2]);
    let row = |kind: &str, group: &str| [kind, group, "success"].map(str::to_owned);
    assert_eq!(rows, [row("Pub", &producers), row("Sub", &consumers)]);
    go.ask("push.stop", &json!({ "consumer": consumer }));
    go.ask("producer.stop", &json!({ "producer": producer }));
}
