//! Attempts to send one prepared message: choose a queue, ask its broker, try another.
//!
//! The usual attempt takes no lock that another caller could hold for long, allocates nothing and
//! waits for nothing but the answer; all else is in `send_again` and `Started`'s other variants.
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use remora_protocol::properties::name;
use remora_protocol::send_template::TemplatedSend;
use remora_protocol::{RequestCode, ResponseCode, header, java_hash, names};
use remora_remoting::{Body, RequestError, SendAnswer, SendWait};

use super::lanes::{Lane, Lanes};
use super::{Outcome, Prepared, Producer, SendReceipt, SendStatus, Shape, retryable};
use crate::clock;
use crate::error::ClientError;
use crate::instance::{Answer, request_failed};
use crate::queue::MessageQueue;

/// Where a message is to go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    AnyQueue,
    Queue(&'a MessageQueue),
    KeyHash(i32),
}

/// Java's `hashCode`, so that both clients send a key to the same queue.
pub(super) fn java_string_hash(key: &str) -> i32 {
    java_hash::hash(key)
}

/// How far an attempt came without waiting.
enum Started {
    Sent {
        lane_queue: MessageQueue,
        wait: SendWait,
        from_template: bool,
    },
    /// The topic's route is not known, or not any more.
    NoRoute,
    NoConnection {
        lane: Lane,
    },
    Failed(Box<FailedAttempt>),
}

/// An attempt that failed, and at which queue.
pub(super) struct FailedAttempt {
    pub(super) error: ClientError,
    /// `None`: before one was chosen.
    pub(super) queue: Option<MessageQueue>,
    pub(super) elapsed_ms: u64,
}

impl From<ClientError> for Box<FailedAttempt> {
    fn from(error: ClientError) -> Self {
        Self::new(FailedAttempt { error, queue: None, elapsed_ms: 0 })
    }
}

impl Producer {
    pub(super) async fn send_prepared(
        &self,
        prepared: &Prepared,
        target: Target<'_>,
    ) -> Result<SendReceipt, ClientError> {
        self.check_target(prepared, target)?;
        match self.attempt(prepared, target, &[], self.shared.settings.first_timeout()).await {
            Ok(receipt) => Ok(receipt),
            Err(failed) => self.send_again_boxed(prepared, target, failed).await,
        }
    }

