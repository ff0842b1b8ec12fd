//! fastjson's dialect made strict, so that any JSON reader can go on from there.
//!
//! Apache's peers write, and their config files hold: unquoted and integer keys, whole objects as
//! keys (`{{"topic":"t"}:1}`), single quotes, trailing commas, `NaN`, and trailing NULs after a
//! crash. An object that is a key becomes a string that holds its text. Everything else stays as it
//! is; what is not JSON in either dialect is refused, not guessed at.
use std::fmt::Write as _;

/// Deepest nesting, objects in keys counted. Chosen: twice what any of Apache's bodies has, and
/// below what serde_json takes.
const DEPTH_MAX: usize = 64;

/// Why text is not JSON even in fastjson's dialect.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LenientJsonError {
    #[error("JSON is not valid: {reason} at byte {at}")]
    Syntax { reason: &'static str, at: usize },
    #[error("JSON is nested deeper than {DEPTH_MAX} levels at byte {at}")]
    Depth { at: usize },
    /// Keys inside keys double their escapes at every level.
    #[error("JSON grows past {bytes_max} bytes when made strict")]
    Output { bytes_max: usize },
}

/// Rewrites `input` as strict JSON. Bytes that are not UTF-8 become U+FFFD, as in Java.
pub fn normalize(input: &[u8]) -> Result<String, LenientJsonError> {
    let text = String::from_utf8_lossy(input);
    // Real bodies grow by a tenth; four times is far from any of them.
    let bytes_max = text.len() * 4 + 64;
    let mut normalizer = Normalizer {
        text: &text,
        at: 0,
        out: String::with_capacity(text.len() + text.len() / 8),
        bytes_max,
    };
    normalizer.value(0)?;
    match normalizer.token() {
        None => Ok(normalizer.out),
        Some(_) => normalizer.fail("text follows the value"),
    }
}

struct Normalizer<'a> {
    text: &'a str,
    at: usize,
    out: String,
    bytes_max: usize,
}

