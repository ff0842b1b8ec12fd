//! Where a client is that waits for replies: its id to its connection. Pure.
//!
//! A heartbeat says it. So does a question, by its property REPLY_TO_CLIENT: unlike Apache's, this
//! broker finds a client by it that sends before its first heartbeat (Go's does). A connection is
//! one client; what a message says never overrules a heartbeat, nor a connection that is there:
//! messages are sent on by others, with the properties they came with.
use std::sync::Arc;

use ahash::AHashMap;

/// Longer ids are not remembered. Chosen: ids are an address and an instance name, some 40 bytes.
const CLIENT_ID_BYTES_MAX: usize = 1024;

#[derive(Debug)]
struct Place {
    connection_id: u64,
    is_by_heartbeat: bool,
}

/// The connections of clients.
#[derive(Debug, Default)]
pub struct Askers {
    clients: AHashMap<Arc<str>, Place>,
    connections: AHashMap<u64, Arc<str>>,
}

impl Askers {
    /// A heartbeat: the newest connection of a client counts.
    pub fn beat(&mut self, client_id: &str, connection_id: u64) {
        match self.clients.get_mut(client_id) {
            Some(known) if known.connection_id == connection_id => known.is_by_heartbeat = true,
            _ => self.put(client_id, connection_id, true),
        }
    }

    /// A message asks for a reply to this client, and came on this connection.
    pub fn asked(&mut self, client_id: &str, connection_id: u64) {
        let is_known = self.clients.contains_key(client_id);
        let beats = |id: &Arc<str>| self.clients.get(id).is_some_and(|place| place.is_by_heartbeat);
        if !is_known && !self.connections.get(&connection_id).is_some_and(beats) {
            self.put(client_id, connection_id, false);
        }
    }

    /// A closed connection is nobody's.
    pub fn closed(&mut self, connection_id: u64) {
        let Some(client_id) = self.connections.remove(&connection_id) else { return };
        if self.connection(&client_id) == Some(connection_id) {
            self.clients.remove(&client_id);
        }
    }

    /// The connection to push a client's replies to.
    pub fn connection(&self, client_id: &str) -> Option<u64> {
        self.clients.get(client_id).map(|place| place.connection_id)
    }

    fn put(&mut self, client_id: &str, connection_id: u64, is_by_heartbeat: bool) {
        if client_id.len() > CLIENT_ID_BYTES_MAX {
            return;
        }
        self.closed(connection_id);
        let client_id: Arc<str> = client_id.into();
        self.connections.insert(connection_id, client_id.clone());
        self.clients.insert(client_id, Place { connection_id, is_by_heartbeat });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_heartbeat_says_where_a_client_is() {
        let mut askers = Askers::default();
        askers.beat("a", 1);
        askers.beat("a", 2);
        assert_eq!(askers.connection("a"), Some(2));
        askers.closed(1);
        assert_eq!(
            askers.connection("a"),
            Some(2),
            "the old connection ends after the new one came"
        );
        askers.closed(2);
        assert_eq!(askers.connection("a"), None);
        assert!(askers.clients.is_empty() && askers.connections.is_empty());
    }

    #[test]
    fn a_message_tells_of_a_client_that_sent_no_heartbeat() {
        let mut askers = Askers::default();
        askers.asked("a", 1);
        assert_eq!(askers.connection("a"), Some(1));
        askers.asked("a", 2);
        assert_eq!(askers.connection("a"), Some(1), "sent on by another connection");
        askers.closed(1);
        askers.asked("a", 2);
        assert_eq!(askers.connection("a"), Some(2), "connected again");
    }

    #[test]
    fn a_message_never_overrules_a_heartbeat() {
        let mut askers = Askers::default();
        askers.beat("a", 1);
        askers.beat("worker", 2);
        askers.asked("a", 2);
        askers.asked("b", 2);
        let found = ["a", "worker", "b"].map(|client_id| askers.connection(client_id));
        assert_eq!(found, [Some(1), Some(2), None]);
        askers.asked("c", 3);
        askers.beat("c", 3);
        askers.asked("d", 3);
        assert_eq!((askers.connection("c"), askers.connection("d")), (Some(3), None));
    }

    #[test]
    fn a_connection_is_remembered_under_one_short_id() {
        let mut askers = Askers::default();
        askers.asked("a", 1);
        askers.asked("b", 1);
        askers.asked(&"x".repeat(CLIENT_ID_BYTES_MAX + 1), 2);
        assert_eq!((askers.clients.len(), askers.connections.len()), (1, 1));
        assert_eq!(askers.connection("b"), Some(1));
    }
}
