//! What kind of message a topic is for (attribute `message.type`), and which kind a message is.
//!
//! Apache's brokers keep the attribute, its proxies refuse what does not fit
//! (enableTopicMessageTypeCheck). Here the broker does, as clients come without a proxy;
//! `message.type_check` says whether.
use std::collections::BTreeMap;
use std::fmt;

use remora_protocol::batch;
use remora_protocol::properties::{self, name};
use remora_protocol::sys_flag;
use remora_remoting::Refusal;

use crate::quota::AttributeError;
use crate::refusals;
use crate::send::{Origin, Shape};

const ATTRIBUTE: &str = "message.type";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MessageType {
    Normal,
    Fifo,
    Delay,
    Transaction,
    Priority,
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "NORMAL",
            Self::Fifo => "FIFO",
            Self::Delay => "DELAY",
            Self::Transaction => "TRANSACTION",
            Self::Priority => "PRIORITY",
        })
    }
}

impl MessageType {
    /// The only type that a topic takes; `None` for one that takes all.
    pub fn of_topic(attributes: &BTreeMap<String, String>) -> Result<Option<Self>, AttributeError> {
        let Some(value) = attributes.get(ATTRIBUTE) else { return Ok(None) };
        match value.as_str() {
            "NORMAL" => Ok(Some(Self::Normal)),
            "FIFO" => Ok(Some(Self::Fifo)),
            "DELAY" => Ok(Some(Self::Delay)),
            "TRANSACTION" => Ok(Some(Self::Transaction)),
            "PRIORITY" => Ok(Some(Self::Priority)),
            "MIXED" | "UNSPECIFIED" => Ok(None),
            _ => Err(AttributeError {
                name: ATTRIBUTE,
                value: value.clone(),
                expected: "NORMAL, FIFO, DELAY, TRANSACTION, PRIORITY, MIXED or UNSPECIFIED",
            }),
        }
    }

    fn of_message(properties: &[u8], sys_flags: i32) -> Self {
        let find = |name| properties::find(properties, name);
        let half = sys_flag::transaction(sys_flags) == sys_flag::TRANSACTION_PREPARED;
        if half || find(name::TRAN_MSG).is_some_and(|is| is.eq_ignore_ascii_case("true")) {
            return Self::Transaction;
        }
        let times = [name::TIMER_DELIVER_MS, name::TIMER_DELAY_SEC, name::TIMER_DELAY_MS];
        if find(name::DELAY).is_some_and(|level| level != "0")
            || times.into_iter().any(|name| find(name).is_some())
        {
            return Self::Delay;
        }
        match (find(name::SHARDING_KEY), find(name::PRIORITY)) {
            (Some(_), _) => Self::Fifo,
            (None, Some(_)) => Self::Priority,
            (None, None) => Self::Normal,
        }
    }

    /// Whether a topic of this type takes messages of that type. Clients of this protocol choose
    /// the queue of what they send in order, and need not say so in the message.
    fn takes(self, sent: Self) -> bool {
        self == sent || (self == Self::Fifo && sent == Self::Normal)
    }

    /// Refuses a send that does not fit its topic, or a batch with one such message.
    pub fn check(
        self,
        topic: &str,
        origin: Origin<'_>,
        properties: &[u8],
        sys_flags: i32,
    ) -> Result<(), Refusal> {
        let sent = match origin.shape {
            Shape::Single => Some(Self::of_message(properties, sys_flags)),
            Shape::Batch => batch::items(origin.body)
                .map_while(Result::ok)
                .map(|item| Self::of_message(item.properties, sys_flags))
                .find(|sent| !self.takes(*sent)),
        };
        match sent.filter(|sent| !self.takes(*sent)) {
            None => Ok(()),
            Some(sent) => Err(refusals::illegal(format!(
                "topic '{topic}' is for {self} messages (attribute {ATTRIBUTE}), this one is {sent}: it was not stored; message.type_check=false takes all"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, sys_flags: i32) -> MessageType {
        let raw = text.replace('=', "\x01").replace(';', "\x02");
        MessageType::of_message(raw.as_bytes(), sys_flags)
    }

    #[test]
    fn type_of_a_message_is_in_its_properties_or_flags() {
        assert_eq!(of("KEYS=k;DELAY=0;", 1), MessageType::Normal);
        assert_eq!(of("__SHARDINGKEY=s;", 0), MessageType::Fifo);
        assert_eq!(of("_SYS_MSG_PRIORITY_=3;__SHARDINGKEY=s;", 0), MessageType::Fifo);
        assert_eq!(of("_SYS_MSG_PRIORITY_=3;", 0), MessageType::Priority);
        assert_eq!(of("_SYS_MSG_PRIORITY_=3;DELAY=3;", 0), MessageType::Delay);
        for text in ["DELAY=3;__SHARDINGKEY=s;", "TIMER_DELAY_MS=1;", "TIMER_DELIVER_MS=5;"] {
            assert_eq!(of(text, 0), MessageType::Delay, "{text}");
        }
        assert_eq!(of("TRAN_MSG=true;", 0), MessageType::Transaction);
        assert_eq!(of("", sys_flag::TRANSACTION_PREPARED), MessageType::Transaction);
    }

    #[test]
    fn topic_in_order_takes_messages_whose_queue_was_chosen_and_no_others_mix() {
        use MessageType::{Delay, Fifo, Normal, Priority, Transaction};
        for topic in [Normal, Fifo, Delay, Transaction, Priority] {
            let taken: Vec<_> = [Normal, Fifo, Delay, Transaction, Priority]
                .into_iter()
                .filter(|sent| topic.takes(*sent))
                .collect();
            let expected = if topic == Fifo { vec![Normal, Fifo] } else { vec![topic] };
            assert_eq!(taken, expected);
        }
    }

    #[test]
    fn topic_without_a_type_takes_all_and_an_unknown_type_is_refused() {
        let of = |value: &str| MessageType::of_topic(&[(ATTRIBUTE.into(), value.into())].into());
        assert_eq!(MessageType::of_topic(&BTreeMap::new()), Ok(None));
        assert_eq!(of("MIXED"), Ok(None));
        assert_eq!(of("DELAY"), Ok(Some(MessageType::Delay)));
        assert_eq!(
            of("delay").unwrap_err().to_string(),
            "attribute 'message.type' is 'delay', expected NORMAL, FIFO, DELAY, TRANSACTION, PRIORITY, MIXED or UNSPECIFIED"
        );
    }
}
