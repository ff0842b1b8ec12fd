//! Metadata that survives power loss whole: a checksummed log of key-value changes.
//!
//! One file, `config/meta.log`: an 8-byte head, then one frame for each `put`, so that a put is
//! there whole or not at all. Used for topics, groups, consumer offsets and runtime config.
//!
//! Frame, big-endian: magic 4, own position 8, `durable_bytes` 8 (how much of the file was known to
//! be on disk when the frame was written), body length 4, CRC-32 of all these and the body 4, body.
//! Body: for each change kind 1 (1 = value, 0 = tombstone), key length 2, value length 4, key,
//! value.
//!
//! At open a bad frame ends the log. If a sound frame behind it says that the bad one was already
//! on disk, it is damage and refused with its place; otherwise it is what a power cut left of
//! writes that nobody was promised, and is dropped. Compaction writes a new file, syncs, renames,
//! syncs the directory.
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Access, Disk, DiskFile, is_no_space, read_file};

const HEAD: &[u8; 8] = b"RMRMETA1";
const FRAME_MAGIC: u32 = 0x524D_4631;
const FRAME_HEAD_BYTES: usize = 28;
/// Chosen: below this a rewrite costs more than the space it saves.
const COMPACT_GARBAGE_BYTES_MIN: u64 = 256 * 1024;
/// Chosen: a snapshot is written in frames of about this size.
const SNAPSHOT_FRAME_BYTES: usize = 1 << 20;

type Change = (String, Option<Vec<u8>>);

/// The log and its contents. Share it in an `Arc`; it locks inside.
#[derive(Debug)]
pub struct MetaLog {
    path: String,
    shown_path: String,
    disk: Arc<dyn Disk>,
    /// As found at open.
    entries: BTreeMap<String, Vec<u8>>,
    dropped_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: Arc<dyn DiskFile>,
    current: BTreeMap<String, Vec<u8>>,
    end: u64,
    durable: u64,
    live_bytes: u64,
    /// Counts compactions: a sync of an older file says nothing about this one.
    generation: u64,
    /// The names of the file and its directory may not be on disk.
    names_due: bool,
    failed: bool,
}

/// Why the metadata could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    #[error(
        "{path}: record at byte {at} is damaged: {reason}; restore the file or remove it to start from the exported JSON"
    )]
    Damaged { path: String, at: u64, reason: &'static str },
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}: an earlier write or sync failed, so no more changes are taken; restart")]
    Failed { path: String },
    #[error("{path}: a change of {bytes} bytes is larger than a frame takes")]
    TooLarge { path: String, bytes: usize },
}

/// How far a change must have come before the call returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    PageCache,
    Disk,
}

impl MetaLog {
    /// Opens or creates the log at `path` and reads it. The disk is not waited for: what a killed
    /// process left in the page cache, and new names, are on disk after the next `sync`.
    pub fn open(disk: &dyn Disk, path: &str) -> Result<Self, MetaError> {
        let shown_path = disk.display(path);
        let io_error = |source| MetaError::Io { path: shown_path.clone(), source };
        if let Some((dir, _)) = path.rsplit_once('/') {
            disk.create_dir_unsynced(dir).map_err(io_error)?;
        }
        let bytes = read_file(disk, path).map_err(io_error)?.unwrap_or_default();
        let replay = Replay::of(&bytes).map_err(|(at, reason)| MetaError::Damaged {
            path: shown_path.clone(),
            at,
            reason,
        })?;
        let file = disk.open(path, Access::CreateUnsynced).map_err(io_error)?;
        let dropped_bytes = (bytes.len() as u64).saturating_sub(replay.end);
        let end = if replay.end == 0 {
            file.set_len(0).and_then(|()| file.write_at(0, HEAD)).map_err(io_error)?;
            HEAD.len() as u64
        } else {
            replay.end
        };
        if dropped_bytes > 0 {
            // What is dropped must not come back behind what is written next.
            file.set_len(end).and_then(|()| file.sync()).map_err(io_error)?;
        }
        let live_bytes = replay.entries.iter().map(|(key, value)| cost(key, value)).sum();
        let state = State {
            file,
            current: replay.entries.clone(),
            end,
            durable: replay.durable,
            live_bytes,
            generation: 0,
            names_due: true,
            failed: false,
        };
        Ok(Self {
            path: path.to_owned(),
            disk: disk.share(),
            entries: replay.entries,
            dropped_bytes,
            state: Mutex::new(state),
            shown_path,
        })
    }

    /// The contents found at open; later puts are not in it (see `value` and `current`).
    pub fn entries(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.entries
    }

