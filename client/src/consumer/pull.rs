//! The pull consumer: the application says which queues it reads, from where, and what it commits.
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::RwLock;
use remora_protocol::body;

use super::push::ConsumeFrom;
use super::readers::{Readers, Reading};
use super::subscription::{Filter, Subscription};
use super::{INFLATED_BYTES_MAX, running_info};
use crate::clock;
use crate::error::ClientError;
use crate::instance::{Client, ConsumerMember, MemberBuilder, MemberClient, PullRequest, Pulled};
use crate::queue::MessageQueue;
use crate::route::MASTER_ID;
use crate::view::MessageView;

/// Reads the queues that it is told to. Nothing is committed unless [`PullConsumer::commit`] says
/// so.
///
/// ```no_run
/// # async fn example() -> Result<(), remora_client::ClientError> {
/// use std::time::Duration;
/// use remora_client::PullConsumer;
///
/// let consumer = PullConsumer::builder("audit").nameserver("127.0.0.1:9876").start().await?;
/// consumer.assign(&consumer.queues("order-events").await?).await?;
/// for message in consumer.poll(Duration::from_secs(1)).await? {
///     println!("{} at {}", message.msg_id(), message.queue_offset);
/// }
/// consumer.commit().await?;
/// consumer.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PullConsumer {
    member: Arc<Member>,
    readers: Readers,
    consume_from: ConsumeFrom,
    inflated_bytes_max: usize,
    owns_client: bool,
}

/// The consumer as brokers know it.
#[derive(Debug)]
struct Member {
    client: Client,
    group: String,
    subscriptions: RwLock<HashMap<Arc<str>, Arc<Subscription>>>,
    started_ms: i64,
}

/// Settings of a [`PullConsumer`]. Only a nameserver (or a client) must be given.
pub type PullConsumerBuilder = MemberBuilder<PullSettings>;

/// What a [`PullConsumerBuilder`] sets.
#[derive(Clone, Debug)]
pub struct PullSettings {
    filters: Vec<(String, Filter)>,
    consume_from: ConsumeFrom,
    count_max: i32,
    inflated_bytes_max: usize,
}

impl PullConsumerBuilder {
    /// Which messages of a topic to read. Default: all.
    #[must_use]
    pub fn filter(mut self, topic: impl Into<String>, filter: impl Into<Filter>) -> Self {
        self.own.filters.push((topic.into(), filter.into()));
        self
    }

    /// Where an assigned queue starts for which the group has committed nothing. Default: at the
    /// end.
    #[must_use]
    pub fn consume_from(mut self, from: ConsumeFrom) -> Self {
        self.own.consume_from = from;
        self
    }

    /// Messages asked for in one pull of an assigned queue. Default 32.
    #[must_use]
    pub fn pull_count_max(mut self, count: i32) -> Self {
        self.own.count_max = count.max(1);
        self
    }

    /// Most bytes that a compressed body may become. Default 16 MiB.
    #[must_use]
    pub fn inflated_bytes_max(mut self, bytes: usize) -> Self {
        self.own.inflated_bytes_max = bytes;
        self
    }

    /// Connects and joins the group.
    ///
    /// # Errors
    /// `Setting` for an illegal group or address, `NameserverUnreachable`.
    pub async fn start(self) -> Result<PullConsumer, ClientError> {
        let (group, MemberClient { client, is_own }, own) = self.connect().await?;
        let version_ms = clock::wall_ms();
        let subscriptions = own
            .filters
            .into_iter()
            .map(|(topic, filter)| {
                let topic = client.full_name(&topic);
                let subscription = Subscription::new(Arc::clone(&topic), filter, version_ms);
                (topic, Arc::new(subscription))
            })
            .collect();
        let member = Arc::new(Member {
            client: client.clone(),
            group,
            subscriptions: RwLock::new(subscriptions),
            started_ms: version_ms,
        });
        let as_member: Weak<dyn ConsumerMember> = Arc::<Member>::downgrade(&member);
        client.add_consumer(&member.group, as_member)?;
        let reading = Reading {
            group: Arc::from(member.group.as_str()),
            count_max: own.count_max,
            inflated_bytes_max: own.inflated_bytes_max,
        };
        Ok(PullConsumer {
            member,
            readers: Readers::new(client, reading),
            consume_from: own.consume_from,
            inflated_bytes_max: own.inflated_bytes_max,
            owns_client: is_own,
        })
    }
}

impl PullConsumer {
    /// Starts with the name of the consumer group.
    pub fn builder(group: impl Into<String>) -> PullConsumerBuilder {
        let own = PullSettings {
            filters: Vec::new(),
            consume_from: ConsumeFrom::default(),
            count_max: 32,
            inflated_bytes_max: INFLATED_BYTES_MAX,
        };
        PullConsumerBuilder::new(group.into(), own)
    }

    /// The queues of a topic that can be read, sorted.
    pub async fn queues(&self, topic: &str) -> Result<Vec<MessageQueue>, ClientError> {
        let topic = self.client().full_name(topic);
        let route = self.client().route(&topic).await?;
        // Brokers learn of the group with the first topic; they refuse strangers if so configured.
        self.member.subscription(&topic);
        self.client().heartbeat_now().await;
        Ok(route.readable.clone())
    }

