//! Topics.
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use remora_protocol::{RequestCode, ResponseCode, body, header, names};

use super::{Admin, BrokerAddr, Where};
use crate::error::ClientError;
use crate::limits;
use crate::queue::MessageQueue;

/// A topic to create, or to change into.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicSpec {
    name: String,
    read_queues: i32,
    write_queues: i32,
    perm: i32,
    order: Order,
    attributes: String,
}

/// Whether messages of a topic are ordered by key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    No,
    Yes,
}

impl TopicSpec {
    /// Eight queues on each broker, read and write.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            read_queues: 8,
            write_queues: 8,
            perm: 6,
            order: Order::No,
            attributes: String::new(),
        }
    }

    /// Queues on each broker, for reading and writing.
    #[must_use]
    pub fn queues(self, count: i32) -> Self {
        self.read_queues(count).write_queues(count)
    }

    #[must_use]
    pub fn read_queues(mut self, count: i32) -> Self {
        self.read_queues = count;
        self
    }

    #[must_use]
    pub fn write_queues(mut self, count: i32) -> Self {
        self.write_queues = count;
        self
    }

    /// Bits: 4 read, 2 write, 1 inherit.
    #[must_use]
    pub fn perm(mut self, bits: i32) -> Self {
        self.perm = bits;
        self
    }

    /// Messages are ordered by key.
    #[must_use]
    pub fn ordered(mut self) -> Self {
        self.order = Order::Yes;
        self
    }

    /// A topic attribute, as in `message.type`, `DELAY`.
    #[must_use]
    pub fn attribute(self, name: &str, value: &str) -> Self {
        self.change(&format!("+{name}={value}"))
    }

    /// Takes an attribute away from a topic that has it.
    #[must_use]
    pub fn without_attribute(self, name: &str) -> Self {
        self.change(&format!("-{name}"))
    }

    fn change(mut self, change: &str) -> Self {
        if !self.attributes.is_empty() {
            self.attributes.push(',');
        }
        self.attributes.push_str(change);
        self
    }
}

/// One queue of a topic and what it holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QueueStats {
    pub queue: MessageQueue,
    /// The first stored message.
    pub min_offset: i64,
    /// One past the last.
    pub max_offset: i64,
    /// When the last message was stored, in ms since 1970; 0 without messages.
    pub last_update_ms: i64,
}

impl Admin {
    /// Creates a topic, or changes it into what is given.
    pub async fn create_topic(&self, topic: &TopicSpec, place: &Where) -> Result<(), ClientError> {
        limits::check_topic(&topic.name)?;
        let request = header::CreateTopicHeader {
            topic: topic.name.as_str().into(),
            default_topic: names::AUTO_CREATE_TOPIC.into(),
            read_queue_nums: topic.read_queues,
            write_queue_nums: topic.write_queues,
            perm: topic.perm,
            topic_filter_type: "SINGLE_TAG".into(),
            topic_sys_flag: Some(0),
            order: topic.order == Order::Yes,
            attributes: (!topic.attributes.is_empty()).then(|| topic.attributes.as_str().into()),
            ..Default::default()
        };
        let code = RequestCode::UPDATE_AND_CREATE_TOPIC;
        for broker in self.masters(place).await? {
            self.ask(&broker, "create topic", code, &request, Bytes::new()).await?;
        }
        Ok(())
    }

    /// Deletes a topic from the brokers, then from every nameserver.
    pub async fn delete_topic(&self, topic: &str, place: &Where) -> Result<(), ClientError> {
        let request = header::DeleteTopicHeader { topic: topic.into() };
        let code = RequestCode::DELETE_TOPIC_IN_BROKER;
        for broker in self.masters(place).await? {
            self.ask(&broker, "delete topic", code, &request, Bytes::new()).await?;
        }
        let request =
            header::DeleteTopicFromNamesrvHeader { topic: topic.into(), ..Default::default() };
        let code = RequestCode::DELETE_TOPIC_IN_NAMESRV;
        self.client.tell_nameservers("delete topic", code, &request, Bytes::new()).await
    }

