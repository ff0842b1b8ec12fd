//! A message to send.
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use remora_protocol::message_id::HexId;
use remora_protocol::properties::{self, name};

use crate::error::ClientError;
use crate::message_id::MessageId;

const NAME_END: char = '\u{1}';
const VALUE_END: char = '\u{2}';

/// A message to send: topic, body and properties.
///
/// ```
/// use remora_client::Message;
///
/// let message = Message::new("orders", "42 apples").tags("fruit").keys(["order-17"]);
/// ```
///
/// Nothing is checked before the send, which then says what is wrong before anything leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub(crate) topic: Arc<str>,
    pub(crate) body: Bytes,
    /// As on the wire: `name \x01 value \x02` repeated.
    pub(crate) properties: String,
    pub(crate) flag: i32,
    /// It answers a question, see `MessageView::reply`.
    pub(crate) is_reply: bool,
    /// The first property that cannot be written.
    illegal: Option<String>,
}

impl Message {
    pub fn new(topic: impl Into<Arc<str>>, body: impl Into<Bytes>) -> Self {
        Self {
            topic: topic.into(),
            body: body.into(),
            properties: String::new(),
            flag: 0,
            is_reply: false,
            illegal: None,
        }
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The tag that consumers filter by. One a message.
    #[must_use]
    pub fn tags(self, tag: &str) -> Self {
        self.property(name::TAGS, tag)
    }

    /// Words to find the message by; each is an index key. They must hold no spaces.
    #[must_use]
    pub fn keys<K: AsRef<str>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        let mut joined = String::new();
        for key in keys {
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(key.as_ref());
        }
        self.property(name::KEYS, &joined)
    }

    /// Delivers after one of the broker's 18 levels (1 to 18: 1s 5s 10s 30s 1m…10m 20m 30m 1h 2h).
    #[must_use]
    pub fn delay_level(self, level: u8) -> Self {
        self.property(name::DELAY, &level.to_string())
    }

