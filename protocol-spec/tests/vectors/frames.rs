use std::collections::BTreeMap;

use bytes::BytesMut;
use remora_protocol::frame::{self, Decoded, Frame, FrameLimits, Head};
use remora_protocol::{EncodeHeader, Fields, SerializeType, header};
use serde_json::Value;

use crate::{Vector, each, unhex};

type Pairs = BTreeMap<String, String>;

#[test]
fn frames_read_as_apache_reads_them() {
    each("frame", 40, |vector| {
        let bytes = vector.bytes();
        let frame = read(vector, &bytes);
        if vector.expect.is_null() {
            return;
        }
        let expect = &vector.expect;
        let name = &vector.name;
        let binary = frame.serialize == SerializeType::Binary;
        assert_eq!(expect["serialize"] == "ROCKETMQ", binary, "{name}");
        assert_eq!(expect["code"], frame.code, "{name}");
        assert_eq!(expect["language"], frame.language.name(), "{name}");
        assert_eq!(expect["version"], frame.version, "{name}");
        assert_eq!(expect["opaque"], frame.opaque, "{name}");
        assert_eq!(expect["flag"], frame.flags.0, "{name}");
        let remark = frame.remark.map(|remark| remark.to_str());
        assert_eq!(expect["remark"].as_str(), remark.as_deref(), "{name}");
        let fields: Pairs = serde_json::from_value(expect["fields"].clone()).unwrap();
        assert_eq!(pairs(frame.fields), fields, "{name}");
        assert_eq!(unhex(expect["body"].as_str().unwrap()), frame.body, "{name}");
    });
}

#[test]
fn frames_written_again_say_the_same() {
    each("frame", 40, |vector| {
        let bytes = vector.bytes();
        let frame = read(vector, &bytes);
        let fields: Vec<_> =
            frame.fields.iter().map(|(name, value)| (name.to_str(), value.to_str())).collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let written = write(&frame, fields.as_slice());
        if frame.serialize == SerializeType::Binary && frame.code < 200_000 {
            assert_eq!(written, bytes, "{}", vector.name);
        }
        let again = read(vector, &written);
        assert_eq!(pairs(again.fields), pairs(frame.fields), "{}", vector.name);
        assert_eq!(again.remark.map(|r| r.to_str()), frame.remark.map(|r| r.to_str()));
        assert_eq!((again.code, again.opaque), (frame.code, frame.opaque), "{}", vector.name);
        assert_eq!((again.flags, again.body), (frame.flags, frame.body), "{}", vector.name);
    });
}

#[test]
fn typed_headers_keep_every_field() {
    each("frame", 40, |vector| {
        let bytes = vector.bytes();
        let frame = read(vector, &bytes);
        let Some(written) = typed(vector, &frame) else { return };
        let again = read(vector, &written);
        assert_eq!(pairs(again.fields), pairs(frame.fields), "{}", vector.name);
    });
}

/// The frame with its header read into its type and written again; `None` for frames without one.
fn typed(vector: &Vector, frame: &Frame<'_>) -> Option<Vec<u8>> {
    macro_rules! by_name {
        ($($pattern:pat => $header:ident,)*) => {{
            let name = vector.name.trim_end_matches("_json").trim_end_matches("_binary");
            match name {
                "send_message_v2" | "send_message_v2_escapes" | "send_batch_message" => {
                    let header = header::SendMessageHeader::decode_short(frame.fields);
                    Some(write(frame, &header::SendMessageV2(&header.unwrap())))
                }
                $($pattern => {
                    let header = header::$header::decode(frame.fields);
                    Some(write(frame, &header.unwrap_or_else(|e| panic!("{name}: {e}"))))
                })*
                _ => None,
            }
        }};
    }
    by_name!(
        "send_message" => SendMessageHeader,
        "pull_message" | "lite_pull_message" => PullMessageHeader,
        "query_consumer_offset" => QueryConsumerOffsetHeader,
        "update_consumer_offset_oneway" => UpdateConsumerOffsetHeader,
        "get_routeinfo_by_topic" => GetRouteInfoHeader,
        "unregister_client" => UnregisterClientHeader,
        "consumer_send_msg_back" => ConsumerSendMsgBackHeader,
        "update_and_create_topic" => CreateTopicHeader,
        "register_broker" => RegisterBrokerHeader,
        "end_transaction" => EndTransactionHeader,
        "notify_consumer_ids_changed" => NotifyConsumerIdsChangedHeader,
        "pop_message" => PopMessageHeader,
        "polling_info_truncated" => PollingInfoHeader,
        "send_message_reply" => SendMessageReply,
        "pull_message_reply" | "pull_not_found" => PullMessageReply,
        "register_broker_reply" => RegisterBrokerReply,
    )
}

fn read<'b>(vector: &Vector, bytes: &'b [u8]) -> Frame<'b> {
    match frame::decode(bytes, &FrameLimits::default()) {
        Ok(Decoded::Complete { frame, frame_bytes }) if frame_bytes == bytes.len() => frame,
        other => panic!("{}: {other:?}", vector.name),
    }
}

fn write(frame: &Frame<'_>, header: &(impl EncodeHeader + ?Sized)) -> Vec<u8> {
    let remark = frame.remark.map(|remark| remark.to_str());
    let head = Head {
        serialize: frame.serialize,
        code: frame.code,
        language: frame.language,
        version: frame.version,
        opaque: frame.opaque,
        flags: frame.flags,
        remark: remark.as_deref(),
    };
    let mut out = BytesMut::new();
    frame::encode_head(&mut out, &head, header, frame.body.len());
    out.extend_from_slice(frame.body);
    out.to_vec()
}

fn pairs(fields: Fields<'_>) -> Pairs {
    fields
        .iter()
        .map(|(name, value)| (name.to_str().into_owned(), value.to_str().into_owned()))
        .collect()
}

#[test]
fn expectations_of_frames_are_complete() {
    each("frame", 40, |vector| {
        let Value::Object(expect) = &vector.expect else { return };
        for key in ["code", "fields", "body", "flag", "opaque", "language", "version", "remark"] {
            assert!(expect.contains_key(key), "{}: no {key}", vector.name);
        }
    });
}
