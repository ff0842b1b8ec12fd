//! Java's `String.hashCode`: the tags code of a queue entry, and the index's slots.

/// `String.hashCode` of `text`: over its UTF-16 units, wrapping.
pub fn hash(text: &str) -> i32 {
    hash_onto(0, text.as_bytes())
}

/// `String.hashCode` continued: `hash_onto(hash(a), b)` is the hash of `a` followed by `b`, which
/// is UTF-8 and nearly always ASCII; other bytes count for nothing.
#[inline]
pub fn hash_onto(hash: i32, text: &[u8]) -> i32 {
    if text.len() > 8 {
        return hash_long_onto(hash, text);
    }
    let Some(power) = POWERS_OF_31.get(8 - text.len()) else { return hash };
    let word = short_word(text);
    if word & NOT_ASCII != 0 {
        return hash_units_onto(hash, text);
    }
    hash.wrapping_mul(*power).wrapping_add(hash_of_eight(word))
}

/// As `hash_onto`, of more than eight bytes.
fn hash_long_onto(hash: i32, text: &[u8]) -> i32 {
    let (chunks, tail) = text.as_chunks::<8>();
    let (mut onto, mut bits) = (hash, 0);
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        bits |= word;
        onto = onto.wrapping_mul(POWERS_OF_31[0]).wrapping_add(hash_of_eight(word));
    }
    if let Some(power) = POWERS_OF_31.get(8 - tail.len()).filter(|_| !tail.is_empty())
        && let Some(last) = text.last_chunk::<8>()
    {
        // The tail after zeros, which count for nothing.
        let word = u64::from_le_bytes(*last) >> (64 - tail.len() * 8) << (64 - tail.len() * 8);
        bits |= word;
        onto = onto.wrapping_mul(*power).wrapping_add(hash_of_eight(word));
    }
    if bits & NOT_ASCII == 0 { onto } else { hash_units_onto(hash, text) }
}

/// Set in a word that holds a byte that is not ASCII.
const NOT_ASCII: u64 = 0x8080_8080_8080_8080;

/// Of the UTF-16 units.
#[inline(never)]
fn hash_units_onto(hash: i32, text: &[u8]) -> i32 {
    let units = str::from_utf8(text).unwrap_or_default().encode_utf16();
    units.fold(hash, |hash, unit| add(hash, i32::from(unit)))
}

/// At most eight bytes, after zeros, which count for nothing.
#[inline]
fn short_word(text: &[u8]) -> u64 {
    // Those of a text of 4 to 8 bytes are its first four and its last four.
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let last = u64::from(u32::from_le_bytes(*last)) << 32;
        return u64::from(u32::from_le_bytes(*first)) << (64 - text.len() * 8) | last;
    }
    text.iter().fold(0, |word, byte| word >> 8 | u64::from(*byte) << 56)
}

/// Of eight ASCII characters, the first one lowest: neighbours are joined to pairs, fours and the
/// whole, in lanes that cannot overflow.
#[inline]
fn hash_of_eight(word: u64) -> i32 {
    const BYTES: u64 = 0x00FF_00FF_00FF_00FF;
    const PAIRS: u64 = 0x0000_FFFF_0000_FFFF;
    let pairs = (word & BYTES) * 31 + (word >> 8 & BYTES);
    let fours = (pairs & PAIRS) * (31 * 31) + (pairs >> 16 & PAIRS);
    // The high lane of the product is the high four and the low one times 31⁴.
    let whole = fours.wrapping_mul(1 | 31_u64.pow(4) << 32) >> 32;
    u32::try_from(whole).unwrap_or(0).cast_signed()
}

fn add(hash: i32, unit: i32) -> i32 {
    hash.wrapping_mul(31).wrapping_add(unit)
}

/// 31 to the power of 8, 7, … 0, wrapping.
const POWERS_OF_31: [i32; 9] = {
    let mut powers = [1_i32; 9];
    let mut at = 8;
    while at > 0 {
        powers[at - 1] = powers[at].wrapping_mul(31);
        at -= 1;
    }
    powers
};

/// The tags code of a queue entry: the hash sign-extended, 0 without tags.
pub fn tags_code(tags: &[u8]) -> i64 {
    i64::from(hash_onto(0, tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_of_parts_is_the_hash_of_the_whole() {
        let text = "TopicTest#7F00000100002A139A3C00000001é";
        let expected = text.encode_utf16().fold(0, |hash, unit| add(hash, i32::from(unit)));
        for at in text.char_indices().map(|(at, _)| at) {
            let (first, second) = text.split_at(at);
            assert_eq!(hash_onto(hash(first), second.as_bytes()), expected, "cut at {at}");
        }
    }

    #[test]
    fn every_length_and_byte_counts_as_one_unit_after_the_other_does() {
        let text: Vec<u8> = (0..200_u8).map(|n| n.wrapping_mul(37) & 0x7F).collect();
        for length in 0..text.len() {
            let text = &text[..length];
            let expected = text.iter().fold(7, |hash, byte| add(hash, i32::from(*byte)));
            assert_eq!(hash_onto(7, text), expected, "{length} bytes");
        }
        assert_eq!(hash_onto(0, &[0x7F; 8]), [127; 8].into_iter().fold(0, add));
    }

    #[test]
    fn hashes_are_those_of_java() {
        // Values that Java's documentation and jshell give.
        let known = [
            ("", 0),
            ("a", 97),
            ("TagA", 2_598_919),
            ("hello", 99_162_322),
            ("polygenelubricants", i32::MIN),
            ("é", 233),
            ("😀", 1_772_899),
        ];
        for (text, expected) in known {
            assert_eq!(hash(text), expected, "{text}");
            assert_eq!(tags_code(text.as_bytes()), i64::from(expected));
        }
    }
}
