//! Consumer groups as administrators create, read and delete them; who is connected; and what is
//! passed on to a client.
mod common;

use std::collections::BTreeMap;

use bytes::Bytes;
use common::{Answer, Client, Node, heartbeat_of, subscription};
use remora_protocol::body::{
    self, ConsumerConnection, DeleteGroupListRequest, GetConsumerStatusBody, GroupForbidden,
    MessageQueue, ProducerConnection, ProducerTableInfo, SubscriptionGroupConfig,
    SubscriptionGroupList, SubscriptionGroupWrapper,
};
use remora_protocol::header::{
    ConsumeMessageDirectlyResultHeader, DeleteSubscriptionGroupHeader,
    GetAllSubscriptionGroupHeader, GetConsumerConnectionListHeader, GetConsumerRunningInfoHeader,
    GetConsumerStatusHeader, GetProducerConnectionListHeader, GetSubscriptionGroupConfigHeader,
    PullMessageHeader, UpdateConsumerOffsetHeader, UpdateGroupForbiddenHeader,
};
use remora_protocol::{Language, RequestCode, ResponseCode, record};
use remora_remoting::{Body, ClientConfig, Connector, Service, Turn};

fn group(name: &str) -> SubscriptionGroupConfig {
    SubscriptionGroupConfig { group_name: name.into(), ..SubscriptionGroupConfig::default() }
}

async fn create(client: &Client, config: &SubscriptionGroupConfig) -> Answer {
    let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    client.ask(code, &(), body::encode(config)).await
}

async fn read(client: &Client, name: &str) -> Answer {
    let header = GetSubscriptionGroupConfigHeader { group: name.into() };
    client.ask(RequestCode::GET_SUBSCRIPTIONGROUP_CONFIG, &header, Body::Empty).await
}

