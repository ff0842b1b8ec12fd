//! Consumer groups as they are configured (who is connected: `client_table.rs`).
use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashMap;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use remora_protocol::body::{DataVersion, SubscriptionGroupConfig};
use remora_protocol::names;
use remora_store::MetaLog;
use remora_store::meta_log::{Durability, MetaError};

use crate::meta::{self, Change};
use crate::quota::Quota;

/// Forbidden bits by topic, of one group (code 353).
pub type ForbiddenTopics = BTreeMap<String, i32>;

type Groups = AHashMap<Arc<str>, Arc<SubscriptionGroupConfig>>;

/// The table: read without a lock, changed one at a time.
#[derive(Debug)]
pub struct GroupTable {
    groups: ArcSwap<Groups>,
    forbidden: ArcSwap<AHashMap<String, ForbiddenTopics>>,
    /// Of the groups that have one and consume.
    quotas: Mutex<AHashMap<String, Arc<Quota>>>,
    meta: Arc<MetaLog>,
    version: Mutex<DataVersion>,
}

impl GroupTable {
    pub fn new(meta: Arc<MetaLog>) -> Self {
        Self {
            groups: ArcSwap::default(),
            forbidden: ArcSwap::default(),
            quotas: Mutex::default(),
            meta,
            version: Mutex::default(),
        }
    }

    /// Takes what was persisted or imported, without writing it.
    pub fn restore(
        &self,
        configs: Vec<SubscriptionGroupConfig>,
        forbidden: impl IntoIterator<Item = (String, ForbiddenTopics)>,
        version: DataVersion,
    ) {
        *self.version.lock() = version;
        let groups =
            configs.into_iter().map(|config| (config.group_name.as_str().into(), config.into()));
        self.groups.store(Arc::new(groups.collect()));
        self.forbidden.store(Arc::new(forbidden.into_iter().collect()));
    }

    /// The group's configuration, without a lock.
    pub fn find(&self, name: &str) -> Option<Arc<SubscriptionGroupConfig>> {
        self.groups.load().get(name).cloned()
    }

    /// The configuration; made with defaults where `create` allows it and the name is legal.
    /// Written to the page cache only: a group lost in a power cut is made again by its next
    /// request.
    pub fn find_or_create(
        &self,
        name: &str,
        create: AutoCreate,
    ) -> Option<Arc<SubscriptionGroupConfig>> {
        if let Some(config) = self.find(name) {
            return Some(config);
        }
        let allowed = create == AutoCreate::Any || names::is_system_group(name);
        if !allowed || names::check_group(name).is_err() {
            return None;
        }
        let mut version = self.version.lock();
        if let Some(config) = self.find(name) {
            return Some(config);
        }
        let config = plain_group(name);
        if let Err(error) = self.put_locked(&mut version, vec![config], Durability::PageCache) {
            tracing::error!(group = name, %error, "group not created");
            return None;
        }
        tracing::info!(group = name, "consumer group created");
        self.find(name)
    }

    /// What the group may pull and pop; `None` for nearly all.
    pub(crate) fn quota(&self, config: &SubscriptionGroupConfig) -> Option<Arc<Quota>> {
        if config.attributes.is_empty() { None } else { self.quota_of(config) }
    }

    #[cold]
    fn quota_of(&self, config: &SubscriptionGroupConfig) -> Option<Arc<Quota>> {
        let mut quotas = self.quotas.lock();
        let before = quotas.get(&config.group_name);
        // One that is no number came from a file: there is none.
        let quota = Quota::of_group(&config.attributes, before).unwrap_or_default();
        match &quota {
            Some(quota) => quotas.insert(config.group_name.clone(), quota.clone()),
            None => quotas.remove(&config.group_name),
        };
        quota
    }

    /// Every group, by name.
    pub fn all(&self) -> BTreeMap<Arc<str>, Arc<SubscriptionGroupConfig>> {
        self.groups.load().iter().map(|(name, config)| (name.clone(), config.clone())).collect()
    }

