//! Removing what is too old or too much: whole segments, then what names only them.
use std::collections::BTreeMap;
use std::fmt::{Debug, Formatter};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::segment::Segment;
use crate::signal::Signal;
use crate::store::{Parts, Store, StoreConfig};

/// How often the disk is measured.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);
/// How often expiry is considered, in measurements (Apache: every 10 s).
const MEASURES_PER_EXPIRY: u32 = 10;
/// Segments removed at once when only the disk's use asks for it, so that the effect is measured
/// before more go.
const FORCED_AT_ONCE: usize = 1;

/// When data goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetentionRules {
    pub retention_ms: u64,
    /// 0 = no limit by size.
    pub retention_bytes: u64,
    /// Hours of the day, in UTC: "04" or "04;16".
    pub delete_when: String,
    /// 0 = never.
    pub disk_used_percent_max: u8,
    /// 0 = never.
    pub disk_used_percent_refuse: u8,
}

impl From<&StoreConfig> for RetentionRules {
    fn from(config: &StoreConfig) -> Self {
        Self {
            retention_ms: config.retention_ms,
            retention_bytes: config.retention_bytes,
            delete_when: config.delete_when.clone(),
            disk_used_percent_max: config.disk_used_percent_max,
            disk_used_percent_refuse: config.disk_used_percent_refuse,
        }
    }
}

/// Why expiry is considered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Occasion {
    /// Code 329: by age at any hour.
    Asked,
    /// The timer: by age at the hours of `delete_when` only.
    Timer,
}

#[derive(Debug)]
pub(crate) struct Retention {
    pub signal: Signal,
    rules: Mutex<RetentionRules>,
    /// One pass at a time.
    running: Mutex<()>,
    keepers: Mutex<Keepers>,
    /// Below this records should go and are kept.
    wanted: AtomicU64,
}

/// Who still needs old records, and is asked to let them go.
#[derive(Default)]
struct Keepers {
    /// By reason: records from this physical offset on.
    kept_from: BTreeMap<&'static str, u64>,
    asked: Vec<Arc<dyn Fn(u64) + Send + Sync>>,
}

impl Debug for Keepers {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        self.kept_from.fmt(f)
    }
}

/// What a pass decides from; sizes in bytes, times in ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct View {
    occasion: Occasion,
    now_ms: i64,
    disk_used_percent: u8,
}

impl Retention {
    pub(crate) fn new(rules: RetentionRules) -> Self {
        Self {
            signal: Signal::default(),
            rules: Mutex::new(rules),
            running: Mutex::new(()),
            keepers: Mutex::default(),
            wanted: AtomicU64::new(0),
        }
    }

    /// See `Store::keep_from`.
    pub(crate) fn keep_from(&self, reason: &'static str, physical_offset: u64) {
        self.keepers.lock().kept_from.insert(reason, physical_offset);
    }

    pub(crate) fn on_wanted(&self, ask: Arc<dyn Fn(u64) + Send + Sync>) {
        self.keepers.lock().asked.push(ask);
    }

    pub(crate) fn wanted(&self) -> u64 {
        self.wanted.load(Ordering::Acquire)
    }

    /// Asks everybody to need nothing below `wanted`, and says from where on something is needed.
    fn ask(&self, wanted: u64) -> u64 {
        self.wanted.fetch_max(wanted, Ordering::AcqRel);
        let kept_from = || self.keepers.lock().kept_from.values().min().copied();
        if kept_from().is_some_and(|kept| kept < wanted) {
            // Not under the lock: they may answer at once.
            let asked = self.keepers.lock().asked.clone();
            asked.iter().for_each(|ask| ask(wanted));
        }
        kept_from().unwrap_or(u64::MAX)
    }

    pub(crate) fn set_rules(&self, rules: RetentionRules) {
        *self.rules.lock() = rules;
    }
}

/// How many of the oldest segments go. `newest_ms`: for each segment that may go, oldest first, the
/// store timestamp that none of its records exceeds.
fn removable(
    rules: &RetentionRules,
    view: View,
    newest_ms: &[i64],
    segment_bytes: u64,
    segments: usize,
) -> usize {
    let retention_ms = i64::try_from(rules.retention_ms).unwrap_or(i64::MAX);
    let limit_ms = view.now_ms.saturating_sub(retention_ms);
    let over_disk =
        rules.disk_used_percent_max > 0 && view.disk_used_percent >= rules.disk_used_percent_max;
    let by_age_now = view.occasion == Occasion::Asked
        || over_disk
        || is_delete_hour(&rules.delete_when, view.now_ms);
    let by_age = if by_age_now {
        newest_ms.iter().take_while(|newest| **newest < limit_ms).count()
    } else {
        0
    };
    let by_size = match rules.retention_bytes {
        0 => 0,
        limit => {
            let excess = (segments as u64 * segment_bytes).saturating_sub(limit);
            usize::try_from(excess.div_ceil(segment_bytes.max(1))).unwrap_or(usize::MAX)
        }
    };
    let by_disk = if over_disk { FORCED_AT_ONCE } else { 0 };
    by_age.max(by_size).max(by_disk).min(newest_ms.len())
}

fn is_delete_hour(delete_when: &str, now_ms: i64) -> bool {
    let hour = now_ms.div_euclid(3_600_000).rem_euclid(24);
    delete_when.split(';').any(|one| one.trim().parse::<i64>().is_ok_and(|one| one == hour))
}

