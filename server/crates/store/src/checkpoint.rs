//! The `checkpoint` file: how far log, queues and index were surely on disk.
//!
//! Apache's five numbers stand at its start. Ours follow at byte 64, in the same 512-byte sector
//! (which a disk writes whole or not at all), with a CRC and a copy of Apache's: when they differ,
//! Apache's broker ran here since and its numbers count.
use std::io;
use std::sync::Arc;

use crate::disk::{Access, Disk, DiskFile, read_file};
use crate::index::IndexMark;

pub(crate) const CHECKPOINT_FILE: &str = "checkpoint";
const FILE_BYTES: u64 = 4_096;
const SECTOR_BYTES: usize = 512;
const BASE_BYTES: usize = 40;
const OWN_AT: usize = 64;
const MAGIC: &[u8; 8] = b"RMRCKPT1";
const NAME_BYTES: usize = 24;

/// Apache's part. Timestamps are store timestamps of records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Base {
    /// Records stored before were synced.
    pub physic_ms: i64,
    /// Queue entries of records stored before were synced.
    pub logics_ms: i64,
    pub index_ms: i64,
    pub master_flushed_offset: i64,
    pub confirm_offset: i64,
}

/// Our part.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Own {
    /// Log and queue entries below this were on disk; a record boundary.
    pub durable_offset: u64,
    /// A record boundary about one MiB before.
    pub tail_from: u64,
    /// All records from here on are ours and carry `__CRC32#`: one without it is damaged.
    pub crc_from: u64,
    pub index: IndexMark,
}

/// What the file says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Checkpoint {
    Missing,
    /// Our part is there with a wrong CRC: nothing in the sector can be believed.
    Damaged,
    /// Written last by another broker.
    Foreign(Base),
    /// Written last by us.
    Ours(Base, Own),
}

impl Checkpoint {
    pub(crate) fn read(disk: &dyn Disk) -> io::Result<Self> {
        Ok(read_file(disk, CHECKPOINT_FILE)?.map_or(Self::Missing, |bytes| Self::decode(&bytes)))
    }

    /// Overwrites the sector and syncs it.
    pub(crate) fn write(disk: &dyn Disk, base: Base, own: &Own) -> io::Result<()> {
        write(disk, Access::Create, base, own)?.sync()
    }

    /// The first of a new store, which says that nothing is durable. The file is to be synced.
    pub(crate) fn write_first(disk: &dyn Disk) -> io::Result<(Self, Arc<dyn DiskFile>)> {
        let (base, own) = (Base::default(), Own::default());
        let file = write(disk, Access::CreateUnsynced, base, &own)?;
        Ok((Self::Ours(base, own), file))
    }

    fn decode(bytes: &[u8]) -> Self {
        let Some(base) = decode_base(bytes) else { return Self::Missing };
        let own = bytes.get(OWN_AT..SECTOR_BYTES).unwrap_or_default();
        // What a power cut leaves of the first one; one of Apache's that says nothing says no more.
        if bytes.iter().all(|byte| *byte == 0) {
            return Self::Missing;
        }
        if own.iter().all(|byte| *byte == 0) {
            return Self::Foreign(base);
        }
        match decode_own(own) {
            None => Self::Damaged,
            Some((written_with, own)) if written_with == base => Self::Ours(base, own),
            Some(_) => Self::Foreign(base),
        }
    }
}

fn write(disk: &dyn Disk, access: Access, base: Base, own: &Own) -> io::Result<Arc<dyn DiskFile>> {
    let file = disk.open(CHECKPOINT_FILE, access)?;
    if file.len() < FILE_BYTES {
        file.allocate(0, FILE_BYTES)?;
    }
    file.write_at(0, &encode(base, own))?;
    Ok(file)
}

