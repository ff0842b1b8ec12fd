//! One load on several targets in turn: A B A B …, so that both see the same machine.
use comfy_table::{Table, presets};

use crate::load::{self, LoadOptions};
use crate::report::Report;
use crate::target::Target;

/// Every round's reports, round by round, in the order of `targets`.
pub fn run(
    targets: &[(String, Target)],
    options: &LoadOptions,
    rounds: usize,
) -> anyhow::Result<Vec<Report>> {
    let mut reports = Vec::new();
    for round in 1..=rounds {
        for (name, target) in targets {
            reports.push(load::send(target, options, name)?);
            if let Some(report) = reports.last() {
                eprintln!("round {round} {name}: {:.0} msg/s", report.messages_per_second);
            }
        }
    }
    Ok(reports)
}

/// min / median / max of each target, and the ratio of the medians to the first target's.
pub fn table(targets: &[(String, Target)], reports: &[Report]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "target",
        "msg/s",
        "p50 us",
        "p99 us",
        "p99.9 us",
        "server us/msg",
        "other cores",
        "first / this",
    ]);
    let of = |name: &str, figure: &dyn Fn(&Report) -> Option<f64>| -> Vec<f64> {
        let mut figures: Vec<f64> =
            reports.iter().filter(|r| r.label == name).filter_map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures
    };
    let rate = |report: &Report| Some(report.messages_per_second);
    let first = targets.first().map(|(name, _)| median(&of(name, &rate)));
    for (name, _) in targets {
        let ratio = first.flatten().zip(median(&of(name, &rate))).map(|(first, own)| first / own);
        table.add_row([
            name.clone(),
            spread(&of(name, &rate), 0),
            spread(&of(name, &|r| r.latency_us(0.5)), 0),
            spread(&of(name, &|r| r.latency_us(0.99)), 0),
            spread(&of(name, &|r| r.latency_us(0.999)), 0),
            spread(&of(name, &|r| r.server_cpu_us_per_message), 2),
            spread(&of(name, &|r| r.other_cores), 2),
            ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
        ]);
    }
    table.to_string()
}

fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len() / 2).copied()
}

fn spread(sorted: &[f64], decimals: usize) -> String {
    match (sorted.first(), median(sorted), sorted.last()) {
        (Some(min), Some(median), Some(max)) => {
            format!("{min:.decimals$} / {median:.decimals$} / {max:.decimals$}")
        }
        _ => "–".to_owned(),
    }
}
