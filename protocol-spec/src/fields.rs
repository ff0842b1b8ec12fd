//! Extension fields of a header: read in one pass, written without a map.
use std::borrow::Cow;
use std::ops::Range;

use bytes::BytesMut;

use crate::code::{Lane, RequestCode};
use crate::field_order::{Names, Order};
use crate::field_value::FieldValue;
use crate::field_writer::FieldWriter;
use crate::frame::Head;
use crate::json_scan::{Scanner, Stopped, Value};
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
        Ok(Self { whole: Whole::Json(text), spans, order: Order::UNKNOWN })
    }

    /// Puts known places there, to be corrected before `set_text`.
    #[inline]
    pub(crate) fn remember(&mut self, spans: Spans, order: Order) -> &mut Spans {
        self.order = order;
        self.spans = spans;
        &mut self.spans
    }

    /// The JSON that the places are in.
    #[inline]
    pub(crate) fn set_text(&mut self, text: &'a str) {
        self.whole = Whole::Json(text);
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

    /// Where the fields of a type stand, in `found` where that was not known; `None` in an unusual
    /// header.
    #[inline]
    pub(crate) fn order<'o>(&'o self, names: &Names, found: &'o mut Order) -> Option<&'o Order> {
        if self.order.is_of(names) {
            return Some(&self.order);
        }
        *found = Order::find(names, self)?;
        Some(found)
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

    fn decode<'a>(fields: &Fields<'a>) -> Result<Self::View<'a>, HeaderError>;
}

/// A header that can be written: generated requests (`*Header<'_>`), responses, and `()` for none.
pub trait EncodeHeader {
    fn encode(&self, out: &mut FieldWriter<'_>);

    /// Appends the whole frame, without a body, where the header has a `FrameTemplate` that fits;
    /// false where it has not.
    fn encode_frame(&self, _out: &mut BytesMut, _head: &Head<'_>) -> bool {
        false
    }
}

impl EncodeHeader for () {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Slices of pairs are headers too.
impl EncodeHeader for [(&str, &str)] {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self {
            out.pair(name, Text::plain(value));
        }
    }
}

/// Passes on the fields of another frame, for relays.
impl EncodeHeader for Fields<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        for (name, value) in self.iter() {
            out.pair(&name.to_str(), value);
        }
    }
}
