//! What the broker counts, and a reading of it.
use std::collections::BTreeMap;
use std::sync::Arc;

use remora_store::AppendError;
use remora_store::store::LogStatus;

use crate::broker::Broker;
use crate::counter::Counter;
use crate::group_queues;
use crate::put_times::PutTimes;
use crate::timer::TimerFigures;
use crate::transactions::TransactionFigures;

/// Totals since the start.
#[derive(Debug, Default)]
pub struct Metrics {
    pub messages_in: Counter,
    pub bytes_in: Counter,
    pub messages_out: Counter,
    pub bytes_out: Counter,
    /// Retries of sends that were given the first answer and not stored.
    pub duplicate_sends: Counter,
    /// Messages that consumers sent back, dead ones too.
    pub messages_sent_back: Counter,
    /// Messages that went to %DLQ%.
    pub messages_dead: Counter,
    /// Popped messages that were not acknowledged in time and were stored again, dead ones too.
    pub messages_revived: Counter,
    /// Pulls that found no message, those that were then held too.
    pub pulls_missed: Counter,
    /// Pulls that waited for the disk.
    pub cold_reads: Counter,
    /// Pulls and pops that waited for their group's quota.
    pub pulls_over_quota: Counter,
    pub rejections: Rejections,
    pub put_times: PutTimes,
}

impl Metrics {
    pub fn total(&self) -> TopicTotals {
        TopicTotals {
            messages_in: self.messages_in.total(),
            bytes_in: self.bytes_in.total(),
            messages_out: self.messages_out.total(),
            bytes_out: self.bytes_out.total(),
        }
    }
}

/// Refused requests by cause.
#[derive(Debug, Default)]
pub struct Rejections {
    /// Sends that were not allowed or not legal.
    pub send_refused: Counter,
    pub pull_refused: Counter,
    /// Ends of transactions (37) that decided nothing.
    pub end_refused: Counter,
    pub disk_full: Counter,
    /// The store failed or is closed.
    pub store_failed: Counter,
    pub record_too_large: Counter,
    /// The disk is slower than the senders.
    pub queues_behind: Counter,
    /// Appends or flushes took longer than `send.busy_after_ms`.
    pub send_busy: Counter,
    /// Sends beyond their topic's quota.
    pub over_quota: Counter,
    pub hold_full: Counter,
    /// Too many pops are held.
    pub polling_full: Counter,
    /// Groups of heartbeats that may not be created.
    pub group_missing: Counter,
}

impl Rejections {
    pub(crate) fn of_append(&self, error: &AppendError) -> &Counter {
        match error {
            AppendError::TooLarge { .. } => &self.record_too_large,
            AppendError::DiskFull { .. } => &self.disk_full,
            AppendError::QueuesBehind { .. } => &self.queues_behind,
            AppendError::Failed { .. } | AppendError::Closed => &self.store_failed,
        }
    }

    fn by_cause(&self) -> BTreeMap<&'static str, u64> {
        [
            ("send_refused", &self.send_refused),
            ("pull_refused", &self.pull_refused),
            ("end_refused", &self.end_refused),
            ("disk_full", &self.disk_full),
            ("store_failed", &self.store_failed),
            ("record_too_large", &self.record_too_large),
            ("queues_behind", &self.queues_behind),
            ("send_busy", &self.send_busy),
            ("over_quota", &self.over_quota),
            ("hold_full", &self.hold_full),
            ("polling_full", &self.polling_full),
            ("group_missing", &self.group_missing),
        ]
        .map(|(cause, counter)| (cause, counter.total()))
        .into()
    }
}

/// Totals of one topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TopicTotals {
    pub messages_in: u64,
    pub bytes_in: u64,
    pub messages_out: u64,
    pub bytes_out: u64,
}

/// How far a group is behind in a topic, over its queues.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lag {
    pub group: String,
    pub topic: String,
    pub messages: u64,
}

