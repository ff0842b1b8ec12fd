//! One pulling connection: one pull in flight for each of its queues.
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::BytesMut;
use remora_protocol::{
    Decoded, EncodeHeader, FieldWriter, Flags, Frame, FrameLimits, Head, Language, SerializeType,
    frame, record,
};

use crate::clock;
use crate::payload::Verifier;
use crate::stats::{ConnectionStats, Latencies};
use crate::wire::Wire;

/// When a puller is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Every queue has been read to its end.
    End,
    /// Told to stop; waits at the end of a queue as a push consumer does.
    Stopped,
}

/// What a pull asks for at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ask {
    pub messages_max: u32,
    pub bytes_max: u32,
}

impl Ask {
    /// As official push consumers do by default.
    pub const USUAL: Self = Self { messages_max: 32, bytes_max: 256 * 1024 };
    /// The most messages that an official push consumer may be set to ask for.
    pub const MOST: Self = Self { messages_max: 1_024, ..Self::USUAL };
}

#[derive(Debug)]
pub struct PullerPlan {
    pub addr: String,
    /// Consumer group.
    pub group: String,
    pub topic: String,
    /// Wire queue id and the queue offset to start at.
    pub queues: Vec<(u32, i64)>,
    pub ask: Ask,
    pub until: Until,
    /// Whose messages to verify; `None` = everybody's.
    pub run: Option<u32>,
}

/// Two replies of the size that is usually asked for; grows for larger ones.
const READ_BYTES: usize = 512 * 1024;
const STOP_LOOK: Duration = Duration::from_millis(50);
const MAY_SUSPEND: i64 = 2;
const HAS_SUBSCRIPTION: i64 = 4;
const HOLD_MS: i64 = 5_000;

/// Pulls until done; returns the verifier with what it saw.
pub async fn run(
    plan: PullerPlan,
    stats: Arc<ConnectionStats>,
    stop: Arc<AtomicBool>,
) -> anyhow::Result<Verifier> {
    let wire = Wire::connect(&plan.addr, READ_BYTES).await?;
    stats.connected();
    let mut puller = Puller::new(plan, stats, wire);
    tokio::select! {
        biased;
        outcome = puller.drive() => outcome?,
        () = stopped(&stop) => {}
    }
    Ok(puller.verifier)
}

async fn stopped(stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(STOP_LOOK).await;
    }
}

struct Puller {
    plan: PullerPlan,
    stats: Arc<ConnectionStats>,
    next: Vec<i64>,
    /// Queues not yet at their end.
    open: usize,
    wire: Wire,
    /// A request is encoded here first.
    encoded: BytesMut,
    verifier: Verifier,
    latencies: Latencies,
}

struct PullFields<'a> {
    plan: &'a PullerPlan,
    queue_id: u32,
    queue_offset: i64,
}

impl EncodeHeader for PullFields<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        let suspend = if self.plan.until == Until::Stopped { MAY_SUSPEND } else { 0 };
        out.str("consumerGroup", &self.plan.group);
        out.str("topic", &self.plan.topic);
        out.int("queueId", self.queue_id.into());
        out.int("queueOffset", self.queue_offset);
        out.int("maxMsgNums", self.plan.ask.messages_max.into());
        out.int("sysFlag", HAS_SUBSCRIPTION | suspend);
        out.int("commitOffset", 0);
        out.int("suspendTimeoutMillis", HOLD_MS);
        out.str("subscription", "*");
        out.int("subVersion", 1);
        out.str("expressionType", "TAG");
        out.int("maxMsgBytes", self.plan.ask.bytes_max.into());
    }
}

impl Puller {
    fn new(plan: PullerPlan, stats: Arc<ConnectionStats>, wire: Wire) -> Self {
        Self {
            stats,
            next: plan.queues.iter().map(|(_, offset)| *offset).collect(),
            open: plan.queues.len(),
            wire,
            encoded: BytesMut::new(),
            verifier: Verifier::new(plan.run),
            latencies: Latencies::default(),
            plan,
        }
    }

    async fn drive(&mut self) -> anyhow::Result<()> {
        for queue in 0..self.next.len() {
            self.ask(queue);
        }
        while self.open > 0 {
            let came = poll_fn(|cx| self.wire.poll_exchange(cx)).await;
            came.with_context(|| format!("connection to the broker at {}", self.plan.addr))?;
            self.answers(clock::now_ns())?;
        }
        Ok(())
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
        self.encoded.clear();
        frame::encode_head(&mut self.encoded, &head, &fields, 0);
        self.wire.out.extend_from_slice(&self.encoded);
    }

    fn answers(&mut self, now_ns: u64) -> anyhow::Result<()> {
        let limits = FrameLimits::default();
        let mut taken = 0;
        let mut asked = Vec::new();
        let mut messages = Received::default();
        while let Decoded::Complete { frame, frame_bytes } =
            frame::decode(&self.wire.input()[taken..], &limits)?
        {
            taken += frame_bytes;
            let queue = usize::try_from(frame.opaque).unwrap_or(usize::MAX);
            if !frame.flags.is_response() || queue >= self.next.len() {
                continue;
            }
            self.next[queue] = next_begin_offset(&frame, queue)?;
            if frame.code == 0 {
                messages.take(frame.body, &mut self.verifier, |sent_at_ns| {
                    self.latencies.push(now_ns.saturating_sub(sent_at_ns));
                })?;
            }
            if frame.code == 19 && self.plan.until == Until::End {
                self.open -= 1;
            } else {
                asked.push(queue);
            }
        }
        self.wire.take(taken);
        self.stats.answered(messages.count, messages.bytes, &mut self.latencies);
        for queue in asked {
            self.ask(queue);
        }
        Ok(())
    }
}

/// Where to go on. FOUND, NOT_FOUND, RETRY_IMMEDIATELY and OFFSET_MOVED say it.
fn next_begin_offset(frame: &Frame<'_>, queue: usize) -> anyhow::Result<i64> {
    if !matches!(frame.code, 0 | 19 | 20 | 21) {
        let remark = frame.remark.map(remora_protocol::Text::to_str).unwrap_or_default();
        bail!("pull of queue {queue} refused with code {}: {remark}", frame.code);
    }
    let next = frame.fields.find("nextBeginOffset").and_then(|next| next.parse().ok());
    next.context("pull reply without nextBeginOffset")
}

/// The messages of one read.
#[derive(Default)]
struct Received {
    count: u64,
    bytes: u64,
}

impl Received {
    fn take(
        &mut self,
        records: &[u8],
        verifier: &mut Verifier,
        mut sent_at: impl FnMut(u64),
    ) -> anyhow::Result<()> {
        self.bytes += records.len() as u64;
        let mut rest = records;
        while !rest.is_empty() {
            let (body, after) = split_record(rest)
                .with_context(|| format!("a pull reply's record {} is broken", self.count))?;
            rest = after;
            self.count += 1;
            if let Some(stamp) = verifier.take(body) {
                sent_at(stamp.sent_at_ns);
            }
        }
        Ok(())
    }
}

/// Body of the first record, and what comes after the record.
fn split_record(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let Ok(record::Entry::Record { total_bytes }) = record::entry(records) else { return None };
    let (record, after) = records.split_at_checked(total_bytes as usize)?;
    let sys_flag = i32::from_be_bytes(*record.get(record::SYS_FLAG_AT..)?.first_chunk()?);
    let (length, body) = record.get(record::body_length_at(sys_flag)..)?.split_first_chunk()?;
    Some((body.get(..u32::from_be_bytes(*length) as usize)?, after))
}
