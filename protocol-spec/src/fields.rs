//! Extension fields of a header: read in one pass, written without a map.
use std::borrow::Cow;
use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use crate::code::{Lane, RequestCode};
use crate::field_order::{Names, Order};
use crate::field_value::FieldValue;
use crate::frame::SerializeType;
use crate::json_scan::{Scanner, Stopped, Value};
use crate::json_write;
use crate::spans::{Gaps, Place, Spans};
use crate::text::Text;

/// The `extFields` of one frame, not yet parsed into a map. Copy: iterate as often as needed.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    whole: Whole<'a>,
    spans: Spans,
    order: Order,
}

/// What a header does with one field: its name and its value.
pub(crate) type EachField<'e, 'a> = dyn FnMut(&str, FieldValue<'a>) -> Result<(), HeaderError> + 'e;

/// The fields as they stand on the wire, syntax already checked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whole<'a> {
    /// What stands between the braces of `extFields`.
    Json(&'a str),
    /// int16 name length, name, int32 value length, value, repeated. Names and values are UTF-8.
    Binary(&'a [u8]),
}

impl<'a> Whole<'a> {
    #[inline]
    pub fn as_bytes(self) -> &'a [u8] {
        match self {
            Whole::Json(text) => text.as_bytes(),
            Whole::Binary(bytes) => bytes,
        }
    }

    /// The text at a place that the frame's decoder has been at.
    #[inline]
    pub fn text(self, place: Range<usize>) -> &'a str {
        let found = match self {
            Whole::Json(text) => text.get(place),
            Whole::Binary(bytes) => bytes.get(place).and_then(|text| str::from_utf8(text).ok()),
        };
        found.unwrap_or("")
    }

    #[inline]
    fn gaps(self) -> Gaps {
        match self {
            Whole::Json(_) => Gaps::JSON,
            Whole::Binary(_) => Gaps::BINARY,
        }
    }

    /// Empty values of a binary header are null to Apache.
    fn is_null(self, value: &Range<usize>) -> bool {
        matches!(self, Whole::Binary(_)) && value.is_empty()
    }
}

impl<'a> Fields<'a> {
    /// No fields at all.
    pub const NONE: Fields<'static> =
        Fields { whole: Whole::Json(""), spans: Spans::NONE, order: Order::UNKNOWN };

    /// Reads the object that comes next and checks every member, so that iterating cannot fail.
    #[inline]
    pub(crate) fn scan_json(scanner: &mut Scanner<'a>) -> Result<Self, Stopped> {
        if !scanner.take(b'{') {
            let at = scanner.at();
            return match scanner.value() {
                Ok(Value::Null) => Ok(Self::NONE),
                _ => scanner.stop_at(at, "extFields must be an object"),
            };
        }
        let start = scanner.at();
        let mut spans = Spans::NONE;
        if scanner.take(b'}') {
            return Ok(Self::NONE);
        }
        let place = |name: Range<usize>, value: Range<usize>, escaped| Place {
            name: name.start - start..name.end - start,
            value: value.start - start..value.end - start,
            escaped,
        };
        loop {
            scanner.plain_members(|name, value| {
                spans.push(Gaps::JSON, &place(name, value, false));
            });
            let (name, name_escaped) = scanner.key_place()?;
            match scanner.value_place()? {
                Some((value, escaped)) if !name_escaped => {
                    spans.push(Gaps::JSON, &place(name, value, escaped));
                }
                _ => spans.give_up(),
            }
            if !scanner.another_member()? {
                break;
            }
        }
        let text = scanner.span(start, scanner.at() - 1);
        Ok(Self::remembered(text, spans, Order::UNKNOWN))
    }

    /// JSON whose places are known already.
    #[inline]
    pub(crate) fn remembered(text: &'a str, spans: Spans, order: Order) -> Self {
        Self { whole: Whole::Json(text), spans, order }
    }

    /// The places of the fields, where all of them are remembered.
    pub(crate) fn spans(&self) -> Option<&Spans> {
        Some(&self.spans).filter(|spans| spans.complete())
    }

