//! What survives a restart: which half messages wait, derived from the log.
//!
//! Every few seconds the table's position is written to the metadata log, once everything that it
//! knows of is flushed; half messages that were begun and ended in between never come there. A
//! start reads on from it: the half queue, the op queue, and the end of the log for a decision
//! whose message was stored and whose op message was not. The offsets of CID_RMQ_SYS_TRANS, where
//! Apache's broker starts reading, are kept as well.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::names;
use remora_protocol::properties;
use remora_protocol::record::{self, Record};
use remora_store::meta_log::Durability;
use remora_store::read::ReadError;
use remora_store::{FlushMode, QueueRef, ReadLimits};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::broker::Broker;
use crate::end_transaction::{decision_of, read_op, store_op};
use crate::half_messages;
use crate::meta;
use crate::time;
use crate::transaction_table::{Decision, Half, Position, Saved, TransactionTable};

/// As often as consumer offsets are persisted by default.
const SAVE_PERIOD: Duration = Duration::from_secs(5);
/// Chosen: while half messages wait, a start searches so much of the log, about.
const SEARCH_BYTES_MAX: u64 = 64 << 20;
/// What one read of a queue gives.
const READ_LIMITS: ReadLimits =
    ReadLimits { messages_max: 1_024, bytes_max: 4 << 20, entries_scanned_max: 1_024 };

/// What the metadata log has.
#[derive(Debug, Default)]
pub(crate) struct SavedState {
    at: Option<SavedPosition>,
    halves: BTreeMap<u64, SavedHalf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SavedPosition {
    half_next: u64,
    op_next: u64,
    op_floor: u64,
    /// Physical offset: the log's end at that moment.
    log_end: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SavedHalf {
    physical_offset: u64,
    checks: u32,
}

/// The task: saves until the stop.
pub(crate) async fn save_regularly(broker: Arc<Broker>) {
    loop {
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(SAVE_PERIOD) => {}
        }
        let Some((position, log_end)) = taken(&broker) else { continue };
        let (flushed, is_flushed) = oneshot::channel();
        broker.store.when_flushed(
            log_end,
            Box::new(move |outcome| {
                // Nobody waits any more at the stop.
                let _unheard = flushed.send(outcome.is_ok());
            }),
        );
        let is_flushed = tokio::select! {
            () = broker.stopping.cancelled() => return,
            is_flushed = is_flushed => is_flushed.unwrap_or(false),
        };
        if !is_flushed {
            continue;
        }
        let saving = broker.clone();
        let saved = tokio::task::spawn_blocking(move || save(&saving, &position, log_end));
        if let Err(error) = saved.await {
            tracing::error!(%error, "saving half messages failed");
        }
    }
}

/// The last save, with all handlers done.
pub(crate) fn save_at_stop(broker: &Broker) {
    let Some((position, log_end)) = taken(broker) else { return };
    match broker.store.flush() {
        Ok(_) => save(broker, &position, log_end),
        Err(error) => tracing::error!(%error, "half messages are read again at the next start"),
    }
}

/// The position, and the log's end with all that it knows of. `None`: it is saved.
fn taken(broker: &Broker) -> Option<(Position, u64)> {
    let position = broker.transactions.table.lock().position();
    let log_end = broker.store.log_status().physical_offset_max;
    let is_due = broker.transactions.saved.lock().wants_save(&position, log_end);
    is_due.then_some((position, log_end))
}

impl SavedState {
    /// Something has changed, or a start would have to search far behind what is saved.
    fn wants_save(&self, position: &Position, log_end: u64) -> bool {
        let at = SavedPosition { log_end: 0, ..saved_position(position, log_end) };
        let known =
            self.at.map_or(SavedPosition::default(), |at| SavedPosition { log_end: 0, ..at });
        let unchanged = at == known && self.halves == saved_halves(position);
        let unsearched_bytes = log_end.saturating_sub(self.at.map_or(0, |at| at.log_end));
        let is_far = !self.halves.is_empty() && unsearched_bytes >= SEARCH_BYTES_MAX;
        !unchanged || is_far
    }
}

fn saved_position(position: &Position, log_end: u64) -> SavedPosition {
    let Position { half_next, op_next, op_floor, .. } = *position;
    SavedPosition { half_next, op_next, op_floor, log_end }
}

fn saved_halves(position: &Position) -> BTreeMap<u64, SavedHalf> {
    let saved = |(at, saved): (&u64, &Saved)| {
        let Saved { physical_offset, checks } = *saved;
        (*at, SavedHalf { physical_offset, checks })
    };
    position.pending.iter().map(saved).collect()
}

fn save(broker: &Broker, position: &Position, log_end: u64) {
    let mut saved = broker.transactions.saved.lock();
    let (at, halves) = (saved_position(position, log_end), saved_halves(position));
    let key = |queue_offset: &u64| format!("{}{queue_offset}", meta::HALF);
    let mut changes: Vec<meta::Change> =
        vec![(meta::TRANSACTIONS.to_owned(), Some(meta::to_json(&at)))];
    let is_new = |(at, half): &(&u64, &SavedHalf)| saved.halves.get(at) != Some(*half);
    changes.extend(
        halves.iter().filter(is_new).map(|(at, half)| (key(at), Some(meta::to_json(half)))),
    );
    let gone = saved.halves.keys().filter(|at| !halves.contains_key(at));
    changes.extend(gone.map(|at| (key(at), None)));
    // An older position does as well, it is only further to read from.
    if let Err(error) = meta::write(&broker.meta, &changes, Durability::PageCache) {
        tracing::error!(%error, "half messages not saved");
        return;
    }
    *saved = SavedState { at: Some(at), halves };
    let first = position.pending.keys().next().copied().unwrap_or(position.half_next);
    for (topic, offset) in
        [(names::TRANS_HALF_TOPIC, first), (names::TRANS_OP_HALF_TOPIC, position.op_floor)]
    {
        broker.offsets.commit(names::TRANS_GROUP, topic, 0, offset.cast_signed());
    }
}

/// Half messages that wait, as far as their queues say.
#[derive(Debug)]
pub(crate) struct Restored {
    table: TransactionTable,
    /// Queue offsets by physical offsets.
    waiting: BTreeMap<u64, u64>,
    /// By queue offset: decisions whose message is stored.
    decided: BTreeMap<u64, Decision>,
    saved_log_end: u64,
}

/// Finds the half messages that wait, before anything is served. `None`: there were never any.
pub(crate) fn restore(broker: &Broker) -> Option<Restored> {
    let saved = load(broker);
    let Some(halves) = broker.store.existing_queue(names::TRANS_HALF_TOPIC, 0) else {
        *broker.transactions.saved.lock() = saved;
        return None;
    };
    // What the page cache kept of the last run is not shown before it is on disk.
    if broker.flush == FlushMode::Sync
        && let Err(error) = broker.store.flush()
    {
        tracing::error!(%error, "not everything of the last run can be read");
    }
    let ops = broker.store.existing_queue(names::TRANS_OP_HALF_TOPIC, 0);
    let end = |queue: &QueueRef| broker.store.queue_offset_max(queue);
    let ends = (end(&halves), ops.as_ref().map_or(0, end));
    let is_of_this_log = |at: &SavedPosition| at.half_next <= ends.0 && at.op_next <= ends.1;
    let at = saved.at.filter(is_of_this_log);
    let (half_next, op_next, op_floor) = start(broker, at.as_ref(), ends);
    let mut table = TransactionTable::starting_at(half_next, op_next, op_floor);
    if at.is_some() {
        for (queue_offset, half) in &saved.halves {
            restore_saved(broker, &mut table, *queue_offset, *half);
        }
    }
    let half_end = each_record(broker, &halves, half_next, &mut |record| {
        restore_half(&mut table, record, None);
    });
    let op_end = ops.map_or(0, |ops| {
        each_record(broker, &ops, op_next, &mut |record| {
            let (ended, decision) = read_op(record);
            table.restore_op(record.queue_offset.cast_unsigned(), &ended, decision);
        })
    });
    table.restored(half_end, op_end);
    *broker.transactions.saved.lock() = saved;
    let waiting = table.by_physical_offset();
    let saved_log_end = at.map_or(0, |at| at.log_end);
    Some(Restored { table, waiting, decided: BTreeMap::new(), saved_log_end })
}

impl Restored {
    /// From where on the log may have decisions whose op message was not stored; `None` where no
    /// half message waits.
    pub fn search_from(&self) -> Option<u64> {
        let oldest = self.waiting.keys().next();
        oldest.map(|oldest| self.saved_log_end.max(*oldest))
    }

