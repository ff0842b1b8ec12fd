//! What processes cost, from Linux's `/proc`: CPU time and memory of the server, CPU time of
//! everybody else.
use std::collections::HashMap;
use std::fs;

/// CPU time in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CpuTime {
    pub user_us: u64,
    pub system_us: u64,
}

impl CpuTime {
    pub fn total_us(self) -> u64 {
        self.user_us + self.system_us
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { user_us: self.user_us + other.user_us, system_us: self.system_us + other.system_us }
    }

    /// What was used from `before` to now; 0 where that would be negative.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            user_us: self.user_us.saturating_sub(before.user_us),
            system_us: self.system_us.saturating_sub(before.system_us),
        }
    }
}

/// CPU time of a process; `None` once it is gone.
pub fn process_cpu(pid: u32) -> Option<CpuTime> {
    Some(stat(pid)?.cpu)
}

/// CPU time of a process and all that it has started.
pub fn tree_cpu(pid: u32) -> Option<CpuTime> {
    let tree = tree(pid);
    let each = || tree.iter().filter_map(|pid| process_cpu(*pid));
    (!tree.is_empty()).then(|| each().fold(CpuTime::default(), CpuTime::plus))
}

/// A thread by the name that it gave itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread {
    pub id: u32,
    /// At most 15 bytes, by Linux's rule.
    pub name: String,
    pub cpu: CpuTime,
}

/// The threads of a process and of all that it has started.
pub fn tree_threads(pid: u32) -> Vec<Thread> {
    tree(pid).iter().flat_map(|pid| threads(*pid)).collect()
}

fn threads(pid: u32) -> impl Iterator<Item = Thread> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(move |entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let text = fs::read_to_string(entry.path().join("stat")).ok()?;
        let name = text.split_once('(')?.1.rsplit_once(')')?.0.to_owned();
        Some(Thread { id, name, cpu: parse_stat(pid, &text)?.cpu })
    })
}

/// Memory of a process and all that it has started, in bytes: resident, without mapped files.
pub fn tree_anonymous_bytes(pid: u32) -> Option<u64> {
    let tree = tree(pid);
    (!tree.is_empty()).then(|| tree.iter().filter_map(|pid| status_bytes(*pid, "RssAnon:")).sum())
}

/// Memory of a process and all that it has started, in bytes: resident, mapped files included.
pub fn tree_resident_bytes(pid: u32) -> Option<u64> {
    let tree = tree(pid);
    (!tree.is_empty()).then(|| tree.iter().filter_map(|pid| status_bytes(*pid, "VmRSS:")).sum())
}

/// CPU time of the whole machine in microseconds without that of the kernel's own threads and
/// interrupts: what a load makes the kernel do (loopback, write-back) is the load's.
pub fn programs_cpu_us() -> Option<u64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let machine_us = machine_cpu_us(text.lines().next()?);
    let kernel = all().filter(|(_, stat)| stat.kernel);
    let kernel_us: u64 = kernel.map(|(_, stat)| stat.cpu.total_us()).sum();
    Some(machine_us.saturating_sub(kernel_us))
}

/// The first line of `/proc/stat`: user nice system idle iowait irq softirq steal.
fn machine_cpu_us(line: &str) -> u64 {
    let fields = line.split_whitespace().skip(1).map(|field| field.parse().unwrap_or(0));
    let counted = fields.enumerate().filter(|(n, _)| matches!(n, 0 | 1 | 2 | 7));
    counted.map(|(_, ticks): (_, u64)| ticks).sum::<u64>() * TICK_US
}

/// Time that the host of this virtual machine took from each core so far, in microseconds.
pub fn stolen_us() -> Vec<u64> {
    stolen_of(&fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// Lines `cpu0 user nice system idle iowait irq softirq steal …` follow the sum of all.
fn stolen_of(text: &str) -> Vec<u64> {
    let cores = text.lines().skip(1).take_while(|line| line.starts_with("cpu"));
    let ticks = cores.map(|line| line.split_whitespace().nth(8)?.parse::<u64>().ok());
    ticks.map(|ticks| ticks.unwrap_or(0) * TICK_US).collect()
}

/// Linux reports clock ticks of 10 ms to user space, whatever the kernel's own rate.
const TICK_US: u64 = 10_000;
/// The parent of all kernel threads.
const KTHREADD: u32 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stat {
    parent: u32,
    cpu: CpuTime,
    kernel: bool,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state ppid …`; the name may hold anything, brackets and spaces included.
fn parse_stat(pid: u32, text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let parent = fields.get(1)?.parse().ok()?;
    let user: u64 = fields.get(11)?.parse().ok()?;
    let system: u64 = fields.get(12)?.parse().ok()?;
    let kernel = pid == KTHREADD || parent == KTHREADD;
    let cpu = CpuTime { user_us: user * TICK_US, system_us: system * TICK_US };
    Some(Stat { parent, cpu, kernel })
}

fn all() -> impl Iterator<Item = (u32, Stat)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, stat(pid)?))
    })
}

/// The process and its descendants; empty once it is gone.
fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut found = Vec::new();
    for (pid, stat) in all() {
        children.entry(stat.parent).or_default().push(pid);
        if pid == root {
            found.push(pid);
        }
    }
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children.remove(&pid).unwrap_or_default());
        next += 1;
    }
    found
}

fn status_bytes(pid: u32, key: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_may_hold_brackets_and_spaces() {
        let text = "7 (a) b (c) S 2 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 9 0 0";
        let cpu = CpuTime { user_us: 1_500_000, system_us: 500_000 };
        let expected = Stat { parent: 2, cpu, kernel: true };
        assert_eq!(parse_stat(7, text), Some(expected));
    }

    #[test]
    fn idle_waiting_and_interrupts_are_nobodys_cpu() {
        assert_eq!(machine_cpu_us("cpu  100 20 30 9999 888 77 66 5 0 0"), 155 * TICK_US);
    }

    #[test]
    fn what_the_host_took_is_told_core_by_core() {
        let text = "cpu 9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 1 2 3 4 5 6 7 0 0 0\n\
                    intr 7 7 7 7 7 7 7 7 7\n";
        assert_eq!(stolen_of(text), [8 * TICK_US, 0]);
    }

    #[test]
    fn this_process_is_in_its_own_tree() {
        let own = std::process::id();
        assert!(tree(own).contains(&own));
        assert!(tree_resident_bytes(own) >= tree_anonymous_bytes(own));
    }

    #[test]
    fn a_thread_is_found_by_the_name_it_gave_itself() {
        let find = || tree_threads(std::process::id()).into_iter().find(|t| t.name == "seen (7)");
        let thread = std::thread::Builder::new().name("seen (7)".to_owned()).spawn(find);
        let found = thread.map(std::thread::JoinHandle::join).expect("a thread").expect("its word");
        assert!(found.is_some());
    }
}
