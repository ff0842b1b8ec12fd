//! Who serves which topic: brokers, clusters, topics. Pure: events and `now_ms` in, state out.
//!
//! Invariants: an address stands under one broker id of one name; a broker name without addresses
//! is nowhere in the tables; a topic without queues is not in `topics`. Answers: `route_lookup.rs`.
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use remora_protocol::body::{DataVersion, TopicQueueMappingInfo};

/// A master has this broker id.
pub const MASTER_ID: i64 = 0;
/// Write permission in `perm`.
pub const PERM_WRITE: i32 = 2;
/// Read permission in `perm`.
pub const PERM_READ: i32 = 4;

/// Queues of a topic on one broker name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Queues {
    pub read_queue_nums: i32,
    pub write_queue_nums: i32,
    pub perm: i32,
    pub topic_sys_flag: i32,
}

/// One registration (code 103).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registration {
    pub cluster: String,
    pub broker_name: String,
    pub broker_id: i64,
    pub broker_addr: String,
    pub ha_server_addr: String,
    pub zone_name: Option<String>,
    /// Silence after which the broker is dropped; `None`: the nameserver's own time.
    pub heartbeat_timeout_ms: Option<u64>,
    /// `None` from brokers that do not know the feature.
    pub enable_acting_master: Option<bool>,
    /// Equal versions mean equal topics.
    pub version: DataVersion,
    pub topics: Vec<(String, Queues)>,
    /// Static topics: topic, then the mapping as it came.
    pub mappings: Vec<(String, TopicQueueMappingInfo)>,
    pub filter_servers: Vec<String>,
    /// Connection that the registration came on; its end ends the registration.
    pub connection: u64,
}

/// What the nameserver's settings say about registrations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Silence after which a broker is dropped that asked for no other time.
    pub broker_expire_ms: u64,
    /// Topics times brokers, at most.
    pub routes_max: usize,
    /// A registration that no longer names a topic removes it.
    pub drop_missing_topics: bool,
}

/// What a registering broker is told; a slave finds its master by it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Registered {
    pub ha_server_addr: Option<String>,
    pub master_addr: Option<String>,
    /// Seen for the first time, or again after it was dropped.
    pub new_broker: bool,
    /// Address that stood under this name and id until now, and was still alive.
    pub replaced: Option<String>,
}

/// Why a registration changed nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegisterError {
    #[error(
        "broker {broker_name} id {broker_id} is registered at {registered} with state version {registered_version}, newer than {version} of {broker_addr}; it stays there"
    )]
    Older {
        broker_name: String,
        broker_id: i64,
        registered: String,
        registered_version: i64,
        broker_addr: String,
        version: i64,
    },
    #[error(
        "{routes} routes (topics times brokers) would be registered, the limit is {routes_max} (nameserver.routes_max)"
    )]
    TooManyRoutes { routes: usize, routes_max: usize },
}

/// A broker that was dropped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dropped {
    pub cluster: String,
    pub broker_name: String,
    pub broker_addr: String,
    pub connection: u64,
    /// Silence when it was dropped.
    pub silent_ms: u64,
}

#[derive(Debug)]
pub(crate) struct BrokerEntry {
    pub cluster: String,
    pub addrs: BTreeMap<i64, String>,
    pub zone_name: Option<String>,
    pub enable_acting_master: bool,
}

#[derive(Debug)]
struct Alive {
    broker_name: Arc<str>,
    seen_ms: u64,
    timeout_ms: u64,
    version: DataVersion,
    connection: u64,
    ha_server_addr: String,
}

/// (cluster, address).
type Location = (String, String);

/// The tables.
#[derive(Debug, Default)]
pub struct RouteTable {
    pub(crate) topics: HashMap<String, BTreeMap<Arc<str>, Queues>>,
    pub(crate) brokers: BTreeMap<Arc<str>, BrokerEntry>,
    pub(crate) clusters: BTreeMap<String, BTreeSet<Arc<str>>>,
    pub(crate) mappings: HashMap<String, BTreeMap<String, TopicQueueMappingInfo>>,
    pub(crate) filter_servers: HashMap<Location, Vec<String>>,
    alive: HashMap<Location, Alive>,
    /// Sum over `topics` of their brokers.
    routes: usize,
}

impl RouteTable {
    pub fn new() -> Self {
        Self::default()
    }

