//! Who of a consumer group reads which queues. Pure: every member computes the same answer from the
//! same sorted lists, and nobody coordinates.
use std::collections::BTreeSet;

use crate::queue::MessageQueue;

/// How the queues of a topic are dealt out. All members of a group must use the same one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum AllocateStrategy {
    /// Neighbouring queues to the same member, numbers differing by at most one. Java's default.
    #[default]
    Averagely,
    /// Dealt like cards, numbers differing by at most one.
    AveragelyByCircle,
    /// A member that comes or goes moves only its own share of the queues. Not the ring of the Java
    /// client: do not mix both in a group.
    ConsistentHash {
        /// Points of each member on the ring; more spread better. Java: 10.
        virtual_nodes: u32,
    },
    /// Exactly these queues for this member, whoever else there is.
    ByConfig(Vec<MessageQueue>),
}

impl AllocateStrategy {
    /// The name that admin tools know.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Averagely => "AVG",
            Self::AveragelyByCircle => "AVG_BY_CIRCLE",
            Self::ConsistentHash { .. } => "CONSISTENT_HASH",
            Self::ByConfig(_) => "CONFIG",
        }
    }

    /// The queues of member `client_id`, out of `queues` of one topic. Both lists must be sorted.
    /// A member that is not in `client_ids` gets none: the broker has not heard of it yet.
    pub fn allocate(
        &self,
        client_id: &str,
        queues: &[MessageQueue],
        client_ids: &[String],
    ) -> Vec<MessageQueue> {
        let Ok(index) = client_ids.binary_search_by(|id| id.as_str().cmp(client_id)) else {
            return Vec::new();
        };
        match self {
            Self::Averagely => averagely(index, queues, client_ids.len()),
            Self::AveragelyByCircle => {
                queues.iter().skip(index).step_by(client_ids.len()).cloned().collect()
            }
            Self::ConsistentHash { virtual_nodes } => {
                let ring = ring(client_ids, (*virtual_nodes).max(1));
                queues.iter().filter(|queue| owner(&ring, queue) == Some(index)).cloned().collect()
            }
            Self::ByConfig(mine) => {
                queues.iter().filter(|queue| mine.contains(queue)).cloned().collect()
            }
        }
    }
}

fn averagely(index: usize, queues: &[MessageQueue], members: usize) -> Vec<MessageQueue> {
    // The first `longer` members take one queue more.
    let (share, longer) = (queues.len() / members, queues.len() % members);
    let start = index * share + index.min(longer);
    let count = share + usize::from(index < longer);
    queues.iter().skip(start).take(count).cloned().collect()
}

/// Points on the ring, sorted, with the index of the member each belongs to.
fn ring(client_ids: &[String], virtual_nodes: u32) -> Vec<(u64, usize)> {
    let mut ring: Vec<(u64, usize)> = client_ids
        .iter()
        .enumerate()
        .flat_map(|(index, id)| {
            (0..virtual_nodes)
                .map(move |node| (point(&[id.as_bytes(), &node.to_be_bytes()]), index))
        })
        .collect();
    ring.sort_unstable();
    ring
}

fn owner(ring: &[(u64, usize)], queue: &MessageQueue) -> Option<usize> {
    let at = point(&[
        queue.topic.as_bytes(),
        queue.broker_name.as_bytes(),
        &queue.queue_id.to_be_bytes(),
    ]);
    let next = ring.partition_point(|(point, _)| *point < at);
    ring.get(next).or(ring.first()).map(|(_, index)| *index)
}

/// FNV-1a over the parts, mixed at the end since FNV alone keeps similar names close together.
/// Fixed for ever: members of a group may run different versions of this crate.
fn point(parts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.iter().chain(&[0]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ hash >> 33
}

/// What a member has to do about one topic after a rebalance.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// Queues to stop reading, their offsets to be persisted.
    pub released: Vec<MessageQueue>,
    /// Queues to start reading.
    pub acquired: Vec<MessageQueue>,
}

