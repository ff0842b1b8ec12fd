//! 41, 42: consumers that consume in order lock their queues.
use std::sync::Arc;

use remora_protocol::ResponseCode;
use remora_protocol::body::{self, LockBatchRequest, LockBatchResponse, MessageQueue};
use remora_protocol::header::UpdateConsumerOffsetHeader;
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};

use crate::broker::Broker;
use crate::queue_locks::{GivenBack, LockedQueue, Owner};
use crate::refusals;
use crate::time;

/// 41 LOCK_BATCH_MQ: answers with the queues that the client now holds. Of queues that this broker
/// has not none is locked.
pub(crate) fn lock_batch(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let asked = asked(request)?;
    let broker_name = &broker.config.peek().broker_name;
    let is_here = |queue: &&MessageQueue| {
        let queue_id = usize::try_from(queue.queue_id);
        queue.broker_name == *broker_name
            && broker
                .topics
                .find(&queue.topic)
                .is_some_and(|topic| queue_id.is_ok_and(|id| id < topic.queue_count()))
    };
    let owner = Owner { client_id: &asked.client_id, connection_id: request.conn.id };
    let queues = asked.mq_set.iter().filter(is_here).map(locked_queue);
    let locked =
        broker.queue_locks.lock().lock(time::tick_ms(), &asked.consumer_group, owner, queues);
    // Closed meanwhile: `closed` may have run before the locking.
    if request.conn.is_closed() {
        broker.queue_locks.lock().closed(request.conn.id);
    }
    let to_wire = |queue: LockedQueue| MessageQueue {
        topic: queue.topic,
        broker_name: broker_name.clone(),
        queue_id: queue.queue_id,
    };
    let response = LockBatchResponse { lock_ok_mq_set: locked.into_iter().map(to_wire).collect() };
    Ok(Reply::success().body(body::encode(&response)))
}

/// 42 UNLOCK_BATCH_MQ. Where another member waits for a queue that becomes free, the group is told
/// to rebalance: official clients try again only after seconds.
pub(crate) fn unlock_batch(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let asked = asked(request)?;
    let queues = asked.mq_set.iter().map(locked_queue);
    let LockBatchRequest { consumer_group, client_id, .. } = &asked;
    let now_ms = time::tick_ms();
    let how = if request.frame.flags.is_oneway() { GivenBack::Share } else { GivenBack::Stopping };
    let mut locks = broker.queue_locks.lock();
    let is_awaited = locks.unlock(now_ms, consumer_group, client_id, how, queues);
    drop(locks);
    if is_awaited {
        broker.clients.rebalance(broker, &asked.consumer_group);
    }
    Ok(Reply::success())
}

/// Why a member of a group may not commit: another one has locked the queue, and consumes it now.
/// The commit is a late one; it would take that one back, or past messages. Apache's broker stores
/// it.
pub(crate) fn not_the_holder(
    broker: &Broker,
    connection_id: u64,
    header: &UpdateConsumerOffsetHeader<'_>,
) -> Option<Refusal> {
    let (group, topic) = (header.consumer_group.as_ref(), header.topic.as_ref());
    let (queue_id, offset) = (header.queue_id, header.commit_offset);
    let locks = broker.queue_locks.lock();
    let holder = locks.holder(time::tick_ms(), group, topic, queue_id).cloned()?;
    drop(locks);
    let (member, is_holder_there) = broker.clients.read(|table| {
        let group = table.group(group)?;
        let member = group.client_id(connection_id)?.to_owned();
        Some((member, group.members.values().any(|other| other.client.client_id == *holder)))
    })?;
    if *member == *holder || !is_holder_there {
        return None;
    }
    tracing::warn!(group, topic, queue_id, offset, member, %holder, "commit by no lock's holder");
    let remark = format!(
        "offset {offset} is not stored: queue {queue_id} of topic '{topic}' is locked by client '{holder}' \
         of group '{group}', and client '{member}' commits"
    );
    Some(Refusal::new(ResponseCode::SYSTEM_ERROR, remark))
}

fn asked(request: &Request<'_>) -> Result<LockBatchRequest, Refusal> {
    let asked: LockBatchRequest =
        body::decode(request.frame.body).map_err(|error| refusals::body("queue lock", &error))?;
    for (field, value) in [("consumerGroup", &asked.consumer_group), ("clientId", &asked.client_id)]
    {
        if value.is_empty() {
            return Err(refusals::illegal(format!("field '{field}' of the queue lock is empty")));
        }
    }
    Ok(asked)
}

fn locked_queue(queue: &MessageQueue) -> LockedQueue {
    LockedQueue { topic: queue.topic.clone(), queue_id: queue.queue_id }
}
