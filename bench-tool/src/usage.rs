//! CPU that a load used, of the server, of the generator and of everybody else.
use crate::clock;
use crate::cpu::{self, CpuTime, Thread};
use crate::profile::CpuProfile;
use crate::report::Report;
use crate::stats::LoadStats;
use crate::target::Target;

/// CPU is counted in ticks of 10 ms: in less time they do not tell what other processes took.
const JUDGED_S_MIN: f64 = 1.0;

/// CPU used up to a moment.
#[derive(Clone, Debug)]
pub struct Usage {
    pub at_ns: u64,
    server: Option<CpuTime>,
    threads: Vec<Thread>,
    own_us: Option<u64>,
    programs_us: Option<u64>,
}

impl Usage {
    pub fn now(target: &Target) -> Self {
        Self::of(target.server_pid)
    }

    /// With the server's process; without one its CPU counts as somebody else's.
    pub fn of(server_pid: Option<u32>) -> Self {
        // An embedded server (demo) is the generator's own process: it is counted once.
        let server = server_pid.filter(|pid| *pid != std::process::id());
        Self {
            at_ns: clock::now_ns(),
            server: server.and_then(cpu::tree_cpu),
            threads: server.map(cpu::tree_threads).unwrap_or_default(),
            own_us: cpu::process_cpu(std::process::id()).map(CpuTime::total_us),
            programs_us: cpu::programs_cpu_us(),
        }
    }

    /// Cores that neither server nor generator used from `before` until now; `None` where that is
    /// too short to tell. A server that had not been started then has used nothing.
    pub fn other_cores_since(&self, before: &Self) -> Option<f64> {
        let used = |now: u64, then: u64| now.saturating_sub(then) as f64;
        let own_us = used(self.own_us?, before.own_us?);
        let server = self.server.unwrap_or_default().since(before.server.unwrap_or_default());
        let server_us = server.total_us() as f64;
        let others_us = used(self.programs_us?, before.programs_us?) - own_us - server_us;
        let seconds = used(self.at_ns, before.at_ns) / 1e9;
        (seconds >= JUDGED_S_MIN).then(|| (others_us / 1e6 / seconds).max(0.0))
    }

    /// What has happened since.
    pub fn report(&self, target: &Target, label: &str, stats: &LoadStats) -> Report {
        let now = Self::now(target);
        let seconds = (now.at_ns - self.at_ns) as f64 / 1e9;
        let used = |then: Option<u64>, now: Option<u64>| Some(now?.saturating_sub(then?) as f64);
        let messages = stats.messages();
        let profile = self.server.zip(now.server).map(|(then, after)| {
            CpuProfile::between(&self.threads, &now.threads, after.since(then), messages)
        });
        let own_us = used(self.own_us, now.own_us);
        let each = |us: f64| us / messages.max(1) as f64;
        Report {
            label: label.to_owned(),
            messages,
            bytes: stats.bytes(),
            seconds,
            messages_per_second: messages as f64 / seconds,
            megabytes_per_second: stats.bytes() as f64 / seconds / 1e6,
            latency: Some(stats.latency_ns()),
            refused: stats.refused(),
            first_refusal: stats.first_refusal(),
            unanswered: 0,
            foreign: 0,
            faults: None,
            server_cpu: profile.filter(|_| messages > 0),
            generator_cpu_us_per_message: own_us.map(each).filter(|_| messages > 0),
            server_resident_bytes: target.server_pid.and_then(cpu::tree_resident_bytes),
            other_cores: now.other_cores_since(self),
            stalled_s: 0.0,
            stolen_s: 0.0,
        }
    }
}
