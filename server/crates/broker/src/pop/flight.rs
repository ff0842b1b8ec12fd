//! What one consumer group has in flight of one queue. Pure: no clock, no IO.
//!
//! Below the *floor* everything is settled: acknowledged, left out by the filter or by compaction,
//! or moved to the retry topic. From the floor to `popped_to` a message is in flight or settled.
//! The floor is the group's consumer offset, so that whatever a crash forgets of this is delivered
//! again.
mod snapshot;

use std::collections::{BTreeMap, BTreeSet};

pub use snapshot::FlightSnapshot;

/// A message that was given to a consumer and not settled since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InFlight {
    /// When it was popped, or its invisible time changed: the handle's popTime.
    pub pop_time_ms: i64,
    /// When it may be given to somebody else.
    pub visible_ms: i64,
    /// Deliveries before this one, counted for ordered consumption only.
    pub redelivered: u32,
}

/// How a pop consumes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PopOrder<'a> {
    Free,
    /// Nothing more of the queue while something of it is in flight. A pop with the attempt id of
    /// the last one is that one again: its answer was lost.
    Ordered {
        attempt_id: &'a str,
    },
}

/// Where a pop may read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// Read from `queue_offset`, at most `count_max` messages, then `take` with this version.
    From { queue_offset: u64, count_max: usize, version: u64 },
    /// Ordered consumption: wait for acknowledgements, or until then.
    Blocked { until_ms: i64 },
    /// As many in flight as may be.
    Full { in_flight: usize },
}

/// What a pop has read and gives to its consumer.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// As `Start::From` gave it.
    pub version: u64,
    /// Where the reading began and ended; what is between and not in `queue_offsets` was left out
    /// by the filter or by compaction, and is settled.
    pub from: u64,
    pub next: u64,
    /// Ascending.
    pub queue_offsets: &'a [u64],
    pub pop_time_ms: i64,
    pub visible_ms: i64,
    pub order: PopOrder<'a>,
}

/// Another pop of the queue came in between: begin again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Overtaken;

/// What an acknowledgement or a change of the invisible time found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HandleState {
    /// It was in flight under this handle, and the wish is done.
    Done(InFlight),
    /// Acknowledged before, or moved to the retry topic since.
    Settled,
    /// In flight under a newer handle.
    Stale { pop_time_ms: i64 },
    /// Never popped, or to be popped again after a restart.
    NotInFlight,
}

/// A message whose invisible time is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    pub queue_offset: u64,
    pub pop_time_ms: i64,
}

/// The state of one (group, topic, queue).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Flight {
    popped_to: u64,
    in_flight: BTreeMap<u64, InFlight>,
    /// Those of `in_flight` that are invisible, by when that ends.
    due: BTreeSet<(i64, u64)>,
    /// Of the latest ordered pop.
    attempt_id: String,
    ordered: bool,
    /// Counts what makes a read that is under way worthless.
    version: u64,
}

impl Flight {
    /// Nothing in flight, everything before `queue_offset` settled.
    pub fn at(queue_offset: u64) -> Self {
        Self {
            popped_to: queue_offset,
            in_flight: BTreeMap::new(),
            due: BTreeSet::new(),
            attempt_id: String::new(),
            ordered: false,
            version: 0,
        }
    }

    /// The lowest offset that is not settled: the group's consumer offset.
    pub fn floor(&self) -> u64 {
        self.in_flight.first_key_value().map_or(self.popped_to, |(queue_offset, _)| *queue_offset)
    }

    /// The next offset that nobody has popped.
    pub fn popped_to(&self) -> u64 {
        self.popped_to
    }

