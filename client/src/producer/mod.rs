//! Sending messages.
mod auto_batch;
mod batch;
mod builder;
mod lanes;
mod latency_fault;
mod receipt;
mod request;
mod send;
pub(crate) mod transaction;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use remora_protocol::message_id::HexId;
use remora_protocol::{RETRY_ELSEWHERE, ResponseCode};

pub use self::auto_batch::BatchPolicy;
pub use self::builder::ProducerBuilder;
pub use self::latency_fault::{LatencyFaults, Outcome};
pub use self::receipt::{SendReceipt, SendStatus};
pub use self::transaction::{TransactionProducer, TransactionReceipt, TransactionState};

use self::lanes::Topics;
use self::request::AskedTopics;
use self::send::{Target, java_string_hash};
use crate::admin::Admin;
use crate::clock;
use crate::compression::Compression;
use crate::error::ClientError;
use crate::instance::Client;
use crate::message::Message;
use crate::message_id::MessageId;
use crate::queue::MessageQueue;

/// Whether another broker may well take what one refused with this code.
pub(crate) fn retryable(code: ResponseCode) -> bool {
    RETRY_ELSEWHERE.contains(&code)
}

/// Sends messages. Cheap to clone and to share; any number of sends may be in flight, and those to
/// one broker travel on one connection without waiting for each other.
///
/// ```no_run
/// # async fn example() -> Result<(), remora_client::ClientError> {
/// use remora_client::{Message, Producer};
///
/// let producer = Producer::builder("orders").nameserver("127.0.0.1:9876").start().await?;
/// let receipt = producer.send(Message::new("order-events", "created")).await?;
/// println!("{} at {} of {}", receipt.msg_id, receipt.queue_offset, receipt.queue);
/// producer.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Producer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    group: String,
    settings: Settings,
    topics: Topics,
    /// The next queue of the round robin.
    turn: AtomicUsize,
    asked_topics: AskedTopics,
    faults: Mutex<LatencyFaults>,
    /// Whether `faults` is worth looking at; nearly always false.
    any_fault: AtomicBool,
    /// The client was made for this producer and ends with it.
    owns_client: bool,
}

/// What a [`ProducerBuilder`] sets.
#[derive(Clone, Debug)]
pub struct Settings {
    send_timeout: Duration,
    attempt_timeout: Option<Duration>,
    retries: u32,
    body_bytes_max: usize,
    batch_bytes_max: usize,
    compression: Option<Compression>,
    compress_from_bytes: usize,
    zlib_level: u32,
    new_topic_queues: i32,
    avoid_slow_brokers: bool,
    auto_batch: Option<BatchPolicy>,
}

impl Settings {
    /// How long the first attempt may take.
    fn first_timeout(&self) -> Duration {
        self.attempt_timeout.map_or(self.send_timeout, |limit| limit.min(self.send_timeout))
    }
}

impl Producer {
    /// Starts with the name of the producer's group: brokers ask any of its members about
    /// transactions, and admin tools show it.
    pub fn builder(group: impl Into<String>) -> ProducerBuilder {
        ProducerBuilder::of_group(group.into())
    }

    /// Sends a message to a queue of the round robin and waits until the broker has stored it.
    /// Tries other brokers (2 by default) where that may help, until the timeout.
    ///
    /// # Errors
    /// `MessageIllegal` before anything is sent; `SendFailed` with the last cause after several
    /// attempts. After a `Timeout` the message may have been stored: a send is at least once.
    pub async fn send(&self, message: Message) -> Result<SendReceipt, ClientError> {
        self.send_to(message, Target::AnyQueue).await
    }

    /// Sends to one queue. Not tried elsewhere.
    pub async fn send_to_queue(
        &self,
        message: Message,
        queue: &MessageQueue,
    ) -> Result<SendReceipt, ClientError> {
        self.send_to(message, Target::Queue(queue)).await
    }

    /// Sends to the queue that the key's hash selects: messages of one key stay in order, as long
    /// as each is awaited before the next is sent and the number of queues stays the same. Not
    /// tried elsewhere.
    pub async fn send_by_key(
        &self,
        message: Message,
        key: &str,
    ) -> Result<SendReceipt, ClientError> {
        self.send_to(message, Target::KeyHash(java_string_hash(key))).await
    }

    /// Hands a message to the connection without any answer: it may be lost without notice.
    pub async fn send_oneway(&self, message: Message) -> Result<(), ClientError> {
        let prepared = self.prepare(message)?;
        self.send_prepared_oneway(&prepared).await
    }

