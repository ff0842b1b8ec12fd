//! A service that is not there yet.
//!
//! Listeners are bound before anything else, so that a port in use is found out before a store is
//! recovered, and so that a free port (0) is known before it is registered and written into
//! records.
use std::sync::{Arc, OnceLock};

use remora_protocol::ResponseCode;
use remora_remoting::{Connection, Refusal, RouteCounts, Service, Turn};

/// Closes connections until it is opened with the real service.
#[derive(Default)]
pub(crate) struct Gate {
    service: OnceLock<Arc<dyn Service>>,
}

impl Gate {
    /// From here on `service` is served.
    pub(crate) fn open(&self, service: Arc<dyn Service>) {
        // Opened twice it keeps the first service: there is only one.
        let _ = self.service.set(service);
    }
}

impl Service for Gate {
    fn connected(&self, conn: &Arc<Connection>) {
        match self.service.get() {
            Some(service) => service.connected(conn),
            // The service would never learn of this connection: let the client come back.
            None => conn.close("the server is still starting"),
        }
    }

    fn turn(&self, turn: &mut Turn<'_>) {
        match self.service.get() {
            Some(service) => service.turn(turn),
            None => {
                while let Some(call) = turn.next_call() {
                    call.refuse(Refusal::new(
                        ResponseCode::SERVICE_NOT_AVAILABLE,
                        "the server is still starting (GET /readyz tells when it is ready)",
                    ));
                }
            }
        }
    }

    fn route_counts(&self) -> Vec<RouteCounts> {
        self.service.get().map(|service| service.route_counts()).unwrap_or_default()
    }

    fn disconnected(&self, conn: &Arc<Connection>) {
        if let Some(service) = self.service.get() {
            service.disconnected(conn);
        }
    }

    fn draining(&self) {
        if let Some(service) = self.service.get() {
            service.draining();
        }
    }
}
