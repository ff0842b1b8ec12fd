//! Frames in both header forms: what is read, what is refused, what is written.
use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use remora_protocol::frame::{Peek, decode, encode_head, peek};
use remora_protocol::opaque::{opaque_slot, peek_opaque};
use remora_protocol::{
    Decoded, Flags, Frame, FrameError, FrameLimits, Head, Language, OwnedFrame, SerializeType,
};

const LIMITS: FrameLimits =
    FrameLimits { frame_bytes_max: 16 * 1024 * 1024, header_bytes_max: 1024 * 1024 };

fn json_frame(header: &str, body: &[u8]) -> Vec<u8> {
    raw_frame(0, header.as_bytes(), body)
}

fn raw_frame(kind: u8, header: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(4 + header.len() + body.len()).unwrap();
    let word = u32::try_from(header.len()).unwrap() | u32::from(kind) << 24;
    [&length.to_be_bytes()[..], &word.to_be_bytes(), header, body].concat()
}

fn complete(bytes: &[u8]) -> Frame<'_> {
    match decode(bytes, &LIMITS) {
        Ok(Decoded::Complete { frame, frame_bytes }) => {
            assert_eq!(frame_bytes, frame.raw.len());
            assert_eq!(peek(bytes, &LIMITS), Ok(Some(peeked(&frame))));
            frame
        }
        other => panic!("not a complete frame: {other:?}"),
    }
}

/// What a look at the ends of a frame must tell.
fn peeked(frame: &Frame<'_>) -> Peek {
    Peek {
        frame_bytes: frame.raw.len(),
        code: frame.code,
        opaque: frame.opaque,
        is_response: frame.flags.is_response(),
        serialize: frame.serialize,
    }
}

