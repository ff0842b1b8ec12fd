//! The program as a person and a service manager see it: output, exit codes, signals.
mod common;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use common::{
    Cluster, Program, cluster_command, http_get, output, remora, standalone_args, stderr, stdout,
};
use serde_json::{Value, json};

#[test]
fn help_fits_a_screen_and_every_command_has_its_own() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let text = stdout(&help);
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.contains("remora standalone") && text.contains("remora send orders"), "{text}");
    let standalone = stdout(&output(&["standalone", "--help"]));
    for option in [
        "--data-dir",
        "--nameserver-listen",
        "--broker-listen",
        "--http-listen",
        "--flush",
        "--memory-limit",
        "--config",
        "--broker-conf",
        "Examples:",
    ] {
        assert!(standalone.contains(option), "{option} in {standalone}");
    }
    assert_eq!(output(&["standaloen"]).status.code(), Some(2));
}

#[test]
fn a_misspelt_setting_is_refused_with_the_right_name() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let file = folder.path().join("remora.toml");
    std::fs::write(&file, "[store]\nflsh = \"sync\"\n").expect("written");
    let refused = output(&["standalone", "--config", &file.display().to_string()]);
    assert_eq!(refused.status.code(), Some(78));
    let text = stderr(&refused);
    assert!(
        text.contains("line 2: unknown key 'store.flsh'; did you mean 'store.flush'?"),
        "{text}"
    );

    for (args, expected) in [
        (
            vec!["standalone", "--flush", "maybe"],
            "--flush: 'store.flush' is 'maybe', expected async or sync",
        ),
        (
            vec!["broker", "--set", "store.flsh=sync"],
            "unknown key 'store.flsh'; did you mean 'store.flush'?",
        ),
        (
            vec!["standalone", "--broker-listen", "10911"],
            "--broker-listen is '10911', expected IP:PORT",
        ),
        (vec!["standalone", "--advertise", "a b"], "advertised address 'a b'"),
        (vec!["standalone", "--log-level", "remora=loud"], "log level 'remora=loud'"),
    ] {
        let refused = output(&args);
        assert_eq!(refused.status.code(), Some(78), "{args:?}: {}", stderr(&refused));
        assert!(stderr(&refused).contains(expected), "{args:?}: {}", stderr(&refused));
    }
}

#[test]
fn settings_that_would_break_a_promise_do_not_start() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let file = folder.path().join("broker.conf");
    std::fs::write(&file, "brokerName=b\naclEnable=true\nbrokerRole=SYNC_MASTER\n")
        .expect("written");
    let refused = output(&["broker", "--broker-conf", &file.display().to_string()]);
    assert_eq!(refused.status.code(), Some(78));
    let text = stderr(&refused);
    assert!(
        text.contains("line 2: 'aclEnable' = 'true': access control is not there yet"),
        "{text}"
    );
    assert!(text.contains("line 3: 'brokerRole' = 'SYNC_MASTER': replication"), "{text}");
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let addr = taken.local_addr().expect("an address").to_string();
    for flag in ["--nameserver-listen", "--broker-listen", "--http-listen"] {
        let folder = tempfile::tempdir().expect("temporary directory");
        let mut args = standalone_args(folder.path());
        args.extend([flag.to_owned(), addr.clone()]);
        args.remove(args.iter().position(|arg| arg == flag).expect("there") + 1);
        args.remove(args.iter().position(|arg| arg == flag).expect("there"));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let refused = output(&args);
        let text = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{text}");
        assert!(
            text.contains(&format!("{addr} is already in use")) && text.contains(flag),
            "{text}"
        );
        assert!(!folder.path().join("commitlog").exists(), "the store was opened before the ports");
    }
}

