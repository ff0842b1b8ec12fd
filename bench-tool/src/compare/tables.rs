//! Tables for the terminal: a block a load, a row a figure, a column a target.
use std::fmt::Write as _;

use comfy_table::{Table, presets};

use crate::compare::Comparison;
use crate::compare::figures::{Column, Key, Noise, times_better};
use crate::compare::session::LoadResult;

/// Everything, in the order in which it was asked for.
pub fn terminal(comparison: &Comparison) -> String {
    let mut text = format!("{}\n", comparison.machine.describe());
    for result in &comparison.results {
        let _infallible = writeln!(text, "\n{}: {}", result.load.name, result.load.title);
        let _infallible = writeln!(text, "{}", table(result, comparison.noise));
        for remark in remarks(result, comparison.noise) {
            let _infallible = writeln!(text, "  {remark}");
        }
    }
    text
}

fn table(result: &LoadResult, noise: Noise) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    let rows = rows(result, noise);
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

/// The figures of all targets, each once.
pub fn keys(result: &LoadResult) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for key in result.columns.iter().flat_map(Column::keys) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
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
        let void = rounds.iter().filter(|round| round.void);
        let cores: Vec<String> = void
            .filter_map(|round| round.measured.other_cores)
            .map(|cores| format!("{cores:.2}"))
            .collect();
        if !cores.is_empty() {
            let counted =
                if noise == Noise::Accepted { "counted, marked ~" } else { "not counted" };
            remarks.push(format!(
                "{target}: {} of {} rounds void ({counted}): others used {} cores",
                cores.len(),
                rounds.len(),
                cores.join(", ")
            ));
        }
        let mut warnings: Vec<_> = rounds.iter().flat_map(|r| &r.measured.warnings).collect();
        warnings.dedup();
        remarks.extend(warnings.into_iter().map(|warning| format!("{target}: {warning}")));
    }
    remarks
}
