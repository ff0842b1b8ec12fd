//! Listeners, IO shards, limits, drain.
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use remora_protocol::FrameLimits;

use crate::budget::Budget;
use crate::connection::{Connection, Ending};
use crate::counters::Counts;
use crate::listener::{self, Listening};
use crate::service::Service;
use crate::shard::{Shard, ShardState, Stop, ToShard};

/// How long aborted connections may take to go. Chosen: they do nothing but drop.
const ABORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Limits and timings of a listener.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    pub name: &'static str,
    pub listen: Vec<SocketAddr>,
    /// IO shards: one current-thread runtime each. 0 = one per core.
    pub io_shards: usize,
    pub frame: FrameLimits,
    pub connections_max: usize,
    /// Requests deferred and not yet answered, per connection.
    pub in_flight_max: usize,
    /// Bytes queued for a peer that does not read; past it its reads stop, past twice it is closed.
    pub outbound_bytes_max: usize,
    /// Zero = no limit.
    pub partial_frame_timeout: Duration,
    /// Zero = no limit.
    pub idle_timeout: Duration,
    /// Memory that its connections share, with those of other servers where they have the same one.
    pub budget: Arc<Budget>,
    /// Our own MQVersion ordinal and language, in every header that we write.
    pub version: i32,
}

/// A running listener.
///
/// `drain` stops it in order. Dropped, it stops at once and does not wait for its threads.
#[derive(Debug)]
pub struct Server {
    local_addrs: Vec<SocketAddr>,
    shards: Vec<Shard>,
    service: ServiceHandle,
    stop: Stop,
}

/// The counters of a server's shards.
#[derive(Clone, Debug)]
pub struct Counting {
    shards: Vec<Arc<ShardState>>,
}

impl Counting {
    /// What the shards have counted, summed.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for shard in &self.shards {
            shard.counters.add_to(&mut sum);
        }
        sum
    }
}

/// Hides the service from `Debug`.
struct ServiceHandle(Arc<dyn Service>);

impl std::fmt::Debug for ServiceHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

impl Server {
    /// Binds every address (an address in use is an error that names it and, where it can be found,
    /// its owner) and serves `service` on them.
    #[expect(clippy::needless_pass_by_value, reason = "the server outlives its configuration")]
    pub fn start(config: ServerConfig, service: Arc<dyn Service>) -> io::Result<Self> {
        let listeners = config
            .listen
            .iter()
            .map(|&addr| listener::bind(addr))
            .collect::<io::Result<Vec<_>>>()?;
        let local_addrs = listeners
            .iter()
            .map(|listener| listener.local_addr())
            .collect::<io::Result<Vec<_>>>()?;
        let (connections_max, budget) = (config.connections_max, Arc::clone(&config.budget));
        let next_id = Arc::new(AtomicU64::new(1));
        let stop = Stop::default();
        let mut server =
            Self { local_addrs, shards: Vec::new(), service: ServiceHandle(service), stop };
        for index in 0..shard_count(config.io_shards) {
            let name = format!("{}-io-{index}", config.name);
            let service = Arc::clone(&server.service.0);
            let (next_id, stop) = (Arc::clone(&next_id), server.stop.clone());
            server.shards.push(Shard::start(name, &config, service, next_id, stop)?);
        }
        server.listen(listeners, connections_max, budget);
        Ok(server)
    }

    /// Spreads the listening sockets over the shards.
    fn listen(
        &self,
        listeners: Vec<std::net::TcpListener>,
        connections_max: usize,
        budget: Arc<Budget>,
    ) {
        let listening = Listening {
            shards: self
                .shards
                .iter()
                .map(|shard| (shard.to_shard.clone(), Arc::clone(&shard.state)))
                .collect(),
            connections_max,
            budget,
            refusing: Arc::new(AtomicUsize::new(0)),
        };
        for (listener, shard) in listeners.into_iter().zip(self.shards.iter().cycle()) {
            // The shard has just started and stops only when told.
            let _ = shard.to_shard.send(ToShard::Listen(listener, listening.clone()));
        }
    }

    /// In the order of `ServerConfig::listen`, with the ports that were chosen for 0.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// What the shards have counted, summed.
    pub fn counts(&self) -> Counts {
        self.counting().counts()
    }

    /// Reads the counters without the server, for metrics that outlive a drain.
    pub fn counting(&self) -> Counting {
        Counting { shards: self.shards.iter().map(|shard| Arc::clone(&shard.state)).collect() }
    }

    /// The connections that are open now.
    pub fn connections(&self) -> Vec<Arc<Connection>> {
        self.shards
            .iter()
            .flat_map(|shard| shard.state.connections.lock().values().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Stops accepting, lets turns and deferred answers finish, closes; at most `timeout`.
    pub async fn drain(self, timeout: Duration) {
        self.stop.accepting.cancel();
        self.service.0.draining();
        for shard in &self.shards {
            shard.state.end_all(Ending::Drain("the server stops"));
        }
        let dones: Vec<_> =
            self.shards.iter().filter_map(|shard| shard.done.lock().take()).collect();
        let all_done = async {
            for done in dones {
                // A sender dropped without a word is done as well.
                let _ = done.await;
            }
        };
        let mut all_done = std::pin::pin!(all_done);
        if tokio::time::timeout(timeout, &mut all_done).await.is_err() {
            tracing::warn!(open = self.connections().len(), "drain took too long, closing");
            self.stop.now.cancel();
            if tokio::time::timeout(ABORT_TIMEOUT, all_done).await.is_err() {
                tracing::error!("an IO shard does not stop: a handler blocks it");
                return;
            }
        }
        for shard in &self.shards {
            let thread = shard.thread.lock().take();
            if thread.is_some_and(|thread| thread.join().is_err()) {
                tracing::error!("an IO shard panicked");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.accepting.cancel();
        self.stop.now.cancel();
    }
}

fn shard_count(configured: usize) -> usize {
    match configured {
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        count => count,
    }
}
