//! A tiny role with one handler of every kind, and a peer that speaks frames by hand.
#![allow(dead_code, reason = "every test file uses a part of it")]
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use remora_protocol::code::Lane;
use remora_protocol::frame::encode_head;
use remora_protocol::{
    Fields, Flags, FrameLimits, Head, HeaderError, Language, OwnedFrame, RequestCode,
    RequestHeader, ResponseCode, SerializeType,
};
use remora_remoting::{
    Body, Call, ClientConfig, Connection, HeldReplies, Owed, Refusal, Reply, Request, Responder,
    Role, Routes, Server, ServerConfig, Service, Turn,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Long enough for any machine; only a failing test ever waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("nothing happened for 20 s")
}

macro_rules! requests {
    ($($name:ident = $code:literal, $lane:ident;)*) => {
        $(
            #[derive(Debug)]
            pub struct $name;

            impl RequestHeader for $name {
                const CODE: RequestCode = RequestCode($code);
                const NAME: &'static str = stringify!($name);
                const LANE: Lane = Lane::$lane;
                type View<'a> = Fields<'a>;

                fn decode<'a>(fields: &Fields<'a>) -> Result<Fields<'a>, HeaderError> {
                    match fields.find("malformed") {
                        Some(_) => Err(HeaderError::Missing { field: "topic" }),
                        None => Ok(*fields),
                    }
                }
            }
        )*
    };
}

requests! {
    Echo = 10, Send;
    Park = 11, Pull;
    Forget = 12, Client;
    ForgetLater = 13, Client;
    Panic = 14, Client;
    Big = 15, Pull;
    Held = 16, Send;
    Compute = 34, Client;
    Slow = 200, Admin;
    SlowPanic = 201, Admin;
    AskBack = 307, Admin;
    LaterPanic = 200_050, Admin;
}

/// What the role tells the test.
#[derive(Debug)]
pub enum Event {
    Connected(Arc<Connection>),
    Disconnected(u64),
    Parked(Responder),
    Held(HeldReplies),
    Slow,
    Draining,
}

#[derive(Debug)]
pub struct EchoRole {
    events: mpsc::UnboundedSender<Event>,
    turns: AtomicU64,
    pub big_answers: AtomicU64,
    /// Slow handlers wait until they can take it.
    pub gate: tokio::sync::Mutex<()>,
}

/// What the calls of a turn share.
#[derive(Debug)]
pub struct EchoTurn<'a> {
    number: u64,
    held: Vec<Owed<'a>>,
}

impl Role for EchoRole {
    type Turn<'a> = EchoTurn<'a>;
}

#[derive(Debug)]
pub struct EchoService {
    pub role: Arc<EchoRole>,
    pub routes: Routes<EchoRole>,
}

impl Service for EchoService {
    fn connected(&self, conn: &Arc<Connection>) {
        let _ = self.role.events.send(Event::Connected(Arc::clone(conn)));
    }

    fn turn(&self, turn: &mut Turn<'_>) {
        let conn = turn.conn;
        let number = self.role.turns.fetch_add(1, Ordering::Relaxed);
        let mut shared = EchoTurn { number, held: Vec::new() };
        self.routes.run(turn, &mut shared);
        if !shared.held.is_empty() {
            let mut held = HeldReplies::new(conn);
            for owed in shared.held {
                owed.hold(&mut held, ResponseCode::SUCCESS, &(), Body::Empty);
            }
            let _ = self.role.events.send(Event::Held(held));
        }
    }

    fn disconnected(&self, conn: &Arc<Connection>) {
        let _ = self.role.events.send(Event::Disconnected(conn.id));
    }

    fn draining(&self) {
        let _ = self.role.events.send(Event::Draining);
    }
}

