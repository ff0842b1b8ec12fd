// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! What brokers tell a nameserver.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    BrokerHeartbeatHeader, GetBrokerMemberGroupHeader, QueryDataVersionHeader,
    RegisterBrokerHeader, UnRegisterBrokerHeader,
};

/// Code 103. A broker announces its addresses, topics and filter servers.
#[derive(Clone, Copy, Debug)]
pub struct RegisterBroker;

impl RequestHeader for RegisterBroker {
    const CODE: RequestCode = RequestCode::REGISTER_BROKER;
    const NAME: &'static str = "REGISTER_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = RegisterBrokerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<RegisterBrokerHeader<'a>, HeaderError> {
        RegisterBrokerHeader::decode(fields)
    }
}

/// Code 104. A broker leaves.
#[derive(Clone, Copy, Debug)]
pub struct UnregisterBroker;

impl RequestHeader for UnregisterBroker {
    const CODE: RequestCode = RequestCode::UNREGISTER_BROKER;
    const NAME: &'static str = "UNREGISTER_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = UnRegisterBrokerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<UnRegisterBrokerHeader<'a>, HeaderError> {
        UnRegisterBrokerHeader::decode(fields)
    }
}

/// Code 322. Compares a broker's data version with the registered one.
#[derive(Clone, Copy, Debug)]
pub struct QueryDataVersion;

impl RequestHeader for QueryDataVersion {
    const CODE: RequestCode = RequestCode::QUERY_DATA_VERSION;
    const NAME: &'static str = "QUERY_DATA_VERSION";
    const LANE: Lane = Lane::Admin;
    type View<'a> = QueryDataVersionHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QueryDataVersionHeader<'a>, HeaderError> {
        QueryDataVersionHeader::decode(fields)
    }
}

/// Code 901. The addresses of a broker's replicas.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerMemberGroup;

impl RequestHeader for GetBrokerMemberGroup {
    const CODE: RequestCode = RequestCode::GET_BROKER_MEMBER_GROUP;
    const NAME: &'static str = "GET_BROKER_MEMBER_GROUP";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetBrokerMemberGroupHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetBrokerMemberGroupHeader<'a>, HeaderError> {
        GetBrokerMemberGroupHeader::decode(fields)
    }
}

/// Code 904. A broker says that it is alive, between registrations.
#[derive(Clone, Copy, Debug)]
pub struct BrokerHeartbeat;

impl RequestHeader for BrokerHeartbeat {
    const CODE: RequestCode = RequestCode::BROKER_HEARTBEAT;
    const NAME: &'static str = "BROKER_HEARTBEAT";
    const LANE: Lane = Lane::Client;
    type View<'a> = BrokerHeartbeatHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<BrokerHeartbeatHeader<'a>, HeaderError> {
        BrokerHeartbeatHeader::decode(fields)
    }
}
