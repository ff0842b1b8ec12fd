//! Which member of a group reads a queue, when it hands the queue over, and queues that nobody
//! reads. Pure: time is given.
//!
//! After a change of membership, whoever takes a queue over asks where to go on (14) before the
//! member that had it may have said how far it came: what that one had consumed and not committed
//! would be consumed twice. The question waits for that commit, for a moment.
use std::collections::BTreeMap;
use std::sync::Arc;

use remora_protocol::body::QueueTrouble;

use crate::offset_table::Progress;

/// How long after a change of membership a question may wait. Chosen: members hear of the change
/// at once and commit within milliseconds; clients ask for a queue after the other, so all of them
/// share this time, and they wait 3 s or more for an answer.
pub const HAND_OVER_MS: i64 = 2_000;

/// How long a queue may go unread while members are there: Java's pulls are held for 15 s, Go's for
/// 20 s, and rebalances are 20 s apart.
pub const UNREAD_MS: i64 = 40_000;

/// How long messages may be out and nothing be committed. Chosen: clients commit every 5 s what
/// they are done with, and a listener that takes minutes is worth a line, too.
pub const UNCOMMITTED_MS: i64 = 300_000;

/// Until when the question of who takes a queue over waits for its present owner's commit; `None`
/// where there is nothing to wait for. `is_other` says that the owner is another live member than
/// the one that asks.
pub fn hand_over(now_ms: i64, changed_ms: i64, progress: &Progress, is_other: bool) -> Option<i64> {
    let until_ms = changed_ms.saturating_add(HAND_OVER_MS);
    let committed = progress.committed.unwrap_or(0);
    let is_pending = is_other && !progress.is_released && progress.pulled > committed;
    (is_pending && now_ms < until_ms).then_some(until_ms)
}

/// One queue of one group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GroupQueue {
    pub group: Arc<str>,
    pub topic: Arc<str>,
    pub queue_id: i32,
}

/// A queue that the members of a group share, as a look at it finds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    pub queue: GroupQueue,
    /// Its members pull all the time; those of other groups when the application asks.
    pub is_pushed: bool,
    /// Pulled since the last look.
    pub was_pulled: bool,
    /// The client whose pull was answered last, where it is still a member.
    pub owner: Option<String>,
    /// Messages not committed.
    pub lag: i64,
    pub committed: Option<i64>,
    /// The next offset to pull; -1 before the first pull.
    pub pulled: i64,
}

impl Look {
    fn has_messages_out(&self) -> bool {
        self.pulled > self.committed.unwrap_or(0)
    }
}

/// What is known of a queue.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Reading {
    /// When a look last found it pulled, or first found it.
    pulled_ms: i64,
    /// It has been reported as read by nobody.
    is_unread: bool,
    committed: Option<i64>,
    /// When a look last found another offset committed, or nothing to commit.
    committed_ms: i64,
    /// It has been reported as read and not committed.
    is_uncommitted: bool,
}

/// A queue that is worth a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Members are there, messages too, and nobody pulls.
    Unread {
        queue: GroupQueue,
        owner: Option<String>,
        lag: i64,
        silent_ms: i64,
    },
    ReadAgain(GroupQueue),
    /// Somebody pulls, and has committed nothing for long.
    Uncommitted {
        queue: GroupQueue,
        owner: Option<String>,
        committed: Option<i64>,
        pulled: i64,
        silent_ms: i64,
    },
    CommittedAgain(GroupQueue),
}

impl Finding {
    /// The group that leaves a queue unread.
    pub fn unread_group(&self) -> Option<&str> {
        match self {
            Self::Unread { queue, .. } => Some(&queue.group),
            _ => None,
        }
    }
}

/// Every queue of every group with members, as of the last look.
#[derive(Debug, Default)]
pub struct QueueOwners {
    queues: BTreeMap<GroupQueue, Reading>,
}

