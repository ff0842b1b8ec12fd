//! What is not a frame: said why, closed, and nobody else disturbed.
mod common;

use std::time::Duration;

use common::*;
use remora_protocol::SerializeType;
use remora_remoting::Counts;
use tokio::io::AsyncReadExt;

/// A frame with this length, header word and header.
fn raw(length: u32, word: u32, header: &[u8]) -> Vec<u8> {
    [&length.to_be_bytes()[..], &word.to_be_bytes()[..], header].concat()
}

#[tokio::test]
async fn malformed_frames_are_explained_before_the_close() {
    let rig = Rig::start(server_config());
    let mut bystander = rig.peer().await;
    let header = br#"{"code":10,"opaque":4711"#;
    let header_bytes = u32::try_from(header.len()).unwrap();
    let cases: [(&str, Vec<u8>, i32, &str); 7] = [
        ("length 0", raw(0, 0, b""), 0, "frame length 0 is outside"),
        ("length 3", raw(3, 0, b""), 0, "frame length 3 is outside"),
        ("negative", raw(u32::MAX, 0, header), 4711, "frame length -1 is outside"),
        ("oversize", raw(1 << 24, header_bytes, header), 4711, "frame length 16777216 is outside"),
        ("header over frame", raw(30, 2_000, header), 4711, "header length 2000 is larger than"),
        ("type 9", raw(4 + header_bytes, 9 << 24, header), 0, "unknown serialize type 9"),
        ("half JSON", raw(4 + header_bytes, header_bytes, header), 4711, "header is not valid"),
    ];
    let count = u64::try_from(cases.len()).unwrap();
    for (name, bytes, opaque, remark) in cases {
        let mut peer = rig.peer().await;
        peer.send(&[request(10, 1, b"first"), bytes].concat()).await;
        assert_eq!(peer.answer().await.body, b"first", "{name}: what came before is answered");
        let answer = peer.answer().await;
        assert_eq!((answer.code, answer.opaque), (1, opaque), "{name}");
        assert!(answer.remark().starts_with(remark), "{name}: {}", answer.remark());
        assert_eq!(peer.rest().await, b"", "{name}");
        bystander.echoes(1).await;
    }
    let Counts { malformed_frames, .. } = rig.server.counts();
    assert_eq!(malformed_frames, count);
}

#[tokio::test]
async fn a_malformed_binary_header_is_explained_in_binary() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    // A remark that is longer than the header.
    let header = [0, 10, 0, 1, 1, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 0];
    peer.send(&raw(25, 1 << 24 | 21, &header)).await;
    let answer = peer.answer().await;
    assert_eq!((answer.serialize, answer.code, answer.opaque), (SerializeType::Binary, 1, 99));
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn garbage_of_every_kind_ends_in_a_close() {
    let rig = Rig::start(server_config());
    let mut bystander = rig.peer().await;
    let tls = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    for garbage in [&tls[..], b"SSH-2.0-OpenSSH_9.2\r\n", &[0xFF; 4096], &[0; 4096], b"hello world"]
    {
        let mut peer = rig.peer().await;
        peer.send(garbage).await;
        peer.rest().await;
        bystander.echoes(1).await;
    }
}

#[tokio::test]
async fn http_is_told_in_http() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    peer.send(b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n").await;
    let answer = String::from_utf8(peer.rest().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.ends_with("speaks the Remoting protocol of RocketMQ, not HTTP.\n"), "{answer}");
}

#[tokio::test]
async fn half_a_frame_is_closed_after_its_timeout() {
    let config = common::server_config();
    let partial_frame_timeout = Duration::from_millis(40);
    let mut rig = Rig::start(remora_remoting::ServerConfig { partial_frame_timeout, ..config });
    // A whole connection at rest is not touched by that timer.
    let mut bystander = rig.peer().await;
    bystander.echoes(1).await;
    let whole = request(10, 1, &[1; 50_000]);
    for cut in [1, 7, 100, 40_000] {
        let mut peer = rig.peer().await;
        peer.send(&[request(10, 5, b"whole"), whole[..cut].to_vec()].concat()).await;
        assert_eq!(peer.answer().await.opaque, 5);
        assert_eq!(peer.rest().await, b"", "cut at {cut}");
    }
    bystander.echoes(2).await;
    assert_eq!(rig.server.counts().partial_frame_timeouts, 4);
    rig.event(|event| matches!(event, Event::Disconnected(_)).then_some(())).await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let idle_timeout = Duration::from_millis(40);
    let rig = Rig::start(remora_remoting::ServerConfig { idle_timeout, ..server_config() });
    let mut silent = rig.peer().await;
    let mut used = rig.peer().await;
    used.echoes(1).await;
    assert_eq!(silent.rest().await, b"");
    assert_eq!(used.rest().await, b"");
    assert_eq!(rig.server.counts().idle_timeouts, 2);
}

#[tokio::test]
async fn one_connection_too_many_is_told_the_limit() {
    let config = remora_remoting::ServerConfig { connections_max: 2, ..server_config() };
    let mut rig = Rig::start(config);
    let mut first = rig.peer().await;
    let mut second = rig.peer().await;
    first.echoes(1).await;
    second.echoes(1).await;
    let mut third = rig.peer().await;
    third.send(&request(10, 42, b"")).await;
    let answer = third.answer().await;
    assert_eq!((answer.code, answer.opaque), (2, 42));
    assert!(answer.remark().contains("the limit is 2"), "{}", answer.remark());
    assert_eq!(third.rest().await, b"");
    assert_eq!(rig.server.counts().connections_refused, 1);

    drop(first);
    rig.event(|event| matches!(event, Event::Disconnected(_)).then_some(())).await;
    while rig.server.connections().len() > 1 {
        tokio::task::yield_now().await;
    }
    rig.peer().await.echoes(3).await;
    second.echoes(2).await;
}

#[tokio::test]
async fn a_peer_that_leaves_in_the_middle_of_a_frame_is_noticed() {
    let mut rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    peer.send(&request(10, 1, b"cut")[..20]).await;
    drop(peer);
    rig.event(|event| matches!(event, Event::Disconnected(_)).then_some(())).await;
    rig.peer().await.echoes(1).await;
}

#[tokio::test]
async fn unknown_answers_are_ignored() {
    use remora_protocol::Flags;
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    let answer = frame(SerializeType::Json, Flags::RESPONSE, 0, 12345, &[], b"");
    peer.send(&[answer.clone(), answer].concat()).await;
    peer.echoes(1).await;
    assert_eq!(rig.server.counts().unexpected_answers, 2);
}

#[tokio::test]
async fn a_length_alone_allocates_nothing_and_waits() {
    let rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    let mut whole = request(10, 1, &[5; 1_000_000]);
    let rest = whole.split_off(8);
    peer.send(&whole).await;
    rig.peer().await.echoes(1).await;
    peer.send(&rest).await;
    assert_eq!(peer.answer().await.body.len(), 1_000_000);
    let mut one = [0; 1];
    drop(rig);
    assert_eq!(soon(peer.stream.read(&mut one)).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_peer_that_sends_on_still_reads_why_it_was_closed() {
    let rig = Rig::start(server_config());
    for _ in 0..20 {
        let mut peer = rig.peer().await;
        // Far more than one read takes: closing over the rest would reset the connection.
        peer.send(&[raw(3, 0, b""), vec![0; 600_000]].concat()).await;
        assert!(peer.answer().await.remark().starts_with("frame length 3 is outside"));
        assert_eq!(peer.rest().await, b"");
        // Not reset either: that could have overtaken the words on their way.
        peer.send(b"and on").await;
    }
}
