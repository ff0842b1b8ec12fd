//! 222: moves a group to a time or an offset. The new offsets are stored here, whether anybody is
//! connected or not, and told to the clients (220), which would otherwise go on from what they hold
//! in memory. Until a queue is pulled from its new offset, what is committed for it is dropped; a
//! client that was not told, or does not know 220, is moved by the answer to its next pull (21).
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::collections::BTreeMap;
use std::sync::Arc;

use remora_protocol::body::{self, MessageQueueForC, ResetOffsetBody, ResetOffsetBodyForC};
use remora_protocol::header::ResetOffsetHeader;
use remora_protocol::{Language, RequestCode, ResponseCode};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};
use remora_store::Boundary;

use crate::admin_consume::{end_of, find, message_queue, start_of};
use crate::broker::Broker;
use crate::pop::table::FlightKey;
use crate::topic_table::Topic;
use crate::{refusals, time};

/// How long a client that was told is left to move by itself. Chosen: Java's waits for 10 s before
/// it does.
const TOLD_GRACE_MS: i64 = 30_000;

/// 222 INVOKE_BROKER_TO_RESET_OFFSET. Needs no connected client, unlike Apache with
/// useServerSideResetOffset off; with it on nobody is told, and pulls are moved at once.
pub(crate) fn reset_offset(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: ResetOffsetHeader<'_>,
) -> Result<Reply, Refusal> {
    let topic = find(broker, &header.topic)?;
    let group = header.group.as_ref();
    if broker.groups.find(group).is_none() {
        return Err(refusals::group_missing(group));
    }
    let offsets = new_offsets(broker, &topic, &header)?;
    if offsets.is_empty() {
        let remark = format!("topic '{}' has no queue to read: nothing was reset", topic.name);
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    }
    let members = if broker.config.peek().use_server_side_reset_offset {
        Vec::new()
    } else {
        members(broker, group)
    };
    let grace_ms = if members.is_empty() { 0 } else { TOLD_GRACE_MS };
    // First, so that no commit of the time before comes after.
    broker.resets.put(group, &topic.name, &offsets, time::tick_ms().saturating_add(grace_ms));
    for (queue_id, queue_offset) in &offsets {
        let key = FlightKey { group, topic: &topic.name, queue_id: *queue_id };
        broker.pops.flights.put_at(&broker.offsets, key, *queue_offset);
        broker.pops.wait.notify(&topic.name, group, *queue_id);
    }
    if members.is_empty() {
        let queues = offsets.keys().filter_map(|id| broker.store.existing_queue(&topic.name, *id));
        broker.hold.release_queues(&queues.collect::<Vec<_>>());
    }
    tracing::info!(group, topic = %topic.name, ?offsets, "consumer offsets reset");
    let table = offsets.into_iter().map(|(queue_id, queue_offset)| {
        (message_queue(broker, &topic.name, queue_id), queue_offset)
    });
    let reset = ResetOffsetBody { offset_table: table.collect() };
    tell_clients(broker, &members, &header, &reset);
    Ok(Reply::success().body(body::encode(&reset)))
}

fn new_offsets(
    broker: &Broker,
    topic: &Topic,
    header: &ResetOffsetHeader<'_>,
) -> Result<BTreeMap<i32, i64>, Refusal> {
    let queue_count = topic.config.read_queue_nums;
    check_time(header.timestamp, time::wall_ms())?;
    // Absent and negative mean all queues, and by time.
    let Some(queue_id) = header.queue_id.filter(|queue_id| *queue_id >= 0) else {
        let all = (0..queue_count).map(|queue_id| {
            let found = at_time(broker, &topic.name, queue_id, header.timestamp);
            let known = broker.offsets.committed(&header.group, &topic.name, queue_id);
            // Without force a group only goes back.
            let kept = known.filter(|known| !header.is_force && *known < found);
            (queue_id, kept.unwrap_or(found))
        });
        return Ok(all.collect());
    };
    if queue_id >= queue_count {
        let queue_count = usize::try_from(queue_count).unwrap_or(0);
        return Err(refusals::queue_id(&topic.name, queue_id, queue_count));
    }
    let Some(queue_offset) = header.offset.filter(|queue_offset| *queue_offset != -1) else {
        let found = at_time(broker, &topic.name, queue_id, header.timestamp);
        return Ok(BTreeMap::from([(queue_id, found)]));
    };
    let (start, end) =
        (start_of(broker, &topic.name, queue_id), end_of(broker, &topic.name, queue_id));
    if !(start..=end).contains(&queue_offset) {
        let remark = format!(
            "field 'offset' is {queue_offset}, queue {queue_id} of topic '{}' has {start} to {end}",
            topic.name
        );
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    }
    Ok(BTreeMap::from([(queue_id, queue_offset)]))
}

/// A time that is none would skip everything, or nothing, in silence.
fn check_time(timestamp_ms: i64, now_ms: i64) -> Result<(), Refusal> {
    let is_future = timestamp_ms.saturating_sub(now_ms) > AHEAD_MS_MAX;
    if timestamp_ms >= TO_THE_END && !is_future {
        return Ok(());
    }
    let why = if is_future {
        format!("more than a day after the broker's time {now_ms}: are those ms?")
    } else {
        format!("expected ms since 1970, or {TO_THE_END} for the end")
    };
    let remark = format!("field 'timestamp' is {timestamp_ms}, {why}");
    Err(Refusal::new(ResponseCode::INVALID_PARAMETER, remark))
}

/// Chosen: no clock is wrong by a day, and microseconds are by more.
const AHEAD_MS_MAX: i64 = 86_400_000;

/// The time that means the end.
const TO_THE_END: i64 = -1;

fn at_time(broker: &Broker, topic: &str, queue_id: i32, timestamp_ms: i64) -> i64 {
    if timestamp_ms == TO_THE_END {
        return end_of(broker, topic, queue_id);
    }
    let Some(queue) = broker.store.existing_queue(topic, queue_id) else { return 0 };
    let found = broker.store.offset_by_time(&queue, timestamp_ms, Boundary::Lower);
    i64::try_from(found).unwrap_or(i64::MAX)
}

/// Connections of a group's members.
fn members(broker: &Broker, group: &str) -> Vec<(u64, Language)> {
    broker.clients.read(|table| {
        let members = table.group(group).into_iter().flat_map(|group| group.members.values());
        members.map(|member| (member.connection_id, member.client.language)).collect()
    })
}

fn tell_clients(
    broker: &Broker,
    members: &[(u64, Language)],
    header: &ResetOffsetHeader<'_>,
    reset: &ResetOffsetBody,
) {
    for (connection_id, language) in members {
        let Some(conn) = broker.clients.connection(*connection_id) else { continue };
        let body = if *language == Language::CPP {
            body::encode(&for_c(reset))
        } else {
            body::encode(reset)
        };
        let code = RequestCode::RESET_CONSUMER_CLIENT_OFFSET;
        if let Err(error) = conn.oneway(code, header, body.into()) {
            tracing::warn!(group = %header.group, peer = %conn.peer, %error, "client not told of the reset");
        }
    }
}

fn for_c(reset: &ResetOffsetBody) -> ResetOffsetBodyForC {
    let queues = reset.offset_table.iter().map(|(queue, offset)| MessageQueueForC {
        broker_name: queue.broker_name.clone(),
        offset: *offset,
        queue_id: queue.queue_id,
        topic: queue.topic.clone(),
    });
    ResetOffsetBodyForC { offset_table: queues.collect() }
}
