//! Taking messages out of queues: what a pop reads is in flight from then on.
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use remora_protocol::body::SubscriptionGroupConfig;
use remora_protocol::header::PopMessageReply;
use remora_protocol::pop_handle::{ORDERED_REVIVE_QUEUE_ID, PopInfos};
use remora_protocol::{ResponseCode, names, record};
use remora_remoting::{Body, Refusal};
use remora_store::{QueueRef, ReadLimits, ReadOutcome, ReadStatus, Selects, Waiting};

use crate::broker::Broker;
use crate::compaction;
use crate::message_type::MessageType;
use crate::offset_table::NOBODY;
use crate::offsets;
use crate::pop::course::{self, Course, QueueOrder};
use crate::pop::flight::{PopOrder, Start, Taken};
use crate::pop::hold::PollingKey;
use crate::pop::table::FlightKey;
use crate::pull::{self, ENTRIES_SCANNED_MAX, RECORDS_SCANNED_MAX};
use crate::quota::{OverQuota, Quota};
use crate::subscription::MessageFilter;
use crate::time;
use crate::topic_table::Topic;

/// Reads of one queue in one pop, where others pop it at the same time. Chosen: each one lost means
/// that another pop took messages; the client asks again at once.
const READS_MAX: usize = 16;

/// Where a group begins that is new to a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum InitMode {
    Oldest,
    Newest,
}

/// A request to pop, or to be told of something to pop, that passed its checks.
#[derive(Clone, Debug)]
pub(crate) struct Pop {
    pub group: Arc<SubscriptionGroupConfig>,
    pub topic: Arc<Topic>,
    /// -1 is any queue.
    pub queue_id: i32,
    pub count_max: usize,
    pub invisible_ms: i64,
    pub init: InitMode,
    pub filter: MessageFilter,
    pub ordered: bool,
    pub attempt_id: String,
    pub quota: Option<Arc<Quota>>,
}

/// What a pop has taken so far.
#[derive(Debug)]
pub(crate) struct Popped {
    slices: Vec<Bytes>,
    count: usize,
    bytes: usize,
    infos: PopInfos,
    pop_time_ms: i64,
    /// Messages of the queues looked at that nobody has popped yet.
    rest: i64,
    /// A queue that had more to give (-1: a retry topic).
    pub left_in: Option<i32>,
    /// Something has to be read from the disk first.
    pub cold: bool,
}

/// A stored message cannot be read.
pub(crate) type TakeError = Refusal;

impl Popped {
    fn new(pop_time_ms: i64) -> Self {
        Self {
            slices: Vec::new(),
            count: 0,
            bytes: 0,
            infos: PopInfos::default(),
            pop_time_ms,
            rest: 0,
            left_in: None,
            cold: false,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// One queue that a pop looks into.
struct Source<'s> {
    topic: &'s Arc<Topic>,
    queue: &'s QueueRef,
    key: FlightKey<'s>,
}

/// A filter, less what is settled already where ordered consumption reads again.
struct Unsettled<'s> {
    filter: &'s MessageFilter,
    broker: &'s Broker,
    key: FlightKey<'s>,
    ordered: bool,
}

impl Selects for Unsettled<'_> {
    fn entry(&mut self, tags_code: i64) -> bool {
        let mut filter = self.filter;
        Selects::entry(&mut filter, tags_code)
    }

    fn record(&mut self, bytes: &[u8]) -> bool {
        let mut filter = self.filter;
        if self.ordered
            && let Some(queue_offset) = queue_offset_of(bytes)
            && self.broker.pops.flights.is_settled(self.key, queue_offset)
        {
            return false;
        }
        Selects::record(&mut filter, bytes)
    }
}

impl Pop {
    /// Takes what is there, of the topic and of its retry topics.
    pub fn take(&self, broker: &Broker, waiting: Waiting) -> Result<Popped, TakeError> {
        if broker.resets.any() {
            // Every pop begins where the group was put.
            broker.resets.forget_group(&self.group.group_name, Some(&self.topic.name));
        }
        let settings = broker.config.settings();
        let turn = broker.pops.turn.fetch_add(1, Ordering::Relaxed);
        let mut popped = Popped::new(time::wall_ms());
        let course = Course::of(turn, self.priority_factor(), settings.pop_from_retry_percent);
        if course.retries_first {
            self.take_retries(broker, waiting, &mut popped)?;
        }
        self.each_queue(course.queues, |queue_id| {
            self.take_queue(broker, &self.topic, queue_id, waiting, &mut popped)
        })?;
        if !course.retries_first {
            self.take_retries(broker, waiting, &mut popped)?;
        }
        if popped.count > 0 {
            broker.metrics.messages_out.add(popped.count as u64);
            broker.metrics.bytes_out.add(popped.bytes as u64);
            self.topic.counters.count_out(popped.count as u64, popped.bytes as u64);
            if let Some(quota) = &self.quota {
                let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
                quota.take(time::tick_ms(), number(popped.count), number(popped.bytes));
            }
        }
        Ok(popped)
    }

