//! The topics of this broker: configuration, resolved queues, counters.
//!
//! Looked up without a lock: readers load a snapshot of one shard of the map, changes replace it.
//! A change is on disk (MetaLog) before it is visible.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ahash::{AHashMap, RandomState};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use remora_protocol::body::{DataVersion, TopicConfig};
use remora_protocol::names;
use remora_store::meta_log::{Durability, MetaError};
use remora_store::{MetaLog, QueueRef, Store};

use crate::meta::{self, Change};
use crate::metrics::TopicTotals;
use crate::perm;
use crate::topic_rules::TopicRules;

/// Chosen: creating one of 100,000 topics copies under 2,000 entries.
const SHARD_COUNT: usize = 64;

/// Topic attribute, ours: "false" has a message stored as often as it is sent.
const DEDUPLICATE: &str = "remora.deduplicate";

type Shard = AHashMap<Arc<str>, Arc<Topic>>;

/// One topic. A changed configuration makes a new `Topic` that shares the counters.
#[derive(Debug)]
pub struct Topic {
    pub name: Arc<str>,
    pub config: TopicConfig,
    pub counters: Arc<TopicCounters>,
    /// What it asks of its messages beyond the usual, if anything.
    pub(crate) rules: Option<Box<TopicRules>>,
    /// The topic is a group's, for messages that it did not consume.
    pub is_retry: bool,
    /// A producer's own retry of a message that is stored gets the first answer.
    pub deduplicates: bool,
    /// Resolved on first use; an index is a queue id.
    queues: Box<[OnceLock<QueueRef>]>,
    next_queue: AtomicU32,
}

/// Totals of one topic since the start. Plain atomics: added to once a turn, and there may be many
/// topics.
#[derive(Debug, Default)]
pub struct TopicCounters {
    messages_in: AtomicU64,
    bytes_in: AtomicU64,
    messages_out: AtomicU64,
    bytes_out: AtomicU64,
}

impl TopicCounters {
    pub(crate) fn count_in(&self, messages: u64, bytes: u64) {
        self.messages_in.fetch_add(messages, Ordering::Relaxed);
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn count_out(&self, messages: u64, bytes: u64) {
        self.messages_out.fetch_add(messages, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    pub fn totals(&self) -> TopicTotals {
        TopicTotals {
            messages_in: self.messages_in.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            messages_out: self.messages_out.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
        }
    }
}

impl Topic {
    /// What the topic of this name before it has counted goes on.
    fn new(config: TopicConfig, before: Option<&Self>) -> Self {
        let rules_before = before.and_then(|topic| topic.rules.as_deref());
        // An administrator's are checked before; these are from a file.
        let rules = TopicRules::of(&config, rules_before).unwrap_or_else(|error| {
            tracing::error!(topic = config.topic_name, %error, "attributes of the topic ignored");
            TopicRules::of(&plain_topic(&config.topic_name, 0, 0), None).unwrap_or_default()
        });
        let queue_count = config.read_queue_nums.max(config.write_queue_nums);
        let queue_count = usize::try_from(queue_count).unwrap_or(0);
        Self {
            name: config.topic_name.as_str().into(),
            rules,
            is_retry: names::is_retry_topic(&config.topic_name),
            deduplicates: config.attributes.get(DEDUPLICATE).is_none_or(|is| is != "false"),
            config,
            counters: before.map(|topic| topic.counters.clone()).unwrap_or_default(),
            queues: std::iter::repeat_with(OnceLock::new).take(queue_count).collect(),
            next_queue: AtomicU32::new(0),
        }
    }

    /// Number of queues that exist for reading or writing.
    pub fn queue_count(&self) -> usize {
        self.queues.len()
    }

    /// The queue, resolved once; `None` where the id is out of range.
    pub fn queue(&self, store: &Store, queue_id: i32) -> Option<&QueueRef> {
        let cell = self.queues.get(usize::try_from(queue_id).ok()?)?;
        Some(cell.get_or_init(|| store.queue(&self.name, queue_id)))
    }

    /// Queues that somebody has used.
    pub(crate) fn resolved_queues(&self) -> impl Iterator<Item = &QueueRef> {
        self.queues.iter().filter_map(OnceLock::get)
    }

    /// A queue for a message that names none: round robin over the writable ones.
    pub fn any_write_queue_id(&self) -> i32 {
        let count = u32::try_from(self.config.write_queue_nums).unwrap_or(0);
        if count == 0 {
            return 0;
        }
        let turn = self.next_queue.fetch_add(1, Ordering::Relaxed);
        i32::try_from(turn % count).unwrap_or(0)
    }
}

/// What an automatic creation needs of the request and the settings.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// Normally TBW102; any topic with the inherit bit will do.
    pub default_topic: &'a str,
    pub queue_count_asked: i32,
    pub topic_sys_flag: i32,
}

/// The table.
#[derive(Debug)]
pub struct TopicTable {
    shards: Vec<ArcSwap<Shard>>,
    hasher: RandomState,
    meta: Arc<MetaLog>,
    /// Held while a change is written and published: changes are one at a time. Never taken on the
    /// send or pull path.
    changing: Mutex<Changing>,
    changed: tokio::sync::Notify,
}

/// What changes of the table go through.
#[derive(Debug, Default)]
struct Changing {
    version: DataVersion,
    /// Created or changed, and no nameserver was told; `None` where they are too many to list.
    untold: Option<BTreeSet<Arc<str>>>,
    untold_removals: bool,
}

/// Changes that are listed for the registration; past it the whole table is told. Chosen: one by
/// one they cost the nameserver about as much as 10,000 topics at once.
pub(crate) const CHANGES_MAX: usize = 512;

/// What a round of the registration is about to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Untold {
    /// The whole table, removals by what is missing.
    Everything,
    Created,
}

/// Changes since the last look.
#[derive(Debug)]
pub(crate) struct Changes {
    /// Change counter of the table.
    pub counter: i64,
    /// Topics created or changed; `None` where they are too many to list.
    pub topics: Option<Vec<String>>,
}

impl TopicTable {
    /// An empty table over the metadata log; `restore` fills it.
    pub fn new(meta: Arc<MetaLog>) -> Self {
        Self {
            shards: (0..SHARD_COUNT).map(|_| ArcSwap::default()).collect(),
            hasher: RandomState::new(),
            meta,
            changing: Mutex::new(Changing { untold: Some(BTreeSet::new()), ..Changing::default() }),
            changed: tokio::sync::Notify::new(),
        }
    }

