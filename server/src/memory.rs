//! What a memory limit means.
//!
//! Messages are read from mapped files and are not counted. What grows with the load is bytes
//! queued for peers, requests in flight and held pulls; a limit lowers their maxima, never raises
//! them.
use remora_config::Settings;

/// Share of the limit that one peer's outbound queue may take.
const OUTBOUND_SHARE: u64 = 64;
/// Smallest outbound queue: one full pull reply.
const OUTBOUND_BYTES_MIN: u64 = 256 * 1024;
/// A held pull with its request, subscription and timers. Chosen: measured frames are 400 bytes.
const HELD_PULL_BYTES: u64 = 1024;
/// Share of the limit that held pulls may take.
const HELD_PULL_SHARE: u64 = 8;

/// Keys to lower, with their values.
pub(crate) fn budgets(settings: &Settings) -> Vec<(&'static str, String)> {
    let Some(limit_bytes) = settings.memory_limit_bytes else { return Vec::new() };
    let outbound_bytes = (limit_bytes / OUTBOUND_SHARE).max(OUTBOUND_BYTES_MIN);
    let held_pulls = (limit_bytes / HELD_PULL_SHARE / HELD_PULL_BYTES).max(1);
    let mut lowered = Vec::new();
    if u64::try_from(settings.outbound_bytes_max).is_ok_and(|bytes| bytes > outbound_bytes) {
        lowered.push(("remoting.outbound_bytes_max", outbound_bytes.to_string()));
    }
    if u64::try_from(settings.parked_pulls_max).is_ok_and(|count| count > held_pulls) {
        lowered.push(("pull.parked_max", held_pulls.to_string()));
    }
    lowered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lowers_budgets_and_no_limit_leaves_them() {
        let mut settings = Settings::default();
        assert_eq!(budgets(&settings), []);
        settings.memory_limit_bytes = Some(64 << 20);
        assert_eq!(
            budgets(&settings),
            [
                ("remoting.outbound_bytes_max", (1 << 20).to_string()),
                ("pull.parked_max", "8192".to_owned())
            ]
        );
        settings.memory_limit_bytes = Some(1 << 40);
        assert_eq!(budgets(&settings), []);
    }
}
