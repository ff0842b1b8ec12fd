//! A broker on a directory of its own behind a real socket, and clients that speak to it.
#![allow(dead_code, reason = "every test file uses another part")]
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use remora_broker::Broker;
use remora_config::{Config, Settings};
use remora_protocol::body::{
    self, ConsumeFromWhere, ConsumeType, ConsumerData, HeartbeatData, MessageModel, ProducerData,
    SubscriptionData, SubscriptionGroupConfig,
};
use remora_protocol::header::{
    CreateTopicHeader, PullMessageHeader, PullMessageReply, SendMessageHeader, SendMessageReply,
    SendMessageV2,
};
use remora_protocol::record::{self, Record};
use remora_protocol::{
    EncodeHeader, FrameLimits, Language, OwnedFrame, RequestCode, ResponseCode, Text, properties,
};
use remora_remoting::{
    Body, Budget, ClientConfig, Connection, Connector, Server, ServerConfig, Service, Turn,
};
use remora_store::Environment;
use tempfile::TempDir;
use tokio::sync::mpsc;

/// Far above what any step takes: reaching it is a failure, not a measurement.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running broker.
pub struct Node {
    pub broker: Arc<Broker>,
    pub addr: String,
    pub budget: Arc<Budget>,
    server: Server,
    dir: Arc<TempDir>,
}

impl Node {
    pub fn start() -> Self {
        Self::start_with(|_| ())
    }

    pub fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), change)
    }

    pub fn start_in(dir: Arc<TempDir>, change: impl FnOnce(&mut Settings)) -> Self {
        let environment = Environment::of_machine(dir.path());
        Self::start_on(dir, environment, change)
    }

    /// On a disk that is not as others.
    pub fn start_on(
        dir: Arc<TempDir>,
        environment: Environment,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings {
            store_path: dir.path().to_owned(),
            listen_port: 0,
            commit_log_segment_bytes: 16 << 20,
            message_index_enable: false,
            // Disks of test machines may be fuller than a broker's should be.
            disk_max_used_percent: 100,
            disk_warning_percent: 100,
            // They may be slower as well.
            send_busy_after_ms: 60_000,
            ..Settings::default()
        };
        change(&mut settings);
        let config = Arc::new(Config::from_settings(settings));
        let slow = tokio::runtime::Handle::current();
        let broker = Broker::start_in(config, slow, environment).unwrap();
        let server_config = server_config("broker");
        let budget = server_config.budget.clone();
        let server = Server::start(server_config, broker.service()).unwrap();
        let listen = server.local_addrs()[0];
        broker.set_listen_addr(listen);
        Self { broker, addr: listen.to_string(), budget, server, dir }
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.addr).await
    }

    /// Stops in order and gives the directory back, for another start.
    pub async fn stop(self) -> Arc<TempDir> {
        self.broker.stop().await;
        self.server.drain(Duration::from_secs(5)).await;
        self.dir
    }

    /// The directory as a kill would leave it now.
    pub fn killed(&self) -> Arc<TempDir> {
        let dir = tempfile::tempdir().unwrap();
        copy(self.path(), dir.path());
        dir.into()
    }

    pub fn path(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Requests that no handler answered.
    pub fn dropped_calls(&self) -> u64 {
        self.server.counts().dropped_calls
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), &to).unwrap();
        }
    }
}

pub fn server_config(name: &'static str) -> ServerConfig {
    ServerConfig {
        name,
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        io_shards: 2,
        frame: FrameLimits::default(),
        connections_max: 100,
        in_flight_max: 10_000,
        outbound_bytes_max: 64 << 20,
        budget: Arc::default(),
        partial_frame_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        version: 493,
    }
}

/// One client: a connection of its own, and what the broker sends it.
pub struct Client {
    pub conn: Arc<Connection>,
    connector: Connector,
    inbox: mpsc::UnboundedReceiver<OwnedFrame>,
}

struct Inbox(mpsc::UnboundedSender<OwnedFrame>);

impl Service for Inbox {
    fn turn(&self, turn: &mut Turn<'_>) {
        while let Some(call) = turn.next_call() {
            let _ = self.0.send(call.frame.to_owned_frame());
            call.reply(ResponseCode::SUCCESS, &(), Body::Empty);
        }
    }
}

