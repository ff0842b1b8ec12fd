//! What a role implements, and the values it answers with.
use std::sync::Arc;

use remora_protocol::schema::{self, CodeInfo, Status};
use remora_protocol::{RequestCode, ResponseCode};

use crate::body::Body;
use crate::connection::Connection;
use crate::route_stats::RouteCounts;
pub use crate::turn::{Call, Owed, Turn};

/// A role (broker, nameserver, client) behind a connection. Runs on the connection's IO shard:
/// never block, never sleep.
pub trait Service: Send + Sync + 'static {
    fn connected(&self, _conn: &Arc<Connection>) {}

    /// Every request that one read delivered, in order. Answering inside the turn costs one
    /// vectored write for all; `Call::defer` is for answers that come later.
    fn turn(&self, turn: &mut Turn<'_>);

    /// Called exactly once after `connected`, whatever ended the connection.
    fn disconnected(&self, _conn: &Arc<Connection>) {}

    /// The server stops: answer what is parked. No more requests are read.
    fn draining(&self) {}

    /// What each request code has cost, where it is counted.
    fn route_counts(&self) -> Vec<RouteCounts> {
        Vec::new()
    }
}

/// Serves nothing: every request is answered REQUEST_CODE_NOT_SUPPORTED. For clients that take no
/// requests from the server.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoService;

impl Service for NoService {
    fn turn(&self, turn: &mut Turn<'_>) {
        while let Some(call) = turn.next_call() {
            let refusal = Refusal::not_supported(call.frame.code);
            call.refuse(refusal);
        }
    }
}

/// An answer as a value, for slow-lane handlers.
#[derive(Debug)]
pub struct Reply {
    pub code: ResponseCode,
    pub remark: Option<String>,
    /// Response header fields, in wire names.
    pub fields: Vec<(&'static str, String)>,
    pub body: Body,
}

impl Reply {
    pub fn success() -> Self {
        Self { code: ResponseCode::SUCCESS, remark: None, fields: Vec::new(), body: Body::Empty }
    }

    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers are passed as they are")]
    pub fn field(mut self, name: &'static str, value: impl ToString) -> Self {
        self.fields.push((name, value.to_string()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }
}

/// A request refused: the code the client acts on and a remark that names the field or resource,
/// the value and the limit, and what to do next.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{remark} (code {})", code.0)]
pub struct Refusal {
    pub code: ResponseCode,
    pub remark: String,
}

impl Refusal {
    pub fn new(code: ResponseCode, remark: impl Into<String>) -> Self {
        Self { code, remark: remark.into() }
    }

    /// What Apache answers to a code without a handler, with its leading space; and then, as
    /// operators see it, what the code is and why nobody serves it.
    pub fn not_supported(request_code: i32) -> Self {
        let why = match schema::find(RequestCode(request_code)) {
            None => String::new(),
            Some(CodeInfo { name, status: Status::Unsupported(reason), .. }) => {
                format!(": {name}: {reason}")
            }
            Some(CodeInfo { name, .. }) => format!(" here: {name}: ask another kind of server"),
        };
        let remark = format!(" request type {request_code} not supported{why}");
        Self::new(ResponseCode::REQUEST_CODE_NOT_SUPPORTED, remark)
    }
}
