//! What the builders of producers and consumers share.
use super::{Client, ClientBuilder};
use crate::error::ClientError;
use crate::limits;

/// Settings of a member of a group: its client here, the rest in `S`. Only a nameserver (or a
/// client) must be given, unless the kind of member says more.
#[derive(Clone, Debug)]
pub struct MemberBuilder<S> {
    pub(crate) group: String,
    client: Option<Client>,
    own_client: ClientBuilder,
    pub(crate) own: S,
}

/// The client of a new member.
#[derive(Debug)]
pub(crate) struct MemberClient {
    pub(crate) client: Client,
    /// It was made for the member, and ends with it.
    pub(crate) is_own: bool,
}

impl<S> MemberBuilder<S> {
    pub(crate) fn new(group: String, own: S) -> Self {
        Self { group, client: None, own_client: Client::builder(), own }
    }

    /// `host:port`, or several separated by `;`.
    #[must_use]
    pub fn nameserver(mut self, addrs: impl Into<String>) -> Self {
        self.own_client = self.own_client.nameserver(addrs);
        self
    }

    /// Settings of the client that it makes for itself.
    #[must_use]
    pub fn client_settings(mut self, settings: ClientBuilder) -> Self {
        self.own_client = settings;
        self
    }

    /// As [`ClientBuilder::namespace`], for the client that it makes for itself.
    #[must_use]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.own_client = self.own_client.namespace(namespace);
        self
    }

    /// Uses the connections of a client that is there already; it stays open at shutdown. One
    /// client can hold one consumer of a group.
    #[must_use]
    pub fn client(mut self, client: &Client) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// Gives the client that it makes for itself a name, unless it has one.
    pub(crate) fn name_own_client(&mut self, name: &str) {
        if !self.own_client.has_instance_name() {
            self.own_client = std::mem::take(&mut self.own_client).instance_name(name);
        }
    }

    /// Connects. Group, client and the rest.
    ///
    /// # Errors
    /// `Setting` for an illegal group or address, `NameserverUnreachable`.
    pub(crate) async fn connect(self) -> Result<(String, MemberClient, S), ClientError> {
        limits::check_group(&self.group)?;
        let member = match self.client {
            Some(client) => MemberClient { client, is_own: false },
            None => MemberClient { client: self.own_client.start().await?, is_own: true },
        };
        let group = member.client.full_name(&self.group).to_string();
        limits::check_group(&group)?;
        Ok((group, member, self.own))
    }
}
