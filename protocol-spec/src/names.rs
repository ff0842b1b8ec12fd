//! Names of topics and groups: which are legal, and which mean something to the broker.

pub const TOPIC_BYTES_MAX: usize = 127;
/// Longest %RETRY% and %DLQ% topic.
pub const RETRY_TOPIC_BYTES_MAX: usize = 255;
/// Shorter than a topic, as %RETRY% topics hold the group's name.
pub const GROUP_BYTES_MAX: usize = 120;

pub const RETRY_PREFIX: &str = "%RETRY%";
pub const DLQ_PREFIX: &str = "%DLQ%";
pub const LMQ_PREFIX: &str = "%LMQ%";
/// Topics of the broker itself, beside those of `SYSTEM_TOPICS`.
pub const SYSTEM_TOPIC_PREFIX: &str = "rmq_sys_";
pub const SYSTEM_GROUP_PREFIX: &str = "CID_RMQ_SYS_";

/// The template that automatically created topics are made from.
pub const AUTO_CREATE_TOPIC: &str = "TBW102";
pub const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";
pub const BENCHMARK_TOPIC: &str = "BenchmarkTest";
pub const TRANS_HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
pub const TRANS_OP_HALF_TOPIC: &str = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
pub const TRANS_CHECK_MAX_TIME_TOPIC: &str = "TRANS_CHECK_MAX_TIME_TOPIC";
pub const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
pub const SELF_TEST_TOPIC: &str = "SELF_TEST_TOPIC";
pub const OFFSET_MOVED_EVENT_TOPIC: &str = "OFFSET_MOVED_EVENT";
pub const CHECKPOINT_TOPIC: &str = "CHECKPOINT_TOPIC";
pub const TIMER_TOPIC: &str = "rmq_sys_wheel_timer";
/// Consumes half messages and op messages.
pub const TRANS_GROUP: &str = "CID_RMQ_SYS_TRANS";

/// System topics with fixed names (Apache's `TopicValidator`).
pub const SYSTEM_TOPICS: [&str; 10] = [
    AUTO_CREATE_TOPIC,
    SCHEDULE_TOPIC,
    BENCHMARK_TOPIC,
    TRANS_HALF_TOPIC,
    TRACE_TOPIC,
    TRANS_OP_HALF_TOPIC,
    TRANS_CHECK_MAX_TIME_TOPIC,
    SELF_TEST_TOPIC,
    OFFSET_MOVED_EVENT_TOPIC,
    CHECKPOINT_TOPIC,
];

/// Groups of tools and of the broker itself (Apache's `MixAll`): they need no subscription group
/// configuration.
pub const PREDEFINED_GROUPS: [&str; 14] = [
    "DEFAULT_CONSUMER",
    "DEFAULT_PRODUCER",
    "TOOLS_CONSUMER",
    "SCHEDULE_CONSUMER",
    "FILTERSRV_CONSUMER",
    "__MONITOR_CONSUMER",
    "CLIENT_INNER_PRODUCER",
    "SELF_TEST_P_GROUP",
    "SELF_TEST_C_GROUP",
    "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_OWNER",
    "CID_ONSAPI_PULL",
    TRANS_GROUP,
];

/// Why a name was refused. Displays as one sentence with field, value (its start, where it is
/// long) and limit.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NameError {
    #[error("{field} is blank")]
    Blank { field: &'static str },
    #[error("{field} '{value}' is {bytes} bytes long, the limit is {bytes_max}")]
    Length { field: &'static str, value: String, bytes: usize, bytes_max: usize },
    #[error("{field} '{value}' contains {character:?}, allowed are letters, digits and % | - _")]
    Character { field: &'static str, value: String, character: char },
}

/// The start of a value, as it may be megabytes long.
fn shown(value: &str) -> String {
    const CHARACTERS_MAX: usize = 160;
    match value.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", value.get(..end).unwrap_or("")),
        None => value.to_owned(),
    }
}

/// Checks a topic's name; %RETRY% and %DLQ% topics may be longer than others.
pub fn check_topic(topic: &str) -> Result<(), NameError> {
    let bytes_max = if is_retry_topic(topic) || is_dlq_topic(topic) {
        RETRY_TOPIC_BYTES_MAX
    } else {
        TOPIC_BYTES_MAX
    };
    check("topic", topic, bytes_max)
}

/// Checks the name of a producer or consumer group.
pub fn check_group(group: &str) -> Result<(), NameError> {
    check("group", group, GROUP_BYTES_MAX)
}

fn check(field: &'static str, value: &str, bytes_max: usize) -> Result<(), NameError> {
    if value.trim().is_empty() {
        return Err(NameError::Blank { field });
    }
    let legal =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'|' | b'-' | b'_');
    if !value.bytes().all(legal) {
        let character = value
            .chars()
            .find(|&character| u8::try_from(character).map_or(true, |byte| !legal(byte)));
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        return Err(NameError::Character { field, value: shown(value), character });
    }
    if value.len() > bytes_max {
        let bytes = value.len();
        return Err(NameError::Length { field, value: shown(value), bytes, bytes_max });
    }
    Ok(())
}

