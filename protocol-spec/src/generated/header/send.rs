// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Storing messages.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{FieldValue, boolean, int, long, required};
use crate::text::Text;
use crate::field_order::{Names, Order};
use crate::generated::hot;

/// Request header `SendMessageRequestHeader`: SEND_MESSAGE, and with one-letter names
/// SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SendMessageHeader<'a> {
    /// Group of the producer.
    pub producer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Template for a topic that does not exist yet, normally TBW102.
    pub default_topic: Cow<'a, str>,
    /// Queues wanted for a new topic; the smaller of this and the template counts.
    pub default_topic_queue_nums: i32,
    /// Queue to store into; negative: any.
    pub queue_id: i32,
    /// 1 compressed, 2 multi-tags, 4 prepared, 8 commit, 12 rollback; bits 8 to 10 compression.
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
    /// The body is a batch.
    pub batch: Option<bool>,
    /// Deliveries after which a retry goes to %DLQ%.
    pub max_reconsume_times: Option<i32>,
    /// Name of the broker that the client means to reach.
    pub broker_name: Option<Cow<'a, str>>,
}

impl<'a> SendMessageHeader<'a> {
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
        "batch",
        "maxReconsumeTimes",
        "bname",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        match Self::by_place(fields, &hot::SEND_MESSAGE) {
            Some(header) => Ok(header),
            None => Self::decode_by_name(fields),
        }
    }

    #[cold]
    fn decode_by_name(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut producer_group = None;
        let mut topic = None;
        let mut default_topic = None;
        let mut default_topic_queue_nums = None;
        let mut queue_id = None;
        let mut sys_flag = None;
        let mut born_timestamp = None;
        let mut flag = None;
        let mut properties = Text::default();
        let mut reconsume_times = None;
        let mut unit_mode = None;
        let mut batch = None;
        let mut max_reconsume_times = None;
        let mut broker_name = None;
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
                "batch" => batch = Some(boolean("batch", raw)?),
                "maxReconsumeTimes" => max_reconsume_times = Some(int("maxReconsumeTimes", raw)?),
                "bname" => broker_name = Some(raw.to_str()),
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
            batch,
            max_reconsume_times,
            broker_name,
        })
    }

    /// The same for the form with one-letter names.
    pub fn decode_short(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        match Self::by_place(fields, &hot::SEND_MESSAGE_SHORT) {
            Some(header) => Ok(header),
            None => Self::decode_short_by_name(fields),
        }
    }

    #[cold]
    fn decode_short_by_name(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut producer_group = None;
        let mut topic = None;
        let mut default_topic = None;
        let mut default_topic_queue_nums = None;
        let mut queue_id = None;
        let mut sys_flag = None;
        let mut born_timestamp = None;
        let mut flag = None;
        let mut properties = Text::default();
        let mut reconsume_times = None;
        let mut unit_mode = None;
        let mut batch = None;
        let mut max_reconsume_times = None;
        let mut broker_name = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "a" => producer_group = Some(raw.to_str()),
                "b" => topic = Some(raw.to_str()),
                "c" => default_topic = Some(raw.to_str()),
                "d" => default_topic_queue_nums = Some(int("defaultTopicQueueNums", raw)?),
                "e" => queue_id = Some(int("queueId", raw)?),
                "f" => sys_flag = Some(int("sysFlag", raw)?),
                "g" => born_timestamp = Some(long("bornTimestamp", raw)?),
                "h" => flag = Some(int("flag", raw)?),
                "i" => properties = raw.text(),
                "j" => reconsume_times = Some(int("reconsumeTimes", raw)?),
                "k" => unit_mode = Some(boolean("unitMode", raw)?),
                "m" => batch = Some(boolean("batch", raw)?),
                "l" => max_reconsume_times = Some(int("maxReconsumeTimes", raw)?),
                "n" => broker_name = Some(raw.to_str()),
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
            batch,
            max_reconsume_times,
            broker_name,
        })
    }

    /// `None` where a field is missing or malformed, or the header unusual.
    #[inline(always)] // once for each of its callers: 200 instructions less a message
    fn by_place(fields: &Fields<'a>, names: &Names) -> Option<Self> {
        let mut found = Order::UNKNOWN;
        let order = fields.order(names, &mut found)?;
        let at = |slot| fields.at(order, slot);
        Some(Self {
            producer_group: at(0)?.to_str(),
            topic: at(1)?.to_str(),
            default_topic: at(2)?.to_str(),
            default_topic_queue_nums: at(3)?.int()?,
            queue_id: at(4)?.int()?,
            sys_flag: at(5)?.int()?,
            born_timestamp: at(6)?.long()?,
            flag: at(7)?.int()?,
            properties: at(8).map_or_else(Text::default, FieldValue::text),
            reconsume_times: match at(9) {
                Some(value) => Some(value.int()?),
                None => None,
            },
            unit_mode: match at(10) {
                Some(value) => Some(value.boolean()?),
                None => None,
            },
            batch: match at(11) {
                Some(value) => Some(value.boolean()?),
                None => None,
            },
            max_reconsume_times: match at(12) {
                Some(value) => Some(value.int()?),
                None => None,
            },
            broker_name: at(13).map(FieldValue::to_str),
        })
    }
}

impl EncodeHeader for SendMessageHeader<'_> {
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
        if let Some(value) = self.batch {
            out.bool("batch", value);
        }
        if let Some(value) = self.max_reconsume_times {
            out.int("maxReconsumeTimes", i64::from(value));
        }
        if let Some(value) = &self.broker_name {
            out.str("bname", value);
        }
    }
}