/// An answer as a value: its code, its remark, itself.
pub struct Answer {
    pub code: ResponseCode,
    pub remark: String,
    pub frame: OwnedFrame,
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<String> {
        self.frame.view().fields.find(name).map(|value| value.into_owned())
    }

    /// Success, or the test fails with the remark.
    pub fn ok(self) -> Self {
        assert_eq!((self.code, self.remark.as_str()), (ResponseCode::SUCCESS, ""));
        self
    }

    /// The code, and every part in the remark.
    pub fn refused(&self, code: ResponseCode, parts: &[&str]) {
        assert_eq!(self.code, code, "{}", self.remark);
        for part in parts {
            assert!(self.remark.contains(part), "'{part}' is not in: {}", self.remark);
        }
    }

    pub fn send_reply(&self) -> SendMessageReply<'_> {
        SendMessageReply::decode(&self.frame.view().fields).unwrap()
    }

    pub fn pull_reply(&self) -> PullMessageReply {
        PullMessageReply::decode(&self.frame.view().fields).unwrap()
    }

    pub fn messages(&self) -> Vec<Message> {
        messages(self.frame.body())
    }
}

/// A stored message as a test compares it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    pub topic: String,
    pub queue_id: i32,
    pub queue_offset: i64,
    pub body: String,
    pub flag: i32,
    pub properties: Vec<(String, String)>,
}

impl Message {
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

pub fn messages(mut body: Bytes) -> Vec<Message> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        record::verify(&body).unwrap();
        let Record {
            total_bytes,
            topic,
            queue_id,
            queue_offset,
            body: content,
            flag,
            properties: raw,
            ..
        } = record::decode(&body).unwrap();
        let properties = properties::iter(raw)
            .filter(|(name, _)| *name != properties::name::CRC32)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        messages.push(Message {
            topic: topic.to_owned(),
            queue_id,
            queue_offset,
            body: String::from_utf8_lossy(content).into_owned(),
            flag,
            properties,
        });
        let record_bytes = usize::try_from(total_bytes).unwrap();
        body = body.slice(record_bytes..);
    }
    messages
}

pub fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}

impl Client {
    pub async fn connect(addr: &str) -> Self {
        Self::connect_as(Language::JAVA, addr).await
    }

    pub async fn connect_as(language: Language, addr: &str) -> Self {
        let (sender, inbox) = mpsc::unbounded_channel();
        let config = ClientConfig { language, ..ClientConfig::default() };
        let connector = Connector::new(config, Arc::new(Inbox(sender)));
        let conn = connector.connection(addr).await.unwrap();
        Self { conn, connector, inbox }
    }

