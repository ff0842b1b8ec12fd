//! Outgoing connections: one per address, made on first use, made again after it breaks.
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::{FrameLimits, Language, SerializeType};

use crate::connection::{Connection, RequestError};
use crate::service::Service;

#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub connect_timeout: Duration,
    pub frame: FrameLimits,
    pub in_flight_max: usize,
    pub outbound_bytes_max: usize,
    pub serialize: SerializeType,
    pub language: Language,
    pub version: i32,
}

/// Makes and keeps connections. `service` gets the requests that the other side sends.
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    service: Arc<dyn Service>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Connector {
    pub fn new(config: ClientConfig, service: Arc<dyn Service>) -> Self {
        Self { config: Arc::new(config), service }
    }

    /// The live connection to `addr` ("host:port"), made if there is none. Concurrent callers share
    /// one attempt.
    pub async fn connection(&self, addr: &str) -> Result<Arc<Connection>, RequestError> {
        let _ = (&self.config, &self.service, addr);
        unimplemented!()
    }

    /// Closes every connection after what is queued has been written.
    pub async fn close(&self) {
        unimplemented!()
    }
}
