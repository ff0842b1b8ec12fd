//! 37 END_TRANSACTION: a half message is committed or rolled back, once.
//!
//! What a decision means is stored in one append: the message of a commit and behind it the op
//! message, which says that the half message is decided. A write that was cut short between the two
//! is found at the next start (`transaction_state.rs`).
//!
//! Differences from Apache: a second end of one half message stores nothing and is told of the
//! first; an end with an unknown state is answered where somebody waits for it; the op message is
//! not held back for 3 s.
use std::sync::Arc;

use remora_protocol::header::EndTransactionHeader;
use remora_protocol::properties::{self, name};
use remora_protocol::record::{self, Record};
use remora_protocol::{ResponseCode, names, sys_flag};
use remora_remoting::{Body, Call, Refusal};
use remora_store::read::ReadError;
use remora_store::{AppendError, FlushMode};

use crate::broker::Broker;
use crate::own_messages::{OwnError, OwnMessage};
use crate::refusals;
use crate::retry;
use crate::send_turn::{SendTurn, append_refusal};
use crate::time;
use crate::transaction_table::{Decision, End, Ended, Half};
use crate::transactions::rules;

/// Tag of op messages, and what their bodies separate queue offsets by; as Apache's.
const OP_TAG: &str = "d";
const OP_SEPARATOR: &str = ",";
/// Our own property of op messages: which decision. Apache's broker does not look at it.
const OP_DECISION: &str = "TRAN_DECISION";

/// Properties of a half message that its commit does not have.
const HALF_ONLY: [&str; 3] = [name::REAL_TOPIC, name::REAL_QID, name::TRAN_MSG];

/// Why what a decision means was not stored. The half message waits on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum DecisionError {
    #[error("the half message cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the half message has no property '{0}' that says where it goes")]
    NoTarget(&'static str),
    #[error("its topic '{0}' does not exist any more")]
    NoTopic(String),
    #[error(transparent)]
    Store(#[from] OwnError),
}

/// Handles 37. Under sync flush the answer waits for the disk.
pub(crate) fn end_transaction<'a>(
    broker: &Arc<Broker>,
    _turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &EndTransactionHeader<'a>,
) {
    match end(broker, header) {
        Ok(durable_offset) if broker.flush == FlushMode::Sync => {
            let responder = call.defer();
            let answer = move |outcome: Result<(), AppendError>| match outcome {
                Ok(()) => responder.reply(ResponseCode::SUCCESS, &(), Body::Empty),
                Err(error) => responder.refuse(&append_refusal(&error)),
            };
            broker.store.when_flushed(durable_offset, Box::new(answer));
        }
        Ok(_) => call.reply(ResponseCode::SUCCESS, &(), Body::Empty),
        Err(refusal) => {
            // Java does not wait for the answer: nobody would ever see it.
            tracing::warn!(
                peer = %call.conn.peer,
                group = &*header.producer_group,
                unique_id = header.transaction_id.as_deref().unwrap_or_default(),
                remark = &*refusal.remark,
                "end of a transaction refused"
            );
            broker.metrics.rejections.end_refused.add(1);
            call.refuse(refusal);
        }
    }
}

/// What must be flushed before the answer.
fn end(broker: &Broker, header: &EndTransactionHeader<'_>) -> Result<u64, Refusal> {
    let decision = match header.commit_or_rollback {
        sys_flag::TRANSACTION_COMMIT => Decision::Commit,
        sys_flag::TRANSACTION_ROLLBACK => Decision::Rollback,
        // The producer does not know yet: it will be asked.
        sys_flag::TRANSACTION_NOT => return Ok(0),
        other => {
            return Err(wrong(format!(
                "field 'commitOrRollback' is {other}; 8 commits, 12 rolls back, 0 decides nothing"
            )));
        }
    };
    let place = |field: &str, value: i64| {
        u64::try_from(value).map_err(|_| wrong(format!("field '{field}' is {value}, below 0")))
    };
    let queue_offset = place("tranStateTableOffset", header.tran_state_table_offset)?;
    let physical_offset = place("commitLogOffset", header.commit_log_offset)?;
    let end = End {
        queue_offset,
        physical_offset,
        group: &header.producer_group,
        decision,
        from_check: header.from_transaction_check == Some(true),
    };
    let settings = broker.config.peek();
    let rules = rules(&settings);
    drop(settings);
    let ended = broker.transactions.table.lock().end(time::wall_ms(), &rules, &end);
    match ended {
        Ended::Decide(half) => {
            store_decision(broker, &half, decision).map_err(|error| not_stored(decision, &error))
        }
        Ended::Decided(earlier) if earlier == decision => {
            Ok(broker.store.log_status().physical_offset_max)
        }
        other => Err(refused(broker, &end, other)),
    }
}

