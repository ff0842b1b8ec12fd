//! A week of timer messages, `kill -9`, and a start: how long does it take, do all wait on, does
//! what was due meanwhile come once and not early?
//!
//! `cargo run --release -p remora-tests --bin timer-campaign`

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use remora_tests::{
    remora,
    timer_campaign::{self, Plan},
};

#[derive(Debug, Parser)]
struct Args {
    /// Timer messages that wait.
    #[arg(long, default_value_t = 1_000_000)]
    timers: u64,
    /// They are due within so many hours, evenly and in no order.
    #[arg(long, default_value_t = 7 * 24)]
    hours: u64,
    /// Further ones that are due within seconds, over the kill and the start.
    #[arg(long, default_value_t = 2_000)]
    due_soon: u64,
    /// Connections that send.
    #[arg(long, default_value_t = 4)]
    connections: u64,
    /// Sends in flight on each.
    #[arg(long, default_value_t = 256)]
    window: u64,
    /// A start that takes longer fails.
    #[arg(long, default_value_t = 2000)]
    open_ms_max: u128,
    /// The server program; that of this build if absent.
    #[arg(long)]
    binary: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let plan = Plan {
        binary: args.binary.unwrap_or_else(remora::binary),
        timers: args.timers,
        span_ms: args.hours * 3_600_000,
        due_soon: args.due_soon,
        connections: args.connections,
        window: args.window,
    };
    let outcome = match timer_campaign::run(&plan) {
        Ok(outcome) => outcome,
        Err(what) => {
            eprintln!("{what}");
            return ExitCode::FAILURE;
        }
    };
    println!(
        "{} timer messages over {} hours, sent in {} ms, killed",
        plan.timers,
        args.hours,
        outcome.sending.as_millis()
    );
    println!(
        "open: {} ms from the start of the process to the first answer ({} ms to ready)",
        outcome.first_answer.as_millis(),
        outcome.ready.as_millis()
    );
    println!("all {} wait on, each once, at its time", outcome.waiting);
    println!(
        "{} were due meanwhile, {} of them before the kill: each came once, none early, latest {} ms late",
        outcome.delivered, outcome.delivered_before_the_kill, outcome.late_ms_max
    );
    if outcome.first_answer.as_millis() > args.open_ms_max {
        eprintln!("that is over {} ms", args.open_ms_max);
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
