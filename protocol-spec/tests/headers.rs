//! Headers that are not as they should be.
use bytes::BytesMut;
use remora_protocol::frame::{self, Decoded, Frame, FrameLimits, Head};
use remora_protocol::{
    EncodeHeader, EncodedFields, FieldWriter, Flags, HeaderError, Language, RequestCode,
    SerializeType, Text, header, schema,
};

struct Pairs<'a>(&'a [(&'a str, &'a str)]);

impl EncodeHeader for Pairs<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        self.0.encode(out);
    }
}

/// Reads the fields as a header after they have been on the wire.
fn on_wire<T>(header: &dyn EncodeHeader, read: impl Fn(Frame<'_>) -> T) -> [T; 2] {
    [SerializeType::Json, SerializeType::Binary].map(|serialize| {
        let head = Head {
            serialize,
            code: 14,
            language: Language::JAVA,
            version: 493,
            opaque: 1,
            flags: Flags::REQUEST,
            remark: None,
        };
        let mut out = BytesMut::new();
        frame::encode_head(&mut out, &head, header, 0);
        match frame::decode(&out, &FrameLimits::default()) {
            Ok(Decoded::Complete { frame, .. }) => read(frame),
            other => panic!("{other:?}"),
        }
    })
}

fn refusals(fields: &[(&str, &str)]) -> [HeaderError; 2] {
    on_wire(&Pairs(fields), |frame| {
        header::QueryConsumerOffsetHeader::decode(&frame.fields).map(|_| ()).unwrap_err()
    })
}

#[test]
fn missing_required_field_is_named() {
    let fields = [("consumerGroup", "g"), ("queueId", "0")];
    for error in refusals(&fields) {
        assert_eq!(error, HeaderError::Missing { field: "topic" });
        assert_eq!(error.to_string(), "required field 'topic' is missing");
    }
}

#[test]
fn wrong_number_is_shown_and_cut() {
    let long = "9".repeat(100);
    let fields = [("consumerGroup", "g"), ("topic", "t"), ("queueId", long.as_str())];
    for error in refusals(&fields) {
        let wanted = HeaderError::Malformed {
            field: "queueId",
            expected: "a 32-bit integer",
            value: "9".repeat(64),
        };
        assert_eq!(error, wanted);
    }
}

#[test]
fn wrong_boolean_is_refused_and_numbers_mean_what_they_say() {
    let fields = |value| {
        [("consumerGroup", "g"), ("topic", "t"), ("queueId", "0"), ("setZeroIfNotFound", value)]
    };
    for (text, wanted) in [("true", true), ("TRUE", true), ("1", true), ("0", false)] {
        let read = on_wire(&Pairs(&fields(text)), |frame| {
            header::QueryConsumerOffsetHeader::decode(&frame.fields).unwrap().set_zero_if_not_found
        });
        assert_eq!(read, [Some(wanted); 2], "{text}");
    }
    for error in refusals(&fields("maybe")) {
        assert_eq!(
            error.to_string(),
            "field 'setZeroIfNotFound' must be true or false, got 'maybe'"
        );
    }
}

#[test]
fn unknown_fields_are_skipped() {
    let fields =
        [("ns", "x"), ("consumerGroup", "g"), ("topic", "t"), ("queueId", "7"), ("zz", "")];
    let read = on_wire(&Pairs(&fields), |frame| {
        header::QueryConsumerOffsetHeader::decode(&frame.fields).unwrap().queue_id
    });
    assert_eq!(read, [7; 2]);
}

#[test]
fn table_of_codes_is_in_order_and_found_by_number() {
    assert!(schema::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    for info in schema::ALL {
        assert_eq!(schema::find(info.code), Some(info));
        assert_eq!(info.code.name(), Some(info.name));
    }
    assert_eq!(RequestCode(9999).name(), None);
}

#[test]
fn fields_encoded_before_and_values_in_parts_read_like_any_other() {
    struct Composed;
    impl EncodeHeader for Composed {
        fn encode(&self, out: &mut FieldWriter<'_>) {
            let serialize = out.serialize();
            out.encoded(&EncodedFields::new(serialize, &()));
            out.encoded(&EncodedFields::new(serialize, &Pairs(&[("a", "1"), ("b", "\"2\"")])));
            out.str("c", "3");
            out.encoded(&EncodedFields::new(serialize, &Pairs(&[("d", "4")])));
            let parts = [Text::plain("x\u{1}"), Text::escaped("\\u0002y"), Text::plain("z")];
            out.texts("e", &parts);
        }
    }
    let read = on_wire(&Composed, |frame| {
        let pairs = frame
            .fields
            .iter()
            .map(|(name, value)| format!("{}={}", name.to_str(), value.to_str()));
        pairs.collect::<Vec<_>>()
    });
    for fields in read {
        assert_eq!(fields, ["a=1", "b=\"2\"", "c=3", "d=4", "e=x\u{1}\u{2}yz"]);
    }
}
