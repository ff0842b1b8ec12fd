//! Half messages: the first part of a transactional send, stored in RMQ_SYS_TRANS_HALF_TOPIC until
//! their end (37).
use remora_protocol::header::SendMessageHeader;
use remora_protocol::names;
use remora_protocol::properties::{self, name};
use remora_protocol::record::Draft;
use remora_protocol::{ResponseCode, Text, sys_flag};
use remora_remoting::Refusal;
use remora_store::Appended;

use crate::broker::Broker;
use crate::message_properties::Added;
use crate::refusals;
use crate::send::{self, Origin, PROPERTIES_BYTES_LEFT, Shape};
use crate::send_turn::{Scratch, SendTurn, Staged, TurnTopic};
use crate::time;
use crate::transaction_table::{Admission, Half, Rules, TransactionTable};
use crate::transactions::rules;
use crate::unique_id;

/// Left for what a check adds (TRANSACTION_CHECK_TIMES). Chosen: twice its longest.
const CHECK_PROPERTIES_BYTES: usize = 64;

/// Properties that the broker sets, or that mean nothing in a half message; the first `TRACED` of
/// them only where messages are traced.
const REPLACED: [&str; 8] = [
    name::MSG_REGION,
    name::TRACE_ON,
    name::POP_CK,
    name::CRC32,
    name::CLUSTER,
    name::REAL_TOPIC,
    name::REAL_QID,
    name::TRANSACTION_ID,
];
const TRACED: usize = 2;
const DELAYS: [&str; 4] =
    [name::DELAY, name::TIMER_DELAY_SEC, name::TIMER_DELAY_MS, name::TIMER_DELIVER_MS];

/// A half message in a turn's append.
#[derive(Debug)]
pub(crate) struct StagedHalf {
    /// Its place in the batch.
    record: usize,
    /// Without the places that it will get.
    half: Half,
    admission: Admission,
}

/// Puts a half message into the turn's append; `queue_id` is where it goes when it is committed.
#[cold]
pub(crate) fn stage(
    broker: &Broker,
    turn: &mut SendTurn<'_>,
    (topic_index, queue_id): (usize, i32),
    header: &SendMessageHeader<'_>,
    origin: Origin<'_>,
) -> Result<Staged, Refusal> {
    // Nobody waits for a reply to a message that may never come.
    turn.scratch.properties.take_asker();
    let properties = header.properties.to_str();
    if let Some(resent) = without_transaction(header, &properties) {
        let plain = SendMessageHeader {
            sys_flag: sys_flag::with_transaction(header.sys_flag, sys_flag::TRANSACTION_NOT),
            properties: Text::plain(&resent),
            ..header.clone()
        };
        return send::stage(broker, turn, topic_index, &plain, origin);
    }
    check(&turn.settings, header, &properties, origin.shape)?;
    let SendTurn { settings, store_host, record_bytes_max, scratch, topics, .. } = turn;
    let Some(TurnTopic { topic, .. }) = topics.get(topic_index) else {
        return Err(refusals::topic_missing(&header.topic));
    };
    let traced = broker.message_trace.properties(settings);
    let added = Added { cluster: &settings.cluster_name, traced };
    let raw = prepared(header, &properties, &topic.name, queue_id, added)?;
    let draft = Draft {
        topic: names::TRANS_HALF_TOPIC,
        queue_id: 0,
        flag: header.flag,
        sys_flag: sys_flag::with_transaction(header.sys_flag, sys_flag::TRANSACTION_NOT),
        born_timestamp_ms: header.born_timestamp,
        born_host: origin.peer,
        store_host: *store_host,
        reconsume_times: header.reconsume_times.unwrap_or(0),
        prepared_transaction_offset: 0,
        body: origin.body,
        properties: &raw,
    };
    send::check_record(broker, *record_bytes_max, &draft)?;
    let first = scratch.batch.len();
    let staged = {
        let mut table = broker.transactions.table.lock();
        admit(&mut table, &rules(settings), (first, &raw, header.born_timestamp))?
    };
    let Scratch { batch, ids, halves, .. } = &mut **scratch;
    batch.push(&broker.store.queue(names::TRANS_HALF_TOPIC, 0), &draft);
    halves.push(staged);
    let id_at = ids.len();
    ids.extend_from_slice(properties::find(&raw, name::UNIQ_KEY).unwrap_or_default().as_bytes());
    let no_wait = properties::find(&raw, name::WAIT);
    let wait = !no_wait.is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let transaction_id = id_at..ids.len();
    Ok(Staged { topic_index, queue_id, first, count: 1, transaction_id, wait })
}

/// Takes a place for a half message that will be this record of its batch.
pub(crate) fn admit(
    table: &mut TransactionTable,
    rules: &Rules,
    (record, raw, born_ms): (usize, &[u8], i64),
) -> Result<StagedHalf, Refusal> {
    let admission = table.admit(rules).map_err(|full| {
        let remark = format!(
            "{} half messages wait for their end, the limit is {} (transaction.pending_max): the message was not stored",
            full.pending, full.pending_max
        );
        Refusal::new(ResponseCode::SYSTEM_BUSY, remark)
    })?;
    Ok(StagedHalf { record, half: half_of(table, raw, born_ms), admission })
}

