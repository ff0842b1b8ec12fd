//! The shell of the client registry: connections, notifications, expiry.
use std::sync::Arc;
use std::time::Duration;

use ahash::AHashMap;
use parking_lot::{Mutex, RwLock};
use remora_protocol::{RequestCode, header};
use remora_remoting::{Body, Connection};

use crate::askers::Askers;
use crate::broker::Broker;
use crate::client_table::{Beat, Clash, ClientTable, ConsumerGroup, Notify, Subscription};
use crate::time;

/// Apache's scan of inactive channels.
const SCAN_PERIOD: Duration = Duration::from_secs(10);

/// Connected clients.
#[derive(Debug, Default)]
pub struct Clients {
    table: RwLock<ClientTable>,
    connections: Mutex<AHashMap<u64, Arc<Connection>>>,
    askers: Mutex<Askers>,
}

/// What the registry knows of a group's subscription to a topic.
#[derive(Clone, Debug)]
pub enum Subscribed {
    Yes(Arc<Subscription>, crate::client_table::GroupKind),
    /// Nobody of the group is connected.
    NoGroup,
    NoTopic,
}

impl Clients {
    pub(crate) fn connected(&self, conn: &Arc<Connection>) {
        self.connections.lock().insert(conn.id, conn.clone());
    }

    pub(crate) fn disconnected(&self, broker: &Broker, connection_id: u64) {
        self.connections.lock().remove(&connection_id);
        self.askers.lock().closed(connection_id);
        let notify = self.table.write().closed(connection_id);
        broker.hand_overs.members_changed(broker, &notify);
        self.notify(broker, &notify);
    }

    /// Takes a heartbeat and tells the other members; true when subscriptions must be sent again.
    pub(crate) fn beat(&self, broker: &Broker, beat: Beat) -> bool {
        self.askers.lock().beat(&beat.client.client_id, beat.connection_id);
        let outcome = self.table.write().beat(time::tick_ms(), beat);
        broker.hand_overs.members_changed(broker, &outcome.notify);
        self.notify(broker, &outcome.notify);
        for (group, name) in &outcome.resubscribed {
            if let Some(topic) = broker.topics.find(name) {
                broker.hold.release_group(group, &topic);
            }
        }
        outcome.clashes.iter().for_each(report);
        outcome.subscriptions_changed
    }

    pub(crate) fn unregister(
        &self,
        broker: &Broker,
        connection_id: u64,
        producer_group: Option<&str>,
        consumer_group: Option<&str>,
    ) {
        let notify = self.table.write().unregister(connection_id, producer_group, consumer_group);
        broker.hand_overs.members_changed(broker, &notify);
        self.notify(broker, &notify);
    }

    /// A message of this connection asks for a reply to a client.
    #[cold]
    pub(crate) fn asked(&self, client_id: &str, conn: &Connection) {
        self.askers.lock().asked(client_id, conn.id);
        // Closed meanwhile: `closed` may have run before.
        if conn.is_closed() {
            self.askers.lock().closed(conn.id);
        }
    }

    /// The connection of a client that waits for a reply.
    pub(crate) fn asker(&self, client_id: &str) -> Option<Arc<Connection>> {
        let connection_id = self.askers.lock().connection(client_id)?;
        self.connection(connection_id)
    }

    /// Tells the members of a group to deal out queues again.
    pub(crate) fn rebalance(&self, broker: &Broker, group: &str) {
        let told = self.read(|table| table.group(group).and_then(ConsumerGroup::notification));
        self.notify(broker, told.as_slice());
    }

    /// A group's live subscription to a topic.
    pub fn subscription(&self, group: &str, topic: &str) -> Subscribed {
        let table = self.table.read();
        let Some(group) = table.group(group) else { return Subscribed::NoGroup };
        match group.subscription(topic) {
            Some(subscription) => Subscribed::Yes(subscription.clone(), group.kind),
            None => Subscribed::NoTopic,
        }
    }

    /// Looks at the registry; keep it short, heartbeats wait meanwhile.
    pub fn read<R>(&self, look: impl FnOnce(&ClientTable) -> R) -> R {
        look(&self.table.read())
    }

    /// An open connection.
    pub fn connection(&self, connection_id: u64) -> Option<Arc<Connection>> {
        self.connections.lock().get(&connection_id).cloned()
    }

    fn notify(&self, broker: &Broker, changes: &[Notify]) {
        if changes.is_empty() || !broker.config.peek().notify_consumer_ids_changed_enable {
            return;
        }
        for change in changes {
            let header = header::NotifyConsumerIdsChangedHeader {
                consumer_group: change.group.as_ref().into(),
            };
            for connection_id in &change.connection_ids {
                let Some(conn) = self.connection(*connection_id) else { continue };
                let code = RequestCode::NOTIFY_CONSUMER_IDS_CHANGED;
                if let Err(error) = conn.oneway(code, &header, Body::Empty) {
                    tracing::debug!(group = %change.group, %error, "member not notified");
                }
            }
        }
    }
}

fn report(clash: &Clash) {
    let wanted = |expression: &Option<String>| {
        expression.clone().unwrap_or_else(|| "nothing of the topic".to_owned())
    };
    let ([client_id, other_client_id], [one, other]) = (&clash.client_ids, &clash.expressions);
    tracing::warn!(
        group = %clash.group,
        topic = clash.topic,
        client_id,
        subscribes_to = wanted(one),
        other_client_id,
        other_subscribes_to = wanted(other),
        "members of a group subscribe differently: each may miss messages, all must want the same"
    );
}

/// Removes clients whose heartbeats stopped, and closes their connections as Apache does.
pub(crate) async fn expire_silent(broker: Arc<Broker>) {
    loop {
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(SCAN_PERIOD) => {}
        }
        let expire_ms = i64::try_from(broker.config.peek().client_expire_ms).unwrap_or(i64::MAX);
        let expired = broker.clients.table.write().expire(time::tick_ms(), expire_ms);
        broker.hand_overs.members_changed(&broker, &expired.notify);
        broker.clients.notify(&broker, &expired.notify);
        for connection_id in expired.connection_ids {
            if let Some(conn) = broker.clients.connection(connection_id) {
                tracing::warn!(peer = %conn.peer, expire_ms, "client sent no heartbeat, closed");
                conn.close("no heartbeat within channelExpiredTimeout");
            }
        }
    }
}
