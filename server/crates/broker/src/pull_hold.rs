//! Parked pulls: which wait for which queue, until when. Pure: no clock, no IO.
//!
//! Every parked pull leaves exactly once: by an arrival that it wants, at its deadline, when its
//! connection closes, or at the stop. Parking and leaving cost the same however many are parked:
//! a pull is a link of three chains, its queue's, its connection's and its deadline's.
use std::collections::BTreeMap;

use ahash::AHashMap;

/// A queue that pulls wait for: `QueueRef::address`, cheaper to look up than its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct QueueKey(pub usize);

impl QueueKey {
    /// Of no queue: such a pull waits for its deadline alone.
    pub const NONE: Self = Self(0);
}

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

impl<T: WantsTag> WantsTag for Box<T> {
    fn wants(&self, tags_code: i64) -> bool {
        self.as_ref().wants(tags_code)
    }
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
    parked: usize,
    places: Vec<Place<T>>,
    /// Places without a pull.
    free: Vec<usize>,
    /// The first place of each chain.
    queues: AHashMap<QueueKey, usize>,
    connections: AHashMap<u64, usize>,
    deadlines: BTreeMap<i64, usize>,
}

#[derive(Debug)]
struct Place<T> {
    pull: Option<Parked<T>>,
    queue: Link,
    connection: Link,
    deadline: Link,
}

/// The neighbours of a place in a chain.
#[derive(Clone, Copy, Debug)]
struct Link {
    before: Option<usize>,
    after: Option<usize>,
}

/// Which of a place's links.
type Chain<T> = fn(&mut Place<T>) -> &mut Link;

/// What became of a chain that a place has left.
enum Left {
    SameFirst,
    First(usize),
    Empty,
}

impl<T: WantsTag> PullHold<T> {
    pub fn new(parked_max: usize) -> Self {
        Self {
            parked_max,
            parked: 0,
            places: Vec::new(),
            free: Vec::new(),
            queues: AHashMap::new(),
            connections: AHashMap::new(),
            deadlines: BTreeMap::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.parked
    }

    pub fn is_empty(&self) -> bool {
        self.parked == 0
    }

    /// Whether any pull waits for the queue.
    pub fn waits_for(&self, key: QueueKey) -> bool {
        self.queues.contains_key(&key)
    }

    /// Keeps a pull; a full table gives it back with the figures.
    pub fn park(&mut self, pull: Parked<T>) -> Result<(), (Parked<T>, HoldFull)> {
        if self.parked >= self.parked_max {
            let full = HoldFull { parked: self.parked, parked_max: self.parked_max };
            return Err((pull, full));
        }
        self.parked += 1;
        let at = self.free.pop().unwrap_or(self.places.len());
        let before_first = |after| Link { before: None, after };
        let place = Place {
            queue: before_first(self.queues.insert(pull.key, at)),
            connection: before_first(self.connections.insert(pull.connection_id, at)),
            deadline: before_first(self.deadlines.insert(pull.deadline_ms, at)),
            pull: Some(pull),
        };
        let afters = (place.queue.after, place.connection.after, place.deadline.after);
        match self.places.get_mut(at) {
            Some(free) => *free = place,
            None => self.places.push(place),
        }
        self.set_before(afters.0, Some(at), |place| &mut place.queue);
        self.set_before(afters.1, Some(at), |place| &mut place.connection);
        self.set_before(afters.2, Some(at), |place| &mut place.deadline);
        Ok(())
    }

    /// A queue grew to `queue_offset_max`: moves the pulls that one of the new messages is for to
    /// `woken`.
    pub fn arrived(
        &mut self,
        key: QueueKey,
        queue_offset_max: u64,
        tags_codes: &[i64],
        woken: &mut Vec<Parked<T>>,
    ) {
        self.take_from_queue(key, woken, |pull| {
            pull.queue_offset < queue_offset_max
                && tags_codes.iter().any(|code| pull.payload.wants(*code))
        });
    }

    /// Moves the pulls of a queue that are behind `queue_offset_max` to `woken`, whatever they
    /// filter: for an arrival whose tags nobody saw.
    pub fn grown(&mut self, key: QueueKey, queue_offset_max: u64, woken: &mut Vec<Parked<T>>) {
        self.take_from_queue(key, woken, |pull| pull.queue_offset < queue_offset_max);
    }

    /// Moves the pulls whose time has come to `expired`, in the order of their deadlines.
    pub fn expire(&mut self, now_ms: i64, expired: &mut Vec<Parked<T>>) {
        while let Some((deadline_ms, at)) = self.deadlines.first_key_value()
            && *deadline_ms <= now_ms
        {
            expired.extend(self.take(*at));
        }
    }

    /// When `expire` will next find something.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first_key_value().map(|(deadline_ms, _)| *deadline_ms)
    }

