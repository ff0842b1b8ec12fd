//! Questions and their replies.
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use remora_protocol::properties::name;

use super::Producer;
use crate::error::ClientError;
use crate::message::Message;
use crate::view::MessageView;

/// Topics whose brokers have had a heartbeat before the first question.
pub(super) type AskedTopics = Mutex<HashSet<Arc<str>>>;

impl Producer {
    /// Sends a message and waits for the reply that its consumer makes with
    /// [`MessageView::reply`] (Java: `MessageUtil.createReplyMessage`). `timeout` is for all of it.
    ///
    /// # Errors
    /// Those of a send; `NoReply` when none came in time. The message may then have been consumed
    /// all the same.
    pub async fn request(
        &self,
        message: Message,
        timeout: Duration,
    ) -> Result<MessageView, ClientError> {
        let topic = Arc::clone(&message.topic);
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let asked = self.send_and_wait(message, timeout_ms);
        let asked = tokio::time::timeout(timeout, asked).await;
        asked.unwrap_or_else(|_| Err(ClientError::NoReply { topic: topic.to_string(), timeout_ms }))
    }

    /// Sends the reply to a message that was received: the same as sending `message.reply(body)?`.
    ///
    /// # Errors
    /// Those of [`MessageView::reply`], and of a send: the broker refuses a reply that the asker
    /// did not take, for one because it is gone.
    pub async fn reply(
        &self,
        message: &MessageView,
        body: impl Into<Bytes>,
    ) -> Result<(), ClientError> {
        self.send(message.reply(body)?).await.map(|_| ())
    }

    async fn send_and_wait(
        &self,
        mut message: Message,
        timeout_ms: u64,
    ) -> Result<MessageView, ClientError> {
        self.name_in_full(&mut message);
        let client = &self.shared.client;
        self.announce(&message.topic).await?;
        let waiting = client.await_reply();
        let message = message
            .property(name::CORRELATION_ID, waiting.correlation_id())
            .property(name::REPLY_TO_CLIENT, client.client_id())
            .property(name::TTL, &timeout_ms.to_string());
        self.send(message).await?;
        waiting.reply().await
    }

    /// A broker knows from heartbeats where to push replies.
    async fn announce(&self, topic: &Arc<str>) -> Result<(), ClientError> {
        if self.shared.asked_topics.lock().contains(topic) {
            return Ok(());
        }
        crate::limits::check_topic(topic)?;
        let client = &self.shared.client;
        client.publish_route(topic, self.shared.settings.new_topic_queues).await?;
        client.heartbeat_now().await;
        self.shared.asked_topics.lock().insert(Arc::clone(topic));
        Ok(())
    }
}
