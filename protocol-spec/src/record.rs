//! The stored record: the commit log's entry, and the body of a pull reply.
//!
//! Layout as in spec chapter 3. Offsets of the fields that the store fills in are fixed, so a
//! record is encoded outside the append lock and sealed inside it.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::record_crc::{self, CRC_PROPERTY_BYTES, Demand};
use crate::sys_flag;

/// V1 records have a one-byte topic length, V2 (topic over 127 bytes) a two-byte one.
pub const MAGIC_V1: u32 = 0xDAA3_20A7;
pub const MAGIC_V2: u32 = 0xDAA3_20AB;
/// Fills the tail of a segment: int32 remaining size, int32 this.
pub const MAGIC_BLANK: u32 = 0xCBD4_3194;

/// Size and magic, which a record and a blank begin with alike.
pub const BLANK_BYTES: usize = 8;
/// Longest topic of a V1 record.
const TOPIC_BYTES_V1_MAX: usize = 127;
/// Longest properties of a record, the CRC property included: its length is an int16.
pub const PROPERTIES_BYTES_MAX: usize = 32_767;
/// Positions of the fields that are read or written in place.
pub const QUEUE_OFFSET_AT: usize = 20;
pub const PHYSICAL_OFFSET_AT: usize = 28;
pub const SYS_FLAG_AT: usize = 36;
const BORN_HOST_AT: usize = 48;
/// Address and port of an IPv6 host; an IPv4 one has 8 bytes.
const HOST_BYTES_MAX: usize = 20;
/// Everything before the body, with hosts of IPv6 and of IPv4.
const HEAD_BYTES_MAX: usize = BORN_HOST_AT + HOST_BYTES_MAX + 8 + HOST_BYTES_MAX + 16;
const HEAD_BYTES_MIN: usize = HEAD_BYTES_MAX - 2 * (HOST_BYTES_MAX - 8);

/// Where the body's length stands, given the record's sysFlag: hosts are 8 or 20 bytes each.
pub fn body_length_at(sys_flag: i32) -> usize {
    let store_host_at = store_timestamp_at(sys_flag) + 8;
    // Reconsume times and prepared transaction offset lie between.
    store_host_at + host_bytes(sys_flag & sys_flag::STORE_HOST_V6 != 0) + 12
}

/// Why bytes are not a sound record.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    #[error("record needs {need_bytes} bytes, {have_bytes} are there")]
    Truncated { need_bytes: u32, have_bytes: u32 },
    #[error("magic {0:#010x} is not a record's")]
    Magic(u32),
    #[error("field '{field}' with length {length} does not fit the record")]
    FieldLength { field: &'static str, length: i64 },
    #[error("the topic is not UTF-8")]
    Topic,
    #[error("body crc is {computed:#010x}, the record says {stored:#010x}")]
    BodyCrc { stored: u32, computed: u32 },
    #[error("record crc is {computed:#010x}, property __CRC32# says {stored:#010x}")]
    RecordCrc { stored: u32, computed: u32 },
    #[error("property __CRC32# is damaged, or missing where every record has it")]
    RecordCrcProperty,
}

/// A record that borrows its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    pub total_bytes: u32,
    pub body_crc: u32,
    pub queue_id: i32,
    pub flag: i32,
    pub queue_offset: i64,
    pub physical_offset: i64,
    pub sys_flag: i32,
    pub born_timestamp_ms: i64,
    pub born_host: SocketAddr,
    pub store_timestamp_ms: i64,
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    pub body: &'a [u8],
    pub topic: &'a str,
    /// `name \x01 value \x02` …, as stored, the CRC property included.
    pub properties: &'a [u8],
}

/// What stands at a position of the commit log, told by its first eight bytes alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry {
    /// A record of this many bytes, should the rest of it be sound.
    Record { total_bytes: u32 },
    /// The unused tail of a segment.
    Blank { total_bytes: u32 },
}

