//! The broker and a nameserver that remembers what it was told.
mod common;

use std::sync::Arc;

use common::{Node, PATIENCE, server_config};
use remora_protocol::body::{self, QueueData, RegisterBrokerBody, TopicRouteData};
use remora_protocol::header::{RegisterBrokerHeader, RegisterTopicHeader, UnRegisterBrokerHeader};
use remora_protocol::{OwnedFrame, RequestCode, ResponseCode};
use remora_remoting::{Body, Server, Service, Turn};
use remora_store::meta_log::Durability;
use tokio::sync::mpsc;

struct Nameserver(mpsc::UnboundedSender<OwnedFrame>);

impl Service for Nameserver {
    fn turn(&self, turn: &mut Turn<'_>) {
        while let Some(call) = turn.next_call() {
            let _ = self.0.send(call.frame.to_owned_frame());
            call.reply(ResponseCode::SUCCESS, &(), Body::Empty);
        }
    }
}

async fn next(told: &mut mpsc::UnboundedReceiver<OwnedFrame>) -> OwnedFrame {
    tokio::time::timeout(PATIENCE, told.recv()).await.unwrap().unwrap()
}

fn registered(frame: &OwnedFrame) -> RegisterBrokerBody {
    let view = frame.view();
    assert_eq!(view.code, RequestCode::REGISTER_BROKER.0);
    RegisterBrokerBody::decode(view.body, false, view.version).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn broker_registers_a_new_topic_alone_and_unregisters_at_the_stop() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let service = Arc::new(Nameserver(sender));
    let nameserver = Server::start(server_config("nameserver"), service).unwrap();
    let nameserver_addr = nameserver.local_addrs()[0].to_string();
    let node = Node::start_with(|settings| settings.nameserver_addrs = vec![nameserver_addr]);
    node.broker.start_registration();

    let first = next(&mut told).await;
    let header = RegisterBrokerHeader::decode(&first.view().fields).unwrap();
    assert_eq!(
        (&*header.broker_name, &*header.broker_addr, &*header.cluster_name, header.broker_id),
        ("broker-a", node.addr.as_str(), "DefaultCluster", 0)
    );
    let before = registered(&first).topic_config_serialize_wrapper;
    assert!(before.topic_config_table.contains_key("TBW102"));
    assert!(!before.topic_config_table.contains_key("orders"));

    let client = node.client().await;
    client.send_ok("orders", "x").await;
    let frame = next(&mut told).await;
    assert_eq!(frame.view().code, RequestCode::REGISTER_TOPIC_IN_NAMESRV.0);
    let header = RegisterTopicHeader::decode(&frame.view().fields).unwrap();
    assert_eq!(header.topic, "orders");
    let queues = QueueData {
        broker_name: "broker-a".to_owned(),
        perm: 6,
        read_queue_nums: 4,
        write_queue_nums: 4,
        topic_sys_flag: 0,
    };
    let route: TopicRouteData = body::decode(frame.view().body).unwrap();
    assert_eq!(route, TopicRouteData { queue_datas: vec![queues], ..TopicRouteData::default() });

    // Removed with the whole table: the one request that can say that a topic is missing.
    node.broker.topics.remove("orders").unwrap();
    let after = registered(&next(&mut told).await).topic_config_serialize_wrapper;
    assert_eq!(after.topic_config_table, before.topic_config_table);
    assert_eq!(after.data_version.counter, before.data_version.counter + 2);

    let addr = node.addr.clone();
    node.stop().await;
    let mut last = next(&mut told).await;
    while last.view().code == RequestCode::REGISTER_BROKER.0 {
        last = next(&mut told).await;
    }
    assert_eq!(last.view().code, RequestCode::UNREGISTER_BROKER.0);
    let header = UnRegisterBrokerHeader::decode(&last.view().fields).unwrap();
    assert_eq!((&*header.broker_name, &*header.broker_addr), ("broker-a", addr.as_str()));
    nameserver.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nameserver_that_was_restarted_gets_the_whole_table_with_the_next_topic() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let service = Arc::new(Nameserver(sender));
    let nameserver = Server::start(server_config("nameserver"), service.clone()).unwrap();
    let addr = nameserver.local_addrs()[0];
    let node = Node::start_with(|settings| settings.nameserver_addrs = vec![addr.to_string()]);
    node.broker.start_registration();
    registered(&next(&mut told).await);
    nameserver.drain(PATIENCE).await;
    let config = remora_remoting::ServerConfig { listen: vec![addr], ..server_config("again") };
    let nameserver = Server::start(config, service).unwrap();

    let client = node.client().await;
    client.send_ok("orders", "x").await;
    let table = registered(&next(&mut told).await).topic_config_serialize_wrapper;
    assert!(table.topic_config_table.contains_key("orders"));
    node.stop().await;
    nameserver.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_topics_at_once_are_told_in_one_request() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let service = Arc::new(Nameserver(sender));
    let nameserver = Server::start(server_config("nameserver"), service).unwrap();
    let nameserver_addr = nameserver.local_addrs()[0].to_string();
    let node = Node::start_with(|settings| settings.nameserver_addrs = vec![nameserver_addr]);
    node.broker.start_registration();
    let before = registered(&next(&mut told).await).topic_config_serialize_wrapper;

    let names = (0..1000).map(|index| format!("topic-{index}"));
    let topics = names.map(|name| remora_broker::topic_table::plain_topic(&name, 8, 6)).collect();
    node.broker.topics.put(topics, Durability::Disk).unwrap();
    let after = registered(&next(&mut told).await).topic_config_serialize_wrapper;
    assert_eq!(after.topic_config_table.len(), before.topic_config_table.len() + 1000);
    node.stop().await;
    nameserver.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn table_too_large_for_a_frame_is_sent_compressed() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let service = Arc::new(Nameserver(sender));
    let nameserver = Server::start(server_config("nameserver"), service).unwrap();
    let nameserver_addr = nameserver.local_addrs()[0].to_string();
    let node = Node::start_with(|settings| settings.nameserver_addrs = vec![nameserver_addr]);
    // 200 bytes each as JSON: 20 MB, and a frame has 16 MiB.
    let names = (0..100_000).map(|index| format!("topic-{index}"));
    let topics = names.map(|name| remora_broker::topic_table::plain_topic(&name, 8, 6)).collect();
    node.broker.topics.restore(topics, node.broker.topics.version());
    node.broker.start_registration();

    let frame = next(&mut told).await;
    let header = RegisterBrokerHeader::decode(&frame.view().fields).unwrap();
    assert_eq!(header.compressed, Some(true));
    let table = RegisterBrokerBody::decode(frame.view().body, true, frame.view().version).unwrap();
    let told_topics = table.topic_config_serialize_wrapper.topic_config_table;
    assert_eq!(told_topics.len(), node.broker.topics.len());
    node.stop().await;
    nameserver.drain(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nameserver_that_comes_later_is_registered_with() {
    // A port that was free a moment ago, as nobody can hold one without listening.
    let addr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = Node::start_with(|settings| settings.nameserver_addrs = vec![addr.to_string()]);
    let failed = node.broker.registration.round_ended();
    node.broker.start_registration();
    failed.await;
    assert_eq!(node.broker.registration.registered(), Vec::<String>::new());

    let (sender, mut told) = mpsc::unbounded_channel();
    let config = remora_remoting::ServerConfig { listen: vec![addr], ..server_config("late") };
    let nameserver = Server::start(config, Arc::new(Nameserver(sender))).unwrap();
    registered(&next(&mut told).await);
    common::until(|| node.broker.registration.registered() == [addr.to_string()]).await;
    node.stop().await;
    nameserver.drain(PATIENCE).await;
}
