//! Half messages that wait for their end: request 60001, Remora's own.
use serde::{Deserialize, Serialize};

/// Reply body of request 60001.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HalfMessageList {
    /// How many wait in all.
    pub pending: i64,
    /// Where to go on; absent where these are the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_queue_offset: Option<i64>,
    /// Oldest first.
    pub half_messages: Vec<HalfMessage>,
}

/// One that waits. Timestamps in ms since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HalfMessage {
    /// Where it goes when it is committed.
    pub topic: String,
    pub producer_group: String,
    pub unique_id: String,
    /// What request 323 takes.
    pub offset_msg_id: String,
    /// In RMQ_SYS_TRANS_HALF_TOPIC.
    pub queue_offset: i64,
    pub commit_log_offset: i64,
    pub born_timestamp: i64,
    pub store_timestamp: i64,
    pub age_ms: i64,
    /// How often a producer was asked.
    pub checks: u32,
    /// Absent while it is being decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_check_in_ms: Option<i64>,
}
