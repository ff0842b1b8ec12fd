// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Consumer groups on a broker.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    DeleteSubscriptionGroupHeader, GetAllSubscriptionGroupHeader,
    GetSubscriptionGroupConfigHeader, QuerySubscriptionByConsumerHeader,
    QueryTopicsByConsumerHeader, UpdateGroupForbiddenHeader,
};

/// Code 200. Creates or changes a consumer group.
#[derive(Clone, Copy, Debug)]
pub struct UpdateAndCreateSubscriptiongroup;

impl RequestHeader for UpdateAndCreateSubscriptiongroup {
    const CODE: RequestCode = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    const NAME: &'static str = "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 225. Creates or changes several consumer groups.
#[derive(Clone, Copy, Debug)]
pub struct UpdateAndCreateSubscriptiongroupList;

impl RequestHeader for UpdateAndCreateSubscriptiongroupList {
    const CODE: RequestCode = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST;
    const NAME: &'static str = "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 201. All group configurations, for a slave or an admin tool.
#[derive(Clone, Copy, Debug)]
pub struct GetAllSubscriptiongroupConfig;

impl RequestHeader for GetAllSubscriptiongroupConfig {
    const CODE: RequestCode = RequestCode::GET_ALL_SUBSCRIPTIONGROUP_CONFIG;
    const NAME: &'static str = "GET_ALL_SUBSCRIPTIONGROUP_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetAllSubscriptionGroupHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetAllSubscriptionGroupHeader<'a>, HeaderError> {
        GetAllSubscriptionGroupHeader::decode(fields)
    }
}

/// Code 207. Deletes a consumer group, and its offsets when asked.
#[derive(Clone, Copy, Debug)]
pub struct DeleteSubscriptiongroup;

impl RequestHeader for DeleteSubscriptiongroup {
    const CODE: RequestCode = RequestCode::DELETE_SUBSCRIPTIONGROUP;
    const NAME: &'static str = "DELETE_SUBSCRIPTIONGROUP";
    const LANE: Lane = Lane::Admin;
    type View<'a> = DeleteSubscriptionGroupHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<DeleteSubscriptionGroupHeader<'a>, HeaderError> {
        DeleteSubscriptionGroupHeader::decode(fields)
    }
}

/// Code 5003. Deletes several consumer groups.
#[derive(Clone, Copy, Debug)]
pub struct DeleteSubscriptionGroupList;

impl RequestHeader for DeleteSubscriptionGroupList {
    const CODE: RequestCode = RequestCode::DELETE_SUBSCRIPTION_GROUP_LIST;
    const NAME: &'static str = "DELETE_SUBSCRIPTION_GROUP_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 352. Reads the configuration of one group.
#[derive(Clone, Copy, Debug)]
pub struct GetSubscriptiongroupConfig;

impl RequestHeader for GetSubscriptiongroupConfig {
    const CODE: RequestCode = RequestCode::GET_SUBSCRIPTIONGROUP_CONFIG;
    const NAME: &'static str = "GET_SUBSCRIPTIONGROUP_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetSubscriptionGroupConfigHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetSubscriptionGroupConfigHeader<'a>, HeaderError> {
        GetSubscriptionGroupConfigHeader::decode(fields)
    }
}

/// Code 353. Sets and reads which topics a group may not read.
#[derive(Clone, Copy, Debug)]
pub struct UpdateAndGetGroupForbidden;

impl RequestHeader for UpdateAndGetGroupForbidden {
    const CODE: RequestCode = RequestCode::UPDATE_AND_GET_GROUP_FORBIDDEN;
    const NAME: &'static str = "UPDATE_AND_GET_GROUP_FORBIDDEN";
    const LANE: Lane = Lane::Admin;
    type View<'a> = UpdateGroupForbiddenHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<UpdateGroupForbiddenHeader<'a>, HeaderError> {
        UpdateGroupForbiddenHeader::decode(fields)
    }
}

/// Code 343. Lists the topics that a group consumes.
#[derive(Clone, Copy, Debug)]
pub struct QueryTopicsByConsumer;

impl RequestHeader for QueryTopicsByConsumer {
    const CODE: RequestCode = RequestCode::QUERY_TOPICS_BY_CONSUMER;
    const NAME: &'static str = "QUERY_TOPICS_BY_CONSUMER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = QueryTopicsByConsumerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QueryTopicsByConsumerHeader<'a>, HeaderError> {
        QueryTopicsByConsumerHeader::decode(fields)
    }
}

/// Code 345. The subscription of a group to a topic.
#[derive(Clone, Copy, Debug)]
pub struct QuerySubscriptionByConsumer;

impl RequestHeader for QuerySubscriptionByConsumer {
    const CODE: RequestCode = RequestCode::QUERY_SUBSCRIPTION_BY_CONSUMER;
    const NAME: &'static str = "QUERY_SUBSCRIPTION_BY_CONSUMER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = QuerySubscriptionByConsumerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QuerySubscriptionByConsumerHeader<'a>, HeaderError> {
        QuerySubscriptionByConsumerHeader::decode(fields)
    }
}
