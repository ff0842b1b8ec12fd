//! From nothing to a verified result in under ten seconds.
use std::time::Duration;

use remora_protocol::SerializeType;
use remora_server::standalone::Standalone;

use crate::clock;
use crate::load::{self, LoadOptions};
use crate::puller::Ask;
use crate::target;

const TOPIC: &str = "demo";

/// Starts a server in this process, sends, reads everything back, shows what came of it.
pub fn run() -> anyhow::Result<()> {
    let data_dir = std::env::temp_dir().join(format!("remora-demo-{}", std::process::id()));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let started_ns = clock::now_ns();
    let mut settings = Standalone::free_ports();
    settings.store_path.clone_from(&data_dir);
    let standalone = runtime.block_on(Standalone::start(settings))?;
    let nameserver = standalone.nameserver_addr();
    let started_ms = (clock::now_ns() - started_ns) / 1_000_000;
    println!("a nameserver and a broker are up at {nameserver} after {started_ms} ms");

    let outcome = load_and_verify(&nameserver);
    runtime.block_on(standalone.stop());
    let removed = std::fs::remove_dir_all(&data_dir);
    outcome?;
    removed?;
    println!("next: cargo run --release -- standalone, and point your client at 127.0.0.1:9876");
    Ok(())
}

fn load_and_verify(nameserver: &str) -> anyhow::Result<()> {
    let options = LoadOptions {
        connections: 4,
        in_flight: 32,
        body_bytes: 128,
        batch: 1,
        ask: Ask::USUAL,
        rate: None,
        warmup: Duration::from_millis(500),
        duration: Duration::from_secs(2),
        threads: 1,
        serialize: SerializeType::Json,
        run: clock::run_id(),
        groups: 1,
    };
    let target = target::prepare(nameserver, TOPIC, 8)?;
    println!("sending for 2 s: 4 connections, 32 requests in flight on each, 128-byte bodies");
    let sent = load::send(&target, &options, "send")?;
    println!("{}", sent.table());
    println!("reading every message back and checking order and checksum");
    let read = load::consume(&target, &LoadOptions { connections: 1, ..options }, "consume")?;
    println!("{}", read.table());
    Ok(())
}
