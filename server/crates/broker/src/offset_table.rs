//! How far each consumer group has come: (group, topic, queue id) to queue offset.
//!
//! Kept in memory, written to the metadata log by `take_changes` every few seconds and at the stop.
//! Nothing here does IO; a commit takes one short lock of one shard.
use std::collections::BTreeMap;

use ahash::{AHashMap, RandomState};
use parking_lot::Mutex;

/// Chosen: a power of two well above the number of IO shards.
const SHARD_COUNT: usize = 16;

/// No connection: what is popped belongs to messages, not to a queue's reader.
pub const NOBODY: u64 = 0;

/// Where one group stands in one queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Next queue offset to consume; `None` until the group commits.
    pub committed: Option<i64>,
    /// Next queue offset to pull, as last answered; -1 before the first pull.
    pub pulled: i64,
    /// The connection whose pull was answered last; `NOBODY` before the first.
    pub owner: u64,
    /// The owner has committed since the group's members changed: it may have given the queue up.
    pub is_released: bool,
    /// Since the last look.
    pub was_pulled: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self { committed: None, pulled: -1, owner: NOBODY, is_released: false, was_pulled: false }
    }
}

/// One queue of a group.
#[derive(Clone, Copy, Debug)]
struct Entry {
    progress: Progress,
    /// Where what the group has read is counted from: its first offset, moved with every reset.
    counted_from: i64,
}

#[derive(Debug, Default)]
struct TopicProgress {
    queues: BTreeMap<i32, Entry>,
    changed: bool,
}

type Groups = AHashMap<String, AHashMap<String, TopicProgress>>;

/// Committed offsets of one (topic, group): queue id to queue offset.
pub type QueueOffsets = BTreeMap<i32, i64>;

/// One change to write: `topic@group`, and its offsets, or `None` when deleted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OffsetChange {
    pub key: String,
    pub offsets: Option<QueueOffsets>,
}

/// The table.
#[derive(Debug)]
pub struct OffsetTable {
    shards: Vec<Mutex<Groups>>,
    deleted: Mutex<Vec<String>>,
    hasher: RandomState,
}

impl Default for OffsetTable {
    fn default() -> Self {
        Self {
            shards: (0..SHARD_COUNT).map(|_| Mutex::default()).collect(),
            deleted: Mutex::default(),
            hasher: RandomState::new(),
        }
    }
}

impl OffsetTable {
    /// Records that the group has consumed everything before `queue_offset`.
    pub fn commit(&self, group: &str, topic: &str, queue_id: i32, queue_offset: i64) {
        self.change(group, topic, |progress| {
            let entry = progress.queues.entry(queue_id).or_insert_with(|| new_at(queue_offset));
            entry.progress.committed = Some(queue_offset);
            progress.changed = true;
        });
    }

    /// As `commit`, by an administrator: what was pulled before counts no more, and the move itself
    /// is not counted as read.
    pub fn reset(&self, group: &str, topic: &str, queue_id: i32, queue_offset: i64) {
        self.change(group, topic, |progress| {
            let entry = progress.queues.entry(queue_id).or_insert_with(|| new_at(queue_offset));
            let read = entry.read();
            entry.progress.committed = Some(queue_offset);
            entry.progress.pulled = entry.progress.pulled.min(queue_offset);
            entry.counted_from = queue_offset.saturating_sub(read);
            progress.changed = true;
        });
    }

    /// As `commit`, by this connection, apart from any pull; true where it is the queue's owner.
    pub fn commit_by(
        &self,
        owner: u64,
        group: &str,
        topic: &str,
        queue_id: i32,
        queue_offset: i64,
    ) -> bool {
        let mut is_owner = false;
        self.change(group, topic, |progress| {
            let entry = progress.queues.entry(queue_id).or_insert_with(|| new_at(queue_offset));
            entry.progress.committed = Some(queue_offset);
            is_owner = entry.progress.release_by(owner);
            progress.changed = true;
        });
        is_owner
    }

