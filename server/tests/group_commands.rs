//! `remora group`, `remora client` and the timeline of a message, over a consumer at work.
mod common;

use common::{Cluster, PATIENCE};
use remora_client::{ConsumeFrom, ConsumeOutcome, PushConsumer};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// One topic of one queue with three messages; gives their ids.
fn filled(cluster: &Cluster) -> Vec<String> {
    cluster.run(&["topic", "create", "orders", "--queues", "1"]);
    let send = |body: &str| cluster.json(&["send", "orders", body])["msgId"].clone();
    let ids = ["one", "two", "three"].map(send);
    ids.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A consumer of "orders" and the bodies that it gets.
async fn consume(cluster: &Cluster) -> (PushConsumer, mpsc::UnboundedReceiver<String>) {
    consume_what(cluster, "*").await
}

async fn consume_what(
    cluster: &Cluster,
    tags: &str,
) -> (PushConsumer, mpsc::UnboundedReceiver<String>) {
    let (sender, bodies) = mpsc::unbounded_channel();
    let consumer = PushConsumer::builder("workers")
        .nameserver(&cluster.nameserver)
        .consume_from(ConsumeFrom::First)
        .subscribe("orders", tags)
        .handler(move |messages| {
            for message in &messages {
                let _ = sender.send(String::from_utf8_lossy(message.body()).into_owned());
            }
            async { ConsumeOutcome::Success }
        })
        .start()
        .await
        .expect("started");
    (consumer, bodies)
}

async fn take(bodies: &mut mpsc::UnboundedReceiver<String>, count: usize) -> Vec<String> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = tokio::time::timeout(PATIENCE, bodies.recv()).await;
        taken.push(next.expect("in time").expect("open"));
    }
    taken.sort();
    taken
}

#[test]
fn group_is_made_and_keeps_what_a_change_does_not_name() {
    let cluster = Cluster::start();
    let quota = "remora.quota.out.messages";
    let pair = format!("{quota}=100");
    let made = ["group", "create", "workers", "--retry-max", "3", "--attribute", &pair];
    let expected = |retries: i32, consumes: bool, attributes: Value| {
        json!({
            "group": "workers", "retryMaxTimes": retries, "consumeEnable": consumes,
            "attributes": attributes,
        })
    };
    assert_eq!(cluster.json(&made), expected(3, true, json!({ quota: "100" })));
    let paused = ["group", "create", "workers", "--consume", "false"];
    assert_eq!(cluster.json(&paused), expected(3, false, json!({ quota: "100" })));
    let changed = [
        "group",
        "create",
        "workers",
        "--consume",
        "true",
        "--without-attribute",
        quota,
        "--attribute",
        "priority.factor=50",
    ];
    assert_eq!(cluster.json(&changed), expected(3, true, json!({ "priority.factor": "50" })));
    assert_eq!(cluster.json(&["group", "list"])[0]["group"], "workers");
}

