//! The locks of queues that are consumed in order: taken before the first pull, renewed, given
//! back.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use remora_protocol::{RequestCode, body};
use tokio_util::sync::CancellationToken;

use super::push::{MessageModel, Shared};
use super::queue_reader::QueueReader;
use crate::clock;
use crate::error::ClientError;
use crate::instance::request_failed;
use crate::queue::MessageQueue;

/// How often locks are renewed: Java's. Brokers keep one for 60 s.
const RENEW_PERIOD: Duration = Duration::from_secs(20);
/// How long a lock is believed in without a renewal: Java's, half of what the broker keeps it.
const BELIEVED_MS: u64 = 30_000;

/// Until when a queue is this member's for sure.
#[derive(Debug, Default)]
pub(super) struct QueueLock {
    believed_until_ms: AtomicU64,
}

impl QueueLock {
    /// A broker has granted what was asked for at this (monotonic) time.
    pub(super) fn granted(&self, asked_ms: u64) {
        self.believed_until_ms.store(asked_ms.saturating_add(BELIEVED_MS), Ordering::Relaxed);
    }

    pub(super) fn is_held(&self, now_ms: u64) -> bool {
        now_ms < self.believed_until_ms.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Whether queues are locked: every member of a broadcasting group reads all of them.
    pub(super) fn locks_queues(&self) -> bool {
        self.settings.is_ordered && self.settings.model == MessageModel::Clustering
    }

    /// Asks one broker for locks; those that this client now holds.
    pub(super) async fn lock(
        &self,
        broker_name: &str,
        queues: &BTreeSet<MessageQueue>,
    ) -> Result<BTreeSet<MessageQueue>, ClientError> {
        let code = RequestCode::LOCK_BATCH_MQ;
        let addr = self.client.master_addr(broker_name)?;
        let body = self.lock_body(queues);
        let answer =
            self.client.ask_broker((broker_name, &addr), "queue lock", code, &(), body).await?;
        let locked: body::LockBatchResponse = answer.success()?.json()?;
        Ok(locked.lock_ok_mq_set.iter().map(MessageQueue::from_wire).collect())
    }

    /// Gives a lock back, of a queue whose offset is committed: one-way says that nothing is to
    /// come any more, and another member may have it at once. One that the broker does not hear of
    /// ends by itself.
    pub(super) async fn unlock(&self, queue: &MessageQueue) {
        let body = self.lock_body(&BTreeSet::from([queue.clone()]));
        let unlocked = async {
            let addr = self.client.master_addr(&queue.broker_name)?;
            let conn = self.client.broker_connection(&queue.broker_name, &addr).await?;
            conn.oneway(RequestCode::UNLOCK_BATCH_MQ, &(), body.into())
                .map_err(|source| request_failed("queue unlock", source))
        };
        if let Err(error) = unlocked.await {
            tracing::warn!(%queue, %error, "queue not unlocked; its lock ends within a minute");
        }
    }

    fn lock_body(&self, queues: &BTreeSet<MessageQueue>) -> Bytes {
        body::encode(&body::LockBatchRequest {
            client_id: self.client.client_id().to_owned(),
            consumer_group: self.group.clone(),
            mq_set: queues.iter().map(MessageQueue::to_wire).collect(),
            only_this_broker: false,
        })
        .into()
    }

    async fn renew(&self) {
        let mut by_broker: BTreeMap<Arc<str>, BTreeSet<MessageQueue>> = BTreeMap::new();
        for queue in self.queues.lock().keys() {
            by_broker.entry(Arc::clone(&queue.broker_name)).or_default().insert(queue.clone());
        }
        for (broker_name, queues) in by_broker {
            let asked_ms = clock::monotonic_ms();
            match self.lock(&broker_name, &queues).await {
                Ok(locked) => self.note_renewed(asked_ms, &queues, &locked),
                Err(error) => tracing::warn!(broker = %broker_name, %error, "locks not renewed"),
            }
        }
    }

    /// Gives up what is another's now; its offset is not ours to commit any more.
    fn note_renewed(
        &self,
        asked_ms: u64,
        asked: &BTreeSet<MessageQueue>,
        locked: &BTreeSet<MessageQueue>,
    ) {
        let mut queues = self.queues.lock();
        for queue in asked {
            let Some(reader) = queues.get(queue) else { continue };
            if locked.contains(queue) {
                reader.granted(asked_ms);
                continue;
            }
            tracing::warn!(%queue, group = %self.group, "lock lost, another member consumes now");
            reader.drop_queue();
            self.offsets.forget(queue);
            queues.remove(queue);
            self.rebalance_wanted.notify_one();
        }
    }
}

impl QueueReader {
    pub(super) fn granted(&self, asked_ms: u64) {
        if let Some(order) = &self.in_order {
            order.lock.granted(asked_ms);
        }
    }
}

/// Renews the locks of every queue held until the consumer stops or is dropped.
pub(super) async fn renew_regularly(shared: Weak<Shared>, stopping: CancellationToken) {
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(RENEW_PERIOD) => {}
        }
        let Some(shared) = shared.upgrade() else { return };
        shared.renew().await;
    }
}
