//! A server that says what a test wants it to say, on a port of its own.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use remora_protocol::body::{
    BrokerData, GetConsumerListByGroupResponse, HeartbeatData, QueueData, TopicRouteData, decode,
    encode,
};
use remora_protocol::{FrameLimits, RequestCode, ResponseCode};
use remora_remoting::{Connection, Refusal, Reply, Responder, Server, ServerConfig, Service, Turn};
use tokio::sync::Notify;

const PATIENCE: Duration = Duration::from_secs(30);

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub code: RequestCode,
    pub fields: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// Number of the connection it came on.
    pub conn: u64,
}

impl Seen {
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// What to answer. `None`: what any server would say.
pub type Script = dyn Fn(&Seen) -> Option<Say> + Send + Sync;

#[derive(Debug)]
pub enum Say {
    This(Result<Reply, Refusal>),
    /// Never.
    Nothing,
}

pub fn refuse(code: ResponseCode) -> Option<Say> {
    Some(Say::This(Err(Refusal::new(code, "as the test wants"))))
}

pub fn say(reply: Reply) -> Option<Say> {
    Some(Say::This(Ok(reply)))
}

/// A nameserver and broker in one.
pub struct Fake {
    server: Server,
    pub state: Arc<State>,
}

pub struct State {
    script: Box<Script>,
    pub route: Mutex<Option<TopicRouteData>>,
    pub members: Mutex<Vec<String>>,
    seen: Mutex<Vec<Seen>>,
    arrived: Notify,
    connections: Mutex<Vec<Arc<Connection>>>,
    pub closed: Notify,
    unanswered: Mutex<Vec<Responder>>,
}

impl Fake {
    pub fn start(script: impl Fn(&Seen) -> Option<Say> + Send + Sync + 'static) -> Self {
        let state = Arc::new(State {
            script: Box::new(script),
            route: Mutex::new(None),
            members: Mutex::default(),
            seen: Mutex::default(),
            arrived: Notify::new(),
            connections: Mutex::default(),
            closed: Notify::new(),
            unanswered: Mutex::default(),
        });
        let config = ServerConfig {
            name: "fake",
            listen: vec!["127.0.0.1:0".parse().unwrap()],
            io_shards: 1,
            frame: FrameLimits::default(),
            connections_max: 100,
            in_flight_max: 10_000,
            outbound_bytes_max: 1 << 24,
            budget: Arc::default(),
            partial_frame_timeout: Duration::ZERO,
            idle_timeout: Duration::ZERO,
            version: 493,
        };
        let server = Server::start(config, Arc::new(FakeService(Arc::clone(&state)))).unwrap();
        Self { server, state }
    }

    /// One that answers as any server would.
    pub fn ordinary() -> Self {
        Self::start(|_| None)
    }

    pub fn addr(&self) -> String {
        self.server.local_addrs()[0].to_string()
    }

    /// Waits until `pick` finds what it looks for among the requests so far.
    pub async fn until<T>(&self, what: &str, pick: impl Fn(&[Seen]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let arrived = self.state.arrived.notified();
                if let Some(found) = pick(&self.state.seen.lock()) {
                    return found;
                }
                arrived.await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("{what} did not arrive; seen: {:#?}", self.codes()),
        }
    }

    /// Waits for a request with this code, and gives the first.
    pub async fn first(&self, code: RequestCode) -> Seen {
        self.until(&format!("{code:?}"), |seen| seen.iter().find(|s| s.code == code).cloned()).await
    }

    pub fn count(&self, code: RequestCode) -> usize {
        self.state.seen.lock().iter().filter(|seen| seen.code == code).count()
    }

    /// Says yes to what was not answered so far.
    pub fn answer_all(&self) {
        for responder in self.state.unanswered.lock().drain(..) {
            responder.send(Ok(Reply::success()));
        }
    }

    fn codes(&self) -> Vec<i32> {
        self.state.seen.lock().iter().map(|seen| seen.code.0).collect()
    }

