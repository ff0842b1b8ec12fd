//! Files behind a narrow trait, so that faults can be injected and replayed from a seed.
//! `FileDisk` is real (pwrite, mmap reads, fallocate, fdatasync); `SimDisk` (module `sim_disk`, built
//! for tests by a feature or `pub` for the tests crate) tears, loses, flips and refuses.
use std::path::PathBuf;

/// The implementer defines the exact methods: create/open/list/rename/remove (with directory fsync),
/// allocate, write_at, sync, map/read, lock. One behaviour suite runs against both disks.
pub trait Disk: Send + Sync + 'static {}

/// The real disk, rooted at a directory.
#[derive(Debug)]
pub struct FileDisk {
    root: PathBuf,
}

impl FileDisk {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &std::path::Path {
        &self.root
    }
}

impl Disk for FileDisk {}
