//! Pops: taking messages from a broker, which hides them from the group until they are
//! acknowledged or their time is over.
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::pop_handle::{self, Handle};
use remora_protocol::properties::name;
use remora_protocol::{RequestCode, ResponseCode, header};

use super::calls::millis;
use super::{Answer, Client};
use crate::clock;
use crate::consumer::Subscription;
use crate::error::ClientError;
use crate::namespace::without_namespace;
use crate::queue::MessageQueue;
use crate::view::MessageView;

/// From any queue.
const ANY_QUEUE: i32 = -1;
/// A new group starts at the oldest message.
const INIT_OLDEST: i32 = 0;

/// What to take, and from which broker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PopRequest<'a> {
    pub(crate) group: &'a str,
    pub(crate) broker_name: &'a Arc<str>,
    pub(crate) subscription: &'a Subscription,
    pub(crate) count_max: i32,
    pub(crate) invisible: Duration,
    /// How long the broker may keep the request when there is nothing to take.
    pub(crate) hold: Duration,
    pub(crate) inflated_bytes_max: usize,
}

/// A message that was taken. Other members of the group do not get it while it is hidden.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Popped {
    pub message: MessageView,
    /// The topic it was sent to, also when it comes from the topic of what came back; without the
    /// client's namespace.
    pub topic: Arc<str>,
    /// Names this delivery: POP_CK of Java's client.
    pub handle: String,
}

impl Client {
    /// Takes messages of a topic from any of a broker's queues; none where there are none.
    pub(crate) async fn pop(&self, request: &PopRequest<'_>) -> Result<Vec<Popped>, ClientError> {
        let filter = &request.subscription.filter;
        let header = header::PopMessageHeader {
            consumer_group: request.group.into(),
            topic: (&*request.subscription.topic).into(),
            queue_id: ANY_QUEUE,
            max_msg_nums: request.count_max,
            invisible_time: millis(request.invisible),
            poll_time: millis(request.hold),
            born_time: clock::wall_ms(),
            init_mode: INIT_OLDEST,
            exp_type: Some(filter.expression_type().into()),
            exp: Some(filter.expression().into()),
            ..Default::default()
        };
        let (to, code) = (request.broker_name, RequestCode::POP_MESSAGE);
        let answer = self.ask_master_that_holds(to, "pop", code, &header, request.hold).await?;
        match answer.code() {
            ResponseCode::SUCCESS => self.popped(&answer, request),
            ResponseCode::POLLING_TIMEOUT
            | ResponseCode::POLLING_FULL
            | ResponseCode::PULL_NOT_FOUND => Ok(Vec::new()),
            _ => Err(answer.refused()),
        }
    }

    /// Whether a broker has something of a topic to pop; it waits up to `hold` for it.
    pub(crate) async fn has_messages(&self, request: &PopRequest<'_>) -> Result<bool, ClientError> {
        let filter = &request.subscription.filter;
        let header = header::NotificationHeader {
            consumer_group: request.group.into(),
            topic: (&*request.subscription.topic).into(),
            queue_id: ANY_QUEUE,
            poll_time: millis(request.hold),
            born_time: clock::wall_ms(),
            exp_type: Some(filter.expression_type().into()),
            exp: Some(filter.expression().into()),
            ..Default::default()
        };
        let (to, code) = (request.broker_name, RequestCode::NOTIFICATION);
        let answer = self
            .ask_master_that_holds(to, "notification", code, &header, request.hold)
            .await?
            .success()?;
        Ok(answer.header(header::NotificationReply::decode)?.has_msg)
    }

    /// Says that a message is done with.
    pub(crate) async fn acknowledge(
        &self,
        group: &str,
        popped: &Popped,
    ) -> Result<(), ClientError> {
        let message = &popped.message;
        let header = header::AckMessageHeader {
            consumer_group: group.into(),
            topic: (&*message.queue.topic).into(),
            queue_id: message.queue.queue_id,
            extra_info: popped.handle.as_str().into(),
            offset: message.queue_offset,
            ..Default::default()
        };
        let code = RequestCode::ACK_MESSAGE;
        self.ask_master(&message.queue, "acknowledge", code, &header).await?;
        Ok(())
    }

