//! `remora-bench compare`: the same loads on several servers in turn, and reports of it.
//!
//! Read `loads.rs` (what can be run), `servers.rs` (on what), `session.rs` (in which order),
//! `rounds.rs` (what counts), `work.rs` (one round), then the reports: `tables.rs`, `goals.rs`,
//! `html.rs`.
pub mod figures;
pub mod goals;
pub mod html;
pub mod idle;
pub mod loads;
pub mod machine;
pub mod memory;
pub mod rounds;
pub mod servers;
pub mod session;
pub mod start;
pub mod svg;
pub mod tables;
pub mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::compare::figures::{Noise, Unit};
use crate::compare::machine::Machine;
use crate::compare::memory::Filler;
use crate::compare::rounds::Patience;
use crate::compare::servers::Contender;
use crate::compare::session::{LoadResult, Session};
use crate::compare::work::Windows;

/// What was compared, on which machine.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub machine: Machine,
    pub results: Vec<LoadResult>,
    pub noise: Noise,
    pub other_cores_max: f64,
    /// Whether free memory was filled with page cache.
    pub memory_filled: bool,
}

/// Options of `compare`.
#[derive(Args, Clone, Debug)]
pub struct CompareArgs {
    /// core, all, names with commas between, or shapes such as c16w8 (see --list).
    #[arg(long, default_value = "core")]
    loads: String,
    /// Show the loads and end.
    #[arg(long)]
    list: bool,
    /// remora, ceiling (answers only: stores nothing, checks nothing), apache (from its jars, needs
    /// Java and Maven), NAME=NAMESERVER, or NAME=PATH of another build of remora; repeat.
    #[arg(long = "target", default_values = ["remora", "ceiling", "apache"])]
    targets: Vec<String>,
    /// The server's binary; by default the one beside this program.
    #[arg(long, value_name = "PATH")]
    remora: Option<PathBuf>,
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of a round that count.
    #[arg(long, default_value_t = 4.0)]
    duration: f64,
    /// Seconds before, not counted.
    #[arg(long, default_value_t = 1.5)]
    warmup: f64,
    /// Seconds of a round that measures end to end.
    #[arg(long, default_value_t = 8.0)]
    push_duration: f64,
    /// Seconds of load that a new broker gets before its first round: a JVM compiles what it runs
    /// often, a log's newest pages take the place of its own old ones once 2 GiB are written.
    #[arg(long, default_value_t = 15.0)]
    server_warmup: f64,
    /// A round is void when other processes used more cores than this.
    #[arg(long, default_value_t = 0.3)]
    other_cores_max: f64,
    /// How often a void round is repeated.
    #[arg(long, default_value_t = 2)]
    repeats: usize,
    /// Minutes after which void rounds are no longer repeated; by default as many as the whole
    /// takes without repeats.
    #[arg(long)]
    repeat_minutes: Option<f64>,
    /// Count void rounds as well, and mark what stems from them.
    #[arg(long)]
    accept_noise: bool,
    /// Folder for the servers' stores; the disk of it is what is measured.
    /// Created if it does not exist.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Fill free memory with cached file pages before the first round, and again between rounds.
    /// A virtual machine fetches memory from its host when it is first used and gives it back when
    /// it is free: on one that was just started, or where a store was just deleted, a server that
    /// writes its log pays for that with CPU that is not its own. On a machine that has been up for
    /// a day memory is full of cached files: this brings about that state. The pages are those of
    /// an empty file without a name in --dir: they take no room on the disk.
    #[arg(long)]
    fill_memory: bool,
    /// Write every round as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with tables and curves, all in one file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the table of goals as it stands in README.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl CompareArgs {
    /// Runs the comparison, prints its tables and writes its files.
    pub fn run(&self) -> anyhow::Result<()> {
        if self.list {
            for load in loads::LOADS {
                let group = if load.core { "core" } else { "all" };
                println!("{:<12} {group:<5} {}", load.name, load.title);
            }
            return Ok(());
        }
        let seconds =
            |value: f64, name: &'static str| Duration::try_from_secs_f64(value).context(name);
        let contender = |word: &String| Contender::parse(word, self.remora.as_deref());
        let loads = loads::select(&self.loads)?;
        let parent = self.dir.clone().unwrap_or_else(std::env::temp_dir);
        make_writable(&parent)?;
        let mut session = Session {
            contenders: self.targets.iter().map(contender).collect::<anyhow::Result<_>>()?,
            windows: Windows {
                warmup: seconds(self.warmup, "--warmup")?,
                duration: seconds(self.duration, "--duration")?,
                push: seconds(self.push_duration, "--push-duration")?,
            },
            server_warmup: seconds(self.server_warmup, "--server-warmup")?,
            patience: Patience {
                rounds: self.rounds.max(1),
                other_cores_max: self.other_cores_max,
                repeats_max: self.repeats,
            },
            repeat_for: Duration::ZERO,
            filler: self.fill_memory.then(|| Filler::new(&parent)).transpose()?,
            parent,
            interrupted: interrupted()?,
            kept: Vec::new(),
        };
        warn_of_a_full_disk(&session.parent);
        // The servers inherit it.
        idle::allow_files(OPEN_FILES);
        let machine = Machine::here();
        eprintln!("{}", machine.describe());
        let minutes = session.seconds(&loads) / 60.0;
        let repeat_minutes = self.repeat_minutes.unwrap_or(minutes);
        session.repeat_for = seconds(repeat_minutes * 60.0, "--repeat-minutes")?;
        eprintln!(
            "loads: {}; targets: {}; rounds: {}; about {:.0} minutes, more where rounds are void",
            loads.iter().map(|load| load.name).collect::<Vec<_>>().join(", "),
            self.targets.join(", "),
            session.patience.rounds,
            minutes.max(1.0)
        );
        if !self.fill_memory && memory::is_mostly_unused() {
            eprintln!(
                "much memory is free: a virtual machine pays for its first use, see --fill-memory"
            );
        }
        let results = session.run(&loads)?;
        drop(session);
        let noise = if self.accept_noise { Noise::Accepted } else { Noise::Refused };
        let other_cores_max = self.other_cores_max;
        let memory_filled = self.fill_memory;
        self.report(&Comparison { machine, results, noise, other_cores_max, memory_filled })
    }

