//! Acknowledgements of popped messages: 200051, 200151, and 200053, which changes when they become
//! visible again.
//!
//! A handle moves nothing but the message it was made for: the group, topic, queue, offset and pop
//! time must all be those of a message in flight.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::Arc;

use remora_protocol::body::{self, BatchAck, BatchAckMessageRequest};
use remora_protocol::header::{AckMessageHeader, ChangeInvisibleTimeHeader};
use remora_protocol::pop_handle::{self, Handle, HandleError, ORDERED_REVIVE_QUEUE_ID};
use remora_protocol::{ResponseCode, names};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};

use crate::broker::Broker;
use crate::pop::Pops;
use crate::pop::flight::{Flight, HandleState};
use crate::pop::message::check_invisible_ms;
use crate::pop::table::FlightKey;
use crate::refusals;
use crate::time;

/// Messages that one request may acknowledge. Chosen: 512 full pops.
const BATCH_COUNT_MAX: usize = 16_384;

/// Handles 200051. A message that is settled already is a success, as an acknowledgement that is
/// sent twice because its answer was lost.
pub(crate) fn ack_message(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: AckMessageHeader<'_>,
) -> Result<Reply, Refusal> {
    let key = FlightKey {
        group: &header.consumer_group,
        topic: &header.topic,
        queue_id: header.queue_id,
    };
    let queue_offset = popped_offset(broker, key, header.offset)?;
    let broker_name = &broker.config.settings().broker_name;
    let handle = Handle::of_request(&header.extra_info, broker_name, key.queue_id, header.offset)
        .map_err(|error| no_handle(&error))?;
    match ack(broker, key, queue_offset, handle.pop_time_ms) {
        HandleState::Done(_) | HandleState::Settled => Ok(Reply::success()),
        state => Err(refusal(key, queue_offset, handle.pop_time_ms, state)),
    }
}

/// 29: what is in field `extraInfo` is no handle of this message.
fn no_handle(error: &HandleError) -> Refusal {
    let remark = format!("field 'extraInfo' is not a handle of the message: {error}");
    Refusal::new(ResponseCode::INVALID_PARAMETER, remark)
}

/// Handles 200151. As Apache a success even where some of the messages are not in flight (any
/// more): one answer stands for all.
pub(crate) fn batch_ack_message(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let body: BatchAckMessageRequest = body::decode(request.frame.body)
        .map_err(|error| refusals::body("batch acknowledgement", &error))?;
    let no_message = |remark: String| Err(Refusal::new(ResponseCode::NO_MESSAGE, remark));
    let count: usize = body.acks.iter().map(|ack| ack.bits.ones().count()).sum();
    if count == 0 {
        return no_message("the batch acknowledges no message".to_owned());
    }
    if count > BATCH_COUNT_MAX {
        let remark = format!(
            "the batch acknowledges {count} messages, one request may acknowledge {BATCH_COUNT_MAX}"
        );
        return Err(Refusal::new(ResponseCode::INVALID_PARAMETER, remark));
    }
    let known: usize = body.acks.iter().map(|acks| ack_batch(broker, acks)).sum();
    if known == 0 {
        return no_message(format!(
            "none of the {count} messages is in flight under these handles: they were popped again, or never"
        ));
    }
    Ok(Reply::success())
}

/// How many of them were in flight, or are settled.
fn ack_batch(broker: &Broker, acks: &BatchAck) -> usize {
    let (topic, group) = (acks.topic.as_str(), acks.consumer_group.as_str());
    let real_topic = pop_handle::marked_topic(&acks.retry, topic, group);
    let key = FlightKey { group, topic: &real_topic, queue_id: acks.queue_id };
    let Ok(start_offset) = u64::try_from(acks.start_offset) else { return 0 };
    let offsets = acks.bits.ones().filter_map(|bit| start_offset.checked_add(bit));
    let states = offsets.map(|queue_offset| ack(broker, key, queue_offset, acks.pop_time));
    states.filter(|state| matches!(state, HandleState::Done(_) | HandleState::Settled)).count()
}

