//! The broker itself as administrators see it: 25, 26, 306, 315, 321, 329, 907 (28 is
//! `runtime_info.rs`).
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::Arc;

use remora_config::properties::{self, Property};
use remora_config::{ConfigError, UpdateError};
use remora_protocol::body::{self, ConsumeQueueData, HaRuntimeInfo, QueryConsumeQueueResponse};
use remora_protocol::header::{QueryConsumeQueueHeader, ViewBrokerStatsDataHeader};
use remora_protocol::{ResponseCode, record};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};
use remora_store::meta_log::Durability;
use remora_store::{QueueRef, ReadLimits};

use crate::broker::Broker;
use crate::clients::Subscribed;
use crate::rates::WatchedQueue;
use crate::{meta, refusals, time};

/// Chosen: what a person can read; each entry costs a read of its record.
const QUEUE_ENTRIES_MAX: i32 = 1_000;
/// What registrations and routes depend on.
const KEY_BROKER_PERMISSION: &str = "brokerPermission";

/// 25 UPDATE_BROKER_CONFIG. All or nothing; names that nobody knows are ignored, as Apache does.
pub(crate) fn update_config(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let changes: Vec<(String, String)> = properties::read(request.frame.body)
        .map_err(|error| refusals::body("configuration", &error))?
        .into_iter()
        .map(|Property { name, value, .. }| (name, value))
        .collect();
    let updated = broker.config.update(&changes).map_err(|error| {
        let code = match error {
            UpdateError::Fixed { .. } => ResponseCode::NO_PERMISSION,
            UpdateError::Rejected(ConfigError::Value { .. } | _) | UpdateError::Keep { .. } => {
                ResponseCode::SYSTEM_ERROR
            }
        };
        Refusal::new(code, error.to_string())
    })?;
    broker.apply_settings();
    if updated.applied.iter().any(|name| name == KEY_BROKER_PERMISSION) {
        // A new version of unchanged topics: the nameservers are told at once.
        broker
            .topics
            .put(Vec::new(), Durability::Disk)
            .map_err(|error| refusals::not_persisted(&error))?;
    }
    tracing::info!(peer = %request.conn.peer, ?updated, "settings changed");
    Ok(Reply::success())
}

/// 26 GET_BROKER_CONFIG.
pub(crate) fn config(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let mut text = String::new();
    for (name, value) in broker.config.properties() {
        properties::write(&mut text, &name, &value);
    }
    let version = body::DataVersion {
        counter: i64::try_from(broker.config.version()).unwrap_or(i64::MAX),
        state_version: 0,
        timestamp: broker.started_ms,
    };
    let version = String::from_utf8_lossy(&meta::to_json(&version)).into_owned();
    Ok(Reply::success().field("version", version).body(text.into_bytes()))
}

/// 315 VIEW_BROKER_STATS_DATA. Those of one queue are kept from the first question on, which is
/// answered with zeros. A statistic that is not kept, or without such a key, is refused 1 as
/// in Apache.
pub(crate) fn stats_data(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: ViewBrokerStatsDataHeader<'_>,
) -> Result<Reply, Refusal> {
    let (name, key) = (header.stats_name.as_ref(), header.stats_key.as_ref());
    let cluster = broker.config.peek().cluster_name.clone();
    if let Some(queue) = WatchedQueue::parse(name, key) {
        let count = queue_count(broker, &queue);
        broker.rates.lock().watch_queue(queue, time::tick_ms(), count);
    }
    let found = broker.rates.lock().stats(name, key, &cluster);
    let Some(data) = found else {
        let remark = format!("statistic '{name}' has nothing under key '{key}'");
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    };
    Ok(Reply::success().body(body::encode(&data)))
}

/// Messages sent to a queue, or read from it by a group, so far.
fn queue_count(broker: &Broker, queue: &WatchedQueue) -> u64 {
    if let Some(group) = &queue.group {
        let read = broker.offsets.read_of(group, &queue.topic, queue.queue_id);
        return u64::try_from(read).unwrap_or(0);
    }
    let found = broker.store.existing_queue(&queue.topic, queue.queue_id);
    found.map_or(0, |queue| broker.store.queue_offset_max(&queue))
}

/// 306 CLEAN_EXPIRED_CONSUMEQUEUE and 329 DELETE_EXPIRED_COMMITLOG: one round of retention, which
/// drops queue files together with what they point to.
pub(crate) fn expire_now(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let segments = broker.store.expire_now();
    tracing::info!(segments, "expired files removed on request");
    Ok(Reply::success())
}

