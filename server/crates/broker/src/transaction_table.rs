//! Which half messages wait for their end, and what is to be done about them. Pure: time is given,
//! what must be stored or sent is returned.
//!
//! A half message is *admitted* before it is stored and *begun* once its places are known. From
//! then on exactly one decision wins: `end` and `due` hand it out once, and it becomes final with
//! `settled`, when its op message is stored, or is taken back with `failed`.
//!
//! For restarts there is a `Position`: the half messages that wait, and how much of the half and op
//! queues they are made from. What was stored behind it is told again, in any order of calls that
//! keeps each queue's.
mod frontier;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

pub use frontier::Frontier;

/// Decisions that late requests for the same half message are told of. Chosen: some seconds' worth
/// of retries, 1 MiB.
const REMEMBERED_MAX: usize = 16_384;

/// A half message as it was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Half {
    pub queue_offset: u64,
    pub physical_offset: u64,
    /// Producer group, any member of which may be asked.
    pub group: Arc<str>,
    /// Where it goes when it is committed.
    pub topic: Arc<str>,
    /// Wall clock.
    pub stored_ms: i64,
    pub born_ms: i64,
    /// CHECK_IMMUNITY_TIME_IN_SECONDS: time that its producer asked for before the first check.
    pub immunity_ms: Option<i64>,
    /// How often a producer was asked.
    pub checks: u32,
}

/// What became of a half message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Decision {
    Commit,
    Rollback,
    /// Moved to TRANS_CHECK_MAX_TIME_TOPIC.
    GiveUp,
}

/// When producers are asked, and limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    pub first_check_ms: i64,
    pub check_interval_ms: i64,
    pub checks_max: u32,
    pub pending_max: usize,
}

/// A place for one half message; goes to `begin` or `release`.
#[derive(PartialEq, Eq, Debug)]
#[must_use]
pub struct Admission {
    /// Ops of half messages at least as new have this queue offset or a higher one.
    op_floor: u64,
}

/// As many half messages wait as may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full {
    pub pending: usize,
    pub pending_max: usize,
}

/// A request to decide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End<'a> {
    pub queue_offset: u64,
    pub physical_offset: u64,
    pub group: &'a str,
    pub decision: Decision,
    /// The answer to a check, which is never too late.
    pub from_check: bool,
}

/// What follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Store what the decision means, then call `settled` or `failed`.
    Decide(Half),
    WrongGroup(Arc<str>),
    WrongPhysicalOffset(u64),
    /// The time that the producer asked for is over: a check will ask.
    TooLate {
        age_ms: i64,
        immunity_ms: i64,
    },
    /// Somebody else's decision is being stored.
    BeingDecided(Decision),
    Decided(Decision),
    /// No such half message waits. It may have been decided long ago.
    NotPending,
}

/// Something to do about a half message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Due {
    /// Ask a producer, then call `checked`.
    Check(Half),
    /// Decided so: store it, then call `settled` or `failed`.
    GiveUp(Half),
}

/// Whether somebody was there to be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    Somebody,
    /// Not counted: a producer that is down for an hour loses nothing.
    Nobody,
}

/// What a restart needs beside the log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Half messages that wait below `half_next`, by queue offset.
    pub pending: BTreeMap<u64, Saved>,
    /// Half queue and op queue: everything below is in `pending` or decided.
    pub half_next: u64,
    pub op_next: u64,
    /// As above for a reader that knows no `pending`, but starts at the first that waits.
    pub op_floor: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Saved {
    pub physical_offset: u64,
    pub checks: u32,
}

/// One that waits, as operators see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    pub half: Half,
    /// `None`: it is being decided.
    pub next_check_ms: Option<i64>,
}

#[derive(Debug)]
struct Entry {
    half: Half,
    op_floor: u64,
    /// Begin or last check, on the clock of `now_ms`.
    since_ms: i64,
    deciding: Option<Decision>,
}

/// The table.
#[derive(Debug, Default)]
pub struct TransactionTable {
    pending: BTreeMap<u64, Entry>,
    admitted: usize,
    /// Op floors of those admitted and not begun, and how many have each.
    admitted_floors: BTreeMap<u64, usize>,
    halves: Frontier,
    ops: Frontier,
    restored_op_floor: u64,
    decided: AHashMap<u64, (u64, Decision)>,
    /// In the order in which they are forgotten.
    decided_order: VecDeque<u64>,
    /// Names of groups and topics, each once.
    names: AHashSet<Arc<str>>,
}

impl TransactionTable {
    /// An empty table, which is told of what waits at a position and stands behind it.
    pub fn starting_at(half_next: u64, op_next: u64, op_floor: u64) -> Self {
        Self {
            halves: Frontier::at(half_next),
            ops: Frontier::at(op_next),
            restored_op_floor: op_floor,
            ..Self::default()
        }
    }