    /// Checks every entry of a binary header; `None` where one is cut short or not UTF-8.
    pub(crate) fn check_binary(bytes: &'a [u8]) -> Option<Self> {
        let mut spans = Spans::NONE;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (name, value, after) = binary_entry(rest)?;
            let value_end = bytes.len() - after.len();
            let value_at = value_end - value.len();
            let name_end = value_at - 4;
            let place = Place {
                name: name_end - name.len()..name_end,
                value: value_at..value_end,
                escaped: false,
            };
            spans.push(Gaps::BINARY, &place);
            rest = after;
        }
        Some(Self { whole: Whole::Binary(bytes), spans, order: Order::UNKNOWN })
    }

    /// Every field in wire order. The syntax was checked when the frame was decoded. Fields that
    /// are null are left out: JSON's `null`, and empty values of a binary header, which Apache
    /// reads as null.
    pub fn iter(self) -> FieldIter<'a> {
        let rest = match self.whole {
            _ if self.spans.complete() => Rest::Places { index: 0, end: 0 },
            Whole::Json(text) => Rest::Json(Scanner::new(text)),
            Whole::Binary(bytes) => Rest::Binary(bytes),
        };
        FieldIter { fields: self, rest }
    }

    /// Calls `each` with name and value of every field that `iter` gives.
    pub(crate) fn for_each(&self, each: &mut EachField<'_, 'a>) -> Result<(), HeaderError> {
        for (name, value) in self.iter() {
            let value = FieldValue::of_text(value);
            match name.as_plain() {
                Some(name) => each(name, value)?,
                None => each(&name.to_str(), value)?,
            }
        }
        Ok(())
    }

    /// Index and name of every field, and whether it is null, where the places are known.
    pub(crate) fn for_each_place(&self, mut each: impl FnMut(usize, &[u8], bool)) {
        let (mut index, mut end) = (0, 0);
        while let Some(place) = self.spans.place(self.whole.gaps(), index, end) {
            end = place.value.end;
            let name = self.whole.as_bytes().get(place.name).unwrap_or(&[]);
            each(index, name, self.whole.is_null(&place.value));
            index += 1;
        }
    }

    /// Where the fields of a type stand; `None` in an unusual header.
    #[inline]
    pub(crate) fn order(&self, names: &Names) -> Option<Order> {
        if self.order.is_of(names) { Some(self.order) } else { Order::find(names, self) }
    }

    /// The field that an order has in this slot.
    #[inline(always)]
    pub(crate) fn at(&self, order: &Order, slot: usize) -> Option<FieldValue<'a>> {
        let (place, escaped) = self.spans.value(order.index(slot))?;
        Some(FieldValue::new(self.whole, place, escaped))
    }

    /// One field by its wire name; `None` where absent or null. The last one wins where a peer
    /// repeats a name, as in Apache's map.
    pub fn find(self, name: &str) -> Option<Cow<'a, str>> {
        self.find_text(name).map(Text::to_str)
    }

    /// As `find`, not yet unescaped.
    pub fn find_text(self, name: &str) -> Option<Text<'a>> {
        let mut found = None;
        for (field, value) in self.iter() {
            if field.is(name) {
                found = Some(value);
            }
        }
        found
    }
}

impl<'a> IntoIterator for Fields<'a> {
    type Item = (Text<'a>, Text<'a>);
    type IntoIter = FieldIter<'a>;

    fn into_iter(self) -> FieldIter<'a> {
        self.iter()
    }
}

/// Iterator over `(name, value)` pairs.
#[derive(Clone, Debug)]
pub struct FieldIter<'a> {
    fields: Fields<'a>,
    rest: Rest<'a>,
}

#[derive(Clone, Debug)]
enum Rest<'a> {
    /// The index of the next field, and where the value before it ended.
    Places {
        index: usize,
        end: usize,
    },
    Json(Scanner<'a>),
    Binary(&'a [u8]),
}

impl<'a> Iterator for FieldIter<'a> {
    type Item = (Text<'a>, Text<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let Fields { whole, spans, .. } = &self.fields;
        match &mut self.rest {
            Rest::Places { index, end } => loop {
                let place = spans.place(whole.gaps(), *index, *end)?;
                *index += 1;
                *end = place.value.end;
                if !whole.is_null(&place.value) {
                    let name = Text::plain(whole.text(place.name));
                    return Some((name, Text::new(whole.text(place.value), place.escaped)));
                }
            },
            Rest::Json(scanner) => next_json(scanner),
            Rest::Binary(rest) => next_binary(rest),
        }
    }
}

fn next_json<'a>(scanner: &mut Scanner<'a>) -> Option<(Text<'a>, Text<'a>)> {
    loop {
        scanner.token()?;
        let (name, name_escaped) = scanner.key().ok()?;
        let value = scanner.raw_value().ok()?;
        scanner.take(b',');
        if let Some((value, escaped)) = value {
            return Some((Text::new(name, name_escaped), Text::new(value, escaped)));
        }
    }
}

fn next_binary<'a>(rest: &mut &'a [u8]) -> Option<(Text<'a>, Text<'a>)> {
    loop {
        let (name, value, after) = binary_entry(rest)?;
        *rest = after;
        if !value.is_empty() {
            return Some((Text::plain(name), Text::plain(value)));
        }
    }
}

/// Name, value and what follows of the entry at the start of `raw`.
fn binary_entry(raw: &[u8]) -> Option<(&str, &str, &[u8])> {
    let (name_bytes, raw) = raw.split_first_chunk::<2>()?;
    let (name, raw) = raw.split_at_checked(usize::from(u16::from_be_bytes(*name_bytes)))?;
    let (value_bytes, raw) = raw.split_first_chunk::<4>()?;
    let value_bytes = usize::try_from(u32::from_be_bytes(*value_bytes)).ok()?;
    let (value, after) = raw.split_at_checked(value_bytes)?;
    Some((str::from_utf8(name).ok()?, str::from_utf8(value).ok()?, after))
}

