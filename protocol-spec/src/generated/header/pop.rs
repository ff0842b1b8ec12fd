// Made from protocol-spec/schema by tests/generated_is_fresh.rs: do not edit.
//! Consumption by taking: pop and what holds it.
use std::borrow::Cow;

use crate::field_writer::FieldWriter;
use crate::fields::{EncodeHeader, Fields, HeaderError};
use crate::field_value::{boolean, int, long, required};

/// Request header `PopMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PopMessageHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue to pop from; -1: any.
    pub queue_id: i32,
    /// Most messages wanted.
    pub max_msg_nums: i32,
    /// How long a message stays hidden. In ms.
    pub invisible_time: i64,
    /// How long the request may be held. In ms.
    pub poll_time: i64,
    /// When the client made the request. In ms since 1970.
    pub born_time: i64,
    /// Where a new group starts: 0 oldest, 1 newest.
    pub init_mode: i32,
    /// TAG or SQL92.
    pub exp_type: Option<Cow<'a, str>>,
    /// Filter expression.
    pub exp: Option<Cow<'a, str>>,
    /// Ordered topic; or ordered consumption.
    pub order: Option<bool>,
    /// Same id for retries of one ordered pop.
    pub attempt_id: Option<Cow<'a, str>>,
}

impl<'a> PopMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "queueId",
        "maxMsgNums",
        "invisibleTime",
        "pollTime",
        "bornTime",
        "initMode",
        "expType",
        "exp",
        "order",
        "attemptId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut queue_id = None;
        let mut max_msg_nums = None;
        let mut invisible_time = None;
        let mut poll_time = None;
        let mut born_time = None;
        let mut init_mode = None;
        let mut exp_type = None;
        let mut exp = None;
        let mut order = None;
        let mut attempt_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "maxMsgNums" => max_msg_nums = Some(int("maxMsgNums", raw)?),
                "invisibleTime" => invisible_time = Some(long("invisibleTime", raw)?),
                "pollTime" => poll_time = Some(long("pollTime", raw)?),
                "bornTime" => born_time = Some(long("bornTime", raw)?),
                "initMode" => init_mode = Some(int("initMode", raw)?),
                "expType" => exp_type = Some(raw.to_str()),
                "exp" => exp = Some(raw.to_str()),
                "order" => order = Some(boolean("order", raw)?),
                "attemptId" => attempt_id = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            max_msg_nums: required("maxMsgNums", max_msg_nums)?,
            invisible_time: required("invisibleTime", invisible_time)?,
            poll_time: required("pollTime", poll_time)?,
            born_time: required("bornTime", born_time)?,
            init_mode: required("initMode", init_mode)?,
            exp_type,
            exp,
            order,
            attempt_id,
        })
    }
}

impl EncodeHeader for PopMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        out.int("maxMsgNums", i64::from(self.max_msg_nums));
        out.int("invisibleTime", self.invisible_time);
        out.int("pollTime", self.poll_time);
        out.int("bornTime", self.born_time);
        out.int("initMode", i64::from(self.init_mode));
        if let Some(value) = &self.exp_type {
            out.str("expType", value);
        }
        if let Some(value) = &self.exp {
            out.str("exp", value);
        }
        if let Some(value) = self.order {
            out.bool("order", value);
        }
        if let Some(value) = &self.attempt_id {
            out.str("attemptId", value);
        }
    }
}

/// Reply header `PopMessageResponseHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PopMessageReply<'a> {
    /// When the messages were taken. In ms since 1970.
    pub pop_time: i64,
    /// How long a message stays hidden. In ms.
    pub invisible_time: i64,
    /// Queue of the revive topic; 999 for ordered pops.
    pub revive_qid: i32,
    /// Messages left in the queue.
    pub rest_num: i64,
    /// flag queueId offset, joined by ;.
    pub start_offset_info: Option<Cow<'a, str>>,
    /// flag queueId offset,offset…, joined by ;.
    pub msg_offset_info: Option<Cow<'a, str>>,
    /// Delivery counts of ordered messages.
    pub order_count_info: Option<Cow<'a, str>>,
}

impl<'a> PopMessageReply<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "popTime",
        "invisibleTime",
        "reviveQid",
        "restNum",
        "startOffsetInfo",
        "msgOffsetInfo",
        "orderCountInfo",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut pop_time = None;
        let mut invisible_time = None;
        let mut revive_qid = None;
        let mut rest_num = None;
        let mut start_offset_info = None;
        let mut msg_offset_info = None;
        let mut order_count_info = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "popTime" => pop_time = Some(long("popTime", raw)?),
                "invisibleTime" => invisible_time = Some(long("invisibleTime", raw)?),
                "reviveQid" => revive_qid = Some(int("reviveQid", raw)?),
                "restNum" => rest_num = Some(long("restNum", raw)?),
                "startOffsetInfo" => start_offset_info = Some(raw.to_str()),
                "msgOffsetInfo" => msg_offset_info = Some(raw.to_str()),
                "orderCountInfo" => order_count_info = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            pop_time: required("popTime", pop_time)?,
            invisible_time: required("invisibleTime", invisible_time)?,
            revive_qid: required("reviveQid", revive_qid)?,
            rest_num: required("restNum", rest_num)?,
            start_offset_info,
            msg_offset_info,
            order_count_info,
        })
    }
}

impl EncodeHeader for PopMessageReply<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("popTime", self.pop_time);
        out.int("invisibleTime", self.invisible_time);
        out.int("reviveQid", i64::from(self.revive_qid));
        out.int("restNum", self.rest_num);
        if let Some(value) = &self.start_offset_info {
            out.str("startOffsetInfo", value);
        }
        if let Some(value) = &self.msg_offset_info {
            out.str("msgOffsetInfo", value);
        }
        if let Some(value) = &self.order_count_info {
            out.str("orderCountInfo", value);
        }
    }
}