    fn report(&self, comparison: &Comparison) -> anyhow::Result<()> {
        print!("{}", tables::terminal(comparison));
        write(self.json.as_deref(), || {
            Ok(format!("{}\n", serde_json::to_string_pretty(&comparison.to_json())?))
        })?;
        write(self.html.as_deref(), || Ok(html::page(comparison)))?;
        write(self.markdown.as_deref(), || Ok(goals::markdown(comparison)))
    }
}

impl Comparison {
    fn to_json(&self) -> serde_json::Value {
        let loads: Vec<_> = self
            .results
            .iter()
            .map(|result| {
                let targets = result.columns.iter().map(|column| column.to_json(self.noise));
                json!({ "name": result.load.name, "title": result.load.title,
                        "axis": result.load.axis(), "targets": targets.collect::<Vec<_>>() })
            })
            .collect();
        json!({
            "machine": self.machine.to_json(),
            "other_cores_max": self.other_cores_max,
            "memory_filled": self.memory_filled,
            "void_rounds_count": self.noise == Noise::Accepted,
            "loads": loads,
        })
    }
}

/// Connections of the largest load on either side, and then some.
const OPEN_FILES: u64 = 16_384;

/// True after the first Ctrl-C or SIGTERM: the round ends, the servers are stopped, and what was
/// measured is reported. The second ends the program at once.
fn interrupted() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut terminate = {
        let _inside = runtime.enter();
        signal(SignalKind::terminate())?
    };
    let told = flag.clone();
    std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = tokio::signal::ctrl_c() => {}
                    _ = terminate.recv() => {}
                }
                if told.swap(true, Ordering::Relaxed) {
                    servers::kill_all();
                    std::process::exit(130);
                }
                eprintln!("stopping after this round; once more to stop now");
            }
        });
    })?;
    Ok(flag)
}

/// The folder for the servers' stores: before anything starts.
fn make_writable(dir: &Path) -> anyhow::Result<()> {
    let told = || format!("--dir {}", dir.display());
    std::fs::create_dir_all(dir).with_context(|| format!("{}: cannot create it", told()))?;
    tempfile::tempfile_in(dir).with_context(|| format!("{}: cannot write in it", told()))?;
    Ok(())
}

/// Brokers refuse messages when the disk is 90 % full, and a throughput load writes gigabytes.
fn warn_of_a_full_disk(dir: &Path) {
    let Ok(disk) = rustix::fs::statvfs(dir) else { return };
    let free_bytes = disk.f_bavail * disk.f_frsize;
    let spare_bytes = free_bytes.saturating_sub(disk.f_blocks * disk.f_frsize / 10);
    if spare_bytes < SPARE_BYTES {
        eprintln!(
            "{}: only {}B can be written before the disk is 90 % full and brokers refuse messages; \
             use --dir",
            dir.display(),
            Unit::Bytes.show(spare_bytes as f64)
        );
    }
}

/// What the fastest server writes in the rounds of one load.
const SPARE_BYTES: u64 = 16 << 30;

fn write(path: Option<&Path>, text: impl FnOnce() -> anyhow::Result<String>) -> anyhow::Result<()> {
    let Some(path) = path else { return Ok(()) };
    std::fs::write(path, text()?).with_context(|| format!("cannot write {}", path.display()))
}
