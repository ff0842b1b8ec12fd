//! What a broker says of a stored message.
use crate::message_id::MessageId;
use crate::queue::MessageQueue;

/// How safe a stored message is. Each of them means that it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SendStatus {
    /// As safe as the broker's settings ask for.
    Ok,
    /// The broker's sync flush took too long: a power cut may lose it.
    FlushDiskTimeout,
    /// The slave's answer took too long: the loss of the master may lose it.
    FlushSlaveTimeout,
    /// No slave is there though the broker's settings ask for one.
    SlaveNotAvailable,
}

/// The answer to a send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SendReceipt {
    pub status: SendStatus,
    /// The unique id (UNIQ_KEY) that the producer gave it.
    pub msg_id: MessageId,
    /// The id that names its place: the broker's address and the physical offset.
    pub offset_msg_id: MessageId,
    /// Where it was stored.
    pub queue: MessageQueue,
    /// Its offset there.
    pub queue_offset: i64,
    /// Lets the broker recall a delayed message before its time (RocketMQ 5.3).
    pub recall_handle: Option<String>,
}