    /// Why the group may have nothing now.
    pub fn over_quota(&self) -> Option<OverQuota> {
        self.quota.as_ref()?.wait(time::tick_ms())
    }

    /// Whether a pop would find something, as far as queues can tell without their records.
    pub fn finds_something(&self, broker: &Broker) -> Option<i32> {
        let has = |topic: &Arc<Topic>, queue_id: i32| {
            self.source(broker, topic, queue_id).is_some_and(|source| {
                let queue_offset = match self.begin_known(broker, source.key) {
                    Some(Start::From { queue_offset, .. }) => queue_offset,
                    Some(Start::Blocked { .. } | Start::Full { .. }) => return false,
                    None => self.first_offset(broker, source.key),
                };
                broker.store.queue_offset_max(source.queue) > queue_offset
            })
        };
        let mut found = None;
        let _ = self.each_queue(QueueOrder::From(0), |queue_id| {
            if found.is_none() && has(&self.topic, queue_id) {
                found = Some(queue_id);
            }
            Ok(())
        });
        found.or_else(|| {
            let mut retries = self.retry_topics(broker);
            retries
                .any(|topic| (0..topic.config.read_queue_nums).any(|queue| has(&topic, queue)))
                .then_some(-1)
        })
    }

    pub fn polling_key(&self) -> PollingKey {
        let group = self.group.group_name.as_str().into();
        PollingKey { topic: self.topic.name.clone(), group, queue_id: self.queue_id }
    }

    /// Queues whose arrivals it waits for. Of retry topics it is told by who stores there.
    pub fn watched(&self, broker: &Broker) -> Vec<QueueRef> {
        let queues = match self.queue_id {
            -1 => 0..self.topic.config.read_queue_nums,
            queue_id => queue_id..queue_id.saturating_add(1),
        };
        queues.filter_map(|queue_id| self.topic.queue(&broker.store, queue_id).cloned()).collect()
    }

    /// How often the group goes by priority, where the topic is for that and nothing has to come in
    /// order.
    fn priority_factor(&self) -> Option<u64> {
        let message_type = self.topic.rules.as_ref()?.message_type?;
        let may = message_type == MessageType::Priority && !self.ordered;
        may.then(|| course::priority_factor(&self.group.attributes))
    }

    /// The queues asked for.
    fn each_queue(
        &self,
        order: QueueOrder,
        mut visit: impl FnMut(i32) -> Result<(), TakeError>,
    ) -> Result<(), TakeError> {
        if self.queue_id >= 0 {
            return visit(self.queue_id);
        }
        order.ids(self.topic.config.read_queue_nums).try_for_each(visit)
    }

    /// Ordered consumption has none: what was not consumed stays where it is.
    fn retry_topics(&self, broker: &Broker) -> impl Iterator<Item = Arc<Topic>> + use<> {
        let (topic, group) = (&self.topic.name, &self.group.group_name);
        let names = match self.ordered {
            true => Vec::new(),
            false => {
                vec![names::pop_retry_topic(topic, group), names::pop_retry_topic_v2(topic, group)]
            }
        };
        let found: Vec<Arc<Topic>> =
            names.iter().filter_map(|name| broker.topics.find(name)).collect();
        found.into_iter()
    }

    fn take_retries(
        &self,
        broker: &Broker,
        waiting: Waiting,
        popped: &mut Popped,
    ) -> Result<(), TakeError> {
        for topic in self.retry_topics(broker) {
            for queue_id in 0..topic.config.read_queue_nums {
                self.take_queue(broker, &topic, queue_id, waiting, popped)?;
            }
        }
        Ok(())
    }

