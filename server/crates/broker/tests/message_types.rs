//! Topics for one type of message, by the attribute `message.type`.
mod common;

use common::{Answer, BASE_PROPERTIES, Client, Node, send_header};
use remora_protocol::header::SendMessageHeader;
use remora_protocol::{ResponseCode, Text};

async fn typed(client: &Client, topic: &'static str, message_type: &str) -> Answer {
    client.topic_with(topic, 1, &format!("+message.type={message_type}")).await
}

async fn send(client: &Client, topic: &str, property: &str) -> Answer {
    let properties = format!("{BASE_PROPERTIES}{property}");
    let header = SendMessageHeader { properties: Text::plain(&properties), ..send_header(topic) };
    client.send(&header, "x").await
}

#[tokio::test]
async fn topic_refuses_messages_of_another_type_and_says_which() {
    let node = Node::start();
    let client = node.client().await;
    typed(&client, "later", "DELAY").await.ok();
    send(&client, "later", "DELAY\u{1}1\u{2}").await.ok();
    let refusal = send(&client, "later", "").await;
    refusal.refused(ResponseCode::MESSAGE_ILLEGAL, &["'later'", "DELAY messages", "is NORMAL"]);

    // A type may be changed, and taken away.
    typed(&client, "later", "NORMAL").await.ok();
    send(&client, "later", "").await.ok();
    let refusal = send(&client, "later", "TIMER_DELAY_MS\u{1}5\u{2}").await;
    refusal.refused(ResponseCode::MESSAGE_ILLEGAL, &["NORMAL messages", "is DELAY"]);
    typed(&client, "later", "MIXED").await.ok();
    send(&client, "later", "DELAY\u{1}1\u{2}").await.ok();
    send(&client, "later", "").await.ok();
    node.stop().await;
}

#[tokio::test]
async fn unknown_type_is_refused_and_the_check_can_be_switched_off() {
    let node = Node::start_with(|settings| settings.message_type_check = false);
    let client = node.client().await;
    let refusal = typed(&client, "later", "LATER").await;
    refusal.refused(ResponseCode::INVALID_PARAMETER, &["message.type", "'LATER'", "FIFO"]);
    typed(&client, "later", "DELAY").await.ok();
    send(&client, "later", "").await.ok();
    node.stop().await;
}
