//! What is known about one key.
use crate::kind::Kind;
use crate::settings::Settings;

/// Which role a key belongs to: codes 25/26 show `Broker`, 318/319 show `Nameserver`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Broker,
    Nameserver,
    /// The whole program: logs, HTTP, memory. Never shown to or changed by peers.
    Process,
}

/// When a new value counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// At once, by codes 25 and 318 as well.
    Runtime,
    /// Taken and shown by codes 25 and 318, in force after a restart.
    Restart,
    /// Only from a file, the environment or a flag: identity, paths and addresses, which no peer
    /// may choose for us.
    Fixed,
}

/// One row of the table in `settings.rs`.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Field of `Settings`.
    pub field: &'static str,
    /// Name in TOML, "section.key"; flags and environment names are made from it.
    pub toml: &'static str,
    /// Apache's name in `broker.conf` and codes 25/26; empty where Apache has no such key.
    pub apache: &'static str,
    pub scope: Scope,
    pub change: Change,
    pub kind: Kind,
    pub meaning: &'static str,
    pub(crate) set: fn(&mut Settings, &Kind, &str) -> bool,
    pub(crate) render: fn(&Settings) -> String,
}

impl Key {
    /// `store.flush` is `REMORA_STORE_FLUSH`.
    pub fn env(&self) -> String {
        format!("REMORA_{}", self.toml.replace('.', "_").to_ascii_uppercase())
    }

    /// The name that peers use: Apache's, or ours where Apache has none.
    pub fn wire_name(&self) -> &'static str {
        if self.apache.is_empty() { self.toml } else { self.apache }
    }

    /// The value in `settings`, as text that `parse` takes.
    pub fn value(&self, settings: &Settings) -> String {
        (self.render)(settings)
    }
}
