//! How far each consumer group has come: (group, topic, queue id) to queue offset.
//!
//! Kept in memory, written to the metadata log by `take_changes` every few seconds and at the stop.
//! Nothing here does IO, and the clock is given; a commit takes one short lock of one shard.
use std::collections::BTreeMap;

use crate::group_queues::{Change, GroupQueues, TopicQueues, key_of, of_key};

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
    /// When a pull was answered last, and when something was committed last; `None` where that was
    /// before the start. In ms since 1970.
    pub pulled_ms: Option<i64>,
    pub committed_ms: Option<i64>,
    /// Since the last look.
    pub was_pulled: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            committed: None,
            pulled: -1,
            owner: NOBODY,
            is_released: false,
            pulled_ms: None,
            committed_ms: None,
            was_pulled: false,
        }
    }
}

/// One queue of a group.
#[derive(Clone, Copy, Debug)]
struct Entry {
    progress: Progress,
    /// Where what the group has read is counted from: its first offset, moved with every reset.
    counted_from: i64,
}

type TopicProgress = TopicQueues<Entry>;

/// Committed offsets of one (topic, group): queue id to queue offset.
pub type QueueOffsets = BTreeMap<i32, i64>;

/// The table.
#[derive(Debug)]
pub struct OffsetTable {
    groups: GroupQueues<Entry>,
    now_ms: fn() -> i64,
}

impl OffsetTable {
    /// `now_ms` tells when something is pulled or committed, in ms since 1970.
    pub fn new(now_ms: fn() -> i64) -> Self {
        Self { groups: GroupQueues::default(), now_ms }
    }

    /// Records that the group has consumed everything before `queue_offset`.
    pub fn commit(&self, group: &str, topic: &str, queue_id: i32, queue_offset: i64) {
        let now_ms = (self.now_ms)();
        self.groups.change(group, topic, |progress| {
            let entry = progress.queues.entry(queue_id).or_insert_with(|| new_at(queue_offset));
            entry.progress.commit(now_ms, queue_offset);
            progress.changed = true;
        });
    }

    /// As `commit`, by a pull. It never takes the group back: Java's consumer reads what it commits
    /// before it sends the pull, and may have given the queue up with a later commit meanwhile.
    pub fn commit_by_pull(&self, group: &str, topic: &str, queue_id: i32, queue_offset: i64) {
        let now_ms = (self.now_ms)();
        self.groups.change(group, topic, |progress| {
            let entry = progress.queues.entry(queue_id).or_insert_with(|| new_at(queue_offset));
            // Where nothing is committed every offset is ahead.
            if entry.progress.committed < Some(queue_offset) {
                entry.progress.commit(now_ms, queue_offset);
                progress.changed = true;
            }
        });
    }

