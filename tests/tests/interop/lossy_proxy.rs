//! A proxy that loses answers: the server has done what it was asked, the client never hears of it.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use remora_protocol::{Decoded, FrameLimits, frame};

use remora_tests::recording_proxy::read_frame;

/// A running proxy. Its threads end with their connections, the listener with the process.
#[derive(Debug)]
pub struct LossyProxy {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Where connections go; none is accepted before it is known.
    target: Option<String>,
    /// Requests with these codes lose their answer, and their connection with it.
    losing: BTreeSet<i32>,
    lost: Vec<Vec<u8>>,
}

impl LossyProxy {
    /// Listens on a free port.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = lock(&shared).target.clone();
                if let Some(Ok(server)) = target.map(TcpStream::connect) {
                    let _ = forward(&client, &server, &shared);
                }
            }
        });
        Ok(Self { addr, state })
    }

    /// Where clients connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn forward_to(&self, target: &str) {
        lock(&self.state).target = Some(target.to_owned());
    }

    /// Loses the next answer to a request with one of these codes.
    pub fn lose_one(&self, codes: &[i32]) {
        lock(&self.state).losing = codes.iter().copied().collect();
    }

    /// The frames that were lost.
    pub fn lost(&self) -> Vec<Vec<u8>> {
        lock(&self.state).lost.clone()
    }

    pub fn forget_lost(&self) {
        lock(&self.state).lost.clear();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forward(client: &TcpStream, server: &TcpStream, state: &Arc<Mutex<State>>) -> io::Result<()> {
    // The request whose answer is awaited to be lost.
    let doomed: Arc<Mutex<Option<i32>>> = Arc::default();
    for (from_client, from, to) in [(true, client, server), (false, server, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        let (state, doomed) = (Arc::clone(state), Arc::clone(&doomed));
        thread::spawn(move || {
            while let Ok(bytes) = read_frame(&mut from) {
                let Some((code, opaque)) = code_and_opaque(&bytes) else { break };
                let mut doomed = doomed.lock().unwrap_or_else(PoisonError::into_inner);
                if from_client {
                    let mut state = lock(&state);
                    if state.losing.contains(&code) {
                        state.losing.clear();
                        *doomed = Some(opaque);
                    }
                } else if *doomed == Some(opaque) {
                    lock(&state).lost.push(bytes);
                    break;
                }
                drop(doomed);
                if to.write_all(&bytes).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}

fn code_and_opaque(bytes: &[u8]) -> Option<(i32, i32)> {
    match frame::decode(bytes, &FrameLimits::default()) {
        Ok(Decoded::Complete { frame, .. }) => Some((frame.code, frame.opaque)),
        _ => None,
    }
}
