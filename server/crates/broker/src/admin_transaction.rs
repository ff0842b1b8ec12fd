//! Half messages as operators see them: which wait (60001), and checking one again (323).
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::Arc;

use remora_protocol::body::{self, HalfMessage, HalfMessageList};
use remora_protocol::header::{ListHalfMessagesHeader, ResumeCheckHalfMessageHeader};
use remora_protocol::message_id::OffsetId;
use remora_protocol::properties::{self, name};
use remora_protocol::record::{self, Record};
use remora_protocol::{ResponseCode, names};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};

use crate::broker::Broker;
use crate::half_messages;
use crate::own_messages::OwnMessage;
use crate::retry;
use crate::time;
use crate::transaction_table::{Decision, Waiting};
use crate::transactions::{age_ms, rules};

/// Rows of one answer, at most.
const ROWS_MAX: usize = 1_000;

/// 60001 LIST_HALF_MESSAGES: those that wait, oldest first.
pub(crate) fn half_messages(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: ListHalfMessagesHeader<'_>,
) -> Result<Reply, Refusal> {
    let from = header.queue_offset.and_then(|from| u64::try_from(from).ok()).unwrap_or(0);
    let asked = header.max_num.and_then(|count| usize::try_from(count).ok());
    let count = asked.unwrap_or(ROWS_MAX).clamp(1, ROWS_MAX);
    let rules = rules(&broker.config.peek());
    let wanted = |waiting: &Waiting| {
        let is = |asked: &Option<std::borrow::Cow<'_, str>>, is: &str| {
            asked.as_deref().is_none_or(|asked| asked.is_empty() || asked == is)
        };
        is(&header.topic, &waiting.half.topic) && is(&header.producer_group, &waiting.half.group)
    };
    let (mut found, pending): (Vec<Waiting>, usize) = {
        let table = broker.transactions.table.lock();
        (table.waiting(from, &rules).filter(wanted).take(count + 1).collect(), table.len())
    };
    let next = found.get(count).map(|waiting| waiting.half.queue_offset.cast_signed());
    found.truncate(count);
    let list = HalfMessageList {
        pending: i64::try_from(pending).unwrap_or(i64::MAX),
        next_queue_offset: next,
        half_messages: found.into_iter().map(|waiting| row(broker, waiting)).collect(),
    };
    Ok(Reply::success().body(body::encode(&list)))
}

fn row(broker: &Broker, Waiting { half, next_check_ms }: Waiting) -> HalfMessage {
    let bytes = broker.store.message_at(half.physical_offset).ok();
    let record = bytes.as_ref().and_then(|bytes| record::decode(bytes).ok());
    let unique_id = record.and_then(|record| properties::find(record.properties, name::UNIQ_KEY));
    let store_host = record.map_or(broker.store_host(), |record| record.store_host);
    let id = OffsetId { store_host, physical_offset: half.physical_offset.cast_signed() };
    HalfMessage {
        topic: half.topic.to_string(),
        producer_group: half.group.to_string(),
        unique_id: unique_id.unwrap_or_default().to_owned(),
        offset_msg_id: id.to_hex().as_str().to_owned(),
        queue_offset: half.queue_offset.cast_signed(),
        commit_log_offset: half.physical_offset.cast_signed(),
        born_timestamp: half.born_ms,
        store_timestamp: half.stored_ms,
        age_ms: i64::try_from(age_ms(time::wall_ms(), half.stored_ms)).unwrap_or(i64::MAX),
        checks: half.checks,
        next_check_in_ms: next_check_ms.map(|at| at.saturating_sub(time::tick_ms()).max(0)),
    }
}

/// 323 RESUME_CHECK_HALF_MESSAGE: checks of one that waits start again; one that was given up waits
/// again. Apache's broker also takes one that was decided, and would deliver it twice.
pub(crate) fn check_again(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: ResumeCheckHalfMessageHeader<'_>,
) -> Result<Reply, Refusal> {
    let wrong = |remark: String| Refusal::new(ResponseCode::SYSTEM_ERROR, remark);
    let id = header.msg_id.as_deref().unwrap_or_default();
    let offset_id = OffsetId::parse(id)
        .map_err(|error| wrong(format!("field 'msgId' is '{id}', not an offset id: {error}")))?;
    let physical_offset = offset_id.physical_offset.cast_unsigned();
    let bytes =
        broker.store.message_at(physical_offset).map_err(|error| wrong(error.to_string()))?;
    let record = record::decode(&bytes).map_err(|error| wrong(error.to_string()))?;
    match record.topic {
        names::TRANS_HALF_TOPIC => {
            let queue_offset = record.queue_offset.cast_unsigned();
            let mut table = broker.transactions.table.lock();
            if table.check_again(queue_offset, physical_offset) {
                return Ok(Reply::success());
            }
            let how = match table.decision(queue_offset, physical_offset) {
                Some(Decision::Commit) => "was committed",
                Some(Decision::Rollback) => "was rolled back",
                Some(Decision::GiveUp) | None => {
                    "does not wait; if it was given up, name its copy in TRANS_CHECK_MAX_TIME_TOPIC"
                }
            };
            Err(wrong(format!("half message '{id}' {how}")))
        }
        names::TRANS_CHECK_MAX_TIME_TOPIC => begin_again(broker, &record),
        other => {
            Err(wrong(format!("message '{id}' is one of topic '{other}', not a half message")))
        }
    }
}

/// Stores a half message that was given up as a new one.
fn begin_again(broker: &Broker, record: &Record<'_>) -> Result<Reply, Refusal> {
    let mut message = OwnMessage::of(record);
    message.remove(&[name::TRANSACTION_CHECK_TIMES]);
    message.topic = names::TRANS_HALF_TOPIC.into();
    message.queue_id = 0;
    message.prepared_transaction_offset = 0;
    let rules = rules(&broker.config.peek());
    let staged = {
        let mut table = broker.transactions.table.lock();
        half_messages::admit(
            &mut table,
            &rules,
            (0, &message.properties, message.born_timestamp_ms),
        )?
    };
    let stored = broker.store_own(&[message]);
    let appended = stored.as_ref().map_or(&[][..], |stored| &stored.appended);
    half_messages::begin(broker, &mut vec![staged], appended);
    stored.map_err(|error| retry::refusal(&error))?;
    Ok(Reply::success())
}
