// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Election of masters, and the controller itself.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};

/// Request header `AlterSyncStateSetRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AlterSyncStateSetHeader<'a> {
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
    /// Id of the master.
    pub master_broker_id: Option<i64>,
    /// Epoch of the master.
    pub master_epoch: Option<i32>,
    /// When the request was made. In ms since 1970.
    pub invoke_time: Option<i64>,
}

impl<'a> AlterSyncStateSetHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "brokerName",
        "masterBrokerId",
        "masterEpoch",
        "invokeTime",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut broker_name = None;
        let mut master_broker_id = None;
        let mut master_epoch = None;
        let mut invoke_time = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "brokerName" => broker_name = Some(raw.to_str()),
                "masterBrokerId" => master_broker_id = Some(long("masterBrokerId", raw)?),
                "masterEpoch" => master_epoch = Some(int("masterEpoch", raw)?),
                "invokeTime" => invoke_time = Some(long("invokeTime", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            broker_name,
            master_broker_id,
            master_epoch,
            invoke_time,
        })
    }
}

impl EncodeHeader for AlterSyncStateSetHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
        if let Some(value) = self.master_broker_id {
            out.int("masterBrokerId", value);
        }
        if let Some(value) = self.master_epoch {
            out.int("masterEpoch", i64::from(value));
        }
        if let Some(value) = self.invoke_time {
            out.int("invokeTime", value);
        }
    }
}

/// Reply header `AlterSyncStateSetResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AlterSyncStateSetReply {
    /// Version after the change.
    pub new_sync_state_set_epoch: Option<i32>,
}

impl AlterSyncStateSetReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "newSyncStateSetEpoch",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut new_sync_state_set_epoch = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "newSyncStateSetEpoch" => new_sync_state_set_epoch = Some(int("newSyncStateSetEpoch", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            new_sync_state_set_epoch,
        })
    }
}

impl EncodeHeader for AlterSyncStateSetReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = self.new_sync_state_set_epoch {
            out.int("newSyncStateSetEpoch", i64::from(value));
        }
    }
}

/// Request header `ElectMasterRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ElectMasterHeader<'a> {
    /// Cluster of the broker.
    pub cluster_name: Cow<'a, str>,
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
    /// 0 is the master.
    pub broker_id: i64,
    /// Elect the broker named and no other.
    pub designate_elect: bool,
    /// When the request was made. In ms since 1970.
    pub invoke_time: Option<i64>,
}

impl<'a> ElectMasterHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clusterName",
        "brokerName",
        "brokerId",
        "designateElect",
        "invokeTime",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut cluster_name = None;
        let mut broker_name = None;
        let mut broker_id = None;
        let mut designate_elect = None;
        let mut invoke_time = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                "brokerId" => broker_id = Some(long("brokerId", raw)?),
                "designateElect" => designate_elect = Some(boolean("designateElect", raw)?),
                "invokeTime" => invoke_time = Some(long("invokeTime", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster_name: required("clusterName", cluster_name)?,
            broker_name: required("brokerName", broker_name)?,
            broker_id: required("brokerId", broker_id)?,
            designate_elect: required("designateElect", designate_elect)?,
            invoke_time,
        })
    }
}

impl EncodeHeader for ElectMasterHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("clusterName", &self.cluster_name);
        out.str("brokerName", &self.broker_name);
        out.int("brokerId", self.broker_id);
        out.bool("designateElect", self.designate_elect);
        if let Some(value) = self.invoke_time {
            out.int("invokeTime", value);
        }
    }
}

/// Reply header `ElectMasterResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ElectMasterReply<'a> {
    /// Id of the master.
    pub master_broker_id: Option<i64>,
    /// Address of the master.
    pub master_address: Option<Cow<'a, str>>,
    /// Epoch of the master.
    pub master_epoch: Option<i32>,
    /// Version of the in-sync set.
    pub sync_state_set_epoch: Option<i32>,
}

