// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! What brokers tell a nameserver.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};

/// Request header `RegisterBrokerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegisterBrokerHeader<'a> {
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
    /// ip:port of the broker.
    pub broker_addr: Cow<'a, str>,
    /// Cluster of the broker.
    pub cluster_name: Cow<'a, str>,
    /// ip:port for replication.
    pub ha_server_addr: Cow<'a, str>,
    /// 0 is the master.
    pub broker_id: i64,
    /// Silence after which the broker is dropped. In ms.
    pub heartbeat_timeout_millis: Option<i64>,
    /// The lowest slave may act for a lost master.
    pub enable_acting_master: Option<bool>,
    /// The body is compressed.
    pub compressed: Option<bool>,
    /// CRC-32 of the body as sent; 0 or absent: not checked.
    pub body_crc32: Option<i32>,
}

impl<'a> RegisterBrokerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "brokerName",
        "brokerAddr",
        "clusterName",
        "haServerAddr",
        "brokerId",
        "heartbeatTimeoutMillis",
        "enableActingMaster",
        "compressed",
        "bodyCrc32",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut broker_name = None;
        let mut broker_addr = None;
        let mut cluster_name = None;
        let mut ha_server_addr = None;
        let mut broker_id = None;
        let mut heartbeat_timeout_millis = None;
        let mut enable_acting_master = None;
        let mut compressed = None;
        let mut body_crc32 = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "brokerName" => broker_name = Some(raw.to_str()),
                "brokerAddr" => broker_addr = Some(raw.to_str()),
                "clusterName" => cluster_name = Some(raw.to_str()),
                "haServerAddr" => ha_server_addr = Some(raw.to_str()),
                "brokerId" => broker_id = Some(long("brokerId", raw)?),
                "heartbeatTimeoutMillis" => heartbeat_timeout_millis = Some(long("heartbeatTimeoutMillis", raw)?),
                "enableActingMaster" => enable_acting_master = Some(boolean("enableActingMaster", raw)?),
                "compressed" => compressed = Some(boolean("compressed", raw)?),
                "bodyCrc32" => body_crc32 = Some(int("bodyCrc32", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            broker_name: required("brokerName", broker_name)?,
            broker_addr: required("brokerAddr", broker_addr)?,
            cluster_name: required("clusterName", cluster_name)?,
            ha_server_addr: required("haServerAddr", ha_server_addr)?,
            broker_id: required("brokerId", broker_id)?,
            heartbeat_timeout_millis,
            enable_acting_master,
            compressed,
            body_crc32,
        })
    }
}

impl EncodeHeader for RegisterBrokerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("brokerName", &self.broker_name);
        out.str("brokerAddr", &self.broker_addr);
        out.str("clusterName", &self.cluster_name);
        out.str("haServerAddr", &self.ha_server_addr);
        out.int("brokerId", self.broker_id);
        if let Some(value) = self.heartbeat_timeout_millis {
            out.int("heartbeatTimeoutMillis", value);
        }
        if let Some(value) = self.enable_acting_master {
            out.bool("enableActingMaster", value);
        }
        if let Some(value) = self.compressed {
            out.bool("compressed", value);
        }
        if let Some(value) = self.body_crc32 {
            out.int("bodyCrc32", i64::from(value));
        }
    }
}

/// Reply header `RegisterBrokerResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegisterBrokerReply<'a> {
    /// Replication address of the master, for slaves.
    pub ha_server_addr: Option<Cow<'a, str>>,
    /// Address of the master, for slaves.
    pub master_addr: Option<Cow<'a, str>>,
}

impl<'a> RegisterBrokerReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "haServerAddr",
        "masterAddr",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut ha_server_addr = None;
        let mut master_addr = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "haServerAddr" => ha_server_addr = Some(raw.to_str()),
                "masterAddr" => master_addr = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            ha_server_addr,
            master_addr,
        })
    }
}

impl EncodeHeader for RegisterBrokerReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.ha_server_addr {
            out.str("haServerAddr", value);
        }
        if let Some(value) = &self.master_addr {
            out.str("masterAddr", value);
        }
    }
}

/// Request header `UnRegisterBrokerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UnRegisterBrokerHeader<'a> {
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
    /// ip:port of the broker.
    pub broker_addr: Cow<'a, str>,
    /// Cluster of the broker.
    pub cluster_name: Cow<'a, str>,
    /// 0 is the master.
    pub broker_id: i64,
}

impl<'a> UnRegisterBrokerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "brokerName",
        "brokerAddr",
        "clusterName",
        "brokerId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut broker_name = None;
        let mut broker_addr = None;
        let mut cluster_name = None;
        let mut broker_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "brokerName" => broker_name = Some(raw.to_str()),
                "brokerAddr" => broker_addr = Some(raw.to_str()),
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerId" => broker_id = Some(long("brokerId", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            broker_name: required("brokerName", broker_name)?,
            broker_addr: required("brokerAddr", broker_addr)?,
            cluster_name: required("clusterName", cluster_name)?,
            broker_id: required("brokerId", broker_id)?,
        })
    }
}

impl EncodeHeader for UnRegisterBrokerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("brokerName", &self.broker_name);
        out.str("brokerAddr", &self.broker_addr);
        out.str("clusterName", &self.cluster_name);
        out.int("brokerId", self.broker_id);
    }
}

