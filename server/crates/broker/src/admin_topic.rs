//! Topics as administrators see them: 17, 18, 21, 202, 215, 300, 305, 316, 351, 5002.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::collections::BTreeSet;
use std::sync::Arc;

use remora_protocol::body::{
    self, CreateTopicListRequest, DeleteTopicListRequest, GroupList, MessageQueue, TopicConfig,
    TopicConfigAndMappingSerializeWrapper, TopicConfigAndQueueMapping, TopicFilterType, TopicList,
    TopicOffset, TopicStatsTable,
};
use remora_protocol::header::{
    CreateTopicHeader, DeleteTopicHeader, GetAllTopicConfigHeader, GetTopicConfigHeader,
    GetTopicStatsInfoHeader, QueryTopicConsumeByWhoHeader,
};
use remora_protocol::{ResponseCode, names};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};
use remora_store::meta_log::Durability;

use crate::broker::Broker;
use crate::topic_rules::TopicRules;
use crate::topic_table::Topic;
use crate::{attributes, refusals, system_names};

/// Chosen: a queue costs about 300 bytes of memory once used; Apache sets no limit.
const QUEUES_MAX: i32 = 65_536;
const PERM_BITS: i32 = 15;

/// 17 UPDATE_AND_CREATE_TOPIC. On disk before the answer; the nameservers are told at once.
pub(crate) fn create_topic(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: CreateTopicHeader<'_>,
) -> Result<Reply, Refusal> {
    let filter_type = match header.topic_filter_type.as_ref() {
        "MULTI_TAG" => TopicFilterType::MultiTag,
        _ => TopicFilterType::SingleTag,
    };
    let config = TopicConfig {
        attributes: attributes::parse(header.attributes.as_deref().unwrap_or_default())?,
        order: header.order,
        perm: header.perm,
        read_queue_nums: header.read_queue_nums,
        topic_filter_type: filter_type,
        topic_name: header.topic.into_owned(),
        topic_sys_flag: header.topic_sys_flag.unwrap_or(0),
        write_queue_nums: header.write_queue_nums,
    };
    put(broker, vec![config])
}

/// 18 UPDATE_AND_CREATE_TOPIC_LIST: all or none.
pub(crate) fn create_topics(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let list: CreateTopicListRequest =
        body::decode(request.frame.body).map_err(|error| refusals::body("topic list", &error))?;
    put(broker, list.topic_config_list)
}

/// Their attributes are changes of those that there are.
fn put(broker: &Broker, mut configs: Vec<TopicConfig>) -> Result<Reply, Refusal> {
    for config in &mut configs {
        let known = broker.topics.find(&config.topic_name);
        let known = known.as_ref().map(|topic| &topic.config.attributes);
        config.attributes = attributes::changed(known, std::mem::take(&mut config.attributes));
        check(broker, config)?;
    }
    broker
        .topics
        .put(configs, Durability::Disk)
        .map_err(|error| refusals::not_persisted(&error))?;
    broker.registration.wait_until_told(broker);
    Ok(Reply::success())
}

fn check(broker: &Broker, config: &TopicConfig) -> Result<(), Refusal> {
    let name = &config.topic_name;
    let invalid = |remark: String| Refusal::new(ResponseCode::INVALID_PARAMETER, remark);
    names::check_topic(name).map_err(|error| invalid(error.to_string()))?;
    if names::is_system_topic(name) && !broker.topics.contains(name) {
        return Err(invalid(format!(
            "field 'topic' is '{name}', a name that is kept for the broker itself; choose another"
        )));
    }
    for (field, count) in
        [("readQueueNums", config.read_queue_nums), ("writeQueueNums", config.write_queue_nums)]
    {
        if !(0..=QUEUES_MAX).contains(&count) {
            return Err(invalid(format!(
                "field '{field}' is {count}, allowed are 0 to {QUEUES_MAX}"
            )));
        }
    }
    if config.perm & !PERM_BITS != 0 {
        return Err(invalid(format!(
            "field 'perm' is {}, allowed are sums of 8 priority, 4 read, 2 write, 1 inherit",
            config.perm
        )));
    }
    TopicRules::of(config, None).map_err(|error| invalid(error.to_string()))?;
    Ok(())
}

/// 215 DELETE_TOPIC_IN_BROKER: configuration, queues and everybody's offsets. The log keeps the
/// bytes until retention.
pub(crate) fn delete_topic(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: DeleteTopicHeader<'_>,
) -> Result<Reply, Refusal> {
    delete(broker, &[header.topic.into_owned()])
}

/// 5002 DELETE_TOPIC_IN_BROKER_LIST: all, or none where one may not be deleted.
pub(crate) fn delete_topics(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let list: DeleteTopicListRequest =
        body::decode(request.frame.body).map_err(|error| refusals::body("topic list", &error))?;
    delete(broker, &list.topic_list)
}

