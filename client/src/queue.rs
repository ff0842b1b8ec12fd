//! One queue of a topic on one broker.
use std::fmt;
use std::sync::Arc;

use remora_protocol::body;

/// A queue: topic, broker and number. Cheap to clone; ordered as Java orders it (topic, broker
/// name, queue id), which a consumer group's members must agree on.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct MessageQueue {
    pub topic: Arc<str>,
    pub broker_name: Arc<str>,
    pub queue_id: i32,
}

impl MessageQueue {
    pub fn new(
        topic: impl Into<Arc<str>>,
        broker_name: impl Into<Arc<str>>,
        queue_id: i32,
    ) -> Self {
        Self { topic: topic.into(), broker_name: broker_name.into(), queue_id }
    }

    pub(crate) fn from_wire(queue: &body::MessageQueue) -> Self {
        Self::new(queue.topic.as_str(), queue.broker_name.as_str(), queue.queue_id)
    }

    pub(crate) fn to_wire(&self) -> body::MessageQueue {
        body::MessageQueue {
            topic: self.topic.to_string(),
            broker_name: self.broker_name.to_string(),
            queue_id: self.queue_id,
        }
    }
}

impl fmt::Display for MessageQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}:{}", self.topic, self.broker_name, self.queue_id)
    }
}
