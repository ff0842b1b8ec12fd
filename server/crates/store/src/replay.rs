//! Where reading the log starts after each kind of stop, and making queue entries from what is
//! read.
use std::io;
use std::sync::Arc;

use remora_protocol::record::Record;

use crate::checkpoint::{Base, Checkpoint};
use crate::commit_log::Marks;
use crate::consume_queue::{ConsumeQueue, Replayed, Stale};
use crate::disk::Disk;
use crate::dispatch::{Dispatch, TagsCode, TimerCode};
use crate::index_file::INDEX_DIR;
use crate::queue_files::QueueEntry;
use crate::queue_registry::{CONSUME_QUEUE_DIR, LoadRule, QueueRegistry};
use crate::recovery::{Evidence, Scan, Stop, checked, scan};
use crate::segment::{Segment, Segments};
use crate::store::OpenError;

/// First word of our `abort`; Apache's holds other text.
pub(crate) const ABORT_MARK: &str = "remora";
/// As Apache: clocks of checkpoint and records may differ by this.
const MARGIN_MS: i64 = 3_000;
/// While queues are rebuilt, entries are written out after this many records.
const REPLAY_RECORDS_AT_ONCE: u64 = 1_000_000;

/// Where reading starts and what the queues' files are worth.
#[derive(Clone, Copy, Debug)]
struct Plan {
    verify_from: u64,
    /// Queue entries of records from here on are made again.
    replay_from: u64,
    rule: LoadRule,
    /// Load all queues now and cut what lies past the log.
    eager: bool,
    /// Forget the queues' files and build them from the whole log.
    rebuild: bool,
    evidence: Evidence,
}

/// How the last run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LastStop {
    Clean,
    /// Our process died; the page cache survived if it is the same boot.
    Crash {
        same_boot: bool,
    },
    /// Another broker's did.
    ForeignCrash,
}

impl LastStop {
    pub(crate) fn of(abort: Option<&[u8]>, boot_id: &str) -> Self {
        let Some(abort) = abort else { return Self::Clean };
        let text = String::from_utf8_lossy(abort);
        match text.trim().strip_prefix(ABORT_MARK) {
            Some(boot) => {
                let same_boot = !boot_id.is_empty() && boot.trim() == boot_id;
                Self::Crash { same_boot }
            }
            None => Self::ForeignCrash,
        }
    }
}

/// What recovery found and did.
pub(crate) struct Recovered {
    pub scan: Scan,
    /// Queues were built again from the whole log.
    pub rebuilt: bool,
    /// Everything below is durable and in the queues' files.
    pub durable_offset: u64,
    pub tail_from: u64,
    /// What was read was made durable. Not where our own process died in this boot, or stopped
    /// cleanly: everything is in the page cache then, and a flush does it.
    pub synced: bool,
}

