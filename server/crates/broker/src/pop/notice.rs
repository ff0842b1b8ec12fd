//! 200054 NOTIFICATION: held until there is something to pop; 200055 POLLING_INFO: how many pops
//! are held.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::Arc;

use remora_config::Settings;
use remora_protocol::header::{NotificationHeader, PollingInfoHeader};
use remora_remoting::routes::Request;
use remora_remoting::{Call, Refusal, Reply};
use remora_store::Waiting;

use crate::broker::Broker;
use crate::pop::hold::PollingKey;
use crate::pop::message;
use crate::pop::take::{InitMode, Pop};
use crate::pop::wait::{Asks, HeldPop};
use crate::send_turn::SendTurn;
use crate::time;

/// 200054.
pub(crate) fn notification<'a>(
    broker: &Arc<Broker>,
    turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &NotificationHeader<'a>,
) {
    let left_ms = message::left_ms(header.born_time, header.poll_time);
    let pop = match admit(broker, &turn.settings, header) {
        Ok(pop) => pop,
        Err(refusal) => {
            broker.metrics.rejections.pull_refused.add(1);
            return call.refuse(refusal);
        }
    };
    let hold_ms = message::hold_ms(header.poll_time, left_ms);
    let deadline_ms = time::tick_ms().saturating_add(hold_ms);
    let (broker, asks) = (broker.clone(), Asks::Notice);
    let held = HeldPop { broker, responder: call.defer(), pop, asks, deadline_ms };
    Box::new(held).attempt(Waiting::Never);
}

fn admit(
    broker: &Broker,
    settings: &Settings,
    header: &NotificationHeader<'_>,
) -> Result<Pop, Refusal> {
    let of = (&*header.consumer_group, &*header.topic, header.queue_id);
    let (topic, group) = message::target(broker, settings, of)?;
    let quota = broker.groups.quota(&group);
    Ok(Pop {
        group,
        topic,
        queue_id: header.queue_id.max(-1),
        count_max: 0,
        invisible_ms: 0,
        init: InitMode::Oldest,
        filter: message::filter(settings, header.exp_type.as_deref(), header.exp.as_deref())?,
        ordered: header.order == Some(true),
        attempt_id: header.attempt_id.as_deref().unwrap_or_default().to_owned(),
        quota,
    })
}

/// 200055.
pub(crate) fn polling_info(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: PollingInfoHeader<'_>,
) -> Result<Reply, Refusal> {
    let settings = broker.config.settings();
    let of = (&*header.consumer_group, &*header.topic, header.queue_id);
    let (topic, group) = message::target(broker, &settings, of)?;
    let group = group.group_name.as_str().into();
    let queue_id = header.queue_id.max(-1);
    let key = PollingKey { topic: topic.name.clone(), group, queue_id };
    Ok(Reply::success().field("pollingNum", broker.pops.wait.count(&key)))
}
