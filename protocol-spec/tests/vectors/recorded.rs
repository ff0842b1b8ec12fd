use std::fmt::Debug;

use remora_protocol::body::{self, *};
use remora_protocol::header::RegisterBrokerHeader;
use remora_protocol::{Frame, batch, record};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Vector, each, frames};

#[test]
fn bodies_of_recorded_frames_survive_reading_and_writing() {
    each("frame", 40, |vector| {
        let bytes = vector.bytes();
        let frame = frames::read(vector, &bytes);
        let recorded = vector.name.starts_with("go_") || vector.name.starts_with("java_");
        if recorded && !frame.body.is_empty() {
            check(vector, &frame);
        }
    });
}

fn check(vector: &Vector, frame: &Frame<'_>) {
    let (_, name) = vector.name.split_once('_').expect("client_name");
    match name {
        "heart_beat" => {
            let beat: HeartbeatData = again(vector, frame.body);
            assert!(!beat.client_id.is_empty(), "{}", vector.name);
        }
        "register_broker" => {
            let header = RegisterBrokerHeader::decode(&frame.fields).unwrap();
            let compressed = header.compressed == Some(true);
            let read = RegisterBrokerBody::decode(frame.body, compressed, frame.version).unwrap();
            assert!(!read.topic_config_serialize_wrapper.topic_config_table.is_empty());
        }
        "register_broker_reply_0" | "get_broker_runtime_info_reply_0" => {
            again::<KvTable>(vector, frame.body);
        }
        "get_routeinfo_by_topic_reply_0" => {
            let route: TopicRouteData = again(vector, frame.body);
            assert!(!route.queue_datas.is_empty() && !route.broker_datas.is_empty());
        }
        "get_broker_cluster_info_reply_0" => {
            // Recorded from Go before its broker had registered: the tables may be empty.
            again::<ClusterInfo>(vector, frame.body);
        }
        "get_all_topic_list_from_nameserver_reply_0" => {
            again::<TopicList>(vector, frame.body);
        }
        "get_consumer_list_by_group_reply_0" => {
            let list: GetConsumerListByGroupResponse = again(vector, frame.body);
            assert!(!list.consumer_id_list.is_empty());
        }
        "get_topic_stats_info_reply_0" => {
            let stats: TopicStatsTable = again(vector, frame.body);
            assert!(!stats.offset_table.is_empty());
        }
        "get_consume_stats_reply_0" => {
            again::<ConsumeStats>(vector, frame.body);
        }
        "get_topic_config_reply_0" => {
            let topic: TopicConfigAndQueueMapping = again(vector, frame.body);
            assert!(!topic.config.topic_name.is_empty());
        }
        "update_and_create_subscriptiongroup" => {
            let group: SubscriptionGroupConfig = again(vector, frame.body);
            assert!(!group.group_name.is_empty());
        }
        "pull_message_reply_0"
        | "lite_pull_message_reply_0"
        | "query_message_reply_0"
        | "view_message_by_id_reply_0" => records(vector, frame.body),
        "send_batch_message" => {
            assert!(batch::items(frame.body).map(Result::unwrap).count() > 1, "{}", vector.name);
        }
        _ => {}
    }
}

/// Reads the body, writes it, reads it again; both must be equal.
fn again<T: Serialize + DeserializeOwned + PartialEq + Debug>(vector: &Vector, body: &[u8]) -> T {
    let read: T = body::decode(body).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
    let reread: T = body::decode(&body::encode(&read)).unwrap();
    assert_eq!(reread, read, "{}", vector.name);
    read
}

fn records(vector: &Vector, mut body: &[u8]) {
    while !body.is_empty() {
        let read = record::decode(body).unwrap();
        let (whole, rest) = body.split_at(usize::try_from(read.total_bytes).unwrap());
        record::verify(whole).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        body = rest;
    }
}
