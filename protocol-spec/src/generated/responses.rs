// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Constants and names of all response codes.
use crate::code::ResponseCode;

impl ResponseCode {
    /// Client side only: no answer in time.
    pub const RPC_TIME_OUT: Self = Self(-1006);
    /// Client side only: not sent.
    pub const RPC_SEND_TO_CHANNEL_FAILED: Self = Self(-1004);
    /// Client side only: no address.
    pub const RPC_ADDR_IS_NULL: Self = Self(-1002);
    /// Client side only.
    pub const RPC_UNKNOWN: Self = Self(-1000);
    /// Done.
    pub const SUCCESS: Self = Self(0);
    /// Failed; the remark says why.
    pub const SYSTEM_ERROR: Self = Self(1);
    /// Refused before any work: the remark names the resource, its value and its limit. Send
    /// elsewhere or later.
    pub const SYSTEM_BUSY: Self = Self(2);
    /// The receiver does not serve this code.
    pub const REQUEST_CODE_NOT_SUPPORTED: Self = Self(3);
    /// The local transaction failed; client side only.
    pub const TRANSACTION_FAILED: Self = Self(4);
    /// Stored, but not known to be on disk in time.
    pub const FLUSH_DISK_TIMEOUT: Self = Self(10);
    /// Stored, but too few slaves follow.
    pub const SLAVE_NOT_AVAILABLE: Self = Self(11);
    /// Stored, but the slaves have not confirmed in time.
    pub const FLUSH_SLAVE_TIMEOUT: Self = Self(12);
    /// Topic, body or properties are too long or malformed.
    pub const MESSAGE_ILLEGAL: Self = Self(13);
    /// Not writable now: disk full, stopping, or a slave.
    pub const SERVICE_NOT_AVAILABLE: Self = Self(14);
    /// The client's version is too old for what it asks.
    pub const VERSION_NOT_SUPPORTED: Self = Self(15);
    /// Permission of broker, topic or group forbids it.
    pub const NO_PERMISSION: Self = Self(16);
    /// No such topic.
    pub const TOPIC_NOT_EXIST: Self = Self(17);
    /// The topic exists.
    pub const TOPIC_EXIST_ALREADY: Self = Self(18);
    /// Nothing to read at this offset yet.
    pub const PULL_NOT_FOUND: Self = Self(19);
    /// Nothing matched: pull again from nextBeginOffset.
    pub const PULL_RETRY_IMMEDIATELY: Self = Self(20);
    /// The offset is outside the queue: go on at nextBeginOffset.
    pub const PULL_OFFSET_MOVED: Self = Self(21);
    /// No such offset, key or value.
    pub const QUERY_NOT_FOUND: Self = Self(22);
    /// The subscription expression is wrong.
    pub const SUBSCRIPTION_PARSE_FAILED: Self = Self(23);
    /// The group has not announced this subscription.
    pub const SUBSCRIPTION_NOT_EXIST: Self = Self(24);
    /// The broker knows an older subscription: send a heartbeat and retry.
    pub const SUBSCRIPTION_NOT_LATEST: Self = Self(25);
    /// No such group.
    pub const SUBSCRIPTION_GROUP_NOT_EXIST: Self = Self(26);
    /// No compiled filter for the subscription.
    pub const FILTER_DATA_NOT_EXIST: Self = Self(27);
    /// The compiled filter is older than the subscription.
    pub const FILTER_DATA_NOT_LATEST: Self = Self(28);
    /// A field has a value that cannot be: name of a topic, queue id, permission.
    pub const INVALID_PARAMETER: Self = Self(29);
    /// Commit it.
    pub const TRANSACTION_SHOULD_COMMIT: Self = Self(200);
    /// Roll it back.
    pub const TRANSACTION_SHOULD_ROLLBACK: Self = Self(201);
    /// State unknown; the name is misspelt in Apache.
    pub const TRANSACTION_STATE_UNKNOW: Self = Self(202);
    /// Wrong producer group.
    pub const TRANSACTION_STATE_GROUP_WRONG: Self = Self(203);
    /// A client may try another broker.
    pub const NO_BUYER_ID: Self = Self(204);
    /// The message belongs to another unit.
    pub const NOT_IN_CURRENT_UNIT: Self = Self(205);
    /// No such consumer is connected.
    pub const CONSUMER_NOT_ONLINE: Self = Self(206);
    /// The consumer did not answer in time.
    pub const CONSUME_MSG_TIMEOUT: Self = Self(207);
    /// No message at that handle or offset.
    pub const NO_MESSAGE: Self = Self(208);
    /// Too many requests are held.
    pub const POLLING_FULL: Self = Self(209);
    /// The request was too old, or was held to its end.
    pub const POLLING_TIMEOUT: Self = Self(210);
    /// No such broker.
    pub const BROKER_NOT_EXIST: Self = Self(211);
    /// Queues are behind the log.
    pub const BROKER_DISPATCH_NOT_COMPLETE: Self = Self(212);
    /// The group broadcasts: there are no common offsets.
    pub const BROADCAST_CONSUMPTION: Self = Self(213);
    /// Slow down.
    pub const FLOW_CONTROL: Self = Self(215);
    /// Another broker leads this logical queue.
    pub const NOT_LEADER_FOR_QUEUE: Self = Self(501);
    /// Too late, or not in this state.
    pub const ILLEGAL_OPERATION: Self = Self(604);
    /// The receiver is stopping: open a new connection and retry.
    pub const GO_AWAY: Self = Self(1500);
    /// The master epoch is old.
    pub const CONTROLLER_FENCED_MASTER_EPOCH: Self = Self(2000);
    /// The in-sync set's version is old.
    pub const CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH: Self = Self(2001);
    /// Not the master.
    pub const CONTROLLER_INVALID_MASTER: Self = Self(2002);
    /// Unknown replicas.
    pub const CONTROLLER_INVALID_REPLICAS: Self = Self(2003);
    /// No master now.
    pub const CONTROLLER_MASTER_NOT_AVAILABLE: Self = Self(2004);
    /// Malformed request.
    pub const CONTROLLER_INVALID_REQUEST: Self = Self(2005);
    /// The broker is not alive.
    pub const CONTROLLER_BROKER_NOT_ALIVE: Self = Self(2006);
    /// Ask the leader.
    pub const CONTROLLER_NOT_LEADER: Self = Self(2007);
    /// Unknown broker.
    pub const CONTROLLER_BROKER_METADATA_NOT_EXIST: Self = Self(2008);
    /// Not cleaned.
    pub const CONTROLLER_INVALID_CLEAN_BROKER_METADATA: Self = Self(2009);
    /// Register first.
    pub const CONTROLLER_BROKER_NEED_TO_BE_REGISTERED: Self = Self(2010);
    /// The master is still there.
    pub const CONTROLLER_MASTER_STILL_EXIST: Self = Self(2011);
    /// No master elected.
    pub const CONTROLLER_ELECT_MASTER_FAILED: Self = Self(2012);
    /// Not changed.
    pub const CONTROLLER_ALTER_SYNC_STATE_SET_FAILED: Self = Self(2013);
    /// The broker id is taken or wrong.
    pub const CONTROLLER_BROKER_ID_INVALID: Self = Self(2014);
    /// Internal to the JRaft controller.
    pub const CONTROLLER_JRAFT_INTERNAL_ERROR: Self = Self(2015);
    /// Internal to the JRaft controller.
    pub const CONTROLLER_BROKER_LIVE_INFO_NOT_EXISTS: Self = Self(2016);
    /// Too many light queues (5.5).
    pub const LMQ_QUOTA_EXCEEDED: Self = Self(2017);
    /// Too many lite subscriptions (5.5).
    pub const LITE_SUBSCRIPTION_QUOTA_EXCEEDED: Self = Self(2018);
    /// No such user.
    pub const USER_NOT_EXIST: Self = Self(3001);
    /// No such policy.
    pub const POLICY_NOT_EXIST: Self = Self(3002);

