// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Consumer groups on a broker.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, required};

/// Request header `GetAllSubscriptionGroupRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetAllSubscriptionGroupHeader<'a> {
    /// Index of the first group wanted (split transfer).
    pub group_seq: Option<i32>,
    /// Version the asker has, as JSON.
    pub data_version: Option<Cow<'a, str>>,
    /// Most groups wanted.
    pub max_group_num: Option<i32>,
}

impl<'a> GetAllSubscriptionGroupHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "groupSeq",
        "dataVersion",
        "maxGroupNum",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group_seq = None;
        let mut data_version = None;
        let mut max_group_num = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "groupSeq" => group_seq = Some(int("groupSeq", raw)?),
                "dataVersion" => data_version = Some(raw.to_str()),
                "maxGroupNum" => max_group_num = Some(int("maxGroupNum", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group_seq,
            data_version,
            max_group_num,
        })
    }
}

impl EncodeHeader for GetAllSubscriptionGroupHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = self.group_seq {
            out.int("groupSeq", i64::from(value));
        }
        if let Some(value) = &self.data_version {
            out.str("dataVersion", value);
        }
        if let Some(value) = self.max_group_num {
            out.int("maxGroupNum", i64::from(value));
        }
    }
}

/// Reply header `GetAllSubscriptionGroupResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetAllSubscriptionGroupReply {
    /// Groups in all.
    pub total_group_num: i32,
}

impl GetAllSubscriptionGroupReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "totalGroupNum",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut total_group_num = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "totalGroupNum" => total_group_num = Some(int("totalGroupNum", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            total_group_num: required("totalGroupNum", total_group_num)?,
        })
    }
}

impl EncodeHeader for GetAllSubscriptionGroupReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("totalGroupNum", i64::from(self.total_group_num));
    }
}

/// Request header `DeleteSubscriptionGroupRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeleteSubscriptionGroupHeader<'a> {
    /// Consumer group.
    pub group_name: Cow<'a, str>,
    /// Delete the offsets too.
    pub clean_offset: Option<bool>,
}

impl<'a> DeleteSubscriptionGroupHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "groupName",
        "cleanOffset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group_name = None;
        let mut clean_offset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "groupName" => group_name = Some(raw.to_str()),
                "cleanOffset" => clean_offset = Some(boolean("cleanOffset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group_name: required("groupName", group_name)?,
            clean_offset,
        })
    }
}

impl EncodeHeader for DeleteSubscriptionGroupHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("groupName", &self.group_name);
        if let Some(value) = self.clean_offset {
            out.bool("cleanOffset", value);
        }
    }
}

/// Request header `GetSubscriptionGroupConfigRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetSubscriptionGroupConfigHeader<'a> {
    /// Consumer group.
    pub group: Cow<'a, str>,
}

impl<'a> GetSubscriptionGroupConfigHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "group",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "group" => group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group: required("group", group)?,
        })
    }
}

impl EncodeHeader for GetSubscriptionGroupConfigHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("group", &self.group);
    }
}

/// Request header `UpdateGroupForbiddenRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UpdateGroupForbiddenHeader<'a> {
    /// Consumer group.
    pub group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// May the group read the topic.
    pub readable: Option<bool>,
}

impl<'a> UpdateGroupForbiddenHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "group",
        "topic",
        "readable",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group = None;
        let mut topic = None;
        let mut readable = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "group" => group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "readable" => readable = Some(boolean("readable", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group: required("group", group)?,
            topic: required("topic", topic)?,
            readable,
        })
    }
}

impl EncodeHeader for UpdateGroupForbiddenHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("group", &self.group);
        out.str("topic", &self.topic);
        if let Some(value) = self.readable {
            out.bool("readable", value);
        }
    }
}

/// Request header `QueryTopicsByConsumerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryTopicsByConsumerHeader<'a> {
    /// Consumer group.
    pub group: Cow<'a, str>,
}

impl<'a> QueryTopicsByConsumerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "group",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "group" => group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group: required("group", group)?,
        })
    }
}

impl EncodeHeader for QueryTopicsByConsumerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("group", &self.group);
    }
}

/// Request header `QuerySubscriptionByConsumerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QuerySubscriptionByConsumerHeader<'a> {
    /// Consumer group.
    pub group: Cow<'a, str>,
    /// Topic name.
    pub topic: Option<Cow<'a, str>>,
}

impl<'a> QuerySubscriptionByConsumerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "group",
        "topic",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group = None;
        let mut topic = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "group" => group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group: required("group", group)?,
            topic,
        })
    }
}

impl EncodeHeader for QuerySubscriptionByConsumerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("group", &self.group);
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
    }
}
