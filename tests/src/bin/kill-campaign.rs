//! `kill -9` under load, round after round: nothing acknowledged may be lost, and the server must
//! be back quickly.
//!
//! `cargo run --release -p remora-tests --bin kill-campaign -- --rounds 100`

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use remora_tests::{
    campaign::{self, Plan},
    remora,
};

#[derive(Debug, Parser)]
struct Args {
    /// How often the server is killed.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// From which all random numbers come.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// When a message is on disk: before its answer (sync) or soon after it (async).
    #[arg(long, default_value = "sync")]
    flush: String,
    /// The server program; that of this build if absent.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Connections, each with a queue of its own.
    #[arg(long, default_value_t = 8)]
    connections: u32,
    /// Sends in flight on each connection.
    #[arg(long, default_value_t = 32)]
    window: u64,
    /// The kill comes after up to so many acknowledgements.
    #[arg(long, default_value_t = 5000)]
    acks_max: u64,
    /// A restart that takes longer fails the campaign.
    #[arg(long, default_value_t = 2000)]
    restart_ms_max: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let plan = Plan {
        binary: args.binary.unwrap_or_else(remora::binary),
        rounds: args.rounds,
        seed: args.seed,
        flush: args.flush,
        connections: args.connections,
        window: args.window,
        acks_max: args.acks_max,
    };
    let (mut acknowledged, mut slowest) = (0, Duration::ZERO);
    let outcome = campaign::run(&plan, |round, result| {
        acknowledged += result.acknowledged;
        slowest = slowest.max(result.restart);
        println!(
            "round {}: {} acknowledged, all there; {} more stored; restart {} ms",
            round + 1,
            result.acknowledged,
            result.unacknowledged,
            result.restart.as_millis()
        );
    });
    match outcome {
        Ok(()) if slowest <= Duration::from_millis(args.restart_ms_max) => {
            println!(
                "{} rounds, {acknowledged} messages acknowledged, none lost, order kept; slowest restart {} ms",
                args.rounds,
                slowest.as_millis()
            );
            ExitCode::SUCCESS
        }
        Ok(()) => {
            eprintln!(
                "slowest restart {} ms, over {} ms",
                slowest.as_millis(),
                args.restart_ms_max
            );
            ExitCode::FAILURE
        }
        Err(what) => {
            eprintln!("seed {}: {what}", args.seed);
            ExitCode::FAILURE
        }
    }
}
