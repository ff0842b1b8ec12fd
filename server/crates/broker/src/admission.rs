//! Whether sends are taken: not while appends, or the flush that they wait for, take longer than
//! `send.busy_after_ms`. A client that is refused in time tries another broker; one that is kept
//! waiting runs into its own time-out and knows nothing.
//!
//! The store is looked at from outside, a few times a second. A send only reads one flag, once a
//! turn.
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use remora_protocol::ResponseCode;
use remora_remoting::Refusal;
use remora_store::FlushMode;

use crate::broker::Broker;
use crate::time;

/// Time between two looks. Chosen: an eighth of the default limit.
const LOOK_MS: u64 = 125;

/// Appends remembered until they are flushed: more than there are looks in a client's patience.
const UNFLUSHED_MAX: usize = 64;

/// Longest that a client is told to wait. Chosen: Java's default time-out of a send.
const RETRY_AFTER_MS_MAX: i64 = 3_000;

/// What takes too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slow {
    /// An append that has not ended.
    Append,
    /// Turns that ended: append, and waiting for the appends of others.
    Turn,
    /// Appended messages that wait for the disk, under sync flush.
    Flush,
}

/// Why sends are refused now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Busy {
    pub slow: Slow,
    pub measured_ms: i64,
    pub limit_ms: i64,
    /// A guess: what took so long may take as long again.
    pub retry_after_ms: i64,
}

impl Busy {
    pub(crate) fn refusal(&self) -> Refusal {
        let Self { slow, measured_ms, limit_ms, retry_after_ms } = self;
        let what = match slow {
            Slow::Append => "an append to the commit log has been running for",
            Slow::Turn => "appends to the commit log lately took",
            Slow::Flush => "the oldest appended message has been waiting for its flush for",
        };
        let remark = format!(
            "broker busy: {what} {measured_ms} ms, the limit is {limit_ms} ms (osPageCacheBusyTimeOutMills): the disk is slow; send again in {retry_after_ms} ms or to another broker"
        );
        Refusal::new(ResponseCode::SYSTEM_BUSY, remark)
    }
}

/// What the store shows at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Look {
    pub now_ms: i64,
    /// Somebody has the append lock.
    pub appending: bool,
    pub appended_offset: u64,
    /// Where answers wait for the flush: what is on disk.
    pub flushed_offset: Option<u64>,
    /// Of the turns that ended since the last look.
    pub longest_turn_ms: i64,
}

/// What the looks so far have shown. Pure.
#[derive(Debug, Default)]
pub struct Watch {
    /// The append lock was taken at this end of the log, first seen then.
    append: Option<(u64, i64)>,
    /// Ends of the log that are not flushed, and when they were first seen; oldest first.
    unflushed: VecDeque<(u64, i64)>,
}

impl Watch {
    /// The worst that is above the limit.
    pub fn look(&mut self, look: Look, limit_ms: i64) -> Option<Busy> {
        let measured = [
            (Slow::Append, self.append_ms(look)),
            (Slow::Turn, look.longest_turn_ms),
            (Slow::Flush, self.flush_ms(look)),
        ];
        let (slow, measured_ms) = measured.into_iter().max_by_key(|(_, ms)| *ms)?;
        let least_ms = i64::try_from(LOOK_MS).unwrap_or(0);
        (measured_ms > limit_ms).then(|| Busy {
            slow,
            measured_ms,
            limit_ms,
            retry_after_ms: measured_ms.clamp(least_ms, RETRY_AFTER_MS_MAX),
        })
    }

    /// How long the log has stood still with an append under way.
    fn append_ms(&mut self, look: Look) -> i64 {
        let now = (look.appended_offset, look.now_ms);
        self.append = match self.append {
            _ if !look.appending => None,
            Some((end, since_ms)) if end == look.appended_offset => Some((end, since_ms)),
            _ => Some(now),
        };
        self.append.map_or(0, |(_, since_ms)| look.now_ms - since_ms)
    }

    /// How long the oldest unflushed message has been there.
    fn flush_ms(&mut self, look: Look) -> i64 {
        let Some(flushed_offset) = look.flushed_offset else { return 0 };
        while self.unflushed.front().is_some_and(|(end, _)| *end <= flushed_offset) {
            self.unflushed.pop_front();
        }
        let grew = self.unflushed.back().is_none_or(|(end, _)| *end < look.appended_offset);
        if look.appended_offset > flushed_offset && grew && self.unflushed.len() < UNFLUSHED_MAX {
            self.unflushed.push_back((look.appended_offset, look.now_ms));
        }
        self.unflushed.front().map_or(0, |(_, since_ms)| look.now_ms - since_ms)
    }
}

/// What the last look has decided.
#[derive(Debug, Default)]
pub struct Admission {
    refusing: AtomicBool,
    busy: Mutex<Option<Busy>>,
}