    /// As `commit`, by an administrator: what was pulled before counts no more, and the move itself
    /// is not counted as read.
    pub fn reset(&self, group: &str, topic: &str, queue_id: i32, queue_offset: i64) {
        self.groups.change(group, topic, |progress| {
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
        let now_ms = (self.now_ms)();
        self.groups.change(group, topic, |progress| {
            progress.changed = true;
            let entry = progress.queues.entry(queue_id).or_insert_with(|| new_at(queue_offset));
            entry.progress.commit(now_ms, queue_offset);
            entry.progress.release_by(owner)
        })
    }

    /// This connection has committed, what it said was dropped; true where it is the queue's owner.
    pub fn release_by(&self, owner: u64, group: &str, topic: &str, queue_id: i32) -> bool {
        let release = |entry: &mut Entry| entry.progress.release_by(owner);
        self.entry(group, topic, queue_id, release).unwrap_or(false)
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
        let pulled_ms = Some((self.now_ms)());
        self.groups.change(group, topic, |progress| {
            let entry = progress.queues.entry(queue_id).or_insert_with(|| new_at(first()));
            let queue = &mut entry.progress;
            (queue.pulled, queue.owner) = (queue_offset, owner);
            (queue.pulled_ms, queue.was_pulled) = (pulled_ms, true);
        });
    }

    /// The group's members changed: what owners have committed so far is not their last word.
    pub fn hold_back(&self, group: &str) {
        self.groups.each_of_group(group, |_, topic| {
            topic.queues.values_mut().for_each(|entry| entry.progress.is_released = false);
        });
    }

    /// Where the group stands in one queue, and whether it was pulled since the last look.
    pub fn look(&self, group: &str, topic: &str, queue_id: i32) -> (Progress, bool) {
        let look = |entry: &mut Entry| {
            let was_pulled = std::mem::take(&mut entry.progress.was_pulled);
            (entry.progress, was_pulled)
        };
        self.entry(group, topic, queue_id, look).unwrap_or_default()
    }

    /// Where the group stands in one queue.
    pub fn progress(&self, group: &str, topic: &str, queue_id: i32) -> Progress {
        self.entry(group, topic, queue_id, |entry| entry.progress).unwrap_or_default()
    }

    pub fn committed(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        self.progress(group, topic, queue_id).committed
    }

    /// Every committed offset of one group in one topic.
    pub fn offsets(&self, group: &str, topic: &str) -> QueueOffsets {
        self.groups.find(group, topic, |topic| topic.committed()).unwrap_or_default()
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
        let mut names = Vec::new();
        self.groups.each_of_group(group, |topic, progress| {
            if keep(progress) {
                names.push(topic.to_owned());
            }
        });
        names.sort_unstable();
        names
    }

    /// Groups that have committed something in a topic.
    pub fn groups_of(&self, topic: &str) -> Vec<String> {
        self.groups.groups_with(topic, TopicProgress::has_committed)
    }

    pub fn remove_group(&self, group: &str) {
        self.groups.remove_group(group);
    }

    pub fn remove_topic(&self, topic: &str) {
        self.groups.remove_topic(topic);
    }

    /// Puts back what was read from the metadata log or an imported file: not a change.
    pub fn restore(&self, key: &str, offsets: &QueueOffsets) {
        let Some((topic, group)) = of_key(key) else { return };
        self.groups.change(group, topic, |progress| {
            for (queue_id, queue_offset) in offsets {
                let entry = progress.queues.entry(*queue_id);
                let entry = entry.or_insert_with(|| new_at(*queue_offset));
                entry.progress.committed = Some(*queue_offset);
            }
        });
    }

    /// Marks everything as to be written again: after an import, or a write that failed.
    pub fn mark_changed(&self) {
        self.groups.mark_changed();
    }

    /// What changed since the last call, deletions first.
    pub fn take_changes(&self) -> Vec<Change<i64>> {
        self.groups.take_changes(|entry| entry.progress.committed)
    }

    /// Everything committed, by `topic@group`: code 43 and the exported file.
    pub fn all(&self) -> BTreeMap<String, QueueOffsets> {
        let mut table = BTreeMap::new();
        self.groups.each(|group, topic, progress| {
            if progress.has_committed() {
                table.insert(key_of(topic, group), progress.committed());
            }
        });
        table
    }

    /// What each `topic@group` has read over its queues, pulled or committed, since this start.
    pub fn read_sums(&self) -> Vec<(String, i64)> {
        let mut sums = Vec::new();
        self.groups.each(|group, topic, progress| {
            let reads = progress.queues.values().map(Entry::read);
            sums.push((key_of(topic, group), reads.fold(0, i64::saturating_add)));
        });
        sums
    }

    /// The same of one queue.
    pub fn read_of(&self, group: &str, topic: &str, queue_id: i32) -> i64 {
        self.entry(group, topic, queue_id, |entry| entry.read()).unwrap_or(0)
    }

    fn entry<T>(
        &self,
        group: &str,
        topic: &str,
        queue_id: i32,
        step: impl FnOnce(&mut Entry) -> T,
    ) -> Option<T> {
        self.groups.find(group, topic, |topic| topic.queues.get_mut(&queue_id).map(step))?
    }
}

impl TopicProgress {
    fn has_committed(&self) -> bool {
        self.queues.values().any(|entry| entry.progress.committed.is_some())
    }

    fn committed(&self) -> QueueOffsets {
        self.kept(|entry| entry.progress.committed)
    }
}

impl Progress {
    fn commit(&mut self, now_ms: i64, queue_offset: i64) {
        (self.committed, self.committed_ms) = (Some(queue_offset), Some(now_ms));
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> OffsetTable {
        OffsetTable::new(|| 100)
    }

    #[test]
    fn committed_offset_is_read_back_and_reported_as_one_change() {
        let table = table();
        table.commit("g", "t", 1, 10);
        table.commit("g", "t", 0, 3);
        table.commit("g", "t", 1, 12);
        assert_eq!(table.committed("g", "t", 1), Some(12));
        assert_eq!(table.committed("g", "t", 2), None);
        let offsets = QueueOffsets::from([(0, 3), (1, 12)]);
        let change = Change { key: "t@g".into(), queues: Some(offsets.clone()) };
        assert_eq!(table.take_changes(), [change]);
        assert_eq!(table.take_changes(), []);
        assert_eq!(table.all(), BTreeMap::from([("t@g".to_owned(), offsets)]));
    }

    #[test]
    fn a_commit_that_a_pull_brings_does_not_take_the_group_back() {
        let table = table();
        table.commit_by_pull("g", "t", 0, 5);
        table.commit_by(1, "g", "t", 0, 9);
        table.commit_by_pull("g", "t", 0, 7);
        assert_eq!(table.committed("g", "t", 0), Some(9));
        table.reset("g", "t", 0, 3);
        table.commit_by_pull("g", "t", 0, 4);
        assert_eq!(table.committed("g", "t", 0), Some(4), "after a reset it may be below");
    }

    #[test]
    fn pulling_is_not_committing() {
        let table = table();
        table.pulled(7, "g", "t", 0, 5, || 3);
        let pulled = Progress {
            pulled: 5,
            owner: 7,
            pulled_ms: Some(100),
            was_pulled: true,
            ..Progress::default()
        };
        assert_eq!(table.progress("g", "t", 0), pulled);
        assert_eq!(table.take_changes(), []);
        assert_eq!(table.topics_of("g"), Vec::<String>::new());
    }

    #[test]
    fn reading_is_counted_from_the_first_pull_and_over_resets() {
        let table = table();
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
                pulled_ms: Some(100),
                committed_ms: Some(100),
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
    fn restored_offsets_are_not_changes() {
        let table = table();
        table.restore("t@g", &QueueOffsets::from([(0, 7)]));
        assert_eq!(table.committed("g", "t", 0), Some(7));
        assert_eq!(table.groups_of("t"), ["g"]);
        assert_eq!(table.take_changes(), []);
    }
}