impl QueueOwners {
    /// Takes a look at all queues; those not among them are forgotten.
    pub fn look(&mut self, now_ms: i64, looks: impl IntoIterator<Item = Look>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut before = std::mem::take(&mut self.queues);
        for look in looks {
            let known = before.remove(&look.queue);
            let reading = Reading::of(now_ms, &look, known.as_ref());
            let was_unread = known.as_ref().is_some_and(|known| known.is_unread);
            let was_uncommitted = known.is_some_and(|known| known.is_uncommitted);
            let Look { queue, owner, lag, committed, pulled, .. } = look;
            match (was_unread, reading.is_unread) {
                (false, true) => findings.push(Finding::Unread {
                    queue: queue.clone(),
                    owner: owner.clone(),
                    lag,
                    silent_ms: now_ms - reading.pulled_ms,
                }),
                (true, false) => findings.push(Finding::ReadAgain(queue.clone())),
                _ => {}
            }
            match (was_uncommitted, reading.is_uncommitted) {
                (false, true) => findings.push(Finding::Uncommitted {
                    queue: queue.clone(),
                    owner,
                    committed,
                    pulled,
                    silent_ms: now_ms - reading.committed_ms,
                }),
                (true, false) => findings.push(Finding::CommittedAgain(queue.clone())),
                _ => {}
            }
            self.queues.insert(queue, reading);
        }
        findings
    }

    /// What is wrong with a queue.
    pub fn trouble(&self, queue: &GroupQueue) -> Option<QueueTrouble> {
        let reading = self.queues.get(queue)?;
        match (reading.is_unread, reading.is_uncommitted) {
            (true, _) => Some(QueueTrouble::Unread),
            (_, true) => Some(QueueTrouble::Uncommitted),
            _ => None,
        }
    }

    /// Queues that members leave unread.
    pub fn unread_count(&self) -> usize {
        self.queues.values().filter(|reading| reading.is_unread).count()
    }

    /// Queues that members read and do not commit.
    pub fn uncommitted_count(&self) -> usize {
        self.queues.values().filter(|reading| reading.is_uncommitted).count()
    }
}