/// Finds the log's end and makes queues agree with it.
pub(crate) fn recover(
    disk: &Arc<dyn Disk>,
    segments: &Segments,
    queues: &QueueRegistry,
    checkpoint: &Checkpoint,
    stop: LastStop,
    now_ms: i64,
) -> Result<Recovered, OpenError> {
    let root_error = |source| OpenError::Io { path: disk.display(""), source };
    if segments.count() == 0 {
        // Without a log its queues and index name nothing.
        queues.clear().and_then(|()| disk.remove_dir(INDEX_DIR)).map_err(root_error)?;
        if let Checkpoint::Ours(_, own) = checkpoint
            && own.durable_offset > 0
        {
            tracing::warn!(own.durable_offset, "the commit log's files are gone; starting empty");
        }
        let (scan, rebuilt) = (Scan::default(), false);
        return Ok(Recovered { scan, rebuilt, durable_offset: 0, tail_from: 0, synced: true });
    }
    let list = segments.all();
    let plan = plan(segments, &list, queues, checkpoint, stop, now_ms)?;
    let mut marks = Marks::new(plan.verify_from, plan.verify_from);
    let (scan, rebuilt) = match replay(queues, &list, &plan, &mut marks) {
        Ok(scan) => (scan, plan.rebuild),
        Err(Stop::Refused(error)) => return Err(error),
        Err(Stop::Gap) => {
            tracing::warn!(
                "queue files lack entries; building the queues again from the whole log"
            );
            let plan = rebuild_plan(segments, plan.evidence);
            marks = Marks::new(plan.verify_from, plan.verify_from);
            match replay(queues, &list, &plan, &mut marks) {
                Ok(scan) => (scan, true),
                Err(Stop::Refused(error)) => return Err(error),
                Err(Stop::Gap) => unreachable_gap(disk.as_ref())?,
            }
        }
    };
    let is_ours = matches!(checkpoint, Checkpoint::Ours(..));
    let is_in_page_cache = matches!(stop, LastStop::Clean | LastStop::Crash { same_boot: true });
    let synced = !is_ours || !is_in_page_cache || rebuilt || scan.dropped_bytes > 0;
    if synced {
        finish_log(segments, &plan, &scan).map_err(root_error)?;
    }
    if plan.eager || scan.dropped_bytes > 0 {
        cut_queues(queues, scan.end).map_err(root_error)?;
    }
    queues.set_load_rule(LoadRule { bound: scan.end, stale: Stale::None });
    let replayed = plan.replay_from < scan.end || rebuilt;
    let durable_offset = if replayed { plan.replay_from.min(scan.end) } else { scan.end };
    // Not where this start verified from: over many kills with little in between, each start would
    // read what all before it read.
    let tail_from = marks.tail_from().min(scan.end);
    Ok(Recovered { scan, rebuilt, durable_offset, tail_from, synced })
}

/// A rebuild fills gaps, so it never asks for another one.
fn unreachable_gap(disk: &dyn Disk) -> Result<(Scan, bool), OpenError> {
    let source = io::Error::other("the queues could not be built from the log");
    Err(OpenError::Io { path: disk.display(CONSUME_QUEUE_DIR), source })
}

fn plan(
    segments: &Segments,
    list: &[Arc<Segment>],
    queues: &QueueRegistry,
    checkpoint: &Checkpoint,
    stop: LastStop,
    now_ms: i64,
) -> Result<Plan, OpenError> {
    let log_min = segments.first_start();
    let clean_stop = stop == LastStop::Clean;
    let same_boot = matches!(stop, LastStop::Crash { same_boot: true });
    let unknown = Evidence {
        clean_stop,
        same_boot,
        durable_offset: 0,
        durable_until_ms: 0,
        crc_from: u64::MAX,
    };
    if let Checkpoint::Ours(base, own) = checkpoint {
        let evidence = Evidence {
            durable_offset: own.durable_offset,
            durable_until_ms: base.physic_ms,
            crc_from: if stop == LastStop::ForeignCrash { u64::MAX } else { own.crc_from },
            ..unknown
        };
        if queues.directory_was_missing() && own.durable_offset > log_min {
            return Ok(rebuild_plan(segments, evidence));
        }
        let verify_from = own.tail_from.clamp(log_min, own.durable_offset.max(log_min));
        let replay_from = own.durable_offset.max(log_min);
        let (bound, stale) = match stop {
            LastStop::Clean => (u64::MAX, Stale::None),
            LastStop::Crash { .. } => (replay_from, Stale::None),
            LastStop::ForeignCrash => (replay_from, Stale::Cut),
        };
        let rule = LoadRule { bound, stale };
        let eager = stop == LastStop::ForeignCrash;
        return Ok(Plan { verify_from, replay_from, rule, eager, rebuild: false, evidence });
    }
    plan_foreign(segments, list, queues, checkpoint, unknown, now_ms)
}

