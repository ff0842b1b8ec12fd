//! Making a producer.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use parking_lot::Mutex;

use super::lanes::Topics;
use super::request::AskedTopics;
use super::{BatchPolicy, LatencyFaults, Producer, Settings, Shared};
use crate::compression::Compression;
use crate::error::ClientError;
use crate::instance::{MemberBuilder, MemberClient};
use crate::limits;

/// Settings of a [`Producer`]. Only a nameserver (or a client) must be given.
pub type ProducerBuilder = MemberBuilder<Settings>;

impl ProducerBuilder {
    pub(super) fn of_group(group: String) -> Self {
        let settings = Settings {
            send_timeout: Duration::from_secs(3),
            attempt_timeout: None,
            retries: 2,
            body_bytes_max: limits::BODY_BYTES_MAX,
            batch_bytes_max: limits::BODY_BYTES_MAX,
            compression: Some(Compression::default()),
            compress_from_bytes: 4 * 1024,
            zlib_level: 5,
            new_topic_queues: 4,
            avoid_slow_brokers: true,
            auto_batch: None,
        };
        Self::new(group, settings)
    }

    /// From the call to the receipt, every attempt included. Default 3 s.
    #[must_use]
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.own.send_timeout = timeout;
        self
    }

    /// How long one broker may take to answer before another is tried; a message may then be stored
    /// by both. Default: the send timeout, so that silence ends a send.
    #[must_use]
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.own.attempt_timeout = Some(timeout);
        self
    }

    /// Further attempts after a failed one. Default 2.
    #[must_use]
    pub fn retries(mut self, count: u32) -> Self {
        self.own.retries = count;
        self
    }

    /// How bodies are compressed. Default zlib, which consumers of every version read.
    #[must_use]
    pub fn compression(mut self, kind: Compression) -> Self {
        self.own.compression = Some(kind);
        self
    }

    /// Sends every body as it is.
    #[must_use]
    pub fn without_compression(mut self) -> Self {
        self.own.compression = None;
        self
    }

    /// The shortest body that is compressed. Default 4 KiB.
    #[must_use]
    pub fn compress_from_bytes(mut self, bytes: usize) -> Self {
        self.own.compress_from_bytes = bytes;
        self
    }

    /// Zlib's level, 0 to 9. Default 5.
    #[must_use]
    pub fn zlib_level(mut self, level: u32) -> Self {
        self.own.zlib_level = level.min(9);
        self
    }

    /// The longest body, and the longest batch. Default 4 MiB, as the brokers'.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.own.body_bytes_max = bytes;
        self.own.batch_bytes_max = bytes;
        self
    }

    /// Queues a broker of a topic that a send creates. Default 4.
    #[must_use]
    pub fn new_topic_queues(mut self, count: i32) -> Self {
        self.own.new_topic_queues = count.max(1);
        self
    }

    /// Groups messages of any callers that wait for the same queue into one request. A queue then
    /// has one request in flight: more messages a second, and each waits for the one before. Off by
    /// default.
    #[must_use]
    pub fn auto_batch(mut self, policy: BatchPolicy) -> Self {
        self.own.auto_batch = Some(policy);
        self
    }

    /// Sends in turn to every broker, however slowly it answered before.
    #[must_use]
    pub fn without_latency_fault_avoidance(mut self) -> Self {
        self.own.avoid_slow_brokers = false;
        self
    }

    /// Connects.
    ///
    /// # Errors
    /// `Setting` for an illegal group or address, `NameserverUnreachable`.
    pub async fn start(self) -> Result<Producer, ClientError> {
        let (group, MemberClient { client, is_own }, settings) = self.connect().await?;
        client.add_producer_group(&group);
        Ok(Producer {
            shared: Arc::new(Shared {
                client,
                group,
                settings,
                topics: Topics::default(),
                turn: AtomicUsize::new(0),
                asked_topics: AskedTopics::default(),
                faults: Mutex::new(LatencyFaults::default()),
                any_fault: AtomicBool::new(false),
                owns_client: is_own,
            }),
        })
    }
}
