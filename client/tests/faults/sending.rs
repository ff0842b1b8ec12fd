//! What a producer does when brokers and nameservers fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::fake::{Fake, Say, nobody, refuse, route};
use remora_client::{ClientError, Message, Producer};
use remora_protocol::{RequestCode, ResponseCode};

const SEND: RequestCode = RequestCode::SEND_MESSAGE_V2;

async fn producer(nameserver: &str) -> Producer {
    Producer::builder("g").nameserver(nameserver).start().await.unwrap()
}

/// A nameserver that routes T to these brokers.
fn nameserver(brokers: &[(&str, String)]) -> Fake {
    let fake = Fake::ordinary();
    *fake.state.route.lock() = Some(route(brokers, 1));
    fake
}

#[tokio::test]
async fn a_busy_broker_is_left_for_another_with_the_same_unique_id() {
    let busy = Fake::start(|seen| match seen.code {
        SEND => refuse(ResponseCode::SYSTEM_BUSY),
        _ => None,
    });
    let good = Fake::ordinary();
    let ns = nameserver(&[("a", busy.addr()), ("b", good.addr())]);
    let producer = producer(&ns.addr()).await;
    for _ in 0..4 {
        let receipt = producer.send(Message::new("T", "x")).await.unwrap();
        assert_eq!(&*receipt.queue.broker_name, "b");
    }
    // The first attempt went to `a`, which is avoided from then on.
    assert_eq!((busy.count(SEND), good.count(SEND)), (1, 4));
    let properties = |seen: &crate::fake::Seen| seen.field("i").to_owned();
    assert_eq!(properties(&busy.first(SEND).await), properties(&good.first(SEND).await));
}

#[tokio::test]
async fn a_refusal_that_no_broker_would_lift_is_not_retried() {
    let strict = Fake::start(|seen| match seen.code {
        SEND => refuse(ResponseCode::MESSAGE_ILLEGAL),
        _ => None,
    });
    let other = Fake::ordinary();
    let ns = nameserver(&[("a", strict.addr()), ("b", other.addr())]);
    let error = producer(&ns.addr()).await.send(Message::new("T", "x")).await.unwrap_err();
    assert_eq!(error.code(), Some(ResponseCode::MESSAGE_ILLEGAL));
    assert_eq!((strict.count(SEND), other.count(SEND)), (1, 0));
}

#[tokio::test]
async fn a_send_gives_up_after_two_retries_and_says_what_happened() {
    let busy = Fake::start(|seen| match seen.code {
        SEND => refuse(ResponseCode::SYSTEM_BUSY),
        _ => None,
    });
    let ns = nameserver(&[("a", busy.addr())]);
    let error = producer(&ns.addr()).await.send(Message::new("T", "x")).await.unwrap_err();
    assert!(matches!(error, ClientError::SendFailed { attempts: 3, .. }), "{error}");
    let shown = error.to_string();
    assert!(shown.contains("3 attempts") && shown.contains("as the test wants"), "{shown}");
    assert_eq!(busy.count(SEND), 3);
}

