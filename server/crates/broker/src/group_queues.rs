//! One thing for each queue that a consumer group reads, by group, topic and queue id; and which of
//! them changed, for who writes them down. Pure: no clock, no IO.
//!
//! In shards by group: a step takes one short lock of one shard.
use std::collections::BTreeMap;

use ahash::{AHashMap, RandomState};
use parking_lot::Mutex;

/// Chosen: a power of two well above the number of IO shards.
const SHARD_COUNT: usize = 16;

/// The queues of one topic that a group reads, by queue id.
#[derive(Debug)]
pub struct TopicQueues<Q> {
    pub queues: BTreeMap<i32, Q>,
    /// To be written.
    pub changed: bool,
}

impl<Q> Default for TopicQueues<Q> {
    fn default() -> Self {
        Self { queues: BTreeMap::new(), changed: false }
    }
}

type Topics<Q> = AHashMap<String, TopicQueues<Q>>;
type Groups<Q> = AHashMap<String, Topics<Q>>;

/// One change to write: `topic@group`, and what is kept of its queues, or `None` when deleted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change<S> {
    pub key: String,
    pub queues: Option<BTreeMap<i32, S>>,
}

/// The table.
#[derive(Debug)]
pub struct GroupQueues<Q> {
    shards: Vec<Mutex<Groups<Q>>>,
    deleted: Mutex<Vec<String>>,
    hasher: RandomState,
}

impl<Q> Default for GroupQueues<Q> {
    fn default() -> Self {
        Self {
            shards: (0..SHARD_COUNT).map(|_| Mutex::default()).collect(),
            deleted: Mutex::default(),
            hasher: RandomState::new(),
        }
    }
}

impl<Q> GroupQueues<Q> {
    /// One step on a topic, made where it is not there. Allocates the names only then.
    pub fn change<T>(
        &self,
        group: &str,
        topic: &str,
        change: impl FnOnce(&mut TopicQueues<Q>) -> T,
    ) -> T {
        let mut shard = self.shard(group).lock();
        if let Some(queues) = shard.get_mut(group).and_then(|topics| topics.get_mut(topic)) {
            return change(queues);
        }
        let topics = shard.entry(group.to_owned()).or_default();
        change(topics.entry(topic.to_owned()).or_default())
    }

    /// One step on a topic; `None` where it is not there.
    pub fn find<T>(
        &self,
        group: &str,
        topic: &str,
        step: impl FnOnce(&mut TopicQueues<Q>) -> T,
    ) -> Option<T> {
        let mut shard = self.shard(group).lock();
        shard.get_mut(group)?.get_mut(topic).map(step)
    }

    /// Visits the topics of one group under one lock.
    pub fn each_of_group(&self, group: &str, mut visit: impl FnMut(&str, &mut TopicQueues<Q>)) {
        let mut shard = self.shard(group).lock();
        for (topic, queues) in shard.get_mut(group).into_iter().flatten() {
            visit(topic, queues);
        }
    }

    /// Visits everything, shard by shard.
    pub fn each(&self, mut visit: impl FnMut(&str, &str, &mut TopicQueues<Q>)) {
        for shard in &self.shards {
            for (group, topics) in shard.lock().iter_mut() {
                for (topic, queues) in topics.iter_mut() {
                    visit(group, topic, queues);
                }
            }
        }
    }

    /// Groups with a topic that passes.
    pub fn groups_with(
        &self,
        topic: &str,
        passes: impl Fn(&TopicQueues<Q>) -> bool,
    ) -> Vec<String> {
        let mut names = Vec::new();
        for shard in &self.shards {
            for (group, topics) in shard.lock().iter() {
                if topics.get(topic).is_some_and(&passes) {
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

    /// Marks everything as to be written again: after an import, or a write that failed.
    pub fn mark_changed(&self) {
        self.each(|_, _, queues| queues.changed = true);
    }

    /// What changed since the last call, deletions first. `kept` gives what is kept of a queue.
    pub fn take_changes<S>(&self, kept: impl Fn(&Q) -> Option<S>) -> Vec<Change<S>> {
        let deleted = std::mem::take(&mut *self.deleted.lock());
        let mut changes: Vec<Change<S>> =
            deleted.into_iter().map(|key| Change { key, queues: None }).collect();
        self.each(|group, topic, queues| {
            if std::mem::take(&mut queues.changed) {
                let queues = Some(queues.kept(&kept));
                changes.push(Change { key: key_of(topic, group), queues });
            }
        });
        changes
    }

    #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of shards")]
    fn shard(&self, group: &str) -> &Mutex<Groups<Q>> {
        let hash = usize::try_from(self.hasher.hash_one(group) & 0xffff).unwrap_or(0);
        &self.shards[hash % SHARD_COUNT]
    }
}

impl<Q> TopicQueues<Q> {
    /// What is kept of each queue.
    pub fn kept<S>(&self, kept: impl Fn(&Q) -> Option<S>) -> BTreeMap<i32, S> {
        let queues = self.queues.iter();
        queues.filter_map(|(queue_id, queue)| Some((*queue_id, kept(queue)?))).collect()
    }
}

/// Apache's key of the offset table: the topic, `@`, the group (neither may contain `@`).
pub fn key_of(topic: &str, group: &str) -> String {
    format!("{topic}@{group}")
}

/// Topic and group of such a key.
pub fn of_key(key: &str) -> Option<(&str, &str)> {
    key.split_once('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> GroupQueues<i64> {
        let table = GroupQueues::default();
        for (group, topic, value) in [("g", "t", 1), ("h", "t", 2), ("h", "u", 3)] {
            table.change(group, topic, |of_topic| {
                of_topic.queues.insert(0, value);
                of_topic.changed = true;
            });
        }
        table
    }

    fn changes(table: &GroupQueues<i64>) -> Vec<(String, Option<Vec<i64>>)> {
        let changes = table.take_changes(|value| Some(*value)).into_iter();
        let values = |queues: BTreeMap<i32, i64>| queues.into_values().collect();
        let mut changes: Vec<_> =
            changes.map(|change| (change.key, change.queues.map(values))).collect();
        changes.sort();
        changes
    }

    #[test]
    fn what_changed_is_told_once_and_again_where_writing_it_failed() {
        let table = filled();
        let all = [("t@g", [1]), ("t@h", [2]), ("u@h", [3])]
            .map(|(key, values)| (key.to_owned(), Some(values.to_vec())));
        assert_eq!(changes(&table), all);
        assert_eq!(changes(&table), []);
        table.mark_changed();
        assert_eq!(changes(&table), all);
    }

    #[test]
    fn deleting_a_group_or_topic_is_told_as_a_deletion() {
        let table = filled();
        changes(&table);
        table.remove_group("g");
        table.remove_topic("t");
        assert_eq!(changes(&table), ["t@g", "t@h"].map(|key| (key.to_owned(), None)));
        let mut left = Vec::new();
        table.each_of_group("h", |topic, _| left.push(topic.to_owned()));
        assert_eq!(left, ["u"]);
        assert_eq!(table.find("g", "t", |_| ()), None);
    }
}
