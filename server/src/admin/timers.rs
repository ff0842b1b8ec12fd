//! `remora message timers`: delayed messages that wait.
use remora_client::Admin;
use remora_client::admin::{TimerFilter, Timers, Where};
use serde_json::json;

use super::moment::{Moment, duration_ms};
use super::{CommandError, print};
use crate::cli::Output;
use crate::cli_timers::{TimerChoice, TimerListArgs, TimerMoveArgs, TimersCommand};

pub(crate) async fn run(command: TimersCommand) -> Result<(), CommandError> {
    match command {
        TimersCommand::List(args) => list(&args).await,
        TimersCommand::Cancel { timer, cluster } => {
            let admin = Admin::connect(&cluster.nameserver).await?;
            let handle = handle_of(&admin, timer).await?;
            let msg_id = admin.recall(&handle).await?;
            admin.shutdown().await;
            match cluster.output {
                Output::Json => println!("{}", json!({ "msgId": msg_id })),
                Output::Table => println!("message {msg_id} is withdrawn"),
            }
            Ok(())
        }
        TimersCommand::Move(args) => move_to(args).await,
    }
}

async fn list(args: &TimerListArgs) -> Result<(), CommandError> {
    let admin = Admin::connect(&args.cluster.nameserver).await?;
    let (topic, msg_id) = (args.topic.as_deref(), args.id.as_deref());
    let wanted = TimerFilter { topic, msg_id, from_due_ms: 0 };
    let found = admin.timers(wanted, args.max, &Where::Everywhere).await?;
    admin.shutdown().await;
    match args.cluster.output {
        Output::Json => println!("{}", as_json(&found)),
        Output::Table if found.iter().all(|broker| broker.timers.is_empty()) => {
            println!("no timer message waits");
        }
        Output::Table => println!("{}", as_table(&found)),
    }
    Ok(())
}

async fn move_to(args: TimerMoveArgs) -> Result<(), CommandError> {
    let TimerMoveArgs { timer, after, at, cluster } = args;
    let now_ms = crate::clock::wall_ms();
    let at_ms = |text: &str| match Moment::parse(text, now_ms) {
        Some(Moment::At(due_ms)) => Some(due_ms),
        _ => None,
    };
    let after_ms = |text: &str| duration_ms(text).map(|ms| now_ms.saturating_add(ms));
    let (text, due_ms) = match (&after, &at) {
        (Some(text), _) => (text.as_str(), after_ms(text)),
        (None, Some(text)) => (text.as_str(), at_ms(text)),
        (None, None) => ("", None),
    };
    let due_ms = due_ms.ok_or_else(|| {
        CommandError::Usage(format!(
            "'{text}' is no time: --in 90s, 15m, 2h or 3d, --at 2026-12-01T06:00 or milliseconds"
        ))
    })?;
    let admin = Admin::connect(&cluster.nameserver).await?;
    let handle = handle_of(&admin, timer).await?;
    let handle = admin.move_timer(&handle, due_ms).await?;
    admin.shutdown().await;
    match cluster.output {
        Output::Json => println!("{}", json!({ "dueMs": due_ms, "recallHandle": handle })),
        Output::Table => println!("due {}; its handle is now {handle}", print::utc(due_ms)),
    }
    Ok(())
}

/// The handle that was given, or that of the message that was named.
async fn handle_of(admin: &Admin, timer: TimerChoice) -> Result<String, CommandError> {
    if let Some(handle) = timer.handle {
        return Ok(handle);
    }
    let (topic, msg_id) = (timer.topic.as_deref(), timer.id.as_deref());
    let wanted = TimerFilter { topic, msg_id, from_due_ms: 0 };
    let found = admin.timers(wanted, 1, &Where::Everywhere).await?;
    let found = found.into_iter().flat_map(|broker| broker.timers).next();
    found.map(|timer| timer.recall_handle).ok_or_else(|| CommandError::NotFound {
        what: "timer message",
        name: msg_id.unwrap_or_default().to_owned(),
        hint: ": none with this id waits".to_owned(),
    })
}

fn as_json(found: &[Timers]) -> serde_json::Value {
    let rows = found.iter().flat_map(|broker| {
        broker.timers.iter().map(|timer| {
            json!({
                "broker": &*broker.broker_name,
                "topic": timer.topic,
                "queueId": timer.queue_id,
                "msgId": timer.unique_id,
                "keys": timer.keys,
                "tags": timer.tags,
                "dueMs": timer.due_ms,
                "storeTimestampMs": timer.stored_ms,
                "bodyBytes": timer.body_bytes,
                "recallHandle": timer.recall_handle,
            })
        })
    });
    rows.collect()
}

fn as_table(found: &[Timers]) -> String {
    let rows = found.iter().flat_map(|broker| {
        broker.timers.iter().map(|timer| {
            vec![
                print::utc(timer.due_ms),
                timer.topic.clone(),
                timer.unique_id.clone(),
                timer.keys.clone(),
                timer.tags.clone(),
                timer.body_bytes.to_string(),
                broker.broker_name.to_string(),
                timer.recall_handle.clone(),
            ]
        })
    });
    print::table(&["DUE", "TOPIC", "ID", "KEYS", "TAGS", "BYTES", "BROKER", "HANDLE"], rows)
}
