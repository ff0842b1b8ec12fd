//! The requests of one read, decoded as they are taken, and the buffer that their answers share.
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use remora_protocol::frame::{Arrived, decode_into};
use remora_protocol::{
    EncodeHeader, Frame, FrameError, FrameLimits, Head, HeaderMemo, Language, ResponseCode,
};

use crate::answers::Answers;
use crate::body::Body;
use crate::connection::{ConnLimits, Connection};
use crate::outgoing::Outgoing;
use crate::responder::{HeldReplies, Outcome, ReplyFields, Responder, Ticket};
use crate::service::{Refusal, Reply};

thread_local! {
    /// A shard's connections come from few kinds of clients: one memory serves them all.
    static MEMO: RefCell<HeaderMemo> = RefCell::default();
}

/// The requests of one read of one connection, in the order in which they arrived.
///
/// Nothing is decoded before it is asked for, and every frame into the same place: a turn costs no
/// allocation and moves no frame. A call that the service does not take is answered SYSTEM_ERROR,
/// like one that it drops.
#[derive(Debug)]
pub struct Turn<'a> {
    pub conn: &'a Arc<Connection>,
    bytes: &'a [u8],
    limits: &'a FrameLimits,
    sink: &'a TurnSink,
    frame: Frame<'a>,
    /// The length of `frame` where that is decoded and not handed out.
    waiting_bytes: Option<usize>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        conn: &'a Arc<Connection>,
        bytes: &'a [u8],
        limits: &'a FrameLimits,
        sink: &'a TurnSink,
    ) -> Self {
        Self { conn, bytes, limits, sink, frame: Frame::EMPTY, waiting_bytes: None }
    }

    /// False where the bytes hold no request; responses before the first one are taken out.
    pub(crate) fn has_call(&mut self) -> bool {
        self.waiting_bytes = self.decode_request();
        self.waiting_bytes.is_some()
    }

    /// `None` at the end of the bytes, and earlier where the connection's limits are reached; the
    /// rest comes in a later turn.
    #[inline]
    pub fn next_call(&mut self) -> Option<Call<'_, 'a>> {
        let sink = self.sink;
        if sink.over_limits(self.conn) {
            sink.end.set(End::Limits);
            return None;
        }
        let frame_bytes = match self.waiting_bytes.take() {
            Some(frame_bytes) => frame_bytes,
            None => self.decode_request()?,
        };
        sink.consumed_bytes.set(sink.consumed_bytes.get() + frame_bytes);
        sink.requests.set(sink.requests.get() + 1);
        let frame = &self.frame;
        let ticket = Ticket {
            opaque: frame.opaque,
            request_code: frame.code,
            serialize: frame.serialize,
            oneway: frame.flags.is_oneway(),
        };
        let owed = Owed {
            conn: self.conn,
            sink,
            ticket,
            language: frame.language,
            version: frame.version,
            settled: false,
        };
        Some(Call { frame, conn: self.conn, owed })
    }

    /// Decodes up to the next request, setting responses aside; gives its length. `None` ends the
    /// turn; the sink then says why.
    fn decode_request(&mut self) -> Option<usize> {
        let sink = self.sink;
        loop {
            let rest = self.bytes.get(sink.consumed_bytes.get()..).unwrap_or(&[]);
            if rest.is_empty() {
                sink.end.set(End::Incomplete { need_bytes: 0 });
                return None;
            }
            if let Some(frame_bytes) = sink.answers.borrow_mut().take_usual(rest) {
                sink.consumed_bytes.set(sink.consumed_bytes.get() + frame_bytes);
                continue;
            }
            let (frame, limits) = (&mut self.frame, self.limits);
            match MEMO.with_borrow_mut(|memo| decode_into(frame, rest, limits, memo)) {
                Ok(Arrived::Whole { frame_bytes }) if frame.flags.is_response() => {
                    sink.consumed_bytes.set(sink.consumed_bytes.get() + frame_bytes);
                    sink.answers.borrow_mut().take(frame);
                }
                Ok(Arrived::Whole { frame_bytes }) => return Some(frame_bytes),
                Ok(Arrived::Part { need_bytes }) => {
                    sink.end.set(End::Incomplete { need_bytes });
                    return None;
                }
                Err(error) => {
                    sink.end.set(End::Malformed);
                    sink.error.replace(Some(error));
                    return None;
                }
            }
        }
    }
}

/// Where a turn's bytes ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum End {
    /// Not reached yet.
    #[default]
    Open,
    /// At the end (0), or in a frame that needs this many bytes.
    Incomplete { need_bytes: usize },
    /// Before a call that the limits do not allow yet.
    Limits,
    /// At bytes that are not a frame; `error` has the reason.
    Malformed,
}

