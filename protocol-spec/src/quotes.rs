//! Finds the bytes that end or interrupt JSON strings, 64 at a time.

/// Positions of every `"` and `\` of a text, in order.
#[derive(Clone, Debug)]
pub(crate) struct Quotes<'a> {
    bytes: &'a [u8],
    block_at: usize,
    /// One bit per byte of the block, the first lowest: those not yet given out.
    mask: u64,
}

/// No byte stands there: what `next` gives after the last one.
pub(crate) const NONE_LEFT: usize = usize::MAX;

const BLOCK_BYTES: usize = 64;

impl<'a> Quotes<'a> {
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, block_at: 0, mask: mask_at(bytes, 0) }
    }

    /// The next position, or `NONE_LEFT`.
    #[inline(always)]
    pub fn next(&mut self) -> usize {
        while self.mask == 0 {
            if self.block_at + BLOCK_BYTES >= self.bytes.len() {
                return NONE_LEFT;
            }
            self.block_at += BLOCK_BYTES;
            self.mask = mask_at(self.bytes, self.block_at);
        }
        let at = self.block_at + self.mask.trailing_zeros() as usize;
        self.mask &= self.mask - 1;
        at
    }
}

#[inline]
fn mask_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or(&[]);
    if let Some(block) = rest.first_chunk::<BLOCK_BYTES>() {
        return mask_of(block);
    }
    let mut block = [0; BLOCK_BYTES];
    for (to, from) in block.iter_mut().zip(rest) {
        *to = *from;
    }
    mask_of(&block)
}

/// Compared byte by byte, which the compiler does sixteen at a time; asking for those instructions
/// by name needs `unsafe`.
#[inline]
fn mask_of(block: &[u8; BLOCK_BYTES]) -> u64 {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let mut hits = [0_u8; BLOCK_BYTES];
    for (hit, byte) in hits.iter_mut().zip(block) {
        *hit = u8::from(*byte == b'"') | u8::from(*byte == b'\\');
    }
    let (words, _) = hits.as_chunks::<8>();
    let mut mask = 0;
    for (index, word) in words.iter().enumerate() {
        // Gathers the lowest bit of each byte into the highest byte.
        let bits = (u64::from_le_bytes(*word) & LOW).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        mask |= bits << (index * 8);
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_quote_and_backslash_is_found_in_order(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'x')], 0..300)
        ) {
            let mut quotes = Quotes::new(&bytes);
            let found: Vec<usize> =
                std::iter::from_fn(|| Some(quotes.next()).filter(|&at| at != NONE_LEFT)).collect();
            let expected: Vec<usize> =
                (0..bytes.len()).filter(|&at| matches!(bytes[at], b'"' | b'\\')).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(quotes.next(), NONE_LEFT);
        }
    }
}
