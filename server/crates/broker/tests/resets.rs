//! Resets of offsets, and how the consumers of the group come to follow them.
mod common;

use common::{
    Answer, Client, Node, SUSPEND, bodies, heartbeat_of, pull_header, subscription, until,
};
use remora_protocol::header::{
    AckMessageHeader, CloneGroupOffsetHeader, PopMessageHeader, PullMessageHeader,
    ResetOffsetHeader, UpdateConsumerOffsetHeader,
};
use remora_protocol::{RequestCode, ResponseCode, body};
use remora_remoting::Body;

/// Five messages in queue 0 of "orders", all pulled and committed by `group`.
async fn consumed(node: &Node, group: &'static str) -> Client {
    let client = node.client().await;
    for number in 0..5 {
        client.send_ok("orders", &number.to_string()).await;
    }
    client.pull(&pull(group, 0)).await.ok();
    commit(&client, group, 5).await;
    assert_eq!(node.broker.offsets.committed(group, "orders", 0), Some(5));
    client
}

fn pull(group: &'static str, queue_offset: i64) -> PullMessageHeader<'static> {
    PullMessageHeader { consumer_group: group.into(), ..pull_header("orders", queue_offset) }
}

/// Gives the remark.
async fn commit(client: &Client, group: &'static str, commit_offset: i64) -> String {
    let header = UpdateConsumerOffsetHeader {
        consumer_group: group.into(),
        topic: "orders".into(),
        queue_id: 0,
        commit_offset,
    };
    let answer = client.ask(RequestCode::UPDATE_CONSUMER_OFFSET, &header, Body::Empty).await;
    assert_eq!(answer.code, ResponseCode::SUCCESS);
    answer.remark
}

async fn reset_to(client: &Client, group: &'static str, queue_offset: i64) {
    let header = ResetOffsetHeader {
        group: group.into(),
        topic: "orders".into(),
        queue_id: Some(0),
        offset: Some(queue_offset),
        timestamp: 0,
        is_force: true,
    };
    client.ask(RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, &header, Body::Empty).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_consumed_before_a_reset_is_not_committed_after_it() {
    let node = Node::start();
    let client = consumed(&node, "consumers").await;
    reset_to(&client, "consumers", 2).await;
    let remark = commit(&client, "consumers", 5).await;
    assert!(remark.contains("reset to offset 2"), "{remark}");
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(2));

    let from_new = client.pull(&pull("consumers", 2)).await.ok();
    assert_eq!(bodies(&from_new.messages()), ["2", "3", "4"]);
    assert_eq!(commit(&client, "consumers", 4).await, "");
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(4));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_was_not_told_is_moved_by_its_next_pull_and_its_commit_in_it_dropped() {
    let node = Node::start();
    let client = consumed(&node, "consumers").await;
    reset_to(&client, "consumers", 1).await;
    let commits = PullMessageHeader { sys_flag: 4 | 1, commit_offset: 5, ..pull("consumers", 5) };
    let moved = client.pull(&commits).await;
    assert_eq!(moved.code, ResponseCode::PULL_OFFSET_MOVED);
    let reply = moved.pull_reply();
    let told = (reply.next_begin_offset, reply.min_offset, reply.max_offset);
    assert_eq!(told, (1, 0, 5));
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(1));
    let again = client.pull(&pull("consumers", 5)).await;
    assert_eq!(again.code, ResponseCode::PULL_NOT_FOUND);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_pull_is_moved_at_once_and_other_groups_stay() {
    let node = Node::start_with(|settings| settings.use_server_side_reset_offset = true);
    let client = consumed(&node, "workers").await;
    let mut consumer = node.client().await;
    let beat = heartbeat_of("a@1", subscription("orders"));
    consumer.ask(RequestCode::HEART_BEAT, &(), body::encode(&beat)).await.ok();
    let joined = consumer.next_request().await;
    assert_eq!(joined.view().code, RequestCode::NOTIFY_CONSUMER_IDS_CHANGED.0);

    let suspended = |group: &'static str| PullMessageHeader {
        sys_flag: SUSPEND,
        suspend_timeout_millis: 15_000,
        ..pull(group, 5)
    };
    let held = consumer.ask_later(RequestCode::PULL_MESSAGE, &suspended("workers"));
    let of_others = consumer.ask_later(RequestCode::PULL_MESSAGE, &suspended("others"));
    until(|| node.broker.hold.len() == 2).await;
    reset_to(&client, "workers", 3).await;
    let moved = held.await;
    assert_eq!(moved.code, ResponseCode::PULL_OFFSET_MOVED);
    assert_eq!(moved.pull_reply().next_begin_offset, 3);
    let asks_again = of_others.await;
    assert_eq!(asks_again.code, ResponseCode::PULL_NOT_FOUND);
    assert_eq!(asks_again.pull_reply().next_begin_offset, 5);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_was_told_is_left_to_move_by_itself() {
    let node = Node::start();
    let client = consumed(&node, "workers").await;
    let mut consumer = node.client().await;
    let beat = heartbeat_of("a@1", subscription("orders"));
    consumer.ask(RequestCode::HEART_BEAT, &(), body::encode(&beat)).await.ok();
    consumer.next_request().await;
    reset_to(&client, "workers", 3).await;
    let told = consumer.next_request().await;
    assert_eq!(told.view().code, RequestCode::RESET_CONSUMER_CLIENT_OFFSET.0);
    let before_it_moves = consumer.pull(&pull("workers", 4)).await.ok();
    assert_eq!(bodies(&before_it_moves.messages()), ["4"]);
    commit(&consumer, "workers", 5).await;
    assert_eq!(node.broker.offsets.committed("workers", "orders", 0), Some(3));
    consumer.pull(&pull("workers", 3)).await.ok();
    commit(&consumer, "workers", 5).await;
    assert_eq!(node.broker.offsets.committed("workers", "orders", 0), Some(5));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reset_is_refused_with_what_is_wrong_and_nothing_moves() {
    let node = Node::start();
    let client = consumed(&node, "consumers").await;
    let header = || ResetOffsetHeader {
        group: "consumers".into(),
        topic: "orders".into(),
        is_force: true,
        ..ResetOffsetHeader::default()
    };
    let at = |timestamp| ResetOffsetHeader { timestamp, ..header() };
    let to = |queue_id, offset| ResetOffsetHeader {
        queue_id: Some(queue_id),
        offset: Some(offset),
        ..header()
    };
    let microseconds = i64::try_from(now_us()).unwrap();
    let invalid = ResponseCode::INVALID_PARAMETER;
    for (header, code, parts) in [
        (at(-2), invalid, &["'timestamp' is -2", "-1 for the end"][..]),
        (at(i64::MIN), invalid, &["'timestamp' is -9223372036854775808", "-1 for the end"][..]),
        (at(microseconds), invalid, &["'timestamp' is", "are those ms?"][..]),
        (at(i64::MAX), invalid, &["'timestamp' is 9223372036854775807", "a day after"][..]),
        (to(0, 6), ResponseCode::SYSTEM_ERROR, &["'offset' is 6", "queue 0", "0 to 5"][..]),
        (to(0, -2), ResponseCode::SYSTEM_ERROR, &["'offset' is -2", "0 to 5"][..]),
        (to(9, 0), invalid, &["'queueId' is 9", "0 to 3"][..]),
        (
            ResetOffsetHeader { group: "nobody".into(), ..header() },
            ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST,
            &["'nobody' does not exist"][..],
        ),
        (
            ResetOffsetHeader { topic: "nothing".into(), ..header() },
            ResponseCode::TOPIC_NOT_EXIST,
            &["'nothing' does not exist"][..],
        ),
    ] {
        let code_222 = RequestCode::INVOKE_BROKER_TO_RESET_OFFSET;
        client.ask(code_222, &header, Body::Empty).await.refused(code, parts);
    }
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(5));
    assert!(!node.broker.resets.any());
    node.stop().await;
}

/// What somebody may take for ms.
fn now_us() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_micros())
}

