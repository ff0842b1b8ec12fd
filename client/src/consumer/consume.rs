//! Running the handler, and what follows from its outcome.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use remora_protocol::{RequestCode, header};

use super::push::{MessageModel, Shared};
use super::queue_reader::QueueReader;
use crate::clock;
use crate::error::ClientError;
use crate::view::MessageView;

/// What a handler says of the messages it got.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ConsumeOutcome {
    /// All of them are done with.
    Success,
    /// Deliver all of them again, after a delay that grows with the number of deliveries (10 s
    /// first). In order: handle them again in a moment, and nothing of the queue before them.
    RetryLater,
    /// Deliver all of them again after one of the broker's 18 delay levels. In order: as
    /// `RetryLater`.
    RetryAtLevel(u8),
    /// Give up: they go to the group's dead letter topic.
    DeadLetter,
}

impl ConsumeOutcome {
    /// The delay level on the wire; `None` where nothing is sent back.
    fn delay_level(self) -> Option<i32> {
        match self {
            Self::Success => None,
            Self::RetryLater => Some(0),
            Self::RetryAtLevel(level) => Some(level.into()),
            Self::DeadLetter => Some(DEAD_LETTER_LEVEL),
        }
    }
}

/// The delay level that means: no further delivery.
pub(super) const DEAD_LETTER_LEVEL: i32 = -1;

/// A handler's future.
pub(super) type Handling = Pin<Box<dyn Future<Output = ConsumeOutcome> + Send>>;
/// The application's handler.
pub(super) type Handler = Arc<dyn Fn(Vec<MessageView>) -> Handling + Send + Sync>;

/// Starts handling messages, in portions as large as the handler takes.
pub(super) fn dispatch(
    shared: &Arc<Shared>,
    reader: &Arc<QueueReader>,
    messages: Vec<MessageView>,
) {
    if let Some(order) = &reader.in_order {
        return order.put(messages);
    }
    let mut messages = messages.into_iter().peekable();
    while messages.peek().is_some() {
        let portion = messages.by_ref().take(shared.settings.consume_count_max).collect();
        shared.handlers.spawn(consume(Arc::clone(shared), Arc::clone(reader), portion));
    }
}

async fn consume(shared: Arc<Shared>, reader: Arc<QueueReader>, mut messages: Vec<MessageView>) {
    while !messages.is_empty() {
        let Ok(permit) = shared.permits.acquire().await else { return };
        // Not handled, not acknowledged: whoever reads the queue next gets them.
        if reader.dropped.is_cancelled() || shared.stopping.is_cancelled() {
            return;
        }
        reader.last_consume_ms.store(clock::wall_ms(), Ordering::Relaxed);
        let outcome = handle(&shared, messages.clone()).await;
        drop(permit);
        shared.count_outcome(outcome, messages.len());
        let unsettled = match outcome.delay_level() {
            Some(level) => send_back(&shared, &messages, level).await,
            None => Vec::new(),
        };
        let settled = messages.iter().filter(|m| !unsettled.contains(&m.queue_offset));
        acknowledge(&shared, &reader, settled.map(|m| m.queue_offset));
        messages.retain(|m| unsettled.contains(&m.queue_offset));
        if !messages.is_empty() {
            for message in &mut messages {
                message.reconsume_times = message.reconsume_times.saturating_add(1);
            }
            tokio::select! {
                () = reader.dropped.cancelled() => return,
                () = shared.stopping.cancelled() => return,
                () = tokio::time::sleep(shared.settings.local_retry_after) => {}
            }
        }
    }
}

/// Runs the handler. A panic, or more time than is allowed, means another delivery.
pub(super) async fn handle(shared: &Shared, messages: Vec<MessageView>) -> ConsumeOutcome {
    let mut handling = match catch_unwind(AssertUnwindSafe(|| (shared.handler)(messages))) {
        Ok(handling) => handling,
        Err(_) => return panicked(shared),
    };
    let polled = std::future::poll_fn(move |cx| {
        match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(outcome)) => Poll::Ready(Some(outcome)),
            Err(_) => Poll::Ready(None),
        }
    });
    match tokio::time::timeout(shared.settings.consume_timeout, polled).await {
        Ok(Some(outcome)) => outcome,
        Ok(None) => panicked(shared),
        Err(_) => {
            tracing::warn!(group = %shared.group, timeout = ?shared.settings.consume_timeout,
                "handler took too long; its messages will be delivered again");
            ConsumeOutcome::RetryLater
        }
    }
}

fn panicked(shared: &Shared) -> ConsumeOutcome {
    tracing::error!(group = %shared.group, "handler panicked; its messages will be delivered again");
    ConsumeOutcome::RetryLater
}

/// Hands messages back to the broker for a later delivery. Returns the offsets of those that it did
/// not take.
pub(super) async fn send_back(
    shared: &Shared,
    messages: &[MessageView],
    delay_level: i32,
) -> Vec<i64> {
    if shared.settings.model == MessageModel::Broadcasting {
        tracing::warn!(group = %shared.group, count = messages.len(),
            "broadcasting: messages whose handling failed are not delivered again");
        return Vec::new();
    }
    let mut unsettled = Vec::new();
    for message in messages {
        if let Err(e) = send_back_one(shared, message, delay_level).await {
            tracing::warn!(queue = %message.queue, offset = message.queue_offset, error = %e,
                "not sent back; handled again here later");
            unsettled.push(message.queue_offset);
        }
    }
    unsettled
}

async fn send_back_one(
    shared: &Shared,
    message: &MessageView,
    delay_level: i32,
) -> Result<(), ClientError> {
    let broker_name = &message.queue.broker_name;
    let addr = shared.client.master_addr(broker_name)?;
    let request = header::ConsumerSendMsgBackHeader {
        offset: message.physical_offset,
        group: shared.group.as_str().into(),
        delay_level,
        origin_msg_id: Some(message.msg_id().into()),
        origin_topic: Some(message.topic().into()),
        unit_mode: Some(false),
        max_reconsume_times: Some(shared.settings.max_reconsume_times()),
    };
    let code = RequestCode::CONSUMER_SEND_MSG_BACK;
    shared
        .client
        .ask_broker((broker_name, &addr), "send back", code, &request, Bytes::new())
        .await?
        .success()?;
    Ok(())
}

/// Takes handled messages out and moves the commit offset, unless the queue is another's by now.
pub(super) fn acknowledge(
    shared: &Shared,
    reader: &QueueReader,
    offsets: impl IntoIterator<Item = i64>,
) {
    let mut process = reader.process.lock();
    process.acknowledge(offsets);
    if let Some(commit) = process.commit_offset()
        && !reader.dropped.is_cancelled()
    {
        shared.offsets.reached(&reader.queue, commit);
    }
    drop(process);
    reader.drained.notify_one();
}
