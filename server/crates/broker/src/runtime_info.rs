//! 28 GET_BROKER_RUNTIME_INFO: figures by the names that mqadmin and the Prometheus exporter parse.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::collections::BTreeMap;
use std::sync::Arc;

use remora_protocol::body::{self, KvTable};
use remora_remoting::routes::Request;
use remora_remoting::{Budget, Class, Refusal, Reply};
use remora_store::FileDisk;

use crate::broker::Broker;
use crate::metrics::TopicTotals;
use crate::time;

/// What the header's version 493 is called.
const BROKER_VERSION: i32 = 493;
const BROKER_VERSION_DESC: &str = "V5_4_0";

/// Pools and their queues that Apache has and we do not: nothing ever waits in them.
const POOLS: [&str; 5] = ["send", "pull", "litePull", "query", "ack"];

/// 28 GET_BROKER_RUNTIME_INFO.
pub(crate) fn runtime_info(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    _header: (),
) -> Result<Reply, Refusal> {
    let mut info = Info::default();
    info.of_memory(request.conn.memory());
    info.of_broker(broker);
    info.of_rates(broker);
    info.of_store(broker);
    info.of_pools_and_timer();
    Ok(Reply::success().body(body::encode(&KvTable { table: info.0 })))
}

#[derive(Default)]
struct Info(BTreeMap<String, String>);

impl Info {
    fn put(&mut self, name: &str, value: impl ToString) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    fn of_broker(&mut self, broker: &Broker) {
        self.put("brokerActive", true);
        self.put("brokerVersion", BROKER_VERSION);
        self.put("brokerVersionDesc", BROKER_VERSION_DESC);
        self.put("remoraVersion", env!("CARGO_PKG_VERSION"));
        self.put("bootTimestamp", broker.started_ms);
        self.put("startAcceptSendRequestTimeStamp", 0);
        self.put("runtime", runtime(time::wall_ms() - broker.started_ms));
        let (producers, consumers) = broker.clients.read(|table| table.connection_counts());
        self.put("producerConnections", producers);
        self.put("consumerConnections", consumers);
        self.put("heldPulls", broker.hold.len());
    }

    /// Ours, not Apache's: what the limit leaves for connections and their requests.
    fn of_memory(&mut self, memory: &Budget) {
        self.put("memoryLimitBytes", memory.limit_bytes());
        self.put("memoryUsedBytes", memory.used_bytes());
        for class in Class::ALL {
            let usage = memory.usage(*class);
            let figures = format!("{} of {}", usage.used_bytes, usage.limit_bytes);
            self.put(&format!("memoryUsedBytes.{}", class.name()), figures);
        }
    }

    fn of_rates(&mut self, broker: &Broker) {
        let total = broker.metrics.total();
        let rates = broker.rates.lock();
        let windows = |of: fn(&TopicTotals) -> u64| {
            [10, 60, 600].map(|seconds| format!("{:?}", rates.tps(seconds, of))).join(" ")
        };
        let get_tps = windows(|totals| totals.messages_out);
        let miss = [10, 60, 600].map(|seconds| rates.miss_tps(seconds));
        self.put("putTps", windows(|totals| totals.messages_in));
        self.put("getFoundTps", &get_tps);
        // Its name before and after Apache mended it.
        self.put("getTransferedTps", &get_tps);
        self.put("getTransferredTps", &get_tps);
        self.put("getMissTps", miss.map(|tps| format!("{tps:?}")).join(" "));
        let all = [10, 60, 600].map(|seconds| {
            let found = rates.tps(seconds, |totals| totals.messages_out);
            format!("{:?}", found + rates.miss_tps(seconds))
        });
        self.put("getTotalTps", all.join(" "));
        let days = rates.days();
        drop(rates);
        self.put("msgPutTotalYesterdayMorning", days.yesterday_morning.messages_in);
        self.put("msgPutTotalTodayMorning", days.today_morning.messages_in);
        self.put("msgPutTotalTodayNow", total.messages_in);
        self.put("msgGetTotalYesterdayMorning", days.yesterday_morning.messages_out);
        self.put("msgGetTotalTodayMorning", days.today_morning.messages_out);
        self.put("msgGetTotalTodayNow", total.messages_out);
        self.put("putMessageTimesTotal", total.messages_in);
        self.put("putMessageSizeTotal", total.bytes_in);
        let average_bytes = ratio(total.bytes_in, total.messages_in.max(1));
        self.put("putMessageAverageSize", format!("{average_bytes:?}"));
        let failed = &broker.metrics.rejections;
        let failed = [&failed.disk_full, &failed.store_failed, &failed.record_too_large];
        self.put(
            "putMessageFailedTimes",
            failed.iter().map(|counter| counter.total()).sum::<u64>(),
        );
        let put_times = broker.metrics.put_times.read();
        self.put("putMessageDistributeTime", put_times.distribution());
        self.put("putMessageEntireTimeMax", put_times.longest_us / 1_000);
        self.put("putLatency99", format!("{:.2}", put_times.quantile_ms(990)));
        self.put("putLatency999", format!("{:.2}", put_times.quantile_ms(999)));
        // Not measured: a pull reads a map.
        self.put("getMessageEntireTimeMax", 0);
        self.put("dispatchMaxBuffer", 0);
    }