/// As Apache starts: from the queues' ends after a clean stop, from the checkpoint's time
/// otherwise.
fn plan_foreign(
    segments: &Segments,
    list: &[Arc<Segment>],
    queues: &QueueRegistry,
    checkpoint: &Checkpoint,
    unknown: Evidence,
    now_ms: i64,
) -> Result<Plan, OpenError> {
    let base = match checkpoint {
        Checkpoint::Foreign(base) => *base,
        _ => Base::default(),
    };
    let durable_until_ms = base.physic_ms.min(base.logics_ms);
    let evidence = Evidence { durable_until_ms, ..unknown };
    if queues.is_empty() || *checkpoint == Checkpoint::Damaged {
        return Ok(rebuild_plan(segments, evidence));
    }
    let (from, bound, stale) = if unknown.clean_stop {
        let from = last_queued_record(queues, list)?;
        (from.unwrap_or_else(|| last_segment_with_data(list)), u64::MAX, Stale::None)
    } else {
        // A timestamp from the future is damage: believe nothing and read everything.
        let plausible = durable_until_ms <= now_ms.saturating_add(86_400_000);
        let until_ms = if plausible { durable_until_ms.saturating_sub(MARGIN_MS) } else { 0 };
        let from = segment_stored_by(list, until_ms).unwrap_or(segments.first_start());
        (from, from, Stale::Cut)
    };
    let rule = LoadRule { bound, stale };
    Ok(Plan { verify_from: from, replay_from: from, rule, eager: true, rebuild: false, evidence })
}

fn rebuild_plan(segments: &Segments, evidence: Evidence) -> Plan {
    let from = segments.first_start();
    let rule = LoadRule { bound: 0, stale: Stale::Cut };
    Plan { verify_from: from, replay_from: from, rule, eager: false, rebuild: true, evidence }
}

/// The newest record that any queue names, if it is sound.
fn last_queued_record(
    queues: &QueueRegistry,
    list: &[Arc<Segment>],
) -> Result<Option<u64>, OpenError> {
    let mut newest = None;
    for queue in queues.all() {
        let read = |queue: &ConsumeQueue| -> io::Result<Option<u64>> {
            queues.load(queue)?;
            let mut entry = [QueueEntry::default()];
            let Some(last) = queue.next().checked_sub(1) else { return Ok(None) };
            let read = queue.entries(last, &mut entry)?;
            let [entry] = entry;
            Ok((read == 1 && !entry.is_blank()).then_some(entry.physical_offset))
        };
        let path = || format!("{CONSUME_QUEUE_DIR}/{}/{}", queue.topic, queue.queue_id);
        let last = read(&queue).map_err(|source| OpenError::Io { path: path(), source })?;
        newest = newest.max(last);
    }
    let sound = newest.filter(|from| {
        let segment = list.iter().find(|segment| segment.contains(*from));
        segment.is_some_and(|segment| is_sound_at(segment, *from))
    });
    Ok(sound)
}

fn is_sound_at(segment: &Segment, physical_offset: u64) -> bool {
    store_time_at(segment, physical_offset).is_some()
}

fn store_time_at(segment: &Segment, physical_offset: u64) -> Option<i64> {
    let view = segment.view().ok()?;
    let at = usize::try_from(physical_offset - segment.start).ok()?;
    Some(checked(view.get(at..)?, physical_offset, u64::MAX).ok()?.store_timestamp_ms)
}

fn last_segment_with_data(list: &[Arc<Segment>]) -> u64 {
    let with_data = list.iter().rev().find(|segment| is_sound_at(segment, segment.start));
    with_data.or(list.first()).map_or(0, |segment| segment.start)
}

/// Start of the newest segment whose first record was stored at or before the time.
fn segment_stored_by(list: &[Arc<Segment>], until_ms: i64) -> Option<u64> {
    let stored_by = |segment: &Segment| {
        store_time_at(segment, segment.start).is_some_and(|stored| stored > 0 && stored <= until_ms)
    };
    list.iter().rev().find(|segment| stored_by(segment)).map(|segment| segment.start)
}

