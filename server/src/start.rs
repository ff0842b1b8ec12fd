//! The roles put together: bind, recover, serve, register; and the way back.
use std::future::Future;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use remora_broker::{Broker, BrokerError};
use remora_config::{Config, Settings};
use remora_nameserver::{Advertised, AdvertisedError, EmbeddedBroker, KvError, Nameserver};
use remora_protocol::FrameLimits;
use remora_remoting::{Budget, Server, ServerConfig, Service};
use tokio::runtime::Runtime;

use crate::clock;
use crate::gate::Gate;
use crate::http::HttpServer;
use crate::memory;
use crate::observed::{Listener, Observed};
use crate::open_files;

/// MQVersion ordinal that we announce: V5_4_0.
const VERSION: i32 = 493;
/// Longest time for what is under way to finish after the signal to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest wait of the start for the first registration. Chosen: a connect timeout and some.
const REGISTER_PATIENCE: Duration = Duration::from_secs(5);
/// The port of old clients' VIP channel is so far below the broker's.
const VIP_PORT_DISTANCE: u16 = 2;
/// Threads for admin requests, timers and HTTP. Chosen: one may wait for the disk.
const SLOW_THREADS: usize = 2;

/// What runs in this process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Roles {
    Standalone,
    Nameserver,
    Broker,
}

impl Roles {
    fn nameserver(self) -> bool {
        self != Self::Broker
    }

