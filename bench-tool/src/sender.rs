//! One sending connection: keeps a window of requests in flight, or follows a schedule.
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use remora_protocol::{Decoded, FrameLimits, ResponseCode, SerializeType, frame};

use crate::clock;
use crate::pacer::Pacer;
use crate::payload::Source;
use crate::stats::{ConnectionStats, Latencies};
use crate::template::{OPAQUE_BASE, OpaqueBytes, Template};
use crate::wire::Wire;

/// What one connection sends.
#[derive(Debug)]
pub struct SenderPlan {
    pub addr: String,
    /// One template a queue, used in turn.
    pub templates: Vec<Template>,
    pub in_flight: usize,
    /// Between two requests of this connection; `None` = as fast as the window allows.
    pub interval_ns: Option<u64>,
    pub serialize: SerializeType,
    pub run: u32,
    pub producer: u32,
    pub body_bytes: usize,
    pub read_back: ReadBack,
}

/// Whether somebody verifies the messages on the other side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadBack {
    No,
    /// The sender remembers what need not arrive.
    Yes,
}

/// What one connection sent from its first request to its last, the warm-up included.
#[derive(Debug, Default)]
pub struct Sent {
    pub acknowledged_messages: u64,
    /// Sequences that the broker refused, or did not answer: they need not arrive. Empty where
    /// nobody reads back.
    pub refused: Vec<(Source, u64)>,
}

/// Requests are prepared up to this many bytes ahead of the socket.
const OUT_BYTES_MAX: usize = 256 * 1024;
/// Some 300 answers.
const READ_BYTES: usize = 64 * 1024;
/// How long answers may take once the load is over.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
const STOP_LOOK: Duration = Duration::from_millis(100);