/// Looks at size and magic. Zeros, as in the unwritten part of a segment, are `Magic(0)`.
pub fn entry(input: &[u8]) -> Result<Entry, RecordError> {
    let Some((prefix, _)) = input.split_first_chunk::<BLANK_BYTES>() else {
        return Err(RecordError::Truncated { need_bytes: 8, have_bytes: length_of(input) });
    };
    let [s0, s1, s2, s3, m0, m1, m2, m3] = *prefix;
    let total_bytes = i32::from_be_bytes([s0, s1, s2, s3]);
    let magic = u32::from_be_bytes([m0, m1, m2, m3]);
    if !matches!(magic, MAGIC_V1 | MAGIC_V2 | MAGIC_BLANK) {
        return Err(RecordError::Magic(magic));
    }
    let total_bytes = u32::try_from(total_bytes).ok().filter(|&total_bytes| total_bytes >= 8);
    let Some(total_bytes) = total_bytes else {
        let length = i64::from(i32::from_be_bytes([s0, s1, s2, s3]));
        return Err(RecordError::FieldLength { field: "TOTALSIZE", length });
    };
    Ok(match magic {
        MAGIC_BLANK => Entry::Blank { total_bytes },
        _ => Entry::Record { total_bytes },
    })
}

/// The eight bytes that fill a segment's tail of `remaining_bytes` (at least 8).
pub fn blank(remaining_bytes: u32) -> [u8; BLANK_BYTES] {
    (u64::from(remaining_bytes) << 32 | u64::from(MAGIC_BLANK)).to_be_bytes()
}

/// Decodes one record at the start of `input` without checking CRCs (see `verify`).
pub fn decode(input: &[u8]) -> Result<Record<'_>, RecordError> {
    let total_bytes = match entry(input)? {
        Entry::Record { total_bytes } => total_bytes,
        Entry::Blank { .. } => return Err(RecordError::Magic(MAGIC_BLANK)),
    };
    let whole = usize::try_from(total_bytes).ok().and_then(|total_bytes| input.get(..total_bytes));
    let Some(whole) = whole else {
        return Err(RecordError::Truncated {
            need_bytes: total_bytes,
            have_bytes: length_of(input),
        });
    };
    let short = |field| RecordError::FieldLength { field, length: i64::from(total_bytes) };
    let (head, after_head) = Head::of(whole).ok_or_else(|| short("TOTALSIZE"))?;
    let (body, after_body) = sized::<4>(after_head).ok_or_else(|| short("BODY"))?;
    let topic = if head.magic == MAGIC_V2 { sized::<2> } else { sized::<1> };
    let (topic, after_topic) = topic(after_body).ok_or_else(|| short("TOPIC"))?;
    let (properties, after_properties) =
        sized::<2>(after_topic).ok_or_else(|| short("PROPERTIES"))?;
    if !after_properties.is_empty() || properties.len() > PROPERTIES_BYTES_MAX {
        let length = i64::try_from(properties.len()).unwrap_or(i64::MAX);
        return Err(RecordError::FieldLength { field: "PROPERTIES", length });
    }
    Ok(Record {
        total_bytes,
        body_crc: head.body_crc,
        queue_id: head.queue_id,
        flag: head.flag,
        queue_offset: head.queue_offset,
        physical_offset: head.physical_offset,
        sys_flag: head.sys_flag,
        born_timestamp_ms: head.born_timestamp_ms,
        born_host: head.born_host,
        store_timestamp_ms: head.store_timestamp_ms,
        store_host: head.store_host,
        reconsume_times: head.reconsume_times,
        prepared_transaction_offset: head.prepared_transaction_offset,
        body,
        topic: str::from_utf8(topic).map_err(|_| RecordError::Topic)?,
        properties,
    })
}

/// Fields 1 to 14, all of known size once the sysFlag is known.
struct Head {
    magic: u32,
    body_crc: u32,
    queue_id: i32,
    flag: i32,
    queue_offset: i64,
    physical_offset: i64,
    sys_flag: i32,
    born_timestamp_ms: i64,
    born_host: SocketAddr,
    store_timestamp_ms: i64,
    store_host: SocketAddr,
    reconsume_times: i32,
    prepared_transaction_offset: i64,
}

