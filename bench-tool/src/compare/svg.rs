//! Drawings inside the page: no script, colours from the page's style.
use std::fmt::Write as _;

use crate::compare::figures::Unit;

/// One line of a chart: its name and points.
#[derive(Clone, PartialEq, Debug)]
pub struct Series {
    pub name: String,
    /// Which of the page's colours.
    pub colour: usize,
    pub points: Vec<(f64, f64)>,
}

/// What the lower axis says.
#[derive(Clone, Debug)]
pub struct Axis {
    pub title: String,
    /// Value and its text.
    pub ticks: Vec<(f64, String)>,
}

/// What the upright axis says: its values are told at even distances.
#[derive(Clone, Debug)]
pub struct Upright {
    pub title: String,
    pub unit: Unit,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

/// Lines over two logarithmic axes; points at or below 0 are left out.
pub fn lines(x: &Axis, y: &Upright, series: &[Series]) -> String {
    let points =
        || series.iter().flat_map(|one| one.points.iter().filter(|p| p.0 > 0.0 && p.1 > 0.0));
    let across = Scale::over(
        points().map(|p| p.0).chain(x.ticks.iter().map(|tick| tick.0)),
        (LEFT, WIDTH - RIGHT),
    );
    let up = Scale::over(points().map(|p| p.1), (HEIGHT - BOTTOM, TOP));
    let mut body = String::new();
    for (value, text) in &x.ticks {
        let at = across.place(*value);
        let (bottom, label_at) = (HEIGHT - BOTTOM, HEIGHT - BOTTOM + 16.0);
        put(
            &mut body,
            &format!(r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="{TOP}" y2="{bottom}"/>"#),
        );
        put(
            &mut body,
            &format!(
                r#"<text x="{at:.1}" y="{label_at}" text-anchor="middle">{}</text>"#,
                escape(text)
            ),
        );
    }
    for value in up.even() {
        let text = y.unit.show(value);
        let (at, right, label_at) = (up.place(value), WIDTH - RIGHT, LEFT - 6.0);
        put(
            &mut body,
            &format!(r#"<line class="grid" x1="{LEFT}" x2="{right}" y1="{at:.1}" y2="{at:.1}"/>"#),
        );
        put(
            &mut body,
            &format!(
                r#"<text x="{label_at}" y="{:.1}" text-anchor="end">{}</text>"#,
                at + 4.0,
                escape(&text)
            ),
        );
    }
    for Series { name, colour, points } in series {
        let places: Vec<(f64, f64)> = points
            .iter()
            .filter(|p| p.0 > 0.0 && p.1 > 0.0)
            .map(|p| (across.place(p.0), up.place(p.1)))
            .collect();
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        put(
            &mut body,
            &format!(
                r#"<polyline class="c{colour}" points="{}"><title>{}</title></polyline>"#,
                path.join(" "),
                escape(name)
            ),
        );
        if places.len() < 20 {
            for (x, y) in places {
                put(
                    &mut body,
                    &format!(r#"<circle class="c{colour}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#),
                );
            }
        }
    }
    axes(&mut body, x, y);
    svg(HEIGHT, &format!("{} over {}", y.title, x.title), &body)
}

fn axes(body: &mut String, x: &Axis, y: &Upright) {
    let (bottom, right, middle) = (HEIGHT - BOTTOM, WIDTH - RIGHT, (LEFT + WIDTH - RIGHT) / 2.0);
    put(
        body,
        &format!(
            r#"<polyline class="axis" points="{LEFT},{TOP} {LEFT},{bottom} {right},{bottom}"/>"#
        ),
    );
    put(
        body,
        &format!(
            r#"<text class="title" x="{middle}" y="{}" text-anchor="middle">{}</text>"#,
            HEIGHT - 8.0,
            escape(&x.title)
        ),
    );
    put(
        body,
        &format!(
            r#"<text class="title" transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text>"#,
            (TOP + bottom) / 2.0,
            escape(&y.title)
        ),
    );
}

/// One bar of a chart: the median with a whisker from least to greatest.
#[derive(Clone, PartialEq, Debug)]
pub struct Bar {
    pub name: String,
    pub colour: usize,
    pub min: f64,
    pub median: f64,
    pub max: f64,
    /// The figures as text.
    pub text: String,
}

/// Bars from 0 to the right, one below the other.
pub fn bars(title: &str, bars: &[Bar]) -> String {
    const STEP: f64 = 30.0;
    let most = bars.iter().map(|bar| bar.max).fold(0.0, f64::max);
    let scale = |value: f64| if most > 0.0 { (value / most).max(0.0) * 330.0 } else { 0.0 };
    let mut body = String::new();
    for (n, bar) in bars.iter().enumerate() {
        let top = n as f64 * STEP + 5.0;
        let (middle, left) = (top + 10.0, 90.0);
        let (min, median, max) = (left + scale(bar.min), scale(bar.median), left + scale(bar.max));
        put(
            &mut body,
            &format!(
                r#"<text x="{}" y="{}" text-anchor="end">{}</text>"#,
                left - 8.0,
                middle + 4.0,
                escape(&bar.name)
            ),
        );
        put(
            &mut body,
            &format!(
                r#"<rect class="c{}" x="{left}" y="{top}" width="{median:.1}" height="20"/>"#,
                bar.colour
            ),
        );
        put(
            &mut body,
            &format!(
                r#"<path class="whisker" d="M{min:.1} {middle}H{max:.1}M{min:.1} {0}v8M{max:.1} {0}v8"/>"#,
                middle - 4.0
            ),
        );
        put(
            &mut body,
            &format!(
                r#"<text x="{:.1}" y="{}">{}</text>"#,
                max + 8.0,
                middle + 4.0,
                escape(&bar.text)
            ),
        );
    }
    svg(bars.len() as f64 * STEP + 4.0, title, &body)
}

fn svg(height: f64, title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        r#"<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}"><title>{title}</title>{body}</svg>"#
    )
}

fn put(text: &mut String, more: &str) {
    let _infallible = text.write_str(more);
}

/// Places values on a logarithmic axis.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// Over all `values`, all above 0, drawn between the two places.
    fn over(values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> Self {
        let (low, high) = values
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), v| (low.min(v), high.max(v)));
        if low > high {
            return Self { low: 0.0, high: 1.0, from, to };
        }
        let (low, high) = (low.ln(), high.ln());
        // One value alone stands in the middle.
        let room = if high > low { (high - low) * 0.04 } else { 1.0 };
        Self { low: low - room, high: high + room, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.ln() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// Values at even distances over the whole axis.
    fn even(&self) -> impl Iterator<Item = f64> {
        let (low, step) = (self.low, (self.high - self.low) / 4.0);
        (0..5).map(move |n| (low + f64::from(n) * step).exp())
    }
}

/// Text for a page.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
