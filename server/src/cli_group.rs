//! The command line of `remora group` and `remora client`.
use clap::{ArgGroup, Args, Subcommand};

use crate::cli::{AttributeArgs, ClusterArgs};

const CREATE_EXAMPLES: &str = "\
Examples:
  remora group create workers --retry-max 3         four deliveries, then a dead letter
  remora group create workers --attribute remora.quota.out.messages=1000
  remora group create workers --consume false       its members get no messages";

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Every consumer group: members, topics, messages behind
    #[command(after_help = "Example:\n  remora group list --output json")]
    List {
        #[command(flatten)]
        cluster: ClusterArgs,
        /// Groups of the system as well
        #[arg(long)]
        all: bool,
    },
    /// Make a group on every broker, or change what is named of one; a consumer makes its own
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateGroupArgs),
    /// How far a group is in each queue: committed, behind, who owns it, last pull
    #[command(after_help = "Example:\n  remora group lag workers --topic orders")]
    Lag {
        group: String,
        /// Only this topic
        #[arg(long)]
        topic: Option<String>,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Put a group back or forward in a topic; members that are online follow
    Reset(ResetArgs),
    /// Give a group the offsets of another one
    #[command(after_help = "Example:\n  remora group clone workers workers-2 --topic orders")]
    Clone {
        /// Whose offsets are copied
        from: String,
        /// Who gets them; must exist
        to: String,
        /// Only of this topic
        #[arg(long)]
        topic: Option<String>,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Members of a group that are online, and what they subscribe to
    #[command(after_help = "Example:\n  remora group connections workers")]
    Connections {
        group: String,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Remove a group and its offsets from every broker
    #[command(after_help = "Example:\n  remora group delete workers --yes")]
    Delete {
        group: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").required(true).args(["to", "offset"]), after_help = "\
Examples:
  remora group reset workers orders --to start
  remora group reset workers orders --to 2026-11-22T06:15:00Z
  remora group reset workers orders --to 2h                   to what was stored 2 hours ago
  remora group reset workers orders --to end                  skips what is behind
  remora group reset workers orders --queue broker-a:3 --offset 1200")]
pub(crate) struct ResetArgs {
    pub group: String,
    pub topic: String,
    /// start, end, a UTC time, ms since 1970, or how long ago: 90s, 15m, 2h, 3d
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// This offset, of one queue
    #[arg(long, requires = "queue")]
    pub offset: Option<i64>,
    /// The queue that --offset is of
    #[arg(long, value_name = "BROKER:ID", requires = "offset")]
    pub queue: Option<String>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Every connected producer and consumer: address, language, version, group
    #[command(after_help = "Example:\n  remora client list --output json")]
    List {
        #[command(flatten)]
        cluster: ClusterArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateGroupArgs {
    pub group: String,
    /// Deliveries after the first; then a message is a dead letter [default of a new one: 16]
    #[arg(long, value_name = "COUNT")]
    #[arg(value_parser = clap::value_parser!(i32).range(0..))]
    pub retry_max: Option<i32>,
    /// Whether its members get messages [default of a new one: true]
    #[arg(long, value_name = "true|false")]
    pub consume: Option<bool>,
    #[command(flatten)]
    pub attributes: AttributeArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}
