//! What is known of a message that waits for its time: 24 bytes.
use remora_store::QueueEntry;
use remora_store::dispatch::TimerCode;

/// Order of delivery: due time in milliseconds, then the order of storing.
pub(crate) type Key = (i64, u64);

/// After every entry.
pub(crate) const END: Key = (i64::MAX, u64::MAX);

/// Size of an entry on disk.
pub(crate) const ENTRY_BYTES: usize = 24;

/// A timer message that is not delivered yet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct TimerEntry {
    /// Wall clock.
    pub due_ms: i64,
    pub physical_offset: u64,
    pub record_bytes: u32,
    /// It withdraws another one that is due at the same time.
    pub deletes: bool,
}

impl TimerEntry {
    pub fn key(&self) -> Key {
        (self.due_ms, self.physical_offset)
    }

    /// From a queue entry of the timers' topic.
    pub fn of(entry: &QueueEntry, code: TimerCode) -> Self {
        Self {
            due_ms: code.due_ms,
            physical_offset: entry.physical_offset,
            record_bytes: entry.record_bytes,
            deletes: code.deletes,
        }
    }

    pub fn to_bytes(self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[..8].copy_from_slice(&self.due_ms.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.physical_offset.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.record_bytes.to_be_bytes());
        bytes[23] = u8::from(self.deletes);
        bytes
    }

    pub fn from_bytes(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let [d0, d1, d2, d3, d4, d5, d6, d7, p @ .., s0, s1, s2, s3, _, _, _, deletes] = *bytes;
        Self {
            due_ms: i64::from_be_bytes([d0, d1, d2, d3, d4, d5, d6, d7]),
            physical_offset: u64::from_be_bytes(p),
            record_bytes: u32::from_be_bytes([s0, s1, s2, s3]),
            deletes: deletes != 0,
        }
    }
}
