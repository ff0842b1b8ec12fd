//! Carrying out a rebalance: who is in the group, which queues there are, what changes.
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use remora_protocol::{RequestCode, body, header, names};
use tokio::task::JoinSet;

use super::ordered::{self, InOrder};
use super::push::{MessageModel, Shared};
use super::queue_reader::{self, QueueReader};
use super::rebalance::Change;
use crate::clock;
use crate::error::ClientError;
use crate::instance::Client;
use crate::queue::MessageQueue;
use crate::route::TopicRoute;

/// After a rebalance that could not be completed. Java waits for its next round, 20 s.
pub(super) const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Whether everything could be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Complete,
    Incomplete,
}

/// Makes this member read the queues that are its share.
pub(super) async fn rebalance(shared: &Arc<Shared>) -> Outcome {
    let topics: Vec<Arc<str>> = shared.subscriptions.read().keys().cloned().collect();
    release_unsubscribed(shared, &topics).await;
    let mut outcome = Outcome::Complete;
    for topic in topics {
        match rebalance_topic(shared, &topic).await {
            Ok(Outcome::Complete) => {}
            Ok(Outcome::Incomplete) => outcome = Outcome::Incomplete,
            // Made by the broker once the group is known there, and announced a little later.
            Err(ClientError::TopicNotFound { .. }) if names::is_retry_topic(&topic) => {
                outcome = Outcome::Incomplete;
            }
            Err(error) => {
                tracing::warn!(%topic, group = %shared.group, %error, "not rebalanced");
                outcome = Outcome::Incomplete;
            }
        }
    }
    outcome
}

async fn rebalance_topic(shared: &Arc<Shared>, topic: &Arc<str>) -> Result<Outcome, ClientError> {
    let route = shared.client.route(topic).await?;
    let wanted: BTreeSet<MessageQueue> = match shared.settings.model {
        MessageModel::Broadcasting => route.readable.iter().cloned().collect(),
        MessageModel::Clustering => {
            let client_ids = members(shared, &route).await?;
            let client_id = shared.client.client_id();
            let share = shared.settings.strategy.allocate(client_id, &route.readable, &client_ids);
            share.into_iter().collect()
        }
    };
    let current: BTreeSet<MessageQueue> =
        shared.queues.lock().keys().filter(|queue| queue.topic == *topic).cloned().collect();
    let change = Change::between(&current, &wanted);
    if change != Change::default() {
        tracing::info!(%topic, group = %shared.group, released = change.released.len(),
            acquired = change.acquired.len(), reading = wanted.len(), "rebalanced");
    }
    // All at once: each may have a handler to wait for.
    let mut releasing = JoinSet::new();
    for queue in change.released {
        let shared = Arc::clone(shared);
        releasing.spawn(async move { release(&shared, &queue).await });
    }
    while releasing.join_next().await.is_some() {}
    let mut outcome = Outcome::Complete;
    for queue in change.acquired {
        match acquire(shared, &queue).await {
            Ok(Outcome::Complete) => {}
            Ok(Outcome::Incomplete) => outcome = Outcome::Incomplete,
            Err(error) => {
                tracing::warn!(%queue, %error, "queue not taken yet");
                outcome = Outcome::Incomplete;
            }
        }
    }
    Ok(outcome)
}

/// The group's members, sorted: what every member must see alike.
async fn members(shared: &Shared, route: &TopicRoute) -> Result<Vec<String>, ClientError> {
    let client_ids = shared.client.group_members(&shared.group, route).await?;
    if client_ids.iter().any(|id| id == shared.client.client_id()) {
        return Ok(client_ids);
    }
    // The broker has not heard of us, or has forgotten us: tell it before giving up every queue.
    shared.client.heartbeat_now().await;
    shared.client.group_members(&shared.group, route).await
}

