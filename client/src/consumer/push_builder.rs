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
use super::process_queue::FlowLimits;
use super::push::{self, ConsumeFrom, MessageModel, PushConsumer, Settings, Shared};
use super::rebalance::AllocateStrategy;
use super::subscription::Filter;
use super::{INFLATED_BYTES_MAX, local_offsets};
use crate::clock;
use crate::error::ClientError;
use crate::instance::{Client, ClientBuilder, ConsumerMember};
use crate::limits;
use crate::view::MessageView;

/// Settings of a [`PushConsumer`]. A nameserver (or a client), a subscription and a handler must be
/// given.
pub struct PushConsumerBuilder {
    group: String,
    client: Option<Client>,
    own_client: ClientBuilder,
    subscriptions: Vec<(String, Filter)>,
    handler: Option<Handler>,
    offsets_dir: Option<PathBuf>,
    settings: Settings,
}

impl fmt::Debug for PushConsumerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushConsumerBuilder")
            .field("group", &self.group)
            .field("subscriptions", &self.subscriptions)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl PushConsumerBuilder {
    pub(super) fn new(group: String) -> Self {
        Self {
            group,
            client: None,
            own_client: Client::builder(),
            subscriptions: Vec::new(),
            handler: None,
            offsets_dir: None,
            // Java's defaults, but for the shutdown timeout (Java does not wait).
            settings: Settings {
                model: MessageModel::default(),
                consume_from: ConsumeFrom::default(),
                strategy: AllocateStrategy::default(),
                flow: FlowLimits::default(),
                pull_count_max: 32,
                consume_count_max: 1,
                concurrency: 20,
                consume_timeout: Duration::from_secs(15 * 60),
                max_reconsume_times: 16,
                local_retry_after: Duration::from_secs(5),
                rebalance_period: Duration::from_secs(20),
                persist_period: Duration::from_secs(5),
                shutdown_timeout: Duration::from_secs(30),
                inflated_bytes_max: INFLATED_BYTES_MAX,
            },
        }
    }

    /// `host:port`, or several separated by `;`.
    #[must_use]
    pub fn nameserver(mut self, addrs: impl Into<String>) -> Self {
        self.own_client = self.own_client.nameserver(addrs);
        self
    }

    /// Settings of the client that this consumer makes for itself.
    #[must_use]
    pub fn client_settings(mut self, settings: ClientBuilder) -> Self {
        self.own_client = settings;
        self
    }

    /// Uses the connections of a client that is there already; it stays open at shutdown. One
    /// client can hold one consumer of a group.
    #[must_use]
    pub fn client(mut self, client: &Client) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// Reads a topic; tags as in `"TagA || TagB"`, `"*"` for all, or a [`Filter`].
    #[must_use]
    pub fn subscribe(mut self, topic: impl Into<String>, filter: impl Into<Filter>) -> Self {
        self.subscriptions.push((topic.into(), filter.into()));
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
        self.handler = Some(Arc::new(move |messages| Box::pin(handler(messages))));
        self
    }

    /// Who of the group gets a message. Default: one member.
    #[must_use]
    pub fn message_model(mut self, model: MessageModel) -> Self {
        self.settings.model = model;
        self
    }

    /// Where a group without committed offsets starts. Default: at the end.
    #[must_use]
    pub fn consume_from(mut self, from: ConsumeFrom) -> Self {
        self.settings.consume_from = from;
        self
    }

    /// How queues are dealt out; the same in every member of a group.
    #[must_use]
    pub fn allocate_strategy(mut self, strategy: AllocateStrategy) -> Self {
        self.settings.strategy = strategy;
        self
    }

    /// How much may wait for the handler, for each queue.
    #[must_use]
    pub fn flow_limits(mut self, limits: FlowLimits) -> Self {
        self.settings.flow = limits;
        self
    }

    /// Messages asked for in one pull. Default 32; brokers have their own limit.
    #[must_use]
    pub fn pull_count_max(mut self, count: i32) -> Self {
        self.settings.pull_count_max = count.max(1);
        self
    }

    /// Messages given to one call of the handler. Default 1.
    #[must_use]
    pub fn consume_count_max(mut self, count: usize) -> Self {
        self.settings.consume_count_max = count.max(1);
        self
    }

    /// Calls of the handler at the same time. Default 20.
    #[must_use]
    pub fn concurrency(mut self, count: usize) -> Self {
        self.settings.concurrency = count.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How long one call of the handler may take; then it is dropped, and its messages are
    /// delivered again. Default 15 minutes.
    #[must_use]
    pub fn consume_timeout(mut self, timeout: Duration) -> Self {
        self.settings.consume_timeout = timeout;
        self
    }

    /// Deliveries after which a message goes to the group's dead letter topic. Default 16.
    #[must_use]
    pub fn max_reconsume_times(mut self, count: i32) -> Self {
        self.settings.max_reconsume_times = count;
        self
    }

    /// How often queues are dealt out without a notification. Default 20 s.
    #[must_use]
    pub fn rebalance_period(mut self, period: Duration) -> Self {
        self.settings.rebalance_period = period;
        self
    }

    /// How often offsets are committed. Default 5 s.
    #[must_use]
    pub fn persist_period(mut self, period: Duration) -> Self {
        self.settings.persist_period = period;
        self
    }

    /// When a message is handled again here that could be neither handled nor sent back. Default 5
    /// s.
    #[must_use]
    pub fn local_retry_after(mut self, wait: Duration) -> Self {
        self.settings.local_retry_after = wait;
        self
    }

    /// How long a shutdown waits for running handlers. Default 30 s.
    #[must_use]
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.settings.shutdown_timeout = timeout;
        self
    }

    /// Most bytes that a compressed body may become. Default 16 MiB.
    #[must_use]
    pub fn inflated_bytes_max(mut self, bytes: usize) -> Self {
        self.settings.inflated_bytes_max = bytes;
        self
    }

    /// Below which directory a broadcasting consumer keeps its offsets. Default
    /// `~/.rocketmq_offsets`, as the Java client.
    #[must_use]
    pub fn offsets_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.offsets_dir = Some(dir.into());
        self
    }

    /// Connects, joins the group and starts reading.
    ///
    /// # Errors
    /// `Setting` for an illegal group or topic or when something needed is missing,
    /// `NameserverUnreachable`, `Refused` for an SQL92 filter that a broker cannot read. A topic
    /// that does not exist yet is no error: it is read once it does.
    pub async fn start(self) -> Result<PushConsumer, ClientError> {
        limits::check_group(&self.group)?;
        let missing = |setting, reason: &str| ClientError::Setting {
            setting,
            value: String::new(),
            reason: reason.to_owned(),
        };
        let handler = self.handler.ok_or_else(|| missing("handler", "give one with `handler`"))?;
        if self.subscriptions.is_empty() {
            return Err(missing("subscription", "give one with `subscribe`"));
        }
        for (topic, _) in &self.subscriptions {
            limits::check_topic(topic)?;
        }
        let owns_client = self.client.is_none();
        let client = match self.client {
            Some(client) => client,
            None => own_client(self.own_client, self.settings.model).start().await?,
        };
        let keeper = match self.settings.model {
            MessageModel::Clustering => Keeper::Broker,
            MessageModel::Broadcasting => {
                let dir = self.offsets_dir.unwrap_or_else(local_offsets::default_dir);
                Keeper::File(local_offsets::path(&dir, client.client_id(), &self.group))
            }
        };
        let shared = Arc::new(Shared {
            offsets: Offsets::new(client.clone(), self.group.clone(), keeper),
            permits: Semaphore::new(self.settings.concurrency),
            client,
            group: self.group,
            settings: self.settings,
            handler,
            subscriptions: RwLock::new(BTreeMap::new()),
            queues: Mutex::new(HashMap::new()),
            rebalance_wanted: Notify::new(),
            stopping: CancellationToken::new(),
            readers: TaskTracker::new(),
            handlers: TaskTracker::new(),
            started_ms: clock::wall_ms(),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            owns_client,
        });
        for (topic, filter) in self.subscriptions {
            shared.subscribe(&topic, filter);
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
        Ok(PushConsumer { shared })
    }
}

/// Java's instance name for broadcasting, so that the offsets are found again after a restart.
fn own_client(settings: ClientBuilder, model: MessageModel) -> ClientBuilder {
    if model == MessageModel::Broadcasting && !settings.has_instance_name() {
        return settings.instance_name("DEFAULT");
    }
    settings
}
