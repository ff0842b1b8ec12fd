//! What may pass in a second, of a topic's sends or of what a group consumes: token buckets, given
//! the time.
//!
//! A bucket holds one second's worth. What passes may leave it in debt (a message larger than that,
//! a reply whose size was not known): then nothing passes until the debt is paid, so that the rate
//! is kept over time.
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use remora_protocol::ResponseCode;
use remora_remoting::Refusal;

/// Attributes of a topic: what producers may send to this broker.
const TOPIC_IN: [&str; 2] = ["remora.quota.in.messages", "remora.quota.in.bytes"];
/// Attributes of a consumer group: what it may pull and pop from this broker, of all topics
/// together.
const GROUP_OUT: [&str; 2] = ["remora.quota.out.messages", "remora.quota.out.bytes"];

/// Highest quota. Chosen: far above any machine, and its thousandfold is still a number.
const A_SECOND_MAX: i64 = 1_000_000_000_000;

/// A bucket counts in thousandths, so that a rate of one a second fills it every millisecond.
const MILLI: i64 = 1_000;

/// An attribute that cannot be what it is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("attribute '{name}' is '{value}', expected {expected}")]
pub struct AttributeError {
    pub name: &'static str,
    pub value: String,
    pub expected: &'static str,
}

/// Limits a second of messages and bytes; `None` is without limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Limits {
    names: [&'static str; 2],
    a_second: [Option<i64>; 2],
}

impl Limits {
    fn of(
        attributes: &BTreeMap<String, String>,
        names: [&'static str; 2],
    ) -> Result<Self, AttributeError> {
        let mut a_second = [None, None];
        for (limit, name) in a_second.iter_mut().zip(names) {
            let Some(value) = attributes.get(name) else { continue };
            let number = value.parse().ok().filter(|number| (1..=A_SECOND_MAX).contains(number));
            *limit = Some(number.ok_or_else(|| AttributeError {
                name,
                value: value.clone(),
                expected: "a whole number a second, from 1 to 1000000000000",
            })?);
        }
        Ok(Self { names, a_second })
    }
}

/// Why something does not pass now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverQuota {
    pub name: &'static str,
    /// What passed in the last second.
    pub measured: i64,
    /// What may, in a second.
    pub limit: i64,
    /// When there will be room.
    pub wait_ms: i64,
}

impl OverQuota {
    /// Clients try another broker, which has a quota of its own.
    pub(crate) fn refusal(&self, of: &str) -> Refusal {
        let Self { name, measured, limit, wait_ms } = self;
        let remark = format!(
            "{of} is over its quota {name}: {measured} in the last second, the limit is {limit} a second; send again in {wait_ms} ms"
        );
        Refusal::new(ResponseCode::SYSTEM_BUSY, remark)
    }
}

/// The quota of one topic or group, with what it has used.
#[derive(Debug)]
pub struct Quota {
    limits: Limits,
    buckets: Mutex<[Option<Bucket>; 2]>,
}

impl Quota {
    /// That of a topic's sends: the one before goes on where nothing about it has changed.
    pub(crate) fn of_topic(
        attributes: &BTreeMap<String, String>,
        before: Option<&Arc<Self>>,
    ) -> Result<Option<Arc<Self>>, AttributeError> {
        Limits::of(attributes, TOPIC_IN).map(|limits| Self::following(limits, before))
    }

    /// That of a group's pulls and pops.
    pub(crate) fn of_group(
        attributes: &BTreeMap<String, String>,
        before: Option<&Arc<Self>>,
    ) -> Result<Option<Arc<Self>>, AttributeError> {
        Limits::of(attributes, GROUP_OUT).map(|limits| Self::following(limits, before))
    }

    fn following(limits: Limits, before: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        if let Some(same) = before.filter(|before| before.limits == limits) {
            return Some(same.clone());
        }
        if limits.a_second == [None, None] {
            return None;
        }
        let buckets = Mutex::new(limits.a_second.map(|limit| limit.map(Bucket::full)));
        Some(Arc::new(Self { limits, buckets }))
    }

