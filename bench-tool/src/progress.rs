//! The live line: rate of the last moment, percentiles so far, time left.
use std::cell::{Cell, RefCell};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock;
use crate::cpu;
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

    /// Waits a tenth of a second and redraws twice a second.
    pub fn tick(&self) {
        self.tick_after(TICK);
    }

    /// The same after another wait.
    pub fn tick_after(&self, wait: Duration) {
        let asleep_ns = clock::now_ns();
        std::thread::sleep(wait);
        let now_ns = clock::now_ns();
        let wait_ns = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let late_ns = now_ns.saturating_sub(asleep_ns).saturating_sub(wait_ns);
        self.stalled_ns.set(self.stalled_ns.get().max(late_ns));
        let stolen_us = cpu::stolen_us();
        let before = self.stolen_us.replace(stolen_us.clone());
        let most = stolen_us.iter().zip(before).map(|(now, then)| now.saturating_sub(then)).max();
        self.stolen_us_max.set(self.stolen_us_max.get().max(most.unwrap_or(0)));
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

    /// By how much the machine was late at most to wake a thread that slept, so far, seconds: a
    /// virtual machine that its host stops is late by seconds.
    pub fn stalled_s(&self) -> f64 {
        self.stalled_ns.get() as f64 / 1e9
    }

    /// How much of a core the host took between two ticks, so far, seconds.
    pub fn stolen_s(&self) -> f64 {
        self.stolen_us_max.get() as f64 / 1e6
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