    /// Moves the pulls of a connection that is gone to `gone`: nobody is there to answer.
    pub fn closed(&mut self, connection_id: u64, gone: &mut Vec<Parked<T>>) {
        while let Some(at) = self.connections.get(&connection_id) {
            gone.extend(self.take(*at));
        }
    }

    /// Moves every pull of one queue to `released`, for a topic that is deleted.
    pub fn released(&mut self, key: QueueKey, released: &mut Vec<Parked<T>>) {
        self.take_from_queue(key, released, |_| true);
    }

    /// As `released`, some of them.
    pub fn released_if(
        &mut self,
        key: QueueKey,
        released: &mut Vec<Parked<T>>,
        wanted: impl Fn(&T) -> bool,
    ) {
        self.take_from_queue(key, released, |parked| wanted(&parked.payload));
    }

    /// Moves everything to `released`, at the stop, in the order of the deadlines.
    pub fn release_all(&mut self, released: &mut Vec<Parked<T>>) {
        self.expire(i64::MAX, released);
    }

    fn take_from_queue(
        &mut self,
        key: QueueKey,
        taken: &mut Vec<Parked<T>>,
        wanted: impl Fn(&Parked<T>) -> bool,
    ) {
        let mut next = self.queues.get(&key).copied();
        while let Some(at) = next {
            let Some(place) = self.places.get(at) else { return };
            next = place.queue.after;
            if place.pull.as_ref().is_some_and(&wanted) {
                taken.extend(self.take(at));
            }
        }
    }

    /// Takes the pull of a place that has one out of its three chains.
    fn take(&mut self, at: usize) -> Option<Parked<T>> {
        let place = self.places.get_mut(at)?;
        let (queue, connection, deadline) = (place.queue, place.connection, place.deadline);
        let pull = place.pull.take()?;
        match self.unlink(queue, |place| &mut place.queue) {
            Left::SameFirst => {}
            Left::First(first) => _ = self.queues.insert(pull.key, first),
            Left::Empty => _ = self.queues.remove(&pull.key),
        }
        match self.unlink(connection, |place| &mut place.connection) {
            Left::SameFirst => {}
            Left::First(first) => _ = self.connections.insert(pull.connection_id, first),
            Left::Empty => _ = self.connections.remove(&pull.connection_id),
        }
        match self.unlink(deadline, |place| &mut place.deadline) {
            Left::SameFirst => {}
            Left::First(first) => _ = self.deadlines.insert(pull.deadline_ms, first),
            Left::Empty => _ = self.deadlines.remove(&pull.deadline_ms),
        }
        self.free.push(at);
        self.parked -= 1;
        Some(pull)
    }

    /// Joins the neighbours of a place that leaves a chain.
    fn unlink(&mut self, link: Link, chain: Chain<T>) -> Left {
        self.set_before(link.after, link.before, chain);
        match (link.before, link.after) {
            (Some(before), after) => {
                if let Some(place) = self.places.get_mut(before) {
                    chain(place).after = after;
                }
                Left::SameFirst
            }
            (None, Some(after)) => Left::First(after),
            (None, None) => Left::Empty,
        }
    }

