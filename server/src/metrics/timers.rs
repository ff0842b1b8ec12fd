//! Rows about delayed messages.
use remora_broker::MetricsSnapshot;

use super::{Labels, Page, float, with};

impl Page {
    pub(super) fn timers(&mut self, read: &MetricsSnapshot, node: &Labels) {
        let here = |value: f64| vec![(node.clone(), value)];
        let of = |kind: &str, count: u64| (with(node, &[("kind", kind)]), float(count));
        let timers = &read.timers;
        self.gauge(
            "remora_timers_waiting",
            "Delayed messages that wait for their time",
            vec![of("time", timers.waiting_timers), of("level", timers.waiting_levels)],
        );
        self.gauge(
            "remora_timers_overdue_seconds",
            "For how long the next delayed message has been due",
            here(float(read.timers_overdue_ms) / 1e3),
        );
        let late_seconds = float(timers.late_ms) / 1e3;
        self.counter(
            "remora_timers_late_seconds",
            "How much after their times delayed messages were delivered, in all",
            here(late_seconds),
        );
        let counters = [
            ("remora_timers_delivered", "Delayed messages delivered", timers.delivered),
            ("remora_timers_withdrawn", "Recalled messages whose time came", timers.withdrawn),
            (
                "remora_timers_dropped",
                "Delayed messages lost with their topics, or damaged",
                timers.dropped,
            ),
            (
                "remora_timers_stored_again",
                "Delayed messages stored again so that old parts of the log could go",
                timers.stored_again,
            ),
        ];
        for (name, help, count) in counters {
            self.counter(name, help, here(float(count)));
        }
    }
}