/// Stores what the decision means, for a half message that was handed out for it, and settles it.
/// Returns what must be flushed for it to be durable.
pub(crate) fn store_decision(
    broker: &Broker,
    half: &Half,
    decision: Decision,
) -> Result<u64, DecisionError> {
    let bytes = broker.store.message_at(half.physical_offset);
    let stored = bytes.map_err(DecisionError::from).and_then(|bytes| {
        let corrupt = |cause| ReadError::Corrupt { physical_offset: half.physical_offset, cause };
        let record = record::decode(&bytes).map_err(corrupt)?;
        let mut messages = Vec::with_capacity(2);
        match decision {
            Decision::Commit => messages.push(committed(broker, half, &record)?),
            Decision::Rollback => {}
            Decision::GiveUp => messages.push(given_up(half, &record)),
        }
        let op = op_body(half);
        messages.push(op_message(broker, &op, decision));
        Ok(broker.store_own(&messages)?)
    });
    let mut table = broker.transactions.table.lock();
    let stored = match stored {
        Ok(stored) => stored,
        Err(error) => {
            table.failed(time::tick_ms(), half.queue_offset);
            return Err(error);
        }
    };
    let op_offset = stored.appended.last().map_or(0, |op| op.queue_offset);
    table.settled(half.queue_offset, op_offset);
    drop(table);
    broker.transactions.counts.of(decision).add(1);
    if decision == Decision::Commit {
        let bytes = stored.appended.first().map_or(0, |record| record.record_bytes);
        broker.metrics.messages_in.add(1);
        broker.metrics.bytes_in.add(bytes.into());
    }
    Ok(stored.durable_offset)
}

/// Stores an op message alone: the rest of the decision is there, or can never be.
pub(crate) fn store_op(
    broker: &Broker,
    half: &Half,
    decision: Decision,
) -> Result<u64, DecisionError> {
    let op = op_body(half);
    let stored = broker.store_own(&[op_message(broker, &op, decision)]);
    let mut table = broker.transactions.table.lock();
    match stored {
        Ok(stored) => {
            let op_offset = stored.appended.first().map_or(0, |op| op.queue_offset);
            table.settled(half.queue_offset, op_offset);
            Ok(stored.durable_offset)
        }
        Err(error) => {
            table.failed(time::tick_ms(), half.queue_offset);
            Err(error.into())
        }
    }
}

/// The message as consumers get it.
fn committed<'r>(
    broker: &Broker,
    half: &Half,
    record: &Record<'r>,
) -> Result<OwnMessage<'r>, DecisionError> {
    let find = |name| properties::find(record.properties, name).ok_or(name);
    let real_topic = find(name::REAL_TOPIC).map_err(DecisionError::NoTarget)?;
    let Some(topic) = broker.topics.find(real_topic) else {
        return Err(DecisionError::NoTopic(real_topic.to_owned()));
    };
    let real_queue = find(name::REAL_QID).map_err(DecisionError::NoTarget)?.parse();
    // The topic may have fewer queues by now.
    let in_range = |id: &i32| usize::try_from(*id).is_ok_and(|id| id < topic.queue_count());
    let real_queue = real_queue.ok().filter(in_range);
    let mut message = OwnMessage::of(record);
    message.remove(&HALF_ONLY);
    message.topic = real_topic.into();
    message.queue_id = real_queue.unwrap_or_else(|| topic.any_write_queue_id());
    message.sys_flag = sys_flag::with_transaction(record.sys_flag, sys_flag::TRANSACTION_COMMIT);
    message.prepared_transaction_offset = half.physical_offset.cast_signed();
    Ok(message)
}

/// The copy for operators: as the half message, with what it was checked. Unlike Apache's it names
/// the half message, for recovery.
fn given_up<'r>(half: &Half, record: &Record<'r>) -> OwnMessage<'r> {
    let mut message = OwnMessage::of(record);
    message.set(name::TRANSACTION_CHECK_TIMES, &half.checks.to_string());
    message.topic = names::TRANS_CHECK_MAX_TIME_TOPIC.into();
    message.queue_id = 0;
    message.prepared_transaction_offset = half.physical_offset.cast_signed();
    message
}

fn op_body(half: &Half) -> String {
    format!("{}{OP_SEPARATOR}", half.queue_offset)
}