pub fn echo_routes(role: &Arc<EchoRole>) -> Routes<EchoRole> {
    Routes::new(Arc::clone(role), tokio::runtime::Handle::current())
        .on::<Echo>(|_, turn, call, _| {
            let number = turn.number.to_string();
            let body = Bytes::copy_from_slice(call.frame.body);
            call.reply(ResponseCode::SUCCESS, &[("turn", number.as_str())][..], body.into());
        })
        .on::<Park>(|role, _, call, _| {
            let _ = role.events.send(Event::Parked(call.defer()));
        })
        .on::<Forget>(|_, _, call, _| drop(call))
        .on::<ForgetLater>(|_, _, call, _| drop(call.defer()))
        .on::<Panic>(|_, _, _call, _| panic!("as the test asked"))
        .on::<Big>(big)
        .on::<Held>(|_, turn, call, _| turn.held.push(call.into_owed()))
        .answer::<Compute>(|_, request, _| {
            Ok(Reply::success().field("bytes", request.frame.body.len()))
        })
        .answer::<Slow>(slow)
        .answer::<SlowPanic>(|_, _, _| panic!("as the test asked"))
        .answer_later::<AskBack, _>(ask_back)
        .answer_later::<LaterPanic, _>(later_panic)
}

/// Answers with as many bytes as the body says, in slices of 1 MiB.
fn big(role: &Arc<EchoRole>, _: &mut EchoTurn<'_>, call: Call<'_, '_>, _: &Fields<'_>) {
    role.big_answers.fetch_add(1, Ordering::Relaxed);
    let bytes: usize = std::str::from_utf8(call.frame.body).unwrap().parse().unwrap();
    static MIB: [u8; 1 << 20] = [7; 1 << 20];
    let whole = vec![Bytes::from_static(&MIB); bytes >> 20];
    let rest = Bytes::from_static(&MIB[..bytes & 0xF_FFFF]);
    let slices: Vec<_> = whole.into_iter().chain([rest]).collect();
    call.reply(ResponseCode::SUCCESS, &(), slices.into());
}

fn slow(role: &Arc<EchoRole>, request: &Request<'_>, _: Fields<'_>) -> Result<Reply, Refusal> {
    let _ = role.events.send(Event::Slow);
    drop(role.gate.blocking_lock());
    Ok(Reply::success().body(request.frame.body.to_vec()))
}

/// Asks the asker the same, and answers what that answered.
async fn ask_back(_: Arc<EchoRole>, frame: OwnedFrame, responder: Responder) {
    let conn = Arc::clone(&responder.conn);
    let answer = conn.request(Echo::CODE, &(), frame.body().into(), PATIENCE).await;
    responder.send(match answer {
        Ok(answer) => Ok(Reply::success().body(answer.body())),
        Err(error) => Err(Refusal::new(ResponseCode::SYSTEM_ERROR, error.to_string())),
    });
}

async fn later_panic(_: Arc<EchoRole>, _: OwnedFrame, _responder: Responder) {
    panic!("as the test asked")
}

/// A server on a free port, and what its role tells.
#[derive(Debug)]
pub struct Rig {
    pub server: Server,
    pub service: Arc<EchoService>,
    pub addr: SocketAddr,
    pub events: mpsc::UnboundedReceiver<Event>,
}

pub fn server_config() -> ServerConfig {
    ServerConfig {
        name: "test",
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        io_shards: 1,
        frame: FrameLimits { frame_bytes_max: 1 << 20, header_bytes_max: 1 << 16 },
        connections_max: 1000,
        in_flight_max: 1000,
        outbound_bytes_max: 64 << 20,
        budget: Arc::default(),
        partial_frame_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        version: 493,
    }
}

pub fn client_config() -> ClientConfig {
    ClientConfig { connect_timeout: PATIENCE, ..ClientConfig::default() }
}

impl Rig {
    pub fn start(config: ServerConfig) -> Self {
        Self::start_with(config, |routes| routes)
    }

    pub fn start_with(
        config: ServerConfig,
        change: impl FnOnce(Routes<EchoRole>) -> Routes<EchoRole>,
    ) -> Self {
        let (service, events) = echo_service(change);
        let server = Server::start(config, Arc::clone(&service) as Arc<dyn Service>).unwrap();
        let addr = server.local_addrs()[0];
        Self { server, service, addr, events }
    }

    pub async fn peer(&self) -> Peer {
        Peer::connect(self.addr).await
    }

    /// The next event that `pick` takes.
    pub async fn event<T>(&mut self, pick: impl Fn(Event) -> Option<T>) -> T {
        soon(async {
            loop {
                if let Some(picked) = pick(self.events.recv().await.unwrap()) {
                    return picked;
                }
            }
        })
        .await
    }

