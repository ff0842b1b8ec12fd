//! The servers that are compared: started here, or found at an address.
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use remora_remoting::port_owner;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::ceiling::Ceiling;
use crate::clock;
use crate::compare::loads::{Flush, Load, Work};
use crate::target::{self, Target};

/// Where a target's server comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    Remora { program: PathBuf },
    Apache { program: PathBuf },
    Ceiling,
    Given { nameserver: String },
}

/// A target by the name it has in reports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contender {
    pub name: String,
    pub source: Source,
}

impl Contender {
    /// `remora`, `ceiling`, `apache`, NAME=NAMESERVER, or NAME=PATH of another build of remora: a
    /// path has a slash. Programs are looked for beside this one.
    pub fn parse(word: &str, remora: Option<&Path>) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let beside = |name: &str| own.with_file_name(name);
        let source = match (word, word.split_once('=')) {
            ("remora", _) => {
                Source::Remora { program: remora.map_or_else(|| beside("remora"), PathBuf::from) }
            }
            ("apache", _) => Source::Apache { program: beside("apache-rocketmq") },
            ("ceiling", _) => Source::Ceiling,
            (_, Some((name, place))) => {
                let source = match place.contains('/') {
                    true => Source::Remora { program: PathBuf::from(place) },
                    false => Source::Given { nameserver: place.to_owned() },
                };
                return Ok(Self { name: name.to_owned(), source });
            }
            _ => bail!("--target {word}: remora, ceiling, apache, NAME=NAMESERVER or NAME=PATH"),
        };
        Ok(Self { name: word.to_owned(), source })
    }

    /// Whether a server of it is kept from load to load: one that takes long to start and warm up.
    pub fn is_kept(&self) -> bool {
        !matches!(self.source, Source::Remora { .. })
    }

    /// Whether a new server of it gets load before its first round: a JVM compiles what it runs
    /// often, and a log is at its speed once its newest pages take the place of its own old ones.
    pub fn warms_up(&self, load: &Load) -> bool {
        match self.source {
            Source::Apache { .. } => true,
            Source::Remora { .. } => matches!(load.work, Work::Send(_)),
            Source::Ceiling | Source::Given { .. } => false,
        }
    }

    /// Why a load cannot be put on it.
    pub fn lacks(&self) -> &'static str {
        match self.source {
            Source::Ceiling => "it stores nothing",
            Source::Given { .. } => "it is not started here",
            Source::Remora { .. } | Source::Apache { .. } => "it does not do that",
        }
    }

    /// Starts a server with an empty store in a folder of its own under `parent`, and waits until
    /// it is ready. A failure is why the target has no figures.
    pub fn start(&self, flush: Flush, parent: &Path) -> anyhow::Result<Server> {
        let place = match &self.source {
            Source::Given { .. } if flush == Flush::Sync => {
                bail!("its flush mode is not known here")
            }
            Source::Given { nameserver } => Place::Given { nameserver: nameserver.clone() },
            Source::Ceiling => Place::Ceiling(Ceiling::spawn()?),
            Source::Remora { .. } | Source::Apache { .. } => {
                let program = self.launch(flush, parent)?;
                program.wait_until_ready()?;
                Place::Program(program)
            }
        };
        Ok(Server { contender: self.clone(), place })
    }

    /// Starts the process and does not wait for it.
    pub fn launch(&self, flush: Flush, parent: &Path) -> anyhow::Result<Program> {
        let dir = tempfile::Builder::new().prefix("remora-compare-").tempdir_in(parent)?;
        let (nameserver, broker, http) = (free_port()?, free_port()?, free_port()?);
        let (mut command, ready) = match &self.source {
            Source::Remora { program } => {
                let flush = if flush == Flush::Sync { "sync" } else { "async" };
                let mut command = program_at(program, "--bins, or --remora PATH")?;
                command
                    .args(["standalone", "--flush", flush, "--data-dir"])
                    .arg(dir.path().join("store"))
                    .args(["--nameserver-listen", &format!("127.0.0.1:{nameserver}")])
                    .args(["--broker-listen", &format!("127.0.0.1:{broker}")])
                    .args(["--http-listen", &format!("127.0.0.1:{http}")]);
                (command, " ready ")
            }
            Source::Apache { program } => {
                for tool in ["java", "mvn"] {
                    if !runs(tool) {
                        bail!("no {tool} here");
                    }
                }
                let flush = if flush == Flush::Sync { "SYNC_FLUSH" } else { "ASYNC_FLUSH" };
                let mut command = program_at(program, "--bins")?;
                command.args(["--nameserver-port", &nameserver.to_string()]).args([
                    "--broker-port",
                    &broker.to_string(),
                    "--flush",
                    flush,
                ]);
                (command, "apache=")
            }
            Source::Ceiling | Source::Given { .. } => bail!("it is not started here"),
        };
        let log = File::create(dir.path().join("log"))?;
        let mut process = command
            .env("TMPDIR", dir.path())
            // Ctrl-C is for the comparison, which ends its servers itself.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let input = process.stdin.take();
        lock_running().push((process.id(), dir.path().to_owned()));
        Ok(Program { process, input, ready, nameserver, broker, dir })
    }
}