fn op_message<'b>(broker: &Broker, body: &'b str, decision: Decision) -> OwnMessage<'b> {
    let mut raw = Vec::new();
    properties::append(&mut raw, name::TAGS, OP_TAG);
    properties::append(&mut raw, OP_DECISION, decision_name(decision));
    OwnMessage {
        topic: names::TRANS_OP_HALF_TOPIC.into(),
        queue_id: 0,
        flag: 0,
        sys_flag: 0,
        born_timestamp_ms: time::wall_ms(),
        born_host: broker.store_host(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: body.as_bytes(),
        properties: raw,
    }
}

/// Queue offsets of half messages that an op message says are decided, and how, if it says so.
pub(crate) fn read_op(record: &Record<'_>) -> (Vec<u64>, Option<Decision>) {
    if properties::find(record.properties, name::TAGS) != Some(OP_TAG) {
        return (Vec::new(), None);
    }
    let text = str::from_utf8(record.body).unwrap_or_default();
    let offsets = text.split(OP_SEPARATOR).filter_map(|offset| offset.trim().parse().ok());
    let decision = properties::find(record.properties, OP_DECISION);
    (offsets.collect(), decision.and_then(decision_named))
}

/// The decision that a record stands for whose `prepared_transaction_offset` names a half message.
pub(crate) fn decision_of(record: &Record<'_>) -> Decision {
    match record.topic {
        names::TRANS_CHECK_MAX_TIME_TOPIC => Decision::GiveUp,
        _ => Decision::Commit,
    }
}

pub(crate) fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Commit => "commit",
        Decision::Rollback => "rollback",
        Decision::GiveUp => "give-up",
    }
}

fn decision_named(name: &str) -> Option<Decision> {
    let all = [Decision::Commit, Decision::Rollback, Decision::GiveUp];
    all.into_iter().find(|decision| decision_name(*decision) == name)
}

fn wrong(remark: String) -> Refusal {
    Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
}

fn not_stored(decision: Decision, error: &DecisionError) -> Refusal {
    let what = decision_name(decision);
    match error {
        DecisionError::Store(error) => retry::refusal(error),
        DecisionError::NoTopic(topic) => refusals::topic_missing(topic),
        error => wrong(format!("{what} of a half message was not stored: {error}")),
    }
}

/// An end that decides nothing.
fn refused(broker: &Broker, end: &End<'_>, ended: Ended) -> Refusal {
    let End { queue_offset, physical_offset, group, decision, .. } = *end;
    let past = |decision: Decision| match decision {
        Decision::Commit => "committed",
        Decision::Rollback => "rolled back",
        Decision::GiveUp => "given up after its last check",
    };
    let what = match decision {
        Decision::Commit => "commit",
        _ => "rollback",
    };
    wrong(match ended {
        Ended::WrongGroup(expected) => format!(
            "field 'producerGroup' is '{group}', the half message at queue offset {queue_offset} is of group '{expected}'"
        ),
        Ended::WrongPhysicalOffset(expected) => format!(
            "field 'commitLogOffset' is {physical_offset}, the half message at queue offset {queue_offset} is at {expected}"
        ),
        Ended::TooLate { age_ms, immunity_ms } => {
            return Refusal::new(
                ResponseCode::ILLEGAL_OPERATION,
                format!(
                    "{what} comes {age_ms} ms after the message was made, {immunity_ms} ms are left to its producer (CHECK_IMMUNITY_TIME_IN_SECONDS): the broker will ask"
                ),
            );
        }
        Ended::BeingDecided(other) => format!(
            "the half message at queue offset {queue_offset} is being {} by another request; this {what} changed nothing",
            past(other)
        ),
        Ended::Decided(earlier) => format!(
            "the half message at queue offset {queue_offset} was {} before; this {what} changed nothing",
            past(earlier)
        ),
        Ended::NotPending | Ended::Decide(_) => not_pending(broker, end),
    })
}

/// What is there instead of a half message that waits.
fn not_pending(broker: &Broker, end: &End<'_>) -> String {
    let End { queue_offset, physical_offset, .. } = *end;
    let bytes = match broker.store.message_at(physical_offset) {
        Ok(bytes) => bytes,
        Err(error) => return format!("field 'commitLogOffset': no half message there: {error}"),
    };
    match record::decode(&bytes) {
        Ok(record) if record.topic != names::TRANS_HALF_TOPIC => format!(
            "field 'commitLogOffset' is {physical_offset}: a message of topic '{}' is there, no half message",
            record.topic
        ),
        Ok(record) if record.queue_offset != queue_offset.cast_signed() => format!(
            "field 'tranStateTableOffset' is {queue_offset}, the half message at {physical_offset} has queue offset {}",
            record.queue_offset
        ),
        _ => format!(
            "the half message at queue offset {queue_offset} was decided long ago; nothing was changed"
        ),
    }
}
