//! The shape of one message's properties: their text, what became of it, and the values that
//! differ from message to message.
use std::ops::Range;

use remora_protocol::Text;
use remora_protocol::properties::{value_bytes, value_places};
use remora_protocol::shapes::literals;

use crate::message_properties::{Added, Meaning, Prepared, prepare};

/// Properties with more values that may change are not remembered.
const VALUES_MAX: usize = 32;

#[derive(Debug)]
pub(super) struct Shape {
    /// The text that taught it.
    text: Box<[u8]>,
    escaped: bool,
    /// Every value that may change, in order.
    values: Vec<Value>,
    /// The values that did change.
    holes: Vec<Hole>,
    /// After the last hole.
    tail: Range<usize>,
    /// What the text taken last says.
    prepared: Prepared,
}

/// A value that reads as it stands and means the same whatever it is; not empty.
#[derive(Clone, Debug)]
struct Value {
    /// In the text.
    place: Range<usize>,
    /// In the properties.
    prepared_at: usize,
    changes: bool,
}

/// A value that changes, after bytes that do not.
#[derive(Debug)]
struct Hole {
    literal: Range<usize>,
    /// The value in the text that is being taken.
    value: Range<usize>,
    /// The value in the properties taken last.
    place: Range<usize>,
}

impl Shape {
    #[inline]
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// Makes `prepared` what the properties say. False, and nothing is done, where they have
    /// another shape.
    #[inline]
    pub fn take(&mut self, properties: Text<'_>) -> bool {
        let (raw, escaped) = properties.as_it_stands();
        if escaped != self.escaped || self.find_values(raw.as_bytes()).is_none() {
            return false;
        }
        if self.holes.iter().any(|hole| hole.place.len() != hole.value.len()) {
            self.make_room();
        }
        for hole in &self.holes {
            if let Some(value) = raw.as_bytes().get(hole.value.clone())
                && let Some(place) = self.prepared.properties.get_mut(hole.place.clone())
                && place.len() == value.len()
            {
                place.copy_from_slice(value);
            }
        }
        true
    }

    /// Finds the value of every hole; `None` where the text does not fit.
    #[inline]
    fn find_values(&mut self, raw: &[u8]) -> Option<()> {
        let mut rest = raw;
        for hole in &mut self.holes {
            rest = rest.strip_prefix(self.text.get(hole.literal.clone())?)?;
            let at = raw.len() - rest.len();
            let bytes = value_bytes(rest);
            // One without a value does not count, and says nothing of the one before it.
            if bytes == 0 {
                return None;
            }
            hole.value = at..at + bytes;
            rest = rest.get(bytes..)?;
        }
        (rest == self.text.get(self.tail.clone())?).then_some(())
    }

    /// Makes the place of every hole as long as its value.
    #[inline(never)]
    fn make_room(&mut self) {
        for index in 0..self.holes.len() {
            let Some(Hole { value, place: Range { start, end }, .. }) = self.holes.get(index)
            else {
                return;
            };
            let (start, end, bytes) = (*start, *end, value.len());
            self.prepared.properties.splice(start..end, std::iter::repeat_n(0, bytes));
            let shifted = |at: usize| at + bytes - (end - start);
            let moved = |place: &mut Range<usize>| {
                if place.start == start {
                    place.end = start + bytes;
                } else if place.start > start {
                    *place = shifted(place.start)..shifted(place.end);
                }
            };
            let Prepared { unique_id, tags, keys, delay, .. } = &mut self.prepared;
            [unique_id, tags, keys, delay].into_iter().for_each(moved);
            self.holes.iter_mut().map(|hole| &mut hole.place).for_each(moved);
        }
    }

    /// The shape of properties that were not refused; `None` for unusual ones.
    pub fn of(properties: Text<'_>, added: Added<'_>) -> Option<Self> {
        let (mut prepared, mut told) = (Prepared::default(), Vec::new());
        prepare(properties, added, &mut prepared, |meaning, place| told.push((meaning, place)))
            .ok()?;
        // Another one is made for each message that comes without.
        let unique = |(meaning, place): &(Meaning, Range<usize>)| {
            *meaning == Meaning::UniqueId && !place.is_empty()
        };
        let asks = told.iter().any(|(meaning, _)| *meaning == Meaning::Asker);
        let places = value_places(properties);
        if asks || !told.iter().any(unique) || told.len() != places.len() {
            return None;
        }
        let (raw, escaped) = properties.as_it_stands();
        let mut values = Vec::new();
        for ((meaning, prepared_place), place) in told.into_iter().zip(places) {
            let value = raw.as_bytes().get(place.clone())?;
            let as_it_stands = value_bytes(value) == value.len()
                && prepared.properties.get(prepared_place.clone()) == Some(value);
            if meaning.takes_any_value() && as_it_stands && !value.is_empty() {
                values.push(Value { place, prepared_at: prepared_place.start, changes: false });
            }
        }
        let mut shape = Self {
            text: raw.as_bytes().into(),
            escaped,
            values,
            holes: Vec::new(),
            tail: 0..0,
            prepared,
        };
        shape.find_holes();
        (shape.values.len() <= VALUES_MAX).then_some(shape)
    }

    /// Widens this shape, of a text just learnt from, so that all texts of `older` fit too; false
    /// where they differ outside the values.
    pub fn join(&mut self, older: &Self) -> bool {
        let same_values = self.escaped == older.escaped && self.values.len() == older.values.len();
        if !same_values || !self.literals().eq(older.literals()) {
            return false;
        }
        for (mine, its) in self.values.iter_mut().zip(&older.values) {
            let differs = self.text.get(mine.place.clone()) != older.text.get(its.place.clone());
            mine.changes = its.changes || differs;
        }
        self.find_holes();
        true
    }

    /// What stands before, between and after the values.
    fn literals(&self) -> impl Iterator<Item = &[u8]> {
        literals(&self.text, self.values.iter().map(|value| value.place.clone()))
    }

    /// `prepared` must say what `text` does.
    fn find_holes(&mut self) {
        self.holes.clear();
        let mut at = 0;
        for Value { place, prepared_at, .. } in self.values.iter().filter(|value| value.changes) {
            self.holes.push(Hole {
                literal: at..place.start,
                value: place.clone(),
                place: *prepared_at..prepared_at + place.len(),
            });
            at = place.end;
        }
        self.tail = at..self.text.len();
    }
}
