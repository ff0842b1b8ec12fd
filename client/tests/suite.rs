//! What the client must do against any server that speaks the protocol: Remora or Apache RocketMQ.
//!
//! Every scenario takes a nameserver's address and makes topics and groups of its own. Run here with
//! `REMORA_TEST_NAMESERVER=127.0.0.1:9876 cargo test -p remora-client --test suite`; other crates
//! include this file and run the scenarios against servers that they start.
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use remora_client::admin::{TimeSpan, TopicSpec, Where};
use remora_client::{
    Admin, AllocateStrategy, ClientError, Compression, ConsumeFrom, ConsumeOutcome, Filter,
    Message, MessageModel, MessageQueue, MessageView, Producer, PullConsumer, PullStatus,
    PushConsumer, SendStatus, TailFrom,
};
use tokio::sync::mpsc;

/// Longer than anything that works takes, even on a busy machine: a rebalance round is 20 s.
const PATIENCE: Duration = Duration::from_secs(60);
const HOLD: Duration = Duration::from_secs(2);

/// A name that no other scenario or run uses.
fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    format!("{prefix}_{now:x}_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Asks again until there is an answer.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let asked = async {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        loop {
            tick.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}

/// A topic of one queue count, once the nameserver knows it.
async fn topic(admin: &Admin, queues: i32) -> String {
    let topic = unique("suite");
    let spec = TopicSpec::new(&topic).queues(queues);
    admin.create_topic(&spec, &Where::Everywhere).await.unwrap();
    eventually("the topic's route", || async { admin.client().refresh_route(&topic).await.ok() })
        .await;
    topic
}

async fn producer(nameserver: &str) -> Producer {
    Producer::builder("suite_producer").nameserver(nameserver).start().await.unwrap()
}

/// Everything that a topic holds, queue by queue in order.
async fn stored(nameserver: &str, topic: &str) -> Vec<MessageView> {
    let consumer =
        PullConsumer::builder(unique("suite_reader")).nameserver(nameserver).start().await.unwrap();
    let mut messages = Vec::new();
    for queue in consumer.queues(topic).await.unwrap() {
        let mut offset = consumer.client().min_offset(&queue).await.unwrap();
        let end = consumer.client().max_offset(&queue).await.unwrap();
        while offset < end {
            let pulled = consumer.pull(&queue, offset, 32, HOLD).await.unwrap();
            messages.extend(pulled.messages);
            offset = pulled.next_offset;
        }
    }
    consumer.shutdown().await;
    messages
}

fn text(message: &MessageView) -> String {
    String::from_utf8(message.body().to_vec()).unwrap()
}

fn texts(messages: &[MessageView]) -> BTreeSet<String> {
    messages.iter().map(text).collect()
}

fn numbered(prefix: &str, range: std::ops::Range<usize>) -> BTreeSet<String> {
    range.map(|n| format!("{prefix}{n}")).collect()
}

/// A handler that reports every message, and the other end.
fn reporting() -> (
    impl Fn(Vec<MessageView>) -> std::future::Ready<ConsumeOutcome> + Send + Sync + 'static,
    mpsc::UnboundedReceiver<MessageView>,
) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let handler = move |messages: Vec<MessageView>| {
        for message in messages {
            let _ = sender.send(message);
        }
        std::future::ready(ConsumeOutcome::Success)
    };
    (handler, receiver)
}