    /// How many bytes of a torn tail were dropped at open.
    pub fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes
    }

    /// The present value of one key.
    pub fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.state.lock().current.get(key).cloned()
    }

    /// A copy of the present contents.
    pub fn current(&self) -> BTreeMap<String, Vec<u8>> {
        self.state.lock().current.clone()
    }

    /// Appends changes (None deletes), all or none of them, and returns when they are as durable as
    /// asked. After a failed sync every later put fails: what is on disk is then unknown.
    pub fn put(&self, changes: &[Change], durability: Durability) -> Result<(), MetaError> {
        if !changes.is_empty() {
            let mut state = self.state.lock();
            self.append(&mut state, changes)?;
            self.compact_if_worth(&mut state)?;
        }
        match durability {
            Durability::PageCache => Ok(()),
            Durability::Disk => self.sync(),
        }
    }

    /// True if there is something for `sync` to do.
    pub fn wants_sync(&self) -> bool {
        let state = self.state.lock();
        !state.failed && (state.names_due || state.durable < state.end)
    }

    /// Makes everything that was put before durable.
    pub fn sync(&self) -> Result<(), MetaError> {
        let (file, end, generation, names_due) = {
            let state = self.state.lock();
            if state.failed {
                return Err(MetaError::Failed { path: self.shown_path.clone() });
            }
            if !state.names_due && state.durable >= state.end {
                return Ok(());
            }
            (state.file.clone(), state.end, state.generation, state.names_due)
        };
        let names = if names_due { self.sync_names() } else { Ok(()) };
        let synced = names.and_then(|()| file.sync());
        let mut state = self.state.lock();
        if let Err(source) = synced {
            state.failed = true;
            return Err(self.io_error(source));
        }
        state.names_due = false;
        if state.generation == generation {
            state.durable = state.durable.max(end);
        }
        Ok(())
    }

    /// The file's name and those of the directories above it.
    fn sync_names(&self) -> io::Result<()> {
        let mut path = self.path.as_str();
        while !path.is_empty() {
            path = path.rsplit_once('/').map_or("", |(dir, _)| dir);
            self.disk.sync_dir(path)?;
        }
        Ok(())
    }

    fn io_error(&self, source: io::Error) -> MetaError {
        MetaError::Io { path: self.shown_path.clone(), source }
    }

    fn append(&self, state: &mut State, changes: &[Change]) -> Result<(), MetaError> {
        if state.failed {
            return Err(MetaError::Failed { path: self.shown_path.clone() });
        }
        let borrowed = changes.iter().map(|(key, value)| (key.as_str(), value.as_deref()));
        let frame = encode_frame(state.end, state.durable, borrowed)
            .map_err(|bytes| MetaError::TooLarge { path: self.shown_path.clone(), bytes })?;
        if let Err(source) = state.file.write_at(state.end, &frame) {
            // Without space nothing changed and the next try overwrites the part that arrived.
            state.failed = !is_no_space(&source);
            return Err(self.io_error(source));
        }
        state.end += frame.len() as u64;
        for (key, value) in changes {
            state.apply(key, value.clone());
        }
        Ok(())
    }

    fn compact_if_worth(&self, state: &mut State) -> Result<(), MetaError> {
        let garbage = state.end.saturating_sub(state.live_bytes);
        if garbage <= state.live_bytes.max(COMPACT_GARBAGE_BYTES_MIN) {
            return Ok(());
        }
        match self.compact(state) {
            Ok(()) => Ok(()),
            // The old file is whole; the next put tries again.
            Err(source) if is_no_space(&source) => Ok(()),
            Err(source) => {
                state.failed = true;
                Err(self.io_error(source))
            }
        }
    }

    fn compact(&self, state: &mut State) -> io::Result<()> {
        let temporary = format!("{}.tmp", self.path);
        let file = self.disk.open(&temporary, Access::CreateUnsynced)?;
        file.set_len(0)?;
        file.write_at(0, HEAD)?;
        let mut end = HEAD.len() as u64;
        let mut pending: Vec<(&str, Option<&[u8]>)> = Vec::new();
        let mut pending_bytes = 0;
        let mut flush = |pending: &mut Vec<(&str, Option<&[u8]>)>| -> io::Result<()> {
            let frame = encode_frame(end, 0, pending.drain(..))
                .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
            file.write_at(end, &frame)?;
            end += frame.len() as u64;
            Ok(())
        };
        for (key, value) in &state.current {
            pending_bytes += key.len() + value.len();
            pending.push((key, Some(value)));
            if pending_bytes >= SNAPSHOT_FRAME_BYTES {
                flush(&mut pending)?;
                pending_bytes = 0;
            }
        }
        if !pending.is_empty() {
            flush(&mut pending)?;
        }
        file.sync()?;
        drop(file);
        self.disk.rename(&temporary, &self.path)?;
        // The handle is opened by its lasting name.
        state.file = self.disk.open(&self.path, Access::Write)?;
        state.end = end;
        state.durable = end;
        state.generation += 1;
        Ok(())
    }
}

impl State {
    fn apply(&mut self, key: &str, value: Option<Vec<u8>>) {
        let before = match value {
            Some(value) => {
                self.live_bytes += cost(key, &value);
                self.current.insert(key.to_owned(), value)
            }
            None => self.current.remove(key),
        };
        if let Some(before) = before {
            self.live_bytes = self.live_bytes.saturating_sub(cost(key, &before));
        }
    }
}

