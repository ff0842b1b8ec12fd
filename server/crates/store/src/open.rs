//! Opening a directory: refuse, lock, recover, start.
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::checkpoint::{Base, CHECKPOINT_FILE, Checkpoint, Own};
use crate::clock::{Clock, SystemClock, instant};
use crate::commit_log::{CommitLog, LogEnd};
use crate::disk::{
    Access, Disk, FileDisk, LockError, LockGuard, is_no_space, read_file, write_file_atomic,
};
use crate::due_syncs::{DueSync, DueSyncs};
use crate::flush::Flusher;
use crate::formats::refuse_others;
use crate::index::{Index, IndexMark, Resume};
use crate::index_file::{INDEX_DIR, IndexGeometry};
use crate::queue_registry::{CONSUME_QUEUE_DIR, QueueRegistry};
use crate::queue_tails::QueueTails;
use crate::queue_writer::QueueWriter;
use crate::recovery::has_data_behind;
use crate::replay::{ABORT_MARK, LastStop, Recovered, recover};
use crate::retention::Retention;
use crate::segment::Segments;
use crate::signal::Signal;
use crate::status::Status;
use crate::store::{FlushMode, OpenError, Parts, RecoveryReport, StoreConfig};
use parking_lot::Mutex;

/// Present while the store is open; present at start = it was not closed.
pub(crate) const ABORT_FILE: &str = "abort";
const LOCK_FILE: &str = "lock";

