// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Members of groups: announcing, leaving, listing, and what the broker asks of a client.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};

/// Request header `HeartbeatRequestHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HeartbeatHeader;

impl HeartbeatHeader {
    /// There is nothing to read.
    pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {
        Ok(Self)
    }

    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[];
}

impl EncodeHeader for HeartbeatHeader {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Request header `UnregisterClientRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnregisterClientHeader<'a> {
    /// Id of the client: ip@instance.
    pub client_id: Cow<'a, str>,
    /// Group of the producer.
    pub producer_group: Option<Cow<'a, str>>,
    /// Group of the consumer.
    pub consumer_group: Option<Cow<'a, str>>,
}

impl<'a> UnregisterClientHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clientID",
        "producerGroup",
        "consumerGroup",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut client_id = None;
        let mut producer_group = None;
        let mut consumer_group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clientID" => client_id = Some(raw.to_str()),
                "producerGroup" => producer_group = Some(raw.to_str()),
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            client_id: required("clientID", client_id)?,
            producer_group,
            consumer_group,
        })
    }
}

impl EncodeHeader for UnregisterClientHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("clientID", &self.client_id);
        if let Some(value) = &self.producer_group {
            out.str("producerGroup", value);
        }
        if let Some(value) = &self.consumer_group {
            out.str("consumerGroup", value);
        }
    }
}

/// Reply header `UnregisterClientResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UnregisterClientReply;

impl UnregisterClientReply {
    /// There is nothing to read.
    pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {
        Ok(Self)
    }

    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[];
}

impl EncodeHeader for UnregisterClientReply {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Request header `GetConsumerListByGroupRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetConsumerListByGroupHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
}

impl<'a> GetConsumerListByGroupHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
        })
    }
}

impl EncodeHeader for GetConsumerListByGroupHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
    }
}

/// Request header `NotifyConsumerIdsChangedRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotifyConsumerIdsChangedHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
}

impl<'a> NotifyConsumerIdsChangedHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
        })
    }
}

impl EncodeHeader for NotifyConsumerIdsChangedHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
    }
}

/// Request header `LockBatchMqRequestHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LockBatchMqHeader;

impl LockBatchMqHeader {
    /// There is nothing to read.
    pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {
        Ok(Self)
    }

    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[];
}

impl EncodeHeader for LockBatchMqHeader {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Request header `UnlockBatchMqRequestHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UnlockBatchMqHeader;

impl UnlockBatchMqHeader {
    /// There is nothing to read.
    pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {
        Ok(Self)
    }

    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[];
}

impl EncodeHeader for UnlockBatchMqHeader {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Request header `GetConsumerConnectionListRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetConsumerConnectionListHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
}

impl<'a> GetConsumerConnectionListHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
        })
    }
}

impl EncodeHeader for GetConsumerConnectionListHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
    }
}

/// Request header `GetProducerConnectionListRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetProducerConnectionListHeader<'a> {
    /// Group of the producer.
    pub producer_group: Cow<'a, str>,
}

impl<'a> GetProducerConnectionListHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "producerGroup",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut producer_group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "producerGroup" => producer_group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            producer_group: required("producerGroup", producer_group)?,
        })
    }
}

impl EncodeHeader for GetProducerConnectionListHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("producerGroup", &self.producer_group);
    }
}

/// Request header `GetAllProducerInfoRequestHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetAllProducerInfoHeader;

impl GetAllProducerInfoHeader {
    /// There is nothing to read.
    pub fn decode(_fields: &Fields<'_>) -> Result<Self, HeaderError> {
        Ok(Self)
    }

    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[];
}

impl EncodeHeader for GetAllProducerInfoHeader {
    fn encode(&self, _out: &mut FieldWriter<'_>) {}
}

/// Request header `GetConsumerRunningInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetConsumerRunningInfoHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Id of the client: ip@instance.
    pub client_id: Cow<'a, str>,
    /// Include a thread dump.
    pub jstack_enable: Option<bool>,
}

impl<'a> GetConsumerRunningInfoHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "clientId",
        "jstackEnable",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut client_id = None;
        let mut jstack_enable = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "clientId" => client_id = Some(raw.to_str()),
                "jstackEnable" => jstack_enable = Some(boolean("jstackEnable", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            client_id: required("clientId", client_id)?,
            jstack_enable,
        })
    }
}

