//! Values of header fields, as the generated types read them.
use crate::fields::HeaderError;
use crate::text::Text;

/// Longest part of a peer's value that an error repeats.
const SHOWN_CHARS_MAX: usize = 64;

/// An `int` of Java.
#[inline]
pub(crate) fn int(field: &'static str, value: Text<'_>) -> Result<i32, HeaderError> {
    let text = value.to_str();
    text.parse().map_err(|_| malformed(field, "a 32-bit integer", &text))
}

/// A `long` of Java.
#[inline]
pub(crate) fn long(field: &'static str, value: Text<'_>) -> Result<i64, HeaderError> {
    let text = value.to_str();
    text.parse().map_err(|_| malformed(field, "a 64-bit integer", &text))
}

/// `true` or `false` in any case. The C++ client writes numbers, and Java reads those as false; we
/// read what the sender means.
#[inline]
pub(crate) fn boolean(field: &'static str, value: Text<'_>) -> Result<bool, HeaderError> {
    let text = value.to_str();
    match &*text {
        "true" | "1" => Ok(true),
        "false" | "0" | "" => Ok(false),
        other if other.eq_ignore_ascii_case("true") => Ok(true),
        other if other.eq_ignore_ascii_case("false") => Ok(false),
        other => Err(malformed(field, "true or false", other)),
    }
}

/// The value of a field that must be there.
pub(crate) fn required<T>(field: &'static str, value: Option<T>) -> Result<T, HeaderError> {
    value.ok_or(HeaderError::Missing { field })
}

#[cold]
fn malformed(field: &'static str, expected: &'static str, value: &str) -> HeaderError {
    let value = value.chars().take(SHOWN_CHARS_MAX).collect();
    HeaderError::Malformed { field, expected, value }
}
