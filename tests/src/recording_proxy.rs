//! A proxy that keeps the frames which pass through it: golden frames are what official programs
//! really said.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// One frame and who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The connection it belongs to, counted from 0 in the order in which they were accepted.
    pub connection: usize,
    /// From the client to the server.
    pub from_client: bool,
    /// The whole frame, its length included.
    pub bytes: Vec<u8>,
}

/// A running proxy. Its threads end with their connections, the listener with the process.
#[derive(Debug)]
pub struct RecordingProxy {
    frames: Arc<Mutex<Vec<Recorded>>>,
}

impl RecordingProxy {
    /// Listens on `listen` and forwards to `target`.
    pub fn start(listen: &str, target: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let frames: Arc<Mutex<Vec<Recorded>>> = Arc::default();
        let recorded = Arc::clone(&frames);
        let target = target.to_owned();
        thread::spawn(move || {
            for (connection, client) in listener.incoming().map_while(Result::ok).enumerate() {
                if let Ok(server) = TcpStream::connect(&target) {
                    let _ = forward(connection, &client, &server, &recorded);
                }
            }
        });
        Ok(Self { frames })
    }

    /// What has passed so far.
    pub fn frames(&self) -> Vec<Recorded> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn forward(
    connection: usize,
    client: &TcpStream,
    server: &TcpStream,
    frames: &Arc<Mutex<Vec<Recorded>>>,
) -> io::Result<()> {
    for (from_client, from, to) in [(true, client, server), (false, server, client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        let frames = Arc::clone(frames);
        thread::spawn(move || {
            while let Ok(bytes) = read_frame(&mut from) {
                // Kept before it is passed on, so that whoever has the answer finds the question
                // here.
                let recorded = Recorded { connection, from_client, bytes: bytes.clone() };
                frames.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
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

/// The next frame, its length included.
pub fn read_frame(from: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let rest = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let mut frame = length.to_vec();
    frame.resize(4 + rest, 0);
    from.read_exact(frame.get_mut(4..).unwrap_or_default())?;
    Ok(frame)
}
