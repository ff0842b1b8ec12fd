//! CRCs of a record: Apache's 31 bits of CRC-32, and the property that covers the whole record.
use std::sync::LazyLock;

use crc32fast::Hasher;

use crate::digits;
use crate::record::RecordError;

/// `__CRC32#`, \x01, ten digits, \x02: always the last bytes of a record.
pub const CRC_PROPERTY_BYTES: usize = 20;
const NAME: &[u8; 9] = b"__CRC32#\x01";
const DIGITS_AT: usize = NAME.len();
const SEPARATOR_AT: usize = CRC_PROPERTY_BYTES - 1;
/// Of the ten bytes that are not digits, this many must be right for the property to be taken as
/// there but damaged. Chosen: one flipped bit spoils one byte, and no other property comes near.
const FIXED_RIGHT_MIN: usize = 8;

/// CRC-32 of `bytes` without its highest bit: Java keeps it in a non-negative int.
pub fn crc31(bytes: &[u8]) -> u32 {
    let mut hasher = HASHER.clone();
    hasher.update(bytes);
    hasher.finalize() & 0x7FFF_FFFF
}

/// Before the first byte. Making one looks at what the CPU can, which costs as much as 50 bytes.
static HASHER: LazyLock<Hasher> = LazyLock::new(Hasher::new);

/// The property before its CRC is known.
pub(crate) const ROOM: [u8; CRC_PROPERTY_BYTES] = *b"__CRC32#\x010000000000\x02";

/// The digits of a CRC, least significant first.
fn decimal(crc: u32) -> [u8; 10] {
    let [d7, d6, d5, d4, d3, d2, d1, d0] = digits::of_eight(crc % 100_000_000);
    let [d9, d8] = digits::pair(crc / 100_000_000);
    [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9]
}

/// True where `record` ends with the CRC property, and its CRC is that of all bytes before it: then
/// every byte is as `seal` left it, body and body CRC included.
pub fn is_sealed(record: &[u8]) -> bool {
    let Some((covered, place)) = record.split_last_chunk::<CRC_PROPERTY_BYTES>() else {
        return false;
    };
    is_crc_property(place) && stored_number(place) == Some(i64::from(crc31(covered)))
}

fn is_crc_property(tail: &[u8; CRC_PROPERTY_BYTES]) -> bool {
    tail[SEPARATOR_AT] == 2 && tail.starts_with(NAME)
}

/// The number in a CRC property, stored with the least significant digit first; `None` where one of
/// its bytes is not a digit.
#[inline]
fn stored_number(property: &[u8; CRC_PROPERTY_BYTES]) -> Option<i64> {
    let [.., d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, _separator] = *property;
    let low = digits::eight([d7, d6, d5, d4, d3, d2, d1, d0])?;
    Some(digits::unsigned(&[d9, d8])? * 100_000_000 + low)
}

/// Computes the CRC of an encoded record and writes it into its last 20 bytes.
pub(crate) fn write(record: &mut [u8]) {
    let Some((covered, place)) = record.split_last_chunk_mut::<CRC_PROPERTY_BYTES>() else {
        panic!("a record of {} bytes", record.len());
    };
    debug_assert!(place.starts_with(NAME), "a record without room for its CRC");
    place[DIGITS_AT..SEPARATOR_AT].copy_from_slice(&decimal(crc31(covered)));
}

/// What the last bytes of a record's properties say about its CRC.
enum Stored {
    Crc(i64),
    Damaged,
    Absent,
}

/// Whether a record must have the CRC property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Demand {
    WhereItIsThere,
    Always,
}

/// Checks the CRC property at the end of a record's properties, which is the end of the record.
pub(crate) fn check(record: &[u8], properties: &[u8], demand: Demand) -> Result<(), RecordError> {
    let stored = match stored_crc(properties) {
        Stored::Crc(stored) => stored,
        Stored::Absent if demand == Demand::WhereItIsThere => return Ok(()),
        Stored::Absent | Stored::Damaged => return Err(RecordError::RecordCrcProperty),
    };
    let covered =
        record.split_last_chunk::<CRC_PROPERTY_BYTES>().map_or(record, |(covered, _)| covered);
    let computed = crc31(covered);
    if stored == i64::from(computed) {
        return Ok(());
    }
    Err(RecordError::RecordCrc { stored: u32::try_from(stored).unwrap_or(u32::MAX), computed })
}

fn stored_crc(properties: &[u8]) -> Stored {
    let Some((_, tail)) = properties.split_last_chunk::<CRC_PROPERTY_BYTES>() else {
        return Stored::Absent;
    };
    let fixed_right = fixed_bytes_right(tail);
    if fixed_right == NAME.len() + 1 {
        return stored_number(tail).map_or(Stored::Damaged, Stored::Crc);
    }
    if fixed_right >= FIXED_RIGHT_MIN || is_torn(tail) { Stored::Damaged } else { Stored::Absent }
}

/// The property breaks off in zeros, or is nothing but zeros: the last page of the record was never
/// written. No property that anyone sets ends so.
fn is_torn(tail: &[u8; CRC_PROPERTY_BYTES]) -> bool {
    let written = tail.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    written < CRC_PROPERTY_BYTES
        && tail.iter().take(written).zip(NAME).all(|(byte, name)| byte == name)
}

/// True where the properties end with a CRC property.
pub fn carries_crc(properties: &[u8]) -> bool {
    properties
        .split_last_chunk::<CRC_PROPERTY_BYTES>()
        .is_some_and(|(_, tail)| is_crc_property(tail))
}

/// The properties without the CRC property at their end, where there is one.
pub fn without_crc(properties: &[u8]) -> &[u8] {
    match properties.split_last_chunk::<CRC_PROPERTY_BYTES>() {
        Some((before, _)) if carries_crc(properties) => before,
        _ => properties,
    }
}

fn fixed_bytes_right(tail: &[u8; CRC_PROPERTY_BYTES]) -> usize {
    let name_right = tail.iter().zip(NAME).filter(|(byte, expected)| byte == expected).count();
    name_right + usize::from(tail[SEPARATOR_AT] == 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written_and_nothing_else_is() {
        for crc in [0, 1, 9, 10, 12_345_678, 87_654_321, 99_999_999, 100_000_000, 0x7FFF_FFFF] {
            let mut property = ROOM;
            property[DIGITS_AT..SEPARATOR_AT].copy_from_slice(&decimal(crc));
            assert_eq!(stored_number(&property), Some(crc.into()));
            for at in DIGITS_AT..SEPARATOR_AT {
                for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                    let mut property = property;
                    property[at] = byte;
                    assert_eq!(stored_number(&property), None, "{property:?}");
                }
            }
        }
    }
}
