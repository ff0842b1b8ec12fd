//! A disk in memory that fails as real ones do, driven by a seed.
//!
//! It counts every changing operation, can fail the n-th one, refuses space, and `crash` gives the
//! disk as it would be found after a power cut: synced bytes are there, unsynced writes are there,
//! gone or torn at 512-byte sectors, unsynced allocations whole, in part or gone, and of unsynced
//! names those that were made first (as journals of file systems keep them). Not modelled: loss of
//! a rename that returned.
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::disk::{Access, Disk, DiskFile, Entry, LockError, LockGuard};
use crate::sim_file::SimFile;

/// What a disk writes whole or not at all.
pub(crate) const SECTOR_BYTES: usize = 512;

/// What is in memory or not.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// What happens to writes that were not synced when the power goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PowerCut {
    /// Every unsynced write and name is gone.
    LoseUnsynced,
    /// Each sector of each unsynced write is there or not, by the seed.
    TearUnsynced { seed: u64 },
    /// Everything is there: a killed process, whose page cache survives.
    KeepAll,
}

/// What a failing operation says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    Eio,
    NoSpace,
}

/// Which operations fail; numbers count from 1 over the disk's life, as `SimDisk::ops`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FaultPlan {
    #[default]
    None,
    /// Only the n-th changing operation.
    Once { op: u64, fault: Fault },
    /// The n-th and all later ones.
    From { op: u64, fault: Fault },
    /// Every sync from the n-th operation on.
    SyncFrom { op: u64 },
    /// Writes and allocations, but not syncs, from the n-th operation on.
    SpaceFrom { op: u64 },
}

/// The disk. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
    /// Told when syncs are held no more.
    released: Arc<Condvar>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    files: BTreeMap<String, Inode>,
    dirs: BTreeSet<String>,
    locked: BTreeSet<String>,
    ops: u64,
    plan: FaultPlan,
    used_percent: u8,
    syncs_held: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Inode {
    id: u64,
    pub bytes: Vec<u8>,
    pub durable: Vec<u8>,
    pub unsynced: Vec<(usize, Vec<u8>)>,
    name_durable: bool,
    /// Pages that are not in memory.
    pub cold: BTreeSet<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Write,
    Sync,
    Name,
}

