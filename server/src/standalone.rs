//! A whole RocketMQ in the calling program: for tests, tools and demonstrations.
use std::sync::Arc;

use remora_config::{Config, Settings};

pub use crate::start::{Addresses, StartError};
use crate::start::{Roles, Running, start};

/// A nameserver and a broker, running.
///
/// ```no_run
/// # async fn run() -> Result<(), remora_server::standalone::StartError> {
/// use remora_server::standalone::Standalone;
/// let mut settings = Standalone::free_ports();
/// settings.store_path = "/tmp/demo".into();
/// let standalone = Standalone::start(settings).await?;
/// println!("nameserver at {:?}", standalone.addresses.nameserver);
/// standalone.stop().await;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Standalone {
    /// The real addresses, ports 0 replaced.
    pub addresses: Addresses,
    running: Running,
}

impl Standalone {
    /// Settings with every port free and on loopback.
    pub fn free_ports() -> Settings {
        let mut settings = Settings { listen_port: 0, ..Settings::default() };
        settings.nameserver_listen.set_port(0);
        settings.http_listen.set_port(0);
        settings
    }

    /// Starts and waits until it is ready.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        Self::start_with(Arc::new(Config::from_settings(settings))).await
    }

    /// The same with a configuration that the caller keeps.
    pub async fn start_with(config: Arc<Config>) -> Result<Self, StartError> {
        let running = start(config, Roles::Standalone).await?;
        Ok(Self { addresses: running.addresses.clone(), running })
    }

    /// `ip:port` for clients.
    pub fn nameserver_addr(&self) -> String {
        self.addresses.nameserver.map(|addr| addr.to_string()).unwrap_or_default()
    }

    /// The broker, for figures.
    pub fn broker(&self) -> Option<&Arc<remora_broker::Broker>> {
        self.running.broker()
    }

    /// Stops in order, everything acknowledged on disk.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}
