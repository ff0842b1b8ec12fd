//! Moving what groups have consumed.
use bytes::Bytes;
use remora_protocol::{RequestCode, header};

use super::{Admin, Where};
use crate::error::ClientError;
use crate::queue::MessageQueue;

impl Admin {
    /// Moves a group to an offset of one queue; members that are online follow.
    ///
    /// # Errors
    /// `Refused` when the queue does not reach there; the remark names its bounds.
    pub async fn reset_queue_offset(
        &self,
        group: &str,
        queue: &MessageQueue,
        queue_offset: i64,
    ) -> Result<(), ClientError> {
        let request = header::ResetOffsetHeader {
            group: group.into(),
            topic: (&*queue.topic).into(),
            queue_id: Some(queue.queue_id),
            offset: Some(queue_offset),
            is_force: true,
            ..Default::default()
        };
        let code = RequestCode::INVOKE_BROKER_TO_RESET_OFFSET;
        for broker in self.masters(&Where::Broker(queue.broker_name.to_string())).await? {
            self.ask(&broker, "reset offset", code, &request, Bytes::new()).await?;
        }
        Ok(())
    }

    /// Gives one group the committed offsets of another: of one topic, or of all.
    pub async fn clone_offsets(
        &self,
        from_group: &str,
        to_group: &str,
        topic: Option<&str>,
    ) -> Result<(), ClientError> {
        let request = header::CloneGroupOffsetHeader {
            src_group: from_group.into(),
            dest_group: to_group.into(),
            topic: topic.map(Into::into),
            offline: Some(true),
        };
        let code = RequestCode::CLONE_GROUP_OFFSET;
        for broker in self.masters(&Where::Everywhere).await? {
            self.ask(&broker, "clone offsets", code, &request, Bytes::new()).await?;
        }
        Ok(())
    }
}
