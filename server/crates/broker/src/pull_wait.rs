//! The shell of the pull hold: arrivals wake, a task answers, deadlines end it.
//!
//! The appending (or flushing) thread only moves woken pulls into a channel: reading and answering
//! happen in one task on the slow runtime.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::time::Duration;

use parking_lot::Mutex;
use remora_protocol::ResponseCode;
use remora_remoting::{Refusal, Responder};
use remora_store::store::{Arrival, ArrivalListener};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::broker::Broker;
use crate::pull::Pull;
use crate::pull_hold::{Parked, PullHold, QueueKey, WantsTag};
use crate::time;
use crate::topic_table::Topic;

/// Longest sleep of the task: deadlines nearer than that wake it by themselves.
const SWEEP_MS: i64 = 5_000;
/// Woken pulls answered before the task looks at deadlines again.
const ANSWERS_PER_ROUND: usize = 256;

/// A pull that waits, and the obligation to answer it.
#[derive(Debug)]
pub(crate) struct HeldPull {
    pub responder: Responder,
    pub pull: Pull,
}

impl WantsTag for HeldPull {
    fn wants(&self, tags_code: i64) -> bool {
        self.pull.filter.wants(tags_code)
    }
}

/// Held pulls of every queue.
#[derive(Debug)]
pub struct PullWait {
    hold: Mutex<PullHold<HeldPull>>,
    /// Read by every append before it takes the lock.
    parked: AtomicUsize,
    /// A nearer deadline was added.
    rearm: Notify,
    /// Bounded by the hold: what is in here was parked before.
    woken: UnboundedSender<HeldPull>,
    /// The stop has begun: nothing is held any more.
    draining: AtomicBool,
}

impl PullWait {
    pub(crate) fn new(parked_max: usize) -> (Self, UnboundedReceiver<HeldPull>) {
        let (woken, receiver) = mpsc::unbounded_channel();
        let wait = Self {
            hold: Mutex::new(PullHold::new(parked_max)),
            parked: AtomicUsize::new(0),
            rearm: Notify::new(),
            woken,
            draining: AtomicBool::new(false),
        };
        (wait, receiver)
    }

