//! Queue entries from memory to files, and the checkpoint that says how far.
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ahash::AHashMap;
use parking_lot::Mutex;

use crate::checkpoint::{Base, Checkpoint, Own};
use crate::clock::instant;
use crate::consume_queue::ConsumeQueue;
use crate::disk::is_no_space;
use crate::index::IndexMark;
use crate::log_ahead::PIECE_BYTES;
use crate::log_cache::LogCache;
use crate::signal::Signal;
use crate::store::Parts;

/// How often long tails are written out.
const WRITE_INTERVAL: Duration = Duration::from_millis(250);
/// Time between checkpoints. Chosen: a restart after a crash reads what came after the last one.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(5);
/// A checkpoint may take at most one part in this many of the time (many thousand dirty queues).
const CHECKPOINT_SHARE: u32 = 10;
/// Between checkpoints only tails of this many entries are written: 80,000 slow queues cost
/// nothing.
const WRITE_ENTRIES_MIN: usize = 512;
/// Past this many dirty queues one sync of the whole disk is cheaper than one for each file.
const SYNC_EACH_MAX: usize = 32;

/// State of the queue writer.
#[derive(Debug)]
pub(crate) struct QueueWriter {
    pub signal: Signal,
    /// Held during a pass.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    base: Base,
    own: Own,
    /// What the file says is another broker's or nothing.
    unwritten: bool,
    /// Queues written to since the last sync, by address.
    unsynced: AHashMap<usize, Arc<ConsumeQueue>>,
}

impl QueueWriter {
    /// `base` and `own`: what is durable now; `written` if the checkpoint file says so.
    pub(crate) fn new(base: Base, own: Own, written: bool) -> Self {
        let state = State { base, own, unwritten: !written, unsynced: AHashMap::new() };
        Self { signal: Signal::default(), state: Mutex::new(state) }
    }
}

impl Parts {
    /// The queue writer's thread.
    pub(crate) fn run_queue_writer(&self) {
        let mut last = instant();
        // What a start recovered is in the checkpoint soon, so that no later start reads it again.
        let recovered = self.flusher.flushed() < self.log.committed();
        let mut pause = if recovered { Duration::ZERO } else { CHECKPOINT_INTERVAL };
        while self.queue_writer.signal.wait(WRITE_INTERVAL) {
            if self.status.is_failed() {
                continue;
            }
            let due = last.elapsed() >= pause;
            let done = if due { self.checkpoint() } else { self.write_long_tails() };
            if let Err(error) = done {
                self.background_error("writing consume queues", &error);
            }
            if due {
                pause = CHECKPOINT_INTERVAL
                    .max(last.elapsed().saturating_sub(pause) * CHECKPOINT_SHARE);
                last = instant();
            }
        }
    }

    /// No space: tried again later, entries stay in memory. Everything else is final.
    pub(crate) fn background_error(&self, what: &str, error: &io::Error) {
        if is_no_space(error) {
            tracing::warn!(what, %error, "no space; tried again later");
        } else {
            self.status.fail(&format!("{what}: {error}"));
        }
    }

    fn write_long_tails(&self) -> io::Result<()> {
        let mut state = self.queue_writer.state.lock();
        if self.queue_tails.are_long() {
            // Only entries of flushed records are written.
            self.flusher.flush().map_err(io::Error::other)?;
            return self.write_tails(&mut state, 1);
        }
        self.write_tails(&mut state, WRITE_ENTRIES_MIN)
    }

    /// Writes the durable entries of listed queues that have at least `entries_min`.
    fn write_tails(&self, state: &mut State, entries_min: usize) -> io::Result<()> {
        let durable = self.flusher.flushed();
        let mut result = Ok(());
        let (before, mut left) = (self.queue_tails.begin_pass(), 0);
        for queue in self.queues.take_listed() {
            let waiting = queue.waiting();
            if result.is_ok() && waiting >= entries_min {
                state.unsynced.insert(Arc::as_ptr(&queue).addr(), queue.clone());
                result = queue.write_out(durable);
                left += queue.waiting();
            } else {
                self.queues.list(&queue);
                left += waiting;
                continue;
            }
            if queue.unlist() {
                self.queues.list(&queue);
            }
        }
        self.queue_tails.end_pass(before, left);
        if self.queues.wants_closing() {
            self.queues.all().iter().for_each(|queue| queue.close_files());
        }
        result
    }

