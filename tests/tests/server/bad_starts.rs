//! Starts that cannot succeed say why, name the cause and what to do, and end with the right exit
//! code.

use std::{fs, net::TcpListener, path::Path};

use remora_tests::{
    ports::Ports,
    remora::{self, RemoraPlace, RemoraServer},
    target::unique,
    wire::{self, Wire, send_fields},
};
use tempfile::TempDir;

const OPERATION_FAILED: i32 = 1;
const USAGE: i32 = 2;
const STORAGE: i32 = 74;
const CONFIG: i32 = 78;

fn folder() -> TempDir {
    TempDir::new().unwrap_or_else(|cause| panic!("no temporary folder: {cause}"))
}

fn place(dir: &Path, args: &[&str]) -> RemoraPlace {
    RemoraPlace {
        binary: remora::binary(),
        dir: dir.to_owned(),
        ports: Ports::free("127.0.0.1"),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
    }
}

/// The start fails with this exit code and says all of this.
#[track_caller]
fn refuses(place: &RemoraPlace, code: i32, says: &[&str]) {
    let Err(failure) = RemoraServer::try_start(place) else {
        panic!("it started");
    };
    for words in says {
        assert!(failure.log.contains(words), "'{words}' is not in:\n{}", failure.log);
    }
    assert_eq!(failure.status.and_then(|status| status.code()), Some(code), "{}", failure.log);
}

#[test]
fn a_directory_in_use_by_another_server_is_refused_and_that_one_goes_on() {
    let dir = folder();
    let first = place(dir.path(), &[]);
    let server = RemoraServer::start(&first);
    refuses(&place(dir.path(), &[]), CONFIG, &["lock", &server.pid().to_string()]);
    let broker = format!("127.0.0.1:{}", first.ports.broker);
    wire::create_topic(&broker, "still-here", 1);
    let reply = Wire::connect(&broker).ask(10, &send_fields("still-here"), b"x");
    assert_eq!(reply.code(), 0, "{reply:?}");
}

#[test]
fn a_port_in_use_is_named() {
    let dir = folder();
    let wanted = place(dir.path(), &[]);
    let address = format!("127.0.0.1:{}", wanted.ports.broker);
    let _held = TcpListener::bind(&address).unwrap_or_else(|cause| panic!("{address}: {cause}"));
    refuses(&wanted, OPERATION_FAILED, &[&address, "in use"]);
}

#[test]
fn a_misspelt_configuration_key_is_answered_with_the_right_one() {
    let dir = folder();
    let file = dir.path().join("remora.toml");
    let written = fs::write(&file, "[broker]\nclustr = \"x\"\n");
    written.unwrap_or_else(|cause| panic!("{cause}"));
    let data = dir.path().join("data");
    let args = ["--config", &file.display().to_string()];
    refuses(
        &place(&data, &args),
        CONFIG,
        &["line 2", "broker.clustr", "did you mean 'broker.cluster'"],
    );

    // Apache's own file may hold keys that only Apache has: a warning with the nearest name.
    let file = dir.path().join("broker.conf");
    let written = fs::write(&file, "brokerClusterNam = x\nfileReservedTime = 48\n");
    written.unwrap_or_else(|cause| panic!("{cause}"));
    let args = ["--broker-conf", &file.display().to_string()];
    let server = RemoraServer::start(&place(&data, &args));
    let log = server.log();
    assert!(log.contains("brokerClusterNam") && log.contains("brokerClusterName"), "{log}");
}

#[test]
fn an_unknown_option_is_a_usage_error() {
    let dir = folder();
    refuses(&place(dir.path(), &["--flsh", "sync"]), USAGE, &["--flsh", "--flush"]);
}

#[test]
fn stores_of_other_formats_are_refused_with_instructions() {
    for (marker, says) in [
        ("consumequeue/CURRENT", &["RocksDB", "storeType"][..]),
        ("dledger-n0/data/00000000000000000000", &["DLedger"]),
    ] {
        let dir = folder();
        let file = dir.path().join(marker);
        let made = file.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&file, "MANIFEST-000001\n"))
            .unwrap_or_else(|cause| panic!("{marker}: {cause}"));
        refuses(&place(dir.path(), &[]), CONFIG, says);
    }
}

#[test]
fn a_commit_log_with_a_hole_is_refused_and_the_hole_is_named() {
    const SEGMENT_BYTES: usize = 64 * 1024;
    let dir = folder();
    let conf = dir.path().join("broker.conf");
    let written = fs::write(&conf, format!("mappedFileSizeCommitLog = {SEGMENT_BYTES}\n"));
    written.unwrap_or_else(|cause| panic!("{cause}"));
    let data = dir.path().join("data");
    let place = place(&data, &["--broker-conf", &conf.display().to_string()]);
    let mut server = RemoraServer::start(&place);
    let broker = format!("127.0.0.1:{}", place.ports.broker);
    let topic = unique("holes");
    wire::create_topic(&broker, &topic, 1);
    let mut wire = Wire::connect(&broker);
    for _ in 0..16 {
        let reply = wire.ask(10, &send_fields(&topic), &vec![b'x'; SEGMENT_BYTES / 4]);
        assert_eq!(reply.code(), 0, "{reply:?}");
    }
    assert!(server.stop().success());
    let missing = format!("{:020}", SEGMENT_BYTES * 2);
    let removed = fs::remove_file(data.join("commitlog").join(&missing));
    removed.unwrap_or_else(|cause| panic!("{missing}: {cause}"));
    refuses(&place, STORAGE, &[&(SEGMENT_BYTES * 2).to_string()]);
}