    /// Delivers after this time, to the millisecond. The broker's limit is 3 days by default.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        self.property(name::TIMER_DELAY_MS, &delay.as_millis().to_string())
    }

    /// Delivers at this wall-clock time, in ms since 1970.
    #[must_use]
    pub fn deliver_at_ms(self, timestamp_ms: i64) -> Self {
        self.property(name::TIMER_DELIVER_MS, &timestamp_ms.to_string())
    }

    /// The broker puts it into the queue of this number, or the topic's last: a topic has one queue
    /// for each priority, 0 the lowest. Not together with a sharding key.
    #[must_use]
    pub fn priority(self, priority: u32) -> Self {
        self.property(name::PRIORITY, &priority.to_string())
    }

    /// The broker answers as soon as it has the message in memory, whatever its flush and
    /// replication settings: a crash may lose it after all.
    #[must_use]
    pub fn without_waiting_for_store(self) -> Self {
        self.property(name::WAIT, "false")
    }

    /// A number of the application's own, stored as it is.
    #[must_use]
    pub fn flag(mut self, flag: i32) -> Self {
        self.flag = flag;
        self
    }

    /// Sets a property. Later values replace earlier ones. Neither may hold the characters U+0001
    /// and U+0002, which separate them on the wire.
    #[must_use]
    pub fn property(mut self, name: &str, value: &str) -> Self {
        let reserved = [NAME_END, VALUE_END];
        if name.is_empty() || name.contains(reserved) || value.contains(reserved) {
            let problem =
                || format!("'{}' is empty, or holds U+0001 or U+0002", name.escape_debug());
            self.illegal.get_or_insert_with(problem);
            return self;
        }
        if let Some(range) = self.find(name) {
            self.properties.replace_range(range, "");
        }
        self.push_property(name, value);
        self
    }

    /// The value of a property.
    pub fn get_property(&self, name: &str) -> Option<&str> {
        properties::find(self.properties.as_bytes(), name)
    }

    /// Where `name \x01 value \x02` stands.
    fn find(&self, name: &str) -> Option<std::ops::Range<usize>> {
        let mut start = 0;
        for entry in self.properties.split_inclusive(VALUE_END) {
            let end = start + entry.len();
            if entry.strip_prefix(name).is_some_and(|rest| rest.starts_with(NAME_END)) {
                return Some(start..end);
            }
            start = end;
        }
        None
    }

    fn push_property(&mut self, name: &str, value: &str) {
        self.properties.reserve(name.len() + value.len() + 2);
        self.properties.push_str(name);
        self.properties.push(NAME_END);
        self.properties.push_str(value);
        self.properties.push(VALUE_END);
    }

    /// The message's unique id, a new one unless it has one already (it is being sent again).
    pub(crate) fn ensure_unique_id(&mut self, new_id: impl FnOnce() -> HexId) -> MessageId {
        if let Some(id) = self.unique_id() {
            return id;
        }
        let id = new_id();
        self.push_property(name::UNIQ_KEY, id.as_str());
        id.into()
    }

    /// The unique id of a message that was sent before, or to which the application gave one.
    pub(crate) fn unique_id(&self) -> Option<MessageId> {
        self.get_property(name::UNIQ_KEY).map(Into::into)
    }

    /// Whether the message asks for delayed delivery in any way.
    pub(crate) fn is_delayed(&self) -> bool {
        [name::DELAY, name::TIMER_DELAY_SEC, name::TIMER_DELAY_MS, name::TIMER_DELIVER_MS]
            .into_iter()
            .any(|name| self.find(name).is_some())
    }

    /// Checks everything that the broker would refuse, so that the error can say what to change.
    pub(crate) fn check(&self, body_bytes_max: usize) -> Result<(), ClientError> {
        crate::limits::check_topic(&self.topic)?;
        self.check_contents(body_bytes_max)
    }

    /// The same but for the topic.
    pub(crate) fn check_contents(&self, body_bytes_max: usize) -> Result<(), ClientError> {
        let illegal = |field, problem| Err(ClientError::MessageIllegal { field, problem });
        if let Some(problem) = &self.illegal {
            return illegal("property", problem.clone());
        }
        if self.body.is_empty() {
            return illegal("body", "is empty; brokers refuse a message without one".to_owned());
        }
        if self.body.len() > body_bytes_max {
            return illegal(
                "body",
                format!("has {} bytes, the limit is {body_bytes_max}", self.body.len()),
            );
        }
        // The unique id is added later.
        let properties_bytes = self.properties.len() + crate::limits::UNIQUE_ID_BYTES_MAX;
        if properties_bytes > crate::limits::PROPERTIES_BYTES_MAX {
            return illegal(
                "properties",
                format!(
                    "have {properties_bytes} bytes with the unique id, the limit is {}",
                    crate::limits::PROPERTIES_BYTES_MAX
                ),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(message: &Message) -> String {
        message.check(4 * 1024 * 1024).unwrap_err().to_string()
    }

    #[test]
    fn properties_are_written_as_the_wire_wants_them_and_replaced_by_name() {
        let message = Message::new("T", "b").property("KEY", "1").tags("x").property("KEY", "2");
        assert_eq!(message.properties, "TAGS\u{1}x\u{2}KEY\u{1}2\u{2}");
        assert_eq!((message.get_property("KEY"), message.get_property("KE")), (Some("2"), None));
    }

    #[test]
    fn keys_are_joined_by_spaces() {
        let message = Message::new("T", "b").keys(["a", "b"]);
        assert_eq!(message.get_property("KEYS"), Some("a b"));
    }

    #[test]
    fn a_message_keeps_its_unique_id_when_sent_again() {
        let ids = crate::unique_id::UniqueIds::new(std::net::Ipv4Addr::LOCALHOST.into(), 1, 1);
        let mut message = Message::new("T", "b");
        let id = message.ensure_unique_id(|| ids.next(0));
        assert_eq!(message.ensure_unique_id(|| ids.next(0)), id);
        assert_eq!(message.properties, format!("UNIQ_KEY\u{1}{id}\u{2}"));
    }

    #[test]
    fn limits_name_field_value_and_limit_before_anything_is_sent() {
        assert_eq!(Message::new("T", "b").check(1).map_err(|e| e.to_string()), Ok(()));
        assert_eq!(
            problem(&Message::new("T", "")),
            "message not sent: body is empty; brokers refuse a message without one"
        );
        assert_eq!(
            problem(&Message::new("T", vec![0; 4_194_305])),
            "message not sent: body has 4194305 bytes, the limit is 4194304"
        );
        assert_eq!(
            problem(&Message::new("T", "b").property("a\u{1}", "b")),
            "message not sent: property 'a\\u{1}' is empty, or holds U+0001 or U+0002"
        );
        assert_eq!(
            problem(&Message::new("T", "b").property("p", &"v".repeat(32_700))),
            "message not sent: properties have 32769 bytes with the unique id, the limit is 32767"
        );
        assert!(problem(&Message::new("no/slash", "b")).contains("no/slash"));
        assert!(problem(&Message::new("t".repeat(128), "b")).contains("127"));
    }
}