/// Registers the half messages of a turn before any of them is answered; those that were not
/// appended give their places back.
#[cold]
pub(crate) fn begin(broker: &Broker, halves: &mut Vec<StagedHalf>, appended: &[Appended]) {
    let now_ms = time::tick_ms();
    let mut table = broker.transactions.table.lock();
    for StagedHalf { record, mut half, admission } in halves.drain(..) {
        let Some(at) = appended.get(record) else {
            table.release(admission);
            continue;
        };
        half.queue_offset = at.queue_offset;
        half.physical_offset = at.physical_offset;
        half.stored_ms = at.store_timestamp_ms;
        table.begin(now_ms, half, admission);
        broker.transactions.counts.begun.add(1);
    }
}

/// What a half message's properties say of it; its places are for the caller.
pub(crate) fn half_of(table: &mut TransactionTable, raw: &[u8], born_ms: i64) -> Half {
    let find = |name| properties::find(raw, name);
    let asked_seconds = properties::find_i64(raw, name::CHECK_IMMUNITY_TIME_IN_SECONDS);
    let checks = properties::find_i64(raw, name::TRANSACTION_CHECK_TIMES);
    Half {
        queue_offset: 0,
        physical_offset: 0,
        group: table.name(find(name::PGROUP).unwrap_or_default()),
        topic: table.name(find(name::REAL_TOPIC).unwrap_or_default()),
        stored_ms: 0,
        born_ms,
        immunity_ms: asked_seconds.map(|seconds| seconds.saturating_mul(1_000)),
        checks: checks.and_then(|checks| u32::try_from(checks).ok()).unwrap_or(0),
    }
}

fn is_transactional(properties: &str) -> bool {
    let value = properties::find(properties.as_bytes(), name::TRAN_MSG);
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Clients below 4.6.1 send messages to be retried with all their properties, TRAN_MSG among them:
/// those are no half messages (so at Apache).
fn without_transaction(header: &SendMessageHeader<'_>, properties: &str) -> Option<String> {
    let level = properties::find_i64(properties.as_bytes(), name::DELAY).unwrap_or(0);
    if header.reconsume_times.unwrap_or(0) <= 0 || level <= 0 {
        return None;
    }
    let mut kept = Vec::new();
    properties::append_without(&mut kept, properties.as_bytes(), &[name::TRAN_MSG]);
    String::from_utf8(kept).ok()
}

fn check(
    settings: &remora_config::Settings,
    header: &SendMessageHeader<'_>,
    properties: &str,
    shape: Shape,
) -> Result<(), Refusal> {
    if settings.reject_transaction_message {
        return Err(refusals::no_permission(format!(
            "broker '{}' takes no transactional messages (rejectTransactionMessage)",
            settings.broker_name
        )));
    }
    let transaction = sys_flag::transaction(header.sys_flag);
    if !matches!(transaction, sys_flag::TRANSACTION_NOT | sys_flag::TRANSACTION_PREPARED) {
        return Err(refusals::illegal(format!(
            "field 'sysFlag' is {}: a send cannot commit (8) or roll back (12), END_TRANSACTION does",
            header.sys_flag
        )));
    }
    if !is_transactional(properties) {
        return Err(refusals::illegal(format!(
            "field 'sysFlag' is {}, of a half message (4), but property 'TRAN_MSG' is not 'true'",
            header.sys_flag
        )));
    }
    if shape == Shape::Batch {
        return Err(refusals::illegal(
            "a batch may not be transactional: send its messages one by one".into(),
        ));
    }
    if names::is_retry_topic(&header.topic) {
        return Err(refusals::illegal(format!(
            "field 'topic' is '{}': no half message may go to a retry topic",
            header.topic
        )));
    }
    // Java's client leaves the level out itself; delivered at once it would be too early.
    for delay in DELAYS {
        let value = properties::find(properties.as_bytes(), delay);
        if let Some(value) = value.filter(|value| delay != name::DELAY || is_level(value)) {
            return Err(refusals::illegal(format!(
                "property '{delay}' is {value}: a transactional message cannot be delayed"
            )));
        }
    }
    Ok(())
}

fn is_level(value: &str) -> bool {
    value.trim().parse::<i64>().is_ok_and(|level| level > 0)
}

/// The properties as they are stored.
fn prepared(
    header: &SendMessageHeader<'_>,
    given: &str,
    topic: &str,
    queue_id: i32,
    added: Added<'_>,
) -> Result<Vec<u8>, Refusal> {
    let mut raw = Vec::with_capacity(given.len() + 256);
    let replaced = if added.traced.is_empty() { &REPLACED[TRACED..] } else { &REPLACED[..] };
    properties::append_without(&mut raw, given.as_bytes(), replaced);
    properties::append(&mut raw, name::CLUSTER, added.cluster);
    raw.extend_from_slice(added.traced.as_bytes());
    if properties::find(&raw, name::UNIQ_KEY).is_none() {
        properties::append(&mut raw, name::UNIQ_KEY, unique_id::next().as_str());
    }
    if properties::find(&raw, name::PGROUP).is_none() {
        properties::append(&mut raw, name::PGROUP, &header.producer_group);
    }
    let id = properties::find(&raw, name::UNIQ_KEY).unwrap_or_default().to_owned();
    properties::append(&mut raw, name::TRANSACTION_ID, &id);
    properties::append(&mut raw, name::REAL_TOPIC, topic);
    properties::append_i64(&mut raw, name::REAL_QID, queue_id.into());
    let limit = PROPERTIES_BYTES_LEFT - CHECK_PROPERTIES_BYTES;
    if raw.len() > limit {
        return Err(refusals::illegal(format!(
            "properties are {} bytes with those that the broker adds, the limit of a half message is {limit}",
            raw.len()
        )));
    }
    Ok(raw)
}
