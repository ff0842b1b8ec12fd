//! Registering with the nameservers: at the start, at once on a change of topics, and regularly.
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use remora_config::Settings;
use remora_protocol::body::{
    RegisterBrokerBody, TopicConfig, TopicConfigAndMappingSerializeWrapper,
};
use remora_protocol::header::{RegisterBrokerHeader, UnRegisterBrokerHeader};
use remora_protocol::{FrameLimits, Language, RequestCode, ResponseCode, SerializeType};
use remora_remoting::{Body, ClientConfig, Connector, NoService};

use crate::broker::Broker;

/// MQVersion ordinal that we announce: V5_4_0.
const VERSION: i32 = 493;
/// Apache's wait for the answer to an unregistration.
const UNREGISTER_TIMEOUT: Duration = Duration::from_secs(3);
/// Changes within this time are registered together. Chosen: far below what a client notices.
const GATHER: Duration = Duration::from_millis(5);

/// Which nameservers have taken our registration, for `/readyz`.
#[derive(Debug, Default)]
pub struct Registration {
    registered: Mutex<Vec<String>>,
    progress: tokio::sync::Notify,
}

impl Registration {
    /// Nameservers that answered the latest round with success.
    pub fn registered(&self) -> Vec<String> {
        self.registered.lock().clone()
    }

    /// Waits for the end of the next round.
    pub async fn round_ended(&self) {
        self.progress.notified().await;
    }
}

/// The task: rounds until the stop, then the unregistration.
pub(crate) async fn run(broker: Arc<Broker>) {
    let connector = connector(&broker.config.peek());
    loop {
        let settings = broker.config.settings();
        tokio::select! {
            () = broker.stopping.cancelled() => break,
            () = register(&broker, &settings, &connector) => {}
        }
        let period = Duration::from_millis(settings.register_period_ms);
        tokio::select! {
            () = broker.stopping.cancelled() => break,
            () = broker.topics.changed() => tokio::time::sleep(GATHER).await,
            () = tokio::time::sleep(period) => {}
        }
    }
    unregister(&broker, &broker.config.settings(), &connector).await;
    connector.close().await;
}

fn connector(settings: &Settings) -> Connector {
    let config = ClientConfig {
        connect_timeout: Duration::from_secs(3),
        frame: FrameLimits {
            frame_bytes_max: settings.frame_bytes_max,
            header_bytes_max: settings.header_bytes_max,
        },
        in_flight_max: 64,
        outbound_bytes_max: 64 << 20,
        serialize: SerializeType::Json,
        language: Language::JAVA,
        version: VERSION,
    };
    Connector::new(config, Arc::new(NoService))
}

/// One round: every nameserver gets the whole table. Failures are logged; the next round repeats.
async fn register(broker: &Broker, settings: &Settings, connector: &Connector) {
    let addresses = broker.addresses();
    let bytes = registration_body(broker, settings).encode_json();
    let header = RegisterBrokerHeader {
        broker_name: settings.broker_name.as_str().into(),
        broker_addr: addresses.registered.as_str().into(),
        cluster_name: settings.cluster_name.as_str().into(),
        ha_server_addr: addresses.ha.as_str().into(),
        broker_id: i64::try_from(settings.broker_id).unwrap_or(i64::MAX),
        heartbeat_timeout_millis: None,
        enable_acting_master: Some(false),
        compressed: Some(false),
        body_crc32: Some(java_crc32(&bytes)),
    };
    let bytes = bytes::Bytes::from(bytes);
    let timeout = Duration::from_millis(settings.register_timeout_ms);
    let mut registered = Vec::new();
    let mut rounds = tokio::task::JoinSet::new();
    for nameserver in &settings.nameserver_addrs {
        let (connector, nameserver) = (connector.clone(), nameserver.clone());
        let (header, body) = (owned(&header), Body::Bytes(bytes.clone()));
        rounds.spawn(async move {
            let outcome =
                ask(&connector, &nameserver, RequestCode::REGISTER_BROKER, &header, body, timeout)
                    .await;
            (nameserver, outcome)
        });
    }
    while let Some(round) = rounds.join_next().await {
        match round {
            Ok((nameserver, Ok(()))) => registered.push(nameserver),
            Ok((nameserver, Err(reason))) => {
                tracing::warn!(
                    nameserver,
                    reason,
                    "registration failed, the next round repeats it"
                );
            }
            Err(error) => tracing::error!(%error, "registration task failed"),
        }
    }
    registered.sort_unstable();
    *broker.registration.registered.lock() = registered;
    broker.registration.progress.notify_waiters();
}

async fn unregister(broker: &Broker, settings: &Settings, connector: &Connector) {
    let addresses = broker.addresses();
    let header = UnRegisterBrokerHeader {
        broker_name: settings.broker_name.as_str().into(),
        broker_addr: addresses.registered.as_str().into(),
        cluster_name: settings.cluster_name.as_str().into(),
        broker_id: i64::try_from(settings.broker_id).unwrap_or(i64::MAX),
    };
    for nameserver in &settings.nameserver_addrs {
        let code = RequestCode::UNREGISTER_BROKER;
        let asked = ask(connector, nameserver, code, &header, Body::Empty, UNREGISTER_TIMEOUT);
        if let Err(reason) = asked.await {
            tracing::warn!(nameserver, reason, "unregistration failed");
        }
    }
}

/// Sends one request and expects success; the error is a sentence for the log.
async fn ask(
    connector: &Connector,
    nameserver: &str,
    code: RequestCode,
    header: &(impl remora_protocol::EncodeHeader + Sync),
    body: Body,
    timeout: Duration,
) -> Result<(), String> {
    let conn = connector.connection(nameserver).await.map_err(|error| error.to_string())?;
    let answer =
        conn.request(code, header, body, timeout).await.map_err(|error| error.to_string())?;
    let answer = answer.view();
    if answer.code == ResponseCode::SUCCESS.0 {
        return Ok(());
    }
    let remark = answer.remark.map(|remark| remark.to_str().into_owned()).unwrap_or_default();
    Err(format!("answer {}: {remark}", answer.code))
}

/// The table as Apache sends it: plain JSON (compressedRegister is off there too), topics without
/// the bits that the broker as a whole does not have.
fn registration_body(broker: &Broker, settings: &Settings) -> RegisterBrokerBody {
    let broker_perm = i32::try_from(settings.broker_permission).unwrap_or(0);
    let readable_and_writable = broker_perm & 6 == 6;
    let topics = broker.topics.all();
    let topic_config_table = topics
        .values()
        .map(|topic| {
            let mut config: TopicConfig = topic.config.clone();
            if !readable_and_writable {
                config.perm &= broker_perm;
            }
            (config.topic_name.clone(), config)
        })
        .collect();
    RegisterBrokerBody {
        topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper {
            topic_config_table,
            data_version: broker.topics.version(),
            ..Default::default()
        },
        filter_server_list: Vec::new(),
    }
}

fn owned(header: &RegisterBrokerHeader<'_>) -> RegisterBrokerHeader<'static> {
    RegisterBrokerHeader {
        broker_name: header.broker_name.clone().into_owned().into(),
        broker_addr: header.broker_addr.clone().into_owned().into(),
        cluster_name: header.cluster_name.clone().into_owned().into(),
        ha_server_addr: header.ha_server_addr.clone().into_owned().into(),
        ..*header
    }
}

/// CRC-32 without its top bit, as Java computes it into an int.
pub(crate) fn java_crc32(bytes: &[u8]) -> i32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    i32::try_from(crc.sum() & 0x7fff_ffff).unwrap_or(0)
}
