//! `remora transaction`: half messages whose end did not come yet.
use remora_client::Admin;
use remora_client::admin::{HalfMessages, Where};
use serde_json::json;

use super::{CommandError, print};
use crate::cli::{Output, TransactionCommand, TransactionListArgs};

pub(crate) async fn run(command: TransactionCommand) -> Result<(), CommandError> {
    match command {
        TransactionCommand::List(args) => list(&args).await,
    }
}

async fn list(args: &TransactionListArgs) -> Result<(), CommandError> {
    let admin = Admin::connect(&args.cluster.nameserver).await?;
    let (topic, group) = (args.topic.as_deref(), args.group.as_deref());
    let found = admin.half_messages(topic, group, args.max, &Where::Everywhere).await?;
    admin.shutdown().await;
    match args.cluster.output {
        Output::Json => println!("{}", as_json(&found)),
        Output::Table if found.iter().all(|broker| broker.half_messages.is_empty()) => {
            println!("no half message waits for its end");
        }
        Output::Table => println!("{}", as_table(&found)),
    }
    Ok(())
}

fn as_json(found: &[HalfMessages]) -> serde_json::Value {
    let rows = found.iter().flat_map(|broker| {
        broker.half_messages.iter().map(|half| {
            json!({
                "broker": &*broker.broker_name,
                "topic": half.topic,
                "group": half.producer_group,
                "msgId": half.unique_id,
                "offsetMsgId": half.offset_msg_id,
                "ageMs": half.age_ms,
                "checks": half.checks,
                "nextCheckInMs": half.next_check_in_ms,
                "storeTimestampMs": half.store_timestamp,
            })
        })
    });
    rows.collect()
}

fn as_table(found: &[HalfMessages]) -> String {
    let rows = found.iter().flat_map(|broker| {
        broker.half_messages.iter().map(|half| {
            vec![
                half.topic.clone(),
                half.producer_group.clone(),
                half.unique_id.clone(),
                seconds(half.age_ms),
                half.checks.to_string(),
                half.next_check_in_ms.map_or_else(|| "being decided".to_owned(), seconds),
                broker.broker_name.to_string(),
            ]
        })
    });
    let head = ["TOPIC", "GROUP", "ID", "AGE", "CHECKS", "NEXT CHECK IN", "BROKER"];
    print::table(&head, rows)
}

fn seconds(ms: i64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}
