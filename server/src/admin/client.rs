//! `remora client`.
use remora_client::Admin;
use remora_client::admin::Where;
use serde_json::json;

use super::group::on_line;
use super::{CommandError, print};
use crate::cli::{ClusterArgs, Output};
use crate::cli_group::ClientCommand;

pub(crate) async fn run(command: ClientCommand) -> Result<(), CommandError> {
    match command {
        ClientCommand::List { cluster } => list(&cluster).await,
    }
}

/// One client in one group.
struct Row {
    client_id: String,
    address: String,
    language: String,
    version: i32,
    role: &'static str,
    group: String,
}

async fn list(cluster: &ClusterArgs) -> Result<(), CommandError> {
    let admin = Admin::connect(&cluster.nameserver).await?;
    let mut rows = Vec::new();
    for (group, members) in admin.producers(&Where::Everywhere).await? {
        rows.extend(members.into_iter().map(|member| Row {
            client_id: member.client_id,
            address: member.remote_ip,
            language: member.language,
            version: member.version,
            role: "producer",
            group: group.clone(),
        }));
    }
    for group in admin.groups(&Where::Everywhere).await?.into_keys() {
        let members = on_line(&admin, &group).await?.map(|found| found.connection_set);
        rows.extend(members.into_iter().flatten().map(|member| Row {
            client_id: member.client_id,
            address: member.client_addr,
            language: member.language,
            version: member.version,
            role: "consumer",
            group: group.clone(),
        }));
    }
    rows.sort_by(|left, right| {
        (&left.client_id, left.role, &left.group).cmp(&(&right.client_id, right.role, &right.group))
    });
    match cluster.output {
        Output::Json => {
            let clients = rows.iter().map(|row| {
                json!({
                    "clientId": row.client_id, "address": row.address, "language": row.language,
                    "version": row.version, "role": row.role, "group": row.group,
                })
            });
            println!("{}", json!(clients.collect::<Vec<_>>()));
        }
        Output::Table if rows.is_empty() => println!("no producer or consumer is connected"),
        Output::Table => {
            let head = ["CLIENT", "ADDRESS", "LANGUAGE", "VERSION", "ROLE", "GROUP"];
            let rows = rows.into_iter().map(|row| {
                let version = row.version.to_string();
                vec![
                    row.client_id,
                    row.address,
                    row.language,
                    version,
                    row.role.to_owned(),
                    row.group,
                ]
            });
            println!("{}", print::table(&head, rows));
        }
    }
    admin.shutdown().await;
    Ok(())
}
