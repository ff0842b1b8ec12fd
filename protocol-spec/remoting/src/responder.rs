//! Answers that come after the turn: one by one, or a turn's at once.
use std::sync::Arc;

use remora_protocol::{EncodeHeader, Flags, Head, Language, ResponseCode, SerializeType};

use crate::body::Body;
use crate::connection::{Connection, Identity};
use crate::counters::count;
use crate::errand::Errand;
use crate::outgoing::Outgoing;
use crate::scratch;
use crate::service::{Refusal, Reply};
use crate::turn::Owed;

/// Longest remark written; the rest is cut. Chosen: the Java client logs it as one line.
const REMARK_BYTES_MAX: usize = 4096;

/// What an answer needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub opaque: i32,
    pub request_code: i32,
    pub serialize: SerializeType,
    pub oneway: bool,
}

/// An answer before it is encoded.
pub(crate) struct Outcome<'r> {
    pub code: ResponseCode,
    pub remark: Option<&'r str>,
}

impl Ticket {
    /// Appends the answer; nothing for a one-way request.
    pub(crate) fn answer(
        &self,
        out: &mut Outgoing,
        identity: Identity,
        outcome: &Outcome<'_>,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
    ) {
        if self.oneway {
            return;
        }
        let remark = outcome.remark.map(capped);
        out.frame(&Head { remark, ..self.head(identity, outcome.code) }, header, body);
    }

    pub(crate) fn head(&self, identity: Identity, code: ResponseCode) -> Head<'static> {
        Head {
            serialize: self.serialize,
            code: code.0,
            language: identity.language,
            version: identity.version,
            opaque: self.opaque,
            flags: Flags::RESPONSE,
            remark: None,
        }
    }

    pub(crate) fn refuse(&self, out: &mut Outgoing, identity: Identity, refusal: &Refusal) {
        let outcome = Outcome { code: refusal.code, remark: Some(&refusal.remark) };
        self.answer(out, identity, &outcome, &(), Body::Empty);
    }

    /// The answer of a request that nobody answered, which is counted and logged.
    pub(crate) fn give_up(&self, out: &mut Outgoing, conn: &Connection) {
        count(&conn.counters.dropped_calls, 1);
        tracing::error!(
            peer = %conn.peer,
            request_code = self.request_code,
            "request dropped without an answer"
        );
        let remark = if std::thread::panicking() {
            "the handler panicked, see the server's log"
        } else {
            "handler gave no answer"
        };
        let outcome = Outcome { code: ResponseCode::SYSTEM_ERROR, remark: Some(remark) };
        self.answer(out, conn.identity, &outcome, &(), Body::Empty);
    }
}

pub(crate) fn capped(remark: &str) -> &str {
    remark.get(..remark.floor_char_boundary(REMARK_BYTES_MAX)).unwrap_or(remark)
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
    answered: bool,
}

impl Responder {
    pub(crate) fn new(
        conn: &Arc<Connection>,
        ticket: Ticket,
        peer_language: Language,
        peer_version: i32,
    ) -> Self {
        conn.begin_deferred(1);
        let Ticket { opaque, request_code, serialize, oneway } = ticket;
        Self {
            conn: Arc::clone(conn),
            opaque,
            oneway,
            serialize,
            request_code,
            peer_language,
            peer_version,
            answered: false,
        }
    }

    pub fn reply(self, code: ResponseCode, header: &(impl EncodeHeader + ?Sized), body: Body) {
        self.finish(&Outcome { code, remark: None }, header, body);
    }

    pub fn refuse(self, refusal: &Refusal) {
        let outcome = Outcome { code: refusal.code, remark: Some(&refusal.remark) };
        self.finish(&outcome, &(), Body::Empty);
    }

