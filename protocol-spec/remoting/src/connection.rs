//! One connection: the same type on the server's and the client's side.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use remora_protocol::{
    EncodeHeader, Language, OwnedFrame, RequestCode, ResponseCode, SerializeType,
};

use crate::service::{Refusal, Reply};

/// Body of a frame to send. Slices of the commit log go to the socket uncopied.
#[derive(Clone, Debug, Default)]
pub enum Body {
    #[default]
    Empty,
    Bytes(Bytes),
    Slices(Vec<Bytes>),
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// A connection; frames pushed from any thread leave in order.
#[derive(Debug)]
pub struct Connection {
    pub id: u64,
    pub peer: SocketAddr,
    /// The address the peer connected to: what standalone tells clients to use.
    pub local: SocketAddr,
    // The implementer adds: outbound queue, pending table of our own requests, close signal, counters.
}

/// Why a request of ours got no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RequestError {
    #[error("cannot connect to {addr}: {reason}")]
    Connect { addr: String, reason: String },
    #[error("connection to {addr} closed before the answer")]
    Closed { addr: String },
    #[error("no answer from {addr} within {timeout_ms} ms")]
    Timeout { addr: String, timeout_ms: u64 },
    #[error("{limit} requests to {addr} are already waiting for an answer")]
    TooManyInFlight { addr: String, limit: usize },
}

impl Connection {
    /// Sends a request and waits for its answer (any response code).
    pub async fn request(
        self: &Arc<Self>,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Body,
        timeout: Duration,
    ) -> Result<OwnedFrame, RequestError> {
        let _ = (code, header, body, timeout);
        unimplemented!()
    }

    /// Sends a one-way request; queued, not confirmed.
    pub fn oneway(
        &self,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
    ) -> Result<(), RequestError> {
        let _ = (code, header, body);
        unimplemented!()
    }

    /// Queues bytes that are already frames (group commit releases a whole turn's replies so).
    pub fn push(&self, frames: Bytes) {
        let _ = frames;
        unimplemented!()
    }

    pub fn is_closed(&self) -> bool {
        unimplemented!()
    }

    /// Closes after what is queued has been written.
    pub fn close(&self, reason: &'static str) {
        let _ = reason;
        unimplemented!()
    }
}

/// The obligation to answer one request later, from any thread. Dropped unsent: SYSTEM_ERROR.
#[derive(Debug)]
pub struct Responder {
    pub conn: Arc<Connection>,
    pub opaque: i32,
    pub oneway: bool,
    pub serialize: SerializeType,
    pub request_code: i32,
    pub peer_language: Language,
    pub peer_version: i32,
    // The implementer adds: answered flag.
}

impl Responder {
    pub fn reply(self, code: ResponseCode, header: &(impl EncodeHeader + ?Sized), body: Body) {
        let _ = (code, header, body);
        unimplemented!()
    }

    pub fn send(self, outcome: Result<Reply, Refusal>) {
        let _ = outcome;
        unimplemented!()
    }
}
