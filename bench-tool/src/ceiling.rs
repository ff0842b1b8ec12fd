//! The ceiling: a server with the same framing that answers only. It finds where a frame ends and
//! what its opaque is; it looks at nothing else, checks nothing and stores nothing.
//!
//! What a broker reaches of its rate in the same run says what the broker itself costs.
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, anyhow};
use bytes::BytesMut;
use remora_protocol::{
    EncodeHeader, FieldWriter, Flags, FrameLimits, Head, Language, SerializeType, frame,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::target::{BrokerTarget, Target};
use crate::template::{OPAQUE_DIGITS, OPAQUE_SAMPLE};

/// One read takes what is there, up to this.
const READ_BYTES: usize = 64 * 1024;

/// Serves on `threads` threads of this process and never returns; prints the address first.
pub fn serve_forever(listen: SocketAddr, threads: usize) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(listen)?;
    println!("{}", listener.local_addr()?);
    let mut shards = Vec::new();
    for n in 0..threads.max(1) {
        let (shard, accepted) = mpsc::unbounded_channel();
        std::thread::Builder::new().name(format!("ceiling-{n}")).spawn(move || serve(accepted))?;
        shards.push(shard);
    }
    for shard in shards.iter().cycle() {
        let (stream, _) = listener.accept()?;
        shard.send(stream).map_err(|_| anyhow!("a ceiling thread panicked"))?;
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

    pub fn target(&self, topics: Vec<String>, queues: u32) -> Target {
        let broker = BrokerTarget {
            name: "ceiling".to_owned(),
            addr: self.addr.clone(),
            queues,
            queue_offsets_max: vec![0; queues as usize],
        };
        Target { topics, brokers: vec![broker], server_pid: Some(self.process.id()) }
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Serves the connections that it is given, on the calling thread.
fn serve(mut accepted: mpsc::UnboundedReceiver<std::net::TcpStream>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    runtime.block_on(async {
        while let Some(stream) = accepted.recv().await {
            tokio::spawn(async move {
                // The peer closing is how a load ends.
                let _closed = answer_all(stream).await;
            });
        }
    });
}

/// The answer to every request: what a broker says of a stored message.
struct Stored;

impl EncodeHeader for Stored {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("msgId", "7F00000100002A9F0000000000000000");
        out.int("queueId", 0);
        out.int("queueOffset", 0);
    }
}

/// The one answer to the usual request, encoded once; the opaque is patched in.
struct Answers {
    json: Vec<u8>,
    opaque_at: usize,
}

impl Answers {
    fn new() -> Self {
        let json = encode(SerializeType::Json, OPAQUE_SAMPLE);
        let sample = OPAQUE_SAMPLE.to_string();
        let found = json.windows(OPAQUE_DIGITS).position(|window| window == sample.as_bytes());
        Self { opaque_at: found.unwrap_or(0), json: json.to_vec() }
    }

    /// Appends the answer to `request`.
    fn put(&self, out: &mut Vec<u8>, request: &frame::Peek) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(request.opaque).as_bytes();
        if request.serialize != SerializeType::Json || digits.len() != OPAQUE_DIGITS {
            out.extend_from_slice(&encode(request.serialize, request.opaque));
            return;
        }
        let place = out.len() + self.opaque_at;
        out.extend_from_slice(&self.json);
        if let Some(place) = out.get_mut(place..place + OPAQUE_DIGITS) {
            place.copy_from_slice(digits);
        }
    }
}

fn encode(serialize: SerializeType, opaque: i32) -> BytesMut {
    let head = Head {
        serialize,
        code: 0,
        language: Language(0),
        version: 493,
        opaque,
        flags: Flags::RESPONSE,
        remark: None,
    };
    let mut out = BytesMut::new();
    frame::encode_head(&mut out, &head, &Stored, 0);
    out
}

/// One write answers everything that one read has brought.
async fn answer_all(stream: std::net::TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream)?;
    let limits = FrameLimits::default();
    let answers = Answers::new();
    let (mut input, mut filled, mut out) = (vec![0; READ_BYTES], 0, Vec::new());
    loop {
        match stream.read(&mut input[filled..]).await? {
            0 => return Ok(()),
            bytes => filled += bytes,
        }
        let mut taken = 0;
        while let Some(request) = frame::peek(&input[taken..filled], &limits)? {
            taken += request.frame_bytes;
            answers.put(&mut out, &request);
        }
        input.copy_within(taken..filled, 0);
        filled -= taken;
        if filled == input.len() {
            input.resize(2 * filled, 0);
        }
        stream.write_all(&out).await?;
        out.clear();
    }
}
