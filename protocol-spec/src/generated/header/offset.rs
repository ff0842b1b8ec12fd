// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Offsets of queues and of groups.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};

/// Request header `QueryConsumerOffsetRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryConsumerOffsetHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// When false, answer 22 rather than offset 0.
    pub set_zero_if_not_found: Option<bool>,
}

impl<'a> QueryConsumerOffsetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "queueId",
        "setZeroIfNotFound",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut queue_id = None;
        let mut set_zero_if_not_found = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "setZeroIfNotFound" => set_zero_if_not_found = Some(boolean("setZeroIfNotFound", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            set_zero_if_not_found,
        })
    }
}

impl EncodeHeader for QueryConsumerOffsetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        if let Some(value) = self.set_zero_if_not_found {
            out.bool("setZeroIfNotFound", value);
        }
    }
}

/// Reply header `QueryConsumerOffsetResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueryConsumerOffsetReply {
    /// Offset of a message in its queue.
    pub offset: i64,
}

impl QueryConsumerOffsetReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "offset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut offset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "offset" => offset = Some(long("offset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            offset: required("offset", offset)?,
        })
    }
}

impl EncodeHeader for QueryConsumerOffsetReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("offset", self.offset);
    }
}

/// Request header `UpdateConsumerOffsetRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UpdateConsumerOffsetHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Offset to store for the group.
    pub commit_offset: i64,
}

impl<'a> UpdateConsumerOffsetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "queueId",
        "commitOffset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut queue_id = None;
        let mut commit_offset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "commitOffset" => commit_offset = Some(long("commitOffset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            commit_offset: required("commitOffset", commit_offset)?,
        })
    }
}

impl EncodeHeader for UpdateConsumerOffsetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        out.int("commitOffset", self.commit_offset);
    }
}

/// Reply header `UpdateConsumerOffsetResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UpdateConsumerOffsetReply;

impl UpdateConsumerOffsetReply {
    /// There is nothing to read.
    pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {
        Ok(Self)
    }

    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[];
}

impl EncodeHeader for UpdateConsumerOffsetReply {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Request header `SearchOffsetRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SearchOffsetHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Store time. In ms since 1970.
    pub timestamp: i64,
    /// LOWER (also when absent: first at or after) or UPPER (last at or before), in any case.
    pub boundary_type: Option<Cow<'a, str>>,
    /// Lite topic inside the parent topic (5.5).
    pub lite_topic: Option<Cow<'a, str>>,
}

impl<'a> SearchOffsetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "queueId",
        "timestamp",
        "boundaryType",
        "liteTopic",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut queue_id = None;
        let mut timestamp = None;
        let mut boundary_type = None;
        let mut lite_topic = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "timestamp" => timestamp = Some(long("timestamp", raw)?),
                "boundaryType" => boundary_type = Some(raw.to_str()),
                "liteTopic" => lite_topic = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            timestamp: required("timestamp", timestamp)?,
            boundary_type,
            lite_topic,
        })
    }
}

impl EncodeHeader for SearchOffsetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        out.int("timestamp", self.timestamp);
        if let Some(value) = &self.boundary_type {
            out.str("boundaryType", value);
        }
        if let Some(value) = &self.lite_topic {
            out.str("liteTopic", value);
        }
    }
}

/// Reply header `SearchOffsetResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SearchOffsetReply {
    /// Offset of a message in its queue.
    pub offset: i64,
}

impl SearchOffsetReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "offset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut offset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "offset" => offset = Some(long("offset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            offset: required("offset", offset)?,
        })
    }
}

impl EncodeHeader for SearchOffsetReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("offset", self.offset);
    }
}

/// Request header `GetMaxOffsetRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetMaxOffsetHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Count only what replicas have confirmed.
    pub committed: Option<bool>,
}

impl<'a> GetMaxOffsetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "queueId",
        "committed",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut queue_id = None;
        let mut committed = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "committed" => committed = Some(boolean("committed", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            committed,
        })
    }
}

impl EncodeHeader for GetMaxOffsetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        if let Some(value) = self.committed {
            out.bool("committed", value);
        }
    }
}

/// Reply header `GetMaxOffsetResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetMaxOffsetReply {
    /// Offset that the next message will get.
    pub offset: i64,
}

impl GetMaxOffsetReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "offset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut offset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "offset" => offset = Some(long("offset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            offset: required("offset", offset)?,
        })
    }
}

impl EncodeHeader for GetMaxOffsetReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("offset", self.offset);
    }
}

/// Request header `GetMinOffsetRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetMinOffsetHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
}

impl<'a> GetMinOffsetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "queueId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut queue_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
        })
    }
}

impl EncodeHeader for GetMinOffsetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
    }
}

/// Reply header `GetMinOffsetResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetMinOffsetReply {
    /// Offset of the oldest message.
    pub offset: i64,
}

impl GetMinOffsetReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "offset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut offset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "offset" => offset = Some(long("offset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            offset: required("offset", offset)?,
        })
    }
}

impl EncodeHeader for GetMinOffsetReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("offset", self.offset);
    }
}

/// Request header `GetEarliestMsgStoretimeRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetEarliestMsgStoretimeHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
}

impl<'a> GetEarliestMsgStoretimeHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "queueId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut queue_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
        })
    }
}

impl EncodeHeader for GetEarliestMsgStoretimeHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
    }
}

/// Reply header `GetEarliestMsgStoretimeResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetEarliestMsgStoretimeReply {
    /// Store time. In ms since 1970.
    pub timestamp: i64,
}

impl GetEarliestMsgStoretimeReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "timestamp",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut timestamp = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "timestamp" => timestamp = Some(long("timestamp", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            timestamp: required("timestamp", timestamp)?,
        })
    }
}

impl EncodeHeader for GetEarliestMsgStoretimeReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("timestamp", self.timestamp);
    }
}
