//! 11 and 361: what is there is answered in the turn; at the end of a queue the pull is held.
use std::sync::Arc;

use remora_config::Settings;
use remora_protocol::ResponseCode;
use remora_protocol::body::{MessageModel, SubscriptionGroupConfig};
use remora_protocol::header::{PullMessageHeader, PullMessageReply};
use remora_remoting::{Body, Call, Refusal, Responder};
use remora_store::{QueueRef, ReadLimits, ReadOutcome, ReadStatus, Waiting};

use crate::broker::Broker;
use crate::clients::Subscribed;
use crate::cold_reads::ColdReads;
use crate::compaction;
use crate::offset_resets::AfterReset;
use crate::perm;
use crate::pull_wait::HeldPull;
use crate::quota::{OverQuota, Quota};
use crate::refusals;
use crate::send_turn::SendTurn;
use crate::subscription::{self, MessageFilter};
use crate::time;
use crate::topic_table::Topic;

/// sysFlag bits of a pull.
const FLAG_COMMIT_OFFSET: i32 = 1;
const FLAG_SUSPEND: i32 = 2;
const FLAG_SUBSCRIPTION: i32 = 4;

/// The bit of a group's forbidden bits that is about reading, as in a topic's permissions.
pub(crate) const FORBIDDEN_READ: i32 = perm::READ;

/// Entries looked at in one pull whose filter matches little. Chosen: about 1 ms of scanning.
pub(crate) const ENTRIES_SCANNED_MAX: u32 = 16_000;

/// As many where each record has to be read, checked and looked at. Chosen: about 1 ms as well.
pub(crate) const RECORDS_SCANNED_MAX: u32 = 2_000;

/// Longest hold that a client may ask for. Chosen: twice what any official client asks (20 s, and
/// 30 s for lite pull), and under the idle timeout of connections.
const SUSPEND_MS_MAX: i64 = 60_000;

/// A pull that passed its checks.
#[derive(Debug)]
pub(crate) struct Pull {
    pub group: Arc<SubscriptionGroupConfig>,
    pub topic: Arc<Topic>,
    pub queue: QueueRef,
    /// As asked: negative is below every queue.
    pub queue_offset: i64,
    pub limits: ReadLimits,
    pub filter: MessageFilter,
    pub quota: Option<Arc<Quota>>,
    pub connection_id: u64,
}

/// The handler.
pub(crate) fn pull_message<'a>(
    broker: &Arc<Broker>,
    turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &PullMessageHeader<'a>,
) {
    let pull = match admit(broker, &turn.settings, call.conn.id, header) {
        Ok(pull) => pull,
        Err(refusal) => {
            broker.metrics.rejections.pull_refused.add(1);
            return call.refuse(refusal);
        }
    };
    let mut commits = header.sys_flag & FLAG_COMMIT_OFFSET != 0 && header.commit_offset >= 0;
    if broker.resets.any()
        && let Some(moved) = pull.moved_by_reset(broker, &mut commits)
    {
        return call.reply(moved.code, &moved.header, moved.body);
    }
    if commits {
        let topic = &pull.topic.name;
        let group = &pull.group.group_name;
        broker.offsets.commit_by_pull(group, topic, header.queue_id, header.commit_offset);
    }
    if let Some(over) = pull.over_quota() {
        let may_hold = header.sys_flag & FLAG_SUSPEND != 0;
        let hold_ms = if may_hold { header.suspend_timeout_millis } else { 0 };
        return hold_over_quota(broker, call.defer(), pull, over, hold_ms);
    }
    let outcome = match pull.read(broker, Waiting::Never) {
        Ok(outcome) => outcome,
        Err(refusal) => return call.refuse(refusal),
    };
    if outcome.status == ReadStatus::NotInMemory {
        return ColdReads::answer(Box::new(HeldPull::new(broker, call.defer(), pull)));
    }
    let answer = pull.answer(broker, outcome);
    if answer.code == ResponseCode::PULL_NOT_FOUND {
        broker.metrics.pulls_missed.add(1);
    }
    if answer.code == ResponseCode::PULL_NOT_FOUND && header.sys_flag & FLAG_SUSPEND != 0 {
        let hold_ms = hold_ms(&turn.settings, header.suspend_timeout_millis);
        // Once the broker stops, nothing would wake it.
        if hold_ms > 0 && !broker.stopping.is_cancelled() {
            return broker.hold.park(HeldPull::new(broker, call.defer(), pull), hold_ms);
        }
    }
    call.reply(answer.code, &answer.header, answer.body);
}

