//! Reading a queue: entries to slices of the log.
use bytes::Bytes;

/// Limits of one reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReadLimits {
    pub messages_max: u32,
    pub bytes_max: u32,
    /// How many queue entries may be looked at before giving up (filters that match little).
    pub entries_scanned_max: u32,
}

/// What a read found; names follow protocol-facts D.4 (store outcome).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadStatus {
    Found,
    /// Entries were there, the filter took none: go on at `next_queue_offset`.
    NoMatched,
    /// The queue has never had a message.
    NoMessageInQueue,
    /// Exactly at the end: wait, or answer PULL_NOT_FOUND.
    OffsetAtEnd,
    OffsetTooLarge,
    OffsetTooSmall,
}

#[derive(Clone, Debug)]
pub struct ReadOutcome {
    pub status: ReadStatus,
    /// Whole records as stored, CRC-checked; neighbours in the log are one slice.
    pub slices: Vec<Bytes>,
    pub message_count: u32,
    pub bytes: u32,
    pub queue_offset_next: u64,
    pub queue_offset_min: u64,
    /// One past the newest visible message.
    pub queue_offset_max: u64,
}

/// Which neighbour `offset_by_time` takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Boundary {
    Lower,
    Upper,
}

/// A message that could not be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    #[error("physical offset {physical_offset} is outside {min}..{max}")]
    OutsideLog { physical_offset: u64, min: u64, max: u64 },
    #[error("record at physical offset {physical_offset} is corrupt: {cause}")]
    Corrupt { physical_offset: u64, cause: remora_protocol::record::RecordError },
}
