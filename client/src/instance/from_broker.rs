//! What brokers ask of clients.
use std::sync::{Arc, Weak};

use bytes::Bytes;
use remora_protocol::header::CheckTransactionStateHeader;
use remora_protocol::properties::name;
use remora_protocol::{RequestCode, ResponseCode, body};
use remora_remoting::{Body, Call, Connection, Refusal, Service, Turn};

use super::Inner;
use crate::consumer::INFLATED_BYTES_MAX;
use crate::producer::transaction::answer_check;
use crate::queue::MessageQueue;
use crate::view::MessageView;

/// Answers the requests that arrive on the client's connections.
#[derive(Debug)]
pub(super) struct FromBroker {
    pub(super) client: Weak<Inner>,
}

impl Service for FromBroker {
    /// A broker that has been restarted has forgotten its clients: it hears of us at once.
    fn connected(&self, _conn: &Arc<Connection>) {
        if let Some(client) = self.client.upgrade() {
            client.heartbeat_wanted.notify_one();
        }
    }

    fn turn(&self, turn: &mut Turn<'_>) {
        while let Some(call) = turn.next_call() {
            self.serve(call);
        }
    }
}

impl FromBroker {
    fn serve(&self, call: Call<'_, '_>) {
        let code = RequestCode(call.frame.code);
        let answer = match code {
            RequestCode::NOTIFY_CONSUMER_IDS_CHANGED => self.members_changed(&call),
            RequestCode::RESET_CONSUMER_CLIENT_OFFSET => self.reset_offsets(&call),
            RequestCode::GET_CONSUMER_STATUS_FROM_CLIENT => self.consumer_status(&call),
            RequestCode::PUSH_REPLY_MESSAGE_TO_CLIENT => self.reply(&call),
            RequestCode::CHECK_TRANSACTION_STATE => self.check_transaction(&call),
            RequestCode::GET_CONSUMER_RUNNING_INFO => self.running_info(&call),
            _ => Err(Refusal::new(
                ResponseCode::REQUEST_CODE_NOT_SUPPORTED,
                format!("request type {} is not served by this client", code.0),
            )),
        };
        match answer {
            Ok(body) => call.reply(ResponseCode::SUCCESS, &(), body),
            Err(refusal) => call.refuse(refusal),
        }
    }

    /// The answer is a request of our own, once the application has found out.
    fn check_transaction(&self, call: &Call<'_, '_>) -> Result<Body, Refusal> {
        let client = self.client.upgrade().ok_or_else(|| refuse("this client is gone".into()))?;
        let header = CheckTransactionStateHeader::decode(&call.frame.fields)
            .map_err(|error| refuse(error.to_string()))?;
        let broker_name = header.broker_name.as_deref().unwrap_or_default();
        let near = MessageQueue::new("", broker_name, 0);
        let stored = Bytes::copy_from_slice(call.frame.body);
        let (message, _) = MessageView::decode(&stored, &near, INFLATED_BYTES_MAX)
            .map_err(|error| refuse(error.to_string()))?;
        let group = message.property(name::PGROUP).unwrap_or_default().to_owned();
        let Some(checker) = client.checker(&group) else {
            return Err(refuse(format!("nobody here answers for producer group '{group}'")));
        };
        let header = CheckTransactionStateHeader {
            topic: header.topic.map(|topic| topic.into_owned().into()),
            transaction_id: header.transaction_id.map(|id| id.into_owned().into()),
            msg_id: None,
            offset_msg_id: None,
            broker_name: None,
            ..header
        };
        let answering = answer_check(call.conn.clone(), group, header, message, checker);
        client.tasks.spawn(answering);
        Ok(Body::Empty)
    }

    fn members_changed(&self, call: &Call<'_, '_>) -> Result<Body, Refusal> {
        self.consumer(&field(call, "consumerGroup")?)?.rebalance_now();
        Ok(Body::Empty)
    }

    fn reset_offsets(&self, call: &Call<'_, '_>) -> Result<Body, Refusal> {
        let consumer = self.consumer(&field(call, "group")?)?;
        let topic = field(call, "topic")?;
        let reset: body::ResetOffsetBody =
            body::decode(call.frame.body).map_err(|e| refuse(e.to_string()))?;
        let offsets = reset
            .offset_table
            .iter()
            .map(|(queue, offset)| (MessageQueue::from_wire(queue), *offset))
            .collect();
        tracing::info!(%topic, "offsets are being reset by an operator");
        consumer.reset_offsets(&topic, offsets);
        Ok(Body::Empty)
    }

    fn consumer_status(&self, call: &Call<'_, '_>) -> Result<Body, Refusal> {
        let consumer = self.consumer(&field(call, "group")?)?;
        let message_queue_table = consumer
            .offsets(&field(call, "topic")?)
            .into_iter()
            .map(|(queue, offset)| (queue.to_wire(), offset))
            .collect();
        let status = body::GetConsumerStatusBody { message_queue_table, ..Default::default() };
        Ok(body::encode(&status).into())
    }

    fn running_info(&self, call: &Call<'_, '_>) -> Result<Body, Refusal> {
        let info = self.consumer(&field(call, "consumerGroup")?)?.running_info();
        Ok(body::encode(&info).into())
    }

    fn reply(&self, call: &Call<'_, '_>) -> Result<Body, Refusal> {
        let client = self.client.upgrade();
        let client = client.ok_or_else(|| refuse("this client was shut down".to_owned()))?;
        client.replies.arrived(call)
    }

    fn consumer(&self, group: &str) -> Result<Arc<dyn super::ConsumerMember>, Refusal> {
        self.client
            .upgrade()
            .and_then(|client| client.consumer(group))
            .ok_or_else(|| refuse(format!("this client has no consumer of group '{group}'")))
    }
}

fn field(call: &Call<'_, '_>, name: &'static str) -> Result<String, Refusal> {
    call.frame
        .fields
        .find(name)
        .map(std::borrow::Cow::into_owned)
        .ok_or_else(|| refuse(format!("required field '{name}' is missing")))
}

pub(super) fn refuse(remark: String) -> Refusal {
    Refusal::new(ResponseCode::SYSTEM_ERROR, remark)
}