/// Scans the log and makes queue entries again.
fn replay(
    queues: &QueueRegistry,
    list: &[Arc<Segment>],
    plan: &Plan,
    marks: &mut Marks,
) -> Result<Scan, Stop> {
    if plan.rebuild {
        queues.clear().map_err(|source| queue_error("", source))?;
    }
    queues.set_load_rule(plan.rule);
    let mut replayed: u64 = 0;
    let mut sink = |record: &Record<'_>, physical_offset: u64| {
        marks.pass(physical_offset);
        if physical_offset < plan.replay_from {
            return Ok(());
        }
        replay_record(queues, record, physical_offset, plan.rebuild)?;
        replayed += 1;
        if replayed.is_multiple_of(REPLAY_RECORDS_AT_ONCE) {
            write_replayed(queues, list, plan, physical_offset)
                .map_err(|source| queue_error("", source))?;
        }
        Ok(())
    };
    scan(list, plan.verify_from, &plan.evidence, &mut sink)
}

fn replay_record(
    queues: &QueueRegistry,
    record: &Record<'_>,
    physical_offset: u64,
    rebuilding: bool,
) -> Result<(), Stop> {
    let found = Dispatch::of(record.topic, record.sys_flag, record.properties);
    let Some(mut code) = found.queue_entry else { return Ok(()) };
    if let (TagsCode::Timer(_), Some(timer)) = (code, TimerCode::of_stored(record.properties)) {
        code = TagsCode::Timer(timer);
    }
    let Ok(queue_offset) = u64::try_from(record.queue_offset) else { return Ok(()) };
    let io_error = |source| queue_error(record.topic, source);
    let queue = queues.queue(record.topic, record.queue_id).map_err(io_error)?;
    let entry = QueueEntry {
        physical_offset,
        record_bytes: record.total_bytes,
        tags_code: code.value(record.store_timestamp_ms),
    };
    let mut outcome = queue.replay(queue_offset, entry).map_err(io_error)?;
    if outcome == Replayed::Gap {
        if !rebuilding {
            return Err(Stop::Gap);
        }
        // The log itself has no records for these offsets.
        queue.fill_to(queue_offset);
        outcome = queue.replay(queue_offset, entry).map_err(io_error)?;
    }
    if outcome == Replayed::List {
        queues.list(&queue);
    }
    Ok(())
}

/// Bounds the memory of a long replay. The log is synced first: queue files never run ahead of it.
fn write_replayed(
    queues: &QueueRegistry,
    list: &[Arc<Segment>],
    plan: &Plan,
    physical_offset: u64,
) -> io::Result<()> {
    for segment in list.iter().filter(|one| one.end() > plan.verify_from) {
        if segment.start <= physical_offset {
            segment.file.sync()?;
        }
    }
    for queue in queues.take_listed() {
        queue.write_out(physical_offset)?;
        queue.close_files();
        if queue.unlist() {
            queues.list(&queue);
        }
    }
    Ok(())
}

fn queue_error(topic: &str, source: io::Error) -> Stop {
    OpenError::Io { path: format!("{CONSUME_QUEUE_DIR}/{topic}"), source }.into()
}

/// Makes what was read durable, what follows zero, and its space reserved.
fn finish_log(segments: &Segments, plan: &Plan, scan: &Scan) -> io::Result<()> {
    if scan.dropped_bytes > 0 {
        tracing::warn!(
            physical_offset = scan.end,
            dropped_bytes = scan.dropped_bytes,
            "dropped a torn tail of the commit log"
        );
        // The first file stays, should even its first record be bad.
        segments.remove_from(scan.end.max(segments.first_start() + 1))?;
    }
    let kept = segments.overlapping(plan.verify_from, scan.end + 1);
    for segment in kept {
        if segment.contains(scan.end) {
            let offset = scan.end - segment.start;
            let rest = segment.bytes - offset;
            if scan.dropped_bytes > 0 {
                segment.file.zero(offset, rest)?;
            }
            // Files of other brokers are sparse. Without space appends are refused, not fatal here.
            if let Err(error) = segment.file.allocate(offset, rest) {
                tracing::warn!(%error, path = segment.path, "no space for the rest of the file");
            }
        }
        segment.file.sync()?;
    }
    Ok(())
}

/// Queue entries past the log's end go.
fn cut_queues(queues: &QueueRegistry, end: u64) -> io::Result<()> {
    for queue in queues.all() {
        queues.load(&queue)?;
        queue.cut_past(end)?;
    }
    Ok(())
}