impl<'a> ElectMasterReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "masterBrokerId",
        "masterAddress",
        "masterEpoch",
        "syncStateSetEpoch",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut master_broker_id = None;
        let mut master_address = None;
        let mut master_epoch = None;
        let mut sync_state_set_epoch = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "masterBrokerId" => master_broker_id = Some(long("masterBrokerId", raw)?),
                "masterAddress" => master_address = Some(raw.to_str()),
                "masterEpoch" => master_epoch = Some(int("masterEpoch", raw)?),
                "syncStateSetEpoch" => sync_state_set_epoch = Some(int("syncStateSetEpoch", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            master_broker_id,
            master_address,
            master_epoch,
            sync_state_set_epoch,
        })
    }
}

impl EncodeHeader for ElectMasterReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = self.master_broker_id {
            out.int("masterBrokerId", value);
        }
        if let Some(value) = &self.master_address {
            out.str("masterAddress", value);
        }
        if let Some(value) = self.master_epoch {
            out.int("masterEpoch", i64::from(value));
        }
        if let Some(value) = self.sync_state_set_epoch {
            out.int("syncStateSetEpoch", i64::from(value));
        }
    }
}

/// Request header `GetReplicaInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetReplicaInfoHeader<'a> {
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
}

impl<'a> GetReplicaInfoHeader<'a> {
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
            broker_name,
        })
    }
}

impl EncodeHeader for GetReplicaInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
    }
}

/// Reply header `GetReplicaInfoResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetReplicaInfoReply<'a> {
    /// Id of the master.
    pub master_broker_id: Option<i64>,
    /// Address of the master.
    pub master_address: Option<Cow<'a, str>>,
    /// Epoch of the master.
    pub master_epoch: Option<i32>,
}

impl<'a> GetReplicaInfoReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "masterBrokerId",
        "masterAddress",
        "masterEpoch",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut master_broker_id = None;
        let mut master_address = None;
        let mut master_epoch = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "masterBrokerId" => master_broker_id = Some(long("masterBrokerId", raw)?),
                "masterAddress" => master_address = Some(raw.to_str()),
                "masterEpoch" => master_epoch = Some(int("masterEpoch", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            master_broker_id,
            master_address,
            master_epoch,
        })
    }
}

impl EncodeHeader for GetReplicaInfoReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = self.master_broker_id {
            out.int("masterBrokerId", value);
        }
        if let Some(value) = &self.master_address {
            out.str("masterAddress", value);
        }
        if let Some(value) = self.master_epoch {
            out.int("masterEpoch", i64::from(value));
        }
    }
}

/// Reply header `GetMetaDataResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetMetaDataReply<'a> {
    /// Name of the controller group.
    pub group: Option<Cow<'a, str>>,
    /// Id of the leader.
    pub controller_leader_id: Option<Cow<'a, str>>,
    /// Address of the leader.
    pub controller_leader_address: Option<Cow<'a, str>>,
    /// The answering node is the leader.
    pub is_leader: Option<bool>,
    /// id-address, joined by ;.
    pub peers: Option<Cow<'a, str>>,
}

impl<'a> GetMetaDataReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "group",
        "controllerLeaderId",
        "controllerLeaderAddress",
        "isLeader",
        "peers",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut group = None;
        let mut controller_leader_id = None;
        let mut controller_leader_address = None;
        let mut is_leader = None;
        let mut peers = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "group" => group = Some(raw.to_str()),
                "controllerLeaderId" => controller_leader_id = Some(raw.to_str()),
                "controllerLeaderAddress" => controller_leader_address = Some(raw.to_str()),
                "isLeader" => is_leader = Some(boolean("isLeader", raw)?),
                "peers" => peers = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            group,
            controller_leader_id,
            controller_leader_address,
            is_leader,
            peers,
        })
    }
}

impl EncodeHeader for GetMetaDataReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.group {
            out.str("group", value);
        }
        if let Some(value) = &self.controller_leader_id {
            out.str("controllerLeaderId", value);
        }
        if let Some(value) = &self.controller_leader_address {
            out.str("controllerLeaderAddress", value);
        }
        if let Some(value) = self.is_leader {
            out.bool("isLeader", value);
        }
        if let Some(value) = &self.peers {
            out.str("peers", value);
        }
    }
}
