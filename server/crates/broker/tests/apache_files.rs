//! Apache's configuration files: taken over, handed back, and taken over again after Apache ran.
mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::Node;
use remora_protocol::body::{
    self, ConsumerOffsetSerializeWrapper, SubscriptionGroupWrapper, TopicConfigSerializeWrapper,
};

fn read<T: serde::de::DeserializeOwned>(dir: &Path, file: &str) -> T {
    body::decode(&fs::read(dir.join("config").join(file)).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn apaches_topics_groups_and_offsets_are_taken_over() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let config = dir.path().join("config");
    fs::create_dir_all(&config).unwrap();
    let topics = r#"{"dataVersion":{"counter":7,"stateVersion":0,"timestamp":1},"topicConfigTable":{"old":{"attributes":{"+message.type":"NORMAL"},"order":true,"perm":6,"readQueueNums":3,"topicFilterType":"SINGLE_TAG","topicName":"old","topicSysFlag":0,"writeQueueNums":2}}}"#;
    fs::write(config.join("topics.json"), topics).unwrap();
    let groups = r#"{"dataVersion":{"counter":2},"forbiddenTable":{"g":{"old":1}},"subscriptionGroupTable":{"g":{"groupName":"g","retryMaxTimes":3}}}"#;
    fs::write(config.join("subscriptionGroup.json"), groups).unwrap();
    // As Apache leaves it after a crash: integer keys bare, NULs at the end.
    let offsets = "{\"dataVersion\":{\"counter\":1},\"offsetTable\":{\"old@g\":{0:5,2:6}}}\0\0\0";
    fs::write(config.join("consumerOffset.json"), offsets).unwrap();
    let modes = r#"{"messageRequestModeMap":{"old":{"g":{"consumerGroup":"g","mode":"POP","popShareQueueNum":-1,"topic":"old"}}}}"#;
    fs::write(config.join("messageRequestMode.json"), modes).unwrap();

    let node = Node::start_in(dir, |_| ());
    let broker = &node.broker;
    let topic = broker.topics.find("old").unwrap();
    assert_eq!((topic.config.read_queue_nums, topic.config.write_queue_nums), (3, 2));
    assert!(topic.config.order);
    assert!(broker.topics.contains("TBW102"), "system topics are added");
    assert_eq!(broker.groups.find("g").unwrap().retry_max_times, 3);
    assert_eq!(broker.groups.forbidden("g", "old"), 1);
    assert_eq!(broker.offsets.committed("g", "old", 2), Some(6));
    let dir = node.stop().await;
    // And handed back as it came.
    assert_eq!(
        fs::read_to_string(dir.path().join("config/messageRequestMode.json")).unwrap(),
        modes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_exported_is_what_apache_reads_and_what_it_changes_comes_back() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    node.broker.offsets.commit("workers", "orders", 1, 4);
    let dir = node.stop().await;

    let topics: TopicConfigSerializeWrapper = read(dir.path(), "topics.json");
    assert_eq!(topics.topic_config_table["orders"].write_queue_nums, 4);
    let groups: SubscriptionGroupWrapper = read(dir.path(), "subscriptionGroup.json");
    assert!(groups.subscription_group_table.contains_key("TOOLS_CONSUMER"));
    let mut offsets: ConsumerOffsetSerializeWrapper = read(dir.path(), "consumerOffset.json");
    assert_eq!(offsets.offset_table["orders@workers"], [(1, 4)].into());

    // Apache ran on the directory.
    offsets.offset_table.insert("orders@workers".into(), [(1, 40)].into());
    let path = dir.path().join("config/consumerOffset.json");
    fs::write(path, body::encode(&offsets)).unwrap();
    let node = Node::start_in(dir, |_| ());
    assert_eq!(node.broker.offsets.committed("workers", "orders", 1), Some(40));
    assert!(node.broker.topics.contains("orders"));

    // Our own export is not taken for Apache's.
    node.broker.offsets.commit("workers", "orders", 1, 50);
    let dir = node.stop().await;
    let node = Node::start_in(dir, |_| ());
    assert_eq!(node.broker.offsets.committed("workers", "orders", 1), Some(50));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_file_stops_the_start_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("config")).unwrap();
    fs::write(dir.path().join("config/topics.json"), "{{{{").unwrap();
    let settings = remora_config::Settings {
        store_path: dir.path().to_owned(),
        commit_log_segment_bytes: 1 << 20,
        ..remora_config::Settings::default()
    };
    let config = Arc::new(remora_config::Config::from_settings(settings));
    let error = remora_broker::Broker::start(config, tokio::runtime::Handle::current());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("topics.json"), "{error}");
}
