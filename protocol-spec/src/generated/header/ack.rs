// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Acknowledging what was popped.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};

/// Request header `AckMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AckMessageHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Handle of the popped message (POP_CK).
    pub extra_info: Cow<'a, str>,
    /// Offset of a message in its queue.
    pub offset: i64,
    /// Lite topic inside the parent topic (5.5).
    pub lite_topic: Option<Cow<'a, str>>,
}

impl<'a> AckMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "queueId",
        "extraInfo",
        "offset",
        "liteTopic",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut queue_id = None;
        let mut extra_info = None;
        let mut offset = None;
        let mut lite_topic = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "extraInfo" => extra_info = Some(raw.to_str()),
                "offset" => offset = Some(long("offset", raw)?),
                "liteTopic" => lite_topic = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            extra_info: required("extraInfo", extra_info)?,
            offset: required("offset", offset)?,
            lite_topic,
        })
    }
}

impl EncodeHeader for AckMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        out.str("extraInfo", &self.extra_info);
        out.int("offset", self.offset);
        if let Some(value) = &self.lite_topic {
            out.str("liteTopic", value);
        }
    }
}

/// Request header `ChangeInvisibleTimeRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChangeInvisibleTimeHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Handle of the popped message (POP_CK).
    pub extra_info: Cow<'a, str>,
    /// Offset of a message in its queue.
    pub offset: i64,
    /// How long a message stays hidden. In ms.
    pub invisible_time: i64,
    /// Lite topic inside the parent topic (5.5).
    pub lite_topic: Option<Cow<'a, str>>,
    /// Belongs to lite topics (5.5).
    pub suspend: Option<bool>,
}

impl<'a> ChangeInvisibleTimeHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "queueId",
        "extraInfo",
        "offset",
        "invisibleTime",
        "liteTopic",
        "suspend",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut queue_id = None;
        let mut extra_info = None;
        let mut offset = None;
        let mut invisible_time = None;
        let mut lite_topic = None;
        let mut suspend = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "extraInfo" => extra_info = Some(raw.to_str()),
                "offset" => offset = Some(long("offset", raw)?),
                "invisibleTime" => invisible_time = Some(long("invisibleTime", raw)?),
                "liteTopic" => lite_topic = Some(raw.to_str()),
                "suspend" => suspend = Some(boolean("suspend", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            extra_info: required("extraInfo", extra_info)?,
            offset: required("offset", offset)?,
            invisible_time: required("invisibleTime", invisible_time)?,
            lite_topic,
            suspend,
        })
    }
}

impl EncodeHeader for ChangeInvisibleTimeHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        out.str("extraInfo", &self.extra_info);
        out.int("offset", self.offset);
        out.int("invisibleTime", self.invisible_time);
        if let Some(value) = &self.lite_topic {
            out.str("liteTopic", value);
        }
        if let Some(value) = self.suspend {
            out.bool("suspend", value);
        }
    }
}

/// Reply header `ChangeInvisibleTimeResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ChangeInvisibleTimeReply {
    /// When the messages were taken. In ms since 1970.
    pub pop_time: i64,
    /// How long a message stays hidden. In ms.
    pub invisible_time: i64,
    /// Queue of the revive topic; 999 for ordered pops.
    pub revive_qid: i32,
}

impl ChangeInvisibleTimeReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "popTime",
        "invisibleTime",
        "reviveQid",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut pop_time = None;
        let mut invisible_time = None;
        let mut revive_qid = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "popTime" => pop_time = Some(long("popTime", raw)?),
                "invisibleTime" => invisible_time = Some(long("invisibleTime", raw)?),
                "reviveQid" => revive_qid = Some(int("reviveQid", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            pop_time: required("popTime", pop_time)?,
            invisible_time: required("invisibleTime", invisible_time)?,
            revive_qid: required("reviveQid", revive_qid)?,
        })
    }
}

impl EncodeHeader for ChangeInvisibleTimeReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("popTime", self.pop_time);
        out.int("invisibleTime", self.invisible_time);
        out.int("reviveQid", i64::from(self.revive_qid));
    }
}
