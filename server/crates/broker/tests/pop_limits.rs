//! What limits a pop, and where it begins: quotas of groups, compaction and priorities of topics.
mod common;

use common::{Answer, Client, Message, Node, bodies, pull_header, send_header, until};
use remora_protocol::header::{
    AckMessageHeader, NotificationHeader, PeekMessageHeader, PollingInfoHeader, PopMessageHeader,
    PullMessageHeader, SendMessageHeader,
};
use remora_protocol::{RequestCode, ResponseCode, Text};
use remora_remoting::Body;

const TOPIC: &str = "orders";
const GROUP: &str = "poppers";
const OUT_BYTES: &str = "+remora.quota.out.bytes";
/// Bytes a second that one message uses up for minutes.
const LOW: &str = "1";
const HIGH: &str = "1000000000";
/// Longer than any test.
const LONG_MS: i64 = 600_000;

/// From any queue, everything, for long, without waiting.
fn pop_of(topic: &str) -> PopMessageHeader<'_> {
    PopMessageHeader {
        consumer_group: GROUP.into(),
        topic: topic.into(),
        queue_id: -1,
        max_msg_nums: 32,
        invisible_time: LONG_MS,
        ..PopMessageHeader::default()
    }
}

/// May be held for as long as a test takes.
fn waiting(topic: &str) -> PopMessageHeader<'_> {
    PopMessageHeader { poll_time: 20_000, ..pop_of(topic) }
}

async fn pop(client: &Client, header: &PopMessageHeader<'_>) -> Answer {
    client.ask(RequestCode::POP_MESSAGE, header, Body::Empty).await
}

/// Everything that a pop gives which does not wait.
async fn popped(client: &Client, topic: &str) -> Vec<Message> {
    let answer = pop(client, &pop_of(topic)).await;
    match answer.code {
        ResponseCode::POLLING_TIMEOUT => Vec::new(),
        _ => answer.ok().messages(),
    }
}

async fn group_with(client: &Client, name: &str, value: &str) {
    client.group_with(GROUP, name, value).await.ok();
}

async fn sent(client: &Client, topic: &str, messages: &[&str]) {
    for message in messages {
        client.send_ok(topic, message).await;
    }
}

fn notice() -> NotificationHeader<'static> {
    NotificationHeader {
        consumer_group: GROUP.into(),
        topic: TOPIC.into(),
        queue_id: -1,
        poll_time: 20_000,
        ..NotificationHeader::default()
    }
}

#[tokio::test]
async fn a_pop_over_its_groups_quota_is_held_and_one_that_may_not_be_finds_nothing() {
    let node = Node::start();
    let client = node.client().await;
    sent(&client, TOPIC, &["m0", "m1", "m2"]).await;
    group_with(&client, OUT_BYTES, LOW).await;
    // A reply holds a second's worth: one message, as it is more than that.
    assert_eq!(bodies(&popped(&client, TOPIC).await), ["m0"]);
    assert_eq!(pop(&client, &pop_of(TOPIC)).await.code, ResponseCode::POLLING_TIMEOUT);
    assert_eq!(node.broker.metrics().pulls_over_quota, 1);

    // Held until it leaves with its connection: a minute would not be enough.
    let other = node.client().await;
    let held = other.ask_later(RequestCode::POP_MESSAGE, &waiting(TOPIC));
    until(|| node.broker.pops.wait.len() == 1).await;
    let info =
        PollingInfoHeader { consumer_group: GROUP.into(), topic: TOPIC.into(), queue_id: -1 };
    let info = client.ask(RequestCode::POLLING_INFO, &info, Body::Empty).await.ok();
    assert_eq!(info.field("pollingNum").unwrap(), "1");
    client.send_ok(TOPIC, "m3").await;
    assert_eq!(node.broker.pops.wait.len(), 1, "what arrives does not wake it");
    // Nor is anybody told of messages that he could not pop.
    let told = other.ask_later(RequestCode::NOTIFICATION, &notice());
    until(|| node.broker.pops.wait.len() == 2).await;
    let now = NotificationHeader { poll_time: 0, ..notice() };
    let now = client.ask(RequestCode::NOTIFICATION, &now, Body::Empty).await.ok();
    assert_eq!(now.field("hasMsg").unwrap(), "false");
    drop((held, told));
    other.close().await;
    until(|| node.broker.pops.wait.is_empty()).await;

    group_with(&client, OUT_BYTES, HIGH).await;
    assert_eq!(bodies(&popped(&client, TOPIC).await), ["m1", "m2", "m3"]);
    assert_eq!(node.broker.metrics().pulls_over_quota, 2);
}

