//! Queue locks over the wire: 41, 42, and what ends a lock.
mod common;

use std::collections::BTreeSet;

use common::{Client, Node, heartbeat_of, subscription, until};
use remora_protocol::body::{self, LockBatchRequest, LockBatchResponse, MessageQueue};
use remora_protocol::header::{UnregisterClientHeader, UpdateConsumerOffsetHeader};
use remora_protocol::{RequestCode, ResponseCode};
use remora_remoting::Body;

async fn join(client: &Client, client_id: &str) {
    let beat = heartbeat_of(client_id, subscription("orders"));
    client.ask(RequestCode::HEART_BEAT, &(), body::encode(&beat)).await.ok();
}

fn request(client_id: &str, queues: &[i32]) -> LockBatchRequest {
    let queue = |queue_id: &i32| MessageQueue {
        topic: "orders".into(),
        broker_name: "broker-a".into(),
        queue_id: *queue_id,
    };
    LockBatchRequest {
        client_id: client_id.into(),
        consumer_group: "workers".into(),
        mq_set: queues.iter().map(queue).collect(),
        only_this_broker: false,
    }
}

async fn lock(client: &Client, client_id: &str, queues: &[i32]) -> Vec<i32> {
    let body = body::encode(&request(client_id, queues));
    let answer = client.ask(RequestCode::LOCK_BATCH_MQ, &(), body).await.ok();
    let locked: LockBatchResponse = body::decode(&answer.frame.body()).unwrap();
    let ids: BTreeSet<i32> = locked.lock_ok_mq_set.iter().map(|queue| queue.queue_id).collect();
    ids.into_iter().collect()
}

/// As clients that stop do.
async fn unlock(client: &Client, client_id: &str, queues: &[i32]) {
    let body = body::encode(&request(client_id, queues));
    client.ask(RequestCode::UNLOCK_BATCH_MQ, &(), body).await.ok();
}

async fn commit(client: &Client, queue_id: i32, commit_offset: i64) -> common::Answer {
    let header = UpdateConsumerOffsetHeader {
        consumer_group: "workers".into(),
        topic: "orders".into(),
        queue_id,
        commit_offset,
    };
    client.ask(RequestCode::UPDATE_CONSUMER_OFFSET, &header, Body::Empty).await
}

const NONE: [i32; 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn one_client_at_a_time_holds_a_queue_that_exists() {
    let node = Node::start();
    let (mut a, b) = (node.client().await, node.client().await);
    a.send_ok("orders", "makes the topic, of 4 queues").await;
    assert_eq!(lock(&a, "a", &[0, 1, 2]).await, [0, 1, 2]);
    assert_eq!(lock(&b, "b", &[2, 3, 4, -1]).await, [3], "one is a's, two are nowhere");
    join(&a, "a").await;
    assert_eq!(a.next_request().await.view().code, RequestCode::NOTIFY_CONSUMER_IDS_CHANGED.0);
    unlock(&a, "a", &[2]).await;
    // Somebody waited for it: the group is told.
    assert_eq!(a.next_request().await.view().code, RequestCode::NOTIFY_CONSUMER_IDS_CHANGED.0);
    assert_eq!(lock(&b, "b", &[0, 2]).await, [2]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_end_with_the_connection_and_with_the_membership() {
    let node = Node::start();
    let (a, b) = (node.client().await, node.client().await);
    a.send_ok("orders", "makes the topic").await;
    assert_eq!(lock(&a, "a", &[0, 1]).await, [0, 1]);
    assert_eq!(lock(&b, "b", &[0, 1]).await, NONE);
    a.close().await;
    until(|| node.broker.queue_locks.lock().is_empty()).await;
    assert_eq!(lock(&b, "b", &[0, 1]).await, [0, 1]);
    let c = node.client().await;
    // Java's consumer gives all back before it stores its offsets and leaves.
    unlock(&b, "b", &[0, 1]).await;
    assert_eq!(lock(&c, "c", &[0]).await, NONE);
    let leave = UnregisterClientHeader {
        client_id: "b".into(),
        consumer_group: Some("workers".into()),
        ..UnregisterClientHeader::default()
    };
    b.ask(RequestCode::UNREGISTER_CLIENT, &leave, Body::Empty).await.ok();
    assert_eq!(lock(&c, "c", &[0]).await, [0]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_by_the_member_before_does_not_take_the_locks_holder_back() {
    let node = Node::start();
    let (a, b, admin) = (node.client().await, node.client().await, node.client().await);
    a.send_ok("orders", "makes the topic").await;
    join(&a, "a").await;
    join(&b, "b").await;
    assert_eq!(lock(&a, "a", &[0]).await, [0]);
    commit(&a, 0, 7).await.ok();
    let refusal = commit(&b, 0, 3).await;
    let words = ["offset 3 is not stored", "queue 0", "'orders'", "locked by client 'a'", "'b'"];
    refusal.refused(ResponseCode::SYSTEM_ERROR, &words);
    commit(&b, 1, 4).await.ok();
    let committed = |queue| node.broker.offsets.committed("workers", "orders", queue);
    assert_eq!((committed(0), committed(1)), (Some(7), Some(4)));
    // No member: an administrator may.
    commit(&admin, 0, 5).await.ok();
    assert_eq!(committed(0), Some(5));
    a.close().await;
    until(|| node.broker.queue_locks.lock().is_empty()).await;
    commit(&b, 0, 3).await.ok();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_without_a_group_or_a_client_is_refused() {
    let node = Node::start();
    let client = node.client().await;
    let code = ResponseCode::MESSAGE_ILLEGAL;
    for (wrong, field) in [
        (LockBatchRequest { client_id: String::new(), ..request("a", &[0]) }, "'clientId'"),
        (
            LockBatchRequest { consumer_group: String::new(), ..request("a", &[0]) },
            "'consumerGroup'",
        ),
    ] {
        for request in [RequestCode::LOCK_BATCH_MQ, RequestCode::UNLOCK_BATCH_MQ] {
            client.ask(request, &(), body::encode(&wrong)).await.refused(code, &[field]);
        }
    }
    let nonsense = client.ask(RequestCode::LOCK_BATCH_MQ, &(), b"{".to_vec()).await;
    nonsense.refused(ResponseCode::SYSTEM_ERROR, &["queue lock"]);
    node.stop().await;
}
