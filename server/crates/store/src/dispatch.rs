//! What a record adds to its queue and to the index: one pure function for append, recovery and
//! a slave.
use remora_protocol::names::{SCHEDULE_TOPIC, TIMER_TOPIC};
use remora_protocol::properties::{self, NAME_END, name};
use remora_protocol::{java_hash, record_crc, sys_flag};

/// Apache's default `messageDelayLevel`, levels 1 to 18, in milliseconds.
const DELAY_LEVELS_MS: [i64; 18] = [
    1_000, 5_000, 10_000, 30_000, 60_000, 120_000, 180_000, 240_000, 300_000, 360_000, 420_000,
    480_000, 540_000, 600_000, 1_200_000, 1_800_000, 3_600_000, 7_200_000,
];

/// Marks the tags code of a timer message as its due time. No hash of tags (an int, with its sign
/// in all upper bits) has this bit and not the sign.
const TIMER_DUE: i64 = 1 << 61;
/// The timer message withdraws another one.
const TIMER_DELETES: i64 = 1 << 60;

/// What the queue entry of a timer message says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerCode {
    pub due_ms: i64,
    /// It withdraws another timer message that is due at the same time.
    pub deletes: bool,
}

/// Apache's `timerPrecisionMs`: a timer message of its own waits up to so much longer than its
/// TIMER_OUT_MS says.
pub const APACHE_PRECISION_MS: i64 = 1_000;

impl TimerCode {
    /// Reads a tags code; `None` for one that another broker wrote.
    pub fn of(tags_code: i64) -> Option<Self> {
        let is_ours = tags_code >= 0 && tags_code & TIMER_DUE != 0;
        let due_ms = tags_code & (TIMER_DELETES - 1);
        is_ours.then_some(Self { due_ms, deletes: tags_code & TIMER_DELETES != 0 })
    }

    /// From the properties of a timer message; `None` where they give no time.
    pub fn of_properties(raw: &[u8]) -> Option<Self> {
        let due_ms = properties::find_i64(raw, name::TIMER_OUT_MS)?;
        let deletes = properties::find(raw, name::TIMER_DEL_UNIQKEY).is_some();
        (0..TIMER_DELETES).contains(&due_ms).then_some(Self { due_ms, deletes })
    }

    /// From the properties of a stored timer message. Apache's broker writes the second that begins
    /// before the time asked for; its records carry no CRC of their own.
    pub fn of_stored(raw: &[u8]) -> Option<Self> {
        let code = Self::of_properties(raw)?;
        if record_crc::carries_crc(raw) {
            return Some(code);
        }
        let due_ms = code.due_ms.saturating_add(APACHE_PRECISION_MS);
        (due_ms < TIMER_DELETES).then_some(Self { due_ms, ..code })
    }

    fn tags_code(self) -> i64 {
        self.due_ms | TIMER_DUE | if self.deletes { TIMER_DELETES } else { 0 }
    }
}

/// When a message of the topic of delay levels was stored, by the tags code of its queue entry.
/// `level` from 1 on.
pub fn stored_at_ms(level: usize, tags_code: i64) -> i64 {
    tags_code.saturating_sub(level_ms(level))
}

/// Levels past the last one count as the last one.
fn level_ms(level: usize) -> i64 {
    let index = level.clamp(1, DELAY_LEVELS_MS.len()) - 1;
    DELAY_LEVELS_MS.get(index).copied().unwrap_or(1_000)
}

/// What follows from a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dispatch<'a> {
    /// None: half messages and rollbacks are in the log, but in no queue.
    pub queue_entry: Option<TagsCode>,
    /// UNIQ_KEY and KEYS, to be indexed under the topic.
    pub keys: Keys<'a>,
}

/// The third field of a queue entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagsCode {
    /// Java's hash of TAGS, 0 without.
    Hash(i64),
    /// Store timestamp plus this: the delivery time of a delayed message.
    DeliverAfterMs(i64),
    /// Of a message with a delivery time of its own.
    Timer(TimerCode),
}

