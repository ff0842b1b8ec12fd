//! `/metrics`: Apache 5's names, so that its Grafana boards work, and our own with base units.
//!
//! Values are read when asked for; nothing is kept here. A row is one call of `Page::counter` or
//! `Page::gauge`.
mod timers;

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use remora_broker::{Broker, MetricsSnapshot, TransactionFigures};
use remora_remoting::budget::Usage;
use remora_remoting::{Budget, Class, Counts, RouteCounts};

use crate::observed::Observed;
use crate::process::Process;

/// Name under which series past the limit are summed.
const OTHER: &str = "__other";

type Labels = Vec<(&'static str, String)>;
/// Name, help, and which counter of a listener.
type TransportRow = (&'static str, &'static str, fn(&Counts) -> u64);

/// The whole page.
pub(crate) fn text(observed: &Observed) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page::read(observed)));
    let mut text = String::with_capacity(16 * 1024);
    if encode(&mut text, &registry).is_err() {
        tracing::error!("metrics do not encode");
    }
    text
}

/// One metric with its series.
#[derive(Debug)]
struct Metric {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    series: Vec<(Labels, Value)>,
}

#[derive(Clone, Copy, Debug)]
enum Value {
    Number(f64),
    /// A histogram of which only sum and count are known.
    Summed {
        sum: f64,
        count: u64,
    },
}

#[derive(Debug, Default)]
struct Page {
    metrics: Vec<Metric>,
}

impl Page {
    fn read(observed: &Observed) -> Self {
        let mut page = Self::default();
        page.program(observed);
        page.transport(&observed.transport());
        page.memory(&observed.budget);
        page.routes(&observed.routes());
        if let Some(nameserver) = observed.nameserver() {
            let figures = nameserver.figures();
            page.gauge("remora_nameserver_brokers", "Brokers registered", one(figures.brokers));
            page.gauge("remora_nameserver_topics", "Topics registered", one(figures.topics));
        }
        if let Some(broker) = observed.broker() {
            let settings = broker.config.settings();
            let node = vec![
                ("cluster", settings.cluster_name.clone()),
                ("node_type", "broker".to_owned()),
                ("node_id", settings.broker_name.clone()),
            ];
            page.broker(broker, &node, settings.metrics_series_max);
        }
        page
    }

    fn program(&mut self, observed: &Observed) {
        let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        self.gauge("remora_build_info", "Version of this program", vec![(version, 1.0)]);
        let ready = f64::from(u8::from(observed.reasons().is_empty()));
        self.gauge("remora_ready", "1 when /readyz answers 200", vec![(Vec::new(), ready)]);
        let start = observed.started.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let process = Process::read();
        let plain = |value: f64| vec![(Vec::new(), value)];
        self.gauge(
            "process_start_time_seconds",
            "Start, in seconds since 1970",
            plain(start.as_secs_f64()),
        );
        self.gauge(
            "process_resident_memory_bytes",
            "Resident memory, pages of mapped files included",
            plain(process.resident_bytes),
        );
        self.gauge(
            "remora_process_private_memory_bytes",
            "Resident memory apart from pages of mapped files",
            plain(process.private_bytes),
        );
        self.counter(
            "process_cpu_seconds",
            "Processor time, user and system",
            plain(process.cpu_seconds),
        );
        self.gauge("process_open_fds", "Open file descriptors", plain(process.open_fds));
        self.gauge("process_threads", "Threads", plain(process.threads));
    }

