//! The header of a send, for producers: what one producer says with every message to a topic is
//! encoded once.
use crate::field_writer::{EncodedFields, FieldWriter};
use crate::fields::EncodeHeader;
use crate::frame::SerializeType;
use crate::generated::header::SendMessageHeader;
use crate::text::Text;

/// The fields that messages of one producer to one topic of one broker share. Short names, as in
/// SEND_MESSAGE_V2 and SEND_BATCH_MESSAGE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SendTemplate {
    shared: EncodedFields,
    /// `shared`, and what a plain message has: neither sysFlag nor flag.
    plain: EncodedFields,
}

/// Name and separator of property UNIQ_KEY, as JSON has them.
const UNIQ_KEY: &str = "UNIQ_KEY\\u0001";

struct Shared<'a>(&'a SendMessageHeader<'a>);

impl EncodeHeader for Shared<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("a", &self.0.producer_group);
        out.str("b", &self.0.topic);
        out.str("c", &self.0.default_topic);
        out.int("d", i64::from(self.0.default_topic_queue_nums));
        if let Some(broker_name) = &self.0.broker_name {
            out.str("n", broker_name);
        }
    }
}

struct Plain<'a>(&'a SendMessageHeader<'a>);

impl EncodeHeader for Plain<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        Shared(self.0).encode(out);
        flags(out, 0, 0);
    }
}

fn flags(out: &mut FieldWriter<'_>, sys_flag: i32, flag: i32) {
    out.int("f", i64::from(sys_flag));
    out.int("h", i64::from(flag));
}

impl SendTemplate {
    /// Takes producer group, topic, default topic, its queues and broker name from `header`.
    pub fn new(serialize: SerializeType, header: &SendMessageHeader<'_>) -> Self {
        Self {
            shared: EncodedFields::new(serialize, &Shared(header)),
            plain: EncodedFields::new(serialize, &Plain(header)),
        }
    }
}

/// A header of which the template has the rest.
#[derive(Clone, Copy, Debug)]
pub struct TemplatedSend<'a> {
    pub template: &'a SendTemplate,
    pub queue_id: i32,
    pub sys_flag: i32,
    pub born_timestamp: i64,
    pub flag: i32,
    pub properties: &'a str,
    /// Property UNIQ_KEY, where `properties` have none.
    pub unique_key: Option<&'a str>,
    pub reconsume_times: Option<i32>,
    pub max_reconsume_times: Option<i32>,
    /// The body is a batch.
    pub batch: bool,
}

impl EncodeHeader for TemplatedSend<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        if (self.sys_flag, self.flag) == (0, 0) {
            out.encoded(&self.template.plain);
        } else {
            out.encoded(&self.template.shared);
            flags(out, self.sys_flag, self.flag);
        }
        out.int("e", i64::from(self.queue_id));
        out.int("g", self.born_timestamp);
        match self.unique_key {
            Some(key) => out.texts(
                "i",
                &[
                    Text::plain(self.properties),
                    Text::escaped(UNIQ_KEY),
                    Text::plain(key),
                    Text::escaped("\\u0002"),
                ],
            ),
            None if self.properties.is_empty() => {}
            None => out.str("i", self.properties),
        }
        if let Some(value) = self.reconsume_times {
            out.int("j", i64::from(value));
        }
        if self.batch {
            out.bool("m", true);
        }
        if let Some(value) = self.max_reconsume_times {
            out.int("l", i64::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::frame::{self, Decoded, Flags, FrameLimits, Head};
    use crate::{Language, RequestCode};

    fn full() -> SendMessageHeader<'static> {
        SendMessageHeader {
            producer_group: "g\"1".into(),
            topic: "T".into(),
            default_topic: "TBW102".into(),
            default_topic_queue_nums: 4,
            queue_id: 3,
            sys_flag: 1,
            born_timestamp: 1_767_225_600_000,
            flag: 7,
            properties: Text::plain("KEYS\u{1}k\u{2}UNIQ_KEY\u{1}ID\u{2}"),
            reconsume_times: Some(2),
            batch: Some(true),
            max_reconsume_times: Some(16),
            broker_name: Some("b".into()),
            ..Default::default()
        }
    }

    /// What a broker reads of the header.
    fn read(serialize: SerializeType, header: &dyn EncodeHeader) -> SendMessageHeader<'static> {
        let head = Head {
            serialize,
            code: RequestCode::SEND_MESSAGE_V2.0,
            language: Language::JAVA,
            version: 493,
            opaque: 1,
            flags: Flags::REQUEST,
            remark: None,
        };
        let mut out = BytesMut::new();
        frame::encode_head(&mut out, &head, header, 0);
        let Ok(Decoded::Complete { frame, .. }) = frame::decode(&out, &FrameLimits::default())
        else {
            panic!("{out:?}")
        };
        let read = SendMessageHeader::decode_short(&frame.fields).unwrap();
        let numbers = numbers_of(&read);
        let properties = Box::leak(read.properties.to_str().into_owned().into_boxed_str());
        SendMessageHeader {
            producer_group: read.producer_group.into_owned().into(),
            topic: read.topic.into_owned().into(),
            default_topic: read.default_topic.into_owned().into(),
            properties: Text::plain(properties),
            broker_name: read.broker_name.map(|name| name.into_owned().into()),
            ..numbers
        }
    }

    /// The numbers of a header.
    fn numbers_of(read: &SendMessageHeader<'_>) -> SendMessageHeader<'static> {
        SendMessageHeader {
            default_topic_queue_nums: read.default_topic_queue_nums,
            queue_id: read.queue_id,
            sys_flag: read.sys_flag,
            born_timestamp: read.born_timestamp,
            flag: read.flag,
            reconsume_times: read.reconsume_times,
            unit_mode: read.unit_mode,
            batch: read.batch,
            max_reconsume_times: read.max_reconsume_times,
            ..Default::default()
        }
    }

    #[test]
    fn a_templated_header_reads_as_the_whole_one() {
        for serialize in [SerializeType::Json, SerializeType::Binary] {
            let template = SendTemplate::new(serialize, &full());
            let mut templated = TemplatedSend {
                template: &template,
                queue_id: 3,
                sys_flag: 1,
                born_timestamp: 1_767_225_600_000,
                flag: 7,
                properties: "KEYS\u{1}k\u{2}",
                unique_key: Some("ID"),
                reconsume_times: Some(2),
                max_reconsume_times: Some(16),
                batch: true,
            };
            assert_eq!(read(serialize, &templated), full());

            (templated.sys_flag, templated.flag, templated.batch) = (0, 0, false);
            (templated.properties, templated.unique_key) = ("", None);
            (templated.reconsume_times, templated.max_reconsume_times) = (None, None);
            let plain = SendMessageHeader {
                sys_flag: 0,
                flag: 0,
                properties: Text::default(),
                reconsume_times: None,
                batch: None,
                max_reconsume_times: None,
                ..full()
            };
            assert_eq!(read(serialize, &templated), plain);
        }
    }
}
