// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Registration of brokers with a controller.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};

/// Request header `RegisterBrokerToControllerRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegisterBrokerToControllerHeader<'a> {
    /// Cluster of the broker.
    pub cluster_name: Option<Cow<'a, str>>,
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
    /// 0 is the master.
    pub broker_id: Option<i64>,
    /// Address of the broker.
    pub broker_address: Option<Cow<'a, str>>,
    /// When the request was made. In ms since 1970.
    pub invoke_time: Option<i64>,
}

impl<'a> RegisterBrokerToControllerHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clusterName",
        "brokerName",
        "brokerId",
        "brokerAddress",
        "invokeTime",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut cluster_name = None;
        let mut broker_name = None;
        let mut broker_id = None;
        let mut broker_address = None;
        let mut invoke_time = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                "brokerId" => broker_id = Some(long("brokerId", raw)?),
                "brokerAddress" => broker_address = Some(raw.to_str()),
                "invokeTime" => invoke_time = Some(long("invokeTime", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster_name,
            broker_name,
            broker_id,
            broker_address,
            invoke_time,
        })
    }
}

impl EncodeHeader for RegisterBrokerToControllerHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.cluster_name {
            out.str("clusterName", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
        if let Some(value) = self.broker_id {
            out.int("brokerId", value);
        }
        if let Some(value) = &self.broker_address {
            out.str("brokerAddress", value);
        }
        if let Some(value) = self.invoke_time {
            out.int("invokeTime", value);
        }
    }
}

/// Reply header `RegisterBrokerToControllerResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RegisterBrokerToControllerReply<'a> {
    /// Cluster of the broker.
    pub cluster_name: Option<Cow<'a, str>>,
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
    /// Id of the master.
    pub master_broker_id: Option<i64>,
    /// Address of the master.
    pub master_address: Option<Cow<'a, str>>,
    /// Epoch of the master.
    pub master_epoch: Option<i32>,
    /// Version of the in-sync set.
    pub sync_state_set_epoch: Option<i32>,
}

impl<'a> RegisterBrokerToControllerReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clusterName",
        "brokerName",
        "masterBrokerId",
        "masterAddress",
        "masterEpoch",
        "syncStateSetEpoch",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut cluster_name = None;
        let mut broker_name = None;
        let mut master_broker_id = None;
        let mut master_address = None;
        let mut master_epoch = None;
        let mut sync_state_set_epoch = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                "masterBrokerId" => master_broker_id = Some(long("masterBrokerId", raw)?),
                "masterAddress" => master_address = Some(raw.to_str()),
                "masterEpoch" => master_epoch = Some(int("masterEpoch", raw)?),
                "syncStateSetEpoch" => sync_state_set_epoch = Some(int("syncStateSetEpoch", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster_name,
            broker_name,
            master_broker_id,
            master_address,
            master_epoch,
            sync_state_set_epoch,
        })
    }
}

impl EncodeHeader for RegisterBrokerToControllerReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.cluster_name {
            out.str("clusterName", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
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

/// Request header `CleanControllerBrokerDataRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CleanControllerBrokerDataHeader<'a> {
    /// Cluster of the broker.
    pub cluster_name: Option<Cow<'a, str>>,
    /// Name shared by a master and its slaves.
    pub broker_name: Cow<'a, str>,
    /// Broker ids, separated by ;.
    pub broker_controller_ids_to_clean: Option<Cow<'a, str>>,
    /// Remove even brokers that are alive.
    pub is_clean_living_broker: Option<bool>,
    /// When the request was made. In ms since 1970.
    pub invoke_time: Option<i64>,
}

impl<'a> CleanControllerBrokerDataHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clusterName",
        "brokerName",
        "brokerControllerIdsToClean",
        "isCleanLivingBroker",
        "invokeTime",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut broker_name = None;
        let mut cluster_name = None;
        let mut broker_controller_ids_to_clean = None;
        let mut is_clean_living_broker = None;
        let mut invoke_time = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                "brokerControllerIdsToClean" => broker_controller_ids_to_clean = Some(raw.to_str()),
                "isCleanLivingBroker" => is_clean_living_broker = Some(boolean("isCleanLivingBroker", raw)?),
                "invokeTime" => invoke_time = Some(long("invokeTime", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster_name,
            broker_name: required("brokerName", broker_name)?,
            broker_controller_ids_to_clean,
            is_clean_living_broker,
            invoke_time,
        })
    }
}

