//! Transactional messages over the wire: half messages, their end (37), checks (39), restarts.
mod common;

use common::{Client, Message, Node, bodies, pull_header, send_header, until};
use remora_protocol::body::{self, HalfMessage, HalfMessageList, HeartbeatData, ProducerData};
use remora_protocol::header::{
    CheckTransactionStateHeader, EndTransactionHeader, ListHalfMessagesHeader,
    ResumeCheckHalfMessageHeader, SendMessageHeader,
};
use remora_protocol::properties::name;
use remora_protocol::{RequestCode, ResponseCode, Text, names, sys_flag};
use remora_remoting::Body;

const COMMIT: i32 = sys_flag::TRANSACTION_COMMIT;
const ROLLBACK: i32 = sys_flag::TRANSACTION_ROLLBACK;
const HALF: &str =
    "UNIQ_KEY\u{1}U1\u{2}TRAN_MSG\u{1}true\u{2}PGROUP\u{1}producers\u{2}TAGS\u{1}paid\u{2}";

fn half_header(topic: &str) -> SendMessageHeader<'_> {
    SendMessageHeader {
        sys_flag: sys_flag::TRANSACTION_PREPARED,
        queue_id: 1,
        properties: Text::plain(HALF),
        ..send_header(topic)
    }
}

/// Where a half message is, as its producer was told.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Place {
    queue_offset: i64,
    physical_offset: i64,
    offset_msg_id: String,
}

async fn send_half(client: &Client, body: &str) -> Place {
    let answer = client.send(&half_header("orders"), body).await.ok();
    let reply = answer.send_reply();
    assert_eq!((reply.queue_id, reply.transaction_id.as_deref()), (1, Some("U1")));
    let offset_msg_id = reply.msg_id.into_owned();
    let physical_offset = i64::from_str_radix(&offset_msg_id[16..], 16).unwrap();
    Place { queue_offset: reply.queue_offset, physical_offset, offset_msg_id }
}

fn end_header(place: &Place, commit_or_rollback: i32) -> EndTransactionHeader<'static> {
    EndTransactionHeader {
        producer_group: "producers".into(),
        tran_state_table_offset: place.queue_offset,
        commit_log_offset: place.physical_offset,
        commit_or_rollback,
        from_transaction_check: Some(false),
        msg_id: "U1".into(),
        transaction_id: Some("U1".into()),
        ..EndTransactionHeader::default()
    }
}

async fn end(client: &Client, place: &Place, commit_or_rollback: i32) -> common::Answer {
    let header = end_header(place, commit_or_rollback);
    client.ask(RequestCode::END_TRANSACTION, &header, Body::Empty).await
}

async fn stored(client: &Client, topic: &str, queue_id: i32) -> Vec<Message> {
    let header = remora_protocol::header::PullMessageHeader { queue_id, ..pull_header(topic, 0) };
    client.pull(&header).await.messages()
}

async fn list(client: &Client) -> Vec<HalfMessage> {
    let header = ListHalfMessagesHeader::default();
    let answer = client.ask(RequestCode::LIST_HALF_MESSAGES, &header, Body::Empty).await.ok();
    body::decode::<HalfMessageList>(&answer.frame.body()).unwrap().half_messages
}

/// Has the client be asked about transactions of the group.
async fn join(client: &Client, client_id: &str, group: &str) {
    let beat = HeartbeatData {
        client_id: client_id.into(),
        producer_data_set: vec![ProducerData { group_name: group.into() }],
        ..HeartbeatData::default()
    };
    client.ask(RequestCode::HEART_BEAT, &(), body::encode(&beat)).await.ok();
}