/// A pull of a group that has had enough waits, as at the end of a queue: clients take a refusal
/// for a fault. One that may not be held is told that there is nothing just now.
#[cold]
fn hold_over_quota(
    broker: &Arc<Broker>,
    responder: Responder,
    pull: Pull,
    over: OverQuota,
    asked_ms: i64,
) {
    broker.metrics.pulls_over_quota.add(1);
    tracing::debug!(group = pull.group.group_name, ?over, "pull waits for the quota");
    let held = HeldPull::new(broker, responder, pull);
    broker.hold.delay(held, over.wait_ms, asked_ms.clamp(0, SUSPEND_MS_MAX));
}

/// Milliseconds to hold a pull that finds nothing.
fn hold_ms(settings: &Settings, asked_ms: i64) -> i64 {
    if settings.long_polling_enable {
        return asked_ms.clamp(0, SUSPEND_MS_MAX);
    }
    i64::try_from(settings.short_polling_ms).unwrap_or(SUSPEND_MS_MAX).min(SUSPEND_MS_MAX)
}

/// An answer to encode.
#[derive(Debug)]
pub(crate) struct Answer {
    pub code: ResponseCode,
    pub header: PullMessageReply,
    pub body: Body,
}

impl Pull {
    /// Why the group may have nothing now.
    pub(crate) fn over_quota(&self) -> Option<OverQuota> {
        self.quota.as_ref()?.wait(time::tick_ms())
    }

