//! Where requests run that must not delay a send: a few at a time, a bounded number waiting.
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use remora_protocol::ResponseCode;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::budget::Reserved;
use crate::service::{Call, Refusal};

/// How much the slow lane takes on.
#[derive(Clone, Copy, Debug)]
pub struct SlowLimits {
    /// Requests admitted and not yet answered, those waiting for something else included.
    pub admitted_max: usize,
    /// Handlers that compute at the same time, each on a blocking thread.
    pub running_max: usize,
}

impl Default for SlowLimits {
    /// Chosen: a queue that a few dashboards cannot fill, and as many threads as leave the shards
    /// of a small machine their share.
    fn default() -> Self {
        Self { admitted_max: 4096, running_max: 4 }
    }
}

#[derive(Debug)]
pub(crate) struct SlowLane {
    handle: tokio::runtime::Handle,
    tasks: TaskTracker,
    limits: SlowLimits,
    running: Arc<Semaphore>,
    admitted: Arc<AtomicUsize>,
}

/// A place in the lane.
#[derive(Debug)]
pub(crate) struct Admission {
    admitted: Arc<AtomicUsize>,
    /// The copy of the request.
    _memory: Option<Reserved>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.admitted.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SlowLane {
    pub(crate) fn new(handle: tokio::runtime::Handle, limits: SlowLimits) -> Self {
        Self {
            handle,
            tasks: TaskTracker::new(),
            limits,
            running: Arc::new(Semaphore::new(limits.running_max)),
            admitted: Arc::default(),
        }
    }

    pub(crate) fn set_limits(&mut self, limits: SlowLimits) {
        self.limits = limits;
        self.running = Arc::new(Semaphore::new(limits.running_max));
    }

    /// Gives the call a place, with memory for the copy of its frame.
    pub(crate) fn admit(&self, call: &Call<'_, '_>) -> Result<Admission, Refusal> {
        let limit = self.limits.admitted_max;
        let mut admission = Admission { admitted: Arc::clone(&self.admitted), _memory: None };
        let before = self.admitted.fetch_add(1, Ordering::Relaxed);
        if before < limit {
            admission._memory = Some(call.conn.reserve(call.frame.raw.len())?);
            return Ok(admission);
        }
        drop(admission);
        let remark = format!(
            "{before} admin requests are already being served, the limit is {limit}; try again later"
        );
        Err(Refusal::new(ResponseCode::SYSTEM_BUSY, remark))
    }

    /// Runs `work` on a blocking thread when it is its turn; `panicked` if it does.
    pub(crate) fn compute(
        &self,
        admission: Admission,
        work: impl FnOnce() + Send + 'static,
        panicked: impl FnOnce() + Send + 'static,
    ) {
        let running = Arc::clone(&self.running);
        self.spawn(admission, async move {
            // The semaphore is never closed.
            let _turn = running.acquire_owned().await;
            let computed = tokio::task::spawn_blocking(work).await;
            if computed.is_err_and(|error| error.is_panic()) {
                panicked();
            }
        });
    }

    /// Runs `work` that mostly waits; `panicked` if it does.
    pub(crate) fn wait(
        &self,
        admission: Admission,
        work: impl Future<Output = ()> + Send + 'static,
        panicked: impl FnOnce() + Send + 'static,
    ) {
        self.spawn(admission, async move {
            if Caught(Box::pin(work)).await.is_err() {
                panicked();
            }
        });
    }

    fn spawn(&self, admission: Admission, work: impl Future<Output = ()> + Send + 'static) {
        let task = async move {
            work.await;
            drop(admission);
        };
        self.tasks.spawn_on(task, &self.handle);
    }

    /// Waits until everything admitted has been answered.
    pub(crate) async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A future whose panic is an outcome.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future<Output = ()>> Future for Caught<F> {
    type Output = Result<(), ()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.0.as_mut();
        match catch_unwind(AssertUnwindSafe(|| work.poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(_) => Poll::Ready(Err(())),
        }
    }
}