/// 321 QUERY_CONSUME_QUEUE: entries of one queue from an index on.
pub(crate) fn consume_queue(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: QueryConsumeQueueHeader<'_>,
) -> Result<Reply, Refusal> {
    let topic = header.topic.as_deref().unwrap_or_default();
    let queue_id = header.queue_id.unwrap_or(0);
    let Some(queue) = broker.store.existing_queue(topic, queue_id) else {
        let remark = format!("queue {queue_id} of topic '{topic}' has never had a message");
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    };
    let start = broker.store.queue_offset_min(&queue);
    let end = broker.store.queue_offset_max(&queue);
    let first = u64::try_from(header.index.unwrap_or(0)).unwrap_or(0).max(start);
    let count = header.count.unwrap_or(0).clamp(0, QUEUE_ENTRIES_MAX).unsigned_abs();
    let until = first.saturating_add(u64::from(count)).min(end);
    let mut answer = QueryConsumeQueueResponse {
        max_queue_index: i64::try_from(end).unwrap_or(i64::MAX),
        min_queue_index: i64::try_from(start).unwrap_or(i64::MAX),
        queue_data: (first..until).map(|offset| entry(broker, &queue, offset)).collect(),
        ..QueryConsumeQueueResponse::default()
    };
    if let Some(group) = header.consumer_group.as_deref() {
        match broker.clients.subscription(group, topic) {
            Subscribed::Yes(subscription, _) => {
                answer.subscription_data = Some(subscription.data.clone());
            }
            Subscribed::NoGroup | Subscribed::NoTopic => {
                answer.filter_data = Some(format!("{group}@{topic} is not online!"));
            }
        }
    }
    Ok(Reply::success().body(body::encode(&answer)))
}

fn entry(broker: &Broker, queue: &QueueRef, queue_offset: u64) -> ConsumeQueueData {
    const ONE: ReadLimits = ReadLimits { messages_max: 1, bytes_max: 1, entries_scanned_max: 1 };
    let mut tags_code = 0;
    let read = broker.store.read(queue, queue_offset, ONE, &mut |code| {
        tags_code = code;
        true
    });
    let found = read.ok().and_then(|outcome| outcome.slices.into_iter().next());
    let Some((physic_offset, physic_size)) = found.and_then(|slice| {
        let record = record::decode(&slice).ok()?;
        Some((record.physical_offset, i32::try_from(slice.len()).unwrap_or(i32::MAX)))
    }) else {
        let msg = Some("the record cannot be read".to_owned());
        return ConsumeQueueData { msg, tags_code, ..ConsumeQueueData::default() };
    };
    ConsumeQueueData { physic_offset, physic_size, tags_code, ..ConsumeQueueData::default() }
}

/// 907 GET_BROKER_HA_STATUS: a master without slaves.
pub(crate) fn ha_status(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let end = broker.store.log_status().physical_offset_max;
    let answer = HaRuntimeInfo {
        master: true,
        master_commit_log_max_offset: i64::try_from(end).unwrap_or(i64::MAX),
        ..HaRuntimeInfo::default()
    };
    Ok(Reply::success().body(body::encode(&answer)))
}

/// Takes a sample every second until the stop.
pub(crate) async fn sample_rates(broker: Arc<Broker>) {
    const PERIOD: std::time::Duration = std::time::Duration::from_secs(1);
    /// Topics and groups, of which there may be many, are sampled once in so many rounds.
    const DETAIL_ROUNDS: u64 = 10;
    for round in 0_u64.. {
        sample(&broker, round % DETAIL_ROUNDS == 0);
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

fn sample(broker: &Broker, detailed: bool) {
    let now_ms = time::tick_ms();
    let (total, missed) = (broker.metrics.total(), broker.metrics.pulls_missed.total());
    broker.rates.lock().take_totals(now_ms, time::wall_ms(), total, missed);
    if detailed {
        let topics = broker.topics.all().into_iter();
        let topics: Vec<_> = topics.map(|(name, topic)| (name, topic.counters.totals())).collect();
        let groups = broker.offsets.read_sums();
        let watched = broker.rates.lock().watched_queues().into_iter();
        let queues: Vec<_> = watched
            .map(|queue| {
                let count = queue_count(broker, &queue);
                (queue, count)
            })
            .collect();
        broker.rates.lock().take_details(now_ms, topics, groups, queues);
    }
}
