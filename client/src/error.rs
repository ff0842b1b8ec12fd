//! What can go wrong, with the next step for the person who reads it.
use std::io;

use remora_protocol::ResponseCode;
use remora_remoting::RequestError;

use crate::compression::CompressionError;
use crate::producer::SendReceipt;

/// Every failure of this crate. Displays as one or two sentences: what happened, then what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A builder was given something that cannot work; nothing was sent.
    #[error("{setting} '{value}' cannot be used: {reason}")]
    Setting { setting: &'static str, value: String, reason: String },

    /// None of the nameservers answered.
    #[error(
        "no nameserver answered ({addrs}): {source}. Check that a nameserver runs there and that \
         this host may connect to it"
    )]
    NameserverUnreachable { addrs: String, source: RequestError },

    /// The nameserver does not know the topic, and there is no template to create it from.
    #[error(
        "topic '{topic}' has no route on nameserver {nameserver}: create it, or set \
         autoCreateTopicEnable on a broker so that a first send does"
    )]
    TopicNotFound { topic: String, nameserver: String },

    /// The topic exists, but no broker that is up accepts messages for it.
    #[error(
        "topic '{topic}' has no writable queue: its brokers are down, or its permission excludes \
         writing"
    )]
    NoWritableQueue { topic: String },

    /// A queue names a broker that the route does not list (any more).
    #[error(
        "broker '{broker_name}' is not registered on the nameserver: it is down, or has just been \
         replaced; ask for the queues of the topic again"
    )]
    BrokerUnknown { broker_name: String },

    /// The address that a broker registered does not answer.
    #[error(
        "cannot reach broker '{broker_name}' at {addr}, the address it registered: {reason}. If \
         the broker runs, its registered address (brokerIP1, or the advertised address) is not one \
         that this host can connect to"
    )]
    BrokerUnreachable { broker_name: String, addr: String, reason: String },

    /// No answer in time. For a send: the message may have been stored all the same.
    #[error(
        "{operation}: no answer from {addr} within {timeout_ms} ms; the server may have carried \
         it out"
    )]
    Timeout { operation: &'static str, addr: String, timeout_ms: u64 },

    /// A question was sent, and no reply to it came in time.
    #[error(
        "no reply to the request to topic '{topic}' within {timeout_ms} ms; a consumer may have \
         handled it. Check that a consumer of the topic runs, and that it replies"
    )]
    NoReply { topic: String, timeout_ms: u64 },

    /// The connection broke, or too much waits on it already.
    #[error("{operation}: {source}")]
    Request { operation: &'static str, source: RequestError },

    /// The server answered with an error code.
    #[error("{operation} refused by {addr} with code {}: {remark}", code.0)]
    Refused { operation: &'static str, addr: String, code: ResponseCode, remark: String },

    /// The server's answer is not what the protocol says it must be.
    #[error("{operation}: the answer of {addr} is not understood: {reason}")]
    Answer { operation: &'static str, addr: String, reason: String },

    /// The message breaks a limit that is checked before anything is sent.
    #[error("message not sent: {field} {problem}")]
    MessageIllegal { field: &'static str, problem: String },

    /// A send failed on every broker that was tried.
    #[error("message not sent after {attempts} attempts in {elapsed_ms} ms; the last: {last}")]
    SendFailed { attempts: u32, elapsed_ms: u64, last: Box<ClientError> },

    /// A batch was sent in several requests and a later one failed.
    #[error("{} of {total} messages sent, then: {last}", sent.len())]
    BatchIncomplete { sent: Vec<SendReceipt>, total: usize, last: Box<ClientError> },

    /// The body could not be compressed.
    #[error("message not sent: {0}")]
    Compression(#[from] CompressionError),

    /// The file of broadcasting offsets cannot be read or written.
    #[error("offsets file {path}: {source}. Give another directory with `offsets_dir`")]
    OffsetsFile { path: String, source: io::Error },

    /// The producer, consumer or client was shut down.
    #[error("this client was shut down")]
    Closed,
}

impl ClientError {
    /// The response code, where the server answered with one.
    pub fn code(&self) -> Option<ResponseCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            Self::SendFailed { last, .. } | Self::BatchIncomplete { last, .. } => last.code(),
            _ => None,
        }
    }

    /// Whether the same request may well succeed later or elsewhere without a person's help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::NameserverUnreachable { .. }
            | Self::BrokerUnknown { .. }
            | Self::BrokerUnreachable { .. }
            | Self::Timeout { .. }
            | Self::Request { .. } => true,
            Self::Refused { code, .. } => crate::producer::retryable(*code),
            Self::SendFailed { last, .. } | Self::BatchIncomplete { last, .. } => {
                last.is_temporary()
            }
            _ => false,
        }
    }
}
