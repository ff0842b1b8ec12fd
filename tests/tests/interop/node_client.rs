//! The official Node client.

use remora_tests::{Target, interop, target::unique, wire};
use serde_json::{Value, json};

use crate::common::{only, send, sorted, sorted_texts, user_properties};

const TAGS: [&str; 3] = ["A", "B", "C"];

#[test]
#[cfg_attr(no_node, ignore = "skipped: no Node.js or npm")]
fn node_sends_and_consumers_receive_what_their_tags_ask_for() {
    let (node, target) = (interop::node(), Target::shared());
    let (producer, topic) = (unique("node-producer"), unique("node"));
    let start =
        json!({ "producer": producer, "group": unique("pg"), "nameserver": target.nameserver() });
    node.ask("producer", &start);
    // Of itself this client cannot send to a topic that has no route yet.
    wire::create_topic(&target.broker(), &topic, 4);
    let messages: Value = (0..30)
        .map(|n| {
            json!({
                "body": format!("node-{n} \u{e4}\u{6f22}"), "tags": TAGS[n % 3],
                "keys": format!("k{n}"), "props": { "colour": "blue" },
            })
        })
        .collect();

    let sent = send(node, &producer, &topic, &messages, &json!({}));
    let consumer = unique("node-push");
    let args = json!({
        "consumer": consumer, "group": unique("cg"), "nameserver": target.nameserver(), "topic": topic,
        "tags": "A || C",
    });
    let stream = node.call("push", &args);
    stream.expect("started");
    let received = stream.take("received", 20);
    node.ask("stop", &json!({ "name": consumer }));
    assert_eq!(stream.all("received"), Vec::<Value>::new());

    assert!(sent.iter().all(|answer| answer["status"] == "SEND_OK"), "{sent:?}");
    let wanted = |n: &usize| n % 3 != 1;
    let bodies = (0..30).filter(wanted).map(|n| format!("node-{n} \u{e4}\u{6f22}")).collect();
    assert_eq!(sorted_texts(&received, "body"), sorted(bodies));
    let place = |event: &Value| only(event, &["queue", "offset", "msgId"]).to_string();
    let expected = (0..30).filter(wanted).map(|n| place(&sent[n])).collect();
    assert_eq!(sorted(received.iter().map(place).collect()), sorted(expected));
    assert!(
        received.iter().all(|m| user_properties(m) == json!({ "colour": "blue" })),
        "{received:?}"
    );
    node.ask("stop", &json!({ "name": producer }));
}
