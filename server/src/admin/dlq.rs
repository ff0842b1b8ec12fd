//! `remora dlq`: what groups gave up.
use std::time::Duration;

use remora_client::admin::{DeadLetters, Letters, SendTo};
use remora_client::{Admin, ClientError, MessageView, Producer};
use remora_protocol::properties::name;
use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::{CommandError, print};
use crate::cli::{ClusterArgs, DlqCommand, Output, ReplayArgs, ReplayTo};

/// Producer group of what is sent by hand.
const GROUP: &str = "remora-cli";
/// So many letters between two lines of progress. Chosen: one every ten seconds by default.
const PROGRESS_EVERY: u64 = 1_000;

pub(crate) async fn run(command: DlqCommand) -> Result<(), CommandError> {
    match command {
        DlqCommand::List { cluster } => list(&cluster).await,
        DlqCommand::Show { group, all, max, cluster } => show(&group, all, max, &cluster).await,
        DlqCommand::Replay(args) => replay(&args).await,
    }
}

async fn list(cluster: &ClusterArgs) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    let queues = admin.dead_letter_queues().await?;
    admin.shutdown().await;
    match cluster.output {
        Output::Json => {
            let rows = queues.iter().map(|queue| {
                json!({
                    "group": queue.group,
                    "stored": queue.stored,
                    "open": queue.open,
                    "lastTimestampMs": queue.last_ms,
                })
            });
            println!("{}", rows.collect::<serde_json::Value>());
        }
        Output::Table if queues.is_empty() => println!("no group has dead letters"),
        Output::Table => {
            let rows = queues.iter().map(|queue| {
                vec![
                    queue.group.clone(),
                    queue.stored.to_string(),
                    queue.open.to_string(),
                    print::utc(queue.last_ms),
                ]
            });
            println!("{}", print::table(&["GROUP", "LETTERS", "NOT SENT AGAIN", "LAST"], rows));
        }
    }
    Ok(())
}

async fn show(group: &str, all: bool, max: u64, cluster: &ClusterArgs) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    let mut letters = letters_of(&admin, group, all).await?;
    let mut shown = 0;
    while shown < max
        && let Some(letter) = letters.next().await?
    {
        match cluster.output {
            Output::Json => println!("{}", print::message_json(&letter)),
            Output::Table => println!("{}", line(&letter)),
        }
        shown += 1;
    }
    if shown == 0 && cluster.output == Output::Table {
        println!("none that was not sent again; --all shows the others");
    }
    admin.shutdown().await;
    Ok(())
}

/// Where it was sent first, how often it was tried, and what it says.
fn line(letter: &MessageView) -> String {
    let topic = letter.property(name::RETRY_TOPIC).unwrap_or("?");
    format!(
        "{} id={} topic={topic} tries={}",
        print::message_line(letter),
        letter.msg_id(),
        letter.reconsume_times
    )
}

async fn letters_of(admin: &Admin, group: &str, all: bool) -> Result<DeadLetters, CommandError> {
    let which = if all { Letters::All } else { Letters::Open };
    match admin.dead_letters(group, which).await {
        Err(ClientError::TopicNotFound { .. }) => Err(CommandError::NotFound {
            what: "dead letter queue of group",
            name: group.to_owned(),
            hint: ": the group has given up no message (remora dlq list)".to_owned(),
        }),
        found => Ok(found?),
    }
}

async fn replay(args: &ReplayArgs) -> Result<(), CommandError> {
    let producer = Producer::builder(GROUP).nameserver(&args.cluster.nameserver).start().await?;
    let admin = Admin::new(producer.client());
    let mut letters = letters_of(&admin, &args.group, args.all).await?;
    let to = match args.to {
        ReplayTo::Group => SendTo::Group,
        ReplayTo::Topic => SendTo::Topic,
    };
    let mut pace = tokio::time::interval(Duration::from_secs(1) / args.rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut sent, mut unknown) = (0, 0);
    while args.max.is_none_or(|max| sent < max)
        && let Some(letter) = letters.next().await?
    {
        pace.tick().await;
        let Some(message) = letters.message(&letter, to) else {
            unknown += 1;
            eprintln!("not sent, nothing says which topic it is from: {}", line(&letter));
            continue;
        };
        producer.send(message).await?;
        letters.close(&letter).await?;
        sent += 1;
        if sent % PROGRESS_EVERY == 0 && args.cluster.output == Output::Table {
            eprintln!("{sent} sent again");
        }
    }
    producer.shutdown().await;
    match args.cluster.output {
        Output::Json => println!("{}", json!({ "sent": sent, "notSent": unknown })),
        Output::Table => println!("{sent} sent again to {}", target(args)),
    }
    Ok(())
}

fn target(args: &ReplayArgs) -> String {
    match args.to {
        ReplayTo::Group => format!("group {}", args.group),
        ReplayTo::Topic => "their topics".to_owned(),
    }
}