/// Runs until `stop`, then waits for the answers that are owed: 10 s, then it counts those
/// that did not come.
pub async fn run(
    plan: SenderPlan,
    stats: Arc<ConnectionStats>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<Sent> {
    let wire = Wire::connect(&plan.addr, READ_BYTES).await?;
    stats.connected();
    let pacer = plan.interval_ns.map(|_| Pacer::new()).transpose()?;
    let mut sender = Sender::new(plan, stats, wire);
    let outcome = tokio::select! {
        biased;
        outcome = sender.drive(&stop, pacer.as_ref()) => Some(outcome),
        () = answers_overdue(&stop) => None,
    };
    match outcome {
        Some(outcome) => outcome?,
        None => sender.give_up(),
    }
    Ok(sender.sent)
}

async fn answers_overdue(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(STOP_LOOK).await;
    }
    tokio::time::sleep(LAST_ANSWERS).await;
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
struct Slot {
    opaque: OpaqueBytes,
    /// When its request was due; 0 = none in flight.
    due_ns: u64,
    queue: u32,
    /// Of its first message.
    sequence: u64,
}

/// What a connection waits for besides answers.
enum Next {
    /// For answers alone.
    Answer,
    /// For the time of the next request.
    DueIn { wait_ns: u64 },
    /// For room in the socket.
    Room,
}

struct Sender {
    plan: SenderPlan,
    stats: Arc<ConnectionStats>,
    wire: Wire,
    /// A slot's number is in its opaque.
    slots: Vec<Slot>,
    /// Slots without a request in flight.
    free: Vec<u32>,
    /// Next sequence of each queue.
    sequence: Vec<u64>,
    turn: usize,
    next_due_ns: u64,
    batch: u64,
    latencies: Latencies,
    sent: Sent,
}

impl Sender {
    fn new(plan: SenderPlan, stats: Arc<ConnectionStats>, wire: Wire) -> Self {
        let count = u32::try_from(plan.in_flight).unwrap_or(u32::MAX);
        let slot = |slot| Slot {
            opaque: OpaqueBytes::new(plan.serialize, OPAQUE_BASE.wrapping_add_unsigned(slot)),
            due_ns: 0,
            queue: 0,
            sequence: 0,
        };
        Self {
            stats,
            wire,
            slots: (0..count).map(slot).collect(),
            free: (0..count).collect(),
            sequence: vec![0; plan.templates.len()],
            turn: plan.producer as usize % plan.templates.len().max(1),
            next_due_ns: clock::now_ns(),
            batch: plan.templates.first().map_or(1, Template::messages) as u64,
            latencies: Latencies::default(),
            sent: Sent::default(),
            plan,
        }
    }

    async fn drive(&mut self, stop: &AtomicBool, pacer: Option<&Pacer>) -> anyhow::Result<()> {
        let mut now_ns = clock::now_ns();
        loop {
            let stopping = stop.load(Ordering::Relaxed);
            if stopping && self.free.len() == self.slots.len() {
                return Ok(());
            }
            let next = if stopping { Next::Answer } else { self.fill(now_ns) };
            let came = self.exchange(pacer, &next).await;
            now_ns = clock::now_ns();
            if came.with_context(|| format!("connection to the broker at {}", self.plan.addr))? {
                self.answers(now_ns)?;
            }
        }
    }

    /// Writes requests and waits for what is next; whether bytes came.
    async fn exchange(&mut self, pacer: Option<&Pacer>, next: &Next) -> std::io::Result<bool> {
        let wire = &mut self.wire;
        let refill = matches!(next, Next::Room);
        let exchange = poll_fn(|cx| match wire.poll_exchange(cx) {
            std::task::Poll::Pending if refill && wire.unwritten() == 0 => {
                std::task::Poll::Ready(Ok(false))
            }
            polled => polled.map_ok(|_| true),
        });
        match (pacer, next) {
            (Some(pacer), Next::DueIn { wait_ns }) => tokio::select! {
                biased;
                came = exchange => came,
                waited = pacer.wait(*wait_ns) => waited.map(|()| false),
            },
            _ => exchange.await,
        }
    }

    /// Encodes every request that is due.
    fn fill(&mut self, now_ns: u64) -> Next {
        let born_ms = clock::wall_ms();
        while let Some(slot) = self.free.last().copied() {
            if self.wire.out.len() >= OUT_BYTES_MAX {
                return Next::Room;
            }
            let due_ns = match self.plan.interval_ns {
                None => now_ns,
                Some(_) if self.next_due_ns > now_ns => {
                    return Next::DueIn { wait_ns: self.next_due_ns - now_ns };
                }
                Some(interval_ns) => {
                    let due_ns = self.next_due_ns;
                    self.next_due_ns += interval_ns;
                    due_ns
                }
            };
            self.free.pop();
            self.encode(slot, born_ms, due_ns);
        }
        Next::Answer
    }

    #[inline]
    fn encode(&mut self, slot: u32, born_ms: i64, due_ns: u64) {
        let queue = self.turn;
        self.turn = if queue + 1 == self.plan.templates.len() { 0 } else { queue + 1 };
        let sequence = self.sequence[queue];
        self.sequence[queue] += self.batch;
        let slot = &mut self.slots[slot as usize];
        slot.due_ns = due_ns.max(1);
        slot.queue = u32::try_from(queue).unwrap_or(u32::MAX);
        slot.sequence = sequence;
        let template = &mut self.plan.templates[queue];
        template.append_to(&mut self.wire.out, &slot.opaque, born_ms, sequence, due_ns);
    }

    fn answers(&mut self, now_ns: u64) -> anyhow::Result<()> {
        let limits = FrameLimits::default();
        let (mut taken, mut acknowledged) = (0, 0);
        while let Some(peeked) = frame::peek(&self.wire.input()[taken..], &limits)? {
            let from = taken;
            taken += peeked.frame_bytes;
            if peeked.is_response {
                acknowledged += self.settle(&peeked, from, now_ns)?;
            }
        }
        self.wire.take(taken);
        let messages = acknowledged * self.batch;
        self.sent.acknowledged_messages += messages;
        let bytes = messages * self.plan.body_bytes as u64;
        self.stats.answered(messages, bytes, &mut self.latencies);
        Ok(())
    }

    /// Settles the answer at `from` of the input; 1 when it acknowledges.
    #[inline]
    fn settle(&mut self, answer: &frame::Peek, from: usize, now_ns: u64) -> anyhow::Result<u64> {
        let number = u32::try_from(answer.opaque.wrapping_sub(OPAQUE_BASE)).unwrap_or(u32::MAX);
        let Some(slot) = self.slots.get_mut(number as usize).filter(|slot| slot.due_ns > 0) else {
            bail!("answer to opaque {} that was never asked or already answered", answer.opaque);
        };
        let due_ns = std::mem::take(&mut slot.due_ns);
        self.free.push(number);
        if !ResponseCode(answer.code).is_stored() {
            self.refused(number, from);
            return Ok(0);
        }
        self.latencies.push(now_ns.saturating_sub(due_ns));
        Ok(1)
    }

    #[cold]
    fn refused(&mut self, slot: u32, from: usize) {
        self.forgive(slot as usize);
        let limits = FrameLimits::default();
        if let Ok(Decoded::Complete { frame, .. }) =
            frame::decode(&self.wire.input()[from..], &limits)
        {
            let remark = frame.remark.map(remora_protocol::Text::to_str).unwrap_or_default();
            self.stats.refused(frame.code, &remark);
        }
    }

    fn forgive(&mut self, slot: usize) {
        if self.plan.read_back == ReadBack::No {
            return;
        }
        let Slot { queue, sequence, .. } = self.slots[slot];
        let source = (self.plan.run, self.plan.producer, queue);
        self.sent.refused.extend((0..self.batch).map(|n| (source, sequence + n)));
    }

    /// Counts what is still in flight as unanswered.
    fn give_up(&mut self) {
        for slot in 0..self.slots.len() {
            if self.slots[slot].due_ns > 0 {
                self.forgive(slot);
                self.stats.unanswered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
