// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Lite topics of Apache RocketMQ 5.5.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{int, long, required};

/// Request header `PopLiteMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PopLiteMessageHeader<'a> {
    /// Id of the client: ip@instance.
    pub client_id: Cow<'a, str>,
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Most messages wanted.
    pub max_msg_num: i32,
    /// How long a message stays hidden. In ms.
    pub invisible_time: i64,
    /// How long the request may be held. In ms.
    pub poll_time: i64,
    /// When the client made the request. In ms since 1970.
    pub born_time: i64,
    /// Same id for retries of one ordered pop.
    pub attempt_id: Option<Cow<'a, str>>,
}

impl<'a> PopLiteMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clientId",
        "consumerGroup",
        "topic",
        "maxMsgNum",
        "invisibleTime",
        "pollTime",
        "bornTime",
        "attemptId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut client_id = None;
        let mut consumer_group = None;
        let mut topic = None;
        let mut max_msg_num = None;
        let mut invisible_time = None;
        let mut poll_time = None;
        let mut born_time = None;
        let mut attempt_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clientId" => client_id = Some(raw.to_str()),
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "maxMsgNum" => max_msg_num = Some(int("maxMsgNum", raw)?),
                "invisibleTime" => invisible_time = Some(long("invisibleTime", raw)?),
                "pollTime" => poll_time = Some(long("pollTime", raw)?),
                "bornTime" => born_time = Some(long("bornTime", raw)?),
                "attemptId" => attempt_id = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            client_id: required("clientId", client_id)?,
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            max_msg_num: required("maxMsgNum", max_msg_num)?,
            invisible_time: required("invisibleTime", invisible_time)?,
            poll_time: required("pollTime", poll_time)?,
            born_time: required("bornTime", born_time)?,
            attempt_id,
        })
    }
}

impl EncodeHeader for PopLiteMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("clientId", &self.client_id);
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("maxMsgNum", i64::from(self.max_msg_num));
        out.int("invisibleTime", self.invisible_time);
        out.int("pollTime", self.poll_time);
        out.int("bornTime", self.born_time);
        if let Some(value) = &self.attempt_id {
            out.str("attemptId", value);
        }
    }
}

/// Reply header `PopLiteMessageResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PopLiteMessageReply<'a> {
    /// When the messages were taken. In ms since 1970.
    pub pop_time: i64,
    /// How long a message stays hidden. In ms.
    pub invisible_time: i64,
    /// Queue of the revive topic; 999 for ordered pops.
    pub revive_qid: i32,
    /// flag queueId offset, joined by ;.
    pub start_offset_info: Option<Cow<'a, str>>,
    /// flag queueId offset,offset…, joined by ;.
    pub msg_offset_info: Option<Cow<'a, str>>,
    /// Delivery counts of ordered messages.
    pub order_count_info: Option<Cow<'a, str>>,
}

impl<'a> PopLiteMessageReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "popTime",
        "invisibleTime",
        "reviveQid",
        "startOffsetInfo",
        "msgOffsetInfo",
        "orderCountInfo",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut pop_time = None;
        let mut invisible_time = None;
        let mut revive_qid = None;
        let mut start_offset_info = None;
        let mut msg_offset_info = None;
        let mut order_count_info = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "popTime" => pop_time = Some(long("popTime", raw)?),
                "invisibleTime" => invisible_time = Some(long("invisibleTime", raw)?),
                "reviveQid" => revive_qid = Some(int("reviveQid", raw)?),
                "startOffsetInfo" => start_offset_info = Some(raw.to_str()),
                "msgOffsetInfo" => msg_offset_info = Some(raw.to_str()),
                "orderCountInfo" => order_count_info = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            pop_time: required("popTime", pop_time)?,
            invisible_time: required("invisibleTime", invisible_time)?,
            revive_qid: required("reviveQid", revive_qid)?,
            start_offset_info,
            msg_offset_info,
            order_count_info,
        })
    }
}

impl EncodeHeader for PopLiteMessageReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("popTime", self.pop_time);
        out.int("invisibleTime", self.invisible_time);
        out.int("reviveQid", i64::from(self.revive_qid));
        if let Some(value) = &self.start_offset_info {
            out.str("startOffsetInfo", value);
        }
        if let Some(value) = &self.msg_offset_info {
            out.str("msgOffsetInfo", value);
        }
        if let Some(value) = &self.order_count_info {
            out.str("orderCountInfo", value);
        }
    }
}

/// Request header `NotifyUnsubscribeLiteRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotifyUnsubscribeLiteHeader<'a> {
    /// Lite topic inside the parent topic (5.5).
    pub lite_topic: Cow<'a, str>,
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Id of the client: ip@instance.
    pub client_id: Cow<'a, str>,
}

impl<'a> NotifyUnsubscribeLiteHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "liteTopic",
        "consumerGroup",
        "clientId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut lite_topic = None;
        let mut consumer_group = None;
        let mut client_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "liteTopic" => lite_topic = Some(raw.to_str()),
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "clientId" => client_id = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            lite_topic: required("liteTopic", lite_topic)?,
            consumer_group: required("consumerGroup", consumer_group)?,
            client_id: required("clientId", client_id)?,
        })
    }
}

impl EncodeHeader for NotifyUnsubscribeLiteHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("liteTopic", &self.lite_topic);
        out.str("consumerGroup", &self.consumer_group);
        out.str("clientId", &self.client_id);
    }
}

/// Request header `GetParentTopicInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetParentTopicInfoHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
}

impl<'a> GetParentTopicInfoHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
        })
    }
}

impl EncodeHeader for GetParentTopicInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
    }
}

/// Request header `GetLiteTopicInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetLiteTopicInfoHeader<'a> {
    /// Topic that holds the lite topics.
    pub parent_topic: Option<Cow<'a, str>>,
    /// Lite topic inside the parent topic (5.5).
    pub lite_topic: Option<Cow<'a, str>>,
}

impl<'a> GetLiteTopicInfoHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "parentTopic",
        "liteTopic",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut parent_topic = None;
        let mut lite_topic = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "parentTopic" => parent_topic = Some(raw.to_str()),
                "liteTopic" => lite_topic = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            parent_topic,
            lite_topic,
        })
    }
}

impl EncodeHeader for GetLiteTopicInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.parent_topic {
            out.str("parentTopic", value);
        }
        if let Some(value) = &self.lite_topic {
            out.str("liteTopic", value);
        }
    }
}

/// Request header `GetLiteClientInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetLiteClientInfoHeader<'a> {
    /// Topic that holds the lite topics.
    pub parent_topic: Option<Cow<'a, str>>,
    /// Consumer group.
    pub group: Option<Cow<'a, str>>,
    /// Id of the client: ip@instance.
    pub client_id: Option<Cow<'a, str>>,
    /// Most entries wanted.
    pub max_count: Option<i32>,
}

impl<'a> GetLiteClientInfoHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "parentTopic",
        "group",
        "clientId",
        "maxCount",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut parent_topic = None;
        let mut group = None;
        let mut client_id = None;
        let mut max_count = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "parentTopic" => parent_topic = Some(raw.to_str()),
                "group" => group = Some(raw.to_str()),
                "clientId" => client_id = Some(raw.to_str()),
                "maxCount" => max_count = Some(int("maxCount", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            parent_topic,
            group,
            client_id,
            max_count,
        })
    }
}

impl EncodeHeader for GetLiteClientInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.parent_topic {
            out.str("parentTopic", value);
        }
        if let Some(value) = &self.group {
            out.str("group", value);
        }
        if let Some(value) = &self.client_id {
            out.str("clientId", value);
        }
        if let Some(value) = self.max_count {
            out.int("maxCount", i64::from(value));
        }
    }
}

/// Request header `GetLiteGroupInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetLiteGroupInfoHeader<'a> {
    /// Consumer group.
    pub group: Cow<'a, str>,
    /// Lite topic inside the parent topic (5.5).
    pub lite_topic: Option<Cow<'a, str>>,
    /// Most entries wanted.
    pub top_k: Option<i32>,
}

impl<'a> GetLiteGroupInfoHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "group",
        "liteTopic",
        "topK",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group = None;
        let mut lite_topic = None;
        let mut top_k = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "group" => group = Some(raw.to_str()),
                "liteTopic" => lite_topic = Some(raw.to_str()),
                "topK" => top_k = Some(int("topK", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group: required("group", group)?,
            lite_topic,
            top_k,
        })
    }
}

impl EncodeHeader for GetLiteGroupInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("group", &self.group);
        if let Some(value) = &self.lite_topic {
            out.str("liteTopic", value);
        }
        if let Some(value) = self.top_k {
            out.int("topK", i64::from(value));
        }
    }
}

/// Request header `TriggerLiteDispatchRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TriggerLiteDispatchHeader<'a> {
    /// Consumer group.
    pub group: Cow<'a, str>,
    /// Id of the client: ip@instance.
    pub client_id: Option<Cow<'a, str>>,
}

impl<'a> TriggerLiteDispatchHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "group",
        "clientId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group = None;
        let mut client_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "group" => group = Some(raw.to_str()),
                "clientId" => client_id = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group: required("group", group)?,
            client_id,
        })
    }
}

impl EncodeHeader for TriggerLiteDispatchHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("group", &self.group);
        if let Some(value) = &self.client_id {
            out.str("clientId", value);
        }
    }
}
