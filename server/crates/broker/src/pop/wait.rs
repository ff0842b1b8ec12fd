//! The shell of the pop hold: arrivals, acknowledgements and retries wake; the consumers' shards
//! take and answer; deadlines end it.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::time::Duration;

use parking_lot::Mutex;
use remora_protocol::ResponseCode;
use remora_protocol::header::{NotificationReply, PopMessageReply};
use remora_remoting::{Body, Connection, Errand, Responder};
use remora_store::Waiting;
use remora_store::store::Arrival;
use tokio::sync::Notify;

use crate::broker::Broker;
use crate::cold_reads::ColdReads;
use crate::pop::hold::{Polling, PollingFull, PollingKey, PollingLimits, PopHold, Turn};
use crate::pop::take::{Pop, Popped, TakeError};
use crate::pull_hold::WantsTag;
use crate::quota::OverQuota;
use crate::time;

/// Longest sleep of the expiring task.
const SWEEP_MS: i64 = 5_000;

/// What a held request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asks {
    /// 200050: messages.
    Messages,
    /// 200054: to be told that there are some.
    Notice,
}

/// A request that may wait, and the obligation to answer it.
#[derive(Debug)]
pub(crate) struct HeldPop {
    pub broker: Arc<Broker>,
    pub responder: Responder,
    pub pop: Pop,
    pub asks: Asks,
    /// By the coarse clock.
    pub deadline_ms: i64,
}

impl WantsTag for HeldPop {
    fn wants(&self, tags_code: i64) -> bool {
        self.pop.filter.wants(tags_code)
    }
}

type Taken = Vec<Polling<Box<HeldPop>>>;

/// What a hold says to a request.
type Parked = Result<(), (Polling<Box<HeldPop>>, PollingFull)>;

/// Requests that are out of the hold and are to look again.
#[derive(Debug, Default)]
pub(crate) struct Woken(Taken);

impl Woken {
    /// Leaves them to their connections' shards. Hold no lock over it.
    pub(crate) fn run(self) {
        for polling in self.0 {
            let conn = polling.payload.responder.conn.clone();
            conn.run_on_shard(polling.payload);
        }
    }
}

/// Held requests: those that take messages, and those that are told of them.
#[derive(Debug)]
struct Held {
    messages: PopHold<Box<HeldPop>>,
    notices: PopHold<Box<HeldPop>>,
    /// Either of them, until its group's quota has room, whatever arrives meanwhile.
    delayed: PopHold<Box<HeldPop>>,
    /// When the expiring task looks next.
    sweep_at_ms: i64,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            messages: PopHold::default(),
            notices: PopHold::new(Turn::Newest),
            delayed: PopHold::default(),
            sweep_at_ms: 0,
        }
    }
}

impl Held {
    fn of(&mut self, asks: Asks) -> &mut PopHold<Box<HeldPop>> {
        match asks {
            Asks::Messages => &mut self.messages,
            Asks::Notice => &mut self.notices,
        }
    }

    /// Those that wait for messages.
    fn each(&mut self, mut visit: impl FnMut(&mut PopHold<Box<HeldPop>>)) {
        visit(&mut self.messages);
        visit(&mut self.notices);
    }

    fn all(&mut self) -> [&mut PopHold<Box<HeldPop>>; 3] {
        [&mut self.messages, &mut self.notices, &mut self.delayed]
    }

    fn len(&self) -> usize {
        self.messages.len() + self.notices.len() + self.delayed.len()
    }

    fn next_deadline_ms(&self) -> i64 {
        let holds = [&self.messages, &self.notices, &self.delayed];
        holds.into_iter().filter_map(PopHold::next_deadline_ms).min().unwrap_or(i64::MAX)
    }
}

/// Held pops of every topic.
#[derive(Debug, Default)]
pub struct PopWait {
    held: Mutex<Held>,
    /// How many, to be read without the lock.
    parked: AtomicUsize,
    /// A deadline was added that is nearer than what the expiring task waits for.
    nearer: Notify,
    /// The stop has begun: nothing is held any more.
    draining: AtomicBool,
}