    /// Takes a place for a half message that is about to be stored.
    pub fn admit(&mut self, rules: &Rules) -> Result<Admission, Full> {
        let pending = self.pending.len() + self.admitted;
        if pending >= rules.pending_max {
            return Err(Full { pending, pending_max: rules.pending_max });
        }
        self.admitted += 1;
        let op_floor = self.ops.next();
        *self.admitted_floors.entry(op_floor).or_default() += 1;
        Ok(Admission { op_floor })
    }

    /// It was not stored.
    pub fn release(&mut self, Admission { op_floor }: Admission) {
        self.admitted = self.admitted.saturating_sub(1);
        let Some(count) = self.admitted_floors.get_mut(&op_floor) else { return };
        *count -= 1;
        if *count == 0 {
            self.admitted_floors.remove(&op_floor);
        }
    }

    /// It was stored.
    pub fn begin(&mut self, now_ms: i64, half: Half, admission: Admission) {
        let op_floor = admission.op_floor;
        self.release(admission);
        self.insert(now_ms, half, op_floor);
    }

    /// One that was found in the half queue, or that an earlier position names.
    pub fn restore(&mut self, now_ms: i64, half: Half) {
        self.insert(now_ms, half, self.restored_op_floor);
    }

    fn insert(&mut self, now_ms: i64, half: Half, op_floor: u64) {
        self.halves.pass(half.queue_offset);
        let entry = Entry { op_floor, since_ms: now_ms, deciding: None, half };
        self.pending.insert(entry.half.queue_offset, entry);
    }

    /// Both queues were read up to here; what was not told of is not there, or no longer.
    pub fn restored(&mut self, half_next: u64, op_next: u64) {
        self.halves.skip_to(half_next);
        self.ops.skip_to(op_next);
    }

    /// An op message that was found in the op queue. What it says of is decided, however.
    pub fn restore_op(&mut self, op_offset: u64, ended: &[u64], decision: Option<Decision>) {
        for queue_offset in ended {
            let physical_offset = self.pending.remove(queue_offset);
            let physical_offset = physical_offset.map(|entry| entry.half.physical_offset);
            if let (Some(physical_offset), Some(decision)) = (physical_offset, decision) {
                self.remember(*queue_offset, physical_offset, decision);
            }
        }
        self.ops.pass(op_offset);
    }

    /// A record was found that ends a half message, without its op message: a write that was cut
    /// short between the two. Store the op message, then call `settled`. False: nothing to do.
    pub fn ended_by(&mut self, queue_offset: u64, decision: Decision) -> bool {
        let Some(entry) = self.pending.get_mut(&queue_offset) else { return false };
        entry.deciding = Some(decision);
        true
    }

