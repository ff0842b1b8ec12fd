//! Topics.

use remora_tests::{Target, interop, target::unique};
use serde_json::json;

use super::{broker_name, filled, mqadmin, rows};

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

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn topics_of_a_file_are_created_and_listed_with_their_consumers() {
    let (java, target) = (interop::java(), Target::shared());
    let (first, second) = (unique("listed"), unique("listed"));
    let folder = tempfile::tempdir().unwrap_or_else(|cause| panic!("{cause}"));
    let file = folder.path().join("topics.json");
    let topics = json!([
        {"topicName": first, "readQueueNums": 2, "writeQueueNums": 3, "perm": 6},
        {"topicName": second, "readQueueNums": 5, "writeQueueNums": 5, "perm": 4},
    ]);
    std::fs::write(&file, topics.to_string()).unwrap_or_else(|cause| panic!("{cause}"));
    let file = file.display().to_string();
    let update = ["updateTopicList", "-b", &target.broker(), "-f", &file];
    let updated = mqadmin(java, &target, &update);
    assert!(updated.contains(&format!("to {} success", target.broker())), "{updated}");
    for (topic, expected) in [
        (&first, ["\"perm\":6", "\"readQueueNums\":2", "\"writeQueueNums\":3"]),
        (&second, ["\"perm\":4", "\"readQueueNums\":5", "\"writeQueueNums\":5"]),
    ] {
        let route = mqadmin(java, &target, &["topicRoute", "-t", topic]);
        assert!(expected.iter().all(|part| route.contains(part)), "{expected:?} in {route}");
    }
    let listed = mqadmin(java, &target, &["topicList", "-c"]);
    assert!(rows(&listed).contains(&vec!["DefaultCluster", &first]), "{listed}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn order_of_a_topic_is_kept_on_the_nameserver() {
    let (java, target) = (interop::java(), Target::shared());
    let topic = unique("ordered");
    let name = broker_name(java, &target);
    let order = format!("{name}:4");
    let ask = |method: &str, more: &[&str]| {
        let mut args = vec!["updateOrderConf", "-t", &topic, "-m", method];
        args.extend(more);
        mqadmin(java, &target, &args)
    };
    let put = ask("put", &["-v", &order]);
    assert_eq!(put, format!("update orderConf success. topic=[{topic}], orderConf=[{order}]"));
    let got = ask("get", &[]);
    assert_eq!(got.trim(), format!("get orderConf success. topic=[{topic}], orderConf=[{order}]"));
    assert_eq!(ask("delete", &[]), format!("delete orderConf success. topic=[{topic}]"));
}
