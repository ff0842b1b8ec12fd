//! The page: one file without scripts or links, light and dark.
use std::fmt::Write as _;

use hdrhistogram::Histogram;

use crate::compare::Comparison;
use crate::compare::figures::{Column, Key, Noise, Unit};
use crate::compare::goals;
use crate::compare::session::LoadResult;
use crate::compare::svg::{Axis, Bar, Series, Upright, bars, escape, lines};
use crate::compare::tables::{free_memory, keys, profiles, remarks, rows};

const STYLE: &str = "
:root{color-scheme:light dark;--fg:#1c2330;--bg:#fff;--soft:#5b6575;--line:#d8dde5;--card:#f6f8fa;
--c0:#0969da;--c1:#8b949e;--c2:#cf5c36;--c3:#2da44e;--c4:#8250df;--c5:#b08800}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#9da7b3;--line:#30363d;
--card:#161b22;--c0:#58a6ff;--c1:#8b949e;--c2:#ff9b73;--c3:#56d364;--c4:#bc8cff;--c5:#e3b341}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:72rem;
margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem}p,li{color:var(--soft)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:left;
font-variant-numeric:tabular-nums;white-space:nowrap}
.goals th,.goals td:nth-child(-n+2){white-space:normal}.goals td:nth-child(2){min-width:9rem}
.goals td:first-child{min-width:14rem}
.profile{color:var(--soft);margin-top:1rem}.profile td:last-child{white-space:normal;
min-width:18rem}
.yes{color:var(--c3)}.no{color:var(--c2)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(30rem,100%),1fr));gap:1rem;
margin:1rem 0;align-items:start}
figure{margin:0;padding:.6rem;background:var(--card);border-radius:8px;min-width:0}
figcaption{font-size:.85rem;color:var(--soft)}
svg{width:100%;height:auto}svg text{fill:var(--soft);font-size:12px}
.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);fill:none}
polyline{fill:none;stroke-width:2}.whisker{stroke:var(--fg);stroke-width:1.5;fill:none}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}
.c4{stroke:var(--c4)}.c5{stroke:var(--c5)}
rect.c0,circle.c0,i.c0{fill:var(--c0);background:var(--c0)}
rect.c1,circle.c1,i.c1{fill:var(--c1);background:var(--c1)}
rect.c2,circle.c2,i.c2{fill:var(--c2);background:var(--c2)}
rect.c3,circle.c3,i.c3{fill:var(--c3);background:var(--c3)}
rect.c4,circle.c4,i.c4{fill:var(--c4);background:var(--c4)}
rect.c5,circle.c5,i.c5{fill:var(--c5);background:var(--c5)}
rect{stroke:none}i{display:inline-block;width:.8em;height:.8em;border-radius:2px;
margin:0 .3em 0 1em}
i:first-child{margin-left:0}
@media(max-width:40rem){svg text{font-size:17px}svg .title{display:none}table{font-size:.8rem}
.goals td:first-child{min-width:9rem}.goals td:nth-child(2){min-width:6rem}
th,td{padding:.25rem .4rem}
.profile td:last-child{min-width:14rem}}
";
/// Of the style's colours c0, c1, ….
const COLOURS: usize = 6;

/// The whole page.
pub fn page(comparison: &Comparison) -> String {
    let mut body = String::new();
    let machine = escape(&comparison.machine.describe());
    let _infallible = write!(
        body,
        "<h1>Remora, compared</h1><p>{machine}. Server and generator share the cores; targets in \
         turn; min / median / max of the rounds. The <em>ceiling</em> is a server with the same \
         framing that only answers: it stores nothing and checks nothing. A round during which \
         other processes used more than {} cores is {}.</p>",
        comparison.other_cores_max,
        if comparison.noise == Noise::Accepted { "counted and marked ~" } else { "void" },
    );
    let goals = goals::rows(comparison);
    if !goals.is_empty() {
        body.push_str("<h2>Goals</h2>");
        table(&mut body, "goals", &goals::HEADER.map(str::to_owned), &goals);
    }
    for result in &comparison.results {
        section(&mut body, result, comparison.noise);
    }
    if let Some(memory) = free_memory(comparison) {
        let _infallible = write!(body, "<footer><p>{}.</p></footer>", escape(&memory));
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\
         <title>Remora, compared</title><style>{STYLE}</style></head>\
         <body>{body}</body></html>\n"
    )
}

fn section(body: &mut String, result: &LoadResult, noise: Noise) {
    let (title, name) = (escape(result.load.title), escape(result.load.name));
    let _infallible = write!(body, "<h2 id=\"{name}\">{title}</h2><p>{}</p>", legend(result));
    body.push_str("<div class=\"charts\">");
    let keys = keys(result);
    if let Some(axis) = result.load.axis() {
        growth(body, result, &keys, axis, noise);
    } else if let Some(key) = keys.first() {
        figure(body, &spread_bars(result, *key, noise), &key.title(None));
    }
    let latencies = latency_series(result, noise);
    if !latencies.is_empty() {
        let (x, y) = (percentile_axis(), upright("us", Unit::Micros));
        figure(body, &lines(&x, &y, &latencies), "latency by percentile");
    }
    body.push_str("</div>");
    let figures = rows(result, noise);
    if !figures.rows.is_empty() {
        table(body, "figures", &figures.header, &figures.rows);
    }
    let profiles = profiles(result, noise);
    if !profiles.rows.is_empty() {
        table(body, "profile", &profiles.header, &profiles.rows);
    }
    let remarks = remarks(result, noise);
    if !remarks.is_empty() {
        let items: Vec<String> =
            remarks.iter().map(|remark| format!("<li>{}</li>", escape(remark))).collect();
        let _infallible = write!(body, "<ul>{}</ul>", items.concat());
    }
}

