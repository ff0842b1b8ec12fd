//! Request-reply over the wire: 324, 325 from the replier, 326 to the asker.
mod common;

use bytes::Bytes;
use common::{
    Client, Node, bodies, heartbeat_of, messages, pull_header, send_header, subscription, until,
};
use remora_protocol::header::{SendMessageHeader, SendMessageV2};
use remora_protocol::{RequestCode, ResponseCode, Text, body, properties};

const REPLY_TOPIC: &str = "DefaultCluster_REPLY_TOPIC";

fn reply_header(properties: &str) -> SendMessageHeader<'_> {
    SendMessageHeader {
        producer_group: "repliers".into(),
        properties: Text::plain(properties),
        flag: 7,
        ..send_header(REPLY_TOPIC)
    }
}

fn replying_to(client_id: &str) -> String {
    format!(
        "MSG_TYPE\u{1}reply\u{2}REPLY_TO_CLIENT\u{1}{client_id}\u{2}CORRELATION_ID\u{1}c-1\u{2}TTL\u{1}3000"
    )
}

async fn reply(replier: &Client, properties: &str, text: &'static str) -> common::Answer {
    let header = reply_header(properties);
    let body = Bytes::from_static(text.as_bytes());
    replier.ask(RequestCode::SEND_REPLY_MESSAGE_V2, &SendMessageV2(&header), body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_reaches_the_client_whose_heartbeat_named_it_and_a_copy_is_kept() {
    let node = Node::start();
    let (mut asker, replier) = (node.client().await, node.client().await);
    let beat = heartbeat_of("asker@1", subscription("orders"));
    asker.ask(RequestCode::HEART_BEAT, &(), body::encode(&beat)).await.ok();
    asker.next_request().await;

    let answer = reply(&replier, &replying_to("asker@1"), "four").await.ok();
    let pushed = asker.next_request().await;
    let view = pushed.view();
    assert_eq!(view.code, RequestCode::PUSH_REPLY_MESSAGE_TO_CLIENT.0);
    assert_eq!(view.body, b"four");
    let field = |name: &str| view.fields.find(name).map(|value| value.into_owned());
    for (name, value) in [
        ("producerGroup", "repliers"),
        ("topic", REPLY_TOPIC),
        ("queueId", "0"),
        ("flag", "7"),
        ("bornTimestamp", "1700000000000"),
        ("storeHost", node.addr.as_str()),
    ] {
        assert_eq!(field(name).as_deref(), Some(value), "{name}");
    }
    let text = field("properties").unwrap();
    let of = |name: &str| properties::find(text.as_bytes(), name);
    assert_eq!((of("CORRELATION_ID"), of("TTL")), (Some("c-1"), Some("3000")));
    assert!(of("PUSH_REPLY_TIME").is_some_and(|ms| ms.parse::<i64>().is_ok()), "{text:?}");

    let stored = answer.send_reply();
    assert_eq!((stored.queue_id, stored.queue_offset, stored.msg_id.len()), (0, 0, 32));
    let copies = replier.pull(&pull_header(REPLY_TOPIC, 0)).await.ok().messages();
    assert_eq!(bodies(&copies), ["four"]);
    assert_eq!(copies[0].property("CORRELATION_ID"), Some("c-1"));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sent_no_heartbeat_is_found_by_its_request_while_it_is_connected() {
    let node = Node::start_with(|settings| settings.store_reply_message = false);
    let (mut asker, replier) = (node.client().await, node.client().await);
    for topic in ["new", "there"] {
        asker.send_ok("there", "another message, without a question").await;
        let properties = "REPLY_TO_CLIENT\u{1}go@1\u{2}CORRELATION_ID\u{1}c-1\u{2}";
        let header =
            SendMessageHeader { properties: Text::plain(properties), ..send_header(topic) };
        asker.send(&header, "how many?").await.ok();
    }
    // Sent on by somebody else: still the asker's.
    let properties = replying_to("go@1");
    let header = SendMessageHeader { properties: Text::plain(&properties), ..send_header("there") };
    replier.send(&header, "how many?").await.ok();

    let header = reply_header(&properties);
    let code = RequestCode::SEND_REPLY_MESSAGE;
    let answer = replier.ask(code, &header, Bytes::from_static(b"four")).await.ok();
    assert_eq!(asker.next_request().await.view().body, b"four");
    assert_eq!(&*answer.send_reply().msg_id, "0", "no copy is kept");
    let kept = messages(replier.pull(&pull_header(REPLY_TOPIC, 0)).await.frame.body());
    assert_eq!(kept, []);

    asker.close().await;
    let parts = ["reply not delivered", "'go@1'", "not connected", "neither a heartbeat nor"];
    until(|| node.broker.clients.read(|table| table.connection_counts()) == (0, 0)).await;
    loop {
        let answer = reply(&replier, &properties, "late").await;
        // The close may not have arrived.
        if answer.remark.contains("not connected") {
            answer.refused(ResponseCode::SYSTEM_ERROR, &parts);
            break;
        }
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_cannot_be_delivered_says_why_and_is_not_stored() {
    let node = Node::start();
    let replier = node.client().await;
    let unaddressed = reply(&replier, "CORRELATION_ID\u{1}c-1\u{2}", "four").await;
    unaddressed.refused(ResponseCode::SYSTEM_ERROR, &["'REPLY_TO_CLIENT'", "createReplyMessage"]);
    let unknown = reply(&replier, &replying_to("nobody@1"), "four").await;
    unknown.refused(ResponseCode::SYSTEM_ERROR, &["'nobody@1'", "not connected to this broker"]);
    assert_eq!(replier.pull(&pull_header(REPLY_TOPIC, 0)).await.messages(), []);
    assert_eq!(node.dropped_calls(), 0);
    node.stop().await;
}
