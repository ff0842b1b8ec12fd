//! The body of a bench message: enough to tell loss, duplication, reordering and damage apart.
//!
//! Big-endian: magic u32, run u32, producer u32, queue u32, sequence u64, sent_at_ns u64,
//! crc32 u32, then filler. The checksum runs over the filler first and then over the 32 bytes
//! before it, so that a sender computes the constant part once. The sequence counts per (producer,
//! queue).
use std::collections::BTreeSet;

use ahash::AHashMap;
use crc32fast::Hasher;

/// Smallest body that can be verified.
pub const BODY_BYTES_MIN: usize = 36;
const MAGIC: u32 = 0x524D_5242;
const SEQUENCE_AT: usize = 16;
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

/// The body of one source: what changes from message to message is written into a copy of it.
#[derive(Clone, Debug)]
pub struct BodyTemplate {
    body: Vec<u8>,
    /// The checksum of everything before the sequence in its order.
    constant: Hasher,
}

impl BodyTemplate {
    /// With less than `BODY_BYTES_MIN` there is no room for a stamp: nobody can verify such bodies.
    pub fn new(run: u32, producer: u32, queue: u32, body_bytes: usize) -> Self {
        let mut body = vec![b'x'; body_bytes];
        for (word, place) in [MAGIC, run, producer, queue].iter().zip(body.chunks_exact_mut(4)) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        let mut constant = Hasher::new();
        if let Some((head, filler)) = body.split_at_checked(BODY_BYTES_MIN) {
            constant.update(filler);
            constant.update(&head[..SEQUENCE_AT]);
        }
        Self { body, constant }
    }

    /// The body before the first `stamp`.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Writes sequence, time and checksum over those of `body`, a copy of this one.
    #[inline]
    pub fn stamp(&self, body: &mut [u8], sequence: u64, sent_at_ns: u64) {
        if self.body.len() < BODY_BYTES_MIN {
            return;
        }
        let times = (u128::from(sequence) << 64 | u128::from(sent_at_ns)).to_be_bytes();
        let mut hasher = self.constant.clone();
        hasher.update(&times);
        body[SEQUENCE_AT..CRC_AT].copy_from_slice(&times);
        body[CRC_AT..BODY_BYTES_MIN].copy_from_slice(&hasher.finalize().to_be_bytes());
    }
}

/// Why a body has no stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotOurs {
    /// Somebody else's: the bench did not write it.
    Foreign,
    /// The bench's, and not as it was written.
    Damaged,
}

/// Reads and checks a stamp.
pub fn read(body: &[u8]) -> Result<Stamp, NotOurs> {
    let Some((head, filler)) = body.split_first_chunk::<BODY_BYTES_MIN>() else {
        return Err(NotOurs::Foreign);
    };
    let (stamped, crc) = head.split_at(CRC_AT);
    let word = |at: usize| u64::from_be_bytes(std::array::from_fn(|n| head[at + n]));
    let (magic_run, source) = (word(0), word(8));
    if magic_run >> 32 != u64::from(MAGIC) {
        return Err(NotOurs::Foreign);
    }
    let mut hasher = Hasher::new();
    hasher.update(filler);
    hasher.update(stamped);
    if hasher.finalize().to_be_bytes() != crc {
        return Err(NotOurs::Damaged);
    }
    let low = |word: u64| u32::try_from(word & 0xFFFF_FFFF).unwrap_or(0);
    Ok(Stamp {
        run: low(magic_run),
        producer: low(source >> 32),
        queue: low(source),
        sequence: word(SEQUENCE_AT),
        sent_at_ns: word(SEQUENCE_AT + 8),
    })
}

/// What went wrong with the messages that were read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Faults {
    /// Sequence numbers that never came, below one that did.
    pub lost: u64,
    pub duplicated: u64,
    /// Came after a higher one of the same producer and queue.
    pub out_of_order: u64,
    /// The bench's, and the checksum is wrong.
    pub damaged: u64,
}

impl Faults {
    pub fn any(&self) -> bool {
        *self != Self::default()
    }

    pub fn describe(&self) -> String {
        let Self { lost, duplicated, out_of_order, damaged } = self;
        format!(
            "lost {lost}, duplicated {duplicated}, out of order {out_of_order}, damaged {damaged}"
        )
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            out_of_order: self.out_of_order + other.out_of_order,
            damaged: self.damaged + other.damaged,
        }
    }
}