impl PopWait {
    /// Requests held now.
    pub fn len(&self) -> usize {
        self.parked.load(Ordering::SeqCst)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Requests for messages that are held for exactly this key.
    pub(crate) fn count(&self, key: &PollingKey) -> usize {
        let held = self.held.lock();
        let delayed = held.delayed.of(key).filter(|pop| pop.asks == Asks::Messages).count();
        held.messages.count(key) + delayed
    }

    /// Holds a request until its deadline; a full hold answers it.
    fn park(&self, pop: Box<HeldPop>) {
        let HeldPop { broker, asks, deadline_ms, .. } = &*pop;
        let (broker, asks, deadline_ms) = (broker.clone(), *asks, *deadline_ms);
        let conn = pop.responder.conn.clone();
        let key = pop.pop.polling_key();
        let limits = limits(&broker);
        let queues = pop.pop.watched(&broker);
        let look = pop.pop.clone();
        let polling = Polling { key, connection_id: conn.id, deadline_ms, payload: pop };
        let kept = self.keep(polling, |held, polling| {
            queues.iter().for_each(remora_store::QueueRef::watch);
            held.of(asks).park(polling, limits)
        });
        if !kept {
            return;
        }
        // As with pulls: what came between our look and the parking told nobody.
        fence(Ordering::SeqCst);
        if let Some(queue_id) = look.finds_something(&broker) {
            let (topic, group) = (&look.topic.name, &look.group.group_name);
            self.answer(|held, woken| held.of(asks).notified(topic, group, queue_id, woken));
        }
        self.look_after(&conn);
    }

    /// Holds a request, whatever arrives meanwhile, until its group's quota has room or its
    /// deadline; then it looks again.
    fn delay(&self, pop: Box<HeldPop>, wait_ms: i64) {
        let conn = pop.responder.conn.clone();
        let limits = limits(&pop.broker);
        let deadline_ms = time::tick_ms().saturating_add(wait_ms).min(pop.deadline_ms);
        let key = pop.pop.polling_key();
        let polling = Polling { key, connection_id: conn.id, deadline_ms, payload: pop };
        if self.keep(polling, |held, polling| held.delayed.park(polling, limits)) {
            self.look_after(&conn);
        }
    }

    /// Puts a request into a hold; false where that is full, and the request answered.
    fn keep(
        &self,
        polling: Polling<Box<HeldPop>>,
        park: impl FnOnce(&mut Held, Polling<Box<HeldPop>>) -> Parked,
    ) -> bool {
        let deadline_ms = polling.deadline_ms;
        let mut held = self.held.lock();
        let refused = park(&mut held, polling).err();
        let nearer = deadline_ms < held.sweep_at_ms;
        self.parked.store(held.len(), Ordering::SeqCst);
        drop(held);
        if let Some((back, _)) = refused {
            back.payload.broker.metrics.rejections.polling_full.add(1);
            back.payload.full();
            return false;
        }
        if nearer {
            self.nearer.notify_one();
        }
        true
    }

    /// What happened while a request was put into a hold did not find it there.
    fn look_after(&self, conn: &Connection) {
        if conn.is_closed() {
            self.closed(conn.id);
        }
        if self.draining.load(Ordering::SeqCst) {
            self.release_all();
        }
    }

    /// There may be something for a group in a queue (-1: in any).
    pub(crate) fn notify(&self, topic: &str, group: &str, queue_id: i32) {
        if self.is_empty() {
            return;
        }
        self.answer(|held, woken| {
            held.each(|hold| hold.notified(topic, group, queue_id, woken));
        });
    }

    /// Messages came to a queue that is watched: moves whom they are for to `woken`. Where nobody
    /// here waits for the queue, and no `others` do, it is not watched any more.
    pub(crate) fn arrived(&self, arrival: &Arrival, others: bool, woken: &mut Woken) {
        if self.is_empty() && others {
            return;
        }
        let (topic, queue_id) = (&arrival.queue.topic, arrival.queue.queue_id);
        woken.0.extend(self.take(|held, woken| {
            let waits = [&held.messages, &held.notices]
                .into_iter()
                .any(|hold| hold.waits_for(topic, queue_id));
            if waits {
                let tags_codes = &arrival.tags_codes;
                held.each(|hold| hold.arrived(topic, queue_id, tags_codes, woken));
            } else if !others {
                // Parking watches it again, under the same lock.
                arrival.queue.unwatch();
            }
        }));
    }

    /// Forgets the requests of a closed connection.
    pub(crate) fn closed(&self, connection_id: u64) {
        if self.is_empty() {
            return;
        }
        let gone = self.take(|held, gone| {
            held.all().into_iter().for_each(|hold| hold.closed(connection_id, gone));
        });
        gone.into_iter().for_each(|polling| polling.payload.give_up());
    }

    /// Answers the held requests of a topic that is deleted.
    pub(crate) fn release_topic(&self, topic: &str) {
        let gone = self.take(|held, gone| {
            held.all().into_iter().for_each(|hold| hold.released(topic, gone));
        });
        gone.into_iter().for_each(|polling| polling.payload.over());
    }

    /// Answers every held request, at the stop.
    pub(crate) fn release_all(&self) {
        self.draining.store(true, Ordering::SeqCst);
        let all = self.take(|held, all| {
            held.all().into_iter().for_each(|hold| hold.release_all(all));
        });
        all.into_iter().for_each(|polling| polling.payload.over());
    }

    fn take(&self, from: impl FnOnce(&mut Held, &mut Taken)) -> Taken {
        let mut taken = Vec::new();
        let mut held = self.held.lock();
        from(&mut held, &mut taken);
        self.parked.store(held.len(), Ordering::SeqCst);
        drop(held);
        taken
    }

    fn answer(&self, from: impl FnOnce(&mut Held, &mut Taken)) {
        Woken(self.take(from)).run();
    }
}

fn limits(broker: &Broker) -> PollingLimits {
    let settings = broker.config.peek();
    PollingLimits {
        held_max: settings.pop_polling_max,
        of_one_queue_max: settings.pop_polling_of_one_max,
    }
}

impl Errand for HeldPop {
    fn run(self: Box<Self>) {
        let conn = &self.responder.conn;
        if conn.is_closed() || conn.is_outbound_full() || self.broker.stopping.is_cancelled() {
            return self.over();
        }
        self.attempt(Waiting::Never);
    }
}

impl HeldPop {
    /// Looks, and answers or waits, once the group may have something.
    pub(crate) fn attempt(self: Box<Self>, waiting: Waiting) {
        match self.pop.over_quota() {
            None => self.look(waiting),
            Some(over) => self.delay(over),
        }
    }