    pub fn look_at(&mut self, record: &Record<'_>) {
        let prepared = record.prepared_transaction_offset.cast_unsigned();
        if let Some(queue_offset) = self.waiting.get(&prepared) {
            self.decided.entry(*queue_offset).or_insert(decision_of(record));
        }
    }

    /// With the log searched: half messages wait, but for those that were decided.
    pub fn put_in_force(self, broker: &Broker) {
        let Self { mut table, decided, .. } = self;
        let rules = crate::transactions::rules(&broker.config.peek());
        let cut_short: Vec<(Half, Decision)> = table
            .waiting(0, &rules)
            .filter_map(|waiting| {
                let decision = decided.get(&waiting.half.queue_offset)?;
                Some((waiting.half, *decision))
            })
            .collect();
        for (half, decision) in &cut_short {
            table.ended_by(half.queue_offset, *decision);
        }
        let pending = table.len() - cut_short.len();
        *broker.transactions.table.lock() = table;
        for (half, decision) in &cut_short {
            if let Err(error) = store_op(broker, half, *decision) {
                let queue_offset = half.queue_offset;
                tracing::error!(queue_offset, %error, "a decision is not noted");
            }
        }
        if pending > 0 {
            tracing::info!(pending, "half messages wait for their end");
        }
    }
}

fn load(broker: &Broker) -> SavedState {
    let at = broker.meta.value(meta::TRANSACTIONS);
    let at = at.and_then(|json| serde_json::from_slice(&json).ok());
    let halves = meta::load::<SavedHalf>(&broker.meta, meta::HALF).into_iter();
    let halves = halves.filter_map(|(at, half)| Some((at.parse().ok()?, half))).collect();
    SavedState { at, halves }
}

/// Where both queues are read from: what was saved, or where Apache's broker stopped.
fn start(
    broker: &Broker,
    saved: Option<&SavedPosition>,
    (half_end, op_end): (u64, u64),
) -> (u64, u64, u64) {
    if let Some(SavedPosition { half_next, op_next, op_floor, .. }) = saved {
        return (*half_next, *op_next, *op_floor);
    }
    // What lies past the end is of another log.
    let consumed = |topic, end: u64| {
        let offset = broker.offsets.committed(names::TRANS_GROUP, topic, 0)?;
        u64::try_from(offset).ok().filter(|offset| *offset <= end)
    };
    let half_next = consumed(names::TRANS_HALF_TOPIC, half_end).unwrap_or(0);
    let op_next = consumed(names::TRANS_OP_HALF_TOPIC, op_end).unwrap_or(0);
    (half_next, op_next, op_next)
}

fn restore_saved(
    broker: &Broker,
    table: &mut TransactionTable,
    queue_offset: u64,
    saved: SavedHalf,
) {
    // Apache's broker ran in between, and is done with those below.
    let done_below = broker.offsets.committed(names::TRANS_GROUP, names::TRANS_HALF_TOPIC, 0);
    if done_below.is_some_and(|offset| queue_offset.cast_signed() < offset) {
        return;
    }
    let restored = broker.store.message_at(saved.physical_offset).and_then(|bytes| {
        let physical_offset = saved.physical_offset;
        let record = record::decode(&bytes)
            .map_err(|cause| ReadError::Corrupt { physical_offset, cause })?;
        Ok(record.queue_offset == queue_offset.cast_signed()
            && restore_half(table, &record, Some(saved.checks)))
    });
    match restored {
        Ok(true) => {}
        Ok(false) => tracing::error!(queue_offset, "no half message is where one waited"),
        Err(error) => tracing::error!(queue_offset, %error, "a half message that waited is lost"),
    }
}

/// False for a record that is no half message.
fn restore_half(table: &mut TransactionTable, record: &Record<'_>, checks: Option<u32>) -> bool {
    let target = properties::find(record.properties, properties::name::REAL_TOPIC);
    if record.topic != names::TRANS_HALF_TOPIC || target.is_none() {
        return false;
    }
    let mut half = half_messages::half_of(table, record.properties, record.born_timestamp_ms);
    half.queue_offset = record.queue_offset.cast_unsigned();
    half.physical_offset = record.physical_offset.cast_unsigned();
    half.stored_ms = record.store_timestamp_ms;
    half.checks = checks.unwrap_or(half.checks);
    table.restore(time::tick_ms(), half);
    true
}

/// Gives every record of a queue from an offset on; returns the queue's end. A queue that cannot be
/// read further is logged, and ends there.
fn each_record(
    broker: &Broker,
    queue: &QueueRef,
    from: u64,
    each: &mut dyn FnMut(&Record<'_>),
) -> u64 {
    let mut next = from.max(broker.store.queue_offset_min(queue));
    let end = broker.store.queue_offset_max(queue);
    while next < end {
        let read = match broker.store.read(queue, next, READ_LIMITS, &mut |_: i64| true) {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(topic = &*queue.topic, queue_offset = next, %error, "not read");
                break;
            }
        };
        for slice in &read.slices {
            let mut rest = &slice[..];
            while let Ok(record) = record::decode(rest) {
                each(&record);
                let length = usize::try_from(record.total_bytes).unwrap_or(usize::MAX);
                rest = rest.get(length..).unwrap_or_default();
            }
        }
        if read.queue_offset_next <= next {
            break;
        }
        next = read.queue_offset_next;
    }
    next.min(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(position: &Position, log_end: u64) -> SavedState {
        let at = Some(saved_position(position, log_end));
        SavedState { at, halves: saved_halves(position) }
    }

    #[test]
    fn while_halves_wait_they_are_saved_again_before_a_start_would_search_far() {
        let pending = BTreeMap::from([(3, Saved { physical_offset: 700, checks: 1 })]);
        let waiting = Position { pending, half_next: 4, op_next: 2, op_floor: 2 };
        let known = saved(&waiting, 1_000);
        assert!(!known.wants_save(&waiting, 1_000 + SEARCH_BYTES_MAX - 1));
        assert!(known.wants_save(&waiting, 1_000 + SEARCH_BYTES_MAX));
        let decided = Position { pending: BTreeMap::new(), half_next: 4, op_next: 3, op_floor: 3 };
        assert!(known.wants_save(&decided, 1_000), "a decision");
        let nothing = saved(&decided, 1_000);
        assert!(!nothing.wants_save(&decided, u64::MAX), "nothing is to be searched for");
        assert!(!SavedState::default().wants_save(&Position::default(), 0), "a new store");
    }
}
