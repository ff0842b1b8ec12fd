//! Consumption in order.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use remora_client::{
    Admin, ClientError, ConsumeFrom, ConsumeOutcome, Message, MessageView, Producer, PushConsumer,
};
use remora_protocol::ResponseCode;

use super::support::{eventually, producer, text, topic, unique};

/// Offset and deliveries before, of each queue, in the order of the calls.
type Deliveries = BTreeMap<i32, Vec<(i64, i32)>>;

/// What handlers were given.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Deliveries>>);

impl Log {
    fn note(&self, message: &MessageView) {
        let mut queues = self.0.lock().unwrap();
        let seen = (message.queue_offset, message.reconsume_times);
        queues.entry(message.queue.queue_id).or_default().push(seen);
    }

    fn of_all(&self) -> Deliveries {
        self.0.lock().unwrap().clone()
    }

    async fn reaches(&self, count: usize) -> Deliveries {
        eventually("all deliveries", || async {
            let all = self.of_all();
            (all.values().map(Vec::len).sum::<usize>() >= count).then_some(all)
        })
        .await
    }
}

async fn send(producer: &Producer, topic: &str, of_each_queue: usize) {
    for queue in producer.queues(topic).await.unwrap() {
        for n in 0..of_each_queue {
            let message = Message::new(topic, format!("m{n}"));
            // Apache's broker refuses what had to wait for 200 ms; it is not stored then.
            while let Err(error) = producer.send_to_queue(message.clone(), &queue).await {
                let is_busy =
                    matches!(error, ClientError::Refused { code: ResponseCode::SYSTEM_BUSY, .. });
                assert!(is_busy, "{error}");
            }
        }
    }
}

pub async fn an_ordered_consumer_handles_what_failed_again_in_its_place(nameserver: &str) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 2).await, unique("suite_ordered"));
    let producer = producer(nameserver).await;
    send(&producer, &topic, 20).await;
    let log = Log::default();
    let noted = log.clone();
    let consumer = PushConsumer::builder(group.as_str())
        .nameserver(nameserver)
        .subscribe(topic.as_str(), "*")
        .consume_from(ConsumeFrom::First)
        .ordered()
        .suspend(Duration::from_millis(20))
        .handler(move |messages| {
            let noted = noted.clone();
            async move {
                // Others of the same queue would overtake here.
                tokio::task::yield_now().await;
                noted.note(&messages[0]);
                let fails = messages[0].queue_offset % 5 == 4 && messages[0].reconsume_times < 2;
                if fails { ConsumeOutcome::RetryLater } else { ConsumeOutcome::Success }
            }
        })
        .start()
        .await
        .unwrap();
    let once = |offset: i64| if offset % 5 == 4 { 0..3 } else { 0..1 };
    let expected: Vec<(i64, i32)> =
        (0..20).flat_map(|offset| once(offset).map(move |times| (offset, times))).collect();
    let all = log.reaches(2 * expected.len()).await;
    assert_eq!(all, BTreeMap::from([(0, expected.clone()), (1, expected)]));
    consumer.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn an_ordered_message_that_fails_too_often_is_dead_and_the_queue_goes_on(
    nameserver: &str,
) {
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 1).await, unique("suite_ordered"));
    let producer = producer(nameserver).await;
    send(&producer, &topic, 3).await;
    let log = Log::default();
    let noted = log.clone();
    let consumer = PushConsumer::builder(group.as_str())
        .nameserver(nameserver)
        .subscribe(topic.as_str(), "*")
        .consume_from(ConsumeFrom::First)
        .ordered()
        .suspend(Duration::from_millis(20))
        .max_reconsume_times(2)
        .handler(move |messages| {
            noted.note(&messages[0]);
            let is_bad = text(&messages[0]) == "m1";
            let outcome = if is_bad { ConsumeOutcome::RetryLater } else { ConsumeOutcome::Success };
            std::future::ready(outcome)
        })
        .start()
        .await
        .unwrap();
    let all = log.reaches(5).await;
    assert_eq!(all, BTreeMap::from([(0, vec![(0, 0), (1, 0), (1, 1), (1, 2), (2, 0)])]));
    let dead = format!("%DLQ%{group}");
    let dead_count = eventually("the dead letter", || async {
        let stats = admin.topic_stats(&dead).await.ok()?;
        stats.first().map(|queue| queue.max_offset).filter(|end| *end > 0)
    });
    assert_eq!(dead_count.await, 1);
    consumer.shutdown().await;
    producer.shutdown().await;
    admin.shutdown().await;
}

pub async fn queues_change_hands_three_times_in_order_without_a_duplicate(nameserver: &str) {
    const QUEUES: usize = 6;
    const OF_EACH_QUEUE: usize = 100;
    let admin = Admin::connect(nameserver).await.unwrap();
    let (topic, group) = (topic(&admin, 6).await, unique("suite_ordered"));
    let producer = producer(nameserver).await;
    send(&producer, &topic, OF_EACH_QUEUE).await;
    let log = Log::default();
    let start = async || {
        let noted = log.clone();
        PushConsumer::builder(group.as_str())
            .nameserver(nameserver)
            .subscribe(topic.as_str(), "*")
            .consume_from(ConsumeFrom::First)
            .ordered()
            .handler(move |messages| {
                let noted = noted.clone();
                async move {
                    // Long enough for another message to overtake it, if one were handed over.
                    for _ in 0..200 {
                        tokio::task::yield_now().await;
                    }
                    noted.note(&messages[0]);
                    ConsumeOutcome::Success
                }
            })
            .start()
            .await
            .unwrap()
    };
    let settled = async |members: &[&PushConsumer]| {
        let share = |consumer: &PushConsumer| {
            consumer.queues().into_iter().filter(|queue| *queue.topic == *topic).count()
        };
        eventually("an equal share each", || async {
            members.iter().all(|member| share(member) == QUEUES / members.len()).then_some(())
        })
        .await;
    };
    let first = start().await;
    log.reaches(QUEUES).await;
    let second = start().await;
    settled(&[&first, &second]).await;
    let third = start().await;
    settled(&[&first, &second, &third]).await;
    first.shutdown().await;
    settled(&[&second, &third]).await;
    // Whatever was left of the backlog, and what comes after the last change.
    send(&producer, &topic, OF_EACH_QUEUE).await;
    let all = log.reaches(QUEUES * 2 * OF_EACH_QUEUE).await;
    second.shutdown().await;
    third.shutdown().await;
    let in_order: Vec<(i64, i32)> =
        (0..2 * OF_EACH_QUEUE).map(|offset| (i64::try_from(offset).unwrap(), 0)).collect();
    assert_eq!(all, (0..).take(QUEUES).map(|queue| (queue, in_order.clone())).collect());
    assert_eq!(log.of_all(), all, "nothing more at the end");
    producer.shutdown().await;
    admin.shutdown().await;
}
