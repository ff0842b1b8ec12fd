// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Replication between a master and its slaves, and broker containers.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    AddBrokerHeader, ExchangeHAInfoHeader, NotifyBrokerRoleChangedHeader,
    NotifyMinBrokerIdChangeHeader, RemoveBrokerHeader, ResetMasterFlushOffsetHeader,
};

/// Code 902. Starts one more broker in a broker container.
#[derive(Clone, Copy, Debug)]
pub struct AddBroker;

impl RequestHeader for AddBroker {
    const CODE: RequestCode = RequestCode::ADD_BROKER;
    const NAME: &'static str = "ADD_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = AddBrokerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<AddBrokerHeader<'a>, HeaderError> {
        AddBrokerHeader::decode(fields)
    }
}

/// Code 903. Stops a broker in a broker container.
#[derive(Clone, Copy, Debug)]
pub struct RemoveBroker;

impl RequestHeader for RemoveBroker {
    const CODE: RequestCode = RequestCode::REMOVE_BROKER;
    const NAME: &'static str = "REMOVE_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = RemoveBrokerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<RemoveBrokerHeader<'a>, HeaderError> {
        RemoveBrokerHeader::decode(fields)
    }
}

/// Code 905. The lowest broker id of a replica group has changed.
#[derive(Clone, Copy, Debug)]
pub struct NotifyMinBrokerIdChange;

impl RequestHeader for NotifyMinBrokerIdChange {
    const CODE: RequestCode = RequestCode::NOTIFY_MIN_BROKER_ID_CHANGE;
    const NAME: &'static str = "NOTIFY_MIN_BROKER_ID_CHANGE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = NotifyMinBrokerIdChangeHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<NotifyMinBrokerIdChangeHeader<'a>, HeaderError> {
        NotifyMinBrokerIdChangeHeader::decode(fields)
    }
}

/// Code 906. A slave and a master exchange their replication addresses.
#[derive(Clone, Copy, Debug)]
pub struct ExchangeBrokerHaInfo;

impl RequestHeader for ExchangeBrokerHaInfo {
    const CODE: RequestCode = RequestCode::EXCHANGE_BROKER_HA_INFO;
    const NAME: &'static str = "EXCHANGE_BROKER_HA_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ExchangeHAInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ExchangeHAInfoHeader<'a>, HeaderError> {
        ExchangeHAInfoHeader::decode(fields)
    }
}

/// Code 907. Replication state: role, connections, positions.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerHaStatus;

impl RequestHeader for GetBrokerHaStatus {
    const CODE: RequestCode = RequestCode::GET_BROKER_HA_STATUS;
    const NAME: &'static str = "GET_BROKER_HA_STATUS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 908. Sets the flushed position that a master last reported.
#[derive(Clone, Copy, Debug)]
pub struct ResetMasterFlushOffset;

impl RequestHeader for ResetMasterFlushOffset {
    const CODE: RequestCode = RequestCode::RESET_MASTER_FLUSH_OFFSET;
    const NAME: &'static str = "RESET_MASTER_FLUSH_OFFSET";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ResetMasterFlushOffsetHeader;

    fn decode(fields: &Fields<'_>) -> Result<ResetMasterFlushOffsetHeader, HeaderError> {
        ResetMasterFlushOffsetHeader::decode(fields)
    }
}

/// Code 1007. The epochs of a replica's log.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerEpochCache;

impl RequestHeader for GetBrokerEpochCache {
    const CODE: RequestCode = RequestCode::GET_BROKER_EPOCH_CACHE;
    const NAME: &'static str = "GET_BROKER_EPOCH_CACHE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 1008. The controller announces a new master or in-sync set.
#[derive(Clone, Copy, Debug)]
pub struct NotifyBrokerRoleChanged;

impl RequestHeader for NotifyBrokerRoleChanged {
    const CODE: RequestCode = RequestCode::NOTIFY_BROKER_ROLE_CHANGED;
    const NAME: &'static str = "NOTIFY_BROKER_ROLE_CHANGED";
    const LANE: Lane = Lane::Admin;
    type View<'a> = NotifyBrokerRoleChangedHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<NotifyBrokerRoleChangedHeader<'a>, HeaderError> {
        NotifyBrokerRoleChangedHeader::decode(fields)
    }
}
