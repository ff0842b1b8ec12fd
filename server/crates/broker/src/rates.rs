//! Rates of counters that only grow, over the windows that Apache shows. Knows no clock and no
//! broker: a shell samples every second, and topics and groups every ten.
mod events;

use std::collections::VecDeque;
use std::sync::Arc;

use ahash::{AHashMap, AHashSet};
use remora_protocol::body::{BrokerStatsData, BrokerStatsItem};

use crate::group_queues;
use crate::metrics::TopicTotals;

pub use events::Event;
use events::Events;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Longest window of `tps`, in seconds, and one more sample to subtract from.
const RECENT_MAX: usize = 601;

/// Queues followed because somebody asked. Chosen: a megabyte.
const QUEUES_WATCHED_MAX: usize = 1_000;

/// A total at a time. `times` divides `sum` for the average.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Sample {
    at_ms: i64,
    sum: u64,
    times: u64,
}

/// The samples of one span, thinned to its step.
#[derive(Debug)]
struct Span {
    step_ms: i64,
    kept_max: usize,
    samples: VecDeque<Sample>,
}

impl Span {
    fn new(step_ms: i64, span_ms: i64) -> Self {
        let kept_max = usize::try_from(span_ms / step_ms).unwrap_or(0) + 1;
        Self { step_ms, kept_max, samples: VecDeque::new() }
    }

    fn take(&mut self, sample: Sample) {
        let due = self.samples.back().is_none_or(|last| sample.at_ms - last.at_ms >= self.step_ms);
        if due {
            self.samples.push_back(sample);
        }
        while self.samples.len() > self.kept_max {
            self.samples.pop_front();
        }
    }

    fn until(&self, latest: Sample, of: fn(Sample) -> Sample) -> BrokerStatsItem {
        let first = of(self.samples.front().copied().unwrap_or(latest));
        let latest = of(latest);
        let sum = latest.sum.saturating_sub(first.sum);
        let times = latest.times.saturating_sub(first.times);
        BrokerStatsItem {
            avgpt: if times == 0 { 0.0 } else { real(sum) / real(times) },
            sum: i64::try_from(sum).unwrap_or(i64::MAX),
            tps: a_second(sum, latest.at_ms - first.at_ms),
        }
    }
}

/// One statistic over the last minute, hour and day.
#[derive(Debug)]
struct Series {
    latest: Sample,
    minute: Span,
    hour: Span,
    day: Span,
}

impl Series {
    fn from(first: Sample) -> Self {
        let mut series = Self {
            latest: first,
            minute: Span::new(10 * SECOND_MS, MINUTE_MS),
            hour: Span::new(10 * MINUTE_MS, HOUR_MS),
            day: Span::new(HOUR_MS, DAY_MS),
        };
        series.take(first);
        series
    }

    fn take(&mut self, sample: Sample) {
        self.latest = sample;
        for span in [&mut self.minute, &mut self.hour, &mut self.day] {
            span.take(sample);
        }
    }

    fn data(&self) -> BrokerStatsData {
        self.data_of(|sample| sample)
    }

    /// How often, where `data` is how much.
    fn times(&self) -> BrokerStatsData {
        self.data_of(|sample| Sample { sum: sample.times, ..sample })
    }

    fn data_of(&self, of: fn(Sample) -> Sample) -> BrokerStatsData {
        BrokerStatsData {
            stats_day: self.day.until(self.latest, of),
            stats_hour: self.hour.until(self.latest, of),
            stats_minute: self.minute.until(self.latest, of),
        }
    }
}

/// Totals at the last two midnights (UTC, unlike Apache's local ones) and now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Days {
    pub yesterday_morning: TopicTotals,
    pub today_morning: TopicTotals,
    pub now: TopicTotals,
}

/// The broker's totals at a time.
#[derive(Debug)]
struct Recent {
    at_ms: i64,
    totals: TopicTotals,
    pulls_missed: u64,
}

