//! What a topic asks of its messages beyond the usual; nearly all topics ask nothing.
use std::sync::Arc;

use remora_protocol::batch;
use remora_protocol::body::TopicConfig;
use remora_protocol::header::SendMessageHeader;
use remora_protocol::names;
use remora_protocol::properties::{self, name};
use remora_remoting::Refusal;

use crate::broker::Broker;
use crate::compaction::Compaction;
use crate::message_type::MessageType;
use crate::quota::{AttributeError, Quota};
use crate::refusals;
use crate::send::{Origin, Shape};
use crate::time;

/// The rules of one topic, from its name and attributes.
#[derive(Debug)]
pub struct TopicRules {
    /// The topic is the broker's own: clients may not send to it.
    pub send_refused: bool,
    pub(crate) quota: Option<Arc<Quota>>,
    pub(crate) compaction: Option<Compaction>,
    pub(crate) message_type: Option<MessageType>,
}

impl TopicRules {
    /// `None` for a topic without any. What the rules before have counted goes on.
    pub(crate) fn of(
        config: &TopicConfig,
        before: Option<&Self>,
    ) -> Result<Option<Box<Self>>, AttributeError> {
        let quota = before.and_then(|rules| rules.quota.as_ref());
        let compaction = before.and_then(|rules| rules.compaction.as_ref());
        let rules = Self {
            send_refused: names::is_send_forbidden(&config.topic_name),
            quota: Quota::of_topic(&config.attributes, quota)?,
            compaction: Compaction::of(&config.attributes, compaction)?,
            message_type: MessageType::of_topic(&config.attributes)?,
        };
        let none = !rules.send_refused
            && rules.quota.is_none()
            && rules.compaction.is_none()
            && rules.message_type.is_none();
        Ok((!none).then(|| Box::new(rules)))
    }

    /// Refuses what clients may never send, before anything else is looked at.
    pub(crate) fn check_sender(&self, topic: &str) -> Result<(), Refusal> {
        if self.send_refused {
            return Err(refusals::no_permission(format!(
                "topic '{topic}' belongs to the broker, clients may not send to it"
            )));
        }
        Ok(())
    }

    /// Refuses what is of another type or could not be compacted, and counts a send that is right
    /// in all else against the quota.
    pub(crate) fn admit(
        &self,
        broker: &Broker,
        topic: &str,
        origin: Origin<'_>,
        header: &SendMessageHeader<'_>,
    ) -> Result<(), Refusal> {
        let properties = &*header.properties.to_str();
        if let Some(of_topic) = self.message_type
            && broker.config.peek().message_type_check
        {
            of_topic.check(topic, origin, properties.as_bytes(), header.sys_flag)?;
        }
        if self.compaction.is_some() && !has_keys(origin, properties) {
            return Err(refusals::illegal(format!(
                "topic '{topic}' keeps the last message of each key: property KEYS is missing, the message was not stored"
            )));
        }
        let Some(quota) = &self.quota else { return Ok(()) };
        let messages = match origin.shape {
            Shape::Single => 1,
            Shape::Batch => batch::items(origin.body).count(),
        };
        let bytes = origin.body.len() + properties.len();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        quota.admit(time::tick_ms(), number(messages), number(bytes)).map_err(|over| {
            broker.metrics.rejections.over_quota.add(1);
            over.refusal(&format!("topic '{topic}'"))
        })
    }
}

/// Whether the message, or every one of a batch, has a key.
fn has_keys(origin: Origin<'_>, properties: &str) -> bool {
    let has =
        |raw: &[u8]| properties::find(raw, name::KEYS).is_some_and(|keys| !keys.trim().is_empty());
    match origin.shape {
        Shape::Single => has(properties.as_bytes()),
        Shape::Batch => {
            batch::items(origin.body).all(|item| item.is_ok_and(|item| has(item.properties)))
        }
    }
}
