//! What the tests of the store share: small stores on either disk, and messages to put in.
#![allow(dead_code, reason = "each test file uses a part")]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use remora_protocol::record::{self, Draft};
use remora_store::clock::ManualClock;
use remora_store::disk::Disk;
use remora_store::sim_disk::SimDisk;
use remora_store::store::IndexGeometry;
use remora_store::{
    AppendBatch, AppendError, Appended, Environment, FileDisk, FlushMode, OpenError, QueueRef,
    ReadLimits, ReadOutcome, RecoveryReport, Store, StoreConfig,
};

pub const NOW_MS: i64 = 1_763_793_360_000;
pub const SEGMENT_BYTES: u64 = 16 * 1024;
/// 50 entries.
pub const QUEUE_FILE_BYTES: u64 = 1_000;
pub const GEOMETRY: IndexGeometry = IndexGeometry { slots: 64, entries: 256 };

pub fn config(flush: FlushMode) -> StoreConfig {
    StoreConfig {
        root: PathBuf::from("unused"),
        flush,
        flush_interval_ms: 3_600_000,
        commit_log_segment_bytes: SEGMENT_BYTES,
        consume_queue_file_bytes: QUEUE_FILE_BYTES,
        retention_ms: 72 * 3_600_000,
        retention_bytes: 0,
        delete_when: "04".to_owned(),
        disk_used_percent_max: 0,
        disk_used_percent_refuse: 0,
        message_index: true,
        queue_tails_bytes_max: 1 << 30,
        commit_log_cached_bytes_max: 1 << 30,
    }
}

/// A disk, a clock and a boot to open stores on.
#[derive(Clone, Debug)]
pub struct Bench {
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<ManualClock>,
    pub boot_id: String,
    pub config: StoreConfig,
}

impl Bench {
    pub fn on(disk: Arc<dyn Disk>, flush: FlushMode) -> Self {
        let clock = Arc::new(ManualClock::at(NOW_MS));
        Self { disk, clock, boot_id: "boot-1".to_owned(), config: config(flush) }
    }

    pub fn sim(flush: FlushMode) -> (Self, SimDisk) {
        let disk = SimDisk::new();
        (Self::on(disk.share(), flush), disk)
    }

    pub fn files(root: &std::path::Path, flush: FlushMode) -> Self {
        Self::on(Arc::new(FileDisk::new(root)), flush)
    }

    pub fn environment(&self) -> Environment {
        Environment {
            disk: self.disk.clone(),
            clock: self.clock.clone(),
            boot_id: self.boot_id.clone(),
            index_geometry: GEOMETRY,
        }
    }

    pub fn try_open(&self) -> Result<(Store, RecoveryReport), OpenError> {
        Store::open_in(&self.config, self.environment())
    }

    pub fn open(&self) -> (Store, RecoveryReport) {
        self.try_open().expect("the store opens")
    }

    /// The same directory found by another machine state.
    pub fn with_disk(&self, disk: &SimDisk) -> Self {
        Self { disk: disk.share(), ..self.clone() }
    }

    pub fn after_reboot(&self) -> Self {
        Self { boot_id: "boot-2".to_owned(), ..self.clone() }
    }
}

pub fn host() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 10_911))
}

/// One message's draft; `properties` as stored.
pub fn draft<'a>(queue: &'a QueueRef, body: &'a [u8], properties: &'a [u8]) -> Draft<'a> {
    Draft {
        topic: &queue.topic,
        queue_id: queue.queue_id,
        flag: 0,
        sys_flag: 0,
        born_timestamp_ms: NOW_MS,
        born_host: host(),
        store_host: host(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        body,
        properties,
    }
}

pub fn properties(tag: &str, key: &str) -> Vec<u8> {
    format!("TAGS\u{1}{tag}\u{2}UNIQ_KEY\u{1}{key}\u{2}").into_bytes()
}

pub fn append(store: &Store, queue: &QueueRef, body: &[u8]) -> Result<Appended, AppendError> {
    append_with(store, queue, body, &properties("TagA", "k"))
}

pub fn append_with(
    store: &Store,
    queue: &QueueRef,
    body: &[u8],
    properties: &[u8],
) -> Result<Appended, AppendError> {
    let mut batch = AppendBatch::new();
    batch.push(queue, &draft(queue, body, properties));
    store.append(&mut batch)?;
    Ok(batch.appended()[0])
}

pub const LIMITS: ReadLimits =
    ReadLimits { messages_max: 1_000, bytes_max: u32::MAX, entries_scanned_max: 100_000 };

pub fn read(store: &Store, queue: &QueueRef, from: u64) -> ReadOutcome {
    store.read(queue, from, LIMITS, &mut |_| true).expect("the queue can be read")
}

/// Bodies of a queue from an offset to the end, over as many reads as it takes.
pub fn bodies(store: &Store, queue: &QueueRef, from: u64) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    let mut next = from;
    loop {
        let outcome = read(store, queue, next);
        assert_eq!(outcome.corrupt, None);
        bodies.extend(outcome.slices.iter().flat_map(|slice| bodies_in(slice)));
        if outcome.queue_offset_next == next {
            return bodies;
        }
        next = outcome.queue_offset_next;
    }
}

pub fn bodies_in(mut slice: &[u8]) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    while !slice.is_empty() {
        let record = record::decode(slice).expect("whole records");
        bodies.push(record.body.to_vec());
        slice = &slice[usize::try_from(record.total_bytes).expect("fits")..];
    }
    bodies
}

pub fn body(number: usize) -> Vec<u8> {
    format!("message number {number}").into_bytes()
}

/// The path of the log's first file.
pub const FIRST_SEGMENT: &str = "commitlog/00000000000000000000";

/// The disk of an open store as a killed process leaves it.
pub fn kill(disk: &SimDisk) -> SimDisk {
    disk.crash(remora_store::sim_disk::PowerCut::KeepAll)
}
