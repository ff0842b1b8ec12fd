//! Waking a background thread cheaply: a notify costs one load while the thread is busy.
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// Work to do, or the end.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
    wake: Condvar,
    /// Set while a notify would change something.
    armed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    pending: bool,
    stopped: bool,
}

impl Signal {
    /// There is work. Cheap if that is known already.
    pub(crate) fn notify(&self) {
        if self.armed.load(Ordering::Relaxed) && self.armed.swap(false, Ordering::AcqRel) {
            self.state.lock().pending = true;
            self.wake.notify_one();
        }
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopped = true;
        self.wake.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().stopped
    }

    /// Waits for work, at most `timeout`. False once stopped. A notify that was skipped because the
    /// thread was busy is made up for by the timeout, so look for work after every return.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        self.armed.store(true, Ordering::Release);
        if !state.pending && !state.stopped {
            self.wake.wait_for(&mut state, timeout);
        }
        self.armed.store(false, Ordering::Release);
        state.pending = false;
        !state.stopped
    }
}
