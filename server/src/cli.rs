//! The command line. Names of commands and options are fixed: scripts depend on them.
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use remora_config::{Flag, Layers};

use crate::cli_group::{ClientCommand, GroupCommand};
use crate::cli_timers::TimersCommand;

/// `remora --help` fits one screen: what it is, the commands, three examples.
const TEMPLATE: &str = "\
{name} {version}: a message broker for Apache RocketMQ clients

Usage: remora COMMAND [OPTIONS]      (remora COMMAND --help tells more)

{subcommands}

Start here:
  remora standalone                  everything on 127.0.0.1, data in ./remora-data
  remora send orders 'hello'         one message; the topic is made by itself
  remora tail orders --from-start    all of its messages, then new ones as they come
";

#[derive(Debug, Parser)]
#[command(name = "remora", version, help_template = TEMPLATE, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a nameserver and a broker in one process
    #[command(after_help = STANDALONE_EXAMPLES)]
    Standalone(ServeArgs),
    /// Run a nameserver
    #[command(after_help = NAMESERVER_EXAMPLES)]
    Nameserver(ServeArgs),
    /// Run a broker
    #[command(after_help = BROKER_EXAMPLES)]
    Broker(ServeArgs),
    /// List, create and delete topics, see their queues
    #[command(subcommand)]
    Topic(TopicCommand),
    /// List consumer groups, see how far they are, put them back or forward
    #[command(subcommand)]
    Group(GroupCommand),
    /// Send, follow and look up messages
    #[command(subcommand)]
    Message(MessageCommand),
    /// List connected producers and consumers
    #[command(subcommand)]
    Client(ClientCommand),
    /// Dead letters: messages that a group gave up after all retries
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Transactional messages whose end did not come yet
    #[command(subcommand)]
    Transaction(TransactionCommand),
    /// Send a message (the same as message send)
    Send(SendArgs),
    /// Follow a topic (the same as message tail)
    Tail(TailArgs),
    /// Show settings, where they come from, and every key
    #[command(subcommand)]
    Config(ConfigCommand),
}

const STANDALONE_EXAMPLES: &str = "\
Examples:
  remora standalone
  remora standalone --data-dir /var/lib/remora --flush sync
  remora standalone --broker-listen 0.0.0.0:10911 --nameserver-listen 0.0.0.0:9876
  remora standalone --broker-conf /opt/rocketmq/conf/broker.conf

Clients get the address that they connected to; --advertise gives another one, also by the
client's network: --advertise 10.0.0.0/8=10.1.2.3 --advertise 203.0.113.7:20911
Settings: flags over REMORA_SECTION_KEY over --broker-conf over --config; see remora config keys.
Stop with Ctrl-C or SIGTERM: it drains for up to 10 s; a second signal ends it at once.";

const NAMESERVER_EXAMPLES: &str = "\
Examples:
  remora nameserver
  remora nameserver --nameserver-listen 0.0.0.0:9876 --data-dir /var/lib/remora";

const BROKER_EXAMPLES: &str = "\
Examples:
  remora broker --nameserver 127.0.0.1:9876
  remora broker --nameserver 'ns1:9876;ns2:9876' --broker-listen 0.0.0.0:10911 --flush sync";

/// Options of the three servers.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Directory of messages and settings [default: ./remora-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Address of the nameserver [default: 127.0.0.1:9876]
    #[arg(long, value_name = "ADDR")]
    nameserver_listen: Option<String>,
    /// Address of the broker; two ports below it serves old clients [default: 127.0.0.1:10911]
    #[arg(long, value_name = "ADDR")]
    broker_listen: Option<String>,
    /// Address of /healthz, /readyz and /metrics [default: 127.0.0.1:8082]
    #[arg(long, value_name = "ADDR")]
    http_listen: Option<String>,
    /// Nameservers to register with, separated by ';'
    #[arg(long, value_name = "ADDR[;ADDR]")]
    nameserver: Option<String>,
    /// When an acknowledged message is on disk [default: async]
    #[arg(long, value_name = "async|sync")]
    flush: Option<String>,
    /// Keep to this memory, such as 512MiB; mapped files are not counted. Overload is then refused
    /// [default: half of the control group's limit, else a quarter of the machine's memory]
    #[arg(long, value_name = "BYTES")]
    memory_limit: Option<String>,
    /// Address to tell clients: [NETWORK/BITS=]HOST[:PORT]; may be given several times
    #[arg(long, value_name = "ADDR")]
    advertise: Vec<String>,
    /// Settings as TOML
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Settings as in Apache RocketMQ's broker.conf
    #[arg(long, value_name = "FILE")]
    broker_conf: Option<PathBuf>,
    /// Any setting by its name: --set store.file_reserved_hours=24
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// error, warn, info, debug, trace, or crate=level pairs [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Form of the log lines on stderr [default: text]
    #[arg(long, value_name = "text|json")]
    log_format: Option<String>,
}

