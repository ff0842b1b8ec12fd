// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Routes, topics, values and settings of a nameserver.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, required};

/// Request header `GetRouteInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetRouteInfoHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Broker ids in the body must be quoted.
    pub accept_standard_json_only: Option<bool>,
}

impl<'a> GetRouteInfoHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "acceptStandardJsonOnly",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut accept_standard_json_only = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "acceptStandardJsonOnly" => accept_standard_json_only = Some(boolean("acceptStandardJsonOnly", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            accept_standard_json_only,
        })
    }
}

impl EncodeHeader for GetRouteInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        if let Some(value) = self.accept_standard_json_only {
            out.bool("acceptStandardJsonOnly", value);
        }
    }
}

/// Request header `WipeWritePermOfBrokerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WipeWritePermOfBrokerHeader<'a> {
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
}

impl<'a> WipeWritePermOfBrokerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "brokerName",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut broker_name = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "brokerName" => broker_name = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            broker_name: required("brokerName", broker_name)?,
        })
    }
}

impl EncodeHeader for WipeWritePermOfBrokerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("brokerName", &self.broker_name);
    }
}

/// Reply header `WipeWritePermOfBrokerResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WipeWritePermOfBrokerReply {
    /// Topics changed.
    pub wipe_topic_count: i32,
}

impl WipeWritePermOfBrokerReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "wipeTopicCount",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut wipe_topic_count = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "wipeTopicCount" => wipe_topic_count = Some(int("wipeTopicCount", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            wipe_topic_count: required("wipeTopicCount", wipe_topic_count)?,
        })
    }
}

impl EncodeHeader for WipeWritePermOfBrokerReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("wipeTopicCount", i64::from(self.wipe_topic_count));
    }
}

/// Request header `AddWritePermOfBrokerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddWritePermOfBrokerHeader<'a> {
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
}

impl<'a> AddWritePermOfBrokerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "brokerName",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut broker_name = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "brokerName" => broker_name = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            broker_name: required("brokerName", broker_name)?,
        })
    }
}

impl EncodeHeader for AddWritePermOfBrokerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("brokerName", &self.broker_name);
    }
}

/// Reply header `AddWritePermOfBrokerResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AddWritePermOfBrokerReply {
    /// Topics changed.
    pub add_topic_count: i32,
}

impl AddWritePermOfBrokerReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "addTopicCount",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut add_topic_count = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "addTopicCount" => add_topic_count = Some(int("addTopicCount", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            add_topic_count: required("addTopicCount", add_topic_count)?,
        })
    }
}

impl EncodeHeader for AddWritePermOfBrokerReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("addTopicCount", i64::from(self.add_topic_count));
    }
}

/// Request header `GetTopicsByClusterRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetTopicsByClusterHeader<'a> {
    /// Name of a cluster.
    pub cluster: Cow<'a, str>,
}

impl<'a> GetTopicsByClusterHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "cluster",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut cluster = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "cluster" => cluster = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster: required("cluster", cluster)?,
        })
    }
}

impl EncodeHeader for GetTopicsByClusterHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("cluster", &self.cluster);
    }
}

/// Request header `DeleteTopicFromNamesrvRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeleteTopicFromNamesrvHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Only in this cluster.
    pub cluster_name: Option<Cow<'a, str>>,
}

impl<'a> DeleteTopicFromNamesrvHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "clusterName",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut cluster_name = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "clusterName" => cluster_name = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            cluster_name,
        })
    }
}

impl EncodeHeader for DeleteTopicFromNamesrvHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        if let Some(value) = &self.cluster_name {
            out.str("clusterName", value);
        }
    }
}

/// Request header `RegisterTopicRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegisterTopicHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
}

impl<'a> RegisterTopicHeader<'a> {
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

impl EncodeHeader for RegisterTopicHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
    }
}

/// Request header `PutKVConfigRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PutKVConfigHeader<'a> {
    /// Namespace of the value.
    pub namespace: Cow<'a, str>,
    /// Key to look for.
    pub key: Cow<'a, str>,
    /// The value.
    pub value: Cow<'a, str>,
}

impl<'a> PutKVConfigHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "namespace",
        "key",
        "value",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut namespace = None;
        let mut key = None;
        let mut value = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "namespace" => namespace = Some(raw.to_str()),
                "key" => key = Some(raw.to_str()),
                "value" => value = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            namespace: required("namespace", namespace)?,
            key: required("key", key)?,
            value: required("value", value)?,
        })
    }
}

impl EncodeHeader for PutKVConfigHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("namespace", &self.namespace);
        out.str("key", &self.key);
        out.str("value", &self.value);
    }
}

/// Request header `GetKVConfigRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetKVConfigHeader<'a> {
    /// Namespace of the value.
    pub namespace: Cow<'a, str>,
    /// Key to look for.
    pub key: Cow<'a, str>,
}

impl<'a> GetKVConfigHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "namespace",
        "key",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut namespace = None;
        let mut key = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "namespace" => namespace = Some(raw.to_str()),
                "key" => key = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            namespace: required("namespace", namespace)?,
            key: required("key", key)?,
        })
    }
}

impl EncodeHeader for GetKVConfigHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("namespace", &self.namespace);
        out.str("key", &self.key);
    }
}

/// Reply header `GetKVConfigResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetKVConfigReply<'a> {
    /// The value.
    pub value: Option<Cow<'a, str>>,
}

impl<'a> GetKVConfigReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "value",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut value = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "value" => value = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            value,
        })
    }
}

impl EncodeHeader for GetKVConfigReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.value {
            out.str("value", value);
        }
    }
}

/// Request header `DeleteKVConfigRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeleteKVConfigHeader<'a> {
    /// Namespace of the value.
    pub namespace: Cow<'a, str>,
    /// Key to look for.
    pub key: Cow<'a, str>,
}

impl<'a> DeleteKVConfigHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "namespace",
        "key",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut namespace = None;
        let mut key = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "namespace" => namespace = Some(raw.to_str()),
                "key" => key = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            namespace: required("namespace", namespace)?,
            key: required("key", key)?,
        })
    }
}

impl EncodeHeader for DeleteKVConfigHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("namespace", &self.namespace);
        out.str("key", &self.key);
    }
}

/// Request header `GetKVListByNamespaceRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetKVListByNamespaceHeader<'a> {
    /// Namespace of the value.
    pub namespace: Cow<'a, str>,
}

impl<'a> GetKVListByNamespaceHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "namespace",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut namespace = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "namespace" => namespace = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            namespace: required("namespace", namespace)?,
        })
    }
}

impl EncodeHeader for GetKVListByNamespaceHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("namespace", &self.namespace);
    }
}
