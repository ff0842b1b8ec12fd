//! More than a server takes on: everybody is answered, once, and its memory stays within its limit.

use std::{collections::BTreeSet, fs, thread, time::Duration};

use remora_tests::{
    Kind, Options, Target,
    target::unique,
    wire::{self, Wire, frame, request, send_fields},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tempfile::TempDir;

const BUSY: i64 = 2;
const SEND: i32 = 10;
const GET_MAX_OFFSET: i32 = 30;
const GET_BROKER_CONFIG: i32 = 26;
const UPDATE_TOPIC: i32 = 17;
const MIB: usize = 1 << 20;

/// Thousands of connections need as many files on our side.
fn allow_many_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn with_memory_limit(limit: &str) -> Target {
    let dir = TempDir::new().unwrap_or_else(|cause| panic!("no temporary folder: {cause}"));
    let remora_args = vec!["--memory-limit".to_owned(), limit.to_owned()];
    Target::at(Kind::Remora, dir, &Options { remora_args, ..Options::default() })
}

fn send(topic: &str, opaque: i32) -> Vec<u8> {
    frame(&request(SEND, opaque, &send_fields(topic)), &[7; 128])
}

/// Messages in queue 0, which every send of these tests goes to.
#[track_caller]
fn stored(target: &Target, topic: &str) -> usize {
    let fields = json!({"topic": topic, "queueId": "0", "committed": "true"});
    let reply = Wire::connect(&target.broker()).ask(GET_MAX_OFFSET, &fields, &[]);
    assert_eq!(reply.code(), 0, "{reply:?}");
    let offset = reply.header["extFields"]["offset"].as_str().and_then(|text| text.parse().ok());
    offset.unwrap_or_else(|| panic!("no offset in {reply:?}"))
}

/// Memory of the server that is not pages of files.
fn private_bytes(target: &Target) -> usize {
    let pid = target.pid().unwrap_or_default();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kilobytes.unwrap_or_else(|| panic!("no RssAnon in {status}")) * 1024
}

/// Sends a window of requests at once, again and again; gives how many were accepted.
#[track_caller]
fn windows(address: &str, topic: &str, window: i32, rounds: i32) -> usize {
    let mut wire = Wire::connect(address);
    let mut accepted = 0;
    for round in 0..rounds {
        let opaques: BTreeSet<i32> = (round * window..(round + 1) * window).collect();
        let burst: Vec<u8> = opaques.iter().flat_map(|opaque| send(topic, *opaque)).collect();
        wire.send(&burst).unwrap_or_else(|cause| panic!("{cause}"));
        let mut answered = BTreeSet::new();
        for _ in 0..window {
            let reply = wire.read().unwrap_or_else(|cause| panic!("{cause}"));
            let reply = reply.unwrap_or_else(|| panic!("closed with requests unanswered"));
            assert!([0, BUSY].contains(&reply.code()), "{reply:?}");
            accepted += usize::from(reply.code() == 0);
            let opaque = reply.header["opaque"].as_i64().and_then(|opaque| opaque.try_into().ok());
            assert!(opaque.is_some_and(|opaque| answered.insert(opaque)), "twice: {reply:?}");
        }
        assert_eq!(answered, opaques);
    }
    accepted
}

#[test]
fn sixty_four_connections_with_256_in_flight_are_each_answered_once() {
    let target = with_memory_limit("64MiB");
    let topic = unique("deep");
    wire::create_topic(&target.broker(), &topic, 1);
    let accepted: usize = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..64).map(|_| scope.spawn(|| windows(&target.broker(), &topic, 256, 4))).collect();
        clients.into_iter().map(|client| client.join().unwrap_or(0)).sum()
    });
    // Not a measure of speed: almost all are accepted, however slow the machine is.
    assert!(accepted >= 64 * 256 * 4 * 8 / 10, "only {accepted} were accepted");
    assert_eq!(stored(&target, &topic), accepted);
    let bytes = private_bytes(&target);
    assert!(bytes < 64 * MIB, "{bytes} bytes are held");
}

