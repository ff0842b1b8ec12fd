//! `remora message timers` and what /metrics says of delayed messages.
mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{Program, cluster_command, standalone_args, stderr, stdout};
use serde_json::{Value, json};

fn metrics(server: &Program) -> String {
    let mut stream = TcpStream::connect(server.address("http")).expect("connected");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn waiting_messages_are_listed_moved_and_cancelled() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = Program::start(&standalone_args(dir.path()));
    let nameserver = server.address("nameserver");
    let run = |args: &[&str]| {
        let ended = cluster_command(&nameserver, args);
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {}", stderr(&ended));
        stdout(&ended)
    };
    let listed = |args: &[&str]| -> Value {
        let args = [&["message", "timers", "list", "-o", "json"], args].concat();
        serde_json::from_str(&run(&args)).expect("JSON")
    };
    let failed = |args: &[&str], code: i32, part: &str| {
        let ended = cluster_command(&nameserver, args);
        assert_eq!(ended.status.code(), Some(code), "{args:?}: {}", stdout(&ended));
        assert!(stderr(&ended).contains(part), "{args:?}: {}", stderr(&ended));
    };
    assert_eq!(run(&["message", "timers", "list"]), "no timer message waits\n");
    for (body, delay) in [("later", "TIMER_DELAY_SEC=7200"), ("soon", "TIMER_DELAY_SEC=3600")] {
        run(&["send", "orders", body, "--keys", body, "--property", delay]);
    }
    run(&["send", "orders", "level", "--property", "DELAY=18"]);
    let found = listed(&["--topic", "orders"]);
    let keys = |found: &Value| -> Vec<String> {
        let timers = found.as_array().into_iter().flatten();
        timers.map(|timer| timer["keys"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(keys(&found), ["soon", "later"]);
    assert_eq!(listed(&["--topic", "others"]), json!([]));
    let soon = found[0]["msgId"].as_str().expect("an id").to_owned();
    assert_eq!(listed(&["--id", &soon]), json!([found[0]]));
    let shown = run(&["message", "timers", "list", "--max", "1"]);
    assert!(shown.contains("DUE") && shown.contains(&soon), "{shown}");

    let moved = ["message", "timers", "move", "--topic", "orders", "--id", &soon, "--in", "3h"];
    run(&moved);
    let found = listed(&[]);
    assert_eq!(keys(&found), ["later", "soon"]);
    let later = found[0]["recallHandle"].as_str().expect("a handle").to_owned();
    let cancelled = run(&["message", "timers", "cancel", &later, "-o", "json"]);
    assert_eq!(cancelled, format!("{}\n", json!({ "msgId": found[0]["msgId"] })));
    assert_eq!(keys(&listed(&[])), ["soon"]);

    failed(&["message", "timers", "cancel", &later], 1, "it never did, was withdrawn");
    failed(&["message", "timers", "cancel", "forged"], 1, "recall handle");
    let unknown = ["message", "timers", "cancel", "--topic", "orders", "--id", "nobody's"];
    failed(&unknown, 3, "none with this id waits");
    let soon = found[1]["recallHandle"].as_str().expect("a handle");
    failed(&["message", "timers", "move", soon, "--in", "soon"], 2, "'soon' is no time");
    failed(&["message", "timers", "move", soon, "--at", "2020-01-01"], 1, "later than now");

    // As of the last pass, which comes with the next message that is due.
    let has = |line: &str| metrics(&server).lines().any(|found| found.ends_with(line));
    assert!(has("kind=\"level\"} 1.0") || has("kind=\"level\"} 0.0"), "{}", metrics(&server));
    for name in ["overdue_seconds", "late_seconds_total", "delivered_total", "withdrawn_total"] {
        assert!(metrics(&server).contains(&format!("\nremora_timers_{name}{{")), "{name}");
    }
}