    pub async fn parked(&mut self) -> Responder {
        self.event(|event| match event {
            Event::Parked(responder) => Some(responder),
            _ => None,
        })
        .await
    }
}

pub fn echo_service(
    change: impl FnOnce(Routes<EchoRole>) -> Routes<EchoRole>,
) -> (Arc<EchoService>, mpsc::UnboundedReceiver<Event>) {
    let (events, received) = mpsc::unbounded_channel();
    let role = Arc::new(EchoRole {
        events,
        turns: AtomicU64::new(0),
        big_answers: AtomicU64::new(0),
        gate: tokio::sync::Mutex::new(()),
    });
    let routes = change(echo_routes(&role));
    (Arc::new(EchoService { role, routes }), received)
}

/// A socket on which the test writes and reads frames itself.
#[derive(Debug)]
pub struct Peer {
    pub stream: TcpStream,
    read: BytesMut,
}

impl Peer {
    pub async fn connect(addr: SocketAddr) -> Self {
        let stream = soon(TcpStream::connect(addr)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: BytesMut::new() }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
    }

    /// The next frame; `None` where the server closed instead.
    pub async fn frame(&mut self) -> Option<OwnedFrame> {
        loop {
            if let Some(length) = self.read.first_chunk::<4>() {
                let frame_bytes = 4 + usize::try_from(u32::from_be_bytes(*length)).unwrap();
                if self.read.len() >= frame_bytes {
                    let raw = self.read.split_to(frame_bytes).freeze();
                    let limits = FrameLimits { frame_bytes_max: 1 << 30, ..FrameLimits::default() };
                    return Some(OwnedFrame::from_bytes(raw, &limits).unwrap().unwrap());
                }
            }
            if soon(self.stream.read_buf(&mut self.read)).await.unwrap() == 0 {
                return None;
            }
        }
    }

    pub async fn answers(&mut self, count: usize) -> Vec<Answered> {
        let mut answers = Vec::new();
        for _ in 0..count {
            answers.push(Answered::of(&self.frame().await.expect("the server closed")));
        }
        answers
    }

    pub async fn answer(&mut self) -> Answered {
        self.answers(1).await.remove(0)
    }

    /// Everything up to the server's FIN, whatever it is.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = self.read.split().to_vec();
        soon(self.stream.read_to_end(&mut rest)).await.unwrap();
        rest
    }

    pub async fn echoes(&mut self, opaque: i32) {
        self.send(&request(10, opaque, b"still there")).await;
        let answer = self.answer().await;
        assert_eq!((answer.code, answer.opaque, &*answer.body), (0, opaque, &b"still there"[..]));
    }
}

/// An answer as values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    pub serialize: SerializeType,
    pub code: i32,
    pub opaque: i32,
    pub remark: Option<String>,
    pub turn: Option<String>,
    pub body: Vec<u8>,
}

impl Answered {
    pub fn of(frame: &OwnedFrame) -> Self {
        let frame = frame.view();
        assert!(frame.flags.is_response());
        assert_eq!((frame.language, frame.version), (Language::JAVA, 493));
        Self {
            serialize: frame.serialize,
            code: frame.code,
            opaque: frame.opaque,
            remark: frame.remark.map(|remark| remark.to_str().into_owned()),
            turn: frame.fields.find("turn").map(|turn| turn.into_owned()),
            body: frame.body.to_vec(),
        }
    }

    pub fn remark(&self) -> &str {
        self.remark.as_deref().unwrap_or("")
    }
}

pub fn request(code: i32, opaque: i32, body: &[u8]) -> Vec<u8> {
    frame(SerializeType::Json, Flags::REQUEST, code, opaque, &[], body)
}

pub fn frame(
    serialize: SerializeType,
    flags: Flags,
    code: i32,
    opaque: i32,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let mut out = BytesMut::new();
    let head =
        Head { serialize, code, language: Language::GO, version: 317, opaque, flags, remark: None };
    encode_head(&mut out, &head, fields, body.len());
    out.extend_from_slice(body);
    out.to_vec()
}
