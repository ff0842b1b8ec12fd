//! Resets that their consumers have not taken up yet: until a queue's next pull from the new
//! offset, what is committed there is of the time before the reset. Pure: no clock, no IO.
//!
//! Not persisted: the new offset itself is, so that a restart forgets only who still has to hear.
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use ahash::AHashMap;
use parking_lot::RwLock;

use crate::offset_table::QueueOffsets;

/// How long a reset waits for its consumers. Chosen: a client that was cut off for longer asks for
/// the group's offset when it is back; and as long as one waits, pulls look it up.
pub const AWAITED_MS_MAX: i64 = 3_600_000;

/// One queue's reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pending {
    queue_offset: i64,
    /// Until then a pull from elsewhere is served: its client has been told (220) and is about to
    /// move by itself.
    enforced_at_ms: i64,
}

/// What becomes of a pull, or of what it commits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterReset {
    /// There was none.
    Nothing,
    /// The pull is from the new offset: it is served, and commits count again after it.
    TakenUp,
    /// The client was told a moment ago: served, and not committed.
    Awaited,
    /// The pull is answered that it has to go on from here.
    Moved { queue_offset: i64 },
}

type Groups = AHashMap<String, BTreeMap<(String, i32), Pending>>;

/// The table.
#[derive(Debug, Default)]
pub struct OffsetResets {
    any: AtomicBool,
    groups: RwLock<Groups>,
}

impl OffsetResets {
    /// Whether anything is pending at all: one load, for the way of every pull.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Notes what was reset; pulls from other offsets are moved from `enforced_at_ms` on.
    pub fn put(&self, group: &str, topic: &str, offsets: &QueueOffsets, enforced_at_ms: i64) {
        let mut groups = self.groups.write();
        let of_group = groups.entry(group.to_owned()).or_default();
        for (queue_id, queue_offset) in offsets {
            let pending = Pending { queue_offset: *queue_offset, enforced_at_ms };
            of_group.insert((topic.to_owned(), *queue_id), pending);
        }
        self.note(&groups);
    }

    /// The offset that a queue was reset to and not pulled from since: commits are dropped.
    pub fn awaited(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        let groups = self.groups.read();
        let pending = groups.get(group)?.get(&(topic.to_owned(), queue_id))?;
        Some(pending.queue_offset)
    }

    /// A pull has come.
    pub fn pulled(
        &self,
        group: &str,
        topic: &str,
        queue_id: i32,
        queue_offset: i64,
        now_ms: i64,
    ) -> AfterReset {
        if !self.groups.read().contains_key(group) {
            return AfterReset::Nothing;
        }
        let mut groups = self.groups.write();
        let Some(of_group) = groups.get_mut(group) else { return AfterReset::Nothing };
        let key = (topic.to_owned(), queue_id);
        let Some(pending) = of_group.get(&key).copied() else { return AfterReset::Nothing };
        let after = if pending.queue_offset == queue_offset {
            AfterReset::TakenUp
        } else if now_ms < pending.enforced_at_ms {
            return AfterReset::Awaited;
        } else {
            AfterReset::Moved { queue_offset: pending.queue_offset }
        };
        of_group.remove(&key);
        groups.retain(|_, of_group| !of_group.is_empty());
        self.note(&groups);
        after
    }

    /// Forgets the resets of a group, in one topic or in all.
    pub fn forget_group(&self, group: &str, topic: Option<&str>) {
        if !self.groups.read().contains_key(group) {
            return;
        }
        let mut groups = self.groups.write();
        if let Some(of_group) = groups.get_mut(group) {
            of_group.retain(|(of, _), _| topic.is_some_and(|topic| of != topic));
        }
        groups.retain(|_, of_group| !of_group.is_empty());
        self.note(&groups);
    }

    /// Forgets the resets in a topic that is deleted.
    pub fn forget_topic(&self, topic: &str) {
        let mut groups = self.groups.write();
        groups.values_mut().for_each(|of_group| of_group.retain(|(of, _), _| of != topic));
        groups.retain(|_, of_group| !of_group.is_empty());
        self.note(&groups);
    }

    /// Forgets what nobody has taken up for too long.
    pub fn expire(&self, now_ms: i64) {
        if !self.any() {
            return;
        }
        let mut groups = self.groups.write();
        let kept = |pending: &Pending| now_ms - pending.enforced_at_ms < AWAITED_MS_MAX;
        groups.values_mut().for_each(|of_group| of_group.retain(|_, pending| kept(pending)));
        groups.retain(|_, of_group| !of_group.is_empty());
        self.note(&groups);
    }

    fn note(&self, groups: &Groups) {
        self.any.store(!groups.is_empty(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENFORCED_AT_MS: i64 = 100;

    fn reset() -> OffsetResets {
        let resets = OffsetResets::default();
        resets.put("g", "t", &QueueOffsets::from([(0, 7), (1, 8)]), ENFORCED_AT_MS);
        resets
    }

    #[test]
    fn commits_are_dropped_until_the_pull_from_the_new_offset() {
        let resets = reset();
        assert_eq!(resets.awaited("g", "t", 0), Some(7));
        assert_eq!(resets.awaited("g", "other", 0), None);
        assert_eq!(resets.awaited("other", "t", 0), None);
        assert_eq!(resets.pulled("g", "t", 0, 7, 0), AfterReset::TakenUp);
        assert_eq!(resets.awaited("g", "t", 0), None);
        assert_eq!(resets.pulled("g", "t", 0, 50, 200), AfterReset::Nothing);
        assert!(resets.any());
        assert_eq!(resets.pulled("g", "t", 1, 8, 0), AfterReset::TakenUp);
        assert!(!resets.any());
    }

    #[test]
    fn pull_from_elsewhere_is_moved_once_its_client_had_time_to_move_by_itself() {
        let resets = reset();
        assert_eq!(resets.pulled("g", "t", 0, 3, ENFORCED_AT_MS - 1), AfterReset::Awaited);
        assert_eq!(resets.awaited("g", "t", 0), Some(7));
        let moved = AfterReset::Moved { queue_offset: 7 };
        assert_eq!(resets.pulled("g", "t", 0, 3, ENFORCED_AT_MS), moved);
        assert_eq!(resets.pulled("g", "t", 0, 3, ENFORCED_AT_MS), AfterReset::Nothing);
        assert_eq!(resets.awaited("g", "t", 1), Some(8));
    }

    #[test]
    fn reset_that_nobody_takes_up_is_forgotten_after_an_hour() {
        let resets = reset();
        resets.expire(ENFORCED_AT_MS + AWAITED_MS_MAX - 1);
        assert_eq!(resets.awaited("g", "t", 0), Some(7));
        resets.expire(ENFORCED_AT_MS + AWAITED_MS_MAX);
        assert_eq!((resets.awaited("g", "t", 0), resets.any()), (None, false));
    }

    #[test]
    fn deleted_groups_and_topics_are_forgotten() {
        let resets = reset();
        resets.forget_group("g", Some("other"));
        resets.forget_topic("other");
        assert_eq!(resets.awaited("g", "t", 0), Some(7));
        resets.forget_group("g", Some("t"));
        assert!(!resets.any());
        let resets = reset();
        resets.forget_topic("t");
        assert!(!resets.any());
        let resets = reset();
        resets.forget_group("g", None);
        assert!(!resets.any());
    }
}
