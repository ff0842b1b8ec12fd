//! What a load showed: for a person, for a program, for a plotter.
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use comfy_table::{ContentArrangement, Table, presets};
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::payload::Faults;
use crate::profile::CpuProfile;

/// The percentiles that tables and JSON name.
const QUANTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("max", 1.0)];

/// Result of one load on one target.
#[derive(Clone, Debug)]
pub struct Report {
    pub label: String,
    pub messages: u64,
    pub bytes: u64,
    pub seconds: f64,
    pub messages_per_second: f64,
    pub megabytes_per_second: f64,
    /// Nanoseconds.
    pub latency: Option<Histogram<u64>>,
    pub refused: u64,
    pub first_refusal: Option<String>,
    /// Requests without an answer 10 s after the load.
    pub unanswered: u64,
    /// Bodies read that the bench did not write.
    pub foreign: u64,
    /// Where messages were read back: what the verification found.
    pub faults: Option<Faults>,
    pub server_cpu: Option<CpuProfile>,
    pub generator_cpu_us_per_message: Option<f64>,
    pub server_resident_bytes: Option<u64>,
    /// CPU cores that neither the server nor the generator used: the noise of the machine.
    pub other_cores: Option<f64>,
    /// How long the machine stood still at most, seconds.
    pub stalled_s: f64,
    /// How much of one core the machine's host took within a tenth of a second, at most, seconds.
    pub stolen_s: f64,
}

impl Report {
    pub fn latency_us(&self, quantile: f64) -> Option<f64> {
        self.latency.as_ref().map(|h| h.value_at_quantile(quantile) as f64 / 1e3)
    }

    pub fn to_json(&self) -> Value {
        let latency: serde_json::Map<String, Value> = QUANTILES
            .iter()
            .filter_map(|(name, q)| Some(((*name).to_owned(), json!(self.latency_us(*q)?))))
            .collect();
        json!({
            "label": self.label,
            "messages": self.messages,
            "bytes": self.bytes,
            "seconds": self.seconds,
            "messages_per_second": self.messages_per_second,
            "megabytes_per_second": self.megabytes_per_second,
            "latency_us": latency,
            "refused": self.refused,
            "first_refusal": self.first_refusal,
            "unanswered": self.unanswered,
            "foreign": self.foreign,
            "verification": self.faults,
            "server_cpu_us_per_message": self.server_cpu.as_ref().map(CpuProfile::total_us),
            "server_cpu": self.server_cpu.as_ref().map(CpuProfile::to_json),
            "generator_cpu_us_per_message": self.generator_cpu_us_per_message,
            "server_resident_bytes": self.server_resident_bytes,
            "other_cores": self.other_cores,
            "stalled_s": self.stalled_s,
            "stolen_s": self.stolen_s,
        })
    }

    /// The table a person reads.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header([self.label.as_str(), ""]);
        table.add_row(["messages", &format!("{} in {:.1} s", self.messages, self.seconds)]);
        table.add_row(["rate", &format!("{:.0} msg/s", self.messages_per_second)]);
        table.add_row(["bytes", &format!("{:.1} MB/s", self.megabytes_per_second)]);
        for (name, quantile) in QUANTILES {
            if let Some(us) = self.latency_us(quantile) {
                table.add_row([name, &format!("{us:.0} us")]);
            }
        }
        if let Some(cpu) = &self.server_cpu {
            let (user, system) = cpu.split_us();
            let split = format!("{user:.2} user + {system:.2} system");
            table.add_row(["server CPU", &format!("{:.2} us a message: {split}", cpu.total_us())]);
            table.add_row(["by thread", &cpu.threads()]);
        }
        if let Some(us) = self.generator_cpu_us_per_message {
            table.add_row(["generator CPU", &format!("{us:.2} us a message")]);
        }
        if let Some(bytes) = self.server_resident_bytes {
            table.add_row([
                "server memory",
                &format!("{:.0} MiB resident", bytes as f64 / 1_048_576.0),
            ]);
        }
        if let Some(cores) = self.other_cores {
            table.add_row(["other processes", &format!("{cores:.2} cores")]);
        }
        table.add_row(["refused", &self.refused.to_string()]);
        if let Some(refusal) = &self.first_refusal {
            table.add_row(["first refusal", refusal]);
        }
        if self.unanswered > 0 {
            table.add_row(["unanswered", &self.unanswered.to_string()]);
        }
        if self.foreign > 0 {
            table.add_row(["others' messages", &self.foreign.to_string()]);
        }
        if let Some(f) = &self.faults {
            table.add_row(["verification", &f.describe()]);
        }
        table.to_string()
    }

    /// Percentile distribution in the text form that HdrHistogram's plotters read (milliseconds).
    pub fn hgrm(&self) -> Option<String> {
        let histogram = self.latency.as_ref()?;
        let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
        let mut seen = 0;
        for step in histogram.iter_quantiles(5) {
            seen += step.count_since_last_iteration();
            let quantile = step.quantile_iterated_to();
            let value_ms = step.value_iterated_to() as f64 / 1e6;
            let line = if quantile < 1.0 {
                writeln!(
                    text,
                    "{value_ms:12.3} {quantile:.12} {seen:10} {:14.2}",
                    1.0 / (1.0 - quantile)
                )
            } else {
                writeln!(text, "{value_ms:12.3} {quantile:.12} {seen:10}")
            };
            line.ok()?;
        }
        Some(text)
    }
}

/// Writes reports where the options say.
pub fn write_files(
    reports: &[Report],
    json: Option<&Path>,
    hgrm: Option<&Path>,
) -> anyhow::Result<()> {
    if let Some(path) = json {
        let values: Vec<Value> = reports.iter().map(Report::to_json).collect();
        std::fs::write(path, serde_json::to_string_pretty(&values)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let (Some(path), Some(text)) = (hgrm, reports.first().and_then(Report::hgrm)) {
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