impl TagsCode {
    /// The value stored in the entry.
    pub fn value(self, store_timestamp_ms: i64) -> i64 {
        match self {
            Self::Hash(hash) => hash,
            Self::DeliverAfterMs(delay_ms) => store_timestamp_ms.saturating_add(delay_ms),
            Self::Timer(code) => code.tags_code(),
        }
    }
}

/// The keys of a record, each UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keys<'a> {
    uniq_key: &'a [u8],
    keys: &'a [u8],
}

impl<'a> Keys<'a> {
    /// UNIQ_KEY first, then each word of KEYS.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::once(self.uniq_key).filter(|key| !key.is_empty()).chain(self.words())
    }

    /// Empty where there is none.
    pub fn uniq_key(self) -> &'a [u8] {
        self.uniq_key
    }

    /// Each word of KEYS.
    pub fn words(self) -> impl Iterator<Item = &'a [u8]> {
        self.keys.split(|byte| *byte == b' ').filter(|key| !key.is_empty())
    }
}

/// The properties that a queue entry or the index is made from, each UTF-8; empty where absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Named<'a> {
    pub tags: &'a [u8],
    pub keys: &'a [u8],
    pub uniq_key: &'a [u8],
    /// Counts in the topic of delayed messages alone.
    pub delay: &'a [u8],
}

impl<'a> Named<'a> {
    /// Those of a record, stored or about to be.
    pub fn of(properties: &'a [u8]) -> Self {
        let mut named = Self::default();
        for entry in properties::entries(properties) {
            // By the start alone: most properties are others.
            let (place, value) = match entry {
                [b'T', b'A', b'G', b'S', NAME_END, value @ ..] => (&mut named.tags, value),
                [b'K', b'E', b'Y', b'S', NAME_END, value @ ..] => (&mut named.keys, value),
                [b'D', b'E', b'L', b'A', b'Y', NAME_END, value @ ..] => (&mut named.delay, value),
                [b'U', b'N', b'I', b'Q', b'_', b'K', b'E', b'Y', NAME_END, value @ ..] => {
                    (&mut named.uniq_key, value)
                }
                _ => continue,
            };
            // Apache leaves out what is empty or not UTF-8.
            if !value.is_empty() && (value.is_ascii() || str::from_utf8(value).is_ok()) {
                *place = value;
            }
        }
        named
    }
}

impl<'a> Dispatch<'a> {
    /// What follows from topic, flags and properties of a record, stored or about to be.
    pub fn of(topic: &str, sys_flag: i32, properties: &'a [u8]) -> Self {
        let mut found = dispatch(topic, sys_flag, Named::of(properties));
        // A time of its own: so that all timers are known from 20 bytes each.
        if topic == TIMER_TOPIC
            && found.queue_entry.is_some()
            && let Some(code) = TimerCode::of_properties(properties)
        {
            found.queue_entry = Some(TagsCode::Timer(code));
        }
        found
    }
}

/// As `Dispatch::of`, where the properties have been looked through; for any topic but that of
/// timers.
#[inline]
pub(crate) fn dispatch<'a>(topic: &str, sys_flag: i32, named: Named<'a>) -> Dispatch<'a> {
    let transaction = sys_flag::transaction(sys_flag);
    let queued = matches!(transaction, sys_flag::TRANSACTION_NOT | sys_flag::TRANSACTION_COMMIT);
    let queue_entry = queued.then(|| tags_code(topic, named.tags, named.delay));
    let keys = match transaction {
        sys_flag::TRANSACTION_ROLLBACK => Keys::default(),
        _ => Keys { uniq_key: named.uniq_key, keys: named.keys },
    };
    Dispatch { queue_entry, keys }
}

fn tags_code(topic: &str, tags: &[u8], delay_level: &[u8]) -> TagsCode {
    // Delayed messages carry their delivery time instead of a tags code.
    if topic == SCHEDULE_TOPIC
        && let Ok(level) = str::from_utf8(delay_level).unwrap_or_default().parse::<usize>()
        && level > 0
    {
        return TagsCode::DeliverAfterMs(level_ms(level));
    }
    TagsCode::Hash(java_hash::tags_code(tags))
}

