//! Half messages whose end does not come: their producers are asked (39), and after the last check
//! they go to TRANS_CHECK_MAX_TIME_TOPIC.
//!
//! Differences from Apache: the half message stays where it is (Apache appends it again for every
//! check); where nobody of the group is connected the check is not counted, so that a producer that
//! is down for an hour loses nothing; each check asks another producer of the group.
use std::sync::Arc;
use std::time::Duration;

use remora_protocol::header::CheckTransactionStateHeader;
use remora_protocol::message_id::OffsetId;
use remora_protocol::properties::name;
use remora_protocol::record::{self, Record};
use remora_protocol::{RequestCode, names};
use remora_remoting::{Body, Connection};

use crate::broker::Broker;
use crate::end_transaction::{DecisionError, store_decision, store_op};
use crate::made_topics;
use crate::own_messages::OwnMessage;
use crate::time;
use crate::transaction_table::{Asked, Decision, Due, Half, Rules};
use crate::transactions::rules;

/// How often the table is looked through, at most and at least.
const ROUND_PERIOD_MAX: Duration = Duration::from_secs(1);
const ROUND_PERIOD_MIN: Duration = Duration::from_millis(10);
/// Chosen: the table's lock is held for microseconds, and the stop waits for one round at most.
const DUE_AT_ONCE: usize = 256;

/// The task: until the stop.
pub(crate) async fn check_regularly(broker: Arc<Broker>) {
    // Whether the store was told to keep records.
    let mut keeps = false;
    loop {
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(period(&rules(&broker.config.peek()))) => {}
        }
        if broker.transactions.table.lock().is_empty() {
            if keeps {
                keep_records(&broker);
                keeps = false;
            }
            continue;
        }
        keeps = true;
        let checking = broker.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || round(&checking)).await {
            tracing::error!(%error, "checking half messages failed");
        }
    }
}

fn period(rules: &Rules) -> Duration {
    let shortest_ms = rules.first_check_ms.min(rules.check_interval_ms) / 4;
    let shortest = Duration::from_millis(u64::try_from(shortest_ms).unwrap_or(0));
    shortest.clamp(ROUND_PERIOD_MIN, ROUND_PERIOD_MAX)
}

fn round(broker: &Broker) {
    keep_records(broker);
    let rules = rules(&broker.config.peek());
    // Unlike Apache, which forgets what retention takes. Once a round: one that cannot be moved now
    // would come again at once.
    let wanted = broker.store.retention_wanted();
    let mut due = broker.transactions.table.lock().give_up_below(wanted, DUE_AT_ONCE);
    while !broker.stopping.is_cancelled() {
        due.extend(broker.transactions.table.lock().due(time::tick_ms(), &rules, DUE_AT_ONCE));
        let is_last = due.len() < DUE_AT_ONCE;
        for due in due.drain(..) {
            match due {
                Due::Check(half) => check(broker, &half),
                Due::GiveUp(half) => give_up(broker, &half),
            }
        }
        if is_last {
            return;
        }
    }
}

/// Has retention leave the records of half messages that wait.
fn keep_records(broker: &Broker) {
    let oldest = broker.transactions.table.lock().oldest_physical_offset();
    broker.store.keep_from("half messages", oldest.unwrap_or(u64::MAX));
}

fn check(broker: &Broker, half: &Half) {
    let counts = &broker.transactions.counts;
    let asked = ask(broker, half);
    match asked {
        Asked::Somebody => counts.checks_sent.add(1),
        Asked::Nobody => counts.checks_unasked.add(1),
    }
    broker.transactions.table.lock().checked(time::tick_ms(), half.queue_offset, asked);
}