    fn transport(&mut self, listeners: &[(&'static str, Counts)]) {
        let each = |read: fn(&Counts) -> u64| -> Vec<(Labels, f64)> {
            let series = listeners.iter().map(|(name, counts)| {
                (vec![("listener", (*name).to_owned())], float(read(counts)))
            });
            series.collect()
        };
        self.gauge("remora_connections", "Connections open", each(Counts::connections));
        let counters: [TransportRow; 9] = [
            ("remora_connections_opened", "Connections accepted", |c| c.connections_opened),
            ("remora_connections_refused", "Connections over the limit", |c| c.connections_refused),
            ("remora_requests", "Requests, one-way ones included", |c| c.requests),
            ("remora_network_in_bytes", "Bytes read from peers", |c| c.bytes_in),
            ("remora_network_out_bytes", "Bytes written to peers", |c| c.bytes_out),
            ("remora_malformed_frames", "Connections closed for no frame", |c| c.malformed_frames),
            ("remora_partial_frame_timeouts", "Frames that stayed half sent", |c| {
                c.partial_frame_timeouts
            }),
            ("remora_slow_readers", "Connections closed for not reading", |c| c.slow_readers),
            ("remora_idle_timeouts", "Connections closed for silence", |c| c.idle_timeouts),
        ];
        for (name, help, read) in counters {
            self.counter(name, help, each(read));
        }
    }

    /// Apache's name, with as much of its labels as is known: time in the handlers, a few of which
    /// leave the append to the end of their turn.
    fn routes(&mut self, listeners: &[(&'static str, Vec<RouteCounts>)]) {
        let mut series = Vec::new();
        let used = listeners.iter().flat_map(|(node_type, counts)| {
            let used = counts.iter().filter(|counts| counts.requests > 0);
            used.map(move |counts| (*node_type, counts))
        });
        for (node_type, counts) in used {
            let labels = vec![
                ("protocol_type", "remoting".to_owned()),
                ("node_type", node_type.to_owned()),
                ("request_code", counts.name.to_ascii_lowercase()),
            ];
            let sum = float(counts.handler_ns) / 1_000_000.0;
            series.push((labels, Value::Summed { sum, count: counts.requests }));
        }
        self.metrics.push(Metric {
            name: "rocketmq_rpc_latency",
            help: "Time in the handlers, milliseconds",
            kind: MetricType::Histogram,
            series,
        });
    }

    fn memory(&mut self, budget: &Budget) {
        let usages: Vec<Usage> = Class::ALL.iter().map(|class| budget.usage(*class)).collect();
        let each = |read: fn(&Usage) -> usize| -> Vec<(Labels, f64)> {
            let series = usages
                .iter()
                .map(|usage| (vec![("class", usage.class.name().to_owned())], float(read(usage))));
            series.collect()
        };
        self.gauge("remora_memory_used_bytes", "Memory held", each(|usage| usage.used_bytes));
        self.gauge(
            "remora_memory_class_limit_bytes",
            "Memory that may be held, by kind",
            each(|usage| usage.limit_bytes),
        );
        self.gauge(
            "remora_memory_limit_bytes",
            "Memory that all kinds may hold together",
            one(budget.limit_bytes()),
        );
        self.counter(
            "remora_memory_refusals",
            "Requests, frames and connections refused for lack of memory",
            each(|usage| usage.refused),
        );
    }

    fn broker(&mut self, broker: &Broker, node: &Labels, series_max: usize) {
        let read = broker.metrics();
        let here = |value: f64| vec![(node.clone(), value)];
        self.topics(&read, node, series_max);
        self.lag(&read, node, series_max);
        let settings = broker.config.peek();
        self.gauge(
            "rocketmq_broker_permission",
            "Permission of the broker: 6 read and write",
            here(f64::from(settings.broker_permission)),
        );
        self.gauge("rocketmq_topic_number", "Topics", here(float(read.topics.len())));
        self.gauge(
            "rocketmq_consumer_group_number",
            "Consumer groups",
            here(float(read.group_count)),
        );
        self.gauge(
            "rocketmq_producer_connections",
            "Producers connected",
            here(float(read.producer_connections)),
        );
        self.gauge(
            "rocketmq_consumer_connections",
            "Consumers connected",
            here(float(read.consumer_connections)),
        );
        let log_bytes = read.log.physical_offset_max.saturating_sub(read.log.physical_offset_min);
        self.gauge("rocketmq_storage_size", "Bytes in the commit log", here(float(log_bytes)));
        self.gauge(
            "rocketmq_storage_flush_behind_bytes",
            "Bytes appended and not yet on disk",
            here(float(read.flush_behind_bytes)),
        );
        self.gauge(
            "rocketmq_storage_dispatch_behind_bytes",
            "Bytes appended and not yet in the queues",
            here(float(read.dispatch_behind_bytes)),
        );
        self.gauge(
            "remora_storage_index_behind_bytes",
            "Bytes appended and not yet in the key index",
            here(float(read.index_behind_bytes)),
        );
        self.gauge(
            "remora_storage_queue_tails_bytes",
            "Memory of queue entries that are not in their files yet",
            here(float(read.log.queue_tails_bytes)),
        );
        self.gauge(
            "remora_storage_disk_used_percent",
            "Use of the disk of the data directory",
            here(f64::from(read.log.disk_used_percent)),
        );
        self.gauge(
            "remora_held_pulls",
            "Pulls that wait for a message",
            here(float(read.held_pulls)),
        );
        self.gauge(
            "remora_held_pops",
            "Pops and notifications that wait for a message",
            here(float(read.held_pops)),
        );
        self.gauge(
            "remora_messages_in_flight",
            "Messages popped and not acknowledged yet",
            here(float(read.messages_in_flight)),
        );
        self.counter(
            "remora_messages_revived",
            "Popped messages that were not acknowledged in time and were stored again",
            here(float(read.messages_revived)),
        );
        self.gauge(
            "remora_unread_queues",
            "Queues with messages that nobody pulls for 40 s though members are connected",
            here(float(read.unread_queues)),
        );
        self.gauge(
            "remora_uncommitted_queues",
            "Queues that are pulled while nothing was committed for 5 minutes",
            here(float(read.uncommitted_queues)),
        );
        self.counter(
            "remora_cold_reads",
            "Pulls and pops that waited for the disk",
            here(float(read.cold_reads)),
        );
        self.counter(
            "remora_pulls_over_quota",
            "Pulls and pops that waited for their group's quota",
            here(float(read.pulls_over_quota)),
        );
        self.counter(
            "remora_duplicate_sends",
            "Retries of sends that got the first answer and were not stored again",
            here(float(read.duplicate_sends)),
        );
        self.counter(
            "remora_messages_sent_back",
            "Messages that consumers sent back to be tried again",
            here(float(read.messages_sent_back)),
        );
        self.counter(
            "rocketmq_send_to_dlq_messages",
            "Messages that went to a dead letter queue",
            here(float(read.messages_dead)),
        );
        self.transactions(&read.transactions, &here);
        self.timers(&read, node);
        let refused = read
            .rejections
            .iter()
            .map(|(cause, count)| (with(node, &[("cause", cause)]), float(*count)));
        self.counter("remora_refused_requests", "Requests refused, by cause", refused.collect());
    }

    fn transactions(
        &mut self,
        read: &TransactionFigures,
        here: &dyn Fn(f64) -> Vec<(Labels, f64)>,
    ) {
        let pending = f64::from(u32::try_from(read.pending).unwrap_or(u32::MAX));
        self.gauge(
            "remora_transactions_pending",
            "Half messages that wait for their end",
            here(pending),
        );
        self.gauge(
            "remora_transaction_oldest_seconds",
            "Age of the oldest half message that waits",
            here(float(read.oldest_age_ms) / 1e3),
        );
        let counters = [
            ("remora_half_messages", "Half messages stored", read.begun),
            ("rocketmq_commit_messages", "Half messages committed", read.committed),
            ("rocketmq_rollback_messages", "Half messages rolled back", read.rolled_back),
            (
                "remora_transactions_given_up",
                "Half messages moved to TRANS_CHECK_MAX_TIME_TOPIC",
                read.given_up,
            ),
            ("remora_transaction_checks", "Producers asked about a half message", read.checks_sent),
            (
                "remora_transaction_checks_unasked",
                "Checks that found no producer of the group connected",
                read.checks_unasked,
            ),
        ];
        for (name, help, value) in counters {
            self.counter(name, help, here(float(value)));
        }
    }

    fn topics(&mut self, read: &MetricsSnapshot, node: &Labels, series_max: usize) {
        let mut shown: Vec<(Labels, [f64; 4])> = Vec::new();
        let mut other = [0.0; 4];
        for (at, (topic, totals)) in read.topics.iter().enumerate() {
            let values =
                [totals.messages_in, totals.messages_out, totals.bytes_in, totals.bytes_out]
                    .map(float);
            if at < series_max {
                let system = remora_protocol::names::is_system_topic(topic);
                let labels = with(node, &[("topic", topic), ("is_system", bool_text(system))]);
                shown.push((labels, values));
            } else {
                for (sum, value) in other.iter_mut().zip(values) {
                    *sum += value;
                }
            }
        }
        if read.topics.len() > series_max {
            shown.push((with(node, &[("topic", OTHER), ("is_system", "false")]), other));
        }
        let names = [
            ("rocketmq_messages_in", "Messages stored"),
            ("rocketmq_messages_out", "Messages delivered"),
            ("rocketmq_throughput_in", "Bytes of messages stored"),
            ("rocketmq_throughput_out", "Bytes of messages delivered"),
        ];
        for (column, (name, help)) in names.into_iter().enumerate() {
            let value = |values: &[f64; 4]| values.get(column).copied().unwrap_or_default();
            let series = shown.iter().map(|(labels, values)| (labels.clone(), value(values)));
            self.counter(name, help, series.collect());
        }
    }

    fn lag(&mut self, read: &MetricsSnapshot, node: &Labels, series_max: usize) {
        let mut series: Vec<(Labels, f64)> = read
            .lag
            .iter()
            .take(series_max)
            .map(|lag| {
                let retry = lag.topic.starts_with("%RETRY%");
                let labels = [
                    ("topic", lag.topic.as_str()),
                    ("consumer_group", lag.group.as_str()),
                    ("is_retry", bool_text(retry)),
                ];
                (with(node, &labels), float(lag.messages))
            })
            .collect();
        if let Some(rest) = read.lag.get(series_max..).filter(|rest| !rest.is_empty()) {
            let sum = rest.iter().map(|lag| float(lag.messages)).sum();
            let labels = [("topic", OTHER), ("consumer_group", OTHER), ("is_retry", "false")];
            series.push((with(node, &labels), sum));
        }
        self.gauge(
            "rocketmq_consumer_lag_messages",
            "Messages stored and not yet committed by the group",
            series,
        );
    }

    /// The page adds `_total` to the name.
    fn counter(&mut self, name: &'static str, help: &'static str, series: Vec<(Labels, f64)>) {
        self.push(name, help, MetricType::Counter, series);
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, series: Vec<(Labels, f64)>) {
        self.push(name, help, MetricType::Gauge, series);
    }

    fn push(
        &mut self,
        name: &'static str,
        help: &'static str,
        kind: MetricType,
        series: Vec<(Labels, f64)>,
    ) {
        let series = series.into_iter().map(|(labels, value)| (labels, Value::Number(value)));
        self.metrics.push(Metric { name, help, kind, series: series.collect() });
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in &self.metrics {
            let mut described =
                encoder.encode_descriptor(metric.name, metric.help, None, metric.kind)?;
            for (labels, value) in &metric.series {
                if labels.is_empty() {
                    encode_value(&mut described, metric.kind, *value)?;
                } else {
                    encode_value(&mut described.encode_family(labels)?, metric.kind, *value)?;
                }
            }
        }
        Ok(())
    }
}

fn encode_value(
    encoder: &mut MetricEncoder<'_>,
    kind: MetricType,
    value: Value,
) -> Result<(), fmt::Error> {
    match (kind, value) {
        (MetricType::Counter, Value::Number(value)) => {
            encoder.encode_counter::<NoLabelSet, f64, f64>(&value, None)
        }
        (_, Value::Number(value)) => encoder.encode_gauge(&value),
        (_, Value::Summed { sum, count }) => {
            encoder.encode_histogram::<NoLabelSet>(sum, count, &[(f64::MAX, count)], None)
        }
    }
}

fn one(value: usize) -> Vec<(Labels, f64)> {
    vec![(Vec::new(), float(value))]
}

fn with(node: &Labels, more: &[(&'static str, &str)]) -> Labels {
    let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
    node.iter().cloned().chain(more).collect()
}

fn bool_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Exact up to 2^53, which takes a counter of messages at a million a second 285 years.
#[expect(clippy::cast_precision_loss, reason = "see above; Prometheus has no other number")]
fn float<N: TryInto<u64>>(value: N) -> f64 {
    value.try_into().unwrap_or(u64::MAX) as f64
}
