//! What brokers ask of clients.
use std::sync::{Arc, Weak};

use remora_protocol::{RequestCode, ResponseCode, body};
use remora_remoting::{Body, Call, Connection, Refusal, Service, Turn};

use super::Inner;
use crate::queue::MessageQueue;

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