#[test]
fn two_thousand_connections_at_once_are_each_answered() {
    allow_many_files();
    let target = with_memory_limit("64MiB");
    let topic = unique("wide");
    wire::create_topic(&target.broker(), &topic, 1);
    let address = target.broker();
    let mut wires: Vec<Wire> = (0..2_000).map(|_| Wire::connect(&address)).collect();
    for (opaque, wire) in (0..).zip(&mut wires) {
        wire.send(&send(&topic, opaque)).unwrap_or_else(|cause| panic!("{cause}"));
    }
    for (opaque, wire) in (0..).zip(&mut wires) {
        let reply = wire.read().ok().flatten().unwrap_or_else(|| panic!("{opaque}: no answer"));
        assert_eq!((reply.code(), reply.header["opaque"].as_i64()), (0, Some(opaque)));
    }
    assert_eq!(stored(&target, &topic), 2_000);
    let bytes = private_bytes(&target);
    assert!(bytes < 64 * MIB, "{bytes} bytes are held");
}

#[test]
fn idle_connections_cost_less_than_8_kib_each() {
    const COUNT: usize = 2_000;
    allow_many_files();
    let target = with_memory_limit("64MiB");
    let address = target.broker();
    let before_bytes = private_bytes(&target);
    let mut wires: Vec<Wire> = (0..COUNT).map(|_| Wire::connect(&address)).collect();
    // The answer shows that each is served.
    for wire in &mut wires {
        assert_eq!(wire.ask(GET_BROKER_CONFIG, &json!({}), &[]).code(), 0);
    }
    let each_bytes = private_bytes(&target).saturating_sub(before_bytes) / COUNT;
    assert!(each_bytes <= 8 * 1024, "{each_bytes} bytes each");
}

#[test]
fn halves_of_large_frames_stay_within_the_memory_limit() {
    allow_many_files();
    let target = with_memory_limit("64MiB");
    let topic = unique("bystander");
    wire::create_topic(&target.broker(), &topic, 1);
    let address = target.broker();
    let whole = frame(&request(SEND, 7, &send_fields(&topic)), &vec![1; 15 * MIB]);
    let half = whole.get(..8 * MIB).unwrap_or_default();
    let mut wires: Vec<Wire> = (0..50).map(|_| Wire::connect(&address)).collect();
    let mut refused = 0;
    for wire in &mut wires {
        wire.send(half).unwrap_or_else(|cause| panic!("{cause}"));
        // A half that the server holds gets no answer yet.
        wire.patience(Duration::from_millis(1));
        if let Ok(Some(reply)) = wire.read() {
            assert_eq!((reply.code(), reply.header["opaque"].as_i64()), (BUSY, Some(7)));
            assert!(reply.remark().contains("half received frames"), "{reply:?}");
            refused += 1;
        }
    }
    assert!(refused > 0, "400 MiB of half frames were taken");
    for _ in 0..10 {
        let reply = Wire::connect(&address).ask(SEND, &send_fields(&topic), b"undisturbed");
        assert_eq!(reply.code(), 0, "{reply:?}");
    }
    let bytes = private_bytes(&target);
    assert!(bytes < 64 * MIB, "{bytes} bytes are held");
}

#[test]
fn peers_that_read_no_answers_stay_within_the_memory_limit() {
    let target = with_memory_limit("64MiB");
    let address = target.broker();
    for index in 0..300 {
        let fields = json!({
            "topic": format!("long-{}-{index}", "x".repeat(90)), "defaultTopic": "TBW102",
            "readQueueNums": "8", "writeQueueNums": "8", "perm": "6",
            "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
        });
        assert_eq!(Wire::connect(&address).ask(UPDATE_TOPIC, &fields, &[]).code(), 0);
    }
    // The table of topics: 100 KB an answer, from the heap and not from a map.
    const GET_ALL_TOPIC_CONFIG: i32 = 21;
    let asked: Vec<u8> = (0..2_000)
        .flat_map(|opaque| frame(&request(GET_ALL_TOPIC_CONFIG, opaque, &json!({})), &[]))
        .collect();
    let mut wires: Vec<Wire> = (0..20).map(|_| Wire::connect(&address)).collect();
    let topic = unique("bystander");
    wire::create_topic(&address, &topic, 1);
    for wire in &mut wires {
        wire.send(&asked).unwrap_or_else(|cause| panic!("{cause}"));
    }
    for _ in 0..200 {
        let reply = Wire::connect(&address).ask(SEND, &send_fields(&topic), b"undisturbed");
        assert_eq!(reply.code(), 0, "{reply:?}");
        let bytes = private_bytes(&target);
        assert!(bytes < 64 * MIB, "{bytes} bytes are held");
    }
}
