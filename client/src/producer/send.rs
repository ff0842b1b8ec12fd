//! Attempts to send one prepared message: choose a queue, ask its broker, try another.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use remora_protocol::properties::name;
use remora_protocol::{RequestCode, ResponseCode, Text, header, java_hash, names};
use remora_remoting::{Body, RequestError};

use super::{Batch, Outcome, Prepared, Producer, SendReceipt, SendStatus, retryable};
use crate::clock;
use crate::error::ClientError;
use crate::instance::Answer;
use crate::queue::MessageQueue;
use crate::route::TopicRoute;

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

impl Producer {
    pub(super) async fn send_prepared(
        &self,
        prepared: &Prepared,
        target: Target<'_>,
    ) -> Result<SendReceipt, ClientError> {
        let settings = &self.shared.settings;
        let started_ms = clock::monotonic_ms();
        let deadline_ms = started_ms.saturating_add(millis(settings.send_timeout));
        let attempts_max = match target {
            Target::AnyQueue => settings.retries.saturating_add(1),
            Target::Queue(_) | Target::KeyHash(_) => 1,
        };
        let route = self.route_of(prepared, target).await?;
        let mut tried: Vec<Arc<str>> = Vec::new();
        let mut attempts = 0;
        loop {
            let queue = self.choose(&route, target, &tried)?;
            let left_ms = deadline_ms.saturating_sub(clock::monotonic_ms()).max(1);
            let timeout = Duration::from_millis(left_ms);
            let timeout = settings.attempt_timeout.map_or(timeout, |limit| limit.min(timeout));
            attempts += 1;
            let error = match self.attempt(prepared, &queue, &route, timeout).await {
                Ok(receipt) => {
                    if route.from_template {
                        // The topic exists now; ask for its real queues.
                        self.shared.client.refresh_route_soon(&route.topic);
                    }
                    return Ok(receipt);
                }
                Err(error) => error,
            };
            let now_ms = clock::monotonic_ms();
            if !error.is_temporary() || attempts >= attempts_max || now_ms >= deadline_ms {
                return Err(failed(error, attempts, now_ms - started_ms));
            }
            tracing::debug!(%queue, %error, attempts, "send is tried again");
            tried.push(queue.broker_name);
        }
    }

    pub(super) async fn send_prepared_oneway(
        &self,
        prepared: &Prepared,
    ) -> Result<(), ClientError> {
        let route = self.route_of(prepared, Target::AnyQueue).await?;
        let queue = self.choose(&route, Target::AnyQueue, &[])?;
        let addr = self.addr_of(&queue, &route)?;
        let conn = self.shared.client.broker_connection(&queue.broker_name, &addr).await?;
        let header = self.header(prepared, &queue);
        conn.oneway(
            RequestCode::SEND_MESSAGE_V2,
            &header::SendMessageV2(&header),
            Body::Bytes(prepared.body.clone()),
        )
        .map_err(|source| ClientError::Request { operation: "one-way send", source })
    }

    async fn route_of(
        &self,
        prepared: &Prepared,
        target: Target<'_>,
    ) -> Result<Arc<TopicRoute>, ClientError> {
        let topic = &prepared.message.topic;
        if let Target::Queue(queue) = target
            && *queue.topic != **topic
        {
            return Err(ClientError::MessageIllegal {
                field: "topic",
                problem: format!("is '{topic}', but the queue given is of '{}'", queue.topic),
            });
        }
        self.shared.client.publish_route(topic, self.shared.settings.new_topic_queues).await
    }

