//! What is wrong is refused by field, value and limit, and the next request is served.
mod common;

use common::{Client, Node, bodies, pull_header, send_header};
use remora_protocol::header::{PullMessageHeader, SendMessageHeader, SendMessageV2};
use remora_protocol::{RequestCode, ResponseCode, Text};
use remora_remoting::Body;
use remora_store::meta_log::Durability;

/// The connection is still good.
async fn still_served(client: &Client) {
    client.send_ok("orders", "fine").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn illegal_names_are_refused_with_the_limit() {
    let node = Node::start();
    let client = node.client().await;
    let illegal = ResponseCode::MESSAGE_ILLEGAL;
    let long = "t".repeat(128);
    for (topic, parts) in [
        ("", &["topic", "blank"][..]),
        ("a.b", &["topic", "'a.b'", "'.'"][..]),
        (long.as_str(), &["topic", "128", "127"][..]),
    ] {
        client.send(&send_header(topic), "x").await.refused(illegal, parts);
    }
    still_served(&client).await;
    let long = "g".repeat(121);
    for (group, parts) in [
        ("", &["producerGroup", "blank"][..]),
        (long.as_str(), &["producerGroup", "121", "120"][..]),
    ] {
        let header = SendMessageHeader { producer_group: group.into(), ..send_header("orders") };
        client.send(&header, "x").await.refused(illegal, parts);
    }
    still_served(&client).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_properties_past_their_limits_are_refused_with_the_figures() {
    let node = Node::start_with(|settings| settings.max_message_bytes = 1000);
    let client = node.client().await;
    still_served(&client).await;
    let illegal = ResponseCode::MESSAGE_ILLEGAL;
    let answer = client.send(&send_header("orders"), &"x".repeat(1001)).await;
    answer.refused(illegal, &["body", "1001", "1000", "maxMessageSize"]);
    client.send(&send_header("orders"), &"x".repeat(1000)).await.ok();

    let long = format!("a\u{1}{}\u{2}", "v".repeat(32_767));
    let header = SendMessageHeader { properties: Text::plain(&long), ..send_header("orders") };
    client.send(&header, "x").await.refused(illegal, &["properties", "327", "32767"]);
    still_served(&client).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn record_too_large_for_a_file_does_not_take_its_neighbours_along() {
    let node = Node::start_with(|settings| settings.commit_log_segment_bytes = 64 << 10);
    let client = node.client().await;
    still_served(&client).await;
    let header = send_header("orders");
    let pending = ["small".into(), "x".repeat(65 << 10), "last".into()].map(|body: String| {
        let code = RequestCode::SEND_MESSAGE_V2;
        let body = Body::from(body.into_bytes());
        client.conn.send(code, &SendMessageV2(&header), body, common::PATIENCE).unwrap()
    });
    let mut codes = Vec::new();
    for answer in pending {
        let answer = common::answer(answer.await.unwrap());
        if answer.code != ResponseCode::SUCCESS {
            answer.refused(ResponseCode::MESSAGE_ILLEGAL, &["record", "65528", "CommitLog"]);
        }
        codes.push(answer.code.0);
    }
    assert_eq!(codes, [0, 13, 0]);
    let messages = client.pull(&pull_header("orders", 0)).await.ok().messages();
    assert_eq!(bodies(&messages), ["fine", "small", "last"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_that_does_not_exist_is_an_invalid_parameter() {
    let node = Node::start();
    let client = node.client().await;
    still_served(&client).await;
    let wrong = ResponseCode::INVALID_PARAMETER;
    let header = SendMessageHeader { queue_id: 4, ..send_header("orders") };
    client.send(&header, "x").await.refused(wrong, &["queueId", "4", "'orders'", "0 to 3"]);
    for queue_id in [-1, 4] {
        let header = PullMessageHeader { queue_id, ..pull_header("orders", 0) };
        client.pull(&header).await.refused(wrong, &["queueId", &queue_id.to_string(), "'orders'"]);
    }
    still_served(&client).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_of_the_broker_and_closed_topics_take_no_messages() {
    let node = Node::start();
    let client = node.client().await;
    let denied = ResponseCode::NO_PERMISSION;
    for topic in ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "TRANS_CHECK_MAX_TIME_TOPIC"] {
        client.send(&send_header(topic), "x").await.refused(denied, &[topic]);
    }
    still_served(&client).await;
    let mut config = node.broker.topics.find("orders").unwrap().config.clone();
    config.perm = 4;
    node.broker.topics.put(vec![config.clone()], Durability::Disk).unwrap();
    let answer = client.send(&send_header("orders"), "x").await;
    answer.refused(denied, &["'orders'", "perm is 4", "bit 2"]);
    config.perm = 2;
    node.broker.topics.put(vec![config], Durability::Disk).unwrap();
    let answer = client.pull(&pull_header("orders", 0)).await;
    answer.refused(denied, &["'orders'", "perm is 2", "bit 4"]);
    still_served(&client).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_topic_says_how_to_get_it() {
    let node = Node::start_with(|settings| settings.auto_create_topic = false);
    let client = node.client().await;
    let missing = ResponseCode::TOPIC_NOT_EXIST;
    let answer = client.send(&send_header("orders"), "x").await;
    answer.refused(missing, &["'orders'", "updateTopic", "autoCreateTopicEnable"]);
    let answer = client.pull(&pull_header("orders", 0)).await;
    answer.refused(missing, &["'orders'", "updateTopic"]);
    let header =
        SendMessageHeader { default_topic: "SELF_TEST_TOPIC".into(), ..send_header("orders") };
    client.send(&header, "x").await.refused(missing, &["'orders'", "'SELF_TEST_TOPIC'"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delays_that_are_none_are_refused() {
    let node = Node::start();
    let client = node.client().await;
    let properties = Text::plain("DELAY\u{1}soon\u{2}");
    let header = SendMessageHeader { properties, ..send_header("orders") };
    let answer = client.send(&header, "x").await;
    answer.refused(ResponseCode::MESSAGE_ILLEGAL, &["DELAY", "soon", "number"]);
    still_served(&client).await;
    assert_eq!(bodies(&client.pull(&pull_header("orders", 0)).await.ok().messages()), ["fine"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_batches_store_nothing() {
    let node = Node::start();
    let client = node.client().await;
    still_served(&client).await;
    let header = SendMessageHeader { batch: Some(true), ..send_header("orders") };
    let code = RequestCode::SEND_BATCH_MESSAGE;
    let illegal = ResponseCode::MESSAGE_ILLEGAL;
    for (body, part) in [(vec![], "no message"), (vec![0; 7], "byte 0"), (vec![0xff; 40], "byte 0")]
    {
        let answer = client.ask(code, &SendMessageV2(&header), body).await;
        answer.refused(illegal, &["batch", part]);
    }
    let retry = SendMessageHeader { batch: Some(true), ..send_header("%RETRY%workers") };
    let answer = client.ask(code, &SendMessageV2(&retry), vec![0; 22]).await;
    answer.refused(illegal, &["%RETRY%workers", "retry topic"]);
    assert_eq!(bodies(&client.pull(&pull_header("orders", 0)).await.ok().messages()), ["fine"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_codes_and_missing_fields_are_named() {
    let node = Node::start();
    let client = node.client().await;
    let answer = client.ask(RequestCode(9999), &(), Body::Empty).await;
    answer.refused(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, &["9999"]);
    let fields: &[(&str, &str)] = &[("topic", "orders"), ("queueId", "0")];
    let answer = client.ask(RequestCode::PULL_MESSAGE, fields, Body::Empty).await;
    assert_ne!(answer.code, ResponseCode::SUCCESS);
    assert!(answer.remark.contains("consumerGroup"), "{}", answer.remark);
    let answer = client.ask(RequestCode::HEART_BEAT, &(), b"not json".to_vec()).await;
    answer.refused(ResponseCode::SYSTEM_ERROR, &["heartbeat"]);
    still_served(&client).await;
    node.stop().await;
}
