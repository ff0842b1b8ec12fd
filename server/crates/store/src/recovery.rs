//! Reading the log again: where does the sound part end, and may what follows be dropped?
//!
//! Decides from bytes and from what is known to have been durable; changes nothing. Rules:
//!
//! - The log ends at the first position that holds no sound record (length, magic, own position,
//!   CRC).
//! - What was durable must be there: a bad record below the checkpoint, or anywhere after a clean
//!   stop, is damage and refused with its place. History is never shortened because of a middle
//!   record.
//! - After a crash of the process alone (same boot) the page cache survived: sound records behind a
//!   bad one are damage as well. Only the very last write can be torn.
//! - After a power cut, unsynced pages are there in any order: what follows the first bad record
//!   beyond the checkpoint was promised to nobody (sync flush) or lies in the documented window
//!   (async flush), and is dropped and reported.
use std::io;
use std::ops::Range;
use std::sync::Arc;

use remora_protocol::record::{self, Entry, Record, RecordError};
use remora_protocol::record_crc;

use crate::segment::Segment;
use crate::store::OpenError;

/// Data is searched in pieces of this size, so that holes are skipped.
const SEARCH_BYTES: usize = 64 << 10;

/// What is known about the time before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Evidence {
    pub clean_stop: bool,
    /// The machine did not restart since: what was written is there, synced or not.
    pub same_boot: bool,
    /// Everything below was synced (0: unknown).
    pub durable_offset: u64,
    /// Records stored before this were synced (0: unknown).
    pub durable_until_ms: i64,
    /// Records from here on must carry `__CRC32#` (`u64::MAX`: another broker's).
    pub crc_from: u64,
}

/// What a scan found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Scan {
    /// One past the last sound record, or the end of a segment that ends in a blank.
    pub end: u64,
    pub last_store_timestamp_ms: i64,
    pub records: u64,
    pub bytes: u64,
    /// Bytes after the end that are not zero, from there to the last of them.
    pub dropped_bytes: u64,
}

/// What ends a scan early.
#[derive(Debug)]
pub(crate) enum Stop {
    Refused(OpenError),
    /// A queue lacks entries before this record's: build the queues again from the whole log.
    Gap,
}

impl From<OpenError> for Stop {
    fn from(error: OpenError) -> Self {
        Self::Refused(error)
    }
}

/// What is done with each sound record.
pub(crate) type Sink<'a> = dyn FnMut(&Record<'_>, u64) -> Result<(), Stop> + 'a;

/// Reads records from `from`, which must be a record boundary, to the end of the log.
pub(crate) fn scan(
    segments: &[Arc<Segment>],
    from: u64,
    evidence: &Evidence,
    sink: &mut Sink<'_>,
) -> Result<Scan, Stop> {
    let mut scan = Scan { end: from, ..Scan::default() };
    let first = segments.iter().position(|one| one.contains(from)).unwrap_or(segments.len());
    for segment in segments.get(first..).unwrap_or_default() {
        debug_assert!(scan.end >= segment.start, "the former segment was read to its end");
        if let Some(cause) = scan_segment(segment, evidence.crc_from, &mut scan, sink)? {
            judge(segments, segment, cause, evidence, &mut scan)?;
            return Ok(scan);
        }
    }
    missing_below(segments, evidence, scan.end)?;
    Ok(scan)
}

/// Reads one segment from `scan.end`. None if it was read to its blank.
fn scan_segment(
    segment: &Segment,
    crc_from: u64,
    scan: &mut Scan,
    sink: &mut Sink<'_>,
) -> Result<Option<RecordError>, Stop> {
    let view = segment.view().map_err(|source| io_error(segment, source))?;
    loop {
        let at = usize::try_from(scan.end - segment.start).unwrap_or(usize::MAX);
        let input = view.get(at..).unwrap_or_default();
        match record::entry(input) {
            Ok(Entry::Blank { .. }) => {
                scan.end = segment.end();
                return Ok(None);
            }
            Ok(Entry::Record { .. }) => {}
            Err(cause) => return Ok(Some(cause)),
        }
        let found = match checked(input, scan.end, crc_from) {
            Ok(found) => found,
            Err(cause) => return Ok(Some(cause)),
        };
        sink(&found, scan.end)?;
        scan.end += u64::from(found.total_bytes);
        scan.last_store_timestamp_ms = scan.last_store_timestamp_ms.max(found.store_timestamp_ms);
        scan.records += 1;
        scan.bytes += u64::from(found.total_bytes);
    }
}

/// Decodes the record at the start of `input` if it is what was stored at that place.
///
/// A record from `crc_from` on without `__CRC32#` lost it: its properties would be unprotected.
pub(crate) fn checked(
    input: &[u8],
    physical_offset: u64,
    crc_from: u64,
) -> Result<Record<'_>, RecordError> {
    let found = record::decode_verified(input)?;
    if found.physical_offset != physical_offset.cast_signed() {
        let (field, length) = ("PHYSICALOFFSET", found.physical_offset);
        return Err(RecordError::FieldLength { field, length });
    }
    if physical_offset >= crc_from && !record_crc::carries_crc(found.properties) {
        return Err(RecordError::RecordCrc { stored: u32::MAX, computed: 0 });
    }
    Ok(found)
}

