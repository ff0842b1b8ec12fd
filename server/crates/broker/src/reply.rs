//! 324, 325: the reply to a message that asked for one is pushed to the client that waits (326).
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::header::{ReplyMessageHeader, SendMessageHeader};
use remora_protocol::properties::{self, name};
use remora_protocol::{OwnedFrame, RequestCode, RequestHeader, ResponseCode, Text, names, request};
use remora_remoting::{Body, Connection, Refusal, Reply, Responder};

use crate::broker::Broker;
use crate::send::{Origin, Shape, check_body, stage};
use crate::send_turn::SendTurn;
use crate::{refusals, time};

/// How long the asker may take to acknowledge. Chosen: below the 3 s that official producers wait
/// for the answer to a send, so that the replier hears why. Apache waits 10 s.
const PUSH_TIMEOUT: Duration = Duration::from_millis(2_500);

/// `properties::VALUE_END` as text.
const VALUE_END: char = '\u{2}';

/// What Apache answers where the reply is not stored: clients want a number there.
const NO_OFFSET_ID: &str = "0";

/// 324 and 325: answered once the asker has acknowledged. Unlike Apache, a reply that nobody took
/// is not stored: the replier is refused and sends again, which would store it twice.
pub(crate) async fn send_reply(broker: Arc<Broker>, frame: OwnedFrame, responder: Responder) {
    let view = frame.view();
    let header = if view.code == RequestCode::SEND_REPLY_MESSAGE.0 {
        request::SendReplyMessage::decode(&view.fields)
    } else {
        request::SendReplyMessageV2::decode(&view.fields)
    };
    let header = match header.map_err(|error| refusals::header(&error)) {
        Ok(header) => header,
        Err(refusal) => return responder.refuse(&refusal),
    };
    match deliver(&broker, &header, &frame, &responder.conn).await {
        Ok(()) => answer(&broker, &header, &frame, responder),
        Err(refusal) => {
            broker.metrics.rejections.send_refused.add(1);
            responder.refuse(&refusal);
        }
    }
}

/// Hands the reply to the client that its property REPLY_TO_CLIENT names.
async fn deliver(
    broker: &Broker,
    header: &SendMessageHeader<'_>,
    frame: &OwnedFrame,
    replier: &Arc<Connection>,
) -> Result<(), Refusal> {
    names::check_group(&header.producer_group)
        .map_err(|error| refusals::illegal(format!("field 'producerGroup': {error}")))?;
    check_body(&broker.config.peek(), frame.view().body)?;
    let text = header.properties.to_str();
    let client_id = properties::find(text.as_bytes(), name::REPLY_TO_CLIENT).unwrap_or_default();
    if client_id.is_empty() {
        return Err(failed(
            "the message has no property 'REPLY_TO_CLIENT', which says who waits for it: make it from the request (MessageUtil.createReplyMessage)",
        ));
    }
    let asker = broker.clients.asker(client_id).ok_or_else(|| {
        failed(&format!(
            "client '{client_id}' (property REPLY_TO_CLIENT) is not connected to this broker: it has sent neither a heartbeat nor a request here, or has closed"
        ))
    })?;
    let properties = with_push_time(&text);
    let pushed = pushed(broker, header, &properties, replier);
    let body = Body::Bytes(frame.body());
    let code = RequestCode::PUSH_REPLY_MESSAGE_TO_CLIENT;
    let answer = asker.request(code, &pushed, body, PUSH_TIMEOUT).await;
    let answer = answer.map_err(|error| {
        failed(&format!("client '{client_id}' did not acknowledge the reply: {error}"))
    })?;
    let view = answer.view();
    if view.code == ResponseCode::SUCCESS.0 {
        return Ok(());
    }
    let remark = view.remark.map(|remark| remark.to_str().into_owned()).unwrap_or_default();
    Err(failed(&format!(
        "client '{client_id}' refused the reply with code {}: {remark}",
        view.code
    )))
}

/// What the asker gets beside the body.
fn pushed<'a>(
    broker: &Broker,
    header: &'a SendMessageHeader<'_>,
    properties: &'a str,
    replier: &Connection,
) -> ReplyMessageHeader<'a> {
    ReplyMessageHeader {
        producer_group: header.producer_group.as_ref().into(),
        topic: header.topic.as_ref().into(),
        default_topic: header.default_topic.as_ref().into(),
        default_topic_queue_nums: header.default_topic_queue_nums,
        queue_id: header.queue_id,
        sys_flag: header.sys_flag,
        born_timestamp: header.born_timestamp,
        flag: header.flag,
        properties: Text::plain(properties),
        reconsume_times: header.reconsume_times,
        unit_mode: header.unit_mode,
        born_host: replier.peer.to_string().into(),
        store_host: broker.store_host().to_string().into(),
        store_timestamp: time::wall_ms(),
    }
}

/// The reply's own properties, and when it was pushed.
fn with_push_time(properties: &str) -> String {
    let end = if properties.is_empty() || properties.ends_with(VALUE_END) { "" } else { "\u{2}" };
    let pushed_ms = time::wall_ms();
    format!("{properties}{end}{}\u{1}{pushed_ms}{VALUE_END}", name::PUSH_REPLY_TIME)
}

/// Tells the replier, and keeps a copy in the reply topic where that is wanted. A copy that cannot
/// be made is no reason to have the reply sent again.
fn answer(
    broker: &Broker,
    header: &SendMessageHeader<'_>,
    frame: &OwnedFrame,
    responder: Responder,
) {
    let not_stored = |header: &SendMessageHeader<'_>| {
        let settings = broker.config.peek();
        Reply::success()
            .field("msgId", NO_OFFSET_ID)
            .field("queueId", header.queue_id.max(0))
            .field("queueOffset", 0)
            .field("MSG_REGION", &settings.region_id)
            .field("TRACE_ON", settings.trace_on)
    };
    if !broker.config.peek().store_reply_message {
        return responder.send(Ok(not_stored(header)));
    }
    let mut turn = SendTurn::new(broker);
    let origin =
        Origin { body: frame.view().body, peer: responder.conn.peer, shape: Shape::Single };
    let staged = turn
        .topic(broker, &header.topic)
        .ok_or_else(|| refusals::topic_missing(&header.topic))
        .and_then(|topic| stage(broker, &mut turn, topic, header, origin));
    // The replier asks for nothing.
    turn.scratch.properties.take_asker();
    match staged {
        Ok(staged) => turn.finish_one(broker, responder, &staged),
        Err(refusal) => {
            tracing::warn!(topic = %header.topic, %refusal, "reply delivered, no copy stored");
            responder.send(Ok(not_stored(header)));
        }
    }
}

/// 1, as Apache: the replier may try another broker, which the asker may be connected to.
fn failed(remark: &str) -> Refusal {
    Refusal::new(ResponseCode::SYSTEM_ERROR, format!("reply not delivered: {remark}"))
}