impl State {
    fn step(&mut self, kind: Kind) -> io::Result<()> {
        self.ops += 1;
        let fault = match self.plan {
            FaultPlan::Once { op, fault } if self.ops == op => Some(fault),
            FaultPlan::From { op, fault } if self.ops >= op => Some(fault),
            FaultPlan::SyncFrom { op } if self.ops >= op && kind == Kind::Sync => Some(Fault::Eio),
            FaultPlan::SpaceFrom { op } if self.ops >= op && kind == Kind::Write => {
                Some(Fault::NoSpace)
            }
            _ => None,
        };
        match fault {
            None => Ok(()),
            Some(Fault::Eio) => Err(io::Error::from_raw_os_error(5)),
            Some(Fault::NoSpace) => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    pub(crate) fn inode(&mut self, path: &str, id: u64) -> io::Result<&mut Inode> {
        // A removed file stays readable through its handles elsewhere; here it is simply gone.
        self.files
            .get_mut(path)
            .filter(|inode| inode.id == id)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Inode {
    pub(crate) fn write(&mut self, offset: usize, data: &[u8]) {
        let end = offset + data.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(place) = self.bytes.get_mut(offset..end) {
            place.copy_from_slice(data);
        }
        self.unsynced.push((offset, data.to_vec()));
    }

    pub(crate) fn sync(&mut self) {
        self.durable.clone_from(&self.bytes);
        self.unsynced.clear();
    }

    /// `names_until`: unsynced names of this age or older are there.
    fn after(&self, cut: PowerCut, names_until: u64, random: &mut SplitMix) -> Option<Self> {
        if !self.name_durable && self.id > names_until {
            return None;
        }
        let mut bytes = self.durable.clone();
        if let PowerCut::TearUnsynced { .. } = cut {
            let grown_sectors =
                (self.bytes.len().saturating_sub(bytes.len()) / SECTOR_BYTES) as u64;
            let kept_sectors = match random.below(3) {
                0 => 0,
                1 => grown_sectors,
                _ => random.below(grown_sectors + 1),
            };
            let kept_sectors = usize::try_from(kept_sectors).unwrap_or(0);
            bytes.resize(bytes.len() + kept_sectors * SECTOR_BYTES, 0);
        }
        for (offset, data) in &self.unsynced {
            for (index, sector) in sectors(*offset, data) {
                let kept = match cut {
                    PowerCut::KeepAll => true,
                    PowerCut::LoseUnsynced => false,
                    PowerCut::TearUnsynced { .. } => random.coin(),
                };
                if kept {
                    bytes.resize(bytes.len().max(index + sector.len()), 0);
                    if let Some(place) = bytes.get_mut(index..index + sector.len()) {
                        place.copy_from_slice(sector);
                    }
                }
            }
        }
        if cut == PowerCut::KeepAll {
            bytes.clone_from(&self.bytes);
        }
        let (durable, unsynced) = (bytes.clone(), Vec::new());
        Some(Self { id: self.id, bytes, durable, unsynced, name_durable: true, ..Self::default() })
    }
}

/// Cuts a write at sector boundaries of the file.
fn sectors(offset: usize, data: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = offset;
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let take = (SECTOR_BYTES - at % SECTOR_BYTES).min(rest.len());
        let (sector, after) = rest.split_at(take);
        let item = (at, sector);
        at += take;
        rest = after;
        Some(item)
    })
}

/// A small seeded generator (SplitMix64), so that a seed replays a failure.
#[derive(Clone, Debug)]
pub struct SplitMix(pub u64);

impl SplitMix {
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound` (0 if `bound` is 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    pub fn coin(&mut self) -> bool {
        self.next_u64() & 1 == 1
    }
}

impl SimDisk {
    pub fn new() -> Self {
        Self::default()
    }

    /// Changing operations so far.
    pub fn ops(&self) -> u64 {
        self.state.lock().ops
    }

    pub fn plan(&self, plan: FaultPlan) {
        self.state.lock().plan = plan;
    }

    /// Puts a file from a byte on out of memory, until it is read ahead.
    pub fn evict(&self, path: &str, from: u64) {
        if let Some(inode) = self.state.lock().files.get_mut(path) {
            let pages = (inode.bytes.len() as u64).div_ceil(PAGE_BYTES);
            inode.cold = (from / PAGE_BYTES..pages).collect();
        }
    }

    /// Has every sync wait until `release_syncs`, as behind the writes of others.
    pub fn hold_syncs(&self) {
        self.state.lock().syncs_held = true;
    }

    pub fn release_syncs(&self) {
        self.state.lock().syncs_held = false;
        self.released.notify_all();
    }

    /// The state for one changing operation, or its fault.
    pub(crate) fn step(&self, kind: Kind) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        if kind == Kind::Sync {
            self.released.wait_while(&mut state, |state| state.syncs_held);
        }
        state.step(kind)?;
        Ok(state)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub fn set_used_percent(&self, percent: u8) {
        self.state.lock().used_percent = percent;
    }

    /// The disk as found after the power came back. This one goes on apart from it.
    pub fn crash(&self, cut: PowerCut) -> Self {
        let state = self.state.lock();
        let mut random = SplitMix(match cut {
            PowerCut::TearUnsynced { seed } => seed,
            _ => 0,
        });
        let names_until = match cut {
            PowerCut::KeepAll => u64::MAX,
            PowerCut::LoseUnsynced => 0,
            PowerCut::TearUnsynced { .. } => random.below(state.ops + 1),
        };
        let after = |inode: &Inode, random: &mut SplitMix| inode.after(cut, names_until, random);
        let files = state
            .files
            .iter()
            .filter_map(|(path, inode)| Some((path.clone(), after(inode, &mut random)?)))
            .collect();
        let after = State {
            files,
            dirs: state.dirs.clone(),
            used_percent: state.used_percent,
            ..State::default()
        };
        Self { state: Arc::new(Mutex::new(after)), ..Self::default() }
    }

    /// Flips one bit of a file, as a failing medium does. False if there is no such byte.
    pub fn flip_bit(&self, path: &str, byte: usize, bit: u8) -> bool {
        let mut state = self.state.lock();
        let Some(inode) = state.files.get_mut(path) else { return false };
        let Some(place) = inode.bytes.get_mut(byte) else { return false };
        *place ^= 1 << (bit % 8);
        inode.durable.clone_from(&inode.bytes);
        true
    }

    /// Content of a file, for comparison in tests.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        self.state.lock().files.get(path).map(|inode| inode.bytes.clone())
    }

    /// Replaces a file's content, synced.
    pub fn put(&self, path: &str, bytes: Vec<u8>) {
        let mut state = self.state.lock();
        state.ops += 1;
        let id = state.ops;
        let (durable, unsynced) = (bytes.clone(), Vec::new());
        let inode = Inode { id, bytes, durable, unsynced, name_durable: true, ..Inode::default() };
        state.files.insert(path.to_owned(), inode);
    }

    /// All paths, ascending.
    pub fn paths(&self) -> Vec<String> {
        self.state.lock().files.keys().cloned().collect()
    }
}

fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

impl Disk for SimDisk {
    fn share(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    fn display(&self, path: &str) -> String {
        format!("sim:{path}")
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.state.lock();
        if dir.is_empty() || state.dirs.contains(dir) {
            return Ok(());
        }
        state.step(Kind::Name)?;
        let mut dir = dir;
        while !dir.is_empty() {
            state.dirs.insert(dir.to_owned());
            dir = parent_of(dir);
        }
        Ok(())
    }

    fn create_dir_unsynced(&self, dir: &str) -> io::Result<()> {
        self.create_dir(dir)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<Entry>> {
        let state = self.state.lock();
        let files =
            state.files.iter().filter(|(path, _)| parent_of(path) == dir).map(|(path, inode)| {
                Entry {
                    name: path.rsplit('/').next().unwrap_or(path).to_owned(),
                    bytes: inode.bytes.len() as u64,
                    is_dir: false,
                }
            });
        let dirs = state.dirs.iter().filter(|path| parent_of(path) == dir).map(|path| Entry {
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            bytes: 0,
            is_dir: true,
        });
        let mut entries: Vec<Entry> = files.chain(dirs).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn entry(&self, path: &str) -> io::Result<Option<Entry>> {
        let state = self.state.lock();
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
        if state.dirs.contains(path) {
            return Ok(Some(Entry { name, bytes: 0, is_dir: true }));
        }
        Ok(state.files.get(path).map(|inode| {
            let bytes = inode.bytes.len() as u64;
            Entry { name, bytes, is_dir: false }
        }))
    }

    fn open(&self, path: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        if !state.files.contains_key(path) {
            if matches!(access, Access::Read | Access::Write) {
                return Err(io::ErrorKind::NotFound.into());
            }
            state.step(Kind::Name)?;
            let id = state.ops;
            let name_durable = access == Access::Create;
            state.files.insert(path.to_owned(), Inode { id, name_durable, ..Inode::default() });
        }
        let id = state.files.get(path).map_or(0, |inode| inode.id);
        let (disk, path) = (self.clone(), path.to_owned());
        Ok(Arc::new(SimFile { disk, path, id, writable: access != Access::Read }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.step(Kind::Name)?;
        let mut inode = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inode.name_durable = true;
        state.files.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut state = self.step(Kind::Name)?;
        state.files.remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.step(Kind::Name)?;
        let below = format!("{dir}/");
        state.files.retain(|path, _| !path.starts_with(&below));
        state.dirs.retain(|path| path != dir && !path.starts_with(&below));
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut state = self.step(Kind::Sync)?;
        for (path, inode) in &mut state.files {
            if parent_of(path) == dir {
                inode.name_durable = true;
            }
        }
        Ok(())
    }

    fn sync_root(&self) -> io::Result<()> {
        self.step(Kind::Sync).map(drop)
    }

    fn sync_all(&self) -> io::Result<()> {
        let mut state = self.step(Kind::Sync)?;
        for inode in state.files.values_mut() {
            inode.sync();
            inode.name_durable = true;
        }
        Ok(())
    }

    fn lock(&self, path: &str) -> Result<LockGuard, LockError> {
        if !self.state.lock().locked.insert(path.to_owned()) {
            return Err(LockError::Held { owner: "pid 1".to_owned() });
        }
        Ok(LockGuard(Box::new(SimLock { disk: self.clone(), path: path.to_owned() })))
    }

    fn used_percent(&self) -> io::Result<u8> {
        Ok(self.state.lock().used_percent)
    }
}

struct SimLock {
    disk: SimDisk,
    path: String,
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state.lock().locked.remove(&self.path);
    }
}
