//! Topics and groups that exist from the start, as Apache makes them.
use remora_config::Settings;
use remora_protocol::body::{SubscriptionGroupConfig, TopicConfig};
use remora_protocol::names;

use crate::group_table::plain_group;
use crate::perm;
use crate::topic_table::plain_topic;

/// As many as Apache makes.
const BENCHMARK_QUEUE_COUNT: i32 = 1024;
/// Apache's reviveQueueNum.
const REVIVE_QUEUE_COUNT: i32 = 8;
/// Queues of a topic that nobody gave a number (Apache's TopicConfig default).
const PLAIN_QUEUE_COUNT: i32 = 16;

const READ_WRITE: i32 = perm::READ | perm::WRITE;

/// Every system topic for these settings.
pub fn system_topics(settings: &Settings) -> Vec<TopicConfig> {
    let cluster = settings.cluster_name.as_str();
    let broker = settings.broker_name.as_str();
    let opened = |enabled: bool| perm::INHERIT | if enabled { READ_WRITE } else { 0 };
    // One queue a level.
    let level_count = i32::try_from(settings.message_delay_level.ms().len()).unwrap_or(i32::MAX);
    let mut topics = vec![
        plain_topic(names::SELF_TEST_TOPIC, 1, READ_WRITE),
        plain_topic(names::BENCHMARK_TOPIC, BENCHMARK_QUEUE_COUNT, READ_WRITE),
        plain_topic(cluster, PLAIN_QUEUE_COUNT, opened(settings.cluster_topic_enable)),
        plain_topic(broker, 1, opened(settings.broker_topic_enable)),
        plain_topic(names::OFFSET_MOVED_EVENT_TOPIC, 1, READ_WRITE),
        plain_topic(names::SCHEDULE_TOPIC, level_count, READ_WRITE),
        plain_topic(&names::reply_topic(cluster), 1, READ_WRITE),
        plain_topic(&names::revive_topic(cluster), REVIVE_QUEUE_COUNT, READ_WRITE),
        plain_topic(
            &format!("{}SYNC_BROKER_MEMBER_{broker}", names::SYSTEM_TOPIC_PREFIX),
            1,
            perm::INHERIT,
        ),
        plain_topic(names::TRANS_HALF_TOPIC, 1, READ_WRITE),
        plain_topic(names::TRANS_OP_HALF_TOPIC, 1, READ_WRITE),
        plain_topic(names::TIMER_TOPIC, 1, READ_WRITE),
    ];
    if settings.auto_create_topic {
        topics.push(auto_create_topic(settings));
    }
    if settings.trace_topic_enable {
        topics.push(plain_topic(&settings.trace_topic_name, 1, READ_WRITE));
    }
    topics
}

/// TBW102 itself.
pub fn auto_create_topic(settings: &Settings) -> TopicConfig {
    let queue_count = i32::try_from(settings.default_topic_queue_nums).unwrap_or(i32::MAX);
    plain_topic(names::AUTO_CREATE_TOPIC, queue_count, perm::INHERIT | READ_WRITE)
}

/// Every system group.
pub fn system_groups() -> Vec<SubscriptionGroupConfig> {
    [
        "TOOLS_CONSUMER",
        "FILTERSRV_CONSUMER",
        "SELF_TEST_C_GROUP",
        "CID_ONS-HTTP-PROXY",
        "CID_ONSAPI_PULL",
        "CID_ONSAPI_PERMISSION",
        "CID_ONSAPI_OWNER",
        "CID_RMQ_SYS_TRANS",
    ]
    .map(plain_group)
    .into()
}
