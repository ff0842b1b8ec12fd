//! Pulls of records that are not in memory: read on threads that may wait for the disk, a few at a
//! time, so that no other connection of the shard waits with them.
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::broker::Broker;
use crate::pull_wait::HeldPull;

/// Reads that wait for the disk at the same time. Chosen: a disk serves a few in parallel better
/// than one; more only take memory bandwidth from those that wait for nothing.
const READS_MAX: usize = 4;

/// Bounded by the requests that connections may have in flight.
#[derive(Debug)]
pub(crate) struct ColdReads {
    running: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Default for ColdReads {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(READS_MAX)), tasks: TaskTracker::new() }
    }
}

impl ColdReads {
    /// Answers a pull once its records have been read.
    pub(crate) fn answer(pull: Box<HeldPull>) {
        let broker = pull.broker.clone();
        Self::run(&broker, move || pull.answer_from_disk());
    }

    /// Reads, when it is its turn, and answers. A panic drops what is to be answered, which answers
    /// it.
    pub(crate) fn run(broker: &Arc<Broker>, read: impl FnOnce() + Send + 'static) {
        broker.metrics.cold_reads.add(1);
        let running = Arc::clone(&broker.cold_reads.running);
        let reading = async move {
            // The semaphore is never closed.
            let _turn = running.acquire_owned().await;
            if let Err(error) = tokio::task::spawn_blocking(read).await {
                tracing::error!(%error, "reading for a pull or pop failed");
            }
        };
        broker.cold_reads.tasks.spawn_on(reading, &broker.slow);
    }

    /// Waits until everything is answered.
    pub(crate) async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
