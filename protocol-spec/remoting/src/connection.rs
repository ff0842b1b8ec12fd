//! One connection: the same type on the server's and the client's side.
//!
//! Its task (`conn_task.rs`) owns the socket. What is here is shared with every other thread: the
//! queue of frames pushed from outside the task, and the table of our own requests.
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use remora_protocol::{
    EncodeHeader, Flags, Head, Language, OwnedFrame, RequestCode, SerializeType,
};

use crate::account::ConnAccount;
use crate::body::Body;
use crate::budget::{Budget, Class, Reserved};
use crate::clock::{CoarseClock, wall_ms};
use crate::counters::{Counters, count};
use crate::errand::{self, Errand, Errands};
use crate::outgoing::Outgoing;
use crate::pending::{Answer, Form, Pending};
pub use crate::responder::{HeldReplies, Responder};
use crate::service::Refusal;

/// What we say of ourselves in every header that we write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub language: Language,
    pub version: i32,
    /// Form of our own requests; answers take the form of their request.
    pub serialize: SerializeType,
}

/// Limits of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnLimits {
    pub in_flight_max: usize,
    pub outbound_bytes_max: usize,
    /// A server stops reading from a peer that does not read; a client must read on, or the two
    /// would wait for each other.
    pub read_while_full: bool,
}

/// A connection; frames pushed from any thread leave in order.
pub struct Connection {
    pub id: u64,
    pub peer: SocketAddr,
    /// The address the peer connected to: what standalone tells clients to use.
    pub local: SocketAddr,
    /// Wall clock when it was made, milliseconds since 1970.
    pub since_ms: i64,
    /// "host:port" as it was asked for, on the client's side.
    name: Option<Box<str>>,
    pub(crate) identity: Identity,
    pub(crate) limits: ConnLimits,
    pub(crate) account: ConnAccount,
    pub(crate) clock: Arc<CoarseClock>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stamps: Stamps,
    /// Of the shard that serves it; a client's connection has none.
    errands: Option<Arc<Errands>>,
    outbound: Mutex<Outbound>,
    pending: Mutex<Pending>,
    /// Deferred and not yet answered.
    in_flight: AtomicUsize,
    /// Taken over by the task and not yet written.
    unwritten_bytes: AtomicUsize,
    closed: AtomicBool,
}

/// Times of the coarse clock that the sweep compares; 0 is "does not apply".
#[derive(Debug, Default)]
pub(crate) struct Stamps {
    /// The last byte in or out.
    pub active_ms: AtomicU64,
    /// When the frame that is still incomplete began.
    pub partial_ms: AtomicU64,
    /// When the task began to close.
    pub closing_ms: AtomicU64,
    /// When the task sent its FIN.
    pub fin_ms: AtomicU64,
}

/// What other threads leave for the task.
#[derive(Debug, Default)]
struct Outbound {
    queue: Outgoing,
    /// Set while the task sleeps; taken by the first push, so that a burst wakes once.
    waker: Option<Waker>,
    ending: Option<Ending>,
    /// The task is gone: what is pushed now would never leave.
    ended: bool,
}

/// How a connection is to end; a later, harsher one replaces a milder one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Ending {
    /// Once every deferred answer has been written.
    Drain(&'static str),
    /// Once what is queued has been written.
    Close(&'static str),
    /// At once.
    Kill(&'static str),
}

impl Ending {
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Drain(reason) | Self::Close(reason) | Self::Kill(reason) => reason,
        }
    }

    fn severity(self) -> u8 {
        match self {
            Self::Drain(_) => 0,
            Self::Close(_) => 1,
            Self::Kill(_) => 2,
        }
    }
}

/// What the task finds when it looks.
#[derive(Debug)]
pub(crate) struct Found {
    pub ending: Option<Ending>,
    /// Deferred answers that are not queued yet.
    pub in_flight: usize,
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
    #[error("{addr} does not read: {queued_bytes} bytes wait for it, the limit is {limit_bytes}")]
    OutboundFull { addr: String, queued_bytes: usize, limit_bytes: usize },
}

/// Added to the requests in flight, and more than any limit.
const PAUSED: usize = 1 << (usize::BITS - 2);

/// Nothing is read from a connection while this lives.
#[derive(Debug)]
pub struct Paused(Arc<Connection>);

impl Drop for Paused {
    fn drop(&mut self) {
        let outbound = self.0.outbound.lock();
        self.0.in_flight.fetch_sub(PAUSED, Ordering::Relaxed);
        wake(outbound);
    }
}

/// What a new connection is made of.
pub(crate) struct ConnParts {
    pub id: u64,
    pub peer: SocketAddr,
    pub local: SocketAddr,
    pub name: Option<Box<str>>,
    pub identity: Identity,
    pub limits: ConnLimits,
    pub account: ConnAccount,
    pub clock: Arc<CoarseClock>,
    pub counters: Arc<Counters>,
    pub errands: Option<Arc<Errands>>,
}

