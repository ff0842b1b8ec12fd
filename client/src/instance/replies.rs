//! Questions of this client that wait for replies (pushed with request 326).
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use remora_protocol::header::ReplyMessageHeader;
use remora_protocol::properties::{self, name};
use remora_remoting::{Body, Call, Refusal};
use tokio::sync::oneshot;

use super::Client;
use crate::clock;
use crate::error::ClientError;
use crate::view::{MessageView, ReplyParts};

/// Who waits, by correlation id.
type Waiting = Mutex<HashMap<Arc<str>, oneshot::Sender<MessageView>>>;

/// The questions of one client.
#[derive(Debug, Default)]
pub(super) struct Replies {
    waiting: Arc<Waiting>,
}

/// A question that is about to be sent; forgotten when it is dropped.
#[derive(Debug)]
pub(crate) struct AwaitedReply {
    waiting: Arc<Waiting>,
    correlation_id: Arc<str>,
    arrival: oneshot::Receiver<MessageView>,
}

impl Client {
    /// Waits for the reply to a question with a new correlation id.
    pub(crate) fn await_reply(&self) -> AwaitedReply {
        let correlation_id: Arc<str> = self.inner.unique_ids.next(clock::wall_ms()).as_str().into();
        let (sender, arrival) = oneshot::channel();
        let waiting = Arc::clone(&self.inner.replies.waiting);
        waiting.lock().insert(Arc::clone(&correlation_id), sender);
        AwaitedReply { waiting, correlation_id, arrival }
    }
}

impl AwaitedReply {
    pub(crate) fn correlation_id(&self) -> &str {
        &self.correlation_id
    }

    pub(crate) async fn reply(mut self) -> Result<MessageView, ClientError> {
        (&mut self.arrival).await.map_err(|_| ClientError::Closed)
    }
}

impl Drop for AwaitedReply {
    fn drop(&mut self) {
        self.waiting.lock().remove(&self.correlation_id);
    }
}

impl Replies {
    /// A pushed reply, for whoever waits for it. One that nobody waits for (any more) is
    /// acknowledged too: the replier should not send it again.
    pub(super) fn arrived(&self, call: &Call<'_, '_>) -> Result<Body, Refusal> {
        let header = ReplyMessageHeader::decode(&call.frame.fields)
            .map_err(|error| super::from_broker::refuse(error.to_string()))?;
        let text = header.properties.to_str();
        let id = properties::find(text.as_bytes(), name::CORRELATION_ID).unwrap_or_default();
        let Some(waiting) = self.waiting.lock().remove(id) else {
            tracing::debug!(correlation_id = id, "a reply that nobody waits for");
            return Ok(Body::Empty);
        };
        let host =
            |text: &str| text.parse().unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let view = MessageView::of_reply(ReplyParts {
            topic: &header.topic,
            queue_id: header.queue_id,
            flag: header.flag,
            sys_flag: header.sys_flag,
            born_timestamp_ms: header.born_timestamp,
            born_host: host(&header.born_host),
            store_timestamp_ms: header.store_timestamp,
            store_host: host(&header.store_host),
            reconsume_times: header.reconsume_times.unwrap_or(0),
            body: Bytes::copy_from_slice(call.frame.body),
            properties: text.into_owned().into(),
        });
        // Gone meanwhile: as one that nobody waits for.
        let _ = waiting.send(view);
        Ok(Body::Empty)
    }
}
