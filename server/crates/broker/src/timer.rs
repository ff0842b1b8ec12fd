//! Delayed messages of every kind, delivered by one task that sleeps until the next is due.
//!
//! Read `core.rs` (what is known, the checkpoint), `deliver.rs` (a pass), `pending.rs` and `run.rs`
//! (a million waiting messages in little memory), `levels.rs`.
mod checkpoint;
mod core;
mod deliver;
mod entry;
mod figures;
mod levels;
mod pending;
mod roll;
mod run;
mod search;
mod take_over;
mod withdraw;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use remora_protocol::body::DelayOffsetSerializeWrapper;
use remora_store::FlushMode;
use tokio::sync::Notify;

pub(crate) use self::checkpoint::Checkpoint;
pub use self::core::TimerError;
pub(crate) use self::core::{Timer, TimerSetup};
pub(crate) use self::entry::TimerEntry;
pub use self::figures::TimerFigures;
pub(crate) use self::withdraw::{Wanted, Withdrawn};
use crate::broker::Broker;

/// Longest sleep while messages wait: a clock that was set forward is seen by then. Chosen.
const SLEEP_MS_MAX: i64 = 1_000;
/// Longest sleep without any: the log grows, and a checkpoint spares the next start reading it.
const IDLE_MS_MAX: i64 = 10_000;
/// Messages that are not due soon are taken in together, after this. Chosen.
const LINGER: Duration = Duration::from_millis(100);
/// Between tries when messages cannot be stored. Chosen.
const RETRY_MS: i64 = 200;

/// What handlers and the task share.
#[derive(Debug)]
pub(crate) struct Timers {
    core: Mutex<Timer>,
    /// The task looks again then, whatever happens.
    planned_ms: AtomicI64,
    /// Something is due before `planned_ms`.
    urgent: Notify,
    /// Something has come, due later.
    arrived: Notify,
    /// See `Timer::clock`.
    clock_ms: AtomicI64,
    /// Of the last pass, so that nobody waits for one.
    figures: Mutex<TimerFigures>,
}

impl Timers {
    pub fn open(setup: TimerSetup) -> Result<Self, TimerError> {
        let now_ms = setup.store.now_ms();
        let mut timer = Timer::open(setup, now_ms)?;
        let clock_ms = timer.clock(now_ms);
        Ok(Self {
            core: Mutex::new(timer),
            planned_ms: AtomicI64::new(i64::MAX),
            urgent: Notify::new(),
            arrived: Notify::new(),
            clock_ms: AtomicI64::new(clock_ms),
            figures: Mutex::default(),
        })
    }

    pub fn figures(&self) -> TimerFigures {
        *self.figures.lock()
    }

    /// The time that delays count from: the wall clock, where it was not set back.
    pub fn now_ms(&self, broker: &Broker) -> i64 {
        broker.store.now_ms().max(self.clock_ms.load(Ordering::Relaxed))
    }

    /// A message was stored that is due at about this time.
    fn arrived(&self, due_ms: i64) {
        if due_ms < self.planned_ms.load(Ordering::SeqCst) {
            self.urgent.notify_one();
        } else {
            self.arrived.notify_one();
        }
    }

    /// Looks at once.
    pub fn wake(&self) {
        self.urgent.notify_one();
    }

