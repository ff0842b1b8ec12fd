//! What a client says of itself: request 34.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::lax;
use super::wire_enum::wire_enum;

wire_enum! {
    /// How a consumer gets its messages.
    #[expect(clippy::enum_variant_names, reason = "Apache's names")]
    ConsumeType {
        /// By its own pulls.
        ConsumeActively = "CONSUME_ACTIVELY",
        /// By callbacks.
        #[default]
        ConsumePassively = "CONSUME_PASSIVELY",
        /// By taking and acknowledging.
        ConsumePop = "CONSUME_POP",
    }
}

wire_enum! {
    /// Who gets a message of a group.
    MessageModel {
        /// Every member.
        Broadcasting = "BROADCASTING",
        /// One member.
        #[default]
        Clustering = "CLUSTERING",
    }
}

wire_enum! {
    /// Where a group without an offset starts.
    #[expect(clippy::enum_variant_names, reason = "Apache's names")]
    ConsumeFromWhere {
        #[default]
        ConsumeFromLastOffset = "CONSUME_FROM_LAST_OFFSET",
        /// Read as the last offset.
        ConsumeFromLastOffsetAndFromMinWhenBootFirst =
            "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
        /// Read as the last offset.
        ConsumeFromMinOffset = "CONSUME_FROM_MIN_OFFSET",
        /// Read as the last offset.
        ConsumeFromMaxOffset = "CONSUME_FROM_MAX_OFFSET",
        ConsumeFromFirstOffset = "CONSUME_FROM_FIRST_OFFSET",
        ConsumeFromTimestamp = "CONSUME_FROM_TIMESTAMP",
    }
}

/// Body of request 34.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeartbeatData {
    #[serde(rename = "clientID")]
    pub client_id: String,
    pub consumer_data_set: Vec<ConsumerData>,
    /// 0: version 1. Otherwise a hash of the subscriptions, and `is_without_sub` may be true.
    pub heartbeat_fingerprint: i32,
    pub producer_data_set: Vec<ProducerData>,
    /// The subscriptions are left out, as they are what the fingerprint says.
    #[serde(rename = "withoutSub", alias = "isWithoutSub")]
    pub is_without_sub: bool,
}

/// One producer group of a client.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerData {
    pub group_name: String,
}

/// One consumer group of a client.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerData {
    pub consume_from_where: ConsumeFromWhere,
    pub consume_type: ConsumeType,
    pub group_name: String,
    pub message_model: MessageModel,
    pub subscription_data_set: Vec<SubscriptionData>,
    pub unit_mode: bool,
}

/// What a group wants of one topic.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubscriptionData {
    pub class_filter_mode: bool,
    /// Java hash codes of the tags.
    #[serde(deserialize_with = "lax::ints")]
    pub code_set: Vec<i32>,
    /// TAG (also when absent) or SQL92.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression_type: Option<String>,
    /// `*`, `TagA || TagB`, or an SQL92 expression.
    pub sub_string: String,
    /// When the client made the subscription, in ms since 1970; a larger one replaces a smaller.
    #[serde(deserialize_with = "lax::long")]
    pub sub_version: i64,
    pub tags_set: BTreeSet<String>,
    pub topic: String,
}

impl Default for SubscriptionData {
    fn default() -> Self {
        Self {
            class_filter_mode: false,
            code_set: Vec::new(),
            expression_type: Some("TAG".into()),
            sub_string: String::new(),
            sub_version: 0,
            tags_set: BTreeSet::new(),
            topic: String::new(),
        }
    }
}

/// Body of request 46.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckClientRequest {
    pub client_id: String,
    pub group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_data: Option<SubscriptionData>,
}
