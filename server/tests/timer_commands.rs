//! `remora message timers` and what /metrics says of delayed messages.
mod common;

use common::Cluster;
use serde_json::{Value, json};

#[test]
fn waiting_messages_are_listed_moved_and_cancelled() {
    let cluster = Cluster::start();
    let listed = |args: &[&str]| cluster.json(&[&["message", "timers", "list"], args].concat());
    assert_eq!(cluster.run(&["message", "timers", "list"]), "no timer message waits\n");
    for (body, delay) in [("later", "TIMER_DELAY_SEC=7200"), ("soon", "TIMER_DELAY_SEC=3600")] {
        cluster.run(&["send", "orders", body, "--keys", body, "--property", delay]);
    }
    cluster.run(&["send", "orders", "level", "--property", "DELAY=18"]);
    let found = listed(&["--topic", "orders"]);
    let keys = |found: &Value| -> Vec<String> {
        let timers = found.as_array().into_iter().flatten();
        timers.map(|timer| timer["keys"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(keys(&found), ["soon", "later"]);
    assert_eq!(listed(&["--topic", "others"]), json!([]));
    let soon = found[0]["msgId"].as_str().expect("an id").to_owned();
    assert_eq!(listed(&["--id", &soon]), json!([found[0]]));
    let shown = cluster.run(&["message", "timers", "list", "--max", "1"]);
    assert!(shown.contains("DUE") && shown.contains(&soon), "{shown}");

    let moved = ["message", "timers", "move", "--topic", "orders", "--id", &soon, "--in", "3h"];
    cluster.run(&moved);
    let found = listed(&[]);
    assert_eq!(keys(&found), ["later", "soon"]);
    let later = found[0]["recallHandle"].as_str().expect("a handle").to_owned();
    let cancelled = cluster.run(&["message", "timers", "cancel", &later, "-o", "json"]);
    assert_eq!(cancelled, format!("{}\n", json!({ "msgId": found[0]["msgId"] })));
    assert_eq!(keys(&listed(&[])), ["soon"]);

    cluster.fails(&["message", "timers", "cancel", &later], 1, &["it never did, was withdrawn"]);
    cluster.fails(&["message", "timers", "cancel", "forged"], 1, &["recall handle"]);
    let unknown = ["message", "timers", "cancel", "--topic", "orders", "--id", "nobody's"];
    cluster.fails(&unknown, 3, &["none with this id waits"]);
    let soon = found[1]["recallHandle"].as_str().expect("a handle");
    cluster.fails(&["message", "timers", "move", soon, "--in", "soon"], 2, &["'soon' is no time"]);
    cluster.fails(
        &["message", "timers", "move", soon, "--at", "2020-01-01"],
        1,
        &["later than now"],
    );

    // As of the last pass, which comes with the next message that is due.
    let has = |line: &str| cluster.metrics().lines().any(|found| found.ends_with(line));
    assert!(has("kind=\"level\"} 1.0") || has("kind=\"level\"} 0.0"), "{}", cluster.metrics());
    for name in ["overdue_seconds", "late_seconds_total", "delivered_total", "withdrawn_total"] {
        assert!(cluster.metrics().contains(&format!("\nremora_timers_{name}{{")), "{name}");
    }
}
