//! Last words to a peer whose bytes are not a frame.
use bytes::Bytes;
use remora_protocol::opaque::peek_opaque;
use remora_protocol::{FrameError, ResponseCode, SerializeType};

use crate::body::Body;
use crate::connection::Connection;
use crate::counters::count;
use crate::outgoing::Outgoing;
use crate::responder::{Outcome, Ticket};
use crate::service::Refusal;

const HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain\r\n\
    Connection: close\r\n\
    \r\n\
    This port speaks the Remoting protocol of RocketMQ, not HTTP.\n";

/// Says why the connection closes, in the form that the peer most likely reads: where it speaks
/// Remoting at all, a response with the number of its request.
pub(crate) fn explain(conn: &Connection, rest: &[u8], error: &FrameError, out: &mut Outgoing) {
    count(&conn.counters.malformed_frames, 1);
    tracing::warn!(peer = %conn.peer, %error, "not a frame, closing the connection");
    match error {
        FrameError::Foreign { protocol: "HTTP", .. } => {
            out.append_bytes(Bytes::from_static(HTTP_ANSWER));
        }
        FrameError::Foreign { .. } => {}
        error => {
            let remark = error.to_string();
            let outcome =
                Outcome { code: ResponseCode::SYSTEM_ERROR, remark: Some(remark.as_str()) };
            ticket(rest).answer(out, conn.identity, &outcome, &(), Body::Empty);
        }
    }
}

/// Refuses the request of which `rest` is all that has come.
pub(crate) fn refuse_cut(conn: &Connection, rest: &[u8], refusal: &Refusal, out: &mut Outgoing) {
    ticket(rest).refuse(out, conn.identity, refusal);
}

/// Whom an answer goes to, as far as it can be made out.
fn ticket(rest: &[u8]) -> Ticket {
    Ticket {
        opaque: peek_opaque(rest).unwrap_or(0),
        request_code: 0,
        serialize: match rest.get(4) {
            Some(1) => SerializeType::Binary,
            _ => SerializeType::Json,
        },
        oneway: false,
    }
}