impl<'a> Normalizer<'a> {
    fn fail<T>(&self, reason: &'static str) -> Result<T, LenientJsonError> {
        Err(LenientJsonError::Syntax { reason, at: self.at })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that means something, not consumed. NULs are blank: they follow the text of a
    /// file that lost its end.
    fn token(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r' | 0) = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    fn span(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or("")
    }

    fn value(&mut self, depth: usize) -> Result<(), LenientJsonError> {
        match self.token() {
            Some(b'{') => self.object(depth + 1)?,
            Some(b'[') => self.array(depth + 1)?,
            Some(quote @ (b'"' | b'\'')) => self.string(quote)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => self.word()?,
            None => return self.fail("a value is expected"),
        }
        if self.out.len() > self.bytes_max {
            return Err(LenientJsonError::Output { bytes_max: self.bytes_max });
        }
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<(), LenientJsonError> {
        self.open('{', depth)?;
        let mut first = true;
        while self.another(b'}', "',' or '}' is expected", &mut first)? {
            self.key(depth)?;
            if self.token() != Some(b':') {
                return self.fail("':' is expected");
            }
            self.at += 1;
            self.out.push(':');
            self.value(depth)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), LenientJsonError> {
        self.open('[', depth)?;
        let mut first = true;
        while self.another(b']', "',' or ']' is expected", &mut first)? {
            self.value(depth)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn open(&mut self, bracket: char, depth: usize) -> Result<(), LenientJsonError> {
        if depth > DEPTH_MAX {
            return Err(LenientJsonError::Depth { at: self.at });
        }
        self.at += 1;
        self.out.push(bracket);
        Ok(())
    }

    /// True where another member follows, its comma written; false where `close` was consumed.
    fn another(
        &mut self,
        close: u8,
        expected: &'static str,
        first: &mut bool,
    ) -> Result<bool, LenientJsonError> {
        let mut commas = 0;
        while self.token() == Some(b',') {
            self.at += 1;
            commas += 1;
        }
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(first) {
            if commas == 0 {
                return self.fail(expected);
            }
            self.out.push(',');
        }
        Ok(true)
    }

    fn key(&mut self, depth: usize) -> Result<(), LenientJsonError> {
        match self.token() {
            Some(quote @ (b'"' | b'\'')) => self.string(quote),
            Some(b'{' | b'[') => {
                let start = self.out.len();
                self.value(depth)?;
                let key = self.out.split_off(start);
                self.out.push('"');
                for character in key.chars() {
                    // Strict JSON holds no other characters that a string must escape.
                    if matches!(character, '"' | '\\') {
                        self.out.push('\\');
                    }
                    self.out.push(character);
                }
                self.out.push('"');
                Ok(())
            }
            _ => {
                let name = self.bare();
                if name.is_empty() {
                    return self.fail("a key is expected");
                }
                self.out.push('"');
                self.out.push_str(name);
                self.out.push('"');
                Ok(())
            }
        }
    }

    /// A run of what names and numbers are made of.
    fn bare(&mut self) -> &'a str {
        let start = self.at;
        while let Some(
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'_'
            | b'$'
            | b'-'
            | b'+'
            | b'.'
            | b'@'
            | 0x80..,
        ) = self.peek()
        {
            self.at += 1;
        }
        self.span(start, self.at)
    }

    /// A number. Java's type suffixes (`1L`) are dropped.
    fn number(&mut self) -> Result<(), LenientJsonError> {
        let start = self.at;
        let number = self.bare();
        let digits = number.strip_suffix(['L', 'S', 'B', 'F', 'D']).unwrap_or(number);
        if !is_number(digits.as_bytes()) {
            self.at = start;
            return self.fail("a number is not valid");
        }
        self.out.push_str(digits);
        Ok(())
    }

    fn word(&mut self) -> Result<(), LenientJsonError> {
        let start = self.at;
        let strict = match self.bare() {
            word @ ("true" | "false" | "null") => word,
            "NaN" | "undefined" => "null",
            _ => {
                self.at = start;
                return self.fail("a value is expected");
            }
        };
        self.out.push_str(strict);
        Ok(())
    }

    /// A string in either kind of quotes, written in double ones.
    fn string(&mut self, quote: u8) -> Result<(), LenientJsonError> {
        self.at += 1;
        self.out.push('"');
        loop {
            let start = self.at;
            while self.peek().is_some_and(|b| b != quote && b != b'"' && b != b'\\' && b >= 0x20) {
                self.at += 1;
            }
            self.out.push_str(self.span(start, self.at));
            let Some(byte) = self.peek() else {
                return self.fail("a string has no end");
            };
            match byte {
                byte if byte == quote => break,
                b'\\' => self.escape()?,
                // A double quote in single quotes, or a control character that should be escaped.
                other => {
                    self.at += 1;
                    self.push_character(char::from(other));
                }
            }
        }
        self.at += 1;
        self.out.push('"');
        Ok(())
    }

    /// An escape; strict ones are kept, Java's others (`\'`, `\x41`, `\v`, `\0` to `\7`) replaced.
    fn escape(&mut self) -> Result<(), LenientJsonError> {
        let Some(kind) = self.text.as_bytes().get(self.at + 1).copied() else {
            return self.fail("a string has no end");
        };
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.out.push_str(self.span(self.at, self.at + 2));
            }
            b'\'' => self.out.push('\''),
            b'v' => self.push_character('\u{b}'),
            b'0'..=b'7' => self.push_character(char::from(kind - b'0')),
            b'x' => match self.hex(self.at + 2, 2).and_then(char::from_u32) {
                Some(character) => {
                    self.push_character(character);
                    self.at += 2;
                }
                None => return self.fail("an escape is not valid"),
            },
            b'u' => return self.unicode_escape(),
            _ => return self.fail("an escape is not valid"),
        }
        self.at += 2;
        Ok(())
    }

    /// `\uXXXX`, kept as it is; half a surrogate pair becomes U+FFFD, as strict readers refuse it.
    fn unicode_escape(&mut self) -> Result<(), LenientJsonError> {
        let Some(unit) = self.hex(self.at + 2, 4) else {
            return self.fail("an escape is not valid");
        };
        let pair = self.span(self.at + 6, self.at + 8) == "\\u"
            && matches!(self.hex(self.at + 8, 4), Some(0xDC00..=0xDFFF));
        let bytes = match unit {
            0xD800..=0xDBFF if pair => 12,
            0xD800..=0xDFFF => {
                self.out.push(char::REPLACEMENT_CHARACTER);
                self.at += 6;
                return Ok(());
            }
            _ => 6,
        };
        self.out.push_str(self.span(self.at, self.at + bytes));
        self.at += bytes;
        Ok(())
    }

    fn hex(&self, from: usize, digits: usize) -> Option<u32> {
        let text = self.text.get(from..from + digits)?;
        text.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(())?;
        u32::from_str_radix(text, 16).ok()
    }

    fn push_character(&mut self, character: char) {
        match character {
            '"' | '\\' => {
                self.out.push('\\');
                self.out.push(character);
            }
            '\0'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(self.out, "\\u{:04x}", u32::from(character));
            }
            _ => self.out.push(character),
        }
    }
}

/// JSON's grammar of numbers.
fn is_number(text: &[u8]) -> bool {
    let after_digits = |text: &[u8]| -> Option<usize> {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (digits > 0).then_some(digits)
    };
    let scan = || -> Option<bool> {
        let mut rest = text.strip_prefix(b"-").unwrap_or(text);
        let whole = after_digits(rest)?;
        if whole > 1 && rest.first() == Some(&b'0') {
            return None;
        }
        rest = rest.get(whole..)?;
        if let Some(fraction) = rest.strip_prefix(b".") {
            rest = fraction.get(after_digits(fraction)?..)?;
        }
        if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
            let sign = matches!(exponent.first(), Some(b'+' | b'-'));
            let digits = exponent.get(usize::from(sign)..)?;
            rest = digits.get(after_digits(digits)?..)?;
        }
        Some(rest.is_empty())
    };
    scan().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn read(input: &str) -> Value {
        let strict = normalize(input.as_bytes()).unwrap();
        serde_json::from_str(&strict).unwrap_or_else(|error| panic!("{error} in {strict}"))
    }

