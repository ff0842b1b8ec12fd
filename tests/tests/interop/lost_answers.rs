//! Producers whose first answer is lost: their own retry is told the same, and nothing is stored
//! twice.

use remora_client::{Message, Producer};
use remora_protocol::{Decoded, FrameLimits, frame};
use remora_tests::{Kind, Options, Target, interop, target::unique};
use serde_json::{Value, json};

use crate::common::{drain, numbered, only, producer, send, texts, topic};
use crate::go_client;
use crate::lossy_proxy::LossyProxy;

/// 10, 310 and 320.
const SENDS: [i32; 3] = [10, 310, 320];

/// A server of ours whose broker is reached through a proxy.
fn behind_proxy() -> (LossyProxy, Target) {
    let proxy = LossyProxy::start().unwrap_or_else(|cause| panic!("no proxy: {cause}"));
    let remora_args = vec!["--advertise".to_owned(), proxy.addr().to_string()];
    let dir = tempfile::tempdir().unwrap_or_else(|cause| panic!("no temporary folder: {cause}"));
    let target = Target::at(Kind::Remora, dir, &Options { remora_args, ..Options::default() });
    proxy.forward_to(&target.broker());
    (proxy, target)
}

/// Where the only lost answer said that the message is.
#[track_caller]
fn lost_place(proxy: &LossyProxy) -> Value {
    let lost = proxy.lost();
    let [only] = &lost[..] else { panic!("{} answers were lost", lost.len()) };
    let Ok(Decoded::Complete { frame, .. }) = frame::decode(only, &FrameLimits::default()) else {
        panic!("no frame was lost")
    };
    let field = |name: &str| frame.fields.find(name).map(std::borrow::Cow::into_owned);
    let number = |name: &str| field(name).and_then(|text| text.parse::<i64>().ok());
    json!({
        "offsetMsgId": field("msgId"), "queue": number("queueId"), "offset": number("queueOffset"),
    })
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn java_retry_after_a_lost_answer_is_told_the_same_and_stored_once() {
    let java = interop::java();
    let (proxy, target) = behind_proxy();
    for manner in ["sync", "async", "batch"] {
        let producer = producer(java, &target, &json!({}));
        let topic = topic(java, &producer, 4);
        let before = send(java, &producer, &topic, &numbered("before", 1), &json!({}));
        assert_eq!(before.len(), 1);

        proxy.lose_one(&SENDS);
        let count = if manner == "batch" { 3 } else { 1 };
        let messages = numbered(manner, count);
        let sent = send(java, &producer, &topic, &messages, &json!({ "manner": manner }));
        send(java, &producer, &topic, &numbered("after", 1), &json!({}));

        assert_eq!(sent.len(), 1, "{manner}");
        let told = only(&sent[0], &["offsetMsgId", "queue", "offset"]);
        assert_eq!(told, lost_place(&proxy), "{manner}");
        let stored = drain(java, &target, &topic);
        let mut bodies = texts(&stored, "body");
        bodies.retain(|body| body.starts_with(manner));
        assert_eq!((bodies.len(), stored.len()), (count, count + 2), "{manner}");
        proxy.forget_lost();
    }
}

#[test]
#[cfg_attr(no_go, ignore = "skipped: no Go")]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn go_retry_after_a_lost_answer_is_told_the_same_and_stored_once() {
    let (go, java) = (interop::go(), interop::java());
    let (proxy, target) = behind_proxy();
    let producer = go_client::producer(go, &target);
    let topic = go_client::topic(go, &target, 2);
    send(go, &producer, &topic, &numbered("before", 1), &json!({}));
    proxy.lose_one(&SENDS);
    let sent = send(go, &producer, &topic, &numbered("lost", 1), &json!({}));
    let place = lost_place(&proxy);
    assert_eq!(only(&sent[0], &["queue", "offset"]), only(&place, &["queue", "offset"]));
    assert_eq!(drain(java, &target, &topic).len(), 2);
}

#[test]
fn our_clients_retry_after_a_lost_answer_is_told_the_same_and_stored_once() {
    let (proxy, target) = behind_proxy();
    let runtime = tokio::runtime::Runtime::new().unwrap_or_else(|cause| panic!("{cause}"));
    runtime.block_on(async {
        let producer = Producer::builder(unique("pg")).nameserver(target.nameserver());
        let producer = producer.start().await.unwrap_or_else(|cause| panic!("{cause}"));
        let topic = unique("topic");
        let send = |body: &'static str| {
            let message = Message::new(topic.as_str(), body);
            async { producer.send(message).await.unwrap_or_else(|cause| panic!("{cause}")) }
        };
        let before = send("before").await;
        proxy.lose_one(&SENDS);
        let told = send("lost").await;
        let place = json!({
            "offsetMsgId": told.offset_msg_id.to_string(), "queue": told.queue.queue_id,
            "offset": told.queue_offset,
        });
        assert_eq!(place, lost_place(&proxy));
        // Nothing lies between the two, wherever they are.
        let queue = told.queue.clone();
        let after = producer.send_to_queue(Message::new(topic.as_str(), "after"), &queue).await;
        let after = after.unwrap_or_else(|cause| panic!("{cause}"));
        assert_eq!(after.queue_offset, told.queue_offset + 1);
        assert!(before.queue != told.queue || before.queue_offset < told.queue_offset);
        producer.shutdown().await;
    });
}