    /// The names of all topics, system topics included.
    pub async fn topics(&self) -> Result<BTreeSet<String>, ClientError> {
        let code = RequestCode::GET_ALL_TOPIC_LIST_FROM_NAMESERVER;
        let answer = self.client.ask_nameserver("topic list", code, &(), Bytes::new()).await?;
        Ok(answer.success()?.json::<body::TopicList>()?.topic_list)
    }

    /// The route of a topic as the nameserver gives it.
    pub async fn topic_route(&self, topic: &str) -> Result<body::TopicRouteData, ClientError> {
        self.client.route_data(topic).await
    }

    /// What each queue of a topic holds, sorted.
    pub async fn topic_stats(&self, topic: &str) -> Result<Vec<QueueStats>, ClientError> {
        let request = header::GetTopicStatsInfoHeader { topic: topic.into() };
        let code = RequestCode::GET_TOPIC_STATS_INFO;
        let mut stats = Vec::new();
        for broker in self.masters_of(topic).await? {
            let answer = self.ask(&broker, "topic stats", code, &request, Bytes::new()).await?;
            let table: body::TopicStatsTable = answer.json()?;
            stats.extend(table.offset_table.iter().map(|(queue, span)| QueueStats {
                queue: MessageQueue::from_wire(queue),
                min_offset: span.min_offset,
                max_offset: span.max_offset,
                last_update_ms: span.last_update_timestamp,
            }));
        }
        stats.sort_by(|a, b| a.queue.cmp(&b.queue));
        Ok(stats)
    }

    /// A topic's attributes, as in `message.type`, `DELAY`, as the first of its brokers has them.
    pub async fn topic_attributes(
        &self,
        topic: &str,
    ) -> Result<BTreeMap<String, String>, ClientError> {
        let request = header::GetTopicConfigHeader { topic: topic.into() };
        let code = RequestCode::GET_TOPIC_CONFIG;
        let Some(broker) = self.masters_of(topic).await?.into_iter().next() else {
            return Ok(BTreeMap::new());
        };
        let answer = self.ask(&broker, "topic configuration", code, &request, Bytes::new()).await?;
        Ok(answer.json::<body::TopicConfigAndQueueMapping>()?.config.attributes)
    }

    /// The groups that consume a topic.
    pub async fn topic_groups(&self, topic: &str) -> Result<BTreeSet<String>, ClientError> {
        let request = header::QueryTopicConsumeByWhoHeader { topic: topic.into() };
        let code = RequestCode::QUERY_TOPIC_CONSUME_BY_WHO;
        let mut groups = BTreeSet::new();
        for broker in self.masters_of(topic).await? {
            let answer = self.ask(&broker, "topic groups", code, &request, Bytes::new()).await?;
            groups.extend(answer.json::<body::GroupList>()?.group_list);
        }
        Ok(groups)
    }

    /// The masters that have a topic.
    pub(super) async fn masters_of(&self, topic: &str) -> Result<Vec<BrokerAddr>, ClientError> {
        let route = self.client.refresh_route(topic).await?;
        let mut masters: Vec<BrokerAddr> = route
            .brokers
            .iter()
            .filter_map(|(broker_name, addrs)| {
                Some(BrokerAddr {
                    cluster: addrs.cluster.to_string(),
                    broker_name: broker_name.clone(),
                    addr: addrs.master()?.clone(),
                })
            })
            .collect();
        masters.sort_unstable();
        Ok(masters)
    }

    /// Whether a topic has a route: it exists and one of its brokers is up.
    pub async fn topic_exists(&self, topic: &str) -> Result<bool, ClientError> {
        match self.client.refresh_route(topic).await {
            Ok(_) => Ok(true),
            Err(ClientError::TopicNotFound { .. }) => Ok(false),
            Err(error) if error.code() == Some(ResponseCode::TOPIC_NOT_EXIST) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
