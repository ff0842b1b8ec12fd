//! 10, 310, 320: a message (or a batch) is checked, encoded and staged into the turn's append.
use std::net::SocketAddr;
use std::sync::Arc;

use remora_config::Settings;
use remora_protocol::batch::BatchItem;
use remora_protocol::header::SendMessageHeader;
use remora_protocol::record::Draft;
use remora_protocol::{Language, batch, names};
use remora_remoting::{Call, Refusal};
use remora_store::QueueRef;

use crate::broker::Broker;
use crate::half_messages;
use crate::message_properties::PropertyRefusal;
use crate::perm;
use crate::refusals;
use crate::retry;
use crate::retry_signs;
use crate::send_delayed::{Place, stage_delayed};
use crate::send_later;
use crate::send_turn::{Scratch, SendTurn, Staged, TurnTopic};
use crate::topic_rules::TopicRules;
use crate::topic_table::Topic;

/// Message sysFlag: bits 4 and 8 say prepared, commit or rollback.
const SYS_FLAG_TRANSACTION: i32 = 4 | 8;
/// `__CRC32#` with its value, which the store adds to every record's properties.
const CRC_PROPERTY_BYTES: usize = 20;
/// Length of a record's properties is an int16.
const PROPERTIES_BYTES_MAX: usize = 32_767;
/// Bytes of properties that leave room for the record's checksum.
pub(crate) const PROPERTIES_BYTES_LEFT: usize = PROPERTIES_BYTES_MAX - CRC_PROPERTY_BYTES;

/// No record has more beside topic, body and properties: hosts of 20 bytes each, the checksum, a
/// separator and 70 bytes of other fields.
const RECORD_REST_BYTES_MAX: usize = 256;

/// 10 and 310. A batch may come under these codes too.
pub(crate) fn send_message<'a>(
    broker: &Arc<Broker>,
    turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &SendMessageHeader<'a>,
) {
    let shape = if header.batch == Some(true) { Shape::Batch } else { Shape::Single };
    send(broker, turn, call, header, shape);
}

/// 320.
pub(crate) fn send_batch<'a>(
    broker: &Arc<Broker>,
    turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &SendMessageHeader<'a>,
) {
    send(broker, turn, call, header, Shape::Batch);
}

/// Whether a body is one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    Single,
    Batch,
}

/// What a request brings beside its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'f> {
    pub body: &'f [u8],
    pub peer: SocketAddr,
    pub shape: Shape,
}

/// Whether a send is looked at for signs that it repeats an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Retry {
    /// It came over a connection of this time (wall clock).
    LookFor { connected_ms: i64, language: Language },
    /// Its message was looked for already, or is the broker's own.
    No,
}

/// Why nothing was staged.
enum Unstaged {
    Refused(Refusal),
    /// The message may be stored already: that is looked up elsewhere.
    MayBeRetry,
}

impl From<Refusal> for Unstaged {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn send<'a>(
    broker: &Arc<Broker>,
    turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &SendMessageHeader<'a>,
    shape: Shape,
) {
    let Some(topic) = target(broker, turn, header) else {
        return send_later::create_topic_then_send(broker, turn, call, header, shape);
    };
    let conn = call.conn;
    let language = call.frame.language;
    let retry = Retry::LookFor { connected_ms: conn.since_ms, language };
    let origin = Origin { body: call.frame.body, peer: conn.peer, shape };
    match stage_unless_retry(broker, turn, topic, header, origin, retry) {
        Ok(staged) => turn.owe(call.into_owed(), staged),
        Err(Unstaged::Refused(refusal)) => {
            turn.scratch.properties.take_asker();
            broker.metrics.rejections.send_refused.add(1);
            call.refuse(refusal);
        }
        Err(Unstaged::MayBeRetry) => {
            turn.scratch.properties.take_asker();
            send_later::look_up_then_send(turn, call, shape);
        }
    }
}

/// The topic that a message goes to, by its place in the turn; `None` where it does not exist yet.
pub(crate) fn target(
    broker: &Broker,
    turn: &mut SendTurn<'_>,
    header: &SendMessageHeader<'_>,
) -> Option<usize> {
    let named = turn.topic(broker, &header.topic)?;
    let is_retry = turn.topics.get(named).is_some_and(|one| one.topic.is_retry);
    if is_retry && let Some(dead_letters) = retry::dead_letter_target(broker, header) {
        return turn.topic(broker, &dead_letters);
    }
    Some(named)
}