fn legend(result: &LoadResult) -> String {
    let names = result.columns.iter().enumerate();
    names
        .map(|(n, column)| format!("<i class=\"c{}\"></i>{}", n % COLOURS, escape(&column.target)))
        .collect()
}

fn table(body: &mut String, class: &str, header: &[String], rows: &[Vec<String>]) {
    let cell = |text: &String| match text.as_str() {
        verdict @ ("yes" | "no") => format!("<td class=\"{verdict}\">{verdict}</td>"),
        text => format!("<td>{}</td>", escape(text)),
    };
    let row = |cells: String| format!("<tr>{cells}</tr>");
    let head = header.iter().map(|name| format!("<th>{}</th>", escape(name)));
    let head = row(head.collect());
    let rows: String = rows.iter().map(|cells| row(cells.iter().map(cell).collect())).collect();
    let _infallible =
        write!(body, "<div class=\"wide\"><table class=\"{class}\">{head}{rows}</table></div>");
}

fn figure(body: &mut String, drawing: &str, caption: &str) {
    let caption = escape(caption);
    let _infallible = write!(body, "<figure>{drawing}<figcaption>{caption}</figcaption></figure>");
}

fn spread_bars(result: &LoadResult, key: Key, noise: Noise) -> String {
    let columns = result.columns.iter().enumerate();
    let drawn: Vec<Bar> = columns
        .filter_map(|(n, column)| {
            let spread = column.spread(key, noise)?;
            Some(Bar {
                name: column.target.clone(),
                colour: n % COLOURS,
                min: spread.min,
                median: spread.median,
                max: spread.max,
                text: key.unit.show(spread.median),
            })
        })
        .collect();
    bars(key.name, &drawn)
}

/// A chart for each figure that has points.
fn growth(body: &mut String, result: &LoadResult, keys: &[Key], axis: &str, noise: Noise) {
    let mut names: Vec<(&'static str, Unit)> = Vec::new();
    for key in keys.iter().filter(|key| key.at.is_some()) {
        if !names.contains(&(key.name, key.unit)) {
            names.push((key.name, key.unit));
        }
    }
    for (name, unit) in names {
        let of_name = |key: &&Key| key.name == name;
        let columns = result.columns.iter().enumerate();
        let series: Vec<Series> = columns
            .map(|(n, column)| Series {
                name: column.target.clone(),
                colour: n % COLOURS,
                points: keys
                    .iter()
                    .filter(of_name)
                    .filter_map(|key| at(column, *key, noise))
                    .collect(),
            })
            .filter(|series| !series.points.is_empty())
            .collect();
        let mut points: Vec<u64> = keys.iter().filter(of_name).filter_map(|key| key.at).collect();
        points.sort_unstable();
        points.dedup();
        let ticks = points.into_iter().map(|at| (at as f64, whole(at))).collect();
        let x = Axis { title: axis.to_owned(), ticks };
        let title = Key { name, at: None, unit }.title(None);
        figure(body, &lines(&x, &upright(&title, unit), &series), &format!("{title} over {axis}"));
    }
}

/// A point of a curve in the fewest digits that say it exactly: 16, 10k, 4Mi.
fn whole(at: u64) -> String {
    let steps = [(1_000_000, "M"), (1 << 20, "Mi"), (1_000, "k"), (1 << 10, "Ki")];
    let step = steps.iter().find(|(step, _)| at >= *step && at.is_multiple_of(*step));
    step.map_or_else(|| at.to_string(), |(step, prefix)| format!("{}{prefix}", at / step))
}

fn at(column: &Column, key: Key, noise: Noise) -> Option<(f64, f64)> {
    Some((key.at? as f64, column.spread(key, noise)?.median))
}

fn upright(title: &str, unit: Unit) -> Upright {
    Upright { title: title.to_owned(), unit }
}

/// Percentile p stands at 1 / (1 - p): each nine takes as much room as the one before.
fn percentile_axis() -> Axis {
    let tick = |(one_in, text): (f64, &str)| (one_in, text.to_owned());
    let nines = [
        (2.0, "p50"),
        (10.0, "p90"),
        (100.0, "p99"),
        (1e3, "p99.9"),
        (1e4, "p99.99"),
        (1e5, "p99.999"),
    ];
    Axis { title: "percentile".to_owned(), ticks: nines.into_iter().map(tick).collect() }
}

fn latency_series(result: &LoadResult, noise: Noise) -> Vec<Series> {
    let columns = result.columns.iter().enumerate();
    columns
        .filter_map(|(n, column)| {
            let points = percentiles(&column.latency(noise)?);
            Some(Series { name: column.target.clone(), colour: n % COLOURS, points })
        })
        .collect()
}

/// From the median up, five points a factor of ten, as far as there are samples.
fn percentiles(latency: &Histogram<u64>) -> Vec<(f64, f64)> {
    let one_in = (0..25).map(|step| 2.0 * 10f64.powf(f64::from(step) / 5.0));
    let known = one_in.take_while(|one_in| *one_in <= (latency.len() as f64).min(1e5));
    known
        .map(|one_in| {
            let quantile = 1.0 - 1.0 / one_in;
            (one_in, latency.value_at_quantile(quantile) as f64 / 1e3)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_a_curve_are_told_exactly() {
        let told = [1, 16, 1_024, 131_072, 4_194_304, 10_000, 4_000_000, 1_234].map(whole);
        assert_eq!(told, ["1", "16", "1Ki", "128Ki", "4Mi", "10k", "4M", "1234"]);
    }
}
