use remora_protocol::body::{self, *};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Vector, each};

#[test]
fn bodies_read_and_written_give_the_same_bytes() {
    each("body", 40, |vector| {
        let bytes = vector.bytes();
        let written = rewrite(vector, &bytes);
        if vector.expect["same_bytes"] == false {
            return;
        }
        assert_eq!(
            String::from_utf8_lossy(&written),
            String::from_utf8_lossy(&bytes),
            "{}",
            vector.name
        );
    });
}

#[test]
fn compressed_registration_says_what_the_plain_one_says() {
    let plain = crate::vectors()
        .into_iter()
        .find(|vector| vector.name == "register_broker_body")
        .expect("the plain registration");
    let mut wanted = RegisterBrokerBody::decode(&plain.bytes(), false, 493).unwrap();
    let wrapper = &mut wanted.topic_config_serialize_wrapper;
    wrapper.mapping_data_version = DataVersion::default();
    for topic in wrapper.topic_config_table.values_mut() {
        topic.order = false;
        topic.topic_sys_flag = 0;
    }
    each("register_compressed", 1, |vector| {
        let read = RegisterBrokerBody::decode(&vector.bytes(), true, 493).unwrap();
        assert_eq!(read, wanted, "{}", vector.name);
        let ours = read.encode_compressed().unwrap();
        assert_eq!(RegisterBrokerBody::decode(&ours, true, 493).unwrap(), wanted);
    });
}

fn rewrite(vector: &Vector, bytes: &[u8]) -> Vec<u8> {
    macro_rules! by_type {
        ($($name:ident)*) => {
            match vector.expect["type"].as_str().expect("a type") {
                $(stringify!($name) => again::<$name>(vector, bytes),)*
                "TopicRouteDataQuoted" => {
                    let route: TopicRouteData = body::decode(bytes).unwrap();
                    route.encode(RouteIds::Quoted)
                }
                other => panic!("{}: no test for type {other}", vector.name),
            }
        };
    }
    by_type!(
        BrokerStatsData CheckClientRequest ClusterInfo ConsumeMessageDirectlyResult ConsumeStats
        ConsumeStatsList ConsumerConnection ConsumerOffsetSerializeWrapper ConsumerRunningInfo
        CreateTopicListRequest GetBrokerMemberGroupResponse GetConsumerListByGroupResponse
        GetConsumerStatusBody GroupForbidden GroupList HaRuntimeInfo HeartbeatData KvTable
        LockBatchRequest LockBatchResponse ProducerConnection ProducerTableInfo
        QueryAssignmentRequest QueryAssignmentResponse QueryConsumeQueueResponse
        QueryConsumeTimeSpanBody QueryCorrectionOffsetBody QuerySubscriptionResponse
        RegisterBrokerBody ResetOffsetBody SetMessageRequestModeRequest SubscriptionGroupConfig
        SubscriptionGroupList SubscriptionGroupWrapper TopicConfig TopicConfigSerializeWrapper
        TopicList TopicRouteData TopicStatsTable
    )
}

fn again<T: Serialize + DeserializeOwned>(vector: &Vector, bytes: &[u8]) -> Vec<u8> {
    let value: T = body::decode(bytes).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
    body::encode(&value)
}
