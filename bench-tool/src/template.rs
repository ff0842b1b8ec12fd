//! A send request encoded once; the parts that differ from message to message are patched in place.
use bytes::BytesMut;
use remora_protocol::message_id::HEX_PAIRS;
use remora_protocol::{EncodeHeader, FieldWriter, Flags, Head, Language, SerializeType, frame};

use crate::payload::BodyTemplate;

/// Opaque values of the generator all have ten digits, so that they patch in place in JSON.
pub const OPAQUE_BASE: i32 = 1_000_000_000;
/// An opaque to encode, and to find in what was encoded.
pub const OPAQUE_SAMPLE: i32 = 1_987_654_321;
pub const OPAQUE_DIGITS: usize = 10;
const BORN_SAMPLE: i64 = 1_234_567_890_123;
const UNIQ_SAMPLE: &str = "0123456789ABCDEF0123456789ABCDEF";
/// The last digits of a unique key, as official clients make them: the time of the month and a
/// counter. Brokers read the message's age from it. Those before them tell the source.
const SEQUENCE_DIGITS: usize = 12;
const COUNTER_BITS: u32 = 16;
const MONTH_MS: u64 = 31 * 24 * 3_600_000;

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
    pub run: u32,
    pub producer: u32,
}

/// The encoded request and where its changing parts are.
#[derive(Debug)]
pub struct Template {
    frame: Vec<u8>,
    opaque_at: usize,
    born_at: usize,
    born_ms: i64,
    /// The time in unique keys, at its place.
    key_time: u64,
    /// Where each message has the counting digits of its unique key, and its body.
    messages: Vec<(usize, usize)>,
    body: BodyTemplate,
}

/// An opaque as it stands in a frame.
#[derive(Clone, Copy, Debug)]
pub enum OpaqueBytes {
    Json([u8; OPAQUE_DIGITS]),
    Binary([u8; 4]),
}

impl OpaqueBytes {
    /// `opaque` is at least `OPAQUE_BASE`.
    pub fn new(serialize: SerializeType, opaque: i32) -> Self {
        match serialize {
            SerializeType::Json => {
                let mut digits = [0; OPAQUE_DIGITS];
                write_digits(&mut digits, opaque.into());
                Self::Json(digits)
            }
            SerializeType::Binary => Self::Binary(opaque.to_be_bytes()),
        }
    }
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
        let stamped = BodyTemplate::new(spec.run, spec.producer, spec.queue, spec.body_bytes);
        let body = if spec.batch > 1 {
            batch_body(spec.batch, stamped.bytes(), properties.as_bytes())
        } else {
            stamped.bytes().to_vec()
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
        Self::locate(encoded.to_vec(), header_bytes, spec, stamped)
    }

    fn locate(
        mut frame: Vec<u8>,
        header_bytes: usize,
        spec: &TemplateSpec<'_>,
        body: BodyTemplate,
    ) -> Self {
        let opaque = match spec.serialize {
            SerializeType::Json => OPAQUE_SAMPLE.to_string().into_bytes(),
            SerializeType::Binary => OPAQUE_SAMPLE.to_be_bytes().to_vec(),
        };
        let uniq_at = find_all(&frame, UNIQ_SAMPLE.as_bytes());
        assert_eq!(uniq_at.len(), spec.batch, "one unique key a message");
        let source = format!("{:08X}{:08X}{:04X}", spec.run, spec.producer, spec.queue & 0xFFFF);
        for at in &uniq_at {
            frame[*at..][..source.len()].copy_from_slice(source.as_bytes());
        }
        let body_at: Vec<usize> = if spec.batch > 1 {
            let item = frame.len().saturating_sub(header_bytes) / spec.batch;
            (0..spec.batch).map(|n| header_bytes + n * item + BATCH_ITEM_HEAD_BYTES).collect()
        } else {
            vec![header_bytes]
        };
        let counting_at = uniq_at.iter().map(|at| at + UNIQ_SAMPLE.len() - SEQUENCE_DIGITS);
        Self {
            opaque_at: find_all(&frame, &opaque)[0],
            born_at: find_all(&frame, BORN_SAMPLE.to_string().as_bytes())[0],
            born_ms: BORN_SAMPLE,
            key_time: 0,
            messages: counting_at.zip(body_at).collect(),
            body,
            frame,
        }
    }

    pub fn messages(&self) -> usize {
        self.messages.len()
    }

    pub fn frame_bytes(&self) -> usize {
        self.frame.len()
    }

    /// Appends one request to `out`. `sequence` is the first message's; the rest count on from it.
    #[inline]
    pub fn append_to(
        &mut self,
        out: &mut Vec<u8>,
        opaque: &OpaqueBytes,
        born_ms: i64,
        sequence: u64,
        sent_at_ns: u64,
    ) {
        if self.born_ms != born_ms {
            self.born_ms = born_ms;
            self.key_time = (born_ms.unsigned_abs() % MONTH_MS) << COUNTER_BITS;
            write_digits(&mut self.frame[self.born_at..][..13], born_ms);
        }
        let start = out.len();
        out.extend_from_slice(&self.frame);
        let frame = &mut out[start..];
        match opaque {
            OpaqueBytes::Json(digits) => {
                frame[self.opaque_at..][..digits.len()].copy_from_slice(digits);
            }
            OpaqueBytes::Binary(bytes) => frame[self.opaque_at..][..4].copy_from_slice(bytes),
        }
        for ((uniq_at, body_at), sequence) in self.messages.iter().zip(sequence..) {
            let count = sequence & ((1 << COUNTER_BITS) - 1);
            write_hex(&mut frame[*uniq_at..][..SEQUENCE_DIGITS], self.key_time | count);
            self.body.stamp(&mut frame[*body_at..], sequence, sent_at_ns);
        }
    }
}

/// total, magic, crc, flag, body length: five int32 before an item's body. The CRC stays 0, as
/// official clients leave it; the broker computes its own.
const BATCH_ITEM_HEAD_BYTES: usize = 20;

fn batch_body(batch: usize, one: &[u8], properties: &[u8]) -> Vec<u8> {
    let item_bytes = BATCH_ITEM_HEAD_BYTES + one.len() + 2 + properties.len();
    let mut body = Vec::with_capacity(item_bytes * batch);
    for _ in 0..batch {
        let total = u32::try_from(item_bytes).unwrap_or(u32::MAX);
        let body_bytes = u32::try_from(one.len()).unwrap_or(u32::MAX);
        let property_bytes = u16::try_from(properties.len()).unwrap_or(u16::MAX);
        for word in [total, 0, 0, 0, body_bytes] {
            body.extend_from_slice(&word.to_be_bytes());
        }
        body.extend_from_slice(one);
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
        *digit = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
    }
}

/// The last bytes of `value`, as many as `out` has room for.
#[inline]
fn write_hex(out: &mut [u8], value: u64) {
    let mut rest = value;
    for pair in out.as_chunks_mut::<2>().0.iter_mut().rev() {
        *pair = HEX_PAIRS[(rest & 0xFF) as usize];
        rest >>= 8;
    }
}
