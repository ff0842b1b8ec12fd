//! Connected clients as administrators see them: 203, 204, 328; and what is relayed to one of
//! them: 223 (as 221), 307, 309.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::body::{
    self, GetConsumerStatusBody, ProducerInfo, ProducerTableInfo, QueueTable,
};
use remora_protocol::header::{
    ConsumeMessageDirectlyResultHeader, GetConsumerConnectionListHeader,
    GetConsumerRunningInfoHeader, GetConsumerStatusHeader, GetProducerConnectionListHeader,
};
use remora_protocol::message_id::OffsetId;
use remora_protocol::{EncodeHeader, OwnedFrame, RequestCode, ResponseCode};
use remora_remoting::routes::Request;
use remora_remoting::{Body, Connection, Refusal, Reply, RequestError, Responder};

use crate::broker::Broker;
use crate::client_table::{Clash, Member};
use crate::{refusals, time};

/// How long a client may take to answer what is relayed to it: Apache's 10 s.
const RELAY_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for its offsets: Apache's 5 s.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// 203 GET_CONSUMER_CONNECTION_LIST.
pub(crate) fn consumer_connections(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetConsumerConnectionListHeader<'_>,
) -> Result<Reply, Refusal> {
    let name = header.consumer_group.as_ref();
    let found = broker.clients.read(|table| table.group(name).cloned());
    let Some(group) = found else { return Err(refusals::consumer_not_online(name, None)) };
    let answer = body::ConsumerConnection {
        clashes: group.clashes().into_iter().map(shown_clash).collect(),
        connection_set: connections(broker, group.members.into_values()),
        consume_from_where: group.kind.consume_from_where,
        consume_type: group.kind.consume_type,
        message_model: group.kind.message_model,
        subscription_table: group
            .subscriptions
            .into_iter()
            .map(|(topic, subscription)| (topic, subscription.data.clone()))
            .collect(),
    };
    Ok(Reply::success().body(body::encode(&answer)))
}

fn shown_clash(clash: Clash) -> body::SubscriptionClash {
    let Clash { topic, client_ids, expressions, .. } = clash;
    let [client_id, other_client_id] = client_ids;
    let [expression, other_expression] = expressions;
    body::SubscriptionClash { topic, client_id, expression, other_client_id, other_expression }
}

/// 204 GET_PRODUCER_CONNECTION_LIST.
pub(crate) fn producer_connections(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: GetProducerConnectionListHeader<'_>,
) -> Result<Reply, Refusal> {
    let name = header.producer_group.as_ref();
    let members: Vec<Member> =
        broker.clients.read(|table| table.producers(name).cloned().collect());
    if members.is_empty() {
        let remark = format!("nobody of producer group '{name}' is connected to this broker");
        return Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark));
    }
    let answer =
        body::ProducerConnection { connection_set: connections(broker, members.into_iter()) };
    Ok(Reply::success().body(body::encode(&answer)))
}

fn connections(broker: &Broker, members: impl Iterator<Item = Member>) -> Vec<body::Connection> {
    members
        .map(|member| body::Connection {
            client_addr: peer(broker, &member).map(|peer| peer.to_string()).unwrap_or_default(),
            client_id: member.client.client_id,
            language: member.client.language.name().to_owned(),
            version: member.client.version,
        })
        .collect()
}

fn peer(broker: &Broker, member: &Member) -> Option<SocketAddr> {
    broker.clients.connection(member.connection_id).map(|conn| conn.peer)
}

/// 328 GET_ALL_PRODUCER_INFO.
pub(crate) fn all_producers(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let groups: Vec<(Arc<str>, Vec<Member>)> = broker.clients.read(|table| {
        let groups = table.producer_groups();
        groups.map(|(name, members)| (name.clone(), members.values().cloned().collect())).collect()
    });
    let started_ms = time::wall_ms() - time::tick_ms();
    let info = |member: Member| ProducerInfo {
        remote_ip: peer(broker, &member).map(|peer| peer.to_string()).unwrap_or_default(),
        client_id: member.client.client_id,
        language: member.client.language.name().to_owned(),
        last_update_timestamp: started_ms + member.last_seen_ms,
        version: member.client.version,
    };
    let data = groups
        .into_iter()
        .map(|(name, members)| (name.to_string(), members.into_iter().map(info).collect()));
    Ok(Reply::success().body(body::encode(&ProducerTableInfo { data: data.collect() })))
}

/// 307 GET_CONSUMER_RUNNING_INFO, asked of the client itself.
pub(crate) async fn running_info(broker: Arc<Broker>, frame: OwnedFrame, responder: Responder) {
    responder.send(relay_running_info(&broker, &frame).await);
}

async fn relay_running_info(broker: &Broker, frame: &OwnedFrame) -> Result<Reply, Refusal> {
    let view = frame.view();
    let header = GetConsumerRunningInfoHeader::decode(&view.fields)
        .map_err(|error| refusals::header(&error))?;
    let target = Target::find(broker, &header.consumer_group, &header.client_id)?;
    target.relay(RequestCode::GET_CONSUMER_RUNNING_INFO, &header, Body::Empty).await
}

/// 309 CONSUME_MESSAGE_DIRECTLY: the client is given a stored message to consume once more.
pub(crate) async fn consume_directly(broker: Arc<Broker>, frame: OwnedFrame, responder: Responder) {
    responder.send(relay_consume_directly(&broker, &frame).await);
}