impl Head {
    /// The head and what follows. Every record that is read passes here, on the pull path too:
    /// whole blocks are taken and their fields cut out at fixed places.
    fn of(record: &[u8]) -> Option<(Self, &[u8])> {
        let (first, rest) = record.split_first_chunk::<BORN_HOST_AT>()?;
        let sys_flag = i32_at(first, SYS_FLAG_AT);
        let (born_host, rest) = host(rest, sys_flag & sys_flag::BORN_HOST_V6 != 0)?;
        let (stored, rest) = rest.split_first_chunk::<8>()?;
        let (store_host, rest) = host(rest, sys_flag & sys_flag::STORE_HOST_V6 != 0)?;
        let (last, rest) = rest.split_first_chunk::<12>()?;
        let head = Self {
            magic: i32_at(first, 4).cast_unsigned(),
            body_crc: i32_at(first, 8).cast_unsigned(),
            queue_id: i32_at(first, 12),
            flag: i32_at(first, 16),
            queue_offset: i64_at(first, QUEUE_OFFSET_AT),
            physical_offset: i64_at(first, PHYSICAL_OFFSET_AT),
            sys_flag,
            born_timestamp_ms: i64_at(first, 40),
            born_host,
            store_timestamp_ms: i64::from_be_bytes(*stored),
            store_host,
            reconsume_times: i32_at(last, 0),
            prepared_transaction_offset: i64_at(last, 4),
        };
        Some((head, rest))
    }
}

/// A field of a block; the places are constants within it.
#[inline]
fn i32_at<const N: usize>(block: &[u8; N], at: usize) -> i32 {
    block
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |field| i32::from_be_bytes(*field))
}

#[inline]
fn i64_at<const N: usize>(block: &[u8; N], at: usize) -> i64 {
    block
        .get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |field| i64::from_be_bytes(*field))
}

/// Address and int32 port, of which only the low 16 bits can mean anything.
fn host(input: &[u8], v6: bool) -> Option<(SocketAddr, &[u8])> {
    if v6 {
        let ([ip @ .., _, _, p0, p1], rest) = input.split_first_chunk::<20>()?;
        let ip = Ipv6Addr::from_octets(*ip);
        return Some((SocketAddr::new(IpAddr::V6(ip), u16::from_be_bytes([*p0, *p1])), rest));
    }
    let ([ip @ .., _, _, p0, p1], rest) = input.split_first_chunk::<8>()?;
    let ip = Ipv4Addr::from_octets(*ip);
    Some((SocketAddr::new(IpAddr::V4(ip), u16::from_be_bytes([*p0, *p1])), rest))
}

/// A field after its length of `N` bytes, and what follows.
fn sized<const N: usize>(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk::<N>()?;
    let length = length.iter().fold(0, |length: usize, byte| length << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

/// Checks the body CRC, and the whole-record CRC where the record carries `__CRC32#`.
///
/// With `__CRC32#` every flipped bit of the record is found, those of the property itself
/// included, and every record that breaks off in zeros. Without it (stores that Apache wrote with
/// its defaults) only magic, lengths and body are covered. Garbage over the whole property looks
/// like a record without one: use `verify_whole` where every record is ours.
pub fn verify(record: &[u8]) -> Result<(), RecordError> {
    decode_verified(record).map(drop)
}

/// The record at the start of `input`, if `verify` finds it sound.
pub fn decode_verified(input: &[u8]) -> Result<Record<'_>, RecordError> {
    check(input, Demand::WhereItIsThere)
}

/// As `verify`, refusing records without `__CRC32#`: for those that `Draft::encode` made.
pub fn verify_whole(record: &[u8]) -> Result<(), RecordError> {
    check(record, Demand::Always).map(drop)
}

fn check(record: &[u8], demand: Demand) -> Result<Record<'_>, RecordError> {
    let decoded = decode(record)?;
    let whole = usize::try_from(decoded.total_bytes).ok().and_then(|bytes| record.get(..bytes));
    record_crc::check(whole.unwrap_or(record), decoded.properties, demand)?;
    // Apache neither writes nor checks a CRC of an empty body.
    if decoded.body.is_empty() {
        return Ok(decoded);
    }
    let computed = record_crc::crc31(decoded.body);
    if computed != decoded.body_crc {
        return Err(RecordError::BodyCrc { stored: decoded.body_crc, computed });
    }
    Ok(decoded)
}

/// A record before the store has given it a place.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    pub topic: &'a str,
    pub queue_id: i32,
    pub flag: i32,
    /// Host bits (16, 32) are set by `encode` from the addresses.
    pub sys_flag: i32,
    pub born_timestamp_ms: i64,
    pub born_host: SocketAddr,
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    pub body: &'a [u8],
    /// Serialized properties without the CRC property, which `encode` adds room for. One at their
    /// end, as in properties copied from another record, is replaced.
    pub properties: &'a [u8],
}

