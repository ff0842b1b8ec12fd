// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Half messages and their end.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};

/// Request header `EndTransactionRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EndTransactionHeader<'a> {
    /// Topic name.
    pub topic: Option<Cow<'a, str>>,
    /// Group of the producer.
    pub producer_group: Cow<'a, str>,
    /// Queue offset of the half message.
    pub tran_state_table_offset: i64,
    /// Physical offset of the half message. In bytes.
    pub commit_log_offset: i64,
    /// 8 commit, 12 rollback, 0 unknown.
    pub commit_or_rollback: i32,
    /// Answers a check.
    pub from_transaction_check: Option<bool>,
    /// Message id.
    pub msg_id: Cow<'a, str>,
    /// Unique id of the message.
    pub transaction_id: Option<Cow<'a, str>>,
}

impl<'a> EndTransactionHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "producerGroup",
        "tranStateTableOffset",
        "commitLogOffset",
        "commitOrRollback",
        "fromTransactionCheck",
        "msgId",
        "transactionId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut producer_group = None;
        let mut tran_state_table_offset = None;
        let mut commit_log_offset = None;
        let mut commit_or_rollback = None;
        let mut msg_id = None;
        let mut topic = None;
        let mut from_transaction_check = None;
        let mut transaction_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "producerGroup" => producer_group = Some(raw.to_str()),
                "tranStateTableOffset" => tran_state_table_offset = Some(long("tranStateTableOffset", raw)?),
                "commitLogOffset" => commit_log_offset = Some(long("commitLogOffset", raw)?),
                "commitOrRollback" => commit_or_rollback = Some(int("commitOrRollback", raw)?),
                "fromTransactionCheck" => from_transaction_check = Some(boolean("fromTransactionCheck", raw)?),
                "msgId" => msg_id = Some(raw.to_str()),
                "transactionId" => transaction_id = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic,
            producer_group: required("producerGroup", producer_group)?,
            tran_state_table_offset: required("tranStateTableOffset", tran_state_table_offset)?,
            commit_log_offset: required("commitLogOffset", commit_log_offset)?,
            commit_or_rollback: required("commitOrRollback", commit_or_rollback)?,
            from_transaction_check,
            msg_id: required("msgId", msg_id)?,
            transaction_id,
        })
    }
}

impl EncodeHeader for EndTransactionHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        out.str("producerGroup", &self.producer_group);
        out.int("tranStateTableOffset", self.tran_state_table_offset);
        out.int("commitLogOffset", self.commit_log_offset);
        out.int("commitOrRollback", i64::from(self.commit_or_rollback));
        if let Some(value) = self.from_transaction_check {
            out.bool("fromTransactionCheck", value);
        }
        out.str("msgId", &self.msg_id);
        if let Some(value) = &self.transaction_id {
            out.str("transactionId", value);
        }
    }
}

/// Reply header `EndTransactionResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EndTransactionReply;

impl EndTransactionReply {
    /// There is nothing to read.
    pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {
        Ok(Self)
    }

    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[];
}

impl EncodeHeader for EndTransactionReply {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Request header `CheckTransactionStateRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CheckTransactionStateHeader<'a> {
    /// Topic name.
    pub topic: Option<Cow<'a, str>>,
    /// Queue offset of the half message.
    pub tran_state_table_offset: i64,
    /// Physical offset of the half message. In bytes.
    pub commit_log_offset: i64,
    /// Message id.
    pub msg_id: Option<Cow<'a, str>>,
    /// Unique id of the message.
    pub transaction_id: Option<Cow<'a, str>>,
    /// Offset id of the half message.
    pub offset_msg_id: Option<Cow<'a, str>>,
    /// Name of the broker that the client means to reach.
    pub broker_name: Option<Cow<'a, str>>,
}

impl<'a> CheckTransactionStateHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "tranStateTableOffset",
        "commitLogOffset",
        "msgId",
        "transactionId",
        "offsetMsgId",
        "bname",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut tran_state_table_offset = None;
        let mut commit_log_offset = None;
        let mut topic = None;
        let mut msg_id = None;
        let mut transaction_id = None;
        let mut offset_msg_id = None;
        let mut broker_name = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "tranStateTableOffset" => tran_state_table_offset = Some(long("tranStateTableOffset", raw)?),
                "commitLogOffset" => commit_log_offset = Some(long("commitLogOffset", raw)?),
                "msgId" => msg_id = Some(raw.to_str()),
                "transactionId" => transaction_id = Some(raw.to_str()),
                "offsetMsgId" => offset_msg_id = Some(raw.to_str()),
                "bname" => broker_name = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic,
            tran_state_table_offset: required("tranStateTableOffset", tran_state_table_offset)?,
            commit_log_offset: required("commitLogOffset", commit_log_offset)?,
            msg_id,
            transaction_id,
            offset_msg_id,
            broker_name,
        })
    }
}

impl EncodeHeader for CheckTransactionStateHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        out.int("tranStateTableOffset", self.tran_state_table_offset);
        out.int("commitLogOffset", self.commit_log_offset);
        if let Some(value) = &self.msg_id {
            out.str("msgId", value);
        }
        if let Some(value) = &self.transaction_id {
            out.str("transactionId", value);
        }
        if let Some(value) = &self.offset_msg_id {
            out.str("offsetMsgId", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("bname", value);
        }
    }
}

/// Request header `ResumeCheckHalfMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResumeCheckHalfMessageHeader<'a> {
    /// Topic name.
    pub topic: Option<Cow<'a, str>>,
    /// Message id.
    pub msg_id: Option<Cow<'a, str>>,
}

impl<'a> ResumeCheckHalfMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "msgId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut msg_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "msgId" => msg_id = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic,
            msg_id,
        })
    }
}

impl EncodeHeader for ResumeCheckHalfMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        if let Some(value) = &self.msg_id {
            out.str("msgId", value);
        }
    }
}

/// Request header `ListHalfMessagesRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListHalfMessagesHeader<'a> {
    /// Only those of this topic.
    pub topic: Option<Cow<'a, str>>,
    /// Only those of this producer group.
    pub producer_group: Option<Cow<'a, str>>,
    /// From this queue offset on.
    pub queue_offset: Option<i64>,
    /// Rows, at most; 1,000 by default and at most.
    pub max_num: Option<i32>,
}

impl<'a> ListHalfMessagesHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "producerGroup",
        "queueOffset",
        "maxNum",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut producer_group = None;
        let mut queue_offset = None;
        let mut max_num = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "producerGroup" => producer_group = Some(raw.to_str()),
                "queueOffset" => queue_offset = Some(long("queueOffset", raw)?),
                "maxNum" => max_num = Some(int("maxNum", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic,
            producer_group,
            queue_offset,
            max_num,
        })
    }
}

impl EncodeHeader for ListHalfMessagesHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        if let Some(value) = &self.producer_group {
            out.str("producerGroup", value);
        }
        if let Some(value) = self.queue_offset {
            out.int("queueOffset", value);
        }
        if let Some(value) = self.max_num {
            out.int("maxNum", i64::from(value));
        }
    }
}
