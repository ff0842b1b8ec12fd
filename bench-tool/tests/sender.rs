//! The sending side against a server of the test's own.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::BytesMut;
use remora_bench::payload::{Faults, Verifier};
use remora_bench::sender::{self, ReadBack, SenderPlan, Sent};
use remora_bench::stats::LoadStats;
use remora_bench::template::{Template, TemplateSpec};
use remora_protocol::{
    Decoded, EncodeHeader, FieldWriter, Flags, FrameLimits, Head, Language, SerializeType, batch,
    frame,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const RUN: u32 = 77;
const IN_FLIGHT: usize = 8;
const QUEUES: u32 = 3;

fn plan(addr: String, batch: usize, serialize: SerializeType) -> SenderPlan {
    let spec = |queue| TemplateSpec {
        topic: "orders",
        broker_name: "broker-a",
        queue,
        body_bytes: 64,
        batch,
        serialize,
        run: RUN,
        producer: 5,
    };
    SenderPlan {
        addr,
        templates: (0..QUEUES).map(|queue| Template::new(&spec(queue))).collect(),
        in_flight: IN_FLIGHT,
        interval_ns: None,
        serialize,
        run: RUN,
        producer: 5,
        body_bytes: 64,
        read_back: ReadBack::Yes,
    }
}

/// What the test's server saw.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    requests: u64,
    refused: u64,
    in_flight_max: usize,
    unique_keys: std::collections::BTreeSet<Vec<u8>>,
}

struct Nothing;

impl EncodeHeader for Nothing {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Answers each read's requests in reverse order and refuses every seventh; tells the sender to
/// stop after `requests` and ends when it has gone.
async fn serve(listener: TcpListener, requests: u64, stop: Arc<AtomicBool>) -> (Seen, Verifier) {
    let (mut stream, _) = listener.accept().await.expect("a sender");
    let (mut seen, mut verifier) = (Seen::default(), Verifier::new(Some(RUN)));
    let mut input = BytesMut::new();
    while stream.read_buf(&mut input).await.expect("a read") > 0 {
        let (mut taken, mut answers) = (0, Vec::new());
        while let Decoded::Complete { frame, frame_bytes } =
            frame::decode(&input[taken..], &FrameLimits::default()).expect("a sound frame")
        {
            taken += frame_bytes;
            seen.requests += 1;
            assert_eq!(frame.fields.find("b").as_deref(), Some("orders"));
            let refused = seen.requests % 7 == 0;
            seen.refused += u64::from(refused);
            if !refused {
                take_bodies(&frame, &mut seen, &mut verifier);
            }
            answers.push((frame.serialize, frame.opaque, if refused { 2 } else { 0 }));
        }
        let _taken = input.split_to(taken);
        seen.in_flight_max = seen.in_flight_max.max(answers.len());
        let mut out = BytesMut::new();
        for (serialize, opaque, code) in answers.into_iter().rev() {
            let head = Head {
                serialize,
                code,
                language: Language::JAVA,
                version: 493,
                opaque,
                flags: Flags::RESPONSE,
                remark: (code != 0).then_some("busy: \"opaque\":1,"),
            };
            frame::encode_head(&mut out, &head, &Nothing, 0);
        }
        if seen.requests >= requests {
            stop.store(true, Ordering::Relaxed);
        }
        stream.write_all(&out).await.expect("a write");
    }
    (seen, verifier)
}

fn take_bodies(frame: &remora_protocol::Frame<'_>, seen: &mut Seen, verifier: &mut Verifier) {
    if frame.code == 310 {
        let properties = frame.fields.find("i").expect("properties").into_owned();
        seen.unique_keys.insert(properties.into_bytes());
        verifier.take(frame.body).expect("a sound body");
        return;
    }
    for message in batch::items(frame.body) {
        let message = message.expect("a sound batch");
        seen.unique_keys.insert(message.properties.to_vec());
        verifier.take(message.body).expect("a sound body");
    }
}

async fn exchange(batch: usize, serialize: SerializeType) -> (Sent, LoadStats, Seen, Verifier) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let addr = listener.local_addr().expect("an address").to_string();
    let (stats, stop) = (LoadStats::new(1, 1), Arc::new(AtomicBool::new(false)));
    let server = tokio::spawn(serve(listener, 1_000, stop.clone()));
    let connection = stats.connections[0].clone();
    let sent = sender::run(plan(addr, batch, serialize), connection, stop).await.expect("a run");
    let (seen, verifier) = server.await.expect("the server's end");
    (sent, stats, seen, verifier)
}

fn check((sent, stats, seen, mut verifier): (Sent, LoadStats, Seen, Verifier), batch: u64) {
    let accepted = (seen.requests - seen.refused) * batch;
    assert_eq!(sent.acknowledged_messages, accepted);
    assert_eq!(stats.messages(), accepted);
    assert_eq!(stats.latency_ns().len(), seen.requests - seen.refused);
    assert_eq!((stats.refused(), stats.unanswered()), (seen.refused, 0));
    assert_eq!(stats.first_refusal().as_deref(), Some("code 2: busy: \"opaque\":1,"));
    assert_eq!(sent.refused.len() as u64, seen.refused * batch);
    assert_eq!(seen.unique_keys.len() as u64, accepted);
    assert!(seen.in_flight_max <= IN_FLIGHT, "{} in flight", seen.in_flight_max);
    verifier.refused(sent.refused);
    assert_eq!((verifier.faults(), verifier.taken()), (Faults::default(), accepted));
}

#[tokio::test]
async fn every_answer_is_settled_once_and_refusals_are_counted() {
    for serialize in [SerializeType::Json, SerializeType::Binary] {
        check(exchange(1, serialize).await, 1);
    }
}

#[tokio::test]
async fn batches_count_each_of_their_messages() {
    for serialize in [SerializeType::Json, SerializeType::Binary] {
        check(exchange(4, serialize).await, 4);
    }
}