/// Run, producer, queue: what counts its own sequence.
pub type Source = (u32, u32, u32);

/// Follows every sequence, of one run or of all.
#[derive(Debug, Default)]
pub struct Verifier {
    run: Option<u32>,
    /// The next sequence of each source.
    next: Vec<u64>,
    /// Where a source stands in `next`.
    sources: AHashMap<Source, usize>,
    /// The one of the last message, which mostly is that of the next as well.
    last: Option<(Source, usize)>,
    missing: BTreeSet<(Source, u64)>,
    faults: Faults,
    foreign: u64,
    taken: u64,
}

impl Verifier {
    /// `None` follows every run that it sees.
    pub fn new(run: Option<u32>) -> Self {
        Self { run, ..Self::default() }
    }

    /// Takes one body; `Some` when it belongs to what is followed.
    pub fn take(&mut self, body: &[u8]) -> Option<Stamp> {
        let stamp = match read(body) {
            Ok(stamp) => stamp,
            Err(NotOurs::Foreign) => {
                self.foreign += 1;
                return None;
            }
            Err(NotOurs::Damaged) => {
                self.faults.damaged += 1;
                return None;
            }
        };
        if self.run.is_some_and(|run| run != stamp.run) {
            return None;
        }
        self.taken += 1;
        let source = (stamp.run, stamp.producer, stamp.queue);
        let at = match self.last {
            Some((last, at)) if last == source => at,
            _ => self.place_of(source),
        };
        let next = &mut self.next[at];
        if stamp.sequence == *next {
            *next += 1;
        } else if stamp.sequence > *next {
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

    fn place_of(&mut self, source: Source) -> usize {
        let new = self.next.len();
        let at = *self.sources.entry(source).or_insert(new);
        if at == new {
            self.next.push(0);
        }
        self.last = Some((source, at));
        at
    }

    /// Forgives sequences that were never acknowledged: they need not come.
    pub fn refused(&mut self, sequences: impl IntoIterator<Item = (Source, u64)>) {
        for sequence in sequences {
            self.missing.remove(&sequence);
        }
    }

    pub fn faults(&self) -> Faults {
        Faults { lost: self.missing.len() as u64, ..self.faults }
    }

    /// Bodies that the bench did not write.
    pub fn foreign(&self) -> u64 {
        self.foreign
    }

    /// Bodies of what is followed, the duplicated included.
    pub fn taken(&self) -> u64 {
        self.taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(producer: u32, sequence: u64) -> Vec<u8> {
        let template = BodyTemplate::new(1, producer, 0, 64);
        let mut body = template.bytes().to_vec();
        template.stamp(&mut body, sequence, 5);
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
    fn stamp_survives_and_any_changed_byte_is_found() {
        let sound = body(2, 9);
        let stamp = Stamp { run: 1, producer: 2, queue: 0, sequence: 9, sent_at_ns: 5 };
        assert_eq!(read(&sound), Ok(stamp));
        for at in 0..sound.len() {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            let expected = if at < 4 { NotOurs::Foreign } else { NotOurs::Damaged };
            assert_eq!(read(&broken), Err(expected), "byte {at}");
        }
    }

    #[test]
    fn verifier_tells_lost_duplicated_and_out_of_order_apart() {
        assert_eq!(faults(&[0, 1, 2]), Faults::default());
        assert_eq!(faults(&[0, 2]), Faults { lost: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 1, 1]), Faults { duplicated: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 2, 1]), Faults { out_of_order: 1, ..Faults::default() });
    }

    #[test]
    fn bodies_of_others_are_foreign_and_refused_sequences_are_not_lost() {
        let mut verifier = Verifier::new(None);
        assert_eq!(verifier.take(b"{\"id\":1}"), None);
        assert_eq!(verifier.take(&[7; 64]), None);
        verifier.take(&body(3, 0));
        verifier.take(&body(3, 3));
        verifier.refused([((1, 3, 0), 1)]);
        assert_eq!(verifier.faults(), Faults { lost: 1, ..Faults::default() });
        assert_eq!((verifier.foreign(), verifier.taken()), (2, 2));
    }
}
