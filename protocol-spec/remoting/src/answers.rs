//! Answers to requests of ours, settled where they stand in the read buffer.
use std::task::Waker;

use remora_protocol::message_id::HexId;
use remora_protocol::{Frame, OwnedFrame, ResponseCode, header};

use crate::reply_shape::ReplyShape;

/// Bit of an opaque that says: whoever asked takes a [`StoredReply`]. Told by the number itself, so
/// that the task that reads an answer need not look the request up to know.
pub(crate) const TAKES_STORED: i32 = 1;

/// The usual answer to a send, with no memory of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredReply {
    /// SUCCESS, or why the message is stored less safely than asked for.
    pub code: ResponseCode,
    pub offset_id: HexId,
    pub queue_id: i32,
    pub queue_offset: i64,
}

impl StoredReply {
    /// `None` where the answer says more than fits, or something else.
    fn read(frame: &Frame<'_>) -> Option<Self> {
        let code = ResponseCode(frame.code);
        if !code.is_stored() || !frame.body.is_empty() {
            return None;
        }
        let reply = header::SendMessageReply::decode(&frame.fields).ok()?;
        if reply.recall_handle.is_some() {
            return None;
        }
        let offset_id = HexId::copy_of(reply.msg_id.as_bytes())?;
        let (queue_id, queue_offset) = (reply.queue_id, reply.queue_offset);
        Some(Self { code, offset_id, queue_id, queue_offset })
    }
}

/// What the answer to a send says.
#[derive(Clone, Debug)]
pub enum SendAnswer {
    Stored(StoredReply),
    /// Any other answer.
    Frame(OwnedFrame),
}

/// The answers of one turn, and what the next ones will probably look like.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub settled: Vec<(i32, SendAnswer)>,
    /// Room for those who wait; empty between turns.
    pub wakers: Vec<Waker>,
    shape: ReplyShape,
}

impl Answers {
    /// Takes the answer at the start of `bytes` if it is like the last one to a send. Returns how
    /// many bytes it took.
    pub(crate) fn take_usual(&mut self, bytes: &[u8]) -> Option<usize> {
        let (opaque, reply, frame_bytes) = self.shape.read(bytes)?;
        if opaque & TAKES_STORED == 0 {
            return None;
        }
        self.settled.push((opaque, SendAnswer::Stored(reply)));
        Some(frame_bytes)
    }

    pub(crate) fn take(&mut self, frame: &Frame<'_>) {
        let stored = if frame.opaque & TAKES_STORED == 0 { None } else { StoredReply::read(frame) };
        let answer = match stored {
            Some(reply) => {
                self.shape.learn(frame, reply.code);
                SendAnswer::Stored(reply)
            }
            None => SendAnswer::Frame(frame.to_owned_frame()),
        };
        self.settled.push((frame.opaque, answer));
    }
}
