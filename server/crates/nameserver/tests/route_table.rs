//! The route table: registration, loss, permission, answers.
use std::collections::{BTreeMap, BTreeSet};

use remora_protocol::body::{DataVersion, RouteIds};

use remora_nameserver::route_lookup::{NoRoute, UnitTopics};
use remora_nameserver::route_table::{
    Queues, RegisterError, Registered, Registration, RouteTable, Rules,
};

const RULES: Rules =
    Rules { broker_expire_ms: 120_000, routes_max: 1_000, drop_missing_topics: false };

fn queues(perm: i32) -> Queues {
    Queues { read_queue_nums: 8, write_queue_nums: 8, perm, topic_sys_flag: 0 }
}

/// A registration of `name` with id 0 at `addr`, on connection 1.
fn registration(name: &str, addr: &str, topics: &[&str]) -> Registration {
    Registration {
        cluster: "C".into(),
        broker_name: name.into(),
        broker_id: 0,
        broker_addr: addr.into(),
        ha_server_addr: format!("{addr}-ha"),
        zone_name: None,
        heartbeat_timeout_ms: None,
        enable_acting_master: None,
        version: DataVersion::default(),
        topics: topics.iter().map(|topic| ((*topic).to_owned(), queues(6))).collect(),
        mappings: Vec::new(),
        filter_servers: Vec::new(),
        connection: 1,
    }
}

fn register(table: &mut RouteTable, registration: Registration) -> Registered {
    table.register(registration, &RULES, 0).expect("taken")
}

fn addrs(table: &RouteTable, topic: &str) -> BTreeMap<String, BTreeMap<i64, String>> {
    let route = table.route(topic, false).expect("a route");
    route.broker_datas.into_iter().map(|data| (data.broker_name, data.broker_addrs)).collect()
}

fn perm(table: &RouteTable, topic: &str) -> i32 {
    table.route(topic, false).expect("a route").queue_datas[0].perm
}

#[test]
fn two_brokers_with_a_topic_are_one_route() {
    let mut table = RouteTable::new();
    register(&mut table, registration("a", "1.1.1.1:1", &["t", "only-a"]));
    register(&mut table, registration("b", "2.2.2.2:2", &["t"]));
    assert_eq!(
        addrs(&table, "t"),
        [
            ("a".into(), [(0, "1.1.1.1:1".into())].into()),
            ("b".into(), [(0, "2.2.2.2:2".into())].into())
        ]
        .into()
    );
    assert_eq!(table.all_topics(), BTreeSet::from(["t".into(), "only-a".into()]));
    assert_eq!(
        table.system_topics(),
        (BTreeSet::from(["C".into(), "a".into(), "b".into()]), Some("1.1.1.1:1".into()))
    );
    assert_eq!(table.topics_of_cluster("C").len(), 2);
    assert_eq!(table.topics_of_cluster("D"), BTreeSet::new());
}

#[test]
fn no_route_tells_an_empty_nameserver_from_an_unknown_topic() {
    let mut table = RouteTable::new();
    assert_eq!(table.route("t", false), Err(NoRoute::NoBroker));
    register(&mut table, registration("a", "1.1.1.1:1", &["x", "y"]));
    assert_eq!(table.route("t", false), Err(NoRoute::UnknownTopic { brokers: 1, topics: 2 }));
}

#[test]
fn a_first_registration_with_one_topic_is_taken() {
    let mut table = RouteTable::new();
    let registered = register(&mut table, registration("a", "1.1.1.1:1", &["t"]));
    assert_eq!(registered, Registered { new_broker: true, ..Registered::default() });
    assert_eq!(addrs(&table, "t").len(), 1);
}

#[test]
fn an_older_state_version_from_another_address_changes_nothing() {
    let mut table = RouteTable::new();
    let mut newer = registration("a", "1.1.1.1:1", &["t"]);
    newer.version.state_version = 5;
    register(&mut table, newer);
    let mut older = registration("a", "2.2.2.2:2", &["t", "other"]);
    older.version.state_version = 4;
    let error = table.register(older.clone(), &RULES, 0);
    assert_eq!(
        error,
        Err(RegisterError::Older {
            broker_name: "a".into(),
            broker_id: 0,
            registered: "1.1.1.1:1".into(),
            registered_version: 5,
            broker_addr: "2.2.2.2:2".into(),
            version: 4,
        })
    );
    assert_eq!(addrs(&table, "t"), [("a".into(), [(0, "1.1.1.1:1".into())].into())].into());
    assert_eq!(
        table.route("other", false).expect_err("none"),
        NoRoute::UnknownTopic { brokers: 1, topics: 1 }
    );
    older.version.state_version = 6;
    let registered = register(&mut table, older);
    assert_eq!(registered.replaced, Some("1.1.1.1:1".into()));
    assert_eq!(addrs(&table, "t"), [("a".into(), [(0, "2.2.2.2:2".into())].into())].into());
}

