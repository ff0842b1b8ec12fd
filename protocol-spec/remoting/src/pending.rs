//! Requests of ours that wait for an answer, by opaque.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use remora_protocol::{EncodeHeader, Flags, OwnedFrame, RequestCode};

use crate::answers::{SendAnswer, TAKES_STORED};
use crate::body::Body;
use crate::clock::millis;
use crate::connection::{Connection, RequestError};

/// Numbers are 30 bits, so that an opaque with its lowest bit is positive.
const NUMBER_MAX: u32 = 0x3FFF_FFFF;

/// Slots of the first request.
const SLOTS_MIN: usize = 64;

/// The requests of one connection, in a ring: the slot of a request is its number modulo the number
/// of slots, so that nothing is hashed and nothing allocated once the ring is as large as needed.
/// The connection holds it under a lock; nothing in here blocks.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// A power of two, at most half of them taken.
    slots: Vec<Slot>,
    taken: usize,
    next_number: u32,
    /// No entry is due before this; may be too early, never too late.
    due_ms: u64,
    /// Something was registered since the last sweep.
    busy: bool,
    closed: bool,
}

#[derive(Debug, Default)]
struct Slot {
    opaque: i32,
    deadline_ms: u64,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Free,
    Unanswered(Option<Waker>),
    Answered(SendAnswer),
    TimedOut,
    Closed,
}

/// Why no entry was made.
#[derive(Debug)]
pub(crate) enum Full {
    Closed,
    InFlight,
}

/// In which form an answer is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Frame,
    Stored,
}

impl Pending {
    /// Makes an entry under a number that no other entry has.
    pub(crate) fn register(
        &mut self,
        form: Form,
        waker: Option<Waker>,
        deadline_ms: u64,
        in_flight_max: usize,
    ) -> Result<i32, Full> {
        if self.closed {
            return Err(Full::Closed);
        }
        if self.taken >= in_flight_max {
            return Err(Full::InFlight);
        }
        if self.taken * 2 >= self.slots.len() {
            self.grow();
        }
        let bit = if form == Form::Stored { TAKES_STORED } else { 0 };
        // At most half are taken, so that this ends.
        let mut opaque = self.next_opaque(bit);
        while !self.slot(opaque).is_some_and(|slot| matches!(slot.state, State::Free)) {
            opaque = self.next_opaque(bit);
        }
        self.due_ms = if self.taken == 0 { deadline_ms } else { self.due_ms.min(deadline_ms) };
        self.taken += 1;
        self.busy = true;
        if let Some(slot) = self.slot(opaque) {
            *slot = Slot { opaque, deadline_ms, state: State::Unanswered(waker) };
        }
        Ok(opaque)
    }

    fn next_opaque(&mut self, bit: i32) -> i32 {
        let number = self.next_number;
        self.next_number = (number + 1) & NUMBER_MAX;
        (number << 1).cast_signed() | bit
    }

    /// The slot that an opaque may be in.
    fn slot(&mut self, opaque: i32) -> Option<&mut Slot> {
        let number = usize::try_from(opaque.cast_unsigned() >> 1).ok()?;
        let mask = self.slots.len().wrapping_sub(1);
        self.slots.get_mut(number & mask)
    }

    /// The slot that holds this request.
    fn taken(&mut self, opaque: i32) -> Option<&mut Slot> {
        self.slot(opaque).filter(|slot| slot.opaque == opaque && !matches!(slot.state, State::Free))
    }

    fn grow(&mut self) {
        let doubled = (self.slots.len() * 2).max(SLOTS_MIN);
        let before = std::mem::take(&mut self.slots);
        self.slots.resize_with(doubled, Slot::default);
        // What differed modulo the old size differs modulo the new one.
        for old in before.into_iter().filter(|slot| !matches!(slot.state, State::Free)) {
            if let Some(slot) = self.slot(old.opaque) {
                *slot = old;
            }
        }
    }

    /// Frees the slot; what it held.
    fn take(&mut self, opaque: i32) -> Option<State> {
        let state = std::mem::take(&mut self.taken(opaque)?.state);
        self.taken -= 1;
        Some(state)
    }

    pub(crate) fn forget(&mut self, opaque: i32) {
        self.take(opaque);
    }

    /// Hands an answer over. Wakers are collected, to be woken after the lock is released. False:
    /// nobody waits for it (any more).
    pub(crate) fn answer(
        &mut self,
        opaque: i32,
        answer: SendAnswer,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        match self.taken(opaque) {
            Some(slot) => slot.finish(State::Answered(answer), wakers),
            None => false,
        }
    }

