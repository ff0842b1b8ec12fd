// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Queues assigned by the server.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};

/// Code 400. The broker assigns queues to a client.
#[derive(Clone, Copy, Debug)]
pub struct QueryAssignment;

impl RequestHeader for QueryAssignment {
    const CODE: RequestCode = RequestCode::QUERY_ASSIGNMENT;
    const NAME: &'static str = "QUERY_ASSIGNMENT";
    const LANE: Lane = Lane::Client;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 401. Sets whether a group pulls or pops a topic.
#[derive(Clone, Copy, Debug)]
pub struct SetMessageRequestMode;

impl RequestHeader for SetMessageRequestMode {
    const CODE: RequestCode = RequestCode::SET_MESSAGE_REQUEST_MODE;
    const NAME: &'static str = "SET_MESSAGE_REQUEST_MODE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 402. The request modes of all groups, for a slave.
#[derive(Clone, Copy, Debug)]
pub struct GetAllMessageRequestMode;

impl RequestHeader for GetAllMessageRequestMode {
    const CODE: RequestCode = RequestCode::GET_ALL_MESSAGE_REQUEST_MODE;
    const NAME: &'static str = "GET_ALL_MESSAGE_REQUEST_MODE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}