impl Admission {
    /// Why no send is taken now; `None` as a rule.
    pub fn busy(&self) -> Option<Busy> {
        if self.refusing.load(Ordering::Relaxed) { self.reason() } else { None }
    }

    #[cold]
    fn reason(&self) -> Option<Busy> {
        *self.busy.lock()
    }

    fn decide(&self, busy: Option<Busy>) {
        let before = std::mem::replace(&mut *self.busy.lock(), busy);
        self.refusing.store(busy.is_some(), Ordering::Relaxed);
        match (before, busy) {
            (None, Some(busy)) => tracing::warn!(?busy, "sends are refused, the disk is slow"),
            (Some(_), None) => tracing::info!("sends are taken again"),
            _ => {}
        }
    }
}

/// Looks at the store until the stop.
pub(crate) async fn watch(broker: Arc<Broker>) {
    let mut watch = Watch::default();
    loop {
        let limit_ms = broker.config.peek().send_busy_after_ms;
        let busy = watch.look(look(&broker), i64::try_from(limit_ms).unwrap_or(i64::MAX));
        broker.admission.decide(busy);
        tokio::select! {
            () = broker.stopping.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(LOOK_MS)) => {}
        }
    }
}

fn look(broker: &Broker) -> Look {
    let (appended_offset, flushed_offset) = broker.store.progress();
    Look {
        now_ms: time::tick_ms(),
        appending: broker.store.is_appending(),
        appended_offset,
        flushed_offset: (broker.flush == FlushMode::Sync).then_some(flushed_offset),
        longest_turn_ms: i64::try_from(broker.metrics.put_times.take_longest_us() / 1_000)
            .unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT_MS: i64 = 1_000;

    /// What looks every 500 ms decide.
    fn decisions(looks: impl IntoIterator<Item = Look>) -> Vec<Option<(Slow, i64)>> {
        let mut watch = Watch::default();
        let timed = looks.into_iter().zip((0_i64..).map(|step| step * 500));
        let decided = timed.map(|(look, now_ms)| watch.look(Look { now_ms, ..look }, LIMIT_MS));
        decided.map(|busy| busy.map(|busy| (busy.slow, busy.measured_ms))).collect()
    }

    fn appending(appended_offset: u64) -> Look {
        Look { appending: true, appended_offset, ..Look::default() }
    }

    fn synced(appended_offset: u64, flushed_offset: u64) -> Look {
        Look { appended_offset, flushed_offset: Some(flushed_offset), ..Look::default() }
    }

    #[test]
    fn an_append_that_does_not_end_is_noticed_and_one_after_the_other_is_not() {
        let stuck = [10, 20, 20, 20, 20, 30].map(appending);
        let expected = [None, None, None, None, Some((Slow::Append, 1_500)), None];
        assert_eq!(decisions(stuck), expected);
        let idle = Look { appending: false, ..appending(20) };
        assert_eq!(decisions([appending(20), idle, appending(20), idle]), [None; 4]);
    }

    #[test]
    fn slow_turns_refuse_until_a_look_without_any() {
        let turn = |longest_turn_ms| Look { longest_turn_ms, ..Look::default() };
        let expected = [None, Some((Slow::Turn, 1_001)), Some((Slow::Turn, 4_000)), None];
        assert_eq!(decisions([1_000, 1_001, 4_000, 0].map(turn)), expected);
    }

    #[test]
    fn a_flush_that_falls_behind_refuses_until_it_has_reached_what_waited() {
        let looks = [(10, 10), (20, 10), (30, 10), (40, 10), (40, 10), (40, 20), (40, 40)];
        let expected =
            [None, None, None, None, Some((Slow::Flush, 1_500)), Some((Slow::Flush, 1_500)), None];
        assert_eq!(decisions(looks.map(|(end, flushed)| synced(end, flushed))), expected);
    }

    #[test]
    fn nothing_waits_for_an_asynchronous_flush() {
        let looks = [10; 8].map(|end| Look { appended_offset: end, ..Look::default() });
        assert_eq!(decisions(looks), [None; 8]);
    }

    #[test]
    fn refusal_names_what_is_slow_the_measured_time_the_limit_and_when_to_come_back() {
        let busy =
            Busy { slow: Slow::Flush, measured_ms: 1_500, limit_ms: 1_000, retry_after_ms: 1_500 };
        let refusal = busy.refusal();
        assert_eq!(
            (refusal.code, &*refusal.remark),
            (
                ResponseCode::SYSTEM_BUSY,
                "broker busy: the oldest appended message has been waiting for its flush for 1500 ms, the limit is 1000 ms (osPageCacheBusyTimeOutMills): the disk is slow; send again in 1500 ms or to another broker"
            )
        );
    }
}
