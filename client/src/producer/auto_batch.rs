//! Automatic batching: messages of any callers that wait for the same queue leave in one request.
//!
//! A queue has at most one such request in flight. What comes meanwhile gathers and is the next
//! one, so nothing waits for a timer, and the messages of a queue are stored in the order in which
//! they were given.
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use remora_protocol::batch::{BatchItem, ITEM_OVERHEAD_BYTES};
use remora_protocol::properties::{self, name};
use remora_protocol::{ResponseCode, header, names};
use remora_remoting::{Body, RequestError, SendAnswer};

use super::lanes::Lane;
use super::send::{Target, no_queue, status};
use super::{Prepared, Producer, SendReceipt, Shape};
use crate::clock;
use crate::error::ClientError;
use crate::message::Message;
use crate::message_id::MessageId;
use crate::queue::MessageQueue;

/// How much goes into one request of automatic batching.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchPolicy {
    /// Most messages.
    pub count_max: usize,
    /// Most bytes of bodies and properties; a larger message goes alone.
    pub bytes_max: usize,
}

impl Default for BatchPolicy {
    /// Chosen: what the callers of one process have in flight to a queue, and a quarter of what a
    /// read of the broker takes.
    fn default() -> Self {
        Self { count_max: 256, bytes_max: 128 * 1024 }
    }
}

/// What waits for one queue.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    state: Mutex<GatheringState>,
}

#[derive(Debug, Default)]
struct GatheringState {
    /// In the order in which they go; only the last one takes more.
    groups: VecDeque<Arc<Group>>,
    /// A task sends them.
    is_sending: bool,
}

/// The messages of one request.
#[derive(Debug)]
struct Group {
    since_ms: u64,
    state: Mutex<GroupState>,
}

#[derive(Debug)]
struct GroupState {
    contents: Contents,
    /// By place in the group.
    wakers: Vec<Option<Waker>>,
    outcome: Option<Outcome>,
}

#[derive(Debug)]
enum Contents {
    /// One message, which goes as any other does.
    One(Box<Prepared>),
    Items {
        topic: Arc<str>,
        body: Vec<u8>,
    },
    Taken,
}

/// What became of a group's request.
#[derive(Clone, Debug)]
enum Outcome {
    Stored(Arc<Stored>),
    /// Any other answer.
    Answer(SendAnswer),
    None(RequestError),
}

/// A group's receipt.
#[derive(Debug)]
struct Stored {
    code: ResponseCode,
    queue_id: i32,
    /// Of the first message.
    queue_offset: i64,
    /// Comma-joined.
    offset_ids: String,
}

impl Stored {
    /// The offset id of one of `count` messages.
    fn offset_id(&self, place: usize, count: usize) -> &str {
        let all = self.offset_ids.as_str();
        // All of one length, as brokers write them.
        let stride = (all.len() + 1).checked_div(count).unwrap_or(0);
        let start = place * stride;
        let id = all.get(start..(start + stride).saturating_sub(1)).unwrap_or_default();
        if stride * count == all.len() + 1 && !id.contains(',') {
            return id;
        }
        all.split(',').nth(place).unwrap_or_default()
    }
}

/// Whether a message may share a request with others.
fn is_batchable(prepared: &Prepared, policy: &BatchPolicy) -> bool {
    let message = &prepared.message;
    let is_plain = message.properties.is_empty()
        || !message.is_delayed()
            && message.get_property(name::WAIT).is_none()
            && message.get_property(name::TRAN_MSG).is_none();
    is_plain
        && prepared.sys_flag == 0
        && prepared.shape == Shape::Single
        && item_bytes(message, &prepared.msg_id) <= policy.bytes_max
        && !names::is_retry_topic(&message.topic)
}

fn item_bytes(message: &Message, msg_id: &MessageId) -> usize {
    let unique_key = name::UNIQ_KEY.len() + msg_id.len() + 2;
    ITEM_OVERHEAD_BYTES + message.body.len() + message.properties.len() + unique_key
}

