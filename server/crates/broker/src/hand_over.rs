//! Queues change hands: questions that wait for a commit, and the regular look for queues that
//! nobody reads or commits. The decisions are in `queue_owners.rs`.
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ahash::AHashMap;
use parking_lot::Mutex;
use remora_protocol::body::{ConsumeType, MessageModel, QueueTrouble};
use remora_protocol::header::QueryConsumerOffsetHeader;
use remora_remoting::{Call, Responder};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::broker::Broker;
use crate::client_table::{ConsumerGroup, Notify as Changed};
use crate::offset_table::Progress;
use crate::queue_owners::{Finding, GroupQueue, HAND_OVER_MS, Look, QueueOwners, hand_over};
use crate::send_turn::SendTurn;
use crate::{admin_consume, offsets, time};

/// Between two looks at who reads what.
const LOOK_PERIOD: Duration = Duration::from_secs(10);

/// Hand-overs under way.
#[derive(Debug, Default)]
pub struct HandOvers {
    /// When each group's membership last changed; only of late.
    changed_ms: Mutex<AHashMap<Arc<str>, i64>>,
    /// Questions that wait.
    waiting: AtomicUsize,
    /// A commit or a departure, while somebody waits.
    moved: Notify,
    questions: TaskTracker,
    /// As of the last look.
    pub owners: Mutex<QueueOwners>,
}

impl HandOvers {
    /// The members of these groups have just changed: what was pulled before is in flight.
    pub(crate) fn members_changed(&self, broker: &Broker, changes: &[Changed]) {
        if changes.is_empty() {
            return;
        }
        let now_ms = time::tick_ms();
        let mut changed_ms = self.changed_ms.lock();
        changed_ms.retain(|_, at_ms| now_ms - *at_ms < HAND_OVER_MS);
        for change in changes {
            broker.offsets.hold_back(&change.group);
            changed_ms.insert(change.group.clone(), now_ms);
        }
        drop(changed_ms);
        self.moved();
    }

    /// A commit came, or a member left: those that wait look again.
    pub(crate) fn moved(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.moved.notify_waiters();
        }
    }

    /// Questions that wait for a commit now.
    pub fn waiting_count(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Awaits the questions; the broker is stopping, which ends their waiting.
    pub(crate) async fn drained(&self) {
        self.questions.close();
        self.questions.wait().await;
    }

    /// Looks who reads what, reports what is wrong, and has groups share out anew what nobody
    /// reads: a member may have missed that it is its own.
    pub fn look(&self, broker: &Broker, now_ms: i64) {
        // Read before the lock is taken.
        let looks = looks(broker);
        let findings = self.owners.lock().look(now_ms, looks);
        findings.iter().for_each(report);
        let unread: BTreeSet<&str> = findings.iter().filter_map(Finding::unread_group).collect();
        unread.into_iter().for_each(|group| broker.clients.rebalance(broker, group));
    }

    /// Queues that nobody reads, as of the last look.
    pub fn unread_count(&self) -> usize {
        self.owners.lock().unread_count()
    }

    /// Queues that are pulled and not committed, as of the last look.
    pub fn uncommitted_count(&self) -> usize {
        self.owners.lock().uncommitted_count()
    }

    /// What is wrong with a queue, as of the last look.
    pub fn trouble(&self, group: &str, topic: &str, queue_id: i32) -> Option<QueueTrouble> {
        let queue = GroupQueue { group: group.into(), topic: topic.into(), queue_id };
        self.owners.lock().trouble(&queue)
    }

    fn changed_ms(&self, group: &str) -> Option<i64> {
        self.changed_ms.lock().get(group).copied()
    }
}

/// A queue that a member asks about.
struct Question {
    group: String,
    topic: String,
    queue_id: i32,
    set_zero_if_not_found: Option<bool>,
}

impl Question {
    fn header(&self) -> QueryConsumerOffsetHeader<'_> {
        QueryConsumerOffsetHeader {
            consumer_group: self.group.as_str().into(),
            topic: self.topic.as_str().into(),
            queue_id: self.queue_id,
            set_zero_if_not_found: self.set_zero_if_not_found,
        }
    }
}

/// 14 QUERY_CONSUMER_OFFSET: unlike Apache's, waits for the commit of the member that hands the
/// queue over.
pub(crate) fn query_consumer_offset<'a>(
    broker: &Arc<Broker>,
    _turn: &mut SendTurn<'a>,
    call: Call<'_, 'a>,
    header: &QueryConsumerOffsetHeader<'a>,
) {
    let group = header.consumer_group.as_ref();
    let wait = wait_until(broker, call.conn.id, group, &header.topic, header.queue_id);
    if wait.is_none() || broker.stopping.is_cancelled() {
        return call.send(offsets::consumer_offset(broker, header));
    }
    let question = Question {
        group: group.to_owned(),
        topic: header.topic.as_ref().to_owned(),
        queue_id: header.queue_id,
        set_zero_if_not_found: header.set_zero_if_not_found,
    };
    let waiting = answer_later(broker.clone(), question, call.defer());
    broker.hand_overs.questions.spawn_on(waiting, &broker.slow);
}