/// What a store runs on.
#[derive(Clone, Debug)]
pub struct Environment {
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    /// Changes with each boot of the machine; empty = unknown. Written into `abort`: in the same
    /// boot, what was written is there even if it was not synced.
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

pub(crate) fn open(config: &StoreConfig, environment: Environment) -> Result<Opened, OpenError> {
    let began = instant();
    let disk = environment.disk.clone();
    let io_at = |path: &str| {
        let path = disk.display(path);
        move |source| OpenError::Io { path, source }
    };
    let is_new_root = disk.entry("").map_err(io_at(""))?.is_none();
    disk.create_dir_unsynced("").map_err(io_at(""))?;
    refuse_others(disk.as_ref())?;
    let lock = take_lock(disk.as_ref())?;
    let abort = read_file(disk.as_ref(), ABORT_FILE).map_err(io_at(ABORT_FILE))?;
    let mut checkpoint = Checkpoint::read(disk.as_ref()).map_err(io_at(CHECKPOINT_FILE))?;
    let stop = LastStop::of(abort.as_deref(), &environment.boot_id);
    let segments_from = unflushed_from(&checkpoint, stop, abort.as_deref());
    let segments = Segments::open(disk.clone(), config.commit_log_segment_bytes, segments_from)?;
    let stop = believed(stop, &checkpoint, &segments)?;
    let due_syncs = &segments.due_syncs;
    if is_new_root {
        due_syncs.note(0, DueSync::Root);
    }
    // Before a file of the log: a power cut leaves no log without its `abort`.
    mark_open(&disk, abort.as_deref(), &environment.boot_id, due_syncs)
        .map_err(io_at(ABORT_FILE))?;
    if checkpoint == Checkpoint::Missing && segments.count() == 0 {
        let (first, file) =
            Checkpoint::write_first(disk.as_ref()).map_err(io_at(CHECKPOINT_FILE))?;
        due_syncs.note(0, DueSync::File(file));
        checkpoint = first;
    }
    let queues = QueueRegistry::open(&disk, config.consume_queue_file_bytes)
        .map_err(io_at(CONSUME_QUEUE_DIR))?;
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
    let parts = assemble(config, environment, segments, queues, &checkpoint, stop, &recovered)?;
    let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let report = RecoveryReport { elapsed_ms, ..report };
    tracing::info!(?report, "store opened");
    Ok(Opened { parts, lock, report })
}

/// From where on nothing of the log was known to be flushed.
fn unflushed_from(checkpoint: &Checkpoint, stop: LastStop, abort: Option<&[u8]>) -> u64 {
    // The name can be there after a power cut and the content not.
    let is_own_crash = matches!(stop, LastStop::Crash { .. })
        || abort.is_some_and(|abort| abort.iter().all(|byte| *byte == 0));
    match checkpoint {
        Checkpoint::Ours(_, own) => own.durable_offset,
        Checkpoint::Missing if is_own_crash => 0,
        _ => u64::MAX,
    }
}

/// Without `abort` the stop was clean, or a power cut took the file before it was durable. Nothing
/// is flushed before it is, so that nothing was promised of what then stands behind the checkpoint.
fn believed(
    stop: LastStop,
    checkpoint: &Checkpoint,
    segments: &Segments,
) -> Result<LastStop, OpenError> {
    match checkpoint {
        Checkpoint::Ours(_, own)
            if stop == LastStop::Clean && has_data_behind(&segments.all(), own.durable_offset)? =>
        {
            Ok(LastStop::Crash { same_boot: false })
        }
        _ => Ok(stop),
    }
}

/// Writes `abort`, which must be durable before anything is flushed.
fn mark_open(
    disk: &Arc<dyn Disk>,
    found: Option<&[u8]>,
    boot_id: &str,
    due_syncs: &DueSyncs,
) -> io::Result<()> {
    let abort = format!("{ABORT_MARK} {boot_id}\n");
    if found.is_some_and(|found| found != abort.as_bytes()) {
        return write_file_atomic(disk.as_ref(), ABORT_FILE, abort.as_bytes());
    }
    let file = disk.open(ABORT_FILE, Access::CreateUnsynced)?;
    if found.is_none() {
        file.write_at(0, abort.as_bytes())?;
    }
    due_syncs.note(0, DueSync::File(file));
    due_syncs.note(0, DueSync::Dir(""));
    Ok(())
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
    let (base, own) = durable_now(checkpoint, stop, &resume, recovered, end);
    let crc_from = own.crc_from;
    let shown_root = disk.display("");
    let status = Arc::new(Status::new(shown_root, config.disk_used_percent_refuse));
    // Monotone over restarts as well, should the clock have gone back.
    let last_store_timestamp_ms = recovered.scan.last_store_timestamp_ms.max(
        if stop == LastStop::Clean || recovered.scan.records == 0 { base.physic_ms } else { 0 },
    );
    let log_end = LogEnd { end, tail_from: recovered.tail_from, last_store_timestamp_ms };
    let log = Arc::new(CommitLog::new(segments, status.clone(), clock.clone(), log_end));
    let flushed = if recovered.synced { end } else { recovered.durable_offset.min(end) };
    let flusher = Arc::new(Flusher::new(log.clone(), status.clone(), flushed));
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
        queue_tails: QueueTails::new(config.queue_tails_bytes_max),
        commit_log_cached_bytes_max: config.commit_log_cached_bytes_max,
        retention: Retention::new(config.into()),
        allocate: Signal::default(),
        index_work: Signal::default(),
    };
    parts.measure_disk();
    if let Err(error) = parts.log.segments.ensure(end) {
        // The first append is refused for the same reason, or finds space by then.
        tracing::warn!(%error, "no space for a commit log file");
    }
    let is_first = matches!(checkpoint, Checkpoint::Ours(_, own) if own.durable_offset == 0);
    if !recovered.synced || is_first && end == 0 {
        // The queue writer's first checkpoint says what was recovered. What is shown does not go
        // back over a restart.
        if parts.flush == FlushMode::Sync && parts.flusher.flushed() < end {
            parts.flusher.flush().map_err(|error| OpenError::Io {
                path: parts.disk.display(""),
                source: io::Error::other(error),
            })?;
        }
        return Ok(Arc::new(parts));
    }
    // What was recovered need not be recovered again, and from here on the records are ours.
    match parts.checkpoint() {
        Err(error) if !is_no_space(&error) => {
            Err(OpenError::Io { path: parts.disk.display("checkpoint"), source: error })
        }
        _ => Ok(Arc::new(parts)),
    }
}

/// What the checkpoint would say now.
fn durable_now(
    checkpoint: &Checkpoint,
    stop: LastStop,
    resume: &Resume,
    recovered: &Recovered,
    end: u64,
) -> (Base, Own) {
    let base = match checkpoint {
        Checkpoint::Ours(base, _) | Checkpoint::Foreign(base) => *base,
        Checkpoint::Missing | Checkpoint::Damaged => Base::default(),
    };
    let index = match resume {
        Resume::At(mark) | Resume::Restore(mark) => mark.clone(),
        Resume::Foreign { .. } => IndexMark::default(),
    };
    let crc_from = match checkpoint {
        Checkpoint::Ours(_, own) if stop != LastStop::ForeignCrash => own.crc_from,
        _ => end,
    };
    let (durable_offset, tail_from) = (recovered.durable_offset, recovered.tail_from);
    (base, Own { durable_offset, tail_from, crc_from, index })
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
