//! Messages that come back: 36, and what becomes of them.
mod common;

use bytes::Bytes;
use common::{Answer, Client, Message, Node, bodies, pull_header, send_header};
use remora_broker::group_table::plain_group;
use remora_protocol::header::{ConsumerSendMsgBackHeader, SendMessageHeader};
use remora_protocol::{RequestCode, ResponseCode, Text};
use remora_remoting::Body;
use remora_store::meta_log::Durability;
use serde_json::json;

const TOPIC: &str = "orders";
const GROUP: &str = "workers";

async fn node_with_group(retry_max_times: i32) -> (Node, Client) {
    let node = Node::start();
    let mut group = plain_group(GROUP);
    group.retry_max_times = retry_max_times;
    node.broker.groups.put(vec![group], Durability::PageCache).unwrap();
    let client = node.client().await;
    (node, client)
}

/// Sends one message and gives its physical offset.
async fn sent(node: &Node, client: &Client, body: &str) -> i64 {
    let at = node.broker.store.log_status().physical_offset_max;
    client.send_ok(TOPIC, body).await;
    i64::try_from(at).unwrap()
}

fn back_header(offset: i64, delay_level: i32) -> ConsumerSendMsgBackHeader<'static> {
    ConsumerSendMsgBackHeader {
        offset,
        group: GROUP.into(),
        delay_level,
        origin_topic: Some(TOPIC.into()),
        ..ConsumerSendMsgBackHeader::default()
    }
}

async fn send_back(client: &Client, header: &ConsumerSendMsgBackHeader<'_>) -> Answer {
    client.ask(RequestCode::CONSUMER_SEND_MSG_BACK, header, Body::Empty).await
}

async fn all_of(client: &Client, topic: &str, queue_id: i32) -> Vec<Message> {
    let mut header = pull_header(topic, 0);
    header.queue_id = queue_id;
    client.pull(&header).await.ok().messages()
}

fn properties<'m>(message: &'m Message, names: &[&'m str]) -> Vec<(&'m str, Option<&'m str>)> {
    names.iter().map(|name| (*name, message.property(name))).collect()
}

#[tokio::test]
async fn message_sent_back_waits_at_its_level_for_the_retry_topic_of_the_group() {
    let (node, client) = node_with_group(16).await;
    sent(&node, &client, "first").await;
    let offset = sent(&node, &client, "again").await;
    let origin_id = client.send_ok(TOPIC, "other").await.send_reply().msg_id.into_owned();
    send_back(&client, &back_header(offset, 0)).await.ok();

    let delayed = all_of(&client, "SCHEDULE_TOPIC_XXXX", 2).await;
    assert_eq!(bodies(&delayed), ["again"]);
    let host = &origin_id[..16];
    let names =
        ["RETRY_TOPIC", "ORIGIN_MESSAGE_ID", "REAL_TOPIC", "REAL_QID", "DELAY", "WAIT", "UNIQ_KEY"];
    assert_eq!(
        properties(&delayed[0], &names),
        [
            ("RETRY_TOPIC", Some(TOPIC)),
            ("ORIGIN_MESSAGE_ID", Some(format!("{host}{offset:016X}").as_str())),
            ("REAL_TOPIC", Some("%RETRY%workers")),
            ("REAL_QID", Some("0")),
            ("DELAY", Some("3")),
            ("WAIT", Some("false")),
            ("UNIQ_KEY", Some("7F00000100002A9F0000000000000001")),
        ]
    );
}

#[tokio::test]
async fn message_tried_often_enough_is_a_dead_letter_whatever_level_is_asked_for() {
    let (node, client) = node_with_group(0).await;
    let offset = sent(&node, &client, "too often").await;
    send_back(&client, &back_header(offset, 5)).await.ok();
    let given_up = sent(&node, &client, "given up").await;
    let mut header = back_header(given_up, -1);
    header.max_reconsume_times = Some(16);
    send_back(&client, &header).await.ok();

    let dead = all_of(&client, "%DLQ%workers", 0).await;
    assert_eq!(bodies(&dead), ["too often", "given up"]);
    assert_eq!(
        properties(&dead[0], &["RETRY_TOPIC", "DELAY", "REAL_TOPIC"]),
        [("RETRY_TOPIC", Some(TOPIC)), ("DELAY", None), ("REAL_TOPIC", None)]
    );
    let metrics = node.broker.metrics();
    assert_eq!((metrics.messages_sent_back, metrics.messages_dead), (2, 2));
}

