//! Routes: cached, refreshed every 30 s, asked for when missing.
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use remora_protocol::body::TopicRouteData;
use remora_protocol::{RequestCode, ResponseCode, header, names};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{Client, Inner};
use crate::error::ClientError;
use crate::route::{BrokerAddrs, TopicRoute};

/// Known routes and brokers.
#[derive(Debug, Default)]
pub(super) struct RouteTable {
    topics: RwLock<HashMap<Arc<str>, Arc<TopicRoute>>>,
    /// Counts the changes of `topics`, so that what was made from a route is known to be true.
    version: AtomicU64,
    brokers: RwLock<HashMap<Arc<str>, BrokerAddrs>>,
    /// One question at a time for a topic: the first burst of sends asks once.
    asking: Mutex<HashMap<Arc<str>, Arc<tokio::sync::Mutex<()>>>>,
    /// Topics whose background refresh is under way.
    refreshing: Mutex<HashSet<Arc<str>>>,
}

impl RouteTable {
    fn cached(&self, topic: &str) -> Option<Arc<TopicRoute>> {
        self.topics.read().get(topic).cloned()
    }

    fn keep(&self, route: &Arc<TopicRoute>) {
        let mut brokers = self.brokers.write();
        for (broker_name, addrs) in &route.brokers {
            if brokers.get(broker_name) != Some(addrs) {
                brokers.insert(Arc::clone(broker_name), addrs.clone());
            }
        }
        drop(brokers);
        let mut topics = self.topics.write();
        if topics.get(&route.topic).is_some_and(|before| before == route) {
            return;
        }
        topics.insert(Arc::clone(&route.topic), Arc::clone(route));
        self.version.fetch_add(1, Ordering::Release);
    }

    fn forget(&self, topic: &str) {
        self.topics.write().remove(topic);
        self.version.fetch_add(1, Ordering::Release);
    }

    fn topics(&self) -> Vec<Arc<str>> {
        self.topics.read().keys().cloned().collect()
    }

    /// Every known address with its broker's name and id.
    pub(super) fn all_brokers(&self) -> Vec<(Arc<str>, i64, Arc<str>)> {
        let brokers = self.brokers.read();
        brokers
            .iter()
            .flat_map(|(name, addrs)| {
                addrs.all().map(|(id, addr)| (Arc::clone(name), id, Arc::clone(addr)))
            })
            .collect()
    }
}

impl Client {
    /// The route of a topic that exists, from the cache or the nameserver.
    ///
    /// # Errors
    /// `TopicNotFound` when no broker has it.
    pub async fn route(&self, topic: &str) -> Result<Arc<TopicRoute>, ClientError> {
        match self.inner.routes.cached(topic) {
            Some(route) if !route.from_template => Ok(route),
            _ => self.ask_route_once(topic, false).await,
        }
    }

    /// The route that is known of a topic.
    pub(crate) fn cached_route(&self, topic: &str) -> Option<Arc<TopicRoute>> {
        self.inner.routes.cached(topic)
    }

    /// Another number after each change of a route.
    pub(crate) fn routes_version(&self) -> u64 {
        self.inner.routes.version.load(Ordering::Acquire)
    }

    /// The route to send by: of the topic, or of the brokers that would create it.
    pub(crate) async fn publish_route(
        &self,
        topic: &str,
        new_topic_queues: i32,
    ) -> Result<Arc<TopicRoute>, ClientError> {
        if let Some(route) = self.inner.routes.cached(topic) {
            return Ok(route);
        }
        match self.ask_route_once(topic, true).await {
            Err(not_found @ ClientError::TopicNotFound { .. }) => {
                let template =
                    self.route_data(names::AUTO_CREATE_TOPIC).await.map_err(|_| not_found)?;
                let route = Arc::new(TopicRoute::from_template(topic, &template, new_topic_queues));
                self.inner.routes.keep(&route);
                Ok(route)
            }
            outcome => outcome,
        }
    }

