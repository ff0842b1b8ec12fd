// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Request and reply over messages.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{ReplyMessageHeader, SendMessageHeader};

/// Code 324. The answer of a request-reply exchange, long field names (Go client).
#[derive(Clone, Copy, Debug)]
pub struct SendReplyMessage;

impl RequestHeader for SendReplyMessage {
    const CODE: RequestCode = RequestCode::SEND_REPLY_MESSAGE;
    const NAME: &'static str = "SEND_REPLY_MESSAGE";
    const LANE: Lane = Lane::Send;
    type View<'a> = SendMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<SendMessageHeader<'a>, HeaderError> {
        SendMessageHeader::decode(fields)
    }
}

/// Code 325. The answer of a request-reply exchange, one-letter field names (Java client).
#[derive(Clone, Copy, Debug)]
pub struct SendReplyMessageV2;

impl RequestHeader for SendReplyMessageV2 {
    const CODE: RequestCode = RequestCode::SEND_REPLY_MESSAGE_V2;
    const NAME: &'static str = "SEND_REPLY_MESSAGE_V2";
    const LANE: Lane = Lane::Send;
    type View<'a> = SendMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<SendMessageHeader<'a>, HeaderError> {
        SendMessageHeader::decode_short(fields)
    }
}

/// Code 326. The broker hands a reply message to the client that asked; the client acknowledges it.
#[derive(Clone, Copy, Debug)]
pub struct PushReplyMessageToClient;

impl RequestHeader for PushReplyMessageToClient {
    const CODE: RequestCode = RequestCode::PUSH_REPLY_MESSAGE_TO_CLIENT;
    const NAME: &'static str = "PUSH_REPLY_MESSAGE_TO_CLIENT";
    const LANE: Lane = Lane::Client;
    type View<'a> = ReplyMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ReplyMessageHeader<'a>, HeaderError> {
        ReplyMessageHeader::decode(fields)
    }
}
