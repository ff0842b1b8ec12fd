//! What the route table answers.
use std::collections::{BTreeMap, BTreeSet};

use remora_protocol::body::{BrokerData, QueueData, TopicRouteData};

use crate::route_table::{MASTER_ID, PERM_WRITE, Queues, RouteTable};

/// Why there is no route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoRoute {
    /// Not a single broker is registered.
    NoBroker,
    /// Brokers are registered, none with this topic.
    UnknownTopic { brokers: usize, topics: usize },
}

/// Topics whose lists codes 311 to 313 answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnitTopics {
    Unit,
    UnitSub,
    UnitSubNotUnit,
}

const SYS_FLAG_UNIT: i32 = 1;
const SYS_FLAG_UNIT_SUB: i32 = 2;
/// Brokers exchange their group's members through topics of this name; they want the real ids.
const SYNC_MEMBER_GROUP_PREFIX: &str = "rmq_sys_SYNC_BROKER_MEMBER_";

impl RouteTable {
    /// The route of a topic. With `acting_master`, the lowest slave of a name without a master
    /// stands under id 0, if it lost write permission.
    pub fn route(&self, topic: &str, acting_master: bool) -> Result<TopicRouteData, NoRoute> {
        let by_broker = self.topics.get(topic).ok_or_else(|| self.no_route())?;
        let queue_datas = by_broker.iter().map(|(name, queues)| queue_data(name, queues));
        let mut broker_datas: Vec<BrokerData> =
            by_broker.keys().filter_map(|name| self.broker(name)).collect();
        if broker_datas.is_empty() {
            return Err(self.no_route());
        }
        let filter_server_table = self.filter_servers_of(&broker_datas);
        if acting_master && !topic.starts_with(SYNC_MEMBER_GROUP_PREFIX) {
            for broker in broker_datas.iter_mut().filter(|broker| broker.enable_acting_master) {
                let queues = by_broker.get(broker.broker_name.as_str());
                if queues.is_some_and(|queues| queues.perm & PERM_WRITE == 0) {
                    stand_in(broker);
                }
            }
        }
        Ok(TopicRouteData {
            queue_datas: queue_datas.collect(),
            broker_datas,
            filter_server_table,
            order_topic_conf: None,
            topic_queue_mapping_by_broker: self.mappings.get(topic).cloned(),
        })
    }

    fn no_route(&self) -> NoRoute {
        match self.broker_count() {
            0 => NoRoute::NoBroker,
            brokers => NoRoute::UnknownTopic { brokers, topics: self.topic_count() },
        }
    }

    fn filter_servers_of(&self, brokers: &[BrokerData]) -> BTreeMap<String, Vec<String>> {
        if self.filter_servers.is_empty() {
            return BTreeMap::new();
        }
        let addrs =
            brokers.iter().flat_map(|b| b.broker_addrs.values().map(|addr| (&b.cluster, addr)));
        let servers = addrs.filter_map(|(cluster, addr)| {
            let servers = self.filter_servers.get(&(cluster.clone(), addr.clone()))?;
            Some((addr.clone(), servers.clone()))
        });
        servers.collect()
    }

    /// A broker name's addresses.
    pub fn broker(&self, broker_name: &str) -> Option<BrokerData> {
        let broker = self.brokers.get(broker_name)?;
        Some(BrokerData {
            cluster: broker.cluster.clone(),
            broker_name: broker_name.to_owned(),
            broker_addrs: broker.addrs.clone(),
            zone_name: broker.zone_name.clone(),
            enable_acting_master: broker.enable_acting_master,
        })
    }

    /// Every broker name, in order.
    pub fn all_brokers(&self) -> Vec<BrokerData> {
        self.brokers.keys().filter_map(|name| self.broker(name)).collect()
    }

    /// Broker names by cluster.
    pub fn all_clusters(&self) -> BTreeMap<String, BTreeSet<String>> {
        let names = |(cluster, names): (&String, &BTreeSet<_>)| {
            (cluster.clone(), names.iter().map(ToString::to_string).collect())
        };
        self.clusters.iter().map(names).collect()
    }

    /// Every topic, in order.
    pub fn all_topics(&self) -> BTreeSet<String> {
        self.topics.keys().cloned().collect()
    }

    /// Topics with a queue in the cluster.
    pub fn topics_of_cluster(&self, cluster: &str) -> BTreeSet<String> {
        let Some(names) = self.clusters.get(cluster) else { return BTreeSet::new() };
        let served = self.topics.iter().filter(|(_, b)| b.keys().any(|name| names.contains(name)));
        served.map(|(topic, _)| topic.clone()).collect()
    }

    /// Names of clusters and brokers, which are topics too, and one broker address.
    pub fn system_topics(&self) -> (BTreeSet<String>, Option<String>) {
        let mut topics: BTreeSet<String> = self.clusters.keys().cloned().collect();
        topics.extend(self.brokers.keys().map(ToString::to_string));
        let addr = self.brokers.values().find_map(|broker| broker.addrs.values().next().cloned());
        (topics, addr)
    }

    pub fn unit_topics(&self, which: UnitTopics) -> BTreeSet<String> {
        let wanted = |flag: i32| match which {
            UnitTopics::Unit => flag & SYS_FLAG_UNIT != 0,
            UnitTopics::UnitSub => flag & SYS_FLAG_UNIT_SUB != 0,
            UnitTopics::UnitSubNotUnit => {
                flag & (SYS_FLAG_UNIT | SYS_FLAG_UNIT_SUB) == SYS_FLAG_UNIT_SUB
            }
        };
        let first_flag =
            |brokers: &BTreeMap<_, Queues>| brokers.values().next().map(|q| q.topic_sys_flag);
        let found = self.topics.iter().filter(|(_, b)| first_flag(b).is_some_and(wanted));
        found.map(|(topic, _)| topic.clone()).collect()
    }
}

fn queue_data(broker_name: &str, queues: &Queues) -> QueueData {
    QueueData {
        broker_name: broker_name.to_owned(),
        perm: queues.perm,
        read_queue_nums: queues.read_queue_nums,
        topic_sys_flag: queues.topic_sys_flag,
        write_queue_nums: queues.write_queue_nums,
    }
}

fn stand_in(broker: &mut BrokerData) {
    if broker.broker_addrs.contains_key(&MASTER_ID) {
        return;
    }
    if let Some((_, addr)) = broker.broker_addrs.pop_first() {
        broker.broker_addrs.insert(MASTER_ID, addr);
    }
}
