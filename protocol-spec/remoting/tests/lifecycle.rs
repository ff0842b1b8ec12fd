//! Connections made, shared, broken and made again; servers started and drained.
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use remora_protocol::{RequestHeader, ResponseCode, SerializeType};
use remora_remoting::{
    Body, ClientConfig, Connector, NoService, RequestError, Server, ServerConfig, Service,
};

fn connector() -> Connector {
    Connector::new(client_config(), Arc::new(NoService))
}

#[tokio::test]
async fn both_sides_ask_each_other_at_the_same_time() {
    let rig = Rig::start(server_config());
    for serialize in [SerializeType::Json, SerializeType::Binary] {
        let (client_service, _events) = echo_service(|routes| routes);
        let config = ClientConfig { serialize, ..client_config() };
        let connector = Connector::new(config, client_service);
        let conn = connector.connection(&rig.addr.to_string()).await.unwrap();
        let mut asked = Vec::new();
        for number in 0..50 {
            let body = format!("question {number}").into_bytes();
            let code = if number % 2 == 0 { AskBack::CODE } else { Echo::CODE };
            let answer = conn.send(code, &(), body.clone().into(), PATIENCE).unwrap();
            asked.push((body, answer));
        }
        for (body, answer) in asked {
            let answer = soon(answer).await.unwrap();
            assert_eq!((answer.view().code, &*answer.body()), (0, &*body));
        }
        connector.close().await;
    }
}

#[tokio::test]
async fn a_request_with_fields_arrives_whole() {
    let rig = Rig::start(server_config());
    let conn = connector().connection(&rig.addr.to_string()).await.unwrap();
    let fields = [("malformed", "yes")];
    let answer = conn.request(Echo::CODE, &fields[..], Body::Empty, PATIENCE).await.unwrap();
    assert_eq!(answer.view().code, 1);
}

#[tokio::test]
async fn concurrent_callers_share_one_attempt() {
    let rig = Rig::start(server_config());
    let connector = connector();
    let addr = rig.addr.to_string();
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (connector, addr) = (connector.clone(), addr.clone());
        callers.spawn(async move { connector.connection(&addr).await.unwrap().id });
    }
    let ids = soon(callers.join_all()).await;
    assert_eq!(ids, vec![ids[0]; 20]);
    assert_eq!(connector.counts().connections_opened, 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = connector().connection(&addr).await.unwrap_err();
    assert!(matches!(&error, RequestError::Connect { addr: named, .. } if *named == addr));
    let error = connector().connection("no port here").await.unwrap_err();
    assert!(error.to_string().starts_with("cannot connect to no port here: "), "{error}");
}

#[tokio::test]
async fn names_are_resolved() {
    let rig = Rig::start(server_config());
    let addr = format!("localhost:{}", rig.addr.port());
    let connector = connector();
    let conn = connector.connection(&addr).await.unwrap();
    assert_eq!(conn.peer, rig.addr);
    connector.close().await;
    let refused = conn.request(Echo::CODE, &(), Body::Empty, PATIENCE).await;
    assert_eq!(refused.unwrap_err(), RequestError::Closed { addr: addr.clone() });
    let reason = "the client stops".to_owned();
    let refused = connector.connection(&addr).await;
    assert_eq!(refused.unwrap_err(), RequestError::Connect { addr, reason });
}

#[tokio::test]
async fn a_closed_connection_fails_all_that_wait() {
    let mut rig = Rig::start(server_config());
    let connector = connector();
    let addr = rig.addr.to_string();
    let conn = connector.connection(&addr).await.unwrap();
    let waiting: Vec<_> =
        (0..3).map(|_| conn.send(Park::CODE, &(), Body::Empty, PATIENCE).unwrap()).collect();
    let mut parked = Vec::new();
    for _ in 0..3 {
        parked.push(rig.parked().await);
    }
    parked[0].conn.close("as the test asked");
    for answer in waiting {
        assert_eq!(soon(answer).await.unwrap_err(), RequestError::Closed { addr: addr.clone() });
    }
    assert!(conn.is_closed());
    assert!(connector.live_connection(&addr).is_none());
    // Answering a connection that is gone hurts nobody.
    drop(parked);

    let again = connector.connection(&addr).await.unwrap();
    assert!(!Arc::ptr_eq(&conn, &again));
    let answer = again.request(Echo::CODE, &(), Body::Empty, PATIENCE).await.unwrap();
    assert_eq!(answer.view().code, 0);
}

