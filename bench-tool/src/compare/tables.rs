//! Tables for the terminal: a block a load, a row a figure, a column a target.
use std::fmt::Write as _;

use comfy_table::{Table, presets};

use crate::compare::Comparison;
use crate::compare::figures::{Column, Key, Measured, Noise, Spread, Unit, times_better};
use crate::compare::rounds::standstill;
use crate::compare::session::LoadResult;

/// Everything, in the order in which it was asked for.
pub fn terminal(comparison: &Comparison) -> String {
    let mut text = format!("{}\n", comparison.machine.describe());
    for result in &comparison.results {
        let _infallible = writeln!(text, "\n{}: {}", result.load.name, result.load.title);
        let _infallible = writeln!(text, "{}", table(rows(result, comparison.noise)));
        let profiles = profiles(result, comparison.noise);
        if !profiles.rows.is_empty() {
            let _infallible = writeln!(text, "{}", table(profiles));
        }
        for remark in remarks(result, comparison.noise) {
            let _infallible = writeln!(text, "  {remark}");
        }
    }
    if let Some(memory) = free_memory(comparison) {
        let _infallible = writeln!(text, "\n{memory}");
    }
    text
}

/// How much memory was free before the rounds: where much was, its first use is in the figures.
pub fn free_memory(comparison: &Comparison) -> Option<String> {
    let columns = comparison.results.iter().flat_map(|result| &result.columns);
    let rounds = columns.flat_map(|column| &column.rounds);
    let free = rounds.filter_map(|round| round.measured.free_memory_bytes);
    let spread = Spread::of(free.map(|bytes| bytes as f64).collect())?;
    let filled = if comparison.memory_filled { ", filled with page cache" } else { "" };
    let (figures, unit) = (spread.show(Unit::Bytes), Unit::Bytes.suffix());
    Some(format!("free memory before a round, {unit}: {figures}{filled}"))
}

fn table(rows: Rows) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(rows.header);
    for row in rows.rows {
        table.add_row(row);
    }
    table
}

/// A table of texts, whoever prints it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Min / median / max of every figure and target, then how many times better the first target is
/// than each other one.
pub fn rows(result: &LoadResult, noise: Noise) -> Rows {
    let columns: Vec<&Column> = result.columns.iter().filter(|c| c.absent.is_none()).collect();
    let mut header = vec!["min / median / max".to_owned()];
    header.extend(columns.iter().map(|column| column.target.clone()));
    let Some((first, others)) = columns.split_first() else {
        return Rows { header, rows: Vec::new() };
    };
    header.extend(others.iter().map(|other| format!("{} : {}", first.target, other.target)));
    let row = |key: Key| {
        let mut row = vec![key.title(result.load.axis())];
        row.extend(columns.iter().map(|column| cell(column, key, noise)));
        row.extend(others.iter().map(|other| ratio(first, other, key, noise)));
        row
    };
    Rows { header, rows: keys(result).into_iter().map(row).collect() }
}

/// The figures of all targets, each once; the points of a curve one below the other.
pub fn keys(result: &LoadResult) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for key in result.columns.iter().flat_map(Column::keys) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
    keys.sort_by_key(|key| names.iter().position(|name| *name == key.name));
    keys
}

/// Where the CPU of each target went.
pub fn profiles(result: &LoadResult, noise: Noise) -> Rows {
    let header = ["server CPU, us/msg", "all", "user", "system", "by thread"];
    let mut rows = Vec::new();
    for column in &result.columns {
        for (part, profile) in column.profiles(noise) {
            let axis = result.load.axis().unwrap_or_default();
            let part = if part.is_empty() { String::new() } else { format!(", {part} {axis}") };
            let (user, system) = profile.split_us();
            let us = |us: f64| Unit::MicrosPerMessage.show(us);
            let name = format!("{}{part}", column.target).trim_end().to_owned();
            rows.push(vec![name, us(profile.total_us()), us(user), us(system), profile.threads()]);
        }
    }
    Rows { header: header.map(str::to_owned).to_vec(), rows }
}

/// `~` marks figures that stem from void rounds.
pub fn cell(column: &Column, key: Key, noise: Noise) -> String {
    let mark = if column.is_marked(noise) { "~" } else { "" };
    match column.spread(key, noise) {
        Some(spread) => format!("{mark}{}", spread.show(key.unit)),
        None if column.keys().contains(&key) => "void".to_owned(),
        None => "–".to_owned(),
    }
}

/// How many times better `own` is; empty where one of them has no figure.
pub fn ratio(own: &Column, other: &Column, key: Key, noise: Noise) -> String {
    let spreads = own.spread(key, noise).zip(other.spread(key, noise));
    let times = spreads.and_then(|(own, other)| times_better(own, other, key.unit));
    times.map_or_else(String::new, |times| format!("{times:.2}"))
}

/// What the table cannot say: what was not measured, what was void, what went wrong.
pub fn remarks(result: &LoadResult, noise: Noise) -> Vec<String> {
    let mut remarks = Vec::new();
    for Column { target, rounds, absent } in &result.columns {
        if let Some(reason) = absent {
            remarks.push(format!("{target}: not measured: {reason}"));
        }
        let why = |measured: &Measured| {
            let others = || format!("others used {:.2} cores", measured.other_cores.unwrap_or(0.0));
            standstill(measured).unwrap_or_else(others)
        };
        let void = rounds.iter().filter(|round| round.void);
        let whys: Vec<String> = void.map(|round| why(&round.measured)).collect();
        if !whys.is_empty() {
            let counted =
                if noise == Noise::Accepted { "counted, marked ~" } else { "not counted" };
            remarks.push(format!(
                "{target}: {} of {} rounds void ({counted}): {}",
                whys.len(),
                rounds.len(),
                whys.join(", ")
            ));
        }
        let mut warnings: Vec<_> = rounds.iter().flat_map(|r| &r.measured.warnings).collect();
        warnings.dedup();
        remarks.extend(warnings.into_iter().map(|warning| format!("{target}: {warning}")));
    }
    remarks
}
