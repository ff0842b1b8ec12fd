//! Where the values of a header's properties stand in the text as it came.
use std::ops::Range;

use super::intake::mark_special;
use super::{NAME_END, VALUE_END};
use crate::find_byte::find_marked;
use crate::text::Text;

/// The place of every value in the text as it stands, one for each property that `take_in` tells;
/// empty where there is no value.
pub fn value_places(properties: Text<'_>) -> Vec<Range<usize>> {
    let (raw, escaped) = properties.as_it_stands();
    let raw = raw.as_bytes();
    let mut places = Vec::new();
    let (mut at, mut start, mut value_at) = (0, 0, None);
    while at < raw.len() {
        let (separator, bytes) = match raw.get(at..) {
            Some([b'\\', b'u', b'0', b'0', b'0', digit @ (b'1' | b'2'), ..]) if escaped => {
                (digit - b'0', 6)
            }
            // The digits of an escape are no separators.
            Some([b'\\', ..]) if escaped => (0, 2),
            Some([byte, ..]) => (*byte, 1),
            _ => break,
        };
        match separator {
            NAME_END => value_at = value_at.or(Some(at + bytes)),
            VALUE_END => {
                places.push(value_at.take().unwrap_or(at)..at);
                start = at + bytes;
            }
            _ => {}
        }
        at += bytes;
    }
    // The last property may come without its end.
    if start < raw.len() {
        places.push(value_at.unwrap_or(raw.len())..raw.len());
    }
    places
}

/// Bytes of `text` that read as they stand and belong to one value: those before the first
/// separator, backslash or zero byte.
#[inline]
pub fn value_bytes(text: &[u8]) -> usize {
    find_marked(text, mark_special::<true>).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::properties::{Keep, take_in};
    use proptest::prelude::*;

    /// Every value that is told, and every value unescaped where it stands.
    fn told_and_standing(text: Text<'_>) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let mut told = Vec::new();
        let taken = take_in(text, &mut Vec::new(), |_, value, _| {
            told.push(value.to_vec());
            Ok::<_, ()>(Keep::Stay)
        });
        assert_eq!(taken, Ok(()));
        let (raw, escaped) = text.as_it_stands();
        let unescaped = |place: Range<usize>| match raw.get(place) {
            Some(value) => Text::new(value, escaped).to_str().as_bytes().to_vec(),
            None => b"no place".to_vec(),
        };
        (told, value_places(text).into_iter().map(unescaped).collect())
    }

    proptest! {
        #[test]
        fn values_stand_where_they_are_told(
            text in "([\u{1}\u{2}a\\\\\"u0é\u{0}\u{3}]|[a-z]{7,12}|\u{1}|\u{2}|😀|u0001|\\\\u0002){0,20}"
        ) {
            let (told, standing) = told_and_standing(Text::plain(&text));
            prop_assert_eq!(told, standing);
            let json = serde_json::to_string(&text).unwrap();
            let (told, standing) = told_and_standing(Text::escaped(&json[1..json.len() - 1]));
            prop_assert_eq!(told, standing);
        }

        #[test]
        fn a_value_ends_at_the_first_byte_that_says_more_than_itself(
            text in "[ab\u{80}é]{0,20}[\u{0}\u{1}\u{2}\\\\]{0,2}[ab\u{0}\u{1}\u{2}\\\\é]{0,20}"
        ) {
            let end = text.find(['\u{0}', '\u{1}', '\u{2}', '\\']).unwrap_or(text.len());
            prop_assert_eq!(value_bytes(text.as_bytes()), end);
        }
    }
}