pub fn is_retry_topic(topic: &str) -> bool {
    topic.starts_with(RETRY_PREFIX)
}

pub fn is_dlq_topic(topic: &str) -> bool {
    topic.starts_with(DLQ_PREFIX)
}

/// True for topics of the broker itself, which clients can neither create nor delete.
pub fn is_system_topic(topic: &str) -> bool {
    topic.starts_with(SYSTEM_TOPIC_PREFIX) || SYSTEM_TOPICS.contains(&topic)
}

/// True for system topics that clients must not send to.
pub fn is_send_forbidden(topic: &str) -> bool {
    matches!(
        topic,
        SCHEDULE_TOPIC
            | TRANS_HALF_TOPIC
            | TRANS_OP_HALF_TOPIC
            | TRANS_CHECK_MAX_TIME_TOPIC
            | SELF_TEST_TOPIC
            | OFFSET_MOVED_EVENT_TOPIC
    )
}

pub fn is_system_group(group: &str) -> bool {
    group.starts_with(SYSTEM_GROUP_PREFIX)
}

pub fn is_predefined_group(group: &str) -> bool {
    PREDEFINED_GROUPS.contains(&group)
}

/// Where messages go that a group is to consume again.
pub fn retry_topic(group: &str) -> String {
    [RETRY_PREFIX, group].concat()
}

/// Where messages go that a group has given up on.
pub fn dlq_topic(group: &str) -> String {
    [DLQ_PREFIX, group].concat()
}

/// The retry topic of POP consumption, one for each topic of the group.
pub fn pop_retry_topic(topic: &str, group: &str) -> String {
    [RETRY_PREFIX, group, "_", topic].concat()
}

/// As `pop_retry_topic`, with the separator that cannot be part of a name.
pub fn pop_retry_topic_v2(topic: &str, group: &str) -> String {
    [RETRY_PREFIX, group, "+", topic].concat()
}

/// The topic whose POP consumption by a group has this retry topic; itself where it is none.
pub fn pop_origin_topic<'t>(topic: &'t str, group: &str) -> &'t str {
    let of_group = topic.strip_prefix(RETRY_PREFIX).and_then(|rest| rest.strip_prefix(group));
    of_group.and_then(|rest| rest.strip_prefix(['_', '+'])).unwrap_or(topic)
}

/// The group whose retry or dead-letter topic this is.
pub fn group_of_topic(topic: &str) -> Option<&str> {
    topic.strip_prefix(RETRY_PREFIX).or_else(|| topic.strip_prefix(DLQ_PREFIX))
}

/// Replies of request–reply calls are stored here, one topic a cluster.
pub fn reply_topic(cluster: &str) -> String {
    [cluster, "_REPLY_TOPIC"].concat()
}

/// Checkpoints and acks of POP consumption, one topic a cluster.
pub fn revive_topic(cluster: &str) -> String {
    ["rmq_sys_REVIVE_LOG_", cluster].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_names_pass_up_to_their_limit() {
        assert_eq!(check_topic("orders-1_A|b"), Ok(()));
        assert_eq!(check_topic(&"t".repeat(127)), Ok(()));
        assert_eq!(check_topic(&retry_topic(&"g".repeat(248))), Ok(()));
        assert_eq!(check_group(&"g".repeat(120)), Ok(()));
    }

    #[test]
    fn refusals_name_field_value_and_limit() {
        let text = |refused: Result<(), NameError>| refused.unwrap_err().to_string();
        assert_eq!(text(check_topic("  ")), "topic is blank");
        assert_eq!(
            text(check_group(&"g".repeat(121))),
            format!("group '{}' is 121 bytes long, the limit is 120", "g".repeat(121))
        );
        assert_eq!(
            text(check_topic("a.b")),
            "topic 'a.b' contains '.', allowed are letters, digits and % | - _"
        );
        assert_eq!(
            text(check_topic("tópic")),
            "topic 'tópic' contains 'ó', allowed are letters, digits and % | - _"
        );
        let long = text(check_topic(&"x".repeat(1_000_000)));
        assert!(long.len() < 300, "a refusal repeats the whole value");
        assert!(long.ends_with("is 1000000 bytes long, the limit is 127"));
    }

    #[test]
    fn system_topics_are_told_from_others() {
        assert!(is_system_topic("TBW102") && is_system_topic("rmq_sys_anything"));
        assert!(!is_system_topic("orders") && !is_system_topic("%RETRY%g"));
        assert!(is_send_forbidden("SCHEDULE_TOPIC_XXXX") && !is_send_forbidden("TBW102"));
    }

    #[test]
    fn groups_are_found_in_their_topics() {
        assert_eq!(group_of_topic(&retry_topic("g")), Some("g"));
        assert_eq!(group_of_topic(&dlq_topic("g")), Some("g"));
        assert_eq!(group_of_topic("orders"), None);
        assert_eq!(pop_retry_topic_v2("t", "g"), "%RETRY%g+t");
        for topic in ["t", "%RETRY%g_t", "%RETRY%g+t"] {
            assert_eq!(pop_origin_topic(topic, "g"), "t");
        }
        assert_eq!(pop_origin_topic("%RETRY%h_t", "g"), "%RETRY%h_t");
    }
}
