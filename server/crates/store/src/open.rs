//! Opening a directory: refuse, lock, recover, start.
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use remora_protocol::record::Record;

use crate::checkpoint::{Base, Checkpoint, Own};
use crate::clock::{Clock, SystemClock};
use crate::commit_log::{CommitLog, LogEnd};
use crate::consume_queue::{Replayed, Stale};
use crate::disk::{
    Disk, FileDisk, LockError, LockGuard, is_no_space, read_file, write_file_atomic,
};
use crate::dispatch::dispatch;
use crate::flush::Flusher;
use crate::formats::refuse_others;
use crate::index::{Index, IndexMark, Resume};
use crate::index_file::{INDEX_DIR, IndexGeometry};
use crate::queue_files::QueueEntry;
use crate::queue_registry::{CONSUME_QUEUE_DIR, LoadRule, QueueRegistry};
use crate::queue_writer::QueueWriter;
use crate::recovery::{Evidence, Scan, Stop, checked, scan};
use crate::retention::Retention;
use crate::segment::{Segment, Segments};
use crate::signal::Signal;
use crate::status::Status;
use crate::store::{OpenError, Parts, RecoveryReport, StoreConfig};

/// Present while the store is open; present at start = it was not closed.
pub(crate) const ABORT_FILE: &str = "abort";
const LOCK_FILE: &str = "lock";
/// First word of our `abort`; Apache's holds other text.
const ABORT_MARK: &str = "remora";
/// As Apache: clocks of checkpoint and records may differ by this.
const MARGIN_MS: i64 = 3_000;
/// While queues are rebuilt, entries are written out after this many records.
const REPLAY_RECORDS_AT_ONCE: u64 = 1_000_000;

/// What a store runs on.
#[derive(Clone, Debug)]
pub struct Environment {
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    /// Changes with each boot of the machine; empty = unknown. Written into `abort`: in the same boot,
    /// what was written is there even if it was not synced.
    pub boot_id: String,
    /// Size of new index files.
    pub index_geometry: IndexGeometry,
}

impl Environment {
    /// The real disk, the wall clock, Apache's index size.
    pub fn of_machine(root: &Path) -> Self {
        let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        Self {
            disk: Arc::new(FileDisk::new(root)),
            clock: Arc::new(SystemClock),
            boot_id: boot_id.unwrap_or_default().trim().to_owned(),
            index_geometry: IndexGeometry::APACHE,
        }
    }
}

/// An open store without its threads.
pub(crate) struct Opened {
    pub parts: Arc<Parts>,
    pub lock: LockGuard,
    pub report: RecoveryReport,
}

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

pub(crate) fn open(config: &StoreConfig, environment: Environment) -> Result<Opened, OpenError> {
    let began = Instant::now();
    let disk = environment.disk.clone();
    let io_at = |path: &str| {
        let path = disk.display(path);
        move |source| OpenError::Io { path, source }
    };
    disk.create_dir("").map_err(io_at(""))?;
    refuse_others(disk.as_ref())?;
    let lock = take_lock(disk.as_ref())?;
    let abort = read_file(disk.as_ref(), ABORT_FILE).map_err(io_at(ABORT_FILE))?;
    let checkpoint = Checkpoint::read(disk.as_ref()).map_err(io_at("checkpoint"))?;
    let segments = Segments::open(disk.clone(), config.commit_log_segment_bytes)?;
    let queues = QueueRegistry::open(&disk, config.consume_queue_file_bytes)
        .map_err(io_at(CONSUME_QUEUE_DIR))?;
    let stop = LastStop::of(abort.as_deref(), &environment.boot_id);
    let now_ms = environment.clock.now_ms();
    let recovered = recover(&disk, &segments, &queues, &checkpoint, stop, now_ms)?;
    let report = RecoveryReport {
        clean_stop: stop == LastStop::Clean,
        segments: segments.count(),
        records_checked: recovered.scan.records,
        bytes_checked: recovered.scan.bytes,
        truncated_bytes: recovered.scan.dropped_bytes,
        queues_rebuilt: recovered.rebuilt,
        elapsed_ms: 0,
    };
    let abort = format!("{ABORT_MARK} {}\n", environment.boot_id);
    write_file_atomic(disk.as_ref(), ABORT_FILE, abort.as_bytes()).map_err(io_at(ABORT_FILE))?;
    let parts = assemble(config, environment, segments, queues, &checkpoint, stop, &recovered)?;
    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let report = RecoveryReport { elapsed_ms, ..report };
    tracing::info!(?report, "store opened");
    Ok(Opened { parts, lock, report })
}

