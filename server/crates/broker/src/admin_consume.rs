//! How far groups have consumed, and moving them: 43, 208, 222, 303, 308, 314, 317, 343, 345.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use remora_protocol::body::{
    self, ConsumeStats, ConsumeStatsList, ConsumerOffsetSerializeWrapper, MessageQueue,
    OffsetWrapper, QueryConsumeTimeSpanBody, QueryCorrectionOffsetBody, QuerySubscriptionResponse,
    QueueTimeSpan, TopicList,
};
use remora_protocol::header::{
    CloneGroupOffsetHeader, GetConsumeStatsHeader, GetConsumeStatsInBrokerHeader,
    QueryConsumeTimeSpanHeader, QueryCorrectionOffsetHeader, QuerySubscriptionByConsumerHeader,
    QueryTopicsByConsumerHeader,
};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};

use crate::broker::Broker;
use crate::clients::Subscribed;
use crate::pop::table::FlightKey;
use crate::topic_table::Topic;
use crate::{hand_over, refusals, time};

/// 208 GET_CONSUME_STATS. Unlike Apache's, shows topics that are only pulled, too: a consumer that
/// never commits is behind by everything. Of a group that is connected, only topics that it
/// subscribes to, unless they are named in a list.
pub(crate) fn consume_stats(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetConsumeStatsHeader<'_>,
) -> Result<Reply, Refusal> {
    let group = header.consumer_group.as_ref();
    let listed = words(header.topic_list.as_deref(), ';');
    let topics = if listed.is_empty() {
        let one = header.topic.as_deref().filter(|topic| !topic.trim().is_empty());
        let topics = one.map(|topic| vec![topic.to_owned()]);
        subscribed(broker, group, topics.unwrap_or_else(|| broker.offsets.topics_read_by(group)))
    } else {
        listed.into_iter().map(str::to_owned).collect()
    };
    let mut stats = ConsumeStats::default();
    for topic in topics.iter().filter_map(|topic| broker.topics.find(topic)) {
        let of_topic = topic_stats(broker, group, &topic);
        stats.offset_table.extend(of_topic.offset_table);
        stats.consume_tps += of_topic.consume_tps;
    }
    Ok(Reply::success().body(body::encode(&stats)))
}

/// 317 GET_BROKER_CONSUME_STATS: the same of every group, by topic.
pub(crate) fn broker_consume_stats(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetConsumeStatsInBrokerHeader,
) -> Result<Reply, Refusal> {
    let mut list = ConsumeStatsList {
        broker_addr: broker.registered_address(),
        ..ConsumeStatsList::default()
    };
    for (group, _) in broker.groups.all() {
        let topics = subscribed(broker, &group, broker.offsets.topics_read_by(&group));
        let topics = topics.iter().filter_map(|topic| broker.topics.find(topic));
        let stats: Vec<ConsumeStats> = topics
            .filter(|topic| !header.is_order || topic.config.order)
            .map(|topic| topic_stats(broker, &group, &topic))
            .collect();
        for queue in stats.iter().flat_map(|stats| stats.offset_table.values()) {
            list.total_diff += queue.broker_offset - queue.consumer_offset;
            list.total_inflight_diff += queue.pull_offset - queue.consumer_offset;
        }
        list.consume_stats_list.push(BTreeMap::from([(group.to_string(), stats)]));
    }
    Ok(Reply::success().body(body::encode(&list)))
}

/// Leaves out topics that a connected group does not subscribe to any more.
fn subscribed(broker: &Broker, group: &str, mut topics: Vec<String>) -> Vec<String> {
    broker.clients.read(|table| {
        if let Some(group) = table.group(group).filter(|group| !group.subscriptions.is_empty()) {
            topics.retain(|topic| group.subscriptions.contains_key(topic));
        }
    });
    topics
}

fn topic_stats(broker: &Broker, group: &str, topic: &Topic) -> ConsumeStats {
    let queues = (0..topic.config.read_queue_nums).map(|queue_id| {
        let queue = message_queue(broker, &topic.name, queue_id);
        (queue, progress(broker, group, &topic.name, queue_id))
    });
    let offset_table = queues.collect();
    let consume_tps = broker.rates.lock().group_out(group, &topic.name);
    ConsumeStats { consume_tps, offset_table }
}