/// Checks as soon as may be.
fn fast(settings: &mut remora_config::Settings) {
    settings.transaction_first_check_ms = 10;
    settings.transaction_check_interval_ms = 10;
    settings.transaction_checks_max = 2;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_message_is_seen_once_it_is_committed() {
    let node = Node::start();
    let client = node.client().await;
    let place = send_half(&client, "paid").await;
    assert_eq!(stored(&client, "orders", 1).await, []);
    let half = stored(&client, names::TRANS_HALF_TOPIC, 0).await;
    assert_eq!(bodies(&half), ["paid"]);
    assert_eq!(half[0].property(name::REAL_TOPIC), Some("orders"));
    assert_eq!(half[0].property(name::REAL_QID), Some("1"));

    end(&client, &place, COMMIT).await.ok();
    let committed = stored(&client, "orders", 1).await;
    let [message] = &committed[..] else { panic!("{committed:?}") };
    let named: Vec<(&str, &str)> =
        message.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("UNIQ_KEY", "U1"),
        ("PGROUP", "producers"),
        ("TAGS", "paid"),
        ("CLUSTER", "DefaultCluster"),
        ("__transactionId__", "U1"),
    ];
    assert_eq!((message.body.as_str(), named), ("paid", expected.to_vec()));
    let ops = stored(&client, names::TRANS_OP_HALF_TOPIC, 0).await;
    assert_eq!((bodies(&ops), ops[0].property(name::TAGS)), (vec!["0,"], Some("d")));
    assert_eq!(list(&client).await, []);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_message_that_is_rolled_back_is_never_seen() {
    let node = Node::start();
    let client = node.client().await;
    let place = send_half(&client, "cancelled").await;
    end(&client, &place, ROLLBACK).await.ok();
    assert_eq!(stored(&client, "orders", 1).await, []);
    assert_eq!(bodies(&stored(&client, names::TRANS_OP_HALF_TOPIC, 0).await), ["0,"]);
    assert_eq!(list(&client).await, []);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_end_stores_nothing_and_is_told_of_the_first() {
    let node = Node::start();
    let client = node.client().await;
    let place = send_half(&client, "paid").await;
    end(&client, &place, sys_flag::TRANSACTION_NOT).await.ok();
    assert_eq!(list(&client).await.len(), 1, "unknown decides nothing");
    end(&client, &place, COMMIT).await.ok();
    end(&client, &place, COMMIT).await.ok();
    let code = ResponseCode::SYSTEM_ERROR;
    end(&client, &place, ROLLBACK).await.refused(code, &["offset 0", "was committed before"]);
    assert_eq!(bodies(&stored(&client, "orders", 1).await), ["paid"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_names_no_half_message_says_what_is_wrong() {
    let node = Node::start();
    let client = node.client().await;
    let place = send_half(&client, "paid").await;
    let plain = client.send_ok("orders", "plain").await;
    let plain_at = i64::from_str_radix(&plain.send_reply().msg_id[16..], 16).unwrap();
    let right = end_header(&place, COMMIT);
    let cases = [
        (EndTransactionHeader { producer_group: "others".into(), ..right.clone() }, "'producers'"),
        (EndTransactionHeader { commit_log_offset: 7, ..right.clone() }, "'commitLogOffset' is 7"),
        (EndTransactionHeader { commit_log_offset: -1, ..right.clone() }, "below 0"),
        (
            EndTransactionHeader { tran_state_table_offset: 9, ..right.clone() },
            "has queue offset 0",
        ),
        (EndTransactionHeader { commit_or_rollback: 5, ..right.clone() }, "8 commits"),
        (
            EndTransactionHeader {
                tran_state_table_offset: 9,
                commit_log_offset: plain_at,
                ..right.clone()
            },
            "topic 'orders'",
        ),
    ];
    for (header, part) in cases {
        let answer = client.ask(RequestCode::END_TRANSACTION, &header, Body::Empty).await;
        answer.refused(ResponseCode::SYSTEM_ERROR, &[part]);
    }
    end(&client, &place, COMMIT).await.ok();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_messages_that_cannot_be_are_refused_by_name() {
    let node = Node::start_with(|settings| settings.transaction_pending_max = 1);
    let client = node.client().await;
    let code = ResponseCode::MESSAGE_ILLEGAL;
    let of = |properties: &'static str, sys_flag: i32| SendMessageHeader {
        properties: Text::plain(properties),
        sys_flag,
        ..half_header("orders")
    };
    let answer = client.send(&of("UNIQ_KEY\u{1}U1\u{2}", 4), "x").await;
    answer.refused(code, &["TRAN_MSG"]);
    client.send(&of("TRAN_MSG\u{1}true\u{2}", 8), "x").await.refused(code, &["'sysFlag' is 8"]);
    let delayed = of("TRAN_MSG\u{1}true\u{2}DELAY\u{1}3\u{2}", 4);
    client.send(&delayed, "x").await.refused(code, &["'DELAY' is 3"]);
    let batch = SendMessageHeader { batch: Some(true), ..half_header("orders") };
    client.send(&batch, "x").await.refused(code, &["batch"]);
    // As Apache, which looks at the property alone.
    let place = client.send(&of(HALF, 0), "paid").await.ok();
    drop(place);
    let full = client.send(&half_header("orders"), "one too many").await;
    full.refused(ResponseCode::SYSTEM_BUSY, &["1 half messages", "limit is 1"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_of_the_group_is_asked_with_the_message_and_ends_it() {
    let node = Node::start_with(|settings| {
        fast(settings);
        settings.transaction_checks_max = 1_000_000;
    });
    let sender = node.client().await;
    let place = send_half(&sender, "paid").await;
    sender.close().await;
    let mut other = node.client().await;
    join(&other, "b", "others").await;
    let mut producer = node.client().await;
    join(&producer, "a", "producers").await;
    let check = producer.next_request().await;
    let view = check.view();
    assert_eq!(view.code, RequestCode::CHECK_TRANSACTION_STATE.0);
    let header = CheckTransactionStateHeader::decode(&view.fields).unwrap();
    let expected = CheckTransactionStateHeader {
        topic: Some(names::TRANS_HALF_TOPIC.into()),
        tran_state_table_offset: place.queue_offset,
        commit_log_offset: place.physical_offset,
        msg_id: Some("U1".into()),
        transaction_id: Some("U1".into()),
        offset_msg_id: Some(place.offset_msg_id.as_str().into()),
        broker_name: Some("broker-a".into()),
    };
    assert_eq!(header, expected);
    let asked = common::messages(check.body());
    let [message] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((message.topic.as_str(), message.queue_id), ("orders", 1));
    assert_eq!(message.property(name::TRANSACTION_CHECK_TIMES), Some("1"));
    let answer =
        EndTransactionHeader { from_transaction_check: Some(true), ..end_header(&place, COMMIT) };
    producer.ask(RequestCode::END_TRANSACTION, &answer, Body::Empty).await.ok();
    assert_eq!(bodies(&stored(&producer, "orders", 1).await), ["paid"]);
    // Only of its own group's.
    join(&other, "b", "producers").await;
    let place = send_half(&other, "by another").await;
    let check = other.next_request().await;
    let header = check.view();
    let header = CheckTransactionStateHeader::decode(&header.fields).unwrap();
    assert_eq!(header.commit_log_offset, place.physical_offset);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_check_a_half_message_is_given_up_and_can_be_taken_up_again() {
    let node = Node::start_with(fast);
    let mut producer = node.client().await;
    let place = send_half(&producer, "forgotten").await;
    // Nobody is there: that counts for nothing.
    until(|| node.broker.transactions.counts.checks_unasked.total() > 3).await;
    assert_eq!(list(&producer).await[0].checks, 0);
    join(&producer, "a", "producers").await;
    for _ in 0..2 {
        assert_eq!(
            producer.next_request().await.view().code,
            RequestCode::CHECK_TRANSACTION_STATE.0
        );
    }
    until(|| node.broker.transactions.counts.given_up.total() == 1).await;
    let given_up = stored(&producer, names::TRANS_CHECK_MAX_TIME_TOPIC, 0).await;
    assert_eq!(bodies(&given_up), ["forgotten"]);
    assert_eq!(given_up[0].property(name::TRANSACTION_CHECK_TIMES), Some("2"));
    assert_eq!(given_up[0].property(name::REAL_TOPIC), Some("orders"));
    let late = end(&producer, &place, COMMIT).await;
    late.refused(ResponseCode::SYSTEM_ERROR, &["given up"]);

    let resume = |id: String| ResumeCheckHalfMessageHeader { topic: None, msg_id: Some(id.into()) };
    let code = RequestCode::RESUME_CHECK_HALF_MESSAGE;
    let of_half = producer.ask(code, &resume(place.offset_msg_id.clone()), Body::Empty).await;
    of_half.refused(ResponseCode::SYSTEM_ERROR, &["does not wait"]);
    let copy_at = node.broker.store.log_status().physical_offset_max;
    let copy = find_copy(&node, copy_at);
    let id = format!("{}{copy:016X}", &place.offset_msg_id[..16]);
    producer.ask(code, &resume(id), Body::Empty).await.ok();
    let again = list(&producer).await;
    assert_eq!((again.len(), again[0].queue_offset), (1, 1));
    let place = Place {
        queue_offset: again[0].queue_offset,
        physical_offset: again[0].commit_log_offset,
        offset_msg_id: again[0].offset_msg_id.clone(),
    };
    end(&producer, &place, COMMIT).await.ok();
    assert_eq!(bodies(&stored(&producer, "orders", 1).await), ["forgotten"]);
    node.stop().await;
}

/// Where the copy in TRANS_CHECK_MAX_TIME_TOPIC is.
fn find_copy(node: &Node, end: u64) -> u64 {
    let mut found = None;
    let scanned = node.broker.store.records_from(0, &mut |record, at| {
        if record.topic == names::TRANS_CHECK_MAX_TIME_TOPIC {
            found = Some(at);
        }
    });
    assert_eq!(scanned.ok(), Some(end));
    found.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_go_to_the_producers_of_a_group_in_turn() {
    let node = Node::start_with(fast);
    let (mut a, mut b) = (node.client().await, node.client().await);
    join(&a, "a", "producers").await;
    join(&b, "b", "producers").await;
    send_half(&a, "paid").await;
    let code = RequestCode::CHECK_TRANSACTION_STATE.0;
    assert_eq!(
        (a.next_request().await.view().code, b.next_request().await.view().code),
        (code, code)
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_messages_wait_on_and_decided_ones_stay_decided_after_a_restart() {
    for flush in [remora_config::FlushDisk::Async, remora_config::FlushDisk::Sync] {
        let node = Node::start_with(|settings| settings.flush = flush);
        let client = node.client().await;
        let waits = send_half(&client, "waits").await;
        let paid = send_half(&client, "paid").await;
        end(&client, &paid, COMMIT).await.ok();
        client.close().await;
        let dir = node.stop().await;

        let node = Node::start_in(dir, |settings| settings.flush = flush);
        let client = node.client().await;
        let waiting = list(&client).await;
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        assert_eq!(waiting[0].commit_log_offset, waits.physical_offset);
        let committed = end(&client, &paid, COMMIT).await;
        committed.refused(ResponseCode::SYSTEM_ERROR, &["decided long ago"]);
        end(&client, &waits, COMMIT).await.ok();
        assert_eq!(bodies(&stored(&client, "orders", 1).await), ["paid", "waits"]);
        node.stop().await;
    }
}

/// Stores a commit of a half message without its op message, as a write that was cut short.
fn commit_without_op(node: &Node, place: &Place) {
    let store = &node.broker.store;
    let queue = store.queue("orders", 1);
    let draft = remora_protocol::record::Draft {
        topic: "orders",
        queue_id: 1,
        flag: 0,
        sys_flag: COMMIT,
        born_timestamp_ms: 0,
        born_host: "127.0.0.1:1".parse().unwrap(),
        store_host: "127.0.0.1:1".parse().unwrap(),
        reconsume_times: 0,
        prepared_transaction_offset: place.physical_offset,
        body: b"cut short",
        properties: b"",
    };
    let mut batch = remora_store::AppendBatch::new();
    batch.push(&queue, &draft);
    store.append(&mut batch).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_any_state_neither_loses_nor_repeats_a_decision() {
    let node = Node::start();
    let client = node.client().await;
    let paid = send_half(&client, "paid").await;
    let cancelled = send_half(&client, "cancelled").await;
    let cut_short = send_half(&client, "cut short").await;
    let waits = send_half(&client, "waits").await;
    end(&client, &paid, COMMIT).await.ok();
    end(&client, &cancelled, ROLLBACK).await.ok();
    commit_without_op(&node, &cut_short);
    let dir = node.killed();
    client.close().await;
    node.stop().await;

    let node = Node::start_in(dir, |_| ());
    let client = node.client().await;
    let waiting: Vec<i64> = list(&client).await.iter().map(|half| half.queue_offset).collect();
    assert_eq!(waiting, [waits.queue_offset]);
    let code = ResponseCode::SYSTEM_ERROR;
    for place in [&paid, &cut_short] {
        end(&client, place, COMMIT).await.ok();
        end(&client, place, ROLLBACK).await.refused(code, &["was committed before"]);
    }
    end(&client, &cancelled, COMMIT).await.refused(code, &["was rolled back before"]);
    end(&client, &waits, COMMIT).await.ok();
    let bodies_now = ["paid", "cut short", "waits"];
    assert_eq!(bodies(&stored(&client, "orders", 1).await), bodies_now);
    let dir = node.killed();
    client.close().await;
    node.stop().await;

    let node = Node::start_in(dir, |_| ());
    let client = node.client().await;
    assert_eq!(list(&client).await, []);
    assert_eq!(bodies(&stored(&client, "orders", 1).await), bodies_now);
    node.stop().await;
}
