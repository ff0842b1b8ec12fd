//! Heartbeats, membership, notifications, and subscriptions taken from heartbeats.
mod common;

use common::{Client, Node, bodies, heartbeat_of, pull_header, send_header, subscription, until};
use remora_protocol::body::{
    self, GetConsumerListByGroupResponse, HeartbeatData, SubscriptionData,
};
use remora_protocol::header::{
    GetConsumerListByGroupHeader, NotifyConsumerIdsChangedHeader, PullMessageHeader,
    SendMessageHeader, UnregisterClientHeader,
};
use remora_protocol::{RequestCode, ResponseCode, Text};
use remora_remoting::Body;

fn heartbeat(client_id: &str, topic: &str, tags: &str) -> HeartbeatData {
    let subscription = SubscriptionData { sub_string: tags.into(), ..subscription(topic) };
    heartbeat_of(client_id, subscription)
}

async fn beat(client: &Client, data: &HeartbeatData) -> Option<String> {
    let answer = client.ask(RequestCode::HEART_BEAT, &(), body::encode(data)).await.ok();
    assert_eq!(answer.field("IS_SUPPORT_HEART_BEAT_V2").as_deref(), Some("true"));
    answer.field("IS_SUB_CHANGE")
}

async fn members(client: &Client) -> Vec<String> {
    let header = GetConsumerListByGroupHeader { consumer_group: "workers".into() };
    let code = RequestCode::GET_CONSUMER_LIST_BY_GROUP;
    let answer = client.ask(code, &header, Body::Empty).await.ok();
    let list: GetConsumerListByGroupResponse = body::decode(&answer.frame.body()).unwrap();
    list.consumer_id_list
}

async fn told(client: &mut Client) -> String {
    let request = client.next_request().await;
    let view = request.view();
    assert_eq!(view.code, RequestCode::NOTIFY_CONSUMER_IDS_CHANGED.0);
    assert!(view.flags.is_oneway());
    let header = NotifyConsumerIdsChangedHeader::decode(&view.fields).unwrap();
    header.consumer_group.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_listed_in_order_and_told_of_joins_and_leaves() {
    let node = Node::start();
    let (mut first, second) = (node.client().await, node.client().await);
    assert_eq!(beat(&first, &heartbeat("b@1", "orders", "*")).await.as_deref(), Some("true"));
    assert_eq!(told(&mut first).await, "workers");
    beat(&second, &heartbeat("a@2", "orders", "*")).await;
    assert_eq!(told(&mut first).await, "workers");
    assert_eq!(members(&first).await, ["a@2", "b@1"]);

    let header = UnregisterClientHeader {
        client_id: "a@2".into(),
        producer_group: Some("producers".into()),
        consumer_group: Some("workers".into()),
    };
    second.ask(RequestCode::UNREGISTER_CLIENT, &header, Body::Empty).await.ok();
    assert_eq!(told(&mut first).await, "workers");
    assert_eq!(members(&first).await, ["b@1"]);

    beat(&second, &heartbeat("a@2", "orders", "*")).await;
    assert_eq!(told(&mut first).await, "workers");
    second.close().await;
    assert_eq!(told(&mut first).await, "workers");
    assert_eq!(members(&first).await, ["b@1"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_heartbeat_creates_group_and_retry_topic() {
    let node = Node::start();
    let client = node.client().await;
    beat(&client, &heartbeat("a@1", "orders", "*")).await;
    assert!(node.broker.groups.find("workers").is_some());
    let retry = node.broker.topics.find("%RETRY%workers").unwrap().config.clone();
    assert_eq!((retry.read_queue_nums, retry.write_queue_nums, retry.perm), (1, 1, 6));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_heartbeat_keeps_the_subscription_and_a_changed_fingerprint_asks_for_it() {
    let node = Node::start();
    let client = node.client().await;
    let full = HeartbeatData { heartbeat_fingerprint: 7, ..heartbeat("a@1", "orders", "*") };
    assert_eq!(beat(&client, &full).await.as_deref(), Some("false"));
    let mut short = full.clone();
    short.is_without_sub = true;
    short.consumer_data_set[0].subscription_data_set.clear();
    assert_eq!(beat(&client, &short).await.as_deref(), Some("false"));
    client.send_ok("orders", "x").await;
    let header = PullMessageHeader {
        consumer_group: "workers".into(),
        sys_flag: 0,
        subscription: None,
        ..pull_header("orders", 0)
    };
    assert_eq!(bodies(&client.pull(&header).await.ok().messages()), ["x"]);
    short.heartbeat_fingerprint = 8;
    assert_eq!(beat(&client, &short).await.as_deref(), Some("true"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_filters_by_the_groups_subscription_and_names_what_is_missing() {
    let node = Node::start();
    let client = node.client().await;
    for tag in ["TagA", "TagB"] {
        let properties = format!("TAGS\u{1}{tag}\u{2}");
        let header =
            SendMessageHeader { properties: Text::plain(&properties), ..send_header("orders") };
        client.send(&header, tag).await.ok();
    }
    let header = PullMessageHeader {
        consumer_group: "workers".into(),
        sys_flag: 0,
        sub_version: 1_000,
        subscription: None,
        ..pull_header("orders", 0)
    };
    let code = ResponseCode::SUBSCRIPTION_NOT_EXIST;
    client.pull(&header).await.refused(code, &["'workers'", "no connected member"]);
    beat(&client, &heartbeat("a@1", "others", "*")).await;
    client.pull(&header).await.refused(code, &["'workers'", "'orders'"]);
    beat(&client, &heartbeat("a@1", "orders", "TagB")).await;
    assert_eq!(bodies(&client.pull(&header).await.ok().messages()), ["TagB"]);
    let newer = PullMessageHeader { sub_version: 2_000, ..header };
    let code = ResponseCode::SUBSCRIPTION_NOT_LATEST;
    client.pull(&newer).await.refused(code, &["subVersion", "2000", "1000"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn group_is_not_created_where_that_is_switched_off() {
    let node = Node::start_with(|settings| settings.auto_create_group = false);
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    beat(&client, &heartbeat("a@1", "orders", "*")).await;
    assert!(node.broker.groups.find("workers").is_none());
    let answer = client.pull(&pull_header("orders", 0)).await;
    answer.refused(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &["'consumers'", "updateSubGroup"]);
    let list = GetConsumerListByGroupHeader { consumer_group: "workers".into() };
    let code = RequestCode::GET_CONSUMER_LIST_BY_GROUP;
    let answer = client.ask(code, &list, Body::Empty).await;
    answer.refused(ResponseCode::SYSTEM_ERROR, &["no consumer", "workers"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_counted_while_they_last() {
    let node = Node::start();
    let client = node.client().await;
    beat(&client, &heartbeat("a@1", "orders", "*")).await;
    let counts = |node: &Node| {
        let metrics = node.broker.metrics();
        (metrics.producer_connections, metrics.consumer_connections)
    };
    assert_eq!(counts(&node), (1, 1));
    client.close().await;
    until(|| counts(&node) == (0, 0)).await;
    node.stop().await;
}