impl EncodeHeader for CleanControllerBrokerDataHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.cluster_name {
            out.str("clusterName", value);
        }
        out.str("brokerName", &self.broker_name);
        if let Some(value) = &self.broker_controller_ids_to_clean {
            out.str("brokerControllerIdsToClean", value);
        }
        if let Some(value) = self.is_clean_living_broker {
            out.bool("isCleanLivingBroker", value);
        }
        if let Some(value) = self.invoke_time {
            out.int("invokeTime", value);
        }
    }
}

/// Request header `GetNextBrokerIdRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetNextBrokerIdHeader<'a> {
    /// Cluster of the broker.
    pub cluster_name: Option<Cow<'a, str>>,
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
}

impl<'a> GetNextBrokerIdHeader<'a> {
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
            cluster_name,
            broker_name,
        })
    }
}

impl EncodeHeader for GetNextBrokerIdHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.cluster_name {
            out.str("clusterName", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
    }
}

/// Reply header `GetNextBrokerIdResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GetNextBrokerIdReply<'a> {
    /// Cluster of the broker.
    pub cluster_name: Option<Cow<'a, str>>,
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
    /// Next free broker id.
    pub next_broker_id: Option<i64>,
}

impl<'a> GetNextBrokerIdReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clusterName",
        "brokerName",
        "nextBrokerId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut cluster_name = None;
        let mut broker_name = None;
        let mut next_broker_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                "nextBrokerId" => next_broker_id = Some(long("nextBrokerId", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster_name,
            broker_name,
            next_broker_id,
        })
    }
}

impl EncodeHeader for GetNextBrokerIdReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.cluster_name {
            out.str("clusterName", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
        if let Some(value) = self.next_broker_id {
            out.int("nextBrokerId", value);
        }
    }
}

/// Request header `ApplyBrokerIdRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ApplyBrokerIdHeader<'a> {
    /// Cluster of the broker.
    pub cluster_name: Option<Cow<'a, str>>,
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
    /// The id wanted.
    pub applied_broker_id: Option<i64>,
    /// Proof that the same broker asks again.
    pub register_check_code: Option<Cow<'a, str>>,
}

impl<'a> ApplyBrokerIdHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "clusterName",
        "brokerName",
        "appliedBrokerId",
        "registerCheckCode",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut cluster_name = None;
        let mut broker_name = None;
        let mut applied_broker_id = None;
        let mut register_check_code = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "clusterName" => cluster_name = Some(raw.to_str()),
                "brokerName" => broker_name = Some(raw.to_str()),
                "appliedBrokerId" => applied_broker_id = Some(long("appliedBrokerId", raw)?),
                "registerCheckCode" => register_check_code = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            cluster_name,
            broker_name,
            applied_broker_id,
            register_check_code,
        })
    }
}

impl EncodeHeader for ApplyBrokerIdHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.cluster_name {
            out.str("clusterName", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
        if let Some(value) = self.applied_broker_id {
            out.int("appliedBrokerId", value);
        }
        if let Some(value) = &self.register_check_code {
            out.str("registerCheckCode", value);
        }
    }
}

/// Reply header `ApplyBrokerIdResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ApplyBrokerIdReply<'a> {
    /// Cluster of the broker.
    pub cluster_name: Option<Cow<'a, str>>,
    /// Name shared by a master and its slaves.
    pub broker_name: Option<Cow<'a, str>>,
}

impl<'a> ApplyBrokerIdReply<'a> {
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
            cluster_name,
            broker_name,
        })
    }
}

impl EncodeHeader for ApplyBrokerIdReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if let Some(value) = &self.cluster_name {
            out.str("clusterName", value);
        }
        if let Some(value) = &self.broker_name {
            out.str("brokerName", value);
        }
    }
}
