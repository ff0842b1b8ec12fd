//! What a memo knows: a few shapes that are tried on everything that comes, and learnt from what
//! none of them fits.
use std::ops::Range;

/// Shapes of a memo. Chosen: sends, pulls, offset updates and heartbeats of two client versions; or
/// the properties of a few kinds of producers.
pub const SHAPES_MAX: usize = 8;
/// What is passed over, at most, after something that brought a new shape. Clients that never
/// repeat themselves (headers in random order, as of Go maps) would have everything learnt and
/// nothing recognized.
const PAUSE_MAX: u32 = 1023;
/// A shape recognized so often was worth learning.
const HITS_PROVEN: u32 = 16;

/// Shapes, and when to learn another one.
#[derive(Debug)]
pub struct Shapes<S> {
    known: Vec<Known<S>>,
    /// The one that fitted last is tried first.
    latest: usize,
    /// Where the search for a shape to give up goes on.
    hand: usize,
    /// How much to pass over before learning again, and after the next new shape.
    pub pause: u32,
    pause_next: u32,
}

#[derive(Debug)]
struct Known<S> {
    shape: S,
    hits: u32,
    /// Recognized since the hand came by.
    recent: bool,
}

impl<S> Default for Shapes<S> {
    fn default() -> Self {
        Self { known: Vec::new(), latest: 0, hand: 0, pause: 0, pause_next: 0 }
    }
}

impl<S> Shapes<S> {
    /// The first one that fits; where it stands, until the next is learnt.
    #[inline]
    pub fn recognize(&mut self, mut fits: impl FnMut(&mut S) -> bool) -> Option<usize> {
        let latest = self.latest;
        if fits(&mut self.known.get_mut(latest)?.shape) {
            self.count_hit(latest);
            return Some(latest);
        }
        self.recognize_other(fits)
    }

    #[inline(never)]
    fn recognize_other(&mut self, mut fits: impl FnMut(&mut S) -> bool) -> Option<usize> {
        let latest = self.latest;
        let mut others = self.known.iter_mut().enumerate();
        let index = others.position(|(index, known)| index != latest && fits(&mut known.shape))?;
        self.latest = index;
        self.count_hit(index);
        Some(index)
    }

    #[inline]
    fn count_hit(&mut self, index: usize) {
        let Some(known) = self.known.get_mut(index) else { return };
        known.hits = known.hits.saturating_add(1);
        known.recent = true;
        if known.hits == HITS_PROVEN {
            self.pause_next = 0;
        }
    }

    /// The one that `recognize` gave the place of.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&S> {
        self.known.get(index).map(|known| &known.shape)
    }

    /// Whether to learn from what no shape fitted.
    pub fn may_learn(&mut self) -> bool {
        let pause = self.pause.checked_sub(1);
        self.pause = pause.unwrap_or(0);
        pause.is_none()
    }

    /// Takes in a new shape; `None` where what came cannot have one. `widen` makes a known one fit
    /// all that both fit; false where they differ too much.
    #[cold]
    pub fn learn(&mut self, new: Option<S>, mut widen: impl FnMut(&mut S, &mut S) -> bool) {
        if let Some(mut shape) = new {
            if self.known.iter_mut().any(|known| widen(&mut known.shape, &mut shape)) {
                // One more place may change: that happens a few times for each shape.
                return;
            }
            self.insert(Known { shape, hits: 0, recent: true });
        }
        self.pause = self.pause_next;
        self.pause_next = (self.pause_next * 2 + 1).min(PAUSE_MAX);
    }

    /// Takes the place of the first shape not recognized since the hand last came by.
    fn insert(&mut self, new: Known<S>) {
        if self.known.len() < SHAPES_MAX {
            return self.known.push(new);
        }
        loop {
            self.hand = (self.hand + 1) % SHAPES_MAX;
            match self.known.get_mut(self.hand) {
                Some(known) if known.recent => known.recent = false,
                Some(known) => {
                    *known = new;
                    return;
                }
                None => return,
            }
        }
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How often each has been recognized.
    pub fn hits(&self) -> Vec<u32> {
        self.known.iter().map(|known| known.hits).collect()
    }
}

/// What stands in `text` before, between and after `places`, which are in order.
pub fn literals(
    text: &[u8],
    places: impl Iterator<Item = Range<usize>> + Clone,
) -> impl Iterator<Item = &[u8]> {
    let starts = std::iter::once(0).chain(places.clone().map(|place| place.end));
    let ends = places.map(|place| place.start).chain([text.len()]);
    starts.zip(ends).map(|(start, end)| text.get(start..end).unwrap_or(&[]))
}
