//! The nameserver: its tables behind locks, its clock, its timer.
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use remora_config::Config;
use remora_remoting::{Connection, Role, RouteCounts, Routes, Service, Turn};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::advertised::EmbeddedBroker;
use crate::clock;
use crate::kv_config::{KvConfig, KvError};
use crate::route_table::{Dropped, RouteTable, Rules};
use crate::routes;

/// One nameserver. Handlers see it through `Routes`; the program keeps it to stop it.
///
/// Locks are never held together, nor across an await; the KV lock alone is held over a disk write,
/// on the slow lane.
pub struct Nameserver {
    pub(crate) config: Arc<Config>,
    pub(crate) table: RwLock<RouteTable>,
    pub(crate) kv: Mutex<KvConfig>,
    pub(crate) embedded: Option<EmbeddedBroker>,
    started: Instant,
    stop: watch::Sender<bool>,
    scan: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Nameserver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nameserver").field("embedded", &self.embedded).finish_non_exhaustive()
    }
}

/// Figures for metrics and `/readyz`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NameserverFigures {
    pub brokers: usize,
    pub topics: usize,
}

impl Role for Nameserver {
    type Turn<'a> = ();
}

impl Nameserver {
    /// Reads the KV configuration and starts looking for silent brokers on `slow`. `embedded` is
    /// the broker of the same process: askers are told an address of it that they can reach.
    pub fn start(
        config: Arc<Config>,
        embedded: Option<EmbeddedBroker>,
        slow: &tokio::runtime::Handle,
    ) -> Result<Arc<Self>, KvError> {
        let kv = KvConfig::open(kv_path(&config))?;
        let (stop, stopped) = watch::channel(false);
        let nameserver = Arc::new(Self {
            config,
            table: RwLock::new(RouteTable::new()),
            kv: Mutex::new(kv),
            embedded,
            started: clock::instant(),
            stop,
            scan: Mutex::new(None),
        });
        let scan = slow.spawn(scan(nameserver.clone(), stopped));
        *nameserver.scan.lock() = Some(scan);
        Ok(nameserver)
    }

    /// What a listener serves. `slow` runs the handlers that may take long.
    pub fn service(self: &Arc<Self>, slow: tokio::runtime::Handle) -> Arc<dyn Service> {
        Arc::new(NameserverService {
            nameserver: self.clone(),
            routes: routes::routes(self.clone(), slow),
        })
    }

    pub fn figures(&self) -> NameserverFigures {
        let table = self.table.read();
        NameserverFigures { brokers: table.broker_count(), topics: table.topic_count() }
    }

    /// Ends the timer. The listener is drained by its owner.
    pub async fn stop(&self) {
        let _ = self.stop.send(true);
        let scan = self.scan.lock().take();
        if let Some(scan) = scan
            && let Err(error) = scan.await
        {
            tracing::error!(%error, "nameserver: the scan for silent brokers failed");
        }
    }

    /// Milliseconds since the start: the only clock of this crate, never set back.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn rules(&self) -> Rules {
        let settings = self.config.peek();
        Rules {
            broker_expire_ms: settings.broker_expire_ms,
            routes_max: settings.routes_max,
            drop_missing_topics: settings.delete_topic_with_broker_registration,
        }
    }

    /// Forgets the brokers of a connection that ended.
    pub(crate) fn disconnected(&self, connection: u64) {
        let now_ms = self.now_ms();
        let dropped = self.table.write().disconnected(connection, now_ms);
        report(&dropped, "its connection closed");
    }
}

/// `namesrv/kvConfig.json` in the data directory, unless configured.
fn kv_path(config: &Config) -> PathBuf {
    let settings = config.settings();
    let default = || settings.store_path.join("namesrv").join("kvConfig.json");
    settings.kv_config_path.clone().unwrap_or_else(default)
}

async fn scan(nameserver: Arc<Nameserver>, mut stopped: watch::Receiver<bool>) {
    let period = Duration::from_millis(nameserver.config.settings().broker_scan_ms.max(1));
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let now_ms = nameserver.now_ms();
                let dropped = nameserver.table.write().expire(now_ms);
                report(&dropped, "it was silent");
            }
            _ = stopped.changed() => return,
        }
    }
}

fn report(dropped: &[Dropped], reason: &'static str) {
    for broker in dropped {
        tracing::warn!(
            cluster = broker.cluster,
            broker = broker.broker_name,
            address = broker.broker_addr,
            silent_ms = broker.silent_ms,
            "broker dropped: {reason}"
        );
    }
}

struct NameserverService {
    nameserver: Arc<Nameserver>,
    routes: Routes<Nameserver>,
}

impl Service for NameserverService {
    fn turn(&self, turn: &mut Turn<'_>) {
        self.routes.run(turn, &mut ());
    }

    fn route_counts(&self) -> Vec<RouteCounts> {
        self.routes.counts()
    }

    fn disconnected(&self, conn: &Arc<Connection>) {
        self.nameserver.disconnected(conn.id);
    }
}
