//! `remora standalone|nameserver|broker`: start, say so, wait for a signal, stop.
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use remora_config::{Config, FlushDisk, Notice, Settings};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::ServeArgs;
use crate::exit;
use crate::logging;
use crate::start::{Roles, Running, StartError, start};

/// Longest stop; what is not finished then is not waited for.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two looks at the store's health.
const STORE_LOOK: Duration = Duration::from_millis(250);

/// Runs until a signal.
pub(crate) fn run(args: &ServeArgs, roles: Roles, launched: Instant) -> ExitCode {
    let (config, notices) = match load(args) {
        Ok(loaded) => loaded,
        Err(reason) => return refuse(&reason),
    };
    if let Err(reason) = logging::start(&config.settings()) {
        return refuse(&reason);
    }
    for notice in &notices {
        match notice {
            Notice::NoEffect { .. } => tracing::debug!("{notice}"),
            _ => tracing::warn!("{notice}"),
        }
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            return ExitCode::from(exit::INTERNAL);
        }
    };
    runtime.block_on(serve(Arc::new(config), roles, launched))
}

fn load(args: &ServeArgs) -> Result<(Config, Vec<Notice>), String> {
    let layers = args.layers().map_err(|error| error.to_string())?;
    Config::load(&layers).map_err(|rejected| rejected.to_string())
}

/// Before logging runs, and for people: on stderr, each cause on a line.
fn refuse(reasons: &str) -> ExitCode {
    for reason in reasons.lines() {
        eprintln!("remora: configuration: {reason}");
    }
    ExitCode::from(exit::CONFIG)
}

async fn serve(config: Arc<Config>, roles: Roles, launched: Instant) -> ExitCode {
    let (mut terminate, mut interrupt) = match signals() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "cannot listen for signals");
            return ExitCode::from(exit::INTERNAL);
        }
    };
    let started = tokio::select! {
        started = start(config, roles) => started,
        () = either(&mut terminate, &mut interrupt) => return ExitCode::SUCCESS,
    };
    let running = match started {
        Ok(running) => running,
        Err(error) => {
            say_failure(&error);
            return exit::of_start(&error);
        }
    };
    say_ready(&running, launched);
    let failed = tokio::select! {
        () = either(&mut terminate, &mut interrupt) => None,
        reason = storage_failed(&running) => Some(reason),
    };
    if let Some(reason) = &failed {
        tracing::error!(reason, "durable storage failed: stopping, as nothing can be promised now");
    }
    let stopped = tokio::select! {
        () = stop(running) => true,
        () = either(&mut terminate, &mut interrupt) => false,
    };
    match (failed, stopped) {
        (Some(_), _) => ExitCode::from(exit::STORAGE),
        (None, true) => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        (None, false) => {
            tracing::warn!("second signal: ended at once");
            // Threads may still be writing; what was acknowledged is in the page cache or on disk.
            std::process::exit(i32::from(exit::FAILED))
        }
    }
}

fn signals() -> std::io::Result<(Signal, Signal)> {
    Ok((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

async fn stop(running: Running) {
    tracing::info!("stopping: finishing what is under way, at most {} s", STOP_TIMEOUT.as_secs());
    if tokio::time::timeout(STOP_TIMEOUT, running.stop()).await.is_err() {
        tracing::error!("the stop took too long; the next start recovers the store");
    }
}

/// Resolves when the store can promise nothing any more. It already refuses every send itself; this
/// only ends the process, so a look now and then is enough.
async fn storage_failed(running: &Running) -> String {
    let Some(broker) = running.broker() else { return std::future::pending().await };
    let mut looks = tokio::time::interval(STORE_LOOK);
    loop {
        looks.tick().await;
        if let Some(failure) = broker.store.failure() {
            return failure.to_string();
        }
    }
}

fn say_failure(error: &StartError) {
    tracing::error!("cannot start: {error}");
    if let StartError::Listen { .. } = error {
        tracing::info!("a running server is stopped with kill PID (it drains), or Ctrl-C");
    }
}

/// The ready line, what durability means, the phrases that Apache's scripts wait for, and what to
/// paste.
fn say_ready(running: &Running, launched: Instant) {
    let settings = running.config.settings();
    let addresses = &running.addresses;
    let text = |addr: Option<std::net::SocketAddr>| addr.map(|addr| addr.to_string());
    tracing::info!(
        nameserver = text(addresses.nameserver),
        broker = text(addresses.broker),
        vip = text(addresses.vip),
        http = text(addresses.http),
        data_dir = %settings.store_path.display(),
        elapsed_ms = u64::try_from(launched.elapsed().as_millis()).unwrap_or(u64::MAX),
        "ready"
    );
    if let Some(broker) = running.broker() {
        let recovery = &broker.recovery;
        if !recovery.clean_stop && recovery.records_checked > 0 {
            tracing::info!(
                records = recovery.records_checked,
                truncated_bytes = recovery.truncated_bytes,
                elapsed_ms = recovery.elapsed_ms,
                "recovered after an unclean stop"
            );
        }
        tracing::info!("{}", durability(&settings));
        warn_unreachable(&settings);
    }
    let mut lines = String::new();
    if let Some(addr) = addresses.nameserver {
        lines += &format!("The Name Server boot success. serializeType=JSON, address {addr}\n");
    }
    if let Some(broker) = running.broker() {
        lines += &format!(
            "The broker[{}, {}] boot success. serializeType=JSON and name server is {}\n",
            settings.broker_name,
            broker.registered_address(),
            settings.nameserver_addrs.join(";")
        );
    }
    if let (Some(addr), Some(_)) = (addresses.nameserver, addresses.broker) {
        lines += &pasted(&addr.to_string());
    }
    // A closed stdout is no reason to stop serving.
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
}

fn durability(settings: &Settings) -> String {
    match settings.flush {
        FlushDisk::Async => format!(
            "flush=async: a power cut can lose up to the last {} ms; kill -9 loses nothing (--flush sync loses nothing)",
            settings.flush_interval_ms
        ),
        FlushDisk::Sync => {
            "flush=sync: what was acknowledged survives a power cut and kill -9".to_owned()
        }
    }
}

fn warn_unreachable(settings: &Settings) {
    let elsewhere = |host: &String| !host.starts_with("127.") && !host.starts_with("localhost");
    let told = settings.broker_ip1.iter().chain(&settings.advertised).find(|host| elsewhere(host));
    if let Some(host) = told.filter(|_| settings.listen_ip.is_loopback()) {
        tracing::warn!(
            "clients are told {host}, but the broker listens on {} only: add --broker-listen 0.0.0.0:{}",
            settings.listen_ip,
            settings.listen_port
        );
    }
}

fn pasted(addr: &str) -> String {
    format!(
        "\n  Java  producer.setNamesrvAddr(\"{addr}\");\n  Go    producer.WithNameServer([]string{{\"{addr}\"}})\n  CLI   remora send orders 'hello' --nameserver {addr}; remora tail orders --from-start --nameserver {addr}\n\n"
    )
}
