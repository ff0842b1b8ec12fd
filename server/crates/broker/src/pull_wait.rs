//! The shell of the pull hold: arrivals wake, the consumers' shards answer, deadlines end it.
//!
//! The appending (or flushing) thread takes the pulls out of the hold that its messages are for and
//! leaves each to the shard of its connection: reading and answering happen there, and neither a
//! sender nor the flush waits for it. By then more may have arrived for the pull.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::time::Duration;

use parking_lot::Mutex;
use remora_protocol::ResponseCode;
use remora_remoting::{Body, Errand, Refusal, Responder};
use remora_store::store::{Arrival, ArrivalListener};
use remora_store::{QueueRef, ReadOutcome, ReadStatus, Waiting};
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::cold_reads::ColdReads;
use crate::pop::Pops;
use crate::pop::wait::Woken;
use crate::pull::{Answer, Pull};
use crate::pull_hold::{Parked, PullHold, QueueKey, WantsTag};
use crate::time;
use crate::topic_table::Topic;

/// Longest sleep of the expiring task.
const SWEEP_MS: i64 = 5_000;

/// Deadlines are rounded up to a multiple of this, so that many pulls share one. Chosen: clients
/// wait for 10 s longer than they ask to be held.
const DEADLINE_STEP_MS: i64 = 64;

/// A pull that waits, and the obligation to answer it.
#[derive(Debug)]
pub(crate) struct HeldPull {
    pub broker: Arc<Broker>,
    pub responder: Responder,
    pub pull: Pull,
    /// By the coarse clock; 0 before it was held.
    held_until_ms: i64,
}

impl WantsTag for HeldPull {
    fn wants(&self, tags_code: i64) -> bool {
        self.pull.filter.wants(tags_code)
    }
}

/// Held pulls of every queue.
#[derive(Debug)]
pub struct PullWait {
    held: Mutex<Held>,
    /// The other hold: the store tells one listener.
    pops: Arc<Pops>,
    /// For figures.
    parked: AtomicUsize,
    /// A deadline was added that is nearer than what the expiring task waits for.
    nearer: Notify,
    /// The stop has begun: nothing is held any more.
    draining: AtomicBool,
}

#[derive(Debug)]
struct Held {
    hold: PullHold<Box<HeldPull>>,
    /// When the expiring task looks next.
    sweep_at_ms: i64,
}

type Taken = Vec<Parked<Box<HeldPull>>>;

impl PullWait {
    pub(crate) fn new(parked_max: usize, pops: Arc<Pops>) -> Self {
        let hold = PullHold::new(parked_max);
        Self {
            held: Mutex::new(Held { hold, sweep_at_ms: i64::MAX }),
            pops,
            parked: AtomicUsize::new(0),
            nearer: Notify::new(),
            draining: AtomicBool::new(false),
        }
    }