impl Parts {
    /// Removes what may go; returns how many segments.
    pub(crate) fn expire(&self, occasion: Occasion) -> usize {
        let _one_at_a_time = self.retention.running.lock();
        match self.expire_segments(occasion) {
            Ok(0) => 0,
            Ok(removed) => {
                self.expire_derived();
                removed
            }
            Err(error) => {
                tracing::error!(%error, "removing expired commit log files");
                0
            }
        }
    }

    fn expire_segments(&self, occasion: Occasion) -> io::Result<usize> {
        let rules = self.retention.rules.lock().clone();
        let committed = self.log.committed();
        let used: Vec<Arc<Segment>> =
            self.log.segments.all().into_iter().filter(|one| one.start < committed).collect();
        // The newest one is in use. The others end where the next one's first record begins.
        let newest_ms: Vec<i64> = used
            .iter()
            .skip(1)
            .map(|next| self.record_store_time(next.start).unwrap_or(i64::MAX))
            .collect();
        let view = View {
            occasion,
            now_ms: self.clock.now_ms(),
            disk_used_percent: self.status.disk_used_percent(),
        };
        let count =
            removable(&rules, view, &newest_ms, self.log.segments.segment_bytes, used.len());
        let Some(newest) = count.checked_sub(1).and_then(|last| used.get(last)) else {
            return Ok(0);
        };
        // What is still needed goes once it was stored again; the next pass sees.
        let kept_from = self.retention.ask(newest.end());
        let count = used.iter().take(count).take_while(|one| one.end() <= kept_from).count();
        for _ in 0..count {
            self.log.segments.remove_first()?;
        }
        Ok(count)
    }

    /// Queue and index files that name only removed records.
    fn expire_derived(&self) {
        let log_min = self.log.min();
        for queue in self.queues.all() {
            if let Err(error) = queue.expire(log_min) {
                tracing::warn!(topic = &*queue.topic, %error, "removing expired queue files");
            }
        }
        if let Err(error) = self.index.expire(log_min) {
            tracing::warn!(%error, "removing expired index files");
        }
    }

    pub(crate) fn measure_disk(&self) {
        match self.disk.used_percent() {
            Ok(percent) => self.status.set_disk_used_percent(percent),
            Err(error) => tracing::warn!(%error, "measuring the disk"),
        }
    }

    /// The thread that measures and removes.
    pub(crate) fn run_retention(&self) {
        let mut measures = 0;
        while self.retention.signal.wait(MEASURE_INTERVAL) {
            self.measure_disk();
            measures += 1;
            let max = self.retention.rules.lock().disk_used_percent_max;
            let over_disk = max > 0 && self.status.disk_used_percent() >= max;
            if over_disk || measures % MEASURES_PER_EXPIRY == 0 {
                self.expire(Occasion::Timer);
            }
        }
    }
}

impl Store {
    /// Retention leaves records from this physical offset on, for as long as `reason` says so.
    /// Who keeps records should store those again that are wanted (`on_retention_wanted`).
    pub fn keep_from(&self, reason: &'static str, physical_offset: u64) {
        self.parts.retention.keep_from(reason, physical_offset);
    }

    /// Has `ask` called with the physical offset below which retention would remove records, when
    /// somebody keeps them. It must not wait.
    pub fn on_retention_wanted(&self, ask: Arc<dyn Fn(u64) + Send + Sync>) {
        self.parts.retention.on_wanted(ask);
    }

    /// Below this physical offset retention would remove records, or has done so.
    pub fn retention_wanted(&self) -> u64 {
        self.parts.retention.wanted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn rules() -> RetentionRules {
        RetentionRules {
            retention_ms: 72 * 3_600_000,
            retention_bytes: 0,
            delete_when: "04".to_owned(),
            disk_used_percent_max: 85,
            disk_used_percent_refuse: 90,
        }
    }

    fn view(occasion: Occasion, hour: i64, disk_used_percent: u8) -> View {
        View { occasion, now_ms: (24 * 100 + hour) * HOUR_MS, disk_used_percent }
    }

    #[test]
    fn old_segments_go_at_the_hour_or_when_asked() {
        let newest = [2_300 * HOUR_MS, 2_320 * HOUR_MS, 2_399 * HOUR_MS];
        let count = |occasion, hour| removable(&rules(), view(occasion, hour, 10), &newest, 100, 4);
        assert_eq!(count(Occasion::Timer, 3), 0);
        assert_eq!(count(Occasion::Timer, 4), 2);
        assert_eq!(count(Occasion::Asked, 3), 2);
    }

    #[test]
    fn size_limit_counts_whole_segments_and_spares_the_newest() {
        let newest = [i64::MAX; 3];
        let limited = |retention_bytes| RetentionRules { retention_bytes, ..rules() };
        let count =
            |bytes| removable(&limited(bytes), view(Occasion::Timer, 0, 10), &newest, 100, 4);
        assert_eq!((count(400), count(399), count(250), count(1)), (0, 1, 2, 3));
    }

    #[test]
    fn full_disk_removes_one_segment_at_a_time_whatever_its_age() {
        let newest = [i64::MAX; 3];
        assert_eq!(removable(&rules(), view(Occasion::Timer, 0, 84), &newest, 100, 4), 0);
        assert_eq!(removable(&rules(), view(Occasion::Timer, 0, 85), &newest, 100, 4), 1);
    }
}
