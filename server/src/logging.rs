//! Log lines on stderr, as text or JSON.
use std::io::IsTerminal;

use remora_config::{LogFormat, Settings};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging; `RUST_LOG` wins over the settings. Gives the reason where the level is nonsense.
pub(crate) fn start(settings: &Settings) -> Result<(), String> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => filter,
        _ => settings.log_level.clone(),
    };
    let parsed = EnvFilter::try_new(&filter).map_err(|error| {
        format!("log level '{filter}': {error}; expected error, warn, info, debug, trace or crate=level pairs")
    })?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(colours);
    // A second start in one process (tests) keeps the first subscriber.
    let _ = match settings.log_format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    Ok(())
}