    /// Pulls held now.
    pub fn len(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Holds a pull for `hold_ms`; a full hold answers SYSTEM_BUSY with the figures.
    pub(crate) fn park(&self, mut pull: HeldPull, hold_ms: i64) {
        pull.held_until_ms = time::tick_ms().saturating_add(hold_ms);
        let (broker, queue) = (pull.broker.clone(), pull.pull.queue.clone());
        let key = QueueKey(queue.address());
        let queue_offset = u64::try_from(pull.pull.queue_offset).unwrap_or(0);
        self.keep(pull, key, hold_ms);
        // An append between our read and the parking told nobody. It published the queue's end
        // before it looked whether the queue is watched, we said so before we look at the end: one
        // sees the other.
        fence(Ordering::SeqCst);
        let queue_offset_max = broker.store.queue_offset_max(&queue);
        if queue_offset_max > queue_offset {
            self.answer(|hold, woken| hold.grown(key, queue_offset_max, woken));
        }
    }

    /// Holds a pull, whatever arrives meanwhile, until its group's quota has room; then it is
    /// looked at again. After `hold_ms` it is answered empty.
    pub(crate) fn delay(&self, mut pull: HeldPull, wait_ms: i64, hold_ms: i64) {
        if hold_ms <= 0 || pull.broker.stopping.is_cancelled() {
            return pull.not_found();
        }
        pull.held_until_ms = time::tick_ms().saturating_add(hold_ms);
        self.keep(pull, QueueKey::NONE, wait_ms.min(hold_ms));
    }

    fn keep(&self, pull: HeldPull, key: QueueKey, hold_ms: i64) {
        let conn = pull.responder.conn.clone();
        let queue_offset = u64::try_from(pull.pull.queue_offset).unwrap_or(0);
        let deadline_ms = deadline_ms(time::tick_ms(), hold_ms);
        let payload = Box::new(pull);
        let parked = Parked { key, connection_id: conn.id, queue_offset, deadline_ms, payload };
        let mut held = self.held.lock();
        if key != QueueKey::NONE {
            parked.payload.pull.queue.watch();
        }
        let refused = held.hold.park(parked).err();
        let nearer = deadline_ms < held.sweep_at_ms;
        self.parked.store(held.hold.len(), Ordering::Relaxed);
        drop(held);
        if let Some((back, full)) = refused {
            back.payload.broker.metrics.rejections.hold_full.add(1);
            let remark = format!(
                "held pulls are {}, the limit is {} (pull.parked_max): ask again later",
                full.parked, full.parked_max
            );
            let refusal = Refusal::new(ResponseCode::SYSTEM_BUSY, remark);
            return back.payload.responder.refuse(&refusal);
        }
        if nearer {
            self.nearer.notify_one();
        }
        // Closed meanwhile: `closed` may have run before the parking.
        if conn.is_closed() {
            self.closed(conn.id);
        }
        // A pull that was read before the stop and parked after it: it would hold the stop up.
        if self.draining.load(Ordering::SeqCst) {
            self.release_all();
        }
    }

    /// Forgets the pulls of a closed connection.
    pub(crate) fn closed(&self, connection_id: u64) {
        // Nobody reads it; the obligation is met all the same.
        let gone = self.take(|hold, gone| hold.closed(connection_id, gone));
        gone.into_iter().for_each(|parked| parked.payload.not_found());
    }

    /// Answers the held pulls of a topic that is deleted.
    pub fn release_topic(&self, topic: &Topic) {
        self.answer(|hold, released| {
            let keys = topic.resolved_queues().map(|queue| QueueKey(queue.address()));
            keys.for_each(|key| hold.released(key, released));
        });
    }

    /// Answers the held pulls of queues that were reset, other groups' too: they ask again.
    pub fn release_queues<'q>(&self, queues: impl IntoIterator<Item = &'q QueueRef>) {
        self.answer(|hold, released| {
            let keys = queues.into_iter().map(|queue| QueueKey(queue.address()));
            keys.for_each(|key| hold.released(key, released));
        });
    }

    /// Answers a group's held pulls of a topic PULL_NOT_FOUND, where they stand: what came since
    /// was left out by a subscription that is no longer the group's. They ask again by the new one.
    pub(crate) fn release_group(&self, group: &str, topic: &Topic) {
        let released = self.take(|hold, released| {
            for queue in topic.resolved_queues() {
                let key = QueueKey(queue.address());
                hold.released_if(key, released, |held| held.pull.group.group_name == group);
            }
        });
        released.into_iter().for_each(|parked| parked.payload.not_found());
    }

    /// Answers every held pull PULL_NOT_FOUND, at the stop.
    pub(crate) fn release_all(&self) {
        self.draining.store(true, Ordering::SeqCst);
        let released = self.take(PullHold::release_all);
        released.into_iter().for_each(|parked| parked.payload.not_found());
    }

    fn take(&self, from: impl FnOnce(&mut PullHold<Box<HeldPull>>, &mut Taken)) -> Taken {
        let mut taken = Vec::new();
        let mut held = self.held.lock();
        from(&mut held.hold, &mut taken);
        self.parked.store(held.hold.len(), Ordering::Relaxed);
        drop(held);
        taken
    }

    /// Leaves pulls from the hold to their connections' shards.
    fn answer(&self, from: impl FnOnce(&mut PullHold<Box<HeldPull>>, &mut Taken)) {
        for parked in self.take(from) {
            let conn = parked.payload.responder.conn.clone();
            conn.run_on_shard(parked.payload);
        }
    }
}

impl ArrivalListener for PullWait {
    fn arrived(&self, arrivals: &[Arrival]) {
        let mut pops = Woken::default();
        self.answer(|hold, woken| {
            for arrival in arrivals {
                let key = QueueKey(arrival.queue.address());
                let waits = hold.waits_for(key);
                if waits {
                    hold.arrived(key, arrival.queue_offset_max, &arrival.tags_codes, woken);
                }
                // Under this lock: whoever parks watches the queue again, under the same one.
                self.pops.wait.arrived(arrival, waits, &mut pops);
            }
        });
        pops.run();
    }
}