#[test]
fn one_address_keeps_one_id_when_a_slave_becomes_master() {
    let mut table = RouteTable::new();
    let mut slave = registration("a", "1.1.1.1:1", &[]);
    slave.broker_id = 1;
    register(&mut table, slave);
    register(&mut table, registration("a", "1.1.1.1:1", &["t"]));
    assert_eq!(addrs(&table, "t"), [("a".into(), [(0, "1.1.1.1:1".into())].into())].into());
}

#[test]
fn a_slave_is_told_its_master_and_does_not_decide_queues() {
    let mut table = RouteTable::new();
    register(&mut table, registration("a", "1.1.1.1:1", &["t"]));
    let mut slave = registration("a", "2.2.2.2:2", &["slaves-own"]);
    slave.broker_id = 1;
    let registered = register(&mut table, slave);
    assert_eq!(
        registered,
        Registered {
            ha_server_addr: Some("1.1.1.1:1-ha".into()),
            master_addr: Some("1.1.1.1:1".into()),
            new_broker: true,
            replaced: None,
        }
    );
    assert_eq!(table.all_topics(), BTreeSet::from(["t".into()]));
}

#[test]
fn a_silent_broker_is_dropped_after_its_own_time() {
    let mut table = RouteTable::new();
    let mut short = registration("a", "1.1.1.1:1", &["t"]);
    short.heartbeat_timeout_ms = Some(1_000);
    register(&mut table, short);
    register(&mut table, registration("b", "2.2.2.2:2", &["t"]));
    assert_eq!(table.expire(1_000), []);
    assert!(table.heartbeat("C", "1.1.1.1:1", 1_000));
    assert_eq!(table.expire(2_000), []);
    let dropped = table.expire(2_001);
    assert_eq!(dropped.len(), 1);
    assert_eq!((dropped[0].broker_name.as_str(), dropped[0].silent_ms), ("a", 1_001));
    assert_eq!(addrs(&table, "t").len(), 1);
    assert_eq!(table.expire(120_001).len(), 1);
    assert_eq!(table.route("t", false), Err(NoRoute::NoBroker));
    assert_eq!(table.all_clusters(), BTreeMap::new());
    assert!(!table.heartbeat("C", "1.1.1.1:1", 1));
}

