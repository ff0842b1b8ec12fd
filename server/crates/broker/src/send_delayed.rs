//! Sends of delayed messages: rare beside plain ones, so that these pay nothing for them.
use std::net::SocketAddr;

use remora_config::Settings;
use remora_protocol::header::SendMessageHeader;
use remora_protocol::names;
use remora_protocol::recall_handle::RecallHandle;
use remora_protocol::record::Draft;
use remora_remoting::Refusal;

use crate::broker::Broker;
use crate::delay::{self, Delay, PROPERTIES_BYTES_SPARE};
use crate::half_messages;
use crate::message_properties::{Added, Prepared, prepare_delayed};
use crate::refusals;
use crate::send::{Origin, Shape, check_properties_bytes, check_record};
use crate::send_turn::{SendTurn, Staged};

/// What a turn's delayed messages need after the append.
#[derive(Debug, Default)]
pub(crate) struct DelayedSends {
    /// When the first is due, about.
    pub due_ms: Option<i64>,
    /// By the place of the message in the batch.
    pub handles: Vec<(usize, String)>,
}

impl DelayedSends {
    pub fn handle_of(&self, staged: &Staged) -> Option<&str> {
        let found = self.handles.iter().find(|(first, _)| *first == staged.first);
        found.map(|(_, handle)| handle.as_str())
    }
}

/// Where a message is for, and where its broker is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'p> {
    pub topic: &'p str,
    pub topic_index: usize,
    pub queue_id: i32,
    pub store_host: SocketAddr,
}

/// As `send::stage`, for a message whose properties ask for a time.
#[cold]
pub(crate) fn stage_delayed(
    broker: &Broker,
    turn: &mut SendTurn<'_>,
    place: Place<'_>,
    header: &SendMessageHeader<'_>,
    origin: Origin<'_>,
) -> Result<Staged, Refusal> {
    if origin.shape == Shape::Batch {
        return Err(refusals::illegal(
            "the properties of a batch ask for a delay: messages of a batch cannot be delayed, send them one by one".into(),
        ));
    }
    // Nobody waits for a reply to a message of later.
    turn.scratch.properties.take_asker();
    let settings = turn.settings.clone();
    let mut prepared = Prepared::default();
    let traced = broker.message_trace.properties(&settings);
    let added = Added { cluster: &settings.cluster_name, traced };
    if prepare_delayed(header.properties, added, &mut prepared).is_err() {
        let place = (place.topic_index, place.queue_id);
        return half_messages::stage(broker, turn, place, header, origin);
    }
    let now_ms = broker.timers.now_ms(broker);
    let Place { topic, topic_index, queue_id, store_host } = place;
    // A retry that was tried too often is a dead letter at once.
    let asked = match topic == header.topic {
        true => delay::asked(&prepared.properties, &settings, now_ms)?,
        false => None,
    };
    let draft = Draft {
        topic,
        queue_id,
        flag: header.flag,
        sys_flag: header.sys_flag,
        born_timestamp_ms: header.born_timestamp,
        born_host: origin.peer,
        store_host,
        reconsume_times: header.reconsume_times.unwrap_or(0),
        prepared_transaction_offset: 0,
        body: origin.body,
        properties: &[],
    };
    let first = turn.scratch.batch.len();
    let mut counted_index = topic_index;
    let before_bytes = turn.scratch.batch.encoded_bytes();
    match asked {
        None => {
            check_properties_bytes(prepared.properties.len())?;
            let draft = Draft { properties: &prepared.properties, ..draft };
            check_record(broker, turn.record_bytes_max, &draft)?;
            turn.scratch.batch.push(&broker.store.queue(topic, queue_id), &draft);
        }
        Some(delay) => {
            let waiting = delay::waiting(topic, queue_id, &prepared.properties, delay);
            check_properties_bytes(waiting.properties.len() + PROPERTIES_BYTES_SPARE)?;
            let (properties, queue_id) = (&waiting.properties[..], waiting.queue_id);
            let draft = Draft { topic: waiting.topic, queue_id, properties, ..draft };
            check_record(broker, turn.record_bytes_max, &draft)?;
            turn.scratch.batch.push(&broker.store.queue(waiting.topic, queue_id), &draft);
            let handle = handle(&settings, topic, delay, &prepared);
            let delayed = &mut turn.scratch.delayed;
            delayed.handles.extend(handle.map(|handle| (first, handle)));
            let due_ms = broker.due_ms(delay);
            delayed.due_ms = Some(delayed.due_ms.unwrap_or(i64::MAX).min(due_ms));
            // As at Apache it counts for its own topic when it is delivered.
            counted_index = turn.topic(broker, waiting.topic).unwrap_or(topic_index);
        }
    }
    let staged_bytes = turn.scratch.batch.encoded_bytes() - before_bytes;
    let ids = &mut turn.scratch.ids;
    let id_at = ids.len();
    ids.extend_from_slice(prepared.unique_id());
    let transaction_id = id_at..ids.len();
    turn.count(counted_index, 1, staged_bytes);
    let wait = !prepared.no_wait;
    Ok(Staged { topic_index, queue_id, first, count: 1, transaction_id, wait })
}

/// What the producer may withdraw the message with: those with a time of their own, as at Apache.
fn handle(settings: &Settings, topic: &str, delay: Delay, prepared: &Prepared) -> Option<String> {
    let Delay::Until { due_ms } = delay else { return None };
    if names::is_retry_topic(topic) {
        return None;
    }
    let unique_id = std::str::from_utf8(prepared.unique_id()).ok()?;
    let broker_name = settings.broker_name.as_str();
    Some(RecallHandle { topic, broker_name, due_ms, unique_id }.encode())
}
