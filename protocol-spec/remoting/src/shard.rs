//! One IO shard: a thread with a current-thread runtime, its connections, and their sweep.
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use ahash::AHashMap;
use parking_lot::Mutex;
use remora_protocol::{FrameLimits, Language, SerializeType};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::account::ConnAccount;
use crate::budget::{Budget, Reserved};
use crate::clock::CoarseClock;
use crate::conn_task::ConnTask;
use crate::connection::{ConnLimits, ConnParts, Connection, Ending, Identity};
use crate::counters::Counters;
use crate::errand::Errands;
use crate::listener::{self, Listening, Refusing};
use crate::server::ServerConfig;
use crate::service::Service;
use crate::shard_load::ShardLoad;
use crate::sweep::{Timings, sweep};
use crate::transport::Transport;

/// What a shard is told.
#[derive(Debug)]
pub(crate) enum ToShard {
    Listen(std::net::TcpListener, Listening),
    Serve(std::net::TcpStream, SocketAddr, Reserved),
    Refuse(std::net::TcpStream, Refusing, String),
}

/// A shard as the rest of the server sees it.
#[derive(Debug)]
pub(crate) struct Shard {
    pub to_shard: mpsc::UnboundedSender<ToShard>,
    pub state: Arc<ShardState>,
    pub thread: Mutex<Option<JoinHandle<()>>>,
    /// Fires when the shard's last connection has ended after `stop_accepting`.
    pub done: Mutex<Option<oneshot::Receiver<()>>>,
}

/// Shared between the shard's thread, the accept loops and metrics.
#[derive(Debug)]
pub(crate) struct ShardState {
    pub counters: Arc<Counters>,
    pub connections: Mutex<AHashMap<u64, Arc<Connection>>>,
    pub errands: Arc<Errands>,
    pub load: ShardLoad,
}

/// The two steps of stopping.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    pub accepting: CancellationToken,
    pub now: CancellationToken,
}

/// What every connection of a shard is made from.
struct Making {
    service: Arc<dyn Service>,
    state: Arc<ShardState>,
    clock: Arc<CoarseClock>,
    identity: Identity,
    limits: ConnLimits,
    frame: FrameLimits,
    next_id: Arc<AtomicU64>,
    budget: Arc<Budget>,
}

impl Shard {
    /// Starts the thread.
    pub(crate) fn start(
        name: String,
        config: &ServerConfig,
        service: Arc<dyn Service>,
        next_id: Arc<AtomicU64>,
        stop: Stop,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let timings = Timings::new(config.partial_frame_timeout, config.idle_timeout);
        let state = Arc::new(ShardState {
            counters: Arc::default(),
            connections: Mutex::default(),
            errands: Arc::default(),
            load: ShardLoad::default(),
        });
        let making = Making {
            service,
            state: Arc::clone(&state),
            clock: Arc::new(CoarseClock::new(timings.tick())),
            identity: Identity {
                language: Language::JAVA,
                version: config.version,
                serialize: SerializeType::Json,
            },
            limits: ConnLimits {
                in_flight_max: config.in_flight_max,
                outbound_bytes_max: config.outbound_bytes_max,
                read_while_full: false,
            },
            frame: config.frame,
            next_id,
            budget: Arc::clone(&config.budget),
        };
        let (to_shard, orders) = mpsc::unbounded_channel();
        let (done, is_done) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            runtime.block_on(run(making, timings, orders, stop));
            // Nobody may be waiting for it.
            let _ = done.send(());
        })?;
        Ok(Self {
            to_shard,
            state,
            thread: Mutex::new(Some(thread)),
            done: Mutex::new(Some(is_done)),
        })
    }
}

/// Serves until it is told to stop and the last connection has ended.
async fn run(
    making: Making,
    timings: Timings,
    mut orders: mpsc::UnboundedReceiver<ToShard>,
    stop: Stop,
) {
    let mut tasks = JoinSet::new();
    let errands = Arc::clone(&making.state.errands);
    let serving_errands = tokio::spawn(async move { errands.serve().await });
    let mut tick = tokio::time::interval(timings.tick());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if stop.accepting.is_cancelled() && tasks.is_empty() {
            break;
        }
        tokio::select! {
            () = stop.now.cancelled() => break,
            () = stop.accepting.cancelled(), if tasks.is_empty() => break,
            order = orders.recv() => match order {
                Some(order) => making.follow(order, &mut tasks, &stop),
                None => break,
            },
            _ = tick.tick() => {
                let now_ms = making.clock.tick();
                let connections = making.state.connections.lock();
                let busy = connections.values().filter(|conn| sweep(conn, now_ms, &timings));
                making.state.load.swept(connections.len(), busy.count());
                drop(connections);
                making.budget.note_full();
            }
            Some(ended) = tasks.join_next() => if let Err(error) = ended {
                tracing::error!(%error, "a connection's task failed");
            },
        }
    }
    tasks.shutdown().await;
    serving_errands.abort();
    making.state.errands.close();
}

impl Making {
    fn follow(&self, order: ToShard, tasks: &mut JoinSet<()>, stop: &Stop) {
        match order {
            ToShard::Listen(listener, listening) => {
                tasks.spawn(listener::accept_loop(listener, listening, stop.accepting.clone()));
            }
            ToShard::Serve(stream, peer, open) => match self.connection(stream, peer, open) {
                Ok(task) => {
                    tasks.spawn(task);
                    // `drain` may have gone through the connections just before this one.
                    if stop.accepting.is_cancelled() {
                        self.state.end_all(Ending::Drain("the server stops"));
                    }
                }
                Err(error) => {
                    self.state.load.leave();
                    tracing::debug!(%peer, %error, "connection lost before it was served");
                }
            },
            ToShard::Refuse(stream, refusing, reason) => {
                let identity = self.identity;
                tasks.spawn(listener::refuse(stream, refusing, identity, self.frame, reason));
            }
        }
    }

    /// Makes the connection and the future that serves it.
    fn connection(
        &self,
        stream: std::net::TcpStream,
        peer: SocketAddr,
        open: Reserved,
    ) -> io::Result<impl Future<Output = ()> + Send + use<>> {
        let local = stream.local_addr()?;
        let stream = TcpStream::from_std(stream)?;
        let conn = Arc::new(Connection::new(ConnParts {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            peer,
            local,
            name: None,
            identity: self.identity,
            limits: self.limits,
            account: ConnAccount::new(Arc::clone(&self.budget), Some(open)),
            clock: Arc::clone(&self.clock),
            counters: Arc::clone(&self.state.counters),
            errands: Some(Arc::clone(&self.state.errands)),
        }));
        self.state.connections.lock().insert(conn.id, Arc::clone(&conn));
        let registered = Registered { state: Arc::clone(&self.state), id: conn.id };
        let service = Arc::clone(&self.service);
        let mut task = ConnTask::new(Transport::Plain(stream), conn, service, self.frame);
        Ok(async move {
            let _registered = registered;
            poll_fn(|cx| task.poll(cx)).await;
        })
    }
}

/// Takes the connection off the shard's list, however its task ends.
struct Registered {
    state: Arc<ShardState>,
    id: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.state.connections.lock().remove(&self.id);
        self.state.load.leave();
    }
}

impl ShardState {
    /// Asks every connection to end.
    pub(crate) fn end_all(&self, ending: Ending) {
        for conn in self.connections.lock().values() {
            conn.end(ending);
        }
    }
}
