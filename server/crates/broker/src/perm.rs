//! Permission bits of a topic, and of the whole broker.
use remora_config::Settings;
use remora_remoting::Refusal;

use crate::refusals;
use crate::topic_table::Topic;

pub const READ: i32 = 4;
pub const WRITE: i32 = 2;
/// Topics may be created in this one's image.
pub const INHERIT: i32 = 1;

pub fn is_readable(perm: i32) -> bool {
    perm & READ != 0
}

pub fn is_writable(perm: i32) -> bool {
    perm & WRITE != 0
}

pub fn is_inherited(perm: i32) -> bool {
    perm & INHERIT != 0
}

pub(crate) fn of_broker(settings: &Settings) -> i32 {
    i32::try_from(settings.broker_permission).unwrap_or(0)
}

/// Whether the broker takes messages.
#[inline]
pub(crate) fn broker_takes(settings: &Settings) -> Result<(), Refusal> {
    if is_writable(of_broker(settings)) {
        return Ok(());
    }
    Err(refusals::no_permission(format!(
        "broker '{}' takes no messages: brokerPermission is {}, writing needs bit 2",
        settings.broker_name, settings.broker_permission
    )))
}

/// Whether the broker gives messages.
#[inline]
pub(crate) fn broker_gives(settings: &Settings) -> Result<(), Refusal> {
    if is_readable(of_broker(settings)) {
        return Ok(());
    }
    Err(refusals::no_permission(format!(
        "broker '{}' gives no messages: brokerPermission is {}, reading needs bit 4",
        settings.broker_name, settings.broker_permission
    )))
}

/// Whether the topic takes messages.
#[inline]
pub(crate) fn topic_takes(topic: &Topic) -> Result<(), Refusal> {
    if is_writable(topic.config.perm) {
        return Ok(());
    }
    Err(refusals::no_permission(format!(
        "topic '{}' takes no messages: its perm is {}, writing needs bit 2",
        topic.name, topic.config.perm
    )))
}

/// Whether the topic gives messages.
#[inline]
pub(crate) fn topic_gives(topic: &Topic) -> Result<(), Refusal> {
    if is_readable(topic.config.perm) {
        return Ok(());
    }
    Err(refusals::no_permission(format!(
        "topic '{}' gives no messages: its perm is {}, reading needs bit 4",
        topic.name, topic.config.perm
    )))
}