    /// Brokers known, one a name.
    pub fn broker_count(&self) -> usize {
        self.brokers.len()
    }

    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// Takes a registration. A lower state version from another address of the same id is refused:
    /// it comes from a master that was replaced and does not know it yet.
    ///
    /// Differs from Apache: a first registration with a single topic is taken like any other, where
    /// Apache refuses it and leaves an entry without an address behind.
    pub fn register(
        &mut self,
        registration: Registration,
        rules: &Rules,
        now_ms: u64,
    ) -> Result<Registered, RegisterError> {
        self.refuse_older(&registration)?;
        self.refuse_too_many(&registration, rules)?;
        let location = (registration.cluster.clone(), registration.broker_addr.clone());
        let name: Arc<str> = registration.broker_name.as_str().into();
        let (new_broker, replaced) = self.place(&name, &registration);
        let changed = new_broker
            || self.alive.get(&location).is_none_or(|alive| alive.version != registration.version);
        if self.updates_queues(&name, &registration) {
            self.put_topics(&name, &registration, changed, rules);
        }
        self.alive.insert(
            location.clone(),
            Alive {
                broker_name: name.clone(),
                seen_ms: now_ms,
                timeout_ms: registration.heartbeat_timeout_ms.unwrap_or(rules.broker_expire_ms),
                version: registration.version,
                connection: registration.connection,
                ha_server_addr: registration.ha_server_addr,
            },
        );
        if registration.filter_servers.is_empty() {
            self.filter_servers.remove(&location);
        } else {
            self.filter_servers.insert(location, registration.filter_servers);
        }
        let mut registered = self.master_of(&name, registration.broker_id);
        registered.new_broker = new_broker;
        registered.replaced = replaced;
        Ok(registered)
    }

    fn refuse_older(&self, registration: &Registration) -> Result<(), RegisterError> {
        let Some(broker) = self.brokers.get(registration.broker_name.as_str()) else {
            return Ok(());
        };
        let Some(registered) = broker.addrs.get(&registration.broker_id) else { return Ok(()) };
        if *registered == registration.broker_addr {
            return Ok(());
        }
        let location = (broker.cluster.clone(), registered.clone());
        let registered_version = self.alive.get(&location).map(|a| a.version.state_version);
        match registered_version {
            Some(newer) if newer > registration.version.state_version => {
                Err(RegisterError::Older {
                    broker_name: registration.broker_name.clone(),
                    broker_id: registration.broker_id,
                    registered: registered.clone(),
                    registered_version: newer,
                    broker_addr: registration.broker_addr.clone(),
                    version: registration.version.state_version,
                })
            }
            _ => Ok(()),
        }
    }

    fn refuse_too_many(
        &self,
        registration: &Registration,
        rules: &Rules,
    ) -> Result<(), RegisterError> {
        let name = registration.broker_name.as_str();
        let known = |topic: &String| self.topics.get(topic).is_some_and(|b| b.contains_key(name));
        let new = registration.topics.iter().filter(|(topic, _)| !known(topic)).count();
        let routes = self.routes.saturating_add(new);
        if new > 0 && routes > rules.routes_max {
            return Err(RegisterError::TooManyRoutes { routes, routes_max: rules.routes_max });
        }
        Ok(())
    }

    /// Puts the address under its name and id. Gives whether the id is new, and the address that
    /// lost its place.
    fn place(&mut self, name: &Arc<str>, registration: &Registration) -> (bool, Option<String>) {
        // A name that moved to another cluster leaves the old one.
        if let Some(old) = self.brokers.get(name).map(|b| b.cluster.clone())
            && old != registration.cluster
        {
            self.leave_cluster(&old, name);
        }
        self.clusters.entry(registration.cluster.clone()).or_default().insert(name.clone());
        let broker = self.brokers.entry(name.clone()).or_insert_with(|| BrokerEntry {
            cluster: registration.cluster.clone(),
            addrs: BTreeMap::new(),
            zone_name: None,
            enable_acting_master: false,
        });
        broker.cluster.clone_from(&registration.cluster);
        broker.zone_name.clone_from(&registration.zone_name);
        broker.enable_acting_master = registration.enable_acting_master.unwrap_or(false);
        // A slave that became master keeps its address: one address, one id.
        let (id, addr) = (registration.broker_id, &registration.broker_addr);
        broker.addrs.retain(|other_id, other| *other_id == id || other != addr);
        let old = broker.addrs.insert(id, addr.clone());
        let new_broker = old.is_none();
        let replaced = old
            .filter(|old| old != addr)
            .filter(|old| self.alive.contains_key(&(registration.cluster.clone(), old.clone())));
        (new_broker, replaced)
    }