    /// This connection has committed, what it said was dropped; true where it is the queue's owner.
    pub fn release_by(&self, owner: u64, group: &str, topic: &str, queue_id: i32) -> bool {
        let mut shard = self.shard(group).lock();
        let topics = shard.get_mut(group).and_then(|topics| topics.get_mut(topic));
        let entry = topics.and_then(|topic| topic.queues.get_mut(&queue_id));
        entry.is_some_and(|entry| entry.progress.release_by(owner))
    }

    /// Records what a pull was told to ask for next, and whose it was: shown to operators, not
    /// persisted. `first` gives where the pull itself began.
    pub fn pulled(
        &self,
        owner: u64,
        group: &str,
        topic: &str,
        queue_id: i32,
        queue_offset: i64,
        first: impl FnOnce() -> i64,
    ) {
        self.change(group, topic, |progress| {
            let entry = progress.queues.entry(queue_id).or_insert_with(|| new_at(first()));
            let queue = &mut entry.progress;
            (queue.pulled, queue.owner, queue.was_pulled) = (queue_offset, owner, true);
        });
    }

    /// The group's members changed: what owners have committed so far is not their last word.
    pub fn hold_back(&self, group: &str) {
        let mut shard = self.shard(group).lock();
        let topics = shard.get_mut(group).into_iter().flat_map(|topics| topics.values_mut());
        for entry in topics.flat_map(|topic| topic.queues.values_mut()) {
            entry.progress.is_released = false;
        }
    }

    /// Where the group stands in one queue, and whether it was pulled since the last look.
    pub fn look(&self, group: &str, topic: &str, queue_id: i32) -> (Progress, bool) {
        let mut shard = self.shard(group).lock();
        let topics = shard.get_mut(group).and_then(|topics| topics.get_mut(topic));
        let entry = topics.and_then(|topic| topic.queues.get_mut(&queue_id));
        let Some(Entry { progress, .. }) = entry else { return (Progress::default(), false) };
        let was_pulled = std::mem::take(&mut progress.was_pulled);
        (*progress, was_pulled)
    }

    /// Where the group stands in one queue.
    pub fn progress(&self, group: &str, topic: &str, queue_id: i32) -> Progress {
        self.shard(group)
            .lock()
            .get(group)
            .and_then(|topics| topics.get(topic))
            .and_then(|progress| progress.queues.get(&queue_id))
            .map(|entry| entry.progress)
            .unwrap_or_default()
    }

    pub fn committed(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        self.progress(group, topic, queue_id).committed
    }

    /// Every committed offset of one group in one topic.
    pub fn offsets(&self, group: &str, topic: &str) -> QueueOffsets {
        let shard = self.shard(group).lock();
        shard
            .get(group)
            .and_then(|topics| topics.get(topic))
            .map(TopicProgress::committed)
            .unwrap_or_default()
    }

    /// Topics in which a group has committed something.
    pub fn topics_of(&self, group: &str) -> Vec<String> {
        self.topics_where(group, TopicProgress::has_committed)
    }

    /// Topics that a group has pulled from, whether it has committed something or not.
    pub fn topics_read_by(&self, group: &str) -> Vec<String> {
        self.topics_where(group, |_| true)
    }

    fn topics_where(&self, group: &str, keep: impl Fn(&TopicProgress) -> bool) -> Vec<String> {
        let shard = self.shard(group).lock();
        let topics = shard.get(group).into_iter().flatten();
        let kept = topics.filter(|(_, progress)| keep(progress)).map(|(topic, _)| topic.clone());
        let mut names: Vec<String> = kept.collect();
        names.sort_unstable();
        names
    }

    /// Groups that have committed something in a topic.
    pub fn groups_of(&self, topic: &str) -> Vec<String> {
        let mut names = Vec::new();
        for shard in &self.shards {
            for (group, topics) in shard.lock().iter() {
                if topics.get(topic).is_some_and(TopicProgress::has_committed) {
                    names.push(group.clone());
                }
            }
        }
        names.sort_unstable();
        names
    }

    pub fn remove_group(&self, group: &str) {
        let Some(topics) = self.shard(group).lock().remove(group) else { return };
        self.deleted.lock().extend(topics.keys().map(|topic| key_of(topic, group)));
    }

