//! Topics as administrators create, read and delete them.
mod common;

use std::collections::BTreeMap;

use bytes::Bytes;
use common::{Client, Node, send_header};
use remora_protocol::body::{
    self, CreateTopicListRequest, DeleteTopicListRequest, GroupList, MessageQueue, TopicConfig,
    TopicConfigAndMappingSerializeWrapper, TopicConfigAndQueueMapping, TopicList, TopicOffset,
    TopicStatsTable,
};
use remora_protocol::header::{
    CreateTopicHeader, DeleteTopicHeader, GetAllTopicConfigHeader, GetTopicConfigHeader,
    GetTopicStatsInfoHeader, QueryTopicConsumeByWhoHeader, SendMessageHeader,
    UpdateConsumerOffsetHeader,
};
use remora_protocol::{RequestCode, ResponseCode};
use remora_remoting::Body;

fn create_header(topic: &str) -> CreateTopicHeader<'_> {
    CreateTopicHeader {
        topic: topic.into(),
        default_topic: "TBW102".into(),
        read_queue_nums: 2,
        write_queue_nums: 2,
        perm: 6,
        topic_filter_type: "SINGLE_TAG".into(),
        topic_sys_flag: Some(0),
        order: false,
        ..CreateTopicHeader::default()
    }
}

async fn create(client: &Client, header: &CreateTopicHeader<'_>) -> common::Answer {
    client.ask(RequestCode::UPDATE_AND_CREATE_TOPIC, header, Body::Empty).await
}

async fn config(client: &Client, topic: &str) -> common::Answer {
    let header = GetTopicConfigHeader { topic: topic.into() };
    client.ask(RequestCode::GET_TOPIC_CONFIG, &header, Body::Empty).await
}

async fn stats(client: &Client, topic: &str) -> common::Answer {
    let header = GetTopicStatsInfoHeader { topic: topic.into() };
    client.ask(RequestCode::GET_TOPIC_STATS_INFO, &header, Body::Empty).await
}

async fn groups_of(client: &Client, topic: &str) -> GroupList {
    let header = QueryTopicConsumeByWhoHeader { topic: topic.into() };
    let answer = client.ask(RequestCode::QUERY_TOPIC_CONSUME_BY_WHO, &header, Body::Empty).await;
    body::decode(&answer.ok().frame.body()).unwrap()
}

fn queue(topic: &str, queue_id: i32) -> MessageQueue {
    MessageQueue { broker_name: "broker-a".into(), queue_id, topic: topic.into() }
}

