//! Limits of names and messages, checked before anything is sent.
use remora_protocol::names;

use crate::error::ClientError;

/// Longest body, before compression. Brokers refuse more by default (maxMessageSize).
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest serialized properties: their length is an int16 in the stored record.
pub(crate) const PROPERTIES_BYTES_MAX: usize = 32_767;
/// `UNIQ_KEY`, an IPv6 id of 56 digits, two separators.
pub(crate) const UNIQUE_ID_BYTES_MAX: usize = 8 + 56 + 2;

/// Checks a topic's name.
pub(crate) fn check_topic(topic: &str) -> Result<(), ClientError> {
    names::check_topic(topic)
        .map_err(|e| ClientError::MessageIllegal { field: "topic", problem: e.to_string() })
}

/// Checks a group's name.
pub(crate) fn check_group(group: &str) -> Result<(), ClientError> {
    names::check_group(group).map_err(|e| ClientError::Setting {
        setting: "group",
        value: group.to_owned(),
        reason: e.to_string(),
    })
}