    #[test]
    fn integer_and_bare_keys_are_quoted() {
        assert_eq!(
            read(r#"{"offsetTable":{"T@g":{0:5,-1:6L}},dataVersion:{counter:1}}"#),
            json!({"offsetTable": {"T@g": {"0": 5, "-1": 6}}, "dataVersion": {"counter": 1}})
        );
    }

    #[test]
    fn an_object_as_a_key_becomes_a_string_of_its_text() {
        let strict = read(
            r#"{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"a\"b"}:{"maxOffset":9}}}"#,
        );
        let key = r#"{"brokerName":"b","queueId":0,"topic":"a\"b"}"#;
        assert_eq!(strict, json!({"offsetTable": {key: {"maxOffset": 9}}}));
        assert_eq!(read(key)["topic"], json!("a\"b"));
    }

    #[test]
    fn single_quotes_trailing_commas_and_java_escapes_are_made_strict() {
        assert_eq!(
            read(r#" ['a"b\'c', "\x41\v\7", [1,2,], {"a":NaN,}, '', "\ud83d\ude00", "\ud83dx"] "#),
            json!(["a\"b'c", "A\u{b}\u{7}", [1, 2], {"a": null}, "", "😀", "\u{fffd}x"])
        );
        assert_eq!(read("[\"a\tb\"]"), json!(["a\tb"]));
    }

    #[test]
    fn nuls_after_the_value_are_ignored() {
        assert_eq!(read("{\"a\":1}\0\0\0"), json!({"a": 1}));
    }

    #[test]
    fn what_is_not_json_is_refused_with_its_place() {
        let cases = [
            ("", "a value is expected", 0),
            ("{", "a key is expected", 1),
            ("{a}", "':' is expected", 2),
            ("{a:}", "a value is expected", 3),
            ("[1 2]", "',' or ']' is expected", 3),
            ("[1", "',' or ']' is expected", 2),
            ("\"a", "a string has no end", 2),
            ("\"\\q\"", "an escape is not valid", 1),
            ("\"\\u12\"", "an escape is not valid", 1),
            ("\"\\x+1\"", "an escape is not valid", 1),
            ("{} x", "text follows the value", 3),
            ("-", "a number is not valid", 0),
            ("[01]", "a number is not valid", 1),
            ("[1-2]", "a number is not valid", 1),
        ];
        for (input, reason, at) in cases {
            let refused = normalize(input.as_bytes());
            assert_eq!(refused, Err(LenientJsonError::Syntax { reason, at }), "{input}");
        }
    }

    #[test]
    fn depth_and_growth_are_bounded() {
        let deep = "[".repeat(65);
        assert_eq!(normalize(deep.as_bytes()), Err(LenientJsonError::Depth { at: 64 }));
        let keys = format!("{}'a'{}", "{".repeat(40), ":'a'}".repeat(40));
        let refused = normalize(keys.as_bytes());
        assert_eq!(refused, Err(LenientJsonError::Output { bytes_max: keys.len() * 4 + 64 }));
    }

    fn arbitrary_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn strict_json_keeps_its_meaning(value in arbitrary_json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(read(&text), value.clone());
            }
        }

        #[test]
        fn any_text_is_refused_or_made_strict(text in "[{}\\[\\]:,'\"\\\\ua01é \u{0}-]{0,40}") {
            if let Ok(strict) = normalize(text.as_bytes()) {
                let read = serde_json::from_str::<Value>(&strict);
                prop_assert!(read.is_ok(), "{:?} in {}", read, strict);
            }
        }
    }
}