fn start() -> Node {
    Node::start_with(|settings| settings.broker_name = "broker-a".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn created_topic_is_read_back_with_its_attributes() {
    let node = start();
    let client = node.client().await;
    let mut header = create_header("orders");
    header.attributes = Some("+message.type=FIFO".into());
    header.order = true;
    create(&client, &header).await.ok();
    let wanted = TopicConfig {
        attributes: BTreeMap::from([("message.type".into(), "FIFO".into())]),
        order: true,
        read_queue_nums: 2,
        write_queue_nums: 2,
        topic_name: "orders".into(),
        ..TopicConfig::default()
    };
    let answer: TopicConfigAndQueueMapping =
        body::decode(&config(&client, "orders").await.ok().frame.body()).unwrap();
    assert_eq!(answer, TopicConfigAndQueueMapping { config: wanted.clone(), mapping_detail: None });

    header.attributes = Some("-message.type".into());
    create(&client, &header).await.ok();
    let answer: TopicConfigAndQueueMapping =
        body::decode(&config(&client, "orders").await.ok().frame.body()).unwrap();
    assert_eq!(answer.config, TopicConfig { attributes: BTreeMap::new(), ..wanted });
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_list_every_queue_also_before_the_first_message() {
    let node = start();
    let client = node.client().await;
    create(&client, &create_header("orders")).await.ok();
    let empty: TopicStatsTable =
        body::decode(&stats(&client, "orders").await.ok().frame.body()).unwrap();
    let nothing = TopicOffset::default();
    let wanted = TopicStatsTable {
        offset_table: [(queue("orders", 0), nothing), (queue("orders", 1), nothing)].into(),
        topic_put_tps: 0.0,
    };
    assert_eq!(empty, wanted);

    let send = SendMessageHeader { queue_id: 1, ..send_header("orders") };
    client.send(&send, "one").await.ok();
    client.send(&send, "two").await.ok();
    let filled: TopicStatsTable =
        body::decode(&stats(&client, "orders").await.ok().frame.body()).unwrap();
    let newest = filled.offset_table[&queue("orders", 1)];
    assert!(newest.last_update_timestamp > 1_700_000_000_000, "{newest:?}");
    assert_eq!((newest.min_offset, newest.max_offset), (0, 2));
    assert_eq!(filled.offset_table[&queue("orders", 0)], nothing);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_topic_starts_again_from_nothing() {
    let node = start();
    let client = node.client().await;
    client.send_ok("orders", "one").await;
    client.begin_group("workers", "orders").await;
    let commit = UpdateConsumerOffsetHeader {
        consumer_group: "workers".into(),
        topic: "orders".into(),
        queue_id: 0,
        commit_offset: 1,
    };
    client.ask(RequestCode::UPDATE_CONSUMER_OFFSET, &commit, Body::Empty).await.ok();
    let workers = GroupList { group_list: ["workers".to_owned()].into() };
    assert_eq!(groups_of(&client, "orders").await, workers);

    let delete = DeleteTopicHeader { topic: "orders".into() };
    client.ask(RequestCode::DELETE_TOPIC_IN_BROKER, &delete, Body::Empty).await.ok();
    client.ask(RequestCode::DELETE_TOPIC_IN_BROKER, &delete, Body::Empty).await.ok();
    stats(&client, "orders").await.refused(ResponseCode::TOPIC_NOT_EXIST, &["'orders'"]);
    assert_eq!(groups_of(&client, "orders").await, GroupList::default());

    let again = client.send_ok("orders", "again").await;
    assert_eq!(again.send_reply().queue_offset, 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_of_topics_is_taken_whole_or_not_at_all() {
    let node = start();
    let client = node.client().await;
    let topic = |name: &str| TopicConfig { topic_name: name.into(), ..TopicConfig::default() };
    let ask = async |list: Vec<TopicConfig>| {
        let body = body::encode(&CreateTopicListRequest { topic_config_list: list });
        client.ask(RequestCode::UPDATE_AND_CREATE_TOPIC_LIST, &(), Bytes::from(body)).await
    };
    let refusal = ask(vec![topic("a"), topic("b b")]).await;
    refusal.refused(ResponseCode::INVALID_PARAMETER, &["b b"]);
    config(&client, "a").await.refused(ResponseCode::TOPIC_NOT_EXIST, &["'a'"]);
    ask(vec![topic("a"), topic("b")]).await.ok();
    config(&client, "b").await.ok();
    let broken =
        client.ask(RequestCode::UPDATE_AND_CREATE_TOPIC_LIST, &(), Bytes::from_static(b"{")).await;
    broken.refused(ResponseCode::SYSTEM_ERROR, &["body of the topic list"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_listed_in_parts() {
    let node = start();
    let client = node.client().await;
    create(&client, &create_header("orders")).await.ok();
    let ask = async |header: GetAllTopicConfigHeader<'static>| {
        let answer = client.ask(RequestCode::GET_ALL_TOPIC_CONFIG, &header, Body::Empty).await.ok();
        let total: usize = answer.field("totalTopicNum").unwrap().parse().unwrap();
        let body: TopicConfigAndMappingSerializeWrapper =
            body::decode(&answer.frame.body()).unwrap();
        (total, body)
    };
    let (total, all) = ask(GetAllTopicConfigHeader::default()).await;
    assert_eq!(total, all.topic_config_table.len());
    assert!(all.topic_config_table.contains_key("orders"));
    assert_eq!(all.data_version, node.broker.topics.version());
    let part = GetAllTopicConfigHeader {
        topic_seq: Some(1),
        max_topic_num: Some(2),
        ..GetAllTopicConfigHeader::default()
    };
    let (total_of_part, part) = ask(part).await;
    assert_eq!(total_of_part, total);
    let wanted: Vec<&String> = all.topic_config_table.keys().skip(1).take(2).collect();
    assert_eq!(part.topic_config_table.keys().collect::<Vec<_>>(), wanted);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn system_topics_are_listed_and_neither_made_nor_deleted_by_hand() {
    let node = start();
    let client = node.client().await;
    let list = client.ask(RequestCode::GET_SYSTEM_TOPIC_LIST_FROM_BROKER, &(), Body::Empty).await;
    let list: TopicList = body::decode(&list.ok().frame.body()).unwrap();
    assert!(list.topic_list.contains("SELF_TEST_TOPIC"), "{list:?}");
    let delete = DeleteTopicHeader { topic: "SELF_TEST_TOPIC".into() };
    client
        .ask(RequestCode::DELETE_TOPIC_IN_BROKER, &delete, Body::Empty)
        .await
        .refused(ResponseCode::INVALID_PARAMETER, &["SELF_TEST_TOPIC"]);
    client.ask(RequestCode::CLEAN_UNUSED_TOPIC, &(), Body::Empty).await.ok();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_topics_are_refused_with_the_field_and_its_limits() {
    let node = start();
    let client = node.client().await;
    let invalid = ResponseCode::INVALID_PARAMETER;
    create(&client, &create_header("no spaces")).await.refused(invalid, &["no spaces"]);
    create(&client, &create_header("")).await.refused(invalid, &[]);
    let header = CreateTopicHeader { read_queue_nums: -1, ..create_header("orders") };
    create(&client, &header).await.refused(invalid, &["readQueueNums", "-1"]);
    let header = CreateTopicHeader { write_queue_nums: 70_000, ..create_header("orders") };
    create(&client, &header).await.refused(invalid, &["writeQueueNums", "65536"]);
    let header = CreateTopicHeader { perm: 99, ..create_header("orders") };
    create(&client, &header).await.refused(invalid, &["perm", "99"]);
    let header = CreateTopicHeader { attributes: Some("colour".into()), ..create_header("orders") };
    create(&client, &header).await.refused(invalid, &["attributes", "colour"]);
    config(&client, "orders").await.refused(ResponseCode::TOPIC_NOT_EXIST, &["'orders'"]);
    let missing = client.ask(RequestCode::UPDATE_AND_CREATE_TOPIC, &(), Body::Empty).await;
    missing.refused(ResponseCode::SYSTEM_ERROR, &["topic"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_of_topics_is_deleted_whole_or_not_at_all() {
    let node = start();
    let client = node.client().await;
    for name in ["a", "b", "c"] {
        create(&client, &create_header(name)).await.ok();
    }
    let delete = async |list: &[&str]| {
        let topic_list = list.iter().map(ToString::to_string).collect();
        let body = body::encode(&DeleteTopicListRequest { topic_list });
        client.ask(RequestCode::DELETE_TOPIC_IN_BROKER_LIST, &(), Bytes::from(body)).await
    };
    let invalid = ResponseCode::INVALID_PARAMETER;
    delete(&["a", "SELF_TEST_TOPIC"]).await.refused(invalid, &["'SELF_TEST_TOPIC'"]);
    delete(&[]).await.refused(invalid, &["no name"]);
    config(&client, "a").await.ok();
    delete(&["a", "b", "never"]).await.ok();
    for name in ["a", "b"] {
        config(&client, name).await.refused(ResponseCode::TOPIC_NOT_EXIST, &[name]);
    }
    config(&client, "c").await.ok();
    node.stop().await;
}
