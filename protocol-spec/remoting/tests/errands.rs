//! Work that other threads leave to a connection's shard.
mod common;

use std::time::Duration;

use common::*;
use remora_protocol::ResponseCode;
use remora_remoting::{Body, Errand, Responder};
use tokio::sync::mpsc::{self, UnboundedSender};

/// Answers, and tells on which thread it did.
struct Answering(Responder, UnboundedSender<String>);

impl Errand for Answering {
    fn run(self: Box<Self>) {
        let Self(responder, ran) = *self;
        responder.reply(ResponseCode::SUCCESS, &(), Body::Empty);
        let _ = ran.send(std::thread::current().name().unwrap_or("").to_owned());
    }
}

struct Panicking(#[expect(dead_code, reason = "its drop answers")] Responder);

impl Errand for Panicking {
    fn run(self: Box<Self>) {
        panic!("as the test asked")
    }
}

#[tokio::test]
async fn errands_of_a_burst_run_on_the_connections_shard_in_order() {
    let mut rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    let (ran, mut threads) = mpsc::unbounded_channel();
    // More than run in one go.
    let count = 100;
    let mut parked = Vec::new();
    for opaque in 0..count {
        peer.send(&request(11, opaque, b"")).await;
        parked.push(rig.parked().await);
    }
    for responder in parked {
        let conn = responder.conn.clone();
        conn.run_on_shard(Box::new(Answering(responder, ran.clone())));
    }
    for opaque in 0..count {
        let answer = peer.answer().await;
        assert_eq!((answer.code, answer.opaque), (0, opaque));
        assert_eq!(soon(threads.recv()).await.as_deref(), Some("test-io-0"));
    }
    assert!(threads.is_empty());
}

#[tokio::test]
async fn a_panic_ends_the_errand_alone() {
    let mut rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    let (ran, _threads) = mpsc::unbounded_channel();
    peer.send(&request(11, 1, b"")).await;
    let first = rig.parked().await;
    peer.send(&request(11, 2, b"")).await;
    let second = rig.parked().await;
    let conn = first.conn.clone();
    conn.run_on_shard(Box::new(Panicking(first)));
    conn.run_on_shard(Box::new(Answering(second, ran)));
    let codes: Vec<_> =
        peer.answers(2).await.iter().map(|answer| (answer.opaque, answer.code)).collect();
    assert_eq!(codes, [(1, 1), (2, 0)]);
    peer.echoes(77).await;
}

#[tokio::test]
async fn an_errand_is_run_though_its_connection_or_its_server_has_ended() {
    let mut rig = Rig::start(server_config());
    let (ran, mut threads) = mpsc::unbounded_channel();
    let mut parked = Vec::new();
    for _ in 0..2 {
        let mut peer = rig.peer().await;
        peer.send(&request(11, 1, b"")).await;
        parked.push(rig.parked().await);
        drop(peer);
        rig.event(|event| matches!(event, Event::Disconnected(_)).then_some(())).await;
    }
    let (late, early) = (parked.remove(1), parked.remove(0));
    let conn = early.conn.clone();
    conn.run_on_shard(Box::new(Answering(early, ran.clone())));
    assert_eq!(soon(threads.recv()).await.as_deref(), Some("test-io-0"));
    rig.server.drain(Duration::from_secs(5)).await;
    let conn = late.conn.clone();
    conn.run_on_shard(Box::new(Answering(late, ran)));
    assert!(soon(threads.recv()).await.is_some_and(|thread| thread != "test-io-0"));
}
