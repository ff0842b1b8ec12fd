//! Properties of an incoming message, made ready to store.
use std::ops::Range;

use remora_protocol::Text;
use remora_protocol::properties::{self, Keep, name};
use remora_store::Named;

use crate::unique_id;

/// Properties ready to store, and what the broker must know of them. Places are those in the
/// properties.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Prepared {
    pub properties: Vec<u8>,
    pub unique_id: Range<usize>,
    /// The client gave no unique id: this one was made here.
    pub unique_id_made: bool,
    pub tags: Range<usize>,
    pub keys: Range<usize>,
    pub delay: Range<usize>,
    /// The producer does not want to wait for the flush.
    pub no_wait: bool,
    /// Which queue the message belongs into: the one of this number, or the last.
    pub priority: Option<u32>,
}

/// What a property is to the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meaning {
    Tags,
    Keys,
    UniqueId,
    Wait,
    Delay,
    Priority,
    /// The message belongs to a series that is consumed in order.
    ShardingKey,
    /// Asks for a time of delivery, by whatever value.
    Timer,
    Transaction,
    /// The client that waits for a reply to the message.
    Asker,
    Cluster,
    /// Where it was stored, and whether to trace it.
    Traced,
    /// Never stored as it comes.
    LeftOut,
    /// The application's own.
    Other,
}

impl Meaning {
    #[inline]
    fn of(name: &[u8]) -> Self {
        match name {
            b"TAGS" => Self::Tags,
            b"KEYS" => Self::Keys,
            b"UNIQ_KEY" => Self::UniqueId,
            b"WAIT" => Self::Wait,
            b"DELAY" => Self::Delay,
            b"TIMER_DELAY_SEC" | b"TIMER_DELAY_MS" | b"TIMER_DELIVER_MS" => Self::Timer,
            b"TRAN_MSG" => Self::Transaction,
            b"CLUSTER" => Self::Cluster,
            b"MSG_REGION" | b"TRACE_ON" => Self::Traced,
            b"_SYS_MSG_PRIORITY_" => Self::Priority,
            b"__SHARDINGKEY" => Self::ShardingKey,
            b"REPLY_TO_CLIENT" => Self::Asker,
            b"POP_CK" | b"__CRC32#" | b"__DELAYED_FROM" | b"__TIMER_FIRST" => Self::LeftOut,
            _ => Self::Other,
        }
    }

    /// True where any value there is means the same to the broker.
    pub fn takes_any_value(self) -> bool {
        matches!(self, Self::Tags | Self::Keys | Self::UniqueId | Self::ShardingKey | Self::Other)
    }
}

impl Prepared {
    /// What queue entry and index are made from.
    #[inline]
    pub fn named(&self) -> Named<'_> {
        Named {
            tags: self.part(&self.tags),
            keys: self.part(&self.keys),
            uniq_key: self.unique_id(),
            delay: self.part(&self.delay),
        }
    }

    #[inline]
    pub fn unique_id(&self) -> &[u8] {
        self.part(&self.unique_id)
    }

    #[inline]
    fn part(&self, place: &Range<usize>) -> &[u8] {
        self.properties.get(place.clone()).unwrap_or(&[])
    }
}

/// Properties that ask for what this version does not do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PropertyRefusal {
    Transaction,
    /// Not the message: it goes another way (`prepare_delayed`).
    Delay,
}

/// Properties that every message gets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Added<'a> {
    pub cluster: &'a str,
    /// MSG_REGION and TRACE_ON as they are stored, instead of the message's own; empty for none.
    pub traced: &'a str,
}

/// As `prepare`, of a message that may ask for a time of delivery.
#[cold]
pub(crate) fn prepare_delayed(
    properties: Text<'_>,
    added: Added<'_>,
    prepared: &mut Prepared,
) -> Result<(), PropertyRefusal> {
    prepare_as::<true>(properties, added, prepared, |_, _| {})
}

/// Unescapes the properties: adds UNIQ_KEY where it is absent, sets CLUSTER, strips POP_CK and the
/// checksum of a message that is sent on. One pass. `told` gets every property's meaning and where
/// its value is, or was. After a refusal `prepared` holds anything.
pub(crate) fn prepare(
    properties: Text<'_>,
    added: Added<'_>,
    prepared: &mut Prepared,
    told: impl FnMut(Meaning, Range<usize>),
) -> Result<(), PropertyRefusal> {
    prepare_as::<false>(properties, added, prepared, told)
}

