//! Making a push consumer.
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::consume::{ConsumeOutcome, Handler};
use super::offsets::{Keeper, Offsets};
use super::ordered::Turns;
use super::process_queue::FlowLimits;
use super::push::{self, ConsumeFrom, MessageModel, PushConsumer, Settings, Shared};
use super::queue_locks;
use super::rebalance::AllocateStrategy;
use super::subscription::Filter;
use super::{INFLATED_BYTES_MAX, local_offsets};
use crate::clock;
use crate::error::ClientError;
use crate::instance::{ConsumerMember, MemberBuilder, MemberClient};
use crate::limits;
use crate::view::MessageView;

/// Settings of a [`PushConsumer`]. A nameserver (or a client), a subscription and a handler must be
/// given.
pub type PushConsumerBuilder = MemberBuilder<PushSettings>;

/// What a [`PushConsumerBuilder`] sets.
#[derive(Clone)]
pub struct PushSettings {
    subscriptions: Vec<(String, Filter)>,
    handler: Option<Handler>,
    offsets_dir: Option<PathBuf>,
    settings: Settings,
}

impl fmt::Debug for PushSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushSettings")
            .field("subscriptions", &self.subscriptions)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl PushConsumerBuilder {
    pub(super) fn of_group(group: String) -> Self {
        // Java's defaults, but for the shutdown timeout (Java does not wait).
        let settings = Settings {
            model: MessageModel::default(),
            consume_from: ConsumeFrom::default(),
            strategy: AllocateStrategy::default(),
            flow: FlowLimits::default(),
            pull_count_max: 32,
            consume_count_max: 1,
            concurrency: 20,
            consume_timeout: Duration::from_secs(15 * 60),
            is_ordered: false,
            max_reconsume_times: None,
            suspend: Duration::from_secs(1),
            local_retry_after: Duration::from_secs(5),
            rebalance_period: Duration::from_secs(20),
            persist_period: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(30),
            inflated_bytes_max: INFLATED_BYTES_MAX,
        };
        let own =
            PushSettings { subscriptions: Vec::new(), handler: None, offsets_dir: None, settings };
        Self::new(group, own)
    }

    /// Reads a topic; tags as in `"TagA || TagB"`, `"*"` for all, or a [`Filter`].
    #[must_use]
    pub fn subscribe(mut self, topic: impl Into<String>, filter: impl Into<Filter>) -> Self {
        self.own.subscriptions.push((topic.into(), filter.into()));
        self
    }

    /// What is done with messages. Called many times at once (see `concurrency`), with one message
    /// unless `consume_count_max` says more.
    #[must_use]
    pub fn handler<F, H>(mut self, handler: H) -> Self
    where
        H: Fn(Vec<MessageView>) -> F + Send + Sync + 'static,
        F: Future<Output = ConsumeOutcome> + Send + 'static,
    {
        self.own.handler = Some(Arc::new(move |messages| Box::pin(handler(messages))));
        self
    }

    /// Who of the group gets a message. Default: one member.
    #[must_use]
    pub fn message_model(mut self, model: MessageModel) -> Self {
        self.own.settings.model = model;
        self
    }

    /// Where a group without committed offsets starts. Default: at the end.
    #[must_use]
    pub fn consume_from(mut self, from: ConsumeFrom) -> Self {
        self.own.settings.consume_from = from;
        self
    }

    /// How queues are dealt out; the same in every member of a group.
    #[must_use]
    pub fn allocate_strategy(mut self, strategy: AllocateStrategy) -> Self {
        self.own.settings.strategy = strategy;
        self
    }

    /// How much may wait for the handler, for each queue or topic; past it no more is pulled.
    #[must_use]
    pub fn flow_limits(mut self, limits: FlowLimits) -> Self {
        self.own.settings.flow = limits;
        self
    }

    /// Messages asked for in one pull. Default 32; brokers have their own limit.
    #[must_use]
    pub fn pull_count_max(mut self, count: i32) -> Self {
        self.own.settings.pull_count_max = count.max(1);
        self
    }

    /// Messages given to one call of the handler. Default 1.
    #[must_use]
    pub fn consume_count_max(mut self, count: usize) -> Self {
        self.own.settings.consume_count_max = count.max(1);
        self
    }

    /// Calls of the handler at the same time. Default 20.
    #[must_use]
    pub fn concurrency(mut self, count: usize) -> Self {
        self.own.settings.concurrency = count.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long one call of the handler may take; then it is dropped, and its messages are
    /// delivered again. Default 15 minutes.
    #[must_use]
    pub fn consume_timeout(mut self, timeout: Duration) -> Self {
        self.own.settings.consume_timeout = timeout;
        self
    }

    /// Handles the messages of each queue one after the other, in their order: one call of the
    /// handler a queue at a time, and only by the member that holds the queue's lock. What fails is
    /// handled again in its place (see `suspend`), and all behind it waits.
    #[must_use]
    pub fn ordered(mut self) -> Self {
        self.own.settings.is_ordered = true;
        self
    }

    /// Ordered consumption: how long a queue rests after a handler failed. Default 1 s.
    #[must_use]
    pub fn suspend(mut self, wait: Duration) -> Self {
        self.own.settings.suspend = wait;
        self
    }

    /// Deliveries after which a message goes to the group's dead letter topic. Default 16; ordered
    /// consumption handles a message again until it succeeds.
    #[must_use]
    pub fn max_reconsume_times(mut self, count: i32) -> Self {
        self.own.settings.max_reconsume_times = Some(count);
        self
    }

    /// How often queues are dealt out without a notification. Default 20 s.
    #[must_use]
    pub fn rebalance_period(mut self, period: Duration) -> Self {
        self.own.settings.rebalance_period = period;
        self
    }

    /// How often offsets are committed. Default 5 s.
    #[must_use]
    pub fn persist_period(mut self, period: Duration) -> Self {
        self.own.settings.persist_period = period;
        self
    }

    /// When a message is handled again here that could be neither handled nor sent back. Default 5
    /// s.
    #[must_use]
    pub fn local_retry_after(mut self, wait: Duration) -> Self {
        self.own.settings.local_retry_after = wait;
        self
    }

    /// How long a shutdown waits for running handlers. Default 30 s.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.own.settings.shutdown_timeout = timeout;
        self
    }

    /// Most bytes that a compressed body may become. Default 16 MiB.
    #[must_use]
    pub fn inflated_bytes_max(mut self, bytes: usize) -> Self {
        self.own.settings.inflated_bytes_max = bytes;
        self
    }

    /// Below which directory a broadcasting consumer keeps its offsets. Default
    /// `~/.rocketmq_offsets`, as the Java client.
    #[must_use]
    pub fn offsets_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.own.offsets_dir = Some(dir.into());
        self
    }

    /// Connects, joins the group and starts reading.
    ///
    /// # Errors
    /// `Setting` for an illegal group or topic or when something needed is missing,
    /// `NameserverUnreachable`, `Refused` for an SQL92 filter that a broker cannot read. A topic
    /// that does not exist yet is no error: it is read once it does.
    pub async fn start(mut self) -> Result<PushConsumer, ClientError> {
        let handler =
            self.own.handler.take().ok_or_else(|| missing("handler", "give one with `handler`"))?;
        if self.own.subscriptions.is_empty() {
            return Err(missing("subscription", "give one with `subscribe`"));
        }
        self.own.subscriptions.iter().try_for_each(|(topic, _)| limits::check_topic(topic))?;
        if self.own.settings.model == MessageModel::Broadcasting {
            // As Java, so that the offsets are found again after a restart.
            self.name_own_client("DEFAULT");
        }
        let (group, MemberClient { client, is_own }, own) = self.connect().await?;
        let PushSettings { subscriptions, offsets_dir, settings, .. } = own;
        let keeper = match settings.model {
            MessageModel::Clustering => Keeper::Broker,
            MessageModel::Broadcasting => {
                let dir = offsets_dir.unwrap_or_else(local_offsets::default_dir);
                Keeper::File(local_offsets::path(&dir, client.client_id(), &group))
            }
        };
        let shared = Arc::new(Shared {
            offsets: Offsets::new(client.clone(), group.clone(), keeper),
            permits: Semaphore::new(settings.concurrency),
            client,
            group,
            settings,
            handler,
            subscriptions: RwLock::new(BTreeMap::new()),
            queues: Mutex::new(HashMap::new()),
            rebalance_wanted: Notify::new(),
            stopping: CancellationToken::new(),
            readers: TaskTracker::new(),
            handlers: TaskTracker::new(),
            turns: Turns::default(),
            started_ms: clock::wall_ms(),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            owns_client: is_own,
        });
        for (topic, filter) in subscriptions {
            shared.subscribe(&shared.client.full_name(&topic), filter);
        }
        shared.check_filters().await?;
        let member: Weak<dyn ConsumerMember> = Arc::<Shared>::downgrade(&shared);
        shared.client.add_consumer(&shared.group, member)?;
        shared.announce().await;
        shared.readers.spawn(push::run(
            Arc::downgrade(&shared),
            shared.stopping.clone(),
            shared.settings.clone(),
        ));
        if shared.locks_queues() {
            let renewing =
                queue_locks::renew_regularly(Arc::downgrade(&shared), shared.stopping.clone());
            shared.readers.spawn(renewing);
        }
        Ok(PushConsumer { shared })
    }
}

fn missing(setting: &'static str, reason: &str) -> ClientError {
    ClientError::Setting { setting, value: String::new(), reason: reason.to_owned() }
}
