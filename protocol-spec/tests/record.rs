//! The stored record: its bytes, what damage is noticed, and what is not.
use std::net::SocketAddr;

use proptest::prelude::*;
use remora_protocol::properties;
use remora_protocol::record::{
    Draft, Entry, MAGIC_BLANK, MAGIC_V1, MAGIC_V2, Record, RecordError, blank, decode, entry, seal,
    verify, verify_whole,
};
use remora_protocol::record_crc::crc31;
use remora_protocol::sys_flag;

const V4: &str = "192.168.0.1:10911";
const V6: &str = "[fe80::1]:65535";

fn host(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn draft<'a>(topic: &'a str, body: &'a [u8], properties: &'a [u8]) -> Draft<'a> {
    Draft {
        topic,
        queue_id: 3,
        flag: -1,
        sys_flag: sys_flag::MULTI_TAGS,
        born_timestamp_ms: 1_700_000_000_000,
        born_host: host(V4),
        store_host: host("10.0.0.9:10911"),
        reconsume_times: 2,
        prepared_transaction_offset: 77,
        body,
        properties,
    }
}

fn sealed(draft: &Draft<'_>) -> Vec<u8> {
    // Behind other bytes, as in a batch of appends.
    let mut out = b"before".to_vec();
    draft.encode(&mut out);
    let mut record = out.split_off(6);
    assert_eq!(record.len(), draft.encoded_bytes());
    seal(&mut record, 41, 4096, 1_700_000_000_123);
    record
}

/// The record as Apache writes it without `enabledAppendPropCRC`: assembled by hand, field by
/// field.
fn apache_record(topic: &str, body: &[u8], properties: &[u8], v6: bool) -> Vec<u8> {
    let mut fields: Vec<Vec<u8>> = vec![
        vec![0; 4],
        (if topic.len() > 127 { MAGIC_V2 } else { MAGIC_V1 }).to_be_bytes().to_vec(),
        (crc32fast::hash(body) & 0x7FFF_FFFF).to_be_bytes().to_vec(),
        5_i32.to_be_bytes().to_vec(),
        0_i32.to_be_bytes().to_vec(),
        1_i64.to_be_bytes().to_vec(),
        2_i64.to_be_bytes().to_vec(),
        (if v6 { 16 | 32 } else { 0_i32 }).to_be_bytes().to_vec(),
        3_i64.to_be_bytes().to_vec(),
    ];
    let address: Vec<u8> = if v6 { (1..=16).collect() } else { vec![127, 0, 0, 1] };
    fields.push([&address[..], &9999_i32.to_be_bytes()].concat());
    fields.push(4_i64.to_be_bytes().to_vec());
    fields.push([&address[..], &10911_i32.to_be_bytes()].concat());
    fields.push(6_i32.to_be_bytes().to_vec());
    fields.push(7_i64.to_be_bytes().to_vec());
    fields.push(u32::try_from(body.len()).unwrap().to_be_bytes().to_vec());
    fields.push(body.to_vec());
    let topic_length = u16::try_from(topic.len()).unwrap().to_be_bytes();
    fields.push(topic_length[usize::from(topic.len() <= 127)..].to_vec());
    fields.push(topic.as_bytes().to_vec());
    fields.push(u16::try_from(properties.len()).unwrap().to_be_bytes().to_vec());
    fields.push(properties.to_vec());
    let mut record = fields.concat();
    let total_bytes = u32::try_from(record.len()).unwrap().to_be_bytes();
    record[..4].copy_from_slice(&total_bytes);
    record
}

#[test]
fn a_sealed_record_decodes_to_what_was_put_in() {
    let draft = draft("orders", b"body", b"TAGS\x01a");
    let record = sealed(&draft);
    let mut expected_properties = b"TAGS\x01a\x02__CRC32#\x01".to_vec();
    let mut crc = crc31(&record[..record.len() - 20]);
    for _ in 0..10 {
        expected_properties.push(b'0' + u8::try_from(crc % 10).unwrap());
        crc /= 10;
    }
    expected_properties.push(2);
    let expected = Record {
        total_bytes: u32::try_from(record.len()).unwrap(),
        body_crc: crc31(b"body"),
        queue_id: 3,
        flag: -1,
        queue_offset: 41,
        physical_offset: 4096,
        sys_flag: sys_flag::MULTI_TAGS,
        born_timestamp_ms: 1_700_000_000_000,
        born_host: host(V4),
        store_timestamp_ms: 1_700_000_000_123,
        store_host: host("10.0.0.9:10911"),
        reconsume_times: 2,
        prepared_transaction_offset: 77,
        body: b"body",
        topic: "orders",
        properties: &expected_properties,
    };
    assert_eq!(decode(&record), Ok(expected));
    assert_eq!(verify(&record), Ok(()));
    // Bytes after the record belong to the next one.
    assert_eq!(decode(&[&record[..], b"next"].concat()), Ok(expected));
    assert_eq!(verify(&[&record[..], b"next"].concat()), Ok(()));
}

