//! The JSON of a header, read in one pass without building a tree.
//!
//! Hand-written rather than on nom: the strings of a send header hold most of its bytes, and eight
//! of them are looked at per step here. Syntax is checked as far as the header needs it: quotes,
//! escapes and brackets must match, while the inside of a skipped nested value may be looser than
//! strict JSON, as fastjson's own reading is.
use crate::text::Text;

/// Deepest nesting of a skipped value. Chosen: Apache's headers are flat.
const DEPTH_MAX: u32 = 32;

/// Where and why the text is not a header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Malformed {
    pub reason: &'static str,
    pub at: usize,
}

/// One value: a string, the text of anything else, or null.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value<'a> {
    Null,
    String(Text<'a>),
    /// A number, `true`, `false`, or a nested value, as it stands.
    Other(&'a str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn fail<T>(&self, reason: &'static str) -> Result<T, Malformed> {
        Err(Malformed { reason, at: self.at })
    }

    /// The text between two positions the scanner has been at.
    pub fn span(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not whitespace, not consumed.
    pub fn peek_token(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Consumes `token` where it comes next, whitespace aside.
    pub fn take(&mut self, token: u8) -> bool {
        let found = self.peek_token() == Some(token);
        if found {
            self.at += 1;
        }
        found
    }

    /// `"name":` of the next member.
    pub fn key(&mut self) -> Result<Text<'a>, Malformed> {
        if self.peek_token() != Some(b'"') {
            return self.fail("a quoted key is expected");
        }
        let key = self.string()?;
        if !self.take(b':') {
            return self.fail("':' is expected");
        }
        Ok(key)
    }

    /// After a member: true where another follows, false where `}` closed the object.
    pub fn another_member(&mut self) -> Result<bool, Malformed> {
        match self.peek_token() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(b'}') => {
                self.at += 1;
                Ok(false)
            }
            _ => self.fail("',' or '}' is expected"),
        }
    }

    pub fn value(&mut self) -> Result<Value<'a>, Malformed> {
        match self.peek_token() {
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b'{' | b'[') => Ok(Value::Other(self.nested()?)),
            Some(_) => self.bare(),
            None => self.fail("a value is expected"),
        }
    }

    /// A string; the scanner stands on its opening quote.
    fn string(&mut self) -> Result<Text<'a>, Malformed> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut at = start;
        let mut escaped = false;
        loop {
            let Some(hit) = quote_or_backslash(bytes, at) else {
                self.at = bytes.len();
                return self.fail("a string has no end");
            };
            if bytes.get(hit) == Some(&b'"') {
                self.at = hit + 1;
                let raw = self.span(start, hit);
                return Ok(if escaped { Text::escaped(raw) } else { Text::plain(raw) });
            }
            escaped = true;
            at = hit
                + match bytes.get(hit + 1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                    Some(b'u') if is_hex4(bytes.get(hit + 2..hit + 6)) => 6,
                    _ => {
                        self.at = hit;
                        return self.fail("an escape is not valid");
                    }
                };
        }
    }

    /// A number, `true`, `false` or `null`.
    fn bare(&mut self) -> Result<Value<'a>, Malformed> {
        let start = self.at;
        while let Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'+' | b'.') = self.peek() {
            self.at += 1;
        }
        match self.span(start, self.at) {
            "null" => Ok(Value::Null),
            word @ ("true" | "false") => Ok(Value::Other(word)),
            word if is_number(word.as_bytes()) => Ok(Value::Other(word)),
            _ => {
                self.at = start;
                self.fail("a value is expected")
            }
        }
    }

    /// Skips an object or array and returns its text; the scanner stands on its opening bracket.
    fn nested(&mut self) -> Result<&'a str, Malformed> {
        let start = self.at;
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
                        return self.fail("a value is nested too deeply");
                    }
                    depth += 1;
                    objects = objects << 1 | u64::from(open == b'{');
                }
                Some(close @ (b'}' | b']')) => {
                    if objects & 1 != u64::from(close == b'}') {
                        return self.fail("brackets do not match");
                    }
                    depth -= 1;
                    objects >>= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Ok(self.span(start, self.at));
                    }
                }
                Some(_) => {}
                None => return self.fail("a nested value has no end"),
            }
            self.at += 1;
        }
    }
}

/// Position of the next `"` or `\` at or after `from`, eight bytes a step.
fn quote_or_backslash(bytes: &[u8], from: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (chunks, tail) = bytes.get(from..)?.as_chunks::<8>();
    let mut at = from;
    for chunk in chunks {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (LOW * b'"' as u64);
        let backslash = word ^ (LOW * b'\\' as u64);
        // The lowest set bit marks the first zero byte of either; higher ones may be false.
        let hit = ((quote.wrapping_sub(LOW) & !quote) | (backslash.wrapping_sub(LOW) & !backslash))
            & HIGH;
        if hit != 0 {
            return Some(at + hit.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    tail.iter().position(|byte| matches!(byte, b'"' | b'\\')).map(|found| at + found)
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

    #[test]
    fn nesting_past_the_limit_is_refused() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let limit = usize::try_from(DEPTH_MAX).unwrap_or(0);
        assert_eq!(Scanner::new(&deep(limit)).value(), Ok(Value::Other(deep(limit).as_str())));
        assert_eq!(
            Scanner::new(&deep(limit + 1)).value(),
            Err(Malformed { reason: "a value is nested too deeply", at: limit })
        );
    }

    #[test]
    fn brackets_must_match() {
        assert_eq!(
            Scanner::new("{]").value(),
            Err(Malformed { reason: "brackets do not match", at: 1 })
        );
        assert_eq!(Scanner::new(r#"{"a":["]"]}"#).value(), Ok(Value::Other(r#"{"a":["]"]}"#)));
    }
}
