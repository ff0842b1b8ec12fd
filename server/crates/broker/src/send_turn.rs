//! What one read's sends share: one append, one set of buffers, replies at the end.
use std::cell::Cell;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use remora_config::Settings;
use remora_protocol::message_id::{HexId, OffsetId};
use remora_protocol::{ResponseCode, names};
use remora_remoting::{Body, Connection, HeldReplies, Owed, Refusal, Reply, Responder};
use remora_store::{AppendBatch, AppendError, Appended, FlushMode};

use crate::broker::Broker;
use crate::counter::Counter;
use crate::first_answer::FirstAnswer;
use crate::half_messages::{self, StagedHalf};
use crate::property_memo::PropertyMemo;
use crate::refusals;
use crate::send_delayed::DelayedSends;
use crate::send_later::LaterSend;
use crate::send_reply::{ReplyTemplate, ReplyWithHandle, SendReply};
use crate::topic_table::Topic;

/// Buffers above this are not kept for the next turn. Chosen: a full read of small messages fits.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// Topics of a turn that a send is compared with. Chosen: a client writes to a few topics at once.
const RECENT_TOPICS: usize = 4;

/// Buffers that a thread keeps from one turn to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub batch: AppendBatch,
    /// Prepares the properties of the message being staged.
    pub properties: PropertyMemo,
    /// Unique ids of the staged messages, for their replies.
    pub ids: Vec<u8>,
    pub delayed: DelayedSends,
    /// Half messages of the turn; nearly always none.
    pub halves: Vec<StagedHalf>,
    /// The producer group that was checked last: they come in runs.
    group: String,
    reply_template: ReplyTemplate,
    /// Empty: the room of earlier turns.
    spare_topics: Vec<TurnTopic>,
    spare_owed: Vec<(Owed<'static>, Staged)>,
}

thread_local! {
    static SPARE: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// A send that is in the batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Staged {
    pub topic_index: usize,
    pub queue_id: i32,
    /// Its first record in the batch, and how many it has.
    pub first: usize,
    pub count: usize,
    /// Its unique id in `Scratch::ids`.
    pub transaction_id: Range<usize>,
    /// Whether the reply waits for the flush, under sync flush.
    pub wait: bool,
}

/// A topic that this turn sends to, and how much.
#[derive(Debug)]
pub(crate) struct TurnTopic {
    pub topic: Arc<Topic>,
    messages: u64,
    bytes: u64,
}

/// The sends of one turn.
#[derive(Debug)]
pub struct SendTurn<'a> {
    pub(crate) settings: Arc<Settings>,
    pub(crate) store_host: SocketAddr,
    /// The offset id of a record at 0.
    first_id: HexId,
    /// Largest record that the log takes.
    pub(crate) record_bytes_max: u64,
    /// As old may a message be whose retry gets the first answer; 0 where none does.
    pub(crate) duplicate_window_ms: i64,
    pub(crate) scratch: Box<Scratch>,
    pub(crate) topics: Vec<TurnTopic>,
    owed: Vec<(Owed<'a>, Staged)>,
    /// Sends that leave for another thread, after the append.
    pub(crate) later: Vec<LaterSend>,
}

impl<'a> SendTurn<'a> {
    pub(crate) fn new(broker: &Broker) -> Self {
        let mut scratch = SPARE.take().unwrap_or_default();
        let store_host = broker.store_host();
        let settings = broker.config.settings();
        let traced = broker.message_trace.properties(&settings);
        scratch.properties.set_added(&settings.cluster_name, traced);
        Self {
            store_host,
            first_id: OffsetId { store_host, physical_offset: 0 }.to_hex(),
            record_bytes_max: broker.store.record_bytes_max(),
            duplicate_window_ms: duplicate_window_ms(&settings),
            topics: std::mem::take(&mut scratch.spare_topics),
            owed: std::mem::take(&mut scratch.spare_owed),
            settings,
            scratch,
            later: Vec::new(),
        }
    }

