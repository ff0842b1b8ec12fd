//! Refusals that several handlers give. Each names the field or resource, the value and the limit.
use remora_protocol::{HeaderError, ResponseCode};
use remora_remoting::Refusal;

use crate::subscription::ExpressionError;

/// 13: a field of the request is not allowed to be what it is.
pub(crate) fn illegal(remark: String) -> Refusal {
    Refusal::new(ResponseCode::MESSAGE_ILLEGAL, remark)
}

/// 1: a body that cannot be read.
pub(crate) fn body(what: &str, error: &impl std::fmt::Display) -> Refusal {
    Refusal::new(ResponseCode::SYSTEM_ERROR, format!("body of the {what} cannot be read: {error}"))
}

/// 17: the topic is not here.
pub(crate) fn topic_missing(topic: &str) -> Refusal {
    let remark = format!(
        "topic '{topic}' does not exist on this broker; create it first (mqadmin updateTopic, remora topic create)"
    );
    Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark)
}

/// 26: the group is not here.
pub(crate) fn group_missing(group: &str) -> Refusal {
    let remark = format!(
        "consumer group '{group}' does not exist; create it (mqadmin updateSubGroup), or set autoCreateSubscriptionGroup=true"
    );
    Refusal::new(ResponseCode::SUBSCRIPTION_GROUP_NOT_EXIST, remark)
}

/// 29: a queue id outside the topic.
pub(crate) fn queue_id(topic: &str, queue_id: i32, queue_count: usize) -> Refusal {
    let remark = format!(
        "field 'queueId' is {queue_id}, topic '{topic}' has queues 0 to {} ({queue_count} in all)",
        queue_count.saturating_sub(1)
    );
    Refusal::new(ResponseCode::INVALID_PARAMETER, remark)
}

/// 16: something is switched off for this topic or group.
pub(crate) fn no_permission(remark: String) -> Refusal {
    Refusal::new(ResponseCode::NO_PERMISSION, remark)
}

/// 16: the group is switched off.
pub(crate) fn consume_disabled(group: &str) -> Refusal {
    no_permission(format!("consumer group '{group}' may not consume: its consumeEnable is false"))
}

/// 1, as Apache answers where its property filter is off: an expression that is not of tags.
pub(crate) fn property_filter_off(expression_type: Option<&str>) -> Refusal {
    let remark = format!(
        "the broker does not support consumers that filter messages by {}: property filter not enabled (enablePropertyFilter)",
        expression_type.unwrap_or("TAG")
    );
    Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
}

/// 23: a subscription's expression is no filter.
pub(crate) fn expression(error: &ExpressionError) -> Refusal {
    Refusal::new(ResponseCode::SUBSCRIPTION_PARSE_FAILED, error.to_string())
}

/// 1: a change of the metadata is not on disk, and not in force.
pub(crate) fn not_persisted(error: &impl std::fmt::Display) -> Refusal {
    let remark = format!("the change was not written to disk and is not in force: {error}");
    Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
}

/// 206: nobody of the group, or not the client that is named, is connected.
pub(crate) fn consumer_not_online(group: &str, client_id: Option<&str>) -> Refusal {
    let remark = match client_id {
        Some(id) => format!(
            "consumer '{id}' of group '{group}' is not connected to this broker; mqadmin consumerConnection lists those that are"
        ),
        None => format!("nobody of consumer group '{group}' is connected to this broker"),
    };
    Refusal::new(ResponseCode::CONSUMER_NOT_ONLINE, remark)
}

/// 1: a header that lacks a field, or has one that cannot be read.
pub(crate) fn header(error: &HeaderError) -> Refusal {
    Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string())
}