impl Change {
    /// From what is read now to what should be.
    pub fn between(current: &BTreeSet<MessageQueue>, wanted: &BTreeSet<MessageQueue>) -> Self {
        Self {
            released: current.difference(wanted).cloned().collect(),
            acquired: wanted.difference(current).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn queues(count: usize) -> Vec<MessageQueue> {
        (0..i32::try_from(count).unwrap())
            .map(|id| MessageQueue::new("T", "broker-a", id))
            .collect()
    }

    fn members(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("10.0.0.{n:03}@4711")).collect()
    }

    fn shares(
        strategy: &AllocateStrategy,
        queues: &[MessageQueue],
        members: &[String],
    ) -> Vec<Vec<MessageQueue>> {
        members.iter().map(|id| strategy.allocate(id, queues, members)).collect()
    }

    fn ids(share: &[MessageQueue]) -> Vec<i32> {
        share.iter().map(|queue| queue.queue_id).collect()
    }

    fn covering() -> impl Strategy<Value = AllocateStrategy> {
        prop_oneof![
            Just(AllocateStrategy::Averagely),
            Just(AllocateStrategy::AveragelyByCircle),
            (1u32..20).prop_map(|virtual_nodes| AllocateStrategy::ConsistentHash { virtual_nodes }),
        ]
    }

    #[test]
    fn averagely_and_by_circle_deal_as_the_java_client_does() {
        let (queues, members) = (queues(8), members(3));
        let averagely: Vec<_> = shares(&AllocateStrategy::Averagely, &queues, &members)
            .iter()
            .map(|share| ids(share))
            .collect();
        assert_eq!(averagely, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]]);
        let circle: Vec<_> = shares(&AllocateStrategy::AveragelyByCircle, &queues, &members)
            .iter()
            .map(|share| ids(share))
            .collect();
        assert_eq!(circle, [vec![0, 3, 6], vec![1, 4, 7], vec![2, 5]]);
    }

    #[test]
    fn config_gives_exactly_the_named_queues_that_exist() {
        let mine = vec![MessageQueue::new("T", "broker-a", 1), MessageQueue::new("T", "other", 0)];
        let strategy = AllocateStrategy::ByConfig(mine);
        assert_eq!(ids(&strategy.allocate(&members(1)[0], &queues(4), &members(1))), [1]);
    }

    #[test]
    fn a_member_unknown_to_the_broker_gets_nothing() {
        let share = AllocateStrategy::Averagely.allocate("stranger", &queues(4), &members(2));
        assert_eq!(share, []);
    }

    #[test]
    fn change_names_what_to_release_and_what_to_acquire() {
        let set = |ids: &[i32]| ids.iter().map(|id| MessageQueue::new("T", "b", *id)).collect();
        assert_eq!(
            Change::between(&set(&[0, 1, 2]), &set(&[2, 3])),
            Change {
                released: vec![MessageQueue::new("T", "b", 0), MessageQueue::new("T", "b", 1)],
                acquired: vec![MessageQueue::new("T", "b", 3)],
            }
        );
    }

    proptest! {
        #[test]
        fn every_queue_has_exactly_one_reader(
            strategy in covering(), queue_count in 0usize..200, member_count in 1usize..40,
        ) {
            let (queues, members) = (queues(queue_count), members(member_count));
            let mut dealt = shares(&strategy, &queues, &members).concat();
            dealt.sort();
            prop_assert_eq!(dealt, queues);
        }

        #[test]
        fn averages_differ_by_at_most_one(
            circle in any::<bool>(), queue_count in 0usize..200, member_count in 1usize..40,
        ) {
            let strategy = match circle {
                true => AllocateStrategy::AveragelyByCircle,
                false => AllocateStrategy::Averagely,
            };
            let counts: Vec<usize> = shares(&strategy, &queues(queue_count), &members(member_count))
                .iter()
                .map(Vec::len)
                .collect();
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{:?}", counts);
        }

        #[test]
        fn consistent_hash_moves_only_the_queues_of_the_member_that_left(
            queue_count in 0usize..200,
            member_count in 2usize..20,
            leaver in any::<prop::sample::Index>(),
        ) {
            let strategy = AllocateStrategy::ConsistentHash { virtual_nodes: 10 };
            let (queues, before) = (queues(queue_count), members(member_count));
            let mut after = before.clone();
            after.remove(leaver.index(member_count));
            for id in &after {
                let of = |members| strategy.allocate(id, &queues, members);
                let had: BTreeSet<_> = of(&before).into_iter().collect();
                let has: BTreeSet<_> = of(&after).into_iter().collect();
                prop_assert!(had.is_subset(&has), "{} lost queues", id);
            }
        }
    }
}
