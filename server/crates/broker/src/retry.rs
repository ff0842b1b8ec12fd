//! 36 CONSUMER_SEND_MSG_BACK: a message that was not consumed is stored once more, for the group
//! alone: in %RETRY% after a delay, or in %DLQ% when it was tried often enough.
use std::sync::Arc;

use remora_protocol::header::{ConsumerSendMsgBackHeader, SendMessageHeader};
use remora_protocol::message_id::OffsetId;
use remora_protocol::properties::name;
use remora_protocol::record::{self, Record};
use remora_protocol::{OwnedFrame, ResponseCode, names};
use remora_remoting::{Refusal, Reply, Responder};
use remora_store::{AppendError, FlushMode};

use crate::broker::Broker;
use crate::delay::Delay;
use crate::made_topics;
use crate::own_messages::{OwnError, OwnMessage};
use crate::perm;
use crate::rates::Event;
use crate::refusals;
use crate::send_turn::append_refusal;
use crate::time;
use crate::topic_table::Topic;

/// The delay of the first retry: level 3, ten seconds; each further one has the next level.
const FIRST_RETRY_LEVEL: i32 = 3;

/// What becomes of a message that was not consumed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// Another delivery, after this level of the delay table.
    Again {
        delay_level: i32,
    },
    Dead,
}

impl Fate {
    /// `reconsume_times` is how often it was delivered again so far; `delay_level` is as asked: 0
    /// leaves it to the broker, below 0 gives the message up.
    pub fn of(reconsume_times: i32, reconsume_times_max: i32, delay_level: i32) -> Self {
        if delay_level < 0 || reconsume_times >= reconsume_times_max {
            return Self::Dead;
        }
        let delay_level = match delay_level {
            0 => FIRST_RETRY_LEVEL.saturating_add(reconsume_times),
            asked => asked,
        };
        Self::Again { delay_level }
    }
}

