//! Message ids: the broker's offset id, and the unique id that clients make.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Most bytes behind an id: IPv6, port and offset.
const ID_BYTES_MAX: usize = 28;
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Why text is not an id.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MessageIdError {
    #[error("a message id has 32 or 56 characters, this one has {0}")]
    Length(usize),
    #[error("a message id is hexadecimal, character {at} of this one is not")]
    Digit { at: usize },
    #[error("the port in the message id is {0}")]
    Port(u32),
}

/// Where a message is stored: `msgId` of a send reply, `offsetMsgId` to applications.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OffsetId {
    pub store_host: SocketAddr,
    pub physical_offset: i64,
}

impl OffsetId {
    /// The id as text, without allocating.
    pub fn to_hex(self) -> HexId {
        let mut id = HexId::EMPTY;
        id.ip(self.store_host.ip());
        id.put(&u32::from(self.store_host.port()).to_be_bytes());
        id.put(&self.physical_offset.to_be_bytes());
        id
    }

    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        let (ip, [p0, p1, p2, p3, offset @ ..]) = split(text)?;
        let port = u32::from_be_bytes([p0, p1, p2, p3]);
        let Ok(port) = u16::try_from(port) else {
            return Err(MessageIdError::Port(port));
        };
        let store_host = SocketAddr::new(ip, port);
        Ok(Self { store_host, physical_offset: i64::from_be_bytes(offset) })
    }
}

/// What the Java client's `MessageClientIDSetter` puts into property UNIQ_KEY.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct UniqueId {
    /// Of the client's host, or four bytes of time where it is not known.
    pub ip: IpAddr,
    /// Low 16 bits of the process id.
    pub process_id: u16,
    /// Tells two clients of one process apart; Java: hash of the class loader.
    pub loader_hash: u32,
    /// Milliseconds since the start of the month in the client's time zone.
    pub month_ms: i32,
    /// Wraps around.
    pub counter: u16,
}

impl UniqueId {
    /// The id as text, without allocating.
    pub fn to_hex(self) -> HexId {
        let mut id = HexId::EMPTY;
        id.ip(self.ip);
        id.put(&self.process_id.to_be_bytes());
        id.put(&self.loader_hash.to_be_bytes());
        id.put(&self.month_ms.to_be_bytes());
        id.put(&self.counter.to_be_bytes());
        id
    }

    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        let (ip, [i0, i1, h0, h1, h2, h3, m0, m1, m2, m3, c0, c1]) = split(text)?;
        Ok(Self {
            ip,
            process_id: u16::from_be_bytes([i0, i1]),
            loader_hash: u32::from_be_bytes([h0, h1, h2, h3]),
            month_ms: i32::from_be_bytes([m0, m1, m2, m3]),
            counter: u16::from_be_bytes([c0, c1]),
        })
    }
}

/// An id in upper-case hex: 32 characters, 56 with IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HexId {
    text: [u8; ID_BYTES_MAX * 2],
    length: usize,
}

impl Default for HexId {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl HexId {
    /// No id yet.
    pub const EMPTY: Self = Self { text: [b'0'; ID_BYTES_MAX * 2], length: 0 };

    /// Copies an id that came as text; `None` where it is longer than any id, or not ASCII.
    pub fn copy_of(text: &[u8]) -> Option<Self> {
        let mut id = Self::EMPTY;
        id.text.get_mut(..text.len()).filter(|_| text.is_ascii())?.copy_from_slice(text);
        id.length = text.len();
        Some(id)
    }

    /// The id with other bytes at its end.
    #[must_use]
    pub fn ending_in(mut self, bytes: &[u8]) -> Self {
        let whole = self.length;
        self.length = whole.saturating_sub(bytes.len() * 2);
        self.put(bytes);
        self.length = whole;
        self
    }

    pub fn as_str(&self) -> &str {
        self.text.get(..self.length).and_then(|text| str::from_utf8(text).ok()).unwrap_or("")
    }

    /// IPv4 addresses mapped into IPv6 become IPv4, as in the stored record.
    fn ip(&mut self, ip: IpAddr) {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.put(&ip.octets()),
            IpAddr::V6(ip) => self.put(&ip.octets()),
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        let room = self.text.get_mut(self.length..).unwrap_or(&mut []);
        let (pairs, _) = room.as_chunks_mut::<2>();
        for (pair, byte) in pairs.iter_mut().zip(bytes) {
            *pair = HEX_PAIRS[usize::from(*byte)];
        }
        self.length += bytes.len() * 2;
    }
}

/// The two upper-case digits of every byte.
pub static HEX_PAIRS: [[u8; 2]; 256] = {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [HEX[byte >> 4], HEX[byte & 15]];
        byte += 1;
    }
    pairs
};

