//! The real disk: pwrite, fdatasync, fallocate, maps for reading.
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::fs::{FallocateFlags, FlockOperation, SeekFrom};
use rustix::io::Errno;

use crate::disk::{Access, Disk, DiskFile, Entry, LockError, LockGuard, Region};
use crate::mmap;

/// Zeros are written in pieces of this size where the file system cannot zero a range itself.
const ZERO_CHUNK_BYTES: usize = 1 << 20;

/// The real disk, rooted at a directory.
#[derive(Clone, Debug)]
pub struct FileDisk {
    root: PathBuf,
}

/// Size and free room of a file system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskSpace {
    pub total_bytes: u64,
    pub free_bytes: u64,
}

impl FileDisk {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Room of the file system that the directory is on, for people.
    pub fn space(&self) -> io::Result<DiskSpace> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(DiskSpace {
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
            free_bytes: stat.f_bfree.saturating_mul(stat.f_frsize),
        })
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

impl Disk for FileDisk {
    fn share(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    fn display(&self, path: &str) -> String {
        self.at(path).display().to_string()
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        create_dir_durably(&self.at(dir))
    }

    fn create_dir_unsynced(&self, dir: &str) -> io::Result<()> {
        std::fs::create_dir_all(self.at(dir))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        let listing = match std::fs::read_dir(self.at(dir)) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut entries = Vec::new();
        for item in listing {
            let item = item?;
            // A name that is not UTF-8 was written by neither broker.
            let Ok(name) = item.file_name().into_string() else { continue };
            let is_dir = item.file_type()?.is_dir();
            let bytes = if is_dir { 0 } else { item.metadata()?.len() };
            entries.push(Entry { name, bytes, is_dir });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        match std::fs::metadata(self.at(path)) {
            Ok(meta) => Ok(Some(Entry {
                name: path.rsplit('/').next().unwrap_or(path).to_owned(),
                bytes: meta.len(),
                is_dir: meta.is_dir(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(&self, path: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let full = self.at(path);
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read);
        let create = matches!(access, Access::Create | Access::CreateUnsynced);
        let file = match options.open(&full) {
            Err(error) if create && error.kind() == io::ErrorKind::NotFound => {
                let file = options.create(true).truncate(false).open(&full)?;
                if access == Access::Create {
                    sync_parent(&full)?;
                }
                file
            }
            opened => opened?,
        };
        let bytes = AtomicU64::new(file.metadata()?.len());
        Ok(Arc::new(RealFile { file, bytes, map: OnceLock::new() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let to = self.at(to);
        std::fs::rename(self.at(from), &to)?;
        sync_parent(&to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let full = self.at(path);
        std::fs::remove_file(&full)?;
        sync_parent(&full)
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        let full = self.at(dir);
        match std::fs::remove_dir_all(&full) {
            Ok(()) => sync_parent(&full),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.at(dir))?.sync_all()
    }

    fn sync_root(&self) -> io::Result<()> {
        let root = self.root.canonicalize()?;
        let device = root.metadata()?.dev();
        // Where another file system begins, no name was made.
        let is_same = |dir: &&Path| dir.metadata().is_ok_and(|meta| meta.dev() == device);
        for parent in root.ancestors().skip(1).take_while(is_same) {
            match File::open(parent) {
                Ok(dir) => dir.sync_all()?,
                // Nor could names have been made there.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.root)?)?)
    }

    fn lock(&self, path: &str) -> Result<LockGuard, LockError> {
        FileLock::take(&self.at(path)).map(|lock| LockGuard(Box::new(lock)))
    }

    fn used_percent(&self) -> io::Result<u8> {
        let stat = rustix::fs::statvfs(&self.root)?;
        // As `df` counts: what is reserved for root is neither used nor usable.
        let used = stat.f_blocks.saturating_sub(stat.f_bfree);
        let usable = used.saturating_add(stat.f_bavail).max(1);
        Ok(u8::try_from((used.saturating_mul(100)).div_ceil(usable)).unwrap_or(100))
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn create_dir_durably(dir: &Path) -> io::Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_dir_durably(parent)?;
    }
    match std::fs::create_dir(dir) {
        Ok(()) => sync_parent(dir),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    bytes: AtomicU64,
    /// Map of the length at its first use; what was added later is read by pread.
    map: OnceLock<Bytes>,
}

impl RealFile {
    fn mapped(&self) -> io::Result<&Bytes> {
        if let Some(map) = self.map.get() {
            return Ok(map);
        }
        let len = usize::try_from(self.len()).map_err(io::Error::other)?;
        let map = mmap::map_read(&self.file, len)?;
        Ok(self.map.get_or_init(|| map))
    }

    fn write_zeros(&self, mut offset: u64, len: u64) -> io::Result<()> {
        let zeros = vec![0; ZERO_CHUNK_BYTES];
        let end = offset.saturating_add(len);
        while offset < end {
            let chunk = usize::try_from(end - offset).unwrap_or(usize::MAX).min(zeros.len());
            self.file.write_all_at(zeros.get(..chunk).unwrap_or(&zeros), offset)?;
            offset += chunk as u64;
        }
        Ok(())
    }
}

impl DiskFile for RealFile {
    fn len(&self) -> u64 {
        self.bytes.load(Ordering::Acquire)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)?;
        self.bytes.fetch_max(offset + data.len() as u64, Ordering::AcqRel);
        Ok(())
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = buf.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn slice(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let map = self.mapped()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        if let Some(end) = start.checked_add(len).filter(|end| *end <= map.len()) {
            return Ok(map.slice(start..end));
        }
        let mut copy = vec![0; len];
        crate::disk::read_exact_at(self, offset, &mut copy)?;
        Ok(Bytes::from(copy))
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), offset, len) {
            Ok(()) => {}
            // No fallocate on this file system: zeros reserve the space as well.
            Err(Errno::OPNOTSUPP) => {
                let from = offset.max(self.len());
                self.write_zeros(from, (offset + len).saturating_sub(from))?;
            }
            Err(errno) => return Err(errno.into()),
        }
        self.bytes.fetch_max(offset + len, Ordering::AcqRel);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.bytes.store(len, Ordering::Release);
        Ok(())
    }

    fn zero(&self, offset: u64, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        let zero_range = FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.file, zero_range, offset, len) {
            Ok(()) => return Ok(()),
            Err(Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.file, punch, offset, len) {
            Ok(()) => self.allocate(offset, len),
            Err(Errno::OPNOTSUPP) => self.write_zeros(offset, len),
            Err(errno) => Err(errno.into()),
        }
    }

    fn next_data(&self, from: u64) -> io::Result<Option<u64>> {
        match rustix::fs::seek(&self.file, SeekFrom::Data(from)) {
            Ok(at) => Ok(Some(at)),
            Err(Errno::NXIO) => Ok(None),
            // Holes are not reported here: everything may be data.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(from).filter(|at| *at < self.len())),
            Err(errno) => Err(errno.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn resident(&self, offset: u64, len: u64) -> io::Result<u64> {
        let map = self.mapped()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = usize::try_from(offset.saturating_add(len)).map_err(io::Error::other)?;
        let bytes = map.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(mmap::resident_bytes(bytes)? as u64)
    }

    fn read_ahead(&self, offset: u64, len: u64) -> io::Result<()> {
        let len = std::num::NonZeroU64::new(len);
        Ok(rustix::fs::fadvise(&self.file, offset, len, rustix::fs::Advice::WillNeed)?)
    }

    fn forget_clean(&self, offset: u64, len: u64) -> io::Result<()> {
        // Pages that readers have looked at stay as long as their map refers to them.
        if let Some(map) = self.map.get() {
            let start = usize::try_from(offset).unwrap_or(usize::MAX).min(map.len());
            let end = usize::try_from(offset.saturating_add(len)).unwrap_or(usize::MAX);
            mmap::unmap_pages(map.get(start..end.min(map.len())).unwrap_or(&[]))?;
        }
        let len = std::num::NonZeroU64::new(len);
        Ok(rustix::fs::fadvise(&self.file, offset, len, rustix::fs::Advice::DontNeed)?)
    }

    fn region(&self, len: usize) -> io::Result<Box<dyn Region>> {
        if self.len() < len as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Box::new(MappedRegion(mmap::map_write(&self.file, len)?)))
    }
}

struct MappedRegion(memmap2::MmapMut);

impl AsRef<[u8]> for MappedRegion {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AsMut<[u8]> for MappedRegion {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Region for MappedRegion {
    fn publish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Paths locked by this process. A POSIX record lock belongs to the process and goes with the first
/// close of *any* of its descriptors of that file, so a second try in one process must not open it.
static LOCKED_HERE: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// Two locks on one file: flock, and the POSIX record lock that Java's `FileChannel.lock` takes, so
/// that an Apache broker and ours exclude each other.
#[derive(Debug)]
struct FileLock {
    path: PathBuf,
    _file: File,
}

impl FileLock {
    fn take(path: &Path) -> Result<Self, LockError> {
        let directory = path.parent().unwrap_or(Path::new(".")).canonicalize()?;
        let path = directory.join(path.file_name().unwrap_or_default());
        let mut here = LOCKED_HERE.lock();
        let here = here.get_or_insert_default();
        if here.contains(&path) {
            return Err(LockError::Held { owner: format!("pid {}", std::process::id()) });
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let exclusive = FlockOperation::NonBlockingLockExclusive;
        let taken = rustix::fs::flock(&file, exclusive)
            .and_then(|()| rustix::fs::fcntl_lock(&file, exclusive));
        match taken {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::ACCESS) => {
                return Err(LockError::Held { owner: owner_of(&file) });
            }
            Err(errno) => return Err(io::Error::from(errno).into()),
        }
        file.set_len(0)?;
        write!(file, "lock pid {}", std::process::id())?;
        here.insert(path.clone());
        Ok(Self { path, _file: file })
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        if let Some(here) = LOCKED_HERE.lock().as_mut() {
            here.remove(&self.path);
        }
    }
}

/// What the holder wrote into the lock file: "pid N", or nothing for an Apache broker.
fn owner_of(file: &File) -> String {
    let mut text = [0; 64];
    let read = file.read_at(&mut text, 0).unwrap_or(0);
    let text = String::from_utf8_lossy(text.get(..read).unwrap_or_default()).into_owned();
    text.strip_prefix("lock ").unwrap_or_default().trim_matches(char::from(0)).to_owned()
}
