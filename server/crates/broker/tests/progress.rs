//! Offsets: asked for, committed, searched, and kept over a restart; single messages by key and id.
mod common;

use common::{Client, Node, bodies, pull_header, send_header};
use remora_protocol::header::{
    GetEarliestMsgStoretimeHeader, GetMaxOffsetHeader, GetMinOffsetHeader,
    QueryConsumerOffsetHeader, QueryMessageHeader, SearchOffsetHeader, SendMessageHeader,
    UpdateConsumerOffsetHeader, ViewMessageHeader,
};
use remora_protocol::message_id::OffsetId;
use remora_protocol::{EncodeHeader, FieldWriter, RequestCode, ResponseCode, Text, record};
use remora_remoting::Body;

async fn commit(client: &Client, topic: &str, queue_id: i32, commit_offset: i64) -> common::Answer {
    let header = UpdateConsumerOffsetHeader {
        consumer_group: "workers".into(),
        topic: topic.into(),
        queue_id,
        commit_offset,
    };
    client.ask(RequestCode::UPDATE_CONSUMER_OFFSET, &header, Body::Empty).await
}

async fn committed(client: &Client, topic: &str, queue_id: i32) -> common::Answer {
    committed_or(client, topic, queue_id, None).await
}

async fn committed_or(
    client: &Client,
    topic: &str,
    queue_id: i32,
    set_zero_if_not_found: Option<bool>,
) -> common::Answer {
    let header = QueryConsumerOffsetHeader {
        consumer_group: "workers".into(),
        topic: topic.into(),
        queue_id,
        set_zero_if_not_found,
    };
    client.ask(RequestCode::QUERY_CONSUMER_OFFSET, &header, Body::Empty).await
}

fn offset(answer: common::Answer) -> Option<String> {
    answer.ok().field("offset")
}

