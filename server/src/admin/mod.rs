//! Commands that talk to a cluster, through `remora-client` like any other client.
mod client;
mod dlq;
mod group;
mod group_config;
mod lag;
mod message;
mod moment;
pub(crate) mod print;
mod timeline;
mod timers;
mod topic;
mod transaction;

use std::future::Future;
use std::process::ExitCode;

use remora_client::ClientError;
use remora_protocol::ResponseCode;

use crate::cli::{DlqCommand, MessageCommand, TopicCommand, TransactionCommand};
use crate::cli_group::{ClientCommand, GroupCommand};
use crate::exit;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{what} '{name}' does not exist{hint}")]
    NotFound { what: &'static str, name: String, hint: String },
    #[error("{0}")]
    Usage(String),
    #[error("not done: answer 'yes', or give --yes")]
    NotConfirmed,
    #[error("standard input: {0}")]
    Input(std::io::Error),
}

pub(crate) fn topic(command: TopicCommand) -> ExitCode {
    run(topic::run(command))
}

pub(crate) fn group(command: GroupCommand) -> ExitCode {
    run(group::run(command))
}

pub(crate) fn client(command: ClientCommand) -> ExitCode {
    run(client::run(command))
}

pub(crate) fn message(command: MessageCommand) -> ExitCode {
    run(message::run(command))
}

pub(crate) fn dlq(command: DlqCommand) -> ExitCode {
    run(dlq::run(command))
}

pub(crate) fn transaction(command: TransactionCommand) -> ExitCode {
    run(transaction::run(command))
}

/// Runs one command; its failure is one line on stderr and an exit code.
fn run(command: impl Future<Output = Result<(), CommandError>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("remora: {error}");
            return ExitCode::from(exit::INTERNAL);
        }
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = command => ended,
            // Ctrl-C is how following a topic ends.
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("remora: {error}");
            ExitCode::from(code_of(&error))
        }
    }
}

fn code_of(error: &CommandError) -> u8 {
    match error {
        CommandError::Client(error) => code_of_client(error),
        CommandError::NotFound { .. } => exit::NOT_FOUND,
        CommandError::Usage(_) => exit::USAGE,
        CommandError::NotConfirmed | CommandError::Input(_) => exit::FAILED,
    }
}

fn code_of_client(error: &ClientError) -> u8 {
    match error {
        ClientError::TopicNotFound { .. } => exit::NOT_FOUND,
        ClientError::NameserverUnreachable { .. }
        | ClientError::BrokerUnreachable { .. }
        | ClientError::Timeout { .. }
        | ClientError::Request { .. } => exit::UNREACHABLE,
        ClientError::Refused { code, .. } => match *code {
            ResponseCode::NO_PERMISSION => exit::REFUSED,
            ResponseCode::TOPIC_NOT_EXIST => exit::NOT_FOUND,
            _ => exit::FAILED,
        },
        ClientError::SendFailed { last, .. } => code_of_client(last),
        _ => exit::FAILED,
    }
}