#[tokio::test(flavor = "multi_thread")]
async fn created_group_is_read_back_and_survives_a_restart() {
    let node = Node::start();
    let client = node.client().await;
    let wanted = SubscriptionGroupConfig {
        retry_max_times: 3,
        consume_message_orderly: true,
        attributes: BTreeMap::from([("k".into(), "v".into())]),
        ..group("workers")
    };
    create(&client, &wanted).await.ok();
    let dir = node.stop().await;

    let node = Node::start_in(dir, |_| ());
    let client = node.client().await;
    let found: SubscriptionGroupConfig =
        body::decode(&read(&client, "workers").await.ok().frame.body()).unwrap();
    assert_eq!(found, wanted);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_of_groups_is_taken_whole_or_not_at_all_and_read_in_parts() {
    let node = Node::start();
    let client = node.client().await;
    let put = async |list: Vec<SubscriptionGroupConfig>| {
        let body = body::encode(&SubscriptionGroupList { group_config_list: list });
        client.ask(RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, &(), body).await
    };
    let refusal = put(vec![group("a"), group("b b")]).await;
    refusal.refused(ResponseCode::INVALID_PARAMETER, &["b b"]);
    read(&client, "a").await.refused(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &["'a'"]);
    put(vec![group("a"), group("b")]).await.ok();

    let ask = async |header: GetAllSubscriptionGroupHeader<'static>| {
        let code = RequestCode::GET_ALL_SUBSCRIPTIONGROUP_CONFIG;
        let answer = client.ask(code, &header, Body::Empty).await.ok();
        let total: usize = answer.field("totalGroupNum").unwrap().parse().unwrap();
        let table: SubscriptionGroupWrapper = body::decode(&answer.frame.body()).unwrap();
        (total, table)
    };
    let (total, all) = ask(GetAllSubscriptionGroupHeader::default()).await;
    assert_eq!(total, all.subscription_group_table.len());
    assert_eq!(all.subscription_group_table.get("b"), Some(&group("b")));
    let part = GetAllSubscriptionGroupHeader {
        group_seq: Some(1),
        max_group_num: Some(2),
        ..GetAllSubscriptionGroupHeader::default()
    };
    let (total_of_part, part) = ask(part).await;
    assert_eq!(total_of_part, total);
    let wanted: Vec<&String> = all.subscription_group_table.keys().skip(1).take(2).collect();
    assert_eq!(part.subscription_group_table.keys().collect::<Vec<_>>(), wanted);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_group_keeps_its_offsets_unless_they_are_to_be_cleaned() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    client.begin_group("workers", "orders").await;
    let commit = UpdateConsumerOffsetHeader {
        consumer_group: "workers".into(),
        topic: "orders".into(),
        queue_id: 0,
        commit_offset: 1,
    };
    client.ask(RequestCode::UPDATE_CONSUMER_OFFSET, &commit, Body::Empty).await.ok();
    let delete = async |clean_offset: bool| {
        let header = DeleteSubscriptionGroupHeader {
            group_name: "workers".into(),
            clean_offset: Some(clean_offset),
        };
        client.ask(RequestCode::DELETE_SUBSCRIPTIONGROUP, &header, Body::Empty).await.ok();
        node.broker.offsets.committed("workers", "orders", 0)
    };
    assert_eq!(delete(false).await, Some(1));
    read(&client, "workers")
        .await
        .refused(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &["'workers'"]);
    assert_eq!(delete(true).await, None);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_of_groups_is_deleted_with_their_offsets() {
    let node = Node::start();
    let client = node.client().await;
    for group in ["first", "second"] {
        create(&client, &self::group(group)).await.ok();
        node.broker.offsets.commit(group, "orders", 0, 1);
    }
    let list = DeleteGroupListRequest {
        group_name_list: vec!["first".into(), "second".into()],
        clean_offset: true,
    };
    let body = Bytes::from(body::encode(&list));
    client.ask(RequestCode::DELETE_SUBSCRIPTION_GROUP_LIST, &(), body).await.ok();
    for group in ["first", "second"] {
        read(&client, group).await.refused(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &[group]);
        assert_eq!(node.broker.offsets.committed(group, "orders", 0), None);
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_topic_is_not_readable_until_it_is_allowed_again() {
    let node = Node::start();
    let client = node.client().await;
    client
        .ask(
            RequestCode::HEART_BEAT,
            &(),
            body::encode(&heartbeat_of("a@1", subscription("orders"))),
        )
        .await
        .ok();
    client.send_ok("orders", "x").await;
    let ask = async |readable: Option<bool>| {
        let header = UpdateGroupForbiddenHeader {
            group: "workers".into(),
            topic: "orders".into(),
            readable,
        };
        let code = RequestCode::UPDATE_AND_GET_GROUP_FORBIDDEN;
        let answer = client.ask(code, &header, Body::Empty).await.ok();
        body::decode::<GroupForbidden>(&answer.frame.body()).unwrap()
    };
    // The check is of subscriptions from heartbeats, as in Apache.
    let by_heartbeat = PullMessageHeader {
        consumer_group: "workers".into(),
        sys_flag: 0,
        subscription: None,
        ..common::pull_header("orders", 0)
    };
    let state = |readable: bool| GroupForbidden {
        group: "workers".into(),
        readable: Some(readable),
        topic: "orders".into(),
    };
    assert_eq!(ask(None).await, state(true));
    assert_eq!(ask(Some(false)).await, state(false));
    let refusal = client.pull(&by_heartbeat).await;
    refusal.refused(ResponseCode::NO_PERMISSION, &["'workers'", "'orders'"]);
    assert_eq!(ask(Some(true)).await, state(true));
    client.pull(&by_heartbeat).await.ok();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_a_group_are_listed() {
    let node = Node::start();
    let client = node.client().await;
    let consumers = async || {
        let header = GetConsumerConnectionListHeader { consumer_group: "workers".into() };
        client.ask(RequestCode::GET_CONSUMER_CONNECTION_LIST, &header, Body::Empty).await
    };
    let producers = async || {
        let header = GetProducerConnectionListHeader { producer_group: "producers".into() };
        client.ask(RequestCode::GET_PRODUCER_CONNECTION_LIST, &header, Body::Empty).await
    };
    consumers().await.refused(ResponseCode::CONSUMER_NOT_ONLINE, &["'workers'"]);
    producers().await.refused(ResponseCode::SYSTEM_ERROR, &["'producers'"]);

    client
        .ask(
            RequestCode::HEART_BEAT,
            &(),
            body::encode(&heartbeat_of("a@1", subscription("orders"))),
        )
        .await
        .ok();
    let connection = body::Connection {
        client_addr: client.conn.local.to_string(),
        client_id: "a@1".into(),
        language: "JAVA".into(),
        version: ClientConfig::default().version,
    };
    let wanted = ConsumerConnection {
        connection_set: vec![connection.clone()],
        subscription_table: BTreeMap::from([("orders".into(), subscription("orders"))]),
        ..ConsumerConnection::default()
    };
    let found: ConsumerConnection = body::decode(&consumers().await.ok().frame.body()).unwrap();
    assert_eq!(found, wanted);
    let found: ProducerConnection = body::decode(&producers().await.ok().frame.body()).unwrap();
    assert_eq!(found, ProducerConnection { connection_set: vec![connection] });

    let all = client.ask(RequestCode::GET_ALL_PRODUCER_INFO, &(), Body::Empty).await.ok();
    let all: ProducerTableInfo = body::decode(&all.frame.body()).unwrap();
    assert_eq!(all.data.keys().collect::<Vec<_>>(), ["producers"]);
    let info = &all.data["producers"][0];
    assert_eq!((info.client_id.as_str(), info.language.as_str()), ("a@1", "JAVA"));
    assert_eq!(info.remote_ip, client.conn.local.to_string());
    assert!(info.last_update_timestamp >= node.broker.started_ms, "{info:?}");
    node.stop().await;
}

/// A consumer that answers what is relayed to it with what it was sent.
struct Mirror;

impl Service for Mirror {
    fn turn(&self, turn: &mut Turn<'_>) {
        while let Some(call) = turn.next_call() {
            let body = if call.frame.code == RequestCode::GET_CONSUMER_STATUS_FROM_CLIENT.0 {
                let queue =
                    MessageQueue { broker_name: "b".into(), queue_id: 0, topic: "orders".into() };
                body::encode(&GetConsumerStatusBody {
                    message_queue_table: [(queue, 7)].into(),
                    ..GetConsumerStatusBody::default()
                })
            } else {
                call.frame.body.to_vec()
            };
            call.reply(ResponseCode::SUCCESS, &(), body.into());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_a_client_are_passed_on_and_its_answer_back() {
    let node = Node::start();
    let admin = node.client().await;
    let sent = admin.send_ok("orders", "again").await;
    let msg_id = sent.send_reply().msg_id.into_owned();
    let consumer = Connector::new(
        ClientConfig { language: Language::JAVA, ..ClientConfig::default() },
        std::sync::Arc::new(Mirror),
    );
    let conn = consumer.connection(&node.addr).await.unwrap();
    let beat = body::encode(&heartbeat_of("a@1", subscription("orders"))).into();
    conn.request(RequestCode::HEART_BEAT, &(), beat, common::PATIENCE).await.unwrap();

    let running = GetConsumerRunningInfoHeader {
        consumer_group: "workers".into(),
        client_id: "a@1".into(),
        jstack_enable: Some(false),
    };
    admin.ask(RequestCode::GET_CONSUMER_RUNNING_INFO, &running, Body::Empty).await.ok();

    let directly = ConsumeMessageDirectlyResultHeader {
        consumer_group: "workers".into(),
        client_id: Some("a@1".into()),
        msg_id: Some(msg_id.into()),
        topic: Some("orders".into()),
        ..ConsumeMessageDirectlyResultHeader::default()
    };
    let code = RequestCode::CONSUME_MESSAGE_DIRECTLY;
    let answer = admin.ask(code, &directly, Body::Empty).await.ok();
    let stored = answer.frame.body();
    assert_eq!(record::decode(&stored).unwrap().body, b"again");

    let status = GetConsumerStatusHeader {
        topic: "orders".into(),
        group: "workers".into(),
        client_addr: None,
    };
    let code = RequestCode::INVOKE_BROKER_TO_GET_CONSUMER_STATUS;
    let answer = admin.ask(code, &status, Body::Empty).await.ok();
    let collected: GetConsumerStatusBody = body::decode(&answer.frame.body()).unwrap();
    let queue = MessageQueue { broker_name: "b".into(), queue_id: 0, topic: "orders".into() };
    let wanted = BTreeMap::from([("a@1".to_owned(), [(queue, 7)].into())]);
    assert_eq!(collected.consumer_table, wanted);
    consumer.close().await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_a_client_that_is_not_there_are_refused() {
    let node = Node::start();
    let admin = node.client().await;
    let offline = ResponseCode::CONSUMER_NOT_ONLINE;
    let running = GetConsumerRunningInfoHeader {
        consumer_group: "workers".into(),
        client_id: "a@1".into(),
        jstack_enable: None,
    };
    let code = RequestCode::GET_CONSUMER_RUNNING_INFO;
    admin.ask(code, &running, Body::Empty).await.refused(offline, &["'a@1'", "'workers'"]);
    admin.ask(code, &(), Body::Empty).await.refused(ResponseCode::SYSTEM_ERROR, &["consumerGroup"]);
    let status = GetConsumerStatusHeader {
        topic: "orders".into(),
        group: "workers".into(),
        client_addr: None,
    };
    let code = RequestCode::INVOKE_BROKER_TO_GET_CONSUMER_STATUS;
    admin.ask(code, &status, Body::Empty).await.refused(offline, &["'workers'"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_groups_are_refused() {
    let node = Node::start();
    let client = node.client().await;
    let invalid = ResponseCode::INVALID_PARAMETER;
    create(&client, &group("no spaces")).await.refused(invalid, &["no spaces"]);
    let config = SubscriptionGroupConfig { retry_queue_nums: -1, ..group("workers") };
    create(&client, &config).await.refused(invalid, &["retryQueueNums", "-1"]);
    let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    let broken = client.ask(code, &(), b"{".to_vec()).await;
    broken.refused(ResponseCode::SYSTEM_ERROR, &["body of the group"]);
    node.stop().await;
}
