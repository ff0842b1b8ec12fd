//! Resets of offsets, and how the consumers of the group come to follow them.
mod common;

use common::{Client, Node, SUSPEND, bodies, heartbeat_of, pull_header, subscription, until};
use remora_protocol::header::{PullMessageHeader, ResetOffsetHeader, UpdateConsumerOffsetHeader};
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
async fn reset_to_a_time_that_is_none_is_refused() {
    let node = Node::start();
    let client = consumed(&node, "consumers").await;
    let header = ResetOffsetHeader {
        group: "consumers".into(),
        topic: "orders".into(),
        timestamp: -2,
        is_force: true,
        ..ResetOffsetHeader::default()
    };
    client
        .ask(RequestCode::INVOKE_BROKER_TO_RESET_OFFSET, &header, Body::Empty)
        .await
        .refused(ResponseCode::INVALID_PARAMETER, &["'timestamp' is -2", "-1 for the end"]);
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(5));
    node.stop().await;
}