fn take_lock(disk: &dyn Disk) -> Result<LockGuard, OpenError> {
    disk.lock(LOCK_FILE).map_err(|error| match error {
        LockError::Held { owner } => OpenError::Locked {
            path: disk.display(""),
            owner: if owner.is_empty() { owner } else { format!(" ({owner})") },
        },
        LockError::Io(source) => OpenError::Io { path: disk.display(LOCK_FILE), source },
    })
}

/// How the last run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum LastStop {
    Clean,
    /// Our process died; the page cache survived if it is the same boot.
    Crash {
        same_boot: bool,
    },
    /// Another broker's did.
    ForeignCrash,
}

impl LastStop {
    fn of(abort: Option<&[u8]>, boot_id: &str) -> Self {
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

struct Recovered {
    scan: Scan,
    rebuilt: bool,
    /// Everything below is durable and in the queues' files.
    durable_offset: u64,
    tail_from: u64,
}

fn recover(
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
        return Ok(Recovered { scan, rebuilt, durable_offset: 0, tail_from: 0 });
    }
    let list = segments.all();
    let plan = plan(segments, &list, queues, checkpoint, stop, now_ms)?;
    let (scan, rebuilt) = match replay(queues, &list, &plan) {
        Ok(scan) => (scan, plan.rebuild),
        Err(Stop::Refused(error)) => return Err(error),
        Err(Stop::Gap) => {
            tracing::warn!(
                "queue files lack entries; building the queues again from the whole log"
            );
            let plan = rebuild_plan(segments, plan.evidence);
            match replay(queues, &list, &plan) {
                Ok(scan) => (scan, true),
                Err(Stop::Refused(error)) => return Err(error),
                Err(Stop::Gap) => unreachable_gap(disk.as_ref())?,
            }
        }
    };
    finish_log(segments, &plan, &scan).map_err(root_error)?;
    if plan.eager || scan.dropped_bytes > 0 {
        cut_queues(queues, scan.end).map_err(root_error)?;
    }
    queues.set_load_rule(LoadRule { bound: scan.end, stale: Stale::None });
    let replayed = plan.replay_from < scan.end || rebuilt;
    let durable_offset = if replayed { plan.replay_from.min(scan.end) } else { scan.end };
    Ok(Recovered { scan, rebuilt, durable_offset, tail_from: plan.verify_from.min(scan.end) })
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
        if queues.is_empty() && own.durable_offset > log_min {
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
    let base = match checkpoint {
        Checkpoint::Foreign(base) => *base,
        _ => Base::default(),
    };
    let durable_until_ms = base.physic_ms.min(base.logics_ms);
    let evidence = Evidence { durable_until_ms, ..unknown };
    if queues.is_empty() || *checkpoint == Checkpoint::Damaged {
        return Ok(rebuild_plan(segments, evidence));
    }
    if clean_stop {
        let from = last_queued_record(queues, list)?;
        let from = from.unwrap_or_else(|| last_segment_with_data(list));
        let rule = LoadRule { bound: u64::MAX, stale: Stale::None };
        return Ok(Plan {
            verify_from: from,
            replay_from: from,
            rule,
            eager: true,
            rebuild: false,
            evidence,
        });
    }
    // A timestamp from the future is damage: believe nothing and read everything.
    let plausible = durable_until_ms <= now_ms.saturating_add(86_400_000);
    let until_ms = if plausible { durable_until_ms.saturating_sub(MARGIN_MS) } else { 0 };
    let from = segment_stored_by(list, until_ms).unwrap_or(log_min);
    let rule = LoadRule { bound: from, stale: Stale::Cut };
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
        let read = |queue: &crate::consume_queue::ConsumeQueue| -> io::Result<Option<u64>> {
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
fn replay(queues: &QueueRegistry, list: &[Arc<Segment>], plan: &Plan) -> Result<Scan, Stop> {
    if plan.rebuild {
        queues.clear().map_err(|source| queue_error("", source))?;
    }
    queues.set_load_rule(plan.rule);
    let mut replayed: u64 = 0;
    let mut sink = |record: &Record<'_>, physical_offset: u64| {
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
    let found = dispatch(record.topic, record.sys_flag, record.properties);
    let Some(code) = found.queue_entry else { return Ok(()) };
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

fn assemble(
    config: &StoreConfig,
    environment: Environment,
    segments: Segments,
    queues: QueueRegistry,
    checkpoint: &Checkpoint,
    stop: LastStop,
    recovered: &Recovered,
) -> Result<Arc<Parts>, OpenError> {
    let Environment { disk, clock, index_geometry, .. } = environment;
    let end = recovered.scan.end.max(segments.first_start());
    let resume = resume(checkpoint, stop, end);
    let log_min = segments.first_start();
    let index = Index::open(&disk, clock.clone(), index_geometry, &resume, log_min)
        .map_err(|source| OpenError::Io { path: disk.display(INDEX_DIR), source })?;
    let base = match checkpoint {
        Checkpoint::Ours(base, _) | Checkpoint::Foreign(base) => *base,
        Checkpoint::Missing | Checkpoint::Damaged => Base::default(),
    };
    let mark = match &resume {
        Resume::At(mark) | Resume::Restore(mark) => mark.clone(),
        Resume::Foreign { .. } => IndexMark::default(),
    };
    let crc_from = match checkpoint {
        Checkpoint::Ours(_, own) if stop != LastStop::ForeignCrash => own.crc_from,
        _ => end,
    };
    let own = Own {
        durable_offset: recovered.durable_offset,
        tail_from: recovered.tail_from,
        crc_from,
        index: mark,
    };
    let shown_root = disk.display("");
    let status = Arc::new(Status::new(shown_root, config.disk_used_percent_refuse));
    // Monotone over restarts as well, should the clock have gone back.
    let last_store_timestamp_ms = recovered.scan.last_store_timestamp_ms.max(
        if stop == LastStop::Clean || recovered.scan.records == 0 { base.physic_ms } else { 0 },
    );
    let log_end = LogEnd { end, tail_from: recovered.tail_from, last_store_timestamp_ms };
    let log = Arc::new(CommitLog::new(segments, status.clone(), clock.clone(), log_end));
    let flusher = Arc::new(Flusher::new(log.clone(), status.clone(), end));
    let parts = Parts {
        disk,
        clock,
        flush: config.flush,
        message_index: config.message_index,
        status,
        log,
        queues: Arc::new(queues),
        flusher,
        index: Arc::new(index),
        index_building: Mutex::new(()),
        crc_from,
        queue_writer: QueueWriter::new(base, own, matches!(checkpoint, Checkpoint::Ours(..))),
        retention: Retention::new(config.into()),
        allocate: Signal::default(),
        index_work: Signal::default(),
    };
    parts.measure_disk();
    if let Err(error) = parts.log.segments.ensure(end) {
        // The first append is refused for the same reason, or finds space by then.
        tracing::warn!(%error, "no space for a commit log file");
    }
    // What was recovered need not be recovered again, and from here on the records are ours.
    match parts.checkpoint() {
        Err(error) if !is_no_space(&error) => {
            Err(OpenError::Io { path: parts.disk.display("checkpoint"), source: error })
        }
        _ => Ok(Arc::new(parts)),
    }
}

fn resume(checkpoint: &Checkpoint, stop: LastStop, end: u64) -> Resume {
    match checkpoint {
        Checkpoint::Ours(_, own) => {
            let mut mark = own.index.clone();
            mark.cursor = mark.cursor.min(end);
            if stop == LastStop::Clean { Resume::At(mark) } else { Resume::Restore(mark) }
        }
        Checkpoint::Foreign(base) => {
            let crashed = stop != LastStop::Clean;
            Resume::Foreign { trusted_until_ms: crashed.then_some(base.index_ms) }
        }
        // Nothing is known to be durable: build it again.
        Checkpoint::Missing | Checkpoint::Damaged => Resume::Restore(IndexMark::default()),
    }
}

impl Opened {
    pub(crate) fn start_threads(
        &self,
        config: &StoreConfig,
    ) -> Result<Vec<JoinHandle<()>>, OpenError> {
        let flush_interval = Duration::from_millis(config.flush_interval_ms.max(1));
        let parts = &self.parts;
        let (flusher, writer, index) = (parts.flusher.clone(), parts.clone(), parts.clone());
        let (allocate, retention) = (parts.clone(), parts.clone());
        let mut threads = vec![
            spawn("store-flush", move || flusher.run(flush_interval)),
            spawn("store-queues", move || writer.run_queue_writer()),
            spawn("store-allocate", move || allocate.run_allocate()),
            spawn("store-clean", move || retention.run_retention()),
        ];
        if config.message_index {
            threads.push(spawn("store-index", move || index.run_index()));
        }
        let path = parts.disk.display("");
        let started: io::Result<Vec<_>> = threads.into_iter().collect();
        started.map_err(|source| {
            parts.stop_threads();
            OpenError::Io { path, source }
        })
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}
