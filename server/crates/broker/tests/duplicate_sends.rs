//! A producer's own retry of a message that is stored gets the first answer.
mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::{Answer, Client, Node, PATIENCE, answer, bodies, pull_header, send_header};
use remora_config::{FlushDisk, Settings};
use remora_protocol::batch::BatchItem;
use remora_protocol::header::{SendMessageHeader, SendMessageV2};
use remora_protocol::message_id::UniqueId;
use remora_protocol::{Language, RequestCode, Text};
use remora_remoting::Body;

/// Longer than any test takes.
const WINDOW_MS: i64 = 600_000;
/// The start of a month, in some time zone.
const MONTH_MS: i64 = 1_793_491_200_000;

fn node() -> Node {
    Node::start_with(indexed)
}

fn indexed(settings: &mut Settings) {
    settings.message_index_enable = true;
    settings.duplicate_window_ms = WINDOW_MS as u64;
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// A message as a Java client has it, and every attempt to send it.
struct Message {
    made_ms: i64,
    properties: String,
}

impl Message {
    fn new(counter: u16) -> Self {
        Self::made_at(now_ms(), counter)
    }

    fn made_at(made_ms: i64, counter: u16) -> Self {
        let month_ms = (made_ms - MONTH_MS).rem_euclid(2_000_000_000 / 900_000 * 900_000);
        let id = UniqueId {
            ip: "10.0.0.1".parse().unwrap(),
            process_id: 77,
            loader_hash: 0x4e0e_2f2a,
            month_ms: i32::try_from(month_ms).unwrap(),
            counter,
        };
        let properties = format!("KEYS\u{1}k\u{2}UNIQ_KEY\u{1}{}\u{2}TAGS\u{1}a\u{2}", id.to_hex());
        Self { made_ms, properties }
    }

    /// An attempt so long after the first one.
    fn attempt(&self, topic: &'static str, after_ms: i64) -> SendMessageHeader<'_> {
        SendMessageHeader {
            born_timestamp: self.made_ms + after_ms,
            properties: Text::plain(&self.properties),
            ..send_header(topic)
        }
    }
}

/// What an answer says of where the message is.
fn said(answer: &Answer) -> Vec<Option<String>> {
    let fields = ["msgId", "queueId", "queueOffset", "transactionId", "MSG_REGION", "TRACE_ON"];
    fields.map(|field| answer.field(field)).to_vec()
}

async fn stored(client: &Client, topic: &str) -> Vec<String> {
    let messages = client.pull(&pull_header(topic, 0)).await.ok().messages();
    bodies(&messages).into_iter().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_over_a_new_connection_gets_the_first_answer_and_is_stored_once() {
    let node = node();
    let message = Message::new(1);
    let lost = node.client().await;
    lost.send_ok("orders", "before").await;
    let first = lost.send(&message.attempt("orders", 0), "paid").await.ok();
    lost.close().await;

    let client = node.client().await;
    // Java's async sends repeat the request as it was; sync ones are born again, and go to another
    // queue; Go's write the properties in another order.
    let mut attempts = vec![message.attempt("orders", 0), message.attempt("orders", 40)];
    attempts.push(SendMessageHeader { queue_id: 3, ..message.attempt("orders", 2_000) });
    let mut parts: Vec<_> = message.properties.split_inclusive('\u{2}').collect();
    parts.reverse();
    let reversed = parts.concat();
    let properties = Text::plain(&reversed);
    attempts.push(SendMessageHeader { properties, ..message.attempt("orders", 2_100) });
    for attempt in &attempts {
        let again = client.send(attempt, "paid").await.ok();
        assert_eq!(said(&again), said(&first));
    }
    client.send_ok("orders", "after").await;

    assert_eq!(stored(&client, "orders").await, ["before", "paid", "after"]);
    assert_eq!(node.broker.metrics().duplicate_sends, 4);
    assert_eq!(node.dropped_calls(), 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_with_the_first_header_and_code_gets_the_first_answer() {
    let node = node();
    let message = Message::new(1);
    let lost = node.client().await;
    let first = lost.send(&message.attempt("orders", 0), "paid").await.ok();
    let client = node.client().await;
    let attempt = message.attempt("orders", 1_500);
    let body = Body::from(b"paid".to_vec());
    let again = client.ask(RequestCode::SEND_MESSAGE, &attempt, body).await.ok();
    assert_eq!(said(&again), said(&first));
    assert_eq!(stored(&client, "orders").await, ["paid"]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_its_connection_a_message_is_sent_again_by_the_application_or_after_a_timeout() {
    let node = node();
    // Java closes a connection with a timeout.
    for (language, topic, expected) in
        [(Language::GO, "go", vec!["paid"; 2]), (Language::JAVA, "java", vec!["paid"; 3])]
    {
        let client = Client::connect_as(language, &node.addr).await;
        let message = Message::new(1);
        // Later than the connection.
        let first = client.send(&message.attempt(topic, 200), "paid").await.ok();
        client.send(&message.attempt(topic, 260), "paid").await.ok();
        let again = client.send(&message.attempt(topic, 3_200), "paid").await.ok();
        assert_eq!(stored(&client, topic).await, expected);
        assert_eq!(said(&again) == said(&first), language == Language::GO);
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_topic_body_flag_or_property_makes_another_message() {
    let node = node();
    let lost = node.client().await;
    let client = node.client().await;
    let message = Message::new(1);
    lost.send(&message.attempt("orders", 0), "paid").await.ok();
    lost.send_ok("other", "there").await;

    let more = format!("{}colour\u{1}red\u{2}", message.properties);
    let others = [
        SendMessageHeader { flag: 1, ..message.attempt("orders", 50) },
        SendMessageHeader { properties: Text::plain(&more), ..message.attempt("orders", 50) },
    ];
    client.send(&message.attempt("other", 50), "paid").await.ok();
    client.send(&message.attempt("orders", 50), "paid twice").await.ok();
    for other in &others {
        client.send(other, "paid").await.ok();
    }
    // A message of its own, as young.
    client.send(&Message::new(2).attempt("orders", 50), "new").await.ok();

    assert_eq!(stored(&client, "other").await, ["there", "paid"]);
    assert_eq!(stored(&client, "orders").await, ["paid", "paid twice", "paid", "paid", "new"]);
    assert_eq!(node.broker.metrics().duplicate_sends, 0);
    node.stop().await;
}

/// How often a message is stored whose retry comes so long after.
async fn stored_count(node: &Node, after_ms: i64) -> usize {
    let (lost, client) = (node.client().await, node.client().await);
    let message = Message::new(1);
    lost.send(&message.attempt("orders", 200), "paid").await.ok();
    client.send(&message.attempt("orders", 200 + after_ms), "paid").await.ok();
    stored(&client, "orders").await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_are_stored_again_where_the_settings_say_so() {
    type Change = fn(&mut Settings);
    let cases: [(&str, i64, usize, Change); 4] = [
        ("in the window", 2_000, 1, |settings| settings.duplicate_window_ms = 5_000),
        ("past the window", 6_000, 2, |settings| settings.duplicate_window_ms = 5_000),
        ("off", 2_000, 2, |settings| settings.duplicate_window_ms = 0),
        ("no index", 2_000, 2, |settings| settings.message_index_enable = false),
    ];
    for (case, after_ms, expected, change) in cases {
        let node = Node::start_with(|settings| {
            indexed(settings);
            change(settings);
        });
        assert_eq!(stored_count(&node, after_ms).await, expected, "{case}");
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_attribute_has_every_attempt_stored() {
    let node = node();
    let client = node.client().await;
    client.topic_with("orders", 1, "+remora.deduplicate=false").await.ok();
    assert_eq!(stored_count(&node, 2_000).await, 2);
    client.topic_with("orders", 1, "-remora.deduplicate").await.ok();
    assert_eq!(stored_count(&node, 2_000).await, 3);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn first_attempt_is_found_after_a_stop_and_after_a_kill() {
    let node = node();
    let message = Message::new(1);
    let header = message.attempt("orders", 0);
    let first = node.client().await.send(&header, "paid").await.ok();
    let left = node.killed();
    let stopped = node.stop().await;

    for dir in [stopped, left] {
        let node = Node::start_in(dir, indexed);
        let client = node.client().await;
        let again = client.send(&message.attempt("orders", 1_000), "paid").await.ok();
        // Its address in the id is that of the first start.
        assert_eq!(said(&again), said(&first));
        assert_eq!(stored(&client, "orders").await, ["paid"]);
        node.stop().await;
    }
}

/// A batch of messages, each with an id of its own.
fn batch(messages: &[(Message, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (message, text) in messages {
        let properties = message.properties.as_bytes();
        BatchItem { flag: 0, body: text.as_bytes(), properties }.append_to(&mut body).unwrap();
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_is_recognized_by_the_ids_of_its_messages() {
    let node = node();
    let (lost, client) = (node.client().await, node.client().await);
    lost.send_ok("orders", "before").await;
    let messages = [(Message::new(2), "a"), (Message::new(3), "b"), (Message::new(4), "c")];
    let whole = Message::new(1);
    // Java's has an id of its own, ours has none.
    let java = whole.attempt("orders", 0);
    let ours = SendMessageHeader { properties: Text::plain(""), ..whole.attempt("orders", 0) };
    let code = RequestCode::SEND_BATCH_MESSAGE;
    for (base, header) in [("java", java), ("ours", ours)] {
        let header = SendMessageHeader { batch: Some(true), ..header };
        let born_timestamp = header.born_timestamp + 700;
        let later = SendMessageHeader { born_timestamp, ..header.clone() };
        let messages = messages.each_ref().map(|(message, text)| {
            let Message { made_ms, properties } = message;
            let properties = properties.replace("KEYS\u{1}k", &format!("KEYS\u{1}{base}"));
            (Message { made_ms: *made_ms, properties }, *text)
        });
        let first = lost.ask(code, &SendMessageV2(&header), batch(&messages)).await.ok();
        let again = client.ask(code, &SendMessageV2(&later), batch(&messages)).await.ok();
        assert_eq!(said(&again)[..3], said(&first)[..3], "{base}");
        // One message of it alone is not the batch's retry, nor is another order.
        let [a, b, _] = messages;
        let other = client.ask(code, &SendMessageV2(&later), batch(&[b, a])).await.ok();
        assert_ne!(said(&other), said(&first));
    }
    let expected = ["before", "a", "b", "c", "b", "a", "a", "b", "c", "b", "a"];
    assert_eq!(stored(&client, "orders").await, expected);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_send_that_is_looked_up_does_not_overtake_it() {
    let node = node();
    let client = node.client().await;
    client.send_ok("orders", "0").await;
    // So long after the connection that its age alone says whether one is looked up.
    let made_ms = now_ms() + 5_000;
    let messages: Vec<_> = (1..=24).map(|counter| Message::made_at(made_ms, counter)).collect();
    let mut answers = Vec::new();
    for (number, message) in (1..).zip(&messages) {
        // Some aged before they were sent, as after a pause of the client.
        let after_ms = if number % 5 == 1 { 250 } else { 0 };
        let header = message.attempt("orders", after_ms);
        let body = Body::from(format!("{number}").into_bytes());
        let sent =
            client.conn.send(RequestCode::SEND_MESSAGE_V2, &SendMessageV2(&header), body, PATIENCE);
        answers.push(sent.unwrap());
    }
    for (number, pending) in (1..).zip(answers) {
        let answer = answer(pending.await.unwrap()).ok();
        assert_eq!(answer.send_reply().queue_offset, number);
    }
    let expected: Vec<String> = (0..=24).map(|number| number.to_string()).collect();
    assert_eq!(stored(&client, "orders").await, expected);
    assert_eq!(node.dropped_calls(), 0);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_sync_flush_the_first_answer_is_repeated_too() {
    let node = Node::start_with(|settings| {
        indexed(settings);
        settings.flush = FlushDisk::Sync;
    });
    assert_eq!(stored_count(&node, 2_000).await, 1);
    node.stop().await;
}
