//! POP over a connection: taking, acknowledging, coming back.
mod common;

use bytes::Bytes;
use common::{Answer, Client, Message, Node, bodies, send_header, until};
use remora_protocol::body::{BatchAck, BatchAckMessageRequest};
use remora_protocol::header::{
    AckMessageHeader, ChangeInvisibleTimeHeader, NotificationHeader, PeekMessageHeader,
    PollingInfoHeader, PopMessageHeader,
};
use remora_protocol::{RequestCode, ResponseCode, Text, body};
use remora_remoting::Body;

const TOPIC: &str = "orders";
const GROUP: &str = "poppers";
const RETRY: &str = "%RETRY%poppers_orders";
/// Longer than any test.
const LONG_MS: i64 = 600_000;

/// From any queue, everything, for long, without waiting.
fn pop_header<'h>() -> PopMessageHeader<'h> {
    PopMessageHeader {
        consumer_group: GROUP.into(),
        topic: TOPIC.into(),
        queue_id: -1,
        max_msg_nums: 32,
        invisible_time: LONG_MS,
        ..PopMessageHeader::default()
    }
}

/// May be held for as long as a test takes.
fn waiting<'h>() -> PopMessageHeader<'h> {
    PopMessageHeader { poll_time: 20_000, ..pop_header() }
}

async fn pop(client: &Client, header: &PopMessageHeader<'_>) -> Answer {
    client.ask(RequestCode::POP_MESSAGE, header, Body::Empty).await
}

/// What the pop gave, each with its handle, as Java's client makes it of the infos.
fn popped(answer: &Answer) -> Vec<(Message, String)> {
    assert_eq!((answer.code, answer.remark.as_str()), (ResponseCode::SUCCESS, ""));
    let field = |name: &str| answer.field(name).unwrap();
    let (pop_time, invisible) = (field("popTime"), field("invisibleTime"));
    let revive = field("reviveQid");
    let starts = field("startOffsetInfo");
    let offsets = field("msgOffsetInfo");
    let handle = |message: &Message| {
        let mark = u8::from(message.topic.starts_with("%RETRY%"));
        let of_queue = format!("{mark} {} ", message.queue_id);
        let find = |info: &str| {
            info.split(';').find_map(|part| part.strip_prefix(&of_queue).map(str::to_owned))
        };
        let start = find(&starts).unwrap();
        let queue_offset = message.queue_offset;
        let known = find(&offsets).unwrap();
        assert!(known.split(',').any(|offset| *offset == queue_offset.to_string()), "{known}");
        let queue_id = message.queue_id;
        format!("{start} {pop_time} {invisible} {revive} {mark} broker-a {queue_id} {queue_offset}")
    };
    let messages = answer.messages().into_iter();
    messages.map(|message| (message.clone(), handle(&message))).collect()
}

async fn ack(client: &Client, message: &Message, handle: &str) -> Answer {
    let header = AckMessageHeader {
        consumer_group: GROUP.into(),
        topic: message.topic.as_str().into(),
        queue_id: message.queue_id,
        extra_info: handle.into(),
        offset: message.queue_offset,
        ..AckMessageHeader::default()
    };
    client.ask(RequestCode::ACK_MESSAGE, &header, Body::Empty).await
}

async fn change(client: &Client, message: &Message, handle: &str, invisible_ms: i64) -> Answer {
    let header = ChangeInvisibleTimeHeader {
        consumer_group: GROUP.into(),
        topic: message.topic.as_str().into(),
        queue_id: message.queue_id,
        extra_info: handle.into(),
        offset: message.queue_offset,
        invisible_time: invisible_ms,
        ..ChangeInvisibleTimeHeader::default()
    };
    client.ask(RequestCode::CHANGE_MESSAGE_INVISIBLETIME, &header, Body::Empty).await
}

/// A topic of four queues with these in queue 0.
async fn sent(node: &Node, messages: &[&str]) -> Client {
    let client = node.client().await;
    for message in messages {
        client.send_ok(TOPIC, message).await;
    }
    client
}

