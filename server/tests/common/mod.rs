//! The program as a child process.
#![allow(dead_code, reason = "every test file uses another part")]
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// Far longer than anything takes; a test that waits so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn remora(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remora"));
    command.args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars() {
        if name.starts_with("REMORA_") || name == "NAMESRV_ADDR" || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

pub fn output(args: &[&str]) -> Output {
    remora(args).output().expect("remora runs")
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Arguments of a standalone with every port free.
pub fn standalone_args(data_dir: &Path) -> Vec<String> {
    let mut args: Vec<String> = ["standalone", "--data-dir"].map(str::to_owned).into();
    args.push(data_dir.display().to_string());
    for flag in ["--nameserver-listen", "--broker-listen", "--http-listen"] {
        args.extend([flag.to_owned(), "127.0.0.1:0".to_owned()]);
    }
    args.extend(["--log-format".to_owned(), "json".to_owned()]);
    args
}

/// A server process and its JSON log; killed when the test fails.
pub struct Program {
    pub child: Child,
    log: Receiver<String>,
    pub said: Vec<String>,
    pub ready: Value,
}

impl Program {
    pub fn start(args: &[String]) -> Self {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut child = remora(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("remora runs");
        let (sender, log) = channel();
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut program = Self { child, log, said: Vec::new(), ready: Value::Null };
        program.ready = program.wait_for("ready");
        program
    }

    pub fn wait_for(&mut self, message: &str) -> Value {
        loop {
            let line = match self.log.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(error) => panic!("no '{message}' ({error}) in {:#?}", self.said),
            };
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            self.said.push(line);
            if value["message"] == message {
                return value;
            }
        }
    }

    pub fn address(&self, role: &str) -> String {
        self.ready[role].as_str().unwrap_or_else(|| panic!("{role} in {}", self.ready)).to_owned()
    }

    pub fn terminate(mut self) -> (i32, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
        let status = self.child.wait().expect("ended");
        let mut out = String::new();
        let mut stdout = self.child.stdout.take().expect("piped");
        stdout.read_to_string(&mut out).expect("text");
        (status.code().expect("no signal killed it"), out)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A standalone on a folder of its own, and commands against it.
pub struct Cluster {
    pub program: Program,
    pub nameserver: String,
    _folder: tempfile::TempDir,
}

impl Cluster {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("temporary directory");
        let program = Program::start(&standalone_args(folder.path()));
        let nameserver = program.address("nameserver");
        Self { program, nameserver, _folder: folder }
    }

    /// What the command prints; it has to succeed.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> String {
        let ended = cluster_command(&self.nameserver, args);
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {}", stderr(&ended));
        stdout(&ended)
    }

    #[track_caller]
    pub fn json(&self, args: &[&str]) -> Value {
        let text = self.run(&[args, &["--output", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    /// The command ends with `code`, and its error has every one of `parts`.
    #[track_caller]
    pub fn fails(&self, args: &[&str], code: i32, parts: &[&str]) {
        let ended = cluster_command(&self.nameserver, args);
        let said = stderr(&ended);
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{args:?}: {said}");
    }

    pub fn metrics(&self) -> String {
        http_get(&self.program.address("http"), "/metrics")
    }
}

pub fn http_get(addr: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("connected");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

pub fn cluster_command(nameserver: &str, args: &[&str]) -> Output {
    let mut all = args.to_vec();
    all.extend(["--nameserver", nameserver]);
    output(&all)
}