/// One queue's statistic: QUEUE_PUT_NUMS of `topic@queueId`, QUEUE_GET_NUMS of
/// `topic@queueId@group`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct WatchedQueue {
    pub topic: String,
    pub queue_id: i32,
    /// Whose reading; without one, what is sent.
    pub group: Option<String>,
}

impl WatchedQueue {
    /// `None` for any other statistic or key.
    pub fn parse(name: &str, key: &str) -> Option<Self> {
        let mut parts = key.split('@');
        let (topic, queue_id) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?);
        let group = parts.next().map(str::to_owned);
        let fits = match name {
            "QUEUE_PUT_NUMS" => group.is_none(),
            "QUEUE_GET_NUMS" => group.is_some(),
            _ => false,
        };
        fits.then_some(Self { topic, queue_id, group })
    }
}

/// The sampler.
#[derive(Debug, Default)]
pub struct Rates {
    /// One a second, oldest first.
    recent: VecDeque<Recent>,
    day: Option<i64>,
    days: Days,
    /// When topics and groups were last sampled.
    detail_at_ms: Option<i64>,
    broker_in: Option<Series>,
    broker_out: Option<Series>,
    /// Sums are bytes, times are messages: one series for both, as it is a kilobyte a topic.
    topics: AHashMap<Arc<str>, Series>,
    /// By `topic@group`.
    group_messages: AHashMap<String, Series>,
    events: Events,
    /// Queues that somebody has asked for.
    queues: AHashMap<WatchedQueue, Series>,
}

impl Rates {
    /// Takes the totals of the broker: once a second. `now_ms` never goes back, `wall_ms` may.
    pub fn take_totals(
        &mut self,
        now_ms: i64,
        wall_ms: i64,
        total: TopicTotals,
        pulls_missed: u64,
    ) {
        self.recent.push_back(Recent { at_ms: now_ms, totals: total, pulls_missed });
        while self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
        let day = wall_ms.div_euclid(DAY_MS);
        if self.day.replace(day).is_some_and(|known| known != day) {
            self.days.yesterday_morning = self.days.today_morning;
            self.days.today_morning = total;
        }
        self.days.now = total;
    }

    /// Takes the totals of every topic, and how far every `topic@group` has read: every 10 s.
    pub fn take_details(
        &mut self,
        now_ms: i64,
        topics: impl IntoIterator<Item = (Arc<str>, TopicTotals)>,
        groups: impl IntoIterator<Item = (String, i64)>,
        queues: impl IntoIterator<Item = (WatchedQueue, u64)>,
    ) {
        let total = self.days.now;
        follow(&mut self.broker_in, now_ms, total.messages_in);
        follow(&mut self.broker_out, now_ms, total.messages_out);

        let mut known: AHashSet<Arc<str>> = AHashSet::new();
        let before_ms = self.detail_at_ms.replace(now_ms);
        for (topic, totals) in topics {
            if totals.messages_in == 0 {
                continue;
            }
            // Counters start at 0, at our start or the topic's creation.
            let born = Sample { at_ms: before_ms.unwrap_or(now_ms), ..Sample::default() };
            let series = self.topics.entry(topic.clone());
            series.or_insert_with(|| Series::from(born)).take(Sample {
                at_ms: now_ms,
                sum: totals.bytes_in,
                times: totals.messages_in,
            });
            known.insert(topic);
        }
        self.topics.retain(|topic, _| known.contains(topic));
        self.take_groups(before_ms, now_ms, groups);
        self.events.take(now_ms);
        for (queue, sum) in queues {
            let sample = Sample { at_ms: now_ms, sum, times: sum };
            if let Some(series) = self.queues.get_mut(&queue) {
                series.take(sample);
            }
        }
    }

