// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Members of groups: announcing, leaving, listing, and what the broker asks of a client.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    ConsumeMessageDirectlyResultHeader, GetConsumerConnectionListHeader,
    GetConsumerListByGroupHeader, GetConsumerRunningInfoHeader, GetConsumerStatusHeader,
    GetProducerConnectionListHeader, NotifyConsumerIdsChangedHeader, ResetOffsetHeader,
    UnregisterClientHeader,
};

/// Code 34. Announces a client with its producer and consumer groups and subscriptions; every 30 s.
#[derive(Clone, Copy, Debug)]
pub struct HeartBeat;

impl RequestHeader for HeartBeat {
    const CODE: RequestCode = RequestCode::HEART_BEAT;
    const NAME: &'static str = "HEART_BEAT";
    const LANE: Lane = Lane::Client;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 35. Takes a client out of its groups at once.
#[derive(Clone, Copy, Debug)]
pub struct UnregisterClient;

impl RequestHeader for UnregisterClient {
    const CODE: RequestCode = RequestCode::UNREGISTER_CLIENT;
    const NAME: &'static str = "UNREGISTER_CLIENT";
    const LANE: Lane = Lane::Client;
    type View<'a> = UnregisterClientHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<UnregisterClientHeader<'a>, HeaderError> {
        UnregisterClientHeader::decode(fields)
    }
}

/// Code 38. Lists the client ids of a consumer group: the input of rebalancing.
#[derive(Clone, Copy, Debug)]
pub struct GetConsumerListByGroup;

impl RequestHeader for GetConsumerListByGroup {
    const CODE: RequestCode = RequestCode::GET_CONSUMER_LIST_BY_GROUP;
    const NAME: &'static str = "GET_CONSUMER_LIST_BY_GROUP";
    const LANE: Lane = Lane::Client;
    type View<'a> = GetConsumerListByGroupHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetConsumerListByGroupHeader<'a>, HeaderError> {
        GetConsumerListByGroupHeader::decode(fields)
    }
}

/// Code 40. Tells a consumer that the membership of its group has changed: rebalance now.
#[derive(Clone, Copy, Debug)]
pub struct NotifyConsumerIdsChanged;

impl RequestHeader for NotifyConsumerIdsChanged {
    const CODE: RequestCode = RequestCode::NOTIFY_CONSUMER_IDS_CHANGED;
    const NAME: &'static str = "NOTIFY_CONSUMER_IDS_CHANGED";
    const LANE: Lane = Lane::Client;
    type View<'a> = NotifyConsumerIdsChangedHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<NotifyConsumerIdsChangedHeader<'a>, HeaderError> {
        NotifyConsumerIdsChangedHeader::decode(fields)
    }
}

/// Code 46. Checks a subscription expression before a consumer starts.
#[derive(Clone, Copy, Debug)]
pub struct CheckClientConfig;

impl RequestHeader for CheckClientConfig {
    const CODE: RequestCode = RequestCode::CHECK_CLIENT_CONFIG;
    const NAME: &'static str = "CHECK_CLIENT_CONFIG";
    const LANE: Lane = Lane::Client;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 41. Locks queues for a client that consumes in order; lasts 60 s.
#[derive(Clone, Copy, Debug)]
pub struct LockBatchMq;

impl RequestHeader for LockBatchMq {
    const CODE: RequestCode = RequestCode::LOCK_BATCH_MQ;
    const NAME: &'static str = "LOCK_BATCH_MQ";
    const LANE: Lane = Lane::Client;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 42. Gives queue locks back.
#[derive(Clone, Copy, Debug)]
pub struct UnlockBatchMq;

impl RequestHeader for UnlockBatchMq {
    const CODE: RequestCode = RequestCode::UNLOCK_BATCH_MQ;
    const NAME: &'static str = "UNLOCK_BATCH_MQ";
    const LANE: Lane = Lane::Client;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 203. Lists the connections and subscriptions of a consumer group.
#[derive(Clone, Copy, Debug)]
pub struct GetConsumerConnectionList;

impl RequestHeader for GetConsumerConnectionList {
    const CODE: RequestCode = RequestCode::GET_CONSUMER_CONNECTION_LIST;
    const NAME: &'static str = "GET_CONSUMER_CONNECTION_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetConsumerConnectionListHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetConsumerConnectionListHeader<'a>, HeaderError> {
        GetConsumerConnectionListHeader::decode(fields)
    }
}

/// Code 204. Lists the connections of a producer group.
#[derive(Clone, Copy, Debug)]
pub struct GetProducerConnectionList;

impl RequestHeader for GetProducerConnectionList {
    const CODE: RequestCode = RequestCode::GET_PRODUCER_CONNECTION_LIST;
    const NAME: &'static str = "GET_PRODUCER_CONNECTION_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetProducerConnectionListHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetProducerConnectionListHeader<'a>, HeaderError> {
        GetProducerConnectionListHeader::decode(fields)
    }
}

/// Code 328. Lists all producers that are connected.
#[derive(Clone, Copy, Debug)]
pub struct GetAllProducerInfo;

impl RequestHeader for GetAllProducerInfo {
    const CODE: RequestCode = RequestCode::GET_ALL_PRODUCER_INFO;
    const NAME: &'static str = "GET_ALL_PRODUCER_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 307. Asks a consumer what it is doing; the broker relays it to the client named.
#[derive(Clone, Copy, Debug)]
pub struct GetConsumerRunningInfo;

impl RequestHeader for GetConsumerRunningInfo {
    const CODE: RequestCode = RequestCode::GET_CONSUMER_RUNNING_INFO;
    const NAME: &'static str = "GET_CONSUMER_RUNNING_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetConsumerRunningInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetConsumerRunningInfoHeader<'a>, HeaderError> {
        GetConsumerRunningInfoHeader::decode(fields)
    }
}

/// Code 309. Makes a chosen client consume a chosen message now; the broker relays it.
#[derive(Clone, Copy, Debug)]
pub struct ConsumeMessageDirectly;

impl RequestHeader for ConsumeMessageDirectly {
    const CODE: RequestCode = RequestCode::CONSUME_MESSAGE_DIRECTLY;
    const NAME: &'static str = "CONSUME_MESSAGE_DIRECTLY";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ConsumeMessageDirectlyResultHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ConsumeMessageDirectlyResultHeader<'a>, HeaderError> {
        ConsumeMessageDirectlyResultHeader::decode(fields)
    }
}

/// Code 220. Tells a consumer to move its offsets.
#[derive(Clone, Copy, Debug)]
pub struct ResetConsumerClientOffset;

impl RequestHeader for ResetConsumerClientOffset {
    const CODE: RequestCode = RequestCode::RESET_CONSUMER_CLIENT_OFFSET;
    const NAME: &'static str = "RESET_CONSUMER_CLIENT_OFFSET";
    const LANE: Lane = Lane::Client;
    type View<'a> = ResetOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ResetOffsetHeader<'a>, HeaderError> {
        ResetOffsetHeader::decode(fields)
    }
}

/// Code 221. Asks a consumer for the offsets it holds.
#[derive(Clone, Copy, Debug)]
pub struct GetConsumerStatusFromClient;

impl RequestHeader for GetConsumerStatusFromClient {
    const CODE: RequestCode = RequestCode::GET_CONSUMER_STATUS_FROM_CLIENT;
    const NAME: &'static str = "GET_CONSUMER_STATUS_FROM_CLIENT";
    const LANE: Lane = Lane::Client;
    type View<'a> = GetConsumerStatusHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetConsumerStatusHeader<'a>, HeaderError> {
        GetConsumerStatusHeader::decode(fields)
    }
}
