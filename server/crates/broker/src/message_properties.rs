//! Properties of an incoming message, made ready to store.
use std::ops::Range;

use remora_protocol::Text;
use remora_protocol::properties::{self, Keep, name};
use remora_store::Named;

use crate::unique_id;

/// What the broker must know of the properties. Places are those in the buffer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Prepared {
    pub unique_id: Range<usize>,
    pub tags: Range<usize>,
    pub keys: Range<usize>,
    pub delay: Range<usize>,
    /// The producer does not want to wait for the flush.
    pub no_wait: bool,
}

impl Prepared {
    /// What queue entry and index are made from.
    #[inline]
    pub fn named<'r>(&self, raw: &'r [u8]) -> Named<'r> {
        let part = |range: &Range<usize>| raw.get(range.clone()).unwrap_or(&[]);
        Named {
            tags: part(&self.tags),
            keys: part(&self.keys),
            uniq_key: part(&self.unique_id),
            delay: part(&self.delay),
        }
    }
}

/// Properties that ask for what this version does not do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PropertyRefusal {
    Transaction,
    Delay { name: &'static str, value: String },
}

/// Unescapes the properties into the empty `raw`: adds UNIQ_KEY where it is absent, sets CLUSTER,
/// strips POP_CK and the checksum of a message that is sent on. One pass.
pub(crate) fn prepare(
    properties: Text<'_>,
    raw: &mut Vec<u8>,
    cluster: &str,
) -> Result<Prepared, PropertyRefusal> {
    let mut prepared = Prepared::default();
    let mut cluster_known = false;
    properties::take_in(properties, raw, |key, value, value_at| {
        // The last one with a value counts.
        let place = match key {
            b"TAGS" => &mut prepared.tags,
            b"KEYS" => &mut prepared.keys,
            b"UNIQ_KEY" => &mut prepared.unique_id,
            b"WAIT" => {
                prepared.no_wait = value.eq_ignore_ascii_case(b"false");
                return Ok(Keep::Stay);
            }
            b"DELAY" => {
                check_delay(key, value)?;
                &mut prepared.delay
            }
            b"POP_CK" | b"__CRC32#" => return Ok(Keep::LeaveOut),
            b"CLUSTER" if value == cluster.as_bytes() => {
                cluster_known = true;
                return Ok(Keep::Stay);
            }
            b"CLUSTER" => return Ok(Keep::LeaveOut),
            b"TRAN_MSG" if value.eq_ignore_ascii_case(b"true") => {
                return Err(PropertyRefusal::Transaction);
            }
            _ => return check_delay(key, value).map(|()| Keep::Stay),
        };
        if !value.is_empty() {
            *place = value_at..value_at + value.len();
        }
        Ok(Keep::Stay)
    })?;
    if !cluster_known {
        properties::append(raw, name::CLUSTER, cluster);
    }
    if prepared.unique_id.is_empty() {
        prepared.unique_id = append_unique_id(raw);
    }
    Ok(prepared)
}

fn check_delay(key: &[u8], value: &[u8]) -> Result<(), PropertyRefusal> {
    let name = match key {
        b"DELAY" if is_positive(value) => name::DELAY,
        b"TIMER_DELAY_SEC" => name::TIMER_DELAY_SEC,
        b"TIMER_DELAY_MS" => name::TIMER_DELAY_MS,
        b"TIMER_DELIVER_MS" => name::TIMER_DELIVER_MS,
        _ => return Ok(()),
    };
    Err(PropertyRefusal::Delay { name, value: String::from_utf8_lossy(value).into_owned() })
}

/// Levels up to 0 mean no delay, and so does what is not a number (Java reads it so).
fn is_positive(value: &[u8]) -> bool {
    let level = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse::<i64>().ok());
    level.is_some_and(|level| level > 0)
}

fn append_unique_id(raw: &mut Vec<u8>) -> Range<usize> {
    let start = raw.len() + name::UNIQ_KEY.len() + 1;
    properties::append(raw, name::UNIQ_KEY, unique_id::next().as_str());
    start..raw.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str) -> (String, Result<Prepared, PropertyRefusal>) {
        let text = text.replace('=', "\x01").replace(';', "\x02");
        let mut raw = Vec::new();
        let prepared = prepare(Text::plain(&text), &mut raw, "c1");
        let Ok(text) = String::from_utf8(raw) else { return (String::new(), prepared) };
        (text.replace('\x01', "=").replace('\x02', ";"), prepared)
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
        let mut raw = Vec::new();
        let text = text.replace('=', "\x01").replace(';', "\x02");
        let prepared = prepare(Text::plain(&text), &mut raw, "c1").unwrap();
        let expected = Named { tags: b"b", keys: b"k1 k2", uniq_key: b"0A", delay: b"0" };
        assert_eq!(prepared.named(&raw), expected);
        assert_eq!(Named::of(&raw), expected);
    }

    #[test]
    fn own_cluster_is_not_doubled() {
        let (text, _) = prepared("UNIQ_KEY=0A;CLUSTER=c1;");
        assert_eq!(text, "UNIQ_KEY=0A;CLUSTER=c1;");
    }

    #[test]
    fn message_without_properties_gets_a_unique_id() {
        let mut raw = Vec::new();
        let range = prepare(Text::default(), &mut raw, "c1").unwrap().unique_id;
        let id = std::str::from_utf8(&raw[range]).unwrap().to_owned();
        assert!(id.len() == 32 || id.len() == 56, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(raw, format!("CLUSTER\x01c1\x02UNIQ_KEY\x01{id}\x02").into_bytes());
    }

    #[test]
    fn delayed_and_transactional_messages_are_refused_by_name() {
        let delay = |name, value: &str| Err(PropertyRefusal::Delay { name, value: value.into() });
        assert_eq!(prepared("DELAY=3;").1, delay("DELAY", "3"));
        assert_eq!(prepared("TIMER_DELAY_MS=10;").1, delay("TIMER_DELAY_MS", "10"));
        assert_eq!(prepared("TRAN_MSG=true;").1, Err(PropertyRefusal::Transaction));
        assert!(prepared("DELAY=0;TRAN_MSG=false;").1.is_ok());
    }
}
