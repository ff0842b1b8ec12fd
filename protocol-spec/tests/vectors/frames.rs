use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::BytesMut;
use remora_protocol::frame::{self, Decoded, Frame, FrameLimits, Head};
use remora_protocol::{
    EncodeHeader, Fields, RequestCode, RequestHeader, SerializeType, header, request,
};
use serde_json::Value;

use crate::{Vector, each, unhex};

type Pairs = BTreeMap<String, String>;

/// Fields that every request accepts, and those that come beside the header of some.
const EXTRA: [&str; 8] =
    ["ns", "nsd", "oway", "lo", "ReqT", "_UNIQUE_KEY_QUERY", "MSG_REGION", "TRACE_ON"];

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
        let mut again = pairs(read(vector, &written).fields);
        let mut wanted = pairs(frame.fields);
        wanted.retain(|name, _| !EXTRA.contains(&name.as_str()));
        // Empty text says what an absent field says.
        again.retain(|_, value| !value.is_empty());
        wanted.retain(|_, value| !value.is_empty());
        if !again.contains_key("bname") {
            wanted.remove("bname");
        }
        assert_eq!(again, wanted, "{}", vector.name);
    });
}

/// The frame with its header read into its type and written again; `None` for frames without one.
fn typed(vector: &Vector, frame: &Frame<'_>) -> Option<Vec<u8>> {
    if frame.flags.is_response() { typed_reply(vector, frame) } else { typed_request(frame) }
}

fn typed_request(frame: &Frame<'_>) -> Option<Vec<u8>> {
    macro_rules! by_code {
        ($($request:ident)*) => {
            match RequestCode(frame.code) {
                RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_BATCH_MESSAGE => {
                    let header = header::SendMessageHeader::decode_short(&frame.fields);
                    Some(write(frame, &header::SendMessageV2(&header.unwrap())))
                }
                $(request::$request::CODE => {
                    let view = request::$request::decode(&frame.fields);
                    Some(write(frame, &view.unwrap_or_else(|e| panic!("{}: {e}", frame.code))))
                })*
                _ => None,
            }
        };
    }
    by_code!(
        AddWritePermOfBroker ConsumerSendMsgBack DeleteKvConfig DeleteSubscriptiongroup
        DeleteTopicInBroker DeleteTopicInNamesrv EndTransaction GetAllTopicListFromNameserver
        GetBrokerClusterInfo GetBrokerRuntimeInfo GetConsumeStats GetConsumerListByGroup
        GetEarliestMsgStoretime GetMaxOffset GetMinOffset GetRouteinfoByTopic GetTopicConfig
        GetTopicStatsInfo HeartBeat LitePullMessage NotifyConsumerIdsChanged PollingInfo PopMessage
        PullMessage PutKvConfig QueryConsumerOffset QueryMessage RegisterBroker
        SearchOffsetByTimestamp SendMessage UnregisterBroker UnregisterClient UpdateAndCreateTopic
        UpdateAndCreateSubscriptiongroup UpdateBrokerConfig UpdateConsumerOffset ViewMessageById
        WipeWritePermOfBroker
    )
}

fn typed_reply(vector: &Vector, frame: &Frame<'_>) -> Option<Vec<u8>> {
    macro_rules! by_name {
        ($($part:literal => $reply:ident,)*) => {
            $(if vector.name.contains($part) {
                let header = header::$reply::decode(&frame.fields);
                return Some(write(frame, &header.unwrap_or_else(|e| panic!("{}: {e}", vector.name))));
            })*
        };
    }
    frame.fields.iter().next()?;
    by_name!(
        "send_message" => SendMessageReply,
        "send_batch_message" => SendMessageReply,
        "pull_message" => PullMessageReply,
        "pull_not_found" => PullMessageReply,
        "register_broker_reply" => RegisterBrokerReply,
        "query_consumer_offset" => QueryConsumerOffsetReply,
        "get_max_offset" => GetMaxOffsetReply,
        "get_min_offset" => GetMinOffsetReply,
        "get_earliest_msg_storetime" => GetEarliestMsgStoretimeReply,
        "search_offset" => SearchOffsetReply,
        "query_message" => QueryMessageReply,
        "wipe_write_perm" => WipeWritePermOfBrokerReply,
        "add_write_perm" => AddWritePermOfBrokerReply,
    );
    None
}

pub(crate) fn read<'b>(vector: &Vector, bytes: &'b [u8]) -> Frame<'b> {
    match frame::decode(bytes, &FrameLimits::default()) {
        Ok(Decoded::Complete { frame, frame_bytes }) if frame_bytes == bytes.len() => {
            let peek = frame::peek(bytes, &FrameLimits::default()).unwrap().unwrap();
            assert_eq!((peek.frame_bytes, peek.serialize), (frame_bytes, frame.serialize));
            assert_eq!((peek.code, peek.opaque), (frame.code, frame.opaque), "{}", vector.name);
            assert_eq!(peek.is_response, frame.flags.is_response(), "{}", vector.name);
            frame
        }
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

#[test]
fn plain_strings_of_hot_headers_are_borrowed() {
    each("frame", 40, |vector| {
        let bytes = vector.bytes();
        let frame = read(vector, &bytes);
        let strings = match vector.name.as_str() {
            "send_message_json" | "send_message_binary" => {
                let header = header::SendMessageHeader::decode(&frame.fields).unwrap();
                vec![header.producer_group, header.topic, header.default_topic]
            }
            "send_message_v2_json" | "send_message_v2_binary" => {
                let header = header::SendMessageHeader::decode_short(&frame.fields).unwrap();
                vec![header.producer_group, header.topic, header.default_topic]
            }
            "pull_message_json" | "pull_message_binary" => {
                let header = header::PullMessageHeader::decode(&frame.fields).unwrap();
                vec![header.consumer_group, header.topic, header.subscription.unwrap()]
            }
            _ => return,
        };
        for string in strings {
            assert!(matches!(string, Cow::Borrowed(_)), "{}: {string} was copied", vector.name);
        }
    });
}