impl Gathering {
    /// Adds a message; its group and place in it. True: a task must be started that sends.
    fn join(&self, prepared: &Prepared, policy: &BatchPolicy) -> (Arc<Group>, usize, bool) {
        let mut state = self.state.lock();
        let must_start = !std::mem::replace(&mut state.is_sending, true);
        let batchable = is_batchable(prepared, policy);
        if batchable
            && let Some(last) = state.groups.back()
            && let Some(place) = last.state.lock().add(prepared, policy)
        {
            return (Arc::clone(last), place, must_start);
        }
        let group = Arc::new(Group {
            since_ms: clock::monotonic_ms(),
            state: Mutex::new(GroupState {
                contents: Contents::One(Box::new(prepared.clone())),
                wakers: vec![None],
                outcome: None,
            }),
        });
        state.groups.push_back(Arc::clone(&group));
        (group, 0, must_start)
    }

    /// The next group to send; it takes no more messages. `None`: nothing waits, the task ends.
    fn next(&self) -> Option<Arc<Group>> {
        let mut state = self.state.lock();
        let next = state.groups.pop_front();
        state.is_sending = next.is_some();
        next
    }
}

impl GroupState {
    /// The new message's place, if it fits.
    fn add(&mut self, prepared: &Prepared, policy: &BatchPolicy) -> Option<usize> {
        let place = self.wakers.len();
        let bytes = item_bytes(&prepared.message, &prepared.msg_id);
        if place >= policy.count_max {
            return None;
        }
        if let Contents::One(first) = &self.contents {
            let first_bytes = item_bytes(&first.message, &first.msg_id);
            if !is_batchable(first, policy) || first_bytes + bytes > policy.bytes_max {
                return None;
            }
            let mut body = Vec::with_capacity((first_bytes + bytes).next_power_of_two());
            append(first, &mut body)?;
            self.contents = Contents::Items { topic: Arc::clone(&first.message.topic), body };
        }
        let Contents::Items { body, .. } = &mut self.contents else { return None };
        if body.len() + bytes > policy.bytes_max {
            return None;
        }
        append(prepared, body)?;
        self.wakers.push(None);
        Some(place)
    }
}

/// Appends a message as an item of a batch; `None` where it cannot be one.
fn append(prepared: &Prepared, body: &mut Vec<u8>) -> Option<()> {
    let message = &prepared.message;
    let properties = message.properties.as_bytes();
    let item = BatchItem { flag: message.flag, body: &message.body, properties };
    let unique_key = [
        name::UNIQ_KEY.as_bytes(),
        &[properties::NAME_END],
        prepared.msg_id.as_bytes(),
        &[properties::VALUE_END],
    ];
    let more: &[&[u8]] = if prepared.is_new_id { &unique_key } else { &[] };
    item.append_with(more, body).ok()
}