/// A reading of everything, for /metrics and code 28.
#[derive(Clone, Debug, Default)]
pub struct MetricsSnapshot {
    pub total: TopicTotals,
    pub topics: BTreeMap<Arc<str>, TopicTotals>,
    pub group_count: usize,
    pub producer_connections: usize,
    pub consumer_connections: usize,
    pub lag: Vec<Lag>,
    pub log: LogStatus,
    /// Bytes appended and not yet on disk.
    pub flush_behind_bytes: u64,
    /// Bytes appended and not yet in the queues.
    pub dispatch_behind_bytes: u64,
    /// Bytes appended and not yet in the key index.
    pub index_behind_bytes: u64,
    pub held_pulls: usize,
    /// Queues with messages that no member of a connected group pulls.
    pub unread_queues: usize,
    pub uncommitted_queues: usize,
    /// Pulls that waited for the disk, since the start.
    pub cold_reads: u64,
    /// Pulls and pops that waited for their group's quota, since the start.
    pub pulls_over_quota: u64,
    /// Retries of sends that were given the first answer, since the start.
    pub duplicate_sends: u64,
    /// Messages that consumers sent back since the start, dead ones too.
    pub messages_sent_back: u64,
    /// Messages that went to %DLQ% since the start.
    pub messages_dead: u64,
    /// Popped messages stored again since the start, dead ones too.
    pub messages_revived: u64,
    /// Popped and not acknowledged now.
    pub messages_in_flight: usize,
    pub held_pops: usize,
    pub rejections: BTreeMap<&'static str, u64>,
    pub transactions: TransactionFigures,
    pub timers: TimerFigures,
    /// For how long the next delayed message has been due.
    pub timers_overdue_ms: u64,
}

impl Broker {
    /// Reads every counter. Takes as long as there are topics and committed offsets.
    pub fn metrics(&self) -> MetricsSnapshot {
        let metrics = &self.metrics;
        let log = self.store.log_status();
        let (producer_connections, consumer_connections) =
            self.clients.read(|table| table.connection_counts());
        let topics = self.topics.all().into_iter();
        let topics = topics.map(|(name, topic)| (name, topic.counters.totals()));
        let timers = self.timers.figures();
        MetricsSnapshot {
            total: metrics.total(),
            topics: topics.collect(),
            group_count: self.groups.len(),
            producer_connections,
            consumer_connections,
            lag: self.lag(),
            flush_behind_bytes: log.physical_offset_max.saturating_sub(log.flushed_offset),
            dispatch_behind_bytes: log.physical_offset_max.saturating_sub(log.dispatched_offset),
            index_behind_bytes: log.physical_offset_max.saturating_sub(log.indexed_offset),
            log,
            held_pulls: self.hold.len(),
            unread_queues: self.hand_overs.unread_count(),
            uncommitted_queues: self.hand_overs.uncommitted_count(),
            cold_reads: metrics.cold_reads.total(),
            pulls_over_quota: metrics.pulls_over_quota.total(),
            duplicate_sends: metrics.duplicate_sends.total(),
            messages_sent_back: metrics.messages_sent_back.total(),
            messages_dead: metrics.messages_dead.total(),
            messages_revived: metrics.messages_revived.total(),
            messages_in_flight: self.pops.flights.in_flight_count(),
            held_pops: self.pops.wait.len(),
            rejections: metrics.rejections.by_cause(),
            transactions: self.transactions.figures(crate::time::wall_ms()),
            timers_overdue_ms: timers.overdue_ms(self.store.now_ms()),
            timers,
        }
    }

    fn lag(&self) -> Vec<Lag> {
        let mut lags = Vec::new();
        for (key, offsets) in self.offsets.all() {
            let Some((topic, group)) = group_queues::of_key(&key) else { continue };
            let behind = offsets.iter().map(|(queue_id, committed)| {
                let queue = self.store.existing_queue(topic, *queue_id);
                let end = queue.map_or(0, |queue| self.store.queue_offset_max(&queue));
                end.saturating_sub(u64::try_from(*committed).unwrap_or(0))
            });
            lags.push(Lag {
                group: group.to_owned(),
                topic: topic.to_owned(),
                messages: behind.sum(),
            });
        }
        lags
    }
}
