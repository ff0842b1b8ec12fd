//! Making a client.
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use remora_protocol::{FrameLimits, Language, SerializeType};
use remora_remoting::{ClientConfig, Connector};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::from_broker::FromBroker;
use super::nameservers::Nameservers;
use super::replies::Replies;
use super::routes::RouteTable;
use super::{Client, Inner, Members, heartbeat, parse_addrs, routes};
use crate::clock;
use crate::error::ClientError;
use crate::unique_id::UniqueIds;

/// MQVersion V5_4_0: below 232 brokers would not accept filters other than tags.
const MQ_VERSION: i32 = 493;
/// LanguageCode RUST.
const LANGUAGE: Language = Language(12);

/// Settings of a [`Client`]. Only a nameserver must be given.
#[derive(Clone, Debug)]
pub struct ClientBuilder {
    nameserver: String,
    instance_name: Option<String>,
    namespace: Option<String>,
    request_timeout: Duration,
    connect_timeout: Duration,
    in_flight_max: usize,
    outbound_bytes_max: usize,
    heartbeat_period: Duration,
    route_refresh_period: Duration,
    serialize: SerializeType,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            nameserver: String::new(),
            instance_name: None,
            namespace: None,
            request_timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(3),
            // Chosen: what 64 tasks with a thousand sends each in flight need.
            in_flight_max: 65_536,
            outbound_bytes_max: 64 * 1024 * 1024,
            // Both as Java's client: brokers drop a client after 120 s of silence.
            heartbeat_period: Duration::from_secs(30),
            route_refresh_period: Duration::from_secs(30),
            serialize: SerializeType::Json,
        }
    }
}

impl ClientBuilder {
    /// `host:port`, or several separated by `;`.
    #[must_use]
    pub fn nameserver(mut self, addrs: impl Into<String>) -> Self {
        self.nameserver = addrs.into();
        self
    }

    /// What follows the `@` in the client id. Default: process id and a number that no other client
    /// has.
    #[must_use]
    pub fn instance_name(mut self, name: impl Into<String>) -> Self {
        self.instance_name = Some(name.into());
        self
    }

    /// Puts `namespace%` before the topics and groups of producers and consumers, as Java's
    /// `setNamespace`, so that those of other namespaces may be called the same. Messages received
    /// have their topics without it; queues and admin calls have and take the full names. Default:
    /// none.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into()).filter(|namespace| !namespace.is_empty());
        self
    }

    /// How long to wait for the answer to a request, sends and pulls apart. Default 3 s.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How long to wait for a connection. Default 3 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Requests that may wait for their answers on one connection. Default 65,536.
    #[must_use]
    pub fn in_flight_max(mut self, count: usize) -> Self {
        self.in_flight_max = count;
        self
    }

    /// How often brokers hear of this client. Default 30 s.
    #[must_use]
    pub fn heartbeat_period(mut self, period: Duration) -> Self {
        self.heartbeat_period = period;
        self
    }

    /// How often routes are asked for again. Default 30 s.
    #[must_use]
    pub fn route_refresh_period(mut self, period: Duration) -> Self {
        self.route_refresh_period = period;
        self
    }

    /// How headers are written. Default JSON, which every server reads.
    #[must_use]
    pub fn serialize_type(mut self, serialize: SerializeType) -> Self {
        self.serialize = serialize;
        self
    }

    /// False until an instance name was chosen: broadcasting consumers then take Java's `DEFAULT`.
    pub(crate) fn has_instance_name(&self) -> bool {
        self.instance_name.is_some()
    }

    /// Connects to a nameserver and starts the background tasks (routes, heartbeats).
    ///
    /// # Errors
    /// `NameserverUnreachable` when none can be connected to, `Setting` for a wrong address.
    pub async fn start(self) -> Result<Client, ClientError> {
        let addrs = parse_addrs(&self.nameserver)?;
        let wall_ms = clock::wall_ms();
        let seed = seed();
        let ip = local_ip(addrs.first().map_or("", |addr| addr));
        let instance = self
            .instance_name
            .clone()
            .unwrap_or_else(|| format!("{}#{seed:08x}{wall_ms:x}", std::process::id()));
        let closed = CancellationToken::new();
        let heartbeat_wanted = Arc::new(Notify::new());
        let inner = Arc::new_cyclic(|inner| Inner {
            client_id: format!("{ip}@{instance}"),
            namespace: self.namespace.as_deref().map(Into::into),
            request_timeout: self.request_timeout,
            unique_ids: UniqueIds::new(ip, std::process::id(), seed),
            serialize: self.serialize,
            connector: Connector::new(
                self.remoting_config(),
                Arc::new(FromBroker { client: inner.clone() }),
            ),
            nameservers: Nameservers::new(addrs, usize::try_from(seed).unwrap_or(0)),
            routes: RouteTable::default(),
            members: RwLock::new(Members::default()),
            replies: Replies::default(),
            heartbeat_wanted: Arc::clone(&heartbeat_wanted),
            membership: tokio::sync::Mutex::default(),
            closed: closed.clone(),
            tasks: TaskTracker::new(),
            shutdown: Mutex::new(false),
        });
        let client = Client { inner };
        client.connect_nameserver().await?;
        client.inner.tasks.spawn(heartbeat::run(
            Arc::downgrade(&client.inner),
            heartbeat_wanted,
            self.heartbeat_period,
            closed.clone(),
        ));
        client.inner.tasks.spawn(routes::run(
            Arc::downgrade(&client.inner),
            self.route_refresh_period,
            closed,
        ));
        Ok(client)
    }

    fn remoting_config(&self) -> ClientConfig {
        ClientConfig {
            connect_timeout: self.connect_timeout,
            frame: FrameLimits::default(),
            in_flight_max: self.in_flight_max,
            outbound_bytes_max: self.outbound_bytes_max,
            serialize: self.serialize,
            language: LANGUAGE,
            version: MQ_VERSION,
        }
    }
}

/// A number that two clients of one process, or two starts of one process id, do not share.
fn seed() -> u32 {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's per-process random keys, drawn again for each builder.
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    u32::try_from(random >> 32).unwrap_or(0)
}

/// The address by which this host reaches `addr`: connecting a UDP socket asks the routing table
/// and sends nothing.
fn local_ip(addr: &str) -> IpAddr {
    let ask = || {
        let to = addr.to_socket_addrs().ok()?.next()?;
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    ask().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