    /// Further attempts after a first one. Boxed: it is rare, and would make every send's future
    /// larger.
    pub(super) fn send_again_boxed<'s>(
        &'s self,
        prepared: &'s Prepared,
        target: Target<'s>,
        failed: Box<FailedAttempt>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<SendReceipt, ClientError>> + Send + 's>> {
        Box::pin(self.send_again(prepared, target, failed))
    }

    async fn send_again(
        &self,
        prepared: &Prepared,
        target: Target<'_>,
        first: Box<FailedAttempt>,
    ) -> Result<SendReceipt, ClientError> {
        let settings = &self.shared.settings;
        let attempts_max = match target {
            Target::AnyQueue => settings.retries.saturating_add(1),
            Target::Queue(_) | Target::KeyHash(_) => 1,
        };
        let FailedAttempt { mut error, mut queue, elapsed_ms } = *first;
        let started_ms = clock::monotonic_ms().saturating_sub(elapsed_ms);
        let mut tried: Vec<Arc<str>> = Vec::new();
        let mut attempts = 1;
        let send_timeout_ms = millis(settings.send_timeout);
        loop {
            let Some(failed_queue) = queue else { return Err(error) };
            let elapsed_ms = clock::monotonic_ms().saturating_sub(started_ms);
            let over = attempts >= attempts_max || elapsed_ms >= send_timeout_ms;
            if !error.is_temporary() || over {
                return Err(failed(error, attempts, elapsed_ms));
            }
            tracing::debug!(queue = %failed_queue, %error, attempts, "send is tried again");
            tried.push(failed_queue.broker_name);
            let left = Duration::from_millis((send_timeout_ms - elapsed_ms).max(1));
            let timeout = settings.attempt_timeout.map_or(left, |limit| limit.min(left));
            attempts += 1;
            // How far it is behind the id tells the broker that the message may be stored already.
            let again = Prepared { born_ms: clock::wall_ms(), ..prepared.clone() };
            match self.attempt(&again, target, &tried, timeout).await {
                Ok(receipt) => return Ok(receipt),
                Err(failed) => (error, queue) = (failed.error, failed.queue),
            }
        }
    }

    async fn attempt(
        &self,
        prepared: &Prepared,
        target: Target<'_>,
        tried: &[Arc<str>],
        timeout: Duration,
    ) -> Result<SendReceipt, Box<FailedAttempt>> {
        let mut connected: Option<MessageQueue> = None;
        loop {
            let target = connected.as_ref().map_or(target, Target::Queue);
            let started =
                poll_fn(|cx| Poll::Ready(self.start(prepared, target, tried, timeout, cx))).await;
            match started {
                Started::Sent { lane_queue, mut wait, from_template } => {
                    let answer = (&mut wait).await;
                    let latency_ms = wait.elapsed_ms();
                    return self.settle(prepared, lane_queue, answer, latency_ms, from_template);
                }
                Started::NoRoute => Box::pin(self.learn(&prepared.message.topic)).await?,
                Started::NoConnection { lane } => {
                    if connected.is_some() {
                        // It closed at once.
                        let addr = lane.outlet.addr.to_string();
                        let source = RequestError::Closed { addr };
                        return Err(self.failed_at(lane.queue, request_failed("send", source), 0));
                    }
                    if let Some(failed) = Box::pin(self.connect(&lane)).await {
                        return Err(failed);
                    }
                    connected = Some(lane.queue);
                }
                Started::Failed(failed) => return Err(failed),
            }
        }
    }

    /// Everything up to the queued request.
    fn start(
        &self,
        prepared: &Prepared,
        target: Target<'_>,
        tried: &[Arc<str>],
        timeout: Duration,
        cx: &Context<'_>,
    ) -> Started {
        let shared = &self.shared;
        let version = shared.client.routes_version();
        let started = shared.topics.with(&prepared.message.topic, version, |lanes| {
            let made;
            let lane = match self.choose(lanes, target, tried) {
                Ok(Some(lane)) => lane,
                Ok(None) => return Started::Failed(no_queue(lanes).into()),
                Err(queue) => match self.made_lane(queue, &lanes.route) {
                    Ok(lane) => {
                        made = lane;
                        &made
                    }
                    Err(error) => return Started::Failed(error.into()),
                },
            };
            self.queue_request(prepared, lane, lanes.route.from_template, timeout, cx)
        });
        started.unwrap_or(Started::NoRoute)
    }

    fn queue_request(
        &self,
        prepared: &Prepared,
        lane: &Lane,
        from_template: bool,
        timeout: Duration,
        cx: &Context<'_>,
    ) -> Started {
        let Some(conn) = lane.outlet.peer.live() else {
            return Started::NoConnection { lane: lane.clone() };
        };
        let header = prepared.header(lane);
        let body = Body::Bytes(prepared.message.body.clone());
        match conn.send_message(prepared.code(), &header, body, timeout, cx) {
            Ok(wait) => Started::Sent { lane_queue: lane.queue.clone(), wait, from_template },
            Err(source) => {
                let error = request_failed("send", source);
                Started::Failed(self.failed_at(lane.queue.clone(), error, 0))
            }
        }
    }

    /// Chooses a lane; the queue that was asked for, where the route does not have it.
    pub(super) fn choose<'l>(
        &self,
        lanes: &'l Lanes,
        target: Target<'l>,
        tried: &[Arc<str>],
    ) -> Result<Option<&'l Lane>, &'l MessageQueue> {
        let all = &lanes.lanes;
        Ok(match target {
            Target::Queue(queue) => Some(lanes.of(queue).ok_or(queue)?),
            Target::KeyHash(hash) => {
                // Of all queues, also those whose broker is not known now: a key keeps its queue.
                let queues = &lanes.route.writable;
                let hash = usize::try_from(hash.unsigned_abs()).unwrap_or(0);
                let queue = hash.checked_rem(queues.len()).and_then(|index| queues.get(index));
                queue.map(|queue| lanes.of(queue).ok_or(queue)).transpose()?
            }
            Target::AnyQueue => {
                let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed);
                if tried.is_empty() && !self.shared.any_fault.load(Ordering::Relaxed) {
                    turn.checked_rem(all.len()).and_then(|index| all.get(index))
                } else {
                    let faults = self.shared.faults.lock();
                    let now_ms = clock::monotonic_ms();
                    faults.choose(all, |lane| &lane.queue.broker_name, turn, tried, now_ms)
                }
            }
        })
    }

    /// Connects to a lane's broker, or says why not.
    async fn connect(&self, lane: &Lane) -> Option<Box<FailedAttempt>> {
        let (client, queue) = (&self.shared.client, &lane.queue);
        let since_ms = clock::monotonic_ms();
        let connected = client.broker_connection(&queue.broker_name, &lane.outlet.addr).await;
        let error = connected.err()?;
        Some(self.failed_at(queue.clone(), error, clock::monotonic_ms() - since_ms))
    }

    /// What an answer, or none, means.
    pub(super) fn settle(
        &self,
        prepared: &Prepared,
        queue: MessageQueue,
        answer: Result<SendAnswer, RequestError>,
        latency_ms: u64,
        from_template: bool,
    ) -> Result<SendReceipt, Box<FailedAttempt>> {
        let receipt = match answer {
            Ok(answer) => self.receipt(answer, prepared, &queue),
            Err(source) => Err(request_failed("send", source)),
        };
        match receipt {
            Ok(receipt) => {
                self.record(&queue, Outcome::Answered, latency_ms);
                if from_template {
                    // The topic exists now; ask for its real queues.
                    self.shared.client.refresh_route_soon(&queue.topic);
                }
                Ok(receipt)
            }
            Err(error) => {
                self.record(&queue, outcome(&error), latency_ms);
                self.refresh_after(&error, &queue, from_template);
                Err(Box::new(FailedAttempt { error, queue: Some(queue), elapsed_ms: latency_ms }))
            }
        }
    }

    /// An attempt that failed without an answer, noted.
    fn failed_at(
        &self,
        queue: MessageQueue,
        error: ClientError,
        elapsed_ms: u64,
    ) -> Box<FailedAttempt> {
        self.record(&queue, outcome(&error), elapsed_ms);
        self.refresh_after(&error, &queue, false);
        Box::new(FailedAttempt { error, queue: Some(queue), elapsed_ms })
    }

    fn refresh_after(&self, error: &ClientError, queue: &MessageQueue, from_template: bool) {
        if error.is_temporary() && !from_template {
            self.shared.client.refresh_route_soon(&queue.topic);
        }
    }

    /// Notes how an attempt went. The common case (a quick answer, no fault known) takes no lock.
    fn record(&self, queue: &MessageQueue, outcome: Outcome, latency_ms: u64) {
        let quick = outcome == Outcome::Answered && latency_ms < super::latency_fault::SLOW_MS;
        let any_fault = &self.shared.any_fault;
        if !self.shared.settings.avoid_slow_brokers || quick && !any_fault.load(Ordering::Relaxed) {
            return;
        }
        let mut faults = self.shared.faults.lock();
        faults.record(&queue.broker_name, latency_ms, outcome, clock::monotonic_ms());
        any_fault.store(!faults.is_empty(), Ordering::Relaxed);
    }

    pub(super) async fn send_prepared_oneway(
        &self,
        prepared: &Prepared,
    ) -> Result<(), ClientError> {
        let shared = &self.shared;
        loop {
            let topic = &prepared.message.topic;
            let chosen = shared.topics.with(topic, shared.client.routes_version(), |lanes| {
                match self.choose(lanes, Target::AnyQueue, &[]) {
                    Ok(Some(lane)) => Ok(lane.clone()),
                    Ok(None) | Err(_) => Err(no_queue(lanes)),
                }
            });
            let Some(lane) = chosen.transpose()? else {
                self.learn(topic).await?;
                continue;
            };
            let broker_name = &lane.queue.broker_name;
            let conn = shared.client.broker_connection(broker_name, &lane.outlet.addr).await?;
            let body = Body::Bytes(prepared.message.body.clone());
            return conn
                .oneway(prepared.code(), &prepared.header(&lane), body)
                .map_err(|source| request_failed("one-way send", source));
        }
    }

    pub(super) fn check_target(
        &self,
        prepared: &Prepared,
        target: Target<'_>,
    ) -> Result<(), ClientError> {
        let topic = &prepared.message.topic;
        match target {
            Target::Queue(queue) if *queue.topic != **topic => Err(ClientError::MessageIllegal {
                field: "topic",
                problem: format!("is '{topic}', but the queue given is of '{}'", queue.topic),
            }),
            _ => Ok(()),
        }
    }

    fn receipt(
        &self,
        answer: SendAnswer,
        prepared: &Prepared,
        queue: &MessageQueue,
    ) -> Result<SendReceipt, ClientError> {
        let frame = match answer {
            SendAnswer::Stored(reply) => {
                return Ok(SendReceipt {
                    status: status(reply.code).unwrap_or(SendStatus::Ok),
                    msg_id: prepared.msg_id.clone(),
                    offset_msg_id: reply.offset_id.into(),
                    queue: MessageQueue { queue_id: reply.queue_id, ..queue.clone() },
                    queue_offset: reply.queue_offset,
                    recall_handle: None,
                });
            }
            SendAnswer::Frame(frame) => frame,
        };
        let addr = self.shared.client.master_addr(&queue.broker_name).unwrap_or_default();
        let answer = Answer::new(frame, "send", addr);
        let status = status(answer.code()).ok_or_else(|| answer.refused())?;
        let reply = answer.header(header::SendMessageReply::decode)?;
        Ok(SendReceipt {
            status,
            msg_id: prepared.msg_id.clone(),
            offset_msg_id: (&*reply.msg_id).into(),
            queue: MessageQueue { queue_id: reply.queue_id, ..queue.clone() },
            queue_offset: reply.queue_offset,
            recall_handle: reply.recall_handle.map(std::borrow::Cow::into_owned),
        })
    }
}

