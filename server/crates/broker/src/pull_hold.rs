//! Parked pulls: which wait for which queue, until when. Pure: no clock, no IO.
//!
//! Every parked pull leaves exactly once: by an arrival that it wants, at its deadline, when its
//! connection closes, or at the stop.
use std::collections::BTreeSet;

use ahash::AHashMap;

/// A queue that pulls wait for: `QueueRef::address`, cheaper to look up than its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct QueueKey(pub usize);

/// What the hold needs to know of a pull; `payload` is what the shell needs to answer it.
#[derive(Debug)]
pub struct Parked<T> {
    pub key: QueueKey,
    pub connection_id: u64,
    /// First queue offset that the pull does not have yet.
    pub queue_offset: u64,
    pub deadline_ms: i64,
    pub payload: T,
}

/// Whether a pull wants a message with this tag code.
pub trait WantsTag {
    fn wants(&self, tags_code: i64) -> bool;
}

/// Why a pull was not parked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HoldFull {
    pub parked: usize,
    pub parked_max: usize,
}

/// The table of parked pulls.
#[derive(Debug)]
pub struct PullHold<T> {
    parked_max: usize,
    next_id: u64,
    parked: AHashMap<u64, Parked<T>>,
    by_queue: AHashMap<QueueKey, Vec<u64>>,
    by_connection: AHashMap<u64, Vec<u64>>,
    deadlines: BTreeSet<(i64, u64)>,
}

impl<T: WantsTag> PullHold<T> {
    pub fn new(parked_max: usize) -> Self {
        Self {
            parked_max,
            next_id: 0,
            parked: AHashMap::new(),
            by_queue: AHashMap::new(),
            by_connection: AHashMap::new(),
            deadlines: BTreeSet::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.parked.len()
    }

    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }

    /// Keeps a pull; a full table gives it back with the figures.
    pub fn park(&mut self, pull: Parked<T>) -> Result<(), (Parked<T>, HoldFull)> {
        if self.parked.len() >= self.parked_max {
            let full = HoldFull { parked: self.parked.len(), parked_max: self.parked_max };
            return Err((pull, full));
        }
        let id = self.next_id;
        self.next_id += 1;
        self.by_queue.entry(pull.key).or_default().push(id);
        self.by_connection.entry(pull.connection_id).or_default().push(id);
        self.deadlines.insert((pull.deadline_ms, id));
        self.parked.insert(id, pull);
        Ok(())
    }

    /// A queue grew to `queue_offset_max`: takes out the pulls that one of the new messages is for.
    pub fn arrived(
        &mut self,
        key: QueueKey,
        queue_offset_max: u64,
        tags_codes: &[i64],
    ) -> Vec<Parked<T>> {
        let Some(ids) = self.by_queue.get(&key) else { return Vec::new() };
        let woken: Vec<u64> = ids
            .iter()
            .copied()
            .filter(|id| {
                self.parked.get(id).is_some_and(|pull| {
                    pull.queue_offset < queue_offset_max
                        && tags_codes.iter().any(|code| pull.payload.wants(*code))
                })
            })
            .collect();
        self.take_all(&woken)
    }

    /// Takes out the pulls of a queue that are behind `queue_offset_max`, whatever they filter: for
    /// an arrival whose tags nobody saw.
    pub fn grown(&mut self, key: QueueKey, queue_offset_max: u64) -> Vec<Parked<T>> {
        let Some(ids) = self.by_queue.get(&key) else { return Vec::new() };
        let behind =
            |id: &u64| self.parked.get(id).is_some_and(|pull| pull.queue_offset < queue_offset_max);
        let woken: Vec<u64> = ids.iter().copied().filter(behind).collect();
        self.take_all(&woken)
    }

    /// Pulls whose time has come.
    pub fn expire(&mut self, now_ms: i64) -> Vec<Parked<T>> {
        let due: Vec<u64> = self.deadlines.range(..(now_ms + 1, 0)).map(|(_, id)| *id).collect();
        self.take_all(&due)
    }

    /// When `expire` will next find something.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    /// The pulls of a connection that is gone: nobody is there to answer.
    pub fn closed(&mut self, connection_id: u64) -> Vec<Parked<T>> {
        let ids = self.by_connection.get(&connection_id).cloned().unwrap_or_default();
        self.take_all(&ids)
    }

    /// Every pull of one queue, for a topic that is deleted.
    pub fn released(&mut self, key: QueueKey) -> Vec<Parked<T>> {
        let ids = self.by_queue.get(&key).cloned().unwrap_or_default();
        self.take_all(&ids)
    }

    /// Everything, at the stop.
    pub fn release_all(&mut self) -> Vec<Parked<T>> {
        let ids: Vec<u64> = self.deadlines.iter().map(|(_, id)| *id).collect();
        self.take_all(&ids)
    }

    fn take_all(&mut self, ids: &[u64]) -> Vec<Parked<T>> {
        ids.iter().filter_map(|id| self.take(*id)).collect()
    }

