//! Extension fields of a header: read in one pass, written without a map.
use std::borrow::Cow;

use bytes::BytesMut;

use crate::code::{Lane, RequestCode};
use crate::frame::SerializeType;
use crate::text::Text;

/// The `extFields` of one frame, not yet parsed into a map. Copy: iterate as often as needed.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    raw: &'a [u8],
    serialize: SerializeType,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(raw: &'a [u8], serialize: SerializeType) -> Self {
        Self { raw, serialize }
    }

    /// Every field in wire order. The syntax was checked when the frame was decoded.
    pub fn iter(self) -> FieldIter<'a> {
        let _ = (self.raw, self.serialize);
        unimplemented!()
    }

    /// One field by its wire name; `None` where absent or JSON null.
    pub fn find(self, _name: &str) -> Option<Cow<'a, str>> {
        unimplemented!()
    }
}

/// Iterator over `(name, value)` pairs.
#[derive(Debug)]
pub struct FieldIter<'a> {
    rest: Fields<'a>,
}

impl<'a> Iterator for FieldIter<'a> {
    type Item = (Text<'a>, Text<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let _ = self.rest;
        unimplemented!()
    }
}

/// Why a header was refused. Displays as one sentence that names the field, the value and the limit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("required field '{field}' is missing")]
    Missing { field: &'static str },
    #[error("field '{field}' must be {expected}, got '{value}'")]
    Malformed { field: &'static str, expected: &'static str, value: String },
}

/// A request as a route knows it: its code, lane and how to decode its header. Generated types
/// (`generated::request::PullMessage` …) implement it; `View` borrows from the frame.
pub trait RequestHeader: 'static {
    const CODE: RequestCode;
    const NAME: &'static str;
    const LANE: Lane;
    type View<'a>;

    fn decode(fields: Fields<'_>) -> Result<Self::View<'_>, HeaderError>;
}

/// A header that can be written: generated requests (`*Header<'_>`), responses, and `()` for none.
pub trait EncodeHeader {
    fn encode(&self, out: &mut FieldWriter<'_>);
}

impl EncodeHeader for () {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Writes fields in the form of the frame's serialize type. Slices of pairs are headers too.
impl EncodeHeader for [(&str, &str)] {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self {
            out.str(name, value);
        }
    }
}

/// Appends fields to a frame under construction.
#[derive(Debug)]
pub struct FieldWriter<'o> {
    out: &'o mut BytesMut,
    serialize: SerializeType,
}

impl<'o> FieldWriter<'o> {
    pub(crate) fn new(out: &'o mut BytesMut, serialize: SerializeType) -> Self {
        Self { out, serialize }
    }

    pub fn str(&mut self, _name: &str, _value: &str) {
        let _ = (&self.out, self.serialize);
        unimplemented!()
    }

    pub fn int(&mut self, _name: &str, _value: i64) {
        unimplemented!()
    }

    pub fn bool(&mut self, _name: &str, _value: bool) {
        unimplemented!()
    }
}
