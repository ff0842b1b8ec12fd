//! Registering with the nameservers: at the start, at once on a change of topics, and regularly.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use remora_config::Settings;
use remora_protocol::body::{
    QueueData, RegisterBrokerBody, RouteIds, TopicConfig, TopicConfigAndMappingSerializeWrapper,
    TopicRouteData,
};
use remora_protocol::header::{RegisterBrokerHeader, RegisterTopicHeader, UnRegisterBrokerHeader};
use remora_protocol::{
    FrameLimits, Language, OwnedFrame, RequestCode, ResponseCode, SerializeType,
};
use remora_remoting::{Body, ClientConfig, Connection, Connector, NoService, RequestError};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::broker::Broker;
use crate::topic_table::{CHANGES_MAX, Changes, Topic, Untold};
use crate::{perm, time};

/// MQVersion ordinal that we announce: V5_4_0.
const VERSION: i32 = 493;
/// Apache's wait for the answer to an unregistration.
const UNREGISTER_TIMEOUT: Duration = Duration::from_secs(3);
/// A nameserver that did not answer is asked again after this. Chosen: a broker that starts before
/// its nameserver is found soon.
const RETRY_MS: i64 = 1_000;
/// Least time between two registrations of everything because topics were removed. Chosen: removing
/// ten thousand topics one by one must not send the table ten thousand times.
const REMOVAL_GATHER_MS: i64 = 1_000;

/// Which nameservers have taken our registration, for `/readyz`.
#[derive(Debug, Default)]
pub struct Registration {
    registered: Mutex<BTreeSet<String>>,
    /// Those whose failure was logged and that have not answered since.
    failing: Mutex<BTreeSet<String>>,
    progress: tokio::sync::Notify,
    running: AtomicBool,
    /// Change counter of the topic table up to which the nameservers were told.
    carried: watch::Sender<i64>,
}

/// Longest wait of a topic's creation for the nameservers. One that is away does not fail it: the
/// rounds go on.
const CREATION_WAIT: Duration = Duration::from_secs(3);

impl Registration {
    /// Nameservers that answered the latest round with success.
    pub fn registered(&self) -> Vec<String> {
        self.registered.lock().iter().cloned().collect()
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

    /// Notes how a nameserver answered. A warning for each loss, not for each round.
    fn note(&self, nameserver: &str, answer: &Result<u64, String>) {
        let mut failing = self.failing.lock();
        let mut registered = self.registered.lock();
        match answer {
            Ok(_) => {
                failing.remove(nameserver);
                registered.insert(nameserver.to_owned());
            }
            Err(reason) => {
                registered.remove(nameserver);
                if failing.insert(nameserver.to_owned()) {
                    tracing::warn!(nameserver, reason, "registration failed, it is repeated");
                } else {
                    tracing::debug!(nameserver, reason, "registration failed again");
                }
            }
        }
    }

    /// Forgets nameservers that are no longer configured.
    fn keep_only(&self, nameservers: &[String]) {
        self.failing.lock().retain(|nameserver| nameservers.contains(nameserver));
        self.registered.lock().retain(|nameserver| nameservers.contains(nameserver));
    }
}

/// The task: rounds until the stop, then the unregistration.
///
/// What changes while a round is under way goes with the next one: a burst is gathered without
/// anybody waiting for it.
pub(crate) async fn run(broker: Arc<Broker>) {
    let mut rounds = Rounds {
        connector: connector(&broker.config.peek()),
        complete_on: BTreeMap::new(),
        everything_ms: None,
    };
    broker.registration.running.store(true, Ordering::Release);
    loop {
        let settings = broker.config.settings();
        tokio::select! {
            () = broker.stopping.cancelled() => break,
            () = rounds.round(&broker, &settings) => {}
        }
        let due_ms = rounds.due_ms(&broker, &settings).saturating_sub(time::tick_ms());
        let due = Duration::from_millis(u64::try_from(due_ms).unwrap_or(0));
        tokio::select! {
            () = broker.stopping.cancelled() => break,
            () = broker.topics.changed() => {}
            () = tokio::time::sleep(due) => {}
        }
    }
    unregister(&broker, &broker.config.settings(), &rounds.connector).await;
    rounds.connector.close().await;
}

pub(crate) fn connector(settings: &Settings) -> Connector {
    let config = ClientConfig {
        connect_timeout: Duration::from_secs(3),
        frame: FrameLimits {
            frame_bytes_max: settings.frame_bytes_max,
            header_bytes_max: settings.header_bytes_max,
        },
        // A round's topics one by one to a nameserver, and what is left of the last round.
        in_flight_max: 2 * CHANGES_MAX,
        outbound_bytes_max: 64 << 20,
        serialize: SerializeType::Json,
        language: Language::JAVA,
        version: VERSION,
    };
    Connector::new(config, Arc::new(NoService))
}

/// What the rounds remember.
struct Rounds {
    connector: Connector,
    /// The connection on which a nameserver took the whole table. On a new one it may be another
    /// process, which knows nothing.
    complete_on: BTreeMap<String, u64>,
    /// When everything was last told.
    everything_ms: Option<i64>,
}

impl Rounds {
    /// When the next registration of everything is due.
    fn due_ms(&self, broker: &Broker, settings: &Settings) -> i64 {
        let Some(everything_ms) = self.everything_ms else { return time::tick_ms() };
        let period_ms = i64::try_from(settings.register_period_ms).unwrap_or(i64::MAX);
        let complete = broker.registration.failing.lock().is_empty();
        let period_ms = if complete { period_ms } else { period_ms.min(RETRY_MS) };
        let removed = broker.topics.has_untold_removals();
        let period_ms = if removed { period_ms.min(REMOVAL_GATHER_MS) } else { period_ms };
        everything_ms.saturating_add(period_ms)
    }