/// What one entry takes in a snapshot, about.
fn cost(key: &str, value: &[u8]) -> u64 {
    (key.len() + value.len() + 7) as u64
}

/// Encodes one frame, or says how many bytes were too many.
fn encode_frame<'a>(
    position: u64,
    durable: u64,
    changes: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
) -> Result<Vec<u8>, usize> {
    let mut frame = Vec::with_capacity(FRAME_HEAD_BYTES + 256);
    frame.extend_from_slice(&FRAME_MAGIC.to_be_bytes());
    frame.extend_from_slice(&position.to_be_bytes());
    frame.extend_from_slice(&durable.to_be_bytes());
    frame.extend_from_slice(&[0; 8]);
    for (key, value) in changes {
        let key_len = u16::try_from(key.len()).map_err(|_| key.len())?;
        let bytes = value.unwrap_or_default();
        let value_len = u32::try_from(bytes.len()).map_err(|_| bytes.len())?;
        frame.push(u8::from(value.is_some()));
        frame.extend_from_slice(&key_len.to_be_bytes());
        frame.extend_from_slice(&value_len.to_be_bytes());
        frame.extend_from_slice(key.as_bytes());
        frame.extend_from_slice(bytes);
    }
    let body_bytes = frame.len() - FRAME_HEAD_BYTES;
    let body_len = u32::try_from(body_bytes).map_err(|_| body_bytes)?;
    if let Some(place) = frame.get_mut(20..24) {
        place.copy_from_slice(&body_len.to_be_bytes());
    }
    let crc = frame_crc(&frame).to_be_bytes();
    if let Some(place) = frame.get_mut(24..28) {
        place.copy_from_slice(&crc);
    }
    Ok(frame)
}

/// CRC of a frame without its own CRC field.
fn frame_crc(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(frame.get(..24).unwrap_or_default());
    hasher.update(frame.get(FRAME_HEAD_BYTES..).unwrap_or_default());
    hasher.finalize()
}

fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn be_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// A sound frame at `at`: (whole frame, what it knew to be durable).
fn frame_at(bytes: &[u8], at: usize) -> Option<(&[u8], u64)> {
    let rest = bytes.get(at..)?;
    if be_u32(rest, 0)? != FRAME_MAGIC || be_u64(rest, 4)? != at as u64 {
        return None;
    }
    let body_bytes = usize::try_from(be_u32(rest, 20)?).ok()?;
    let frame = rest.get(..FRAME_HEAD_BYTES.checked_add(body_bytes)?)?;
    (frame_crc(frame) == be_u32(frame, 24)?).then_some((frame, be_u64(frame, 12)?))
}

/// True if a sound frame behind `at` says that what stands there was on disk.
fn knows_durable(bytes: &[u8], at: usize) -> bool {
    let says_so = |later| frame_at(bytes, later).is_some_and(|(_, durable)| durable > at as u64);
    (at + 1..bytes.len()).any(says_so)
}

#[derive(Default)]
struct Replay {
    entries: BTreeMap<String, Vec<u8>>,
    /// End of the last sound frame; 0 = not even a head.
    end: u64,
    /// How much was known to be on disk.
    durable: u64,
}

impl Replay {
    fn of(bytes: &[u8]) -> Result<Self, (u64, &'static str)> {
        let mut replay = Self::default();
        if bytes.len() < HEAD.len() {
            return Ok(replay);
        }
        if !bytes.starts_with(HEAD) {
            // One that never became durable is zeros, and so was nothing behind it.
            let is_lost = bytes.iter().take(HEAD.len()).all(|byte| *byte == 0);
            if is_lost && !knows_durable(bytes, 0) {
                return Ok(replay);
            }
            return Err((0, "the head is not a meta log's"));
        }
        let mut at = HEAD.len();
        while let Some((frame, durable)) = frame_at(bytes, at) {
            replay.durable = replay.durable.max(durable);
            replay.apply(frame.get(FRAME_HEAD_BYTES..).unwrap_or_default()).ok_or((
                at as u64,
                "its checksum is right but its content is not; written by a newer version?",
            ))?;
            at += frame.len();
        }
        if knows_durable(bytes, at) {
            return Err((at as u64, "checksum"));
        }
        replay.end = at as u64;
        Ok(replay)
    }

    fn apply(&mut self, mut body: &[u8]) -> Option<()> {
        while !body.is_empty() {
            let kind = *body.first()?;
            let key_len = usize::from(u16::from_be_bytes(body.get(1..3)?.try_into().ok()?));
            let value_len = usize::try_from(be_u32(body, 3)?).ok()?;
            let rest = body.get(7..)?;
            let key = std::str::from_utf8(rest.get(..key_len)?).ok()?;
            let value = rest.get(key_len..key_len.checked_add(value_len)?)?;
            match kind {
                1 => drop(self.entries.insert(key.to_owned(), value.to_vec())),
                0 => drop(self.entries.remove(key)),
                _ => return None,
            }
            body = rest.get(key_len + value_len..)?;
        }
        Some(())
    }
}
