//! The route of a topic, as clients use it. Pure: made from what the nameserver said.
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use remora_protocol::body::TopicRouteData;

use crate::queue::MessageQueue;

/// Broker id of a master; slaves have larger ones.
pub const MASTER_ID: i64 = 0;
const PERM_READ: i32 = 4;
const PERM_WRITE: i32 = 2;
/// Queues of one topic on one broker that are believed; chosen: far above what brokers hold, so
/// that a wrong number cannot fill the memory.
const QUEUES_MAX: i32 = 65_536;

/// Where the queues of a topic are. Shared and never changed; a refresh makes a new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicRoute {
    pub topic: Arc<str>,
    /// Queues that accept messages and whose master is up, in the order of the round robin.
    pub writable: Vec<MessageQueue>,
    /// Queues that can be read, sorted.
    pub readable: Vec<MessageQueue>,
    /// Addresses by broker name and broker id.
    pub brokers: HashMap<Arc<str>, BrokerAddrs>,
    /// True when the topic does not exist yet: a send to one of these brokers creates it.
    pub from_template: bool,
}

/// The addresses of one broker name: master and slaves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BrokerAddrs {
    pub cluster: Arc<str>,
    by_id: BTreeMap<i64, Arc<str>>,
}

impl Default for TopicRoute {
    fn default() -> Self {
        Self {
            topic: Arc::from(""),
            writable: Vec::new(),
            readable: Vec::new(),
            brokers: HashMap::new(),
            from_template: false,
        }
    }
}

impl BrokerAddrs {
    pub fn new(cluster: &str, addrs: impl IntoIterator<Item = (i64, String)>) -> Self {
        let by_id = addrs.into_iter().map(|(id, addr)| (id, Arc::from(addr))).collect();
        Self { cluster: Arc::from(cluster), by_id }
    }

    pub fn master(&self) -> Option<&Arc<str>> {
        self.by_id.get(&MASTER_ID)
    }

    /// The address of one id, else of the master, else of any: a slave serves reads as well.
    pub fn readable(&self, preferred_id: i64) -> Option<(i64, &Arc<str>)> {
        self.by_id
            .get_key_value(&preferred_id)
            .or_else(|| self.by_id.first_key_value())
            .map(|(id, addr)| (*id, addr))
    }

    /// Every address, masters and slaves.
    pub fn all(&self) -> impl Iterator<Item = (i64, &Arc<str>)> {
        self.by_id.iter().map(|(id, addr)| (*id, addr))
    }
}

impl TopicRoute {
    pub(crate) fn from_wire(topic: &str, data: &TopicRouteData) -> Self {
        let brokers: HashMap<Arc<str>, BrokerAddrs> = data
            .broker_datas
            .iter()
            .map(|broker| {
                let addrs = broker.broker_addrs.iter().map(|(id, addr)| (*id, addr.clone()));
                (Arc::from(broker.broker_name.as_str()), BrokerAddrs::new(&broker.cluster, addrs))
            })
            .collect();
        let mut route = Self { topic: Arc::from(topic), brokers, ..Self::default() };
        for queue_data in &data.queue_datas {
            let Some((broker_name, addrs)) =
                route.brokers.get_key_value(queue_data.broker_name.as_str())
            else {
                continue;
            };
            let queues = |count: i32| {
                let (topic, broker_name) = (Arc::clone(&route.topic), Arc::clone(broker_name));
                (0..count.min(QUEUES_MAX))
                    .map(move |id| MessageQueue::new(topic.clone(), broker_name.clone(), id))
            };
            if queue_data.perm & PERM_READ != 0 {
                route.readable.extend(queues(queue_data.read_queue_nums));
            }
            if queue_data.perm & PERM_WRITE != 0 && addrs.master().is_some() {
                route.writable.extend(queues(queue_data.write_queue_nums));
            }
        }
        route.readable.sort();
        route.writable.sort();
        if let Some(order) = data.order_topic_conf.as_deref().filter(|order| !order.is_empty()) {
            route.writable = ordered_queues(&route, order);
        }
        route
    }

    /// The route that a send to a topic not yet existing uses: the template topic's brokers, with
    /// as many queues as the broker will create.
    pub(crate) fn from_template(topic: &str, data: &TopicRouteData, queue_count: i32) -> Self {
        let mut data = data.clone();
        for queue_data in &mut data.queue_datas {
            queue_data.write_queue_nums = queue_data.write_queue_nums.min(queue_count);
            queue_data.read_queue_nums = queue_data.read_queue_nums.min(queue_count);
        }
        Self { from_template: true, ..Self::from_wire(topic, &data) }
    }