#[test]
fn hosts_and_topic_length_take_the_form_that_fits_them() {
    let long_topic = "t".repeat(200);
    for topic in ["t", &long_topic[..127], &long_topic[..128], &long_topic] {
        for (born, store) in [(V4, V4), (V4, V6), (V6, V4), (V6, V6)] {
            let draft =
                Draft { born_host: host(born), store_host: host(store), ..draft(topic, b"b", b"") };
            let record = sealed(&draft);
            let decoded = decode(&record).unwrap();
            let magic = if topic.len() > 127 { MAGIC_V2 } else { MAGIC_V1 };
            assert_eq!(record[4..8], magic.to_be_bytes());
            assert_eq!(
                (decoded.topic, decoded.born_host, decoded.store_host, decoded.store_timestamp_ms),
                (topic, host(born), host(store), 1_700_000_000_123)
            );
            assert_eq!(verify(&record), Ok(()));
        }
    }
    let mapped = Draft { born_host: host("[::ffff:1.2.3.4]:5"), ..draft("t", b"b", b"") };
    assert_eq!(decode(&sealed(&mapped)).unwrap().born_host, host("1.2.3.4:5"));
}

#[test]
fn records_that_apache_wrote_decode_in_every_form() {
    let long_topic = "t".repeat(128);
    for topic in ["orders", &long_topic] {
        for v6 in [false, true] {
            let record = apache_record(topic, b"hello", b"KEYS\x01k\x02", v6);
            let ip = if v6 { "[102:304:506:708:90a:b0c:d0e:f10]" } else { "127.0.0.1" };
            let expected = Record {
                total_bytes: u32::try_from(record.len()).unwrap(),
                body_crc: crc31(b"hello"),
                queue_id: 5,
                flag: 0,
                queue_offset: 1,
                physical_offset: 2,
                sys_flag: if v6 { 48 } else { 0 },
                born_timestamp_ms: 3,
                born_host: host(&format!("{ip}:9999")),
                store_timestamp_ms: 4,
                store_host: host(&format!("{ip}:10911")),
                reconsume_times: 6,
                prepared_transaction_offset: 7,
                body: b"hello",
                topic,
                properties: b"KEYS\x01k\x02",
            };
            assert_eq!(decode(&record), Ok(expected));
            assert_eq!(verify(&record), Ok(()));
        }
    }
}

#[test]
fn a_crc_property_copied_from_another_record_is_replaced() {
    let first = sealed(&draft("t", b"b", b"TAGS\x01a\x02"));
    let copied = decode(&first).unwrap().properties;
    let second = sealed(&Draft { queue_id: 9, ..draft("t", b"b", copied) });
    assert_eq!(second.len(), first.len());
    assert_eq!(verify(&second), Ok(()));
    assert_eq!(properties::without_crc(copied), b"TAGS\x01a\x02");
}

#[test]
fn every_flipped_bit_of_our_records_is_noticed() {
    let long_topic = "t".repeat(130);
    for draft in [
        draft("orders", b"some body", b"TAGS\x01a\x02KEYS\x01k\x02"),
        draft("t", b"", b""),
        Draft { born_host: host(V6), store_host: host(V6), ..draft(&long_topic, b"x", b"a\x01b") },
    ] {
        let record = sealed(&draft);
        for bit in 0..record.len() * 8 {
            let mut damaged = record.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&damaged).is_err(), "bit {bit} of {} bytes", record.len());
        }
    }
}

/// Without the CRC property only lengths, magic and body are covered: this states which bytes.
#[test]
fn without_the_crc_property_only_magic_lengths_and_body_are_covered() {
    let record = apache_record("t", b"hello", b"", false);
    let unnoticed: Vec<usize> = (0..record.len())
        .filter(|&at| {
            let mut damaged = record.clone();
            damaged[at] ^= 1;
            verify(&damaged).is_ok()
        })
        .collect();
    // Queue id to prepared transaction offset, and the topic's text.
    let expected: Vec<usize> = (12..84).chain([94]).collect();
    assert_eq!(unnoticed, expected);
    assert_eq!(verify_whole(&record), Err(RecordError::RecordCrcProperty));
}

#[test]
fn a_torn_record_is_refused_at_every_length() {
    let record = sealed(&draft("orders", b"some body", b"TAGS\x01a\x02"));
    for end in 0..record.len() {
        let have_bytes = u32::try_from(end).unwrap();
        let need_bytes = if end < 8 { 8 } else { u32::try_from(record.len()).unwrap() };
        let refused = RecordError::Truncated { need_bytes, have_bytes };
        assert_eq!(verify(&record[..end]), Err(refused.clone()));
        // The rest of the page was never written.
        let mut torn = record.clone();
        torn[end..].fill(0);
        assert!(verify(&torn).is_err(), "zeros from byte {end}");
    }
}