    /// The topic's place in this turn; a run of sends to one topic looks it up once.
    pub(crate) fn topic(&mut self, broker: &Broker, name: &str) -> Option<usize> {
        // Among the latest only: to look through all of a turn over many topics would cost more
        // than the table. One that comes twice is counted in two parts.
        let older = self.topics.len().saturating_sub(RECENT_TOPICS);
        let recent = self.topics.get(older..).unwrap_or_default();
        if let Some(index) = recent.iter().rposition(|known| *known.topic.name == *name) {
            return Some(older + index);
        }
        let topic = broker.topics.find(name)?;
        self.topics.push(TurnTopic { topic, messages: 0, bytes: 0 });
        Some(self.topics.len() - 1)
    }

    pub(crate) fn check_group(&mut self, group: &str) -> Result<(), Refusal> {
        let checked = &mut self.scratch.group;
        if !group.is_empty() && *checked == group {
            return Ok(());
        }
        names::check_group(group)
            .map_err(|error| refusals::illegal(format!("field 'producerGroup': {error}")))?;
        group.clone_into(checked);
        Ok(())
    }

    /// Keeps the obligation until the append.
    pub(crate) fn owe(&mut self, owed: Owed<'a>, staged: Staged) {
        self.owed.push((owed, staged));
    }

    /// Counts what was staged for a topic, for when it has been appended.
    pub(crate) fn count(&mut self, topic_index: usize, messages: usize, bytes: usize) {
        if let Some(topic) = self.topics.get_mut(topic_index) {
            topic.messages += messages as u64;
            topic.bytes += bytes as u64;
        }
    }

    pub(crate) fn appends(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Appends everything staged and answers, or arranges the answers for the flush.
    pub(crate) fn finish(mut self, broker: &Broker, conn: &Arc<Connection>) {
        if !self.owed.is_empty() {
            // Before the message can be read, and replied to.
            if let Some(client_id) = self.scratch.properties.take_asker() {
                broker.clients.asked(&client_id, conn);
            }
            match self.append(broker) {
                Ok(durable_offset) => {
                    if self.scratch.delayed.due_ms.is_some() {
                        self.answer_delayed(broker, conn, durable_offset);
                    } else {
                        self.answer(broker, conn, durable_offset);
                    }
                }
                Err((refusal, cause)) => self.refuse_all(broker, &refusal, cause),
            }
        }
        if !self.later.is_empty() {
            broker.later_sends.take(&mut self.later);
        }
        self.recycle();
    }

    /// As `finish`, for a single send outside any turn.
    pub(crate) fn finish_one(mut self, broker: &Broker, responder: Responder, staged: &Staged) {
        if let Some(client_id) = self.scratch.properties.take_asker() {
            broker.clients.asked(&client_id, &responder.conn);
        }
        match self.append(broker) {
            Err((refusal, cause)) => {
                self.end_halves(broker);
                cause.add(1);
                responder.refuse(&refusal);
            }
            Ok(durable_offset) => {
                self.publish_counts(broker);
                self.end_halves(broker);
                let mut reply = self.reply(staged).to_reply();
                if let Some(due_ms) = self.scratch.delayed.due_ms {
                    broker.delayed_message_stored(due_ms, durable_offset);
                    if let Some(handle) = self.scratch.delayed.handle_of(staged) {
                        reply = reply.field("recallHandle", handle);
                    }
                }
                if staged.wait {
                    answer_when_durable(broker, responder, reply, durable_offset);
                } else {
                    responder.send(Ok(reply));
                }
            }
        }
        self.recycle();
    }

    /// Appends, unless the disk is too slow to begin with; why not, and where that is counted.
    fn append<'b>(&mut self, broker: &'b Broker) -> Result<u64, (Refusal, &'b Counter)> {
        if let Some(busy) = broker.admission.busy() {
            return Err((busy.refusal(), &broker.metrics.rejections.send_busy));
        }
        let appended = broker.store.append(&mut self.scratch.batch);
        appended
            .map_err(|error| (append_refusal(&error), broker.metrics.rejections.of_append(&error)))
    }

