//! The requests of one read, decoded as they are taken, and the buffer that their answers share.
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use remora_protocol::frame::decode_with;
use remora_protocol::{
    Decoded, EncodeHeader, Frame, FrameError, FrameLimits, Head, HeaderMemo, Language, ResponseCode,
};

use crate::answers::Answers;
use crate::connection::{Body, ConnLimits, Connection};
use crate::outgoing::Outgoing;
use crate::responder::{HeldReplies, Outcome, ReplyFields, Responder, Ticket};
use crate::service::{Refusal, Reply};

thread_local! {
    /// A shard's connections come from few kinds of clients: one memory serves them all.
    static MEMO: RefCell<HeaderMemo> = RefCell::default();
}

/// The requests of one read of one connection.
///
/// Nothing is decoded before it is asked for: a turn costs no allocation. A call that the service
/// does not take is answered SYSTEM_ERROR, like one that it drops.
#[derive(Debug)]
pub struct Turn<'a> {
    pub conn: &'a Arc<Connection>,
    frames: Calls<'a>,
}

impl<'a> Turn<'a> {
    /// `None` where the bytes hold no request; responses before the first one are taken out.
    pub(crate) fn begin(
        conn: &'a Arc<Connection>,
        bytes: &'a [u8],
        limits: &'a FrameLimits,
        sink: &'a TurnSink,
    ) -> Option<Self> {
        let mut frames = Calls { conn, bytes, limits, sink, first: None };
        frames.first = Some(frames.next_request()?);
        Some(Self { conn, frames })
    }

    /// The calls in the order in which they arrived.
    pub fn into_calls(self) -> Calls<'a> {
        self.frames
    }
}

/// Iterator over the calls of a turn. Ends early where the connection's limits are reached; the
/// rest comes in a later turn.
#[derive(Debug)]
pub struct Calls<'a> {
    conn: &'a Arc<Connection>,
    bytes: &'a [u8],
    limits: &'a FrameLimits,
    sink: &'a TurnSink,
    /// Decoded already, not yet handed out.
    first: Option<(Frame<'a>, usize)>,
}

impl<'a> Iterator for Calls<'a> {
    type Item = Call<'a>;

    fn next(&mut self) -> Option<Call<'a>> {
        let sink = self.sink;
        if sink.over_limits(self.conn) {
            sink.end.set(End::Limits);
            return None;
        }
        let (frame, frame_bytes) = match self.first.take() {
            Some(first) => first,
            None => self.next_request()?,
        };
        sink.consumed_bytes.set(sink.consumed_bytes.get() + frame_bytes);
        sink.requests.set(sink.requests.get() + 1);
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
}

impl<'a> Calls<'a> {
    /// Every call that is left, for the connection's task after the service returned.
    pub(crate) fn rest(
        conn: &'a Arc<Connection>,
        bytes: &'a [u8],
        limits: &'a FrameLimits,
        sink: &'a TurnSink,
    ) -> Self {
        Self { conn, bytes, limits, sink, first: None }
    }

    /// Decodes up to the next request, setting responses aside. `None` ends the turn; the sink then
    /// says why.
    fn next_request(&self) -> Option<(Frame<'a>, usize)> {
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
            match MEMO.with_borrow_mut(|memo| decode_with(rest, self.limits, memo)) {
                Ok(Decoded::Complete { frame, frame_bytes }) if frame.flags.is_response() => {
                    sink.consumed_bytes.set(sink.consumed_bytes.get() + frame_bytes);
                    sink.answers.borrow_mut().take(&frame);
                }
                Ok(Decoded::Complete { frame, frame_bytes }) => return Some((frame, frame_bytes)),
                Ok(Decoded::Incomplete { need_bytes }) => {
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
        conn.in_flight() >= limits.in_flight_max
            || (!limits.read_while_full && self.out.borrow().bytes() > limits.outbound_bytes_max)
    }
}

/// One request, owed exactly one answer. Dropped unanswered it answers SYSTEM_ERROR and is counted;
/// a one-way request swallows its answer.
#[derive(Debug)]
pub struct Call<'a> {
    pub frame: Frame<'a>,
    pub conn: &'a Arc<Connection>,
    owed: Owed<'a>,
}

impl<'a> Call<'a> {
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

    /// The obligation alone, a fraction of a call's size: what a handler keeps of every call until
    /// the end of the turn.
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
