//! One queue of a push consumer: pulled in a loop, its messages handed to the handler.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::consume;
use super::ordered::InOrder;
use super::process_queue::{FlowLimits, ProcessQueue};
use super::push::Shared;
use super::subscription::Subscription;
use crate::clock;
use crate::error::ClientError;
use crate::instance::{PullRequest, PullStatus, Pulled};
use crate::queue::MessageQueue;
use crate::route::MASTER_ID;
use crate::view::MessageView;

/// How long the broker keeps a pull at the end of a queue. Java: 15 s.
const HOLD: Duration = Duration::from_secs(15);
/// After a failed pull: from the first, doubling to the second. Java waits 3 s at once.
const RETRY_AFTER_MIN: Duration = Duration::from_millis(200);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3);

/// A queue that this member reads.
#[derive(Debug)]
pub(super) struct QueueReader {
    pub(super) queue: MessageQueue,
    pub(super) process: Mutex<ProcessQueue>,
    /// Room may have been made in `process`.
    pub(super) drained: Notify,
    /// Cancelled, under the lock of `process`, when the queue is no longer this member's.
    pub(super) dropped: CancellationToken,
    /// Where messages are handled one after the other.
    pub(super) in_order: Option<InOrder>,
    next_offset: AtomicI64,
    broker_id: AtomicI64,
    pub(super) last_pull_ms: AtomicI64,
    pub(super) last_consume_ms: AtomicI64,
}

impl QueueReader {
    pub(super) fn new(queue: MessageQueue, start_offset: i64, in_order: Option<InOrder>) -> Self {
        Self {
            queue,
            process: Mutex::new(ProcessQueue::default()),
            drained: Notify::new(),
            dropped: CancellationToken::new(),
            in_order,
            next_offset: AtomicI64::new(start_offset),
            broker_id: AtomicI64::new(MASTER_ID),
            last_pull_ms: AtomicI64::new(0),
            last_consume_ms: AtomicI64::new(0),
        }
    }

    pub(super) fn next_offset(&self) -> i64 {
        self.next_offset.load(Ordering::Relaxed)
    }

    /// Stops the reader; what it has not acknowledged by now it never will.
    pub(super) fn drop_queue(&self) {
        let _no_acknowledgement_meanwhile = self.process.lock();
        self.dropped.cancel();
    }
}

/// Pulls until the queue is dropped or the consumer stops. Where there is room, the next pull is on
/// its way before the messages of the last one are handed on.
pub(super) async fn run(shared: Arc<Shared>, reader: Arc<QueueReader>) {
    let mut retry_after = RETRY_AFTER_MIN;
    let mut messages = Vec::new();
    loop {
        let pulling = async {
            wait_for_room(&shared, &reader).await;
            pull(&shared, &reader).await
        };
        let taken = std::mem::take(&mut messages);
        let handing_on = async { consume::dispatch(&shared, &reader, taken) };
        let turn = async { tokio::join!(biased; pulling, handing_on).0 };
        let pulled = tokio::select! {
            () = reader.dropped.cancelled() => return,
            () = shared.stopping.cancelled() => return,
            pulled = turn => pulled,
        };
        match pulled {
            Ok(pulled) => {
                retry_after = RETRY_AFTER_MIN;
                match take_in(&shared, &reader, pulled).await {
                    Some(taken) => messages = taken,
                    None => return,
                }
            }
            Err(error) => {
                tracing::warn!(queue = %reader.queue, %error, "pull failed, tried again");
                shared.client.refresh_route_soon(&reader.queue.topic);
                tokio::select! {
                    () = reader.dropped.cancelled() => return,
                    () = shared.stopping.cancelled() => return,
                    () = tokio::time::sleep(retry_after) => {}
                }
                retry_after = (retry_after * 2).min(RETRY_AFTER_MAX);
            }
        }
    }
}

async fn wait_for_room(shared: &Shared, reader: &QueueReader) {
    loop {
        let drained = reader.drained.notified();
        let limits = limits(shared, &reader.queue.topic);
        let Some(reason) = reader.process.lock().flow_control(&limits) else { return };
        tracing::debug!(queue = %reader.queue, ?reason, "pulling waits for the handler");
        drained.await;
    }
}

/// How much each of the topic's queues may hold.
fn limits(shared: &Shared, topic: &str) -> FlowLimits {
    let limits = shared.settings.flow;
    if !limits.are_of_topic() {
        return limits;
    }
    let queues = shared.queues.lock();
    limits.shared_by(queues.keys().filter(|queue| *queue.topic == *topic).count())
}

async fn pull(shared: &Shared, reader: &QueueReader) -> Result<Pulled, ClientError> {
    let subscription = shared.subscription(&reader.queue.topic);
    let subscription: Arc<Subscription> = subscription.ok_or(ClientError::Closed)?;
    reader.last_pull_ms.store(clock::wall_ms(), Ordering::Relaxed);
    let request = PullRequest {
        group: &shared.group,
        queue: &reader.queue,
        offset: reader.next_offset(),
        max_count: shared.settings.pull_count_max,
        subscription: &subscription,
        hold: HOLD,
        broker_id: reader.broker_id.load(Ordering::Relaxed),
        inflated_bytes_max: shared.settings.inflated_bytes_max,
    };
    shared.client.pull(&request).await
}

/// Counts messages in; those that are to be handed on. `None` when the reader must end.
async fn take_in(
    shared: &Arc<Shared>,
    reader: &Arc<QueueReader>,
    pulled: Pulled,
) -> Option<Vec<MessageView>> {
    reader.broker_id.store(pulled.suggested_broker_id, Ordering::Relaxed);
    match pulled.status {
        PullStatus::Found | PullStatus::NoMatchedMessage | PullStatus::NoNewMessage => {
            reader.next_offset.store(pulled.next_offset, Ordering::Relaxed);
            let mut messages = pulled.messages;
            {
                let mut process = reader.process.lock();
                messages.retain(|m| process.put(m.queue_offset, m.body().len()));
                if messages.is_empty() && process.is_empty() && !reader.dropped.is_cancelled() {
                    // All that was looked at is of no interest: a restart need not look again.
                    shared.offsets.reached(&reader.queue, pulled.next_offset);
                }
            }
            Some(messages)
        }
        PullStatus::OffsetIllegal => {
            tracing::warn!(queue = %reader.queue, offset = reader.next_offset(),
                next_offset = pulled.next_offset, min_offset = pulled.min_offset,
                max_offset = pulled.max_offset, "offset is outside the queue, moved");
            // A new reader takes over, since messages in flight carry offsets of the old queue.
            reader.drop_queue();
            shared.offsets.set(&reader.queue, pulled.next_offset);
            shared.offsets.release(&reader.queue).await;
            shared.queues.lock().remove(&reader.queue);
            shared.rebalance_wanted.notify_one();
            None
        }
    }
}