    /// Reads the queue; a corrupt record is refused with its place.
    pub(crate) fn read(&self, broker: &Broker, waiting: Waiting) -> Result<ReadOutcome, Refusal> {
        let Ok(queue_offset) = u64::try_from(self.queue_offset) else {
            return Ok(self.nothing(broker, ReadStatus::OffsetTooSmall));
        };
        let (queue, limits) = (&self.queue, self.limits);
        let (store, mut filter) = (&broker.store, &self.filter);
        let read = match compaction::compaction(&self.topic) {
            None => store.read_as(queue, queue_offset, limits, &mut filter, waiting),
            Some(of) => {
                let read =
                    of.read_current(store, queue, queue_offset, limits, &mut filter, waiting);
                match read {
                    Some(read) => read,
                    None => return Ok(self.nothing(broker, ReadStatus::NotInMemory)),
                }
            }
        };
        match &read {
            Ok(ReadOutcome { corrupt: Some(corrupt), .. }) => {
                self.log_unreadable(corrupt.queue_offset, &corrupt.cause);
            }
            Err(error) => self.log_unreadable(queue_offset, error),
            Ok(_) => {}
        }
        read.map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()))
    }

    /// The answer where the group was put elsewhere in this queue and its client does not know.
    #[cold]
    pub(crate) fn moved_by_reset(&self, broker: &Broker, commits: &mut bool) -> Option<Answer> {
        let (group, topic) = (&self.group.group_name, &self.topic.name);
        let (queue_id, now_ms) = (self.queue.queue_id, time::tick_ms());
        let after = broker.resets.pulled(group, topic, queue_id, self.queue_offset, now_ms);
        // What it commits was consumed before the reset.
        *commits &= after == AfterReset::Nothing;
        let AfterReset::Moved { queue_offset } = after else { return None };
        tracing::info!(group, %topic, queue_id, queue_offset, "consumer moved by a reset");
        let outcome = ReadOutcome {
            queue_offset_next: u64::try_from(queue_offset).unwrap_or(0),
            ..self.nothing(broker, ReadStatus::OffsetTooLarge)
        };
        Some(self.answer(broker, outcome))
    }

    #[cold]
    fn log_unreadable(&self, queue_offset: u64, error: &dyn std::fmt::Display) {
        tracing::error!(
            topic = %self.topic.name,
            queue_id = self.queue.queue_id,
            queue_offset,
            %error,
            "stored message cannot be read, not given to consumers"
        );
    }

    /// What a pull finds that is from before offset 0, or was not read.
    fn nothing(&self, broker: &Broker, status: ReadStatus) -> ReadOutcome {
        let queue_offset_min = broker.store.queue_offset_min(&self.queue);
        ReadOutcome {
            status,
            slices: Vec::new(),
            message_count: 0,
            bytes: 0,
            queue_offset_next: queue_offset_min,
            queue_offset_min,
            queue_offset_max: broker.store.queue_offset_max(&self.queue),
            corrupt: None,
        }
    }

    /// The one table from what a read found to what the client is told.
    pub(crate) fn answer(&self, broker: &Broker, outcome: ReadOutcome) -> Answer {
        let code = match outcome.status {
            ReadStatus::Found => ResponseCode::SUCCESS,
            ReadStatus::NoMatched | ReadStatus::NotInMemory => ResponseCode::PULL_RETRY_IMMEDIATELY,
            ReadStatus::NoMessageInQueue if self.queue_offset == 0 => ResponseCode::PULL_NOT_FOUND,
            ReadStatus::OffsetAtEnd => ResponseCode::PULL_NOT_FOUND,
            ReadStatus::NoMessageInQueue
            | ReadStatus::OffsetTooLarge
            | ReadStatus::OffsetTooSmall => ResponseCode::PULL_OFFSET_MOVED,
        };
        let next_begin_offset = signed(outcome.queue_offset_next);
        broker.offsets.pulled(
            self.connection_id,
            &self.group.group_name,
            &self.topic.name,
            self.queue.queue_id,
            next_begin_offset,
            || self.queue_offset.clamp(signed(outcome.queue_offset_min), next_begin_offset),
        );
        if outcome.message_count > 0 {
            let count = u64::from(outcome.message_count);
            let bytes = u64::from(outcome.bytes);
            broker.metrics.messages_out.add(count);
            broker.metrics.bytes_out.add(bytes);
            self.topic.counters.count_out(count, bytes);
            if let Some(quota) = &self.quota {
                let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                quota.take(time::tick_ms(), number(count), number(bytes));
            }
        }
        let header = PullMessageReply {
            suggest_which_broker_id: 0,
            next_begin_offset,
            min_offset: signed(outcome.queue_offset_min),
            max_offset: signed(outcome.queue_offset_max),
            topic_sys_flag: Some(self.topic.config.topic_sys_flag),
            group_sys_flag: Some(self.group.group_sys_flag),
            ..PullMessageReply::default()
        };
        let body =
            if outcome.slices.is_empty() { Body::Empty } else { Body::Slices(outcome.slices) };
        Answer { code, header, body }
    }
}

/// Checks a pull, in Apache's order.
fn admit(
    broker: &Broker,
    settings: &Settings,
    connection_id: u64,
    header: &PullMessageHeader<'_>,
) -> Result<Pull, Refusal> {
    let group = header.consumer_group.as_ref();
    let name = header.topic.as_ref();
    perm::broker_gives(settings)?;
    let config = broker.groups.find_or_create(group, broker.auto_create_group());
    let config = config.ok_or_else(|| refusals::group_missing(group))?;
    if !config.consume_enable {
        return Err(refusals::consume_disabled(group));
    }
    let topic = broker.topics.find(name).ok_or_else(|| refusals::topic_missing(name))?;
    perm::topic_gives(&topic)?;
    let readable = usize::try_from(topic.config.read_queue_nums).unwrap_or(0);
    let queue = usize::try_from(header.queue_id)
        .ok()
        .filter(|queue_id| *queue_id < readable)
        .and_then(|_| topic.queue(&broker.store, header.queue_id))
        .ok_or_else(|| refusals::queue_id(name, header.queue_id, readable))?
        .clone();
    let filter = filter(broker, settings, header, config.consume_broadcast_enable)?;
    let mut limits = limits(settings, header, &filter);
    let quota = broker.groups.quota(&config);
    if let Some(quota) = &quota {
        keep_within(&mut limits, quota);
    }
    let queue_offset = header.queue_offset;
    Ok(Pull { group: config, queue_offset, limits, topic, queue, filter, quota, connection_id })
}