/// Why the flags say nothing sensible.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FlagError {
    #[error("--broker-listen is '{value}', expected IP:PORT, such as 127.0.0.1:10911")]
    BrokerListen { value: String },
    #[error("--set is '{value}', expected KEY=VALUE, such as store.file_reserved_hours=24")]
    Set { value: String },
    #[error("--set: unknown key '{key}'{}", .nearest.map(|name| format!("; did you mean '{name}'?")).unwrap_or_default())]
    UnknownKey { key: String, nearest: Option<&'static str> },
}

impl ServeArgs {
    /// The layers that these options, the environment and the files make.
    pub(crate) fn layers(&self) -> Result<Layers, FlagError> {
        let mut flags = Vec::new();
        let mut put = |flag: &'static str, key: &'static str, value: &Option<String>| {
            if let Some(value) = value {
                flags.push(Flag { flag, key, value: value.clone() });
            }
        };
        put("--data-dir", "store.path", &self.data_dir);
        put("--nameserver-listen", "nameserver.listen", &self.nameserver_listen);
        put("--http-listen", "http.listen", &self.http_listen);
        put("--nameserver", "broker.nameservers", &self.nameserver);
        put("--flush", "store.flush", &self.flush);
        put("--memory-limit", "process.memory_limit_bytes", &self.memory_limit);
        put("--log-level", "log.level", &self.log_level);
        put("--log-format", "log.format", &self.log_format);
        if !self.advertise.is_empty() {
            put("--advertise", "broker.advertised", &Some(self.advertise.join(";")));
        }
        if let Some(listen) = &self.broker_listen {
            let wrong = || FlagError::BrokerListen { value: listen.clone() };
            let (ip, port) = listen.rsplit_once(':').ok_or_else(wrong)?;
            let ip = if ip == "localhost" { "127.0.0.1" } else { ip.trim_matches(['[', ']']) };
            put("--broker-listen", "broker.listen_ip", &Some(ip.to_owned()));
            put("--broker-listen", "broker.listen_port", &Some(port.to_owned()));
        }
        for assignment in &self.set {
            let wrong = || FlagError::Set { value: assignment.clone() };
            let (name, value) = assignment.split_once('=').ok_or_else(wrong)?;
            let key = remora_config::key_by_toml(name).map(|key| key.toml).ok_or_else(|| {
                let names = remora_config::KEYS.iter().map(|key| key.toml);
                let nearest = remora_config::nearest(name, names);
                FlagError::UnknownKey { key: name.to_owned(), nearest }
            })?;
            put("--set", key, &Some(value.to_owned()));
        }
        Ok(Layers {
            toml: self.config.clone(),
            broker_conf: self.broker_conf.clone(),
            keep_changes: true,
            env: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            flags,
        })
    }
}