fn progress(broker: &Broker, group: &str, topic: &str, queue_id: i32) -> OffsetWrapper {
    let progress = broker.offsets.progress(group, topic, queue_id);
    let consumer_offset = progress.committed.unwrap_or(0);
    let last_consumed = consumer_offset.checked_sub(1);
    OffsetWrapper {
        broker_offset: end_of(broker, topic, queue_id),
        consumer_offset,
        last_timestamp: last_consumed
            .and_then(|queue_offset| store_time(broker, topic, queue_id, queue_offset))
            .unwrap_or(0),
        pull_offset: consumer_offset.max(progress.pulled),
        owner: hand_over::owner(broker, group, &progress),
        last_pull_timestamp: progress.pulled_ms,
        last_commit_timestamp: progress.committed_ms,
        trouble: broker.hand_overs.trouble(group, topic, queue_id),
    }
}

/// 303 QUERY_CONSUME_TIME_SPAN.
pub(crate) fn consume_time_span(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: QueryConsumeTimeSpanHeader<'_>,
) -> Result<Reply, Refusal> {
    let topic = find(broker, &header.topic)?;
    let now_ms = time::wall_ms();
    let spans = (0..topic.config.write_queue_nums)
        .map(|queue_id| time_span(broker, now_ms, &header.group, &topic.name, queue_id))
        .collect();
    let answer = QueryConsumeTimeSpanBody { consume_time_span_set: spans };
    Ok(Reply::success().body(body::encode(&answer)))
}

/// Times that do not exist (an empty queue) are -1, as Apache's.
fn time_span(
    broker: &Broker,
    now_ms: i64,
    group: &str,
    topic: &str,
    queue_id: i32,
) -> QueueTimeSpan {
    let at = |queue_offset: i64| store_time(broker, topic, queue_id, queue_offset);
    let first = start_of(broker, topic, queue_id);
    let end = end_of(broker, topic, queue_id);
    let min_time_stamp = at(first).unwrap_or(-1);
    let consumer_offset = broker.offsets.committed(group, topic, queue_id).unwrap_or(0);
    let consumed = if consumer_offset > 0 { at(consumer_offset - 1) } else { None };
    let next = if consumer_offset < end { at(consumer_offset.max(first)) } else { None };
    QueueTimeSpan {
        consume_time_stamp: consumed.unwrap_or(min_time_stamp),
        delay_time: next.map_or(0, |stored_ms| now_ms - stored_ms),
        max_time_stamp: at(end - 1).unwrap_or(-1),
        message_queue: message_queue(broker, topic, queue_id),
        min_time_stamp,
    }
}

/// 43 GET_ALL_CONSUMER_OFFSET.
pub(crate) fn all_offsets(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let answer = ConsumerOffsetSerializeWrapper {
        data_version: broker.offsets_version(),
        offset_table: broker.offsets.all(),
    };
    Ok(Reply::success().body(body::encode(&answer)))
}

/// 314 CLONE_GROUP_OFFSET: one topic, or all that the source group has offsets in.
pub(crate) fn clone_offsets(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: CloneGroupOffsetHeader<'_>,
) -> Result<Reply, Refusal> {
    let (from, to) = (header.src_group.as_ref(), header.dest_group.as_ref());
    for group in [from, to] {
        if broker.groups.find(group).is_none() {
            return Err(refusals::group_missing(group));
        }
    }
    let topics = match header.topic.as_deref().filter(|topic| !topic.trim().is_empty()) {
        Some(topic) => vec![find(broker, topic)?.name.to_string()],
        None => broker.offsets.topics_of(from),
    };
    let offline = header.offline == Some(true);
    let topics = if offline { topics } else { subscribed(broker, from, topics) };
    for topic in topics.iter().filter(|topic| broker.topics.contains(topic)) {
        broker.resets.forget_group(to, Some(topic));
        for (queue_id, queue_offset) in broker.offsets.offsets(from, topic) {
            let key = FlightKey { group: to, topic, queue_id };
            broker.pops.flights.put_at(&broker.offsets, key, queue_offset);
        }
    }
    tracing::info!(from, to, topics = topics.len(), "offsets copied");
    Ok(Reply::success())
}

