// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Acknowledging what was popped.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{AckMessageHeader, ChangeInvisibleTimeHeader};

/// Code 200051. Acknowledges one popped message.
#[derive(Clone, Copy, Debug)]
pub struct AckMessage;

impl RequestHeader for AckMessage {
    const CODE: RequestCode = RequestCode::ACK_MESSAGE;
    const NAME: &'static str = "ACK_MESSAGE";
    const LANE: Lane = Lane::Pull;
    type View<'a> = AckMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<AckMessageHeader<'a>, HeaderError> {
        AckMessageHeader::decode(fields)
    }
}

/// Code 200151. Acknowledges several popped messages.
#[derive(Clone, Copy, Debug)]
pub struct BatchAckMessage;

impl RequestHeader for BatchAckMessage {
    const CODE: RequestCode = RequestCode::BATCH_ACK_MESSAGE;
    const NAME: &'static str = "BATCH_ACK_MESSAGE";
    const LANE: Lane = Lane::Pull;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 200053. Changes how long a popped message stays hidden; gives a new handle.
#[derive(Clone, Copy, Debug)]
pub struct ChangeMessageInvisibletime;

impl RequestHeader for ChangeMessageInvisibletime {
    const CODE: RequestCode = RequestCode::CHANGE_MESSAGE_INVISIBLETIME;
    const NAME: &'static str = "CHANGE_MESSAGE_INVISIBLETIME";
    const LANE: Lane = Lane::Pull;
    type View<'a> = ChangeInvisibleTimeHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ChangeInvisibleTimeHeader<'a>, HeaderError> {
        ChangeInvisibleTimeHeader::decode(fields)
    }
}