/// Handles 200053.
pub(crate) fn change_invisible_time(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: ChangeInvisibleTimeHeader<'_>,
) -> Result<Reply, Refusal> {
    let key = FlightKey {
        group: &header.consumer_group,
        topic: &header.topic,
        queue_id: header.queue_id,
    };
    let queue_offset = popped_offset(broker, key, header.offset)?;
    check_invisible_ms(header.invisible_time)?;
    let broker_name = &broker.config.settings().broker_name;
    let handle = Handle::of_request(&header.extra_info, broker_name, key.queue_id, header.offset)
        .map_err(|error| no_handle(&error))?;
    let now_ms = time::wall_ms();
    let times = (now_ms, now_ms.saturating_add(header.invisible_time));
    let flights = &broker.pops.flights;
    let state = flights.change(&broker.offsets, key, queue_offset, handle.pop_time_ms, times);
    let (reply, changed) = match state {
        HandleState::Done(changed) => (Reply::success(), changed),
        state => {
            let Refusal { code, remark } = refusal(key, queue_offset, handle.pop_time_ms, state);
            let reply = Reply { code, remark: Some(remark), ..Reply::success() };
            // Java's client decodes the header whatever the code.
            return Ok(with_times(reply, 0, 0, handle.revive_queue_id));
        }
    };
    let invisible_ms = changed.visible_ms.saturating_sub(changed.pop_time_ms);
    let ordered = flights.look(key, Flight::is_ordered) == Some(true);
    let revive_queue_id = if ordered { ORDERED_REVIVE_QUEUE_ID } else { handle.revive_queue_id };
    Ok(with_times(reply, changed.pop_time_ms, invisible_ms, revive_queue_id))
}

fn with_times(reply: Reply, pop_time_ms: i64, invisible_ms: i64, revive_queue_id: i32) -> Reply {
    reply
        .field("popTime", pop_time_ms)
        .field("invisibleTime", invisible_ms)
        .field("reviveQid", revive_queue_id)
}

/// Acknowledges, and wakes who may go on because of it.
fn ack(broker: &Broker, key: FlightKey<'_>, queue_offset: u64, pop_time_ms: i64) -> HandleState {
    let Pops { flights, wait, .. } = &*broker.pops;
    let state = flights.ack(&broker.offsets, key, queue_offset, pop_time_ms);
    if matches!(state, HandleState::Done(_)) && !wait.is_empty() {
        let in_flight_max = broker.config.peek().pop_in_flight_max;
        let may_go_on = flights.look(key, |flight| {
            flight.is_ordered() || flight.in_flight_count() + 1 == in_flight_max
        });
        if may_go_on == Some(true) {
            let topic = names::pop_origin_topic(key.topic, key.group);
            let queue_id = if topic == key.topic { key.queue_id } else { -1 };
            wait.notify(topic, key.group, queue_id);
        }
    }
    state
}

/// The message's offset, in a queue that is there.
fn popped_offset(broker: &Broker, key: FlightKey<'_>, offset: i64) -> Result<u64, Refusal> {
    let topic = broker.topics.find(key.topic).ok_or_else(|| refusals::topic_missing(key.topic))?;
    let readable = usize::try_from(topic.config.read_queue_nums).unwrap_or(0);
    let in_range = usize::try_from(key.queue_id).is_ok_and(|queue_id| queue_id < readable);
    let queue = topic.queue(&broker.store, key.queue_id).filter(|_| in_range);
    let Some(queue) = queue else {
        let remark = refusals::queue_id(key.topic, key.queue_id, readable).remark;
        return Err(refusals::illegal(remark));
    };
    let min = broker.store.queue_offset_min(queue);
    let max = broker.store.queue_offset_max(queue);
    match u64::try_from(offset) {
        Ok(queue_offset) if (min..max).contains(&queue_offset) => Ok(queue_offset),
        _ => {
            let remark = format!(
                "field 'offset' is {offset}, queue {} of topic '{}' has messages {min} to {}",
                key.queue_id,
                key.topic,
                i128::from(max) - 1
            );
            Err(Refusal::new(ResponseCode::NO_MESSAGE, remark))
        }
    }
}

/// 208: the handle is not that of a message in flight.
fn refusal(key: FlightKey<'_>, queue_offset: u64, pop_time_ms: i64, state: HandleState) -> Refusal {
    let FlightKey { group, topic, queue_id } = key;
    let why = match state {
        HandleState::Stale { pop_time_ms: newer_ms } => {
            format!(
                "a newer handle is valid, of popTime {newer_ms}: its invisible time was changed, or it was popped again"
            )
        }
        HandleState::Settled => {
            "it was acknowledged, or its invisible time ended and it is in the retry topic".into()
        }
        HandleState::Done(_) | HandleState::NotInFlight => {
            "it is not in flight: never popped by this group, or to be popped again".to_owned()
        }
    };
    let remark = format!(
        "message {queue_offset} of queue {queue_id} of topic '{topic}' is not in flight for group '{group}' under popTime {pop_time_ms}: {why}"
    );
    Refusal::new(ResponseCode::NO_MESSAGE, remark)
}
