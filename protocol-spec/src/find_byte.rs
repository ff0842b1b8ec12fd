//! Finds one byte, eight a step: what header texts and properties are mostly searched for.

/// Position of the first `byte`.
#[inline]
pub fn find_byte(bytes: &[u8], byte: u8) -> Option<usize> {
    let (chunks, tail) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let hit = first_in_chunk(chunk, byte);
        if hit < 8 {
            return Some(index * 8 + hit);
        }
    }
    if let Some(last) = bytes.last_chunk::<8>() {
        // Some of these were looked at before: cheaper than the tail byte by byte.
        let hit = if tail.is_empty() { 8 } else { first_in_chunk(last, byte) };
        return (hit < 8).then_some(bytes.len() - 8 + hit);
    }
    tail.iter().position(|&other| other == byte)
}

/// Position of the first `byte` of a chunk; 8 where there is none.
#[inline]
fn first_in_chunk(chunk: &[u8; 8], byte: u8) -> usize {
    first(equal(u64::from_le_bytes(*chunk), byte))
}

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = 0x8080_8080_8080_8080;

/// Marks the bytes of a word that are `byte`: by their highest bit, which of those above the lowest
/// one marked may be set for others too.
#[inline(always)]
pub(crate) fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (EACH * u64::from(byte)), 1)
}

/// Marks, as `equal` does, the bytes of a word that are less than `bound`, which is at most 0x80.
#[inline(always)]
pub(crate) fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(EACH * u64::from(bound)) & !word
}

/// The lowest byte that is marked; 8 where there is none.
#[inline(always)]
pub(crate) fn first(marks: u64) -> usize {
    (marks & HIGHEST).trailing_zeros() as usize / 8
}

/// Position of the first byte that `marks` marks in a word, eight a step.
#[inline(always)]
pub(crate) fn find_marked(bytes: &[u8], marks: impl Fn(u64) -> u64) -> Option<usize> {
    let (chunks, tail) = bytes.as_chunks::<8>();
    for (index, chunk) in chunks.iter().enumerate() {
        let marks = marks(u64::from_le_bytes(*chunk));
        if marks & HIGHEST != 0 {
            return Some(index * 8 + first(marks));
        }
    }
    let hit = tail.iter().position(|&byte| first(marks(u64::from(byte))) == 0)?;
    Some(chunks.len() * 8 + hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_byte_is_found(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0..4_u8], 0..40),
            byte in 0..4_u8,
        ) {
            prop_assert_eq!(find_byte(&bytes, byte), bytes.iter().position(|&b| b == byte));
        }

        #[test]
        fn the_first_byte_that_is_marked_is_found(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), 0x7E..0x82_u8, 0..4_u8],
                0..40,
            ),
            byte in any::<u8>(),
            bound in 0..0x81_u8,
        ) {
            let found = find_marked(&bytes, |word| equal(word, byte) | below(word, bound));
            prop_assert_eq!(found, bytes.iter().position(|&b| b == byte || b < bound));
        }
    }
}
