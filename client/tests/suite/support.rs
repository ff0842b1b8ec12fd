//! What the scenarios share: names of their own, waiting, receiving.
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use remora_client::admin::{TopicSpec, Where};
use remora_client::{Admin, ConsumeOutcome, MessageView, Producer, PullConsumer};
use tokio::sync::mpsc;

/// Longer than anything that works takes, even on a busy machine: a rebalance round is 20 s.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long a broker may keep a pull.
pub const HOLD: Duration = Duration::from_secs(2);

/// A name that no other scenario or run uses.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    format!("{prefix}_{now:x}_{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Asks again until there is an answer.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
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
pub async fn topic(admin: &Admin, queues: i32) -> String {
    let topic = unique("suite");
    let spec = TopicSpec::new(&topic).queues(queues);
    admin.create_topic(&spec, &Where::Everywhere).await.unwrap();
    eventually("the topic's route", || async { admin.client().refresh_route(&topic).await.ok() })
        .await;
    topic
}

pub async fn producer(nameserver: &str) -> Producer {
    Producer::builder("suite_producer").nameserver(nameserver).start().await.unwrap()
}

/// Everything that a topic holds, queue by queue in order, once it shows as many as were sent: to
/// Apache's broker a message is in its queue some time after the answer.
pub async fn stored(nameserver: &str, topic: &str, count: i64) -> Vec<MessageView> {
    let consumer =
        PullConsumer::builder(unique("suite_reader")).nameserver(nameserver).start().await.unwrap();
    let spans = eventually("all that was sent is in the queues", || async {
        let mut spans = Vec::new();
        for queue in consumer.queues(topic).await.unwrap() {
            let start = consumer.client().min_offset(&queue).await.unwrap();
            let end = consumer.client().max_offset(&queue).await.unwrap();
            spans.push((queue, start..end));
        }
        let shown: i64 = spans.iter().map(|(_, span)| span.end - span.start).sum();
        (shown >= count).then_some(spans)
    })
    .await;
    let mut messages = Vec::new();
    for (queue, span) in spans {
        let mut offset = span.start;
        while offset < span.end {
            let pulled = consumer.pull(&queue, offset, 32, HOLD).await.unwrap();
            messages.extend(pulled.messages);
            offset = pulled.next_offset;
        }
    }
    consumer.shutdown().await;
    messages
}

pub fn text(message: &MessageView) -> String {
    String::from_utf8(message.body().to_vec()).unwrap()
}

pub fn texts(messages: &[MessageView]) -> BTreeSet<String> {
    messages.iter().map(text).collect()
}

pub fn numbered(prefix: &str, range: std::ops::Range<usize>) -> BTreeSet<String> {
    range.map(|n| format!("{prefix}{n}")).collect()
}

/// A handler that reports every message, and the other end.
pub fn reporting() -> (
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

pub async fn receive(
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
