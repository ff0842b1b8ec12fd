//! Values of header fields, as the generated types read them.
use std::borrow::Cow;
use std::ops::Range;

use crate::digits;
use crate::fields::{HeaderError, Whole};
use crate::text::Text;

/// One field's value, cut out of the header only as far as it is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldValue<'a> {
    whole: Whole<'a>,
    at: usize,
    end: usize,
    escaped: bool,
}

impl<'a> FieldValue<'a> {
    #[inline(always)]
    pub fn new(whole: Whole<'a>, Range { start: at, end }: Range<usize>, escaped: bool) -> Self {
        Self { whole, at, end, escaped }
    }

    pub fn of_text(text: Text<'a>) -> Self {
        let (raw, escaped) = text.as_it_stands();
        Self { whole: Whole::Json(raw), at: 0, end: raw.len(), escaped }
    }

    /// The value as it stands.
    #[inline(always)]
    fn raw(self) -> &'a [u8] {
        self.whole.as_bytes().get(self.at..self.end).unwrap_or(&[])
    }

    /// An `int` of Java.
    #[inline(always)]
    pub fn int(self) -> Option<i32> {
        i32::try_from(self.long()?).ok()
    }

    /// A `long` of Java.
    #[inline(always)]
    pub fn long(self) -> Option<i64> {
        let raw = self.raw();
        match digits::unsigned(raw) {
            Some(number) => Some(number),
            None => unusual_long(raw, self.escaped),
        }
    }

    /// `true` or `false` in any case. The C++ client writes numbers, and Java reads those as false;
    /// we read what the sender means.
    #[inline(always)]
    pub fn boolean(self) -> Option<bool> {
        match self.raw() {
            b"false" => Some(false),
            b"true" => Some(true),
            raw => unusual_boolean(raw, self.escaped),
        }
    }

    /// The value, not yet unescaped.
    #[inline]
    pub fn text(self) -> Text<'a> {
        Text::new(self.whole.text(self.at..self.end), self.escaped)
    }

    /// The value, unescaped.
    #[inline]
    pub fn to_str(self) -> Cow<'a, str> {
        self.text().to_str()
    }
}

// These take the value in registers: a `FieldValue` would be written to memory for each field, for
// a call that is never made.

/// A number with a sign, many zeros or escapes, or none at all.
#[inline(never)]
fn unusual_long(raw: &[u8], escaped: bool) -> Option<i64> {
    Text::new(str::from_utf8(raw).ok()?, escaped).to_str().parse().ok()
}

#[inline(never)]
fn unusual_boolean(raw: &[u8], escaped: bool) -> Option<bool> {
    match &*Text::new(str::from_utf8(raw).ok()?, escaped).to_str() {
        "1" => Some(true),
        "0" | "" => Some(false),
        other if other.eq_ignore_ascii_case("true") => Some(true),
        other if other.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Longest part of a peer's value that an error repeats.
const SHOWN_CHARS_MAX: usize = 64;

/// An `int` of Java.
pub(crate) fn int(field: &'static str, value: FieldValue<'_>) -> Result<i32, HeaderError> {
    value.int().ok_or_else(|| malformed(field, "a 32-bit integer", value))
}

/// A `long` of Java.
pub(crate) fn long(field: &'static str, value: FieldValue<'_>) -> Result<i64, HeaderError> {
    value.long().ok_or_else(|| malformed(field, "a 64-bit integer", value))
}

/// `true` or `false`.
pub(crate) fn boolean(field: &'static str, value: FieldValue<'_>) -> Result<bool, HeaderError> {
    value.boolean().ok_or_else(|| malformed(field, "true or false", value))
}

/// The value of a field that must be there.
pub(crate) fn required<T>(field: &'static str, value: Option<T>) -> Result<T, HeaderError> {
    value.ok_or(HeaderError::Missing { field })
}

#[cold]
fn malformed(field: &'static str, expected: &'static str, value: FieldValue<'_>) -> HeaderError {
    let value = value.to_str().chars().take(SHOWN_CHARS_MAX).collect();
    HeaderError::Malformed { field, expected, value }
}
