//! `remora message timeline`: what happened to one message.
use remora_client::{Admin, ClientError, MessageView};
use remora_protocol::names;
use serde_json::{Value, json};

use super::message::by_id;
use super::{CommandError, print};
use crate::cli::{ClusterArgs, Output};

/// What a group has done with the message.
struct GroupFate {
    group: String,
    fate: &'static str,
    /// Copies in the group's retry and dead letter topics: how often consumed, stored when.
    retried: Option<(i32, i64)>,
    dead_ms: Option<i64>,
    committed_offset: Option<i64>,
}

pub(crate) async fn run(cluster: &ClusterArgs, topic: &str, id: &str) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    let Some(message) = by_id(&admin, topic, id).await?.into_iter().next() else {
        let hint = format!(" in topic {topic}");
        return Err(CommandError::NotFound { what: "message", name: id.to_owned(), hint });
    };
    let mut fates = Vec::new();
    for group in admin.topic_groups(topic).await? {
        fates.push(fate(&admin, &message, group).await?);
    }
    match cluster.output {
        Output::Json => println!("{}", as_json(&message, &fates)),
        Output::Table => print_events(&message, &fates),
    }
    admin.shutdown().await;
    Ok(())
}

async fn fate(
    admin: &Admin,
    message: &MessageView,
    group: String,
) -> Result<GroupFate, CommandError> {
    let progress = admin.consume_stats(&group, Some(message.topic())).await?;
    let queue = progress.queues.into_iter().find(|at| at.queue == message.queue);
    let committed_offset = queue.as_ref().map(|at| at.consumer_offset);
    let id = message.msg_id();
    let retried = copy(admin, &names::retry_topic(&group), &id).await?;
    let dead = copy(admin, &names::dlq_topic(&group), &id).await?;
    let fate = match &queue {
        _ if dead.is_some() => "dead letter",
        _ if retried.is_some() => "retried",
        Some(at) if at.consumer_offset > message.queue_offset => "consumed or skipped",
        Some(at) if at.pull_offset > message.queue_offset => "pulled, not committed",
        _ => "waiting",
    };
    Ok(GroupFate {
        group,
        fate,
        retried: retried.map(|copy| (copy.reconsume_times, copy.store_timestamp_ms)),
        dead_ms: dead.map(|copy| copy.store_timestamp_ms),
        committed_offset,
    })
}

/// The newest copy of a message in a topic that may not exist.
async fn copy(admin: &Admin, topic: &str, id: &str) -> Result<Option<MessageView>, CommandError> {
    match admin.message_by_unique_key(topic, id).await {
        Ok(found) => Ok(found),
        Err(ClientError::TopicNotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn print_events(message: &MessageView, fates: &[GroupFate]) {
    let queue = &message.queue;
    println!("{}  sent", print::utc(message.born_timestamp_ms));
    println!(
        "{}  stored in {}/{}/{} at offset {}",
        print::utc(message.store_timestamp_ms),
        queue.topic,
        queue.broker_name,
        queue.queue_id,
        message.queue_offset
    );
    for fate in fates {
        if let Some((times, stored_ms)) = fate.retried {
            println!("{}  group {}: back for retry {times}", print::utc(stored_ms), fate.group);
        }
        if let Some(stored_ms) = fate.dead_ms {
            println!("{}  group {}: dead letter", print::utc(stored_ms), fate.group);
        }
    }
    if fates.is_empty() {
        println!("no group consumes topic {}", queue.topic);
        return;
    }
    let rows = fates.iter().map(|fate| {
        let committed = fate.committed_offset.map_or("-".to_owned(), |offset| offset.to_string());
        vec![fate.group.clone(), fate.fate.to_owned(), committed]
    });
    println!("{}", print::table(&["GROUP", "NOW", "COMMITTED"], rows));
}

fn as_json(message: &MessageView, fates: &[GroupFate]) -> Value {
    let groups: Vec<Value> = fates
        .iter()
        .map(|fate| {
            json!({
                "group": fate.group,
                "fate": fate.fate,
                "committedOffset": fate.committed_offset,
                "retries": fate.retried.map(|(times, _)| times),
                "retryStoredMs": fate.retried.map(|(_, stored_ms)| stored_ms),
                "deadStoredMs": fate.dead_ms,
            })
        })
        .collect();
    json!({ "message": print::message_json(message), "groups": groups })
}
