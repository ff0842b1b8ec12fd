//! Finding messages.
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::message_id::OffsetId;
use remora_protocol::properties::name;
use remora_protocol::{EncodeHeader, FieldWriter, RequestCode, ResponseCode, header};

use super::{Admin, BrokerAddr};
use crate::consumer::INFLATED_BYTES_MAX;
use crate::error::ClientError;
use crate::queue::MessageQueue;
use crate::view::MessageView;

/// Which store times to search, in ms since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeSpan {
    pub begin_ms: i64,
    pub end_ms: i64,
}

impl TimeSpan {
    /// Everything stored.
    pub const ALL: Self = Self { begin_ms: 0, end_ms: i64::MAX };
}

/// Asks for the message with that unique id instead of messages with a key.
struct ByUniqueKey<'a>(&'a header::QueryMessageHeader<'a>);

impl EncodeHeader for ByUniqueKey<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        self.0.encode(out);
        out.str("_UNIQUE_KEY_QUERY", "true");
    }
}

impl Admin {
    /// Messages of a topic with a key, the newest first, at most `count_max` from each broker.
    pub async fn messages_by_key(
        &self,
        topic: &str,
        key: &str,
        count_max: i32,
        span: TimeSpan,
    ) -> Result<Vec<MessageView>, ClientError> {
        let request = query(topic, key, count_max, span);
        let mut found = self.query(topic, &request).await?;
        // The index is by hash.
        found.retain(|message| message.keys().any(|word| word == key));
        found.sort_by_key(|message| std::cmp::Reverse(message.store_timestamp_ms));
        Ok(found)
    }

    /// The message of a topic with this unique id (UNIQ_KEY); `None` if it is not stored (any
    /// more).
    pub async fn message_by_unique_key(
        &self,
        topic: &str,
        msg_id: &str,
    ) -> Result<Option<MessageView>, ClientError> {
        let request = query(topic, msg_id, 32, TimeSpan::ALL);
        let found = self.query(topic, &ByUniqueKey(&request)).await?;
        Ok(found.into_iter().find(|message| message.property(name::UNIQ_KEY) == Some(msg_id)))
    }

    /// The message at the place that an offset id names: the broker is asked at the address in it.
    pub async fn message_by_offset_id(
        &self,
        topic: &str,
        offset_msg_id: &str,
    ) -> Result<MessageView, ClientError> {
        let id = OffsetId::parse(offset_msg_id).map_err(|e| ClientError::Setting {
            setting: "message id",
            value: offset_msg_id.to_owned(),
            reason: e.to_string(),
        })?;
        let request =
            header::ViewMessageHeader { topic: Some(topic.into()), offset: id.physical_offset };
        let broker = BrokerAddr::at(id.store_host.to_string());
        let code = RequestCode::VIEW_MESSAGE_BY_ID;
        let answer = self.ask(&broker, "message by id", code, &request, Bytes::new()).await?;
        let near = MessageQueue::new(topic, Arc::clone(&broker.broker_name), 0);
        let (message, _) = MessageView::decode(&answer.body(), &near, INFLATED_BYTES_MAX)
            .map_err(|e| answer.not_understood(&e))?;
        Ok(message)
    }

    async fn query(
        &self,
        topic: &str,
        header: &(impl EncodeHeader + Sync),
    ) -> Result<Vec<MessageView>, ClientError> {
        let mut found = Vec::new();
        for broker in self.masters_of(topic).await? {
            let to = (&*broker.broker_name, &broker.addr);
            let code = RequestCode::QUERY_MESSAGE;
            let answer = self.client.ask_broker(to, "query", code, header, Bytes::new()).await?;
            if matches!(answer.code(), ResponseCode::QUERY_NOT_FOUND | ResponseCode::NO_MESSAGE) {
                continue;
            }
            let answer = answer.success()?;
            let near = MessageQueue::new(topic, Arc::clone(&broker.broker_name), 0);
            let views = MessageView::decode_all(&answer.body(), &near, INFLATED_BYTES_MAX);
            found.extend(views.map_err(|e| answer.not_understood(&e))?);
        }
        Ok(found)
    }
}

fn query<'a>(
    topic: &'a str,
    key: &'a str,
    count_max: i32,
    span: TimeSpan,
) -> header::QueryMessageHeader<'a> {
    header::QueryMessageHeader {
        topic: topic.into(),
        key: key.into(),
        max_num: count_max,
        begin_timestamp: span.begin_ms,
        end_timestamp: span.end_ms,
        ..Default::default()
    }
}