/// Why a header was refused. Displays as one sentence that names the field, the value and the
/// limit.
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

/// Slices of pairs are headers too.
impl EncodeHeader for [(&str, &str)] {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self {
            out.str(name, value);
        }
    }
}

/// Passes on the fields of another frame, for relays.
impl EncodeHeader for Fields<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self.iter() {
            out.text(&name.to_str(), value);
        }
    }
}

/// Fields written once, for headers that share them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EncodedFields {
    bytes: Bytes,
    serialize: SerializeType,
}

impl EncodedFields {
    pub fn new(serialize: SerializeType, header: &(impl EncodeHeader + ?Sized)) -> Self {
        let mut bytes = BytesMut::new();
        header.encode(&mut FieldWriter::new(&mut bytes, serialize));
        Self { bytes: bytes.freeze(), serialize }
    }
}

/// Appends fields to a frame under construction, in the form of its serialize type.
///
/// Names are ours: at most 32 767 bytes. Values are bounded by the 16 MiB that a header can have.
#[derive(Debug)]
pub struct FieldWriter<'o> {
    out: &'o mut BytesMut,
    serialize: SerializeType,
    first: bool,
}

impl<'o> FieldWriter<'o> {
    pub(crate) fn new(out: &'o mut BytesMut, serialize: SerializeType) -> Self {
        Self { out, serialize, first: true }
    }

    /// The form that is written.
    pub fn serialize(&self) -> SerializeType {
        self.serialize
    }

    pub fn str(&mut self, name: &str, value: &str) {
        self.value(name, value.len(), |out, serialize| match serialize {
            SerializeType::Json => json_write::escape(out, value),
            SerializeType::Binary => out.put_slice(value.as_bytes()),
        });
    }

    /// Writes a value as it came, without unescaping it where both sides speak JSON.
    pub fn text(&mut self, name: &str, value: Text<'_>) {
        match (self.serialize, value.as_escaped()) {
            (SerializeType::Json, Some(escaped)) => self.plain(name, escaped),
            _ => self.str(name, &value.to_str()),
        }
    }

    pub fn int(&mut self, name: &str, value: i64) {
        let mut digits = itoa::Buffer::new();
        self.plain(name, digits.format(value));
    }

    /// Writes fields that were encoded before.
    ///
    /// Panics where they were encoded for the other form of header.
    pub fn encoded(&mut self, fields: &EncodedFields) {
        assert_eq!(fields.serialize, self.serialize, "fields of the other form");
        if fields.bytes.is_empty() {
            return;
        }
        if self.serialize == SerializeType::Json && !std::mem::take(&mut self.first) {
            self.out.put_u8(b',');
        }
        self.out.put_slice(&fields.bytes);
    }

    /// Writes one value that stands in several places.
    pub fn texts(&mut self, name: &str, parts: &[Text<'_>]) {
        let value_bytes = match self.serialize {
            SerializeType::Json => 0,
            SerializeType::Binary => parts.iter().map(|part| part.unescaped_bytes()).sum(),
        };
        self.value(name, value_bytes, |out, serialize| {
            for part in parts {
                match (serialize, part.as_escaped()) {
                    (SerializeType::Json, Some(escaped)) => out.put_slice(escaped.as_bytes()),
                    (SerializeType::Json, None) => json_write::escape(out, &part.to_str()),
                    (SerializeType::Binary, _) => out.put_slice(part.to_str().as_bytes()),
                }
            }
        });
    }

    pub fn bool(&mut self, name: &str, value: bool) {
        self.plain(name, if value { "true" } else { "false" });
    }

    /// A value that needs no escape, or has been escaped.
    fn plain(&mut self, name: &str, value: &str) {
        self.value(name, value.len(), |out, _| out.put_slice(value.as_bytes()));
    }

    fn value(
        &mut self,
        name: &str,
        value_bytes: usize,
        write: impl FnOnce(&mut BytesMut, SerializeType),
    ) {
        self.out.reserve(name.len() + value_bytes + 6);
        match self.serialize {
            SerializeType::Json => {
                self.out.put_slice(if self.first { b"\"" } else { b",\"" });
                self.first = false;
                json_write::escape(self.out, name);
                self.out.put_slice(b"\":\"");
                write(self.out, self.serialize);
                self.out.put_u8(b'"');
            }
            SerializeType::Binary => {
                let (name_length, value_length) =
                    (i16::try_from(name.len()), i32::try_from(value_bytes));
                let (Ok(name_length), Ok(value_length)) = (name_length, value_length) else {
                    debug_assert!(false, "a field is too long for a binary header");
                    return;
                };
                self.out.put_i16(name_length);
                self.out.put_slice(name.as_bytes());
                self.out.put_i32(value_length);
                write(self.out, self.serialize);
            }
        }
    }
}
