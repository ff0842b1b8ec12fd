//! The broker's settings, figures and housekeeping over the wire.
mod common;

use common::{Answer, Client, Node, until};
use remora_protocol::body::{
    self, BrokerStatsData, ConsumeQueueData, HaRuntimeInfo, KvTable, QueryConsumeQueueResponse,
};
use remora_protocol::header::{QueryConsumeQueueHeader, ViewBrokerStatsDataHeader};
use remora_protocol::{RequestCode, ResponseCode, java_hash};
use remora_remoting::Body;

async fn update(client: &Client, text: &str) -> Answer {
    client.ask(RequestCode::UPDATE_BROKER_CONFIG, &(), text.as_bytes().to_vec()).await
}

async fn shown(client: &Client) -> (Answer, String) {
    let answer = client.ask(RequestCode::GET_BROKER_CONFIG, &(), Body::Empty).await.ok();
    let text = String::from_utf8(answer.frame.body().to_vec()).unwrap();
    (answer, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_setting_is_in_force_and_shown_with_a_newer_version() {
    let node = Node::start();
    let client = node.client().await;
    let (before, text) = shown(&client).await;
    assert!(text.contains("autoCreateTopicEnable=true\n"), "{text}");
    update(&client, "autoCreateTopicEnable=false\nenablePopBufferMerge=true\nnoSuchKey=1\n")
        .await
        .ok();
    let (after, text) = shown(&client).await;
    assert!(text.contains("autoCreateTopicEnable=false\n"), "{text}");
    assert_ne!(before.field("version"), after.field("version"));
    assert!(after.field("version").unwrap().contains("\"counter\":"));
    let refusal = client.send(&common::send_header("orders"), "x").await;
    refusal.refused(ResponseCode::TOPIC_NOT_EXIST, &["'orders'"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_value_is_refused_and_nothing_of_the_request_applied() {
    let node = Node::start();
    let client = node.client().await;
    let refusal = update(&client, "autoCreateTopicEnable=false\nmaxMessageSize=much\n").await;
    refusal.refused(ResponseCode::SYSTEM_ERROR, &["maxMessageSize", "much", "expected"]);
    let (_, text) = shown(&client).await;
    assert!(text.contains("autoCreateTopicEnable=true\n"), "{text}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runtime_info_has_what_the_tools_parse() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    let answer = client.ask(RequestCode::GET_BROKER_RUNTIME_INFO, &(), Body::Empty).await.ok();
    let info: KvTable = body::decode(&answer.frame.body()).unwrap();
    let value = |name: &str| info.table.get(name).map_or("missing", String::as_str);
    for name in ["putTps", "getFoundTps", "getMissTps", "getTotalTps", "getTransferredTps"] {
        let windows: Vec<f64> = value(name).split(' ').map(|tps| tps.parse().unwrap()).collect();
        assert_eq!(windows.len(), 3, "{name}");
    }
    assert_eq!(value("getTransferedTps"), value("getTransferredTps"));
    let facts = [
        ("brokerVersionDesc", "V5_4_0"),
        ("brokerVersion", "493"),
        ("brokerActive", "true"),
        ("msgPutTotalTodayNow", "1"),
        ("msgPutTotalTodayMorning", "0"),
        ("putMessageTimesTotal", "1"),
        ("commitLogMinOffset", "0"),
        ("dispatchBehindBytes", "0"),
        ("pageCacheLockTimeMills", "0"),
        ("sendThreadPoolQueueSize", "0"),
        ("sendThreadPoolQueueHeadWaitTimeMills", "0"),
        ("pullThreadPoolQueueSize", "0"),
        ("timerReadBehind", "0"),
        ("timerEnqueueTps", "0.0"),
    ];
    assert!(value("memoryUsedBytes").parse::<u64>().unwrap() > 0, "the asker's connection counts");
    assert!(value("putMessageDistributeTime").starts_with("[<=0ms]:"));
    for (name, wanted) in facts {
        assert_eq!(value(name), wanted, "{name}");
    }
    let started_ms = node.broker.started_ms;
    assert_eq!(value("bootTimestamp"), started_ms.to_string());
    assert!(value("earliestMessageTimeStamp").parse::<i64>().unwrap() >= started_ms);
    assert!(value("commitLogDiskRatio").parse::<f64>().unwrap() <= 1.0);
    let capacity = value("commitLogDirCapacity");
    assert!(capacity.starts_with("Total : ") && capacity.ends_with('.'), "{capacity}");
    assert!(value("putMessageDistributeTime").starts_with("[<=0ms]:0 "));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_given_by_name_and_key() {
    let node = Node::start();
    let client = node.client().await;
    let ask = async |name: &'static str, key: &'static str| {
        let header = ViewBrokerStatsDataHeader { stats_name: name.into(), stats_key: key.into() };
        client.ask(RequestCode::VIEW_BROKER_STATS_DATA, &header, Body::Empty).await
    };
    until(|| {
        node.broker
            .rates
            .lock()
            .stats("BROKER_PUT_NUMS", "DefaultCluster", "DefaultCluster")
            .is_some()
    })
    .await;
    let answer = ask("BROKER_PUT_NUMS", "DefaultCluster").await.ok();
    let data: BrokerStatsData = body::decode(&answer.frame.body()).unwrap();
    assert_eq!(data, BrokerStatsData::default());
    let refusal = ask("TOPIC_PUT_NUMS", "orders").await;
    refusal.refused(ResponseCode::SYSTEM_ERROR, &["TOPIC_PUT_NUMS", "orders"]);
    let refusal = ask("NO_SUCH", "orders").await;
    refusal.refused(ResponseCode::SYSTEM_ERROR, &["NO_SUCH"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_consume_queue_are_shown() {
    let node = Node::start();
    let client = node.client().await;
    let properties = format!("{}TAGS\u{1}red\u{2}", common::BASE_PROPERTIES);
    let header = remora_protocol::header::SendMessageHeader {
        properties: remora_protocol::Text::plain(&properties),
        ..common::send_header("orders")
    };
    for _ in 0..3 {
        client.send(&header, "x").await.ok();
    }
    let ask = async |topic: &'static str| {
        let header = QueryConsumeQueueHeader {
            topic: Some(topic.into()),
            queue_id: Some(0),
            index: Some(1),
            count: Some(5),
            consumer_group: None,
        };
        client.ask(RequestCode::QUERY_CONSUME_QUEUE, &header, Body::Empty).await
    };
    let answer = ask("orders").await.ok();
    let found: QueryConsumeQueueResponse = body::decode(&answer.frame.body()).unwrap();
    let record_bytes = i64::from(found.queue_data[0].physic_size);
    let entry = |index: i64| ConsumeQueueData {
        physic_offset: index * record_bytes,
        physic_size: i32::try_from(record_bytes).unwrap(),
        tags_code: java_hash::tags_code(b"red"),
        ..ConsumeQueueData::default()
    };
    let wanted = QueryConsumeQueueResponse {
        max_queue_index: 3,
        min_queue_index: 0,
        queue_data: vec![entry(1), entry(2)],
        ..QueryConsumeQueueResponse::default()
    };
    assert_eq!(found, wanted);
    ask("nope").await.refused(ResponseCode::SYSTEM_ERROR, &["'nope'"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn housekeeping_and_replication_state_are_answered() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    client.ask(RequestCode::CLEAN_EXPIRED_CONSUMEQUEUE, &(), Body::Empty).await.ok();
    client.ask(RequestCode::DELETE_EXPIRED_COMMITLOG, &(), Body::Empty).await.ok();
    let answer = client.ask(RequestCode::GET_BROKER_HA_STATUS, &(), Body::Empty).await.ok();
    let found: HaRuntimeInfo = body::decode(&answer.frame.body()).unwrap();
    let end = node.broker.store.log_status().physical_offset_max;
    let wanted = HaRuntimeInfo {
        master: true,
        master_commit_log_max_offset: i64::try_from(end).unwrap(),
        ..HaRuntimeInfo::default()
    };
    assert_eq!(found, wanted);
    node.stop().await;
}
