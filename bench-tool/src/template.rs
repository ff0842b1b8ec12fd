//! A send request encoded once; the parts that differ from message to message are patched in place.
use bytes::BytesMut;
use remora_protocol::{EncodeHeader, FieldWriter, Flags, Head, Language, SerializeType, frame};

use crate::payload::{self, Stamp};

/// Opaque values of the generator all have ten digits, so that they patch in place in JSON.
pub const OPAQUE_BASE: i32 = 1_000_000_000;
const OPAQUE_SAMPLE: i32 = 1_987_654_321;
const BORN_SAMPLE: i64 = 1_234_567_890_123;
const UNIQ_SAMPLE: &str = "0123456789ABCDEF0123456789ABCDEF";
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// What every request of one template shares.
#[derive(Clone, Debug)]
pub struct TemplateSpec<'a> {
    pub topic: &'a str,
    pub broker_name: &'a str,
    pub queue: u32,
    pub body_bytes: usize,
    /// Messages in one request: 1 sends with code 310, more with 320.
    pub batch: usize,
    pub serialize: SerializeType,
}

/// The encoded request and where its changing parts are.
#[derive(Debug)]
pub struct Template {
    frame: Vec<u8>,
    serialize: SerializeType,
    opaque_at: usize,
    born_at: usize,
    /// One unique key and one body a message.
    uniq_at: Vec<usize>,
    body_at: Vec<usize>,
    body_bytes: usize,
}

struct SendFields<'a> {
    spec: &'a TemplateSpec<'a>,
    properties: &'a str,
}

impl EncodeHeader for SendFields<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("a", "remora-bench");
        out.str("b", self.spec.topic);
        out.str("c", "TBW102");
        out.int("d", 8);
        out.int("e", i64::from(self.spec.queue));
        out.int("f", 0);
        out.int("g", BORN_SAMPLE);
        out.int("h", 0);
        out.str("i", self.properties);
        out.int("j", 0);
        out.bool("k", false);
        out.bool("m", self.spec.batch > 1);
        out.str("n", self.spec.broker_name);
    }
}

impl Template {
    pub fn new(spec: &TemplateSpec<'_>) -> Self {
        let properties = format!("UNIQ_KEY\u{1}{UNIQ_SAMPLE}\u{2}WAIT\u{1}true\u{2}");
        let body = if spec.batch > 1 {
            batch_body(spec, properties.as_bytes())
        } else {
            vec![b'x'; spec.body_bytes]
        };
        let header_properties = if spec.batch > 1 { "WAIT\u{1}true\u{2}" } else { &properties };
        let head = Head {
            serialize: spec.serialize,
            code: if spec.batch > 1 { 320 } else { 310 },
            language: Language(0),
            version: 493,
            opaque: OPAQUE_SAMPLE,
            flags: Flags::REQUEST,
            remark: None,
        };
        let mut encoded = BytesMut::new();
        let fields = SendFields { spec, properties: header_properties };
        frame::encode_head(&mut encoded, &head, &fields, body.len());
        let header_bytes = encoded.len();
        encoded.extend_from_slice(&body);
        Self::locate(encoded.to_vec(), header_bytes, spec)
    }

    fn locate(frame: Vec<u8>, header_bytes: usize, spec: &TemplateSpec<'_>) -> Self {
        let opaque = match spec.serialize {
            SerializeType::Json => OPAQUE_SAMPLE.to_string().into_bytes(),
            SerializeType::Binary => OPAQUE_SAMPLE.to_be_bytes().to_vec(),
        };
        let uniq_at = find_all(&frame, UNIQ_SAMPLE.as_bytes());
        let body_at = if spec.batch > 1 {
            let item = frame.len().saturating_sub(header_bytes) / spec.batch;
            (0..spec.batch).map(|n| header_bytes + n * item + BATCH_ITEM_HEAD_BYTES).collect()
        } else {
            vec![header_bytes]
        };
        assert_eq!(uniq_at.len(), spec.batch, "one unique key a message");
        Self {
            serialize: spec.serialize,
            opaque_at: find_all(&frame, &opaque)[0],
            born_at: find_all(&frame, BORN_SAMPLE.to_string().as_bytes())[0],
            uniq_at,
            body_at,
            body_bytes: spec.body_bytes,
            frame,
        }
    }

    pub fn messages(&self) -> usize {
        self.body_at.len()
    }

    pub fn frame_bytes(&self) -> usize {
        self.frame.len()
    }

    /// Appends one request to `out`. `first` stamps the first message; the rest count on from it.
    pub fn append_to(&self, out: &mut Vec<u8>, opaque: i32, born_ms: i64, first: Stamp) {
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        match self.serialize {
            SerializeType::Json => write_digits(&mut frame[self.opaque_at..][..10], opaque.into()),
            SerializeType::Binary => {
                frame[self.opaque_at..][..4].copy_from_slice(&opaque.to_be_bytes());
            }
        }
        write_digits(&mut frame[self.born_at..][..13], born_ms);
        let mut stamp = first;
        for (uniq_at, body_at) in self.uniq_at.iter().zip(&self.body_at) {
            write_unique(&mut frame[*uniq_at..][..32], &stamp);
            payload::write(&mut frame[*body_at..][..self.body_bytes], &stamp);
            stamp.sequence += 1;
        }
    }
}

/// total, magic, crc, flag, body length: five int32 before an item's body. The CRC stays 0, as
/// official clients leave it; the broker computes its own.
const BATCH_ITEM_HEAD_BYTES: usize = 20;

fn batch_body(spec: &TemplateSpec<'_>, properties: &[u8]) -> Vec<u8> {
    let item_bytes = BATCH_ITEM_HEAD_BYTES + spec.body_bytes + 2 + properties.len();
    let mut body = Vec::with_capacity(item_bytes * spec.batch);
    for _ in 0..spec.batch {
        let total = u32::try_from(item_bytes).unwrap_or(u32::MAX);
        let body_bytes = u32::try_from(spec.body_bytes).unwrap_or(u32::MAX);
        let property_bytes = u16::try_from(properties.len()).unwrap_or(u16::MAX);
        for word in [total, 0, 0, 0, body_bytes] {
            body.extend_from_slice(&word.to_be_bytes());
        }
        body.resize(body.len() + spec.body_bytes, b'x');
        body.extend_from_slice(&property_bytes.to_be_bytes());
        body.extend_from_slice(properties);
    }
    body
}

fn find_all(haystack: &[u8], needle: &[u8]) -> Vec<usize> {
    haystack
        .windows(needle.len())
        .enumerate()
        .filter(|(_, w)| *w == needle)
        .map(|(at, _)| at)
        .collect()
}

fn write_digits(out: &mut [u8], value: i64) {
    let mut rest = value.unsigned_abs();
    for digit in out.iter_mut().rev() {
        *digit = HEX[(rest % 10) as usize];
        rest /= 10;
    }
}

/// 32 hex digits that no other message has: run, producer, queue and 20 bits, sequence.
fn write_unique(out: &mut [u8], stamp: &Stamp) {
    let high = (u64::from(stamp.run) << 32) | u64::from(stamp.producer & 0xFFFF) << 16;
    let low = (u64::from(stamp.queue & 0xFFFF) << 48) | (stamp.sequence & 0xFFFF_FFFF_FFFF);
    let id = (u128::from(high) << 64) | u128::from(low);
    for (n, digit) in out.iter_mut().enumerate() {
        *digit = HEX[((id >> (124 - 4 * n)) & 15) as usize];
    }
}
