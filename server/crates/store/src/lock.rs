//! The lock of the message path.
use std::fmt;
use std::hint::spin_loop;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// How often a waiter looks before it sleeps, and the pauses of the processor in between. Chosen:
/// in all the five to ten microseconds that an append holds it; to sleep and be woken costs as
/// much, and a system call of either side.
const LOOKS: usize = 8;
const PAUSES: usize = 50;

/// A lock whose waiters look for a moment and then sleep. Those of `parking_lot` yield first: where
/// threads outnumber cores that hands the core away for a whole time slice (milliseconds), and the
/// lock is held for microseconds.
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Whether somebody has it just now.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self.0.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// A panic of another holder is not handed on: it was reported where it happened.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        for _ in 0..LOOKS {
            match self.0.try_lock() {
                Ok(guard) => return guard,
                Err(TryLockError::Poisoned(error)) => return error.into_inner(),
                Err(TryLockError::WouldBlock) => (0..PAUSES).for_each(|_| spin_loop()),
            }
        }
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
