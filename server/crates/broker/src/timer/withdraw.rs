//! Withdrawing a waiting message, and giving it another time.
//!
//! A marker that is due at the same time names what it withdraws, and means those stored before it.
//! Nothing is due between the check and the marker: passes wait for both.
use std::net::SocketAddr;

use remora_protocol::names;
use remora_protocol::properties::{self, name};
use remora_protocol::record::{self, Draft};
use remora_store::AppendBatch;

use super::core::{Timer, TimerError};
use super::deliver::{delete_key, delete_keys};
use super::entry::TimerEntry;
use crate::own_messages::OwnMessage;

/// Apache's tag of such markers.
const MARKER_TAG: &str = "_RECALL_TAG_";
/// Apache's body of them.
const MARKER_BODY: &[u8] = b"0";

/// A waiting message, as its sender knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Wanted<'a> {
    pub topic: &'a str,
    pub unique_id: &'a str,
    /// Wall clock.
    pub due_ms: i64,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Withdrawn {
    /// It will not be delivered at that time.
    Yes,
    /// It was due before `now_ms`.
    Due { now_ms: i64 },
    /// No such message waits: it never did, was withdrawn, or has another time.
    Unknown,
}

impl Timer {
    /// Withdraws a message. Shown and durable as far as any append is.
    pub fn withdraw(
        &mut self,
        wanted: Wanted<'_>,
        now_ms: i64,
        store_host: SocketAddr,
    ) -> Result<Withdrawn, TimerError> {
        let found = self.find(wanted, now_ms)?;
        let Ok(_) = found else { return Ok(found.err().unwrap_or(Withdrawn::Unknown)) };
        let mut batch = AppendBatch::new();
        self.push_marker(&mut batch, wanted, now_ms, store_host);
        self.append_and_take_in(&mut batch)?;
        Ok(Withdrawn::Yes)
    }

    /// Gives a message another time: it is stored again, and the former one withdrawn, in one
    /// append.
    pub fn move_to(
        &mut self,
        wanted: Wanted<'_>,
        due_ms: i64,
        now_ms: i64,
        store_host: SocketAddr,
    ) -> Result<Withdrawn, TimerError> {
        let found = self.find(wanted, now_ms)?;
        let Ok(entry) = found else { return Ok(found.err().unwrap_or(Withdrawn::Unknown)) };
        if due_ms == entry.due_ms {
            return Ok(Withdrawn::Yes);
        }
        let Some(bytes) = self.bytes_at(entry.physical_offset)? else {
            return Ok(Withdrawn::Unknown);
        };
        let Ok(found) = record::decode(&bytes) else { return Ok(Withdrawn::Unknown) };
        let mut message = OwnMessage::of(&found);
        message.remove(&[name::TIMER_DELAY_SEC, name::TIMER_DELAY_MS, name::TIMER_FIRST]);
        let due = due_ms.to_string();
        message.set(name::TIMER_DELIVER_MS, &due);
        message.set(name::TIMER_OUT_MS, &due);
        let mut batch = AppendBatch::new();
        batch.push(&self.queue, &message.draft(store_host));
        let wanted = Wanted { due_ms: entry.due_ms, ..wanted };
        self.push_marker(&mut batch, wanted, now_ms, store_host);
        self.append_and_take_in(&mut batch)?;
        Ok(Withdrawn::Yes)
    }

    /// The entry of a waiting message.
    fn find(
        &mut self,
        wanted: Wanted<'_>,
        now_ms: i64,
    ) -> Result<Result<TimerEntry, Withdrawn>, TimerError> {
        let now_ms = self.clock(now_ms);
        if wanted.due_ms <= now_ms {
            return Ok(Err(Withdrawn::Due { now_ms }));
        }
        self.take_in()?;
        let key = delete_key(wanted.topic, wanted.unique_id);
        for entry in self.pending.at(wanted.due_ms)? {
            if self.is_waiting(&entry)?
                && let Some(bytes) = self.bytes_at(entry.physical_offset)?
                && let Ok(found) = record::decode(&bytes)
                && delete_keys(&found).first() == Some(&key)
            {
                return Ok(Ok(entry));
            }
        }
        Ok(Err(Withdrawn::Unknown))
    }

    /// Whether it is a message, and neither delivered nor withdrawn.
    pub fn is_waiting(&mut self, entry: &TimerEntry) -> Result<bool, TimerError> {
        let is_done = self.done.contains(&entry.physical_offset);
        Ok(!is_done && !entry.deletes && !self.is_withdrawn(entry, &[])?)
    }

    fn push_marker(
        &self,
        batch: &mut AppendBatch,
        wanted: Wanted<'_>,
        now_ms: i64,
        store_host: SocketAddr,
    ) {
        let Wanted { topic, unique_id, due_ms } = wanted;
        let mut raw = Vec::new();
        properties::append(&mut raw, name::TAGS, MARKER_TAG);
        properties::append(&mut raw, name::UNIQ_KEY, unique_id);
        properties::append(&mut raw, name::TIMER_DEL_UNIQKEY, &delete_key(topic, unique_id));
        properties::append_i64(&mut raw, name::TIMER_DELIVER_MS, due_ms);
        properties::append_i64(&mut raw, name::TIMER_OUT_MS, due_ms);
        properties::append(&mut raw, name::REAL_TOPIC, topic);
        properties::append(&mut raw, name::REAL_QID, "0");
        let marker = Draft {
            topic: names::TIMER_TOPIC,
            queue_id: 0,
            flag: 0,
            sys_flag: 0,
            born_timestamp_ms: now_ms,
            born_host: store_host,
            store_host,
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            body: MARKER_BODY,
            properties: &raw,
        };
        batch.push(&self.queue, &marker);
    }

    /// Under sync flush nothing is shown before it is flushed, not even to ourselves.
    fn append_and_take_in(&mut self, batch: &mut AppendBatch) -> Result<(), TimerError> {
        self.setup.store.append(batch)?;
        let last = batch.appended().last().map_or(0, |last| last.queue_offset);
        self.take_in()?;
        if self.queue_read <= last {
            self.setup.store.flush()?;
            self.take_in()?;
        }
        Ok(())
    }
}