    fn set_before(&mut self, of: Option<usize>, before: Option<usize>, chain: Chain<T>) {
        if let Some(place) = of.and_then(|at| self.places.get_mut(at)) {
            chain(place).before = before;
        }
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

    /// Names of what `take` takes out.
    fn names(
        hold: &mut PullHold<Pull>,
        take: impl FnOnce(&mut PullHold<Pull>, &mut Vec<Parked<Pull>>),
    ) -> Vec<&'static str> {
        let mut taken = Vec::new();
        take(hold, &mut taken);
        taken.iter().map(|pull| pull.payload.0).collect()
    }

    fn arrived(
        hold: &mut PullHold<Pull>,
        key: QueueKey,
        max: u64,
        codes: &[i64],
    ) -> Vec<&'static str> {
        names(hold, |hold, woken| hold.arrived(key, max, codes, woken))
    }

    #[test]
    fn arrival_wakes_only_pulls_of_the_queue_that_grew() {
        let mut hold = PullHold::new(10);
        hold.park(parked("a", T0, 5, 100)).unwrap();
        hold.park(parked("b", T1, 5, 100)).unwrap();
        hold.park(parked("c", U0, 5, 100)).unwrap();
        assert_eq!(arrived(&mut hold, T1, 6, &[0]), ["b"]);
        assert_eq!((hold.len(), hold.waits_for(T0), hold.waits_for(T1)), (2, true, false));
    }

    #[test]
    fn arrival_before_the_pulls_offset_leaves_it_parked() {
        let mut hold = PullHold::new(10);
        hold.park(parked("a", T0, 6, 100)).unwrap();
        assert_eq!(arrived(&mut hold, T0, 6, &[0]), Vec::<&str>::new());
        assert_eq!(arrived(&mut hold, T0, 7, &[0]), ["a"]);
    }

    #[test]
    fn arrival_of_another_tag_leaves_the_pull_parked() {
        let mut hold = PullHold::new(10);
        let mut pull = parked("a", T0, 0, 100);
        pull.payload.1 = 42;
        hold.park(pull).unwrap();
        assert_eq!(arrived(&mut hold, T0, 1, &[41, 43]), Vec::<&str>::new());
        assert_eq!(arrived(&mut hold, T0, 3, &[41, 42]), ["a"]);
    }

    #[test]
    fn expiry_takes_what_is_due_in_order_of_deadline() {
        let mut hold = PullHold::new(10);
        hold.park(parked("late", T0, 0, 300)).unwrap();
        hold.park(parked("second", T1, 0, 200)).unwrap();
        hold.park(parked("first", U0, 0, 100)).unwrap();
        assert_eq!(hold.next_deadline_ms(), Some(100));
        assert_eq!(names(&mut hold, |hold, due| hold.expire(99, due)), Vec::<&str>::new());
        assert_eq!(names(&mut hold, |hold, due| hold.expire(200, due)), ["first", "second"]);
        assert_eq!(hold.next_deadline_ms(), Some(300));
        assert_eq!(arrived(&mut hold, U0, 9, &[0]), Vec::<&str>::new());
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
        assert_eq!(names(&mut hold, |hold, gone| hold.closed(7, gone)), ["gone"]);
        assert_eq!(arrived(&mut hold, T0, 1, &[0]), ["stays"]);
        assert!(hold.is_empty());
        assert_eq!(hold.next_deadline_ms(), None);
    }

    #[test]
    fn release_all_empties_the_hold() {
        let mut hold = PullHold::new(10);
        hold.park(parked("b", T0, 0, 200)).unwrap();
        hold.park(parked("a", T1, 0, 100)).unwrap();
        assert_eq!(names(&mut hold, |hold, all| hold.release_all(all)), ["a", "b"]);
        assert!(hold.is_empty());
    }
}