    pub fn remove_topic(&self, topic: &str) {
        for shard in &self.shards {
            for (group, topics) in shard.lock().iter_mut() {
                if topics.remove(topic).is_some() {
                    self.deleted.lock().push(key_of(topic, group));
                }
            }
        }
    }

    /// Puts back what was read from the metadata log or an imported file: not a change.
    pub fn restore(&self, key: &str, offsets: &QueueOffsets) {
        let Some((topic, group)) = key.split_once('@') else { return };
        self.change(group, topic, |progress| {
            for (queue_id, queue_offset) in offsets {
                let entry = progress.queues.entry(*queue_id);
                let entry = entry.or_insert_with(|| new_at(*queue_offset));
                entry.progress.committed = Some(*queue_offset);
            }
        });
    }

    /// Marks everything as to be written again: after an import, or a write that failed.
    pub fn mark_changed(&self) {
        for shard in &self.shards {
            for progress in shard.lock().values_mut().flat_map(|topics| topics.values_mut()) {
                progress.changed = true;
            }
        }
    }

    /// What changed since the last call, deletions first.
    pub fn take_changes(&self) -> Vec<OffsetChange> {
        let deleted = std::mem::take(&mut *self.deleted.lock());
        let mut changes: Vec<OffsetChange> =
            deleted.into_iter().map(|key| OffsetChange { key, offsets: None }).collect();
        self.each(|group, topic, progress| {
            if std::mem::take(&mut progress.changed) {
                let offsets = Some(progress.committed());
                changes.push(OffsetChange { key: key_of(topic, group), offsets });
            }
        });
        changes
    }

    /// Everything committed, by `topic@group`: code 43 and the exported file.
    pub fn all(&self) -> BTreeMap<String, QueueOffsets> {
        let mut table = BTreeMap::new();
        self.each(|group, topic, progress| {
            if progress.has_committed() {
                table.insert(key_of(topic, group), progress.committed());
            }
        });
        table
    }

    /// What each `topic@group` has read over its queues, pulled or committed, since this start.
    pub fn read_sums(&self) -> Vec<(String, i64)> {
        let mut sums = Vec::new();
        self.each(|group, topic, progress| {
            let reads = progress.queues.values().map(Entry::read);
            sums.push((key_of(topic, group), reads.fold(0, i64::saturating_add)));
        });
        sums
    }

    /// The same of one queue.
    pub fn read_of(&self, group: &str, topic: &str, queue_id: i32) -> i64 {
        let shard = self.shard(group).lock();
        let progress = shard.get(group).and_then(|topics| topics.get(topic));
        progress.and_then(|progress| progress.queues.get(&queue_id)).map_or(0, Entry::read)
    }

    fn each(&self, mut visit: impl FnMut(&str, &str, &mut TopicProgress)) {
        for shard in &self.shards {
            for (group, topics) in shard.lock().iter_mut() {
                for (topic, progress) in topics.iter_mut() {
                    visit(group, topic, progress);
                }
            }
        }
    }

    /// Allocates the names only when the group or topic is new to the table.
    fn change(&self, group: &str, topic: &str, change: impl FnOnce(&mut TopicProgress)) {
        let mut shard = self.shard(group).lock();
        if let Some(progress) = shard.get_mut(group).and_then(|topics| topics.get_mut(topic)) {
            return change(progress);
        }
        let topics = shard.entry(group.to_owned()).or_default();
        change(topics.entry(topic.to_owned()).or_default());
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of shards")]
    fn shard(&self, group: &str) -> &Mutex<Groups> {
        let hash = usize::try_from(self.hasher.hash_one(group) & 0xffff).unwrap_or(0);
        &self.shards[hash % SHARD_COUNT]
    }
}

impl TopicProgress {
    fn has_committed(&self) -> bool {
        self.queues.values().any(|entry| entry.progress.committed.is_some())
    }

