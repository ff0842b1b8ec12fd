//! The roles of this process as HTTP shows them: while they start, serve and stop.
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use remora_broker::Broker;
use remora_nameserver::Nameserver;
use remora_remoting::{Budget, Counting, Counts, RouteCounts, Service};

use crate::clock;

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

/// What is there to look at; roles appear as they start.
#[derive(Debug)]
pub(crate) struct Observed {
    pub started: SystemTime,
    pub budget: Arc<Budget>,
    phase: AtomicU8,
    nameserver: OnceLock<Arc<Nameserver>>,
    broker: OnceLock<Arc<Broker>>,
    /// By listener name.
    listeners: OnceLock<Vec<Listener>>,
}

/// A role's listener: what its transport and its routes count.
pub(crate) struct Listener {
    pub name: &'static str,
    pub counting: Counting,
    pub service: Arc<dyn Service>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Observed {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            started: clock::wall(),
            budget,
            phase: AtomicU8::new(STARTING),
            nameserver: OnceLock::new(),
            broker: OnceLock::new(),
            listeners: OnceLock::new(),
        }
    }

    pub(crate) fn add_nameserver(&self, nameserver: Arc<Nameserver>) {
        let _ = self.nameserver.set(nameserver);
    }

    pub(crate) fn add_broker(&self, broker: Arc<Broker>) {
        let _ = self.broker.set(broker);
    }

    pub(crate) fn add_listeners(&self, listeners: Vec<Listener>) {
        let _ = self.listeners.set(listeners);
    }

    /// What each listener has counted.
    pub(crate) fn transport(&self) -> Vec<(&'static str, Counts)> {
        self.listeners().map(|listener| (listener.name, listener.counting.counts())).collect()
    }

    /// What the request codes of each listener have cost.
    pub(crate) fn routes(&self) -> Vec<(&'static str, Vec<RouteCounts>)> {
        self.listeners().map(|listener| (listener.name, listener.service.route_counts())).collect()
    }

    fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.get().into_iter().flatten()
    }

    pub(crate) fn nameserver(&self) -> Option<&Arc<Nameserver>> {
        self.nameserver.get()
    }

    pub(crate) fn broker(&self) -> Option<&Arc<Broker>> {
        self.broker.get()
    }

    pub(crate) fn set_ready(&self) {
        self.phase.store(READY, Ordering::Release);
    }

    pub(crate) fn set_stopping(&self) {
        self.phase.store(STOPPING, Ordering::Release);
    }

    /// Why no work should come here; empty when ready.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        match self.phase.load(Ordering::Acquire) {
            READY => {}
            STOPPING => reasons.push("stopping".to_owned()),
            _ => reasons.push("starting: the store is being recovered".to_owned()),
        }
        if let Some(broker) = self.broker() {
            reasons.extend(broker_reasons(broker));
        }
        reasons
    }
}

fn broker_reasons(broker: &Broker) -> Vec<String> {
    let settings = broker.config.peek();
    let mut reasons = Vec::new();
    if broker.registration.registered().is_empty() {
        reasons.push(format!(
            "not registered with any nameserver of {}",
            settings.nameserver_addrs.join(";")
        ));
    }
    let used_percent = broker.store.log_status().disk_used_percent;
    if used_percent >= settings.disk_warning_percent {
        reasons.push(format!(
            "disk full: {used_percent} % used, sends stop at {} % (diskSpaceWarningLevelRatio)",
            settings.disk_warning_percent
        ));
    }
    reasons
}
