//! The shape of one header: its bytes, and the runs of them that differ from header to header.
use std::ops::Range;

use crate::code::Language;
use crate::digits;
use crate::field_order::Order;
use crate::find_byte::{equal, find_marked};
use crate::frame::{Flags, Frame, HeaderParts};
use crate::generated::hot;
use crate::json_scan::{Scanner, Stopped, Value};
use crate::shapes::literals;
use crate::spans::Spans;

#[derive(Debug)]
pub(super) struct Shape {
    /// The header that taught it.
    header: Box<[u8]>,
    /// Every run that may change, in order: the opaque, and the text of the fields' values between
    /// their escapes.
    runs: Vec<Run>,
    /// The runs that did change.
    holes: Vec<Hole>,
    /// After the last hole.
    tail: Range<usize>,
    /// What stands between the braces of `extFields`.
    fields: Range<usize>,
    spans: Spans,
    /// Where a request that comes with every message has its fields.
    order: Order,
    code: i32,
    language: Language,
    version: i32,
    flags: Flags,
}

#[derive(Clone, Debug)]
struct Run {
    place: Range<usize>,
    of: RunOf,
    changes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RunOf {
    Opaque,
    /// A value by its index among the fields.
    Value(usize),
}

/// A run that changes, after bytes that do not.
#[derive(Debug)]
struct Hole {
    literal: Range<usize>,
    bytes: usize,
    of: RunOf,
}

impl Shape {
    /// Sets what the header says of `frame`. False where the header has another shape; it is sound
    /// otherwise.
    #[inline]
    pub fn read<'a>(&self, header: &'a [u8], frame: &mut Frame<'a>) -> bool {
        if header.len() > Spans::TEXT_BYTES_MAX {
            return false;
        }
        let place = frame.fields.remember(self.spans, self.order);
        let Some((text, opaque)) = self.fit(header, place) else { return false };
        frame.fields.set_text(text);
        frame.code = self.code;
        frame.language = self.language;
        frame.version = self.version;
        frame.opaque = opaque;
        frame.flags = self.flags;
        frame.remark = None;
        true
    }

    /// Compares all but the holes; gives the text of the fields, and the opaque. `spans` become
    /// those of this header.
    #[inline]
    fn fit<'a>(&self, header: &'a [u8], spans: &mut Spans) -> Option<(&'a str, i32)> {
        let mut rest = header;
        let mut fields = self.fields.clone();
        let mut opaque = 0;
        for hole in &self.holes {
            rest = rest.strip_prefix(self.header.get(hole.literal.clone())?)?;
            let run_bytes = match hole.of {
                RunOf::Opaque => {
                    let (number, after) = digits::leading(rest)?;
                    opaque = i32::try_from(number).ok()?;
                    let digit_count = rest.len() - after.len();
                    if hole.literal.end < self.fields.start {
                        fields.start = fields.start + digit_count - hole.bytes;
                        fields.end = fields.end + digit_count - hole.bytes;
                    }
                    digit_count
                }
                RunOf::Value(index) => {
                    let run_bytes = run_bytes(rest)?;
                    if run_bytes != hole.bytes {
                        spans.resize(index, hole.bytes, run_bytes);
                        fields.end = fields.end + run_bytes - hole.bytes;
                    }
                    run_bytes
                }
            };
            rest = rest.get(run_bytes..)?;
        }
        if rest != self.header.get(self.tail.clone())? {
            return None;
        }
        // Around the fields there are digits, and bytes of a header that was UTF-8.
        Some((simdutf8::basic::from_utf8(header.get(fields)?).ok()?, opaque))
    }

    /// The shape of a header that was decoded to `parts`; `None` for unusual ones.
    pub fn of(header: &[u8], parts: &HeaderParts<'_>) -> Option<Self> {
        let spans = *parts.fields.spans().filter(|_| parts.remark.is_none())?;
        let mut runs = Vec::new();
        let fields = find_runs(str::from_utf8(header).ok()?, &mut runs).ok()??;
        let names = hot::names_of(parts.code).filter(|_| !parts.flags.is_response());
        let order =
            names.and_then(|names| Order::find(names, &parts.fields)).unwrap_or(Order::UNKNOWN);
        let mut shape = Self {
            header: header.into(),
            runs,
            holes: Vec::new(),
            tail: 0..0,
            fields,
            spans,
            order,
            code: parts.code,
            language: parts.language,
            version: parts.version,
            flags: parts.flags,
        };
        shape.find_holes();
        // Says the same of the header that taught it, or is of no use.
        let mut again = Frame::EMPTY;
        let same = shape.read(header, &mut again)
            && again.opaque == parts.opaque
            && again.fields.spans() == Some(&spans);
        same.then_some(shape)
    }

    /// Widens this shape so that `other` fits too; false where they differ outside the runs.
    pub fn admit(&mut self, other: &Self) -> bool {
        let same_runs = self.runs.len() == other.runs.len()
            && self.runs.iter().zip(&other.runs).all(|(mine, its)| mine.of == its.of);
        if !same_runs || !self.literals().eq(other.literals()) {
            return false;
        }
        for (mine, its) in self.runs.iter_mut().zip(&other.runs) {
            let (old, new) =
                (self.header.get(mine.place.clone()), other.header.get(its.place.clone()));
            mine.changes |= old != new;
        }
        self.find_holes();
        true
    }

    /// What stands before, between and after the runs.
    fn literals(&self) -> impl Iterator<Item = &[u8]> {
        literals(&self.header, self.runs.iter().map(|run| run.place.clone()))
    }

    fn find_holes(&mut self) {
        self.holes.clear();
        let mut at = 0;
        for run in self.runs.iter().filter(|run| run.changes) {
            let hole = Hole { literal: at..run.place.start, bytes: run.place.len(), of: run.of };
            self.holes.push(hole);
            at = run.place.end;
        }
        self.tail = at..self.header.len();
    }
}

