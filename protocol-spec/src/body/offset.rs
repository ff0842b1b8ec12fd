//! How far groups have consumed.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::queue::{MessageQueue, QueueTable, queue_table, queue_tables};
use super::topic::DataVersion;

/// Reply body of request 208.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeStats {
    pub consume_tps: f64,
    #[serde(deserialize_with = "queue_table")]
    pub offset_table: QueueTable<OffsetWrapper>,
}

/// Progress in one queue. The optional fields are this broker's own: official tools pass over them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OffsetWrapper {
    /// Offset that the next message will get.
    pub broker_offset: i64,
    /// Committed.
    pub consumer_offset: i64,
    /// Store time of the last message consumed, in ms since 1970.
    pub last_timestamp: i64,
    /// Where the group last read to.
    pub pull_offset: i64,
    /// The client id of the member that had the last pull.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When a pull was answered last, in ms since 1970; none since the broker's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_pull_timestamp: Option<i64>,
    /// When an offset was committed last, in ms since 1970; none since the broker's start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_commit_timestamp: Option<i64>,
    /// What is wrong, as of a look every 10 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<QueueTrouble>,
}

/// What is wrong with a queue although members of its group are connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum QueueTrouble {
    /// It has messages, and nobody pulls it.
    Unread,
    /// It is pulled, and nothing is committed.
    Uncommitted,
}

/// Reply body of request 317: progress by group.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeStatsList {
    pub broker_addr: String,
    pub consume_stats_list: Vec<BTreeMap<String, Vec<ConsumeStats>>>,
    pub total_diff: i64,
    pub total_inflight_diff: i64,
}

/// Reply body of request 43, and `consumerOffset.json`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerOffsetSerializeWrapper {
    pub data_version: DataVersion,
    /// Offset by queue id, by `topic@group`.
    pub offset_table: BTreeMap<String, BTreeMap<i32, i64>>,
}

/// Reply body of request 45, and `delayOffset.json`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DelayOffsetSerializeWrapper {
    pub data_version: DataVersion,
    /// Offset by delay level.
    pub offset_table: BTreeMap<i32, i64>,
}

/// Body of request 220 and reply body of 222.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetOffsetBody {
    #[serde(deserialize_with = "queue_table")]
    pub offset_table: QueueTable<i64>,
}

/// The same for C++ clients: a list.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetOffsetBodyForC {
    pub offset_table: Vec<MessageQueueForC>,
}

/// One queue and its new offset.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageQueueForC {
    pub broker_name: String,
    pub offset: i64,
    pub queue_id: i32,
    pub topic: String,
}

/// Reply body of requests 221 and 223.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumerStatusBody {
    /// By client id.
    #[serde(deserialize_with = "queue_tables")]
    pub consumer_table: BTreeMap<String, QueueTable<i64>>,
    #[serde(deserialize_with = "queue_table")]
    pub message_queue_table: QueueTable<i64>,
}

/// Reply body of request 308.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryCorrectionOffsetBody {
    pub correction_offsets: BTreeMap<i32, i64>,
}

/// Reply body of request 303.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryConsumeTimeSpanBody {
    pub consume_time_span_set: Vec<QueueTimeSpan>,
}

/// Times of one queue, in ms since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueueTimeSpan {
    pub consume_time_stamp: i64,
    pub delay_time: i64,
    pub max_time_stamp: i64,
    pub message_queue: MessageQueue,
    pub min_time_stamp: i64,
}
