//! Dialogues over a socket: what brokers, clients and tools ask.
use std::sync::Arc;
use std::time::Duration;

use remora_config::{Config, Settings};
use remora_nameserver::{EmbeddedBroker, Nameserver};
use remora_protocol::body::{
    self, BrokerData, ClusterInfo, DataVersion, GetBrokerMemberGroupResponse, KvTable,
    RegisterBrokerBody, TopicConfig, TopicConfigAndMappingSerializeWrapper, TopicList,
    TopicRouteData,
};
use remora_protocol::{EncodeHeader, FrameLimits, OwnedFrame, RequestCode, ResponseCode, header};
use remora_remoting::{Body, ClientConfig, Connection, Connector, NoService, Server, ServerConfig};

struct Fixture {
    server: Server,
    nameserver: Arc<Nameserver>,
    connector: Connector,
    conn: Arc<Connection>,
    _folder: tempfile::TempDir,
}

impl Fixture {
    async fn start(embedded: Option<EmbeddedBroker>) -> Self {
        let folder = tempfile::tempdir().expect("temporary directory");
        let settings = Settings { store_path: folder.path().to_owned(), ..Settings::default() };
        let config = Arc::new(Config::from_settings(settings));
        let slow = tokio::runtime::Handle::current();
        let nameserver = Nameserver::start(config, embedded, &slow).expect("started");
        let server_config = ServerConfig {
            name: "nameserver",
            listen: vec!["127.0.0.1:0".parse().expect("an address")],
            io_shards: 1,
            frame: FrameLimits::default(),
            connections_max: 100,
            in_flight_max: 100,
            outbound_bytes_max: 1 << 24,
            budget: Arc::default(),
            partial_frame_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
            version: 493,
        };
        let server = Server::start(server_config, nameserver.service(slow)).expect("bound");
        let connector = Connector::new(ClientConfig::default(), Arc::new(NoService));
        let addr = server.local_addrs()[0].to_string();
        let conn = connector.connection(&addr).await.expect("connected");
        Self { server, nameserver, connector, conn, _folder: folder }
    }

    async fn ask(
        &self,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: Vec<u8>,
    ) -> Outcome {
        ask(&self.conn, code, header, body).await
    }

    async fn register(&self, topics: &[&str]) -> Outcome {
        let body = registration(topics).encode_json();
        self.ask(RequestCode::REGISTER_BROKER, &register_header(&body, false), body).await
    }

    async fn route(&self, topic: &str) -> Outcome {
        let header = header::GetRouteInfoHeader {
            topic: topic.into(),
            accept_standard_json_only: Some(true),
        };
        self.ask(RequestCode::GET_ROUTEINFO_BY_TOPIC, &header, Vec::new()).await
    }

    async fn stop(self) {
        self.connector.close().await;
        self.server.drain(Duration::from_secs(5)).await;
        self.nameserver.stop().await;
    }
}

struct Outcome {
    code: ResponseCode,
    remark: String,
    frame: OwnedFrame,
}

impl Outcome {
    fn field(&self, name: &str) -> Option<String> {
        self.frame.view().fields.find(name).map(|value| value.into_owned())
    }

    fn body<T: serde::de::DeserializeOwned>(&self) -> T {
        assert_eq!(self.code, ResponseCode::SUCCESS, "{}", self.remark);
        body::decode(self.frame.view().body).expect("a body")
    }
}

async fn ask(
    conn: &Arc<Connection>,
    code: RequestCode,
    header: &(impl EncodeHeader + ?Sized + Sync),
    body: Vec<u8>,
) -> Outcome {
    let timeout = Duration::from_secs(20);
    let frame = conn.request(code, header, Body::from(body), timeout).await.expect("an answer");
    let view = frame.view();
    let remark = view.remark.map(|text| text.to_str().into_owned()).unwrap_or_default();
    Outcome { code: ResponseCode(view.code), remark, frame }
}

fn registration(topics: &[&str]) -> RegisterBrokerBody {
    let config = |topic: &&str| {
        let config = TopicConfig {
            topic_name: (*topic).to_owned(),
            perm: 6,
            read_queue_nums: 4,
            write_queue_nums: 4,
            ..TopicConfig::default()
        };
        ((*topic).to_owned(), config)
    };
    RegisterBrokerBody {
        filter_server_list: Vec::new(),
        topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper {
            topic_config_table: topics.iter().map(config).collect(),
            data_version: DataVersion { counter: 7, state_version: 0, timestamp: 5 },
            ..Default::default()
        },
    }
}

fn register_header(body: &[u8], compressed: bool) -> header::RegisterBrokerHeader<'static> {
    header::RegisterBrokerHeader {
        broker_name: "broker-a".into(),
        broker_addr: "127.0.0.1:10911".into(),
        cluster_name: "DefaultCluster".into(),
        ha_server_addr: "127.0.0.1:10912".into(),
        broker_id: 0,
        heartbeat_timeout_millis: None,
        enable_acting_master: Some(false),
        compressed: Some(compressed),
        body_crc32: Some((crc32fast::hash(body) & 0x7FFF_FFFF).cast_signed()),
    }
}