impl Draft<'_> {
    /// Size on disk, the 20 bytes of `__CRC32#` included.
    pub fn encoded_bytes(&self) -> usize {
        let host_bytes = host_bytes(is_v6(self.born_host)) + host_bytes(is_v6(self.store_host));
        self.record_bytes(host_bytes, self.properties_bytes())
    }

    fn record_bytes(&self, host_bytes: usize, properties_bytes: usize) -> usize {
        let topic_length_bytes = if self.topic.len() > TOPIC_BYTES_V1_MAX { 2 } else { 1 };
        HEAD_BYTES_MAX - HOST_BYTES_MAX * 2
            + host_bytes
            + self.body.len()
            + topic_length_bytes
            + self.topic.len()
            + 2
            + properties_bytes
    }

    /// Size of the stored properties, to be at most `PROPERTIES_BYTES_MAX`.
    pub fn properties_bytes(&self) -> usize {
        let properties = record_crc::without_crc(self.properties);
        properties.len() + usize::from(lacks_separator(properties)) + CRC_PROPERTY_BYTES
    }

    /// Appends the record with zeros where `seal` writes. Lengths must have been checked: topic ≤
    /// 255, properties ≤ 32 767 with the CRC property; it panics where they do not fit their field.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let properties = record_crc::without_crc(self.properties);
        let close = lacks_separator(properties);
        let properties_bytes = properties.len() + usize::from(close) + CRC_PROPERTY_BYTES;
        assert!(properties_bytes <= PROPERTIES_BYTES_MAX, "{properties_bytes} bytes of properties");
        let (born, store) = (self.born_host, self.store_host);
        let hosts = (born.ip().to_canonical(), store.ip().to_canonical());
        let host_bytes = host_bytes(hosts.0.is_ipv6()) + host_bytes(hosts.1.is_ipv6());
        let total_bytes = self.record_bytes(host_bytes, properties_bytes);
        out.reserve(total_bytes);
        let start = out.len();
        let (born, store) = (born.port(), store.port());
        match hosts {
            (IpAddr::V4(b), IpAddr::V4(s)) => {
                self.encode_head(total_bytes, v4(b, born), v4(s, store), out);
            }
            (IpAddr::V4(b), IpAddr::V6(s)) => {
                self.encode_head(total_bytes, v4(b, born), v6(s, store), out);
            }
            (IpAddr::V6(b), IpAddr::V4(s)) => {
                self.encode_head(total_bytes, v6(b, born), v4(s, store), out);
            }
            (IpAddr::V6(b), IpAddr::V6(s)) => {
                self.encode_head(total_bytes, v6(b, born), v6(s, store), out);
            }
        }
        out.extend_from_slice(self.body);
        self.encode_topic(out);
        let [.., high, low] = length_field(properties_bytes);
        out.extend_from_slice(&[high, low]);
        out.extend_from_slice(properties);
        if close {
            out.push(2);
        }
        out.extend_from_slice(&record_crc::ROOM);
        assert!(out.len() - start == total_bytes, "the record has another size than announced");
    }

    /// Everything before the body, in one piece of a length that the compiler knows.
    fn encode_head<const BORN: usize, const STORE: usize>(
        &self,
        total_bytes: usize,
        born_host: [u8; BORN],
        store_host: [u8; STORE],
        out: &mut Vec<u8>,
    ) {
        let magic = if self.topic.len() > TOPIC_BYTES_V1_MAX { MAGIC_V2 } else { MAGIC_V1 };
        let mut sys_flag = self.sys_flag & !(sys_flag::BORN_HOST_V6 | sys_flag::STORE_HOST_V6);
        sys_flag |= if BORN == HOST_BYTES_MAX { sys_flag::BORN_HOST_V6 } else { 0 };
        sys_flag |= if STORE == HOST_BYTES_MAX { sys_flag::STORE_HOST_V6 } else { 0 };

        // Queue offset, physical offset and store timestamp stay zero: `seal` writes them.
        let mut head = [0; HEAD_BYTES_MAX];
        head[..4].copy_from_slice(&length_field(total_bytes));
        head[4..8].copy_from_slice(&magic.to_be_bytes());
        head[8..12].copy_from_slice(&record_crc::crc31(self.body).to_be_bytes());
        head[12..16].copy_from_slice(&self.queue_id.to_be_bytes());
        head[16..20].copy_from_slice(&self.flag.to_be_bytes());
        head[SYS_FLAG_AT..SYS_FLAG_AT + 4].copy_from_slice(&sys_flag.to_be_bytes());
        head[40..BORN_HOST_AT].copy_from_slice(&self.born_timestamp_ms.to_be_bytes());
        head[BORN_HOST_AT..BORN_HOST_AT + BORN].copy_from_slice(&born_host);
        let store_host_at = BORN_HOST_AT + BORN + 8;
        let at = store_host_at + STORE;
        head[store_host_at..at].copy_from_slice(&store_host);
        head[at..at + 4].copy_from_slice(&self.reconsume_times.to_be_bytes());
        head[at + 4..at + 12].copy_from_slice(&self.prepared_transaction_offset.to_be_bytes());
        head[at + 12..at + 16].copy_from_slice(&length_field(self.body.len()));
        out.extend_from_slice(&head[..at + 16]);
    }

    fn encode_topic(&self, out: &mut Vec<u8>) {
        let Ok(topic_length) = u8::try_from(self.topic.len()) else {
            panic!("a topic of {} bytes", self.topic.len());
        };
        let length = [0, topic_length];
        let v2 = self.topic.len() > TOPIC_BYTES_V1_MAX;
        out.extend_from_slice(if v2 { &length } else { &length[1..] });
        out.extend_from_slice(self.topic.as_bytes());
    }
}

