//! The one table of keys: names, unit, bounds, default, meaning. Everything else derives from it.
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::key::{Change, Key, Scope};
use crate::kind::Kind;
use crate::value::{BrokerRole, DelayLevels, FlushDisk, LogFormat, RequestMode, Value};

/// Builds `Settings`, its defaults and `KEYS` from the rows. A row reads: meaning; field, type and
/// default; TOML name, Apache's name; kind; scope and when a change counts.
macro_rules! settings {
    ($(
        $(#[doc = $meaning:literal])+
        $field:ident: $type:ty = $default:expr;
        $toml:literal, $apache:literal, $kind:expr, $scope:ident, $change:ident
    )+) => {
        /// A typed snapshot of every key. Fields end in their unit.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct Settings {
            $($(#[doc = $meaning])+ pub $field: $type,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        /// Every key, in the order in which they are shown.
        pub static KEYS: &[Key] = &[$(
            Key {
                field: stringify!($field),
                toml: $toml,
                apache: $apache,
                scope: Scope::$scope,
                change: Change::$change,
                kind: $kind,
                meaning: concat!($($meaning),+).trim_ascii(),
                set: |settings, kind, text| match <$type as Value>::parse(text, kind) {
                    Some(value) => {
                        settings.$field = value;
                        true
                    }
                    None => false,
                },
                render: |settings| settings.$field.render(),
            },
        )+];
    };
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const U16: Kind = Kind::Count { min: 0, max: 65_535 };
const MS: Kind = Kind::Ms { min: 1, max: u64::MAX };

settings! {
    // ---- broker: identity ----
    /// Cluster this broker belongs to.
    cluster_name: String = "DefaultCluster".into();
    "broker.cluster", "brokerClusterName", Kind::Text, Broker, Fixed
    /// Name that a master and its slaves share. Stored offsets and routes carry it: keep it.
    broker_name: String = "broker-a".into();
    "broker.name", "brokerName", Kind::Text, Broker, Fixed
    /// 0 is the master of its name, others are slaves.
    broker_id: u64 = 0;
    "broker.id", "brokerId", Kind::Count { min: 0, max: u64::MAX }, Broker, Fixed
    /// Role in replication.
    broker_role: BrokerRole = BrokerRole::AsyncMaster;
    "broker.role", "brokerRole", Kind::OneOf(&["async-master", "sync-master", "slave"]), Broker, Fixed
    /// What clients may do: 6 read and write, 4 read, 2 write.
    broker_permission: u32 = 6;
    "broker.permission", "brokerPermission", Kind::Count { min: 0, max: 7 }, Broker, Runtime
    /// Region shown to clients in send replies.
    region_id: String = "DefaultRegion".into();
    "broker.region", "regionId", Kind::Text, Broker, Restart
    // ---- broker: addresses ----
    /// IP or host name that clients are told to connect to.
    broker_ip1: Option<String> = None;
    "broker.ip1", "brokerIP1", Kind::Text, Broker, Fixed
    /// IP that slaves are told to connect to.
    broker_ip2: Option<String> = None;
    "broker.ip2", "brokerIP2", Kind::Text, Broker, Fixed
    /// Addresses by asker, each `[NETWORK/BITS=]HOST[:PORT]`; the first whose network holds the
    /// asker is given to it, one without a network to everybody else. Standalone only.
    advertised: Vec<String> = Vec::new();
    "broker.advertised", "", Kind::List, Broker, Fixed
    /// Nameservers to register with, HOST:PORT each.
    nameserver_addrs: Vec<String> = Vec::new();
    "broker.nameservers", "namesrvAddr", Kind::List, Broker, Restart
    /// IP that the broker listens on.
    listen_ip: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    "broker.listen_ip", "bindAddress", Kind::Ip, Broker, Fixed
    /// Port that clients connect to; 0 takes a free one. Two below it is served for VIP channels.
    listen_port: u16 = 10_911;
    "broker.listen_port", "listenPort", U16, Broker, Fixed
    /// Port for slaves.
    ha_listen_port: u16 = 10_912;
    "broker.ha_listen_port", "haListenPort", U16, Broker, Fixed
    /// Serve `listen_port - 2` for clients with vipChannelEnabled.
    vip_listen: bool = true;
    "broker.vip_listen", "", Kind::Flag, Broker, Fixed
    // ---- broker: registration and clients ----
    /// Time between registrations with the nameservers.
    register_period_ms: u64 = 30_000;
    "broker.register_period_ms", "registerNameServerPeriod", Kind::Ms { min: 1_000, max: 600_000 }, Broker, Runtime
    /// Longest wait for a nameserver's answer to a registration.
    register_timeout_ms: u64 = 24_000;
    "broker.register_timeout_ms", "registerBrokerTimeoutMills", MS, Broker, Runtime
    /// A client that sends no heartbeat for so long is forgotten.
    client_expire_ms: u64 = 120_000;
    "broker.client_expire_ms", "channelExpiredTimeout", MS, Broker, Runtime
    /// Tell consumers of a group at once when a member joins or leaves.
    notify_consumer_ids_changed_enable: bool = true;
    "broker.notify_consumer_ids_changed", "notifyConsumerIdsChangedEnable", Kind::Flag, Broker, Runtime
    /// Time between two flushes of consumer offsets.
    flush_consumer_offset_interval_ms: u64 = 5_000;
    "broker.flush_consumer_offset_interval_ms", "flushConsumerOffsetInterval", MS, Broker, Runtime
    // ---- topics and groups ----
    /// Create a topic on the first send to it.
    auto_create_topic: bool = true;
    "topic.auto_create", "autoCreateTopicEnable", Kind::Flag, Broker, Runtime
    /// Queues of an automatically created topic, at most.
    default_topic_queue_nums: u32 = 8;
    "topic.default_queues", "defaultTopicQueueNums", Kind::Count { min: 1, max: 65_535 }, Broker, Runtime
    /// Create a consumer group on its first heartbeat or pull.
    auto_create_group: bool = true;
    "group.auto_create", "autoCreateSubscriptionGroup", Kind::Flag, Broker, Runtime
    /// Move a group that is reset by its next pull, instead of telling its clients.
    use_server_side_reset_offset: bool = false;
    "group.server_side_reset", "useServerSideResetOffset", Kind::Flag, Broker, Runtime
    /// Percent of the RAM that is taken to hold the log's newest part. A new group begins at a
    /// queue's first message where that lies in it, even if it asked for the last; 0: never.
    access_message_in_memory_max_ratio: u32 = 40;
    "group.young_queue_percent", "accessMessageInMemoryMaxRatio", Kind::Count { min: 0, max: 100 }, Broker, Runtime
    /// Create the topic that traces are sent to.
    trace_topic_enable: bool = false;
    "topic.trace", "traceTopicEnable", Kind::Flag, Broker, Restart
    /// Topic that traces are sent to.
    trace_topic_name: String = "RMQ_SYS_TRACE_TOPIC".into();
    "topic.trace_name", "msgTraceTopicName", Kind::Text, Broker, Restart
    /// Create a topic with the cluster's name.
    cluster_topic_enable: bool = true;
    "topic.cluster_topic", "clusterTopicEnable", Kind::Flag, Broker, Restart
    /// Create a topic with the broker's name.
    broker_topic_enable: bool = true;
    "topic.broker_topic", "brokerTopicEnable", Kind::Flag, Broker, Restart
    /// Refuse changes of system topics.
    validate_system_topic: bool = true;
    "topic.validate_system", "validateSystemTopicWhenUpdateTopic", Kind::Flag, Broker, Runtime
    // ---- messages ----
    /// Largest body of a message, or of a whole batch.
    max_message_bytes: u64 = 4 * MIB;
    "message.bytes_max", "maxMessageSize", Kind::Bytes { min: 1, max: 64 * MIB }, Broker, Runtime
    /// Delays of the levels 1, 2, … of delayed messages.
    message_delay_level: DelayLevels = DelayLevels::default();
    "message.delay_levels", "messageDelayLevel", Kind::Delays, Broker, Restart
    /// Longest time that a message may be delayed by TIMER_DELAY_* and TIMER_DELIVER_MS. Apache: 3
    /// days.
    timer_max_delay_sec: u64 = 366 * 86_400;
    "message.timer_max_delay_sec", "timerMaxDelaySec", Kind::Seconds { min: 1, max: 100 * 366 * 86_400 }, Broker, Runtime
    /// Producers may withdraw messages that wait for their time. Off in Apache's broker unless it
    /// is asked for.
    recall_message_enable: bool = true;
    "message.recall", "recallMessageEnable", Kind::Flag, Broker, Runtime
    /// Longest wait before a send is refused as busy.
    send_wait_ms: u64 = 200;
    "message.send_wait_ms", "waitTimeMillsInSendQueue", MS, Broker, Runtime
    /// A producer's own retry of a message that was stored at most so long ago gets the first
    /// answer and is not stored again; 0 stores every attempt. Needs `store.message_index`; off by
    /// topic with the attribute `remora.deduplicate=false`.
    duplicate_window_ms: u64 = 30_000;
    "message.duplicate_window_ms", "", Kind::Ms { min: 0, max: 600_000 }, Broker, Runtime
    /// Tell clients in send replies that tracing is on.
    trace_on: bool = true;
    "message.trace_on", "traceOn", Kind::Flag, Broker, Runtime
    /// Store the region and `message.trace_on` in every message, as Apache does: Java's consumers
    /// trace no others. Without it that begins when a client that traces has been seen.
    trace_always: bool = false;
    "message.trace_always", "", Kind::Flag, Broker, Restart
    /// Refuse messages that are of another type than their topic's attribute `message.type` says.
    /// Only Apache's proxies do.
    message_type_check: bool = true;
    "message.type_check", "", Kind::Flag, Broker, Runtime
    /// Keep a copy of every delivered reply message in the topic `<cluster>_REPLY_TOPIC`.
    store_reply_message: bool = true;
    "message.store_reply", "storeReplyMessageEnable", Kind::Flag, Broker, Runtime
    // ---- pull ----
    /// Hold a pull at the end of a queue until a message arrives.
    long_polling_enable: bool = true;
    "pull.long_polling", "longPollingEnable", Kind::Flag, Broker, Runtime
    /// Longest hold of a pull when long polling is off.
    short_polling_ms: u64 = 1_000;
    "pull.short_polling_ms", "shortPollingTimeMills", MS, Broker, Runtime
    /// Pulls held at a time, all connections together; past it a pull is answered empty at once.
    parked_pulls_max: usize = 100_000;
    "pull.parked_max", "", Kind::Count { min: 1, max: 100_000_000 }, Broker, Runtime
    /// Suggest reading from a slave to consumers far behind.
    slave_read_enable: bool = false;
    "pull.slave_read", "slaveReadEnable", Kind::Flag, Broker, Runtime
    /// Refuse pull consumers, which send no heartbeat with a subscription.
    reject_pull_consumer: bool = false;
    "pull.reject_pull_consumer", "rejectPullConsumerEnable", Kind::Flag, Broker, Runtime
    /// Filter by SQL92 expressions over properties; off in Apache's broker unless it is asked for.
    enable_property_filter: bool = true;
    "pull.property_filter", "enablePropertyFilter", Kind::Flag, Broker, Runtime
    /// Messages in one pull reply, at most; consumers ask for 32 unless they are told otherwise.
    transfer_count_max: u32 = 1_024;
    "pull.transfer_count_max", "maxTransferCountOnMessageInMemory", Kind::Count { min: 1, max: 65_535 }, Broker, Runtime
    /// Bytes in one pull reply, at most; one message always fits.
    transfer_bytes_max: u64 = 256 * 1024;
    "pull.transfer_bytes_max", "maxTransferBytesOnMessageInMemory", Kind::Bytes { min: 1, max: 8 * MIB }, Broker, Runtime
    // ---- pop ----
    /// Messages that one group may have in flight in one queue; past it nothing more is popped.
    pop_in_flight_max: usize = 10_000;
    "pop.in_flight_max", "popInflightMessageThreshold", Kind::Count { min: 1, max: 1_000_000 }, Broker, Runtime
    /// Pops held at a time, all connections together; past it a pop is answered POLLING_FULL.
    pop_polling_max: usize = 100_000;
    "pop.polling_max", "maxPopPollingSize", Kind::Count { min: 1, max: 100_000_000 }, Broker, Runtime
    /// Pops held at a time for one topic, group and queue id.
    pop_polling_of_one_max: usize = 1_024;
    "pop.polling_of_one_max", "popPollingSize", Kind::Count { min: 1, max: 100_000_000 }, Broker, Runtime
    /// How many of 100 pops look into the retry topic first; the others do when there is room.
    pop_from_retry_percent: u32 = 20;
    "pop.from_retry_percent", "popFromRetryProbability", Kind::Count { min: 0, max: 100 }, Broker, Runtime
    /// Name the retry topics of pop consumption %RETRY%group+topic, which is never mistaken for
    /// another group's, instead of %RETRY%group_topic. Both are read.
    pop_retry_topic_v2: bool = false;
    "pop.retry_topic_v2", "enableRetryTopicV2", Kind::Flag, Broker, Runtime
    /// How groups consume that nobody told otherwise (code 401), where clients ask the broker.
    default_request_mode: RequestMode = RequestMode::Pull;
    "pop.default_request_mode", "defaultMessageRequestMode", Kind::OneOf(&["pull", "pop"]), Broker, Runtime
    /// Assign the queues of clients that ask; off, each of them is given all.
    server_load_balancer_enable: bool = true;
    "pop.server_load_balancer", "serverLoadBalancerEnable", Kind::Flag, Broker, Runtime
    // ---- queries ----
    /// Messages in one reply to a query, at most.
    query_count_max: u32 = 32;
    "pull.query_count_max", "defaultQueryMaxNum", Kind::Count { min: 1, max: 1_024 }, Broker, Runtime
    // ---- transactions ----
    /// Time that a producer has to end a transaction before it is asked.
    transaction_first_check_ms: u64 = 6_000;
    "transaction.first_check_ms", "transactionTimeOut", MS, Broker, Runtime
    /// Time between two checks of a transaction.
    transaction_check_interval_ms: u64 = 30_000;
    "transaction.check_interval_ms", "transactionCheckInterval", MS, Broker, Runtime
    /// Checks after which a half message goes to `TRANS_CHECK_MAX_TIME_TOPIC`.
    transaction_checks_max: u32 = 15;
    "transaction.checks_max", "transactionCheckMax", Kind::Count { min: 1, max: 1_000_000 }, Broker, Runtime
    /// Half messages that wait for their end, at most; past it new ones are refused as busy.
    transaction_pending_max: usize = 100_000;
    "transaction.pending_max", "", Kind::Count { min: 1, max: 100_000_000 }, Broker, Runtime
    /// Refuse transactional messages.
    reject_transaction_message: bool = false;
    "transaction.reject", "rejectTransactionMessage", Kind::Flag, Broker, Runtime
    // ---- sending ----
    /// Sends are refused while appends, or the flush that answers wait for, take longer.
    send_busy_after_ms: u64 = 1_000;
    "send.busy_after_ms", "osPageCacheBusyTimeOutMills", MS, Broker, Runtime
    // ---- store ----
    /// Data directory; an existing one of Apache RocketMQ opens in place.
    store_path: PathBuf = PathBuf::from("./remora-data");
    "store.path", "storePathRootDir", Kind::Path, Broker, Fixed
    /// Directory of the commit log, where it is not `commitlog` in the data directory.
    store_path_commit_log: Option<PathBuf> = None;
    "store.commit_log_path", "storePathCommitLog", Kind::Path, Broker, Fixed
    /// When an acknowledged message is on disk: `async` within the flush interval, `sync` before
    /// the acknowledgement.
    flush: FlushDisk = FlushDisk::Async;
    "store.flush", "flushDiskType", Kind::OneOf(&["async", "sync"]), Broker, Restart
    /// Time between flushes under `flush = async`: what a power cut can cost.
    flush_interval_ms: u64 = 500;
    "store.flush_interval_ms", "flushIntervalCommitLog", Kind::Ms { min: 1, max: 3_600_000 }, Broker, Restart
    /// Size of a new commit log file; sizes of existing files are kept.
    commit_log_segment_bytes: u64 = GIB;
    "store.commit_log_file_bytes", "mappedFileSizeCommitLog", Kind::Bytes { min: 4096, max: 2 * GIB - 1 }, Broker, Restart
    /// Size of a new consume queue file, rounded up to whole entries of 20 bytes.
    consume_queue_file_bytes: u64 = 6_000_000;
    "store.consume_queue_file_bytes", "mappedFileSizeConsumeQueue", Kind::Bytes { min: 20, max: 2 * GIB - 1 }, Broker, Restart
    /// Files older than this are deleted at the hour of `delete_when`.
    file_reserved_hours: u64 = 72;
    "store.file_reserved_hours", "fileReservedTime", Kind::Hours { min: 1, max: 1_000_000 }, Broker, Runtime
    /// Size of the commit log past which the oldest files are deleted; 0 is no limit.
    retention_bytes: u64 = 0;
    "store.retention_bytes", "", Kind::Bytes { min: 0, max: u64::MAX }, Broker, Runtime
    /// Hours of the day in which expired files are deleted.
    delete_when: String = "04".into();
    "store.delete_when", "deleteWhen", Kind::HoursOfDay, Broker, Runtime
    /// Use of the disk past which expired files are deleted at any hour.
    disk_max_used_percent: u8 = 75;
    "store.disk_max_used_percent", "diskMaxUsedSpaceRatio", Kind::Percent, Broker, Runtime
    /// Use of the disk past which sends are refused.
    disk_warning_percent: u8 = 90;
    "store.disk_warning_percent", "diskSpaceWarningLevelRatio", Kind::Percent, Broker, Runtime
    /// Index messages by key and unique id.
    message_index_enable: bool = true;
    "store.message_index", "messageIndexEnable", Kind::Flag, Broker, Restart
    /// Memory for queue entries that are not in their files yet; past it sends are refused as busy.
    queue_tails_bytes_max: u64 = 256 * MIB;
    "store.queue_tails_bytes_max", "", Kind::Bytes { min: MIB, max: u64::MAX }, Broker, Restart
    /// How much of the commit log's newest part stays in the page cache. Older pages are given back
    /// as new ones are made; consumers that are further behind are read for from the disk.
    commit_log_cached_bytes_max: u64 = 2 * GIB;
    "store.commit_log_cached_bytes_max", "", Kind::Bytes { min: 128 * MIB, max: u64::MAX }, Broker, Restart
    /// Longest wait for a flush before the client is told FLUSH_DISK_TIMEOUT.
    sync_flush_timeout_ms: u64 = 5_000;
    "store.sync_flush_timeout_ms", "syncFlushTimeout", MS, Broker, Runtime
    // ---- connections ----
    /// IO threads, one runtime each; 0 is one per core.
    io_shards: usize = 0;
    "remoting.io_shards", "", Kind::Count { min: 0, max: 1_024 }, Process, Fixed
    /// Connections of one listener, at most.
    connections_max: usize = 65_536;
    "remoting.connections_max", "", Kind::Count { min: 1, max: 10_000_000 }, Process, Fixed
    /// Largest frame.
    frame_bytes_max: u32 = 16_777_216;
    "remoting.frame_bytes_max", "", Kind::Bytes { min: 4096, max: GIB }, Process, Fixed
    /// Largest header of a frame.
    header_bytes_max: u32 = 1 << 20;
    "remoting.header_bytes_max", "", Kind::Bytes { min: 1024, max: 16_777_215 }, Process, Fixed
    /// Requests of one connection that wait for their answer, at most.
    in_flight_max: usize = 65_536;
    "remoting.in_flight_max", "", Kind::Count { min: 1, max: 10_000_000 }, Process, Fixed
    /// Bytes queued for a peer that does not read; past it nothing more is read from it.
    outbound_bytes_max: usize = 16 * 1024 * 1024;
    "remoting.outbound_bytes_max", "", Kind::Bytes { min: 65_536, max: 64 * GIB }, Process, Fixed
    /// A frame that is not complete after so long closes its connection.
    partial_frame_timeout_ms: u64 = 30_000;
    "remoting.partial_frame_timeout_ms", "", MS, Process, Fixed
    /// A connection without a byte in either direction for so long is closed.
    idle_timeout_seconds: u64 = 120;
    "remoting.idle_timeout_seconds", "serverChannelMaxIdleTimeSeconds", Kind::Seconds { min: 1, max: 86_400 }, Process, Fixed
    // ---- the program ----
    /// HTTP address of /healthz, /readyz and /metrics.
    http_listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8082);
    "http.listen", "", Kind::Socket, Process, Fixed
    /// Series with a topic or group label in /metrics; the rest is folded into `__other`.
    metrics_series_max: usize = 10_000;
    "http.metrics_series_max", "", Kind::Count { min: 1, max: 10_000_000 }, Process, Fixed
    /// Memory to keep to, mapped files not counted: past it requests are refused as busy, and peers
    /// that do not take their answers are not read. Where not set: half of the control group's
    /// limit, else a quarter of the machine's memory.
    memory_limit_bytes: Option<u64> = None;
    "process.memory_limit_bytes", "", Kind::Bytes { min: 16 * MIB, max: u64::MAX }, Process, Fixed
    /// Log filter: a level, or `crate=level` pairs as in RUST_LOG.
    log_level: String = "info".into();
    "log.level", "", Kind::Text, Process, Fixed
    /// Form of the log lines.
    log_format: LogFormat = LogFormat::Text;
    "log.format", "", Kind::OneOf(&["text", "json"]), Process, Fixed
    // ---- nameserver ----
    /// Address that the nameserver listens on.
    nameserver_listen: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9876);
    "nameserver.listen", "", Kind::Socket, Nameserver, Fixed
    /// File of the KV configuration; `namesrv/kvConfig.json` in the data directory where not set.
    kv_config_path: Option<PathBuf> = None;
    "nameserver.kv_config_path", "kvConfigPath", Kind::Path, Nameserver, Fixed
    /// A broker that does not register for so long is dropped, unless it asked for another time.
    broker_expire_ms: u64 = 120_000;
    "nameserver.broker_expire_ms", "", MS, Nameserver, Runtime
    /// Time between two looks for silent brokers.
    broker_scan_ms: u64 = 5_000;
    "nameserver.broker_scan_ms", "scanNotActiveBrokerInterval", Kind::Ms { min: 10, max: 3_600_000 }, Nameserver, Restart
    /// Topics registered at a time, over all brokers.
    routes_max: usize = 2_000_000;
    "nameserver.routes_max", "", Kind::Count { min: 1, max: 1_000_000_000 }, Nameserver, Runtime
    /// Drop topics that a broker's registration no longer names.
    delete_topic_with_broker_registration: bool = false;
    "nameserver.delete_topic_with_broker_registration", "deleteTopicWithBrokerRegistration", Kind::Flag, Nameserver, Runtime
    /// Let the slave with the lowest id stand in, without write permission, for a lost master.
    support_acting_master: bool = false;
    "nameserver.support_acting_master", "supportActingMaster", Kind::Flag, Nameserver, Runtime
    /// Tell clients the order configuration of topics (KV namespace ORDER_TOPIC_CONFIG).
    order_message_enable: bool = false;
    "nameserver.order_messages", "orderMessageEnable", Kind::Flag, Nameserver, Runtime
    /// Tell brokers the order configuration of topics when they register.
    return_order_topic_config: bool = true;
    "nameserver.return_order_topic_config", "returnOrderTopicConfigToBroker", Kind::Flag, Nameserver, Runtime
    /// Answer code 206, the list of all topics.
    all_topic_list_enable: bool = true;
    "nameserver.all_topic_list", "enableAllTopicList", Kind::Flag, Nameserver, Runtime
    /// Answer codes 224, 304 and 311 to 313, lists of topics.
    topic_list_enable: bool = true;
    "nameserver.topic_list", "enableTopicList", Kind::Flag, Nameserver, Runtime
    /// Answer no route before `wait_for_service_seconds` after the start.
    need_wait_for_service: bool = false;
    "nameserver.need_wait_for_service", "needWaitForService", Kind::Flag, Nameserver, Runtime
    /// See `need_wait_for_service`.
    wait_for_service_seconds: u64 = 45;
    "nameserver.wait_for_service_seconds", "waitSecondsForService", Kind::Seconds { min: 0, max: 3_600 }, Nameserver, Runtime
}

/// The row of a TOML name.
pub fn key_by_toml(toml: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.toml == toml)
}

/// The row of the name that a peer or `broker.conf` uses, in a role's scope or the program's.
pub fn key_by_wire_name(scope: Scope, name: &str) -> Option<&'static Key> {
    let mut in_scope = KEYS.iter().filter(|key| key.scope == scope || key.scope == Scope::Process);
    in_scope.find(|key| key.apache == name || key.toml == name)
}
