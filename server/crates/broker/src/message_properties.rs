//! Properties of an incoming message, made ready to store in the buffer that they came in.
use std::ops::Range;

use remora_protocol::find_byte;
use remora_protocol::properties::{self, NAME_END, VALUE_END, name};

use crate::unique_id;

/// What the broker must know of the properties.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Prepared {
    /// Where the unique id stands in the buffer.
    pub unique_id: Range<usize>,
    /// False where the producer does not want to wait for the flush.
    pub wait: bool,
}

/// Properties that ask for what this version does not do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PropertyRefusal {
    Transaction,
    Delay { name: &'static str, value: String },
}

/// Adds UNIQ_KEY where it is absent, sets CLUSTER, strips POP_CK and
/// the checksum of a message that is sent on. One pass over the names; bytes
/// move only where something must go.
pub(crate) fn prepare(raw: &mut Vec<u8>, cluster: &str) -> Result<Prepared, PropertyRefusal> {
    if raw.last().is_some_and(|last| *last != VALUE_END) {
        raw.push(VALUE_END);
    }
    let mut unique_id = None;
    let mut wait = true;
    let mut cluster_known = false;
    let mut at = 0;
    while at < raw.len() {
        let Some(entry) = Entry::at(raw, at) else { break };
        let (key, value) = entry.of(raw);
        match key {
            b"POP_CK" | b"__CRC32#" => {
                raw.drain(at..entry.end);
                continue;
            }
            b"CLUSTER" if value == cluster.as_bytes() => cluster_known = true,
            b"CLUSTER" => {
                raw.drain(at..entry.end);
                continue;
            }
            b"UNIQ_KEY" if !value.is_empty() => unique_id = Some(entry.value.clone()),
            b"WAIT" => wait = !value.eq_ignore_ascii_case(b"false"),
            b"TRAN_MSG" if value.eq_ignore_ascii_case(b"true") => {
                return Err(PropertyRefusal::Transaction);
            }
            _ => check_delay(key, value)?,
        }
        at = entry.end;
    }
    if !cluster_known {
        properties::append(raw, name::CLUSTER, cluster);
    }
    let unique_id = unique_id.unwrap_or_else(|| append_unique_id(raw));
    Ok(Prepared { unique_id, wait })
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

/// One `name \x01 value \x02`.
struct Entry {
    name: Range<usize>,
    value: Range<usize>,
    end: usize,
}

impl Entry {
    /// The entry that starts at `at`; the buffer ends in \x02.
    fn at(raw: &[u8], at: usize) -> Option<Self> {
        let rest = raw.get(at..)?;
        let length = find_byte(rest, VALUE_END)?;
        let end = at + length + 1;
        let name_bytes = find_byte(rest.get(..length)?, NAME_END);
        let name_end = at + name_bytes.unwrap_or(length);
        Some(Self { name: at..name_end, value: (name_end + 1).min(end - 1)..end - 1, end })
    }

    fn of<'r>(&self, raw: &'r [u8]) -> (&'r [u8], &'r [u8]) {
        let part = |range: &Range<usize>| raw.get(range.clone()).unwrap_or(&[]);
        (part(&self.name), part(&self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: &str) -> (String, Result<Prepared, PropertyRefusal>) {
        let mut raw = text.replace('=', "\x01").replace(';', "\x02").into_bytes();
        let prepared = prepare(&mut raw, "c1");
        let text = String::from_utf8(raw).unwrap().replace('\x01', "=").replace('\x02', ";");
        (text, prepared)
    }

    fn ready(unique_id: Range<usize>, wait: bool) -> Result<Prepared, PropertyRefusal> {
        Ok(Prepared { unique_id, wait })
    }

    #[test]
    fn cluster_is_added_and_the_clients_unique_id_kept() {
        let (text, result) = prepared("KEYS=k;UNIQ_KEY=0A0B;WAIT=true;");
        assert_eq!(text, "KEYS=k;UNIQ_KEY=0A0B;WAIT=true;CLUSTER=c1;");
        assert_eq!(result, ready(16..20, true));
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
        assert_eq!(result, ready(9..11, false));
    }

    #[test]
    fn own_cluster_is_not_doubled() {
        let (text, _) = prepared("UNIQ_KEY=0A;CLUSTER=c1;");
        assert_eq!(text, "UNIQ_KEY=0A;CLUSTER=c1;");
    }

    #[test]
    fn message_without_properties_gets_a_unique_id() {
        let mut raw = Vec::new();
        let range = prepare(&mut raw, "c1").unwrap().unique_id;
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
