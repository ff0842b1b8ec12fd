//! Requests of ours that wait for an answer, by opaque.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ahash::AHashMap;
use remora_protocol::OwnedFrame;

use crate::clock::millis;
use crate::connection::{Connection, RequestError};

/// The table. The connection holds it under a lock; nothing in here blocks.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    waiting: AHashMap<i32, Waiting>,
    next_opaque: i32,
    /// No entry is due before this; may be too early, never too late.
    due_ms: u64,
    closed: bool,
}

#[derive(Debug)]
struct Waiting {
    deadline_ms: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Unanswered(Option<Waker>),
    Answered(OwnedFrame),
    TimedOut,
    Closed,
}

/// Why no entry was made.
#[derive(Debug)]
pub(crate) enum Full {
    Closed,
    InFlight,
}

impl Pending {
    /// Makes an entry under a number that no other entry has.
    pub(crate) fn register(&mut self, deadline_ms: u64, in_flight_max: usize) -> Result<i32, Full> {
        if self.closed {
            return Err(Full::Closed);
        }
        if self.waiting.len() >= in_flight_max {
            return Err(Full::InFlight);
        }
        let mut opaque = self.next_opaque;
        while self.waiting.contains_key(&opaque) {
            opaque = opaque.wrapping_add(1) & i32::MAX;
        }
        self.next_opaque = opaque.wrapping_add(1) & i32::MAX;
        self.due_ms =
            if self.waiting.is_empty() { deadline_ms } else { self.due_ms.min(deadline_ms) };
        self.waiting.insert(opaque, Waiting { deadline_ms, state: State::Unanswered(None) });
        Ok(opaque)
    }

    pub(crate) fn forget(&mut self, opaque: i32) {
        self.waiting.remove(&opaque);
    }

    /// Hands an answer over. Wakers are collected, to be woken after the lock is released. False:
    /// nobody waits for it (any more).
    pub(crate) fn answer(
        &mut self,
        opaque: i32,
        frame: OwnedFrame,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        match self.waiting.get_mut(&opaque) {
            Some(waiting) => waiting.finish(State::Answered(frame), wakers),
            None => false,
        }
    }

    /// Gives up on what is overdue.
    pub(crate) fn expire(&mut self, now_ms: u64, wakers: &mut Vec<Waker>) {
        if self.waiting.is_empty() || now_ms < self.due_ms {
            return;
        }
        self.due_ms = u64::MAX;
        for waiting in self.waiting.values_mut() {
            if waiting.deadline_ms <= now_ms {
                waiting.finish(State::TimedOut, wakers);
            } else {
                self.due_ms = self.due_ms.min(waiting.deadline_ms);
            }
        }
    }

    /// Fails everything that waits, and everything to come.
    pub(crate) fn close(&mut self, wakers: &mut Vec<Waker>) {
        self.closed = true;
        for waiting in self.waiting.values_mut() {
            waiting.finish(State::Closed, wakers);
        }
    }

    /// Takes the outcome out, or leaves `cx` to be woken.
    fn poll(&mut self, opaque: i32, cx: &Context<'_>) -> Poll<State> {
        match self.waiting.get_mut(&opaque) {
            Some(Waiting { state: State::Unanswered(waker), .. }) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                Poll::Pending
            }
            Some(_) | None => {
                let outcome = self.waiting.remove(&opaque);
                Poll::Ready(outcome.map_or(State::Closed, |waiting| waiting.state))
            }
        }
    }
}

impl Waiting {
    /// False where it was finished before: the first outcome stands.
    fn finish(&mut self, outcome: State, wakers: &mut Vec<Waker>) -> bool {
        let State::Unanswered(waker) = &mut self.state else { return false };
        wakers.extend(waker.take());
        self.state = outcome;
        true
    }
}

/// The answer to come of a request already queued. Dropping it forgets the request.
#[derive(Debug)]
#[must_use = "the answer is lost unless it is awaited"]
pub struct Answer {
    conn: Arc<Connection>,
    opaque: i32,
    timeout: Duration,
    taken: bool,
}

impl Answer {
    pub(crate) fn new(conn: Arc<Connection>, opaque: i32, timeout: Duration) -> Self {
        Self { conn, opaque, timeout, taken: false }
    }
}

impl Future for Answer {
    type Output = Result<OwnedFrame, RequestError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let outcome = this.conn.pending().poll(this.opaque, cx);
        outcome.map(|state| {
            this.taken = true;
            match state {
                State::Answered(frame) => Ok(frame),
                State::TimedOut => Err(RequestError::Timeout {
                    addr: this.conn.addr(),
                    timeout_ms: millis(this.timeout),
                }),
                State::Closed | State::Unanswered(_) => {
                    Err(RequestError::Closed { addr: this.conn.addr() })
                }
            }
        })
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.taken {
            self.conn.pending().forget(self.opaque);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_wrap_around_and_skip_those_still_waiting() {
        let mut pending = Pending { next_opaque: i32::MAX, ..Pending::default() };
        assert_eq!(pending.register(1, 9).unwrap(), i32::MAX);
        assert_eq!(pending.register(1, 9).unwrap(), 0);
        pending.next_opaque = i32::MAX;
        assert_eq!(pending.register(1, 9).unwrap(), 1);
    }

    #[test]
    fn only_overdue_requests_expire() {
        let mut pending = Pending::default();
        let early = pending.register(10, 9).unwrap();
        let late = pending.register(20, 9).unwrap();
        pending.expire(10, &mut Vec::new());
        assert!(matches!(pending.waiting[&early].state, State::TimedOut));
        assert!(matches!(pending.waiting[&late].state, State::Unanswered(_)));
        assert_eq!(pending.due_ms, 20);
    }
}
