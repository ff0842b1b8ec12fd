// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Messages delivered at a time.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{ListTimersHeader, MoveTimerHeader, RecallMessageHeader};

/// Code 370. Withdraws a timer message that has not been delivered yet.
#[derive(Clone, Copy, Debug)]
pub struct RecallMessage;

impl RequestHeader for RecallMessage {
    const CODE: RequestCode = RequestCode::RECALL_MESSAGE;
    const NAME: &'static str = "RECALL_MESSAGE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = RecallMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<RecallMessageHeader<'a>, HeaderError> {
        RecallMessageHeader::decode(fields)
    }
}

/// Code 60010. Timer messages that wait, in order of their times. Remora's own.
#[derive(Clone, Copy, Debug)]
pub struct ListTimers;

impl RequestHeader for ListTimers {
    const CODE: RequestCode = RequestCode::LIST_TIMERS;
    const NAME: &'static str = "LIST_TIMERS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ListTimersHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ListTimersHeader<'a>, HeaderError> {
        ListTimersHeader::decode(fields)
    }
}

/// Code 60011. Gives a waiting timer message another time. Remora's own.
#[derive(Clone, Copy, Debug)]
pub struct MoveTimer;

impl RequestHeader for MoveTimer {
    const CODE: RequestCode = RequestCode::MOVE_TIMER;
    const NAME: &'static str = "MOVE_TIMER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = MoveTimerHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<MoveTimerHeader<'a>, HeaderError> {
        MoveTimerHeader::decode(fields)
    }
}

/// Code 45. The offsets of the delay levels, for a slave.
#[derive(Clone, Copy, Debug)]
pub struct GetAllDelayOffset;

impl RequestHeader for GetAllDelayOffset {
    const CODE: RequestCode = RequestCode::GET_ALL_DELAY_OFFSET;
    const NAME: &'static str = "GET_ALL_DELAY_OFFSET";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 60. The timer's checkpoint, for a slave.
#[derive(Clone, Copy, Debug)]
pub struct GetTimerCheckPoint;

impl RequestHeader for GetTimerCheckPoint {
    const CODE: RequestCode = RequestCode::GET_TIMER_CHECK_POINT;
    const NAME: &'static str = "GET_TIMER_CHECK_POINT";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 61. The timer's counts by topic, for a slave.
#[derive(Clone, Copy, Debug)]
pub struct GetTimerMetrics;

impl RequestHeader for GetTimerMetrics {
    const CODE: RequestCode = RequestCode::GET_TIMER_METRICS;
    const NAME: &'static str = "GET_TIMER_METRICS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 5001. Changes between file and RocksDB timers.
#[derive(Clone, Copy, Debug)]
pub struct SwitchTimerEngine;

impl RequestHeader for SwitchTimerEngine {
    const CODE: RequestCode = RequestCode::SWITCH_TIMER_ENGINE;
    const NAME: &'static str = "SWITCH_TIMER_ENGINE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}