#[tokio::test]
async fn an_unreachable_broker_is_named_with_the_address_it_registered() {
    let dead = nobody();
    let ns = nameserver(&[("a", dead.clone())]);
    let error = producer(&ns.addr()).await.send(Message::new("T", "x")).await.unwrap_err();
    let shown = error.to_string();
    assert!(
        shown.contains("'a'") && shown.contains(&dead) && shown.contains("brokerIP1"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_dead_broker_costs_one_attempt_while_another_lives() {
    let good = Fake::ordinary();
    let ns = Fake::ordinary();
    *ns.state.route.lock() = Some(route(&[("a", nobody()), ("b", good.addr())], 2));
    let producer = producer(&ns.addr()).await;
    // Also when nothing remembers which broker failed before.
    let forgetful = Producer::builder("g")
        .nameserver(ns.addr())
        .without_latency_fault_avoidance()
        .retries(1)
        .start()
        .await
        .unwrap();
    for _ in 0..6 {
        producer.send(Message::new("T", "x")).await.unwrap();
        forgetful.send(Message::new("T", "x")).await.unwrap();
    }
    assert_eq!(good.count(SEND), 12);
}

#[tokio::test]
async fn a_silent_broker_is_left_when_an_attempt_is_limited() {
    let silent = Fake::start(|seen| (seen.code == SEND).then_some(Say::Nothing));
    let good = Fake::ordinary();
    let ns = nameserver(&[("a", silent.addr()), ("b", good.addr())]);
    let producer = Producer::builder("g")
        .nameserver(ns.addr())
        .send_timeout(Duration::from_secs(20))
        .attempt_timeout(Duration::from_millis(100))
        .start()
        .await
        .unwrap();
    let receipt = producer.send(Message::new("T", "x")).await.unwrap();
    assert_eq!(&*receipt.queue.broker_name, "b");
}

#[tokio::test]
async fn silence_ends_a_send_at_its_timeout() {
    let silent = Fake::start(|seen| (seen.code == SEND).then_some(Say::Nothing));
    let ns = nameserver(&[("a", silent.addr())]);
    let producer = Producer::builder("g")
        .nameserver(ns.addr())
        .send_timeout(Duration::from_millis(100))
        .start()
        .await
        .unwrap();
    let error = producer.send(Message::new("T", "x")).await.unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error}");
    assert_eq!(silent.count(SEND), 1);
}

#[tokio::test]
async fn the_next_nameserver_takes_over_and_is_kept() {
    let broker = Fake::ordinary();
    let ns = nameserver(&[("a", broker.addr())]);
    let addrs = format!("{};{};{}", nobody(), ns.addr(), nobody());
    let producer = producer(&addrs).await;
    producer.send(Message::new("T", "x")).await.unwrap();
    assert_eq!(broker.count(SEND), 1);
    let none = format!("{};{}", nobody(), nobody());
    let error = Producer::builder("g").nameserver(&none).start().await.unwrap_err();
    assert!(error.to_string().contains(&none), "{error}");
}

#[tokio::test]
async fn a_new_topic_is_sent_to_the_template_topics_broker() {
    let asked = AtomicUsize::new(0);
    let broker = Fake::ordinary();
    let template = remora_protocol::body::encode(&route(&[("a", broker.addr())], 8));
    let ns = Fake::start(move |seen| match (seen.code, seen.field("topic")) {
        (RequestCode::GET_ROUTEINFO_BY_TOPIC, "TBW102") => {
            asked.fetch_add(1, Ordering::Relaxed);
            crate::fake::say(remora_remoting::Reply::success().body(template.clone()))
        }
        _ => None,
    });
    let producer = producer(&ns.addr()).await;
    assert_eq!(producer.queues("new").await.unwrap().len(), 4, "as many as will be created");
    producer.send(Message::new("new", "x")).await.unwrap();
    let sent = broker.first(SEND).await;
    assert_eq!((sent.field("b"), sent.field("c"), sent.field("d")), ("new", "TBW102", "4"));
}

#[tokio::test]
async fn a_batch_that_fails_halfway_gives_the_receipts_so_far() {
    let count = AtomicUsize::new(0);
    let broker = Fake::start(move |seen| {
        let second = seen.code == RequestCode::SEND_BATCH_MESSAGE
            && count.fetch_add(1, Ordering::Relaxed) == 1;
        if second { refuse(ResponseCode::MESSAGE_ILLEGAL) } else { None }
    });
    let ns = nameserver(&[("a", broker.addr())]);
    let producer =
        Producer::builder("g").nameserver(ns.addr()).body_bytes_max(1_000).start().await.unwrap();
    let batch = (0..10).map(|_| Message::new("T", vec![b'x'; 300])).collect();
    match producer.send_batch(batch).await.unwrap_err() {
        ClientError::BatchIncomplete { sent, total: 10, last } => {
            assert_eq!(sent.len(), 2);
            assert_eq!(last.code(), Some(ResponseCode::MESSAGE_ILLEGAL));
        }
        other => panic!("{other}"),
    }
}