    pub fn in_flight_count(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether the latest pop was an ordered one.
    pub fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// Begins a pop: what it reads is in flight once `take` took it. A free one ends ordered
    /// consumption.
    pub fn begin(&mut self, order: PopOrder<'_>, now_ms: i64, in_flight_max: usize) -> Start {
        let PopOrder::Ordered { attempt_id } = order else {
            if std::mem::take(&mut self.ordered) {
                self.watch_all();
            }
            let in_flight = self.in_flight.len();
            let count_max = in_flight_max.saturating_sub(in_flight);
            if count_max == 0 {
                return Start::Full { in_flight };
            }
            return Start::From { queue_offset: self.popped_to, count_max, version: self.version };
        };
        let repeated = !attempt_id.is_empty() && self.attempt_id == attempt_id;
        if let Some((until_ms, _)) = self.due.last()
            && *until_ms > now_ms
            && !repeated
        {
            return Start::Blocked { until_ms: *until_ms };
        }
        Start::From { queue_offset: self.floor(), count_max: in_flight_max, version: self.version }
    }

    /// Whether a pop that reads again from the floor is to leave this message out: it is settled.
    pub fn is_settled(&self, queue_offset: u64) -> bool {
        queue_offset < self.popped_to && !self.in_flight.contains_key(&queue_offset)
    }

    /// Puts what was read in flight. Gives for each message how often it was delivered before
    /// (ordered consumption; else 0).
    pub fn take(&mut self, taken: &Taken<'_>) -> Result<Vec<u32>, Overtaken> {
        if taken.version != self.version {
            return Err(Overtaken);
        }
        self.version += 1;
        let repeated = match taken.order {
            PopOrder::Free => false,
            PopOrder::Ordered { attempt_id } => {
                self.ordered = true;
                let repeated = !attempt_id.is_empty() && self.attempt_id == attempt_id;
                attempt_id.clone_into(&mut self.attempt_id);
                repeated
            }
        };
        let before = self.remove_range(taken.from, taken.next);
        let redelivered = |queue_offset: &u64| match before.get(queue_offset) {
            Some(known) if repeated => known.redelivered,
            Some(known) => known.redelivered.saturating_add(1),
            None => 0,
        };
        let counts: Vec<u32> = taken.queue_offsets.iter().map(redelivered).collect();
        for (queue_offset, redelivered) in taken.queue_offsets.iter().zip(&counts) {
            let (pop_time_ms, visible_ms) = (taken.pop_time_ms, taken.visible_ms);
            let redelivered = *redelivered;
            self.insert(*queue_offset, InFlight { pop_time_ms, visible_ms, redelivered });
        }
        self.popped_to = self.popped_to.max(taken.next);
        Ok(counts)
    }

    /// A consumer is done with a message.
    pub fn ack(&mut self, queue_offset: u64, pop_time_ms: i64) -> HandleState {
        let state = self.state(queue_offset, pop_time_ms);
        if let HandleState::Done(_) = state {
            self.remove(queue_offset);
            // A pop that reads again from the floor must not give it once more.
            self.version += u64::from(self.ordered);
        }
        state
    }

    /// A consumer wants a message to be visible at another time. It gets a new handle, except that
    /// in ordered consumption, as in Apache, the handle stays. Gives what is in flight now.
    pub fn change(
        &mut self,
        queue_offset: u64,
        pop_time_ms: i64,
        now_ms: i64,
        visible_ms: i64,
    ) -> HandleState {
        let HandleState::Done(known) = self.state(queue_offset, pop_time_ms) else {
            return self.state(queue_offset, pop_time_ms);
        };
        self.remove(queue_offset);
        let pop_time_ms = if self.ordered { known.pop_time_ms } else { now_ms };
        let changed = InFlight { pop_time_ms, visible_ms, ..known };
        self.insert(queue_offset, changed);
        HandleState::Done(changed)
    }

    /// Messages whose invisible time is over, at most `count_max`, the longest first: to be moved
    /// to the retry topic and then `settle`d. In ordered consumption nothing moves: they may be
    /// popped again, which is told once, by the second value.
    pub fn due(&mut self, now_ms: i64, count_max: usize) -> (Vec<Due>, bool) {
        if self.ordered {
            let still = self.due.split_off(&(now_ms.saturating_add(1), 0));
            let some_became_visible = !std::mem::replace(&mut self.due, still).is_empty();
            return (Vec::new(), some_became_visible);
        }
        let over = self.due.iter().take_while(|(visible_ms, _)| *visible_ms <= now_ms);
        let due = over.take(count_max).filter_map(|(_, queue_offset)| {
            let known = self.in_flight.get(queue_offset)?;
            Some(Due { queue_offset: *queue_offset, pop_time_ms: known.pop_time_ms })
        });
        (due.collect(), false)
    }

    /// When `due` will next find something.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.due.first().map(|(visible_ms, _)| *visible_ms)
    }

    /// A due message is in the retry topic, or gone from the log: it is done with here, unless its
    /// handle was used in between.
    pub fn settle(&mut self, due: Due) {
        if let HandleState::Done(_) = self.state(due.queue_offset, due.pop_time_ms) {
            self.remove(due.queue_offset);
        }
    }

    /// A due message could not be moved: it stays in flight, and is due again at `visible_ms`.
    pub fn postpone(&mut self, due: Due, visible_ms: i64) {
        if let HandleState::Done(known) = self.state(due.queue_offset, due.pop_time_ms) {
            self.remove(due.queue_offset);
            self.insert(due.queue_offset, InFlight { visible_ms, ..known });
        }
    }

    /// Somebody else has set the group's consumer offset, or the queue begins or ends elsewhere.
    /// Within what is in flight only what lies below is forgotten, else everything.
    pub fn reset(&mut self, queue_offset: u64) {
        if queue_offset == self.floor() {
            return;
        }
        if (self.floor()..=self.popped_to).contains(&queue_offset) {
            self.version += 1;
            self.remove_range(0, queue_offset);
            return;
        }
        self.restart(queue_offset);
    }

    /// The group is put elsewhere: whatever is in flight is forgotten, and comes again where it
    /// lies at or above `queue_offset`.
    pub fn restart(&mut self, queue_offset: u64) {
        *self = Self { version: self.version + 1, ..Self::at(queue_offset) };
    }

    fn state(&self, queue_offset: u64, pop_time_ms: i64) -> HandleState {
        match self.in_flight.get(&queue_offset) {
            Some(known) if known.pop_time_ms == pop_time_ms => HandleState::Done(*known),
            Some(known) => HandleState::Stale { pop_time_ms: known.pop_time_ms },
            None if queue_offset < self.popped_to => HandleState::Settled,
            None => HandleState::NotInFlight,
        }
    }

    fn insert(&mut self, queue_offset: u64, message: InFlight) {
        self.in_flight.insert(queue_offset, message);
        self.due.insert((message.visible_ms, queue_offset));
    }

    /// Ordered consumption forgets what became visible: it waits for a pop, not for the retry
    /// topic.
    fn watch_all(&mut self) {
        let all = self.in_flight.iter();
        self.due = all.map(|(queue_offset, known)| (known.visible_ms, *queue_offset)).collect();
    }

    fn remove(&mut self, queue_offset: u64) {
        if let Some(known) = self.in_flight.remove(&queue_offset) {
            self.due.remove(&(known.visible_ms, queue_offset));
        }
    }

    fn remove_range(&mut self, from: u64, to: u64) -> BTreeMap<u64, InFlight> {
        let mut removed = self.in_flight.split_off(&from);
        let mut above = removed.split_off(&to.max(from));
        self.in_flight.append(&mut above);
        for (queue_offset, known) in &removed {
            self.due.remove(&(known.visible_ms, *queue_offset));
        }
        removed
    }
}
