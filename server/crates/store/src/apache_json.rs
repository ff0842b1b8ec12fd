//! Apache's `config/*.json` files as raw bytes; what is in them is the broker's business.
//!
//! Apache rewrites them in place every few seconds, so after a power cut they may be empty, cut
//! short or end in NULs (protocol-facts E.6); the `.bak` beside each is then the better one.
use std::io;

use crate::disk::{Disk, read_file, write_file_atomic};

/// Reads `config/{name}`. `accept` says whether bytes parse; the `.bak` is tried when the file is
/// missing, empty or not accepted. None if neither is there.
///
/// An error of kind `InvalidData` means that files are there and none was accepted.
pub fn read(
    disk: &dyn Disk,
    name: &str,
    accept: &dyn Fn(&[u8]) -> bool,
) -> io::Result<Option<Vec<u8>>> {
    let mut found = false;
    for path in [format!("config/{name}"), format!("config/{name}.bak")] {
        let Some(mut bytes) = read_file(disk, &path)? else { continue };
        let kept = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        bytes.truncate(kept);
        if bytes.is_empty() {
            continue;
        }
        found = true;
        if accept(&bytes) {
            return Ok(Some(bytes));
        }
    }
    if found {
        let text = format!("{}: neither it nor its .bak can be read", disk.display(name));
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(None)
}

/// Replaces `config/{name}`, keeping the former one as `.bak`, as Apache does.
pub fn write(disk: &dyn Disk, name: &str, bytes: &[u8]) -> io::Result<()> {
    disk.create_dir("config")?;
    let path = format!("config/{name}");
    if let Some(before) = read_file(disk, &path)?.filter(|before| !before.is_empty()) {
        if before == bytes {
            return Ok(());
        }
        write_file_atomic(disk, &format!("{path}.bak"), &before)?;
    }
    write_file_atomic(disk, &path, bytes)
}
