//! Every flight of this broker, and the group's consumer offset that follows each one's floor.
//!
//! A shard's lock is held for one step of one flight, and for the commit of its floor: two floors
//! of one flight never reach the offset table in the wrong order.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::group_queues::{Change, GroupQueues, TopicQueues, of_key};
use crate::offset_table::OffsetTable;
use crate::pop::flight::{
    Due, Flight, FlightSnapshot, HandleState, Overtaken, PopOrder, Start, Taken,
};

/// Which flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlightKey<'k> {
    pub group: &'k str,
    /// The topic itself, or a retry topic.
    pub topic: &'k str,
    pub queue_id: i32,
}

/// A key of its own, of flights that have something due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnedKey {
    pub group: String,
    pub topic: String,
    pub queue_id: i32,
}

impl OwnedKey {
    pub fn borrowed(&self) -> FlightKey<'_> {
        FlightKey { group: &self.group, topic: &self.topic, queue_id: self.queue_id }
    }
}

/// What is due of one flight.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueFlight {
    pub key: OwnedKey,
    /// To be moved to the retry topic.
    pub due: Vec<Due>,
}

/// Flights of one (topic, group) as they are kept: queue id to flight.
pub type FlightSnapshots = BTreeMap<i32, FlightSnapshot>;

/// The table.
#[derive(Debug)]
pub struct FlightTable {
    groups: GroupQueues<Flight>,
    /// When something is due next, or earlier.
    next_due_ms: AtomicI64,
    /// Told when that comes nearer.
    pub(crate) nearer: tokio::sync::Notify,
}

impl Default for FlightTable {
    fn default() -> Self {
        Self {
            groups: GroupQueues::default(),
            next_due_ms: AtomicI64::new(i64::MAX),
            nearer: tokio::sync::Notify::new(),
        }
    }
}

impl FlightTable {
    /// Begins a pop of a queue. `None` where the group has never consumed it: `open` it first.
    pub fn begin(
        &self,
        offsets: &OffsetTable,
        key: FlightKey<'_>,
        order: PopOrder<'_>,
        now_ms: i64,
        in_flight_max: usize,
    ) -> Option<Start> {
        let (start, due_ms) = self.groups.change(key.group, key.topic, |flights| {
            let committed = offsets.committed(key.group, key.topic, key.queue_id)?;
            let committed = u64::try_from(committed).unwrap_or(0);
            let flight = flight_of(flights, key.queue_id, committed);
            // A reset, or a consumer that pulls: the offset table says where the group stands.
            flight.reset(committed);
            Some((flight.begin(order, now_ms, in_flight_max), flight.next_due_ms()))
        })?;
        self.note_due(due_ms.unwrap_or(i64::MAX));
        Some(start)
    }

    /// Lets a group that has never consumed a queue begin at `queue_offset`.
    pub fn open(&self, offsets: &OffsetTable, key: FlightKey<'_>, queue_offset: u64) {
        self.groups.change(key.group, key.topic, |flights| {
            if offsets.committed(key.group, key.topic, key.queue_id).is_none() {
                flight_of(flights, key.queue_id, queue_offset).reset(queue_offset);
                commit(offsets, key, queue_offset);
            }
        });
    }

    /// Puts what was read in flight; see `Flight::take`.
    pub fn take(
        &self,
        offsets: &OffsetTable,
        key: FlightKey<'_>,
        taken: &Taken<'_>,
    ) -> Result<Vec<u32>, Overtaken> {
        let counts = self.step(offsets, key, |flight| flight.take(taken)).ok_or(Overtaken)??;
        if !taken.queue_offsets.is_empty() {
            self.note_due(taken.visible_ms);
        }
        Ok(counts)
    }

    /// See `Flight::ack`.
    pub fn ack(
        &self,
        offsets: &OffsetTable,
        key: FlightKey<'_>,
        queue_offset: u64,
        pop_time_ms: i64,
    ) -> HandleState {
        let acked = self.step(offsets, key, |flight| flight.ack(queue_offset, pop_time_ms));
        acked.unwrap_or_else(|| unopened(offsets, key, queue_offset))
    }

    /// See `Flight::change`.
    pub fn change(
        &self,
        offsets: &OffsetTable,
        key: FlightKey<'_>,
        queue_offset: u64,
        pop_time_ms: i64,
        times: (i64, i64),
    ) -> HandleState {
        let (now_ms, visible_ms) = times;
        let changed = self.step(offsets, key, |flight| {
            flight.change(queue_offset, pop_time_ms, now_ms, visible_ms)
        });
        self.note_due(visible_ms);
        changed.unwrap_or_else(|| unopened(offsets, key, queue_offset))
    }

    pub fn settle(&self, offsets: &OffsetTable, key: FlightKey<'_>, due: Due) {
        self.step(offsets, key, |flight| flight.settle(due));
    }

    pub fn postpone(&self, offsets: &OffsetTable, key: FlightKey<'_>, due: Due, visible_ms: i64) {
        self.step(offsets, key, |flight| flight.postpone(due, visible_ms));
        self.note_due(visible_ms);
    }

    /// The queue begins or ends elsewhere than the flight thought.
    pub fn reset(&self, offsets: &OffsetTable, key: FlightKey<'_>, queue_offset: u64) {
        self.step(offsets, key, |flight| flight.reset(queue_offset));
    }

