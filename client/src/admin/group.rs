//! Consumer groups: configuration, members, progress.
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use remora_protocol::{EncodeHeader, RequestCode, body, header, names};

use super::{Admin, Answer, Where};
use crate::error::ClientError;
use crate::limits;
use crate::queue::MessageQueue;

/// How far a group is in one queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueProgress {
    pub queue: MessageQueue,
    /// One past the last stored message.
    pub broker_offset: i64,
    /// Committed.
    pub consumer_offset: i64,
    /// Pulled so far.
    pub pull_offset: i64,
    /// When the last consumed message was stored, in ms since 1970.
    pub last_timestamp_ms: i64,
    /// The client id of the member that pulled last. This and what follows only Remora's brokers
    /// say.
    pub owner: Option<String>,
    /// In ms since 1970.
    pub last_pull_ms: Option<i64>,
    pub last_commit_ms: Option<i64>,
    pub trouble: Option<body::QueueTrouble>,
}

/// How far a group is in its topics.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumeProgress {
    /// Sorted by queue; retry topics included.
    pub queues: Vec<QueueProgress>,
    /// Messages a second.
    pub consume_tps: f64,
}

impl ConsumeProgress {
    /// Stored messages that the group has not committed.
    pub fn lag(&self) -> i64 {
        self.queues.iter().map(|q| (q.broker_offset - q.consumer_offset).max(0)).sum()
    }
}

impl Admin {
    /// Creates a consumer group, or changes it into what is given.
    pub async fn create_group(
        &self,
        group: &body::SubscriptionGroupConfig,
        place: &Where,
    ) -> Result<(), ClientError> {
        limits::check_group(&group.group_name)?;
        let body = Bytes::from(body::encode(group));
        let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
        for broker in self.masters(place).await? {
            self.ask(&broker, "create group", code, &(), body.clone()).await?;
        }
        Ok(())
    }

    /// Deletes a consumer group and its committed offsets.
    pub async fn delete_group(&self, group: &str, place: &Where) -> Result<(), ClientError> {
        let request = header::DeleteSubscriptionGroupHeader {
            group_name: group.into(),
            clean_offset: Some(true),
        };
        let code = RequestCode::DELETE_SUBSCRIPTIONGROUP;
        for broker in self.masters(place).await? {
            self.ask(&broker, "delete group", code, &request, Bytes::new()).await?;
        }
        Ok(())
    }

    /// The configuration of every group, by name, as the brokers have it.
    pub async fn groups(
        &self,
        place: &Where,
    ) -> Result<BTreeMap<String, body::SubscriptionGroupConfig>, ClientError> {
        let mut groups = BTreeMap::new();
        let code = RequestCode::GET_ALL_SUBSCRIPTIONGROUP_CONFIG;
        for broker in self.masters(place).await? {
            let mut seen: i32 = 0;
            loop {
                // Brokers of 5.4 and later may answer in several pages.
                let request = header::GetAllSubscriptionGroupHeader {
                    group_seq: Some(seen),
                    ..Default::default()
                };
                let answer = self.ask(&broker, "group list", code, &request, Bytes::new()).await?;
                let page: body::SubscriptionGroupWrapper = answer.json()?;
                let total = answer.header(header::GetAllSubscriptionGroupReply::decode);
                let count = i32::try_from(page.subscription_group_table.len()).unwrap_or(i32::MAX);
                groups.extend(page.subscription_group_table);
                seen = seen.saturating_add(count);
                if count == 0 || total.is_ok_and(|reply| seen >= reply.total_group_num) {
                    break;
                }
            }
        }
        Ok(groups)
    }

    /// Members of a consumer group and their subscriptions.
    ///
    /// # Errors
    /// `Refused` with code 206 when no member is online.
    pub async fn consumer_connection(
        &self,
        group: &str,
    ) -> Result<body::ConsumerConnection, ClientError> {
        let request = header::GetConsumerConnectionListHeader { consumer_group: group.into() };
        let code = RequestCode::GET_CONSUMER_CONNECTION_LIST;
        self.ask_about_members(group, "consumer connection", code, &request).await?.json()
    }

