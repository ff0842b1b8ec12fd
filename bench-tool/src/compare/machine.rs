//! What the figures were measured on: it stands in every report.
use std::fs;

use serde_json::{Value, json};

use crate::compare::memory::field_bytes;

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Facts of the machine at the start of a comparison.
#[derive(Clone, PartialEq, Debug)]
pub struct Machine {
    pub cores: usize,
    pub cpu_model: String,
    pub kernel: String,
    pub memory_gib: f64,
    /// Runnable processes, mean of the last minute, before the comparison.
    pub load_average: f64,
}

impl Machine {
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            cpu_model: cpu_model(&read("/proc/cpuinfo")),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            memory_gib: field_bytes(&read("/proc/meminfo"), "MemTotal:").unwrap_or(0) as f64 / GIB,
            load_average: read("/proc/loadavg")
                .split_whitespace()
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(0.0),
        }
    }

    /// One line for a person.
    pub fn describe(&self) -> String {
        format!(
            "{} cores ({}), {:.0} GiB, Linux {}, load average {:.1} before the first round",
            self.cores, self.cpu_model, self.memory_gib, self.kernel, self.load_average
        )
    }

    pub fn to_json(&self) -> Value {
        json!({
            "cores": self.cores,
            "cpu_model": self.cpu_model,
            "kernel": self.kernel,
            "memory_gib": self.memory_gib,
            "load_average": self.load_average,
        })
    }
}

fn cpu_model(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let model = line.and_then(|line| line.split_once(':')).map(|(_, model)| model.trim());
    format!("{} {}", std::env::consts::ARCH, model.unwrap_or("unknown model"))
}
