// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Reading messages.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{FieldValue, int, long, required};
use crate::field_order::{Names, Order};
use crate::generated::hot;

/// Request header `PullMessageRequestHeader`: PULL_MESSAGE and LITE_PULL_MESSAGE.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PullMessageHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Offset of the first message wanted.
    pub queue_offset: i64,
    /// Most messages wanted; the server caps it.
    pub max_msg_nums: i32,
    /// 1 commit commitOffset, 2 may be held, 4 subscription is here, 8 class filter, 16 lite pull.
    pub sys_flag: i32,
    /// Offset to store for the group.
    pub commit_offset: i64,
    /// How long the request may be held when there is nothing to read. In ms.
    pub suspend_timeout_millis: i64,
    /// Subscription expression, when the request carries one.
    pub subscription: Option<Cow<'a, str>>,
    /// Version of the subscription: the time the client made it. In ms since 1970.
    pub sub_version: i64,
    /// TAG (also when absent) or SQL92.
    pub expression_type: Option<Cow<'a, str>>,
    /// Most bytes wanted. In bytes.
    pub max_msg_bytes: Option<i32>,
    /// Who asks: -1 SDK, 0 proxy for order, 1 proxy for broadcast, 2 proxy for stream.
    pub request_source: Option<i32>,
    /// Client behind a proxy. The wire name is misspelt.
    pub proxy_forward_client_id: Option<Cow<'a, str>>,
    /// Lite topic inside the parent topic (5.5).
    pub lite_topic: Option<Cow<'a, str>>,
}

impl<'a> PullMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "queueId",
        "queueOffset",
        "maxMsgNums",
        "sysFlag",
        "commitOffset",
        "suspendTimeoutMillis",
        "subscription",
        "subVersion",
        "expressionType",
        "maxMsgBytes",
        "requestSource",
        "proxyFrowardClientId",
        "liteTopic",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        match Self::by_place(fields, &hot::PULL_MESSAGE) {
            Some(header) => Ok(header),
            None => Self::decode_by_name(fields),
        }
    }

    #[cold]
    fn decode_by_name(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut queue_id = None;
        let mut queue_offset = None;
        let mut max_msg_nums = None;
        let mut sys_flag = None;
        let mut commit_offset = None;
        let mut suspend_timeout_millis = None;
        let mut sub_version = None;
        let mut subscription = None;
        let mut expression_type = None;
        let mut max_msg_bytes = None;
        let mut request_source = None;
        let mut proxy_forward_client_id = None;
        let mut lite_topic = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "queueOffset" => queue_offset = Some(long("queueOffset", raw)?),
                "maxMsgNums" => max_msg_nums = Some(int("maxMsgNums", raw)?),
                "sysFlag" => sys_flag = Some(int("sysFlag", raw)?),
                "commitOffset" => commit_offset = Some(long("commitOffset", raw)?),
                "suspendTimeoutMillis" => suspend_timeout_millis = Some(long("suspendTimeoutMillis", raw)?),
                "subscription" => subscription = Some(raw.to_str()),
                "subVersion" => sub_version = Some(long("subVersion", raw)?),
                "expressionType" => expression_type = Some(raw.to_str()),
                "maxMsgBytes" => max_msg_bytes = Some(int("maxMsgBytes", raw)?),
                "requestSource" => request_source = Some(int("requestSource", raw)?),
                "proxyFrowardClientId" => proxy_forward_client_id = Some(raw.to_str()),
                "liteTopic" => lite_topic = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            queue_offset: required("queueOffset", queue_offset)?,
            max_msg_nums: required("maxMsgNums", max_msg_nums)?,
            sys_flag: required("sysFlag", sys_flag)?,
            commit_offset: required("commitOffset", commit_offset)?,
            suspend_timeout_millis: required("suspendTimeoutMillis", suspend_timeout_millis)?,
            subscription,
            sub_version: required("subVersion", sub_version)?,
            expression_type,
            max_msg_bytes,
            request_source,
            proxy_forward_client_id,
            lite_topic,
        })
    }

    /// `None` where a field is missing or malformed, or the header unusual.
    #[inline(always)] // once for each of its callers: 200 instructions less a message
    fn by_place(fields: &Fields<'a>, names: &Names) -> Option<Self> {
        let mut found = Order::UNKNOWN;
        let order = fields.order(names, &mut found)?;
        let at = |slot| fields.at(order, slot);
        Some(Self {
            consumer_group: at(0)?.to_str(),
            topic: at(1)?.to_str(),
            queue_id: at(2)?.int()?,
            queue_offset: at(3)?.long()?,
            max_msg_nums: at(4)?.int()?,
            sys_flag: at(5)?.int()?,
            commit_offset: at(6)?.long()?,
            suspend_timeout_millis: at(7)?.long()?,
            subscription: at(8).map(FieldValue::to_str),
            sub_version: at(9)?.long()?,
            expression_type: at(10).map(FieldValue::to_str),
            max_msg_bytes: match at(11) {
                Some(value) => Some(value.int()?),
                None => None,
            },
            request_source: match at(12) {
                Some(value) => Some(value.int()?),
                None => None,
            },
            proxy_forward_client_id: at(13).map(FieldValue::to_str),
            lite_topic: at(14).map(FieldValue::to_str),
        })
    }
}

