//! The task of one connection: reads, runs turns, writes. Alone on its socket.
//!
//! One `poll` goes round: take what others queued, write, read, run the turn, write. It sleeps only
//! when neither direction can move, and is woken by the socket or by the first push of a burst.
use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BufMut, BytesMut};
use remora_protocol::opaque::peek_opaque;
use remora_protocol::{FrameError, FrameLimits};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::answers::Answers;
use crate::budget::{OverBudget, STEP_BYTES};
use crate::connection::{Connection, Ending, Found};
use crate::counters::count;
use crate::outgoing::{Outgoing, SLICES_MAX};
use crate::service::Service;
use crate::transport::Transport;
use crate::turn::{End, Turn, TurnSink};
use crate::{malformed, scratch};

/// Rounds before other connections of the shard get their share. Chosen: 8 reads of 128 KiB are
/// some milliseconds of sends.
const ROUNDS_MAX: usize = 8;

/// A frame larger than this is read into a buffer of its own, without what follows it; a smaller
/// one that a read has cut is copied in front of the next read.
const LARGE_FRAME_BYTES: usize = 16 * 1024;

/// The buffer of a large frame grows by this much, or by what has come already: a length field
/// alone never makes us allocate.
const GROWTH_BYTES: usize = 256 * 1024;

/// Capacity kept for the start of a cut frame, so that a busy connection does not allocate at every
/// read; within the 8 KiB that an idle connection may cost.
const KEPT_BYTES_MAX: usize = 2048;

pub(crate) struct ConnTask {
    stream: Transport,
    conn: Arc<Connection>,
    service: Arc<dyn Service>,
    frame_limits: FrameLimits,
    /// Bytes read and not yet part of a turn: the start of a frame, or what the limits held back.
    unread: BytesMut,
    /// A turn over `unread` is worth it from this length on.
    need_bytes: usize,
    /// What is to come of a frame that was refused before it was here.
    skip_bytes: usize,
    out: Outgoing,
    answers: Answers,
    waker: Option<Waker>,
    /// The service knows of the connection.
    announced: bool,
    phase: Phase,
    /// Why we close.
    reason: &'static str,
    /// Bytes read and thrown away after our FIN.
    discarded_bytes: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Open,
    /// Writes what is queued, reads no more.
    Closing,
    /// FIN sent; reads on into nothing, because closing over unread bytes would make the kernel
    /// reset the connection and the peer lose our last words.
    Lingering,
}

/// What a round came to.
enum Round {
    Again,
    /// Nothing moves before an event; `resume_below` as in `Connection::park`.
    Blocked {
        resume_below: usize,
    },
    Ended(&'static str),
}

impl ConnTask {
    pub(crate) fn new(
        stream: Transport,
        conn: Arc<Connection>,
        service: Arc<dyn Service>,
        frame_limits: FrameLimits,
    ) -> Self {
        count(&conn.counters.connections_opened, 1);
        Self {
            stream,
            conn,
            service,
            frame_limits,
            unread: BytesMut::new(),
            need_bytes: 0,
            skip_bytes: 0,
            out: Outgoing::default(),
            answers: Answers::default(),
            waker: None,
            announced: false,
            phase: Phase::Open,
            reason: "",
            discarded_bytes: 0,
        }
    }

