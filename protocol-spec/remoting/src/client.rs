//! Outgoing connections: one per address, made on first use, made again after it breaks.
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use ahash::AHashMap;
use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, RwLock};
use remora_protocol::{FrameLimits, Language, SerializeType};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;
use tokio_util::task::TaskTracker;

use crate::account::ConnAccount;
use crate::budget::Budget;
use crate::clock::{CoarseClock, millis};
use crate::conn_task::ConnTask;
use crate::connection::{ConnLimits, ConnParts, Connection, Identity, RequestError};
use crate::counters::{Counters, Counts};
use crate::service::Service;
use crate::sweep::{Timings, sweep};
use crate::transport::Transport;

/// How late the timeout of a request may be noticed. Chosen: clients ask for 3 s and more.
const TICK: Duration = Duration::from_millis(20);

/// Silence after which the kernel probes whether the other host still lives. Chosen: half of the
/// 120 s after which servers close an idle connection.
const KEEPALIVE: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub connect_timeout: Duration,
    pub frame: FrameLimits,
    /// Requests of ours that may wait for an answer, and of the server's that may wait for ours.
    pub in_flight_max: usize,
    /// Requests past it are refused: the server does not read.
    pub outbound_bytes_max: usize,
    pub serialize: SerializeType,
    pub language: Language,
    pub version: i32,
}

impl Default for ClientConfig {
    /// Sizes for any client of one server: chosen, not measured.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            frame: FrameLimits::default(),
            in_flight_max: 65_536,
            outbound_bytes_max: 64 * 1024 * 1024,
            serialize: SerializeType::Json,
            language: Language::RUST,
            version: 493,
        }
    }
}

/// Sets of counters among a connector's connections. Chosen: as many as a client has threads.
const COUNTER_SETS: usize = 8;

/// Makes and keeps connections. `service` gets the requests that the other side sends.
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    service: Arc<dyn Service>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    places: RwLock<AHashMap<Box<str>, Arc<Place>>>,
    tasks: TaskTracker,
    next_id: AtomicU64,
    /// Connections take one in turn, as they may run on many threads.
    counters: [Arc<Counters>; COUNTER_SETS],
    /// Without a limit: a client's memory is its own affair.
    budget: Arc<Budget>,
}

/// One address.
#[derive(Debug, Default)]
struct Place {
    live: ArcSwapOption<Connection>,
    state: Mutex<PlaceState>,
    /// Held by the one caller that connects.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct PlaceState {
    attempts: u64,
    failure: Option<RequestError>,
    closed: bool,
}

/// An address to send to again and again: finds the live connection without a lock.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Place>);

