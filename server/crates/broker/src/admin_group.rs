//! Consumer groups as administrators see them: 200, 201, 207, 225, 352, 353, 5003.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::collections::BTreeMap;
use std::sync::Arc;

use remora_protocol::body::{
    self, DeleteGroupListRequest, GroupForbidden, SubscriptionGroupConfig, SubscriptionGroupList,
    SubscriptionGroupWrapper,
};
use remora_protocol::header::{
    DeleteSubscriptionGroupHeader, GetAllSubscriptionGroupHeader, GetSubscriptionGroupConfigHeader,
    UpdateGroupForbiddenHeader,
};
use remora_protocol::{ResponseCode, names};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};
use remora_store::meta_log::Durability;

use crate::broker::Broker;
use crate::pop;
use crate::quota::Quota;
use crate::{attributes, perm, refusals};

/// Chosen: more queues than any retry topic can use; Apache sets no limit.
const RETRY_QUEUES_MAX: i32 = 1024;

/// 200 UPDATE_AND_CREATE_SUBSCRIPTIONGROUP. On disk before the answer.
pub(crate) fn create_group(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let config: SubscriptionGroupConfig =
        body::decode(request.frame.body).map_err(|error| refusals::body("group", &error))?;
    put(broker, vec![config])
}

/// 225 UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: all or none.
pub(crate) fn create_groups(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let list: SubscriptionGroupList =
        body::decode(request.frame.body).map_err(|error| refusals::body("group list", &error))?;
    put(broker, list.group_config_list)
}

/// Their attributes are changes of those that there are.
fn put(broker: &Broker, mut configs: Vec<SubscriptionGroupConfig>) -> Result<Reply, Refusal> {
    for config in &mut configs {
        let known = broker.groups.find(&config.group_name);
        let known = known.as_ref().map(|group| &group.attributes);
        config.attributes = attributes::changed(known, std::mem::take(&mut config.attributes));
        check(config)?;
    }
    broker
        .groups
        .put(configs, Durability::Disk)
        .map_err(|error| refusals::not_persisted(&error))?;
    Ok(Reply::success())
}

fn check(config: &SubscriptionGroupConfig) -> Result<(), Refusal> {
    let invalid = |remark: String| Refusal::new(ResponseCode::INVALID_PARAMETER, remark);
    names::check_group(&config.group_name).map_err(|error| invalid(error.to_string()))?;
    Quota::of_group(&config.attributes, None).map_err(|error| invalid(error.to_string()))?;
    pop::check_priority_factor(&config.attributes).map_err(|error| invalid(error.to_string()))?;
    if !(0..=RETRY_QUEUES_MAX).contains(&config.retry_queue_nums) {
        return Err(invalid(format!(
            "field 'retryQueueNums' of group '{}' is {}, allowed are 0 to {RETRY_QUEUES_MAX}",
            config.group_name, config.retry_queue_nums
        )));
    }
    Ok(())
}

/// 201 GET_ALL_SUBSCRIPTIONGROUP_CONFIG, in parts where the asker wants parts.
pub(crate) fn all_groups(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetAllSubscriptionGroupHeader<'_>,
) -> Result<Reply, Refusal> {
    let groups = broker.groups.all();
    let total = groups.len();
    let first = usize::try_from(header.group_seq.unwrap_or(0)).unwrap_or(0);
    let most = header.max_group_num.and_then(|most| usize::try_from(most).ok());
    let part = groups.into_iter().skip(first).take(most.filter(|most| *most > 0).unwrap_or(total));
    let subscription_group_table: BTreeMap<String, SubscriptionGroupConfig> = part
        .map(|(name, config)| (name.to_string(), SubscriptionGroupConfig::clone(&config)))
        .collect();
    let mut forbidden_table = broker.groups.all_forbidden();
    forbidden_table.retain(|group, _| subscription_group_table.contains_key(group));
    let answer = SubscriptionGroupWrapper {
        data_version: broker.groups.version(),
        forbidden_table,
        subscription_group_table,
    };
    Ok(Reply::success().field("totalGroupNum", total).body(body::encode(&answer)))
}

/// 207 DELETE_SUBSCRIPTIONGROUP. The group's retry and dead letter topics stay: the tools delete
/// them with requests of their own.
pub(crate) fn delete_group(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: DeleteSubscriptionGroupHeader<'_>,
) -> Result<Reply, Refusal> {
    delete(broker, &[header.group_name.into_owned()], header.clean_offset == Some(true))
}

/// 5003 DELETE_SUBSCRIPTION_GROUP_LIST.
pub(crate) fn delete_groups(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let list: DeleteGroupListRequest =
        body::decode(request.frame.body).map_err(|error| refusals::body("group list", &error))?;
    delete(broker, &list.group_name_list, list.clean_offset)
}

fn delete(broker: &Broker, groups: &[String], clean_offset: bool) -> Result<Reply, Refusal> {
    if groups.is_empty() || groups.iter().any(String::is_empty) {
        let remark = "a group to delete has no name";
        return Err(Refusal::new(ResponseCode::INVALID_PARAMETER, remark));
    }
    for group in groups {
        // A group that is gone already is what was asked for.
        broker.groups.remove(group).map_err(|error| refusals::not_persisted(&error))?;
        // Without them what was in flight is consumed again, should the group come back.
        broker.pops.flights.remove_group(group);
        broker.request_modes.remove(broker, |_, of| of == group);
        if clean_offset {
            broker.offsets.remove_group(group);
            broker.resets.forget_group(group, None);
        }
        tracing::info!(group, clean_offset, "consumer group deleted");
    }
    Ok(Reply::success())
}

/// 352 GET_SUBSCRIPTIONGROUP_CONFIG.
pub(crate) fn group_config(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetSubscriptionGroupConfigHeader<'_>,
) -> Result<Reply, Refusal> {
    let group = header.group.as_ref();
    let config = broker.groups.find(group).ok_or_else(|| refusals::group_missing(group))?;
    Ok(Reply::success().body(body::encode(config.as_ref())))
}

/// 353 UPDATE_AND_GET_GROUP_FORBIDDEN: sets where `readable` is given, and reads.
pub(crate) fn group_forbidden(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: UpdateGroupForbiddenHeader<'_>,
) -> Result<Reply, Refusal> {
    let (group, topic) = (header.group.as_ref(), header.topic.as_ref());
    let bits = broker.groups.forbidden(group, topic);
    let bits = match header.readable {
        None => bits,
        Some(readable) => {
            if broker.groups.find(group).is_none() {
                return Err(refusals::group_missing(group));
            }
            let changed = if readable { bits & !perm::READ } else { bits | perm::READ };
            if changed != bits {
                broker
                    .groups
                    .set_forbidden(group, topic, changed)
                    .map_err(|error| refusals::not_persisted(&error))?;
            }
            changed
        }
    };
    let answer = GroupForbidden {
        group: group.to_owned(),
        readable: Some(bits & perm::READ == 0),
        topic: topic.to_owned(),
    };
    Ok(Reply::success().body(body::encode(&answer)))
}
