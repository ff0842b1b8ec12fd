//! How much memory the process keeps to, and what that means for its buffers.
//!
//! Pages of mapped files are not counted: messages are read from them, and the kernel takes them
//! back. What grows with the load is counted by `remora_remoting::Budget` (open connections, half
//! received frames, answers not yet read, requests in flight, copies for the slow lane) or bounded
//! by a number that follows from the limit (held pulls, buffers of the IO threads).
use std::path::Path;
use std::sync::Arc;

use remora_config::Settings;
use remora_remoting::Budget;

/// Share of the machine's memory that is used where nothing says another limit.
const MACHINE_SHARE: u64 = 4;
/// Share of a control group's limit: the rest is for the pages of the log, which count there too.
const CGROUP_SHARE: u64 = 2;
/// Least limit, as for the setting.
const LIMIT_BYTES_MIN: u64 = 16 << 20;

/// Share of the limit that one peer's outbound queue may take.
const OUTBOUND_SHARE: u64 = 64;
/// Smallest outbound queue: one full pull reply.
const OUTBOUND_BYTES_MIN: u64 = 256 * 1024;
/// A held pull with its request, subscription and timers. Chosen: measured frames are 400 bytes.
pub(crate) const HELD_PULL_BYTES: u64 = 1024;
/// Share of the limit that held pulls may take.
const HELD_PULL_SHARE: u64 = 8;
/// Held pulls that stand against one held pop, of the same size. Chosen: few groups pop.
const HELD_POPS_PER_PULLS: u64 = 4;
/// Share of the limit for queue entries that are not in their files yet.
const TAILS_SHARE: u64 = 8;
/// Share of the limit for tables: topics, groups, offsets, clients.
const TABLES_SHARE: u64 = 8;
/// The log's pages in the page cache, beside the limit: half as much again.
const LOG_CACHE_SHARE: u64 = 2;
/// What an IO thread keeps from turn to turn: read buffer, write buffer, append batch.
const THREAD_BYTES: u64 = 5 << 20;

/// What the process keeps to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Limit {
    pub bytes: u64,
    pub origin: &'static str,
}

/// The limit that is set, else half of the control group's, else a quarter of the machine's memory.
pub(crate) fn limit(settings: &Settings) -> Limit {
    if let Some(bytes) = settings.memory_limit_bytes {
        return Limit { bytes, origin: "as set" };
    }
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let machine_bytes = machine_bytes(&text("/proc/meminfo"));
    let cgroup_bytes = cgroup_bytes(Path::new("/sys/fs/cgroup"), &text("/proc/self/cgroup"));
    chosen(machine_bytes, cgroup_bytes)
}

fn chosen(machine_bytes: Option<u64>, cgroup_bytes: Option<u64>) -> Limit {
    // Without a limit, version 1 shows a number beyond any machine.
    let cgroup_bytes = cgroup_bytes.filter(|bytes| machine_bytes.is_none_or(|all| *bytes < all));
    let (bytes, origin) = match (cgroup_bytes, machine_bytes) {
        (Some(bytes), _) => (bytes / CGROUP_SHARE, "half of the control group's limit"),
        (None, Some(bytes)) => (bytes / MACHINE_SHARE, "a quarter of the machine's memory"),
        (None, None) => (1 << 30, "as the machine's memory is unknown"),
    };
    Limit { bytes: bytes.max(LIMIT_BYTES_MIN), origin }
}

fn machine_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The lowest limit from our own control group up to the root, in either version's files.
fn cgroup_bytes(root: &Path, own: &str) -> Option<u64> {
    let groups = own.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        let base = match controllers {
            "" => root.to_owned(),
            list if list.split(',').any(|name| name == "memory") => root.join("memory"),
            _ => return None,
        };
        Some((base, path.trim_start_matches('/').to_owned()))
    });
    let mut lowest = None;
    for (base, path) in groups {
        let own = base.join(path);
        // In a container the path may be the host's, of which only the root is visible.
        for group in own.ancestors().take_while(|group| group.starts_with(&base)) {
            for file in ["memory.max", "memory.high", "memory.limit_in_bytes"] {
                let text = std::fs::read_to_string(group.join(file)).unwrap_or_default();
                let bytes = text.trim().parse::<u64>().ok();
                lowest = lowest.into_iter().chain(bytes).min();
            }
        }
    }
    lowest
}