    /// Messages and bytes that fit into one second, where they are limited.
    pub(crate) fn in_a_second(&self) -> [Option<i64>; 2] {
        self.limits.a_second
    }

    /// Takes what is about to pass, all or nothing.
    pub(crate) fn admit(&self, now_ms: i64, messages: i64, bytes: i64) -> Result<(), OverQuota> {
        let mut buckets = self.buckets.lock();
        if let Some(over) = self.over(&mut buckets, now_ms, [messages, bytes]) {
            return Err(over);
        }
        take(&mut buckets, now_ms, [messages, bytes]);
        Ok(())
    }

    /// Why nothing passes now; `None` where something may.
    pub(crate) fn wait(&self, now_ms: i64) -> Option<OverQuota> {
        self.over(&mut self.buckets.lock(), now_ms, [1, 1])
    }

    /// Takes what has passed.
    pub(crate) fn take(&self, now_ms: i64, messages: i64, bytes: i64) {
        take(&mut self.buckets.lock(), now_ms, [messages, bytes]);
    }

    fn over(
        &self,
        buckets: &mut [Option<Bucket>; 2],
        now_ms: i64,
        wanted: [i64; 2],
    ) -> Option<OverQuota> {
        let each = buckets.iter_mut().zip(wanted).zip(self.limits.names);
        each.filter_map(|((bucket, wanted), name)| bucket.as_mut()?.over(now_ms, wanted, name))
            .max_by_key(|over| over.wait_ms)
    }
}

