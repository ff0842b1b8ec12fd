//! Remembers the properties that a thread's clients send again and again.
//!
//! A client sends the same properties in the same order all the time, and most of their values are
//! the same too. A shape knows the text, what became of it and where values change; a text that
//! fits is compared, not unescaped and looked through, and ends up as the full way leaves it (a
//! property test holds the two together). Any other text goes the full way, and now and then is
//! learnt from.
mod shape;

use remora_protocol::Text;

use crate::message_properties::{Prepared, PropertyRefusal, prepare};
use shape::Shape;

/// Shapes of a memo. Chosen: what a few kinds of producers send over one thread.
const SHAPES_MAX: usize = 8;
/// Longer texts go the full way, so that a memo stays below 128 KiB.
const TEXT_BYTES_MAX: usize = 2048;
/// Texts passed over, at most, after one that brought a new shape. Clients that never repeat
/// themselves would have every one learnt and none recognized.
const PAUSE_MAX: u32 = 1023;
/// A shape recognized so often was worth learning.
const HITS_PROVEN: u32 = 16;

/// What a thread remembers of the properties it has prepared.
#[derive(Debug, Default)]
pub(crate) struct PropertyMemo {
    /// Its name is among the properties.
    cluster: String,
    shapes: Vec<Known>,
    /// The one that fitted last is tried first.
    latest: usize,
    /// Texts recognized so far.
    hits: u64,
    /// Texts to pass over before learning again, and after the next new shape.
    pause: u32,
    pause_next: u32,
    /// What came the full way.
    other: Prepared,
}

#[derive(Debug)]
struct Known {
    shape: Shape,
    hits: u32,
    /// The memo's hits when it was recognized last.
    used: u64,
}

impl PropertyMemo {
    /// Properties are prepared for this cluster from here on.
    pub fn set_cluster(&mut self, cluster: &str) {
        if self.cluster != cluster {
            cluster.clone_into(&mut self.cluster);
            self.shapes.clear();
        }
    }

    /// As `message_properties::prepare`, faster where the properties have a known shape.
    #[inline]
    pub fn prepare(&mut self, properties: Text<'_>) -> Result<&Prepared, PropertyRefusal> {
        let fitting = self.fitting(properties);
        if fitting.is_none() {
            self.prepare_other(properties)?;
        }
        let known = fitting.and_then(|index| self.shapes.get(index));
        Ok(known.map_or(&self.other, |known| known.shape.prepared()))
    }

    /// The shape that has taken the properties.
    #[inline]
    fn fitting(&mut self, properties: Text<'_>) -> Option<usize> {
        if properties.as_it_stands().0.len() > TEXT_BYTES_MAX {
            return None;
        }
        let latest = self.latest;
        if self.shapes.get_mut(latest)?.shape.take(properties) {
            self.count_hit(latest);
            return Some(latest);
        }
        self.other_fitting(properties)
    }

    #[inline(never)]
    fn other_fitting(&mut self, properties: Text<'_>) -> Option<usize> {
        let latest = self.latest;
        let mut others = self.shapes.iter_mut().enumerate().filter(|(index, _)| *index != latest);
        let (index, _) = others
            .find_map(|(index, known)| known.shape.take(properties).then_some((index, known)))?;
        self.latest = index;
        self.count_hit(index);
        Some(index)
    }

    #[inline]
    fn count_hit(&mut self, index: usize) {
        self.hits += 1;
        if let Some(known) = self.shapes.get_mut(index) {
            known.used = self.hits;
            known.hits = known.hits.saturating_add(1);
            if known.hits == HITS_PROVEN {
                self.pause_next = 0;
            }
        }
    }

    #[inline(never)]
    fn prepare_other(&mut self, properties: Text<'_>) -> Result<(), PropertyRefusal> {
        prepare(properties, &self.cluster, &mut self.other, |_, _| {})?;
        match self.pause.checked_sub(1) {
            Some(pause) => self.pause = pause,
            None => self.learn(properties),
        }
        Ok(())
    }

    #[cold]
    fn learn(&mut self, properties: Text<'_>) {
        let is_short = properties.as_it_stands().0.len() <= TEXT_BYTES_MAX;
        let new = if is_short { Shape::of(properties, &self.cluster) } else { None };
        if let Some(mut shape) = new {
            for known in &mut self.shapes {
                if shape.join(&known.shape) {
                    // One more value may change: that happens a few times for each shape.
                    known.shape = shape;
                    return;
                }
            }
            self.insert(Known { shape, hits: 0, used: self.hits });
        }
        self.pause = self.pause_next;
        self.pause_next = (self.pause_next * 2 + 1).min(PAUSE_MAX);
    }

    /// Takes the place of the shape that was recognized longest ago.
    fn insert(&mut self, new: Known) {
        if self.shapes.len() < SHAPES_MAX {
            self.shapes.push(new);
        } else if let Some(oldest) = self.shapes.iter_mut().min_by_key(|known| known.used) {
            *oldest = new;
        }
    }
}

#[cfg(test)]
mod tests;
