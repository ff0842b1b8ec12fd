//! Properties of a header, unescaped into a buffer and looked through on the way: every send has
//! them, and they are most of what it says.
use crate::find_byte::{below, equal, first};
use crate::properties::{NAME_END, VALUE_END};
use crate::text::{Text, first_escape};

/// What becomes of a property.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    Stay,
    LeaveOut,
}

/// Appends properties to `out`, each closed. `each` is told the name, the value and where in `out`
/// the value begins; an entry without a separator is a name. After an error of its own `out` holds
/// anything.
#[inline]
pub fn take_in<E>(
    properties: Text<'_>,
    out: &mut Vec<u8>,
    each: impl FnMut(&[u8], &[u8], usize) -> Result<Keep, E>,
) -> Result<(), E> {
    match properties.as_it_stands() {
        (raw, true) => take_in_as::<true, E>(raw, out, each),
        (raw, false) => take_in_as::<false, E>(raw, out, each),
    }
}

/// Once for text with escapes and once for text without.
#[inline(always)]
fn take_in_as<const ESCAPED: bool, E>(
    raw: &str,
    out: &mut Vec<u8>,
    mut each: impl FnMut(&[u8], &[u8], usize) -> Result<Keep, E>,
) -> Result<(), E> {
    let mut intake = Intake::<ESCAPED>::new(raw, out);
    let (mut start, mut name_end) = (intake.written, None);
    loop {
        let separator = match intake.next_separator() {
            Some(separator) => separator,
            // The last property may come without its end.
            None if intake.written > start => VALUE_END,
            None => break,
        };
        let at = intake.written;
        intake.put(&[separator]);
        if separator == NAME_END {
            name_end = name_end.or(Some(at));
            continue;
        }
        let name_end = name_end.take().unwrap_or(at);
        let value_at = (name_end + 1).min(at);
        let part = |from: usize, to: usize| intake.out.get(from..to).unwrap_or(&[]);
        match each(part(start, name_end), part(value_at, at), value_at)? {
            Keep::Stay => start = intake.written,
            Keep::LeaveOut => intake.written = start,
        }
    }
    let written = intake.written;
    out.truncate(written);
    Ok(())
}

/// Text on its way into a buffer, whose room is made once: what comes out is hardly ever longer
/// (half an escape at its end may be).
struct Intake<'t, 'o, const ESCAPED: bool> {
    raw: &'t str,
    read: usize,
    out: &'o mut [u8],
    written: usize,
}

/// Room for a chunk that is written whole, a closing separator and half an escape.
const SPARE_BYTES: usize = 16;

impl<'t, 'o, const ESCAPED: bool> Intake<'t, 'o, ESCAPED> {
    #[inline(always)]
    fn new(raw: &'t str, out: &'o mut Vec<u8>) -> Self {
        let written = out.len();
        out.resize(written + raw.len() + SPARE_BYTES, 0);
        Self { raw, read: 0, out, written }
    }

    /// Copies up to the next separator and steps over it; `None` at the end.
    #[inline(always)]
    fn next_separator(&mut self) -> Option<u8> {
        loop {
            let hit = self.copy_run();
            if ESCAPED && let Some(digit) = hit.and_then(escaped_separator) {
                self.read += SEPARATOR_BYTES;
                return Some(digit);
            }
            match self.raw.as_bytes().get(self.read..) {
                // At the very end, where no eight bytes are left.
                Some([b'\\', b'u', b'0', b'0', b'0', digit @ (b'1' | b'2'), ..]) if ESCAPED => {
                    self.read += SEPARATOR_BYTES;
                    return Some(digit - b'0');
                }
                Some([b'\\', ..]) if ESCAPED => self.escape(),
                Some([separator @ (NAME_END | VALUE_END), ..]) => {
                    self.read += 1;
                    return Some(*separator);
                }
                Some([byte, ..]) => {
                    self.read += 1;
                    self.put(&[*byte]);
                }
                _ => return None,
            }
        }
    }

