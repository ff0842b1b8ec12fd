//! Where the fields of a header stand, left behind by the scan of the frame so that the typed
//! header needs none of its own.
use std::ops::Range;

/// Fields that are remembered; a header with more is scanned again. Chosen: a send has 13 or 14.
const SPANS_MAX: usize = 16;

/// Longest value that is remembered.
const VALUE_BYTES_MAX: usize = 0x7FFF;

/// Bytes around names and values, which are the same everywhere in a header of the usual form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Gaps {
    before_name: usize,
    before_value: usize,
    after_value: usize,
}

impl Gaps {
    /// `"name":"value",`
    pub const JSON: Self = Self { before_name: 1, before_value: 3, after_value: 2 };
    /// int16 and name, int32 and value.
    pub const BINARY: Self = Self { before_name: 2, before_value: 4, after_value: 0 };
}

/// One value in one word: a struct would be written in parts and read as a whole, which stalls.
/// From the lowest bit: its place (16), its bytes (15), whether it has escapes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Span(u32);

impl Span {
    /// Both have been checked to fit.
    #[inline]
    fn new(at: usize, bytes: usize, escaped: bool) -> Self {
        let place = u32::try_from(at & 0xFFFF | (bytes & VALUE_BYTES_MAX) << 16).unwrap_or(0);
        Self(place | u32::from(escaped) << 31)
    }

    fn at(self) -> usize {
        self.0 as usize & 0xFFFF
    }

    fn bytes(self) -> usize {
        (self.0 >> 16) as usize & VALUE_BYTES_MAX
    }

    fn escaped(self) -> bool {
        self.0 >> 31 != 0
    }
}

/// The fields of one header in wire order, all of the usual form: with nothing but the gaps between
/// them, so that the names follow from the values' places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spans {
    /// `u32::MAX` where a field is of another form, or too many.
    count: u32,
    /// After the last value.
    end: u32,
    list: [Span; SPANS_MAX],
}

/// The parts of one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub name: Range<usize>,
    pub value: Range<usize>,
    pub escaped: bool,
}

impl Spans {
    /// Text of this length has all its fields in reach.
    pub const TEXT_BYTES_MAX: usize = VALUE_BYTES_MAX;

    pub const NONE: Self = Self { count: 0, end: 0, list: [Span(0); SPANS_MAX] };

    /// Adds a field.
    #[inline]
    pub fn push(&mut self, gaps: Gaps, Place { name, value, escaped }: &Place) {
        let after_value = if self.count == 0 { 0 } else { gaps.after_value };
        let usual = name.start == self.end as usize + after_value + gaps.before_name
            && value.start == name.end + gaps.before_value
            && value.start <= 0xFFFF
            && value.len() <= VALUE_BYTES_MAX;
        match self.list.get_mut(self.count as usize) {
            Some(place) if usual => {
                *place = Span::new(value.start, value.len(), *escaped);
                self.count += 1;
                self.end = u32::try_from(value.end).unwrap_or(u32::MAX);
            }
            _ => self.give_up(),
        }
    }

    /// A field of another form has come.
    #[inline]
    pub fn give_up(&mut self) {
        self.count = u32::MAX;
    }

    /// A run inside the value of this index has got another length. The text must stay within
    /// `TEXT_BYTES_MAX`: then no part of a span carries into the next.
    #[inline(never)] // or its caller holds all spans in registers, for nothing in most headers
    pub fn resize(&mut self, index: usize, old_bytes: usize, new_bytes: usize) {
        let change = low_32_bits(new_bytes).wrapping_sub(low_32_bits(old_bytes));
        // All of them, without a branch: four a step.
        for (place, span) in (0..).zip(&mut self.list) {
            let later = if place > low_32_bits(index) { change } else { 0 };
            let this = if place == low_32_bits(index) { change << 16 } else { 0 };
            span.0 = span.0.wrapping_add(later).wrapping_add(this);
        }
        self.end = self.end.wrapping_add(change);
    }

    /// The value of this index, and whether it has escapes.
    #[inline(always)]
    pub fn value(&self, index: usize) -> Option<(Range<usize>, bool)> {
        let span = self.list.get(index)?;
        Some((span.at()..span.at() + span.bytes(), span.escaped()))
    }

    /// True where every field is remembered.
    #[inline]
    pub fn complete(&self) -> bool {
        self.count as usize <= SPANS_MAX
    }

    /// The field of this index, after one whose value ended at `end`; `None` after the last one.
    #[inline(always)]
    pub fn place(&self, gaps: Gaps, index: usize, end: usize) -> Option<Place> {
        let span = self.list.get(index).filter(|_| index < self.count as usize)?;
        let after_value = if index == 0 { 0 } else { gaps.after_value };
        let name_at = end + after_value + gaps.before_name;
        let name = name_at..span.at().wrapping_sub(gaps.before_value);
        Some(Place { name, value: span.at()..span.at() + span.bytes(), escaped: span.escaped() })
    }
}

/// All of a length within `TEXT_BYTES_MAX`.
fn low_32_bits(length: usize) -> u32 {
    u32::try_from(length & 0xFFFF_FFFF).unwrap_or(0)
}