    fn broker(self) -> bool {
        self != Self::Nameserver
    }
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] remora_config::Rejected),
    #[error(transparent)]
    Advertised(#[from] AdvertisedError),
    #[error("{key} = '{value}': {reason}")]
    Unsupported { key: &'static str, value: String, reason: &'static str },
    #[error("{what}: {source} ({flag})")]
    Listen { what: &'static str, flag: &'static str, source: std::io::Error },
    #[error("cannot start threads: {0}")]
    Runtime(std::io::Error),
    #[error(transparent)]
    Kv(#[from] KvError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Where the roles are reached; ports are the real ones.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Addresses {
    pub nameserver: Option<SocketAddr>,
    pub broker: Option<SocketAddr>,
    /// The VIP channel of old clients.
    pub vip: Option<SocketAddr>,
    pub http: Option<SocketAddr>,
}

/// Running roles. Dropped without `stop` they end at once, like after a kill.
#[derive(Debug)]
pub struct Running {
    pub addresses: Addresses,
    pub config: Arc<Config>,
    observed: Arc<Observed>,
    nameserver: Option<(Arc<Nameserver>, Server)>,
    broker: Option<(Arc<Broker>, Server)>,
    http: HttpServer,
    /// `None` only while it is being dropped.
    slow: Option<Runtime>,
}

/// Ports bound, nothing served yet.
struct Bound {
    server: Server,
    gate: Arc<Gate>,
}

impl Bound {
    fn addr(&self) -> Option<SocketAddr> {
        self.server.local_addrs().first().copied()
    }
}

/// Starts the roles and waits until they serve and, for a broker, until its first registration
/// was tried. Runs on any tokio runtime; the roles have threads of their own.
pub async fn start(config: Arc<Config>, roles: Roles) -> Result<Running, StartError> {
    let started = clock::instant();
    let (settings, budget) = prepare(&config)?;
    let slow = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(SLOW_THREADS)
        .thread_name("remora-slow")
        .enable_all()
        .build()
        .map_err(StartError::Runtime)?;
    let observed = Arc::new(Observed::new(budget.clone()));
    let mut starting = Starting { config, settings, budget, observed, slow: Some(slow) };
    let running = starting.roles(roles).await;
    // A runtime must not be dropped where it could block: on another one.
    if let Some(slow) = starting.slow.take() {
        slow.shutdown_background();
    }
    let running = running?;
    tracing::debug!(elapsed_ms = started.elapsed().as_millis(), "roles started");
    Ok(running)
}

struct Starting {
    config: Arc<Config>,
    settings: Arc<Settings>,
    budget: Arc<Budget>,
    observed: Arc<Observed>,
    slow: Option<Runtime>,
}

impl Starting {
    async fn roles(&mut self, roles: Roles) -> Result<Running, StartError> {
        let Some(handle) = self.slow.as_ref().map(|slow| slow.handle().clone()) else {
            unreachable!("set by `start`")
        };
        let advertised = advertised(&self.settings)?;
        let listening = listen_http(self.settings.http_listen)?;
        let nameserver = roles.nameserver().then(|| self.bind_nameserver()).transpose()?;
        let broker = roles.broker().then(|| self.bind_broker()).transpose()?;
        let broker_addr = broker.as_ref().and_then(Bound::addr);
        let listeners = [("nameserver", &nameserver), ("broker", &broker)].into_iter();
        self.observed.add_listeners(
            listeners
                .filter_map(|(name, bound)| {
                    let bound = bound.as_ref()?;
                    let counting = bound.server.counting();
                    Some(Listener { name, counting, service: bound.gate.clone() })
                })
                .collect(),
        );
        // Every port is ours: from here on HTTP tells how far the start is.
        let http = HttpServer::start(listening, self.observed.clone(), &handle)
            .map_err(|source| StartError::Listen { what: "http", flag: "--http-listen", source })?;
        let addresses = Addresses {
            nameserver: nameserver.as_ref().and_then(Bound::addr),
            broker: broker_addr,
            vip: broker.as_ref().and_then(|bound| bound.server.local_addrs().get(1).copied()),
            http: Some(http.addr),
        };
        self.derive(roles, &addresses);
        let nameserver = match nameserver {
            Some(bound) => {
                let embedded = broker_addr.map(|addr| self.embedded(addr, advertised));
                let role = Nameserver::start(self.config.clone(), embedded, &handle)?;
                self.observed.add_nameserver(role.clone());
                bound.gate.open(role.service(handle.clone()));
                Some((role, bound.server))
            }
            None => None,
        };
        let broker = match broker {
            Some(bound) => Some(self.start_broker(bound, handle).await?),
            None => None,
        };
        self.observed.set_ready();
        Ok(Running {
            addresses,
            config: self.config.clone(),
            observed: self.observed.clone(),
            nameserver,
            broker,
            http,
            slow: self.slow.take(),
        })
    }

    fn bind_nameserver(&self) -> Result<Bound, StartError> {
        let mut config = self.server_config("nameserver", vec![self.settings.nameserver_listen]);
        // Route queries are few; one shard keeps the threads for the broker.
        config.io_shards = 1;
        bind(config).map_err(|source| StartError::Listen {
            what: "nameserver",
            flag: "--nameserver-listen",
            source,
        })
    }

    fn bind_broker(&self) -> Result<Bound, StartError> {
        let listen = SocketAddr::new(self.settings.listen_ip, self.settings.listen_port);
        let mut addrs = vec![listen];
        addrs.extend(vip_addr(&self.settings, listen));
        let bound = bind(self.server_config("broker", addrs.clone())).or_else(|error| {
            // Somebody took the VIP port since it was probed.
            if addrs.len() > 1 {
                bind(self.server_config("broker", vec![listen]))
            } else {
                Err(error)
            }
        });
        bound.map_err(|source| StartError::Listen {
            what: "broker",
            flag: "--broker-listen",
            source,
        })
    }

    fn server_config(&self, name: &'static str, listen: Vec<SocketAddr>) -> ServerConfig {
        let settings = &self.settings;
        ServerConfig {
            name,
            listen,
            io_shards: settings.io_shards,
            frame: FrameLimits {
                frame_bytes_max: settings.frame_bytes_max,
                header_bytes_max: settings.header_bytes_max,
            },
            connections_max: settings.connections_max,
            in_flight_max: settings.in_flight_max,
            outbound_bytes_max: settings.outbound_bytes_max,
            partial_frame_timeout: Duration::from_millis(settings.partial_frame_timeout_ms),
            idle_timeout: Duration::from_secs(settings.idle_timeout_seconds),
            budget: self.budget.clone(),
            version: VERSION,
        }
    }

    /// Tells the settings what only the start knows: real ports, and our own nameserver.
    fn derive(&mut self, roles: Roles, addresses: &Addresses) {
        let mut derived = Vec::new();
        if let Some(broker) = addresses.broker {
            derived.push(("broker.listen_port", broker.port().to_string()));
        }
        let mut nameservers = self.settings.nameserver_addrs.clone();
        if let (Roles::Standalone, Some(nameserver)) = (roles, addresses.nameserver) {
            nameservers.insert(0, reachable(nameserver).to_string());
        } else if roles == Roles::Broker && nameservers.is_empty() {
            tracing::warn!("no nameserver is configured, 127.0.0.1:9876 is used (--nameserver)");
            nameservers.push("127.0.0.1:9876".into());
        }
        derived.push(("broker.nameservers", nameservers.join(";")));
        for (key, value) in derived {
            let row = remora_config::key_by_toml(key);
            if row.is_some_and(|row| row.value(&self.settings) == value) {
                continue; // It keeps its origin.
            }
            if let Err(error) = self.config.derive(key, &value) {
                tracing::error!(%error, "a value found at the start was refused");
            }
        }
        self.settings = self.config.settings();
    }

    fn embedded(&self, addr: SocketAddr, advertised: Vec<Advertised>) -> EmbeddedBroker {
        EmbeddedBroker {
            cluster: self.settings.cluster_name.clone(),
            broker_name: self.settings.broker_name.clone(),
            broker_id: i64::try_from(self.settings.broker_id).unwrap_or(i64::MAX),
            listen_ip: self.settings.listen_ip,
            port: addr.port(),
            advertised,
        }
    }

    async fn start_broker(
        &self,
        bound: Bound,
        handle: tokio::runtime::Handle,
    ) -> Result<(Arc<Broker>, Server), StartError> {
        let config = self.config.clone();
        let slow = handle.clone();
        // Recovery reads files for as long as it takes.
        let opened = handle.spawn_blocking(move || Broker::start(config, slow)).await;
        let broker = match opened {
            Ok(broker) => broker?,
            Err(panicked) => return Err(StartError::Runtime(std::io::Error::other(panicked))),
        };
        if let Some(addr) = bound.addr() {
            broker.set_listen_addr(addr);
        }
        self.observed.add_broker(broker.clone());
        bound.gate.open(broker.service());
        register(&broker).await;
        Ok((broker, bound.server))
    }
}

impl Running {
    pub fn broker(&self) -> Option<&Arc<Broker>> {
        self.broker.as_ref().map(|(broker, _)| broker)
    }

    /// Stops in order: unregister and refuse new work, finish what is under way, flush, close.
    pub async fn stop(mut self) {
        self.observed.set_stopping();
        if let Some((broker, server)) = self.broker.take() {
            server.drain(DRAIN_TIMEOUT).await;
            broker.stop().await;
        }
        if let Some((nameserver, server)) = self.nameserver.take() {
            server.drain(Duration::from_secs(1)).await;
            nameserver.stop().await;
        }
        self.http.stop().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(slow) = self.slow.take() {
            slow.shutdown_background();
        }
    }
}

/// Starts registering and waits until every nameserver was tried once, so that "ready" means that
/// clients find the broker; not for ever, as a nameserver may be away.
async fn register(broker: &Arc<Broker>) {
    let mut round = std::pin::pin!(broker.registration.round_ended());
    // Listening has to start before the round does.
    std::future::poll_fn(|waker| {
        let _ = round.as_mut().poll(waker);
        std::task::Poll::Ready(())
    })
    .await;
    broker.start_registration();
    if tokio::time::timeout(REGISTER_PATIENCE, round).await.is_err() {
        tracing::warn!("no nameserver has answered yet; registration goes on");
    }
}

/// Checks what no single key can, and lowers limits to the memory limit.
fn prepare(config: &Config) -> Result<(Arc<Settings>, Arc<Budget>), StartError> {
    let settings = config.settings();
    let limit = memory::limit(&settings);
    for (key, value) in memory::lowered(&settings, limit.bytes) {
        if let Err(error) = config.derive(key, &value) {
            tracing::error!(%error, "a lower limit was refused");
        }
    }
    tracing::info!(limit_bytes = limit.bytes, "memory limit, {}", limit.origin);
    open_files::warn_if_low(open_files::raise(), settings.connections_max);
    if let Some(path) = &settings.store_path_commit_log
        && *path != settings.store_path.join("commitlog")
    {
        return Err(StartError::Unsupported {
            key: "storePathCommitLog",
            value: path.display().to_string(),
            reason: "the commit log must be 'commitlog' in the data directory: move it there, or make that name a link to it",
        });
    }
    let settings = config.settings();
    let budget = memory::budget(&settings, limit.bytes);
    Ok((settings, budget))
}

/// Explicit addresses of the broker: `brokerIP1` is one for everybody.
fn advertised(settings: &Settings) -> Result<Vec<Advertised>, AdvertisedError> {
    settings.advertised.iter().chain(&settings.broker_ip1).map(|text| text.parse()).collect()
}

fn bind(config: ServerConfig) -> std::io::Result<Bound> {
    let gate = Arc::new(Gate::default());
    let service: Arc<dyn Service> = gate.clone();
    Ok(Bound { server: Server::start(config, service)?, gate })
}

/// The VIP address, where it is wanted and free: old clients only, never worth a failed start.
fn vip_addr(settings: &Settings, listen: SocketAddr) -> Option<SocketAddr> {
    let port = listen.port().checked_sub(VIP_PORT_DISTANCE).filter(|port| *port > 0)?;
    if !settings.vip_listen {
        return None;
    }
    let addr = SocketAddr::new(listen.ip(), port);
    match TcpListener::bind(addr) {
        Ok(_) => Some(addr),
        Err(error) => {
            tracing::warn!(%addr, %error, "no VIP channel: clients with vipChannelEnabled cannot send");
            None
        }
    }
}

fn listen_http(addr: SocketAddr) -> Result<TcpListener, StartError> {
    remora_remoting::bind_listener(addr).map_err(|source| StartError::Listen {
        what: "http",
        flag: "--http-listen",
        source,
    })
}

/// An address of ours that we can connect to ourselves.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}