#[tokio::test]
async fn a_pop_that_waited_for_its_quota_gets_its_messages() {
    let node = Node::start();
    let client = node.client().await;
    sent(&client, TOPIC, &["m0", "m1", "m2"]).await;
    group_with(&client, "+remora.quota.out.messages", "1").await;
    for body in ["m0", "m1", "m2"] {
        let answer = pop(&client, &waiting(TOPIC)).await.ok();
        assert_eq!(bodies(&answer.messages()), [body]);
    }
    client.send_ok(TOPIC, "m3").await;
    let told = client.ask(RequestCode::NOTIFICATION, &notice(), Body::Empty).await.ok();
    assert_eq!(told.field("hasMsg").unwrap(), "true");
}

#[tokio::test]
async fn pulls_and_pops_of_a_group_use_up_one_quota() {
    let node = Node::start();
    let client = node.client().await;
    sent(&client, "pulled", &["a", "b"]).await;
    sent(&client, TOPIC, &["c"]).await;
    group_with(&client, OUT_BYTES, LOW).await;
    let pull = PullMessageHeader { consumer_group: GROUP.into(), ..pull_header("pulled", 0) };
    assert_eq!(bodies(&client.pull(&pull).await.ok().messages()), ["a"]);
    assert!(popped(&client, TOPIC).await.is_empty());
    group_with(&client, OUT_BYTES, HIGH).await;
    assert_eq!(bodies(&popped(&client, TOPIC).await), ["c"]);
    group_with(&client, OUT_BYTES, LOW).await;
    sent(&client, TOPIC, &["d"]).await;
    assert_eq!(bodies(&popped(&client, TOPIC).await), ["d"]);
    assert_eq!(client.pull(&pull).await.code, ResponseCode::PULL_NOT_FOUND);
}

#[tokio::test]
async fn a_pop_that_gives_up_waiting_for_its_quota_leaves_the_message_to_the_next() {
    let node = Node::start();
    let client = node.client().await;
    sent(&client, TOPIC, &["first"]).await;
    sent(&client, "others", &[&"large".repeat(600)]).await;
    // The large message is worth 3 s.
    group_with(&client, OUT_BYTES, "1000").await;
    assert_eq!(bodies(&popped(&client, TOPIC).await), ["first"]);
    let consumer = node.client().await;
    let soon = PopMessageHeader { poll_time: 1_000, ..pop_of(TOPIC) };
    let soon = consumer.ask_later(RequestCode::POP_MESSAGE, &soon);
    until(|| node.broker.pops.wait.len() == 1).await;
    let late = consumer.ask_later(RequestCode::POP_MESSAGE, &waiting(TOPIC));
    until(|| node.broker.pops.wait.len() == 2).await;
    assert_eq!(popped(&client, "others").await.len(), 1);
    client.send_ok(TOPIC, "a").await;
    assert_eq!(soon.await.code, ResponseCode::POLLING_TIMEOUT);
    assert_eq!(bodies(&late.await.ok().messages()), ["a"]);
}

async fn compacted(client: &Client, topic: &str, lag_ms: &str) {
    let attributes = format!("+cleanup.policy=COMPACTION,+remora.compaction.lag.ms={lag_ms}");
    client.topic_with(topic, 1, &attributes).await.ok();
}

async fn put(client: &Client, topic: &str, key: &str, body: &str) {
    let properties = format!("KEYS\x01{key}\x02");
    let header = SendMessageHeader { properties: Text::plain(&properties), ..send_header(topic) };
    client.send(&header, body).await.ok();
}

async fn peeked(client: &Client, topic: &str) -> Vec<Message> {
    let header = PeekMessageHeader {
        topic: topic.into(),
        queue_id: -1,
        max_msg_nums: 32,
        consumer_group: GROUP.into(),
    };
    client.ask(RequestCode::PEEK_MESSAGE, &header, Body::Empty).await.ok().messages()
}

async fn acked(client: &Client, answer: &Answer, message: &Message) {
    let field = |name: &str| answer.field(name).unwrap();
    let (pop_time, revive) = (field("popTime"), field("reviveQid"));
    let (queue_id, queue_offset) = (message.queue_id, message.queue_offset);
    let handle = format!("0 {pop_time} {LONG_MS} {revive} 0 broker-a {queue_id} {queue_offset}");
    let header = AckMessageHeader {
        consumer_group: GROUP.into(),
        topic: message.topic.as_str().into(),
        queue_id,
        extra_info: handle.into(),
        offset: queue_offset,
        ..AckMessageHeader::default()
    };
    client.ask(RequestCode::ACK_MESSAGE, &header, Body::Empty).await.ok();
}

