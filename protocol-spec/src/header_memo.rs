//! Remembers the JSON headers that a thread reads again and again.
//!
//! Clients send one shape of header all the time: the same keys in the same order, and most values
//! the same too. A shape knows its bytes and where they change; a header that fits is compared, not
//! scanned, and reads as the scanner reads it (a property test holds the two together). Any other
//! header is scanned, and now and then learnt from.
mod shape;

use crate::frame::{Frame, FrameError, HeaderParts};
use crate::json_header;
use shape::Shape;

/// Shapes of a memo. Chosen: sends, pulls, offset updates and heartbeats of two client versions.
const SHAPES_MAX: usize = 8;
/// Longer headers are not remembered, so that a memo stays below 64 KiB.
const HEADER_BYTES_MAX: usize = 4096;
/// Headers passed over, at most, after one that brought a new shape. Clients whose headers come in
/// random order (Go maps) would have every one learnt and none recognized.
const PAUSE_MAX: u32 = 1023;
/// A shape recognized so often was worth learning.
const HITS_PROVEN: u32 = 16;

/// What a thread remembers of the JSON headers it has read; see `frame::decode_into`.
#[derive(Debug, Default)]
pub struct HeaderMemo {
    shapes: Vec<Known>,
    /// The one that fitted last is tried first.
    latest: usize,
    /// Where the search for a shape to give up goes on.
    hand: usize,
    /// Headers to pass over before learning again, and after the next new shape.
    pause: u32,
    pause_next: u32,
}

#[derive(Debug)]
struct Known {
    shape: Shape,
    hits: u32,
    /// Recognized since the hand came by.
    recent: bool,
}

impl HeaderMemo {
    /// As `json_header::decode`, faster where the header has a known shape. Sets what the header
    /// says of `frame`; nothing in particular where it is refused.
    #[inline]
    pub(crate) fn decode<'a>(
        &mut self,
        header: &'a [u8],
        frame: &mut Frame<'a>,
    ) -> Result<(), FrameError> {
        if let Some(known) = self.shapes.get_mut(self.latest)
            && known.shape.read(header, frame)
        {
            known.hits = known.hits.saturating_add(1);
            known.recent = true;
            if known.hits == HITS_PROVEN {
                self.pause_next = 0;
            }
            return Ok(());
        }
        self.decode_other(header, frame)
    }

    #[inline(never)]
    fn decode_other<'a>(
        &mut self,
        header: &'a [u8],
        frame: &mut Frame<'a>,
    ) -> Result<(), FrameError> {
        for (index, known) in self.shapes.iter_mut().enumerate() {
            if index != self.latest && known.shape.read(header, frame) {
                known.hits = known.hits.saturating_add(1);
                known.recent = true;
                self.latest = index;
                return Ok(());
            }
        }
        let parts = json_header::decode(header)?;
        match self.pause.checked_sub(1) {
            Some(pause) => self.pause = pause,
            None => self.learn(header, &parts),
        }
        frame.set_header(&parts);
        Ok(())
    }

    #[cold]
    fn learn(&mut self, header: &[u8], parts: &HeaderParts<'_>) {
        let new = if header.len() > HEADER_BYTES_MAX { None } else { Shape::of(header, parts) };
        if let Some(shape) = new {
            if self.shapes.iter_mut().any(|known| known.shape.admit(&shape)) {
                // One more place may change: that happens a few times for each shape.
                return;
            }
            self.insert(Known { shape, hits: 0, recent: true });
        }
        self.pause = self.pause_next;
        self.pause_next = (self.pause_next * 2 + 1).min(PAUSE_MAX);
    }

    /// Takes the place of the first shape not recognized since the hand last came by.
    fn insert(&mut self, new: Known) {
        if self.shapes.len() < SHAPES_MAX {
            return self.shapes.push(new);
        }
        loop {
            self.hand = (self.hand + 1) % SHAPES_MAX;
            match self.shapes.get_mut(self.hand) {
                Some(known) if known.recent => known.recent = false,
                Some(known) => {
                    *known = new;
                    return;
                }
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