#[tokio::test]
async fn closing_our_side_fails_our_requests_at_once() {
    let mut rig = Rig::start(server_config());
    let addr = rig.addr.to_string();
    let conn = connector().connection(&addr).await.unwrap();
    let waiting = conn.send(Park::CODE, &(), Body::Empty, PATIENCE).unwrap();
    let _parked = rig.parked().await;
    conn.close("as the test asked");
    assert_eq!(waiting.await.unwrap_err(), RequestError::Closed { addr });
    rig.event(|event| matches!(event, Event::Disconnected(_)).then_some(())).await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_times_out_and_is_ignored_later() {
    let mut rig = Rig::start(server_config());
    let connector = connector();
    let addr = rig.addr.to_string();
    let conn = connector.connection(&addr).await.unwrap();
    let timeout = Duration::from_millis(30);
    let late = conn.request(Park::CODE, &(), Body::Empty, timeout).await.unwrap_err();
    assert_eq!(late, RequestError::Timeout { addr, timeout_ms: 30 });
    rig.parked().await.reply(ResponseCode::SUCCESS, &(), Body::Empty);
    let answer = conn.request(Echo::CODE, &(), Body::Empty, PATIENCE).await.unwrap();
    assert_eq!(answer.view().code, 0);
    assert_eq!(connector.counts().unexpected_answers, 1);
}

#[tokio::test]
async fn requests_past_the_limit_are_refused_and_dropped_ones_free_their_place() {
    let rig = Rig::start(server_config());
    let connector =
        Connector::new(ClientConfig { in_flight_max: 2, ..client_config() }, Arc::new(NoService));
    let addr = rig.addr.to_string();
    let conn = connector.connection(&addr).await.unwrap();
    let send = || conn.send(Park::CODE, &(), Body::Empty, PATIENCE);
    let first = send().unwrap();
    let _second = send().unwrap();
    assert_eq!(send().unwrap_err(), RequestError::TooManyInFlight { addr, limit: 2 });
    drop(first);
    assert!(send().is_ok());
}

#[tokio::test]
async fn a_server_that_does_not_read_is_not_sent_more() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let limit_bytes = 100_000;
    let config = ClientConfig { outbound_bytes_max: limit_bytes, ..client_config() };
    let conn = Connector::new(config, Arc::new(NoService)).connection(&addr).await.unwrap();
    let body = bytes::Bytes::from(vec![0; 50_000]);
    let refused = soon(async {
        loop {
            if let Err(error) = conn.oneway(Echo::CODE, &(), body.clone().into()) {
                return error;
            }
            tokio::task::yield_now().await;
        }
    });
    let RequestError::OutboundFull { addr: named, queued_bytes, limit_bytes: limit } =
        refused.await
    else {
        panic!("refused for another reason")
    };
    assert_eq!((named, limit), (addr, limit_bytes));
    assert!(queued_bytes > limit_bytes && queued_bytes < 2 * limit_bytes, "{queued_bytes}");
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let rig = Rig::start(server_config());
    let connector = connector();
    let addr = rig.addr.to_string();
    let before = connector.connection(&addr).await.unwrap();
    let listen = vec![rig.addr];
    soon(rig.server.drain(PATIENCE)).await;
    // The FIN has been sent; the client's task sees it when it runs next.
    soon(async {
        while !before.is_closed() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(connector.connection(&addr).await.is_err());

    let _rig = Rig::start(ServerConfig { listen, ..server_config() });
    let after = connector.connection(&addr).await.unwrap();
    let answer = after.request(Echo::CODE, &(), Body::Empty, PATIENCE).await.unwrap();
    assert_eq!(answer.view().code, 0);
}

#[tokio::test]
async fn a_drain_waits_for_deferred_answers_and_closes() {
    let mut rig = Rig::start(ServerConfig { io_shards: 2, ..server_config() });
    let mut waiting = rig.peer().await;
    let mut idle = rig.peer().await;
    idle.echoes(1).await;
    waiting.send(&request(11, 7, b"")).await;
    let parked = rig.parked().await;

    let addr = rig.addr;
    let drained = tokio::spawn(rig.server.drain(PATIENCE));
    let mut events = rig.events;
    soon(async { while !matches!(events.recv().await, Some(Event::Draining)) {} }).await;
    assert_eq!(idle.rest().await, b"");
    assert!(!drained.is_finished());
    parked.reply(ResponseCode::SUCCESS, &(), Body::Empty);
    assert_eq!(waiting.answer().await.opaque, 7);
    assert_eq!(waiting.rest().await, b"");
    drop((idle, waiting));
    soon(drained).await.unwrap();
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[tokio::test]
async fn a_drain_ends_at_its_timeout_whoever_is_still_there() {
    let mut rig = Rig::start(server_config());
    let mut peer = rig.peer().await;
    peer.send(&request(11, 7, b"")).await;
    let parked = rig.parked().await;
    soon(rig.server.drain(Duration::from_millis(20))).await;
    parked.reply(ResponseCode::SUCCESS, &(), Body::Empty);
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn several_addresses_are_served() {
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    let rig = Rig::start(ServerConfig { listen: vec![any, any], io_shards: 2, ..server_config() });
    let addrs = rig.server.local_addrs().to_vec();
    assert_eq!(addrs.len(), 2);
    for addr in addrs {
        Peer::connect(addr).await.echoes(1).await;
    }
}

#[tokio::test]
async fn an_address_in_use_is_named_with_its_owner() {
    let rig = Rig::start(server_config());
    let (service, _events) = echo_service(|routes| routes);
    let config = ServerConfig { listen: vec![rig.addr], ..server_config() };
    let error = Server::start(config, service as Arc<dyn Service>).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let text = error.to_string();
    let expected = format!("{} is already in use by ", rig.addr);
    assert!(text.starts_with(&expected), "{text}");
    assert!(text.contains(&format!("(pid {})", std::process::id())), "{text}");
}