    /// Copies up to the next separator or escape and gives what stands there, or to the last bytes.
    /// Eight bytes are copied whole; what follows a hit among them is overwritten.
    #[inline(always)]
    fn copy_run(&mut self) -> Option<[u8; 8]> {
        let mut rest = self.raw.as_bytes().get(self.read..)?;
        let mut place = self.out.get_mut(self.written..)?;
        let mut copied = 0;
        let found = loop {
            let (Some(chunk), Some(to)) = (rest.first_chunk::<8>(), place.first_chunk_mut::<8>())
            else {
                break None;
            };
            *to = *chunk;
            let hit = first(mark_special::<ESCAPED>(u64::from_le_bytes(*chunk)));
            copied += hit;
            rest = rest.get(hit..)?;
            if hit < 8 {
                break rest.first_chunk().copied();
            }
            place = place.get_mut(hit..)?;
        };
        self.read += copied;
        self.written += copied;
        found
    }

    /// Any other escape; none of them stands for a separator.
    fn escape(&mut self) {
        let escape = self.raw.get(self.read..).and_then(first_escape);
        let Some((character, read_bytes)) = escape else {
            self.read += 1;
            return;
        };
        self.put(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.read += read_bytes;
    }

    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        if let Some(place) = self.out.get_mut(self.written..self.written + bytes.len()) {
            place.copy_from_slice(bytes);
            self.written += bytes.len();
        }
    }
}

/// `\u0001` and `\u0002`.
const SEPARATOR_BYTES: usize = 6;

/// The separator whose escape these bytes begin with.
#[inline(always)]
fn escaped_separator(bytes: [u8; 8]) -> Option<u8> {
    let [start @ .., digit, _, _] = bytes;
    (start == *b"\\u000" && matches!(digit, b'1' | b'2')).then(|| digit - b'0')
}

/// Marks separators, and the starts of escapes where there are any. A zero byte counts as a
/// separator.
#[inline(always)]
pub(super) fn mark_special<const ESCAPED: bool>(word: u64) -> u64 {
    let separators = below(word, 3);
    if ESCAPED { separators | equal(word, b'\\') } else { separators }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What was taken in, and every name and value that was told.
    type Taken = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>);

    fn taken(text: Text<'_>) -> Taken {
        let (mut out, mut told) = (b"before".to_vec(), Vec::new());
        let taken = take_in(text, &mut out, |name, value, value_at| {
            told.push((name.to_vec(), value.to_vec(), value_at));
            Ok::<_, ()>(if name == b"out" { Keep::LeaveOut } else { Keep::Stay })
        });
        assert_eq!(taken, Ok(()));
        for (name, value, value_at) in told.iter().filter(|(name, ..)| name != b"out") {
            assert_eq!(out.get(*value_at..value_at + value.len()), Some(&**value), "{name:?}");
        }
        (out, told.into_iter().map(|(name, value, _)| (name, value)).collect())
    }

    /// The same, slowly.
    fn model(text: &str) -> Taken {
        let (mut out, mut told) = (b"before".to_vec(), Vec::new());
        for entry in text.split_inclusive('\u{2}') {
            let entry = entry.strip_suffix('\u{2}').unwrap_or(entry);
            let (name, value) = entry.split_once('\u{1}').unwrap_or((entry, ""));
            told.push((name.into(), value.into()));
            if name != "out" {
                out.extend_from_slice(entry.as_bytes());
                out.push(VALUE_END);
            }
        }
        (out, told)
    }

    proptest! {
        #[test]
        fn properties_are_told_and_kept_as_they_read(
            text in "([abcd]{0,9}|out)(([\u{1}\u{2}a\\\\\"é\u{0}\u{3}]|[a-z]{7,12}|\u{1}|\u{2}|out\u{1}x\u{2}|😀){0,12})"
        ) {
            let expected = model(&text);
            prop_assert_eq!(&taken(Text::plain(&text)), &expected);
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(taken(Text::escaped(&json[1..json.len() - 1])), expected);
        }
    }

    #[test]
    fn text_that_no_scanner_lets_through_does_not_panic() {
        for raw in
            [r"\", r"a\u", r"\u12", r"\uD83D\u", r"\uD83D\uZZZZ", r"\u00é", r"\x41", r"\u00010"]
        {
            let (out, _) = taken(Text::escaped(raw));
            assert!(out.len() <= raw.len() + SPARE_BYTES, "{raw}");
        }
    }
}
