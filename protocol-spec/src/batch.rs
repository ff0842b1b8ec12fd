//! The body of a batch send (320): messages of one topic, one after the other.
//!
//! An item is total int32, magic int32 (0), crc int32 (0), flag int32, body length int32, body,
//! properties length int16, properties.
use nom::Parser;
use nom::multi::length_data;
use nom::number::complete::{be_i32, be_u16, be_u32};

/// Bytes of an item beside its body and properties.
pub const ITEM_OVERHEAD_BYTES: usize = 22;
/// The length of an item's properties is an int16.
const PROPERTIES_BYTES_MAX: usize = 32_767;

/// One message of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchItem<'a> {
    pub flag: i32,
    pub body: &'a [u8],
    /// `name \x01 value \x02` …; not checked to be UTF-8.
    pub properties: &'a [u8],
}

/// Why bytes are not a batch, or items do not fit into one. `at` is the byte where the item starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BatchError {
    #[error("the batch ends inside the item at byte {at}")]
    Truncated { at: usize },
    #[error("the item at byte {at} says it has {said} bytes, its fields have {actual}")]
    Size { at: usize, said: u32, actual: usize },
    #[error("an item has {properties_bytes} bytes of properties, the limit is 32767")]
    Properties { properties_bytes: usize },
    #[error("an item has a body of {body_bytes} bytes, which an int32 cannot say")]
    Body { body_bytes: usize },
}

/// The items of a batch body. After an error it ends.
pub fn items(body: &[u8]) -> Items<'_> {
    Items { whole_bytes: body.len(), rest: body }
}

/// Iterator over the items of a batch.
#[derive(Clone, Debug)]
pub struct Items<'a> {
    whole_bytes: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<BatchItem<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let at = self.whole_bytes - self.rest.len();
        let before = std::mem::take(&mut self.rest);
        let parsed: Result<_, nom::Err<()>> =
            (be_u32, be_u32, be_u32, be_i32, length_data(be_u32), length_data(be_u16))
                .parse(before);
        let Ok((after, (said, _magic, _crc, flag, body, properties))) = parsed else {
            return Some(Err(BatchError::Truncated { at }));
        };
        let actual = before.len() - after.len();
        if usize::try_from(said) != Ok(actual) {
            return Some(Err(BatchError::Size { at, said, actual }));
        }
        if properties.len() > PROPERTIES_BYTES_MAX {
            let properties_bytes = properties.len();
            return Some(Err(BatchError::Properties { properties_bytes }));
        }
        self.rest = after;
        Some(Ok(BatchItem { flag, body, properties }))
    }
}

impl BatchItem<'_> {
    /// Appends the item to a batch body.
    pub fn append_to(&self, out: &mut Vec<u8>) -> Result<(), BatchError> {
        self.append_with(&[], out)
    }

    /// Appends the item with further properties behind its own, in pieces.
    pub fn append_with(&self, more: &[&[u8]], out: &mut Vec<u8>) -> Result<(), BatchError> {
        let more_bytes: usize = more.iter().map(|piece| piece.len()).sum();
        let properties_bytes = self.properties.len() + more_bytes;
        let Some(properties_length) = u16::try_from(properties_bytes)
            .ok()
            .filter(|_| properties_bytes <= PROPERTIES_BYTES_MAX)
        else {
            return Err(BatchError::Properties { properties_bytes });
        };
        let body_bytes = self.body.len();
        let total = ITEM_OVERHEAD_BYTES + body_bytes + properties_bytes;
        let (Ok(total_field), Ok(body_length)) = (i32::try_from(total), i32::try_from(body_bytes))
        else {
            return Err(BatchError::Body { body_bytes });
        };
        out.reserve(total);
        out.extend_from_slice(&total_field.to_be_bytes());
        // Magic and CRC: zero, the broker computes its own.
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&self.flag.to_be_bytes());
        out.extend_from_slice(&body_length.to_be_bytes());
        out.extend_from_slice(self.body);
        out.extend_from_slice(&properties_length.to_be_bytes());
        out.extend_from_slice(self.properties);
        more.iter().for_each(|piece| out.extend_from_slice(piece));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEMS: [BatchItem<'static>; 3] = [
        BatchItem { flag: 1, body: b"first", properties: b"TAGS\x01a\x02" },
        BatchItem { flag: -2, body: b"", properties: b"" },
        BatchItem { flag: 0, body: b"last", properties: b"x\x01y" },
    ];

    fn batch() -> Vec<u8> {
        let mut out = Vec::new();
        for item in ITEMS {
            item.append_to(&mut out).unwrap();
        }
        out
    }

    #[test]
    fn items_come_back_in_order() {
        assert_eq!(items(&batch()).collect::<Result<Vec<_>, _>>(), Ok(ITEMS.to_vec()));
        assert_eq!(items(b"").next(), None);
    }

    #[test]
    fn a_cut_batch_ends_with_an_error_that_says_where() {
        let whole = batch();
        let starts = [0, 34, 56, whole.len()];
        for end in (0..whole.len()).filter(|end| !starts.contains(end)) {
            let at = starts.into_iter().rfind(|&start| start < end).unwrap();
            let last = items(&whole[..end]).last();
            assert_eq!(last, Some(Err(BatchError::Truncated { at })), "cut at {end}");
        }
    }

    #[test]
    fn an_item_whose_size_disagrees_with_its_fields_is_refused() {
        let mut whole = batch();
        whole[3] += 1;
        assert_eq!(
            items(&whole).collect::<Result<Vec<_>, _>>(),
            Err(BatchError::Size { at: 0, said: 35, actual: 34 })
        );
    }

    #[test]
    fn further_properties_stand_behind_the_items_own() {
        let mut out = Vec::new();
        ITEMS[0].append_with(&[b"KEYS\x01", b"k\x02"], &mut out).unwrap();
        let whole = BatchItem { properties: b"TAGS\x01a\x02KEYS\x01k\x02", ..ITEMS[0] };
        assert_eq!(items(&out).collect::<Result<Vec<_>, _>>(), Ok(vec![whole]));
    }

    #[test]
    fn properties_past_the_limit_are_refused() {
        let properties = vec![b'x'; 32_768];
        let item = BatchItem { flag: 0, body: b"", properties: &properties };
        let mut out = Vec::new();
        assert_eq!(
            item.append_to(&mut out),
            Err(BatchError::Properties { properties_bytes: 32_768 })
        );
        assert!(out.is_empty());
    }
}
