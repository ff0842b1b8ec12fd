//! Reading from memory against reading by the scanner.
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::fields::{HeaderError, RequestHeader};
use crate::frame::HeaderParts;
use crate::generated::request::{PullMessage, SendMessage, SendMessageV2};
use crate::shapes::SHAPES_MAX;

/// All that a header says, or why it was refused.
type Read = Result<(Vec<String>, Vec<(String, String)>), FrameError>;

fn all(parts: Result<HeaderParts<'_>, FrameError>) -> Read {
    let HeaderParts { code, language, version, opaque, flags, remark, fields } = parts?;
    let typed = |read: Result<String, HeaderError>| format!("{read:?}");
    let said = vec![
        format!("{code} {language:?} {version} {opaque} {flags:?} {remark:?}"),
        typed(SendMessageV2::decode(&fields).map(|header| format!("{header:?}"))),
        typed(SendMessage::decode(&fields).map(|header| format!("{header:?}"))),
        typed(PullMessage::decode(&fields).map(|header| format!("{header:?}"))),
    ];
    let pairs = fields.iter().map(|(name, value)| (name.to_str().into(), value.to_str().into()));
    Ok((said, pairs.collect()))
}

/// What `memo` makes of a header.
fn remembered(memo: &mut HeaderMemo, header: &[u8]) -> Read {
    let mut frame = Frame::EMPTY;
    let decoded = memo.decode(header, &mut frame);
    let Frame { code, language, version, opaque, flags, remark, fields, .. } = frame;
    all(decoded.map(|()| HeaderParts { code, language, version, opaque, flags, remark, fields }))
}

const PIECES: [&str; 12] = [
    "",
    "0",
    "7",
    "-1",
    "12345678901234567890",
    "true",
    "FALSE",
    "topic",
    "é😀",
    r"\u0001",
    r#"\""#,
    r"KEYS\u0001k\u0002UNIQ_KEY\u0001C0A800071A2B18B4AAC20102030400FF\u0002WAIT\u0001true\u0002",
];

fn value() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..3)
        .prop_map(|pieces| pieces.concat())
}

/// Headers of a few shapes, with most of their values the same.
fn header() -> impl Strategy<Value = String> {
    let values = proptest::collection::vec(proptest::option::weighted(0.2, value()), 16);
    let opaque =
        prop_oneof![8 => 0..3000_i64, 1 => any::<i32>().prop_map(i64::from), 1 => any::<i64>()];
    (0..5_usize, values, opaque, 0..20_u8).prop_map(|(shape, values, opaque, oddity)| {
        let names: &[&str] = match shape {
            0 | 1 => &["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "m", "n"],
            2 => &["queueId", "maxMsgBytes", "maxMsgNums", "sysFlag", "suspendTimeoutMillis",
                   "commitOffset", "bname", "topic", "queueOffset", "subVersion", "consumerGroup"],
            3 => &["producerGroup", "topic", "topic", "queueId"],
            _ => &["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "xa", "xb", "xc",
                   "xd", "xe", "xf"],
        };
        let usual = |index: usize| if index == 8 { PIECES[11] } else { "4" };
        let pairs = names.iter().zip(&values).enumerate().map(|(index, (name, value))| {
            format!(r#""{name}":"{}""#, value.as_deref().unwrap_or(usual(index)))
        });
        let mut fields = pairs.collect::<Vec<_>>().join(",");
        match oddity {
            0 => fields.push_str(r#","odd":null"#),
            1 => fields.push_str(r#","odd":5"#),
            2 => fields = fields.replace("\":\"", "\" : \""),
            _ => {}
        }
        let code = [310, 320, 11, 10, 12][shape];
        if shape == 1 {
            format!(r#"{{"code":{code},"language":"GO","version":317,"opaque":{opaque},"flag":0,"extFields":{{{fields}}}}}"#)
        } else {
            format!(r#"{{"code":{code},"extFields":{{{fields}}},"flag":0,"language":"JAVA","opaque":{opaque},"serializeTypeCurrentRPC":"JSON","version":513}}"#)
        }
    })
}

/// A header, perhaps with some of its bytes replaced.
fn perhaps_damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = (any::<Index>(), 0..4_usize, "[\"\\\\,:{}0-9a-fu\u{1}é]{0,3}", any::<bool>());
    (header(), proptest::option::weighted(0.3, damage)).prop_map(|(header, damage)| {
        let mut bytes = header.into_bytes();
        if let Some((at, remove, with, cut)) = damage {
            let at = at.index(bytes.len());
            let end = (at + remove).min(bytes.len());
            // Half of a character at times.
            let with = with.as_bytes();
            let with = if cut { with.get(..1).unwrap_or(with) } else { with };
            bytes.splice(at..end, with.iter().copied());
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_remembered_shape_reads_as_the_scanner_reads(
        headers in proptest::collection::vec(perhaps_damaged(), 1..60)
    ) {
        let mut memo = HeaderMemo::default();
        for header in &headers {
            prop_assert_eq!(remembered(&mut memo, header), all(json_header::decode(header)));
        }
    }
}

proptest! {
    #[test]
    fn a_typed_header_reads_alike_by_place_and_by_name(header in perhaps_damaged()) {
        // One field that is null, and the places are given up.
        let marker = b"\"extFields\":{";
        let at = header.windows(marker.len()).position(|window| window == marker);
        let at = at.map_or(0, |at| at + marker.len());
        let (start, end) = header.split_at(at);
        let by_name = [start, b"\"zz\":null,", end].concat();
        let (by_place, by_name) =
            (all(json_header::decode(&header)), all(json_header::decode(&by_name)));
        if let (Ok(by_place), Ok(by_name)) = (by_place, by_name) {
            prop_assert_eq!(by_place, by_name);
        }
    }
}

#[test]
fn a_client_that_repeats_itself_is_recognized() {
    let mut memo = HeaderMemo::default();
    for n in 0..100 {
        let header = format!(
            r#"{{"code":310,"extFields":{{"b":"t{}","e":"{}","i":"KEYS\u0001k{n}\u0002"}},"flag":0,"language":"JAVA","opaque":{n},"version":513}}"#,
            n % 3,
            n % 8
        );
        let read = remembered(&mut memo, header.as_bytes());
        assert_eq!(read, all(json_header::decode(header.as_bytes())));
    }
    let hits = memo.0.hits();
    assert!(matches!(hits[..], [95..=100]), "{hits:?}");
}

#[test]
fn headers_in_random_order_are_soon_left_alone() {
    let mut memo = HeaderMemo::default();
    let mut learnt = 0;
    for n in 0..2000 {
        let header = format!(r#"{{"code":{n},"extFields":{{"a{n}":"1"}},"opaque":1}}"#);
        let before = memo.0.pause;
        assert!(remembered(&mut memo, header.as_bytes()).is_ok());
        learnt += u32::from(memo.0.pause >= before);
    }
    assert!(learnt < 20, "{learnt}");
    assert_eq!(memo.0.hits().len(), SHAPES_MAX);
}
