// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Messages delivered at a time.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::required;

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