/// The part of the index's hash that all keys of a topic share.
pub fn topic_hash(topic: &str) -> i32 {
    java_hash::hash_onto(java_hash::hash(topic), b"#")
}

/// The index's hash of a key: |hashCode("topic#key")|, 0 for the one that has no absolute value.
/// `topic_hash`: of its topic.
pub fn index_hash(topic_hash: i32, key: &[u8]) -> u32 {
    absolute(java_hash::hash_onto(topic_hash, key))
}

#[inline]
fn absolute(hash: i32) -> u32 {
    hash.checked_abs().map_or(0, i32::unsigned_abs)
}

/// Hashes unique ids in a row: those of one client differ in their last characters, which count
/// and tell the time, and the hash of the others is remembered.
#[derive(Debug, Default)]
pub(crate) struct UniqueHash {
    topic_hash: i32,
    /// All of the last id but the end; ASCII.
    begin: Vec<u8>,
    /// After topic and `begin`.
    hash: i32,
}

/// What differs from id to id: four characters of the time and four of the counter.
const UNIQUE_END_BYTES: usize = 8;

impl UniqueHash {
    /// As `index_hash`.
    pub(crate) fn of(&mut self, topic_hash: i32, key: &[u8]) -> u32 {
        let Some((begin, end)) = key.split_last_chunk::<UNIQUE_END_BYTES>() else {
            return index_hash(topic_hash, key);
        };
        if self.topic_hash != topic_hash || !same(&self.begin, begin) {
            // A character of several bytes could be parted.
            if !begin.is_ascii() {
                return index_hash(topic_hash, key);
            }
            self.begin.clear();
            self.begin.extend_from_slice(begin);
            self.topic_hash = topic_hash;
            self.hash = java_hash::hash_onto(topic_hash, begin);
        }
        absolute(java_hash::hash_onto(self.hash, end))
    }
}

