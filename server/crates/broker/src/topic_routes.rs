//! The queues of a topic on all brokers, as the nameservers know them: asked when somebody asks us,
//! and remembered for a moment.
use std::sync::OnceLock;
use std::time::Duration;

use ahash::AHashMap;
use parking_lot::Mutex;
use remora_config::Settings;
use remora_protocol::body::{self, MessageQueue, TopicRouteData};
use remora_protocol::header::GetRouteInfoHeader;
use remora_protocol::{RequestCode, ResponseCode};
use remora_remoting::{Body, Connector};

use crate::broker::Broker;
use crate::{perm, registration, time};

/// How long an answer is good for. Chosen: members of a group ask one after the other when it
/// changes, and a new topic is found soon.
const KNOWN_MS: i64 = 2_000;
/// Topics remembered.
const KNOWN_MAX: usize = 10_000;

#[derive(Debug)]
struct Known {
    queues: Vec<MessageQueue>,
    until_ms: i64,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct TopicRoutes {
    connector: OnceLock<Connector>,
    known: Mutex<AHashMap<String, Known>>,
}

impl TopicRoutes {
    /// Readable queues of a topic, ascending; `None` where the topic is unknown, or no nameserver
    /// answers. A broker without nameservers knows its own queues.
    pub async fn queues(&self, broker: &Broker, topic: &str) -> Option<Vec<MessageQueue>> {
        let settings = broker.config.settings();
        if settings.nameserver_addrs.is_empty() {
            let config = &broker.topics.find(topic)?.config;
            return Some(queues_on(
                topic,
                &settings.broker_name,
                config.perm,
                config.read_queue_nums,
            ));
        }
        let now_ms = time::tick_ms();
        let remembered = |known: &Known| (known.until_ms > now_ms).then(|| known.queues.clone());
        if let Some(queues) = self.known.lock().get(topic).and_then(remembered) {
            return Some(queues);
        }
        let route = self.ask(&settings, topic).await?;
        let on_brokers = route.queue_datas.iter();
        let mut queues: Vec<MessageQueue> = on_brokers
            .flat_map(|data| queues_on(topic, &data.broker_name, data.perm, data.read_queue_nums))
            .collect();
        queues.sort_unstable();
        let mut known = self.known.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        let until_ms = now_ms.saturating_add(KNOWN_MS);
        known.insert(topic.to_owned(), Known { queues: queues.clone(), until_ms });
        Some(queues)
    }

    async fn ask(&self, settings: &Settings, topic: &str) -> Option<TopicRouteData> {
        let connector = self.connector.get_or_init(|| registration::connector(settings));
        let timeout = Duration::from_millis(settings.register_timeout_ms);
        let header = GetRouteInfoHeader { topic: topic.into(), ..GetRouteInfoHeader::default() };
        for nameserver in &settings.nameserver_addrs {
            let Ok(conn) = connector.connection(nameserver).await else { continue };
            let code = RequestCode::GET_ROUTEINFO_BY_TOPIC;
            let Ok(answer) = conn.request(code, &header, Body::Empty, timeout).await else {
                continue;
            };
            let view = answer.view();
            match ResponseCode(view.code) {
                ResponseCode::SUCCESS => return body::decode(view.body).ok(),
                ResponseCode::TOPIC_NOT_EXIST => return None,
                _ => {}
            }
        }
        None
    }

    /// Closes the connections, at the stop.
    pub async fn close(&self) {
        if let Some(connector) = self.connector.get() {
            connector.close().await;
        }
    }
}

fn queues_on(topic: &str, broker_name: &str, topic_perm: i32, count: i32) -> Vec<MessageQueue> {
    if !perm::is_readable(topic_perm) {
        return Vec::new();
    }
    let queue = |queue_id| MessageQueue {
        broker_name: broker_name.to_owned(),
        queue_id,
        topic: topic.to_owned(),
    };
    (0..count).map(queue).collect()
}