    /// The master decides about queues; without one, the slave with the lowest id.
    fn updates_queues(&self, name: &Arc<str>, registration: &Registration) -> bool {
        let lowest = self.brokers.get(name).and_then(|b| b.addrs.keys().next().copied());
        registration.broker_id == MASTER_ID
            || (registration.enable_acting_master.is_some()
                && lowest == Some(registration.broker_id))
    }

    fn put_topics(
        &mut self,
        name: &Arc<str>,
        registration: &Registration,
        changed: bool,
        rules: &Rules,
    ) {
        if rules.drop_missing_topics && registration.mappings.is_empty() {
            let named: BTreeSet<&str> =
                registration.topics.iter().map(|(topic, _)| topic.as_str()).collect();
            self.remove_routes(|topic, broker| broker == &**name && !named.contains(topic));
        }
        let acting =
            registration.broker_id != MASTER_ID && registration.enable_acting_master == Some(true);
        for (topic, queues) in &registration.topics {
            let mut queues = *queues;
            if acting {
                queues.perm &= !PERM_WRITE;
            }
            let brokers = self.topics.entry(topic.clone()).or_default();
            // An unchanged table keeps what `wipe_write_perm` did to it.
            let known = brokers.contains_key(name);
            if changed || !known {
                brokers.insert(name.clone(), queues);
                self.routes += usize::from(!known);
            }
        }
        if changed {
            for (topic, mapping) in &registration.mappings {
                let by_broker = self.mappings.entry(topic.clone()).or_default();
                by_broker.insert(mapping.bname.clone(), mapping.clone());
            }
        }
    }

    fn master_of(&self, name: &Arc<str>, broker_id: i64) -> Registered {
        let nobody = Registered::default();
        if broker_id == MASTER_ID {
            return nobody;
        }
        let Some(broker) = self.brokers.get(name) else { return nobody };
        let Some(master_addr) = broker.addrs.get(&MASTER_ID) else { return nobody };
        match self.alive.get(&(broker.cluster.clone(), master_addr.clone())) {
            Some(master) => Registered {
                ha_server_addr: Some(master.ha_server_addr.clone()),
                master_addr: Some(master_addr.clone()),
                ..nobody
            },
            None => nobody,
        }
    }

    /// A sign of life (codes 904 and 322). Gives whether the broker is known.
    pub fn heartbeat(&mut self, cluster: &str, broker_addr: &str, now_ms: u64) -> bool {
        match self.alive.get_mut(&(cluster.to_owned(), broker_addr.to_owned())) {
            Some(alive) => {
                alive.seen_ms = now_ms;
                true
            }
            None => false,
        }
    }

    /// Version of the topic table that a broker registered last.
    pub fn version(&self, cluster: &str, broker_addr: &str) -> Option<DataVersion> {
        self.alive
            .get(&(cluster.to_owned(), broker_addr.to_owned()))
            .map(|alive| alive.version.clone())
    }

    /// Forgets an address (code 104). Gives whether it was known.
    pub fn unregister(&mut self, cluster: &str, broker_name: &str, broker_addr: &str) -> bool {
        let location = (cluster.to_owned(), broker_addr.to_owned());
        let alive = self.alive.remove(&location);
        self.filter_servers.remove(&location);
        let removed = self.remove_address(cluster, broker_name, broker_addr);
        removed || alive.is_some()
    }

    fn remove_address(&mut self, cluster: &str, broker_name: &str, broker_addr: &str) -> bool {
        let Some((name, broker)) = self
            .brokers
            .get_key_value(broker_name)
            .map(|(name, _)| name.clone())
            .and_then(|name| self.brokers.get_mut(&name).map(|broker| (name, broker)))
        else {
            return false;
        };
        if broker.cluster != cluster {
            return false;
        }
        let before = broker.addrs.len();
        broker.addrs.retain(|_, addr| addr != broker_addr);
        let removed = broker.addrs.len() < before;
        if broker.addrs.is_empty() {
            self.brokers.remove(&name);
            self.leave_cluster(cluster, &name);
            self.remove_routes(|_, broker| broker == &*name);
            self.remove_mappings(&name);
        } else if broker.enable_acting_master && !broker.addrs.contains_key(&MASTER_ID) {
            self.change_perm(&name, |perm| perm & !PERM_WRITE);
        }
        removed
    }

    fn leave_cluster(&mut self, cluster: &str, name: &Arc<str>) {
        if let Some(names) = self.clusters.get_mut(cluster) {
            names.remove(name);
            if names.is_empty() {
                self.clusters.remove(cluster);
            }
        }
    }

    fn remove_mappings(&mut self, broker_name: &str) {
        self.mappings.retain(|_, by_broker| {
            by_broker.remove(broker_name);
            !by_broker.is_empty()
        });
    }

