//! Listening sockets: binding, accepting, and refusing what is one too many.
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use remora_protocol::frame::decode;
use remora_protocol::{Decoded, FrameLimits, ResponseCode, SerializeType};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::body::Body;
use crate::budget::{Budget, CONNECTION_BYTES, Class, Reserved};
use crate::connection::Identity;
use crate::counters::count;
use crate::outgoing::Outgoing;
use crate::port_owner;
use crate::responder::{Outcome, Ticket};
use crate::shard::{ShardState, ToShard};

/// Connections that the kernel completes before we accept them.
/// Chosen: the most that Linux gives without a setting.
const BACKLOG: i32 = 4096;

/// Connections being refused at a time; more are closed without a word.
const REFUSING_MAX: usize = 64;

/// How long a refused peer may take to say what it wants. Chosen: a client asks at once.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Pause when the process has no file descriptor left: accepting again at once would spin.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Where accepted connections go, and how many there may be.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub shards: Vec<(mpsc::UnboundedSender<ToShard>, Arc<ShardState>)>,
    pub connections_max: usize,
    pub budget: Arc<Budget>,
    pub refusing: Arc<AtomicUsize>,
}

/// Binds and listens. An address in use is an error that names it and its owner.
pub fn bind(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let bound = || -> io::Result<std::net::TcpListener> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // Restarting must not wait for old connections in TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    bound().map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            let owner =
                port_owner::of(addr).map_or_else(String::new, |owner| format!(" by {owner}"));
            let text =
                format!("{addr} is already in use{owner}; stop it or choose another address");
            io::Error::new(error.kind(), text)
        }
        kind => io::Error::new(kind, format!("cannot listen on {addr}: {error}")),
    })
}

/// Accepts until `stop`, giving each connection to the least loaded shard.
pub(crate) async fn accept_loop(
    listener: std::net::TcpListener,
    listening: Listening,
    stop: CancellationToken,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "cannot watch a listening socket");
            return;
        }
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
            Ok((stream, peer)) => listening.hand_over(stream, peer),
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

impl Listening {
    fn hand_over(&self, stream: std::net::TcpStream, peer: SocketAddr) {
        // Without it small answers wait for the peer's delayed acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "connection lost before it was served");
            return;
        }
        let least = self.shards.iter().min_by_key(|(_, state)| state.load.weight());
        let Some((to_shard, state)) = least else { return };
        let reason = match self.admit() {
            Ok(open) => {
                state.load.assign();
                // A shard that has stopped drops its orders, which closes the socket.
                let _ = to_shard.send(ToShard::Serve(stream, peer, open));
                return;
            }
            Err(reason) => reason,
        };
        count(&state.counters.connections_refused, 1);
        tracing::warn!(%peer, reason, "refusing a connection");
        if self.refusing.fetch_add(1, Ordering::Relaxed) < REFUSING_MAX {
            let refusing = Refusing(Arc::clone(&self.refusing));
            let _ = to_shard.send(ToShard::Refuse(stream, refusing, reason));
        } else {
            self.refusing.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// One more connection, or why not.
    fn admit(&self) -> Result<Reserved, String> {
        let open: usize = self.shards.iter().map(|(_, state)| state.load.connections()).sum();
        if open >= self.connections_max {
            let limit = self.connections_max;
            return Err(format!(
                "{open} connections are open, the limit is {limit}; \
                 close some or raise connections_max"
            ));
        }
        Reserved::new(&self.budget, Class::Connections, CONNECTION_BYTES)
            .map_err(|over| over.to_string())
    }
}

/// One of the connections being refused.
#[derive(Debug)]
pub(crate) struct Refusing(Arc<AtomicUsize>);

impl Drop for Refusing {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers the first request of a connection too many, so that its client learns the reason.
pub(crate) async fn refuse(
    stream: std::net::TcpStream,
    refusing: Refusing,
    identity: Identity,
    limits: FrameLimits,
    reason: String,
) {
    let refused = async {
        let mut stream = TcpStream::from_std(stream)?;
        let mut request = vec![0; 4096];
        let read_bytes = stream.read(&mut request).await?;
        let ticket = ticket_of(request.get(..read_bytes).unwrap_or(&[]), &limits);
        let outcome = Outcome { code: ResponseCode::SYSTEM_BUSY, remark: Some(&reason) };
        let mut out = Outgoing::default();
        ticket.answer(&mut out, identity, &outcome, &(), Body::Empty);
        stream.write_all(out.tail()).await?;
        stream.shutdown().await?;
        // Until the peer has closed too: see `conn_task::Phase::Lingering`.
        while stream.read(&mut request).await? > 0 {}
        io::Result::Ok(())
    };
    if let Ok(Err(error)) = tokio::time::timeout(REFUSAL_TIMEOUT, refused).await {
        tracing::debug!(%error, "a refused connection broke");
    }
    drop(refusing);
}

/// Whom the refusal answers, as far as it can be made out.
fn ticket_of(request: &[u8], limits: &FrameLimits) -> Ticket {
    match decode(request, limits) {
        Ok(Decoded::Complete { frame, .. }) => Ticket {
            opaque: frame.opaque,
            request_code: frame.code,
            serialize: frame.serialize,
            oneway: frame.flags.is_oneway(),
        },
        _ => Ticket {
            opaque: remora_protocol::opaque::peek_opaque(request).unwrap_or(0),
            request_code: 0,
            serialize: SerializeType::Json,
            oneway: false,
        },
    }
}
