//! Transactional messages: seen by consumers once the application's own transaction has come to an
//! end, and only if that was a commit.
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::header::{CheckTransactionStateHeader, EndTransactionHeader};
use remora_protocol::message_id::OffsetId;
use remora_protocol::properties::name;
use remora_protocol::{RequestCode, sys_flag};
use remora_remoting::{Body, Connection};

use super::send::Target;
use super::{Producer, ProducerBuilder, SendReceipt, SendStatus};
use crate::error::ClientError;
use crate::instance::Client;
use crate::message::Message;
use crate::view::MessageView;

/// What became of the application's own transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TransactionState {
    /// Consumers get the message.
    Commit,
    /// Nobody gets it.
    Rollback,
    /// Not known yet: the broker asks later, any producer of the group.
    Unknown,
}

/// What a transactional send came to.
#[derive(Debug)]
pub struct TransactionReceipt {
    /// Where the half message is.
    pub receipt: SendReceipt,
    pub state: TransactionState,
    /// Why the broker may not know the state. It will ask.
    pub end_error: Option<ClientError>,
}

/// Answers a broker's question about a transaction.
pub(crate) type Checker = Arc<
    dyn Fn(MessageView) -> Pin<Box<dyn Future<Output = TransactionState> + Send>> + Send + Sync,
>;

/// Sends transactional messages. Cheap to clone and to share.
///
/// ```no_run
/// # async fn example() -> Result<(), remora_client::ClientError> {
/// use remora_client::{Message, Producer, TransactionProducer, TransactionState};
///
/// let settings = Producer::builder("orders").nameserver("127.0.0.1:9876");
/// let producer = TransactionProducer::start(settings, |message| async move {
///     // Asked after a crash, or when no end was heard: is message.property("order") paid?
///     TransactionState::Commit
/// })
/// .await?;
/// let message = Message::new("order-events", "paid").property("order", "7");
/// let sent = producer
///     .send(message, async |_half| {
///         // The application's own transaction.
///         TransactionState::Commit
///     })
///     .await?;
/// println!("{:?}: {}", sent.state, sent.receipt.msg_id);
/// producer.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TransactionProducer {
    producer: Producer,
}

impl TransactionProducer {
    /// Connects. `check` is asked about half messages of the group whose end the broker has not
    /// heard of, also those of other members; several questions at a time.
    ///
    /// # Errors
    /// As [`ProducerBuilder::start`].
    pub async fn start<F>(
        settings: ProducerBuilder,
        check: impl Fn(MessageView) -> F + Send + Sync + 'static,
    ) -> Result<Self, ClientError>
    where
        F: Future<Output = TransactionState> + Send + 'static,
    {
        let producer = settings.start().await?;
        let checker: Checker = Arc::new(move |message| Box::pin(check(message)));
        producer.shared.client.inner.add_checker(&producer.shared.group, checker);
        Ok(Self { producer })
    }

    /// Sends a message that nobody sees yet, runs `execute`, and ends the transaction by what that
    /// says. As in Java, a half message that is less safe than asked for is rolled back at once.
    ///
    /// # Errors
    /// As [`Producer::send`]; `execute` has then not run. `MessageIllegal` for a delayed message.
    pub async fn send(
        &self,
        message: Message,
        execute: impl AsyncFnOnce(&SendReceipt) -> TransactionState,
    ) -> Result<TransactionReceipt, ClientError> {
        if message.is_delayed() {
            let problem = "asks for a delay: a transactional message cannot have one".to_owned();
            return Err(ClientError::MessageIllegal { field: "property", problem });
        }
        let producer = &self.producer;
        let group = &producer.shared.group;
        let message = message.property(name::TRAN_MSG, "true").property(name::PGROUP, group);
        let mut prepared = producer.prepare(message)?;
        prepared.sys_flag |= sys_flag::TRANSACTION_PREPARED;
        let receipt = producer.send_prepared(&prepared, Target::AnyQueue).await?;
        let state = match receipt.status {
            SendStatus::Ok => execute(&receipt).await,
            _ => TransactionState::Rollback,
        };
        // Brokers do nothing with an unknown outcome but ask later; Apache's does not even answer.
        let end_error = match state {
            TransactionState::Unknown => None,
            TransactionState::Commit | TransactionState::Rollback => {
                self.end(&receipt, state).await.err()
            }
        };
        if let Some(error) = &end_error {
            tracing::warn!(msg_id = %receipt.msg_id, ?state, %error, "the broker will ask");
        }
        Ok(TransactionReceipt { receipt, state, end_error })
    }

    async fn end(&self, receipt: &SendReceipt, state: TransactionState) -> Result<(), ClientError> {
        let client = &self.producer.shared.client;
        let broker_name = &receipt.queue.broker_name;
        let addr = client.master_addr(broker_name)?;
        let offset_id = receipt.offset_msg_id.to_string();
        let place = OffsetId::parse(&offset_id).map_err(|error| ClientError::Answer {
            operation: "transactional send",
            addr: addr.to_string(),
            reason: format!("the id '{offset_id}' names no place: {error}"),
        })?;
        let header = EndTransactionHeader {
            topic: Some(receipt.queue.topic.as_ref().into()),
            producer_group: self.producer.shared.group.as_str().into(),
            tran_state_table_offset: receipt.queue_offset,
            commit_log_offset: place.physical_offset,
            commit_or_rollback: bits(state),
            from_transaction_check: Some(false),
            msg_id: receipt.msg_id.to_string().into(),
            transaction_id: Some(receipt.msg_id.to_string().into()),
        };
        let code = RequestCode::END_TRANSACTION;
        let to = (&**broker_name, &addr);
        let answer = client.ask_broker(to, "end transaction", code, &header, Bytes::new()).await?;
        answer.success().map(drop)
    }

    /// The client below, to share its connections.
    pub fn client(&self) -> &Client {
        self.producer.client()
    }

    /// Tells the brokers that this member of the group is gone. Sends in flight should have been
    /// awaited before.
    pub async fn shutdown(&self) {
        self.producer.shared.client.inner.remove_checker(&self.producer.shared.group);
        self.producer.shutdown().await;
    }
}

/// Of the field commitOrRollback.
fn bits(state: TransactionState) -> i32 {
    match state {
        TransactionState::Commit => sys_flag::TRANSACTION_COMMIT,
        TransactionState::Rollback => sys_flag::TRANSACTION_ROLLBACK,
        TransactionState::Unknown => sys_flag::TRANSACTION_NOT,
    }
}

/// Asks the application and tells the broker, which does not wait for it.
pub(crate) async fn answer_check(
    conn: Arc<Connection>,
    group: String,
    header: CheckTransactionStateHeader<'static>,
    message: MessageView,
    checker: Checker,
) {
    let msg_id = message.msg_id();
    let state = checker(message).await;
    let end = EndTransactionHeader {
        topic: header.topic,
        producer_group: group.into(),
        tran_state_table_offset: header.tran_state_table_offset,
        commit_log_offset: header.commit_log_offset,
        commit_or_rollback: bits(state),
        from_transaction_check: Some(true),
        msg_id: msg_id.as_str().into(),
        transaction_id: header.transaction_id,
    };
    if let Err(error) = conn.oneway(RequestCode::END_TRANSACTION, &end, Body::Empty) {
        tracing::warn!(msg_id, ?state, %error, "the broker will ask again");
    }
}
