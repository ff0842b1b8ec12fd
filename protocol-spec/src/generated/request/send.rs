// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Storing messages.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{ConsumerSendMsgBackHeader, SendMessageHeader};

/// Code 10. Stores one message; header with the long field names. Sent by the Go and C++ clients.
#[derive(Clone, Copy, Debug)]
pub struct SendMessage;

impl RequestHeader for SendMessage {
    const CODE: RequestCode = RequestCode::SEND_MESSAGE;
    const NAME: &'static str = "SEND_MESSAGE";
    const LANE: Lane = Lane::Send;
    type View<'a> = SendMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<SendMessageHeader<'a>, HeaderError> {
        SendMessageHeader::decode(fields)
    }
}

/// Code 310. Stores one message; header with one-letter field names. Sent by the Java and Node
/// clients.
#[derive(Clone, Copy, Debug)]
pub struct SendMessageV2;

impl RequestHeader for SendMessageV2 {
    const CODE: RequestCode = RequestCode::SEND_MESSAGE_V2;
    const NAME: &'static str = "SEND_MESSAGE_V2";
    const LANE: Lane = Lane::Send;
    type View<'a> = SendMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<SendMessageHeader<'a>, HeaderError> {
        SendMessageHeader::decode_short(fields)
    }
}

/// Code 320. Stores a batch of messages of one topic; header with one-letter field names and
/// m=true.
#[derive(Clone, Copy, Debug)]
pub struct SendBatchMessage;

impl RequestHeader for SendBatchMessage {
    const CODE: RequestCode = RequestCode::SEND_BATCH_MESSAGE;
    const NAME: &'static str = "SEND_BATCH_MESSAGE";
    const LANE: Lane = Lane::Send;
    type View<'a> = SendMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<SendMessageHeader<'a>, HeaderError> {
        SendMessageHeader::decode_short(fields)
    }
}

/// Code 36. Asks for another delivery of a stored message: it comes back through %RETRY%group after
/// a delay, or goes to %DLQ%group.
#[derive(Clone, Copy, Debug)]
pub struct ConsumerSendMsgBack;

impl RequestHeader for ConsumerSendMsgBack {
    const CODE: RequestCode = RequestCode::CONSUMER_SEND_MSG_BACK;
    const NAME: &'static str = "CONSUMER_SEND_MSG_BACK";
    const LANE: Lane = Lane::Send;
    type View<'a> = ConsumerSendMsgBackHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ConsumerSendMsgBackHeader<'a>, HeaderError> {
        ConsumerSendMsgBackHeader::decode(fields)
    }
}
