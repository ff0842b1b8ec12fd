//! `remora group`.
use remora_client::admin::Where;
use remora_client::{Admin, ClientError, MessageQueue};
use remora_protocol::{ResponseCode, body};
use serde_json::json;

use super::moment::Moment;
use super::{CommandError, group_config, lag, print};
use crate::cli::{ClusterArgs, Output};
use crate::cli_group::{GroupCommand, ResetArgs};

/// Groups that Apache's tools and brokers make for themselves.
const SYSTEM_GROUPS: [&str; 10] = [
    "TOOLS_CONSUMER",
    "FILTERSRV_CONSUMER",
    "__MONITOR_CONSUMER",
    "CLIENT_INNER_PRODUCER",
    "SELF_TEST_C_GROUP",
    "SELF_TEST_P_GROUP",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_OWNER",
    "CID_ONSAPI_PULL",
    "CID_ONS-HTTP-PROXY",
];

/// And those of the broker's own features.
const SYSTEM_GROUP_PREFIX: &str = "CID_RMQ_SYS_";

pub(crate) async fn run(command: GroupCommand) -> Result<(), CommandError> {
    match command {
        GroupCommand::List { cluster, all } => list(&cluster, all).await,
        GroupCommand::Create(args) => group_config::create(&args).await,
        GroupCommand::Lag { group, topic, cluster } => {
            lag::run(&cluster, &group, topic.as_deref()).await
        }
        GroupCommand::Reset(args) => reset(&args).await,
        GroupCommand::Clone { from, to, topic, cluster } => {
            clone(&cluster, &from, &to, topic.as_deref()).await
        }
        GroupCommand::Connections { group, cluster } => connections(&cluster, &group).await,
        GroupCommand::Delete { group, yes, cluster } => delete(&cluster, &group, yes).await,
    }
}

async fn list(cluster: &ClusterArgs, all: bool) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    let names = admin.groups(&Where::Everywhere).await?.into_keys();
    let names = names.filter(|name| {
        let of_system =
            SYSTEM_GROUPS.contains(&name.as_str()) || name.starts_with(SYSTEM_GROUP_PREFIX);
        all || !of_system
    });
    let mut rows = Vec::new();
    for name in names {
        let members = on_line(&admin, &name).await?.map_or(0, |group| group.connection_set.len());
        let progress = admin.consume_stats(&name, None).await?;
        let mut topics: Vec<String> = progress
            .queues
            .iter()
            .map(|queue| queue.queue.topic.to_string())
            .filter(|topic| !topic.starts_with("%RETRY%"))
            .collect();
        topics.dedup();
        rows.push((name, members, topics, progress.lag()));
    }
    match cluster.output {
        Output::Json => {
            let groups = rows.iter().map(|(name, members, topics, lag)| {
                json!({ "group": name, "members": members, "topics": topics, "lag": lag })
            });
            println!("{}", json!(groups.collect::<Vec<_>>()));
        }
        Output::Table if rows.is_empty() => {
            println!("no groups yet: a consumer makes its own (--all: the system's)");
        }
        Output::Table => {
            let rows = rows.into_iter().map(|(name, members, topics, lag)| {
                let topics = if topics.is_empty() { "-".to_owned() } else { topics.join(",") };
                vec![name, members.to_string(), lag.to_string(), topics]
            });
            println!("{}", print::table(&["GROUP", "MEMBERS", "BEHIND", "TOPICS"], rows));
        }
    }
    admin.shutdown().await;
    Ok(())
}

