//! The command line of `remora message timers`.
use clap::{ArgGroup, Args, Subcommand};

use crate::cli::ClusterArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum TimersCommand {
    /// Messages that wait, in order of their times; those with delay levels are not among them
    #[command(after_help = "Example:\n  remora message timers list --topic orders --max 20")]
    List(TimerListArgs),
    /// Withdraw a message, so that it is not delivered
    #[command(after_help = "Example:\n  remora message timers cancel --topic orders --id 7F00...")]
    Cancel {
        #[command(flatten)]
        timer: TimerChoice,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Give a message another time
    Move(TimerMoveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TimerListArgs {
    /// Only those of this topic
    #[arg(long)]
    pub topic: Option<String>,
    /// Only the message with this id
    #[arg(long)]
    pub id: Option<String>,
    /// Messages of one broker, at most
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub max: usize,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// By its handle, or by topic and id.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("timer").required(true).args(["handle", "id"]))]
pub(crate) struct TimerChoice {
    /// The handle that the reply to its send gave, or that a listing shows
    pub handle: Option<String>,
    /// The message's id
    #[arg(long, requires = "topic")]
    pub id: Option<String>,
    /// Its topic
    #[arg(long, requires = "id")]
    pub topic: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("when").required(true).args(["after", "at"]),
    after_help = "\
Examples:
  remora message timers move --topic orders --id 7F00... --in 2h
  remora message timers move djEgb3JkZXJz... --at 2026-12-01T06:00"
)]
pub(crate) struct TimerMoveArgs {
    #[command(flatten)]
    pub timer: TimerChoice,
    /// So long from now: 90s, 15m, 2h, 3d
    #[arg(long = "in", value_name = "TIME")]
    pub after: Option<String>,
    /// Then: a UTC time, or milliseconds since 1970
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}