    /// Reads messages of one queue from an offset, once. At the end of the queue the broker waits
    /// up to `hold` for a message to arrive.
    pub async fn pull(
        &self,
        queue: &MessageQueue,
        offset: i64,
        count_max: i32,
        hold: Duration,
    ) -> Result<Pulled, ClientError> {
        self.client().route(&queue.topic).await?;
        let request = PullRequest {
            group: &self.member.group,
            queue,
            offset,
            max_count: count_max,
            subscription: &self.member.subscription(&queue.topic),
            hold,
            broker_id: MASTER_ID,
            inflated_bytes_max: self.inflated_bytes_max,
        };
        self.client().pull(&request).await
    }

    /// Reads exactly these queues from now on: each from its committed offset, or where
    /// `consume_from` says. Queues that are read already go on as they were.
    pub async fn assign(&self, queues: &[MessageQueue]) -> Result<(), ClientError> {
        self.readers.keep_only(queues);
        for queue in queues {
            if !self.readers.is_reading(queue) {
                self.client().route(&queue.topic).await?;
                let offset = match self.committed(queue).await? {
                    Some(offset) => offset,
                    None => self.client().first_offset(queue, self.consume_from).await?,
                };
                self.read(queue, offset);
            }
        }
        self.client().heartbeat_now().await;
        Ok(())
    }

    /// Messages of one assigned queue, in their order; none when nothing arrives in `wait`.
    ///
    /// # Errors
    /// That of a failed pull; the queue is read on, so the next poll may succeed.
    pub async fn poll(&self, wait: Duration) -> Result<Vec<MessageView>, ClientError> {
        tokio::time::timeout(wait, self.readers.next()).await.unwrap_or(Ok(Vec::new()))
    }

    /// Reads an assigned queue from another offset. Messages read ahead are thrown away.
    ///
    /// # Errors
    /// `Setting` when the queue is not assigned.
    pub fn seek(&self, queue: &MessageQueue, offset: i64) -> Result<(), ClientError> {
        if !self.readers.is_reading(queue) {
            return Err(ClientError::Setting {
                setting: "queue",
                value: queue.to_string(),
                reason: "it is not assigned; assign it first".to_owned(),
            });
        }
        self.read(queue, offset);
        Ok(())
    }

    /// The offset after the last message that `poll` gave of every assigned queue.
    pub fn positions(&self) -> Vec<(MessageQueue, i64)> {
        self.readers.positions()
    }

    /// Commits the position of every assigned queue, and waits for the brokers' answers.
    pub async fn commit(&self) -> Result<(), ClientError> {
        for (queue, offset) in self.positions() {
            self.commit_offset(&queue, offset).await?;
        }
        Ok(())
    }

    /// Commits an offset: the next message to read after a restart.
    pub async fn commit_offset(
        &self,
        queue: &MessageQueue,
        offset: i64,
    ) -> Result<(), ClientError> {
        self.client().route(&queue.topic).await?;
        self.client().commit_offset(&self.member.group, queue, offset).await
    }

    /// What the group has committed of a queue; `None` if nothing yet.
    pub async fn committed(&self, queue: &MessageQueue) -> Result<Option<i64>, ClientError> {
        self.client().route(&queue.topic).await?;
        self.client().committed_offset(&self.member.group, queue).await
    }

    /// The client below: offsets by time, first and last, routes.
    pub fn client(&self) -> &Client {
        &self.member.client
    }

    /// Stops reading and tells the brokers. Commits nothing.
    pub async fn shutdown(&self) {
        self.readers.keep_only(&[]);
        self.client().remove_consumer(&self.member.group).await;
        if self.owns_client {
            self.client().shutdown().await;
        }
    }

    fn read(&self, queue: &MessageQueue, offset: i64) {
        self.readers.read(queue, offset, self.member.subscription(&queue.topic));
    }
}

impl Client {
    /// Where a group starts in a queue of which it has committed nothing.
    pub(crate) async fn first_offset(
        &self,
        queue: &MessageQueue,
        from: ConsumeFrom,
    ) -> Result<i64, ClientError> {
        match from {
            ConsumeFrom::First => self.min_offset(queue).await,
            ConsumeFrom::Last => self.max_offset(queue).await,
            ConsumeFrom::TimestampMs(time_ms) => self.offset_at(queue, time_ms).await,
        }
    }
}

impl Member {
    /// The subscription of a topic; to everything where no filter was set.
    fn subscription(&self, topic: &str) -> Arc<Subscription> {
        if let Some(subscription) = self.subscriptions.read().get(topic) {
            return Arc::clone(subscription);
        }
        let topic: Arc<str> = Arc::from(topic);
        let everything = Subscription::new(Arc::clone(&topic), Filter::all(), self.started_ms);
        Arc::clone(self.subscriptions.write().entry(topic).or_insert_with(|| Arc::new(everything)))
    }
}

impl ConsumerMember for Member {
    fn heartbeat(&self) -> body::ConsumerData {
        let subscriptions = self.subscriptions.read();
        body::ConsumerData {
            group_name: self.group.clone(),
            consume_type: body::ConsumeType::ConsumeActively,
            subscription_data_set: subscriptions.values().map(|s| s.to_wire()).collect(),
            ..Default::default()
        }
    }

    /// The application decides which queues it reads.
    fn rebalance_now(&self) {}

    fn running_info(&self) -> body::ConsumerRunningInfo {
        running_info::of_pull_consumer(self.started_ms, self.heartbeat())
    }

    fn offsets(&self, _topic: &str) -> Vec<(MessageQueue, i64)> {
        Vec::new()
    }

    /// The application decides from where it reads; what the broker keeps has been changed already.
    fn reset_offsets(&self, topic: &str, _offsets: Vec<(MessageQueue, i64)>) {
        tracing::warn!(group = %self.group, %topic, "offsets were reset; seek to follow them");
    }
}