    /// One round: a few changed topics one by one, or everything where it is due or much has
    /// changed. Failures are logged; the next round repeats.
    async fn round(&mut self, broker: &Arc<Broker>, settings: &Settings) {
        let now_ms = time::tick_ms();
        let due = now_ms >= self.due_ms(broker, settings);
        let Changes { counter, topics } =
            broker.topics.take_changes(if due { Untold::Everything } else { Untold::Created });
        let topics = if due { None } else { topics };
        if topics.is_none() {
            self.everything_ms = Some(now_ms);
            broker.registration.keep_only(&settings.nameserver_addrs);
        }
        if topics.as_ref().is_none_or(|topics| !topics.is_empty()) {
            self.tell_all(broker, settings, topics).await;
        }
        broker.registration.progress.notify_waiters();
        broker.registration.carried.send_replace(counter);
    }

    /// Tells every nameserver at once; `topics` are those that changed, `None` means everything.
    async fn tell_all(
        &mut self,
        broker: &Arc<Broker>,
        settings: &Settings,
        topics: Option<Vec<String>>,
    ) {
        let few = topics.is_some();
        let news = Arc::new(News::new(broker, settings, topics));
        let mut asked = JoinSet::new();
        for nameserver in settings.nameserver_addrs.iter().cloned() {
            // One that is away is waited for by the repeated round only, not by every change.
            if few && broker.registration.failing.lock().contains(&nameserver) {
                continue;
            }
            let complete_on = self.complete_on.remove(&nameserver);
            let (connector, news) = (self.connector.clone(), news.clone());
            asked.spawn(async move {
                let answer = news.tell(&connector, &nameserver, complete_on).await;
                (nameserver, answer)
            });
        }
        for (nameserver, answer) in asked.join_all().await {
            broker.registration.note(&nameserver, &answer);
            if let Ok(connection_id) = answer {
                self.complete_on.insert(nameserver, connection_id);
            }
        }
    }
}

/// A table larger than this is sent compressed, which Apache's own brokers can do as well
/// (compressedRegister). Chosen: far below the largest frame.
const PLAIN_BYTES_MAX: usize = 4 << 20;

/// The whole table as it is sent.
struct Everything {
    body: Bytes,
    compressed: bool,
}

impl Everything {
    fn of(table: &RegisterBrokerBody) -> Self {
        let plain = table.encode_json();
        if plain.len() > PLAIN_BYTES_MAX {
            match table.encode_compressed() {
                Ok(body) => return Self { body: body.into(), compressed: true },
                Err(error) => tracing::error!(%error, "the topic table cannot be compressed"),
            }
        }
        Self { body: plain.into(), compressed: false }
    }
}

/// What a round tells.
struct News {
    broker: Arc<Broker>,
    header: RegisterBrokerHeader<'static>,
    permission: i32,
    timeout: Duration,
    /// Name and route of each changed topic; `None`: the whole table.
    topics: Option<Vec<(String, Bytes)>>,
    /// The whole table, encoded when the first nameserver needs it.
    everything: OnceLock<Everything>,
}

impl News {
    fn new(broker: &Arc<Broker>, settings: &Settings, topics: Option<Vec<String>>) -> Self {
        let permission = perm::of_broker(settings);
        let addresses = broker.addresses();
        // A topic that is gone again needs no word.
        let topics = topics.map(|names| {
            let found = names.into_iter().filter_map(|name| broker.topics.find(&name));
            let route = |topic: Arc<Topic>| {
                let name = topic.name.to_string();
                (name, route_of(&topic.config, &settings.broker_name, permission))
            };
            found.map(route).collect()
        });
        Self {
            broker: broker.clone(),
            header: RegisterBrokerHeader {
                broker_name: settings.broker_name.clone().into(),
                broker_addr: addresses.registered.clone().into(),
                cluster_name: settings.cluster_name.clone().into(),
                ha_server_addr: addresses.ha.clone().into(),
                broker_id: i64::try_from(settings.broker_id).unwrap_or(i64::MAX),
                heartbeat_timeout_millis: None,
                enable_acting_master: Some(false),
                compressed: Some(false),
                body_crc32: None,
            },
            permission,
            timeout: Duration::from_millis(settings.register_timeout_ms),
            topics,
            everything: OnceLock::new(),
        }
    }

