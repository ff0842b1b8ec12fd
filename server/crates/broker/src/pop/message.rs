//! 200050 POP_MESSAGE.
use std::sync::Arc;

use remora_config::Settings;
use remora_protocol::ResponseCode;
use remora_protocol::body::SubscriptionGroupConfig;
use remora_protocol::header::PopMessageHeader;
use remora_remoting::{Call, Refusal};
use remora_store::Waiting;

use crate::broker::Broker;
use crate::perm;
use crate::pop::take::{InitMode, Pop};
use crate::pop::wait::{Asks, HeldPop};
use crate::pull::FORBIDDEN_READ;
use crate::refusals;
use crate::send_turn::SendTurn;
use crate::subscription::{self, MessageFilter};
use crate::time;
use crate::topic_table::Topic;

/// Messages of one pop, at most; Apache's limit.
pub(super) const COUNT_MAX: i32 = 32;

/// Longest invisible time: as long as Apache's timer, which brings its messages back, goes.
pub(super) const INVISIBLE_MS_MAX: i64 = 3 * 24 * 3_600_000;

/// Longest hold that a client may ask for, as of pulls.
const POLL_MS_MAX: i64 = 60_000;

/// A request that is older than its poll time by more than this has nobody who waits for it.
const LATE_MS_MAX: i64 = 500;

/// The handler.
pub(crate) fn pop_message<'a>(
    broker: &Arc<Broker>,
    turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &PopMessageHeader<'a>,
) {
    let left_ms = left_ms(header.born_time, header.poll_time);
    let pop = match admit(broker, &turn.settings, header) {
        Ok(pop) => pop,
        Err(refusal) => {
            broker.metrics.rejections.pull_refused.add(1);
            return call.refuse(refusal);
        }
    };
    if left_ms < -LATE_MS_MAX {
        let (code, header, body) = pop.nothing(ResponseCode::POLLING_TIMEOUT);
        return call.reply(code, &header, body);
    }
    let deadline_ms = time::tick_ms().saturating_add(hold_ms(header.poll_time, left_ms));
    let over = pop.over_quota();
    let (broker, asks) = (broker.clone(), Asks::Messages);
    let held = Box::new(HeldPop { broker, responder: call.defer(), pop, asks, deadline_ms });
    match over {
        None => held.look(Waiting::Never),
        Some(over) => held.delay_first(over),
    }
}

/// How long the client still waits, by its own clock.
pub(super) fn left_ms(born_ms: i64, poll_ms: i64) -> i64 {
    let now_ms = time::wall_ms();
    let born_ms = if born_ms == 0 { now_ms } else { born_ms };
    born_ms.saturating_add(poll_ms).saturating_sub(now_ms)
}

/// How long a request may be held: no longer than it asks, whatever the client's clock says.
pub(super) fn hold_ms(poll_ms: i64, left_ms: i64) -> i64 {
    left_ms.min(poll_ms).clamp(0, POLL_MS_MAX)
}

/// Checks a pop, in Apache's order.
fn admit(
    broker: &Broker,
    settings: &Settings,
    header: &PopMessageHeader<'_>,
) -> Result<Pop, Refusal> {
    let invalid = |remark: String| Refusal::new(ResponseCode::INVALID_PARAMETER, remark);
    if !(1..=COUNT_MAX).contains(&header.max_msg_nums) {
        return Err(invalid(format!(
            "field 'maxMsgNums' is {}, a pop takes 1 to {COUNT_MAX} messages",
            header.max_msg_nums
        )));
    }
    check_invisible_ms(header.invisible_time)?;
    let (topic, group) =
        target(broker, settings, (&header.consumer_group, &header.topic, header.queue_id))?;
    let quota = broker.groups.quota(&group);
    Ok(Pop {
        group,
        topic,
        queue_id: header.queue_id.max(-1),
        count_max: usize::try_from(header.max_msg_nums).unwrap_or(1),
        invisible_ms: header.invisible_time,
        init: if header.init_mode == 0 { InitMode::Oldest } else { InitMode::Newest },
        filter: filter(settings, header.exp_type.as_deref(), header.exp.as_deref())?,
        ordered: header.order == Some(true),
        attempt_id: header.attempt_id.as_deref().unwrap_or_default().to_owned(),
        quota,
    })
}

/// 29 where a message cannot be invisible that long.
pub(super) fn check_invisible_ms(invisible_ms: i64) -> Result<(), Refusal> {
    if (0..=INVISIBLE_MS_MAX).contains(&invisible_ms) {
        return Ok(());
    }
    let remark = format!(
        "field 'invisibleTime' is {invisible_ms} ms, it may be 0 to {INVISIBLE_MS_MAX} (3 days)"
    );
    Err(Refusal::new(ResponseCode::INVALID_PARAMETER, remark))
}

/// The topic and the group of a request: (group, topic, queue id, of which -1 is any).
pub(super) fn target(
    broker: &Broker,
    settings: &Settings,
    of: (&str, &str, i32),
) -> Result<(Arc<Topic>, Arc<SubscriptionGroupConfig>), Refusal> {
    let (group, name, queue_id) = of;
    perm::broker_gives(settings)?;
    let topic = broker.topics.find(name).ok_or_else(|| refusals::topic_missing(name))?;
    perm::topic_gives(&topic)?;
    if queue_id >= topic.config.read_queue_nums {
        let readable = usize::try_from(topic.config.read_queue_nums).unwrap_or(0);
        return Err(refusals::queue_id(name, queue_id, readable));
    }
    let config = broker.groups.find_or_create(group, broker.auto_create_group());
    let config = config.ok_or_else(|| refusals::group_missing(group))?;
    if !config.consume_enable {
        return Err(refusals::consume_disabled(group));
    }
    if broker.groups.forbidden(group, name) & FORBIDDEN_READ != 0 {
        return Err(refusals::no_permission(format!(
            "consumer group '{group}' is forbidden to read topic '{name}'"
        )));
    }
    Ok((topic, config))
}

/// The subscription that a request brings; without one everything.
pub(super) fn filter(
    settings: &Settings,
    expression_type: Option<&str>,
    expression: Option<&str>,
) -> Result<MessageFilter, Refusal> {
    match expression {
        None | Some("") => Ok(MessageFilter::All),
        Some(expression) => subscription::requested(settings, expression_type, expression),
    }
}