fn addr_of(brokers: &[BrokerData]) -> &str {
    &brokers[0].broker_addrs[&0]
}

#[tokio::test]
async fn a_registered_topic_is_found_and_a_missing_one_explained() {
    let fixture = Fixture::start(None).await;
    let missing = fixture.route("orders").await;
    assert_eq!(missing.code, ResponseCode::TOPIC_NOT_EXIST);
    assert!(missing.remark.contains("no broker is registered here"), "{}", missing.remark);

    assert_eq!(fixture.register(&["orders", "bills"]).await.code, ResponseCode::SUCCESS);
    let route: TopicRouteData = fixture.route("orders").await.body();
    assert_eq!(addr_of(&route.broker_datas), "127.0.0.1:10911");
    assert_eq!(route.queue_datas[0].write_queue_nums, 4);

    let missing = fixture.route("order").await;
    assert_eq!(missing.code, ResponseCode::TOPIC_NOT_EXIST);
    let expected =
        "No topic route info in name server for the topic: order; 1 broker(s) with 2 topics";
    assert!(missing.remark.starts_with(expected), "{}", missing.remark);
    fixture.stop().await;
}

#[tokio::test]
async fn a_compressed_registration_is_read_and_a_wrong_crc_or_stream_refused() {
    let fixture = Fixture::start(None).await;
    let body = registration(&["zipped"]).encode_compressed().expect("compressed");
    let header = register_header(&body, true);
    let wrong_crc = header::RegisterBrokerHeader { body_crc32: Some(1), ..header.clone() };
    let refused = fixture.ask(RequestCode::REGISTER_BROKER, &wrong_crc, body.clone()).await;
    assert_eq!(refused.code, ResponseCode::SYSTEM_ERROR);
    assert!(refused.remark.starts_with("crc32 not match"), "{}", refused.remark);

    let broken = body[..body.len() / 2].to_vec();
    let refused =
        fixture.ask(RequestCode::REGISTER_BROKER, &register_header(&broken, true), broken).await;
    assert_eq!(refused.code, ResponseCode::SYSTEM_ERROR);
    assert!(refused.remark.contains("compressed body"), "{}", refused.remark);

    let taken = fixture.ask(RequestCode::REGISTER_BROKER, &header, body).await;
    assert_eq!(taken.code, ResponseCode::SUCCESS, "{}", taken.remark);
    fixture.route("zipped").await.body::<TopicRouteData>();
    fixture.stop().await;
}