    /// The same `Arc` for equal names.
    pub fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        let new: Arc<str> = name.into();
        self.names.insert(new.clone());
        new
    }

    /// `wall_ms`: for the time that a producer asked for, which counts from the message's birth.
    pub fn end(&mut self, wall_ms: i64, rules: &Rules, end: &End<'_>) -> Ended {
        let Some(entry) = self.pending.get_mut(&end.queue_offset) else {
            return match self.decided.get(&end.queue_offset) {
                Some((at, decision)) if *at == end.physical_offset => Ended::Decided(*decision),
                _ => Ended::NotPending,
            };
        };
        let half = &entry.half;
        if half.physical_offset != end.physical_offset {
            return Ended::WrongPhysicalOffset(half.physical_offset);
        }
        if *half.group != *end.group {
            return Ended::WrongGroup(half.group.clone());
        }
        if let Some(decision) = entry.deciding {
            return Ended::BeingDecided(decision);
        }
        if let (Some(asked_ms), false) = (half.immunity_ms, end.from_check) {
            let immunity_ms = asked_ms.max(rules.first_check_ms);
            let age_ms = wall_ms.saturating_sub(half.born_ms);
            if age_ms > immunity_ms {
                return Ended::TooLate { age_ms, immunity_ms };
            }
        }
        entry.deciding = Some(end.decision);
        Ended::Decide(entry.half.clone())
    }

    /// The decision was stored, its op message at `op_offset`.
    pub fn settled(&mut self, queue_offset: u64, op_offset: u64) {
        self.ops.pass(op_offset);
        let Some(entry) = self.pending.remove(&queue_offset) else { return };
        debug_assert!(entry.deciding.is_some(), "settled without a decision");
        if let Some(decision) = entry.deciding {
            self.remember(queue_offset, entry.half.physical_offset, decision);
        }
    }

    /// The decision could not be stored: the half message waits on.
    pub fn failed(&mut self, now_ms: i64, queue_offset: u64) {
        if let Some(entry) = self.pending.get_mut(&queue_offset) {
            entry.deciding = None;
            entry.since_ms = now_ms;
        }
    }

    fn remember(&mut self, queue_offset: u64, physical_offset: u64, decision: Decision) {
        if self.decided_order.len() >= REMEMBERED_MAX
            && let Some(oldest) = self.decided_order.pop_front()
        {
            self.decided.remove(&oldest);
        }
        if self.decided.insert(queue_offset, (physical_offset, decision)).is_none() {
            self.decided_order.push_back(queue_offset);
        }
    }

    /// At most `count_max` things to do now, oldest half messages first.
    pub fn due(&mut self, now_ms: i64, rules: &Rules, count_max: usize) -> Vec<Due> {
        let due = self.pending.values_mut().filter_map(|entry| {
            if entry.next_check_ms(rules)? > now_ms {
                return None;
            }
            if entry.half.checks < rules.checks_max {
                return Some(Due::Check(entry.half.clone()));
            }
            entry.deciding = Some(Decision::GiveUp);
            Some(Due::GiveUp(entry.half.clone()))
        });
        due.take(count_max).collect()
    }

    /// Decides to give up those that lie below a physical offset, at most so many: their records
    /// are to be removed.
    pub fn give_up_below(&mut self, physical_offset: u64, count_max: usize) -> Vec<Due> {
        let old = self.pending.values_mut().filter(|entry| {
            entry.deciding.is_none() && entry.half.physical_offset < physical_offset
        });
        let given_up = old.map(|entry| {
            entry.deciding = Some(Decision::GiveUp);
            Due::GiveUp(entry.half.clone())
        });
        given_up.take(count_max).collect()
    }

    /// What came of a check.
    pub fn checked(&mut self, now_ms: i64, queue_offset: u64, asked: Asked) {
        let Some(entry) = self.pending.get_mut(&queue_offset) else { return };
        entry.since_ms = now_ms;
        if asked == Asked::Somebody {
            entry.half.checks = entry.half.checks.saturating_add(1);
        }
    }

    /// Starts the checks of one again (code 323), the first of them now. False: it does not wait.
    pub fn check_again(&mut self, queue_offset: u64, physical_offset: u64) -> bool {
        let found = self.pending.get_mut(&queue_offset);
        let Some(entry) = found.filter(|entry| entry.half.physical_offset == physical_offset)
        else {
            return false;
        };
        entry.half.checks = 0;
        entry.since_ms = i64::MIN;
        true
    }

    /// What the decision on one was, if it is remembered.
    pub fn decision(&self, queue_offset: u64, physical_offset: u64) -> Option<Decision> {
        let (at, decision) = self.decided.get(&queue_offset)?;
        (*at == physical_offset).then_some(*decision)
    }

    /// The state to start from again, as long as everything stored so far is there.
    pub fn position(&mut self) -> Position {
        self.names.retain(|name| Arc::strong_count(name) > 1);
        let half_next = self.halves.next();
        // A half message behind one that is not begun yet is read again at a restart, and so must
        // be what decided it.
        let admitted_floor = self.admitted_floors.keys().next().copied();
        let op_next = self.ops.next().min(admitted_floor.unwrap_or(u64::MAX));
        let waiting = self.pending.range(..half_next);
        let saved =
            |half: &Half| Saved { physical_offset: half.physical_offset, checks: half.checks };
        Position {
            half_next,
            op_next,
            op_floor: self.pending.values().map(|entry| entry.op_floor).fold(op_next, u64::min),
            pending: waiting.map(|(at, entry)| (*at, saved(&entry.half))).collect(),
        }
    }

    /// Those that wait, oldest first, from a queue offset on.
    pub fn waiting(&self, from: u64, rules: &Rules) -> impl Iterator<Item = Waiting> {
        let rules = *rules;
        self.pending.range(from..).map(move |(_, entry)| Waiting {
            half: entry.half.clone(),
            next_check_ms: entry.next_check_ms(&rules),
        })
    }

    /// Those that wait: physical offset to queue offset.
    pub fn by_physical_offset(&self) -> BTreeMap<u64, u64> {
        self.pending.iter().map(|(at, entry)| (entry.half.physical_offset, *at)).collect()
    }

    /// From where on the log is needed.
    pub fn oldest_physical_offset(&self) -> Option<u64> {
        self.pending.values().map(|entry| entry.half.physical_offset).min()
    }

    pub fn oldest(&self) -> Option<&Half> {
        self.pending.values().next().map(|entry| &entry.half)
    }

    pub fn len(&self) -> usize {
        self.pending.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

impl Entry {
    fn next_check_ms(&self, rules: &Rules) -> Option<i64> {
        if self.deciding.is_some() {
            return None;
        }
        let wait_ms = match self.half.immunity_ms {
            _ if self.half.checks > 0 => rules.check_interval_ms,
            Some(immunity_ms) => immunity_ms.max(rules.first_check_ms),
            None => rules.first_check_ms,
        };
        Some(self.since_ms.saturating_add(wait_ms))
    }
}

#[cfg(test)]
mod tests;