    /// The deciding part, for handlers; passes wait.
    pub fn lock(&self) -> parking_lot::MutexGuard<'_, Timer> {
        self.core.lock()
    }

    /// Delivers what is due; gives how long there is nothing to do.
    fn pass(&self, broker: &Broker) -> Duration {
        // Whatever comes from here on and may be missed has another pass follow.
        self.planned_ms.store(i64::MAX, Ordering::SeqCst);
        let now_ms = broker.store.now_ms();
        let mut timer = self.core.lock();
        let sleep_ms = match Self::work(&mut timer, broker, now_ms) {
            Ok(sleep_ms) => sleep_ms,
            Err(TimerError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                tracing::error!(%error, "timers begin again from their checkpoint");
                if let Err(error) = timer.reopen(now_ms) {
                    tracing::error!(%error, "timers not opened again");
                }
                RETRY_MS
            }
            Err(error) => {
                tracing::warn!(%error, "delayed messages not delivered yet");
                RETRY_MS
            }
        };
        self.clock_ms.store(timer.clock(now_ms), Ordering::Relaxed);
        if let Ok(figures) = timer.figures() {
            *self.figures.lock() = figures;
        }
        self.planned_ms.store(now_ms.saturating_add(sleep_ms), Ordering::SeqCst);
        Duration::from_millis(u64::try_from(sleep_ms).unwrap_or(0))
    }

    fn work(timer: &mut Timer, broker: &Broker, now_ms: i64) -> Result<i64, TimerError> {
        timer.pass(now_ms, &|topic, queue_id, bytes| {
            let topic = broker.topics.find(topic)?;
            // A topic may have fewer queues by now.
            let count = i32::try_from(topic.queue_count()).unwrap_or(i32::MAX).max(1);
            let queue = topic.queue(&broker.store, queue_id.rem_euclid(count))?.clone();
            topic.counters.count_in(1, bytes);
            Some(queue)
        })?;
        if timer.wants_save(now_ms)? {
            timer.save(now_ms)?;
        }
        let wanted = broker.store.retention_wanted();
        if timer.keeps(wanted) {
            // A little at a time: what is due meanwhile is not kept waiting.
            if timer.roll(wanted, now_ms)? {
                return Ok(1);
            }
            timer.save(now_ms)?;
        }
        let now_ms = timer.clock(now_ms);
        let until = |at_ms: i64| at_ms.saturating_sub(now_ms).max(1);
        let due = timer.next_due_ms()?.map(|due_ms| until(due_ms).min(SLEEP_MS_MAX));
        let save = timer.save_due_ms()?.map(until);
        Ok(due.into_iter().chain(save).min().unwrap_or(IDLE_MS_MAX))
    }

    /// The next queue offset of each level, as Apache's slaves ask for it.
    pub fn level_offsets(&self) -> DelayOffsetSerializeWrapper {
        let offsets = self.core.lock().level_offsets();
        let offset = |next: u64| i64::try_from(next).unwrap_or(i64::MAX);
        DelayOffsetSerializeWrapper {
            offset_table: (1..).zip(offsets.into_iter().map(offset)).collect(),
            ..DelayOffsetSerializeWrapper::default()
        }
    }

    /// The last checkpoint.
    pub fn close(&self, broker: &Broker) {
        let now_ms = broker.store.now_ms();
        if let Err(error) = self.core.lock().save(now_ms) {
            tracing::error!(%error, "timers not written down; the next start reads more of the log");
        }
    }
}

/// The task.
pub(crate) async fn run(broker: Arc<Broker>) {
    loop {
        let worker = broker.clone();
        let passed = tokio::task::spawn_blocking(move || worker.timers.pass(&worker)).await;
        let sleep = passed.unwrap_or_else(|error| {
            tracing::error!(%error, "delivering delayed messages failed");
            Duration::from_secs(1)
        });
        let timers = &broker.timers;
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = timers.urgent.notified() => {}
            () = tokio::time::sleep(sleep) => {}
            () = timers.arrived.notified() => tokio::select! {
                () = broker.stopping.cancelled() => return,
                () = timers.urgent.notified() => {}
                () = tokio::time::sleep(sleep.min(LINGER)) => {}
            },
        }
    }
}

impl Broker {
    /// Has a delayed message delivered that was stored: due at about `due_ms`, shown to readers
    /// once `durable_offset` is.
    pub(crate) fn delayed_message_stored(&self, due_ms: i64, durable_offset: u64) {
        match self.flush {
            FlushMode::Async => self.timers.arrived(due_ms),
            FlushMode::Sync => {
                let timers = self.timers.clone();
                let then = Box::new(move |_| timers.arrived(due_ms));
                self.store.when_flushed(durable_offset, then);
            }
        }
    }

    /// When a message stored now with this delay is due, about.
    pub(crate) fn due_ms(&self, delay: crate::delay::Delay) -> i64 {
        match delay {
            crate::delay::Delay::Until { due_ms } => due_ms,
            crate::delay::Delay::Level(level) => {
                let settings = self.config.peek();
                let delays_ms = settings.message_delay_level.ms();
                let delay_ms = delays_ms.get(level.saturating_sub(1)).or(delays_ms.last());
                let delay_ms = i64::try_from(delay_ms.copied().unwrap_or(0)).unwrap_or(i64::MAX);
                self.timers.now_ms(self).saturating_add(delay_ms)
            }
        }
    }
}

#[cfg(test)]
mod tests;