#[test]
fn standalone_serves_until_sigterm_and_keeps_its_messages() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let program = Program::start(&standalone_args(folder.path()));
    let (nameserver, http) = (program.address("nameserver"), program.address("http"));
    assert!(http_get(&http, "/healthz").starts_with("HTTP/1.1 200"));
    let ready = http_get(&http, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"ready\":true"), "{ready}");

    let sent = cluster_command(
        &nameserver,
        &["send", "orders", "hello", "--tags", "a", "--keys", "k1", "--output", "json"],
    );
    assert_eq!(sent.status.code(), Some(0), "{}", stderr(&sent));
    let receipt: Value = serde_json::from_str(&stdout(&sent)).expect("JSON");
    assert_eq!(
        (receipt["status"].as_str(), receipt["queueOffset"].as_i64()),
        (Some("SEND_OK"), Some(0))
    );
    let metrics = http_get(&http, "/metrics");
    let counted = metrics.lines().any(|line| {
        line.starts_with("rocketmq_messages_in_total{")
            && line.contains("topic=\"orders\"")
            && line.ends_with(" 1.0")
    });
    assert!(counted, "{metrics}");
    let (code, out) = program.terminate();
    assert_eq!(code, 0);
    assert!(
        out.contains("The Name Server boot success. serializeType=JSON, address 127.0.0.1:"),
        "{out}"
    );
    assert!(out.contains("The broker[broker-a, 127.0.0.1:"), "{out}");

    let program = Program::start(&standalone_args(folder.path()));
    let nameserver = program.address("nameserver");
    let tail = cluster_command(
        &nameserver,
        &["tail", "orders", "--from-start", "--max", "1", "--output", "json"],
    );
    let message: Value = serde_json::from_str(&stdout(&tail)).expect("JSON");
    assert_eq!((message["body"].as_str(), message["tags"].as_str()), (Some("hello"), Some("a")));
    assert_eq!(message["msgId"], receipt["msgId"]);
    let found = cluster_command(
        &nameserver,
        &["message", "query", "orders", "--key", "k1", "--output", "json"],
    );
    let found: Value = serde_json::from_str(&stdout(&found)).expect("JSON");
    assert_eq!(found["msgId"], receipt["msgId"]);
    let metrics = http_get(&program.address("http"), "/metrics");
    for name in [
        "rocketmq_topic_number{",
        "rocketmq_consumer_lag_messages",
        "rocketmq_storage_size{",
        "rocketmq_storage_flush_behind_bytes{",
        "rocketmq_storage_dispatch_behind_bytes{",
        "rocketmq_throughput_in_total{",
        "remora_build_info{version=",
        "process_open_fds ",
        "remora_connections{listener=\"broker\"}",
        "remora_nameserver_brokers 1.0",
    ] {
        assert!(metrics.contains(name), "{name} in {metrics}");
    }
    assert_eq!(program.terminate().0, 0);
}

#[test]
fn topics_are_made_listed_described_and_deleted() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let program = Program::start(&standalone_args(folder.path()));
    let nameserver = program.address("nameserver");
    let made = cluster_command(&nameserver, &["topic", "create", "orders", "--queues", "3"]);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let listed = cluster_command(&nameserver, &["topic", "list", "--output", "json"]);
    assert_eq!(stdout(&listed).trim(), "[\"orders\"]");
    let status = cluster_command(&nameserver, &["topic", "status", "orders", "--output", "json"]);
    let status: Value = serde_json::from_str(&stdout(&status)).expect("JSON");
    assert_eq!(status["queues"].as_array().map(Vec::len), Some(3));
    assert_eq!(status["attributes"], json!({}));
    let missing = cluster_command(&nameserver, &["topic", "status", "ordres"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(stderr(&missing).contains("did you mean 'orders'?"), "{}", stderr(&missing));
    let unasked = cluster_command(&nameserver, &["topic", "delete", "orders"]);
    assert_eq!(unasked.status.code(), Some(1));
    let deleted = cluster_command(&nameserver, &["topic", "delete", "orders", "--yes"]);
    assert_eq!(deleted.status.code(), Some(0), "{}", stderr(&deleted));
    assert_eq!(
        stdout(&cluster_command(&nameserver, &["topic", "list", "-o", "json"])).trim(),
        "[]"
    );
    assert_eq!(program.terminate().0, 0);
}

#[test]
fn attributes_of_a_topic_are_set_shown_and_taken_away() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let program = Program::start(&standalone_args(folder.path()));
    let nameserver = program.address("nameserver");
    let create = |more: &[&str]| {
        cluster_command(&nameserver, &[&["topic", "create", "orders"], more].concat())
    };
    let shown = || stdout(&cluster_command(&nameserver, &["topic", "status", "orders"]));
    let pairs = ["--attribute", "message.type=FIFO", "--attribute", "remora.deduplicate=false"];
    let made = create(&pairs);
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let lines = shown();
    assert!(lines.starts_with("message.type=FIFO\nremora.deduplicate=false\n"), "{lines}");
    let changed = create(&["--without-attribute", "message.type"]);
    assert_eq!(changed.status.code(), Some(0), "{}", stderr(&changed));
    assert!(shown().starts_with("remora.deduplicate=false\n"));

    let unknown = create(&["--attribute", "message.type=fifo"]);
    assert_ne!(unknown.status.code(), Some(0));
    let why = stderr(&unknown);
    assert!(why.contains("'message.type' is 'fifo', expected NORMAL, FIFO"), "{why}");
    let bare = create(&["--attribute", "message.type"]);
    assert_eq!(bare.status.code(), Some(2));
    assert!(stderr(&bare).contains("expected NAME=VALUE"), "{}", stderr(&bare));
    assert_eq!(program.terminate().0, 0);
}

