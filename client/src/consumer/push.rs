//! The push consumer: queues are dealt out among the group's members, messages go to a handler.
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use remora_protocol::{body, names};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::consume::{ConsumeOutcome, Handler};
use super::offsets::Offsets;
use super::ordered::Turns;
use super::process_queue::FlowLimits;
use super::push_builder::PushConsumerBuilder;
use super::queue_reader::QueueReader;
use super::rebalance::AllocateStrategy;
use super::rebalancing;
use super::subscription::{Filter, Subscription};
use crate::clock;
use crate::error::ClientError;
use crate::instance::{Client, ConsumerMember};
use crate::queue::MessageQueue;

/// Who of a group gets a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MessageModel {
    /// One member. Offsets are kept by the broker.
    #[default]
    Clustering,
    /// Every member. Each keeps its offsets in a file; what fails is not delivered again.
    Broadcasting,
}

/// Where a group starts that has committed nothing yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ConsumeFrom {
    /// With messages sent from now on. Java's default.
    #[default]
    Last,
    /// With the oldest stored message.
    First,
    /// With messages stored since this time, in ms since 1970.
    TimestampMs(i64),
}

/// Receives messages and hands them to a handler, many at a time. A message is acknowledged after
/// its handler returned [`ConsumeOutcome::Success`]: each is delivered at least once.
///
/// ```no_run
/// # async fn example() -> Result<(), remora_client::ClientError> {
/// use remora_client::{ConsumeOutcome, PushConsumer};
///
/// let consumer = PushConsumer::builder("billing")
///     .nameserver("127.0.0.1:9876")
///     .subscribe("order-events", "created || paid")
///     .handler(|messages| async move {
///         for message in &messages {
///             println!("{} {:?}", message.msg_id(), message.body());
///         }
///         ConsumeOutcome::Success
///     })
///     .start()
///     .await?;
/// consumer.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PushConsumer {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) client: Client,
    pub(super) group: String,
    pub(super) settings: Settings,
    pub(super) handler: Handler,
    pub(super) subscriptions: RwLock<BTreeMap<Arc<str>, Arc<Subscription>>>,
    pub(super) queues: Mutex<HashMap<MessageQueue, Arc<QueueReader>>>,
    pub(super) offsets: Offsets,
    pub(super) rebalance_wanted: Notify,
    /// As many handlers run at a time.
    pub(super) permits: Semaphore,
    /// Cancelled when no more is to be pulled or handled.
    pub(super) stopping: CancellationToken,
    pub(super) readers: TaskTracker,
    pub(super) handlers: TaskTracker,
    pub(super) turns: Turns,
    pub(super) started_ms: i64,
    pub(super) succeeded: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) owns_client: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) model: MessageModel,
    pub(super) consume_from: ConsumeFrom,
    pub(super) strategy: AllocateStrategy,
    pub(super) flow: FlowLimits,
    pub(super) pull_count_max: i32,
    pub(super) consume_count_max: usize,
    pub(super) concurrency: usize,
    pub(super) consume_timeout: Duration,
    /// Messages of a queue are handled one after the other.
    pub(super) is_ordered: bool,
    /// `None`: as the kind of consumption wants it.
    pub(super) max_reconsume_times: Option<i32>,
    pub(super) suspend: Duration,
    pub(super) local_retry_after: Duration,
    pub(super) rebalance_period: Duration,
    pub(super) persist_period: Duration,
    pub(super) shutdown_timeout: Duration,
    pub(super) inflated_bytes_max: usize,
}

impl Settings {
    /// Deliveries after which a message is a dead letter. Java's: in order, a message is handled
    /// again until it succeeds.
    pub(super) fn max_reconsume_times(&self) -> i32 {
        self.max_reconsume_times.unwrap_or(if self.is_ordered { i32::MAX } else { 16 })
    }
}

impl PushConsumer {
    /// Starts with the name of the consumer group.
    pub fn builder(group: impl Into<String>) -> PushConsumerBuilder {
        PushConsumerBuilder::of_group(group.into())
    }

    /// Reads a further topic, or the same with another filter. All members of a group must
    /// subscribe to the same.
    pub async fn subscribe(
        &self,
        topic: &str,
        filter: impl Into<Filter>,
    ) -> Result<(), ClientError> {
        let topic = self.client().full_name(topic);
        self.shared.subscribe(&topic, filter.into());
        if let Err(error) = self.shared.check_filters().await {
            self.shared.subscriptions.write().remove(&topic);
            return Err(error);
        }
        self.shared.announce().await;
        self.shared.rebalance_wanted.notify_one();
        Ok(())
    }

    /// Stops reading a topic; its offsets are committed.
    pub async fn unsubscribe(&self, topic: &str) {
        let topic = self.client().full_name(topic);
        self.shared.subscriptions.write().remove(&topic);
        self.shared.client.heartbeat_now().await;
        self.shared.rebalance_wanted.notify_one();
    }

    /// The queues that this member reads now, sorted.
    pub fn queues(&self) -> Vec<MessageQueue> {
        let mut queues: Vec<MessageQueue> = self.shared.queues.lock().keys().cloned().collect();
        queues.sort();
        queues
    }

