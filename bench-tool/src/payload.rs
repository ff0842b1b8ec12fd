//! The body of a bench message: enough to tell loss, duplication, reordering and damage apart.
//!
//! Big-endian: magic u32, run u32, producer u32, queue u32, sequence u64, sent_at_ns u64, crc32 u32
//! (of everything else), then filler. The sequence counts per (producer, queue).
use std::collections::{BTreeSet, HashMap};

/// Smallest body that can be verified.
pub const BODY_BYTES_MIN: usize = 36;
const MAGIC: u32 = 0x524D_5242;
const CRC_AT: usize = 32;

/// What one body says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    pub run: u32,
    pub producer: u32,
    pub queue: u32,
    pub sequence: u64,
    /// Nanoseconds since the start of the process that sent it (see `clock`).
    pub sent_at_ns: u64,
}

/// Writes `stamp` over the start of `body`, which must hold at least `BODY_BYTES_MIN`.
pub fn write(body: &mut [u8], stamp: &Stamp) {
    body[0..4].copy_from_slice(&MAGIC.to_be_bytes());
    body[4..8].copy_from_slice(&stamp.run.to_be_bytes());
    body[8..12].copy_from_slice(&stamp.producer.to_be_bytes());
    body[12..16].copy_from_slice(&stamp.queue.to_be_bytes());
    body[16..24].copy_from_slice(&stamp.sequence.to_be_bytes());
    body[24..32].copy_from_slice(&stamp.sent_at_ns.to_be_bytes());
    let crc = checksum(body);
    body[CRC_AT..BODY_BYTES_MIN].copy_from_slice(&crc.to_be_bytes());
}

/// Reads a stamp; `None` when the body is not ours or its checksum is wrong.
pub fn read(body: &[u8]) -> Option<Stamp> {
    if body.len() < BODY_BYTES_MIN || u32_at(body, 0)? != MAGIC {
        return None;
    }
    if u32_at(body, CRC_AT)? != checksum(body) {
        return None;
    }
    Some(Stamp {
        run: u32_at(body, 4)?,
        producer: u32_at(body, 8)?,
        queue: u32_at(body, 12)?,
        sequence: u64_at(body, 16)?,
        sent_at_ns: u64_at(body, 24)?,
    })
}

fn checksum(body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&body[..CRC_AT]);
    hasher.update(&body[BODY_BYTES_MIN..]);
    hasher.finalize()
}

fn u32_at(body: &[u8], at: usize) -> Option<u32> {
    body.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn u64_at(body: &[u8], at: usize) -> Option<u64> {
    body.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes)
}

/// What went wrong with the messages that were read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Faults {
    /// Sequence numbers that never came, below one that did.
    pub lost: u64,
    pub duplicated: u64,
    /// Came after a higher one of the same producer and queue.
    pub out_of_order: u64,
    /// Not ours, or the checksum is wrong.
    pub damaged: u64,
}

/// Run, producer, queue: what counts its own sequence.
type Source = (u32, u32, u32);

/// Follows every sequence, of one run or of all.
#[derive(Debug, Default)]
pub struct Verifier {
    run: Option<u32>,
    next: HashMap<Source, u64>,
    missing: BTreeSet<(Source, u64)>,
    faults: Faults,
}

impl Verifier {
    /// `None` follows every run that it sees.
    pub fn new(run: Option<u32>) -> Self {
        Self { run, ..Self::default() }
    }

    /// Takes one body; `Some` when it belongs to what is followed.
    pub fn take(&mut self, body: &[u8]) -> Option<Stamp> {
        let Some(stamp) = read(body) else {
            self.faults.damaged += 1;
            return None;
        };
        if self.run.is_some_and(|run| run != stamp.run) {
            return None;
        }
        let source = (stamp.run, stamp.producer, stamp.queue);
        let next = self.next.entry(source).or_insert(0);
        if stamp.sequence >= *next {
            for sequence in *next..stamp.sequence {
                self.missing.insert((source, sequence));
            }
            *next = stamp.sequence + 1;
        } else if self.missing.remove(&(source, stamp.sequence)) {
            self.faults.out_of_order += 1;
        } else {
            self.faults.duplicated += 1;
        }
        Some(stamp)
    }

    pub fn faults(&self) -> Faults {
        Faults { lost: self.missing.len() as u64, ..self.faults }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(producer: u32, sequence: u64) -> Vec<u8> {
        let mut body = vec![7; 64];
        write(&mut body, &Stamp { run: 1, producer, queue: 0, sequence, sent_at_ns: 5 });
        body
    }

    fn faults(sequences: &[u64]) -> Faults {
        let mut verifier = Verifier::new(Some(1));
        for sequence in sequences {
            verifier.take(&body(3, *sequence));
        }
        verifier.faults()
    }

    #[test]
    fn stamp_survives_and_any_changed_byte_is_damage() {
        let sound = body(2, 9);
        let stamp = Stamp { run: 1, producer: 2, queue: 0, sequence: 9, sent_at_ns: 5 };
        assert_eq!(read(&sound), Some(stamp));
        for at in 0..sound.len() {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            assert_eq!(read(&broken), None, "byte {at}");
        }
    }

    #[test]
    fn verifier_tells_lost_duplicated_and_out_of_order_apart() {
        assert_eq!(faults(&[0, 1, 2]), Faults::default());
        assert_eq!(faults(&[0, 2]), Faults { lost: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 1, 1]), Faults { duplicated: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 2, 1]), Faults { out_of_order: 1, ..Faults::default() });
    }
}
