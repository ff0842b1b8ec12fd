//! Java's `String.hashCode`: the tags code of a queue entry, and the index's slots.

/// `String.hashCode` of `text`: over its UTF-16 units, wrapping.
pub fn hash(text: &str) -> i32 {
    hash_onto(0, text.as_bytes())
}

/// `String.hashCode` continued: `hash_onto(hash(a), b)` is the hash of `a` followed by `b`, which
/// is UTF-8 and nearly always ASCII; other bytes count for nothing.
pub fn hash_onto(hash: i32, text: &[u8]) -> i32 {
    if text.is_ascii() {
        return hash_ascii_onto(hash, text);
    }
    let units = str::from_utf8(text).unwrap_or_default().encode_utf16();
    units.fold(hash, |hash, unit| add(hash, i32::from(unit)))
}

fn hash_ascii_onto(hash: i32, text: &[u8]) -> i32 {
    // Eight a step: their products do not wait for each other.
    let (chunks, tail) = text.as_chunks::<8>();
    let hash = chunks.iter().fold(hash, |hash, chunk| {
        let products = chunk.iter().zip(POWERS_OF_31.iter().skip(1));
        let sum = products.fold(0, |sum: i32, (byte, power)| {
            sum.wrapping_add(i32::from(*byte).wrapping_mul(*power))
        });
        hash.wrapping_mul(POWERS_OF_31[0]).wrapping_add(sum)
    });
    tail.iter().fold(hash, |hash, byte| add(hash, i32::from(*byte)))
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