async fn receive(
    receiver: &mut mpsc::UnboundedReceiver<MessageView>,
    count: usize,
) -> Vec<MessageView> {
    let mut messages = Vec::new();
    let all = async {
        while messages.len() < count {
            messages.push(receiver.recv().await.unwrap());
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all).await.is_ok();
    assert!(in_time, "{} of {count} messages arrived", messages.len());
    messages
}

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
    let messages = stored(nameserver, &topic).await;
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
    let messages = stored(nameserver, &topic).await;
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
    let messages = stored(nameserver, &topic).await;
    assert_eq!(texts(&messages), numbered("b", 0..50));
    let ids: BTreeSet<String> = messages.iter().map(MessageView::msg_id).collect();
    assert_eq!(ids, receipts.iter().map(|r| r.msg_id.clone()).collect());
    let places: BTreeSet<String> = messages.iter().map(MessageView::offset_msg_id).collect();
    assert_eq!(places, receipts.iter().map(|r| r.offset_msg_id.clone()).collect());

    for n in 0..10 {
        producer.send_oneway(Message::new(topic.as_str(), format!("o{n}"))).await.unwrap();
    }
    let all = &numbered("b", 0..50) | &numbered("o", 0..10);
    eventually("one-way sends", || async {
        (texts(&stored(nameserver, &topic).await) == all).then_some(())
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
    let messages = stored(nameserver, &topic).await;
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
    assert_eq!(texts(&stored(nameserver, &topic).await), BTreeSet::from(["first".to_owned()]));
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
        receipts.into_iter().map(|receipt| receipt.unwrap().msg_id).collect();
    assert_eq!(ids.len(), 2_000);
    let messages = stored(nameserver, &topic).await;
    assert_eq!((messages.len(), texts(&messages)), (2_000, numbered("m", 0..2_000)));
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

pub async fn a_push_consumer_gets_each_message_and_goes_on_after_a_restart(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 4).await, unique("suite_push"));
    let producer = producer(nameserver).await;
    let send = async |prefix: &str, tag: &str, count: usize| {
        for n in 0..count {
            let message = Message::new(topic.as_str(), format!("{prefix}{n}")).tags(tag);
            producer.send(message).await.unwrap();
        }
    };
    let start = async || {
        let (handler, receiver) = reporting();
        let consumer = PushConsumer::builder(group.as_str())
            .nameserver(nameserver)
            .subscribe(topic.as_str(), "red || blue")
            .consume_from(ConsumeFrom::First)
            .handler(handler)
            .start()
            .await
            .unwrap();
        (consumer, receiver)
    };
    send("a", "red", 20).await;
    send("x", "green", 20).await;
    let (consumer, mut receiver) = start().await;
    assert_eq!(texts(&receive(&mut receiver, 20).await), numbered("a", 0..20));
    send("b", "blue", 20).await;
    assert_eq!(texts(&receive(&mut receiver, 20).await), numbered("b", 0..20));
    consumer.shutdown().await;

    send("c", "red", 20).await;
    let (consumer, mut receiver) = start().await;
    assert_eq!(texts(&receive(&mut receiver, 20).await), numbered("c", 0..20));
    consumer.shutdown().await;
    assert!(receiver.try_recv().is_err(), "nothing twice, nothing that was filtered");
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn members_share_the_queues_and_take_over_from_one_that_leaves(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 4).await, unique("suite_members"));
    let producer = producer(nameserver).await;
    let start = async || {
        let (handler, receiver) = reporting();
        let consumer = PushConsumer::builder(group.as_str())
            .nameserver(nameserver)
            .subscribe(topic.as_str(), "*")
            .allocate_strategy(AllocateStrategy::AveragelyByCircle)
            .consume_from(ConsumeFrom::First)
            .handler(handler)
            .start()
            .await
            .unwrap();
        (consumer, receiver)
    };
    let of_topic = |consumer: &PushConsumer| {
        consumer.queues().into_iter().filter(|queue| *queue.topic == *topic).count()
    };
    let (first, mut to_first) = start().await;
    eventually("all queues to the only member", || async { (of_topic(&first) == 4).then_some(()) })
        .await;
    let (second, mut to_second) = start().await;
    eventually("two queues each", || async {
        ((of_topic(&first), of_topic(&second)) == (2, 2)).then_some(())
    })
    .await;
    for n in 0..40 {
        producer.send(Message::new(topic.as_str(), format!("m{n}"))).await.unwrap();
    }
    let first_half = receive(&mut to_first, 20).await;
    let second_half = receive(&mut to_second, 20).await;
    assert_eq!(&texts(&first_half) | &texts(&second_half), numbered("m", 0..40));

    second.shutdown().await;
    eventually("the queues of the one that left", || async {
        (of_topic(&first) == 4).then_some(())
    })
    .await;
    for n in 40..60 {
        producer.send(Message::new(topic.as_str(), format!("m{n}"))).await.unwrap();
    }
    assert_eq!(texts(&receive(&mut to_first, 20).await), numbered("m", 40..60));
    assert!(to_second.try_recv().is_err());
    first.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn broadcasting_reaches_every_member_and_keeps_offsets_in_a_file(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 2).await, unique("suite_broadcast"));
    let producer = producer(nameserver).await;
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let start = async |member: usize| {
        let (handler, receiver) = reporting();
        let settings = remora_client::Client::builder()
            .nameserver(nameserver)
            .instance_name(format!("member{member}"));
        let consumer = PushConsumer::builder(group.as_str())
            .client_settings(settings)
            .subscribe(topic.as_str(), "*")
            .message_model(MessageModel::Broadcasting)
            .consume_from(ConsumeFrom::First)
            .offsets_dir(dirs[member].path())
            .handler(handler)
            .start()
            .await
            .unwrap();
        (consumer, receiver)
    };
    let send = async |range: std::ops::Range<usize>| {
        for n in range {
            producer.send(Message::new(topic.as_str(), format!("m{n}"))).await.unwrap();
        }
    };
    let (first, mut to_first) = start(0).await;
    let (second, mut to_second) = start(1).await;
    send(0..10).await;
    assert_eq!(texts(&receive(&mut to_first, 10).await), numbered("m", 0..10));
    assert_eq!(texts(&receive(&mut to_second, 10).await), numbered("m", 0..10));
    first.shutdown().await;
    send(10..20).await;
    let (first, mut to_first) = start(0).await;
    assert_eq!(texts(&receive(&mut to_first, 10).await), numbered("m", 10..20));
    assert_eq!(texts(&receive(&mut to_second, 10).await), numbered("m", 10..20));
    first.shutdown().await;
    second.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn a_failed_message_comes_again_then_goes_to_the_dead_letters(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 1).await, unique("suite_retry"));
    let producer = producer(nameserver).await;
    let tries: Arc<Mutex<Vec<(String, String, i32)>>> = Arc::default();
    let seen = Arc::clone(&tries);
    let consumer = PushConsumer::builder(group.as_str())
        .nameserver(nameserver)
        .subscribe(topic.as_str(), "*")
        .consume_from(ConsumeFrom::First)
        .handler(move |messages| {
            let message = &messages[0];
            let tried = (text(message), message.topic().to_owned(), message.reconsume_times);
            let outcome = match (tried.0.as_str(), tried.2) {
                ("good", _) => ConsumeOutcome::Success,
                ("bad", 0) => ConsumeOutcome::RetryAtLevel(1),
                ("bad", _) => ConsumeOutcome::DeadLetter,
                _ => panic!("a body that was not sent"),
            };
            seen.lock().unwrap().push(tried);
            async move { outcome }
        })
        .start()
        .await
        .unwrap();
    let bad = producer.send(Message::new(topic.as_str(), "bad")).await.unwrap();
    producer.send(Message::new(topic.as_str(), "good")).await.unwrap();
    let dead = format!("%DLQ%{group}");
    let end = eventually("the dead letter", || async {
        let stats = admin.topic_stats(&dead).await.ok()?;
        stats.first().map(|queue| queue.max_offset).filter(|end| *end > 0)
    })
    .await;
    assert_eq!(end, 1);
    let mut tries = std::mem::take(&mut *tries.lock().unwrap());
    tries.sort();
    let tried = |body: &str, times| (body.to_owned(), topic.clone(), times);
    assert_eq!(tries, [tried("bad", 0), tried("bad", 1), tried("good", 0)]);
    consumer.shutdown().await;
    let queue = admin.topic_stats(&dead).await.unwrap()[0].queue.clone();
    let reader =
        PullConsumer::builder(unique("suite_dlq")).nameserver(nameserver).start().await.unwrap();
    let pulled = reader.pull(&queue, 0, 32, HOLD).await;
    // Apache makes the dead letter topic readable from 5.x on.
    let pulled = pulled.unwrap();
    assert_eq!((pulled.status, pulled.messages.len()), (PullStatus::Found, 1));
    assert_eq!(pulled.messages[0].msg_id(), bad.msg_id);
    reader.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn a_pull_consumer_seeks_commits_and_finds_offsets_by_time(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 1).await, unique("suite_pull"));
    let producer = producer(nameserver).await;
    for n in 0..10 {
        producer.send(Message::new(topic.as_str(), format!("m{n}"))).await.unwrap();
    }
    let start = async || {
        PullConsumer::builder(group.as_str())
            .nameserver(nameserver)
            .consume_from(ConsumeFrom::First)
            .start()
            .await
            .unwrap()
    };
    let poll = async |consumer: &PullConsumer, count: usize| {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            bodies.extend(consumer.poll(PATIENCE).await.unwrap().iter().map(text));
        }
        bodies
    };
    let bodies = |range: std::ops::Range<i32>| range.map(|n| format!("m{n}")).collect::<Vec<_>>();

    let consumer = start().await;
    let queues = consumer.queues(&topic).await.unwrap();
    let queue = &queues[0];
    consumer.assign(&queues).await.unwrap();
    assert_eq!(poll(&consumer, 10).await, bodies(0..10));
    consumer.seek(queue, 4).unwrap();
    assert_eq!(poll(&consumer, 6).await, bodies(4..10));
    assert_eq!(consumer.positions(), [(queue.clone(), 10)]);
    consumer.seek(queue, 7).unwrap();
    consumer.commit().await.unwrap();
    assert_eq!(consumer.committed(queue).await.unwrap(), Some(7));
    consumer.shutdown().await;

    let consumer = start().await;
    consumer.assign(&queues).await.unwrap();
    assert_eq!(poll(&consumer, 3).await, bodies(7..10));
    let first = consumer.pull(queue, 0, 1, HOLD).await.unwrap();
    assert_eq!((first.messages.len(), first.min_offset, first.max_offset), (1, 0, 10));
    let stored_ms = first.messages[0].store_timestamp_ms;
    assert_eq!(consumer.client().offset_at(queue, stored_ms).await.unwrap(), 0);
    assert_eq!(consumer.client().offset_at(queue, stored_ms + 3_600_000).await.unwrap(), 10);
    let end = consumer.pull(queue, 10, 1, Duration::ZERO).await.unwrap();
    assert_eq!((end.status, end.next_offset), (PullStatus::NoNewMessage, 10));
    let outside = consumer.pull(queue, 1_000, 1, Duration::ZERO).await.unwrap();
    assert_eq!((outside.status, outside.next_offset), (PullStatus::OffsetIllegal, 10));
    consumer.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn a_tail_sees_what_is_sent_and_what_was(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 2).await;
    let producer = producer(nameserver).await;
    let queues = producer.queues(&topic).await.unwrap();
    for n in 0..6 {
        let message = Message::new(topic.as_str(), format!("old{n}"));
        producer.send_to_queue(message, &queues[n % 2]).await.unwrap();
    }
    let mut live = admin.client().tail(&topic, "*", TailFrom::End).await.unwrap();
    let mut last = admin.client().tail(&topic, "*", TailFrom::LastInEachQueue(1)).await.unwrap();
    let tagged = Filter::from("wanted");
    let mut tagged = admin.client().tail(&topic, tagged, TailFrom::Beginning).await.unwrap();
    producer.send(Message::new(topic.as_str(), "new").tags("wanted")).await.unwrap();
    let next = async |tail: &mut remora_client::Tail| {
        text(&tokio::time::timeout(PATIENCE, tail.next()).await.unwrap().unwrap())
    };
    assert_eq!(next(&mut live).await, "new");
    assert_eq!(next(&mut tagged).await, "new");
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        seen.insert(next(&mut last).await);
    }
    assert_eq!(seen, ["new", "old4", "old5"].map(str::to_owned).into());
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn admin_sees_and_changes_topics_groups_and_brokers(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 3).await;
    assert!(admin.topics().await.unwrap().contains(&topic));
    let masters = admin.masters(&Where::Everywhere).await.unwrap();
    let route = admin.topic_route(&topic).await.unwrap();
    assert_eq!(route.queue_datas.len(), masters.len());
    assert!(route.queue_datas.iter().all(|queues| queues.read_queue_nums == 3));
    let spans: Vec<(i64, i64)> = admin
        .topic_stats(&topic)
        .await
        .unwrap()
        .iter()
        .map(|queue| (queue.min_offset, queue.max_offset))
        .collect();
    assert_eq!(spans, vec![(0, 0); 3 * masters.len()]);
    let runtime = admin.broker_runtime(&masters[0]).await.unwrap();
    assert!(runtime.contains_key("bootTimestamp"), "{runtime:?}");
    let config = admin.broker_config(&masters[0]).await.unwrap();
    assert_eq!(config["brokerName"], *masters[0].broker_name);
    let hours = config["fileReservedTime"].clone();
    admin.update_broker_config(&masters[0], &[("fileReservedTime", &hours)]).await.unwrap();
    assert_eq!(admin.broker_config(&masters[0]).await.unwrap()["fileReservedTime"], hours);

    let group = remora_protocol::body::SubscriptionGroupConfig {
        group_name: unique("suite_admin"),
        retry_max_times: 5,
        ..Default::default()
    };
    admin.create_group(&group, &Where::Everywhere).await.unwrap();
    let groups = admin.groups(&Where::Everywhere).await.unwrap();
    assert_eq!(groups[&group.group_name].retry_max_times, 5);
    admin.delete_group(&group.group_name, &Where::Everywhere).await.unwrap();
    assert!(!admin.groups(&Where::Everywhere).await.unwrap().contains_key(&group.group_name));

    admin.delete_topic(&topic, &Where::Everywhere).await.unwrap();
    eventually("the end of the topic", || async {
        (!admin.topic_exists(&topic).await.unwrap()).then_some(())
    })
    .await;
    let unknown = admin.masters(&Where::Broker("nobody".into())).await.unwrap_err().to_string();
    assert!(
        unknown.contains("'nobody'") && unknown.contains(&*masters[0].broker_name),
        "{unknown}"
    );
    admin.shutdown().await;
}

