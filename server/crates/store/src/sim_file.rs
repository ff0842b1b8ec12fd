//! The files of the simulated disk.
use std::io;

use bytes::Bytes;

use crate::disk::{DiskFile, Region};
use crate::sim_disk::{Inode, Kind, PAGE_BYTES, SECTOR_BYTES, SimDisk};

#[derive(Debug)]
pub(crate) struct SimFile {
    pub disk: SimDisk,
    pub path: String,
    pub id: u64,
    pub writable: bool,
}

impl SimFile {
    fn change(&self, kind: Kind, change: impl FnOnce(&mut Inode)) -> io::Result<()> {
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut state = self.disk.step(kind)?;
        change(state.inode(&self.path, self.id)?);
        Ok(())
    }
}

fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}

impl DiskFile for SimFile {
    fn len(&self) -> u64 {
        let mut state = self.disk.state();
        state.inode(&self.path, self.id).map_or(0, |inode| inode.bytes.len() as u64)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = place(offset)?;
        let written = self.change(Kind::Write, |inode| inode.write(offset, data));
        if written.is_err() && self.writable {
            // As a real short write: a part of it may have arrived.
            let mut state = self.disk.state();
            let part = data.get(..data.len() / 2).unwrap_or_default();
            let file_bytes = state.inode(&self.path, self.id)?.bytes.len();
            if offset + part.len() <= file_bytes {
                state.inode(&self.path, self.id)?.write(offset, part);
            }
        }
        written
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        let bytes = &state.inode(&self.path, self.id)?.bytes;
        let rest = bytes.get(place(offset)?..).unwrap_or_default();
        let read = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..read), rest.get(..read)) {
            to.copy_from_slice(from);
        }
        Ok(read)
    }

    fn resident(&self, offset: u64, len: u64) -> io::Result<u64> {
        let mut state = self.disk.state();
        let first_page = offset / PAGE_BYTES;
        let cold = state.inode(&self.path, self.id)?.cold.range(first_page..).next().copied();
        let end = cold.map_or(u64::MAX, |page| page * PAGE_BYTES);
        Ok(end.saturating_sub(offset).min(len))
    }

    fn read_ahead(&self, offset: u64, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let pages = offset / PAGE_BYTES..(offset + len).div_ceil(PAGE_BYTES);
        state.inode(&self.path, self.id)?.cold.retain(|page| !pages.contains(page));
        Ok(())
    }

    fn slice(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut copy = vec![0; len];
        crate::disk::read_exact_at(self, offset, &mut copy)?;
        Ok(Bytes::from(copy))
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        let end = place(offset + len)?;
        self.change(Kind::Write, |inode| {
            if inode.bytes.len() < end {
                inode.bytes.resize(end, 0);
            }
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = place(len)?;
        self.change(Kind::Write, |inode| {
            inode.bytes.resize(len, 0);
            // A length without data is metadata; the model keeps it.
            inode.durable.resize(len, 0);
            inode.unsynced.retain(|(offset, data)| offset + data.len() <= len);
        })
    }

    fn zero(&self, offset: u64, len: u64) -> io::Result<()> {
        let (offset, len) = (place(offset)?, place(len)?);
        self.change(Kind::Write, |inode| inode.write(offset, &vec![0; len]))
    }

    fn next_data(&self, from: u64) -> io::Result<Option<u64>> {
        let mut state = self.disk.state();
        let bytes = &state.inode(&self.path, self.id)?.bytes;
        let rest = bytes.get(place(from)?..).unwrap_or_default();
        Ok(rest.iter().position(|byte| *byte != 0).map(|at| from + at as u64))
    }

    fn sync(&self) -> io::Result<()> {
        if self.disk.state().inode(&self.path, self.id).is_err() {
            // Removed meanwhile: nothing to make durable.
            return Ok(());
        }
        self.change(Kind::Sync, Inode::sync)
    }

    fn forget_clean(&self, _offset: u64, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn region(&self, len: usize) -> io::Result<Box<dyn Region>> {
        let mut bytes = vec![0; len];
        crate::disk::read_exact_at(self, 0, &mut bytes)?;
        let file = Self {
            disk: self.disk.clone(),
            path: self.path.clone(),
            id: self.id,
            writable: self.writable,
        };
        Ok(Box::new(SimRegion { published: bytes.clone(), bytes, file }))
    }
}

struct SimRegion {
    bytes: Vec<u8>,
    published: Vec<u8>,
    file: SimFile,
}

impl AsRef<[u8]> for SimRegion {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for SimRegion {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Region for SimRegion {
    fn publish(&mut self) -> io::Result<()> {
        let sectors = self.bytes.chunks(SECTOR_BYTES).zip(self.published.chunks(SECTOR_BYTES));
        for (index, (now, before)) in sectors.enumerate() {
            if now != before {
                self.file.write_at((index * SECTOR_BYTES) as u64, now)?;
            }
        }
        self.published.clone_from(&self.bytes);
        Ok(())
    }
}