#[test]
fn lengths_that_do_not_add_up_are_refused() {
    let record = sealed(&draft("t", b"body", b""));
    let with = |at: usize, bytes: &[u8]| {
        let mut damaged = record.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        decode(&damaged).map(|_| ())
    };
    let total = i64::try_from(record.len()).unwrap();
    let field = |field, length| Err(RecordError::FieldLength { field, length });
    assert_eq!(with(0, &(-1_i32).to_be_bytes()), field("TOTALSIZE", -1));
    assert_eq!(with(0, &7_i32.to_be_bytes()), field("TOTALSIZE", 7));
    assert_eq!(with(0, &80_i32.to_be_bytes()), field("TOTALSIZE", 80));
    assert_eq!(with(84, &(-1_i32).to_be_bytes()), field("BODY", total));
    assert_eq!(with(92, &[255]), field("TOPIC", total));
    assert_eq!(with(94, &[0, 19]), field("PROPERTIES", 19));
    assert_eq!(with(94, &[0, 21]), field("PROPERTIES", total));
    assert_eq!(with(93, &[0xFF]), Err(RecordError::Topic));
}

#[test]
fn blanks_and_unwritten_bytes_are_not_records() {
    let filled = blank(4096);
    assert_eq!(entry(&filled), Ok(Entry::Blank { total_bytes: 4096 }));
    assert_eq!(decode(&filled), Err(RecordError::Magic(MAGIC_BLANK)));
    assert_eq!(entry(&[0; 64]), Err(RecordError::Magic(0)));
    let record = sealed(&draft("t", b"b", b""));
    let total_bytes = u32::try_from(record.len()).unwrap();
    assert_eq!(entry(&record), Ok(Entry::Record { total_bytes }));
}

#[test]
fn compression_and_transaction_bits_are_set_and_read() {
    use remora_protocol::sys_flag::*;
    assert_eq!(compression(0x300), None);
    for (kind, bits) in
        [(Compression::Lz4, 0x101), (Compression::Zstd, 0x201), (Compression::Zlib, 0x301)]
    {
        assert_eq!(with_compression(0, kind), bits);
        assert_eq!(compression(bits | MULTI_TAGS), Some(kind));
        assert_eq!(without_compression(bits | MULTI_TAGS), MULTI_TAGS);
    }
    assert_eq!(compression(1), Some(Compression::Zlib));
    assert_eq!(with_transaction(TRANSACTION_ROLLBACK | COMPRESSED, TRANSACTION_COMMIT), 8 | 1);
    assert_eq!(transaction(TRANSACTION_PREPARED | COMPRESSED), TRANSACTION_PREPARED);
}

proptest! {
    #[test]
    fn any_draft_is_sealed_into_a_sound_record(
        topic in "[a-z]{1,255}",
        body in proptest::collection::vec(any::<u8>(), 0..300),
        raw_properties in "[a-c\u{1}\u{2}]{0,40}",
        sys_flag in any::<i32>(),
        v6 in any::<(bool, bool)>(),
    ) {
        let draft = Draft {
            sys_flag,
            born_host: host(if v6.0 { V6 } else { V4 }),
            store_host: host(if v6.1 { V6 } else { V4 }),
            ..draft(&topic, &body, raw_properties.as_bytes())
        };
        let record = sealed(&draft);
        prop_assert_eq!((verify(&record), verify_whole(&record)), (Ok(()), Ok(())));
        let decoded = decode(&record).unwrap();
        let stored = properties::without_crc(decoded.properties);
        prop_assert_eq!((decoded.topic, decoded.body), (&topic[..], &body[..]));
        prop_assert_eq!(
            properties::iter(stored).collect::<Vec<_>>(),
            properties::iter(raw_properties.as_bytes()).collect::<Vec<_>>()
        );
        let hosts = sys_flag::BORN_HOST_V6 | sys_flag::STORE_HOST_V6;
        prop_assert_eq!(decoded.sys_flag & !hosts, sys_flag & !hosts);
    }

    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), v2: bool) {
        let _ = (decode(&bytes), verify(&bytes), entry(&bytes));
        let mut bytes = bytes;
        if bytes.len() >= 8 {
            let magic = if v2 { MAGIC_V2 } else { MAGIC_V1 };
            let total_bytes = u32::try_from(bytes.len()).unwrap();
            bytes[..4].copy_from_slice(&total_bytes.to_be_bytes());
            bytes[4..8].copy_from_slice(&magic.to_be_bytes());
            let _ = (decode(&bytes), verify(&bytes));
        }
    }
}
