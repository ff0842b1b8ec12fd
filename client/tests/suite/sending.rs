//! Producers.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use remora_client::{
    Admin, BatchPolicy, ClientError, Compression, Message, MessageQueue, MessageView, Producer,
    PullConsumer, SendStatus,
};

use super::support::{eventually, numbered, producer, stored, text, texts, topic, unique};

pub async fn sends_are_stored_with_content_properties_and_offsets(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 4).await;
    let producer = producer(nameserver).await;
    let mut sent = BTreeMap::new();
    for n in 0..20 {
        let message = Message::new(topic.as_str(), format!("body {n}"))
            .tags("TagA")
            .keys([format!("key{n}"), "both".to_owned()])
            .property("colour", "dark blue")
            .property("unicode", "grün \u{1F600} \"quoted\" \\ tab\t")
            .flag(n);
        let receipt = producer.send(message).await.unwrap();
        assert_eq!(receipt.status, SendStatus::Ok);
        sent.insert((receipt.queue.clone(), receipt.queue_offset), (n, receipt));
    }
    let queues: BTreeSet<i32> = sent.keys().map(|(queue, _)| queue.queue_id).collect();
    assert_eq!(queues, (0..4).collect(), "round robin over all queues");
    let messages = stored(nameserver, &topic, 20).await;
    assert_eq!(messages.len(), 20);
    for message in messages {
        let (n, receipt) = &sent[&(message.queue.clone(), message.queue_offset)];
        assert_eq!(text(&message), format!("body {n}"));
        assert_eq!((message.tags(), message.flag), (Some("TagA"), *n));
        assert_eq!(message.keys().collect::<Vec<_>>(), [format!("key{n}").as_str(), "both"]);
        assert_eq!(message.property("colour"), Some("dark blue"));
        assert_eq!(message.property("unicode"), Some("grün \u{1F600} \"quoted\" \\ tab\t"));
        assert_eq!(message.msg_id(), receipt.msg_id);
        assert_eq!(message.offset_msg_id(), receipt.offset_msg_id);
        assert_eq!((message.topic(), message.reconsume_times), (topic.as_str(), 0));
    }
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn a_key_stays_in_one_queue_in_order(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 4).await;
    let producer = producer(nameserver).await;
    for n in 0..30 {
        let key = format!("order-{}", n % 3);
        let message = Message::new(topic.as_str(), format!("{key}/{:02}", n / 3));
        producer.send_by_key(message, &key).await.unwrap();
    }
    let queue = producer.queues(&topic).await.unwrap()[3].clone();
    let direct = producer.send_to_queue(Message::new(topic.as_str(), "direct"), &queue).await;
    assert_eq!(direct.unwrap().queue, queue);
    let messages = stored(nameserver, &topic, 31).await;
    for key in ["order-0", "order-1", "order-2"] {
        let mine: Vec<&MessageView> =
            messages.iter().filter(|m| text(m).starts_with(key)).collect();
        let bodies: Vec<String> = mine.iter().map(|m| text(m)).collect();
        assert_eq!(bodies, (0..10).map(|n| format!("{key}/{n:02}")).collect::<Vec<_>>());
        assert!(mine.iter().all(|m| m.queue == mine[0].queue));
    }
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn batches_and_oneway_sends_arrive_whole(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 2).await;
    let producer = producer(nameserver).await;
    let batch: Vec<Message> =
        (0..50).map(|n| Message::new(topic.as_str(), format!("b{n}")).tags("batch")).collect();
    let receipts = producer.send_batch(batch).await.unwrap();
    let offsets: Vec<i64> = receipts.iter().map(|r| r.queue_offset).collect();
    assert_eq!(offsets, (offsets[0]..offsets[0] + 50).collect::<Vec<_>>());
    let messages = stored(nameserver, &topic, 50).await;
    assert_eq!(texts(&messages), numbered("b", 0..50));
    let ids: BTreeSet<String> = messages.iter().map(MessageView::msg_id).collect();
    assert_eq!(ids, receipts.iter().map(|r| r.msg_id.to_string()).collect());
    let places: BTreeSet<String> = messages.iter().map(MessageView::offset_msg_id).collect();
    assert_eq!(places, receipts.iter().map(|r| r.offset_msg_id.to_string()).collect());

    for n in 0..10 {
        producer.send_oneway(Message::new(topic.as_str(), format!("o{n}"))).await.unwrap();
    }
    let all = &numbered("b", 0..50) | &numbered("o", 0..10);
    eventually("one-way sends", || async {
        (texts(&stored(nameserver, &topic, 0).await) == all).then_some(())
    })
    .await;
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn large_bodies_travel_compressed_and_arrive_as_sent(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 1).await;
    let body = "compressible text, ".repeat(2_000);
    for kind in [Compression::Zlib, Compression::Lz4, Compression::Zstd] {
        let producer = Producer::builder("suite_producer").nameserver(nameserver).compression(kind);
        let producer = producer.start().await.unwrap();
        producer.send(Message::new(topic.as_str(), body.clone())).await.unwrap();
        producer.shutdown().await;
    }
    let messages = stored(nameserver, &topic, 3).await;
    assert_eq!(messages.len(), 3);
    for message in &messages {
        assert_eq!((text(message), message.is_compressed()), (body.clone(), false));
    }
    let span = messages[2].physical_offset - messages[0].physical_offset;
    assert!(span < 10_000, "two compressed records take {span} bytes");
    admin.shutdown().await;
}