impl EncodeHeader for PullMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        out.int("queueOffset", self.queue_offset);
        out.int("maxMsgNums", i64::from(self.max_msg_nums));
        out.int("sysFlag", i64::from(self.sys_flag));
        out.int("commitOffset", self.commit_offset);
        out.int("suspendTimeoutMillis", self.suspend_timeout_millis);
        if let Some(value) = &self.subscription {
            out.str("subscription", value);
        }
        out.int("subVersion", self.sub_version);
        if let Some(value) = &self.expression_type {
            out.str("expressionType", value);
        }
        if let Some(value) = self.max_msg_bytes {
            out.int("maxMsgBytes", i64::from(value));
        }
        if let Some(value) = self.request_source {
            out.int("requestSource", i64::from(value));
        }
        if let Some(value) = &self.proxy_forward_client_id {
            out.str("proxyFrowardClientId", value);
        }
        if let Some(value) = &self.lite_topic {
            out.str("liteTopic", value);
        }
    }
}

/// Reply header `PullMessageResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PullMessageReply {
    /// Read from this broker id next.
    pub suggest_which_broker_id: i64,
    /// Offset to read next.
    pub next_begin_offset: i64,
    /// Offset of the oldest message.
    pub min_offset: i64,
    /// Offset after the newest. In messages.
    pub max_offset: i64,
    /// Subtract from the offsets in the body (static topics).
    pub offset_delta: Option<i64>,
    /// 1 unit, 2 unit subscription.
    pub topic_sys_flag: Option<i32>,
    /// Unit bits of the group.
    pub group_sys_flag: Option<i32>,
    /// Why reading is forbidden (code 16): 1 broker, 2 group, 3 topic, 4 broadcasting, 5
    /// subscription.
    pub forbidden_type: Option<i32>,
}

impl PullMessageReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "suggestWhichBrokerId",
        "nextBeginOffset",
        "minOffset",
        "maxOffset",
        "offsetDelta",
        "topicSysFlag",
        "groupSysFlag",
        "forbiddenType",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut suggest_which_broker_id = None;
        let mut next_begin_offset = None;
        let mut min_offset = None;
        let mut max_offset = None;
        let mut offset_delta = None;
        let mut topic_sys_flag = None;
        let mut group_sys_flag = None;
        let mut forbidden_type = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "suggestWhichBrokerId" => suggest_which_broker_id = Some(long("suggestWhichBrokerId", raw)?),
                "nextBeginOffset" => next_begin_offset = Some(long("nextBeginOffset", raw)?),
                "minOffset" => min_offset = Some(long("minOffset", raw)?),
                "maxOffset" => max_offset = Some(long("maxOffset", raw)?),
                "offsetDelta" => offset_delta = Some(long("offsetDelta", raw)?),
                "topicSysFlag" => topic_sys_flag = Some(int("topicSysFlag", raw)?),
                "groupSysFlag" => group_sys_flag = Some(int("groupSysFlag", raw)?),
                "forbiddenType" => forbidden_type = Some(int("forbiddenType", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            suggest_which_broker_id: required("suggestWhichBrokerId", suggest_which_broker_id)?,
            next_begin_offset: required("nextBeginOffset", next_begin_offset)?,
            min_offset: required("minOffset", min_offset)?,
            max_offset: required("maxOffset", max_offset)?,
            offset_delta,
            topic_sys_flag,
            group_sys_flag,
            forbidden_type,
        })
    }
}

impl EncodeHeader for PullMessageReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("suggestWhichBrokerId", self.suggest_which_broker_id);
        out.int("nextBeginOffset", self.next_begin_offset);
        out.int("minOffset", self.min_offset);
        out.int("maxOffset", self.max_offset);
        if let Some(value) = self.offset_delta {
            out.int("offsetDelta", value);
        }
        if let Some(value) = self.topic_sys_flag {
            out.int("topicSysFlag", i64::from(value));
        }
        if let Some(value) = self.group_sys_flag {
            out.int("groupSysFlag", i64::from(value));
        }
        if let Some(value) = self.forbidden_type {
            out.int("forbiddenType", i64::from(value));
        }
    }
}

