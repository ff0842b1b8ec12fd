// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Reading messages.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    PullMessageHeader, QueryConsumeQueueHeader, QueryMessageHeader, ViewMessageHeader,
};

/// Code 11. Reads messages of one queue from an offset; may be held until one arrives.
#[derive(Clone, Copy, Debug)]
pub struct PullMessage;

impl RequestHeader for PullMessage {
    const CODE: RequestCode = RequestCode::PULL_MESSAGE;
    const NAME: &'static str = "PULL_MESSAGE";
    const LANE: Lane = Lane::Pull;
    type View<'a> = PullMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<PullMessageHeader<'a>, HeaderError> {
        PullMessageHeader::decode(fields)
    }
}

/// Code 361. The same as PULL_MESSAGE, as Java's DefaultLitePullConsumer sends it, so that a server
/// can serve it from another thread pool.
#[derive(Clone, Copy, Debug)]
pub struct LitePullMessage;

impl RequestHeader for LitePullMessage {
    const CODE: RequestCode = RequestCode::LITE_PULL_MESSAGE;
    const NAME: &'static str = "LITE_PULL_MESSAGE";
    const LANE: Lane = Lane::Pull;
    type View<'a> = PullMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<PullMessageHeader<'a>, HeaderError> {
        PullMessageHeader::decode(fields)
    }
}

/// Code 12. Finds messages by a key (or by unique id) in the index.
#[derive(Clone, Copy, Debug)]
pub struct QueryMessage;

impl RequestHeader for QueryMessage {
    const CODE: RequestCode = RequestCode::QUERY_MESSAGE;
    const NAME: &'static str = "QUERY_MESSAGE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = QueryMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QueryMessageHeader<'a>, HeaderError> {
        QueryMessageHeader::decode(fields)
    }
}

/// Code 33. Reads one message at a physical offset of the commit log.
#[derive(Clone, Copy, Debug)]
pub struct ViewMessageById;

impl RequestHeader for ViewMessageById {
    const CODE: RequestCode = RequestCode::VIEW_MESSAGE_BY_ID;
    const NAME: &'static str = "VIEW_MESSAGE_BY_ID";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ViewMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ViewMessageHeader<'a>, HeaderError> {
        ViewMessageHeader::decode(fields)
    }
}

/// Code 321. Shows entries of a consume queue with the verdict of a group's filter.
#[derive(Clone, Copy, Debug)]
pub struct QueryConsumeQueue;

impl RequestHeader for QueryConsumeQueue {
    const CODE: RequestCode = RequestCode::QUERY_CONSUME_QUEUE;
    const NAME: &'static str = "QUERY_CONSUME_QUEUE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = QueryConsumeQueueHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QueryConsumeQueueHeader<'a>, HeaderError> {
        QueryConsumeQueueHeader::decode(fields)
    }
}