    /// Sends messages of one topic together: one request for each 4 MiB, each stored whole or not
    /// at all and all in one queue. One receipt a message, in their order.
    ///
    /// # Errors
    /// `BatchIncomplete` with the receipts so far when a later request fails.
    pub async fn send_batch(
        &self,
        messages: Vec<Message>,
    ) -> Result<Vec<SendReceipt>, ClientError> {
        self.send_batches(messages).await
    }

    /// The queues of a topic that accept messages.
    pub async fn queues(&self, topic: &str) -> Result<Vec<MessageQueue>, ClientError> {
        let client = &self.shared.client;
        let topic = client.full_name(topic);
        let route = client.publish_route(&topic, self.shared.settings.new_topic_queues).await?;
        Ok(route.writable.clone())
    }

    /// Withdraws a delayed message that waits, by the `recall_handle` of its receipt; see
    /// `Admin::recall`.
    pub async fn recall(&self, recall_handle: &str) -> Result<String, ClientError> {
        Admin::new(&self.shared.client).recall(recall_handle).await
    }

    /// The client below, to share its connections.
    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    /// Tells the brokers that this member of the group is gone. Sends in flight should have been
    /// awaited before.
    pub async fn shutdown(&self) {
        self.shared.client.remove_producer_group(&self.shared.group).await;
        if self.shared.owns_client {
            self.shared.client.shutdown().await;
        }
    }

    async fn send_to(
        &self,
        message: Message,
        target: Target<'_>,
    ) -> Result<SendReceipt, ClientError> {
        let prepared = self.prepare(message)?;
        match &self.shared.settings.auto_batch {
            None => self.send_prepared(&prepared, target).await,
            Some(policy) => self.send_gathered(&prepared, target, policy).await,
        }
    }

    /// Puts the client's namespace before the topic. Replies go to a topic of the broker's own.
    #[inline]
    fn name_in_full(&self, message: &mut Message) {
        if self.shared.client.inner.namespace.is_some() && !message.is_reply {
            message.topic = self.shared.client.full_name(&message.topic);
        }
    }

    /// Checks all but the topic, which is checked where its route is asked for; gives a unique id,
    /// compresses.
    fn prepare(&self, mut message: Message) -> Result<Prepared, ClientError> {
        self.name_in_full(&mut message);
        let settings = &self.shared.settings;
        message.check_contents(settings.body_bytes_max)?;
        let born_ms = clock::wall_ms();
        let old_id = message.unique_id();
        let is_new_id = old_id.is_none();
        let new_id = || self.shared.client.inner.unique_ids.next(born_ms).into();
        let msg_id = old_id.unwrap_or_else(new_id);
        let shape = if message.is_reply { Shape::Reply } else { Shape::Single };
        let mut prepared = Prepared { message, sys_flag: 0, born_ms, msg_id, is_new_id, shape };
        prepared.compress(settings)?;
        Ok(prepared)
    }
}

/// A message ready to be sent, as often as needed, always with the same unique id.
#[derive(Clone, Debug)]
struct Prepared {
    /// With its body as it is sent: perhaps compressed.
    message: Message,
    sys_flag: i32,
    born_ms: i64,
    msg_id: MessageId,
    /// The message's properties do not have the id.
    is_new_id: bool,
    shape: Shape,
}

impl Prepared {
    /// A body that holds several messages, each with its own id.
    fn batch(topic: Arc<str>, body: Bytes, born_ms: i64) -> Self {
        Self {
            message: Message::new(topic, body),
            sys_flag: 0,
            born_ms,
            msg_id: HexId::EMPTY.into(),
            is_new_id: false,
            shape: Shape::Batch,
        }
    }

    fn compress(&mut self, settings: &Settings) -> Result<(), ClientError> {
        let body = &self.message.body;
        let Some(kind) =
            settings.compression.filter(|_| body.len() >= settings.compress_from_bytes)
        else {
            return Ok(());
        };
        let packed = kind.compress(body, settings.zlib_level)?;
        if packed.len() < body.len() {
            self.message.body = packed.into();
            self.sys_flag = kind.sys_flag();
        }
        Ok(())
    }
}

/// What the body holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Single,
    /// Several messages.
    Batch,
    /// The answer to a question: pushed to the client that waits for it.
    Reply,
}