/// Request header `PeekMessageRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PeekMessageHeader<'a> {
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// Most messages wanted.
    pub max_msg_nums: i32,
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
}

impl<'a> PeekMessageHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "topic",
        "queueId",
        "maxMsgNums",
        "consumerGroup",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut topic = None;
        let mut queue_id = None;
        let mut max_msg_nums = None;
        let mut consumer_group = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "maxMsgNums" => max_msg_nums = Some(int("maxMsgNums", raw)?),
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            max_msg_nums: required("maxMsgNums", max_msg_nums)?,
            consumer_group: required("consumerGroup", consumer_group)?,
        })
    }
}

impl EncodeHeader for PeekMessageHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        out.int("maxMsgNums", i64::from(self.max_msg_nums));
        out.str("consumerGroup", &self.consumer_group);
    }
}

/// Request header `NotificationRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NotificationHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
    /// How long the request may be held. In ms.
    pub poll_time: i64,
    /// When the client made the request. In ms since 1970.
    pub born_time: i64,
    /// Ordered topic; or ordered consumption.
    pub order: Option<bool>,
    /// Same id for retries of one ordered pop.
    pub attempt_id: Option<Cow<'a, str>>,
    /// TAG or SQL92.
    pub exp_type: Option<Cow<'a, str>>,
    /// Filter expression.
    pub exp: Option<Cow<'a, str>>,
}

impl<'a> NotificationHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "queueId",
        "pollTime",
        "bornTime",
        "order",
        "attemptId",
        "expType",
        "exp",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut queue_id = None;
        let mut poll_time = None;
        let mut born_time = None;
        let mut order = None;
        let mut attempt_id = None;
        let mut exp_type = None;
        let mut exp = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                "pollTime" => poll_time = Some(long("pollTime", raw)?),
                "bornTime" => born_time = Some(long("bornTime", raw)?),
                "order" => order = Some(boolean("order", raw)?),
                "attemptId" => attempt_id = Some(raw.to_str()),
                "expType" => exp_type = Some(raw.to_str()),
                "exp" => exp = Some(raw.to_str()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
            poll_time: required("pollTime", poll_time)?,
            born_time: required("bornTime", born_time)?,
            order,
            attempt_id,
            exp_type,
            exp,
        })
    }
}

impl EncodeHeader for NotificationHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
        out.int("pollTime", self.poll_time);
        out.int("bornTime", self.born_time);
        if let Some(value) = self.order {
            out.bool("order", value);
        }
        if let Some(value) = &self.attempt_id {
            out.str("attemptId", value);
        }
        if let Some(value) = &self.exp_type {
            out.str("expType", value);
        }
        if let Some(value) = &self.exp {
            out.str("exp", value);
        }
    }
}

/// Reply header `NotificationResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NotificationReply {
    /// There is something to pop.
    pub has_msg: bool,
    /// Too many requests are held.
    pub polling_full: Option<bool>,
}

impl NotificationReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "hasMsg",
        "pollingFull",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut has_msg = None;
        let mut polling_full = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "hasMsg" => has_msg = Some(boolean("hasMsg", raw)?),
                "pollingFull" => polling_full = Some(boolean("pollingFull", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            has_msg: required("hasMsg", has_msg)?,
            polling_full,
        })
    }
}

impl EncodeHeader for NotificationReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.bool("hasMsg", self.has_msg);
        if let Some(value) = self.polling_full {
            out.bool("pollingFull", value);
        }
    }
}

/// Request header `PollingInfoRequestHeader`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PollingInfoHeader<'a> {
    /// Group of the consumer.
    pub consumer_group: Cow<'a, str>,
    /// Topic name.
    pub topic: Cow<'a, str>,
    /// Queue of the topic.
    pub queue_id: i32,
}

impl<'a> PollingInfoHeader<'a> {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "consumerGroup",
        "topic",
        "queueId",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'a>) -> Result<Self, HeaderError> {
        let mut consumer_group = None;
        let mut topic = None;
        let mut queue_id = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "consumerGroup" => consumer_group = Some(raw.to_str()),
                "topic" => topic = Some(raw.to_str()),
                "queueId" => queue_id = Some(int("queueId", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            consumer_group: required("consumerGroup", consumer_group)?,
            topic: required("topic", topic)?,
            queue_id: required("queueId", queue_id)?,
        })
    }
}

impl EncodeHeader for PollingInfoHeader<'_> {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.str("consumerGroup", &self.consumer_group);
        out.str("topic", &self.topic);
        out.int("queueId", i64::from(self.queue_id));
    }
}

/// Reply header `PollingInfoResponseHeader`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PollingInfoReply {
    /// Requests held.
    pub polling_num: i32,
}

impl PollingInfoReply {
    /// Wire names of the fields.
    pub const FIELDS: &'static [&'static str] = &[
        "pollingNum",
    ];

    /// Reads the fields in one pass; unknown ones are skipped.
    pub fn decode(fields: &Fields<'_>) -> Result<Self, HeaderError> {
        let mut polling_num = None;
        fields.for_each(&mut |wire_name, raw| {
            match wire_name {
                "pollingNum" => polling_num = Some(int("pollingNum", raw)?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            polling_num: required("pollingNum", polling_num)?,
        })
    }
}

impl EncodeHeader for PollingInfoReply {
    fn encode(&self, out: &mut FieldWriter<'_>) {
        out.int("pollingNum", i64::from(self.polling_num));
    }
}
