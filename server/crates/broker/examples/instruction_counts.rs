//! Workloads whose instructions per operation `tests/instruction-counts.json` bounds: see
//! `workloads`.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use remora_broker::Broker;
use remora_config::{Config, Settings};
use remora_protocol::frame::encode_head;
use remora_protocol::header::{SendMessageHeader, SendMessageV2};
use remora_protocol::{
    Decoded, Flags, FrameLimits, Head, Language, RequestCode, ResponseCode, SerializeType, Text,
    frame,
};
use remora_remoting::{Server, ServerConfig};

#[path = "../../../../protocol-spec/examples/workloads/mod.rs"]
mod workloads;
use workloads::Workload;

const WORKLOADS: [(&str, Workload); 1] = [("send-turn", send_turn)];

/// Sends in one read.
const SENDS_PER_TURN: u64 = 32;

/// Far above what any step takes: nothing happens on a clock during a run.
const NEVER: Duration = Duration::from_secs(86_400);

fn main() {
    workloads::run(&WORKLOADS);
}

/// A send as it comes from the socket until its answer is there and its keys are in the index; 32
/// in a turn.
fn send_turn(operations: u64) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let settings = Settings {
        store_path: root.path().to_owned(),
        flush_interval_ms: 3_600_000,
        commit_log_segment_bytes: 256 << 20,
        disk_max_used_percent: 100,
        disk_warning_percent: 100,
        ..Settings::default()
    };
    let config = Arc::new(Config::from_settings(settings));
    let broker = {
        let _runtime = runtime.enter();
        Broker::start(config, runtime.handle().clone()).expect("a broker")
    };
    let server = Server::start(server_config(), broker.service()).expect("a server");
    let listen = server.local_addrs()[0];
    broker.set_listen_addr(listen);

    let mut client = TcpStream::connect(listen).expect("a connection");
    // Room for the answers of a turn, and the answers.
    let (mut room, mut answers) = (vec![0; 64 * 1024], Vec::new());
    // The first one creates the topic.
    turn(&mut client, &sends(0..1), 1, (&mut room, &mut answers));
    let sends = sends(0..SENDS_PER_TURN);
    for _ in 0..operations / SENDS_PER_TURN {
        turn(&mut client, &sends, SENDS_PER_TURN, (&mut room, &mut answers));
    }
    check(&answers);
    broker.store.catch_up_index().expect("indexed");
    drop(client);
    runtime.block_on(server.drain(Duration::from_secs(5)));
    runtime.block_on(broker.stop());
}

/// Writes requests and reads until all are answered.
fn turn(
    client: &mut TcpStream,
    requests: &[u8],
    count: u64,
    (room, answers): (&mut [u8], &mut Vec<u8>),
) {
    client.write_all(requests).expect("written");
    answers.clear();
    let (mut answered, mut at) = (0, 0);
    while answered < count {
        let read_bytes = client.read(room).expect("an answer");
        assert!(read_bytes > 0, "the broker closed the connection");
        answers.extend_from_slice(&room[..read_bytes]);
        while let Some(length) = answers.get(at..).and_then(|rest| rest.first_chunk::<4>())
            && let end = at + 4 + u32::from_be_bytes(*length) as usize
            && end <= answers.len()
        {
            (answered, at) = (answered + 1, end);
        }
    }
}

/// Every one was stored.
fn check(mut answers: &[u8]) {
    while !answers.is_empty() {
        let decoded = frame::decode(answers, &FrameLimits::default());
        let Ok(Decoded::Complete { frame, frame_bytes }) = decoded else { panic!("no frame") };
        let remark = frame.remark.map(|remark| remark.to_str());
        assert_eq!((ResponseCode(frame.code), remark), (ResponseCode::SUCCESS, None));
        answers = &answers[frame_bytes..];
    }
}

/// As the official Java client writes them: opaque, queue, time and unique id change.
fn sends(numbers: std::ops::Range<u64>) -> Vec<u8> {
    let mut requests = BytesMut::new();
    for n in numbers {
        let unique_id = 0xB1_0000 + n;
        let properties = format!(
            "KEYS\u{1}key-{}\u{2}UNIQ_KEY\u{1}FD0000000000000000000000000000020C064E0E2F2A6DA5C6{unique_id:06X}\u{2}WAIT\u{1}true\u{2}TAGS\u{1}TagA\u{2}",
            900 + n * 3,
        );
        let header = SendMessageHeader {
            producer_group: "p-group".into(),
            topic: "recorded".into(),
            default_topic: "TBW102".into(),
            default_topic_queue_nums: 8,
            queue_id: i32::try_from(n % 8).unwrap_or(0),
            born_timestamp: 1_795_330_780_850 + i64::try_from(n / 3).unwrap_or(0),
            properties: Text::plain(&properties),
            reconsume_times: Some(0),
            unit_mode: Some(false),
            batch: Some(false),
            broker_name: Some("broker-a".into()),
            ..SendMessageHeader::default()
        };
        let head = Head {
            serialize: SerializeType::Json,
            code: RequestCode::SEND_MESSAGE_V2.0,
            language: Language::JAVA,
            version: 513,
            opaque: i32::try_from(970 + n).unwrap_or(0),
            flags: Flags::REQUEST,
            remark: None,
        };
        let body = [b'x'; 128];
        encode_head(&mut requests, &head, &SendMessageV2(&header), body.len());
        requests.extend_from_slice(&body);
    }
    requests.to_vec()
}

fn server_config() -> ServerConfig {
    ServerConfig {
        name: "broker",
        listen: vec!["127.0.0.1:0".parse().expect("an address")],
        io_shards: 1,
        frame: FrameLimits::default(),
        connections_max: 100,
        in_flight_max: 10_000,
        outbound_bytes_max: 64 << 20,
        budget: Arc::default(),
        partial_frame_timeout: NEVER,
        idle_timeout: NEVER,
        version: 493,
    }
}
