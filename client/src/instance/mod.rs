//! What the producers, consumers and admin of one application share: connections, routes,
//! heartbeats.
//!
//! Read `calls.rs` (a request and its answer), `routes.rs`, `heartbeat.rs`, `from_broker.rs`.
mod builder;
mod calls;
mod from_broker;
mod heartbeat;
mod member_builder;
mod nameservers;
mod offsets;
mod pop;
mod pull;
mod replies;
mod routes;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use remora_protocol::{SerializeType, body};
use remora_remoting::{Connection, Connector, Peer, RequestError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::builder::ClientBuilder;
pub(crate) use self::calls::{Answer, request_failed};
pub use self::member_builder::MemberBuilder;
pub(crate) use self::member_builder::MemberClient;
pub use self::nameservers::parse_addrs;
pub(crate) use self::pop::PopRequest;
pub use self::pop::Popped;
pub(crate) use self::pull::PullRequest;
pub use self::pull::{PullStatus, Pulled};

use self::nameservers::Nameservers;
use self::replies::Replies;
use self::routes::RouteTable;
use crate::error::ClientError;
use crate::namespace;
use crate::producer::transaction::Checker;
use crate::queue::MessageQueue;
use crate::unique_id::UniqueIds;

/// A connection to one RocketMQ (or Remora) installation. Cheap to clone; give the same one to
/// several producers and consumers to share connections. Each of them makes its own otherwise.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) client_id: String,
    /// Before the names of topics and groups.
    pub(crate) namespace: Option<Arc<str>>,
    pub(crate) request_timeout: Duration,
    pub(crate) unique_ids: UniqueIds,
    pub(crate) serialize: SerializeType,
    connector: Connector,
    nameservers: Nameservers,
    routes: RouteTable,
    members: RwLock<Members>,
    replies: Replies,
    heartbeat_wanted: Arc<Notify>,
    /// Held while brokers are told which groups this client belongs to, until they have answered.
    membership: tokio::sync::Mutex<()>,
    /// Cancelled at shutdown, and when the last handle is dropped.
    pub(crate) closed: CancellationToken,
    pub(crate) tasks: TaskTracker,
    shutdown: Mutex<bool>,
}

/// The groups that this client is a member of.
#[derive(Default)]
struct Members {
    producer_groups: HashSet<String>,
    /// Who answers for the transactions of a producer group.
    checkers: HashMap<String, Checker>,
    consumers: HashMap<String, Weak<dyn ConsumerMember>>,
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Members")
            .field("producer_groups", &self.producer_groups)
            .field("consumers", &self.consumers)
            .finish_non_exhaustive()
    }
}

/// A consumer as the client knows it: what it says in heartbeats, and what brokers ask of it.
pub(crate) trait ConsumerMember: Send + Sync + std::fmt::Debug {
    /// Its part of the heartbeat: group, model and subscriptions.
    fn heartbeat(&self) -> body::ConsumerData;

    /// The group's members have changed.
    fn rebalance_now(&self);

    /// What `consumerStatus` and the dashboard show.
    fn running_info(&self) -> body::ConsumerRunningInfo;

    /// Offsets that it would commit now.
    fn offsets(&self, topic: &str) -> Vec<(MessageQueue, i64)>;

    /// An operator moved the group's offsets: forget what is in flight and go on from these.
    fn reset_offsets(&self, topic: &str, offsets: Vec<(MessageQueue, i64)>);
}

impl Client {
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// How this client calls itself: `ip@instance`. Members of a consumer group are told apart by
    /// it.
    pub fn client_id(&self) -> &str {
        &self.inner.client_id
    }

    /// Tells the brokers that its groups are gone, then closes every connection.
    pub async fn shutdown(&self) {
        if std::mem::replace(&mut *self.inner.shutdown.lock(), true) {
            return;
        }
        let groups: Vec<String> = self.inner.members.write().producer_groups.drain().collect();
        for group in groups {
            self.unregister(Some(&group), None).await;
        }
        self.inner.closed.cancel();
        self.inner.tasks.close();
        self.inner.connector.close().await;
    }

    /// A topic or group as brokers know it.
    pub(crate) fn full_name(&self, name: &str) -> Arc<str> {
        match &self.inner.namespace {
            None => name.into(),
            Some(namespace) => namespace::with_namespace(namespace, name).into(),
        }
    }

    pub(crate) fn check_open(&self) -> Result<(), ClientError> {
        if self.inner.closed.is_cancelled() { Err(ClientError::Closed) } else { Ok(()) }
    }

    pub(crate) fn add_producer_group(&self, group: &str) {
        self.inner.members.write().producer_groups.insert(group.to_owned());
    }

    pub(crate) async fn remove_producer_group(&self, group: &str) {
        if self.inner.members.write().producer_groups.remove(group) {
            self.unregister(Some(group), None).await;
        }
    }

    /// Adds a member; an error if this client has a consumer of that group already, since brokers
    /// could not tell the two apart.
    pub(crate) fn add_consumer(
        &self,
        group: &str,
        member: Weak<dyn ConsumerMember>,
    ) -> Result<(), ClientError> {
        let mut members = self.inner.members.write();
        if members.consumers.get(group).is_some_and(|member| member.strong_count() > 0) {
            return Err(ClientError::Setting {
                setting: "group",
                value: group.to_owned(),
                reason: "this client has a consumer of that group; start another client for it"
                    .to_owned(),
            });
        }
        members.consumers.insert(group.to_owned(), member);
        Ok(())
    }

    /// Removes a member and tells the brokers, so that others take its queues over at once.
    pub(crate) async fn remove_consumer(&self, group: &str) {
        self.inner.members.write().consumers.remove(group);
        self.unregister(None, Some(group)).await;
    }
}

impl Inner {
    pub(crate) fn peer(&self, addr: &str) -> Peer {
        self.connector.peer(addr)
    }

    /// The connection to an address, made if there is none.
    pub(crate) async fn connection(&self, addr: &str) -> Result<Arc<Connection>, RequestError> {
        self.connector.connection(addr).await
    }

    pub(crate) fn add_checker(&self, group: &str, checker: Checker) {
        self.members.write().checkers.insert(group.to_owned(), checker);
    }

    pub(crate) fn remove_checker(&self, group: &str) {
        self.members.write().checkers.remove(group);
    }

    fn checker(&self, group: &str) -> Option<Checker> {
        self.members.read().checkers.get(group).cloned()
    }

    fn consumer(&self, group: &str) -> Option<Arc<dyn ConsumerMember>> {
        self.members.read().consumers.get(group)?.upgrade()
    }

    fn consumers(&self) -> Vec<Arc<dyn ConsumerMember>> {
        self.members.read().consumers.values().filter_map(Weak::upgrade).collect()
    }
}

impl Drop for Inner {
    /// Without a shutdown, brokers learn from the closed connections that this client is gone.
    fn drop(&mut self) {
        self.closed.cancel();
        let brokers = self.routes.all_brokers().into_iter().map(|(_, _, addr)| addr);
        for addr in brokers.chain(self.nameservers.all().iter().cloned()) {
            if let Some(conn) = self.connector.live_connection(&addr) {
                conn.close("the client was dropped");
            }
        }
    }
}
