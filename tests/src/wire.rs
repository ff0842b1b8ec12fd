//! The protocol by hand, written from the specification and not with our codec: for input that no
//! client would send.

use std::{
    io::{self, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::clock::PATIENCE;

/// The bytes of one frame with a JSON header.
pub fn frame(header: &Value, body: &[u8]) -> Vec<u8> {
    frame_with_header(header.to_string().as_bytes(), body)
}

/// The bytes of one frame with these bytes as its (JSON) header.
pub fn frame_with_header(header: &[u8], body: &[u8]) -> Vec<u8> {
    let header_bytes = u32::try_from(header.len()).unwrap_or(u32::MAX);
    let total = u32::try_from(4 + header.len() + body.len()).unwrap_or(u32::MAX);
    let mut bytes = total.to_be_bytes().to_vec();
    bytes.extend(header_bytes.to_be_bytes());
    bytes.extend(header);
    bytes.extend(body);
    bytes
}

/// A request's header.
pub fn request(code: i32, opaque: i32, fields: &Value) -> Value {
    json!({
        "code": code, "language": "JAVA", "version": 493, "opaque": opaque, "flag": 0,
        "extFields": fields, "serializeTypeCurrentRPC": "JSON",
    })
}

/// The fields of a send to `topic` that is in order.
pub fn send_fields(topic: &str) -> Value {
    json!({
        "producerGroup": "wire-producer", "topic": topic, "defaultTopic": "TBW102",
        "defaultTopicQueueNums": "4", "queueId": "0", "sysFlag": "0", "bornTimestamp": "1700000000000",
        "flag": "0", "properties": "", "reconsumeTimes": "0", "unitMode": "false", "batch": "false",
    })
}

/// What came back: the header as JSON and the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The JSON header.
    pub header: Value,
    /// What follows it.
    pub body: Vec<u8>,
}

impl Reply {
    /// The response code.
    pub fn code(&self) -> i64 {
        self.header["code"].as_i64().unwrap_or(i64::MIN)
    }

    /// The remark, empty when there is none.
    pub fn remark(&self) -> &str {
        self.header["remark"].as_str().unwrap_or_default()
    }
}

/// A plain connection.
#[derive(Debug)]
pub struct Wire(BufReader<TcpStream>);

impl Wire {
    /// Connects to `address`.
    #[track_caller]
    pub fn connect(address: &str) -> Self {
        Self::try_connect(address).unwrap_or_else(|cause| panic!("{address}: {cause}"))
    }

    /// Connects to `address`, where there may be nobody.
    pub fn try_connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// How long a read may wait.
    pub fn patience(&self, patience: Duration) {
        let _ = self.0.get_ref().set_read_timeout(Some(patience));
    }

    /// Sends raw bytes; the server may have hung up meanwhile.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes)
    }

    /// Says that nothing more will come.
    pub fn half_close(&self) {
        let _ = self.0.get_ref().shutdown(std::net::Shutdown::Write);
    }

    /// Reads one frame; none when the server has closed the connection.
    pub fn read(&mut self) -> io::Result<Option<Reply>> {
        let mut word = [0; 4];
        match self.0.read_exact(&mut word) {
            Ok(()) => {}
            Err(cause) if is_hang_up(&cause) => return Ok(None),
            Err(cause) => return Err(cause),
        }
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(word)).unwrap_or(usize::MAX)];
        self.0.read_exact(&mut frame)?;
        let malformed = || io::Error::other("a frame that is none");
        let (word, rest) = frame.split_first_chunk::<4>().ok_or_else(malformed)?;
        let header_bytes = usize::try_from(u32::from_be_bytes(*word) & 0xFF_FFFF).unwrap_or(0);
        let (header, body) = rest.split_at_checked(header_bytes).ok_or_else(malformed)?;
        Ok(Some(Reply { header: serde_json::from_slice(header)?, body: body.to_vec() }))
    }

    /// All that comes until the server closes the connection.
    pub fn read_until_closed(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Err(cause) if !is_hang_up(&cause) => Err(cause),
            _ => Ok(bytes),
        }
    }

    /// Sends a request and reads its answer.
    #[track_caller]
    pub fn ask(&mut self, code: i32, fields: &Value, body: &[u8]) -> Reply {
        let sent = self.send(&frame(&request(code, 1, fields), body));
        sent.unwrap_or_else(|cause| panic!("request {code}: {cause}"));
        match self.read() {
            Ok(Some(reply)) => reply,
            other => panic!("request {code} got no answer: {other:?}"),
        }
    }
}

fn is_hang_up(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

/// Creates a topic on the broker at `address`.
#[track_caller]
pub fn create_topic(address: &str, topic: &str, queues: usize) {
    let queues = queues.to_string();
    let fields = json!({
        "topic": topic, "defaultTopic": "TBW102", "readQueueNums": queues, "writeQueueNums": queues,
        "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
    });
    let reply = Wire::connect(address).ask(17, &fields, &[]);
    assert_eq!(reply.code(), 0, "{reply:?}");
}
