// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Messages delivered at a time.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{int, long, required};

/// Request header `RecallMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecallMessageHeader<'a> {
    /// Group of the producer.
    pub producer_group: Option<Cow<'a, str>>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Handle from the send reply of a timer message.
    pub recall_handle: Cow<'a, str>,
}

impl<'a> RecallMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "producerGroup",
        "topic",
        "recallHandle",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut recall_handle = None;
        let mut producer_group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "producerGroup" => producer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "recallHandle" => recall_handle = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            producer_group,
            topic: required("topic", topic)?,
            recall_handle: required("recallHandle", recall_handle)?,
        })
    }
}

impl EncodeHeader for RecallMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.producer_group {
            out.str("producerGroup", value);
        }
        out.str("topic", &self.topic);
        out.str("recallHandle", &self.recall_handle);
    }
}

/// Request header `ListTimersRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListTimersHeader<'a> {
    /// Only messages for this topic.
    pub topic: Option<Cow<'a, str>>,
    /// Only the message with this id (UNIQ_KEY).
    pub unique_id: Option<Cow<'a, str>>,
    /// Only messages that are due then or later, milliseconds since 1970.
    pub from_due_ms: Option<i64>,
    /// Of those due at fromDueMs, from this physical offset on: with it a listing goes on.
    pub from_offset: Option<i64>,
    /// How many messages to look at; 100 without, at most 1000.
    pub max_num: Option<i32>,
}

impl<'a> ListTimersHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "uniqueId",
        "fromDueMs",
        "fromOffset",
        "maxNum",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut unique_id = None;
        let mut from_due_ms = None;
        let mut from_offset = None;
        let mut max_num = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "uniqueId" => unique_id = Some(raw.to_str()),
                "fromDueMs" => from_due_ms = Some(long("fromDueMs", raw)?),
                "fromOffset" => from_offset = Some(long("fromOffset", raw)?),
                "maxNum" => max_num = Some(int("maxNum", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic,
            unique_id,
            from_due_ms,
            from_offset,
            max_num,
        })
    }
}

impl EncodeHeader for ListTimersHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        if let Some(value) = &self.unique_id {
            out.str("uniqueId", value);
        }
        if let Some(value) = self.from_due_ms {
            out.int("fromDueMs", value);
        }
        if let Some(value) = self.from_offset {
            out.int("fromOffset", value);
        }
        if let Some(value) = self.max_num {
            out.int("maxNum", i64::from(value));
        }
    }
}

/// Request header `MoveTimerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MoveTimerHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Handle from the send reply, or from a listing.
    pub recall_handle: Cow<'a, str>,
    /// The new time, milliseconds since 1970.
    pub due_ms: i64,
}

impl<'a> MoveTimerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "recallHandle",
        "dueMs",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut recall_handle = None;
        let mut due_ms = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "recallHandle" => recall_handle = Some(raw.to_str()),
                "dueMs" => due_ms = Some(long("dueMs", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            recall_handle: required("recallHandle", recall_handle)?,
            due_ms: required("dueMs", due_ms)?,
        })
    }
}

impl EncodeHeader for MoveTimerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.str("recallHandle", &self.recall_handle);
        out.int("dueMs", self.due_ms);
    }
}

/// Reply header `MoveTimerResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MoveTimerReply<'a> {
    /// The message's new handle.
    pub recall_handle: Cow<'a, str>,
}

impl<'a> MoveTimerReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "recallHandle",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut recall_handle = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "recallHandle" => recall_handle = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            recall_handle: required("recallHandle", recall_handle)?,
        })
    }
}

impl EncodeHeader for MoveTimerReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("recallHandle", &self.recall_handle);
    }
}

/// Reply header `RecallMessageResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecallMessageReply<'a> {
    /// Message id.
    pub msg_id: Cow<'a, str>,
}

impl<'a> RecallMessageReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "msgId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut msg_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "msgId" => msg_id = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            msg_id: required("msgId", msg_id)?,
        })
    }
}

impl EncodeHeader for RecallMessageReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("msgId", &self.msg_id);
    }
}