impl EncodeHeader for GetConsumerRunningInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("clientId", &self.client_id);
        if let Some(value) = self.jstack_enable {
            out.bool("jstackEnable", value);
        }
    }
}

/// Request header `ConsumeMessageDirectlyResultRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConsumeMessageDirectlyResultHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Id of the client: ip@instance.
    pub client_id: Option<Cow<'a, str>>,
    /// Message id.
    pub msg_id: Option<Cow<'a, str>>,
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
    /// Topic name.
    pub topic: Option<Cow<'a, str>>,
    /// 1 unit, 2 unit subscription.
    pub topic_sys_flag: Option<i32>,
    /// Unit bits of the group.
    pub group_sys_flag: Option<i32>,
}

impl<'a> ConsumeMessageDirectlyResultHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "clientId",
        "msgId",
        "brokerName",
        "topic",
        "topicSysFlag",
        "groupSysFlag",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut client_id = None;
        let mut msg_id = None;
        let mut broker_name = None;
        let mut topic = None;
        let mut topic_sys_flag = None;
        let mut group_sys_flag = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "clientId" => client_id = Some(raw.to_str()),
                "msgId" => msg_id = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "topicSysFlag" => topic_sys_flag = Some(int("topicSysFlag", raw)?),
                "groupSysFlag" => group_sys_flag = Some(int("groupSysFlag", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            client_id,
            msg_id,
            broker_name,
            topic,
            topic_sys_flag,
            group_sys_flag,
        })
    }
}

impl EncodeHeader for ConsumeMessageDirectlyResultHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        if let Some(value) = &self.client_id {
            out.str("clientId", value);
        }
        if let Some(value) = &self.msg_id {
            out.str("msgId", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
        if let Some(value) = &self.topic {
            out.str("topic", value);
        }
        if let Some(value) = self.topic_sys_flag {
            out.int("topicSysFlag", i64::from(value));
        }
        if let Some(value) = self.group_sys_flag {
            out.int("groupSysFlag", i64::from(value));
        }
    }
}

/// Request header `ResetOffsetRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResetOffsetHeader<'a> {
    /// Consumer group.
    pub group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// One queue; absent or -1: all.
    pub queue_id: Option<i32>,
    /// Offset to move to; absent or -1: by timestamp.
    pub offset: Option<i64>,
    /// Store time to move to; -1: newest. In ms since 1970.
    pub timestamp: i64,
    /// Move even where the group is ahead.
    pub is_force: bool,
}

impl<'a> ResetOffsetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "group",
        "topic",
        "queueId",
        "offset",
        "timestamp",
        "isForce",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group = None;
        let mut topic = None;
        let mut timestamp = None;
        let mut is_force = None;
        let mut queue_id = None;
        let mut offset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "group" => group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "offset" => offset = Some(long("offset", raw)?),
                "timestamp" => timestamp = Some(long("timestamp", raw)?),
                "isForce" => is_force = Some(boolean("isForce", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group: required("group", group)?,
            topic: required("topic", topic)?,
            queue_id,
            offset,
            timestamp: required("timestamp", timestamp)?,
            is_force: required("isForce", is_force)?,
        })
    }
}

impl EncodeHeader for ResetOffsetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("group", &self.group);
        out.str("topic", &self.topic);
        if let Some(value) = self.queue_id {
            out.int("queueId", i64::from(value));
        }
        if let Some(value) = self.offset {
            out.int("offset", value);
        }
        out.int("timestamp", self.timestamp);
        out.bool("isForce", self.is_force);
    }
}

/// Request header `GetConsumerStatusRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetConsumerStatusHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Consumer group.
    pub group: Cow<'a, str>,
    /// Restricts the answer to one client id.
    pub client_addr: Option<Cow<'a, str>>,
}

impl<'a> GetConsumerStatusHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "group",
        "clientAddr",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut group = None;
        let mut client_addr = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "group" => group = Some(raw.to_str()),
                "clientAddr" => client_addr = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            group: required("group", group)?,
            client_addr,
        })
    }
}

impl EncodeHeader for GetConsumerStatusHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.str("group", &self.group);
        if let Some(value) = &self.client_addr {
            out.str("clientAddr", value);
        }
    }
}
