//! Work that any thread gives to an IO shard: done between turns, on the shard's thread.
//!
//! A burst of errands wakes the shard once, and the answers that they give wake their connections
//! from the shard itself, which costs no system call.
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Errands before the shard's connections get their turn. Chosen: 16 pulls of 32 messages are some
/// 100 us.
const ERRANDS_AT_ONCE: usize = 16;

/// Something to do on a connection's shard. Every errand is run once. Never block in it.
pub trait Errand: Send {
    fn run(self: Box<Self>);
}

/// The errands of one shard. Bounded by what they are about: deferred requests.
#[derive(Default)]
pub(crate) struct Errands {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Box<dyn Errand>>,
    /// Set while the task sleeps; taken by the first errand of a burst.
    waker: Option<Waker>,
    /// The shard has ended.
    closed: bool,
}

impl std::fmt::Debug for Errands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Errands").finish_non_exhaustive()
    }
}

impl Errands {
    /// Leaves an errand for the shard; on the caller's thread where the shard has ended.
    pub(crate) fn give(&self, errand: Box<dyn Errand>) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            return run(errand);
        }
        state.waiting.push_back(errand);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Runs errands for as long as the shard lives.
    pub(crate) async fn serve(&self) {
        let mut batch = Vec::with_capacity(ERRANDS_AT_ONCE);
        poll_fn(|cx| {
            self.take(cx, &mut batch);
            if !batch.is_empty() {
                batch.drain(..).for_each(run);
                // Behind the connections that were just answered.
                cx.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        })
        .await;
    }

    fn take(&self, cx: &Context<'_>, batch: &mut Vec<Box<dyn Errand>>) {
        let mut state = self.state.lock();
        let count = state.waiting.len().min(ERRANDS_AT_ONCE);
        batch.extend(state.waiting.drain(..count));
        if count == 0 {
            state.waker = Some(cx.waker().clone());
        }
    }

    /// The shard has ended: what is left is run here, what comes later by those who give it.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.waker = None;
        let left = std::mem::take(&mut state.waiting);
        drop(state);
        left.into_iter().for_each(run);
    }
}

/// Runs an errand on the current thread; a panic ends the errand alone.
pub(crate) fn run(errand: Box<dyn Errand>) {
    if catch_unwind(AssertUnwindSafe(|| errand.run())).is_err() {
        tracing::error!("panic in an errand");
    }
}
