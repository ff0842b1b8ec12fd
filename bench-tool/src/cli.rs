//! The command line of `remora-bench`.
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use remora_protocol::SerializeType;

use crate::ceiling;
use crate::compare::CompareArgs;
use crate::compare::servers::pid_at;
use crate::load::{self, LoadOptions};
use crate::payload::BODY_BYTES_MIN;
use crate::puller::Ask;
use crate::report::{self, Report};
use crate::{clock, demo, target};

/// Load generator for Remora and any other RocketMQ.
#[derive(Parser, Debug)]
#[command(name = "remora-bench", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  remora-bench demo                                     start a server in this process, send, consume, show
  remora-bench send --connections 64 --in-flight 32     acknowledged single sends, closed loop
  remora-bench send --rate 20000                        open loop: latency counts from the due time
  remora-bench e2e --rate 20000 --duration 60           send to receipt, verified
  remora-bench compare                                  Remora, ceiling, Apache in turn: ten minutes
  remora-bench compare --loads all --html figures.html  every figure of README
  remora-bench compare --loads c1w1,c16w8 --target remora --target other=10.0.0.7:9876";

#[derive(Subcommand, Debug)]
enum Command {
    /// Acknowledged single sends.
    Send(LoadArgs),
    /// Sends of several messages a request.
    Batch {
        /// Messages in one request.
        #[arg(long, default_value_t = 32)]
        batch: usize,
        #[command(flatten)]
        load: LoadArgs,
    },
    /// Reads what the topic holds, from the first message to the last, and verifies it.
    Consume {
        /// Messages that a pull asks for; official push consumers ask for 32, at most 1,024.
        #[arg(long, default_value_t = Ask::MOST.messages_max)]
        pull_messages: u32,
        /// Bytes of messages that a pull asks for.
        #[arg(long, default_value_t = Ask::MOST.bytes_max)]
        pull_bytes: u32,
        #[command(flatten)]
        load: LoadArgs,
    },
    /// Sends at a rate and receives; latency is from due time to receipt.
    E2e {
        /// Consumer groups, each of which receives everything.
        #[arg(long, default_value_t = 1)]
        groups: usize,
        #[command(flatten)]
        load: LoadArgs,
    },
    /// Loads on several servers in turn, with ratios: Remora, the ceiling, Apache's broker.
    Compare(CompareArgs),
    /// Serves the ceiling of `compare`: answers only; stores nothing, checks nothing.
    #[command(hide = true)]
    Ceiling {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: std::net::SocketAddr,
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Starts a server inside this process on free ports, sends, consumes, and shows the result.
    Demo,
}

#[derive(Args, Clone, Debug)]
struct LoadArgs {
    /// Nameservers, separated by ";".
    #[arg(long, env = "NAMESRV_ADDR", default_value = "127.0.0.1:9876")]
    nameserver: String,
    /// Topic, created with --queues if it does not exist.
    #[arg(long, default_value = "remora-bench")]
    topic: String,
    /// Queues of the topic on each broker.
    #[arg(long, default_value_t = 8)]
    queues: u32,
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Requests without an answer on each connection.
    #[arg(long, default_value_t = 32)]
    in_flight: usize,
    /// Body bytes of a message.
    #[arg(long, default_value_t = 128)]
    size: usize,
    /// Requests a second over all connections (open loop); without it each answer starts the next.
    #[arg(long)]
    rate: Option<f64>,
    /// Seconds that count.
    #[arg(long, default_value_t = 10.0)]
    duration: f64,
    /// Seconds before, not counted.
    #[arg(long, default_value_t = 2.0)]
    warmup: f64,
    /// Generator threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// How headers are written.
    #[arg(long, value_enum, default_value_t = Serialize::Json)]
    serialize: Serialize,
    /// Process whose CPU and memory count as the server's; found by its port when it is local.
    #[arg(long)]
    server_pid: Option<u32>,
    /// Write the results as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the percentile distribution for HdrHistogram plotters.
    #[arg(long)]
    hgrm: Option<PathBuf>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Serialize {
    Json,
    Binary,
}

impl LoadArgs {
    fn options(&self, batch: usize) -> anyhow::Result<LoadOptions> {
        if self.size < BODY_BYTES_MIN {
            bail!(
                "--size {} is too small: a verifiable body takes {BODY_BYTES_MIN} bytes",
                self.size
            );
        }
        if self.connections == 0 || self.in_flight == 0 || batch == 0 || self.queues == 0 {
            bail!("--connections, --in-flight, --queues and --batch must be at least 1");
        }
        if self.rate.is_some_and(|rate| rate <= 0.0) {
            bail!("--rate must be above 0");
        }
        Ok(LoadOptions {
            connections: self.connections,
            in_flight: self.in_flight,
            body_bytes: self.size,
            batch,
            ask: Ask::USUAL,
            rate: self.rate,
            warmup: Duration::try_from_secs_f64(self.warmup).context("--warmup")?,
            duration: Duration::try_from_secs_f64(self.duration).context("--duration")?,
            threads: self.threads,
            serialize: match self.serialize {
                Serialize::Json => SerializeType::Json,
                Serialize::Binary => SerializeType::Binary,
            },
            run: clock::run_id(),
            groups: 1,
        })
    }

    fn target(&self, nameserver: &str) -> anyhow::Result<target::Target> {
        let mut target = target::prepare(nameserver, &self.topic, self.queues)?;
        let local = || pid_at(&target.brokers.first()?.addr);
        target.server_pid = self.server_pid.or_else(local);
        Ok(target)
    }
}

/// Runs the command line; 0 done, 1 failed, 2 usage.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("remora-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Send(args) => {
            let options = args.options(1)?;
            finish(&args, load::send(&args.target(&args.nameserver)?, &options, "send")?)
        }
        Command::Batch { batch, load: args } => {
            let options = args.options(batch)?;
            finish(&args, load::send(&args.target(&args.nameserver)?, &options, "batch")?)
        }
        Command::Consume { pull_messages, pull_bytes, load: args } => {
            let mut options = args.options(1)?;
            options.ask = Ask { messages_max: pull_messages, bytes_max: pull_bytes };
            finish(&args, load::consume(&args.target(&args.nameserver)?, &options, "consume")?)
        }
        Command::E2e { groups, load: args } => {
            let mut options = args.options(1)?;
            options.groups = groups.max(1);
            options.rate = options.rate.or(Some(1_000.0));
            finish(&args, load::end_to_end(&args.target(&args.nameserver)?, &options, "e2e")?)
        }
        Command::Compare(args) => args.run(),
        Command::Ceiling { listen, threads } => ceiling::serve_forever(listen, threads),
        Command::Demo => demo::run(),
    }
}

fn finish(args: &LoadArgs, report: Report) -> anyhow::Result<()> {
    println!("{}", report.table());
    let refused_all = report.messages == 0 && report.refused > 0;
    let faults = report.faults;
    report::write_files(&[report], args.json.as_deref(), args.hgrm.as_deref())?;
    if refused_all {
        bail!("every request was refused, see the first refusal above");
    }
    if faults.is_some_and(|faults| faults.any()) {
        bail!("verification failed, see above");
    }
    Ok(())
}
