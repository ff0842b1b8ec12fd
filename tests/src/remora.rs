//! Remora's own server as a child process: started, stopped, killed, started again at the same
//! ports.

use std::{
    collections::VecDeque,
    env,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    clock::{PATIENCE, Stopwatch},
    ports::Ports,
};

const LOG_LINES_KEPT: usize = 200;

/// The environment variable that asks `remora-under-test` to end with whoever holds its standard
/// input.
pub const END_WITH_INPUT: &str = "REMORA_UNDER_TEST_ENDS_WITH_INPUT";

/// The server binary of this build, or what `REMORA_BINARY` names. It stands beside the folder of
/// the test programs.
pub fn binary() -> PathBuf {
    if let Some(named) = env::var_os("REMORA_BINARY") {
        return named.into();
    }
    let mut place = env::current_exe().unwrap_or_default();
    place.pop();
    if place.ends_with("deps") {
        place.pop();
    }
    place.join("remora-under-test")
}

/// Where and how a standalone server runs.
#[derive(Debug, Clone)]
pub struct RemoraPlace {
    /// The program.
    pub binary: PathBuf,
    /// Its data directory.
    pub dir: PathBuf,
    /// The ports it listens on at 127.0.0.1.
    pub ports: Ports,
    /// Further arguments, e.g. `--flush sync`.
    pub args: Vec<String>,
}

type Log = Arc<Mutex<VecDeque<String>>>;

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct RemoraServer {
    child: Child,
    /// Held open: its end would end the server, and waiting for a child closes what the child still
    /// holds.
    _input: Option<ChildStdin>,
    log: Log,
    /// From the start of the process to its line `ready`.
    pub ready_after: Duration,
}

/// How a start ended that did not become ready.
#[derive(Debug)]
pub struct StartFailure {
    /// The exit status; none when it hung and was killed.
    pub status: Option<ExitStatus>,
    /// What it said.
    pub log: String,
}

impl RemoraServer {
    /// Starts the server and waits for its line `ready`.
    #[track_caller]
    pub fn start(place: &RemoraPlace) -> Self {
        match Self::try_start(place) {
            Ok(server) => server,
            Err(failure) => {
                panic!("the server did not become ready ({:?}):\n{}", failure.status, failure.log)
            }
        }
    }

    /// Starts the server and waits until it is ready, or has ended.
    pub fn try_start(place: &RemoraPlace) -> Result<Self, StartFailure> {
        let clock = Stopwatch::start();
        let mut child = command(place)
            .spawn()
            .unwrap_or_else(|cause| panic!("cannot start {}: {cause}", place.binary.display()));
        let log: Log = Arc::default();
        let (told, ready) = mpsc::channel();
        if let Some(output) = child.stdout.take() {
            follow(output, &log, told.clone());
        }
        if let Some(output) = child.stderr.take() {
            follow(output, &log, told);
        }
        // Both ends of the channel gone means both outputs closed: the process has ended.
        let became_ready = ready.recv_timeout(PATIENCE).is_ok();
        let input = child.stdin.take();
        let mut server = Self { child, _input: input, log, ready_after: clock.elapsed() };
        if became_ready {
            return Ok(server);
        }
        let status = server.child.try_wait().ok().flatten().or_else(|| {
            // Its outputs are closed, so that it is about to end; otherwise it hangs, and is killed
            // on drop.
            matches!(ready.try_recv(), Err(mpsc::TryRecvError::Disconnected))
                .then(|| server.child.wait().ok())
                .flatten()
        });
        Err(StartFailure { status, log: server.log() })
    }

    /// The last lines that the server logged.
    pub fn log(&self) -> String {
        let lines = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until the process is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits until it has ended by itself.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        self.child.wait().unwrap_or_else(|cause| panic!("waiting for the server: {cause}"))
    }
}

impl Drop for RemoraServer {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("the server's last lines:\n{}", self.log());
        }
    }
}

/// The command that runs the server at `place`.
pub fn command(place: &RemoraPlace) -> Command {
    let Ports { nameserver, broker, http } = place.ports;
    let mut command = Command::new(&place.binary);
    command
        .arg("standalone")
        .args([Path::new("--data-dir"), &place.dir])
        .args(["--nameserver-listen", &format!("127.0.0.1:{nameserver}")])
        .args(["--broker-listen", &format!("127.0.0.1:{broker}")])
        .args(["--http-listen", &format!("127.0.0.1:{http}")])
        .args(&place.args)
        .env(END_WITH_INPUT, "1")
        // Disks of test machines may be slower than a broker's should be.
        .env("REMORA_SEND_BUSY_AFTER_MS", "60000")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Keeps what the server says, and tells once when it is ready.
fn follow(output: impl Read + Send + 'static, log: &Log, told: Sender<()>) {
    let log = Arc::clone(log);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let is_ready = line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "ready");
            let mut lines = log.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LOG_LINES_KEPT {
                lines.pop_front();
            }
            lines.push_back(line);
            drop(lines);
            if is_ready {
                let _ = told.send(());
            }
        }
    });
}