async fn relay_consume_directly(broker: &Broker, frame: &OwnedFrame) -> Result<Reply, Refusal> {
    let invalid = |remark: String| Refusal::new(ResponseCode::INVALID_PARAMETER, remark);
    let view = frame.view();
    let mut header = ConsumeMessageDirectlyResultHeader::decode(&view.fields)
        .map_err(|error| refusals::header(&error))?;
    let client_id = header.client_id.clone().unwrap_or_default();
    let target = Target::find(broker, &header.consumer_group, &client_id)?;

    let id = header.msg_id.as_deref().unwrap_or_default();
    let offset_id = OffsetId::parse(id)
        .map_err(|error| invalid(format!("field 'msgId' is '{id}', not an offset id: {error}")))?;
    let physical_offset = u64::try_from(offset_id.physical_offset)
        .map_err(|_| invalid(format!("field 'msgId' is '{id}', its offset is below 0")))?;
    let record = broker
        .store
        .message_at(physical_offset)
        .map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()))?;

    let topic = header.topic.as_deref().and_then(|topic| broker.topics.find(topic));
    let group = broker.groups.find(&header.consumer_group);
    header.broker_name = Some(broker.config.peek().broker_name.clone().into());
    header.topic_sys_flag =
        topic.map(|topic| topic.config.topic_sys_flag).or(header.topic_sys_flag);
    header.group_sys_flag = group.map(|group| group.group_sys_flag).or(header.group_sys_flag);
    target.relay(RequestCode::CONSUME_MESSAGE_DIRECTLY, &header, Body::Bytes(record)).await
}

/// 223 INVOKE_BROKER_TO_GET_CONSUMER_STATUS: the offsets that every client of the group, or the one
/// that is named, holds in memory. A client that does not answer is left out.
pub(crate) async fn consumer_status(broker: Arc<Broker>, frame: OwnedFrame, responder: Responder) {
    responder.send(collect_status(&broker, &frame).await);
}

async fn collect_status(broker: &Broker, frame: &OwnedFrame) -> Result<Reply, Refusal> {
    let view = frame.view();
    let asked =
        GetConsumerStatusHeader::decode(&view.fields).map_err(|error| refusals::header(&error))?;
    let wanted = asked.client_addr.as_deref().filter(|id| !id.is_empty());
    let members: Vec<Member> = broker.clients.read(|table| {
        let group = table.group(&asked.group);
        let members = group.into_iter().flat_map(|group| group.members.values());
        members
            .filter(|member| wanted.is_none_or(|id| id == member.client.client_id))
            .cloned()
            .collect()
    });
    if members.is_empty() {
        return Err(refusals::consumer_not_online(&asked.group, wanted));
    }
    let header = GetConsumerStatusHeader {
        topic: asked.topic.clone(),
        group: asked.group.clone(),
        client_addr: None,
    };
    // Asked all at once, so that one that hangs costs its own timeout only.
    let code = RequestCode::GET_CONSUMER_STATUS_FROM_CLIENT;
    let mut answers = Vec::new();
    for member in members {
        let Some(conn) = broker.clients.connection(member.connection_id) else { continue };
        match conn.send(code, &header, Body::Empty, STATUS_TIMEOUT) {
            Ok(answer) => answers.push((member.client.client_id, answer)),
            Err(error) => tracing::warn!(client = member.client.client_id, %error, "not asked"),
        }
    }
    let mut status = GetConsumerStatusBody::default();
    for (client_id, answer) in answers {
        match answer.await {
            Ok(frame) => {
                status.consumer_table.extend(status_of(&frame).map(|table| (client_id, table)));
            }
            Err(error) => tracing::warn!(client = client_id, %error, "no consumer status"),
        }
    }
    Ok(Reply::success().body(body::encode(&status)))
}

fn status_of(frame: &OwnedFrame) -> Option<QueueTable<i64>> {
    let view = frame.view();
    if view.code != ResponseCode::SUCCESS.0 {
        return None;
    }
    let status: GetConsumerStatusBody = body::decode(view.body).ok()?;
    Some(status.message_queue_table)
}

/// The client that a request is for.
struct Target {
    group: String,
    client_id: String,
    conn: Arc<Connection>,
}

impl Target {
    fn find(broker: &Broker, group: &str, client_id: &str) -> Result<Self, Refusal> {
        let connection_id = broker.clients.read(|table| {
            let members = table.group(group).into_iter().flat_map(|group| group.members.values());
            // The newest connection: an older one of the same client may linger.
            let mut members = members.filter(|member| member.client.client_id == client_id);
            members.next_back().map(|member| member.connection_id)
        });
        let conn = connection_id.and_then(|id| broker.clients.connection(id));
        let conn = conn.ok_or_else(|| refusals::consumer_not_online(group, Some(client_id)))?;
        Ok(Self { group: group.to_owned(), client_id: client_id.to_owned(), conn })
    }

    /// Its answer, whatever the code; answers of these requests have no fields.
    async fn relay(
        &self,
        code: RequestCode,
        header: &(impl EncodeHeader + Sync),
        body: Body,
    ) -> Result<Reply, Refusal> {
        let answer = self.conn.request(code, header, body, RELAY_TIMEOUT).await;
        let frame = answer.map_err(|error| self.no_answer(&error))?;
        let view = frame.view();
        Ok(Reply {
            code: ResponseCode(view.code),
            remark: view.remark.map(|remark| remark.to_str().into_owned()),
            fields: Vec::new(),
            body: Body::Bytes(frame.body()),
        })
    }

    fn no_answer(&self, error: &RequestError) -> Refusal {
        let code = match error {
            RequestError::Timeout { .. } => ResponseCode::CONSUME_MSG_TIMEOUT,
            _ => ResponseCode::SYSTEM_ERROR,
        };
        let remark = format!(
            "consumer '{}' of group '{}' was asked and did not answer: {error}",
            self.client_id, self.group
        );
        Refusal::new(code, remark)
    }
}
