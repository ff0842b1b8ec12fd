//! A frame that is written again and again with other values in the same places: the answers to
//! sends, which are all that a broker writes to a producer.
use std::ops::Range;

use bytes::{BufMut, BytesMut};

use crate::digits;
use crate::fields::EncodeHeader;
use crate::frame::{Head, PREFIX_BYTES, SerializeType, encode_head};
use crate::json_write;

/// A JSON frame without remark and body, of which the opaque and `N` fields change.
#[derive(Clone, Debug)]
pub struct FrameTemplate<const N: usize> {
    /// Of the frames that are like this one, save for the opaque.
    head: Head<'static>,
    /// What stands before each value that changes; the opaque is the last one.
    before: [Box<[u8]>; N],
    before_opaque: Box<[u8]>,
    after_opaque: Box<[u8]>,
    sample: Sample<N>,
}

/// A whole frame and where its values stand. One whose values are as long as these differs in
/// nothing else: it is a copy with other values, of which the lengths need not be written.
#[derive(Clone, Debug)]
struct Sample<const N: usize> {
    frame: BytesMut,
    values: [Range<usize>; N],
    opaque: Range<usize>,
}

/// What changes of a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place<'n> {
    /// All of the field with this name.
    Whole(&'n str),
    /// Its last sixteen characters, and it has no fewer.
    Last16(&'n str),
}

/// The value of what changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Changing<'a> {
    /// UTF-8; written as an empty text where it is not.
    Text(&'a [u8]),
    Number(i64),
    /// Written as sixteen hexadecimal digits.
    Hex(u64),
}

impl<const N: usize> FrameTemplate<N> {
    /// `changing`: what changes, in the order of `header`. `None` for heads with a remark or in
    /// binary, and where the header has not these fields in this order.
    pub fn new(
        head: &Head<'_>,
        header: &(impl EncodeHeader + ?Sized),
        changing: [Place<'_>; N],
    ) -> Option<Self> {
        if head.serialize != SerializeType::Json || head.remark.is_some() {
            return None;
        }
        let head = Head { opaque: 0, remark: None, ..*head };
        let mut frame = BytesMut::new();
        encode_head(&mut frame, &head, header, 0);
        let mut rest = str::from_utf8(frame.get(PREFIX_BYTES..)?).ok()?;
        // No value holds such a key: its quotes would be escaped.
        let mut cut = |key: &str, value_bytes: fn(&str) -> usize, changing_bytes_max: usize| {
            let value_at = rest.find(key)? + key.len();
            let end = value_at + value_bytes(rest.get(value_at..)?);
            let before = rest.get(..value_at.max(end.saturating_sub(changing_bytes_max)))?;
            rest = rest.get(end..)?;
            Some(before.as_bytes().into())
        };
        let mut before = [const { None }; N];
        for (before, place) in before.iter_mut().zip(changing) {
            let (name, changing_bytes_max) = match place {
                Place::Whole(name) => (name, usize::MAX),
                Place::Last16(name) => (name, 16),
            };
            *before = cut(&format!("\"{name}\":\""), string_bytes, changing_bytes_max);
        }
        let before_opaque = cut("\"opaque\":", |_| "0".len(), usize::MAX)?;
        let before: Vec<_> = before.into_iter().flatten().collect();
        let before = before.try_into().ok()?;
        let after_opaque = rest.as_bytes().into();
        let values = [const { 0..0 }; N];
        let sample = Sample { frame: BytesMut::new(), values, opaque: 0..0 };
        Some(Self { head, before, before_opaque, after_opaque, sample })
    }

    /// Whether a frame with this head is written as this one.
    #[inline]
    pub fn fits(&self, head: &Head<'_>) -> bool {
        Head { opaque: 0, ..*head } == self.head
    }

    /// Makes frames whose values are as long as these the ones that are appended fastest.
    pub fn expect(&mut self, opaque: i32, values: [Changing<'_>; N]) {
        let mut frame = std::mem::take(&mut self.sample.frame);
        if self.sample.replace(&mut frame, opaque, &values) {
            self.sample.frame = frame;
            return;
        }
        frame.clear();
        (self.sample.values, self.sample.opaque) = self.append_parts(&mut frame, opaque, values);
        self.sample.frame = frame;
    }

    /// Appends the frame that `encode_head` would, given a head that fits.
    #[inline]
    pub fn append_to(&self, out: &mut BytesMut, opaque: i32, values: [Changing<'_>; N]) {
        let start = out.len();
        out.extend_from_slice(&self.sample.frame);
        let copy = out.get_mut(start..).unwrap_or_default();
        if !self.sample.replace(copy, opaque, &values) {
            out.truncate(start);
            self.append_parts(out, opaque, values);
        }
    }

    /// Appends a frame whatever its values; where in the frame they stand.
    #[inline(never)]
    fn append_parts(
        &self,
        out: &mut BytesMut,
        opaque: i32,
        values: [Changing<'_>; N],
    ) -> ([Range<usize>; N], Range<usize>) {
        let start = out.len();
        out.reserve(512);
        out.put_u64(0);
        let mut places = [const { 0..0 }; N];
        for ((before, value), place) in self.before.iter().zip(values).zip(&mut places) {
            out.put_slice(before);
            let value_at = out.len();
            match value {
                Changing::Text(text) => {
                    json_write::escape(out, str::from_utf8(text).unwrap_or_default());
                }
                Changing::Number(number) => json_write::int(out, number),
                Changing::Hex(number) => out.put_slice(&digits::hex(number)),
            }
            *place = value_at - start..out.len() - start;
        }
        out.put_slice(&self.before_opaque);
        let opaque_at = out.len();
        json_write::int(out, i64::from(opaque));
        let opaque_place = opaque_at - start..out.len() - start;
        out.put_slice(&self.after_opaque);
        crate::frame::put_prefix(out, start, SerializeType::Json, 0);
        (places, opaque_place)
    }
}

impl<const N: usize> Sample<N> {
    /// Puts other values into a copy of the frame; false where one has another length.
    #[inline(always)]
    fn replace(&self, copy: &mut [u8], opaque: i32, values: &[Changing<'_>; N]) -> bool {
        let mut all = digits::fill(part_of(copy, &self.opaque), opaque.into());
        for (at, value) in self.values.iter().zip(values) {
            let place = part_of(copy, at);
            all &= match value {
                Changing::Number(number) => digits::fill(place, *number),
                Changing::Hex(number) => put(place, &digits::hex(*number)),
                Changing::Text(text) => put_plain(place, text),
            };
        }
        all
    }
}

/// Not into its caller, which it makes too large to keep its values in registers.
#[inline(never)]
fn put_plain(place: &mut [u8], text: &[u8]) -> bool {
    json_write::is_plain(text) && put(place, text)
}

#[inline(always)]
fn part_of<'f>(frame: &'f mut [u8], place: &Range<usize>) -> &'f mut [u8] {
    frame.get_mut(place.clone()).unwrap_or_default()
}

/// Writes `text` in the place of one that has the same length; false where it has not.
#[inline]
fn put(place: &mut [u8], text: &[u8]) -> bool {
    let fits = place.len() == text.len();
    if fits {
        place.copy_from_slice(text);
    }
    fits
}

/// Length of a string up to the quote that ends it.
fn string_bytes(value: &str) -> usize {
    let mut escaped = false;
    let end = value.bytes().position(|byte| {
        let is_end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        is_end
    });
    end.unwrap_or(value.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Language;
    use crate::field_writer::FieldWriter;
    use crate::frame::Flags;
    use proptest::prelude::*;

    const HEAD: Head<'static> = Head {
        serialize: SerializeType::Json,
        code: 0,
        language: Language::JAVA,
        version: 493,
        opaque: 7,
        flags: Flags::RESPONSE,
        remark: None,
    };

    const WHOLE: [Place<'static>; 2] = [Place::Whole("msgId"), Place::Whole("queueOffset")];

    struct Answer<'a>(&'a str, i64, &'a str);

    impl EncodeHeader for Answer<'_> {
        fn encode(&self, out: &mut FieldWriter<'_>) {
            out.str("msgId", self.0);
            out.int("queueOffset", self.1);
            out.str("region", self.2);
        }
    }

    proptest! {
        #[test]
        fn a_frame_from_a_template_is_the_one_encoded(
            taught in ".{0,9}", text in ".{0,70}", number in any::<i64>(), opaque in any::<i32>(),
            region in r#"[a-z"\\,}:]{0,9}"#,
        ) {
            let answer = Answer(&taught, 5, &region);
            let mut template =
                FrameTemplate::new(&HEAD, &answer, WHOLE).unwrap();
            let head = Head { opaque, ..HEAD };
            prop_assert!(template.fits(&head));
            let (mut expected, mut out) = (BytesMut::from("before"), BytesMut::from("before"));
            encode_head(&mut expected, &head, &Answer(&text, number, &region), 0);
            let values = [Changing::Text(text.as_bytes()), Changing::Number(number)];
            template.append_to(&mut out, opaque, values);
            prop_assert_eq!(&out, &expected);
            // The same lengths as the sample, other lengths, other values of the same lengths.
            template.expect(opaque, values);
            let others = [(text.clone(), number), (taught, 5), ("a".repeat(text.len()), number ^ 1)];
            for (text, number) in &others {
                let (mut expected, mut out) = (BytesMut::from("before"), BytesMut::from("before"));
                encode_head(&mut expected, &head, &Answer(text, *number, &region), 0);
                let values = [Changing::Text(text.as_bytes()), Changing::Number(*number)];
                template.append_to(&mut out, opaque, values);
                prop_assert_eq!(out, expected);
            }
        }
    }

    #[test]
    fn the_end_of_an_id_changes() {
        let id = |offset: &str| format!("7F00000100002A9F{offset}");
        let first = id("00000000000003E8");
        let mut template =
            FrameTemplate::new(&HEAD, &Answer(&first, 1, ""), [Place::Last16("msgId")]).unwrap();
        for number in [1000, 0x1234_5678_9ABC_DEF0, u64::MAX] {
            let (mut expected, mut out) = (BytesMut::new(), BytesMut::new());
            let text = id(&format!("{number:016X}"));
            encode_head(&mut expected, &HEAD, &Answer(&text, 1, ""), 0);
            template.append_to(&mut out, HEAD.opaque, [Changing::Hex(number)]);
            assert_eq!(out, expected);
            template.expect(HEAD.opaque, [Changing::Hex(0)]);
        }
    }

    #[test]
    fn heads_and_headers_of_another_kind_have_no_template() {
        let of = |head: &Head<'_>, places| FrameTemplate::new(head, &Answer("", 1, ""), places);
        let template = of(&HEAD, WHOLE).unwrap();
        let others = [
            Head { serialize: SerializeType::Binary, ..HEAD },
            Head { remark: Some("why"), ..HEAD },
            Head { code: 1, ..HEAD },
            Head { version: 1, ..HEAD },
        ];
        assert_eq!(others.map(|head| template.fits(&head)), [false; 4]);
        for head in &others[..2] {
            assert!(of(head, WHOLE).is_none());
        }
        let [id, offset] = WHOLE;
        assert!(of(&HEAD, [offset, id]).is_none(), "another order");
        assert!(of(&HEAD, [id, Place::Whole("queueId")]).is_none(), "no such field");
    }
}
