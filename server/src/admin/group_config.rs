//! `remora group create`.
use std::collections::BTreeMap;

use remora_client::Admin;
use remora_client::admin::Where;
use remora_protocol::body::SubscriptionGroupConfig;
use serde_json::json;

use super::{CommandError, print};
use crate::cli::{AttributeArgs, Output};
use crate::cli_group::CreateGroupArgs;

pub(super) async fn create(args: &CreateGroupArgs) -> Result<(), CommandError> {
    let (group, place) = (&args.group, &Where::Everywhere);
    let admin = Admin::connect(&args.cluster.nameserver).await?;
    let known = admin.groups(place).await?.remove(group);
    let config = changed(known.unwrap_or_default(), args);
    admin.create_group(&config, place).await?;
    let now = admin.groups(place).await?.remove(group).unwrap_or_default();
    match args.cluster.output {
        Output::Json => println!(
            "{}",
            json!({
                "group": group,
                "retryMaxTimes": now.retry_max_times,
                "consumeEnable": now.consume_enable,
                "attributes": now.attributes,
            })
        ),
        Output::Table => {
            let mut rows = vec![
                vec!["retry max".to_owned(), now.retry_max_times.to_string()],
                vec!["consume".to_owned(), now.consume_enable.to_string()],
            ];
            rows.extend(now.attributes.into_iter().map(|(name, value)| vec![name, value]));
            println!("group {group}\n{}", print::table(&["SETTING", "VALUE"], rows));
        }
    }
    admin.shutdown().await;
    Ok(())
}

/// What is not named stays as it is. Attributes are changes, in Apache's notation.
fn changed(known: SubscriptionGroupConfig, args: &CreateGroupArgs) -> SubscriptionGroupConfig {
    let AttributeArgs { set, taken_away } = &args.attributes;
    let set = set.iter().map(|(name, value)| (format!("+{name}"), value.clone()));
    let gone = taken_away.iter().map(|name| (format!("-{name}"), String::new()));
    let attributes: BTreeMap<String, String> = set.chain(gone).collect();
    SubscriptionGroupConfig {
        group_name: args.group.clone(),
        retry_max_times: args.retry_max.unwrap_or(known.retry_max_times),
        consume_enable: args.consume.unwrap_or(known.consume_enable),
        attributes,
        ..known
    }
}