    /// The address of the master of a broker name.
    pub fn master(&self, broker_name: &str) -> Option<&Arc<str>> {
        self.brokers.get(broker_name)?.master()
    }
}

/// The queues of an ordered topic: "broker-a:4;broker-b:2" fixes their number, so that a key stays
/// with its queue when a broker is down.
fn ordered_queues(route: &TopicRoute, order: &str) -> Vec<MessageQueue> {
    order
        .split(';')
        .filter_map(|part| part.split_once(':'))
        .filter_map(|(broker_name, count)| Some((broker_name, count.trim().parse::<i32>().ok()?)))
        .flat_map(|(broker_name, count)| {
            let broker_name: Arc<str> = Arc::from(broker_name.trim());
            (0..count.min(QUEUES_MAX))
                .map(move |id| MessageQueue::new(Arc::clone(&route.topic), broker_name.clone(), id))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use remora_protocol::body::{BrokerData, QueueData};

    use super::*;

    fn broker(name: &str, addrs: &[(i64, &str)]) -> BrokerData {
        BrokerData {
            cluster: "c".into(),
            broker_name: name.into(),
            broker_addrs: addrs.iter().map(|(id, addr)| (*id, (*addr).to_owned())).collect(),
            ..BrokerData::default()
        }
    }

    fn queue_data(name: &str, read: i32, write: i32, perm: i32) -> QueueData {
        QueueData {
            broker_name: name.into(),
            read_queue_nums: read,
            write_queue_nums: write,
            perm,
            ..QueueData::default()
        }
    }

    fn names(queues: &[MessageQueue]) -> Vec<String> {
        queues.iter().map(|queue| format!("{}{}", queue.broker_name, queue.queue_id)).collect()
    }

    fn data() -> TopicRouteData {
        TopicRouteData {
            queue_datas: vec![
                queue_data("b", 2, 1, 6),
                queue_data("a", 1, 2, 6),
                queue_data("read-only", 1, 1, 4),
                queue_data("headless", 1, 1, 6),
                queue_data("gone", 1, 1, 6),
            ],
            broker_datas: vec![
                broker("a", &[(0, "h:1"), (1, "h:2")]),
                broker("b", &[(0, "h:3")]),
                broker("read-only", &[(0, "h:4")]),
                broker("headless", &[(2, "h:5")]),
            ],
            ..TopicRouteData::default()
        }
    }

    #[test]
    fn writable_queues_need_permission_and_a_master_and_readable_ones_a_broker() {
        let route = TopicRoute::from_wire("T", &data());
        assert_eq!(names(&route.writable), ["a0", "a1", "b0"]);
        assert_eq!(names(&route.readable), ["a0", "b0", "b1", "headless0", "read-only0"]);
    }

    #[test]
    fn an_order_configuration_fixes_the_writable_queues() {
        let order = Some("b:2;a:1;broken".to_owned());
        let route =
            TopicRoute::from_wire("T", &TopicRouteData { order_topic_conf: order, ..data() });
        assert_eq!(names(&route.writable), ["b0", "b1", "a0"]);
    }

    #[test]
    fn a_template_gives_at_most_as_many_queues_as_will_be_created() {
        let mut template = data();
        template.queue_datas = vec![queue_data("a", 8, 8, 7)];
        let route = TopicRoute::from_template("new", &template, 2);
        assert_eq!(
            (names(&route.writable), route.from_template),
            (vec!["a0".into(), "a1".into()], true)
        );
        assert_eq!(&*route.writable[0].topic, "new");
    }

    #[test]
    fn a_reader_falls_back_from_a_missing_slave_to_the_master_then_to_any() {
        let route = TopicRoute::from_wire("T", &data());
        let at = |name: &str, id| {
            route.brokers[name].readable(id).map(|(id, addr)| (id, addr.to_string()))
        };
        assert_eq!(at("a", 1), Some((1, "h:2".into())));
        assert_eq!(at("a", 7), Some((0, "h:1".into())));
        assert_eq!(at("headless", 0), Some((2, "h:5".into())));
        assert_eq!(route.master("headless"), None);
    }
}