#[tokio::test]
async fn the_end_of_a_brokers_connection_ends_its_routes() {
    let fixture = Fixture::start(None).await;
    let other = Connector::new(ClientConfig::default(), Arc::new(NoService));
    let addr = fixture.server.local_addrs()[0].to_string();
    let broker = other.connection(&addr).await.expect("connected");
    let body = registration(&["orders"]).encode_json();
    let header = register_header(&body, false);
    ask(&broker, RequestCode::REGISTER_BROKER, &header, body).await;
    fixture.route("orders").await.body::<TopicRouteData>();
    other.close().await;
    // The close is seen by another task: ask until it was.
    let gone = async {
        while fixture.route("orders").await.code != ResponseCode::TOPIC_NOT_EXIST {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.expect("dropped");
    fixture.stop().await;
}

#[tokio::test]
async fn the_embedded_broker_is_told_at_the_address_that_was_reached() {
    let embedded = EmbeddedBroker {
        cluster: "DefaultCluster".into(),
        broker_name: "broker-a".into(),
        broker_id: 0,
        listen_ip: "0.0.0.0".parse().expect("an address"),
        port: 10_911,
        advertised: Vec::new(),
    };
    let fixture = Fixture::start(Some(embedded)).await;
    let body = registration(&["orders"]).encode_json();
    let mut header = register_header(&body, false);
    header.broker_addr = "172.17.0.2:10911".into();
    fixture.ask(RequestCode::REGISTER_BROKER, &header, body).await;
    let route: TopicRouteData = fixture.route("orders").await.body();
    assert_eq!(addr_of(&route.broker_datas), "127.0.0.1:10911");
    let info: ClusterInfo =
        fixture.ask(RequestCode::GET_BROKER_CLUSTER_INFO, &(), Vec::new()).await.body();
    assert_eq!(info.broker_addr_table["broker-a"].broker_addrs[&0], "127.0.0.1:10911");
    assert_eq!(info.cluster_addr_table["DefaultCluster"].len(), 1);
    fixture.stop().await;
}

#[tokio::test]
async fn permission_versions_members_and_lists_are_answered() {
    let fixture = Fixture::start(None).await;
    fixture.register(&["orders", "bills"]).await;
    let wipe = header::WipeWritePermOfBrokerHeader { broker_name: "broker-a".into() };
    let wiped = fixture.ask(RequestCode::WIPE_WRITE_PERM_OF_BROKER, &wipe, Vec::new()).await;
    assert_eq!(wiped.field("wipeTopicCount").as_deref(), Some("2"));
    let add = header::AddWritePermOfBrokerHeader { broker_name: "broker-a".into() };
    let added = fixture.ask(RequestCode::ADD_WRITE_PERM_OF_BROKER, &add, Vec::new()).await;
    assert_eq!(added.field("addTopicCount").as_deref(), Some("2"));

    let version = header::QueryDataVersionHeader {
        broker_name: "broker-a".into(),
        broker_addr: "127.0.0.1:10911".into(),
        cluster_name: "DefaultCluster".into(),
        broker_id: 0,
    };
    let same = DataVersion { counter: 7, state_version: 0, timestamp: 5 };
    for (theirs, changed) in [(same.clone(), "false"), (DataVersion::default(), "true")] {
        let bytes = body::encode(&theirs);
        let answer = fixture.ask(RequestCode::QUERY_DATA_VERSION, &version, bytes).await;
        assert_eq!(answer.field("changed").as_deref(), Some(changed));
        assert_eq!(answer.body::<DataVersion>(), same);
    }
    let member = header::GetBrokerMemberGroupHeader {
        cluster_name: "DefaultCluster".into(),
        broker_name: "broker-a".into(),
    };
    let group: GetBrokerMemberGroupResponse =
        fixture.ask(RequestCode::GET_BROKER_MEMBER_GROUP, &member, Vec::new()).await.body();
    assert_eq!(group.broker_member_group.expect("a group").broker_addrs.len(), 1);
    let topics: TopicList =
        fixture.ask(RequestCode::GET_ALL_TOPIC_LIST_FROM_NAMESERVER, &(), Vec::new()).await.body();
    assert_eq!(topics.topic_list, ["bills".to_owned(), "orders".to_owned()].into());
    fixture.stop().await;
}

#[tokio::test]
async fn values_and_settings_are_kept_and_fixed_ones_refused() {
    let fixture = Fixture::start(None).await;
    let put = header::PutKVConfigHeader {
        namespace: "ORDER_TOPIC_CONFIG".into(),
        key: "orders".into(),
        value: "broker-a:4".into(),
    };
    fixture.ask(RequestCode::PUT_KV_CONFIG, &put, Vec::new()).await;
    let find =
        header::GetKVConfigHeader { namespace: "ORDER_TOPIC_CONFIG".into(), key: "orders".into() };
    let found = fixture.ask(RequestCode::GET_KV_CONFIG, &find, Vec::new()).await;
    assert_eq!(found.field("value").as_deref(), Some("broker-a:4"));
    let table: KvTable = fixture.register(&["orders"]).await.body();
    assert_eq!(table.table["orders"], "broker-a:4");
    let absent = header::GetKVConfigHeader { key: "x".into(), ..find };
    let absent = fixture.ask(RequestCode::GET_KV_CONFIG, &absent, Vec::new()).await;
    assert_eq!(absent.code, ResponseCode::QUERY_NOT_FOUND);

    let update = b"deleteTopicWithBrokerRegistration=true\nscanNotActiveBrokerInterval=1000\n";
    let updated = fixture.ask(RequestCode::UPDATE_NAMESRV_CONFIG, &(), update.to_vec()).await;
    assert_eq!(updated.code, ResponseCode::SUCCESS, "{}", updated.remark);
    let shown = fixture.ask(RequestCode::GET_NAMESRV_CONFIG, &(), Vec::new()).await;
    let text = String::from_utf8_lossy(shown.frame.view().body).into_owned();
    assert!(text.contains("deleteTopicWithBrokerRegistration=true\n"), "{text}");
    let fixed = b"kvConfigPath=/tmp/x\n".to_vec();
    let refused = fixture.ask(RequestCode::UPDATE_NAMESRV_CONFIG, &(), fixed).await;
    assert_eq!(refused.code, ResponseCode::NO_PERMISSION);
    fixture.stop().await;
}

#[tokio::test]
async fn an_unknown_code_and_a_missing_field_are_answered_precisely() {
    let fixture = Fixture::start(None).await;
    let unknown = fixture.ask(RequestCode(9999), &(), Vec::new()).await;
    assert_eq!(unknown.code, ResponseCode::REQUEST_CODE_NOT_SUPPORTED);
    let missing = fixture.ask(RequestCode::GET_ROUTEINFO_BY_TOPIC, &(), Vec::new()).await;
    assert_eq!(missing.code, ResponseCode::SYSTEM_ERROR);
    assert!(missing.remark.contains("'topic'"), "{}", missing.remark);
    fixture.stop().await;
}
