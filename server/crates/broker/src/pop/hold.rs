//! Held pops: who waits for messages of which topic and group, until when. Pure: no clock, no IO.
//!
//! Unlike a pull (`pull_hold.rs`) a pop waits for any queue of its topic, and one message is for
//! one of a group's pops alone: an arrival takes one, which then sees to the next if it leaves
//! anything.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ahash::AHashMap;

use crate::pull_hold::WantsTag;

/// What a held request waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PollingKey {
    pub topic: Arc<str>,
    pub group: Arc<str>,
    /// -1 is any queue of the topic.
    pub queue_id: i32,
}

/// A held request; `payload` is what the shell needs to answer it.
#[derive(Debug)]
pub struct Polling<T> {
    pub key: PollingKey,
    pub connection_id: u64,
    pub deadline_ms: i64,
    pub payload: T,
}

/// Why a request is not held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PollingFull {
    pub held: usize,
    pub held_max: usize,
}

/// Limits of a hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PollingLimits {
    pub held_max: usize,
    /// For one topic, group and queue id.
    pub of_one_queue_max: usize,
}

/// Which of a group's requests is woken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Turn {
    /// The one that has waited longest.
    #[default]
    Oldest,
    /// The one that came last: its client is there, as far as anybody can tell. Clients that ask
    /// several brokers or topics go on with the first answer, and nobody waits for the others.
    Newest,
}

/// Ids in the order of arrival, by queue id.
type Queues = BTreeMap<i32, BTreeSet<u64>>;

/// The table of held requests.
#[derive(Debug)]
pub struct PopHold<T> {
    turn: Turn,
    held: AHashMap<u64, Polling<T>>,
    next_id: u64,
    /// By topic, then group.
    topics: AHashMap<Arc<str>, BTreeMap<Arc<str>, Queues>>,
    connections: AHashMap<u64, BTreeSet<u64>>,
    deadlines: BTreeSet<(i64, u64)>,
}

impl<T> Default for PopHold<T> {
    fn default() -> Self {
        Self::new(Turn::default())
    }
}

impl<T> PopHold<T> {
    pub fn new(turn: Turn) -> Self {
        Self {
            turn,
            held: AHashMap::new(),
            next_id: 0,
            topics: AHashMap::new(),
            connections: AHashMap::new(),
            deadlines: BTreeSet::new(),
        }
    }
}