/// As `stage_unless_retry`, for a send that is none.
pub(crate) fn stage(
    broker: &Broker,
    turn: &mut SendTurn<'_>,
    topic_index: usize,
    header: &SendMessageHeader<'_>,
    origin: Origin<'_>,
) -> Result<Staged, Refusal> {
    stage_unless_retry(broker, turn, topic_index, header, origin, Retry::No).map_err(|unstaged| {
        match unstaged {
            Unstaged::Refused(refusal) => refusal,
            Unstaged::MayBeRetry => refusals::illegal("the message is stored already".into()),
        }
    })
}

/// Checks a send to an existing topic and puts its records into the turn's append.
#[inline]
fn stage_unless_retry(
    broker: &Broker,
    turn: &mut SendTurn<'_>,
    topic_index: usize,
    header: &SendMessageHeader<'_>,
    origin: Origin<'_>,
    retry: Retry,
) -> Result<Staged, Unstaged> {
    turn.check_group(&header.producer_group)?;
    let window_ms = turn.duplicate_window_ms;
    let SendTurn { settings, store_host, record_bytes_max, scratch, topics, .. } = turn;
    let Some(TurnTopic { topic, .. }) = topics.get(topic_index) else {
        return Err(refusals::topic_missing(&header.topic).into());
    };
    if let Some(rules) = &topic.rules {
        check_rules(settings, topic, rules, header, origin)?;
        // What was looked for was admitted before, and the quota is not charged again.
        if retry != Retry::No {
            rules.admit(broker, &topic.name, origin, header)?;
        }
    }
    let queue_id = check_target(settings, topic, header)?;
    let Some(queue) = topic.queue(&broker.store, queue_id) else {
        return Err(refusals::queue_id(&topic.name, queue_id, topic.queue_count()).into());
    };
    check_body(settings, origin.body)?;
    if header.sys_flag & SYS_FLAG_TRANSACTION != 0 {
        return Ok(half_messages::stage(broker, turn, (topic_index, queue_id), header, origin)?);
    }
    let Scratch { batch, properties, ids, .. } = &mut **scratch;
    let prepared = match properties.prepare(header.properties) {
        Ok(prepared) => prepared,
        Err(PropertyRefusal::Transaction) => {
            return Ok(half_messages::stage(
                broker,
                turn,
                (topic_index, queue_id),
                header,
                origin,
            )?);
        }
        Err(PropertyRefusal::Delay) => {
            let (topic, store_host) = (topic.clone(), *store_host);
            let place = Place { topic: &topic.name, topic_index, queue_id, store_host };
            return Ok(stage_delayed(broker, turn, place, header, origin)?);
        }
    };
    check_properties_bytes(prepared.properties.len())?;
    if topic.deduplicates && retry_signs::seen(prepared, header, origin, retry, window_ms) {
        return Err(Unstaged::MayBeRetry);
    }
    let (queue_id, queue) = match prepared.priority {
        None => (queue_id, queue),
        Some(priority) => queue_of_priority(broker, topic, priority).unwrap_or((queue_id, queue)),
    };
    let draft = Draft {
        topic: &topic.name,
        queue_id,
        flag: header.flag,
        sys_flag: header.sys_flag,
        born_timestamp_ms: header.born_timestamp,
        born_host: origin.peer,
        store_host: *store_host,
        reconsume_times: header.reconsume_times.unwrap_or(0),
        prepared_transaction_offset: 0,
        body: origin.body,
        properties: &prepared.properties,
    };
    let first = batch.len();
    let before_bytes = batch.encoded_bytes();
    match origin.shape {
        Shape::Single => {
            check_record(broker, *record_bytes_max, &draft)?;
            batch.push_named(queue, &draft, prepared.named());
        }
        Shape::Batch => {
            check_batch(broker, *record_bytes_max, &draft)?;
            for item in batch::items(origin.body).map_while(Result::ok) {
                batch.push(queue, &of_item(&draft, item));
            }
        }
    }
    let count = batch.len() - first;
    let staged_bytes = batch.encoded_bytes() - before_bytes;
    // For the reply.
    let id_at = ids.len();
    ids.extend_from_slice(prepared.unique_id());
    let (transaction_id, wait) = (id_at..ids.len(), !prepared.no_wait);
    turn.count(topic_index, count, staged_bytes);
    Ok(Staged { topic_index, queue_id, first, count, transaction_id, wait })
}

/// One message of a batch: its own flag, body and properties, the rest as the batch.
fn of_item<'d>(batch: &Draft<'d>, item: BatchItem<'d>) -> Draft<'d> {
    Draft { flag: item.flag, body: item.body, properties: item.properties, ..*batch }
}

