//! Fills free memory with page cache, so that servers are measured as on a machine that has been up
//! for a day.
//!
//! A virtual machine gets its memory from the host at the first touch, which costs ten times what a
//! page costs that was used before, and gives free memory back after two seconds. A log written to
//! fresh page cache pays that; one written where old cache is evicted does not.
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::fs::Advice;

use crate::clock;
use crate::compare::figures::Unit;

/// Memory is full when no more than this of it is free. Chosen: well above what the kernel keeps
/// free by itself.
const FULL_BYTES: u64 = 512 << 20;
/// It is filled again when more than this is free, or a sixteenth of a smaller machine's memory.
const REFILL_BYTES: u64 = 1_536 << 20;
/// Of one read.
const CHUNK_BYTES: usize = 1 << 20;
/// After so many reads of which less than an eighth has stayed in memory no more can be filled; a
/// process that ended meanwhile explains one such step, not three.
const STEP_READS: usize = 1_024;
const FRUITLESS_STEPS_MAX: usize = 3;
const STEP_BYTES: u64 = (STEP_READS * CHUNK_BYTES) as u64;
/// How long filling may take before the first round, and between two.
const FIRST_NS: u64 = 120_000_000_000;
const AGAIN_NS: u64 = 30_000_000_000;

/// A file of nothing but a hole: reading it makes clean page cache, and takes no room on the disk.
/// It has no name, so that nothing of it stays whatever ends this program.
#[derive(Debug)]
pub struct Filler {
    hole: File,
    /// What is read next: pages from here on are not in the cache yet.
    read_bytes: u64,
    /// What the last filling could not fill, however long it had tried.
    unfillable_bytes: u64,
}

impl Filler {
    /// On the disk of `dir`, which must not be one in memory.
    pub fn new(dir: &Path) -> anyhow::Result<Self> {
        let hole = tempfile::tempfile_in(dir)
            .with_context(|| format!("--fill-memory needs a file in {}", dir.display()))?;
        Ok(Self { hole, read_bytes: 0, unfillable_bytes: 0 })
    }

    /// Lets go of what was filled. Cold pages are a burden of their own: a kernel that takes them
    /// back ahead of need (DAMON) has a core for up to 70 ms to do so.
    pub fn give_back(&mut self) -> anyhow::Result<()> {
        self.hole.set_len(0)?;
        (self.read_bytes, self.unfillable_bytes) = (0, 0);
        Ok(())
    }

    /// Fills what is free where that is much. Says how it goes under `label`.
    pub fn top_up(&mut self, label: &str, interrupted: &AtomicBool) -> anyhow::Result<()> {
        let Some((free_bytes, total_bytes)) = free_and_total_bytes() else { return Ok(()) };
        if !is_worth_filling(free_bytes, total_bytes, self.unfillable_bytes) {
            return Ok(());
        }
        let started_ns = clock::now_ns();
        let give_up_ns = started_ns + if self.read_bytes == 0 { FIRST_NS } else { AGAIN_NS };
        let full_bytes = FULL_BYTES.min(total_bytes / 48);
        let bar = bar(label, free_bytes.saturating_sub(full_bytes));
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut left_bytes = free_bytes;
        // Read ahead, it makes large pages, as a log does and most files that are read; what small
        // fragments are left takes single ones.
        let mut advice = Advice::Sequential;
        rustix::fs::fadvise(&self.hole, 0, None, advice)?;
        let mut fruitless_steps = 0;
        while left_bytes > full_bytes
            && fruitless_steps < FRUITLESS_STEPS_MAX
            && clock::now_ns() < give_up_ns
            && !interrupted.load(Ordering::Relaxed)
        {
            let before_bytes = left_bytes;
            for _ in 0..STEP_READS {
                self.hole.set_len(self.read_bytes + CHUNK_BYTES as u64)?;
                self.hole.read_exact_at(&mut chunk, self.read_bytes)?;
                self.read_bytes += CHUNK_BYTES as u64;
                left_bytes = free_memory_bytes().unwrap_or(0);
                bar.set_position(free_bytes.saturating_sub(left_bytes));
                if left_bytes <= full_bytes {
                    break;
                }
            }
            let fruitless = left_bytes + STEP_BYTES / 8 > before_bytes;
            fruitless_steps = if fruitless { fruitless_steps + 1 } else { 0 };
            if fruitless && advice == Advice::Sequential {
                advice = Advice::Random;
                rustix::fs::fadvise(&self.hole, 0, None, advice)?;
                fruitless_steps = 0;
            }
        }
        bar.finish_and_clear();
        let is_stuck = fruitless_steps == FRUITLESS_STEPS_MAX;
        self.unfillable_bytes = if is_stuck { left_bytes } else { 0 };
        let show = |bytes: u64| Unit::Bytes.show(bytes as f64);
        let seconds = (clock::now_ns() - started_ns) as f64 / 1e9;
        let (before, after) = (show(free_bytes), show(left_bytes));
        eprintln!("{label}: {before}B free, {after}B after {seconds:.0} s");
        Ok(())
    }
}

/// Filling that gave up early is not tried again before much more is free.
fn is_worth_filling(free_bytes: u64, total_bytes: u64, unfillable_bytes: u64) -> bool {
    let refill_bytes = refill_bytes(total_bytes);
    free_bytes > refill_bytes.max(unfillable_bytes + refill_bytes / 2)
}

fn refill_bytes(total_bytes: u64) -> u64 {
    REFILL_BYTES.min(total_bytes / 16)
}

fn bar(label: &str, bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let style = "{prefix} {bar:20} {bytes} of {total_bytes}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_prefix(label.to_owned());
    bar
}

/// Memory that holds nothing, not even a cached file; `None` where the system does not say.
pub fn free_memory_bytes() -> Option<u64> {
    Some(free_and_total_bytes()?.0)
}

fn free_and_total_bytes() -> Option<(u64, u64)> {
    let meminfo = fs::read_to_string("/proc/meminfo").ok()?;
    Some((field_bytes(&meminfo, "MemFree:")?, field_bytes(&meminfo, "MemTotal:")?))
}

/// One line of `/proc/meminfo`.
pub fn field_bytes(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Whether so much memory is free that `--fill-memory` would change what is measured.
pub fn is_mostly_unused() -> bool {
    free_and_total_bytes().is_some_and(|(free, total)| free > refill_bytes(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_line_of_its_name() {
        let meminfo = "MemTotal:       24683520 kB\nMemFree:         2844428 kB\n";
        assert_eq!(field_bytes(meminfo, "MemFree:"), Some(2_844_428 * 1024));
        assert_eq!(field_bytes(meminfo, "Free:"), None);
    }

    #[test]
    fn memory_is_filled_when_much_is_free_and_more_than_the_last_filling_left() {
        const GIB: u64 = 1 << 30;
        assert!(is_worth_filling(2 * GIB, 24 * GIB, 0));
        assert!(!is_worth_filling(GIB, 24 * GIB, 0), "nearly full");
        assert!(!is_worth_filling(2 * GIB, 24 * GIB, 2 * GIB), "no more could be filled");
        assert!(is_worth_filling(3 * GIB, 24 * GIB, 2 * GIB), "a store was deleted since");
        assert!(is_worth_filling(GIB, 8 * GIB, 0), "a smaller machine has a smaller measure");
    }
}