impl Connection {
    pub(crate) fn new(parts: ConnParts) -> Self {
        let ConnParts {
            id,
            peer,
            local,
            name,
            identity,
            limits,
            account,
            clock,
            counters,
            errands,
        } = parts;
        let stamps = Stamps { active_ms: AtomicU64::new(clock.now_ms()), ..Stamps::default() };
        Self {
            id,
            peer,
            local,
            since_ms: wall_ms(),
            name,
            identity,
            limits,
            account,
            clock,
            counters,
            stamps,
            errands,
            outbound: Mutex::default(),
            pending: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            unwritten_bytes: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// Sends a request and waits for its answer (any response code). Dropping the future forgets
    /// the request; an answer that still comes is ignored.
    pub async fn request(
        self: &Arc<Self>,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Body,
        timeout: Duration,
    ) -> Result<OwnedFrame, RequestError> {
        self.send(code, header, body, timeout)?.await
    }

    /// Queues a request now, in the order of the calls; the answer is awaited apart. Encodes on the
    /// caller's thread; the requests of a burst leave in one write.
    pub fn send(
        self: &Arc<Self>,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
        timeout: Duration,
    ) -> Result<Answer, RequestError> {
        let wait = self.register(Form::Frame, None, timeout)?;
        self.queue_request(&self.head(code, wait.opaque, Flags::REQUEST), header, body)?;
        Ok(Answer(wait))
    }

    /// Sends a one-way request; queued, not confirmed.
    pub fn oneway(
        &self,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
    ) -> Result<(), RequestError> {
        self.queue_request(&self.head(code, 0, Flags::ONEWAY), header, body)
    }

    /// Queues bytes that are already frames.
    pub fn push(&self, frames: Bytes) {
        self.queue_answer(|out| out.append_bytes(frames));
    }

    /// Has `errand` run on the thread that serves this connection, soon, after the turn that is
    /// under way there; here and now where there is no such thread (any more).
    pub fn run_on_shard(&self, errand: Box<dyn Errand>) {
        match &self.errands {
            Some(errands) => errands.give(errand),
            None => errand::run(errand),
        }
    }

    /// True while the peer has more to read than it should ask for.
    pub fn is_outbound_full(&self) -> bool {
        self.queued_bytes(&self.outbound.lock()) > self.limits.outbound_bytes_max
    }

    /// The accounts that this connection shares with others.
    pub fn memory(&self) -> &Budget {
        self.account.budget()
    }

    /// Takes `bytes` for a copy of a request that is served later, elsewhere; refused with
    /// SYSTEM_BUSY and the figures where memory is full.
    pub fn reserve(&self, bytes: usize) -> Result<Reserved, Refusal> {
        Ok(Reserved::new(self.account.budget(), Class::SlowLane, bytes)?)
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes after what is queued has been written. Requests of ours that wait fail now.
    pub fn close(&self, reason: &'static str) {
        self.end(Ending::Close(reason));
    }

    /// Reads no further request from the connection until the result is dropped; those that have
    /// been read and not yet handed out wait too.
    #[must_use]
    pub fn pause(self: &Arc<Self>) -> Paused {
        self.in_flight.fetch_add(PAUSED, Ordering::Relaxed);
        Paused(Arc::clone(self))
    }

    /// Requests deferred and not yet answered.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed) % PAUSED
    }

    /// Whether no request may be handed out now.
    #[inline]
    pub(crate) fn takes_none(&self, in_flight_max: usize) -> bool {
        self.in_flight.load(Ordering::Relaxed) >= in_flight_max
    }

    /// How errors name the other side.
    pub(crate) fn addr(&self) -> String {
        self.name.as_deref().map_or_else(|| self.peer.to_string(), str::to_owned)
    }

    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock()
    }

    pub(crate) fn head(&self, code: RequestCode, opaque: i32, flags: Flags) -> Head<'static> {
        let Identity { language, version, serialize } = self.identity;
        Head { serialize, code: code.0, language, version, opaque, flags, remark: None }
    }

    pub(crate) fn queue_request(
        &self,
        head: &Head<'_>,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
    ) -> Result<(), RequestError> {
        let mut outbound = self.outbound.lock();
        if outbound.ended || self.is_closed() {
            return Err(RequestError::Closed { addr: self.addr() });
        }
        let queued_bytes = self.queued_bytes(&outbound);
        let limit_bytes = self.limits.outbound_bytes_max;
        if queued_bytes > limit_bytes {
            return Err(RequestError::OutboundFull {
                addr: self.addr(),
                queued_bytes,
                limit_bytes,
            });
        }
        outbound.queue.frame(head, header, body);
        wake(outbound);
        Ok(())
    }

