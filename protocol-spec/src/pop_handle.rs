//! What consumers are told of popped messages, and the handles (POP_CK) that they make of it.
use std::fmt::Write;

use std::fmt;

use crate::names;

/// reviveQid of ordered pops.
pub const ORDERED_REVIVE_QUEUE_ID: i32 = 999;

/// A handle: `startOffset popTime invisibleTime reviveQid retry brokerName queueId queueOffset`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle<'h> {
    pub start_offset: i64,
    pub pop_time_ms: i64,
    pub invisible_ms: i64,
    pub revive_queue_id: i32,
    /// `0` the topic itself, `1` its retry topic, `2` that of the second version.
    pub retry: &'h str,
    pub broker_name: &'h str,
    pub queue_id: i32,
    pub queue_offset: i64,
}

/// Why something is no handle.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HandleError {
    #[error("it has {count} parts, a handle has 8 (POP_CK of a popped message)")]
    Parts { count: usize },
    #[error("its {part} is '{found}', which is no number")]
    Number { part: &'static str, found: String },
    #[error("it is of {part} '{found}', this request of '{expected}'")]
    Foreign { part: &'static str, found: String, expected: String },
}

impl<'h> Handle<'h> {
    pub fn parse(text: &'h str) -> Result<Self, HandleError> {
        let parts: Vec<&str> = text.split(' ').collect();
        let [start, pop_time, invisible, revive, retry, broker_name, queue_id, offset] = parts[..]
        else {
            return Err(HandleError::Parts { count: parts.len() });
        };
        Ok(Self {
            start_offset: number("start offset", start)?,
            pop_time_ms: number("popTime", pop_time)?,
            invisible_ms: number("invisibleTime", invisible)?,
            revive_queue_id: number("reviveQid", revive)?,
            retry,
            broker_name,
            queue_id: number("queueId", queue_id)?,
            queue_offset: number("queue offset", offset)?,
        })
    }

    /// A handle of the message that a request is about, on this broker.
    pub fn of_request(
        text: &'h str,
        broker_name: &str,
        queue_id: i32,
        queue_offset: i64,
    ) -> Result<Self, HandleError> {
        let handle = Self::parse(text)?;
        same("broker", &handle.broker_name, &broker_name)?;
        same("queue", &handle.queue_id, &queue_id)?;
        same("queue offset", &handle.queue_offset, &queue_offset)?;
        Ok(handle)
    }
}

impl fmt::Display for Handle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start_offset, pop_time_ms, invisible_ms, revive_queue_id, retry, .. } = self;
        let Self { broker_name, queue_id, queue_offset, .. } = self;
        write!(f, "{start_offset} {pop_time_ms} {invisible_ms} {revive_queue_id} {retry} ")?;
        write!(f, "{broker_name} {queue_id} {queue_offset}")
    }
}

fn number<T: std::str::FromStr>(part: &'static str, text: &str) -> Result<T, HandleError> {
    text.parse().map_err(|_| HandleError::Number { part, found: text.to_owned() })
}

fn same<T: PartialEq + ToString>(
    part: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), HandleError> {
    if found == expected {
        return Ok(());
    }
    Err(HandleError::Foreign { part, found: found.to_string(), expected: expected.to_string() })
}

/// How infos and handles mark a topic.
pub fn retry_mark(topic: &str) -> &'static str {
    match names::is_retry_topic(topic) {
        false => "0",
        true if topic.contains('+') => "2",
        true => "1",
    }
}

/// The topic that a mark stands for, where a group popped `topic`.
pub fn marked_topic(mark: &str, topic: &str, group: &str) -> String {
    match mark {
        "1" => names::pop_retry_topic(topic, group),
        "2" => names::pop_retry_topic_v2(topic, group),
        _ => topic.to_owned(),
    }
}

/// The first offset popped of a queue, as the start offsets of a reply say.
pub fn start_offset(start_offsets: &str, mark: &str, queue_id: i32) -> Option<i64> {
    start_offsets.split(';').find_map(|queue| {
        let (of_mark, rest) = queue.split_once(' ')?;
        let (of_queue, offset) = rest.split_once(' ')?;
        let same = of_mark == mark && of_queue.parse() == Ok(queue_id);
        same.then(|| offset.parse().ok()).flatten()
    })
}