#[tokio::test(flavor = "multi_thread")]
async fn new_group_starts_at_zero_of_a_young_queue_and_else_decides_itself() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    assert_eq!(offset(committed(&client, "orders", 0).await).as_deref(), Some("0"));
    let code = ResponseCode::QUERY_NOT_FOUND;
    committed_or(&client, "orders", 0, Some(false)).await.refused(code, &["'workers'", "'orders'"]);
    committed(&client, "orders", 1).await.refused(code, &["queue 1"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_survive_a_restart() {
    let node = Node::start();
    let client = node.client().await;
    for number in 0..3 {
        client.send_ok("orders", &number.to_string()).await;
    }
    client.begin_group("workers", "orders").await;
    commit(&client, "orders", 0, 2).await.ok();
    let header = UpdateConsumerOffsetHeader {
        consumer_group: "workers".into(),
        topic: "orders".into(),
        queue_id: 1,
        commit_offset: 9,
    };
    client.conn.oneway(RequestCode::UPDATE_CONSUMER_OFFSET, &header, Body::Empty).unwrap();
    assert_eq!(offset(committed(&client, "orders", 1).await).as_deref(), Some("9"));
    let dir = node.stop().await;

    let node = Node::start_in(dir, |_| ());
    let client = node.client().await;
    assert_eq!(offset(committed(&client, "orders", 0).await).as_deref(), Some("2"));
    assert_eq!(offset(committed(&client, "orders", 1).await).as_deref(), Some("9"));
    assert_eq!(bodies(&client.pull(&pull_header("orders", 2)).await.ok().messages()), ["2"]);
    assert_eq!(node.broker.topics.find("orders").unwrap().config.write_queue_nums, 4);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_commits_are_refused_by_field() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    client.begin_group("workers", "orders").await;
    let wrong = ResponseCode::INVALID_PARAMETER;
    commit(&client, "orders", 0, -1).await.refused(wrong, &["commitOffset", "-1", "0"]);
    commit(&client, "orders", 99, 1).await.refused(wrong, &["queueId", "99", "4"]);
    commit(&client, "nowhere", 0, 1).await.refused(ResponseCode::TOPIC_NOT_EXIST, &["'nowhere'"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_and_times_of_a_queue_are_told() {
    let node = Node::start();
    let client = node.client().await;
    for number in 0..3 {
        client.send_ok("orders", &number.to_string()).await;
    }
    let (topic, queue_id) = ("orders", 0);
    let max = GetMaxOffsetHeader { topic: topic.into(), queue_id, committed: None };
    let max = client.ask(RequestCode::GET_MAX_OFFSET, &max, Body::Empty).await;
    assert_eq!(offset(max).as_deref(), Some("3"));
    let min = GetMinOffsetHeader { topic: topic.into(), queue_id };
    let min = client.ask(RequestCode::GET_MIN_OFFSET, &min, Body::Empty).await;
    assert_eq!(offset(min).as_deref(), Some("0"));

    let answer = client.pull(&pull_header("orders", 0)).await.ok();
    let first = record::decode(&answer.frame.body()).unwrap().store_timestamp_ms;
    let earliest = GetEarliestMsgStoretimeHeader { topic: topic.into(), queue_id };
    let code = RequestCode::GET_EARLIEST_MSG_STORETIME;
    let answer = client.ask(code, &earliest, Body::Empty).await.ok();
    assert_eq!(answer.field("timestamp"), Some(first.to_string()));
    let none = GetEarliestMsgStoretimeHeader { topic: topic.into(), queue_id: 3 };
    let answer = client.ask(code, &none, Body::Empty).await.ok();
    assert_eq!(answer.field("timestamp").as_deref(), Some("-1"));

    let search = async |timestamp, boundary: &'static str| {
        let header = SearchOffsetHeader {
            topic: topic.into(),
            queue_id,
            timestamp,
            boundary_type: Some(boundary.into()),
            lite_topic: None,
        };
        client.ask(RequestCode::SEARCH_OFFSET_BY_TIMESTAMP, &header, Body::Empty).await
    };
    assert_eq!(offset(search(first - 1, "lower").await).as_deref(), Some("0"));
    assert_eq!(offset(search(first, "LOWER").await).as_deref(), Some("0"));
    assert_eq!(offset(search(first + 3_600_000, "lower").await).as_deref(), Some("3"));
    search(first, "middle").await.refused(ResponseCode::INVALID_PARAMETER, &["'middle'", "lower"]);
    node.stop().await;
}

/// A query by unique id, as the Java client asks.
struct UniqueKeyQuery<'h>(QueryMessageHeader<'h>);

impl EncodeHeader for UniqueKeyQuery<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        self.0.encode(out);
        out.str("_UNIQUE_KEY_QUERY", "true");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_found_by_key_unique_id_and_offset_id() {
    let node = Node::start_with(|settings| settings.message_index_enable = true);
    let client = node.client().await;
    let header = SendMessageHeader {
        properties: Text::plain("KEYS\u{1}red blue\u{2}UNIQ_KEY\u{1}7F0000010000AAAA\u{2}"),
        ..send_header("orders")
    };
    client.send_ok("orders", "other").await;
    let sent = client.send(&header, "found").await.ok();

    let query = |key: &'static str, max_num| QueryMessageHeader {
        topic: "orders".into(),
        key: key.into(),
        max_num,
        begin_timestamp: 0,
        end_timestamp: i64::MAX,
        ..QueryMessageHeader::default()
    };
    let indexed = || {
        let status = node.broker.store.log_status();
        status.indexed_offset == status.physical_offset_max
    };
    common::until(indexed).await;
    for key in ["red", "blue"] {
        let answer =
            client.ask(RequestCode::QUERY_MESSAGE, &query(key, 10), Body::Empty).await.ok();
        assert_eq!(bodies(&answer.messages()), ["found"], "{key}");
    }
    let unique = UniqueKeyQuery(query("7F0000010000AAAA", 0));
    let answer = client.ask(RequestCode::QUERY_MESSAGE, &unique, Body::Empty).await.ok();
    assert_eq!(bodies(&answer.messages()), ["found"]);
    let answer = client.ask(RequestCode::QUERY_MESSAGE, &query("green", 10), Body::Empty).await;
    answer.refused(ResponseCode::QUERY_NOT_FOUND, &["'orders'", "'green'"]);

    let id = OffsetId::parse(&sent.send_reply().msg_id).unwrap();
    let view = |offset| ViewMessageHeader { topic: None, offset };
    let code = RequestCode::VIEW_MESSAGE_BY_ID;
    let answer = client.ask(code, &view(id.physical_offset), Body::Empty).await.ok();
    assert_eq!(bodies(&answer.messages()), ["found"]);
    let answer = client.ask(code, &view(1 << 40), Body::Empty).await;
    answer.refused(ResponseCode::SYSTEM_ERROR, &["1099511627776"]);
    let answer = client.ask(code, &view(-1), Body::Empty).await;
    answer.refused(ResponseCode::SYSTEM_ERROR, &["-1"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_totals_and_lag() {
    let node = Node::start();
    let client = node.client().await;
    for number in 0..5 {
        client.send_ok("orders", &number.to_string()).await;
    }
    client.begin_group("workers", "orders").await;
    commit(&client, "orders", 0, 2).await.ok();
    let metrics = node.broker.metrics();
    assert_eq!((metrics.total.messages_in, metrics.total.messages_out), (5, 5));
    assert_eq!(metrics.total.bytes_in, metrics.total.bytes_out);
    assert_eq!(metrics.topics.get("orders"), Some(&metrics.total));
    let lag = remora_broker::Lag { group: "workers".into(), topic: "orders".into(), messages: 3 };
    assert_eq!(metrics.lag, [lag]);
    node.stop().await;
}
