// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Registration of brokers with a controller.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    ApplyBrokerIdHeader, CleanControllerBrokerDataHeader, GetNextBrokerIdHeader,
    RegisterBrokerToControllerHeader,
};

/// Code 1003. A broker registers with its id.
#[derive(Clone, Copy, Debug)]
pub struct ControllerRegisterBroker;

impl RequestHeader for ControllerRegisterBroker {
    const CODE: RequestCode = RequestCode::CONTROLLER_REGISTER_BROKER;
    const NAME: &'static str = "CONTROLLER_REGISTER_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = RegisterBrokerToControllerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<RegisterBrokerToControllerHeader<'a>, HeaderError> {
        RegisterBrokerToControllerHeader::decode(fields)
    }
}

/// Code 1011. Removes replicas from the controller's tables.
#[derive(Clone, Copy, Debug)]
pub struct CleanBrokerData;

impl RequestHeader for CleanBrokerData {
    const CODE: RequestCode = RequestCode::CLEAN_BROKER_DATA;
    const NAME: &'static str = "CLEAN_BROKER_DATA";
    const LANE: Lane = Lane::Admin;
    type View<'a> = CleanControllerBrokerDataHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<CleanControllerBrokerDataHeader<'a>, HeaderError> {
        CleanControllerBrokerDataHeader::decode(fields)
    }
}

/// Code 1012. The next free broker id.
#[derive(Clone, Copy, Debug)]
pub struct ControllerGetNextBrokerId;

impl RequestHeader for ControllerGetNextBrokerId {
    const CODE: RequestCode = RequestCode::CONTROLLER_GET_NEXT_BROKER_ID;
    const NAME: &'static str = "CONTROLLER_GET_NEXT_BROKER_ID";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetNextBrokerIdHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetNextBrokerIdHeader<'a>, HeaderError> {
        GetNextBrokerIdHeader::decode(fields)
    }
}

/// Code 1013. Takes a broker id.
#[derive(Clone, Copy, Debug)]
pub struct ControllerApplyBrokerId;

impl RequestHeader for ControllerApplyBrokerId {
    const CODE: RequestCode = RequestCode::CONTROLLER_APPLY_BROKER_ID;
    const NAME: &'static str = "CONTROLLER_APPLY_BROKER_ID";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ApplyBrokerIdHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ApplyBrokerIdHeader<'a>, HeaderError> {
        ApplyBrokerIdHeader::decode(fields)
    }
}