/// A reply holds no more than a second's worth, and always a message.
#[cold]
pub(crate) fn keep_within(limits: &mut ReadLimits, quota: &Quota) {
    let [messages, bytes] = quota.in_a_second();
    let at_most = |most: Option<i64>| most.and_then(|most| u32::try_from(most).ok());
    limits.messages_max = limits.messages_max.min(at_most(messages).unwrap_or(u32::MAX));
    limits.bytes_max = limits.bytes_max.min(at_most(bytes).unwrap_or(u32::MAX));
}

/// The subscription: the request's own, else the group's from its heartbeats.
fn filter(
    broker: &Broker,
    settings: &Settings,
    header: &PullMessageHeader<'_>,
    broadcast_allowed: bool,
) -> Result<MessageFilter, Refusal> {
    if header.sys_flag & FLAG_SUBSCRIPTION != 0 {
        let expression = header.subscription.as_deref().unwrap_or("");
        return subscription::requested(settings, header.expression_type.as_deref(), expression);
    }
    let (group, topic) = (header.consumer_group.as_ref(), header.topic.as_ref());
    let not_exist = |remark: String| Refusal::new(ResponseCode::SUBSCRIPTION_NOT_EXIST, remark);
    let (known, kind) = match broker.clients.subscription(group, topic) {
        Subscribed::Yes(known, kind) => (known, kind),
        Subscribed::NoGroup => {
            return Err(not_exist(format!(
                "consumer group '{group}' has no connected member: no heartbeat has arrived yet"
            )));
        }
        Subscribed::NoTopic => {
            return Err(not_exist(format!(
                "consumer group '{group}' does not subscribe to topic '{topic}': all members must subscribe to the same topics"
            )));
        }
    };
    if !broadcast_allowed && kind.message_model == MessageModel::Broadcasting {
        return Err(refusals::no_permission(format!(
            "consumer group '{group}' may not consume by broadcasting: its consumeBroadcastEnable is false"
        )));
    }
    if broker.groups.forbidden(group, topic) & FORBIDDEN_READ != 0 {
        return Err(refusals::no_permission(format!(
            "consumer group '{group}' is forbidden to read topic '{topic}'"
        )));
    }
    if known.data.sub_version < header.sub_version {
        return Err(Refusal::new(
            ResponseCode::SUBSCRIPTION_NOT_LATEST,
            format!(
                "field 'subVersion' is {}, the broker has {} of '{topic}': the heartbeat is not here yet",
                header.sub_version, known.data.sub_version
            ),
        ));
    }
    subscription::check_type(settings, known.data.expression_type.as_deref())?;
    known.filter.clone().map_err(|error| refusals::expression(&error))
}

fn limits(
    settings: &Settings,
    header: &PullMessageHeader<'_>,
    filter: &MessageFilter,
) -> ReadLimits {
    let messages_max = u32::try_from(header.max_msg_nums).unwrap_or(1).max(1);
    let bytes_max = u32::try_from(settings.transfer_bytes_max).unwrap_or(u32::MAX);
    let asked = header.max_msg_bytes.and_then(|bytes| u32::try_from(bytes).ok());
    ReadLimits {
        messages_max: messages_max.min(settings.transfer_count_max),
        bytes_max: asked.filter(|bytes| *bytes > 0).map_or(bytes_max, |asked| asked.min(bytes_max)),
        entries_scanned_max: match filter {
            MessageFilter::All | MessageFilter::Codes(_) => ENTRIES_SCANNED_MAX,
            MessageFilter::Sql(_) => RECORDS_SCANNED_MAX,
        },
    }
}

fn signed(queue_offset: u64) -> i64 {
    i64::try_from(queue_offset).unwrap_or(i64::MAX)
}