    fn committed(&self) -> QueueOffsets {
        self.queues
            .iter()
            .filter_map(|(queue_id, entry)| Some((*queue_id, entry.progress.committed?)))
            .collect()
    }
}

impl Progress {
    /// True where this is the owner.
    fn release_by(&mut self, owner: u64) -> bool {
        let is_owner = self.owner == owner;
        self.is_released |= is_owner;
        is_owner
    }
}

impl Entry {
    /// Messages read, pulled or committed.
    fn read(&self) -> i64 {
        let Progress { committed, pulled, .. } = self.progress;
        committed.unwrap_or(0).max(pulled).saturating_sub(self.counted_from).max(0)
    }
}

fn new_at(queue_offset: i64) -> Entry {
    Entry { progress: Progress::default(), counted_from: queue_offset }
}

/// Apache's key of the offset table: the topic, `@`, the group (neither may contain `@`).
fn key_of(topic: &str, group: &str) -> String {
    format!("{topic}@{group}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_offset_is_read_back_and_reported_as_one_change() {
        let table = OffsetTable::default();
        table.commit("g", "t", 1, 10);
        table.commit("g", "t", 0, 3);
        table.commit("g", "t", 1, 12);
        assert_eq!(table.committed("g", "t", 1), Some(12));
        assert_eq!(table.committed("g", "t", 2), None);
        let offsets = QueueOffsets::from([(0, 3), (1, 12)]);
        let change = OffsetChange { key: "t@g".into(), offsets: Some(offsets.clone()) };
        assert_eq!(table.take_changes(), [change]);
        assert_eq!(table.take_changes(), []);
        assert_eq!(table.all(), BTreeMap::from([("t@g".to_owned(), offsets)]));
    }

    #[test]
    fn pulling_is_not_committing() {
        let table = OffsetTable::default();
        table.pulled(7, "g", "t", 0, 5, || 3);
        let pulled = Progress { pulled: 5, owner: 7, was_pulled: true, ..Progress::default() };
        assert_eq!(table.progress("g", "t", 0), pulled);
        assert_eq!(table.take_changes(), []);
        assert_eq!(table.topics_of("g"), Vec::<String>::new());
    }

    #[test]
    fn reading_is_counted_from_the_first_pull_and_over_resets() {
        let table = OffsetTable::default();
        table.pulled(7, "g", "t", 0, 1_010, || 1_000);
        assert_eq!(table.read_sums(), [("t@g".to_owned(), 10)]);
        table.commit("g", "t", 0, 1_008);
        table.reset("g", "t", 0, 0);
        assert_eq!(
            table.progress("g", "t", 0),
            Progress {
                committed: Some(0),
                pulled: 0,
                owner: 7,
                was_pulled: true,
                ..Progress::default()
            }
        );
        assert_eq!(table.read_of("g", "t", 0), 10);
        table.pulled(7, "g", "t", 0, 5, || 0);
        assert_eq!(table.read_of("g", "t", 0), 15);
        table.restore("t@h", &QueueOffsets::from([(0, 7)]));
        assert_eq!(table.read_of("h", "t", 0), 0);
    }

    #[test]
    fn deleting_a_group_or_topic_is_written_as_a_deletion() {
        let table = OffsetTable::default();
        table.commit("g", "t", 0, 1);
        table.commit("h", "t", 0, 2);
        table.commit("h", "u", 0, 3);
        table.take_changes();
        table.remove_group("g");
        table.remove_topic("t");
        let mut changes = table.take_changes();
        changes.sort_by(|left, right| left.key.cmp(&right.key));
        let gone = |key: &str| OffsetChange { key: key.into(), offsets: None };
        assert_eq!(changes, [gone("t@g"), gone("t@h")]);
        assert_eq!(table.topics_of("h"), ["u"]);
    }

    #[test]
    fn restored_offsets_are_not_changes() {
        let table = OffsetTable::default();
        table.restore("t@g", &QueueOffsets::from([(0, 7)]));
        assert_eq!(table.committed("g", "t", 0), Some(7));
        assert_eq!(table.groups_of("t"), ["g"]);
        assert_eq!(table.take_changes(), []);
    }
}
