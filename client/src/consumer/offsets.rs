//! Offsets that a push consumer has reached: in memory, and every few seconds at the broker
//! (clustering) or in a file (broadcasting).
use std::collections::HashMap;
use std::path::PathBuf;

use parking_lot::Mutex;

use super::local_offsets;
use crate::error::ClientError;
use crate::instance::Client;
use crate::queue::MessageQueue;

/// How often an offset is sent of a queue that is given up, where the broker does not take it: what
/// is lost is delivered again.
const RELEASE_TRIES: u32 = 3;

/// Where offsets are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Keeper {
    Broker,
    File(PathBuf),
}

#[derive(Clone, Copy, Debug)]
struct Reached {
    offset: i64,
    /// What was last handed to the keeper.
    kept: Option<i64>,
}

/// The offsets of one consumer.
#[derive(Debug)]
pub(super) struct Offsets {
    client: Client,
    group: String,
    keeper: Keeper,
    table: Mutex<HashMap<MessageQueue, Reached>>,
}

impl Offsets {
    pub(super) fn new(client: Client, group: String, keeper: Keeper) -> Self {
        Self { client, group, keeper, table: Mutex::new(HashMap::new()) }
    }

    /// What the keeper has for a queue; `None` if it has nothing.
    pub(super) async fn load(&self, queue: &MessageQueue) -> Result<Option<i64>, ClientError> {
        let offset = match &self.keeper {
            Keeper::Broker => self.client.committed_offset(&self.group, queue).await?,
            Keeper::File(path) => local_offsets::read(path)?.get(queue).copied(),
        };
        if let Some(offset) = offset {
            self.table.lock().insert(queue.clone(), Reached { offset, kept: Some(offset) });
        }
        Ok(offset)
    }

    /// Everything before `offset` was handled. Never goes back.
    pub(super) fn reached(&self, queue: &MessageQueue, offset: i64) {
        let mut table = self.table.lock();
        match table.get_mut(queue) {
            Some(reached) => reached.offset = reached.offset.max(offset),
            None => {
                table.insert(queue.clone(), Reached { offset, kept: None });
            }
        }
    }

    /// Sets an offset, also backwards.
    pub(super) fn set(&self, queue: &MessageQueue, offset: i64) {
        self.table.lock().insert(queue.clone(), Reached { offset, kept: None });
    }

    pub(super) fn get(&self, queue: &MessageQueue) -> Option<i64> {
        self.table.lock().get(queue).map(|reached| reached.offset)
    }

    /// The offsets of one topic.
    pub(super) fn of_topic(&self, topic: &str) -> Vec<(MessageQueue, i64)> {
        let table = self.table.lock();
        table
            .iter()
            .filter(|(queue, _)| &*queue.topic == topic)
            .map(|(queue, reached)| (queue.clone(), reached.offset))
            .collect()
    }

    fn changed(&self) -> Vec<(MessageQueue, i64)> {
        let table = self.table.lock();
        table
            .iter()
            .filter(|(_, reached)| reached.kept != Some(reached.offset))
            .map(|(queue, reached)| (queue.clone(), reached.offset))
            .collect()
    }

    fn note_kept(&self, queue: &MessageQueue, offset: i64) {
        if let Some(reached) = self.table.lock().get_mut(queue) {
            reached.kept = Some(offset);
        }
    }

    /// Hands what has changed to the keeper without waiting for answers: the periodic round.
    pub(super) async fn persist_changed(&self) {
        let changed = self.changed();
        if let Keeper::File(path) = &self.keeper {
            self.write_file(path, &changed);
            return;
        }
        for (queue, offset) in changed {
            match self.client.commit_offset_oneway(&self.group, &queue, offset).await {
                Ok(()) => self.note_kept(&queue, offset),
                Err(e) => tracing::warn!(%queue, offset, error = %e, "offset not committed"),
            }
        }
    }

    /// Hands the offset of a queue to the keeper, waits until it is safe there, and forgets the
    /// queue: it is another member's now.
    pub(super) async fn release(&self, queue: &MessageQueue) {
        let Some(offset) = self.get(queue) else { return };
        match &self.keeper {
            Keeper::File(path) => self.write_file(path, &[(queue.clone(), offset)]),
            Keeper::Broker => {
                let kept = self.table.lock().get(queue).and_then(|reached| reached.kept);
                // Also when it was sent one-way: that may have been lost.
                tracing::debug!(%queue, offset, ?kept, "queue released");
                for tries_left in (0..RELEASE_TRIES).rev() {
                    match self.client.commit_offset(&self.group, queue, offset).await {
                        Ok(()) => break,
                        Err(error) => tracing::warn!(%queue, offset, %error, tries_left,
                            "offset not committed at release"),
                    }
                }
            }
        }
        self.table.lock().remove(queue);
    }

    /// Forgets a queue without a word to the keeper.
    pub(super) fn forget(&self, queue: &MessageQueue) {
        self.table.lock().remove(queue);
    }

    fn write_file(&self, path: &std::path::Path, changed: &[(MessageQueue, i64)]) {
        if changed.is_empty() {
            return;
        }
        let written = local_offsets::read(path).and_then(|mut offsets| {
            offsets.extend(changed.iter().cloned());
            local_offsets::write(path, &offsets)
        });
        match written {
            Ok(()) => {
                for (queue, offset) in changed {
                    self.note_kept(queue, *offset);
                }
            }
            Err(e) => tracing::warn!(error = %e, "offsets not written"),
        }
    }
}
