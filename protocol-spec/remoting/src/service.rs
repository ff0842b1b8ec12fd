//! What a role implements, and the calls it gets.
use std::sync::Arc;

use remora_protocol::{EncodeHeader, Frame, ResponseCode};

use crate::connection::{Body, Connection, Responder};

/// A role (broker, nameserver, client) behind a connection. Runs on the connection's IO shard: never
/// block, never sleep.
pub trait Service: Send + Sync + 'static {
    fn connected(&self, _conn: &Arc<Connection>) {}

    /// Every request that one read delivered, in order. Answering inside the turn costs one vectored
    /// write for all; `Call::defer` is for answers that come later.
    fn turn(&self, turn: Turn<'_>);

    fn disconnected(&self, _conn: &Arc<Connection>) {}
}

/// The requests of one read of one connection.
#[derive(Debug)]
pub struct Turn<'a> {
    pub conn: &'a Arc<Connection>,
    calls: Vec<Call<'a>>,
}

impl<'a> Turn<'a> {
    pub fn into_calls(self) -> impl Iterator<Item = Call<'a>> {
        self.calls.into_iter()
    }
}

/// One request, owed exactly one answer. Dropped unanswered it answers SYSTEM_ERROR and is counted;
/// a one-way request swallows its answer.
#[derive(Debug)]
pub struct Call<'a> {
    pub frame: Frame<'a>,
    pub conn: &'a Arc<Connection>,
    // The implementer adds: a shared reference to the turn's reply buffer (interior mutability).
}

impl<'a> Call<'a> {
    /// Answers inside the turn.
    pub fn reply(self, code: ResponseCode, header: &(impl EncodeHeader + ?Sized), body: Body) {
        let _ = (code, header, body);
        unimplemented!()
    }

    pub fn refuse(self, refusal: Refusal) {
        let _ = refusal;
        unimplemented!()
    }

    /// Takes the obligation to answer out of the turn.
    pub fn defer(self) -> Responder {
        unimplemented!()
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
        Self { code: ResponseCode(0), remark: None, fields: Vec::new(), body: Body::Empty }
    }

    #[must_use]
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

/// A request refused: the code the client acts on and a remark that names the field or resource, the
/// value and the limit, and what to do next.
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
}