    /// Takes what was persisted or imported, without writing it.
    pub fn restore(&self, configs: Vec<TopicConfig>, version: DataVersion) {
        self.changing.lock().version = version;
        self.publish(configs);
    }

    /// The topic, without a lock.
    pub fn find(&self, name: &str) -> Option<Arc<Topic>> {
        self.shard(name).load().get(name).cloned()
    }

    pub fn contains(&self, name: &str) -> bool {
        self.shard(name).load().contains_key(name)
    }

    /// Every topic, by name.
    pub fn all(&self) -> BTreeMap<Arc<str>, Arc<Topic>> {
        let mut topics = BTreeMap::new();
        for shard in &self.shards {
            for (name, topic) in shard.load().iter() {
                topics.insert(name.clone(), topic.clone());
            }
        }
        topics
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.load().len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn version(&self) -> DataVersion {
        self.changing.lock().version.clone()
    }

    /// Takes the changes that no nameserver was told of yet; those removed only by one who tells
    /// everything.
    pub(crate) fn take_changes(&self, told: Untold) -> Changes {
        let mut changing = self.changing.lock();
        if told == Untold::Everything {
            changing.untold_removals = false;
        }
        let topics = changing.untold.replace(BTreeSet::new());
        Changes {
            counter: changing.version.counter,
            topics: topics.map(|topics| topics.iter().map(ToString::to_string).collect()),
        }
    }

    pub(crate) fn has_untold_removals(&self) -> bool {
        self.changing.lock().untold_removals
    }

    /// Waits until a topic was created, changed or deleted since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Creates or replaces topics, as durable as asked before the return.
    pub fn put(&self, configs: Vec<TopicConfig>, durability: Durability) -> Result<(), MetaError> {
        let mut changing = self.changing.lock();
        self.put_locked(&mut changing, configs, durability)
    }

    /// Adds a topic that does not exist yet; returns the one that is there in the end.
    pub fn put_if_absent(
        &self,
        config: TopicConfig,
        durability: Durability,
    ) -> Result<Option<Arc<Topic>>, MetaError> {
        let name = config.topic_name.clone();
        let mut changing = self.changing.lock();
        if !self.contains(&name) {
            self.put_locked(&mut changing, vec![config], durability)?;
        }
        drop(changing);
        Ok(self.find(&name))
    }

    /// Adds those topics that do not exist yet, all in one write that is as durable as asked before
    /// the return.
    pub fn create(
        &self,
        mut configs: Vec<TopicConfig>,
        durability: Durability,
    ) -> Result<(), MetaError> {
        let mut changing = self.changing.lock();
        configs.retain(|config| !self.contains(&config.topic_name));
        if configs.is_empty() {
            return Ok(());
        }
        for config in &configs {
            tracing::info!(
                topic = config.topic_name,
                queue_count = config.write_queue_nums,
                "topic created"
            );
        }
        self.put_locked(&mut changing, configs, durability)
    }

    /// A topic in the image of the template; `None` where the template does not exist or may not be
    /// inherited.
    pub fn in_image_of(&self, name: &str, template: &Template<'_>) -> Option<TopicConfig> {
        let default_topic = self.find(template.default_topic)?;
        let inherited = &default_topic.config;
        if !perm::is_inherited(inherited.perm) {
            return None;
        }
        let queue_count = template.queue_count_asked.min(inherited.write_queue_nums).max(0);
        Some(TopicConfig {
            topic_filter_type: inherited.topic_filter_type,
            topic_sys_flag: template.topic_sys_flag,
            ..plain_topic(name, queue_count, inherited.perm & !perm::INHERIT)
        })
    }

    /// Removes a topic, on disk before the return; false where there was none.
    pub fn remove(&self, name: &str) -> Result<bool, MetaError> {
        let mut changing = self.changing.lock();
        if !self.contains(name) {
            return Ok(false);
        }
        let next = meta::bump(&changing.version);
        let changes: [Change; 2] =
            [(format!("{}{name}", meta::TOPIC), None), version_change(&next)];
        meta::write(&self.meta, &changes, Durability::Disk)?;
        changing.version = next;
        changing.untold_removals = true;
        self.shard(name).rcu(|shard| {
            let mut shard = Shard::clone(shard);
            shard.remove(name);
            shard
        });
        drop(changing);
        self.changed.notify_one();
        Ok(true)
    }

    fn put_locked(
        &self,
        changing: &mut Changing,
        configs: Vec<TopicConfig>,
        durability: Durability,
    ) -> Result<(), MetaError> {
        let next = meta::bump(&changing.version);
        let mut changes: Vec<Change> = configs.iter().map(config_change).collect();
        changes.push(version_change(&next));
        meta::write(&self.meta, &changes, durability)?;
        changing.version = next;
        for topic in self.publish(configs) {
            changing.note(&topic.name);
        }
        self.changed.notify_one();
        Ok(())
    }

    /// Shows topics to readers: each shard of the map is copied once, however many they are.
    fn publish(&self, configs: Vec<TopicConfig>) -> Vec<Arc<Topic>> {
        let mut by_shard: BTreeMap<usize, Vec<Arc<Topic>>> = BTreeMap::new();
        for config in configs {
            let known = self.find(&config.topic_name);
            let topic = Arc::new(Topic::new(config, known.as_deref()));
            by_shard.entry(self.shard_index(&topic.name)).or_default().push(topic);
        }
        for (index, topics) in &by_shard {
            let Some(shard) = self.shards.get(*index) else { continue };
            shard.rcu(|shard| {
                let mut shard = Shard::clone(shard);
                shard.extend(topics.iter().map(|topic| (topic.name.clone(), topic.clone())));
                shard
            });
        }
        by_shard.into_values().flatten().collect()
    }

    fn shard_index(&self, name: &str) -> usize {
        usize::try_from(self.hasher.hash_one(name) & 0xffff).unwrap_or(0) % SHARD_COUNT
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of shards")]
    fn shard(&self, name: &str) -> &ArcSwap<Shard> {
        &self.shards[self.shard_index(name)]
    }
}

impl Changing {
    fn note(&mut self, topic: &Arc<str>) {
        let Some(topics) = &mut self.untold else { return };
        topics.insert(topic.clone());
        if topics.len() > CHANGES_MAX {
            self.untold = None;
        }
    }
}

/// A topic without attributes.
pub fn plain_topic(name: &str, queue_count: i32, perm: i32) -> TopicConfig {
    TopicConfig {
        topic_name: name.to_owned(),
        read_queue_nums: queue_count,
        write_queue_nums: queue_count,
        perm,
        ..TopicConfig::default()
    }
}

fn config_change(config: &TopicConfig) -> Change {
    (format!("{}{}", meta::TOPIC, config.topic_name), Some(meta::to_json(config)))
}

fn version_change(version: &DataVersion) -> Change {
    (meta::VERSION_TOPICS.to_owned(), Some(meta::to_json(version)))
}
