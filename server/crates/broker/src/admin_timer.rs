//! Messages that wait for their time: 370 withdraws one, 60010 lists them, 60011 moves one; 45 and
//! 60 tell how far they are.
//!
//! Unlike Apache's broker, which answers success to any handle of the future, 370 says whether the
//! message did wait: what is due already is 604, what does not wait is 22.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::Arc;

use remora_config::Settings;
use remora_protocol::ResponseCode;
use remora_protocol::body::{self, TimerList, TimerPlace, WaitingTimer};
use remora_protocol::header::{ListTimersHeader, MoveTimerHeader, RecallMessageHeader};
use remora_protocol::properties::{self, name};
use remora_protocol::recall_handle::{RecallHandle, text_of};
use remora_protocol::record;
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};

use crate::broker::Broker;
use crate::perm;
use crate::refusals;
use crate::timer::{TimerEntry, TimerError, Wanted, Withdrawn};

const LIST_COUNT: i32 = 100;
/// Chosen: an answer of a few hundred KiB.
const LIST_COUNT_MAX: i32 = 1_000;

/// 370 RECALL_MESSAGE.
pub(crate) fn recall_message(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: RecallMessageHeader<'_>,
) -> Result<Reply, Refusal> {
    let settings = broker.config.settings();
    let text = checked(broker, &settings, &header.topic, &header.recall_handle)?;
    let handle = parsed(&settings, &header.topic, &text)?;
    act(broker, handle, |wanted| {
        let now_ms = broker.store.now_ms();
        broker.timers.lock().withdraw(wanted, now_ms, broker.store_host())
    })?;
    Ok(Reply::success().field("msgId", handle.unique_id))
}

/// 60011 MOVE_TIMER.
pub(crate) fn move_timer(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: MoveTimerHeader<'_>,
) -> Result<Reply, Refusal> {
    let settings = broker.config.settings();
    let text = checked(broker, &settings, &header.topic, &header.recall_handle)?;
    let handle = parsed(&settings, &header.topic, &text)?;
    let now_ms = broker.timers.now_ms(broker);
    let limit_ms = i64::try_from(settings.timer_max_delay_sec).unwrap_or(i64::MAX);
    let limit_ms = limit_ms.saturating_mul(1_000);
    let due_ms = header.due_ms;
    if due_ms <= now_ms || due_ms.saturating_sub(now_ms) > limit_ms {
        return Err(refusals::illegal(format!(
            "field 'dueMs' is {due_ms}: it must be later than now, {now_ms}, by at most {limit_ms} ms (timerMaxDelaySec)"
        )));
    }
    act(broker, handle, |wanted| {
        let now_ms = broker.store.now_ms();
        broker.timers.lock().move_to(wanted, due_ms, now_ms, broker.store_host())
    })?;
    broker.timers.wake();
    let handle = RecallHandle { due_ms, ..handle };
    Ok(Reply::success().field("recallHandle", handle.encode()))
}

/// 60010 LIST_TIMERS.
pub(crate) fn list_timers(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: ListTimersHeader<'_>,
) -> Result<Reply, Refusal> {
    let count = header.max_num.unwrap_or(LIST_COUNT).clamp(1, LIST_COUNT_MAX);
    let count = usize::try_from(count).unwrap_or(1);
    let offset = u64::try_from(header.from_offset.unwrap_or(0)).unwrap_or(0);
    let from = (header.from_due_ms.unwrap_or(0), offset);
    let (entries, waiting_count) = {
        let mut timer = broker.timers.lock();
        let mut entries = timer.list(from, count + 1).map_err(|error| failed(&error))?;
        let next = (entries.len() > count).then(|| entries.pop()).flatten();
        let mut kept = Vec::new();
        for entry in entries {
            if timer.is_waiting(&entry).map_err(|error| failed(&error))? {
                kept.push(entry);
            }
        }
        ((kept, next), timer.pending().count())
    };
    let (entries, next) = entries;
    let settings = broker.config.settings();
    let timers = entries.iter().filter_map(|entry| shown(broker, &settings, entry));
    let timers = timers.filter(|timer| {
        header.topic.as_deref().is_none_or(|topic| timer.topic == topic)
            && header.unique_id.as_deref().is_none_or(|id| timer.unique_id == id)
    });
    let list = TimerList {
        timers: timers.collect(),
        next: next.map(|entry| TimerPlace {
            due_ms: entry.due_ms,
            physical_offset: i64::try_from(entry.physical_offset).unwrap_or(i64::MAX),
        }),
        waiting_count,
    };
    Ok(Reply::success().body(body::encode(&list)))
}

/// 45 GET_ALL_DELAY_OFFSET.
pub(crate) fn all_delay_offsets(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    Ok(Reply::success().body(body::encode(&broker.timers.level_offsets())))
}

