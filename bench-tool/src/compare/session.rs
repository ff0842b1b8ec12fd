//! Runs loads on contenders in turn.
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;

use crate::clock;
use crate::compare::figures::{Column, Measured};
use crate::compare::loads::{Flush, Load, Shape, Work};
use crate::compare::memory::{self, Filler};
use crate::compare::rounds::{Patience, Schedule, Turn, standstill};
use crate::compare::servers::{Contender, Server, Source};
use crate::compare::start;
use crate::compare::work::{Bench, Windows};
use crate::target::Target;

/// One load, a column a contender.
#[derive(Clone, Debug)]
pub struct LoadResult {
    pub load: Load,
    pub columns: Vec<Column>,
}

/// What stays the same over all loads, and the servers that are kept from load to load.
#[derive(Debug)]
pub struct Session {
    pub contenders: Vec<Contender>,
    pub windows: Windows,
    pub server_warmup: Duration,
    pub patience: Patience,
    /// After this time void rounds are not repeated.
    pub repeat_for: Duration,
    /// Where servers have their folders.
    pub parent: PathBuf,
    /// Keeps memory full between rounds.
    pub filler: Option<Filler>,
    /// Set by Ctrl-C: no further round begins.
    pub interrupted: Arc<AtomicBool>,
    /// By contender; a server of another flush mode is stopped before the next starts.
    pub kept: Vec<Option<(Flush, Running)>>,
}

/// A server and the topics it has been given, or why there is none.
#[derive(Debug)]
pub struct Running {
    server: Result<Server, String>,
    prepared: RefCell<HashMap<String, Target>>,
}

/// Starting a server, creating topics and tables between two windows, as seen on two cores.
const BETWEEN_WINDOWS: Duration = Duration::from_millis(700);
const JVM_START: Duration = Duration::from_secs(8);

impl Session {
    /// Loads of one flush mode run together, so that a JVM starts once for each; results come in
    /// the order of `loads`.
    pub fn run(&mut self, loads: &[Load]) -> anyhow::Result<Vec<LoadResult>> {
        let started_ns = clock::now_ns();
        let mut order: Vec<usize> = (0..loads.len()).collect();
        order.sort_by_key(|at| loads.get(*at).is_some_and(|load| load.flush == Flush::Sync));
        self.kept = self.contenders.iter().map(|_| None).collect();
        let mut results: Vec<Option<LoadResult>> = loads.iter().map(|_| None).collect();
        for (nth, at) in order.iter().enumerate() {
            let (Some(load), Some(place)) = (loads.get(*at), results.get_mut(*at)) else {
                continue;
            };
            if self.interrupted.load(Ordering::Relaxed) {
                break;
            }
            let later = order.get(nth + 1..).unwrap_or_default();
            let later = later.iter().filter_map(|at| loads.get(*at));
            let later_s: f64 = later.map(|load| self.load_seconds(load)).sum();
            *place = Some(self.run_load(load, later_s, started_ns));
        }
        Ok(results.into_iter().flatten().collect())
    }

    /// How long all of it takes, about, when no round has to be repeated.
    pub fn seconds(&self, loads: &[Load]) -> f64 {
        let warm = |one: &&Contender| one.is_kept() && loads.iter().any(|load| one.warms_up(load));
        let jvms = self.contenders.iter().filter(warm).count();
        let modes = [Flush::Async, Flush::Sync];
        let used = modes.iter().filter(|mode| loads.iter().any(|load| load.flush == **mode));
        let jvm_s = (self.server_warmup + JVM_START).as_secs_f64() * (jvms * used.count()) as f64;
        jvm_s + loads.iter().map(|load| self.load_seconds(load)).sum::<f64>()
    }

    /// How long all rounds of all contenders take, about.
    fn load_seconds(&self, load: &Load) -> f64 {
        let (rounds, setup_s) = (self.patience.rounds as f64, load.setup_seconds());
        let takes = |one: &&Contender| !(load.needs_store() && one.source == Source::Ceiling);
        let contenders = self.contenders.iter().filter(takes);
        let warmup_s = |one: &Contender| match one.warms_up(load) && !one.is_kept() {
            true => self.server_warmup.as_secs_f64(),
            false => 0.0,
        };
        contenders.map(|one| rounds * self.round_seconds(load) + setup_s + warmup_s(one)).sum()
    }

    /// How long one round of one contender takes, about.
    fn round_seconds(&self, load: &Load) -> f64 {
        let measured = match load.work {
            Work::Push { .. } | Work::Mixed { .. } => self.windows.push,
            _ => self.windows.duration,
        };
        let window = self.windows.warmup + measured + BETWEEN_WINDOWS;
        window.as_secs_f64() * load.windows() as f64
    }