#[test]
fn the_end_of_a_connection_drops_its_brokers_but_not_one_that_came_back_on_another() {
    let mut table = RouteTable::new();
    register(&mut table, registration("a", "1.1.1.1:1", &["t"]));
    register(&mut table, registration("b", "2.2.2.2:2", &["t"]));
    let mut again = registration("b", "2.2.2.2:2", &["t"]);
    again.connection = 2;
    register(&mut table, again);
    let dropped = table.disconnected(1, 7);
    assert_eq!(dropped.iter().map(|d| d.broker_name.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(addrs(&table, "t").into_keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn wiped_permission_stays_until_the_broker_changes_its_table() {
    let mut table = RouteTable::new();
    register(&mut table, registration("a", "1.1.1.1:1", &["t", "u"]));
    assert_eq!(table.wipe_write_perm("a"), 2);
    assert_eq!(table.wipe_write_perm("nobody"), 0);
    register(&mut table, registration("a", "1.1.1.1:1", &["t", "u"]));
    assert_eq!(perm(&table, "t"), 4);
    let mut changed = registration("a", "1.1.1.1:1", &["t", "u"]);
    changed.version.counter = 1;
    register(&mut table, changed);
    assert_eq!(perm(&table, "t"), 6);
    table.wipe_write_perm("a");
    assert_eq!(table.add_write_perm("a"), 2);
    assert_eq!(perm(&table, "u"), 6);
}

#[test]
fn the_lowest_slave_stands_in_for_a_lost_master_without_write_permission() {
    let mut table = RouteTable::new();
    let mut master = registration("a", "1.1.1.1:1", &["t"]);
    master.enable_acting_master = Some(true);
    register(&mut table, master);
    let mut slave = registration("a", "2.2.2.2:2", &["t"]);
    slave.broker_id = 1;
    slave.enable_acting_master = Some(true);
    slave.connection = 2;
    register(&mut table, slave);
    assert_eq!(perm(&table, "t"), 6);
    table.disconnected(1, 0);
    assert_eq!(perm(&table, "t"), 4);
    assert_eq!(addrs(&table, "t")["a"], BTreeMap::from([(1, "2.2.2.2:2".into())]));
    let acting = table.route("t", true).expect("a route");
    assert_eq!(acting.broker_datas[0].broker_addrs, BTreeMap::from([(0, "2.2.2.2:2".into())]));
}

#[test]
fn topics_left_out_of_a_registration_stay_unless_the_setting_says_so() {
    let mut table = RouteTable::new();
    register(&mut table, registration("a", "1.1.1.1:1", &["t", "u"]));
    register(&mut table, registration("b", "2.2.2.2:2", &["u"]));
    register(&mut table, registration("a", "1.1.1.1:1", &["t"]));
    assert_eq!(addrs(&table, "u").len(), 2);
    let rules = Rules { drop_missing_topics: true, ..RULES };
    table.register(registration("a", "1.1.1.1:1", &["t"]), &rules, 0).expect("taken");
    assert_eq!(addrs(&table, "u").into_keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_topic_is_deleted_everywhere_or_in_one_cluster_and_added_to_known_brokers_only() {
    let mut table = RouteTable::new();
    register(&mut table, registration("a", "1.1.1.1:1", &["t"]));
    let mut other = registration("b", "2.2.2.2:2", &["t"]);
    other.cluster = "D".into();
    register(&mut table, other);
    table.delete_topic("t", Some("nowhere"));
    table.delete_topic("t", Some("D"));
    assert_eq!(addrs(&table, "t").into_keys().collect::<Vec<_>>(), ["a"]);
    table.delete_topic("t", None);
    assert_eq!(table.topic_count(), 0);
    table.register_topic("t", &[("a".into(), queues(6))], &RULES).expect("known broker");
    assert!(table.register_topic("t", &[("z".into(), queues(6))], &RULES).is_err());
    assert_eq!(addrs(&table, "t").into_keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn too_many_routes_are_refused_with_figures_and_known_ones_still_renewed() {
    let mut table = RouteTable::new();
    let rules = Rules { routes_max: 2, ..RULES };
    table.register(registration("a", "1.1.1.1:1", &["t", "u"]), &rules, 0).expect("taken");
    let error = table.register(registration("b", "2.2.2.2:2", &["t"]), &rules, 0);
    assert_eq!(error, Err(RegisterError::TooManyRoutes { routes: 3, routes_max: 2 }));
    assert_eq!(table.broker_count(), 1);
    table.register(registration("a", "1.1.1.1:1", &["t", "u"]), &rules, 0).expect("renewed");
    table.unregister("C", "a", "1.1.1.1:1");
    table.register(registration("b", "2.2.2.2:2", &["t", "u"]), &rules, 0).expect("room again");
}

#[test]
fn unit_topics_are_told_apart_by_their_flag() {
    let mut table = RouteTable::new();
    let mut units = registration("a", "1.1.1.1:1", &[]);
    for (topic, flag) in [("plain", 0), ("unit", 1), ("sub", 2), ("both", 3)] {
        units.topics.push((topic.into(), Queues { topic_sys_flag: flag, ..queues(6) }));
    }
    register(&mut table, units);
    let names = |which| table.unit_topics(which).into_iter().collect::<Vec<_>>();
    assert_eq!(names(UnitTopics::Unit), ["both", "unit"]);
    assert_eq!(names(UnitTopics::UnitSub), ["both", "sub"]);
    assert_eq!(names(UnitTopics::UnitSubNotUnit), ["sub"]);
}

#[test]
fn broker_ids_are_quoted_by_the_clients_version() {
    let mut table = RouteTable::new();
    let mut one = registration("bröker", "1.1.1.1:1", &["t"]);
    one.zone_name = Some("z".into());
    register(&mut table, one);
    let route = table.route("t", false).expect("a route");
    let text = |ids| String::from_utf8(route.encode(ids)).expect("UTF-8");
    let bare = text(RouteIds::for_client(400, None));
    let quoted = text(RouteIds::for_client(401, None));
    assert!(bare.contains(r#""brokerAddrs":{0:"1.1.1.1:1"}"#), "{bare}");
    assert_eq!(bare.replace("{0:", "{\"0\":"), quoted);
    assert_eq!(text(RouteIds::for_client(317, Some(true))), quoted);
    let expected = serde_json::json!({
        "brokerDatas": [{
            "brokerAddrs": {"0": "1.1.1.1:1"}, "brokerName": "bröker", "cluster": "C",
            "enableActingMaster": false, "zoneName": "z",
        }],
        "filterServerTable": {},
        "queueDatas": [{
            "brokerName": "bröker", "perm": 6, "readQueueNums": 8, "topicSysFlag": 0,
            "writeQueueNums": 8,
        }],
    });
    assert_eq!(serde_json::from_str::<serde_json::Value>(&quoted).expect("JSON"), expected);
}
