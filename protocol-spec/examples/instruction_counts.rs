//! Workloads whose instructions per operation `tests/instruction-counts.json` bounds: see
//! `workloads`.
use std::hint::black_box;
use std::net::SocketAddr;

use bytes::BytesMut;
use remora_protocol::frame::{Arrived, decode_into, encode_head};
use remora_protocol::header::{PullMessageReply, SendMessageHeader, SendMessageV2};
use remora_protocol::message_id::OffsetId;
use remora_protocol::properties::{self, Keep};
use remora_protocol::{
    EncodeHeader, FieldWriter, Flags, Frame, FrameLimits, Head, HeaderMemo, Language,
    RequestHeader, SerializeType, Text, request,
};

mod workloads;
use workloads::Workload;

const WORKLOADS: [(&str, Workload); 6] = [
    ("decode-send-json", decode_send_json),
    ("decode-send-binary", decode_send_binary),
    ("decode-pull-json", decode_pull_json),
    ("encode-send-reply", encode_send_reply),
    ("encode-pull-reply", encode_pull_reply),
    ("properties-scan", properties_scan),
];

/// Frames in one read.
const FRAMES: i32 = 64;

fn main() {
    workloads::run(&WORKLOADS);
}

fn decode_send_json(operations: u64) {
    decode_all::<request::SendMessageV2>(operations, &sends(SerializeType::Json));
}

fn decode_send_binary(operations: u64) {
    decode_all::<request::SendMessageV2>(operations, &sends(SerializeType::Binary));
}

fn decode_pull_json(operations: u64) {
    decode_all::<request::PullMessage>(operations, &pulls());
}

/// A read of frames of one connection, each to its typed header.
fn decode_all<H: RequestHeader>(operations: u64, read: &[u8]) {
    let limits = FrameLimits::default();
    let mut memo = HeaderMemo::default();
    let mut frame = Frame::EMPTY;
    let mut rest: &[u8] = &[];
    for _ in 0..operations {
        if rest.is_empty() {
            rest = black_box(read);
        }
        let decoded = decode_into(&mut frame, rest, &limits, &mut memo);
        let Ok(Arrived::Whole { frame_bytes }) = decoded else { panic!("not a frame") };
        let Ok(header) = H::decode(&frame.fields) else { panic!("not a header") };
        black_box((&header, frame.opaque, frame.body));
        rest = &rest[frame_bytes..];
    }
}

/// Sends as the official Java client writes them: opaque, queue, time and unique id change.
fn sends(serialize: SerializeType) -> Vec<u8> {
    let mut read = BytesMut::new();
    for n in 0..FRAMES {
        let properties = format!(
            "KEYS\u{1}key-{}\u{2}UNIQ_KEY\u{1}FD0000000000000000000000000000020C064E0E2F2A6DA5C6{:06X}\u{2}WAIT\u{1}true\u{2}TAGS\u{1}TagA\u{2}",
            900 + n * 3,
            0xB1_0000 + n
        );
        let header = SendMessageHeader {
            producer_group: "p-group".into(),
            topic: "recorded".into(),
            default_topic: "TBW102".into(),
            default_topic_queue_nums: 4,
            queue_id: n % 8,
            sys_flag: 0,
            born_timestamp: 1_795_330_780_850 + i64::from(n / 3),
            flag: 0,
            properties: Text::plain(&properties),
            reconsume_times: Some(0),
            unit_mode: Some(false),
            batch: Some(false),
            max_reconsume_times: None,
            broker_name: Some("broker-a".into()),
        };
        push(&mut read, &head(serialize, 310, 970 + n), &SendMessageV2(&header), &[b'x'; 128]);
    }
    read.to_vec()
}

/// A recorded pull: the Java client's map has its own order. Queue and offsets change.
struct Pull(i32);

impl EncodeHeader for Pull {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("queueId", i64::from(self.0 % 8));
        out.int("maxMsgBytes", 262_144);
        out.int("maxMsgNums", 32);
        out.int("sysFlag", 2);
        out.int("suspendTimeoutMillis", 15_000);
        out.int("commitOffset", i64::from(self.0 * 31));
        out.str("bname", "broker-a");
        out.str("topic", "recorded");
        out.int("queueOffset", i64::from(self.0 * 32));
        out.str("expressionType", "TAG");
        out.int("subVersion", 1_795_330_782_308);
        out.str("consumerGroup", "c-group");
    }
}

