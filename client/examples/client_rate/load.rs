//! The load: callers with a window of sends each, closed loop.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use remora_client::{BatchPolicy, Message, Producer};
use tokio::task::JoinSet;

use crate::options::Options;

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub messages: u64,
    pub failed: u64,
    pub seconds: f64,
}

impl Measured {
    pub fn per_second(&self) -> f64 {
        self.messages as f64 / self.seconds
    }

    pub fn to_json(self) -> String {
        format!(
            r#"{{"client":"remora","messages":{},"failed":{},"seconds":{:.3},"perSecond":{:.0}}}"#,
            self.messages,
            self.failed,
            self.seconds,
            self.per_second(),
        )
    }
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    stop: AtomicBool,
}

pub fn run(options: &Options) -> Result<Measured, String> {
    let runtime = match options.threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        threads => {
            tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
        }
    };
    runtime.map_err(|e| e.to_string())?.block_on(send(options)).map_err(|e| e.to_string())
}

async fn send(options: &Options) -> Result<Measured, remora_client::ClientError> {
    let mut builder = Producer::builder("client-rate").nameserver(&options.nameserver);
    if options.batching {
        builder = builder.auto_batch(BatchPolicy::default());
    }
    let producer = builder.start().await?;
    // The route and the connection are there before anything counts; a new topic is made.
    producer.send(Message::new(options.topic.as_str(), "first")).await?;
    let counts = Arc::new(Counts::default());
    let senders = options.callers * options.window;
    let share = options.messages.map(|count| count / senders as u64);
    let mut tasks = JoinSet::new();
    let topic: Arc<str> = Arc::from(options.topic.as_str());
    let body = Bytes::from(vec![b'x'; options.size_bytes]);
    let started = now();
    for _ in 0..senders {
        let (producer, counts) = (producer.clone(), Arc::clone(&counts));
        let (topic, body) = (Arc::clone(&topic), body.clone());
        tasks.spawn(sender(producer, counts, topic, body, share));
    }
    let measured = match options.messages {
        Some(_) => {
            while tasks.join_next().await.is_some() {}
            Measured {
                messages: counts.sent.load(Ordering::Relaxed),
                failed: counts.failed.load(Ordering::Relaxed),
                seconds: started.elapsed().as_secs_f64(),
            }
        }
        None => {
            tokio::time::sleep(options.warmup).await;
            let measured = over(options.seconds, &counts).await;
            counts.stop.store(true, Ordering::Relaxed);
            while tasks.join_next().await.is_some() {}
            measured
        }
    };
    producer.shutdown().await;
    Ok(measured)
}

fn now() -> Instant {
    Instant::now()
}

async fn over(time: Duration, counts: &Counts) -> Measured {
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (sent, failed, started) = (of(&counts.sent), of(&counts.failed), now());
    tokio::time::sleep(time).await;
    Measured {
        messages: of(&counts.sent) - sent,
        failed: of(&counts.failed) - failed,
        seconds: started.elapsed().as_secs_f64(),
    }
}

async fn sender(
    producer: Producer,
    counts: Arc<Counts>,
    topic: Arc<str>,
    body: Bytes,
    share: Option<u64>,
) {
    let mut left = share.unwrap_or(u64::MAX);
    while left > 0 && !counts.stop.load(Ordering::Relaxed) {
        left -= 1;
        let counter = match producer.send(Message::new(Arc::clone(&topic), body.clone())).await {
            Ok(_) => &counts.sent,
            Err(error) => {
                if counts.failed.load(Ordering::Relaxed) == 0 {
                    eprintln!("first failure: {error}");
                }
                &counts.failed
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
