//! Brokers: registration, signs of life, lists, permissions.
#![expect(clippy::needless_pass_by_value, reason = "the routes fix the shape of a handler")]

use std::sync::Arc;

use remora_protocol::ResponseCode;
use remora_protocol::body::{
    self, BrokerData, BrokerMemberGroup, ClusterInfo, DataVersion, GetBrokerMemberGroupResponse,
    IntegerKeys, KvTable, RegisterBrokerBody, TopicConfig,
};
use remora_protocol::header::{
    AddWritePermOfBrokerHeader, BrokerHeartbeatHeader, GetBrokerMemberGroupHeader,
    QueryDataVersionHeader, RegisterBrokerHeader, UnRegisterBrokerHeader,
    WipeWritePermOfBrokerHeader,
};
use remora_remoting::routes::Request;
use remora_remoting::{Refusal, Reply};

use crate::nameserver::Nameserver;
use crate::route_table::{Queues, RegisterError, Registration};
use crate::topic_handlers::ORDER_TOPIC_CONFIG;

type Answer = Result<Reply, Refusal>;

/// Field outside the header class in which a broker names its zone.
const ZONE_NAME: &str = "__ZONE_NAME";

/// 103: a broker says which topics it serves, every 30 s and at every change.
pub(crate) fn register(
    nameserver: &Arc<Nameserver>,
    request: &Request<'_>,
    header: RegisterBrokerHeader<'_>,
) -> Answer {
    check_crc(&header, request.frame.body)?;
    let registration = registration(request, &header)?;
    let (name, addr) = (header.broker_name.as_ref(), header.broker_addr.as_ref());
    let now_ms = nameserver.now_ms();
    let rules = nameserver.rules();
    let registered =
        nameserver.table.write().register(registration, &rules, now_ms).map_err(|error| {
            tracing::warn!(broker = name, address = addr, %error, "registration refused");
            let code = match error {
                RegisterError::Older { .. } => ResponseCode::SYSTEM_ERROR,
                RegisterError::TooManyRoutes { .. } => ResponseCode::SYSTEM_BUSY,
            };
            Refusal::new(code, error.to_string())
        })?;
    // The connection may have ended while this ran on another thread, with nothing to forget yet.
    if request.conn.is_closed() {
        nameserver.disconnected(request.conn.id);
    }
    if registered.new_broker {
        tracing::info!(
            cluster = %header.cluster_name,
            broker = name,
            id = header.broker_id,
            address = addr,
            "broker registered"
        );
    }
    if let Some(replaced) = registered.replaced {
        tracing::warn!(
            broker = name,
            id = header.broker_id,
            address = addr,
            replaced,
            "two live brokers claim one name and id: give each its own brokerName"
        );
    }
    let mut reply = Reply::success();
    if let Some(ha_server_addr) = registered.ha_server_addr {
        reply = reply.field("haServerAddr", ha_server_addr);
    }
    if let Some(master_addr) = registered.master_addr {
        reply = reply.field("masterAddr", master_addr);
    }
    if nameserver.config.peek().return_order_topic_config {
        let kv = nameserver.kv.lock();
        if let Some(values) = kv.namespace(ORDER_TOPIC_CONFIG) {
            reply = reply.body(body::encode(&KvTable { table: values.clone() }));
        }
    }
    Ok(reply)
}

fn check_crc(header: &RegisterBrokerHeader<'_>, bytes: &[u8]) -> Result<(), Refusal> {
    let Some(expected) = header.body_crc32.filter(|crc| *crc != 0) else { return Ok(()) };
    // Apache clears the sign bit of every CRC-32.
    let computed = (crc32fast::hash(bytes) & 0x7FFF_FFFF).cast_signed();
    if computed == expected {
        return Ok(());
    }
    let remark = format!(
        "crc32 not match: the body of {} bytes has {computed}, the header says {expected}",
        bytes.len()
    );
    Err(Refusal::new(ResponseCode::SYSTEM_ERROR, remark))
}

fn registration(
    request: &Request<'_>,
    header: &RegisterBrokerHeader<'_>,
) -> Result<Registration, Refusal> {
    if header.broker_id < 0 {
        let remark = format!("field 'brokerId' must be 0 or more, got {}", header.broker_id);
        return Err(Refusal::new(ResponseCode::INVALID_PARAMETER, remark));
    }
    for (field, value) in [
        ("brokerName", &header.broker_name),
        ("brokerAddr", &header.broker_addr),
        ("clusterName", &header.cluster_name),
    ] {
        // Old clients split the list of addresses at commas.
        if value.is_empty() || value.len() > 255 || value.contains([',', ';', '"', '\\']) {
            let remark = format!(
                "field '{field}' must have 1 to 255 bytes and none of , ; \" \\, got '{}'",
                value.chars().take(255).collect::<String>()
            );
            return Err(Refusal::new(ResponseCode::INVALID_PARAMETER, remark));
        }
    }
    let body = read_body(request, header)?;
    let wrapper = body.topic_config_serialize_wrapper;
    Ok(Registration {
        cluster: header.cluster_name.to_string(),
        broker_name: header.broker_name.to_string(),
        broker_id: header.broker_id,
        broker_addr: header.broker_addr.to_string(),
        ha_server_addr: header.ha_server_addr.to_string(),
        zone_name: request.frame.fields.find(ZONE_NAME).map(|zone| zone.to_string()),
        heartbeat_timeout_ms: header
            .heartbeat_timeout_millis
            .and_then(|timeout_ms| u64::try_from(timeout_ms).ok())
            .filter(|timeout_ms| *timeout_ms > 0),
        enable_acting_master: header.enable_acting_master,
        version: wrapper.data_version,
        topics: wrapper.topic_config_table.into_iter().map(queues).collect(),
        mappings: wrapper.topic_queue_mapping_info_map.into_iter().collect(),
        filter_servers: body.filter_server_list,
        connection: request.conn.id,
    })
}