impl Group {
    /// The request to send.
    fn take(&self) -> Option<Prepared> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.contents, Contents::Taken) {
            Contents::One(prepared) => Some(*prepared),
            Contents::Items { topic, body } => {
                Some(Prepared::batch(topic, Bytes::from(body), clock::wall_ms()))
            }
            Contents::Taken => None,
        }
    }

    fn finish(&self, outcome: Outcome) {
        let mut state = self.state.lock();
        state.outcome = Some(outcome);
        let wakers = std::mem::take(&mut state.wakers);
        // The number of messages, which the receipts need.
        state.wakers.resize_with(wakers.len(), || None);
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// The outcome and how many messages shared it.
    fn poll(&self, place: usize, cx: &Context<'_>) -> Poll<(Outcome, usize)> {
        let mut state = self.state.lock();
        if let Some(outcome) = &state.outcome {
            return Poll::Ready((outcome.clone(), state.wakers.len()));
        }
        if let Some(waker) = state.wakers.get_mut(place) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A task that sends what gathers. Stopped before its end, it fails what waits for it.
struct Sending {
    lane: Lane,
    group: Option<Arc<Group>>,
    is_done: bool,
}

impl Drop for Sending {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let mut state = self.lane.gathering.state.lock();
        state.is_sending = false;
        let left = std::mem::take(&mut state.groups);
        drop(state);
        for group in self.group.take().into_iter().chain(left) {
            let addr = self.lane.outlet.addr.to_string();
            group.finish(Outcome::None(RequestError::Closed { addr }));
        }
    }
}

impl Producer {
    /// Sends a message with those that wait for the same queue.
    pub(super) async fn send_gathered(
        &self,
        prepared: &Prepared,
        target: Target<'_>,
        policy: &BatchPolicy,
    ) -> Result<SendReceipt, ClientError> {
        self.check_target(prepared, target)?;
        let (lane, from_template) = self.lane_for(&prepared.message.topic, target).await?;
        let (group, place, must_start) = lane.gathering.join(prepared, policy);
        let queue = lane.queue.clone();
        if must_start {
            let sending = self.clone().send_groups(lane);
            self.shared.client.inner.tasks.spawn(sending);
        }
        let since_ms = clock::monotonic_ms();
        let (outcome, count) = poll_fn(|cx| group.poll(place, cx)).await;
        let latency_ms = clock::monotonic_ms() - since_ms;
        let answer = match outcome {
            Outcome::Stored(stored) => {
                return Ok(SendReceipt {
                    status: status(stored.code).unwrap_or(super::SendStatus::Ok),
                    msg_id: prepared.msg_id.clone(),
                    offset_msg_id: stored.offset_id(place, count).into(),
                    queue: MessageQueue { queue_id: stored.queue_id, ..queue },
                    queue_offset: stored
                        .queue_offset
                        .saturating_add(i64::try_from(place).unwrap_or(i64::MAX)),
                    recall_handle: None,
                });
            }
            Outcome::Answer(answer) => Ok(answer),
            Outcome::None(source) => Err(source),
        };
        match self.settle(prepared, queue, answer, latency_ms, from_template) {
            Ok(receipt) => Ok(receipt),
            Err(failed) => self.send_again_boxed(prepared, target, failed).await,
        }
    }

    async fn lane_for(&self, topic: &str, target: Target<'_>) -> Result<(Lane, bool), ClientError> {
        loop {
            let version = self.shared.client.routes_version();
            let found = self.shared.topics.with(topic, version, |lanes| {
                let lane = match self.choose(lanes, target, &[]) {
                    Ok(Some(lane)) => Ok(lane.clone()),
                    Ok(None) => Err(no_queue(lanes)),
                    Err(queue) => self.made_lane(queue, &lanes.route),
                };
                lane.map(|lane| (lane, lanes.route.from_template))
            });
            match found {
                Some(found) => return found,
                None => Box::pin(self.learn(topic)).await?,
            }
        }
    }

    /// Sends what gathers for one queue until nothing is left.
    async fn send_groups(self, lane: Lane) {
        let mut sending = Sending { lane, group: None, is_done: false };
        // Who else sends in this turn of the runtime joins the first group.
        tokio::task::yield_now().await;
        while let Some(group) = sending.lane.gathering.next() {
            let group = sending.group.insert(group);
            let Some(prepared) = group.take() else { continue };
            let waited = Duration::from_millis(clock::monotonic_ms() - group.since_ms);
            let timeout = self.shared.settings.first_timeout().saturating_sub(waited);
            let outcome = match self.ask(&prepared, &sending.lane, timeout).await {
                Ok(answer) => read(&prepared, answer),
                Err(source) => Outcome::None(source),
            };
            group.finish(outcome);
        }
        sending.is_done = true;
    }

    async fn ask(
        &self,
        prepared: &Prepared,
        lane: &Lane,
        timeout: Duration,
    ) -> Result<SendAnswer, RequestError> {
        let conn = match lane.outlet.peer.live() {
            Some(conn) => conn,
            None => self.shared.client.inner.connection(&lane.outlet.addr).await?,
        };
        let header = prepared.header(lane);
        let wait = poll_fn(|cx| {
            let body = Body::Bytes(prepared.message.body.clone());
            Poll::Ready(conn.send_message(prepared.code(), &header, body, timeout, cx))
        });
        wait.await?.await
    }
}

/// A batch's answer is read once for all its messages.
fn read(prepared: &Prepared, answer: SendAnswer) -> Outcome {
    let SendAnswer::Frame(frame) = &answer else { return Outcome::Answer(answer) };
    if prepared.shape != Shape::Batch {
        return Outcome::Answer(answer);
    }
    let view = frame.view();
    let code = ResponseCode(view.code);
    match header::SendMessageReply::decode(&view.fields) {
        Ok(reply) if status(code).is_some() => Outcome::Stored(Arc::new(Stored {
            code,
            queue_id: reply.queue_id,
            queue_offset: reply.queue_offset,
            offset_ids: reply.msg_id.into_owned(),
        })),
        _ => Outcome::Answer(answer),
    }
}
