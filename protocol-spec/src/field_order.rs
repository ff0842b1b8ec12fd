//! Which field of a header stands where among those of a frame, for the headers that come with
//! every message: their types then read each field from its place, without looking at names.
use crate::fields::Fields;

/// Fields that such a header can have.
const FIELDS_MAX: usize = 15;

/// A field that is absent.
const ABSENT: u8 = u8::MAX;

/// The wire names of one header type in one of its forms.
#[derive(Debug)]
pub(crate) struct Names {
    /// Not 0, and different for each.
    pub id: u8,
    /// In the order of the type's fields; empty for one that the form does not have.
    pub list: &'static [&'static str],
}

/// For each field of a type, its index among the fields of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Order {
    /// `Names::id`, or 0 for an order that nobody has found.
    of: u8,
    index: [u8; FIELDS_MAX],
}

impl Order {
    pub const UNKNOWN: Self = Self { of: 0, index: [ABSENT; FIELDS_MAX] };

    #[inline]
    pub fn is_of(&self, names: &Names) -> bool {
        self.of == names.id
    }

    /// Past every field where it is absent.
    #[inline(always)]
    pub fn index(&self, slot: usize) -> usize {
        self.index.get(slot).copied().map_or(usize::MAX, usize::from)
    }

    /// `None` where a name comes twice, or the places of the fields are not known.
    pub fn find(names: &Names, fields: &Fields<'_>) -> Option<Self> {
        let mut order = Self { of: names.id, ..Self::UNKNOWN };
        let mut sound = true;
        let mut next = 0;
        fields.spans()?;
        fields.for_each_place(|index, name, is_null| {
            let is = |known: &&str| known.as_bytes() == name;
            // Most clients write them in the type's own order.
            let slot = match names.list.get(next) {
                Some(known) if is(known) => Some(next),
                _ => names.list.iter().position(is),
            };
            let Some(slot) = slot else { return };
            next = slot + 1;
            let Some(place) = order.index.get_mut(slot) else { return };
            sound &= *place == ABSENT && !name.is_empty();
            if !is_null {
                *place = u8::try_from(index).unwrap_or(ABSENT);
            }
        });
        sound.then_some(order)
    }
}
