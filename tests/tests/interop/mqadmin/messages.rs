//! Messages by key, id and place.

use remora_tests::{Options, Target, interop};
use serde_json::json;

use super::{broker_name, filled, mqadmin, rows, value_of};

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn messages_are_found_by_key_id_unique_key_and_offset() {
    let (java, target) = (interop::java(), Target::shared());
    let (producer, topic, sent) = filled(java, &target, 1, 4);
    let text = |n: usize, field: &str| sent[n][field].as_str().unwrap_or_default().to_owned();
    // The index is written behind the log: asked through the client until it has the last message.
    let last = json!({ "producer": producer, "topic": topic, "key": "key-3", "atLeast": 1 });
    java.ask("queryByKey", &last);

    let by_key = mqadmin(java, &target, &["queryMsgByKey", "-t", &topic, "-k", "key-3"]);
    let found = rows(&by_key);
    assert_eq!(found.len(), 1, "{by_key}");
    assert_eq!(found[0][..3], [text(3, "msgId").as_str(), "0", "3"], "{by_key}");

    let offset_id = text(2, "offsetMsgId");
    let unique_id = text(2, "msgId");
    let name = broker_name(java, &target);
    for command in [
        &["queryMsgById", "-t", &topic, "-i", &offset_id][..],
        &["queryMsgByUniqueKey", "-t", &topic, "-i", &unique_id],
        &["queryMsgByOffset", "-t", &topic, "-b", &name, "-i", "0", "-o", "2"],
    ] {
        let printed = mqadmin(java, &target, command);
        let shown =
            ["Topic", "Tags", "Keys", "Queue ID", "Queue Offset", "Reconsume Times", "Store Host"]
                .map(|field| value_of(&printed, field).unwrap_or_default());
        let broker = target.broker();
        assert_eq!(shown, [&topic, "[T]", "[key-2]", "0", "2", "0", &broker], "{printed}");
        assert!(printed.contains(&format!("UNIQ_KEY={unique_id}")), "{printed}");
    }
    let printed = mqadmin(java, &target, &["printMsg", "-t", &topic, "-d", "true"]);
    for n in 0..4 {
        assert!(printed.contains(&format!("body-{n}")), "{printed}");
    }
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn queues_are_printed_message_by_message_and_entry_by_entry() {
    let (java, target) = (interop::java(), Target::shared());
    let (_, topic, _) = filled(java, &target, 1, 3);
    let name = broker_name(java, &target);
    let print = ["printMsgByQueue", "-a", &name, "-i", "0", "-t", &topic];
    let printed = mqadmin(java, &target, &[&print[..], &["-p", "true", "-d", "true"]].concat());
    let bodies: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.split_once("BODY: "))
        .map(|(_, body)| body)
        .collect();
    assert_eq!(bodies, ["body-0", "body-1", "body-2"], "{printed}");
    let counted = mqadmin(java, &target, &[&print[..], &["-f", "true"]].concat());
    assert_eq!(rows(&counted), [["Tag:", "T", "Count:", "3"]], "{counted}");

    let entries = ["queryCq", "-t", &topic, "-q", "0", "-i", "1", "-c", "5"];
    let entries = mqadmin(java, &target, &[&entries[..], &["-b", &target.broker()]].concat());
    assert!(entries.contains("max: 3, min: 0"), "{entries}");
    let indexes: Vec<&str> = entries.lines().filter(|line| line.starts_with("idx: ")).collect();
    assert_eq!(indexes, ["idx: 1", "idx: 2"], "{entries}");
    // The tag's hash in Java.
    assert_eq!(entries.matches("tagsCode=84,").count(), 2, "{entries}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn message_sent_by_hand_is_consumed_by_hand_and_leaves_a_trace() {
    let java = interop::java();
    let options = Options {
        remora_args: ["--set", "topic.trace=true"].map(str::to_owned).into(),
        apache_config: json!({ "traceTopicEnable": true }),
        ..Options::default()
    };
    let target = Target::fresh(&options);
    let (producer, topic, _) = filled(java, &target, 1, 2);
    // The tool keeps its producer: it sends by hand once in a JVM.
    let send = ["sendMessage", "-t", &topic, "-p", "by hand", "-k", "hand-key", "-c", "hand-tag"];
    let sent = mqadmin(java, &target, &[&send[..], &["-m", "true"]].concat());
    let row = rows(&sent)[0].clone();
    assert_eq!(row[2], "SEND_OK", "{sent}");
    let id = row[3];
    let consumed = mqadmin(java, &target, &["consumeMessage", "-t", &topic]);
    assert_eq!(consumed.lines().filter(|line| line.starts_with("MSGID:")).count(), 3, "{consumed}");
    assert!(consumed.contains("KEYS=hand-key") && consumed.contains("TAGS=hand-tag"), "{consumed}");

    let traces = json!({
        "producer": producer, "topic": "RMQ_SYS_TRACE_TOPIC", "key": id, "atLeast": 1,
    });
    java.ask("queryByKey", &traces);
    let trace = mqadmin(java, &target, &["queryMsgTraceById", "-i", id]);
    let row = &rows(&trace)[0];
    assert_eq!((row[0], row[row.len() - 1]), ("Pub", "success"), "{trace}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn apaches_reader_of_raw_logs_reads_a_log_of_ours() {
    let java = interop::java();
    let target = Target::fresh(&Options::default());
    let (_, topic, sent) = filled(java, &target, 1, 2);
    let log = target.store_dir().join("commitlog").join(format!("{:020}", 0));
    let folder = tempfile::tempdir().unwrap_or_else(|cause| panic!("{cause}"));
    let copy = folder.path().join("log");
    let bytes = std::fs::read(&log).unwrap_or_else(|cause| panic!("{}: {cause}", log.display()));
    let records = &bytes[..64 << 10];
    std::fs::write(&copy, records).unwrap_or_else(|cause| panic!("{cause}"));
    let dumped = mqadmin(java, &target, &["dumpCompactionLog", "-f", &copy.display().to_string()]);
    let of_topic: Vec<&str> = dumped.lines().filter(|line| line.contains(&topic)).collect();
    assert_eq!(of_topic.len(), 2, "{dumped}");
    for (line, sent) in of_topic.iter().zip(&sent) {
        let id = sent["msgId"].as_str().unwrap_or_default();
        assert!(line.contains(&format!("UNIQ_KEY={id}")), "{line}");
    }
}
