//! Queues read ahead in the background, one task each, for consumers that poll.
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::subscription::Subscription;
use crate::error::ClientError;
use crate::instance::{Client, PullRequest, PullStatus, Pulled};
use crate::queue::MessageQueue;
use crate::route::MASTER_ID;
use crate::view::MessageView;

/// How long the broker keeps a pull at the end of a queue.
const HOLD: Duration = Duration::from_secs(15);
/// After a failed pull.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Pulls read ahead for all queues together, beside one for each queue.
const PORTIONS_AHEAD: usize = 8;

/// How pulls are made.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) group: Arc<str>,
    pub(super) count_max: i32,
    pub(super) inflated_bytes_max: usize,
}

/// A result of one pull.
#[derive(Debug)]
struct Portion {
    queue: MessageQueue,
    /// Of the reader that made it: those of a reader stopped since are thrown away.
    reader: u64,
    pulled: Result<Pulled, ClientError>,
}

#[derive(Debug)]
struct Reader {
    id: u64,
    /// The next offset that the application gets.
    position: i64,
    _stops_task: DropGuard,
}

#[derive(Debug, Default)]
struct Table {
    readers: HashMap<MessageQueue, Reader>,
    next_id: u64,
}

/// The queues being read.
#[derive(Debug)]
pub(super) struct Readers {
    client: Client,
    reading: Reading,
    table: Mutex<Table>,
    arrived: tokio::sync::Mutex<mpsc::Receiver<Portion>>,
    arrivals: mpsc::Sender<Portion>,
}

impl Readers {
    pub(super) fn new(client: Client, reading: Reading) -> Self {
        let (arrivals, arrived) = mpsc::channel(PORTIONS_AHEAD);
        Self {
            client,
            reading,
            table: Mutex::default(),
            arrived: tokio::sync::Mutex::new(arrived),
            arrivals,
        }
    }

    /// Reads a queue from an offset; from there if it is being read already.
    pub(super) fn read(&self, queue: &MessageQueue, offset: i64, subscription: Arc<Subscription>) {
        let stop = CancellationToken::new();
        let mut table = self.table.lock();
        let id = table.next_id;
        table.next_id += 1;
        let reader = Reader { id, position: offset, _stops_task: stop.clone().drop_guard() };
        table.readers.insert(queue.clone(), reader);
        drop(table);
        let task = ReaderTask {
            id,
            client: self.client.clone(),
            reading: self.reading.clone(),
            queue: queue.clone(),
            subscription,
            arrivals: self.arrivals.clone(),
        };
        self.client.inner.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task.client.inner.closed.cancelled() => {}
                () = task.run(offset) => {}
            }
        });
    }

    /// Stops reading every queue that is not kept.
    pub(super) fn keep_only(&self, queues: &[MessageQueue]) {
        self.table.lock().readers.retain(|queue, _| queues.contains(queue));
    }

    pub(super) fn is_reading(&self, queue: &MessageQueue) -> bool {
        self.table.lock().readers.contains_key(queue)
    }

    /// Where every queue stands: the offset after the last message handed out.
    pub(super) fn positions(&self) -> Vec<(MessageQueue, i64)> {
        let table = self.table.lock();
        let mut positions: Vec<_> =
            table.readers.iter().map(|(queue, reader)| (queue.clone(), reader.position)).collect();
        positions.sort_unstable();
        positions
    }

    /// Messages of the next pull that brought some. Safe to drop while it waits.
    pub(super) async fn next(&self) -> Result<Vec<MessageView>, ClientError> {
        let mut arrived = self.arrived.lock().await;
        loop {
            let portion = arrived.recv().await.ok_or(ClientError::Closed)?;
            let mut table = self.table.lock();
            let Entry::Occupied(mut entry) = table.readers.entry(portion.queue) else { continue };
            if entry.get().id != portion.reader {
                continue;
            }
            let pulled = portion.pulled?;
            entry.get_mut().position = pulled.next_offset;
            if !pulled.messages.is_empty() {
                return Ok(pulled.messages);
            }
        }
    }
}

struct ReaderTask {
    id: u64,
    client: Client,
    reading: Reading,
    queue: MessageQueue,
    subscription: Arc<Subscription>,
    arrivals: mpsc::Sender<Portion>,
}

impl ReaderTask {
    /// Pulls for ever; its owner stops it by dropping it. The next pull is on its way while the
    /// last one's messages wait for the application, so a queue is at most two pulls ahead of what
    /// `PORTIONS_AHEAD` allows.
    async fn run(&self, mut offset: i64) {
        let mut broker_id = MASTER_ID;
        let mut pulled = self.pull(offset, broker_id).await;
        loop {
            let failed = pulled.is_err();
            if let Ok(pulled) = &pulled {
                if pulled.status == PullStatus::OffsetIllegal {
                    tracing::warn!(queue = %self.queue, offset, next = pulled.next_offset,
                        "offset is outside the queue, moved");
                }
                (offset, broker_id) = (pulled.next_offset, pulled.suggested_broker_id);
            }
            let portion = Portion { queue: self.queue.clone(), reader: self.id, pulled };
            let pulling = async {
                if failed {
                    self.client.refresh_route_soon(&self.queue.topic);
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                self.pull(offset, broker_id).await
            };
            let (next, handed_on) = tokio::join!(biased; pulling, self.arrivals.send(portion));
            if handed_on.is_err() {
                return;
            }
            pulled = next;
        }
    }

    async fn pull(&self, offset: i64, broker_id: i64) -> Result<Pulled, ClientError> {
        let request = PullRequest {
            group: &self.reading.group,
            queue: &self.queue,
            offset,
            max_count: self.reading.count_max,
            subscription: &self.subscription,
            hold: HOLD,
            broker_id,
            inflated_bytes_max: self.reading.inflated_bytes_max,
        };
        self.client.pull(&request).await
    }
}