/// Options of every command that talks to a cluster.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClusterArgs {
    /// Nameservers, separated by ';'
    #[arg(
        long,
        short,
        value_name = "ADDR",
        env = "NAMESRV_ADDR",
        default_value = "127.0.0.1:9876"
    )]
    pub nameserver: String,
    /// Form of what is printed
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Output,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopicCommand {
    /// Every topic
    #[command(after_help = "Example:\n  remora topic list --output json")]
    List {
        #[command(flatten)]
        cluster: ClusterArgs,
        /// Topics of the system as well
        #[arg(long)]
        all: bool,
    },
    /// Make a topic on every broker, or change it
    #[command(after_help = CREATE_TOPIC_EXAMPLES)]
    Create(CreateTopicArgs),
    /// Remove a topic from every broker and nameserver
    #[command(after_help = "Example:\n  remora topic delete orders --yes")]
    Delete {
        topic: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Queues of a topic: where, how many messages, when the last came
    #[command(after_help = "Example:\n  remora topic status orders")]
    Status {
        topic: String,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
}

const CREATE_TOPIC_EXAMPLES: &str = "\
Examples:
  remora topic create orders --queues 16
  remora topic create reminders --attribute message.type=DELAY
  remora topic create prices --attribute cleanup.policy=COMPACTION
  remora topic create imports --attribute remora.quota.in.messages=1000";

#[derive(Debug, Args)]
pub(crate) struct CreateTopicArgs {
    pub topic: String,
    /// Queues on each broker
    #[arg(long, default_value_t = 8)]
    pub queues: u32,
    /// 6 read and write, 4 read, 2 write
    #[arg(long, default_value_t = 6)]
    pub perm: u32,
    #[command(flatten)]
    pub attributes: AttributeArgs,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Changes of a topic's or a group's attributes.
#[derive(Debug, Args)]
pub(crate) struct AttributeArgs {
    /// What the topic or group is for, or keeps to; may be given several times
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    pub set: Vec<(String, String)>,
    /// An attribute to take away; may be given several times
    #[arg(long = "without-attribute", value_name = "NAME")]
    pub taken_away: Vec<String>,
}

fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE, as in message.type=FIFO".to_owned()),
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum MessageCommand {
    /// Send a message
    Send(SendArgs),
    /// Print messages as they arrive, without a consumer group
    Tail(TailArgs),
    /// Find messages by key or id
    Query(QueryArgs),
    /// What happened to a message: stored, consumed by which groups, retried, dead
    #[command(after_help = "Example:\n  remora message timeline orders --id 7F0000010007...")]
    Timeline {
        topic: String,
        /// The id that `remora send` printed, or an offset id
        #[arg(long)]
        id: String,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Delayed messages that wait: list them, withdraw one, give one another time
    #[command(subcommand)]
    Timers(TimersCommand),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  remora send orders '{\"id\":1}' --tags paid --keys order-1
  cat lines.txt | remora send orders            one message a line")]
pub(crate) struct SendArgs {
    pub topic: String,
    /// Text of the message; without it each line of the standard input is one
    pub body: Option<String>,
    #[arg(long)]
    pub tags: Option<String>,
    /// Keys to find it by, separated by blanks
    #[arg(long)]
    pub keys: Option<String>,
    /// A property; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub property: Vec<String>,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  remora tail orders                     from now on
  remora tail orders --from-start --max 10")]
pub(crate) struct TailArgs {
    pub topic: String,
    /// From the oldest message that is kept
    #[arg(long)]
    pub from_start: bool,
    /// End after so many messages
    #[arg(long, value_name = "COUNT")]
    pub max: Option<u64>,
    /// End at the end of the topic instead of waiting for more
    #[arg(long)]
    pub no_wait: bool,
    /// Only messages with one of these tags: 'a || b'
    #[arg(long, default_value = "*")]
    pub tags: String,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  remora message query orders --key order-1
  remora message query orders --id 7F0000010007...")]
pub(crate) struct QueryArgs {
    pub topic: String,
    #[arg(long, conflicts_with = "id", required_unless_present = "id")]
    pub key: Option<String>,
    /// The id that `remora send` printed, or an offset id
    #[arg(long)]
    pub id: Option<String>,
    /// Messages, at most
    #[arg(long, default_value_t = 32)]
    pub max: u32,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TransactionCommand {
    /// Half messages that wait for their end, oldest first: age, checks, next check
    #[command(after_help = "Example:\n  remora transaction list --group order-producers")]
    List(TransactionListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct TransactionListArgs {
    /// Only those of this topic
    #[arg(long)]
    pub topic: Option<String>,
    /// Only those of this producer group
    #[arg(long)]
    pub group: Option<String>,
    /// Half messages of one broker, at most
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub max: usize,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// Groups with dead letters: how many, how many not sent again yet, when the last came
    List {
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// The dead letters of a group that were not sent again yet
    #[command(after_help = "Example:\n  remora dlq show order-workers --max 10")]
    Show {
        group: String,
        /// Those that were sent again as well
        #[arg(long)]
        all: bool,
        /// Letters, at most
        #[arg(long, value_name = "COUNT", default_value_t = 100)]
        max: u64,
        #[command(flatten)]
        cluster: ClusterArgs,
    },
    /// Send dead letters again, to the group that gave them up or to all groups of their topic
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayArgs),
}

const REPLAY_EXAMPLES: &str = "\
Examples:
  remora dlq replay order-workers                      all that were not sent again yet
  remora dlq replay order-workers --rate 20 --max 100
  remora dlq replay order-workers --to topic           for every group of the topic, once more

A letter that was sent again stays in the queue; only --all sends it once more.";

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    pub group: String,
    /// Who gets them
    #[arg(long, value_enum, default_value = "group")]
    pub to: ReplayTo,
    /// Messages a second, at most
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// Letters, at most
    #[arg(long, value_name = "COUNT")]
    pub max: Option<u64>,
    /// Those that were sent again before as well
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ReplayTo {
    /// The group that gave the message up, alone, with all its retries anew
    Group,
    /// The topic that it was first sent to
    Topic,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// The settings that a start with these options would have
    Show {
        /// Where each value comes from
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        serve: Box<ServeArgs>,
    },
    /// Every key: names, default, unit, meaning
    Keys,
}
