//! Single messages: 12 by key, 33 by offset id.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]
use std::sync::Arc;

use remora_protocol::ResponseCode;
use remora_protocol::header::{QueryMessageHeader, ViewMessageHeader};
use remora_remoting::routes::Request;
use remora_remoting::{Body, Refusal, Reply};
use remora_store::read::ReadError;

use crate::broker::Broker;

/// 12 QUERY_MESSAGE: the newest messages of a topic with a key (or unique id) between two store
/// times.
pub(crate) fn query_message(
    broker: &Arc<Broker>,
    request: &Request<'_>,
    header: QueryMessageHeader<'_>,
) -> Result<Reply, Refusal> {
    let (topic, key) = (header.topic.as_ref(), header.key.as_ref());
    let count_max = usize::try_from(broker.config.peek().query_count_max).unwrap_or(1);
    // A query by unique id always asks for as many as there may be.
    let is_unique = request.frame.fields.find("_UNIQUE_KEY_QUERY").is_some_and(|is| is == "true");
    let asked = usize::try_from(header.max_num).unwrap_or(0);
    let count = if is_unique { count_max } else { asked.min(count_max) };
    let found = broker
        .store
        .query_by_key(topic, key, count, header.begin_timestamp, header.end_timestamp)
        .map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()))?;
    if found.is_empty() {
        let remark = format!(
            "no message of topic '{topic}' has key '{key}' with a store time from {} to {}",
            header.begin_timestamp, header.end_timestamp
        );
        return Err(Refusal::new(ResponseCode::QUERY_NOT_FOUND, remark));
    }
    let status = broker.store.log_status();
    Ok(Reply::success()
        .field("indexLastUpdateTimestamp", crate::time::wall_ms())
        .field("indexLastUpdatePhyoffset", status.indexed_offset)
        .body(Body::Slices(found)))
}

/// 33 VIEW_MESSAGE_BY_ID: the record at a physical offset.
pub(crate) fn view_message_by_id(
    broker: &Arc<Broker>,
    _request: &Request<'_>,
    header: ViewMessageHeader<'_>,
) -> Result<Reply, Refusal> {
    let not_found = |remark: String| Refusal::new(ResponseCode::SYSTEM_ERROR, remark);
    let physical_offset = u64::try_from(header.offset)
        .map_err(|_| not_found(format!("field 'offset' is {}, the least is 0", header.offset)))?;
    match broker.store.message_at(physical_offset) {
        Ok(record) => Ok(Reply::success().body(Body::Bytes(record))),
        Err(error @ ReadError::OutsideLog { .. }) => Err(not_found(error.to_string())),
        Err(error) => {
            tracing::warn!(physical_offset, %error, "message not readable by offset");
            Err(not_found(error.to_string()))
        }
    }
}
