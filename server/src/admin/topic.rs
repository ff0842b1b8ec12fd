//! `remora topic`.
use std::time::Duration;

use remora_client::Admin;
use remora_client::admin::{TopicSpec, Where};
use remora_protocol::names;
use serde_json::json;

use super::{CommandError, print};
use crate::cli::{ClusterArgs, CreateTopicArgs, Output, TopicCommand};

/// Brokers register a new topic at once: milliseconds.
const ROUTE_LOOK: Duration = Duration::from_millis(20);
const ROUTE_LOOKS: u32 = 250;

pub(crate) async fn run(command: TopicCommand) -> Result<(), CommandError> {
    match command {
        TopicCommand::List { cluster, all } => list(&cluster, all).await,
        TopicCommand::Create(args) => create(&args).await,
        TopicCommand::Delete { topic, yes, cluster } => delete(&cluster, &topic, yes).await,
        TopicCommand::Status { topic, cluster } => status(&cluster, &topic).await,
    }
}

async fn list(cluster: &ClusterArgs, all: bool) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    let brokers = admin.cluster().await?.broker_addr_table;
    // Every broker has a topic of its own name, and every cluster too.
    let of_system = |topic: &String| {
        names::is_system_topic(topic)
            || brokers.contains_key(topic)
            || brokers.values().any(|broker| broker.cluster == *topic)
            || topic.ends_with("_REPLY_TOPIC")
            || topic.starts_with("%RETRY%")
            || topic.starts_with("%DLQ%")
    };
    let mut topics: Vec<String> = admin.topics().await?.into_iter().collect();
    topics.retain(|topic| all || !of_system(topic));
    match cluster.output {
        Output::Json => println!("{}", json!(topics)),
        Output::Table if topics.is_empty() => {
            println!(
                "no topics yet: remora topic create NAME, or just send one (--all: the system's)"
            );
        }
        Output::Table => topics.iter().for_each(|topic| println!("{topic}")),
    }
    admin.shutdown().await;
    Ok(())
}

async fn create(args: &CreateTopicArgs) -> Result<(), CommandError> {
    let CreateTopicArgs { topic, queues, perm, attributes, cluster } = args;
    let number = |what: &str, value: u32| {
        i32::try_from(value)
            .map_err(|_| CommandError::Usage(format!("{what} {value} is too large")))
    };
    let mut spec =
        TopicSpec::new(topic).queues(number("--queues", *queues)?).perm(number("--perm", *perm)?);
    for (name, value) in &attributes.set {
        spec = spec.attribute(name, value);
    }
    for name in &attributes.taken_away {
        spec = spec.without_attribute(name);
    }
    let admin = Admin::connect(&cluster.nameserver).await?;
    let masters = admin.masters(&Where::Everywhere).await?;
    admin.create_topic(&spec, &Where::Everywhere).await?;
    await_route(&admin, topic).await?;
    let brokers: Vec<&str> = masters.iter().map(|broker| &*broker.broker_name).collect();
    match cluster.output {
        Output::Json => {
            println!("{}", json!({ "topic": topic, "queues": queues, "brokers": brokers }));
        }
        Output::Table => {
            println!("topic {topic}: {queues} queues on each of {}", brokers.join(", "));
        }
    }
    admin.shutdown().await;
    Ok(())
}

/// Waits until the nameserver knows a topic that a broker has just made, so that the next command
/// finds it; not for ever, as the topic is there either way.
pub(super) async fn await_route(admin: &Admin, topic: &str) -> Result<(), CommandError> {
    for _ in 0..ROUTE_LOOKS {
        if admin.topic_exists(topic).await? {
            break;
        }
        tokio::time::sleep(ROUTE_LOOK).await;
    }
    Ok(())
}

async fn delete(cluster: &ClusterArgs, topic: &str, yes: bool) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    must_exist(&admin, topic).await?;
    if !yes && !print::confirmed(&format!("Delete topic {topic} with all of its messages?"))? {
        return Err(CommandError::NotConfirmed);
    }
    admin.delete_topic(topic, &Where::Everywhere).await?;
    match cluster.output {
        Output::Json => println!("{}", json!({ "topic": topic, "deleted": true })),
        Output::Table => println!("topic {topic} deleted"),
    }
    admin.shutdown().await;
    Ok(())
}

async fn status(cluster: &ClusterArgs, topic: &str) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    must_exist(&admin, topic).await?;
    let stats = admin.topic_stats(topic).await?;
    let attributes = admin.topic_attributes(topic).await?;
    match cluster.output {
        Output::Json => {
            let queues: Vec<_> = stats
                .iter()
                .map(|stat| {
                    json!({
                        "broker": &*stat.queue.broker_name,
                        "queueId": stat.queue.queue_id,
                        "minOffset": stat.min_offset,
                        "maxOffset": stat.max_offset,
                        "lastUpdateMs": stat.last_update_ms,
                    })
                })
                .collect();
            println!("{}", json!({ "topic": topic, "attributes": attributes, "queues": queues }));
        }
        Output::Table => {
            attributes.iter().for_each(|(name, value)| println!("{name}={value}"));
            let rows = stats.iter().map(|stat| {
                let last = stat.last_update_ms;
                vec![
                    stat.queue.broker_name.to_string(),
                    stat.queue.queue_id.to_string(),
                    stat.min_offset.to_string(),
                    stat.max_offset.to_string(),
                    (stat.max_offset - stat.min_offset).to_string(),
                    if last > 0 { print::utc(last) } else { "never".to_owned() },
                ]
            });
            let head = ["BROKER", "QUEUE", "MIN", "MAX", "MESSAGES", "LAST MESSAGE"];
            println!("{}", print::table(&head, rows));
        }
    }
    admin.shutdown().await;
    Ok(())
}

async fn must_exist(admin: &Admin, topic: &str) -> Result<(), CommandError> {
    if admin.topic_exists(topic).await? {
        return Ok(());
    }
    let known = admin.topics().await?;
    let hint = print::did_you_mean(topic, known.iter().map(String::as_str));
    Err(CommandError::NotFound { what: "topic", name: topic.to_owned(), hint })
}
