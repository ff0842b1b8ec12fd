//! The live line: rate of the last moment, percentiles so far, time left.
use std::cell::{Cell, RefCell};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock;
use crate::cpu;
use crate::report::Report;
use crate::stats::LoadStats;

const TICK: Duration = Duration::from_millis(100);
const REDRAW_NS: u64 = 500_000_000;

#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    stats: LoadStats,
    start_ns: u64,
    last: Cell<(u64, u64)>,
    stalled_ns: Cell<u64>,
    /// What the host had taken from each core at the last tick.
    stolen_us: RefCell<Vec<u64>>,
    stolen_us_max: Cell<u64>,
}

impl Progress {
    /// `total`: how long it will take, where that is known.
    pub fn start(label: &str, stats: &LoadStats, total: Option<Duration>) -> Self {
        let (bar, style) = match total {
            Some(total) => {
                let ms = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
                (ProgressBar::new(ms), "{prefix} {bar:20} {msg}")
            }
            None => (ProgressBar::new_spinner(), "{prefix} {spinner} {msg}"),
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_prefix(label.to_owned());
        let now_ns = clock::now_ns();
        Self {
            bar,
            stats: stats.clone(),
            start_ns: now_ns,
            last: Cell::new((now_ns, 0)),
            stalled_ns: Cell::new(0),
            stolen_us: RefCell::new(cpu::stolen_us()),
            stolen_us_max: Cell::new(0),
        }
    }

    /// Waits a tenth of a second, looks at what the host took meanwhile and redraws twice a second.
    pub fn tick(&self) {
        self.tick_after(TICK);
        let before = self.stolen_us.replace(cpu::stolen_us());
        let now = self.stolen_us.borrow();
        let grown = now.iter().zip(before).map(|(now, then)| now.saturating_sub(then));
        self.stolen_us_max.set(grown.fold(self.stolen_us_max.get(), u64::max));
    }

    /// Waits for as long as it says, and redraws twice a second.
    pub fn tick_after(&self, wait: Duration) {
        let asleep_ns = clock::now_ns();
        std::thread::sleep(wait);
        let now_ns = clock::now_ns();
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let late_ns = now_ns.saturating_sub(asleep_ns).saturating_sub(wait_ns);
        self.stalled_ns.set(self.stalled_ns.get().max(late_ns));
        let (last_ns, last_messages) = self.last.get();
        if now_ns - last_ns < REDRAW_NS {
            return;
        }
        let messages = self.stats.messages();
        let seconds = (now_ns - last_ns) as f64 / 1e9;
        let rate = messages.saturating_sub(last_messages) as f64 / seconds;
        let latency = self.stats.latency_ns();
        let micros = |quantile: f64| latency.value_at_quantile(quantile) as f64 / 1e3;
        self.bar.set_position((now_ns - self.start_ns) / 1_000_000);
        self.bar.set_message(format!(
            "{rate:>9.0} msg/s  p50 {:.0} us  p99 {:.0} us  refused {}",
            micros(0.5),
            micros(0.99),
            self.stats.refused()
        ));
        self.last.set((now_ns, messages));
    }

    /// Clears the line, and puts into the report by how much the machine was late at most to wake
    /// a thread that slept (a virtual machine that its host stops is late by seconds), and how much
    /// of a core the host took at most within a tick.
    pub fn finish(&self, report: &mut Report) {
        report.stalled_s = self.stalled_ns.get() as f64 / 1e9;
        report.stolen_s = self.stolen_us_max.get() as f64 / 1e6;
        self.bar.finish_and_clear();
    }
}