/// The three infos of a pop's reply, from which clients make handles.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PopInfos {
    /// `mark queueId firstOffset`, joined by `;`.
    pub start_offsets: String,
    /// `mark queueId offset,offset,…`, joined by `;`.
    pub message_offsets: String,
    /// `mark qo<queueId>%<offset> count` for each message delivered before, then `mark queueId
    /// count` with the least count of the queue, for old clients; joined by `;`.
    pub order_counts: String,
}

impl PopInfos {
    /// Adds what was popped of one queue, ascending and not empty.
    pub fn add(&mut self, topic: &str, queue_id: i32, queue_offsets: &[u64]) {
        let Some(first) = queue_offsets.first() else { return };
        let mark = retry_mark(topic);
        separate(&mut self.start_offsets);
        // Writing to a String cannot fail.
        let _ = write!(self.start_offsets, "{mark} {queue_id} {first}");
        separate(&mut self.message_offsets);
        let _ = write!(self.message_offsets, "{mark} {queue_id} ");
        for (index, queue_offset) in queue_offsets.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(self.message_offsets, "{comma}{queue_offset}");
        }
    }

    /// Adds how often each of them was delivered before.
    pub fn add_counts(&mut self, topic: &str, queue_id: i32, offsets: &[u64], counts: &[u32]) {
        let mark = retry_mark(topic);
        for (queue_offset, count) in offsets.iter().zip(counts).filter(|(_, count)| **count > 0) {
            separate(&mut self.order_counts);
            let _ = write!(self.order_counts, "{mark} qo{queue_id}%{queue_offset} {count}");
        }
        let least = counts.iter().min().copied().unwrap_or(0);
        separate(&mut self.order_counts);
        let _ = write!(self.order_counts, "{mark} {queue_id} {least}");
    }
}

fn separate(info: &mut String) {
    if !info.is_empty() {
        info.push(';');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handle_of_a_java_client_is_read() {
        let handle = Handle::parse("40 1700000000000 60000 0 1 broker-a 3 42").unwrap();
        let expected = Handle {
            start_offset: 40,
            pop_time_ms: 1_700_000_000_000,
            invisible_ms: 60_000,
            revive_queue_id: 0,
            retry: "1",
            broker_name: "broker-a",
            queue_id: 3,
            queue_offset: 42,
        };
        assert_eq!(handle, expected);
        assert_eq!(handle.to_string(), "40 1700000000000 60000 0 1 broker-a 3 42");
    }

    #[test]
    fn forged_handles_are_errors_that_say_what_is_wrong() {
        let error = |text| Handle::of_request(text, "a", 1, 2).unwrap_err().to_string();
        assert!(error("").contains("1 parts"), "{}", error(""));
        assert!(error("0 1 2 3 0 a 1 2 9").contains("9 parts"));
        assert!(error("0 x 2 3 0 a 1 2").contains("popTime is 'x'"));
        assert!(error("0 1 2 3 0 a 1 99999999999999999999").contains("queue offset"));
        assert!(error("0 1 2 3 0 b 1 2").contains("broker 'b', this request of 'a'"));
        assert!(error("0 1 2 3 0 a 0 2").contains("queue '0'"));
        assert!(error("0 1 2 3 0 a 1 3").contains("queue offset '3'"));
    }

    #[test]
    fn infos_are_as_apaches_clients_parse_them() {
        let mut infos = PopInfos::default();
        infos.add("t", 3, &[5, 6, 9]);
        infos.add("%RETRY%g_t", 0, &[1]);
        infos.add("%RETRY%g+t", 0, &[2]);
        infos.add_counts("t", 3, &[5, 6, 9], &[2, 1, 0]);
        let expected = PopInfos {
            start_offsets: "0 3 5;1 0 1;2 0 2".into(),
            message_offsets: "0 3 5,6,9;1 0 1;2 0 2".into(),
            order_counts: "0 qo3%5 2;0 qo3%6 1;0 3 0".into(),
        };
        assert_eq!(infos, expected);
        let start = |mark, queue_id| start_offset(&infos.start_offsets, mark, queue_id);
        let found = [start("0", 3), start("1", 0), start("2", 0), start("0", 0)];
        assert_eq!(found, [Some(5), Some(1), Some(2), None]);
    }

    #[test]
    fn marks_stand_for_the_topics_that_they_are_made_of() {
        for topic in ["t", "%RETRY%g_t", "%RETRY%g+t"] {
            assert_eq!(marked_topic(retry_mark(topic), "t", "g"), topic);
        }
    }
}
