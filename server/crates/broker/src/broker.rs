//! The broker's state, its start and its stop.
//!
//! Lock order, outer first: topics' version, groups' version, clients' table, queue locks, pull
//! hold, pop hold, flight shards, offset shards; half messages alone. None is held across `.await`
//! or a call into the store. Topic and group changes hold their version over the metadata log's
//! write (they are one at a time, and never on the send or pull path).
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use remora_config::{Config, FlushDisk, Settings};
use remora_protocol::body::{DataVersion, SubscriptionGroupConfig, TopicConfig};
use remora_remoting::Service;
use remora_store::meta_log::{Durability, MetaError};
use remora_store::{
    Environment, FileDisk, FlushMode, MetaLog, OpenError, RecoveryReport, RetentionRules, Store,
    StoreConfig,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admission::Admission;
use crate::clients::Clients;
use crate::cold_reads::ColdReads;
use crate::group_table::{AutoCreate, GroupTable};
use crate::hand_over::HandOvers;
use crate::json_files::{self, JsonError};
use crate::message_trace::MessageTrace;
use crate::meta;
use crate::metrics::Metrics;
use crate::offset_resets::OffsetResets;
use crate::offset_table::{OffsetTable, QueueOffsets};
use crate::pop::Pops;
use crate::pop::table::FlightSnapshots;
use crate::pull_wait::PullWait;
use crate::queue_locks::QueueLocks;
use crate::rates::Rates;
use crate::registration::Registration;
use crate::request_modes::RequestModes;
use crate::send_later::LaterSends;
use crate::service::BrokerService;
use crate::system_names;
use crate::time;
use crate::timer::{TimerError, TimerSetup, Timers};
use crate::topic_routes::TopicRoutes;
use crate::topic_table::TopicTable;
use crate::transaction_state;
use crate::transactions::Transactions;

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    Meta(#[from] MetaError),
    #[error(transparent)]
    Import(#[from] JsonError),
    #[error("delayed messages: {0}")]
    Timer(#[from] TimerError),
}

/// Where clients find us, and what is written into records as the store host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// `host:port` that the nameserver is told.
    pub registered: String,
    pub ha: String,
    /// In every record and so in every offset id.
    pub store_host: SocketAddr,
}

/// Everything that the handlers share.
#[derive(Debug)]
pub struct Broker {
    pub config: Arc<Config>,
    pub store: Arc<Store>,
    pub meta: Arc<MetaLog>,
    pub topics: TopicTable,
    pub groups: GroupTable,
    pub offsets: OffsetTable,
    pub resets: OffsetResets,
    pub clients: Clients,
    pub queue_locks: Mutex<QueueLocks>,
    pub transactions: Transactions,
    pub hold: Arc<PullWait>,
    pub pops: Arc<Pops>,
    pub request_modes: RequestModes,
    pub message_trace: MessageTrace,
    pub(crate) topic_routes: TopicRoutes,
    pub hand_overs: HandOvers,
    pub(crate) cold_reads: ColdReads,
    pub registration: Registration,
    pub(crate) later_sends: LaterSends,
    pub(crate) timers: Arc<Timers>,
    pub metrics: Metrics,
    pub admission: Admission,
    /// Sampled every second; locked briefly, and never together with anything else.
    pub rates: Mutex<Rates>,
    /// As the store was opened: a change of the setting waits for the restart.
    pub flush: FlushMode,
    pub recovery: RecoveryReport,
    /// Records of the log's end that the start read besides.
    pub records_searched: AtomicU64,
    /// Wall clock of the start, milliseconds.
    pub started_ms: i64,
    /// Where slow work and background tasks run.
    pub slow: tokio::runtime::Handle,
    pub(crate) stopping: CancellationToken,
    addresses: ArcSwap<Addresses>,
    offsets_version: Mutex<DataVersion>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Broker {
    /// Opens the store and the metadata, imports Apache's configuration files where they are newer,
    /// and starts the background tasks on `slow`. Serving and registering come after it.
    pub fn start(
        config: Arc<Config>,
        slow: tokio::runtime::Handle,
    ) -> Result<Arc<Self>, BrokerError> {
        let environment = Environment::of_machine(&config.peek().store_path);
        Self::start_in(config, slow, environment)
    }

    /// As `start`, with the messages on any disk; the metadata stays in files.
    pub fn start_in(
        config: Arc<Config>,
        slow: tokio::runtime::Handle,
        environment: Environment,
    ) -> Result<Arc<Self>, BrokerError> {
        let settings = config.settings();
        if settings.duplicate_window_ms > 0 && !settings.message_index_enable {
            tracing::info!(
                "producers' retries are stored once more: messageIndexEnable=false leaves nothing to find the first attempt by"
            );
        }
        let store_config = store_config(&settings);
        let flush = store_config.flush;
        let (store, recovery) = Store::open_in(&store_config, environment)?;
        let store = Arc::new(store);
        let meta = open_meta(&settings)?;

        let level_delays_ms = settings.message_delay_level.ms().to_vec();
        let timers = TimerSetup::new(store.clone(), meta.clone(), level_delays_ms);
        let timers = Arc::new(Timers::open(timers)?);
        let asked = Arc::downgrade(&timers);
        store.on_retention_wanted(Arc::new(move |_| {
            if let Some(timers) = asked.upgrade() {
                timers.wake();
            }
        }));
        let pops = Arc::new(Pops::default());
        let hold = Arc::new(PullWait::new(settings.parked_pulls_max, pops.clone()));
        let (later_sends, first_sends) = LaterSends::new();
        store.set_arrival_listener(hold.clone());
        let listen = SocketAddr::new(settings.listen_ip, settings.listen_port);
        let broker = Arc::new(Self {
            topics: TopicTable::new(meta.clone()),
            groups: GroupTable::new(meta.clone()),
            offsets: OffsetTable::new(time::wall_ms),
            resets: OffsetResets::default(),
            clients: Clients::default(),
            queue_locks: Mutex::default(),
            transactions: Transactions::default(),
            hold,
            pops,
            request_modes: RequestModes::default(),
            message_trace: MessageTrace::default(),
            topic_routes: TopicRoutes::default(),
            hand_overs: HandOvers::default(),
            cold_reads: ColdReads::default(),
            registration: Registration::default(),
            later_sends,
            timers,
            metrics: Metrics::default(),
            admission: Admission::default(),
            rates: Mutex::default(),
            flush,
            recovery,
            records_searched: AtomicU64::new(0),
            started_ms: crate::time::wall_ms(),
            stopping: CancellationToken::new(),
            addresses: ArcSwap::from_pointee(addresses(&settings, listen)),
            offsets_version: Mutex::default(),
            tasks: Mutex::default(),
            config,
            store,
            meta,
            slow,
        });
        broker.restore_tables(&settings)?;
        let half_messages = transaction_state::restore(&broker);
        let searched = crate::log_search::search_at_start(&broker, half_messages)?;
        broker.records_searched.store(searched, Ordering::Relaxed);
        crate::compaction::keep_everything(&broker);
        broker.own(broker.slow.spawn(crate::pull_wait::expire_held(broker.clone())));
        broker.own(broker.slow.spawn(crate::pop::expire_held(broker.clone())));
        broker.own(broker.slow.spawn(crate::pop::revive_due(broker.clone())));
        broker.own(broker.slow.spawn(crate::send_later::send_all(broker.clone(), first_sends)));
        broker.own(broker.slow.spawn(crate::hand_over::look_regularly(broker.clone())));
        broker.own(broker.slow.spawn(crate::clients::expire_silent(broker.clone())));
        broker.own(broker.slow.spawn(crate::offsets::persist_regularly(broker.clone())));
        broker.own(broker.slow.spawn(crate::transaction_check::check_regularly(broker.clone())));
        broker.own(broker.slow.spawn(transaction_state::save_regularly(broker.clone())));
        broker.own(broker.slow.spawn(meta::sync_regularly(broker.clone())));
        broker.own(broker.slow.spawn(crate::admin_broker::sample_rates(broker.clone())));
        broker.own(broker.slow.spawn(crate::timer::run(broker.clone())));
        broker.own(broker.slow.spawn(crate::admission::watch(broker.clone())));
        broker.own(broker.slow.spawn(crate::compaction::keep_values(broker.clone())));
        Ok(broker)
    }

    /// What listeners serve.
    pub fn service(self: &Arc<Self>) -> Arc<dyn Service> {
        Arc::new(BrokerService::new(self.clone()))
    }

    /// The address that was bound, where the port was 0. Call it before `start_registration`.
    pub fn set_listen_addr(&self, listen: SocketAddr) {
        self.addresses.store(Arc::new(addresses(&self.config.peek(), listen)));
    }

    pub fn addresses(&self) -> Arc<Addresses> {
        self.addresses.load_full()
    }

    /// `host:port` that clients are told.
    pub fn registered_address(&self) -> String {
        self.addresses.load().registered.clone()
    }

    pub fn store_host(&self) -> SocketAddr {
        self.addresses.load().store_host
    }

    /// Registers with every nameserver now, on every topic change, and every `register_period_ms`.
    pub fn start_registration(self: &Arc<Self>) {
        self.own(self.slow.spawn(crate::registration::run(self.clone())));
    }

    /// Keeps a task, to be awaited by `stop`.
    pub(crate) fn own(&self, task: JoinHandle<()>) {
        self.tasks.lock().push(task);
    }

    /// Unregisters, answers held pulls, writes everything down and closes the store. The listeners
    /// should have stopped accepting; what still arrives is refused by the closed store.
    pub async fn stop(self: &Arc<Self>) {
        self.stopping.cancel();
        let tasks = std::mem::take(&mut *self.tasks.lock());
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "background task failed");
            }
        }
        self.hold.release_all();
        self.pops.wait.release_all();
        self.hand_overs.drained().await;
        self.cold_reads.drained().await;
        self.topic_routes.close().await;
        let broker = self.clone();
        let closing = tokio::task::spawn_blocking(move || broker.close());
        if let Err(error) = closing.await {
            tracing::error!(%error, "closing the store failed");
        }
    }

    fn close(&self) {
        self.timers.close(self);
        transaction_state::save_at_stop(self);
        crate::offsets::persist(self);
        if let Err(error) = self.meta.sync() {
            tracing::error!(%error, "topics, groups and offsets may not be on disk");
        }
        if let Err(error) = json_files::export(&self.config.peek().store_path, self) {
            tracing::error!(%error, "configuration not exported for Apache RocketMQ");
        }
        self.store.close();
    }

    /// Fills the tables from the metadata log and adds the system topics and groups that it lacks.
    fn restore_tables(&self, settings: &Settings) -> Result<(), MetaError> {
        let version = |key: &str| -> DataVersion {
            let found = self.meta.entries().get(key).map(|json| serde_json::from_slice(json));
            found.and_then(Result::ok).unwrap_or_default()
        };
        let topics = meta::load::<TopicConfig>(&self.meta, meta::TOPIC);
        let topics = topics.into_iter().map(|(_, config)| config).collect();
        self.topics.restore(topics, version(meta::VERSION_TOPICS));
        let groups = meta::load::<SubscriptionGroupConfig>(&self.meta, meta::GROUP);
        let groups = groups.into_iter().map(|(_, config)| config).collect();
        let forbidden = meta::load(&self.meta, meta::FORBIDDEN);
        self.groups.restore(groups, forbidden, version(meta::VERSION_GROUPS));
        *self.offsets_version.lock() = version(meta::VERSION_OFFSETS);
        for (key, offsets) in meta::load::<QueueOffsets>(&self.meta, meta::OFFSET) {
            self.offsets.restore(&key, &offsets);
        }
        let modes = meta::load(&self.meta, meta::REQUEST_MODE).into_iter().map(|(_, mode)| mode);
        self.request_modes.restore(modes);
        for (key, flights) in meta::load::<FlightSnapshots>(&self.meta, meta::POP) {
            self.pops.flights.restore(&self.offsets, &key, flights, settings.pop_in_flight_max);
        }

        let mut missing = system_names::system_topics(settings);
        missing.retain(|config| !self.topics.contains(&config.topic_name));
        if !missing.is_empty() {
            self.topics.put(missing, self.create_durability())?;
        }
        let mut missing = system_names::system_groups();
        missing.retain(|config| self.groups.find(&config.group_name).is_none());
        if !missing.is_empty() {
            self.groups.put(missing, self.create_durability())?;
        }
        if settings.trace_always || self.topics.contains(&settings.trace_topic_name) {
            self.message_trace.begin(&settings.region_id);
        }
        Ok(())
    }

    /// How durable what is made on the way of a message must be before the message is answered: as
    /// the message itself. `meta::sync_regularly` does the rest.
    pub(crate) fn create_durability(&self) -> Durability {
        match self.flush {
            FlushMode::Async => Durability::PageCache,
            FlushMode::Sync => Durability::Disk,
        }
    }

    /// Which groups a heartbeat or a pull may create.
    pub fn auto_create_group(&self) -> AutoCreate {
        if self.config.peek().auto_create_group { AutoCreate::Any } else { AutoCreate::SystemOnly }
    }

    /// Puts changed settings in force where they are not read on every use (after code 25).
    pub fn apply_settings(&self) {
        let rules = RetentionRules::from(&store_config(&self.config.peek()));
        self.store.set_retention(rules);
    }

    /// Version of the offset table: of its latest write.
    pub fn offsets_version(&self) -> DataVersion {
        self.offsets_version.lock().clone()
    }

    pub(crate) fn next_offsets_version(&self) -> DataVersion {
        let mut version = self.offsets_version.lock();
        *version = meta::bump(&version);
        version.clone()
    }
}

