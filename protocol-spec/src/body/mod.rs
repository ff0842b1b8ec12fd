//! JSON bodies, as the Java classes of the same names read and write them.
//!
//! Reading takes strict JSON first and the dialect of Java's library (fastjson) where that fails.
//! Writing gives the dialect: object keys as objects and integer keys without quotes, because the
//! official tools expect exactly that.
mod assignment;
mod batch_ack;
mod broker;
mod connection;
mod fastjson;
mod group;
mod heartbeat;
mod lax;
mod offset;
mod queue;
mod register;
mod route;
mod running;
mod timer;
mod topic;
mod transaction;
mod wire_enum;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::lenient_json::{self, LenientJsonError};

pub use assignment::*;
pub use batch_ack::*;
pub use broker::*;
pub use connection::*;
pub use fastjson::IntegerKeys;
pub use group::*;
pub use heartbeat::*;
pub use offset::*;
pub use queue::*;
pub use register::*;
pub use route::*;
pub use running::*;
pub use timer::*;
pub use topic::*;
pub use transaction::*;

/// Why a body was refused.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is empty")]
    Empty,
    #[error("the body is not the JSON expected: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the body is not JSON, not even leniently read: {0}")]
    Dialect(#[from] LenientJsonError),
    #[error("the compressed body is broken: {0}")]
    Inflate(#[from] std::io::Error),
    #[error("the compressed body is larger than {limit} bytes inflated")]
    TooLarge { limit: usize },
    #[error("the compressed body ends inside '{field}'")]
    Truncated { field: &'static str },
    #[error("'{field}' of the compressed body has length or count {value}")]
    Length { field: &'static str, value: i32 },
    #[error("topic entry '{entry}' is not 'name read write perm filterType attributes'")]
    TopicEntry { entry: String },
}

/// Reads a body: strict JSON first, then the lenient dialect, in which null means absent.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    if body.is_empty() {
        return Err(BodyError::Empty);
    }
    if let Ok(value) = serde_json::from_slice(body) {
        return Ok(value);
    }
    let mut value: Value = serde_json::from_str(&lenient_json::normalize(body)?)?;
    drop_nulls(&mut value);
    Ok(serde_json::from_value(value)?)
}

/// Writes a body the way Apache's brokers do: integer keys without quotes.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    encode_with(value, IntegerKeys::Unquoted)
}

/// Writes a body with a choice for integer keys.
pub fn encode_with<T: Serialize + ?Sized>(value: &T, keys: IntegerKeys) -> Vec<u8> {
    fastjson::write(value, keys)
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_as_keys_are_written_as_objects_and_read_back() {
        let queue =
            |queue_id| MessageQueue { broker_name: "b".into(), queue_id, topic: "t\"".into() };
        let offset = TopicOffset { last_update_timestamp: 5, max_offset: 9, min_offset: 1 };
        let stats = TopicStatsTable {
            offset_table: [(queue(0), offset), (queue(1), TopicOffset::default())].into(),
            topic_put_tps: 0.5,
        };
        let written = encode(&stats);
        let head = br#"{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"t\""}:{"last"#;
        assert!(written.starts_with(head), "{}", String::from_utf8_lossy(&written));
        assert_eq!(decode::<TopicStatsTable>(&written).unwrap(), stats);
    }

    #[test]
    fn heartbeat_of_the_cpp_client_is_read() {
        let body = br#"{"clientID":"1.2.3.4@x","consumerDataSet":[{"consumeFromWhere":4,
            "consumeType":1,"groupName":"g","messageModel":0,"subscriptionDataSet":[
            {"codeSet":["2582"],"subString":"A","subVersion":"1700000000000","tagsSet":["A"],
            "topic":"t"}]}],"producerDataSet":[{"groupName":"p"}]}"#;
        let wanted = HeartbeatData {
            client_id: "1.2.3.4@x".into(),
            consumer_data_set: vec![ConsumerData {
                consume_from_where: ConsumeFromWhere::ConsumeFromFirstOffset,
                consume_type: ConsumeType::ConsumePassively,
                group_name: "g".into(),
                message_model: MessageModel::Broadcasting,
                subscription_data_set: vec![SubscriptionData {
                    code_set: vec![2582],
                    sub_string: "A".into(),
                    sub_version: 1_700_000_000_000,
                    tags_set: ["A".to_owned()].into(),
                    topic: "t".into(),
                    ..Default::default()
                }],
                unit_mode: false,
            }],
            producer_data_set: vec![ProducerData { group_name: "p".into() }],
            ..Default::default()
        };
        assert_eq!(decode::<HeartbeatData>(body).unwrap(), wanted);
    }

    #[test]
    fn null_means_absent() {
        let body = br#"{"topicName":"t","attributes":null,"perm":null,"order":true}"#;
        let wanted = TopicConfig { topic_name: "t".into(), order: true, ..Default::default() };
        assert_eq!(decode::<TopicConfig>(body).unwrap(), wanted);
    }
}