impl Prepared {
    pub(super) fn code(&self) -> RequestCode {
        match self.shape {
            Shape::Single => RequestCode::SEND_MESSAGE_V2,
            Shape::Batch => RequestCode::SEND_BATCH_MESSAGE,
            Shape::Reply => RequestCode::SEND_REPLY_MESSAGE_V2,
        }
    }

    pub(super) fn header<'a>(&'a self, lane: &'a Lane) -> TemplatedSend<'a> {
        let message = &self.message;
        let retry = names::is_retry_topic(&message.topic);
        let number = |name| message.get_property(name).and_then(|value| value.parse().ok());
        TemplatedSend {
            template: &lane.outlet.template,
            queue_id: lane.queue.queue_id,
            sys_flag: self.sys_flag,
            born_timestamp: self.born_ms,
            flag: message.flag,
            properties: &message.properties,
            unique_key: self.is_new_id.then_some(&*self.msg_id),
            reconsume_times: retry.then(|| number(name::RECONSUME_TIME).unwrap_or(0)),
            max_reconsume_times: if retry { number(name::MAX_RECONSUME_TIMES) } else { None },
            batch: self.shape == Shape::Batch,
        }
    }
}

/// What a code says of a stored message; `None`: it is not stored.
pub(super) fn status(code: ResponseCode) -> Option<SendStatus> {
    Some(match code {
        ResponseCode::SUCCESS => SendStatus::Ok,
        ResponseCode::FLUSH_DISK_TIMEOUT => SendStatus::FlushDiskTimeout,
        ResponseCode::FLUSH_SLAVE_TIMEOUT => SendStatus::FlushSlaveTimeout,
        ResponseCode::SLAVE_NOT_AVAILABLE => SendStatus::SlaveNotAvailable,
        _ => return None,
    })
}

/// What a failure says of the broker.
fn outcome(error: &ClientError) -> Outcome {
    match error {
        ClientError::Refused { code, .. } if retryable(*code) => Outcome::Refused,
        ClientError::Request { source: RequestError::TooManyInFlight { .. }, .. }
        | ClientError::Refused { .. } => Outcome::Answered,
        _ => Outcome::Unreachable,
    }
}

pub(super) fn no_queue(lanes: &Lanes) -> ClientError {
    ClientError::NoWritableQueue { topic: lanes.route.topic.to_string() }
}

/// One attempt: its own error. Several: how many, and the last one's.
fn failed(error: ClientError, attempts: u32, elapsed_ms: u64) -> ClientError {
    if attempts == 1 {
        return error;
    }
    ClientError::SendFailed { attempts, elapsed_ms, last: Box::new(error) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