/// The metadata with what Apache has left. Its entries are as found at open, hence the second one.
fn open_meta(settings: &Settings) -> Result<Arc<MetaLog>, BrokerError> {
    const PATH: &str = "config/meta.log";
    let disk = FileDisk::new(settings.store_path.clone());
    let meta = MetaLog::open(&disk, PATH)?;
    if !json_files::import(&settings.store_path, &meta)? {
        return Ok(Arc::new(meta));
    }
    drop(meta);
    Ok(Arc::new(MetaLog::open(&disk, PATH)?))
}

fn store_config(settings: &Settings) -> StoreConfig {
    StoreConfig {
        root: settings.store_path.clone(),
        flush: match settings.flush {
            FlushDisk::Async => FlushMode::Async,
            FlushDisk::Sync => FlushMode::Sync,
        },
        flush_interval_ms: settings.flush_interval_ms,
        commit_log_segment_bytes: settings.commit_log_segment_bytes,
        consume_queue_file_bytes: settings.consume_queue_file_bytes,
        retention_ms: settings.file_reserved_hours.saturating_mul(3_600_000),
        retention_bytes: settings.retention_bytes,
        delete_when: settings.delete_when.clone(),
        disk_used_percent_max: settings.disk_max_used_percent,
        disk_used_percent_refuse: settings.disk_warning_percent,
        message_index: settings.message_index_enable,
        queue_tails_bytes_max: settings.queue_tails_bytes_max,
        commit_log_cached_bytes_max: settings.commit_log_cached_bytes_max,
    }
}