/// What the calls of a turn share: where their answers go, and how far decoding has come.
#[derive(Debug, Default)]
pub(crate) struct TurnSink {
    /// As they were when the turn began.
    pub limits: ConnLimits,
    pub out: RefCell<Outgoing>,
    pub consumed_bytes: Cell<usize>,
    pub requests: Cell<u64>,
    pub end: Cell<End>,
    pub error: RefCell<Option<FrameError>>,
    /// Responses to requests of ours.
    pub answers: RefCell<Answers>,
}

impl TurnSink {
    fn over_limits(&self, conn: &Connection) -> bool {
        let limits = &self.limits;
        conn.takes_none(limits.in_flight_max)
            || (!limits.read_while_full && self.out.borrow().bytes() > limits.outbound_bytes_max)
    }
}

/// One request, owed exactly one answer. Dropped unanswered it answers SYSTEM_ERROR and is counted;
/// a one-way request swallows its answer. The frame stays in its turn until the next call.
#[derive(Debug)]
pub struct Call<'f, 'a> {
    pub frame: &'f Frame<'a>,
    pub conn: &'a Arc<Connection>,
    owed: Owed<'a>,
}

impl<'a> Call<'_, 'a> {
    /// Answers inside the turn.
    pub fn reply(self, code: ResponseCode, header: &(impl EncodeHeader + ?Sized), body: Body) {
        self.owed.reply(code, header, body);
    }

    #[expect(clippy::needless_pass_by_value, reason = "a refusal is made where it is given")]
    pub fn refuse(self, refusal: Refusal) {
        self.owed.refuse(&refusal);
    }

    /// Answers with a computed value.
    pub fn send(self, outcome: Result<Reply, Refusal>) {
        self.owed.send(outcome);
    }

    /// Takes the obligation to answer out of the turn.
    pub fn defer(self) -> Responder {
        self.owed.defer()
    }

    /// The obligation alone: what a handler keeps of every call until the end of the turn.
    pub fn into_owed(self) -> Owed<'a> {
        self.owed
    }
}

/// The obligation to answer a call within its turn.
#[derive(Debug)]
pub struct Owed<'a> {
    conn: &'a Arc<Connection>,
    sink: &'a TurnSink,
    ticket: Ticket,
    language: Language,
    version: i32,
    settled: bool,
}

impl Owed<'_> {
    /// Answers inside the turn.
    pub fn reply(self, code: ResponseCode, header: &(impl EncodeHeader + ?Sized), body: Body) {
        self.finish(&Outcome { code, remark: None }, header, body);
    }

    pub fn refuse(self, refusal: &Refusal) {
        let outcome = Outcome { code: refusal.code, remark: Some(&refusal.remark) };
        self.finish(&outcome, &(), Body::Empty);
    }

    /// Answers with a computed value.
    pub fn send(self, outcome: Result<Reply, Refusal>) {
        match outcome {
            Ok(Reply { code, remark, fields, body }) => {
                let outcome = Outcome { code, remark: remark.as_deref() };
                self.finish(&outcome, &ReplyFields(&fields), body);
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// Answers into `held`, to be sent when that is released.
    pub fn hold(
        self,
        held: &mut HeldReplies,
        code: ResponseCode,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
    ) {
        held.hold(self, &Outcome { code, remark: None }, header, body);
    }

    /// Takes the obligation out of the turn.
    pub fn defer(self) -> Responder {
        let (conn, language, version) = (self.conn, self.language, self.version);
        Responder::new(conn, self.moved(), language, version)
    }

    pub fn is_oneway(&self) -> bool {
        self.ticket.oneway
    }

    /// What the answer's header begins with, where it has no remark: for a `FrameTemplate`.
    pub fn head(&self, code: ResponseCode) -> Head<'static> {
        self.ticket.head(self.conn.identity, code)
    }

    fn finish(mut self, outcome: &Outcome<'_>, header: &(impl EncodeHeader + ?Sized), body: Body) {
        let mut out = self.sink.out.borrow_mut();
        self.ticket.answer(&mut out, self.conn.identity, outcome, header, body);
        drop(out);
        self.settled = true;
    }

    pub fn conn(&self) -> &Arc<Connection> {
        self.conn
    }

    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Someone else answers.
    pub(crate) fn moved(mut self) -> Ticket {
        self.settled = true;
        self.ticket
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.ticket.give_up(&mut self.sink.out.borrow_mut(), self.conn);
        }
    }
}
