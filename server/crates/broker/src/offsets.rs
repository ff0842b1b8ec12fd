//! Offsets asked for and committed: 15, 29 to 32; and their persistence.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use remora_protocol::header::{
    GetEarliestMsgStoretimeHeader, GetMaxOffsetHeader, GetMinOffsetHeader,
    QueryConsumerOffsetHeader, SearchOffsetHeader, UpdateConsumerOffsetHeader,
};
use remora_protocol::{ResponseCode, record};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};
use remora_store::meta_log::Durability;
use remora_store::{Boundary, QueueRef, ReadLimits, Waiting};

use crate::broker::Broker;
use crate::lock_queues;
use crate::meta;
use crate::{refusals, time};

/// The answer to 14 QUERY_CONSUMER_OFFSET, see `hand_over.rs`. A group that has never committed
/// gets 22 and decides by its own consumeFromWhere; save that a queue whose whole life still is in
/// memory is answered 0, as Apache does, so that a new group of a new topic misses nothing.
pub(crate) fn consumer_offset(
    broker: &Broker,
    header: &QueryConsumerOffsetHeader<'_>,
) -> Result<Reply, Refusal> {
    let (group, topic) = (header.consumer_group.as_ref(), header.topic.as_ref());
    if let Some(queue_offset) = broker.offsets.committed(group, topic, header.queue_id) {
        return Ok(Reply::success().field("offset", queue_offset));
    }
    let may_be_zero = header.set_zero_if_not_found != Some(false);
    if may_be_zero && first_message_is_in_memory(broker, topic, header.queue_id) {
        return Ok(Reply::success().field("offset", 0));
    }
    let remark = format!(
        "consumer group '{group}' has committed no offset in queue {} of topic '{topic}'",
        header.queue_id
    );
    Err(Refusal::new(ResponseCode::QUERY_NOT_FOUND, remark))
}

static MEMORY_BYTES: LazyLock<u64> = LazyLock::new(|| {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    // Chosen where the kernel does not say: 4 GiB.
    kib.unwrap_or(4 << 20) * 1024
});

pub(crate) fn first_message_is_in_memory(broker: &Broker, topic: &str, queue_id: i32) -> bool {
    let Some(queue) = broker.store.existing_queue(topic, queue_id) else { return false };
    if broker.store.queue_offset_min(&queue) > 0 {
        return false;
    }
    let first = ReadLimits { messages_max: 1, bytes_max: 1, entries_scanned_max: 1 };
    let read = broker.store.read_as(&queue, 0, first, &mut |_| true, Waiting::Never);
    let Ok(outcome) = read else { return false };
    let Some(slice) = outcome.slices.first() else { return false };
    let Ok(record) = record::decode(slice) else { return false };
    let behind = broker.store.log_status().physical_offset_max;
    let behind = behind.saturating_sub(u64::try_from(record.physical_offset).unwrap_or(0));
    let percent = u64::from(broker.config.peek().access_message_in_memory_max_ratio);
    behind <= *MEMORY_BYTES / 100 * percent
}

/// 15 UPDATE_CONSUMER_OFFSET. Refused of a member whose queue another member has locked.
/// Dropped, with success, while a reset waits to be taken up: it is of the time before. Apache does
/// so with useServerSideResetOffset only.
pub(crate) fn update_consumer_offset(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    header: UpdateConsumerOffsetHeader<'_>,
) -> Result<Reply, Refusal> {
    let (group, topic) = (header.consumer_group.as_ref(), header.topic.as_ref());
    // A group begins with a heartbeat, a pull or a pop: one that has none of them is mistyped.
    if broker.groups.find(group).is_none() {
        return Err(refusals::group_missing(group));
    }
    let known = broker.topics.find(topic).ok_or_else(|| refusals::topic_missing(topic))?;
    let in_range = usize::try_from(header.queue_id).is_ok_and(|id| id < known.queue_count());
    if !in_range {
        return Err(refusals::queue_id(topic, header.queue_id, known.queue_count()));
    }
    if header.commit_offset < 0 {
        return Err(Refusal::new(
            ResponseCode::INVALID_PARAMETER,
            format!("field 'commitOffset' is {}, the least offset is 0", header.commit_offset),
        ));
    }
    let (owner, queue_id) = (request.conn.id, header.queue_id);
    if let Some(refusal) = lock_queues::not_the_holder(broker, owner, &header) {
        return Err(refusal);
    }
    if broker.resets.any()
        && let Some(queue_offset) = broker.resets.awaited(group, topic, queue_id)
    {
        if broker.offsets.release_by(owner, group, topic, queue_id) {
            broker.hand_overs.moved();
        }
        let mut reply = Reply::success();
        reply.remark = Some(format!(
            "not stored: the group was reset to offset {queue_offset} of this queue and has not pulled from there yet"
        ));
        return Ok(reply);
    }
    if broker.offsets.commit_by(owner, group, topic, queue_id, header.commit_offset) {
        broker.hand_overs.moved();
    }
    Ok(Reply::success())
}

