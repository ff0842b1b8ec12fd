//! A message's properties: `name \x01 value \x02` repeated, the last \x02 optional.
//!
//! Read where they stand, in a header or a stored record: nothing here builds a map.
mod intake;
pub mod name;
mod places;

use crate::find_byte::find_byte;
pub use crate::record_crc::without_crc;
pub use intake::{Keep, take_in};
pub use places::{value_bytes, value_places};

/// Ends a name.
pub const NAME_END: u8 = 1;
/// Ends a value.
pub const VALUE_END: u8 = 2;

/// The properties of `raw` in order. Entries that Apache leaves out are left out: those without a
/// name, a value or a separator, and those that are not UTF-8.
pub fn iter(raw: &[u8]) -> Properties<'_> {
    Properties { rest: raw }
}

/// The entries of `raw` as they stand, `name \x01 value` or anything else, without their ends.
pub fn entries(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        let (entry, after) = (!rest.is_empty()).then(|| first_entry(rest))?;
        rest = after;
        Some(entry)
    })
}

/// Iterator over `(name, value)` pairs; see `iter`.
#[derive(Clone, Debug)]
pub struct Properties<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Properties<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (entry, rest) = first_entry(self.rest);
            self.rest = rest;
            if let Some((name, value)) = pair(entry)
                && let (Ok(name), Ok(value)) = (str::from_utf8(name), str::from_utf8(value))
            {
                return Some((name, value));
            }
        }
        None
    }
}

/// One property's value. The last one wins where a name is repeated, as in Apache's map.
pub fn find<'a>(raw: &'a [u8], name: &str) -> Option<&'a str> {
    let mut found = None;
    let mut rest = raw;
    while !rest.is_empty() && !name.is_empty() {
        let (entry, after) = first_entry(rest);
        rest = after;
        if let Some([NAME_END, value @ ..]) = entry.strip_prefix(name.as_bytes())
            && !value.is_empty()
        {
            found = Some(value);
        }
    }
    found.and_then(|value| str::from_utf8(value).ok())
}

/// A property that is a decimal number; `None` where it is absent or not one.
pub fn find_i64(raw: &[u8], name: &str) -> Option<i64> {
    find(raw, name)?.parse().ok()
}

/// Appends one property. What `out` ends with must be closed (see `append_all`).
pub fn append(out: &mut Vec<u8>, name: &str, value: &str) {
    out.reserve(name.len() + value.len() + 2);
    out.extend_from_slice(name.as_bytes());
    out.push(NAME_END);
    out.extend_from_slice(value.as_bytes());
    out.push(VALUE_END);
}

/// Appends a number as a property.
pub fn append_i64(out: &mut Vec<u8>, name: &str, value: i64) {
    append(out, name, itoa::Buffer::new().format(value));
}

/// Appends serialized properties and closes the last one, so that others can follow.
pub fn append_all(out: &mut Vec<u8>, raw: &[u8]) {
    out.extend_from_slice(raw);
    if raw.last().is_some_and(|&last| last != VALUE_END) {
        out.push(VALUE_END);
    }
}

/// As `append_all`, leaving out the properties of these names.
pub fn append_without(out: &mut Vec<u8>, raw: &[u8], names: &[&str]) {
    let mut rest = raw;
    while !rest.is_empty() {
        let (entry, after) = first_entry(rest);
        rest = after;
        let name = entry.split(|&byte| byte == NAME_END).next().unwrap_or(entry);
        if !names.iter().any(|left_out| left_out.as_bytes() == name) {
            append_all(out, entry);
            // An entry comes without its end, and may be empty.
            if entry.is_empty() {
                out.push(VALUE_END);
            }
        }
    }
}

/// True where `text` can be a name or a value: it does not hold the separators.
pub fn is_legal(text: &str) -> bool {
    !text.bytes().any(|byte| matches!(byte, NAME_END | VALUE_END))
}

/// The first entry without its end, and what follows.
fn first_entry(raw: &[u8]) -> (&[u8], &[u8]) {
    match find_byte(raw, VALUE_END) {
        Some(end) => {
            let (entry, rest) = raw.split_at(end);
            (entry, rest.get(1..).unwrap_or(&[]))
        }
        None => (raw, &[]),
    }
}

/// Name and value of an entry; neither may be empty.
fn pair(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = find_byte(entry, NAME_END)?;
    let (name, value) = (entry.get(..at)?, entry.get(at + 1..)?);
    (!name.is_empty() && !value.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As Apache's `string2messageProperties` reads, with the order kept.
    fn model(raw: &str) -> Vec<(&str, &str)> {
        raw.split('\u{2}')
            .filter_map(|entry| entry.split_once('\u{1}'))
            .filter(|(name, value)| !name.is_empty() && !value.is_empty())
            .collect()
    }

    proptest! {
        #[test]
        fn any_text_reads_as_apache_reads_it(raw in "[ab\u{1}\u{2}é]{0,24}") {
            let expected = model(&raw);
            prop_assert_eq!(iter(raw.as_bytes()).collect::<Vec<_>>(), expected.clone());
            for name in ["a", "b", "ab", "c"] {
                let last = expected.iter().rev().find(|(found, _)| *found == name);
                prop_assert_eq!(find(raw.as_bytes(), name), last.map(|(_, value)| *value));
            }
        }

        #[test]
        fn leaving_names_out_keeps_all_others(raw in "[ab\u{1}\u{2}é]{0,24}") {
            let mut out = Vec::new();
            append_without(&mut out, raw.as_bytes(), &["a", "ab"]);
            let kept = iter(&out).collect::<Vec<_>>();
            let expected: Vec<_> =
                model(&raw).into_iter().filter(|(name, _)| !matches!(*name, "a" | "ab")).collect();
            prop_assert_eq!(kept, expected);
        }
    }

    #[test]
    fn properties_are_appended_after_ones_without_an_end() {
        let mut out = Vec::new();
        append_all(&mut out, b"a\x01b");
        append(&mut out, name::TAGS, "t");
        append_i64(&mut out, name::DELAY, -3);
        assert_eq!(out, b"a\x01b\x02TAGS\x01t\x02DELAY\x01-3\x02");
        assert_eq!(find_i64(&out, name::DELAY), Some(-3));
        assert_eq!(find_i64(&out, name::TAGS), None);
        assert!(is_legal("a b") && !is_legal("a\u{1}"));
    }
}
