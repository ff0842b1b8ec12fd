//! Memory maps. The only `unsafe` of the project.
use std::fs::File;
use std::io;

use bytes::Bytes;
use memmap2::{Mmap, MmapMut, MmapOptions};

/// Maps the first `len` bytes of `file` for reading. Slices of the result keep the map alive, also
/// after the file was unlinked.
///
/// Callers hand out only slices of bytes that never change again (below the committed offset).
#[expect(unsafe_code, reason = "a file map is the zero-copy read path; see SAFETY")]
pub fn map_read(file: &File, len: usize) -> io::Result<Bytes> {
    if len == 0 {
        return Ok(Bytes::new());
    }
    // SAFETY: a map is undefined behaviour when its bytes change under a reader, or when the file
    // is cut short (SIGBUS). Bytes below the committed offset are never written again
    // (commit_log.rs publishes it with Release after the write), readers slice only those; the
    // directory is locked against a second process, and this crate never shortens a file that is
    // mapped.
    let map: Mmap = unsafe { MmapOptions::new().len(len).map(file)? };
    Ok(Bytes::from_owner(map))
}

/// Maps the first `len` bytes of `file` for reading and writing (index files only).
///
/// A store into a range that was not allocated can raise SIGBUS on a full disk, so the caller
/// allocates every range before it writes there.
#[expect(unsafe_code, reason = "random 4-byte writes into the index's slots; see SAFETY")]
pub fn map_write(file: &File, len: usize) -> io::Result<MmapMut> {
    // SAFETY: the index file is owned by one `IndexFile` behind one lock, so no other reference
    // into this map exists; the directory is locked against a second process; the file is never
    // cut.
    unsafe { MmapOptions::new().len(len).map_mut(file) }
}