    fn take(&mut self, id: u64) -> Option<Parked<T>> {
        let pull = self.parked.remove(&id)?;
        self.deadlines.remove(&(pull.deadline_ms, id));
        remove_id(&mut self.by_queue, &pull.key, id);
        remove_id(&mut self.by_connection, &pull.connection_id, id);
        Some(pull)
    }
}

fn remove_id<K: std::hash::Hash + Eq>(index: &mut AHashMap<K, Vec<u64>>, key: &K, id: u64) {
    let Some(ids) = index.get_mut(key) else { return };
    ids.retain(|kept| *kept != id);
    if ids.is_empty() {
        index.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wants one tag code, or all when it is 0.
    #[derive(Debug, PartialEq)]
    struct Pull(&'static str, i64);

    impl WantsTag for Pull {
        fn wants(&self, tags_code: i64) -> bool {
            self.1 == 0 || self.1 == tags_code
        }
    }

    const T0: QueueKey = QueueKey(10);
    const T1: QueueKey = QueueKey(11);
    const U0: QueueKey = QueueKey(20);

    fn parked(name: &'static str, queue: QueueKey, offset: u64, deadline_ms: i64) -> Parked<Pull> {
        Parked {
            key: queue,
            connection_id: 7,
            queue_offset: offset,
            deadline_ms,
            payload: Pull(name, 0),
        }
    }

    fn names(pulls: &[Parked<Pull>]) -> Vec<&'static str> {
        pulls.iter().map(|pull| pull.payload.0).collect()
    }

    #[test]
    fn arrival_wakes_only_pulls_of_the_queue_that_grew() {
        let mut hold = PullHold::new(10);
        hold.park(parked("a", T0, 5, 100)).unwrap();
        hold.park(parked("b", T1, 5, 100)).unwrap();
        hold.park(parked("c", U0, 5, 100)).unwrap();
        assert_eq!(names(&hold.arrived(T1, 6, &[0])), ["b"]);
        assert_eq!(hold.len(), 2);
    }

    #[test]
    fn arrival_before_the_pulls_offset_leaves_it_parked() {
        let mut hold = PullHold::new(10);
        hold.park(parked("a", T0, 6, 100)).unwrap();
        assert_eq!(names(&hold.arrived(T0, 6, &[0])), Vec::<&str>::new());
        assert_eq!(names(&hold.arrived(T0, 7, &[0])), ["a"]);
    }

    #[test]
    fn arrival_of_another_tag_leaves_the_pull_parked() {
        let mut hold = PullHold::new(10);
        let mut pull = parked("a", T0, 0, 100);
        pull.payload.1 = 42;
        hold.park(pull).unwrap();
        assert_eq!(names(&hold.arrived(T0, 1, &[41, 43])), Vec::<&str>::new());
        assert_eq!(names(&hold.arrived(T0, 3, &[41, 42])), ["a"]);
    }

    #[test]
    fn expiry_takes_what_is_due_in_order_of_deadline() {
        let mut hold = PullHold::new(10);
        hold.park(parked("late", T0, 0, 300)).unwrap();
        hold.park(parked("second", T1, 0, 200)).unwrap();
        hold.park(parked("first", U0, 0, 100)).unwrap();
        assert_eq!(hold.next_deadline_ms(), Some(100));
        assert_eq!(names(&hold.expire(99)), Vec::<&str>::new());
        assert_eq!(names(&hold.expire(200)), ["first", "second"]);
        assert_eq!(hold.next_deadline_ms(), Some(300));
        assert_eq!(names(&hold.arrived(U0, 9, &[0])), Vec::<&str>::new());
    }

    #[test]
    fn full_hold_gives_the_pull_back_with_the_figures() {
        let mut hold = PullHold::new(1);
        hold.park(parked("a", T0, 0, 100)).unwrap();
        let (back, full) = hold.park(parked("b", T0, 0, 100)).unwrap_err();
        assert_eq!(back.payload, Pull("b", 0));
        assert_eq!(full, HoldFull { parked: 1, parked_max: 1 });
    }

    #[test]
    fn closed_connection_takes_its_pulls_with_it() {
        let mut hold = PullHold::new(10);
        hold.park(parked("gone", T0, 0, 100)).unwrap();
        let mut other = parked("stays", T0, 0, 100);
        other.connection_id = 8;
        hold.park(other).unwrap();
        assert_eq!(names(&hold.closed(7)), ["gone"]);
        assert_eq!(names(&hold.arrived(T0, 1, &[0])), ["stays"]);
        assert!(hold.is_empty());
        assert_eq!(hold.next_deadline_ms(), None);
    }

    #[test]
    fn release_all_empties_the_hold() {
        let mut hold = PullHold::new(10);
        hold.park(parked("b", T0, 0, 200)).unwrap();
        hold.park(parked("a", T1, 0, 100)).unwrap();
        assert_eq!(names(&hold.release_all()), ["a", "b"]);
        assert!(hold.is_empty());
    }
}