/// Writes a `SendMessageHeader` with one-letter field names.
#[derive(Clone, Copy, Debug)]
pub struct SendMessageV2<'a>(pub &'a SendMessageHeader<'a>);

impl EncodeHeader for SendMessageV2<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("a", &self.0.producer_group);
        out.str("b", &self.0.topic);
        out.str("c", &self.0.default_topic);
        out.int("d", i64::from(self.0.default_topic_queue_nums));
        out.int("e", i64::from(self.0.queue_id));
        out.int("f", i64::from(self.0.sys_flag));
        out.int("g", self.0.born_timestamp);
        out.int("h", i64::from(self.0.flag));
        if !self.0.properties.is_empty() {
            out.text("i", self.0.properties);
        }
        if let Some(value) = self.0.reconsume_times {
            out.int("j", i64::from(value));
        }
        if let Some(value) = self.0.unit_mode {
            out.bool("k", value);
        }
        if let Some(value) = self.0.batch {
            out.bool("m", value);
        }
        if let Some(value) = self.0.max_reconsume_times {
            out.int("l", i64::from(value));
        }
        if let Some(value) = &self.0.broker_name {
            out.str("n", value);
        }
    }
}

/// Reply header `SendMessageResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SendMessageReply<'a> {
    /// Offset id: 32 (IPv4) or 56 (IPv6) hex digits; comma-joined for a batch.
    pub msg_id: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Offset of the (first) message in its queue.
    pub queue_offset: i64,
    /// Unique id of the message.
    pub transaction_id: Option<Cow<'a, str>>,
    /// Unique id of the inner batch.
    pub batch_uniq_id: Option<Cow<'a, str>>,
    /// Handle to withdraw a timer message.
    pub recall_handle: Option<Cow<'a, str>>,
}

impl<'a> SendMessageReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "msgId",
        "queueId",
        "queueOffset",
        "transactionId",
        "batchUniqId",
        "recallHandle",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut msg_id = None;
        let mut queue_id = None;
        let mut queue_offset = None;
        let mut transaction_id = None;
        let mut batch_uniq_id = None;
        let mut recall_handle = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "msgId" => msg_id = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "queueOffset" => queue_offset = Some(long("queueOffset", raw)?),
                "transactionId" => transaction_id = Some(raw.to_str()),
                "batchUniqId" => batch_uniq_id = Some(raw.to_str()),
                "recallHandle" => recall_handle = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            msg_id: required("msgId", msg_id)?,
            queue_id: required("queueId", queue_id)?,
            queue_offset: required("queueOffset", queue_offset)?,
            transaction_id,
            batch_uniq_id,
            recall_handle,
        })
    }
}

impl EncodeHeader for SendMessageReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("msgId", &self.msg_id);
        out.int("queueId", i64::from(self.queue_id));
        out.int("queueOffset", self.queue_offset);
        if let Some(value) = &self.transaction_id {
            out.str("transactionId", value);
        }
        if let Some(value) = &self.batch_uniq_id {
            out.str("batchUniqId", value);
        }
        if let Some(value) = &self.recall_handle {
            out.str("recallHandle", value);
        }
    }
}

/// Request header `ConsumerSendMsgBackRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConsumerSendMsgBackHeader<'a> {
    /// Physical offset of the message. In bytes.
    pub offset: i64,
    /// Consumer group.
    pub group: Cow<'a, str>,
    /// -1 to %DLQ%, 0 chosen by the broker, otherwise the level.
    pub delay_level: i32,
    /// Offset id of the first delivery.
    pub origin_msg_id: Option<Cow<'a, str>>,
    /// Topic of the first delivery.
    pub origin_topic: Option<Cow<'a, str>>,
    /// The client belongs to a unit of a multi-site deployment.
    pub unit_mode: Option<bool>,
    /// Deliveries after which a retry goes to %DLQ%.
    pub max_reconsume_times: Option<i32>,
}

impl<'a> ConsumerSendMsgBackHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "offset",
        "group",
        "delayLevel",
        "originMsgId",
        "originTopic",
        "unitMode",
        "maxReconsumeTimes",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut offset = None;
        let mut group = None;
        let mut delay_level = None;
        let mut origin_msg_id = None;
        let mut origin_topic = None;
        let mut unit_mode = None;
        let mut max_reconsume_times = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "offset" => offset = Some(long("offset", raw)?),
                "group" => group = Some(raw.to_str()),
                "delayLevel" => delay_level = Some(int("delayLevel", raw)?),
                "originMsgId" => origin_msg_id = Some(raw.to_str()),
                "originTopic" => origin_topic = Some(raw.to_str()),
                "unitMode" => unit_mode = Some(boolean("unitMode", raw)?),
                "maxReconsumeTimes" => max_reconsume_times = Some(int("maxReconsumeTimes", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            offset: required("offset", offset)?,
            group: required("group", group)?,
            delay_level: required("delayLevel", delay_level)?,
            origin_msg_id,
            origin_topic,
            unit_mode,
            max_reconsume_times,
        })
    }
}

impl EncodeHeader for ConsumerSendMsgBackHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("offset", self.offset);
        out.str("group", &self.group);
        out.int("delayLevel", i64::from(self.delay_level));
        if let Some(value) = &self.origin_msg_id {
            out.str("originMsgId", value);
        }
        if let Some(value) = &self.origin_topic {
            out.str("originTopic", value);
        }
        if let Some(value) = self.unit_mode {
            out.bool("unitMode", value);
        }
        if let Some(value) = self.max_reconsume_times {
            out.int("maxReconsumeTimes", i64::from(value));
        }
    }
}
