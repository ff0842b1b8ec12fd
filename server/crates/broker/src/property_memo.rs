//! Remembers the properties that a thread's clients send again and again.
//!
//! A client sends the same properties in the same order all the time, and most of their values are
//! the same too. A shape knows the text, what became of it and where values change; a text that
//! fits is compared, not unescaped and looked through, and ends up as the full way leaves it (a
//! property test holds the two together). Any other text goes the full way, and now and then is
//! learnt from.
mod shape;

use remora_protocol::Text;
use remora_protocol::shapes::Shapes;

use crate::message_properties::{Added, Meaning, Prepared, PropertyRefusal, prepare};
use shape::Shape;

/// Longer texts go the full way, so that a memo stays below 128 KiB.
const TEXT_BYTES_MAX: usize = 2048;

/// What a thread remembers of the properties it has prepared.
#[derive(Debug, Default)]
pub(crate) struct PropertyMemo {
    /// Its name is among the properties.
    cluster: String,
    /// As `Added::traced`.
    traced: String,
    shapes: Shapes<Shape>,
    /// What came the full way.
    other: Prepared,
    /// The client that a message named which asks for a reply.
    asker: Option<Box<str>>,
}

impl PropertyMemo {
    /// What properties get from here on: the cluster's name, and what traces need.
    pub fn set_added(&mut self, cluster: &str, traced: &str) {
        if self.cluster != cluster || self.traced != traced {
            cluster.clone_into(&mut self.cluster);
            traced.clone_into(&mut self.traced);
            self.shapes.clear();
        }
    }

    /// The client that is to get the reply to a message prepared since the last call. Its messages
    /// always go the full way: they are few.
    #[inline]
    pub fn take_asker(&mut self) -> Option<Box<str>> {
        self.asker.take()
    }

    /// As `message_properties::prepare`, faster where the properties have a known shape.
    #[inline]
    pub fn prepare(&mut self, properties: Text<'_>) -> Result<&Prepared, PropertyRefusal> {
        let is_short = properties.as_it_stands().0.len() <= TEXT_BYTES_MAX;
        let fits = |shape: &mut Shape| shape.take(properties);
        let fitting = if is_short { self.shapes.recognize(fits) } else { None };
        if fitting.is_none() {
            self.prepare_other(properties, is_short)?;
        }
        let known = fitting.and_then(|index| self.shapes.get(index));
        Ok(known.map_or(&self.other, Shape::prepared))
    }

    #[inline(never)]
    fn prepare_other(
        &mut self,
        properties: Text<'_>,
        is_short: bool,
    ) -> Result<(), PropertyRefusal> {
        let mut asker = 0..0;
        let added = Added { cluster: &self.cluster, traced: &self.traced };
        prepare(properties, added, &mut self.other, |meaning, place| {
            if meaning == Meaning::Asker {
                asker = place;
            }
        })?;
        if !asker.is_empty() {
            let client_id = self.other.properties.get(asker).unwrap_or_default();
            self.asker = str::from_utf8(client_id).ok().map(Into::into);
        }
        if self.shapes.may_learn() {
            let new = if is_short { Shape::of(properties, added) } else { None };
            // The wider one is that of the text just learnt from, which its properties are of.
            self.shapes.learn(new, |known, new| {
                let joined = new.join(known);
                if joined {
                    std::mem::swap(known, new);
                }
                joined
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
