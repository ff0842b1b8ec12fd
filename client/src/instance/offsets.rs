//! Offsets of a queue: stored, first, last, by time. Shared by consumers and admin.
use bytes::Bytes;
use remora_protocol::{RequestCode, ResponseCode, body, header};

use super::Client;
use crate::consumer::Subscription;
use crate::error::ClientError;
use crate::queue::MessageQueue;
use crate::route::MASTER_ID;

impl Client {
    /// One past the last message of a queue.
    pub async fn max_offset(&self, queue: &MessageQueue) -> Result<i64, ClientError> {
        let request = header::GetMaxOffsetHeader {
            topic: (&*queue.topic).into(),
            queue_id: queue.queue_id,
            ..Default::default()
        };
        let answer =
            self.ask_master(queue, "max offset", RequestCode::GET_MAX_OFFSET, &request).await?;
        Ok(answer.header(header::GetMaxOffsetReply::decode)?.offset)
    }

    /// The first message of a queue that is still stored.
    pub async fn min_offset(&self, queue: &MessageQueue) -> Result<i64, ClientError> {
        let request =
            header::GetMinOffsetHeader { topic: (&*queue.topic).into(), queue_id: queue.queue_id };
        let answer =
            self.ask_master(queue, "min offset", RequestCode::GET_MIN_OFFSET, &request).await?;
        Ok(answer.header(header::GetMinOffsetReply::decode)?.offset)
    }

    /// The first message stored at or after `timestamp_ms`; the end of the queue if none was.
    pub async fn offset_at(
        &self,
        queue: &MessageQueue,
        timestamp_ms: i64,
    ) -> Result<i64, ClientError> {
        let request = header::SearchOffsetHeader {
            topic: (&*queue.topic).into(),
            queue_id: queue.queue_id,
            timestamp: timestamp_ms,
            ..Default::default()
        };
        let code = RequestCode::SEARCH_OFFSET_BY_TIMESTAMP;
        let answer = self.ask_master(queue, "offset by time", code, &request).await?;
        Ok(answer.header(header::SearchOffsetReply::decode)?.offset)
    }

    /// When the first message of a queue was stored, in ms since 1970; -1 without messages.
    pub async fn earliest_store_time_ms(&self, queue: &MessageQueue) -> Result<i64, ClientError> {
        let request = header::GetEarliestMsgStoretimeHeader {
            topic: (&*queue.topic).into(),
            queue_id: queue.queue_id,
        };
        let code = RequestCode::GET_EARLIEST_MSG_STORETIME;
        let answer = self.ask_master(queue, "earliest store time", code, &request).await?;
        Ok(answer.header(header::GetEarliestMsgStoretimeReply::decode)?.timestamp)
    }

    /// What a group has committed for a queue; `None` if nothing yet.
    pub async fn committed_offset(
        &self,
        group: &str,
        queue: &MessageQueue,
    ) -> Result<Option<i64>, ClientError> {
        let request = header::QueryConsumerOffsetHeader {
            consumer_group: group.into(),
            topic: (&*queue.topic).into(),
            queue_id: queue.queue_id,
            ..Default::default()
        };
        let addr = self.master_addr(&queue.broker_name)?;
        let code = RequestCode::QUERY_CONSUMER_OFFSET;
        let answer = self
            .ask_broker(
                (&queue.broker_name, &addr),
                "committed offset",
                code,
                &request,
                Bytes::new(),
            )
            .await?;
        if answer.code() == ResponseCode::QUERY_NOT_FOUND {
            return Ok(None);
        }
        let answer = answer.success()?;
        Ok(Some(answer.header(header::QueryConsumerOffsetReply::decode)?.offset))
    }

    /// Commits an offset for a group and waits for the broker's answer.
    pub async fn commit_offset(
        &self,
        group: &str,
        queue: &MessageQueue,
        offset: i64,
    ) -> Result<(), ClientError> {
        let request = commit_header(group, queue, offset);
        let code = RequestCode::UPDATE_CONSUMER_OFFSET;
        self.ask_master(queue, "commit offset", code, &request).await?;
        Ok(())
    }

    /// Commits an offset without waiting: the next one, in a few seconds, repairs a loss.
    pub(crate) async fn commit_offset_oneway(
        &self,
        group: &str,
        queue: &MessageQueue,
        offset: i64,
    ) -> Result<(), ClientError> {
        let addr = self.master_addr(&queue.broker_name)?;
        let conn = self.broker_connection(&queue.broker_name, &addr).await?;
        conn.oneway(
            RequestCode::UPDATE_CONSUMER_OFFSET,
            &commit_header(group, queue, offset),
            remora_remoting::Body::Empty,
        )
        .map_err(|source| super::calls::request_failed("commit offset", source))
    }

    /// Asks a broker of the topic whether it can read a filter.
    pub(crate) async fn check_filter(
        &self,
        group: &str,
        subscription: &Subscription,
    ) -> Result<(), ClientError> {
        let route = self.route(&subscription.topic).await?;
        let Some(queue) = route.readable.first() else { return Ok(()) };
        let request = body::CheckClientRequest {
            client_id: self.client_id().to_owned(),
            group: group.to_owned(),
            namespace: None,
            subscription_data: Some(subscription.to_wire()),
        };
        let (_, addr) = self.readable_addr(&queue.broker_name, MASTER_ID)?;
        let to = (&*queue.broker_name, &addr);
        let body = Bytes::from(body::encode(&request));
        let code = RequestCode::CHECK_CLIENT_CONFIG;
        self.ask_broker(to, "filter check", code, &(), body).await?.success()?;
        Ok(())
    }
}

fn commit_header<'a>(
    group: &'a str,
    queue: &'a MessageQueue,
    offset: i64,
) -> header::UpdateConsumerOffsetHeader<'a> {
    header::UpdateConsumerOffsetHeader {
        consumer_group: group.into(),
        topic: (&*queue.topic).into(),
        queue_id: queue.queue_id,
        commit_offset: offset,
    }
}
