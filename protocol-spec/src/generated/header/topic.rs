// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Topics on a broker.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, required};

/// Request header `CreateTopicRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CreateTopicHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Template for a topic that does not exist yet, normally TBW102.
    pub default_topic: Cow<'a, str>,
    /// Queues to read from.
    pub read_queue_nums: i32,
    /// Queues to write to.
    pub write_queue_nums: i32,
    /// Permission bits: 8 priority, 4 read, 2 write, 1 inherit.
    pub perm: i32,
    /// SINGLE_TAG or MULTI_TAG; kept, not used.
    pub topic_filter_type: Cow<'a, str>,
    /// 1 unit, 2 unit subscription.
    pub topic_sys_flag: Option<i32>,
    /// Ordered topic; or ordered consumption.
    pub order: bool,
    /// Changes as +name=value,-name.
    pub attributes: Option<Cow<'a, str>>,
    /// Reserved.
    pub force: Option<bool>,
}

impl<'a> CreateTopicHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "defaultTopic",
        "readQueueNums",
        "writeQueueNums",
        "perm",
        "topicFilterType",
        "topicSysFlag",
        "order",
        "attributes",
        "force",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut default_topic = None;
        let mut read_queue_nums = None;
        let mut write_queue_nums = None;
        let mut perm = None;
        let mut topic_filter_type = None;
        let mut order = None;
        let mut topic_sys_flag = None;
        let mut attributes = None;
        let mut force = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "defaultTopic" => default_topic = Some(raw.to_str()),
                "readQueueNums" => read_queue_nums = Some(int("readQueueNums", raw)?),
                "writeQueueNums" => write_queue_nums = Some(int("writeQueueNums", raw)?),
                "perm" => perm = Some(int("perm", raw)?),
                "topicFilterType" => topic_filter_type = Some(raw.to_str()),
                "topicSysFlag" => topic_sys_flag = Some(int("topicSysFlag", raw)?),
                "order" => order = Some(boolean("order", raw)?),
                "attributes" => attributes = Some(raw.to_str()),
                "force" => force = Some(boolean("force", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            default_topic: required("defaultTopic", default_topic)?,
            read_queue_nums: required("readQueueNums", read_queue_nums)?,
            write_queue_nums: required("writeQueueNums", write_queue_nums)?,
            perm: required("perm", perm)?,
            topic_filter_type: required("topicFilterType", topic_filter_type)?,
            topic_sys_flag,
            order: required("order", order)?,
            attributes,
            force,
        })
    }
}

impl EncodeHeader for CreateTopicHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.str("defaultTopic", &self.default_topic);
        out.int("readQueueNums", i64::from(self.read_queue_nums));
        out.int("writeQueueNums", i64::from(self.write_queue_nums));
        out.int("perm", i64::from(self.perm));
        out.str("topicFilterType", &self.topic_filter_type);
        if let Some(value) = self.topic_sys_flag {
            out.int("topicSysFlag", i64::from(value));
        }
        out.bool("order", self.order);
        if let Some(value) = &self.attributes {
            out.str("attributes", value);
        }
        if let Some(value) = self.force {
            out.bool("force", value);
        }
    }
}

/// Request header `CreateTopicListRequestHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CreateTopicListHeader;

impl CreateTopicListHeader {
    /// There is nothing to read.
    pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {
        Ok(Self)
    }

    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[];
}

impl EncodeHeader for CreateTopicListHeader {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Request header `DeleteTopicRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeleteTopicHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
}

impl<'a> DeleteTopicHeader<'a> {
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

impl EncodeHeader for DeleteTopicHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
    }
}

/// Request header `GetTopicConfigRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetTopicConfigHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
}

impl<'a> GetTopicConfigHeader<'a> {
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

impl EncodeHeader for GetTopicConfigHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
    }
}

/// Request header `GetAllTopicConfigRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetAllTopicConfigHeader<'a> {
    /// Index of the first topic wanted (split transfer).
    pub topic_seq: Option<i32>,
    /// Version the asker has, as JSON.
    pub data_version: Option<Cow<'a, str>>,
    /// Most topics wanted.
    pub max_topic_num: Option<i32>,
}

impl<'a> GetAllTopicConfigHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topicSeq",
        "dataVersion",
        "maxTopicNum",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic_seq = None;
        let mut data_version = None;
        let mut max_topic_num = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topicSeq" => topic_seq = Some(int("topicSeq", raw)?),
                "dataVersion" => data_version = Some(raw.to_str()),
                "maxTopicNum" => max_topic_num = Some(int("maxTopicNum", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic_seq,
            data_version,
            max_topic_num,
        })
    }
}

impl EncodeHeader for GetAllTopicConfigHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = self.topic_seq {
            out.int("topicSeq", i64::from(value));
        }
        if let Some(value) = &self.data_version {
            out.str("dataVersion", value);
        }
        if let Some(value) = self.max_topic_num {
            out.int("maxTopicNum", i64::from(value));
        }
    }
}

/// Reply header `GetAllTopicConfigResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetAllTopicConfigReply {
    /// Topics in all.
    pub total_topic_num: i32,
}

impl GetAllTopicConfigReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "totalTopicNum",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut total_topic_num = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "totalTopicNum" => total_topic_num = Some(int("totalTopicNum", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            total_topic_num: required("totalTopicNum", total_topic_num)?,
        })
    }
}

impl EncodeHeader for GetAllTopicConfigReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("totalTopicNum", i64::from(self.total_topic_num));
    }
}

/// Request header `GetTopicStatsInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetTopicStatsInfoHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
}

impl<'a> GetTopicStatsInfoHeader<'a> {
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

impl EncodeHeader for GetTopicStatsInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
    }
}

/// Request header `QueryTopicConsumeByWhoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryTopicConsumeByWhoHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
}

impl<'a> QueryTopicConsumeByWhoHeader<'a> {
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

impl EncodeHeader for QueryTopicConsumeByWhoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
    }
}