pub async fn the_first_send_creates_a_topic(nameserver: &str) {
    let topic = unique("suite_auto");
    let producer = producer(nameserver).await;
    producer.send(Message::new(topic.as_str(), "first")).await.unwrap();
    eventually("the new topic's route", || async {
        producer.client().refresh_route(&topic).await.ok()
    })
    .await;
    assert_eq!(texts(&stored(nameserver, &topic, 1).await), BTreeSet::from(["first".to_owned()]));
    producer.shutdown().await;
}

pub async fn thousands_of_sends_share_a_connection(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 4).await;
    let producer = Producer::builder("suite_producer")
        .nameserver(nameserver)
        .send_timeout(Duration::from_secs(20))
        .start()
        .await
        .unwrap();
    let mut sends = tokio::task::JoinSet::new();
    for n in 0..2_000 {
        let (producer, topic) = (producer.clone(), topic.clone());
        sends.spawn(async move { producer.send(Message::new(topic, format!("m{n}"))).await });
    }
    let receipts = sends.join_all().await;
    assert_eq!(receipts.iter().filter(|receipt| receipt.is_ok()).count(), 2_000);
    let ids: BTreeSet<String> =
        receipts.into_iter().map(|receipt| receipt.unwrap().msg_id.to_string()).collect();
    assert_eq!(ids.len(), 2_000);
    let messages = stored(nameserver, &topic, 2_000).await;
    assert_eq!((messages.len(), texts(&messages)), (2_000, numbered("m", 0..2_000)));
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn callers_that_share_requests_get_their_own_places(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 2).await;
    let producer = Producer::builder("suite_producer")
        .nameserver(nameserver)
        .send_timeout(Duration::from_secs(20))
        .auto_batch(BatchPolicy { count_max: 50, ..BatchPolicy::default() })
        .start()
        .await
        .unwrap();
    let mut sends = tokio::task::JoinSet::new();
    for n in 0..1_000 {
        let (producer, topic) = (producer.clone(), topic.clone());
        sends.spawn(async move {
            let message = Message::new(topic, format!("m{n}")).tags("shared").keys([n.to_string()]);
            (format!("m{n}"), producer.send(message).await.unwrap())
        });
    }
    let place = |queue_id: i32, queue_offset: i64| (queue_id, queue_offset);
    let said: BTreeMap<_, _> = sends
        .join_all()
        .await
        .into_iter()
        .map(|(text, sent)| {
            let ids = (sent.msg_id.to_string(), sent.offset_msg_id.to_string());
            (place(sent.queue.queue_id, sent.queue_offset), (text, ids))
        })
        .collect();
    let stored: BTreeMap<_, _> = stored(nameserver, &topic, 1_000)
        .await
        .iter()
        .map(|message| {
            assert_eq!(message.tags(), Some("shared"));
            let ids = (message.msg_id(), message.offset_msg_id());
            (place(message.queue.queue_id, message.queue_offset), (text(message), ids))
        })
        .collect();
    assert_eq!((said.len(), said), (1_000, stored));
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn what_is_not_there_is_named(nameserver: &str) {
    let consumer =
        PullConsumer::builder(unique("suite_g")).nameserver(nameserver).start().await.unwrap();
    let missing = consumer.queues("no_such_topic_at_all").await.unwrap_err();
    assert!(matches!(missing, ClientError::TopicNotFound { .. }), "{missing}");
    let gone = MessageQueue::new("T", "no-such-broker", 0);
    let missing = consumer.client().max_offset(&gone).await.unwrap_err().to_string();
    assert!(missing.contains("no-such-broker"), "{missing}");
    consumer.shutdown().await;
    let refused = Admin::connect("127.0.0.1:1").await.unwrap_err().to_string();
    assert!(refused.contains("127.0.0.1:1") && refused.contains("nameserver"), "{refused}");
}
