// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Consumption by taking: pop and what holds it.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    NotificationHeader, PeekMessageHeader, PollingInfoHeader, PopMessageHeader,
};

/// Code 200050. Takes messages for a time; what is not acknowledged becomes visible again.
#[derive(Clone, Copy, Debug)]
pub struct PopMessage;

impl RequestHeader for PopMessage {
    const CODE: RequestCode = RequestCode::POP_MESSAGE;
    const NAME: &'static str = "POP_MESSAGE";
    const LANE: Lane = Lane::Pull;
    type View<'a> = PopMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<PopMessageHeader<'a>, HeaderError> {
        PopMessageHeader::decode(fields)
    }
}

/// Code 200052. Reads without taking.
#[derive(Clone, Copy, Debug)]
pub struct PeekMessage;

impl RequestHeader for PeekMessage {
    const CODE: RequestCode = RequestCode::PEEK_MESSAGE;
    const NAME: &'static str = "PEEK_MESSAGE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = PeekMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<PeekMessageHeader<'a>, HeaderError> {
        PeekMessageHeader::decode(fields)
    }
}

/// Code 200054. Held until a queue has something to pop.
#[derive(Clone, Copy, Debug)]
pub struct Notification;

impl RequestHeader for Notification {
    const CODE: RequestCode = RequestCode::NOTIFICATION;
    const NAME: &'static str = "NOTIFICATION";
    const LANE: Lane = Lane::Pull;
    type View<'a> = NotificationHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<NotificationHeader<'a>, HeaderError> {
        NotificationHeader::decode(fields)
    }
}

/// Code 200055. How many pops are held on a queue.
#[derive(Clone, Copy, Debug)]
pub struct PollingInfo;

impl RequestHeader for PollingInfo {
    const CODE: RequestCode = RequestCode::POLLING_INFO;
    const NAME: &'static str = "POLLING_INFO";
    const LANE: Lane = Lane::Pull;
    type View<'a> = PollingInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<PollingInfoHeader<'a>, HeaderError> {
        PollingInfoHeader::decode(fields)
    }
}

/// Code 200056. Moves what is in flight from the RocksDB store of pop records to the revive topic.
#[derive(Clone, Copy, Debug)]
pub struct PopRollback;

impl RequestHeader for PopRollback {
    const CODE: RequestCode = RequestCode::POP_ROLLBACK;
    const NAME: &'static str = "POP_ROLLBACK";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}
