// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Request and reply over messages.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};
use crate::text::Text;

/// Request header `ReplyMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReplyMessageHeader<'a> {
    /// Group of the producer.
    pub producer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Template for a topic that does not exist yet, normally TBW102.
    pub default_topic: Cow<'a, str>,
    /// Queues wanted for a new topic; the smaller of this and the template counts.
    pub default_topic_queue_nums: i32,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Bits, see the chapter on the stored record (send) or pulling.
    pub sys_flag: i32,
    /// When the client made the message. In ms since 1970.
    pub born_timestamp: i64,
    /// The application's own number, stored as it is.
    pub flag: i32,
    /// name \u0001 value \u0002, repeated; the last \u0002 may be missing.
    pub properties: Text<'a>,
    /// How often this message was delivered before.
    pub reconsume_times: Option<i32>,
    /// The client belongs to a unit of a multi-site deployment.
    pub unit_mode: Option<bool>,
    /// Address of the sender, ip:port.
    pub born_host: Cow<'a, str>,
    /// Address of the broker, ip:port.
    pub store_host: Cow<'a, str>,
    /// When the broker stored it. In ms since 1970.
    pub store_timestamp: i64,
}

impl<'a> ReplyMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "producerGroup",
        "topic",
        "defaultTopic",
        "defaultTopicQueueNums",
        "queueId",
        "sysFlag",
        "bornTimestamp",
        "flag",
        "properties",
        "reconsumeTimes",
        "unitMode",
        "bornHost",
        "storeHost",
        "storeTimestamp",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut producer_group = None;
        let mut topic = None;
        let mut default_topic = None;
        let mut default_topic_queue_nums = None;
        let mut queue_id = None;
        let mut sys_flag = None;
        let mut born_timestamp = None;
        let mut flag = None;
        let mut born_host = None;
        let mut store_host = None;
        let mut store_timestamp = None;
        let mut properties = Text::default();
        let mut reconsume_times = None;
        let mut unit_mode = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "producerGroup" => producer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "defaultTopic" => default_topic = Some(raw.to_str()),
                "defaultTopicQueueNums" => default_topic_queue_nums = Some(int("defaultTopicQueueNums", raw)?),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "sysFlag" => sys_flag = Some(int("sysFlag", raw)?),
                "bornTimestamp" => born_timestamp = Some(long("bornTimestamp", raw)?),
                "flag" => flag = Some(int("flag", raw)?),
                "properties" => properties = raw.text(),
                "reconsumeTimes" => reconsume_times = Some(int("reconsumeTimes", raw)?),
                "unitMode" => unit_mode = Some(boolean("unitMode", raw)?),
                "bornHost" => born_host = Some(raw.to_str()),
                "storeHost" => store_host = Some(raw.to_str()),
                "storeTimestamp" => store_timestamp = Some(long("storeTimestamp", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            producer_group: required("producerGroup", producer_group)?,
            topic: required("topic", topic)?,
            default_topic: required("defaultTopic", default_topic)?,
            default_topic_queue_nums: required("defaultTopicQueueNums", default_topic_queue_nums)?,
            queue_id: required("queueId", queue_id)?,
            sys_flag: required("sysFlag", sys_flag)?,
            born_timestamp: required("bornTimestamp", born_timestamp)?,
            flag: required("flag", flag)?,
            properties,
            reconsume_times,
            unit_mode,
            born_host: required("bornHost", born_host)?,
            store_host: required("storeHost", store_host)?,
            store_timestamp: required("storeTimestamp", store_timestamp)?,
        })
    }
}

impl EncodeHeader for ReplyMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("producerGroup", &self.producer_group);
        out.str("topic", &self.topic);
        out.str("defaultTopic", &self.default_topic);
        out.int("defaultTopicQueueNums", i64::from(self.default_topic_queue_nums));
        out.int("queueId", i64::from(self.queue_id));
        out.int("sysFlag", i64::from(self.sys_flag));
        out.int("bornTimestamp", self.born_timestamp);
        out.int("flag", i64::from(self.flag));
        if !self.properties.is_empty() {
            out.text("properties", self.properties);
        }
        if let Some(value) = self.reconsume_times {
            out.int("reconsumeTimes", i64::from(value));
        }
        if let Some(value) = self.unit_mode {
            out.bool("unitMode", value);
        }
        out.str("bornHost", &self.born_host);
        out.str("storeHost", &self.store_host);
        out.int("storeTimestamp", self.store_timestamp);
    }
}
