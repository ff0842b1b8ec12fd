// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Replication between a master and its slaves, and broker containers.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{int, long, required};

/// Request header `AddBrokerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AddBrokerHeader<'a> {
    /// Path of a configuration file on the broker.
    pub config_path: Option<Cow<'a, str>>,
}

impl<'a> AddBrokerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "configPath",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut config_path = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "configPath" => config_path = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            config_path,
        })
    }
}

impl EncodeHeader for AddBrokerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.config_path {
            out.str("configPath", value);
        }
    }
}

/// Request header `RemoveBrokerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RemoveBrokerHeader<'a> {
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
    /// Cluster of the broker.
    pub broker_cluster_name: Cow<'a, str>,
    /// Id of the broker to stop.
    pub broker_id: i64,
}

impl<'a> RemoveBrokerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "brokerName",
        "brokerClusterName",
        "brokerId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut broker_name = None;
        let mut broker_cluster_name = None;
        let mut broker_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "brokerName" => broker_name = Some(raw.to_str()),
                "brokerClusterName" => broker_cluster_name = Some(raw.to_str()),
                "brokerId" => broker_id = Some(long("brokerId", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            broker_name: required("brokerName", broker_name)?,
            broker_cluster_name: required("brokerClusterName", broker_cluster_name)?,
            broker_id: required("brokerId", broker_id)?,
        })
    }
}

impl EncodeHeader for RemoveBrokerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("brokerName", &self.broker_name);
        out.str("brokerClusterName", &self.broker_cluster_name);
        out.int("brokerId", self.broker_id);
    }
}

/// Request header `NotifyMinBrokerIdChangeRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotifyMinBrokerIdChangeHeader<'a> {
    /// Lowest id alive.
    pub min_broker_id: Option<i64>,
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
    /// Its address.
    pub min_broker_addr: Option<Cow<'a, str>>,
    /// Address that was lost.
    pub offline_broker_addr: Option<Cow<'a, str>>,
    /// Replication address of the master.
    pub ha_broker_addr: Option<Cow<'a, str>>,
}

impl<'a> NotifyMinBrokerIdChangeHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "minBrokerId",
        "brokerName",
        "minBrokerAddr",
        "offlineBrokerAddr",
        "haBrokerAddr",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut min_broker_id = None;
        let mut broker_name = None;
        let mut min_broker_addr = None;
        let mut offline_broker_addr = None;
        let mut ha_broker_addr = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "minBrokerId" => min_broker_id = Some(long("minBrokerId", raw)?),
                "brokerName" => broker_name = Some(raw.to_str()),
                "minBrokerAddr" => min_broker_addr = Some(raw.to_str()),
                "offlineBrokerAddr" => offline_broker_addr = Some(raw.to_str()),
                "haBrokerAddr" => ha_broker_addr = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            min_broker_id,
            broker_name,
            min_broker_addr,
            offline_broker_addr,
            ha_broker_addr,
        })
    }
}

impl EncodeHeader for NotifyMinBrokerIdChangeHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = self.min_broker_id {
            out.int("minBrokerId", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
        if let Some(value) = &self.min_broker_addr {
            out.str("minBrokerAddr", value);
        }
        if let Some(value) = &self.offline_broker_addr {
            out.str("offlineBrokerAddr", value);
        }
        if let Some(value) = &self.ha_broker_addr {
            out.str("haBrokerAddr", value);
        }
    }
}

/// Request header `ExchangeHAInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExchangeHAInfoHeader<'a> {
    /// Replication address of the master.
    pub master_ha_address: Option<Cow<'a, str>>,
    /// Flushed position of the master. In bytes.
    pub master_flush_offset: Option<i64>,
    /// Address of the master.
    pub master_address: Option<Cow<'a, str>>,
}

impl<'a> ExchangeHAInfoHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "masterHaAddress",
        "masterFlushOffset",
        "masterAddress",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut master_ha_address = None;
        let mut master_flush_offset = None;
        let mut master_address = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "masterHaAddress" => master_ha_address = Some(raw.to_str()),
                "masterFlushOffset" => master_flush_offset = Some(long("masterFlushOffset", raw)?),
                "masterAddress" => master_address = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            master_ha_address,
            master_flush_offset,
            master_address,
        })
    }
}

