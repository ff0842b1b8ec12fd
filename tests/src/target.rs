//! The server that a test runs against, whichever it is.

use std::{
    env, process,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Driver,
    apache::{self, ApachePlace},
    clock,
    ports::Ports,
    remora::{self, RemoraPlace, RemoraServer},
};

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Remora,
    /// Apache's, from its jars.
    Apache,
}

impl Kind {
    /// What `REMORA_TEST_TARGET` says; ours unless it says `apache`.
    pub fn chosen() -> Self {
        match env::var("REMORA_TEST_TARGET").as_deref() {
            Ok("apache") => Self::Apache,
            _ => Self::Remora,
        }
    }
}

/// How a server differs from the ordinary.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Flush before the answer.
    pub sync_flush: bool,
    /// Further arguments of Remora's command line.
    pub remora_args: Vec<String>,
    /// Further keys of Apache's broker, an object.
    pub apache_config: Value,
}

#[derive(Debug)]
enum Running {
    Remora(RemoraServer),
    Apache(Driver),
}

/// A nameserver with one broker, at addresses that stay the same over a restart.
#[derive(Debug)]
pub struct Target {
    kind: Kind,
    ports: Ports,
    options: Options,
    running: Mutex<Option<Running>>,
    dir: TempDir,
}

impl Target {
    /// The server that tests share which only add topics and groups of their own.
    /// It ends, and its directory goes, with the last test that holds it.
    #[track_caller]
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Target>> = Mutex::new(Weak::new());
        // Apache's takes ten seconds to start: kept as long as the process.
        static KEPT: OnceLock<Arc<Target>> = OnceLock::new();
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let target = Arc::new(Self::fresh(&Options::default()));
            *shared = Arc::downgrade(&target);
            if target.kind == Kind::Apache {
                let _ = KEPT.set(Arc::clone(&target));
            }
            target
        })
    }

    /// A new, empty server of the chosen kind for one test alone.
    #[track_caller]
    pub fn fresh(options: &Options) -> Self {
        let dir = TempDir::new().unwrap_or_else(|cause| panic!("no temporary folder: {cause}"));
        Self::at(Kind::chosen(), dir, options)
    }

    /// A server of this kind over the directory that another one left.
    #[track_caller]
    pub fn at(kind: Kind, dir: TempDir, options: &Options) -> Self {
        let target = Self {
            kind,
            ports: Ports::free("127.0.0.1"),
            options: options.clone(),
            running: Mutex::new(None),
            dir,
        };
        target.start();
        target
    }

    /// Whose server it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The nameserver's address.
    pub fn nameserver(&self) -> String {
        format!("127.0.0.1:{}", self.ports.nameserver)
    }

    /// The broker's address.
    pub fn broker(&self) -> String {
        format!("127.0.0.1:{}", self.ports.broker)
    }

    /// The broker's address for old clients' VIP channel.
    pub fn vip(&self) -> String {
        format!("127.0.0.1:{}", self.ports.broker - 2)
    }

    /// The HTTP address of Remora's server.
    pub fn http(&self) -> String {
        format!("127.0.0.1:{}", self.ports.http)
    }

    /// The folder with the server's data: commitlog, consumequeue, config and so on.
    pub fn store_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("store")
    }

    /// The process id of Remora's server.
    pub fn pid(&self) -> Option<u32> {
        match self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(Running::Remora(server)) => Some(server.pid()),
            _ => None,
        }
    }

    /// Starts it, after a stop or a kill.
    #[track_caller]
    pub fn start(&self) {
        let running = match self.kind {
            Kind::Remora => {
                let mut args = self.options.remora_args.clone();
                if self.options.sync_flush {
                    args.extend(["--flush".to_owned(), "sync".to_owned()]);
                }
                Running::Remora(RemoraServer::start(&RemoraPlace {
                    binary: remora::binary(),
                    dir: self.store_dir(),
                    ports: self.ports,
                    args,
                }))
            }
            Kind::Apache => {
                let mut config = self.options.apache_config.clone();
                if config.is_null() {
                    config = json!({});
                }
                if self.options.sync_flush {
                    config["flushDiskType"] = json!("SYNC_FLUSH");
                }
                Running::Apache(apache::start(&ApachePlace {
                    dir: self.dir.path().to_owned(),
                    bind: "127.0.0.1".to_owned(),
                    ports: self.ports,
                    config,
                }))
            }
        };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    /// Stops it cleanly.
    #[track_caller]
    pub fn stop(&self) {
        match self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Running::Remora(mut server)) => {
                let status = server.stop();
                assert!(status.success(), "the server ended with {status}:\n{}", server.log());
            }
            Some(Running::Apache(driver)) => driver.close(),
            None => {}
        }
    }

    /// `kill -9`.
    pub fn kill(&self) {
        match self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Running::Remora(mut server)) => server.kill(),
            Some(Running::Apache(driver)) => driver.kill(),
            None => {}
        }
    }

    /// Stops it cleanly and hands on its directory.
    #[track_caller]
    pub fn into_dir(self) -> TempDir {
        self.stop();
        self.dir
    }
}

/// A name that no other test has, of this run or an earlier one: `prefix-…-7`.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{}-{number}", process::id(), clock::wall_ms() % 100_000_000)
}