    /// Makes index, log and queues durable up to one instant, then says so in the checkpoint.
    pub(crate) fn checkpoint(&self) -> io::Result<()> {
        let mut state = self.queue_writer.state.lock();
        // The index first: its cursor must not lie past the log that is flushed below.
        let index = self.index_mark(&state.own.index)?;
        self.log.segments.due_syncs.settle()?;
        let end = self.log.end();
        self.flusher.flush().map_err(io::Error::other)?;
        self.write_tails(&mut state, 0)?;
        self.sync_queues(&mut state)?;
        let own = Own {
            durable_offset: end.end,
            tail_from: end.tail_from,
            crc_from: self.crc_from,
            index,
        };
        let base = Base {
            physic_ms: end.last_store_timestamp_ms,
            logics_ms: end.last_store_timestamp_ms,
            index_ms: own.index.timestamp_ms,
            master_flushed_offset: state.base.master_flushed_offset,
            confirm_offset: end.end.cast_signed(),
        };
        if state.unwritten || own != state.own || base != state.base {
            Checkpoint::write(self.disk.as_ref(), base, &own)?;
            state.unwritten = false;
            state.own = own;
            state.base = base;
        }
        Ok(())
    }

    fn index_mark(&self, former: &IndexMark) -> io::Result<IndexMark> {
        if !self.message_index {
            return Ok(former.clone());
        }
        if former.cursor == self.index.cursor() {
            return Ok(former.clone());
        }
        match self.index.sync() {
            // Still being restored: the former mark is the right one.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(former.clone()),
            marked => marked,
        }
    }

    fn sync_queues(&self, state: &mut State) -> io::Result<()> {
        if state.unsynced.len() > SYNC_EACH_MAX {
            self.disk.sync_all()?;
            state.unsynced.values().for_each(|queue| queue.all_synced());
        } else {
            for queue in state.unsynced.values() {
                queue.sync()?;
            }
        }
        state.unsynced.clear();
        Ok(())
    }

    /// Indexes everything that is committed.
    pub(crate) fn catch_up_index(&self) -> io::Result<()> {
        if !self.message_index {
            return Ok(());
        }
        self.log.segments.due_syncs.settle()?;
        let _one_builder = self.index_building.lock();
        while self.index.build(&self.log)? {}
        Ok(())
    }

    /// The index's thread.
    pub(crate) fn run_index(&self) {
        const IDLE: Duration = Duration::from_millis(50);
        // Appends wake the thread at most once in this time, and it then finds a run of them. A
        // wake for each append was a fifth of this thread's cost and 4 % of the appenders'. Chosen:
        // a query does not notice it.
        const REST: Duration = Duration::from_millis(5);
        while self.index_work.wait(IDLE) {
            if self.status.is_failed() || self.index.cursor() >= self.log.committed() {
                continue;
            }
            // No entry is on disk before `abort` is: after a clean stop they are believed.
            if !self.log.segments.due_syncs.is_settled_below(1) {
                continue;
            }
            std::thread::sleep(REST);
            if let Err(error) = self.index_until_idle() {
                self.background_error("writing the key index", &error);
            }
        }
    }

    fn index_until_idle(&self) -> io::Result<()> {
        let _one_builder = self.index_building.lock();
        while self.index.build(&self.log)? {
            if self.index_work.is_stopped() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The thread that makes segments ahead, and their next pages.
    pub(crate) fn run_allocate(&self) {
        const IDLE: Duration = Duration::from_millis(200);
        let zeros = vec![0; PIECE_BYTES];
        let mut cache = LogCache::new(self.log.committed(), self.commit_log_cached_bytes_max);
        loop {
            // Also those of the start.
            if let Err(error) = self.log.segments.due_syncs.settle() {
                self.status.fail(&format!("making new files durable: {error}"));
            }
            if !self.allocate.wait(IDLE) {
                return;
            }
            if self.status.check().is_err() {
                continue;
            }
            if self.log.wants_next_segment() {
                let half = self.log.segments.segment_bytes / 2;
                if let Err(error) = self.log.segments.ensure(self.log.committed() + half) {
                    // Not fatal: the append that needs it tries again and is refused if it has to
                    // be.
                    tracing::warn!(%error, "the next commit log file could not be made ahead of time");
                }
            }
            // First, so that the pages made next are those that this gives back.
            let (log, flushed) = (&self.log, self.flusher.flushed());
            while let Some(piece) = cache.next_piece(log.committed(), flushed, &log.segments) {
                piece.give_back();
            }
            if self.log.wants_ahead()
                && let Err(error) = self.write_ahead(&zeros)
            {
                // Not fatal either: nothing was promised of these bytes.
                tracing::warn!(%error, "the commit log's next pages could not be written ahead of time");
            }
        }
    }

    fn write_ahead(&self, zeros: &[u8]) -> io::Result<()> {
        while !self.allocate.is_stopped() && self.log.write_ahead(zeros)? {}
        Ok(())
    }

    pub(crate) fn stop_threads(&self) {
        for signal in
            [&self.queue_writer.signal, &self.allocate, &self.index_work, &self.retention.signal]
        {
            signal.stop();
        }
        self.flusher.stop();
    }

    /// The last checkpoint; then `abort` goes.
    pub(crate) fn close(&self) -> io::Result<()> {
        if let Some(failure) = self.status.failure() {
            return Err(io::Error::other(failure));
        }
        self.catch_up_index()?;
        self.checkpoint()?;
        self.disk.remove(crate::open::ABORT_FILE)
    }
}
