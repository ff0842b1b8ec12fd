//! A string of a header, not yet unescaped.
use std::borrow::Cow;

use crate::find_byte::find_byte;

/// A header string as it stands on the wire: raw bytes of a JSON string (without the quotes) or of
/// a binary field. Valid UTF-8. Properties carry `\u0001` and `\u0002` escapes in JSON headers, so
/// they are unescaped where they are needed, straight into the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// Text that needs no unescaping.
    pub fn plain(raw: &'a str) -> Self {
        Self { raw, escaped: false }
    }

    /// Text as it stands between the quotes of a JSON string, with at least one valid escape.
    pub fn escaped(raw: &'a str) -> Self {
        Self { raw, escaped: true }
    }

    #[inline]
    pub(crate) fn new(raw: &'a str, escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// The text, unescaped; borrowed when nothing had to change.
    #[inline]
    pub fn to_str(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }

    /// The text where it needs no unescaping: numbers, names and nearly all values.
    #[inline]
    pub fn as_plain(self) -> Option<&'a str> {
        if self.escaped { None } else { Some(self.raw) }
    }

    /// The text as it stands in JSON, where it has escapes.
    pub(crate) fn as_escaped(self) -> Option<&'a str> {
        if self.escaped { Some(self.raw) } else { None }
    }

    /// The text as it came, and whether it has escapes.
    #[inline]
    pub fn as_it_stands(self) -> (&'a str, bool) {
        (self.raw, self.escaped)
    }

    /// How many bytes the unescaped text has.
    pub fn unescaped_bytes(self) -> usize {
        if !self.escaped {
            return self.raw.len();
        }
        self.pieces()
            .map(|piece| match piece {
                Piece::Run(run) => run.len(),
                Piece::Char(character) => character.len_utf8(),
            })
            .sum()
    }

    /// True where the unescaped text equals `other`, without allocating.
    pub fn is(self, other: &str) -> bool {
        if !self.escaped {
            return self.raw == other;
        }
        let mut rest = other;
        for piece in self.pieces() {
            let stripped = match piece {
                Piece::Run(run) => rest.strip_prefix(run),
                Piece::Char(character) => rest.strip_prefix(character),
            };
            match stripped {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty()
    }

    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    fn pieces(self) -> Pieces<'a> {
        Pieces { rest: self.raw }
    }
}

#[inline(never)]
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    for piece in (Pieces { rest: raw }) {
        match piece {
            Piece::Run(run) => out.push_str(run),
            Piece::Char(character) => out.push(character),
        }
    }
    out
}

/// The character that the escape at the start of `raw` stands for, and how many bytes it took; a
/// lone backslash at the end stands for itself.
#[inline(never)]
pub(crate) fn first_escape(raw: &str) -> Option<(char, usize)> {
    let mut pieces = Pieces { rest: raw };
    match pieces.next() {
        Some(Piece::Char(character)) => Some((character, raw.len() - pieces.rest.len())),
        Some(Piece::Run(_)) | None => None,
    }
}

/// A run without escapes, or what one escape stands for.
enum Piece<'a> {
    Run(&'a str),
    Char(char),
}

struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let rest = self.rest;
        let Some(escape) = rest.strip_prefix('\\') else {
            if rest.is_empty() {
                return None;
            }
            let (run, after) = match find_byte(rest.as_bytes(), b'\\') {
                Some(at) => rest.split_at(at),
                None => (rest, ""),
            };
            self.rest = after;
            return Some(Piece::Run(run));
        };
        let mut characters = escape.chars();
        let character = match characters.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (character, used_bytes) = unicode_escape(escape);
                self.rest = escape.get(used_bytes..).unwrap_or("");
                return Some(Piece::Char(character));
            }
            Some(other) => other,
            // A lone backslash at the end: the scanner refuses it, `Text::escaped` callers must
            // too.
            None => '\\',
        };
        self.rest = characters.as_str();
        Some(Piece::Char(character))
    }
}

/// What `uXXXX` or `uXXXX\uXXXX` at the start of `escape` stands for, and how many bytes it took.
/// Half a surrogate pair becomes U+FFFD, as no UTF-8 can hold it.
fn unicode_escape(escape: &str) -> (char, usize) {
    let Some(first) = hex_unit(escape, 1) else {
        return (char::REPLACEMENT_CHARACTER, escape.len().min(5));
    };
    if let Some(character) = char::from_u32(first) {
        return (character, 5);
    }
    let second = if escape.get(5..7) == Some("\\u") { hex_unit(escape, 7) } else { None };
    match (first, second) {
        (0xD800..=0xDBFF, Some(low @ 0xDC00..=0xDFFF)) => {
            let scalar = 0x1_0000 + ((first - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER), 11)
        }
        _ => (char::REPLACEMENT_CHARACTER, 5),
    }
}

fn hex_unit(escape: &str, at: usize) -> Option<u32> {
    let digits = escape.as_bytes().get(at..at + 4)?;
    let mut unit = 0;
    for &digit in digits {
        unit = unit * 16 + char::from(digit).to_digit(16)?;
    }
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescape(raw: &str) -> String {
        let text = Text::escaped(raw);
        let whole = text.to_str().into_owned();
        assert_eq!(text.unescaped_bytes(), whole.len());
        assert!(text.is(&whole));
        whole
    }

    #[test]
    fn every_json_escape_is_undone() {
        assert_eq!(
            unescape(r#"a\u0001b\u0002\"\\\/\b\f\n\r\té"#),
            "a\u{1}b\u{2}\"\\/\u{8}\u{c}\n\r\té"
        );
    }

    #[test]
    fn surrogate_pairs_join_and_halves_become_the_replacement_character() {
        assert_eq!(unescape(r"\uD83D\uDE00x"), "😀x");
        assert_eq!(unescape(r"\ud83dx"), "\u{FFFD}x");
        assert_eq!(unescape(r"\uDE00\uD83D"), "\u{FFFD}\u{FFFD}");
        assert_eq!(unescape(r"\uD83D\u0041"), "\u{FFFD}A");
    }

    #[test]
    fn comparing_stops_at_the_first_difference() {
        assert!(!Text::escaped(r"a\u0001").is("a"));
        assert!(!Text::escaped(r"a\u0001").is("a\u{1}b"));
        assert!(Text::plain("code").is("code"));
    }

    #[test]
    fn invalid_escapes_do_not_panic() {
        for raw in [r"\", r"\u", r"\u12", r"\uD83D\u", r"\uD83D\uZZZZ", r"\u00é", r"\x41"] {
            let text = Text::escaped(raw);
            assert!(text.to_str().len() <= raw.len() + 3);
        }
    }
}
