//! Figures of this process, from /proc; zeros where there is none.

#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Process {
    pub resident_bytes: f64,
    /// Without pages of mapped files and shared memory.
    pub private_bytes: f64,
    pub cpu_seconds: f64,
    pub open_fds: f64,
    pub threads: f64,
}

/// Linux gives processor time in these on every architecture.
const TICKS_A_SECOND: f64 = 100.0;

impl Process {
    pub(crate) fn read() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kilobytes = |name: &str| number_after(&status, name) * 1024.0;
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let open = std::fs::read_dir("/proc/self/fd").map(Iterator::count).unwrap_or_default();
        Self {
            resident_bytes: kilobytes("VmRSS:"),
            private_bytes: kilobytes("RssAnon:"),
            cpu_seconds: cpu_ticks(&stat) / TICKS_A_SECOND,
            open_fds: u32::try_from(open).map(f64::from).unwrap_or_default(),
            threads: number_after(&status, "Threads:"),
        }
    }
}

fn number_after(text: &str, name: &str) -> f64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Fields 14 and 15 of `stat`, counted after the name, which may hold blanks.
fn cpu_ticks(stat: &str) -> f64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|field| field.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_behind_their_names() {
        assert_eq!(number_after("Name:\tx\nVmRSS:\t  1234 kB\n", "VmRSS:"), 1234.0);
        assert_eq!(cpu_ticks("1 (a ) b) S 1 2 3 4 5 6 7 8 9 10 70 30 0"), 100.0);
    }
}
