//! Files behind a narrow trait, so that faults can be injected and replayed from a seed.
//!
//! `FileDisk` is real (pwrite, mmap reads, fallocate, fdatasync); `SimDisk` tears, loses, flips and
//! refuses. Paths are relative to the disk's root and use `/`. One behaviour suite runs against
//! both (`tests/disk_behaviour.rs`).
use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

pub use crate::file_disk::FileDisk;

/// A directory with files. All changes of names are durable when the call returns, except those of
/// `Access::CreateUnsynced` and `create_dir_unsynced`.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Another handle on the same disk.
    fn share(&self) -> Arc<dyn Disk>;

    /// The path as an operator would type it.
    fn display(&self, path: &str) -> String;

    /// Creates a directory and its parents; no error if it is there.
    fn create_dir(&self, dir: &str) -> io::Result<()>;

    /// As `create_dir`, but the names are durable only after `sync_dir` of each parent or
    /// `sync_all`.
    fn create_dir_unsynced(&self, dir: &str) -> io::Result<()>;

    /// Entries of a directory by name, ascending; a missing directory is empty.
    fn list(&self, dir: &str) -> io::Result<Vec<Entry>>;

    /// The file or directory at `path`, if there is one.
    fn entry(&self, path: &str) -> io::Result<Option<Entry>>;

    fn open(&self, path: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Atomically replaces `to`.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    fn remove(&self, path: &str) -> io::Result<()>;

    /// Removes a directory with everything in it; no error if it is not there.
    fn remove_dir(&self, dir: &str) -> io::Result<()>;

    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// Makes the root's own name durable, and those of the directories above it.
    fn sync_root(&self) -> io::Result<()>;

    /// Makes everything on this disk durable: cheaper than many single syncs.
    fn sync_all(&self) -> io::Result<()>;

    /// Takes the lock file, which is released when the guard is dropped.
    fn lock(&self, path: &str) -> Result<LockGuard, LockError>;

    /// How much of the disk is used, in percent, rounded up.
    fn used_percent(&self) -> io::Result<u8>;
}

/// An open file.
pub trait DiskFile: Debug + Send + Sync + 'static {
    fn len(&self) -> u64;

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes all of `data`, or fails with any part of it written.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Reads up to `buf.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Bytes that stay valid after the file is removed. Ask only for bytes that do not change
    /// any more. An error if the file is shorter.
    fn slice(&self, offset: u64, len: usize) -> io::Result<Bytes>;

    /// Reserves space, growing the file if need be. What was there stays; new bytes are zero.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Sets the length without reserving space.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes a range zero, keeping its space reserved where the file system can.
    fn zero(&self, offset: u64, len: u64) -> io::Result<()>;

    /// The first offset at or after `from` that may hold something other than zero; None if all
    /// zero to the end. May be too early, never too late.
    fn next_data(&self, from: u64) -> io::Result<Option<u64>>;

    /// Data and length are durable when this returns (fdatasync). A failure is final.
    fn sync(&self) -> io::Result<()>;

    /// How many bytes from `offset` on, of `len`, can be read without waiting for the device.
    fn resident(&self, offset: u64, len: u64) -> io::Result<u64>;

    /// Has the device read these bytes soon.
    fn read_ahead(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Pages that hold nothing new need not stay in memory, those of slices neither. Starts to
    /// write those that do.
    fn forget_clean(&self, offset: u64, len: u64) -> io::Result<()>;

    /// A writable view of the first `len` bytes. Allocate every range before writing to it.
    fn region(&self, len: usize) -> io::Result<Box<dyn Region>>;
}

/// Writable view of a file, owned by one writer.
pub trait Region: AsRef<[u8]> + AsMut<[u8]> + Send + Sync {
    /// Makes what was written visible to `DiskFile::sync` (nothing to do for a shared map).
    fn publish(&mut self) -> io::Result<()>;
}

/// How to open a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    Read,
    /// Read and write; it must exist.
    Write,
    /// Read and write; made, durably, if it does not exist.
    Create,
    /// As `Create`, but the name is durable only after `sync_dir` or `sync_all`.
    CreateUnsynced,
}

/// One name in a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub name: String,
    pub bytes: u64,
    pub is_dir: bool,
}

/// Holds the lock until dropped.
pub struct LockGuard(pub Box<dyn Any + Send + Sync>);

impl Debug for LockGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LockGuard")
    }
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// `owner` is what the lock file says, e.g. a process id; may be empty.
    #[error("held by {owner}")]
    Held { owner: String },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// True for the errors that mean "no space": refused, not broken.
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Reads exactly `buf.len()` bytes.
pub fn read_exact_at(file: &dyn DiskFile, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let read = file.read_at(offset, buf)?;
    if read == buf.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Reads a whole small file; None if it does not exist.
pub fn read_file(disk: &dyn Disk, path: &str) -> io::Result<Option<Vec<u8>>> {
    if disk.entry(path)?.is_none_or(|entry| entry.is_dir) {
        return Ok(None);
    }
    let file = disk.open(path, Access::Read)?;
    let mut bytes = vec![0; usize::try_from(file.len()).map_err(io::Error::other)?];
    let read = file.read_at(0, &mut bytes)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Replaces a file whole: temporary file, sync, rename, sync of the directory. After a power cut
/// either the old or the new content is there.
pub fn write_file_atomic(disk: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{path}.tmp");
    let file = disk.open(&temporary, Access::CreateUnsynced)?;
    file.set_len(0)?;
    file.write_at(0, bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&temporary, path)
}
