use bytes::BytesMut;
use remora_protocol::frame::*;
use remora_protocol::*;
use std::hint::black_box;
use std::time::Instant;
fn time(name: &str, mut f: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..20 {
        let n = 50_000;
        let t = Instant::now();
        for _ in 0..n {
            f();
        }
        best = best.min(t.elapsed().as_nanos() as f64 / n as f64);
    }
    println!("{name}: {best:.1} ns");
}
#[test]
fn bench() {
    let props = "KEYS\u{1}OrderID188\u{2}UNIQ_KEY\u{1}7F0000011A2B18B4AAC20102030400FF\u{2}WAIT\u{1}true\u{2}TAGS\u{1}TagA\u{2}";
    for serialize in [SerializeType::Json, SerializeType::Binary] {
        let head = Head {
            serialize,
            code: 310,
            language: Language::JAVA,
            version: 493,
            opaque: 1_234_567_890,
            flags: Flags::REQUEST,
            remark: None,
        };
        let fields: Vec<(&str, &str)> = vec![
            ("a", "please_rename_unique_group_name"),
            ("b", "TopicTest"),
            ("c", "TBW102"),
            ("d", "4"),
            ("e", "3"),
            ("f", "0"),
            ("g", "1700000000000"),
            ("h", "0"),
            ("i", props),
            ("j", "0"),
            ("k", "false"),
            ("m", "false"),
            ("n", "broker-a"),
        ];
        let mut out = BytesMut::new();
        encode_head(&mut out, &head, fields.as_slice(), 128);
        out.extend_from_slice(&[b'x'; 128]);
        println!("{serialize:?} frame {} bytes", out.len());
        let limits = FrameLimits::default();
        time("decode frame", || {
            let Ok(Decoded::Complete { frame, .. }) = decode(black_box(&out), &limits) else {
                panic!()
            };
            black_box(frame);
        });
        let mut v = Vec::with_capacity(1000);
        time("decode frame + header + props", || {
            let Ok(Decoded::Complete { frame, .. }) = decode(black_box(&out), &limits) else {
                panic!()
            };
            let h = <request::SendMessageV2 as RequestHeader>::decode(frame.fields).unwrap();
            v.clear();
            h.properties.append_to(&mut v);
            black_box(&v);
            black_box(h);
        });
        let mut reply = BytesMut::with_capacity(65536);
        let head = Head {
            serialize,
            code: 0,
            language: Language::JAVA,
            version: 493,
            opaque: 1_234_567_890,
            flags: Flags::RESPONSE,
            remark: None,
        };
        struct R;
        impl EncodeHeader for R {
            fn encode(&self, out: &mut FieldWriter<'_>) {
                out.str("msgId", black_box("7F00000100002A9F0000000012345678"));
                out.int("queueId", 3);
                out.int("queueOffset", 123456);
                out.str("transactionId", black_box("7F0000011A2B18B4AAC20102030400FF"));
                out.str("MSG_REGION", "DefaultRegion");
                out.str("TRACE_ON", "true");
            }
        }
        time("encode reply", || {
            if reply.len() > 60000 {
                reply.clear();
            }
            encode_head(&mut reply, black_box(&head), &R, 0);
            black_box(&reply);
        });
    }
    let body = [b'x'; 128];
    let draft = record::Draft {
        topic: "TopicTest",
        queue_id: 3,
        flag: 0,
        sys_flag: 0,
        born_timestamp_ms: 1,
        born_host: "127.0.0.1:1".parse().unwrap(),
        store_host: "127.0.0.1:2".parse().unwrap(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body: &body,
        properties: props.as_bytes(),
    };
    let mut out = Vec::with_capacity(1000);
    time("record encode", || {
        out.clear();
        black_box(&draft).encode(&mut out);
        black_box(&out);
    });
    println!("record {} bytes", out.len());
    let mut n = 0;
    time("record seal", || {
        n += 1;
        record::seal(black_box(&mut out), n, n, n);
    });
    time("record verify", || {
        black_box(record::verify(black_box(&out))).unwrap();
    });
    time("record decode", || {
        black_box(record::decode(black_box(&out))).unwrap();
    });
    time("find", || {
        black_box(properties::find(black_box(props.as_bytes()), "TAGS"));
        black_box(properties::find(black_box(props.as_bytes()), "DELAY"));
    });
    let id =
        message_id::OffsetId { store_host: "127.0.0.1:2".parse().unwrap(), physical_offset: 5 };
    time("offset id", || {
        black_box(black_box(id).to_hex());
    });
    time("hash", || {
        black_box(java_hash::hash(black_box("TagA")));
    });
}