    /// Gives up on what is overdue; gives memory back when nothing has waited for one sweep.
    pub(crate) fn expire(&mut self, now_ms: u64, wakers: &mut Vec<Waker>) {
        let was_busy = std::mem::replace(&mut self.busy, false);
        if self.taken == 0 {
            if !was_busy && self.slots.len() > SLOTS_MIN {
                self.slots = Vec::new();
            }
            return;
        }
        if now_ms < self.due_ms {
            return;
        }
        self.due_ms = u64::MAX;
        for slot in &mut self.slots {
            match slot.state {
                State::Free => {}
                _ if slot.deadline_ms <= now_ms => {
                    slot.finish(State::TimedOut, wakers);
                }
                _ => self.due_ms = self.due_ms.min(slot.deadline_ms),
            }
        }
    }

    /// Fails everything that waits, and everything to come.
    pub(crate) fn close(&mut self, wakers: &mut Vec<Waker>) {
        self.closed = true;
        for slot in &mut self.slots {
            slot.finish(State::Closed, wakers);
        }
    }

    /// Takes the outcome out, or leaves `cx` to be woken.
    fn poll(&mut self, opaque: i32, cx: &Context<'_>) -> Poll<State> {
        match self.taken(opaque).map(|slot| &mut slot.state) {
            Some(State::Unanswered(Some(waker))) => {
                waker.clone_from(cx.waker());
                Poll::Pending
            }
            Some(State::Unanswered(waker)) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(_) | None => Poll::Ready(self.take(opaque).unwrap_or(State::Closed)),
        }
    }
}

impl Slot {
    /// False where it was finished before: the first outcome stands.
    fn finish(&mut self, outcome: State, wakers: &mut Vec<Waker>) -> bool {
        let State::Unanswered(waker) = &mut self.state else { return false };
        wakers.extend(waker.take());
        self.state = outcome;
        true
    }
}

impl Connection {
    /// Queues the request of a send now, in the order of the calls, as [`Connection::send`] does.
    /// The answer's usual form is read without a copy of its frame. `cx` is woken when it is there;
    /// the future must be polled first within the same poll, which then costs nothing.
    pub fn send_message(
        self: &Arc<Self>,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized),
        body: Body,
        timeout: Duration,
        cx: &Context<'_>,
    ) -> Result<SendWait, RequestError> {
        let wait = self.register(Form::Stored, Some(cx.waker().clone()), timeout)?;
        let since_ms = self.clock.now_ms();
        self.queue_request(&self.head(code, wait.opaque, Flags::REQUEST), header, body)?;
        Ok(SendWait { wait, since_ms, polled: false })
    }

    /// Makes the entry of a request, before it is queued: the answer may come at once.
    pub(crate) fn register(
        self: &Arc<Self>,
        form: Form,
        waker: Option<Waker>,
        timeout: Duration,
    ) -> Result<Wait, RequestError> {
        let deadline_ms = self.clock.deadline_ms(timeout);
        let limit = self.limits.in_flight_max;
        match self.pending().register(form, waker, deadline_ms, limit) {
            Ok(opaque) => Ok(Wait { conn: Arc::clone(self), opaque, timeout, taken: false }),
            Err(Full::Closed) => Err(RequestError::Closed { addr: self.addr() }),
            Err(Full::InFlight) => Err(RequestError::TooManyInFlight { addr: self.addr(), limit }),
        }
    }
}

/// A registered request. Dropping it forgets the request.
#[derive(Debug)]
pub(crate) struct Wait {
    conn: Arc<Connection>,
    pub(crate) opaque: i32,
    timeout: Duration,
    taken: bool,
}

impl Wait {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<SendAnswer, RequestError>> {
        let outcome = ready!(self.conn.pending().poll(self.opaque, cx));
        self.taken = true;
        Poll::Ready(match outcome {
            State::Answered(answer) => Ok(answer),
            State::TimedOut => Err(RequestError::Timeout {
                addr: self.conn.addr(),
                timeout_ms: millis(self.timeout),
            }),
            State::Closed | State::Unanswered(_) | State::Free => {
                Err(RequestError::Closed { addr: self.conn.addr() })
            }
        })
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if !self.taken {
            self.conn.pending().forget(self.opaque);
        }
    }
}

