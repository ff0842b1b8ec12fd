//! Every request code that a nameserver serves, one line each.
use std::sync::Arc;

use remora_protocol::request::{
    AddWritePermOfBroker, BrokerHeartbeat, DeleteKvConfig, DeleteTopicInNamesrv,
    GetAllTopicListFromNameserver, GetBrokerClusterInfo, GetBrokerMemberGroup,
    GetHasUnitSubTopicList, GetHasUnitSubUnunitTopicList, GetKvConfig, GetKvlistByNamespace,
    GetNamesrvConfig, GetRouteinfoByTopic, GetSystemTopicListFromNs, GetTopicsByCluster,
    GetUnitTopicList, PutKvConfig, QueryDataVersion, RegisterBroker, RegisterTopicInNamesrv,
    UnregisterBroker, UpdateNamesrvConfig, WipeWritePermOfBroker,
};
use remora_remoting::Routes;

use crate::nameserver::Nameserver;
use crate::{broker_handlers as broker, config_handlers as config, topic_handlers as topic};

pub(crate) fn routes(role: Arc<Nameserver>, slow: tokio::runtime::Handle) -> Routes<Nameserver> {
    Routes::new(role, slow)
        .answer::<GetRouteinfoByTopic>(topic::route)
        .answer::<GetBrokerClusterInfo>(broker::cluster_info)
        .answer::<RegisterBroker>(broker::register)
        .answer::<UnregisterBroker>(broker::unregister)
        .answer::<BrokerHeartbeat>(broker::heartbeat)
        .answer::<QueryDataVersion>(broker::query_data_version)
        .answer::<GetBrokerMemberGroup>(broker::member_group)
        .answer::<WipeWritePermOfBroker>(broker::wipe_write_perm)
        .answer::<AddWritePermOfBroker>(broker::add_write_perm)
        .answer::<GetAllTopicListFromNameserver>(topic::all_topics)
        .answer::<GetTopicsByCluster>(topic::topics_by_cluster)
        .answer::<GetSystemTopicListFromNs>(topic::system_topics)
        .answer::<GetUnitTopicList>(topic::unit_topics)
        .answer::<GetHasUnitSubTopicList>(topic::unit_sub_topics)
        .answer::<GetHasUnitSubUnunitTopicList>(topic::unit_sub_not_unit_topics)
        .answer::<DeleteTopicInNamesrv>(topic::delete)
        .answer::<RegisterTopicInNamesrv>(topic::register)
        .answer::<PutKvConfig>(config::put_kv)
        .answer::<GetKvConfig>(config::find_kv)
        .answer::<DeleteKvConfig>(config::delete_kv)
        .answer::<GetKvlistByNamespace>(config::kv_namespace)
        .answer::<UpdateNamesrvConfig>(config::update)
        .answer::<GetNamesrvConfig>(config::show)
}
