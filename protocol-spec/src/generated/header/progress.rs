// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! How far groups have consumed, and moving their offsets.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, required};

/// Request header `GetConsumeStatsRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetConsumeStatsHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Only this topic; absent: all the group consumes.
    pub topic: Option<Cow<'a, str>>,
    /// Several topics, separated by ;.
    pub topic_list: Option<Cow<'a, str>>,
}

impl<'a> GetConsumeStatsHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "topicList",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut topic_list = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "topicList" => topic_list = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic,
            topic_list,
        })
    }
}

impl EncodeHeader for GetConsumeStatsHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        if let Some(value) = &self.topic_list {
            out.str("topicList", value);
        }
    }
}

/// Request header `GetConsumeStatsInBrokerHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetConsumeStatsInBrokerHeader {
    /// Only ordered groups.
    pub is_order: bool,
}

impl GetConsumeStatsInBrokerHeader {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "isOrder",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut is_order = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "isOrder" => is_order = Some(boolean("isOrder", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            is_order: required("isOrder", is_order)?,
        })
    }
}

impl EncodeHeader for GetConsumeStatsInBrokerHeader {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.bool("isOrder", self.is_order);
    }
}

/// Request header `QueryConsumeTimeSpanRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryConsumeTimeSpanHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Consumer group.
    pub group: Cow<'a, str>,
}

impl<'a> QueryConsumeTimeSpanHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "group",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "group" => group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            group: required("group", group)?,
        })
    }
}

impl EncodeHeader for QueryConsumeTimeSpanHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.str("group", &self.group);
    }
}

/// Request header `QueryCorrectionOffsetHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryCorrectionOffsetHeader<'a> {
    /// Groups, separated by commas.
    pub filter_groups: Option<Cow<'a, str>>,
    /// Group to compare with.
    pub compare_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
}

impl<'a> QueryCorrectionOffsetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "filterGroups",
        "compareGroup",
        "topic",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut compare_group = None;
        let mut topic = None;
        let mut filter_groups = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "filterGroups" => filter_groups = Some(raw.to_str()),
                "compareGroup" => compare_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            filter_groups,
            compare_group: required("compareGroup", compare_group)?,
            topic: required("topic", topic)?,
        })
    }
}

impl EncodeHeader for QueryCorrectionOffsetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.filter_groups {
            out.str("filterGroups", value);
        }
        out.str("compareGroup", &self.compare_group);
        out.str("topic", &self.topic);
    }
}

/// Request header `CloneGroupOffsetRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CloneGroupOffsetHeader<'a> {
    /// Group to copy from.
    pub src_group: Cow<'a, str>,
    /// Group to copy to.
    pub dest_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Option<Cow<'a, str>>,
    /// Copy even though the target group is connected.
    pub offline: Option<bool>,
}

impl<'a> CloneGroupOffsetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "srcGroup",
        "destGroup",
        "topic",
        "offline",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut src_group = None;
        let mut dest_group = None;
        let mut topic = None;
        let mut offline = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "srcGroup" => src_group = Some(raw.to_str()),
                "destGroup" => dest_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "offline" => offline = Some(boolean("offline", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            src_group: required("srcGroup", src_group)?,
            dest_group: required("destGroup", dest_group)?,
            topic,
            offline,
        })
    }
}

impl EncodeHeader for CloneGroupOffsetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("srcGroup", &self.src_group);
        out.str("destGroup", &self.dest_group);
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        if let Some(value) = self.offline {
            out.bool("offline", value);
        }
    }
}
