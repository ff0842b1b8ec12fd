//! What a load is put on: the brokers and queues of one topic.
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use remora_client::admin::{TopicSpec, Where};
use remora_client::{Admin, MessageQueue};
use tokio::task::JoinSet;

use crate::clock;

/// Topics on the masters of a cluster.
#[derive(Clone, Debug)]
pub struct Target {
    /// At least one; `brokers` describes its queues. The others have as many.
    pub topics: Vec<String>,
    pub brokers: Vec<BrokerTarget>,
    /// Process of the first broker, when it runs on this machine.
    pub server_pid: Option<u32>,
}

impl Target {
    /// The topic that is read from.
    pub fn topic(&self) -> &str {
        self.topics.first().map_or("", String::as_str)
    }

    /// The topics that connection `n` of `connections` sends to: its share of them, or all where
    /// there are fewer than connections.
    pub fn topics_of(&self, n: usize, connections: usize) -> impl Iterator<Item = &str> {
        let shared = self.topics.len() < connections;
        let mine = move |at: &usize| shared || at % connections == n;
        let topics = self.topics.iter().enumerate();
        topics.filter(move |(at, _)| mine(at)).map(|(_, topic)| topic.as_str())
    }
}

#[derive(Clone, Debug)]
pub struct BrokerTarget {
    pub name: String,
    pub addr: String,
    pub queues: u32,
    /// One past the newest message of each queue, when the target was looked up.
    pub queue_offsets_max: Vec<i64>,
}

/// How long a new topic may take to reach the nameserver.
const ROUTE_WAIT_NS: u64 = 10_000_000_000;
const ROUTE_RETRY: Duration = Duration::from_millis(100);
const WRITABLE: i32 = 2;
const CREATED_AT_ONCE: usize = 16;

/// Finds the topic, created with `queues` queues on every broker if it does not exist.
pub fn prepare(nameserver: &str, topic: &str, queues: u32) -> anyhow::Result<Target> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let admin = Admin::connect(nameserver).await?;
        let target = find(&admin, topic, queues).await;
        admin.shutdown().await;
        target
    })
}

/// As `prepare`, with `count` topics of that prefix on a fresh server.
pub fn prepare_many(
    nameserver: &str,
    prefix: &str,
    count: usize,
    queues: u32,
) -> anyhow::Result<Target> {
    let mut target = prepare(nameserver, &format!("{prefix}-0"), queues)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let admin = Arc::new(Admin::connect(nameserver).await?);
        let mut creating = JoinSet::new();
        for n in 1..count {
            let topic = format!("{prefix}-{n}");
            target.topics.push(topic.clone());
            let spec = TopicSpec::new(topic).queues(i32::try_from(queues)?);
            let admin = Arc::clone(&admin);
            if creating.len() >= CREATED_AT_ONCE
                && let Some(created) = creating.join_next().await
            {
                created??;
            }
            creating.spawn(async move { admin.create_topic(&spec, &Where::Everywhere).await });
        }
        while let Some(created) = creating.join_next().await {
            created??;
        }
        admin.shutdown().await;
        Ok(target)
    })
}

async fn find(admin: &Admin, topic: &str, queues: u32) -> anyhow::Result<Target> {
    if !admin.topic_exists(topic).await? {
        let spec = TopicSpec::new(topic).queues(i32::try_from(queues)?);
        admin.create_topic(&spec, &Where::Everywhere).await?;
        let give_up_ns = clock::now_ns() + ROUTE_WAIT_NS;
        while !admin.topic_exists(topic).await? {
            if clock::now_ns() > give_up_ns {
                bail!(
                    "topic {topic} was created, but the nameserver has no route for it after 10 s"
                );
            }
            tokio::time::sleep(ROUTE_RETRY).await;
        }
    }
    let route = admin.topic_route(topic).await?;
    let mut brokers = Vec::new();
    for data in route.queue_datas.iter().filter(|data| data.perm & WRITABLE != 0) {
        let addrs = route.broker_datas.iter().find(|broker| broker.broker_name == data.broker_name);
        let master = addrs.and_then(|broker| broker.broker_addrs.get(&0));
        let addr =
            master.with_context(|| format!("broker {} has no master", data.broker_name))?.clone();
        let queues = u32::try_from(data.write_queue_nums)?;
        let mut queue_offsets_max = Vec::new();
        for queue_id in 0..data.write_queue_nums {
            let queue = MessageQueue::new(topic, data.broker_name.as_str(), queue_id);
            queue_offsets_max.push(admin.client().max_offset(&queue).await?);
        }
        brokers.push(BrokerTarget {
            name: data.broker_name.clone(),
            addr,
            queues,
            queue_offsets_max,
        });
    }
    if brokers.is_empty() {
        bail!("topic {topic} has no writable queue");
    }
    Ok(Target { topics: vec![topic.to_owned()], brokers, server_pid: None })
}
