//! One typed line per request code, folded into a dense table.
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use remora_protocol::{Frame, OwnedFrame, RequestHeader};

use crate::connection::{Connection, Responder};
use crate::service::{Call, Refusal, Reply, Turn};

/// A role's state as its handlers see it. `Turn` is what one read's inline handlers share (the broker
/// stages its appends there); `()` where nothing is shared.
pub trait Role: Send + Sync + 'static {
    type Turn<'a>;
}

/// Where a request came from, for slow-lane handlers.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub frame: Frame<'a>,
    pub conn: &'a Arc<Connection>,
}

/// The table. Codes without a row answer REQUEST_CODE_NOT_SUPPORTED with the number.
pub struct Routes<R: Role> {
    role: Arc<R>,
    // The implementer adds: boxed thunks indexed by code, the slow runtime's handle, per-code counters.
}

impl<R: Role> fmt::Debug for Routes<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}

impl<R: Role> Routes<R> {
    /// `slow` runs every `answer` and `answer_later` handler whose lane is `Admin`.
    pub fn new(role: Arc<R>, slow: tokio::runtime::Handle) -> Self {
        let _ = slow;
        Self { role }
    }

    /// An inline handler on the IO shard, for the hot path: gets the call itself.
    #[must_use]
    pub fn on<H: RequestHeader>(
        self,
        handler: for<'a> fn(&Arc<R>, &mut R::Turn<'a>, Call<'a>, H::View<'a>),
    ) -> Self {
        let _ = handler;
        self
    }

    /// A handler that computes its answer: inline for lanes Send, Pull and Client, on the slow
    /// runtime's blocking threads for lane Admin.
    #[must_use]
    pub fn answer<H: RequestHeader>(
        self,
        handler: for<'a> fn(&Arc<R>, &Request<'a>, H::View<'a>) -> Result<Reply, Refusal>,
    ) -> Self {
        let _ = handler;
        self
    }

    /// A handler that answers after waiting for something, on the slow runtime.
    #[must_use]
    pub fn answer_later<H, F>(self, handler: fn(Arc<R>, OwnedFrame, Responder) -> F) -> Self
    where
        H: RequestHeader,
        F: Future<Output = ()> + Send + 'static,
    {
        let _ = handler;
        self
    }

    /// Codes with a row, for the completeness test.
    pub fn codes(&self) -> Vec<i32> {
        unimplemented!()
    }

    /// Runs every call of a turn; the caller then finishes `shared` (the broker appends).
    pub fn run<'a>(&self, turn: Turn<'a>, shared: &mut R::Turn<'a>) {
        let _ = (&self.role, turn, shared);
        unimplemented!()
    }
}