    fn take_groups(
        &mut self,
        before_ms: Option<i64>,
        now_ms: i64,
        groups: impl IntoIterator<Item = (String, i64)>,
    ) {
        let mut before = std::mem::take(&mut self.group_messages);
        for (key, read) in groups {
            let sum = u64::try_from(read).unwrap_or(0);
            let sample = Sample { at_ms: now_ms, sum, times: sum };
            let series = match before.remove(&key) {
                // A group that was put back starts again.
                Some(mut series) if series.latest.sum <= sum => {
                    series.take(sample);
                    series
                }
                Some(_) => Series::from(sample),
                None => match before_ms {
                    // New since the last round: its count began at 0 then.
                    Some(at_ms) => {
                        let mut series = Series::from(Sample { at_ms, ..Sample::default() });
                        series.take(sample);
                        series
                    }
                    None => Series::from(sample),
                },
            };
            self.group_messages.insert(key, series);
        }
    }

    /// A second over the last `window_seconds`, or since the start where that is later.
    pub fn tps(&self, window_seconds: usize, of: impl Fn(&TopicTotals) -> u64) -> f64 {
        self.rate(window_seconds, |recent| of(&recent.totals))
    }

    /// Pulls a second that found nothing.
    pub fn miss_tps(&self, window_seconds: usize) -> f64 {
        self.rate(window_seconds, |recent| recent.pulls_missed)
    }

    fn rate(&self, window_seconds: usize, of: impl Fn(&Recent) -> u64) -> f64 {
        let first = self.recent.len().saturating_sub(window_seconds.saturating_add(1));
        let (Some(from), Some(to)) = (self.recent.get(first), self.recent.back()) else {
            return 0.0;
        };
        a_second(of(to).saturating_sub(of(from)), to.at_ms - from.at_ms)
    }

    pub fn days(&self) -> Days {
        self.days
    }

    /// Messages a second into a topic, over the last minute.
    pub fn topic_in(&self, topic: &str) -> f64 {
        self.topics.get(topic).map_or(0.0, |series| series.times().stats_minute.tps)
    }

    /// Messages a second that a group has read of a topic (also those its filter left out), over
    /// the last minute.
    pub fn group_out(&self, group: &str, topic: &str) -> f64 {
        let series = self.group_messages.get(&group_queues::key_of(topic, group));
        series.map_or(0.0, |series| series.data().stats_minute.tps)
    }

    /// One of Apache's statistics by name and key; `None` where it is not kept or has no such key.
    pub fn stats(&self, name: &str, key: &str, cluster: &str) -> Option<BrokerStatsData> {
        let series = match name {
            "TOPIC_PUT_NUMS" => return self.topics.get(key).map(Series::times),
            "TOPIC_PUT_SIZE" => self.topics.get(key),
            "GROUP_GET_NUMS" => self.group_messages.get(key),
            "GROUP_GET_SIZE" => return self.group_bytes(key),
            "QUEUE_PUT_NUMS" | "QUEUE_GET_NUMS" => {
                WatchedQueue::parse(name, key).and_then(|queue| self.queues.get(&queue))
            }
            "SNDBCK_PUT_NUMS" => self.events.of(Event::SentBack, key),
            "DLQ_PUT_NUMS" => self.events.of(Event::Dead, key),
            "BROKER_PUT_NUMS" if key == cluster => self.broker_in.as_ref(),
            "BROKER_GET_NUMS" if key == cluster => self.broker_out.as_ref(),
            _ => None,
        };
        series.map(Series::data)
    }
}

impl Rates {
    /// Counts a message of a topic that a group did not consume.
    pub fn count(&mut self, event: Event, topic: &str, group: &str, now_ms: i64) {
        self.events.count(event, topic, group, now_ms);
    }

    /// An estimate: the group's messages, each as large as the topic's are on average.
    fn group_bytes(&self, key: &str) -> Option<BrokerStatsData> {
        let data = self.group_messages.get(key)?.data();
        let (topic, _) = group_queues::of_key(key)?;
        let sent = self.topics.get(topic).map(|series| series.latest).unwrap_or_default();
        let mean_bytes = if sent.times == 0 { 0.0 } else { real(sent.sum) / real(sent.times) };
        let scaled = |item: BrokerStatsItem| BrokerStatsItem {
            avgpt: item.avgpt * mean_bytes,
            sum: whole(real(item.sum.unsigned_abs()) * mean_bytes),
            tps: item.tps * mean_bytes,
        };
        Some(BrokerStatsData {
            stats_day: scaled(data.stats_day),
            stats_hour: scaled(data.stats_hour),
            stats_minute: scaled(data.stats_minute),
        })
    }