/// 29 SEARCH_OFFSET_BY_TIMESTAMP: the first (lower) or last (upper) message at that store time.
pub(crate) fn search_offset_by_timestamp(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: SearchOffsetHeader<'_>,
) -> Result<Reply, Refusal> {
    let boundary = match header.boundary_type.as_deref() {
        None | Some("") => Boundary::Lower,
        Some(name) if name.eq_ignore_ascii_case("lower") => Boundary::Lower,
        Some(name) if name.eq_ignore_ascii_case("upper") => Boundary::Upper,
        Some(other) => {
            return Err(Refusal::new(
                ResponseCode::INVALID_PARAMETER,
                format!("field 'boundaryType' is '{other}', it must be lower or upper"),
            ));
        }
    };
    let queue = broker.store.existing_queue(&header.topic, header.queue_id);
    let offset =
        queue.map_or(0, |queue| broker.store.offset_by_time(&queue, header.timestamp, boundary));
    Ok(Reply::success().field("offset", offset))
}

/// 30 GET_MAX_OFFSET: one past the newest visible message. Everything visible is confirmed here, so
/// field `committed` changes nothing.
pub(crate) fn max_offset(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetMaxOffsetHeader<'_>,
) -> Result<Reply, Refusal> {
    let queue = broker.store.existing_queue(&header.topic, header.queue_id);
    let offset = queue.map_or(0, |queue| broker.store.queue_offset_max(&queue));
    Ok(Reply::success().field("offset", offset))
}

/// 31 GET_MIN_OFFSET.
pub(crate) fn min_offset(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetMinOffsetHeader<'_>,
) -> Result<Reply, Refusal> {
    let queue = broker.store.existing_queue(&header.topic, header.queue_id);
    let offset = queue.map_or(0, |queue| broker.store.queue_offset_min(&queue));
    Ok(Reply::success().field("offset", offset))
}

/// 32 GET_EARLIEST_MSG_STORETIME: -1 where the queue holds nothing.
pub(crate) fn earliest_msg_store_time(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetEarliestMsgStoretimeHeader<'_>,
) -> Result<Reply, Refusal> {
    let earliest =
        |queue: QueueRef| broker.store.store_time_at(&queue, broker.store.queue_offset_min(&queue));
    let queue = broker.store.existing_queue(&header.topic, header.queue_id);
    let timestamp = queue.and_then(earliest).unwrap_or(-1);
    Ok(Reply::success().field("timestamp", timestamp))
}

/// Writes changed offsets down every `flush_consumer_offset_interval_ms`.
pub(crate) async fn persist_regularly(broker: Arc<Broker>) {
    loop {
        let period = Duration::from_millis(broker.config.peek().flush_consumer_offset_interval_ms);
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
        broker.resets.expire(time::tick_ms());
        let writer = broker.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || persist(&writer)).await {
            tracing::error!(%error, "writing of offsets failed");
        }
    }
}

/// Writes changed offsets down, and what is in flight above them, on disk before the return.
pub(crate) fn persist(broker: &Broker) {
    let flights = broker.pops.flights.take_changes();
    let flights = flights.into_iter().map(|change| {
        let key = format!("{}{}", meta::POP, change.key);
        (key, change.queues.map(|flights| meta::to_json(&flights)))
    });
    let mut changes: Vec<meta::Change> = flights.collect();
    let offsets = broker.offsets.take_changes();
    changes.extend(offsets.into_iter().map(|change| {
        let key = format!("{}{}", meta::OFFSET, change.key);
        (key, change.queues.map(|offsets| meta::to_json(&offsets)))
    }));
    if changes.is_empty() {
        return;
    }
    let version = broker.next_offsets_version();
    changes.push((meta::VERSION_OFFSETS.to_owned(), Some(meta::to_json(&version))));
    if let Err(error) = meta::write(&broker.meta, &changes, Durability::Disk) {
        tracing::error!(%error, "consumer offsets not written");
        broker.offsets.mark_changed();
        broker.pops.flights.mark_changed();
    }
}
