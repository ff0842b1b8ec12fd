//! Consumers.
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use remora_client::{
    Admin, AllocateStrategy, ConsumeFrom, ConsumeOutcome, Filter, Message, MessageModel,
    PullConsumer, PullStatus, PushConsumer, TailFrom,
};

use super::support::{
    HOLD, PATIENCE, eventually, numbered, producer, receive, reporting, text, texts, topic, unique,
};

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
    // Apache's server moves a queue's end a little after its answer.
    for queue in &queues {
        eventually("the end of the queue", || async {
            (admin.client().max_offset(queue).await.unwrap() == 3).then_some(())
        })
        .await;
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
