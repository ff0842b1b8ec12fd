//! SQL92 filters: which messages pass, what wakes a held pull, what is said of a bad expression.
mod common;

use common::{
    Client, Node, SUSPEND, bodies, heartbeat_of, pull_header, send_header, subscription, until,
};
use remora_protocol::body::{self, CheckClientRequest, SubscriptionData};
use remora_protocol::header::{PullMessageHeader, SendMessageHeader};
use remora_protocol::{RequestCode, ResponseCode, Text};

async fn send_order(client: &Client, price: &str, region: &str, body: &str) {
    let properties = format!("price\u{1}{price}\u{2}region\u{1}{region}\u{2}");
    let properties = Text::plain(&properties);
    let header = SendMessageHeader { properties, ..send_header("orders") };
    client.send(&header, body).await.ok();
}

fn sql<'h>(expression: &'h str, queue_offset: i64) -> PullMessageHeader<'h> {
    PullMessageHeader {
        subscription: Some(expression.into()),
        expression_type: Some("SQL92".into()),
        ..pull_header("orders", queue_offset)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_messages_that_the_condition_is_true_of_are_given() {
    let node = Node::start();
    let client = node.client().await;
    for (price, region, body) in
        [("5", "eu", "0"), ("15", "us", "1"), ("25", "eu", "2"), ("none", "eu", "3")]
    {
        send_order(&client, price, region, body).await;
    }
    client.send_ok("orders", "4").await;
    let answer = client.pull(&sql("price > 10 AND region IN ('eu', 'asia')", 0)).await.ok();
    assert_eq!(bodies(&answer.messages()), ["2"]);
    assert_eq!(answer.pull_reply().next_begin_offset, 5, "the others are passed over");
    let answer = client.pull(&sql("region IS NULL OR region = 'us'", 0)).await.ok();
    assert_eq!(bodies(&answer.messages()), ["1", "4"]);
    let none = client.pull(&sql("price > 1000", 1)).await;
    assert_eq!(none.code, ResponseCode::PULL_RETRY_IMMEDIATELY);
    assert_eq!(none.pull_reply().next_begin_offset, 5);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_pull_stays_held_until_a_message_passes() {
    let node = Node::start();
    let client = node.client().await;
    send_order(&client, "1", "eu", "0").await;
    let header = PullMessageHeader {
        sys_flag: SUSPEND,
        suspend_timeout_millis: 15_000,
        ..sql("price > 10", 1)
    };
    let held = client.ask_later(RequestCode::PULL_MESSAGE, &header);
    until(|| node.broker.hold.len() == 1).await;
    for body in ["1", "2", "3"] {
        send_order(&client, "2", "eu", body).await;
    }
    send_order(&client, "20", "eu", "4").await;
    let answer = held.await.ok();
    assert_eq!(bodies(&answer.messages()), ["4"]);
    assert_eq!(answer.pull_reply().next_begin_offset, 5);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_pull_whose_time_is_over_goes_on_behind_what_did_not_pass() {
    let node = Node::start();
    let client = node.client().await;
    send_order(&client, "1", "eu", "0").await;
    let header = PullMessageHeader {
        sys_flag: SUSPEND,
        suspend_timeout_millis: 300,
        ..sql("price > 10", 1)
    };
    let held = client.ask_later(RequestCode::PULL_MESSAGE, &header);
    until(|| node.broker.hold.len() == 1).await;
    send_order(&client, "2", "eu", "1").await;
    let answer = held.await;
    assert_ne!(answer.code, ResponseCode::SUCCESS);
    assert_eq!(answer.pull_reply().next_begin_offset, 2);
    assert_eq!(node.broker.hold.len(), 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscription_of_a_heartbeat_is_compiled_or_its_error_told_to_every_pull() {
    let node = Node::start();
    let client = node.client().await;
    send_order(&client, "5", "eu", "0").await;
    send_order(&client, "50", "eu", "1").await;
    let header = PullMessageHeader {
        consumer_group: "workers".into(),
        sys_flag: 0,
        subscription: None,
        ..pull_header("orders", 0)
    };
    for (version, expression) in [(1, "price >"), (2, "price > 10")] {
        let condition = SubscriptionData {
            sub_string: expression.into(),
            expression_type: Some("SQL92".into()),
            sub_version: version,
            ..subscription("orders")
        };
        let beat = heartbeat_of("a@1", condition);
        client.ask(RequestCode::HEART_BEAT, &(), body::encode(&beat)).await.ok();
        let answer = client.pull(&header).await;
        if version == 1 {
            let code = ResponseCode::SUBSCRIPTION_PARSE_FAILED;
            answer.refused(code, &["ends too early", "is expected"]);
        } else {
            assert_eq!(bodies(&answer.ok().messages()), ["1"]);
        }
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_expressions_are_refused_with_their_place() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    let code = ResponseCode::SUBSCRIPTION_PARSE_FAILED;
    client.pull(&sql("price == 3", 0)).await.refused(code, &["character 7", "write = for equal"]);
    client.pull(&sql("price > = 3", 0)).await.refused(code, &["character 9", "'= 3'"]);
    let other = PullMessageHeader { expression_type: Some("XPATH".into()), ..sql("//a", 0) };
    client.pull(&other).await.refused(code, &["'XPATH'", "SQL92"]);
    for (expression_type, expression, parts) in [
        ("SQL92", "price > = 3", &["character 9", "'= 3'"][..]),
        ("TAG", "||", &["'||'"]),
        ("XPATH", "//a", &["'XPATH'"]),
    ] {
        check(&client, expression_type, expression).await.refused(code, parts);
    }
    check(&client, "SQL92", "price > 3").await.ok();
    check(&client, "TAG", "TagA || TagB").await.ok();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_refused_where_property_filters_are_off() {
    let node = Node::start_with(|settings| settings.enable_property_filter = false);
    let client = node.client().await;
    client.send_ok("orders", "x").await;
    let not_enabled = ["SQL92", "property filter not enabled"];
    let code = ResponseCode::SYSTEM_ERROR;
    client.pull(&sql("a > 1", 0)).await.refused(code, &not_enabled);
    check(&client, "SQL92", "a > 1").await.refused(code, &not_enabled);
    check(&client, "TAG", "TagA || TagB").await.ok();
    node.stop().await;
}

fn wants(tag: &str, sub_version: i64) -> SubscriptionData {
    SubscriptionData { sub_string: tag.into(), sub_version, ..subscription("orders") }
}

async fn beat(client: &Client, subscription: SubscriptionData) {
    let beat = body::encode(&heartbeat_of("a@1", subscription));
    client.ask(RequestCode::HEART_BEAT, &(), beat).await.ok();
}

/// A pull held with the subscription before would pass over what the new one asks for, and give
/// what it does not.
#[tokio::test(flavor = "multi_thread")]
async fn held_pull_is_given_back_when_its_group_subscribes_to_something_else() {
    let node = Node::start();
    let client = node.client().await;
    client.send_ok("orders", "0").await;
    beat(&client, wants("TagB", 1_000)).await;
    let held = PullMessageHeader {
        consumer_group: "workers".into(),
        sys_flag: 2,
        suspend_timeout_millis: 15_000,
        subscription: None,
        ..pull_header("orders", 1)
    };
    let other = PullMessageHeader {
        consumer_group: "others".into(),
        sys_flag: SUSPEND,
        subscription: Some("TagB".into()),
        ..held.clone()
    };
    let _other = client.ask_later(RequestCode::PULL_MESSAGE, &other);
    let before = client.ask_later(RequestCode::PULL_MESSAGE, &held);
    until(|| node.broker.hold.len() == 2).await;
    for tag in ["TagA", "TagC"] {
        let properties = format!("TAGS\u{1}{tag}\u{2}");
        let header =
            SendMessageHeader { properties: Text::plain(&properties), ..send_header("orders") };
        client.send(&header, tag).await.ok();
    }
    beat(&client, wants("TagB", 2_000)).await;
    assert_eq!(node.broker.hold.len(), 2, "the same by another version is no change");

    beat(&client, wants("TagA", 3_000)).await;
    let before = before.await;
    assert_eq!(before.code, ResponseCode::PULL_NOT_FOUND);
    assert_eq!(before.pull_reply().next_begin_offset, 1);
    assert_eq!(node.broker.hold.len(), 1, "another group's goes on waiting");
    assert_eq!(bodies(&client.pull(&held).await.ok().messages()), ["TagA"]);
    node.stop().await;
}

async fn check(client: &Client, expression_type: &str, expression: &str) -> common::Answer {
    let request = CheckClientRequest {
        client_id: "a@1".into(),
        group: "workers".into(),
        namespace: None,
        subscription_data: Some(SubscriptionData {
            topic: "orders".into(),
            sub_string: expression.into(),
            expression_type: Some(expression_type.into()),
            ..SubscriptionData::default()
        }),
    };
    client.ask(RequestCode::CHECK_CLIENT_CONFIG, &(), body::encode(&request)).await
}
