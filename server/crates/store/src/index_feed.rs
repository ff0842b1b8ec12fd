//! Keys of appended records on their way to the index, so that it need not read the log again.
//!
//! Only a shortcut: what is not in here (a restart, a thread that fell behind) is read from the
//! log.
use crate::lock::Lock;

/// Keys that wait at most. Chosen: 1.5 MiB, and 60 ms of a million records a second.
const KEYS_MAX: usize = 65_536;
/// Room for keys that an idle feed keeps.
const KEPT_KEYS: usize = 4_096;

/// One entry to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    pub hash: u32,
    pub physical_offset: u64,
    pub store_timestamp_ms: i64,
}

/// All keys of the records of a part of the log, in its order.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    pub start: u64,
    pub end: u64,
    pub keys: Vec<Key>,
}

/// Filled by appends, emptied by the index's thread.
#[derive(Debug, Default)]
pub(crate) struct IndexFeed {
    fed: Lock<Fed>,
}

impl Fed {
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        self.keys.clear();
        self.keys.shrink_to(KEPT_KEYS);
    }
}

impl IndexFeed {
    /// Adds the keys of what was appended at `start..end`. Under the append lock, so that parts
    /// come in order. What follows a part that found no room is left out as well, until `take`.
    pub(crate) fn push(&self, start: u64, end: u64, keys: impl ExactSizeIterator<Item = Key>) {
        let mut fed = self.fed.lock();
        if fed.is_empty() {
            (fed.start, fed.end) = (start, start);
        }
        if fed.end == start && fed.keys.len() + keys.len() <= KEYS_MAX {
            fed.keys.extend(keys);
            fed.end = end;
        }
    }

    /// Takes everything, leaving the empty `room` to be filled.
    pub(crate) fn take(&self, room: &mut Fed) {
        debug_assert!(room.is_empty() && room.keys.is_empty(), "keys would be indexed twice");
        std::mem::swap(&mut *self.fed.lock(), room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize, physical_offset: u64) -> impl ExactSizeIterator<Item = Key> {
        (0..count).map(move |_| Key { hash: 1, physical_offset, store_timestamp_ms: 2 })
    }

    fn taken(feed: &IndexFeed) -> (u64, u64, usize) {
        let mut room = Fed::default();
        feed.take(&mut room);
        (room.start, room.end, room.keys.len())
    }

    #[test]
    fn parts_that_follow_each_other_are_one() {
        let feed = IndexFeed::default();
        feed.push(100, 200, keys(3, 100));
        feed.push(200, 300, keys(0, 200));
        feed.push(300, 400, keys(2, 300));
        assert_eq!(taken(&feed), (100, 400, 5));
        assert_eq!(taken(&feed), (0, 0, 0));
    }

    #[test]
    fn full_feed_takes_no_later_part_before_it_was_emptied() {
        let feed = IndexFeed::default();
        feed.push(0, 100, keys(KEYS_MAX, 0));
        feed.push(100, 200, keys(1, 100));
        feed.push(200, 300, keys(0, 200));
        assert_eq!(taken(&feed), (0, 100, KEYS_MAX));
        feed.push(300, 400, keys(1, 300));
        assert_eq!(taken(&feed), (300, 400, 1));
    }

    #[test]
    fn part_larger_than_the_feed_leaves_it_empty() {
        let feed = IndexFeed::default();
        feed.push(0, 100, keys(KEYS_MAX + 1, 0));
        assert_eq!(taken(&feed), (0, 0, 0));
        feed.push(100, 200, keys(1, 100));
        assert_eq!(taken(&feed), (100, 200, 1));
    }
}
