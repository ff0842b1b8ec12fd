//! 400 QUERY_ASSIGNMENT: the broker assigns the queues of a topic to the members of a group.
use std::collections::BTreeSet;
use std::sync::Arc;

use remora_protocol::OwnedFrame;
use remora_protocol::body::{
    self, MessageModel, MessageQueue, MessageQueueAssignment, MessageRequestMode,
    QueryAssignmentRequest, QueryAssignmentResponse,
};
use remora_remoting::{Reply, Responder};

use crate::broker::Broker;
use crate::refusals;

/// Which queues of those of all a member of the group is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strategy {
    /// Neighbouring queues.
    Averagely,
    /// Every n-th queue.
    AveragelyByCircle,
}

impl Strategy {
    /// By the name that clients send; the others are not known to brokers.
    fn named(name: &str) -> Option<Self> {
        match name {
            "AVG" => Some(Self::Averagely),
            "AVG_BY_CIRCLE" => Some(Self::AveragelyByCircle),
            _ => None,
        }
    }

    /// What the member at `index` of `members` gets.
    fn share(self, queues: &[MessageQueue], index: usize, members: usize) -> Vec<MessageQueue> {
        let members = members.max(1);
        match self {
            Self::Averagely => {
                let (each, more) = (queues.len() / members, queues.len() % members);
                let start = index * each + index.min(more);
                let count = each + usize::from(index < more);
                queues.iter().skip(start).take(count).cloned().collect()
            }
            Self::AveragelyByCircle => {
                queues.iter().skip(index).step_by(members).cloned().collect()
            }
        }
    }
}

/// The queues of one member: `queues` and `members` ascending, `share_count` as set with 401.
fn assign(
    strategy: Strategy,
    mode: (MessageRequestMode, i32),
    queues: &[MessageQueue],
    members: &BTreeSet<String>,
    client_id: &str,
) -> BTreeSet<MessageQueue> {
    let Some(index) = members.iter().position(|member| member == client_id) else {
        return BTreeSet::new();
    };
    let share = |index: usize| strategy.share(queues, index % members.len(), members.len());
    let (mode, share_count) = mode;
    if mode == MessageRequestMode::Pull {
        return share(index).into_iter().collect();
    }
    let share_count = usize::try_from(share_count).unwrap_or(0);
    if share_count == 0 || share_count + 1 >= members.len() {
        // Everybody pops from everywhere: one queue a broker stands for all of them.
        return queues.iter().map(|queue| MessageQueue { queue_id: -1, ..queue.clone() }).collect();
    }
    if members.len() <= queues.len() {
        // Its own, and those of the members that follow it.
        return (index..=index + share_count).flat_map(share).collect();
    }
    queues.get(index % queues.len().max(1)).cloned().into_iter().collect()
}

/// Handles 400.
pub(crate) async fn query_assignment(broker: Arc<Broker>, frame: OwnedFrame, responder: Responder) {
    let request: QueryAssignmentRequest = match body::decode(frame.view().body) {
        Ok(request) => request,
        Err(error) => return responder.refuse(&refusals::body("query of assignments", &error)),
    };
    let mode = broker.request_modes.of(&broker, &request.topic, &request.consumer_group);
    let queues = queues_of_client(&broker, &request, mode).await;
    // Without an answer about queues the client keeps what it has.
    let message_queue_assignments = queues.map(|queues| {
        let assigned = queues.into_iter().map(|message_queue| MessageQueueAssignment {
            message_queue,
            mode: mode.0,
            attachments: None,
        });
        assigned.collect()
    });
    let response = QueryAssignmentResponse { message_queue_assignments };
    responder.send(Ok(Reply::success().body(body::encode(&response))));
}

async fn queues_of_client(
    broker: &Broker,
    request: &QueryAssignmentRequest,
    mode: (MessageRequestMode, i32),
) -> Option<BTreeSet<MessageQueue>> {
    let queues = broker.topic_routes.queues(broker, &request.topic).await?;
    let clustering = request.message_model == MessageModel::Clustering;
    if !clustering || !broker.config.peek().server_load_balancer_enable {
        return Some(queues.into_iter().collect());
    }
    let group = &request.consumer_group;
    let members: BTreeSet<String> = broker
        .clients
        .read(|table| table.client_ids(group).into_iter().map(str::to_owned).collect());
    if members.is_empty() {
        return None;
    }
    let Some(strategy) = Strategy::named(&request.strategy_name) else {
        tracing::warn!(
            group,
            strategy = request.strategy_name,
            "unknown strategy of assignment, it is AVG or AVG_BY_CIRCLE"
        );
        return None;
    };
    Some(assign(strategy, mode, &queues, &members, &request.client_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PULL: (MessageRequestMode, i32) = (MessageRequestMode::Pull, 0);

    fn queues(count: i32) -> Vec<MessageQueue> {
        let queue =
            |queue_id| MessageQueue { broker_name: "a".into(), queue_id, topic: "t".into() };
        (0..count).map(queue).collect()
    }

    fn members(count: usize) -> BTreeSet<String> {
        (0..count).map(|number| format!("c{number}")).collect()
    }

    fn ids(
        strategy: Strategy,
        mode: (MessageRequestMode, i32),
        (queue_count, member_count): (i32, usize),
    ) -> Vec<Vec<i32>> {
        let members = members(member_count);
        let of = |client: &String| {
            let assigned = assign(strategy, mode, &queues(queue_count), &members, client);
            assigned.iter().map(|queue| queue.queue_id).collect()
        };
        members.iter().map(of).collect()
    }

    #[test]
    fn pulling_members_share_all_queues_as_apaches_strategies_do() {
        let averagely = ids(Strategy::Averagely, PULL, (8, 3));
        assert_eq!(averagely, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]]);
        let by_circle = ids(Strategy::AveragelyByCircle, PULL, (8, 3));
        assert_eq!(by_circle, [vec![0, 3, 6], vec![1, 4, 7], vec![2, 5]]);
        assert_eq!(ids(Strategy::Averagely, PULL, (1, 2)), [vec![0], vec![]]);
    }

    #[test]
    fn popping_members_pop_everywhere_or_share_with_those_that_follow() {
        let pop = |share_count| (MessageRequestMode::Pop, share_count);
        assert_eq!(ids(Strategy::Averagely, pop(0), (4, 2)), [vec![-1], vec![-1]]);
        assert_eq!(ids(Strategy::Averagely, pop(-1), (4, 1)), [vec![-1]]);
        let shared = ids(Strategy::Averagely, pop(1), (4, 4));
        assert_eq!(shared, [vec![0, 1], vec![1, 2], vec![2, 3], vec![0, 3]]);
        let more_members = ids(Strategy::Averagely, pop(1), (2, 4));
        assert_eq!(more_members, [vec![0], vec![1], vec![0], vec![1]]);
    }

    #[test]
    fn client_that_is_no_member_gets_nothing() {
        let assigned = assign(Strategy::Averagely, PULL, &queues(4), &members(2), "other");
        assert_eq!(assigned, BTreeSet::new());
    }
}