/// 308 QUERY_CORRECTION_OFFSET: the least offset of a topic's groups (without those filtered out)
/// by queue; the largest number where the group compared with is behind it.
pub(crate) fn correction_offset(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: QueryCorrectionOffsetHeader<'_>,
) -> Result<Reply, Refusal> {
    let topic = header.topic.as_ref();
    let left_out: BTreeSet<&str> =
        words(header.filter_groups.as_deref(), ',').into_iter().collect();
    let mut least: BTreeMap<i32, i64> = BTreeMap::new();
    let groups = broker.offsets.groups_of(topic);
    for group in groups.iter().filter(|group| !left_out.contains(group.as_str())) {
        for (queue_id, committed) in broker.offsets.offsets(group, topic) {
            least
                .entry(queue_id)
                .and_modify(|known| *known = committed.min(*known))
                .or_insert(committed);
        }
    }
    for (queue_id, compared) in broker.offsets.offsets(&header.compare_group, topic) {
        if let Some(known) = least.get_mut(&queue_id).filter(|known| **known > compared) {
            *known = i64::MAX;
        }
    }
    let answer = QueryCorrectionOffsetBody { correction_offsets: least };
    Ok(Reply::success().body(body::encode(&answer)))
}

/// 343 QUERY_TOPICS_BY_CONSUMER: where the group has left offsets.
pub(crate) fn topics_of_group(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: QueryTopicsByConsumerHeader<'_>,
) -> Result<Reply, Refusal> {
    let answer = TopicList {
        broker_addr: Some(broker.registered_address()),
        topic_list: broker.offsets.topics_of(&header.group).into_iter().collect(),
    };
    Ok(Reply::success().body(body::encode(&answer)))
}

/// 345 QUERY_SUBSCRIPTION_BY_CONSUMER: without subscription where nobody is connected.
pub(crate) fn subscription_of_group(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: QuerySubscriptionByConsumerHeader<'_>,
) -> Result<Reply, Refusal> {
    let topic = header.topic.as_deref().unwrap_or_default();
    let subscription_data = match broker.clients.subscription(&header.group, topic) {
        Subscribed::Yes(subscription, _) => Some(subscription.data.clone()),
        Subscribed::NoGroup | Subscribed::NoTopic => None,
    };
    let answer = QuerySubscriptionResponse {
        group: header.group.into_owned(),
        subscription_data,
        topic: topic.to_owned(),
    };
    Ok(Reply::success().body(body::encode(&answer)))
}

/// The parts of a list in one field.
fn words(list: Option<&str>, separator: char) -> Vec<&str> {
    let parts = list.unwrap_or_default().split(separator).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

pub(crate) fn find(broker: &Broker, name: &str) -> Result<Arc<Topic>, Refusal> {
    broker.topics.find(name).ok_or_else(|| refusals::topic_missing(name))
}

pub(crate) fn message_queue(broker: &Broker, topic: &str, queue_id: i32) -> MessageQueue {
    let broker_name = broker.config.peek().broker_name.clone();
    MessageQueue { broker_name, queue_id, topic: topic.to_owned() }
}

/// Offset that the next message will get.
pub(crate) fn end_of(broker: &Broker, topic: &str, queue_id: i32) -> i64 {
    let queue = broker.store.existing_queue(topic, queue_id);
    let end = queue.map_or(0, |queue| broker.store.queue_offset_max(&queue));
    i64::try_from(end).unwrap_or(i64::MAX)
}

/// Offset of the oldest message.
pub(crate) fn start_of(broker: &Broker, topic: &str, queue_id: i32) -> i64 {
    let queue = broker.store.existing_queue(topic, queue_id);
    let start = queue.map_or(0, |queue| broker.store.queue_offset_min(&queue));
    i64::try_from(start).unwrap_or(i64::MAX)
}

fn store_time(broker: &Broker, topic: &str, queue_id: i32, queue_offset: i64) -> Option<i64> {
    let queue_offset = u64::try_from(queue_offset).ok()?;
    let queue = broker.store.existing_queue(topic, queue_id)?;
    broker.store.store_time_at(&queue, queue_offset)
}