async fn release_unsubscribed(shared: &Shared, topics: &[Arc<str>]) {
    let gone: Vec<MessageQueue> = {
        let queues = shared.queues.lock();
        queues.keys().filter(|queue| !topics.contains(&queue.topic)).cloned().collect()
    };
    for queue in gone {
        release(shared, &queue).await;
    }
}

async fn release(shared: &Shared, queue: &MessageQueue) {
    let Some(reader) = shared.queues.lock().get(queue).cloned() else { return };
    if let Some(order) = &reader.in_order {
        order.close(shared).await;
    }
    reader.drop_queue();
    shared.offsets.release(queue).await;
    if shared.locks_queues() {
        shared.unlock(queue).await;
    }
    // Last: a shutdown meanwhile finds it, and does the same.
    let mut queues = shared.queues.lock();
    if queues.get(queue).is_some_and(|known| Arc::ptr_eq(known, &reader)) {
        queues.remove(queue);
    }
}

async fn acquire(shared: &Arc<Shared>, queue: &MessageQueue) -> Result<Outcome, ClientError> {
    let asked_ms = clock::monotonic_ms();
    if shared.locks_queues() {
        let wanted = BTreeSet::from([queue.clone()]);
        if shared.lock(&queue.broker_name, &wanted).await? != wanted {
            tracing::debug!(%queue, "another member still consumes, tried again soon");
            return Ok(Outcome::Incomplete);
        }
    }
    let start = start_offset(shared, queue).await?;
    let in_order = shared.settings.is_ordered.then(InOrder::default);
    let reader = Arc::new(QueueReader::new(queue.clone(), start, in_order));
    reader.granted(asked_ms);
    shared.queues.lock().insert(queue.clone(), Arc::clone(&reader));
    if shared.settings.is_ordered {
        shared.handlers.spawn(ordered::run(Arc::clone(shared), Arc::clone(&reader)));
    }
    shared.readers.spawn(queue_reader::run(Arc::clone(shared), reader));
    Ok(Outcome::Complete)
}

/// The committed offset; without one, where the consumer was told to start.
async fn start_offset(shared: &Shared, queue: &MessageQueue) -> Result<i64, ClientError> {
    // Set by an operator's reset, and not yet committed.
    if let Some(offset) = shared.offsets.get(queue) {
        return Ok(offset);
    }
    if let Some(offset) = shared.offsets.load(queue).await? {
        return Ok(offset);
    }
    if names::is_retry_topic(&queue.topic) {
        // All of them are this group's own.
        return Ok(0);
    }
    shared.client.first_offset(queue, shared.settings.consume_from).await
}

impl Client {
    /// The client ids of a consumer group, sorted, as the first broker of the route to answer has
    /// them.
    pub(crate) async fn group_members(
        &self,
        group: &str,
        route: &TopicRoute,
    ) -> Result<Vec<String>, ClientError> {
        let mut brokers: Vec<_> = route
            .brokers
            .iter()
            .filter_map(|(name, addrs)| Some((name, addrs.readable(0)?.1)))
            .collect();
        brokers.sort_unstable();
        let mut last = ClientError::NoWritableQueue { topic: route.topic.to_string() };
        for (broker_name, addr) in brokers {
            match self.members_at(group, (broker_name, addr)).await {
                Ok(client_ids) => return Ok(client_ids),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn members_at(
        &self,
        group: &str,
        to: (&str, &Arc<str>),
    ) -> Result<Vec<String>, ClientError> {
        let request = header::GetConsumerListByGroupHeader { consumer_group: group.into() };
        let code = RequestCode::GET_CONSUMER_LIST_BY_GROUP;
        let answer =
            self.ask_broker(to, "group members", code, &request, Bytes::new()).await?.success()?;
        let list: body::GetConsumerListByGroupResponse = answer.json()?;
        let mut client_ids = list.consumer_id_list;
        client_ids.sort_unstable();
        client_ids.dedup();
        Ok(client_ids)
    }
}
