//! Messages of one queue that were pulled and are not yet acknowledged, and what may be committed.
use std::collections::BTreeMap;

/// When to stop pulling a queue until its messages have been handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlowLimits {
    /// Messages held. Java: 1,000.
    pub count_max: usize,
    /// Bytes of bodies held. Java: 100 MiB.
    pub bytes_max: usize,
    /// Distance between the lowest and the highest offset held. Java: 2,000.
    pub span_max: i64,
    /// Messages held of one topic, shared evenly by those of its queues that this member reads.
    /// They replace `count_max`. Java: none.
    pub topic_count_max: Option<usize>,
    /// Likewise of `bytes_max`.
    pub topic_bytes_max: Option<usize>,
}

impl Default for FlowLimits {
    fn default() -> Self {
        Self {
            count_max: 1_000,
            bytes_max: 100 * 1024 * 1024,
            span_max: 2_000,
            topic_count_max: None,
            topic_bytes_max: None,
        }
    }
}

impl FlowLimits {
    pub(super) fn are_of_topic(&self) -> bool {
        self.topic_count_max.is_some() || self.topic_bytes_max.is_some()
    }

    /// What is left for each of the queues that are read of a topic: never nothing, or it would not
    /// be read at all.
    #[must_use]
    pub fn shared_by(&self, queue_count: usize) -> Self {
        let share = |of_topic: usize| (of_topic / queue_count.max(1)).max(1);
        Self {
            count_max: self.topic_count_max.map_or(self.count_max, share),
            bytes_max: self.topic_bytes_max.map_or(self.bytes_max, share),
            ..*self
        }
    }
}

/// Why no more is pulled just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlowControl {
    Count { count: usize },
    Bytes { bytes: usize },
    Span { span: i64 },
}

/// In-flight offsets of one queue. Everything below [`ProcessQueue::commit_offset`] was handled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProcessQueue {
    /// Queue offset to body bytes.
    in_flight: BTreeMap<i64, usize>,
    bytes: usize,
    /// One past the highest offset ever put.
    end: Option<i64>,
}

impl ProcessQueue {
    /// Takes in a pulled message. False if it is held already: it must not be handled twice.
    pub fn put(&mut self, queue_offset: i64, body_bytes: usize) -> bool {
        if self.in_flight.contains_key(&queue_offset) {
            return false;
        }
        self.in_flight.insert(queue_offset, body_bytes);
        self.bytes += body_bytes;
        self.end = self.end.max(Some(queue_offset.saturating_add(1)));
        true
    }

    /// Takes out handled messages. Unknown offsets are no error.
    pub fn acknowledge(&mut self, queue_offsets: impl IntoIterator<Item = i64>) {
        for queue_offset in queue_offsets {
            if let Some(body_bytes) = self.in_flight.remove(&queue_offset) {
                self.bytes -= body_bytes;
            }
        }
    }

    /// The next offset to read after a restart: the lowest unacknowledged one, or the end. `None`
    /// before the first message.
    pub fn commit_offset(&self) -> Option<i64> {
        self.in_flight.first_key_value().map(|(offset, _)| *offset).or(self.end)
    }

    /// Whether to hold the next pull back.
    pub fn flow_control(&self, limits: &FlowLimits) -> Option<FlowControl> {
        if self.in_flight.len() >= limits.count_max {
            return Some(FlowControl::Count { count: self.in_flight.len() });
        }
        if self.bytes >= limits.bytes_max {
            return Some(FlowControl::Bytes { bytes: self.bytes });
        }
        let span = self.span();
        (span > limits.span_max).then_some(FlowControl::Span { span })
    }

    fn span(&self) -> i64 {
        match (self.in_flight.first_key_value(), self.in_flight.last_key_value()) {
            (Some((first, _)), Some((last, _))) => last - first,
            _ => 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Messages held.
    pub fn len(&self) -> usize {
        self.in_flight.len()
    }

    /// Bytes of bodies held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lowest and highest offset held.
    pub fn range(&self) -> Option<(i64, i64)> {
        let (first, _) = self.in_flight.first_key_value()?;
        let (last, _) = self.in_flight.last_key_value()?;
        Some((*first, *last))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holding(offsets: impl IntoIterator<Item = i64>) -> ProcessQueue {
        let mut queue = ProcessQueue::default();
        for offset in offsets {
            assert!(queue.put(offset, 10));
        }
        queue
    }

    #[test]
    fn commit_stays_at_the_lowest_unacknowledged_message() {
        let mut queue = holding([5, 6, 7, 9]);
        queue.acknowledge([6, 9]);
        assert_eq!(queue.commit_offset(), Some(5));
        queue.acknowledge([5]);
        assert_eq!(queue.commit_offset(), Some(7));
        queue.acknowledge([7]);
        assert_eq!((queue.commit_offset(), queue.bytes()), (Some(10), 0));
    }

    #[test]
    fn nothing_is_committed_before_the_first_message() {
        assert_eq!(ProcessQueue::default().commit_offset(), None);
    }

    #[test]
    fn a_message_held_already_is_refused() {
        let mut queue = holding([5]);
        assert!(!queue.put(5, 99));
        assert_eq!(queue, holding([5]));
    }

    #[test]
    fn count_bytes_and_span_each_hold_pulling_back() {
        let limits =
            FlowLimits { count_max: 3, bytes_max: 1_000, span_max: 100, ..FlowLimits::default() };
        assert_eq!(holding([1, 2]).flow_control(&limits), None);
        assert_eq!(holding([1, 2, 3]).flow_control(&limits), Some(FlowControl::Count { count: 3 }));
        let mut heavy = holding([1]);
        heavy.put(2, 990);
        assert_eq!(heavy.flow_control(&limits), Some(FlowControl::Bytes { bytes: 1_000 }));
        assert_eq!(holding([1, 102]).flow_control(&limits), Some(FlowControl::Span { span: 101 }));
    }

    #[test]
    fn limits_of_a_topic_are_shared_by_its_queues_and_leave_each_something() {
        let limits = FlowLimits {
            topic_count_max: Some(100),
            topic_bytes_max: Some(3),
            ..FlowLimits::default()
        };
        let share = limits.shared_by(8);
        assert_eq!(share, FlowLimits { count_max: 12, bytes_max: 1, ..limits });
        assert_eq!(FlowLimits::default().shared_by(8), FlowLimits::default());
        assert_eq!(limits.shared_by(0), FlowLimits { count_max: 100, bytes_max: 3, ..limits });
    }

    proptest! {
        #[test]
        fn commit_never_passes_an_unacknowledged_message_nor_goes_back(
            acknowledged in Just((100i64..160).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut queue = holding(100..160);
            let mut left: Vec<i64> = (100..160).collect();
            let mut last = queue.commit_offset();
            for offset in acknowledged {
                queue.acknowledge([offset]);
                left.retain(|held| *held != offset);
                prop_assert_eq!(queue.commit_offset(), Some(left.first().copied().unwrap_or(160)));
                prop_assert!(queue.commit_offset() >= last);
                last = queue.commit_offset();
            }
        }
    }
}
