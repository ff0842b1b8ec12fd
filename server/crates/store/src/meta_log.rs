//! Metadata that survives power loss whole: a checksummed log of key-value changes.
//!
//! One file, `config/meta.log`: records of {crc32, key, value or tombstone}; a torn tail is dropped at
//! open, damage before it is refused with its place; compaction writes a new file, syncs, renames,
//! syncs the directory. Used for topics, groups, consumer offsets and runtime config.
use std::collections::BTreeMap;

use crate::disk::Disk;

/// The log and its current contents.
#[derive(Debug)]
pub struct MetaLog {
    entries: BTreeMap<String, Vec<u8>>,
}

/// Why the metadata could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    #[error(
        "{path}: record at byte {at} is damaged: {reason}; restore the file or remove it to start from the exported JSON"
    )]
    Damaged { path: String, at: u64, reason: &'static str },
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
}

impl MetaLog {
    pub fn open(disk: &dyn Disk, path: &str) -> Result<Self, MetaError> {
        let _ = (disk, path);
        unimplemented!()
    }

    pub fn entries(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.entries
    }

    /// Appends changes (None deletes) and, if `sync`, returns when they are on disk. Takes `&self`:
    /// locks inside. The implementer may change `entries()` accordingly.
    pub fn put(
        &self,
        changes: &[(String, Option<Vec<u8>>)],
        durability: Durability,
    ) -> Result<(), MetaError> {
        let _ = (changes, durability);
        unimplemented!()
    }
}

/// How far a change must have come before the call returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    PageCache,
    Disk,
}