    fn remove_routes(&mut self, gone: impl Fn(&str, &str) -> bool) {
        let mut removed = 0;
        self.topics.retain(|topic, brokers| {
            let before = brokers.len();
            brokers.retain(|broker, _| !gone(topic, broker));
            removed += before - brokers.len();
            !brokers.is_empty()
        });
        self.routes -= removed;
    }

    /// Drops every broker silent for longer than its time.
    pub fn expire(&mut self, now_ms: u64) -> Vec<Dropped> {
        self.drop_where(now_ms, |alive| alive.seen_ms.saturating_add(alive.timeout_ms) < now_ms)
    }

    /// Drops every broker that registered on this connection and has no newer one.
    pub fn disconnected(&mut self, connection: u64, now_ms: u64) -> Vec<Dropped> {
        self.drop_where(now_ms, |alive| alive.connection == connection)
    }

    fn drop_where(&mut self, now_ms: u64, gone: impl Fn(&Alive) -> bool) -> Vec<Dropped> {
        let dropped: Vec<Dropped> = self
            .alive
            .iter()
            .filter(|(_, alive)| gone(alive))
            .map(|((cluster, addr), alive)| Dropped {
                cluster: cluster.clone(),
                broker_name: alive.broker_name.to_string(),
                broker_addr: addr.clone(),
                connection: alive.connection,
                silent_ms: now_ms.saturating_sub(alive.seen_ms),
            })
            .collect();
        for broker in &dropped {
            self.unregister(&broker.cluster, &broker.broker_name, &broker.broker_addr);
        }
        dropped
    }

    /// Takes write permission from all topics of a broker (code 205). Gives the number of topics.
    pub fn wipe_write_perm(&mut self, broker_name: &str) -> usize {
        self.change_perm(broker_name, |perm| perm & !PERM_WRITE)
    }

    /// Gives read and write permission to all topics of a broker (code 327).
    pub fn add_write_perm(&mut self, broker_name: &str) -> usize {
        self.change_perm(broker_name, |_| PERM_READ | PERM_WRITE)
    }

    fn change_perm(&mut self, broker_name: &str, change: impl Fn(i32) -> i32) -> usize {
        let queues = self.topics.values_mut().filter_map(|brokers| brokers.get_mut(broker_name));
        queues.map(|queues| queues.perm = change(queues.perm)).count()
    }

    /// Forgets a topic, everywhere or in one cluster (code 216).
    pub fn delete_topic(&mut self, topic: &str, cluster: Option<&str>) {
        let names = cluster.map(|cluster| self.clusters.get(cluster).cloned().unwrap_or_default());
        let Some(brokers) = self.topics.get_mut(topic) else { return };
        let before = brokers.len();
        brokers.retain(|broker, _| names.as_ref().is_some_and(|names| !names.contains(broker)));
        self.routes -= before - brokers.len();
        if brokers.is_empty() {
            self.topics.remove(topic);
            self.mappings.remove(topic);
        }
    }

    /// Adds routes of one topic (code 217). Gives the first broker name that is not registered, and
    /// then changes nothing.
    pub fn register_topic(
        &mut self,
        topic: &str,
        queues: &[(String, Queues)],
        rules: &Rules,
    ) -> Result<(), RegisterTopicError> {
        let mut named = Vec::with_capacity(queues.len());
        for (broker, queues) in queues {
            let Some((name, _)) = self.brokers.get_key_value(broker.as_str()) else {
                return Err(RegisterTopicError::UnknownBroker { broker_name: broker.clone() });
            };
            named.push((name.clone(), *queues));
        }
        let known = self.topics.get(topic);
        let new = named.iter().filter(|(name, _)| known.is_none_or(|b| !b.contains_key(name)));
        let new = new.count();
        let routes = self.routes.saturating_add(new);
        if new > 0 && routes > rules.routes_max {
            return Err(RegisterTopicError::TooMany(RegisterError::TooManyRoutes {
                routes,
                routes_max: rules.routes_max,
            }));
        }
        if named.is_empty() {
            return Ok(());
        }
        let brokers = self.topics.entry(topic.to_owned()).or_default();
        for (name, queues) in named {
            self.routes += usize::from(brokers.insert(name, queues).is_none());
        }
        Ok(())
    }
}

/// Why routes of one topic were not added.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegisterTopicError {
    #[error("broker {broker_name} is not registered with this nameserver")]
    UnknownBroker { broker_name: String },
    #[error(transparent)]
    TooMany(RegisterError),
}