#[tokio::test]
async fn consumers_say_how_often_a_message_may_come_back() {
    let (node, client) = node_with_group(16).await;
    let offset = sent(&node, &client, "once only").await;
    let mut header = back_header(offset, 0);
    header.max_reconsume_times = Some(0);
    send_back(&client, &header).await.ok();
    assert_eq!(bodies(&all_of(&client, "%DLQ%workers", 0).await), ["once only"]);
}

#[tokio::test]
async fn group_without_retry_queues_keeps_nothing_that_comes_back() {
    let (node, client) = node_with_group(16).await;
    let mut group = plain_group(GROUP);
    group.retry_queue_nums = 0;
    node.broker.groups.put(vec![group], Durability::PageCache).unwrap();
    let offset = sent(&node, &client, "lost").await;
    let before = node.broker.store.log_status().physical_offset_max;
    send_back(&client, &back_header(offset, 0)).await.ok();
    assert_eq!(node.broker.store.log_status().physical_offset_max, before);
}

#[tokio::test]
async fn what_cannot_be_sent_back_is_refused_with_field_and_value() {
    let (node, client) = node_with_group(16).await;
    let offset = sent(&node, &client, "message").await;
    let mut header = back_header(offset, 0);
    header.group = "nobody".into();
    let answer = send_back(&client, &header).await;
    answer.refused(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &["nobody"]);
    for wrong in [-1, offset + 1, i64::MAX] {
        let answer = send_back(&client, &back_header(wrong, 0)).await;
        answer.refused(ResponseCode::SYSTEM_ERROR, &["'offset'", &wrong.to_string(), GROUP]);
    }
    let mut huge = send_header(TOPIC);
    let properties = format!("UNIQ_KEY\u{1}0001\u{2}filler\u{1}{}\u{2}", "x".repeat(32_600));
    huge.properties = Text::plain(&properties);
    let at = node.broker.store.log_status().physical_offset_max;
    client.send(&huge, "no room").await.ok();
    let answer = send_back(&client, &back_header(i64::try_from(at).unwrap(), 0)).await;
    answer.refused(ResponseCode::MESSAGE_ILLEGAL, &["properties", "32747"]);
    assert_eq!(node.dropped_calls(), 0);
}

fn retry_header(reconsume_times: i32, max: Option<i32>) -> SendMessageHeader<'static> {
    let mut header = send_header("%RETRY%workers");
    header.reconsume_times = Some(reconsume_times);
    header.max_reconsume_times = max;
    header.properties = Text::plain("UNIQ_KEY\u{1}0001\u{2}DELAY\u{1}5\u{2}");
    header
}

#[tokio::test]
async fn retry_that_consumers_send_themselves_is_a_dead_letter_past_its_limit() {
    let (node, client) = node_with_group(16).await;
    client.send(&retry_header(2, Some(2)), "in time").await.ok();
    client.send(&retry_header(3, Some(2)), "past its own limit").await.ok();
    client.send(&retry_header(17, None), "past the group's limit").await.ok();
    let dead = all_of(&client, "%DLQ%workers", 0).await;
    assert_eq!(bodies(&dead), ["past its own limit", "past the group's limit"]);
    assert_eq!(bodies(&all_of(&client, "SCHEDULE_TOPIC_XXXX", 4).await), ["in time"]);
    assert_eq!(node.dropped_calls(), 0);
}

#[tokio::test]
async fn retry_of_a_group_that_consumes_in_order_is_a_dead_letter_at_once() {
    let (_node, client) = node_with_group(16).await;
    client.send_ok(TOPIC, "first").await;
    let queue = json!({ "topic": TOPIC, "brokerName": "broker-a", "queueId": 0 });
    let lock = json!({ "consumerGroup": GROUP, "clientId": "one", "mqSet": [queue] });
    client.ask(RequestCode::LOCK_BATCH_MQ, &(), Bytes::from(lock.to_string())).await.ok();
    client.send(&retry_header(2, Some(2)), "given up").await.ok();
    // By hand: no consumer gives it up.
    client.send(&send_header("%RETRY%workers"), "sent again").await.ok();
    assert_eq!(bodies(&all_of(&client, "%DLQ%workers", 0).await), ["given up"]);
    assert_eq!(bodies(&all_of(&client, "%RETRY%workers", 0).await), ["sent again"]);
}
