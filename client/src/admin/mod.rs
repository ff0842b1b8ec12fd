//! Managing topics, groups and brokers, and looking into them.
mod broker;
mod clients;
mod dead_letters;
mod group;
mod message;
mod offsets;
mod timer;
mod topic;
mod transaction;

use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::{EncodeHeader, RequestCode, body};

pub use self::broker::BrokerAddr;
pub use self::dead_letters::{DeadLetterQueue, DeadLetters, Letters, SendTo};
pub use self::group::{ConsumeProgress, QueueProgress};
pub use self::message::TimeSpan;
pub use self::timer::{TimerFilter, Timers};
pub use self::topic::{QueueStats, TopicSpec};
pub use self::transaction::HalfMessages;

use crate::error::ClientError;
use crate::instance::{Answer, Client, ClientBuilder};

/// Which brokers a change is made on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Where {
    /// The masters of every cluster.
    #[default]
    Everywhere,
    /// The masters of one cluster.
    Cluster(String),
    /// The master of one broker name.
    Broker(String),
}

/// Commands to an installation.
///
/// ```no_run
/// # async fn example() -> Result<(), remora_client::ClientError> {
/// use remora_client::Admin;
/// use remora_client::admin::{TopicSpec, Where};
///
/// let admin = Admin::connect("127.0.0.1:9876").await?;
/// admin.create_topic(&TopicSpec::new("order-events").queues(8), &Where::Everywhere).await?;
/// for topic in admin.topics().await? {
///     println!("{topic}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Admin {
    client: Client,
}

impl Admin {
    /// Connects to a nameserver: `host:port`, or several separated by `;`.
    pub async fn connect(nameserver: &str) -> Result<Self, ClientError> {
        Self::start(Client::builder().nameserver(nameserver)).await
    }

    /// Connects with settings of one's own.
    pub async fn start(settings: ClientBuilder) -> Result<Self, ClientError> {
        Ok(Self { client: settings.start().await? })
    }

    /// Uses the connections of a client that is there already.
    pub fn new(client: &Client) -> Self {
        Self { client: client.clone() }
    }

    /// The client below: offsets, routes, `tail`.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Closes the connections, also of those who share the client.
    pub async fn shutdown(&self) {
        self.client.shutdown().await;
    }

    /// Clusters, broker names and addresses, as the nameserver has them.
    pub async fn cluster(&self) -> Result<body::ClusterInfo, ClientError> {
        let code = RequestCode::GET_BROKER_CLUSTER_INFO;
        self.client.ask_nameserver("cluster info", code, &(), Bytes::new()).await?.success()?.json()
    }

    /// The masters that `place` means, sorted by broker name.
    ///
    /// # Errors
    /// `Setting` for a cluster or broker that the nameserver does not list.
    pub async fn masters(&self, place: &Where) -> Result<Vec<BrokerAddr>, ClientError> {
        let info = self.cluster().await?;
        let wanted = |name: &str, data: &body::BrokerData| match place {
            Where::Everywhere => true,
            Where::Cluster(cluster) => {
                let names = info.cluster_addr_table.get(cluster);
                data.cluster == *cluster || names.is_some_and(|names| names.contains(name))
            }
            Where::Broker(broker_name) => name == broker_name,
        };
        let masters: Vec<BrokerAddr> = info
            .broker_addr_table
            .iter()
            .filter(|(name, data)| wanted(name, data))
            .filter_map(|(name, data)| {
                let addr = data.broker_addrs.get(&crate::route::MASTER_ID)?;
                Some(BrokerAddr {
                    cluster: data.cluster.clone(),
                    broker_name: Arc::from(name.as_str()),
                    addr: Arc::from(addr.as_str()),
                })
            })
            .collect();
        if masters.is_empty() {
            let (setting, value) = match place {
                Where::Everywhere => ("nameserver", String::new()),
                Where::Cluster(cluster) => ("cluster", cluster.clone()),
                Where::Broker(broker_name) => ("broker", broker_name.clone()),
            };
            let known: Vec<&str> = info.broker_addr_table.keys().map(String::as_str).collect();
            return Err(ClientError::Setting {
                setting,
                value,
                reason: format!(
                    "the nameserver lists no master there; brokers known: {}",
                    known.join(", ")
                ),
            });
        }
        Ok(masters)
    }

    async fn ask(
        &self,
        broker: &BrokerAddr,
        operation: &'static str,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let to = (&*broker.broker_name, &broker.addr);
        self.client.ask_broker(to, operation, code, header, body).await?.success()
    }
}