    /// Hides a message for this long from now on; the handle that names it then.
    pub(crate) async fn change_invisible(
        &self,
        group: &str,
        popped: &Popped,
        invisible: Duration,
    ) -> Result<String, ClientError> {
        let message = &popped.message;
        let header = header::ChangeInvisibleTimeHeader {
            consumer_group: group.into(),
            topic: (&*message.queue.topic).into(),
            queue_id: message.queue.queue_id,
            extra_info: popped.handle.as_str().into(),
            offset: message.queue_offset,
            invisible_time: millis(invisible),
            ..Default::default()
        };
        let (operation, code) =
            ("change invisible time", RequestCode::CHANGE_MESSAGE_INVISIBLETIME);
        let answer = self.ask_master(&message.queue, operation, code, &header).await?;
        let reply = answer.header(header::ChangeInvisibleTimeReply::decode)?;
        let handle = Handle::parse(&popped.handle).map_err(|e| answer.not_understood(&e))?;
        let changed = Handle {
            start_offset: message.queue_offset,
            pop_time_ms: reply.pop_time,
            invisible_ms: reply.invisible_time,
            revive_queue_id: reply.revive_qid,
            ..handle
        };
        Ok(changed.to_string())
    }

    fn popped(
        &self,
        answer: &Answer,
        request: &PopRequest<'_>,
    ) -> Result<Vec<Popped>, ClientError> {
        let mut popped = popped(answer, request)?;
        let full = &request.subscription.topic;
        if let Some(shown) = self.inner.namespace.as_deref().map(|own| without_namespace(own, full))
        {
            let shown: Arc<str> = shown.into();
            popped.iter_mut().for_each(|popped| popped.topic = Arc::clone(&shown));
        }
        self.show_in_namespace(popped.iter_mut().map(|popped| &mut popped.message));
        Ok(popped)
    }
}

fn popped(answer: &Answer, request: &PopRequest<'_>) -> Result<Vec<Popped>, ClientError> {
    let reply = answer.header(header::PopMessageReply::decode)?;
    let topic = &request.subscription.topic;
    let near = MessageQueue::new(Arc::clone(topic), Arc::clone(request.broker_name), 0);
    let mut messages = MessageView::decode_all(&answer.body(), &near, request.inflated_bytes_max)
        .map_err(|e| answer.not_understood(&e))?;
    messages.retain(|message| request.subscription.wants(message.tags()));
    let starts = reply.start_offset_info.as_deref().unwrap_or_default();
    let with_handle = |mut message: MessageView| {
        // Apache's broker shows what came back under the first topic, with a handle that says so.
        let earlier = message.property(name::POP_CK).and_then(|text| Handle::parse(text).ok());
        let mark = match earlier {
            Some(handle) => handle.retry.to_owned(),
            None => pop_handle::retry_mark(&message.queue.topic).to_owned(),
        };
        if message.queue.topic == *topic && mark != "0" {
            message.queue.topic = pop_handle::marked_topic(&mark, topic, request.group).into();
        }
        let queue_id = message.queue.queue_id;
        let start_offset = pop_handle::start_offset(starts, &mark, queue_id).ok_or_else(|| {
            answer.not_understood(&format!(
                "field 'startOffsetInfo' is '{starts}', without queue {queue_id} of mark {mark}"
            ))
        })?;
        let handle = Handle {
            start_offset,
            pop_time_ms: reply.pop_time,
            invisible_ms: reply.invisible_time,
            revive_queue_id: reply.revive_qid,
            retry: &mark,
            broker_name: request.broker_name,
            queue_id,
            queue_offset: message.queue_offset,
        };
        let handle = handle.to_string();
        Ok(Popped { message, topic: Arc::clone(topic), handle })
    };
    messages.into_iter().map(with_handle).collect()
}
