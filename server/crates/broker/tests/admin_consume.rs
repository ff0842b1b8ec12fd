//! How far groups have consumed, and moving them.
mod common;

use std::collections::BTreeMap;

use common::{Answer, Client, Node, pull_header};
use remora_protocol::body::{
    self, ConsumeStats, ConsumeStatsList, ConsumerData, ConsumerOffsetSerializeWrapper,
    HeartbeatData, MessageQueue, OffsetWrapper, QueryConsumeTimeSpanBody,
    QueryCorrectionOffsetBody, QuerySubscriptionResponse, ResetOffsetBody, SubscriptionData,
    TopicList,
};
use remora_protocol::header::{
    CloneGroupOffsetHeader, GetConsumeStatsHeader, GetConsumeStatsInBrokerHeader,
    PullMessageHeader, QueryConsumeTimeSpanHeader, QueryCorrectionOffsetHeader,
    QuerySubscriptionByConsumerHeader, QueryTopicsByConsumerHeader, ResetOffsetHeader,
    UpdateConsumerOffsetHeader,
};
use remora_protocol::{EncodeHeader, RequestCode, ResponseCode};
use remora_remoting::Body;
use serde::de::DeserializeOwned;

async fn ask<T: DeserializeOwned>(
    client: &Client,
    code: RequestCode,
    header: &(impl EncodeHeader + Sync),
) -> T {
    let answer = client.ask(code, header, Body::Empty).await.ok();
    body::decode(&answer.frame.body()).unwrap()
}

async fn try_commit(client: &Client, group: &str, commit_offset: i64) -> Answer {
    let header = UpdateConsumerOffsetHeader {
        consumer_group: group.into(),
        topic: "orders".into(),
        queue_id: 0,
        commit_offset,
    };
    client.ask(RequestCode::UPDATE_CONSUMER_OFFSET, &header, Body::Empty).await
}

async fn commit(client: &Client, group: &str, commit_offset: i64) {
    try_commit(client, group, commit_offset).await.ok();
}

async fn stats(client: &Client, topic: Option<&'static str>) -> ConsumeStats {
    let header = GetConsumeStatsHeader {
        consumer_group: "consumers".into(),
        topic: topic.map(Into::into),
        topic_list: None,
    };
    ask(client, RequestCode::GET_CONSUME_STATS, &header).await
}

fn queue(queue_id: i32) -> MessageQueue {
    MessageQueue { broker_name: "broker-a".into(), queue_id, topic: "orders".into() }
}

