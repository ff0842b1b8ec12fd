//! Topics that the broker makes by itself when they are first needed.
use std::sync::Arc;

use remora_protocol::body::TopicConfig;
use remora_protocol::names;
use remora_remoting::Refusal;

use crate::broker::Broker;
use crate::perm;
use crate::refusals;
use crate::topic_table::{Topic, plain_topic};

/// Topic sysFlag: the producers of the topic are of one unit.
pub(crate) const FLAG_UNIT: i32 = 1;
/// Topic sysFlag: the consumers of the topic are of one unit.
const FLAG_UNIT_SUB: i32 = 2;
/// As many as Apache makes.
const DLQ_QUEUE_COUNT: i32 = 1;

/// A group's topic of retries.
pub(crate) fn retry(name: &str, queue_count: i32, unit_mode: bool) -> TopicConfig {
    let mut topic = plain_topic(name, queue_count, perm::READ | perm::WRITE);
    topic.topic_sys_flag = if unit_mode { FLAG_UNIT_SUB } else { 0 };
    topic
}

/// A group's topic of dead letters.
pub(crate) fn dead_letters(name: &str) -> TopicConfig {
    plain_topic(name, DLQ_QUEUE_COUNT, perm::READ | perm::WRITE)
}

/// The half messages that nobody ended.
pub(crate) fn given_up_halves() -> TopicConfig {
    plain_topic(names::TRANS_CHECK_MAX_TIME_TOPIC, 1, perm::READ | perm::WRITE)
}

/// The topic of a group's dead letters, made if it is the first one.
pub(crate) fn dead_letter_topic(broker: &Broker, group: &str) -> Result<Arc<Topic>, Refusal> {
    find_or_make(broker, dead_letters(&names::dlq_topic(group)))
}

pub(crate) fn find_or_make(broker: &Broker, config: TopicConfig) -> Result<Arc<Topic>, Refusal> {
    let name = config.topic_name.clone();
    if let Some(topic) = broker.topics.find(&name) {
        return Ok(topic);
    }
    let made = broker.topics.put_if_absent(config, broker.create_durability());
    let made = made.map_err(|error| refusals::not_persisted(&error))?;
    made.ok_or_else(|| refusals::topic_missing(&name))
}