    /// Says again what the first answer said, as soon as it is true.
    pub(crate) fn answer_again(
        self,
        broker: &Broker,
        responder: Responder,
        (first, unique_id): (&FirstAnswer, &str),
    ) {
        let FirstAnswer { store_host, queue_id, records, durable_offset } = first;
        let reply = SendReply {
            first_id: &OffsetId { store_host: *store_host, physical_offset: 0 }.to_hex(),
            records,
            queue_id: *queue_id,
            transaction_id: unique_id.as_bytes(),
            region: &self.settings.region_id,
            trace_on: self.settings.trace_on,
            template: None,
        };
        answer_when_durable(broker, responder, reply.to_reply(), *durable_offset);
        self.recycle();
    }

    fn answer(&mut self, broker: &Broker, conn: &Arc<Connection>, durable_offset: u64) {
        let sync = broker.flush == FlushMode::Sync;
        let mut held = sync.then(|| HeldReplies::new(conn));
        let mut all_owed = std::mem::take(&mut self.owed);
        // Counted before any answer leaves: who reads the metrics after an answer finds it there.
        self.publish_counts(broker);
        if !self.scratch.halves.is_empty() {
            self.end_halves(broker);
        }
        if let Some((owed, staged)) = all_owed.first() {
            let mut template = std::mem::take(&mut self.scratch.reply_template);
            template.learn(&owed.head(ResponseCode::SUCCESS), &self.reply(staged));
            self.scratch.reply_template = template;
        }
        for (owed, staged) in all_owed.drain(..) {
            let reply = self.reply(&staged);
            match &mut held {
                Some(held) if staged.wait => {
                    owed.hold(held, ResponseCode::SUCCESS, &reply, Body::Empty);
                }
                _ => owed.reply(ResponseCode::SUCCESS, &reply, Body::Empty),
            }
        }
        self.owed = all_owed;
        release_when_flushed(broker, held, durable_offset);
    }

