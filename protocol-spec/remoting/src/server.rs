//! Listeners, IO shards, limits, drain.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::FrameLimits;

use crate::service::Service;

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
    pub partial_frame_timeout: Duration,
    pub idle_timeout: Duration,
    /// Our own MQVersion ordinal and language, in every header that we write.
    pub version: i32,
}

/// A running listener.
#[derive(Debug)]
pub struct Server {
    local_addrs: Vec<SocketAddr>,
}

impl Server {
    /// Binds every address (an address in use is an error that names it and, where it can be found,
    /// its owner) and serves `service` on them.
    pub fn start(config: ServerConfig, service: Arc<dyn Service>) -> std::io::Result<Self> {
        let _ = (config, service);
        unimplemented!()
    }

    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// Stops accepting, lets turns and deferred answers finish, closes; at most `timeout`.
    pub async fn drain(self, timeout: Duration) {
        let _ = timeout;
        unimplemented!()
    }
}