    fn run_load(&mut self, load: &Load, later_s: f64, started_ns: u64) -> LoadResult {
        let empty = |contender: &Contender| Column {
            target: contender.name.clone(),
            rounds: Vec::new(),
            absent: None,
        };
        let mut columns: Vec<Column> = self.contenders.iter().map(empty).collect();
        self.fill_memory(load);
        // Start-up is measured on servers of its own; the others stay as they are.
        let served = load.work != Work::Start;
        let count = if served { self.contenders.len() } else { 0 };
        let mut servers: Vec<Running> = (0..count).map(|at| self.server_for(at, load)).collect();
        for (column, running) in columns.iter_mut().zip(&servers) {
            column.absent = running.server.as_ref().err().cloned();
        }
        let mut schedule = Schedule::new(self.patience, columns.len());
        while let Some(turn) = schedule.turn() {
            if self.interrupted.load(Ordering::Relaxed) {
                break;
            }
            // What earlier rounds have left to write is not this one's: the kernel makes every
            // writer wait for it. What ended or was deleted has left its memory free.
            rustix::fs::sync();
            self.fill_memory(load);
            let left_s = later_s
                + schedule.left() as f64 * self.load_seconds(load)
                    / (self.patience.rounds * columns.len()) as f64;
            let (Some(column), Some(contender)) =
                (columns.get_mut(turn.target), self.contenders.get(turn.target))
            else {
                break;
            };
            if column.absent.is_some() {
                schedule.skip();
                continue;
            }
            let label = self.label(load, contender, turn, left_s);
            let free_memory_bytes = memory::free_memory_bytes();
            match self.perform(load, contender, servers.get(turn.target), &label) {
                Ok(Some(mut measured)) => {
                    measured.free_memory_bytes = free_memory_bytes;
                    let in_time = clock::now_ns() < started_ns + nanos(self.repeat_for);
                    let round = schedule.judge(measured, in_time);
                    tell(&label, &round.measured, round.void);
                    column.rounds.push(round);
                }
                Ok(None) => {
                    column.absent = Some(contender.lacks().to_owned());
                    schedule.skip();
                }
                Err(error) => {
                    let reason = format!("{error:#}");
                    eprintln!("{label}: {reason}");
                    match column.rounds.last_mut() {
                        Some(round) => round.measured.warnings.push(reason),
                        None => column.absent = Some(reason),
                    }
                    schedule.skip();
                }
            }
        }
        for (at, running) in servers.drain(..).enumerate() {
            self.put_back(at, load.flush, running);
        }
        LoadResult { load: *load, columns }
    }

    fn fill_memory(&mut self, load: &Load) {
        let Some(filler) = &mut self.filler else { return };
        // New pages are dear, but few at a rate; the kernel's work on cold ones makes them late.
        let done = match load.is_paced() {
            true => filler.give_back(),
            false => filler.top_up("filling memory", &self.interrupted),
        };
        if let Err(error) = done {
            eprintln!("{error:#}");
        }
    }

    fn label(&self, load: &Load, contender: &Contender, turn: Turn, left_s: f64) -> String {
        let Turn { round, repeat, .. } = turn;
        let again = if repeat > 0 { format!(", repeat {repeat}") } else { String::new() };
        let rounds = self.patience.rounds;
        let name = &contender.name;
        format!("{} {name} round {round}/{rounds}{again}, {:.0} min left", load.name, left_s / 60.0)
    }

    fn perform(
        &self,
        load: &Load,
        contender: &Contender,
        running: Option<&Running>,
        label: &str,
    ) -> anyhow::Result<Option<Measured>> {
        let Some(running) = running else { return start::measure(contender, &self.parent) };
        let Ok(server) = &running.server else { return Ok(None) };
        let label = label.to_owned();
        Bench { server, prepared: &running.prepared, windows: self.windows, label }.perform(load)
    }

    /// The server that is kept, or a new one.
    fn server_for(&mut self, at: usize, load: &Load) -> Running {
        let kept = self.kept.get_mut(at).and_then(Option::take);
        if let Some((flush, running)) = kept
            && (flush == load.flush || running.server.as_ref().is_ok_and(Server::is_ceiling))
        {
            return running;
        }
        let started = match self.contenders.get(at) {
            Some(contender) => contender.start(load.flush, &self.parent),
            None => Err(anyhow!("there is no contender {at}")),
        };
        let server = started.map_err(|error| format!("{error:#}"));
        let running = Running { server, prepared: RefCell::default() };
        match &running.server {
            Ok(server) => {
                if self.contenders.get(at).is_some_and(|one| one.warms_up(load)) {
                    self.warm_up(&running, server);
                }
            }
            Err(reason) => eprintln!("{}: not measured: {reason}", load.name),
        }
        running
    }

    fn warm_up(&self, running: &Running, server: &Server) {
        let windows =
            Windows { warmup: Duration::ZERO, duration: self.server_warmup, ..self.windows };
        let label = "warming up".to_owned();
        let load = Load {
            name: "warm-up",
            title: "",
            work: Work::Send(Shape::new(8, 32)),
            flush: Flush::Async,
            core: false,
        };
        let bench = Bench { server, prepared: &running.prepared, windows, label };
        if let Err(error) = bench.perform(&load) {
            eprintln!("warming up: {error:#}");
        }
    }

    fn put_back(&mut self, at: usize, flush: Flush, running: Running) {
        let keeps = self.contenders.get(at).is_some_and(Contender::is_kept);
        if let Some(place) = self.kept.get_mut(at).filter(|place| keeps && place.is_none()) {
            *place = Some((flush, running));
        }
    }
}

/// One line a round, for logs and for those who watch without a terminal.
fn tell(label: &str, measured: &Measured, void: bool) {
    let figures: Vec<String> = measured
        .figures
        .iter()
        .take(4)
        .map(|(key, value)| format!("{} {} {}", key.name, key.unit.show(*value), key.unit.suffix()))
        .collect();
    let cores = measured.other_cores.unwrap_or(0.0);
    let stalled = standstill(measured).map_or_else(String::new, |why| format!(", {why}"));
    let void = if void { "  VOID" } else { "" };
    eprintln!("{label}: {}; others {cores:.2} cores{stalled}{void}", figures.join(", "));
    for warning in &measured.warnings {
        eprintln!("    {warning}");
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
