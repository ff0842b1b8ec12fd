//! The answer that a message got, or would have got, when it was first stored: read from the log,
//! where the key index has its unique id.
use std::net::SocketAddr;

use remora_protocol::batch::{self, BatchItem};
use remora_protocol::header::SendMessageHeader;
use remora_protocol::properties::{self, name};
use remora_protocol::record::{self, Record};
use remora_store::Appended;

use crate::broker::Broker;
use crate::retry_signs::{self, ATTEMPT_TIMEOUT_MS};
use crate::send::{Origin, Retry, Shape};
use crate::send_turn::SendTurn;
use crate::time;

/// Stored messages that one is compared with, at most: so many were sent with its unique id.
const COMPARED_MAX: usize = 32;
/// The index may be so far behind the log, after a start, for a send to wait for it. Chosen: about
/// a second's work.
const INDEX_BEHIND_BYTES_MAX: u64 = 256 << 20;

/// A message as it would be stored, and where it came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sent<'a> {
    pub topic: &'a str,
    pub flag: i32,
    pub body: &'a [u8],
    /// Without the record's checksum.
    pub properties: &'a [u8],
    pub born_ms: i64,
    pub born_host: SocketAddr,
    /// The client may send it again over the connection of the first attempt.
    pub over_one_connection: bool,
}

/// What the first answer said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FirstAnswer {
    pub store_host: SocketAddr,
    pub queue_id: i32,
    /// One a message, at consecutive queue offsets.
    pub records: Vec<Appended>,
    /// What must be flushed for it to be true.
    pub durable_offset: u64,
}

impl Sent<'_> {
    /// Whether this is another attempt to store what the record holds. Over the connection of the
    /// first attempt it may be the application that sends one message object twice, unless a
    /// timeout lies between.
    fn is_retry_of(&self, first: &Record<'_>) -> bool {
        let since_first_ms = self.born_ms.saturating_sub(first.born_timestamp_ms);
        let other_connection = canonical(first.born_host) != canonical(self.born_host);
        let after_timeout = self.over_one_connection && since_first_ms >= ATTEMPT_TIMEOUT_MS;
        (other_connection || after_timeout)
            && (first.flag, first.body) == (self.flag, self.body)
            && sorted(first.properties) == sorted(self.properties)
    }
}

/// As records have it.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// The Go client writes the properties of each attempt in another order.
fn sorted(raw: &[u8]) -> Vec<(&str, &str)> {
    let mut all: Vec<_> = properties::iter(properties::without_crc(raw)).collect();
    all.sort_unstable();
    all
}

/// The answer to repeat and the unique id in it, where a send shows a sign of being a retry and
/// its message is stored. Blocks.
pub(crate) fn find(
    broker: &Broker,
    turn: &mut SendTurn<'_>,
    topic_index: usize,
    header: &SendMessageHeader<'_>,
    origin: Origin<'_>,
    retry: Retry,
) -> Option<(FirstAnswer, String)> {
    let Retry::LookFor { language, .. } = retry else { return None };
    let window_ms = turn.duplicate_window_ms;
    let topic = turn.topics.get(topic_index).map(|found| found.topic.clone())?;
    let prepared = turn.scratch.properties.prepare(header.properties).ok()?;
    if !topic.deduplicates || !retry_signs::seen(prepared, header, origin, retry, window_ms) {
        return None;
    }
    let whole = Sent {
        topic: &topic.name,
        flag: header.flag,
        body: origin.body,
        properties: &prepared.properties,
        born_ms: header.born_timestamp,
        born_host: origin.peer,
        over_one_connection: retry_signs::retries_over_one_connection(language),
    };
    let sent: Vec<Sent<'_>> = match origin.shape {
        Shape::Single => vec![whole],
        Shape::Batch => batch::items(origin.body)
            .map_while(Result::ok)
            .map(|BatchItem { flag, body, properties }| Sent { flag, body, properties, ..whole })
            .collect(),
    };
    let first = broker.first_answer(&sent, window_ms)?;
    broker.metrics.duplicate_sends.add(1);
    let unique_id = String::from_utf8_lossy(prepared.unique_id()).into_owned();
    tracing::debug!(
        topic = &*topic.name,
        unique_id,
        peer = %origin.peer,
        queue_id = first.queue_id,
        queue_offset = first.records.first().map(|record| record.queue_offset),
        "a retry got the first answer"
    );
    Some((first, unique_id))
}

impl Broker {
    /// Looks for messages that were stored together, at most `window_ms` ago; `None` unless all of
    /// them are there, one after the other. Blocks: on the index, and on the disk.
    pub(crate) fn first_answer(&self, sent: &[Sent<'_>], window_ms: i64) -> Option<FirstAnswer> {
        let status = self.store.log_status();
        let behind_bytes = status.physical_offset_max.saturating_sub(status.indexed_offset);
        if behind_bytes > INDEX_BEHIND_BYTES_MAX {
            return None;
        }
        if let Err(error) = self.store.catch_up_index() {
            tracing::warn!(%error, "the key index is not complete: a message may be stored twice");
        }
        let begin_ms = time::wall_ms().saturating_sub(window_ms);
        let mut found: Option<FirstAnswer> = None;
        for message in sent {
            let bytes = self.first_record(message, begin_ms)?;
            let answer = FirstAnswer::of(&record::decode(&bytes).ok()?)?;
            match &mut found {
                None => found = Some(answer),
                Some(found) => found.continue_with(&answer)?,
            }
        }
        found
    }

    fn first_record(&self, sent: &Sent<'_>, begin_ms: i64) -> Option<bytes::Bytes> {
        let unique_id = properties::find(sent.properties, name::UNIQ_KEY)?;
        let found =
            self.store.query_by_key(sent.topic, unique_id, COMPARED_MAX, begin_ms, i64::MAX);
        let newest_first = found
            .inspect_err(|error| tracing::warn!(%error, "the key index is not readable"))
            .ok()?;
        newest_first
            .into_iter()
            .rev()
            .find(|bytes| record::decode(bytes).is_ok_and(|first| sent.is_retry_of(&first)))
    }
}

impl FirstAnswer {
    fn of(record: &Record<'_>) -> Option<Self> {
        let physical_offset = u64::try_from(record.physical_offset).ok()?;
        Some(Self {
            store_host: record.store_host,
            queue_id: record.queue_id,
            durable_offset: physical_offset.checked_add(record.total_bytes.into())?,
            records: vec![Appended {
                physical_offset,
                queue_offset: u64::try_from(record.queue_offset).ok()?,
                record_bytes: record.total_bytes,
                store_timestamp_ms: record.store_timestamp_ms,
            }],
        })
    }

    /// The answer to a batch grows by its next message.
    fn continue_with(&mut self, next: &Self) -> Option<()> {
        let (last, first) = (self.records.last()?, next.records.first()?);
        let follows = self.queue_id == next.queue_id
            && self.store_host == next.store_host
            && last.queue_offset.checked_add(1) == Some(first.queue_offset)
            && last.physical_offset < first.physical_offset;
        if !follows {
            return None;
        }
        self.records.extend_from_slice(&next.records);
        self.durable_offset = next.durable_offset;
        Some(())
    }
}
