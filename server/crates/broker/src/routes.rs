//! One line a request code.
use std::sync::Arc;

use remora_protocol::request;
use remora_remoting::Routes;

use crate::broker::Broker;
use crate::{
    admin_broker, admin_clients, admin_consume, admin_group, admin_reset, admin_timer, admin_topic,
    admin_transaction, assignment, end_transaction, hand_over, heartbeat, lock_queues, offsets,
    pop, pull, query, reply, request_modes, retry, runtime_info, send,
};

/// The broker's table. Codes without a row answer REQUEST_CODE_NOT_SUPPORTED.
pub(crate) fn routes(broker: Arc<Broker>) -> Routes<Broker> {
    let slow = broker.slow.clone();
    Routes::new(broker, slow)
        // Sending.
        .on::<request::SendMessage>(send::send_message)
        .on::<request::SendMessageV2>(send::send_message)
        .on::<request::SendBatchMessage>(send::send_batch)
        .answer_later::<request::ConsumerSendMsgBack, _>(retry::send_back)
        .answer_later::<request::SendReplyMessage, _>(reply::send_reply)
        .answer_later::<request::SendReplyMessageV2, _>(reply::send_reply)
        .on::<request::EndTransaction>(end_transaction::end_transaction)
        // Pulling.
        .on::<request::PullMessage>(pull::pull_message)
        .on::<request::LitePullMessage>(pull::pull_message)
        // POP.
        .on::<request::PopMessage>(pop::pop_message)
        .on::<request::Notification>(pop::notification)
        .answer::<request::PollingInfo>(pop::polling_info)
        .answer::<request::PeekMessage>(pop::peek_message)
        .answer::<request::AckMessage>(pop::ack_message)
        .answer::<request::BatchAckMessage>(pop::batch_ack_message)
        .answer::<request::ChangeMessageInvisibletime>(pop::change_invisible_time)
        .answer_later::<request::QueryAssignment, _>(assignment::query_assignment)
        .answer::<request::SetMessageRequestMode>(request_modes::set_request_mode)
        .answer::<request::GetAllMessageRequestMode>(request_modes::all_request_modes)
        // Clients.
        .answer::<request::HeartBeat>(heartbeat::heart_beat)
        .answer::<request::UnregisterClient>(heartbeat::unregister_client)
        .answer::<request::GetConsumerListByGroup>(heartbeat::consumer_list_by_group)
        .answer::<request::CheckClientConfig>(heartbeat::check_client_config)
        .answer::<request::LockBatchMq>(lock_queues::lock_batch)
        .answer::<request::UnlockBatchMq>(lock_queues::unlock_batch)
        // Offsets.
        .on::<request::QueryConsumerOffset>(hand_over::query_consumer_offset)
        .answer::<request::UpdateConsumerOffset>(offsets::update_consumer_offset)
        .answer::<request::SearchOffsetByTimestamp>(offsets::search_offset_by_timestamp)
        .answer::<request::GetMaxOffset>(offsets::max_offset)
        .answer::<request::GetMinOffset>(offsets::min_offset)
        .answer::<request::GetEarliestMsgStoretime>(offsets::earliest_msg_store_time)
        // Delayed messages.
        .answer::<request::RecallMessage>(admin_timer::recall_message)
        .answer::<request::ListTimers>(admin_timer::list_timers)
        .answer::<request::MoveTimer>(admin_timer::move_timer)
        .answer::<request::GetAllDelayOffset>(admin_timer::all_delay_offsets)
        .answer::<request::GetTimerCheckPoint>(admin_timer::timer_check_point)
        // Single messages.
        .answer::<request::QueryMessage>(query::query_message)
        .answer::<request::ViewMessageById>(query::view_message_by_id)
        // Topics.
        .answer::<request::UpdateAndCreateTopic>(admin_topic::create_topic)
        .answer::<request::UpdateAndCreateTopicList>(admin_topic::create_topics)
        .answer::<request::DeleteTopicInBroker>(admin_topic::delete_topic)
        .answer::<request::DeleteTopicInBrokerList>(admin_topic::delete_topics)
        .answer::<request::GetTopicStatsInfo>(admin_topic::topic_stats)
        .answer::<request::GetTopicConfig>(admin_topic::topic_config)
        .answer::<request::GetAllTopicConfig>(admin_topic::all_topic_configs)
        .answer::<request::QueryTopicConsumeByWho>(admin_topic::topic_groups)
        .answer::<request::GetSystemTopicListFromBroker>(admin_topic::system_topics)
        .answer::<request::CleanUnusedTopic>(admin_topic::clean_unused_topics)
        // Groups.
        .answer::<request::UpdateAndCreateSubscriptiongroup>(admin_group::create_group)
        .answer::<request::UpdateAndCreateSubscriptiongroupList>(admin_group::create_groups)
        .answer::<request::GetAllSubscriptiongroupConfig>(admin_group::all_groups)
        .answer::<request::DeleteSubscriptiongroup>(admin_group::delete_group)
        .answer::<request::DeleteSubscriptionGroupList>(admin_group::delete_groups)
        .answer::<request::GetSubscriptiongroupConfig>(admin_group::group_config)
        .answer::<request::UpdateAndGetGroupForbidden>(admin_group::group_forbidden)
        // Who is connected, and requests passed on to them.
        .answer::<request::GetConsumerConnectionList>(admin_clients::consumer_connections)
        .answer::<request::GetProducerConnectionList>(admin_clients::producer_connections)
        .answer::<request::GetAllProducerInfo>(admin_clients::all_producers)
        .answer_later::<request::GetConsumerRunningInfo, _>(admin_clients::running_info)
        .answer_later::<request::ConsumeMessageDirectly, _>(admin_clients::consume_directly)
        .answer_later::<request::InvokeBrokerToGetConsumerStatus, _>(admin_clients::consumer_status)
        // Progress of groups.
        .answer::<request::GetConsumeStats>(admin_consume::consume_stats)
        .answer::<request::GetBrokerConsumeStats>(admin_consume::broker_consume_stats)
        .answer::<request::QueryConsumeTimeSpan>(admin_consume::consume_time_span)
        .answer::<request::GetAllConsumerOffset>(admin_consume::all_offsets)
        .answer::<request::CloneGroupOffset>(admin_consume::clone_offsets)
        .answer::<request::QueryCorrectionOffset>(admin_consume::correction_offset)
        .answer::<request::QueryTopicsByConsumer>(admin_consume::topics_of_group)
        .answer::<request::QuerySubscriptionByConsumer>(admin_consume::subscription_of_group)
        .answer::<request::InvokeBrokerToResetOffset>(admin_reset::reset_offset)
        // Transactions.
        .answer::<request::ResumeCheckHalfMessage>(admin_transaction::check_again)
        .answer::<request::ListHalfMessages>(admin_transaction::half_messages)
        // The broker itself.
        .answer::<request::UpdateBrokerConfig>(admin_broker::update_config)
        .answer::<request::GetBrokerConfig>(admin_broker::config)
        .answer::<request::GetBrokerRuntimeInfo>(runtime_info::runtime_info)
        .answer::<request::ViewBrokerStatsData>(admin_broker::stats_data)
        .answer::<request::CleanExpiredConsumequeue>(admin_broker::expire_now)
        .answer::<request::DeleteExpiredCommitlog>(admin_broker::expire_now)
        .answer::<request::QueryConsumeQueue>(admin_broker::consume_queue)
        .answer::<request::GetBrokerHaStatus>(admin_broker::ha_status)
}