impl fmt::Display for HexId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HexId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The address at the start of an id and the twelve bytes after it.
fn split(text: &str) -> Result<(IpAddr, [u8; 12]), MessageIdError> {
    let v6 = match text.len() {
        32 => false,
        56 => true,
        other => return Err(MessageIdError::Length(other)),
    };
    let mut bytes = [0; ID_BYTES_MAX];
    for (index, (byte, pair)) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)).enumerate() {
        for (half, &digit) in pair.iter().enumerate() {
            let value = char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
            let value = value.ok_or(MessageIdError::Digit { at: index * 2 + half })?;
            *byte = *byte << 4 | value;
        }
    }
    let mut tail = [0; 12];
    let ip = if v6 {
        let mut octets = [0; 16];
        octets.copy_from_slice(&bytes[..16]);
        tail.copy_from_slice(&bytes[16..28]);
        IpAddr::V6(Ipv6Addr::from(octets))
    } else {
        let [a, b, c, d, ..] = bytes;
        tail.copy_from_slice(&bytes[4..16]);
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    Ok((ip, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_id_is_address_port_and_offset_in_hex() {
        let id = OffsetId {
            store_host: SocketAddr::from(([127, 0, 0, 1], 10911)),
            physical_offset: 0x1234_5678,
        };
        assert_eq!(id.to_hex().as_str(), "7F00000100002A9F0000000012345678");
        assert_eq!(OffsetId::parse("7F00000100002A9F0000000012345678"), Ok(id));
        assert_eq!(OffsetId::parse("7f00000100002a9f0000000012345678"), Ok(id));
    }

    #[test]
    fn ipv6_ids_have_56_characters_and_mapped_addresses_are_ipv4() {
        let id = OffsetId {
            store_host: SocketAddr::from(([0xfe80, 0, 0, 0, 0, 0, 0, 1], 10911)),
            physical_offset: i64::MAX,
        };
        let text = "FE80000000000000000000000000000100002A9F7FFFFFFFFFFFFFFF";
        assert_eq!(id.to_hex().as_str(), text);
        assert_eq!(OffsetId::parse(text), Ok(id));
        let mapped = OffsetId {
            store_host: SocketAddr::from(([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], 10911)),
            physical_offset: 0,
        };
        assert_eq!(mapped.to_hex().as_str(), "7F00000100002A9F0000000000000000");
    }

    #[test]
    fn a_unique_id_has_the_java_clients_layout() {
        let id = UniqueId {
            ip: IpAddr::from([192, 168, 0, 7]),
            process_id: 0x1A2B,
            loader_hash: 0x18B4_AAC2,
            month_ms: 0x0102_0304,
            counter: 0x00FF,
        };
        assert_eq!(id.to_hex().to_string(), "C0A800071A2B18B4AAC20102030400FF");
        assert_eq!(UniqueId::parse("C0A800071A2B18B4AAC20102030400FF"), Ok(id));
        let next = id.to_hex().ending_in(&[5, 6, 7, 8, 1, 0]);
        assert_eq!(next.as_str(), "C0A800071A2B18B4AAC2050607080100");
    }

    #[test]
    fn an_id_is_copied_as_text_unless_it_is_too_long_or_not_ascii() {
        let copied = |text: &str| HexId::copy_of(text.as_bytes()).map(|id| id.to_string());
        assert_eq!(copied("7F00"), Some("7F00".to_owned()));
        assert_eq!(copied(&"F".repeat(56)), Some("F".repeat(56)));
        assert_eq!((copied(&"F".repeat(57)), copied("é")), (None, None));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        assert_eq!(OffsetId::parse("7F"), Err(MessageIdError::Length(2)));
        assert_eq!(
            OffsetId::parse("7F00000100002A9F00000000123456é"),
            Err(MessageIdError::Digit { at: 30 })
        );
        assert_eq!(
            OffsetId::parse("7F00000100012A9F0000000012345678"),
            Err(MessageIdError::Port(0x0001_2A9F))
        );
    }
}
