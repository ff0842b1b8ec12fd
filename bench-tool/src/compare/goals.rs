//! The goals, row by row, beside what was measured: the table in README.
use std::fmt::Write as _;

use crate::compare::Comparison;
use crate::compare::figures::{Column, Key, Noise, Spread, times_better};
use crate::compare::session::LoadResult;
use crate::compare::tables::{cell, free_memory, ratio};

/// What a goal asks of the median.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// So many times as good as the ceiling; 0.5 is half as good.
    TimesCeiling(f64),
    TimesApache(f64),
    /// To be seen, without a bound.
    Shown,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Goal {
    what: &'static str,
    goal: &'static str,
    /// Load and figure.
    load: &'static str,
    figure: &'static str,
    bounds: &'static [Bound],
}

const fn goal(
    what: &'static str,
    goal: &'static str,
    load: &'static str,
    figure: &'static str,
    bounds: &'static [Bound],
) -> Goal {
    Goal { what, goal, load, figure, bounds }
}

use Bound::{AtLeast, AtMost, Shown, TimesApache, TimesCeiling};

const MIB: f64 = 1024.0 * 1024.0;

/// A host may give less of a core at one time than at another, to all alike.
const CPU_GOAL: &str = "<= 1 where the ceiling takes 0.3";
const CPU_BOUND: &[Bound] = &[TimesCeiling(0.3)];

const GOALS: &[Goal] = &[
    goal(
        "acknowledged single sends, 128 B, async flush, 64 connections x 32, msg/s",
        ">= 50 % of the ceiling, >= 15x Apache",
        "c64w32",
        "msg/s",
        &[TimesCeiling(0.5), TimesApache(15.0)],
    ),
    goal("the same, server CPU, us/msg", CPU_GOAL, "c64w32", "server", CPU_BOUND),
    goal("8 connections x 32, msg/s", ">= 1M", "c8w32", "msg/s", &[AtLeast(1e6)]),
    goal("the same, server CPU, us/msg", CPU_GOAL, "c8w32", "server", CPU_BOUND),
    goal(
        "1 connection, 1 in flight, p50 us",
        "<= 1.3x the ceiling's",
        "c1w1",
        "p50",
        &[TimesCeiling(1.0 / 1.3)],
    ),
    goal("the same, p99.9 us", "<= 1,000", "c1w1", "p99.9", &[AtMost(1_000.0)]),
    goal(
        "sync flush, 64 connections x 32, msg/s",
        ">= 10x Apache",
        "sync",
        "msg/s",
        &[TimesApache(10.0)],
    ),
    goal("push end to end, 5,000 msg/s, p50 us", "shown", "push5k", "p50", &[Shown]),
    goal("push end to end, 20,000 msg/s, p50 us", "<= 150", "push20k", "p50", &[AtMost(150.0)]),
    goal("the same, p99 us", "<= 1,000", "push20k", "p99", &[AtMost(1_000.0)]),
    goal("the same, p99.9 us", "<= 5,000", "push20k", "p99.9", &[AtMost(5_000.0)]),
    goal("the same, max us", "<= 20,000", "push20k", "max", &[AtMost(20_000.0)]),
    goal("the same beside a reader of a backlog, p99.9 us", "shown", "mixed", "p99.9", &[Shown]),
    goal(
        "pull of a backlog in page cache, records B/s",
        ">= 2 GB/s or the loopback's limit",
        "pull",
        "records/s",
        &[AtLeast(2e9)],
    ),
    goal("the same, server CPU, us/msg", "<= 0.3", "pull", "server", &[AtMost(0.3)]),
    goal("batches of 32, msg/s", ">= 3M", "batch", "msg/s", &[AtLeast(3e6)]),
    goal(
        "10,000 topics x 8 queues, % of the one-topic rate",
        ">= 70",
        "topics",
        "kept with most topics",
        &[AtLeast(0.7)],
    ),
    goal(
        "64 producers on one queue, % of the best of 1 to 64",
        "shown",
        "producers",
        "last of best",
        &[Shown],
    ),
    goal(
        "2,000 connections x 8, % of the best of 1 to 2,000",
        "shown",
        "connections",
        "last of best",
        &[Shown],
    ),
    goal(
        "pull of 4M messages, % of the best of 100k to 4M",
        "shown",
        "backlog",
        "last of best",
        &[Shown],
    ),
    goal(
        "200 consumer groups, each given all of 500 msg/s, p99 us",
        "shown",
        "groups",
        "p99 with most groups",
        &[Shown],
    ),
    goal(
        "overload, 64 x 256, accepted, % of the peak rate",
        ">= 80",
        "overload",
        "accepted of peak, 64 x 256",
        &[AtLeast(0.8)],
    ),
    goal(
        "overload, 2,000 x 32, accepted, % of the peak rate",
        ">= 80",
        "overload",
        "accepted of peak, 2,000 x 32",
        &[AtLeast(0.8)],
    ),
    goal("overload, requests without an answer", "0", "overload", "unanswered", &[AtMost(0.0)]),
    goal(
        "10,000 idle connections, memory of each",
        "<= 8 KiB",
        "idle",
        "memory a connection",
        &[AtMost(8.0 * 1024.0)],
    ),
    goal(
        "memory after start, without mapped files",
        "<= 30 MiB",
        "start",
        "memory",
        &[AtMost(30.0 * MIB)],
    ),
    goal(
        "start to first accepted message, ms",
        "<= 50",
        "start",
        "first accepted message",
        &[AtMost(50.0)],
    ),
    goal("binary", "<= 25 MB", "start", "binary", &[AtMost(25e6)]),
];

