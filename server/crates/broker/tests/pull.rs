//! Pulls: what is there, what is not, and waiting for it.
mod common;

use common::{Client, Node, SUSPEND, bodies, pull_header, send_header, until};
use remora_protocol::header::{PullMessageHeader, SendMessageHeader};
use remora_protocol::{RequestCode, ResponseCode, Text};

async fn send_tagged(client: &Client, topic: &str, tag: &str, body: &str) {
    let properties = format!("TAGS\u{1}{tag}\u{2}");
    let header = SendMessageHeader { properties: Text::plain(&properties), ..send_header(topic) };
    client.send(&header, body).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_tells_the_queues_bounds_and_where_to_go_on() {
    let node = Node::start();
    let client = node.client().await;
    for number in 0..5 {
        client.send_ok("orders", &number.to_string()).await;
    }
    let header = PullMessageHeader { max_msg_nums: 2, ..pull_header("orders", 1) };
    let answer = client.pull(&header).await.ok();
    assert_eq!(bodies(&answer.messages()), ["1", "2"]);
    let reply = answer.pull_reply();
    assert_eq!(
        (
            reply.next_begin_offset,
            reply.min_offset,
            reply.max_offset,
            reply.suggest_which_broker_id
        ),
        (3, 0, 5, 0)
    );
    let lite = client.ask(RequestCode::LITE_PULL_MESSAGE, &header, remora_remoting::Body::Empty);
    assert_eq!(bodies(&lite.await.ok().messages()), ["1", "2"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reply_stays_within_bytes_but_always_holds_one_message() {
    let node = Node::start();
    let client = node.client().await;
    let body = "x".repeat(1000);
    for _ in 0..4 {
        client.send_ok("orders", &body).await;
    }
    let asked =
        |bytes| PullMessageHeader { max_msg_bytes: Some(bytes), ..pull_header("orders", 0) };
    assert_eq!(client.pull(&asked(1)).await.ok().messages().len(), 1);
    assert_eq!(client.pull(&asked(2500)).await.ok().messages().len(), 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_outside_the_queue_are_moved_into_it() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "only").await;
    let told = async |queue_offset| {
        let answer = client.pull(&pull_header("orders", queue_offset)).await;
        (answer.code, answer.pull_reply().next_begin_offset)
    };
    assert_eq!(told(1).await, (ResponseCode::PULL_NOT_FOUND, 1));
    assert_eq!(told(99).await, (ResponseCode::PULL_OFFSET_MOVED, 1));
    assert_eq!(told(-1).await, (ResponseCode::PULL_OFFSET_MOVED, 0));
    let empty =
        |queue_offset| PullMessageHeader { queue_id: 3, ..pull_header("orders", queue_offset) };
    assert_eq!(client.pull(&empty(0)).await.code, ResponseCode::PULL_NOT_FOUND);
    assert_eq!(client.pull(&empty(7)).await.code, ResponseCode::PULL_OFFSET_MOVED);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_at_tail_waits_and_wakes_on_append() {
    for flush in [remora_config::FlushDisk::Async, remora_config::FlushDisk::Sync] {
        let node = Node::start_with(|settings| settings.flush = flush);
        let client = node.client().await;
        client.send_ok("orders", "first").await;
        let header = PullMessageHeader {
            sys_flag: SUSPEND,
            suspend_timeout_millis: 15_000,
            ..pull_header("orders", 1)
        };
        let held = client.ask_later(RequestCode::PULL_MESSAGE, &header);
        until(|| node.broker.hold.len() == 1).await;
        let elsewhere = SendMessageHeader { queue_id: 1, ..send_header("orders") };
        client.send(&elsewhere, "another queue").await.ok();
        assert_eq!(node.broker.hold.len(), 1);
        client.send_ok("orders", "second").await;
        let answer = held.await.ok();
        assert_eq!(bodies(&answer.messages()), ["second"]);
        assert_eq!(node.broker.hold.len(), 0);
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn held_pull_expires_with_not_found() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "first").await;
    let header = PullMessageHeader {
        sys_flag: SUSPEND,
        suspend_timeout_millis: 30,
        ..pull_header("orders", 1)
    };
    let answer = client.pull(&header).await;
    assert_eq!(answer.code, ResponseCode::PULL_NOT_FOUND);
    assert_eq!(answer.pull_reply().next_begin_offset, 1);
    assert_eq!(node.broker.hold.len(), 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filtered_pull_stays_held_until_its_tag_arrives() {
    let node = Node::start();
    let client = node.client().await;
    send_tagged(&client, "orders", "TagA", "a").await;
    let header = PullMessageHeader {
        sys_flag: SUSPEND,
        suspend_timeout_millis: 15_000,
        subscription: Some("TagB || TagC".into()),
        ..pull_header("orders", 1)
    };
    let held = client.ask_later(RequestCode::PULL_MESSAGE, &header);
    until(|| node.broker.hold.len() == 1).await;
    send_tagged(&client, "orders", "TagA", "a2").await;
    assert_eq!(node.broker.hold.len(), 1);
    send_tagged(&client, "orders", "TagC", "c").await;
    assert_eq!(bodies(&held.await.ok().messages()), ["c"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tag_filter_gives_only_its_tags_and_skips_the_rest() {
    let node = Node::start();
    let client = node.client().await;
    for (tag, body) in [("TagA", "a1"), ("TagB", "b1"), ("TagA", "a2"), ("TagC", "c1")] {
        send_tagged(&client, "orders", tag, body).await;
    }
    let only = |tags: &'static str| PullMessageHeader {
        subscription: Some(tags.into()),
        ..pull_header("orders", 0)
    };
    let answer = client.pull(&only("TagA || TagC")).await.ok();
    assert_eq!(bodies(&answer.messages()), ["a1", "a2", "c1"]);
    let none = client.pull(&only("TagZ")).await;
    assert_eq!(none.code, ResponseCode::PULL_RETRY_IMMEDIATELY);
    assert_eq!(none.pull_reply().next_begin_offset, 4);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_flag_commits_before_reading_and_only_once() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "first").await;
    let header = PullMessageHeader {
        sys_flag: SUSPEND | 1,
        commit_offset: 1,
        suspend_timeout_millis: 15_000,
        ..pull_header("orders", 1)
    };
    let held = client.ask_later(RequestCode::PULL_MESSAGE, &header);
    until(|| node.broker.hold.len() == 1).await;
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(1));
    node.broker.offsets.commit("consumers", "orders", 0, 5);
    client.send_ok("orders", "second").await;
    held.await.ok();
    assert_eq!(node.broker.offsets.committed("consumers", "orders", 0), Some(5));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_hold_is_busy_and_says_so() {
    let node = Node::start_with(|settings| settings.parked_pulls_max = 1);
    let client = node.client().await;
    client.send_ok("orders", "first").await;
    let header = PullMessageHeader {
        sys_flag: SUSPEND,
        suspend_timeout_millis: 15_000,
        ..pull_header("orders", 1)
    };
    let held = client.ask_later(RequestCode::PULL_MESSAGE, &header);
    until(|| node.broker.hold.len() == 1).await;
    let refused = client.pull(&header).await;
    refused.refused(ResponseCode::SYSTEM_BUSY, &["held pulls are 1", "limit is 1"]);
    client.send_ok("orders", "second").await;
    held.await.ok();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_connection_leaves_no_held_pull() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "first").await;
    let header = PullMessageHeader {
        sys_flag: SUSPEND,
        suspend_timeout_millis: 15_000,
        ..pull_header("orders", 1)
    };
    let held = client.ask_later(RequestCode::PULL_MESSAGE, &header);
    until(|| node.broker.hold.len() == 1).await;
    drop(held);
    client.close().await;
    until(|| node.broker.hold.is_empty()).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_answers_held_pulls() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "first").await;
    let header = PullMessageHeader {
        sys_flag: SUSPEND,
        suspend_timeout_millis: 15_000,
        ..pull_header("orders", 1)
    };
    let held = client.ask_later(RequestCode::PULL_MESSAGE, &header);
    until(|| node.broker.hold.len() == 1).await;
    node.broker.stop().await;
    assert_eq!(held.await.code, ResponseCode::PULL_NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn held_pulls_of_many_groups_all_get_the_message() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "first").await;
    let mut held = Vec::new();
    for number in 0..200 {
        let group = format!("group-{number}");
        let header = PullMessageHeader {
            consumer_group: group.as_str().into(),
            sys_flag: SUSPEND,
            suspend_timeout_millis: 15_000,
            ..pull_header("orders", 1)
        };
        held.push(client.ask_later(RequestCode::PULL_MESSAGE, &header));
    }
    until(|| node.broker.hold.len() == 200).await;
    client.send_ok("orders", "second").await;
    for pull in held {
        assert_eq!(bodies(&pull.await.ok().messages()), ["second"]);
    }
    assert_eq!((node.broker.hold.len(), client.unexpected_answers()), (0, 0));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer_at_the_tail_gets_every_message_once_in_order() {
    for flush in [remora_config::FlushDisk::Async, remora_config::FlushDisk::Sync] {
        let node = Node::start_with(|settings| settings.flush = flush);
        let (producer, consumer) = (node.client().await, node.client().await);
        producer.send_ok("orders", "0").await;
        let sending = tokio::spawn(async move {
            for number in 1..500 {
                producer.send_ok("orders", &number.to_string()).await;
            }
        });
        let mut seen = Vec::new();
        while seen.len() < 500 {
            let header = PullMessageHeader {
                sys_flag: SUSPEND,
                suspend_timeout_millis: 15_000,
                ..pull_header("orders", i64::try_from(seen.len()).unwrap())
            };
            let messages = consumer.pull(&header).await.ok().messages();
            seen.extend(messages.into_iter().map(|message| message.body));
        }
        sending.await.unwrap();
        let expected: Vec<String> = (0..500).map(|number: i32| number.to_string()).collect();
        assert_eq!(seen, expected);
        node.stop().await;
    }
}

/// Parks pulls that end by an arrival, by their deadline, with their connection or at the stop,
/// all at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn every_held_pull_is_answered_once_whatever_ends_it() {
    let node = Node::start();
    let producer = node.client().await;
    producer.send_ok("orders", "first").await;
    let sending = tokio::spawn(async move {
        for number in 0..300 {
            let queue_id = number % 4;
            producer.send(&SendMessageHeader { queue_id, ..send_header("orders") }, "x").await.ok();
        }
        producer
    });
    let mut consumers = Vec::new();
    for _ in 0..4 {
        let (staying, leaving) = (node.client().await, node.client().await);
        let mut asked = Vec::new();
        for number in 0..200 {
            let header = PullMessageHeader {
                sys_flag: SUSPEND,
                queue_id: number % 4,
                suspend_timeout_millis: [1, 20, 15_000][usize::try_from(number % 3).unwrap()],
                ..pull_header("orders", i64::from(number) / 4)
            };
            asked.push(staying.ask_later(RequestCode::PULL_MESSAGE, &header));
            drop(leaving.ask_later(RequestCode::PULL_MESSAGE, &header));
        }
        leaving.close().await;
        consumers.push((staying, asked));
    }
    let producer = sending.await.unwrap();
    node.broker.stop().await;
    for (consumer, asked) in consumers {
        for answer in asked {
            let code = answer.await.code;
            let legal = [
                ResponseCode::SUCCESS,
                ResponseCode::PULL_NOT_FOUND,
                ResponseCode::PULL_OFFSET_MOVED,
            ];
            assert!(legal.contains(&code), "{code:?}");
        }
        assert_eq!(consumer.unexpected_answers(), 0);
    }
    assert_eq!((node.broker.hold.len(), producer.unexpected_answers()), (0, 0));
    assert_eq!(node.dropped_calls(), 0);
}
