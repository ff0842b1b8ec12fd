//! One pulling connection: one pull in flight for each of its queues.
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use bytes::{Buf as _, BytesMut};
use remora_protocol::{
    Decoded, EncodeHeader, FieldWriter, Flags, Frame, FrameLimits, Head, Language, SerializeType,
    frame, record,
};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::clock;
use crate::payload::Verifier;
use crate::stats::ConnectionStats;

/// When a puller is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Every queue has been read to its end.
    End,
    /// Told to stop; waits at the end of a queue as a push consumer does.
    Stopped,
}

#[derive(Debug)]
pub struct PullerPlan {
    pub addr: String,
    pub topic: String,
    /// Wire queue id and the queue offset to start at.
    pub queues: Vec<(u32, i64)>,
    pub messages_max: u32,
    pub until: Until,
    /// Whose messages to verify; `None` = everybody's.
    pub run: Option<u32>,
}

const MAY_SUSPEND: i64 = 2;
const HAS_SUBSCRIPTION: i64 = 4;
const HOLD_MS: i64 = 5_000;

/// Pulls until done; returns the verifier with what it saw.
pub async fn run(
    plan: PullerPlan,
    stats: Arc<ConnectionStats>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<Verifier> {
    let stream = TcpStream::connect(&plan.addr)
        .await
        .with_context(|| format!("cannot connect to the broker at {}", plan.addr))?;
    stream.set_nodelay(true)?;
    let mut puller = Puller::new(plan, stats);
    for queue in 0..puller.next.len() {
        puller.ask(queue);
    }
    while puller.open > 0 && !stop.load(Ordering::Relaxed) {
        puller.write(&stream)?;
        let interest = if puller.out.is_empty() {
            Interest::READABLE
        } else {
            Interest::READABLE | Interest::WRITABLE
        };
        // Wakes now and then to see `stop`.
        let wait =
            tokio::time::timeout(std::time::Duration::from_millis(50), stream.ready(interest));
        if let Ok(ready) = wait.await {
            ready?;
            puller.read(&stream)?;
        }
    }
    Ok(puller.verifier)
}

struct Puller {
    plan: PullerPlan,
    stats: Arc<ConnectionStats>,
    next: Vec<i64>,
    /// Queues not yet at their end.
    open: usize,
    out: BytesMut,
    input: BytesMut,
    verifier: Verifier,
    latencies_ns: Vec<u64>,
}

struct PullFields<'a> {
    plan: &'a PullerPlan,
    queue_id: u32,
    queue_offset: i64,
}

impl EncodeHeader for PullFields<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        let suspend = if self.plan.until == Until::Stopped { MAY_SUSPEND } else { 0 };
        out.str("consumerGroup", "remora-bench");
        out.str("topic", &self.plan.topic);
        out.int("queueId", self.queue_id.into());
        out.int("queueOffset", self.queue_offset);
        out.int("maxMsgNums", self.plan.messages_max.into());
        out.int("sysFlag", HAS_SUBSCRIPTION | suspend);
        out.int("commitOffset", 0);
        out.int("suspendTimeoutMillis", HOLD_MS);
        out.str("subscription", "*");
        out.int("subVersion", 1);
        out.str("expressionType", "TAG");
    }
}

impl Puller {
    fn new(plan: PullerPlan, stats: Arc<ConnectionStats>) -> Self {
        Self {
            stats,
            next: plan.queues.iter().map(|(_, offset)| *offset).collect(),
            open: plan.queues.len(),
            out: BytesMut::with_capacity(4 * 1024),
            input: BytesMut::with_capacity(512 * 1024),
            verifier: Verifier::new(plan.run),
            latencies_ns: Vec::new(),
            plan,
        }
    }

    /// Queues a pull of `queue` (an index of the plan), whose index is the opaque.
    fn ask(&mut self, queue: usize) {
        let head = Head {
            serialize: SerializeType::Json,
            code: 11,
            language: Language(0),
            version: 493,
            opaque: i32::try_from(queue).unwrap_or(i32::MAX),
            flags: Flags::REQUEST,
            remark: None,
        };
        let (queue_id, queue_offset) = (self.plan.queues[queue].0, self.next[queue]);
        let fields = PullFields { plan: &self.plan, queue_id, queue_offset };
        frame::encode_head(&mut self.out, &head, &fields, 0);
    }

    fn write(&mut self, stream: &TcpStream) -> io::Result<()> {
        while !self.out.is_empty() {
            match stream.try_write(&self.out) {
                Ok(bytes) => self.out.advance(bytes),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn read(&mut self, stream: &TcpStream) -> anyhow::Result<()> {
        self.input.reserve(256 * 1024);
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
        let mut input = std::mem::take(&mut self.input);
        let mut taken = 0;
        while let Decoded::Complete { frame, frame_bytes } =
            frame::decode(&input[taken..], &limits)?
        {
            taken += frame_bytes;
            self.answer(&frame, now_ns)?;
        }
        input.advance(taken);
        self.input = input;
        Ok(())
    }

    fn answer(&mut self, frame: &Frame<'_>, now_ns: u64) -> anyhow::Result<()> {
        let queue = usize::try_from(frame.opaque).unwrap_or(usize::MAX);
        if !frame.flags.is_response() || queue >= self.next.len() {
            return Ok(());
        }
        match frame.code {
            // FOUND, NOT_FOUND, RETRY_IMMEDIATELY, OFFSET_MOVED all say where to go on.
            0 | 19 | 20 | 21 => {
                let next = frame.fields.find("nextBeginOffset");
                self.next[queue] = next
                    .and_then(|next| next.parse().ok())
                    .context("pull reply without nextBeginOffset")?;
            }
            code => {
                let remark = frame.remark.map(remora_protocol::Text::to_str).unwrap_or_default();
                bail!("pull of queue {queue} refused with code {code}: {remark}");
            }
        }
        if frame.code == 0 {
            self.messages(frame.body, now_ns)?;
        } else if frame.code == 19 && self.plan.until == Until::End {
            self.open -= 1;
            return Ok(());
        }
        self.ask(queue);
        Ok(())
    }

    fn messages(&mut self, mut records: &[u8], now_ns: u64) -> anyhow::Result<()> {
        let mut messages = 0;
        let bytes = records.len() as u64;
        while !records.is_empty() {
            let record = record::decode(records)?;
            records = &records[record.total_bytes as usize..];
            messages += 1;
            if let Some(stamp) = self.verifier.take(record.body) {
                self.latencies_ns.push(now_ns.saturating_sub(stamp.sent_at_ns));
            }
        }
        self.stats.answered(messages, bytes, &self.latencies_ns);
        self.latencies_ns.clear();
        Ok(())
    }
}