#[tokio::test]
async fn a_pop_leaves_out_what_a_later_message_of_the_key_replaced_and_settles_it() {
    let node = Node::start();
    let client = node.client().await;
    compacted(&client, "state", "0").await;
    let messages = [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1"), ("c", ""), ("d", "d1")];
    for (key, body) in messages {
        put(&client, "state", key, body).await;
    }
    assert_eq!(bodies(&peeked(&client, "state").await), ["b1", "a2", "d1"]);
    let answer = pop(&client, &pop_of("state")).await.ok();
    let messages = answer.messages();
    assert_eq!(bodies(&messages), ["b1", "a2", "d1"]);
    assert_eq!(answer.field("msgOffsetInfo").unwrap(), "0 0 1,2,5");
    let committed = || node.broker.offsets.committed(GROUP, "state", 0);
    assert_eq!(committed(), Some(1), "what comes first was replaced");
    acked(&client, &answer, &messages[0]).await;
    acked(&client, &answer, &messages[1]).await;
    assert_eq!(committed(), Some(5));
    acked(&client, &answer, &messages[2]).await;
    assert_eq!(committed(), Some(6));

    // Deleted and the newest of its queue: nothing to give, and nothing is left.
    put(&client, "state", "d", "").await;
    assert!(popped(&client, "state").await.is_empty());
    assert_eq!(committed(), Some(7));
}

#[tokio::test]
async fn a_pop_gives_what_was_replaced_lately() {
    let node = Node::start();
    let client = node.client().await;
    compacted(&client, "state", "3600000").await;
    put(&client, "state", "a", "a1").await;
    put(&client, "state", "a", "a2").await;
    assert_eq!(bodies(&popped(&client, "state").await), ["a1", "a2"]);
}

#[tokio::test]
async fn a_pop_looks_at_all_that_was_replaced_before_it_gives_the_first() {
    let node = Node::start();
    let client = node.client().await;
    compacted(&client, "state", "0").await;
    for number in 0..4_500 {
        put(&client, "state", &format!("key-{}", number % 2), &number.to_string()).await;
    }
    let answer = pop(&client, &waiting("state")).await.ok();
    assert_eq!(bodies(&answer.messages()), ["4498", "4499"]);
    let others = PopMessageHeader { consumer_group: "others".into(), ..waiting("state") };
    let ordered = PopMessageHeader { order: Some(true), ..others };
    let answer = pop(&client, &ordered).await.ok();
    assert_eq!(bodies(&answer.messages()), ["4498", "4499"]);
}

async fn prioritized(client: &Client, topic: &str, priorities: &[u32]) {
    client.topic_with(topic, 4, "+message.type=PRIORITY").await.ok();
    for priority in priorities {
        send_with_priority(client, topic, *priority).await;
    }
}

async fn send_with_priority(client: &Client, topic: &str, priority: u32) {
    let properties = format!("_SYS_MSG_PRIORITY_\x01{priority}\x02");
    let header = SendMessageHeader { properties: Text::plain(&properties), ..send_header(topic) };
    client.send(&header, &format!("priority {priority}")).await.ok();
}

/// The queues that pops take one message each from.
async fn queues(client: &Client, header: &PopMessageHeader<'_>, count: usize) -> Vec<i32> {
    let header = PopMessageHeader { max_msg_nums: 1, ..header.clone() };
    let mut queues = Vec::new();
    for _ in 0..count {
        let answer = pop(client, &header).await.ok();
        queues.extend(answer.messages().iter().map(|message| message.queue_id));
    }
    queues
}

#[tokio::test]
async fn pops_begin_with_the_highest_priority_as_often_as_the_groups_factor_says() {
    let node = Node::start();
    let client = node.client().await;
    let all = [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3];
    prioritized(&client, "ranked", &all).await;
    // Without the attribute always.
    assert_eq!(queues(&client, &pop_of("ranked"), 6).await, [3, 3, 3, 3, 2, 2]);
    send_with_priority(&client, "ranked", 9).await;
    let rest = popped(&client, "ranked").await;
    let rest: Vec<i32> = rest.iter().map(|message| message.queue_id).collect();
    assert_eq!(rest, [3, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0]);

    // Each pop of a broker begins one queue further, and seven were before.
    group_with(&client, "+priority.factor", "0").await;
    prioritized(&client, "even", &all).await;
    assert_eq!(queues(&client, &pop_of("even"), 8).await, [3, 0, 1, 2, 3, 0, 1, 2]);
    // Turns 15 to 18 draw 55, 92, 29 and 66.
    group_with(&client, "+priority.factor", "56").await;
    assert_eq!(queues(&client, &pop_of("even"), 4).await, [3, 0, 3, 2]);

    let refused = client.group_with(GROUP, "+priority.factor", "101").await;
    refused.refused(ResponseCode::INVALID_PARAMETER, &["'priority.factor'", "'101'", "0 to 100"]);
}

#[tokio::test]
async fn pops_in_order_and_of_other_topics_do_not_go_by_priority() {
    let node = Node::start();
    let client = node.client().await;
    prioritized(&client, "ranked", &[0, 1, 2, 3]).await;
    let ordered = PopMessageHeader { order: Some(true), ..pop_of("ranked") };
    assert_eq!(queues(&client, &ordered, 2).await, [0, 1]);
    for priority in 0..4 {
        send_with_priority(&client, TOPIC, priority).await;
    }
    assert_eq!(queues(&client, &pop_of(TOPIC), 2).await, [2, 3]);
}