/// Handles 36. Under sync flush the answer waits for the disk, though the message says WAIT=false:
/// the consumer goes on to commit an offset past it.
pub(crate) async fn send_back(broker: Arc<Broker>, frame: OwnedFrame, responder: Responder) {
    let stored = tokio::task::spawn_blocking({
        let broker = broker.clone();
        move || store_again(&broker, &frame)
    });
    let durable_offset = match stored.await {
        Ok(Ok(durable_offset)) => durable_offset,
        Ok(Err(refusal)) => return responder.refuse(&refusal),
        Err(error) => {
            let remark = format!("sending a message back failed: {error}");
            return responder.refuse(&Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
        }
    };
    let answer = move |outcome: Result<(), AppendError>| match outcome {
        Ok(()) => responder.send(Ok(Reply::success())),
        Err(error) => responder.refuse(&append_refusal(&error)),
    };
    match durable_offset {
        Some(offset) if broker.flush == FlushMode::Sync => {
            broker.store.when_flushed(offset, Box::new(answer));
        }
        _ => answer(Ok(())),
    }
}

/// The offset that must be flushed for the message to be safe; `None` where the group keeps no
/// retries.
fn store_again(broker: &Broker, frame: &OwnedFrame) -> Result<Option<u64>, Refusal> {
    let view = frame.view();
    let header = ConsumerSendMsgBackHeader::decode(&view.fields)
        .map_err(|error| refusals::header(&error))?;
    let group =
        broker.groups.find(&header.group).ok_or_else(|| refusals::group_missing(&header.group))?;
    perm::broker_takes(&broker.config.peek())?;
    if group.retry_queue_nums <= 0 {
        return Ok(None);
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        let remark = format!(
            "field 'offset' is {}: no message of group '{}' can be sent back from there: {error}",
            header.offset, header.group
        );
        Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
    };
    let physical_offset = u64::try_from(header.offset).map_err(|error| unreadable(&error))?;
    let bytes = broker.store.message_at(physical_offset).map_err(|error| unreadable(&error))?;
    let record = record::decode(&bytes).map_err(|error| unreadable(&error))?;

    let times_max = header.max_reconsume_times.unwrap_or(group.retry_max_times);
    let fate = Fate::of(record.reconsume_times, times_max, header.delay_level);
    let topic = match fate {
        Fate::Again { .. } => {
            let name = names::retry_topic(&header.group);
            let unit_mode = header.unit_mode == Some(true);
            made_topics::find_or_make(
                broker,
                made_topics::retry(&name, group.retry_queue_nums, unit_mode),
            )?
        }
        Fate::Dead => made_topics::dead_letter_topic(broker, &header.group)?,
    };
    perm::topic_takes(&topic)?;
    let mut message = again(&record, &topic);
    let origin = message.property(name::RETRY_TOPIC).unwrap_or_default().to_owned();
    match fate {
        Fate::Again { delay_level } => {
            message.delay(Delay::level(delay_level.into(), &broker.config.peek()));
        }
        Fate::Dead => {
            broker.metrics.messages_dead.add(1);
            tracing::info!(
                group = &*header.group,
                topic = origin,
                unique_id = message.property(name::UNIQ_KEY).unwrap_or_default(),
                reconsume_times = record.reconsume_times,
                reconsume_times_max = times_max,
                "message is dead: not consumed after all its retries"
            );
        }
    }
    let stored = broker.store_own(&[message]).map_err(|error| refusal(&error))?;
    broker.metrics.messages_sent_back.add(1);
    let mut rates = broker.rates.lock();
    rates.count(Event::SentBack, &origin, &header.group, time::tick_ms());
    if fate == Fate::Dead {
        rates.count(Event::Dead, &origin, &header.group, time::tick_ms());
    }
    Ok(Some(stored.durable_offset))
}

/// The message as its group gets it next.
fn again<'a>(record: &Record<'a>, topic: &Topic) -> OwnMessage<'a> {
    let mut message = OwnMessage::of(record);
    if message.property(name::RETRY_TOPIC).is_none() {
        message.set(name::RETRY_TOPIC, record.topic);
    }
    if message.property(name::ORIGIN_MESSAGE_ID).is_none() {
        let id =
            OffsetId { store_host: record.store_host, physical_offset: record.physical_offset };
        message.set(name::ORIGIN_MESSAGE_ID, id.to_hex().as_str());
    }
    message.set(name::WAIT, "false");
    message.remove(&[name::DELAY]);
    message.queue_id = topic.any_write_queue_id();
    message.topic = topic.name.to_string().into();
    message.reconsume_times = record.reconsume_times.saturating_add(1);
    message
}

/// Where a send to a retry topic goes after all: to the dead letters of the group, if it was tried
/// often enough. Consumers that could not send a message back (36) send it themselves; orderly ones
/// always do, and only to give it up.
#[cold]
pub(crate) fn dead_letter_target(
    broker: &Broker,
    header: &SendMessageHeader<'_>,
) -> Option<String> {
    let group = names::group_of_topic(&header.topic)?;
    let config = broker.groups.find(group)?;
    let times = header.reconsume_times.unwrap_or(0);
    let times_max = header.max_reconsume_times.unwrap_or(config.retry_max_times);
    let gives_up = || {
        header.max_reconsume_times.is_some()
            && broker.queue_locks.lock().is_ordered(time::tick_ms(), group)
    };
    (times > times_max || gives_up()).then(|| names::dlq_topic(group))
}

/// Why a message of the broker's own was not stored, for the client that caused it.
pub(crate) fn refusal(error: &OwnError) -> Refusal {
    match error {
        OwnError::Append(error) => append_refusal(error),
        OwnError::Properties { .. } => refusals::illegal(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delay_grows_with_each_retry_until_the_message_is_dead() {
        let fates: Vec<Fate> = (0..4).map(|times| Fate::of(times, 3, 0)).collect();
        let again = |delay_level| Fate::Again { delay_level };
        assert_eq!(fates, [again(3), again(4), again(5), Fate::Dead]);
    }

    #[test]
    fn consumers_may_choose_the_level_or_give_a_message_up() {
        assert_eq!(Fate::of(2, 3, 1), Fate::Again { delay_level: 1 });
        assert_eq!(Fate::of(0, 3, -1), Fate::Dead);
        assert_eq!(Fate::of(0, 0, 1), Fate::Dead);
        assert_eq!(Fate::of(i32::MAX, -1, 0), Fate::Dead);
    }
}
