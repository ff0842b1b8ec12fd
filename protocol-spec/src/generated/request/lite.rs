// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Lite topics of Apache RocketMQ 5.5.
use crate::code::{Lane, RequestCode};
use crate::fields::{Fields, HeaderError, RequestHeader};
use crate::generated::header::{
    AckMessageHeader, GetLiteClientInfoHeader, GetLiteGroupInfoHeader, GetLiteTopicInfoHeader,
    GetParentTopicInfoHeader, NotifyUnsubscribeLiteHeader, PopLiteMessageHeader,
    TriggerLiteDispatchHeader,
};

/// Code 200070. Pops messages of the lite topics a client subscribes to.
#[derive(Clone, Copy, Debug)]
pub struct PopLiteMessage;

impl RequestHeader for PopLiteMessage {
    const CODE: RequestCode = RequestCode::POP_LITE_MESSAGE;
    const NAME: &'static str = "POP_LITE_MESSAGE";
    const LANE: Lane = Lane::Pull;
    type View<'a> = PopLiteMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<PopLiteMessageHeader<'a>, HeaderError> {
        PopLiteMessageHeader::decode(fields)
    }
}

/// Code 200071. Adds, replaces or removes lite subscriptions.
#[derive(Clone, Copy, Debug)]
pub struct LiteSubscriptionCtl;

impl RequestHeader for LiteSubscriptionCtl {
    const CODE: RequestCode = RequestCode::LITE_SUBSCRIPTION_CTL;
    const NAME: &'static str = "LITE_SUBSCRIPTION_CTL";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 200072. Acknowledges a message of a lite topic.
#[derive(Clone, Copy, Debug)]
pub struct AckLiteMessage;

impl RequestHeader for AckLiteMessage {
    const CODE: RequestCode = RequestCode::ACK_LITE_MESSAGE;
    const NAME: &'static str = "ACK_LITE_MESSAGE";
    const LANE: Lane = Lane::Pull;
    type View<'a> = AckMessageHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<AckMessageHeader<'a>, HeaderError> {
        AckMessageHeader::decode(fields)
    }
}

/// Code 200073. Tells a client that a lite subscription was dropped.
#[derive(Clone, Copy, Debug)]
pub struct NotifyUnsubscribeLite;

impl RequestHeader for NotifyUnsubscribeLite {
    const CODE: RequestCode = RequestCode::NOTIFY_UNSUBSCRIBE_LITE;
    const NAME: &'static str = "NOTIFY_UNSUBSCRIBE_LITE";
    const LANE: Lane = Lane::Admin;
    type View<'a> = NotifyUnsubscribeLiteHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<NotifyUnsubscribeLiteHeader<'a>, HeaderError> {
        NotifyUnsubscribeLiteHeader::decode(fields)
    }
}

/// Code 200074. Figures of lite topics on a broker.
#[derive(Clone, Copy, Debug)]
pub struct GetBrokerLiteInfo;

impl RequestHeader for GetBrokerLiteInfo {
    const CODE: RequestCode = RequestCode::GET_BROKER_LITE_INFO;
    const NAME: &'static str = "GET_BROKER_LITE_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = ();

    fn decode(_fields: &Fields<'_>) -> Result<(), HeaderError> {
        Ok(())
    }
}

/// Code 200075. A parent topic with its lite topics.
#[derive(Clone, Copy, Debug)]
pub struct GetParentTopicInfo;

impl RequestHeader for GetParentTopicInfo {
    const CODE: RequestCode = RequestCode::GET_PARENT_TOPIC_INFO;
    const NAME: &'static str = "GET_PARENT_TOPIC_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetParentTopicInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetParentTopicInfoHeader<'a>, HeaderError> {
        GetParentTopicInfoHeader::decode(fields)
    }
}

/// Code 200076. One lite topic with its subscribers.
#[derive(Clone, Copy, Debug)]
pub struct GetLiteTopicInfo;

impl RequestHeader for GetLiteTopicInfo {
    const CODE: RequestCode = RequestCode::GET_LITE_TOPIC_INFO;
    const NAME: &'static str = "GET_LITE_TOPIC_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetLiteTopicInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetLiteTopicInfoHeader<'a>, HeaderError> {
        GetLiteTopicInfoHeader::decode(fields)
    }
}

/// Code 200077. The lite subscriptions of a client.
#[derive(Clone, Copy, Debug)]
pub struct GetLiteClientInfo;

impl RequestHeader for GetLiteClientInfo {
    const CODE: RequestCode = RequestCode::GET_LITE_CLIENT_INFO;
    const NAME: &'static str = "GET_LITE_CLIENT_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetLiteClientInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetLiteClientInfoHeader<'a>, HeaderError> {
        GetLiteClientInfoHeader::decode(fields)
    }
}

/// Code 200078. The lag of a lite group.
#[derive(Clone, Copy, Debug)]
pub struct GetLiteGroupInfo;

impl RequestHeader for GetLiteGroupInfo {
    const CODE: RequestCode = RequestCode::GET_LITE_GROUP_INFO;
    const NAME: &'static str = "GET_LITE_GROUP_INFO";
    const LANE: Lane = Lane::Admin;
    type View<'a> = GetLiteGroupInfoHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<GetLiteGroupInfoHeader<'a>, HeaderError> {
        GetLiteGroupInfoHeader::decode(fields)
    }
}

/// Code 200079. Starts delivery to a lite client at once.
#[derive(Clone, Copy, Debug)]
pub struct TriggerLiteDispatch;

impl RequestHeader for TriggerLiteDispatch {
    const CODE: RequestCode = RequestCode::TRIGGER_LITE_DISPATCH;
    const NAME: &'static str = "TRIGGER_LITE_DISPATCH";
    const LANE: Lane = Lane::Admin;
    type View<'a> = TriggerLiteDispatchHeader<'a>;

    fn decode<'a>(fields: &Fields<'a>) -> Result<TriggerLiteDispatchHeader<'a>, HeaderError> {
        TriggerLiteDispatchHeader::decode(fields)
    }
}
