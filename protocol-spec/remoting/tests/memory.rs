//! Many peers that together would hold more memory than there is.
mod common;

use std::sync::Arc;

use common::*;
use remora_protocol::{FrameLimits, ResponseCode};
use remora_remoting::{Body, Budget, Class, ServerConfig};

const MIB: usize = 1 << 20;
const BUSY: i32 = ResponseCode::SYSTEM_BUSY.0;

fn limited(budget: &Arc<Budget>) -> ServerConfig {
    let frame = FrameLimits { frame_bytes_max: 16 << 20, header_bytes_max: 1 << 16 };
    ServerConfig { budget: Arc::clone(budget), frame, ..server_config() }
}

async fn until(mut holds: impl FnMut() -> bool) {
    soon(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn half_sent_large_frames_past_the_limit_are_refused_and_others_are_served() {
    let budget = Arc::new(Budget::new(16 * MIB));
    let rig = Rig::start(limited(&budget));
    let whole = request(10, 7, &vec![1; 12 * MIB]);
    let half = &whole[..MIB];
    let mut peers = Vec::new();
    for _ in 0..40 {
        let mut peer = rig.peer().await;
        peer.send(half).await;
        peers.push(peer);
    }
    // 8 MiB are for halves of frames: those that came too late are told, by number.
    until(|| budget.usage(Class::Inbound).refused > 20).await;
    let used_bytes = budget.used_bytes();
    assert!(used_bytes <= budget.limit_bytes(), "{used_bytes} bytes are held");
    rig.peer().await.echoes(1).await;

    let last = peers.last_mut().unwrap();
    let refused = last.answer().await;
    assert_eq!((refused.code, refused.opaque), (BUSY, 7));
    for part in ["half received frames hold ", " bytes", "limit is 8388", "--memory-limit"] {
        assert!(refused.remark().contains(part), "'{part}' is not in: {}", refused.remark());
    }
    // The rest of it is read into nothing, and the connection goes on.
    last.send(&whole[MIB..]).await;
    last.echoes(8).await;

    drop(peers);
    until(|| budget.usage(Class::Inbound).used_bytes == 0).await;
    let mut peer = rig.peer().await;
    peer.send(&request(34, 9, &vec![1; 6 * MIB])).await;
    assert_eq!(peer.answer().await.code, 0);
}

#[tokio::test]
async fn answers_that_nobody_reads_stay_within_the_limit_and_others_are_served() {
    let budget = Arc::new(Budget::new(16 * MIB));
    let rig = Rig::start(ServerConfig { outbound_bytes_max: MIB, ..limited(&budget) });
    let asked: Vec<u8> = (0..500).flat_map(|opaque| request(15, opaque, b"65536")).collect();
    let mut peers = Vec::new();
    for _ in 0..20 {
        let mut peer = rig.peer().await;
        peer.send(&asked).await;
        peers.push(peer);
    }
    let usage = budget.usage(Class::Outbound);
    until(|| budget.usage(Class::Outbound).used_bytes >= usage.limit_bytes).await;
    for opaque in 0..50 {
        rig.peer().await.echoes(opaque).await;
    }
    let used_bytes = budget.used_bytes();
    assert!(used_bytes <= budget.limit_bytes(), "{used_bytes} bytes are held");

    // Whoever reads in the end gets everything.
    let mut first = peers.remove(0);
    drop(peers);
    let opaques: Vec<_> = first.answers(500).await.iter().map(|answer| answer.opaque).collect();
    assert_eq!(opaques, (0..500).collect::<Vec<_>>());
    until(|| budget.usage(Class::Outbound).used_bytes == 0).await;
}

#[tokio::test]
async fn requests_in_flight_are_accounted_and_given_back() {
    let budget = Arc::new(Budget::new(16 * MIB));
    let mut rig = Rig::start(limited(&budget));
    let mut peer = rig.peer().await;
    let asked: Vec<u8> = (0..300).flat_map(|opaque| request(11, opaque, b"")).collect();
    peer.send(&asked).await;
    let mut parked = Vec::new();
    for _ in 0..300 {
        parked.push(rig.parked().await);
    }
    assert_eq!(budget.usage(Class::InFlight).used_bytes, 256 * 512, "in steps of 64");
    for responder in parked {
        responder.reply(ResponseCode::SUCCESS, &(), Body::Empty);
    }
    peer.answers(300).await;
    assert_eq!(budget.usage(Class::InFlight).used_bytes, 0);
}

#[tokio::test]
async fn admin_request_without_memory_for_its_copy_is_refused() {
    let budget = Arc::new(Budget::new(16 * MIB));
    let mut rig = Rig::start(limited(&budget));
    let gate = rig.service.role.clone();
    let held = gate.gate.lock().await;
    let (mut first, mut second) = (rig.peer().await, rig.peer().await);
    first.send(&request(200, 1, &vec![1; 3 * MIB])).await;
    rig.event(|event| matches!(event, Event::Slow).then_some(())).await;
    second.send(&request(200, 2, &vec![1; 3 * MIB])).await;
    let refused = second.answer().await;
    assert_eq!((refused.code, refused.opaque), (BUSY, 2));
    assert!(refused.remark().starts_with("admin requests hold 3145"), "{}", refused.remark());
    drop(held);
    assert_eq!(first.answer().await.code, 0);
    until(|| budget.usage(Class::SlowLane).used_bytes == 0).await;
    second.send(&request(200, 3, &vec![1; 3 * MIB])).await;
    assert_eq!(second.answer().await.code, 0);
}

#[tokio::test]
async fn connection_without_memory_for_it_is_told_so() {
    let budget = Arc::new(Budget::new(8 * 4096));
    let rig = Rig::start(limited(&budget));
    let mut peers = Vec::new();
    for opaque in 0..5 {
        let mut peer = rig.peer().await;
        peer.echoes(opaque).await;
        peers.push(peer);
    }
    let mut last = rig.peer().await;
    last.send(&request(10, 1, b"")).await;
    let refused = last.answer().await;
    assert_eq!((refused.code, refused.opaque), (BUSY, 1));
    assert!(refused.remark().starts_with("open connections hold 20480"), "{}", refused.remark());
}
