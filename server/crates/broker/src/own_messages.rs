//! Messages that the broker stores itself: due, retried, committed, dead.
use std::borrow::Cow;
use std::net::SocketAddr;

use remora_protocol::names;
use remora_protocol::properties::{self, name};
use remora_protocol::record::{Draft, Record};
use remora_store::{AppendBatch, AppendError, Appended};

use crate::broker::Broker;
use crate::delay::{self, Delay};
use crate::send::PROPERTIES_BYTES_LEFT;

/// A message before it is stored. The store host is this broker's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OwnMessage<'a> {
    pub topic: Cow<'a, str>,
    pub queue_id: i32,
    pub flag: i32,
    pub sys_flag: i32,
    pub born_timestamp_ms: i64,
    pub born_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    pub body: &'a [u8],
    /// As stored, without the record's checksum, the last one closed.
    pub properties: Vec<u8>,
}

/// Why messages of the broker's own were not stored: none of them was.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum OwnError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(
        "properties are {properties_bytes} bytes with those that the broker adds for topic '{topic}', the limit is {limit}"
    )]
    Properties { topic: String, properties_bytes: usize, limit: usize },
}

/// Where they went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OwnStored {
    /// One a message, in order.
    pub appended: Vec<Appended>,
    /// What must be flushed for all of them to be durable (`Store::when_flushed`).
    pub durable_offset: u64,
}

impl<'a> OwnMessage<'a> {
    /// The message of a record once more, to change what differs.
    pub fn of(record: &Record<'a>) -> Self {
        Self {
            topic: Cow::Borrowed(record.topic),
            queue_id: record.queue_id,
            flag: record.flag,
            sys_flag: record.sys_flag,
            born_timestamp_ms: record.born_timestamp_ms,
            born_host: record.born_host,
            reconsume_times: record.reconsume_times,
            prepared_transaction_offset: record.prepared_transaction_offset,
            body: record.body,
            properties: closed(
                properties::without_crc(record.properties),
                // It says where that record came from.
                &[name::DELAYED_FROM],
            ),
        }
    }

    /// Gives a property this value, instead of any that it had.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(&[name]);
        properties::append(&mut self.properties, name, value);
    }

    pub fn remove(&mut self, names: &[&str]) {
        self.properties = closed(&self.properties, names);
    }

    pub fn property(&self, name: &str) -> Option<&str> {
        properties::find(&self.properties, name)
    }

    /// Has the message come to its topic and queue later.
    pub fn delay(&mut self, delay: Delay) {
        let waiting = delay::waiting(&self.topic, self.queue_id, &self.properties, delay);
        self.topic = Cow::Borrowed(waiting.topic);
        self.queue_id = waiting.queue_id;
        self.properties = waiting.properties;
    }

    /// As a record without a place (see `record::seal`).
    pub fn encoded(&self, store_host: SocketAddr) -> Result<Vec<u8>, OwnError> {
        let draft = self.draft(store_host);
        check(&draft, usize::MAX)?;
        let mut bytes = Vec::new();
        draft.encode(&mut bytes);
        Ok(bytes)
    }

    pub fn draft(&self, store_host: SocketAddr) -> Draft<'_> {
        Draft {
            topic: &self.topic,
            queue_id: self.queue_id,
            flag: self.flag,
            sys_flag: self.sys_flag,
            born_timestamp_ms: self.born_timestamp_ms,
            born_host: self.born_host,
            store_host,
            reconsume_times: self.reconsume_times,
            prepared_transaction_offset: self.prepared_transaction_offset,
            body: self.body,
            properties: &self.properties,
        }
    }
}

/// Properties less those of these names, ready for another one to follow.
fn closed(raw: &[u8], left_out: &[&str]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 64);
    properties::append_without(&mut out, raw, left_out);
    out
}

impl Broker {
    /// When a message is due, about; `None` of one for now.
    fn waits_until(&self, message: &OwnMessage<'_>) -> Option<i64> {
        match &*message.topic {
            names::SCHEDULE_TOPIC => {
                let level = usize::try_from(message.queue_id).unwrap_or(0) + 1;
                Some(self.due_ms(Delay::Level(level)))
            }
            names::TIMER_TOPIC => properties::find_i64(&message.properties, name::TIMER_OUT_MS),
            _ => None,
        }
    }

    /// Stores messages in one append, in order, all or none. Topics need not be in the table.
    /// Blocks no longer than a send does.
    pub(crate) fn store_own(&self, messages: &[OwnMessage<'_>]) -> Result<OwnStored, OwnError> {
        let record_bytes_max = usize::try_from(self.store.record_bytes_max()).unwrap_or(usize::MAX);
        let store_host = self.store_host();
        let mut batch = AppendBatch::new();
        for message in messages {
            let draft = message.draft(store_host);
            check(&draft, record_bytes_max)?;
            let topic = self.topics.find(&message.topic);
            match topic.as_ref().and_then(|topic| topic.queue(&self.store, message.queue_id)) {
                Some(queue) => batch.push(queue, &draft),
                None => batch.push(&self.store.queue(&message.topic, message.queue_id), &draft),
            }
            if let Some(topic) = topic {
                topic.counters.count_in(1, draft.encoded_bytes() as u64);
            }
        }
        let durable_offset = self.store.append(&mut batch)?;
        if let Some(due_ms) = messages.iter().filter_map(|message| self.waits_until(message)).min()
        {
            self.delayed_message_stored(due_ms, durable_offset);
        }
        Ok(OwnStored { appended: batch.appended().to_vec(), durable_offset })
    }
}

/// What the fields of a record cannot hold.
fn check(draft: &Draft<'_>, record_bytes_max: usize) -> Result<(), OwnError> {
    let (properties_bytes, limit) = (draft.properties.len(), PROPERTIES_BYTES_LEFT);
    if properties_bytes > limit {
        return Err(OwnError::Properties {
            topic: draft.topic.to_owned(),
            properties_bytes,
            limit,
        });
    }
    let record_bytes = draft.encoded_bytes();
    if record_bytes > record_bytes_max {
        return Err(AppendError::TooLarge { record_bytes, record_bytes_max }.into());
    }
    Ok(())
}