/// `None` where no member is connected.
pub(super) async fn on_line(
    admin: &Admin,
    group: &str,
) -> Result<Option<body::ConsumerConnection>, CommandError> {
    match admin.consumer_connection(group).await {
        Ok(found) => Ok(Some(found)),
        Err(ClientError::Refused { code: ResponseCode::CONSUMER_NOT_ONLINE, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn reset(args: &ResetArgs) -> Result<(), CommandError> {
    let admin = Admin::connect(&args.cluster.nameserver).await?;
    must_exist(&admin, &args.group).await?;
    let offsets = match (&args.to, args.offset, &args.queue) {
        (Some(to), ..) => {
            let moment = Moment::parse(to, crate::clock::wall_ms()).ok_or_else(|| {
                CommandError::Usage(format!(
                    "--to is '{to}', expected start, end, a UTC time such as 2026-11-22T06:15:00Z, ms since 1970, or how long ago, such as 15m"
                ))
            })?;
            admin.reset_offsets(&args.group, &args.topic, moment.timestamp_ms()).await?
        }
        (None, Some(offset), Some(queue)) => {
            let queue = queue_of(&args.topic, queue)?;
            admin.reset_queue_offset(&args.group, &queue, offset).await?;
            vec![(queue, offset)]
        }
        _ => return Err(CommandError::Usage("give --to, or --queue and --offset".to_owned())),
    };
    match args.cluster.output {
        Output::Json => {
            let queues: Vec<_> = offsets
                .iter()
                .map(|(queue, offset)| {
                    json!({
                        "broker": &*queue.broker_name, "queueId": queue.queue_id, "offset": offset,
                    })
                })
                .collect();
            println!("{}", json!({ "group": args.group, "topic": args.topic, "queues": queues }));
        }
        Output::Table => {
            let rows = offsets.iter().map(|(queue, offset)| {
                vec![queue.broker_name.to_string(), queue.queue_id.to_string(), offset.to_string()]
            });
            println!("{}", print::table(&["BROKER", "QUEUE", "NOW AT"], rows));
        }
    }
    admin.shutdown().await;
    Ok(())
}

/// `broker-a:3`.
fn queue_of(topic: &str, text: &str) -> Result<MessageQueue, CommandError> {
    let wrong = || {
        CommandError::Usage(format!("--queue is '{text}', expected BROKER:ID, such as broker-a:3"))
    };
    let (broker_name, queue_id) = text.rsplit_once(':').ok_or_else(wrong)?;
    let queue_id: i32 = queue_id.parse().map_err(|_| wrong())?;
    Ok(MessageQueue::new(topic, broker_name, queue_id))
}

async fn clone(
    cluster: &ClusterArgs,
    from: &str,
    to: &str,
    topic: Option<&str>,
) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    must_exist(&admin, from).await?;
    must_exist(&admin, to).await?;
    admin.clone_offsets(from, to, topic).await?;
    match cluster.output {
        Output::Json => println!("{}", json!({ "from": from, "to": to, "topic": topic })),
        Output::Table => println!("group {to} has the offsets of {from}{}", in_topic(topic)),
    }
    admin.shutdown().await;
    Ok(())
}

fn in_topic(topic: Option<&str>) -> String {
    topic.map(|topic| format!(" in topic {topic}")).unwrap_or_default()
}

async fn connections(cluster: &ClusterArgs, group: &str) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    must_exist(&admin, group).await?;
    let found = on_line(&admin, group).await?;
    match (cluster.output, &found) {
        (Output::Json, _) => println!("{}", json!({ "group": group, "online": found })),
        (Output::Table, None) => println!("no member of group {group} is connected"),
        (Output::Table, Some(found)) => {
            let rows = found.connection_set.iter().map(|member| {
                vec![
                    member.client_id.clone(),
                    member.client_addr.clone(),
                    member.language.clone(),
                    member.version.to_string(),
                ]
            });
            println!("{}", print::table(&["CLIENT", "ADDRESS", "LANGUAGE", "VERSION"], rows));
            for subscription in found.subscription_table.values() {
                println!("subscribes to {}: {}", subscription.topic, subscription.sub_string);
            }
            for clash in &found.clashes {
                println!("{}", clash_line(clash));
            }
        }
    }
    admin.shutdown().await;
    Ok(())
}

/// Members of a group have to subscribe alike.
pub(super) fn clash_line(clash: &body::SubscriptionClash) -> String {
    let wants = |client_id: &str, expression: &Option<String>| match expression {
        Some(expression) => format!("{client_id} wants '{expression}'"),
        None => format!("{client_id} does not subscribe"),
    };
    format!(
        "subscriptions clash in topic {}: {}, {}; each may miss messages until all subscribe alike",
        clash.topic,
        wants(&clash.client_id, &clash.expression),
        wants(&clash.other_client_id, &clash.other_expression),
    )
}

async fn delete(cluster: &ClusterArgs, group: &str, yes: bool) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    must_exist(&admin, group).await?;
    if !yes && !print::confirmed(&format!("Delete group {group} with its offsets?"))? {
        return Err(CommandError::NotConfirmed);
    }
    admin.delete_group(group, &Where::Everywhere).await?;
    match cluster.output {
        Output::Json => println!("{}", json!({ "group": group, "deleted": true })),
        Output::Table => println!("group {group} deleted"),
    }
    admin.shutdown().await;
    Ok(())
}

pub(super) async fn must_exist(admin: &Admin, group: &str) -> Result<(), CommandError> {
    let known = admin.groups(&Where::Everywhere).await?;
    if known.contains_key(group) {
        return Ok(());
    }
    let hint = print::did_you_mean(group, known.keys().map(String::as_str));
    Err(CommandError::NotFound { what: "group", name: group.to_owned(), hint })
}