impl Reading {
    fn of(now_ms: i64, look: &Look, known: Option<&Self>) -> Self {
        let pulled_ms = match known {
            Some(known) if !look.was_pulled => known.pulled_ms,
            _ => now_ms,
        };
        let is_unread = look.is_pushed && now_ms - pulled_ms >= UNREAD_MS && look.lag > 0;
        let committed_ms = match known {
            Some(known) if look.has_messages_out() && known.committed == look.committed => {
                known.committed_ms
            }
            _ => now_ms,
        };
        Self {
            pulled_ms,
            is_unread,
            committed: look.committed,
            committed_ms,
            // Of a queue that nobody pulls that is all there is to say.
            is_uncommitted: !is_unread && now_ms - committed_ms >= UNCOMMITTED_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(committed: Option<i64>, pulled: i64) -> Progress {
        Progress { committed, pulled, ..Progress::default() }
    }

    #[test]
    fn a_question_waits_for_the_owner_that_has_pulled_more_than_it_committed() {
        let behind = progress(Some(5), 9);
        assert_eq!(hand_over(100, 90, &behind, true), Some(90 + HAND_OVER_MS));
        assert_eq!(hand_over(100, 90, &progress(None, 9), true), Some(90 + HAND_OVER_MS));
    }

    #[test]
    fn a_question_waits_for_nobody_where_nothing_is_pending() {
        let behind = progress(Some(5), 9);
        assert_eq!(hand_over(100, 90, &behind, false), None, "its own queue, or the owner is gone");
        assert_eq!(hand_over(100, 90, &progress(Some(9), 9), true), None, "all is committed");
        assert_eq!(hand_over(100, 90, &progress(None, -1), true), None, "nobody pulled");
        let released = Progress { is_released: true, ..behind };
        assert_eq!(hand_over(100, 90, &released, true), None, "committed since the change");
        assert_eq!(
            hand_over(90 + HAND_OVER_MS, 90, &behind, true),
            None,
            "the change is long past"
        );
    }

    fn queue(queue_id: i32) -> GroupQueue {
        GroupQueue { group: "g".into(), topic: "t".into(), queue_id }
    }

    fn look(queue_id: i32, was_pulled: bool, lag: i64) -> Look {
        Look {
            queue: queue(queue_id),
            is_pushed: true,
            was_pulled,
            owner: Some("a@1".into()),
            lag,
            committed: Some(3),
            pulled: 3,
        }
    }

    #[test]
    fn a_queue_that_is_pulled_and_never_committed_is_found_once_and_so_is_its_end() {
        let mut owners = QueueOwners::default();
        let pulled = |pulled, committed| Look { pulled, committed, ..look(0, true, 7) };
        assert_eq!(owners.look(0, [pulled(5, None)]), []);
        assert_eq!(owners.look(UNCOMMITTED_MS - 1, [pulled(9, None)]), []);
        let uncommitted = Finding::Uncommitted {
            queue: queue(0),
            owner: Some("a@1".into()),
            committed: None,
            pulled: 9,
            silent_ms: UNCOMMITTED_MS,
        };
        assert_eq!(owners.look(UNCOMMITTED_MS, [pulled(9, None)]), [uncommitted]);
        assert_eq!(owners.look(UNCOMMITTED_MS + 1, [pulled(9, None)]), []);
        assert_eq!(owners.uncommitted_count(), 1);
        assert_eq!(owners.trouble(&queue(0)), Some(QueueTrouble::Uncommitted));
        let committed = owners.look(UNCOMMITTED_MS + 2, [pulled(9, Some(4))]);
        assert_eq!(committed, [Finding::CommittedAgain(queue(0))]);
        assert_eq!(owners.uncommitted_count(), 0);
    }

    #[test]
    fn a_queue_with_nothing_to_commit_waits_for_no_commit() {
        let mut owners = QueueOwners::default();
        let at_end = || Look { pulled: 9, committed: Some(9), ..look(0, true, 0) };
        assert_eq!(owners.look(0, [at_end()]), []);
        assert_eq!(owners.look(10 * UNCOMMITTED_MS, [at_end()]), []);
        let out = Look { pulled: 12, ..at_end() };
        assert_eq!(owners.look(10 * UNCOMMITTED_MS + 1, [out.clone()]), []);
        assert_eq!(owners.look(11 * UNCOMMITTED_MS - 1, [out]), [], "out for less than that");
    }

    #[test]
    fn a_queue_with_messages_that_nobody_pulls_is_found_once_and_so_is_its_end() {
        let mut owners = QueueOwners::default();
        assert_eq!(owners.look(0, [look(0, false, 7), look(1, false, 0)]), []);
        assert_eq!(owners.look(UNREAD_MS - 1, [look(0, false, 7), look(1, false, 0)]), []);
        let unread = Finding::Unread {
            queue: queue(0),
            owner: Some("a@1".into()),
            lag: 7,
            silent_ms: UNREAD_MS,
        };
        assert_eq!(owners.look(UNREAD_MS, [look(0, false, 7), look(1, false, 0)]), [unread]);
        assert_eq!(owners.look(UNREAD_MS + 1, [look(0, false, 7)]), []);
        assert_eq!(owners.unread_count(), 1);
        assert_eq!(owners.trouble(&queue(0)), Some(QueueTrouble::Unread));
        let again = owners.look(UNREAD_MS + 2, [look(0, true, 7)]);
        assert_eq!((again, owners.unread_count()), (vec![Finding::ReadAgain(queue(0))], 0));
        assert_eq!(owners.look(UNREAD_MS + 3, []), [], "the last member left");
        assert!(owners.queues.is_empty());
    }
}