    /// Asks the nameserver even if the route is cached; a topic that is gone leaves the cache.
    pub async fn refresh_route(&self, topic: &str) -> Result<Arc<TopicRoute>, ClientError> {
        match self.route_data(topic).await {
            Ok(data) => {
                let route = Arc::new(TopicRoute::from_wire(topic, &data));
                self.inner.routes.keep(&route);
                Ok(route)
            }
            Err(e) => {
                let from_template =
                    self.inner.routes.cached(topic).is_some_and(|route| route.from_template);
                if matches!(e, ClientError::TopicNotFound { .. }) && !from_template {
                    self.inner.routes.forget(topic);
                }
                Err(e)
            }
        }
    }

    /// Refreshes a route in the background: a send has just failed, or created the topic.
    /// However many ask for it, one runs.
    pub(crate) fn refresh_route_soon(&self, topic: &Arc<str>) {
        if !self.inner.routes.refreshing.lock().insert(Arc::clone(topic)) {
            return;
        }
        let (client, topic) = (self.clone(), Arc::clone(topic));
        self.inner.tasks.spawn(async move {
            if let Err(e) = client.refresh_route(&topic).await {
                tracing::debug!(%topic, error = %e, "route not refreshed");
            }
            client.inner.routes.refreshing.lock().remove(&topic);
        });
    }

    /// The address of the master of a broker, as the nameserver last said.
    pub(crate) fn master_addr(&self, broker_name: &str) -> Result<Arc<str>, ClientError> {
        let brokers = self.inner.routes.brokers.read();
        brokers
            .get(broker_name)
            .and_then(|addrs| addrs.master().cloned())
            .ok_or_else(|| ClientError::BrokerUnknown { broker_name: broker_name.to_owned() })
    }

    /// The id and address to read from a broker: the preferred id where it is up.
    pub(crate) fn readable_addr(
        &self,
        broker_name: &str,
        preferred_id: i64,
    ) -> Result<(i64, Arc<str>), ClientError> {
        let brokers = self.inner.routes.brokers.read();
        brokers
            .get(broker_name)
            .and_then(|addrs| addrs.readable(preferred_id))
            .map(|(id, addr)| (id, Arc::clone(addr)))
            .ok_or_else(|| ClientError::BrokerUnknown { broker_name: broker_name.to_owned() })
    }

    async fn ask_route_once(
        &self,
        topic: &str,
        template_will_do: bool,
    ) -> Result<Arc<TopicRoute>, ClientError> {
        let asking =
            Arc::clone(self.inner.routes.asking.lock().entry(Arc::from(topic)).or_default());
        let _one_at_a_time = asking.lock().await;
        let cached = self.inner.routes.cached(topic);
        let outcome = match cached {
            Some(route) if template_will_do || !route.from_template => Ok(route),
            _ => self.refresh_route(topic).await,
        };
        self.inner.routes.asking.lock().remove(topic);
        outcome
    }

    /// The route as the nameserver gives it.
    pub(crate) async fn route_data(&self, topic: &str) -> Result<TopicRouteData, ClientError> {
        let request = header::GetRouteInfoHeader {
            topic: topic.into(),
            accept_standard_json_only: Some(true),
        };
        let answer = self
            .ask_nameserver("route", RequestCode::GET_ROUTEINFO_BY_TOPIC, &request, Bytes::new())
            .await?;
        if answer.code() == ResponseCode::TOPIC_NOT_EXIST {
            return Err(ClientError::TopicNotFound {
                topic: topic.to_owned(),
                nameserver: answer.addr().to_string(),
            });
        }
        answer.success()?.json()
    }
}

/// Refreshes every cached route until the client closes.
pub(super) async fn run(inner: Weak<Inner>, period: Duration, closed: CancellationToken) {
    let mut tick = tokio::time::interval(period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick.tick().await;
    loop {
        tokio::select! {
            () = closed.cancelled() => return,
            _ = tick.tick() => {}
        }
        let Some(inner) = inner.upgrade() else { return };
        let client = Client { inner };
        for topic in client.inner.routes.topics() {
            if let Err(e) = client.refresh_route(&topic).await {
                tracing::warn!(%topic, error = %e, "route not refreshed");
            }
        }
    }
}
