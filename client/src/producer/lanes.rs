//! What is known of a topic, ready for sending: found without a lock, made again when its route
//! changes.
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::RandomState;
use arc_swap::ArcSwap;
use remora_protocol::send_template::SendTemplate;
use remora_protocol::{header, names};
use remora_remoting::Peer;

use super::Producer;
use super::auto_batch::Gathering;
use crate::error::ClientError;
use crate::limits;
use crate::queue::MessageQueue;
use crate::route::TopicRoute;

/// The topics that were sent to.
#[derive(Debug, Default)]
pub(super) struct Topics {
    by_name: ArcSwap<HashMap<Arc<str>, Arc<Lanes>, RandomState>>,
}

/// A topic's queues.
#[derive(Debug)]
pub(super) struct Lanes {
    pub(super) route: Arc<TopicRoute>,
    /// In the order of `route.writable`.
    pub(super) lanes: Vec<Lane>,
    /// The version of the client's routes at which this was last found to be true.
    version: AtomicU64,
}

/// One queue to send to.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) queue: MessageQueue,
    pub(super) outlet: Arc<Outlet>,
    pub(super) gathering: Arc<Gathering>,
}

/// The broker of a queue.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) addr: Arc<str>,
    pub(super) peer: Peer,
    pub(super) template: SendTemplate,
}

impl Topics {
    /// Uses a topic's lanes, if they are those of its present route.
    pub(super) fn with<T>(
        &self,
        topic: &str,
        version: u64,
        used: impl FnOnce(&Lanes) -> T,
    ) -> Option<T> {
        let by_name = self.by_name.load();
        let lanes = by_name.get(topic)?;
        (lanes.version.load(Ordering::Relaxed) == version).then(|| used(lanes))
    }

    fn keep(&self, lanes: &Arc<Lanes>) {
        self.by_name.rcu(|before| {
            let mut by_name = HashMap::clone(before);
            by_name.insert(Arc::clone(&lanes.route.topic), Arc::clone(lanes));
            by_name
        });
    }
}

impl Lanes {
    /// The lane of a queue.
    pub(super) fn of(&self, queue: &MessageQueue) -> Option<&Lane> {
        self.lanes.iter().find(|lane| {
            lane.queue.queue_id == queue.queue_id && lane.queue.broker_name == queue.broker_name
        })
    }
}

impl Producer {
    /// Asks for the topic's route if need be, and makes its lanes.
    pub(super) async fn learn(&self, topic: &str) -> Result<(), ClientError> {
        limits::check_topic(topic)?;
        let client = &self.shared.client;
        loop {
            // Read before the route: a change in between is noticed at the next send.
            let version = client.routes_version();
            if let Some(route) = client.cached_route(topic) {
                self.keep_lanes(&route, version);
                return Ok(());
            }
            client.publish_route(topic, self.shared.settings.new_topic_queues).await?;
        }
    }

    fn keep_lanes(&self, route: &Arc<TopicRoute>, version: u64) {
        let topics = &self.shared.topics;
        let before = topics.by_name.load().get(&*route.topic).cloned();
        if let Some(same) = before.as_ref().filter(|before| Arc::ptr_eq(&before.route, route)) {
            same.version.store(version, Ordering::Relaxed);
            return;
        }
        let mut outlets: HashMap<&str, Option<Arc<Outlet>>> = HashMap::new();
        let lanes = route.writable.iter().filter_map(|queue| {
            let broker_name = &*queue.broker_name;
            let outlet = outlets
                .entry(broker_name)
                .or_insert_with(|| self.outlet(queue, route).ok().map(Arc::new));
            let gathering = before.as_ref().and_then(|before| before.of(queue));
            Some(Lane {
                queue: queue.clone(),
                outlet: Arc::clone(outlet.as_ref()?),
                // What waits for the queue stays in order.
                gathering: gathering.map_or_else(Arc::default, |lane| Arc::clone(&lane.gathering)),
            })
        });
        let lanes = lanes.collect();
        let version = AtomicU64::new(version);
        topics.keep(&Arc::new(Lanes { route: Arc::clone(route), lanes, version }));
    }

    /// A lane of a queue that the topic's route does not list as writable.
    pub(super) fn made_lane(
        &self,
        queue: &MessageQueue,
        route: &TopicRoute,
    ) -> Result<Lane, ClientError> {
        let outlet = Arc::new(self.outlet(queue, route)?);
        Ok(Lane { queue: queue.clone(), outlet, gathering: Arc::default() })
    }

    fn outlet(&self, queue: &MessageQueue, route: &TopicRoute) -> Result<Outlet, ClientError> {
        let client = &self.shared.client;
        let addr = match route.master(&queue.broker_name) {
            Some(addr) => Arc::clone(addr),
            None => client.master_addr(&queue.broker_name)?,
        };
        let header = header::SendMessageHeader {
            producer_group: self.shared.group.as_str().into(),
            topic: (&*queue.topic).into(),
            default_topic: names::AUTO_CREATE_TOPIC.into(),
            default_topic_queue_nums: self.shared.settings.new_topic_queues,
            broker_name: Some((&*queue.broker_name).into()),
            ..Default::default()
        };
        let template = SendTemplate::new(client.inner.serialize, &header);
        Ok(Outlet { peer: client.inner.peer(&addr), addr, template })
    }
}