    /// As `answer`, for a turn with delayed messages among its own.
    #[cold]
    fn answer_delayed(&mut self, broker: &Broker, conn: &Arc<Connection>, durable_offset: u64) {
        let delayed = std::mem::take(&mut self.scratch.delayed);
        if let Some(due_ms) = delayed.due_ms {
            broker.delayed_message_stored(due_ms, durable_offset);
        }
        let (with_handle, others) = std::mem::take(&mut self.owed)
            .into_iter()
            .partition(|(_, staged)| delayed.handle_of(staged).is_some());
        self.owed = others;
        let with_handle: Vec<(Owed<'a>, Staged)> = with_handle;
        let sync = broker.flush == FlushMode::Sync;
        let mut held = sync.then(|| HeldReplies::new(conn));
        for (owed, staged) in with_handle {
            let plain = SendReply { template: None, ..self.reply(&staged) };
            let reply = ReplyWithHandle { plain, handle: delayed.handle_of(&staged) };
            match &mut held {
                Some(held) if staged.wait => {
                    owed.hold(held, ResponseCode::SUCCESS, &reply, Body::Empty);
                }
                _ => owed.reply(ResponseCode::SUCCESS, &reply, Body::Empty),
            }
        }
        release_when_flushed(broker, held, durable_offset);
        self.answer(broker, conn, durable_offset);
    }

    fn records(&self, staged: &Staged) -> &[Appended] {
        let records = staged.first..staged.first + staged.count;
        self.scratch.batch.appended().get(records).unwrap_or(&[])
    }

    fn reply<'t>(&'t self, staged: &Staged) -> SendReply<'t> {
        let transaction_id = self.scratch.ids.get(staged.transaction_id.clone()).unwrap_or(&[]);
        SendReply {
            first_id: &self.first_id,
            records: self.records(staged),
            queue_id: staged.queue_id,
            transaction_id,
            region: &self.settings.region_id,
            trace_on: self.settings.trace_on,
            template: self.scratch.reply_template.frame.as_ref(),
        }
    }

    /// Adds the turn's counts to the broker's, once for all messages of a topic.
    fn publish_counts(&self, broker: &Broker) {
        for TurnTopic { topic, messages, bytes } in &self.topics {
            if *messages > 0 {
                broker.metrics.messages_in.add(*messages);
                broker.metrics.bytes_in.add(*bytes);
                topic.counters.count_in(*messages, *bytes);
            }
        }
    }

    /// Has half messages wait from now on; without an append, gives their places back.
    fn end_halves(&mut self, broker: &Broker) {
        let Scratch { halves, batch, .. } = &mut *self.scratch;
        if !halves.is_empty() {
            half_messages::begin(broker, halves, batch.appended());
        }
    }

    #[cold]
    fn refuse_all(&mut self, broker: &Broker, refusal: &Refusal, cause: &Counter) {
        self.end_halves(broker);
        cause.add(self.owed.len() as u64);
        for (owed, _) in std::mem::take(&mut self.owed) {
            owed.refuse(refusal);
        }
    }

    fn recycle(self) {
        let Self { mut scratch, mut topics, mut owed, .. } = self;
        if scratch.batch.encoded_bytes() <= KEPT_BYTES_MAX {
            scratch.batch.clear();
            scratch.ids.clear();
            scratch.delayed.due_ms = None;
            scratch.delayed.handles.clear();
            topics.clear();
            scratch.spare_topics = topics;
            owed.clear();
            scratch.spare_owed = outlive(owed);
            SPARE.set(Some(scratch));
        }
    }
}

fn release_when_flushed(broker: &Broker, held: Option<HeldReplies>, durable_offset: u64) {
    if let Some(held) = held.filter(|held| !held.is_empty()) {
        broker.store.when_flushed(
            durable_offset,
            Box::new(move |outcome| match outcome {
                Ok(()) => held.release(),
                Err(error) => held.refuse(append_refusal(&error)),
            }),
        );
    }
}

/// The room of an empty vector for another turn: collecting in place keeps it.
fn outlive(empty: Vec<(Owed<'_>, Staged)>) -> Vec<(Owed<'static>, Staged)> {
    empty.into_iter().map_while(|_| None).collect()
}

/// Without the index no message is found again.
fn duplicate_window_ms(settings: &Settings) -> i64 {
    if settings.message_index_enable {
        i64::try_from(settings.duplicate_window_ms).unwrap_or(0)
    } else {
        0
    }
}

fn answer_when_durable(broker: &Broker, responder: Responder, reply: Reply, durable_offset: u64) {
    let answer = move |outcome: Result<(), AppendError>| match outcome {
        Ok(()) => responder.send(Ok(reply)),
        Err(error) => responder.refuse(&append_refusal(&error)),
    };
    match broker.flush {
        FlushMode::Sync => broker.store.when_flushed(durable_offset, Box::new(answer)),
        FlushMode::Async => answer(Ok(())),
    }
}

/// The one table from append errors to response codes. All but 13 make a producer try another
/// broker.
pub(crate) fn append_refusal(error: &AppendError) -> Refusal {
    let code = match error {
        AppendError::TooLarge { .. } => ResponseCode::MESSAGE_ILLEGAL,
        AppendError::DiskFull { .. } | AppendError::Closed => ResponseCode::SERVICE_NOT_AVAILABLE,
        AppendError::QueuesBehind { .. } => ResponseCode::SYSTEM_BUSY,
        AppendError::Failed { .. } => ResponseCode::SYSTEM_ERROR,
    };
    Refusal::new(code, error.to_string())
}
