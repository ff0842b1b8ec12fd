//! Apache's mqadmin, unmodified: each command runs and prints what is so.

use remora_tests::{Driver, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{numbered, producer, send, topic};

/// One mqadmin command; gives what it printed.
#[track_caller]
pub fn mqadmin(java: &Driver, target: &Target, args: &[&str]) -> String {
    let mut args = args.to_vec();
    let nameserver = target.nameserver();
    args.extend(["-n", &nameserver]);
    let answer = java.ask("mqadmin", &json!({ "args": args }));
    answer["stdout"].as_str().unwrap_or_default().to_owned()
}

/// The printed lines as words, without headings and empty lines.
fn rows(printed: &str) -> Vec<Vec<&str>> {
    printed
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// The value of `name : value` or `name = value`.
fn value_of<'a>(printed: &'a str, name: &str) -> Option<&'a str> {
    printed.lines().find_map(|line| {
        let (found, value) = line.split_once([':', '='])?;
        (found.trim() == name).then_some(value.trim())
    })
}

fn broker_name(java: &Driver, target: &Target) -> String {
    let printed = mqadmin(java, target, &["clusterList"]);
    rows(&printed)[0][1].to_owned()
}

/// A topic with `count` messages of the keys `key-0`, `key-1`, …; gives the producer, the topic and
/// the answers.
fn filled(
    java: &Driver,
    target: &Target,
    queues: usize,
    count: usize,
) -> (String, String, Vec<Value>) {
    let producer = producer(java, target, &json!({ "group": unique("pg") }));
    let topic = topic(java, &producer, queues);
    let messages: Value = (0..count)
        .map(|n| json!({ "body": format!("body-{n}"), "tags": "T", "keys": format!("key-{n}") }))
        .collect();
    let sent = send(java, &producer, &topic, &messages, &json!({}));
    (producer, topic, sent)
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn cluster_list_and_broker_status_show_the_broker() {
    let (java, target) = (interop::java(), Target::shared());
    filled(java, &target, 1, 3);
    let clusters = mqadmin(java, &target, &["clusterList"]);
    let row = &rows(&clusters)[0];
    assert_eq!(
        (row[0], row[2], row[3]),
        ("DefaultCluster", "0", target.broker().as_str()),
        "{clusters}"
    );
    assert!(row[4].starts_with("V5_"), "{clusters}");

    let status = mqadmin(java, &target, &["brokerStatus", "-b", &target.broker()]);
    assert!(
        value_of(&status, "brokerVersionDesc").is_some_and(|v| v.starts_with("V5_")),
        "{status}"
    );
    let number = |name| value_of(&status, name).and_then(|value| value.parse::<u64>().ok());
    assert!(number("bootTimestamp").is_some_and(|ms| ms > 1_700_000_000_000), "{status}");
    assert!(number("msgPutTotalTodayNow").is_some_and(|count| count >= 3), "{status}");
    assert!(number("commitLogMaxOffset").is_some_and(|offset| offset > 300), "{status}");
    assert_eq!(number("commitLogMinOffset"), Some(0), "{status}");
    for name in
        ["putTps", "getTotalTps", "commitLogDiskRatio", "runtime", "sendThreadPoolQueueSize"]
    {
        assert!(value_of(&status, name).is_some(), "{name} in {status}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn topics_are_created_listed_located_and_deleted() {
    let (java, target) = (interop::java(), Target::shared());
    let topic = unique("admin-topic");
    let name = broker_name(java, &target);
    let update = ["updateTopic", "-c", "DefaultCluster", "-t", &topic, "-r", "3", "-w", "3"];
    let updated = mqadmin(java, &target, &update);
    assert!(updated.contains(&format!("create topic to {} success", target.broker())), "{updated}");
    assert!(updated.contains("readQueueNums=3, writeQueueNums=3, perm=RW-"), "{updated}");

    let listed = mqadmin(java, &target, &["topicList"]);
    for expected in [topic.as_str(), "TBW102"] {
        assert!(listed.lines().any(|line| line == expected), "{expected} in {listed}");
    }
    let route = mqadmin(java, &target, &["topicRoute", "-t", &topic]);
    assert!(route.contains(&format!("0:\"{}\"", target.broker())), "{route}");
    for expected in ["\"readQueueNums\":3", "\"writeQueueNums\":3", "\"perm\":6", &name] {
        assert!(route.contains(expected), "{expected} in {route}");
    }
    let clusters = mqadmin(java, &target, &["topicClusterList", "-t", &topic]);
    assert_eq!(clusters.trim(), "DefaultCluster");

    let read_only = ["updateTopicPerm", "-t", &topic, "-b", &target.broker(), "-p", "4"];
    let permission = mqadmin(java, &target, &read_only);
    assert!(permission.contains("from 6 to 4"), "{permission}");
    let route = mqadmin(java, &target, &["topicRoute", "-t", &topic]);
    assert!(route.contains("\"perm\":4"), "{route}");

    let delete = ["deleteTopic", "-c", "DefaultCluster", "-t", &topic];
    let deleted = mqadmin(java, &target, &delete);
    assert!(deleted.contains(&format!("delete topic [{topic}] from cluster")), "{deleted}");
    assert!(
        deleted.contains(&format!("delete topic [{topic}] from NameServer success")),
        "{deleted}"
    );
    let listed = mqadmin(java, &target, &["topicList"]);
    assert!(!listed.lines().any(|line| line == topic), "{listed}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn topic_status_and_statistics_count_messages() {
    let (java, target) = (interop::java(), Target::shared());
    let (_, topic, _) = filled(java, &target, 4, 8);
    let name = broker_name(java, &target);
    let status = mqadmin(java, &target, &["topicStatus", "-t", &topic]);
    let queues: Vec<Vec<&str>> = rows(&status)
        .into_iter()
        .filter(|row| row[0] == name)
        .map(|row| row[..4].to_vec())
        .collect();
    let expected: Vec<Vec<&str>> =
        ["0", "1", "2", "3"].iter().map(|queue| vec![name.as_str(), *queue, "0", "2"]).collect();
    assert_eq!(queues, expected, "{status}");
    let statistics = mqadmin(java, &target, &["statsAll", "-t", &topic]);
    assert!(rows(&statistics).iter().any(|row| row[0] == topic), "{statistics}");
}

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
fn messages_are_found_by_key_id_unique_key_and_offset() {
    let (java, target) = (interop::java(), Target::shared());
    let (producer, topic, sent) = filled(java, &target, 1, 4);
    let text = |n: usize, field: &str| sent[n][field].as_str().unwrap_or_default().to_owned();
    // The index is written behind the log: asked through the client until it has the last message.
    let last = json!({ "producer": producer, "topic": topic, "key": "key-3", "atLeast": 1 });
    java.ask("queryByKey", &last);

    let by_key = mqadmin(java, &target, &["queryMsgByKey", "-t", &topic, "-k", "key-3"]);
    let found = rows(&by_key);
    assert_eq!(found.len(), 1, "{by_key}");
    assert_eq!(found[0][..3], [text(3, "msgId").as_str(), "0", "3"], "{by_key}");

    let offset_id = text(2, "offsetMsgId");
    let unique_id = text(2, "msgId");
    let name = broker_name(java, &target);
    for command in [
        &["queryMsgById", "-t", &topic, "-i", &offset_id][..],
        &["queryMsgByUniqueKey", "-t", &topic, "-i", &unique_id],
        &["queryMsgByOffset", "-t", &topic, "-b", &name, "-i", "0", "-o", "2"],
    ] {
        let printed = mqadmin(java, &target, command);
        let shown =
            ["Topic", "Tags", "Keys", "Queue ID", "Queue Offset", "Reconsume Times", "Store Host"]
                .map(|field| value_of(&printed, field).unwrap_or_default());
        let broker = target.broker();
        assert_eq!(shown, [&topic, "[T]", "[key-2]", "0", "2", "0", &broker], "{printed}");
        assert!(printed.contains(&format!("UNIQ_KEY={unique_id}")), "{printed}");
    }
    let printed = mqadmin(java, &target, &["printMsg", "-t", &topic, "-d", "true"]);
    for n in 0..4 {
        assert!(printed.contains(&format!("body-{n}")), "{printed}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn groups_are_created_and_deleted_and_messages_sent_by_hand() {
    let (java, target) = (interop::java(), Target::shared());
    let (_, topic, _) = filled(java, &target, 1, 2);
    let group = unique("admin-group");
    let update = ["updateSubGroup", "-c", "DefaultCluster", "-g", &group, "-q", "2"];
    let updated = mqadmin(java, &target, &update);
    let success = format!("create subscription group to {} success", target.broker());
    assert!(updated.contains(&success) && updated.contains("retryQueueNums=2"), "{updated}");
    let delete = ["deleteSubGroup", "-c", "DefaultCluster", "-g", &group];
    let deleted = mqadmin(java, &target, &delete);
    assert!(deleted.contains(&format!("delete subscription group [{group}]")), "{deleted}");
    assert!(deleted.contains("success"), "{deleted}");

    let send = ["sendMessage", "-t", &topic, "-p", "by hand", "-k", "hand-key", "-c", "hand-tag"];
    let sent = mqadmin(java, &target, &send);
    assert!(sent.contains("SEND_OK"), "{sent}");
    let consumed = mqadmin(java, &target, &["consumeMessage", "-t", &topic]);
    assert_eq!(consumed.lines().filter(|line| line.starts_with("MSGID:")).count(), 3, "{consumed}");
    assert!(consumed.contains("KEYS=hand-key") && consumed.contains("TAGS=hand-tag"), "{consumed}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn configuration_is_read_and_changed_at_run_time() {
    let (java, target) = (interop::java(), Target::shared());
    let broker = target.broker();
    let read = || mqadmin(java, &target, &["getBrokerConfig", "-b", &broker]);
    let before = read();
    for (name, expected) in [("brokerClusterName", "DefaultCluster"), ("fileReservedTime", "72")] {
        assert_eq!(value_of(&before, name), Some(expected), "{before}");
    }
    let change = ["updateBrokerConfig", "-b", &broker, "-k", "fileReservedTime", "-v", "71"];
    let changed = mqadmin(java, &target, &change);
    assert!(changed.contains(&format!("update broker config success, {broker}")), "{changed}");
    assert_eq!(value_of(&read(), "fileReservedTime"), Some("71"));
    let undo = ["updateBrokerConfig", "-b", &broker, "-k", "fileReservedTime", "-v", "72"];
    mqadmin(java, &target, &undo);

    let nameserver = mqadmin(java, &target, &["getNamesrvConfig"]);
    let port = target.nameserver().rsplit_once(':').map(|(_, port)| port.to_owned());
    assert_eq!(value_of(&nameserver, "listenPort").map(str::to_owned), port, "{nameserver}");
    let put = mqadmin(java, &target, &["updateKvConfig", "-s", "ns", "-k", "key", "-v", "value"]);
    assert!(put.contains("create or update kv config to namespace success"), "{put}");
    let deleted = mqadmin(java, &target, &["deleteKvConfig", "-s", "ns", "-k", "key"]);
    assert!(deleted.contains("delete kv config from namespace success"), "{deleted}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn write_permission_is_wiped_and_given_back_on_the_nameserver() {
    let java = interop::java();
    // A server of its own: nobody else could send meanwhile.
    let target = Target::fresh(&remora_tests::Options::default());
    let (_, topic, _) = filled(java, &target, 1, 1);
    let name = broker_name(java, &target);
    let wiped = mqadmin(java, &target, &["wipeWritePerm", "-b", &name]);
    assert!(wiped.contains(&format!("wipe write perm of broker[{name}]")), "{wiped}");
    assert!(wiped.contains("OK"), "{wiped}");
    let route = mqadmin(java, &target, &["topicRoute", "-t", &topic]);
    assert!(route.contains("\"perm\":4"), "{route}");
    let added = mqadmin(java, &target, &["addWritePerm", "-b", &name]);
    assert!(added.contains("OK"), "{added}");
    let route = mqadmin(java, &target, &["topicRoute", "-t", &topic]);
    assert!(route.contains("\"perm\":6"), "{route}");
}