/// Writes queue offset, physical offset and store timestamp into an encoded record, then its CRC.
///
/// `record` must be exactly one record made by `Draft::encode`; it panics on anything shorter.
pub fn seal(record: &mut [u8], queue_offset: i64, physical_offset: i64, store_timestamp_ms: i64) {
    let record_bytes = record.len();
    let Some(head) = record.first_chunk_mut::<HEAD_BYTES_MIN>() else {
        panic!("a record of {record_bytes} bytes");
    };
    head[QUEUE_OFFSET_AT..QUEUE_OFFSET_AT + 8].copy_from_slice(&queue_offset.to_be_bytes());
    head[PHYSICAL_OFFSET_AT..PHYSICAL_OFFSET_AT + 8]
        .copy_from_slice(&physical_offset.to_be_bytes());
    let at = store_timestamp_at(head[SYS_FLAG_AT + 3].into());
    head[at..at + 8].copy_from_slice(&store_timestamp_ms.to_be_bytes());
    record_crc::write(record);
}

/// Position of the store timestamp; the low byte of the sysFlag is enough to tell.
fn store_timestamp_at(sys_flag: i32) -> usize {
    BORN_HOST_AT + host_bytes(sys_flag & sys_flag::BORN_HOST_V6 != 0)
}

/// Address and port as stored.
fn host_bytes(v6: bool) -> usize {
    if v6 { HOST_BYTES_MAX } else { 8 }
}

/// IPv4 addresses mapped into IPv6, as a dual-stack socket gives them, are stored as IPv4.
fn is_v6(host: SocketAddr) -> bool {
    host.ip().to_canonical().is_ipv6()
}

fn v4(ip: Ipv4Addr, port: u16) -> [u8; 8] {
    (u64::from(ip.to_bits()) << 32 | u64::from(port)).to_be_bytes()
}

fn v6(ip: Ipv6Addr, port: u16) -> [u8; HOST_BYTES_MAX] {
    let mut host = [0; HOST_BYTES_MAX];
    host[..16].copy_from_slice(&ip.octets());
    host[16..].copy_from_slice(&u32::from(port).to_be_bytes());
    host
}

/// The last property has no closing \x02, which a property after it needs.
fn lacks_separator(properties: &[u8]) -> bool {
    properties.last().is_some_and(|&last| last != 2)
}

fn length_field(length: usize) -> [u8; 4] {
    let Ok(length) = i32::try_from(length) else {
        panic!("{length} bytes do not fit a record");
    };
    length.to_be_bytes()
}

fn length_of(input: &[u8]) -> u32 {
    u32::try_from(input.len()).unwrap_or(u32::MAX)
}
