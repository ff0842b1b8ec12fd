// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Codes that are reserved and that nobody sends.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};

/// Code 13. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct QueryBrokerOffset;

impl RequestHeader for QueryBrokerOffset {
    const CODE: RequestCode = RequestCode::QUERY_BROKER_OFFSET;
    const NAME: &'static str = "QUERY_BROKER_OFFSET";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 22. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct GetTopicConfigList;

impl RequestHeader for GetTopicConfigList {
    const CODE: RequestCode = RequestCode::GET_TOPIC_CONFIG_LIST;
    const NAME: &'static str = "GET_TOPIC_CONFIG_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 23. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct GetTopicNameList;

impl RequestHeader for GetTopicNameList {
    const CODE: RequestCode = RequestCode::GET_TOPIC_NAME_LIST;
    const NAME: &'static str = "GET_TOPIC_NAME_LIST";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 27. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct TriggerDeleteFiles;

impl RequestHeader for TriggerDeleteFiles {
    const CODE: RequestCode = RequestCode::TRIGGER_DELETE_FILES;
    const NAME: &'static str = "TRIGGER_DELETE_FILES";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 47. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct GetClientConfig;

impl RequestHeader for GetClientConfig {
    const CODE: RequestCode = RequestCode::GET_CLIENT_CONFIG;
    const NAME: &'static str = "GET_CLIENT_CONFIG";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 209. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct SuspendConsumer;

impl RequestHeader for SuspendConsumer {
    const CODE: RequestCode = RequestCode::SUSPEND_CONSUMER;
    const NAME: &'static str = "SUSPEND_CONSUMER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 210. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct ResumeConsumer;

impl RequestHeader for ResumeConsumer {
    const CODE: RequestCode = RequestCode::RESUME_CONSUMER;
    const NAME: &'static str = "RESUME_CONSUMER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 211. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct ResetConsumerOffsetInConsumer;

impl RequestHeader for ResetConsumerOffsetInConsumer {
    const CODE: RequestCode = RequestCode::RESET_CONSUMER_OFFSET_IN_CONSUMER;
    const NAME: &'static str = "RESET_CONSUMER_OFFSET_IN_CONSUMER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 212. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct ResetConsumerOffsetInBroker;

impl RequestHeader for ResetConsumerOffsetInBroker {
    const CODE: RequestCode = RequestCode::RESET_CONSUMER_OFFSET_IN_BROKER;
    const NAME: &'static str = "RESET_CONSUMER_OFFSET_IN_BROKER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 213. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct AdjustConsumerThreadPool;

impl RequestHeader for AdjustConsumerThreadPool {
    const CODE: RequestCode = RequestCode::ADJUST_CONSUMER_THREAD_POOL;
    const NAME: &'static str = "ADJUST_CONSUMER_THREAD_POOL";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 214. Never implemented by Apache.
#[derive(Clone, Copy, Debug)]
pub struct WhoConsumeTheMessage;

impl RequestHeader for WhoConsumeTheMessage {
    const CODE: RequestCode = RequestCode::WHO_CONSUME_THE_MESSAGE;
    const NAME: &'static str = "WHO_CONSUME_THE_MESSAGE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 301. Registered a filter server process of version 4.
#[derive(Clone, Copy, Debug)]
pub struct RegisterFilterServer;

impl RequestHeader for RegisterFilterServer {
    const CODE: RequestCode = RequestCode::REGISTER_FILTER_SERVER;
    const NAME: &'static str = "REGISTER_FILTER_SERVER";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 302. Uploaded a filter class of version 4.
#[derive(Clone, Copy, Debug)]
pub struct RegisterMessageFilterClass;

impl RequestHeader for RegisterMessageFilterClass {
    const CODE: RequestCode = RequestCode::REGISTER_MESSAGE_FILTER_CLASS;
    const NAME: &'static str = "REGISTER_MESSAGE_FILTER_CLASS";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}