fn delete(broker: &Broker, names: &[String]) -> Result<Reply, Refusal> {
    let invalid = |remark: String| Refusal::new(ResponseCode::INVALID_PARAMETER, remark);
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err(invalid("a topic to delete has no name".to_owned()));
    }
    if let Some(name) = names.iter().find(|name| names::is_system_topic(name)) {
        return Err(invalid(format!("topic '{name}' belongs to the broker and cannot be deleted")));
    }
    for name in names {
        // A topic that is gone already is what was asked for.
        broker.topics.remove(name).map_err(|error| refusals::not_persisted(&error))?;
    }
    broker.registration.wait_until_told(broker);
    for name in names {
        broker.store.delete_topic(name);
        broker.offsets.remove_topic(name);
        broker.pops.flights.remove_topic(name);
        broker.request_modes.remove(broker, |topic, _| topic == name);
        broker.pops.wait.release_topic(name);
        broker.resets.forget_topic(name);
        tracing::info!(topic = name, "topic deleted");
    }
    Ok(Reply::success())
}

/// 202 GET_TOPIC_STATS_INFO: every queue, those without a message too.
pub(crate) fn topic_stats(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetTopicStatsInfoHeader<'_>,
) -> Result<Reply, Refusal> {
    let topic = find(broker, &header.topic)?;
    let broker_name = broker.config.peek().broker_name.clone();
    let queue_count = i32::try_from(topic.queue_count()).unwrap_or(i32::MAX);
    let offset_table = (0..queue_count)
        .map(|queue_id| {
            let queue = MessageQueue {
                topic: topic.name.to_string(),
                broker_name: broker_name.clone(),
                queue_id,
            };
            (queue, span(broker, &topic.name, queue_id))
        })
        .collect();
    let topic_put_tps = broker.rates.lock().topic_in(&topic.name);
    Ok(Reply::success().body(body::encode(&TopicStatsTable { offset_table, topic_put_tps })))
}

fn span(broker: &Broker, topic: &str, queue_id: i32) -> TopicOffset {
    let Some(queue) = broker.store.existing_queue(topic, queue_id) else {
        return TopicOffset::default();
    };
    let (min, max) = (broker.store.queue_offset_min(&queue), broker.store.queue_offset_max(&queue));
    let newest = (max > min).then(|| broker.store.store_time_at(&queue, max - 1)).flatten();
    TopicOffset {
        min_offset: i64::try_from(min).unwrap_or(i64::MAX),
        max_offset: i64::try_from(max).unwrap_or(i64::MAX),
        last_update_timestamp: newest.unwrap_or(0),
    }
}

/// 351 GET_TOPIC_CONFIG.
pub(crate) fn topic_config(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetTopicConfigHeader<'_>,
) -> Result<Reply, Refusal> {
    let topic = find(broker, &header.topic)?;
    let answer = TopicConfigAndQueueMapping { config: topic.config.clone(), mapping_detail: None };
    Ok(Reply::success().body(body::encode(&answer)))
}

/// 21 GET_ALL_TOPIC_CONFIG, in parts where the asker wants parts.
pub(crate) fn all_topic_configs(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetAllTopicConfigHeader<'_>,
) -> Result<Reply, Refusal> {
    let topics = broker.topics.all();
    let total = topics.len();
    let first = usize::try_from(header.topic_seq.unwrap_or(0)).unwrap_or(0);
    let most = header.max_topic_num.and_then(|most| usize::try_from(most).ok());
    let part =
        topics.into_values().skip(first).take(most.filter(|most| *most > 0).unwrap_or(total));
    let answer = TopicConfigAndMappingSerializeWrapper {
        data_version: broker.topics.version(),
        topic_config_table: part
            .map(|topic| (topic.name.to_string(), topic.config.clone()))
            .collect(),
        ..TopicConfigAndMappingSerializeWrapper::default()
    };
    Ok(Reply::success().field("totalTopicNum", total).body(body::encode(&answer)))
}

/// 300 QUERY_TOPIC_CONSUME_BY_WHO: groups on line, and groups that left offsets.
pub(crate) fn topic_groups(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: QueryTopicConsumeByWhoHeader<'_>,
) -> Result<Reply, Refusal> {
    let topic = header.topic.as_ref();
    let mut groups: BTreeSet<String> = broker.offsets.groups_of(topic).into_iter().collect();
    let on_line = broker.clients.read(|table| table.groups_of_topic(topic));
    groups.extend(on_line.iter().map(ToString::to_string));
    Ok(Reply::success().body(body::encode(&GroupList { group_list: groups })))
}

/// 305 GET_SYSTEM_TOPIC_LIST_FROM_BROKER.
pub(crate) fn system_topics(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let topics = system_names::system_topics(&broker.config.peek());
    let topic_list = topics.into_iter().map(|config| config.topic_name).collect();
    Ok(Reply::success().body(body::encode(&TopicList { broker_addr: None, topic_list })))
}

/// 316 CLEAN_UNUSED_TOPIC: queues whose topic was deleted. Deleting a topic drops them at once, so
/// only those of a crash in between are left.
pub(crate) fn clean_unused_topics(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let stored: BTreeSet<Arc<str>> =
        broker.store.queues().into_iter().map(|(topic, _)| topic).collect();
    for topic in stored.iter().filter(|topic| !broker.topics.contains(topic)) {
        tracing::info!(%topic, "queues of a deleted topic removed");
        broker.store.delete_topic(topic);
    }
    Ok(Reply::success())
}

fn find(broker: &Broker, name: &str) -> Result<Arc<Topic>, Refusal> {
    broker.topics.find(name).ok_or_else(|| refusals::topic_missing(name))
}
