//! Queues locked by, or assigned to, a client.
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::heartbeat::MessageModel;
use super::queue::MessageQueue;
use super::wire_enum::wire_enum;

/// Body of request 41.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LockBatchRequest {
    pub client_id: String,
    pub consumer_group: String,
    pub mq_set: BTreeSet<MessageQueue>,
    pub only_this_broker: bool,
}

/// Body of request 42.
pub type UnlockBatchRequest = LockBatchRequest;

/// Reply body of request 41: the queues that the client now holds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LockBatchResponse {
    #[serde(rename = "lockOKMQSet")]
    pub lock_ok_mq_set: BTreeSet<MessageQueue>,
}

wire_enum! {
    /// How a client reads a queue.
    MessageRequestMode {
        #[default]
        Pull = "PULL",
        Pop = "POP",
    }
}

/// Body of request 400.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryAssignmentRequest {
    pub client_id: String,
    pub consumer_group: String,
    pub message_model: MessageModel,
    pub strategy_name: String,
    pub topic: String,
}

/// Reply body of request 400. Without a set nothing changes for the client.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryAssignmentResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_queue_assignments: Option<Vec<MessageQueueAssignment>>,
}

/// One queue assigned.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageQueueAssignment {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<BTreeMap<String, String>>,
    pub message_queue: MessageQueue,
    pub mode: MessageRequestMode,
}

/// Reply body of request 402: by topic, then group.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageRequestModes {
    pub message_request_mode_map: BTreeMap<String, BTreeMap<String, SetMessageRequestModeRequest>>,
}

/// Body of request 401.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetMessageRequestModeRequest {
    pub consumer_group: String,
    pub mode: MessageRequestMode,
    pub pop_share_queue_num: i32,
    pub topic: String,
}