    /// Tells one nameserver; gives the connection on which it now knows everything.
    async fn tell(
        &self,
        connector: &Connector,
        nameserver: &str,
        complete_on: Option<u64>,
    ) -> Result<u64, String> {
        let conn = connector.connection(nameserver).await.map_err(|error| error.to_string())?;
        match &self.topics {
            Some(topics) if complete_on == Some(conn.id) => {
                self.tell_topics(&conn, topics).await?;
            }
            _ => self.tell_everything(&conn).await?,
        }
        Ok(conn.id)
    }

    /// 217 for each topic, in one write. Apache's own brokers may do the same
    /// (enableSingleTopicRegister); unlike a 103 with a part of the table it takes nothing away
    /// from nameservers that drop topics missing from a 103.
    async fn tell_topics(
        &self,
        conn: &Arc<Connection>,
        topics: &[(String, Bytes)],
    ) -> Result<(), String> {
        let mut answers = Vec::with_capacity(topics.len());
        for (topic, route) in topics {
            let header = RegisterTopicHeader { topic: topic.as_str().into() };
            let code = RequestCode::REGISTER_TOPIC_IN_NAMESRV;
            let sent = conn.send(code, &header, Body::Bytes(route.clone()), self.timeout);
            answers.push(sent.map_err(|error| error.to_string())?);
        }
        for answer in answers {
            expect_success(answer.await)?;
        }
        Ok(())
    }

    async fn tell_everything(&self, conn: &Arc<Connection>) -> Result<(), String> {
        let Everything { body, compressed } = self
            .everything
            .get_or_init(|| Everything::of(&registration_body(&self.broker, self.permission)));
        let header = RegisterBrokerHeader {
            compressed: Some(*compressed),
            body_crc32: Some(java_crc32(body)),
            ..self.header.clone()
        };
        let code = RequestCode::REGISTER_BROKER;
        let body = Body::Bytes(body.clone());
        expect_success(conn.request(code, &header, body, self.timeout).await)
    }
}

fn route_of(config: &TopicConfig, broker_name: &str, permission: i32) -> Bytes {
    let queues = QueueData {
        broker_name: broker_name.to_owned(),
        perm: config.perm & perm_mask(permission),
        read_queue_nums: config.read_queue_nums,
        write_queue_nums: config.write_queue_nums,
        topic_sys_flag: config.topic_sys_flag,
    };
    let route = TopicRouteData { queue_datas: vec![queues], ..TopicRouteData::default() };
    route.encode(RouteIds::Quoted).into()
}

async fn unregister(broker: &Broker, settings: &Settings, connector: &Connector) {
    let header = Arc::new(UnRegisterBrokerHeader {
        broker_name: settings.broker_name.clone().into(),
        broker_addr: broker.registered_address().into(),
        cluster_name: settings.cluster_name.clone().into(),
        broker_id: i64::try_from(settings.broker_id).unwrap_or(i64::MAX),
    });
    let mut asked = JoinSet::new();
    for nameserver in &settings.nameserver_addrs {
        let (connector, header, nameserver) =
            (connector.clone(), header.clone(), nameserver.clone());
        asked.spawn(async move {
            let unregistered = async {
                let conn = connector.connection(&nameserver).await?;
                let code = RequestCode::UNREGISTER_BROKER;
                conn.request(code, &*header, Body::Empty, UNREGISTER_TIMEOUT).await
            };
            if let Err(reason) = expect_success(unregistered.await) {
                tracing::warn!(nameserver, reason, "unregistration failed");
            }
        });
    }
    asked.join_all().await;
}

/// The error is a sentence for the log.
fn expect_success(answer: Result<OwnedFrame, RequestError>) -> Result<(), String> {
    let answer = answer.map_err(|error| error.to_string())?;
    let answer = answer.view();
    if answer.code == ResponseCode::SUCCESS.0 {
        return Ok(());
    }
    let remark = answer.remark.map(|remark| remark.to_str().into_owned()).unwrap_or_default();
    Err(format!("answer {}: {remark}", answer.code))
}

/// The table as Apache sends it: plain JSON (compressedRegister is off there too), topics without
/// the bits that the broker as a whole does not have.
fn registration_body(broker: &Broker, permission: i32) -> RegisterBrokerBody {
    let mask = perm_mask(permission);
    // The version first: a topic that is published in between is then merely told twice.
    let data_version = broker.topics.version();
    let topics = broker.topics.all();
    let topic_config_table = topics
        .values()
        .map(|topic| {
            let mut config: TopicConfig = topic.config.clone();
            config.perm &= mask;
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

/// What a broker of this permission leaves of a topic's.
fn perm_mask(permission: i32) -> i32 {
    let both = perm::READ | perm::WRITE;
    if permission & both == both { i32::MAX } else { permission }
}

/// CRC-32 without its top bit, as Java computes it into an int.
pub(crate) fn java_crc32(bytes: &[u8]) -> i32 {
    i32::try_from(crc32fast::hash(bytes) & 0x7fff_ffff).unwrap_or(0)
}
