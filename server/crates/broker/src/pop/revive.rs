//! Messages whose invisible time ended without an acknowledgement: stored again for their group
//! alone, in the retry topic of the topic, or in %DLQ% when they were tried often enough.
//!
//! A message counts as settled in its queue only once the copy is stored (under sync flush: on
//! disk). Where it cannot be stored it stays in flight and is tried again.
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::message_id::OffsetId;
use remora_protocol::names;
use remora_protocol::properties::name;
use remora_protocol::record::{self, Record};
use remora_store::{FlushMode, ReadLimits, ReadStatus, Waiting};

use crate::broker::Broker;
use crate::made_topics;
use crate::own_messages::OwnMessage;
use crate::pop::flight::Due;
use crate::pop::table::{DueFlight, FlightKey};
use crate::rates::Event;
use crate::send::PROPERTIES_BYTES_LEFT;
use crate::time;

/// Longest sleep of the task: clocks may be set.
const SWEEP_MS: i64 = 5_000;
/// What is due within this is moved together.
const STEP_MS: i64 = 64;
/// Messages of one flight that are moved before the next flight's. Chosen: some milliseconds.
const MOVED_AT_ONCE: usize = 256;
/// A message that could not be stored is tried again after this.
const AGAIN_MS: i64 = 1_000;
/// Queues of a retry topic of POP, as Apache makes it.
const RETRY_QUEUE_COUNT: i32 = 1;

/// The task: moves what is due, until the stop.
pub(crate) async fn revive_due(broker: Arc<Broker>) {
    loop {
        let (due_ms, now_ms) = (broker.pops.flights.next_due_ms(), time::wall_ms());
        let wait_ms = due_ms.saturating_add(STEP_MS).saturating_sub(now_ms).clamp(0, SWEEP_MS);
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = broker.pops.flights.nearer.notified() => continue,
            () = tokio::time::sleep(wait) => {}
        }
        let mover = broker.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || revive(&mover)).await {
            tracing::error!(%error, "moving popped messages to their retry topics failed");
        }
    }
}

/// One round.
fn revive(broker: &Broker) {
    let (moves, visible) = broker.pops.flights.due(time::wall_ms(), MOVED_AT_ONCE);
    for key in visible {
        broker.pops.wait.notify(&key.topic, &key.group, key.queue_id);
    }
    for flight in moves {
        move_flight(broker, &flight);
    }
}

fn move_flight(broker: &Broker, flight: &DueFlight) {
    let key = flight.key.borrowed();
    let (flights, offsets) = (&broker.pops.flights, &broker.offsets);
    let (mut stored, mut failed) = (Vec::new(), Vec::new());
    for due in &flight.due {
        match move_message(broker, key, *due) {
            Ok(()) => stored.push(*due),
            Err(Unmoved) => failed.push(*due),
        }
    }
    if broker.flush == FlushMode::Sync && broker.store.flush().is_err() {
        // The store has said why; it takes no more writes.
        failed.append(&mut stored);
    }
    stored.iter().for_each(|due| flights.settle(offsets, key, *due));
    let again_ms = time::wall_ms().saturating_add(AGAIN_MS);
    failed.iter().for_each(|due| flights.postpone(offsets, key, *due, again_ms));
    let topic = names::pop_origin_topic(key.topic, key.group);
    broker.pops.wait.notify(topic, key.group, -1);
}

/// The message stays in flight.
struct Unmoved;

fn move_message(broker: &Broker, key: FlightKey<'_>, due: Due) -> Result<(), Unmoved> {
    let FlightKey { group, topic, queue_id } = key;
    let Some(queue) = broker.store.existing_queue(topic, queue_id) else { return Ok(()) };
    let one = ReadLimits { messages_max: 1, bytes_max: 1, entries_scanned_max: 1 };
    let read = broker.store.read_as(&queue, due.queue_offset, one, &mut |_| true, Waiting::ForDisk);
    let outcome = match read {
        Ok(outcome) => outcome,
        Err(error) => {
            let queue_offset = due.queue_offset;
            tracing::error!(topic, queue_id, queue_offset, %error, "popped message is unreadable");
            return Err(Unmoved);
        }
    };
    let record = outcome.slices.first().map(|slice| record::decode(slice));
    let (ReadStatus::Found, Some(Ok(record))) = (outcome.status, record) else {
        // Corrupt, which the store has reported, or removed by retention.
        return Ok(());
    };
    let stored = again(broker, key, due, &record)
        .and_then(|message| broker.store_own(&[message]).map_err(|error| error.to_string()));
    match stored {
        Ok(_) => {
            broker.metrics.messages_revived.add(1);
            Ok(())
        }
        Err(error) => {
            tracing::error!(
                group,
                topic,
                queue_id,
                queue_offset = due.queue_offset,
                error,
                "popped message was not acknowledged and cannot be stored again, it stays in flight"
            );
            Err(Unmoved)
        }
    }
}

/// The message as its group gets it next.
fn again<'a>(
    broker: &Broker,
    key: FlightKey<'_>,
    due: Due,
    record: &Record<'a>,
) -> Result<OwnMessage<'a>, String> {
    let origin = names::pop_origin_topic(key.topic, key.group);
    let times_max = broker.groups.find(key.group).map_or(i32::MAX, |group| group.retry_max_times);
    let mut message = OwnMessage::of(record);
    message.queue_id = 0;
    if record.reconsume_times >= times_max {
        let topic =
            made_topics::dead_letter_topic(broker, key.group).map_err(|error| error.remark)?;
        message.set(name::RETRY_TOPIC, origin);
        if message.property(name::ORIGIN_MESSAGE_ID).is_none() {
            let (store_host, physical_offset) = (record.store_host, record.physical_offset);
            let id = OffsetId { store_host, physical_offset }.to_hex();
            message.set(name::ORIGIN_MESSAGE_ID, id.as_str());
        }
        message.topic = topic.name.to_string().into();
        broker.metrics.messages_dead.add(1);
        broker.rates.lock().count(Event::Dead, origin, key.group, time::tick_ms());
        return Ok(message);
    }
    message.reconsume_times = record.reconsume_times.saturating_add(1);
    let retry_topic = match names::is_retry_topic(key.topic) {
        true => key.topic.to_owned(),
        false if broker.config.peek().pop_retry_topic_v2 => {
            names::pop_retry_topic_v2(origin, key.group)
        }
        false => names::pop_retry_topic(origin, key.group),
    };
    let config = made_topics::retry(&retry_topic, RETRY_QUEUE_COUNT, false);
    made_topics::find_or_make(broker, config).map_err(|error| error.remark)?;
    message.topic = retry_topic.into();
    if message.property(name::FIRST_POP_TIME).is_none() {
        let properties = message.properties.clone();
        message.set(name::FIRST_POP_TIME, &due.pop_time_ms.to_string());
        // Better without it than not delivered.
        if message.properties.len() > PROPERTIES_BYTES_LEFT {
            message.properties = properties;
        }
    }
    Ok(message)
}
