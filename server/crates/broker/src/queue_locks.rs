//! Queues of which one consumer at a time may consume, in order. Pure: time is given.
//!
//! A lock belongs to a client of a group until it is given back, until the connection closes that
//! it was asked for on, or until it has not been renewed for its lifetime.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};

/// How long a lock lives without being renewed. Apache's; clients renew after 20 s.
const LIFETIME_MS: i64 = 60_000;

/// How long a client that stops keeps its locks, unless it leaves the group first. Java's consumer
/// that shuts down unlocks its queues before it stores how far it came: whoever took one over in
/// between would consume twice. Chosen: above a pause of a busy JVM between the two.
const LEAVING_MS: i64 = 5_000;

/// How long a queue that was given back is kept for the member that asked for it in vain. The one
/// that had it may have a renewal of all its locks under way, which would take the queue again and
/// leave it locked for its lifetime. Chosen: above the 500 ms after which Java's clients ask again.
const KEPT_MS: i64 = 3_000;

/// How a client gives locks back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GivenBack {
    /// One queue, now that it is another's share: all is committed. Official clients send it
    /// one-way.
    Share,
    /// They want one as they stop; what was consumed of late is committed after it.
    Stopping,
}

/// A queue of this broker.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LockedQueue {
    pub topic: String,
    pub queue_id: i32,
}

/// Who asks for locks.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'o> {
    pub client_id: &'o str,
    pub connection_id: u64,
}

#[derive(Debug)]
struct Lock {
    client_id: Arc<str>,
    connection_id: u64,
    /// When it is anybody's.
    ends_ms: i64,
    /// The other member that asked for it in vain, the last one.
    awaited_by: Option<(Arc<str>, u64)>,
}

/// The locks of every group.
#[derive(Debug, Default)]
pub struct QueueLocks {
    groups: AHashMap<Arc<str>, BTreeMap<LockedQueue, Lock>>,
    /// The groups that a connection has asked for locks in.
    connections: AHashMap<u64, AHashSet<Arc<str>>>,
}

impl Lock {
    fn is_live(&self, now_ms: i64) -> bool {
        now_ms <= self.ends_ms
    }
}

impl QueueLocks {
    /// Locks or renews what no other client holds; gives the queues that the owner now has.
    pub fn lock(
        &mut self,
        now_ms: i64,
        group: &str,
        owner: Owner<'_>,
        queues: impl Iterator<Item = LockedQueue>,
    ) -> Vec<LockedQueue> {
        let group =
            self.groups.get_key_value(group).map_or_else(|| group.into(), |(name, _)| name.clone());
        let locks = self.groups.entry(group.clone()).or_default();
        let client_id: Arc<str> = owner.client_id.into();
        let mut locked = Vec::new();
        let mut has_asked = false;
        for queue in queues {
            has_asked = true;
            let lock = locks.entry(queue.clone()).or_insert_with(|| Lock {
                client_id: client_id.clone(),
                connection_id: owner.connection_id,
                ends_ms: now_ms + LIFETIME_MS,
                awaited_by: None,
            });
            let is_own = *lock.client_id == *client_id;
            if !is_own && lock.is_live(now_ms) {
                lock.awaited_by = Some((client_id.clone(), owner.connection_id));
                continue;
            }
            if !is_own {
                lock.awaited_by = None;
            }
            lock.client_id = client_id.clone();
            lock.connection_id = owner.connection_id;
            lock.ends_ms = now_ms + LIFETIME_MS;
            locked.push(queue);
        }
        if locks.is_empty() {
            self.groups.remove(&group);
        }
        if has_asked {
            self.connections.entry(owner.connection_id).or_default().insert(group);
        }
        locked
    }

