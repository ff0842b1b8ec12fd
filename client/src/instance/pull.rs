//! One pull: ask a broker for messages of a queue, perhaps waiting there until some arrive.
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::{RequestCode, ResponseCode, header};

use super::Client;
use super::calls::millis;
use crate::consumer::Subscription;
use crate::error::ClientError;
use crate::queue::MessageQueue;
use crate::view::MessageView;

const SYS_FLAG_HOLD: i32 = 2;
const SYS_FLAG_SUBSCRIPTION: i32 = 4;

/// What to read.
#[derive(Clone, Debug)]
pub(crate) struct PullRequest<'a> {
    pub(crate) group: &'a str,
    pub(crate) queue: &'a MessageQueue,
    pub(crate) offset: i64,
    pub(crate) max_count: i32,
    pub(crate) subscription: &'a Subscription,
    /// How long the broker may keep the request when there is nothing to read.
    pub(crate) hold: Duration,
    /// The broker id that the last answer suggested: 0 is the master.
    pub(crate) broker_id: i64,
    pub(crate) inflated_bytes_max: usize,
}

/// How a pull ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PullStatus {
    /// Messages were read. The filter by text may still have left none.
    Found,
    /// The end of the queue: nothing arrived while the request was held.
    NoNewMessage,
    /// None of the messages looked at match the filter; go on at the next offset.
    NoMatchedMessage,
    /// The offset lies outside the queue; the next offset is where to go on.
    OffsetIllegal,
}

/// What a pull brought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pulled {
    pub status: PullStatus,
    pub messages: Vec<MessageView>,
    /// Where to read next.
    pub next_offset: i64,
    /// Bounds of the queue: the first stored message, and one past the last.
    pub min_offset: i64,
    pub max_offset: i64,
    pub(crate) suggested_broker_id: i64,
}

impl Client {
    /// Reads messages of one queue.
    pub(crate) async fn pull(&self, request: &PullRequest<'_>) -> Result<Pulled, ClientError> {
        let queue = request.queue;
        let (_, addr) = self.readable_addr(&queue.broker_name, request.broker_id)?;
        let filter = &request.subscription.filter;
        let hold_ms = millis(request.hold);
        let mut sys_flag = SYS_FLAG_SUBSCRIPTION;
        if hold_ms > 0 {
            sys_flag |= SYS_FLAG_HOLD;
        }
        let header = header::PullMessageHeader {
            consumer_group: request.group.into(),
            topic: (&*queue.topic).into(),
            queue_id: queue.queue_id,
            queue_offset: request.offset,
            max_msg_nums: request.max_count,
            sys_flag,
            // Never committed here: a pull that arrives late could undo what the queue's next
            // reader did.
            commit_offset: 0,
            suspend_timeout_millis: hold_ms,
            subscription: Some(filter.expression().into()),
            sub_version: request.subscription.version_ms,
            expression_type: Some(filter.expression_type().into()),
            ..Default::default()
        };
        let (to, code) = ((&*queue.broker_name, &addr), RequestCode::PULL_MESSAGE);
        let answer = self.ask_broker_that_holds(to, "pull", code, &header, request.hold).await?;
        let mut pulled = pulled(&answer, request)?;
        self.show_in_namespace(pulled.messages.iter_mut());
        Ok(pulled)
    }

    /// Lets applications see messages as those of the client's namespace.
    pub(super) fn show_in_namespace<'m>(
        &self,
        messages: impl Iterator<Item = &'m mut MessageView>,
    ) {
        if let Some(namespace) = &self.inner.namespace {
            messages.for_each(|message| message.namespace = Some(Arc::clone(namespace)));
        }
    }
}

fn pulled(answer: &super::Answer, request: &PullRequest<'_>) -> Result<Pulled, ClientError> {
    let status = match answer.code() {
        ResponseCode::SUCCESS => PullStatus::Found,
        ResponseCode::PULL_NOT_FOUND => PullStatus::NoNewMessage,
        ResponseCode::PULL_RETRY_IMMEDIATELY => PullStatus::NoMatchedMessage,
        ResponseCode::PULL_OFFSET_MOVED => PullStatus::OffsetIllegal,
        _ => return Err(answer.refused()),
    };
    let reply = answer.header(header::PullMessageReply::decode)?;
    let mut messages = Vec::new();
    if status == PullStatus::Found {
        messages =
            MessageView::decode_all(&answer.body(), request.queue, request.inflated_bytes_max)
                .map_err(|e| answer.not_understood(&e))?;
        messages.retain(|message| request.subscription.wants(message.tags()));
        if let Some(delta) = reply.offset_delta.filter(|delta| *delta != 0) {
            for message in &mut messages {
                message.queue_offset = message.queue_offset.saturating_add(delta);
                message.queue = MessageQueue::clone(request.queue);
            }
        }
    }
    Ok(Pulled {
        status,
        messages,
        next_offset: reply.next_begin_offset,
        min_offset: reply.min_offset,
        max_offset: reply.max_offset,
        suggested_broker_id: reply.suggest_which_broker_id,
    })
}
