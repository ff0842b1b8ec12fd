//! The JSON of a header, read in one pass without building a tree.
//!
//! Hand-written rather than on nom: the strings of a send header hold most of its bytes, and eight
//! of them are looked at per step here. Results are positions, not structs: a struct that passes
//! through memory between two calls costs more than finding the end of a string (measured: three
//! times the whole decode). A failure leaves its reason in the scanner.
//!
//! Syntax is checked as far as the header needs it: quotes, escapes and brackets must match, while
//! the inside of a skipped nested value may be looser than strict JSON, as fastjson's own reading is.
use crate::text::Text;

/// Deepest nesting of a skipped value. Chosen: Apache's headers are flat.
const DEPTH_MAX: u32 = 32;

/// Where and why the text is not a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed {
    pub reason: &'static str,
    pub at: usize,
}

/// The scanner stopped; `Scanner::malformed` says why.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stopped;

/// A string between its quotes: where it ends, and whether it has escapes.
#[derive(Clone, Copy)]
struct StringEnd(usize);

impl StringEnd {
    #[inline]
    fn at(self) -> usize {
        self.0 >> 1
    }

    #[inline]
    fn has_escapes(self) -> bool {
        self.0 & 1 != 0
    }
}

/// One value: a string, the text of anything else, or null.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value<'a> {
    Null,
    String(Text<'a>),
    /// A number, `true`, `false`, or a nested value, as it stands.
    Other(&'a str),
}

#[derive(Clone, Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    reason: &'static str,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, reason: "" }
    }

    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    #[cold]
    pub fn stop<T>(&mut self, reason: &'static str) -> Result<T, Stopped> {
        self.reason = reason;
        Err(Stopped)
    }

    #[cold]
    pub fn stop_at<T>(&mut self, at: usize, reason: &'static str) -> Result<T, Stopped> {
        self.at = at;
        self.stop(reason)
    }

    /// Why the scanner stopped.
    pub fn malformed(&self) -> Malformed {
        Malformed { reason: self.reason, at: self.at }
    }

    /// The text between two positions the scanner has been at.
    #[inline]
    pub fn span(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or("")
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not whitespace, not consumed.
    #[inline]
    pub fn token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Consumes `token` where it comes next, whitespace aside.
    #[inline]
    pub fn take(&mut self, token: u8) -> bool {
        let found = self.token() == Some(token);
        if found {
            self.at += 1;
        }
        found
    }

    /// `"name":` of the next member, not yet unescaped.
    #[inline(always)]
    pub fn key(&mut self) -> Result<(&'a str, bool), Stopped> {
        if self.token() != Some(b'"') {
            return self.stop("a quoted key is expected");
        }
        let start = self.at + 1;
        let end = self.string()?;
        if !self.take(b':') {
            return self.stop("':' is expected");
        }
        Ok((self.span(start, end.at()), end.has_escapes()))
    }

    /// After a member: true where another follows, false where `}` closed the object.
    #[inline]
    pub fn another_member(&mut self) -> Result<bool, Stopped> {
        match self.token() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(b'}') => {
                self.at += 1;
                Ok(false)
            }
            _ => self.stop("',' or '}' is expected"),
        }
    }

    /// The next value, not yet unescaped; `None` for null.
    #[inline(always)]
    pub fn raw_value(&mut self) -> Result<Option<(&'a str, bool)>, Stopped> {
        if self.token() == Some(b'"') {
            let start = self.at + 1;
            let end = self.string()?;
            return Ok(Some((self.span(start, end.at()), end.has_escapes())));
        }
        let start = self.at;
        self.skip_other()?;
        let other = self.span(start, self.at);
        Ok(if other == "null" { None } else { Some((other, false)) })
    }

    /// Steps over the next value.
    #[inline(always)]
    pub fn skip_value(&mut self) -> Result<(), Stopped> {
        if self.token() == Some(b'"') { self.string().map(|_| ()) } else { self.skip_other() }
    }

    /// The next value with its kind, where speed does not matter.
    pub fn value(&mut self) -> Result<Value<'a>, Stopped> {
        let is_string = self.token() == Some(b'"');
        Ok(match self.raw_value()? {
            None => Value::Null,
            Some((text, escaped)) if is_string => Value::String(Text::new(text, escaped)),
            Some((text, _)) => Value::Other(text),
        })
    }

    /// A bare number of at most nine digits, the usual form of an int; `None`, with nothing
    /// consumed, for anything else.
    #[inline]
    pub fn short_int(&mut self) -> Option<i32> {
        self.token();
        let mut number = 0;
        for (length, byte) in self.text.as_bytes().get(self.at..)?.iter().take(10).enumerate() {
            match byte {
                b'0'..=b'9' if length < 9 => number = number * 10 + i32::from(byte - b'0'),
                b',' | b'}' if length > 0 => {
                    self.at += length;
                    return Some(number);
                }
                _ => return None,
            }
        }
        None
    }

    /// A string; the scanner stands on its opening quote.
    #[inline(always)]
    fn string(&mut self) -> Result<StringEnd, Stopped> {
        let bytes = self.text.as_bytes();
        let start = self.at + 1;
        if let Some(end) = quote_or_backslash(bytes, start)
            && bytes.get(end) == Some(&b'"')
        {
            self.at = end + 1;
            return Ok(StringEnd(end << 1));
        }
        self.escaped_string(start).map(|end| StringEnd(end << 1 | 1))
    }

    /// End of a string that has an escape, or no end.
    #[inline(never)]
    fn escaped_string(&mut self, start: usize) -> Result<usize, Stopped> {
        let bytes = self.text.as_bytes();
        let mut at = start;
        loop {
            let Some(hit) = quote_or_backslash(bytes, at) else {
                return self.stop_at(bytes.len(), "a string has no end");
            };
            if bytes.get(hit) == Some(&b'"') {
                self.at = hit + 1;
                return Ok(hit);
            }
            at = hit
                + match bytes.get(hit + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                    Some(b'u') if is_hex4(bytes.get(hit + 2..hit + 6)) => 6,
                    _ => return self.stop_at(hit, "an escape is not valid"),
                };
        }
    }

    /// Steps over a number, `true`, `false`, `null` or a nested value.
    #[inline(never)]
    fn skip_other(&mut self) -> Result<(), Stopped> {
        if let Some(b'{' | b'[') = self.peek() {
            return self.skip_nested();
        }
        let start = self.at;
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'+' | b'.') = self.peek() {
            self.at += 1;
        }
        match self.span(start, self.at) {
            "null" | "true" | "false" => Ok(()),
            word if is_number(word.as_bytes()) => Ok(()),
            _ => self.stop_at(start, "a value is expected"),
        }
    }

    /// Steps over an object or array; the scanner stands on its opening bracket.
    fn skip_nested(&mut self) -> Result<(), Stopped> {
        // One bit per open bracket, the innermost lowest: 1 for an object.
        let mut objects: u64 = 0;
        let mut depth = 0;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(open @ (b'{' | b'[')) => {
                    if depth == DEPTH_MAX {
                        return self.stop("a value is nested too deeply");
                    }
                    depth += 1;
                    objects = objects << 1 | u64::from(open == b'{');
                }
                Some(close @ (b'}' | b']')) => {
                    if objects & 1 != u64::from(close == b'}') {
                        return self.stop("brackets do not match");
                    }
                    depth -= 1;
                    objects >>= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Ok(());
                    }
                }
                Some(_) => {}
                None => return self.stop("a nested value has no end"),
            }
            self.at += 1;
        }
    }
}