    /// An administrator puts the group elsewhere, whether it pops or pulls: nothing that is
    /// acknowledged from now on moves it away from there.
    pub fn put_at(&self, offsets: &OffsetTable, key: FlightKey<'_>, queue_offset: i64) {
        self.groups.change(key.group, key.topic, |flights| {
            if let Some(flight) = flights.queues.get_mut(&key.queue_id) {
                flight.restart(u64::try_from(queue_offset).unwrap_or(0));
                flights.changed = true;
            }
            offsets.reset(key.group, key.topic, key.queue_id, queue_offset);
        });
    }

    /// Whether a pop that reads from the floor is to leave a message out.
    pub fn is_settled(&self, key: FlightKey<'_>, queue_offset: u64) -> bool {
        self.look(key, |flight| flight.is_settled(queue_offset)).unwrap_or(false)
    }

    /// Reads a flight without changing it.
    pub fn look<T>(&self, key: FlightKey<'_>, look: impl FnOnce(&Flight) -> T) -> Option<T> {
        self.groups
            .find(key.group, key.topic, |flights| flights.queues.get(&key.queue_id).map(look))?
    }

    /// What is due now, at most `count_max` of each flight; and the flights of ordered consumption
    /// that may be popped again.
    pub fn due(&self, now_ms: i64, count_max: usize) -> (Vec<DueFlight>, Vec<OwnedKey>) {
        let (mut moves, mut visible) = (Vec::new(), Vec::new());
        self.groups.each(|group, topic, flights| {
            for (queue_id, flight) in &mut flights.queues {
                let (due, became_visible) = flight.due(now_ms, count_max);
                let key =
                    || OwnedKey { group: group.into(), topic: topic.into(), queue_id: *queue_id };
                if became_visible {
                    visible.push(key());
                }
                if !due.is_empty() {
                    moves.push(DueFlight { key: key(), due });
                }
            }
        });
        (moves, visible)
    }

    /// When something is due next; `due` may find nothing then.
    pub fn next_due_ms(&self) -> i64 {
        self.next_due_ms.store(i64::MAX, Ordering::SeqCst);
        let mut next_ms = i64::MAX;
        self.groups.each(|_, _, flights| {
            let dues = flights.queues.values().filter_map(Flight::next_due_ms);
            next_ms = dues.fold(next_ms, i64::min);
        });
        self.next_due_ms.fetch_min(next_ms, Ordering::SeqCst).min(next_ms)
    }

    /// Messages in flight, all groups together.
    pub fn in_flight_count(&self) -> usize {
        let mut count = 0;
        self.groups.each(|_, _, flights| {
            count += flights.queues.values().map(Flight::in_flight_count).sum::<usize>();
        });
        count
    }

    pub fn remove_group(&self, group: &str) {
        self.groups.remove_group(group);
    }

    pub fn remove_topic(&self, topic: &str) {
        self.groups.remove_topic(topic);
    }

    /// What changed since the last call, deletions first. Take these before the offsets: an offset
    /// that is newer than its flight is understood at the restore, an older one is not.
    pub fn take_changes(&self) -> Vec<Change<FlightSnapshot>> {
        self.groups.take_changes(|flight| Some(flight.snapshot()))
    }

    /// Marks everything as to be written again, after a write that failed.
    pub fn mark_changed(&self) {
        self.groups.mark_changed();
    }

    /// Puts back what was kept, as far as the group's offsets allow.
    pub fn restore(
        &self,
        offsets: &OffsetTable,
        key: &str,
        snapshots: FlightSnapshots,
        in_flight_max: usize,
    ) {
        let Some((topic, group)) = of_key(key) else { return };
        self.groups.change(group, topic, |flights| {
            for (queue_id, snapshot) in snapshots {
                let mut restored = Flight::restore(snapshot, in_flight_max);
                let Some(committed) = offsets.committed(group, topic, queue_id) else { continue };
                restored.reset(u64::try_from(committed).unwrap_or(0));
                self.note_due(restored.next_due_ms().unwrap_or(i64::MAX));
                *flight_of(flights, queue_id, 0) = restored;
            }
        });
    }

    /// One step of a flight that is there; its floor is committed where the step moved it.
    fn step<T>(
        &self,
        offsets: &OffsetTable,
        key: FlightKey<'_>,
        step: impl FnOnce(&mut Flight) -> T,
    ) -> Option<T> {
        self.groups.find(key.group, key.topic, |flights| {
            let flight = flights.queues.get_mut(&key.queue_id)?;
            let floor = flight.floor();
            let done = step(flight);
            flights.changed = true;
            if flight.floor() != floor {
                commit(offsets, key, flight.floor());
            }
            Some(done)
        })?
    }

    fn note_due(&self, visible_ms: i64) {
        if self.next_due_ms.fetch_min(visible_ms, Ordering::SeqCst) > visible_ms {
            self.nearer.notify_one();
        }
    }
}

fn flight_of(flights: &mut TopicQueues<Flight>, queue_id: i32, at: u64) -> &mut Flight {
    let TopicQueues { queues, changed } = flights;
    queues.entry(queue_id).or_insert_with(|| {
        *changed = true;
        Flight::at(at)
    })
}

fn commit(offsets: &OffsetTable, key: FlightKey<'_>, queue_offset: u64) {
    let queue_offset = i64::try_from(queue_offset).unwrap_or(i64::MAX);
    offsets.commit(key.group, key.topic, key.queue_id, queue_offset);
}

/// What a handle finds where nothing was popped since the start.
fn unopened(offsets: &OffsetTable, key: FlightKey<'_>, queue_offset: u64) -> HandleState {
    let committed = offsets.committed(key.group, key.topic, key.queue_id);
    match committed.and_then(|committed| u64::try_from(committed).ok()) {
        Some(committed) if queue_offset < committed => HandleState::Settled,
        _ => HandleState::NotInFlight,
    }
}