fn program_at(program: &Path, hint: &str) -> anyhow::Result<Command> {
    if !program.is_file() {
        bail!("no {}: cargo build --release --workspace {hint}", program.display());
    }
    Ok(Command::new(program))
}

fn runs(tool: &str) -> bool {
    let mut command = Command::new(tool);
    let silent = command.arg("-version").stdin(Stdio::null()).stdout(Stdio::null());
    silent.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A port that is free with its neighbours, as brokers take the one two below (VIP) and the one
/// above (HA) as well.
///
/// Below those that the kernel gives to clients, which after ten thousand connections are all taken
/// for a minute.
fn free_port() -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const PORTS: Range<u16> = 12_000..32_000;
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let start = u16::try_from(std::process::id() % u32::from(PORTS.end - PORTS.start))?;
    for _ in PORTS.step_by(4) {
        let step = start.wrapping_add(NEXT.fetch_add(4, Ordering::Relaxed));
        let port = PORTS.start + step % (PORTS.end - PORTS.start);
        if free(port - 2) && free(port) && free(port + 1) {
            return Ok(port);
        }
    }
    bail!("no free ports on 127.0.0.1 in {PORTS:?}")
}

/// A server process of ours, its folder and its log; both end with this value.
#[derive(Debug)]
pub struct Program {
    process: Child,
    /// Apache's program ends with it.
    input: Option<ChildStdin>,
    ready: &'static str,
    nameserver: u16,
    broker: u16,
    dir: TempDir,
}

/// Servers that run, and their folders.
static RUNNING: Mutex<Vec<(u32, PathBuf)>> = Mutex::new(Vec::new());

fn lock_running() -> MutexGuard<'static, Vec<(u32, PathBuf)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends them all at once, for a program that ends without dropping its values.
pub fn kill_all() {
    for (pid, dir) in lock_running().drain(..) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _gone = rustix::process::kill_process(pid, Signal::KILL);
        }
        let _left = fs::remove_dir_all(dir);
    }
}

/// Apache's jars may have to be fetched first.
const READY_WAIT_NS: u64 = 300_000_000_000;
const END_WAIT_NS: u64 = 15_000_000_000;

impl Program {
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn broker(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.broker))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn wait_until_ready(&self) -> anyhow::Result<()> {
        let give_up_ns = clock::now_ns() + READY_WAIT_NS;
        while !self.log().contains(self.ready) {
            self.still_runs()?;
            if clock::now_ns() > give_up_ns {
                bail!("it was not ready after 300 s");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// An error with the last line it said, once it has ended.
    pub fn still_runs(&self) -> anyhow::Result<()> {
        if Path::new(&format!("/proc/{}/exe", self.pid())).read_link().is_ok() {
            return Ok(());
        }
        let log = self.log();
        bail!("it ended: {}", log.lines().last().unwrap_or("without a word"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.input.take());
        let give_up_ns = clock::now_ns() + END_WAIT_NS;
        // Remora does not look at its input: its store is thrown away, so it may be killed.
        let by_itself = self.ready == "apache=";
        while by_itself && clock::now_ns() < give_up_ns {
            if self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // Already gone is as good as killed.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
        let pid = self.process.id();
        lock_running().retain(|(running, _)| *running != pid);
    }
}

#[derive(Debug)]
enum Place {
    Program(Program),
    Ceiling(Ceiling),
    Given { nameserver: String },
}

/// A server that takes loads.
#[derive(Debug)]
pub struct Server {
    contender: Contender,
    place: Place,
}

impl Server {
    pub fn is_ceiling(&self) -> bool {
        matches!(self.place, Place::Ceiling(_))
    }

    pub fn is_apache(&self) -> bool {
        matches!(self.contender.source, Source::Apache { .. })
    }

    /// `count` topics of `queues` queues that begin with `prefix`, created where they are missing.
    pub fn target(&self, prefix: &str, count: usize, queues: u32) -> anyhow::Result<Target> {
        let nameserver = match &self.place {
            Place::Ceiling(ceiling) => {
                let topics = (0..count).map(|n| format!("{prefix}-{n}")).collect();
                return Ok(ceiling.target(topics, queues));
            }
            Place::Program(program) => format!("127.0.0.1:{}", program.nameserver),
            Place::Given { nameserver } => nameserver.clone(),
        };
        let mut target = target::prepare_many(&nameserver, prefix, count, queues)?;
        target.server_pid = match &self.place {
            Place::Program(program) => Some(program.pid()),
            _ => target.brokers.first().and_then(|broker| pid_at(&broker.addr)),
        };
        Ok(target)
    }
}

/// The process that listens at `addr`, where that is on this machine.
pub fn pid_at(addr: &str) -> Option<u32> {
    let addr: SocketAddr = addr.parse().ok()?;
    if !addr.ip().is_loopback() {
        return None;
    }
    Some(port_owner::of(addr)?.pid)
}
