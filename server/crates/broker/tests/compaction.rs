//! Compaction topics: what pulls of them find.
mod common;

use common::{Answer, Client, Node, bodies, pull_header, send_header};
use remora_protocol::header::SendMessageHeader;
use remora_protocol::{ResponseCode, Text};

async fn compacted(client: &Client, lag_ms: &str) -> Answer {
    let attributes = format!("+cleanup.policy=COMPACTION,+remora.compaction.lag.ms={lag_ms}");
    client.topic_with("state", 1, &attributes).await
}

async fn put(client: &Client, key: &str, body: &str) {
    let properties = format!("KEYS\x01{key}\x02");
    let header = SendMessageHeader { properties: Text::plain(&properties), ..send_header("state") };
    client.send(&header, body).await.ok();
}

/// All that is there from an offset on.
async fn pulled(client: &Client, from: i64) -> Vec<String> {
    let mut found = Vec::new();
    let mut queue_offset = from;
    loop {
        let answer = client.pull(&pull_header("state", queue_offset)).await;
        queue_offset = answer.pull_reply().next_begin_offset;
        match answer.code {
            ResponseCode::SUCCESS => {
                found.extend(bodies(&answer.messages()).into_iter().map(str::to_owned));
            }
            ResponseCode::PULL_RETRY_IMMEDIATELY => {}
            code => {
                assert_eq!(code, ResponseCode::PULL_NOT_FOUND, "{}", answer.remark);
                return found;
            }
        }
    }
}

#[tokio::test]
async fn a_pull_leaves_out_what_a_later_message_of_the_key_replaced_also_after_a_restart() {
    let node = Node::start();
    let client = node.client().await;
    compacted(&client, "0").await.ok();
    for (key, body) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("c", "c1"), ("b", "b2")] {
        put(&client, key, body).await;
    }
    assert_eq!(pulled(&client, 0).await, ["a2", "c1", "b2"]);
    assert_eq!(pulled(&client, 3).await, ["c1", "b2"]);
    put(&client, "c", "c2").await;
    put(&client, "a", "").await;
    assert_eq!(pulled(&client, 0).await, ["b2", "c2"]);

    let node = Node::start_in(node.stop().await, |_| ());
    let client = node.client().await;
    assert_eq!(pulled(&client, 0).await, ["b2", "c2"]);
}

#[tokio::test]
async fn what_was_replaced_lately_is_still_given() {
    let node = Node::start();
    let client = node.client().await;
    compacted(&client, "3600000").await.ok();
    put(&client, "a", "a1").await;
    put(&client, "a", "a2").await;
    assert_eq!(pulled(&client, 0).await, ["a1", "a2"]);
    compacted(&client, "0").await.ok();
    assert_eq!(pulled(&client, 0).await, ["a2"]);
}

#[tokio::test]
async fn more_messages_than_one_look_takes_are_compacted_before_the_first_is_given() {
    let node = Node::start();
    let client = node.client().await;
    compacted(&client, "0").await.ok();
    let sends = (0..2_500).map(|number| {
        let client = &client;
        async move { put(client, &format!("key-{}", number % 2), &number.to_string()).await }
    });
    for send in sends {
        send.await;
    }
    assert_eq!(pulled(&client, 0).await, ["2498", "2499"]);
}

#[tokio::test]
async fn a_message_without_keys_is_refused() {
    let node = Node::start();
    let client = node.client().await;
    compacted(&client, "0").await.ok();
    let header = SendMessageHeader { properties: Text::plain(""), ..send_header("state") };
    let refused = client.send(&header, "body").await;
    refused.refused(ResponseCode::MESSAGE_ILLEGAL, &["topic 'state'", "KEYS"]);
    assert_eq!(pulled(&client, 0).await, Vec::<String>::new());
}
