//! Following a topic without being a member of any group: for tools.
use std::collections::VecDeque;
use std::sync::Arc;

use super::INFLATED_BYTES_MAX;
use super::readers::{Readers, Reading};
use super::subscription::{Filter, Subscription};
use crate::clock;
use crate::error::ClientError;
use crate::instance::Client;
use crate::queue::MessageQueue;
use crate::view::MessageView;

/// A group that every broker has, for tools.
const TOOLS_GROUP: &str = "TOOLS_CONSUMER";

/// Where to start, in every queue of the topic.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum TailFrom {
    /// The oldest stored message.
    Beginning,
    /// Messages sent from now on.
    #[default]
    End,
    /// Messages stored since this time, in ms since 1970.
    TimestampMs(i64),
    /// So many messages before the end of each queue.
    LastInEachQueue(u32),
}

/// A topic being followed. Commits nothing, and brokers list no consumer.
#[derive(Debug)]
pub struct Tail {
    readers: Readers,
    arrived: VecDeque<MessageView>,
}

impl Client {
    /// Follows a topic. Messages sent after this returns are seen, whatever `from` says.
    ///
    /// # Errors
    /// `TopicNotFound`, and what keeps its brokers from telling the offsets.
    pub async fn tail(
        &self,
        topic: &str,
        filter: impl Into<Filter>,
        from: TailFrom,
    ) -> Result<Tail, ClientError> {
        let route = self.route(topic).await?;
        let subscription =
            Subscription::new(Arc::clone(&route.topic), filter.into(), clock::wall_ms());
        let subscription = Arc::new(subscription);
        let reading = Reading {
            group: Arc::from(TOOLS_GROUP),
            count_max: 32,
            inflated_bytes_max: INFLATED_BYTES_MAX,
        };
        let readers = Readers::new(self.clone(), reading);
        for queue in &route.readable {
            let offset = self.tail_offset(queue, from).await?;
            readers.read(queue, offset, Arc::clone(&subscription));
        }
        Ok(Tail { readers, arrived: VecDeque::new() })
    }

    async fn tail_offset(&self, queue: &MessageQueue, from: TailFrom) -> Result<i64, ClientError> {
        match from {
            TailFrom::Beginning => self.min_offset(queue).await,
            TailFrom::End => self.max_offset(queue).await,
            TailFrom::TimestampMs(time_ms) => self.offset_at(queue, time_ms).await,
            TailFrom::LastInEachQueue(count) => {
                let end = self.max_offset(queue).await?;
                Ok(end.saturating_sub(i64::from(count)).max(self.min_offset(queue).await?))
            }
        }
    }
}

impl Tail {
    /// The next message: in order within a queue, as they arrive among queues. Safe to drop while
    /// it waits.
    ///
    /// # Errors
    /// That of a failed pull; the queue is read on, so calling again makes sense.
    pub async fn next(&mut self) -> Result<MessageView, ClientError> {
        loop {
            if let Some(message) = self.arrived.pop_front() {
                return Ok(message);
            }
            self.arrived.extend(self.readers.next().await?);
        }
    }
}
