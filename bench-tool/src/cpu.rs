//! What processes cost: CPU time of the server, and of everybody else.
use std::fs;

/// CPU time of a process in microseconds, user and system; `None` once it is gone.
pub fn process_cpu_us(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * (1_000_000 / TICKS_PER_SECOND))
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// CPU time that the whole machine has spent working, in microseconds.
pub fn machine_cpu_us() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().next()?;
    let fields: Vec<u64> = line.split_whitespace().skip(1).filter_map(|f| f.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal: all but idle and iowait.
    let busy: u64 =
        fields.iter().take(8).enumerate().filter(|(n, _)| *n != 3 && *n != 4).map(|(_, f)| f).sum();
    Some(busy * (1_000_000 / TICKS_PER_SECOND))
}

/// Linux reports clock ticks of 10 ms to user space, whatever the kernel's own rate.
const TICKS_PER_SECOND: u64 = 100;
