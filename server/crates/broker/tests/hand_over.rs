//! Queues change hands over the wire: 14 waits for the last commit of the member before.
mod common;

use common::{Answer, Client, Node, heartbeat_of, pull_header, subscription, until};
use remora_broker::queue_owners::{UNCOMMITTED_MS, UNREAD_MS};
use remora_protocol::body::{ConsumeStats, QueueTrouble};
use remora_protocol::header::{
    GetConsumeStatsHeader, PullMessageHeader, QueryConsumerOffsetHeader, UpdateConsumerOffsetHeader,
};
use remora_protocol::{RequestCode, body};
use remora_remoting::Body;

/// A member of the group "workers".
async fn join(client: &Client, client_id: &str) {
    let beat = heartbeat_of(client_id, subscription("orders"));
    client.ask(RequestCode::HEART_BEAT, &(), body::encode(&beat)).await.ok();
}

async fn pull(client: &Client, queue_offset: i64) -> usize {
    let header = PullMessageHeader {
        consumer_group: "workers".into(),
        sys_flag: 0,
        sub_version: 1_000,
        ..pull_header("orders", queue_offset)
    };
    client.pull(&header).await.ok().messages().len()
}

async fn commit(client: &Client, commit_offset: i64) {
    let header = UpdateConsumerOffsetHeader {
        consumer_group: "workers".into(),
        topic: "orders".into(),
        queue_id: 0,
        commit_offset,
    };
    client.ask(RequestCode::UPDATE_CONSUMER_OFFSET, &header, Body::Empty).await.ok();
}

fn query(client: &Client) -> std::pin::Pin<Box<dyn Future<Output = Answer> + Send>> {
    let header = QueryConsumerOffsetHeader {
        consumer_group: "workers".into(),
        topic: "orders".into(),
        queue_id: 0,
        ..QueryConsumerOffsetHeader::default()
    };
    client.ask_later(RequestCode::QUERY_CONSUMER_OFFSET, &header)
}

async fn offset(client: &Client) -> Option<String> {
    query(client).await.ok().field("offset")
}

/// A node with five messages that member "a" has pulled; two of them are committed.
async fn in_flight() -> (Node, Client) {
    let node = Node::start();
    let a = node.client().await;
    for n in 0..5 {
        a.send_ok("orders", &format!("m{n}")).await;
    }
    join(&a, "a").await;
    assert_eq!(pull(&a, 0).await, 5);
    commit(&a, 2).await;
    (node, a)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_owner_goes_on_where_the_one_before_it_ended() {
    let (node, a) = in_flight().await;
    let b = node.client().await;
    join(&b, "b").await;
    let answer = query(&b);
    until(|| node.broker.hand_overs.waiting_count() == 1).await;
    commit(&a, 5).await;
    assert_eq!(answer.await.ok().field("offset").as_deref(), Some("5"));
    assert_eq!(offset(&b).await.as_deref(), Some("5"), "the second question waits for nothing");
    assert_eq!(node.broker.hand_overs.waiting_count(), 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_member_that_has_left() {
    let (node, a) = in_flight().await;
    let b = node.client().await;
    join(&b, "b").await;
    let answer = query(&b);
    until(|| node.broker.hand_overs.waiting_count() == 1).await;
    a.close().await;
    assert_eq!(answer.await.ok().field("offset").as_deref(), Some("2"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_does_not_wait_for_itself_nor_for_what_was_committed() {
    let (node, a) = in_flight().await;
    let (again, b) = (node.client().await, node.client().await);
    join(&again, "a").await;
    assert_eq!(offset(&a).await.as_deref(), Some("2"), "its own queue");
    assert_eq!(offset(&again).await.as_deref(), Some("2"), "the same client, connected again");
    join(&b, "b").await;
    commit(&a, 3).await;
    assert_eq!(offset(&b).await.as_deref(), Some("3"), "the owner has rebalanced before");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_who_waits() {
    let (node, _a) = in_flight().await;
    let b = node.client().await;
    join(&b, "b").await;
    let answer = query(&b);
    until(|| node.broker.hand_overs.waiting_count() == 1).await;
    let (answer, _) = tokio::join!(answer, node.stop());
    assert_eq!(answer.ok().field("offset").as_deref(), Some("2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_out_anew_when_nobody_pulls_a_queue() {
    let (node, mut a) = in_flight().await;
    let trouble = async |client: &Client| {
        let header = GetConsumeStatsHeader {
            consumer_group: "workers".into(),
            topic: Some("orders".into()),
            ..GetConsumeStatsHeader::default()
        };
        let answer = client.ask(RequestCode::GET_CONSUME_STATS, &header, Body::Empty).await.ok();
        let stats: ConsumeStats = body::decode(&answer.frame.body()).unwrap();
        let queues = stats.offset_table.into_iter();
        let troubled = queues.filter_map(|(queue, at)| Some((queue.queue_id, at.trouble?)));
        troubled.collect::<Vec<_>>()
    };
    let joined = a.next_request().await;
    assert_eq!(joined.view().code, RequestCode::NOTIFY_CONSUMER_IDS_CHANGED.0);
    node.broker.hand_overs.look(&node.broker, 0);
    assert_eq!(trouble(&a).await, []);
    node.broker.hand_overs.look(&node.broker, UNREAD_MS);
    assert_eq!(trouble(&a).await, [(0, QueueTrouble::Unread)]);
    let told = a.next_request().await;
    assert_eq!(told.view().code, RequestCode::NOTIFY_CONSUMER_IDS_CHANGED.0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_pulls_and_never_commits_is_found() {
    let (node, a) = in_flight().await;
    let look = |now_ms| {
        node.broker.hand_overs.look(&node.broker, now_ms);
        let owners = node.broker.hand_overs.owners.lock();
        (owners.unread_count(), owners.uncommitted_count())
    };
    assert_eq!(look(0), (0, 0));
    a.pull(&PullMessageHeader { consumer_group: "workers".into(), ..pull_header("orders", 5) })
        .await;
    assert_eq!(look(UNCOMMITTED_MS), (0, 1));
    commit(&a, 5).await;
    assert_eq!(look(UNCOMMITTED_MS + 1), (0, 0));
    node.stop().await;
}
