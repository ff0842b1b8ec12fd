//! The client in Python that was written from the specification alone.

use std::{
    path::Path,
    process::{Command, Output},
};

use remora_tests::{Target, target::unique};
use serde_json::{Value, json};

fn client(target: &Target, args: &[&str]) -> Output {
    let program =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol-spec/examples/remora_client.py");
    let mut command = Command::new("python3");
    command.arg(program).arg(target.nameserver()).args(args);
    command.output().unwrap_or_else(|cause| panic!("{command:?}: {cause}"))
}

/// The JSON lines that it printed; it must have succeeded.
#[track_caller]
fn lines(target: &Target, args: &[&str]) -> Vec<Value> {
    let output = client(target, args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).unwrap_or(Value::Null)).collect()
}

#[test]
#[cfg_attr(no_python, ignore = "skipped: no Python")]
fn a_client_written_from_the_specification_sends_and_pulls() {
    let target = Target::shared();
    let topic = unique("python");
    let mut sent = Vec::new();
    for n in 0..4 {
        let (text, key) = (format!("from python {n} \u{e4}\u{6f22}"), format!("key-{n}"));
        let tag = ["A", "B"].get(n % 2).copied().unwrap_or_default();
        let args = ["send", &topic, &text, "--tag", tag, "--key", &key];
        let answer = lines(&target, &args).remove(0)["sent"].clone();
        sent.push((text.clone(), answer));
    }

    let group = unique("python-group");
    let pulled = lines(&target, &["pull", &topic, "--count", "4", "--group", &group]);
    let seen = |message: &Value| {
        let message = &message["message"];
        json!([message["body"], message["queueId"], message["queueOffset"], message["msgId"]])
    };
    let mut messages: Vec<Value> =
        pulled.iter().filter(|line| !line["message"].is_null()).map(seen).collect();
    messages.sort_by_key(|message| message[0].to_string());
    let expected: Vec<Value> = sent
        .iter()
        .map(|(text, answer)| {
            json!([text, answer["queueId"], answer["queueOffset"], answer["msgId"]])
        })
        .collect();
    assert_eq!(messages, expected);
    assert!(pulled.last().is_some_and(|line| line["committed"].is_object()), "{pulled:?}");

    // The group has consumed everything; another one by tag has not.
    let again = client(&target, &["pull", &topic, "--group", &group, "--wait", "0"]);
    assert_eq!(again.status.code(), Some(1));
    let tagged = ["pull", &topic, "--count", "2", "--group", &unique("python-group"), "--tag", "B"];
    let tagged: Vec<String> = lines(&target, &tagged)
        .iter()
        .filter_map(|line| line["message"]["properties"]["TAGS"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(tagged, ["B", "B"]);
}
