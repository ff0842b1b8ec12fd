//! Several messages in one request.
use std::sync::Arc;

use remora_protocol::batch::{BatchItem, ITEM_OVERHEAD_BYTES};
use remora_protocol::names;

use super::send::Target;
use super::{Prepared, Producer, SendReceipt};
use crate::clock;
use crate::error::ClientError;
use crate::message::Message;
use crate::message_id::MessageId;

impl Producer {
    pub(super) async fn send_batches(
        &self,
        mut messages: Vec<Message>,
    ) -> Result<Vec<SendReceipt>, ClientError> {
        let settings = &self.shared.settings;
        messages.iter_mut().for_each(|message| self.name_in_full(message));
        check_batch(&messages, settings.body_bytes_max)?;
        let now_ms = clock::wall_ms();
        let ids = &self.shared.client.inner.unique_ids;
        let msg_ids: Vec<MessageId> = messages
            .iter_mut()
            .map(|message| message.ensure_unique_id(|| ids.next(now_ms)))
            .collect();
        let total = messages.len();
        let mut receipts = Vec::with_capacity(total);
        for part in parts(&messages, settings.batch_bytes_max) {
            let msg_ids = msg_ids.get(part.clone()).unwrap_or_default();
            let part = messages.get(part).unwrap_or_default();
            let sent = match prepare(part, now_ms) {
                Ok(prepared) => self.send_prepared(&prepared, Target::AnyQueue).await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(receipt) => receipts.extend(receipt_each(&receipt, msg_ids)),
                Err(last) if receipts.is_empty() => return Err(last),
                Err(last) => {
                    return Err(ClientError::BatchIncomplete {
                        sent: receipts,
                        total,
                        last: Box::new(last),
                    });
                }
            }
        }
        Ok(receipts)
    }
}

/// What brokers refuse in a batch.
fn check_batch(messages: &[Message], body_bytes_max: usize) -> Result<(), ClientError> {
    let illegal = |field, problem: String| Err(ClientError::MessageIllegal { field, problem });
    let Some(first) = messages.first() else {
        return illegal("batch", "has no messages".to_owned());
    };
    for message in messages {
        message.check(body_bytes_max)?;
        if message.topic != first.topic {
            return illegal(
                "batch",
                format!("has the topics '{}' and '{}', one is allowed", first.topic, message.topic),
            );
        }
        if names::is_retry_topic(&message.topic) {
            return illegal("batch", "must not go to a retry topic".to_owned());
        }
        if message.is_reply {
            return illegal("batch", "must not hold replies; send them singly".to_owned());
        }
        if message.is_delayed() {
            return illegal("batch", "must not hold delayed messages; send them singly".to_owned());
        }
    }
    Ok(())
}

/// Runs of messages whose items fit into `bytes_max`; a single larger one gets a run of its own.
fn parts(messages: &[Message], bytes_max: usize) -> Vec<std::ops::Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, message) in messages.iter().enumerate() {
        let item = ITEM_OVERHEAD_BYTES + message.body.len() + message.properties.len();
        if index > start && bytes + item > bytes_max {
            parts.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += item;
    }
    parts.push(start..messages.len());
    parts
}

fn prepare(messages: &[Message], now_ms: i64) -> Result<Prepared, ClientError> {
    let topic = messages.first().map(|message| Arc::clone(&message.topic)).unwrap_or_default();
    let mut body = Vec::new();
    for message in messages {
        BatchItem {
            flag: message.flag,
            body: &message.body,
            properties: message.properties.as_bytes(),
        }
        .append_to(&mut body)
        .map_err(|e| ClientError::MessageIllegal { field: "batch", problem: e.to_string() })?;
    }
    Ok(Prepared::batch(topic, body.into(), now_ms))
}

/// The receipt of a batch names the first queue offset and every offset id.
fn receipt_each(receipt: &SendReceipt, msg_ids: &[MessageId]) -> Vec<SendReceipt> {
    let mut offset_ids = receipt.offset_msg_id.split(',');
    (receipt.queue_offset..)
        .zip(msg_ids)
        .map(|(queue_offset, msg_id)| SendReceipt {
            msg_id: msg_id.clone(),
            offset_msg_id: offset_ids.next().unwrap_or_default().into(),
            queue_offset,
            ..receipt.clone()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::producer::SendStatus;
    use crate::queue::MessageQueue;

    fn of(count: usize, body_bytes: usize) -> Vec<Message> {
        (0..count).map(|_| Message::new("T", vec![b'x'; body_bytes])).collect()
    }

    #[test]
    fn batches_are_split_where_the_next_message_would_not_fit() {
        // An item of 78 bytes of body takes 100.
        assert_eq!(parts(&of(5, 78), 250), [0..2, 2..4, 4..5]);
        assert_eq!(parts(&of(2, 78), 200), vec![0..2]);
        assert_eq!(parts(&of(3, 500), 250), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn batches_of_two_topics_delays_or_nothing_are_refused() {
        let problem = |messages: &[Message]| check_batch(messages, 1_000).unwrap_err().to_string();
        assert!(problem(&[]).contains("no messages"));
        let two = [Message::new("A", "x"), Message::new("B", "x")];
        assert!(problem(&two).contains("'A' and 'B'"));
        assert!(problem(&[Message::new("A", "x").delay_level(3)]).contains("delayed"));
        assert!(problem(&[Message::new("%RETRY%g", "x")]).contains("retry topic"));
    }

    #[test]
    fn every_message_of_a_batch_gets_its_own_offset_and_ids() {
        let receipt = SendReceipt {
            status: SendStatus::Ok,
            msg_id: "".into(),
            offset_msg_id: "X,Y".into(),
            queue: MessageQueue::new("T", "b", 1),
            queue_offset: 7,
            recall_handle: None,
        };
        let each = receipt_each(&receipt, &["a".into(), "b".into()]);
        let shown: Vec<_> = each
            .iter()
            .map(|r| (r.msg_id.as_str(), r.offset_msg_id.as_str(), r.queue_offset))
            .collect();
        assert_eq!(shown, [("a", "X", 7), ("b", "Y", 8)]);
    }
}
