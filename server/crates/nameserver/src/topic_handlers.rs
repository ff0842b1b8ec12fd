//! Routes and lists of topics.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::ResponseCode;
use remora_protocol::body::{self, RouteIds, TopicList, TopicRouteData};
use remora_protocol::header::{
    DeleteTopicFromNamesrvHeader, GetRouteInfoHeader, GetTopicsByClusterHeader, RegisterTopicHeader,
};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};

use crate::nameserver::Nameserver;
use crate::route_lookup::{NoRoute, UnitTopics};
use crate::route_table::{Queues, RegisterTopicError};

type Answer = Result<Reply, Refusal>;

/// KV namespace of order configurations, by topic.
pub(crate) const ORDER_TOPIC_CONFIG: &str = "ORDER_TOPIC_CONFIG";

/// 105: the brokers and queues of a topic.
pub(crate) fn route(
    nameserver: &Arc<Nameserver>,
    request: &Request<'_>,
    header: GetRouteInfoHeader<'_>,
) -> Answer {
    let settings = nameserver.config.peek();
    let age = Duration::from_millis(nameserver.now_ms());
    let wait = Duration::from_secs(settings.wait_for_service_seconds);
    if settings.need_wait_for_service && age < wait {
        let remark = format!(
            "name server not ready: it started {} s ago and answers after {} s (waitSecondsForService)",
            age.as_secs(),
            wait.as_secs()
        );
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    }
    let found = nameserver.table.read().route(&header.topic, settings.support_acting_master);
    let mut route = found.map_err(|cause| no_route(&header.topic, cause, request))?;
    if let Some(embedded) = &nameserver.embedded {
        embedded.rewrite(&mut route.broker_datas, request.conn.peer.ip(), request.conn.local.ip());
    }
    if settings.order_message_enable {
        let kv = nameserver.kv.lock();
        route.order_topic_conf = kv.find(ORDER_TOPIC_CONFIG, &header.topic).map(str::to_owned);
    }
    let ids = RouteIds::for_client(request.frame.version, header.accept_standard_json_only);
    Ok(Reply::success().body(route.encode(ids)))
}

fn no_route(topic: &str, cause: NoRoute, request: &Request<'_>) -> Refusal {
    let why = match cause {
        NoRoute::NoBroker => format!(
            "no broker is registered here: start one with namesrvAddr={}, or wait some seconds if it has just started",
            request.conn.local
        ),
        NoRoute::UnknownTopic { brokers, topics } => format!(
            "{brokers} broker(s) with {topics} topics are registered, none has this one: check the name, or create it (remora topic create, mqadmin updateTopic)"
        ),
    };
    let remark = format!("No topic route info in name server for the topic: {topic}; {why}");
    Refusal::new(ResponseCode::TOPIC_NOT_EXIST, remark)
}

fn list(topics: BTreeSet<String>, broker_addr: Option<String>) -> Reply {
    let list = TopicList { topic_list: topics.into_iter().collect(), broker_addr };
    Reply::success().body(body::encode(&list))
}

fn disabled(key: &str) -> Refusal {
    let remark = format!("disable: lists of topics are switched off here ({key}=false)");
    Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
}

/// 206: every topic.
pub(crate) fn all_topics(nameserver: &Arc<Nameserver>, _: &Request<'_>, _: ()) -> Answer {
    if !nameserver.config.peek().all_topic_list_enable {
        return Err(disabled("enableAllTopicList"));
    }
    Ok(list(nameserver.table.read().all_topics(), None))
}

/// 224: topics with a queue in a cluster.
pub(crate) fn topics_by_cluster(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    header: GetTopicsByClusterHeader<'_>,
) -> Answer {
    if !nameserver.config.peek().topic_list_enable {
        return Err(disabled("enableTopicList"));
    }
    Ok(list(nameserver.table.read().topics_of_cluster(&header.cluster), None))
}

/// 304: clusters and brokers, which are topics too.
pub(crate) fn system_topics(nameserver: &Arc<Nameserver>, request: &Request<'_>, _: ()) -> Answer {
    let (topics, mut addr) = nameserver.table.read().system_topics();
    if let Some(embedded) = &nameserver.embedded
        && addr.is_some()
    {
        // The asker goes on with this address: give one that it can reach.
        addr = Some(embedded.address_for(request.conn.peer.ip(), request.conn.local.ip()));
    }
    Ok(list(topics, addr))
}

fn units(nameserver: &Nameserver, which: UnitTopics) -> Answer {
    if !nameserver.config.peek().topic_list_enable {
        return Err(disabled("enableTopicList"));
    }
    Ok(list(nameserver.table.read().unit_topics(which), None))
}

/// 311.
pub(crate) fn unit_topics(nameserver: &Arc<Nameserver>, _: &Request<'_>, _: ()) -> Answer {
    units(nameserver, UnitTopics::Unit)
}

/// 312.
pub(crate) fn unit_sub_topics(nameserver: &Arc<Nameserver>, _: &Request<'_>, _: ()) -> Answer {
    units(nameserver, UnitTopics::UnitSub)
}

/// 313.
pub(crate) fn unit_sub_not_unit_topics(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    _: (),
) -> Answer {
    units(nameserver, UnitTopics::UnitSubNotUnit)
}

/// 216: forgets a topic; a broker that still has it brings it back with its next change.
pub(crate) fn delete(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    header: DeleteTopicFromNamesrvHeader<'_>,
) -> Answer {
    let cluster = header.cluster_name.as_deref().filter(|cluster| !cluster.is_empty());
    nameserver.table.write().delete_topic(&header.topic, cluster);
    tracing::info!(topic = %header.topic, cluster, "topic deleted");
    Ok(Reply::success())
}

/// 217: adds routes of one topic.
pub(crate) fn register(
    nameserver: &Arc<Nameserver>,
    request: &Request<'_>,
    header: RegisterTopicHeader<'_>,
) -> Answer {
    if request.frame.body.is_empty() {
        return Ok(Reply::success());
    }
    let data: TopicRouteData = body::decode(request.frame.body)
        .map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()))?;
    let queues: Vec<(String, Queues)> = data
        .queue_datas
        .into_iter()
        .map(|data| {
            let queues = Queues {
                read_queue_nums: data.read_queue_nums,
                write_queue_nums: data.write_queue_nums,
                perm: data.perm,
                topic_sys_flag: data.topic_sys_flag,
            };
            (data.broker_name, queues)
        })
        .collect();
    let registered =
        nameserver.table.write().register_topic(&header.topic, &queues, &nameserver.rules());
    match registered {
        Ok(()) => Ok(Reply::success()),
        // Apache answers success and does nothing; its brokers take any other answer for a failure
        // to register themselves.
        Err(error @ RegisterTopicError::UnknownBroker { .. }) => {
            tracing::warn!(topic = %header.topic, %error, "topic not registered");
            Ok(Reply::success())
        }
        Err(RegisterTopicError::TooMany(error)) => {
            Err(Refusal::new(ResponseCode::SYSTEM_BUSY, error.to_string()))
        }
    }
}
