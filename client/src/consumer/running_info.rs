//! What a push consumer says of itself: in heartbeats, and to `consumerStatus` and the dashboard.
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use remora_protocol::body;

use super::push::{ConsumeFrom, MessageModel, Shared};
use super::queue_reader::QueueReader;
use crate::clock;

const MIB: usize = 1024 * 1024;

/// The consumer's part of a heartbeat.
pub(super) fn consumer_data(shared: &Shared) -> body::ConsumerData {
    let subscriptions = shared.subscriptions.read();
    body::ConsumerData {
        group_name: shared.group.clone(),
        consume_type: body::ConsumeType::ConsumePassively,
        message_model: wire_model(shared.settings.model),
        consume_from_where: wire_from(shared.settings.consume_from),
        subscription_data_set: subscriptions.values().map(|s| s.to_wire()).collect(),
        unit_mode: false,
    }
}

fn wire_model(model: MessageModel) -> body::MessageModel {
    match model {
        MessageModel::Clustering => body::MessageModel::Clustering,
        MessageModel::Broadcasting => body::MessageModel::Broadcasting,
    }
}

fn wire_from(from: ConsumeFrom) -> body::ConsumeFromWhere {
    match from {
        ConsumeFrom::Last => body::ConsumeFromWhere::ConsumeFromLastOffset,
        ConsumeFrom::First => body::ConsumeFromWhere::ConsumeFromFirstOffset,
        ConsumeFrom::TimestampMs(_) => body::ConsumeFromWhere::ConsumeFromTimestamp,
    }
}

/// The names of properties that Java's tools look for.
fn properties(
    data: &body::ConsumerData,
    started_ms: i64,
    is_ordered: bool,
) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("PROP_CONSUME_TYPE".to_owned(), data.consume_type.to_string()),
        ("PROP_CLIENT_VERSION".to_owned(), "V5_4_0".to_owned()),
        ("PROP_CONSUMER_START_TIMESTAMP".to_owned(), started_ms.to_string()),
        ("PROP_CONSUMEORDERLY".to_owned(), is_ordered.to_string()),
        ("consumerGroup".to_owned(), data.group_name.clone()),
        ("messageModel".to_owned(), data.message_model.to_string()),
    ])
}

/// A pull consumer says little: the application keeps the rest.
pub(super) fn of_pull_consumer(
    started_ms: i64,
    data: body::ConsumerData,
) -> body::ConsumerRunningInfo {
    body::ConsumerRunningInfo {
        properties: properties(&data, started_ms, false),
        subscription_set: data.subscription_data_set,
        ..Default::default()
    }
}

/// Subscriptions, queues and counts.
pub(super) fn running_info(shared: &Shared) -> body::ConsumerRunningInfo {
    let data = consumer_data(shared);
    let mut properties = properties(&data, shared.started_ms, shared.settings.is_ordered);
    let facts = [
        ("PROP_THREADPOOL_CORE_SIZE", shared.settings.concurrency.to_string()),
        ("consumedMessages", shared.succeeded.load(Ordering::Relaxed).to_string()),
        ("failedMessages", shared.failed.load(Ordering::Relaxed).to_string()),
    ];
    properties.extend(facts.map(|(name, value)| (name.to_owned(), value)));
    let queues = shared.queues.lock();
    body::ConsumerRunningInfo {
        properties,
        subscription_set: data.subscription_data_set,
        mq_table: queues
            .values()
            .map(|reader| (reader.queue.to_wire(), queue_info(shared, reader)))
            .collect(),
        ..Default::default()
    }
}

fn queue_info(shared: &Shared, reader: &QueueReader) -> body::ProcessQueueInfo {
    let process = reader.process.lock();
    let (first, last) = process.range().unwrap_or((0, 0));
    body::ProcessQueueInfo {
        commit_offset: shared.offsets.get(&reader.queue).unwrap_or(-1),
        cached_msg_min_offset: first,
        cached_msg_max_offset: last,
        cached_msg_count: i32::try_from(process.len()).unwrap_or(i32::MAX),
        cached_msg_size_in_mi_b: i32::try_from(process.bytes() / MIB).unwrap_or(i32::MAX),
        locked: reader
            .in_order
            .as_ref()
            .is_some_and(|order| order.lock.is_held(clock::monotonic_ms())),
        droped: reader.dropped.is_cancelled(),
        last_pull_timestamp: reader.last_pull_ms.load(Ordering::Relaxed),
        last_consume_timestamp: reader.last_consume_ms.load(Ordering::Relaxed),
        ..Default::default()
    }
}