/// Request header `QueryMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryMessageHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Key, or unique id when ext field _UNIQUE_KEY_QUERY is true.
    pub key: Cow<'a, str>,
    /// Most messages wanted.
    pub max_num: i32,
    /// Earliest store time. In ms since 1970.
    pub begin_timestamp: i64,
    /// Latest store time. In ms since 1970.
    pub end_timestamp: i64,
    /// Kind of key (5.5): K a word of KEYS, U a unique id, T a tag; absent means K or U.
    pub index_type: Option<Cow<'a, str>>,
    /// Where the previous page stopped (5.5).
    pub last_key: Option<Cow<'a, str>>,
}

impl<'a> QueryMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "key",
        "maxNum",
        "beginTimestamp",
        "endTimestamp",
        "indexType",
        "lastKey",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut key = None;
        let mut max_num = None;
        let mut begin_timestamp = None;
        let mut end_timestamp = None;
        let mut index_type = None;
        let mut last_key = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "key" => key = Some(raw.to_str()),
                "maxNum" => max_num = Some(int("maxNum", raw)?),
                "beginTimestamp" => begin_timestamp = Some(long("beginTimestamp", raw)?),
                "endTimestamp" => end_timestamp = Some(long("endTimestamp", raw)?),
                "indexType" => index_type = Some(raw.to_str()),
                "lastKey" => last_key = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            key: required("key", key)?,
            max_num: required("maxNum", max_num)?,
            begin_timestamp: required("beginTimestamp", begin_timestamp)?,
            end_timestamp: required("endTimestamp", end_timestamp)?,
            index_type,
            last_key,
        })
    }
}

impl EncodeHeader for QueryMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.str("key", &self.key);
        out.int("maxNum", i64::from(self.max_num));
        out.int("beginTimestamp", self.begin_timestamp);
        out.int("endTimestamp", self.end_timestamp);
        if let Some(value) = &self.index_type {
            out.str("indexType", value);
        }
        if let Some(value) = &self.last_key {
            out.str("lastKey", value);
        }
    }
}

/// Reply header `QueryMessageResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueryMessageReply {
    /// Store time of the newest indexed message. In ms since 1970.
    pub index_last_update_timestamp: i64,
    /// Physical offset of the newest indexed message. In bytes.
    pub index_last_update_phyoffset: i64,
}

impl QueryMessageReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "indexLastUpdateTimestamp",
        "indexLastUpdatePhyoffset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut index_last_update_timestamp = None;
        let mut index_last_update_phyoffset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "indexLastUpdateTimestamp" => index_last_update_timestamp = Some(long("indexLastUpdateTimestamp", raw)?),
                "indexLastUpdatePhyoffset" => index_last_update_phyoffset = Some(long("indexLastUpdatePhyoffset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            index_last_update_timestamp: required("indexLastUpdateTimestamp", index_last_update_timestamp)?,
            index_last_update_phyoffset: required("indexLastUpdatePhyoffset", index_last_update_phyoffset)?,
        })
    }
}

impl EncodeHeader for QueryMessageReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("indexLastUpdateTimestamp", self.index_last_update_timestamp);
        out.int("indexLastUpdatePhyoffset", self.index_last_update_phyoffset);
    }
}

/// Request header `ViewMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ViewMessageHeader<'a> {
    /// Topic name, for permission checks; may be absent.
    pub topic: Option<Cow<'a, str>>,
    /// Physical offset of the message. In bytes.
    pub offset: i64,
}

impl<'a> ViewMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "offset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut offset = None;
        let mut topic = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "offset" => offset = Some(long("offset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic,
            offset: required("offset", offset)?,
        })
    }
}

impl EncodeHeader for ViewMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        out.int("offset", self.offset);
    }
}

/// Request header `QueryConsumeQueueRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryConsumeQueueHeader<'a> {
    /// Topic name.
    pub topic: Option<Cow<'a, str>>,
    /// Queue of the topic.
    pub queue_id: Option<i32>,
    /// First entry to show.
    pub index: Option<i64>,
    /// Entries to show.
    pub count: Option<i32>,
    /// Group of the consumer.
    pub consumer_group: Option<Cow<'a, str>>,
}

impl<'a> QueryConsumeQueueHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "queueId",
        "index",
        "count",
        "consumerGroup",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut queue_id = None;
        let mut index = None;
        let mut count = None;
        let mut consumer_group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "index" => index = Some(long("index", raw)?),
                "count" => count = Some(int("count", raw)?),
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic,
            queue_id,
            index,
            count,
            consumer_group,
        })
    }
}

impl EncodeHeader for QueryConsumeQueueHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        if let Some(value) = self.queue_id {
            out.int("queueId", i64::from(value));
        }
        if let Some(value) = self.index {
            out.int("index", value);
        }
        if let Some(value) = self.count {
            out.int("count", i64::from(value));
        }
        if let Some(value) = &self.consumer_group {
            out.str("consumerGroup", value);
        }
    }
}