    fn choose(
        &self,
        route: &TopicRoute,
        target: Target<'_>,
        tried: &[Arc<str>],
    ) -> Result<MessageQueue, ClientError> {
        let queues = &route.writable;
        let queue = match target {
            Target::Queue(queue) => return Ok(queue.clone()),
            Target::KeyHash(hash) => {
                let hash = usize::try_from(hash.unsigned_abs()).unwrap_or(0);
                hash.checked_rem(queues.len()).and_then(|index| queues.get(index))
            }
            Target::AnyQueue => {
                let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed);
                if tried.is_empty() && !self.shared.any_fault.load(Ordering::Relaxed) {
                    turn.checked_rem(queues.len()).and_then(|index| queues.get(index))
                } else {
                    let faults = self.shared.faults.lock();
                    faults.choose(queues, turn, tried, clock::monotonic_ms())
                }
            }
        };
        queue
            .cloned()
            .ok_or_else(|| ClientError::NoWritableQueue { topic: route.topic.to_string() })
    }

    fn addr_of(&self, queue: &MessageQueue, route: &TopicRoute) -> Result<Arc<str>, ClientError> {
        match route.master(&queue.broker_name) {
            Some(addr) => Ok(Arc::clone(addr)),
            None => self.shared.client.master_addr(&queue.broker_name),
        }
    }

    async fn attempt(
        &self,
        prepared: &Prepared,
        queue: &MessageQueue,
        route: &TopicRoute,
        timeout: Duration,
    ) -> Result<SendReceipt, ClientError> {
        let started_ms = clock::monotonic_ms();
        let outcome = self.ask(prepared, queue, route, timeout).await;
        self.record(queue, &outcome, started_ms);
        if let Err(error) = &outcome
            && error.is_temporary()
            && !route.from_template
        {
            self.shared.client.refresh_route_soon(&route.topic);
        }
        outcome
    }

    async fn ask(
        &self,
        prepared: &Prepared,
        queue: &MessageQueue,
        route: &TopicRoute,
        timeout: Duration,
    ) -> Result<SendReceipt, ClientError> {
        let addr = self.addr_of(queue, route)?;
        let header = self.header(prepared, queue);
        let code = match prepared.batch {
            Batch::No => RequestCode::SEND_MESSAGE_V2,
            Batch::Yes => RequestCode::SEND_BATCH_MESSAGE,
        };
        let answer = self
            .shared
            .client
            .ask_broker_within(
                (&queue.broker_name, &addr),
                "send",
                code,
                &header::SendMessageV2(&header),
                prepared.body.clone(),
                timeout,
            )
            .await?;
        receipt(&answer, prepared, queue)
    }

    /// Notes how an attempt went. The common case (a quick answer, no fault known) takes no lock.
    fn record(&self, queue: &MessageQueue, sent: &Result<SendReceipt, ClientError>, since_ms: u64) {
        if !self.shared.settings.avoid_slow_brokers {
            return;
        }
        let now_ms = clock::monotonic_ms();
        let latency_ms = now_ms - since_ms;
        let outcome = match sent {
            Ok(_) => Outcome::Answered,
            Err(ClientError::Refused { code, .. }) if retryable(*code) => Outcome::Refused,
            Err(ClientError::Request { source: RequestError::TooManyInFlight { .. }, .. })
            | Err(ClientError::Refused { .. }) => Outcome::Answered,
            Err(_) => Outcome::Unreachable,
        };
        let quick = outcome == Outcome::Answered && latency_ms < super::latency_fault::SLOW_MS;
        if quick && !self.shared.any_fault.load(Ordering::Relaxed) {
            return;
        }
        let mut faults = self.shared.faults.lock();
        faults.record(&queue.broker_name, latency_ms, outcome, now_ms);
        self.shared.any_fault.store(!faults.is_empty(), Ordering::Relaxed);
    }

    fn header<'a>(
        &'a self,
        prepared: &'a Prepared,
        queue: &'a MessageQueue,
    ) -> header::SendMessageHeader<'a> {
        let message = &prepared.message;
        let retry = names::is_retry_topic(&message.topic);
        let number = |name| message.get_property(name).and_then(|value| value.parse().ok());
        header::SendMessageHeader {
            producer_group: self.shared.group.as_str().into(),
            topic: (&*message.topic).into(),
            default_topic: names::AUTO_CREATE_TOPIC.into(),
            default_topic_queue_nums: self.shared.settings.new_topic_queues,
            queue_id: queue.queue_id,
            sys_flag: prepared.sys_flag,
            born_timestamp: prepared.born_ms,
            flag: message.flag,
            properties: Text::plain(&message.properties),
            reconsume_times: retry.then(|| number(name::RECONSUME_TIME).unwrap_or(0)),
            max_reconsume_times: if retry { number(name::MAX_RECONSUME_TIMES) } else { None },
            batch: (prepared.batch == Batch::Yes).then_some(true),
            broker_name: Some((&*queue.broker_name).into()),
            ..Default::default()
        }
    }
}

fn receipt(
    answer: &Answer,
    prepared: &Prepared,
    queue: &MessageQueue,
) -> Result<SendReceipt, ClientError> {
    let status = match answer.code() {
        ResponseCode::SUCCESS => SendStatus::Ok,
        ResponseCode::FLUSH_DISK_TIMEOUT => SendStatus::FlushDiskTimeout,
        ResponseCode::FLUSH_SLAVE_TIMEOUT => SendStatus::FlushSlaveTimeout,
        ResponseCode::SLAVE_NOT_AVAILABLE => SendStatus::SlaveNotAvailable,
        _ => return Err(answer.refused()),
    };
    let reply = answer.header(header::SendMessageReply::decode)?;
    Ok(SendReceipt {
        status,
        msg_id: prepared.msg_id.clone(),
        offset_msg_id: reply.msg_id.into_owned(),
        queue: MessageQueue { queue_id: reply.queue_id, ..queue.clone() },
        queue_offset: reply.queue_offset,
        recall_handle: reply.recall_handle.map(std::borrow::Cow::into_owned),
    })
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