    /// Queues what is owed to the peer. One that does not read it is closed.
    pub(crate) fn queue_answer(&self, add: impl FnOnce(&mut Outgoing)) {
        let mut outbound = self.outbound.lock();
        if outbound.ended {
            return;
        }
        let most_bytes = self.account.pushed_bytes_max(self.limits);
        if self.queued_bytes(&outbound) > most_bytes {
            outbound.queue.clear();
            drop(outbound);
            count(&self.counters.slow_readers, 1);
            self.end(Ending::Kill("the peer does not read what it asked for"));
            return;
        }
        add(&mut outbound.queue);
        self.account.outbound(self.queued_bytes(&outbound));
        wake(outbound);
    }

    /// Ends `count` deferred requests and queues their answers in one step, so that a connection
    /// being drained sees either neither or both.
    pub(crate) fn finish_deferred(&self, count: usize, add: impl FnOnce(&mut Outgoing)) {
        let mut queued = false;
        self.queue_answer(|out| {
            add(out);
            self.end_deferred(count);
            queued = true;
        });
        if !queued {
            self.end_deferred(count);
        }
    }

    pub(crate) fn begin_deferred(&self, count: usize) {
        let was = self.in_flight.fetch_add(count, Ordering::Relaxed) % PAUSED;
        self.account.in_flight(was, was + count);
    }

    fn end_deferred(&self, count: usize) {
        let was = self.in_flight.fetch_sub(count, Ordering::Relaxed) % PAUSED;
        self.account.in_flight(was, was.saturating_sub(count));
    }

    /// The limits as they are now: lower while memory is full.
    pub(crate) fn limits(&self) -> ConnLimits {
        self.account.limits(self.limits)
    }

    fn queued_bytes(&self, outbound: &Outbound) -> usize {
        outbound.queue.bytes() + self.unwritten_bytes.load(Ordering::Relaxed)
    }

    /// Asks the task to end.
    pub(crate) fn end(&self, ending: Ending) {
        let mut outbound = self.outbound.lock();
        if outbound.ending.is_none_or(|before| before.severity() < ending.severity()) {
            outbound.ending = Some(ending);
        }
        wake(outbound);
        if !matches!(ending, Ending::Drain(_)) {
            self.fail_pending();
        }
    }

    fn fail_pending(&self) {
        self.closed.store(true, Ordering::Release);
        let mut wakers = Vec::new();
        self.pending().close(&mut wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// What the task calls.
impl Connection {
    /// Moves what was queued behind `out`, and takes the waker in, so that pushes made while the
    /// task runs do not wake it again.
    pub(crate) fn take_outbound(&self, out: &mut Outgoing, waker: &mut Option<Waker>) -> Found {
        let mut outbound = self.outbound.lock();
        if let Some(taken) = outbound.waker.take() {
            *waker = Some(taken);
        }
        if !outbound.queue.is_empty() {
            out.append(&mut outbound.queue);
        }
        Found { ending: outbound.ending, in_flight: self.in_flight.load(Ordering::Relaxed) }
    }

    /// Whether something was queued since the task last looked.
    pub(crate) fn has_queued(&self) -> bool {
        !self.outbound.lock().queue.is_empty()
    }

    /// Leaves `waker` for the next push. False where something has changed since the task looked:
    /// frames were queued, it was told to end, or fewer than `resume_below` deferred requests are
    /// left, which the task waits for.
    pub(crate) fn park(&self, waker: Waker, seen: Option<Ending>, resume_below: usize) -> bool {
        let mut outbound = self.outbound.lock();
        outbound.waker = Some(waker);
        self.account.outbound(self.queued_bytes(&outbound));
        outbound.queue.is_empty()
            && outbound.ending == seen
            && self.in_flight.load(Ordering::Relaxed) >= resume_below
    }

    pub(crate) fn set_unwritten_bytes(&self, bytes: usize) {
        self.unwritten_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn stamp(&self, stamp: &AtomicU64) {
        stamp.store(self.clock.now_ms(), Ordering::Relaxed);
    }

    /// The task is gone: nothing pushed from now on is kept.
    pub(crate) fn ended(&self) {
        let mut outbound = self.outbound.lock();
        outbound.ended = true;
        outbound.queue = Outgoing::default();
        outbound.waker = None;
        drop(outbound);
        self.account.outbound(0);
        self.account.inbound(0);
        self.fail_pending();
    }

    /// Gives memory back that only a busy connection needs.
    pub(crate) fn shrink(&self) {
        let mut outbound = self.outbound.lock();
        if outbound.queue.is_empty() && outbound.queue.capacity_bytes() > 0 {
            outbound.queue = Outgoing::default();
        }
    }
}

fn wake(mut outbound: MutexGuard<'_, Outbound>) {
    let waker = outbound.waker.take();
    drop(outbound);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .field("peer", &self.peer)
            .field("local", &self.local)
            .field("in_flight", &self.in_flight())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
