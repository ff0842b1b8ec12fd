// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Half messages and their end.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    CheckTransactionStateHeader, EndTransactionHeader, ListHalfMessagesHeader,
    ResumeCheckHalfMessageHeader,
};

/// Code 37. Commits or rolls back a half message.
#[derive(Clone, Copy, Debug)]
pub struct EndTransaction;

impl RequestHeader for EndTransaction {
    const CODE: RequestCode = RequestCode::END_TRANSACTION;
    const NAME: &'static str = "END_TRANSACTION";
    const LANE: Lane = Lane::Send;
    type View<'a> = EndTransactionHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<EndTransactionHeader<'a>, HeaderError> {
        EndTransactionHeader::decode(fields)
    }
}

/// Code 39. Asks a producer what became of a transaction; it answers with END_TRANSACTION.
#[derive(Clone, Copy, Debug)]
pub struct CheckTransactionState;

impl RequestHeader for CheckTransactionState {
    const CODE: RequestCode = RequestCode::CHECK_TRANSACTION_STATE;
    const NAME: &'static str = "CHECK_TRANSACTION_STATE";
    const LANE: Lane = Lane::Client;
    type View<'a> = CheckTransactionStateHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<CheckTransactionStateHeader<'a>, HeaderError> {
        CheckTransactionStateHeader::decode(fields)
    }
}

/// Code 323. Puts a half message back into checking.
#[derive(Clone, Copy, Debug)]
pub struct ResumeCheckHalfMessage;

impl RequestHeader for ResumeCheckHalfMessage {
    const CODE: RequestCode = RequestCode::RESUME_CHECK_HALF_MESSAGE;
    const NAME: &'static str = "RESUME_CHECK_HALF_MESSAGE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ResumeCheckHalfMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ResumeCheckHalfMessageHeader<'a>, HeaderError> {
        ResumeCheckHalfMessageHeader::decode(fields)
    }
}

/// Code 60001. Half messages that wait for their end, oldest first. Remora's own.
#[derive(Clone, Copy, Debug)]
pub struct ListHalfMessages;

impl RequestHeader for ListHalfMessages {
    const CODE: RequestCode = RequestCode::LIST_HALF_MESSAGES;
    const NAME: &'static str = "LIST_HALF_MESSAGES";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ListHalfMessagesHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<ListHalfMessagesHeader<'a>, HeaderError> {
        ListHalfMessagesHeader::decode(fields)
    }
}
