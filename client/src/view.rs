//! A message as a consumer gets it.
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::message_id::OffsetId;
use remora_protocol::properties::{self, name};
use remora_protocol::record::{self, RecordError};
use remora_protocol::{names, sys_flag};

use crate::compression::{Compression, CompressionError};
use crate::consumer::INFLATED_BYTES_MAX;
use crate::error::ClientError;
use crate::message::Message;
use crate::queue::MessageQueue;

/// A received message. Body and properties are slices of the broker's reply: a view kept for long
/// keeps that reply (up to some 256 KiB) alive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageView {
    /// Where it was read from: a retry topic for a message that comes again.
    pub queue: MessageQueue,
    pub queue_offset: i64,
    /// Byte position in the broker's commit log.
    pub physical_offset: i64,
    /// The application's own number.
    pub flag: i32,
    /// Bits of the stored record; those of compression are cleared when the body was inflated.
    pub sys_flag: i32,
    /// When the producer made it, in ms since 1970.
    pub born_timestamp_ms: i64,
    /// The producer's address.
    pub born_host: SocketAddr,
    /// When the broker stored it, in ms since 1970.
    pub store_timestamp_ms: i64,
    /// The broker's address at that time.
    pub store_host: SocketAddr,
    /// How often it was delivered to this group before.
    pub reconsume_times: i32,
    body: Bytes,
    properties: Bytes,
    /// That of the client it was read by.
    pub(crate) namespace: Option<Arc<str>>,
}

/// Property MSG_TYPE of a reply.
const MSG_TYPE_REPLY: &str = "reply";

/// What a pushed reply says of itself.
#[derive(Debug)]
pub(crate) struct ReplyParts<'a> {
    pub(crate) topic: &'a str,
    pub(crate) queue_id: i32,
    pub(crate) flag: i32,
    pub(crate) sys_flag: i32,
    pub(crate) born_timestamp_ms: i64,
    pub(crate) born_host: SocketAddr,
    pub(crate) store_timestamp_ms: i64,
    pub(crate) store_host: SocketAddr,
    pub(crate) reconsume_times: i32,
    pub(crate) body: Bytes,
    pub(crate) properties: Bytes,
}

impl MessageView {
    /// The topic that it was sent to, also when it comes from a retry topic; without the client's
    /// namespace.
    pub fn topic(&self) -> &str {
        let retry = names::is_retry_topic(&self.queue.topic);
        let original = if retry { self.property(name::RETRY_TOPIC) } else { None };
        let topic = original.unwrap_or(&self.queue.topic);
        match &self.namespace {
            None => topic,
            Some(namespace) => crate::namespace::without_namespace(namespace, topic),
        }
    }

    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The unique id that its producer gave it; the offset id where it gave none.
    pub fn msg_id(&self) -> String {
        self.property(name::UNIQ_KEY).map_or_else(|| self.offset_msg_id(), str::to_owned)
    }

    /// The id that names its place: the broker's address and the physical offset.
    pub fn offset_msg_id(&self) -> String {
        let id = OffsetId { store_host: self.store_host, physical_offset: self.physical_offset };
        id.to_hex().to_string()
    }

    pub fn tags(&self) -> Option<&str> {
        self.property(name::TAGS)
    }

