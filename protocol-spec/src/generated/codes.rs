// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Constants of all request codes.
use crate::code::RequestCode;

impl RequestCode {
    /// Stores one message; header with the long field names. Sent by the Go and C++ clients.
    pub const SEND_MESSAGE: Self = Self(10);
    /// Reads messages of one queue from an offset; may be held until one arrives.
    pub const PULL_MESSAGE: Self = Self(11);
    /// Finds messages by a key (or by unique id) in the index.
    pub const QUERY_MESSAGE: Self = Self(12);
    /// Never implemented by Apache.
    pub const QUERY_BROKER_OFFSET: Self = Self(13);
    /// Reads the committed offset of a group in one queue.
    pub const QUERY_CONSUMER_OFFSET: Self = Self(14);
    /// Commits the offset of a group in one queue.
    pub const UPDATE_CONSUMER_OFFSET: Self = Self(15);
    /// Creates or changes a topic.
    pub const UPDATE_AND_CREATE_TOPIC: Self = Self(17);
    /// Creates or changes several topics.
    pub const UPDATE_AND_CREATE_TOPIC_LIST: Self = Self(18);
    /// All topic configurations, for a slave or an admin tool.
    pub const GET_ALL_TOPIC_CONFIG: Self = Self(21);
    /// Never implemented by Apache.
    pub const GET_TOPIC_CONFIG_LIST: Self = Self(22);
    /// Never implemented by Apache.
    pub const GET_TOPIC_NAME_LIST: Self = Self(23);
    /// Changes configuration keys of a running broker; body as Java properties.
    pub const UPDATE_BROKER_CONFIG: Self = Self(25);
    /// The broker's configuration as Java properties.
    pub const GET_BROKER_CONFIG: Self = Self(26);
    /// Never implemented by Apache.
    pub const TRIGGER_DELETE_FILES: Self = Self(27);
    /// Runtime figures of the broker by name.
    pub const GET_BROKER_RUNTIME_INFO: Self = Self(28);
    /// Finds the offset of the first (or last) message stored at a time.
    pub const SEARCH_OFFSET_BY_TIMESTAMP: Self = Self(29);
    /// The offset that the next message of a queue will get.
    pub const GET_MAX_OFFSET: Self = Self(30);
    /// The offset of the oldest message of a queue.
    pub const GET_MIN_OFFSET: Self = Self(31);
    /// When the oldest message of a queue was stored.
    pub const GET_EARLIEST_MSG_STORETIME: Self = Self(32);
    /// Reads one message at a physical offset of the commit log.
    pub const VIEW_MESSAGE_BY_ID: Self = Self(33);
    /// Announces a client with its producer and consumer groups and subscriptions; every 30 s.
    pub const HEART_BEAT: Self = Self(34);
    /// Takes a client out of its groups at once.
    pub const UNREGISTER_CLIENT: Self = Self(35);
    /// Asks for another delivery of a stored message: it comes back through %RETRY%group after a
    /// delay, or goes to %DLQ%group.
    pub const CONSUMER_SEND_MSG_BACK: Self = Self(36);
    /// Commits or rolls back a half message.
    pub const END_TRANSACTION: Self = Self(37);
    /// Lists the client ids of a consumer group: the input of rebalancing.
    pub const GET_CONSUMER_LIST_BY_GROUP: Self = Self(38);
    /// Asks a producer what became of a transaction; it answers with END_TRANSACTION.
    pub const CHECK_TRANSACTION_STATE: Self = Self(39);
    /// Tells a consumer that the membership of its group has changed: rebalance now.
    pub const NOTIFY_CONSUMER_IDS_CHANGED: Self = Self(40);
    /// Locks queues for a client that consumes in order; lasts 60 s.
    pub const LOCK_BATCH_MQ: Self = Self(41);
    /// Gives queue locks back.
    pub const UNLOCK_BATCH_MQ: Self = Self(42);
    /// All committed offsets, for a slave.
    pub const GET_ALL_CONSUMER_OFFSET: Self = Self(43);
    /// The offsets of the delay levels, for a slave.
    pub const GET_ALL_DELAY_OFFSET: Self = Self(45);
    /// Checks a subscription expression before a consumer starts.
    pub const CHECK_CLIENT_CONFIG: Self = Self(46);
    /// Never implemented by Apache.
    pub const GET_CLIENT_CONFIG: Self = Self(47);
    /// ACL 1.0: changed an account.
    pub const UPDATE_AND_CREATE_ACL_CONFIG: Self = Self(50);
    /// ACL 1.0: deleted an account.
    pub const DELETE_ACL_CONFIG: Self = Self(51);
    /// ACL 1.0: versions of the account file.
    pub const GET_BROKER_CLUSTER_ACL_INFO: Self = Self(52);
    /// ACL 1.0: changed the global white list.
    pub const UPDATE_GLOBAL_WHITE_ADDRS_CONFIG: Self = Self(53);
    /// ACL 1.0: listed accounts.
    pub const GET_BROKER_CLUSTER_ACL_CONFIG: Self = Self(54);
    /// The timer's checkpoint, for a slave.
    pub const GET_TIMER_CHECK_POINT: Self = Self(60);
    /// The timer's counts by topic, for a slave.
    pub const GET_TIMER_METRICS: Self = Self(61);
    /// Stores a value under a namespace and key.
    pub const PUT_KV_CONFIG: Self = Self(100);
    /// Reads a value.
    pub const GET_KV_CONFIG: Self = Self(101);
    /// Deletes a value.
    pub const DELETE_KV_CONFIG: Self = Self(102);
    /// A broker announces its addresses, topics and filter servers.
    pub const REGISTER_BROKER: Self = Self(103);
    /// A broker leaves.
    pub const UNREGISTER_BROKER: Self = Self(104);
    /// The brokers and queues of a topic.
    pub const GET_ROUTEINFO_BY_TOPIC: Self = Self(105);
    /// All clusters, brokers and addresses.
    pub const GET_BROKER_CLUSTER_INFO: Self = Self(106);
    /// Creates or changes a consumer group.
    pub const UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: Self = Self(200);
    /// All group configurations, for a slave or an admin tool.
    pub const GET_ALL_SUBSCRIPTIONGROUP_CONFIG: Self = Self(201);
    /// Offsets and last store time of each queue of a topic.
    pub const GET_TOPIC_STATS_INFO: Self = Self(202);
    /// Lists the connections and subscriptions of a consumer group.
    pub const GET_CONSUMER_CONNECTION_LIST: Self = Self(203);
    /// Lists the connections of a producer group.
    pub const GET_PRODUCER_CONNECTION_LIST: Self = Self(204);
    /// Takes write permission from all topics of a broker.
    pub const WIPE_WRITE_PERM_OF_BROKER: Self = Self(205);
    /// Lists all topics.
    pub const GET_ALL_TOPIC_LIST_FROM_NAMESERVER: Self = Self(206);
    /// Deletes a consumer group, and its offsets when asked.
    pub const DELETE_SUBSCRIPTIONGROUP: Self = Self(207);
    /// How far a group has consumed: both offsets and the last consumed time of each queue.
    pub const GET_CONSUME_STATS: Self = Self(208);
    /// Never implemented by Apache.
    pub const SUSPEND_CONSUMER: Self = Self(209);
    /// Never implemented by Apache.
    pub const RESUME_CONSUMER: Self = Self(210);
    /// Never implemented by Apache.
    pub const RESET_CONSUMER_OFFSET_IN_CONSUMER: Self = Self(211);
    /// Never implemented by Apache.
    pub const RESET_CONSUMER_OFFSET_IN_BROKER: Self = Self(212);
    /// Never implemented by Apache.
    pub const ADJUST_CONSUMER_THREAD_POOL: Self = Self(213);
    /// Never implemented by Apache.
    pub const WHO_CONSUME_THE_MESSAGE: Self = Self(214);
    /// Deletes a topic and its queues on this broker.
    pub const DELETE_TOPIC_IN_BROKER: Self = Self(215);
    /// Forgets a topic, in all clusters or in one.
    pub const DELETE_TOPIC_IN_NAMESRV: Self = Self(216);
    /// Adds a topic without a broker's registration.
    pub const REGISTER_TOPIC_IN_NAMESRV: Self = Self(217);
    /// Lists the values of a namespace.
    pub const GET_KVLIST_BY_NAMESPACE: Self = Self(219);
    /// Tells a consumer to move its offsets.
    pub const RESET_CONSUMER_CLIENT_OFFSET: Self = Self(220);
    /// Asks a consumer for the offsets it holds.
    pub const GET_CONSUMER_STATUS_FROM_CLIENT: Self = Self(221);
    /// Moves a group's offsets to a time or an offset; the broker tells the clients (220) or stores
    /// it itself.
    pub const INVOKE_BROKER_TO_RESET_OFFSET: Self = Self(222);
    /// Collects the offsets that the clients of a group hold (221).
    pub const INVOKE_BROKER_TO_GET_CONSUMER_STATUS: Self = Self(223);
    /// Lists the topics of a cluster.
    pub const GET_TOPICS_BY_CLUSTER: Self = Self(224);
    /// Creates or changes several consumer groups.
    pub const UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: Self = Self(225);
    /// Lists the groups that consume a topic.
    pub const QUERY_TOPIC_CONSUME_BY_WHO: Self = Self(300);
    /// Registered a filter server process of version 4.
    pub const REGISTER_FILTER_SERVER: Self = Self(301);
    /// Uploaded a filter class of version 4.
    pub const REGISTER_MESSAGE_FILTER_CLASS: Self = Self(302);
    /// Time spans of a topic's queues as seen by a group.
    pub const QUERY_CONSUME_TIME_SPAN: Self = Self(303);
    /// Lists clusters, brokers and one broker address as system topics.
    pub const GET_SYSTEM_TOPIC_LIST_FROM_NS: Self = Self(304);
    /// Lists the broker's system topics.
    pub const GET_SYSTEM_TOPIC_LIST_FROM_BROKER: Self = Self(305);
    /// Deletes consume queue files that point below the log.
    pub const CLEAN_EXPIRED_CONSUMEQUEUE: Self = Self(306);
    /// Asks a consumer what it is doing; the broker relays it to the client named.
    pub const GET_CONSUMER_RUNNING_INFO: Self = Self(307);
    /// Smallest committed offsets over several groups.
    pub const QUERY_CORRECTION_OFFSET: Self = Self(308);
    /// Makes a chosen client consume a chosen message now; the broker relays it.
    pub const CONSUME_MESSAGE_DIRECTLY: Self = Self(309);
    /// Stores one message; header with one-letter field names. Sent by the Java and Node clients.
    pub const SEND_MESSAGE_V2: Self = Self(310);
    /// Lists topics with the unit flag.
    pub const GET_UNIT_TOPIC_LIST: Self = Self(311);
    /// Lists topics with the unit-subscription flag.
    pub const GET_HAS_UNIT_SUB_TOPIC_LIST: Self = Self(312);
    /// Lists topics with the unit-subscription flag that are no unit topics.
    pub const GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: Self = Self(313);
    /// Copies the offsets of one group to another.
    pub const CLONE_GROUP_OFFSET: Self = Self(314);
    /// Counts of one statistic over the last minute, hour and day.
    pub const VIEW_BROKER_STATS_DATA: Self = Self(315);
    /// Removes the queues of topics that no longer exist.
    pub const CLEAN_UNUSED_TOPIC: Self = Self(316);
    /// Consume progress of every group of the broker.
    pub const GET_BROKER_CONSUME_STATS: Self = Self(317);
    /// Changes configuration keys of a running nameserver; body as Java properties.
    pub const UPDATE_NAMESRV_CONFIG: Self = Self(318);
    /// The nameserver's configuration as Java properties.
    pub const GET_NAMESRV_CONFIG: Self = Self(319);
    /// Stores a batch of messages of one topic; header with one-letter field names and m=true.
    pub const SEND_BATCH_MESSAGE: Self = Self(320);
    /// Shows entries of a consume queue with the verdict of a group's filter.
    pub const QUERY_CONSUME_QUEUE: Self = Self(321);
    /// Compares a broker's data version with the registered one.
    pub const QUERY_DATA_VERSION: Self = Self(322);
    /// Puts a half message back into checking.
    pub const RESUME_CHECK_HALF_MESSAGE: Self = Self(323);
    /// The answer of a request-reply exchange, long field names (Go client).
    pub const SEND_REPLY_MESSAGE: Self = Self(324);
    /// The answer of a request-reply exchange, one-letter field names (Java client).
    pub const SEND_REPLY_MESSAGE_V2: Self = Self(325);
    /// The broker hands a reply message to the client that asked; the client acknowledges it.
    pub const PUSH_REPLY_MESSAGE_TO_CLIENT: Self = Self(326);
    /// Gives write permission back.
    pub const ADD_WRITE_PERM_OF_BROKER: Self = Self(327);
    /// Lists all producers that are connected.
    pub const GET_ALL_PRODUCER_INFO: Self = Self(328);
    /// Deletes expired commit log files now.
    pub const DELETE_EXPIRED_COMMITLOG: Self = Self(329);
    /// Lists the topics that a group consumes.
    pub const QUERY_TOPICS_BY_CONSUMER: Self = Self(343);
    /// The subscription of a group to a topic.
    pub const QUERY_SUBSCRIPTION_BY_CONSUMER: Self = Self(345);
    /// Reads the configuration of one topic.
    pub const GET_TOPIC_CONFIG: Self = Self(351);
    /// Reads the configuration of one group.
    pub const GET_SUBSCRIPTIONGROUP_CONFIG: Self = Self(352);
    /// Sets and reads which topics a group may not read.
    pub const UPDATE_AND_GET_GROUP_FORBIDDEN: Self = Self(353);
    /// Progress of building consume queues in RocksDB.
    pub const CHECK_ROCKSDB_CQ_WRITE_PROGRESS: Self = Self(354);
    /// Writes the configuration kept in RocksDB as JSON.
    pub const EXPORT_ROCKSDB_CONFIG_TO_JSON: Self = Self(355);
    /// The same as PULL_MESSAGE, as Java's DefaultLitePullConsumer sends it, so that a server can
    /// serve it from another thread pool.
    pub const LITE_PULL_MESSAGE: Self = Self(361);
    /// Withdraws a timer message that has not been delivered yet.
    pub const RECALL_MESSAGE: Self = Self(370);
    /// The broker assigns queues to a client.
    pub const QUERY_ASSIGNMENT: Self = Self(400);
    /// Sets whether a group pulls or pops a topic.
    pub const SET_MESSAGE_REQUEST_MODE: Self = Self(401);
    /// The request modes of all groups, for a slave.
    pub const GET_ALL_MESSAGE_REQUEST_MODE: Self = Self(402);
    /// Creates a static topic (logical queues over several brokers).
    pub const UPDATE_AND_CREATE_STATIC_TOPIC: Self = Self(513);
    /// The addresses of a broker's replicas.
    pub const GET_BROKER_MEMBER_GROUP: Self = Self(901);
    /// Starts one more broker in a broker container.
    pub const ADD_BROKER: Self = Self(902);
    /// Stops a broker in a broker container.
    pub const REMOVE_BROKER: Self = Self(903);
    /// A broker says that it is alive, between registrations.
    pub const BROKER_HEARTBEAT: Self = Self(904);
    /// The lowest broker id of a replica group has changed.
    pub const NOTIFY_MIN_BROKER_ID_CHANGE: Self = Self(905);
    /// A slave and a master exchange their replication addresses.
    pub const EXCHANGE_BROKER_HA_INFO: Self = Self(906);
    /// Replication state: role, connections, positions.
    pub const GET_BROKER_HA_STATUS: Self = Self(907);
    /// Sets the flushed position that a master last reported.
    pub const RESET_MASTER_FLUSH_OFFSET: Self = Self(908);
    /// A master changes its set of in-sync replicas.
    pub const CONTROLLER_ALTER_SYNC_STATE_SET: Self = Self(1001);
    /// Elects a master, or a chosen one.
    pub const CONTROLLER_ELECT_MASTER: Self = Self(1002);
    /// A broker registers with its id.
    pub const CONTROLLER_REGISTER_BROKER: Self = Self(1003);
    /// The master of a broker name.
    pub const CONTROLLER_GET_REPLICA_INFO: Self = Self(1004);
    /// Leader and peers of the controller.
    pub const CONTROLLER_GET_METADATA_INFO: Self = Self(1005);
    /// In-sync sets of several brokers.
    pub const CONTROLLER_GET_SYNC_STATE_DATA: Self = Self(1006);
    /// The epochs of a replica's log.
    pub const GET_BROKER_EPOCH_CACHE: Self = Self(1007);
    /// The controller announces a new master or in-sync set.
    pub const NOTIFY_BROKER_ROLE_CHANGED: Self = Self(1008);
    /// Changes configuration keys of the controller.
    pub const UPDATE_CONTROLLER_CONFIG: Self = Self(1009);
    /// The controller's configuration.
    pub const GET_CONTROLLER_CONFIG: Self = Self(1010);
    /// Removes replicas from the controller's tables.
    pub const CLEAN_BROKER_DATA: Self = Self(1011);
    /// The next free broker id.
    pub const CONTROLLER_GET_NEXT_BROKER_ID: Self = Self(1012);
    /// Takes a broker id.
    pub const CONTROLLER_APPLY_BROKER_ID: Self = Self(1013);
    /// Internal to the JRaft controller.
    pub const BROKER_CLOSE_CHANNEL_REQUEST: Self = Self(1014);
    /// Internal to the JRaft controller.
    pub const CHECK_NOT_ACTIVE_BROKER_REQUEST: Self = Self(1015);
    /// Internal to the JRaft controller.
    pub const GET_BROKER_LIVE_INFO_REQUEST: Self = Self(1016);
    /// Internal to the JRaft controller.
    pub const GET_SYNC_STATE_DATA_REQUEST: Self = Self(1017);
    /// Internal to the JRaft controller.
    pub const RAFT_BROKER_HEART_BEAT_EVENT_REQUEST: Self = Self(1018);
    /// Sets read limits for groups that read cold data.
    pub const UPDATE_COLD_DATA_FLOW_CTR_CONFIG: Self = Self(2001);
    /// Removes such a limit; body is the group's name.
    pub const REMOVE_COLD_DATA_FLOW_CTR_CONFIG: Self = Self(2002);
    /// Lists such limits.
    pub const GET_COLD_DATA_FLOW_CTR_INFO: Self = Self(2003);
    /// Sets the read-ahead mode of the commit log.
    pub const SET_COMMITLOG_READ_MODE: Self = Self(2004);
    /// Creates a user.
    pub const AUTH_CREATE_USER: Self = Self(3001);
    /// Changes a user.
    pub const AUTH_UPDATE_USER: Self = Self(3002);
    /// Deletes a user.
    pub const AUTH_DELETE_USER: Self = Self(3003);
    /// Reads a user.
    pub const AUTH_GET_USER: Self = Self(3004);
    /// Lists users.
    pub const AUTH_LIST_USER: Self = Self(3005);
    /// Creates a policy.
    pub const AUTH_CREATE_ACL: Self = Self(3006);
    /// Changes a policy.
    pub const AUTH_UPDATE_ACL: Self = Self(3007);
    /// Deletes a policy.
    pub const AUTH_DELETE_ACL: Self = Self(3008);
    /// Reads a policy.
    pub const AUTH_GET_ACL: Self = Self(3009);
    /// Lists policies.
    pub const AUTH_LIST_ACL: Self = Self(3010);
    /// Changes between file and RocksDB timers.
    pub const SWITCH_TIMER_ENGINE: Self = Self(5001);
    /// Deletes several topics.
    pub const DELETE_TOPIC_IN_BROKER_LIST: Self = Self(5002);
    /// Deletes several consumer groups.
    pub const DELETE_SUBSCRIPTION_GROUP_LIST: Self = Self(5003);
    /// Half messages that wait for their end, oldest first. Remora's own.
    pub const LIST_HALF_MESSAGES: Self = Self(60001);
    /// Timer messages that wait, in order of their times. Remora's own.
    pub const LIST_TIMERS: Self = Self(60010);
    /// Gives a waiting timer message another time. Remora's own.
    pub const MOVE_TIMER: Self = Self(60011);
    /// Takes messages for a time; what is not acknowledged becomes visible again.
    pub const POP_MESSAGE: Self = Self(200050);
    /// Acknowledges one popped message.
    pub const ACK_MESSAGE: Self = Self(200051);
    /// Reads without taking.
    pub const PEEK_MESSAGE: Self = Self(200052);
    /// Changes how long a popped message stays hidden; gives a new handle.
    pub const CHANGE_MESSAGE_INVISIBLETIME: Self = Self(200053);
    /// Held until a queue has something to pop.
    pub const NOTIFICATION: Self = Self(200054);
    /// How many pops are held on a queue.
    pub const POLLING_INFO: Self = Self(200055);
    /// Moves what is in flight from the RocksDB store of pop records to the revive topic.
    pub const POP_ROLLBACK: Self = Self(200056);
    /// Pops messages of the lite topics a client subscribes to.
    pub const POP_LITE_MESSAGE: Self = Self(200070);
    /// Adds, replaces or removes lite subscriptions.
    pub const LITE_SUBSCRIPTION_CTL: Self = Self(200071);
    /// Acknowledges a message of a lite topic.
    pub const ACK_LITE_MESSAGE: Self = Self(200072);
    /// Tells a client that a lite subscription was dropped.
    pub const NOTIFY_UNSUBSCRIBE_LITE: Self = Self(200073);
    /// Figures of lite topics on a broker.
    pub const GET_BROKER_LITE_INFO: Self = Self(200074);
    /// A parent topic with its lite topics.
    pub const GET_PARENT_TOPIC_INFO: Self = Self(200075);
    /// One lite topic with its subscribers.
    pub const GET_LITE_TOPIC_INFO: Self = Self(200076);
    /// The lite subscriptions of a client.
    pub const GET_LITE_CLIENT_INFO: Self = Self(200077);
    /// The lag of a lite group.
    pub const GET_LITE_GROUP_INFO: Self = Self(200078);
    /// Starts delivery to a lite client at once.
    pub const TRIGGER_LITE_DISPATCH: Self = Self(200079);
    /// Acknowledges several popped messages.
    pub const BATCH_ACK_MESSAGE: Self = Self(200151);
}
