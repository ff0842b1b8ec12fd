//! 200052 PEEK_MESSAGE: what a pop would take next, without taking it.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::header::PeekMessageHeader;
use remora_protocol::{ResponseCode, names};
use remora_remoting::routes::Request;
use remora_remoting::{Body, Refusal, Reply};
use remora_store::read::ReadError;
use remora_store::{QueueRef, ReadLimits, ReadOutcome, ReadStatus, Store, Waiting};

use crate::broker::Broker;
use crate::compaction;
use crate::pop::flight::Flight;
use crate::pop::message::{COUNT_MAX, target};
use crate::pop::table::FlightKey;
use crate::pull::ENTRIES_SCANNED_MAX;
use crate::time;
use crate::topic_table::Topic;

/// The handler, on the slow lane: it reads old messages from the disk if need be.
pub(crate) fn peek_message(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: PeekMessageHeader<'_>,
) -> Result<Reply, Refusal> {
    let settings = broker.config.settings();
    if !(1..=COUNT_MAX).contains(&header.max_msg_nums) {
        let remark = format!(
            "field 'maxMsgNums' is {}, a peek gives 1 to {COUNT_MAX} messages",
            header.max_msg_nums
        );
        return Err(Refusal::new(ResponseCode::INVALID_PARAMETER, remark));
    }
    let of = (&*header.consumer_group, &*header.topic, header.queue_id);
    let (topic, group) = target(broker, &settings, of)?;
    let mut peeked = Peeked {
        broker,
        group: &group.group_name,
        room: u32::try_from(header.max_msg_nums).unwrap_or(1),
        slices: Vec::new(),
        rest: 0,
    };
    match header.queue_id {
        ..0 => {
            (0..topic.config.read_queue_nums).try_for_each(|id| peeked.queue(&topic, id))?;
        }
        queue_id => peeked.queue(&topic, queue_id)?,
    }
    for name in [
        names::pop_retry_topic(&topic.name, peeked.group),
        names::pop_retry_topic_v2(&topic.name, peeked.group),
    ] {
        let Some(retry) = broker.topics.find(&name) else { continue };
        (0..retry.config.read_queue_nums).try_for_each(|id| peeked.queue(&retry, id))?;
    }
    let found = !peeked.slices.is_empty();
    let code = if found { ResponseCode::SUCCESS } else { ResponseCode::PULL_NOT_FOUND };
    let reply = Reply { code, ..Reply::success() }
        .field("popTime", time::wall_ms())
        .field("invisibleTime", 0)
        .field("reviveQid", 0)
        .field("restNum", peeked.rest);
    Ok(if found { reply.body(Body::Slices(peeked.slices)) } else { reply })
}

struct Peeked<'p> {
    broker: &'p Broker,
    group: &'p str,
    room: u32,
    slices: Vec<Bytes>,
    rest: u64,
}

impl Peeked<'_> {
    fn queue(&mut self, topic: &Topic, queue_id: i32) -> Result<(), Refusal> {
        let (store, group) = (&self.broker.store, self.group);
        let Some(queue) = topic.queue(store, queue_id) else { return Ok(()) };
        let key = FlightKey { group, topic: &topic.name, queue_id };
        let committed = || {
            let committed = self.broker.offsets.committed(group, &topic.name, queue_id)?;
            u64::try_from(committed).ok()
        };
        let popped_to = self.broker.pops.flights.look(key, Flight::popped_to);
        let min = store.queue_offset_min(queue);
        let from = popped_to.or_else(committed).unwrap_or(min).max(min);
        self.rest += store.queue_offset_max(queue).saturating_sub(from);
        if self.room == 0 {
            return Ok(());
        }
        let limits = ReadLimits {
            messages_max: self.room,
            bytes_max: u32::try_from(self.broker.config.peek().transfer_bytes_max)
                .unwrap_or(u32::MAX),
            entries_scanned_max: ENTRIES_SCANNED_MAX,
        };
        let mut at = from;
        loop {
            let Some(read) = read(store, topic, queue, at, limits) else { return Ok(()) };
            let outcome =
                read.map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()))?;
            // What compaction leaves out may be more than one look takes.
            let goes_on = outcome.status == ReadStatus::NoMatched && outcome.queue_offset_next > at;
            at = outcome.queue_offset_next;
            self.room = self.room.saturating_sub(outcome.message_count);
            self.slices.extend(outcome.slices);
            if !goes_on {
                return Ok(());
            }
        }
    }
}

/// Everything a pop may be given.
fn read(
    store: &Store,
    topic: &Topic,
    queue: &QueueRef,
    queue_offset: u64,
    limits: ReadLimits,
) -> Option<Result<ReadOutcome, ReadError>> {
    let (all, waiting) = (&mut |_| true, Waiting::ForDisk);
    match compaction::compaction(topic) {
        None => Some(store.read_as(queue, queue_offset, limits, all, waiting)),
        Some(of) => of.read_current(store, queue, queue_offset, limits, all, waiting),
    }
}