/// The answer to come of a request already queued. Dropping it forgets the request.
#[derive(Debug)]
#[must_use = "the answer is lost unless it is awaited"]
pub struct Answer(pub(crate) Wait);

impl Future for Answer {
    type Output = Result<OwnedFrame, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match ready!(self.0.poll(cx)) {
            Ok(SendAnswer::Frame(frame)) => Ok(frame),
            // Nobody asked for this form; as good as no answer.
            Ok(SendAnswer::Stored(_)) => Err(RequestError::Closed { addr: self.0.conn.addr() }),
            Err(error) => Err(error),
        })
    }
}

/// The answer to come of a send already queued. Dropping it forgets the request.
#[derive(Debug)]
#[must_use = "the answer is lost unless it is awaited"]
pub struct SendWait {
    wait: Wait,
    since_ms: u64,
    polled: bool,
}

impl SendWait {
    /// How long it has waited so far, or had to, to some 20 ms.
    pub fn elapsed_ms(&self) -> u64 {
        self.wait.conn.clock.now_ms().saturating_sub(self.since_ms)
    }
}

impl Future for SendWait {
    type Output = Result<SendAnswer, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !std::mem::replace(&mut self.polled, true) {
            // The waker is there already; what came since has woken it.
            return Poll::Pending;
        }
        self.wait.poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pending: &mut Pending, deadline_ms: u64) -> i32 {
        pending.register(Form::Frame, None, deadline_ms, 1_000).unwrap()
    }

    fn is_unanswered(pending: &mut Pending, opaque: i32) -> bool {
        pending.taken(opaque).is_some_and(|slot| matches!(slot.state, State::Unanswered(_)))
    }

    #[test]
    fn numbers_wrap_around_and_skip_those_whose_slot_is_still_taken() {
        let mut pending = Pending { next_number: NUMBER_MAX, ..Pending::default() };
        let last = asked(&mut pending, 9);
        assert_eq!((last, asked(&mut pending, 9)), (i32::MAX - 1, 0));
        pending.next_number = NUMBER_MAX;
        assert_eq!(asked(&mut pending, 9), 2);
        pending.forget(0);
        pending.next_number = NUMBER_MAX;
        assert_eq!(pending.register(Form::Stored, None, 9, 9).unwrap(), 1);
    }

    #[test]
    fn requests_are_found_again_after_the_ring_has_grown() {
        let mut pending = Pending::default();
        let early = asked(&mut pending, 9);
        let dropped: Vec<i32> = (0..200).map(|_| asked(&mut pending, 9)).collect();
        dropped.into_iter().for_each(|opaque| pending.forget(opaque));
        let late: Vec<i32> = (0..200).map(|_| asked(&mut pending, 9)).collect();
        assert!(is_unanswered(&mut pending, early));
        assert!(late.into_iter().all(|opaque| is_unanswered(&mut pending, opaque)));
        assert_eq!((pending.taken, pending.slots.len()), (201, 512));
    }

    #[test]
    fn a_late_answer_does_not_reach_the_next_request_of_its_slot() {
        let mut pending = Pending::default();
        let forgotten = asked(&mut pending, 9);
        pending.forget(forgotten);
        pending.next_number = u32::try_from(SLOTS_MIN).unwrap();
        let next = asked(&mut pending, 9);
        assert!(std::ptr::eq(pending.slot(forgotten).unwrap(), pending.slot(next).unwrap()));
        assert!(pending.taken(forgotten).is_none());
    }

    #[test]
    fn only_overdue_requests_expire() {
        let mut pending = Pending::default();
        let (early, late) = (asked(&mut pending, 10), asked(&mut pending, 20));
        pending.expire(10, &mut Vec::new());
        assert!(matches!(pending.take(early), Some(State::TimedOut)));
        assert!(is_unanswered(&mut pending, late));
        assert_eq!(pending.due_ms, 20);
    }

    #[test]
    fn a_ring_that_grew_is_given_back_when_nothing_has_waited_for_a_sweep() {
        let mut pending = Pending::default();
        let all: Vec<i32> = (0..100).map(|_| asked(&mut pending, 9)).collect();
        all.into_iter().for_each(|opaque| pending.forget(opaque));
        pending.expire(1, &mut Vec::new());
        assert_eq!(pending.slots.len(), 256);
        pending.expire(2, &mut Vec::new());
        assert_eq!(pending.slots.len(), 0);
        assert!(asked(&mut pending, 9) >= 0);
    }
}
