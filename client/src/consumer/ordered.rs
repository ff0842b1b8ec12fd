//! Consumption in order: one portion of a queue at a time, handled again in its place until it
//! succeeds.
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::consume::{self, ConsumeOutcome};
use super::push::Shared;
use super::queue_locks::QueueLock;
use super::queue_reader::QueueReader;
use crate::clock;
use crate::queue::MessageQueue;
use crate::view::MessageView;

/// What a reader has where its queue is consumed in order.
#[derive(Debug, Default)]
pub(super) struct InOrder {
    backlog: Mutex<VecDeque<MessageView>>,
    arrived: Notify,
    /// Cancelled when the queue is to be given up: the portion in hand is the last one.
    closing: CancellationToken,
    /// Cancelled when nothing of the queue is being handled any more.
    ended: CancellationToken,
    pub(super) lock: QueueLock,
}

/// Whose turn it is to handle a queue: a new reader waits for the portion in hand of the one
/// before it.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<MessageQueue, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, queue: &MessageQueue) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.0.lock().entry(queue.clone()).or_default())
    }
}

impl InOrder {
    /// Takes in what was pulled.
    pub(super) fn put(&self, messages: Vec<MessageView>) {
        self.backlog.lock().extend(messages);
        self.arrived.notify_one();
    }

    fn take(&self, count_max: usize) -> Vec<MessageView> {
        let mut backlog = self.backlog.lock();
        let count = backlog.len().min(count_max);
        backlog.drain(..count).collect()
    }

    /// Lets the portion in hand come to its end, as long as that takes and the consumer allows.
    pub(super) async fn close(&self, shared: &Shared) {
        self.closing.cancel();
        let limit = shared.settings.shutdown_timeout;
        if tokio::time::timeout(limit, self.ended.cancelled()).await.is_err() {
            tracing::warn!(group = %shared.group, ?limit, "a handler still runs as its queue is \
                given up; its messages will be delivered again");
        }
    }
}

/// Handles a queue's messages until it is given up or the consumer stops.
pub(super) async fn run(shared: Arc<Shared>, reader: Arc<QueueReader>) {
    let Some(order) = &reader.in_order else { return };
    let _ended = order.ended.clone().drop_guard();
    let turn = shared.turns.of(&reader.queue);
    let _turn = tokio::select! {
        () = over(&shared, &reader, order) => return,
        turn = turn.lock() => turn,
    };
    loop {
        // Made before the look at the backlog, so that no arrival in between is missed.
        let arrived = order.arrived.notified();
        if is_over(&shared, &reader, order) {
            return;
        }
        let portion = order.take(shared.settings.consume_count_max);
        if portion.is_empty() {
            tokio::select! {
                () = over(&shared, &reader, order) => return,
                () = arrived => {}
            }
        } else {
            settle(&shared, &reader, order, portion).await;
        }
    }
}

fn is_over(shared: &Shared, reader: &QueueReader, order: &InOrder) -> bool {
    reader.dropped.is_cancelled() || shared.stopping.is_cancelled() || order.closing.is_cancelled()
}

async fn over(shared: &Shared, reader: &QueueReader, order: &InOrder) {
    tokio::select! {
        () = reader.dropped.cancelled() => {}
        () = shared.stopping.cancelled() => {}
        () = order.closing.cancelled() => {}
    }
}

/// Handles a portion, again and again, until all of it has succeeded or is a dead letter.
async fn settle(
    shared: &Shared,
    reader: &QueueReader,
    order: &InOrder,
    mut portion: Vec<MessageView>,
) {
    while !portion.is_empty() {
        let permit = tokio::select! {
            () = over(shared, reader, order) => return,
            permit = shared.permits.acquire() => permit,
        };
        let Ok(permit) = permit else { return };
        // Not held for sure: another member may be consuming the queue. The renewal goes on trying.
        if shared.locks_queues() && !order.lock.is_held(clock::monotonic_ms()) {
            drop(permit);
            tokio::select! {
                () = over(shared, reader, order) => return,
                () = tokio::time::sleep(shared.settings.suspend) => continue,
            }
        }
        reader.last_consume_ms.store(clock::wall_ms(), Ordering::Relaxed);
        let outcome = consume::handle(shared, portion.clone()).await;
        drop(permit);
        shared.count_outcome(outcome, portion.len());
        let offsets: Vec<i64> = portion.iter().map(|message| message.queue_offset).collect();
        portion = unsettled(shared, outcome, portion).await;
        let is_settled = |offset: &i64| portion.iter().all(|left| left.queue_offset != *offset);
        consume::acknowledge(shared, reader, offsets.into_iter().filter(is_settled));
        if !portion.is_empty() {
            tokio::select! {
                () = over(shared, reader, order) => return,
                () = tokio::time::sleep(shared.settings.suspend) => {}
            }
        }
    }
}

/// What is to be handled again, with one more delivery counted. Dead letters are those that the
/// handler names so, and those delivered often enough.
async fn unsettled(
    shared: &Shared,
    outcome: ConsumeOutcome,
    portion: Vec<MessageView>,
) -> Vec<MessageView> {
    let times_max = shared.settings.max_reconsume_times();
    let is_dead = |message: &MessageView| match outcome {
        ConsumeOutcome::DeadLetter => true,
        ConsumeOutcome::RetryLater | ConsumeOutcome::RetryAtLevel(_) => {
            message.reconsume_times >= times_max
        }
        ConsumeOutcome::Success => false,
    };
    if outcome == ConsumeOutcome::Success {
        return Vec::new();
    }
    let (dead, mut left): (Vec<_>, Vec<_>) = portion.into_iter().partition(is_dead);
    if !dead.is_empty() {
        let not_taken = consume::send_back(shared, &dead, consume::DEAD_LETTER_LEVEL).await;
        left.extend(dead.into_iter().filter(|m| not_taken.contains(&m.queue_offset)));
        left.sort_by_key(|message| message.queue_offset);
    }
    for message in &mut left {
        message.reconsume_times = message.reconsume_times.saturating_add(1);
    }
    left
}