/// Nothing sound stands at `scan.end`: is that the end, a torn tail, or damage?
fn judge(
    segments: &[Arc<Segment>],
    segment: &Arc<Segment>,
    cause: RecordError,
    evidence: &Evidence,
    scan: &mut Scan,
) -> Result<(), Stop> {
    let at = scan.end;
    let path = segment.path.clone();
    if at < evidence.durable_offset {
        let durable_offset = evidence.durable_offset;
        return Err(OpenError::LostTail { path, physical_offset: at, durable_offset, cause }.into());
    }
    if evidence.clean_stop && at == evidence.durable_offset {
        return Ok(());
    }
    let behind = search(segments, at, evidence.crc_from)?;
    if let Some((_, store_timestamp_ms)) = behind.sound {
        let was_durable = evidence.clean_stop
            || evidence.same_boot
            || store_timestamp_ms < evidence.durable_until_ms;
        if was_durable {
            return Err(OpenError::Corrupt { path, physical_offset: at, cause }.into());
        }
    }
    scan.dropped_bytes = behind.data_end.saturating_sub(at);
    Ok(())
}

/// True if anything but zeros stands at or behind `end`.
pub(crate) fn has_data_behind(segments: &[Arc<Segment>], end: u64) -> Result<bool, OpenError> {
    for segment in segments.iter().filter(|one| one.end() > end) {
        // Pages that only reading brought in count as data, and are zeros.
        let from = end.max(segment.start) - segment.start;
        let forgotten = segment.file.forget_clean(from, segment.bytes - from);
        forgotten.map_err(|source| io_error(segment, source))?;
    }
    Ok(search(segments, end, u64::MAX)?.data_end > end)
}

/// The files end before what was durable does.
fn missing_below(segments: &[Arc<Segment>], evidence: &Evidence, end: u64) -> Result<(), Stop> {
    if end >= evidence.durable_offset {
        return Ok(());
    }
    let path = segments.last().map_or_else(String::new, |last| last.path.clone());
    let cause = RecordError::Truncated { need_bytes: 1, have_bytes: 0 };
    let durable_offset = evidence.durable_offset;
    Err(OpenError::LostTail { path, physical_offset: end, durable_offset, cause }.into())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Behind {
    /// First sound record: physical offset and store timestamp.
    sound: Option<(u64, i64)>,
    /// One past the last byte that is not zero; 0 if all are.
    data_end: u64,
}

/// Looks for anything behind `from`.
fn search(segments: &[Arc<Segment>], from: u64, crc_from: u64) -> Result<Behind, OpenError> {
    let mut behind = Behind::default();
    for segment in segments.iter().filter(|one| one.end() > from) {
        let start = from.max(segment.start);
        search_segment(segment, start, from, crc_from, &mut behind)
            .map_err(|source| io_error(segment, source))?;
    }
    Ok(behind)
}

fn search_segment(
    segment: &Segment,
    start: u64,
    bad: u64,
    crc_from: u64,
    behind: &mut Behind,
) -> io::Result<()> {
    let view = segment.view()?;
    // Asked for all of it before any of it is read: reading brings in the pages ahead, and what is
    // in the page cache counts as data. An empty segment would be read whole.
    let mut places = Vec::new();
    let mut at = start - segment.start;
    while let Some(data) = segment.file.next_data(at)? {
        let from = usize::try_from(data.max(at)).unwrap_or(usize::MAX);
        let to = from.saturating_add(SEARCH_BYTES).min(view.len());
        if from >= to {
            break;
        }
        places.push(from..to);
        at = to as u64;
    }
    // Read, not mapped: a fault in the map brings in pages around it, megabytes of them.
    let mut piece = vec![0; SEARCH_BYTES];
    for place in places {
        let read = segment.file.read_at(place.start as u64, &mut piece)?;
        let piece = piece.get(..read.min(place.len())).unwrap_or_default();
        if let Some(last) = last_not_zero(piece) {
            let data_end = segment.start + (place.start + last + 1) as u64;
            behind.data_end = behind.data_end.max(data_end);
            if behind.sound.is_none() {
                behind.sound = sound_in(segment, &view, place, bad, crc_from);
            }
        }
    }
    Ok(())
}

/// Where the last byte stands that is not zero. A page at a time, as most pages are all zeros.
fn last_not_zero(bytes: &[u8]) -> Option<usize> {
    const PAGE_BYTES: usize = 4096;
    let mut start = bytes.len();
    for page in bytes.rchunks(PAGE_BYTES) {
        start -= page.len();
        if page.iter().fold(0, |any, byte| any | byte) != 0 {
            return page.iter().rposition(|byte| *byte != 0).map(|last| start + last);
        }
    }
    None
}

/// The first sound record that begins in `places` and is not the bad one.
fn sound_in(
    segment: &Segment,
    view: &[u8],
    places: Range<usize>,
    bad: u64,
    crc_from: u64,
) -> Option<(u64, i64)> {
    let first_magic_byte = 0xDA;
    for at in places {
        if view.get(at + 4) != Some(&first_magic_byte) {
            continue;
        }
        let input = view.get(at..).unwrap_or_default();
        if !matches!(record::entry(input), Ok(Entry::Record { .. })) {
            continue;
        }
        let physical_offset = segment.start + at as u64;
        if physical_offset <= bad {
            continue;
        }
        if let Ok(found) = checked(input, physical_offset, crc_from) {
            return Some((physical_offset, found.store_timestamp_ms));
        }
    }
    None
}

fn io_error(segment: &Segment, source: io::Error) -> OpenError {
    OpenError::Io { path: segment.path.clone(), source }
}