    /// Pulls held now.
    pub fn len(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Holds a pull for `hold_ms`; a full hold answers SYSTEM_BUSY with the figures.
    pub(crate) fn park(&self, broker: &Broker, held: HeldPull, hold_ms: i64) {
        let queue = held.pull.queue.clone();
        let key = QueueKey(queue.address());
        let queue_offset = u64::try_from(held.pull.queue_offset).unwrap_or(0);
        let deadline_ms = time::tick_ms().saturating_add(hold_ms);
        let conn = held.responder.conn.clone();
        let parked =
            Parked { key, connection_id: conn.id, queue_offset, deadline_ms, payload: held };
        let mut hold = self.hold.lock();
        let nearest = hold.next_deadline_ms().is_none_or(|next| deadline_ms < next);
        let refused = hold.park(parked).err();
        self.parked.store(hold.len(), Ordering::SeqCst);
        drop(hold);
        if let Some((back, full)) = refused {
            broker.metrics.rejections.hold_full.add(1);
            let remark = format!(
                "held pulls are {}, the limit is {} (pull.parked_max): ask again later",
                full.parked, full.parked_max
            );
            let refusal = Refusal::new(ResponseCode::SYSTEM_BUSY, remark);
            return back.payload.responder.refuse(&refusal);
        }
        if nearest {
            self.rearm.notify_one();
        }
        // An append between our read and the parking saw no parked pull. It published the queue's
        // end before it looked at `parked`, we wrote `parked` before we look at the end: one sees
        // the other.
        fence(Ordering::SeqCst);
        let queue_offset_max = broker.store.queue_offset_max(&queue);
        if queue_offset_max > queue_offset {
            self.take(|hold| hold.grown(key, queue_offset_max));
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
        if self.is_empty() {
            return;
        }
        let mut hold = self.hold.lock();
        let gone = hold.closed(connection_id);
        self.parked.store(hold.len(), Ordering::SeqCst);
        drop(hold);
        for parked in gone {
            // Nobody reads it; the obligation is met all the same.
            answer_not_found(parked.payload);
        }
    }

    /// Answers the held pulls of a topic that is deleted.
    pub fn release_topic(&self, topic: &Topic) {
        self.take(|hold| {
            let keys = topic.resolved_queues().map(|queue| QueueKey(queue.address()));
            keys.flat_map(|key| hold.released(key)).collect()
        });
    }

    /// Answers every held pull PULL_NOT_FOUND, at the stop.
    pub(crate) fn release_all(&self) {
        self.draining.store(true, Ordering::SeqCst);
        let mut hold = self.hold.lock();
        let released = hold.release_all();
        self.parked.store(0, Ordering::SeqCst);
        drop(hold);
        for parked in released {
            answer_not_found(parked.payload);
        }
    }

    /// Moves pulls from the hold to the answering task.
    fn take(&self, from: impl FnOnce(&mut PullHold<HeldPull>) -> Vec<Parked<HeldPull>>) {
        let mut hold = self.hold.lock();
        let woken = from(&mut hold);
        self.parked.store(hold.len(), Ordering::SeqCst);
        drop(hold);
        for parked in woken {
            if let Err(unanswered) = self.woken.send(parked.payload) {
                // The task has ended: the broker stops.
                answer_not_found(unanswered.0);
            }
        }
    }
}

impl ArrivalListener for PullWait {
    fn arrived(&self, arrivals: &[Arrival]) {
        fence(Ordering::SeqCst);
        if self.parked.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.take(|hold| {
            let mut woken = Vec::new();
            for arrival in arrivals {
                let key = QueueKey(arrival.queue.address());
                woken.extend(hold.arrived(key, arrival.queue_offset_max, &arrival.tags_codes));
            }
            woken
        });
    }
}

/// Answers woken pulls, and expires those whose time is over, until the stop.
pub(crate) async fn answer_woken(broker: Arc<Broker>, mut woken: UnboundedReceiver<HeldPull>) {
    let mut round = Vec::with_capacity(ANSWERS_PER_ROUND);
    loop {
        let sweep_at = time::tick_ms() + SWEEP_MS;
        let next = broker.hold.hold.lock().next_deadline_ms().unwrap_or(sweep_at).min(sweep_at);
        // One millisecond late rather than early: a tick counts whole milliseconds.
        let next = time::instant_at(next) + Duration::from_millis(1);
        tokio::select! {
            biased;
            () = broker.stopping.cancelled() => break,
            count = woken.recv_many(&mut round, ANSWERS_PER_ROUND) => {
                if count == 0 {
                    break;
                }
                round.drain(..).for_each(|held| answer(&broker, held));
            }
            () = broker.hold.rearm.notified() => {}
            () = tokio::time::sleep_until(next.into()) => {
                broker.hold.take(|hold| hold.expire(time::tick_ms()));
            }
        }
    }
    woken.close();
    while let Ok(held) = woken.try_recv() {
        answer_not_found(held);
    }
}

/// The second pass of a pull: answers whatever it finds, never holds again and never commits again.
fn answer(broker: &Broker, held: HeldPull) {
    let HeldPull { responder, pull } = held;
    match pull.read(broker) {
        Ok(outcome) => {
            let answer = pull.answer(broker, outcome);
            responder.reply(answer.code, &answer.header, answer.body);
        }
        Err(refusal) => responder.refuse(&refusal),
    }
}

fn answer_not_found(held: HeldPull) {
    let header = remora_protocol::header::PullMessageReply {
        next_begin_offset: held.pull.queue_offset,
        max_offset: held.pull.queue_offset,
        ..Default::default()
    };
    let code = ResponseCode::PULL_NOT_FOUND;
    held.responder.reply(code, &header, remora_remoting::Body::Empty);
}
