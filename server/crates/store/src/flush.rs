//! Making the log durable: group commit.
//!
//! One thread calls fdatasync, for everything appended meanwhile; those who wait are called outside
//! all locks. A failed fdatasync is final (the page cache may have dropped what it could not
//! write): the store fails, everyone who waits is told, and nothing later is acknowledged.
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ahash::AHashMap;
use parking_lot::{Condvar, Mutex};

use crate::append::AppendError;
use crate::commit_log::CommitLog;
use crate::status::Status;
use crate::store::{Arrival, ArrivalListener};

type Waiter = Box<dyn FnOnce(Result<(), AppendError>) + Send>;

/// Flush state shared by appenders, waiters and the flush thread.
pub(crate) struct Flusher {
    log: Arc<CommitLog>,
    status: Arc<Status>,
    flushed: AtomicU64,
    syncing: Mutex<()>,
    state: Mutex<State>,
    wake: Condvar,
    /// The thread sleeps; whoever has work for it notifies.
    idle: AtomicBool,
    listener: OnceLock<Arc<dyn ArrivalListener>>,
}

#[derive(Default)]
struct State {
    waiters: Vec<(u64, Waiter)>,
    /// Arrivals to announce once flushed (sync flush only).
    arrivals: Vec<(u64, Arrival)>,
    requested: bool,
    stopped: bool,
}

impl std::fmt::Debug for Flusher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flusher").field("flushed", &self.flushed).finish_non_exhaustive()
    }
}

impl Flusher {
    /// `flushed`: what recovery made durable.
    pub(crate) fn new(log: Arc<CommitLog>, status: Arc<Status>, flushed: u64) -> Self {
        Self {
            log,
            status,
            flushed: AtomicU64::new(flushed),
            syncing: Mutex::new(()),
            state: Mutex::new(State::default()),
            wake: Condvar::new(),
            idle: AtomicBool::new(false),
            listener: OnceLock::new(),
        }
    }

    /// Everything below this is on disk.
    pub(crate) fn flushed(&self) -> u64 {
        self.flushed.load(Ordering::Acquire)
    }

    pub(crate) fn set_listener(&self, listener: Arc<dyn ArrivalListener>) {
        let set = self.listener.set(listener).is_ok();
        debug_assert!(set, "a second listener is not told anything");
    }

    pub(crate) fn listener(&self) -> Option<&dyn ArrivalListener> {
        self.listener.get().map(|listener| &**listener)
    }

    /// Asks for a flush, and for `arrivals` to be announced when `end` is flushed.
    pub(crate) fn request(&self, end: u64, arrivals: Vec<Arrival>) {
        let mut state = self.state.lock();
        state.requested = true;
        state.arrivals.extend(arrivals.into_iter().map(|arrival| (end, arrival)));
        drop(state);
        self.notify();
    }

    /// Calls `then` when `physical_offset` is flushed or never will be.
    pub(crate) fn when_flushed(&self, physical_offset: u64, then: Waiter) {
        let mut state = self.state.lock();
        if physical_offset <= self.flushed() {
            drop(state);
            return then(Ok(()));
        }
        if let Some(failure) = self.status.failure() {
            drop(state);
            return then(Err(failure));
        }
        if state.stopped {
            drop(state);
            return then(Err(AppendError::Closed));
        }
        state.waiters.push((physical_offset, then));
        state.requested = true;
        drop(state);
        self.notify();
    }

    fn notify(&self) {
        if self.idle.load(Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    /// Flushes what is committed now. On the flush thread, on close, and where a caller needs it.
    pub(crate) fn flush(&self) -> Result<u64, AppendError> {
        let result = self.sync_log();
        let mut state = self.state.lock();
        let flushed = self.flushed();
        let failed = result.is_err();
        let ready: Vec<_> =
            state.waiters.extract_if(.., |(end, _)| failed || *end <= flushed).collect();
        let arrived: Vec<_> = if failed {
            state.arrivals.clear();
            Vec::new()
        } else {
            let due = state.arrivals.extract_if(.., |(end, _)| *end <= flushed);
            due.map(|(_, arrival)| arrival).collect()
        };
        drop(state);
        for (end, then) in ready {
            then(if end <= flushed { Ok(()) } else { result.clone().map(drop) });
        }
        if !arrived.is_empty()
            && let Some(listener) = self.listener()
        {
            listener.arrived(&merge(arrived));
        }
        result
    }

    fn sync_log(&self) -> Result<u64, AppendError> {
        // One at a time: of two that sync one file, only one is told of a lost write.
        let _one_at_a_time = self.syncing.lock();
        if let Some(failure) = self.status.failure() {
            return Err(failure);
        }
        let from = self.flushed();
        let target = self.log.committed();
        if target <= from {
            return Ok(from);
        }
        let fail = |reason: &str| {
            self.status.fail(reason);
            self.status.failure().unwrap_or(AppendError::Closed)
        };
        for segment in self.log.segments.overlapping(from, target) {
            let synced = segment.file.sync();
            synced.map_err(|error| fail(&format!("fdatasync of {}: {error}", segment.path)))?;
        }
        // Names and sizes of files that were made without waiting for the disk.
        let settled = self.log.segments.due_syncs.settle_below(target);
        settled.map_err(|error| fail(&format!("making new files durable: {error}")))?;
        self.flushed.fetch_max(target, Ordering::AcqRel);
        Ok(target)
    }

    /// The flush thread: at once when asked, otherwise every `interval`.
    pub(crate) fn run(&self, interval: Duration) {
        loop {
            let stopped = {
                let mut state = self.state.lock();
                self.idle.store(true, Ordering::SeqCst);
                if !state.requested && !state.stopped {
                    self.wake.wait_for(&mut state, interval);
                }
                self.idle.store(false, Ordering::SeqCst);
                // Before the flush looks at the end of the log, so that no request is lost.
                state.requested = false;
                state.stopped
            };
            // After a failure there is nothing left to try; whoever waits is told.
            let _told_to_those_who_wait = self.flush();
            if stopped {
                return;
            }
        }
    }

    /// Lets the thread end after one more flush.
    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.wake.notify_all();
    }
}

/// One arrival for each queue, with the newest end and all tags codes.
fn merge(arrivals: Vec<Arrival>) -> Vec<Arrival> {
    let mut places = AHashMap::with_capacity(arrivals.len());
    let mut merged: Vec<Arrival> = Vec::new();
    for arrival in arrivals {
        let place = *places.entry(arrival.queue.address()).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(one) => {
                one.queue_offset_max = one.queue_offset_max.max(arrival.queue_offset_max);
                one.tags_codes.extend(arrival.tags_codes);
            }
            None => merged.push(arrival),
        }
    }
    merged
}
