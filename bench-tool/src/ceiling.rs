//! The ceiling: a server with the same framing that answers every request and stores nothing.
//!
//! What a broker reaches of its rate in the same run says what the broker itself costs.
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, anyhow};
use bytes::{Buf as _, BytesMut};
use remora_protocol::{Decoded, EncodeHeader, FieldWriter, Flags, FrameLimits, Head, frame};
use tokio::net::{TcpListener, TcpStream};

use crate::target::{BrokerTarget, Target};

/// Serves on `threads` threads of this process and never returns; prints the address first.
pub fn serve_forever(listen: SocketAddr, threads: usize) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    let serving = (0..threads.max(1))
        .map(|n| {
            let listener = listener.try_clone()?;
            std::thread::Builder::new().name(format!("ceiling-{n}")).spawn(move || serve(listener))
        })
        .collect::<Result<Vec<_>, _>>()?;
    for thread in serving {
        thread.join().map_err(|_| anyhow!("a ceiling thread panicked"))?;
    }
    Ok(())
}

/// A ceiling in a process of its own, so that its CPU can be told from the generator's. Ends with
/// this value.
#[derive(Debug)]
pub struct Ceiling {
    process: Child,
    addr: String,
}

impl Ceiling {
    pub fn spawn() -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["ceiling", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().context("the ceiling has no stdout")?;
        let mut addr = String::new();
        BufReader::new(stdout).read_line(&mut addr)?;
        Ok(Self { process, addr: addr.trim().to_owned() })
    }

    pub fn target(&self, topic: &str, queues: u32) -> Target {
        let broker = BrokerTarget {
            name: "ceiling".to_owned(),
            addr: self.addr.clone(),
            queues,
            queue_offsets_max: vec![0; queues as usize],
        };
        let server_pid = Some(self.process.id());
        Target { topic: topic.to_owned(), brokers: vec![broker], server_pid }
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn serve(listener: std::net::TcpListener) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(async {
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // The peer closing is how a load ends.
                let _closed = answer_all(stream).await;
            });
        }
    });
}

struct Constant;

impl EncodeHeader for Constant {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("msgId", "7F00000100002A9F0000000000000000");
        out.int("queueId", 0);
        out.int("queueOffset", 0);
    }
}

async fn answer_all(stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let limits = FrameLimits::default();
    let (mut input, mut out) = (BytesMut::with_capacity(64 * 1024), BytesMut::new());
    loop {
        stream.readable().await?;
        input.reserve(32 * 1024);
        match stream.try_read_buf(&mut input) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(e) => return Err(e.into()),
        }
        let mut taken = 0;
        while let Decoded::Complete { frame, frame_bytes } =
            frame::decode(&input[taken..], &limits)?
        {
            taken += frame_bytes;
            let head = Head {
                serialize: frame.serialize,
                code: 0,
                language: frame.language,
                version: 493,
                opaque: frame.opaque,
                flags: Flags::RESPONSE,
                remark: None,
            };
            frame::encode_head(&mut out, &head, &Constant, 0);
        }
        input.advance(taken);
        while !out.is_empty() {
            match stream.try_write(&out) {
                Ok(bytes) => out.advance(bytes),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => stream.writable().await?,
                Err(e) => return Err(e.into()),
            }
        }
    }
}