fn pop_header(poll_time: i64) -> PopMessageHeader<'static> {
    PopMessageHeader {
        consumer_group: "poppers".into(),
        topic: "orders".into(),
        queue_id: 0,
        max_msg_nums: 32,
        invisible_time: 600_000,
        poll_time,
        ..PopMessageHeader::default()
    }
}

/// Acknowledges all that a pop of queue 0 gave.
async fn ack_all(client: &Client, popped: &Answer) {
    let field = |name: &str| popped.field(name).unwrap();
    let start = field("startOffsetInfo");
    let start = start.rsplit(' ').next().unwrap();
    for message in popped.messages() {
        let (pop_time, invisible) = (field("popTime"), field("invisibleTime"));
        let (revive, offset) = (field("reviveQid"), message.queue_offset);
        let handle = format!("{start} {pop_time} {invisible} {revive} 0 broker-a 0 {offset}");
        let header = AckMessageHeader {
            consumer_group: "poppers".into(),
            topic: "orders".into(),
            queue_id: 0,
            extra_info: handle.into(),
            offset,
            ..AckMessageHeader::default()
        };
        client.ask(RequestCode::ACK_MESSAGE, &header, Body::Empty).await;
    }
}

async fn popped_all(node: &Node) -> (Client, Answer) {
    let client = node.client().await;
    for number in 0..3 {
        client.send_ok("orders", &number.to_string()).await;
    }
    let popped = client.ask(RequestCode::POP_MESSAGE, &pop_header(0), Body::Empty).await.ok();
    assert_eq!(bodies(&popped.messages()), ["0", "1", "2"]);
    (client, popped)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_popped_before_a_reset_and_is_acknowledged_after_it_comes_again() {
    let node = Node::start();
    let (client, popped) = popped_all(&node).await;
    reset_to(&client, "poppers", 1).await;
    ack_all(&client, &popped).await;
    assert_eq!(node.broker.offsets.committed("poppers", "orders", 0), Some(1));
    let again = client.ask(RequestCode::POP_MESSAGE, &pop_header(0), Body::Empty).await.ok();
    assert_eq!(bodies(&again.messages()), ["1", "2"]);
    assert!(!node.broker.resets.any(), "pops have taken it up");
    ack_all(&client, &again).await;
    assert_eq!(node.broker.offsets.committed("poppers", "orders", 0), Some(3));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_pop_takes_what_a_reset_puts_before_it() {
    let node = Node::start();
    let (client, popped) = popped_all(&node).await;
    ack_all(&client, &popped).await;
    let held = client.ask_later(RequestCode::POP_MESSAGE, &pop_header(20_000));
    until(|| node.broker.pops.wait.len() == 1).await;
    reset_to(&client, "poppers", 2).await;
    assert_eq!(bodies(&held.await.ok().messages()), ["2"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_copied_to_a_group_that_pops_are_not_undone_by_its_acknowledgements() {
    let node = Node::start();
    let (client, popped) = popped_all(&node).await;
    client.pull(&pull("others", 0)).await.ok();
    commit(&client, "others", 1).await;
    let header = CloneGroupOffsetHeader {
        src_group: "others".into(),
        dest_group: "poppers".into(),
        ..CloneGroupOffsetHeader::default()
    };
    client.ask(RequestCode::CLONE_GROUP_OFFSET, &header, Body::Empty).await.ok();
    ack_all(&client, &popped).await;
    assert_eq!(node.broker.offsets.committed("poppers", "orders", 0), Some(1));
    node.stop().await;
}
