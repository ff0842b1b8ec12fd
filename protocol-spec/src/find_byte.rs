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
pub(crate) fn first_in_chunk(chunk: &[u8; 8], byte: u8) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(*chunk) ^ (LOW * u64::from(byte));
    // The lowest set bit marks the first zero byte; higher ones may be false.
    let zeros = word.wrapping_sub(LOW) & !word & HIGH;
    zeros.trailing_zeros() as usize / 8
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
    }
}
