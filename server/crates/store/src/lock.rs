//! The lock of the message path.
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock whose waiters sleep. Those of `parking_lot` yield first: where threads outnumber cores
/// that hands the core away for a whole time slice (milliseconds), and the lock is held for
/// microseconds.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// A panic of another holder is not handed on: it was reported where it happened.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