    /// Follows one queue from now on: 80,000 queues are too many to follow unasked. `sum` is what
    /// it has counted so far.
    pub fn watch_queue(&mut self, queue: WatchedQueue, now_ms: i64, sum: u64) {
        if !self.queues.contains_key(&queue) && self.queues.len() < QUEUES_WATCHED_MAX {
            self.queues.insert(queue, Series::from(Sample { at_ms: now_ms, sum, times: sum }));
        }
    }

    /// The queues that are followed.
    pub fn watched_queues(&self) -> Vec<WatchedQueue> {
        self.queues.keys().cloned().collect()
    }
}

fn follow(series: &mut Option<Series>, at_ms: i64, sum: u64) {
    let sample = Sample { at_ms, sum, times: sum };
    series.get_or_insert_with(|| Series::from(sample)).take(sample);
}

fn a_second(sum: u64, span_ms: i64) -> f64 {
    if span_ms <= 0 {
        return 0.0;
    }
    real(sum) * 1_000.0 / real(span_ms.unsigned_abs())
}

#[expect(clippy::cast_precision_loss, reason = "figures for people: 53 bits are plenty")]
fn real(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn whole(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(messages_in: u64) -> TopicTotals {
        TopicTotals { messages_in, bytes_in: messages_in * 10, ..TopicTotals::default() }
    }

    fn item(sum: i64, tps: f64, avgpt: f64) -> BrokerStatsItem {
        BrokerStatsItem { avgpt, sum, tps }
    }

    #[test]
    fn rate_is_of_the_window_or_of_the_time_since_the_start() {
        let mut rates = Rates::default();
        assert_eq!(rates.tps(10, |totals| totals.messages_in), 0.0);
        for second in 0..=20_u32 {
            let total = totals(if second < 10 { 0 } else { u64::from(second - 10) * 100 });
            rates.take_totals(i64::from(second) * 1_000, 0, total, u64::from(second) * 3);
        }
        assert_eq!(rates.tps(10, |totals| totals.messages_in), 100.0);
        assert_eq!(rates.tps(600, |totals| totals.messages_in), 50.0);
        assert_eq!(rates.miss_tps(10), 3.0);
    }

    #[test]
    fn topic_statistics_cover_a_minute_an_hour_and_a_day() {
        let mut rates = Rates::default();
        let topic: Arc<str> = "orders".into();
        for step in 0..=12_u32 {
            let now_ms = i64::from(step) * 10_000;
            rates.take_details(now_ms, [(topic.clone(), totals(u64::from(step) * 20))], [], []);
        }
        let data = rates.stats("TOPIC_PUT_NUMS", "orders", "c").unwrap();
        assert_eq!(data.stats_minute, item(120, 2.0, 1.0));
        assert_eq!(data.stats_hour, item(240, 2.0, 1.0));
        assert_eq!(data.stats_day, item(240, 2.0, 1.0));
        let size = rates.stats("TOPIC_PUT_SIZE", "orders", "c").unwrap();
        assert_eq!(size.stats_minute, item(1200, 20.0, 10.0));
        assert_eq!(rates.stats("TOPIC_PUT_NUMS", "others", "c"), None);
        assert_eq!(rates.stats("NO_SUCH", "orders", "c"), None);
        rates.take_details(130_000, [], [], []);
        assert_eq!(rates.stats("TOPIC_PUT_NUMS", "orders", "c"), None);
    }

    #[test]
    fn messages_that_were_not_consumed_are_counted_at_once_and_by_window() {
        let mut rates = Rates::default();
        rates.count(Event::SentBack, "orders", "workers", 0);
        rates.count(Event::SentBack, "orders", "workers", 5_000);
        rates.count(Event::Dead, "orders", "workers", 5_000);
        let sum = |rates: &Rates, name: &str| {
            let data = rates.stats(name, "orders@workers", "c").unwrap();
            [data.stats_minute.sum, data.stats_hour.sum]
        };
        assert_eq!(sum(&rates, "SNDBCK_PUT_NUMS"), [2, 2]);
        assert_eq!(sum(&rates, "DLQ_PUT_NUMS"), [1, 1]);
        for step in 1..=12 {
            rates.take_details(step * 10_000, [], [], []);
        }
        assert_eq!(sum(&rates, "SNDBCK_PUT_NUMS"), [0, 2]);
        assert_eq!(rates.stats("SNDBCK_PUT_NUMS", "orders@others", "c"), None);
    }

    #[test]
    fn group_that_was_put_back_starts_again() {
        let mut rates = Rates::default();
        let key = || "orders@workers".to_owned();
        rates.take_details(0, [], [(key(), 100)], []);
        rates.take_details(10_000, [], [(key(), 150)], []);
        assert_eq!(rates.group_out("workers", "orders"), 5.0);
        rates.take_details(20_000, [], [(key(), 0)], []);
        rates.take_details(30_000, [], [(key(), 10)], []);
        assert_eq!(rates.group_out("workers", "orders"), 1.0);
    }

    #[test]
    fn group_that_is_new_counts_from_its_first_message_and_its_bytes_are_the_topics() {
        let mut rates = Rates::default();
        rates.take_details(0, [], [], []);
        let orders = [(Arc::from("orders"), totals(4))];
        rates.take_details(10_000, orders, [("orders@workers".to_owned(), 20)], []);
        let data = rates.stats("GROUP_GET_NUMS", "orders@workers", "c").unwrap();
        assert_eq!(data.stats_day, item(20, 2.0, 1.0));
        let data = rates.stats("GROUP_GET_SIZE", "orders@workers", "c").unwrap();
        assert_eq!(data.stats_day, item(200, 20.0, 10.0));
    }

    #[test]
    fn queue_is_followed_once_somebody_asked_for_it() {
        let mut rates = Rates::default();
        assert_eq!(rates.stats("QUEUE_PUT_NUMS", "orders@3", "c"), None);
        for (name, key) in [
            ("QUEUE_PUT_NUMS", "orders@3"),
            ("QUEUE_GET_NUMS", "orders@3@workers"),
            ("QUEUE_GET_NUMS", "orders@3"),
            ("QUEUE_PUT_NUMS", "orders@three"),
            ("TOPIC_PUT_NUMS", "orders@3"),
        ] {
            if let Some(queue) = WatchedQueue::parse(name, key) {
                rates.watch_queue(queue, 0, 100);
            }
        }
        let queue = |group: Option<&str>| WatchedQueue {
            topic: "orders".to_owned(),
            queue_id: 3,
            group: group.map(str::to_owned),
        };
        let mut watched = rates.watched_queues();
        watched.sort_by_key(|queue| queue.group.is_some());
        assert_eq!(watched, [queue(None), queue(Some("workers"))]);
        rates.take_details(10_000, [], [], [(queue(None), 150)]);
        let data = rates.stats("QUEUE_PUT_NUMS", "orders@3", "c").unwrap();
        assert_eq!(data.stats_minute, item(50, 5.0, 1.0));
    }

    #[test]
    fn mornings_move_at_midnight() {
        let mut rates = Rates::default();
        rates.take_totals(0, DAY_MS - 1, totals(5), 0);
        rates.take_totals(1_000, DAY_MS, totals(7), 0);
        let first = Days { yesterday_morning: totals(0), today_morning: totals(7), now: totals(7) };
        assert_eq!(rates.days(), first);
        rates.take_totals(2_000, 2 * DAY_MS, totals(9), 0);
        let second =
            Days { yesterday_morning: totals(7), today_morning: totals(9), now: totals(9) };
        assert_eq!(rates.days(), second);
    }
}
