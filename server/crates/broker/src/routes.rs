//! One line a request code.
use std::sync::Arc;

use remora_protocol::request;
use remora_remoting::Routes;

use crate::broker::Broker;
use crate::{admin_topic, heartbeat, offsets, pull, query, send};

/// The broker's table. Codes without a row answer REQUEST_CODE_NOT_SUPPORTED.
pub(crate) fn routes(broker: Arc<Broker>) -> Routes<Broker> {
    let slow = broker.slow.clone();
    Routes::new(broker, slow)
        // Sending.
        .on::<request::SendMessage>(send::send_message)
        .on::<request::SendMessageV2>(send::send_message)
        .on::<request::SendBatchMessage>(send::send_batch)
        // Pulling.
        .on::<request::PullMessage>(pull::pull_message)
        .on::<request::LitePullMessage>(pull::pull_message)
        // Clients.
        .answer::<request::HeartBeat>(heartbeat::heart_beat)
        .answer::<request::UnregisterClient>(heartbeat::unregister_client)
        .answer::<request::GetConsumerListByGroup>(heartbeat::consumer_list_by_group)
        .answer::<request::CheckClientConfig>(heartbeat::check_client_config)
        // Offsets.
        .answer::<request::QueryConsumerOffset>(offsets::query_consumer_offset)
        .answer::<request::UpdateConsumerOffset>(offsets::update_consumer_offset)
        .answer::<request::SearchOffsetByTimestamp>(offsets::search_offset_by_timestamp)
        .answer::<request::GetMaxOffset>(offsets::max_offset)
        .answer::<request::GetMinOffset>(offsets::min_offset)
        .answer::<request::GetEarliestMsgStoretime>(offsets::earliest_msg_store_time)
        // Single messages.
        .answer::<request::QueryMessage>(query::query_message)
        .answer::<request::ViewMessageById>(query::view_message_by_id)
        // Topics.
        .answer::<request::UpdateAndCreateTopic>(admin_topic::create_topic)
        .answer::<request::UpdateAndCreateTopicList>(admin_topic::create_topics)
        .answer::<request::DeleteTopicInBroker>(admin_topic::delete_topic)
        .answer::<request::GetTopicStatsInfo>(admin_topic::topic_stats)
        .answer::<request::GetTopicConfig>(admin_topic::topic_config)
        .answer::<request::GetAllTopicConfig>(admin_topic::all_topic_configs)
        .answer::<request::QueryTopicConsumeByWho>(admin_topic::topic_groups)
        .answer::<request::GetSystemTopicListFromBroker>(admin_topic::system_topics)
        .answer::<request::CleanUnusedTopic>(admin_topic::clean_unused_topics)
}
