//! Commands that send and measure, and those that watch.

use remora_tests::{Target, interop};

use super::{broker_name, filled, mqadmin, mqadmin_until, rows};

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn response_times_of_sends_are_measured() {
    let (java, target) = (interop::java(), Target::shared());
    let (_, topic, _) = filled(java, &target, 2, 1);
    let name = broker_name(java, &target);
    let measured = mqadmin(java, &target, &["checkMsgSendRT", "-t", &topic, "-a", "4"]);
    let sends: Vec<[&str; 2]> = rows(&measured)
        .into_iter()
        .filter(|row| row[0] == name)
        .map(|row| [row[0], row[2]])
        .collect();
    assert_eq!(sends, [[name.as_str(), "true"]; 4], "{measured}");
    assert!(measured.contains("Avg RT: "), "{measured}");

    let status = mqadmin(java, &target, &["sendMsgStatus", "-b", &name, "-c", "3"]);
    assert_eq!(status.matches("sendStatus=SEND_OK").count(), 3, "{status}");
    assert!(status.contains(&format!("topic={name}, brokerName={name}")), "{status}");

    let round = ["clusterRT", "-c", "DefaultCluster", "-a", "3", "-i", "1"];
    let measured = mqadmin_until(java, &target, &round, &name);
    let row = &rows(&measured)[0];
    assert_eq!([row[0], row[1], row[3], row[4]], ["DefaultCluster", &name, "3", "0"], "{measured}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn monitoring_consumes_the_topic_of_moved_offsets() {
    let java = interop::java();
    // Its consumers stay: a server of its own.
    let target = Target::fresh(&remora_tests::Options::default());
    mqadmin(java, &target, &["startMonitoring"]);
    let connected = mqadmin(java, &target, &["consumerConnection", "-g", "__MONITOR_CONSUMER"]);
    assert!(rows(&connected).contains(&vec!["OFFSET_MOVED_EVENT", "*"]), "{connected}");
}

#[test]
#[cfg_attr(no_java, ignore = "skipped: no JDK or Maven")]
fn queues_are_shared_out_among_addresses() {
    let (java, target) = (interop::java(), Target::shared());
    let (_, topic, _) = filled(java, &target, 2, 1);
    let name = broker_name(java, &target);
    let shared = mqadmin(java, &target, &["allocateMQ", "-t", &topic, "-i", "10.0.0.1,10.0.0.2"]);
    let shared: serde_json::Value = serde_json::from_str(&shared).unwrap_or_default();
    let mut queues: Vec<_> = ["10.0.0.1", "10.0.0.2"]
        .map(|address| shared["result"][address][0].clone())
        .into_iter()
        .collect();
    queues.sort_by_key(|queue| queue["queueId"].as_i64());
    let queue = |id: i64| serde_json::json!({"brokerName": name, "queueId": id, "topic": topic});
    assert_eq!(queues, [queue(0), queue(1)]);
}