    /// The words that it can be found by.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.property(name::KEYS).unwrap_or_default().split(' ').filter(|key| !key.is_empty())
    }

    pub fn property(&self, name: &str) -> Option<&str> {
        properties::find(&self.properties, name)
    }

    /// Every property, those of RocketMQ itself included.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        properties::iter(&self.properties)
    }

    /// The reply to this message, which a producer's `request` waits for; to be sent by a producer
    /// of this consumer's (any other [`Message`] setting may be added).
    ///
    /// # Errors
    /// `MessageIllegal` where the message asks for no reply.
    pub fn reply(&self, body: impl Into<Bytes>) -> Result<Message, ClientError> {
        let property = |field| {
            self.property(field).ok_or_else(|| ClientError::MessageIllegal {
                field,
                problem: "is missing in the message received: its sender waits for no reply".into(),
            })
        };
        let topic = names::reply_topic(property(name::CLUSTER)?);
        let mut reply = Message::new(topic, body)
            .property(name::MSG_TYPE, MSG_TYPE_REPLY)
            .property(name::CORRELATION_ID, property(name::CORRELATION_ID)?)
            .property(name::REPLY_TO_CLIENT, property(name::REPLY_TO_CLIENT)?);
        if let Some(ttl) = self.property(name::TTL) {
            reply = reply.property(name::TTL, ttl);
        }
        reply.is_reply = true;
        Ok(reply)
    }

    /// A reply as it was pushed: it has no place in a queue.
    pub(crate) fn of_reply(parts: ReplyParts<'_>) -> Self {
        let mut view = Self {
            queue: MessageQueue::new(parts.topic, "", parts.queue_id),
            queue_offset: 0,
            physical_offset: 0,
            flag: parts.flag,
            sys_flag: parts.sys_flag,
            born_timestamp_ms: parts.born_timestamp_ms,
            born_host: parts.born_host,
            store_timestamp_ms: parts.store_timestamp_ms,
            store_host: parts.store_host,
            reconsume_times: parts.reconsume_times,
            body: parts.body.clone(),
            properties: parts.properties,
            namespace: None,
        };
        if let Err(e) = view.inflate(parts.sys_flag, &parts.body, INFLATED_BYTES_MAX) {
            tracing::warn!(topic = parts.topic, error = %e, "reply given as it came");
        }
        view
    }

    /// True when the body could not be inflated (its compression is unknown or broken, or it would
    /// be larger than the consumer allows) and is as it was stored.
    pub fn is_compressed(&self) -> bool {
        self.sys_flag & sys_flag::COMPRESSED != 0
    }

    /// Reads the record at the start of `stored`. Topic and broker name are shared with `near`,
    /// where they are the same. Returns the view and the bytes that the record took.
    pub(crate) fn decode(
        stored: &Bytes,
        near: &MessageQueue,
        inflated_bytes_max: usize,
    ) -> Result<(Self, usize), RecordError> {
        let record = record::decode(stored)?;
        let topic = if record.topic == &*near.topic {
            Arc::clone(&near.topic)
        } else {
            Arc::from(record.topic)
        };
        let mut view = Self {
            queue: MessageQueue::new(topic, Arc::clone(&near.broker_name), record.queue_id),
            queue_offset: record.queue_offset,
            physical_offset: record.physical_offset,
            flag: record.flag,
            sys_flag: record.sys_flag,
            born_timestamp_ms: record.born_timestamp_ms,
            born_host: record.born_host,
            store_timestamp_ms: record.store_timestamp_ms,
            store_host: record.store_host,
            reconsume_times: record.reconsume_times,
            body: stored.slice_ref(record.body),
            properties: stored.slice_ref(record.properties),
            namespace: None,
        };
        if let Err(e) = view.inflate(record.sys_flag, record.body, inflated_bytes_max) {
            tracing::warn!(queue = %view.queue, offset = view.queue_offset, error = %e,
                "body delivered as stored");
        }
        Ok((view, usize::try_from(record.total_bytes).unwrap_or(usize::MAX)))
    }

    fn inflate(
        &mut self,
        sys_flag: i32,
        body: &[u8],
        limit_bytes: usize,
    ) -> Result<(), CompressionError> {
        if let Some(kind) = Compression::of_sys_flag(sys_flag) {
            self.body = kind?.inflate(body, limit_bytes)?;
            self.sys_flag = sys_flag::without_compression(self.sys_flag);
        }
        Ok(())
    }

    /// Reads concatenated records: the body of a pull or of a query.
    pub(crate) fn decode_all(
        stored: &Bytes,
        near: &MessageQueue,
        inflated_bytes_max: usize,
    ) -> Result<Vec<Self>, RecordError> {
        let mut rest = stored.clone();
        let mut views = Vec::with_capacity(32.min(rest.len() / 91));
        while !rest.is_empty() {
            let (view, record_bytes) = Self::decode(&rest, near, inflated_bytes_max)?;
            let _ = rest.split_to(record_bytes.min(rest.len()));
            views.push(view);
        }
        Ok(views)
    }
}

#[cfg(test)]
mod tests {
    use remora_protocol::record::{Draft, seal};

    use super::*;

    fn stored(topic: &str, body: &[u8], sys_flag: i32, properties: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Draft {
            topic,
            queue_id: 3,
            flag: 7,
            sys_flag,
            born_timestamp_ms: 1,
            born_host: "10.0.0.1:5".parse().unwrap(),
            store_host: "10.0.0.2:10911".parse().unwrap(),
            reconsume_times: 2,
            prepared_transaction_offset: 0,
            body,
            properties: properties.as_bytes(),
        }
        .encode(&mut out);
        seal(&mut out, 42, 4_200, 9);
        out
    }

    fn near() -> MessageQueue {
        MessageQueue::new("%RETRY%g", "broker-a", 0)
    }

    #[test]
    fn a_reply_of_several_records_is_read_in_order() {
        let properties = "KEYS\u{1}a b\u{2}TAGS\u{1}x\u{2}UNIQ_KEY\u{1}ID\u{2}";
        let mut body = stored("T", b"one", 0, properties);
        body.extend(stored("T", b"two", 0, ""));
        let views = MessageView::decode_all(&body.into(), &near(), 1_000).unwrap();
        let [first, second] = &views[..] else { panic!("{views:?}") };
        assert_eq!((&**first.body(), &**second.body()), (&b"one"[..], &b"two"[..]));
        assert_eq!(first.queue, MessageQueue::new("T", "broker-a", 3));
        assert_eq!(first.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((first.tags(), first.msg_id()), (Some("x"), "ID".to_owned()));
        assert_eq!(second.msg_id(), "0A00000200002A9F0000000000001068");
        assert_eq!(
            (first.queue_offset, first.physical_offset, first.reconsume_times),
            (42, 4_200, 2)
        );
    }

    #[test]
    fn a_retried_message_shows_the_topic_it_was_sent_to() {
        let body = stored("%RETRY%g", b"x", 0, "RETRY_TOPIC\u{1}orders\u{2}");
        let (view, _) = MessageView::decode(&body.into(), &near(), 10).unwrap();
        assert_eq!((view.topic(), &*view.queue.topic), ("orders", "%RETRY%g"));
    }

    #[test]
    fn bodies_are_inflated_up_to_the_limit_and_left_alone_past_it() {
        let packed = Compression::Zlib.compress(&[b'z'; 500], 5).unwrap();
        let body = Bytes::from(stored("T", &packed, Compression::Zlib.sys_flag(), ""));
        let (view, _) = MessageView::decode(&body, &near(), 500).unwrap();
        assert_eq!((view.body().len(), view.is_compressed()), (500, false));
        let (view, _) = MessageView::decode(&body, &near(), 499).unwrap();
        assert_eq!((&**view.body(), view.is_compressed()), (&*packed, true));
    }

    #[test]
    fn a_cut_reply_is_an_error() {
        let mut body = stored("T", b"one", 0, "");
        body.pop();
        assert!(MessageView::decode_all(&body.into(), &near(), 10).is_err());
    }
}