    fn of_store(&mut self, broker: &Broker) {
        let log = broker.store.log_status();
        self.put("commitLogMinOffset", log.physical_offset_min);
        self.put("commitLogMaxOffset", log.physical_offset_max);
        let disk_ratio = f64::from(log.disk_used_percent) / 100.0;
        self.put("commitLogDiskRatio", format!("{disk_ratio:?}"));
        self.put("consumeQueueDiskRatio", format!("{disk_ratio:?}"));
        let undispatched = log.physical_offset_max.saturating_sub(log.dispatched_offset);
        self.put("dispatchBehindBytes", undispatched);
        let unflushed = log.physical_offset_max.saturating_sub(log.flushed_offset);
        self.put("remainHowManyDataToFlush", readable_bytes(unflushed));
        self.put("remainTransientStoreBufferNumbs", i32::MAX);
        self.put("pageCacheLockTimeMills", 0);
        self.put("earliestMessageTimeStamp", log.earliest_store_timestamp_ms);
        let disk = FileDisk::new(broker.config.peek().store_path.clone());
        let space = disk.space().unwrap_or_default();
        let (total, free) = (readable_bytes(space.total_bytes), readable_bytes(space.free_bytes));
        self.put("commitLogDirCapacity", format!("Total : {total}, Free : {free}."));
    }

    fn of_pools_and_timer(&mut self) {
        for pool in POOLS {
            for figure in ["QueueSize", "QueueCapacity", "QueueHeadWaitTimeMills"] {
                self.put(&format!("{pool}ThreadPool{figure}"), 0);
            }
        }
        self.put("EndTransactionQueueSize", 0);
        self.put("EndTransactionThreadPoolQueueCapacity", 0);
        for name in ["timerReadBehind", "timerOffsetBehind", "timerCongestNum"] {
            self.put(name, 0);
        }
        self.put("timerEnqueueTps", "0.0");
        self.put("timerDequeueTps", "0.0");
    }
}

/// Apache's `[ d days, h hours, m minutes, s seconds ]`.
fn runtime(since_ms: i64) -> String {
    let seconds = since_ms.max(0) / 1_000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hours, minutes) = (rest / 3_600, rest % 3_600 / 60);
    format!("[ {days} days, {hours} hours, {minutes} minutes, {} seconds ]", rest % 60)
}

/// Apache's `1.5 GiB`; below 1024 `17 B`.
fn readable_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut divisor = 1024_u64;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    while bytes / divisor >= 1024 {
        divisor *= 1024;
        unit = units.next();
    }
    format!("{:.1} {}", ratio(bytes, divisor), unit.unwrap_or(&"EiB"))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people: 53 bits are plenty")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_as_apache_writes_them() {
        let sizes = [0, 1023, 1536, 5 << 30, u64::MAX].map(readable_bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.5 KiB", "5.0 GiB", "16.0 EiB"]);
        let day_and_more = ((26 * 60 + 3) * 60 + 4) * 1_000;
        assert_eq!(runtime(day_and_more), "[ 1 days, 2 hours, 3 minutes, 4 seconds ]");
    }
}
