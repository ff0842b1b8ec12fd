// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Routes, topics, values and settings of a nameserver.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    AddWritePermOfBrokerHeader, DeleteKVConfigHeader, DeleteTopicFromNamesrvHeader,
    GetKVConfigHeader, GetKVListByNamespaceHeader, GetRouteInfoHeader, GetTopicsByClusterHeader,
    PutKVConfigHeader, RegisterTopicHeader, WipeWritePermOfBrokerHeader,
};

/// Code 105. The brokers and queues of a topic.
#[derive(Clone, Copy, Debug)]
pub struct GetRouteinfoByTopic;

impl RequestHeader for GetRouteinfoByTopic {
    const CODE: RequestCode = RequestCode::GET_ROUTEINFO_BY_TOPIC;
    const NAME: &'static str = "GET_ROUTEINFO_BY_TOPIC";
    const LANE: Lane = Lane::Client;
    type View<'a> = GetRouteInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetRouteInfoHeader<'a>, HeaderError> {
        GetRouteInfoHeader::decode(fields)
    }
}

/// Code 106. All clusters, brokers and addresses.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerClusterInfo;

impl RequestHeader for GetBrokerClusterInfo {
    const CODE: RequestCode = RequestCode::GET_BROKER_CLUSTER_INFO;
    const NAME: &'static str = "GET_BROKER_CLUSTER_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 205. Takes write permission from all topics of a broker.
#[derive(Clone, Copy, Debug)]
pub struct WipeWritePermOfBroker;

impl RequestHeader for WipeWritePermOfBroker {
    const CODE: RequestCode = RequestCode::WIPE_WRITE_PERM_OF_BROKER;
    const NAME: &'static str = "WIPE_WRITE_PERM_OF_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = WipeWritePermOfBrokerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<WipeWritePermOfBrokerHeader<'a>, HeaderError> {
        WipeWritePermOfBrokerHeader::decode(fields)
    }
}

/// Code 327. Gives write permission back.
#[derive(Clone, Copy, Debug)]
pub struct AddWritePermOfBroker;

impl RequestHeader for AddWritePermOfBroker {
    const CODE: RequestCode = RequestCode::ADD_WRITE_PERM_OF_BROKER;
    const NAME: &'static str = "ADD_WRITE_PERM_OF_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = AddWritePermOfBrokerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<AddWritePermOfBrokerHeader<'a>, HeaderError> {
        AddWritePermOfBrokerHeader::decode(fields)
    }
}

/// Code 206. Lists all topics.
#[derive(Clone, Copy, Debug)]
pub struct GetAllTopicListFromNameserver;

impl RequestHeader for GetAllTopicListFromNameserver {
    const CODE: RequestCode = RequestCode::GET_ALL_TOPIC_LIST_FROM_NAMESERVER;
    const NAME: &'static str = "GET_ALL_TOPIC_LIST_FROM_NAMESERVER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 224. Lists the topics of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct GetTopicsByCluster;

impl RequestHeader for GetTopicsByCluster {
    const CODE: RequestCode = RequestCode::GET_TOPICS_BY_CLUSTER;
    const NAME: &'static str = "GET_TOPICS_BY_CLUSTER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetTopicsByClusterHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetTopicsByClusterHeader<'a>, HeaderError> {
        GetTopicsByClusterHeader::decode(fields)
    }
}

/// Code 304. Lists clusters, brokers and one broker address as system topics.
#[derive(Clone, Copy, Debug)]
pub struct GetSystemTopicListFromNs;

impl RequestHeader for GetSystemTopicListFromNs {
    const CODE: RequestCode = RequestCode::GET_SYSTEM_TOPIC_LIST_FROM_NS;
    const NAME: &'static str = "GET_SYSTEM_TOPIC_LIST_FROM_NS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 311. Lists topics with the unit flag.
#[derive(Clone, Copy, Debug)]
pub struct GetUnitTopicList;

impl RequestHeader for GetUnitTopicList {
    const CODE: RequestCode = RequestCode::GET_UNIT_TOPIC_LIST;
    const NAME: &'static str = "GET_UNIT_TOPIC_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 312. Lists topics with the unit-subscription flag.
#[derive(Clone, Copy, Debug)]
pub struct GetHasUnitSubTopicList;

impl RequestHeader for GetHasUnitSubTopicList {
    const CODE: RequestCode = RequestCode::GET_HAS_UNIT_SUB_TOPIC_LIST;
    const NAME: &'static str = "GET_HAS_UNIT_SUB_TOPIC_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 313. Lists topics with the unit-subscription flag that are no unit topics.
#[derive(Clone, Copy, Debug)]
pub struct GetHasUnitSubUnunitTopicList;

impl RequestHeader for GetHasUnitSubUnunitTopicList {
    const CODE: RequestCode = RequestCode::GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST;
    const NAME: &'static str = "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 216. Forgets a topic, in all clusters or in one.
#[derive(Clone, Copy, Debug)]
pub struct DeleteTopicInNamesrv;

impl RequestHeader for DeleteTopicInNamesrv {
    const CODE: RequestCode = RequestCode::DELETE_TOPIC_IN_NAMESRV;
    const NAME: &'static str = "DELETE_TOPIC_IN_NAMESRV";
    const LANE: Lane = Lane::Admin;
    type View<'a> = DeleteTopicFromNamesrvHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<DeleteTopicFromNamesrvHeader<'a>, HeaderError> {
        DeleteTopicFromNamesrvHeader::decode(fields)
    }
}

/// Code 217. Adds a topic without a broker's registration.
#[derive(Clone, Copy, Debug)]
pub struct RegisterTopicInNamesrv;

impl RequestHeader for RegisterTopicInNamesrv {
    const CODE: RequestCode = RequestCode::REGISTER_TOPIC_IN_NAMESRV;
    const NAME: &'static str = "REGISTER_TOPIC_IN_NAMESRV";
    const LANE: Lane = Lane::Admin;
    type View<'a> = RegisterTopicHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<RegisterTopicHeader<'a>, HeaderError> {
        RegisterTopicHeader::decode(fields)
    }
}

/// Code 100. Stores a value under a namespace and key.
#[derive(Clone, Copy, Debug)]
pub struct PutKvConfig;

impl RequestHeader for PutKvConfig {
    const CODE: RequestCode = RequestCode::PUT_KV_CONFIG;
    const NAME: &'static str = "PUT_KV_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = PutKVConfigHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<PutKVConfigHeader<'a>, HeaderError> {
        PutKVConfigHeader::decode(fields)
    }
}

/// Code 101. Reads a value.
#[derive(Clone, Copy, Debug)]
pub struct GetKvConfig;

impl RequestHeader for GetKvConfig {
    const CODE: RequestCode = RequestCode::GET_KV_CONFIG;
    const NAME: &'static str = "GET_KV_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetKVConfigHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetKVConfigHeader<'a>, HeaderError> {
        GetKVConfigHeader::decode(fields)
    }
}

/// Code 102. Deletes a value.
#[derive(Clone, Copy, Debug)]
pub struct DeleteKvConfig;

impl RequestHeader for DeleteKvConfig {
    const CODE: RequestCode = RequestCode::DELETE_KV_CONFIG;
    const NAME: &'static str = "DELETE_KV_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = DeleteKVConfigHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<DeleteKVConfigHeader<'a>, HeaderError> {
        DeleteKVConfigHeader::decode(fields)
    }
}

/// Code 219. Lists the values of a namespace.
#[derive(Clone, Copy, Debug)]
pub struct GetKvlistByNamespace;

impl RequestHeader for GetKvlistByNamespace {
    const CODE: RequestCode = RequestCode::GET_KVLIST_BY_NAMESPACE;
    const NAME: &'static str = "GET_KVLIST_BY_NAMESPACE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetKVListByNamespaceHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetKVListByNamespaceHeader<'a>, HeaderError> {
        GetKVListByNamespaceHeader::decode(fields)
    }
}

/// Code 318. Changes configuration keys of a running nameserver; body as Java properties.
#[derive(Clone, Copy, Debug)]
pub struct UpdateNamesrvConfig;

impl RequestHeader for UpdateNamesrvConfig {
    const CODE: RequestCode = RequestCode::UPDATE_NAMESRV_CONFIG;
    const NAME: &'static str = "UPDATE_NAMESRV_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 319. The nameserver's configuration as Java properties.
#[derive(Clone, Copy, Debug)]
pub struct GetNamesrvConfig;

impl RequestHeader for GetNamesrvConfig {
    const CODE: RequestCode = RequestCode::GET_NAMESRV_CONFIG;
    const NAME: &'static str = "GET_NAMESRV_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}
