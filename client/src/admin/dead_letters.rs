//! Dead letters: what a group gave up, where it is, and sending it once more.
use std::collections::VecDeque;
use std::time::Duration;

use remora_protocol::names;
use remora_protocol::properties::name;

use super::{Admin, QueueStats};
use crate::clock;
use crate::consumer::{Filter, INFLATED_BYTES_MAX, Subscription};
use crate::error::ClientError;
use crate::instance::{Client, PullRequest, PullStatus};
use crate::message::Message;
use crate::queue::MessageQueue;
use crate::route::MASTER_ID;
use crate::view::MessageView;

/// A group that every broker has, for tools. What it has committed of a dead letter queue has been
/// dealt with: sent again.
const TOOLS_GROUP: &str = "TOOLS_CONSUMER";

/// Letters asked for in one pull.
const PULL_COUNT: i32 = 32;

/// Properties that say how a message came to be dead, and none of what its sender said.
const OF_THE_WAY: [&str; 18] = [
    name::DELAY,
    name::REAL_TOPIC,
    name::REAL_QID,
    name::RETRY_TOPIC,
    name::ORIGIN_MESSAGE_ID,
    name::RECONSUME_TIME,
    name::MAX_RECONSUME_TIMES,
    name::CONSUME_START_TIME,
    name::MIN_OFFSET,
    name::MAX_OFFSET,
    name::WAIT,
    name::CLUSTER,
    name::MSG_REGION,
    name::TRACE_ON,
    name::POP_CK,
    name::FIRST_POP_TIME,
    name::CRC32,
    name::TRAN_MSG,
];

/// What a group's dead letter queue holds, on all brokers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeadLetterQueue {
    pub group: String,
    /// Letters that are stored.
    pub stored: i64,
    /// Those of them that were not sent again yet.
    pub open: i64,
    /// When the last one came, in ms since 1970.
    pub last_ms: i64,
}

/// Which dead letters to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Letters {
    /// Those that were not sent again yet.
    Open,
    All,
}

/// Who gets a dead letter that is sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendTo {
    /// The group that gave it up, alone, with all its retries anew.
    Group,
    /// The topic that it was first sent to: all of its groups.
    Topic,
}

/// A group's dead letters, queue by queue, up to where they ended when this was made.
#[derive(Debug)]
pub struct DeadLetters {
    client: Client,
    group: String,
    subscription: Subscription,
    /// What is left to read: a queue, from an offset to another.
    left: VecDeque<(MessageQueue, i64, i64)>,
    arrived: VecDeque<MessageView>,
}

impl Admin {
    /// Every group with dead letters, by name.
    pub async fn dead_letter_queues(&self) -> Result<Vec<DeadLetterQueue>, ClientError> {
        let topics = self.topics().await?;
        let groups = topics.iter().filter_map(|topic| topic.strip_prefix(names::DLQ_PREFIX));
        let mut found = Vec::new();
        for group in groups {
            let stats = self.topic_stats(&names::dlq_topic(group)).await?;
            let mut open = 0;
            for queue in &stats {
                open += queue.max_offset - self.open_from(queue).await?;
            }
            found.push(DeadLetterQueue {
                group: group.to_owned(),
                stored: stats.iter().map(|queue| queue.max_offset - queue.min_offset).sum(),
                open,
                last_ms: stats.iter().map(|queue| queue.last_update_ms).max().unwrap_or(0),
            });
        }
        Ok(found)
    }

    /// The dead letters of a group, the oldest of each queue first.
    ///
    /// # Errors
    /// `TopicNotFound` for a group that has none.
    pub async fn dead_letters(
        &self,
        group: &str,
        which: Letters,
    ) -> Result<DeadLetters, ClientError> {
        let topic = names::dlq_topic(group);
        let mut left = VecDeque::new();
        for queue in self.topic_stats(&topic).await? {
            let from = match which {
                Letters::Open => self.open_from(&queue).await?,
                Letters::All => queue.min_offset,
            };
            left.push_back((queue.queue, from, queue.max_offset));
        }
        Ok(DeadLetters {
            client: self.client.clone(),
            group: group.to_owned(),
            subscription: Subscription::new(topic.into(), Filter::all(), clock::wall_ms()),
            left,
            arrived: VecDeque::new(),
        })
    }

    /// The first letter of a queue that was not sent again yet.
    async fn open_from(&self, queue: &QueueStats) -> Result<i64, ClientError> {
        let committed = self.client.committed_offset(TOOLS_GROUP, &queue.queue).await?;
        Ok(committed.unwrap_or(0).clamp(queue.min_offset, queue.max_offset))
    }
}

impl DeadLetters {
    /// The next letter; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<MessageView>, ClientError> {
        loop {
            if let Some(letter) = self.arrived.pop_front() {
                return Ok(Some(letter));
            }
            let Some((queue, from, end)) = self.left.front_mut() else { return Ok(None) };
            if from >= end {
                self.left.pop_front();
                continue;
            }
            let pulled = self
                .client
                .pull(&PullRequest {
                    group: TOOLS_GROUP,
                    queue,
                    offset: *from,
                    max_count: PULL_COUNT,
                    subscription: &self.subscription,
                    hold: Duration::ZERO,
                    broker_id: MASTER_ID,
                    inflated_bytes_max: INFLATED_BYTES_MAX,
                })
                .await?;
            // Nothing where there were letters a moment ago: retention was faster.
            let is_end = pulled.status == PullStatus::NoNewMessage || pulled.next_offset <= *from;
            *from = if is_end { *end } else { pulled.next_offset };
            let end = *end;
            let letters = pulled.messages.into_iter();
            self.arrived.extend(letters.filter(|letter| letter.queue_offset < end));
        }
    }

    /// The letter as a message to send: its body, flag, tags, keys and properties, and its id.
    /// `None` where nothing says which topic it was sent to.
    pub fn message(&self, letter: &MessageView, to: SendTo) -> Option<Message> {
        let origin = letter.property(name::RETRY_TOPIC)?;
        let topic = match to {
            SendTo::Group => names::retry_topic(&self.group),
            SendTo::Topic => origin.to_owned(),
        };
        let mut message = Message::new(topic, letter.body().clone()).flag(letter.flag);
        for (name, value) in letter.properties().filter(|(name, _)| !OF_THE_WAY.contains(name)) {
            message = message.property(name, value);
        }
        if to == SendTo::Group {
            message = message.property(name::RETRY_TOPIC, origin);
        }
        Some(message)
    }

    /// Notes that this letter, and those before it in its queue, were dealt with.
    pub async fn close(&self, letter: &MessageView) -> Result<(), ClientError> {
        let next = letter.queue_offset.saturating_add(1);
        let committed = self.client.committed_offset(TOOLS_GROUP, &letter.queue).await?;
        if committed.is_some_and(|committed| committed >= next) {
            return Ok(());
        }
        self.client.commit_offset(TOOLS_GROUP, &letter.queue, next).await
    }
}
