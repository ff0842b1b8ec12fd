//! Memory maps. The only `unsafe` of the project.
use std::fs::File;
use std::io;

use bytes::Bytes;
use memmap2::{Advice, Mmap, MmapMut, MmapOptions};

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
    let map = unsafe { MmapOptions::new().len(len).map_mut(file)? };
    // Or a touch of one page has the kernel zero as many as it reads ahead, in one go: 8 MiB are
    // 20 ms in which nothing else runs on that core.
    map.advise(Advice::Random)?;
    Ok(map)
}

/// How many of `bytes`, a part of a file's map, are in memory, counted up to the first page that is
/// not.
#[expect(unsafe_code, reason = "nothing safe tells what the page cache has; see SAFETY")]
pub fn resident_bytes(bytes: &[u8]) -> io::Result<usize> {
    /// Pages asked about in one call: 1 MiB, as far as a read asks.
    const PAGES: usize = 256;
    let page_bytes = rustix::param::page_size();
    let before = bytes.as_ptr().addr() % page_bytes;
    let whole = before + bytes.len();
    let mut known = 0;
    while known < whole {
        let mut pages = [0_u8; PAGES];
        let asked = (whole - known).min(PAGES * page_bytes);
        let start = bytes.as_ptr().wrapping_sub(before).wrapping_add(known);
        // SAFETY: mincore reads no byte of the map, it writes one byte a page into `pages`, which
        // has room for as many as are asked about; `bytes` keeps the map alive, whose first page is
        // the one that `before` goes back to.
        let outcome = unsafe { libc::mincore(start.cast_mut().cast(), asked, pages.as_mut_ptr()) };
        if outcome != 0 {
            return Err(io::Error::last_os_error());
        }
        let count = asked.div_ceil(page_bytes);
        let resident = pages.iter().take(count).take_while(|page| **page & 1 == 1).count();
        known += resident * page_bytes;
        if resident < count {
            break;
        }
    }
    Ok(known.saturating_sub(before).min(bytes.len()))
}

/// The map no longer refers to the pages of `bytes`, a part of a file's map for reading: the kernel
/// may take them. Who reads there gets them back, from the page cache or the file.
#[expect(unsafe_code, reason = "nothing safe gives up a part of a map; see SAFETY")]
pub fn unmap_pages(bytes: &[u8]) -> io::Result<()> {
    let before = bytes.as_ptr().addr() % rustix::param::page_size();
    let start = bytes.as_ptr().wrapping_sub(before).cast_mut();
    // SAFETY: on a shared map of a file that is never written through, MADV_DONTNEED changes no
    // byte that a reader sees, it costs them a page fault; the first page is one of the map that
    // `bytes` lies in and keeps alive.
    let outcome = unsafe { libc::madvise(start.cast(), before + bytes.len(), libc::MADV_DONTNEED) };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
