//! The JSON of a header, read in one pass without building a tree.
//!
//! Hand-written rather than on nom: the strings of a send header hold most of its bytes, and 64 of
//! them are looked at per step here. Results are positions, not structs: one that passes through
//! memory between two calls is written in parts and read as a whole, which stalls for longer than
//! it takes to find the end of a string (a profile of the first version had two thirds of `value`
//! in that one load). A failure leaves its reason in the scanner.
//!
//! Syntax is checked as far as the header needs it: quotes, escapes and brackets must match, while
//! the inside of a skipped nested value may be looser than strict JSON, as fastjson's own reading
//! is.
use std::ops::Range;

use crate::quotes::Quotes;
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
    /// Never behind `at`: every `"` and `\` that the scanner steps over is taken from here.
    quotes: Quotes<'a>,
    reason: &'static str,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, quotes: Quotes::new(text.as_bytes()), reason: "" }
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

    /// Steps over members of the form `"name":"value",` without blanks and escapes, which is how
    /// nearly all of them come, and stops before the first other one. Gives the places of name and
    /// value.
    #[inline(always)]
    pub fn plain_members(&mut self, mut each: impl FnMut(Range<usize>, Range<usize>)) {
        let bytes = self.text.as_bytes();
        loop {
            let mut quotes = self.quotes.clone();
            let opened = quotes.next();
            let name_end = quotes.next();
            if opened != self.at || chunk_at(bytes, name_end) != Some(b"\":\"") {
                return;
            }
            quotes.next();
            let value_end = quotes.next();
            if chunk_at(bytes, value_end) != Some(b"\",") {
                return;
            }
            self.quotes = quotes;
            self.at = value_end + 2;
            each(opened + 1..name_end, name_end + 3..value_end);
        }
    }

    /// `"name":` of the next member, not yet unescaped.
    #[inline(always)]
    pub fn key(&mut self) -> Result<(&'a str, bool), Stopped> {
        let (name, escaped) = self.key_place()?;
        Ok((self.span(name.start, name.end), escaped))
    }

    /// As `key`: where the name stands, and whether it has escapes.
    #[inline(always)]
    pub fn key_place(&mut self) -> Result<(Range<usize>, bool), Stopped> {
        if self.token() != Some(b'"') {
            return self.stop("a quoted key is expected");
        }
        let start = self.at + 1;
        let end = self.string()?;
        if !self.take(b':') {
            return self.stop("':' is expected");
        }
        Ok((start..end.at(), end.has_escapes()))
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
        let place = self.value_place()?;
        Ok(place.map(|(value, escaped)| (self.span(value.start, value.end), escaped)))
    }

    /// As `raw_value`: where the value stands, and whether it has escapes.
    #[inline(always)]
    pub fn value_place(&mut self) -> Result<Option<(Range<usize>, bool)>, Stopped> {
        if self.token() == Some(b'"') {
            let start = self.at + 1;
            let end = self.string()?;
            return Ok(Some((start..end.at(), end.has_escapes())));
        }
        let start = self.at;
        self.skip_other()?;
        let is_null = self.span(start, self.at) == "null";
        Ok(if is_null { None } else { Some((start..self.at, false)) })
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

    /// A bare int32 of at most ten digits, the usual form of a number; `None`, with nothing
    /// consumed, for anything else.
    #[inline]
    pub fn short_int(&mut self) -> Option<i32> {
        self.token();
        let mut number: i64 = 0;
        for (length, byte) in self.text.as_bytes().get(self.at..)?.iter().take(11).enumerate() {
            match byte {
                b'0'..=b'9' => number = number * 10 + i64::from(byte - b'0'),
                b',' | b'}' if length > 0 => {
                    let number = i32::try_from(number).ok()?;
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
        self.quotes.next();
        let end = self.quotes.next();
        if bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(StringEnd(end << 1));
        }
        self.escaped_string(end).map(|end| StringEnd(end << 1 | 1))
    }

    /// End of a string whose first escape is at `hit`, or that has no end.
    #[inline(never)]
    fn escaped_string(&mut self, mut hit: usize) -> Result<usize, Stopped> {
        let bytes = self.text.as_bytes();
        // A copy, so that it stays in registers.
        let mut quotes = self.quotes.clone();
        loop {
            match chunk_at(bytes, hit) {
                // The separators of properties.
                Some([b'\\', b'u', b'0', b'0', b'0', b'1' | b'2']) => {}
                Some([b'"', ..]) => break,
                _ => match (bytes.get(hit), bytes.get(hit.saturating_add(1))) {
                    (Some(b'"'), _) => break,
                    (Some(_), Some(b'u')) if is_hex4(chunk_at(bytes, hit + 2)) => {}
                    (Some(_), Some(b'/' | b'b' | b'f' | b'n' | b'r' | b't')) => {}
                    // What is escaped is no end: step over it too.
                    (Some(_), Some(b'"' | b'\\')) => {
                        quotes.next();
                    }
                    (Some(_), _) => return self.stop_at(hit, "an escape is not valid"),
                    (None, _) => return self.stop_at(bytes.len(), "a string has no end"),
                },
            }
            hit = quotes.next();
        }
        self.quotes = quotes;
        self.at = hit + 1;
        Ok(hit)
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
                Some(b'\\') => return self.stop("a value is expected"),
                Some(_) => {}
                None => return self.stop("a nested value has no end"),
            }
            self.at += 1;
        }
    }
}

/// The bytes from `at` on, as many as the pattern has that they are compared with.
#[inline(always)]
fn chunk_at<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk()
}

fn is_hex4(digits: Option<&[u8; 4]>) -> bool {
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