/// Request header `QueryDataVersionRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueryDataVersionHeader<'a> {
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
    /// ip:port of the broker.
    pub broker_addr: Cow<'a, str>,
    /// Cluster of the broker.
    pub cluster_name: Cow<'a, str>,
    /// 0 is the master.
    pub broker_id: i64,
}

impl<'a> QueryDataVersionHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "brokerName",
        "brokerAddr",
        "clusterName",
        "brokerId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut broker_name = None;
        let mut broker_addr = None;
        let mut cluster_name = None;
        let mut broker_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "brokerName" => broker_name = Some(raw.to_str()),
                "brokerAddr" => broker_addr = Some(raw.to_str()),
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerId" => broker_id = Some(long("brokerId", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            broker_name: required("brokerName", broker_name)?,
            broker_addr: required("brokerAddr", broker_addr)?,
            cluster_name: required("clusterName", cluster_name)?,
            broker_id: required("brokerId", broker_id)?,
        })
    }
}

impl EncodeHeader for QueryDataVersionHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("brokerName", &self.broker_name);
        out.str("brokerAddr", &self.broker_addr);
        out.str("clusterName", &self.cluster_name);
        out.int("brokerId", self.broker_id);
    }
}

/// Reply header `QueryDataVersionResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueryDataVersionReply {
    /// The registered version differs.
    pub changed: bool,
}

impl QueryDataVersionReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "changed",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut changed = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "changed" => changed = Some(boolean("changed", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            changed: required("changed", changed)?,
        })
    }
}

impl EncodeHeader for QueryDataVersionReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.bool("changed", self.changed);
    }
}

/// Request header `GetBrokerMemberGroupRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetBrokerMemberGroupHeader<'a> {
    /// Cluster of the broker.
    pub cluster_name: Cow<'a, str>,
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
}

impl<'a> GetBrokerMemberGroupHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clusterName",
        "brokerName",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut cluster_name = None;
        let mut broker_name = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster_name: required("clusterName", cluster_name)?,
            broker_name: required("brokerName", broker_name)?,
        })
    }
}

impl EncodeHeader for GetBrokerMemberGroupHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("clusterName", &self.cluster_name);
        out.str("brokerName", &self.broker_name);
    }
}

/// Request header `BrokerHeartbeatRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BrokerHeartbeatHeader<'a> {
    /// Cluster of the broker.
    pub cluster_name: Cow<'a, str>,
    /// ip:port of the broker.
    pub broker_addr: Cow<'a, str>,
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
    /// 0 is the master.
    pub broker_id: Option<i64>,
    /// Epoch of the master.
    pub epoch: Option<i32>,
    /// End of the commit log. In bytes.
    pub max_offset: Option<i64>,
    /// Position confirmed by the in-sync replicas. In bytes.
    pub confirm_offset: Option<i64>,
    /// Silence after which the broker is dropped. The wire name is misspelt. In ms.
    pub heartbeat_timeout_millis: Option<i64>,
    /// Smaller is preferred in elections.
    pub election_priority: Option<i32>,
}

impl<'a> BrokerHeartbeatHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clusterName",
        "brokerAddr",
        "brokerName",
        "brokerId",
        "epoch",
        "maxOffset",
        "confirmOffset",
        "heartbeatTimeoutMills",
        "electionPriority",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut cluster_name = None;
        let mut broker_addr = None;
        let mut broker_name = None;
        let mut broker_id = None;
        let mut epoch = None;
        let mut max_offset = None;
        let mut confirm_offset = None;
        let mut heartbeat_timeout_millis = None;
        let mut election_priority = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerAddr" => broker_addr = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                "brokerId" => broker_id = Some(long("brokerId", raw)?),
                "epoch" => epoch = Some(int("epoch", raw)?),
                "maxOffset" => max_offset = Some(long("maxOffset", raw)?),
                "confirmOffset" => confirm_offset = Some(long("confirmOffset", raw)?),
                "heartbeatTimeoutMills" => heartbeat_timeout_millis = Some(long("heartbeatTimeoutMills", raw)?),
                "electionPriority" => election_priority = Some(int("electionPriority", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster_name: required("clusterName", cluster_name)?,
            broker_addr: required("brokerAddr", broker_addr)?,
            broker_name: required("brokerName", broker_name)?,
            broker_id,
            epoch,
            max_offset,
            confirm_offset,
            heartbeat_timeout_millis,
            election_priority,
        })
    }
}

impl EncodeHeader for BrokerHeartbeatHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("clusterName", &self.cluster_name);
        out.str("brokerAddr", &self.broker_addr);
        out.str("brokerName", &self.broker_name);
        if let Some(value) = self.broker_id {
            out.int("brokerId", value);
        }
        if let Some(value) = self.epoch {
            out.int("epoch", i64::from(value));
        }
        if let Some(value) = self.max_offset {
            out.int("maxOffset", value);
        }
        if let Some(value) = self.confirm_offset {
            out.int("confirmOffset", value);
        }
        if let Some(value) = self.heartbeat_timeout_millis {
            out.int("heartbeatTimeoutMills", value);
        }
        if let Some(value) = self.election_priority {
            out.int("electionPriority", i64::from(value));
        }
    }
}