/// Five messages in queue 0 of 4 and a group that has committed 2 and pulled all.
async fn start() -> (Node, Client) {
    let node = Node::start_with(|settings| settings.broker_name = "broker-a".into());
    let client = node.client().await;
    for number in 0..5 {
        client.send_ok("orders", &number.to_string()).await;
    }
    client.pull(&pull_header("orders", 0)).await.ok();
    commit(&client, "consumers", 2).await;
    (node, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn consume_stats_tell_what_is_stored_consumed_and_pulled() {
    let (node, client) = start().await;
    let found = stats(&client, None).await;
    let queue_0 = &found.offset_table[&queue(0)];
    assert!(queue_0.last_timestamp >= node.broker.started_ms, "{queue_0:?}");
    let times = (queue_0.last_pull_timestamp, queue_0.last_commit_timestamp);
    let since_start = |ms: Option<i64>| ms.is_some_and(|ms| ms >= node.broker.started_ms);
    assert!(since_start(times.0) && since_start(times.1), "{queue_0:?}");
    let wanted = OffsetWrapper {
        broker_offset: 5,
        consumer_offset: 2,
        last_timestamp: queue_0.last_timestamp,
        pull_offset: 5,
        last_pull_timestamp: times.0,
        last_commit_timestamp: times.1,
        ..OffsetWrapper::default()
    };
    let untouched = OffsetWrapper::default;
    let wanted = ConsumeStats {
        consume_tps: 0.0,
        offset_table: [
            (queue(0), wanted),
            (queue(1), untouched()),
            (queue(2), untouched()),
            (queue(3), untouched()),
        ]
        .into(),
    };
    assert_eq!(found, wanted);
    assert_eq!(stats(&client, Some("orders")).await, wanted);
    assert_eq!(stats(&client, Some("unknown")).await, ConsumeStats::default());

    let header = GetConsumeStatsInBrokerHeader { is_order: false };
    let all: ConsumeStatsList = ask(&client, RequestCode::GET_BROKER_CONSUME_STATS, &header).await;
    assert_eq!((all.total_diff, all.total_inflight_diff), (3, 3));
    assert_eq!(all.broker_addr, node.addr);
    let wanted = BTreeMap::from([("consumers".to_owned(), vec![wanted])]);
    assert!(all.consume_stats_list.contains(&wanted), "{all:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer_that_never_commits_is_shown_with_all_that_it_is_behind() {
    let (node, client) = start().await;
    let pull = PullMessageHeader { consumer_group: "readers".into(), ..pull_header("orders", 0) };
    client.pull(&pull).await.ok();
    let header =
        GetConsumeStatsHeader { consumer_group: "readers".into(), topic: None, topic_list: None };
    let found: ConsumeStats = ask(&client, RequestCode::GET_CONSUME_STATS, &header).await;
    let queue_0 = &found.offset_table[&queue(0)];
    assert_eq!((queue_0.broker_offset, queue_0.consumer_offset, queue_0.pull_offset), (5, 0, 5));
    assert!(queue_0.last_pull_timestamp.is_some(), "{queue_0:?}");
    assert_eq!(queue_0.last_commit_timestamp, None);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_subscriptions_and_offsets_of_groups_are_listed() {
    let (node, client) = start().await;
    let header = QueryTopicsByConsumerHeader { group: "consumers".into() };
    let topics: TopicList = ask(&client, RequestCode::QUERY_TOPICS_BY_CONSUMER, &header).await;
    let wanted = TopicList {
        broker_addr: Some(node.addr.clone()),
        topic_list: ["orders".to_owned()].into(),
    };
    assert_eq!(topics, wanted);

    let header = QuerySubscriptionByConsumerHeader {
        group: "consumers".into(),
        topic: Some("orders".into()),
    };
    let found: QuerySubscriptionResponse =
        ask(&client, RequestCode::QUERY_SUBSCRIPTION_BY_CONSUMER, &header).await;
    let wanted = QuerySubscriptionResponse {
        group: "consumers".into(),
        subscription_data: None,
        topic: "orders".into(),
    };
    assert_eq!(found, wanted);

    let all: ConsumerOffsetSerializeWrapper =
        ask(&client, RequestCode::GET_ALL_CONSUMER_OFFSET, &()).await;
    let wanted = BTreeMap::from([("orders@consumers".to_owned(), BTreeMap::from([(0, 2)]))]);
    assert_eq!(all.offset_table, wanted);

    let header = QueryConsumeTimeSpanHeader { topic: "orders".into(), group: "consumers".into() };
    let spans: QueryConsumeTimeSpanBody =
        ask(&client, RequestCode::QUERY_CONSUME_TIME_SPAN, &header).await;
    let spans = spans.consume_time_span_set;
    assert_eq!(spans.len(), 4);
    assert!(spans[0].min_time_stamp <= spans[0].consume_time_stamp, "{spans:?}");
    assert!(spans[0].consume_time_stamp <= spans[0].max_time_stamp, "{spans:?}");
    assert_eq!((spans[1].min_time_stamp, spans[1].delay_time), (-1, 0));
    let unknown = QueryConsumeTimeSpanHeader { topic: "nope".into(), group: "consumers".into() };
    let refusal = client.ask(RequestCode::QUERY_CONSUME_TIME_SPAN, &unknown, Body::Empty).await;
    refusal.refused(ResponseCode::TOPIC_NOT_EXIST, &["'nope'"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_copied_and_compared_between_groups() {
    let (node, client) = start().await;
    client.begin_group("others", "orders").await;
    commit(&client, "others", 4).await;
    let header = QueryCorrectionOffsetHeader {
        filter_groups: None,
        compare_group: "others".into(),
        topic: "orders".into(),
    };
    let found: QueryCorrectionOffsetBody =
        ask(&client, RequestCode::QUERY_CORRECTION_OFFSET, &header).await;
    assert_eq!(found.correction_offsets, BTreeMap::from([(0, 2)]));
    let header = QueryCorrectionOffsetHeader {
        filter_groups: Some("consumers,nobody".into()),
        compare_group: "consumers".into(),
        ..header
    };
    let found: QueryCorrectionOffsetBody =
        ask(&client, RequestCode::QUERY_CORRECTION_OFFSET, &header).await;
    assert_eq!(found.correction_offsets, BTreeMap::from([(0, i64::MAX)]));

    let header = CloneGroupOffsetHeader {
        src_group: "consumers".into(),
        dest_group: "others".into(),
        topic: None,
        offline: Some(true),
    };
    client.ask(RequestCode::CLONE_GROUP_OFFSET, &header, Body::Empty).await.ok();
    assert_eq!(node.broker.offsets.committed("others", "orders", 0), Some(2));
    let header = CloneGroupOffsetHeader { src_group: "nobody".into(), ..header };
    let refusal = client.ask(RequestCode::CLONE_GROUP_OFFSET, &header, Body::Empty).await;
    refusal.refused(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &["'nobody'"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_nobody_consumes_with_is_not_made_by_an_offset() {
    let (node, client) = start().await;
    let missing = ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST;
    try_commit(&client, "mistyped", 4).await.refused(missing, &["'mistyped'"]);
    assert!(node.broker.groups.find("mistyped").is_none());
    assert_eq!(node.broker.offsets.committed("mistyped", "orders", 0), None);
    node.stop().await;
}

fn reset_header() -> ResetOffsetHeader<'static> {
    ResetOffsetHeader {
        group: "consumers".into(),
        topic: "orders".into(),
        queue_id: None,
        offset: None,
        timestamp: 0,
        is_force: true,
    }
}

async fn reset(client: &Client, header: &ResetOffsetHeader<'_>) -> Answer {
    client.ask(RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, header, Body::Empty).await
}

fn offsets(answer: Answer) -> Vec<i64> {
    let body: ResetOffsetBody = body::decode(&answer.ok().frame.body()).unwrap();
    body.offset_table.into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn group_is_put_back_by_time_and_by_offset() {
    let (node, client) = start().await;
    assert_eq!(offsets(reset(&client, &reset_header()).await), [0, 0, 0, 0]);
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(0));

    let unforced = ResetOffsetHeader { timestamp: -1, is_force: false, ..reset_header() };
    assert_eq!(offsets(reset(&client, &unforced).await), [0, 0, 0, 0]);
    let to_end = ResetOffsetHeader { timestamp: -1, ..reset_header() };
    assert_eq!(offsets(reset(&client, &to_end).await), [5, 0, 0, 0]);

    let one = ResetOffsetHeader { queue_id: Some(0), offset: Some(3), ..reset_header() };
    assert_eq!(offsets(reset(&client, &one).await), [3]);
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(3));

    let beyond = ResetOffsetHeader { offset: Some(9), ..one.clone() };
    reset(&client, &beyond).await.refused(ResponseCode::SYSTEM_ERROR, &["'offset' is 9", "0 to 5"]);
    let beyond = ResetOffsetHeader { queue_id: Some(4), ..one };
    reset(&client, &beyond).await.refused(ResponseCode::INVALID_PARAMETER, &["queueId", "4"]);
    let unknown = ResetOffsetHeader { topic: "nope".into(), ..reset_header() };
    reset(&client, &unknown).await.refused(ResponseCode::TOPIC_NOT_EXIST, &["'nope'"]);
    let unknown = ResetOffsetHeader { group: "nope".into(), ..reset_header() };
    reset(&client, &unknown).await.refused(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &["'nope'"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connected_clients_are_told_of_a_reset() {
    let (node, client) = start().await;
    let mut consumer = node.client().await;
    let beat = HeartbeatData {
        client_id: "a@1".into(),
        consumer_data_set: vec![ConsumerData {
            group_name: "consumers".into(),
            subscription_data_set: vec![SubscriptionData {
                topic: "orders".into(),
                sub_string: "*".into(),
                sub_version: 1,
                ..SubscriptionData::default()
            }],
            ..ConsumerData::default()
        }],
        ..HeartbeatData::default()
    };
    consumer.ask(RequestCode::HEART_BEAT, &(), body::encode(&beat)).await.ok();
    let joined = consumer.next_request().await;
    assert_eq!(joined.view().code, RequestCode::NOTIFY_CONSUMER_IDS_CHANGED.0);

    let answered = reset(&client, &reset_header()).await.ok();
    let told = consumer.next_request().await;
    let view = told.view();
    assert_eq!(view.code, RequestCode::RESET_CONSUMER_CLIENT_OFFSET.0);
    let header = ResetOffsetHeader::decode(&view.fields).unwrap();
    assert_eq!(header, reset_header());
    assert_eq!(view.body, answered.frame.body());
    node.stop().await;
}