#[test]
fn a_stop_does_not_wait_for_consumers_that_hold_pulls() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let program = Program::start(&standalone_args(folder.path()));
    let nameserver = program.address("nameserver");
    let sent = cluster_command(&nameserver, &["send", "orders", "one"]);
    assert_eq!(sent.status.code(), Some(0), "{}", stderr(&sent));
    let args = ["tail", "orders", "--from-start", "--nameserver", &nameserver];
    let mut tail =
        remora(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("remora runs");
    let mut lines = BufReader::new(tail.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("text");
    assert!(first.ends_with("one"), "{first}");
    let (code, _) = program.terminate();
    tail.kill().expect("killed");
    tail.wait().expect("ended");
    assert_eq!(code, 0);
}

#[test]
fn a_broker_and_a_nameserver_in_two_processes_find_each_other() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let mut args: Vec<String> =
        ["nameserver", "--nameserver-listen", "127.0.0.1:0"].map(str::to_owned).into();
    let common = |name: &str| {
        let data = folder.path().join(name).display().to_string();
        ["--http-listen", "127.0.0.1:0", "--log-format", "json", "--data-dir", &data]
            .map(str::to_owned)
    };
    args.extend(common("nameserver"));
    let nameserver = Program::start(&args);
    let addr = nameserver.address("nameserver");
    let mut args: Vec<String> = ["broker", "--broker-listen", "127.0.0.1:0", "--nameserver", &addr]
        .map(str::to_owned)
        .into();
    args.extend(common("broker"));
    let broker = Program::start(&args);
    let sent = cluster_command(&addr, &["send", "orders", "hello"]);
    assert_eq!(sent.status.code(), Some(0), "{}", stderr(&sent));
    assert_eq!(broker.terminate().0, 0);
    let gone = cluster_command(&addr, &["tail", "orders", "--from-start"]);
    assert_eq!(gone.status.code(), Some(3), "{}", stderr(&gone));
    assert_eq!(nameserver.terminate().0, 0);
    assert!(!folder.path().join("nameserver").exists(), "a nameserver without KV writes nothing");
}

#[test]
fn a_data_directory_has_one_owner() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let program = Program::start(&standalone_args(folder.path()));
    let args = standalone_args(folder.path());
    let second = output(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(second.status.code(), Some(78), "{}", stderr(&second));
    assert!(stderr(&second).contains("locked by another process"), "{}", stderr(&second));
    assert_eq!(program.terminate().0, 0);
}

#[test]
fn broker_conf_names_the_broker_and_is_shown_with_origins() {
    let folder = tempfile::tempdir().expect("temporary directory");
    let file = folder.path().join("broker.conf");
    std::fs::write(&file, "brokerName=east-1\nbrokerClusterName=east\nlistenPrt=1\n")
        .expect("written");
    let file = file.display().to_string();
    let mut args = standalone_args(&folder.path().join("data"));
    args.extend(["--broker-conf".to_owned(), file.clone()]);
    let program = Program::start(&args);
    let warned = program.said.iter().any(|line| line.contains("did you mean 'listenPort'?"));
    assert!(warned, "{:#?}", program.said);
    let (code, out) = program.terminate();
    assert_eq!(code, 0);
    assert!(out.contains("The broker[east-1, "), "{out}");

    let shown = output(&["config", "show", "--origin", "--broker-conf", &file, "--flush", "sync"]);
    let text = stdout(&shown);
    let line =
        |key: &str| text.lines().find(|line| line.trim_start().starts_with(key)).map(str::to_owned);
    assert!(
        line("broker.name ").is_some_and(|l| l.contains("east-1") && l.contains("line 1")),
        "{text}"
    );
    assert!(
        line("store.flush ").is_some_and(|l| l.contains("SYNC_FLUSH") && l.contains("--flush")),
        "{text}"
    );
}

