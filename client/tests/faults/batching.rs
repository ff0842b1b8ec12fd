//! Automatic batching: what shares a request, what each sender hears of it.
use std::sync::atomic::{AtomicI64, Ordering};

use crate::fake::{Fake, Seen, refuse, route, say};
use remora_client::{BatchPolicy, ClientError, Message, MessageQueue, Producer, SendReceipt};
use remora_protocol::{RequestCode, ResponseCode, batch};
use remora_remoting::Reply;
use tokio::task::JoinSet;

const SEND: RequestCode = RequestCode::SEND_MESSAGE_V2;
const BATCH: RequestCode = RequestCode::SEND_BATCH_MESSAGE;

/// A broker that counts offsets and names each message's place.
fn broker() -> Fake {
    let end = AtomicI64::new(0);
    Fake::start(move |seen| {
        let count = i64::try_from(bodies(seen).len()).unwrap();
        (seen.code == SEND || seen.code == BATCH).then(|| {
            let first = end.fetch_add(count, Ordering::Relaxed);
            let ids: Vec<String> = (first..first + count).map(|n| format!("{n:032X}")).collect();
            say(Reply::success()
                .field("msgId", ids.join(","))
                .field("queueId", seen.field("e"))
                .field("queueOffset", first))
            .unwrap()
        })
    })
}

/// The bodies of the messages of one request.
fn bodies(seen: &Seen) -> Vec<String> {
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    match seen.code {
        SEND => vec![text(&seen.body)],
        BATCH => batch::items(&seen.body).map(|item| text(item.unwrap().body)).collect(),
        _ => Vec::new(),
    }
}

/// A producer that batches, and has sent one message already.
async fn producer(brokers: &[(&str, &Fake)], policy: BatchPolicy) -> (Producer, Fake) {
    let ns = Fake::ordinary();
    let addrs: Vec<_> = brokers.iter().map(|(name, fake)| (*name, fake.addr())).collect();
    *ns.state.route.lock() = Some(route(&addrs, 1));
    let producer =
        Producer::builder("g").nameserver(ns.addr()).auto_batch(policy).start().await.unwrap();
    let queue = MessageQueue::new("T", brokers[0].0, 0);
    producer.send_to_queue(Message::new("T", "first"), &queue).await.unwrap();
    (producer, ns)
}

/// Sends from as many tasks at once; the outcomes in the order of the messages.
async fn send_at_once(
    producer: &Producer,
    messages: Vec<Message>,
) -> Vec<Result<SendReceipt, ClientError>> {
    let mut tasks = JoinSet::new();
    for (number, message) in messages.into_iter().enumerate() {
        let producer = producer.clone();
        tasks.spawn(async move { (number, producer.send(message).await) });
    }
    let mut outcomes = tasks.join_all().await;
    outcomes.sort_by_key(|(number, _)| *number);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn numbered(count: usize) -> Vec<Message> {
    (0..count).map(|n| Message::new("T", n.to_string())).collect()
}

/// The requests after the first message, as lists of bodies.
async fn requests(broker: &Fake, messages: usize) -> Vec<(RequestCode, Vec<String>)> {
    broker
        .until("every message", |seen| {
            let sends = seen.iter().filter(|seen| seen.code == SEND || seen.code == BATCH);
            let sends: Vec<_> = sends.skip(1).map(|seen| (seen.code, bodies(seen))).collect();
            (sends.iter().map(|(_, bodies)| bodies.len()).sum::<usize>() >= messages)
                .then_some(sends)
        })
        .await
}

fn texts(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[tokio::test]
async fn messages_of_many_tasks_share_a_request_and_each_gets_its_own_receipt() {
    let broker = broker();
    let (producer, _ns) = producer(&[("a", &broker)], BatchPolicy::default()).await;
    let receipts = send_at_once(&producer, numbered(10)).await;
    assert_eq!(requests(&broker, 10).await, [(BATCH, texts(0..10))]);
    let mut ids = std::collections::HashSet::new();
    for (offset, receipt) in (1..).zip(receipts) {
        let receipt = receipt.unwrap();
        let place = (receipt.queue_offset, receipt.offset_msg_id.to_string());
        assert_eq!(place, (offset, format!("{offset:032X}")));
        ids.insert(receipt.msg_id.to_string());
    }
    assert_eq!(ids.len(), 10);
}

#[tokio::test]
async fn a_request_holds_as_much_as_the_policy_allows_and_a_single_message_is_no_batch() {
    let broker = broker();
    let policy = BatchPolicy { count_max: 4, ..BatchPolicy::default() };
    let (producer, _ns) = producer(&[("a", &broker)], policy).await;
    send_at_once(&producer, numbered(9)).await;
    let expected = [(BATCH, texts(0..4)), (BATCH, texts(4..8)), (SEND, texts(8..9))];
    assert_eq!(requests(&broker, 9).await, expected);
}

#[tokio::test]
async fn what_may_not_be_batched_goes_alone_and_in_its_turn() {
    let broker = broker();
    let (producer, _ns) = producer(&[("a", &broker)], BatchPolicy::default()).await;
    let mut messages = numbered(5);
    messages[2] = Message::new("T", "2").delay_level(3);
    let outcomes = send_at_once(&producer, messages).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let expected = [(BATCH, texts(0..2)), (SEND, texts(2..3)), (BATCH, texts(3..5))];
    assert_eq!(requests(&broker, 5).await, expected);
}

#[tokio::test]
async fn a_refusal_reaches_every_sender_of_the_request() {
    let strict = Fake::start(|seen| match seen.code {
        BATCH => refuse(ResponseCode::MESSAGE_ILLEGAL),
        _ => None,
    });
    let (producer, _ns) = producer(&[("a", &strict)], BatchPolicy::default()).await;
    let outcomes = send_at_once(&producer, numbered(3)).await;
    let codes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap_err().code()).collect();
    assert_eq!(codes, [Some(ResponseCode::MESSAGE_ILLEGAL); 3]);
}

#[tokio::test]
async fn messages_of_a_busy_broker_are_sent_elsewhere_one_by_one() {
    let busy = Fake::start(|seen| match seen.code {
        BATCH => refuse(ResponseCode::SYSTEM_BUSY),
        _ => None,
    });
    let good = broker();
    let (producer, _ns) = producer(&[("a", &busy), ("b", &good)], BatchPolicy::default()).await;
    let outcomes = send_at_once(&producer, numbered(6)).await;
    let brokers: Vec<_> =
        outcomes.into_iter().map(|outcome| outcome.unwrap().queue.broker_name).collect();
    assert!(brokers.iter().all(|name| &**name == "b"), "{brokers:?}");
    assert_eq!(busy.count(BATCH), 1);
}

#[tokio::test]
async fn the_receipts_after_a_lost_connection_are_errors_not_silence() {
    let broker = Fake::start(|seen| (seen.code == BATCH).then_some(crate::fake::Say::Nothing));
    let (producer, _ns) = producer(&[("a", &broker)], BatchPolicy::default()).await;
    let sending = {
        let producer = producer.clone();
        tokio::spawn(async move { send_at_once(&producer, numbered(3)).await })
    };
    broker.first(BATCH).await;
    producer.client().shutdown().await;
    let outcomes = crate::fake::soon(sending).await.unwrap();
    assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
}