/// What only some topics ask. A send that the usual checks refuse does not count against a quota.
#[cold]
fn check_rules(
    settings: &Settings,
    topic: &Topic,
    rules: &TopicRules,
    header: &SendMessageHeader<'_>,
    origin: Origin<'_>,
) -> Result<(), Refusal> {
    rules.check_sender(&topic.name)?;
    check_target(settings, topic, header)?;
    check_body(settings, origin.body)
}

/// Queue 0 is of the lowest priority; those above the topic's queues share the last one.
#[cold]
fn queue_of_priority<'t>(
    broker: &Broker,
    topic: &'t Topic,
    priority: u32,
) -> Option<(i32, &'t QueueRef)> {
    let last = topic.config.write_queue_nums - 1;
    let queue_id = i32::try_from(priority).map_or(last, |priority| priority.min(last));
    Some((queue_id, topic.queue(&broker.store, queue_id)?))
}

/// Permissions and queue id.
fn check_target(
    settings: &Settings,
    topic: &Topic,
    header: &SendMessageHeader<'_>,
) -> Result<i32, Refusal> {
    perm::broker_takes(settings)?;
    perm::topic_takes(topic)?;
    if header.queue_id < 0 {
        return Ok(topic.any_write_queue_id());
    }
    let in_range = usize::try_from(header.queue_id).is_ok_and(|id| id < topic.queue_count());
    if !in_range && *topic.name != *header.topic {
        // The retry topic that it was sent to has more queues than the dead letters it is among.
        return Ok(topic.any_write_queue_id());
    }
    if !in_range {
        return Err(refusals::queue_id(&topic.name, header.queue_id, topic.queue_count()));
    }
    Ok(header.queue_id)
}

pub(crate) fn check_body(settings: &Settings, body: &[u8]) -> Result<(), Refusal> {
    let body_bytes = body.len() as u64;
    if body_bytes > settings.max_message_bytes {
        return Err(refusals::illegal(format!(
            "body is {body_bytes} bytes, the limit is {} (maxMessageSize)",
            settings.max_message_bytes
        )));
    }
    Ok(())
}

/// One record that no segment takes would have the whole turn refused.
pub(crate) fn check_record(broker: &Broker, limit: u64, draft: &Draft<'_>) -> Result<(), Refusal> {
    // Nearly all are far below: what a record has beside these three parts is less than this.
    let variable_bytes = draft.body.len() + draft.properties.len() + draft.topic.len();
    if (variable_bytes + RECORD_REST_BYTES_MAX) as u64 <= limit {
        return Ok(());
    }
    let record_bytes = draft.encoded_bytes() as u64;
    if record_bytes > limit {
        broker.metrics.rejections.record_too_large.add(1);
        return Err(refusals::illegal(format!(
            "record is {record_bytes} bytes, the limit is {limit}, what one commit log file takes (mappedFileSizeCommitLog)"
        )));
    }
    Ok(())
}

/// The topic's name and every item, before the first is staged: nothing of a bad batch is stored.
fn check_batch(broker: &Broker, limit: u64, draft: &Draft<'_>) -> Result<(), Refusal> {
    if names::is_retry_topic(draft.topic) {
        return Err(refusals::illegal(format!(
            "field 'topic' is '{}': a batch may not go to a retry topic",
            draft.topic
        )));
    }
    let mut count = 0usize;
    for item in batch::items(draft.body) {
        let item = item.map_err(|error| refusals::illegal(error.to_string()))?;
        check_properties_bytes(item.properties.len())?;
        check_record(broker, limit, &of_item(draft, item))?;
        count += 1;
    }
    if count == 0 {
        return Err(refusals::illegal("batch: the body holds no message".into()));
    }
    Ok(())
}

pub(crate) fn check_properties_bytes(properties_bytes: usize) -> Result<(), Refusal> {
    let limit = PROPERTIES_BYTES_LEFT;
    if properties_bytes > limit {
        return Err(refusals::illegal(format!(
            "properties are {properties_bytes} bytes with those that the broker adds, the limit is {limit} ({PROPERTIES_BYTES_MAX} less the record's checksum)"
        )));
    }
    Ok(())
}

/// Checks on a name that no topic of the table has.
pub(crate) fn check_new_topic(header: &SendMessageHeader<'_>) -> Result<(), Refusal> {
    let topic = header.topic.as_ref();
    names::check_topic(topic).map_err(|error| refusals::illegal(error.to_string()))?;
    if names::is_send_forbidden(topic) {
        return Err(refusals::no_permission(format!(
            "topic '{topic}' belongs to the broker, clients may not send to it"
        )));
    }
    Ok(())
}