    /// A request for messages of a group that has had enough waits, as a pull does.
    #[cold]
    pub(crate) fn delay_first(self: Box<Self>, over: OverQuota) {
        self.broker.metrics.pulls_over_quota.add(1);
        tracing::debug!(group = self.pop.group.group_name, ?over, "pop waits for the quota");
        self.delay(over);
    }

    #[cold]
    fn delay(self: Box<Self>, over: OverQuota) {
        if self.deadline_ms <= time::tick_ms() || self.broker.stopping.is_cancelled() {
            return self.give_up();
        }
        let broker = self.broker.clone();
        broker.pops.wait.delay(self, over.wait_ms);
    }

    /// Looks, and answers or waits, without a look at the quota.
    pub(crate) fn look(self: Box<Self>, waiting: Waiting) {
        match self.asks {
            Asks::Messages => {
                let taken = self.pop.take(&self.broker, waiting);
                self.settle(taken);
            }
            Asks::Notice => match self.pop.finds_something(&self.broker) {
                Some(_) => self.tell(true),
                None => self.wait(),
            },
        }
    }

    /// As the errand, on a thread that may wait for the disk.
    fn attempt_from_disk(self: Box<Self>) {
        if self.responder.conn.is_closed() || self.broker.stopping.is_cancelled() {
            return self.over();
        }
        self.look(Waiting::ForDisk);
    }