/// Once for messages for now, once for those that may be delayed.
#[inline(always)]
fn prepare_as<const DELAYED: bool>(
    properties: Text<'_>,
    added: Added<'_>,
    prepared: &mut Prepared,
    mut told: impl FnMut(Meaning, Range<usize>),
) -> Result<(), PropertyRefusal> {
    let mut raw = std::mem::take(&mut prepared.properties);
    raw.clear();
    *prepared = Prepared::default();
    let (mut cluster_known, mut in_order) = (false, false);
    properties::take_in(properties, &mut raw, |name, value, value_at| {
        let meaning = Meaning::of(name);
        let value_place = value_at..value_at + value.len();
        told(meaning, value_place.clone());
        // The last one with a value counts.
        let place = match meaning {
            Meaning::Tags => &mut prepared.tags,
            Meaning::Keys => &mut prepared.keys,
            Meaning::UniqueId => &mut prepared.unique_id,
            Meaning::Wait => {
                prepared.no_wait = value.eq_ignore_ascii_case(b"false");
                return Ok(Keep::Stay);
            }
            Meaning::Delay if !DELAYED && value != b"0" => return Err(PropertyRefusal::Delay),
            Meaning::Delay => &mut prepared.delay,
            Meaning::Timer if !DELAYED => return Err(PropertyRefusal::Delay),
            Meaning::Timer => return Ok(Keep::Stay),
            Meaning::Transaction if value.eq_ignore_ascii_case(b"true") => {
                return Err(PropertyRefusal::Transaction);
            }
            Meaning::Cluster if value == added.cluster.as_bytes() => {
                cluster_known = true;
                return Ok(Keep::Stay);
            }
            Meaning::Priority => {
                prepared.priority = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                return Ok(Keep::Stay);
            }
            Meaning::ShardingKey => {
                in_order |= !value.is_empty();
                return Ok(Keep::Stay);
            }
            Meaning::Traced if added.traced.is_empty() => return Ok(Keep::Stay),
            Meaning::Cluster | Meaning::Traced | Meaning::LeftOut => return Ok(Keep::LeaveOut),
            Meaning::Transaction | Meaning::Asker | Meaning::Other => return Ok(Keep::Stay),
        };
        if !value.is_empty() {
            *place = value_place;
        }
        Ok(Keep::Stay)
    })?;
    // What is consumed in order stays together.
    prepared.priority = prepared.priority.filter(|_| !in_order);
    if !cluster_known {
        properties::append(&mut raw, name::CLUSTER, added.cluster);
    }
    raw.extend_from_slice(added.traced.as_bytes());
    if prepared.unique_id.is_empty() {
        prepared.unique_id = append_unique_id(&mut raw);
        prepared.unique_id_made = true;
    }
    prepared.properties = raw;
    Ok(())
}