/// A registration without a body is a sign of life.
fn read_body(
    request: &Request<'_>,
    header: &RegisterBrokerHeader<'_>,
) -> Result<RegisterBrokerBody, Refusal> {
    let bytes = request.frame.body;
    if bytes.is_empty() {
        return Ok(RegisterBrokerBody::default());
    }
    let compressed = header.compressed.unwrap_or(false);
    RegisterBrokerBody::decode(bytes, compressed, request.frame.version).map_err(|error| {
        Refusal::new(ResponseCode::SYSTEM_ERROR, format!("registration of topics: {error}"))
    })
}

fn queues((name, config): (String, TopicConfig)) -> (String, Queues) {
    let queues = Queues {
        read_queue_nums: config.read_queue_nums,
        write_queue_nums: config.write_queue_nums,
        perm: config.perm,
        topic_sys_flag: config.topic_sys_flag,
    };
    (if config.topic_name.is_empty() { name } else { config.topic_name }, queues)
}

/// 104.
pub(crate) fn unregister(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    header: UnRegisterBrokerHeader<'_>,
) -> Answer {
    let known = nameserver.table.write().unregister(
        &header.cluster_name,
        &header.broker_name,
        &header.broker_addr,
    );
    tracing::info!(broker = %header.broker_name, address = %header.broker_addr, known, "broker unregistered");
    Ok(Reply::success())
}

/// 904.
pub(crate) fn heartbeat(
    nameserver: &Arc<Nameserver>,
    _: &Request<'_>,
    header: BrokerHeartbeatHeader<'_>,
) -> Answer {
    let now_ms = nameserver.now_ms();
    nameserver.table.write().heartbeat(&header.cluster_name, &header.broker_addr, now_ms);
    Ok(Reply::success())
}

/// 322: whether a broker's topic table is newer than ours; a sign of life as well.
pub(crate) fn query_data_version(
    nameserver: &Arc<Nameserver>,
    request: &Request<'_>,
    header: QueryDataVersionHeader<'_>,
) -> Answer {
    let theirs: DataVersion = body::decode(request.frame.body)
        .map_err(|error| Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string()))?;
    let now_ms = nameserver.now_ms();
    let mut table = nameserver.table.write();
    table.heartbeat(&header.cluster_name, &header.broker_addr, now_ms);
    let ours = table.version(&header.cluster_name, &header.broker_addr);
    drop(table);
    let reply = Reply::success().field("changed", ours.as_ref() != Some(&theirs));
    Ok(match ours {
        Some(ours) => reply.body(body::encode(&ours)),
        None => reply,
    })
}

/// 901: the addresses of one broker name; empty where it is unknown.
pub(crate) fn member_group(
    nameserver: &Arc<Nameserver>,
    request: &Request<'_>,
    header: GetBrokerMemberGroupHeader<'_>,
) -> Answer {
    let found = nameserver.table.read().broker(&header.broker_name);
    let mut brokers: Vec<BrokerData> = found.into_iter().collect();
    rewrite(nameserver, &mut brokers, request);
    let broker_addrs = brokers.pop().map(|broker| broker.broker_addrs).unwrap_or_default();
    let group = BrokerMemberGroup {
        cluster: header.cluster_name.to_string(),
        broker_name: header.broker_name.to_string(),
        broker_addrs,
    };
    let response = GetBrokerMemberGroupResponse { broker_member_group: Some(group) };
    Ok(Reply::success().body(body::encode_with(&response, IntegerKeys::Quoted)))
}

/// 106: every broker of every cluster.
pub(crate) fn cluster_info(nameserver: &Arc<Nameserver>, request: &Request<'_>, _: ()) -> Answer {
    let table = nameserver.table.read();
    let mut brokers = table.all_brokers();
    let cluster_addr_table = table.all_clusters();
    drop(table);
    rewrite(nameserver, &mut brokers, request);
    let by_name = brokers.into_iter().map(|broker| (broker.broker_name.clone(), broker));
    let info = ClusterInfo { broker_addr_table: by_name.collect(), cluster_addr_table };
    // Standard JSON: what Java reads as well, and strict parsers cannot read the other form.
    Ok(Reply::success().body(body::encode_with(&info, IntegerKeys::Quoted)))
}

fn rewrite(nameserver: &Nameserver, brokers: &mut [BrokerData], request: &Request<'_>) {
    if let Some(embedded) = &nameserver.embedded {
        embedded.rewrite(brokers, request.conn.peer.ip(), request.conn.local.ip());
    }
}

/// 205.
pub(crate) fn wipe_write_perm(
    nameserver: &Arc<Nameserver>,
    request: &Request<'_>,
    header: WipeWritePermOfBrokerHeader<'_>,
) -> Answer {
    let topics = nameserver.table.write().wipe_write_perm(&header.broker_name);
    tracing::info!(broker = %header.broker_name, peer = %request.conn.peer, topics, "write permission taken");
    Ok(Reply::success().field("wipeTopicCount", topics))
}

/// 327.
pub(crate) fn add_write_perm(
    nameserver: &Arc<Nameserver>,
    request: &Request<'_>,
    header: AddWritePermOfBrokerHeader<'_>,
) -> Answer {
    let topics = nameserver.table.write().add_write_perm(&header.broker_name);
    tracing::info!(broker = %header.broker_name, peer = %request.conn.peer, topics, "write permission given");
    Ok(Reply::success().field("addTopicCount", topics))
}
