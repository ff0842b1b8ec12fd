//! The broker behind a connection.
use std::sync::Arc;

use remora_remoting::{Connection, Role, RouteCounts, Routes, Service, Turn};

use crate::broker::Broker;
use crate::routes;
use crate::send_turn::SendTurn;
use crate::time;

impl Role for Broker {
    type Turn<'a> = SendTurn<'a>;
}

/// Runs each turn through the routes, then appends what its sends staged.
#[derive(Debug)]
pub(crate) struct BrokerService {
    broker: Arc<Broker>,
    routes: Routes<Broker>,
}

impl BrokerService {
    pub(crate) fn new(broker: Arc<Broker>) -> Self {
        Self { routes: routes::routes(broker.clone()), broker }
    }
}

impl Service for BrokerService {
    fn connected(&self, conn: &Arc<Connection>) {
        self.broker.clients.connected(conn);
    }

    fn turn(&self, turn: &mut Turn<'_>) {
        let conn = turn.conn;
        let mut shared = SendTurn::new(&self.broker);
        self.routes.run(turn, &mut shared);
        let started = shared.appends().then(time::instant);
        shared.finish(&self.broker, conn);
        if let Some(started) = started {
            self.broker.metrics.put_times.add(started.elapsed());
        }
    }

    fn route_counts(&self) -> Vec<RouteCounts> {
        self.routes.counts()
    }

    fn draining(&self) {
        self.broker.hold.release_all();
        self.broker.pops.wait.release_all();
    }

    fn disconnected(&self, conn: &Arc<Connection>) {
        self.broker.hold.closed(conn.id);
        self.broker.pops.wait.closed(conn.id);
        // Before the others are told to rebalance: they find the locks free.
        self.broker.queue_locks.lock().closed(conn.id);
        self.broker.clients.disconnected(&self.broker, conn.id);
    }
}