/// The table in Markdown; rows whose load was not run are left out.
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = String::from(
        "| what | goal | Remora | ceiling | Apache RocketMQ | of the ceiling | times Apache | met |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows(comparison) {
        let _infallible = writeln!(text, "| {} |", row.join(" | "));
    }
    let _infallible = writeln!(
        text,
        "\nmin / median / max of the rounds; {}. Rounds during which others used more than {} cores \
         are {}.{}",
        comparison.machine.describe(),
        comparison.other_cores_max,
        if comparison.noise == Noise::Accepted { "marked ~" } else { "void" },
        free_memory(comparison).map(|memory| format!(" {memory}.")).unwrap_or_default(),
    );
    text
}

/// The cells of each row.
pub fn rows(comparison: &Comparison) -> Vec<Vec<String>> {
    GOALS.iter().filter_map(|goal| row(goal, comparison)).collect()
}

/// The names of the columns of `rows`.
pub const HEADER: [&str; 8] = [
    "what",
    "goal",
    "Remora",
    "ceiling",
    "Apache RocketMQ",
    "of the ceiling",
    "times Apache",
    "met",
];

fn row(goal: &Goal, comparison: &Comparison) -> Option<Vec<String>> {
    let result = comparison.results.iter().find(|result| result.load.name == goal.load)?;
    let noise = comparison.noise;
    let column = |name: &str| result.columns.iter().find(|column| column.target == name);
    let [remora, ceiling, apache] = ["remora", "ceiling", "apache"].map(column);
    let key = key(result, goal.figure);
    let show = |column: Option<&Column>| match (column, key) {
        (Some(Column { absent: Some(reason), target, .. }), _) if target == "apache" => {
            format!("not measured: {reason}")
        }
        (Some(column), Some(key)) => cell(column, key, noise),
        _ => "–".to_owned(),
    };
    let against = |other: Option<&Column>| match (remora, other, key) {
        (Some(own), Some(other), Some(key)) => ratio(own, other, key, noise),
        _ => String::new(),
    };
    let spread = |column: Option<&Column>| column?.spread(key?, noise);
    let met = key.map_or("–", |key| {
        let spreads = [spread(remora), spread(ceiling), spread(apache)];
        verdict(goal.bounds, spreads, key)
    });
    Some(vec![
        goal.what.to_owned(),
        goal.goal.to_owned(),
        show(remora),
        show(ceiling),
        show(apache),
        against(ceiling),
        against(apache),
        met.to_owned(),
    ])
}

fn key(result: &LoadResult, figure: &str) -> Option<Key> {
    result.columns.iter().flat_map(Column::keys).find(|key| key.name == figure && key.at.is_none())
}

/// `yes` when the median keeps every bound, `no` when it breaks one, `–` when that is not known.
fn verdict(
    bounds: &[Bound],
    [remora, ceiling, apache]: [Option<Spread>; 3],
    key: Key,
) -> &'static str {
    let Some(own) = remora else { return "–" };
    let times =
        |other: Option<Spread>, wanted: f64| Some(times_better(own, other?, key.unit)? >= wanted);
    let kept: Vec<Option<bool>> = bounds
        .iter()
        .map(|bound| match bound {
            AtLeast(least) => Some(own.median >= *least),
            AtMost(most) => Some(own.median <= *most),
            TimesCeiling(wanted) => times(ceiling, *wanted),
            TimesApache(wanted) => times(apache, *wanted),
            Shown => None,
        })
        .collect();
    if kept.contains(&Some(false)) {
        "no"
    } else if kept.contains(&None) {
        "–"
    } else {
        "yes"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::figures::Unit;
    use crate::compare::loads::LOADS;

    fn of(median: f64) -> Option<Spread> {
        Some(Spread { min: median, median, max: median })
    }

    #[test]
    fn every_goal_names_a_load_that_there_is() {
        for goal in GOALS {
            assert!(LOADS.iter().any(|load| load.name == goal.load), "{}", goal.load);
        }
    }

    #[test]
    fn a_goal_is_met_when_every_bound_is_kept_and_unknown_when_one_has_nothing_beside() {
        let rate = Key { name: "msg/s", at: None, unit: Unit::MessagesPerSecond };
        let bounds = [TimesCeiling(0.5), TimesApache(15.0)];
        assert_eq!(verdict(&bounds, [of(60.0), of(100.0), of(4.0)], rate), "yes");
        assert_eq!(verdict(&bounds, [of(60.0), of(100.0), of(5.0)], rate), "no");
        assert_eq!(verdict(&bounds, [of(60.0), of(100.0), None], rate), "–");
        assert_eq!(verdict(&bounds, [of(40.0), of(100.0), None], rate), "no");
        let p50 = Key { name: "p50", at: None, unit: Unit::Micros };
        assert_eq!(verdict(&[TimesCeiling(1.0 / 1.3)], [of(32.0), of(25.0), None], p50), "yes");
        assert_eq!(verdict(&[TimesCeiling(1.0 / 1.3)], [of(33.0), of(25.0), None], p50), "no");
    }
}