    /// Gives back what the client holds of these; true where another member waits for one, and may
    /// have it now. A client that stops gives all back: they end when it leaves, or soon.
    pub fn unlock(
        &mut self,
        now_ms: i64,
        group: &str,
        client_id: &str,
        how: GivenBack,
        queues: impl Iterator<Item = LockedQueue>,
    ) -> bool {
        let Some(locks) = self.groups.get_mut(group) else { return false };
        let is_own = |lock: &Lock| *lock.client_id == *client_id;
        let given: BTreeSet<LockedQueue> =
            queues.filter(|queue| locks.get(queue).is_some_and(is_own)).collect();
        let is_all = given.len() == locks.values().filter(|lock| is_own(lock)).count();
        if how == GivenBack::Stopping && is_all {
            let own = locks.values_mut().filter(|lock| is_own(lock));
            own.for_each(|lock| lock.ends_ms = lock.ends_ms.min(now_ms + LEAVING_MS));
            return false;
        }
        let mut is_awaited = false;
        for queue in given {
            let waiter = locks.get_mut(&queue).and_then(|lock| lock.awaited_by.take());
            let Some((client_id, connection_id)) = waiter else {
                locks.remove(&queue);
                continue;
            };
            let ends_ms = now_ms + KEPT_MS;
            locks.insert(queue, Lock { client_id, connection_id, ends_ms, awaited_by: None });
            is_awaited = true;
        }
        is_awaited
    }

    /// The client that holds a queue.
    pub fn holder(
        &self,
        now_ms: i64,
        group: &str,
        topic: &str,
        queue_id: i32,
    ) -> Option<&Arc<str>> {
        let locks = self.groups.get(group)?;
        let lock = locks.get(&LockedQueue { topic: topic.to_owned(), queue_id })?;
        lock.is_live(now_ms).then_some(&lock.client_id)
    }

    /// True where somebody consumes the group's queues in order.
    pub fn is_ordered(&self, now_ms: i64, group: &str) -> bool {
        let locks = self.groups.get(group);
        locks.is_some_and(|locks| locks.values().any(|lock| lock.is_live(now_ms)))
    }

