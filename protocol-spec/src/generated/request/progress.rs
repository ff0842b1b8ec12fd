// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! How far groups have consumed, and moving their offsets.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    CloneGroupOffsetHeader, GetConsumeStatsHeader, GetConsumeStatsInBrokerHeader,
    GetConsumerStatusHeader, QueryConsumeTimeSpanHeader, QueryCorrectionOffsetHeader,
    ResetOffsetHeader,
};

/// Code 43. All committed offsets, for a slave.
#[derive(Clone, Copy, Debug)]
pub struct GetAllConsumerOffset;

impl RequestHeader for GetAllConsumerOffset {
    const CODE: RequestCode = RequestCode::GET_ALL_CONSUMER_OFFSET;
    const NAME: &'static str = "GET_ALL_CONSUMER_OFFSET";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 208. How far a group has consumed: both offsets and the last consumed time of each queue.
#[derive(Clone, Copy, Debug)]
pub struct GetConsumeStats;

impl RequestHeader for GetConsumeStats {
    const CODE: RequestCode = RequestCode::GET_CONSUME_STATS;
    const NAME: &'static str = "GET_CONSUME_STATS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetConsumeStatsHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetConsumeStatsHeader<'a>, HeaderError> {
        GetConsumeStatsHeader::decode(fields)
    }
}

/// Code 317. Consume progress of every group of the broker.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerConsumeStats;

impl RequestHeader for GetBrokerConsumeStats {
    const CODE: RequestCode = RequestCode::GET_BROKER_CONSUME_STATS;
    const NAME: &'static str = "GET_BROKER_CONSUME_STATS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetConsumeStatsInBrokerHeader;

    fn decode(fields: &Fields<'_>) -> Result<GetConsumeStatsInBrokerHeader, HeaderError> {
        GetConsumeStatsInBrokerHeader::decode(fields)
    }
}

/// Code 303. Time spans of a topic's queues as seen by a group.
#[derive(Clone, Copy, Debug)]
pub struct QueryConsumeTimeSpan;

impl RequestHeader for QueryConsumeTimeSpan {
    const CODE: RequestCode = RequestCode::QUERY_CONSUME_TIME_SPAN;
    const NAME: &'static str = "QUERY_CONSUME_TIME_SPAN";
    const LANE: Lane = Lane::Admin;
    type View<'a> = QueryConsumeTimeSpanHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QueryConsumeTimeSpanHeader<'a>, HeaderError> {
        QueryConsumeTimeSpanHeader::decode(fields)
    }
}

/// Code 308. Smallest committed offsets over several groups.
#[derive(Clone, Copy, Debug)]
pub struct QueryCorrectionOffset;

impl RequestHeader for QueryCorrectionOffset {
    const CODE: RequestCode = RequestCode::QUERY_CORRECTION_OFFSET;
    const NAME: &'static str = "QUERY_CORRECTION_OFFSET";
    const LANE: Lane = Lane::Admin;
    type View<'a> = QueryCorrectionOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<QueryCorrectionOffsetHeader<'a>, HeaderError> {
        QueryCorrectionOffsetHeader::decode(fields)
    }
}

/// Code 314. Copies the offsets of one group to another.
#[derive(Clone, Copy, Debug)]
pub struct CloneGroupOffset;

impl RequestHeader for CloneGroupOffset {
    const CODE: RequestCode = RequestCode::CLONE_GROUP_OFFSET;
    const NAME: &'static str = "CLONE_GROUP_OFFSET";
    const LANE: Lane = Lane::Admin;
    type View<'a> = CloneGroupOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<CloneGroupOffsetHeader<'a>, HeaderError> {
        CloneGroupOffsetHeader::decode(fields)
    }
}

/// Code 222. Moves a group's offsets to a time or an offset; the broker tells the clients (220) or
/// stores it itself.
#[derive(Clone, Copy, Debug)]
pub struct InvokeBrokerToResetOffset;

impl RequestHeader for InvokeBrokerToResetOffset {
    const CODE: RequestCode = RequestCode::INVOKE_BROKER_TO_RESET_OFFSET;
    const NAME: &'static str = "INVOKE_BROKER_TO_RESET_OFFSET";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ResetOffsetHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ResetOffsetHeader<'a>, HeaderError> {
        ResetOffsetHeader::decode(fields)
    }
}

/// Code 223. Collects the offsets that the clients of a group hold (221).
#[derive(Clone, Copy, Debug)]
pub struct InvokeBrokerToGetConsumerStatus;

impl RequestHeader for InvokeBrokerToGetConsumerStatus {
    const CODE: RequestCode = RequestCode::INVOKE_BROKER_TO_GET_CONSUMER_STATUS;
    const NAME: &'static str = "INVOKE_BROKER_TO_GET_CONSUMER_STATUS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetConsumerStatusHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetConsumerStatusHeader<'a>, HeaderError> {
        GetConsumerStatusHeader::decode(fields)
    }
}