fn encode(base: Base, own: &Own) -> [u8; SECTOR_BYTES] {
    let mut body = Vec::with_capacity(SECTOR_BYTES);
    body.extend_from_slice(MAGIC);
    body.extend_from_slice(&encode_base(base));
    for number in [own.durable_offset, own.tail_from, own.index.cursor, own.crc_from] {
        body.extend_from_slice(&number.to_be_bytes());
    }
    body.extend_from_slice(&own.index.timestamp_ms.to_be_bytes());
    body.extend_from_slice(&own.index.count.to_be_bytes());
    let mut name = own.index.name.clone().into_bytes();
    name.resize(NAME_BYTES, 0);
    body.extend_from_slice(&name);
    body.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
    let mut sector = [0; SECTOR_BYTES];
    sector[..BASE_BYTES].copy_from_slice(&encode_base(base));
    sector[OWN_AT..OWN_AT + body.len()].copy_from_slice(&body);
    sector
}

fn encode_base(base: Base) -> [u8; BASE_BYTES] {
    let numbers = [
        base.physic_ms,
        base.logics_ms,
        base.index_ms,
        base.master_flushed_offset,
        base.confirm_offset,
    ];
    let mut bytes = [0; BASE_BYTES];
    for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_be_bytes());
    }
    bytes
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn decode_base(bytes: &[u8]) -> Option<Base> {
    Some(Base {
        physic_ms: i64_at(bytes, 0)?,
        logics_ms: i64_at(bytes, 8)?,
        index_ms: i64_at(bytes, 16)?,
        master_flushed_offset: i64_at(bytes, 24)?,
        confirm_offset: i64_at(bytes, 32)?,
    })
}

fn decode_own(bytes: &[u8]) -> Option<(Base, Own)> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let written_with = decode_base(rest)?;
    let number = |index: usize| i64_at(rest, BASE_BYTES + 8 * index).map(i64::cast_unsigned);
    let after = rest.get(BASE_BYTES + 40..)?;
    let count = u32::from_be_bytes(after.get(..4)?.try_into().ok()?);
    let name = after.get(4..4 + NAME_BYTES)?;
    let crc = u32::from_be_bytes(after.get(4 + NAME_BYTES..8 + NAME_BYTES)?.try_into().ok()?);
    let covered = MAGIC.len() + BASE_BYTES + 40 + 4 + NAME_BYTES;
    if crc32fast::hash(bytes.get(..covered)?) != crc {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?.trim_end_matches(char::from(0)).to_owned();
    let index =
        IndexMark { name, count, cursor: number(2)?, timestamp_ms: number(4)?.cast_signed() };
    let own =
        Own { durable_offset: number(0)?, tail_from: number(1)?, crc_from: number(3)?, index };
    Some((written_with, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Base, Own) {
        let base = Base { physic_ms: 1_000, logics_ms: 999, index_ms: 5, ..Base::default() };
        let index = IndexMark {
            name: "20251122063600123".to_owned(),
            count: 7,
            cursor: 400,
            timestamp_ms: 998,
        };
        (base, Own { durable_offset: 4_096, tail_from: 77, crc_from: 12, index })
    }

    #[test]
    fn what_is_written_is_read() {
        let (base, own) = sample();
        let decoded = Checkpoint::decode(&encode(base, &own));
        assert_eq!(decoded, Checkpoint::Ours(base, own));
    }

    #[test]
    fn numbers_changed_by_another_broker_win_over_ours() {
        let (base, own) = sample();
        let mut bytes = encode(base, &own);
        let newer = Base { physic_ms: 2_000, ..base };
        bytes[..BASE_BYTES].copy_from_slice(&encode_base(newer));
        assert_eq!(Checkpoint::decode(&bytes), Checkpoint::Foreign(newer));
        assert_eq!(Checkpoint::decode(&encode_base(newer)), Checkpoint::Foreign(newer));
    }

    #[test]
    fn no_flipped_bit_of_our_part_is_believed() {
        let (base, own) = sample();
        let bytes = encode(base, &own);
        for bit in OWN_AT * 8..(OWN_AT + 120) * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Checkpoint::decode(&flipped), Checkpoint::Damaged, "bit {bit}");
        }
    }
}
