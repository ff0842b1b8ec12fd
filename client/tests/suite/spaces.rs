//! Namespaces.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use remora_client::admin::{TopicSpec, Where};
use remora_client::{
    Admin, ConsumeFrom, ConsumeOutcome, Message, Producer, PullConsumer, PushConsumer,
    SimpleConsumer,
};

use super::support::{HOLD, eventually, stored, text, texts, unique};

/// Delivered bodies, with the topic that the application sees.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

async fn refusing(nameserver: &str, space: &str, topic: &str, group: &str) -> (PushConsumer, Seen) {
    let seen: Seen = Arc::default();
    let told = Arc::clone(&seen);
    let consumer = PushConsumer::builder(group)
        .nameserver(nameserver)
        .namespace(space)
        .subscribe(topic, "*")
        .consume_from(ConsumeFrom::First)
        .handler(move |messages| {
            let message = &messages[0];
            told.lock().unwrap().push((text(message), message.topic().to_owned()));
            let outcome = match message.reconsume_times {
                0 => ConsumeOutcome::RetryAtLevel(1),
                _ => ConsumeOutcome::DeadLetter,
            };
            async move { outcome }
        })
        .start()
        .await
        .unwrap();
    (consumer, seen)
}

pub async fn two_namespaces_share_topic_and_group_names_and_nothing_else(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (unique("spaced"), unique("suite_spaced"));
    let spaces = [unique("blue"), unique("green")];
    let mut producers = Vec::new();
    let mut consumers = Vec::new();
    for space in &spaces {
        let full = format!("{space}%{topic}");
        admin.create_topic(&TopicSpec::new(&full).queues(1), &Where::Everywhere).await.unwrap();
        eventually("the topic's route", || async {
            admin.client().refresh_route(&full).await.ok()
        })
        .await;
        let producer = Producer::builder("suite_producer").nameserver(nameserver).namespace(space);
        let producer = producer.start().await.unwrap();
        let message = |body: &str| Message::new(topic.as_str(), format!("{space} {body}"));
        producer.send(message("single")).await.unwrap();
        producer.send_batch(vec![message("batch 0"), message("batch 1")]).await.unwrap();
        let queues = producer.queues(&topic).await.unwrap();
        producer.send_to_queue(message("queue"), &queues[0]).await.unwrap();
        consumers.push(refusing(nameserver, space, &topic, &group).await);
        producers.push(producer);
    }
    for (space, (consumer, seen)) in spaces.iter().zip(&consumers) {
        let bodies: Vec<String> = ["batch 0", "batch 1", "queue", "single"]
            .into_iter()
            .map(|body| format!("{space} {body}"))
            .collect();
        let dead = format!("%DLQ%{space}%{group}");
        eventually("the dead letters", || async {
            let stats = admin.topic_stats(&dead).await.ok()?;
            stats.first().filter(|queue| queue.max_offset == 4).map(|_| ())
        })
        .await;
        consumer.shutdown().await;
        let mut twice: Vec<_> =
            bodies.iter().flat_map(|body| vec![(body.clone(), topic.clone()); 2]).collect();
        twice.sort();
        let mut seen = std::mem::take(&mut *seen.lock().unwrap());
        seen.sort();
        assert_eq!(seen, twice);
        let letters = stored(nameserver, &dead, 4).await;
        assert_eq!(texts(&letters), bodies.iter().cloned().collect());
        assert_eq!(pulled(nameserver, space, &topic).await, bodies);
        assert_eq!(taken(nameserver, space, &topic).await, bodies);
    }
    for producer in producers {
        producer.shutdown().await;
    }
    admin.shutdown().await;
}

fn sorted(mut bodies: Vec<String>) -> Vec<String> {
    bodies.sort();
    bodies
}

/// What a pull consumer of the namespace finds in the topic.
async fn pulled(nameserver: &str, space: &str, topic: &str) -> Vec<String> {
    let settings = PullConsumer::builder(unique("suite_pull")).nameserver(nameserver);
    let reader = settings.namespace(space).start().await.unwrap();
    let queue = reader.queues(topic).await.unwrap()[0].clone();
    assert_eq!(*queue.topic, format!("{space}%{topic}"));
    let mut found: Vec<String> = Vec::new();
    while found.len() < 4 {
        let offset = i64::try_from(found.len()).unwrap();
        let pulled = reader.pull(&queue, offset, 32, HOLD.min(Duration::from_secs(2))).await;
        let messages = pulled.unwrap().messages;
        assert!(messages.iter().all(|message| message.topic() == topic));
        found.extend(messages.iter().map(text));
    }
    reader.shutdown().await;
    sorted(found)
}

/// What a simple consumer of the namespace takes from the topic.
async fn taken(nameserver: &str, space: &str, topic: &str) -> Vec<String> {
    let settings = SimpleConsumer::builder(unique("suite_simple")).nameserver(nameserver);
    let settings = settings.namespace(space).subscribe(topic, "*").await_duration(HOLD);
    let consumer = settings.start().await.unwrap();
    let mut found: Vec<String> = Vec::new();
    while found.len() < 4 {
        for popped in consumer.receive(32, Duration::from_secs(60)).await.unwrap() {
            assert_eq!((&*popped.topic, popped.message.topic()), (topic, topic));
            found.push(text(&popped.message));
            consumer.acknowledge(&popped).await.unwrap();
        }
    }
    consumer.shutdown().await;
    sorted(found)
}
