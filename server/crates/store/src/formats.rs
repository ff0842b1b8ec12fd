//! Directories that are not to be opened: another format, or several at once.
use std::io;

use remora_protocol::record::{MAGIC_BLANK, MAGIC_V1, MAGIC_V2};

use crate::disk::{Access, Disk, Entry};
use crate::queue_registry::CONSUME_QUEUE_DIR;
use crate::segment::{COMMIT_LOG_DIR, start_of};
use crate::store::OpenError;

/// DLedger puts this many bytes before each record.
const DLEDGER_HEADER_BYTES: u64 = 48;

/// Refuses what cannot be read as it is, saying what to do.
pub(crate) fn refuse_others(disk: &dyn Disk) -> Result<(), OpenError> {
    let refuse = |path: &str, format, instructions| {
        Err(OpenError::Format { path: disk.display(path), format, instructions })
    };
    if disk.display("").contains(',') {
        return refuse(
            "",
            "several commit log directories",
            "the commit log must be in one directory; copy the files of all directories into one `commitlog`",
        );
    }
    if is_rocksdb(disk, CONSUME_QUEUE_DIR)? {
        return refuse(
            CONSUME_QUEUE_DIR,
            "RocksDB consume queue (storeType=defaultRocksDB)",
            "queues are derived from the commit log: move this directory away and start again, they are then built from the log",
        );
    }
    for entry in list(disk, "")?.into_iter().filter(|entry| entry.is_dir) {
        if entry.name.starts_with("dledger-") || entry.name == "dledger" {
            return refuse(
                &entry.name,
                "DLedger",
                "DLedger's log cannot be read; consume it with Apache's broker, or let it replicate to a broker without DLedger",
            );
        }
    }
    for entry in list(disk, "config")?.into_iter().filter(|entry| entry.is_dir) {
        let path = format!("config/{}", entry.name);
        if is_rocksdb(disk, &path)? {
            return refuse(
                &path,
                "RocksDB configuration",
                "export it to JSON with Apache's `mqadmin rocksDBConfigToJson`, then move this directory away",
            );
        }
    }
    refuse_dledger_records(disk)
}

fn refuse_dledger_records(disk: &dyn Disk) -> Result<(), OpenError> {
    let files = list(disk, COMMIT_LOG_DIR)?;
    let Some(first) = files.iter().find(|entry| start_of(&entry.name).is_some()) else {
        return Ok(());
    };
    let path = format!("{COMMIT_LOG_DIR}/{}", first.name);
    let io_error = |source| OpenError::Io { path: disk.display(&path), source };
    let file = disk.open(&path, Access::Read).map_err(io_error)?;
    let magic_at = |at: u64| -> io::Result<u32> {
        let mut bytes = [0; 4];
        let read = file.read_at(at + 4, &mut bytes)?;
        Ok(if read == 4 { u32::from_be_bytes(bytes) } else { 0 })
    };
    let is_record = |magic| matches!(magic, MAGIC_V1 | MAGIC_V2);
    let (plain, behind_header) =
        (magic_at(0).map_err(io_error)?, magic_at(DLEDGER_HEADER_BYTES).map_err(io_error)?);
    if !is_record(plain) && plain != MAGIC_BLANK && is_record(behind_header) {
        return Err(OpenError::Format {
            path: disk.display(&path),
            format: "DLedger commit log",
            instructions: "each record has a 48-byte DLedger header, which cannot be read; consume it with Apache's broker, or let it replicate to a broker without DLedger",
        });
    }
    Ok(())
}

fn list(disk: &dyn Disk, dir: &str) -> Result<Vec<Entry>, OpenError> {
    disk.list(dir).map_err(|source| OpenError::Io { path: disk.display(dir), source })
}

fn is_rocksdb(disk: &dyn Disk, dir: &str) -> Result<bool, OpenError> {
    let entries = list(disk, dir)?;
    Ok(entries.iter().any(|entry| {
        !entry.is_dir && (entry.name == "CURRENT" || entry.name.starts_with("MANIFEST-"))
    }))
}
