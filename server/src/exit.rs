//! What the program's exit codes mean; scripts and service managers act on them.
use std::process::ExitCode;

use crate::start::StartError;

/// The operation failed.
pub const FAILED: u8 = 1;
/// The command line makes no sense; clap's own code.
pub const USAGE: u8 = 2;
/// What was asked for does not exist.
pub const NOT_FOUND: u8 = 3;
/// The server refused: no permission.
pub const REFUSED: u8 = 4;
/// No server answered in time.
pub const UNREACHABLE: u8 = 5;
/// A defect of ours.
pub const INTERNAL: u8 = 70;
/// Durable storage failed: a restart does not help, the disk must be looked at.
pub const STORAGE: u8 = 74;
/// The configuration is wrong: a restart does not help either.
pub const CONFIG: u8 = 78;

/// The code of a start that failed.
pub fn of_start(error: &StartError) -> ExitCode {
    ExitCode::from(match error {
        StartError::Config(_) | StartError::Advertised(_) | StartError::Unsupported { .. } => {
            CONFIG
        }
        StartError::Listen { .. } | StartError::Runtime(_) => FAILED,
        StartError::Kv(_) => STORAGE,
        StartError::Broker(error) => of_broker(error),
    })
}

fn of_broker(error: &remora_broker::BrokerError) -> u8 {
    use remora_broker::BrokerError;
    use remora_store::OpenError;
    match error {
        // Another directory is what helps.
        BrokerError::Store(OpenError::Locked { .. } | OpenError::Format { .. }) => CONFIG,
        _ => STORAGE,
    }
}
