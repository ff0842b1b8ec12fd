//! How long turns took from their append to their answers, in the steps that Apache shows.
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::counter::cell_index;

/// Upper ends in microseconds; a last step has what is above. All of Apache's are among them.
const STEPS_US: [u64; 19] = [
    50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000, 2_000_000, 3_000_000, 4_000_000, 5_000_000, 10_000_000,
];

/// Apache's names, with the upper ends of the steps in them.
const APACHE_US: [(&str, u64); 13] = [
    ("[<=0ms]", 1_000),
    ("[0~10ms]", 10_000),
    ("[10~50ms]", 50_000),
    ("[50~100ms]", 100_000),
    ("[100~200ms]", 200_000),
    ("[200~500ms]", 500_000),
    ("[500ms~1s]", 1_000_000),
    ("[1~2s]", 2_000_000),
    ("[2~3s]", 3_000_000),
    ("[3~4s]", 4_000_000),
    ("[4~5s]", 5_000_000),
    ("[5~10s]", 10_000_000),
    ("[10s~]", u64::MAX),
];

/// A histogram with a part for each thread, so that adding contends with nobody.
#[derive(Debug, Default)]
pub struct PutTimes {
    cells: [Cell; 8],
    /// Of all that `take_longest_us` has taken.
    longest_us: AtomicU64,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Cell {
    counts: [AtomicU64; STEPS_US.len() + 1],
    /// Since it was last taken.
    longest_us: AtomicU64,
}

/// A reading.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PutTimesRead {
    counts: [u64; STEPS_US.len() + 1],
    pub longest_us: u64,
}

impl PutTimes {
    /// One turn.
    pub fn add(&self, took: Duration) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let Some(cell) = self.cells.get(cell_index() % self.cells.len()) else { return };
        let step = STEPS_US.partition_point(|end_us| *end_us < took_us);
        if let Some(count) = cell.counts.get(step) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if cell.longest_us.load(Ordering::Relaxed) < took_us {
            cell.longest_us.fetch_max(took_us, Ordering::Relaxed);
        }
    }

    /// The longest since the last call.
    pub fn take_longest_us(&self) -> u64 {
        let cells = self.cells.iter().map(|cell| cell.longest_us.swap(0, Ordering::Relaxed));
        let longest_us = cells.max().unwrap_or(0);
        self.longest_us.fetch_max(longest_us, Ordering::Relaxed);
        longest_us
    }

    pub fn read(&self) -> PutTimesRead {
        let longest_us = self.longest_us.load(Ordering::Relaxed);
        let mut sum = PutTimesRead { longest_us, ..PutTimesRead::default() };
        for cell in &self.cells {
            for (sum, count) in sum.counts.iter_mut().zip(&cell.counts) {
                *sum += count.load(Ordering::Relaxed);
            }
            sum.longest_us = sum.longest_us.max(cell.longest_us.load(Ordering::Relaxed));
        }
        sum
    }
}

impl PutTimesRead {
    /// Apache's line: `[<=0ms]:5 [0~10ms]:0 …`.
    pub fn distribution(&self) -> String {
        let mut line = String::new();
        let mut above_us = 0;
        for (name, end_us) in APACHE_US {
            let count: u64 = self
                .steps()
                .filter(|(step_us, _)| (above_us + 1..=end_us).contains(step_us))
                .map(|(_, count)| count)
                .sum();
            line += &format!("{name}:{count} ");
            above_us = end_us;
        }
        line
    }

    /// What `permille` of the turns took at most, in milliseconds: the upper end of their step.
    pub fn quantile_ms(&self, permille: u64) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let wanted = total.saturating_mul(permille).div_ceil(1_000);
        let mut seen = 0;
        for (step_us, count) in self.steps() {
            seen += count;
            if count > 0 && seen >= wanted {
                let end_us = step_us.min(self.longest_us);
                return f64::from(u32::try_from(end_us).unwrap_or(u32::MAX)) / 1_000.0;
            }
        }
        0.0
    }

    /// Upper ends and counts.
    fn steps(&self) -> impl Iterator<Item = (u64, u64)> {
        STEPS_US.into_iter().chain([u64::MAX]).zip(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(took_us: impl IntoIterator<Item = u64>) -> PutTimesRead {
        let times = PutTimes::default();
        took_us.into_iter().for_each(|us| times.add(Duration::from_micros(us)));
        times.read()
    }

    #[test]
    fn times_fall_into_apaches_steps() {
        let read = of([1, 999, 1_000, 1_001, 10_000, 60_000, 20_000_000]);
        assert_eq!(
            read.distribution(),
            "[<=0ms]:3 [0~10ms]:2 [10~50ms]:0 [50~100ms]:1 [100~200ms]:0 [200~500ms]:0 \
             [500ms~1s]:0 [1~2s]:0 [2~3s]:0 [3~4s]:0 [4~5s]:0 [5~10s]:0 [10s~]:1 "
        );
        assert_eq!(read.longest_us, 20_000_000);
    }

    #[test]
    fn the_longest_of_all_stays_when_the_latest_is_taken() {
        let times = PutTimes::default();
        times.add(Duration::from_micros(70));
        assert_eq!((times.take_longest_us(), times.take_longest_us()), (70, 0));
        times.add(Duration::from_micros(50));
        assert_eq!(times.read().longest_us, 70);
        assert_eq!(times.take_longest_us(), 50);
    }

    #[test]
    fn quantile_is_the_end_of_its_step_and_no_more_than_the_longest() {
        let read = of((0..990).map(|_| 40).chain((0..10).map(|_| 1_500)));
        assert_eq!((read.quantile_ms(990), read.quantile_ms(999)), (0.05, 1.5));
        assert_eq!(of([]).quantile_ms(990), 0.0);
    }
}