impl Errand for HeldPull {
    /// The second pass of a pull: answers whatever it finds and never commits again. It is held
    /// again only where its condition left out all that came, which the hold cannot know.
    fn run(self: Box<Self>) {
        let conn = &self.responder.conn;
        // One that has much to read already is told to ask again, which it can once it has read.
        if conn.is_closed() || conn.is_outbound_full() || self.broker.stopping.is_cancelled() {
            return self.not_found();
        }
        if self.broker.resets.any() {
            let moved = self.pull.moved_by_reset(&self.broker, &mut false);
            if let Some(Answer { code, header, body }) = moved {
                return self.responder.reply(code, &header, body);
            }
        }
        if let Some(over) = self.pull.over_quota() {
            let left_ms = self.held_until_ms.saturating_sub(time::tick_ms());
            return self.broker.clone().hold.delay(*self, over.wait_ms, left_ms);
        }
        match self.pull.read(&self.broker, Waiting::Never) {
            Ok(outcome) if outcome.status == ReadStatus::NotInMemory => ColdReads::answer(self),
            Ok(outcome) if self.waits_on(&outcome) => self.park_again(outcome.queue_offset_next),
            read => self.answer(read),
        }
    }
}

impl HeldPull {
    pub(crate) fn new(broker: &Arc<Broker>, responder: Responder, pull: Pull) -> Self {
        Self { broker: broker.clone(), responder, pull, held_until_ms: 0 }
    }

    /// Whether it has seen everything, may take none of it, and has time left.
    fn waits_on(&self, outcome: &ReadOutcome) -> bool {
        outcome.status == ReadStatus::NoMatched
            && outcome.queue_offset_next >= outcome.queue_offset_max
            && time::tick_ms() < self.held_until_ms
    }

    fn park_again(mut self, queue_offset: u64) {
        let left_ms = self.held_until_ms.saturating_sub(time::tick_ms());
        self.pull.queue_offset = i64::try_from(queue_offset).unwrap_or(i64::MAX);
        self.broker.clone().hold.park(self, left_ms);
    }

    /// As the errand, on a thread that may wait for the disk.
    pub(crate) fn answer_from_disk(self) {
        if self.responder.conn.is_closed() || self.broker.stopping.is_cancelled() {
            return self.not_found();
        }
        let read = self.pull.read(&self.broker, Waiting::ForDisk);
        self.answer(read);
    }

    fn answer(self, read: Result<ReadOutcome, Refusal>) {
        match read {
            Ok(outcome) => {
                let answer = self.pull.answer(&self.broker, outcome);
                self.responder.reply(answer.code, &answer.header, answer.body);
            }
            Err(refusal) => self.responder.refuse(&refusal),
        }
    }

    /// Answers without a look at the queue.
    fn not_found(self) {
        let queue_offset_max = self.broker.store.queue_offset_max(&self.pull.queue);
        let header = remora_protocol::header::PullMessageReply {
            next_begin_offset: self.pull.queue_offset,
            max_offset: i64::try_from(queue_offset_max).unwrap_or(i64::MAX),
            ..Default::default()
        };
        self.responder.reply(ResponseCode::PULL_NOT_FOUND, &header, Body::Empty);
    }
}

/// Late by less than a step, never early.
fn deadline_ms(now_ms: i64, hold_ms: i64) -> i64 {
    let steps = now_ms.saturating_add(hold_ms) / DEADLINE_STEP_MS;
    steps.saturating_add(1).saturating_mul(DEADLINE_STEP_MS)
}

/// Expires held pulls whose time is over, until the stop.
pub(crate) async fn expire_held(broker: Arc<Broker>) {
    loop {
        let now_ms = time::tick_ms();
        let sweep_at_ms = {
            let mut held = broker.hold.held.lock();
            let next_ms = held.hold.next_deadline_ms().unwrap_or(i64::MAX);
            held.sweep_at_ms = next_ms.min(now_ms + SWEEP_MS);
            held.sweep_at_ms
        };
        // One millisecond late rather than early: a tick counts whole milliseconds.
        let sweep_at = time::instant_at(sweep_at_ms) + Duration::from_millis(1);
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = broker.hold.nearer.notified() => {}
            () = tokio::time::sleep_until(sweep_at.into()) => {
                broker.hold.answer(|hold, expired| hold.expire(time::tick_ms(), expired));
            }
        }
    }
}
