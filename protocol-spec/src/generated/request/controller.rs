// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Election of masters, and the controller itself.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{AlterSyncStateSetHeader, ElectMasterHeader, GetReplicaInfoHeader};

/// Code 1001. A master changes its set of in-sync replicas.
#[derive(Clone, Copy, Debug)]
pub struct ControllerAlterSyncStateSet;

impl RequestHeader for ControllerAlterSyncStateSet {
    const CODE: RequestCode = RequestCode::CONTROLLER_ALTER_SYNC_STATE_SET;
    const NAME: &'static str = "CONTROLLER_ALTER_SYNC_STATE_SET";
    const LANE: Lane = Lane::Admin;
    type View<'a> = AlterSyncStateSetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<AlterSyncStateSetHeader<'a>, HeaderError> {
        AlterSyncStateSetHeader::decode(fields)
    }
}

/// Code 1002. Elects a master, or a chosen one.
#[derive(Clone, Copy, Debug)]
pub struct ControllerElectMaster;

impl RequestHeader for ControllerElectMaster {
    const CODE: RequestCode = RequestCode::CONTROLLER_ELECT_MASTER;
    const NAME: &'static str = "CONTROLLER_ELECT_MASTER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ElectMasterHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ElectMasterHeader<'a>, HeaderError> {
        ElectMasterHeader::decode(fields)
    }
}

/// Code 1004. The master of a broker name.
#[derive(Clone, Copy, Debug)]
pub struct ControllerGetReplicaInfo;

impl RequestHeader for ControllerGetReplicaInfo {
    const CODE: RequestCode = RequestCode::CONTROLLER_GET_REPLICA_INFO;
    const NAME: &'static str = "CONTROLLER_GET_REPLICA_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetReplicaInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetReplicaInfoHeader<'a>, HeaderError> {
        GetReplicaInfoHeader::decode(fields)
    }
}

/// Code 1005. Leader and peers of the controller.
#[derive(Clone, Copy, Debug)]
pub struct ControllerGetMetadataInfo;

impl RequestHeader for ControllerGetMetadataInfo {
    const CODE: RequestCode = RequestCode::CONTROLLER_GET_METADATA_INFO;
    const NAME: &'static str = "CONTROLLER_GET_METADATA_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1006. In-sync sets of several brokers.
#[derive(Clone, Copy, Debug)]
pub struct ControllerGetSyncStateData;

impl RequestHeader for ControllerGetSyncStateData {
    const CODE: RequestCode = RequestCode::CONTROLLER_GET_SYNC_STATE_DATA;
    const NAME: &'static str = "CONTROLLER_GET_SYNC_STATE_DATA";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1009. Changes configuration keys of the controller.
#[derive(Clone, Copy, Debug)]
pub struct UpdateControllerConfig;

impl RequestHeader for UpdateControllerConfig {
    const CODE: RequestCode = RequestCode::UPDATE_CONTROLLER_CONFIG;
    const NAME: &'static str = "UPDATE_CONTROLLER_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1010. The controller's configuration.
#[derive(Clone, Copy, Debug)]
pub struct GetControllerConfig;

impl RequestHeader for GetControllerConfig {
    const CODE: RequestCode = RequestCode::GET_CONTROLLER_CONFIG;
    const NAME: &'static str = "GET_CONTROLLER_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1014. Internal to the JRaft controller.
#[derive(Clone, Copy, Debug)]
pub struct BrokerCloseChannelRequest;

impl RequestHeader for BrokerCloseChannelRequest {
    const CODE: RequestCode = RequestCode::BROKER_CLOSE_CHANNEL_REQUEST;
    const NAME: &'static str = "BROKER_CLOSE_CHANNEL_REQUEST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1015. Internal to the JRaft controller.
#[derive(Clone, Copy, Debug)]
pub struct CheckNotActiveBrokerRequest;

impl RequestHeader for CheckNotActiveBrokerRequest {
    const CODE: RequestCode = RequestCode::CHECK_NOT_ACTIVE_BROKER_REQUEST;
    const NAME: &'static str = "CHECK_NOT_ACTIVE_BROKER_REQUEST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1016. Internal to the JRaft controller.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerLiveInfoRequest;

impl RequestHeader for GetBrokerLiveInfoRequest {
    const CODE: RequestCode = RequestCode::GET_BROKER_LIVE_INFO_REQUEST;
    const NAME: &'static str = "GET_BROKER_LIVE_INFO_REQUEST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1017. Internal to the JRaft controller.
#[derive(Clone, Copy, Debug)]
pub struct GetSyncStateDataRequest;

impl RequestHeader for GetSyncStateDataRequest {
    const CODE: RequestCode = RequestCode::GET_SYNC_STATE_DATA_REQUEST;
    const NAME: &'static str = "GET_SYNC_STATE_DATA_REQUEST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1018. Internal to the JRaft controller.
#[derive(Clone, Copy, Debug)]
pub struct RaftBrokerHeartBeatEventRequest;

impl RequestHeader for RaftBrokerHeartBeatEventRequest {
    const CODE: RequestCode = RequestCode::RAFT_BROKER_HEART_BEAT_EVENT_REQUEST;
    const NAME: &'static str = "RAFT_BROKER_HEART_BEAT_EVENT_REQUEST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}