pub async fn messages_are_found_by_key_unique_id_and_place(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let topic = topic(&admin, 2).await;
    let producer = producer(nameserver).await;
    let message = Message::new(topic.as_str(), "wanted").keys(["k1", "k2"]);
    let receipt = producer.send(message).await.unwrap();
    producer.send(Message::new(topic.as_str(), "other").keys(["k3"])).await.unwrap();
    for key in ["k1", "k2"] {
        // The index is built a little after the append.
        let found = eventually("the key in the index", || async {
            let found = admin.messages_by_key(&topic, key, 32, TimeSpan::ALL).await.unwrap();
            (!found.is_empty()).then_some(found)
        })
        .await;
        assert_eq!(texts(&found), BTreeSet::from(["wanted".to_owned()]));
    }
    let found = admin.message_by_unique_key(&topic, &receipt.msg_id).await.unwrap().unwrap();
    assert_eq!((text(&found), found.queue_offset), ("wanted".to_owned(), receipt.queue_offset));
    let found = admin.message_by_offset_id(&topic, &receipt.offset_msg_id).await.unwrap();
    assert_eq!((text(&found), found.msg_id()), ("wanted".to_owned(), receipt.msg_id));
    let none = admin.messages_by_key(&topic, "nothing", 32, TimeSpan::ALL).await.unwrap();
    assert_eq!(none, []);
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn progress_and_members_of_a_group_are_shown_and_reset(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 1).await, unique("suite_progress"));
    let producer = producer(nameserver).await;
    for n in 0..5 {
        producer.send(Message::new(topic.as_str(), format!("m{n}"))).await.unwrap();
    }
    let (handler, mut receiver) = reporting();
    let consumer = PushConsumer::builder(group.as_str())
        .nameserver(nameserver)
        .subscribe(topic.as_str(), "*")
        .consume_from(ConsumeFrom::First)
        .persist_period(Duration::from_millis(200))
        .handler(handler)
        .start()
        .await
        .unwrap();
    receive(&mut receiver, 5).await;
    eventually("no lag", || async {
        let progress = admin.consume_stats(&group, Some(&topic)).await.unwrap();
        let done = |q: &remora_client::admin::QueueProgress| q.consumer_offset == 5;
        (progress.lag() == 0 && progress.queues.iter().all(done)).then_some(())
    })
    .await;
    let connection = admin.consumer_connection(&group).await.unwrap();
    let members: Vec<&str> =
        connection.connection_set.iter().map(|member| member.client_id.as_str()).collect();
    assert_eq!(members, [consumer.client().client_id()]);
    assert!(connection.subscription_table.contains_key(&topic));
    assert!(admin.topic_groups(&topic).await.unwrap().contains(&group));

    admin.reset_offsets(&group, &topic, 0).await.unwrap();
    let again = receive(&mut receiver, 5).await;
    assert_eq!(texts(&again), numbered("m", 0..5));
    consumer.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}

