// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Topics on a broker.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    CreateTopicHeader, DeleteTopicHeader, GetAllTopicConfigHeader, GetTopicConfigHeader,
    GetTopicStatsInfoHeader, QueryTopicConsumeByWhoHeader,
};

/// Code 17. Creates or changes a topic.
#[derive(Clone, Copy, Debug)]
pub struct UpdateAndCreateTopic;

impl RequestHeader for UpdateAndCreateTopic {
    const CODE: RequestCode = RequestCode::UPDATE_AND_CREATE_TOPIC;
    const NAME: &'static str = "UPDATE_AND_CREATE_TOPIC";
    const LANE: Lane = Lane::Admin;
    type View<'a> = CreateTopicHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<CreateTopicHeader<'a>, HeaderError> {
        CreateTopicHeader::decode(fields)
    }
}

/// Code 18. Creates or changes several topics.
#[derive(Clone, Copy, Debug)]
pub struct UpdateAndCreateTopicList;

impl RequestHeader for UpdateAndCreateTopicList {
    const CODE: RequestCode = RequestCode::UPDATE_AND_CREATE_TOPIC_LIST;
    const NAME: &'static str = "UPDATE_AND_CREATE_TOPIC_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 215. Deletes a topic and its queues on this broker.
#[derive(Clone, Copy, Debug)]
pub struct DeleteTopicInBroker;

impl RequestHeader for DeleteTopicInBroker {
    const CODE: RequestCode = RequestCode::DELETE_TOPIC_IN_BROKER;
    const NAME: &'static str = "DELETE_TOPIC_IN_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = DeleteTopicHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<DeleteTopicHeader<'a>, HeaderError> {
        DeleteTopicHeader::decode(fields)
    }
}

/// Code 5002. Deletes several topics.
#[derive(Clone, Copy, Debug)]
pub struct DeleteTopicInBrokerList;

impl RequestHeader for DeleteTopicInBrokerList {
    const CODE: RequestCode = RequestCode::DELETE_TOPIC_IN_BROKER_LIST;
    const NAME: &'static str = "DELETE_TOPIC_IN_BROKER_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 351. Reads the configuration of one topic.
#[derive(Clone, Copy, Debug)]
pub struct GetTopicConfig;

impl RequestHeader for GetTopicConfig {
    const CODE: RequestCode = RequestCode::GET_TOPIC_CONFIG;
    const NAME: &'static str = "GET_TOPIC_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetTopicConfigHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetTopicConfigHeader<'a>, HeaderError> {
        GetTopicConfigHeader::decode(fields)
    }
}

/// Code 21. All topic configurations, for a slave or an admin tool.
#[derive(Clone, Copy, Debug)]
pub struct GetAllTopicConfig;

impl RequestHeader for GetAllTopicConfig {
    const CODE: RequestCode = RequestCode::GET_ALL_TOPIC_CONFIG;
    const NAME: &'static str = "GET_ALL_TOPIC_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetAllTopicConfigHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetAllTopicConfigHeader<'a>, HeaderError> {
        GetAllTopicConfigHeader::decode(fields)
    }
}

/// Code 202. Offsets and last store time of each queue of a topic.
#[derive(Clone, Copy, Debug)]
pub struct GetTopicStatsInfo;

impl RequestHeader for GetTopicStatsInfo {
    const CODE: RequestCode = RequestCode::GET_TOPIC_STATS_INFO;
    const NAME: &'static str = "GET_TOPIC_STATS_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetTopicStatsInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetTopicStatsInfoHeader<'a>, HeaderError> {
        GetTopicStatsInfoHeader::decode(fields)
    }
}

/// Code 300. Lists the groups that consume a topic.
#[derive(Clone, Copy, Debug)]
pub struct QueryTopicConsumeByWho;

impl RequestHeader for QueryTopicConsumeByWho {
    const CODE: RequestCode = RequestCode::QUERY_TOPIC_CONSUME_BY_WHO;
    const NAME: &'static str = "QUERY_TOPIC_CONSUME_BY_WHO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = QueryTopicConsumeByWhoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QueryTopicConsumeByWhoHeader<'a>, HeaderError> {
        QueryTopicConsumeByWhoHeader::decode(fields)
    }
}

/// Code 305. Lists the broker's system topics.
#[derive(Clone, Copy, Debug)]
pub struct GetSystemTopicListFromBroker;

impl RequestHeader for GetSystemTopicListFromBroker {
    const CODE: RequestCode = RequestCode::GET_SYSTEM_TOPIC_LIST_FROM_BROKER;
    const NAME: &'static str = "GET_SYSTEM_TOPIC_LIST_FROM_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 316. Removes the queues of topics that no longer exist.
#[derive(Clone, Copy, Debug)]
pub struct CleanUnusedTopic;

impl RequestHeader for CleanUnusedTopic {
    const CODE: RequestCode = RequestCode::CLEAN_UNUSED_TOPIC;
    const NAME: &'static str = "CLEAN_UNUSED_TOPIC";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 513. Creates a static topic (logical queues over several brokers).
#[derive(Clone, Copy, Debug)]
pub struct UpdateAndCreateStaticTopic;

impl RequestHeader for UpdateAndCreateStaticTopic {
    const CODE: RequestCode = RequestCode::UPDATE_AND_CREATE_STATIC_TOPIC;
    const NAME: &'static str = "UPDATE_AND_CREATE_STATIC_TOPIC";
    const LANE: Lane = Lane::Admin;
    type View<'a> = CreateTopicHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<CreateTopicHeader<'a>, HeaderError> {
        CreateTopicHeader::decode(fields)
    }
}