impl EncodeHeader for ExchangeHAInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.master_ha_address {
            out.str("masterHaAddress", value);
        }
        if let Some(value) = self.master_flush_offset {
            out.int("masterFlushOffset", value);
        }
        if let Some(value) = &self.master_address {
            out.str("masterAddress", value);
        }
    }
}

/// Reply header `ExchangeHAInfoResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExchangeHAInfoReply<'a> {
    /// Replication address of the master.
    pub master_ha_address: Option<Cow<'a, str>>,
    /// Flushed position of the master. In bytes.
    pub master_flush_offset: Option<i64>,
    /// Address of the master.
    pub master_address: Option<Cow<'a, str>>,
}

impl<'a> ExchangeHAInfoReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "masterHaAddress",
        "masterFlushOffset",
        "masterAddress",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut master_ha_address = None;
        let mut master_flush_offset = None;
        let mut master_address = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "masterHaAddress" => master_ha_address = Some(raw.to_str()),
                "masterFlushOffset" => master_flush_offset = Some(long("masterFlushOffset", raw)?),
                "masterAddress" => master_address = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            master_ha_address,
            master_flush_offset,
            master_address,
        })
    }
}

impl EncodeHeader for ExchangeHAInfoReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.master_ha_address {
            out.str("masterHaAddress", value);
        }
        if let Some(value) = self.master_flush_offset {
            out.int("masterFlushOffset", value);
        }
        if let Some(value) = &self.master_address {
            out.str("masterAddress", value);
        }
    }
}

/// Request header `ResetMasterFlushOffsetHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ResetMasterFlushOffsetHeader {
    /// Flushed position of the master. In bytes.
    pub master_flush_offset: i64,
}

impl ResetMasterFlushOffsetHeader {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "masterFlushOffset",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut master_flush_offset = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "masterFlushOffset" => master_flush_offset = Some(long("masterFlushOffset", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            master_flush_offset: required("masterFlushOffset", master_flush_offset)?,
        })
    }
}

impl EncodeHeader for ResetMasterFlushOffsetHeader {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("masterFlushOffset", self.master_flush_offset);
    }
}

/// Request header `NotifyBrokerRoleChangedRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotifyBrokerRoleChangedHeader<'a> {
    /// Address of the master.
    pub master_address: Option<Cow<'a, str>>,
    /// Epoch of the master.
    pub master_epoch: Option<i32>,
    /// Version of the in-sync set.
    pub sync_state_set_epoch: Option<i32>,
    /// Id of the master.
    pub master_broker_id: Option<i64>,
}

impl<'a> NotifyBrokerRoleChangedHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "masterAddress",
        "masterEpoch",
        "syncStateSetEpoch",
        "masterBrokerId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut master_address = None;
        let mut master_epoch = None;
        let mut sync_state_set_epoch = None;
        let mut master_broker_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "masterAddress" => master_address = Some(raw.to_str()),
                "masterEpoch" => master_epoch = Some(int("masterEpoch", raw)?),
                "syncStateSetEpoch" => sync_state_set_epoch = Some(int("syncStateSetEpoch", raw)?),
                "masterBrokerId" => master_broker_id = Some(long("masterBrokerId", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            master_address,
            master_epoch,
            sync_state_set_epoch,
            master_broker_id,
        })
    }
}

impl EncodeHeader for NotifyBrokerRoleChangedHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.master_address {
            out.str("masterAddress", value);
        }
        if let Some(value) = self.master_epoch {
            out.int("masterEpoch", i64::from(value));
        }
        if let Some(value) = self.sync_state_set_epoch {
            out.int("syncStateSetEpoch", i64::from(value));
        }
        if let Some(value) = self.master_broker_id {
            out.int("masterBrokerId", value);
        }
    }
}