/// Whether two texts are one, eight bytes a step: for those that nearly always are.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let pairs = words.iter().zip(other_words);
    let differs = pairs.fold(0, |bits, (one, other)| {
        bits | (u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other))
    });
    one.len() == other.len() && differs == 0 && rest.iter().eq(other_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROPERTIES: &[u8] = b"KEYS\x01k1 k2\x02TAGS\x01TagA\x02UNIQ_KEY\x01U1\x02DELAY\x013\x02";

    fn dispatch<'a>(topic: &str, sys_flag: i32, properties: &'a [u8]) -> Dispatch<'a> {
        Dispatch::of(topic, sys_flag, properties)
    }

    #[test]
    fn plain_record_goes_to_its_queue_with_the_hash_of_its_tags() {
        let found = dispatch("T", 0, PROPERTIES);
        assert_eq!(found.queue_entry, Some(TagsCode::Hash(2_598_919)));
        assert_eq!(found.keys.iter().collect::<Vec<_>>(), [b"U1", b"k1", b"k2"]);
        assert_eq!(dispatch("T", 0, b"").queue_entry, Some(TagsCode::Hash(0)));
    }

    #[test]
    fn half_messages_and_rollbacks_have_no_queue_entry() {
        let prepared = dispatch("T", sys_flag::TRANSACTION_PREPARED, PROPERTIES);
        assert_eq!((prepared.queue_entry, prepared.keys.iter().count()), (None, 3));
        let rollback = dispatch("T", sys_flag::TRANSACTION_ROLLBACK, PROPERTIES);
        assert_eq!((rollback.queue_entry, rollback.keys.iter().count()), (None, 0));
        let commit = dispatch("T", sys_flag::TRANSACTION_COMMIT, PROPERTIES);
        assert_eq!(commit.queue_entry, Some(TagsCode::Hash(2_598_919)));
    }

    #[test]
    fn delayed_record_carries_its_delivery_time() {
        let code = dispatch(SCHEDULE_TOPIC, 0, PROPERTIES).queue_entry;
        assert_eq!(code.map(|code| code.value(1_000)), Some(11_000));
        let past_the_last = dispatch(SCHEDULE_TOPIC, 0, b"DELAY\x0199\x02").queue_entry;
        assert_eq!(past_the_last.map(|code| code.value(0)), Some(7_200_000));
    }

    #[test]
    fn timer_message_carries_its_time_and_whether_it_withdraws_another() {
        let code = |properties: &'static [u8]| {
            let code = dispatch(TIMER_TOPIC, 0, properties).queue_entry.unwrap().value(5);
            (TimerCode::of(code), code)
        };
        let timer = |due_ms, deletes| Some(TimerCode { due_ms, deletes });
        assert_eq!(code(b"TAGS\x01a\x02TIMER_OUT_MS\x011763793360001\x02").0, {
            timer(1_763_793_360_001, false)
        });
        let marker = b"TIMER_DEL_UNIQKEY\x01T+id\x02TIMER_OUT_MS\x017\x02";
        assert_eq!(code(marker).0, timer(7, true));
        // Another broker's, and one without a time: hashes of tags.
        assert_eq!(code(b"TAGS\x01polygenelubricants\x02"), (None, i64::from(i32::MIN)));
        assert_eq!(code(b"TIMER_OUT_MS\x01-7\x02"), (None, 0));
        assert_eq!(stored_at_ms(3, 11_000), 1_000);
        // Ours, and Apache's for 7,001 to 8,000.
        let ours = b"TIMER_OUT_MS\x017000\x02__CRC32#\x010123456789\x02";
        assert_eq!(TimerCode::of_stored(ours), timer(7_000, false));
        assert_eq!(TimerCode::of_stored(b"TIMER_OUT_MS\x017000\x02"), timer(8_000, false));
    }

    #[test]
    fn index_hash_is_never_negative() {
        assert_eq!(index_hash(topic_hash("he"), b"llo"), java_hash::hash("he#llo").unsigned_abs());
        // Hashes to i32::MIN, which has no absolute value.
        assert_eq!(java_hash::hash("polygenelubricants"), i32::MIN);
        assert_eq!(index_hash(java_hash::hash("polygene"), b"lubricants"), 0);
        let hash = java_hash::hash("T#é😀").unsigned_abs();
        assert_eq!(index_hash(topic_hash("T"), "é😀".as_bytes()), hash);
    }

    #[test]
    fn unique_ids_in_a_row_hash_as_each_alone() {
        let mut hashes = UniqueHash::default();
        let ids = [
            "",
            "7F000001",
            "7F00000100002A139A3C0001",
            "7F00000100002A139A3C0002",
            "7F00000100002A139A3D0002",
            "7F00000100003A139A3D0002",
            "00002A139A3D0002",
            "7F0000010000é139A3é0002",
            "7F00000100002A139A3é002",
            "7F00000100002A139A3é003",
            "0123456789012345678",
            "1123456789012345679",
            "1123456789012345670",
        ];
        for topic in ["T", "other", "T"].map(topic_hash) {
            for id in ids.iter().flat_map(|id| [id, id]) {
                assert_eq!(
                    hashes.of(topic, id.as_bytes()),
                    index_hash(topic, id.as_bytes()),
                    "{id}"
                );
            }
        }
    }

    #[test]
    fn names_are_those_of_the_protocol() {
        for (name, keys, hash) in [
            (name::TAGS, 0, 97),
            (name::KEYS, 1, 0),
            (name::UNIQ_KEY, 1, 0),
            (name::CLUSTER, 0, 0),
            ("TAGSX", 0, 0),
            ("UNIQ_KE", 0, 0),
        ] {
            let properties = format!("{name}\x01a\x02{name}\x01\x02");
            let found = dispatch("T", 0, properties.as_bytes());
            assert_eq!(found.queue_entry, Some(TagsCode::Hash(hash)), "{name}");
            assert_eq!(found.keys.iter().count(), keys, "{name}");
        }
    }

    #[test]
    fn properties_that_are_not_utf_8_are_left_out() {
        let found = dispatch("T", 0, b"TAGS\x01a\x02UNIQ_KEY\x01\xff\x02TAGS\x01\xff\x02");
        assert_eq!(found.queue_entry, Some(TagsCode::Hash(97)));
        assert_eq!(found.keys.iter().count(), 0);
    }
}