/// The scenarios as tests, each counted; without the variable they say that they were skipped.
macro_rules! scenarios {
    ($($name:ident,)+) => {
        mod against_the_environment {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    match std::env::var("REMORA_TEST_NAMESERVER") {
                        Ok(nameserver) => super::$name(&nameserver).await,
                        Err(_) => eprintln!("skipped: REMORA_TEST_NAMESERVER is not set"),
                    }
                }
            )+
        }

        /// Every scenario by name.
        pub const NAMES: &[&str] = &[$(stringify!($name)),+];

        /// Runs one scenario.
        pub async fn run(name: &str, nameserver: &str) {
            match name {
                $(stringify!($name) => $name(nameserver).await,)+
                _ => panic!("no scenario is called {name}"),
            }
        }
    };
}

scenarios! {
    sends_are_stored_with_content_properties_and_offsets,
    a_key_stays_in_one_queue_in_order,
    batches_and_oneway_sends_arrive_whole,
    large_bodies_travel_compressed_and_arrive_as_sent,
    the_first_send_creates_a_topic,
    thousands_of_sends_share_a_connection,
    what_is_not_there_is_named,
    a_push_consumer_gets_each_message_and_goes_on_after_a_restart,
    members_share_the_queues_and_take_over_from_one_that_leaves,
    broadcasting_reaches_every_member_and_keeps_offsets_in_a_file,
    a_failed_message_comes_again_then_goes_to_the_dead_letters,
    a_pull_consumer_seeks_commits_and_finds_offsets_by_time,
    a_tail_sees_what_is_sent_and_what_was,
    admin_sees_and_changes_topics_groups_and_brokers,
    messages_are_found_by_key_unique_id_and_place,
    progress_and_members_of_a_group_are_shown_and_reset,
}