/// Chooses the addresses: `broker_ip1`, else the first advertised one that is for everybody, else
/// where we listen, else (listening on all) the address the default route leaves from.
fn addresses(settings: &Settings, listen: SocketAddr) -> Addresses {
    let advertised = settings.advertised.iter().find(|entry| !entry.contains('='));
    let host = settings.broker_ip1.as_ref().or(advertised);
    let fallback = reachable_ip(listen.ip());
    let registered = match host {
        Some(host) => with_port(host, listen.port()),
        None => SocketAddr::new(fallback, listen.port()).to_string(),
    };
    let store_host = registered.parse().unwrap_or(SocketAddr::new(fallback, listen.port()));
    let ha_host = settings.broker_ip2.as_deref();
    let ha = ha_host.map_or_else(
        || SocketAddr::new(store_host.ip(), settings.ha_listen_port).to_string(),
        |host| with_port(host, settings.ha_listen_port),
    );
    Addresses { registered, ha, store_host }
}

fn with_port(host: &str, port: u16) -> String {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return SocketAddr::new(ip, port).to_string();
    }
    if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") }
}

fn reachable_ip(listen: IpAddr) -> IpAddr {
    if !listen.is_unspecified() {
        return listen;
    }
    // Connecting a UDP socket sends nothing; it only asks the kernel which source it would use.
    let probe = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        Ok(socket.local_addr()?.ip())
    };
    probe().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = Settings::default();
        change(&mut settings);
        addresses(&settings, "127.0.0.1:4711".parse().unwrap()).registered
    }

    #[test]
    fn registered_address_is_the_configured_one_else_where_we_listen() {
        assert_eq!(chosen(|_| ()), "127.0.0.1:4711");
        assert_eq!(
            chosen(|settings| settings.broker_ip1 = Some("10.0.0.5".into())),
            "10.0.0.5:4711"
        );
        assert_eq!(
            chosen(|settings| settings.broker_ip1 = Some("mq.local".into())),
            "mq.local:4711"
        );
        assert_eq!(
            chosen(|settings| settings.advertised = vec!["10.0.0.0/8=a".into(), "b:1".into()]),
            "b:1"
        );
    }
}