    /// The connection on which the client sends heartbeats.
    pub fn connection(&self) -> Arc<Connection> {
        self.state.connections.lock().last().unwrap().clone()
    }
}

struct FakeService(Arc<State>);

impl Service for FakeService {
    fn connected(&self, conn: &Arc<Connection>) {
        self.0.connections.lock().push(Arc::clone(conn));
    }

    fn disconnected(&self, _conn: &Arc<Connection>) {
        self.0.closed.notify_one();
    }

    fn turn(&self, turn: &mut Turn<'_>) {
        while let Some(call) = turn.next_call() {
            let fields = call.frame.fields.iter();
            let seen = Seen {
                code: RequestCode(call.frame.code),
                fields: fields
                    .map(|(name, value)| (name.to_str().into(), value.to_str().into()))
                    .collect(),
                body: call.frame.body.to_vec(),
                conn: call.conn.id,
            };
            match (self.0.script)(&seen).unwrap_or_else(|| self.0.ordinary(&seen)) {
                Say::This(outcome) => call.send(outcome),
                Say::Nothing => self.0.unanswered.lock().push(call.defer()),
            }
            self.0.seen.lock().push(seen);
            self.0.arrived.notify_waiters();
        }
    }
}

impl State {
    fn ordinary(&self, seen: &Seen) -> Say {
        let offset = |offset: i64| Ok(Reply::success().field("offset", offset));
        Say::This(match seen.code {
            RequestCode::GET_ROUTEINFO_BY_TOPIC => match &*self.route.lock() {
                Some(route) => Ok(Reply::success().body(encode(route))),
                None => Err(Refusal::new(ResponseCode::TOPIC_NOT_EXIST, "no such topic")),
            },
            RequestCode::HEART_BEAT => {
                let data: HeartbeatData = decode(&seen.body).unwrap();
                let mut members = self.members.lock();
                if !data.consumer_data_set.is_empty() && !members.contains(&data.client_id) {
                    members.push(data.client_id);
                }
                Ok(Reply::success())
            }
            RequestCode::GET_CONSUMER_LIST_BY_GROUP => {
                let consumer_id_list = self.members.lock().clone();
                let list = GetConsumerListByGroupResponse { consumer_id_list };
                Ok(Reply::success().body(encode(&list)))
            }
            RequestCode::QUERY_CONSUMER_OFFSET => {
                Err(Refusal::new(ResponseCode::QUERY_NOT_FOUND, "nothing committed"))
            }
            RequestCode::GET_MAX_OFFSET | RequestCode::GET_MIN_OFFSET => offset(0),
            RequestCode::SEND_MESSAGE_V2 | RequestCode::SEND_BATCH_MESSAGE => Ok(Reply::success()
                .field("msgId", "7F00000100002A9F0000000000000000")
                .field("queueId", seen.field("e"))
                .field("queueOffset", 0)),
            RequestCode::PULL_MESSAGE => return Say::Nothing,
            _ => Ok(Reply::success()),
        })
    }
}

/// Waits for what must come, but not for ever.
pub async fn soon<T>(wanted: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wanted).await.expect("it did not come in time")
}

/// A route over these brokers (name, address), each with so many queues.
pub fn route(brokers: &[(&str, String)], queues: i32) -> TopicRouteData {
    TopicRouteData {
        queue_datas: brokers
            .iter()
            .map(|(name, _)| QueueData {
                broker_name: (*name).to_owned(),
                read_queue_nums: queues,
                write_queue_nums: queues,
                perm: 6,
                ..QueueData::default()
            })
            .collect(),
        broker_datas: brokers
            .iter()
            .map(|(name, addr)| BrokerData {
                broker_name: (*name).to_owned(),
                cluster: "c".to_owned(),
                broker_addrs: [(0, addr.clone())].into(),
                ..BrokerData::default()
            })
            .collect(),
        ..TopicRouteData::default()
    }
}

/// An address at which nothing listens.
pub fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