#[test]
fn an_absent_nameserver_is_exit_code_five() {
    let free = TcpListener::bind("127.0.0.1:0").expect("bound");
    let addr = free.local_addr().expect("an address").to_string();
    drop(free);
    let failed = cluster_command(&addr, &["topic", "list"]);
    assert_eq!(failed.status.code(), Some(5), "{}", stderr(&failed));
    assert!(stderr(&failed).contains(&addr), "{}", stderr(&failed));
}

#[test]
fn dead_letters_are_listed_shown_and_sent_again_once() {
    let cluster = Cluster::start();
    assert_eq!(cluster.run(&["dlq", "list"]), "no group has dead letters\n");
    cluster.fails(&["dlq", "show", "nobody"], 3, &["'nobody'"]);

    // As a broker leaves them.
    for (body, tags) in [("first", "a"), ("second", "b")] {
        let origin = ["--property", "RETRY_TOPIC=orders", "--property", "REAL_QID=0"];
        let sent = ["send", "%DLQ%workers", body, "--tags", tags, "--keys", "k"];
        cluster.run(&[&sent[..], &origin].concat());
    }
    cluster.run(&["send", "orders", "new"]);
    let listed = cluster.json(&["dlq", "list"]);
    let last_ms = listed[0]["lastTimestampMs"].clone();
    let expected =
        json!([{ "group": "workers", "stored": 2, "open": 2, "lastTimestampMs": last_ms }]);
    assert_eq!(listed, expected);
    let shown = cluster.run(&["dlq", "show", "workers"]);
    assert!(shown.contains("first") && shown.contains("topic=orders"), "{shown}");

    let replay = ["dlq", "replay", "workers", "--to", "topic", "--rate", "1000", "-o", "json"];
    let once = cluster.run(&[&replay[..], &["--max", "1"]].concat());
    assert_eq!(once, "{\"notSent\":0,\"sent\":1}\n");
    assert_eq!(cluster.run(&replay), "{\"notSent\":0,\"sent\":1}\n");
    assert_eq!(cluster.run(&replay), "{\"notSent\":0,\"sent\":0}\n");
    let tailed = cluster.run(&["tail", "orders", "--from-start", "--no-wait", "-o", "json"]);
    let tailed = tailed.lines().map(|line| {
        let message: Value = serde_json::from_str(line).expect("JSON");
        let has = |name: &str| message["properties"].get(name).is_some();
        assert!(!has("RETRY_TOPIC") && !has("REAL_QID"), "{message}");
        (message["body"].to_string(), message["tags"].to_string())
    });
    let mut tailed: Vec<(String, String)> = tailed.collect();
    tailed.sort();
    let message = |body: &str, tags: &str| (format!("\"{body}\""), tags.to_owned());
    let expected = [message("first", "\"a\""), message("new", "null"), message("second", "\"b\"")];
    assert_eq!(tailed, expected);
}

#[test]
fn transactions_without_an_end_are_listed_with_their_age_and_checks() {
    let cluster = Cluster::start();
    assert_eq!(cluster.run(&["transaction", "list"]), "no half message waits for its end\n");
    let half = ["--property", "TRAN_MSG=true", "--property", "PGROUP=payers"];
    cluster.run(&[&["send", "orders", "paid"][..], &half].concat());
    let listed = cluster.json(&["transaction", "list", "--group", "payers"]);
    let only = |name: &str| listed[0][name].clone();
    assert_eq!(
        (only("topic"), only("group"), only("checks")),
        (json!("orders"), json!("payers"), json!(0))
    );
    assert!(only("ageMs").as_i64().is_some_and(|ms| ms >= 0), "{listed}");
    let shown = cluster.run(&["transaction", "list"]);
    assert!(shown.contains("NEXT CHECK IN") && shown.contains("payers"), "{shown}");
    let of_others = cluster.run(&["transaction", "list", "--topic", "others"]);
    assert_eq!(of_others, "no half message waits for its end\n");
}
