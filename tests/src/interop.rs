//! The programs of official clients: built once, whoever asks first, under a lock that other test
//! processes honour.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use rustix::fs::{FlockOperation, flock};

use crate::Driver;

/// The home folder of the clients of one language: their logs, and the offsets of broadcasting
/// groups.
fn home(language: &str) -> PathBuf {
    let folder = sources().join(language).join("target/home");
    fs::create_dir_all(&folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    folder
}

/// The folder `tests/interop` of the sources.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("interop")
}

/// The official Java client. One for all tests of the process: clients in it need names of their
/// own.
pub fn java() -> &'static Driver {
    static JAVA: OnceLock<Driver> = OnceLock::new();
    JAVA.get_or_init(|| java_with(&[]))
}

/// A JVM of one's own, with more options, e.g. `-Drocketmq.serialize.type=ROCKETMQ`.
pub fn java_with(options: &[&str]) -> Driver {
    let classes = java_classes();
    let mut command = Command::new("java");
    let home = home("java");
    command
        // Some commands of mqadmin write files where they stand.
        .current_dir(&home)
        // Short-lived: quick to start and small, rather than fast in the long run.
        .args([
            "-Xmx256m",
            "-Xss512k",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
        ])
        .arg(format!("-Duser.home={}", home.display()))
        .arg(format!("-Drocketmq.log.root={}", home.join("logs").display()))
        .args(options)
        .args([OsStr::new("-cp"), classes.as_ref(), OsStr::new("interop.Interop")]);
    Driver::start("java", command)
}

/// Compiles the Java program and fetches its jars; gives the class path.
fn java_classes() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| {
        let project = sources().join("java");
        let target = project.join("target");
        built_once(&project, &target, &["pom.xml", "src"], |project| {
            let mut maven = Command::new("mvn");
            maven.args(["-q", "-B", "process-classes"]).current_dir(project);
            vec![maven]
        });
        format!("{0}/classes:{0}/lib/*", target.display())
    })
}

/// The official Go client.
pub fn go() -> &'static Driver {
    static GO: OnceLock<Driver> = OnceLock::new();
    GO.get_or_init(|| {
        let project = sources().join("go");
        let target = project.join("target");
        let binary = target.join("interop");
        built_once(
            &project,
            &target,
            &["go.mod", "go.sum", "main.go", "replies.go", "traces.go", "transactions.go"],
            |project| {
                let mut go = Command::new("go");
                go.args(["build", "-o"]).arg(&binary).arg(".").current_dir(project);
                vec![go]
            },
        );
        let mut command = Command::new(&binary);
        command.env("HOME", home("go"));
        Driver::start("go", command)
    })
}

/// The official Node client.
pub fn node() -> &'static Driver {
    static NODE: OnceLock<Driver> = OnceLock::new();
    NODE.get_or_init(|| {
        let project = sources().join("node");
        built_once(
            &project,
            &project.join("target"),
            &["package.json", "package-lock.json"],
            |p| {
                let mut npm = Command::new("npm");
                npm.args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(p);
                vec![npm]
            },
        );
        let mut command = Command::new("node");
        command.arg(project.join("interop.js")).env("HOME", home("node"));
        Driver::start("node", command)
    })
}

/// Runs the commands unless `target/stamp` says that they ran for these very sources.
fn built_once(
    project: &Path,
    target: &Path,
    sources: &[&str],
    commands: impl FnOnce(&Path) -> Vec<Command>,
) {
    let fail = |cause: std::io::Error| -> ! { panic!("building {}: {cause}", project.display()) };
    fs::create_dir_all(target).unwrap_or_else(|cause| fail(cause));
    let lock = File::create(target.join("lock")).unwrap_or_else(|cause| fail(cause));
    flock(&lock, FlockOperation::LockExclusive).unwrap_or_else(|cause| fail(cause.into()));
    let mut digest = crc32fast::Hasher::new();
    for source in sources {
        digest_of(&project.join(source), &mut digest).unwrap_or_else(|cause| fail(cause));
    }
    let stamp = target.join("stamp");
    let wanted = format!("{:08x}", digest.finalize());
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return;
    }
    for mut command in commands(project) {
        let output = command.output().unwrap_or_else(|cause| fail(cause));
        assert!(
            output.status.success(),
            "{command:?} failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    fs::write(&stamp, wanted).unwrap_or_else(|cause| fail(cause));
}

fn digest_of(path: &Path, digest: &mut crc32fast::Hasher) -> std::io::Result<()> {
    if path.is_dir() {
        let mut inside: Vec<_> = fs::read_dir(path)?.collect::<Result<_, _>>()?;
        inside.sort_by_key(fs::DirEntry::file_name);
        for entry in inside {
            digest_of(&entry.path(), digest)?;
        }
    } else {
        digest.update(path.as_os_str().as_encoded_bytes());
        digest.update(&fs::read(path)?);
    }
    Ok(())
}
