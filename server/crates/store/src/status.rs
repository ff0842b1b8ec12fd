//! Whether the store takes writes: shared by everything that may find out that it should not.
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use parking_lot::Mutex;

use crate::append::AppendError;

/// Open, closed, failed for good, or full for now.
#[derive(Debug)]
pub(crate) struct Status {
    shown_root: String,
    closed: AtomicBool,
    failed: AtomicBool,
    reason: Mutex<String>,
    disk_used_percent: AtomicU8,
    disk_used_percent_refuse: AtomicU8,
}

impl Status {
    pub(crate) fn new(shown_root: String, disk_used_percent_refuse: u8) -> Self {
        Self {
            shown_root,
            closed: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            reason: Mutex::new(String::new()),
            disk_used_percent: AtomicU8::new(0),
            disk_used_percent_refuse: AtomicU8::new(disk_used_percent_refuse),
        }
    }

    /// What was written and not synced may be lost: no more writes, and nothing more acknowledged.
    pub(crate) fn fail(&self, reason: &str) {
        let mut kept = self.reason.lock();
        if !self.failed.swap(true, Ordering::AcqRel) {
            tracing::error!(reason, "the store failed and takes no more writes");
            reason.clone_into(&mut kept);
        }
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    pub(crate) fn failure(&self) -> Option<AppendError> {
        self.is_failed().then(|| AppendError::Failed { reason: self.reason.lock().clone() })
    }

    /// True for the call that closed it.
    pub(crate) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn set_disk_used_percent(&self, percent: u8) {
        self.disk_used_percent.store(percent, Ordering::Relaxed);
    }

    pub(crate) fn disk_used_percent(&self) -> u8 {
        self.disk_used_percent.load(Ordering::Relaxed)
    }

    pub(crate) fn set_disk_used_percent_refuse(&self, percent: u8) {
        self.disk_used_percent_refuse.store(percent, Ordering::Relaxed);
    }

    /// Ok if appends are taken now.
    pub(crate) fn check(&self) -> Result<(), AppendError> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        if self.closed.load(Ordering::Acquire) {
            return Err(AppendError::Closed);
        }
        let used_percent = self.disk_used_percent();
        let limit_percent = self.disk_used_percent_refuse.load(Ordering::Relaxed);
        if limit_percent > 0 && used_percent >= limit_percent {
            let path = self.shown_root.clone();
            return Err(AppendError::DiskFull { path, used_percent, limit_percent });
        }
        Ok(())
    }

    /// The refusal when a write met a full disk before the measurement did.
    pub(crate) fn no_space(&self) -> AppendError {
        AppendError::DiskFull {
            path: self.shown_root.clone(),
            used_percent: self.disk_used_percent().max(99),
            limit_percent: self.disk_used_percent_refuse.load(Ordering::Relaxed),
        }
    }
}