impl Peer {
    /// The live connection, if there is one.
    pub fn live(&self) -> Option<Arc<Connection>> {
        self.0.live.load_full().filter(|live| !live.is_closed())
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Connector {
    pub fn new(config: ClientConfig, service: Arc<dyn Service>) -> Self {
        Self { config: Arc::new(config), service, shared: Arc::default() }
    }

    /// The live connection to `addr` ("host:port"), made if there is none. Concurrent callers share
    /// one attempt, its failure included. The connection's task runs on the caller's runtime.
    pub async fn connection(&self, addr: &str) -> Result<Arc<Connection>, RequestError> {
        if self.shared.tasks.is_closed() {
            return Err(stopped(addr));
        }
        let place = self.place(addr);
        let attempts_before = match place.live_or_attempts() {
            Ok(live) => return Ok(live),
            Err(attempts) => attempts,
        };
        let connecting = place.connecting.lock().await;
        let attempts = match place.live_or_attempts() {
            Ok(live) => return Ok(live),
            Err(attempts) => attempts,
        };
        if attempts > attempts_before
            && let Some(failure) = place.state.lock().failure.clone()
        {
            // It failed while we waited: asking again at once would only multiply the wait.
            return Err(failure);
        }
        let outcome = self.connect(addr).await;
        let outcome = place.note(outcome, addr);
        drop(connecting);
        outcome
    }

    /// The live connection to `addr`, if there is one.
    pub fn live_connection(&self, addr: &str) -> Option<Arc<Connection>> {
        let place = self.shared.places.read().get(addr).cloned()?;
        Peer(place).live()
    }

    /// A handle on one address; nothing is connected.
    pub fn peer(&self, addr: &str) -> Peer {
        Peer(self.place(addr))
    }

    /// Closes every connection after what is queued has been written. Connections asked for later
    /// are refused.
    pub async fn close(&self) {
        let places: Vec<_> = self.shared.places.read().values().cloned().collect();
        for place in places {
            let mut state = place.state.lock();
            state.closed = true;
            if let Some(live) = place.live.swap(None) {
                live.close("the client stops");
            }
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    /// What all connections together have counted.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for counters in &self.shared.counters {
            counters.add_to(&mut sum);
        }
        sum
    }

    fn place(&self, addr: &str) -> Arc<Place> {
        if let Some(place) = self.shared.places.read().get(addr) {
            return Arc::clone(place);
        }
        let mut places = self.shared.places.write();
        let place = places.entry(addr.into()).or_default();
        if self.shared.tasks.is_closed() {
            place.state.lock().closed = true;
        }
        Arc::clone(place)
    }

    async fn connect(&self, addr: &str) -> Result<Arc<Connection>, RequestError> {
        let timeout = self.config.connect_timeout;
        let failed = |reason| RequestError::Connect { addr: addr.to_owned(), reason };
        match tokio::time::timeout(timeout, TcpStream::connect(addr)).await {
            Ok(Ok(stream)) => self.serve(addr, stream).map_err(|error| failed(error.to_string())),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed(format!("no connection within {} ms", millis(timeout)))),
        }
    }

    /// Starts the connection's task.
    fn serve(&self, addr: &str, stream: TcpStream) -> io::Result<Arc<Connection>> {
        stream.set_nodelay(true)?;
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        let config = &self.config;
        let id = self.shared.next_id.fetch_add(1, Ordering::Relaxed);
        let [first, ..] = &self.shared.counters;
        let set = usize::try_from(id).unwrap_or(0) % COUNTER_SETS;
        let conn = Arc::new(Connection::new(ConnParts {
            id,
            peer: stream.peer_addr()?,
            local: stream.local_addr()?,
            name: Some(addr.into()),
            identity: Identity {
                language: config.language,
                version: config.version,
                serialize: config.serialize,
            },
            limits: ConnLimits {
                in_flight_max: config.in_flight_max,
                outbound_bytes_max: config.outbound_bytes_max,
                read_while_full: true,
            },
            account: ConnAccount::new(Arc::clone(&self.shared.budget), None),
            clock: Arc::new(CoarseClock::new(TICK)),
            counters: Arc::clone(self.shared.counters.get(set).unwrap_or(first)),
            errands: None,
        }));
        let service = Arc::clone(&self.service);
        let stream = Transport::Plain(stream);
        let task = ConnTask::new(stream, Arc::clone(&conn), service, config.frame);
        self.shared.tasks.spawn(run(task, Arc::clone(&conn)));
        Ok(conn)
    }
}

/// Serves one connection, and sweeps it.
async fn run(mut task: ConnTask, conn: Arc<Connection>) {
    let task_conn = Arc::clone(&conn);
    let timings = Timings { partial_frame_ms: 0, idle_ms: 0 };
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waited_a_turn = false;
    let mut served = pin!(poll_fn(|cx| {
        // Whoever is to run in this turn of the runtime adds its requests first: one write for all.
        waited_a_turn = !waited_a_turn && task_conn.has_queued();
        if waited_a_turn {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        task.poll(cx)
    }));
    loop {
        tokio::select! {
            biased;
            () = &mut served => return,
            _ = tick.tick() => {
                sweep(&conn, conn.clock.tick(), &timings);
            }
        }
    }
}

impl Place {
    /// The live connection, or how many attempts there have been.
    fn live_or_attempts(&self) -> Result<Arc<Connection>, u64> {
        let state = self.state.lock();
        self.live.load_full().filter(|live| !live.is_closed()).ok_or(state.attempts)
    }

    fn note(
        &self,
        outcome: Result<Arc<Connection>, RequestError>,
        addr: &str,
    ) -> Result<Arc<Connection>, RequestError> {
        let mut state = self.state.lock();
        state.attempts += 1;
        self.live.store(outcome.as_ref().ok().cloned());
        state.failure = outcome.as_ref().err().cloned();
        if state.closed
            && let Some(live) = self.live.swap(None)
        {
            live.close("the client stops");
            return Err(stopped(addr));
        }
        outcome
    }
}

fn stopped(addr: &str) -> RequestError {
    RequestError::Connect { addr: addr.to_owned(), reason: "the client stops".to_owned() }
}