    pub fn len(&self) -> usize {
        self.groups.load().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn version(&self) -> DataVersion {
        self.version.lock().clone()
    }

    /// Creates or replaces groups, as durable as asked before the return.
    pub fn put(
        &self,
        configs: Vec<SubscriptionGroupConfig>,
        durability: Durability,
    ) -> Result<(), MetaError> {
        let mut version = self.version.lock();
        self.put_locked(&mut version, configs, durability)
    }

    /// Removes a group, on disk before the return; false where there was none.
    pub fn remove(&self, name: &str) -> Result<bool, MetaError> {
        let mut version = self.version.lock();
        if self.find(name).is_none() {
            return Ok(false);
        }
        let next = meta::bump(&version);
        let changes: [Change; 3] = [
            (format!("{}{name}", meta::GROUP), None),
            (format!("{}{name}", meta::FORBIDDEN), None),
            version_change(&next),
        ];
        meta::write(&self.meta, &changes, Durability::Disk)?;
        *version = next;
        let mut groups = Groups::clone(&self.groups.load());
        groups.remove(name);
        self.quotas.lock().remove(name);
        self.groups.store(Arc::new(groups));
        Ok(true)
    }

    /// Forbidden bits of a group in a topic, as in a topic's permissions: `perm::READ` forbids
    /// reading.
    pub fn forbidden(&self, group: &str, topic: &str) -> i32 {
        let table = self.forbidden.load();
        table.get(group).and_then(|topics| topics.get(topic)).copied().unwrap_or(0)
    }

    /// Every group with forbidden topics.
    pub fn all_forbidden(&self) -> BTreeMap<String, ForbiddenTopics> {
        self.forbidden
            .load()
            .iter()
            .map(|(group, topics)| (group.clone(), topics.clone()))
            .collect()
    }

    /// Sets the forbidden bits of a group in a topic (0 allows everything again), on disk before
    /// the return.
    pub fn set_forbidden(&self, group: &str, topic: &str, bits: i32) -> Result<(), MetaError> {
        let mut version = self.version.lock();
        let mut table = AHashMap::clone(&self.forbidden.load());
        let topics = table.entry(group.to_owned()).or_default();
        if bits == 0 {
            topics.remove(topic);
        } else {
            topics.insert(topic.to_owned(), bits);
        }
        let value = (!topics.is_empty()).then(|| meta::to_json(topics));
        if value.is_none() {
            table.remove(group);
        }
        let next = meta::bump(&version);
        let changes = [(format!("{}{group}", meta::FORBIDDEN), value), version_change(&next)];
        meta::write(&self.meta, &changes, Durability::Disk)?;
        *version = next;
        self.forbidden.store(Arc::new(table));
        Ok(())
    }

    fn put_locked(
        &self,
        version: &mut DataVersion,
        configs: Vec<SubscriptionGroupConfig>,
        durability: Durability,
    ) -> Result<(), MetaError> {
        let next = meta::bump(version);
        let mut changes: Vec<Change> = configs.iter().map(config_change).collect();
        changes.push(version_change(&next));
        meta::write(&self.meta, &changes, durability)?;
        *version = next;
        let mut groups = Groups::clone(&self.groups.load());
        for config in configs {
            groups.insert(config.group_name.as_str().into(), config.into());
        }
        self.groups.store(Arc::new(groups));
        Ok(())
    }
}

/// Which groups may be made by a heartbeat or a pull.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AutoCreate {
    Any,
    /// Only Apache's own groups (`CID_RMQ_SYS_…`).
    SystemOnly,
}

/// A group with Apache's defaults.
pub fn plain_group(name: &str) -> SubscriptionGroupConfig {
    SubscriptionGroupConfig { group_name: name.to_owned(), ..SubscriptionGroupConfig::default() }
}

fn config_change(config: &SubscriptionGroupConfig) -> Change {
    (format!("{}{}", meta::GROUP, config.group_name), Some(meta::to_json(config)))
}

fn version_change(version: &DataVersion) -> Change {
    (meta::VERSION_GROUPS.to_owned(), Some(meta::to_json(version)))
}
