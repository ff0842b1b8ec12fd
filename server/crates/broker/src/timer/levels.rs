//! The queues of the delay levels: first stored, first due.
use std::collections::VecDeque;

use remora_protocol::names;
use remora_store::read::ReadError;
use remora_store::{QueueEntry, QueueRef, Store, dispatch};

/// Queue entries that are read at once.
const ENTRIES_AT_ONCE: usize = 256;

/// One level's queue and how far it has been delivered.
#[derive(Debug)]
pub(crate) struct Level {
    pub queue: QueueRef,
    /// From 1 on.
    number: usize,
    delay_ms: i64,
    /// Offset of the next message to deliver.
    pub next: u64,
    /// Its entry and some that follow.
    ahead: VecDeque<QueueEntry>,
}

/// A message that waits at the head of a level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    pub due_ms: i64,
    pub physical_offset: u64,
}

impl Level {
    /// `number` from 1 on.
    pub fn new(store: &Store, number: usize, delay_ms: u64, next: u64) -> Self {
        let queue_id = i32::try_from(number).unwrap_or(i32::MAX) - 1;
        let queue = store.queue(names::SCHEDULE_TOPIC, queue_id);
        let delay_ms = i64::try_from(delay_ms).unwrap_or(i64::MAX);
        let next = next.max(store.queue_offset_min(&queue));
        Self { queue, number, delay_ms, next, ahead: VecDeque::new() }
    }

    /// The message that is due next. After a change of the table its new delay counts.
    pub fn head(&mut self, store: &Store) -> Result<Option<Head>, ReadError> {
        loop {
            if self.ahead.is_empty() {
                let mut entries = [QueueEntry::default(); ENTRIES_AT_ONCE];
                let count = store.queue_entries(&self.queue, self.next, &mut entries)?;
                if count == 0 {
                    // Removed with the log's begin, maybe: such are not waited for.
                    let min = store.queue_offset_min(&self.queue);
                    if min <= self.next {
                        return Ok(None);
                    }
                    self.next = min;
                    continue;
                }
                self.ahead.extend(entries.iter().take(count));
            }
            let Some(entry) = self.ahead.front() else { return Ok(None) };
            if entry.is_blank() {
                self.advance();
                continue;
            }
            let stored_ms = dispatch::stored_at_ms(self.number, entry.tags_code);
            let due_ms = stored_ms.saturating_add(self.delay_ms);
            return Ok(Some(Head { due_ms, physical_offset: entry.physical_offset }));
        }
    }

    /// What was read from there on was not delivered.
    pub fn go_back_to(&mut self, next: u64) {
        self.next = next;
        self.ahead.clear();
    }

    pub fn advance(&mut self) {
        self.ahead.pop_front();
        self.next += 1;
    }
}