    /// Its name in Apache RocketMQ; `None` for a number without one.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            -1006 => "RPC_TIME_OUT",
            -1004 => "RPC_SEND_TO_CHANNEL_FAILED",
            -1002 => "RPC_ADDR_IS_NULL",
            -1000 => "RPC_UNKNOWN",
            0 => "SUCCESS",
            1 => "SYSTEM_ERROR",
            2 => "SYSTEM_BUSY",
            3 => "REQUEST_CODE_NOT_SUPPORTED",
            4 => "TRANSACTION_FAILED",
            10 => "FLUSH_DISK_TIMEOUT",
            11 => "SLAVE_NOT_AVAILABLE",
            12 => "FLUSH_SLAVE_TIMEOUT",
            13 => "MESSAGE_ILLEGAL",
            14 => "SERVICE_NOT_AVAILABLE",
            15 => "VERSION_NOT_SUPPORTED",
            16 => "NO_PERMISSION",
            17 => "TOPIC_NOT_EXIST",
            18 => "TOPIC_EXIST_ALREADY",
            19 => "PULL_NOT_FOUND",
            20 => "PULL_RETRY_IMMEDIATELY",
            21 => "PULL_OFFSET_MOVED",
            22 => "QUERY_NOT_FOUND",
            23 => "SUBSCRIPTION_PARSE_FAILED",
            24 => "SUBSCRIPTION_NOT_EXIST",
            25 => "SUBSCRIPTION_NOT_LATEST",
            26 => "SUBSCRIPTION_GROUP_NOT_EXIST",
            27 => "FILTER_DATA_NOT_EXIST",
            28 => "FILTER_DATA_NOT_LATEST",
            29 => "INVALID_PARAMETER",
            200 => "TRANSACTION_SHOULD_COMMIT",
            201 => "TRANSACTION_SHOULD_ROLLBACK",
            202 => "TRANSACTION_STATE_UNKNOW",
            203 => "TRANSACTION_STATE_GROUP_WRONG",
            204 => "NO_BUYER_ID",
            205 => "NOT_IN_CURRENT_UNIT",
            206 => "CONSUMER_NOT_ONLINE",
            207 => "CONSUME_MSG_TIMEOUT",
            208 => "NO_MESSAGE",
            209 => "POLLING_FULL",
            210 => "POLLING_TIMEOUT",
            211 => "BROKER_NOT_EXIST",
            212 => "BROKER_DISPATCH_NOT_COMPLETE",
            213 => "BROADCAST_CONSUMPTION",
            215 => "FLOW_CONTROL",
            501 => "NOT_LEADER_FOR_QUEUE",
            604 => "ILLEGAL_OPERATION",
            1500 => "GO_AWAY",
            2000 => "CONTROLLER_FENCED_MASTER_EPOCH",
            2001 => "CONTROLLER_FENCED_SYNC_STATE_SET_EPOCH",
            2002 => "CONTROLLER_INVALID_MASTER",
            2003 => "CONTROLLER_INVALID_REPLICAS",
            2004 => "CONTROLLER_MASTER_NOT_AVAILABLE",
            2005 => "CONTROLLER_INVALID_REQUEST",
            2006 => "CONTROLLER_BROKER_NOT_ALIVE",
            2007 => "CONTROLLER_NOT_LEADER",
            2008 => "CONTROLLER_BROKER_METADATA_NOT_EXIST",
            2009 => "CONTROLLER_INVALID_CLEAN_BROKER_METADATA",
            2010 => "CONTROLLER_BROKER_NEED_TO_BE_REGISTERED",
            2011 => "CONTROLLER_MASTER_STILL_EXIST",
            2012 => "CONTROLLER_ELECT_MASTER_FAILED",
            2013 => "CONTROLLER_ALTER_SYNC_STATE_SET_FAILED",
            2014 => "CONTROLLER_BROKER_ID_INVALID",
            2015 => "CONTROLLER_JRAFT_INTERNAL_ERROR",
            2016 => "CONTROLLER_BROKER_LIVE_INFO_NOT_EXISTS",
            2017 => "LMQ_QUOTA_EXCEEDED",
            2018 => "LITE_SUBSCRIPTION_QUOTA_EXCEEDED",
            3001 => "USER_NOT_EXIST",
            3002 => "POLICY_NOT_EXIST",
            _ => return None,
        })
    }
}

/// The codes on which a producer tries another broker.
pub const RETRY_ELSEWHERE: &[ResponseCode] = &[
    ResponseCode::TOPIC_NOT_EXIST,
    ResponseCode::SERVICE_NOT_AVAILABLE,
    ResponseCode::SYSTEM_ERROR,
    ResponseCode::SYSTEM_BUSY,
    ResponseCode::NO_PERMISSION,
    ResponseCode::NO_BUYER_ID,
    ResponseCode::NOT_IN_CURRENT_UNIT,
    ResponseCode::GO_AWAY,
];