/// Sends 39 to one producer of the group, another one than at the last check where there are
/// several.
fn ask(broker: &Broker, half: &Half) -> Asked {
    let members: Vec<u64> = broker
        .clients
        .read(|table| table.producers(&half.group).map(|member| member.connection_id).collect());
    if members.is_empty() {
        return Asked::Nobody;
    }
    let bytes = match broker.store.message_at(half.physical_offset) {
        Ok(bytes) => bytes,
        Err(error) => {
            tracing::error!(queue_offset = half.queue_offset, %error, "half message not readable");
            // Counted: some day it is given up.
            return Asked::Somebody;
        }
    };
    let Ok(record) = record::decode(&bytes) else { return Asked::Somebody };
    let first = usize::try_from(half.checks).unwrap_or(0) % members.len();
    let (later, sooner) = members.split_at(first);
    let connections = sooner.iter().chain(later).filter_map(|id| broker.clients.connection(*id));
    for conn in connections.filter(|conn| !conn.is_outbound_full()) {
        if send(broker, half, &record, &conn) {
            return Asked::Somebody;
        }
    }
    Asked::Nobody
}

fn send(broker: &Broker, half: &Half, record: &Record<'_>, conn: &Arc<Connection>) -> bool {
    let mut message = OwnMessage::of(record);
    let unique_id = message.property(name::UNIQ_KEY).unwrap_or_default().to_owned();
    // As its application knows it.
    let real_topic = message.property(name::REAL_TOPIC).unwrap_or_default().to_owned();
    let real_queue = message.property(name::REAL_QID).and_then(|id| id.parse().ok());
    message.set(name::TRANSACTION_CHECK_TIMES, &half.checks.saturating_add(1).to_string());
    message.topic = real_topic.into();
    message.queue_id = real_queue.unwrap_or(0);
    let Ok(mut body) = message.encoded(record.store_host) else { return false };
    record::seal(&mut body, record.queue_offset, record.physical_offset, record.store_timestamp_ms);
    let id = OffsetId { store_host: record.store_host, physical_offset: record.physical_offset };
    let offset_msg_id = id.to_hex();
    let settings = broker.config.settings();
    let header = CheckTransactionStateHeader {
        topic: Some(names::TRANS_HALF_TOPIC.into()),
        tran_state_table_offset: record.queue_offset,
        commit_log_offset: record.physical_offset,
        msg_id: Some(unique_id.as_str().into()),
        transaction_id: Some(unique_id.as_str().into()),
        offset_msg_id: Some(offset_msg_id.as_str().into()),
        broker_name: Some(settings.broker_name.as_str().into()),
    };
    let sent = conn.oneway(RequestCode::CHECK_TRANSACTION_STATE, &header, Body::from(body));
    if let Err(error) = &sent {
        tracing::debug!(peer = %conn.peer, group = &*half.group, %error, "producer not asked");
    }
    sent.is_ok()
}

fn give_up(broker: &Broker, half: &Half) {
    if let Err(error) = made_topics::find_or_make(broker, made_topics::given_up_halves()) {
        tracing::error!(%error, "topic {} not created", names::TRANS_CHECK_MAX_TIME_TOPIC);
    }
    let outcome = match store_decision(broker, half, Decision::GiveUp) {
        Err(DecisionError::Read(cause)) => {
            tracing::error!(
                queue_offset = half.queue_offset,
                physical_offset = half.physical_offset,
                %cause,
                "a half message that cannot be read is forgotten"
            );
            let again =
                broker.transactions.table.lock().ended_by(half.queue_offset, Decision::GiveUp);
            if again { store_op(broker, half, Decision::GiveUp) } else { Ok(0) }
        }
        outcome => outcome,
    };
    match outcome {
        Ok(_) => tracing::warn!(
            group = &*half.group,
            topic = &*half.topic,
            queue_offset = half.queue_offset,
            checks = half.checks,
            "no producer ended a half message; it is in {}",
            names::TRANS_CHECK_MAX_TIME_TOPIC
        ),
        Err(error) => tracing::error!(
            queue_offset = half.queue_offset, %error, "a half message could not be given up"
        ),
    }
}
