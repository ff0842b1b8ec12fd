//! Timer messages that wait for their time: listed, recalled, given another time.
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::body::{TimerList, TimerPlace, WaitingTimer};
use remora_protocol::recall_handle::{RecallHandle, text_of};
use remora_protocol::{RequestCode, header};

use super::{Admin, BrokerAddr, Where};
use crate::error::ClientError;

/// What one request looks at, at most.
const PAGE_COUNT: usize = 1_000;

/// Which timer messages to list; by default all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TimerFilter<'a> {
    /// Only those for this topic.
    pub topic: Option<&'a str>,
    /// Only the one with this unique id (UNIQ_KEY).
    pub msg_id: Option<&'a str>,
    /// Only those that are due then or later, milliseconds since 1970.
    pub from_due_ms: i64,
}

/// Timer messages that wait on one broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timers {
    pub broker_name: Arc<str>,
    /// How many wait there in all, about.
    pub waiting_count: u64,
    /// Those asked for, in order of their times.
    pub timers: Vec<WaitingTimer>,
}

impl Admin {
    /// Timer messages that wait, at most `count_max` a broker; not those with delay levels.
    /// Remora's brokers only.
    pub async fn timers(
        &self,
        wanted: TimerFilter<'_>,
        count_max: usize,
        place: &Where,
    ) -> Result<Vec<Timers>, ClientError> {
        let mut found = Vec::new();
        for broker in self.masters(place).await? {
            found.push(self.timers_of(&broker, wanted, count_max).await?);
        }
        Ok(found)
    }

    async fn timers_of(
        &self,
        broker: &BrokerAddr,
        wanted: TimerFilter<'_>,
        count_max: usize,
    ) -> Result<Timers, ClientError> {
        let broker_name = broker.broker_name.clone();
        let mut found = Timers { broker_name, waiting_count: 0, timers: Vec::new() };
        let mut from = Some(TimerPlace { due_ms: wanted.from_due_ms, physical_offset: 0 });
        while let Some(TimerPlace { due_ms, physical_offset }) = from {
            let left = count_max.saturating_sub(found.timers.len());
            let is_any = wanted.topic.is_none() && wanted.msg_id.is_none();
            let count = if is_any { left.min(PAGE_COUNT) } else { PAGE_COUNT };
            let request = header::ListTimersHeader {
                topic: wanted.topic.map(Into::into),
                unique_id: wanted.msg_id.map(Into::into),
                from_due_ms: Some(due_ms),
                from_offset: Some(physical_offset),
                max_num: Some(i32::try_from(count).unwrap_or(i32::MAX)),
            };
            let code = RequestCode::LIST_TIMERS;
            let answer = self.ask(broker, "list timers", code, &request, Bytes::new()).await?;
            let list: TimerList = answer.json()?;
            found.waiting_count = list.waiting_count;
            found.timers.extend(list.timers.into_iter().take(left));
            from = list.next.filter(|_| found.timers.len() < count_max);
        }
        Ok(found)
    }

    /// Withdraws a timer message that waits, by the handle of its receipt or of a listing. Gives
    /// its unique id.
    ///
    /// # Errors
    /// `Refused` with `ILLEGAL_OPERATION` where it is due already, with `QUERY_NOT_FOUND` where it
    /// does not wait (Apache's brokers answer success then); `Setting` for what is no handle.
    pub async fn recall(&self, recall_handle: &str) -> Result<String, ClientError> {
        let (topic, broker) = self.place_of(recall_handle).await?;
        let request = header::RecallMessageHeader {
            producer_group: None,
            topic: topic.into(),
            recall_handle: recall_handle.into(),
        };
        let code = RequestCode::RECALL_MESSAGE;
        let answer = self.ask(&broker, "recall", code, &request, Bytes::new()).await?;
        let reply = answer.header(header::RecallMessageReply::decode)?;
        Ok(reply.msg_id.into_owned())
    }

    /// Gives a timer message that waits another time, milliseconds since 1970, and with it another
    /// handle, which is returned. Remora's brokers only.
    ///
    /// # Errors
    /// As `recall`, and `Refused` with `MESSAGE_ILLEGAL` for a time that is over or too far away.
    pub async fn move_timer(
        &self,
        recall_handle: &str,
        due_ms: i64,
    ) -> Result<String, ClientError> {
        let (topic, broker) = self.place_of(recall_handle).await?;
        let request = header::MoveTimerHeader {
            topic: topic.into(),
            recall_handle: recall_handle.into(),
            due_ms,
        };
        let code = RequestCode::MOVE_TIMER;
        let answer = self.ask(&broker, "move timer", code, &request, Bytes::new()).await?;
        let reply = answer.header(header::MoveTimerReply::decode)?;
        Ok(reply.recall_handle.into_owned())
    }

    /// The topic that a handle names, and where its message waits.
    async fn place_of(&self, recall_handle: &str) -> Result<(String, BrokerAddr), ClientError> {
        let refused = |reason: &str| ClientError::Setting {
            setting: "recall handle",
            value: recall_handle.to_owned(),
            reason: reason.to_owned(),
        };
        let not_one = || refused("it is not what the receipt of a timer message has");
        let text = text_of(recall_handle).ok_or_else(not_one)?;
        let handle = RecallHandle::parse(&text).ok_or_else(not_one)?;
        let place = Where::Broker(handle.broker_name.to_owned());
        let broker = self.masters(&place).await?.into_iter().next();
        let broker = broker.ok_or_else(|| refused("the nameserver does not list its broker"))?;
        Ok((handle.topic.to_owned(), broker))
    }
}