/// 60 GET_TIMER_CHECK_POINT: what Apache's slaves read, seven big-endian numbers. There is no timer
/// log here, whose position is 0.
pub(crate) fn timer_check_point(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let clock_ms = broker.timers.now_ms(broker);
    let read = broker.timers.lock().queue_read();
    let read = i64::try_from(read).unwrap_or(i64::MAX);
    let numbers = [clock_ms, 0, read, read, 0, clock_ms, 0];
    Ok(Reply::success()
        .body(numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>()))
}

/// What a waiting message is; `None` where it has just gone.
fn shown(broker: &Broker, settings: &Settings, entry: &TimerEntry) -> Option<WaitingTimer> {
    let bytes = broker.store.message_at(entry.physical_offset).ok()?;
    let found = record::decode(&bytes).ok()?;
    let property = |name| properties::find(found.properties, name).unwrap_or_default();
    let handle = RecallHandle {
        topic: property(name::REAL_TOPIC),
        broker_name: &settings.broker_name,
        due_ms: entry.due_ms,
        unique_id: property(name::UNIQ_KEY),
    };
    Some(WaitingTimer {
        topic: handle.topic.to_owned(),
        queue_id: property(name::REAL_QID).parse().unwrap_or(0),
        due_ms: entry.due_ms,
        stored_ms: found.store_timestamp_ms,
        unique_id: handle.unique_id.to_owned(),
        keys: property(name::KEYS).to_owned(),
        tags: property(name::TAGS).to_owned(),
        body_bytes: found.body.len() as u64,
        recall_handle: handle.encode(),
    })
}

/// Permissions and topic; the handle's text.
fn checked(
    broker: &Broker,
    settings: &Settings,
    topic: &str,
    handle: &str,
) -> Result<String, Refusal> {
    if !settings.recall_message_enable {
        return Err(refusals::no_permission(
            "messages may not be withdrawn: recallMessageEnable is false".into(),
        ));
    }
    perm::broker_takes(settings)
        .map_err(|error| Refusal::new(ResponseCode::SERVICE_NOT_AVAILABLE, error.remark))?;
    if !broker.topics.contains(topic) {
        return Err(refusals::topic_missing(topic));
    }
    text_of(handle).ok_or_else(|| not_a_handle(handle))
}

fn parsed<'t>(
    settings: &Settings,
    topic: &str,
    text: &'t str,
) -> Result<RecallHandle<'t>, Refusal> {
    let handle = RecallHandle::parse(text).ok_or_else(|| not_a_handle(text))?;
    let mismatch = |what: &str, is: &str, asked: &str| {
        let remark = format!("the recall handle is for {what} '{is}', not for '{asked}'");
        Refusal::new(ResponseCode::ILLEGAL_OPERATION, remark)
    };
    if handle.topic != topic {
        return Err(mismatch("topic", handle.topic, topic));
    }
    if handle.broker_name != settings.broker_name {
        return Err(mismatch("broker", handle.broker_name, &settings.broker_name));
    }
    Ok(handle)
}

fn not_a_handle(text: &str) -> Refusal {
    let shown: String = text.chars().take(160).collect();
    let remark = format!("field 'recallHandle' is '{shown}', not what the reply to a send gave");
    Refusal::new(ResponseCode::ILLEGAL_OPERATION, remark)
}

/// Does something to the message that a handle names. Apache's handles are a millisecond later.
fn act(
    broker: &Broker,
    handle: RecallHandle<'_>,
    mut act: impl FnMut(Wanted<'_>) -> Result<Withdrawn, TimerError>,
) -> Result<(), Refusal> {
    let RecallHandle { topic, unique_id, due_ms, .. } = handle;
    let mut outcome = Withdrawn::Unknown;
    for due_ms in [due_ms, due_ms.saturating_sub(1)] {
        let found = act(Wanted { topic, unique_id, due_ms }).map_err(|error| failed(&error))?;
        if found == Withdrawn::Yes || due_ms == handle.due_ms {
            outcome = found;
        }
        if outcome != Withdrawn::Unknown {
            break;
        }
    }
    match outcome {
        Withdrawn::Yes => durable(broker),
        Withdrawn::Due { now_ms } => Err(Refusal::new(
            ResponseCode::ILLEGAL_OPERATION,
            format!(
                "message '{unique_id}' of topic '{topic}' was due {} ms ago, at {due_ms}",
                now_ms.saturating_sub(due_ms)
            ),
        )),
        Withdrawn::Unknown => Err(Refusal::new(
            ResponseCode::QUERY_NOT_FOUND,
            format!(
                "no message '{unique_id}' of topic '{topic}' waits until {due_ms}: it never did, was withdrawn, or was given another time"
            ),
        )),
    }
}

/// As durable as a message is when its send is answered.
fn durable(broker: &Broker) -> Result<(), Refusal> {
    match broker.flush {
        remora_store::FlushMode::Async => Ok(()),
        remora_store::FlushMode::Sync => broker
            .store
            .flush()
            .map(|_| ())
            .map_err(|error| crate::send_turn::append_refusal(&error)),
    }
}

fn failed(error: &TimerError) -> Refusal {
    match error {
        TimerError::Append(error) => crate::send_turn::append_refusal(error),
        error => Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()),
    }
}
