//! What an idle connection costs the server.
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use remora_protocol::{FrameLimits, SerializeType, frame};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clock;
use crate::compare::figures::{Measured, Unit};
use crate::compare::work::anonymous_bytes;
use crate::target::Target;
use crate::template::{OPAQUE_BASE, OpaqueBytes, Template, TemplateSpec};

/// Buffers that a connection gives back when it falls silent are back by then.
const SETTLE: Duration = Duration::from_secs(2);

/// Memory that `connections` connections take that have sent one message each.
pub fn memory(target: &Target, connections: usize) -> anyhow::Result<Measured> {
    allow_files(connections as u64 + 256);
    let pid = target.server_pid.context("the server runs elsewhere: its memory is not known")?;
    let addr: SocketAddr = target.brokers.first().context("no broker")?.addr.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut request = one_message(target.topic());
        // What the first connections make the server set up once is not theirs.
        let _first = open(addr, &mut request, 100).await?;
        tokio::time::sleep(SETTLE).await;
        let before = anonymous_bytes(pid).context("the server is gone")?;
        let _silent = open(addr, &mut request, connections).await?;
        tokio::time::sleep(SETTLE).await;
        let after = anonymous_bytes(pid).context("the server is gone")?;
        let mut measured = Measured::default();
        let each = (after - before).max(0.0) / connections as f64;
        measured.put("memory a connection", Unit::Bytes, each);
        Ok(measured)
    })
}

async fn open(
    addr: SocketAddr,
    request: &mut OneMessage,
    connections: usize,
) -> anyhow::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(connections);
    for n in 0..connections {
        let mut stream = TcpStream::connect(addr)
            .await
            .with_context(|| format!("connection {n} of {connections}"))?;
        if !request.accepted(&mut stream).await? {
            bail!("the message of connection {n} was refused");
        }
        streams.push(stream);
    }
    Ok(streams)
}

/// A message sent again and again on any connection.
#[derive(Debug)]
pub struct OneMessage {
    template: Template,
    sequence: u64,
}

/// A small message to a topic that the broker may have to create.
pub fn one_message(topic: &str) -> OneMessage {
    let template = Template::new(&TemplateSpec {
        topic,
        broker_name: "",
        queue: 0,
        body_bytes: 128,
        batch: 1,
        serialize: SerializeType::Json,
        run: clock::run_id(),
        producer: 0,
    });
    OneMessage { template, sequence: 0 }
}

impl OneMessage {
    /// Sends it and reads the answer.
    pub async fn accepted(&mut self, stream: &mut TcpStream) -> anyhow::Result<bool> {
        let opaque = OpaqueBytes::new(SerializeType::Json, OPAQUE_BASE);
        let mut out = Vec::new();
        let (born_ms, now_ns) = (clock::wall_ms(), clock::now_ns());
        self.template.append_to(&mut out, &opaque, born_ms, self.sequence, now_ns);
        self.sequence += 1;
        stream.write_all(&out).await?;
        let mut input = Vec::with_capacity(512);
        loop {
            if stream.read_buf(&mut input).await? == 0 {
                bail!("the broker closed the connection");
            }
            if let Some(answer) = frame::peek(&input, &FrameLimits::default())? {
                return Ok(answer.code == 0);
            }
        }
    }
}

/// Raises the limit of open files as far as this process may.
pub fn allow_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(wanted).min(wanted);
    if limit.current.is_some_and(|current| current < most) {
        let raised = Rlimit { current: Some(most), maximum: limit.maximum };
        // Refused: connecting will say what failed.
        let _raised = setrlimit(Resource::Nofile, raised);
    }
}