    /// The client below, to share its connections.
    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    /// Stops pulling, waits for the handlers that run (30 s by default), commits offsets and tells
    /// the brokers, so that other members take over at once.
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        shared.stopping.cancel();
        shared.readers.close();
        shared.readers.wait().await;
        shared.handlers.close();
        let drained =
            tokio::time::timeout(shared.settings.shutdown_timeout, shared.handlers.wait());
        if drained.await.is_err() {
            tracing::warn!(group = %shared.group, "handlers still run at shutdown; their messages \
                will be delivered again");
        }
        let readers: Vec<Arc<QueueReader>> =
            shared.queues.lock().drain().map(|(_, reader)| reader).collect();
        for reader in readers {
            reader.drop_queue();
            shared.offsets.release(&reader.queue).await;
            // After the commit, which whoever takes the queue over must find.
            if shared.locks_queues() {
                shared.unlock(&reader.queue).await;
            }
        }
        shared.client.remove_consumer(&shared.group).await;
        if shared.owns_client {
            shared.client.shutdown().await;
        }
    }
}

impl Drop for PushConsumer {
    fn drop(&mut self) {
        self.shared.stopping.cancel();
    }
}

impl Shared {
    /// Adds a subscription; the group's retry topic comes with the first one.
    pub(super) fn subscribe(&self, topic: &str, filter: Filter) {
        let version_ms = clock::wall_ms();
        let mut subscriptions = self.subscriptions.write();
        let mut add = |topic: Arc<str>, filter| {
            let subscription = Subscription::new(Arc::clone(&topic), filter, version_ms);
            subscriptions.insert(topic, Arc::new(subscription));
        };
        add(Arc::from(topic), filter);
        if self.settings.model == MessageModel::Clustering {
            add(Arc::from(names::retry_topic(&self.group)), Filter::all());
        }
    }

    /// Asks a broker of each topic whether it understands the SQL92 filter: later it could only
    /// leave messages out.
    pub(super) async fn check_filters(&self) -> Result<(), ClientError> {
        let subscriptions: Vec<Arc<Subscription>> =
            self.subscriptions.read().values().cloned().collect();
        for subscription in subscriptions {
            if let Filter::Sql92(_) = subscription.filter {
                self.client.check_filter(&self.group, &subscription).await?;
            }
        }
        Ok(())
    }

    pub(super) fn subscription(&self, topic: &str) -> Option<Arc<Subscription>> {
        self.subscriptions.read().get(topic).cloned()
    }

    /// Learns where the subscribed topics are, and tells their brokers.
    pub(super) async fn announce(&self) {
        let topics: Vec<Arc<str>> = self.subscriptions.read().keys().cloned().collect();
        for topic in topics {
            if let Err(e) = self.client.route(&topic).await {
                // The retry topic is made by the first heartbeat; others may be created later.
                tracing::debug!(%topic, error = %e, "no route yet");
            }
        }
        self.client.heartbeat_now().await;
    }

    pub(super) fn count_outcome(&self, outcome: ConsumeOutcome, messages: usize) {
        let counter =
            if outcome == ConsumeOutcome::Success { &self.succeeded } else { &self.failed };
        counter.fetch_add(u64::try_from(messages).unwrap_or(0), Ordering::Relaxed);
    }
}

impl ConsumerMember for Shared {
    fn heartbeat(&self) -> body::ConsumerData {
        super::running_info::consumer_data(self)
    }

    fn rebalance_now(&self) {
        self.rebalance_wanted.notify_one();
    }

    fn running_info(&self) -> body::ConsumerRunningInfo {
        super::running_info::running_info(self)
    }

    fn offsets(&self, topic: &str) -> Vec<(MessageQueue, i64)> {
        self.offsets.of_topic(topic)
    }

    fn reset_offsets(&self, _topic: &str, offsets: Vec<(MessageQueue, i64)>) {
        let mut queues = self.queues.lock();
        for (queue, offset) in offsets {
            if let Some(reader) = queues.remove(&queue) {
                // The next rebalance starts a new reader, at this offset.
                reader.drop_queue();
                self.offsets.set(&queue, offset);
            }
        }
        drop(queues);
        self.rebalance_wanted.notify_one();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushConsumer")
            .field("group", &self.group)
            .field("settings", &self.settings)
            .field("subscriptions", &self.subscriptions)
            .finish_non_exhaustive()
    }
}

/// Rebalances and persists offsets until the consumer stops or is dropped.
pub(super) async fn run(shared: Weak<Shared>, stopping: CancellationToken, settings: Settings) {
    let mut rebalance = tokio::time::interval(settings.rebalance_period);
    let mut persist = tokio::time::interval(settings.persist_period);
    persist.tick().await;
    loop {
        let Some(alive) = shared.upgrade() else { return };
        tokio::select! {
            () = stopping.cancelled() => return,
            () = alive.rebalance_wanted.notified() => {}
            _ = rebalance.tick() => {}
            _ = persist.tick() => {
                alive.offsets.persist_changed().await;
                continue;
            }
        }
        let again = tokio::select! {
            () = stopping.cancelled() => return,
            again = rebalancing::rebalance(&alive) => again,
        };
        if again == rebalancing::Outcome::Incomplete {
            rebalance.reset_after(rebalancing::AGAIN_AFTER.min(settings.rebalance_period));
        }
    }
}
