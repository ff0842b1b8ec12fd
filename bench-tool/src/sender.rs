//! One sending connection: keeps a window of requests in flight, or follows a schedule.
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use bytes::BytesMut;
use remora_protocol::{Decoded, Frame, FrameLimits, frame};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::clock;
use crate::pacer::Pacer;
use crate::payload::Stamp;
use crate::stats::ConnectionStats;
use crate::template::{OPAQUE_BASE, Template};

/// What one connection sends.
#[derive(Debug)]
pub struct SenderPlan {
    pub addr: String,
    /// One template a queue, used in turn.
    pub templates: Vec<Template>,
    pub in_flight: usize,
    /// Between two requests of this connection; `None` = as fast as the window allows.
    pub interval_ns: Option<u64>,
    pub run: u32,
    pub producer: u32,
    pub body_bytes: usize,
}

/// Runs until `stop`, then waits for the answers that are owed.
pub async fn run(
    plan: SenderPlan,
    stats: Arc<ConnectionStats>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<()> {
    let stream = TcpStream::connect(&plan.addr)
        .await
        .with_context(|| format!("cannot connect to the broker at {}", plan.addr))?;
    stream.set_nodelay(true)?;
    let pacer = plan.interval_ns.map(|_| Pacer::new()).transpose()?;
    let mut sender = Sender::new(plan, stats);
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        if stopping && sender.free.len() == sender.plan.in_flight {
            return Ok(());
        }
        let wait_ns = if stopping { None } else { sender.fill(clock::now_ns()) };
        sender.write(&stream)?;
        sender.wait(&stream, pacer.as_ref(), wait_ns).await?;
        sender.read(&stream)?;
    }
}

struct Sender {
    plan: SenderPlan,
    stats: Arc<ConnectionStats>,
    /// Slots without a request in flight; a slot's number is in its opaque.
    free: Vec<u32>,
    /// When each slot's request was due.
    due_ns: Vec<u64>,
    /// Next sequence of each queue.
    sequence: Vec<u64>,
    turn: usize,
    next_due_ns: u64,
    out: Vec<u8>,
    written: usize,
    input: BytesMut,
    latencies_ns: Vec<u64>,
}

impl Sender {
    fn new(plan: SenderPlan, stats: Arc<ConnectionStats>) -> Self {
        let slots = u32::try_from(plan.in_flight).unwrap_or(u32::MAX);
        Self {
            stats,
            free: (0..slots).collect(),
            due_ns: vec![0; plan.in_flight],
            sequence: vec![0; plan.templates.len()],
            turn: plan.producer as usize % plan.templates.len().max(1),
            next_due_ns: clock::now_ns(),
            out: Vec::with_capacity(64 * 1024),
            written: 0,
            input: BytesMut::with_capacity(64 * 1024),
            latencies_ns: Vec::with_capacity(plan.in_flight),
            plan,
        }
    }

    /// Encodes every request that is due; returns how long until the next one is.
    fn fill(&mut self, now_ns: u64) -> Option<u64> {
        let born_ms = clock::wall_ms();
        while let Some(slot) = self.free.last().copied() {
            let due_ns = match self.plan.interval_ns {
                None => now_ns,
                Some(_) if self.next_due_ns > now_ns => return Some(self.next_due_ns - now_ns),
                Some(interval_ns) => {
                    let due_ns = self.next_due_ns;
                    self.next_due_ns += interval_ns;
                    due_ns
                }
            };
            self.free.pop();
            self.due_ns[slot as usize] = due_ns;
            self.encode(slot, born_ms, due_ns);
        }
        None
    }

    fn encode(&mut self, slot: u32, born_ms: i64, due_ns: u64) {
        let queue = self.turn;
        self.turn = (self.turn + 1) % self.plan.templates.len();
        let template = &self.plan.templates[queue];
        let stamp = Stamp {
            run: self.plan.run,
            producer: self.plan.producer,
            queue: u32::try_from(queue).unwrap_or(u32::MAX),
            sequence: self.sequence[queue],
            sent_at_ns: due_ns,
        };
        self.sequence[queue] += template.messages() as u64;
        let opaque = OPAQUE_BASE.wrapping_add_unsigned(slot);
        template.append_to(&mut self.out, opaque, born_ms, stamp);
    }

    fn write(&mut self, stream: &TcpStream) -> io::Result<()> {
        while self.written < self.out.len() {
            match stream.try_write(&self.out[self.written..]) {
                Ok(bytes) => self.written += bytes,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        self.out.clear();
        self.written = 0;
        Ok(())
    }

    async fn wait(
        &self,
        stream: &TcpStream,
        pacer: Option<&Pacer>,
        wait_ns: Option<u64>,
    ) -> io::Result<()> {
        let interest = if self.out.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        match (pacer, wait_ns) {
            (Some(pacer), Some(wait_ns)) => tokio::select! {
                biased;
                ready = stream.ready(interest) => ready.map(|_| ()),
                waited = pacer.wait(wait_ns) => waited,
            },
            _ => stream.ready(interest).await.map(|_| ()),
        }
    }

    fn read(&mut self, stream: &TcpStream) -> anyhow::Result<()> {
        self.input.reserve(32 * 1024);
        match stream.try_read_buf(&mut self.input) {
            Ok(0) => bail!("the broker at {} closed the connection", self.plan.addr),
            Ok(_) => self.answers(),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn answers(&mut self) -> anyhow::Result<()> {
        let now_ns = clock::now_ns();
        let limits = FrameLimits::default();
        let input = std::mem::take(&mut self.input);
        let mut taken = 0;
        let mut messages = 0;
        while let Decoded::Complete { frame, frame_bytes } =
            frame::decode(&input[taken..], &limits)?
        {
            taken += frame_bytes;
            messages += self.answer(&frame, now_ns)?;
        }
        let bytes = messages * self.plan.body_bytes as u64;
        self.stats.answered(messages, bytes, &self.latencies_ns);
        self.latencies_ns.clear();
        self.input = input;
        bytes::Buf::advance(&mut self.input, taken);
        Ok(())
    }

    /// Settles one answer; returns the messages it acknowledged.
    fn answer(&mut self, frame: &Frame<'_>, now_ns: u64) -> anyhow::Result<u64> {
        if !frame.flags.is_response() {
            return Ok(0);
        }
        let slot = u32::try_from(frame.opaque.wrapping_sub(OPAQUE_BASE)).unwrap_or(u32::MAX);
        let Some(due_ns) =
            self.due_ns.get_mut(slot as usize).map(std::mem::take).filter(|due| *due > 0)
        else {
            bail!("answer to opaque {} that was never asked or already answered", frame.opaque);
        };
        self.free.push(slot);
        // 10, 11, 12: stored, but not flushed or replicated in time.
        if !matches!(frame.code, 0 | 10 | 11 | 12) {
            let remark = frame.remark.map(remora_protocol::Text::to_str).unwrap_or_default();
            self.stats.refused(frame.code, &remark);
            return Ok(0);
        }
        self.latencies_ns.push(now_ns.saturating_sub(due_ns));
        Ok(self.plan.templates[0].messages() as u64)
    }
}