impl<T: WantsTag> PopHold<T> {
    pub fn len(&self) -> usize {
        self.held.len()
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Requests held for exactly this key.
    pub fn count(&self, key: &PollingKey) -> usize {
        self.ids(key).map_or(0, BTreeSet::len)
    }

    /// The same, one by one.
    pub fn of(&self, key: &PollingKey) -> impl Iterator<Item = &T> {
        let ids = self.ids(key).into_iter().flatten();
        ids.filter_map(|id| self.held.get(id)).map(|polling| &polling.payload)
    }

    fn ids(&self, key: &PollingKey) -> Option<&BTreeSet<u64>> {
        self.topics.get(&key.topic)?.get(&key.group)?.get(&key.queue_id)
    }

    /// Whether anybody waits for a queue.
    pub fn waits_for(&self, topic: &str, queue_id: i32) -> bool {
        let Some(groups) = self.topics.get(topic) else { return false };
        groups.values().any(|queues| queues.contains_key(&-1) || queues.contains_key(&queue_id))
    }

    /// Keeps a request; a full table gives it back with the figures.
    pub fn park(
        &mut self,
        polling: Polling<T>,
        limits: PollingLimits,
    ) -> Result<(), (Polling<T>, PollingFull)> {
        let of_queue = self.count(&polling.key);
        let full = if self.held.len() >= limits.held_max {
            Some(PollingFull { held: self.held.len(), held_max: limits.held_max })
        } else if of_queue >= limits.of_one_queue_max {
            Some(PollingFull { held: of_queue, held_max: limits.of_one_queue_max })
        } else {
            None
        };
        if let Some(full) = full {
            return Err((polling, full));
        }
        let id = self.next_id;
        self.next_id += 1;
        let PollingKey { topic, group, queue_id } = polling.key.clone();
        let queues = self.topics.entry(topic).or_default().entry(group).or_default();
        queues.entry(queue_id).or_default().insert(id);
        self.connections.entry(polling.connection_id).or_default().insert(id);
        self.deadlines.insert((polling.deadline_ms, id));
        self.held.insert(id, polling);
        Ok(())
    }

    /// Messages with these tags came to a queue: moves one request of each group that wants one of
    /// them to `woken`.
    pub fn arrived(
        &mut self,
        topic: &str,
        queue_id: i32,
        tags_codes: &[i64],
        woken: &mut Vec<Polling<T>>,
    ) {
        let Some(groups) = self.topics.get(topic) else { return };
        let wants = |id: &u64| {
            let payload = self.held.get(id).map(|polling| &polling.payload);
            payload.is_some_and(|payload| tags_codes.iter().any(|code| payload.wants(*code)))
        };
        let next = |queues: &Queues, of: i32| {
            let mut ids = queues.get(&of)?.iter();
            match self.turn {
                Turn::Oldest => ids.find(|id| wants(id)).copied(),
                Turn::Newest => ids.rfind(|id| wants(id)).copied(),
            }
        };
        let ids: Vec<u64> = groups
            .values()
            .filter_map(|queues| next(queues, -1).or_else(|| next(queues, queue_id)))
            .collect();
        woken.extend(ids.into_iter().filter_map(|id| self.take(id)));
    }

    /// There is something for a group, whatever its tag: moves one request to `woken`. Of a queue
    /// (not -1) only those that wait for it, or for any, are meant.
    pub fn notified(
        &mut self,
        topic: &str,
        group: &str,
        queue_id: i32,
        woken: &mut Vec<Polling<T>>,
    ) {
        let Some(queues) = self.topics.get(topic).and_then(|groups| groups.get(group)) else {
            return;
        };
        let meant =
            queues.iter().filter(|(of, _)| [**of, queue_id].contains(&-1) || **of == queue_id);
        let next = match self.turn {
            Turn::Oldest => meant.filter_map(|(_, ids)| ids.first()).min().copied(),
            Turn::Newest => meant.filter_map(|(_, ids)| ids.last()).max().copied(),
        };
        woken.extend(next.and_then(|id| self.take(id)));
    }

    /// Moves the requests whose time has come to `expired`, in the order of their deadlines.
    pub fn expire(&mut self, now_ms: i64, expired: &mut Vec<Polling<T>>) {
        while let Some((deadline_ms, id)) = self.deadlines.first().copied()
            && deadline_ms <= now_ms
        {
            expired.extend(self.take(id));
        }
    }

    /// When `expire` will next find something.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    /// Moves the requests of a connection that is gone to `gone`.
    pub fn closed(&mut self, connection_id: u64, gone: &mut Vec<Polling<T>>) {
        let ids = self.connections.remove(&connection_id).unwrap_or_default();
        gone.extend(ids.into_iter().filter_map(|id| self.take(id)));
    }

    /// Moves the requests for a topic that is deleted to `released`.
    pub fn released(&mut self, topic: &str, released: &mut Vec<Polling<T>>) {
        let groups = self.topics.get(topic).into_iter().flat_map(BTreeMap::values);
        let ids: Vec<u64> = groups.flat_map(BTreeMap::values).flatten().copied().collect();
        released.extend(ids.into_iter().filter_map(|id| self.take(id)));
    }

    /// Moves everything to `released`, at the stop.
    pub fn release_all(&mut self, released: &mut Vec<Polling<T>>) {
        self.expire(i64::MAX, released);
    }

    fn take(&mut self, id: u64) -> Option<Polling<T>> {
        let polling = self.held.remove(&id)?;
        self.deadlines.remove(&(polling.deadline_ms, id));
        if let Some(ids) = self.connections.get_mut(&polling.connection_id) {
            ids.remove(&id);
            if ids.is_empty() {
                self.connections.remove(&polling.connection_id);
            }
        }
        let PollingKey { topic, group, queue_id } = &polling.key;
        if let Some(groups) = self.topics.get_mut(topic) {
            if let Some(queues) = groups.get_mut(group) {
                if let Some(ids) = queues.get_mut(queue_id) {
                    ids.remove(&id);
                    if ids.is_empty() {
                        queues.remove(queue_id);
                    }
                }
                if queues.is_empty() {
                    groups.remove(group);
                }
            }
            if groups.is_empty() {
                self.topics.remove(topic);
            }
        }
        Some(polling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name, and the tag code it wants; 0 wants all.
    #[derive(Debug)]
    struct Pop(&'static str, i64);

    impl WantsTag for Pop {
        fn wants(&self, tags_code: i64) -> bool {
            self.1 == 0 || self.1 == tags_code
        }
    }

    const LIMITS: PollingLimits = PollingLimits { held_max: 10, of_one_queue_max: 3 };

    fn polling(group: &str, queue_id: i32, pop: Pop, deadline_ms: i64) -> Polling<Pop> {
        let key = PollingKey { topic: "t".into(), group: group.into(), queue_id };
        Polling { key, connection_id: 7, deadline_ms, payload: pop }
    }

    fn names(
        hold: &mut PopHold<Pop>,
        take: impl FnOnce(&mut PopHold<Pop>, &mut Vec<Polling<Pop>>),
    ) -> Vec<&'static str> {
        let mut taken = Vec::new();
        take(hold, &mut taken);
        taken.iter().map(|polling| polling.payload.0).collect()
    }

    fn held(pollings: Vec<Polling<Pop>>) -> PopHold<Pop> {
        let mut hold = PopHold::default();
        for polling in pollings {
            hold.park(polling, LIMITS).unwrap();
        }
        hold
    }

    #[test]
    fn an_arrival_wakes_the_longest_waiting_pop_of_each_group() {
        let mut hold = held(vec![
            polling("g", -1, Pop("first", 0), 100),
            polling("g", -1, Pop("second", 0), 100),
            polling("h", 2, Pop("of queue 2", 0), 100),
            polling("i", 1, Pop("of queue 1", 0), 100),
        ]);
        let woken = names(&mut hold, |hold, woken| hold.arrived("t", 2, &[0], woken));
        assert_eq!(woken, ["first", "of queue 2"]);
        let woken = names(&mut hold, |hold, woken| hold.arrived("u", 2, &[0], woken));
        assert_eq!(woken, Vec::<&str>::new());
        assert_eq!((hold.waits_for("t", 1), hold.waits_for("u", 1)), (true, false));
    }

    #[test]
    fn who_is_to_be_told_of_messages_is_told_newest_first() {
        let mut hold = PopHold::new(Turn::Newest);
        for (name, tag) in [("first", 0), ("second", 0), ("third", 41)] {
            hold.park(polling("g", -1, Pop(name, tag), 100), LIMITS).unwrap();
        }
        let woken = names(&mut hold, |hold, woken| hold.arrived("t", 2, &[42], woken));
        assert_eq!(woken, ["second"]);
        let woken = names(&mut hold, |hold, woken| hold.notified("t", "g", 2, woken));
        assert_eq!(woken, ["third"]);
    }

    #[test]
    fn an_arrival_of_another_tag_wakes_a_pop_further_back() {
        let mut hold =
            held(vec![polling("g", -1, Pop("a", 41), 100), polling("g", -1, Pop("b", 42), 100)]);
        let woken = names(&mut hold, |hold, woken| hold.arrived("t", 0, &[42], woken));
        assert_eq!(woken, ["b"]);
    }

    #[test]
    fn a_notice_is_for_one_group_and_its_queue() {
        let mut hold = held(vec![
            polling("g", 1, Pop("of queue 1", 0), 100),
            polling("g", 0, Pop("of queue 0", 0), 100),
            polling("g", -1, Pop("of any", 0), 100),
        ]);
        let notified = |hold: &mut PopHold<Pop>, queue_id| {
            names(hold, |hold, woken| hold.notified("t", "g", queue_id, woken))
        };
        assert_eq!(notified(&mut hold, 0), ["of queue 0"]);
        assert_eq!(notified(&mut hold, 0), ["of any"]);
        assert_eq!(notified(&mut hold, 0), Vec::<&str>::new());
        assert_eq!(notified(&mut hold, -1), ["of queue 1"]);
        assert!(hold.is_empty());
    }

    #[test]
    fn full_hold_gives_the_pop_back_with_the_figures() {
        let mut hold = held((0..3).map(|_| polling("g", 0, Pop("a", 0), 100)).collect());
        let (back, full) = hold.park(polling("g", 0, Pop("b", 0), 100), LIMITS).unwrap_err();
        assert_eq!((back.payload.0, full), ("b", PollingFull { held: 3, held_max: 3 }));
        let limits = PollingLimits { held_max: 3, of_one_queue_max: 3 };
        let (_, full) = hold.park(polling("h", 0, Pop("c", 0), 100), limits).unwrap_err();
        assert_eq!(full, PollingFull { held: 3, held_max: 3 });
    }

    #[test]
    fn every_pop_leaves_once() {
        let mut hold = held(vec![
            polling("g", -1, Pop("late", 0), 200),
            polling("g", 0, Pop("soon", 0), 100),
            Polling { connection_id: 8, ..polling("h", 0, Pop("gone", 0), 100) },
            polling("i", 0, Pop("deleted", 0), 300),
        ]);
        assert_eq!(hold.next_deadline_ms(), Some(100));
        assert_eq!(names(&mut hold, |hold, gone| hold.closed(8, gone)), ["gone"]);
        assert_eq!(names(&mut hold, |hold, due| hold.expire(150, due)), ["soon"]);
        assert_eq!(names(&mut hold, |hold, all| hold.released("t", all)), ["late", "deleted"]);
        assert!(hold.is_empty());
        assert_eq!((hold.next_deadline_ms(), hold.topics.len()), (None, 0));
        assert!(hold.connections.is_empty());
    }
}
