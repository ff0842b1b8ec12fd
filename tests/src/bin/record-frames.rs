//! Records golden frames: what the official Java and Go clients and Apache's server really say to
//! each other.
//!
//! `cargo run -p remora-tests --bin record-frames` rewrites
//! `protocol-spec/vectors/recorded-java.json` and
//! `recorded-go.json`. One frame of each kind is kept, small ones only.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use remora_tests::{
    Driver, apache,
    apache::ApachePlace,
    interop,
    ports::Ports,
    recording_proxy::{Recorded, RecordingProxy},
    target::unique,
};
use serde_json::{Value, json};

const FRAME_BYTES_KEPT_MAX: usize = 3000;
/// Apache's server listens here; on 127.0.0.1, where clients look for it, stand the proxies.
const SERVER: &str = "127.0.0.2";

fn main() -> Result<()> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol-spec/vectors");
    let names = code_names(&vectors.with_file_name("schema"))?;
    for (client, file) in [("Java", "recorded-java.json"), ("Go", "recorded-go.json")] {
        let frames = record(client)?;
        let kept = keep(&frames, client, &names);
        println!("{file}: {} of {} frames", kept.len(), frames.len());
        let mut text = serde_json::to_string_pretty(&kept)?;
        text.push('\n');
        let path = vectors.join(file);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Runs the client's whole repertoire through the proxies.
fn record(client: &str) -> Result<Vec<Recorded>> {
    let home = tempfile::tempdir()?;
    let ports = Ports::free(SERVER);
    let proxy = |port: u16| {
        RecordingProxy::start(&format!("127.0.0.1:{port}"), &format!("{SERVER}:{port}"))
    };
    let nameserver_frames = proxy(ports.nameserver)?;
    let broker_frames = proxy(ports.broker)?;
    let server = apache::start(&ApachePlace {
        dir: home.path().to_owned(),
        bind: SERVER.to_owned(),
        ports,
        config: json!({ "namesrvAddr": format!("127.0.0.1:{}", ports.nameserver) }),
    });
    let nameserver = format!("127.0.0.1:{}", ports.nameserver);
    let broker = format!("127.0.0.1:{}", ports.broker);
    if client == "Java" {
        java_repertoire(interop::java(), &nameserver, &broker);
    } else {
        go_repertoire(interop::go(), &nameserver, &broker);
    }
    server.close();
    let mut frames = nameserver_frames.frames();
    // Connections of the two proxies must not be taken for one another.
    let offset = frames.iter().map(|frame| frame.connection + 1).max().unwrap_or(0);
    frames.extend(broker_frames.frames().into_iter().map(|mut frame| {
        frame.connection += offset;
        frame
    }));
    Ok(frames)
}

fn messages(count: usize) -> Value {
    (0..count)
        .map(|n| {
            json!({ "body": format!("body-{n}"), "tags": "TagA", "keys": format!("key-{n} all"),
                    "props": { "colour": "blue" } })
        })
        .collect()
}

fn java_repertoire(java: &Driver, nameserver: &str, broker: &str) {
    let topic = "recorded";
    java.ask("producer", &json!({ "producer": "p", "group": "p-group", "nameserver": nameserver }));
    java.ask("createTopic", &json!({ "producer": "p", "topic": topic, "queues": 1 }));
    for manner in ["sync", "oneway", "batch"] {
        java.run(
            "send",
            &json!({ "producer": "p", "topic": topic, "manner": manner, "messages": messages(2) }),
        );
    }
    java.run(
        "send",
        &json!({ "producer": "p", "topic": "created-by-send", "messages": messages(1) }),
    );
    let push = java.call(
        "push",
        &json!({ "consumer": "c", "group": "c-group", "nameserver": nameserver, "topic": topic, "tags": "TagA || TagB" }),
    );
    push.expect("started");
    push.take("received", 6);
    java.ask("push.stop", &json!({ "consumer": "c" }));
    java.ask(
        "pull.start",
        &json!({ "consumer": "q", "group": "q-group", "nameserver": nameserver }),
    );
    java.run("pull.drain", &json!({ "consumer": "q", "topic": topic }));
    java.ask("pull.commit", &json!({ "consumer": "q", "topic": topic, "offset": 2 }));
    java.ask("pull.committed", &json!({ "consumer": "q", "topic": topic }));
    java.run("pull", &json!({ "consumer": "q", "topic": topic, "offset": 1000 }));
    java.ask("pull.stop", &json!({ "consumer": "q" }));
    java.ask(
        "lite",
        &json!({ "consumer": "l", "group": "l-group", "nameserver": nameserver, "topic": topic }),
    );
    java.run("lite.poll", &json!({ "consumer": "l", "count": 6 }));
    java.ask("lite.stop", &json!({ "consumer": "l" }));
    java.run(
        "queryByKey",
        &json!({ "producer": "p", "topic": topic, "key": "key-0", "atLeast": 3 }),
    );
    java.ask("offsets", &json!({ "producer": "p", "topic": topic, "timestamp": 1 }));
    let sent =
        java.run("send", &json!({ "producer": "p", "topic": topic, "messages": messages(1) }));
    java.ask(
        "viewMessage",
        &json!({ "producer": "p", "topic": topic, "msgId": sent[0]["offsetMsgId"] }),
    );
    for command in [
        &["clusterList"][..],
        &["topicList"],
        &["topicRoute", "-t", topic],
        &["topicStatus", "-t", topic],
        &["consumerProgress", "-g", "c-group"],
        &["updateSubGroup", "-c", "DefaultCluster", "-g", "admin-group"],
        &["deleteSubGroup", "-c", "DefaultCluster", "-g", "admin-group"],
        &["updateKvConfig", "-s", "ns", "-k", "key", "-v", "value"],
        &["deleteKvConfig", "-s", "ns", "-k", "key"],
        &["updateBrokerConfig", "-b", broker, "-k", "fileReservedTime", "-v", "71"],
        &["wipeWritePerm", "-b", "broker-a"],
        &["addWritePerm", "-b", "broker-a"],
        &["deleteTopic", "-c", "DefaultCluster", "-t", "created-by-send"],
    ] {
        let args: Vec<&str> = command.iter().copied().chain(["-n", nameserver]).collect();
        java.ask("mqadmin", &json!({ "args": args }));
    }
    java.ask("producer.stop", &json!({ "producer": "p" }));
}

fn go_repertoire(go: &Driver, nameserver: &str, broker: &str) {
    let topic = unique("recorded");
    let servers =
        json!({ "nameserver": nameserver, "broker": broker, "topic": topic, "queues": 1 });
    go.ask("createTopic", &servers);
    go.ask("producer", &json!({ "producer": "p", "group": "p-group", "nameserver": nameserver }));
    for manner in ["sync", "async", "oneway", "batch"] {
        go.run(
            "send",
            &json!({ "producer": "p", "topic": topic, "manner": manner, "messages": messages(2) }),
        );
    }
    let push = go.call(
        "push",
        &json!({ "consumer": "c", "group": "c-group", "nameserver": nameserver, "topic": topic, "tags": "TagA || TagB" }),
    );
    push.expect("started");
    push.take("received", 8);
    go.ask("push.stop", &json!({ "consumer": "c" }));
    go.run(
        "pull",
        &json!({ "consumer": "q", "group": "q-group", "nameserver": nameserver, "topic": topic, "tags": "*", "count": 8 }),
    );
    go.ask("listTopics", &servers);
    go.ask("deleteTopic", &servers);
    go.ask("producer.stop", &json!({ "producer": "p" }));
}

/// The names of all request codes, from the schema.
fn code_names(schema: &PathBuf) -> Result<BTreeMap<i64, String>> {
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(schema)? {
        let area: Value = serde_json::from_slice(&fs::read(entry?.path())?)?;
        for code in area["codes"].as_array().into_iter().flatten() {
            if let (Some(number), Some(name)) = (code["code"].as_i64(), code["name"].as_str()) {
                names.insert(number, name.to_owned());
            }
        }
    }
    Ok(names)
}

/// The JSON header of a frame; none when it is written otherwise.
fn header(frame: &[u8]) -> Option<Value> {
    let word = u32::from_be_bytes(frame.get(4..8)?.try_into().ok()?);
    let header_bytes = usize::try_from(word & 0xFF_FFFF).ok()?;
    (word >> 24 == 0).then(|| serde_json::from_slice(frame.get(8..8 + header_bytes)?).ok())?
}

/// The first small frame of each kind: who sent it, to which request code, with which answer and
/// language.
fn keep(frames: &[Recorded], client: &str, names: &BTreeMap<i64, String>) -> Vec<Value> {
    // Both sides count their own requests: the answer to a request goes the other way on the same
    // connection.
    let mut asked: HashMap<(usize, bool, i64), i64> = HashMap::new();
    let mut kept: BTreeMap<String, Value> = BTreeMap::new();
    for frame in frames {
        let Some(header) = header(&frame.bytes) else { continue };
        let (code, opaque) =
            (header["code"].as_i64().unwrap_or(-1), header["opaque"].as_i64().unwrap_or(-1));
        let flags = header["flag"].as_i64().unwrap_or(0);
        let side = if frame.from_client { "client" } else { "server" };
        let (name, meaning) = if flags & 1 == 1 {
            let key = (frame.connection, !frame.from_client, opaque);
            let Some(request) = asked.get(&key) else { continue };
            let request_name = names.get(request).map_or("UNKNOWN", String::as_str);
            (
                format!("{request_name}_reply_{code}"),
                format!("The {side}'s answer {code} to request {request} {request_name}."),
            )
        } else {
            asked.insert((frame.connection, frame.from_client, opaque), code);
            let request_name = names.get(&code).map_or("UNKNOWN", String::as_str);
            let manner = if flags & 2 == 2 { "_oneway" } else { "" };
            let way = if manner.is_empty() { "Request" } else { "One-way request" };
            (
                format!("{request_name}{manner}"),
                format!("{way} {code} {request_name} of the {side}."),
            )
        };
        if frame.bytes.len() > FRAME_BYTES_KEPT_MAX {
            continue;
        }
        let name = format!("{}_{}", client.to_lowercase(), name.to_lowercase());
        kept.entry(name.clone()).or_insert_with(|| {
            let by = match header["language"].as_str() {
                Some("GO") => "rocketmq-client-go v2.1.2",
                _ if flags & 1 == 1 || !frame.from_client => {
                    "Apache RocketMQ 5.5.0 broker or nameserver"
                }
                _ => "Apache RocketMQ 5.5.0 Java client, mqadmin or broker",
            };
            json!({ "name": name, "meaning": meaning, "produced_by": by, "hex": hex(&frame.bytes) })
        });
    }
    kept.into_values().collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
