//! Whether a group pulls or pops a topic, where its clients ask the broker: 401 and 402.
//!
//! Written to the metadata log before it is in force, as Apache writes its file.
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use remora_config::RequestMode;
use remora_protocol::body::{
    self, MessageRequestMode, MessageRequestModes, SetMessageRequestModeRequest,
};
use remora_protocol::names;
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};
use remora_store::meta_log::Durability;

use crate::broker::Broker;
use crate::{group_queues, meta, refusals};

/// What was set, by topic and then group.
#[derive(Debug, Default)]
pub struct RequestModes {
    set: Mutex<BTreeMap<String, BTreeMap<String, SetMessageRequestModeRequest>>>,
}

impl RequestModes {
    /// Takes what was persisted, without writing it.
    pub fn restore(&self, modes: impl IntoIterator<Item = SetMessageRequestModeRequest>) {
        let mut set = self.set.lock();
        for mode in modes {
            let groups = set.entry(mode.topic.clone()).or_default();
            groups.insert(mode.consumer_group.clone(), mode);
        }
    }

    /// The group's mode for a topic; retry topics of pulling groups are always pulled.
    pub(crate) fn of(
        &self,
        broker: &Broker,
        topic: &str,
        group: &str,
    ) -> (MessageRequestMode, i32) {
        let set = self.set.lock();
        if let Some(mode) = set.get(topic).and_then(|groups| groups.get(group)) {
            return (mode.mode, mode.pop_share_queue_num);
        }
        let pops = broker.config.peek().default_request_mode == RequestMode::Pop;
        match pops && !names::is_retry_topic(topic) {
            true => (MessageRequestMode::Pop, 0),
            false => (MessageRequestMode::Pull, 0),
        }
    }

    /// As Apache's file has them.
    pub(crate) fn all(&self) -> MessageRequestModes {
        MessageRequestModes { message_request_mode_map: self.set.lock().clone() }
    }

    /// Forgets the modes of a topic or group that is deleted.
    pub(crate) fn remove(&self, broker: &Broker, is_gone: impl Fn(&str, &str) -> bool) {
        let mut set = self.set.lock();
        let mut changes: Vec<meta::Change> = Vec::new();
        for (topic, groups) in set.iter_mut() {
            groups.retain(|group, _| {
                let gone = is_gone(topic, group);
                if gone {
                    changes.push((meta_key(topic, group), None));
                }
                !gone
            });
        }
        set.retain(|_, groups| !groups.is_empty());
        if let Err(error) = meta::write(&broker.meta, &changes, Durability::PageCache) {
            tracing::error!(%error, "request modes of what was deleted are still written down");
        }
    }
}

/// 401 SET_MESSAGE_REQUEST_MODE.
pub(crate) fn set_request_mode(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let mode: SetMessageRequestModeRequest =
        body::decode(request.frame.body).map_err(|error| refusals::body("request mode", &error))?;
    if names::is_retry_topic(&mode.topic) {
        let remark = format!("topic '{}' is a retry topic: it is always pulled", mode.topic);
        return Err(refusals::no_permission(remark));
    }
    if !broker.topics.contains(&mode.topic) {
        return Err(refusals::topic_missing(&mode.topic));
    }
    if broker.groups.find(&mode.consumer_group).is_none() {
        return Err(refusals::group_missing(&mode.consumer_group));
    }
    let mut set = broker.request_modes.set.lock();
    let change = (meta_key(&mode.topic, &mode.consumer_group), Some(meta::to_json(&mode)));
    meta::write(&broker.meta, &[change], Durability::Disk)
        .map_err(|error| refusals::not_persisted(&error))?;
    tracing::info!(
        topic = mode.topic,
        group = mode.consumer_group,
        mode = ?mode.mode,
        "request mode set"
    );
    set.entry(mode.topic.clone()).or_default().insert(mode.consumer_group.clone(), mode);
    Ok(Reply::success())
}

/// 402 GET_ALL_MESSAGE_REQUEST_MODE.
pub(crate) fn all_request_modes(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    Ok(Reply::success().body(body::encode(&broker.request_modes.all())))
}

/// The changes that write these down.
pub(crate) fn written(modes: &MessageRequestModes) -> impl Iterator<Item = meta::Change> {
    let groups = modes.message_request_mode_map.iter();
    groups.flat_map(|(topic, groups)| {
        groups.iter().map(move |(group, mode)| (meta_key(topic, group), Some(meta::to_json(mode))))
    })
}

fn meta_key(topic: &str, group: &str) -> String {
    format!("{}{}", meta::REQUEST_MODE, group_queues::key_of(topic, group))
}
