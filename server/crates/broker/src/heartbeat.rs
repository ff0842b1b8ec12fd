//! Clients announce themselves: 34, 35, 38, 46.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::Arc;

use remora_protocol::body::{
    self, CheckClientRequest, ConsumerData, GetConsumerListByGroupResponse, HeartbeatData,
};
use remora_protocol::header::{GetConsumerListByGroupHeader, UnregisterClientHeader};
use remora_protocol::{ResponseCode, names};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};
use remora_store::meta_log::Durability;

use crate::broker::Broker;
use crate::client_table::{Beat, ClientInfo, ConsumerBeat, GroupKind};
use crate::made_topics;
use crate::refusals;
use crate::subscription;

/// 34 HEART_BEAT: registers the connection in its producer and consumer groups, makes the groups
/// and their retry topics where they are new.
pub(crate) fn heart_beat(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let data: HeartbeatData =
        body::decode(request.frame.body).map_err(|error| refusals::body("heartbeat", &error))?;
    if data.client_id.is_empty() {
        return Err(refusals::illegal("field 'clientID' of the heartbeat is empty".into()));
    }
    let without_subscriptions = data.is_without_sub && data.heartbeat_fingerprint != 0;
    let mut consumers = Vec::new();
    for consumer in data.consumer_data_set {
        match consumer_beat(broker, consumer, without_subscriptions) {
            Some(beat) => consumers.push(beat),
            None => broker.metrics.rejections.group_missing.add(1),
        }
    }
    for producer in &data.producer_data_set {
        broker.message_trace.producer_seen(&producer.group_name, &broker.config.peek());
    }
    let beat = Beat {
        connection_id: request.conn.id,
        client: ClientInfo {
            client_id: data.client_id,
            language: request.frame.language,
            version: request.frame.version,
        },
        fingerprint: data.heartbeat_fingerprint,
        producers: data.producer_data_set.into_iter().map(|data| data.group_name).collect(),
        consumers,
    };
    let changed = broker.clients.beat(broker, beat);
    Ok(Reply::success().field("IS_SUPPORT_HEART_BEAT_V2", true).field("IS_SUB_CHANGE", changed))
}

/// `None` for a group that may not exist, and for pull consumers where they are rejected.
fn consumer_beat(
    broker: &Broker,
    data: ConsumerData,
    without_subscriptions: bool,
) -> Option<ConsumerBeat> {
    let kind = GroupKind {
        consume_type: data.consume_type,
        message_model: data.message_model,
        consume_from_where: data.consume_from_where,
    };
    if broker.config.peek().reject_pull_consumer
        && kind.consume_type == body::ConsumeType::ConsumeActively
    {
        return None;
    }
    let config = broker.groups.find_or_create(&data.group_name, broker.auto_create_group())?;
    let retry_topic = names::retry_topic(&data.group_name);
    if !broker.topics.contains(&retry_topic) {
        let topic = made_topics::retry(&retry_topic, config.retry_queue_nums, data.unit_mode);
        // Page cache: after a power cut the next heartbeat makes it again.
        if let Err(error) = broker.topics.put_if_absent(topic, Durability::PageCache) {
            tracing::error!(topic = retry_topic, %error, "retry topic not created");
        }
    }
    Some(ConsumerBeat {
        group: data.group_name,
        kind,
        subscriptions: (!without_subscriptions)
            .then(|| data.subscription_data_set.into_iter().collect()),
        notify: config.notify_consumer_ids_changed_enable,
    })
}

/// 35 UNREGISTER_CLIENT.
pub(crate) fn unregister_client(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    header: UnregisterClientHeader<'_>,
) -> Result<Reply, Refusal> {
    if let Some(group) = header.consumer_group.as_deref() {
        // Before the others are told to rebalance: they find the locks free.
        broker.queue_locks.lock().left(group, request.conn.id);
    }
    broker.clients.unregister(
        broker,
        request.conn.id,
        header.producer_group.as_deref(),
        header.consumer_group.as_deref(),
    );
    Ok(Reply::success())
}

/// 38 GET_CONSUMER_LIST_BY_GROUP: the ids that every member allocates queues over.
pub(crate) fn consumer_list_by_group(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetConsumerListByGroupHeader<'_>,
) -> Result<Reply, Refusal> {
    let group = header.consumer_group.as_ref();
    let consumer_id_list: Vec<String> = broker
        .clients
        .read(|table| table.client_ids(group).into_iter().map(str::to_owned).collect());
    if consumer_id_list.is_empty() {
        let remark = format!("no consumer for this group, {group}");
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    }
    let list = GetConsumerListByGroupResponse { consumer_id_list };
    Ok(Reply::success().body(body::encode(&list)))
}

/// 46 CHECK_CLIENT_CONFIG: whether a subscription's expression can be served.
pub(crate) fn check_client_config(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let check: CheckClientRequest =
        body::decode(request.frame.body).map_err(|error| refusals::body("client check", &error))?;
    let Some(data) = check.subscription_data else { return Ok(Reply::success()) };
    let settings = broker.config.settings();
    subscription::requested(&settings, data.expression_type.as_deref(), &data.sub_string)?;
    Ok(Reply::success())
}
