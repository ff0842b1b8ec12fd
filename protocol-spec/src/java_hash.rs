//! Java's `String.hashCode`: the tags code of a queue entry, and the index's slots.

/// `String.hashCode` of `text`: over its UTF-16 units, wrapping.
pub fn hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

/// The tags code of a queue entry: the hash sign-extended, 0 without tags.
pub fn tags_code(tags: &str) -> i64 {
    i64::from(hash(tags))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(tags_code(text), i64::from(expected));
        }
    }
}