    pub fn send(self, outcome: Result<Reply, Refusal>) {
        match outcome {
            Ok(Reply { code, remark, fields, body }) => {
                let outcome = Outcome { code, remark: remark.as_deref() };
                self.finish(&outcome, &ReplyFields(&fields), body);
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    fn finish(mut self, outcome: &Outcome<'_>, header: &(impl EncodeHeader + ?Sized), body: Body) {
        let ticket = self.ticket();
        let identity = self.conn.identity;
        // Answered only once it is encoded: a header that panics leaves the obligation to `drop`.
        let answered = &mut self.answered;
        self.conn.finish_deferred(1, |out| {
            ticket.answer(out, identity, outcome, header, body);
            *answered = true;
        });
        self.answered = true;
    }

    fn ticket(&self) -> Ticket {
        Ticket {
            opaque: self.opaque,
            request_code: self.request_code,
            serialize: self.serialize,
            oneway: self.oneway,
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if !self.answered {
            let ticket = self.ticket();
            self.conn.finish_deferred(1, |out| ticket.give_up(out, &self.conn));
        }
    }
}

/// The answers of a turn that must wait for something together (a group commit): encoded now into
/// one buffer, released later in one push. Dropped unreleased, every one becomes SYSTEM_ERROR.
///
/// Two allocations a turn, none a message.
#[derive(Debug)]
pub struct HeldReplies {
    conn: Arc<Connection>,
    out: Outgoing,
    owed: Vec<Ticket>,
}

impl HeldReplies {
    pub fn new(conn: &Arc<Connection>) -> Self {
        Self { conn: Arc::clone(conn), out: scratch::take_outgoing(), owed: Vec::new() }
    }

    /// Answers held.
    pub fn len(&self) -> usize {
        self.owed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.owed.is_empty()
    }

    /// Takes an answer in. The request counts as in flight until the release.
    pub(crate) fn hold(
        &mut self,
        owed: Owed<'_>,
        outcome: &Outcome<'_>,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
    ) {
        debug_assert!(Arc::ptr_eq(owed.conn(), &self.conn), "an answer of another connection");
        owed.ticket().answer(&mut self.out, self.conn.identity, outcome, header, body);
        self.owed.push(owed.moved());
        self.conn.begin_deferred(1);
    }

    /// Sends every answer held, from the connection's shard: what one flush releases for many
    /// connections wakes each shard once.
    pub fn release(self) {
        self.settle(Ok(()));
    }

    /// Sends `refusal` in the place of every answer held: what they announced did not happen.
    pub fn refuse(self, refusal: Refusal) {
        self.settle(Err(refusal));
    }

    fn settle(self, outcome: Result<(), Refusal>) {
        let conn = Arc::clone(&self.conn);
        conn.run_on_shard(Box::new(Settled { held: self, outcome }));
    }
}

/// Held replies whose fate is known.
struct Settled {
    held: HeldReplies,
    outcome: Result<(), Refusal>,
}

impl Errand for Settled {
    fn run(self: Box<Self>) {
        let Self { mut held, outcome } = *self;
        let owed = std::mem::take(&mut held.owed);
        let identity = held.conn.identity;
        held.conn.finish_deferred(owed.len(), |queue| match &outcome {
            Ok(()) => queue.append(&mut held.out),
            Err(refusal) => owed.iter().for_each(|ticket| ticket.refuse(queue, identity, refusal)),
        });
    }
}

impl Drop for HeldReplies {
    fn drop(&mut self) {
        if !self.owed.is_empty() {
            let owed = std::mem::take(&mut self.owed);
            self.conn.finish_deferred(owed.len(), |queue| {
                owed.iter().for_each(|ticket| ticket.give_up(queue, &self.conn));
            });
        }
    }
}

/// Fields of a `Reply`, as a header.
pub(crate) struct ReplyFields<'r>(pub &'r [(&'static str, String)]);

impl EncodeHeader for ReplyFields<'_> {
    fn encode(&self, out: &mut remora_protocol::FieldWriter<'_>) {
        for (name, value) in self.0 {
            out.str(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_cut_between_characters() {
        let long = "é".repeat(REMARK_BYTES_MAX);
        assert_eq!(capped(&long), "é".repeat(REMARK_BYTES_MAX / 2));
        assert_eq!(capped("short"), "short");
    }
}
