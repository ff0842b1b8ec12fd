//! Transactions whose end did not come yet.
use std::sync::Arc;

use bytes::Bytes;
use remora_protocol::body::{HalfMessage, HalfMessageList};
use remora_protocol::{RequestCode, header};

use super::{Admin, Where};
use crate::error::ClientError;

/// Half messages that wait on one broker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HalfMessages {
    pub broker_name: Arc<str>,
    /// How many wait there in all.
    pub pending: i64,
    /// Those asked for, oldest first.
    pub half_messages: Vec<HalfMessage>,
}

impl Admin {
    /// Half messages that wait for their end, of one topic or producer group where those are given,
    /// at most `count_max` a broker. Remora's brokers only.
    pub async fn half_messages(
        &self,
        topic: Option<&str>,
        group: Option<&str>,
        count_max: usize,
        place: &Where,
    ) -> Result<Vec<HalfMessages>, ClientError> {
        let mut found = Vec::new();
        for broker in self.masters(place).await? {
            let mut of_broker = HalfMessages {
                broker_name: broker.broker_name.clone(),
                pending: 0,
                half_messages: Vec::new(),
            };
            let mut queue_offset = None;
            loop {
                let left = count_max.saturating_sub(of_broker.half_messages.len());
                let request = header::ListHalfMessagesHeader {
                    topic: topic.map(Into::into),
                    producer_group: group.map(Into::into),
                    queue_offset,
                    max_num: Some(i32::try_from(left).unwrap_or(i32::MAX)),
                };
                let code = RequestCode::LIST_HALF_MESSAGES;
                let answer =
                    self.ask(&broker, "list half messages", code, &request, Bytes::new()).await?;
                let list: HalfMessageList = answer.json()?;
                of_broker.pending = list.pending;
                of_broker.half_messages.extend(list.half_messages);
                queue_offset = list.next_queue_offset;
                if queue_offset.is_none() || of_broker.half_messages.len() >= count_max {
                    break;
                }
            }
            found.push(of_broker);
        }
        Ok(found)
    }

    /// Has a broker start the checks of a half message again (323), by its offset id.
    pub async fn check_half_message_again(
        &self,
        offset_msg_id: &str,
        place: &Where,
    ) -> Result<(), ClientError> {
        let request = header::ResumeCheckHalfMessageHeader {
            topic: None,
            msg_id: Some(offset_msg_id.into()),
        };
        let code = RequestCode::RESUME_CHECK_HALF_MESSAGE;
        for broker in self.masters(place).await? {
            self.ask(&broker, "check half message", code, &request, Bytes::new()).await?;
        }
        Ok(())
    }
}