    pub async fn ask(
        &self,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized + Sync),
        body: impl Into<Body>,
    ) -> Answer {
        let frame = self.conn.request(code, header, body.into(), PATIENCE).await.unwrap();
        answer(frame)
    }

    /// Asks now, answers later: for pulls that are held.
    pub fn ask_later(
        &self,
        code: RequestCode,
        header: &(impl EncodeHeader + ?Sized),
    ) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let pending = self.conn.send(code, header, Body::Empty, PATIENCE).unwrap();
        Box::pin(async move { answer(pending.await.unwrap()) })
    }

    /// The next request of the broker's.
    pub async fn next_request(&mut self) -> OwnedFrame {
        tokio::time::timeout(PATIENCE, self.inbox.recv()).await.unwrap().unwrap()
    }

    pub async fn send(&self, header: &SendMessageHeader<'_>, body: &str) -> Answer {
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.ask(RequestCode::SEND_MESSAGE_V2, &SendMessageV2(header), body).await
    }

    /// Sends to queue 0 and expects success.
    pub async fn send_ok(&self, topic: &str, body: &str) -> Answer {
        self.send(&send_header(topic), body).await.ok()
    }

    pub async fn pull(&self, header: &PullMessageHeader<'_>) -> Answer {
        self.ask(RequestCode::PULL_MESSAGE, header, Body::Empty).await
    }

    /// Makes a topic with these changes of its attributes, as in `+message.type=FIFO`.
    pub async fn topic_with(&self, topic: &str, queue_count: i32, attributes: &str) -> Answer {
        let header = CreateTopicHeader {
            topic: topic.into(),
            default_topic: "TBW102".into(),
            read_queue_nums: queue_count,
            write_queue_nums: queue_count,
            perm: 6,
            topic_filter_type: "SINGLE_TAG".into(),
            attributes: Some(attributes.into()),
            ..CreateTopicHeader::default()
        };
        self.ask(RequestCode::UPDATE_AND_CREATE_TOPIC, &header, Body::Empty).await
    }

    /// Makes a group with this change of its attributes; the name has the change's sign.
    pub async fn group_with(&self, group: &str, name: &str, value: &str) -> Answer {
        let config = SubscriptionGroupConfig {
            attributes: BTreeMap::from([(name.to_owned(), value.to_owned())]),
            group_name: group.to_owned(),
            ..SubscriptionGroupConfig::default()
        };
        let code = RequestCode::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
        self.ask(code, &(), body::encode(&config)).await
    }

    /// A group begins when it first reads: from this topic's queue 0.
    pub async fn begin_group(&self, group: &str, topic: &str) {
        let header = PullMessageHeader { consumer_group: group.into(), ..pull_header(topic, 0) };
        self.pull(&header).await.ok();
    }

    pub async fn close(self) {
        self.connector.close().await;
    }

    /// Answers that came twice, or to nothing that was asked.
    pub fn unexpected_answers(&self) -> u64 {
        self.connector.counts().unexpected_answers
    }
}

pub fn answer(frame: OwnedFrame) -> Answer {
    let view = frame.view();
    let code = ResponseCode(view.code);
    let remark = view.remark.map(|remark| remark.to_str().into_owned()).unwrap_or_default();
    Answer { code, remark, frame }
}

pub const BASE_PROPERTIES: &str =
    "UNIQ_KEY\u{1}7F00000100002A9F0000000000000001\u{2}WAIT\u{1}true\u{2}";

/// A send to queue 0 with a unique id, creating the topic from TBW102.
pub fn send_header(topic: &str) -> SendMessageHeader<'_> {
    SendMessageHeader {
        producer_group: "producers".into(),
        topic: topic.into(),
        default_topic: "TBW102".into(),
        default_topic_queue_nums: 4,
        queue_id: 0,
        born_timestamp: 1_700_000_000_000,
        properties: Text::plain(BASE_PROPERTIES),
        ..SendMessageHeader::default()
    }
}

/// Everything from queue 0, with the subscription in the request, without holding.
pub fn pull_header<'h>(topic: &'h str, queue_offset: i64) -> PullMessageHeader<'h> {
    PullMessageHeader {
        consumer_group: "consumers".into(),
        topic: topic.into(),
        queue_id: 0,
        queue_offset,
        max_msg_nums: 32,
        sys_flag: 4,
        subscription: Some("*".into()),
        ..PullMessageHeader::default()
    }
}

/// May be held, subscription in the request.
pub const SUSPEND: i32 = 2 | 4;

/// A client of the groups "producers" and "workers", which subscribes to one topic.
pub fn heartbeat_of(client_id: &str, subscription: SubscriptionData) -> HeartbeatData {
    HeartbeatData {
        client_id: client_id.into(),
        producer_data_set: vec![ProducerData { group_name: "producers".into() }],
        consumer_data_set: vec![ConsumerData {
            group_name: "workers".into(),
            consume_type: ConsumeType::ConsumePassively,
            message_model: MessageModel::Clustering,
            consume_from_where: ConsumeFromWhere::ConsumeFromLastOffset,
            subscription_data_set: vec![subscription],
            unit_mode: false,
        }],
        ..HeartbeatData::default()
    }
}

/// Every message of a topic.
pub fn subscription(topic: &str) -> SubscriptionData {
    SubscriptionData {
        topic: topic.into(),
        sub_string: "*".into(),
        sub_version: 1_000,
        ..SubscriptionData::default()
    }
}

/// Waits for a state that nothing announces.
pub async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}
