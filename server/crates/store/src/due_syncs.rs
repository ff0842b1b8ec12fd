//! Syncs that nobody waited for when a file or a name was made.
//!
//! A sync takes as long as whatever else the disk is writing back, so neither a start nor an append
//! waits for one. Instead each is noted here with the log offset that must not be called flushed
//! before it is done. A background thread does them at once, a flush that comes first does those
//! that it needs. Under sync flush an answer therefore still means: data, size and names of its
//! file are on disk. A failed sync is final, as everywhere.
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::disk::{Disk, DiskFile};

/// Nothing is due.
const NEVER: u64 = u64::MAX;

/// One sync.
#[derive(Clone, Debug)]
pub(crate) enum DueSync {
    /// Data and size of a file.
    File(Arc<dyn DiskFile>),
    /// Names in a directory.
    Dir(&'static str),
    /// The root's own name.
    Root,
}

/// Syncs that are due. In the order in which they were noted, so that of files made one after the
/// other none is durable without those before it.
#[derive(Debug)]
pub(crate) struct DueSyncs {
    disk: Arc<dyn Disk>,
    /// Each with the log offset above which no flush may be reported before it is done.
    due: Mutex<Vec<(u64, DueSync)>>,
    /// The lowest of these offsets.
    lowest: AtomicU64,
    /// Held while syncs are done.
    settling: Mutex<()>,
    failed: AtomicBool,
}

impl DueSyncs {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            due: Mutex::new(Vec::new()),
            lowest: AtomicU64::new(NEVER),
            settling: Mutex::new(()),
            failed: AtomicBool::new(false),
        }
    }

    /// `sync` must be done before anything at or above `physical_offset` is called flushed.
    pub(crate) fn note(&self, physical_offset: u64, sync: DueSync) {
        let mut due = self.due.lock();
        due.push((physical_offset, sync));
        self.lowest.fetch_min(physical_offset, Ordering::AcqRel);
    }

    /// True if nothing is due that a flush up to `end` needs.
    pub(crate) fn is_settled_below(&self, end: u64) -> bool {
        self.lowest.load(Ordering::Acquire) >= end
    }

    /// Does what a flush up to `end` needs. Does not wait for others that are being done.
    pub(crate) fn settle_below(&self, end: u64) -> io::Result<()> {
        if self.is_settled_below(end) {
            return Ok(());
        }
        let _one_at_a_time = self.settling.lock();
        // After a failed sync the page cache tells nothing: another one that works would lie.
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier sync failed"));
        }
        loop {
            let next = {
                let due = self.due.lock();
                let mut needed = due.iter().enumerate().filter(|(_, (from, _))| *from < end);
                needed.next().map(|(place, (_, sync))| (place, sync.clone()))
            };
            let Some((place, sync)) = next else { return Ok(()) };
            if let Err(error) = self.sync(&sync) {
                self.failed.store(true, Ordering::Release);
                return Err(error);
            }
            // Others are only added at the end meanwhile.
            let mut due = self.due.lock();
            due.remove(place);
            let lowest = due.iter().map(|(from, _)| *from).min();
            self.lowest.store(lowest.unwrap_or(NEVER), Ordering::Release);
        }
    }

    /// Does all that is due.
    pub(crate) fn settle(&self) -> io::Result<()> {
        self.settle_below(NEVER)
    }

    fn sync(&self, sync: &DueSync) -> io::Result<()> {
        match sync {
            DueSync::File(file) => file.sync(),
            DueSync::Dir(dir) => self.disk.sync_dir(dir),
            DueSync::Root => self.disk.sync_root(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Access;
    use crate::sim_disk::{FaultPlan, PowerCut, SimDisk};

    fn due(disk: &SimDisk) -> DueSyncs {
        DueSyncs::new(disk.share())
    }

    fn made(disk: &SimDisk, due: &DueSyncs, name: &str, physical_offset: u64) {
        let file = disk.open(name, Access::CreateUnsynced).expect("made");
        file.write_at(0, name.as_bytes()).expect("written");
        due.note(physical_offset, DueSync::File(file));
        due.note(physical_offset, DueSync::Dir(""));
    }

    #[test]
    fn flush_waits_only_for_the_syncs_that_it_needs() {
        let disk = SimDisk::new();
        let due = due(&disk);
        made(&disk, &due, "first", 0);
        let before = disk.ops();
        made(&disk, &due, "next", 100);
        let made_next = disk.ops();
        assert!(made_next > before);
        assert!(!due.is_settled_below(1));
        due.settle_below(100).expect("settled");
        assert_eq!(disk.ops(), made_next + 2, "one file and its name");
        assert!(due.is_settled_below(100) && !due.is_settled_below(101));
        due.settle().expect("settled");
        assert!(due.is_settled_below(u64::MAX));
        let found = disk.crash(PowerCut::LoseUnsynced);
        assert_eq!(found.paths(), ["first", "next"]);
        assert_eq!(found.content("next"), Some(b"next".to_vec()));
    }

    #[test]
    fn failed_sync_is_not_tried_again() {
        let disk = SimDisk::new();
        let due = due(&disk);
        made(&disk, &due, "file", 0);
        disk.plan(FaultPlan::SyncFrom { op: 0 });
        due.settle().expect_err("the disk fails");
        disk.plan(FaultPlan::None);
        due.settle().expect_err("final");
        assert!(!due.is_settled_below(1));
    }
}
