//! Groups and who is connected.

use remora_tests::{Target, interop, target::unique};
use serde_json::json;

use super::{broker_name, mqadmin, rows, value_of};
use crate::common::{numbered, producer, push, send, stop_push, topic};

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn consumer_progress_and_connections_show_the_group() {
    let (java, target) = (interop::java(), Target::shared());
    let producer_group = unique("pg");
    let producer = producer(java, &target, &json!({ "group": producer_group }));
    let topic = topic(java, &producer, 2);
    send(java, &producer, &topic, &numbered("seen", 6), &json!({}));
    let (group, consumer) = (unique("cg"), unique("push"));
    let args = json!({
        "consumer": consumer, "group": group, "nameserver": target.nameserver(), "topic": topic,
    });
    let stream = java.call("push", &args);
    stream.expect("started");
    stream.take("received", 6);

    let connections = mqadmin(java, &target, &["consumerConnection", "-g", &group]);
    let client = rows(&connections)[0].clone();
    assert!(client[0].ends_with(&consumer), "{connections}");
    assert_eq!((client[2], client[3]), ("JAVA", "V5_5_0"), "{connections}");
    for expected in ["CONSUME_PASSIVELY", "CLUSTERING", "CONSUME_FROM_FIRST_OFFSET"] {
        assert!(connections.contains(expected), "{expected} in {connections}");
    }
    assert!(rows(&connections).contains(&vec![topic.as_str(), "*"]), "{connections}");
    let producers =
        mqadmin(java, &target, &["producerConnection", "-g", &producer_group, "-t", &topic]);
    assert!(producers.contains(&producer) && producers.contains("JAVA"), "{producers}");

    java.ask("push.stop", &json!({ "consumer": consumer }));
    send(java, &producer, &topic, &numbered("behind", 4), &json!({}));
    let progress = mqadmin(java, &target, &["consumerProgress", "-g", &group]);
    let mut queues: Vec<Vec<&str>> = rows(&progress)
        .into_iter()
        .filter(|row| row[0] == topic)
        .map(|row| [2, 3, 4, 5].map(|column| row[column]).to_vec())
        .collect();
    queues.sort();
    assert_eq!(queues, [["0", "5", "3", "2"], ["1", "5", "3", "2"]], "{progress}");
    assert_eq!(value_of(&progress, "Consume Diff Total"), Some("4"), "{progress}");
    let groups = mqadmin(java, &target, &["consumerProgress"]);
    assert!(rows(&groups).iter().any(|row| row[0] == group), "{groups}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn groups_are_created_and_deleted() {
    let (java, target) = (interop::java(), Target::shared());
    let group = unique("admin-group");
    let update = ["updateSubGroup", "-c", "DefaultCluster", "-g", &group, "-q", "2"];
    let updated = mqadmin(java, &target, &update);
    let success = format!("create subscription group to {} success", target.broker());
    assert!(updated.contains(&success) && updated.contains("retryQueueNums=2"), "{updated}");
    let delete = ["deleteSubGroup", "-c", "DefaultCluster", "-g", &group];
    let deleted = mqadmin(java, &target, &delete);
    assert!(deleted.contains(&format!("delete subscription group [{group}]")), "{deleted}");
    assert!(deleted.contains("success"), "{deleted}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn groups_of_a_file_are_created_and_their_settings_shown() {
    let (java, target) = (interop::java(), Target::shared());
    let (first, second) = (unique("listed"), unique("listed"));
    let folder = tempfile::tempdir().unwrap_or_else(|cause| panic!("{cause}"));
    let file = folder.path().join("groups.json");
    let groups = json!([
        {"groupName": first, "retryQueueNums": 3, "consumeMessageOrderly": true},
        {"groupName": second, "retryMaxTimes": 5},
    ]);
    std::fs::write(&file, groups.to_string()).unwrap_or_else(|cause| panic!("{cause}"));
    let file = file.display().to_string();
    let update = ["updateSubGroupList", "-b", &target.broker(), "-f", &file];
    let updated = mqadmin(java, &target, &update);
    assert!(updated.contains(&format!("to {} success", target.broker())), "{updated}");
    let shown = |group: &str, names: [&str; 3]| {
        let shown = mqadmin(java, &target, &["getConsumerConfig", "-g", group]);
        names.map(|name| value_of(&shown, name).unwrap_or_default().to_owned())
    };
    let names = ["retryQueueNums", "consumeMessageOrderly", "retryMaxTimes"];
    assert_eq!(shown(&first, names), ["3", "true", "16"]);
    assert_eq!(shown(&second, names), ["1", "false", "5"]);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn state_of_a_consumer_is_asked_of_the_consumer() {
    let (java, target) = (interop::java(), Target::shared());
    let producer = producer(java, &target, &json!({ "group": unique("pg") }));
    let topic = topic(java, &producer, 1);
    let (group, consumer) = (unique("cg"), unique("push"));
    let stream = push(java, &target, &consumer, &topic, &json!({ "group": group }));
    let sent = send(java, &producer, &topic, &numbered("state", 2), &json!({}));
    stream.take("received", 2);

    let overview = mqadmin(java, &target, &["consumerStatus", "-g", &group]);
    let client = rows(&overview)[0][1].to_owned();
    assert!(client.ends_with(&consumer), "{overview}");
    for expected in ["Same subscription in the same group of consumer", "Rebalance OK"] {
        assert!(overview.contains(expected), "{expected} in {overview}");
    }
    let status = mqadmin(java, &target, &["consumerStatus", "-g", &group, "-i", &client]);
    for expected in [&format!("Topic: {topic}"), "#Consumer Properties#", "#Consumer MQ Detail#"] {
        assert!(status.contains(expected), "{expected} in {status}");
    }
    let again = sent[0]["offsetMsgId"].as_str().unwrap_or_default();
    let consume = ["queryMsgById", "-t", &topic, "-i", again, "-g", &group, "-d", &client];
    let consumed = mqadmin(java, &target, &consume);
    assert!(consumed.contains("consumeResult=CR_SUCCESS"), "{consumed}");
    assert_eq!(stream.take("received", 1)[0]["body"], "state-0");
    stop_push(java, &consumer);
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn every_producer_and_every_groups_progress_on_a_broker_is_shown() {
    let (java, target) = (interop::java(), Target::shared());
    let producer_group = unique("pg");
    let producer = producer(java, &target, &json!({ "group": producer_group }));
    let topic = topic(java, &producer, 1);
    let (group, consumer) = (unique("cg"), unique("push"));
    let stream = push(java, &target, &consumer, &topic, &json!({ "group": group }));
    send(java, &producer, &topic, &numbered("seen", 3), &json!({}));
    stream.take("received", 3);
    stop_push(java, &consumer);
    send(java, &producer, &topic, &numbered("behind", 2), &json!({}));

    // A producer's first heartbeat comes a second after its start.
    let producers = (0..60)
        .map(|_| mqadmin(java, &target, &["producer", "-b", &target.broker()]))
        .find(|printed| printed.contains(&producer_group))
        .unwrap_or_default();
    let line = producers.lines().find(|line| line.contains(&producer_group)).unwrap_or_default();
    assert!(line.contains(&producer) && line.contains("language=JAVA"), "{producers}");

    let stats = mqadmin(java, &target, &["brokerConsumeStats", "-b", &target.broker()]);
    let name = broker_name(java, &target);
    let of_group: Vec<Vec<&str>> = rows(&stats)
        .into_iter()
        .filter(|row| row.get(1) == Some(&group.as_str()))
        .map(|row| row[..7].to_vec())
        .collect();
    assert_eq!(of_group, [[topic.as_str(), &group, &name, "0", "5", "3", "2"]], "{stats}");
}