/// A frame's values, owned, to compare as a whole.
#[derive(Clone, PartialEq, Debug)]
struct Values {
    serialize: SerializeType,
    code: i32,
    language: Language,
    version: i32,
    opaque: i32,
    flags: Flags,
    remark: Option<String>,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Values {
    fn of(frame: &Frame<'_>) -> Self {
        let fields = frame.fields.iter();
        Self {
            serialize: frame.serialize,
            code: frame.code,
            language: frame.language,
            version: frame.version,
            opaque: frame.opaque,
            flags: frame.flags,
            remark: frame.remark.map(|remark| remark.to_str().into_owned()),
            fields: fields
                .map(|(name, value)| (name.to_str().into_owned(), value.to_str().into_owned()))
                .collect(),
            body: frame.body.to_vec(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = BytesMut::new();
        let head = Head {
            serialize: self.serialize,
            code: self.code,
            language: self.language,
            version: self.version,
            opaque: self.opaque,
            flags: self.flags,
            remark: self.remark.as_deref(),
        };
        let pairs: Vec<(&str, &str)> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        encode_head(&mut out, &head, pairs.as_slice(), self.body.len());
        out.extend_from_slice(&self.body);
        out.to_vec()
    }
}

fn arbitrary_values() -> impl Strategy<Value = Values> {
    let serialize = prop_oneof![Just(SerializeType::Json), Just(SerializeType::Binary)];
    (
        serialize,
        -32_768..32_767_i32,
        0..14_u8,
        0..32_767_i32,
        any::<i32>(),
        any::<i32>(),
        proptest::option::of(any::<String>()),
        proptest::collection::vec((any::<String>(), any::<String>()), 0..8),
        proptest::collection::vec(any::<u8>(), 0..64),
    )
        .prop_map(
            |(serialize, code, language, version, opaque, flag, remark, fields, body)| Values {
                serialize,
                code,
                language: Language(language),
                version,
                opaque,
                flags: Flags(flag),
                remark,
                fields,
                body,
            },
        )
}

/// What a peer reads: the binary form has no empty strings, and its truncated codes come back.
fn as_read(mut values: Values) -> Values {
    if values.serialize == SerializeType::Binary {
        values.remark = values.remark.filter(|remark| !remark.is_empty());
        values.fields.retain(|(_, value)| !value.is_empty());
        if !values.flags.is_response() && matches!(values.code, 3442..=3448 | 3462..=3471 | 3543) {
            values.code += 3 << 16;
        }
    }
    values
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_alike(values in arbitrary_values()) {
        let bytes = values.encode();
        prop_assert_eq!(Values::of(&complete(&bytes)), as_read(values));
    }

    #[test]
    fn a_cut_frame_is_incomplete_and_never_panics(values in arbitrary_values()) {
        let bytes = values.encode();
        for end in 0..bytes.len() {
            let Ok(Decoded::Incomplete { need_bytes }) = decode(&bytes[..end], &LIMITS) else {
                return Err(TestCaseError::fail(format!("cut at {end} is not incomplete")));
            };
            prop_assert_eq!(need_bytes, if end < 4 { 4 } else { bytes.len() });
            prop_assert_eq!(peek(&bytes[..end], &LIMITS), Ok(None));
            peek_opaque(&bytes[..end]);
        }
    }
}

#[test]
fn a_json_header_reads_in_any_order_with_unknown_keys_nulls_and_whitespace() {
    let header = r#" { "zone" : {"a":[1,{"b":"}"}],"c":null}, "version":"493","remark":null,
        "extFields" : { "queueId":3, "unitMode" : false ,"gone":null, "topic":"T\u0001\"", "n":{"x":1} },
        "opaque":-7,"language":"GO","flag":2,"code":310,"suspended":false,
        "serializeTypeCurrentRPC":"JSON" } "#;
    let bytes = json_frame(header, b"body");
    let frame = complete(&bytes);
    let expected = Values {
        serialize: SerializeType::Json,
        code: 310,
        language: Language::GO,
        version: 493,
        opaque: -7,
        flags: Flags::ONEWAY,
        remark: None,
        fields: [
            ("queueId", "3"),
            ("unitMode", "false"),
            ("topic", "T\u{1}\""),
            ("n", r#"{"x":1}"#),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        body: b"body".to_vec(),
    };
    assert_eq!(Values::of(&frame), expected);
    assert_eq!(frame.fields.find("topic").as_deref(), Some("T\u{1}\""));
    assert_eq!(frame.fields.find("gone"), None);
    assert_eq!(frame.fields.find("absent"), None);
}

#[test]
fn the_last_of_repeated_fields_wins() {
    let bytes = json_frame(r#"{"code":1,"extFields":{"a":"1","a":"2"}}"#, b"");
    assert_eq!(complete(&bytes).fields.find("a").as_deref(), Some("2"));
}

#[test]
fn an_unknown_language_reads_as_other() {
    for header in [r#"{"language":"COBOL"}"#, r#"{"language":999}"#] {
        assert_eq!(complete(&json_frame(header, b"")).language, Language::OTHER);
    }
    assert_eq!(complete(&json_frame(r#"{"language":9}"#, b"")).language, Language::GO);
}

#[test]
fn malformed_json_headers_are_refused_with_reason_and_place() {
    let cases = [
        ("", "the header is not a JSON object", 0),
        ("[]", "the header is not a JSON object", 0),
        (r#"{"code":1"#, "',' or '}' is expected", 9),
        (r#"{"code":1,}"#, "a quoted key is expected", 10),
        (r#"{"code" 1}"#, "':' is expected", 8),
        (r#"{"code":}"#, "a value is expected", 8),
        (r#"{"code":1.5}"#, "an int32 is expected", 8),
        (r#"{"code":2147483648}"#, "an int32 is expected", 8),
        (r#"{"opaque":true}"#, "an int32 is expected", 10),
        (r#"{"remark":"a"#, "a string has no end", 12),
        (r#"{"remark":"\x"}"#, "an escape is not valid", 11),
        (r#"{"remark":"\u12"}"#, "an escape is not valid", 11),
        (r#"{"extFields":[]}"#, "extFields must be an object", 13),
        (r#"{"extFields":{"a":}}"#, "a value is expected", 18),
        (r#"{"x":{]}"#, "brackets do not match", 6),
        (r#"{"code":1} x"#, "text follows the header's object", 11),
    ];
    for (header, reason, at) in cases {
        let refused = decode(&json_frame(header, b""), &LIMITS).unwrap_err();
        assert_eq!(refused, FrameError::Header { reason, at }, "{header}");
    }
    let refused = decode(&raw_frame(0, b"{\"a\":\"\xff\"}", b""), &LIMITS).unwrap_err();
    assert_eq!(refused, FrameError::Header { reason: "the header is not UTF-8", at: 6 });
}

#[test]
fn malformed_binary_headers_are_refused() {
    let sound = Values {
        serialize: SerializeType::Binary,
        code: 10,
        language: Language::GO,
        version: 317,
        opaque: 9,
        flags: Flags::REQUEST,
        remark: Some("r".to_owned()),
        fields: vec![("a".to_owned(), "b".to_owned())],
        body: Vec::new(),
    }
    .encode();
    let header = &sound[8..];
    for end in 0..header.len() {
        let bytes = raw_frame(1, &header[..end], b"");
        let refused = decode(&bytes, &LIMITS);
        assert!(matches!(refused, Err(FrameError::Header { .. })), "cut at {end}: {refused:?}");
    }
    let longer = [header, b"x"].concat();
    assert_eq!(
        decode(&raw_frame(1, &longer, b""), &LIMITS).unwrap_err(),
        FrameError::Header { reason: "bytes are left after extFields", at: 0 }
    );
    let mut bad_text = header.to_vec();
    *bad_text.last_mut().unwrap() = 0xff;
    assert_eq!(
        decode(&raw_frame(1, &bad_text, b""), &LIMITS).unwrap_err(),
        FrameError::Header { reason: "an entry of extFields is cut short or not UTF-8", at: 0 }
    );
}

#[test]
fn wrong_lengths_are_refused_from_the_first_four_bytes() {
    let limits = FrameLimits { frame_bytes_max: 1000, header_bytes_max: 100 };
    for length in [0, 1, 2, 3, -1, i32::MIN, 1001, i32::MAX] {
        assert_eq!(
            decode(&length.to_be_bytes(), &limits).unwrap_err(),
            FrameError::Length { length: i64::from(length), frame_bytes_max: 1000 }
        );
    }
    assert!(matches!(
        decode(&1000_i32.to_be_bytes(), &limits),
        Ok(Decoded::Incomplete { need_bytes: 1004 })
    ));
}

#[test]
fn other_protocols_are_named() {
    for (first, protocol) in [
        (b"GET ", "HTTP"),
        (b"POST", "HTTP"),
        (b"PRI ", "HTTP/2 or gRPC"),
        (b"\x16\x03\x01\x02", "TLS"),
    ] {
        let refused = decode(first, &LIMITS).unwrap_err();
        assert!(refused.to_string().contains(&format!("speak {protocol},")), "{refused}");
    }
}

#[test]
fn wrong_header_lengths_are_refused_before_the_frame_is_complete() {
    let word = |kind: u8, header_bytes: u32| {
        let word = u32::from(kind) << 24 | header_bytes;
        [&200_u32.to_be_bytes()[..], &word.to_be_bytes()].concat()
    };
    assert_eq!(
        decode(&word(0, 197), &LIMITS).unwrap_err(),
        FrameError::HeaderLength { length: 197, limit: 196 }
    );
    let limits = FrameLimits { header_bytes_max: 50, ..LIMITS };
    assert_eq!(
        decode(&word(1, 51), &limits).unwrap_err(),
        FrameError::HeaderLength { length: 51, limit: 50 }
    );
    assert_eq!(decode(&word(2, 10), &LIMITS).unwrap_err(), FrameError::SerializeType(2));
}

#[test]
fn codes_that_lost_their_high_bits_are_restored_for_requests_only() {
    for (wire, code) in [(3442, 200_050), (3448, 200_056), (3471, 200_079), (3543, 200_151)] {
        let mut values = Values {
            serialize: SerializeType::Binary,
            code,
            language: Language::JAVA,
            version: 493,
            opaque: 1,
            flags: Flags::REQUEST,
            remark: None,
            fields: Vec::new(),
            body: Vec::new(),
        };
        assert_eq!(complete(&values.encode()).code, code);
        values.flags = Flags::RESPONSE;
        assert_eq!(complete(&values.encode()).code, wire);
    }
}

#[test]
fn a_json_reply_is_written_as_apaches_brokers_write_it() {
    let values = Values {
        serialize: SerializeType::Json,
        code: 0,
        language: Language::JAVA,
        version: 493,
        opaque: 12,
        flags: Flags::RESPONSE,
        remark: Some("a\"b\\\n\u{1}é".to_owned()),
        fields: vec![("queueId".to_owned(), "1".to_owned()), ("x\u{2}".to_owned(), String::new())],
        body: Vec::new(),
    };
    let expected = r#"{"code":0,"extFields":{"queueId":"1","x\u0002":""},"flag":1,"language":"JAVA","opaque":12,"remark":"a\"b\\\n\u0001é","serializeTypeCurrentRPC":"JSON","version":493}"#;
    assert_eq!(String::from_utf8_lossy(&values.encode()[8..]), expected);
    let bare = Values { remark: None, fields: Vec::new(), ..values };
    let expected = r#"{"code":0,"flag":1,"language":"JAVA","opaque":12,"serializeTypeCurrentRPC":"JSON","version":493}"#;
    assert_eq!(String::from_utf8_lossy(&bare.encode()[8..]), expected);
}

#[test]
fn an_owned_frame_views_and_shares_its_bytes() {
    let bytes = Bytes::from(json_frame(r#"{"code":34,"opaque":5,"remark":"x"}"#, b"body"));
    let owned = OwnedFrame::from_bytes(bytes.clone(), &LIMITS).unwrap().unwrap();
    assert_eq!(Values::of(&owned.view()), Values::of(&complete(&bytes)));
    assert_eq!(owned.body(), Bytes::from_static(b"body"));
    assert_eq!(owned.body().as_ptr(), bytes[bytes.len() - 4..].as_ptr());
    let copied = owned.view().to_owned_frame();
    assert_eq!((copied.raw(), copied.body()), (bytes.clone(), owned.body()));
    let longer = Bytes::from([&bytes[..], b"x"].concat());
    assert!(OwnedFrame::from_bytes(longer, &LIMITS).unwrap().is_none());
}

#[test]
fn the_opaque_is_found_and_replaced_without_decoding() {
    for serialize in [SerializeType::Json, SerializeType::Binary] {
        let values = Values {
            serialize,
            code: 310,
            language: Language::RUST,
            version: 493,
            opaque: 1_000_000_000,
            flags: Flags::REQUEST,
            remark: None,
            fields: vec![
                ("opaque".to_owned(), "9".to_owned()),
                ("p".to_owned(), "\"opaque\":8".to_owned()),
            ],
            body: b"\"opaque\":5".to_vec(),
        };
        let mut bytes = values.encode();
        assert_eq!(peek_opaque(&bytes), Some(1_000_000_000));
        let slot = opaque_slot(&bytes).unwrap();
        assert!(slot.patch(&mut bytes, 1_234_567_890));
        assert_eq!(Values::of(&complete(&bytes)), Values { opaque: 1_234_567_890, ..values });
        let fits = slot.patch(&mut bytes, 7);
        assert_eq!(fits, serialize == SerializeType::Binary);
    }
    assert_eq!(peek_opaque(&json_frame(r#"{"code":x, "opaque" : -12 ,"#, b"")), Some(-12));
    assert_eq!(peek_opaque(b"GET / HTTP/1.1"), None);
}

/// xorshift64*: garbage that is the same on every run.
struct Garbage(u64);

impl Garbage {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % bound
    }
}

#[test]
fn garbage_never_panics_and_what_decodes_iterates() {
    let mut garbage = Garbage(0x5EED);
    let json = br#"{"code":310,"extFields":{"a":"x\u0001y","b":1,"c":{"d":[null]}},"flag":0,"opaque":7,"remark":"r"}"#;
    let binary = Values {
        serialize: SerializeType::Binary,
        code: 310,
        language: Language::CPP,
        version: 1,
        opaque: 3,
        flags: Flags::REQUEST,
        remark: Some("remark".to_owned()),
        fields: vec![("name".to_owned(), "value".to_owned()); 3],
        body: Vec::new(),
    }
    .encode();
    let alphabet = b"{}[]\",:\\u01 \x00\xff\x7fnultrefa-.";
    let mut decoded = 0;
    for case in 0..20_000 {
        let kind = u8::from(case % 2 == 1);
        let mut header = if kind == 0 { json.to_vec() } else { binary[8..].to_vec() };
        for _ in 0..=garbage.below(4) {
            let at = garbage.below(header.len());
            header[at] = alphabet[garbage.below(alphabet.len())];
        }
        let bytes = raw_frame(kind, &header, b"");
        if let Ok(Decoded::Complete { frame, .. }) = decode(&bytes, &LIMITS) {
            decoded += Values::of(&frame).fields.len();
        }
        peek_opaque(&bytes);
        if let Some(slot) = opaque_slot(&bytes) {
            let _ = slot.patch(&mut bytes.clone(), 5);
        }
        // Bytes that are not even a frame.
        let noise: Vec<u8> =
            (0..garbage.below(64)).map(|_| alphabet[garbage.below(alphabet.len())]).collect();
        let _ = decode(&noise, &LIMITS);
    }
    assert!(decoded > 1000, "too few of the damaged frames still decode: {decoded}");
}
