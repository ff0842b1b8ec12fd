//! The broker and a nameserver that remembers what it was told.
mod common;

use std::sync::Arc;

use common::{Node, PATIENCE, server_config};
use remora_protocol::body::RegisterBrokerBody;
use remora_protocol::header::{RegisterBrokerHeader, UnRegisterBrokerHeader};
use remora_protocol::{OwnedFrame, RequestCode, ResponseCode};
use remora_remoting::{Body, Server, Service, Turn};
use tokio::sync::mpsc;

struct Nameserver(mpsc::UnboundedSender<OwnedFrame>);

impl Service for Nameserver {
    fn turn(&self, turn: Turn<'_>) {
        for call in turn.into_calls() {
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
async fn broker_registers_at_once_on_every_new_topic_and_unregisters_at_the_stop() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let service = Arc::new(Nameserver(sender));
    let nameserver = Server::start(server_config("nameserver"), service).unwrap();
    let nameserver_addr = nameserver.local_addrs()[0].to_string();
    let node = Node::start_with(|settings| settings.nameserver_addrs = vec![nameserver_addr]);
    node.broker.start_registration();

    let first = next(&mut told).await;
    let header = RegisterBrokerHeader::decode(first.view().fields).unwrap();
    assert_eq!(
        (&*header.broker_name, &*header.broker_addr, &*header.cluster_name, header.broker_id),
        ("broker-a", node.addr.as_str(), "DefaultCluster", 0)
    );
    let before = registered(&first).topic_config_serialize_wrapper;
    assert!(before.topic_config_table.contains_key("TBW102"));
    assert!(!before.topic_config_table.contains_key("orders"));

    let client = node.client().await;
    client.send_ok("orders", "x").await;
    let mut after = registered(&next(&mut told).await).topic_config_serialize_wrapper;
    while !after.topic_config_table.contains_key("orders") {
        after = registered(&next(&mut told).await).topic_config_serialize_wrapper;
    }
    assert!(after.data_version.counter > before.data_version.counter);

    let addr = node.addr.clone();
    node.stop().await;
    let mut last = next(&mut told).await;
    while last.view().code == RequestCode::REGISTER_BROKER.0 {
        last = next(&mut told).await;
    }
    assert_eq!(last.view().code, RequestCode::UNREGISTER_BROKER.0);
    let header = UnRegisterBrokerHeader::decode(last.view().fields).unwrap();
    assert_eq!((&*header.broker_name, &*header.broker_addr), ("broker-a", addr.as_str()));
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
