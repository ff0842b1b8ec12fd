//! Apache's own nameserver and broker from its published jars, to measure or compare against.
//!
//! `cargo run --release -p remora-tests --bin apache-rocketmq` prints the nameserver's address and
//! serves until its standard input ends (or Ctrl-C). Needs a JDK and Maven.
use std::io::Read as _;

use clap::Parser;
use remora_tests::apache::{self, ApachePlace};
use remora_tests::ports::Ports;
use serde_json::json;

/// Runs Apache RocketMQ from its jars.
#[derive(Parser, Debug)]
struct Args {
    /// Port of the nameserver; the broker listens on the next free ones.
    #[arg(long, default_value_t = 19876)]
    nameserver_port: u16,
    #[arg(long, default_value_t = 20911)]
    broker_port: u16,
    /// SYNC_FLUSH or ASYNC_FLUSH.
    #[arg(long, default_value = "ASYNC_FLUSH")]
    flush: String,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let dir = tempfile::tempdir()?;
    let place = ApachePlace {
        dir: dir.path().to_owned(),
        bind: "127.0.0.1".to_owned(),
        ports: Ports { nameserver: args.nameserver_port, broker: args.broker_port, http: 0 },
        config: json!({ "flushDiskType": args.flush }),
    };
    let _running = apache::start_for_load(&place);
    println!("Apache RocketMQ is up: --target apache=127.0.0.1:{}", args.nameserver_port);
    println!("close standard input (Ctrl-D) or press Ctrl-C to stop it");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