fn committed(node: &Node, topic: &str) -> Option<i64> {
    node.broker.offsets.committed(GROUP, topic, 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn popped_messages_are_given_once_and_the_offset_follows_the_acknowledgements() {
    let node = Node::start();
    let client = sent(&node, &["a", "b", "c"]).await;
    let two = PopMessageHeader { max_msg_nums: 2, ..pop_header() };
    let answer = pop(&client, &two).await;
    assert_eq!(answer.field("restNum").unwrap(), "1");
    let first = popped(&answer);
    let second = popped(&pop(&client, &two).await);
    assert_eq!((bodies_of(&first), bodies_of(&second)), (vec!["a", "b"], vec!["c"]));
    assert_eq!(committed(&node, TOPIC), Some(0));

    ack(&client, &first[1].0, &first[1].1).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(0));
    ack(&client, &first[0].0, &first[0].1).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(2));
    // The answer may have been lost: once more is no error.
    ack(&client, &first[0].0, &first[0].1).await.ok();
    ack(&client, &second[0].0, &second[0].1).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(3));
    let nothing = pop(&client, &pop_header()).await;
    assert_eq!(nothing.code, ResponseCode::POLLING_TIMEOUT);
}

fn bodies_of(popped: &[(Message, String)]) -> Vec<&str> {
    popped.iter().map(|(message, _)| message.body.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn message_that_is_not_acknowledged_in_time_comes_back_from_the_retry_topic() {
    let node = Node::start();
    let client = sent(&node, &["a"]).await;
    let first = popped(&pop(&client, &PopMessageHeader { invisible_time: 1, ..waiting() }).await);
    assert_eq!(first[0].0.topic, TOPIC);
    // Held, since it waits for the retry.
    let again = pop(&client, &PopMessageHeader { invisible_time: 1, ..waiting() }).await;
    let pop_time = first[0].1.split(' ').nth(1).unwrap();
    let again = popped(&again);
    assert_eq!((again[0].0.topic.as_str(), again[0].0.body.as_str()), (RETRY, "a"));
    assert_eq!(again[0].0.property("1ST_POP_TIME"), Some(pop_time));
    let third = pop(&client, &waiting()).await;
    assert_eq!(reconsume_times(&third), [2]);
    let third = popped(&third);
    assert_eq!(third[0].0.property("1ST_POP_TIME"), Some(pop_time));
    ack(&client, &third[0].0, &third[0].1).await.ok();
    until(|| committed(&node, TOPIC) == Some(1) && committed(&node, RETRY) == Some(2)).await;
}

fn reconsume_times(answer: &Answer) -> Vec<i32> {
    let record = remora_protocol::record::decode(answer.frame.view().body).unwrap();
    vec![record.reconsume_times]
}

#[tokio::test(flavor = "multi_thread")]
async fn message_that_was_tried_often_enough_is_a_dead_letter() {
    let node = Node::start();
    let group = remora_protocol::body::SubscriptionGroupConfig {
        group_name: GROUP.into(),
        retry_max_times: 0,
        ..Default::default()
    };
    let memory = remora_store::meta_log::Durability::PageCache;
    node.broker.groups.put(vec![group], memory).unwrap();
    let client = sent(&node, &["a"]).await;
    popped(&pop(&client, &PopMessageHeader { invisible_time: 1, ..pop_header() }).await);
    until(|| committed(&node, TOPIC) == Some(1)).await;
    let dead = client.pull(&common::pull_header("%DLQ%poppers", 0)).await;
    let dead = dead.messages();
    assert_eq!(bodies(&dead), ["a"]);
    assert_eq!(dead[0].property("RETRY_TOPIC"), Some(TOPIC));
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_invisible_time_gives_a_new_handle_and_counts_from_then() {
    let node = Node::start();
    let client = sent(&node, &["a", "b"]).await;
    let first = popped(&pop(&client, &pop_header()).await);
    let (message, handle) = &first[0];
    let changed = change(&client, message, handle, LONG_MS).await.ok();
    let pop_time = changed.field("popTime").unwrap();
    assert_eq!(changed.field("invisibleTime").unwrap(), LONG_MS.to_string());
    let newer = format!("0 {pop_time} {LONG_MS} 0 0 broker-a 0 0");
    // Within one millisecond both are the same.
    if *handle != newer {
        ack(&client, message, handle).await.refused(ResponseCode::NO_MESSAGE, &["newer handle"]);
    }
    ack(&client, message, &newer).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(1));

    let (message, handle) = &first[1];
    change(&client, message, handle, 0).await.ok();
    let again = popped(&pop(&client, &waiting()).await);
    assert_eq!((again[0].0.topic.as_str(), again[0].0.body.as_str()), (RETRY, "b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_that_are_forged_or_foreign_are_refused_and_move_nothing() {
    let node = Node::start();
    let client = sent(&node, &["a", "b"]).await;
    let first = popped(&pop(&client, &PopMessageHeader { max_msg_nums: 1, ..pop_header() }).await);
    let (message, handle) = &first[0];
    let invalid = ResponseCode::INVALID_PARAMETER;
    ack(&client, message, "nonsense").await.refused(invalid, &["extraInfo", "1 parts"]);
    let other_broker = handle.replace("broker-a", "broker-b");
    ack(&client, message, &other_broker).await.refused(invalid, &["broker-b", "broker-a"]);
    let other_time = "0 1 600000 0 0 broker-a 0 0";
    let no_message = ResponseCode::NO_MESSAGE;
    ack(&client, message, other_time).await.refused(no_message, &["popTime 1", "newer handle"]);
    change(&client, message, other_time, 1).await.refused(no_message, &["newer handle"]);
    change(&client, message, handle, -1).await.refused(invalid, &["invisibleTime", "-1"]);

    let never_popped = Message { queue_offset: 1, ..message.clone() };
    let forged = "0 1 600000 0 0 broker-a 0 1";
    ack(&client, &never_popped, forged).await.refused(no_message, &["never popped"]);
    let beyond = Message { queue_offset: 7, ..message.clone() };
    let forged = "0 1 600000 0 0 broker-a 0 7";
    ack(&client, &beyond, forged).await.refused(no_message, &["'offset' is 7", "0 to 1"]);
    let no_queue = Message { queue_id: 9, ..message.clone() };
    ack(&client, &no_queue, handle)
        .await
        .refused(ResponseCode::MESSAGE_ILLEGAL, &["'queueId' is 9"]);
    let no_topic = Message { topic: "none".into(), ..message.clone() };
    ack(&client, &no_topic, handle).await.refused(ResponseCode::TOPIC_NOT_EXIST, &["none"]);
    let foreign = AckMessageHeader {
        consumer_group: "others".into(),
        topic: TOPIC.into(),
        extra_info: handle.as_str().into(),
        ..AckMessageHeader::default()
    };
    let foreign = client.ask(RequestCode::ACK_MESSAGE, &foreign, Body::Empty).await;
    foreign.refused(no_message, &["others"]);

    assert_eq!(committed(&node, TOPIC), Some(0));
    ack(&client, message, handle).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn pop_waits_for_a_message_and_one_of_the_group_gets_it() {
    let node = Node::start();
    let client = sent(&node, &[]).await;
    client.send_ok(TOPIC, "first").await;
    popped(&pop(&client, &pop_header()).await);
    let consumer = node.client().await;
    let mut held: Vec<_> = [waiting(), waiting(), waiting()]
        .iter()
        .map(|header| consumer.ask_later(RequestCode::POP_MESSAGE, header))
        .collect();
    until(|| node.broker.pops.wait.len() == 3).await;
    let info =
        PollingInfoHeader { consumer_group: GROUP.into(), topic: TOPIC.into(), queue_id: -1 };
    let info = client.ask(RequestCode::POLLING_INFO, &info, Body::Empty).await.ok();
    assert_eq!(info.field("pollingNum").unwrap(), "3");
    for (index, body) in ["a", "b", "c"].into_iter().enumerate() {
        client.send_ok(TOPIC, body).await;
        let answer = held.remove(0).await;
        assert_eq!(bodies_of(&popped(&answer)), [body]);
        assert_eq!(node.broker.pops.wait.len(), 2 - index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pop_that_leaves_messages_wakes_the_next() {
    let node = Node::start();
    let client = sent(&node, &["first"]).await;
    popped(&pop(&client, &pop_header()).await);
    let consumer = node.client().await;
    let one = PopMessageHeader { max_msg_nums: 1, ..waiting() };
    let held = [&one, &one].map(|header| consumer.ask_later(RequestCode::POP_MESSAGE, header));
    until(|| node.broker.pops.wait.len() == 2).await;
    // One turn, one arrival.
    let header = send_header(TOPIC);
    let header = remora_protocol::header::SendMessageV2(&header);
    let sends = ["a", "b"].map(|body| {
        let body = Body::Bytes(Bytes::from_static(body.as_bytes()));
        client.conn.send(RequestCode::SEND_MESSAGE_V2, &header, body, common::PATIENCE).unwrap()
    });
    for send in sends {
        send.await.unwrap();
    }
    let mut bodies = Vec::new();
    for answer in held {
        bodies.extend(popped(&answer.await).into_iter().map(|(message, _)| message.body));
    }
    bodies.sort_unstable();
    assert_eq!(bodies, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pops_past_the_limit_are_told_that_too_many_wait() {
    let node = Node::start_with(|settings| settings.pop_polling_of_one_max = 1);
    let client = sent(&node, &["first"]).await;
    popped(&pop(&client, &pop_header()).await);
    let held = client.ask_later(RequestCode::POP_MESSAGE, &waiting());
    until(|| node.broker.pops.wait.len() == 1).await;
    assert_eq!(pop(&client, &waiting()).await.code, ResponseCode::POLLING_FULL);
    client.send_ok(TOPIC, "a").await;
    assert_eq!(bodies_of(&popped(&held.await)), ["a"]);
    let late = PopMessageHeader { poll_time: 1, born_time: 1, ..pop_header() };
    let late = pop(&client, &late).await;
    assert_eq!(late.code, ResponseCode::POLLING_TIMEOUT);
    assert!(late.field("popTime").is_some(), "Java's client wants the header");
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_tells_of_messages_without_taking_them() {
    let node = Node::start();
    let client = sent(&node, &["first"]).await;
    popped(&pop(&client, &pop_header()).await);
    let header = NotificationHeader {
        consumer_group: GROUP.into(),
        topic: TOPIC.into(),
        queue_id: -1,
        poll_time: 20_000,
        ..NotificationHeader::default()
    };
    let held = client.ask_later(RequestCode::NOTIFICATION, &header);
    until(|| node.broker.pops.wait.len() == 1).await;
    client.send_ok(TOPIC, "a").await;
    assert_eq!(held.await.ok().field("hasMsg").unwrap(), "true");
    let told = client.ask(RequestCode::NOTIFICATION, &header, Body::Empty).await.ok();
    assert_eq!(told.field("hasMsg").unwrap(), "true");
    let peek = PeekMessageHeader {
        topic: TOPIC.into(),
        queue_id: -1,
        max_msg_nums: 32,
        consumer_group: GROUP.into(),
    };
    for _ in 0..2 {
        let peeked = client.ask(RequestCode::PEEK_MESSAGE, &peek, Body::Empty).await.ok();
        assert_eq!(bodies(&peeked.messages()), ["a"]);
    }
    assert_eq!(bodies_of(&popped(&pop(&client, &pop_header()).await)), ["a"]);
    let at_once = NotificationHeader { poll_time: 0, ..header };
    let told = client.ask(RequestCode::NOTIFICATION, &at_once, Body::Empty).await.ok();
    assert_eq!(told.field("hasMsg").unwrap(), "false");
    let peeked = client.ask(RequestCode::PEEK_MESSAGE, &peek, Body::Empty).await;
    assert_eq!(peeked.code, ResponseCode::PULL_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn message_that_the_filter_leaves_out_is_settled() {
    let node = Node::start();
    let client = node.client().await;
    for tag in ["A", "B", "A"] {
        let properties = format!("TAGS\u{1}{tag}\u{2}");
        let header = send_header(TOPIC);
        let header = remora_protocol::header::SendMessageHeader {
            properties: Text::plain(&properties),
            ..header
        };
        client.send(&header, tag).await.ok();
    }
    let of_b = PopMessageHeader { exp: Some("B".into()), ..pop_header() };
    let taken = popped(&pop(&client, &of_b).await);
    assert_eq!(bodies_of(&taken), ["B"]);
    assert_eq!(committed(&node, TOPIC), Some(1));
    ack(&client, &taken[0].0, &taken[0].1).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(3));
    let wrong = PopMessageHeader {
        exp: Some("a >".into()),
        exp_type: Some("SQL92".into()),
        ..pop_header()
    };
    assert_eq!(pop(&client, &wrong).await.code, ResponseCode::SUBSCRIPTION_PARSE_FAILED);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_survives_a_restart_and_its_handles_too() {
    let node = Node::start();
    let client = sent(&node, &["a", "b", "c"]).await;
    let first = popped(&pop(&client, &pop_header()).await);
    ack(&client, &first[1].0, &first[1].1).await.ok();
    client.close().await;
    let node = Node::start_in(node.stop().await, |_| ());
    let client = node.client().await;
    assert_eq!(pop(&client, &pop_header()).await.code, ResponseCode::POLLING_TIMEOUT);
    ack(&client, &first[0].0, &first[0].1).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(2));
    change(&client, &first[2].0, &first[2].1, 0).await.ok();
    let again = popped(&pop(&client, &waiting()).await);
    assert_eq!((again[0].0.topic.as_str(), bodies_of(&again)), (RETRY, vec!["c"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn group_in_order_gets_nothing_more_of_a_queue_until_it_acknowledges() {
    let node = Node::start();
    let client = sent(&node, &["a", "b", "c"]).await;
    let ordered = PopMessageHeader { order: Some(true), max_msg_nums: 2, ..pop_header() };
    let answer = pop(&client, &ordered).await;
    assert_eq!(answer.field("reviveQid").unwrap(), "999");
    assert_eq!(answer.field("orderCountInfo").unwrap(), "0 0 0");
    let first = popped(&answer);
    assert_eq!(bodies_of(&first), ["a", "b"]);
    assert_eq!(pop(&client, &ordered).await.code, ResponseCode::POLLING_TIMEOUT);
    // An acknowledgement wakes who waits for the queue.
    let next = PopMessageHeader { poll_time: 20_000, ..ordered.clone() };
    let held = client.ask_later(RequestCode::POP_MESSAGE, &next);
    until(|| node.broker.pops.wait.len() == 1).await;
    ack(&client, &first[0].0, &first[0].1).await.ok();
    ack(&client, &first[1].0, &first[1].1).await.ok();
    let second = popped(&held.await);
    assert_eq!(bodies_of(&second), ["c"]);
    assert_eq!(committed(&node, TOPIC), Some(2));
    // Not consumed: visible again at once, in its place, and counted.
    change(&client, &second[0].0, &second[0].1, 0).await.ok();
    let answer = pop(&client, &next).await;
    assert_eq!(answer.field("orderCountInfo").unwrap(), "0 qo0%2 1;0 0 1");
    assert_eq!(bodies_of(&popped(&answer)), ["c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempt_that_is_made_again_is_given_the_same_messages() {
    let node = Node::start();
    let client = sent(&node, &["a", "b"]).await;
    let attempt = |id: &'static str| PopMessageHeader {
        order: Some(true),
        max_msg_nums: 1,
        attempt_id: Some(id.into()),
        ..pop_header()
    };
    assert_eq!(bodies_of(&popped(&pop(&client, &attempt("1")).await)), ["a"]);
    assert_eq!(bodies_of(&popped(&pop(&client, &attempt("1")).await)), ["a"]);
    assert_eq!(pop(&client, &attempt("2")).await.code, ResponseCode::POLLING_TIMEOUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_acknowledges_messages_of_several_pops() {
    let node = Node::start();
    let client = sent(&node, &["a", "b", "c"]).await;
    let first = popped(&pop(&client, &pop_header()).await);
    let time = |handle: &str| handle.split(' ').nth(1).unwrap().parse().unwrap();
    let acks = |bits: &[usize], pop_time: i64| BatchAck {
        bits: bits.iter().copied().collect(),
        consumer_group: GROUP.into(),
        pop_time,
        retry: "0".into(),
        topic: TOPIC.into(),
        ..BatchAck::default()
    };
    let batch = async |acks: Vec<BatchAck>| {
        let request = BatchAckMessageRequest { acks, broker_name: "broker-a".into() };
        client.ask(RequestCode::BATCH_ACK_MESSAGE, &(), body::encode(&request)).await
    };
    let pop_time = time(&first[0].1);
    batch(vec![acks(&[0, 2], pop_time), acks(&[60_000], pop_time)]).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(1));
    let no_message = ResponseCode::NO_MESSAGE;
    batch(vec![acks(&[1], 5)]).await.refused(no_message, &["none of the 1"]);
    batch(vec![]).await.refused(no_message, &["no message"]);
    let many: Vec<usize> = (0..16_385).collect();
    batch(vec![acks(&many, 5)]).await.refused(ResponseCode::INVALID_PARAMETER, &["16385", "16384"]);
    batch(vec![acks(&[1], pop_time)]).await.ok();
    assert_eq!(committed(&node, TOPIC), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn group_with_too_much_in_flight_gets_more_once_it_acknowledges() {
    let node = Node::start_with(|settings| settings.pop_in_flight_max = 2);
    let client = sent(&node, &["a", "b", "c"]).await;
    let first = popped(&pop(&client, &pop_header()).await);
    assert_eq!(bodies_of(&first), ["a", "b"]);
    let held = client.ask_later(RequestCode::POP_MESSAGE, &waiting());
    until(|| node.broker.pops.wait.len() == 1).await;
    ack(&client, &first[1].0, &first[1].1).await.ok();
    assert_eq!(bodies_of(&popped(&held.await)), ["c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_offset_is_where_the_group_pops_next() {
    let node = Node::start();
    let client = sent(&node, &["a", "b", "c"]).await;
    let first = popped(&pop(&client, &pop_header()).await);
    node.broker.offsets.commit(GROUP, TOPIC, 0, 3);
    node.broker.offsets.commit(GROUP, TOPIC, 0, 1);
    let _ = pop(&client, &PopMessageHeader { max_msg_nums: 1, ..pop_header() }).await;
    assert_eq!(committed(&node, TOPIC), Some(1));
    node.broker.offsets.commit(GROUP, TOPIC, 0, 0);
    let again = popped(&pop(&client, &pop_header()).await);
    assert_eq!(bodies_of(&again), ["a", "b", "c"]);
    if first[0].1 != again[0].1 {
        let stale = ack(&client, &first[0].0, &first[0].1).await;
        stale.refused(ResponseCode::NO_MESSAGE, &["newer handle"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_ask_for_what_is_not_there_are_refused() {
    let node = Node::start();
    let client = sent(&node, &["a"]).await;
    let refused = async |header: PopMessageHeader<'_>, code, parts: &[&str]| {
        pop(&client, &header).await.refused(code, parts);
    };
    let invalid = ResponseCode::INVALID_PARAMETER;
    refused(PopMessageHeader { max_msg_nums: 33, ..pop_header() }, invalid, &["33", "32"]).await;
    refused(PopMessageHeader { queue_id: 4, ..pop_header() }, invalid, &["'queueId' is 4"]).await;
    let forever = PopMessageHeader { invisible_time: i64::MAX, ..pop_header() };
    refused(forever, invalid, &["'invisibleTime'", "3 days"]).await;
    let no_topic = PopMessageHeader { topic: "none".into(), ..pop_header() };
    refused(no_topic, ResponseCode::TOPIC_NOT_EXIST, &["none"]).await;
    let no_group = PopMessageHeader { consumer_group: "no group".into(), ..pop_header() };
    refused(no_group, ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, &["no group"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_answers_pops_that_wait() {
    let node = Node::start();
    let client = sent(&node, &["a"]).await;
    popped(&pop(&client, &pop_header()).await);
    let held = client.ask_later(RequestCode::POP_MESSAGE, &waiting());
    until(|| node.broker.pops.wait.len() == 1).await;
    node.broker.stop().await;
    assert_eq!(held.await.code, ResponseCode::POLLING_TIMEOUT);
    assert_eq!(node.dropped_calls(), 0);
}