    /// Releases the locks that a connection has in a group that it leaves; it waits for none.
    pub fn left(&mut self, group: &str, connection_id: u64) {
        if let Some(locks) = self.groups.get_mut(group) {
            locks.retain(|_, lock| lock.connection_id != connection_id);
            for lock in locks.values_mut() {
                let is_its = |waiter: &mut (Arc<str>, u64)| waiter.1 == connection_id;
                lock.awaited_by.take_if(is_its);
            }
            if locks.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    /// Releases the locks of a closed connection.
    pub fn closed(&mut self, connection_id: u64) {
        for group in self.connections.remove(&connection_id).unwrap_or_default() {
            self.left(&group, connection_id);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Owner<'static> = Owner { client_id: "a", connection_id: 1 };
    const B: Owner<'static> = Owner { client_id: "b", connection_id: 2 };

    fn queues(ids: &[i32]) -> impl Iterator<Item = LockedQueue> {
        ids.iter().map(|queue_id| LockedQueue { topic: "T".into(), queue_id: *queue_id })
    }

    fn lock(locks: &mut QueueLocks, now_ms: i64, owner: Owner<'_>, ids: &[i32]) -> Vec<i32> {
        locks.lock(now_ms, "G", owner, queues(ids)).iter().map(|queue| queue.queue_id).collect()
    }

    #[test]
    fn a_queue_is_locked_by_one_client_until_it_gives_it_back() {
        let mut locks = QueueLocks::default();
        assert_eq!(lock(&mut locks, 0, A, &[0, 1]), [0, 1]);
        assert_eq!(lock(&mut locks, 10, B, &[1, 2]), [2]);
        assert_eq!(lock(&mut locks, 20, A, &[0, 1]), [0, 1], "renewed");
        assert!(!unlock(&mut locks, 20, "b", &[0, 1]), "not b's");
        assert!(unlock(&mut locks, 20, "a", &[1]), "b waits for it");
        assert_eq!(lock(&mut locks, 30, B, &[0, 1, 2]), [1, 2]);
        assert!(!unlock(&mut locks, 30, "b", &[1]), "nobody waits for it");
        assert_eq!(lock(&mut locks, 30, A, &[1]), [1]);
    }

    #[test]
    fn a_queue_given_back_is_kept_for_the_member_that_waits_for_it_for_a_moment() {
        let mut locks = QueueLocks::default();
        assert_eq!(lock(&mut locks, 0, A, &[0, 1]), [0, 1]);
        assert_eq!(lock(&mut locks, 10, B, &[0, 1]), [] as [i32; 0]);
        assert!(unlock(&mut locks, 20, "a", &[0]));
        assert!(unlock(&mut locks, 20, "a", &[1]), "the last one, too");
        assert_eq!(lock(&mut locks, 30, A, &[0, 1]), [] as [i32; 0], "a's late renewal");
        assert_eq!(locks.holder(30, "G", "T", 0).map(|id| &**id), Some("b"));
        assert_eq!(locks.holder(30, "G", "T", 7), None);
        assert_eq!(lock(&mut locks, 40, B, &[0]), [0]);
        assert_eq!(lock(&mut locks, 20 + KEPT_MS + 1, A, &[0, 1]), [1], "b did not come for it");
        locks.closed(B.connection_id);
        assert_eq!(lock(&mut locks, 20 + KEPT_MS + 1, A, &[0]), [0]);
    }

    #[test]
    fn what_is_kept_for_a_member_that_closes_is_anybodys() {
        let mut locks = QueueLocks::default();
        assert_eq!(lock(&mut locks, 0, A, &[0]), [0]);
        assert_eq!(lock(&mut locks, 10, B, &[0]), [] as [i32; 0]);
        assert!(unlock(&mut locks, 20, "a", &[0]));
        locks.closed(B.connection_id);
        assert_eq!(lock(&mut locks, 20, A, &[0]), [0]);
        assert_eq!(lock(&mut locks, 30, B, &[0]), [] as [i32; 0]);
        locks.closed(B.connection_id);
        assert!(!unlock(&mut locks, 40, "a", &[0]), "nobody waits any more");
    }

    fn unlock(locks: &mut QueueLocks, now_ms: i64, client_id: &str, ids: &[i32]) -> bool {
        locks.unlock(now_ms, "G", client_id, GivenBack::Share, queues(ids))
    }

    #[test]
    fn a_client_that_stops_keeps_its_queues_until_it_leaves_or_for_some_seconds() {
        let mut locks = QueueLocks::default();
        assert_eq!(lock(&mut locks, 0, A, &[0, 1]), [0, 1]);
        assert!(!locks.unlock(100, "G", "a", GivenBack::Stopping, queues(&[0, 1])));
        assert_eq!(lock(&mut locks, 5_100, B, &[0]), [] as [i32; 0]);
        assert_eq!(lock(&mut locks, 5_101, B, &[0]), [0]);
        locks.left("G", A.connection_id);
        assert_eq!(lock(&mut locks, 5_102, B, &[1]), [1]);
        assert!(!locks.unlock(6_000, "G", "b", GivenBack::Stopping, queues(&[0, 1])));
        locks.left("G", B.connection_id);
        assert_eq!(lock(&mut locks, 6_001, A, &[0, 1]), [0, 1], "b has left at once");
    }

    #[test]
    fn groups_do_not_see_each_others_locks() {
        let mut locks = QueueLocks::default();
        assert_eq!(lock(&mut locks, 0, A, &[0]), [0]);
        assert_eq!(locks.lock(0, "H", B, queues(&[0])).len(), 1);
        let third = Owner { client_id: "c", connection_id: 3 };
        let gets = ["G", "H", "I"].map(|group| locks.lock(0, group, third, queues(&[0])).len());
        assert_eq!(gets, [0, 0, 1], "a's, b's, nobody's");
    }

    #[test]
    fn a_lock_that_is_not_renewed_for_a_minute_is_anybodys() {
        let mut locks = QueueLocks::default();
        assert_eq!(lock(&mut locks, 0, A, &[0]), [0]);
        assert_eq!(lock(&mut locks, 60_000, B, &[0]), [] as [i32; 0]);
        assert_eq!(lock(&mut locks, 60_001, B, &[0]), [0]);
        assert_eq!(lock(&mut locks, 60_002, A, &[0]), [] as [i32; 0]);
    }

    #[test]
    fn closing_a_connection_releases_its_locks_but_not_those_renewed_on_another() {
        let mut locks = QueueLocks::default();
        assert_eq!(lock(&mut locks, 0, A, &[0, 1]), [0, 1]);
        let again = Owner { connection_id: 3, ..A };
        assert_eq!(lock(&mut locks, 0, again, &[1]), [1]);
        locks.closed(1);
        assert_eq!(lock(&mut locks, 1, B, &[0, 1]), [0]);
        locks.closed(3);
        assert_eq!(lock(&mut locks, 2, B, &[1]), [1]);
        locks.closed(2);
        assert!(locks.groups.is_empty() && locks.connections.is_empty());
    }
}
