//! Bodies about timer messages.
use serde::{Deserialize, Serialize};

/// Reply body of request 60010.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TimerList {
    pub timers: Vec<WaitingTimer>,
    /// Where a listing goes on; absent at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<TimerPlace>,
    /// How many timer messages wait on this broker, about.
    pub waiting_count: u64,
}

/// A place in the order of delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TimerPlace {
    /// Milliseconds since 1970.
    pub due_ms: i64,
    pub physical_offset: i64,
}

/// A timer message that waits.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WaitingTimer {
    pub topic: String,
    pub queue_id: i32,
    /// Milliseconds since 1970.
    pub due_ms: i64,
    pub stored_ms: i64,
    pub unique_id: String,
    pub keys: String,
    pub tags: String,
    pub body_bytes: u64,
    /// For requests 370 and 60011.
    pub recall_handle: String,
}