fn append_unique_id(raw: &mut Vec<u8>) -> Range<usize> {
    let start = raw.len() + name::UNIQ_KEY.len() + 1;
    properties::append(raw, name::UNIQ_KEY, unique_id::next().as_str());
    start..raw.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Added<'_> = Added { cluster: "c1", traced: "" };

    /// The properties as text, and what is known of them.
    fn prepared(text: &str) -> (String, Result<Prepared, PropertyRefusal>) {
        let text = text.replace('=', "\x01").replace(';', "\x02");
        let mut prepared = Prepared::default();
        let result = prepare(Text::plain(&text), PLAIN, &mut prepared, |_, _| {});
        let Ok(text) = String::from_utf8(std::mem::take(&mut prepared.properties)) else {
            return (String::new(), result.map(|()| prepared));
        };
        (text.replace('\x01', "=").replace('\x02', ";"), result.map(|()| prepared))
    }

    fn ready(unique_id: Range<usize>, keys: Range<usize>) -> Prepared {
        Prepared { unique_id, keys, ..Prepared::default() }
    }

    #[test]
    fn cluster_is_added_and_the_clients_unique_id_kept() {
        let (text, result) = prepared("KEYS=k;UNIQ_KEY=0A0B;WAIT=true;");
        assert_eq!(text, "KEYS=k;UNIQ_KEY=0A0B;WAIT=true;CLUSTER=c1;");
        assert_eq!(result, Ok(ready(16..20, 5..6)));
    }

    #[test]
    fn missing_last_separator_is_added_before_anything_else() {
        let (text, _) = prepared("UNIQ_KEY=0A0B;TAGS=a");
        assert_eq!(text, "UNIQ_KEY=0A0B;TAGS=a;CLUSTER=c1;");
    }

    #[test]
    fn pop_handle_and_foreign_cluster_are_taken_out() {
        let (text, result) = prepared("POP_CK=0 1 2;CLUSTER=other;UNIQ_KEY=0A;WAIT=false;");
        assert_eq!(text, "UNIQ_KEY=0A;WAIT=false;CLUSTER=c1;");
        assert_eq!(result, Ok(Prepared { no_wait: true, ..ready(9..11, 0..0) }));
    }

    #[test]
    fn last_one_of_a_name_that_has_a_value_counts_and_queue_and_index_get_it() {
        let text = "TAGS=a;KEYS=k1 k2;TAGS=b;TAGS=;UNIQ_KEY=0A;DELAY=0;KEYS;";
        let text = text.replace('=', "\x01").replace(';', "\x02");
        let mut prepared = Prepared::default();
        prepare(Text::plain(&text), PLAIN, &mut prepared, |_, _| {}).unwrap();
        let expected = Named { tags: b"b", keys: b"k1 k2", uniq_key: b"0A", delay: b"0" };
        assert_eq!(prepared.named(), expected);
        assert_eq!(Named::of(&prepared.properties), expected);
    }

    #[test]
    fn traced_message_names_this_brokers_region_and_no_other() {
        let text = "MSG_REGION=elsewhere;UNIQ_KEY=0A;TRACE_ON=false;";
        assert_eq!(prepared(text).0, format!("{text}CLUSTER=c1;"));
        let traced = "MSG_REGION\x01here\x02TRACE_ON\x01true\x02";
        let text = text.replace('=', "\x01").replace(';', "\x02");
        let mut prepared = Prepared::default();
        let added = Added { cluster: "c1", traced };
        prepare(Text::plain(&text), added, &mut prepared, |_, _| {}).unwrap();
        let expected = format!("UNIQ_KEY\x010A\x02CLUSTER\x01c1\x02{traced}");
        assert_eq!(prepared.properties, expected.into_bytes());
    }

    #[test]
    fn own_cluster_is_not_doubled() {
        let (text, _) = prepared("UNIQ_KEY=0A;CLUSTER=c1;");
        assert_eq!(text, "UNIQ_KEY=0A;CLUSTER=c1;");
    }

    #[test]
    fn message_without_properties_gets_a_unique_id() {
        let mut prepared = Prepared::default();
        prepare(Text::default(), PLAIN, &mut prepared, |_, _| {}).unwrap();
        let id = std::str::from_utf8(prepared.unique_id()).unwrap();
        assert!(id.len() == 32 || id.len() == 56, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        let expected = format!("CLUSTER\x01c1\x02UNIQ_KEY\x01{id}\x02");
        assert_eq!(prepared.properties, expected.into_bytes());
    }

    #[test]
    fn priority_is_a_number_from_0_and_not_of_a_message_in_order() {
        let priority = |text: &str| prepared(text).1.unwrap().priority;
        assert_eq!(priority("_SYS_MSG_PRIORITY_=3;UNIQ_KEY=0A;"), Some(3));
        assert_eq!(priority("_SYS_MSG_PRIORITY_=-1;UNIQ_KEY=0A;"), None);
        assert_eq!(priority("_SYS_MSG_PRIORITY_=high;UNIQ_KEY=0A;"), None);
        assert_eq!(priority("__SHARDINGKEY=s;_SYS_MSG_PRIORITY_=3;UNIQ_KEY=0A;"), None);
        assert_eq!(priority("_SYS_MSG_PRIORITY_=3;__SHARDINGKEY=;UNIQ_KEY=0A;"), Some(3));
    }

    #[test]
    fn delayed_and_transactional_messages_are_no_plain_ones() {
        for text in ["DELAY=3;", "DELAY=x;", "TIMER_DELAY_MS=10;"] {
            assert_eq!(prepared(text).1, Err(PropertyRefusal::Delay), "{text}");
        }
        assert_eq!(prepared("TRAN_MSG=true;").1, Err(PropertyRefusal::Transaction));
        assert!(prepared("DELAY=0;TRAN_MSG=false;").1.is_ok());
    }
}