    /// What becomes of a request that has looked.
    pub(crate) fn settle(self: Box<Self>, taken: Result<Popped, TakeError>) {
        let popped = match taken {
            Ok(popped) => popped,
            Err(refusal) => return self.responder.refuse(&refusal),
        };
        if popped.is_empty() && popped.cold {
            let broker = self.broker.clone();
            return ColdReads::run(&broker, move || self.attempt_from_disk());
        }
        if popped.is_empty() {
            return self.wait();
        }
        let broker = self.broker.clone();
        let next = popped.left_in.map(|queue_id| (self.pop.polling_key(), queue_id));
        let (code, header, body) = self.pop.reply(popped, ResponseCode::SUCCESS);
        self.responder.reply(code, &header, body);
        // Whoever waits behind this one.
        if let Some((key, queue_id)) = next {
            broker.pops.wait.notify(&key.topic, &key.group, queue_id);
        }
    }

    fn wait(self: Box<Self>) {
        if self.deadline_ms <= time::tick_ms() || self.broker.stopping.is_cancelled() {
            return self.over();
        }
        let broker = self.broker.clone();
        broker.pops.wait.park(self);
    }

    /// The time is over. It may have been woken and then waited for the quota: whoever waits behind
    /// it is to be told in its place.
    fn give_up(self) {
        let (broker, key) = (self.broker.clone(), self.pop.polling_key());
        let limited = self.pop.quota.is_some();
        self.over();
        if limited && !broker.stopping.is_cancelled() {
            broker.pops.wait.notify(&key.topic, &key.group, key.queue_id);
        }
    }

    /// The time is over.
    fn over(self) {
        match self.asks {
            Asks::Messages => self.answer(|pop| pop.nothing(ResponseCode::POLLING_TIMEOUT)),
            Asks::Notice => self.tell(false),
        }
    }

    /// Too many are held.
    fn full(self) {
        match self.asks {
            Asks::Messages => self.answer(|pop| pop.nothing(ResponseCode::POLLING_FULL)),
            Asks::Notice => {
                let full = NotificationReply { has_msg: false, polling_full: Some(true) };
                self.responder.reply(ResponseCode::SUCCESS, &full, Body::Empty);
            }
        }
    }

    fn tell(self, has_msg: bool) {
        let notice = NotificationReply { has_msg, polling_full: Some(false) };
        self.responder.reply(ResponseCode::SUCCESS, &notice, Body::Empty);
    }

    fn answer(self, reply: impl FnOnce(&Pop) -> (ResponseCode, PopMessageReply<'static>, Body)) {
        let (code, header, body) = reply(&self.pop);
        self.responder.reply(code, &header, body);
    }
}

/// Expires held pops whose time is over, until the stop.
pub(crate) async fn expire_held(broker: Arc<Broker>) {
    let wait = &broker.pops.wait;
    loop {
        let now_ms = time::tick_ms();
        let sweep_at_ms = {
            let mut held = wait.held.lock();
            held.sweep_at_ms = held.next_deadline_ms().min(now_ms + SWEEP_MS);
            held.sweep_at_ms
        };
        // One millisecond late rather than early: a tick counts whole milliseconds.
        let sweep_at = time::instant_at(sweep_at_ms) + Duration::from_millis(1);
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = wait.nearer.notified() => {}
            () = tokio::time::sleep_until(sweep_at.into()) => {
                let over = wait.take(|held, over| {
                    held.each(|hold| hold.expire(time::tick_ms(), over));
                });
                over.into_iter().for_each(|polling| polling.payload.over());
                wait.answer(|held, due| held.delayed.expire(time::tick_ms(), due));
            }
        }
    }
}