fn wait_until(broker: &Broker, asker: u64, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
    let changed_ms = broker.hand_overs.changed_ms(group)?;
    let progress = broker.offsets.progress(group, topic, queue_id);
    let is_other = broker.clients.read(|table| {
        let client_id = |connection_id| table.group(group)?.client_id(connection_id);
        client_id(progress.owner).is_some_and(|owner| client_id(asker) != Some(owner))
    });
    hand_over(time::tick_ms(), changed_ms, &progress, is_other)
}

async fn answer_later(broker: Arc<Broker>, question: Question, responder: Responder) {
    let hand_overs = &broker.hand_overs;
    hand_overs.waiting.fetch_add(1, Ordering::SeqCst);
    loop {
        // Listens before it looks, so that nothing in between is missed.
        let mut moved = std::pin::pin!(hand_overs.moved.notified());
        moved.as_mut().enable();
        let Question { group, topic, queue_id, .. } = &question;
        let until_ms = wait_until(&broker, responder.conn.id, group, topic, *queue_id);
        let Some(until_ms) = until_ms else { break };
        tokio::select! {
            () = moved => {}
            () = broker.stopping.cancelled() => break,
            () = tokio::time::sleep_until(time::instant_at(until_ms).into()) => {
                tracing::info!(group, topic, queue_id, "queue taken over without a last commit");
                break;
            }
        }
    }
    hand_overs.waiting.fetch_sub(1, Ordering::SeqCst);
    responder.send(offsets::consumer_offset(&broker, &question.header()));
}

/// Looks for queues that nobody reads, until the stop.
pub(crate) async fn look_regularly(broker: Arc<Broker>) {
    loop {
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_PERIOD) => {}
        }
        broker.hand_overs.look(&broker, time::tick_ms());
    }
}

/// Every queue that the members of a clustering group share. Those that pop share messages.
fn looks(broker: &Broker) -> Vec<Look> {
    let subscribed: Vec<(Arc<str>, bool, String)> = broker.clients.read(|table| {
        let shared = |group: &&ConsumerGroup| {
            group.kind.consume_type != ConsumeType::ConsumePop
                && group.kind.message_model == MessageModel::Clustering
        };
        let topics = |group: &ConsumerGroup| {
            let name = group.name.clone();
            let is_pushed = group.kind.consume_type == ConsumeType::ConsumePassively;
            let topics: Vec<String> = group.subscriptions.keys().cloned().collect();
            topics.into_iter().map(move |topic| (name.clone(), is_pushed, topic))
        };
        table.groups().filter(shared).flat_map(topics).collect()
    });
    let mut looks = Vec::new();
    for (group, is_pushed, name) in subscribed {
        let Some(topic) = broker.topics.find(&name) else { continue };
        for queue_id in 0..topic.config.read_queue_nums {
            let (progress, was_pulled) = broker.offsets.look(&group, &name, queue_id);
            let queue = GroupQueue { group: group.clone(), topic: topic.name.clone(), queue_id };
            let owner = owner(broker, &group, &progress);
            let committed = progress.committed.unwrap_or(0);
            let lag = admin_consume::end_of(broker, &name, queue_id) - committed;
            let Progress { committed, pulled, .. } = progress;
            looks.push(Look { queue, is_pushed, was_pulled, owner, lag, committed, pulled });
        }
    }
    looks
}

/// The client that had a queue's last pull, where it is still a member.
pub(crate) fn owner(broker: &Broker, group: &str, progress: &Progress) -> Option<String> {
    let find = |table: &crate::client_table::ClientTable| {
        table.group(group)?.client_id(progress.owner).map(str::to_owned)
    };
    broker.clients.read(find)
}

fn report(finding: &Finding) {
    match finding {
        Finding::Unread { queue, owner, lag, silent_ms } => tracing::warn!(
            group = %queue.group,
            topic = %queue.topic,
            queue_id = queue.queue_id,
            last_owner = owner.as_deref().unwrap_or("none that is connected"),
            lag,
            silent_ms,
            "nobody pulls a queue although members of the group are connected"
        ),
        Finding::ReadAgain(queue) => tracing::info!(
            group = %queue.group,
            topic = %queue.topic,
            queue_id = queue.queue_id,
            "the queue is read again"
        ),
        Finding::Uncommitted { queue, owner, committed, pulled, silent_ms } => tracing::warn!(
            group = %queue.group,
            topic = %queue.topic,
            queue_id = queue.queue_id,
            owner = owner.as_deref().unwrap_or("none that is connected"),
            committed = committed.map_or("never".to_owned(), |offset| offset.to_string()),
            pulled,
            silent_ms,
            "a queue is pulled and nothing committed: it would all come again"
        ),
        Finding::CommittedAgain(queue) => tracing::info!(
            group = %queue.group,
            topic = %queue.topic,
            queue_id = queue.queue_id,
            "the queue is committed again"
        ),
    }
}