    /// Asks one broker after the other of those that know a group, until one knows its members.
    pub(super) async fn ask_about_members(
        &self,
        group: &str,
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + Sync),
    ) -> Result<Answer, ClientError> {
        let mut refused = None;
        for broker in self.group_masters(group).await? {
            match self.ask(&broker, operation, code, header, Bytes::new()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or(ClientError::BrokerUnknown { broker_name: String::new() }))
    }

    /// How far a group is: in one topic, or in all that it subscribes to.
    pub async fn consume_stats(
        &self,
        group: &str,
        topic: Option<&str>,
    ) -> Result<ConsumeProgress, ClientError> {
        let request = header::GetConsumeStatsHeader {
            consumer_group: group.into(),
            topic: topic.map(Into::into),
            ..Default::default()
        };
        let brokers = match topic {
            Some(topic) => self.masters_of(topic).await?,
            None => self.group_masters(group).await?,
        };
        let mut progress = ConsumeProgress::default();
        for broker in brokers {
            let code = RequestCode::GET_CONSUME_STATS;
            let answer = self.ask(&broker, "consume stats", code, &request, Bytes::new()).await?;
            let stats: body::ConsumeStats = answer.json()?;
            progress.consume_tps += stats.consume_tps;
            let queues = stats.offset_table.into_iter();
            progress.queues.extend(queues.map(|(queue, at)| QueueProgress {
                queue: MessageQueue::from_wire(&queue),
                broker_offset: at.broker_offset,
                consumer_offset: at.consumer_offset,
                pull_offset: at.pull_offset,
                last_timestamp_ms: at.last_timestamp,
                owner: at.owner,
                last_pull_ms: at.last_pull_timestamp,
                last_commit_ms: at.last_commit_timestamp,
                trouble: at.trouble,
            }));
        }
        progress.queues.sort_by(|a, b| a.queue.cmp(&b.queue));
        Ok(progress)
    }

    /// Moves a group's offsets in a topic to the messages stored since `timestamp_ms` (-1: the
    /// end). Members that are online follow at once. Returns the new offsets.
    pub async fn reset_offsets(
        &self,
        group: &str,
        topic: &str,
        timestamp_ms: i64,
    ) -> Result<Vec<(MessageQueue, i64)>, ClientError> {
        let request = header::ResetOffsetHeader {
            group: group.into(),
            topic: topic.into(),
            timestamp: timestamp_ms,
            is_force: true,
            ..Default::default()
        };
        let code = RequestCode::INVOKE_BROKER_TO_RESET_OFFSET;
        let mut offsets = Vec::new();
        for broker in self.masters_of(topic).await? {
            let answer = self.ask(&broker, "reset offsets", code, &request, Bytes::new()).await?;
            if !answer.body().is_empty() {
                let reset: body::ResetOffsetBody = answer.json()?;
                offsets.extend(
                    reset
                        .offset_table
                        .iter()
                        .map(|(q, offset)| (MessageQueue::from_wire(q), *offset)),
                );
            }
        }
        offsets.sort_unstable();
        Ok(offsets)
    }

    /// The brokers that know a group: those of its retry topic, else all.
    pub(super) async fn group_masters(
        &self,
        group: &str,
    ) -> Result<Vec<super::BrokerAddr>, ClientError> {
        match self.masters_of(&names::retry_topic(group)).await {
            Err(ClientError::TopicNotFound { .. }) => self.masters(&Where::Everywhere).await,
            outcome => outcome,
        }
    }

    /// The topics that a group's members subscribe to now.
    pub async fn group_topics(&self, group: &str) -> Result<BTreeSet<String>, ClientError> {
        Ok(self.consumer_connection(group).await?.subscription_table.into_keys().collect())
    }
}
