//! The program `remora`: roles put together, command line, HTTP.
//!
//! Read `start.rs` (what runs), `serve.rs` (the life of the process), `cli.rs`; `standalone.rs`
//! embeds the same in tests and tools.
use std::process::ExitCode;

use clap::Parser;

mod admin;
mod cli;
mod cli_group;
mod cli_timers;
mod clock;
mod config_command;
mod exit;
mod gate;
mod http;
mod logging;
mod memory;
mod metrics;
mod observed;
mod open_files;
mod process;
mod serve;
pub mod standalone;
mod start;

use cli::{Cli, Command};
use start::Roles;

/// The whole program; gives the code that the process ends with (`exit.rs`).
pub fn main() -> ExitCode {
    let launched = clock::instant();
    match Cli::parse().command {
        Command::Standalone(args) => serve::run(&args, Roles::Standalone, launched),
        Command::Nameserver(args) => serve::run(&args, Roles::Nameserver, launched),
        Command::Broker(args) => serve::run(&args, Roles::Broker, launched),
        Command::Config(command) => config_command::run(&command),
        Command::Topic(command) => admin::topic(command),
        Command::Group(command) => admin::group(command),
        Command::Message(command) => admin::message(command),
        Command::Client(command) => admin::client(command),
        Command::Dlq(command) => admin::dlq(command),
        Command::Transaction(command) => admin::transaction(command),
        Command::Send(args) => admin::message(cli::MessageCommand::Send(args)),
        Command::Tail(args) => admin::message(cli::MessageCommand::Tail(args)),
    }
}
