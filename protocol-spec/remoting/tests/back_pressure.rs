//! Peers that ask for more than they take, and many peers at once.
mod common;

use std::sync::atomic::Ordering;

use common::*;
use remora_protocol::{ResponseCode, SerializeType};
use remora_remoting::{Body, ServerConfig};
use tokio::io::AsyncReadExt;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_slow_reader_is_asked_no_more_and_gets_everything_in_the_end() {
    let rig = Rig::start(ServerConfig { outbound_bytes_max: 2 * MIB, ..server_config() });
    let mut slow = rig.peer().await;
    let asked: Vec<u8> = (0..200).flat_map(|opaque| request(15, opaque, b"1048576")).collect();
    slow.send(&asked).await;
    let first = slow.answer().await;
    assert_eq!((first.opaque, first.body.len()), (0, MIB));

    let mut other = rig.peer().await;
    for opaque in 0..50 {
        other.echoes(opaque).await;
    }
    // What the kernel's buffers of both sides took, and the limit: far from 200.
    let answered = rig.service.role.big_answers.load(Ordering::Relaxed);
    assert!(answered < 60, "{answered} MiB were queued for a peer that does not read");

    let rest = slow.answers(199).await;
    let seen: Vec<_> = rest.iter().map(|answer| (answer.opaque, answer.body.len())).collect();
    assert_eq!(seen, (1..200).map(|opaque| (opaque, MIB)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_peer_that_never_reads_what_is_pushed_is_closed() {
    let mut rig = Rig::start(ServerConfig { outbound_bytes_max: MIB, ..server_config() });
    let mut peer = rig.peer().await;
    peer.send(&request(11, 1, b"")).await;
    let conn = std::sync::Arc::clone(&rig.parked().await.conn);
    let notice =
        frame(SerializeType::Json, remora_protocol::Flags::ONEWAY, 40, 0, &[], &[1; 60_000]);
    let notice = bytes::Bytes::from(notice);
    let mut pushed = 0;
    while !conn.is_closed() {
        conn.push(notice.clone());
        pushed += 1;
        assert!(pushed < 10_000, "600 MB are queued");
        tokio::task::yield_now().await;
    }
    rig.event(|event| matches!(event, Event::Disconnected(_)).then_some(())).await;
    assert_eq!(rig.server.counts().slow_readers, 1);
    rig.peer().await.echoes(1).await;
}

#[tokio::test]
async fn deferred_requests_past_the_limit_wait_their_turn() {
    let mut rig = Rig::start(ServerConfig { in_flight_max: 2, ..server_config() });
    let mut peer = rig.peer().await;
    let asked: Vec<u8> = (0..5).flat_map(|opaque| request(11, opaque, b"")).collect();
    peer.send(&asked).await;
    let mut parked = std::collections::VecDeque::from([rig.parked().await, rig.parked().await]);
    for opaque in 0..5 {
        // Other connections go on meanwhile, and this one has stopped.
        rig.peer().await.echoes(1).await;
        while let Ok(event) = rig.events.try_recv() {
            assert!(!matches!(event, Event::Parked(_)), "a third request was taken");
        }
        let next = parked.pop_front().unwrap();
        assert_eq!((next.opaque, next.conn.in_flight()), (opaque, 2.min(5 - opaque as usize)));
        next.reply(ResponseCode::SUCCESS, &(), Body::Empty);
        assert_eq!(peer.answer().await.opaque, opaque);
        if opaque < 3 {
            parked.push_back(rig.parked().await);
        }
    }
}

#[tokio::test]
async fn a_oneway_request_that_was_deferred_frees_its_place() {
    let mut rig = Rig::start(ServerConfig { in_flight_max: 1, ..server_config() });
    let mut peer = rig.peer().await;
    let oneway =
        |opaque| frame(SerializeType::Json, remora_protocol::Flags::ONEWAY, 11, opaque, &[], b"");
    peer.send(&[oneway(1), oneway(2), request(10, 3, b"")].concat()).await;
    for opaque in [1, 2] {
        let parked = rig.parked().await;
        assert_eq!(parked.opaque, opaque);
        parked.reply(ResponseCode::SUCCESS, &(), Body::Empty);
    }
    assert_eq!(peer.answer().await.opaque, 3);
}

#[tokio::test]
async fn a_big_answer_does_not_stop_the_reading() {
    let mut rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    // 40 MiB cannot leave before the peer reads; the next request is served all the same.
    peer.send(&[request(15, 1, b"41943040"), request(11, 2, b"")].concat()).await;
    rig.parked().await.reply(ResponseCode::SUCCESS, &(), Body::Empty);
    peer.send(&request(11, 3, b"")).await;
    rig.parked().await.reply(ResponseCode::SUCCESS, &(), Body::Empty);
    let answers = peer.answers(3).await;
    let seen: Vec<_> = answers.iter().map(|answer| (answer.opaque, answer.body.len())).collect();
    assert_eq!(seen, [(1, 40 * MIB), (2, 0), (3, 0)]);
}

#[tokio::test]
async fn two_hundred_connections_at_once_are_all_served() {
    let rig = Rig::start(ServerConfig { io_shards: 2, ..server_config() });
    let mut peers = Vec::new();
    for _ in 0..200 {
        peers.push(rig.peer().await);
    }
    let burst: Vec<u8> = (0..10).flat_map(|opaque| request(10, opaque, &[9; 300])).collect();
    for peer in &mut peers {
        peer.send(&burst).await;
    }
    for peer in &mut peers {
        let answers = peer.answers(10).await;
        let opaques: Vec<_> = answers.iter().map(|answer| answer.opaque).collect();
        assert_eq!(opaques, (0..10).collect::<Vec<_>>());
    }
    assert_eq!(rig.server.counts().connections(), 200);
    assert_eq!(rig.server.counts().requests, 2000);
}

#[tokio::test]
async fn a_flood_that_is_never_read_leaves_memory_bounded() {
    let rig = Rig::start(ServerConfig { outbound_bytes_max: MIB, ..server_config() });
    let mut flood = rig.peer().await;
    // Three digits each: frames of one length.
    let burst: Vec<u8> = (100..200).flat_map(|opaque| request(10, opaque, &[9; 10_000])).collect();
    // Until neither side takes any more.
    let mut sent_bytes = 0_usize;
    let mut stalled = 0;
    while stalled < 100 {
        match flood.stream.try_write(&burst[sent_bytes % burst.len()..]) {
            Ok(written) => {
                sent_bytes += written;
                stalled = 0;
            }
            Err(_) => {
                // Lets the server run; it takes more as long as it may.
                rig.peer().await.echoes(1).await;
                stalled += 1;
            }
        }
        assert!(sent_bytes < 200 * MIB, "the server reads on and on");
    }
    let frame_bytes = burst.len() / 100;
    // Every whole request that was sent is answered once the peer reads.
    let whole = sent_bytes / frame_bytes;
    let answers = flood.answers(whole).await;
    assert!(answers.iter().all(|answer| answer.body.len() == 10_000));
    let mut one = [0; 1];
    drop(rig);
    assert_eq!(soon(flood.stream.read(&mut one)).await.unwrap_or(0), 0);
}
