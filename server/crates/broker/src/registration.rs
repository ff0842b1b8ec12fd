//! Registering with the nameservers: at the start, at once on a change of topics, and regularly.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use remora_config::Settings;
use remora_protocol::body::{
    RegisterBrokerBody, TopicConfig, TopicConfigAndMappingSerializeWrapper,
};
use remora_protocol::header::{RegisterBrokerHeader, UnRegisterBrokerHeader};
use remora_protocol::{
    EncodeHeader, FrameLimits, Language, RequestCode, ResponseCode, SerializeType,
};
use remora_remoting::{Body, ClientConfig, Connector, NoService};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::broker::Broker;

/// MQVersion ordinal that we announce: V5_4_0.
const VERSION: i32 = 493;
/// Apache's wait for the answer to an unregistration.
const UNREGISTER_TIMEOUT: Duration = Duration::from_secs(3);
/// A nameserver that did not answer is asked again after this. Chosen: a broker that starts before
/// its nameserver is found soon.
const RETRY: Duration = Duration::from_secs(1);
/// Changes within this time are registered together. Chosen: far below what a client notices.
const GATHER: Duration = Duration::from_millis(5);

/// Which nameservers have taken our registration, for `/readyz`.
#[derive(Debug, Default)]
pub struct Registration {
    registered: Mutex<Vec<String>>,
    /// Those whose failure was logged and that have not answered since.
    failing: Mutex<BTreeSet<String>>,
    progress: tokio::sync::Notify,
    running: AtomicBool,
    /// Change counter of the topic table that the latest round carried.
    carried: watch::Sender<i64>,
}

/// Longest wait of a topic's creation for the nameservers. One that is away does not fail it: the
/// rounds go on.
const CREATION_WAIT: Duration = Duration::from_secs(3);

impl Registration {
    /// Nameservers that answered the latest round with success.
    pub fn registered(&self) -> Vec<String> {
        self.registered.lock().clone()
    }

    /// Waits for the end of the next round.
    pub async fn round_ended(&self) {
        self.progress.notified().await;
    }

    /// Blocks until the nameservers were told of the topic table as it is now, so that who created
    /// a topic finds its route. For slow threads only.
    pub(crate) fn wait_until_told(&self, broker: &Broker) {
        if !self.running.load(Ordering::Acquire) {
            return;
        }
        let wanted = broker.topics.version().counter;
        let mut carried = self.carried.subscribe();
        broker.slow.block_on(async {
            tokio::select! {
                () = broker.stopping.cancelled() => {}
                () = tokio::time::sleep(CREATION_WAIT) => {}
                _ = carried.wait_for(|counter| *counter >= wanted) => {}
            }
        });
    }
}

/// The task: rounds until the stop, then the unregistration.
pub(crate) async fn run(broker: Arc<Broker>) {
    let connector = connector(&broker.config.peek());
    broker.registration.running.store(true, Ordering::Release);
    loop {
        let settings = broker.config.settings();
        tokio::select! {
            () = broker.stopping.cancelled() => break,
            () = register(&broker, &settings, &connector) => {}
        }
        let period = Duration::from_millis(settings.register_period_ms);
        let complete = broker.registration.failing.lock().is_empty();
        let period = if complete { period } else { period.min(RETRY) };
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
    let body = registration_body(broker, settings);
    let carried = body.topic_config_serialize_wrapper.data_version.counter;
    let bytes = body.encode_json();
    let header = RegisterBrokerHeader {
        broker_name: settings.broker_name.clone().into(),
        broker_addr: addresses.registered.clone().into(),
        cluster_name: settings.cluster_name.clone().into(),
        ha_server_addr: addresses.ha.clone().into(),
        broker_id: i64::try_from(settings.broker_id).unwrap_or(i64::MAX),
        heartbeat_timeout_millis: None,
        enable_acting_master: Some(false),
        compressed: Some(false),
        body_crc32: Some(java_crc32(&bytes)),
    };
    let code = RequestCode::REGISTER_BROKER;
    let timeout = Duration::from_millis(settings.register_timeout_ms);
    let answers = ask_all(settings, connector, code, header, bytes.into(), timeout).await;
    let mut failing = broker.registration.failing.lock();
    let mut registered = Vec::new();
    for (nameserver, answer) in answers {
        match answer {
            Ok(()) => {
                failing.remove(&nameserver);
                registered.push(nameserver);
            }
            // A warning for each loss, not for each round.
            Err(reason) if failing.insert(nameserver.clone()) => {
                tracing::warn!(nameserver, reason, "registration failed, it is repeated");
            }
            Err(reason) => tracing::debug!(nameserver, reason, "registration failed again"),
        }
    }
    drop(failing);
    *broker.registration.registered.lock() = registered;
    broker.registration.progress.notify_waiters();
    broker.registration.carried.send_replace(carried);
}

async fn unregister(broker: &Broker, settings: &Settings, connector: &Connector) {
    let header = UnRegisterBrokerHeader {
        broker_name: settings.broker_name.clone().into(),
        broker_addr: broker.registered_address().into(),
        cluster_name: settings.cluster_name.clone().into(),
        broker_id: i64::try_from(settings.broker_id).unwrap_or(i64::MAX),
    };
    let code = RequestCode::UNREGISTER_BROKER;
    let answers =
        ask_all(settings, connector, code, header, Bytes::new(), UNREGISTER_TIMEOUT).await;
    for (nameserver, answer) in answers {
        if let Err(reason) = answer {
            tracing::warn!(nameserver, reason, "unregistration failed");
        }
    }
}

/// Asks every nameserver at once; the answers are sorted by nameserver.
async fn ask_all<H>(
    settings: &Settings,
    connector: &Connector,
    code: RequestCode,
    header: H,
    body: Bytes,
    timeout: Duration,
) -> BTreeMap<String, Result<(), String>>
where
    H: EncodeHeader + Send + Sync + 'static,
{
    let header = Arc::new(header);
    let mut asked = JoinSet::new();
    for nameserver in settings.nameserver_addrs.iter().cloned() {
        let (connector, header, body) = (connector.clone(), header.clone(), body.clone());
        asked.spawn(async move {
            let answer =
                ask(&connector, &nameserver, code, &*header, Body::Bytes(body), timeout).await;
            (nameserver, answer)
        });
    }
    asked.join_all().await.into_iter().collect()
}

/// Sends one request and expects success; the error is a sentence for the log.
async fn ask(
    connector: &Connector,
    nameserver: &str,
    code: RequestCode,
    header: &(impl EncodeHeader + Sync),
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
    // The version first: a topic that is published in between is then merely told twice.
    let data_version = broker.topics.version();
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
            data_version,
            ..Default::default()
        },
        filter_server_list: Vec::new(),
    }
}

/// CRC-32 without its top bit, as Java computes it into an int.
pub(crate) fn java_crc32(bytes: &[u8]) -> i32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    i32::try_from(crc.sum() & 0x7fff_ffff).unwrap_or(0)
}