fn pulls() -> Vec<u8> {
    let mut read = BytesMut::new();
    for n in 0..FRAMES {
        push(&mut read, &head(SerializeType::Json, 11, 970 + n), &Pull(n), b"");
    }
    read.to_vec()
}

fn push(out: &mut BytesMut, head: &Head<'_>, header: &impl EncodeHeader, body: &[u8]) {
    encode_head(out, head, header, body.len());
    out.extend_from_slice(body);
}

fn head(serialize: SerializeType, code: i32, opaque: i32) -> Head<'static> {
    Head {
        serialize,
        code,
        language: Language::JAVA,
        version: 513,
        opaque,
        flags: Flags::REQUEST,
        remark: None,
    }
}

/// What the broker writes for a stored message.
struct SendReply<'a> {
    msg_id: &'a str,
    queue_id: i32,
    queue_offset: i64,
    transaction_id: &'a str,
}

impl EncodeHeader for SendReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("msgId", self.msg_id);
        out.int("queueId", i64::from(self.queue_id));
        out.int("queueOffset", self.queue_offset);
        out.str("transactionId", self.transaction_id);
        out.str("MSG_REGION", "DefaultRegion");
        out.bool("TRACE_ON", true);
    }
}

/// The offset id is made here too, as for every message.
fn encode_send_reply(operations: u64) {
    let store_host = SocketAddr::from(([127, 0, 0, 1], 10911));
    let mut out = BytesMut::with_capacity(64 * 1024);
    for n in 0..operations {
        if n % 64 == 0 {
            out.clear();
        }
        let physical_offset = black_box(1_000_000 + i64::try_from(n).unwrap_or(0) * 334);
        let msg_id = OffsetId { store_host, physical_offset }.to_hex();
        let reply = SendReply {
            msg_id: msg_id.as_str(),
            queue_id: black_box(3),
            queue_offset: physical_offset / 334,
            transaction_id: black_box("FD0000000000000000000000000000020C064E0E2F2A6DA5C6B10000"),
        };
        let opaque = i32::try_from(n % 1000).unwrap_or(0);
        encode_head(&mut out, &reply_head(opaque, None), &reply, 0);
    }
    black_box(out);
}

fn encode_pull_reply(operations: u64) {
    let mut out = BytesMut::with_capacity(64 * 1024);
    for n in 0..operations {
        if n % 64 == 0 {
            out.clear();
        }
        let next_begin_offset = black_box(1_000_000 + i64::try_from(n).unwrap_or(0) * 32);
        let reply = PullMessageReply {
            suggest_which_broker_id: 0,
            next_begin_offset,
            min_offset: 0,
            max_offset: next_begin_offset + 1000,
            topic_sys_flag: Some(0),
            group_sys_flag: Some(0),
            ..PullMessageReply::default()
        };
        let opaque = i32::try_from(n % 1000).unwrap_or(0);
        encode_head(&mut out, &reply_head(opaque, Some("FOUND")), &reply, 4096);
    }
    black_box(out);
}

fn reply_head(opaque: i32, remark: Option<&'static str>) -> Head<'static> {
    let flags = Flags::RESPONSE;
    Head { flags, remark, ..head(SerializeType::Json, 0, black_box(opaque)) }
}

/// The properties of a JSON send, unescaped and looked through.
fn properties_scan(operations: u64) {
    let escaped = r"KEYS\u0001key-900 all\u0002UNIQ_KEY\u0001FD0000000000000000000000000000020C064E0E2F2A6DA5C6B10000\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002";
    let mut raw = Vec::new();
    for _ in 0..operations {
        raw.clear();
        let (mut unique_id, mut tags) = (0..0, 0..0);
        let taken =
            properties::take_in(Text::escaped(black_box(escaped)), &mut raw, |name, value, at| {
                match name {
                    b"UNIQ_KEY" => unique_id = at..at + value.len(),
                    b"TAGS" => tags = at..at + value.len(),
                    _ => {}
                }
                Ok::<_, ()>(Keep::Stay)
            });
        black_box((taken, unique_id, tags)).0.expect("no property is refused");
    }
}