fn take(buckets: &mut [Option<Bucket>; 2], now_ms: i64, amounts: [i64; 2]) {
    for (bucket, amount) in buckets.iter_mut().zip(amounts) {
        if let Some(bucket) = bucket {
            bucket.take(now_ms, amount);
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    a_second: i64,
    /// In thousandths; below 0 is a debt.
    level_milli: i64,
    filled_ms: i64,
    /// What passed in this second and in the one before it.
    second: i64,
    passed: [i64; 2],
}

impl Bucket {
    fn full(a_second: i64) -> Self {
        let level_milli = a_second.saturating_mul(MILLI);
        Self { a_second, level_milli, filled_ms: 0, second: 0, passed: [0, 0] }
    }

    fn full_milli(&self) -> i64 {
        self.a_second.saturating_mul(MILLI)
    }

    fn fill(&mut self, now_ms: i64) {
        let since_ms = now_ms.saturating_sub(self.filled_ms).max(0);
        self.filled_ms = self.filled_ms.max(now_ms);
        // A thousandth for each millisecond and unit a second.
        let gained_milli = since_ms.saturating_mul(self.a_second);
        self.level_milli = self.level_milli.saturating_add(gained_milli).min(self.full_milli());
        let second = self.filled_ms / MILLI;
        match second - self.second {
            0 => {}
            1 => self.passed = [0, self.passed[0]],
            _ => self.passed = [0, 0],
        }
        self.second = second;
    }

    fn over(&mut self, now_ms: i64, wanted: i64, name: &'static str) -> Option<OverQuota> {
        self.fill(now_ms);
        // What is larger than the bucket passes when it is full.
        let needed_milli = wanted.saturating_mul(MILLI).min(self.full_milli());
        let missing_milli = needed_milli - self.level_milli;
        if missing_milli <= 0 {
            return None;
        }
        let wait_ms = missing_milli.saturating_add(self.a_second - 1) / self.a_second;
        Some(OverQuota { name, measured: self.measured(), limit: self.a_second, wait_ms })
    }

    fn take(&mut self, now_ms: i64, amount: i64) {
        self.fill(now_ms);
        self.level_milli = self.level_milli.saturating_sub(amount.saturating_mul(MILLI));
        self.passed[0] = self.passed[0].saturating_add(amount);
    }

    /// This second, and so much of the one before as the last 1,000 ms have of it.
    fn measured(&self) -> i64 {
        let [this, before] = self.passed;
        let share_ms = MILLI - self.filled_ms % MILLI;
        this.saturating_add(before.saturating_mul(share_ms) / MILLI)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn topic(pairs: &[(&str, &str)]) -> Arc<Quota> {
        Quota::of_topic(&attributes(pairs), None).unwrap().unwrap()
    }

    fn over(name: &'static str, measured: i64, limit: i64, wait_ms: i64) -> OverQuota {
        OverQuota { name, measured, limit, wait_ms }
    }

    #[test]
    fn a_seconds_worth_passes_at_once_and_then_one_by_one() {
        let quota = topic(&[(TOPIC_IN[0], "4")]);
        for _ in 0..4 {
            assert_eq!(quota.admit(10_000, 1, 9_999), Ok(()));
        }
        assert_eq!(quota.admit(10_000, 1, 0), Err(over(TOPIC_IN[0], 4, 4, 250)));
        assert_eq!(quota.admit(10_249, 1, 0), Err(over(TOPIC_IN[0], 4, 4, 1)));
        assert_eq!(quota.admit(10_250, 1, 0), Ok(()));
        assert_eq!(quota.admit(10_250, 1, 0), Err(over(TOPIC_IN[0], 5, 4, 250)));
        // Half of the second before, and nothing since.
        assert_eq!(quota.admit(11_500, 5, 0), Ok(()));
        assert_eq!(quota.wait(11_500), Some(over(TOPIC_IN[0], 7, 4, 500)));
    }

    #[test]
    fn a_message_larger_than_a_seconds_worth_passes_and_leaves_a_debt() {
        let quota = topic(&[(TOPIC_IN[1], "100")]);
        assert_eq!(quota.admit(5_000, 1, 1_000), Ok(()));
        assert_eq!(quota.admit(5_000, 1, 1), Err(over(TOPIC_IN[1], 1_000, 100, 9_010)));
        assert_eq!(quota.wait(14_009), Some(over(TOPIC_IN[1], 0, 100, 1)));
        assert_eq!(quota.wait(14_010), None);
    }

    #[test]
    fn the_limit_that_waits_longest_is_named_and_nothing_is_taken() {
        let quota = topic(&[(TOPIC_IN[0], "10"), (TOPIC_IN[1], "10")]);
        assert_eq!(quota.admit(1_000, 10, 20), Ok(()));
        assert_eq!(quota.admit(1_000, 1, 5), Err(over(TOPIC_IN[1], 20, 10, 1_500)));
        assert_eq!(quota.admit(1_100, 1, 5), Err(over(TOPIC_IN[1], 20, 10, 1_400)));
    }

    #[test]
    fn time_that_goes_back_or_stands_still_gives_nothing() {
        let quota = topic(&[(TOPIC_IN[0], "1")]);
        assert_eq!(quota.admit(9_000, 1, 0), Ok(()));
        assert_eq!(quota.wait(3_000), Some(over(TOPIC_IN[0], 1, 1, 1_000)));
        assert_eq!(quota.wait(i64::MAX), None);
    }

    #[test]
    fn a_changed_quota_starts_anew_and_the_same_goes_on() {
        let before = topic(&[(TOPIC_IN[0], "1")]);
        let following =
            |pairs: &[(&str, &str)]| Quota::of_topic(&attributes(pairs), Some(&before)).unwrap();
        assert!(Arc::ptr_eq(&following(&[(TOPIC_IN[0], "1"), ("other", "x")]).unwrap(), &before));
        assert_eq!(following(&[(TOPIC_IN[0], "2")]).unwrap().in_a_second(), [Some(2), None]);
        assert!(following(&[]).is_none());
    }

    #[test]
    fn a_quota_that_is_no_number_is_refused() {
        for value in ["0", "-1", "many", "", "1000000000001", "1.5"] {
            let error = Quota::of_group(&attributes(&[(GROUP_OUT[1], value)]), None).unwrap_err();
            assert_eq!((error.name, error.value.as_str()), (GROUP_OUT[1], value));
        }
    }
}