/// Keys to lower, with their values.
pub(crate) fn lowered(settings: &Settings, limit_bytes: u64) -> Vec<(&'static str, String)> {
    let outbound_bytes = (limit_bytes / OUTBOUND_SHARE).max(OUTBOUND_BYTES_MIN);
    let held_pulls = (limit_bytes / HELD_PULL_SHARE / HELD_PULL_BYTES).max(1);
    let mut lowered = Vec::new();
    if u64::try_from(settings.outbound_bytes_max).is_ok_and(|bytes| bytes > outbound_bytes) {
        lowered.push(("remoting.outbound_bytes_max", outbound_bytes.to_string()));
    }
    if u64::try_from(settings.parked_pulls_max).is_ok_and(|count| count > held_pulls) {
        lowered.push(("pull.parked_max", held_pulls.to_string()));
    }
    let held_pops = (held_pulls / HELD_POPS_PER_PULLS).max(1);
    if u64::try_from(settings.pop_polling_max).is_ok_and(|count| count > held_pops) {
        lowered.push(("pop.polling_max", held_pops.to_string()));
    }
    let tails_bytes = (limit_bytes / TAILS_SHARE).max(1 << 20);
    if settings.queue_tails_bytes_max > tails_bytes {
        lowered.push(("store.queue_tails_bytes_max", tails_bytes.to_string()));
    }
    // Pages of the log are not part of the limit, but what it was made from holds them as well.
    let cached_bytes = (limit_bytes / LOG_CACHE_SHARE).max(128 << 20);
    if settings.commit_log_cached_bytes_max > cached_bytes {
        lowered.push(("store.commit_log_cached_bytes_max", cached_bytes.to_string()));
    }
    lowered
}

/// What connections share: the limit without held pulls, queue entries, tables and the IO threads'
/// own buffers.
/// `settings` are those already lowered.
pub(crate) fn budget(settings: &Settings, limit_bytes: u64) -> Arc<Budget> {
    let shards = match settings.io_shards {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        shards => shards,
    };
    let outbound_bytes = u64::try_from(settings.outbound_bytes_max).unwrap_or(u64::MAX);
    let thread_bytes = THREAD_BYTES.saturating_add(outbound_bytes);
    let threads_bytes = thread_bytes.saturating_mul(u64::try_from(shards).unwrap_or(u64::MAX));
    let held_pop_share = HELD_PULL_SHARE * HELD_POPS_PER_PULLS;
    let shares = [HELD_PULL_SHARE, held_pop_share, TAILS_SHARE, TABLES_SHARE];
    let kept_bytes: u64 = shares.iter().map(|share| limit_bytes / share).sum();
    let shared_bytes = limit_bytes.saturating_sub(kept_bytes).saturating_sub(threads_bytes);
    let bytes = shared_bytes.max(limit_bytes / 8 * 3);
    Arc::new(Budget::new(usize::try_from(bytes).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_lowers_what_one_peer_may_hold_and_a_large_one_leaves_it() {
        let settings = Settings::default();
        assert_eq!(
            lowered(&settings, 64 << 20),
            [
                ("remoting.outbound_bytes_max", (1 << 20).to_string()),
                ("pull.parked_max", "8192".to_owned()),
                ("pop.polling_max", "2048".to_owned()),
                ("store.queue_tails_bytes_max", (8 << 20).to_string()),
                ("store.commit_log_cached_bytes_max", (128 << 20).to_string())
            ]
        );
        assert_eq!(lowered(&settings, 1 << 40), []);
    }

    #[test]
    fn what_is_set_wins_then_the_control_group_then_the_machine() {
        let set = Settings { memory_limit_bytes: Some(20 << 20), ..Settings::default() };
        assert_eq!(limit(&set), Limit { bytes: 20 << 20, origin: "as set" });
        let (machine, group) = (Some(8 << 30), Some(1 << 30));
        let bytes = |machine, group| chosen(machine, group).bytes;
        assert_eq!(bytes(machine, group), 512 << 20);
        assert_eq!(bytes(machine, None), 2 << 30);
        assert_eq!(bytes(machine, Some(u64::MAX >> 1)), 2 << 30, "version 1 without a limit");
        assert_eq!(bytes(Some(32 << 20), None), 16 << 20);
        assert_eq!(machine_bytes("MemTotal:       24684 kB\nMemFree: 1 kB\n"), Some(24684 * 1024));
    }

    #[test]
    fn lowest_limit_of_the_control_groups_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let own = "12:cpu:/x\n0::/system.slice/remora.service\n";
        assert_eq!(cgroup_bytes(root.path(), own), None);
        write("system.slice/remora.service/memory.max", "max\n");
        write("system.slice/remora.service/memory.high", "400\n");
        assert_eq!(cgroup_bytes(root.path(), own), Some(400));
        write("system.slice/memory.max", "300\n");
        assert_eq!(cgroup_bytes(root.path(), own), Some(300));
        write("memory/docker/abc/memory.limit_in_bytes", "200\n");
        assert_eq!(cgroup_bytes(root.path(), "4:memory:/docker/abc\n"), Some(200));
    }

    #[test]
    fn connections_share_what_is_left_and_at_least_three_eighths() {
        let settings = Settings { io_shards: 2, ..Settings::default() };
        assert_eq!(budget(&settings, 16 << 20).limit_bytes(), 6 << 20);
        let whole = 1 << 30;
        let threads = 2 * (21 << 20);
        assert_eq!(budget(&settings, whole).limit_bytes(), (608 << 20) - threads);
    }
}
