//! The reply to a send, and the template that most of them are written from.
use bytes::BytesMut;
use remora_protocol::message_id::HexId;
use remora_protocol::{Changing, EncodeHeader, FieldWriter, FrameTemplate, Head, Place};
use remora_remoting::Reply;
use remora_store::Appended;

/// Header of a send's reply, with the two fields that Apache adds to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendReply<'t> {
    /// The offset id of a record at 0.
    pub first_id: &'t HexId,
    pub records: &'t [Appended],
    pub queue_id: i32,
    /// As it came, in a header that was UTF-8.
    pub transaction_id: &'t [u8],
    pub region: &'t str,
    pub trace_on: bool,
    pub template: Option<&'t FrameTemplate<4>>,
}

impl SendReply<'_> {
    /// The offset ids of the records, joined by commas.
    fn msg_id(&self) -> String {
        let ids: Vec<HexId> = self.records.iter().map(|one| self.offset_id(one)).collect();
        ids.iter().map(HexId::as_str).collect::<Vec<_>>().join(",")
    }

    fn offset_id(&self, record: &Appended) -> HexId {
        self.first_id.ending_in(&record.physical_offset.to_be_bytes())
    }

    fn queue_offset(&self) -> i64 {
        let first = self.records.first().map_or(0, |record| record.queue_offset);
        i64::try_from(first).unwrap_or(i64::MAX)
    }

    /// What a template leaves open, given the only record.
    fn changing(&self, record: &Appended) -> [Changing<'_>; 4] {
        [
            Changing::Hex(record.physical_offset),
            Changing::Number(self.queue_id.into()),
            Changing::Number(self.queue_offset()),
            Changing::Text(self.transaction_id),
        ]
    }

    fn transaction_id(&self) -> &str {
        std::str::from_utf8(self.transaction_id).unwrap_or_default()
    }

    pub(crate) fn to_reply(self) -> Reply {
        Reply::success()
            .field("msgId", self.msg_id())
            .field("queueId", self.queue_id)
            .field("queueOffset", self.queue_offset())
            .field("transactionId", self.transaction_id())
            .field("MSG_REGION", self.region)
            .field("TRACE_ON", self.trace_on)
    }
}

impl EncodeHeader for SendReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        match self.records {
            [single] => out.str("msgId", self.offset_id(single).as_str()),
            _ => out.str("msgId", &self.msg_id()),
        }
        out.int("queueId", i64::from(self.queue_id));
        out.int("queueOffset", self.queue_offset());
        out.str("transactionId", self.transaction_id());
        out.str("MSG_REGION", self.region);
        out.bool("TRACE_ON", self.trace_on);
    }

    fn encode_frame(&self, out: &mut BytesMut, head: &Head<'_>) -> bool {
        let (Some(template), [single]) = (self.template, self.records) else { return false };
        if !template.fits(head) {
            return false;
        }
        template.append_to(out, head.opaque, self.changing(single));
        true
    }
}

/// The reply to a timer message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplyWithHandle<'t> {
    pub plain: SendReply<'t>,
    pub handle: Option<&'t str>,
}

impl EncodeHeader for ReplyWithHandle<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        self.plain.encode(out);
        if let Some(handle) = self.handle {
            out.str("recallHandle", handle);
        }
    }
}

/// What a thread's answers share.
#[derive(Debug, Default)]
pub(crate) struct ReplyTemplate {
    pub frame: Option<FrameTemplate<4>>,
    first_id: HexId,
    region: String,
    trace_on: bool,
}

impl ReplyTemplate {
    /// Makes the template of answers like this one, unless it is there.
    pub(crate) fn learn(&mut self, head: &Head<'_>, reply: &SendReply<'_>) {
        let same = self.first_id == *reply.first_id
            && self.region == reply.region
            && self.trace_on == reply.trace_on;
        if !same {
            self.frame = None;
            self.first_id = *reply.first_id;
            reply.region.clone_into(&mut self.region);
            self.trace_on = reply.trace_on;
        }
        let [single] = reply.records else { return };
        if let Some(frame) = self.frame.as_mut().filter(|frame| frame.fits(head)) {
            frame.expect(head.opaque, reply.changing(single));
            return;
        }
        let plain = SendReply { template: None, ..*reply };
        let whole = Place::Whole;
        let changing = [
            Place::Last16("msgId"),
            whole("queueId"),
            whole("queueOffset"),
            whole("transactionId"),
        ];
        let frame = FrameTemplate::new(head, &plain, changing);
        // The one of JSON outlasts answers in binary.
        if frame.is_some() {
            self.frame = frame;
        }
    }
}