#[tokio::test(flavor = "multi_thread")]
async fn group_is_listed_followed_reset_cloned_and_deleted() {
    let cluster = Cluster::start();
    filled(&cluster);
    let (consumer, mut bodies) = consume(&cluster).await;
    assert_eq!(take(&mut bodies, 3).await, ["one", "three", "two"]);

    let connections = cluster.json(&["group", "connections", "workers"]);
    let member = connections["online"]["connectionSet"][0].clone();
    let client_id = member["clientId"].as_str().expect("a client").to_owned();
    let lag = cluster.json(&["group", "lag", "workers", "--topic", "orders"]);
    assert_eq!(lag["queues"][0]["owner"], client_id.as_str(), "{lag}");
    assert!(lag["queues"][0]["lastPullMs"].as_i64().is_some_and(|ms| ms > 0), "{lag}");
    assert_eq!((&lag["queues"][0]["trouble"], &lag["clashes"]), (&Value::Null, &json!([])));
    let clients = cluster.json(&["client", "list"]);
    let consumers: Vec<&Value> = clients
        .as_array()
        .into_iter()
        .flatten()
        .filter(|client| client["role"] == "consumer")
        .collect();
    assert_eq!(consumers.len(), 1, "{clients}");
    assert_eq!(consumers[0]["clientId"], client_id.as_str());
    assert_eq!(consumers[0]["group"], "workers");

    let reset = cluster.json(&["group", "reset", "workers", "orders", "--to", "start"]);
    let offsets = json!([{ "broker": "broker-a", "queueId": 0, "offset": 0 }]);
    assert_eq!(reset["queues"], offsets);
    assert_eq!(take(&mut bodies, 3).await, ["one", "three", "two"]);
    consumer.shutdown().await;

    let one = ["group", "reset", "workers", "orders", "--queue", "broker-a:0", "--offset", "2"];
    cluster.run(&one);
    let listed = cluster.json(&["group", "list"]);
    let expected = json!([{ "group": "workers", "members": 0, "topics": ["orders"], "lag": 1 }]);
    assert_eq!(listed, expected);
    let lag = cluster.json(&["group", "lag", "workers", "--topic", "orders"]);
    assert!(lag["queues"][0]["lastCommitMs"].as_i64().is_some_and(|ms| ms > 0), "{lag}");
    let table = cluster.run(&["group", "lag", "workers"]);
    assert!(table.contains("COMMITTED") && table.contains("behind by 1 messages"), "{table}");

    let beyond = ["group", "reset", "workers", "orders", "--queue", "broker-a:0", "--offset", "9"];
    cluster.fails(&beyond, 1, &["'offset' is 9", "0 to 3"]);
    cluster.fails(
        &["group", "reset", "workers", "orders", "--to", "yesterday"],
        2,
        &["--to is 'yesterday'", "15m"],
    );
    cluster.fails(&["group", "lag", "wrokers"], 3, &["did you mean 'workers'?"]);
    cluster.fails(&["group", "clone", "workers", "nobody"], 3, &["'nobody'"]);
    cluster.fails(&["group", "delete", "workers"], 1, &["--yes"]);
    cluster.run(&["group", "delete", "workers", "--yes"]);
    assert_eq!(cluster.json(&["group", "list"]), json!([]));
    assert_eq!(cluster.program.terminate().0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_subscribe_differently_are_both_shown() {
    let cluster = Cluster::start();
    filled(&cluster);
    let (one, _bodies) = consume_what(&cluster, "red").await;
    assert!(!cluster.run(&["group", "connections", "workers"]).contains("clash"));
    let (other, _others) = consume_what(&cluster, "blue").await;
    let clashes = cluster.json(&["group", "connections", "workers"])["online"]["clashes"].clone();
    let found = clashes.as_array().map_or(&[][..], Vec::as_slice);
    let [clash] = found else { panic!("{clashes}") };
    let mut wanted = [&clash["expression"], &clash["otherExpression"]].map(Value::to_string);
    wanted.sort();
    assert_eq!(wanted, ["\"blue\"", "\"red\""]);
    assert_ne!(clash["clientId"], clash["otherClientId"]);
    assert_eq!(cluster.json(&["group", "lag", "workers"])["clashes"], clashes);
    for command in ["connections", "lag"] {
        let told = cluster.run(&["group", command, "workers"]);
        let line =
            told.lines().find(|line| line.starts_with("subscriptions clash in topic orders"));
        let line = line.unwrap_or_else(|| panic!("{told}"));
        assert!(line.contains("wants 'red'") && line.contains("wants 'blue'"), "{line}");
    }
    one.shutdown().await;
    assert!(!cluster.run(&["group", "connections", "workers"]).contains("clash"));
    other.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timeline_tells_which_groups_have_passed_a_message() {
    let cluster = Cluster::start();
    let ids = filled(&cluster);
    let (consumer, mut bodies) = consume(&cluster).await;
    take(&mut bodies, 3).await;
    consumer.shutdown().await;
    cluster.run(&["group", "reset", "workers", "orders", "--queue", "broker-a:0", "--offset", "1"]);
    let fate = |id: &str| {
        let timeline = cluster.json(&["message", "timeline", "orders", "--id", id]);
        assert_eq!(timeline["message"]["msgId"], id, "{timeline}");
        let groups = timeline["groups"].as_array().cloned().unwrap_or_default();
        assert_eq!(groups.len(), 1, "{timeline}");
        (groups[0]["group"].clone(), groups[0]["fate"].clone())
    };
    assert_eq!(fate(&ids[0]), (json!("workers"), json!("consumed or skipped")));
    assert_eq!(fate(&ids[1]), (json!("workers"), json!("waiting")));
    let told = cluster.run(&["message", "timeline", "orders", "--id", &ids[2]]);
    assert!(told.contains("stored in orders/broker-a/0 at offset 2"), "{told}");
    let missing = ["message", "timeline", "orders", "--id", "7F00000100002A9F0000000000000001"];
    cluster.fails(&missing, 3, &["message", "does not exist"]);
    assert_eq!(cluster.program.terminate().0, 0);
}