    /// Ready when the connection has ended.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.announced {
            self.announced = true;
            self.service.connected(&self.conn);
        }
        match self.poll_rounds(cx) {
            Ok(None) => return Poll::Pending,
            Ok(Some(reason)) => tracing::debug!(peer = %self.conn.peer, reason, "connection ended"),
            Err(error) => tracing::debug!(peer = %self.conn.peer, %error, "connection broke"),
        }
        Poll::Ready(())
    }

    fn poll_rounds(&mut self, cx: &mut Context<'_>) -> io::Result<Option<&'static str>> {
        for _ in 0..ROUNDS_MAX {
            if self.out.capacity_bytes() == 0 {
                self.out = scratch::take_outgoing();
            }
            let found = self.conn.take_outbound(&mut self.out, &mut self.waker);
            match self.round(&found, cx)? {
                Round::Again => {}
                Round::Ended(reason) => return Ok(Some(reason)),
                Round::Blocked { resume_below } => {
                    self.settle();
                    let waker = match self.waker.take() {
                        Some(waker) if waker.will_wake(cx.waker()) => waker,
                        _ => cx.waker().clone(),
                    };
                    if self.conn.park(waker, found.ending, resume_below) {
                        return Ok(None);
                    }
                }
            }
        }
        self.settle();
        cx.waker().wake_by_ref();
        Ok(None)
    }

    /// Gives the shared buffer back, unless the peer has not taken all of it yet.
    fn settle(&mut self) {
        self.conn.set_unwritten_bytes(self.out.bytes());
        if self.out.is_empty() {
            scratch::give_outgoing(std::mem::take(&mut self.out));
        }
    }

    fn round(&mut self, found: &Found, cx: &mut Context<'_>) -> io::Result<Round> {
        if let Some(Ending::Kill(reason)) = found.ending {
            return Ok(Round::Ended(reason));
        }
        if self.phase == Phase::Lingering {
            return self.discard(cx);
        }
        let flushed = self.flush(cx)?;
        if self.phase == Phase::Open {
            match found.ending {
                None => return self.read(cx),
                Some(Ending::Drain(_)) if found.in_flight > 0 => {
                    return Ok(Round::Blocked { resume_below: 1 });
                }
                Some(ending) => {
                    self.phase = Phase::Closing;
                    self.reason = ending.reason();
                    self.conn.stamp(&self.conn.stamps.closing_ms);
                }
            }
        }
        if !flushed {
            return Ok(Round::Blocked { resume_below: 0 });
        }
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Pending => return Ok(Round::Blocked { resume_below: 0 }),
            Poll::Ready(outcome) => outcome?,
        }
        self.phase = Phase::Lingering;
        self.conn.stamp(&self.conn.stamps.fin_ms);
        Ok(Round::Again)
    }

    /// Writes until all is written (true) or the peer takes no more for now.
    fn flush(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        while !self.out.is_empty() {
            let stream = Pin::new(&mut self.stream);
            let polled = if let Some(only) = self.out.one_slice() {
                stream.poll_write(cx, only)
            } else {
                let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                let slice_count = self.out.slices(&mut slices);
                stream.poll_write_vectored(cx, slices.get(..slice_count).unwrap_or(&[]))
            };
            let written = match polled {
                Poll::Pending => {
                    self.conn.set_unwritten_bytes(self.out.bytes());
                    return Ok(false);
                }
                Poll::Ready(outcome) => outcome?,
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.out.advance(written);
            self.conn.stamp(&self.conn.stamps.active_ms);
            count(&self.conn.counters.bytes_out, u64::try_from(written).unwrap_or(u64::MAX));
        }
        Ok(true)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> io::Result<Round> {
        let stamps = &self.conn.stamps;
        if let Some(resume_below) = self.held_back() {
            // Not the peer's fault that its frame stays incomplete.
            stamps.partial_ms.store(0, Ordering::Relaxed);
            return Ok(Round::Blocked { resume_below });
        }
        if !self.unread.is_empty() || self.skip_bytes > 0 {
            if self.skip_bytes == 0 && self.unread.len() >= self.need_bytes {
                self.turn_over_unread();
                self.conn.account.inbound(self.unread.capacity());
                return Ok(Round::Again);
            }
            if let Err(over) = self.make_room() {
                self.skip_frame(&over);
                return Ok(Round::Again);
            }
            let partial_ms = &self.conn.stamps.partial_ms;
            if partial_ms.load(Ordering::Relaxed) == 0 {
                self.conn.stamp(partial_ms);
            }
        }
        let read = if self.skip_bytes > 0 {
            self.read_skipped(cx)
        } else if self.need_bytes > LARGE_FRAME_BYTES {
            self.read_large(cx)
        } else {
            self.read_into_turn(cx)
        };
        match read {
            Poll::Pending => Ok(Round::Blocked { resume_below: 0 }),
            Poll::Ready(outcome) => {
                let read_bytes = outcome?;
                if read_bytes == 0 {
                    return Ok(Round::Ended(self.end_of_stream()));
                }
                self.conn.account.inbound(self.unread.capacity());
                self.conn.stamp(&self.conn.stamps.active_ms);
                count(&self.conn.counters.bytes_in, u64::try_from(read_bytes).unwrap_or(u64::MAX));
                Ok(Round::Again)
            }
        }
    }

    fn end_of_stream(&self) -> &'static str {
        if self.unread.is_empty() {
            "the peer closed"
        } else {
            "the peer closed in the middle of a frame"
        }
    }

    /// Whether reading must wait: for the peer to take its answers, or for deferred ones (then
    /// until fewer than the returned number are left).
    fn held_back(&self) -> Option<usize> {
        let limits = self.conn.limits();
        if self.conn.takes_none(limits.in_flight_max) {
            return Some(limits.in_flight_max);
        }
        let full = self.out.bytes() > limits.outbound_bytes_max;
        (full && !limits.read_while_full).then_some(0)
    }

    /// Reads into the thread's buffer, behind what is left of the last read, and runs the turn.
    fn read_into_turn(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = scratch::take_read_buffer();
        let have_bytes = self.unread.len();
        let (front, mut space) = buffer.split_at_mut(have_bytes);
        if self.conn.account.is_inbound_full() && space.len() > STEP_BYTES {
            // A frame that this read cuts is kept, so it must be a small part.
            space = space.split_at_mut(STEP_BYTES).0;
        }
        let mut space = ReadBuf::new(space);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut space);
        let read_bytes = space.filled().len();
        if matches!(polled, Poll::Ready(Ok(()))) && read_bytes > 0 {
            front.copy_from_slice(&self.unread);
            let bytes = buffer.get(..have_bytes + read_bytes).unwrap_or(&[]);
            let rest = self.turn(bytes);
            self.unread.clear();
            if self.unread.capacity() > KEPT_BYTES_MAX && rest.len() <= KEPT_BYTES_MAX {
                self.unread = BytesMut::new();
            }
            self.unread.extend_from_slice(rest);
        }
        scratch::give_read_buffer(buffer);
        polled.map_ok(|()| read_bytes)
    }

    /// Sees to it that there is room for more of a cut frame; an error where memory is full.
    fn make_room(&mut self) -> Result<(), OverBudget> {
        let have_bytes = self.unread.len();
        let missing_bytes = self.need_bytes.saturating_sub(have_bytes);
        let account = &self.conn.account;
        if self.skip_bytes > 0 || missing_bytes == 0 {
            return Ok(());
        }
        if self.need_bytes <= LARGE_FRAME_BYTES {
            // Read behind the rest of the last read, into the thread's buffer.
            return if have_bytes < STEP_BYTES { Ok(()) } else { account.grow_inbound(have_bytes) };
        }
        if self.unread.capacity() - have_bytes >= missing_bytes.min(GROWTH_BYTES / 4) {
            return Ok(());
        }
        let growth_bytes = missing_bytes.min(have_bytes.max(GROWTH_BYTES));
        match account.grow_inbound(have_bytes + growth_bytes) {
            Ok(()) => self.unread.reserve(growth_bytes),
            // Whom to tell is not known yet.
            Err(_) if have_bytes < STEP_BYTES && peek_opaque(&self.unread).is_none() => {
                self.unread.reserve(STEP_BYTES);
            }
            Err(over) => return Err(over),
        }
        Ok(())
    }

    /// Refuses the frame that is being received, and forgets it: what is to come of it is read into
    /// nothing, so that the connection lives on.
    fn skip_frame(&mut self, over: &OverBudget) {
        tracing::debug!(peer = %self.conn.peer, %over, "a frame is refused before it is here");
        malformed::refuse_cut(&self.conn, &self.unread, &(*over).into(), &mut self.out);
        self.skip_bytes = self.need_bytes.saturating_sub(self.unread.len());
        self.need_bytes = 0;
        self.unread = BytesMut::new();
        self.conn.account.inbound(0);
    }

    fn read_skipped(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = scratch::take_read_buffer();
        let most_bytes = buffer.len().min(self.skip_bytes);
        let mut space = ReadBuf::new(buffer.get_mut(..most_bytes).unwrap_or_default());
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut space);
        let read_bytes = space.filled().len();
        scratch::give_read_buffer(buffer);
        self.skip_bytes -= read_bytes;
        if self.skip_bytes == 0 {
            self.conn.stamps.partial_ms.store(0, Ordering::Relaxed);
        }
        polled.map_ok(|()| read_bytes)
    }

    /// Reads more of a large frame into a buffer of its own, exactly to the frame's end.
    fn read_large(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let missing_bytes = self.need_bytes.saturating_sub(self.unread.len());
        let mut space = (&mut self.unread).limit(missing_bytes);
        let read = pin!(self.stream.read_buf(&mut space));
        read.poll(cx)
    }

    fn turn_over_unread(&mut self) {
        let mut unread = std::mem::take(&mut self.unread);
        let rest_bytes = self.turn(&unread).len();
        unread.advance(unread.len() - rest_bytes);
        if rest_bytes > 0 {
            self.unread = unread;
        }
    }

    /// Runs one turn over `bytes`; what it returns was not part of it.
    fn turn<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let sink = TurnSink {
            limits: self.conn.limits(),
            out: RefCell::new(std::mem::take(&mut self.out)),
            answers: RefCell::new(std::mem::take(&mut self.answers)),
            ..TurnSink::default()
        };
        let mut turn = Turn::new(&self.conn, bytes, &self.frame_limits, &sink);
        if turn.has_call() {
            let turned = catch_unwind(AssertUnwindSafe(|| self.service.turn(&mut turn)));
            if turned.is_err() {
                count(&self.conn.counters.panics, 1);
                tracing::error!(peer = %self.conn.peer, "panic in the service of a connection");
            }
            if sink.end.get() == End::Open {
                while turn.next_call().is_some() {}
            }
        }
        let TurnSink { out, consumed_bytes, requests, end, error, answers, .. } = sink;
        self.out = out.into_inner();
        self.answers = answers.into_inner();
        count(&self.conn.counters.requests, requests.get());
        self.deliver_answers();
        let rest = bytes.get(consumed_bytes.get()..).unwrap_or(&[]);
        self.after_turn(consumed_bytes.get(), rest, end.get(), error.into_inner())
    }

    /// Notes what the turn stopped at; returns the bytes to keep.
    fn after_turn<'b>(
        &mut self,
        consumed_bytes: usize,
        rest: &'b [u8],
        end: End,
        error: Option<FrameError>,
    ) -> &'b [u8] {
        self.need_bytes = match end {
            End::Incomplete { need_bytes } => need_bytes,
            End::Open | End::Limits | End::Malformed => 0,
        };
        if consumed_bytes > 0 {
            // The frame that `rest` begins, if any, is another one; the next read stamps it.
            self.conn.stamps.partial_ms.store(0, Ordering::Relaxed);
        }
        let Some(error) = error else { return rest };
        malformed::explain(&self.conn, rest, &error, &mut self.out);
        self.conn.close("the peer sent what is not a frame");
        &[]
    }

    fn deliver_answers(&mut self) {
        if self.answers.settled.is_empty() {
            return;
        }
        let Answers { settled, wakers, .. } = &mut self.answers;
        let mut unexpected = 0;
        let mut pending = self.conn.pending();
        for (opaque, answer) in settled.drain(..) {
            if !pending.answer(opaque, answer, wakers) {
                unexpected += 1;
            }
        }
        drop(pending);
        wakers.drain(..).for_each(Waker::wake);
        if unexpected > 0 {
            count(&self.conn.counters.unexpected_answers, unexpected);
        }
    }

    fn discard(&mut self, cx: &mut Context<'_>) -> io::Result<Round> {
        self.out.clear();
        let mut buffer = scratch::take_read_buffer();
        let mut space = ReadBuf::new(&mut buffer);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut space);
        let read_bytes = space.filled().len();
        scratch::give_read_buffer(buffer);
        match polled {
            Poll::Pending => return Ok(Round::Blocked { resume_below: 0 }),
            Poll::Ready(outcome) => outcome?,
        }
        self.discarded_bytes = self.discarded_bytes.saturating_add(read_bytes);
        let frame_bytes_max = usize::try_from(self.frame_limits.frame_bytes_max);
        if read_bytes == 0 {
            Ok(Round::Ended(self.reason))
        } else if self.discarded_bytes > frame_bytes_max.unwrap_or(usize::MAX) {
            Ok(Round::Ended("closed, the peer sends on"))
        } else {
            Ok(Round::Again)
        }
    }
}

impl Drop for ConnTask {
    fn drop(&mut self) {
        self.conn.ended();
        count(&self.conn.counters.connections_closed, 1);
        if self.announced {
            self.service.disconnected(&self.conn);
        }
    }
}