/// Position of the next `"` or `\` at or after `from`, eight bytes a step.
#[inline(always)]
fn quote_or_backslash(bytes: &[u8], from: usize) -> Option<usize> {
    let (chunks, tail) = bytes.get(from..)?.as_chunks::<8>();
    let mut at = from;
    for chunk in chunks {
        let hit = first_of(chunk, b'"', b'\\');
        at += hit;
        if hit < 8 {
            return Some(at);
        }
    }
    tail.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|found| at + found)
}

/// Index of the first byte of `chunk` that is `one` or `other`; 8 where none is.
#[inline(always)]
pub(crate) fn first_of(chunk: &[u8; 8], one: u8, other: u8) -> usize {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(*chunk);
    let one = word ^ (LOW * u64::from(one));
    let other = word ^ (LOW * u64::from(other));
    // The lowest set bit marks the first zero byte of either; higher ones may be false.
    let hit = ((one.wrapping_sub(LOW) & !one) | (other.wrapping_sub(LOW) & !other)) & HIGH;
    hit.trailing_zeros() as usize / 8
}

fn is_hex4(digits: Option<&[u8]>) -> bool {
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Starts like a number and holds nothing else; its exact grammar is the reader's business.
fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    digits.first().is_some_and(u8::is_ascii_digit)
        && digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_quote_or_backslash_is_found_at_every_distance() {
        for length in 0..40 {
            for at in 0..length {
                for stop in [b'"', b'\\'] {
                    let mut bytes = vec![b'!'; length];
                    bytes[at] = stop;
                    for from in 0..=at {
                        assert_eq!(quote_or_backslash(&bytes, from), Some(at));
                    }
                    assert_eq!(quote_or_backslash(&bytes, at + 1), None);
                }
            }
        }
    }

    fn value(text: &str) -> Result<Value<'_>, Malformed> {
        let mut scanner = Scanner::new(text);
        scanner.value().map_err(|Stopped| scanner.malformed())
    }

    #[test]
    fn nesting_past_the_limit_is_refused() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let limit = usize::try_from(DEPTH_MAX).unwrap_or(0);
        assert_eq!(value(&deep(limit)), Ok(Value::Other(deep(limit).as_str())));
        assert_eq!(
            value(&deep(limit + 1)),
            Err(Malformed { reason: "a value is nested too deeply", at: limit })
        );
    }

    #[test]
    fn brackets_must_match() {
        assert_eq!(value("{]"), Err(Malformed { reason: "brackets do not match", at: 1 }));
        assert_eq!(value(r#"{"a":["]"]}"#), Ok(Value::Other(r#"{"a":["]"]}"#)));
    }
}