/// Bytes before the next quote or escape.
#[inline]
fn run_bytes(rest: &[u8]) -> Option<usize> {
    find_marked(rest, |word| equal(word, b'"') | equal(word, b'\\'))
}

/// Collects the runs of a compact header in its usual form; gives the place of the fields' text.
fn find_runs(text: &str, runs: &mut Vec<Run>) -> Result<Option<Range<usize>>, Stopped> {
    let mut scanner = Scanner::new(text);
    let mut fields = None;
    let mut keys = Vec::new();
    scanner.take(b'{');
    loop {
        let (key, escaped) = scanner.key()?;
        // The last one of two would count, and a null among the fields is not remembered.
        if escaped || keys.contains(&key) {
            return Ok(None);
        }
        keys.push(key);
        match key {
            "opaque" => {
                let place = match scanner.value_place()? {
                    Some((place, false)) => place,
                    _ => return Ok(None),
                };
                let changes = true;
                runs.push(Run { place, of: RunOf::Opaque, changes });
            }
            "extFields" => fields = field_runs(&mut scanner, runs)?,
            _ => {
                if let Value::Null = scanner.value()? {
                    return Ok(None);
                }
            }
        }
        if !scanner.another_member()? {
            break;
        }
    }
    Ok(fields.filter(|_| keys.contains(&"opaque")))
}

fn field_runs(
    scanner: &mut Scanner<'_>,
    runs: &mut Vec<Run>,
) -> Result<Option<Range<usize>>, Stopped> {
    if !scanner.take(b'{') {
        return Ok(None);
    }
    let start = scanner.at();
    for index in 0.. {
        scanner.key()?;
        let Some((value, _)) = scanner.value_place()? else { return Ok(None) };
        value_runs(scanner.span(value.start, value.end), value.start, index, runs);
        if !scanner.another_member()? {
            break;
        }
    }
    Ok(Some(start..scanner.at() - 1))
}

/// The pieces of a value between its escapes, empty ones too.
fn value_runs(value: &str, value_at: usize, index: usize, runs: &mut Vec<Run>) {
    let bytes = value.as_bytes();
    let mut start = 0;
    loop {
        let rest = bytes.get(start..).unwrap_or(&[]);
        let length = rest.iter().position(|&byte| byte == b'\\').unwrap_or(rest.len());
        let place = value_at + start..value_at + start + length;
        runs.push(Run { place, of: RunOf::Value(index), changes: false });
        start += length;
        match bytes.get(start + 1) {
            Some(b'u') => start += 6,
            Some(_) => start += 2,
            None => return,
        }
    }
}
