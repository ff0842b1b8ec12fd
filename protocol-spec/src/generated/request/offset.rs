// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Offsets of queues and of groups.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    GetEarliestMsgStoretimeHeader, GetMaxOffsetHeader, GetMinOffsetHeader,
    QueryConsumerOffsetHeader, SearchOffsetHeader, UpdateConsumerOffsetHeader,
};

/// Code 14. Reads the committed offset of a group in one queue.
#[derive(Clone, Copy, Debug)]
pub struct QueryConsumerOffset;

impl RequestHeader for QueryConsumerOffset {
    const CODE: RequestCode = RequestCode::QUERY_CONSUMER_OFFSET;
    const NAME: &'static str = "QUERY_CONSUMER_OFFSET";
    const LANE: Lane = Lane::Client;
    type View<'a> = QueryConsumerOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QueryConsumerOffsetHeader<'a>, HeaderError> {
        QueryConsumerOffsetHeader::decode(fields)
    }
}

/// Code 15. Commits the offset of a group in one queue.
#[derive(Clone, Copy, Debug)]
pub struct UpdateConsumerOffset;

impl RequestHeader for UpdateConsumerOffset {
    const CODE: RequestCode = RequestCode::UPDATE_CONSUMER_OFFSET;
    const NAME: &'static str = "UPDATE_CONSUMER_OFFSET";
    const LANE: Lane = Lane::Client;
    type View<'a> = UpdateConsumerOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<UpdateConsumerOffsetHeader<'a>, HeaderError> {
        UpdateConsumerOffsetHeader::decode(fields)
    }
}

/// Code 29. Finds the offset of the first (or last) message stored at a time.
#[derive(Clone, Copy, Debug)]
pub struct SearchOffsetByTimestamp;

impl RequestHeader for SearchOffsetByTimestamp {
    const CODE: RequestCode = RequestCode::SEARCH_OFFSET_BY_TIMESTAMP;
    const NAME: &'static str = "SEARCH_OFFSET_BY_TIMESTAMP";
    const LANE: Lane = Lane::Admin;
    type View<'a> = SearchOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<SearchOffsetHeader<'a>, HeaderError> {
        SearchOffsetHeader::decode(fields)
    }
}

/// Code 30. The offset that the next message of a queue will get.
#[derive(Clone, Copy, Debug)]
pub struct GetMaxOffset;

impl RequestHeader for GetMaxOffset {
    const CODE: RequestCode = RequestCode::GET_MAX_OFFSET;
    const NAME: &'static str = "GET_MAX_OFFSET";
    const LANE: Lane = Lane::Client;
    type View<'a> = GetMaxOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetMaxOffsetHeader<'a>, HeaderError> {
        GetMaxOffsetHeader::decode(fields)
    }
}

/// Code 31. The offset of the oldest message of a queue.
#[derive(Clone, Copy, Debug)]
pub struct GetMinOffset;

impl RequestHeader for GetMinOffset {
    const CODE: RequestCode = RequestCode::GET_MIN_OFFSET;
    const NAME: &'static str = "GET_MIN_OFFSET";
    const LANE: Lane = Lane::Client;
    type View<'a> = GetMinOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetMinOffsetHeader<'a>, HeaderError> {
        GetMinOffsetHeader::decode(fields)
    }
}

/// Code 32. When the oldest message of a queue was stored.
#[derive(Clone, Copy, Debug)]
pub struct GetEarliestMsgStoretime;

impl RequestHeader for GetEarliestMsgStoretime {
    const CODE: RequestCode = RequestCode::GET_EARLIEST_MSG_STORETIME;
    const NAME: &'static str = "GET_EARLIEST_MSG_STORETIME";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetEarliestMsgStoretimeHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetEarliestMsgStoretimeHeader<'a>, HeaderError> {
        GetEarliestMsgStoretimeHeader::decode(fields)
    }
}
