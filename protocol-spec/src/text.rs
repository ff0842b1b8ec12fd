//! A string of a header, not yet unescaped.
use std::borrow::Cow;

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

    /// The text, unescaped; borrowed when nothing had to change.
    pub fn to_str(self) -> Cow<'a, str> {
        unimplemented!()
    }

    /// Appends the unescaped bytes to `out` without a buffer between.
    pub fn append_to(self, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }
}