    fn source<'s>(
        &'s self,
        broker: &Broker,
        topic: &'s Arc<Topic>,
        queue_id: i32,
    ) -> Option<Source<'s>> {
        let queue = topic.queue(&broker.store, queue_id)?;
        let key = FlightKey { group: &self.group.group_name, topic: &topic.name, queue_id };
        Some(Source { topic, queue, key })
    }

    fn order(&self) -> PopOrder<'_> {
        match self.ordered {
            true => PopOrder::Ordered { attempt_id: &self.attempt_id },
            false => PopOrder::Free,
        }
    }

    /// Begins at a queue; a group that is new to it is given its first offset.
    fn begin(&self, broker: &Broker, key: FlightKey<'_>) -> Option<Start> {
        self.begin_known(broker, key).or_else(|| {
            broker.pops.flights.open(&broker.offsets, key, self.first_offset(broker, key));
            self.begin_known(broker, key)
        })
    }

    /// `None` where the group is new to the queue.
    fn begin_known(&self, broker: &Broker, key: FlightKey<'_>) -> Option<Start> {
        let in_flight_max = broker.config.peek().pop_in_flight_max;
        let (flights, offsets, order) = (&broker.pops.flights, &broker.offsets, self.order());
        flights.begin(offsets, key, order, time::wall_ms(), in_flight_max)
    }

    /// As Apache: a new group takes everything of a retry topic, and of a topic whose whole life
    /// still is in memory; else, where it is to begin with the newest, the last message there is.
    fn first_offset(&self, broker: &Broker, key: FlightKey<'_>) -> u64 {
        let Some(queue) = broker.store.existing_queue(key.topic, key.queue_id) else { return 0 };
        let newest = self.init == InitMode::Newest && !names::is_retry_topic(key.topic);
        if !newest {
            return broker.store.queue_offset_min(&queue);
        }
        if offsets::first_message_is_in_memory(broker, key.topic, key.queue_id) {
            return 0;
        }
        broker.store.queue_offset_max(&queue).saturating_sub(1)
    }

    fn take_queue(
        &self,
        broker: &Broker,
        topic: &Arc<Topic>,
        queue_id: i32,
        waiting: Waiting,
        popped: &mut Popped,
    ) -> Result<(), TakeError> {
        let Some(source) = self.source(broker, topic, queue_id) else { return Ok(()) };
        for _ in 0..READS_MAX {
            let Some(Start::From { queue_offset, count_max, version }) =
                self.begin(broker, source.key)
            else {
                return Ok(());
            };
            let queue_offset_max = broker.store.queue_offset_max(source.queue);
            if queue_offset == queue_offset_max {
                return Ok(());
            }
            let limits = self.limits(broker, popped, count_max);
            if limits.messages_max == 0 || limits.bytes_max == 0 {
                popped.leave(&source, queue_offset_max.saturating_sub(queue_offset));
                return Ok(());
            }
            let read = self.read(broker, &source, queue_offset, limits, waiting)?;
            let Some(outcome) = read.filter(|read| read.status != ReadStatus::NotInMemory) else {
                popped.cold = true;
                return Ok(());
            };
            match outcome.status {
                ReadStatus::NotInMemory | ReadStatus::OffsetAtEnd => return Ok(()),
                ReadStatus::OffsetTooSmall
                | ReadStatus::OffsetTooLarge
                | ReadStatus::NoMessageInQueue => {
                    let next = outcome.queue_offset_next;
                    broker.pops.flights.reset(&broker.offsets, source.key, next);
                }
                ReadStatus::Found | ReadStatus::NoMatched => {
                    if self.keep(broker, &source, (queue_offset, version), outcome, popped) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// Room left in the reply.
    fn limits(&self, broker: &Broker, popped: &Popped, count_max: usize) -> ReadLimits {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let bytes_max = broker.config.peek().transfer_bytes_max;
        let mut limits = ReadLimits {
            messages_max: number(self.count_max),
            bytes_max: u32::try_from(bytes_max).unwrap_or(u32::MAX),
            entries_scanned_max: match self.filter {
                MessageFilter::All | MessageFilter::Codes(_) => ENTRIES_SCANNED_MAX,
                MessageFilter::Sql(_) => RECORDS_SCANNED_MAX,
            },
        };
        if let Some(quota) = &self.quota {
            pull::keep_within(&mut limits, quota);
        }
        let messages_left = limits.messages_max.saturating_sub(number(popped.count));
        limits.messages_max = messages_left.min(number(count_max));
        limits.bytes_max = limits.bytes_max.saturating_sub(number(popped.bytes));
        limits
    }

    /// `None` where it cannot be told at once what a compaction topic's queue still has.
    fn read(
        &self,
        broker: &Broker,
        source: &Source<'_>,
        queue_offset: u64,
        limits: ReadLimits,
        waiting: Waiting,
    ) -> Result<Option<ReadOutcome>, TakeError> {
        let (key, ordered) = (source.key, self.ordered);
        let mut wanted = Unsettled { filter: &self.filter, broker, key, ordered };
        let (store, queue, wanted) = (&broker.store, source.queue, &mut wanted);
        let read = match compaction::compaction(source.topic) {
            None => store.read_as(queue, queue_offset, limits, wanted, waiting),
            Some(of) => {
                match of.read_current(store, queue, queue_offset, limits, wanted, waiting) {
                    Some(read) => read,
                    None => return Ok(None),
                }
            }
        };
        let (topic, queue_id) = (key.topic, key.queue_id);
        match &read {
            Ok(ReadOutcome { corrupt: Some(corrupt), .. }) => tracing::error!(
                topic,
                queue_id,
                queue_offset = corrupt.queue_offset,
                error = %corrupt.cause,
                "stored message cannot be read, not given to consumers"
            ),
            Err(error) => {
                tracing::error!(topic, queue_id, queue_offset, %error, "queue cannot be read");
            }
            Ok(_) => {}
        }
        read.map(Some).map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()))
    }

    /// Puts what was read in flight; false where another pop came first.
    fn keep(
        &self,
        broker: &Broker,
        source: &Source<'_>,
        began: (u64, u64),
        outcome: ReadOutcome,
        popped: &mut Popped,
    ) -> bool {
        let queue_offsets = queue_offsets_of(&outcome.slices);
        let (from, version) = began;
        let taken = Taken {
            version,
            from,
            next: outcome.queue_offset_next,
            queue_offsets: &queue_offsets,
            pop_time_ms: popped.pop_time_ms,
            visible_ms: popped.pop_time_ms.saturating_add(self.invisible_ms),
            order: self.order(),
        };
        let Ok(counts) = broker.pops.flights.take(&broker.offsets, source.key, &taken) else {
            return false;
        };
        let FlightKey { group, topic, queue_id } = source.key;
        let next = i64::try_from(outcome.queue_offset_next).unwrap_or(i64::MAX);
        let first = || i64::try_from(from).unwrap_or(next);
        broker.offsets.pulled(NOBODY, group, topic, queue_id, next, first);
        popped.infos.add(topic, queue_id, &queue_offsets);
        if self.ordered && !queue_offsets.is_empty() {
            popped.infos.add_counts(topic, queue_id, &queue_offsets, &counts);
        }
        popped.count += queue_offsets.len();
        popped.bytes += usize::try_from(outcome.bytes).unwrap_or(0);
        popped.slices.extend(outcome.slices);
        let rest = outcome.queue_offset_max.saturating_sub(outcome.queue_offset_next);
        // What follows in an ordered queue waits for the acknowledgements of this.
        match self.ordered && !queue_offsets.is_empty() {
            true => popped.add_rest(rest),
            false => popped.leave(source, rest),
        }
        true
    }

    /// The reply; `code` says why where it has no messages.
    pub fn reply(
        &self,
        popped: Popped,
        code: ResponseCode,
    ) -> (ResponseCode, PopMessageReply<'static>, Body) {
        let counted = self.ordered && !popped.infos.order_counts.is_empty();
        let header = PopMessageReply {
            pop_time: popped.pop_time_ms,
            invisible_time: self.invisible_ms,
            revive_qid: if self.ordered { ORDERED_REVIVE_QUEUE_ID } else { 0 },
            rest_num: popped.rest,
            start_offset_info: Some(popped.infos.start_offsets.into()),
            msg_offset_info: Some(popped.infos.message_offsets.into()),
            order_count_info: counted.then(|| popped.infos.order_counts.into()),
        };
        match popped.count {
            0 => (code, header, Body::Empty),
            _ => (ResponseCode::SUCCESS, header, Body::Slices(popped.slices)),
        }
    }

    /// The reply of a pop that has not looked anywhere.
    pub fn nothing(&self, code: ResponseCode) -> (ResponseCode, PopMessageReply<'static>, Body) {
        self.reply(Popped::new(time::wall_ms()), code)
    }
}

impl Popped {
    fn add_rest(&mut self, rest: u64) {
        self.rest = self.rest.saturating_add(i64::try_from(rest).unwrap_or(i64::MAX));
    }

    /// There is more for the next pop.
    fn leave(&mut self, source: &Source<'_>, rest: u64) {
        self.add_rest(rest);
        if rest > 0 {
            let retry = names::is_retry_topic(&source.topic.name);
            self.left_in.get_or_insert(if retry { -1 } else { source.key.queue_id });
        }
    }
}

/// Queue offsets of whole records, as they stand in slices; the store has checked every one.
fn queue_offsets_of(slices: &[Bytes]) -> Vec<u64> {
    let mut queue_offsets = Vec::new();
    for slice in slices {
        let mut rest: &[u8] = slice;
        while let Some(record_bytes) = rest.first_chunk::<4>() {
            queue_offsets.extend(queue_offset_of(rest));
            let record_bytes = usize::try_from(u32::from_be_bytes(*record_bytes)).unwrap_or(0);
            rest = rest.get(record_bytes.max(1)..).unwrap_or(&[]);
        }
    }
    queue_offsets
}

fn queue_offset_of(record: &[u8]) -> Option<u64> {
    let bytes = record.get(record::QUEUE_OFFSET_AT..)?.first_chunk::<8>()?;
    u64::try_from(i64::from_be_bytes(*bytes)).ok()
}
